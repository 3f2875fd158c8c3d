"""The solver: the optimum of each candidate, in all fits, along paths of penalties."""

from __future__ import annotations

from functools import partial

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._threads import Spread
from sklearn_sagemaker.training.linear.budget import at_once, has_kinks
from sklearn_sagemaker.training.linear.candidates import Candidates, solved_candidates
from sklearn_sagemaker.training.linear.fits import Fits
from sklearn_sagemaker.training.linear.kinked_fits import KinkedFits
from sklearn_sagemaker.training.linear.moments import ScaledRows
from sklearn_sagemaker.training.linear.paths import followed
from sklearn_sagemaker.training.linear.penalties import Path, penalty_paths
from sklearn_sagemaker.training.linear.read_fits import ReadFits
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.linear.smooth import ClassFits, SmoothFits
from sklearn_sagemaker.training.linear.solved import SolvedColumns
from sklearn_sagemaker.training.linear.squared import SquaredFits
from sklearn_sagemaker.training.progress import Progress
from sklearn_sagemaker.training.rows import ArrayRows, Rows
from sklearn_sagemaker.training.scaling import FeatureStatistics, feature_statistics
from sklearn_sagemaker.training.selection.validation import ValidationPlan
from sklearn_sagemaker.training.targets import Targets


class Solver:
    """Finds the optimum of all candidates and folds.

    Parameters
    ----------
    settings, source, plan, reader, targets, statistics : object
        Of the run.
    label_scaler : float64 array of shape (3, n_fits)
    count : int
        Candidates that are wanted.
    spread : callable
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
        spread: Spread,
    ):
        self.settings, self.plan, self.targets = settings, plan, targets
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
        scaled = ScaledRows(shift, statistics.scale(self.scaling))
        if isinstance(source, ArrayRows):
            scaled.hold(reader)
        weights = source.data.sample_weight[plan.train_rows]
        alike = weights.sum() ** 2 / (weights @ weights) / len(weights)
        kind: type[Fits] = SquaredFits
        if settings.loss.name != "squared_loss":
            kind = SmoothFits
            if has_kinks(settings, source, plan):
                kind = KinkedFits
            elif at_once(settings, source, plan, reader):
                kind = ClassFits
            elif not isinstance(source, ArrayRows):
                kind = ReadFits
        label_shift, label_scale, parameter = label_scaler
        self.fits = kind(
            settings, source, plan, reader, targets, scaled,
            label_shift, label_scale, parameter,
            n_rows=float(alike) * source.n_train(plan), spread=spread,
        )  # fmt: skip

    def solve(self) -> tuple[Candidates, SolvedColumns]:
        """Candidates by the data, and their columns."""
        values, count = self.settings.values, self.count
        wd, l1 = values["wd"], values["l1"]
        if "auto" in (wd, l1):
            paths = penalty_paths(wd, l1, count, self.fits.null(), self.fits.half)
        else:
            # No path of penalties that the data would have to tell.
            paths = [Path(np.array([wd]), np.array([l1]), "wd", 0)]
        found, least = [], np.inf
        for path in paths:
            found.append(followed(self.fits, path, least))
            least = min(least, found[-1][3])
        wd, l1 = (np.concatenate([part[i] for part in found]) for i in (0, 1))
        columns = SolvedColumns.joined([part[2] for part in found], np.arange(len(wd)))
        columns = self.fits.finished(columns, wd, l1)
        columns.polishing = partial(self.fits.polish, columns, wd, l1)
        return solved_candidates(wd, l1, self.scaling), columns

    def columns(self, candidates: Candidates, **saved) -> SolvedColumns:
        """The columns of candidates that were solved before."""
        columns = self.fits.columns(**saved)
        wd, l1 = candidates.wd, candidates.l1
        columns.polishing = partial(self.fits.polish, columns, wd, l1)
        return columns

    # -------------------------------------------------------------------- the losses
    def progress(self, columns: SolvedColumns, loss_unit: float) -> Progress:
        """Where the candidates stand, as if after one epoch.

        Parameters
        ----------
        columns : SolvedColumns
        loss_unit : float
            Of the losses, in the user's.
        """
        rows, (weights, apart) = self.plan.train_rows, self.targets.loss_weights
        train = self.fits.train_losses(columns) / weights[rows].sum()
        sums = self.fits.losses(columns)
        total = np.array([apart[part].sum() for _, part in self.plan.parts])
        return Progress.solved(
            train * loss_unit,
            sums.sum(axis=0) / total.sum() * loss_unit,
            sums / total[:, None] * loss_unit,
        )
