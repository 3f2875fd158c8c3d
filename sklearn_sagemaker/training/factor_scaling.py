"""How Factorization Machines see features and labels, and the way back."""

from __future__ import annotations

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker.training.factor_model import Scaler, Solution
from sklearn_sagemaker.training.scaling import (
    FeatureStatistics,
    check_statistics,
    feature_statistics,
    zeros_share,
)

SCALER_ROWS = 10_000
"""Rows, evenly spread, that the statistics of features are taken from."""
LONGEST = 8.0
"""Mean square length of the rows, above which all features are shrunk: one step moves
the margin of a row by its square length, and longer ones overshoot."""


def feature_scaler(
    reader: RowReader, X, rows: np.ndarray, weights: np.ndarray, wanted: bool
) -> tuple[Scaler, float]:
    """How the kernels should see the features, and the mean square of their values.

    Dense features are standardised, without centring if they are mostly zeros.
    Sparse ones keep their units, unless their stored values are larger than one.

    Parameters
    ----------
    reader : RowReader
    X : ndarray or CSR
        What it reads.
    rows : int64 array
        Training rows.
    weights : float64 array of shape (n_rows,)
    wanted : bool
        Whether to scale at all.

    Returns
    -------
    scaler : Scaler
    square : float
        Mean square of the stored values, as the kernels see them.

    Raises
    ------
    AllCandidatesDivergedError
        If the squares of a feature overflow.
    """
    if not wanted:
        return Scaler(), 1.0
    some = rows[:: max(1, len(rows) // SCALER_ROWS)]
    found = feature_statistics(reader, some, weights[some])
    check_statistics(found)
    if reader.sparse:
        return _sparse(found)
    zeros = zeros_share(X, some)
    found = FeatureStatistics(found.mean, found.deviation, None, zeros)
    centred = not found.sparse_like
    scale = found.scale("standard" if centred else "floored")
    square = found.deviation**2 + (0.0 if centred else found.mean**2)
    length = float(np.sum(square * scale**2))
    factor = np.sqrt(min(1.0, LONGEST / length)) if length > 0 else 1.0
    stored = max(1.0, len(scale) * (1.0 if centred else 1.0 - zeros))
    shift = found.mean if centred else None
    return Scaler(shift, scale * factor), max(length * factor**2 / stored, 1e-12)


def _sparse(found: FeatureStatistics) -> tuple[Scaler, float]:
    assert found.present is not None
    scale = 1.0 / np.maximum(found.units(), 1.0)
    square = (found.mean**2 + found.deviation**2) * scale**2
    length = float(square.sum())
    factor = np.sqrt(min(1.0, LONGEST / length)) if length > 0 else 1.0
    stored = max(float(found.present.sum()), 1e-12)
    mean_square = max(length * factor**2 / stored, 1e-12)
    if factor == 1.0 and (scale == 1.0).all():
        return Scaler(), mean_square
    return Scaler(None, scale * factor), mean_square


def in_user_units(
    found: Solution, scaler: Scaler, origin: float, unit: float
) -> Solution:
    """The same model for features and labels as the user has them.

    Parameters
    ----------
    found : Solution
        For features ``(x - shift) * scale`` and labels ``(y - origin) / unit``.
    scaler : Scaler
    origin, unit : float

    Returns
    -------
    solution : Solution
        Its factors are float64 if features were shifted: predictions then cancel
        large numbers.
    """
    intercept, coef, factors = found.intercept, found.coef, found.factors
    dtype = factors.dtype
    if scaler.scale is not None:
        coef = coef * scaler.scale
        factors = factors * scaler.scale[:, None]
    if scaler.shift is not None:
        dtype = np.dtype(np.float64)
        shift = scaler.shift
        # sum_i<j <v_i, v_j> (x_i - m_i) (x_j - m_j), by powers of x.
        middle = np.einsum("cjk,j->ck", factors, shift)
        square = np.einsum("cjk,cjk->cj", factors, factors)
        pairs = (middle**2).sum(axis=1) - square @ shift**2
        intercept = intercept - coef @ shift + 0.5 * pairs
        coef = coef - np.einsum("cjk,ck->cj", factors, middle) + square * shift
    if unit != 1.0:
        intercept, coef = intercept * unit, coef * unit
        factors = factors * np.sqrt(unit)
    coef, factors = np.ascontiguousarray(coef), factors.astype(dtype, copy=False)
    return Solution(intercept + origin, coef, factors)
