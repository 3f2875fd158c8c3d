"""Where the rows of a training come from: arrays in memory, or windows."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import RowReader, read_in
from sklearn_sagemaker._state import Shards, TrainingData, TrainingSpec, WindowedData
from sklearn_sagemaker.training.columns import Columns, columns_of, counted_columns
from sklearn_sagemaker.training.pieces import Piece, Reading
from sklearn_sagemaker.training.precision import in_safe_precision
from sklearn_sagemaker.training.scaling import stored_counts
from sklearn_sagemaker.training.schedule import n_batches
from sklearn_sagemaker.training.selection.validation import (
    FOLDS,
    ValidationPlan,
    given_rows,
    plan_validation,
    stored_values,
)
from sklearn_sagemaker.training.weights import comparable
from sklearn_sagemaker.training.windows import (
    Survey,
    WindowStatistics,
    holds_out,
    windows_of,
)


class ArrayRows:
    """Rows that are in memory.

    Parameters
    ----------
    spec : TrainingSpec
    data : TrainingData
    known : int array or None
        See `rows_of`.

    Attributes
    ----------
    spec : TrainingSpec
        With the names, or numbers, of the columns that are trained.
    data : TrainingData
        With these columns and weights of a usual size, in a precision that holds its
        numbers.
    columns : Columns
    """

    def __init__(
        self, spec: TrainingSpec, data: TrainingData, known: np.ndarray | None = None
    ):
        self.columns, self._counts = columns_of(data.X, data.sample_weight, known)
        self.spec = _of_columns(spec, self.columns)
        data = rows_with(data, self.columns)
        self.data = in_safe_precision(comparable(data), self.spec.feature_names)

    def stored(self, rows: np.ndarray) -> int:
        """Values that the rows store, which a pass over them costs."""
        return stored_values(self.data.X, rows)

    def stored_counts(self, rows: np.ndarray) -> tuple[np.ndarray, int]:
        """How many rows store each feature of CSR rows, and of how many.

        Parameters
        ----------
        rows : int64 array
            All of a weight above zero.
        """
        if self._counts is None:
            self._counts = stored_counts(self.data.X, rows)
        return self._counts, len(rows)

    def planned(self, plan: ValidationPlan) -> ValidationPlan:
        """A plan made for `data` that says where its validation rows come from."""
        return plan

    def n_train(self, plan: ValidationPlan) -> int:
        """How many rows train."""
        return len(plan.train_rows)

    def updates(self, plan: ValidationPlan, mini_batch_size: int) -> int:
        """Mini-batches of an epoch."""
        return sum(n_batches(len(rows), mini_batch_size) for rows in plan.train)

    def classes(self, plan: ValidationPlan) -> tuple[np.ndarray, np.ndarray]:
        """Class indices and weights that tell the weight of each class."""
        rows = plan.train_rows
        return self.data.y[rows], self.data.sample_weight[rows]

    def first(self, count: int) -> int | None:
        """How many of `classes` stand for the first ``count`` rows; None is all."""
        return count

    def mean_weight(
        self, plan: ValidationPlan, weights: np.ndarray, multipliers: np.ndarray | None
    ) -> float:
        """Mean weight in the loss of the rows that train.

        Parameters
        ----------
        plan : ValidationPlan
        weights : float64 array of shape (n_rows,)
            In the loss, of the rows of `data`.
        multipliers : float64 array of shape (n_classes,) or None
            Factors of the classes that are in them.
        """
        return weights[plan.train_rows].mean()

    def pieces(
        self, number: int, plan: ValidationPlan, reader: RowReader
    ) -> Generator[Piece, None, None]:
        """The rows of an epoch.

        Parameters
        ----------
        number : int
            Of the epoch, among those of the trainings that this one continues.
        plan : ValidationPlan
        reader : RowReader
            Of `data`.
        """
        rng = np.random.default_rng([self.spec.seed, number])
        data = self.data
        yield Piece(reader, data.y, data.sample_weight, plan.train, True, rng)


class WindowRows:
    """Rows that come in windows; a sample of them stands for all in memory.

    Scalers are learned on the sample, and the training metrics are measured on it;
    what decides the weights of rows and classes counts all rows.

    Parameters
    ----------
    spec : TrainingSpec
    source : WindowedData
    known : int array or None
        See `rows_of`.

    Attributes
    ----------
    spec : TrainingSpec
        That holds out no more rows, with the columns that are trained.
    data : TrainingData
        The sample, and the validation rows.
    columns : Columns
    """

    def __init__(
        self, spec: TrainingSpec, source: WindowedData, known: np.ndarray | None = None
    ):
        self._source = source
        self._totals = self._learned(spec, source)
        data = self._totals.data
        self.columns = Columns(data.X.shape[1])
        if known is not None and len(self._totals.counts):
            self.columns = counted_columns(self._totals.counts, known)
        # Nothing more is held out of the sample.
        self.spec = replace(_of_columns(spec, self.columns), cv=False)
        # Windows bring the other weights as they are.
        data = comparable(rows_with(data, self.columns), exponent=0)
        self.data = in_safe_precision(data, self.spec.feature_names)

    def _learned(self, spec: TrainingSpec, source: WindowedData) -> WindowStatistics:
        """What is known of all rows before training."""
        return WindowStatistics.of(spec, source)

    def stored(self, rows: np.ndarray) -> int:
        """See `ArrayRows`."""
        return self._totals.stored

    def stored_counts(self, rows: np.ndarray) -> tuple[np.ndarray, int]:
        """See `ArrayRows`."""
        return self.columns.take(self._totals.counts), self._totals.n_rows

    def planned(self, plan: ValidationPlan) -> ValidationPlan:
        """See `ArrayRows`."""
        return self._totals.plan(plan)

    def n_train(self, plan: ValidationPlan) -> int:
        """See `ArrayRows`."""
        return self._totals.n_train

    def updates(self, plan: ValidationPlan, mini_batch_size: int) -> int:
        """See `ArrayRows`; as far as can be told beforehand."""
        return self._totals.updates(mini_batch_size)

    def classes(self, plan: ValidationPlan) -> tuple[np.ndarray, np.ndarray]:
        """See `ArrayRows`: one entry a class."""
        weights = self._totals.class_weights
        return np.arange(len(weights)), weights

    def first(self, count: int) -> int | None:
        """See `ArrayRows`."""
        return None

    def mean_weight(
        self, plan: ValidationPlan, weights: np.ndarray, multipliers: np.ndarray | None
    ) -> float:
        """See `ArrayRows`."""
        total = self._totals.weight
        if multipliers is not None:
            total = float(self._totals.class_weights @ multipliers)
        return total / self._totals.n_train

    def pieces(
        self, number: int, plan: ValidationPlan, reader: RowReader
    ) -> Generator[Piece, None, None]:
        """See `ArrayRows`: the windows, as far as rows of them train."""
        with closing(windows_of(self.spec, self._source, number)) as windows:
            for place, window in enumerate(windows):
                rows = self._totals.train_rows(window)
                if not len(rows):
                    continue
                yield Piece(
                    read_in(self.columns.of(window.X), reader.dtype),
                    window.y,
                    window.sample_weight,
                    [rows],
                    False,
                    np.random.default_rng([self.spec.seed, number, place]),
                )


class ShardRows(WindowRows):
    """Rows in shards that are trained on where they are; the sample is here."""

    def __init__(
        self, spec: TrainingSpec, source: WindowedData, known: np.ndarray | None = None
    ):
        super().__init__(spec, source, known)
        self.shards = _shards_of(source)
        self._of_all = replace(spec, resume=None)

    def _learned(self, spec: TrainingSpec, source: WindowedData) -> WindowStatistics:
        shards = _shards_of(source)
        contents, held = shards.contents, holds_out(spec, source)
        sizes = source.held_bytes, contents.n_bytes
        plain = replace(spec, resume=None)
        found = shards.reduce(survey_of, Survey.joined, plain, held, *sizes)
        return WindowStatistics(found, source)

    def reading(self) -> Reading:
        """How the shards read the rows that train."""
        return Reading(
            self._of_all, self.columns, self.data.X.dtype, self._totals.limit
        )


def _shards_of(source: WindowedData) -> Shards:
    assert isinstance(source.source, Shards)
    return source.source


def survey_of(shard: Any, spec: TrainingSpec, held_out: bool, *sizes: int) -> Survey:
    """Counts and samples of the rows of a shard.

    Parameters
    ----------
    shard : Shard
    spec, held_out, *sizes : object
        As of `Survey`.
    """
    survey = Survey(spec, held_out, *sizes)
    with closing(shard.windows(spec)) as windows:
        for window in windows:
            survey.add(window)
    return survey


Rows = ArrayRows | WindowRows


def _of_columns(spec: TrainingSpec, columns: Columns) -> TrainingSpec:
    positive = spec.positive
    return replace(
        spec,
        feature_names=columns.labels(spec.feature_names),
        positive=positive if isinstance(positive, bool) else columns.take(positive),
    )


def rows_with(data: TrainingData, columns: Columns) -> TrainingData:
    """The data with some columns only."""
    X_val = data.X_val
    return replace(
        data,
        X=columns.of(data.X),
        X_val=None if X_val is None else columns.of(X_val),
    )


def rows_of(
    spec: TrainingSpec,
    data: TrainingData | WindowedData,
    known: np.ndarray | None = None,
) -> Rows:
    """The rows of a training, whatever they come in.

    Parameters
    ----------
    spec : TrainingSpec
    data : TrainingData or WindowedData
    known : int array or None
        Columns that earlier trainings have met: of CSR rows only they are left, with
        those that rows of a weight above zero store. None leaves all.

    Raises
    ------
    ValueError
        If windows leave no row to train on, or ``cv`` needs all rows in memory.
    """
    if isinstance(data, WindowedData):
        kind = ShardRows if isinstance(data.source, Shards) else WindowRows
        return kind(spec, data, known)
    return ArrayRows(spec, data, known)


def plan_rows(
    source: Rows,
    reader: RowReader,
    rows: np.ndarray,
    stratify: bool,
    work: int,
    folds: int = FOLDS,
) -> ValidationPlan:
    """Decide which rows train and which validate.

    Parameters
    ----------
    source : ArrayRows or WindowRows
    reader : RowReader
        Of its data.
    rows : int64 array
        Rows with a weight above zero.
    stratify : bool
        Whether labels are classes.
    work : int
        Multiplications of one pass over the data without folds.
    folds : int
        Automatic ones, at most.
    """
    data, spec = source.data, source.spec
    plan = plan_validation(
        reader,
        data.y,
        data.sample_weight,
        rows,
        given_rows(data),
        cv=spec.cv,
        validation_fraction=spec.validation_fraction,
        stratify=stratify,
        work=work,
        seed=spec.seed,
        folds=folds,
    )
    return source.planned(plan)
