"""The model of this package that a pipeline or a search holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker.estimators._base import SageMakerEstimator
from sklearn_sagemaker.estimators._validation import canonical, rows_to_score
from sklearn_sagemaker.training.scaling import feature_statistics


def model_in(estimator: Any) -> tuple[Any, Pipeline | None]:
    """The fitted model, and the pipeline of the steps before it.

    Parameters
    ----------
    estimator : estimator, Pipeline that ends in one, or search with a best one

    Raises
    ------
    NotFittedError
        If it is not fitted.
    TypeError
        If there is none of this package in it.
    """
    found, before = estimator, None
    while not isinstance(found, SageMakerEstimator):
        if isinstance(found, Pipeline):
            found, before = found[-1], found[:-1]
        elif hasattr(found, "best_estimator_"):
            found = found.best_estimator_
        else:
            kind = type(estimator).__name__
            raise TypeError(
                f"{kind} holds no fitted estimator of sklearn_sagemaker; pass one, a "
                "Pipeline that ends in one, or a fitted search for one."
            )
    check_is_fitted(found)
    return found, before if before is not None and len(before) else None


def names_of(model: Any, before: Pipeline | None, names: Any) -> np.ndarray:
    """Names of the features of a model: the user's, its own, or those of the steps.

    Raises
    ------
    ValueError
        If there are more or fewer of the user's than features.
    """
    n_features = int(model.n_features_in_)
    if names is not None:
        names = np.asarray(names, dtype=object)
        if names.shape != (n_features,):
            raise ValueError(
                f"feature_names has the shape {names.shape}, but the model has "
                f"{n_features} features; pass one name for each."
            )
        return names
    if hasattr(model, "feature_names_in_"):
        return np.asarray(model.feature_names_in_, dtype=object)
    if before is not None:
        try:
            found = np.asarray(before.get_feature_names_out(), dtype=object)
        except (AttributeError, ValueError):
            # Some step knows no names.
            found = np.array([])
        if len(found) == n_features:
            return found
    return np.array([f"x{number}" for number in range(n_features)], dtype=object)


def deviations(model: Any, X: Any) -> np.ndarray:
    """Standard deviations of the features of a model in some rows, read in place.

    Raises
    ------
    ValueError
        If X has other features than the model.
    """
    X = canonical(rows_to_score(model, X))
    n_rows = X.shape[0]
    statistics = feature_statistics(RowReader(X), np.arange(n_rows), np.ones(n_rows))
    return statistics.deviation
