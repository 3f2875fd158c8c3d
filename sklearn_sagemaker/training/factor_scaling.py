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
ROUNDING = 1e-6
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
    units = found.units()
    # Sums of ones are not ones to the last digit.
    scale = 1.0 / np.where(units > 1.0 + ROUNDING, units, 1.0)
    square = (found.mean**2 + found.deviation**2) * scale**2
    length = float(square.sum())
    factor = np.sqrt(min(1.0, LONGEST / length)) if length > 0 else 1.0
    stored = max(float(found.present.sum()), 1e-12)
    mean_square = max(length * factor**2 / stored, 1e-12)
    if abs(mean_square - 1.0) < ROUNDING:
        mean_square = 1.0
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
        intercept, coef = _moved(intercept, coef, factors, scaler.shift, -1.0)
    if unit != 1.0:
        intercept, coef = intercept * unit, coef * unit
        factors = factors * np.sqrt(unit)
    coef, factors = np.ascontiguousarray(coef), factors.astype(dtype, copy=False)
    return Solution(intercept + origin, coef, factors)


def in_kernel_units(
    found: Solution, scaler: Scaler, origin: float, unit: float
) -> Solution:
    """The way back of `in_user_units`.

    Parameters
    ----------
    found : Solution
        In the user's units.
    scaler : Scaler
    origin, unit : float

    Returns
    -------
    solution : Solution
        For features ``(x - shift) * scale`` and labels ``(y - origin) / unit``.
    """
    intercept, coef, factors = found.intercept - origin, found.coef, found.factors
    if scaler.shift is not None:
        intercept, coef = _moved(intercept, coef, factors, scaler.shift, 1.0)
    intercept, coef, factors = intercept / unit, coef / unit, factors / np.sqrt(unit)
    if scaler.scale is not None:
        coef, factors = coef / scaler.scale, factors / scaler.scale[:, None]
    return Solution(intercept, coef, factors)


def _moved(intercept, coef, factors, shift: np.ndarray, sign: float):
    """Intercept and weights for features ``x + sign * shift`` in place of x."""
    # sum_i<j <v_i, v_j> (x_i + s_i) (x_j + s_j), by powers of x.
    factors, by = factors.astype(np.float64), sign * shift
    middle = np.einsum("cjk,j->ck", factors, by)
    square = np.einsum("cjk,cjk->cj", factors, factors)
    pairs = (middle**2).sum(axis=1) - square @ by**2
    moved = coef + np.einsum("cjk,ck->cj", factors, middle) - square * by
    return intercept + coef @ by + 0.5 * pairs, moved
