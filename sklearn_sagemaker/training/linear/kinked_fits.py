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

    def _scored(self, columns: SolvedColumns, wd) -> SolvedColumns:
        """See `SmoothFits`: without curvature nothing tells what a row has done."""
        return columns

    def _optima(self, fit: KinkedFit, wd, l1, start):
        bias_wd = wd * self.settings.values["bias_wd_mult"]
        weights, bias, gap = fit.optima(wd, l1, bias_wd)
        return weights.transpose(2, 1, 0), np.ascontiguousarray(bias.T), gap
