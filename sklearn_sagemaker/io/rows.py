"""What travels between formats: rows with labels, and a model's answers to rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_sagemaker._sparse import checked_csr, summed
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

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.io import Rows
    >>> rows = Rows(np.array([[1.5, 16.0], [14.0, 23.0]]), np.array([1, 0]))
    >>> rows
    Rows(shape=(2, 2), labels=True)
    >>> len(rows)
    2
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


def not_finite(X: Any) -> tuple[int, int, Any] | None:
    """Where the first NaN or infinity is.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_features)

    Returns
    -------
    place : (row, column, value) or None
    """
    values = X.data if sparse.issparse(X) else X
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return None
    if sparse.issparse(X):
        at = int(np.flatnonzero(~np.isfinite(values))[0])
        row = int(np.searchsorted(X.indptr, at, side="right")) - 1
        return row, int(X.indices[at]), values[at]
    row, column = (int(number) for number in np.argwhere(~np.isfinite(X))[0])
    return row, column, X[row, column]


def check_count(name: str, value: int) -> int:
    """A number of rows, features or files: whole, and at least one.

    Parameters
    ----------
    name : str
        Of the argument.
    value : int

    Raises
    ------
    ValueError
        If it is none.
    """
    whole = isinstance(value, Integral) and not isinstance(value, (bool, np.bool_))
    if not whole or value < 1:
        raise ValueError(f"{name}={value!r} must be a whole number, 1 or more.")
    return int(value)


MOST_FEATURES = 1 << 24
"""Features that the sparse rows of a small file may have..."""
FEATURES_A_BYTE = 64
"""... and for each byte of a larger one: as many as a sample of hashed text has."""


def check_width(path: str, n_features: int, n_bytes: int) -> None:
    """Refuse more features than a file's size makes likely.

    A model has numbers for each, whether it occurs or not: one index can ask for more
    memory than there is.

    Parameters
    ----------
    path : str
        Of the file, or the first of some.
    n_features : int
    n_bytes : int
        Size of the files.

    Raises
    ------
    DataFileError
    """
    if n_features > max(MOST_FEATURES, FEATURES_A_BYTE * n_bytes):
        raise DataFileError(
            f"{path}: has {n_features:,} features in {n_bytes:,} bytes, and a model "
            "has numbers for each; number the features without gaps, or say "
            "n_features, if they are right."
        )


WIDEST_SPARSE = 100_000
"""Columns of sparse rows that are written with their zeros at most."""


def check_sparse_width(n_columns: int, title: str, place: str = "") -> None:
    """Refuse sparse rows whose zeros would fill a file, or the memory.

    Parameters
    ----------
    n_columns : int
    title : str
        The format, which has dense rows only.
    place : str, default=""
        What the message starts with.

    Raises
    ------
    ValueError
    """
    if n_columns > WIDEST_SPARSE:
        raise ValueError(
            f"{place}the rows are sparse with {n_columns:,} columns, and {title} would "
            f"hold their zeros; at most {WIDEST_SPARSE:,} columns are written so: "
            "write RecordIO, libsvm or .npz, which stay sparse."
        )


def check_weights(weights: np.ndarray, place: Callable[[int], str]) -> None:
    """Refuse weights that are not finite, or below zero.

    Parameters
    ----------
    weights : ndarray of shape (n_rows,)
    place : callable
        Name of a row in the message, from its number.

    Raises
    ------
    DataFileError
        Naming the first such row.
    """
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(bad):
        raise DataFileError(
            f"{place(int(bad[0]))}: the weight is {weights[bad[0]]}; it must be a "
            "finite number, zero or above."
        )


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
    found = not_finite(X)
    if found is not None:
        row, column, value = found
        raise DataFileError(
            f"{place(row)}: feature {column} (counted from 0) is {value}; it must be a "
            "finite number: fill it in or drop the row."
        )


def canonical(X: Any) -> Any:
    """A sparse matrix as formats without a sum have it.

    Parameters
    ----------
    X : sparse matrix or array

    Returns
    -------
    X : CSR matrix
        With sorted indices, each once in a row; a copy if that takes changes.

    Raises
    ------
    ValueError
        If its parts do not fit each other, or a sum is not finite.
    """
    return sparse.csr_matrix(summed(checked_csr(X)))


def stacked(blocks: Sequence[Any]) -> Any:
    """Blocks of rows as one.

    Parameters
    ----------
    blocks : list of ndarray, or of CSR matrices
        All of one kind. Sparse ones may differ in width: the result is as wide as the
        widest. `scipy.sparse.vstack` refuses that.
    """
    if len(blocks) == 1:
        return blocks[0]
    if not sparse.issparse(blocks[0]):
        return np.concatenate(blocks)
    width = max(block.shape[1] for block in blocks)
    ends = np.cumsum([0] + [block.nnz for block in blocks])
    indptr = np.zeros(1 + sum(block.shape[0] for block in blocks), dtype=np.int64)
    row = 1
    for block, end in zip(blocks, ends, strict=False):
        indptr[row : row + block.shape[0]] = block.indptr[1:] + end
        row += block.shape[0]
    return sparse.csr_matrix(
        (
            np.concatenate([block.data[: block.nnz] for block in blocks]),
            np.concatenate([block.indices[: block.nnz] for block in blocks]),
            indptr,
        ),
        shape=(len(indptr) - 1, width),
    )


def stack_rows(parts: Sequence[Rows]) -> Rows:
    """Rows below each other.

    Parameters
    ----------
    parts : list of Rows
        All with labels or all without. Those without weights count 1 if others have
        some.
    """
    if len(parts) == 1:
        return parts[0]
    y = weights = None
    if parts[0].y is not None:
        y = np.concatenate([np.asarray(part.y) for part in parts])
    if any(part.sample_weight is not None for part in parts):
        weights = np.concatenate(
            [
                np.ones(len(part)) if part.sample_weight is None else part.sample_weight
                for part in parts
            ]
        )
    return Rows(stacked([part.X for part in parts]), y, weights)


def cut_rows(rows: Rows, part: slice) -> Rows:
    """Some of the rows."""
    return Rows(
        rows.X[part],
        None if rows.y is None else rows.y[part],
        None if rows.sample_weight is None else rows.sample_weight[part],
    )


def batches(parts: Iterable[Rows], batch_size: int) -> Iterator[Rows]:
    """Regroup rows into batches of one size; only the last may be smaller.

    Parameters
    ----------
    parts : iterable of Rows
        Of any sizes, with the same features and fields.
    batch_size : int

    Yields
    ------
    batch : Rows
    """
    waiting: list[Rows] = []
    n_waiting = 0
    for rows in parts:
        start = 0
        while n_waiting + len(rows) - start >= batch_size:
            stop = start + batch_size - n_waiting
            waiting.append(cut_rows(rows, slice(start, stop)))
            yield stack_rows(waiting)
            waiting, n_waiting, start = [], 0, stop
        if start < len(rows):
            waiting.append(cut_rows(rows, slice(start, None)))
            n_waiting += len(rows) - start
    if waiting:
        yield stack_rows(waiting)


def memory_of(X: Any) -> int:
    """Bytes that the values, and the indices of sparse rows, take.

    Parameters
    ----------
    X : ndarray or CSR matrix
    """
    if sparse.issparse(X):
        return int(X.data.nbytes + X.indices.nbytes)
    return int(X.nbytes)


def footprint(rows: Rows) -> int:
    """Bytes that rows take while they are trained on.

    Beside the values there are the label, the weight, a random number and the place of
    each row: more than the values of a row of one or two.

    Parameters
    ----------
    rows : Rows
    """
    return memory_of(rows.X) + 32 * len(rows)
