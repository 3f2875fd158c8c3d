"""Training rows column by column, as sweeps over the columns read them."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from sklearn_sagemaker._kernels import RowReader, sweep_kernels
from sklearn_sagemaker.training.factors.stages import Stages, stages_of

PIECE = 1 << 16
"""Values that are in the cache at once."""


class ColumnStore:
    """Training rows, column by column, made once and shared by several models.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_all_rows, n_features)
    rows : int64 array of shape (n,)
        Rows in use.
    shift, scale : float64 arrays of shape (n_features,) or None
        Values become ``(x - shift) / scale``; a shift is for dense rows only.

    Attributes
    ----------
    dtype : numpy.dtype
        Precision to compute in.
    indptr : int64 array of shape (n_features + 1,)
    row_numbers : int32 array of shape (n_entries + padding,)
        Places in ``rows``.
    values : array of shape (n_entries,), or (0,) if all of them are one
    """

    def __init__(
        self,
        X,
        rows: np.ndarray,
        shift: np.ndarray | None = None,
        scale: np.ndarray | None = None,
    ):
        reader = RowReader(X)
        rows = np.ascontiguousarray(rows, dtype=np.int64)
        if len(rows) >= 2**31:
            raise ValueError(
                f"{len(rows)} training rows are more than the 2**31 - 1 that sweeps "
                'over columns can number; sample rows, or use solver="gradient".'
            )
        if reader.sparse and shift is not None:
            raise ValueError("A shift would fill sparse rows; scale them only.")
        self.dtype, d = reader.dtype, reader.n_features
        self.n_rows, self.n_features = len(rows), d
        affine = [
            np.zeros(0) if a is None else np.ascontiguousarray(a, dtype=np.float64)
            for a in (shift, scale)
        ]
        nothing = np.zeros(0, dtype=self.dtype)
        ends, last = np.zeros(d, dtype=np.int64), np.full(d, -1, dtype=np.int32)
        no_rows = np.zeros(0, dtype=np.int32)
        store = sweep_kernels.store_columns
        others = store(reader, rows, *affine, ends, last, no_rows, nothing)
        self.indptr = np.concatenate([[0], np.cumsum(ends)])
        # The padding is fetched ahead, never used.
        self.row_numbers = np.zeros(
            self.indptr[-1] + sweep_kernels.AHEAD, dtype=np.int32
        )
        self.values = np.zeros(self.indptr[-1] if others else 0, dtype=self.dtype)
        last.fill(-1)
        ends[:] = self.indptr[:-1]
        store(reader, rows, *affine, ends, last, self.row_numbers, self.values)

    @cached_property
    def stages(self) -> Stages:
        """What of the features several threads can step at once."""
        return stages_of(self.indptr, self.row_numbers, self.n_rows)

    @cached_property
    def _row_sizes(self) -> tuple[np.ndarray, np.ndarray]:
        """Sums of the squares and of the fourth powers of the values of each row."""
        at = self.row_numbers[: self.n_entries]
        if not len(self.values):
            counts = np.bincount(at, minlength=self.n_rows).astype(np.float64)
            return counts, counts
        first, second = np.zeros((2, self.n_rows))
        step = max(PIECE, self.n_rows)
        for start in range(0, self.n_entries, step):
            some = slice(start, min(start + step, self.n_entries))
            squares = self.values[some].astype(np.float64) ** 2
            first += np.bincount(at[some], squares, self.n_rows)
            second += np.bincount(at[some], squares**2, self.n_rows)
        return first, second

    @property
    def n_entries(self) -> int:
        """Stored entries."""
        return int(self.indptr[-1])

    def mean_sizes(self, weights: np.ndarray) -> tuple[float, float]:
        """Weighted means over the rows of sum x_i^2 and of sum x_i^2 x_j^2 over i < j.

        They say how large the linear and the pair terms of random numbers are.
        """
        first, second = self._row_sizes
        total = weights.sum()
        pairs = weights @ (first**2 - second) / (2 * total)
        return float(weights @ first / total), float(pairs)
