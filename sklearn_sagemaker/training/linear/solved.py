"""Candidates that are solved in place of being trained: their columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import LOSSES, RowReader
from sklearn_sagemaker.training.linear.moments import ScaledRows

_KEPT = ("weights", "bias", "optimality", "kept")


class SolvedColumns:
    """Weights of all fits of all candidates at their optimum: a `TrainedBlock`.

    Parameters
    ----------
    rows : ScaledRows
    loss : str
    parameter : float
        Of the loss, in the units of the labels that runs work with.
    weights : float64 array of shape (n_fits, n_features, n_outputs, n_models)
        Of the scaled features, in the same units.
    bias : float64 array of shape (n_fits, n_outputs, n_models)
    optimality : float64 array of shape (n_models,)
        How far the objective of the refit may be above its optimum, by the loss of the
        best constant.
    kept : float64 array of shape (n_models,)
        Directions that the penalties leave the refit, the intercept among them.
    """

    def __init__(
        self, rows: ScaledRows, loss: str, parameter, weights, bias, optimality, kept
    ):
        self.rows, self.loss, self.parameter = rows, LOSSES[loss], parameter
        self.weights, self.bias = weights, bias
        self.optimality, self.kept = optimality, kept
        self.n_models: int = len(optimality)

    def margins(
        self, reader: RowReader, rows: np.ndarray, fit: int, models: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Row numbers, and their margins by one fit of some candidates, in pieces."""
        weights = self.weights[fit][:, :, models]
        flat = np.ascontiguousarray(weights).reshape(len(weights), -1)
        bias = self.bias[fit][:, models]
        for some, tile in self.rows.tiles(reader, rows):
            yield some, (tile @ flat).reshape(-1, *bias.shape) + bias

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
            margins
            for fit, rows in parts
            for _, margins in self.margins(reader, rows, fit, models)
        ]
        return np.concatenate(found)

    def loss_sums(self, reader: RowReader, parts, y, weights) -> np.ndarray:
        """Weighted sums of the losses of all candidates on each part of rows.

        Parameters
        ----------
        reader : RowReader
        parts : list of (fit, int64 array)
        y, weights : float64 arrays, indexed by row number

        Returns
        -------
        sums : float64 array of shape (n_parts, n_models)
        """
        everyone = np.arange(self.n_models)
        sums = np.zeros((len(parts), self.n_models))
        for total, (fit, rows) in zip(sums, parts, strict=True):
            for some, margins in self.margins(reader, rows, fit, everyone):
                total += weights[some] @ self._losses(margins, y[some])
        return sums

    def _losses(self, margins: np.ndarray, y: np.ndarray) -> np.ndarray:
        if not self.loss.coupled:
            return self.loss.value(margins[:, 0], y[:, None], self.parameter)
        models = range(self.n_models)
        losses = [self.loss.value(margins[:, :, model], y, 0.0) for model in models]
        return np.stack(losses, axis=1)

    def solution(self, model: int) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients and intercept of one candidate, in data units."""
        coef = self.weights[0, :, :, model].T * self.rows.scale
        return coef, self.bias[0, :, model] - coef @ self.rows.shift

    def checkpoint(self) -> dict[str, Any]:
        """Plain values that say all that was solved."""
        return {name: getattr(self, name) for name in _KEPT}
