"""NumPy ``.npz`` files in batches of rows, and written from batches."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.atomic import replacing
from sklearn_sagemaker.io.file_writer import FileWriter
from sklearn_sagemaker.io.labels import check_labels, labels_from_array
from sklearn_sagemaker.io.messages import listed
from sklearn_sagemaker.io.npz.members import (
    PIECE,
    Archive,
    Member,
    Staged,
    add_array,
    open_archive,
)
from sklearn_sagemaker.io.npz.tables import (
    CSR_PARTS,
    check_layout,
    check_numbers,
    check_shape,
    csr_rows,
    dense_rows,
    no_csr,
    wanted_arrays,
)
from sklearn_sagemaker.io.opening import file_name
from sklearn_sagemaker.io.rows import Rows, check_count

WEIGHTS = "sample_weight"
"""Name of the array of sample weights."""

LAST_INT32 = np.iinfo(np.int32).max


def iter_npz(
    path: str | os.PathLike[str], batch_size: int, *, label: str | None = "y"
) -> Iterator[Rows]:
    """Read an ``.npz`` file in batches, in memory that does not grow with the file.

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

    Returns
    -------
    batches : iterator of Rows
        ``X`` is dense or CSR, in the dtype of the file (float16 becomes float32,
        booleans uint8). ``y`` is int64, float64 or text.

    Raises
    ------
    DataFileError
        If the file is damaged, holds Python objects, or its arrays contradict each
        other. What their headers show is raised by the call, the rest by the
        iterator.
    ValueError
        If ``batch_size`` is no number of rows.

    Notes
    -----
    The arrays are read side by side, each from its own place in the archive, and no
    memory is asked for that the size of the file does not justify. An X in Fortran
    order, whose rows are scattered over the file, is read whole.

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
    with open_archive(path) as archive:
        _Source(archive, label)
    return _batches(path, batch_size, label)


def _batches(path: str, batch_size: int, label: str | None) -> Iterator[Rows]:
    with open_archive(path) as archive:
        source = _Source(archive, label)
        for first in range(0, source.n_rows, batch_size):
            yield source.take(first, min(batch_size, source.n_rows - first))


class _Source:
    """The arrays of a file, open side by side."""

    def __init__(self, archive: Archive, label: str | None):
        self.path = path = archive.path
        self.names = archive.names
        self._archive = archive
        self._X: Any = None
        self._csr: list[Member] = []
        if "X" in self.names:
            self._start_dense()
        elif set(CSR_PARTS) <= set(self.names):
            self._start_csr()
        else:
            raise DataFileError(wanted_arrays(path, self.names))
        if label is not None and label not in self.names:
            raise DataFileError(
                f"{path}: has no array {label!r} of labels, only "
                f"{listed(self.names)}; add one, name another, or ask for none."
            )
        self._y = None if label is None else self._column(label, "labels")
        self._weights = None
        if WEIGHTS in self.names and label != WEIGHTS:
            self._weights = self._column(WEIGHTS, "weights")

    def _start_dense(self) -> None:
        member = self._archive.member("X")
        check_shape(self.path, member.shape)
        self.n_rows = member.shape[0]
        check_numbers(self.path, "X", np.empty(0, member.dtype))
        self._X = member
        self._loaded: np.ndarray | None = None

    def _start_csr(self) -> None:
        if "format" in self.names:
            check_layout(self.path, self._small("format"))
        shape = self._small("shape")
        if shape.dtype.kind not in "iu" or shape.shape != (2,):
            raise DataFileError(no_csr(self.path, "shape is not two whole numbers"))
        self.n_rows, self._n_features = (int(size) for size in shape)
        check_shape(self.path, (self.n_rows, self._n_features))
        data, indices, indptr = (
            self._archive.member(name) for name in ("data", "indices", "indptr")
        )
        if self.n_rows < 0 or indptr.shape != (self.n_rows + 1,):
            raise DataFileError(
                no_csr(
                    self.path, f"indptr has shape {indptr.shape} for {shape[0]} rows"
                )
            )
        if data.shape != indices.shape or len(data.shape) != 1:
            raise DataFileError(
                no_csr(
                    self.path,
                    f"data has shape {data.shape}, indices {indices.shape}",
                )
            )
        for member in (indices, indptr):
            if member.dtype.kind not in "iu":
                raise DataFileError(
                    no_csr(self.path, f"{member.name} has dtype {member.dtype}")
                )
        check_numbers(self.path, "data", np.empty(0, data.dtype))
        self._csr = [data, indices, indptr]
        self._at = self._pointers(1)[0]
        if self._at != 0:
            raise DataFileError(no_csr(self.path, f"indptr starts at {self._at}"))

    def _small(self, name: str) -> np.ndarray:
        member = self._archive.member(name)
        if member.n_items * member.dtype.itemsize > PIECE:
            raise DataFileError(no_csr(self.path, f"{name} has shape {member.shape}"))
        return member.whole()

    def _column(self, name: str, what: str) -> Member:
        member = self._archive.member(name)
        shape = member.shape
        if len(shape) == 2 and shape[1] == 1:
            shape = shape[:1]
        if len(shape) != 1:
            raise DataFileError(
                f"{self.path}: {name} has shape {shape}; {what} need one value for "
                "each row."
            )
        if shape[0] != self.n_rows:
            raise DataFileError(
                f"{self.path}: {name} has {shape[0]} {what} for {self.n_rows} rows; "
                "they must be as many."
            )
        if member.dtype.kind not in ("biuf" if what == "weights" else "USbiuf"):
            raise DataFileError(
                f"{self.path}: {name} has dtype {member.dtype}; {what} must be numbers"
                f"{'' if what == 'weights' else ' or text'}."
            )
        return member

    def _pointers(self, n: int) -> np.ndarray:
        found = self._csr[2].take(n)
        if found.dtype.kind == "u" and n and found.max() > np.iinfo(np.int64).max:
            raise DataFileError(no_csr(self.path, "indptr goes beyond the numbers"))
        return found.astype(np.int64)

    def take(self, first: int, n_rows: int) -> Rows:
        """The next rows."""
        X = self._take_csr(first, n_rows) if self._csr else self._dense(first, n_rows)
        y = weights = None
        if self._y is not None:
            y = self._labels(self._y, first, n_rows)
        if self._weights is not None:
            weights = self._weights.take(n_rows).astype(np.float64)
            bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
            if len(bad):
                raise DataFileError(
                    f"{self.path}: {WEIGHTS} has {weights[bad[0]]} at row "
                    f"{first + bad[0]} (counted from 0); weights are finite and not "
                    "negative."
                )
        return Rows(X, y, weights)

    def _dense(self, first: int, n_rows: int) -> np.ndarray:
        if not self._X.fortran_order:
            return dense_rows(self.path, self._X.rows(n_rows), first)
        if self._loaded is None:
            self._loaded = self._X.whole()
        rows = np.ascontiguousarray(self._loaded[first : first + n_rows])
        return dense_rows(self.path, rows, first)

    def _take_csr(self, first: int, n_rows: int) -> Any:
        data, indices, _ = self._csr
        ends = self._pointers(n_rows)
        starts = np.concatenate(([self._at], ends[:-1]))
        last = first + n_rows == self.n_rows
        if (ends < starts).any() or ends[-1] > data.n_items:
            raise DataFileError(no_csr(self.path, "indptr falls or goes too far"))
        if last and ends[-1] != data.n_items:
            raise DataFileError(no_csr(self.path, "indptr ends before the numbers do"))
        n_values = int(ends[-1] - self._at)
        columns = indices.take(n_values)
        if columns.dtype.kind == "u" or columns.dtype.itemsize < 4:
            # Above int64, a number turns negative and is refused as such.
            columns = columns.astype(np.int64)
        indptr = np.concatenate(([0], ends - self._at))
        self._at = int(ends[-1])
        return csr_rows(
            self.path,
            data.take(n_values),
            columns,
            indptr,
            (n_rows, self._n_features),
            first,
        )

    def _labels(self, member: Member, first: int, n_rows: int) -> np.ndarray:
        values, where = member.take(n_rows), f"{self.path}: {member.name}"
        if values.dtype.kind == "f":
            check_labels(values, where, first)
            # Not whole numbers here and fractions there.
            return values.astype(np.float64)
        return labels_from_array(values, "auto", where)


class NpzWriter(FileWriter):
    """Write rows as an ``.npz`` file, without having all of them in memory.

    A context manager: the file appears when it ends without an error. Dense rows
    become the array ``X``, sparse ones ``data``, ``indices``, ``indptr``, ``shape``
    and ``format``, which `scipy.sparse.load_npz` reads; beside them are ``y`` and
    ``sample_weight`` if the rows have them.

    Parameters
    ----------
    target : str or path-like
        File to write.
    compress : bool, default=False
        Whether to compress, as `numpy.savez_compressed` does.

    Raises
    ------
    ValueError
        By `write`: for rows that do not fit the ones before, or numbers that are not
        finite.

    Notes
    -----
    An array's header says how many rows it has, which only the end shows. Until then
    the numbers lie in unnamed temporary files in the folder of the target, so that
    folder needs room for the data twice.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.rows import Rows
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "train.npz")
    >>> with NpzWriter(path) as writer:
    ...     writer.write(Rows(np.array([[0.5, 2.0]]), np.array([1])))
    ...     writer.write(Rows(np.array([[1.5, 3.0]]), np.array([0])))
    >>> np.load(path)["X"].tolist()
    [[0.5, 2.0], [1.5, 3.0]]
    >>> folder.cleanup()
    """

    format = "npz"

    def __init__(self, target: str | os.PathLike[str], *, compress: bool = False):
        super().__init__(target)
        self._compress = compress
        self._staged: dict[str, Staged] = {}

    def _start(self, stack: ExitStack) -> None:
        self._target = stack.enter_context(replacing(self.path))
        # Closing a temporary file deletes it.
        self._files = stack.enter_context(ExitStack())
        self._n_values = 0

    def _stage(self, name: str, values: np.ndarray) -> None:
        if name not in self._staged:
            # Beside the file, unless that is a pipe.
            folder = self._target.parent if self._target.is_file() else None
            file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
            self._staged[name] = Staged(self._files.enter_context(file))
        self._staged[name].add(values)

    def _write(self, rows: Rows) -> None:
        X = rows.X
        if sparse.issparse(X):
            if not self.n_rows:
                self._stage("indptr", np.zeros(1, np.int64))
            # A matrix may have room for more numbers than are its own.
            self._stage("data", X.data[: X.nnz])
            self._stage("indices", X.indices[: X.nnz])
            self._stage("indptr", X.indptr[1:].astype(np.int64) + self._n_values)
            self._n_values += X.nnz
        else:
            self._stage("X", X)
        if rows.y is not None:
            self._stage("y", rows.y)
        if rows.sample_weight is not None:
            self._stage(WEIGHTS, rows.sample_weight)

    def _finish(self) -> None:
        method = zipfile.ZIP_DEFLATED if self._compress else zipfile.ZIP_STORED
        n_features = self.n_features or 0
        with (
            self._target.open("wb") as handle,
            zipfile.ZipFile(handle, "w", method) as archive,
        ):
            for name, staged in self._staged.items():
                shape = (self.n_rows, n_features) if name == "X" else (staged.n_items,)
                dtype = staged.dtype
                if name in ("indices", "indptr"):
                    # One dtype for both, or SciPy copies them.
                    small = max(self._n_values, n_features) <= LAST_INT32
                    dtype = np.dtype(np.int32 if small else np.int64)
                add_array(archive, name, shape, dtype, staged.pieces(dtype))
            if "data" in self._staged:
                size = np.array([self.n_rows, n_features], dtype=np.int64)
                add_array(archive, "shape", size.shape, size.dtype, [size])
                layout = np.array(b"csr")
                add_array(archive, "format", layout.shape, layout.dtype, [layout])
