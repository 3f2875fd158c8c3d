"""How Factorization Machines see features and labels, and the way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._kernels.prediction import factor_scores
from sklearn_sagemaker._state import SomeFeatures, feature_label
from sklearn_sagemaker._threads import ALONE, Map
from sklearn_sagemaker.exceptions import FeatureScaleError
from sklearn_sagemaker.training.factors.gradient import (
    Scaler,
    Solution,
    solution_margins,
)
from sklearn_sagemaker.training.precision import LARGEST, SMALLEST, largest_values
from sklearn_sagemaker.training.scaling import (
    FeatureStatistics,
    check_statistics,
    feature_statistics,
    zeros_share,
)

SCALER_ROWS = 10_000
"""Rows, evenly spread, that the statistics of features are taken from."""
PIECE = 1 << 16
"""Values that are in the cache at once."""
ROUNDING = 1e-6
CHECKED_ROWS = 256
"""Rows by which a model in the user's units is held to what it learned."""
FAR_AWAY = 1e5
"""Deviations of a mean from zero that may be the cause of it."""
LOST = 0.1
"""Error of that, in deviations of y, that is too large."""
SHORTEST = 0.5
"""Mean square length of sparse rows below which all features are lifted to 1."""
LEAST_UNIT = 0.03
"""Root mean square of a sparse feature's stored values below which it is scaled up."""
SKEWED = 2.0
"""Times the mean size that the root mean square is where the values are skewed."""
FAR_SPARSE, MOST_CENTRED = 5.0, 4096
"""Deviations from zero from which on a sparse feature that all rows store is centred;
features at most, as each row is then read as one of all features."""
LONGEST = 8.0
"""Mean square length of the rows, above which all features are shrunk: one step moves
the margin of a row by its square length, and longer ones overshoot."""


def feature_scaler(
    reader: RowReader,
    X,
    rows: np.ndarray,
    weights: np.ndarray,
    wanted: bool,
    names: Any = None,
) -> tuple[Scaler, float]:
    """How the kernels should see the features, and the mean square of their values.

    Dense features are standardised, without centring if they are mostly zeros.
    Sparse ones keep their units, unless their stored values are larger than one or
    very small; those that all rows store are centred if they lie far from zero.

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
    names : array of str of shape (n_features,) or None
        Of the features, for messages.

    Returns
    -------
    scaler : Scaler
    square : float
        Mean square of the stored values, as the kernels see them.

    Raises
    ------
    AllCandidatesDivergedError
        If the squares of a feature overflow.
    FeatureScaleError
        If a feature is so small that its inverse overflows.
    """
    if not wanted:
        return Scaler(), 1.0
    some = rows[:: max(1, len(rows) // SCALER_ROWS)]
    found = feature_statistics(reader, some, weights[some])
    check_statistics(found, names)
    if not reader.sparse:
        zeros = zeros_share(X, some)
        found = FeatureStatistics(found.mean, found.deviation, None, zeros)
    sizes = mean_sizes(X, some, weights[some], found.mean)
    return scaler_of(found, sizes, not isinstance(names, SomeFeatures))


def mean_sizes(X, rows: np.ndarray, weights: np.ndarray, mean: np.ndarray):
    """Weighted mean size of each feature: of its values if CSR, else about its mean.

    It is infinite for dense features that have zeros, which tell of no amounts.

    Parameters
    ----------
    X : ndarray or CSR
    rows : int64 array of shape (n,)
    weights : float64 array of shape (n,)
    mean : float64 array of shape (n_features,)

    Returns
    -------
    sizes : float64 array of shape (n_features,)
    """
    total = weights.sum()
    if not sp.issparse(X):
        sizes = np.zeros(X.shape[1])
        step = max(1, PIECE // max(1, X.shape[1]))
        for start in range(0, len(rows), step):
            some = slice(start, start + step)
            piece = X[rows[some]]
            sizes += weights[some] @ np.abs(piece - mean)
            sizes[(piece == 0).any(axis=0)] = np.inf
        return sizes / total
    piece = X[rows]
    each = np.repeat(weights, np.diff(piece.indptr)) * np.abs(piece.data)
    return np.bincount(piece.indices, each, X.shape[1]) / total


def stored_shares(reader: RowReader, X, rows: np.ndarray) -> np.ndarray:
    """Share of some rows, evenly spread, in which each feature is not zero.

    Returns
    -------
    shares : float64 array of shape (n_features,)
    """
    some = rows[:: max(1, len(rows) // SCALER_ROWS)]
    if reader.sparse:
        ends = X[some].indices
        return np.bincount(ends, minlength=X.shape[1]) / max(1, len(some))
    counts = np.zeros(X.shape[1])
    for start in range(0, len(some), 1024):
        counts += np.count_nonzero(X[some[start : start + 1024]], axis=0)
    return counts / max(1, len(some))


def scaler_of(
    found: FeatureStatistics, sizes: np.ndarray, centre: bool = True
) -> tuple[Scaler, float]:
    """`feature_scaler` of rows with such statistics, and `mean_sizes`.

    Sparse features are not centred if others exist that no row has met, whose weights
    would change by it.
    """
    if found.present is not None:
        return _sparse(found, sizes, centre)
    centred = not found.sparse_like
    scale = found.scale("standard" if centred else "floored")
    size = found.deviation if centred else np.hypot(found.mean, found.deviation)
    # Scaled before they are squared, which might overflow.
    length = float(np.sum((size * scale) ** 2))
    factor = np.sqrt(min(1.0, LONGEST / length)) if length > 0 else 1.0
    stored = max(1.0, len(scale) * (1.0 if centred else 1.0 - found.zeros))
    shift = found.mean if centred else None
    if centred:
        scale = scale * _skewness(found.deviation, sizes)
    return Scaler(shift, scale * factor), max(length * factor**2 / stored, 1e-12)


def _skewness(root: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """By how much the mean size of values is a better unit than their root mean square.

    Few rows decide the latter of skewed amounts. By it all other values are close to
    zero, and steps never reach the weights that these ask for.
    """
    ratio = root / np.where(mean > 0, mean, np.inf)
    return np.where(ratio > SKEWED, ratio, 1.0)


def _sparse(
    found: FeatureStatistics, sizes: np.ndarray, centre: bool
) -> tuple[Scaler, float]:
    assert found.present is not None
    present = found.present
    units = found.units()
    met = (found.present > 0) & (np.hypot(found.mean, found.deviation) > 0)
    # That of features not met, whether there are any or not.
    rest = float(np.median(units[met])) if met.any() else 1.0
    far = np.abs(found.mean) > FAR_SPARSE * found.deviation
    far &= (found.deviation > 0) & (present >= 1.0 - ROUNDING)
    far &= centre and len(far) <= MOST_CENTRED
    units = np.where(far, found.deviation, units)
    # Sums of ones are not ones to the last digit.
    keeps = (units <= 1.0 + ROUNDING) & (units >= LEAST_UNIT) & ~far
    scale = 1.0 / np.where(keeps, 1.0, units)
    size = np.where(far, found.deviation, np.hypot(found.mean, found.deviation))
    length = float(np.sum((size * scale) ** 2))
    factor = 1.0
    if length > LONGEST:
        factor = np.sqrt(LONGEST / length)
    elif 0.0 < length < SHORTEST:
        factor = 1.0 / np.sqrt(length)
    stored = max(float(present.sum()), 1e-12)
    mean_square = max(length * factor**2 / stored, 1e-12)
    if abs(mean_square - 1.0) < ROUNDING:
        mean_square = 1.0
    # Of the stored values, of which there are many more than rows of large ones.
    stored_sizes = sizes / np.where(present > 0, present, 1.0)
    scale = scale * np.where(keeps | far, 1.0, _skewness(units, stored_sizes))
    if factor == 1.0 and (scale == 1.0).all():
        return Scaler(), mean_square
    shift = np.where(far, found.mean, 0.0) if far.any() else None
    small = rest < LEAST_UNIT
    rest = factor / (rest if rest > 1.0 + ROUNDING or small else 1.0)
    return Scaler(shift, scale * factor, float(rest)), mean_square


def centred_rows(X, shift: np.ndarray):
    """A copy of CSR rows that store all of the shifted columns, less the shift."""
    centred = X.copy()
    centred.data = (X.data - shift[X.indices]).astype(X.dtype)
    return centred


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
        large numbers; or if float32 is no precision for features of their sizes.
        What is not finite is left to whoever takes the model.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return _in_user_units(found, scaler, origin, unit)


def _in_user_units(
    found: Solution, scaler: Scaler, origin: float, unit: float
) -> Solution:
    intercept, coef, factors = found.intercept, found.coef, found.factors
    dtype = factors.dtype
    if scaler.scale is not None:
        coef = coef * scaler.scale
        factors = factors * scaler.scale[:, None]
        if not ((scaler.scale >= SMALLEST) & (scaler.scale <= LARGEST)).all():
            dtype = np.dtype(np.float64)
    if scaler.shift is not None:
        dtype = np.dtype(np.float64)
        intercept, coef = moved(intercept, coef, factors, scaler.shift, -1.0)
    if unit != 1.0:
        intercept, coef = intercept * unit, coef * unit
        factors = factors * np.sqrt(unit)
    coef, factors = np.ascontiguousarray(coef), factors.astype(dtype, copy=False)
    return Solution(intercept + origin, coef, factors)


def check_units(
    models: list[Solution],
    X,
    rows: np.ndarray,
    scaler: Scaler,
    origin: float,
    unit: float,
    spread: float,
    names: Any = None,
    over: Map = ALONE,
) -> None:
    """Refuse models that do not predict in the user's units what they have learned.

    Pairs of features that lie far from zero make large numbers that cancel; from about
    10^8 deviations on nothing is left of the digits.

    Parameters
    ----------
    models : list of Solution
        As the kernels see them.
    X : ndarray or CSR of shape (n_samples, n_features)
    rows : int64 array
        Training rows; some are scored in both ways.
    scaler, origin, unit : object
        Of `in_user_units`.
    spread : float
        Errors that count: the deviation of y, or one for log-odds.
    names : array of str of shape (n_features,) or None
    over : callable
        A map over the models.

    Raises
    ------
    FeatureScaleError
        Naming the feature that is farthest from zero, or has the most extreme size.
    """
    some = rows[:: max(1, len(rows) // CHECKED_ROWS)][:CHECKED_ROWS]
    piece = X[some]
    reader, every = RowReader(piece), np.arange(len(some))

    def both(one: Solution) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            learned = solution_margins(reader, every, one, scaler) * unit + origin
            mine = in_user_units(one, scaler, origin, unit)
            told = factor_scores(piece, mine.intercept, mine.coef, mine.factors)
            return np.stack([learned, told]) / len(models)

    with np.errstate(over="ignore", invalid="ignore"):
        # Predictions are means, in which errors of rounding cancel.
        learned, told = np.sum(over(both, models), axis=0)
        error = np.sqrt(np.mean((told - learned) ** 2))
        limit = LOST * max(spread, float(np.std(learned)))
    if not error <= limit:
        raise FeatureScaleError(_lost(scaler, piece, names))


def _lost(scaler: Scaler, piece, names: Any) -> str:
    remedy = (
        "put sklearn.preprocessing.StandardScaler before the model in a Pipeline, or "
        "subtract the offset from the feature, or drop it."
    )
    if scaler.shift is not None and scaler.scale is not None:
        away = np.abs(scaler.shift * scaler.scale)
        worst = int(np.argmax(away))
        if away[worst] > FAR_AWAY:
            label = feature_label(worst, names)
            return (
                "The model cannot be written for the features as they are: "
                f"{label} has a mean of {scaler.shift[worst]:.6g}, so many times its "
                f"deviation that products of pairs lose their digits; {remedy}"
            )
    size = largest_values(piece).astype(np.float64)
    away = np.abs(np.log(np.where(size > 0, size, 1.0)))
    worst = int(np.argmax(away))
    if away[worst] < np.log(1e10):
        return (
            "The model cannot be written in the units of y: its factors overflow; set "
            "normalize_label='auto', or divide y by its standard deviation."
        )
    label = feature_label(worst, names)
    return (
        f"The model cannot be written for the features as they are: {label} has values "
        f"of up to {size[worst]:.3g}, and products of pairs overflow; {remedy}"
    )


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
        intercept, coef = moved(intercept, coef, factors, scaler.shift, 1.0)
    intercept, coef, factors = intercept / unit, coef / unit, factors / np.sqrt(unit)
    if scaler.scale is not None:
        coef, factors = coef / scaler.scale, factors / scaler.scale[:, None]
    return Solution(intercept, coef, factors)


def moved(intercept, coef, factors, shift: np.ndarray, sign: float):
    """Intercept and weights for features ``x + sign * shift`` in place of x.

    Parameters
    ----------
    intercept : float64 array of shape (n_outputs,)
    coef : float64 array of shape (n_outputs, n_features)
    factors : array of shape (n_outputs, n_features, k)
    shift : float64 array of shape (n_features,)
    sign : float

    Returns
    -------
    intercept, coef : float64 arrays
        The factors stay.
    """
    # sum_i<j <v_i, v_j> (x_i + s_i) (x_j + s_j), by powers of x.
    factors, by = factors.astype(np.float64), sign * shift
    middle = np.einsum("cjk,j->ck", factors, by)
    # Of small features factors are large, and their squares larger: shifted first.
    along = factors * by[:, None]
    pairs = (middle**2).sum(axis=1) - np.einsum("cjk,cjk->c", along, along)
    own = np.einsum("cjk,cjk->cj", factors, along)
    moved = coef + np.einsum("cjk,ck->cj", factors, middle) - own
    return intercept + coef @ by + 0.5 * pairs, moved
