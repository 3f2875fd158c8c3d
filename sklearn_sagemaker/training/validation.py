"""Validation: which rows judge the candidates, and which columns score them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, check_cv

from sklearn_sagemaker._kernels import RowReader

CV_BUDGET = 500_000_000
"""``cv="auto"`` uses folds up to this many multiplications a pass (stored values
times models times classes), and above it holds ``validation_fraction`` out."""


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
    parts : list of (group, int64 array)
        Group of columns and the rows that it scores.
    y, weights : float64 arrays
        Indexed by row number of that matrix.
    """

    kind: str
    train: list[np.ndarray]
    reader: RowReader
    parts: list[tuple[int, np.ndarray]]
    y: np.ndarray
    weights: np.ndarray

    @property
    def n_groups(self) -> int:
        """Column groups of a candidate: the refit and one for each fold."""
        return 1 + (len(self.train) if self.kind == "folds" else 0)


def _folds(cv: Any, y: np.ndarray, rows: np.ndarray, stratify: bool) -> list:
    """The test folds of a splitter, which must put each row in exactly one."""
    splitter = check_cv(cv, y[rows], classifier=stratify)
    if cv is None or hasattr(cv, "split") or not hasattr(cv, "__iter__"):
        # A splitter sees the rows of non-zero weight only: the others do not exist.
        splits = splitter.split(np.zeros((len(rows), 1)), y[rows])
        tests = [rows[test] for _, test in splits]
    else:
        # An iterable names rows of X.
        everything = np.arange(len(y))
        tests = [everything[test] for _, test in splitter.split()]
        tests = [test[np.isin(test, rows)] for test in tests]
        tests = [test for test in tests if len(test)]
    seen = np.concatenate(tests) if tests else np.empty(0, dtype=int)
    if len(tests) < 2 or not np.array_equal(np.sort(seen), rows):
        raise ValueError(
            f"cv={type(cv).__name__} does not put each of the {len(rows)} rows of "
            "non-zero weight in exactly one of at least two test folds; use a splitter "
            "that does, such as KFold or StratifiedKFold, an integer, or pass X_val "
            "and y_val."
        )
    return [np.sort(test).astype(np.int64) for test in tests]


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
) -> ValidationPlan:
    """Decide how the candidates are judged.

    Parameters
    ----------
    reader, y, weights : RowReader, float64 arrays of shape (n_samples,)
    rows : int64 array
        Rows with a weight above zero: the others do not exist.
    given : (reader, y, weights) or None
        The user's validation rows, which come before anything else.
    cv : "auto", int, splitter, iterable, None or False
    validation_fraction : float or "auto"
        A number asks for a hold-out of that share instead of automatic folds.
    stratify : bool
        Whether ``y`` holds classes.
    work : int
        Multiplications of one pass over the data without folds.
    seed : int

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
            share = 0.1 if validation_fraction == "auto" else validation_fraction
            train, held = _hold_out(y, rows, share, stratify, rng)
            if len(held) == 0:
                return alone
            parts = [(0, held)]
            return ValidationPlan("hold-out", [train], reader, parts, y, weights)
        rarest = len(rows)
        if stratify:
            rarest = int(np.unique(y[rows], return_counts=True)[1].min())
        n_folds = min(5, rarest)
        if n_folds < 2:
            return alone
        splitter = (StratifiedKFold if stratify else KFold)(
            n_folds, shuffle=True, random_state=int(rng.integers(2**31))
        )
    else:
        splitter = cv
    folds = _folds(splitter, y, rows, stratify)
    parts = [(number + 1, fold) for number, fold in enumerate(folds)]
    return ValidationPlan("folds", folds, reader, parts, y, weights)
