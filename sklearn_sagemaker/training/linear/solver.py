"""The solver: the optimum of each candidate, for losses that have it in closed form."""

from __future__ import annotations

from contextlib import closing
from functools import cached_property, partial
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._threads import Spread
from sklearn_sagemaker.training.linear import kinked
from sklearn_sagemaker.training.linear.budget import has_kinks
from sklearn_sagemaker.training.linear.candidates import Candidates, solved_candidates
from sklearn_sagemaker.training.linear.lockstep import LargeFit, sample_size
from sklearn_sagemaker.training.linear.moments import (
    TILE_BYTES,
    Problem,
    ScaledRows,
    moments,
    of_moments,
    of_rows,
    of_triangles,
    triangle,
)
from sklearn_sagemaker.training.linear.newton import (
    OF_FOLDS,
    TOLERANCE,
    SmoothFit,
    optima,
)
from sklearn_sagemaker.training.linear.penalties import LEAST_LEFT, penalty_pairs
from sklearn_sagemaker.training.linear.quadratic import Quadratic
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.linear.solved import SolvedColumns
from sklearn_sagemaker.training.progress import Progress
from sklearn_sagemaker.training.rows import Rows
from sklearn_sagemaker.training.scaling import FeatureStatistics, feature_statistics
from sklearn_sagemaker.training.selection.validation import ValidationPlan
from sklearn_sagemaker.training.targets import Targets

HELD_BYTES = 256 << 20
"""Scaled rows that are held, in float64, and not made again for each pass."""


class Solver:
    """Finds the optimum of all candidates and folds from one pass over the rows.

    Parameters
    ----------
    settings, source, plan, reader, targets, statistics : object
        Of the run.
    label_scaler : float64 array of shape (3, n_fits)
    count : int
        Candidates that are wanted.
    """

    def __init__(
        self,
        settings: LinearSettings,
        source: Rows,
        plan: ValidationPlan,
        reader: RowReader,
        targets: Targets,
        statistics: FeatureStatistics,
        label_scaler: np.ndarray,
        count: int,
    ):
        self.settings, self.source, self.plan = settings, source, plan
        self.reader, self.targets = reader, targets
        self.label_shift, self.label_scale, self.parameter = label_scaler
        self.count = count
        self.scaling = settings.solved_scaling(statistics)
        values = settings.values
        # A free intercept makes up for any shift, and sums want one.
        free = values["use_bias"] and values["bias_wd_mult"] == 0
        shift = np.zeros(reader.n_features)
        if settings.shifts_features(statistics):
            shift = statistics.mean
        elif free:
            shift = statistics.mean
            if not shift.any():
                rows, data = plan.train_rows, source.data
                some = rows[: values["num_point_for_scaler"]]
                shift = feature_statistics(reader, some, data.sample_weight[some]).mean
        self.rows = ScaledRows(shift, statistics.scale(self.scaling))
        weights = source.data.sample_weight[plan.train_rows]
        alike = weights.sum() ** 2 / (weights @ weights) / len(weights)
        self.n_rows = float(alike) * source.n_train(plan)

    # ----------------------------------------------------------------- the problems
    def _problems(self, share: float, spread: Spread) -> list[Problem]:
        """The error of each fit, where its intercept has a share of its optimum."""
        fits = range(self.plan.n_fits)
        if self.source.n_train(self.plan) < self.reader.n_features:
            return spread(partial(self._of_rows, self._tile, share), fits)
        if not hasattr(self, "_sums"):
            self._sums, self._triangles = self._over_rows(moments, spread), None
        problems = self._joined(of_moments, self._sums, share)
        if self._triangles is not None or problems[0][0].ill_conditioned:
            if self._triangles is None:
                self._triangles = self._over_rows(triangle, spread)
            problems = self._joined(of_triangles, self._triangles, share)
        return problems

    def _of_rows(self, tile: np.ndarray, share: float, fit: int) -> Problem:
        """Of few rows, which all fit."""
        plan = self.plan
        rows = plan.trained_by(fit, plan.train_rows)
        mine = np.searchsorted(plan.train_rows, rows)
        y = self.targets.scaled(self.source.data.y)
        weights = self.targets.loss_weights[0]
        return of_rows(tile[mine], y[rows], weights[rows], share, self.label_shift[fit])

    def _over_rows(self, summed, spread: Spread) -> list[np.ndarray]:
        """Sums, or triangles, of each group of rows."""
        found: list[Any] = []
        with closing(self.source.pieces(0, self.plan, self.reader)) as pieces:
            for piece in pieces:
                y, weights = self.targets.exact(piece)
                work = partial(summed, self.rows, piece.reader, y, weights)
                groups = self._groups(piece.folds)
                found = spread(work, groups, found or [None] * len(groups))
        return found

    def _groups(self, folds: list[np.ndarray]) -> list[np.ndarray]:
        trains = self.plan.trains
        if trains is None:
            return folds
        return [np.flatnonzero(trains[:, fit]) for fit in range(self.plan.n_fits)]

    def _joined(self, join, parts: list[np.ndarray], share: float) -> list[Problem]:
        """The problem of each fit, of the groups that it is trained on."""
        found = []
        for fit in range(self.plan.n_fits):
            mine = parts
            if self.plan.trains is not None:
                mine = [parts[fit]]
            elif fit:
                mine = parts[: fit - 1] + parts[fit:]
            found.append(join(mine, share, self.label_shift[fit]))
        return found

    # ---------------------------------------------------------------- the candidates
    def solve(self, spread: Spread) -> tuple[Candidates, SolvedColumns]:
        """Candidates by the data, and their columns."""
        if self.settings.loss.name == "squared_loss":
            wd, l1, found, size = self._closed_forms(spread)
        elif has_kinks(self.settings, self.source, self.plan):
            wd, l1, found, size = self._kinked(spread)
        else:
            wd, l1, found, size = self._newton(spread)
        weights, bias, gap, kept = zip(*found, strict=True)
        columns = self.columns(
            np.stack(weights),
            np.stack(bias),
            gap[0] / size if size > 0 else np.zeros(len(wd)),
            float(self.settings.values["use_bias"]) + kept[0],
        )
        return solved_candidates(wd, l1, self.scaling), columns

    def columns(self, weights, bias, optimality, kept) -> SolvedColumns:
        """The columns of candidates that were solved, now or before."""
        loss, parameter = self.settings.loss.name, self.parameter[0]
        return SolvedColumns(
            self.rows, loss, parameter, weights, bias, optimality, kept
        )

    def _pairs(
        self, error: Quadratic, half: float, largest: float | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The penalties that an error of the refit asks for."""
        if largest is None:
            largest = 2.0 * float(np.abs(error.moment).max(initial=0.0))
        values, d = self.settings.values, self.reader.n_features
        spectrum, _, moment = error.spectrum
        return penalty_pairs(
            values["wd"],
            values["l1"],
            self.count,
            spectrum,
            moment,
            error.size,
            largest,
            self.n_rows,
            half == 1.0 and len(spectrum) == d and self.n_rows > d + 1,
            half,
        )

    def _closed_forms(self, spread: Spread):
        """Penalties, and what `_of_problem` finds of each fit."""
        values, fits = self.settings.values, range(self.plan.n_fits)
        free = float(values["use_bias"])
        problems = self._problems(free, spread)
        size = problems[0][0].size
        wd, l1 = self._pairs(problems[0][0], 1.0)
        shares = free / (1.0 + 0.5 * wd * values["bias_wd_mult"])
        found = [_empty(self.reader.n_features, 1, len(wd)) for _ in fits]
        for share in np.unique(shares):
            mine = np.flatnonzero(shares == share)
            if share != free:
                problems = self._problems(float(share), spread)
            solved = partial(self._of_problem, wd[mine], l1[mine], share)
            for whole, part in zip(found, spread(solved, problems, fits), strict=True):
                for everyone, some in zip(whole, part, strict=True):
                    everyone[..., mine] = some
        return wd, l1, found, size

    def _of_problem(self, wd, l1, share: float, problem: Problem, fit: int):
        """Weights and intercepts of one fit, gaps, and the directions that are used."""
        error, mean, label = problem
        weights, bias, gap, kept = _empty(len(mean), 1, len(wd))
        ridges = np.flatnonzero(l1 == 0)
        weights[:, 0, ridges], gap[ridges] = error.ridge(wd[ridges])
        values = error.spectrum[0][:, None]
        kept[ridges] = np.sum(values / (values + wd[ridges] / 2), axis=0)
        for one in np.unique(wd[l1 > 0]):
            mine = np.flatnonzero((wd == one) & (l1 > 0))
            # The penalty weighs against the loss of the fit's own labels.
            scaled = l1[mine] * self.label_scale[fit]
            weights[:, 0, mine], gap[mine] = error.lasso(float(one), scaled)
            kept[mine] = np.count_nonzero(weights[:, 0, mine], axis=0)
        bias[0] = self.label_shift[fit] + share * (label - mean @ weights[:, 0])
        return weights, bias, gap, kept

    def _newton(self, spread: Spread):
        """Penalties, and what `_of_fit` finds of each fit."""
        refit = self._smooth_fit(0)
        wd, l1 = self._pairs(refit.at_null(), 0.5)
        found = spread(partial(self._of_fit, wd, l1), range(self.plan.n_fits))
        return wd, l1, found, refit.null[1]

    @cached_property
    def _tile(self) -> np.ndarray:
        """All rows that train, as scaled."""
        rows = self.plan.train_rows
        ((_, tile),) = self.rows.tiles(self.reader, rows, len(rows))
        return tile

    def _tiles(self, rows: np.ndarray, places: np.ndarray | None):
        """Parts of some places among the rows of a fit, and those rows, as scaled."""
        d, everyone = self.reader.n_features, self.plan.train_rows
        some = rows if places is None else rows[places]
        tiles: Any
        if 8 * len(everyone) * d <= HELD_BYTES:
            mine, step = np.searchsorted(everyone, some), TILE_BYTES // (8 * d + 16)
            starts = range(0, len(mine), max(256, step))
            parts = np.split(mine, starts[1:])
            tiles = ((part, self._tile[_in_a_row(part)]) for part in parts)
        else:
            tiles = self.rows.tiles(self.reader, some)
        start = 0
        for part, tile in tiles:
            place = slice(start, start + len(part))
            yield place if places is None else places[place], tile
            start = place.stop

    def _rows_of_fit(self, fit: int):
        """Places of the rows that a fit is trained on, its own labels, and weights."""
        everyone = self.plan.train_rows
        rows = self.plan.trained_by(fit, everyone)
        y = self.targets.scaled(self.source.data.y[rows])
        y = (y - self.label_shift[fit]) / self.label_scale[fit]
        return np.searchsorted(everyone, rows), y, self.targets.loss_weights[0][rows]

    def _smooth_fit(self, fit: int) -> SmoothFit | LargeFit:
        """The loss on the rows that a fit is trained on, in its own labels."""
        mine, y, weights = self._rows_of_fit(fit)
        loss, parameter = self.settings.loss.name, self.parameter[fit]
        more = self.settings.n_outputs, self.settings.values["use_bias"]
        tolerance = OF_FOLDS if fit else TOLERANCE
        everyone, d = self.plan.train_rows, self.reader.n_features
        if sample_size(len(everyone), d) == len(everyone):
            rows = self._tile[mine]
            return SmoothFit(loss, parameter, rows, y, weights, *more, tolerance)
        tiles = partial(self._tiles, everyone[mine])
        seed = [self.settings.spec.seed, 0x5A, fit]
        return LargeFit(loss, parameter, tiles, y, weights, d, *more, tolerance, seed)

    def _kinked(self, spread: Spread):
        """The same as `_newton` of a loss with kinks."""
        self._bases = kinked.Bases(self._tile)
        refit = self._kinked_fit(0)
        error, largest = refit.squared_error(), refit.largest
        half = refit.null[1] / error.size if min(refit.null[1], error.size) > 0 else 1.0
        wd, l1 = self._pairs(error, half, largest / half)
        found = spread(partial(self._of_kinked_fit, wd, l1), range(self.plan.n_fits))
        return wd, l1, found, refit.null[1]

    def _kinked_fit(self, fit: int) -> kinked.KinkedFit:
        mine, y, weights = self._rows_of_fit(fit)
        return kinked.KinkedFit(
            self.settings.loss.name,
            self.parameter[fit],
            self._tile[mine],
            y,
            weights,
            self.settings.values["use_bias"],
            (self._bases, mine),
            kinked.OF_FOLDS if fit else kinked.TOLERANCE,
        )

    def _of_kinked_fit(self, wd, l1, fit: int):
        """The same as `_of_fit`."""
        bias_wd = wd * self.settings.values["bias_wd_mult"]
        w, b, gap = self._kinked_fit(fit).optima(wd, l1, bias_wd)
        shift, scale = self.label_shift[fit], self.label_scale[fit]
        return w * scale, b * scale + shift, gap, np.zeros(len(wd))

    def _of_fit(self, wd, l1, fit: int):
        """The same of a loss that is no square; directions are not counted."""
        bias_wd = wd * self.settings.values["bias_wd_mult"]
        problem = self._smooth_fit(fit)
        if isinstance(problem, SmoothFit):
            w, b, gap = optima(problem, wd, l1, bias_wd)
        else:
            w, b, gap = problem.optima(wd, l1, bias_wd)
        shift, scale = self.label_shift[fit], self.label_scale[fit]
        return w * scale, b * scale + shift, gap, np.zeros(len(wd))

    # -------------------------------------------------------------------- the losses
    def progress(self, columns: SolvedColumns, loss_unit: float) -> Progress:
        """Where the candidates stand, as if after one epoch.

        Parameters
        ----------
        columns : SolvedColumns
        loss_unit : float
            Of the losses, in the user's.
        """
        plan, targets = self.plan, self.targets
        rows, (weights, apart) = plan.train_rows, targets.loss_weights
        y = targets.scaled(self.source.data.y)
        (train,) = columns.loss_sums(self.reader, [(0, rows)], y, weights)
        train /= weights[rows].sum()
        if plan.kind == "training":
            # No rows that would punish a candidate for too large weights: what its
            # directions explain by chance is put back.
            left = np.maximum(1.0 - columns.kept / self.n_rows, LEAST_LEFT)
            sums, total = (train / left**2)[None], np.ones(1)
        else:
            y = targets.scaled(plan.y)
            sums = columns.loss_sums(plan.reader, plan.parts, y, apart)
            total = np.array([apart[part].sum() for _, part in plan.parts])
        found = Progress.start(columns.n_models, len(plan.parts))
        found.record(
            np.arange(columns.n_models),
            0,
            train * loss_unit,
            sums.sum(axis=0) / total.sum() * loss_unit,
            sums / total[:, None] * loss_unit,
            counted=np.zeros(columns.n_models, dtype=bool),
            patience=1,
            tolerance=0.0,
        )
        return found


def _in_a_row(places: np.ndarray) -> np.ndarray | slice:
    """Places as a slice, which copies nothing, if they are neighbours in order."""
    if len(places) and places[-1] - places[0] == len(places) - 1:
        return slice(places[0], places[-1] + 1)
    return places


def _empty(n_features: int, n_outputs: int, n_models: int) -> list[np.ndarray]:
    """Weights, intercepts, gaps and used directions of one fit, still all zero."""
    shape = n_features, n_outputs, n_models
    return [np.zeros(part) for part in (shape, shape[1:], n_models, n_models)]
