"""The JSON files of SageMaker's own artifacts, beside graph and parameters.

======================  ============================================================
Linear Learner          ``manifest.json`` (what the other members are) and
                        ``additional-params.json`` (predictor type, loss, threshold)
Factorization Machines  ``meta.json`` (``training_parameters``, all as strings)
======================  ============================================================

Known from artifacts that SageMaker wrote from 2018 to 2024; keys that are not needed
are not looked at.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sklearn_sagemaker._hyperparameters import (
    BINARY,
    MULTICLASS,
    REGRESSOR,
    hyperparameters_for,
)
from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.artifacts.artifact import KINDS, LINEAR, LINKS, ModelArtifact
from sklearn_sagemaker.io.artifacts.sidecar import METADATA
from sklearn_sagemaker.io.messages import quoted
from sklearn_sagemaker.io.mxnet_symbol import MAX_JSON, read_json

MAX_FLOAT = sys.float_info.max
ADDITIONAL, META = "additional-params.json", "meta.json"

_BINARY_LINKS = {"logistic": "logit", "hinge_loss": "score"}
_RAW = ("identity", "score")
"""Links of graphs that answer the score itself."""
_WEIGHTED = "weighted_softmax_loss"
"""SageMaker's name of the loss under ``balance_multiclass_weights``."""
_LOSSES = {
    BINARY: tuple(_BINARY_LINKS),
    MULTICLASS: ("softmax_loss", _WEIGHTED),
    REGRESSOR: hyperparameters_for(LINEAR, (REGRESSOR,))["loss"].choices,
}


def read_service_files(
    files: Mapping[str, bytes], bare: ModelArtifact
) -> ModelArtifact:
    """Complete an artifact by what SageMaker's JSON files say.

    Parameters
    ----------
    files : dict of str to bytes
        Members of the artifact. Where our own metadata are among them,
        ``additional-params.json`` says nothing new and is passed over.
    bare : ModelArtifact
        What the graph and its parameters say.

    Returns
    -------
    artifact : ModelArtifact

    Raises
    ------
    ArtifactError
        If they are damaged, or disagree with the graph or its parameters.
    """
    if bare.algorithm != LINEAR:
        return _with_meta(files, bare) if META in files else bare
    if ADDITIONAL not in files or METADATA in files:
        return bare
    return _with_additional(files, bare)


def _with_additional(files, bare: ModelArtifact) -> ModelArtifact:
    known = read_json(files[ADDITIONAL], ADDITIONAL, max_bytes=MAX_JSON)
    kind = _kind(known, KINDS, ADDITIONAL) or bare.predictor_type
    loss = known.get("loss_type")
    if loss is not None and not isinstance(loss, str):
        raise ArtifactError(f"{ADDITIONAL}: loss_type must be text; it is damaged.")
    link = bare.link
    if kind == BINARY and loss in _BINARY_LINKS:
        link = _BINARY_LINKS[loss]
    elif kind in (MULTICLASS, REGRESSOR):
        link = LINKS[kind]
    elif kind == BINARY and link not in _BINARY_LINKS.values():
        link = None  # of a loss that is not known: it must be passed
    _check_graph(bare, kind, link, ADDITIONAL)
    # Two outputs become one, which no softmax is trained for.
    parameters: dict[str, Any] = {}
    if kind is not None and loss in _LOSSES[kind] and bare.n_outputs != 2:
        parameters = {"loss": loss}
    if parameters.get("loss") == _WEIGHTED:
        parameters = {"loss": "softmax_loss", "balance_multiclass_weights": True}
    return replace(
        bare,
        predictor_type=kind,
        link=link,
        # There for every type, but calibrated for two classes only.
        threshold=_threshold(known, link) if kind == BINARY else None,
        training={"parameters": parameters},
    )


def _threshold(known: dict[str, Any], link: str | None) -> float | None:
    threshold = known.get("threshold")
    if threshold is None:
        return None
    number = isinstance(threshold, (int, float)) and not isinstance(threshold, bool)
    low, high = (-MAX_FLOAT, MAX_FLOAT) if link == "score" else (0, 1)
    # A whole number of JSON may be beyond what a float holds.
    if not number or not low <= threshold <= high:
        raise ArtifactError(
            f"{ADDITIONAL}: threshold is {quoted(threshold)}; it must be a number that "
            "a score may be."
        )
    return float(threshold)


def _with_meta(files, bare: ModelArtifact) -> ModelArtifact:
    """What ``meta.json`` says: it must agree, and knows the predictor type best."""
    document = read_json(files[META], META, max_bytes=MAX_JSON)
    known = document.get("training_parameters", {})
    if not isinstance(known, dict):
        raise ArtifactError(f"{META}: training_parameters must be a JSON object.")
    assert bare.machines.factors is not None
    _, n_features, k = bare.machines.factors.shape
    for key, size in (("feature_dim", n_features), ("num_factors", k)):
        if key in known and _number(known[key]) != size:
            raise ArtifactError(
                f"{META}: {key} is {quoted(known[key])}, but the parameters have "
                f"{size}; they are not of one model."
            )
    kind = _kind(known, (BINARY, REGRESSOR), META)
    if kind is None:
        return bare
    # Whether the graph of two classes answers the score or its logistic is not known.
    if not (kind == BINARY and bare.link == "identity"):
        _check_graph(bare, kind, LINKS[kind], META)
    return replace(bare, predictor_type=kind, link=LINKS[kind])


def _kind(known: dict[str, Any], kinds: tuple[str, ...], what: str) -> str | None:
    kind = known.get("predictor_type")
    if kind is not None and kind not in kinds:
        raise ArtifactError(
            f"{what}: predictor_type is {quoted(kind)}; it must be one of "
            f"{', '.join(map(repr, kinds))}."
        )
    return kind


def _check_graph(
    bare: ModelArtifact, kind: str | None, link: str | None, what: str
) -> None:
    """Refuse a file that says other than the graph, where both say something."""
    if None in (bare.link, link) or bare.link == link:
        return
    if bare.link in _RAW and link in _RAW:
        return
    raise ArtifactError(
        f"{what}: says that the model is a {kind}, but the graph ends as that of a "
        f"{bare.predictor_type}; they are not of one model."
    )


def _number(value: Any) -> float:
    """A number, which SageMaker writes as text; NaN if it is none."""
    try:
        return float(str(value))
    except ValueError:
        return math.nan
