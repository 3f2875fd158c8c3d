"""Candidates of Linear Learner that are trained by steps, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from sklearn_sagemaker._state import Monitor
from sklearn_sagemaker._threads import Spread, processors
from sklearn_sagemaker.training.linear.block import ColumnBlock
from sklearn_sagemaker.training.linear.blocks import (
    make_blocks,
    models_per_block,
    penalty_boost,
)
from sklearn_sagemaker.training.linear.layout import is_narrow
from sklearn_sagemaker.training.linear.parts import cut_batches
from sklearn_sagemaker.training.linear.problem import LinearProblem
from sklearn_sagemaker.training.linear.resume import resume_blocks
from sklearn_sagemaker.training.linear.rounds import Blueprint, LinearShards
from sklearn_sagemaker.training.pieces import Piece, train_epoch
from sklearn_sagemaker.training.progress import Checkpoints, Progress, run_epochs
from sklearn_sagemaker.training.rows import ShardRows
from sklearn_sagemaker.training.schedule import (
    epoch_order,
    learning_rates,
    run_length,
)
from sklearn_sagemaker.training.team import Team

TEAM_WORK = 2_000_000
"""Stored values of a pass below which threads of a team would mostly wait."""


class LinearSteps:
    """Blocks of columns, and where their candidates stand.

    Parameters
    ----------
    problem : LinearProblem
    teams : ExitStack
        What ends the blocks' threads.
    saved : dict or None
        A checkpoint to go on from.

    Attributes
    ----------
    blocks : list of ColumnBlock
    progress : list of Progress
        Of each block.
    """

    def __init__(
        self, problem: LinearProblem, teams: ExitStack, saved: dict[str, Any] | None
    ):
        self.problem = problem
        # Blocks as they were, whatever the threads.
        self._per_block = saved["per_block"] if saved else self._models_per_block()
        self._boost = self._penalty_boost()
        self.blocks = self._make_blocks(teams)
        if problem.spec.resume is not None:
            resume_blocks(self.blocks, problem.spec.resume)
        n_parts = len(problem.plan.parts)
        self.progress = [
            Progress.start(block.n_models, n_parts) for block in self.blocks
        ]
        updates = problem.source.updates(problem.plan, problem.batch)
        self._step, self._total = 0, updates * problem.epochs
        self._on_shards = self._of_shards(updates)
        self._start = self._continue_from(saved) if saved else 0

    def _models_per_block(self) -> int:
        problem = self.problem
        width = problem.plan.n_fits * problem.settings.n_outputs
        return models_per_block(problem.reader, len(problem.candidates), width)

    def _penalty_boost(self) -> np.ndarray | None:
        problem = self.problem
        if not problem.reader.sparse:
            return None
        counts = problem.source.stored_counts(problem.rows)
        return penalty_boost(
            problem.settings, problem.statistics, *counts, problem.batch
        )

    def _make_blocks(self, teams: ExitStack) -> list[ColumnBlock]:
        problem = self.problem
        n_blocks = -(-len(problem.candidates) // self._per_block)
        columns = self._per_block * problem.plan.n_fits * problem.settings.n_outputs
        cut = cut_batches(
            problem.reader,
            problem.batch,
            columns,
            is_narrow(problem.reader, columns),
            min(max(1, problem.jobs // n_blocks), processors()),
        )
        members = 1 if problem.stored < TEAM_WORK else cut.members
        return make_blocks(
            problem.settings,
            problem.reader,
            problem.columns,
            problem.candidates,
            problem.statistics,
            problem.label_scaler,
            self._boost,
            self._per_block,
            [teams.enter_context(Team(members)) for _ in range(n_blocks)],
        )

    def _of_shards(self, updates: int) -> LinearShards | None:
        """What trains the blocks where the rows are, if they are in shards."""
        problem, source = self.problem, self.problem.source
        if not isinstance(source, ShardRows):
            return None
        # As many steps as one machine takes, each by fewer rows.
        batch = max(1.0, problem.batch / source.shards.n_shards)
        blueprint = Blueprint(
            source.reading(),
            replace(problem.spec, resume=None, keep_state=False),
            bool(problem.reader.sparse),
            problem.candidates,
            problem.statistics,
            problem.label_scaler,
            # Moves are joined to those of as many steps as one machine makes.
            self._boost,
            self._per_block,
            problem.targets.of_loss,
            batch,
            self._total,
        )
        return LinearShards(source, blueprint, updates)

    # ------------------------------------------------------------- checkpoints
    def _checkpoint(self, number: int) -> dict[str, Any]:
        """The state after so many epochs."""
        return {
            "epochs": number,
            "per_block": self._per_block,
            "step": self._step,
            "blocks": [block.checkpoint() for block in self.blocks],
            "progress": [part.checkpoint() for part in self.progress],
        }

    def _continue_from(self, checkpoint: dict[str, Any]) -> int:
        """Be as when the checkpoint was taken; returns the epochs done."""
        for block, saved in zip(self.blocks, checkpoint["blocks"], strict=True):
            block.continue_from(saved)
        self.progress = [Progress(**saved) for saved in checkpoint["progress"]]
        self._step = checkpoint["step"]
        return checkpoint["epochs"]

    # ------------------------------------------------------------------ epochs
    def train(
        self, spread: Spread, monitor: Monitor | None, checkpoints: Checkpoints | None
    ) -> None:
        """Train until the epochs are over, or all candidates have stopped.

        Parameters
        ----------
        spread : callable
        monitor, checkpoints : object or None
            As of `LinearRun.train`.
        """

        def keep(number: int) -> None:
            assert checkpoints is not None
            checkpoints.epoch_ends(number, partial(self._checkpoint, number))

        run_epochs(
            self.problem.epochs,
            partial(self._epoch, spread),
            self.progress,
            monitor,
            self._start,
            keep if checkpoints else None,
        )

    def _epoch(self, spread: Spread, epoch: int) -> int:
        """Train and validate the active candidates; returns how many go on."""
        problem = self.problem
        running = [
            (block, progress)
            for block, progress in zip(self.blocks, self.progress, strict=True)
            if len(block.active)
        ]
        number = problem.trained + epoch
        if self._on_shards is not None:
            losses, self._step = self._on_shards.epoch(number, self.blocks, self._step)
        else:
            pieces = problem.source.pieces(number, problem.plan, problem.reader)
            losses = train_epoch(pieces, self._begin, running, spread)
        validate = partial(self._validate_block, epoch)
        spread(validate, *zip(*running, strict=True), losses)
        return sum(len(block.active) for block in self.blocks)

    def _begin(self, piece: Piece) -> tuple[Callable[..., np.ndarray], float]:
        """What trains a block on some rows, and their weight."""
        problem, plan = self.problem, self.problem.plan
        run = self._run_length() if piece.whole else 1
        order, bounds, fold = epoch_order(piece.folds, problem.batch, piece.rng, run)
        if plan.kind != "folds" or plan.trains is not None:
            fold = np.full_like(fold, -1)
        labels, weights = problem.targets.of(piece)
        step = self._step
        self._step += len(fold)

        def train(block: ColumnBlock, progress: Progress) -> np.ndarray:
            rates = learning_rates(block.candidates, step, len(fold), self._total)
            return block.train_epoch(
                order,
                bounds,
                fold,
                labels,
                weights,
                rates,
                plan.trains,
                piece.reader,
            )

        return train, piece.share(weights)

    def _run_length(self) -> int:
        """Neighbouring rows in memory that are shuffled as one."""
        # Of the rows that count only: absent rows must not change the order.
        problem, X = self.problem, self.problem.data.X
        values = problem.stored / len(problem.rows)
        row_bytes = values * X.dtype.itemsize
        if problem.reader.sparse:
            row_bytes += values * X.indices.itemsize
        return run_length(row_bytes, row_bytes * len(problem.rows), problem.batch)

    def _validate_block(
        self,
        epoch: int,
        block: ColumnBlock,
        progress: Progress,
        train_loss: np.ndarray,
    ) -> None:
        """Score a block's validation rows; keep the better models, drop some."""
        problem, plan, values = self.problem, self.problem.plan, self.problem.values
        sums, total = block.validation_loss(
            plan.reader, plan.parts, *problem.targets.validation
        )
        loss = sums.sum(axis=0) / total.sum()
        if plan.kind == "training":
            # No rows that would punish a candidate for too large weights: go by
            # the objective that it minimises.
            loss = loss + block.penalty()
        # Labels are seen scaled; report losses in the user's units.
        train_loss, loss = train_loss * problem.loss_unit, loss * problem.loss_unit
        counted = np.ones(len(block.active), dtype=bool)
        if problem.settings.patient:
            # A rate that anneals settles at the end: stopped before, the weights
            # are noise.
            counted = block.candidates.schedule[block.active] != "cosine"
        better, gone = progress.record(
            block.active,
            epoch,
            train_loss,
            loss,
            sums / total[:, None] * problem.loss_unit,
            counted=counted,
            patience=values["early_stopping_patience"],
            tolerance=values["early_stopping_tolerance"],
            keep_improvements=problem.settings.sagemaker_rules,
        )
        block.keep(better)
        block.drop(gone)
