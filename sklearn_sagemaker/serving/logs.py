"""What a training job prints: the built-in algorithms' lines, in their order.

SageMaker reads metrics out of these lines by regular expressions, which it attaches to
the images of the built-in algorithms, so names and punctuation are theirs.
"""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Mapping
from typing import Any, TextIO

import numpy as np

from sklearn_sagemaker._hyperparameters import BINARY, MULTICLASS, REGRESSOR
from sklearn_sagemaker._hyperparameters.container import FACTORS, LINEAR

_TITLES = {LINEAR: "Linear Learner", FACTORS: FACTORS}
_COUNTERS = (
    "Total Records Seen",
    "Total Batches Seen",
    "Max Records Seen Between Resets",
    "Max Batches Seen Between Resets",
    "Reset Count",
    "Number of Records Since Last Reset",
    "Number of Batches Since Last Reset",
)
_LOSSES = ("mse", "rmse", "absolute_loss")
_BEST = (
    "optimizer",
    "learning_rate",
    "wd",
    "l1",
    "lr_scheduler_step",
    "lr_scheduler_factor",
    "lr_scheduler_minimum_lr",
)
_OBJECTIVES = {
    "logistic": "binary_classification_cross_entropy_objective",
    "softmax_loss": "multiclass_cross_entropy_objective",
    "squared_loss": "mse_objective",
}
_WEIGHTED = {
    "logistic": "binary_classification_weighted_cross_entropy_objective",
    "softmax_loss": "weighted_softmax_loss_objective",
}
_FACTOR_LOSSES = {
    BINARY: "binary_classification_cross_entropy",
    MULTICLASS: "multiclass_log_loss",
    REGRESSOR: "mse",
}


class Names:
    """What metrics are called in the log of one training.

    Parameters
    ----------
    algorithm, predictor_type, loss : str
    weighted : bool
        Whether hyperparameters weight the classes.
    f_beta : float
    accuracy_top_k : int
    """

    def __init__(
        self,
        algorithm: str,
        predictor_type: str,
        loss: str,
        weighted: bool = False,
        f_beta: float = 1.0,
        accuracy_top_k: int = 3,
    ):
        if algorithm == FACTORS:
            self.objective = _FACTOR_LOSSES[predictor_type]
        else:
            names = {**_OBJECTIVES, **(_WEIGHTED if weighted else {})}
            self.objective = names.get(loss, f"{loss}_objective")
        self._names = {
            "objective_loss": self.objective,
            "binary_f_beta": f"binary_f_{f_beta:.3f}",
            "macro_f_beta": f"macro_f_{f_beta:.3f}",
            "multiclass_top_k_accuracy": f"multiclass_top_k_accuracy_{accuracy_top_k}",
        }

    def of(self, metric: str) -> str:
        """The logged name of a metric of ours."""
        return self._names.get(metric, metric)

    def kind(self, name: str) -> str:
        """Whether a logged name is of a loss or of a score."""
        loss = name in _LOSSES or name.endswith(("_objective", "_cross_entropy"))
        return "loss" if loss or name.endswith("_log_loss") else "score"


class JobLog:
    """Writes the lines of one job.

    Parameters
    ----------
    out : text file
    host : str
    """

    def __init__(self, out: TextIO, host: str = "algo-1"):
        self._out, self._host = out, host
        self._lock = threading.Lock()
        self._start = self._epoch_start = time.time()
        self._algorithm = LINEAR
        self._names = Names(LINEAR, BINARY, "logistic")
        self._n_rows = self._n_batches = self._passes = 0
        self._best, self._validated = math.inf, False
        self._updates, self._epochs = 0.0, 0
        self._initialized = self._start

    # ---------------------------------------------------------------- single lines
    def plain(self, text: str) -> None:
        """A line without a prefix."""
        with self._lock:
            self._out.write(text + "\n")
            self._out.flush()

    def line(self, text: str, level: str = "INFO") -> None:
        """A line with time, level and thread."""
        now = time.strftime("%m/%d/%Y %H:%M:%S")
        # One line each: a reader takes what has no prefix for another's.
        text = " ".join(text.splitlines())
        self.plain(f"[{now} {level} {threading.get_ident()}] {text}")

    def metrics(self, values: Mapping[str, float], start: float, **more: Any) -> None:
        """A line of JSON that carries metrics, and an empty one."""
        dimensions = {
            "Algorithm": _TITLES[self._algorithm],
            "Host": self._host,
            "Operation": "training",
            **more,
        }
        written = {
            name: {"sum": value, "count": 1, "min": value, "max": value}
            for name, value in values.items()
        }
        document = {
            "StartTime": start,
            "EndTime": time.time(),
            "Dimensions": dimensions,
            "Metrics": written,
        }
        self.plain(f"#metrics {json.dumps(document)}\n")

    def _quality(self, place: str, name: str, value: float) -> None:
        kind = self._names.kind(name)
        self.line(
            f"#quality_metric: host={self._host}, {place} {name} <{kind}>={value!r}"
        )

    def _counters(self, **more: Any) -> None:
        rows, batches, passes = self._n_rows, self._n_batches, self._passes
        values = rows * passes, batches * passes, rows, batches, passes, rows, batches
        if not passes:
            values = rows, batches, rows, batches, 0, rows, batches
        found = dict(zip(_COUNTERS, map(float, values), strict=True))
        self.metrics(found, self._epoch_start, **more)

    # ------------------------------------------------------------------ of a training
    def begins(
        self,
        algorithm: str,
        defaults: Mapping[str, str],
        given: Mapping[str, str],
        path: str,
        checkpoints: bool,
    ) -> None:
        """Say what the job is told."""
        self._algorithm = algorithm
        self.plain("Running default environment configuration script")
        self.line(f"Reading default configuration from sklearn_sagemaker: {defaults}")
        self.line(f"Merging with provided configuration from {path}: {dict(given)}")
        self.line(f"Final configuration: { ({**defaults, **given}) }")
        self.line("Loggers have already been setup.")
        self.plain(f"Process {os.getpid()} is a worker.")
        self.line("Using default worker.")
        if not checkpoints:
            self.line("Checkpoint loading and saving are disabled.")

    def trains(
        self, names: Names, n_rows: int, mini_batch_size: int, validated: bool
    ) -> None:
        """Say that the epochs begin."""
        self._names, self._validated = names, validated
        self._n_rows = n_rows
        self._n_batches = -(-n_rows // mini_batch_size)
        self.line("Create Store: local")
        self.line("Number of GPUs being used: 0")
        self._initialized = time.time()
        self._counters(Meta="init_train_data_iter")
        self._epoch_start = time.time()

    def epoch(self, number: int, epochs: int, losses: Mapping[str, Any]) -> None:
        """Say how an epoch went; a monitor's arguments."""
        start, objective = self._epoch_start, self._names.objective
        reported = [("train", losses["train_losses"], losses["train_loss"])]
        if self._validated:
            of_validation = losses["validation_losses"], losses["validation_loss"]
            reported.append(("validation", *of_validation))
        for part, each, best in reported:
            for model in np.flatnonzero(np.isfinite(each)):
                self.metrics(
                    {f"{part}_{objective}": float(each[model])},
                    start,
                    epoch=number,
                    model=int(model),
                )
            place = f"epoch={number}, {part}"
            if objective == "mse" and self._algorithm == FACTORS and best >= 0:
                self._quality(place, "rmse", math.sqrt(best))
            self._quality(place, objective, best)
        value = losses["validation_loss"]
        if self._algorithm == LINEAR:
            self.line(
                f"#early_stopping_criteria_metric: host={self._host}, epoch={number}, "
                f"criteria={objective}, value={value!r}"
            )
            if value < self._best:
                self.line(f"Epoch {number}: Loss improved. Updating best model")
                self._best = value
            self.line(f"Saving model for epoch: {number}")
        done = 100 if losses["n_active"] == 0 else 100 * (number + 1) // epochs
        if losses["n_active"] == 0 and number + 1 < epochs:
            self.line("Early stop condition met. Stopping training.")
        self.line(f"#progress_metric: host={self._host}, completed {done} % of epochs")
        self._passes += 1
        self._counters(epoch=number, Meta="training_data_iter")
        now = time.time()
        rate = self._n_rows / max(now - start, 1e-9)
        self.line(
            f"#throughput_metric: host={self._host}, train throughput={rate!r} "
            "records/second"
        )
        self._updates += now - start
        self._epoch_start, self._epochs = now, number + 1

    def scores(self, part: str, metrics: Mapping[str, float]) -> None:
        """Say the metrics of the model on some rows: train, validation or test."""
        # The area of rows of one class is no number.
        named = {
            self._names.of(name): value
            for name, value in metrics.items()
            if math.isfinite(value)
        }
        for name, value in named.items():
            self.line(f"#{part}_score ({self._host}) : {(name, value)!r}")
        for name, value in named.items():
            self._quality(part, name, value)

    def best(self, parameters: Mapping[str, Any]) -> None:
        """Say which candidate is kept."""
        found = {name: parameters[name] for name in _BEST if name in parameters}
        found = found or dict(parameters)
        text = json.dumps(found, default=lambda value: value.item())
        self.line(f"Best model found for hyperparameters: {text}")

    def ends(self) -> None:
        """Say how long it took."""
        now = time.time()
        setup = 1000 * (self._initialized - self._start)
        values = {
            "initialize.time": setup,
            "epochs": float(self._epochs),
            "update.time": 1000 * self._updates,
            "finalize.time": 1000 * (now - self._epoch_start),
            "setuptime": setup,
            "totaltime": 1000 * (now - self._start),
        }
        self.metrics(values, self._start)
