"""Scalers: learned on the first rows, applied inside the pass, folded back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._kernels import RowReader, count_columns, kernels
from sklearn_sagemaker._state import feature_label
from sklearn_sagemaker.exceptions import (
    AllCandidatesDivergedError,
    FeatureScaleError,
)
from sklearn_sagemaker.training.neighbours import rows_at
from sklearn_sagemaker.training.weights import near_one

SCALINGS: dict[str, str] = {
    "standard": "each feature divided by its standard deviation",
    "floored": "as standard, but deviations below the mean deviation count as it",
    "norm": "all features divided by the root mean square length of a row",
    "length": "as norm, but sparse features keep their sizes",
    "none": "features as they are",
}
"""How a candidate may scale features; the penalties act on the scaled ones.

With sparse rows "floored" and "norm" first divide each feature by the root mean square
of its stored values: that takes the units away, but does not blow up rare features.
"length" leaves sizes that mean something, such as the weights of rare words."""


FAR = 2.0
"""Deviations from zero from which on a feature's mean makes training slow."""
MOSTLY = 0.5
"""Share of zeros above which dense rows count as sparse ones written out."""
ZEROS_ROWS = 1000
"""Rows whose zeros are counted."""
SMALL, LIFT = 1e-140, 2.0**1000
"""Squares of features smaller than the one are summed times the other."""
TINY = 1e-307
"""Its inverse is finite."""


@dataclass(frozen=True)
class FeatureStatistics:
    """Weighted mean and standard deviation of every feature (float64).

    ``present`` is the share of the rows that store it, None for dense rows; ``zeros``
    the share of zeros among the values of the first dense rows; ``keep_constants``
    whether constant features keep their size, as in SageMaker; ``centred`` whether
    features are centred where that is settled, and None where it is not.
    """

    mean: np.ndarray
    deviation: np.ndarray
    present: np.ndarray | None = None
    zeros: float = 0.0
    keep_constants: bool = False
    centred: bool | None = None

    @property
    def sparse_like(self) -> bool:
        """Whether features are left uncentred, as SageMaker leaves sparse ones.

        Sparse rows are, and dense ones of mostly zeros, such as pixels, unless some
        feature lies far from zero: that would make training slow.
        """
        if self.present is not None:
            return True
        varies = self.deviation > 0
        far = np.abs(self.mean[varies]) > FAR * self.deviation[varies]
        return self.zeros > MOSTLY and not far.any()

    def units(self) -> np.ndarray:
        """Root mean square of the stored values; of a feature not met, the median."""
        if self.present is None:
            return np.ones_like(self.mean)
        met = (self.present > 0) & (np.hypot(self.mean, self.deviation) > 0)
        if not met.any():
            return np.ones_like(self.mean)
        units = np.hypot(self.mean, self.deviation)
        units = units / np.sqrt(np.where(met, self.present, 1.0))
        return np.where(met, units, np.median(units[met]))

    def scale(self, kind: str) -> np.ndarray:
        """Factor of every feature for one of `SCALINGS`.

        Constant features become one, unless they are to keep their size: centred they
        are zero, and not centred they are one more bias.
        """
        deviation = self.deviation
        varies = deviation > 0
        if kind == "none":
            return np.ones_like(deviation)
        size = np.abs(self.mean)
        constant = 1.0 / np.where((size > 0) & (not self.keep_constants), size, 1.0)
        if not varies.any():
            return constant
        if kind == "standard":
            return np.where(varies, 1.0 / np.where(varies, deviation, 1.0), constant)
        units = np.ones_like(deviation) if kind == "length" else self.units()
        deviation = deviation / units
        if kind in ("norm", "length"):
            length = np.sqrt(np.sum((self.mean / units) ** 2 + deviation**2))
            return 1.0 / (units * length)
        most = deviation.max()
        level = most * np.sqrt(np.mean((deviation[varies] / most) ** 2))
        base = np.maximum(deviation, level) * units
        return np.where(varies, 1.0 / np.where(varies, base, 1.0), constant)


def feature_statistics(
    reader: RowReader, rows: np.ndarray, weights: np.ndarray
) -> FeatureStatistics:
    """Weighted statistics of the given rows, in two passes over them.

    The second pass sums squares about the mean of the first, so a mean that is
    10^6 times the deviation costs no digits. A deviation that is rounding noise
    of its feature's size counts as zero: the feature is constant.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return _feature_statistics(reader, rows, weights)


def _feature_statistics(reader, rows, weights) -> FeatureStatistics:
    weights = near_one(np.ascontiguousarray(weights, dtype=np.float64))
    rows = np.ascontiguousarray(rows, dtype=np.int64)
    mean, size, present = _about(reader, rows, weights, 0.0)
    _, deviation, _ = _about(reader, rows, weights, mean)
    small = (size < SMALL) & ((size > 0) | (mean != 0))
    if small.any():
        # Their squares are lost, or have lost digits.
        _, lifted, _ = _about(reader, rows, weights, 0.0, LIFT)
        size = np.where(small, lifted, size)
        _, lifted, _ = _about(reader, rows, weights, mean, LIFT)
        deviation = np.where(small, lifted, deviation)
    # Rounding of the sums, in float64; and values one step of their precision apart.
    steps = max(10 * np.finfo(np.float64).eps, 0.5 * np.finfo(reader.dtype).eps)
    noise = steps * size
    constant = np.isfinite(size) & (deviation <= noise)
    return FeatureStatistics(
        mean, np.where(constant, 0.0, deviation), present if reader.sparse else None
    )


def _about(reader, rows, weights, centre, lift: float = 1.0):
    """Weighted mean, and root of the variance, of ``x - centre`` of each feature.

    The variance of zero centres is the mean square. Squares are summed times ``lift``,
    a power of four, which the root undoes. Last comes the share of the rows that store
    the feature.
    """
    centre = np.broadcast_to(np.float64(centre), reader.n_features).copy()
    first, second, stored = np.zeros((3, reader.n_features))
    kernels.column_statistics(
        reader, rows, weights * lift, centre, first, second, stored
    )
    total = weights.sum()
    first, stored = first / lift / total, stored / lift / total
    present = stored if reader.sparse else np.ones_like(stored)
    variance = second / total
    if centre.any():
        root = np.sqrt(lift)
        if reader.sparse:
            # The rows that store nothing are zeros: (0 - mean)^2 each.
            variance += np.maximum(0.0, 1.0 - present) * (root * centre) ** 2
        else:
            variance -= (root * first) ** 2
    return first, np.sqrt(np.maximum(variance, 0.0)) / np.sqrt(lift), present


def zeros_share(X, rows: np.ndarray) -> float:
    """Share of zeros among the values of the first of some rows; 0 for CSR."""
    if sp.issparse(X):
        return 0.0
    some = rows_at(X, rows[:ZEROS_ROWS])
    return 1.0 - np.count_nonzero(some) / max(1, some.size)


def check_statistics(found: FeatureStatistics, names: Any = None) -> None:
    """Refuse features whose squares, or whose inverses, overflow.

    Parameters
    ----------
    found : FeatureStatistics
    names : array of str of shape (n_features,) or None

    Raises
    ------
    AllCandidatesDivergedError
        Naming the first feature that is too large.
    FeatureScaleError
        Naming the first feature that is too small.
    """
    bad = np.flatnonzero(~np.isfinite(found.deviation))
    if len(bad):
        label = feature_label(bad[0], names)
        raise AllCandidatesDivergedError(
            f"F{label[1:]} holds values so large that their squares overflow; "
            "scale the features, for example with sklearn.preprocessing."
            "RobustScaler, or drop that one."
        )
    size = np.hypot(found.mean, found.deviation)
    bad = np.flatnonzero((size > 0) & (size < TINY))
    if len(bad):
        label = feature_label(bad[0], names)
        raise FeatureScaleError(
            f"F{label[1:]} holds values so small (about {size[bad[0]]:.3g}) that their "
            "inverse overflows; express it in smaller units, for example times 1e300, "
            "or drop it."
        )


def stored_counts(X, rows: np.ndarray) -> np.ndarray:
    """How many of the given rows of a CSR matrix store each feature.

    Piece by piece, to copy no more than a small part of the matrix.
    """
    counts = np.zeros(X.shape[1], dtype=np.int64)
    for start in range(0, len(rows), 1 << 14):
        piece = rows[start : start + (1 << 14)]
        if piece[-1] - piece[0] == len(piece) - 1:
            indices = X.indices[X.indptr[piece[0]] : X.indptr[piece[-1] + 1]]
        else:
            indices = X[piece].indices
        count_columns(np.ascontiguousarray(indices), counts)
    return counts


def check_targets(y: np.ndarray) -> None:
    """Refuse targets whose squared errors overflow or underflow.

    Parameters
    ----------
    y : float64 array of shape (n,)
        Numbers to predict.

    Raises
    ------
    FeatureScaleError
        If they are neither constant nor spread over a range within [1e-140, 1e140].
    """
    low, high = float(y.min()), float(y.max())
    with np.errstate(over="ignore"):
        spread = high - low
    if spread == 0.0 or SMALL <= spread <= 1.0 / SMALL:
        return
    raise FeatureScaleError(
        f"y lies between {low:.6g} and {high:.6g}, so that squares of errors "
        f"{'under' if spread < 1.0 else 'over'}flow; express it in other units, for "
        "example divided by its standard deviation."
    )


def label_statistics(
    y: np.ndarray, weights: np.ndarray, normalize: bool, unbias: bool
) -> tuple[float, float]:
    """Mean and deviation by which labels are shifted and divided (0 and 1 if not)."""
    weights = near_one(weights)
    total = weights.sum()
    mean = float(weights @ y / total)
    deviation = float(np.sqrt(weights @ (y - mean) ** 2 / total))
    if not np.isfinite(deviation) or deviation <= 1e-12 * abs(mean):
        deviation = 1.0
    return (mean if unbias else 0.0), (deviation if normalize else 1.0)
