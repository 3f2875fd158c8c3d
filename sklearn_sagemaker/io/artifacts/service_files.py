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

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters import BINARY, MULTICLASS, REGRESSOR
from sklearn_sagemaker._hyperparameters.tables import HYPERPARAMETERS
from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.artifacts.artifact import (
    FM,
    KINDS,
    LINEAR,
    LINKS,
    ModelArtifact,
)
from sklearn_sagemaker.io.artifacts.sidecar import METADATA
from sklearn_sagemaker.io.messages import quoted
from sklearn_sagemaker.io.mxnet_symbol import MAX_JSON, read_json

SERVICE_VERSION = 10301
"""Of the MXNet that SageMaker's graphs say they are from: 1.3.1."""
MAX_FLOAT = sys.float_info.max
ADDITIONAL, META = "additional-params.json", "meta.json"

_BINARY_LINKS = {
    name: loss.link for name, loss in LOSSES.items() if BINARY in loss.predictor_types
}
_RAW = ("identity", "score")
"""Links of graphs that answer the score itself."""
_WEIGHTED = "weighted_softmax_loss"
"""SageMaker's name of the loss under ``balance_multiclass_weights``."""
_LOSSES = {
    kind: {name for name, loss in LOSSES.items() if kind in loss.predictor_types}
    for kind in KINDS
}
_LOSSES[MULTICLASS].add(_WEIGHTED)
_USUAL = {loss.link: name for name, loss in reversed(LOSSES.items())}
"""Losses of links, of models that do not say theirs: the first of each."""
_PARAMETERS = ("quantile", "huber_delta", "margin", "loss_insensitivity")
"""Parameters of losses, which others have as null."""
_MANIFEST = {"mx-mod": "mxnet_module", ADDITIONAL: "json", "version": 1}
_CONTAINER = {
    "use_bias": "true", "use_linear": "true", "batch_metrics_publish_interval": "500",
    "_optimizer": "adam", "_learning_rate": "1.0", "_wd": "1.0",
    "_use_full_symbolic": "true", "_data_format": "record", "_kvstore": "auto",
    "_num_kv_servers": "auto", "_num_gpus": "auto", "_log_level": "info",
    "_tuning_objective_metric": "",
}  # fmt: skip
"""What the container's file of defaults has besides hyperparameters."""


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


def write_service_files(artifact: ModelArtifact) -> dict[str, bytes]:
    """The JSON files that SageMaker would write with a model, by name.

    Parameters
    ----------
    artifact : ModelArtifact
        Parameters of its training that SageMaker lacks, or that are not known, are
        written as SageMaker's defaults: they describe a training, and change no
        prediction.

    Returns
    -------
    files : dict of str to bytes
        In the order and style in which SageMaker writes them.
    """
    if artifact.algorithm == LINEAR:
        return {
            ADDITIONAL: _line(_additional(artifact)),
            "manifest.json": _line(_MANIFEST),
        }
    document = {
        "version": 1,
        "epoch_number": 1,
        "training_parameters": _training_parameters(artifact),
        "label_names": ["out_label"],
    }
    return {META: _line(document)}


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document, allow_nan=False).encode()


def _additional(artifact: ModelArtifact) -> dict[str, Any]:
    assert artifact.predictor_type is not None
    assert artifact.link is not None
    loss = _concrete(artifact, "loss")
    if loss not in _LOSSES[artifact.predictor_type]:
        loss = _USUAL[artifact.link]
    parameter = LOSSES[loss].parameter if loss in LOSSES else None
    threshold = 0.5 if artifact.threshold is None else _float32(artifact.threshold)
    binary = artifact.predictor_type == BINARY
    metrics: dict[str, Any] = {
        name: _concrete(artifact, name) if name == parameter else None
        for name in _PARAMETERS
    }
    metrics |= {
        "eps_insensitive_loss_type": None,
        "accuracy_top_k": _concrete(artifact, "accuracy_top_k"),
        "f_beta": None,
        "positive_example_weight_mult": 1.0,
        "class_weights": None,
        "threshold": threshold,
    }
    if artifact.predictor_type != REGRESSOR:
        metrics["f_beta"] = float(_concrete(artifact, "f_beta"))
    weight = _concrete(artifact, "positive_example_weight_mult")
    if binary and isinstance(weight, (int, float)):
        metrics["positive_example_weight_mult"] = float(weight)
    return {
        "threshold": threshold,
        "loss_type": loss,
        "predictor_type": artifact.predictor_type,
        "metrics_params": metrics,
    }


def _training_parameters(artifact: ModelArtifact) -> dict[str, str]:
    """All hyperparameters that SageMaker's container has, as text."""
    assert artifact.machines.factors is not None
    found: dict[str, Any] = {
        "feature_dim": artifact.n_features,
        "num_factors": artifact.machines.factors.shape[2],
        "predictor_type": artifact.predictor_type,
    }
    for entry in HYPERPARAMETERS[FM]:
        # Of its ways to start a parameter, those of the other ways have no value.
        methods = [want for want in entry.requires if want[0].endswith("_init_method")]
        if entry.ours or entry.name in found:
            continue
        if any(_concrete(artifact, name) not in values for name, values in methods):
            continue
        found[entry.name] = _concrete(artifact, entry.name)
    texts = {
        key: value if isinstance(value, str) else str(value)
        for key, value in found.items()
        if value != "auto"
    }
    optimizer = str(_concrete(artifact, "optimizer"))
    return {**texts, **_CONTAINER, "_optimizer": optimizer}


def _concrete(artifact: ModelArtifact, name: str) -> Any:
    """A hyperparameter as it was used: ours, or SageMaker's default."""
    for values in ("parameters", "resolved"):
        known = artifact.training.get(values)
        value = known.get(name) if isinstance(known, dict) else None
        if value is not None and value != "auto":
            return value
    for entry in HYPERPARAMETERS[artifact.algorithm]:
        if entry.name == name:
            return entry.sagemaker_default
    raise AssertionError(name)


def _float32(threshold: float) -> float:
    """As SageMaker has thresholds, and scores: rounded to float32."""
    with np.errstate(over="ignore"):
        narrow = float(np.float32(threshold))
    return narrow if math.isfinite(narrow) else threshold


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
