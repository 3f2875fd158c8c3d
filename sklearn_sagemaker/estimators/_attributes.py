"""The fitted attributes, from the state of a trained model and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_regressor

from sklearn_sagemaker._columns import draws_by_feature
from sklearn_sagemaker._state import OF_TRAINING, ModelState, PendingTraining
from sklearn_sagemaker.estimators._finite import check_finite

POSSIBLE = {
    "classes_", "factors_", "threshold_", "draws_", "training_state_",
    "artifact_source_", "pending_training_", "training_job_", "_held", "cv_results_",
    "tuning_job_name_",
    *(f"{field}_" for field in OF_TRAINING),
}  # fmt: skip
"""Attributes that not every fit sets; those of an earlier fit must not stay."""


def set_attributes(estimator: Any, state: ModelState) -> None:
    """Take the fitted attributes from a trained model, if it is finite.

    Parameters
    ----------
    estimator : estimator
    state : ModelState

    Raises
    ------
    FeatureScaleError
        If a number of the model is NaN or infinite.
    """
    names = getattr(estimator, "feature_names_in_", state.feature_names)
    check_finite(state, names)
    coef, intercept, factors = state.coef, state.intercept, state.factors
    one = is_regressor(estimator)
    estimator.coef_ = coef[0] if one else coef
    estimator.intercept_ = float(intercept[0]) if one else intercept
    estimator.n_features_in_ = coef.shape[1]
    estimator.resolved_params_ = state.resolved
    estimator.metrics_ = state.metrics
    values = {
        "classes_": state.classes,
        "factors_": factors[0] if one and factors is not None else factors,
        "threshold_": state.threshold,
        "draws_": None if state.draws is None else draws_by_feature(state.draws),
        "_held": state.held,
        "training_state_": state.resume,
        "artifact_source_": state.source,
        "training_job_": state.training_job,
        "feature_names_in_": names,
    }
    values = {name: value for name, value in values.items() if value is not None}
    # Of these None is an answer: there were no validation rows.
    for field in set(OF_TRAINING) - set(state.unknown):
        values[f"{field}_"] = getattr(state, field)
    for name in POSSIBLE - set(values):
        vars(estimator).pop(name, None)
    vars(estimator).update(values)


def set_pending(estimator: Any, training: PendingTraining) -> None:
    """Be unfitted until a training elsewhere is done; what was fitted before goes."""
    always = {"coef_", "intercept_", "resolved_params_", "metrics_"}
    for name in POSSIBLE | always:
        vars(estimator).pop(name, None)
    estimator.pending_training_ = training


def _numbers_of(estimator: Any) -> dict[str, Any]:
    """What a model scores rows by, with an axis of outputs."""
    fitted = vars(estimator)
    coef, intercept = estimator.coef_, estimator.intercept_
    factors = fitted.get("factors_")
    if coef.ndim == 1:
        # Of a regressor.
        coef, intercept = coef[None], np.array([intercept])
        factors = None if factors is None else factors[None]
    return {
        "coef": coef,
        "intercept": intercept,
        "factors": factors,
        "draws": fitted.get("draws_"),
        "held": fitted.get("_held"),
    }


def scorer_of(estimator: Any) -> ModelState:
    """What of `state_of` scores rows; all of it takes longer than to score one row.

    Parameters
    ----------
    estimator : fitted estimator

    Returns
    -------
    state : ModelState
        It shares the arrays of the estimator.
    """
    return ModelState(threshold=None, **_numbers_of(estimator))


def state_of(estimator: Any) -> ModelState:
    """What `set_attributes` took the fitted attributes from.

    Parameters
    ----------
    estimator : fitted estimator

    Returns
    -------
    state : ModelState
        It shares the arrays of the estimator.
    """
    fitted = vars(estimator)
    known = [field for field in OF_TRAINING if f"{field}_" in fitted]
    return ModelState(
        **_numbers_of(estimator),
        threshold=fitted.get("threshold_"),
        link=estimator._score_link(),
        resolved=estimator.resolved_params_,
        metrics=estimator.metrics_,
        resume=fitted.get("training_state_"),
        source=fitted.get("artifact_source_"),
        training_job=fitted.get("training_job_"),
        classes=fitted.get("classes_"),
        feature_names=fitted.get("feature_names_in_"),
        unknown=tuple(field for field in OF_TRAINING if field not in known),
        **{field: fitted[f"{field}_"] for field in known},
    )
