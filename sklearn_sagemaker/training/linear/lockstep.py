"""Smooth losses on many rows: slopes of all of them, and curvature of a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from threading import Lock

import numpy as np

from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker._threads import ALONE, Spread
from sklearn_sagemaker.training.linear.descent import corrected, followed
from sklearn_sagemaker.training.linear.moments import TILE_BYTES
from sklearn_sagemaker.training.linear.newton import SmoothFit, optima
from sklearn_sagemaker.training.linear.quadratic import Quadratic

SAMPLE, OF_FEATURES = 1000, 20
"""Rows whose curvature stands for that of all, and how many for each feature: with as
many every direction has its curvature but for a third."""
GROWTH = 4
"""Times as many rows where a step has gained too little."""
SAMPLE_BYTES = 256 << 20
"""A sample is not larger."""
START = 1e-3
"""Least L2 penalty on a sample, by the size of its features: what is rare there would
have weights that are far from those on all rows."""
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
    held : bool
        Whether rows are in memory as scaled, so that a pass costs what its columns do:
        then each starts where the one before it has ended, and none shares its passes.
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
        held: bool = False,
    ):
        self.loss, self.parameter = LOSSES[loss], parameter
        self.tiles, self.y = tiles, y
        self.weights = weights / weights.sum()
        self.n_features, self.n_outputs = n_features, n_outputs
        self.use_bias, self.tolerance, self.seed = use_bias, tolerance, seed
        self.spread, self.held = spread, held
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
            spread=self.spread if self.held else ALONE,
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

    def optima(self, wd: np.ndarray, l1: np.ndarray, bias_wd: np.ndarray, start=None):
        """The optimum for each of some penalties, see `newton.optima`."""
        if self.held:
            # Rows of folds are no neighbours in memory: gathered once for all passes.
            tiles = [(some, partial(_as_is, read())) for some, read in self.tiles(None)]
            return followed(self, partial(self._over, tiles), wd, l1, bias_wd, start)
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
        return self._over(self.tiles(None), w, b)

    def _over(self, tiles: Iterable[Tile], w, b):
        given = self.loss.name, self.parameter, tiles, self.y, self.weights
        return self._free(*summed(*given, w, b, self.spread))

    def _free(self, value, slope_w, slope_b):
        """The loss and its slopes, without those of intercepts that must stay zero."""
        if not self.use_bias:
            slope_b[:] = 0.0
        return value, slope_w, slope_b


def _as_is(rows: np.ndarray) -> np.ndarray:
    return rows


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
