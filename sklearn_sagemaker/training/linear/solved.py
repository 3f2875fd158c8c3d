"""Candidates that are solved in place of being trained: their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import LOSSES, RowReader
from sklearn_sagemaker._threads import ALONE, Spread
from sklearn_sagemaker.training.linear.moments import ScaledRows

_KEPT = ("weights", "bias", "optimality", "kept", "left_out", "loss_of_rows")


class SolvedColumns:
    """Weights of all fits of all candidates at their optimum: a `TrainedBlock`.

    Parameters
    ----------
    rows : ScaledRows
    loss : str
    parameter : float
        Of the loss, in the units of the labels that runs work with.
    weights : float64 array of shape (n_fits, n_models, n_outputs, n_features)
        Of the scaled features, in the same units.
    bias : float64 array of shape (n_fits, n_models, n_outputs)
    optimality : float64 array of shape (n_models,)
        How far the objective of the refit may be above its optimum, by the loss of the
        best constant.
    kept : float64 array of shape (n_models,)
        Directions that the penalties leave the refit, the intercept among them.
    left_out : float64 array of shape (n_models, n_rows, n_outputs) or None
        Where no other rows validate: margins of each row, by the refit as it would be
        without that row.
    loss_of_rows : float64 array of shape (n_models,) or None
        Mean loss of the refits on their rows, where solving has told it.
    """

    def __init__(
        self,
        rows: ScaledRows,
        loss: str,
        parameter,
        weights,
        bias,
        optimality,
        kept,
        left_out=None,
        loss_of_rows=None,
    ):
        self.rows, self._name, self.parameter = rows, loss, parameter
        self.loss = LOSSES[loss]
        self.weights, self.bias = weights, bias
        self.optimality, self.kept, self.left_out = optimality, kept, left_out
        self.loss_of_rows = loss_of_rows
        self.n_models: int = len(optimality)
        self.polishing: Callable[[int], None] | None = None

    def take(self, models: np.ndarray) -> SolvedColumns:
        """Some of the candidates."""
        return SolvedColumns.joined([self], models)

    @staticmethod
    def joined(parts: Sequence[SolvedColumns], order: np.ndarray) -> SolvedColumns:
        """The candidates of some columns, in another order."""
        first = parts[0]
        values = []
        for name in _KEPT:
            axis = 1 if name in ("weights", "bias") else 0
            found = [getattr(part, name) for part in parts]
            values.append(
                None
                if found[0] is None
                else np.concatenate(found, axis).take(order, axis)
            )
        return SolvedColumns(first.rows, first._name, first.parameter, *values)

    def _pieces(
        self, reader: RowReader, rows: np.ndarray, models: np.ndarray
    ) -> Iterator[np.ndarray]:
        return self.rows.pieces_seen(reader, rows, len(models) * self.bias.shape[2])

    def _margins(
        self, reader: RowReader, models: np.ndarray, fit: int, some: np.ndarray
    ) -> np.ndarray:
        """Of some rows by one fit of some candidates, (n_rows, n_outputs, n_models)."""
        weights, bias = self.weights[fit][models], self.bias[fit][models]
        flat = weights.reshape(-1, weights.shape[2])
        found = self.rows.seen(reader, some) @ flat.T
        return (found.reshape(-1, *bias.shape) + bias).transpose(0, 2, 1)

    def left_out_margins(self, rows: np.ndarray) -> np.ndarray:
        """Margins of rows that train as if they did not, of all candidates."""
        assert self.left_out is not None
        return self.left_out[:, rows].transpose(1, 2, 0)

    def best_margins(self, reader: RowReader, parts, models=None) -> np.ndarray:
        """Margins of some candidates, each row by the fit that may score it.

        Parameters
        ----------
        reader : RowReader
        parts : list of (fit, int64 array)
        models : int array or None
            All by default.

        Returns
        -------
        margins : float64 array of shape (n_rows, n_outputs, n_models)
        """
        if models is None:
            models = np.arange(self.n_models)
        found = [
            self._margins(reader, models, fit, some)
            for fit, rows in parts
            for some in self._pieces(reader, rows, models)
        ]
        return np.concatenate(found)

    def loss_sums(
        self, reader: RowReader, parts, y, weights, spread: Spread = ALONE
    ) -> np.ndarray:
        """Weighted sums of the losses of all candidates on each part of rows.

        Parameters
        ----------
        reader : RowReader
        parts : list of (fit, int64 array)
        y, weights : float64 arrays, indexed by row number
        spread : Spread

        Returns
        -------
        sums : float64 array of shape (n_parts, n_models)
        """
        everyone = np.arange(self.n_models)

        def of_piece(fit: int, some: np.ndarray) -> np.ndarray:
            margins = self._margins(reader, everyone, fit, some)
            return weights[some] @ self.losses(margins, y[some])

        sums = np.zeros((len(parts), self.n_models))
        columns = self.n_models * self.bias.shape[2]
        work = self.rows.tile_rows(columns) * columns * self.weights.shape[3]
        spread = spread.worth(work)
        for total, (fit, rows) in zip(sums, parts, strict=True):
            pieces = self._pieces(reader, rows, everyone)
            for found in spread.in_order(of_piece, repeat(fit), pieces):
                total += found
        return sums

    def losses(self, margins: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Losses of some rows, from their margins by all candidates."""
        if not self.loss.coupled:
            return self.loss.value(margins[:, 0], y[:, None], self.parameter)
        models = range(margins.shape[2])
        losses = [self.loss.value(margins[:, :, model], y, 0.0) for model in models]
        return np.stack(losses, axis=1)

    def polish(self, model: int) -> None:
        """Bring the refit of one candidate to its optimum, if it is only near it."""
        if self.polishing is not None:
            self.polishing(model)

    def solution(self, model: int) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients and intercept of one candidate, in data units."""
        coef = self.weights[0, model] * self.rows.scale
        return coef, self.bias[0, model] - coef @ self.rows.shift

    def checkpoint(self) -> dict[str, Any]:
        """Plain values that say all that was solved."""
        return {name: getattr(self, name) for name in _KEPT}
