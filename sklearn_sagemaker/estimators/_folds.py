"""Folds that a user asks for, as numbers of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv

from sklearn_sagemaker._state import TrainingData, WindowedData


def row_numbers(cv: Any, y: np.ndarray, weights: np.ndarray, stratify: bool) -> Any:
    """What ``cv`` asks for, without the object that says so.

    Parameters
    ----------
    cv : "auto", int, splitter, iterable, None or False
    y : ndarray of shape (n_samples,)
    weights : float64 ndarray of shape (n_samples,)
        Rows of weight zero are in no fold.
    stratify : bool
        Whether ``y`` holds classes.

    Returns
    -------
    cv : "auto", False or tuple of (int64 ndarray, int64 ndarray)
        Training and test rows of each split.

    Raises
    ------
    ValueError
        If there is no split, one lacks training or test rows, or one names a row that
        X does not have.
    """
    if cv is False or isinstance(cv, str):
        return cv
    rows = np.flatnonzero(weights > 0).astype(np.int64)
    splitter = check_cv(cv, y[rows], classifier=stratify)
    if cv is None or hasattr(cv, "split") or not hasattr(cv, "__iter__"):
        # A splitter sees the rows of non-zero weight only: the others do not exist.
        found = _split(splitter, np.zeros((len(rows), 1)), y[rows])
        splits = tuple((rows[train], rows[test]) for train, test in found)
    else:
        splits = _of_iterable(splitter, len(y), rows)
    for number, (train, test) in enumerate(splits):
        if len(train) == 0 or len(test) == 0:
            raise ValueError(
                f"Split {number} of cv={type(cv).__name__} has {len(train)} training "
                f"and {len(test)} test rows of non-zero weight; each split needs some "
                "of both."
            )
    if not splits:
        raise ValueError(
            f"cv={type(cv).__name__} makes no split; use a splitter or an iterable "
            "that makes at least one."
        )
    return splits


def _split(splitter: Any, X: Any, y: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """The splits of a splitter.

    Raises
    ------
    ValueError
        If it needs groups, which no fit here takes.
    """
    try:
        return list(splitter.split(X, y))
    except ValueError as error:
        if "groups" not in str(error):
            raise
        raise ValueError(
            f"cv={splitter!r} needs groups, which fit does not take; pass its splits, "
            "cv=list(splitter.split(X, y, groups))."
        ) from error


def _of_iterable(splitter: Any, n_rows: int, rows: np.ndarray) -> tuple:
    """The splits of an iterable, which names rows of X."""
    everything, splits = np.arange(n_rows), []
    try:
        pairs = list(splitter.split())
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"cv must hold two arrays of row numbers for each split, to train on and "
            f"to judge by ({error})."
        ) from None
    for pair in pairs:
        try:
            train, test = (everything[index] for index in pair)
        except IndexError as error:
            raise ValueError(
                f"cv names a row that X, with {n_rows} rows, does not have "
                f"({error}); pass row numbers of this X."
            ) from None
        splits.append((train[np.isin(train, rows)], test[np.isin(test, rows)]))
    return tuple(splits)


def folds(estimator: Any, data: TrainingData | WindowedData) -> Any:
    """What ``cv`` asks for, if the user passes no validation rows.

    Parameters
    ----------
    estimator : estimator
    data : TrainingData or WindowedData

    Returns
    -------
    cv : "auto", False or tuple of (int64 ndarray, int64 ndarray)

    Raises
    ------
    ValueError
        As in `row_numbers`, or if it asks for folds of rows in windows.
    """
    cv = estimator.cv
    if cv is False or isinstance(cv, str):
        return cv
    if data.X_val is not None:
        return "auto"
    if isinstance(data, WindowedData):
        raise ValueError(
            f"cv={cv!r} needs all rows in memory, and these are read in windows; "
            "use cv='auto' with validation_fraction for a hold-out, cv=False for "
            "none, or pass X_val."
        )
    return row_numbers(cv, data.y, data.sample_weight, is_classifier(estimator))
