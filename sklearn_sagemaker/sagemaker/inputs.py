"""Where jobs read from: channels of training jobs and the input of transforms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn_sagemaker._hyperparameters import warn_user

__all__ = [
    "BatchDataCaptureConfig",
    "CreateModelInput",
    "FileSystemInput",
    "ShuffleConfig",
    "TrainingInput",
    "TransformInput",
    "s3_input",
]

FILE_SYSTEM_TYPES = ["FSxLustre", "EFS"]
FILE_SYSTEM_ACCESS_MODES = ["ro", "rw"]


@dataclass
class ShuffleConfig:
    """Shuffle the objects of a channel before each epoch.

    Attributes
    ----------
    seed : int
        Of the order.
    """

    seed: int


class TrainingInput:
    """A channel of a training job that reads from S3.

    Parameters
    ----------
    s3_data : str
        Prefix of the objects, or a manifest of them.
    distribution : {"FullyReplicated", "ShardedByS3Key"}, default=None
        Whether each instance gets all objects or some; None is "FullyReplicated".
    compression : {"Gzip", "None"}, default=None
        In mode Pipe.
    content_type : str, default=None
        Such as "text/csv"; SageMaker's algorithms take None for RecordIO.
    record_wrapping : {"RecordIO", "None"}, default=None
    s3_data_type : {"S3Prefix", "ManifestFile", "AugmentedManifestFile"}, \
default="S3Prefix"
    instance_groups : list of str, default=None
        Of a cluster of several instance types.
    input_mode : {"File", "Pipe", "FastFile"}, default=None
        None is the estimator's.
    attribute_names : list of str, default=None
        Of an augmented manifest.
    target_attribute_name : str, default=None
    shuffle_config : ShuffleConfig, default=None
    hub_access_config, model_access_config : dict, default=None

    Attributes
    ----------
    config : dict
        The channel as a request has it, without a name.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.inputs import TrainingInput
    >>> TrainingInput("s3://bucket/train", content_type="text/csv").config
    {'DataSource': {'S3DataSource': {'S3DataType': 'S3Prefix', \
'S3Uri': 's3://bucket/train', 'S3DataDistributionType': 'FullyReplicated'}}, \
'ContentType': 'text/csv'}
    """

    def __init__(
        self,
        s3_data: str,
        distribution: str | None = None,
        compression: str | None = None,
        content_type: str | None = None,
        record_wrapping: str | None = None,
        s3_data_type: str = "S3Prefix",
        instance_groups: list[str] | None = None,
        input_mode: str | None = None,
        attribute_names: list[str] | None = None,
        target_attribute_name: str | None = None,
        shuffle_config: ShuffleConfig | None = None,
        hub_access_config: dict[str, Any] | None = None,
        model_access_config: dict[str, Any] | None = None,
    ):
        if not (target_attribute_name or distribution):
            distribution = "FullyReplicated"
        source = {
            "S3DataType": s3_data_type,
            "S3Uri": s3_data,
            "S3DataDistributionType": distribution,
            "InstanceGroupNames": instance_groups,
            "AttributeNames": attribute_names,
            "HubAccessConfig": hub_access_config,
            "ModelAccessConfig": model_access_config,
        }
        self.config: dict[str, Any] = _given(
            {
                "DataSource": {"S3DataSource": _given(source)},
                "CompressionType": compression,
                "ContentType": content_type,
                "RecordWrapperType": record_wrapping,
                "InputMode": input_mode,
                "TargetAttributeName": target_attribute_name,
                "ShuffleConfig": shuffle_config and {"Seed": shuffle_config.seed},
            }
        )


def _given(request: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if value is not None}


class s3_input(TrainingInput):  # noqa: N801 - version 1's name
    """`TrainingInput` under the name and with the order of arguments of version 1.

    Parameters
    ----------
    s3_data : str
    distribution : str, default="FullyReplicated"
    compression, content_type, record_wrapping : str, default=None
    s3_data_type : str, default="S3Prefix"
    input_mode : str, default=None
    attribute_names : list of str, default=None
    target_attribute_name : str, default=None
    shuffle_config : ShuffleConfig, default=None
    """

    def __init__(
        self,
        s3_data: str,
        distribution: str = "FullyReplicated",
        compression: str | None = None,
        content_type: str | None = None,
        record_wrapping: str | None = None,
        s3_data_type: str = "S3Prefix",
        input_mode: str | None = None,
        attribute_names: list[str] | None = None,
        target_attribute_name: str | None = None,
        shuffle_config: ShuffleConfig | None = None,
    ):
        warn_user("s3_input is called TrainingInput now.", DeprecationWarning)
        super().__init__(
            s3_data,
            distribution,
            compression,
            content_type,
            record_wrapping,
            s3_data_type,
            input_mode=input_mode,
            attribute_names=attribute_names,
            target_attribute_name=target_attribute_name,
            shuffle_config=shuffle_config,
        )


class FileSystemInput:
    """A channel of a training job that reads from a file system.

    Parameters
    ----------
    file_system_id : str
        Begins with "fs-".
    file_system_type : {"EFS", "FSxLustre"}
    directory_path : str
    file_system_access_mode : {"ro", "rw"}, default="ro"
    content_type : str, default=None

    Attributes
    ----------
    config : dict
        The channel as a request has it, without a name.

    Raises
    ------
    ValueError
        If the type or the mode is none of these.
    """

    def __init__(
        self,
        file_system_id: str,
        file_system_type: str,
        directory_path: str,
        file_system_access_mode: str = "ro",
        content_type: str | None = None,
    ):
        for name, value, allowed in (
            ("file_system_type", file_system_type, FILE_SYSTEM_TYPES),
            (
                "file_system_access_mode",
                file_system_access_mode,
                FILE_SYSTEM_ACCESS_MODES,
            ),
        ):
            if value not in allowed:
                raise ValueError(
                    f"{name}={value!r} must be one of {', '.join(allowed)}."
                )
        source = {
            "FileSystemId": file_system_id,
            "FileSystemType": file_system_type,
            "DirectoryPath": directory_path,
            "FileSystemAccessMode": file_system_access_mode,
        }
        self.config: dict[str, Any] = {"DataSource": {"FileSystemDataSource": source}}
        if content_type:
            self.config["ContentType"] = content_type


@dataclass
class CreateModelInput:
    """How a model is to be deployed.

    Attributes
    ----------
    instance_type, accelerator_type : str or None
    """

    instance_type: str | None = None
    accelerator_type: str | None = None


@dataclass
class TransformInput:
    """What a batch transform reads; the arguments of ``Transformer.transform``.

    Attributes
    ----------
    data : str
        Prefix of the objects on S3.
    data_type : str
    content_type, compression_type, split_type : str or None
    input_filter, output_filter, join_source : str or None
    model_client_config, batch_data_capture_config : dict or None
    """

    data: str
    data_type: str = "S3Prefix"
    content_type: str | None = None
    compression_type: str | None = None
    split_type: str | None = None
    input_filter: str | None = None
    output_filter: str | None = None
    join_source: str | None = None
    model_client_config: dict[str, Any] | None = None
    batch_data_capture_config: Any = None


@dataclass
class BatchDataCaptureConfig:
    """Keep what batch transforms read and answer.

    Attributes
    ----------
    destination_s3_uri : str
    kms_key_id : str or None
        Key that it is encrypted with.
    generate_inference_id : bool or None
    """

    destination_s3_uri: str
    kms_key_id: str | None = None
    generate_inference_id: bool | None = None

    def _to_request_dict(self) -> dict[str, Any]:
        return _given(
            {
                "DestinationS3Uri": self.destination_s3_uri,
                "KmsKeyId": self.kms_key_id,
                "GenerateInferenceId": self.generate_inference_id,
            }
        )
