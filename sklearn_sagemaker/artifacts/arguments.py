"""What is said of a loaded artifact: by an argument, by itself, or by a default."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters import MULTICLASS
from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.artifacts.artifact import KINDS, LINEAR, LINKS, ModelArtifact


def chosen(argument: Any, artifact: Any, default: Any = None) -> tuple[Any, str]:
    """What is used, and who said so."""
    if argument is not None:
        return argument, "argument"
    if artifact is not None:
        return artifact, "artifact"
    return default, "default"


def check_kind(kind: str, argument: str | None, artifact: ModelArtifact) -> None:
    """Refuse a predictor type that the artifact contradicts."""
    if kind not in KINDS:
        raise ValueError(
            f"predictor_type={kind!r} must be one of {', '.join(map(repr, KINDS))}."
        )
    if argument is not None and artifact.predictor_type not in (None, argument):
        raise ValueError(
            f"predictor_type={argument!r} contradicts the artifact, which says "
            f"{artifact.predictor_type!r}; leave it out."
        )
    several = artifact.n_outputs > 1
    if several != (kind == MULTICLASS):
        message = (
            f"predictor_type={kind!r} does not fit a model of {artifact.n_outputs} "
            "output(s)"
        )
        if argument is not None:
            raise ValueError(f"{message}; pass another one.")
        raise ArtifactError(f"{message}: graph and parameters disagree.")


def choose_link(
    kind: str, loss: str | None, artifact: ModelArtifact
) -> tuple[str, str]:
    """What scores mean, and who said so."""
    if loss is None:
        link, origin = chosen(None, artifact.link, LINKS[kind])
        return link, origin
    if artifact.algorithm != LINEAR:
        raise ValueError(
            "loss is given, but only Linear Learner has one; leave it out."
        )
    if loss not in LOSSES or kind not in LOSSES[loss].predictor_types:
        fitting = [name for name, one in LOSSES.items() if kind in one.predictor_types]
        raise ValueError(
            f"loss={loss!r} must be one that trains a {kind}: "
            f"{', '.join(map(repr, fitting))}."
        )
    link = LOSSES[loss].link
    if artifact.link not in (None, link):
        raise ValueError(
            f"loss={loss!r} contradicts the artifact, whose scores are of the kind "
            f"{artifact.link!r} and not {link!r}; leave it out."
        )
    return link, "argument"


def check_classes(classes: Any, n_classes: int) -> np.ndarray | None:
    """Class labels that were passed."""
    if classes is None:
        return None
    labels = np.asarray(classes)
    if labels.shape != (n_classes,):
        raise ValueError(
            f"classes must be {n_classes} labels, one for each class of the model; got "
            f"an array of shape {labels.shape}."
        )
    if not np.array_equal(np.unique(labels), labels):
        raise ValueError(
            f"classes={labels[:10].tolist()!r} must ascend without repetition, as "
            "scikit-learn wants it; leave it out to predict numbers of classes, and "
            "take the labels by them."
        )
    return labels


def check_threshold(threshold: Any, link: str) -> float | None:
    """A threshold that was passed, or is a model's."""
    if threshold is None:
        return None
    number = isinstance(threshold, Real) and not isinstance(threshold, bool)
    if not number or not math.isfinite(threshold):
        raise ValueError(f"threshold={threshold!r} must be a finite number.")
    if link != "score" and not 0 <= threshold <= 1:
        raise ValueError(
            f"threshold={threshold!r} must be a probability, between 0 and 1."
        )
    return float(threshold)


def check_names(names: Any, n_features: int) -> np.ndarray | None:
    """Names of features that were passed."""
    if names is None:
        return None
    found = np.asarray(names, dtype=object)
    if found.shape != (n_features,) or not all(isinstance(x, str) for x in found):
        raise ValueError(
            f"feature_names must be {n_features} strings, one for each feature of the "
            f"model; got an array of shape {found.shape}."
        )
    return found
