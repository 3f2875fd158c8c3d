"""Smooth losses on rows that are not in memory: by passes over all of them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from sklearn_sagemaker.training.linear.lockstep import LargeFit, summed
from sklearn_sagemaker.training.linear.moments import ScaledRows
from sklearn_sagemaker.training.linear.newton import TOLERANCE
from sklearn_sagemaker.training.linear.smooth import SmoothFits
from sklearn_sagemaker.training.pieces import Piece, Reading
from sklearn_sagemaker.training.rows import ShardRows
from sklearn_sagemaker.training.shards.shard import Shard
from sklearn_sagemaker.training.targets import LossLabels

Sums = tuple[Any, Any, Any, float]
"""Of losses, of their slopes by weights and by intercepts, and of the weights."""


def pass_over(
    pieces: Generator[Piece, None, None],
    of_loss: LossLabels,
    rows: ScaledRows,
    loss: str,
    parameter: float,
    w: np.ndarray,
    b: np.ndarray,
) -> Sums:
    """Sums over the rows of some pieces that train.

    Parameters
    ----------
    pieces : generator of Piece
    of_loss : LossLabels
    rows : ScaledRows
    loss, parameter, w, b : object
        As of `summed`.
    """
    found: Sums = np.zeros(b.shape[1]), np.zeros_like(w), np.zeros_like(b), 0.0
    with closing(pieces), np.errstate(all="ignore"):
        for piece in pieces:
            y = of_loss.scaled(piece.y)
            weights = of_loss.weights(piece.y, piece.sample_weight)
            some = piece.folds[0]
            tiles = rows.unread(piece.reader, some)
            more = summed(loss, parameter, tiles, y, weights, w, b)
            found = joined(found, (*more, float(weights[some].sum())))
    return found


def joined(first: Sums, second: Sums) -> Sums:
    """The sums of the rows of both."""
    a, b, c, d = (mine + theirs for mine, theirs in zip(first, second, strict=True))
    return a, b, c, d


def pass_of(shard: Shard, reading: Reading, *arguments: Any) -> Sums:
    """See `pass_over`: the rows of a shard."""
    return pass_over(shard.pieces(reading, 0), *arguments)


class ReadFit(LargeFit):
    """A smooth loss on rows of which a sample is in memory.

    Parameters
    ----------
    over_all : callable
        ``over_all(w, b)``: see `Sums`.
    *given : object
        As of `LargeFit`, of the sample.
    """

    def __init__(self, over_all: Callable[..., Sums], *given: Any):
        super().__init__(*given)
        self._over_all = over_all
        b = self.null[0]
        w = np.zeros((self.n_features, self.n_outputs, 1))
        self.null = b, float(self.at(w, b[:, None])[0][0])

    def at(self, w: np.ndarray, b: np.ndarray):
        """See `LargeFit`."""
        *sums, total = self._over_all(w, b)
        return self._free(*(part / total for part in sums))


class ReadFits(SmoothFits):
    """The fit of all rows, of which a sample is in memory."""

    _sampled = True

    def _fit(self, number: int) -> ReadFit:
        rows, y, weights = self._labels(number)
        settings, d = self.settings, self.reader.n_features
        loss, parameter = settings.loss.name, float(self.parameter[number])
        return ReadFit(
            partial(self._over_all, loss, parameter),
            loss,
            parameter,
            partial(self._tiles, rows),
            y,
            weights,
            d,
            settings.n_outputs,
            settings.values["use_bias"],
            TOLERANCE,
            [settings.spec.seed, 0x5A, number],
        )

    def _over_all(self, loss: str, parameter: float, w, b) -> Sums:
        rows = ScaledRows(self.rows.shift, self.rows.scale)
        given = self.targets.of_loss, rows, loss, parameter, w, b
        if isinstance(self.source, ShardRows):
            reading = self.source.reading()
            return self.source.shards.reduce(pass_of, joined, reading, *given)
        return pass_over(self.source.pieces(0, self.plan, self.reader), *given)
