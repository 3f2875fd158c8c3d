"""The columns of each model of a block at its best epoch."""

from __future__ import annotations

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker.training.linear.layout import Layout, is_narrow
from sklearn_sagemaker.training.linear.scoring import SCORE_ROWS, Parts, margins_of
from sklearn_sagemaker.training.team import Team

FEW_COLUMNS = 8
"""One in so many columns, or fewer, are copied by their numbers."""


class BestColumns:
    """Snapshots of the models of a block: what is left of it as a `TrainedBlock`.

    Parameters
    ----------
    layout : Layout
        Of all models.
    weights, bias : arrays
        Of the block, in this layout.
    shift : array of shape (n_features,) or (0,)
        Subtracted from every row.
    fit_scaler : float64 array of shape (3, n_fits)
        Shift and scale of the labels of each fit.
    team : Team
        Threads that share the work.
    alone : bool
        Whether the run has no other column.

    Attributes
    ----------
    n_models : int
    columns : int array of shape (n_fits, n_classes, n_models)
    weights : array of shape (n_features, n_columns)
    bias : array of shape (n_columns,)
    """

    optimality = left_out = None

    def __init__(
        self,
        layout: Layout,
        weights: np.ndarray,
        bias: np.ndarray,
        shift: np.ndarray,
        fit_scaler: np.ndarray,
        team: Team,
        alone: bool,
    ):
        self.n_models = len(layout.active)
        self.columns = layout.columns
        self.weights = layout.by_feature(weights).copy()
        self.bias = bias[0].copy()
        self._shift, self._fit_scaler = shift, fit_scaler
        self._team, self._alone = team, alone

    def keep(
        self,
        layout: Layout,
        weights: np.ndarray,
        bias: np.ndarray,
        positions: np.ndarray,
    ) -> None:
        """Snapshot the models at these positions of the active ones of a layout."""
        if len(positions) == 0:
            return
        to = self.columns[:, :, layout.active[positions]].ravel()
        source = layout.columns_of(positions).ravel()
        weights, whole = layout.by_feature(weights), len(layout.active) == self.n_models
        if whole and len(to) > layout.used // FEW_COLUMNS:
            # Not by a list of columns, which is slower by the number.
            better = np.zeros(weights.shape[1], dtype=bool)
            better[to] = True
            where = True if len(to) == layout.used else better
            np.copyto(self.weights, weights, where=where)
        else:
            self.weights[:, to] = weights[:, source]
        self.bias[to] = bias[0, source]

    def best_margins(
        self, reader: RowReader, parts: Parts, models: np.ndarray | None = None
    ) -> np.ndarray:
        """Margins of the snapshots, each row by the fit that may score it.

        Parameters
        ----------
        reader : RowReader
        parts : list of (fit, int64 array)
        models : int array or None
            Models of the block; all by default.

        Returns
        -------
        margins : array of shape (n_rows, n_classes, n_models)
            Part by part, in the units of the refit's labels.
        """
        if models is None:
            models = np.arange(self.n_models)
        dtype, n_classes = self.weights.dtype, self.columns.shape[1]
        width = n_classes * len(models)
        found = np.empty((sum(len(rows) for _, rows in parts), width), dtype)
        start = 0
        for fit, rows in parts:
            columns = self.columns[fit][:, models].ravel()
            narrow = is_narrow(reader, width)
            weights, bias = self.weights[:, columns], self.bias[None, columns]
            if reader.sparse and width == 1 and not self._alone:
                weights, bias = np.repeat(weights, 2, 1), np.repeat(bias, 2, 1)
            given = (
                np.ascontiguousarray(weights.T if narrow else weights),
                np.ascontiguousarray(bias),
                self._shift,
                narrow,
                slice(0, width),
            )
            shift, scale, _ = self._fit_scaler[:, fit].astype(dtype)

            def score(piece, given=given, shift=shift, scale=scale):
                rows, out = piece
                margins_of(reader, rows, *given, out)
                if scale != 1 or shift != 0:
                    out *= scale
                    out += shift

            out = found[start : start + len(rows)]
            start += len(rows)
            steps = range(0, len(rows), SCORE_ROWS)
            pieces = [
                (rows[i : i + SCORE_ROWS], out[i : i + SCORE_ROWS]) for i in steps
            ]
            list(self._team.map(score, pieces))
        return found.reshape(len(found), n_classes, len(models))

    def polish(self, model: int) -> None:
        """Nothing: steps are what there is."""

    def solution(self, model: int) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients and intercept of one model, in data units.

        The scales are part of the weights already; centring and the label
        scaler are folded back here, in float64.
        """
        columns = self.columns[0, :, model]
        coef = self.weights[:, columns].T.astype(np.float64)
        intercept = self.bias[columns].astype(np.float64)
        if len(self._shift):
            intercept = intercept - coef @ self._shift.astype(np.float64)
        shift, scale, _ = self._fit_scaler[:, 0]
        return coef * scale, intercept * scale + shift
