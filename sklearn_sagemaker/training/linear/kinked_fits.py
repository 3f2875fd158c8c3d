"""Losses with kinks of all fits."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from sklearn_sagemaker.training.linear.kinked import (
    OF_FOLDS,
    TOLERANCE,
    Bases,
    KinkedFit,
)
from sklearn_sagemaker.training.linear.penalties import Path, SmallProblem
from sklearn_sagemaker.training.linear.smooth import SmoothFits
from sklearn_sagemaker.training.linear.solved import SolvedColumns
from sklearn_sagemaker.training.selection.validation import FOLDS


class KinkedFits(SmoothFits):
    """Losses with kinks, all penalties of a path at a time."""

    @cached_property
    def _bases(self) -> Bases:
        return Bases(self._tile)

    @cached_property
    def half(self) -> float:  # type: ignore[override]
        """Of the loss, in mean squared errors."""
        refit = self.fits[0]
        size = refit.squared_error().size
        return refit.null[1] / size if min(refit.null[1], size) > 0 else 1.0

    def null(self) -> SmallProblem:
        """See `Fits`."""
        error, largest = self.fits[0].squared_error(), self.fits[0].largest / self.half
        values, _, moment = error.spectrum
        return SmallProblem(values, moment, error.size, largest, self.n_rows, False)

    def stride(self, path: Path) -> int:
        """See `Fits`."""
        return len(path)

    def _fit(self, number: int) -> KinkedFit:
        mine, (loss, parameter, tile, y, weights) = self._of_fit_alone(number)
        return KinkedFit(
            loss,
            parameter,
            tile,
            y,
            weights,
            self.settings.values["use_bias"],
            (self._bases, mine),
            OF_FOLDS if number else TOLERANCE,
        )

    @cached_property
    def _apart(self) -> list[tuple[np.ndarray, KinkedFit]]:
        """Places of rows, and a fit of the others, where no other rows validate.

        Without curvature nothing else tells what a row has done.
        """
        values, n = self.settings.values, len(self.plan.train_rows)
        open_ended = "auto" in (values["wd"], values["l1"])
        if self.plan.kind != "training" or not open_ended or values["num_models"] == 1:
            return []
        _, (loss, parameter, tile, y, weights) = self._of_fit_alone(0)
        order = np.random.default_rng([self.settings.spec.seed, 0xF01D]).permutation(n)
        if not self.settings.regression:
            order = order[np.argsort(y[order], kind="stable")]
        fold = np.empty(n, dtype=np.int64)
        fold[order] = np.arange(n) % FOLDS
        found, use_bias = [], values["use_bias"]
        for number in range(min(FOLDS, n) if n > 1 else 0):
            out, mine = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
            given = tile[mine], y[mine], weights[mine], use_bias, (self._bases, mine)
            found.append((out, KinkedFit(loss, parameter, *given, OF_FOLDS)))
        return found

    def solve(self, wd, l1, before: SolvedColumns | None) -> SolvedColumns:
        """See `Fits`."""
        columns = super().solve(wd, l1, before)
        if self._apart:
            rows, bias_wd = (
                self.plan.train_rows,
                wd * self.settings.values["bias_wd_mult"],
            )
            columns.left_out = np.zeros((len(wd), len(self.source.data.y), 1))

            def of_others(out: np.ndarray, fit: KinkedFit) -> np.ndarray:
                weights, bias, _ = fit.optima(wd, l1, bias_wd)
                return self._tile[out] @ weights[:, 0] + bias

            parts, fits = zip(*self._apart, strict=True)
            found = self.spread(of_others, parts, fits)
            for out, margins in zip(parts, found, strict=True):
                columns.left_out[:, rows[out], 0] = margins.T
        return columns

    def _scored(self, columns: SolvedColumns, wd) -> SolvedColumns:
        """See `SmoothFits`: that is done with the L1 penalties."""
        return columns

    def _optima(self, fit: KinkedFit, wd, l1, start):
        bias_wd = wd * self.settings.values["bias_wd_mult"]
        weights, bias, gap = fit.optima(wd, l1, bias_wd)
        return weights.transpose(2, 1, 0), np.ascontiguousarray(bias.T), gap
