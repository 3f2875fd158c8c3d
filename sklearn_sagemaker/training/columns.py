"""The columns that training rows store: of sparse rows only those are trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._columns import csr_of, places_of
from sklearn_sagemaker._state import SomeFeatures
from sklearn_sagemaker.training.scaling import stored_counts


class Columns:
    """Some of the columns of a matrix, or all of them.

    Parameters
    ----------
    width : int
        Columns of the matrix.
    numbers : int64 array of shape (n_columns,) or None
        Those that are taken, in ascending order; None is all.

    Attributes
    ----------
    width, numbers : object
        As given; None for the numbers wherever they are all.
    """

    def __init__(self, width: int, numbers: np.ndarray | None = None):
        self.width = width
        self.numbers = None if numbers is None or len(numbers) == width else numbers

    def __len__(self) -> int:
        return self.width if self.numbers is None else len(self.numbers)

    def of(self, X: Any) -> Any:
        """The rows with these columns only.

        Parameters
        ----------
        X : ndarray or CSR of shape (n_rows, width)
            CSR shares its values, unless it stores other columns too.

        Returns
        -------
        X : ndarray or CSR of shape (n_rows, n_columns)
            With indices of the same type.
        """
        if self.numbers is None:
            return X
        if not sp.issparse(X):
            return X[:, self.numbers]
        stored = X.indptr[-1]
        data, indices, indptr = X.data[:stored], X.indices[:stored], X.indptr
        indices = places_of(indices, self.numbers, self.width)
        known = indices >= 0
        if not known.all():
            ends = np.concatenate([[0], np.cumsum(known)])
            indptr = ends[indptr].astype(indptr.dtype)
            data, indices = data[known], indices[known]
        return csr_of(type(X), data, indices, indptr, len(self.numbers))

    def places(self, numbers: np.ndarray) -> np.ndarray | slice:
        """Where some of these columns, by number, stand among them."""
        return numbers if self.numbers is None else self.numbers.searchsorted(numbers)

    def take(self, values: np.ndarray) -> np.ndarray:
        """Of values for each column of the matrix, along the first axis, those here."""
        return values if self.numbers is None else values[self.numbers]

    def expanded(self, values: np.ndarray) -> np.ndarray:
        """Values of shape (n, n_columns) as (n, width), with zeros for the others."""
        if self.numbers is None:
            return values
        found = np.zeros((len(values), self.width), dtype=values.dtype)
        found[:, self.numbers] = values
        return found

    def labels(self, names: Any) -> Any:
        """What messages call these columns, for `feature_label`."""
        if self.numbers is None:
            return names
        return SomeFeatures(self.numbers, self.width, names)


def counted_columns(counts: np.ndarray, known: np.ndarray | None = None) -> Columns:
    """The columns that some rows store, with those known before.

    Parameters
    ----------
    counts : int array of shape (width,)
        How many of the rows store each.
    known : int array or None

    Returns
    -------
    columns : Columns
        One at least.
    """
    met = counts > 0
    if known is not None:
        met[known] = True
    numbers = np.flatnonzero(met)
    return Columns(len(counts), numbers if len(numbers) else np.zeros(1, np.int64))


def columns_of(
    X: Any, weights: np.ndarray, known: np.ndarray | None
) -> tuple[Columns, np.ndarray | None]:
    """The columns to train on: of dense rows all, of CSR rows those that are met.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_rows, width)
    weights : float64 array of shape (n_rows,)
        Rows of weight zero are absent.
    known : int array or None
        Columns that were met before; None takes all columns.

    Returns
    -------
    columns : Columns
    counts : int64 array of shape (n_columns,) or None
        How many rows store each of them, if they were counted for that.
    """
    if known is None or not sp.issparse(X):
        return Columns(X.shape[1]), None
    counts = stored_counts(X, np.flatnonzero(weights > 0))
    columns = counted_columns(counts, known)
    return columns, columns.take(counts)
