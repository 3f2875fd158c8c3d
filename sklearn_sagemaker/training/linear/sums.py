"""Sums over the rows of all shards, from which least squares are solved."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import numpy as np

from sklearn_sagemaker.training.linear.moments import ScaledRows, moments
from sklearn_sagemaker.training.pieces import Reading
from sklearn_sagemaker.training.rows import ShardRows
from sklearn_sagemaker.training.shards.shard import Shard
from sklearn_sagemaker.training.targets import LossLabels

Summed = Callable[..., np.ndarray]


def sums_of(
    shard: Shard,
    reading: Reading,
    of_loss: LossLabels,
    rows: ScaledRows,
    summed: Summed,
) -> np.ndarray | None:
    """Sums, or a triangle, of the rows of a shard that train; None if it has none.

    Parameters
    ----------
    shard : Shard
    reading : Reading
    of_loss : LossLabels
    rows : ScaledRows
        That holds none.
    summed : callable
        `moments` or `triangle`.
    """
    found = None
    with closing(shard.pieces(reading, 0)) as pieces:
        for piece in pieces:
            y = of_loss.scaled(piece.y)
            weights = of_loss.weights(piece.y, piece.sample_weight)
            found = summed(rows, piece.reader, y, weights, piece.folds[0], found)
    return found


def added(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    """Sums of the rows of both."""
    if first is None or second is None:
        return second if first is None else first
    return first + second


def stacked(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    """The triangle of the rows of both."""
    if first is None or second is None:
        return second if first is None else first
    return np.asarray(np.linalg.qr(np.concatenate([first, second]), mode="r"))


def over_shards(
    source: ShardRows, of_loss: LossLabels, rows: ScaledRows, summed: Summed
):
    """`moments`, or `triangle`, of all rows that train.

    Parameters
    ----------
    source : ShardRows
    of_loss : LossLabels
    rows : ScaledRows
    summed : callable
    """
    join = added if summed is moments else stacked
    plain = ScaledRows(rows.shift, rows.scale)
    given = source.reading(), of_loss, plain, summed
    return source.shards.reduce(sums_of, join, *given)
