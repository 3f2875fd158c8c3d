"""A training run of Linear Learner: from rows to the trained candidates."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import OPTIMIZERS, RowReader
from sklearn_sagemaker._state import ModelState, Monitor, TrainingData, TrainingSpec
from sklearn_sagemaker._threads import (
    Spread,
    processors,
    thread_count,
    threads,
)
from sklearn_sagemaker.training.linear.block import ROW_PARTS, ColumnBlock
from sklearn_sagemaker.training.linear.blocks import (
    make_blocks,
    models_per_block,
    penalty_boost,
)
from sklearn_sagemaker.training.linear.candidates import check_models, make_candidates
from sklearn_sagemaker.training.linear.choice import TrainedLinear, select
from sklearn_sagemaker.training.linear.resume import merge_states, resume_blocks
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.linear.stream import train_stream
from sklearn_sagemaker.training.linear.team import Team
from sklearn_sagemaker.training.memory import check_epochs
from sklearn_sagemaker.training.precision import in_safe_precision
from sklearn_sagemaker.training.progress import Progress
from sklearn_sagemaker.training.sagemaker_rules import scaler_rows
from sklearn_sagemaker.training.scaling import (
    FeatureStatistics,
    check_statistics,
    check_targets,
    feature_statistics,
    label_statistics,
    stored_counts,
    zeros_share,
)
from sklearn_sagemaker.training.schedule import (
    epoch_order,
    learning_rates,
    n_batches,
    plan_updates,
    run_length,
)
from sklearn_sagemaker.training.selection.validation import (
    ValidationPlan,
    given_rows,
    plan_validation,
    stored_values,
)
from sklearn_sagemaker.training.weights import comparable

TEAM_WORK = 2_000_000
"""Stored values of a pass below which threads of a team would mostly wait."""


def _quietly(work: Callable, *arguments: Any) -> Any:
    """Call without warnings of overflow, which only a diverged model meets."""
    # errstate belongs to the thread.
    with np.errstate(all="ignore"):
        return work(*arguments)


class LinearRun:
    """One training run; `train` does it all.

    Parameters
    ----------
    spec : TrainingSpec
    data : TrainingData
    """

    def __init__(self, spec: TrainingSpec, data: TrainingData):
        data = in_safe_precision(self._comparable(data), spec.feature_names)
        self.spec, self.data = spec, data
        self.settings = LinearSettings(spec)
        self.values = self.settings.values
        self.loss = self.settings.loss
        self.reader = RowReader(data.X)
        # Rows of zero weight are absent: from folds, shuffling and statistics.
        self.rows = np.flatnonzero(data.sample_weight > 0).astype(np.int64)
        self.candidates = make_candidates(self.values, bool(self.reader.sparse))
        self.stored = self._stored()
        self.plan = self._plan_validation()
        self.train_rows = self.plan.train_rows
        self.batch, self.epochs = plan_updates(
            self._n_train(), self.values["mini_batch_size"], self.values["epochs"]
        )
        self._check_memory()
        self.statistics = self._feature_statistics()
        self._prepare_labels()
        self.jobs = thread_count(spec.n_jobs)
        # Epochs of the trainings that this one continues: each has its own order.
        self.trained = spec.resume["epochs"] if spec.resume is not None else 0

    # ------------------------------------------------------------- preparation
    def _comparable(self, data: TrainingData) -> TrainingData:
        """The data with weights of a usual size."""
        return comparable(data)

    def _stored(self) -> int:
        """Values that the rows store, which a pass over them costs."""
        return stored_values(self.data.X, self.rows)

    def _n_train(self) -> int:
        """How many rows train."""
        return len(self.train_rows)

    def _class_multipliers(self) -> np.ndarray:
        """Factor of the loss of each class."""
        rows = self.train_rows
        return self.settings.class_multipliers(
            self.data.y[rows], self.data.sample_weight[rows], len(self._scaler_rows())
        )

    def _scaler_rows(self) -> np.ndarray:
        """The rows that scalers are learned from."""
        count = self.values["num_point_for_scaler"]
        if self.settings.sagemaker_rules:
            count = scaler_rows(len(self.train_rows), count, self.batch)
        return self.train_rows[:count]

    def _mean_loss_weight(self, loss_weights: np.ndarray) -> float:
        """Mean weight in the loss of the rows that train."""
        return loss_weights[self.train_rows].mean()

    def _stored_counts(self) -> tuple[np.ndarray, int]:
        """How many rows store each feature of CSR rows, and of how many."""
        return stored_counts(self.data.X, self.rows), len(self.rows)

    def _plan_validation(self) -> ValidationPlan:
        data, spec = self.data, self.spec
        classes = spec.n_classes if self.loss.coupled else 1
        return plan_validation(
            self.reader,
            data.y,
            data.sample_weight,
            self.rows,
            given_rows(data),
            cv=spec.cv,
            validation_fraction=spec.validation_fraction,
            stratify=not self.settings.regression,
            work=self.stored * classes * len(self.candidates),
            seed=spec.seed,
        )

    def _check_memory(self) -> None:
        """Refuse what cannot be held, before there is any of it."""
        patient = self.settings.patient and (self.candidates.schedule == "cosine").any()
        check_epochs(
            self.epochs,
            None if patient else self.values["early_stopping_patience"],
            len(self.candidates),
        )
        classes = self.spec.n_classes if self.loss.coupled else 1
        layers = 2 + OPTIMIZERS[self.settings.kernel_optimizer].n_states
        numbers = self.reader.n_features * self.plan.n_fits * classes * layers
        wanted = self.values["num_models"]
        check_models(len(self.candidates), numbers, self.reader.dtype, wanted)

    def _feature_statistics(self) -> FeatureStatistics:
        if self.spec.resume is not None:
            # The weights and the optimizer's state are in the units of these.
            return replace(
                FeatureStatistics(*self.spec.resume["statistics"]),
                keep_constants=self.settings.sagemaker_rules,
                centred=bool(self.spec.resume["shifted"]),
            )
        sparse = bool(self.reader.sparse)
        scaled = self.settings.flag("normalize_data", True)
        centred = self.settings.flag(
            "unbias_data", self.values["use_bias"] and not sparse
        )
        if not scaled and not centred:
            # Neither scaled nor centred: nothing to learn.
            d = self.reader.n_features
            return FeatureStatistics(
                np.zeros(d), np.ones(d), np.ones(d) if sparse else None
            )
        rows = self._scaler_rows()
        found = feature_statistics(self.reader, rows, self.data.sample_weight[rows])
        check_statistics(found, self.spec.feature_names)
        return replace(
            found,
            zeros=zeros_share(self.data.X, rows),
            keep_constants=self.settings.sagemaker_rules,
        )

    def _prepare_labels(self) -> None:
        """Centre and scale labels in float64 before they become float32."""
        y, weights, plan = self.data.y, self.data.sample_weight, self.plan
        dtype = self.reader.dtype
        self.multipliers = self._class_multipliers()
        factor: Any = 1.0
        if not self.settings.regression:
            factor = self.multipliers[y.astype(int)]
        self.loss_weights = weights * factor
        self.mean_weight = self._mean_loss_weight(self.loss_weights)
        self.loss_weights /= self.mean_weight
        self.weights = self.loss_weights.astype(dtype)
        self.label_origin, self.label_unit = 0.0, 1.0
        shift, scale = np.zeros(plan.n_fits), np.ones(plan.n_fits)
        resume = self.spec.resume
        if resume is not None:
            self.label_origin, self.label_unit, old_shift, old_scale = resume["labels"]
            if len(old_shift) != plan.n_fits:
                raise ValueError(
                    f"This training has {plan.n_fits - 1} folds, the one that it is "
                    f"to continue had {len(old_shift) - 1}; keep cv, or set "
                    "warm_start=False to start anew."
                )
            shift, scale = old_shift, old_scale
            y = (y - self.label_origin) / self.label_unit
        elif self.settings.regression:
            trained = self.train_rows
            check_targets(y[trained])
            self.settings.warn_of_scale(y[trained], weights[trained])
            unbias = self.settings.flag("unbias_label", self.values["use_bias"])
            normalize = self.settings.flag("normalize_label", True)
            rows = self._scaler_rows()
            self.label_origin, self.label_unit = label_statistics(
                y[rows], weights[rows], normalize, unbias
            )
            y = (y - self.label_origin) / self.label_unit
            for fit in range(1, plan.n_fits):
                fit_rows = plan.trained_by(fit, rows)
                if len(fit_rows):
                    shift[fit], scale[fit] = label_statistics(
                        y[fit_rows], weights[fit_rows], normalize, unbias
                    )
        self.labels = y.astype(dtype)
        self.label_scaler = self.settings.label_scaler(shift, scale, self.label_unit)
        self.loss_unit = self.label_unit**self.loss.degree
        if plan.reader is not self.reader:
            val_y = (plan.y - self.label_origin) / self.label_unit
            self.val_labels = val_y.astype(dtype)
            self.val_loss_weights = plan.weights
            if not self.settings.regression:
                self.val_loss_weights = (
                    plan.weights * self.multipliers[plan.y.astype(int)]
                )
            self.val_weights = self.val_loss_weights.astype(dtype)
        else:
            self.val_labels, self.val_weights = self.labels, self.weights
            self.val_loss_weights = self.loss_weights

    def _make_blocks(self, teams: ExitStack) -> list[ColumnBlock]:
        boost = None
        if self.reader.sparse:
            boost = penalty_boost(
                self.settings, self.statistics, *self._stored_counts(), self.batch
            )
        coupled = self.loss.coupled
        per_block = models_per_block(
            self.reader,
            len(self.candidates),
            self.plan.n_fits * (self.spec.n_classes if coupled else 1),
            # In other blocks columns depend on each other, if only by rounding.
            self.jobs if self.reader.sparse and not coupled else 1,
        )
        n_blocks = -(-len(self.candidates) // per_block)
        members = min(ROW_PARTS, max(1, self.jobs // n_blocks), processors())
        if self.reader.sparse or self.stored < TEAM_WORK:
            members = 1
        return make_blocks(
            self.settings,
            self.reader,
            self.candidates,
            self.statistics,
            self.label_scaler,
            boost,
            per_block,
            [teams.enter_context(Team(members)) for _ in range(n_blocks)],
        )

    # ---------------------------------------------------------------- training
    def train(self, monitor: Monitor | None = None) -> ModelState:
        """Train all candidates, select one, calibrate its threshold."""
        with ExitStack() as teams:
            self.blocks = self._make_blocks(teams)
            if self.spec.resume is not None:
                resume_blocks(self.blocks, self.spec.resume)
            n_parts = len(self.plan.parts)
            self.progress = [
                Progress.start(block.n_models, n_parts) for block in self.blocks
            ]
            with threads(min(self.jobs, len(self.blocks))) as spread:

                def quietly(work, *items) -> list:
                    return spread(partial(_quietly, work), *items)

                self._epochs(monitor, quietly)
            return self._select()

    def _epochs(self, monitor: Monitor | None, spread: Spread) -> None:
        self.step, self.total = 0, self._updates() * self.epochs
        for epoch in range(self.epochs):
            running = [
                (block, progress)
                for block, progress in zip(self.blocks, self.progress, strict=True)
                if len(block.active)
            ]
            self._epoch(epoch, running, spread)
            stop = False
            if monitor is not None:
                stop = bool(monitor(epoch, self.epochs, self._summary()))
            if stop or not any(len(block.active) for block in self.blocks):
                break

    def _updates(self) -> int:
        """Mini-batches of an epoch."""
        return sum(n_batches(len(rows), self.batch) for rows in self.plan.train)

    def _epoch(self, epoch: int, running: list, spread: Spread) -> None:
        """Train all running blocks once over the rows, and validate them."""
        # Of the rows that count only: absent rows must not change the order.
        values = self.stored / len(self.rows)
        row_bytes = values * self.data.X.dtype.itemsize
        if self.reader.sparse:
            row_bytes += values * self.data.X.indices.itemsize
        run = run_length(row_bytes, row_bytes * len(self.rows), self.batch)
        order, bounds, fold = epoch_order(
            self.plan.train, self.batch, self.spec.seed, self.trained + epoch, run
        )
        if self.plan.kind != "folds" or self.plan.trains is not None:
            fold = np.full_like(fold, -1)

        def work(block, progress):
            loss = block.train_epoch(
                order,
                bounds,
                fold,
                self.labels,
                self.weights,
                learning_rates(block.candidates, self.step, len(fold), self.total),
                self.plan.trains,
            )
            self._validate_block(block, progress, loss, epoch)

        spread(work, *zip(*running, strict=True))
        self.step += len(fold)

    def _validate_block(self, block, progress, train_loss, epoch: int) -> None:
        """Score a block's validation rows; keep the better models, drop some."""
        sums, total = block.validation_loss(
            self.plan.reader, self.plan.parts, self.val_labels, self.val_weights
        )
        loss = sums.sum(axis=0) / total.sum()
        if self.plan.kind == "training":
            # No rows that would punish a candidate for too large weights: go by
            # the objective that it minimises.
            loss = loss + block.penalty()
        # Labels are seen scaled; report losses in the user's units.
        train_loss, loss = train_loss * self.loss_unit, loss * self.loss_unit
        counted = np.ones(len(block.active), dtype=bool)
        if self.settings.patient:
            # A rate that anneals settles at the end: stopped before, the weights
            # are noise.
            counted = block.candidates.schedule[block.active] != "cosine"
        better, gone = progress.record(
            block.active,
            epoch,
            train_loss,
            loss,
            sums / total[:, None] * self.loss_unit,
            counted=counted,
            patience=self.values["early_stopping_patience"],
            tolerance=self.values["early_stopping_tolerance"],
            keep_improvements=self.settings.sagemaker_rules,
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

    def _select(self) -> ModelState:
        trained = TrainedLinear(
            spec=self.spec,
            settings=self.settings,
            plan=self.plan,
            candidates=self.candidates,
            progress=self.progress,
            train=(self.reader, self.data.y, self.data.sample_weight),
            loss_weights=(self.loss_weights, self.val_loss_weights),
            blocks=self.blocks,
            statistics=self.statistics,
            label_origin=self.label_origin,
            label_unit=self.label_unit,
        )
        state = None
        if self.spec.keep_state:
            shift, scale, _ = self.label_scaler
            state = {
                **merge_states(self.blocks),
                "seed": self.spec.seed,
                "epochs": self.trained
                + max(len(part.train_curve) for part in self.progress),
                "statistics": (
                    self.statistics.mean,
                    self.statistics.deviation,
                    self.statistics.present,
                    self.statistics.zeros,
                ),
                "shifted": self.settings.shifts_features(self.statistics),
                "labels": (self.label_origin, self.label_unit, shift, scale),
            }
        return select(trained, self.batch, self.epochs, state)


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
    ValueError
        If ``spec.resume`` does not fit the spec and the data.
    """
    if spec.stream:
        return train_stream(spec, data)
    return LinearRun(spec, data).train(monitor)
