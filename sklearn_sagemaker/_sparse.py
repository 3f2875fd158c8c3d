"""Sparse matrices that compiled code may trust: their parts checked, entries summed.

The compiled code of scipy and that of the kernels follow ``indptr`` and ``indices``
wherever these point, out of their arrays too, and anything may have written them.
"""

from __future__ import annotations

from itertools import chain, pairwise
from numbers import Integral
from typing import Any

import numpy as np

__all__ = [
    "check_compressed",
    "checked_csr",
    "in_plain_floats",
    "summed",
    "without_zeros",
]

_INDEX_TYPES = {np.dtype(np.int32), np.dtype(np.int64)}
_UNSIGNED = {np.dtype(f"i{size}"): np.dtype(f"u{size}") for size in (4, 8)}
_FARTHEST = 2**31
"""Offsets of diagonals lie nearer to zero than this."""
CHUNK = 1 << 18
"""Stored values that are compared with zero at a time."""

_REMEDY = "build the matrix anew with scipy, which checks its parts"


def checked_csr(X: Any, name: str = "X") -> Any:
    """A sparse matrix as CSR, once its parts are known to fit each other.

    No compiled code sees them before: it would read and write foreign memory, or never
    come back. A CSR matrix or array with int32 or int64 indices is returned as it is.

    Parameters
    ----------
    X : sparse matrix or array of shape (n_rows, n_columns)
        Of any format.
    name : str, default="X"
        Of the argument, for messages.

    Returns
    -------
    X : CSR matrix or array of shape (n_rows, n_columns)
        With int32 or int64 indices.

    Raises
    ------
    ValueError
        Naming the part that is wrong.

    Examples
    --------
    >>> from scipy import sparse
    >>> from sklearn_sagemaker._sparse import checked_csr
    >>> X = sparse.csr_array([[1.0, 0.0], [0.0, 2.0]])
    >>> X.indptr[:] = [0, 2, 1]
    >>> checked_csr(X)
    Traceback (most recent call last):
    ...
    ValueError: X is no valid CSR matrix: its indptr falls from 2 to 1 at place 2; \
build the matrix anew with scipy, which checks its parts.
    """
    if len(X.shape) != 2:
        raise ValueError(
            f"{name} has {len(X.shape)} dimensions; a table of rows and features has 2."
        )
    kind = X.format
    if kind == "csr":
        n_rows, n_columns = X.shape
        data, indices, indptr = X.data, X.indices, X.indptr
        found = check_compressed(data, indices, indptr, n_rows, n_columns, name)
        if found[0] is indices and found[1] is indptr:
            return X
        return type(X)((data, *found), shape=X.shape)
    check = _CHECKS.get(kind)
    if check is not None:
        X = check(X, name)
    try:
        X = _coo_to_csr(X) if kind == "coo" else X.tocsr()
    except (ArithmeticError, IndexError, TypeError, ValueError) as error:
        raise ValueError(_fault(name, kind, f"it cannot become CSR ({error})")) from (
            error
        )
    # Not all that other formats hold was seen.
    return X if kind in ("csc", "bsr", "coo", "csr") else checked_csr(X, name)


def check_compressed(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    size: int,
    width: int,
    name: str = "X",
    kind: str = "csr",
) -> tuple[np.ndarray, np.ndarray]:
    """Check the parts of a CSR matrix, or of one that is laid out like it.

    Without a subtraction, which wraps where numbers are large.

    Parameters
    ----------
    data : ndarray of shape (n_stored,), for BSR (n_stored, rows, columns)
    indices : integer ndarray of shape (n_stored,)
    indptr : integer ndarray of shape (size + 1,)
    size, width : int
        Numbers of rows and columns; for CSC the other way around, for BSR of blocks.
    name : str, default="X"
    kind : {"csr", "csc", "bsr"}, default="csr"

    Returns
    -------
    indices, indptr : ndarrays of int32 or int64
        The same objects if they have one of these types.

    Raises
    ------
    ValueError
        Naming the part that is wrong.
    """
    indptr = _index_array(indptr, "indptr", name, kind)
    indices = _index_array(indices, "indices", name, kind)
    n_stored = len(indices)
    _check_data(data, 3 if kind == "bsr" else 1, name, kind)
    if len(data) != n_stored:
        fault = f"it has {n_stored} indices for {len(data)} values"
        raise ValueError(_fault(name, kind, fault))
    if len(indptr) != size + 1:
        fault = f"its indptr has {len(indptr)} numbers and needs {size + 1}"
        raise ValueError(_fault(name, kind, fault))
    last = indptr[-1]
    if indptr[0] != 0:
        raise ValueError(_fault(name, kind, f"its indptr starts at {indptr[0]}, not 0"))
    if last > n_stored:
        fault = f"its indptr runs to {last}, but it stores {n_stored} values"
        raise ValueError(_fault(name, kind, fault))
    falls = indptr[1:] < indptr[:-1]
    if np.count_nonzero(falls):
        at = int(falls.argmax())
        fault = f"its indptr falls from {indptr[at]} to {indptr[at + 1]} at place"
        raise ValueError(_fault(name, kind, f"{fault} {at + 1}"))
    used = indices if last == n_stored else indices[:last]
    what = "row" if kind == "csc" else "column"
    _check_range(used, width, name, kind, what, indptr if kind == "csr" else None)
    return indices, indptr


def _check_range(
    indices: np.ndarray, width: int, name: str, kind: str, what: str, indptr: Any = None
) -> None:
    # Read as unsigned, a negative one is larger than any column.
    if len(indices) and indices.view(_UNSIGNED[indices.dtype]).max() >= width:
        at = int(((indices < 0) | (indices >= width)).argmax())
        where = ""
        if indptr is not None:
            where = f" in row {int(np.searchsorted(indptr, at, side='right')) - 1}"
        fault = f"its {what} index {indices[at]}{where} lies outside [0, {width})"
        raise ValueError(_fault(name, kind, fault))


def _index_array(part: Any, what: str, name: str, kind: str) -> np.ndarray:
    """Whole numbers in a row, as int32 or int64."""
    if isinstance(part, np.ndarray) and part.ndim == 1:
        if part.dtype in _INDEX_TYPES:
            return part
        if part.dtype.kind in "iu":
            # Of uint64, what does not fit becomes negative, and is refused as such.
            return part.astype(np.int64)
    fault = f"its {what} must be a row of whole numbers, not {_described(part)}"
    raise ValueError(_fault(name, kind, fault))


def _described(part: Any) -> str:
    if isinstance(part, np.ndarray):
        return f"of dtype {part.dtype} and shape {part.shape}"
    return f"a {type(part).__name__}"


def _check_data(data: Any, ndim: int, name: str, kind: str) -> None:
    known = isinstance(data, np.ndarray) and data.dtype.kind in "biufc"
    if not known or data.ndim != ndim:
        wanted = "numbers in a row" if ndim == 1 else f"numbers of {ndim} dimensions"
        fault = f"its data must be {wanted}, not {_described(data)}"
        raise ValueError(_fault(name, kind, fault))


def _fault(name: str, kind: str, fault: str) -> str:
    return f"{name} is no valid {kind.upper()} matrix: {fault}; {_REMEDY}."


def _check_csc(X: Any, name: str) -> Any:
    n_rows, n_columns = X.shape
    parts = X.data, X.indices, X.indptr
    found = check_compressed(*parts, n_columns, n_rows, name, "csc")
    if found[0] is X.indices and found[1] is X.indptr:
        return X
    return type(X)((X.data, *found), shape=X.shape)


def _check_bsr(X: Any, name: str) -> Any:
    n_rows, n_columns = X.shape
    _check_data(X.data, 3, name, "bsr")
    rows, columns = X.data.shape[1:]
    if 0 in (rows, columns) or n_rows % rows or n_columns % columns:
        fault = f"blocks of shape {(rows, columns)} do not make up {X.shape}"
        raise ValueError(_fault(name, "bsr", fault))
    size, width = n_rows // rows, n_columns // columns
    parts = X.data, X.indices, X.indptr
    found = check_compressed(*parts, size, width, name, "bsr")
    if found[0] is X.indices and found[1] is X.indptr:
        return X
    return type(X)((X.data, *found), shape=X.shape, blocksize=(rows, columns))


def _check_coo(X: Any, name: str) -> Any:
    coords = X.coords
    if len(coords) != 2:
        fault = f"it has {len(coords)} arrays of coordinates and needs 2"
        raise ValueError(_fault(name, "coo", fault))
    rows, columns = (
        _index_array(part, what, name, "coo")
        for part, what in zip(coords, ("row", "col"), strict=True)
    )
    _check_data(X.data, 1, name, "coo")
    sizes = [len(part) for part in (X.data, rows, columns)]
    if len(set(sizes)) != 1:
        fault = f"data, row and col have {sizes} numbers and need the same"
        raise ValueError(_fault(name, "coo", fault))
    _check_range(rows, X.shape[0], name, "coo", "row")
    _check_range(columns, X.shape[1], name, "coo", "column")
    if rows is coords[0] and columns is coords[1]:
        return X
    return type(X)((X.data, (rows, columns)), shape=X.shape)


def _coo_to_csr(X: Any) -> Any:
    """As scipy sums what stands in one place, but in no type too small for it."""
    X = X.astype(_summable(X.dtype), copy=False)
    csr = X.tocsr()
    if X.dtype.kind in "iu" and csr.nnz < len(X.data):
        return _held(csr, X.astype(np.float64).tocsr())
    return csr


def _check_dia(X: Any, name: str) -> Any:
    offsets = _index_array(X.offsets, "offsets", name, "dia")
    _check_data(X.data, 2, name, "dia")
    if len(offsets) != len(X.data):
        fault = f"it has {len(X.data)} diagonals for {len(offsets)} offsets"
        raise ValueError(_fault(name, "dia", fault))
    if len(offsets) and not -_FARTHEST < offsets.min() <= offsets.max() < _FARTHEST:
        fault = f"its offsets {offsets.min()} to {offsets.max()} are beyond 2**31"
        raise ValueError(_fault(name, "dia", fault))
    if len(np.unique(offsets)) < len(offsets):
        raise ValueError(_fault(name, "dia", "two of its offsets are equal"))
    return X


def _check_lil(X: Any, name: str) -> Any:
    for part, what in ((X.rows, "rows"), (X.data, "data")):
        known = isinstance(part, np.ndarray) and part.shape == (X.shape[0],)
        if not known or not all(isinstance(row, list) for row in part):
            fault = f"its {what} must be {X.shape[0]} lists, one for each row"
            raise ValueError(_fault(name, "lil", fault))
    for number, (row, values) in enumerate(zip(X.rows, X.data, strict=True)):
        if len(row) != len(values):
            fault = f"row {number} has {len(row)} columns for {len(values)} values"
            raise ValueError(_fault(name, "lil", fault))
    return X


def _check_dok(X: Any, name: str) -> Any:
    for key in X.keys():  # noqa: SIM118
        two = isinstance(key, tuple) and len(key) == 2
        if not two or not all(isinstance(at, Integral) for at in key):
            fault = f"its key {key!r} is not two whole numbers"
            raise ValueError(_fault(name, "dok", fault))
    return X


_CHECKS = {
    "csc": _check_csc,
    "bsr": _check_bsr,
    "coo": _check_coo,
    "dia": _check_dia,
    "lil": _check_lil,
    "dok": _check_dok,
}


def summed(X: Any, name: str = "X") -> Any:
    """CSR in which the entries that stand in one place are one, their sum.

    Parameters
    ----------
    X : CSR matrix or array
        Checked.
    name : str, default="X"

    Returns
    -------
    X : CSR matrix or array
        With sorted indices, each once in a row; a copy if that takes changes. Sums of
        integers that their type cannot hold are float64, those of booleans uint8.

    Raises
    ------
    ValueError
        If a sum of finite entries is not finite.
    """
    if X.has_canonical_format:
        return X
    X, entries = _own(X), X
    X.sum_duplicates()
    if X.dtype.kind == "f":
        if np.isfinite(entries.data).all() and not np.isfinite(X.data).all():
            raise ValueError(
                f"{name} holds entries that stand in one place and whose sum is not "
                f"finite in {X.dtype}; sum them in a wider type, or drop some."
            )
    elif X.dtype.kind in "iu" and X.nnz < entries.nnz:
        wide = entries.astype(np.float64)
        wide.sum_duplicates()
        return _held(X, wide)
    return X


def _held(sums: Any, wide: Any) -> Any:
    """Sums of integers, or the same in float64 where their type cannot hold them."""
    # One that wrapped is wrong by twice this, or more.
    bound = 2.0 ** (8 * sums.dtype.itemsize - 1)
    wrapped = np.abs(wide.data - sums.data.astype(np.float64)) >= bound
    return wide if wrapped.any() else sums


def without_zeros(X: Any) -> Any:
    """CSR that stores no zeros: what is not stored is absent, and zeros are too.

    Parameters
    ----------
    X : CSR matrix or array
        Checked.

    Returns
    -------
    X : CSR matrix or array
        A copy if there were zeros.
    """
    values = X.data[: X.indptr[-1]]
    cuts = chain(range(0, len(values), CHUNK), [len(values)])
    if any((values[start:stop] == 0).any() for start, stop in pairwise(cuts)):
        X = _own(X)
        X.eliminate_zeros()
    return X


def in_plain_floats(X: Any) -> Any:
    """CSR whose floats are float32 or float64: scipy takes no rows of other ones.

    Parameters
    ----------
    X : CSR matrix or array
        Checked.

    Returns
    -------
    X : CSR matrix or array
        A copy if they were others.
    """
    if X.dtype.kind != "f" or X.dtype in (np.float32, np.float64):
        return X
    return X.astype(np.float32 if X.dtype.itemsize <= 4 else np.float64)


def _summable(dtype: np.dtype) -> np.dtype:
    """The type in which scipy's compiled code sums values of another as numbers."""
    native = dtype.newbyteorder("=")
    others = {np.dtype(np.float16): np.float32, np.dtype(np.bool_): np.uint8}
    return np.dtype(others.get(native, native))


def _own(X: Any) -> Any:
    return X.astype(_summable(X.dtype), copy=True)
