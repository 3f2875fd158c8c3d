"""What is solved: the loss of all fits of a run, and what all kinds of it share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_sagemaker._hyperparameters.signs import signs_of
from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._threads import Spread
from sklearn_sagemaker.training.linear.moments import ScaledRows
from sklearn_sagemaker.training.linear.penalties import Path, SmallProblem
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.linear.solved import SolvedColumns
from sklearn_sagemaker.training.rows import Rows
from sklearn_sagemaker.training.selection.validation import ValidationPlan
from sklearn_sagemaker.training.targets import Targets


@dataclass
class Fits:
    """The fits of a run: number 0, which is kept, and one a fold.

    Attributes
    ----------
    settings, source, plan, reader, targets : object
        Of the run.
    rows : ScaledRows
    label_shift, label_scale, parameter : float64 arrays of shape (n_fits,)
        Of the labels of each fit, and of its loss in their units.
    n_rows : float
        Rows that train; few large weights are few rows.
    spread : Spread
    """

    settings: LinearSettings
    source: Rows
    plan: ValidationPlan
    reader: RowReader
    targets: Targets
    rows: ScaledRows
    label_shift: np.ndarray
    label_scale: np.ndarray
    parameter: np.ndarray
    n_rows: float
    spread: Spread

    half = 1.0
    """Of the loss, in mean squared errors."""

    @property
    def signs(self) -> np.ndarray | None:
        """Those that weights may have, as `signs_of` has them."""
        return signs_of(self.settings.spec.positive, self.reader.n_features)

    @property
    def thrifty(self) -> bool:
        """Whether time is so short that a path which falls behind is left."""
        return False

    def null(self) -> SmallProblem:
        """What `penalty_paths` must know of the loss of the refit."""
        raise NotImplementedError

    def stride(self, path: Path) -> int:
        """Penalties of a path that are solved before the loss is looked at."""
        return 2

    def solve(self, wd, l1, before: SolvedColumns | None) -> SolvedColumns:
        """The columns of some penalties.

        Parameters
        ----------
        wd, l1 : float64 arrays of shape (k,)
            Neighbours are near each other, the strongest first.
        before : SolvedColumns or None
            Of somewhat stronger penalties.
        """
        raise NotImplementedError

    def finished(self, columns: SolvedColumns, wd, l1) -> SolvedColumns:
        """Columns of which folds alone may have been solved, with their refits."""
        return columns

    def polish(self, columns: SolvedColumns, wd, l1, model: int) -> None:
        """Bring the refit of a candidate to its optimum, if it is only near it."""

    def columns(self, weights, bias, optimality, kept, **more) -> SolvedColumns:
        """The columns of candidates that were solved, now or before."""
        loss, parameter = self.settings.loss.name, self.parameter[0]
        return SolvedColumns(
            self.rows, loss, parameter, weights, bias, optimality, kept, **more
        )

    def train_rows(self, fit: int) -> np.ndarray:
        """The rows that a fit is trained on."""
        return self.plan.trained_by(fit, self.plan.train_rows)

    def train_losses(self, columns: SolvedColumns) -> np.ndarray:
        """Sums of the losses of the refits on their rows, of shape (k,)."""
        rows, weights = self.plan.train_rows, self.targets.loss_weights[0]
        y = self.targets.scaled(self.source.data.y)
        return columns.loss_sums(self.reader, [(0, rows)], y, weights, self.spread)[0]

    def losses(self, columns: SolvedColumns) -> np.ndarray:
        """Sums of losses on each part of the validation rows, (n_parts, k)."""
        plan, apart = self.plan, self.targets.loss_weights[1]
        y = self.targets.scaled(plan.y)
        if columns.left_out is not None:
            ((_, rows),) = plan.parts
            losses = columns.losses(columns.left_out_margins(rows), y[rows])
            return (apart[rows] @ losses)[None]
        return columns.loss_sums(plan.reader, plan.parts, y, apart, self.spread)
