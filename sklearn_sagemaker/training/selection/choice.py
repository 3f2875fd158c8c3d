"""Selection: scores and thresholds of the candidates, and what becomes of the best."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._kernels.decision import binary_score
from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker._threads import ALONE, Spread
from sklearn_sagemaker.exceptions import (
    AllCandidatesDivergedError,
    CandidateDivergedWarning,
    TargetNotReachedWarning,
)
from sklearn_sagemaker.training.neighbours import rows_at
from sklearn_sagemaker.training.progress import Progress
from sklearn_sagemaker.training.scaling import feature_statistics
from sklearn_sagemaker.training.selection.criteria import Calibration
from sklearn_sagemaker.training.selection.metrics import linear_metrics
from sklearn_sagemaker.training.selection.outliers import without_outliers
from sklearn_sagemaker.training.selection.paired import (
    NEAR,
    NEAR_OF_STEPS,
    paired_error,
    simpler_first,
    within_error,
    without_luck,
)
from sklearn_sagemaker.training.selection.scores import score_candidates
from sklearn_sagemaker.training.selection.settings import CALIBRATION_ROWS, Settings
from sklearn_sagemaker.training.selection.validation import ValidationPlan
from sklearn_sagemaker.training.targets import Targets

DIVERGED_ROWS = 10_000
"""Rows among which the largest features are looked for when all diverged."""
LEAST_NOISE = 0.01
"""Share of a validation loss that is never told from noise."""


@dataclass
class TrainedCandidates:
    """The trained candidates of a run and the rows that validate them.

    Attributes
    ----------
    spec, settings, plan, targets, candidates, progress : object
        Of the run.
    train : (RowReader, y, weights)
        The training rows.
    spread : Spread
        Threads that share the candidates; the caller alone by default.
    """

    spec: TrainingSpec
    settings: Settings
    plan: ValidationPlan
    targets: Targets
    candidates: Any
    progress: list[Progress]
    train: tuple[RowReader, np.ndarray, np.ndarray]
    spread: Spread = field(default=ALONE, kw_only=True)

    @property
    def n_outputs(self) -> int:
        """Margins of a model for a row."""
        return self.settings.n_outputs

    @property
    def own_rates(self) -> bool:
        """Whether the user set the learning rate of the candidates."""
        raise NotImplementedError

    def more_columns(self) -> dict[str, np.ndarray]:
        """What the algorithm tells of its candidates beside what all tell."""
        return {}

    @property
    def at_optimum(self) -> bool:
        """Whether all candidates are solved, so that they differ in penalties alone."""
        return False

    def denser(self, chosen: int, loss: np.ndarray) -> int | None:
        """The best candidate without an L1 penalty, where another one leads."""
        return None

    def simpler(self, chosen: int, loss: np.ndarray) -> int | None:
        """A candidate with less to it, which wins where chance may decide."""
        return None

    def losses(self, margins: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Loss of each row, from its margins and label in the user's units."""
        flat = margins if self.settings.loss.coupled else margins[:, 0]
        return self.settings.loss.value(flat, y, self.settings.loss_parameter)

    def margins(self, reader, parts, chosen: np.ndarray) -> np.ndarray:
        """Margins of some candidates at their best, in the user's units.

        Returns
        -------
        margins : array of shape (n_rows, n_outputs, n_chosen)
            Part by part.
        """
        raise NotImplementedError

    @property
    def leaves_out(self) -> bool:
        """Whether rows that train validate as if they did not."""
        return False

    def fitted_margins(self, reader, rows, chosen: np.ndarray) -> np.ndarray:
        """As `margins` of rows that train, by the candidates that know them."""
        return self.margins(reader, [(0, rows)], chosen)

    def polish(self, chosen: np.ndarray) -> None:
        """Bring those that are selected to their optimum, if they are only near it."""

    def mean(self, margins: np.ndarray) -> np.ndarray:
        """Margins of an ensemble, from those of its members along the last axis."""
        return margins.mean(axis=2, dtype=np.float64)

    def remedies(self) -> list[str]:
        """What the settings leave to try when every candidate diverged."""
        raise NotImplementedError

    def divergence(self) -> str:
        """What to say when every candidate diverged."""
        reader, _, weights = self.train
        rows = self.plan.train_rows[:DIVERGED_ROWS]
        statistics = feature_statistics(reader, rows, weights[rows])
        size = np.hypot(statistics.mean, statistics.deviation)
        worst = np.argsort(-size)[:3]
        names = ", ".join(f"feature {j} (size about {size[j]:.3g})" for j in worst)
        remedies = self.remedies()
        if self.settings.values["normalize_data"] not in (True, "auto"):
            remedies.insert(0, "set normalize_data='auto' or scale the features")
        remedies = remedies or ["scale the features or drop extreme values"]
        return (
            f"All {len(self.candidates)} candidate models diverged. The largest "
            f"features are {names}; {' and '.join(remedies)}."
        )

    def named(self, metrics: dict[str, float]) -> dict[str, float]:
        """Metrics by the names that SageMaker has for them in this algorithm."""
        return metrics

    def measure(self, margins, y, loss_weights, weights, cut) -> dict[str, float]:
        """SageMaker's metrics of some margins, by Linear Learner's names."""
        values = self.settings.values
        return linear_metrics(
            self.spec.predictor_type,
            self.settings.loss.name,
            self.settings.loss_parameter,
            margins,
            y,
            loss_weights,
            weights,
            cut=cut,
            f_beta=values.get("f_beta", 1.0),
            accuracy_top_k=values.get("accuracy_top_k", 3),
        )


def _usable(trained: TrainedCandidates) -> np.ndarray:
    """Which candidates stayed finite; says so if some did not."""
    status = np.concatenate([part.status for part in trained.progress])
    loss = np.concatenate([part.best_loss for part in trained.progress])
    usable = (status != "diverged") & np.isfinite(loss)
    if not usable.any():
        raise AllCandidatesDivergedError(trained.divergence())
    if not usable.all() and trained.own_rates:
        # Rates of our own grid may fail: that is what a grid is for.
        warnings.warn(
            f"{np.count_nonzero(~usable)} of {len(usable)} candidate models "
            "diverged and were dropped; candidates_['status'] says which. Set "
            "smaller learning rates, or 'auto', to keep them.",
            CandidateDivergedWarning,
            stacklevel=2,
        )
    return usable


def cut_to_threshold(settings: Settings, cut):
    """The threshold on the probability, or on the score if there is none."""
    return binary_score(cut, settings.loss.link)


def _sampled(parts, limit: int, seed: int):
    """The parts, or as many of their rows as may calibrate."""
    count = sum(len(part) for _, part in parts)
    if count <= limit:
        return parts
    rng = np.random.default_rng([seed, 0xCA11])
    kept = np.sort(rng.permutation(count)[:limit])
    found, start = [], 0
    for fit, part in parts:
        mine = kept[(kept >= start) & (kept < start + len(part))] - start
        start += len(part)
        found.append((fit, part[mine]))
    return found


def ranking(score: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """Candidates by score, the best first; among equals by validation loss.

    Scores that differ by rounding of their sums are equal.
    """
    return np.lexsort((loss, -np.round(score, 12)))


def candidate_table(
    candidates: Any,
    progress: list[Progress],
    score: np.ndarray,
    thresholds: np.ndarray | None,
    split_scores: np.ndarray | None = None,
    order: np.ndarray | None = None,
) -> dict[str, Any]:
    """One row a candidate, shaped like scikit-learn's ``cv_results_``.

    Parameters
    ----------
    candidates : object
    progress : list of Progress
        Of the candidates in order.
    score : float64 array of shape (n_candidates,)
    thresholds : float64 array of shape (n_candidates,) or None
        For binary classification.
    split_scores : float64 array of shape (n_splits, n_candidates) or None
        With folds: the score on each, at the threshold of all.
    order : int array of shape (n_candidates,) or None
        The best first; None is `ranking`.
    """
    loss = np.concatenate([part.best_loss for part in progress])
    if order is None:
        order = ranking(score, loss)
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(1, len(order) + 1)
    best_epoch = np.concatenate([part.best_epoch for part in progress])
    train_loss = [
        np.array(part.train_curve)[part.best_epoch, np.arange(len(part.best_epoch))]
        for part in progress
    ]
    table: dict[str, Any] = {
        **{f"param_{name}": values for name, values in candidates.columns.items()},
        "params": [candidates.params(i) for i in range(len(candidates))],
        "train_loss": np.concatenate(train_loss),
        "validation_loss": loss,
        "validation_score": score,
        "rank_validation_score": rank,
        "best_epoch": best_epoch + 1,
        "n_iter": np.concatenate([part.n_iter for part in progress]),
        "status": np.concatenate([part.status for part in progress]),
    }
    if thresholds is not None:
        table["threshold"] = thresholds
    if split_scores is not None:
        losses = np.concatenate([part.best_parts for part in progress], axis=1)
        for number, (split_loss, split_score) in enumerate(
            zip(losses, split_scores, strict=True)
        ):
            table[f"split{number}_validation_loss"] = split_loss
            table[f"split{number}_validation_score"] = split_score
    return table


@dataclass(frozen=True)
class Selection:
    """What selection has come to.

    Attributes
    ----------
    chosen : int array
        The best candidates, the best first: as many as the ensemble has.
    fields : dict
        The fields of `ModelState` that do not depend on the kind of model.
    """

    chosen: np.ndarray
    fields: dict[str, Any]


def select_best(trained: TrainedCandidates) -> Selection:
    """Select the best candidate, or the best few, and calibrate the threshold.

    Parameters
    ----------
    trained : TrainedCandidates

    Returns
    -------
    selection : Selection

    Raises
    ------
    AllCandidatesDivergedError
        If no candidate stayed finite.
    """
    settings, plan, spec = trained.settings, trained.plan, trained.spec
    usable = _usable(trained)
    loss = np.concatenate([part.best_loss for part in trained.progress])
    score = np.where(usable, -loss, -np.inf)
    cuts = np.full(len(usable), settings.loss.midpoint)
    parts = np.concatenate([part.best_parts for part in trained.progress], axis=1)
    split_scores = -parts
    calibrations: dict[int, Calibration] = {}
    limit = settings.values.get("num_calibration_samples", CALIBRATION_ROWS)
    sampled = _sampled(plan.parts, limit, spec.seed)
    if settings.scores_rows:
        calibrations, decisions = score_candidates(
            trained, sampled, usable, score, cuts, split_scores
        )
    order = ranking(score, loss)
    if plan.kind != "training" and not settings.stepwise:
        if settings.scores_rows:
            errors = NEAR if trained.at_optimum else NEAR_OF_STEPS
            order = within_error(
                settings, decisions, order, score, loss, calibrations, errors
            )
        else:
            order = simpler_first(trained, sampled, order, loss)
        if trained.at_optimum:
            order = without_luck(trained, sampled, order, loss)
            order = without_outliers(trained, sampled, order, usable)
    chosen = order[: spec.ensemble_size]
    chosen = chosen[usable[chosen]]
    trained.polish(chosen)
    best = int(chosen[0])
    best_score, cut = float(score[best]), float(cuts[best])
    rows = np.concatenate([part for _, part in plan.parts])
    y, weights = rows_at(plan.y, rows), rows_at(plan.weights, rows)
    margins = trained.margins(plan.reader, plan.parts, chosen)
    if len(chosen) > 1 and plan.kind != "training":
        chosen = _agreeing(trained, chosen, margins, rows, y)
    validation_margins = _mean(trained, margins[:, :, : len(chosen)])
    if settings.binary and settings.criterion.curve is not None:
        found = calibrations[best]
        if len(chosen) > 1:
            # The average of several models has a threshold of its own.
            found = settings.calibrate(validation_margins[:, 0], y, weights)
            cut, best_score = found.cut, found.score
        if not found.target_reached:
            warn_target(settings, found)
    metrics = _metrics(trained, chosen, cut, validation_margins, rows)
    if len(chosen) > 1 and not (settings.binary and settings.scores_rows):
        measured = metrics["train" if plan.kind == "training" else "validation"]
        best_score = -measured["objective_loss"]
        if settings.scores_rows:
            best_score = measured["multiclass_accuracy"]
    part, place = trained.progress[0], best
    for part in trained.progress:
        if place < len(part.status):
            break
        place -= len(part.status)
    n_iter = int(part.n_iter[place])
    curves = [
        np.array([epoch[place] for epoch in curve[:n_iter]])
        for curve in (part.train_curve, part.validation_curve)
    ]
    thresholds = cut_to_threshold(settings, cuts)
    fields = {
        "threshold": float(cut_to_threshold(settings, cut))
        if settings.binary
        else None,
        "n_iter": n_iter,
        "best_index": best,
        "best_params": trained.candidates.params(best),
        "best_score": best_score,
        "candidates": {
            **candidate_table(
                trained.candidates,
                trained.progress,
                score,
                thresholds if settings.binary else None,
                split_scores if plan.kind == "folds" else None,
                order,
            ),
            **trained.more_columns(),
        },
        "loss_curve": curves[0],
        "validation_curve": None if plan.kind == "training" else curves[1],
        "metrics": {part: trained.named(found) for part, found in metrics.items()},
    }
    return Selection(chosen, fields)


def warn_target(settings: Settings, found: Calibration) -> None:
    """Say that a target is out of reach, and what is reached instead."""
    name = settings.criterion.parameter
    figure = (name or "").removeprefix("target_")
    warnings.warn(
        f"No threshold reaches {name}={settings.criterion_value:g} on the validation "
        f"rows; the nearest, which is used, has a {figure} of {found.reached:.4g}. "
        f"Lower {name}, or give the model better features.",
        TargetNotReachedWarning,
        stacklevel=2,
    )


def _mean(trained: TrainedCandidates, margins: np.ndarray) -> np.ndarray:
    if margins.shape[2] == 1:
        return margins[:, :, 0].astype(np.float64, copy=False)
    return trained.mean(margins)


def _agreeing(trained: TrainedCandidates, chosen, margins, rows, y) -> np.ndarray:
    """The best candidates whose mean does not lose to the best by more than noise."""
    shares = rows_at(trained.targets.loss_weights[1], rows)
    of_best = trained.losses(margins[:, :, 0].astype(np.float64, copy=False), y)
    most = (shares @ of_best) / shares.sum()
    while len(chosen) > 1:
        mean = trained.mean(margins[:, :, : len(chosen)])
        more = trained.losses(mean, y) - of_best
        noise = max(paired_error(more, shares), LEAST_NOISE * most)
        if (shares @ more) / shares.sum() <= noise:
            break
        chosen = chosen[:-1]
    return chosen


def _metrics(
    trained: TrainedCandidates, chosen, cut: float, validation_margins, validation_rows
):
    """SageMaker's metrics of the selected model on training and validation rows."""
    plan = trained.plan
    reader, y, weights = trained.train
    rows = plan.train_rows
    if plan.kind == "training" and not trained.leaves_out:
        margins = validation_margins
    else:
        margins = _mean(trained, trained.fitted_margins(reader, rows, chosen))
    y, weights = rows_at(y, rows), rows_at(weights, rows)
    loss_weights = rows_at(trained.targets.loss_weights[0], rows)
    found = {"train": trained.measure(margins, y, loss_weights, weights, cut)}
    if plan.kind != "training":
        found["validation"] = trained.measure(
            validation_margins,
            rows_at(plan.y, validation_rows),
            rows_at(trained.targets.loss_weights[1], validation_rows),
            rows_at(plan.weights, validation_rows),
            cut,
        )
    return found
