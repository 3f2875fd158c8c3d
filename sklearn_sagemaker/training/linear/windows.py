"""Linear Learner on rows that come in windows."""

from __future__ import annotations

from contextlib import closing

import numpy as np

from sklearn_sagemaker._kernels import RowReader, read_in
from sklearn_sagemaker._state import TrainingData, TrainingSpec, WindowedData
from sklearn_sagemaker._threads import Spread
from sklearn_sagemaker.training.linear.run import LinearRun
from sklearn_sagemaker.training.schedule import learning_rates, window_order
from sklearn_sagemaker.training.selection.validation import ValidationPlan
from sklearn_sagemaker.training.weights import comparable
from sklearn_sagemaker.training.windows import WindowStatistics, windowed_spec


class WindowedLinearRun(LinearRun):
    """A training run over windows of rows.

    Scalers are learned on a sample of the rows, and the training metrics are
    measured on it; what decides the weights of rows and classes counts all of them.

    Parameters
    ----------
    spec : TrainingSpec
    source : WindowedData
    """

    def __init__(self, spec: TrainingSpec, source: WindowedData):
        windowed = windowed_spec(spec, source)
        self.source, self.totals = source, WindowStatistics(spec, source)
        super().__init__(windowed, self.totals.data)

    def _comparable(self, data: TrainingData) -> TrainingData:
        # Windows bring the other weights as they are.
        return comparable(data, exponent=0)

    def _plan_validation(self) -> ValidationPlan:
        return self.totals.plan(super()._plan_validation())

    def _stored(self) -> int:
        return self.totals.stored

    def _n_train(self) -> int:
        return self.totals.n_train

    def _class_multipliers(self) -> np.ndarray:
        weights = self.totals.class_weights
        return self.settings.class_multipliers(np.arange(len(weights)), weights)

    def _mean_loss_weight(self, loss_weights: np.ndarray) -> float:
        total = self.totals.weight
        if not self.settings.regression:
            total = float(self.totals.class_weights @ self.multipliers)
        return total / self.totals.n_train

    def _stored_counts(self) -> tuple[np.ndarray, int]:
        return self.totals.counts, self.totals.n_rows

    def _updates(self) -> int:
        return self.totals.updates(self.batch)

    def _epoch(self, epoch: int, running: list, spread: Spread) -> None:
        blocks, progress = zip(*running, strict=True)
        losses = [np.zeros(len(block.active)) for block in blocks]
        seen = 0.0
        number = self.trained + epoch
        with closing(self.source.windows(self.spec.seed, number)) as windows:
            for place, window in enumerate(windows):
                rows = self.totals.train_rows(window)
                if not len(rows):
                    continue
                rng = np.random.default_rng([self.spec.seed, number, place])
                order, bounds, fold = window_order(rows, self.batch, rng)
                reader, labels, weights = self._seen_as(window)

                def work(
                    block,
                    order=order,
                    bounds=bounds,
                    fold=fold,
                    reader=reader,
                    labels=labels,
                    weights=weights,
                ):
                    rates = learning_rates(
                        block.candidates, self.step, len(fold), self.total
                    )
                    return block.train_epoch(
                        order, bounds, fold, labels, weights, rates, reader=reader
                    )

                share = float(weights[rows].sum(dtype=np.float64))
                found = spread(work, blocks)
                for loss, part in zip(losses, found, strict=True):
                    loss += part * share
                seen += share
                self.step += len(fold)

        def validate(block, progress, loss):
            self._validate_block(block, progress, loss / seen, epoch)

        spread(validate, blocks, progress, losses)

    def _seen_as(self, window) -> tuple[RowReader, np.ndarray, np.ndarray]:
        """Rows, labels and loss weights of a window as the kernels see them."""
        dtype = self.reader.dtype
        labels = ((window.y - self.label_origin) / self.label_unit).astype(dtype)
        weights = window.sample_weight / self.mean_weight
        if not self.settings.regression:
            weights = weights * self.multipliers[window.y.astype(int)]
        return read_in(window.X, dtype), labels, weights.astype(dtype)
