"""Pieces of files put together to windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._state import Contents
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.datasets.record_pass import RecordPass, Spaces
from sklearn_sagemaker.io.datasets.shards import RecordShard, Shard
from sklearn_sagemaker.io.rows import Rows, footprint, stack_rows

WHOLE = (0, 1)
"""All rows, as one part of one."""
CHANGED = "The files of a dataset have changed while they were read; start anew."


class Chosen:
    """Pieces of which a pass reads rows, and no others.

    Parameters
    ----------
    cuts : dict of (int, int) to list of int
        Numbers of the cuts of each piece, by its key.
    n_cuts : int
        How many each piece has.
    """

    def __init__(self, cuts: dict[tuple[int, int], list[int]], n_cuts: int):
        self._of, self.cuts = cuts, n_cuts

    def __contains__(self, key: tuple[int, int]) -> bool:
        return key in self._of

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._of)

    def rows(self, key: tuple[int, int], n_rows: int) -> np.ndarray:
        """Which rows of a piece, as a mask."""
        mine = np.zeros(self.cuts, dtype=bool)
        mine[self._of[key]] = True
        return mine[np.arange(n_rows) % self.cuts]


def chosen_pieces(
    keys: Sequence[tuple[int, int]],
    seed: int,
    epoch: int | None,
    part: tuple[int, int],
    share: tuple[int, int],
) -> Chosen:
    """Pieces of a part of an epoch of a share of all pieces.

    Parameters
    ----------
    keys : sequence of (int, int)
        Of all pieces.
    seed : int
    epoch : int or None
        Each has other parts; with None they are in order.
    part, share : (int, int)
        Number, and how many there are. Fewer pieces than parts are cut.
    """
    keys = keys[share[0] :: share[1]]
    number, count = part
    n_cuts = -(-count // max(1, len(keys)))
    n_units = len(keys) * n_cuts
    units = np.arange(n_units)
    if epoch is not None:
        units = np.random.default_rng([seed, 0x9A27, epoch]).permutation(n_units)
    mine = units[n_units * number // count : n_units * (number + 1) // count]
    found: dict[tuple[int, int], list[int]] = {}
    for unit in mine.tolist():
        key, cut = divmod(unit, n_cuts)
        found.setdefault(keys[key], []).append(cut)
    return Chosen(found, n_cuts)


def piece_windows(
    shards: list[Shard],
    places: list[tuple[int, Any]],
    window_bytes: int,
    chosen: Chosen | None = None,
) -> Iterator[tuple[Rows, list]]:
    """Pieces put together to windows, with the key and the rows of each piece."""
    parts: list[Rows] = []
    # Number of the file and of the piece in it; rows of the piece.
    keys: list[tuple[tuple[int, int], int]] = []
    size = 0
    for number, place in places:
        if chosen is None:
            found = shards[number].read(place)
        else:
            mine = partial(_among, chosen, number)
            found = shards[number].read(place, mine)
        for piece, rows in found:
            parts.append(rows)
            keys.append(((number, piece), len(rows)))
            size += footprint(rows)
            if size >= window_bytes:
                yield stack_rows(parts), keys
                parts, keys, size = [], [], 0
    if parts:
        yield stack_rows(parts), keys


def _among(chosen: Chosen, number: int, piece: int) -> bool:
    return (number, piece) in chosen


def record_windows(
    shards: list[RecordShard],
    places: Sequence[tuple[int, int]],
    window_bytes: int,
    n_features: int | None,
    spaces: Spaces | None = None,
) -> Iterator[tuple[Rows, list]]:
    """The same of RecordIO files alone, without copies."""
    group: list[tuple[int, int]] = []
    size = 0
    with RecordPass(n_features, spaces) as files:
        for position, (number, place) in enumerate(places, start=1):
            group.append((number, place))
            size += shards[number].n_bytes(place)
            if size < window_bytes and position < len(places):
                continue
            rows = files.rows([(shards[number], place) for number, place in group])
            if rows is None:
                yield from piece_windows(list(shards), group, size + 1)
            else:
                yield rows, [(key, shards[key[0]].n_rows(key[1])) for key in group]
            group, size = [], 0


def conformed(rows: Rows, contents: Contents, weighted: bool) -> tuple:
    """X of the width and type of all files, y, and weights if any file has them.

    Raises
    ------
    DataFileError
        If they are other rows than the survey found.
    """
    X, weights = rows.X, rows.sample_weight
    sparse, width = sp.issparse(X), X.shape[1]
    if (
        sparse != contents.sparse
        or rows.y is None
        or width > contents.n_features
        or (width < contents.n_features and not sparse)
        or (weights is not None and not weighted)
        or np.result_type(X.dtype, contents.dtype) != contents.dtype
    ):
        raise DataFileError(CHANGED)
    if X.dtype != contents.dtype:
        X = X.astype(contents.dtype)
    if width != contents.n_features:
        X = sp.csr_matrix(
            (X.data, X.indices, X.indptr), shape=(X.shape[0], contents.n_features)
        )
    if weighted and weights is None:
        weights = np.ones(len(rows))
    return X, rows.y, weights


class Filling:
    """Rows that are put into memory of their size, window by window.

    Parameters
    ----------
    contents : Contents
    n_rows, n_stored : int
        All rows, and the values that they store.
    """

    def __init__(self, contents: Contents, n_rows: int, n_stored: int):
        self._contents = contents
        self._shape = (n_rows, contents.n_features)
        self._values = np.empty(n_stored, contents.dtype)
        self._indices: np.ndarray | None = None
        self._indptr = np.zeros(n_rows + 1, dtype=np.int64)
        self._labels: list[np.ndarray] = []
        self._weights: list[np.ndarray] = []
        self._rows = self._stored = 0

    def add(self, X: Any, y: np.ndarray, weights: np.ndarray | None) -> None:
        """Take in a window.

        Raises
        ------
        DataFileError
            If there is more than was said.
        """
        values = X.data if self._contents.sparse else np.ravel(X)
        rows = slice(self._rows, self._rows + X.shape[0])
        stored = slice(self._stored, self._stored + len(values))
        if rows.stop > self._shape[0] or stored.stop > len(self._values):
            raise DataFileError(CHANGED)
        self._values[stored] = values
        if self._contents.sparse:
            if self._indices is None:
                self._indices = np.empty(len(self._values), X.indices.dtype)
            self._indices[stored] = X.indices
            self._indptr[rows.start + 1 : rows.stop + 1] = X.indptr[1:] + stored.start
        self._labels.append(y)
        if weights is not None:
            self._weights.append(weights)
        self._rows, self._stored = rows.stop, stored.stop

    def rows(self) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """X, y and weights.

        Raises
        ------
        DataFileError
            If there is less than was said.
        """
        if (self._rows, self._stored) != (self._shape[0], len(self._values)):
            raise DataFileError(CHANGED)
        y = np.concatenate(self._labels)
        weights = np.concatenate(self._weights) if self._weights else None
        if not self._contents.sparse:
            return self._values.reshape(self._shape), y, weights
        parts = self._values, self._indices, self._indptr
        return sp.csr_matrix(parts, shape=self._shape), y, weights
