"""Rows in a temporary file, so that text is parsed once and not in each epoch."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker.io.rows import Rows

FREE_SHARE = 2
"""One part in so many of the free space is taken at most."""


@dataclass(frozen=True)
class Place:
    """Where rows are: the arrays that they have, one behind the other.

    Attributes
    ----------
    offset : int
        Bytes before the first array.
    arrays : tuple of (name, dtype, shape)
    shape : tuple of int or None
        Of a sparse X.
    """

    offset: int
    arrays: tuple[tuple[str, np.dtype, tuple[int, ...]], ...]
    shape: tuple[int, int] | None


class RowCache:
    """Pieces of rows as they are in memory, in a file without a name.

    It goes with the object. Any number of threads may read it.
    """

    def __init__(self) -> None:
        self._end = self._room = 0
        self._file: Any = None
        try:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115
            self._room = shutil.disk_usage(tempfile.gettempdir()).free // FREE_SHARE
        except OSError:
            # No room at all.
            return
        weakref.finalize(self, self._file.close)

    def add(self, rows: Rows) -> Place | None:
        """Keep rows; None if there is no room for them.

        Parameters
        ----------
        rows : Rows
        """
        X, shape = rows.X, None
        parts: dict[str, Any] = {"X": X}
        if sp.issparse(X):
            shape = X.shape
            parts = {"data": X.data, "indices": X.indices, "indptr": X.indptr}
        parts |= {"y": rows.y, "sample_weight": rows.sample_weight}
        arrays = {
            name: np.ascontiguousarray(array)
            for name, array in parts.items()
            if array is not None
        }
        size = sum(array.nbytes for array in arrays.values())
        if size > self._room:
            return None
        offset = self._end
        try:
            for array in arrays.values():
                self._file.write(array.tobytes())
            self._file.flush()
        except OSError:
            self._room = 0
            return None
        self._end, self._room = offset + size, self._room - size
        kinds = tuple((name, one.dtype, one.shape) for name, one in arrays.items())
        return Place(offset, kinds, shape)

    def read(self, place: Place) -> Rows:
        """The rows at a place.

        Raises
        ------
        OSError
            If the file cannot be read.
        """
        found: dict[str, np.ndarray] = {}
        offset = place.offset
        for name, dtype, shape in place.arrays:
            size = dtype.itemsize * int(np.prod(shape))
            data = bytearray(os.pread(self._file.fileno(), size, offset))
            found[name] = np.frombuffer(data, dtype).reshape(shape)
            offset += size
        X: Any = found.get("X")
        if place.shape is not None:
            parts = found["data"], found["indices"], found["indptr"]
            X = sp.csr_matrix(parts, shape=place.shape)
        return Rows(X, found.get("y"), found.get("sample_weight"))
