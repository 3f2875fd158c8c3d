"""Smooth losses on many rows: columns are solved on some, and corrected on all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from threading import Lock

import numpy as np

from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker._threads import ALONE, Spread
from sklearn_sagemaker.training.linear.moments import TILE_BYTES
from sklearn_sagemaker.training.linear.newton import LEAST, SmoothFit, optima
from sklearn_sagemaker.training.linear.quadratic import Quadratic

SAMPLE, OF_FEATURES = 1000, 20
"""Rows whose curvature stands for that of all, and how many for each feature: with as
many every direction has its curvature but for a third."""
GROWTH = 4
"""Times as many rows where a step has gained too little..."""
SLOW = 0.2
"""... as it has when it leaves this share of what it was to gain."""
LARGEST = {"logistic": 0.25, "huber_loss": 1.0, "softmax_loss": 0.5}
"""What second derivatives of a row are not above: steps by it never go too far."""
SHORT, RAISED, LOWERED = 0.25, 0.05, 10
"""Length from which on a step that has gone too far is aimed again, as if each row had
this curvature at least, and then the largest: rows whose probabilities are nearly
certain, and wrong, have next to none. Whole steps divide it again."""
SAMPLE_BYTES = 256 << 20
"""A sample is not larger."""
PASSES = 40
"""Passes over all rows, at most."""
START = 1e-3
"""Least L2 penalty on a sample, by the size of its features: what is rare there would
have weights that are far from those on all rows."""
NEARLY = 1e-9
"""Curvature that every weight has at least, by the mean of all."""
OF_COLUMN = 4
"""Factorisations of its quadratic that a step takes."""
ON_SAMPLE = 1e-3
"""What the last step on a sample may gain, by the objective: it is a start."""

Tile = tuple[np.ndarray | slice, Callable[[], np.ndarray]]
"""Places of some rows, and what reads those rows, as scaled."""
Tiles = Callable[[np.ndarray | None], Iterator[Tile]]


def sample_size(n: int, d: int) -> int:
    """Rows of a sample of ``n`` with ``d`` features; all where it would be most."""
    wanted = max(SAMPLE, OF_FEATURES * d)
    return n if 2 * wanted > n else wanted


def sample_of(y, classes: bool, size: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Places of some rows, and how many each stands for.

    Of classes each has its share of the sample, for the rarest to be in it.

    Parameters
    ----------
    y : float64 array of shape (n,)
    classes : bool
        Whether labels are class indices.
    size : int
    rng : numpy.random.Generator

    Returns
    -------
    places : int64 array, in ascending order
    counts : float64 array
    """
    groups = [np.arange(len(y))]
    if classes:
        groups = [np.flatnonzero(y == label) for label in np.unique(y)]
    found, left = [], size
    for number, group in enumerate(sorted(groups, key=len)):
        mine = min(len(group), left // (len(groups) - number))
        left -= mine
        chosen = rng.permutation(group)[:mine]
        found.append((chosen, np.full(mine, len(group) / max(1, mine))))
    places, counts = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(places)
    return places[order], counts[order]


class LargeFit:
    """A smooth loss of one fit, on rows that are read in tiles.

    Parameters
    ----------
    loss : str
    parameter : float
        Of the loss, in the units of the labels.
    tiles : callable
        ``tiles(places)`` yields a `Tile` for parts of some places, of all by None.
    y, weights : float64 arrays of shape (n,)
    n_features, n_outputs : int
    use_bias : bool
    tolerance : float
        Decrease that the last step expects, by the objective.
    seed : list of int
        Of the samples.
    spread : Spread
        For the tiles of a pass, and for columns.
    """

    def __init__(
        self,
        loss: str,
        parameter: float,
        tiles: Tiles,
        y: np.ndarray,
        weights: np.ndarray,
        n_features: int,
        n_outputs: int,
        use_bias: bool,
        tolerance: float,
        seed: list[int],
        spread: Spread = ALONE,
    ):
        self.loss, self.parameter = LOSSES[loss], parameter
        self.tiles, self.y = tiles, y
        self.weights = weights / weights.sum()
        self.n_features, self.n_outputs = n_features, n_outputs
        self.use_bias, self.tolerance, self.seed = use_bias, tolerance, seed
        self.spread = spread
        self._samples: list[SmoothFit] = []
        self._sampling = Lock()
        self.null = self._smooth(None, y, weights, tolerance).null

    def _smooth(self, rows, y, weights, tolerance: float) -> SmoothFit:
        return SmoothFit(
            self.loss.name,
            self.parameter,
            rows,
            y,
            weights,
            self.n_outputs,
            self.use_bias,
            tolerance,
        )

    def sample(self, level: int) -> SmoothFit:
        """The loss on some rows: four times as many a level, as far as there are."""
        n, d = len(self.y), self.n_features
        most = min(n, max(SAMPLE_BYTES // (8 * d), sample_size(n, d)))
        with self._sampling:
            while len(self._samples) <= level:
                size = sample_size(n, d) * GROWTH ** len(self._samples)
                if self._samples and len(self._samples[-1].y) == most:
                    return self._samples[-1]
                self._samples.append(self._sampled(min(size, most)))
            return self._samples[level]

    def _sampled(self, size: int) -> SmoothFit:
        rng = np.random.default_rng([*self.seed, len(self._samples)])
        classes = self.loss.link != "identity"
        some, counts = sample_of(self.y, classes, size, rng)
        rows = np.concatenate([read() for _, read in self.tiles(some)])
        weights = self.weights[some] * counts
        return self._smooth(rows, self.y[some], weights, ON_SAMPLE)

    def at_null(self) -> Quadratic:
        """See `SmoothFit`; its slopes are those of all rows."""
        w, b = np.zeros((self.n_features, self.n_outputs)), self.null[0]
        _, slope_w, slope_b = self.at(w[:, :, None], b[:, None])
        return self.sample(0).at_null((b, slope_w[:, :, 0], slope_b[:, 0]))

    def optima(self, wd: np.ndarray, l1: np.ndarray, bias_wd: np.ndarray):
        """The optimum for each of some penalties, see `newton.optima`."""
        sample = self.sample(0)
        w, b, _ = optima(
            sample, np.maximum(wd, START * np.mean(sample.rows**2)), l1, bias_wd
        )
        w, b = np.ascontiguousarray(w.transpose(2, 1, 0)), np.ascontiguousarray(b.T)
        return corrected(self, wd, l1, bias_wd, w, b)

    def at(self, w: np.ndarray, b: np.ndarray):
        """The loss and its slopes, from one pass over the rows.

        Parameters
        ----------
        w, b : float64 arrays of shape (d, K, m) and (K, m)

        Returns
        -------
        value : float64 array of shape (m,)
        slope_w, slope_b : float64 arrays like `w` and `b`
        """
        given = self.loss.name, self.parameter, self.tiles(None), self.y, self.weights
        return self._free(*summed(*given, w, b, self.spread))

    def _free(self, value, slope_w, slope_b):
        """The loss and its slopes, without those of intercepts that must stay zero."""
        if not self.use_bias:
            slope_b[:] = 0.0
        return value, slope_w, slope_b


def summed(
    loss: str, parameter: float, tiles, y, weights, w, b, spread: Spread = ALONE
):
    """Sums of the losses of rows, and their slopes.

    Parameters
    ----------
    loss : str
    parameter : float
    tiles : iterable of Tile
        Their places are those in the next two.
    y, weights : float64 arrays of shape (n,)
    w, b : float64 arrays of shape (d, K, m) and (K, m)
    spread : Spread
        For the tiles, whose sums are added in order.

    Returns
    -------
    value : float64 array of shape (m,)
    slope_w, slope_b : float64 arrays like `w` and `b`
    """
    d, n_outputs, m = w.shape
    flat = np.ascontiguousarray(w).reshape(d, n_outputs * m)

    def of_tile(tile: Tile):
        some, read = tile
        rows = read()
        margins = (rows @ flat).reshape(-1, n_outputs, m)
        margins += b
        losses, slopes = _both(loss, parameter, margins, y[some])
        slopes *= weights[some][:, None, None]
        by_weights = rows.T @ slopes.reshape(-1, n_outputs * m)
        return weights[some] @ losses, by_weights, slopes.sum(axis=0)

    value, slope_w, slope_b = np.zeros(m), np.zeros_like(flat), np.zeros_like(b)
    # A tile has a quarter of a million numbers.
    spread = spread.worth(TILE_BYTES // 4 * n_outputs * m, slope_w.nbytes)
    for found in spread.in_order(of_tile, tiles):
        value += found[0]
        slope_w += found[1]
        slope_b += found[2]
    return value, slope_w.reshape(w.shape), slope_b


def _both(loss: str, parameter: float, margins: np.ndarray, y: np.ndarray):
    """Losses and slopes of rows, which share their exponentials."""
    if loss == "logistic":
        margins, y = margins[:, 0], y[:, None]
        small = np.exp(-np.abs(margins))
        losses = np.maximum(margins, 0.0) + np.log(1.0 + small) - y * margins
        slopes = np.where(margins >= 0, 1.0, small) / (1.0 + small) - y
        return losses, slopes[:, None]
    if LOSSES[loss].coupled:
        # Outputs are in the middle.
        margins -= margins.max(axis=1, keepdims=True)
        hits = np.arange(len(y)), y.astype(int)
        losses = -margins[hits]
        slopes = np.exp(margins, out=margins)
        total = slopes.sum(axis=1)
        losses += np.log(total)
        slopes /= total[:, None]
        slopes[hits] -= 1.0
        return losses, slopes
    margins, y = margins[:, 0], y[:, None]
    losses = LOSSES[loss].value(margins, y, parameter)
    return losses, LOSSES[loss].gradient(margins, y, parameter)[:, None]


class Column:
    """One column on its way: where it is, and what it tries.

    Parameters
    ----------
    samples : callable
        See `corrected`.
    penalties : (float, float, float)
        ``wd``, ``l1`` and that of the intercepts.
    w, b : float64 arrays of shape (d, K) and (K,)
        Where it starts.
    """

    def __init__(self, samples, penalties, w, b):
        self.samples, self.level = samples, 0
        self.wd, self.l1, self.bias_wd = penalties
        self.w, self.b = w, b
        self.tried, self.length = (w, b), 1.0
        self.value, self.gap, self.slope = np.inf, np.inf, 0.0
        self.hessian, self.fresh = None, False
        self.least = self.used = LEAST

    def takes(self, value: float, slope_w, slope_b, tolerance: float) -> bool:
        """Take in the loss and the slopes of what was tried; whether to go on."""
        value = self.objective(value)
        if not value <= self.value + 1e-4 * self.length * self.slope:
            return self._again()
        (self.w, self.b), self.value = self.tried, value
        if self.length == 1.0:
            self.least = max(LEAST, self.least / LOWERED)
        elif self.length <= SHORT:
            self.least, self.hessian = self._raised() or self.least, None
        self.slopes, before, fresh = (slope_w, slope_b), self.gap, self.fresh
        self._aim()
        if self.gap > tolerance * value and self.gap > SLOW * before:
            # Its curvature was that of other weights, or of too few rows.
            if fresh:
                self._more()
            self.hessian = None
            self._aim()
        if self.gap <= tolerance * value and self.used > LEAST:
            # By raised curvatures there is less to gain than there is.
            self.least, self.hessian = LEAST, None
            self._aim()
        return self.gap > tolerance * value

    def objective(self, loss: float) -> float:
        """Of what is tried, from its loss."""
        w, b = self.tried
        ridge = self.wd * np.sum(w**2) + self.bias_wd * (b @ b)
        return loss + 0.5 * float(ridge) + self.l1 * float(np.abs(w).sum())

    def _more(self) -> bool:
        """Have more rows tell the curvature, if there are more."""
        there = self.samples(self.level + 1) is not self.samples(self.level)
        self.level += there
        return there

    def _raised(self) -> float:
        """The next least curvature where a step has gone too far; 0 if it is all."""
        largest = LARGEST[self.samples(self.level).loss.name]
        if self.least >= largest:
            return 0.0
        return RAISED if self.least < RAISED else largest

    def _again(self) -> bool:
        """A step was too long: aim by more rows, or try half of it."""
        if self._more() or not self.fresh:
            self.hessian = None
            self._aim()
            return True
        if self.length <= SHORT and self._raised():
            self.least, self.hessian = self._raised(), None
            self._aim()
            return True
        self.length /= 2
        (w, b), (far_w, far_b) = (self.w, self.b), self.tried
        self.tried = (w + far_w) / 2, (b + far_b) / 2
        if self.length > 1e-10:
            return True
        self.tried = w, b
        return False

    def _aim(self) -> None:
        """Try the step that the curvature tells."""
        w, b, sample = self.w, self.b, self.samples(self.level)
        self.fresh = self.hessian is None
        if self.hessian is None:
            margins = sample.rows @ w + b
            self.used = self.least
            ww, *others = sample.hessian(margins, sample.slopes(w, b), self.used)
            # Where features depend on each other steps stay near.
            ww[np.diag_indices(len(ww))] += NEARLY * np.trace(ww) / len(ww)
            self.hessian = (ww, *others)
        (slope_w, slope_b), given = self.slopes, (self.wd, self.l1)
        error, intercepts = sample.expansion(
            self.hessian, w, b, slope_w, slope_b, self.bias_wd
        )
        flat = error.minimum(w.T.ravel(), *given)
        far_w, far_b = flat.reshape(w.T.shape).T.copy(), intercepts(flat)
        slope = np.sum((slope_w + self.wd * w) * (far_w - w))
        slope += (slope_b + self.bias_wd * b) @ (far_b - b)
        slope += self.l1 * (np.abs(far_w).sum() - np.abs(w).sum())
        self.slope, self.length, self.tried = (
            min(float(slope), 0.0),
            1.0,
            (far_w, far_b),
        )
        self.gap = -0.5 * self.slope


def corrected(fit: LargeFit, wd, l1, bias_wd, w, b):
    """The optimum on all rows for each of some penalties.

    Slopes are those of all rows, and all columns share a pass. Curvature is that of a
    sample, which grows for a column whose step gains too little.

    Parameters
    ----------
    fit : LargeFit
    wd, l1, bias_wd : float64 arrays of shape (m,)
    w, b : float64 arrays of shape (d, K, m) and (K, m)
        Where to start.

    Returns
    -------
    w, b : float64 arrays
    gap : float64 array of shape (m,)
        What the last step was expected to gain.
    """
    # Solving its quadratic is what a column takes.
    spread = fit.spread.worth(OF_COLUMN * (fit.n_features * fit.n_outputs) ** 3)
    columns = [
        Column(fit.sample, (wd[k], l1[k], bias_wd[k]), w[:, :, k], b[:, k])
        for k in range(len(wd))
    ]
    active = columns
    for number in range(PASSES):
        tried_w, tried_b = zip(*(column.tried for column in active), strict=True)
        value, slope_w, slope_b = fit.at(
            np.stack(tried_w, axis=2), np.stack(tried_b, axis=1)
        )
        takes = partial(_takes, fit, number == 0, value, slope_w, slope_b)
        going = spread(takes, range(len(active)), active)
        active = [column for column, on in zip(active, going, strict=True) if on]
        if not active:
            break
    for column in active:
        column.tried = column.w, column.b
    # A last step, whose gain no pass needs to confirm.
    found_w, found_b = zip(*(column.tried for column in columns), strict=True)
    gap = np.array([column.gap for column in columns])
    return np.stack(found_w, axis=2), np.stack(found_b, axis=1), gap


def _takes(
    fit: LargeFit, first: bool, value, slope_w, slope_b, k: int, column: Column
) -> bool:
    """Have a column take in what a pass has found of it; whether to go on."""
    if first and not column.objective(value[k]) <= fit.null[1]:
        # The sample has misled it.
        column.tried = np.zeros_like(column.w), fit.null[0]
        return True
    return column.takes(value[k], slope_w[:, :, k], slope_b[:, k], fit.tolerance)
