"""Row readers: how the kernels see a matrix without copying it."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

_CODES = {
    np.dtype(np.float32): 0,
    np.dtype(np.float64): 1,
    np.dtype(np.int8): 2,
    np.dtype(np.uint8): 3,
    np.dtype(np.int16): 4,
    np.dtype(np.uint16): 5,
    np.dtype(np.int32): 6,
    np.dtype(np.uint32): 7,
    np.dtype(np.int64): 8,
    np.dtype(np.uint64): 9,
}
# Integers of more than 16 bits do not fit float32's 24-bit mantissa.
_WIDE_INTEGERS = {np.dtype(t) for t in (np.int32, np.uint32, np.int64, np.uint64)}


class RowReader:
    """Addresses and strides of a dense array or a CSR matrix.

    Dense arrays of any strides (C, F, sliced), of float32, float64 or integers
    of any width, and CSR matrices and arrays with int32 or int64 indices are
    read in place, read-only memory included. Anything else (float16, booleans,
    integer CSR values) is converted once, values only.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features) or CSR matrix or array
        The rows. Already validated.

    Attributes
    ----------
    dtype : numpy.dtype
        Precision to compute in: float32 for float32 and narrow integers, else
        float64.
    nbytes : int
        Memory that a pass reads.
    """

    def __init__(self, X):
        if sp.issparse(X):
            self._read_csr(X)
        else:
            self._read_dense(X)
        self.shape = X.shape
        self.n_features = X.shape[1]
        self.nbytes = sum(part.nbytes for part in self._keep_alive)

    def _read_dense(self, X):
        if X.dtype == np.bool_:
            X = X.view(np.uint8)
        elif X.dtype not in _CODES:
            X = X.astype(np.float32 if X.dtype == np.float16 else np.float64)
        elif not X.dtype.isnative:
            X = X.astype(X.dtype.newbyteorder("="))
        self.sparse, self.wide_index = 0, 0
        self.code = _CODES[X.dtype]
        self.data_address = X.__array_interface__["data"][0]
        self.row_stride, self.column_stride = X.strides
        self.indices_address = self.indptr_address = 0
        wide = X.dtype == np.float64 or X.dtype in _WIDE_INTEGERS
        self.dtype = np.dtype(np.float64 if wide else np.float32)
        self._keep_alive = (X,)

    @staticmethod
    def _check_csr(shape, data, indices, indptr):
        """The kernels trust these: a wrong one would read foreign memory."""
        stored = min(len(data), len(indices))
        if len(indptr) != shape[0] + 1 or (np.diff(indptr) < 0).any():
            raise ValueError(
                f"The indptr of a CSR matrix of {shape[0]} rows must hold "
                f"{shape[0] + 1} numbers that never fall; build the matrix with scipy."
            )
        if indptr[0] < 0 or indptr[-1] > stored:
            raise ValueError(
                f"The indptr of this CSR matrix runs to {indptr[-1]}, but it stores "
                f"{stored} values; build the matrix with scipy."
            )
        used = indices[indptr[0] : indptr[-1]]
        # Read as unsigned, a negative one is larger than any column.
        if len(used) and used.view(f"u{used.itemsize}").max() >= shape[1]:
            raise ValueError(
                f"A column index of this CSR matrix lies outside [0, {shape[1]}); "
                "build the matrix with scipy, which checks them."
            )
        if shape[1] >= 2**31:
            raise ValueError(
                f"X has {shape[1]} features; at most 2**31 - 1 are supported. Hash "
                "them into fewer."
            )

    def _read_csr(self, X):
        data, indices, indptr = X.data, X.indices, X.indptr
        if data.dtype not in (np.float32, np.float64):
            narrow = data.dtype in _CODES and data.dtype not in _WIDE_INTEGERS
            narrow = narrow or data.dtype in (np.float16, np.bool_)
            data = data.astype(np.float32 if narrow else np.float64)
        if indices.dtype not in (np.int32, np.int64):
            indices = indices.astype(np.int64)
        if indptr.dtype != indices.dtype:
            # One of the two is int64: the short one is widened.
            indices = indices.astype(np.int64, copy=False)
            indptr = indptr.astype(np.int64, copy=False)
        data, indices, indptr = map(np.ascontiguousarray, (data, indices, indptr))
        self._check_csr(X.shape, data, indices, indptr)
        self.sparse = 1
        self.wide_index = int(indices.dtype == np.int64)
        self.code = _CODES[data.dtype]
        self.data_address = data.__array_interface__["data"][0]
        self.indices_address = indices.__array_interface__["data"][0]
        self.indptr_address = indptr.__array_interface__["data"][0]
        self.row_stride = self.column_stride = 0
        self.dtype = np.dtype(data.dtype)
        self._keep_alive = (data, indices, indptr)


def read_in(X, dtype) -> RowReader:
    """A reader of rows that computes in a given precision: that of the first rows.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_rows, n_features)
    dtype : dtype
    """
    reader = RowReader(X)
    return reader if reader.dtype == dtype else RowReader(X.astype(dtype))
