"""Validation: on which rows the candidates are scored, and by which of their fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import KFold, StratifiedKFold

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._state import TrainingData

CV_BUDGET = 500_000_000
"""``cv="auto"`` uses folds up to this many multiplications a pass (stored values
times models times classes), and above it holds ``validation_fraction`` out."""
FOLDS = 5
"""Automatic ones, if nothing asks for more."""
HELD_OUT = 0.1
"""Share of the rows held out, with ``validation_fraction="auto"``."""


@dataclass(frozen=True)
class ValidationPlan:
    """Rows of the training and of the validation.

    Attributes
    ----------
    kind : {"given", "folds", "hold-out", "training"}
        Where validation rows come from; "training" means there are none and the
        training rows stand in.
    train : list of int64 arrays
        Rows to train on, one array a fold (one array without folds).
    reader : RowReader
        Matrix of the validation rows.
    parts : list of (fit, int64 array)
        A fit of every candidate, and the rows that it scores.
    y, weights : float64 arrays
        Indexed by row number of that matrix.
    trains : uint8 array of shape (n_samples, n_fits) or None
        For folds that are no partition of the rows: whether each fit is trained on
        each row. Else fit ``k`` leaves out ``train[k - 1]``.
    """

    kind: str
    train: list[np.ndarray]
    reader: RowReader
    parts: list[tuple[int, np.ndarray]]
    y: np.ndarray
    weights: np.ndarray
    trains: np.ndarray | None = None

    @property
    def n_fits(self) -> int:
        """Fits of a candidate: number 0, the one that is kept, and one a fold."""
        return 1 + (len(self.parts) if self.kind == "folds" else 0)

    @property
    def train_rows(self) -> np.ndarray:
        """All rows to train on, in the order of the matrix."""
        if len(self.train) == 1:
            return self.train[0]
        return np.sort(np.concatenate(self.train))

    def trained_by(self, fit: int, rows: np.ndarray) -> np.ndarray:
        """Those of the rows that a fit is trained on."""
        if fit == 0 or self.kind != "folds":
            return rows
        if self.trains is not None:
            return rows[self.trains[rows, fit] > 0]
        return rows[np.isin(rows, self.train[fit - 1], invert=True)]


def _partition(splits, rows: np.ndarray) -> list[np.ndarray] | None:
    """The test folds, if each row is in one of them and trains all the others."""
    tests = [np.sort(test).astype(np.int64) for _, test in splits]
    if len(tests) < 2 or not np.array_equal(np.sort(np.concatenate(tests)), rows):
        return None
    for (train, _), test in zip(splits, tests, strict=True):
        if not np.array_equal(np.sort(np.concatenate([train, test])), rows):
            return None
    return tests


def _hold_out(y, rows, fraction, stratify, rng):
    """Rows to train on and rows held out, class by class when stratified."""
    held = []
    classes = np.unique(y[rows]) if stratify else [None]
    for label in classes:
        members = rows if label is None else rows[y[rows] == label]
        count = int(fraction * len(members) + 0.5)
        count = min(count, len(members) - 1)
        held.append(rng.permutation(members)[:count])
    out = np.sort(np.concatenate(held)).astype(np.int64)
    return np.setdiff1d(rows, out).astype(np.int64), out


def given_rows(data: TrainingData) -> tuple[RowReader, np.ndarray, np.ndarray] | None:
    """The user's validation rows as `plan_validation` takes them."""
    if data.X_val is None:
        return None
    assert data.y_val is not None
    assert data.sample_weight_val is not None
    return RowReader(data.X_val), data.y_val, data.sample_weight_val


def stored_values(X, rows: np.ndarray) -> int:
    """Values that some rows store, which a pass over them costs."""
    if sp.issparse(X):
        return int(np.diff(X.indptr)[rows].sum())
    return len(rows) * X.shape[1]


def plan_validation(
    reader: RowReader,
    y: np.ndarray,
    weights: np.ndarray,
    rows: np.ndarray,
    given: tuple[RowReader, np.ndarray, np.ndarray] | None,
    *,
    cv: Any,
    validation_fraction: float | str,
    stratify: bool,
    work: int,
    seed: int,
    folds: int = FOLDS,
) -> ValidationPlan:
    """Decide on which rows the candidates are scored.

    Parameters
    ----------
    reader, y, weights : RowReader, float64 arrays of shape (n_samples,)
    rows : int64 array
        Rows with a weight above zero: the others do not exist.
    given : (reader, y, weights) or None
        The user's validation rows, which come before anything else.
    cv : "auto", False or tuple of (int64 array, int64 array)
    validation_fraction : float or "auto"
        A number asks for a hold-out of that share instead of automatic folds.
    stratify : bool
        Whether ``y`` holds classes.
    work : int
        Multiplications of one pass over the data without folds.
    seed : int
    folds : int
        Automatic ones, at most.

    Returns
    -------
    plan : ValidationPlan
    """
    if given is not None:
        val_reader, val_y, val_weights = given
        val_rows = np.flatnonzero(val_weights > 0).astype(np.int64)
        parts = [(0, val_rows)]
        return ValidationPlan("given", [rows], val_reader, parts, val_y, val_weights)
    rng = np.random.default_rng([seed, 0x5EED])
    alone = ValidationPlan("training", [rows], reader, [(0, rows)], y, weights)
    if cv is False:
        return alone
    if isinstance(cv, str):
        if work > CV_BUDGET or validation_fraction != "auto":
            share = HELD_OUT if validation_fraction == "auto" else validation_fraction
            train, held = _hold_out(y, rows, share, stratify, rng)
            if len(held) == 0:
                return alone
            parts = [(0, held)]
            return ValidationPlan("hold-out", [train], reader, parts, y, weights)
        rarest = len(rows)
        if stratify:
            rarest = int(np.unique(y[rows], return_counts=True)[1].min())
        n_folds = min(folds, rarest)
        if n_folds < 2:
            return alone
        splitter = (StratifiedKFold if stratify else KFold)(
            n_folds, shuffle=True, random_state=int(rng.integers(2**31))
        )
        found = splitter.split(np.zeros((len(rows), 1)), y[rows])
        splits = [(rows[train], rows[test]) for train, test in found]
    else:
        splits = list(cv)
    parts = [
        (number + 1, np.sort(test).astype(np.int64))
        for number, (_, test) in enumerate(splits)
    ]
    parted = _partition(splits, rows)
    if parted is not None:
        return ValidationPlan("folds", parted, reader, parts, y, weights)
    trains = np.zeros((len(y), 1 + len(splits)), dtype=np.uint8)
    trains[rows, 0] = 1
    for number, (train, _) in enumerate(splits):
        trains[train, number + 1] = 1
    return ValidationPlan("folds", [rows], reader, parts, y, weights, trains)
