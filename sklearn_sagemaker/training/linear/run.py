"""A training run of Linear Learner: from rows to the trained candidates."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_sagemaker._state import ModelState, Monitor
from sklearn_sagemaker._threads import Spread, quietly, threads
from sklearn_sagemaker.training.linear.blocks import TrainedBlock
from sklearn_sagemaker.training.linear.candidates import Candidates
from sklearn_sagemaker.training.linear.choice import TrainedLinear, select
from sklearn_sagemaker.training.linear.problem import LinearProblem
from sklearn_sagemaker.training.linear.resume import columns_state, merge_states
from sklearn_sagemaker.training.linear.solver import Solver
from sklearn_sagemaker.training.linear.steps import LinearSteps
from sklearn_sagemaker.training.linear.wide import WideSolver
from sklearn_sagemaker.training.progress import Checkpoints, summary


class LinearRun(LinearProblem):
    """One training run of a problem; `train` does it all."""

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
            steps = LinearSteps(self, teams, saved)
            self.blocks, self.progress = steps.blocks, steps.progress
            steps.train(quietly(spread), monitor, checkpoints)
            trained: list[TrainedBlock] = [block.best for block in self.blocks]
            return self._select(trained + self._solved_beside(spread), spread)

    def _is_of(self, saved: dict[str, Any]) -> bool:
        """Whether a checkpoint has the numbers of such a run."""
        if "solved" in saved:
            return ("scores" in saved["solved"]) == self.wide
        d = self.reader.n_features
        return all(len(block["best_weights"]) == d for block in saved["blocks"])

    # ----------------------------------------------------------------- solving
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

    # --------------------------------------------------------------- selection
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
        state = self._state() if self.spec.keep_state else None
        epochs = 0 if self.solved else self.epochs
        found = select(trained, self.batch, epochs, state)
        return replace(found, coef=self.columns.expanded(found.coef))

    def _state(self) -> dict[str, Any]:
        """What a training that continues this one begins with."""
        shift, scale, _ = self.label_scaler
        epochs = max(len(part.train_curve) for part in self.progress)
        return {
            **({"solved": True} if self.solved else self._steps_taken()),
            **columns_state(self.columns),
            "seed": self.spec.seed,
            "epochs": self.trained + epochs,
            "statistics": (
                self.statistics.mean,
                self.statistics.deviation,
                self.statistics.present,
                self.statistics.zeros,
            ),
            "shifted": self.settings.shifts_features(self.statistics),
            "labels": (self.targets.origin, self.targets.unit, shift, scale),
        }

    def _steps_taken(self) -> dict[str, Any]:
        state = merge_states(self.blocks)
        return {**state, "beside": self.n_solved} if self.n_solved else state
