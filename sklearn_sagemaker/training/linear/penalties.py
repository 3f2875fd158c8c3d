"""Penalties that the data ask for: paths from the null model down."""

from __future__ import annotations

import numpy as np

SMALLEST_L1 = 1e-3
"""The path of L1 penalties ends at this share of the one that leaves no weight."""
LEAST_LEFT = 0.05
"""Share of the rows that a model must leave free for its noise to be estimated."""


def _fine(values: np.ndarray) -> np.ndarray:
    """Many penalties ``wd / 2``, from no effect on any direction to a strong one."""
    return np.geomspace(1e-2 * values[0], 10.0 * values[-1], 200)


def cross_validated(
    values: np.ndarray, moment: np.ndarray, size: float, n: float
) -> tuple[float, float]:
    """The L2 penalty of the lowest generalized cross-validation error.

    Parameters
    ----------
    values, moment : float64 arrays of shape (r,)
        Of a `Quadratic`: its eigenvalues, and its moment in their basis.
    size : float
    n : float
        Rows.

    Returns
    -------
    wd : float
    noise : float
        Variance of what no weight explains, as estimated there.
    """
    strength = _fine(values)
    bent = values[:, None] + strength
    error = size - moment**2 @ ((values[:, None] + 2 * strength) / bent**2)
    free = 1.0 - (1.0 + np.sum(values[:, None] / bent, axis=0)) / n
    error = np.maximum(error, 0.0) / np.maximum(free, LEAST_LEFT) ** 2
    error[free < LEAST_LEFT] = np.inf
    best = int(np.argmin(error))
    if not np.isfinite(error[best]):
        best = len(strength) - 1
    left = max(float(free[best]), LEAST_LEFT)
    return 2.0 * float(strength[best]), float(error[best]) * left


def ridge_path(values: np.ndarray, count: int, full: bool) -> np.ndarray:
    """L2 penalties spread over the spectrum.

    Half by their logarithm and half by the directions that they leave, so that they
    are dense where a step changes the model.

    Parameters
    ----------
    values : float64 array of shape (r,)
        Eigenvalues, all above zero, in ascending order.
    count : int
    full : bool
        Whether the optimum without a penalty is unique: then it is the last.

    Returns
    -------
    wd : float64 array of shape (count,)
        The strongest first.
    """
    strength = _fine(values)
    kept = np.sum(values[:, None] / (values[:, None] + strength), axis=0)
    bent = (kept[0] - kept) / (kept[0] - kept[-1])
    place = 0.5 * bent + 0.5 * np.linspace(0.0, 1.0, len(strength))
    wanted = np.linspace(1.0, 0.0, count) if count > 1 else np.array([0.5])
    path = 2.0 * np.exp(np.interp(wanted, place, np.log(strength)))
    if full and count > 1:
        path[-1] = 0.0
    return path


def lasso_path(largest: float, count: int) -> np.ndarray:
    """L1 penalties from the one that leaves no weight down, the strongest first.

    Parameters
    ----------
    largest : float
        Twice the largest slope at the null model.
    count : int

    Returns
    -------
    l1 : float64 array of shape (count,)
    """
    if count == 1:
        return np.array([largest * np.sqrt(SMALLEST_L1)])
    # Beyond rounding the first leaves none.
    return np.geomspace(1.0 + 1e-9, SMALLEST_L1, count) * largest


def penalty_pairs(
    wd,
    l1,
    count: int,
    values,
    moment,
    size: float,
    largest: float,
    n: float,
    full: bool,
    half: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Penalties of the candidates, where the user leaves them open.

    Parameters
    ----------
    wd, l1 : float or "auto"
        The user's.
    count : int
        Candidates that are wanted.
    values, moment, size : object
        As for `cross_validated`.
    largest : float
        As for `lasso_path`.
    n : float
        Rows.
    full : bool
        As for `ridge_path`.
    half : float
        Of the loss, in mean squared errors.

    Returns
    -------
    wd, l1 : float64 arrays of shape (n_candidates,)
    """
    if len(values) == 0:
        # No feature varies, and no penalty matters.
        values, moment = np.ones(1), np.zeros(1)
    if largest == 0.0:
        largest = 1.0
    if wd != "auto":
        if l1 != "auto":
            return np.array([wd]), np.array([l1])
        chosen = half * lasso_path(largest, count - 1) if count > 1 else np.empty(0)
        chosen = np.append(chosen, 0.0)
        return np.full(len(chosen), float(wd)), chosen
    ridges = count if l1 != "auto" else count - count // 2
    best, _ = cross_validated(values, moment, size, n)
    chosen = half * np.append(best, ridge_path(values, ridges - 1, full))[:ridges]
    chosen = -np.sort(-chosen)
    fixed = np.full(len(chosen), 0.0 if l1 == "auto" else float(l1))
    if l1 != "auto":
        return chosen, fixed
    path = half * lasso_path(largest, count // 2) if count > 1 else np.empty(0)
    return np.append(chosen, np.zeros(len(path))), np.append(fixed, path)
