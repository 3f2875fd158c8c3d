"""NumPy ``.npz`` files: X or the parts of a CSR matrix, and y."""

from __future__ import annotations

import zipfile
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.labels import LabelKind, labels_from_array
from sklearn_sagemaker.io.opening import check_file, listed, reading
from sklearn_sagemaker.io.table import Table

CSR_PARTS = ("data", "indices", "indptr", "shape")


def load_arrays(path: str) -> dict[str, np.ndarray]:
    """All arrays of an ``.npz`` file; arrays of Python objects are refused.

    Raises
    ------
    DataFileError
        If it is no such file, is damaged, or would run code when loaded.
    """
    check_file(path)
    with reading(path):
        if not zipfile.is_zipfile(path):
            raise DataFileError(
                f"{path}: is not an .npz file, or is cut short; write one with "
                "numpy.savez."
            )
        arrays = {}
        with np.load(path, allow_pickle=False) as archive:
            for name in archive.files:
                try:
                    arrays[name] = archive[name]
                except ValueError as error:
                    raise DataFileError(
                        f"{path}: the array {name!r} holds Python objects or is "
                        "damaged; save it as an array of numbers or text."
                    ) from error
                if not isinstance(arrays[name], np.ndarray):
                    raise DataFileError(
                        f"{path}: {name!r} is not a NumPy array; write the file with "
                        "numpy.savez."
                    )
        return arrays


def read_npz(path: str, label: str | None, labels: LabelKind) -> Table:
    """Read X, or a CSR matrix as ``data``, ``indices``, ``indptr``, ``shape``.

    Parameters
    ----------
    path : str
    label : str or None
        Array of the labels; None leaves them.
    labels : {"auto", "text", "number"}
    """
    arrays = load_arrays(path)
    if "X" in arrays:
        X = _dense(path, arrays["X"])
        used = {"X"}
    elif set(CSR_PARTS) <= arrays.keys():
        X = _csr(path, arrays)
        used = {*CSR_PARTS, "format"}
    else:
        raise DataFileError(
            f"{path}: has the arrays {listed(list(arrays)) or 'none'}; needed are X, "
            f"or {', '.join(CSR_PARTS)} of a CSR matrix."
        )
    y = None
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


def _check_numbers(path: str, name: str, values: np.ndarray) -> np.ndarray:
    if values.dtype.kind not in "biuf":
        raise DataFileError(
            f"{path}: {name} has dtype {values.dtype}; features must be real numbers."
        )
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    if values.dtype in (np.float16, np.longdouble):
        return values.astype(np.float32 if values.dtype == np.float16 else np.float64)
    return values


def _check_shape(path: str, shape: tuple[int, ...]) -> None:
    if 0 in shape:
        raise DataFileError(
            f"{path}: X has shape {tuple(shape)}; a data file needs rows and features."
        )


def _dense(path: str, X: np.ndarray) -> np.ndarray:
    if X.ndim < 2:
        raise DataFileError(
            f"{path}: X has shape {X.shape}; it needs two dimensions, rows and "
            "features (images are flattened)."
        )
    X = _check_numbers(path, "X", X)
    _check_shape(path, X.shape)
    X = X.reshape(len(X), -1)
    if X.dtype.kind == "f" and not np.isfinite(X).all():
        row, column = np.argwhere(~np.isfinite(X))[0]
        raise DataFileError(
            f"{path}: X has {X[row, column]} at row {row}, column {column} (counted "
            "from 0); features must be finite: fill it in or drop the row."
        )
    return X


def _csr(path: str, arrays: dict[str, np.ndarray]) -> Any:
    layout = str(np.asarray(arrays.get("format", "csr")).astype(str))
    if layout != "csr":
        raise DataFileError(
            f"{path}: holds a {layout} matrix; save it as CSR with its tocsr()."
        )
    data = _check_numbers(path, "data", arrays["data"])
    try:
        shape = tuple(int(size) for size in arrays["shape"])
        X = sparse.csr_matrix((data, arrays["indices"], arrays["indptr"]), shape=shape)
        # Compiled code trusts the indices, and the file may be anyone's.
        X.check_format(full_check=True)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise DataFileError(
            f"{path}: data, indices, indptr and shape do not make a CSR matrix "
            f"({error}); save it again."
        ) from error
    _check_shape(path, X.shape)
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        place = int(np.flatnonzero(~np.isfinite(data))[0])
        row = int(np.searchsorted(X.indptr, place, side="right")) - 1
        raise DataFileError(
            f"{path}: the CSR matrix has {data[place]} at row {row}, column "
            f"{X.indices[place]} (counted from 0); features must be finite."
        )
    X.sum_duplicates()
    return X
