"""NumPy ``.npz`` files, written from batches of rows."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_sagemaker.io.atomic import replacing
from sklearn_sagemaker.io.file_writer import FileWriter
from sklearn_sagemaker.io.npz.tables import WEIGHTS
from sklearn_sagemaker.io.rows import Rows

LAST_INT32 = np.iinfo(np.int32).max


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
        self._staged: dict[str, _Staged] = {}

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
            self._staged[name] = _Staged(self._files.enter_context(file))
        self._staged[name].add(values)

    def _write(self, rows: Rows) -> None:
        # Labels first: they may be refused.
        if rows.y is not None:
            self._stage("y", rows.y)
        if rows.sample_weight is not None:
            self._stage(WEIGHTS, rows.sample_weight)
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

    def _finish(self) -> None:
        arrays = {name: staged.array() for name, staged in self._staged.items()}
        n_features = self.n_features or 0
        if "X" in arrays:
            arrays["X"] = arrays["X"].reshape(self.n_rows, n_features)
        else:
            # One dtype for both, or SciPy copies them.
            small = max(self._n_values, n_features) <= LAST_INT32
            for name in ("indices", "indptr"):
                dtype = np.int32 if small else np.int64
                arrays[name] = arrays[name].astype(dtype, copy=False)
            arrays["shape"] = np.array([self.n_rows, n_features], dtype=np.int64)
            arrays["format"] = np.array(b"csr")
        save: Any = np.savez_compressed if self._compress else np.savez
        with self._target.open("wb") as handle:
            save(handle, **arrays)


class _Staged:
    """An array of unknown length in a temporary file."""

    def __init__(self, file: Any):
        self._file = file
        # Labels may get longer, or fractions.
        self._parts: list[tuple[np.dtype, int]] = []

    def add(self, values: np.ndarray) -> None:
        """Put values behind those before.

        Raises
        ------
        ValueError
            If only some of them are text.
        """
        values = np.ascontiguousarray(values).reshape(-1)
        values = values.astype(values.dtype.newbyteorder("="), copy=False)
        dtype, n_items = values.dtype, values.size
        if self._parts and (dtype.kind == "U") != (self._parts[-1][0].kind == "U"):
            raise ValueError(
                "some labels are text and some are numbers; give all rows labels of "
                "one kind."
            )
        self._file.write(values.view(np.uint8).data if n_items else b"")
        if self._parts and self._parts[-1][0] == dtype:
            n_items += self._parts.pop()[1]
        self._parts.append((dtype, n_items))

    def array(self) -> np.ndarray:
        """All of it, which stays in the file if all values are of one dtype."""
        self._file.flush()
        found, offset = [], 0
        for dtype, n_items in self._parts:
            found.append(
                np.memmap(self._file, dtype, "r", offset, (n_items,))
                if n_items
                else np.empty(0, dtype)
            )
            offset += n_items * dtype.itemsize
        return found[0] if len(found) == 1 else np.concatenate(found)
