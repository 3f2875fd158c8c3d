"""Where the columns of a block lie, and what each of them is trained with."""

from __future__ import annotations

import copy

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker.training.linear.candidates import Candidates
from sklearn_sagemaker.training.linear.objective import Objective
from sklearn_sagemaker.training.memory import aligned_zeros

LANES = 16
"""Strips are padded to a multiple of this many models."""
NARROW = 8
"""Below this many columns dense data train column by column, without padding."""


def is_narrow(reader: RowReader, n_columns: int) -> bool:
    """Whether so many columns lie one after the other, each with all features."""
    return not reader.sparse and n_columns < NARROW


class Layout:
    """Columns of the models that are active.

    A model has a column for each fit (the refit, then one fit a fold) and each class.
    Columns lie fit by fit, class by class, model by model.

    Parameters
    ----------
    reader : RowReader
        Rows to train on.
    candidates : Candidates
        The models of the block; all are active.
    scales : list of float64 arrays of shape (n_features,)
        Feature scale of each candidate.
    fit_scaler : float64 array of shape (3, n_fits)
        Shift and scale of the labels of each fit, and the loss's parameter.
    objective : Objective
    alone : bool
        Whether the run has no other column than the one of this block.

    Attributes
    ----------
    active : int array
        Numbers of the models.
    models : int array of shape (used,)
        The model of each column.
    used, ld : int
        Columns, without and with those that pad them.
    narrow : bool
        Whether arrays are of shape (used, n_features); else (n_features, ld).
    shape : (int, int)
        That of arrays.
    scale, kinds, penalties, label_scaler : arrays
        As of `Columns`.
    scaler_of_fit : list of arrays of shape (3, n_columns)
        ``label_scaler`` of the columns of each fit.
    """

    def __init__(
        self,
        reader: RowReader,
        candidates: Candidates,
        scales: list[np.ndarray],
        fit_scaler: np.ndarray,
        objective: Objective,
        alone: bool,
    ):
        self.dtype = reader.dtype
        self.n_fits, self.n_classes = fit_scaler.shape[1], objective.columns
        self._reader, self._candidates = reader, candidates
        self._bias_wd_mult = objective.bias_wd_mult
        self._fit_scaler, self._alone = fit_scaler, alone
        # One array for each kind of scaling, not for each candidate: less to read.
        distinct = {id(scale): scale for scale in scales}
        self._scales = self._array(np.stack([*distinct.values()], axis=1))
        self._kinds = np.array([[*distinct].index(id(scale)) for scale in scales])
        self._lay_out(np.arange(len(candidates)))

    def of(self, active: np.ndarray) -> Layout:
        """The layout of these models alone."""
        found = copy.copy(self)
        found._lay_out(active)
        return found

    def _array(self, values) -> np.ndarray:
        return np.ascontiguousarray(values, dtype=self.dtype)

    def _lay_out(self, active: np.ndarray) -> None:
        self.active = active
        if len(active) == 0:
            # Nothing is trained any longer: arrays stay as they are.
            return
        self.used = self.n_fits * self.width
        self.narrow = is_narrow(self._reader, self.used)
        padded = -(-self.used // LANES) * LANES
        self.ld = self.used if self.used < NARROW else padded
        if self.used == 1 and self._reader.sparse and not self._alone:
            # A single sparse column is summed in another order: how many columns
            # share a block must not show.
            self.ld = 2
        d = self._reader.n_features
        self.shape = (self.used, d) if self.narrow else (d, self.ld)
        models = self.models = active[np.arange(self.used) % len(active)]
        left, places = np.unique(self._kinds[models], return_inverse=True)
        scale = self._scales[:, left]
        self.scale = self._array(scale.T if self.narrow else scale)
        self.kinds = np.zeros(self.ld, dtype=np.int32)
        self.kinds[: self.used] = places
        self.penalties = np.zeros((3, self.ld), dtype=self.dtype)
        wd = self._candidates.wd[models]
        self.penalties[0, : self.used] = wd
        self.penalties[1, : self.used] = self._candidates.l1[models]
        self.penalties[2, : self.used] = wd * self._bias_wd_mult
        self.label_scaler = np.zeros((3, self.ld), dtype=self.dtype)
        self.label_scaler[1] = 1.0
        fits = np.arange(self.used) // self.width
        shift, scale, parameter = self._fit_scaler[:, fits]
        self.label_scaler[:, : self.used] = shift, 1.0 / scale, parameter
        self.scaler_of_fit = [
            self._array(self.label_scaler[:, self.columns_of_fit(fit)])
            for fit in range(self.n_fits)
        ]

    @property
    def width(self) -> int:
        """Columns of a fit."""
        return self.n_classes * len(self.active)

    def columns_of_fit(self, fit: int) -> slice:
        """Those of all active models."""
        return slice(fit * self.width, (fit + 1) * self.width)

    def columns_of(self, positions: np.ndarray) -> np.ndarray:
        """Columns of the models at these positions of the active ones.

        Returns
        -------
        columns : int array of shape (n_fits, n_classes, len(positions))
        """
        lanes = np.arange(self.n_fits * self.n_classes)[:, None] * len(self.active)
        return (lanes + positions).reshape(self.n_fits, self.n_classes, -1)

    @property
    def columns(self) -> np.ndarray:
        """Columns of all active models, of shape (n_fits, n_classes, n_active)."""
        return self.columns_of(np.arange(len(self.active)))

    def zeros(self) -> np.ndarray:
        """An array of the layout, aligned for the kernels."""
        return aligned_zeros(self.shape, self.dtype)

    def by_feature(self, array: np.ndarray) -> np.ndarray:
        """An array of the layout as one of shape (n_features, n_columns)."""
        return array.T if self.narrow else array
