"""What a run of Linear Learner trains: rows, candidates, scalers and targets."""

from __future__ import annotations

import numpy as np

from sklearn_sagemaker._hyperparameters import warn_user
from sklearn_sagemaker._hyperparameters.linear_learner import SOLVER
from sklearn_sagemaker._hyperparameters.signs import check_signs, unsolved_signs
from sklearn_sagemaker._kernels import OPTIMIZERS, RowReader
from sklearn_sagemaker._state import TrainingData, TrainingSpec, WindowedData
from sklearn_sagemaker._threads import thread_count
from sklearn_sagemaker.training.linear.budget import MANY_CLASSES, how_many
from sklearn_sagemaker.training.linear.candidates import check_models, make_candidates
from sklearn_sagemaker.training.linear.resume import known_columns, on_columns
from sklearn_sagemaker.training.linear.scalers import feature_scalers, label_scalers
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.linear.wide import check_wide, solves_wide
from sklearn_sagemaker.training.memory import check_epochs, check_width
from sklearn_sagemaker.training.rows import plan_rows, rows_of
from sklearn_sagemaker.training.sagemaker_rules import scaler_rows
from sklearn_sagemaker.training.schedule import plan_updates
from sklearn_sagemaker.training.selection.validation import FOLDS
from sklearn_sagemaker.training.targets import Targets

OF_SOFTMAX = 25
"""Multiplications that the probability of a class of several costs."""
ROWS_EACH = 5
"""With many classes, and so many rows for each on average, one split takes the place of
folds, which would take 20 times as long as one fit where it takes three."""
FEW_ROWS, MANY_FOLDS = 100, 8
"""Up to so many rows, and with more features, least squares have more folds: where
few features count, a few rows more or less decide which of them are found."""


class LinearProblem:
    """What a run trains, settled before it does.

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
        rows = self._scaler_rows()
        self.statistics = feature_scalers(self.settings, self.reader, data, rows)
        self.multipliers = self._class_multipliers(len(rows))
        origin, unit, shift, scale = label_scalers(
            self.settings, self.plan, data, self.train_rows, rows
        )
        self.label_scaler = self.settings.label_scaler(shift, scale, unit)
        self.loss_unit = unit**self.loss.degree
        self.targets = Targets(
            self.source, self.plan, self.reader, origin, unit, self.multipliers
        )
        self.jobs = thread_count(spec.n_jobs)
        # Epochs of the trainings that this one continues: each has its own order.
        self.trained = spec.resume["epochs"] if spec.resume is not None else 0

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
        numbers, dtype = self.reader.n_features * self.plan.n_fits, np.dtype(float)
        if not self.solved:
            rates = self.candidates.schedule
            patient = self.settings.patient and (rates == "cosine").any()
            check_epochs(
                self.epochs,
                None if patient else self.values["early_stopping_patience"],
                len(self.candidates),
            )
            layers = 2 + OPTIMIZERS[self.settings.kernel_optimizer].n_states
            numbers *= self.settings.n_outputs * layers
            dtype = self.reader.dtype
        check_models(len(self.candidates), numbers, dtype, self.values["num_models"])

    def _scaler_rows(self) -> np.ndarray:
        """The rows that scalers are learned from."""
        count = self.values["num_point_for_scaler"]
        if self.settings.sagemaker_rules:
            count = scaler_rows(len(self.train_rows), count, self.batch)
        return self.train_rows[:count]

    def _class_multipliers(self, n_rows: int) -> np.ndarray | None:
        """Factor on the weights of each class; None for regression."""
        if self.settings.regression:
            return None
        return self.settings.class_multipliers(
            *self.source.classes(self.plan), self.source.first(n_rows)
        )
