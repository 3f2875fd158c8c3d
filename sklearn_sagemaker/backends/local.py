"""The default backend: this process, no cloud."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator

from sklearn_sagemaker._state import (
    ModelState,
    Monitor,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker.training.blas import single_threaded_blas
from sklearn_sagemaker.training.factors.run import train_factors
from sklearn_sagemaker.training.factors.windows import WindowedFactorRun
from sklearn_sagemaker.training.linear.run import train_linear
from sklearn_sagemaker.training.linear.windows import WindowedLinearRun

TRAINERS = {
    "linear-learner": train_linear,
    "factorization-machines": train_factors,
}
"""Training run of each algorithm."""
WINDOWED: dict[str, Any] = {
    "linear-learner": WindowedLinearRun,
    "factorization-machines": WindowedFactorRun,
}
"""The same on rows that come in windows."""


class LocalBackend(BaseEstimator):
    """Trains in this process with the compiled kernels.

    Needs neither boto3 nor credentials nor a container. It is a value without
    settings: it clones, pickles and compares by type.

    Examples
    --------
    >>> from sklearn_sagemaker import LinearLearnerClassifier
    >>> from sklearn_sagemaker.backends import LocalBackend
    >>> LinearLearnerClassifier(backend=LocalBackend()).backend
    LocalBackend()
    """

    def train(
        self,
        spec: TrainingSpec,
        data: TrainingData | WindowedData,
        monitor: Monitor | None = None,
    ) -> ModelState:
        """Train the spec's algorithm on the data.

        Parameters
        ----------
        spec : TrainingSpec
        data : TrainingData or WindowedData
        monitor : callable or None
            Called after each epoch; a true answer ends the training.

        Returns
        -------
        state : ModelState
        """
        with single_threaded_blas():
            if isinstance(data, WindowedData):
                return WINDOWED[spec.algorithm](spec, data).train(monitor)
            return TRAINERS[spec.algorithm](spec, data, monitor)
