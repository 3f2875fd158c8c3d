"""Factorization Machines on rows that come in windows."""

from __future__ import annotations

from contextlib import closing

import numpy as np

from sklearn_sagemaker._kernels import read_in
from sklearn_sagemaker._state import TrainingData, TrainingSpec, WindowedData
from sklearn_sagemaker._threads import Spread
from sklearn_sagemaker.training.factors.run import FactorRun, log_odds
from sklearn_sagemaker.training.selection.validation import ValidationPlan
from sklearn_sagemaker.training.weights import comparable
from sklearn_sagemaker.training.windows import WindowStatistics, windowed_spec


class WindowedFactorRun(FactorRun):
    """A training run over windows of rows, by gradient steps.

    Scalers are learned on a sample of the rows, and the training metrics are
    measured on it.

    Parameters
    ----------
    spec : TrainingSpec
    source : WindowedData

    Raises
    ------
    ValueError
        If the solver reads rows by columns.
    """

    def __init__(self, spec: TrainingSpec, source: WindowedData):
        solver = spec.hyperparameters["solver"]
        if solver in ("als", "mcmc"):
            raise ValueError(
                f"solver={solver!r} needs the columns of all rows in memory, and these "
                "rows are read in windows; use solver='gradient', or load them."
            )
        windowed = windowed_spec(spec, source)
        self.source, self.totals = source, WindowStatistics(spec, source)
        super().__init__(windowed, self.totals.data)

    def _comparable(self, data: TrainingData) -> TrainingData:
        # Windows bring the other weights as they are.
        return comparable(data, exponent=0)

    def _plan_validation(self) -> ValidationPlan:
        return self.totals.plan(super()._plan_validation())

    def _mean_weight(self) -> float:
        return self.totals.weight / self.totals.n_train

    def _log_odds(self) -> np.ndarray:
        weights = self.totals.class_weights
        return log_odds(np.arange(len(weights)), weights, self.n_outputs)

    def _epoch(self, epoch: int, active: np.ndarray, spread: Spread) -> list:
        models = [self.models[number][0] for number in active]
        losses, seen = np.zeros(len(models)), 0.0
        number, dtype = self.trained + epoch, self.reader.dtype
        with closing(self.source.windows(self.spec.seed, number)) as windows:
            for place, window in enumerate(windows):
                rows = self.totals.train_rows(window)
                if not len(rows):
                    continue
                reader = read_in(window.X, dtype)
                rng = np.random.default_rng([self.spec.seed, number, place])
                order = self._order(rows, reader.nbytes, rng)
                labels = ((window.y - self.origin) / self.unit).astype(dtype)
                weights = (window.sample_weight / self.mean_weight).astype(dtype)

                def work(
                    model, order=order, labels=labels, weights=weights, reader=reader
                ):
                    # errstate belongs to the thread.
                    with np.errstate(all="ignore"):
                        return model.train(order, labels, weights, reader)

                share = float(weights[rows].sum(dtype=np.float64))
                losses += np.array(spread(work, models)) * share
                seen += share

        def validate(model, loss):
            with np.errstate(all="ignore"):
                return self._validated(model, 0, loss)

        return spread(validate, models, losses / seen)
