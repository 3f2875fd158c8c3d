"""Files that the workers of a Dask cluster read, each the share of its shards."""

from __future__ import annotations

import os
import threading
from abc import abstractmethod
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from sklearn_sagemaker._state import Contents, RowSource
from sklearn_sagemaker.backends.dask_rows import HeldShard
from sklearn_sagemaker.backends.dask_shards import Rows, on_worker
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.datasets.contents import Look
from sklearn_sagemaker.io.datasets.dataset import FileDataset
from sklearn_sagemaker.io.datasets.snapshot import Reading, Snapshot, look_at
from sklearn_sagemaker.io.datasets.windows import WHOLE
from sklearn_sagemaker.io.s3_data import S3Data
from sklearn_sagemaker.training.shards.shard import Shard, SourceShard

_known: WeakValueDictionary[str, Snapshot] = WeakValueDictionary()
"""Of this process, so that shards of the same files look at them once."""
_copies: WeakValueDictionary[str, Any] = WeakValueDictionary()
_looking: dict[str, threading.Lock] = {}
"""Locks of files, so that one thread looks at them and the others wait."""


class Share(RowSource):
    """A shard's share of files: some of them, or some pieces of all.

    What was seen of them stays in the process that has seen it.

    Parameters
    ----------
    number, count : int
        Of the shard, and how many there are.
    memory : int
        Bytes of rows that may be loaded, of all shards.
    """

    def __init__(self, number: int, count: int, memory: int):
        self.number, self.count, self.memory = number, count, memory
        self._snapshot: Snapshot | None = None
        self._pieces = WHOLE
        self._seen: Contents | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_snapshot": None}

    @abstractmethod
    def _opened(self) -> tuple[Snapshot, tuple[int, int]]:
        """The files, and which of their pieces are its own."""

    def open(self) -> Snapshot:
        """The files of the share, or all of which it has pieces.

        Raises
        ------
        DataFileError
            If they are no longer what they were.
        """
        if self._snapshot is None:
            self._snapshot, self._pieces = self._opened()
            seen = self._snapshot.contents
            if self._seen is not None and not _alike(seen, self._seen):
                raise DataFileError(
                    f"{self._snapshot.how.paths[0]}: has other rows than when the fit "
                    "began, or on another worker; give all workers the same files, "
                    "and leave them alone until a fit ends."
                )
            self._seen = seen
        return self._snapshot

    @property
    def contents(self) -> Contents:
        """What the files hold."""
        return self.open().contents

    def look(self) -> Look:
        """What the share holds; of shares of pieces the first one stands for all."""
        found = self.open().look
        return found if self._pieces[0] == 0 else Look()

    def shard(self, contents: Contents) -> Shard:
        """The shard: in memory if all shards fit, else read in each pass."""
        if contents.n_bytes > self.memory:
            return SourceShard(self.number, contents, self)
        with closing(self.windows(0, None)) as windows:
            blocks = [tuple(rows[:3]) for rows in windows]
        blocks = [block for block in blocks if len(block[1])]
        return HeldShard(self.number, contents, blocks)

    def load(self) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """It is not loaded at once.

        Raises
        ------
        TypeError
        """
        raise TypeError("A share of files is read in windows.")

    def windows(
        self, seed: int, epoch: int | None, part: tuple[int, int] = WHOLE
    ) -> Generator[tuple[Any, np.ndarray, np.ndarray | None, np.ndarray], None, None]:
        """See `FileDataset.windows`."""
        source = self.open()
        with closing(source.windows(seed, epoch, part, self._pieces)) as found:
            yield from found


def _alike(one: Contents, other: Contents) -> bool:
    numbers = ("n_rows", "n_features", "sparse", "dtype", "n_bytes")
    return all(getattr(one, name) == getattr(other, name) for name in numbers)


class FileShare(Share):
    """A share of files that the workers can read.

    Parameters
    ----------
    how : Reading
        Of all files.
    number, count : int
    """

    def __init__(self, how: Reading, number: int, count: int):
        super().__init__(number, count, how.memory)
        self._how = how

    def _opened(self) -> tuple[Snapshot, tuple[int, int]]:
        paths = self._how.paths
        if len(paths) < self.count:
            return snapshot_of(self._how), (self.number, self.count)
        mine = replace(self._how, paths=paths[self.number :: self.count])
        return snapshot_of(mine), WHOLE


class BucketShare(Share):
    """A share of objects in S3, copied to the worker.

    Parameters
    ----------
    data : S3Data
    number, count : int
    """

    def __init__(self, data: S3Data, number: int, count: int):
        super().__init__(number, count, data.memory)
        self._data = data
        self._copy: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_copy": None}

    def _opened(self) -> tuple[Snapshot, tuple[int, int]]:
        # Late: it needs boto3.
        from sklearn_sagemaker.sagemaker.s3_rows import copied

        share = self.number, self.count
        key = repr(sorted(vars(self._data).items(), key=str))
        with _looking.setdefault(key, threading.Lock()):
            found = _copies.get(key) or copied(self._data, share)
            if not found.shared:
                _copies[key] = found
        self._copy = found
        return found.snapshot(), WHOLE if found.shared else share


def snapshot_of(how: Reading) -> Snapshot:
    """Files as they are now, looked at once by this process.

    Parameters
    ----------
    how : Reading
    """
    key = repr(how)
    with _looking.setdefault(key, threading.Lock()):
        found = look_at(how, _known.get(key))
        _known[key] = found
        return found


class FileRows(Rows):
    """Rows in files that the workers read.

    Parameters
    ----------
    source : FileDataset or S3Data
    n_shards : int
    """

    def __init__(self, source: FileDataset | S3Data, n_shards: int):
        self._n_shards = n_shards
        self._source: Reading | S3Data
        if isinstance(source, S3Data):
            self._source = source
        else:
            how = source.reading
            paths = tuple(os.path.abspath(path) for path in how.paths)
            self._source = replace(how, paths=paths)

    def held(self, client: Any, number: int, worker: str) -> Any:
        """See `Rows`."""
        kind: Any = FileShare if isinstance(self._source, Reading) else BucketShare
        return client.submit(
            kind, self._source, number, self._n_shards, pure=False, **on_worker(worker)
        )
