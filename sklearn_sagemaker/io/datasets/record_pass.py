"""What a pass over RecordIO files keeps from one window to the next."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import BinaryIO
from weakref import WeakValueDictionary

import numpy as np

from sklearn_sagemaker.exceptions import RecordIOError
from sklearn_sagemaker.io.datasets.shards import RecordShard
from sklearn_sagemaker.io.recordio.reading import EVERYTHING, iter_rows
from sklearn_sagemaker.io.rows import Rows

MOST_OPEN = 64
"""Files that a pass has open at a time."""


class Spaces:
    """Memory for the bytes of a window, which passes use one after the other.

    An epoch in many parts has as many passes, and the first use of a page of fresh
    memory takes longer than to fill it. It goes with those who hold this.
    """

    def __init__(self) -> None:
        self._free: list[np.ndarray] = []

    def take(self) -> np.ndarray:
        """Some memory, of any size, that no other pass uses."""
        try:
            return self._free.pop()
        except IndexError:
            return np.empty(0, np.uint8)

    def give(self, space: np.ndarray) -> None:
        """Let other passes use it."""
        self._free.append(space)


_shared: WeakValueDictionary[str, Spaces] = WeakValueDictionary()
_lock = threading.Lock()


def shared_spaces() -> Spaces:
    """Those of this process: passes over many sets of files seldom run at once."""
    with _lock:
        found = _shared.get("")
        if found is None:
            found = _shared[""] = Spaces()
        return found


class RecordPass:
    """Files that stay open from one piece to the next, and memory for their bytes.

    A context, at whose end the files are closed.

    Parameters
    ----------
    n_features : int or None
    spaces : Spaces or None
        Where memory is from, and goes to; None has its own.
    """

    def __init__(self, n_features: int | None, spaces: Spaces | None = None):
        self._n_features, self._spaces = n_features, spaces or Spaces()
        self._space = self._spaces.take()
        # The one that was opened first comes first.
        self._open: dict[RecordShard, BinaryIO] = {}

    def __enter__(self) -> RecordPass:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._open:
            self._open.popitem()[1].close()
        self._spaces.give(self._space)

    def _file(self, shard: RecordShard) -> BinaryIO:
        if shard not in self._open:
            if len(self._open) >= MOST_OPEN:
                self._open.pop(next(iter(self._open))).close()
            self._open[shard] = shard.open()
        return self._open[shard]

    def rows(self, pieces: Sequence[tuple[RecordShard, int]]) -> Rows | None:
        """The rows of some pieces, decoded at once.

        Parameters
        ----------
        pieces : sequence of (RecordShard, int)
            With the place of each.

        Returns
        -------
        rows : Rows or None
            None if they are no records of one kind: then read them one by one.

        Raises
        ------
        DataFileError
            If a file is another one than was meant.
        """
        sizes = [shard.n_bytes(place) for shard, place in pieces]
        in_all, start = sum(sizes), 0
        if in_all > len(self._space):
            self._space = np.empty(in_all, np.uint8)
        view = self._space.data[:in_all]
        for (shard, place), size in zip(pieces, sizes, strict=True):
            shard.read_bytes(place, view[start : start + size], self._file(shard))
            start += size
        try:
            rows = next(iter_rows(view, EVERYTHING, n_features=self._n_features))
        except RecordIOError:
            return None
        # Then those of each are not known.
        wanted = sum(shard.n_rows(place) for shard, place in pieces)
        return rows if len(rows) == wanted else None
