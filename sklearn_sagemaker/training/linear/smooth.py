"""Smooth losses of all fits that have no closed form: by Newton, or many at a time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial
from typing import Any

import numpy as np

from sklearn_sagemaker._threads import Spread
from sklearn_sagemaker.training.linear.budget import MANY_CLASSES
from sklearn_sagemaker.training.linear.fits import Fits
from sklearn_sagemaker.training.linear.lockstep import LargeFit, Tile, sample_size
from sklearn_sagemaker.training.linear.newton import (
    OF_FOLDS,
    TOLERANCE,
    SmoothFit,
    optima,
)
from sklearn_sagemaker.training.linear.penalties import WIDEST, Path, SmallProblem
from sklearn_sagemaker.training.linear.quadratic import RANK
from sklearn_sagemaker.training.linear.scaled_csr import PIECE
from sklearn_sagemaker.training.linear.softmax import SoftmaxRows, minimum
from sklearn_sagemaker.training.linear.solved import SolvedColumns
from sklearn_sagemaker.training.neighbours import rows_at

LOOSE, REFITS, POLISHED = 5e-4, 1e-4, 1e-10
"""Decrease that the last step expects of a fold, which is there to be compared, of a
refit that may not be selected, and of one that is; all by the objective."""
PARTED = 0.02
"""Share of the null model's loss below which rows may count as fitted one by one."""
TILED_BYTES = 256 << 20
"""Scaled rows of many that are held, and not made again for each pass."""
STATE_BYTES, STATES = 32 << 20, 24
"""Of problems that are solved at a time, and numbers for each weight of one."""


class SmoothFits(Fits):
    """Each fit by itself."""

    half = 0.5

    @cached_property
    def _tile(self) -> np.ndarray:
        rows = self.plan.train_rows
        if len(rows) == self.reader.shape[0]:
            # What scores them has them too.
            self.rows.hold(self.reader, TILED_BYTES)
        return self.rows.whole(self.reader, rows)

    @cached_property
    def fits(self) -> list:
        """The loss of each fit."""
        return [self._fit(fit) for fit in range(self.plan.n_fits)]

    def _of_fit_alone(self, number: int):
        """The rows of a fit among those that train, and its loss in its own labels."""
        rows, y, weights = self._labels(number)
        mine = np.searchsorted(self.plan.train_rows, rows)
        tile = self._tile[mine] if number else self._tile
        return mine, (
            self.settings.loss.name, self.parameter[number], tile, y, weights,
        )  # fmt: skip

    def _labels(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rows of a fit, their labels in its own units, and their weights."""
        rows = self.train_rows(number)
        y = self.targets.scaled(self.source.data.y[rows])
        y = (y - self.label_shift[number]) / self.label_scale[number]
        return rows, y, self.targets.loss_weights[0][rows]

    @cached_property
    def _sampled(self) -> bool:
        """Whether rows are so many that steps are those of a sample."""
        n = len(self.plan.train_rows)
        few = sample_size(n, self.reader.n_features) < n
        return few and not self.settings.signed

    @cached_property
    def _sparse(self) -> bool:
        """Whether passes go over what rows store."""
        return self.rows.stays_sparse(self.reader)

    @property
    def _held(self) -> bool:
        """Whether scaled rows are held, and not made again for each pass."""
        size = 8 * len(self.plan.train_rows) * self.reader.n_features
        if self._sparse:
            size = 12 * self.reader.stored
        return size <= TILED_BYTES

    def _fit(self, number: int):
        """The loss of a fit, and how to solve it."""
        outputs, use_bias = self.settings.n_outputs, self.settings.values["use_bias"]
        more = outputs, use_bias, OF_FOLDS if number else TOLERANCE
        if not self._sampled:
            _, (loss, parameter, mine, y, weights) = self._of_fit_alone(number)
            return SmoothFit(
                loss, parameter, mine, y, weights, *more, self.signs, self.spread
            )
        rows, y, weights = self._labels(number)
        tiles, seed = (
            partial(self._tiles, rows),
            [self.settings.spec.seed, 0x5A, number],
        )
        loss, parameter = self.settings.loss.name, self.parameter[number]
        d = self.reader.n_features
        given = loss, parameter, tiles, y, weights, d, *more, seed
        return LargeFit(*given, self.spread, self._held)

    def _tiles(self, rows: np.ndarray, places: np.ndarray | None) -> Iterator[Tile]:
        """Parts of some places among the rows of a fit, as `LargeFit` wants them."""
        everyone = self.plan.train_rows
        some = rows if places is None else rows[places]
        tiles: Any
        if self._sparse and places is None:
            seen, pieces = self.rows.seen, self.rows.pieces(some, PIECE)
            tiles = ((part, partial(seen, self.reader, part)) for part in pieces)
        elif self._held and not self._sparse:
            mine = np.searchsorted(everyone, some)
            starts = range(0, len(mine), self.rows.tile_rows())
            parts = np.split(mine, starts[1:])
            whole = self._tile
            tiles = ((part, partial(rows_at, whole, part)) for part in parts)
        else:
            tiles = self.rows.unread(self.reader, some)
        start = 0
        for part, read in tiles:
            place = slice(start, start + len(part))
            yield place if places is None else places[place], read
            start = place.stop

    def stride(self, path: Path) -> int:
        """See `Fits`: all at once, where they share the passes over the rows."""
        return len(path) if self._sampled else super().stride(path)

    def _optima(self, fit, wd, l1, start):
        bias_wd = wd * self.settings.values["bias_wd_mult"]
        if isinstance(fit, LargeFit):
            w, b, gap = fit.optima(wd, l1, bias_wd, start)
            return w.transpose(2, 1, 0), np.ascontiguousarray(b.T), gap
        return optima(fit, wd, l1, bias_wd, start)

    def null(self) -> SmallProblem:
        """See `Fits`."""
        error = self.fits[0].at_null()
        values, _, moment = error.spectrum
        least = 0.0 if self.settings.regression else WIDEST / self.n_rows
        return SmallProblem(
            values, moment, error.size, 2.0 * error.steepest, self.n_rows, False, least
        )

    def solve(self, wd, l1, before: SolvedColumns | None) -> SolvedColumns:
        """See `Fits`."""
        numbers = range(self.plan.n_fits)
        work = partial(self._of_fit, wd, l1, before)
        found = self._over_fits()(work, self.fits, numbers)
        weights, bias, gaps = zip(*found, strict=True)
        size = self.fits[0].null[1]
        far = gaps[0] / size if size > 0 else np.zeros(len(wd))
        columns = self.columns(
            np.stack(weights), np.stack(bias), far, np.zeros(len(wd))
        )
        return self._scored(columns, wd)

    def _over_fits(self) -> Spread:
        """The map over fits: those of small problems mostly hold the interpreter."""
        n, d = len(self.plan.train_rows), self.reader.n_features
        if self._sampled:
            return self.spread
        return self.spread.worth(n * (min(n, d) * self.settings.n_outputs) ** 2)

    def _scored(self, columns: SolvedColumns, wd) -> SolvedColumns:
        """With margins of rows that were left out, where no others validate."""
        if self.plan.kind != "training" or not isinstance(self.fits[0], SmoothFit):
            return columns
        refit, rows = self.fits[0], self.plan.train_rows
        bias_wd = wd * self.settings.values["bias_wd_mult"]
        null, least = refit.null
        shape = len(wd), len(self.source.data.y), self.settings.n_outputs
        columns.left_out = np.zeros(shape)
        fitted = self.train_losses(columns) / self.targets.loss_weights[0][rows].sum()

        def without(place: int, loss: float) -> np.ndarray:
            # Of rows that are parted no slope tells what one has done.
            if not loss > PARTED * least:
                return np.tile(null, (len(rows), 1))
            w, b = columns.weights[0, place].T, columns.bias[0, place]
            return refit.left_out(w, b, wd[place], bias_wd[place])

        n, k = refit.rows.shape[0], min(refit.rows.shape) * refit.n_outputs
        spread = self.spread.worth(n * k * k)
        found = spread.in_order(without, range(len(wd)), fitted)
        for place, margins in enumerate(found):
            columns.left_out[place, rows] = margins
        return columns

    def _of_fit(self, wd, l1, before, fit, number: int):
        """Weights, intercepts and gaps of one fit, in the labels of the run."""
        shift, scale = self.label_shift[number], self.label_scale[number]
        start = None
        if before is not None:
            start = (
                before.weights[number, -1].T / scale,
                (before.bias[number, -1] - shift) / scale,
            )
        w, b, gap = self._optima(fit, wd, l1, start)
        return w * scale, b * scale + shift, gap


class ClassFits(SmoothFits):
    """Softmax losses: all folds at a time, and then all refits."""

    _sampled = False

    @property
    def thrifty(self) -> bool:
        """See `Fits`: of many classes, unless the user wants so many candidates."""
        many = self.settings.n_outputs > MANY_CLASSES
        return many and self.settings.values["num_models"] == "auto"

    @cached_property
    def _weights(self) -> np.ndarray:
        """Of each row in each fit, of shape (n_fits, n)."""
        everyone = self.plan.train_rows
        found = np.zeros((self.plan.n_fits, len(everyone)))
        for number, weights in enumerate(found):
            rows = self.train_rows(number)
            weights[np.searchsorted(everyone, rows)] = self.targets.loss_weights[0][
                rows
            ]
        return found / found.sum(axis=1, keepdims=True)

    def _seen(self, tile: np.ndarray) -> SoftmaxRows:
        y = self.targets.scaled(self.source.data.y[self.plan.train_rows])
        values = self.settings.values
        outputs, use_bias = self.settings.n_outputs, values["use_bias"]
        return SoftmaxRows(tile, y, self._weights, outputs, use_bias, self.spread)

    @cached_property
    def _straight(self) -> SoftmaxRows:
        return self._seen(self._tile)

    @cached_property
    def _basis(self) -> np.ndarray:
        """Directions of the rows, in which an L2 penalty is the same."""
        tile, basis = self._tile, None
        if len(tile) < tile.shape[1]:
            # The optimum is a combination of the rows.
            basis, small = np.linalg.qr(tile.T)
            tile = small.T
        _, turn = np.linalg.eigh(tile.T @ (tile * self._weights[0][:, None]))
        return turn if basis is None else basis @ turn

    @cached_property
    def _turned(self) -> SoftmaxRows:
        return self._seen(self._tile @ self._basis)

    def null(self) -> SmallProblem:
        """See `Fits`: second derivatives are those of the classes times the rows'."""
        basis, tile, weights = self._basis, self._tile, self._weights[0]
        shares = self._straight.shares[0]
        bends, turn = np.linalg.eigh(np.diag(shares) - np.outer(shares, shares))
        steep = -weights[:, None] * np.eye(len(shares))[self._straight.y]
        steep += weights[:, None] * shares
        slope = tile.T @ steep
        moment = -(basis.T @ slope @ turn).ravel()
        inside = self._turned.table[:-1]
        mean = inside @ weights if self.settings.values["use_bias"] else 0.0
        spread = inside**2 @ weights - mean**2
        values = np.outer(spread, bends).ravel()
        order = np.argsort(values)
        order = order[values[order] > RANK * values.max(initial=0.0)]
        largest = 2.0 * float(np.abs(slope).max(initial=0.0))
        size = float(max(1, len(shares) - 1))
        return SmallProblem(
            values[order], moment[order], size, largest, self.n_rows, False,
            WIDEST / self.n_rows,
        )  # fmt: skip

    def stride(self, path: Path) -> int:
        """See `Fits`: weak penalties take long."""
        return 1

    def _minima(self, numbers, wd, l1, weights, bias, tolerance: float):
        """Optima of some fits at some penalties; all ridges, or none.

        Parameters
        ----------
        numbers : int array of shape (m,)
        wd, l1 : float64 arrays of shape (m,)
        weights, bias : float64 arrays of shape (m, K, d) and (m, K)
            Where to start.
        """
        ridges = not (l1 > 0).any()
        rows = self._turned if ridges else self._straight
        inside = weights @ self._basis if ridges else weights
        bias_wd = wd * self.settings.values["bias_wd_mult"]
        step = max(1, STATE_BYTES // (8 * STATES * inside[0].size))
        found = np.concatenate([inside, bias[..., None]], axis=2)
        gap, loss = np.zeros((2, len(wd)))
        for first in range(0, len(wd), step):
            some = slice(first, first + step)
            found[some], gap[some], loss[some] = minimum(
                rows, numbers[some], found[some], wd[some], l1[some], bias_wd[some],
                tolerance,
            )  # fmt: skip
        weights, bias = found[..., :-1], found[..., -1]
        if self.settings.values["use_bias"] is False:
            bias = np.zeros_like(bias)
        return (weights @ self._basis.T if ridges else weights), bias, gap, loss

    def solve(self, wd, l1, before: SolvedColumns | None) -> SolvedColumns:
        """See `Fits`: of folds alone, if there are some."""
        n_fits, k = self.plan.n_fits, self.settings.n_outputs
        d, m = self.reader.n_features, len(wd)
        weights, bias = np.zeros((n_fits, m, k, d)), np.zeros((n_fits, m, k))
        (gap, loss), first = np.zeros((2, m)), int(n_fits > 1)
        numbers = np.arange(first, n_fits)
        if before is None:
            w, b = np.zeros((len(numbers), k, d)), self._straight.null()[first:]
        else:
            w, b = before.weights[first:, -1], before.bias[first:, -1]
        for place in range(m):
            given = np.full(len(numbers), wd[place]), np.full(len(numbers), l1[place])
            w, b, far, losses = self._minima(numbers, *given, w, b, LOOSE)
            weights[first:, place], bias[first:, place] = w, b
            gap[place], loss[place] = far[0] / self._null_loss, losses[0]
        columns = self.columns(weights, bias, gap, np.zeros(m), loss_of_rows=loss)
        return self._scored(columns, wd)

    def train_losses(self, columns: SolvedColumns) -> np.ndarray:
        """See `Fits`: what the last steps have said."""
        weights = self.targets.loss_weights[0][self.plan.train_rows]
        return columns.loss_of_rows * weights.sum()

    @cached_property
    def _null_loss(self) -> float:
        rows = self._straight
        w = np.zeros((1, rows.n_classes, len(rows.table)))
        w[0, :, -1] = rows.null()[0]
        return float(rows.losses(np.zeros(1, dtype=int), w)[0][0])

    def finished(self, columns: SolvedColumns, wd, l1) -> SolvedColumns:
        """See `Fits`: from the mean of the folds, which know no more than it may."""
        if self.plan.n_fits == 1:
            return columns
        columns.weights[0] = columns.weights[1:].mean(axis=0)
        columns.bias[0] = columns.bias[1:].mean(axis=0)
        for some in (np.flatnonzero(l1 == 0), np.flatnonzero(l1 > 0)):
            if len(some):
                self._refit(columns, some, wd, l1, REFITS)
        return columns

    def _refit(self, columns, some, wd, l1, tolerance: float) -> None:
        found = self._minima(
            np.zeros(len(some), dtype=int), wd[some], l1[some],
            columns.weights[0, some], columns.bias[0, some], tolerance,
        )  # fmt: skip
        columns.weights[0, some], columns.bias[0, some], gap, loss = found
        columns.optimality[some] = gap / self._null_loss
        columns.loss_of_rows[some] = loss

    def polish(self, columns: SolvedColumns, wd, l1, model: int) -> None:
        """See `Fits`."""
        with np.errstate(all="ignore"):
            self._refit(columns, np.array([model]), wd, l1, POLISHED)
