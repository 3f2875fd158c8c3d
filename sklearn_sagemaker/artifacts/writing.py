"""A model in the terms of an artifact."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters import BINARY, MULTICLASS, REGRESSOR
from sklearn_sagemaker._state import ModelState
from sklearn_sagemaker.artifacts.arguments import check_threshold
from sklearn_sagemaker.io.artifacts.artifact import (
    FM,
    LINEAR,
    Machines,
    ModelArtifact,
)


def artifact_of_state(
    state: ModelState, parameters: Mapping[str, Any] | None = None
) -> ModelArtifact:
    """Say a model in the terms of an artifact.

    Parameters
    ----------
    state : ModelState
        With a ``link``, and with ``classes`` unless it is a regressor.
    parameters : mapping of str to object, default=None
        What it was trained with; values that JSON does not have are left out.

    Returns
    -------
    artifact : ModelArtifact

    Raises
    ------
    ValueError
        If the state does not say what its scores mean, or its threshold is none that
        a score may have.
    """
    if state.link is None:
        raise ValueError(
            "link=None does not say what the scores of the model mean, without which "
            "an artifact would predict something else; set it."
        )
    kind = REGRESSOR
    if state.classes is not None:
        kind = BINARY if len(state.intercept) == 1 else MULTICLASS
    draws, means = state.draws, {}
    if draws is not None:
        means = {"intercept": state.intercept, "coef": state.coef}
    names = state.feature_names
    training = {
        "parameters": parameters or {},
        "resolved": state.resolved,
        "metrics": state.metrics,
        "n_iter": state.n_iter,
    }
    if draws is not None and state.factors is not None:
        # Draws of a linear part alone hold none of them.
        training["num_factors"] = state.factors.shape[-1]
    return ModelArtifact(
        algorithm=LINEAR if state.factors is None else FM,
        predictor_type=kind,
        link=state.link,
        machines=Machines(*state.machines()),
        n_draws=None if draws is None else len(draws["intercept"]),
        classes=state.classes,
        threshold=(
            check_threshold(state.threshold, state.link) if kind == BINARY else None
        ),
        feature_names=None if names is None else [str(name) for name in names],
        means=means,
        training=_only_plain(training),
    )


_DROP = object()


def _plain(value: Any) -> Any:
    """A value as JSON has it; `_DROP` if it has none."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _DROP
    return _only_plain(value) if isinstance(value, Mapping) else _DROP


def _only_plain(values: Mapping) -> dict[str, Any]:
    plain = {str(key): _plain(value) for key, value in values.items()}
    return {key: value for key, value in plain.items() if value is not _DROP}
