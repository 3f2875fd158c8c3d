"""A training run of Linear Learner: from rows to the trained candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters import warn_user
from sklearn_sagemaker._hyperparameters.linear_learner import SOLVER
from sklearn_sagemaker._hyperparameters.signs import check_signs, unsolved_signs
from sklearn_sagemaker._kernels import OPTIMIZERS, RowReader
from sklearn_sagemaker._state import (
    ModelState,
    Monitor,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker._threads import (
    Spread,
    processors,
    quietly,
    thread_count,
    threads,
)
from sklearn_sagemaker.training.linear.block import ColumnBlock
from sklearn_sagemaker.training.linear.blocks import (
    TrainedBlock,
    make_blocks,
    models_per_block,
    penalty_boost,
)
from sklearn_sagemaker.training.linear.budget import MANY_CLASSES, how_many
from sklearn_sagemaker.training.linear.candidates import (
    Candidates,
    check_models,
    make_candidates,
)
from sklearn_sagemaker.training.linear.choice import TrainedLinear, select
from sklearn_sagemaker.training.linear.layout import is_narrow
from sklearn_sagemaker.training.linear.parts import cut_batches
from sklearn_sagemaker.training.linear.resume import (
    columns_state,
    known_columns,
    merge_states,
    on_columns,
    resume_blocks,
)
from sklearn_sagemaker.training.linear.rounds import Blueprint, LinearShards
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.linear.solver import Solver
from sklearn_sagemaker.training.linear.wide import WideSolver, check_wide, solves_wide
from sklearn_sagemaker.training.memory import check_epochs, check_width
from sklearn_sagemaker.training.pieces import Piece, train_epoch
from sklearn_sagemaker.training.progress import (
    Checkpoints,
    Progress,
    run_epochs,
    summary,
)
from sklearn_sagemaker.training.rows import ShardRows, plan_rows, rows_of
from sklearn_sagemaker.training.sagemaker_rules import scaler_rows
from sklearn_sagemaker.training.scaling import (
    FeatureStatistics,
    check_statistics,
    check_targets,
    feature_statistics,
    label_statistics,
    zeros_share,
)
from sklearn_sagemaker.training.schedule import (
    epoch_order,
    learning_rates,
    plan_updates,
    run_length,
)
from sklearn_sagemaker.training.selection.validation import FOLDS
from sklearn_sagemaker.training.targets import Targets
from sklearn_sagemaker.training.team import Team

OF_SOFTMAX = 25
"""Multiplications that the probability of a class of several costs."""
ROWS_EACH = 5
"""With many classes, and so many rows for each on average, one split takes the place of
folds, which would take 20 times as long as one fit where it takes three."""
FEW_ROWS, MANY_FOLDS = 100, 8
"""Up to so many rows, and with more features, least squares have more folds: where
few features count, a few rows more or less decide which of them are found."""
TEAM_WORK = 2_000_000
"""Stored values of a pass below which threads of a team would mostly wait."""


class LinearRun:
    """One training run; `train` does it all.

    Parameters
    ----------
    spec : TrainingSpec
    data : TrainingData or WindowedData

    Raises
    ------
    ValueError
        If ``spec.resume`` does not fit the spec and the data.
    """

    def __init__(self, spec: TrainingSpec, data: TrainingData | WindowedData):
        if isinstance(data, TrainingData):
            width = data.X.shape[1]
        else:
            width = data.source.contents.n_features
        check_width(width, spec)
        check_signs(spec, width)
        self.source = rows_of(spec, data, known_columns(spec, width))
        self.columns = self.source.columns
        self.spec = spec = on_columns(self.source.spec, self.columns)
        self.data = data = self.source.data
        self.settings = LinearSettings(spec)
        self.values = self.settings.values
        self.loss = self.settings.loss
        self.reader = RowReader(data.X)
        # Rows of zero weight are absent: from folds, shuffling and statistics.
        self.rows = np.flatnonzero(data.sample_weight > 0).astype(np.int64)
        self.candidates = make_candidates(self.values, bool(self.reader.sparse))
        self.stored = self.source.stored(self.rows)
        self.plan = plan_rows(
            self.source,
            self.reader,
            self.rows,
            stratify=not self.settings.regression,
            work=1 << 62 if self._one_split else self._work() * len(self.candidates),
            folds=MANY_FOLDS if self._few_rows else FOLDS,
        )
        self.train_rows = self.plan.train_rows
        self.batch, self.epochs = plan_updates(
            self.source.n_train(self.plan),
            self.values["mini_batch_size"],
            self.values["epochs"],
        )
        width = self.plan.n_fits * self.settings.n_outputs * len(self.candidates)
        work = 4 * self.epochs * self.stored * width
        self._decide_on_solving(work)
        self._check_solver()
        self._check_memory()
        self.statistics = self._feature_statistics()
        self.multipliers = self._class_multipliers()
        origin, unit, shift, scale = self._label_scalers()
        self.label_scaler = self.settings.label_scaler(shift, scale, unit)
        self.loss_unit = unit**self.loss.degree
        self.targets = Targets(
            self.source, self.plan, self.reader, origin, unit, self.multipliers
        )
        self.jobs = thread_count(spec.n_jobs)
        # Epochs of the trainings that this one continues: each has its own order.
        self.trained = spec.resume["epochs"] if spec.resume is not None else 0

    # ------------------------------------------------------------- preparation
    def _decide_on_solving(self, work: int) -> None:
        """Whether all candidates are solved, or some beside others, or none."""
        n_models, given = len(self.candidates), (self.settings, self.source)
        self.wide = solves_wide(*given, self.plan, self.reader)
        self.n_solved = n_models
        if not self.wide:
            self.n_solved = how_many(*given, self.plan, self.reader, n_models, work)
        self.solved = self.n_solved == n_models
        if 0 < self.n_solved < n_models:
            values = {**self.values, "num_models": n_models - self.n_solved}
            self.candidates = make_candidates(values, bool(self.reader.sparse))

    def _work(self) -> int:
        """Multiplications of a pass for each model."""
        each = len(self.rows) * OF_SOFTMAX if self.loss.coupled else 0
        return (self.stored + each) * self.settings.n_outputs

    @property
    def _one_split(self) -> bool:
        """Whether automatic folds of all models would be too many."""
        if self.settings.stepwise or not self.loss.coupled:
            return False
        classes = self.settings.n_outputs
        return classes > MANY_CLASSES and len(self.rows) >= ROWS_EACH * classes

    @property
    def _few_rows(self) -> bool:
        """Whether a fifth of the rows would be missed in folds."""
        if self.settings.stepwise or self.loss.name != "squared_loss":
            return False
        return len(self.rows) <= min(FEW_ROWS, self.reader.n_features)

    def _scaler_rows(self) -> np.ndarray:
        """The rows that scalers are learned from."""
        count = self.values["num_point_for_scaler"]
        if self.settings.sagemaker_rules:
            count = scaler_rows(len(self.train_rows), count, self.batch)
        return self.train_rows[:count]

    def _check_solver(self) -> None:
        """Refuse what only the solver can do, where it cannot, and the reverse."""
        resume = self.spec.resume
        if self.settings.signed and not self.solved:
            raise unsolved_signs(self.spec)
        if self.settings.solver_alone and not self.solved:
            raise ValueError(
                f"optimizer={SOLVER!r} cannot solve {self.loss.name} on rows like "
                "these: it takes not too many features, for all but squared_loss rows "
                "in memory, and for smooth ones a penalty; set optimizer='auto'."
            )
        for name in self.settings.steps if self.settings.solver_alone else ():
            warn_user(
                f"{name}={self.values[name]!r} has no effect with "
                f"optimizer={SOLVER!r}; leave it out, or set optimizer='auto'."
            )
        if resume is not None and "solved" in resume and not self.solved:
            raise ValueError(
                "Steps cannot go on from candidates that were solved, which are at "
                "their optimum; leave the settings of steps at 'auto', or set "
                "warm_start=False to start anew."
            )

    def _check_memory(self) -> None:
        """Refuse what cannot be held, before there is any of it."""
        if self.wide:
            check_wide(self.settings, self.source, self.plan)
            return
        if self.solved:
            numbers = self.reader.n_features * self.plan.n_fits
            wanted = self.values["num_models"]
            check_models(len(self.candidates), numbers, np.dtype(float), wanted)
            return
        patient = self.settings.patient and (self.candidates.schedule == "cosine").any()
        check_epochs(
            self.epochs,
            None if patient else self.values["early_stopping_patience"],
            len(self.candidates),
        )
        layers = 2 + OPTIMIZERS[self.settings.kernel_optimizer].n_states
        columns = self.plan.n_fits * self.settings.n_outputs
        numbers = self.reader.n_features * columns * layers
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

    def _class_multipliers(self) -> np.ndarray | None:
        """Factor on the weights of each class; None for regression."""
        if self.settings.regression:
            return None
        return self.settings.class_multipliers(
            *self.source.classes(self.plan), self.source.first(len(self._scaler_rows()))
        )

    def _label_scalers(self) -> tuple[float, float, np.ndarray, np.ndarray]:
        """Origin and unit of the labels, and then shift and scale of each fit's."""
        plan, resume = self.plan, self.spec.resume
        origin, unit = 0.0, 1.0
        shift, scale = np.zeros(plan.n_fits), np.ones(plan.n_fits)
        if resume is not None:
            origin, unit, shift, scale = resume["labels"]
            if len(shift) != plan.n_fits:
                raise ValueError(
                    f"This training has {plan.n_fits - 1} folds, the one that it is "
                    f"to continue had {len(shift) - 1}; keep cv, or set "
                    "warm_start=False to start anew."
                )
        elif self.settings.regression:
            y, weights = self.data.y, self.data.sample_weight
            check_targets(y[self.train_rows])
            self.settings.warn_of_scale(y[self.train_rows], weights[self.train_rows])
            normalize = self.settings.scales_labels
            unbias = self.settings.centres_labels
            rows = self._scaler_rows()
            origin, unit = label_statistics(y[rows], weights[rows], normalize, unbias)
            scaled = (y - origin) / unit
            for fit in range(1, plan.n_fits):
                mine = plan.trained_by(fit, rows)
                if len(mine):
                    shift[fit], scale[fit] = label_statistics(
                        scaled[mine], weights[mine], normalize, unbias
                    )
        return origin, unit, shift, scale

    def _models_per_block(self) -> int:
        return models_per_block(
            self.reader,
            len(self.candidates),
            self.plan.n_fits * self.settings.n_outputs,
        )

    def _make_blocks(self, per_block: int, teams: ExitStack) -> list[ColumnBlock]:
        boost = self._boost()
        n_blocks = -(-len(self.candidates) // per_block)
        columns = per_block * self.plan.n_fits * self.settings.n_outputs
        cut = cut_batches(
            self.reader,
            self.batch,
            columns,
            is_narrow(self.reader, columns),
            min(max(1, self.jobs // n_blocks), processors()),
        )
        members = 1 if self.stored < TEAM_WORK else cut.members
        return make_blocks(
            self.settings,
            self.reader,
            self.columns,
            self.candidates,
            self.statistics,
            self.label_scaler,
            boost,
            per_block,
            [teams.enter_context(Team(members)) for _ in range(n_blocks)],
        )

    def _boost(self) -> np.ndarray | None:
        if not self.reader.sparse:
            return None
        counts = self.source.stored_counts(self.rows)
        return penalty_boost(self.settings, self.statistics, *counts, self.batch)

    def _on_shards(self, per_block: int, updates: int) -> LinearShards | None:
        """What trains the blocks where the rows are, if they are in shards."""
        if not isinstance(self.source, ShardRows):
            return None
        # As many steps as one machine takes, each by fewer rows.
        batch = max(1.0, self.batch / self.source.shards.n_shards)
        blueprint = Blueprint(
            self.source.reading(),
            replace(self.spec, resume=None, keep_state=False),
            bool(self.reader.sparse),
            self.candidates,
            self.statistics,
            self.label_scaler,
            # Moves are joined to those of as many steps as one machine makes.
            self._boost(),
            per_block,
            self.targets.of_loss,
            batch,
            self.total,
        )
        return LinearShards(self.source, blueprint, updates)

    # ---------------------------------------------------------------- training
    def train(
        self, monitor: Monitor | None = None, checkpoints: Checkpoints | None = None
    ) -> ModelState:
        """Train all candidates, select one, calibrate its threshold.

        Raises
        ------
        AllCandidatesDivergedError
            If no candidate stayed finite.
        """
        saved = checkpoints.restore() if checkpoints else None
        if saved and not self._is_of(saved):
            # Of a version that trained other columns, or solved otherwise.
            saved = None
        with ExitStack() as teams:
            # Until the end: what is chosen may be solved further.
            spread = teams.enter_context(threads(self.jobs, self.reader.nbytes))
            if self.solved and (saved is None or "solved" in saved):
                return self._solve(spread, monitor, checkpoints, saved)
            # Blocks as they were, whatever the threads.
            per_block = saved["per_block"] if saved else self._models_per_block()
            self.blocks = self._make_blocks(per_block, teams)
            if self.spec.resume is not None:
                resume_blocks(self.blocks, self.spec.resume)
            n_parts = len(self.plan.parts)
            self.progress = [
                Progress.start(block.n_models, n_parts) for block in self.blocks
            ]
            updates = self.source.updates(self.plan, self.batch)
            self.step, self.total = 0, updates * self.epochs
            self.on_shards = self._on_shards(per_block, updates)
            start = self._continue_from(saved) if saved else 0
            after = partial(self._keep, checkpoints, per_block) if checkpoints else None
            epoch = partial(self._epoch, quietly(spread))
            run_epochs(self.epochs, epoch, self.progress, monitor, start, after)
            trained: list[TrainedBlock] = [block.best for block in self.blocks]
            return self._select(trained + self._solved_beside(spread), spread)

    def _solver(self, spread: Spread) -> Any:
        given = (
            self.settings,
            self.source,
            self.plan,
            self.reader,
            self.targets,
            self.statistics,
            self.label_scaler,
        )
        if self.wide:
            return WideSolver(*given, quietly(spread))
        return Solver(*given, self.n_solved, quietly(spread))

    def _solved_beside(self, spread: Spread) -> list[TrainedBlock]:
        """Candidates that are solved beside those of blocks, whatever came of them.

        Early stopping is a penalty too, and steps may have found better ones.
        """
        if not self.n_solved:
            return []
        with np.errstate(all="ignore"):
            solver = self._solver(spread)
            candidates, columns = solver.solve()
            self.candidates = self.candidates.and_others(candidates)
            self.progress.append(solver.progress(columns, self.loss_unit))
        return [columns]

    def _solve(
        self,
        spread: Spread,
        monitor: Monitor | None,
        checkpoints: Checkpoints | None,
        saved: dict[str, Any] | None,
    ) -> ModelState:
        """Solve all candidates in one step, and select one."""
        with np.errstate(all="ignore"):
            solver = self._solver(spread)
            if saved:
                self.candidates = Candidates(**saved["candidates"])
                columns = solver.columns(self.candidates, **saved["solved"])
            else:
                self.candidates, columns = solver.solve()
                if checkpoints:
                    state = {
                        "epochs": 1,
                        "solved": columns.checkpoint(),
                        "candidates": self.candidates.columns,
                    }
                    checkpoints.epoch_ends(1, lambda: state)
            self.progress = [solver.progress(columns, self.loss_unit)]
        if monitor is not None:
            monitor(0, 1, summary(self.progress, 0, columns.n_models))
        return self._select([columns], spread)

    def _is_of(self, saved: dict[str, Any]) -> bool:
        """Whether a checkpoint has the numbers of such a run."""
        if "solved" in saved:
            return ("scores" in saved["solved"]) == self.wide
        d = self.reader.n_features
        return all(len(block["best_weights"]) == d for block in saved["blocks"])

    def _keep(self, checkpoints: Checkpoints, per_block: int, number: int) -> None:
        """Offer the state after so many epochs."""
        checkpoints.epoch_ends(
            number,
            lambda: {
                "epochs": number,
                "per_block": per_block,
                "step": self.step,
                "blocks": [block.checkpoint() for block in self.blocks],
                "progress": [part.checkpoint() for part in self.progress],
            },
        )

    def _continue_from(self, checkpoint: dict[str, Any]) -> int:
        """Be as when the checkpoint was taken; returns the epochs done."""
        for block, saved in zip(self.blocks, checkpoint["blocks"], strict=True):
            block.continue_from(saved)
        self.progress = [Progress(**saved) for saved in checkpoint["progress"]]
        self.step = checkpoint["step"]
        return checkpoint["epochs"]

    def _epoch(self, spread: Spread, epoch: int) -> int:
        """Train and validate the active candidates; returns how many go on."""
        running = [
            (block, progress)
            for block, progress in zip(self.blocks, self.progress, strict=True)
            if len(block.active)
        ]
        number = self.trained + epoch
        if self.on_shards is not None:
            losses, self.step = self.on_shards.epoch(number, self.blocks, self.step)
        else:
            pieces = self.source.pieces(number, self.plan, self.reader)
            losses = train_epoch(pieces, self._begin, running, spread)
        validate = partial(self._validate_block, epoch)
        spread(validate, *zip(*running, strict=True), losses)
        return sum(len(block.active) for block in self.blocks)

    def _begin(self, piece: Piece) -> tuple[Callable[..., np.ndarray], float]:
        """What trains a block on some rows, and their weight."""
        run = self._run_length() if piece.whole else 1
        order, bounds, fold = epoch_order(piece.folds, self.batch, piece.rng, run)
        if self.plan.kind != "folds" or self.plan.trains is not None:
            fold = np.full_like(fold, -1)
        labels, weights = self.targets.of(piece)
        step = self.step
        self.step += len(fold)

        def train(block: ColumnBlock, progress: Progress) -> np.ndarray:
            rates = learning_rates(block.candidates, step, len(fold), self.total)
            return block.train_epoch(
                order,
                bounds,
                fold,
                labels,
                weights,
                rates,
                self.plan.trains,
                piece.reader,
            )

        return train, piece.share(weights)

    def _run_length(self) -> int:
        """Neighbouring rows in memory that are shuffled as one."""
        # Of the rows that count only: absent rows must not change the order.
        values = self.stored / len(self.rows)
        row_bytes = values * self.data.X.dtype.itemsize
        if self.reader.sparse:
            row_bytes += values * self.data.X.indices.itemsize
        return run_length(row_bytes, row_bytes * len(self.rows), self.batch)

    def _validate_block(self, epoch: int, block, progress, train_loss) -> None:
        """Score a block's validation rows; keep the better models, drop some."""
        sums, total = block.validation_loss(
            self.plan.reader, self.plan.parts, *self.targets.validation
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

    def _steps_taken(self) -> dict[str, Any]:
        state = merge_states(self.blocks)
        return {**state, "beside": self.n_solved} if self.n_solved else state

    def _select(self, blocks: Sequence[TrainedBlock], spread: Spread) -> ModelState:
        trained = TrainedLinear(
            spec=self.spec,
            settings=self.settings,
            plan=self.plan,
            targets=self.targets,
            candidates=self.candidates,
            progress=self.progress,
            train=(self.reader, self.data.y, self.data.sample_weight),
            blocks=blocks,
            statistics=self.statistics,
            spread=spread,
        )
        state = None
        if self.spec.keep_state:
            shift, scale, _ = self.label_scaler
            state = {
                **({"solved": True} if self.solved else self._steps_taken()),
                **columns_state(self.columns),
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
                "labels": (self.targets.origin, self.targets.unit, shift, scale),
            }
        epochs = 0 if self.solved else self.epochs
        found = select(trained, self.batch, epochs, state)
        return replace(found, coef=self.columns.expanded(found.coef))
