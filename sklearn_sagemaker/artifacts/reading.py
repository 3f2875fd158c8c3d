"""The model that an artifact holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters import BINARY, REGRESSOR
from sklearn_sagemaker._state import OF_TRAINING, ModelState
from sklearn_sagemaker.artifacts.arguments import (
    check_classes,
    check_kind,
    check_names,
    check_threshold,
    choose_link,
    chosen,
)
from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.artifacts.artifact import (
    FM,
    KINDS,
    LINKS,
    ModelArtifact,
)


def state_of_artifact(
    artifact: ModelArtifact,
    *,
    classes: Any = None,
    threshold: float | None = None,
    predictor_type: str | None = None,
    loss: str | None = None,
    feature_names: Any = None,
) -> ModelState:
    """Make a model of what an artifact and its caller say.

    Parameters
    ----------
    artifact : ModelArtifact
    classes, threshold, predictor_type, loss, feature_names : object
        As of `load_artifact`: what is not None wins over the artifact, or must agree
        with it.

    Returns
    -------
    state : ModelState
        Two outputs under a softmax have become one. ``source`` tells who said what.

    Raises
    ------
    ArtifactError
        If the parts of the artifact disagree, or do not say what the model predicts.
    ValueError
        If an argument does not fit the model.
    """
    source: dict[str, str] = {}
    kind, source["predictor_type"] = chosen(predictor_type, artifact.predictor_type)
    if kind is None:
        raise ArtifactError(
            "The graph of the artifact does not say what the model predicts; pass "
            f"predictor_type, one of {', '.join(map(repr, KINDS))}."
        )
    check_kind(kind, predictor_type, artifact)
    link, source["loss"] = choose_link(kind, loss, artifact)
    arrays = _arrays(artifact)
    if artifact.n_outputs == 2:
        kind, link, arrays = BINARY, LINKS[BINARY], _difference(**arrays)
    n_classes = max(2, artifact.n_outputs)
    labels = cut = None
    if kind != REGRESSOR:
        labels, source["classes"] = chosen(
            check_classes(classes, n_classes), artifact.classes, np.arange(n_classes)
        )
    elif classes is not None:
        raise ValueError(
            "classes is given, but the model is a regressor; leave it out."
        )
    if kind == BINARY:
        cut, source["threshold"] = chosen(
            check_threshold(threshold, link), artifact.threshold, 0.5
        )
    elif threshold is not None:
        raise ValueError(
            "threshold is given, but only models of two classes have one; leave it out."
        )
    names, source["feature_names"] = chosen(
        check_names(feature_names, artifact.n_features), artifact.feature_names
    )
    training = {
        name: value if isinstance(value, dict) else {}
        for name, value in artifact.training.items()
    }
    resolved = dict(training.get("resolved", {}))
    if artifact.algorithm == FM:
        # By which the estimator knows a probit model.
        resolved["solver"] = _solver(resolved.get("solver", "gradient"), kind, link)
    n_iter = artifact.training.get("n_iter")
    known = type(n_iter) is int
    return ModelState(
        **arrays,
        link=link,
        threshold=cut,
        n_iter=n_iter if known else None,
        resolved=resolved,
        metrics=training.get("metrics", {}),
        source=source,
        classes=labels,
        feature_names=None if names is None else np.asarray(names, dtype=object),
        unknown=OF_TRAINING[1:] if known else OF_TRAINING,
    )


MOST_FACTORS = 1000
"""A file may say anything; machines of SageMaker have no more."""


def _arrays(artifact: ModelArtifact) -> dict[str, Any]:
    """The arrays of the model, and those of its draws."""
    arrays = artifact.machines.arrays()
    if artifact.n_draws is None:
        return arrays
    shape = (artifact.n_draws, artifact.n_outputs)
    draws = {
        name: array.reshape(*shape, *array.shape[1:]) for name, array in arrays.items()
    }
    factors = draws["factors"][-1]
    wanted = artifact.training.get("num_factors")
    few = type(wanted) is int and factors.shape[-1] < wanted <= MOST_FACTORS
    if few and not factors.any():
        # Draws of a linear part alone hold none of them.
        factors = np.zeros((*factors.shape[:-1], wanted), factors.dtype)
    return {**artifact.means, "factors": factors, "draws": draws}


def _difference(
    coef: np.ndarray, intercept: np.ndarray, factors: np.ndarray | None = None, **draws
) -> dict[str, Any]:
    """One score of two under a softmax, with the same probabilities."""
    if factors is not None:
        raise ArtifactError(
            "The artifact has a factorization machine of two outputs, of which there "
            "are none: two classes have one score."
        )
    return {"coef": coef[1:] - coef[:1], "intercept": intercept[1:] - intercept[:1]}


def _solver(solver: Any, kind: str, link: str) -> str:
    """The solver of a factorization machine, which must go with its link."""
    sweeps = solver in ("als", "mcmc")
    probit = link == "probit"
    if probit != (sweeps and kind != REGRESSOR) or not (sweeps or solver == "gradient"):
        raise ArtifactError(
            f"The artifact says solver={str(solver)[:20]!r}, but scores of the kind "
            f"{link!r}; they are not of one model."
        )
    return solver
