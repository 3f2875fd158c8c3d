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
from sklearn_sagemaker.training.factors.run import FactorRun
from sklearn_sagemaker.training.factors.stream import FactorStream
from sklearn_sagemaker.training.linear.run import LinearRun
from sklearn_sagemaker.training.linear.stream import LinearStream

RUNS: dict[str, Any] = {
    "linear-learner": LinearRun,
    "factorization-machines": FactorRun,
}
"""Training run of each algorithm, on arrays or on windows."""
STREAMS: dict[str, Any] = {
    "linear-learner": LinearStream,
    "factorization-machines": FactorStream,
}
"""The same for the next rows of a stream."""


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
            run = (STREAMS if spec.stream else RUNS)[spec.algorithm]
            return run(spec, data).train(monitor)
