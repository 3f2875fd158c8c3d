"""Squared losses of all fits, in closed form and by active sets."""

from __future__ import annotations

from contextlib import closing
from functools import cached_property, partial
from typing import Any

import numpy as np

from sklearn_sagemaker.training.linear.fits import Fits
from sklearn_sagemaker.training.linear.moments import (
    Problem,
    moments,
    of_moments,
    of_rows,
    of_triangles,
    squared_errors,
    triangle,
)
from sklearn_sagemaker.training.linear.penalties import LEAST_LEFT, Path, SmallProblem
from sklearn_sagemaker.training.linear.quadratic import MANY
from sklearn_sagemaker.training.linear.signed import SignedQuadratic
from sklearn_sagemaker.training.linear.solved import SolvedColumns
from sklearn_sagemaker.training.linear.sums import over_shards
from sklearn_sagemaker.training.rows import ArrayRows, ShardRows


class SquaredFits(Fits):
    """Least squares of all fits, from one pass over the rows."""

    # ----------------------------------------------------------------- the problems
    @cached_property
    def _free(self) -> float:
        return float(self.settings.values["use_bias"])

    @cached_property
    def _of_share(self) -> dict[float, list[Problem]]:
        return {}

    def _problems(self, share: float) -> list[Problem]:
        """The error of each fit, where its intercept has a share of its optimum."""
        if share not in self._of_share:
            self._of_share[share] = self._made(share)
        return self._of_share[share]

    @cached_property
    def _wide(self) -> bool:
        return self.source.n_train(self.plan) < self.reader.n_features

    def _made(self, share: float) -> list[Problem]:
        problems = self._of_any_signs(share)
        signs = self.signs
        if signs is None:
            return problems
        return [
            (SignedQuadratic(error, signs), mean, label)
            for error, mean, label in problems
        ]

    def _of_any_signs(self, share: float) -> list[Problem]:
        fits = range(self.plan.n_fits)
        if self._wide:
            return self.spread(partial(self._of_rows, share), fits)
        problems = self._joined(of_moments, self._sums, share)
        if problems[0][0].ill_conditioned:
            problems = self._joined(of_triangles, self._triangles, share)
        return problems

    @cached_property
    def _tile(self) -> np.ndarray:
        return self.rows.whole(self.reader, self.plan.train_rows)

    @cached_property
    def _sums(self) -> list[np.ndarray]:
        return self._over_rows(moments)

    @cached_property
    def _triangles(self) -> list[np.ndarray]:
        return self._over_rows(triangle)

    def _of_rows(self, share: float, fit: int) -> Problem:
        """Of few rows, which all fit."""
        rows = self.train_rows(fit)
        mine = np.searchsorted(self.plan.train_rows, rows)
        y = self.targets.scaled(self.source.data.y)
        weights = self.targets.loss_weights[0]
        return of_rows(
            self._tile[mine], y[rows], weights[rows], share, self.label_shift[fit]
        )

    def _over_rows(self, summed) -> list[np.ndarray]:
        """Sums, or triangles, of each group of rows."""
        if isinstance(self.source, ShardRows):
            of_loss = self.targets.of_loss
            return [over_shards(self.source, of_loss, self.rows, summed)]
        found: list[Any] = []
        with closing(self.source.pieces(0, self.plan, self.reader)) as pieces:
            for piece in pieces:
                y, weights = self.targets.exact(piece)
                work = partial(summed, self.rows, piece.reader, y, weights)
                if summed is moments:
                    work = partial(work, spread=self.spread)
                groups = self._groups(piece.folds)
                found = self.spread(work, groups, found or [None] * len(groups))
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
    @property
    def thrifty(self) -> bool:
        """See `Fits`: of few rows, unless the user wants so many candidates."""
        return self._wide and self.settings.values["num_models"] == "auto"

    def null(self) -> SmallProblem:
        """See `Fits`."""
        error = self._problems(self._free)[0][0]
        values, _, moment = error.spectrum
        return SmallProblem(
            values,
            moment,
            error.size,
            2.0 * error.steepest,
            self.n_rows,
            len(values) == self.reader.n_features and self.n_rows > len(values) + 1,
        )

    def stride(self, path: Path) -> int:
        """See `Fits`: all, but where weak L1 penalties take long."""
        many = path.varies == "l1" and self.reader.n_features > MANY
        return 1 if many else len(path)

    def solve(self, wd, l1, before: SolvedColumns | None) -> SolvedColumns:
        """See `Fits`."""
        n_fits, d = self.plan.n_fits, self.reader.n_features
        shares = self._free / (1.0 + 0.5 * wd * self.settings.values["bias_wd_mult"])
        weights, bias = (
            np.zeros((n_fits, len(wd), 1, d)),
            np.zeros((n_fits, len(wd), 1)),
        )
        gap, kept = np.zeros((2, n_fits, len(wd)))
        for share in np.unique(shares):
            some = np.flatnonzero(shares == share)

            def work(problem, fit, some=some, share=share):
                error, mean, label = problem
                found = self._of_problem(error, wd[some], l1[some], fit, before)
                weights[fit, some, 0], gap[fit, some], kept[fit, some] = found
                bias[fit, some, 0] = self.label_shift[fit] + share * (
                    label - found[0] @ mean
                )

            self.spread(work, self._problems(float(share)), range(n_fits))
        size = self._problems(self._free)[0][0].size
        far = gap[0] / size if size > 0 else np.zeros(len(wd))
        return self.columns(weights, bias, far, self._free + kept[0])

    def _of_problem(self, error, wd, l1, fit: int, before):
        """Weights of one fit, gaps, and the directions that are used."""
        weights, certified = np.zeros((len(wd), len(error.moment))), fit == 0
        gap, kept = np.zeros((2, len(wd)))
        ridges = np.flatnonzero(l1 == 0)
        if len(ridges):
            found, gap[ridges] = error.ridge(wd[ridges], certified)
            weights[ridges] = found.T
            if certified:
                kept[ridges] = error.directions(found, wd[ridges])
        for one in np.unique(wd[l1 > 0]):
            mine = np.flatnonzero((wd == one) & (l1 > 0))
            # The penalty weighs against the loss of the fit's own labels.
            scaled = l1[mine] * self.label_scale[fit]
            start = None if before is None else before.weights[fit, -1, 0]
            found = error.lasso(float(one), scaled, start, certified)
            weights[mine], gap[mine] = found
            kept[mine] = np.count_nonzero(weights[mine], axis=1)
        return weights, gap, kept

    # -------------------------------------------------------------------- the losses
    def train_losses(self, columns: SolvedColumns) -> np.ndarray:
        """See `Fits`: from the sums, where they have the digits."""
        if self._wide or not isinstance(self.source, ArrayRows):
            return super().train_losses(columns)
        parts = self._sums if self.plan.trains is None else self._sums[:1]
        found = squared_errors(parts, columns.weights[0, :, 0], columns.bias[0, :, 0])
        return found if not np.isnan(found).any() else super().train_losses(columns)

    def losses(self, columns: SolvedColumns) -> np.ndarray:
        """See `Fits`; without validation rows the loss of a row that was left out.

        There what the directions of a candidate explain by chance is put back.
        """
        plan = self.plan
        if plan.kind == "training":
            left = np.maximum(1.0 - columns.kept / self.n_rows, LEAST_LEFT)
            return (self.train_losses(columns) / left**2)[None]
        if plan.kind != "folds" or plan.trains is not None or self._wide:
            return super().losses(columns)
        found = np.stack(
            [
                squared_errors(
                    [part], columns.weights[fit, :, 0], columns.bias[fit, :, 0]
                )
                for part, (fit, _) in zip(self._sums, plan.parts, strict=True)
            ]
        )
        return found if not np.isnan(found).any() else super().losses(columns)
