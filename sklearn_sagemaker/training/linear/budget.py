"""What a run does: solve all candidates, solve some beside steps, or take steps."""

from __future__ import annotations

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker.training.linear import kinked
from sklearn_sagemaker.training.linear.candidates import DEFAULT_MODELS
from sklearn_sagemaker.training.linear.lockstep import sample_size
from sklearn_sagemaker.training.linear.newton import CURVATURES, SmoothFit
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.rows import ArrayRows, Rows
from sklearn_sagemaker.training.selection.validation import FOLDS, ValidationPlan

SMALL_WORK = 10_000_000_000
"""Multiplications that are solved whatever training would cost..."""
WORK_RATIO = 4
"""... and how many times as many as training would do, where that is more."""
PATH_STEPS = 50
"""Factorisations of a path of penalties, by experience, of the size of the whole."""
GRAM_BYTES = 1 << 30
"""For the matrices of all fits."""
NEWTON_WORK = 8_000_000_000
"""Multiplications that Newton's method may take whatever training would cost..."""
NEWTON_SHARE = 4
"""... and the share of those of training that it may take, where that is more."""
NEWTON_STEPS, OF_MARGINS = 4, 100
"""Its steps for a candidate, and what the loss of a margin costs, by experience."""
OF_ROWS = 6
"""Passes over all rows where the steps are those of a sample."""
SOME = 8
"""Candidates that are solved where that many are in the budget, and not all."""
NEEDED = 8
"""Times that budget, where features are nearly equal..."""
EQUAL, NEARLY_EQUAL = 1e-10, 5e-3
"""... which they are where their correlations have eigenvalues between these."""
LOCKSTEP_WORK, LOCKSTEPS = 100_000_000_000, 10
"""Multiplications for several classes, all folds at once, and a candidate's steps..."""
MANY_CLASSES, OF_MANY = 30, 10
"""... and as many times as many with more classes than this, where training takes
longer than it does to solve."""
CURVED_SHARE = 0.1
"""Of the rows whose Huber loss is square at the best constant: with fewer the loss is
nearly the absolute error, and is solved as one with kinks."""
WEAK, NEARLY_BEST = 1e-6, 1e-3
"""L2 penalty, and gain of the last step, of a fit that tells if classes are parted."""
KINKED_STEPS, OF_KINKS = 12, 60
"""Steps of a loss with kinks, and what one costs for each kink, by experience."""


def how_many(
    settings: LinearSettings,
    source: Rows,
    plan: ValidationPlan,
    reader: RowReader,
    n_models: int,
    trained: int,
) -> int:
    """How many candidates of a run are solved: told before the first epoch.

    All of them, `SOME` beside others that are trained by steps, or none.

    Parameters
    ----------
    settings, source, plan, reader : object
        Of the run.
    n_models : int
        Candidates of the run.
    trained : int
        Multiplications that training all of them would take.
    """
    loss = settings.loss.name
    closed = loss == "squared_loss"
    if settings.stepwise or not (closed or loss in CURVATURES or loss in kinked.KINKS):
        return 0
    resume = settings.spec.resume
    if resume is not None and "solved" not in resume:
        # Steps were taken; they go on, beside those that were solved.
        return resume.get("beside", 0)
    if not isinstance(source, ArrayRows) and not _solved_by_passes(
        settings, source, plan, reader
    ):
        return 0
    if closed:
        return n_models if _closed(settings, source, plan, reader, trained) else 0
    values = settings.values
    open_ended = "auto" in (values["wd"], values["l1"])
    alone = plan.kind == "training" and open_ended
    if has_kinks(settings, source, plan):
        wanted = DEFAULT_MODELS if open_ended and values["num_models"] != 1 else 1
        return n_models if _kinked(settings, source, plan, reader, wanted) else 0
    if values["wd"] == values["l1"] == 0 and _may_be_parted(
        settings, source, plan, reader
    ):
        # Such classes have no optimum without a penalty.
        return 0
    wanted = n_models if open_ended else 1
    if at_once(settings, source, plan, reader):
        return n_models
    if alone and not settings.solver_alone:
        some = sample_size(source.n_train(plan), reader.n_features)
        if settings.loss.coupled or some < source.n_train(plan):
            # No row can be left out of what is solved on a sample.
            return 0
    found = _smooth(settings, source, plan, reader, wanted, trained)
    return n_models if found == wanted else found


def _solved_by_passes(settings, source, plan, reader) -> bool:
    """Whether rows that are not in memory are solved: by sums of what each says."""
    if settings.loss.name == "squared_loss":
        return source.n_train(plan) >= reader.n_features
    return not settings.signed and not has_kinks(settings, source, plan)


def _closed(settings, source, plan, reader, trained: int) -> bool:
    """Whether squared errors are solved."""
    n, d = source.n_train(plan), reader.n_features
    if n < d:
        work = plan.n_fits * n * (5 * n * d + PATH_STEPS * (n * n + d))
        size = 2 * plan.n_fits * n * d
    else:
        work = n * d * d + plan.n_fits * PATH_STEPS * d**3
        size = 2 * plan.n_fits * d * d
    if 8 * size > GRAM_BYTES:
        return False
    return settings.solver_alone or work <= max(SMALL_WORK, WORK_RATIO * trained)


def _kinked(settings, source, plan, reader, wanted: int) -> bool:
    """Whether so many candidates of a loss with kinks are solved."""
    n, d = source.n_train(plan), reader.n_features
    r, fits = min(n, d), plan.n_fits
    if plan.kind == "training" and wanted > 1:
        # Rows are left out all the same, for the weakest penalty not to win.
        fits += FOLDS
    work = fits * wanted * KINKED_STEPS * (n * (r * r + OF_KINKS) + r**3)
    if 16 * fits * n * d > GRAM_BYTES:
        return False
    return settings.solver_alone or work <= NEWTON_WORK


def _smooth(settings, source, plan, reader, wanted: int, trained: int) -> int:
    """How many of so many candidates of a smooth loss are solved."""
    n, d = source.n_train(plan), reader.n_features
    r, outputs = min(n, d), settings.n_outputs
    some = n if settings.signed else sample_size(n, d)
    step = some * (r * r * outputs * (outputs + 1) // 2 + OF_MARGINS * outputs)
    work = NEWTON_STEPS * (step + (r * outputs) ** 3)
    if plan.kind == "training":
        work += _left_out(n, r * outputs)
    if some < n or not isinstance(source, ArrayRows):
        work += OF_ROWS * n * outputs * (2 * d + OF_MARGINS)
    work *= plan.n_fits
    if 16 * plan.n_fits * some * d > GRAM_BYTES:
        return 0
    budget = max(NEWTON_WORK, int(trained) // NEWTON_SHARE)
    if settings.solver_alone or work * wanted <= budget:
        return wanted
    work *= min(SOME, wanted)
    if work > budget * NEEDED or (
        work > budget and not _nearly_equal(reader, plan.train_rows, some)
    ):
        return 0
    # What was solved before is solved again.
    return wanted if settings.spec.resume is not None else min(SOME, wanted)


def _may_be_parted(settings, source, plan, reader) -> bool:
    """Whether a plane may part two classes, or there are more, which are not looked at.

    Of many rows a sample is looked at: what parts it may not part all of them, which
    then take steps all the same.
    """
    if settings.loss.name != "logistic":
        return settings.loss.coupled
    rows, d = plan.train_rows, reader.n_features
    if len(rows) <= d:
        return True
    count = sample_size(len(rows), d)
    some = rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)]
    tile, y = reader.dense(some), source.data.y[some]
    with np.errstate(all="ignore"):
        tile -= tile.mean(axis=0)
        size = np.sqrt(np.mean(tile**2, axis=0))
        tile = tile[:, size > 0] / size[size > 0]
        if not np.isfinite(tile).all() or tile.shape[1] == 0:
            return True
        given = np.ones(count), 1, settings.values["use_bias"], NEARLY_BEST
        fit = SmoothFit("logistic", 0.0, tile, y, *given)
        start = np.zeros((tile.shape[1], 1)), fit.null[0]
        w, b, _ = fit.optimum(*start, WEAK, 0.0, 0.0)
        return bool(np.all((tile @ w + b > 0)[:, 0] == (y > 0)))


def _nearly_equal(reader: RowReader, rows: np.ndarray, count: int) -> bool:
    """Whether some features are nearly equal to others, so that steps stay far off.

    Those that are equal, as the last of the dummies of a category is to the rest, have
    no direction that steps could miss.
    """
    if count < reader.n_features:
        return False
    tile = reader.dense(rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)])
    with np.errstate(all="ignore"):
        tile -= tile.mean(axis=0)
        size = np.sqrt(np.mean(tile**2, axis=0))
        tile = tile[:, size > 0] / size[size > 0]
        if not np.isfinite(tile).all():
            return False
        values = np.linalg.eigvalsh(tile.T @ tile / count)
    return bool(np.any((values > EQUAL) & (values < NEARLY_EQUAL)))


def at_once(settings, source, plan, reader) -> bool:
    """Whether several classes are solved in all folds at once."""
    n, d = source.n_train(plan), reader.n_features
    r, outputs, values = min(n, d), settings.n_outputs, settings.values
    if not settings.loss.coupled or not isinstance(source, ArrayRows):
        return False
    if 16 * plan.n_fits * n * d > GRAM_BYTES:
        return False
    work, budget = LOCKSTEPS * n * outputs * (2 * r + OF_MARGINS), LOCKSTEP_WORK
    if plan.kind != "training" and outputs > MANY_CLASSES:
        budget *= OF_MANY
    if "auto" in (values["wd"], values["l1"]):
        if plan.kind == "training":
            work += _left_out(n, r * outputs)
        work *= DEFAULT_MODELS
    return settings.solver_alone or work * plan.n_fits <= budget


def _left_out(n: int, k: int) -> int:
    """What it takes to leave each row out of a model of so many weights."""
    return n * k * k + k**3


def has_kinks(settings: LinearSettings, source: Rows, plan: ValidationPlan) -> bool:
    """Whether a loss is solved as one with kinks.

    Newton's method is faster for a Huber loss if enough labels are in its square part.
    """
    if settings.loss.name != "huber_loss":
        return settings.loss.name in kinked.KINKS
    y = source.data.y[plan.train_rows]
    near = np.abs(y - np.median(y)) <= settings.loss_parameter
    return bool(near.mean() < CURVED_SHARE)
