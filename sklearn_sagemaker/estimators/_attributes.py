"""The fitted attributes, from the state of a trained model."""

from __future__ import annotations

from typing import Any

from sklearn.base import is_regressor

from sklearn_sagemaker._state import OF_TRAINING, ModelState, PendingTraining
from sklearn_sagemaker.estimators._finite import check_finite

POSSIBLE = {
    "classes_", "factors_", "threshold_", "draws_", "training_state_",
    "artifact_source_", "pending_training_", *(f"{field}_" for field in OF_TRAINING),
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
    check_finite(state, getattr(estimator, "feature_names_in_", None))
    coef, intercept, factors = state.coef, state.intercept, state.factors
    one = is_regressor(estimator)
    estimator.coef_ = coef[0] if one else coef
    estimator.intercept_ = float(intercept[0]) if one else intercept
    estimator.resolved_params_ = state.resolved
    estimator.metrics_ = state.metrics
    values = {
        "classes_": state.classes,
        "factors_": factors[0] if one and factors is not None else factors,
        "threshold_": state.threshold,
        "draws_": state.draws,
        "training_state_": state.resume,
        "artifact_source_": state.source,
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
