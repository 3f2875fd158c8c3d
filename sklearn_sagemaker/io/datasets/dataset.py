"""Rows in files that may be larger than memory, in shuffled windows."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_sagemaker._state import Contents, RowSource
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.datasets.contents import Look
from sklearn_sagemaker.io.datasets.read_ahead import read_ahead
from sklearn_sagemaker.io.datasets.shards import (
    RecordShard,
    Shard,
    known_format,
    open_shards,
)
from sklearn_sagemaker.io.datasets.windows import (
    Filling,
    conformed,
    piece_windows,
    record_windows,
)
from sklearn_sagemaker.io.opening import matching_files, reading
from sklearn_sagemaker.io.rows import Rows, check_count, stacked

MEMORY = 64 << 20
WINDOW_SHARE = 8
"""A window of rows takes one part in so many of the memory: one is trained on, one
waits, and one is being read."""


@dataclass(frozen=True)
class _Survey:
    """What a pass found, and of which files."""

    stamps: tuple[tuple[int, int], ...]
    contents: Contents
    n_all: int
    """Rows, those of weight zero too."""
    n_stored: int
    weighted: bool


class RecordIODataset(RowSource):
    """Rows of RecordIO files, or of other shards, for training beyond memory.

    `fit` and `partial_fit` of all estimators take it in place of X; labels, and
    sample weights if there are any, are inside. Rows that take no more than ``memory``
    are loaded, and trained like an array. More are read anew in each epoch, in windows
    of an eighth of ``memory``, by a thread that reads ahead.

    Parameters
    ----------
    paths : str, path-like or sequence of them
        Files, or patterns such as ``"train/*.pbr"``; each is sorted. Shards may be
        RecordIO, ``.npz``, libsvm, CSV or JSON Lines files, gzip or not.
    format : str or None, default=None
        Name of the format; None tells by the ending of each file.
    batch_size : int, default=1000
        Rows of a mini-batch of an iteration. Estimators have mini-batches of their
        own.
    shuffle : bool, default=True
        Whether each pass has another order: files are permuted, and within
        uncompressed RecordIO files pieces of half a megabyte. Compressed RecordIO,
        ``.npz`` and text files are read from start to end, so sort no such file by its
        labels. An iteration also shuffles the rows within a window; so do estimators,
        whatever this says.
    random_state : int, default=0
        Seed of the order of an iteration. Estimators use their own.
    memory : int, default=67108864
        Bytes of rows that may be loaded.
    n_features : int or None, default=None
        Number of features of sparse rows; None is what the files say. libsvm files
        do not: one more pass finds their largest index.
    **options : object
        For the reader of the format: ``label`` and ``header`` of CSV files, ``label``
        of ``.npz`` files, ``zero_based`` of libsvm files.

    Attributes
    ----------
    contents : Contents
        Rows, features, labels: found by one pass over the files when first asked for,
        and again when a file has changed.

    Raises
    ------
    DataFileError
        If no file matches or an ending is unknown; later, if a file cannot be read,
        has no labels, or does not go with the others.
    ValueError
        If a number is out of range, or there is no such format or option.

    See Also
    --------
    read_recordio : Loads one file.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from sklearn_sagemaker import LinearLearnerClassifier
    >>> from sklearn_sagemaker.io import RecordIODataset, write_recordio
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(600, 5)).astype("float32")
    >>> y = (X[:, 0] > 0).astype("float32")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_recordio(pathlib.Path(folder) / "train.pbr", X, y, shards=3)
    ...     data = RecordIODataset(folder + "/train_*.pbr")
    ...     model = LinearLearnerClassifier(random_state=0).fit(data)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    def __init__(
        self,
        paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        format: str | None = None,
        batch_size: int = 1000,
        shuffle: bool = True,
        random_state: int = 0,
        memory: int = MEMORY,
        n_features: int | None = None,
        **options: Any,
    ):
        for name, value in (("batch_size", batch_size), ("memory", memory)):
            check_count(name, value)
        self.paths = _matched(paths)
        for path in self.paths:
            known_format(path, format)
        self.format, self.batch_size, self.shuffle = format, batch_size, shuffle
        self.random_state, self.memory = random_state, memory
        self.n_features, self.options = n_features, options
        self._survey: _Survey | None = None
        self._shards: list[Shard] = []
        self._passes = 0

    def __repr__(self) -> str:
        more = f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else ""
        return f"RecordIODataset({self.paths[0]!r}{more})"

    # -------------------------------------------------------------- what is inside
    @property
    def contents(self) -> Contents:
        """What it holds; found by one pass over the files."""
        return self._surveyed().contents

    @property
    def shape(self) -> tuple[int, int]:
        """Rows (those of weight zero left out) and features."""
        return self.contents.n_rows, self.contents.n_features

    def _surveyed(self) -> _Survey:
        stamps = tuple(_stamp(path) for path in self.paths)
        if self._survey is None or self._survey.stamps != stamps:
            self._shards = open_shards(
                self.paths,
                self.format,
                self._window_bytes,
                self.n_features,
                self.options,
            )
            look = Look()
            with closing(read_ahead(self._in_order)) as found:
                for path, rows in found:
                    look.add(path, rows)
            self._survey = _Survey(
                stamps,
                look.contents(self.n_features),
                look.n_all,
                look.n_stored,
                look.weighted,
            )
        return self._survey

    def _in_order(self) -> Iterator[tuple[str, Rows]]:
        """Each file's pieces, while its places are noted."""
        for shard in self._shards:
            for rows in shard.scan():
                yield shard.path, rows

    @property
    def _window_bytes(self) -> int:
        return max(1, self.memory // WINDOW_SHARE)

    # ------------------------------------------------------------------- the rows
    def load(self) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """All rows, in order.

        Returns
        -------
        X : ndarray or CSR of shape (n_rows, n_features)
        y : ndarray of shape (n_rows,)
        sample_weight : ndarray of shape (n_rows,) or None
        """
        survey = self._surveyed()
        table = Filling(survey.contents, survey.n_all, survey.n_stored)
        with closing(self.windows(0, None)) as windows:
            for X, y, weights, _ in windows:
                table.add(X, y, weights)
        return table.rows()

    def windows(
        self, seed: int, epoch: int | None
    ) -> Generator[tuple[Any, np.ndarray, np.ndarray | None, np.ndarray], None, None]:
        """Large pieces of the rows, read ahead.

        Parameters
        ----------
        seed : int
            Of the order, and of the rows' random numbers.
        epoch : int or None
            Each has an order of its own; None reads the files in order.

        Yields
        ------
        X : ndarray or CSR of shape (n, n_features)
        y : ndarray of shape (n,)
        sample_weight : float64 ndarray of shape (n,) or None
        draws : float64 ndarray of shape (n,)
            A random number in [0, 1) for each row: the same in each pass.
        """
        survey = self._surveyed()
        if not self.shuffle:
            epoch = None
        with closing(read_ahead(lambda: self._read(seed, epoch, survey))) as found:
            yield from found

    def _read(self, seed: int, epoch: int | None, survey: _Survey) -> Iterator[tuple]:
        places = [
            (number, place)
            for number, shard in enumerate(self._shards)
            for place in shard.places()
        ]
        if epoch is not None:
            rng = np.random.default_rng([seed, 0x0DA7, epoch])
            places = [places[i] for i in rng.permutation(len(places))]
        records = [one for one in self._shards if isinstance(one, RecordShard)]
        if len(records) == len(self._shards):
            # Keys of sparse rows take more room in memory than in the files.
            in_all = sum(size for size, _ in survey.stamps)
            share = min(1.0, in_all / max(1, survey.contents.n_bytes))
            size = int(self._window_bytes * share)
            found = record_windows(records, places, size, self.n_features)
        else:
            found = piece_windows(self._shards, places, self._window_bytes)
        for rows, keys in found:
            draws = [
                np.random.default_rng([seed, 0xD4A3, *key]).random(n) for key, n in keys
            ]
            yield (
                *conformed(rows, survey.contents, survey.weighted),
                np.concatenate(draws),
            )

    def __iter__(self) -> Iterator[tuple[Any, np.ndarray]]:
        """Mini-batches ``(X, y)`` of a pass; each pass has an order of its own.

        All have ``batch_size`` rows but the last. Sample weights are left out.
        """
        epoch, self._passes = self._passes, self._passes + 1
        rng = np.random.default_rng([self.random_state, epoch])
        with closing(self.windows(self.random_state, epoch)) as windows:
            left: tuple[Any, np.ndarray] | None = None
            for X, y, _, _ in windows:
                if self.shuffle:
                    order = rng.permutation(len(y))
                    X, y = X[order], y[order]
                if left is not None:
                    X, y = stacked([left[0], X]), np.concatenate([left[1], y])
                whole = len(y) - len(y) % self.batch_size
                for start in range(0, whole, self.batch_size):
                    rows = slice(start, start + self.batch_size)
                    yield X[rows], y[rows]
                left = (X[whole:], y[whole:]) if whole < len(y) else None
            if left is not None:
                yield left


def _stamp(path: str) -> tuple[int, int]:
    """What changes when a file does."""
    with reading(path):
        status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def _matched(paths: Any) -> list[str]:
    """Files, in order; each pattern must match some."""
    if isinstance(paths, (str, os.PathLike)):
        return matching_files(paths)
    found = [path for one in paths for path in matching_files(one)]
    if not found:
        raise DataFileError("paths is empty; name at least one file.")
    return found
