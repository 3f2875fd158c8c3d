"""The solver: the optimum of each candidate, for losses that have it in closed form."""

from __future__ import annotations

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._threads import Spread
from sklearn_sagemaker.training.linear import kinked
from sklearn_sagemaker.training.linear.candidates import (
    DEFAULT_MODELS,
    Candidates,
    solved_candidates,
)
from sklearn_sagemaker.training.linear.fits import Fits
from sklearn_sagemaker.training.linear.kinked_fits import KinkedFits
from sklearn_sagemaker.training.linear.moments import ScaledRows
from sklearn_sagemaker.training.linear.newton import CURVATURES
from sklearn_sagemaker.training.linear.paths import followed
from sklearn_sagemaker.training.linear.penalties import (
    BESIDE,
    BOTH,
    l1_path,
    penalty_paths,
)
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.linear.smooth import ClassFits, SmoothFits
from sklearn_sagemaker.training.linear.solved import SolvedColumns
from sklearn_sagemaker.training.linear.squared import SquaredFits
from sklearn_sagemaker.training.progress import Progress
from sklearn_sagemaker.training.rows import ArrayRows, Rows
from sklearn_sagemaker.training.scaling import FeatureStatistics, feature_statistics
from sklearn_sagemaker.training.selection.validation import ValidationPlan
from sklearn_sagemaker.training.targets import Targets

SMALL_WORK = 10_000_000_000
"""Multiplications that are solved whatever training would cost..."""
WORK_RATIO = 4
"""... and how many times as many as training would do, where that is more."""
NEWTON_WORK = 8_000_000_000
"""Multiplications that Newton's method may take."""
NEWTON_STEPS, OF_MARGINS = 4, 100
"""Its steps for a candidate, and what the loss of a margin costs, by experience."""
LOCKSTEP_WORK, LOCKSTEPS = 50_000_000_000, 10
"""The same of several classes, and the steps that a candidate takes there."""
GRAM_BYTES = 1 << 30
"""For the matrices of all fits."""
CURVED_SHARE = 0.1
"""Of the rows whose Huber loss is square at the best constant: with fewer the loss is
nearly the absolute error, and is solved as one with kinks."""
KINKED_STEPS, OF_KINKS = 12, 60
"""Steps of a loss with kinks, and what one costs for each kink, by experience."""
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
    values, loss = settings.values, settings.loss.name
    closed = loss == "squared_loss"
    if settings.stepwise or not (closed or loss in CURVATURES or loss in kinked.KINKS):
        return False
    resume = settings.spec.resume
    if resume is not None and "solved" not in resume:
        # Steps were taken; they go on.
        return False
    n, d = source.n_train(plan), reader.n_features
    limit, ratio = SMALL_WORK, WORK_RATIO
    if not closed:
        limit, ratio = NEWTON_WORK, 0
        open_ended = "auto" in (values["wd"], values["l1"])
        if not isinstance(source, ArrayRows):
            return False
        kinks = has_kinks(settings, source, plan)
        alone = plan.kind == "training" and open_ended
        if kinks and alone and not settings.solver_alone:
            # On the rows that it was solved for the weakest penalty would win.
            return False
        if values["wd"] == values["l1"] == 0 and not kinks:
            # Classes that can be parted have no optimum without a penalty.
            return False
        r, outputs, models = min(n, d), settings.n_outputs, DEFAULT_MODELS
        if kinks:
            work = KINKED_STEPS * (n * (r * r + OF_KINKS) + r**3)
            if not open_ended or values["num_models"] == 1:
                models = 1
        elif settings.loss.coupled:
            work = LOCKSTEPS * n * outputs * (2 * r + OF_MARGINS)
            limit = LOCKSTEP_WORK
        else:
            work = NEWTON_STEPS * (n * (r * r + OF_MARGINS) + r**3)
        if alone:
            # Of each row as if it were left out.
            k = r * outputs
            work += n * k * k + k**3
        work *= plan.n_fits * models
        size = 2 * plan.n_fits * n * d
    elif n < d:
        if not isinstance(source, ArrayRows):
            return False
        work = plan.n_fits * n * (5 * n * d + PATH_STEPS * (n * n + d))
        size = 2 * plan.n_fits * n * d
    else:
        work = n * d * d + plan.n_fits * PATH_STEPS * d**3
        size = 2 * plan.n_fits * d * d
    if 8 * size > GRAM_BYTES:
        return False
    return settings.solver_alone or work <= max(limit, ratio * trained)


def has_kinks(settings: LinearSettings, source: Rows, plan: ValidationPlan) -> bool:
    """Whether a loss is solved as one with kinks.

    Newton's method is faster for a Huber loss if enough labels are in its square part.
    """
    if settings.loss.name != "huber_loss":
        return settings.loss.name in kinked.KINKS
    y = source.data.y[plan.train_rows]
    near = np.abs(y - np.median(y)) <= settings.loss_parameter
    return bool(near.mean() < CURVED_SHARE)


class Solver:
    """Finds the optimum of all candidates and folds.

    Parameters
    ----------
    settings, source, plan, reader, targets, statistics : object
        Of the run.
    label_scaler : float64 array of shape (3, n_fits)
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
        spread: Spread,
    ):
        self.settings, self.plan, self.targets = settings, plan, targets
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
        rows = ScaledRows(shift, statistics.scale(self.scaling))
        if isinstance(source, ArrayRows):
            rows.hold(reader)
        weights = source.data.sample_weight[plan.train_rows]
        alike = weights.sum() ** 2 / (weights @ weights) / len(weights)
        kind: type[Fits] = SquaredFits
        if settings.loss.name != "squared_loss":
            kind = ClassFits if settings.loss.coupled else SmoothFits
            if has_kinks(settings, source, plan):
                kind = KinkedFits
        self.fits = kind(
            settings, source, plan, reader, targets, rows, *label_scaler,
            n_rows=float(alike) * source.n_train(plan), spread=spread,
        )  # fmt: skip

    def solve(self) -> tuple[Candidates, SolvedColumns]:
        """Candidates by the data, and their columns."""
        values = self.settings.values
        wanted = values["num_models"]
        count = DEFAULT_MODELS if wanted == "auto" else wanted
        null, half = self.fits.null(), self.fits.half
        given = values["wd"], values["l1"]
        both = count // 3 if given == ("auto", "auto") and count >= BOTH else 0
        paths = penalty_paths(*given, count - both, null, half)
        found = [followed(self.fits, path) for path in paths]
        if both:
            wd, _, ridges = found[0]
            best = np.nanargmin(self.fits.losses(ridges).sum(axis=0))
            path = l1_path(both, null, BESIDE * wd[best], half)
            found.append(followed(self.fits, path))
        wd, l1 = (np.concatenate([part[i] for part in found]) for i in (0, 1))
        columns = SolvedColumns.joined([part[2] for part in found], np.arange(len(wd)))
        columns = self.fits.finished(columns, wd, l1)
        return solved_candidates(wd, l1, self.scaling), columns

    def columns(self, **saved) -> SolvedColumns:
        """The columns of candidates that were solved before."""
        return self.fits.columns(**saved)

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
        found = Progress.start(columns.n_models, len(self.plan.parts))
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
