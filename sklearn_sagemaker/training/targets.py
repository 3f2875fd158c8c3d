"""Labels and their weights in the loss, as the kernels see them."""

from __future__ import annotations

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker.training.rows import Piece, Rows
from sklearn_sagemaker.training.selection.validation import ValidationPlan


class Targets:
    """Scaled labels, and weights in the loss of mean 1 over the rows that train.

    They are computed in float64, before they take the precision of the rows.

    Parameters
    ----------
    source : ArrayRows or WindowRows
    plan : ValidationPlan
    reader : RowReader
        Of the rows of the source.
    origin, unit : float
        Labels are trained as ``(y - origin) / unit``.
    multipliers : float64 array of shape (n_classes,) or None
        Factor on the weights of each class.

    Attributes
    ----------
    origin, unit : float
    train, validation : (array, array)
        Labels and weights of the rows of the source and of those of the plan.
    loss_weights : (float64 array, float64 array)
        The weights of both, before they take the precision of the rows. Those of
        validation rows apart from the source keep their mean.
    """

    def __init__(
        self,
        source: Rows,
        plan: ValidationPlan,
        reader: RowReader,
        origin: float,
        unit: float,
        multipliers: np.ndarray | None = None,
    ):
        self.origin, self.unit = origin, unit
        self._multipliers, self._dtype = multipliers, reader.dtype
        data = source.data
        weights = self._by_class(data.y, data.sample_weight)
        self._mean_weight = source.mean_weight(plan, weights, multipliers)
        weights = weights / self._mean_weight
        self.train = self.validation = self._cast(data.y, weights)
        self.loss_weights = weights, weights
        if plan.reader is not reader:
            apart = self._by_class(plan.y, plan.weights)
            self.validation = self._cast(plan.y, apart)
            self.loss_weights = weights, apart

    def of(self, piece: Piece) -> tuple[np.ndarray, np.ndarray]:
        """Labels and weights of some rows that train."""
        if piece.whole:
            return self.train
        labels, weights = self.exact(piece)
        return labels.astype(self._dtype), weights.astype(self._dtype)

    def exact(self, piece: Piece) -> tuple[np.ndarray, np.ndarray]:
        """The same in float64."""
        if piece.whole:
            return self.scaled(piece.y), self.loss_weights[0]
        weights = piece.sample_weight / self._mean_weight
        return self.scaled(piece.y), self._by_class(piece.y, weights)

    def scaled(self, y: np.ndarray) -> np.ndarray:
        """Labels as they are trained, in float64."""
        return (y - self.origin) / self.unit

    def _by_class(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        if self._multipliers is None:
            return weights
        return weights * self._multipliers[y.astype(int)]

    def _cast(self, y: np.ndarray, weights: np.ndarray):
        return self.scaled(y).astype(self._dtype), weights.astype(self._dtype)
