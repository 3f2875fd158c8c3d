"""NumPy ``.npz`` files: X or the parts of a CSR matrix, and y."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_sagemaker._sparse import checked_csr, summed
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.labels import LabelKind, labels_from_array
from sklearn_sagemaker.io.messages import listed
from sklearn_sagemaker.io.npz.members import open_archive
from sklearn_sagemaker.io.rows import check_width, not_finite
from sklearn_sagemaker.io.table import Table

CSR_PARTS = ("data", "indices", "indptr", "shape")


def load_arrays(path: str) -> dict[str, np.ndarray]:
    """All arrays of an ``.npz`` file; arrays of Python objects are refused.

    Raises
    ------
    DataFileError
        If it is no such file, is damaged, or would run code when loaded.
    """
    with open_archive(path) as archive:
        # `names` passes over what ends in something else.
        others = [name for name in archive.files if not name.endswith(".npy")]
        if others:
            raise DataFileError(
                f"{path}: {others[0]!r} is not a NumPy array; write the file with "
                "numpy.savez."
            )
        return {name: archive.member(name).whole() for name in archive.names}


def wanted_arrays(path: str, names: Sequence[str]) -> str:
    """What to say of a file that has neither X nor a CSR matrix."""
    return (
        f"{path}: has the arrays {listed(list(names)) or 'none'}; needed are X, or "
        f"{', '.join(CSR_PARTS)} of a CSR matrix."
    )


def read_npz(
    path: str,
    *,
    label: str | int | None = None,
    with_label: bool = True,
    labels: LabelKind = "auto",
) -> Table:
    """Read X, or a CSR matrix as ``data``, ``indices``, ``indptr``, ``shape``.

    Parameters
    ----------
    path : str
    label : str, int or None
        Array of the labels; None is "y".
    with_label : bool
        Whether they are wanted.
    labels : {"auto", "text", "number"}

    Returns
    -------
    table : Table
        ``X`` has the dtype of the file (float16 becomes float32, booleans uint8).

    Raises
    ------
    DataFileError
        As `load_arrays`; or if arrays are missing, or contradict each other.
    """
    arrays = load_arrays(path)
    if "X" in arrays:
        X = _dense(path, arrays["X"])
        used = {"X"}
    elif set(CSR_PARTS) <= arrays.keys():
        X = _csr(path, arrays)
        check_width(path, X.shape[1], os.path.getsize(path))
        used = {*CSR_PARTS, "format"}
    else:
        raise DataFileError(wanted_arrays(path, list(arrays)))
    y = None
    label = None if not with_label else "y" if label is None else str(label)
    if label is not None:
        if label not in arrays:
            raise DataFileError(
                f"{path}: has no array {label!r} of labels, only "
                f"{listed(list(arrays))}; add one, or name another."
            )
        y = labels_from_array(arrays[label], labels, f"{path}: {label}")
        used.add(label)
        if len(y) != X.shape[0]:
            raise DataFileError(
                f"{path}: {label} has {len(y)} labels for {X.shape[0]} rows; they must "
                "be as many."
            )
    unused = tuple(name for name in arrays if name not in used)
    return Table(path=path, X=X, y=y, label=label, unused=unused)


def check_numbers(path: str, name: str, values: np.ndarray) -> np.ndarray:
    """Real numbers of a dtype that estimators take.

    Raises
    ------
    DataFileError
        If they are none.
    """
    if values.dtype.kind not in "biuf":
        raise DataFileError(
            f"{path}: {name} has dtype {values.dtype}; features must be real numbers."
        )
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    if values.dtype in (np.float16, np.longdouble):
        return values.astype(np.float32 if values.dtype == np.float16 else np.float64)
    return values


def check_shape(path: str, shape: tuple[int, ...]) -> None:
    """Refuse X without rows or features."""
    if len(shape) < 2:
        raise DataFileError(
            f"{path}: X has shape {shape}; it needs two dimensions, rows and "
            "features (images are flattened)."
        )
    if 0 in shape:
        raise DataFileError(
            f"{path}: X has shape {tuple(shape)}; a data file needs rows and features."
        )


def _dense(path: str, X: np.ndarray) -> np.ndarray:
    check_shape(path, X.shape)
    return dense_rows(path, X)


def dense_rows(path: str, X: np.ndarray, first: int = 0) -> np.ndarray:
    """Rows of the array X, flattened and checked.

    Parameters
    ----------
    path : str
        For messages.
    X : ndarray of shape (n_rows, ...)
    first : int, default=0
        Place of the first row in the file.

    Returns
    -------
    X : ndarray of shape (n_rows, n_features)

    Raises
    ------
    DataFileError
        If they are no finite numbers.
    """
    X = check_numbers(path, "X", X)
    X = X.reshape(len(X), -1)
    _check_finite(path, "X", X, first)
    return X


def _csr(path: str, arrays: dict[str, np.ndarray]) -> Any:
    check_layout(path, arrays.get("format", "csr"))
    try:
        shape = tuple(int(size) for size in arrays["shape"])
    except (ValueError, TypeError) as error:
        raise DataFileError(no_csr(path, error)) from error
    X = csr_rows(path, arrays["data"], arrays["indices"], arrays["indptr"], shape)
    check_shape(path, X.shape)
    return X


def check_layout(path: str, layout: Any) -> None:
    """Refuse matrices of other layouts than CSR."""
    name = str(np.asarray(layout).astype(str))
    if name != "csr":
        raise DataFileError(
            f"{path}: holds a {name} matrix; save it as CSR with its tocsr()."
        )


def no_csr(path: str, error: object) -> str:
    """What to say of arrays that contradict each other."""
    return (
        f"{path}: data, indices, indptr and shape do not make a CSR matrix ({error}); "
        "save it again."
    )


def csr_rows(
    path: str,
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    shape: tuple[int, ...],
    first: int = 0,
) -> Any:
    """A CSR matrix out of its parts, checked.

    Parameters
    ----------
    path : str
        For messages.
    data, indices, indptr : ndarray
    shape : tuple of int
    first : int, default=0
        Place of the first row in the file.

    Returns
    -------
    X : CSR matrix
        With sorted indices, each once.

    Raises
    ------
    DataFileError
        If the parts contradict each other, or hold no finite numbers.
    """
    data = check_numbers(path, "data", data)
    try:
        # Compiled code trusts the indices, and the file may be anyone's.
        X = checked_csr(sparse.csr_matrix((data, indices, indptr), shape=shape))
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise DataFileError(no_csr(path, error)) from error
    _check_finite(path, "the CSR matrix", X, first)
    try:
        return summed(X, "the CSR matrix")
    except ValueError as error:
        raise DataFileError(f"{path}: {error}") from error


def _check_finite(path: str, what: str, X: Any, first: int) -> None:
    found = not_finite(X)
    if found is not None:
        row, column, value = found
        raise DataFileError(
            f"{path}: {what} has {value} at row {first + row}, column {column} "
            "(counted from 0); features must be finite: fill it in or drop the row."
        )
