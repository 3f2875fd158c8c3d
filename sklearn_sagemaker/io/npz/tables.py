"""NumPy ``.npz`` files: X or the parts of a CSR matrix, y, and weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_sagemaker._sparse import checked_csr, summed
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.labels import LabelKind, labels_from_array
from sklearn_sagemaker.io.messages import listed
from sklearn_sagemaker.io.npz.members import open_archive
from sklearn_sagemaker.io.opening import file_name, file_size
from sklearn_sagemaker.io.rows import (
    Rows,
    batches,
    check_count,
    check_finite,
    check_weights,
    check_width,
)
from sklearn_sagemaker.io.table import Table

CSR_PARTS = ("data", "indices", "indptr", "shape")

WEIGHTS = "sample_weight"
"""Name of the array of sample weights."""


def iter_npz(
    path: str | os.PathLike[str],
    batch_size: int,
    *,
    label: str | None = "y",
    memory: int | None = None,
) -> Iterator[Rows]:
    """Load an ``.npz`` file, and give its rows in batches.

    Parameters
    ----------
    path : str or path-like
        A file of `numpy.savez` or `numpy.savez_compressed` with the array ``X``, or
        with ``data``, ``indices``, ``indptr`` and ``shape`` of a CSR matrix, as
        `scipy.sparse.save_npz` writes it; with the labels; and with the array
        ``sample_weight`` if the rows have weights.
    batch_size : int
        Rows of a batch; the last one may have fewer.
    label : str or None, default="y"
        Array of the labels; None leaves them.
    memory : int or None, default=None
        Bytes that the arrays may have; None is this machine's memory.

    Returns
    -------
    batches : iterator of Rows
        ``X`` is dense or CSR, in the dtype of the file (float16 becomes float32,
        booleans uint8). ``y`` is int64, float64 or text.

    Raises
    ------
    DataFileError
        If the file is damaged, holds Python objects, or more than may be loaded, or
        its arrays contradict each other. All is raised by the call.
    ValueError
        If ``batch_size`` is no number of rows.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "train.npz")
    >>> np.savez(path, X=np.arange(6.0).reshape(3, 2), y=[1, 0, 1])
    >>> for rows in iter_npz(path, 2):
    ...     print(rows.y, rows.X.tolist())
    [1 0] [[0.0, 1.0], [2.0, 3.0]]
    [1] [[4.0, 5.0]]
    >>> folder.cleanup()
    """
    path = file_name(path)
    batch_size = check_count("batch_size", batch_size)
    used, _ = load_arrays(path, label, (WEIGHTS,), memory)
    X = _features(path, used)
    if isinstance(X, np.ndarray):
        # Rows of Fortran order are scattered.
        X = np.ascontiguousarray(X)
    y = weights = None
    if label is not None:
        y = _labels(path, used, label, "auto", X.shape[0])
        if used[label].dtype.kind == "f":
            # Not whole numbers in this file and fractions in the next.
            y = y.astype(np.float64)
    if WEIGHTS in used and label != WEIGHTS:
        weights = _weights(path, used[WEIGHTS], X.shape[0])
    return batches([Rows(X, y, weights)], batch_size)


def read_npz(
    path: str,
    *,
    label: str | int | None = None,
    with_label: bool = True,
    labels: LabelKind = "auto",
    memory: int | None = None,
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
    memory : int or None, default=None
        Bytes that the arrays may have; None is this machine's memory.

    Returns
    -------
    table : Table
        ``X`` has the dtype of the file (float16 becomes float32, booleans uint8).

    Raises
    ------
    DataFileError
        As `iter_npz`.
    """
    name = "y" if label is None else str(label)
    used, unused = load_arrays(path, name if with_label else None, (), memory)
    X = _features(path, used)
    if sparse.issparse(X):
        check_width(path, X.shape[1], file_size(path))
    y = _labels(path, used, name, labels, X.shape[0]) if with_label else None
    label = name if with_label else None
    return Table(path=path, X=X, y=y, label=label, unused=unused)


def load_arrays(
    path: str, label: str | None, more: Iterable[str], memory: int | None = None
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The arrays of X, the labels, and others that are there.

    Parameters
    ----------
    path : str
    label : str or None
    more : iterable of str
    memory : int or None, default=None

    Returns
    -------
    arrays : dict of str to ndarray
    unused : tuple of str
        Names of those that were left alone.

    Raises
    ------
    DataFileError
        If the file is damaged, or X or the labels are missing.
    """
    with open_archive(path, memory) as archive:
        names = archive.names
        if "X" in names:
            wanted = {"X"}
        elif set(CSR_PARTS) <= set(names):
            wanted = {*CSR_PARTS, "format"}
        else:
            raise DataFileError(
                f"{path}: has the arrays {listed(names) or 'none'}; needed are X, or "
                f"{', '.join(CSR_PARTS)} of a CSR matrix."
            )
        if label is not None and label not in names:
            raise DataFileError(
                f"{path}: has no array {label!r} of labels, only {listed(names)}; add "
                "one, name another, or ask for none."
            )
        wanted |= {*more} if label is None else {label, *more}
        unused = tuple(name for name in names if name not in wanted)
        return archive.load(name for name in names if name in wanted), unused


def _place(path: str) -> Callable[[int], str]:
    return lambda row: f"{path}: row {row} (counted from 0)"


def _features(path: str, arrays: dict[str, np.ndarray]) -> Any:
    """X, dense or CSR, of finite numbers."""
    X = arrays["X"] if "X" in arrays else _csr(path, arrays)
    if X.ndim < 2:
        raise DataFileError(
            f"{path}: X has shape {X.shape}; it needs two dimensions, rows and "
            "features (images are flattened)."
        )
    if 0 in X.shape:
        raise DataFileError(
            f"{path}: X has shape {X.shape}; a data file needs rows and features."
        )
    if not sparse.issparse(X):
        X = _numbers(path, "X", X).reshape(len(X), -1)
    check_finite(X, _place(path))
    if not sparse.issparse(X):
        return X
    try:
        return summed(X, "the CSR matrix")
    except ValueError as error:
        raise DataFileError(f"{path}: {error}") from error


def _numbers(path: str, name: str, values: np.ndarray) -> np.ndarray:
    """Real numbers of a dtype that estimators take."""
    if values.dtype.kind not in "biuf":
        raise DataFileError(
            f"{path}: {name} has dtype {values.dtype}; features must be real numbers."
        )
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    if values.dtype in (np.float16, np.longdouble):
        return values.astype(np.float32 if values.dtype == np.float16 else np.float64)
    return values


def _csr(path: str, arrays: dict[str, np.ndarray]) -> Any:
    """A CSR matrix out of its parts, checked."""
    layout = str(arrays.get("format", np.array("csr")).astype(str))
    if layout != "csr":
        raise DataFileError(
            f"{path}: holds a {layout} matrix; save it as CSR with its tocsr()."
        )
    data, indices, indptr = (arrays[name] for name in CSR_PARTS[:3])
    data = _numbers(path, "data", data)
    try:
        if not {indices.dtype.kind, indptr.dtype.kind} <= {"i", "u"}:
            raise TypeError(f"indices of {indices.dtype}, indptr of {indptr.dtype}")
        if indptr.size and indptr.flat[-1] < len(data):
            raise ValueError("indptr ends before the numbers do; call its prune()")
        shape = tuple(int(size) for size in arrays["shape"])
        # Compiled code trusts the indices, and the file may be anyone's.
        return checked_csr(sparse.csr_matrix((data, indices, indptr), shape=shape))
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise DataFileError(
            f"{path}: data, indices, indptr and shape do not make a CSR matrix "
            f"({error}); save it again."
        ) from error


def _check_number(path: str, name: str, what: str, n: int, n_rows: int) -> None:
    if n != n_rows:
        raise DataFileError(
            f"{path}: {name} has {n} {what} for {n_rows} rows; they must be as many."
        )


def _labels(
    path: str, arrays: dict[str, np.ndarray], name: str, kind: LabelKind, n_rows: int
) -> np.ndarray:
    y = labels_from_array(arrays[name], kind, f"{path}: {name}")
    _check_number(path, name, "labels", len(y), n_rows)
    return y


def _weights(path: str, weights: np.ndarray, n_rows: int) -> np.ndarray:
    if weights.ndim == 2 and weights.shape[1] == 1:
        weights = weights[:, 0]
    if weights.ndim != 1 or weights.dtype.kind not in "biuf":
        raise DataFileError(
            f"{path}: {WEIGHTS} has shape {weights.shape} and dtype {weights.dtype}; "
            "weights must be numbers, one for each row."
        )
    _check_number(path, WEIGHTS, "weights", len(weights), n_rows)
    weights = weights.astype(np.float64)
    check_weights(weights, _place(path))
    return weights
