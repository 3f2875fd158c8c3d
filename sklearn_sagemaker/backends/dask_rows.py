"""Rows that a Dask cluster trains on: arrays, collections, and what checks them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._state import Contents
from sklearn_sagemaker.backends.dask_shards import Rows, on_worker
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.datasets.contents import Look
from sklearn_sagemaker.io.rows import Rows as TableRows
from sklearn_sagemaker.training.shards.shard import ArrayShard, Shard

Block = tuple[Any, np.ndarray, np.ndarray | None]


class Blocks:
    """What a shard in memory is made of.

    Parameters
    ----------
    number : int
        Of the shard.
    blocks : list of (X, y, sample_weight)
    names : list of str
        What messages call each.
    """

    def __init__(self, number: int, blocks: list[Block], names: list[str]):
        self._number, self._blocks, self._names = number, blocks, names

    def __sizeof__(self) -> int:
        return _n_bytes(self._blocks)

    def look(self) -> Look:
        """What it holds.

        Raises
        ------
        DataFileError
            If it cannot be trained on.
        """
        look = Look()
        for name, block in zip(self._names, self._blocks, strict=True):
            look.add(name, TableRows(*block))
        return look

    def shard(self, contents: Contents) -> Shard:
        """The shard."""
        return HeldShard(self._number, contents, self._blocks)


class HeldShard(ArrayShard):
    """A shard in a worker's memory, which Dask knows the size of."""

    def __sizeof__(self) -> int:
        # And as its windows have it, with random numbers and float64 labels.
        return 2 * _n_bytes(self._blocks)


def _n_bytes(blocks: Sequence[Block]) -> int:
    arrays: list[Any] = []
    for X, y, weights in blocks:
        arrays += [X.data, X.indices, X.indptr] if sp.issparse(X) else [X]
        arrays += [y] if weights is None else [y, weights]
    return sum(array.nbytes for array in arrays)


class ArrayRows(Rows):
    """Rows in this process's memory, which each shard gets some of.

    Parameters
    ----------
    X, y, sample_weight : object
        Validated.
    parts : list of int arrays
        Rows of each shard.
    """

    def __init__(self, X: Any, y: np.ndarray, sample_weight: np.ndarray, parts: list):
        self._arrays, self._parts = (X, y, sample_weight), parts

    def held(self, client: Any, number: int, worker: str) -> Any:
        """See `Rows`."""
        rows = self._parts[number]
        block = tuple(array[rows] for array in self._arrays)
        blocks = Blocks(number, [block] if len(rows) else [], [""])
        return client.scatter(blocks, workers=[worker], hash=False)


class PartitionRows(Rows):
    """Rows in the partitions of a Dask collection, dealt to shards.

    Parameters
    ----------
    X : list of delayed
        Partitions.
    y, sample_weight : list of delayed, or None
        Of the same rows.
    n_shards : int
    names : ndarray of str or None
        Of the features.
    """

    def __init__(
        self,
        X: Sequence[Any],
        y: Sequence[Any],
        sample_weight: Sequence[Any] | None,
        n_shards: int,
        names: np.ndarray | None,
    ):
        weights = [None] * len(X) if sample_weight is None else sample_weight
        self._parts = list(zip(X, y, weights, strict=True))
        self._n_shards, self.names = n_shards, names
        # Fewer partitions than shards are cut, as often as gives each shard rows.
        self._cuts = -(-n_shards // len(self._parts))
        self._futures: list[Any] | None = []

    def _dealt(self, number: int) -> list[tuple[int, int]]:
        """Numbers of the partitions of a shard, and of the cut of each."""
        pieces = range(number, len(self._parts) * self._cuts, self._n_shards)
        return [(piece // self._cuts, piece % self._cuts) for piece in pieces]

    def held(self, client: Any, number: int, worker: str) -> Any:
        """See `Rows`."""
        mine = self._dealt(number)
        if self._futures == []:
            # One call, as what they share is found in it.
            self._futures = client.compute([list(part) for part in self._parts])
        if self._futures is not None:
            parts = [self._futures[part] for part, _ in mine]
        else:
            parts = client.compute([list(self._parts[part]) for part, _ in mine])
        if number == self._n_shards - 1:
            # All have been asked for; Dask keeps what is needed to make them again.
            self._futures = None
        return client.submit(
            _blocks,
            number,
            mine,
            self._cuts,
            None if self.names is None else self.names.tolist(),
            parts,
            pure=False,
            **on_worker(worker),
        )


def _blocks(
    number: int,
    mine: list[tuple[int, int]],
    cuts: int,
    names: list[str] | None,
    parts: list[list[Any]],
) -> Any:
    """Rows of the partitions of a shard, as arrays.

    A fault is said when the shard is looked at, as it is no fault of the cluster.
    """
    try:
        blocks, labels = [], []
        for (part, cut), (X, y, weights) in zip(mine, parts, strict=True):
            label = f"partition {part}"
            X, y, weights = _block(label, X, y, weights, names)
            if cuts > 1:
                if len(y):
                    # With the numbers that the user's rows have.
                    Look().add(label, TableRows(X, y, weights))
                # Copies: a view would hold all of the partition.
                X, y = X[cut::cuts].copy(), y[cut::cuts].copy()
                weights = None if weights is None else weights[cut::cuts].copy()
            if len(y):
                blocks.append((X, y, weights))
                labels.append(label)
        return Blocks(number, blocks, labels)
    except Exception as error:
        return Unfit(error)


class Unfit:
    """What a shard cannot be made of.

    Parameters
    ----------
    error : Exception
        Why.
    """

    def __init__(self, error: Exception):
        self._error = error

    def look(self) -> Look:
        """Raise it."""
        raise self._error


def _block(label: str, X: Any, y: Any, weights: Any, names: list[str] | None) -> Block:
    """Rows, labels and weights of a partition, as arrays."""
    if names is not None and list(map(str, X.columns)) != names:
        raise DataFileError(
            f"{label}: its columns are others than those of the collection; give all "
            "partitions the same ones."
        )
    X = _rows(label, X)
    y = _column(label, "y", y, X.shape[0])
    if y.dtype.kind == "O":
        for row, one in enumerate(y):
            if one is None or one != one:
                raise DataFileError(
                    f"{label}: row {row} (counted from 0): the label is {one}; drop "
                    "its row, or give it a class of its own."
                )
    elif y.dtype.kind not in "biufUS":
        raise DataFileError(
            f"{label}: y has labels of dtype {y.dtype}; they must be numbers or text."
        )
    if weights is not None:
        weights = _column(label, "sample_weight", weights, X.shape[0])
        weights = weights.astype(np.float64)
    return X, y, weights


def _rows(label: str, X: Any) -> Any:
    if sp.issparse(X):
        X = sp.csr_array(X)
    else:
        if hasattr(X, "to_numpy"):
            X = X.to_numpy()
        X = np.asarray(X)
    if X.ndim != 2:
        raise DataFileError(
            f"{label}: X has {X.ndim} dimensions; it must have rows and columns."
        )
    if X.dtype.kind == "O":
        try:
            X = X.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise DataFileError(
                f"{label}: X has values that are no numbers ({error}); encode them, "
                "for example by sklearn.preprocessing.OneHotEncoder, or drop them."
            ) from None
    if X.dtype.kind not in "biuf":
        raise DataFileError(f"{label}: X is of dtype {X.dtype}; it must be numbers.")
    return X


def _column(label: str, name: str, values: Any, n_rows: int) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values.ravel()
    if values.shape != (n_rows,):
        raise DataFileError(
            f"{label}: {name} has the shape {values.shape} for {n_rows} rows of X; it "
            "must have one number for each row, in the same partition."
        )
    return values
