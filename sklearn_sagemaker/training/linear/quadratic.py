"""Least squares with L2 and L1 penalties: the optima of one fit, for all penalties."""

from __future__ import annotations

from copy import copy
from functools import cached_property

import numpy as np
from scipy.linalg.lapack import dposv

RANK = 1e-13
"""Eigenvalues of a Gram matrix below this share of the largest are rounding noise..."""
RANK_OF_FACTOR = 1e-28
"""... and those of a factor of it, whose digits are those of their roots."""
FAIR = 1e-8
"""Eigenvalues above this share of the largest have digits enough for their vectors."""
STEPS = 500
"""Changes of an active set before it is taken as it is."""
NEW = 4
"""Weights that enter an active set at once, and one for each four that it has."""
NEAR, MANY = 0.7, 100
"""Share of the L1 penalty that a slope needs for its weight to be looked at, where
there are many."""


class Quadratic:
    """The mean squared error of one fit, as a function of its weights.

    ``size - 2 c @ w + w @ G @ w``, the intercept eliminated. It is known by ``G`` and
    ``c``, or, where few rows or nearly equal features ask for it, by a factor:
    ``G = F.T @ F`` and ``c = F.T @ t``.

    Parameters
    ----------
    size : float
        Mean square of the labels, less what the intercept explains.
    gram, moment : float64 arrays of shape (d, d) and (d,), or None
    factor, target : float64 arrays of shape (m, d) and (m,), or None
    """

    def __init__(self, size, gram=None, moment=None, factor=None, target=None):
        self.size = max(float(size), 0.0)
        self._gram, self._factor, self._target = gram, factor, target
        self.moment = moment if factor is None else factor.T @ target

    @cached_property
    def spectrum(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Eigenvalues of G in ascending order, their basis, and c in it.

        The basis is that of `_expanded`.
        """
        if self._factor is None:
            values, vectors = np.linalg.eigh(self._gram)
            kept = values > RANK * max(values[-1], 0.0)
            vectors = vectors[:, kept]
            return values[kept], vectors, vectors.T @ self.moment
        m, d = self._factor.shape
        left, right = None, self._factor
        if m < d:
            values, inner = np.linalg.eigh(self._factor @ self._factor.T)
            kept = values > RANK * values[-1:]
            # The intercept takes one direction.
            full = 0 < m - 1 <= np.count_nonzero(kept)
            if full and values[kept][0] > FAIR * values[-1]:
                values, inner = values[kept], inner[:, kept]
                roots = np.sqrt(values)
                return values, inner / roots, roots * (self._target @ inner)
            # The small factor of its transpose has the same singular values.
            left, small = np.linalg.qr(self._factor.T)
            right = small.T
        u, roots, vh = np.linalg.svd(right, full_matrices=False)
        kept = roots**2 > RANK_OF_FACTOR * roots[:1] ** 2
        u, roots, vectors = u[:, kept][:, ::-1], roots[kept][::-1], vh[kept][::-1].T
        if left is not None:
            vectors = left @ vectors
        return roots**2, vectors, roots * (self._target @ u)

    def _expanded(self, inside: np.ndarray) -> np.ndarray:
        """Weights from their coordinates: few rows are the basis of many weights."""
        basis = self.spectrum[1]
        if len(basis) == len(self.moment):
            return basis @ inside
        return self._factor.T @ (basis @ inside)

    def _projected(self, weights: np.ndarray) -> np.ndarray:
        """Coordinates of weights, as far as they have some."""
        basis = self.spectrum[1]
        if len(basis) == len(self.moment):
            return basis.T @ weights
        return basis.T @ (self._factor @ weights)

    @property
    def ill_conditioned(self) -> bool:
        """Whether G has lost directions that a factor of it would keep."""
        values = self.spectrum[0]
        return self._factor is None and (
            len(values) < len(self.moment) or values[0] < 1e3 * RANK * values[-1]
        )

    def product(self, weights: np.ndarray) -> np.ndarray:
        """``G @ weights``."""
        if self._factor is None:
            return self._gram @ weights
        return self._factor.T @ (self._factor @ weights)

    def ridge(self, wd: np.ndarray, certified: bool = True):
        """The optimum for each of some L2 penalties, in closed form.

        Parameters
        ----------
        wd : float64 array of shape (k,)
        certified : bool
            Whether the gaps are wanted.

        Returns
        -------
        weights : float64 array of shape (d, k)
        gap : float64 array of shape (k,)
            What the objective is above its optimum, by its gradient.
        """
        values, _, moment = self.spectrum
        curvature = values[:, None] + wd / 2
        weights = self._expanded(moment[:, None] / curvature)
        if not certified:
            return weights, np.zeros(len(wd))
        left = self.product(weights) + weights * (wd / 2) - self.moment[:, None]
        return weights, self._gain(left, wd / 2)

    def _gain(self, left: np.ndarray, ridge: np.ndarray) -> np.ndarray:
        """What a step to the optimum gains, by half the gradient, of shape (d, k)."""
        inside = self._projected(left)
        gain = np.sum(inside**2 / (self.spectrum[0][:, None] + ridge), axis=0)
        outside = np.maximum(np.sum(left**2, axis=0) - np.sum(inside**2, axis=0), 0.0)
        return gain + outside / np.maximum(ridge, RANK)

    def directions(self, weights: np.ndarray, wd: np.ndarray) -> np.ndarray:
        """How many directions some L2 penalties leave.

        Parameters
        ----------
        weights : float64 array of shape (d, k)
            From `ridge`.
        wd : float64 array of shape (k,)

        Returns
        -------
        directions : float64 array of shape (k,)
        """
        values = self.spectrum[0][:, None]
        return np.sum(values / (values + wd / 2), axis=0)

    @property
    def steepest(self) -> float:
        """The largest slope of a weight that may move, where all are zero."""
        return float(self._pull(-self.moment).max(initial=0.0))

    def lasso(
        self,
        wd: float,
        l1: np.ndarray,
        start: np.ndarray | None = None,
        certified: bool = True,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The optimum for each of some L1 penalties beside one L2 penalty.

        From the largest penalty down, by active sets: the equations of the weights
        that are not zero are solved, weights leave that would change their sign, and
        those enter whose slope exceeds the penalty.

        Parameters
        ----------
        wd : float
        l1 : float64 array of shape (k,)
        start : float64 array of shape (d,) or None
            Weights that are near those of the largest.
        certified : bool
            Whether the gaps are wanted.

        Returns
        -------
        weights : float64 array of shape (k, d)
            With exact zeros.
        gap : float64 array of shape (k,)
            Duality gap.
        """
        weights, gap = np.zeros((len(l1), len(self.moment))), np.zeros(len(l1))
        found = np.zeros(len(self.moment)) if start is None else start.copy()
        slope = self._slope(found, np.flatnonzero(found))
        for place in np.argsort(-l1, kind="stable"):
            slope = self._screened(found, slope, wd / 2, l1[place] / 2)
            weights[place] = found
            if certified:
                gap[place] = 2 * self._gap(found, slope, wd / 2, l1[place] / 2)
        return weights, gap

    def minimum(self, start: np.ndarray, ridge: float, threshold: float) -> np.ndarray:
        """Weights that minimise half the error and penalties.

        Parameters
        ----------
        start : float64 array of shape (d,)
            Weights that are near, for the L1 penalty.
        ridge, threshold : float
            The L2 penalty ``ridge / 2 * ||w||**2``, and the L1 penalty.
        """
        if threshold > 0:
            found = start.copy()
            self._active_sets(found, ridge, threshold)
            return found
        gram = self._gram + ridge * np.eye(len(self.moment))
        solved = solution_of(gram, self.moment)
        return start if solved is None else solved

    @cached_property
    def _rows(self) -> np.ndarray:
        """One row for each feature."""
        if self._factor is None:
            return self._gram
        return np.ascontiguousarray(self._factor.T)

    def _slope(self, found: np.ndarray, some: np.ndarray) -> np.ndarray:
        """``G @ found - c``, where all other weights are zero."""
        if self._factor is None:
            return found[some] @ self._rows[some] - self.moment
        return self._rows @ (found[some] @ self._rows[some] - self._target)

    # What differs where signs are given.
    def _pull(self, slope: np.ndarray) -> np.ndarray:
        """How strongly slopes pull weights that are zero to where they may go."""
        return np.abs(slope)

    def _part(self, some: np.ndarray) -> Quadratic:
        """The same of some weights, where the others are zero."""
        part = copy(self)
        part.moment, part._rows = self.moment[some], self._rows[some]
        part._slack = self._slack
        if self._factor is None:
            part._rows = part._rows[:, some]
        return part

    def _screened(self, found, slope, ridge: float, threshold: float) -> np.ndarray:
        """As `_active_sets`, which see of many weights those that may count."""
        if len(found) <= MANY:
            return self._active_sets(found, ridge, threshold)
        kept = (self._pull(slope) > NEAR * threshold) | (found != 0)
        while True:
            some = np.flatnonzero(kept)
            inside = found[some]
            self._part(some)._active_sets(inside, ridge, threshold)
            found[some] = inside
            slope = self._slope(found, np.flatnonzero(found))
            new = ~kept & (self._pull(slope) > threshold + self._slack)
            if not new.any():
                return slope
            kept |= new

    @cached_property
    def _slack(self) -> float:
        """What slopes are exact to, of those that are to be zero."""
        return 1e-10 * float(np.abs(self.moment).max(initial=0.0))

    def _active_sets(self, found, ridge: float, threshold: float) -> np.ndarray:
        """Change weights to those of the optimum; returns the slope there."""
        signs = np.sign(found)
        some = np.flatnonzero(signs)
        slope = self._slope(found, some)
        slack = self._slack
        one = solved = False
        for _ in range(STEPS):
            excess = self._pull(slope) - threshold
            inside = slope[some] + ridge * found[some] + threshold * signs[some]
            excess[some] = -np.inf
            new = np.flatnonzero(excess > slack)
            # Solved again, the equations would say the same.
            solved = solved or np.abs(inside).max(initial=0.0) <= slack
            if len(new) == 0 and solved:
                break
            most = 1 if one else NEW + len(some) // 4
            if len(new) > most:
                new = new[np.argpartition(-excess[new], most - 1)[:most]]
            signs[new] = -np.sign(slope[new])
            some, moved, solved = self._solve(
                found, signs, np.flatnonzero(signs), ridge, threshold
            )
            slope = self._slope(found, some)
            if not moved and one:
                break
            # Of several that enter some may be better off with the other sign.
            one = not moved
        return slope

    def _solve(self, found, signs, some, ridge: float, threshold: float):
        """Go to the optimum of some weights, without those that change their sign.

        Returns the weights that are left, whether any has moved, and whether they
        solve the equations.
        """
        moved = False
        gram = self._gram_of(some, ridge)
        while len(some):
            wanted = solution_of(gram, self.moment[some] - threshold * signs[some])
            if wanted is None:
                break
            wrong = wanted * signs[some] <= 0
            now = found[some]
            if not wrong.any():
                found[some] = wanted
                return some, True, True
            way = np.full(len(some), np.inf)
            way[wrong] = now[wrong] / np.where(now == wanted, 1.0, now - wanted)[wrong]
            step = way.min()
            if step > 0:
                found[some] = now + step * (wanted - now)
                moved = True
            gone, kept = some[way <= step], way > step
            found[gone] = signs[gone] = 0.0
            some, gram = some[kept], gram[kept][:, kept]
        return some, moved, False

    def _gram_of(self, some: np.ndarray, ridge: float) -> np.ndarray:
        """The matrix of the equations of some weights."""
        rows = self._rows[some]
        gram = rows[:, some] if self._factor is None else rows @ rows.T
        gram.flat[:: len(some) + 1] += ridge
        return gram

    def _gap(self, found, slope, ridge: float, threshold: float) -> float:
        """Duality gap of half the objective."""
        explained = float(self.moment @ found)
        left = max(self.size - explained + float(slope @ found), 0.0)
        largest = float(self._pull(slope + ridge * found).max(initial=0.0))
        shrunk = min(1.0, threshold / largest) if largest else 1.0
        gap = 0.5 * left * (1 + shrunk**2) - shrunk * (self.size - explained)
        gap += threshold * float(np.abs(found).sum())
        gap += 0.5 * ridge * (1 + shrunk**2) * float(found @ found)
        return max(gap, 0.0)


def solution_of(gram: np.ndarray, moment: np.ndarray) -> np.ndarray | None:
    """Solution of symmetric equations; of singular ones one far along their line."""
    _, found, singular = dposv(gram, moment, lower=1)
    if singular:
        bent = gram + 1e-11 * np.trace(gram) / len(gram) * np.eye(len(gram))
        _, found, singular = dposv(bent, moment, lower=1)
    return None if singular else found
