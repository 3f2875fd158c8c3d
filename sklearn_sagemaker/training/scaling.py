"""Scalers: learned on the first rows, applied inside the pass, folded back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._kernels import RowReader, kernels
from sklearn_sagemaker.exceptions import AllCandidatesDivergedError

SCALINGS: dict[str, str] = {
    "standard": "each feature divided by its standard deviation",
    "floored": "as standard, but deviations below the mean deviation count as it",
    "norm": "all features divided by the root mean square length of a row",
    "none": "features as they are",
}
"""How a candidate may scale features; the penalties act on the scaled ones.

With sparse rows "floored" and "norm" first divide each feature by the root mean square
of its stored values: that takes the units away, but does not blow up rare features."""


FAR = 2.0
"""Deviations from zero from which on a feature's mean makes training slow."""
MOSTLY = 0.5
"""Share of zeros above which dense rows count as sparse ones written out."""
ZEROS_ROWS = 1000
"""Rows whose zeros are counted."""


@dataclass(frozen=True)
class FeatureStatistics:
    """Weighted mean and standard deviation of every feature (float64).

    ``present`` is the share of the rows that store it, None for dense rows; ``zeros``
    the share of zeros among the values of the first dense rows.
    """

    mean: np.ndarray
    deviation: np.ndarray
    present: np.ndarray | None = None
    zeros: float = 0.0

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
        met = (self.present > 0) & (self.mean**2 + self.deviation**2 > 0)
        if not met.any():
            return np.ones_like(self.mean)
        square = self.mean**2 + self.deviation**2
        units = np.sqrt(square / np.where(met, self.present, 1.0))
        return np.where(met, units, np.median(units[met]))

    def scale(self, kind: str) -> np.ndarray:
        """Factor of every feature for one of `SCALINGS`.

        Constant features become one: centred they are zero, and not centred they
        are one more bias.
        """
        deviation = self.deviation
        varies = deviation > 0
        if kind == "none":
            return np.ones_like(deviation)
        size = np.abs(self.mean)
        constant = 1.0 / np.where(size > 0, size, 1.0)
        if not varies.any():
            return constant
        if kind == "standard":
            return np.where(varies, 1.0 / np.where(varies, deviation, 1.0), constant)
        units = self.units()
        deviation = deviation / units
        if kind == "norm":
            length = np.sqrt(np.sum((self.mean / units) ** 2 + deviation**2))
            return 1.0 / (units * length)
        level = np.sqrt(np.mean(deviation[varies] ** 2))
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
    d = reader.n_features
    weights = np.ascontiguousarray(weights, dtype=np.float64)
    rows = np.ascontiguousarray(rows, dtype=np.int64)
    total = weights.sum()
    centre, first, second, stored = np.zeros((4, d))
    kernels.column_statistics(reader, rows, weights, centre, first, second, stored)
    present = stored / total if reader.sparse else np.ones(d)
    mean = first / total
    size = np.sqrt(second / total)
    first[:], second[:], stored[:] = 0.0, 0.0, 0.0
    kernels.column_statistics(reader, rows, weights, mean, first, second, stored)
    variance = second / total
    if reader.sparse:
        # The rows that store nothing are zeros: (0 - mean)^2 each.
        variance += np.maximum(0.0, 1.0 - present) * mean**2
    else:
        variance -= (first / total) ** 2
    deviation = np.sqrt(np.maximum(variance, 0.0))
    noise = 10 * np.finfo(reader.dtype).eps * size
    constant = np.isfinite(size) & (deviation <= noise)
    return FeatureStatistics(
        mean, np.where(constant, 0.0, deviation), present if reader.sparse else None
    )


def zeros_share(X, rows: np.ndarray) -> float:
    """Share of zeros among the values of the first of some rows; 0 for CSR."""
    if sp.issparse(X):
        return 0.0
    some = X[rows[:ZEROS_ROWS]]
    return 1.0 - np.count_nonzero(some) / max(1, some.size)


def check_statistics(found: FeatureStatistics) -> None:
    """Refuse features whose squares overflow.

    Raises
    ------
    AllCandidatesDivergedError
        Naming the first such feature.
    """
    bad = np.flatnonzero(~np.isfinite(found.deviation))
    if len(bad):
        raise AllCandidatesDivergedError(
            f"Feature {bad[0]} holds values so large that their squares overflow; "
            "scale the features, for example with sklearn.preprocessing."
            "RobustScaler, or drop that one."
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
        counts += np.bincount(indices, minlength=len(counts))
    return counts


def label_statistics(
    y: np.ndarray, weights: np.ndarray, normalize: bool, unbias: bool
) -> tuple[float, float]:
    """Mean and deviation by which labels are shifted and divided (0 and 1 if not)."""
    total = weights.sum()
    mean = float(weights @ y / total)
    deviation = float(np.sqrt(weights @ (y - mean) ** 2 / total))
    if not np.isfinite(deviation) or deviation <= 1e-12 * abs(mean):
        deviation = 1.0
    return (mean if unbias else 0.0), (deviation if normalize else 1.0)
