"""Rows in windows: what is learned of them before training, and the rows held out."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._sparse import checked_csr, summed, without_zeros
from sklearn_sagemaker._state import (
    Contents,
    TrainingData,
    TrainingSpec,
    Window,
    WindowedData,
    class_numbers,
)
from sklearn_sagemaker.training.schedule import n_batches
from sklearn_sagemaker.training.selection.validation import HELD_OUT, ValidationPlan

SHRINK = 0.9
"""Factor on a sample's share of the rows when its memory is full."""
ROW_BYTES = 32
"""Of the numbers that a sample keeps of each row, besides its values."""


class Sample:
    """Rows whose draws are below a limit, which falls when memory is full.

    Parameters
    ----------
    limit : float
        Share of the rows to begin with.
    n_bytes : int
        Memory for the rows.

    Attributes
    ----------
    limit : float
    """

    def __init__(self, limit: float, n_bytes: int):
        self.limit, self._n_bytes = limit, n_bytes
        # Of each window's part: X, and y, weights and draws.
        self._parts: list[tuple[Any, np.ndarray]] = []

    def __len__(self) -> int:
        return sum(X.shape[0] for X, _ in self._parts)

    def add(self, window: Window, draws: np.ndarray) -> None:
        """Take in those of a window's rows that belong to the sample."""
        present = window.sample_weight > 0
        chosen = np.flatnonzero((draws < self.limit) & present)
        while not self._fits(window.X, chosen):
            self.limit *= SHRINK
            self._cut()
            chosen = chosen[draws[chosen] < self.limit]
        if len(chosen):
            numbers = np.stack([window.y, window.sample_weight, draws])[:, chosen]
            self._parts.append((window.X[chosen], numbers))

    def _fits(self, X, chosen: np.ndarray) -> bool:
        if sp.issparse(X):
            more = int(np.diff(X.indptr)[chosen].sum())
        else:
            more = len(chosen) * X.shape[1]
        more = more * sum(part.itemsize for part in _values(X)) + ROW_BYTES * len(
            chosen
        )
        return self._n_held() + more <= self._n_bytes

    def take_in(self, other: Sample) -> None:
        """Take in the sample of other rows, which is emptied."""
        self.limit = min(self.limit, other.limit)
        self._parts += other._parts
        other._parts = []
        self._cut()
        while self._n_held() > self._n_bytes:
            self.limit *= SHRINK
            self._cut()

    def _cut(self) -> None:
        parts = [_below(X, numbers, self.limit) for X, numbers in self._parts]
        self._parts = [part for part in parts if part[0].shape[0]]

    def _n_held(self) -> int:
        in_all = sum(_n_bytes(part) for part, _ in self._parts)
        return in_all + ROW_BYTES * len(self)

    def rows(self) -> tuple[Any, np.ndarray, np.ndarray]:
        """X, y and weights of the sample, in a random order; the sample is emptied."""
        if not self._parts:
            raise ValueError("a sample of no rows has none to give.")
        blocks, numbers = zip(*self._parts, strict=True)
        self._parts = []
        y, weights, draws = np.concatenate(numbers, axis=1)
        order = np.argsort(draws, kind="stable")
        X = sp.vstack(blocks, "csr") if sp.issparse(blocks[0]) else np.vstack(blocks)
        del blocks  # X is to be held twice at most
        return X[order], y[order], weights[order]


def _below(X, numbers: np.ndarray, limit: float) -> tuple[Any, np.ndarray]:
    """The rows of a part whose draws are below a limit, and their numbers."""
    kept = np.flatnonzero(numbers[2] < limit)
    return (X[kept], numbers[:, kept]) if len(kept) < len(numbers[2]) else (X, numbers)


def _values(X) -> tuple[np.ndarray, ...]:
    """The arrays of a block of rows that are as long as it stores values."""
    return (X.data, X.indices) if sp.issparse(X) else (X,)


def _n_bytes(X) -> int:
    return sum(part.nbytes for part in _values(X))


def windows_of(
    spec: TrainingSpec, data: WindowedData, epoch: int | None
) -> Generator[Window, None, None]:
    """The rows of an epoch in windows, with labels and weights as the spec says.

    Parameters
    ----------
    spec : TrainingSpec
    data : WindowedData
    epoch : int or None
        Each has an order of its own; None is that of the data.

    Raises
    ------
    ValueError
        If a window has another width or type than the source says, or a number to
        predict is NaN or infinite.
    """
    with closing(data.source.windows(spec.seed, epoch)) as found:
        for rows in found:
            yield window_of(spec, data.source.contents, *rows)


def window_of(
    spec: TrainingSpec, contents: Contents, X, y, weights, draws: np.ndarray
) -> Window:
    """Some rows of a source, with labels and weights as the spec says.

    Parameters
    ----------
    spec : TrainingSpec
    contents : Contents
        Of the source.
    X, y, weights, draws : object
        As of `RowSource.windows`.

    Raises
    ------
    ValueError
        As of `windows_of`.
    """
    # The kernels trust these.
    wanted = contents.sparse, contents.dtype, contents.n_features
    if (sp.issparse(X), X.dtype, X.shape[1]) != wanted:
        raise ValueError(
            "The rows of the dataset have become others during the fit; "
            "leave its files alone until it ends."
        )
    if contents.sparse:
        X = without_zeros(summed(checked_csr(X)))
    if weights is None:
        weights = np.ones(len(y))
    return Window(X, *_encoded(spec, y, weights.astype(np.float64)), draws)


def _encoded(spec: TrainingSpec, y, weights) -> tuple[np.ndarray, np.ndarray]:
    """Labels and weights of a window as training has them."""
    if spec.classes is None:
        targets = np.asarray(y, dtype=np.float64)
        if not np.isfinite(targets).all():
            raise ValueError("A label is NaN or infinite; drop its row.")
        return targets, weights
    numbers, known = class_numbers(y, spec.classes)
    if spec.class_weight is not None:
        weights = weights * spec.class_weight[numbers]
    return numbers.astype(np.float64), np.where(known, weights, 0.0)


class Survey:
    """Counts and sums of rows, from one pass over them, and two samples of them.

    Parameters
    ----------
    spec : TrainingSpec
    held_out : bool
        Whether to hold rows out.
    held_bytes, n_bytes : int
        Memory for each sample, and that all rows would take.

    Attributes
    ----------
    n_rows, stored : int
        Rows of a weight above zero, and the values that they store.
    weight : float
        Their total weight.
    class_weights : float64 array of shape (n_classes,)
        Of the classes; empty for regression.
    counts : int64 array of shape (n_features,)
        How many rows store each feature; empty for dense rows.
    sizes : list of int
        Rows of each window.
    held, kept : Sample
        Rows held out, and of the others those of the largest draws.
    """

    def __init__(
        self, spec: TrainingSpec, held_out: bool, held_bytes: int, n_bytes: int
    ):
        share = spec.validation_fraction
        share = HELD_OUT if share == "auto" else float(share)
        share = share if held_out else 0.0
        # About as much as there is memory for.
        room = held_bytes / max(1, n_bytes)
        self.held = Sample(min(share, room), held_bytes)
        self.kept = Sample(min(1.0 - share, room), held_bytes)
        self.held_out = held_out
        self.n_rows = self.stored = 0
        self.weight = 0.0
        self.sizes: list[int] = []
        classes = spec.n_classes if spec.predictor_type != "regressor" else 0
        self.class_weights = np.zeros(classes)
        self.counts = np.zeros(0, dtype=np.int64)

    def add(self, window: Window) -> None:
        """Take in some rows."""
        self._count(window)
        if self.held_out:
            self.held.add(window, window.draws)
        # The training rows of the sample: those of the largest draws.
        self.kept.add(window, np.nextafter(1.0, 0.0) - window.draws)

    def _count(self, window: Window) -> None:
        weights = window.sample_weight
        rows = np.flatnonzero(weights > 0)
        self.sizes.append(len(rows))
        self.n_rows += len(rows)
        self.weight += float(weights.sum())
        if len(self.class_weights):
            n = len(self.class_weights)
            self.class_weights += np.bincount(window.y.astype(int), weights, n)
        if not sp.issparse(window.X):
            self.stored += len(rows) * window.X.shape[1]
            return
        X = window.X if len(rows) == len(weights) else window.X[rows]
        self.stored += X.nnz
        if not len(self.counts):
            self.counts = np.zeros(X.shape[1], dtype=np.int64)
        self.counts += np.bincount(X.indices, minlength=X.shape[1])

    def joined(self, other: Survey) -> Survey:
        """The same, with the rows of another, which is used up."""
        self.n_rows += other.n_rows
        self.stored += other.stored
        self.weight += other.weight
        self.sizes += other.sizes
        self.class_weights = self.class_weights + other.class_weights
        if not len(self.counts):
            self.counts = other.counts
        elif len(other.counts):
            self.counts = self.counts + other.counts
        self.held.take_in(other.held)
        self.kept.take_in(other.kept)
        return self


class WindowStatistics:
    """What is known of all rows before training, and a sample of them.

    Parameters
    ----------
    survey : Survey
        Of all rows; its samples are emptied.
    source : WindowedData

    Attributes
    ----------
    data : TrainingData
        A sample of the training rows, with the rows held out, or the user's, as
        validation rows.
    held_out : bool
        Whether validation rows were held out here.
    limit : float
        Draws from which on rows train.
    n_train : int
        Rows to train on, those of weight zero left out.
    n_rows, stored : int
        All rows, those held out among them, and the values that they store.
    weight : float
        Total weight of the rows to train on.
    class_weights : float64 array of shape (n_classes,)
        Of the rows to train on; empty for regression.
    counts : int64 array of shape (n_features,)
        How many rows store each feature; empty for dense rows.

    Raises
    ------
    ValueError
        If no row of non-zero weight is left to train on.
    """

    def __init__(self, survey: Survey, source: WindowedData):
        self.n_rows = self.n_train = survey.n_rows
        self.stored, self.weight = survey.stored, survey.weight
        self.class_weights, self.counts = survey.class_weights, survey.counts
        self._sizes = survey.sizes
        self.held_out = len(survey.held) > 0
        self.limit = survey.held.limit if self.held_out else 0.0
        validation = (source.X_val, source.y_val, source.sample_weight_val)
        if self.held_out:
            validation = survey.held.rows()
            self._take_away(validation[1], validation[2])
        if not len(survey.kept):
            raise ValueError(
                "No row of non-zero weight is left to train on; check the weights, "
                "hold less out with validation_fraction, or give the rows more memory."
            )
        self.data = TrainingData(*survey.kept.rows(), *validation)

    @classmethod
    def of(cls, spec: TrainingSpec, source: WindowedData) -> WindowStatistics:
        """By one pass over the windows of a source."""
        survey = Survey(
            spec, holds_out(spec, source), source.held_bytes, source.n_bytes
        )
        with closing(windows_of(spec, source, None)) as windows:
            for window in windows:
                survey.add(window)
        return cls(survey, source)

    def _take_away(self, y: np.ndarray, weights: np.ndarray) -> None:
        """Count the rows held out no longer among those that train."""
        self.n_train -= len(y)
        self.weight -= float(weights.sum())
        if len(self.class_weights):
            held = np.bincount(y.astype(int), weights, len(self.class_weights))
            self.class_weights = np.maximum(self.class_weights - held, 0.0)

    def train_rows(self, window: Window) -> np.ndarray:
        """Numbers of the rows of a window that train."""
        return rows_that_train(window, self.limit)

    def updates(self, mini_batch_size: int) -> int:
        """Mini-batches of an epoch, as far as can be told beforehand."""
        share = self.n_train / self.n_rows
        return sum(n_batches(round(n * share), mini_batch_size) for n in self._sizes)

    def plan(self, plan: ValidationPlan) -> ValidationPlan:
        """A plan made for ``data`` that says where its validation rows come from."""
        return replace(plan, kind="hold-out") if self.held_out else plan


def holds_out(spec: TrainingSpec, source: WindowedData) -> bool:
    """Whether rows are held out, for want of validation rows that the user gives."""
    return source.X_val is None and spec.cv is not False


def rows_that_train(window: Window, limit: float) -> np.ndarray:
    """Numbers of the rows of a window whose draws are not below a limit."""
    trains = (window.draws >= limit) & (window.sample_weight > 0)
    return np.flatnonzero(trains)
