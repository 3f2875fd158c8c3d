"""The axes of factors: along which of them features vary, and how much."""

from __future__ import annotations

import numpy as np

from sklearn_sagemaker.training.blas import single_threaded_blas

PROFILE = 0.7
"""Power of what a few sweeps say of the axes: noise, sorted by size, looks uneven."""


def principal_axes(factors: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Rotation of the factors to the axes along which they vary, the most first.

    Products of factors do not change by it. Each group counts by its features, and not
    by their size.

    Parameters
    ----------
    factors : float64 array of shape (d, k)
    groups : int array of shape (d,)
        From 0.

    Returns
    -------
    rotation : float64 array of shape (k, k)
        Factors times it are those on the axes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.training.factors.axes import principal_axes
    >>> factors = np.array([[1.0, 1.0], [2.0, 2.0], [-1.0, -1.0]])
    >>> turned = factors @ principal_axes(factors, np.zeros(3, dtype=int))
    >>> np.abs(turned).round(3).tolist()
    [[1.414, 0.0], [2.828, 0.0], [1.414, 0.0]]
    """
    squares = np.bincount(groups, np.einsum("ij,ij->i", factors, factors))
    means = squares / np.maximum(np.bincount(groups), 1)
    each = 1.0 / np.where(means > 0, means, np.inf)
    with single_threaded_blas(), np.errstate(over="ignore", invalid="ignore"):
        second = factors.T @ (factors * each[groups][:, None])
        if not np.isfinite(second).all():
            return np.eye(factors.shape[1])
        return np.linalg.eigh(second)[1][:, ::-1]


def by_axis(variances: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Variances of a level for each group and a profile of the axes for all of them.

    Parameters
    ----------
    variances : float64 array of shape (n_groups, k)
        Positive.
    members : float64 array of shape (n_groups,)
        Features of each group.

    Returns
    -------
    variances : float64 array of shape (n_groups, k)
        Each group has the mean that it had; the axis that varies most is the first.
    """
    level = variances.mean(axis=1, keepdims=True)
    shares = members / max(members.sum(), 1.0)
    profile = np.sort((shares @ (variances / level)) ** PROFILE)[::-1]
    if not profile.any():
        return np.broadcast_to(level, variances.shape)
    return level * (profile / profile.mean())


def decay_by_axis(
    factors: np.ndarray,
    squares: np.ndarray,
    rows: np.ndarray,
    rule: tuple[float, float],
    eps: float,
    most: float,
) -> None:
    """Turn factors to their axes, and decay those more along which they vary less.

    For factors and states after an epoch of adagrad, in which all axes had one decay.
    Along an axis it is as many times as large as the factors vary less than along the
    first one, by the root of their variances' ratio: what noise has, many small axes,
    is dear by that, and a few large ones are cheap.

    Parameters
    ----------
    factors : array of shape (d, k)
        Changed in place.
    squares : array of shape (d, k)
        Sums of squared gradients, which turn with them; changed in place.
    rows : float64 array of shape (d,)
        That have the features.
    rule : (float, float)
        Learning rate and decay of the epoch.
    eps : float
        Of the optimizer.
    most : float
        Times the decay at most.
    """
    now, seen = factors.astype(np.float64), rows > 0
    known = now[seen]
    turn = principal_axes(known, np.zeros(len(known), dtype=np.int64))
    with single_threaded_blas():
        now, turned = now @ turn, squares.astype(np.float64) @ turn**2
    variances = np.mean(now[seen] ** 2, axis=0)
    first = variances.max()
    times = np.sqrt(first / np.maximum(variances, first / most**2))
    rate, decay = rule
    lengths = rate * rows[:, None] / (np.sqrt(turned) + eps)
    factors[:] = now * np.exp(-decay * (times - 1.0) * lengths)
    squares[:] = turned
