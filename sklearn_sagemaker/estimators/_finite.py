"""No estimator is fitted with a number that is not finite."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker._state import ModelState, feature_label
from sklearn_sagemaker.exceptions import FeatureScaleError

REMEDY = (
    "scale the features, for example with sklearn.preprocessing.StandardScaler in a "
    "Pipeline, or express them in other units, subtract a large offset, or drop that "
    "one"
)


def check_finite(state: ModelState, names: Any = None) -> None:
    """Refuse a model that holds NaN or infinity: every state passes here.

    Parameters
    ----------
    state : ModelState
    names : array of str of shape (n_features,) or None

    Raises
    ------
    FeatureScaleError
        Naming the first feature that has such a number.
    """
    draws = state.draws or {}
    # Axis of the features, from the end.
    for name, array, axis in (
        ("coefficient", state.coef, 1),
        ("factor", state.factors, 2),
        ("coefficient", draws.get("coef"), 1),
        ("factor", draws.get("factors"), 2),
    ):
        if array is None or _finite(array):
            continue
        bad = ~np.isfinite(np.moveaxis(array, -axis, 0))
        number = int(np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))[0])
        if state.held is not None and len(bad) < state.coef.shape[1]:
            number = int(state.held["columns"][number])
        raise FeatureScaleError(
            f"The model has no finite {name} of {feature_label(number, names)} in the "
            f"units that the feature has; {REMEDY}."
        )
    for array in (state.intercept, draws.get("intercept")):
        if array is not None and not _finite(array):
            raise FeatureScaleError(
                "The model has no finite intercept in the units of the features and "
                f"labels; {REMEDY} whose mean is largest."
            )
    if state.threshold is not None and not np.isfinite(state.threshold):
        raise FeatureScaleError(
            f"The threshold of the model is {state.threshold}: its scores overflow; "
            f"{REMEDY} whose values are largest."
        )


def _finite(array: np.ndarray) -> bool:
    with np.errstate(all="ignore"):
        # The sum tells, without an array of truths, unless it overflows by itself.
        total = np.sum(array, dtype=np.float64)
        return bool(np.isfinite(total) or np.isfinite(array).all())
