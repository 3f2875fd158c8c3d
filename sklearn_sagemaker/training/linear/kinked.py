"""The optimum for losses with kinks, on rows that are held in memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from sklearn_sagemaker.training.linear.interior import Kinks, Optimum, minimise
from sklearn_sagemaker.training.linear.moments import of_rows
from sklearn_sagemaker.training.linear.newton import NEAR
from sklearn_sagemaker.training.linear.quadratic import RANK_OF_FACTOR, Quadratic

TOLERANCE, OF_FOLDS, OF_NULL = 1e-6, 1e-3, 1e-9
"""Duality gap to reach, by the objective; folds are there to be compared. The slopes of
the model without weights say where the L1 path begins."""
TOGETHER = 1 << 16
"""Kinks of so many penalties are solved at once: few calls, and they stay in cache."""
AT_ONCE, WIDE_AT_ONCE = 16, 8
"""Penalties after which it is asked whether weaker ones still change the weights, which
with more features than rows soon explain all."""
SLACK = 1e-6
"""Of the L1 penalty: what the pull of a feature without weight may exceed it by."""
ROUNDING = 1e-14
"""Losses of a constant below this share of the labels are rounding noise."""
ALL_FEATURES, ALL_WORK = 64, 3_000_000
"""With more than these, and more multiplications for a matrix of them, an L1 penalty is
solved for the features that may count."""


def _regression(y, high, low, bend=0.0, round=0.0) -> Kinks:
    one = np.ones((1, len(y)))
    return Kinks(one, y[None], high * one, low * one, bend * one, round * one)


def _absolute(y, parameter):
    return _regression(y, 1.0, 1.0)


def _quantile(y, parameter):
    return _regression(y, 1.0 - parameter, parameter)


def _huber(y, parameter):
    return _regression(y, parameter, parameter, round=1.0)


def _outside(y, parameter, high, bend):
    one = np.ones((2, len(y)))
    sign = np.array([[1.0], [-1.0]])
    at = y + parameter * sign
    return Kinks(sign * one, at, high * one, 0.0 * one, bend * one, 0.0 * one)


def _eps_absolute(y, parameter):
    return _outside(y, parameter, 1.0, 0.0)


def _eps_squared(y, parameter):
    return _outside(y, parameter, 2.0 * parameter, 2.0)


def _hinge(y, parameter):
    one = np.ones((1, len(y)))
    at = 0.5 + parameter * (y - 0.5)
    return Kinks(1.0 - 2.0 * y[None], at[None], one, 0.0 * one, 0.0 * one, 0.0 * one)


KINKS: dict[str, Callable[[np.ndarray, float], Kinks]] = {
    "hinge_loss": _hinge,
    "absolute_loss": _absolute,
    "quantile_loss": _quantile,
    "huber_loss": _huber,
    "eps_insensitive_absolute_loss": _eps_absolute,
    "eps_insensitive_squared_loss": _eps_squared,
}
"""Each loss as kinks of labels and the parameter in their units."""


class Basis:
    """Rows in orthogonal directions: however nearly equal the features, these are not.

    Parameters
    ----------
    rows : float64 array of shape (n, d)
    alike : bool
        Whether all features count in units of their own length. Tiny ones have digits
        then, but there is no L2 penalty.

    Attributes
    ----------
    rows : float64 array of shape (n, r)
        Their columns have a mean square of 1.
    """

    def __init__(self, rows: np.ndarray, alike: bool = False):
        # Beyond the range of squares there are no singular values.
        unit = np.abs(rows).max(axis=0, initial=0.0)
        unit[unit == 0] = 1.0
        if not alike:
            unit[:] = unit.max(initial=0.0)
        u, roots, vh = np.linalg.svd(rows / unit, full_matrices=False)
        kept = roots**2 > RANK_OF_FACTOR * roots[:1] ** 2
        self.rows = u[:, kept] * np.sqrt(len(rows))
        self._unit, self._scale = unit, roots[kept] / np.sqrt(len(rows))
        self._directions = vh[kept].T

    def penalty(self, wd: np.ndarray) -> np.ndarray:
        """Of each direction, for each of some L2 penalties."""
        if not wd.any():
            return np.zeros((len(wd), len(self._scale)))
        scale = self._scale * self._unit[0]
        return (wd[:, None] / scale) / scale

    def weights(self, found: np.ndarray) -> np.ndarray:
        """Of the features, as columns, from those of the directions, as rows."""
        return (self._directions @ (found / self._scale).T) / self._unit[:, None]


class Bases:
    """The same for the rows of some fits, with and without an L2 penalty."""

    def __init__(self, rows: np.ndarray):
        self._rows = rows

    @cached_property
    def penalised(self) -> Basis:
        """Where there is an L2 penalty."""
        return Basis(self._rows)

    @cached_property
    def free(self) -> Basis:
        """Where there is none."""
        return Basis(self._rows, alike=True)


class KinkedFit:
    """A loss with kinks of one fit.

    Parameters
    ----------
    loss : str
    parameter : float
        Of the loss, in the units of the labels.
    rows : float64 array of shape (n, d)
        As scaled.
    y, weights : float64 arrays of shape (n,)
    use_bias : bool
    bases : (Bases, int array)
        Of these rows and perhaps others, and which of its rows they are.
    tolerance : float
        Duality gap to reach, by the objective.

    Attributes
    ----------
    null : float64 array of shape (1,), float
        Intercept of the model without weights, and its loss.
    largest : float
        The L1 penalty from which on there are no weights.
    """

    def __init__(
        self, loss, parameter, rows, y, weights, use_bias, bases, tolerance=TOLERANCE
    ):
        counted = weights > 0
        self.rows, self.n = rows[counted], int(np.count_nonzero(counted))
        self.bases, mine = bases
        self.mine = mine[counted]
        weights = weights[counted]
        self.kinks = KINKS[loss](y[counted], parameter).weighted(
            weights * (self.n / weights.sum())
        )
        self.tolerance, self.share = tolerance, weights
        self.ones = np.ones((self.n, int(use_bias)))
        start = float(np.median(self.kinks.at)) * np.ones(int(use_bias))
        self._size = self._value(self.ones @ start)
        if self._size <= ROUNDING * np.abs(self.kinks.at).max() * self.n:
            # Equal labels, or none that a constant does not explain.
            self._size, bias, slopes = 0.0, start, np.zeros(self.n)
        else:
            self.tolerance = OF_NULL
            found = self._minimise(self.ones, np.zeros((1, len(start))), None, start)
            self.tolerance = tolerance
            bias, slopes, self._null_gap = (part[0] for part in found)
            self._size = self._value(self.ones @ bias)
        self._start, self._null_slopes = bias, slopes
        self.null = np.zeros(1) + bias.sum(), self._size / self.n
        self.largest = float(np.abs(slopes @ self.rows).max(initial=0.0)) / self.n

    def squared_error(self) -> Quadratic:
        """Of the same rows and labels: which L2 penalties matter to a loss like it."""
        y = self.kinks.at.mean(axis=0)
        use_bias = float(self.ones.shape[1])
        return of_rows(self.rows, y, self.share, use_bias, 0.0)[0]

    def _value(self, margins: np.ndarray) -> float:
        kinks = self.kinks
        g = kinks.sign * (margins - kinks.at)
        slope = np.zeros_like(g)
        if kinks.round.any():
            slope = np.clip(g / kinks.round, -kinks.low, kinks.high)
        far = g - kinks.round * slope
        value = np.maximum(kinks.high * far, -kinks.low * far)
        value += 0.5 * (kinks.round * slope**2 + kinks.bend * np.maximum(g, 0.0) ** 2)
        return float(value.sum())

    def _minimise(self, rows, quadratic, absolute, start) -> Optimum:
        """By parts of the penalties, whose bits are equal whoever does the others."""
        kinks = self.kinks.sign.size + (0 if absolute is None else absolute.shape[1])
        step, parts = max(1, TOGETHER // kinks), []
        for first in range(0, len(quadratic), step):
            some = slice(first, first + step)
            penalties = quadratic[some], None if absolute is None else absolute[some]
            parts.append(
                minimise(
                    rows, self.kinks, *penalties, start, self._size, self.tolerance
                )
            )
        return Optimum(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _bias(self, weights: np.ndarray) -> np.ndarray:
        """The intercepts, behind the weights."""
        width = self.ones.shape[1]
        found = weights[:, weights.shape[1] - width :]
        return found.sum(axis=1)

    # --------------------------------------------------------------------- the optima
    def optima(self, wd, l1, bias_wd):
        """The optimum for each of some penalties.

        Parameters
        ----------
        wd, l1, bias_wd : float64 arrays of shape (k,)

        Returns
        -------
        weights : float64 array of shape (d, 1, k)
        bias : float64 array of shape (1, k)
        gap : float64 array of shape (k,)
            Duality gap.
        """
        d, k = self.rows.shape[1], len(wd)
        weights, gap = np.zeros((d, k)), np.zeros(k)
        bias = np.full(k, self.null[0][0])
        if self._size == 0:
            return weights[:, None], bias[None], gap
        none = (l1 >= self.largest) & (bias_wd == 0)
        gap[none] = self._null_gap / self.n
        ways = (
            (~none & (l1 == 0) & (wd == 0), self._unpenalised),
            (~none & (l1 == 0) & (wd > 0), self._ridges),
            (~none & (l1 > 0), self._lassos),
        )
        for some, find in ways:
            left = np.flatnonzero(some)
            left = left[np.lexsort((-l1[left], -wd[left]))]
            step = AT_ONCE if d < self.n else WIDE_AT_ONCE
            while len(left):
                mine, left = left[:step], left[step:]
                w, b, far = find(wd[mine], l1[mine], bias_wd[mine])
                good = np.isfinite(far)
                weights[:, mine] = np.where(good, w, 0.0)
                bias[mine] = np.where(good, b, bias[mine])
                gap[mine] = far / self.n
                last = mine[-1]
                loss = self._value(self.rows @ weights[:, last] + bias[last]) / self.n
                if not self._stays(loss, wd[mine], l1[mine]):
                    continue
                share = np.maximum(
                    wd[left] / (wd[last] or 1.0), l1[left] / (l1[last] or 1.0)
                )
                weights[:, left], bias[left] = weights[:, [last]], bias[last]
                gap[left] = loss * (1.0 - share) + gap[last] * share
                break
        return weights[:, None], bias[None], gap

    def _stays(self, loss: float, wd, l1) -> bool:
        """Whether weights that explain all are the optimum of weaker penalties too.

        They have the least penalty of all that explain it; others would lose more than
        they save. Their dual point, made smaller, says by how much this is wrong.
        """
        straight = not (self.kinks.bend.any() or self.kinks.round.any())
        one_penalty = not (wd.any() and l1.any())
        return straight and one_penalty and self.n * loss <= self.tolerance * self._size

    def _unpenalised(self, wd, l1, bias_wd):
        return self._smooth(self.bases.free, wd, bias_wd)

    def _ridges(self, wd, l1, bias_wd):
        return self._smooth(self.bases.penalised, wd, bias_wd)

    def _smooth(self, basis: Basis, wd, bias_wd):
        """Without an L1 penalty."""
        rows = np.concatenate([basis.rows[self.mine], self.ones], axis=1)
        width = self.ones.shape[1]
        penalty = np.concatenate(
            [basis.penalty(wd), np.tile(bias_wd[:, None], width)], axis=1
        )
        start = np.append(np.zeros(rows.shape[1] - width), self._start)
        found = self._minimise(rows, self.n * penalty, None, start)
        directions = found.weights[:, : rows.shape[1] - width]
        return basis.weights(directions), self._bias(found.weights), found.gap

    def _lassos(self, wd, l1, bias_wd):
        # Each feature in the units of its own length.
        largest = np.abs(self.rows).max(axis=0, initial=0.0)
        used = np.flatnonzero(largest > 0)
        rows = self.rows[:, used] / largest[used]
        length = np.sqrt(np.mean(rows**2, axis=0))
        rows, length = rows / length, largest[used] * length
        # Whatever the others do, these have no weight.
        some = self._steepest @ np.abs(rows) * length > self.n * l1.min()
        used, rows, length = used[some], rows[:, some], length[some]
        weights = np.zeros((len(wd), len(largest)))
        work = len(used) ** 2 * (self.n + len(used) // 3)
        if len(used) <= ALL_FEATURES or work <= ALL_WORK:
            found = self._lasso(rows, length, wd, l1, bias_wd)
            weights[:, used] = found.weights[:, : len(used)] / length
            return weights.T, self._bias(found.weights), found.gap
        bias, gap = np.zeros((2, len(wd)))
        held, slopes = np.zeros(len(used), dtype=bool), self._null_slopes
        for place in np.lexsort((-l1, wd)):
            given = [values[place : place + 1] for values in (wd, l1, bias_wd)]
            kept, threshold = held.copy(), NEAR * l1[place]
            while True:
                pull = self._pull(slopes, rows, length)
                pull[kept] = 0.0
                new = np.flatnonzero(pull > threshold)
                if threshold > l1[place] and len(new) == 0:
                    break
                # Without an L2 penalty there are no more weights than rows.
                kept[new[np.argsort(-pull[new], kind="stable")[: self.n]]] = True
                found = self._lasso(rows[:, kept], length[kept], *given)
                slopes, threshold = found.slopes[0], l1[place] * (1 + SLACK)
            weights[place, used[kept]] = (
                found.weights[0, : np.count_nonzero(kept)] / length[kept]
            )
            held = weights[place, used] != 0
            bias[place], gap[place] = self._bias(found.weights)[0], found.gap[0]
        return weights.T, bias, gap

    def _pull(self, slopes, rows, length) -> np.ndarray:
        """What the loss would gain by a weight of each feature."""
        return np.abs(slopes @ rows) * length / self.n

    @property
    def _steepest(self) -> np.ndarray:
        """Of each row, the most that the loss's slope can be at an optimum."""
        kinks = self.kinks
        # No row loses more than all do without weights.
        high = kinks.high + np.sqrt(2.0 * kinks.bend * self._size)
        return np.maximum(high, kinks.low).sum(axis=0)

    def _lasso(self, rows, length, wd, l1, bias_wd) -> Optimum:
        width = self.ones.shape[1]
        penalty = np.concatenate(
            [(wd[:, None] / length) / length, np.tile(bias_wd[:, None], width)], axis=1
        )
        return self._minimise(
            np.concatenate([rows, self.ones], axis=1),
            self.n * penalty,
            self.n * l1[:, None] / length,
            np.append(np.zeros(len(length)), self._start),
        )
