"""Least squares over all pairs of queries and items, of which rows hold a few.

The rows of X are pairs: some columns describe a query (a user, perhaps the time), the
others an item. A factorization machine says of a pair

    s = b + alone(query) + alone(item) + <p, q>,

p and q being the sums of the factors of either side, and ``alone`` its weights and the
pairs within it. So s is the product of two short vectors, sums over all pairs are those
of small matrices, and no pair that no row has is ever made: Y. Hu, Y. Koren and
C. Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008; I.
Bayer, X. He, B. Kanagal and S. Rendle, "A generic coordinate descent framework for
learning from implicit feedback", WWW 2017.

One side is solved for while the other rests, by a few conjugate gradient steps from
where it stands. With pairs within a side that is a step of Gauss and Newton, which is
shortened until the objective falls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._kernels import sweep_kernels

CG_STEPS = 3
"""For each side in each sweep: more of them gain less than another sweep does."""
TINY = 1e-300
HALVINGS = 8
"""Of a step that does not lower the objective, before it is left out."""


class Side:
    """The distinct queries, or items, and the numbers of their features.

    Parameters
    ----------
    Z : CSR of shape (n, d), float64
        Distinct rows.
    factors : float64 array of shape (d, k)
        At the start.
    coef : float64 array of shape (d,)

    Attributes
    ----------
    numbers : float64 array of shape (d, k + 1)
        Factors, then the weight.
    sums : float64 array of shape (n, k)
        Sums of factors.
    alone : float64 array of shape (n,)
        What each adds to a score by itself.
    parts : list of (bool array of shape (d, 1), bool)
        Features that are solved for together, and whether no row has two of them.
    """

    def __init__(self, Z: sp.csr_array, factors: np.ndarray, coef: np.ndarray):
        self.Z, self.back = Z, sp.csr_array(Z.T)
        self.paired = bool((np.diff(Z.indptr) > 1).any())
        self.squares = self.back_squares = None
        if self.paired:
            self.squares = sp.csr_array((Z.data**2, Z.indices, Z.indptr), Z.shape)
            self.back_squares = sp.csr_array(self.squares.T)
        self.sizes = np.bincount(Z.indices, Z.data**2, Z.shape[1])
        self.parts = _parts(Z)
        self.set(np.hstack([factors, coef[:, None]]))

    def set(self, numbers: np.ndarray) -> None:
        """Take other numbers."""
        self.numbers = numbers
        both = self.Z @ numbers
        self.sums, self.alone = both[:, :-1], both[:, -1].copy()
        if self.paired:
            own = self.squares @ (numbers[:, :-1] ** 2).sum(axis=1)
            self.alone += 0.5 * ((self.sums**2).sum(axis=1) - own)

    def moved(self, change: np.ndarray) -> np.ndarray:
        """What a small change of the numbers adds to ``sums``, and to ``alone``."""
        both = self.Z @ change
        if self.paired:
            own = (self.numbers[:, :-1] * change[:, :-1]).sum(axis=1)
            both[:, -1] += (self.sums * both[:, :-1]).sum(axis=1) - self.squares @ own
        return both

    def pulled(self, slopes: np.ndarray) -> np.ndarray:
        """Slopes in the numbers, from those in ``sums`` and ``alone``: its adjoint."""
        if not self.paired:
            return self.back @ slopes
        alone = slopes[:, -1:]
        found = self.back @ np.hstack([slopes[:, :-1] + alone * self.sums, alone])
        found[:, :-1] -= (self.back_squares @ alone) * self.numbers[:, :-1]
        return found


@dataclass(frozen=True)
class Observed:
    """The pairs that rows have, each once, by query and then by item.

    Attributes
    ----------
    queries, items : int32 arrays of shape (n_pairs,)
    indptr : int64 array of shape (n_queries + 1,)
    weight, weighted : float64 arrays of shape (n_pairs,)
        Sums over their rows of the weight, and of weight times label.
    square : float
        Sum over all rows of weight times squared label.
    n_items : int
    """

    queries: np.ndarray
    items: np.ndarray
    indptr: np.ndarray
    weight: np.ndarray
    weighted: np.ndarray
    square: float
    n_items: int

    def matrix(self, values: np.ndarray) -> sp.csr_array:
        """Values of the pairs, as a matrix of queries and items."""
        shape = len(self.indptr) - 1, self.n_items
        return sp.csr_array((values, self.items, self.indptr), shape=shape)

    def products(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Inner products of the vectors of each pair."""
        out = np.empty(len(self.items))
        sweep_kernels.pair_products(self.queries, self.items, left, right, out)
        return out


def observed_pairs(
    queries: np.ndarray, items: np.ndarray, y: np.ndarray, weights: np.ndarray
) -> Observed:
    """Bring rows of the same pair together.

    Parameters
    ----------
    queries, items : int64 arrays of shape (n_rows,)
        Numbers of both, from 0.
    y, weights : float64 arrays of shape (n_rows,)
    """
    n_queries, n_items = int(queries.max()) + 1, int(items.max()) + 1
    key, where = np.unique(queries * n_items + items, return_inverse=True)
    of_query = key // n_items
    return Observed(
        of_query.astype(np.int32),
        (key % n_items).astype(np.int32),
        np.concatenate([[0], np.cumsum(np.bincount(of_query, minlength=n_queries))]),
        np.bincount(where, weights),
        np.bincount(where, weights * y),
        float(weights @ y**2),
        n_items,
    )


def distinct_rows(X: sp.csr_array) -> tuple[sp.csr_array, np.ndarray]:
    """Rows that differ, and the number of each row among them.

    They are told apart by two random sums, in which rows that differ agree once in
    2^100.
    """
    draws = np.random.default_rng(0).standard_normal((X.shape[1], 2))
    sums = np.ascontiguousarray(X @ draws).view(np.complex128)[:, 0]
    _, first, which = np.unique(sums, return_index=True, return_inverse=True)
    # In the order in which they come first, so that nothing hangs on the draws.
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return X[first[order]], rank[which]


class WholeData:
    """A machine, its pairs and what it is to minimise.

    The sum over rows of ``w (y - s)^2``, plus ``unobserved`` times the sum of ``s^2``
    over all pairs of a query and an item that no row has, plus ridges times squares.

    Parameters
    ----------
    sides : (Side, Side)
        Queries and items.
    pairs : Observed
    unobserved : float
    ridges : (float64 array of shape (d, k + 1), float64 array of shape (d', k + 1))
        Of the numbers of either side.
    bias_ridge : float
    intercept : float
        At the start.
    """

    def __init__(
        self,
        sides: tuple[Side, Side],
        pairs: Observed,
        unobserved: float,
        ridges: tuple[np.ndarray, np.ndarray],
        bias_ridge: float = 0.0,
        intercept: float = 0.0,
    ):
        self.sides, self.pairs, self.unobserved = sides, pairs, unobserved
        self.ridges, self.bias_ridge = ridges, bias_ridge
        self.intercept = intercept
        # What a pair counts as beyond its part in the sum over all pairs.
        self.beyond = pairs.weight - unobserved

    def vectors(self) -> tuple[np.ndarray, np.ndarray]:
        """Of queries and items: their products are the scores."""
        query, item = self.sides
        ones = [np.ones((len(side.alone), 1)) for side in self.sides]
        return (
            np.hstack([query.sums, ones[0], query.alone[:, None] + self.intercept]),
            np.hstack([item.sums, item.alone[:, None], ones[1]]),
        )

    def loss(self) -> float:
        """The objective without the ridges."""
        left, right = self.vectors()
        s = self.pairs.products(left, right)
        every = ((left.T @ left) * (right.T @ right)).sum()
        found = self.unobserved * every + self.beyond @ s**2
        return float(found - 2.0 * (self.pairs.weighted @ s) + self.pairs.square)

    def objective(self) -> float:
        """What is minimised."""
        squares = sum(
            float((ridge * side.numbers**2).sum())
            for side, ridge in zip(self.sides, self.ridges, strict=True)
        )
        return self.loss() + squares + self.bias_ridge * self.intercept**2

    def sweep(self, steps: int = CG_STEPS) -> float:
        """Solve for queries, items and the intercept; returns the new loss."""
        for number in (0, 1):
            self._solve(number, steps)
        self._centre()
        return self.loss()

    def _solve(self, number: int, steps: int) -> None:
        """Step the numbers of one side."""
        side = self.sides[number]
        for part, apart in side.parts:
            start = side.numbers
            before = 0.0 if apart else self.objective()
            change = self._direction(number, part, apart, steps)
            side.set(start + change)
            if apart:
                continue  # The objective is a quadratic, which every step lowers.
            for _ in range(HALVINGS):
                if self.objective() <= before:
                    break
                change *= 0.5
                side.set(start + change)
            else:
                side.set(start)

    def _direction(
        self, number: int, part: np.ndarray, apart: bool, steps: int
    ) -> np.ndarray:
        """Where the minimum of the quadratic that touches here lies, nearly."""
        side, ridge = self.sides[number], self.ridges[number]
        mine, other = self.vectors()[:: 1 if number == 0 else -1]
        # A query has its own part in the last place, an item in the one before it.
        width = other.shape[1]
        varying = [*range(width - 2), width - 1 if number == 0 else width - 2]
        moving = np.ascontiguousarray(other[:, varying])

        def slopes_of(values: np.ndarray) -> np.ndarray:
            E = self.pairs.matrix(values)
            return (E if number == 0 else E.T) @ moving

        def scores_of(vectors: np.ndarray, others: np.ndarray) -> np.ndarray:
            pair = (vectors, others) if number == 0 else (others, vectors)
            return self.pairs.products(*pair)

        errors = self.beyond * scores_of(mine, other) - self.pairs.weighted
        slopes = self.unobserved * (mine @ (other.T @ moving)) + slopes_of(errors)
        slope = side.pulled(slopes) + ridge * side.numbers
        gram = moving.T @ moving

        def curved(change: np.ndarray) -> np.ndarray:
            moved = side.moved(change)
            known = slopes_of(self.beyond * scores_of(moved, moving))
            slopes = self.unobserved * (moved @ gram) + known
            return np.where(part, side.pulled(slopes) + ridge * change, 0.0)

        # Near to the curvature: that of the other side as a whole, in its own axes, as
        # large as the vectors of the pairs that are known.
        known_sizes = (moving**2).sum(axis=1)
        beyond = self.pairs.matrix(np.abs(self.beyond))
        own = (beyond if number == 0 else beyond.T) @ known_sizes
        weights = side.Z.data**2 * np.repeat(own, np.diff(side.Z.indptr))
        held = np.bincount(side.Z.indices, weights, side.Z.shape[1])
        share = self.unobserved * side.sizes + held / max(known_sizes.sum(), TINY)
        lengths, axes = np.linalg.eigh(gram)
        sizes = share[:, None] * np.maximum(lengths, 0.0)
        sizes += ridge.mean(axis=1, keepdims=True)
        sizes[sizes == 0.0] = 1.0
        goal = np.where(part, -slope, 0.0)

        def near(values: np.ndarray) -> np.ndarray:
            return ((values @ axes) / sizes) @ axes.T

        return conjugate(curved, goal, near, steps, apart)

    def _centre(self) -> None:
        """The best intercept."""
        left, right = self.vectors()
        s = self.pairs.products(left, right)
        every = float(left.sum(axis=0) @ right.sum(axis=0))
        slope = self.unobserved * every + self.beyond @ s - self.pairs.weighted.sum()
        slope += self.bias_ridge * self.intercept
        curvature = self.unobserved * len(left) * len(right) + self.beyond.sum()
        curvature += self.bias_ridge
        if curvature > 0:
            self.intercept -= float(slope / curvature)


def conjugate(
    curved: Any, goal: np.ndarray, near: Any, steps: int, apart: bool
) -> np.ndarray:
    """Some steps of preconditioned conjugate gradients, from zero.

    Parameters
    ----------
    curved, near : callable
        The curvature, and what is near to its inverse; both keep the shape.
    goal : float64 array of shape (d, k)
    steps : int
    apart : bool
        Whether each row is a system by itself, with steps of its own.
    """

    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.sum(a * b, axis=1 if apart else None, keepdims=True)

    found, left = np.zeros_like(goal), goal.copy()
    scaled = near(left)
    direction, size = scaled, product(left, scaled)
    for _ in range(steps):
        bent = curved(direction)
        bend = product(direction, bent)
        # Where there is nothing left, or what there is is not finite, it stays.
        length = np.where(bend > 0, size, 0.0) / np.where(bend > 0, bend, 1.0)
        found += length * direction
        left -= length * bent
        scaled = near(left)
        size, before = product(left, scaled), size
        turn = np.where(before > 0, size, 0.0) / np.where(before > 0, before, 1.0)
        direction = scaled + turn * direction
    return found


def _parts(Z: sp.csr_array) -> list[tuple[np.ndarray, bool]]:
    """Features in parts, as `Side` has them.

    The first column of each row is most often its id, of which no row has two: given
    all else, each of them is solved for by itself. The others follow together.
    """
    every = np.ones((Z.shape[1], 1), dtype=bool)
    stored = np.diff(Z.indptr)
    if (stored <= 1).all():
        return [(every, True)]
    first = np.zeros_like(every)
    first[Z.indices[Z.indptr[:-1][stored > 0]]] = True
    twice = np.add.reduceat(first[Z.indices, 0].astype(int), Z.indptr[:-1][stored > 0])
    if (twice > 1).any():
        return [(every, False)]
    return [(first, True), (~first, False)]
