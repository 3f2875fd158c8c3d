"""Row readers: how the kernels see a matrix without copying it."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._sparse import check_compressed

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
_WIDE_NUMBERS = {
    np.dtype(t) for t in (np.int32, np.uint32, np.int64, np.uint64, np.float64)
}


def _in_a_row(part: np.ndarray) -> np.ndarray:
    """An array as C code reads it; a copy if it lies elsehow."""
    flags = part.flags
    return part if flags.c_contiguous and flags.aligned else np.array(part, order="C")


class RowReader:
    """Addresses and strides of a dense array or a CSR matrix.

    Dense arrays of any strides (C, F, sliced), of float32, float64 or integers
    of any width, and CSR matrices and arrays with int32 or int64 indices are
    read in place, read-only memory included, and so are booleans. Anything else
    (float16, integer CSR values, other byte orders, values that are not aligned) is
    converted once, values only.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features) or CSR matrix or array
        The rows. Already validated.
    checked : bool, default=False
        Whether the parts of a CSR matrix are known to fit each other, as they are once
        `checked_csr` returned it: it takes a pass over the indices.

    Attributes
    ----------
    dtype : numpy.dtype
        Precision to compute in: float32 for float32 and narrow integers, else
        float64.
    nbytes : int
        Memory that a pass reads.
    stored : int
        Values that the rows store.
    """

    def __init__(self, X, checked: bool = False):
        if sp.issparse(X):
            self._read_csr(X, checked)
        else:
            self._read_dense(X)
        self.shape = X.shape
        self.n_features = X.shape[1]
        self.nbytes = sum(part.nbytes for part in self._keep_alive)
        self.stored = self._keep_alive[0].size

    def __reduce__(self):
        # Copies too: a deep one would have the addresses of the original's memory.
        raise TypeError(
            "A RowReader holds addresses of memory, which mean nothing in another "
            "process; send the matrix, and read it with RowReader(X) there."
        )

    def matrix(self):
        """The rows as they are read: an array, or a CSR array of the same parts."""
        if not self.sparse:
            return self._keep_alive[0]
        return sp.csr_array(self._keep_alive, shape=self.shape)

    def dense(self, rows: np.ndarray | slice) -> np.ndarray:
        """A dense float64 copy of some rows."""
        some = self.matrix()[rows]
        if self.sparse:
            some = some.toarray()
        return some.astype(np.float64, copy=not self.sparse)

    def _read_dense(self, X):
        if X.dtype == np.bool_:
            X = X.view(np.uint8)
        if not X.dtype.isnative:
            X = X.astype(X.dtype.newbyteorder("="))
        if X.dtype not in _CODES:
            X = X.astype(np.float32 if X.dtype == np.float16 else np.float64)
        if not X.flags.aligned:
            X = X.copy()
        self.sparse, self.wide_index = 0, 0
        self.code = _CODES[X.dtype]
        self.data_address = X.__array_interface__["data"][0]
        self.row_stride, self.column_stride = X.strides
        self.indices_address = self.indptr_address = 0
        wide = X.dtype in _WIDE_NUMBERS
        self.dtype = np.dtype(np.float64 if wide else np.float32)
        self._keep_alive = (X,)

    def _read_csr(self, X, checked):
        if X.shape[1] >= 2**31:
            raise ValueError(
                f"X has {X.shape[1]} features; at most 2**31 - 1 are supported. Hash "
                "them into fewer."
            )
        data, indices, indptr = X.data, X.indices, X.indptr
        if not checked:
            # The kernels trust these: a wrong one would read foreign memory.
            indices, indptr = check_compressed(data, indices, indptr, *X.shape)
        if data.dtype not in (np.float32, np.float64):
            native = data.dtype.newbyteorder("=")
            narrow = native in _CODES and native not in _WIDE_NUMBERS
            narrow = narrow or native in (np.float16, np.bool_)
            data = data.astype(np.float32 if narrow else np.float64)
        if indptr.dtype != indices.dtype:
            # One of the two is int64: the short one is widened.
            indices = indices.astype(np.int64, copy=False)
            indptr = indptr.astype(np.int64, copy=False)
        data, indices, indptr = map(_in_a_row, (data, indices, indptr))
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
