"""Softmax losses by limited-memory quasi-Newton steps, many problems at a time."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from sklearn_sagemaker._threads import ALONE, Spread

STEPS = 500
"""At most; some ten do, each from the optimum of the penalty before."""
PAIRS = 8
"""Steps that a direction remembers."""
CACHE = 1 << 16
"""Margins that are worked on at a time, to stay in the cache."""
HALVINGS = 30
"""Of a step, before a problem is left where it is: rounding is all that moves it."""
ROUGH, NOISE = 1e-4, 1e-6
"""Tolerance from which on passes are in float32, and the share of a loss that rounding
may then change; sums over the rows are in float64..."""
ROUGH_LOSS = 0.02
"""... of losses not below this: of others float32 has too few digits..."""
ROUGH_SIZE = 1e15
"""... and of features whose size is within this, or one by this, of one."""


class SoftmaxRows:
    """Rows of several classes, and the fits that each row has a weight in.

    Parameters
    ----------
    rows : float64 array of shape (n, d)
        As scaled, or turned.
    y : float64 array of shape (n,)
        Index of the class.
    weights : float64 array of shape (n_fits, n)
        Of each fit they sum to one; a row that it must not know has none.
    n_classes : int
    use_bias : bool
    spread : Spread
        For parts of the rows, whose sums are added in order.
    """

    def __init__(
        self,
        rows,
        y,
        weights,
        n_classes: int,
        use_bias: bool,
        spread: Spread = ALONE,
    ):
        self.n_classes, self.use_bias, self.spread = n_classes, use_bias, spread
        n, d = rows.shape
        self.table = np.empty((d + 1, n))
        self.table[:-1], self.table[-1] = rows.T, float(use_bias)
        self.y, self.weights = y.astype(np.int64), weights
        self.shares = np.stack(
            [np.bincount(self.y, some, n_classes) for some in weights]
        )
        # Of a class that hardly a row has, the probability is hardly curved.
        bent = np.mean(self.shares * (1.0 - self.shares), axis=1)
        squares = weights @ (self.table**2).T
        self.bends = np.maximum(bent, 1e-3 / n_classes)[:, None] * np.maximum(
            squares, 1e-12
        )
        sizes = np.sqrt(squares[squares > 0])
        self.rough = bool(np.all((sizes < ROUGH_SIZE) & (sizes > 1.0 / ROUGH_SIZE)))

    @cached_property
    def _rough_table(self) -> np.ndarray:
        return self.table.astype(np.float32)

    def null(self) -> np.ndarray:
        """Intercepts of the fits without weights, of shape (n_fits, n_classes)."""
        if not self.use_bias:
            return np.zeros_like(self.shares)
        logs = np.log(np.maximum(self.shares, 1e-6))
        return logs - logs.mean(axis=1, keepdims=True)

    def losses(self, which, w, rough: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Loss of each problem and its gradient by the weights.

        Parameters
        ----------
        which : int array of shape (m,)
            The fit that each problem is of.
        w : float64 array of shape (m, n_classes, d + 1)
            The intercepts last.
        rough : bool
            Whether float32 is precise enough for margins and probabilities.
        """
        m, k, _ = w.shape
        whole = self._rough_table if rough else self.table
        flat = w.reshape(m * k, -1).astype(whole.dtype, copy=False)
        step = max(256, CACHE // (m * k))

        def of_part(first: int) -> tuple[np.ndarray, np.ndarray]:
            some = slice(first, first + step)
            table, y, weights = (
                whole[:, some],
                self.y[some],
                self.weights[which, some],
            )
            margins = (flat @ table).reshape(m, k, -1)
            everyone = np.arange(len(y))
            right = margins[:, y, everyone]
            most = margins.max(axis=1)
            margins -= most[:, None]
            np.exp(margins, out=margins)
            total = margins.sum(axis=1)
            value = np.sum(weights * (np.log(total) + most - right), axis=1)
            margins *= (weights / total).astype(whole.dtype, copy=False)[:, None]
            margins[:, y, everyone] -= weights
            return value, margins.reshape(m * k, -1) @ table.T

        value, slope = np.zeros(m), np.zeros((m * k, len(w[0, 0])))
        spread = self.spread.worth(2 * step * slope.size, slope.nbytes)
        for more, steeper in spread.in_order(of_part, range(0, len(self.y), step)):
            value += more
            slope += steeper
        return value, slope.reshape(w.shape)


def minimum(rows: SoftmaxRows, which, w, wd, l1, bias_wd, tolerance):
    """The optimum of some problems: the loss of a fit, and penalties.

    Steps are of L-BFGS, from the curvature of the null model, and with an L1 penalty
    as in OWL-QN: none goes beyond zero.

    Parameters
    ----------
    rows : SoftmaxRows
    which : int array of shape (m,)
        The fit that each problem is of.
    w : float64 array of shape (m, n_classes, d + 1)
        Where to start, the intercepts last.
    wd, l1, bias_wd : float64 arrays of shape (m,)
        Penalties.
    tolerance : float
        Decrease that the last step expects, by the objective.

    Returns
    -------
    w : float64 array of shape (m, n_classes, d + 1)
    gap : float64 array of shape (m,)
        What a step more would be expected to gain.
    loss : float64 array of shape (m,)
        Without penalties.
    """
    decay = np.repeat(wd[:, None, None], w.shape[2], axis=2)
    decay[:, :, -1] = bias_wd[:, None]
    pull = np.repeat(l1[:, None, None], w.shape[2], axis=2)
    pull[:, :, -1] = 0.0
    found, gap = w.copy(), np.full(len(which), np.inf)
    value = np.empty(len(which))
    going = _Going(rows, np.asarray(which), decay, pull, w, tolerance)
    for number in range(STEPS):
        way, hope = going.direction(number)
        gap[going.places], value[going.places] = -0.5 * hope, going.value
        on = gap[going.places] > tolerance * going.value
        if not on.all():
            going.keep(on)
            way, hope = way[on], hope[on]
        if len(going.places) == 0:
            break
        moved = going.step(number, way, hope)
        found[going.places], value[going.places] = going.w, going.value
        # Those that no step makes better are as good as rounding allows.
        if not moved.all():
            going.keep(moved)
    pulled = 0.5 * decay * found + pull * np.sign(found)
    penalties = np.einsum("ijk,ijk->i", pulled, found)
    return found, gap, value - penalties


class _Going:
    """The problems that are not solved yet.

    Attributes
    ----------
    places : int array
        Of them, among all.
    w, value : float64 arrays
        Where they stand.
    """

    _OF_ONE = (
        "places", "which", "decay", "pull", "bend", "w", "value", "slope",
        "steep",
    )  # fmt: skip
    _OF_STEPS = ("moves", "turns", "inner")

    def __init__(self, rows: SoftmaxRows, which, decay, pull, w, tolerance: float):
        self.rough = rows.rough and tolerance >= ROUGH
        self.noise = NOISE if self.rough else 0.0
        self.rows, self.which, self.decay, self.pull, self.w = (
            rows, which, decay, pull, w,
        )  # fmt: skip
        self.places = np.arange(len(which))
        self.sparse = bool(pull.any())
        self.bend = rows.bends[which][:, None] + decay
        self.moves, self.turns = np.zeros((2, PAIRS, *w.shape))
        self.inner = np.zeros((PAIRS, len(which)))
        self.value, self.slope = self._objective(slice(None), w)
        self.steep = self.slope

    def keep(self, some: np.ndarray) -> None:
        """Leave the others where they are."""
        for name in self._OF_ONE:
            setattr(self, name, getattr(self, name)[some])
        for name in self._OF_STEPS:
            setattr(self, name, getattr(self, name)[:, some])

    def _objective(self, some, w) -> tuple[np.ndarray, np.ndarray]:
        value, slope = self.rows.losses(self.which[some], w, self.rough)
        if self.rough and not (value >= ROUGH_LOSS).all():
            self.rough = False
            value, slope = self.rows.losses(self.which[some], w)
        pulled = self.decay[some] * w
        value += 0.5 * np.einsum("ijk,ijk->i", pulled, w)
        slope += pulled
        if self.sparse:
            value += np.einsum("ijk,ijk->i", self.pull[some], np.abs(w))
        return value, slope

    def direction(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Where to go, and what the objective does on the way, to first order."""
        steep = self.slope
        if self.sparse:
            steep = _pseudo(self.w, steep, self.pull)
        self.steep = steep
        past = [(number - 1 - i) % PAIRS for i in range(min(number, PAIRS))]
        way = -_directed(steep, self.bend, self.moves, self.turns, self.inner, past)
        if self.sparse:
            way[way * steep > 0] = 0.0
        return way, np.einsum("ijk,ijk->i", steep, way)

    def step(self, number: int, way, hope) -> np.ndarray:
        """Go there, as far as the objective gets better; tells of each if it did."""
        steep = self.steep
        new_w, value, slope = self._tried(slice(None), way, hope, steep, 1.0)
        todo, length = (
            np.flatnonzero(~self._better(value, new_w, hope, steep, 1.0)),
            1.0,
        )
        for _ in range(HALVINGS):
            if len(todo) == 0:
                break
            length /= 2
            tried, found, leaning = self._tried(todo, way, hope, steep, length)
            new_w[todo], value[todo], slope[todo] = tried, found, leaning
            bad = ~self._better(value, new_w, hope, steep, length)
            todo = todo[bad[todo]]
        place = number % PAIRS
        new_w[todo], value[todo], slope[todo] = (
            self.w[todo], self.value[todo], self.slope[todo],
        )  # fmt: skip
        self.moves[place], self.turns[place] = new_w - self.w, slope - self.slope
        self.inner[place] = np.einsum(
            "ijk,ijk->i", self.moves[place], self.turns[place]
        )
        self.w, self.value, self.slope = new_w, value, slope
        moved = np.ones(len(way), dtype=bool)
        moved[todo] = False
        return moved

    def _tried(self, some, way, hope, steep, length: float):
        w = self.w[some] + length * way[some]
        if self.sparse:
            here = self.w[some]
            side = np.where(here != 0, here, -steep[some])
            w[(self.pull[some] > 0) & (w * side <= 0)] = 0.0
        return w, *self._objective(some, w)

    def _better(self, value, w, hope, steep, length: float) -> np.ndarray:
        expected = length * hope
        if self.sparse:
            expected = np.einsum("ijk,ijk->i", steep, w - self.w)
        return value <= self.value * (1.0 + self.noise) + 1e-4 * expected


def _pseudo(w, slope, pull):
    """The steepest slope where an L1 penalty has a corner."""
    low, high = slope - pull, slope + pull
    corner = np.where(low > 0, low, np.where(high < 0, high, 0.0))
    return np.where(w > 0, high, np.where(w < 0, low, corner))


def _directed(slope, bend, moves, turns, inner, past):
    """Slopes divided by curvatures: those of ``bend``, as corrected by past steps."""
    way, shares = slope.copy(), []
    known = inner > 0
    inverse = np.where(known, 1.0 / np.where(known, inner, 1.0), 0.0)
    for place in past:
        share = np.einsum("ijk,ijk->i", moves[place], way) * inverse[place]
        way -= share[:, None, None] * turns[place]
        shares.append(share)
    way /= bend
    if past:
        last = past[0]
        scale = np.einsum("ijk,ijk->i", turns[last], turns[last] / bend)
        usable = known[last] & (scale > 0)
        scale = np.where(usable, inner[last] / np.where(usable, scale, 1.0), 1.0)
        way *= scale[:, None, None]
    for place, share in zip(reversed(past), reversed(shares), strict=True):
        back = np.einsum("ijk,ijk->i", turns[place], way) * inverse[place]
        way += np.where(known[place], share - back, 0.0)[:, None, None] * moves[place]
    return way
