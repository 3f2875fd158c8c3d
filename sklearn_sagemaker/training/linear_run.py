"""A training run of Linear Learner: from rows to the selected model."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from scipy.special import expit
from threadpoolctl import ThreadpoolController

from sklearn_sagemaker._kernels import DEFAULT_LOSS, LOSSES, RowReader
from sklearn_sagemaker._state import ModelState, TrainingData, TrainingSpec
from sklearn_sagemaker.exceptions import (
    AllCandidatesDivergedError,
    CandidateDivergedWarning,
)
from sklearn_sagemaker.training.block import ColumnBlock, Objective
from sklearn_sagemaker.training.candidates import make_candidates
from sklearn_sagemaker.training.criteria import CRITERIA
from sklearn_sagemaker.training.progress import Progress
from sklearn_sagemaker.training.scaling import (
    FeatureStatistics,
    feature_statistics,
    label_statistics,
    stored_counts,
)
from sklearn_sagemaker.training.schedule import (
    epoch_order,
    learning_rates,
    n_batches,
    plan_updates,
    run_length,
)
from sklearn_sagemaker.training.selection import (
    calibrate_candidates,
    candidate_table,
    ranking,
)
from sklearn_sagemaker.training.validation import ValidationPlan, plan_validation

BLOCK_COLUMNS = 128
"""Columns that one pass trains together. Fixed, so that results never depend on
the number of jobs."""

AUTO = {
    "beta_1": 0.9,
    "beta_2": 0.999,
    "momentum": 0.0,
    "bias_lr_mult": 10.0,
    "bias_wd_mult": 0.0,
    "early_stopping_patience": 3,
    "num_calibration_samples": 10_000_000,
    "optimizer": "adam",
}
"""What ``"auto"`` becomes where it is the same for all candidates."""

Monitor = Callable[[int, int, dict[str, float]], Any]
"""Called after each epoch with its number, the planned epochs and losses."""


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


class LinearRun:
    """One training run; `train` does it all.

    Parameters
    ----------
    spec : TrainingSpec
    data : TrainingData
    """

    def __init__(self, spec: TrainingSpec, data: TrainingData):
        self.spec, self.data = spec, data
        self.values = dict(spec.hyperparameters)
        for name, value in AUTO.items():
            if self.values.get(name) == "auto":
                self.values[name] = value
        self.patient = spec.hyperparameters["early_stopping_patience"] == "auto"
        if self.values["loss"] == "auto":
            self.values["loss"] = DEFAULT_LOSS[spec.predictor_type]
        self.loss = LOSSES[self.values["loss"]]
        self.regression = spec.predictor_type == "regressor"
        self.reader = RowReader(data.X)
        # Rows of zero weight are absent: from folds, shuffling and statistics.
        self.rows = np.flatnonzero(data.sample_weight > 0).astype(np.int64)
        self.candidates = make_candidates(
            self.values, self.values["optimizer"], bool(self.reader.sparse)
        )
        self.plan = self._plan_validation()
        self.train_rows = np.concatenate(self.plan.train)
        if self.plan.kind == "folds":
            self.train_rows = self.rows
        self.batch, self.epochs = plan_updates(
            len(self.train_rows), self.values["mini_batch_size"], self.values["epochs"]
        )
        self.statistics = self._feature_statistics()
        self._prepare_labels()
        self.blocks = self._make_blocks()
        self.progress = [Progress.start(block.n_models) for block in self.blocks]

    # ------------------------------------------------------------- preparation
    def _plan_validation(self) -> ValidationPlan:
        data, spec = self.data, self.spec
        given = None
        if data.X_val is not None:
            assert data.y_val is not None
            assert data.sample_weight_val is not None
            given = (RowReader(data.X_val), data.y_val, data.sample_weight_val)
        if self.reader.sparse:
            stored = int(np.diff(data.X.indptr)[self.rows].sum())
        else:
            stored = len(self.rows) * data.X.shape[1]
        classes = spec.n_classes if self.loss.coupled else 1
        return plan_validation(
            self.reader,
            data.y,
            data.sample_weight,
            self.rows,
            given,
            cv=spec.cv,
            validation_fraction=spec.validation_fraction,
            stratify=not self.regression,
            work=stored * classes * len(self.candidates),
            seed=spec.seed,
        )

    def _feature_statistics(self) -> FeatureStatistics:
        rows = self.train_rows[: self.values["num_point_for_scaler"]]
        found = feature_statistics(self.reader, rows, self.data.sample_weight[rows])
        bad = np.flatnonzero(~np.isfinite(found.deviation))
        if len(bad):
            raise AllCandidatesDivergedError(
                f"Feature {bad[0]} holds values so large that their squares overflow; "
                "scale the features, for example with sklearn.preprocessing."
                "RobustScaler, or drop that one."
            )
        return found

    def _prepare_labels(self) -> None:
        """Centre and scale labels in float64 before they become float32."""
        y, weights = self.data.y, self.data.sample_weight
        dtype = self.reader.dtype
        total = weights[self.train_rows].mean()
        self.weights = (weights / total).astype(dtype)
        self.label_origin, self.label_unit = 0.0, 1.0
        n_groups = self.plan.n_groups
        self.label_shift, self.label_scale = np.zeros(n_groups), np.ones(n_groups)
        if self.regression:
            unbias = self._flag("unbias_label", self.values["use_bias"])
            normalize = self._flag("normalize_label", True)
            rows = self.train_rows[: self.values["num_point_for_scaler"]]
            self.label_origin, self.label_unit = label_statistics(
                y[rows], weights[rows], normalize, unbias
            )
            y = (y - self.label_origin) / self.label_unit
            for group in range(1, n_groups):
                fit_rows = np.setdiff1d(rows, self.plan.train[group - 1])
                if len(fit_rows):
                    self.label_shift[group], self.label_scale[group] = label_statistics(
                        y[fit_rows], weights[fit_rows], normalize, unbias
                    )
        self.labels = y.astype(dtype)
        self.loss_unit = self.label_unit**self.loss.degree
        plan = self.plan
        if plan.kind == "given":
            val_y = (plan.y - self.label_origin) / self.label_unit
            self.val_labels = val_y.astype(dtype)
            self.val_weights = plan.weights.astype(dtype)
        else:
            self.val_labels, self.val_weights = self.labels, self.weights

    def _flag(self, name: str, auto: bool) -> bool:
        value = self.values[name]
        return auto if value == "auto" else bool(value)

    def _make_blocks(self) -> list[ColumnBlock]:
        values, spec = self.values, self.spec
        optimizer = values["optimizer"]
        if optimizer == "sgd" and values["momentum"] > 0:
            optimizer = "momentum"
        objective = Objective(
            loss=self.loss.name,
            loss_parameter=0.0,
            n_classes=spec.n_classes,
            optimizer=optimizer,
            constants={
                "beta_1": values["beta_1"],
                "beta_2": values["beta_2"],
                "eps": 1e-8,
                "momentum": values["momentum"],
            },
            use_bias=values["use_bias"],
            bias_lr_mult=values["bias_lr_mult"],
            bias_wd_mult=values["bias_wd_mult"],
        )
        # As in SageMaker: sparse features are not shifted unless asked for.
        shifted = self._flag("unbias_data", values["use_bias"])
        if values["unbias_data"] == "auto" and self.reader.sparse:
            shifted = False
        kinds = dict.fromkeys(self.candidates.scaling)
        scales = {kind: self.statistics.scale(kind) for kind in kinds}
        boost = None
        if self.reader.sparse:
            # Penalties act when a batch touches a feature: as much stronger as
            # that is rarer. SGD without momentum catches up exactly instead.
            boost = np.ones(self.reader.n_features)
            if optimizer != "sgd" and not shifted:
                share = stored_counts(self.data.X, self.rows) / len(self.rows)
                touched = -np.expm1(self.batch * np.log1p(-share.clip(0, 1 - 1e-16)))
                boost = 1.0 / np.maximum(touched, 1.0 / len(self.rows))
        width = self.plan.n_groups * (spec.n_classes if self.loss.coupled else 1)
        per_block = max(1, BLOCK_COLUMNS // width)
        n_blocks = -(-len(self.candidates) // per_block)
        blocks = []
        for number, index in enumerate(
            np.array_split(np.arange(len(self.candidates)), n_blocks)
        ):
            chosen = self.candidates.take(index)
            blocks.append(
                ColumnBlock(
                    self.reader,
                    chosen,
                    [scales[kind] for kind in chosen.scaling],
                    self.statistics.mean if shifted else None,
                    self.label_shift,
                    self.label_scale,
                    boost,
                    objective,
                    self._initial(number),
                    values["init_bias"] if values["use_bias"] else 0.0,
                )
            )
        return blocks

    def _initial(self, number: int):
        """Random starting weights if the user asks for them; else zeros."""
        method = self.values["init_method"]
        if method == "auto":
            return None
        rng = np.random.default_rng([self.spec.seed, 0x1217, number])
        d = self.reader.n_features
        if method == "uniform":
            scale = self.values["init_scale"]
            return lambda n: rng.uniform(-scale, scale, (d, n))
        sigma = self.values["init_sigma"]
        return lambda n: rng.normal(0.0, sigma, (d, n))

    # ---------------------------------------------------------------- training
    def train(self, monitor: Monitor | None = None) -> ModelState:
        """Train all candidates, select one, calibrate its threshold."""
        jobs = min(effective_n_jobs(self.spec.n_jobs), len(self.blocks))
        with _blas().limit(limits=1, user_api="blas"):
            if jobs > 1:
                with Parallel(n_jobs=jobs, prefer="threads") as parallel:
                    self._epochs(monitor, parallel)
            else:
                self._epochs(monitor, None)
            return self._select()

    def _epochs(self, monitor, parallel) -> None:
        folded = self.plan.kind == "folds"
        step = 0
        row_bytes = self.reader.nbytes / self.reader.shape[0]
        run = run_length(row_bytes, row_bytes * len(self.rows), self.batch)
        count = sum(n_batches(len(rows), self.batch) for rows in self.plan.train)
        total = count * self.epochs
        for epoch in range(self.epochs):
            order, bounds, fold = epoch_order(
                self.plan.train, self.batch, self.spec.seed, epoch, run
            )
            if not folded:
                fold = np.full_like(fold, -1)
            running = [
                (block, progress)
                for block, progress in zip(self.blocks, self.progress, strict=True)
                if len(block.active)
            ]
            work = [
                (
                    block,
                    progress,
                    (order, bounds, fold),
                    learning_rates(block.candidates, step, count, total),
                    epoch,
                )
                for block, progress in running
            ]
            if parallel is None:
                for item in work:
                    self._block_epoch(*item)
            else:
                parallel(delayed(self._block_epoch)(*item) for item in work)
            step += count
            stop = False
            if monitor is not None:
                stop = bool(monitor(epoch, self.epochs, self._summary()))
            if stop or not any(len(block.active) for block in self.blocks):
                break

    def _block_epoch(self, block, progress, batches, rates, epoch) -> None:
        # Of a diverged model only; errstate belongs to the thread.
        with np.errstate(all="ignore"):
            self._train_block(block, progress, batches, rates, epoch)

    def _train_block(self, block, progress, batches, rates, epoch) -> None:
        train_loss = block.train_epoch(*batches, self.labels, self.weights, rates)
        loss = block.validation_loss(
            self.plan.reader, self.plan.parts, self.val_labels, self.val_weights
        )
        if self.plan.kind == "training":
            # No rows that would punish a candidate for too large weights: go by
            # the objective that it minimises.
            loss = loss + block.penalty()
        # Labels are seen scaled; report losses in the user's units.
        train_loss, loss = train_loss * self.loss_unit, loss * self.loss_unit
        counted = np.ones(len(block.active), dtype=bool)
        if self.patient and 2 * (epoch + 1) < self.epochs:
            # A rate that anneals settles late: "auto" starts to count in the
            # second half of such a schedule.
            counted = block.candidates.schedule[block.active] != "cosine"
        better, gone = progress.record(
            block.active,
            epoch,
            train_loss,
            loss,
            counted=counted,
            patience=self.values["early_stopping_patience"],
            tolerance=self.values["early_stopping_tolerance"],
        )
        block.keep(better)
        block.drop(gone)

    def _summary(self) -> dict[str, float]:
        """Losses of the best candidate so far, for progress reports."""
        best = min(
            ((p.best_loss.min(), number) for number, p in enumerate(self.progress)),
        )
        progress = self.progress[best[1]]
        model = int(np.argmin(progress.best_loss))
        return {
            "train_loss": float(progress.train_curve[-1][model]),
            "validation_loss": float(best[0]),
            "n_active": sum(len(block.active) for block in self.blocks),
        }

    # --------------------------------------------------------------- selection
    def _select(self) -> ModelState:
        place = [
            (block, progress, model)
            for block, progress in zip(self.blocks, self.progress, strict=True)
            for model in range(block.n_models)
        ]
        status = np.concatenate([p.status for p in self.progress])
        loss = np.concatenate([p.best_loss for p in self.progress])
        usable = (status != "diverged") & np.isfinite(loss)
        if not usable.any():
            raise AllCandidatesDivergedError(self._blame())
        if not usable.all() and self.spec.hyperparameters["learning_rate"] != "auto":
            # Rates of our own grid may fail: that is what a grid is for.
            warnings.warn(
                f"{np.count_nonzero(~usable)} of {len(usable)} candidate models "
                "diverged and were dropped; candidates_['status'] says which. Set a "
                "smaller learning_rate, or 'auto', to keep them.",
                CandidateDivergedWarning,
                stacklevel=2,
            )
        score = np.where(usable, -loss, -np.inf)
        cuts = np.zeros(len(usable))
        binary = self.spec.predictor_type == "binary_classifier"
        if binary:
            name = self.values["binary_classifier_model_selection_criteria"]
            criterion = CRITERIA[name]
            if criterion.curve is not None:
                calibrate_candidates(
                    criterion,
                    place,
                    usable,
                    self.plan,
                    self.values["num_calibration_samples"],
                    self.spec.seed,
                    score,
                    cuts,
                )
        best = int(ranking(score, loss)[0])
        block, progress, model = place[best]
        coef, intercept = block.solution(model)
        n_iter = int(progress.n_iter[model])
        curves = [
            np.array([epoch[model] for epoch in curve[:n_iter]])
            for curve in (progress.train_curve, progress.validation_curve)
        ]
        thresholds = expit(cuts)
        return ModelState(
            coef=coef * self.label_unit,
            intercept=intercept * self.label_unit + self.label_origin,
            threshold=float(thresholds[best]) if binary else None,
            n_iter=n_iter,
            best_index=best,
            best_params=self.candidates.params(best),
            best_score=float(score[best]),
            candidates=candidate_table(
                self.candidates,
                self.progress,
                score,
                thresholds if binary else None,
            ),
            loss_curve=curves[0],
            validation_curve=None if self.plan.kind == "training" else curves[1],
            resolved={
                **{name: self.values[name] for name in AUTO if name in self.values},
                "mini_batch_size": self.batch,
                "epochs": self.epochs,
                "validation": self.plan.kind,
                "loss": self.loss.name,
            },
        )

    def _blame(self) -> str:
        """What to say when every candidate diverged."""
        size = np.hypot(self.statistics.mean, self.statistics.deviation)
        worst = np.argsort(-size)[:3]
        names = ", ".join(f"feature {j} (size about {size[j]:.3g})" for j in worst)
        remedies = []
        if self.values["normalize_data"] not in (True, "auto"):
            remedies.append("set normalize_data='auto' or scale the features")
        if self.values["learning_rate"] != "auto":
            rate = self.values["learning_rate"]
            remedies.append(f"set a learning_rate below {rate:g}, or 'auto'")
        if not remedies:
            remedies.append("scale the features or drop extreme values")
        return (
            f"All {len(self.candidates)} candidate models diverged. The largest "
            f"features are {names}; {' and '.join(remedies)}."
        )


def train_linear(
    spec: TrainingSpec, data: TrainingData, monitor: Monitor | None = None
) -> ModelState:
    """Train Linear Learner's candidates and return the selected model.

    Parameters
    ----------
    spec : TrainingSpec
    data : TrainingData
    monitor : callable or None
        Called after each epoch with its number, the planned number of epochs
        and a dict of losses; a true answer ends the training there.

    Returns
    -------
    state : ModelState

    Raises
    ------
    AllCandidatesDivergedError
        If no candidate stayed finite.
    """
    return LinearRun(spec, data).train(monitor)
