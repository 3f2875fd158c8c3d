"""Training rows column by column, as sweeps over the columns read them."""

from __future__ import annotations

import numpy as np

from sklearn_sagemaker._kernels import RowReader, sweep_kernels


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

    @property
    def n_entries(self) -> int:
        """Stored entries."""
        return int(self.indptr[-1])

    def mean_sizes(self, weights: np.ndarray) -> tuple[float, float]:
        """Weighted means over the rows of sum x_i^2 and of sum x_i^2 x_j^2 over i < j.

        They say how large the linear and the pair terms of random numbers are.
        """
        at = self.row_numbers[: self.n_entries]
        squares = self.values.astype(np.float64) ** 2 if len(self.values) else None
        fourths = None if squares is None else squares**2
        first = np.bincount(at, squares, self.n_rows)
        second = np.bincount(at, fourths, self.n_rows)
        total = weights.sum()
        pairs = weights @ (first**2 - second) / (2 * total)
        return float(weights @ first / total), float(pairs)
