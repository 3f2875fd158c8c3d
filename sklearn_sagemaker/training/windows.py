"""Rows in windows: what is learned of them before training, and the rows held out."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._state import TrainingData, TrainingSpec, Window, WindowedData
from sklearn_sagemaker.training.schedule import n_batches
from sklearn_sagemaker.training.selection.validation import ValidationPlan

SHRINK = 0.9
"""Factor on a sample's share of the rows when its memory is full."""
ROW_BYTES = 32
"""Of the numbers that a sample keeps of each row, besides its values."""
HELD_OUT = 0.1
"""Share of the rows held out, with ``validation_fraction="auto"``."""


class Sample:
    """Rows whose draws are below a limit, which falls when memory is full.

    They lie in one piece of memory from the start: pieces that come and go with the
    windows would leave gaps between them.

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
        # y, weights, draws and stored values of each row.
        self._numbers = np.empty((4, 0))
        self._count = 0
        # Values of dense rows; values and columns of sparse ones.
        self._values: list[np.ndarray] = []
        self._shape: tuple[int, ...] = ()
        self._item = 0
        self._sparse = False

    def __len__(self) -> int:
        return self._count

    def add(self, window: Window, draws: np.ndarray) -> None:
        """Take in those of a window's rows that belong to the sample."""
        present = window.sample_weight > 0
        chosen = np.flatnonzero((draws < self.limit) & present)
        if not len(chosen):
            return
        if not self._values:
            self._begin(window.X)
        while not self._fits(window.X, chosen):
            self.limit *= SHRINK
            self._keep(self._numbers[2, : self._count] < self.limit)
            chosen = chosen[draws[chosen] < self.limit]
        numbers = np.zeros((4, len(chosen)))
        numbers[:3] = window.y[chosen], window.sample_weight[chosen], draws[chosen]
        if self._sparse:
            numbers[3] = np.diff(window.X.indptr)[chosen]
        self._append(numbers, _values(window.X[chosen]))

    def _begin(self, X) -> None:
        """Reserve the memory; pages that are never written to take none."""
        self._sparse, self._shape = sp.issparse(X), (0, X.shape[1])
        parts = _values(X)
        size = sum(part.itemsize for part in parts)
        room = max(self._n_bytes // size, 1)
        self._item = size
        self._values = [np.empty(room, part.dtype) for part in parts]

    def _fits(self, X, chosen: np.ndarray) -> bool:
        if self._sparse:
            more = int(np.diff(X.indptr)[chosen].sum())
        else:
            more = len(chosen) * X.shape[1]
        n_bytes = (self._stored + more) * self._item
        return n_bytes + ROW_BYTES * (self._count + len(chosen)) <= self._n_bytes

    @property
    def _stored(self) -> int:
        """Values that the rows so far take."""
        if self._sparse:
            return int(self._numbers[3, : self._count].sum())
        return self._count * self._shape[1]

    def _append(self, numbers: np.ndarray, values: list[np.ndarray]) -> None:
        start, stop = self._count, self._count + numbers.shape[1]
        if stop > self._numbers.shape[1]:
            more = np.empty((4, max(stop, 2 * start)))
            more[:, :start] = self._numbers[:, :start]
            self._numbers = more
        stored = self._stored
        for room, part in zip(self._values, values, strict=True):
            room[stored : stored + len(part)] = part
        self._numbers[:, start:stop] = numbers
        self._count = stop

    def _keep(self, kept: np.ndarray) -> None:
        """Drop rows."""
        numbers = self._numbers[:, : self._count][:, kept]
        values = _values(self._block()[np.flatnonzero(kept)])
        self._count = 0
        self._append(numbers, values)

    def _block(self):
        """The rows so far, in place."""
        values = [part[: self._stored] for part in self._values]
        shape = (self._count, self._shape[1])
        if not self._sparse:
            return values[0].reshape(shape)
        indptr = np.zeros(self._count + 1, dtype=np.int64)
        np.cumsum(self._numbers[3, : self._count], out=indptr[1:])
        return sp.csr_matrix((*values, indptr), shape=shape)

    def rows(self) -> tuple[Any, np.ndarray, np.ndarray]:
        """X, y and weights of the sample, in a random order; the sample is emptied."""
        y, weights, draws, _ = self._numbers[:, : self._count]
        order = np.argsort(draws, kind="stable")
        found = self._block()[order], y[order], weights[order]
        self._count, self._values = 0, []
        return found


def _values(X) -> list[np.ndarray]:
    """The arrays of a block of rows that are as long as it stores values."""
    return [X.data, X.indices] if sp.issparse(X) else [np.ravel(X)]


class WindowStatistics:
    """Counts and sums of all rows, from one pass, and a sample of the rows.

    Parameters
    ----------
    spec : TrainingSpec
    source : WindowedData

    Attributes
    ----------
    data : TrainingData
        A sample of the training rows, with the rows held out, or the user's, as
        validation rows.
    held_out : bool
        Whether validation rows were held out here.
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

    def __init__(self, spec: TrainingSpec, source: WindowedData):
        share = spec.validation_fraction
        share = HELD_OUT if share == "auto" else float(share)
        self.held_out = source.X_val is None and spec.cv is not False
        self._limit = share if self.held_out else 0.0
        # About as much as there is memory for.
        room = source.held_bytes / max(1, source.n_bytes)
        held = Sample(min(self._limit, room), source.held_bytes)
        kept = Sample(min(1.0 - self._limit, room), source.held_bytes)
        self.n_rows = self.stored = 0
        self.weight = 0.0
        self._sizes: list[int] = []
        classes = spec.n_classes if spec.predictor_type != "regressor" else 0
        self.class_weights = np.zeros(classes)
        self.counts = np.zeros(0, dtype=np.int64)
        with closing(source.windows(spec.seed, None)) as windows:
            for window in windows:
                self._count(window)
                if self.held_out:
                    held.add(window, window.draws)
                # The training rows of the sample: those of the largest draws.
                kept.add(window, np.nextafter(1.0, 0.0) - window.draws)
        self.n_train = self.n_rows
        self.held_out = len(held) > 0
        self._limit = held.limit if self.held_out else 0.0
        validation = (source.X_val, source.y_val, source.sample_weight_val)
        if self.held_out:
            validation = held.rows()
            self._take_away(validation[1], validation[2])
        if not len(kept):
            raise ValueError(
                "No row of non-zero weight is left to train on; check the weights, "
                "hold less out with validation_fraction, or give the rows more memory."
            )
        self.data = TrainingData(*kept.rows(), *validation)

    def _count(self, window: Window) -> None:
        weights = window.sample_weight
        rows = np.flatnonzero(weights > 0)
        self._sizes.append(len(rows))
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

    def _take_away(self, y: np.ndarray, weights: np.ndarray) -> None:
        """Count the rows held out no longer among those that train."""
        self.n_train -= len(y)
        self.weight -= float(weights.sum())
        if len(self.class_weights):
            held = np.bincount(y.astype(int), weights, len(self.class_weights))
            self.class_weights = np.maximum(self.class_weights - held, 0.0)

    def train_rows(self, window: Window) -> np.ndarray:
        """Numbers of the rows of a window that train."""
        trains = (window.draws >= self._limit) & (window.sample_weight > 0)
        return np.flatnonzero(trains)

    def updates(self, mini_batch_size: int) -> int:
        """Mini-batches of an epoch, as far as can be told beforehand."""
        share = self.n_train / self.n_rows
        return sum(n_batches(round(n * share), mini_batch_size) for n in self._sizes)

    def plan(self, plan: ValidationPlan) -> ValidationPlan:
        """A plan made for ``data`` that says where its validation rows come from."""
        return replace(plan, kind="hold-out") if self.held_out else plan


def windowed_spec(spec: TrainingSpec, source: WindowedData) -> TrainingSpec:
    """The spec of a run on the sample of windows: nothing more is held out.

    Raises
    ------
    ValueError
        If ``cv`` asks for folds, which need all rows in memory, and the user gives no
        validation rows, which come before them.
    """
    folds = spec.cv is not False and not isinstance(spec.cv, str)
    if folds and source.X_val is None:
        raise ValueError(
            f"cv={spec.cv!r} needs all rows in memory, and these are read in windows; "
            "use cv='auto' with validation_fraction for a hold-out, cv=False for "
            "none, or pass X_val."
        )
    return replace(spec, cv=False)
