"""An interior point method for losses with kinks, for many penalties at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

STEPS = 60
"""Steps at most; ten to twenty do."""
TO_BOUND = 0.995
"""Share of the way to the nearest bound that a step goes."""
PAIRS_BYTES = 4 << 20
"""Products of pairs of columns are kept where they take less than this..."""
MANY = 4
"""... and serve so many penalties."""
JITTER = 1e-14
"""Added to the diagonal of a matrix of ones on it, and more where it is singular."""
NOTHING = 1e-4
"""Where the objective is below this share of its size, that is what gaps are of."""


class Kinks(NamedTuple):
    """Losses of a margin f, each the sum of some that have one kink.

    With ``g = sign * (f - at)``, such a one is ``high * g + bend / 2 * g**2`` above
    zero and ``-low * g`` below; ``round`` makes a parabola of the kink, of curvature
    ``1 / round``, between the slopes of both sides. No loss has both.

    All are float64 arrays of shape (n_kinks, n).
    """

    sign: np.ndarray
    at: np.ndarray
    high: np.ndarray
    low: np.ndarray
    bend: np.ndarray
    round: np.ndarray

    def weighted(self, weights: np.ndarray) -> Kinks:
        """The same with a weight for each row, above zero."""
        return self._replace(
            high=self.high * weights,
            low=self.low * weights,
            bend=self.bend * weights,
            round=self.round / weights,
        )


class Optimum(NamedTuple):
    """What `minimise` finds for each of k penalties.

    Attributes
    ----------
    weights : float64 array of shape (k, r)
    slopes : float64 array of shape (k, n)
        Of the losses by the margins.
    gap : float64 array of shape (k,)
        How far the objective may be above its optimum: a duality gap.
    """

    weights: np.ndarray
    slopes: np.ndarray
    gap: np.ndarray


def minimise(
    rows: np.ndarray,
    kinks: Kinks,
    quadratic: np.ndarray,
    absolute: np.ndarray | None,
    start: np.ndarray,
    size: float,
    tolerance: float,
) -> Optimum:
    """Minimise a sum of losses with kinks and penalties.

    By Mehrotra's predictor and corrector. An L1 penalty is a kink of a weight, and
    all is as for the kinks of the rows; a weight that it holds is exactly zero.

    Parameters
    ----------
    rows : float64 array of shape (n, r)
        Columns of similar length are best.
    kinks : Kinks
        Of the rows.
    quadratic : float64 array of shape (k, r)
        ``w**2 * quadratic / 2`` is the L2 penalty of each weight.
    absolute : float64 array of shape (k, p) or None
        The L1 penalty of the first p weights.
    start : float64 array of shape (r,)
    size : float
        Of the objective of a model without weights.
    tolerance : float
        Gap to reach, by the objective.

    Returns
    -------
    found : Optimum
    """
    point = _Point(rows, kinks, quadratic, absolute, start)
    k = len(quadratic)
    found = Optimum(
        np.broadcast_to(start, (k, len(start))).copy(),
        np.zeros((k, len(rows))),
        np.full(k, np.inf),
    )
    alive = np.arange(k)
    for step in range(STEPS + 1):
        point.factorise()
        last = step == STEPS
        wanted = tolerance * np.maximum(point.value(), NOTHING * size)
        ready = (point.complementarity <= wanted) | last
        # What is no number is given up.
        done = ~np.isfinite(point.complementarity)
        if ready.any():
            weights, slopes, gap = point.certificate()
            better = ready & (gap < found.gap[alive])
            for whole, part in zip(found, (weights, slopes, gap), strict=True):
                whole[alive[better]] = part[better]
            done |= ready & ((gap <= wanted) | last)
        if done.all():
            break
        if done.any():
            alive = alive[~done]
            point.keep(~done)
        point.step()
    return found


class _Point:
    """Weights, and for each kink the slope, what is above and below, and their slack.

    ``above - below = g - round * slope``; at the optimum ``above`` is zero or the slope
    is that of the upper side, and ``below`` is zero or it is that of the lower.
    """

    def __init__(self, rows, kinks: Kinks, quadratic, absolute, start):
        self.rows, self.sign = rows, kinks.sign
        n, r = rows.shape
        k = len(quadratic)
        self.n_signs = kinks.sign.size
        self.p = 0 if absolute is None else absolute.shape[1]
        self.pairs = None
        if k >= MANY and 4 * n * r * (r + 1) <= PAIRS_BYTES:
            self.upper = np.triu_indices(r)
            self.pairs = rows[:, self.upper[0]] * rows[:, self.upper[1]]
        self.quadratic = quadratic
        more = np.zeros((k, 0)) if absolute is None else absolute
        none = np.zeros_like(more)

        def of_all(part, of_weights):
            wide = np.broadcast_to(part.ravel(), (k, self.n_signs))
            return np.concatenate([wide, of_weights], axis=1)

        self.offset = np.append((kinks.sign * kinks.at).ravel(), np.zeros(self.p))
        self.high, self.low = of_all(kinks.high, more), of_all(kinks.low, more)
        self.bend = of_all(kinks.bend, none) if kinks.bend.any() else None
        self.round = of_all(kinks.round, none) if kinks.round.any() else None

        self.factors: list[np.ndarray] = []
        self.w = np.broadcast_to(start, (k, r)).copy()
        g = self.forward(self.w) - self.offset
        self.middle = np.abs(g).mean(axis=1, keepdims=True)
        self.middle[self.middle == 0] = 1.0
        self.slope = 0.5 * (self.high - self.low)
        if self.round is not None:
            g = g - self.round * self.slope
        above = 0.5 * (g + np.sqrt(g**2 + 4 * self.middle**2))
        self.sides = np.stack([above, above - g])
        if self.bend is not None:
            # The slope is not bounded above.
            self.slope = self.slope + 0.5 * self.bend * above
        slack = self.high + self._bent(above) - self.slope
        self.slacks = np.stack([slack, self.slope + self.low])
        self._look()

    def keep(self, some: np.ndarray) -> None:
        """Go on with some of the penalties."""
        for name in (
            "quadratic", "high", "low", "bend", "round", "w", "middle", "slope",
            "left", "complementarity", "curvature", "slack", "scale",
        ):  # fmt: skip
            value = getattr(self, name)
            if value is not None:
                setattr(self, name, value[some])
        self.sides, self.slacks = self.sides[:, some], self.slacks[:, some]
        self.factors = [
            factor for factor, kept in zip(self.factors, some, strict=True) if kept
        ]

    # ----------------------------------------------------------------- products
    def forward(self, w: np.ndarray) -> np.ndarray:
        """By kinks: those of the rows, and those of the weights."""
        f = w @ self.rows.T
        return np.concatenate([*(f * sign for sign in self.sign), w[:, : self.p]], 1)

    def backward(self, slope: np.ndarray) -> np.ndarray:
        """The transpose of `forward`."""
        found = self.by_row(slope, self.sign) @ self.rows
        found[:, : self.p] += slope[:, self.n_signs :]
        return found

    def by_row(self, values: np.ndarray, factors=None) -> np.ndarray:
        """Sums over the kinks of each row."""
        n, n_kinks = len(self.rows), len(self.sign)
        parts = (values[:, k * n : (k + 1) * n] for k in range(n_kinks))
        if factors is not None:
            parts = (part * by for part, by in zip(parts, factors, strict=True))
        return sum(parts, np.zeros(()))

    def _bent(self, above):
        return 0.0 if self.bend is None else self.bend * above

    # ------------------------------------------------------------- where it stands
    def _look(self) -> None:
        self.left = self.quadratic * self.w + self.backward(self.slope)
        self.complementarity = np.einsum("ikn,ikn->k", self.sides, self.slacks)

    def value(self) -> np.ndarray:
        """The objective, as above and below say it."""
        above, below = self.sides
        found = np.einsum("kn,kn->k", self.high, above)
        found += np.einsum("kn,kn->k", self.low, below)
        if self.bend is not None:
            found += 0.5 * np.einsum("kn,kn,kn->k", self.bend, above, above)
        if self.round is not None:
            found += 0.5 * np.einsum("kn,kn,kn->k", self.round, self.slope, self.slope)
        return found + 0.5 * np.sum(self.quadratic * self.w**2, axis=1)

    def _losses(self, g: np.ndarray) -> np.ndarray:
        """Sums of the losses and the L1 penalty, exactly."""
        value = 0.0
        if self.round is not None:
            # The parabola ends where its slope is that of a side.
            size = np.where(self.round > 0, self.round, 1.0)
            slope = np.where(
                self.round > 0, np.clip(g / size, -self.low, self.high), 0.0
            )
            g = g - self.round * slope
            value = 0.5 * self.round * slope**2
        value = value + np.maximum(self.high * g, -self.low * g)
        if self.bend is not None:
            value = value + 0.5 * self.bend * np.maximum(g, 0.0) ** 2
        return value.sum(axis=1)

    def certificate(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights with exact zeros, slopes by rows, and the duality gap between."""
        # A dual point: with what is left of the conditions taken away.
        slope = self.slope + self.curvature * self.forward(self._solved(-self.left))
        most = (
            self.high
            if self.bend is None
            else np.where(self.bend > 0, np.inf, self.high)
        )
        slope = np.clip(slope, -self.low, most)
        dual = -slope @ self.offset
        if self.round is not None:
            dual -= 0.5 * np.sum(self.round * slope**2, axis=1)
        if self.bend is not None:
            over = np.maximum(slope - self.high, 0.0) ** 2
            dual -= 0.5 * _ratios(over, self.bend).sum(axis=1)
        pull = self.backward(slope)
        dual -= 0.5 * _ratios(pull**2, self.quadratic).sum(axis=1)
        # Without an L2 penalty the pull is zero, but for rounding.
        free = np.where(self.quadratic > 0, 0.0, np.abs(pull * self.w))
        dual -= free.sum(axis=1)
        w = self.w
        if self.p:
            # Of what is above and its slack, one vanishes.
            n, (sides, slacks) = self.n_signs, (self.sides, self.slacks)
            held = np.zeros(w.shape, dtype=bool)
            held[:, : self.p] = (
                sides[..., n:].max(axis=0) * self.high[:, n:]
                < slacks[..., n:].min(axis=0) * self.middle
            )
            w = np.where(held, 0.0, w)
        value = self._losses(self.forward(w) - self.offset)
        value += 0.5 * np.sum(self.quadratic * w**2, axis=1)
        return w, self.by_row(slope, self.sign), np.maximum(value - dual, 0.0)

    # -------------------------------------------------------------------- a step
    def factorise(self) -> None:
        """Prepare the equations of a step."""
        above, below = self.sides
        self.slack = self.slacks[0] + self._bent(above)
        width = above / self.slack + below / self.slacks[1]
        if self.round is not None:
            width += self.round
        self.curvature = 1.0 / width
        by_row, r = self.by_row(self.curvature), self.rows.shape[1]
        if self.pairs is not None:
            matrices = np.empty((len(by_row), r, r))
            packed = by_row @ self.pairs
            matrices[:, self.upper[0], self.upper[1]] = packed
            matrices[:, self.upper[1], self.upper[0]] = packed
        else:
            matrices = np.stack([(self.rows.T * one) @ self.rows for one in by_row])
        diagonal = np.arange(r)
        matrices[:, diagonal, diagonal] += self.quadratic
        some = diagonal[: self.p]
        matrices[:, some, some] += self.curvature[:, self.n_signs :]
        # The diagonal is scaled to ones.
        self.scale = matrices[:, diagonal, diagonal]
        self.scale = 1.0 / np.sqrt(np.where(self.scale > 0, self.scale, 1.0))
        matrices *= self.scale[:, None]
        matrices *= self.scale[:, :, None]
        matrices[:, diagonal, diagonal] += JITTER
        self.factors = [_factor(matrix) for matrix in matrices]

    def _solved(self, sides: np.ndarray) -> np.ndarray:
        found = sides * self.scale
        if found.shape[1] == 0:
            return found
        for place, factor in enumerate(self.factors):
            found[place], _ = dpotrs(factor, found[place], lower=1)
        return found * self.scale

    def _direction(self, products):
        """Changes of weights, slopes, sides and slacks that change the products so."""
        (above, below), (up, down) = self.sides, products
        up, down = up / self.slack, down / self.slacks[1]
        away = up - down
        weights = self._solved(self.backward(self.curvature * away) - self.left)
        slope = self.curvature * (self.forward(weights) - away)
        sides = np.stack(
            [up + above / self.slack * slope, down - below / self.slacks[1] * slope]
        )
        slacks = np.stack([self._bent(sides[0]) - slope, slope])
        return weights, slope, sides, slacks

    def _length(self, sides, slacks) -> np.ndarray:
        """How far it is to the nearest bound, and a whole step at most."""
        most = np.maximum((-sides / self.sides).max(axis=(0, 2)), 0.0)
        np.maximum(most, (-slacks / self.slacks).max(axis=(0, 2)), out=most)
        return 1.0 / np.maximum(most, 1.0)

    def step(self) -> None:
        """Towards the optimum without a barrier, bent to where one is left."""
        now = self.sides * self.slacks
        _, _, sides, slacks = self._direction(-now)
        length = self._length(sides, slacks)[:, None]
        after = (self.sides + length * sides) * (self.slacks + length * slacks)
        after = after.sum(axis=(0, 2))
        mean = self.complementarity / (now.shape[0] * now.shape[2])
        target = mean * (after / self.complementarity) ** 3
        weights, slope, sides, slacks = self._direction(
            target[:, None] - now - sides * slacks
        )
        length = np.minimum(1.0, TO_BOUND * self._length(sides, slacks))[:, None]
        self.w = self.w + length * weights
        self.slope = self.slope + length * slope
        self.sides = self.sides + length * sides
        self.slacks = self.slacks + length * slacks
        self._look()


def _ratios(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _factor(matrix: np.ndarray) -> np.ndarray:
    """Cholesky factor of a matrix, or of one that is less singular."""
    if len(matrix) == 0:
        return matrix
    factor, singular = dpotrf(matrix, lower=1)
    more = JITTER
    while singular and more < 1.0:
        more *= 100.0
        factor, singular = dpotrf(matrix + more * np.eye(len(matrix)), lower=1)
    return factor
