"""The rows of some files as they are at one time, for any number of passes."""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sklearn_sagemaker._state import Contents, RowSource
from sklearn_sagemaker.io.datasets.contents import Look
from sklearn_sagemaker.io.datasets.read_ahead import read_ahead
from sklearn_sagemaker.io.datasets.record_pass import shared_spaces
from sklearn_sagemaker.io.datasets.shards import (
    RecordShard,
    Stamp,
    open_shards,
)
from sklearn_sagemaker.io.datasets.windows import (
    WHOLE,
    Chosen,
    Filling,
    chosen_pieces,
    conformed,
    piece_windows,
    record_windows,
)
from sklearn_sagemaker.io.rows import Rows

WINDOW_SHARE = 8
"""A window of rows takes one part in so many of the memory: one is trained on, one
waits, and one is being read."""


@dataclass(frozen=True)
class Reading:
    """How files are read.

    Attributes
    ----------
    paths : tuple of str
    format : str or None
    shuffle : bool
    memory : int
    n_features : int or None
    options : dict
        As for `FileDataset`.
    """

    paths: tuple[str, ...]
    format: str | None
    shuffle: bool
    memory: int
    n_features: int | None
    options: dict[str, Any]

    @property
    def window_bytes(self) -> int:
        """Size of a window of rows in memory."""
        return max(1, self.memory // WINDOW_SHARE)


class Snapshot(RowSource):
    """Rows of files that must stay as they are; made by one pass over them.

    Nothing of it changes later, so any number of threads may read it.

    Parameters
    ----------
    how : Reading
    stamps : tuple of Stamp
        Of the files.

    Attributes
    ----------
    how, stamps, contents, memory : object
    look : Look
        From which the contents are.

    Raises
    ------
    DataFileError
        If a file cannot be read, has no labels, or does not go with the others; here
        and in every pass, if one has changed.
    """

    def __init__(self, how: Reading, stamps: tuple[Stamp, ...]):
        self.how, self.stamps, self.memory = how, stamps, how.memory
        self._shards = open_shards(
            list(how.paths),
            stamps,
            how.format,
            how.window_bytes,
            how.n_features,
            how.memory,
            how.options,
        )
        look = Look()
        with closing(read_ahead(self._in_order)) as found:
            for path, rows in found:
                look.add(path, rows)
        self.check()
        in_all = sum(stamp.size for stamp in stamps)
        self._contents = look.contents(how.n_features, in_all)
        self.look = look
        self._n_all, self._n_stored = look.n_all, look.n_stored
        self._spaces = shared_spaces()
        self._weighted = look.weighted

    def __repr__(self) -> str:
        return f"Snapshot({len(self._shards)} files)"

    @property
    def contents(self) -> Contents:
        """What it holds."""
        return self._contents

    def description(self) -> dict[str, Any]:
        """Arguments of a `FileDataset` of the same files, by absolute paths."""
        how = self.how
        return {
            "paths": [os.path.abspath(path) for path in how.paths],
            "format": how.format,
            "shuffle": how.shuffle,
            "memory": how.memory,
            "n_features": how.n_features,
            **how.options,
        }

    def _in_order(self) -> Iterator[tuple[str, Rows]]:
        """Each file's pieces, while its places are noted."""
        for shard in self._shards:
            for rows in shard.scan():
                yield shard.path, rows

    def check(self) -> None:
        """See `RowSource`."""
        for shard in self._shards:
            shard.check()

    def load(self) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """X, y and sample weights of all rows, in order."""
        table = Filling(self.contents, self._n_all, self._n_stored)
        with closing(self.windows(0, None)) as windows:
            for X, y, weights, _ in windows:
                table.add(X, y, weights)
        return table.rows()

    def windows(
        self,
        seed: int,
        epoch: int | None,
        part: tuple[int, int] = WHOLE,
        share: tuple[int, int] = WHOLE,
    ) -> Generator[tuple[Any, np.ndarray, np.ndarray | None, np.ndarray], None, None]:
        """Large pieces of the rows, read ahead; see `FileDataset.windows`.

        Parameters
        ----------
        seed, epoch : object
            As there.
        part : (int, int), default=(0, 1)
            Number of a part of the rows of the epoch, and how many parts it has.
        share : (int, int), default=(0, 1)
            The same of the pieces of the files, for passes that have no others.
        """
        if not self.how.shuffle:
            epoch = None
        chosen = None
        if (part, share) != (WHOLE, WHOLE):
            chosen = chosen_pieces(self._keys, seed, epoch, part, share)
        with closing(read_ahead(lambda: self._read(seed, epoch, chosen))) as found:
            yield from found

    @cached_property
    def _keys(self) -> list[tuple[int, int]]:
        """Number of the file and of the piece in it, of all pieces."""
        return [
            (number, piece)
            for number, shard in enumerate(self._shards)
            for piece in range(shard.n_pieces)
        ]

    def _read(
        self, seed: int, epoch: int | None, chosen: Chosen | None
    ) -> Iterator[tuple]:
        for rows, keys in self._pieces(seed, epoch, chosen):
            draws = np.concatenate(
                [
                    np.random.default_rng([seed, 0xD4A3, *key]).random(n)
                    for key, n in keys
                ]
            )
            X, y, weights = conformed(rows, self.contents, self._weighted)
            if chosen is not None and chosen.cuts > 1:
                mine = np.concatenate([chosen.rows(key, n) for key, n in keys])
                X, y, draws = X[mine], y[mine], draws[mine]
                weights = None if weights is None else weights[mine]
            yield X, y, weights, draws
        # What changed after it was opened.
        self.check()

    def _pieces(
        self, seed: int, epoch: int | None, chosen: Chosen | None
    ) -> Iterator[tuple[Rows, list]]:
        """Rows of each window, with the key and the number of rows of its pieces."""
        how, shards = self.how, self._shards
        records = [one for one in shards if isinstance(one, RecordShard)]
        if len(records) < len(shards):
            places = [
                (number, place)
                for number, shard in enumerate(shards)
                for place in shard.places()
            ]
            order = self._order(seed, epoch, len(places)).tolist()
            mixed = [places[place] for place in order]
            return piece_windows(shards, mixed, how.window_bytes, chosen)
        order = self._order(seed, epoch, len(self._keys))
        if chosen is not None:
            wanted = np.zeros(len(order), dtype=bool)
            wanted[[self._first[number] + piece for number, piece in chosen]] = True
            order = order[wanted[order]]
        # Keys of sparse rows take more room in memory than in the files.
        in_all = sum(stamp.size for stamp in self.stamps)
        share = min(1.0, in_all / max(1, self.contents.n_bytes))
        size = int(how.window_bytes * share)
        mixed = [self._keys[place] for place in order.tolist()]
        # All rows in one pass need no memory of the next one.
        spaces = None if chosen is None else self._spaces
        return record_windows(records, mixed, size, how.n_features, spaces)

    @cached_property
    def _first(self) -> list[int]:
        """Of each file the number of its first piece among all."""
        sizes = [shard.n_pieces for shard in self._shards]
        return [0, *itertools.accumulate(sizes)][:-1]

    @staticmethod
    def _order(seed: int, epoch: int | None, count: int) -> np.ndarray:
        """In which places are read in an epoch."""
        if epoch is None:
            return np.arange(count)
        return np.random.default_rng([seed, 0x0DA7, epoch]).permutation(count)


def look_at(how: Reading, known: Snapshot | None) -> Snapshot:
    """A snapshot of files as they are now: the one that is known, if they are those.

    Parameters
    ----------
    how : Reading
    known : Snapshot or None
    """
    stamps = tuple(Stamp.settled(path) for path in how.paths)
    if known is not None and (known.how, known.stamps) == (how, stamps):
        return known
    return Snapshot(how, stamps)
