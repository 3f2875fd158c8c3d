"""The model that a training job has left, and what it says of its training."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters.container import FACTORS, LINEAR, our_table
from sklearn_sagemaker._hyperparameters.from_job import arguments_of
from sklearn_sagemaker._state import ModelState, TrainingSpec
from sklearn_sagemaker.artifacts.reading import state_of_artifact
from sklearn_sagemaker.backends.sagemaker_body import FOLDER, KEY, SPEC
from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.artifacts.archives import MAX_BYTES, read_gzip
from sklearn_sagemaker.io.artifacts.files import read_artifact
from sklearn_sagemaker.io.artifacts.tar_archives import read_tar
from sklearn_sagemaker.io.problem_files import spec_of, state_of_bytes
from sklearn_sagemaker.sagemaker._logs import LogReader
from sklearn_sagemaker.sagemaker._waiting import TRAINING
from sklearn_sagemaker.sagemaker.training_access import Access
from sklearn_sagemaker.sagemaker.training_objects import exists, get

STATE = "state.zip"
"""The file in ``output.tar.gz`` of our image with every field of the model."""
_CURVE = re.compile(
    r"#quality_metric: host=\S+, epoch=(\d+), (train|validation) "
    r"(\S+_objective|\S+_cross_entropy|mse) <loss>=(\S+)"
)
_BEST = re.compile(r"Best model found for hyperparameters: (\{.*\})")
_PARTS = ("train", "validation", "test")


def model_of(
    session: Any,
    access: Access,
    description: dict[str, Any],
    prices: dict[str, float],
) -> ModelState:
    """The model of a job that is completed.

    Parameters
    ----------
    session : Session
    access : Access
    description : dict
        Of the job.
    prices : dict of str to float
        Of an hour of an instance type.

    Returns
    -------
    state : ModelState

    Raises
    ------
    ArtifactError, StoredStateError
        If what the job has left is damaged, or of another problem.
    S3Error
        If it cannot be read.
    """
    spec, more = sidecar(session, access, description)
    artifact = description["ModelArtifacts"]["S3ModelArtifacts"]
    if spec is None or more.get("built_in"):
        data = _read(session, access, artifact)
        strings = description.get("HyperParameters", {})
        state = _of_artifact(data, artifact, spec, strings)
        name = description["TrainingJobName"]
        log = LogReader(session, TRAINING.group or "", f"{name}/").read()
        state = _told(state, description, [line.text for line in log])
    else:
        uri = artifact.rpartition("/")[0] + "/output.tar.gz"
        state = _of_state(_read(session, access, uri), uri)
    _check(state, spec, more, artifact)
    return replace(state, training_job=_job(description, prices))


def sidecar(
    session: Any, access: Access, description: dict[str, Any]
) -> tuple[TrainingSpec | None, dict[str, Any]]:
    """The spec that a backend has left by the job's output, and what it adds.

    Parameters
    ----------
    session : Session
    access : Access
    description : dict

    Returns
    -------
    spec : TrainingSpec or None
        None if nobody has left one: the job is no backend's.
    more : dict
    """
    output = description["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    # The jobs of a tuning job share what it was sent with.
    name = description.get("TuningJobArn", "").rpartition("/")[2]
    uri = f"{output}/{name or description['TrainingJobName']}/{FOLDER}/{SPEC}"
    if not exists(session.s3_client, uri, access.owner):
        return None, {}
    return spec_of(_read(session, access, uri), uri)


def _read(session: Any, access: Access, uri: str) -> bytes:
    return get(session.s3_client, uri, owner=access.owner, max_bytes=MAX_BYTES)


def _of_state(data: bytes, uri: str) -> ModelState:
    """The model as our program leaves it."""
    files = read_tar(read_gzip(data))
    if STATE not in files:
        raise ArtifactError(
            f"{uri} has no {STATE}, which this package's image writes; was the job's "
            "image another?"
        )
    return state_of_bytes(files[STATE], f"{uri}/{STATE}")


def _of_artifact(
    data: bytes, uri: str, spec: TrainingSpec | None, strings: dict[str, str]
) -> ModelState:
    """The model as SageMaker's algorithms leave it."""
    said: dict[str, Any] = {}
    if spec is not None:
        said = {"classes": spec.classes, "feature_names": spec.feature_names}
        said["predictor_type"] = spec.predictor_type
    if strings.get("loss") == "hinge_loss":
        said["loss"] = "hinge_loss"
    try:
        artifact = read_artifact(data)
        state = state_of_artifact(artifact, **said)
    except ArtifactError as error:
        raise ArtifactError(f"{uri}: {error}") from None
    except ValueError as error:
        raise ArtifactError(f"{uri} is no model of this training: {error}") from None
    algorithm = FACTORS if state.factors is not None else LINEAR
    try:
        arguments = arguments_of(algorithm, strings).arguments
    except ValueError:
        # Of another image, whose hyperparameters are its own.
        arguments = {}
    return replace(state, resolved={**arguments, **state.resolved})


def _told(
    state: ModelState, description: dict[str, Any], lines: list[str]
) -> ModelState:
    """A model with what log and metrics of the job say of its training."""
    metrics: dict[str, dict[str, float]] = {}
    for one in description.get("FinalMetricDataList", ()):
        part, _, name = one["MetricName"].partition(":")
        if part in _PARTS and name not in ("progress", "throughput"):
            name = name.removesuffix(":final")
            metrics.setdefault(part, {})[name] = float(one["Value"])
    curves: dict[str, dict[int, float]] = {"train": {}, "validation": {}}
    best: dict[str, Any] = {}
    for line in lines:
        if found := _CURVE.search(line):
            curves[found[2]][int(found[1])] = float(found[4])
        elif found := _BEST.search(line):
            best = _parsed(found[1])
    known: dict[str, Any] = {}
    n_epochs = len(curves["train"])
    if n_epochs and set(curves["train"]) == set(range(n_epochs)):
        known["n_iter"] = n_epochs
        for field_name, part in (
            ("loss_curve", "train"),
            ("validation_curve", "validation"),
        ):
            curve = curves[part]
            complete = len(curve) == n_epochs
            known[field_name] = (
                np.array([curve[epoch] for epoch in sorted(curve)])
                if complete
                else None
            )
    if best:
        known["best_params"] = best
    return replace(
        state,
        metrics=metrics or state.metrics,
        resolved={**state.resolved, **best},
        unknown=tuple(name for name in state.unknown if name not in known),
        **known,
    )


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _check(
    state: ModelState, spec: TrainingSpec | None, more: dict[str, Any], uri: str
) -> None:
    """Refuse a model that is not of the problem that was sent."""
    if spec is None:
        return
    n_features = more.get("n_features", state.coef.shape[1])
    wrong = ""
    if (state.factors is None) != (spec.algorithm == LINEAR):
        wrong = f"is not of {spec.algorithm}"
    elif state.coef.shape[1] != n_features:
        wrong = f"has {state.coef.shape[1]} features, and the rows had {n_features}"
    elif len(state.intercept) != (spec.n_classes if spec.n_classes > 2 else 1):
        wrong = f"has {len(state.intercept)} outputs for {spec.n_classes} classes"
    if wrong:
        raise ArtifactError(
            f"The model at {uri} {wrong}; it is another's: was the object replaced?"
        )


def _job(description: dict[str, Any], prices: dict[str, float]) -> dict[str, Any]:
    """What a fitted estimator keeps of its job."""
    resources = description["ResourceConfig"]
    kind, instances = resources.get("InstanceType"), resources.get("InstanceCount", 1)
    seconds = description.get("BillableTimeInSeconds")
    found = {
        "name": description["TrainingJobName"],
        "arn": description.get("TrainingJobArn"),
        "artifact": description["ModelArtifacts"]["S3ModelArtifacts"],
        "image": description["AlgorithmSpecification"].get("TrainingImage"),
        "instance_type": kind,
        "instance_count": instances,
        "training_seconds": description.get("TrainingTimeInSeconds"),
        "billable_seconds": seconds,
    }
    if kind in prices and seconds is not None:
        found["cost_estimate"] = prices[kind] * seconds * instances / 3600
    return found


@dataclass(frozen=True)
class Trained:
    """What a job trains, in terms of an estimator.

    Attributes
    ----------
    algorithm, predictor_type : str
    arguments : dict
        Of the estimator's constructor.
    ours : bool
        Whether a backend sent it; what another job leaves out is SageMaker's default.
    """

    algorithm: str
    predictor_type: str
    arguments: dict[str, Any]
    ours: bool


def trained_by(session: Any, access: Access, description: dict[str, Any]) -> Trained:
    """What a job trains.

    Parameters
    ----------
    session : Session
    access : Access
    description : dict

    Raises
    ------
    ValueError
        If its hyperparameters are of neither algorithm.
    """
    spec, _ = sidecar(session, access, description)
    if spec is not None:
        arguments = {
            **spec.hyperparameters,
            **_searched(spec, description),
            "validation_fraction": spec.validation_fraction,
            "ensemble_size": spec.ensemble_size,
        }
        if not isinstance(spec.cv, tuple):
            arguments["cv"] = spec.cv
        if isinstance(spec.groups, str):
            arguments["groups"] = spec.groups
        if spec.positive is not False:
            arguments["positive"] = spec.positive
        if spec.multiclass_criterion != "loss_function":
            arguments["multiclass_model_selection_criteria"] = spec.multiclass_criterion
        return Trained(spec.algorithm, spec.predictor_type, arguments, True)
    image = description["AlgorithmSpecification"].get("TrainingImage") or ""
    strings = description.get("HyperParameters", {})
    named = [name for name in (LINEAR, FACTORS) if f"/{name}:" in image]
    algorithm = named[0] if named else FACTORS if "num_factors" in strings else LINEAR
    try:
        found = arguments_of(algorithm, strings)
    except ValueError as error:
        raise ValueError(
            f"The training job {description['TrainingJobName']!r} of the image "
            f"{image!r} is not of {LINEAR} or {FACTORS} ({error})."
        ) from None
    return Trained(algorithm, found.predictor_type, found.arguments, False)


def _searched(spec: TrainingSpec, description: dict[str, Any]) -> dict[str, Any]:
    """Hyperparameters of a tuning job's job, where some are not those of the spec."""
    if "TuningJobArn" not in description:
        return {}
    strings = description.get("HyperParameters", {})
    if any(name.startswith(KEY) for name in strings):
        known = our_table(spec.algorithm, spec.predictor_type)
        texts = {name.removeprefix(KEY): text for name, text in strings.items()}
        return {name: json.loads(texts[name]) for name in known if name in texts}
    return arguments_of(spec.algorithm, strings).arguments
