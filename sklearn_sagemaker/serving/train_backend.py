"""Backends of jobs: they tell the log, and mind a request to end."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._hyperparameters import REGRESSOR
from sklearn_sagemaker._hyperparameters.container import FACTORS
from sklearn_sagemaker._kernels.decision import least_positive
from sklearn_sagemaker._state import (
    ModelState,
    Monitor,
    TrainingData,
    TrainingSpec,
    WindowedData,
    class_numbers,
)
from sklearn_sagemaker.backends.dask import DaskBackend
from sklearn_sagemaker.backends.local import LocalBackend
from sklearn_sagemaker.serving.logs import JobLog, Names
from sklearn_sagemaker.training.factors.choice import named_metrics
from sklearn_sagemaker.training.factors.settings import FactorSettings
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.selection.metrics import linear_metrics

BATCH = 1000
"""Rows of a batch in the log's counters, where the job leaves it to us."""


class JobTraining:
    """What the backends of jobs do beside the training.

    Parameters
    ----------
    log : JobLog
    seed : int or None
        In place of that of the spec.
    asked : callable
        Whether the training is to end; called after each epoch. With a folder of
        checkpoints it goes on from there later, else the model is as it is by then.
    checkpoint : str, path-like or None
    every : float
    **more
        Of the backend that trains.

    Attributes
    ----------
    state : ModelState
        Of the training.
    cut_short : bool
        Whether it was ended before its time.
    sparse : bool
        Whether the rows are, for the graph of the artifact.
    """

    checkpoint: str | os.PathLike[str] | None
    state: ModelState
    cut_short = sparse = False

    def __init__(
        self,
        *,
        log: JobLog,
        seed: int | None,
        asked: Callable[[], bool],
        checkpoint: str | os.PathLike[str] | None = None,
        every: float = 60.0,
        **more: Any,
    ):
        stop = None if checkpoint is None else asked
        given = {"checkpoint": checkpoint, "every": every, "stop": stop}
        super().__init__(**given, **more)
        self.log, self.seed, self.asked = log, seed, asked

    def train(
        self,
        spec: TrainingSpec,
        data: TrainingData | WindowedData,
        monitor: Monitor | None = None,
    ) -> ModelState:
        """Train the spec's algorithm on the data; see `Backend`."""
        if self.seed is not None:
            spec = replace(spec, seed=self.seed)
        self._settings(spec, data)
        self.sparse = _is_sparse(data)
        values = spec.hyperparameters
        weighted = bool((self._multipliers != 1.0).any())
        names = Names(
            spec.algorithm,
            spec.predictor_type,
            self._chosen.loss.name,
            weighted,
            values.get("f_beta", 1.0),
            values.get("accuracy_top_k", 3),
        )
        batch = values["mini_batch_size"]
        validated = data.X_val is not None or spec.cv is not False
        self.log.trains(
            names, _n_rows(data), batch if batch != "auto" else BATCH, validated
        )

        def told(number: int, epochs: int, losses: dict[str, Any]) -> bool:
            self.log.epoch(number, epochs, losses)
            ends = bool(monitor is not None and monitor(number, epochs, losses))
            if self.checkpoint is None and self.asked() and number + 1 < epochs:
                ends = self.cut_short = True
            return ends

        self.state = super().train(spec, data, told)  # type: ignore[misc]
        return self.state

    def _settings(self, spec: TrainingSpec, data: Any) -> None:
        self._spec = spec
        self._multipliers = np.ones(max(2, spec.n_classes))
        if spec.algorithm == FACTORS:
            self._chosen: Any = FactorSettings(spec)
            return
        self._chosen = LinearSettings(spec)
        if spec.predictor_type == REGRESSOR:
            return
        if isinstance(data, TrainingData):
            y, weights = data.y, data.sample_weight
        else:
            found = data.source.contents
            assert spec.classes is not None
            y, _ = class_numbers(np.asarray(found.labels), spec.classes)
            weights = np.asarray(found.counts, float)
        self._multipliers = self._chosen.class_multipliers(y, weights)

    def measure(
        self, margins: np.ndarray, y: np.ndarray, weights: np.ndarray
    ) -> dict[str, float]:
        """SageMaker's metrics of the trained model on other rows.

        Parameters
        ----------
        margins : float64 array of shape (n_rows, n_outputs)
        y : float64 array of shape (n_rows,)
            Numbers of classes, or numbers to predict.
        weights : float64 array of shape (n_rows,)
        """
        spec, chosen = self._spec, self._chosen
        loss_weights, cut = weights, 0.0
        if spec.predictor_type != REGRESSOR:
            loss_weights = weights * self._multipliers[y.astype(int)]
        if self.state.threshold is not None:
            cut = least_positive(self.state.threshold, chosen.loss.link)
        found = linear_metrics(
            spec.predictor_type,
            chosen.loss.name,
            chosen.loss_parameter,
            margins,
            y,
            loss_weights,
            weights,
            cut=cut,
            f_beta=chosen.values.get("f_beta", 1.0),
            accuracy_top_k=chosen.values.get("accuracy_top_k", 3),
        )
        if spec.algorithm == FACTORS:
            return named_metrics(spec.predictor_type, found)
        return found


class JobBackend(JobTraining, LocalBackend):
    """Trains as `LocalBackend` does."""


class ClusterJobBackend(JobTraining, DaskBackend):
    """Trains as `DaskBackend` does."""


def _is_sparse(data: TrainingData | WindowedData) -> bool:
    if isinstance(data, TrainingData):
        return sp.issparse(data.X)
    return data.source.contents.sparse


def _n_rows(data: TrainingData | WindowedData) -> int:
    if isinstance(data, TrainingData):
        return int(np.count_nonzero(data.sample_weight > 0))
    return data.source.contents.n_rows
