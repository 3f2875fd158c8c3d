"""Decays by which noise alone brings no factors up."""

from __future__ import annotations

import numpy as np

from sklearn_sagemaker.training.factors.columns import ColumnStore

STEEP = 8.0
"""Of the rows that tell of a feature: groups that differ by less keep their decays."""


class NoiseFloor:
    """Least ridges of groups whose features many more rows store than others.

    Beside a feature of all rows, say an age, each user has a slope to fit, and one
    factor of the age fits them all. The sums of the errors that decide whether it comes
    up are a matrix of users by ages; of errors that are noise of deviation s its
    largest singular value is about ``s * (sqrt(a) + sqrt(b))``, where a and b are the
    sums of squares of a row and of a column. Factors come up where that exceeds the
    geometric mean of the two ridges. That of the users follows from pairs of which each
    has few rows and is far too small here; so the other one makes up for it.

    Parameters
    ----------
    store : ColumnStore
    weights : float64 array of shape (n,)
        Of the rows.
    groups : int array of shape (n_features,)
    n_groups : int
    noise : float
        Mean square of the errors.
    """

    def __init__(
        self,
        store: ColumnStore,
        weights: np.ndarray,
        groups: np.ndarray,
        n_groups: int,
        noise: float,
    ):
        at = store.row_numbers[: store.n_entries]
        counts = np.diff(store.indptr)
        squares = weights[at]
        if len(store.values):
            squares = squares * store.values.astype(np.float64) ** 2
        total = np.bincount(np.repeat(groups, counts), squares, n_groups)
        members = np.bincount(groups[counts > 0], minlength=n_groups)
        # Sum of squares of a feature, and mean of all of its group in a row.
        one, all_of_row = total / np.maximum(members, 1), total / weights.sum()
        sums = one[:, None] * all_of_row
        self._bound = noise * (np.sqrt(sums) + np.sqrt(sums.T)) ** 2
        self._bound[sums < STEEP * sums.T] = 0.0

    def raised(self, ridge: np.ndarray) -> np.ndarray:
        """Ridges, raised where they would let noise in.

        Parameters
        ----------
        ridge : float64 array of shape (n_groups, m)
            Positive.

        Returns
        -------
        ridge : float64 array of shape (n_groups, m)
        """
        least = (self._bound[:, :, None] / ridge).max(axis=1)
        return np.maximum(ridge, least)
