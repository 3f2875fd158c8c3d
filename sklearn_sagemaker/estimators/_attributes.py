"""The fitted attributes, from the state of a trained model."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_regressor

from sklearn_sagemaker._state import ModelState
from sklearn_sagemaker.estimators._finite import check_finite


def set_attributes(
    estimator: Any, state: ModelState, classes: np.ndarray | None = None
) -> None:
    """Take the fitted attributes from a trained model, if it is finite.

    Parameters
    ----------
    estimator : estimator
    state : ModelState
    classes : ndarray of shape (n_classes,) or None
        Class labels of a classifier.

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
    trained = {
        "n_iter_": state.n_iter,
        "best_index_": state.best_index,
        "best_params_": state.best_params,
        "best_score_": state.best_score,
        "candidates_": state.candidates,
        "loss_curve_": state.loss_curve,
        "validation_curve_": state.validation_curve,
    }
    some = {
        "classes_": classes,
        "factors_": factors[0] if one and factors is not None else factors,
        "threshold_": state.threshold,
        "draws_": state.draws,
        "training_state_": state.resume,
        "artifact_source_": state.source,
    }
    read = state.source is not None
    for name, value in {**trained, **some}.items():
        # None is an answer of a training: it had no validation rows.
        if value is not None or (name in trained and not read):
            setattr(estimator, name, value)
        elif hasattr(estimator, name):
            delattr(estimator, name)
