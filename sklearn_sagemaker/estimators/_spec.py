"""What to train, by the parameters of an estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sklearn_sagemaker._hyperparameters import AUTO_OPTIMIZER, plain, warn_inapplicable
from sklearn_sagemaker._hyperparameters.signs import check_signs, plain_signs
from sklearn_sagemaker._kernels import DEFAULT_LOSS, LOSSES
from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.estimators._attributes import state_of
from sklearn_sagemaker.estimators._targets import ClassTargets, NumberTargets


def seed_of(random_state: Any) -> int:
    """A seed for the training run, drawn from scikit-learn's ``random_state``."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def make_spec(
    estimator: Any, targets: ClassTargets | NumberTargets, cv: Any, **more: Any
) -> TrainingSpec:
    """What to train; warns of parameters without effect.

    Parameters
    ----------
    estimator : estimator
    targets : ClassTargets or NumberTargets
    cv : "auto", False or tuple of (int64 array, int64 array)
    **more
        Fields of the spec that its parameters do not say.

    Returns
    -------
    spec : TrainingSpec
    """
    values = {name: plain(getattr(estimator, name)) for name in estimator._table}
    kind = targets.predictor_type
    if "loss" in values:
        _check_loss(values["loss"], targets)
    # On which the effect of others depends.
    algorithm = estimator._algorithm
    auto = {"loss": DEFAULT_LOSS[kind], "optimizer": AUTO_OPTIMIZER[algorithm]}
    resolved = {name: auto[name] for name in auto if values.get(name) == "auto"}
    warn_inapplicable(estimator._table, values, kind, **resolved)
    settings: dict[str, Any] = {
        "validation_fraction": estimator.validation_fraction,
        "n_jobs": estimator.n_jobs,
        "ensemble_size": plain(estimator.ensemble_size),
        "seed": seed_of(estimator.random_state),
        "feature_names": getattr(estimator, "feature_names_in_", None),
    }
    # What not all estimators have.
    for field, name in (
        ("multiclass_criterion", "multiclass_model_selection_criteria"),
        ("groups", "groups"),
    ):
        if hasattr(estimator, name):
            settings[field] = getattr(estimator, name)
    if hasattr(estimator, "positive"):
        settings["positive"] = plain_signs(estimator.positive)
    groups = settings.get("groups")
    if groups is not None and not isinstance(groups, str):
        # A Series is no plain value.
        settings["groups"] = np.asarray(groups)
    spec = TrainingSpec(
        algorithm=algorithm,
        predictor_type=kind,
        hyperparameters=values,
        cv=cv,
        classes=targets.classes,
        class_weight=targets.class_weight,
        **{**settings, **more},
    )
    check_signs(spec, getattr(estimator, "n_features_in_", None))
    return spec


def _check_loss(loss: str, targets: ClassTargets | NumberTargets) -> None:
    """Refuse a loss of another number of classes."""
    kind, classes = targets.predictor_type, targets.classes
    if loss != "auto" and kind not in LOSSES[loss].predictor_types:
        n_classes = 1 if classes is None else len(classes)
        raise ValueError(
            f"loss={loss!r} does not train {n_classes} classes; set "
            f"loss={DEFAULT_LOSS[kind]!r}, or 'auto'."
        )


def continued(estimator: Any) -> dict[str, Any]:
    """Fields of a spec that goes on from the last fit, if it is to."""
    if not estimator.warm_start:
        return {}
    state = getattr(estimator, "training_state_", None)
    if state is None:
        return {"keep_state": True}
    if "stream" in state:
        raise ValueError(
            "fit with warm_start=True cannot go on from partial_fit; call "
            "partial_fit again, or set warm_start=False to start anew."
        )
    # The same folds as before: rows must not change sides.
    return {"keep_state": True, "resume": state, "seed": state["seed"]}


def streamed(estimator: Any) -> dict[str, Any]:
    """Fields of a spec for the next rows of a stream, which may begin at a model."""
    resume = getattr(estimator, "training_state_", None)
    if hasattr(estimator, "coef_") and (resume is None or "stream" not in resume):
        draws = getattr(estimator, "draws_", None)
        if draws is not None and len(draws["coef"]) > 1:
            raise ValueError(
                f"partial_fit cannot go on from the mean of {len(draws['coef'])} "
                "draws, which solver='mcmc' or an ensemble of probit models leaves; "
                "call fit with solver='gradient' first, or start anew with "
                "sklearn.base.clone(model)."
            )
        resume = {
            "coef": np.atleast_2d(estimator.coef_),
            "intercept": np.atleast_1d(estimator.intercept_),
        }
        state = state_of(estimator)
        if state.factors is not None:
            resume["factors"] = state.factors
        if state.held is not None:
            resume["held"] = state.held
    return {"stream": True, "keep_state": True, "resume": resume}
