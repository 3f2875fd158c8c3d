"""One shard of the rows of a training, as the tasks see it that run where it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._columns import csr_of
from sklearn_sagemaker._kernels import read_in
from sklearn_sagemaker._state import Contents, TrainingSpec, Window
from sklearn_sagemaker.training.pieces import Piece, Reading
from sklearn_sagemaker.training.windows import rows_that_train, window_of

Part = tuple[int, int]
"""Number of a part of the rows of an epoch, and how many parts there are."""


class PartedSource(Protocol):
    """Rows whose windows come in parts of an epoch."""

    def windows(
        self, seed: int, epoch: int | None, part: Part
    ) -> Generator[tuple[Any, np.ndarray, np.ndarray | None, np.ndarray], None, None]:
        """See `RowSource.windows`; of an epoch only a part."""


class Shard(ABC):
    """Rows of one shard.

    Parameters
    ----------
    number : int
        Among the shards.
    contents : Contents
        Of all shards together.
    """

    def __init__(self, number: int, contents: Contents):
        self.number, self.contents = number, contents

    @abstractmethod
    def windows(self, spec: TrainingSpec) -> Generator[Window, None, None]:
        """All rows, in order."""

    @abstractmethod
    def pieces(
        self, reading: Reading, epoch: int, part: Part = (0, 1)
    ) -> Generator[Piece, None, None]:
        """Rows that train, of a part of an epoch.

        Parameters
        ----------
        reading : Reading
        epoch : int
        part : (int, int)
            Number, and how many there are.
        """


class WindowedShard(Shard):
    """A shard whose pieces are windows, or some rows of them."""

    @abstractmethod
    def _chosen(
        self, reading: Reading, epoch: int, part: Part
    ) -> Generator[tuple[Window, np.ndarray], None, None]:
        """Windows of a part of an epoch, and the numbers of their rows that train."""

    def pieces(
        self, reading: Reading, epoch: int, part: Part = (0, 1)
    ) -> Generator[Piece, None, None]:
        """See `Shard`."""
        columns, seed = reading.columns, reading.spec.seed
        with closing(self._chosen(reading, epoch, part)) as found:
            for place, (window, rows) in enumerate(found):
                if not len(rows):
                    continue
                key = [seed, 0x54A2, epoch, self.number, part[0], place]
                yield Piece(
                    read_in(columns.of(window.X), reading.dtype),
                    window.y,
                    window.sample_weight,
                    [rows],
                    False,
                    np.random.default_rng(key),
                )


class ArrayShard(WindowedShard):
    """Rows in memory: a chain of blocks.

    Parameters
    ----------
    number, contents : object
        As of `Shard`.
    blocks : sequence of (X, y, sample_weight)
        Validated; weights may be None.
    """

    def __init__(self, number: int, contents: Contents, blocks: Sequence[tuple]):
        super().__init__(number, contents)
        self._blocks = list(blocks)
        # Made once, and by the first task: all tasks of a run have one spec.
        self._windows: tuple[tuple, list[Window]] | None = None

    def windows(self, spec: TrainingSpec) -> Generator[Window, None, None]:
        """See `Shard`."""
        yield from self._made(spec)

    def _made(self, spec: TrainingSpec) -> list[Window]:
        key = spec.seed, _plain(spec.classes), _plain(spec.class_weight)
        if self._windows is None or self._windows[0] != key:
            windows = []
            for place, (X, y, weights) in enumerate(self._blocks):
                rng = np.random.default_rng([spec.seed, 0xD4A3, self.number, place])
                rows = (_conformed(X, self.contents), y, weights, rng.random(len(y)))
                windows.append(window_of(spec, self.contents, *rows))
            self._windows = key, windows
        return self._windows[1]

    def _chosen(
        self, reading: Reading, epoch: int, part: Part
    ) -> Generator[tuple[Window, np.ndarray], None, None]:
        """See `Shard`: a part is some rows of each block."""
        number, count = part
        seed = reading.spec.seed
        for place, window in enumerate(self._made(reading.spec)):
            rows = rows_that_train(window, reading.limit)
            if count > 1:
                key = [seed, 0x0DA7, epoch, self.number, place]
                mixed = np.random.default_rng(key).permutation(rows)
                first, last = (len(rows) * k // count for k in (number, number + 1))
                rows = np.sort(mixed[first:last])
            yield window, rows


class SourceShard(WindowedShard):
    """Rows that are read anew in each pass.

    Parameters
    ----------
    number, contents : object
        As of `Shard`.
    source : PartedSource
    """

    def __init__(self, number: int, contents: Contents, source: PartedSource):
        super().__init__(number, contents)
        self._source = source

    def _read(self, spec: TrainingSpec, epoch: int | None, part: Part):
        # Rows of no two shards have the same draws.
        state = np.random.SeedSequence([spec.seed, 0xD4A3, self.number])
        seed = int(state.generate_state(1)[0])
        with closing(self._source.windows(seed, epoch, part)) as found:
            for X, *rest in found:
                rows = (_conformed(X, self.contents), *rest)
                yield window_of(spec, self.contents, *rows)

    def windows(self, spec: TrainingSpec) -> Generator[Window, None, None]:
        """See `Shard`."""
        yield from self._read(spec, None, (0, 1))

    def _chosen(
        self, reading: Reading, epoch: int, part: Part
    ) -> Generator[tuple[Window, np.ndarray], None, None]:
        """See `Shard`."""
        for window in self._read(reading.spec, epoch, part):
            yield window, rows_that_train(window, reading.limit)


def _plain(values: np.ndarray | None) -> tuple | None:
    return None if values is None else tuple(values.tolist())


def _conformed(X: Any, contents: Contents) -> Any:
    """Rows of the type and width of all shards."""
    X = X if X.dtype == contents.dtype else X.astype(contents.dtype)
    if sp.issparse(X) and X.shape[1] != contents.n_features:
        return csr_of(type(X), X.data, X.indices, X.indptr, contents.n_features)
    return X


def rows_of_shards(n_rows: int, n_shards: int, seed: int) -> list[np.ndarray]:
    """Numbers of the rows of each shard, drawn, so that shards are alike.

    Parameters
    ----------
    n_rows, n_shards, seed : int
    """
    rng = np.random.default_rng([seed, 0x54A2D])
    parts = np.array_split(rng.permutation(n_rows), n_shards)
    return [np.sort(part) for part in parts]
