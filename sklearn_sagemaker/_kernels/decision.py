"""The rule for two classes: a score at the threshold, or above it, is positive.

The score is what SageMaker's endpoints answer: the probability of the second class, or
the margin itself where the loss has no probabilities. Whatever tells two classes apart
goes by this rule: prediction, calibration, metrics and the export to ONNX.
scikit-learn's threshold classifiers have the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import expit

LEAST, CERTAIN = -750.0, 40.0
"""Log-odds whose probabilities are 0 and 1 in float64."""
MANY, NEAR = 1000, 1e-9
"""Margins from which on they are compared, and not their probabilities; and the share
of the lowest positive one, or of 1, in which probabilities have the last word."""


def binary_score(margins: Any, link: str) -> Any:
    """The score that has a threshold.

    Parameters
    ----------
    margins : float64 array or float
    link : {"logit", "score"}
        Of the loss.

    Returns
    -------
    scores : like margins
    """
    return expit(margins) if link == "logit" else margins


def is_positive(margins: Any, threshold: float, link: str) -> Any:
    """Which margins are called positive.

    Parameters
    ----------
    margins : float64 array or float
    threshold : float
        On the score.
    link : {"logit", "score"}

    Returns
    -------
    positive : bool, like margins
    """
    if link == "logit" and np.size(margins) >= MANY:
        least = _least_positive(float(threshold))
        if math.isfinite(least):
            near = NEAR * max(1.0, abs(least))
            positive = margins > least + near
            # Probabilities are rounded: theirs need not be the order of margins.
            close = (margins >= least - near) & ~positive
            positive[close] = expit(margins[close]) >= threshold
            return positive
    return binary_score(margins, link) >= threshold


def least_positive(
    threshold: float, link: str, margin: Callable[[float], float] = float
) -> float:
    """The lowest margin that is called positive.

    Parameters
    ----------
    threshold : float
        On the score.
    link : {"logit", "score"}
    margin : callable
        An increasing function of which the result is an argument, in place of the
        margin itself.

    Returns
    -------
    least : float
        Minus infinity if all are, infinity if none is.
    """
    if link != "logit":
        return threshold
    if threshold <= 0:
        return -math.inf
    # Not the log-odds: they are rounded, and near 1 many margins have one probability.
    low, high = LEAST, CERTAIN
    if not is_positive(margin(high), threshold, link):
        return math.inf
    while low < (middle := 0.5 * (low + high)) < high:
        if is_positive(margin(middle), threshold, link):
            high = middle
        else:
            low = middle
    return high


@lru_cache
def _least_positive(threshold: float) -> float:
    return least_positive(threshold, "logit")
