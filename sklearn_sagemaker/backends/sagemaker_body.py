"""The request of a training job, from the settings of a backend."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

TRAIN, VALIDATION, TEST, OURS = "train", "validation", "test", "sklearn_sagemaker"
FOLDER = "problem"
"""Below the output of a job, with what it is to train."""
SPEC, ROWS = "spec.zip", "rows.zip"
KEY = "sklearn_sagemaker."
"""What the keys of our image's own settings begin with."""
UNCHECKPOINTED = 3600
"""Seconds that a job of a built-in image may take on spot instances without
checkpoints; the service demands it."""
LONGEST = 86400
"""Seconds that a job may take where nobody says."""


@dataclass(frozen=True)
class Upload:
    """An object that a job reads.

    Attributes
    ----------
    uri : str
    pieces : callable
        Returns its bytes, piece by piece.
    shared : bool
        Whether its name tells what is in it: it is written once, and kept.
    """

    uri: str
    pieces: Callable[[], Iterable[Any]]
    shared: bool = True


@dataclass(frozen=True)
class Content:
    """What a job trains, of the one or the other image.

    Attributes
    ----------
    strings : dict of str to str
        Hyperparameters.
    channels : list of dict
        Of ``InputDataConfig``.
    uploads : list of Upload
    built_in : bool
        Whether the image is the service's.
    """

    strings: dict[str, str]
    channels: list[dict[str, Any]]
    uploads: list[Upload] = field(default_factory=list)
    built_in: bool = False


def channel(name: str, uri: str, content_type: str | None = None, **more: Any) -> Any:
    """A channel of ``InputDataConfig``, of the objects whose names begin with a URI."""
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": uri,
        "S3DataDistributionType": "FullyReplicated",
        **more,
    }
    said = {} if content_type is None else {"ContentType": content_type}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **said}


def elsewhere(name: str, data: Any, **more: Any) -> Any:
    """A channel of the rows of a `sklearn_sagemaker.io.S3Data`, which stay in place."""
    found = channel(name, data.uri, data.content_type, **more)
    return {**found, "InputMode": data.input_mode}


def training_body(
    settings: dict[str, Any],
    content: Content,
    *,
    name: str,
    image: str,
    role: str,
    output: str,
) -> dict[str, Any]:
    """The request for `CreateTrainingJob`.

    Parameters
    ----------
    settings : dict
        Parameters of a `SageMakerBackend`.
    content : Content
    name, image, role, output : str

    Returns
    -------
    request : dict
    """
    algorithm: dict[str, Any] = {"TrainingImage": image, "TrainingInputMode": "File"}
    if not content.built_in:
        algorithm["MetricDefinitions"] = METRICS
    outputs = {"S3OutputPath": output}
    if settings["kms_key"] is not None:
        outputs["KmsKeyId"] = settings["kms_key"]
    resources = {
        "InstanceType": settings["instance_type"],
        "InstanceCount": settings["instance_count"],
        "VolumeSizeInGB": settings["volume_size"],
    }
    if settings["keep_alive"]:
        resources["KeepAlivePeriodInSeconds"] = settings["keep_alive"]
    request = {
        "TrainingJobName": name,
        "AlgorithmSpecification": algorithm,
        "RoleArn": role,
        "HyperParameters": content.strings,
        "InputDataConfig": content.channels,
        "OutputDataConfig": outputs,
        "ResourceConfig": resources,
        **_limits(settings, content.built_in, f"{output}/{name}/checkpoints"),
    }
    if settings["subnets"]:
        request["VpcConfig"] = {
            "Subnets": list(settings["subnets"]),
            "SecurityGroupIds": list(settings["security_group_ids"]),
        }
    if settings["encrypt_inter_container_traffic"]:
        request["EnableInterContainerTrafficEncryption"] = True
    if settings["enable_network_isolation"]:
        request["EnableNetworkIsolation"] = True
    tags = settings["tags"]
    if tags:
        pairs = tags.items() if isinstance(tags, dict) else None
        request["Tags"] = (
            list(tags)
            if pairs is None
            else [{"Key": key, "Value": value} for key, value in pairs]
        )
    return request


def _limits(
    settings: dict[str, Any], built_in: bool, checkpoints: str
) -> dict[str, Any]:
    """How long a job may take, and what it goes on from when it is interrupted."""
    longest = settings["max_run"] or LONGEST
    uri = settings["checkpoint_s3_uri"]
    if not settings["spot"]:
        limits: dict[str, Any] = {"StoppingCondition": {"MaxRuntimeInSeconds": longest}}
    else:
        waits = max(settings["max_wait"] or longest, longest)
        if built_in and uri is None:
            longest, waits = min(longest, UNCHECKPOINTED), min(waits, UNCHECKPOINTED)
        elif uri is None:
            uri = checkpoints
        limits = {
            "EnableManagedSpotTraining": True,
            "StoppingCondition": {
                "MaxRuntimeInSeconds": longest,
                "MaxWaitTimeInSeconds": waits,
            },
        }
    if uri is not None:
        limits["CheckpointConfig"] = {"S3Uri": uri}
    return limits


_START = r"#quality_metric: host=\S+, "
METRICS = [
    {"Name": "train:progress", "Regex": r"#progress_metric: .*completed (\S+) %"},
    {
        "Name": "train:throughput",
        "Regex": r"#throughput_metric: .*throughput=(\S+) records/second",
    },
    *(
        {
            "Name": f"{part}:objective_loss",
            "Regex": rf"{_START}epoch=\S+, {part} \S+ <loss>=(\S+)",
        }
        for part in (TRAIN, VALIDATION)
    ),
]
"""What the service is to read from the log of our image."""
