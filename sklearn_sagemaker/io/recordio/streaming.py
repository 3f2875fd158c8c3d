"""Rows as a file of records that is read from, and never whole in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker.io.recordio.frames import HEADER
from sklearn_sagemaker.io.recordio.writing import (
    CHUNK,
    TensorType,
    check_column,
    check_dtype,
    check_matrix,
    encoders,
)
from sklearn_sagemaker.io.rows import Rows

__all__ = ["RecordStream"]


class RecordStream:
    """The file that `write_recordio` would write, encoded as it is read.

    Parameters
    ----------
    rows : Rows
    dtype : {"float32", "float64", "int32"} or None, default="float32"
        As for `write_recordio`.

    Raises
    ------
    ValueError
        As `write_recordio`; a value that does not fit the type when it is read.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.recordio.streaming import RecordStream
    >>> from sklearn_sagemaker.io.rows import Rows
    >>> stream = RecordStream(Rows(np.array([[1.5, 16.0, 14.0, 23.0]]), np.ones(1)))
    >>> len(stream.read(50)), len(stream.read(50)), len(stream.read(50))
    (50, 10, 0)
    """

    def __init__(self, rows: Rows, dtype: TensorType | None = "float32"):
        check_dtype(dtype)
        X = check_matrix(rows.X)
        n_rows = X.shape[0]
        y = check_column("y", rows.y, n_rows)
        weight = check_column("sample_weight", rows.sample_weight, n_rows)
        self._encoders = encoders(Rows(X, y, weight), dtype)
        self._encoder: Any = None
        self._go_on()
        # A record that was too long for the end of what was read last.
        self._rest = np.empty(0, np.uint8)

    def read(self, size: int | None = -1) -> bytes:
        """Encode some bytes.

        Parameters
        ----------
        size : int or None, default=-1
            None and numbers below 0 are the rest.

        Returns
        -------
        data : bytes
            So many, unless the rows end.
        """
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(32 * CHUNK), b""))
        out = np.empty(size, np.uint8)
        done = 0
        while done < size:
            if len(self._rest):
                part = self._rest[: size - done]
                out[done : done + len(part)] = part
                self._rest = self._rest[len(part) :]
                done += len(part)
            elif self._encoder is None:
                break
            else:
                done += self._write(out[done:])
        return out[:done].tobytes()

    def _write(self, room: np.ndarray) -> int:
        """Encode rows into some room; what does not fit into its end is left over."""
        size, count = self._encode(room)
        if not count:
            rest = np.empty(max(CHUNK, self._encoder.largest + HEADER.size + 3), "u1")
            left, _ = self._encode(rest)
            self._rest = rest[:left]
        return size

    def _encode(self, room: np.ndarray) -> tuple[int, int]:
        """Bytes and rows that went into some room."""
        encoder = self._encoder
        size, count = encoder.write(self._row, room)
        self._row += count
        if self._row == encoder.n_rows:
            self._go_on()
        return size, count

    def _go_on(self) -> None:
        """Take the next encoder, whose rows are checked before any is encoded."""
        self._encoder, self._row = next(self._encoders, None), 0
        if self._encoder is not None:
            self._encoder.check()
