"""The mathematics of the sweeps in slow NumPy: the oracle of their tests.

One feature after the other, in float64, on a dense copy of the data.
"""

from __future__ import annotations

import numpy as np


def predict(
    X: np.ndarray, intercept: float, coef: np.ndarray, factors: np.ndarray
) -> np.ndarray:
    """Predictions of a factorization machine, pair by pair.

    Parameters
    ----------
    X : array of shape (n, n_features)
    intercept : float
    coef : array of shape (n_features,)
    factors : array of shape (n_features, k)

    Returns
    -------
    predictions : array of shape (n,)
    """
    f = intercept + X @ coef
    for i in range(X.shape[1]):
        for j in range(i):
            f = f + (factors[i] @ factors[j]) * X[:, i] * X[:, j]
    return f


def slopes(
    X: np.ndarray, feature: int, factors: np.ndarray, linear: bool
) -> np.ndarray:
    """Derivatives of the predictions in a feature's factors and linear weight.

    Returns
    -------
    slopes : array of shape (n, k) or, with the linear weight last, (n, k + 1)
    """
    x = X[:, feature]
    others = np.delete(np.arange(X.shape[1]), feature)
    h = x[:, None] * (X[:, others] @ factors[others])
    return np.column_stack([h, x]) if linear else h


def inverse_root(slopes: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """A root A of the inverse of ``P = slopes' slopes + diag(precision)``, A A' = P^-1.

    That of few slopes: an update of the prior's deviations for one after the other.
    """
    root = np.diag(1 / np.sqrt(precision))
    for one in slopes:
        u = root.T @ one
        square = u @ u
        if square:
            root = root - (1 - 1 / np.sqrt(1 + square)) / square * np.outer(root @ u, u)
    return root


def is_rare(n_entries: int, n_numbers: int) -> bool:
    """Whether a feature is stepped entry by entry."""
    return n_numbers > 1 and 4 * n_entries <= 3 * n_numbers


def sweep(
    X: np.ndarray,
    errors: np.ndarray,
    weights: np.ndarray,
    numbers: np.ndarray,
    precision: np.ndarray,
    mean: np.ndarray,
    alpha: float,
    *,
    linear: bool,
    noise: np.ndarray | None = None,
) -> None:
    """Step the numbers of one feature after the other; changes them and ``errors``.

    Parameters
    ----------
    X : array of shape (n, n_features)
    errors : array of shape (n,)
        Target minus prediction.
    weights : array of shape (n,)
    numbers : array of shape (n_features, m)
        Factors and, if ``linear``, last the linear weights.
    precision, mean : arrays of shape (n_features, m)
        Of the normal prior of each number.
    alpha : float
        Precision of the errors.
    noise : array of shape (n_features, m) or None
        Standard normal; without it the numbers become their conditional mean.
    """
    n_factors = numbers.shape[1] - linear
    for j in range(X.shape[1]):
        if not X[:, j].any():
            continue
        h = slopes(X, j, numbers[:, :n_factors], linear)
        without = errors + h @ numbers[j]
        P = alpha * (h.T * weights) @ h + np.diag(precision[j])
        right = alpha * h.T @ (weights * without) + precision[j] * mean[j]
        new = np.linalg.solve(P, right)
        if noise is not None:
            # Its covariance is the inverse of P.
            stored = X[:, j] != 0
            if is_rare(stored.sum(), numbers.shape[1]):
                scaled = np.sqrt(alpha * weights)[stored, None] * h[stored]
                new = new + inverse_root(scaled, precision[j]) @ noise[j]
            else:
                new = new + np.linalg.solve(np.linalg.cholesky(P).T, noise[j])
        numbers[j] = new
        errors[:] = without - h @ new
