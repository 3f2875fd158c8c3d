"""Which hyperparameters a tuning job tries next.

The service does not say how its Bayesian search works. Here it is a Gaussian process of
scikit-learn with expected improvement. Seeds make no two searches the same as the
service's, nor, with several jobs at once, as each other: it matters which ends first.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from sklearn_sagemaker.testing.tuning_ranges import Range, coordinates, texts

Values = Mapping[str, str]
Tried = Sequence[tuple[Values, float | None]]
"""Hyperparameters that were tried, and what came of them; None of those that failed.
Greater is better."""
DRAWS = 100
"""How often another point is drawn, where one has been tried."""
FIRST = 3
"""Points at random before the search is guided, at least."""
CANDIDATES = 300
NEAR = 0.05
"""How far candidates are spread around the best point."""
SETTLED_AFTER = 10
SETTLED = 0.01
"""The search has converged when it expects to improve by less than such a part of the
spread of what it has seen."""


class Random:
    """Points at random, none twice while there are others.

    Parameters
    ----------
    ranges : sequence of Range
    seed : int
    """

    converged = False

    def __init__(self, ranges: Sequence[Range], seed: int):
        self.ranges = ranges
        self._random = random.Random(seed)

    def propose(self, tried: Tried, pending: Sequence[Values]) -> dict[str, str] | None:
        """What to try next; None if there is nothing left.

        Parameters
        ----------
        tried : sequence of (values, value)
        pending : sequence of values
            Of jobs that run.
        """
        known = _keys(tried, pending)
        for _ in range(DRAWS):
            found = texts(self.ranges, self._draw())
            if _key(found) not in known:
                break
        return found

    def _draw(self) -> list[float]:
        return [self._random.random() for _ in self.ranges]


class Grid:
    """All combinations, one after the other.

    Parameters
    ----------
    ranges : sequence of Range
        All categorical.
    seed : int
        Of no use here.
    """

    converged = False

    def __init__(self, ranges: Sequence[Range], seed: int = 0):
        self._left = (
            dict(zip([item.name for item in ranges], found, strict=True))
            for found in itertools.product(*(item.values for item in ranges))
        )

    def propose(self, tried: Tried, pending: Sequence[Values]) -> dict[str, str] | None:
        """What to try next; see `Random`."""
        return next(self._left, None)


class Bayesian(Random):
    """Points where a Gaussian process expects the greatest improvement.

    Parameters
    ----------
    ranges : sequence of Range
    seed : int
    """

    def propose(self, tried: Tried, pending: Sequence[Values]) -> dict[str, str] | None:
        """What to try next; see `Random`."""
        valued = [(values, value) for values, value in tried if value is not None]
        if len(valued) < max(FIRST, len(self.ranges) + 1):
            return super().propose(tried, pending)
        best, _ = max(valued, key=lambda item: item[1])
        seen = [(coordinates(self.ranges, values), value) for values, value in valued]
        known = _keys(tried, pending)
        candidates = [texts(self.ranges, self._draw()) for _ in range(CANDIDATES)]
        candidates += [self._beside(best) for _ in range(CANDIDATES // 5)]
        candidates = [found for found in candidates if _key(found) not in known]
        if not candidates:
            return super().propose(tried, pending)
        gains = self._gains(seen, pending, candidates)
        self.converged = len(seen) >= SETTLED_AFTER and max(gains) < SETTLED
        return candidates[gains.index(max(gains))]

    def _beside(self, best: Values) -> dict[str, str]:
        """A point near the best one: some of its values changed, numbers a little."""
        found = dict(best)
        for item in self.ranges:
            if item.values:
                if self._random.random() < 0.2:
                    found[item.name] = item.text(self._random.random())
                continue
            [place] = item.coordinates(best[item.name])
            place += self._random.gauss(0, NEAR)
            found[item.name] = item.text(min(max(place, 0.0), 1.0))
        return found

    def _gains(
        self,
        seen: list[tuple[list[float], float]],
        pending: Sequence[Values],
        candidates: list[dict[str, str]],
    ) -> list[float]:
        """Expected improvements, in spreads of what has been seen."""
        # Late: the other strategies need no scikit-learn.
        import numpy as np
        from scipy.optimize import minimize
        from scipy.special import ndtr
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import (
            ConstantKernel,
            Matern,
            WhiteKernel,
        )

        X = np.array([place for place, _ in seen])
        y = np.array([value for _, value in seen])
        y = (y - y.mean()) / (y.std() or 1.0)
        kernel = ConstantKernel(1.0, (1e-2, 1e2)) * Matern(
            np.ones(X.shape[1]), (5e-2, 1e1), nu=2.5
        ) + WhiteKernel(1e-2, (1e-5, 1.0))
        process = GaussianProcessRegressor(kernel, optimizer=None).fit(X, y)

        def loss(theta: Any) -> tuple[float, Any]:
            value, gradient = process.log_marginal_likelihood(theta, eval_gradient=True)
            return -value, -gradient

        # By hand, as fit() warns of lengths at the ends of their ranges.
        theta = minimize(loss, kernel.theta, jac=True, bounds=kernel.bounds).x
        kernel = kernel.clone_with_theta(theta)
        process = GaussianProcessRegressor(kernel, optimizer=None).fit(X, y)
        if pending:
            # What runs is taken to come out as expected, so that it is not tried again.
            waiting = np.array([coordinates(self.ranges, item) for item in pending])
            y = np.concatenate([y, process.predict(waiting)])
            process.fit(np.concatenate([X, waiting]), y)
        places = np.array([coordinates(self.ranges, item) for item in candidates])
        mean, deviation = process.predict(places, return_std=True)
        deviation = np.maximum(deviation, 1e-9)
        z = (mean - y.max()) / deviation
        gains = deviation * (z * ndtr(z) + np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi))
        return [float(gain) for gain in gains]


STRATEGIES: dict[str, Any] = {
    "Bayesian": Bayesian,
    "Random": Random,
    "Grid": Grid,
    # What is tried is drawn at random; how long, the rungs say.
    "Hyperband": Random,
}


def combinations(ranges: Sequence[Range]) -> int:
    """How many points a grid has."""
    return math.prod(len(item.values) for item in ranges)


def _keys(tried: Tried, pending: Sequence[Values]) -> set[tuple[tuple[str, str], ...]]:
    return {_key(values) for values in (*(item for item, _ in tried), *pending)}


def _key(values: Values) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(values.items()))
