"""Rows that are trained on in one go, and an epoch of them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker._threads import Map
from sklearn_sagemaker.training.columns import Columns


@dataclass(frozen=True)
class Reading:
    """How rows are read for the models of a run.

    Attributes
    ----------
    spec : TrainingSpec
        Of all columns.
    columns : Columns
        Those that are trained.
    dtype : dtype
    limit : float
        Draws from which on rows train.
    """

    spec: TrainingSpec
    columns: Columns
    dtype: np.dtype
    limit: float


@dataclass(frozen=True)
class Piece:
    """Rows that are trained on in one go.

    Attributes
    ----------
    reader : RowReader
    y, sample_weight : float64 arrays of shape (n_rows,)
    folds : list of int64 arrays
        The rows that train, fold by fold; one array without folds.
    whole : bool
        Whether an epoch is this piece and no other.
    rng : numpy.random.Generator
        For the order of the rows.
    """

    reader: RowReader
    y: np.ndarray
    sample_weight: np.ndarray
    folds: list[np.ndarray]
    whole: bool
    rng: np.random.Generator

    def share(self, weights: np.ndarray) -> float:
        """Total weight of the rows that train, which counts if there are more pieces.

        Parameters
        ----------
        weights : array of shape (n_rows,)
            In the loss.
        """
        if self.whole:
            return 1.0
        return float(weights[self.folds[0]].sum(dtype=np.float64))


Begin = Callable[[Piece], tuple[Callable[..., Any], float]]
"""Of a piece: what trains a model on it and returns the mean loss, and the weight of
the piece in the mean of an epoch."""


def train_epoch(
    pieces: Generator[Piece, None, None],
    begin: Begin,
    models: list[tuple],
    spread: Map,
) -> list[Any]:
    """Train models once over the rows.

    Parameters
    ----------
    pieces : generator of Piece
    begin : callable
        See `Begin`.
    models : list of tuples
        Arguments of what it returns.
    spread : callable

    Returns
    -------
    losses : list
        Mean loss of each.
    """
    arguments = list(zip(*models, strict=True))
    losses: list[Any] = [np.float64(0.0)] * len(models)
    seen = 0.0
    with closing(pieces):
        for piece in pieces:
            train, share = begin(piece)
            parts = spread(train, *arguments)
            losses = [
                loss + part * share for loss, part in zip(losses, parts, strict=True)
            ]
            seen += share
    return [loss / seen for loss in losses]
