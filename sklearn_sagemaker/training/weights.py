"""Sample weights of any size: only what they are to each other counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sklearn_sagemaker._state import TrainingData, TrainingSpec, WindowedData

LEAST, MOST = 2.0**-160, 2.0**300
"""Limits of a positive weight, where about 1 is usual: beyond the first a row does not
count, to the last digit; beyond the second it is all that counts."""


USUAL = 2.0**60
"""Up to which, and down to the inverse of which, the largest weight is left alone."""


def exponent_of(weights: np.ndarray) -> int:
    """The power of two that makes the largest weight at least 1 and below 2.

    Zero, which leaves weights as they are, unless they are of an unusual size.

    Parameters
    ----------
    weights : float64 array
        None negative.
    """
    most = weights.max(initial=0.0)
    if most == 0.0 or 1.0 / USUAL <= most <= USUAL:
        return 0
    return 1 - int(np.frexp(most)[1])


def near_one(weights: np.ndarray, exponent: int | None = None) -> np.ndarray:
    """Weights times a power of two, so that products of their sums stay finite.

    Their digits stay as they are, and so do weights of a usual size.

    Parameters
    ----------
    weights : float64 array
        None negative.
    exponent : int or None
        None is that of the largest weight.

    Returns
    -------
    weights : float64 array
        Zero, or between `LEAST` and `MOST`.
    """
    if exponent is None:
        exponent = exponent_of(weights)
    with np.errstate(over="ignore", under="ignore"):
        scaled = np.ldexp(weights, exponent) if exponent else weights
    low = (weights > 0) & (scaled < LEAST)
    if low.any() or scaled.max(initial=0.0) > MOST:
        scaled = np.where(low, LEAST, np.minimum(scaled, MOST))
    return scaled


def comparable(data: TrainingData, exponent: int | None = None) -> TrainingData:
    """The data with weights of a usual size, training and validation each by itself.

    Parameters
    ----------
    data : TrainingData
    exponent : int or None
        Of the training weights; None is that of the largest.

    Returns
    -------
    data : TrainingData
    """
    weights, validation = data.sample_weight, data.sample_weight_val
    return replace(
        data,
        sample_weight=near_one(weights, exponent),
        sample_weight_val=None if validation is None else near_one(validation),
    )


def class_weighted(
    spec: TrainingSpec, data: TrainingData | WindowedData
) -> TrainingData | WindowedData:
    """The data with the weights of its rows times those of their classes.

    The rows of a source are weighted when they are read.
    """
    if spec.class_weight is None:
        return data
    changed = {}
    for labels, weights in (("y", "sample_weight"), ("y_val", "sample_weight_val")):
        y = getattr(data, labels, None)
        if y is not None:
            of_rows = spec.class_weight[y.astype(int)]
            changed[weights] = getattr(data, weights) * of_rows
    return replace(data, **changed)
