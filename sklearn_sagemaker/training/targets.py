"""Labels and their weights in the loss, as the kernels see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker.training.pieces import Piece
from sklearn_sagemaker.training.rows import Rows
from sklearn_sagemaker.training.selection.validation import ValidationPlan


@dataclass(frozen=True)
class LossLabels:
    """What makes labels and weights of rows those of the loss.

    Attributes
    ----------
    origin, unit : float
        Labels are trained as ``(y - origin) / unit``.
    mean_weight : float
        Of the rows that train, which have 1 on average then.
    multipliers : float64 array of shape (n_classes,) or None
        Factor on the weights of each class.
    """

    origin: float
    unit: float
    mean_weight: float
    multipliers: np.ndarray | None

    def scaled(self, y: np.ndarray) -> np.ndarray:
        """Labels as they are trained, in float64."""
        return (y - self.origin) / self.unit

    def weights(self, y: np.ndarray, sample_weight: np.ndarray) -> np.ndarray:
        """Weights in the loss, in float64."""
        return by_class(y, sample_weight / self.mean_weight, self.multipliers)


def by_class(
    y: np.ndarray, weights: np.ndarray, multipliers: np.ndarray | None
) -> np.ndarray:
    """Weights times the factors of their classes, if there are any."""
    if multipliers is None or (multipliers == 1.0).all():
        return weights
    return weights * multipliers[y.astype(int)]


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
    of_loss : LossLabels
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
        data = source.data
        weights = by_class(data.y, data.sample_weight, multipliers)
        mean = source.mean_weight(plan, weights, multipliers)
        self.of_loss = LossLabels(origin, unit, mean, multipliers)
        self._dtype = reader.dtype
        weights = weights / mean
        self.train = self.validation = self._cast(data.y, weights)
        self.loss_weights = weights, weights
        if plan.reader is not reader:
            apart = by_class(plan.y, plan.weights, multipliers)
            self.validation = self._cast(plan.y, apart)
            self.loss_weights = weights, apart

    @property
    def origin(self) -> float:
        """What labels are less when they are trained."""
        return self.of_loss.origin

    @property
    def unit(self) -> float:
        """What they are divided by then."""
        return self.of_loss.unit

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
        of_loss = self.of_loss
        return of_loss.scaled(piece.y), of_loss.weights(piece.y, piece.sample_weight)

    def scaled(self, y: np.ndarray) -> np.ndarray:
        """Labels as they are trained, in float64."""
        return self.of_loss.scaled(y)

    def _cast(self, y: np.ndarray, weights: np.ndarray):
        return self.scaled(y).astype(self._dtype), weights.astype(self._dtype)
