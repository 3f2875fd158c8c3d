"""The precision of a training: float64 where float32 overflows or underflows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._state import TrainingData, feature_label
from sklearn_sagemaker.exceptions import FeatureScaleError
from sklearn_sagemaker.training.neighbours import rows_at

SMALLEST, LARGEST = 1e-30, 1e30
"""Sizes of features that float32 leaves room for: their inverses, and sums of rows."""
SUBNORMAL = 10 * float(np.finfo(np.float32).tiny)
"""Below it float32 has few digits, or none."""
LOOKED_AT = 10_000
"""First rows, of a weight above zero, that decide."""


def largest_values(X) -> np.ndarray:
    """Largest absolute value of each feature of dense or CSR rows."""
    if sp.issparse(X):
        return abs(X).max(axis=0).toarray().ravel()
    # No array of absolute values.
    return np.maximum(X.max(axis=0), -X.min(axis=0))


def _all_fit(values: np.ndarray) -> bool:
    """Whether all numbers but zeros are of a size that float32 leaves room for."""
    size = np.abs(values)
    return bool(((size == 0) | ((size >= SMALLEST) & (size <= LARGEST))).all())


def in_safe_precision(data: TrainingData, names: Any = None) -> TrainingData:
    """The data, with float32 rows as float64 if some feature is too large or small.

    Parameters
    ----------
    data : TrainingData
    names : array of str of shape (n_features,) or None
        Of the features, for messages.

    Returns
    -------
    data : TrainingData
        The same one, unless the first rows have a feature whose largest value lies
        outside [1e-30, 1e30].

    Raises
    ------
    FeatureScaleError
        If it has one whose values are subnormal, which the kernels read as zero.
    """
    if data.X.dtype != np.float32:
        return data
    # Rows of zero weight are absent, and decide nothing.
    rows = np.flatnonzero(data.sample_weight > 0)[:LOOKED_AT]
    some = rows_at(data.X, rows)
    if sp.issparse(some) and _all_fit(some.data):
        # No need to know the largest of each feature, which takes longer.
        return data
    size = largest_values(some)
    if _all_fit(size):
        return data
    lost = np.flatnonzero((size > 0) & (size < SUBNORMAL))
    if len(lost):
        label = feature_label(lost[0], names)
        raise FeatureScaleError(
            f"F{label[1:]} holds values of at most {size[lost[0]]:.3g}, which float32 "
            "keeps with few digits and processors read as zero; convert X to float64, "
            "express the feature in smaller units, or drop it."
        )
    X_val = data.X_val
    if X_val is not None and X_val.dtype == np.float32:
        X_val = X_val.astype(np.float64)
    return replace(data, X=data.X.astype(np.float64), X_val=X_val)
