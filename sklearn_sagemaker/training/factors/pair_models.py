"""The model of all pairs of queries and items, as a training run has it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._columns import start_numbers
from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._state import TrainingData, TrainingSpec, WindowedData
from sklearn_sagemaker.training.blas import single_threaded_blas
from sklearn_sagemaker.training.factors.gradient import (
    Scaler,
    Scorer,
    Solution,
    solution_scorer,
)
from sklearn_sagemaker.training.factors.groups import one_hot_groups
from sklearn_sagemaker.training.factors.pairs import (
    Side,
    WholeData,
    distinct_rows,
    observed_pairs,
)
from sklearn_sagemaker.training.factors.settings import FactorSettings, start_of

SIGMA = 0.1
"""Of the factors at the start, for labels of size 1."""
RIDGE = 0.5
"""Of decays of "auto": ridges in units of the largest singular value that labels have
which are scattered over all pairs at random, which factors must not learn."""


def for_pairs(spec: TrainingSpec, data: TrainingData | WindowedData) -> TrainingSpec:
    """The spec of a training of all pairs, which holds no rows out.

    Raises
    ------
    ValueError
        If there are validation rows.
    """
    if data.X_val is not None:
        weight = spec.hyperparameters["unobserved_weight"]
        raise ValueError(
            "X_val, y_val: their mean loss says nothing of how well items are ranked, "
            f"which unobserved_weight={weight!r} is for; leave them out, and compare "
            "ranks."
        )
    return replace(spec, cv=False)


def query_features(
    wanted: int | str, X, columns: np.ndarray | None, n_features: int
) -> int:
    """How many of the columns of X describe the query.

    Parameters
    ----------
    wanted : int or "auto"
    X : ndarray or CSR of shape (n_rows, m)
    columns : int64 array of shape (m,) or None
        Numbers of the columns among all features; None counts them.
    n_features : int
        Of the user's X.

    Raises
    ------
    ValueError
        If that leaves no column for the items, or cannot be told.
    """
    if isinstance(wanted, str):
        blocks = one_hot_groups(X)
        if blocks.max(initial=0) != 1:
            raise ValueError(
                f"num_query_features='auto' finds {blocks.max(initial=0) + 1} blocks "
                "of columns, and needs two, one-hot queries and then one-hot items; "
                "set it to the number of the first columns that describe the query."
            )
        return int(np.argmax(blocks))
    if wanted >= n_features:
        raise ValueError(
            f"num_query_features={wanted} leaves none of {n_features} columns for the "
            f"items; set it below {n_features}."
        )
    return wanted if columns is None else int(np.searchsorted(columns, wanted))


class PairModels:
    """One model, trained by sweeps over all pairs; see `WholeData`.

    Parameters
    ----------
    settings : FactorSettings
    params : dict
        Its own hyperparameters.
    data : TrainingData
    rows : int64 array
        That train.
    seed : list of int
    columns : int64 array or None
        Numbers of the features by which they start; None counts them.
    n_features : int
        Of the user's X.
    """

    def __init__(
        self,
        settings: FactorSettings,
        params: dict[str, Any],
        data: TrainingData,
        rows: np.ndarray,
        seed: list[int],
        columns: np.ndarray | None,
        n_features: int,
    ):
        self.settings, self.k = settings, params["num_factors"]
        self.dtype = RowReader(data.X).dtype
        values, X = settings.values, data.X
        X = X[rows] if len(rows) < X.shape[0] else X
        wanted = values["num_query_features"]
        self.split = query_features(wanted, X, columns, n_features)
        self.num_query_features = wanted
        if wanted == "auto":
            first = self.split if columns is None else columns[self.split]
            self.num_query_features = int(first)
        X = sp.csr_array(X).astype(np.float64)
        X.sum_duplicates()
        X.eliminate_zeros()
        queries, of_query = distinct_rows(sp.csr_array(X[:, : self.split]))
        items, of_item = distinct_rows(sp.csr_array(X[:, self.split :]))
        weights = data.sample_weight[rows]
        self._total = float(len(rows))
        pairs = observed_pairs(
            of_query, of_item, data.y[rows], weights / weights.mean()
        )
        self._level = float(np.sqrt(pairs.square / self._total)) or 1.0
        numbers = np.arange(X.shape[1]) if columns is None else columns
        start = [*seed, 1]
        bias, coef, factors = (
            start_numbers(start_of(values, group, sigma, start), at, width)
            for group, sigma, at, width in (
                ("bias", 0.0, numbers[:1] * 0, 1),
                ("linear", 0.0, numbers, 1),
                ("factors", self.init_sigma, numbers, self.k),
            )
        )
        # Where the objective is least for features without rows.
        seen = np.bincount(X.indices, X.data**2, X.shape[1])
        factors[seen == 0], coef[seen == 0] = 0.0, 0.0
        noise = np.sqrt(self._total) * (
            queries.shape[0] ** -0.5 + items.shape[0] ** -0.5
        )
        ridges = self._ridges(RIDGE * noise)
        parts = slice(self.split), slice(self.split, None)
        first, second = (
            Side(Z, factors[part], coef[part, 0])
            for Z, part in zip((queries, items), parts, strict=True)
        )
        self._whole = WholeData(
            (first, second),
            pairs,
            values["unobserved_weight"],
            (ridges, ridges),
            0.5 * self._total * values["bias_wd"],
            float(bias[0, 0]),
        )
        self.best: Solution | None = None
        self.n_sweeps = 0

    def _ridges(self, auto: float) -> np.ndarray:
        """Of the factors and the weight of each feature, as one row."""
        found = np.empty((1, self.k + 1))
        for name, part, unit in (
            ("factors_wd", slice(self.k), self._level),
            ("linear_wd", slice(self.k, None), 1.0),
        ):
            wd = self.settings.values[name]
            found[:, part] = auto * unit if wd == "auto" else 0.5 * self._total * wd
        return found

    @property
    def init_sigma(self) -> float:
        """What ``"auto"`` is for the deviation of the factors at the start."""
        return SIGMA * float(np.sqrt(self._level))

    def decays(self) -> dict[str, list[float]]:
        """Decays of all features, as a list of one group."""
        found = 2.0 * self._whole.ridges[0][0] / self._total
        return {"linear_wd": [float(found[-1])], "factors_wd": [float(found[0])]}

    def train(self, *_: Any) -> float:
        """One sweep; returns the loss of all pairs, divided by the number of rows."""
        self.n_sweeps += 1
        with single_threaded_blas():
            return self._whole.sweep() / self._total

    @property
    def finite(self) -> bool:
        """Whether no number has overflowed."""
        sides = self._whole.sides
        sums = [side.numbers.sum() for side in sides]
        return bool(np.isfinite(sums).all() and np.isfinite(self._whole.intercept))

    @property
    def settled(self) -> bool:
        """It waits for nothing."""
        return True

    def keep(self) -> None:
        """Remember the parameters as the best."""
        self.best = self.solution()

    def solution(self) -> Solution:
        """The parameters as they stand: the last are the best."""
        numbers = np.vstack([side.numbers for side in self._whole.sides])
        return Solution(
            np.array([self._whole.intercept]),
            np.ascontiguousarray(numbers[None, :, -1]),
            numbers[None, :, :-1].astype(self.dtype),
        )

    def draws(self) -> list[Solution]:
        """None."""
        return []

    def best_scorer(self, reader: RowReader) -> Scorer:
        """What scores rows, with margins of shape (n, 1)."""
        return solution_scorer(reader, self.solution(), Scaler())

    def state(self) -> dict[str, Any]:
        """Arrays that training can go on from."""
        found = self.solution()
        numbers = [side.numbers for side in self._whole.sides]
        return {
            "intercept": found.intercept,
            "coef": found.coef,
            "factors": np.vstack(numbers)[None, :, :-1],
            "sweeps": self.n_sweeps,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state, whose shapes were checked."""
        self.n_sweeps = state["sweeps"]
        self._whole.intercept = float(state["intercept"][0])
        numbers = np.hstack([state["factors"][0], state["coef"][0][:, None]])
        first, second = self._whole.sides
        first.set(numbers[: self.split].copy())
        second.set(numbers[self.split :].copy())

    def checkpoint(self) -> dict[str, Any]:
        """Plain values that say all that training has changed."""
        return self.state()

    def continue_from(self, checkpoint: dict[str, Any]) -> None:
        """Be as when the checkpoint was taken."""
        self.restore(checkpoint)
