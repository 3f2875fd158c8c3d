"""Pieces of files put together to windows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._state import Contents
from sklearn_sagemaker.io.datasets.shards import RecordShard, Shard, joined_records
from sklearn_sagemaker.io.rows import Rows, memory_of, stack_rows


def piece_windows(
    shards: list[Shard], places: list[tuple[int, Any]], window_bytes: int
) -> Iterator[tuple[Rows, list]]:
    """Pieces put together to windows, with the key and the rows of each piece."""
    parts: list[Rows] = []
    # Number of the file and of the piece in it; rows of the piece.
    keys: list[tuple[tuple[int, int], int]] = []
    size = 0
    for number, place in places:
        for piece, rows in shards[number].read(place):
            parts.append(rows)
            keys.append(((number, piece), len(rows)))
            size += memory_of(rows.X)
            if size >= window_bytes:
                yield stack_rows(parts), keys
                parts, keys, size = [], [], 0
    if parts:
        yield stack_rows(parts), keys


def record_windows(
    shards: list[RecordShard],
    places: list[tuple[int, int]],
    window_bytes: int,
    n_features: int | None,
) -> Iterator[tuple[Rows, list]]:
    """The same of RecordIO files alone, without copies."""
    space = bytearray()
    group: list[tuple[int, int]] = []
    size = 0
    for position, (number, place) in enumerate(places, start=1):
        group.append((number, place))
        size += shards[number].n_bytes(place)
        if size < window_bytes and position < len(places):
            continue
        rows = joined_records(
            [(shards[number], place) for number, place in group], space, n_features
        )
        if rows is None:
            yield from piece_windows(list(shards), group, size + 1)
        else:
            yield rows, [(key, shards[key[0]].n_rows(key[1])) for key in group]
        group, size = [], 0


def conformed(rows: Rows, contents: Contents, weighted: bool) -> tuple:
    """X of the width and type of all files, y, and weights if any file has them."""
    X, weights = rows.X, rows.sample_weight
    if X.dtype != contents.dtype:
        X = X.astype(contents.dtype)
    if X.shape[1] != contents.n_features:
        X = sp.csr_matrix(
            (X.data, X.indices, X.indptr), shape=(X.shape[0], contents.n_features)
        )
    if weighted and weights is None:
        weights = np.ones(len(rows))
    return X, rows.y, weights
