"""The candidates of Factorization Machines as selection sees them, and their model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit, logit

from sklearn_sagemaker._columns import empty_draws
from sklearn_sagemaker._state import ModelState, SomeFeatures
from sklearn_sagemaker._threads import ALONE, Map
from sklearn_sagemaker.training.factors.gradient import Scaler, Scorer, Solution
from sklearn_sagemaker.training.factors.resolved import resolved
from sklearn_sagemaker.training.factors.scaling import check_units, in_user_units
from sklearn_sagemaker.training.factors.settings import FactorSettings
from sklearn_sagemaker.training.factors.validating import pieces_of
from sklearn_sagemaker.training.selection.choice import TrainedCandidates, select_best

METRIC_NAMES: dict[str, dict[str, str | None]] = {
    "binary_classifier": {"objective_loss": "binary_classification_cross_entropy"},
    "multiclass_classifier": {},
    "regressor": {"objective_loss": None},
}
"""SageMaker's names of what the metrics of Linear Learner call otherwise."""


def named_metrics(predictor_type: str, metrics: dict[str, float]) -> dict[str, float]:
    """Metrics of Linear Learner by SageMaker's names for Factorization Machines."""
    names = METRIC_NAMES[predictor_type]
    renamed = {names.get(name, name): value for name, value in metrics.items()}
    return {name: value for name, value in renamed.items() if name is not None}


@dataclass
class TrainedFactors(TrainedCandidates):
    """The trained models of a run of Factorization Machines.

    Attributes
    ----------
    models : list of lists of models
        Of each candidate: the model that is kept, then those of the folds.
    scaler : Scaler
    jobs : int
        Threads that work is cut for.
    """

    settings: FactorSettings
    models: list[list[Any]]
    scaler: Scaler
    jobs: int

    @property
    def own_rates(self) -> bool:
        """Whether the user set a learning rate."""
        return self.settings.own_rates

    def margins(self, reader, parts, chosen: np.ndarray) -> np.ndarray:
        """Margins of some candidates at their best, in the user's units."""
        # What is not finite is refused when the model is made.
        with np.errstate(over="ignore", invalid="ignore"):
            return self._margins(reader, parts, chosen)

    def _margins(self, reader, parts, chosen: np.ndarray) -> np.ndarray:
        n_rows = sum(len(rows) for _, rows in parts)
        found = np.empty((n_rows, self.n_outputs, len(chosen)))
        work = []
        for place, number in enumerate(chosen):
            start = 0
            for fit, rows in parts:
                scorer = self.models[number][fit].best_scorer(reader)
                out = found[start : start + len(rows), :, place]
                for piece in pieces_of(len(rows), self.jobs):
                    work.append((scorer, rows[piece], out[piece]))
                start += len(rows)

        def score(scorer: Scorer, rows: np.ndarray, out: np.ndarray) -> None:
            out[:] = scorer(rows)
            if self.targets.unit != 1.0:
                out *= self.targets.unit
            if self.targets.origin != 0.0:
                out += self.targets.origin

        self.spread(score, *zip(*work, strict=True))
        return found

    def simpler(self, chosen: int, loss: np.ndarray) -> int | None:
        """The best linear part alone, where another candidate is chosen by its loss.

        On few rows factors that fit noise lead by luck, and lose more than those lose
        that are not kept.
        """
        sigmas = self.candidates.columns.get("factors_init_sigma")
        if sigmas is None or self.settings.scores_rows:
            return None
        alone = np.array([one == 0.0 for one in sigmas]) & np.isfinite(loss)
        if not alone.any() or alone.all() or alone[chosen]:
            return None
        return int(np.argmin(np.where(alone, loss, np.inf)))

    def mean(self, margins: np.ndarray) -> np.ndarray:
        """Margins of an ensemble; of probit models by the mean of probabilities."""
        if not self.settings.probit:
            return super().mean(margins)
        if self.n_outputs > 1:
            return np.log(np.exp(margins).mean(axis=2))
        return logit(expit(margins).mean(axis=2).clip(1e-15, 1.0 - 1e-15))

    def named(self, metrics: dict[str, float]) -> dict[str, float]:
        """Metrics by SageMaker's names for Factorization Machines."""
        return named_metrics(self.spec.predictor_type, metrics)

    def remedies(self) -> list[str]:
        """What the settings leave to try when every candidate diverged."""
        values = self.spec.hyperparameters
        return [
            f"set {name} below {values[name]:g}, or 'auto'"
            for name in ("linear_lr", "factors_lr", "bias_lr")
            if values[name] not in ("auto", 0)
        ]


def mean_of(
    found: list[Solution], scaler: Scaler, origin: float, unit: float
) -> Solution:
    """The mean of some models, as one in the user's units.

    The mean of m machines is a machine whose factors are all of theirs, over the
    square root of m.

    Parameters
    ----------
    found : list of Solution
        For features and labels as the kernels see them.
    scaler : Scaler
    origin, unit : float
        Labels were trained as ``(y - origin) / unit``.

    Returns
    -------
    solution : Solution
    """
    models = [in_user_units(one, scaler, origin, unit) for one in found]
    if len(models) == 1:
        return models[0]
    factors = np.concatenate([one.factors for one in models], axis=2)
    return Solution(
        np.mean([one.intercept for one in models], axis=0),
        np.mean([one.coef for one in models], axis=0),
        factors / np.sqrt(len(models)).astype(factors.dtype),
    )


def all_draws(
    found: list[Solution],
    scaler: Scaler,
    origin: float,
    unit: float,
    spread: Map = ALONE,
) -> dict[str, np.ndarray] | None:
    """Draws in the user's units, stacked; None if there are none."""
    if not found:
        return None
    # One of zero stands for none.
    most = max(1, *(one.factors.shape[2] for one in found))

    def padded(draw: Solution) -> Solution:
        one = in_user_units(draw, scaler, origin, unit)
        # Factors of zero make machines of an ensemble equally wide.
        lack = most - one.factors.shape[2]
        return replace(one, factors=np.pad(one.factors, ((0, 0), (0, 0), (0, lack))))

    stacked = {
        name: empty_draws(name, (len(found), *part.shape), part.dtype)
        for name, part in vars(padded(found[0])).items()
    }

    def take(place: int, draw: Solution) -> None:
        # One at a time in each thread: they are large.
        for name, part in vars(padded(draw)).items():
            stacked[name][place] = part

    spread(take, range(len(found)), found)
    return stacked


def as_started(
    models: list[Any], scaler: Scaler, unit: float
) -> dict[str, list[dict[str, Any]]]:
    """Rules by which features that no row has are in the mean of some models.

    Parameters
    ----------
    models : list of GradientModel or SweepModels
        Those of sweeps have no such features.
    scaler : Scaler
    unit : float
        Of the labels.

    Returns
    -------
    held : dict
        ``starts`` and ``linear``, for factors and weights in the user's units.
    """
    models = [model for model in models if hasattr(model, "starts")]
    of_factors = scaler.rest * np.sqrt(unit / max(len(models), 1))
    of_weights = scaler.rest * unit / max(len(models), 1)

    def rules(group: str, factor: float) -> list[dict[str, Any]]:
        found = [(model.starts[group], model.num_factors) for model in models]
        return [
            {**rule, "size": float(rule["size"] * factor), "width": k}
            for rule, k in found
        ]

    return {
        "starts": rules("factors", of_factors),
        "linear": rules("linear", of_weights),
    }


def select(
    trained: TrainedFactors, epochs: int, resume: dict[str, Any] | None, X
) -> ModelState:
    """Select the best candidate, or average the best few.

    Parameters
    ----------
    trained : TrainedFactors
    epochs : int
        What ``epochs`` became.
    resume : dict or None
        What to go on from, for the model's state.
    X : ndarray or CSR of shape (n_samples, n_features)
        The training rows.

    Returns
    -------
    state : ModelState

    Raises
    ------
    AllCandidatesDivergedError
        If no candidate stayed finite.
    FeatureScaleError
        If the model has no exact form in the units of X.
    """
    settings, spec = trained.settings, trained.spec
    selection = select_best(trained)
    models = [trained.models[number][0] for number in selection.chosen]
    scaling = trained.scaler, trained.targets.origin, trained.targets.unit
    solutions = [model.solution() for model in models]
    draws = [draw for model in models for draw in model.draws()]
    rows = trained.plan.train_rows
    spread = settings.spread(trained.train[1][rows])
    check_units(
        draws or solutions, X, rows, *scaling, spread, spec.feature_names,
        trained.spread,
    )  # fmt: skip
    if settings.probit and len(models) > 1 and not draws:
        # Probabilities are averaged, which no single machine does.
        draws = solutions
    solution = mean_of(solutions, *scaling)
    return ModelState(
        coef=solution.coef,
        intercept=solution.intercept,
        factors=solution.factors,
        draws=all_draws(draws, *scaling, trained.spread),
        resolved={
            **resolved(settings, models[0], len(trained.candidates)),
            "epochs": epochs,
            "validation": trained.plan.kind,
            "loss": settings.loss.name,
        },
        resume=resume,
        held=(
            as_started(models, trained.scaler, trained.targets.unit)
            if isinstance(spec.feature_names, SomeFeatures)
            else None
        ),
        **selection.fields,
    )
