"""The solver: the optimum of each candidate, for losses that have it in closed form."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._threads import Spread
from sklearn_sagemaker.training.linear.candidates import (
    DEFAULT_MODELS,
    Candidates,
    solved_candidates,
)
from sklearn_sagemaker.training.linear.moments import (
    Problem,
    ScaledRows,
    moments,
    of_moments,
    of_rows,
    of_triangles,
    triangle,
)
from sklearn_sagemaker.training.linear.penalties import LEAST_LEFT, penalty_pairs
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.linear.solved import SolvedColumns
from sklearn_sagemaker.training.progress import Progress
from sklearn_sagemaker.training.rows import ArrayRows, Rows
from sklearn_sagemaker.training.scaling import FeatureStatistics, feature_statistics
from sklearn_sagemaker.training.selection.validation import ValidationPlan
from sklearn_sagemaker.training.targets import Targets

SMALL_WORK = 10_000_000_000
"""Multiplications that are solved whatever training would cost..."""
WORK_RATIO = 4
"""... and how many times as many as training would do, where that is more."""
GRAM_BYTES = 1 << 30
"""For the matrices of all fits."""
PATH_STEPS = 50
"""Factorisations of a path of penalties, by experience, of the size of the whole."""


def solves(
    settings: LinearSettings,
    source: Rows,
    plan: ValidationPlan,
    reader: RowReader,
    trained: int,
) -> bool:
    """Whether the candidates of a run are solved: told before the first epoch.

    Parameters
    ----------
    settings, source, plan, reader : object
        Of the run.
    trained : int
        Multiplications that training the candidates would take.
    """
    if settings.stepwise or settings.loss.name != "squared_loss":
        return False
    resume = settings.spec.resume
    if resume is not None and "solved" not in resume:
        # Steps were taken; they go on.
        return False
    n, d = source.n_train(plan), reader.n_features
    if n < d:
        if not isinstance(source, ArrayRows):
            return False
        work = plan.n_fits * n * (5 * n * d + PATH_STEPS * (n * n + d))
        size = 2 * plan.n_fits * n * d
    else:
        work = n * d * d + plan.n_fits * PATH_STEPS * d**3
        size = 2 * plan.n_fits * d * d
    if 8 * size > GRAM_BYTES:
        return False
    return settings.solver_alone or work <= max(SMALL_WORK, WORK_RATIO * trained)


class Solver:
    """Finds the optimum of all candidates and folds from one pass over the rows.

    Parameters
    ----------
    settings, source, plan, reader, targets, statistics : object
        Of the run.
    label_scaler : float64 array of shape (3, n_fits)
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
    ):
        self.settings, self.source, self.plan = settings, source, plan
        self.reader, self.targets = reader, targets
        self.label_shift, self.label_scale = label_scaler[:2]
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
            if not hasattr(self, "_tile"):
                rows = self.plan.train_rows
                ((_, self._tile),) = self.rows.tiles(self.reader, rows, len(rows))
            return spread(partial(self._of_rows, share), fits)
        if not hasattr(self, "_sums"):
            self._sums, self._triangles = self._over_rows(moments, spread), None
        problems = self._joined(of_moments, self._sums, share)
        if self._triangles is not None or problems[0][0].ill_conditioned:
            if self._triangles is None:
                self._triangles = self._over_rows(triangle, spread)
            problems = self._joined(of_triangles, self._triangles, share)
        return problems

    def _of_rows(self, share: float, fit: int) -> Problem:
        """Of few rows, which all fit."""
        plan = self.plan
        rows = plan.trained_by(fit, plan.train_rows)
        mine = np.searchsorted(plan.train_rows, rows)
        y = self.targets.scaled(self.source.data.y)
        weights = self.targets.loss_weights[0]
        return of_rows(
            self._tile[mine], y[rows], weights[rows], share, self.label_shift[fit]
        )

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
        values = self.settings.values
        free = float(values["use_bias"])
        problems = self._problems(free, spread)
        error = problems[0][0]
        wanted = values["num_models"]
        wd, l1 = penalty_pairs(
            values["wd"],
            values["l1"],
            DEFAULT_MODELS if wanted == "auto" else wanted,
            error.spectrum[0],
            error.spectrum[2],
            error.size,
            2.0 * float(np.abs(error.moment).max(initial=0.0)),
            self.n_rows,
            self.reader.n_features,
        )
        shape = self.plan.n_fits, self.reader.n_features, len(wd)
        weights, bias = np.zeros(shape), np.zeros((shape[0], shape[2]))
        gap, kept = np.zeros(len(wd)), np.ones(len(wd))
        shares = free / (1.0 + 0.5 * wd * values["bias_wd_mult"])
        for share in np.unique(shares):
            mine = np.flatnonzero(shares == share)
            if share != free:
                problems = self._problems(float(share), spread)
            found = spread(
                partial(self._solve, wd[mine], l1[mine]),
                problems,
                range(shape[0]),
            )
            for fit, ((_, mean, label), (w, above, left)) in enumerate(
                zip(problems, found, strict=True)
            ):
                weights[fit][:, mine] = w
                bias[fit, mine] = self.label_shift[fit] + share * (label - mean @ w)
                if fit == 0:
                    size = problems[0][0].size
                    gap[mine] = above / size if size > 0 else 0.0
                    kept[mine] = free + left
        candidates = solved_candidates(wd, l1, self.scaling)
        return candidates, SolvedColumns(self.rows, weights, bias, gap, kept)

    def _solve(self, wd, l1, problem: Problem, fit: int):
        """Weights of one fit, their gaps, and the directions that they use."""
        error = problem[0]
        weights = np.zeros((len(error.moment), len(wd)))
        gap, kept = np.zeros(len(wd)), np.zeros(len(wd))
        ridges = np.flatnonzero(l1 == 0)
        weights[:, ridges], gap[ridges] = error.ridge(wd[ridges])
        values = error.spectrum[0][:, None]
        kept[ridges] = np.sum(values / (values + wd[ridges] / 2), axis=0)
        for one in np.unique(wd[l1 > 0]):
            mine = np.flatnonzero((wd == one) & (l1 > 0))
            # The penalty weighs against the loss of the fit's own labels.
            scaled = l1[mine] * self.label_scale[fit]
            weights[:, mine], gap[mine] = error.lasso(float(one), scaled)
            kept[mine] = np.count_nonzero(weights[:, mine], axis=0)
        return weights, gap, kept

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
