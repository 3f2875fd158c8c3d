"""Whether candidates differ by more than chance, compared row by row."""

from __future__ import annotations

import numpy as np


def paired_error(difference: np.ndarray, weights: np.ndarray) -> float:
    """Standard error of the weighted mean of a difference.

    Parameters
    ----------
    difference : float64 array of shape (n,)
        Of two candidates, on the same rows.
    weights : float64 array of shape (n,)
        Few large ones are few rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.training.selection.paired import paired_error
    >>> round(paired_error(np.array([1.0, -1.0, 1.0, -1.0]), np.ones(4)), 3)
    0.5
    """
    total = weights.sum()
    spread = difference - (weights @ difference) / total
    return float(np.sqrt(np.sum((weights * spread) ** 2)) / total)


def effective_rows(difference: np.ndarray) -> float:
    """Rows that a sum of differences comes from: as many if all were of one size.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.training.selection.paired import effective_rows
    >>> effective_rows(np.array([2.0, -2.0, 0.0, 0.0]))
    2.0
    """
    square = float(np.sum(difference**2))
    return float(np.abs(difference).sum()) ** 2 / square if square > 0 else 1.0


def influence(numerator, denominator, weights: np.ndarray) -> np.ndarray:
    """What each row adds to a ratio of two weighted sums, to first order.

    Parameters
    ----------
    numerator, denominator, weights : float64 arrays of shape (n,)

    Returns
    -------
    influence : float64 array of shape (n,)
        Its weighted mean is zero.
    """
    whole = (weights @ denominator) / weights.sum()
    if whole == 0:
        return np.zeros(len(weights))
    figure = (weights @ numerator) / weights.sum() / whole
    return (numerator - figure * denominator) / whole
