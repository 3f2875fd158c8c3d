"""Margins of fitted linear models."""

from __future__ import annotations

import numpy as np

from sklearn_sagemaker._kernels.levels import kernels
from sklearn_sagemaker._kernels.readers import RowReader

EMPTY = np.empty(0)


def linear_margins(X, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
    """``X @ coef.T + intercept`` in float64, reading X in place.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_rows, n_features)
    coef : float64 array of shape (n_outputs, n_features) or (n_features,)
    intercept : float64 array of shape (n_outputs,), or float

    Returns
    -------
    margins : float64 array of shape (n_rows, n_outputs)
    """
    if coef.ndim == 1:
        coef = coef[None, :]
    if X.shape[1] != coef.shape[1]:
        raise ValueError(
            f"X has {X.shape[1]} features, but the model has {coef.shape[1]} "
            "coefficients; pass the features that it was fitted on."
        )
    reader = RowReader(X)
    out = np.empty((X.shape[0], len(coef)))
    rows = np.arange(X.shape[0], dtype=np.int64)
    narrow = not reader.sparse and len(coef) < 8
    weights = np.ascontiguousarray(coef if narrow else coef.T, dtype=np.float64)
    bias = np.array(intercept, dtype=np.float64, ndmin=2)
    kernels.score(reader, rows, weights, bias, EMPTY, 0, len(coef), narrow, out)
    return out
