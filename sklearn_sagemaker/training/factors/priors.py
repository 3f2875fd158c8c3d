"""Normal priors of groups of features, drawn by Gibbs sampling."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

PRIOR_SHAPE, PRIOR_RATE, PRIOR_WEIGHT = 1.0, 0.1, 1.0
"""Gamma(shape / 2, rate / 2) for precisions, in units in which terms are as large as y;
means weigh as that many features."""


class GroupPriors:
    """The prior of each group, given the numbers of its features that have rows.

    Parameters
    ----------
    groups : int array of shape (n_features,)
    n_groups : int
    seen : bool array of shape (n_features,)
        Whether a feature has rows.

    Attributes
    ----------
    members : float64 array of shape (n_groups,)
        Features that have rows.
    """

    def __init__(self, groups: np.ndarray, n_groups: int, seen: np.ndarray):
        self._seen, self._n = np.flatnonzero(seen), n_groups
        self._groups = groups[self._seen]
        counts = np.bincount(self._groups, minlength=n_groups)
        self.members = counts.astype(np.float64)
        starts = np.concatenate([[0], np.cumsum(counts)])
        members = np.argsort(self._groups, kind="stable")
        shape = n_groups, len(members)
        self._adds = sp.csr_array((np.ones(len(members)), members, starts), shape)

    def draw(
        self,
        numbers: np.ndarray,
        unit: float,
        rng: np.random.Generator,
        apart: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Precision and mean of each group.

        The factors of a group share one precision, as nothing tells them apart before
        the data do, or have one each. The means are integrated out of the density of
        the precision, and features without rows out of both.

        Parameters
        ----------
        numbers : float64 array of shape (n_features, m)
        unit : float
            Squares of numbers that make terms as large as y.
        rng : Generator
        apart : bool
            Whether each column of the numbers has a precision of its own.

        Returns
        -------
        precision, mean : float64 arrays of shape (n_groups, m)
        """
        if len(self._groups) < len(numbers):
            numbers = numbers.take(self._seen, axis=0)
        count, m = self.members[:, None], numbers.shape[1]
        first = self._sums(numbers)
        average = first / np.maximum(count, 1)
        if self._n == 1:
            away = numbers - average
        else:
            away = average.take(self._groups, axis=0)
            np.subtract(numbers, away, out=away)
        shrunk = count / (count + PRIOR_WEIGHT)
        of_means = PRIOR_WEIGHT * shrunk * average**2
        if apart:
            rate = PRIOR_RATE * unit / m + of_means + self._sums(away**2)
            shape = np.broadcast_to((PRIOR_SHAPE + count) / 2, rate.shape)
        else:
            squares = np.einsum("ij,ij->i", away, away)
            squares = np.bincount(self._groups, squares, self._n)
            rate = (PRIOR_RATE * unit + squares + np.sum(of_means, axis=1))[:, None]
            shape = (PRIOR_SHAPE + m * count) / 2
        precision = rng.gamma(shape) * 2 / rate
        spread = 1 / np.sqrt((count + PRIOR_WEIGHT) * precision)
        mean = shrunk * average + spread * rng.standard_normal(first.shape)
        return np.broadcast_to(precision, first.shape), mean

    def _sums(self, numbers: np.ndarray) -> np.ndarray:
        """Of each group, given the numbers of features with rows."""
        if self._n == 1:
            return numbers.sum(axis=0, keepdims=True)
        return self._adds @ numbers
