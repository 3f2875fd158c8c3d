"""Factorization Machines on a stream of rows: every call sees the next ones, once."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker._state import (
    ModelState,
    Monitor,
    SomeFeatures,
    TrainingData,
    TrainingSpec,
)
from sklearn_sagemaker.training.factors.choice import (
    as_started,
    mean_of,
    named_metrics,
)
from sklearn_sagemaker.training.factors.following import (
    carry,
    look,
    start_of_scales,
    varied,
)
from sklearn_sagemaker.training.factors.gradient import GradientModel, Scaler, Solution
from sklearn_sagemaker.training.factors.resolved import resolved
from sklearn_sagemaker.training.factors.scaling import check_units, in_kernel_units
from sklearn_sagemaker.training.factors.settings import FactorSettings
from sklearn_sagemaker.training.identifiers import warn_of_identifiers
from sklearn_sagemaker.training.prequential import (
    StreamCall,
    earlier_calls,
    storage_of,
)
from sklearn_sagemaker.training.scaling import check_targets


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
        resume = earlier_calls(spec)
        earlier = (resume["storage"], resume["dtype"]) if resume is not None else None
        self.spec, self.settings = spec, FactorSettings(spec)
        features = spec.feature_names
        some = isinstance(features, SomeFeatures)
        self.columns = features.numbers if some else None
        self.call = StreamCall(spec, self.settings, data, earlier)
        self.data, self.reader = self.call.data, self.call.reader
        self.rows = self.call.rows
        if self.settings.regression:
            check_targets(self.data.y[self.rows])
        self.n_outputs = self.settings.n_outputs
        self.settings.check_memory(self.reader.n_features, self.n_outputs)
        if resume is None:
            warn_of_identifiers(self.data.X, self.rows, spec.feature_names)
            n_models = len(self.settings.candidates())
            fresh = spec.resume is None
            self.call.start(n_models, fresh=fresh, **start_of_scales())
        self.seen = self.call.seen
        before = self._scales()
        if self.seen.get("constant") and self.seen["fresh"]:
            before = (*before[:2], 0.0)
        met = varied(self.seen, self.reader)
        names = spec.feature_names
        moved = look(self.seen, self.settings, self.reader, self.data, self.rows, names)
        self.scaler = Scaler(*self.seen["scaler"])
        if spec.resume is not None and resume is None:
            # A fitted model goes on with as many factors as it has.
            self.seen["num_factors"] = spec.resume["factors"].shape[2]
        self.candidates = self.settings.candidates(
            self.seen["square"],
            self.seen.get("num_factors"),
            fresh=self.seen.get("fresh", False),
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
                start = model.factors[:, 0].copy() if self.seen.get("fresh") else None
                model.restore(state)
                if moved:
                    carry(model, before, self._scales(), start, met)
        elif spec.resume is not None:
            for model in self.models:
                self._begin_at(model, spec.resume)

    def _scales(self) -> tuple[Scaler, float, float]:
        """How features and labels are scaled today."""
        return Scaler(*self.seen["scaler"]), *self.seen["labels"]

    def _model(self, number: int) -> GradientModel:
        return GradientModel(
            self.settings,
            self.candidates.params(number),
            self.reader,
            self.n_outputs,
            self.scaler,
            np.zeros(self.n_outputs),
            [self.seen["seed"], 0xFAC7, number],
            self.columns,
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
        if flat.any():
            # Those of a linear part alone would stay at zero.
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
        call = self.call
        call.count()
        origin, unit = self.seen["labels"]
        labels, weights = call.targets(self.data.sample_weight, origin, unit)
        with np.errstate(all="ignore"):
            call.test_then_train(
                weights,
                unit,
                lambda piece: [
                    model.margins(self.reader, piece) for model in self.models
                ],
                lambda piece: [
                    model.train(piece, labels, weights) for model in self.models
                ],
            )
        return self._result()

    def _result(self) -> ModelState:
        settings = self.settings
        finite = np.array([model.finite for model in self.models])
        selection = self.call.select(
            self.candidates, finite, "smaller learning rates (linear_lr, factors_lr)"
        )
        solutions = [self.models[number].solution() for number in selection.chosen]
        origin, unit = self.seen["labels"]
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
            held=(
                None
                if self.columns is None
                else as_started(
                    [self.models[number] for number in selection.chosen],
                    self.scaler,
                    unit,
                )
            ),
            resolved={
                **resolved(
                    settings,
                    self.models[selection.fields["best_index"]],
                    len(self.candidates),
                ),
                "validation": "test-then-train",
                "loss": settings.loss.name,
            },
            metrics={"train": self._metrics(float(selection.fields["loss_curve"][0]))},
            resume={
                "models": [model.state() for model in self.models],
                "dtype": str(self.reader.dtype),
                "storage": storage_of(self.reader),
                "stream": self.seen,
            },
            **selection.fields,
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
    # A state may be of some of the features.
    if model.factors.shape[1:] != state["factors"].shape[1:]:
        raise ValueError(
            f"num_factors, the optimizer or the classes have changed: the factors "
            f"and their states have the shape {model.factors.shape}, those of the "
            f"calls before {state['factors'].shape}; keep the settings, or start anew "
            "with fit."
        )
