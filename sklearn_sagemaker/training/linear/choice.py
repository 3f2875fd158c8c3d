"""The candidates of Linear Learner as selection sees them, and the model they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_sagemaker._hyperparameters import warn_user
from sklearn_sagemaker._state import ModelState
from sklearn_sagemaker.training.linear.blocks import (
    TrainedBlock,
    mean_solution,
    models_of,
)
from sklearn_sagemaker.training.linear.candidates import SOLVED
from sklearn_sagemaker.training.linear.resolved import resolved
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.scaling import FeatureStatistics
from sklearn_sagemaker.training.selection.choice import TrainedCandidates, select_best

FAR = 1e-3
"""A selected candidate may be so far from its optimum without a warning."""


@dataclass
class TrainedLinear(TrainedCandidates):
    """The trained columns of a run of Linear Learner.

    Attributes
    ----------
    blocks, statistics : object
        Of the run.
    """

    settings: LinearSettings
    blocks: Sequence[TrainedBlock]
    statistics: FeatureStatistics

    @property
    def own_rates(self) -> bool:
        """Whether the user set the learning rate."""
        return self.spec.hyperparameters["learning_rate"] != "auto"

    def more_columns(self) -> dict[str, np.ndarray]:
        """How far each candidate may be from its optimum; NaN where steps led."""
        known = [
            np.full(block.n_models, np.nan)
            if block.optimality is None
            else block.optimality
            for block in self.blocks
        ]
        return {"optimality": np.concatenate(known)}

    @property
    def at_optimum(self) -> bool:
        """Whether all candidates are solved, so that they differ in penalties alone."""
        return bool((self.candidates.schedule == SOLVED).all())

    def denser(self, chosen: int, loss: np.ndarray) -> int | None:
        """The best ridge, where one with zeros leads; of classes alone."""
        l1 = self.candidates.l1
        ridges = np.flatnonzero(l1 == 0)
        if self.settings.regression or l1[chosen] == 0 or len(ridges) == 0:
            return None
        return int(ridges[np.argmin(loss[ridges])])

    @property
    def leaves_out(self) -> bool:
        """Whether rows that train validate as if they did not."""
        return any(block.left_out is not None for block in self.blocks)

    def margins(self, reader, parts, chosen: np.ndarray) -> np.ndarray:
        """Margins of some candidates at their best, in the user's units."""
        if not self.leaves_out:
            return self._margins(reader, parts, chosen)
        block: Any = self.blocks[0]
        ((_, rows),) = parts
        return self._in_units(block.left_out_margins(rows)[:, :, chosen])

    def fitted_margins(self, reader, rows, chosen: np.ndarray) -> np.ndarray:
        """The same of rows that train, by the candidates that know them."""
        return self._margins(reader, [(0, rows)], chosen)

    def _margins(self, reader, parts, chosen: np.ndarray) -> np.ndarray:
        models, found = models_of(self.blocks), []
        for number, block in enumerate(self.blocks):
            mine = [models[i][1] for i in np.sort(chosen) if models[i][0] == number]
            if mine:
                found.append(block.best_margins(reader, parts, np.array(mine)))
        margins = found[0] if len(found) == 1 else np.concatenate(found, axis=2)
        if (chosen[1:] < chosen[:-1]).any():
            # Blocks hold the candidates in order.
            margins = margins[:, :, np.argsort(np.argsort(chosen))]
        return self._in_units(margins)

    def _in_units(self, margins: np.ndarray) -> np.ndarray:
        if self.targets.unit == 1.0 and self.targets.origin == 0.0:
            return margins
        return margins * margins.dtype.type(self.targets.unit) + margins.dtype.type(
            self.targets.origin
        )

    def polish(self, chosen: np.ndarray) -> None:
        """Bring those that are selected to their optimum."""
        models = models_of(self.blocks)
        for block, model in (models[i] for i in chosen):
            self.blocks[block].polish(model)

    def remedies(self) -> list[str]:
        """What the settings leave to try when every candidate diverged."""
        rate = self.settings.values["learning_rate"]
        if rate == "auto":
            return []
        return [f"set a learning_rate below {rate:g}, or 'auto'"]


def _warn_of_gap(optimality: np.ndarray, signed: bool) -> None:
    """Say that what is selected was not solved to its optimum."""
    remedy = "set a larger wd, scale the features, or take steps by optimizer='adam'"
    if signed:
        remedy = "set a larger wd, or scale the features"
    most = float(np.fmax.reduce(optimality))
    if most > FAR:
        warn_user(
            f"The selected candidate may be above its optimum by {most:.2g} of the "
            f"loss of the best constant; {remedy}.",
            ConvergenceWarning,
        )


def select(
    trained: TrainedLinear, batch: int, epochs: int, resume: dict[str, Any] | None
) -> ModelState:
    """Select the best candidate, or average the best few.

    Parameters
    ----------
    trained : TrainedLinear
    batch, epochs : int
        What ``mini_batch_size`` and ``epochs`` became.
    resume : dict or None
        What to go on from, for the model's state.

    Returns
    -------
    state : ModelState

    Raises
    ------
    AllCandidatesDivergedError
        If no candidate stayed finite.
    """
    settings = trained.settings
    selection = select_best(trained)
    table = selection.fields["candidates"]
    _warn_of_gap(table["optimality"][selection.chosen], settings.signed)
    coef, intercept = mean_solution(
        trained.blocks, selection.chosen, trained.targets.origin, trained.targets.unit
    )
    return ModelState(
        coef=coef,
        intercept=intercept,
        resolved={
            **resolved(settings, trained.candidates, trained.statistics, batch, epochs),
            "validation": trained.plan.kind,
        },
        resume=resume,
        **selection.fields,
    )
