"""What travels between formats: rows with labels, and a model's answers to rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError


@dataclass(frozen=True)
class Rows:
    """Some rows of data, in memory.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_features)
        float32, float64 or int32.
    y : ndarray of shape (n_rows,) or None
        Labels; None if the rows have none.
    sample_weight : ndarray of shape (n_rows,) or None
        None if the rows have none.
    """

    X: Any
    y: np.ndarray | None = None
    sample_weight: np.ndarray | None = None

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def __repr__(self) -> str:
        # Rows never reach a log or a traceback.
        return f"Rows(shape={self.X.shape}, labels={self.y is not None})"


@dataclass(frozen=True)
class Predictions:
    """What SageMaker's algorithms answer to some rows.

    Attributes
    ----------
    score : float ndarray of shape (n_rows,) or (n_rows, n_classes)
        Regression: the prediction. Binary classification: the probability of the
        second class. Multiclass: the probability of each class.
    predicted_label : ndarray of shape (n_rows,) or None
        Number of the predicted class, 0 to n_classes - 1; None for regression.
    """

    score: np.ndarray
    predicted_label: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.score)

    def __repr__(self) -> str:
        return f"Predictions(shape={self.score.shape})"


def check_finite(X: Any, place: Callable[[int], str]) -> None:
    """Refuse NaN and infinity in rows that were read.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_features)
    place : callable
        Name of a row in the message, from its number.

    Raises
    ------
    DataFileError
        Naming the first such row and its column, counted from 0.
    """
    values = X.data if sparse.issparse(X) else X
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return
    if sparse.issparse(X):
        at = int(np.flatnonzero(~np.isfinite(values))[0])
        row = int(np.searchsorted(X.indptr, at, side="right")) - 1
        column, value = X.indices[at], values[at]
    else:
        row, column = (int(number) for number in np.argwhere(~np.isfinite(X))[0])
        value = X[row, column]
    raise DataFileError(
        f"{place(row)}: feature {column} (counted from 0) is {value}; it must be a "
        "finite number: fill it in or drop the row."
    )
