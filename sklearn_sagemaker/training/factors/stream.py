"""Factorization Machines on a stream of rows: every call sees the next ones, once."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import RowReader, read_in
from sklearn_sagemaker._state import ModelState, Monitor, TrainingData, TrainingSpec
from sklearn_sagemaker.exceptions import AllCandidatesDivergedError
from sklearn_sagemaker.training.factors.choice import mean_of, named_metrics
from sklearn_sagemaker.training.factors.gradient import GradientModel, Scaler, Solution
from sklearn_sagemaker.training.factors.scaling import (
    check_units,
    feature_scaler,
    in_kernel_units,
)
from sklearn_sagemaker.training.factors.settings import FactorSettings
from sklearn_sagemaker.training.identifiers import warn_of_identifiers
from sklearn_sagemaker.training.precision import in_safe_precision
from sklearn_sagemaker.training.prequential import (
    PIECE_ROWS,
    remember,
    seen_exponent,
    stream_table,
    stream_threshold,
)
from sklearn_sagemaker.training.scaling import check_targets, label_statistics
from sklearn_sagemaker.training.weights import comparable


class FactorStream:
    """One call of a stream: trains the candidates on its rows, once.

    Every row is scored by the candidates before they are trained on it, and the
    losses of these scores select among them (test-then-train).

    Parameters
    ----------
    spec : TrainingSpec
        ``resume`` is None at first, then the `ModelState.resume` of the call before;
        or a dict of ``coef``, ``intercept`` and ``factors``, where all start.
    data : TrainingData

    Raises
    ------
    ValueError
        If ``spec.resume`` does not fit the spec and the data.
    """

    def __init__(self, spec: TrainingSpec, data: TrainingData):
        resume = spec.resume if spec.resume and "stream" in spec.resume else None
        self.exponent = seen_exponent(resume, data)
        data = comparable(data, self.exponent)
        if resume is None:
            data = in_safe_precision(data, spec.feature_names)
        self.spec, self.data = spec, data
        self.settings = FactorSettings(spec)
        self.reader = RowReader(data.X)
        if resume is not None and storage_of(self.reader) != resume["storage"]:
            raise ValueError(
                f"X is {storage_of(self.reader)}, the rows of the calls before were "
                f"{resume['storage']}; a stream is all of one kind, so convert X."
            )
        if resume is not None:
            # The precision of a stream is that of its first rows.
            self.reader = read_in(data.X, resume["dtype"])
        self.rows = np.flatnonzero(data.sample_weight > 0).astype(np.int64)
        if self.settings.regression:
            check_targets(data.y[self.rows])
        self.n_outputs = spec.n_classes if self.settings.loss.coupled else 1
        self.settings.check_memory(self.reader.n_features, self.n_outputs)
        if resume is not None:
            self.seen = dict(resume["stream"])
        else:
            warn_of_identifiers(data.X, self.rows, spec.feature_names)
            self.seen = self._first_look()
        self.scaler = Scaler(*self.seen["scaler"])
        if spec.resume is not None and resume is None:
            # A fitted model goes on with as many factors as it has.
            self.seen["num_factors"] = spec.resume["factors"].shape[2]
        self.candidates = self.settings.candidates(
            self.seen["square"], self.seen.get("num_factors")
        )
        if resume is not None and len(self.candidates) != len(resume["models"]):
            raise ValueError(
                f"num_models now gives {len(self.candidates)} models, the calls before "
                f"had {len(resume['models'])}; keep the settings, or start anew with "
                "fit."
            )
        self.models = [self._model(number) for number in range(len(self.candidates))]
        if resume is not None:
            for model, state in zip(self.models, resume["models"], strict=True):
                _check_state(model, state)
                model.restore(state)
        elif spec.resume is not None:
            for model in self.models:
                self._begin_at(model, spec.resume)

    def _first_look(self) -> dict[str, Any]:
        """Scalers, which the rows of the first call decide for good."""
        data, rows, settings = self.data, self.rows, self.settings
        scaler, square = feature_scaler(
            self.reader,
            data.X,
            rows,
            data.sample_weight,
            settings.flag("normalize_data", True) and len(rows) > 1,
            self.spec.feature_names,
        )
        origin, unit = 0.0, 1.0
        if settings.regression and settings.flag("normalize_label", True):
            origin, unit = label_statistics(
                data.y[rows], data.sample_weight[rows], True, True
            )
        n = len(settings.candidates(square))
        return {
            "calls": 0,
            "scaler": (scaler.shift, scaler.scale),
            "square": square,
            "labels": (origin, unit),
            "rows": 0,
            "weight": 0.0,
            "loss": np.zeros(n),
            "loss_weight": 0.0,
            "recent": np.zeros((0, n + 2)),
            "seed": self.spec.seed,
            "exponent": self.exponent,
        }

    def _model(self, number: int) -> GradientModel:
        return GradientModel(
            self.settings,
            self.candidates.params(number),
            self.reader,
            self.n_outputs,
            self.scaler,
            np.zeros(self.n_outputs),
            [self.seen["seed"], 0xFAC7, number],
        )

    def _begin_at(self, model: GradientModel, fitted: dict[str, np.ndarray]) -> None:
        """Let a model start as a fitted one."""
        start = in_kernel_units(
            Solution(fitted["intercept"], fitted["coef"], fitted["factors"]),
            self.scaler,
            *self.seen["labels"],
        )
        model.bias[0] = start.intercept
        model.linear[:, 0] = start.coef.T
        d, k = start.factors.shape[1:]
        flat = start.factors.transpose(1, 0, 2).reshape(d, self.n_outputs * k)
        model.factors[:, 0] = flat

    # -------------------------------------------------------------------- training
    def train(self, monitor: Monitor | None = None) -> ModelState:
        """Score and train on the rows, and select the best candidate so far.

        A stream has no epochs, and never asks the monitor.

        Raises
        ------
        AllCandidatesDivergedError
            If no candidate stayed finite.
        """
        seen, data, settings = self.seen, self.data, self.settings
        origin, unit = seen["labels"]
        seen["rows"] += len(self.rows)
        seen["weight"] += float(data.sample_weight[self.rows].sum())
        # Mean weight 1, as far as that can be known.
        share = seen["rows"] / seen["weight"]
        weights = (data.sample_weight * share).astype(self.reader.dtype)
        labels = ((data.y - origin) / unit).astype(self.reader.dtype)
        rng = np.random.default_rng([seen["seed"], 0x57E3, seen["calls"]])
        order = self.rows[rng.permutation(len(self.rows))]
        recent = settings.binary and settings.criterion.curve is not None
        losses = np.zeros(len(self.models))
        with np.errstate(all="ignore"):
            for start in range(0, len(order), PIECE_ROWS):
                piece = order[start : start + PIECE_ROWS]
                # Scores of a model that has not seen a row calibrate nothing.
                if recent and (seen["calls"] or start or self.spec.resume is not None):
                    margins = [
                        model.margins(self.reader, piece) for model in self.models
                    ]
                    seen["recent"] = remember(seen["recent"], data, piece, margins)
                total = weights[piece].sum(dtype=np.float64)
                losses += [
                    model.train(piece, labels, weights) * total for model in self.models
                ]
        seen["loss"] = seen["loss"] + losses * unit**settings.loss.degree
        seen["loss_weight"] += weights[order].sum(dtype=np.float64)
        seen["calls"] += 1
        return self._result()

    def _result(self) -> ModelState:
        settings, seen = self.settings, self.seen
        loss = seen["loss"] / seen["loss_weight"]
        finite = np.array([model.finite for model in self.models])
        loss = np.where(finite & np.isfinite(loss), loss, np.inf)
        if not np.isfinite(loss).any():
            raise AllCandidatesDivergedError(
                f"All {len(loss)} models diverged on the rows of this call; the "
                "estimator is as it was before. Check these rows for extreme values, "
                "or start again with smaller learning rates (linear_lr, factors_lr)."
            )
        chosen = np.argsort(loss, kind="stable")[: self.spec.ensemble_size]
        chosen = chosen[np.isfinite(loss[chosen])]
        best = int(chosen[0])
        threshold = stream_threshold(settings, seen["recent"], chosen)
        solutions = [self.models[number].solution() for number in chosen]
        origin, unit = seen["labels"]
        data, names = self.data, self.spec.feature_names
        spread = settings.spread(data.y[self.rows])
        check_units(
            solutions, data.X, self.rows, self.scaler, origin, unit, spread, names
        )
        solution = mean_of(solutions, self.scaler, origin, unit)
        return ModelState(
            coef=solution.coef,
            intercept=solution.intercept,
            factors=solution.factors,
            threshold=threshold,
            n_iter=1,
            best_index=best,
            best_params=self.candidates.params(best),
            best_score=float(-loss[best]),
            candidates=stream_table(self.candidates, loss, threshold),
            loss_curve=loss[[best]],
            validation_curve=None,
            resolved={
                "solver": settings.solver,
                "optimizer": settings.optimizer,
                "validation": "test-then-train",
                "loss": settings.loss.name,
            },
            metrics={"train": self._metrics(float(loss[best]))},
            resume={
                "models": [model.state() for model in self.models],
                "dtype": str(self.reader.dtype),
                "storage": storage_of(self.reader),
                "stream": seen,
            },
        )

    def _metrics(self, loss: float) -> dict[str, float]:
        """The mean loss so far, by SageMaker's name."""
        if self.settings.regression:
            return {"mse": loss, "rmse": float(np.sqrt(loss))}
        return named_metrics(self.spec.predictor_type, {"objective_loss": loss})


def _check_state(model: GradientModel, state: dict[str, Any]) -> None:
    """Refuse a state of other shapes.

    Raises
    ------
    ValueError
        If the settings are others than those of the calls before.
    """
    if model.factors.shape != state["factors"].shape:
        raise ValueError(
            f"num_factors, the optimizer or the classes have changed: the factors "
            f"and their states have the shape {model.factors.shape}, those of the "
            f"calls before {state['factors'].shape}; keep the settings, or start anew "
            "with fit."
        )


def storage_of(reader: RowReader) -> str:
    """What kind of rows a reader reads."""
    return "sparse" if reader.sparse else "dense"
