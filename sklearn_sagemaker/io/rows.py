"""What travels between formats: rows with labels, and a model's answers to rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Rows:
    """Some rows of data, in memory.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_features)
        float32, float64 or int32.
    y : ndarray of shape (n_rows,) or None
        Labels; None if the rows have none.
    sample_weight : ndarray of shape (n_rows,) or None
        None if the rows have none.
    """

    X: Any
    y: np.ndarray | None = None
    sample_weight: np.ndarray | None = None

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def __repr__(self) -> str:
        # Rows never reach a log or a traceback.
        return f"Rows(shape={self.X.shape}, labels={self.y is not None})"


@dataclass(frozen=True)
class Predictions:
    """What SageMaker's algorithms answer to some rows.

    Attributes
    ----------
    score : float ndarray of shape (n_rows,) or (n_rows, n_classes)
        Regression: the prediction. Binary classification: the probability of the
        second class. Multiclass: the probability of each class.
    predicted_label : ndarray of shape (n_rows,) or None
        Number of the predicted class, 0 to n_classes - 1; None for regression.
    """

    score: np.ndarray
    predicted_label: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.score)

    def __repr__(self) -> str:
        return f"Predictions(shape={self.score.shape})"
