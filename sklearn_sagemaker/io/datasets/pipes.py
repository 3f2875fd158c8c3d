"""Rows that come through pipes, one for each pass: SageMaker's Pipe mode."""

from __future__ import annotations

import gzip
import io
import os
import select
import threading
import time
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._state import Contents, RowSource
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.datasets.contents import Look
from sklearn_sagemaker.io.datasets.read_ahead import read_ahead
from sklearn_sagemaker.io.datasets.shards import MOST_ROWS, PIECE_BYTES
from sklearn_sagemaker.io.datasets.snapshot import WINDOW_SHARE
from sklearn_sagemaker.io.datasets.windows import Filling, conformed
from sklearn_sagemaker.io.opening import reading
from sklearn_sagemaker.io.recordio.frames import HEADER, LARGEST_PAYLOAD
from sklearn_sagemaker.io.recordio.reading import iter_rows
from sklearn_sagemaker.io.rows import Rows, footprint, stack_rows
from sklearn_sagemaker.io.text.csv_payloads import iter_csv_body

FORMATS = ["recordio", "csv"]
"""Names of the formats that are read from a pipe."""
WAIT = 0.1
"""Seconds from one look to the next, while nothing comes."""
HEAD = 1 << 16
"""Bytes that tell the size of a row of text."""
_GZIP = b"\x1f\x8b"


class PipeDataset(RowSource):
    """Rows that named pipes bring, ``<prefix>_0``, ``<prefix>_1`` and so on.

    Each pass reads the next pipe from start to end, or closes it early, so that its
    writer ends. The first pass finds out what is inside, and keeps rows that take no
    more than ``memory``; more are read anew in each epoch, in windows of an eighth of
    it. A pipe, its writer and their bytes may come late.

    Parameters
    ----------
    prefix : str
    format : {"recordio", "csv"}
        CSV has no header and the label in front. Either may be compressed by gzip.
    memory : int
        Bytes of rows that may be loaded.
    n_features : int or None, default=None
        Number of features; None is what the rows say.
    waiting : callable or None, default=None
        Called again and again while nothing comes; may raise.

    Raises
    ------
    DataFileError
        In a pass, if the rows cannot be read, or are not those of the first one.
    """

    def __init__(
        self,
        prefix: str,
        format: str,
        *,
        memory: int,
        n_features: int | None = None,
        waiting: Callable[[], Any] | None = None,
    ):
        if format not in FORMATS:
            raise ValueError(
                f"{prefix}: a pipe of {format} is not read; write one of {FORMATS}, or "
                "read files."
            )
        self.prefix, self.format, self.memory = prefix, format, memory
        self.n_features, self._waiting = n_features, waiting
        self._passes = 0
        self._lock = threading.Lock()
        self._contents: Contents | None = None
        self._kept: list[Rows] | None = []
        self._look = Look()
        self._checksum = 0

    @property
    def contents(self) -> Contents:
        """What it holds; found by the first pass."""
        with self._lock:
            if self._contents is None:
                self._contents = self._survey()
            return self._contents

    def _survey(self) -> Contents:
        look, size = self._look, 0
        name = f"{self.prefix}_{self._passes}"
        with closing(self._read_ahead()) as pieces:
            for rows in pieces:
                look.add(name, rows)
                size += footprint(rows)
                if self._kept is not None and size <= self.memory:
                    self._kept.append(rows)
                else:
                    self._kept = None
                self._checksum = _checksum(rows, self._checksum)
        # A width that only keys say is not held against the bytes, which are not known.
        return look.contents(self.n_features, 1 << 62)

    def load(self) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """X, y and sample weights of all rows, in order."""
        contents = self.contents
        table = Filling(contents, self._look.n_all, self._look.n_stored)
        if self._kept is None:
            with closing(self.windows(0, None)) as windows:
                for X, y, weights, _ in windows:
                    table.add(X, y, weights)
            return table.rows()
        kept, self._kept = self._kept, None
        for rows in kept:
            table.add(*conformed(rows, contents, self._look.weighted))
        return table.rows()

    def windows(
        self, seed: int, epoch: int | None
    ) -> Generator[tuple[Any, np.ndarray, np.ndarray | None, np.ndarray], None, None]:
        """Large pieces of the rows, read ahead, in the order in which they come.

        Yields
        ------
        X, y, sample_weight, draws : object
            As of `RowSource.windows`.
        """
        contents = self.contents
        self._kept = None
        most = max(1, self.memory // WINDOW_SHARE)
        parts: list[Rows] = []
        draws: list[np.ndarray] = []
        size = checksum = 0

        def window() -> tuple:
            rows = conformed(stack_rows(parts), contents, self._look.weighted)
            return (*rows, np.concatenate(draws))

        with closing(self._read_ahead()) as pieces:
            for number, rows in enumerate(pieces):
                checksum = _checksum(rows, checksum)
                parts.append(rows)
                rng = np.random.default_rng([seed, 0xD4A3, number])
                draws.append(rng.random(len(rows)))
                size += footprint(rows)
                if size >= most:
                    yield window()
                    parts, draws, size = [], [], 0
            if parts:
                yield window()
        if checksum != self._checksum:
            raise DataFileError(
                f"{self.prefix}_{self._passes - 1}: brings other rows, or in another "
                "order, than the first pass; leave ShuffleConfig out, and the objects "
                "alone until the training ends."
            )

    def _read_ahead(self) -> Generator[Rows, None, None]:
        """The pieces of a pass; its pipe is closed at the end."""
        name, self._passes = f"{self.prefix}_{self._passes}", self._passes + 1
        left = threading.Event()

        def wait() -> bool:
            if self._waiting is not None:
                self._waiting()
            return not left.is_set()

        with closing(read_ahead(lambda: self._pieces(name, wait))) as pieces:
            try:
                # "yield from" would close the thread's part first, and wait for it.
                for rows in pieces:  # noqa: UP028
                    yield rows
            finally:
                left.set()

    def _pieces(self, name: str, wait: Callable[[], bool]) -> Iterator[Rows]:
        with reading(name), PipeReader(name, wait) as pipe:
            stream = _Ahead(pipe, name)
            if stream.head(2) == _GZIP:
                packed = io.BufferedReader(stream)
                stream = _Ahead(gzip.GzipFile(fileobj=packed), name)
            if self.format == "recordio":
                size = _rows_of_records(stream)
                # Any object that reads bytes will do.
                source: Any = stream
                yield from iter_rows(source, size, n_features=self.n_features)
            else:
                yield from self._csv(stream, name)

    def _csv(self, stream: _Ahead, name: str) -> Iterator[Rows]:
        line = len(stream.head(HEAD).partition(b"\n")[0]) + 1
        try:
            yield from iter_csv_body(
                io.BufferedReader(stream), _piece(line), label_size=1
            )
        except DataFileError as error:
            raise DataFileError(f"{name}: {error}") from error


def _piece(row_bytes: int) -> int:
    """Rows of a piece: the same in each pass and after each start."""
    return min(max(1, PIECE_BYTES // row_bytes), MOST_ROWS)


def _rows_of_records(stream: _Ahead) -> int:
    head = stream.head(HEADER.size)
    if len(head) < HEADER.size:
        return 1
    return _piece(HEADER.size + (HEADER.unpack(head)[1] & LARGEST_PAYLOAD))


def _checksum(rows: Rows, before: int) -> int:
    """Tells the rows up to here from others, as far as pieces are the same."""
    parts = [rows.y, rows.sample_weight]
    parts += [rows.X.data, rows.X.indices] if sp.issparse(rows.X) else [rows.X]
    for part in parts:
        if part is not None:
            before = zlib.crc32(np.ascontiguousarray(part).view(np.uint8).data, before)
    return before


class PipeReader(io.RawIOBase):
    """The reading end of a named pipe, which may appear late.

    Parameters
    ----------
    name : str
    wait : callable
        Called while nothing comes; False ends the stream.
    """

    def __init__(self, name: str, wait: Callable[[], bool]):
        self._name, self._wait = name, wait
        self._handle: int | None = None
        self._poll = select.poll()

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def readinto(self, space: Any) -> int:
        """See `io.RawIOBase`."""
        while self._handle is None:
            try:
                # Without waiting for a writer, who may never come.
                self._handle = os.open(self._name, os.O_RDONLY | os.O_NONBLOCK)
                self._poll.register(self._handle, select.POLLIN)
            except FileNotFoundError:
                if not self._wait():
                    return 0
                time.sleep(WAIT)
        # There is no hang-up before the first writer has come and gone.
        while not self._poll.poll(1000 * WAIT):
            if not self._wait():
                return 0
        return os.readv(self._handle, [space])

    def close(self) -> None:
        """See `io.RawIOBase`."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        super().close()


class _Ahead(io.RawIOBase):
    """A stream whose first bytes can be looked at, however they come."""

    def __init__(self, source: Any, name: str):
        self._source, self.name, self._head = source, name, b""

    def head(self, size: int) -> bytes:
        """So many of the bytes to come, or all of them."""
        while len(self._head) < size:
            more = self._source.read(size - len(self._head))
            if not more:
                break
            self._head += more
        return self._head[:size]

    def readable(self) -> bool:
        return True

    def readinto(self, space: Any) -> int:
        if self._head:
            count = min(len(space), len(self._head))
            space[:count], self._head = self._head[:count], self._head[count:]
            return count
        return self._source.readinto(space) or 0
