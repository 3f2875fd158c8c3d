"""The models of "als" and "mcmc" as a training run has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._state import TrainingData
from sklearn_sagemaker.training.factor_model import Scaler, Solution
from sklearn_sagemaker.training.factor_settings import FactorSettings
from sklearn_sagemaker.training.groups import check_groups, one_hot_groups
from sklearn_sagemaker.training.sweeps import ColumnStore, SweepModel

DRAW_BYTES = 256 << 20
"""Of the draws of a model that are kept, with ``num_draws="auto"``."""
MOST_DRAWS = 100
EMPTY = np.empty(0)


def make_store(data: TrainingData, rows: np.ndarray, scaler: Scaler) -> ColumnStore:
    """Training rows, column by column, for all models of a group."""
    return ColumnStore(data.X, rows, scaler.shift, scaler.scale)


def feature_groups(groups: Any, X) -> np.ndarray:
    """Group of every feature, as the user asks.

    Parameters
    ----------
    groups : "auto", array-like of int of shape (n_features,) or None
    X : ndarray or CSR of shape (n_samples, n_features)

    Returns
    -------
    groups : int array of shape (n_features,)
    """
    if groups is None:
        return np.zeros(X.shape[1], dtype=np.intp)
    if isinstance(groups, str):
        return one_hot_groups(X)
    return check_groups(groups, X.shape[1])


class SweepModels:
    """One model for each output, each against the rest, trained by sweeps.

    Parameters
    ----------
    settings : FactorSettings
    variant : dict
        Its own hyperparameters.
    store : ColumnStore
    data : TrainingData
    rows : int64 array
        Those of the store.
    scaler : Scaler
    labels : (float, float)
        Origin and unit of the labels.
    n_outputs : int
    epochs : int
    groups : int array of shape (n_features,)
    seed : list of int
    """

    def __init__(
        self,
        settings: FactorSettings,
        variant: dict[str, Any],
        store: ColumnStore,
        data: TrainingData,
        rows: np.ndarray,
        scaler: Scaler,
        labels: tuple[float, float],
        n_outputs: int,
        epochs: int,
        groups: np.ndarray,
        seed: list[int],
    ):
        self.settings, self.n_outputs = settings, n_outputs
        self.sample = settings.solver == "mcmc"
        self.probit = not settings.regression
        self.k, d = variant["num_factors"], data.X.shape[1]
        self.dtype = RowReader(data.X).dtype
        self.scaler = scaler
        self._arguments = {
            "num_factors": self.k,
            "groups": groups,
            "sample": self.sample,
            "link": "probit" if self.probit else "identity",
            "num_draws": self._num_draws(d),
            "total_sweeps": epochs,
            "burn_in": "auto",
        }
        if not self.sample:
            for name in ("linear_wd", "factors_wd"):
                self._arguments[name] = variant[name]
            self._arguments["bias_wd"] = settings.values["bias_wd"]
        self._store, self._seed = store, seed
        origin, unit = labels
        weights = data.sample_weight[rows]
        self._weights = weights / weights.mean()
        y = data.y[rows]
        if not self.probit:
            self._targets = [(y - origin) / unit]
        elif n_outputs == 1:
            self._targets = [y]
        else:
            self._targets = [(y == label).astype(float) for label in range(n_outputs)]
        self.models = self._make([None] * n_outputs)
        self.best: list[Solution] | None = None
        self.sweeps = 0
        # Of mcmc: sums over the draws so far of what they say of validation rows.
        self._running: dict[int, tuple[int, np.ndarray]] = {}

    def _num_draws(self, n_features: int) -> int:
        wanted = self.settings.values["num_draws"]
        if wanted != "auto":
            return wanted
        size = 4 * n_features * (self.k + 1) * self.n_outputs
        return int(np.clip(DRAW_BYTES // size, 1, MOST_DRAWS))

    def _make(self, starts: list) -> list[SweepModel]:
        return [
            SweepModel(
                self._store,
                target,
                self._weights,
                init=start,
                seed=[*self._seed, output],
                **self._arguments,
            )
            for output, (target, start) in enumerate(
                zip(self._targets, starts, strict=True)
            )
        ]

    def train(self, *_: Any) -> float:
        """One sweep over all parameters; returns the mean loss."""
        self.sweeps += 1
        return float(np.mean([model.sweep() for model in self.models]))

    def _current(self) -> list[Solution]:
        return [
            Solution(np.array([model.intercept]), model.coef[None], model.factors[None])
            for model in self.models
        ]
