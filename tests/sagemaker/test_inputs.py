"""Channels and configurations as SDK 2.257.7 sends them."""

import pytest

from sklearn_sagemaker.sagemaker import inputs
from sklearn_sagemaker.sagemaker.inputs import (
    BatchDataCaptureConfig,
    FileSystemInput,
    ShuffleConfig,
    TrainingInput,
    TransformInput,
    s3_input,
)
from sklearn_sagemaker.sagemaker.model_monitor import DataCaptureConfig
from sklearn_sagemaker.sagemaker.serverless import ServerlessInferenceConfig


def source(**more):
    place = {
        "S3DataType": "S3Prefix",
        "S3Uri": "s3://b/t",
        "S3DataDistributionType": "FullyReplicated",
    }
    found = {**place, **more}
    found = {name: value for name, value in found.items() if value is not None}
    return {"S3DataSource": found}


@pytest.mark.parametrize(
    ("channel", "config"),
    [
        (TrainingInput("s3://b/t"), {"DataSource": source()}),
        (
            TrainingInput(
                "s3://b/t", "ShardedByS3Key", "Gzip", "text/csv", "RecordIO",
                "ManifestFile", ["g"], "Pipe", ["a"], "t", ShuffleConfig(7),
                {"HubContentArn": "h"}, {"AcceptEula": True},
            ),
            {
                "DataSource": source(
                    S3DataType="ManifestFile",
                    S3DataDistributionType="ShardedByS3Key",
                    InstanceGroupNames=["g"],
                    AttributeNames=["a"],
                    HubAccessConfig={"HubContentArn": "h"},
                    ModelAccessConfig={"AcceptEula": True},
                ),
                "CompressionType": "Gzip",
                "ContentType": "text/csv",
                "RecordWrapperType": "RecordIO",
                "InputMode": "Pipe",
                "TargetAttributeName": "t",
                "ShuffleConfig": {"Seed": 7},
            },
        ),
        (
            TrainingInput("s3://b/t", target_attribute_name="y"),
            {
                "DataSource": source(S3DataDistributionType=None),
                "TargetAttributeName": "y",
            },
        ),
        (
            TrainingInput("s3://b/t", compression="None", record_wrapping="None"),
            {
                "DataSource": source(),
                "CompressionType": "None",
                "RecordWrapperType": "None",
            },
        ),
    ],
)  # fmt: skip
def test_channels_of_s3(channel, config):
    assert channel.config == config


def test_version_1s_channel():
    with pytest.warns(DeprecationWarning, match="called TrainingInput now") as seen:
        channel = s3_input(
            "s3://b/t", "ShardedByS3Key", None, "text/csv", None, "S3Prefix", "Pipe",
            ["a"], "t", ShuffleConfig(7),
        )  # fmt: skip
    assert len(seen) == 1
    assert isinstance(channel, TrainingInput)
    # The seventh argument was the mode.
    assert channel.config == {
        "DataSource": source(
            S3DataDistributionType="ShardedByS3Key", AttributeNames=["a"]
        ),
        "ContentType": "text/csv",
        "InputMode": "Pipe",
        "TargetAttributeName": "t",
        "ShuffleConfig": {"Seed": 7},
    }


def test_channels_of_file_systems():
    found = FileSystemInput("fs-1", "FSxLustre", "/d", "rw", "text/csv").config
    assert found == {
        "DataSource": {
            "FileSystemDataSource": {
                "FileSystemId": "fs-1",
                "FileSystemType": "FSxLustre",
                "DirectoryPath": "/d",
                "FileSystemAccessMode": "rw",
            }
        },
        "ContentType": "text/csv",
    }
    found = FileSystemInput("fs-1", "EFS", "/d").config
    place = found["DataSource"]["FileSystemDataSource"]
    assert place["FileSystemAccessMode"] == "ro"
    assert "ContentType" not in found
    with pytest.raises(ValueError, match="file_system_type='NFS' must be one of"):
        FileSystemInput("fs-1", "NFS", "/d")
    with pytest.raises(ValueError, match="file_system_access_mode='w' must be"):
        FileSystemInput("fs-1", "EFS", "/d", "w")


def test_values():
    found = TransformInput("s3://b/x", content_type="text/csv")
    assert (found.data_type, found.split_type) == ("S3Prefix", None)
    assert inputs.CreateModelInput("ml.m5.large").accelerator_type is None


@pytest.mark.parametrize(
    ("config", "request_"),
    [
        (BatchDataCaptureConfig("s3://b/c"), {"DestinationS3Uri": "s3://b/c"}),
        (
            BatchDataCaptureConfig("s3://b/c", "k", True),
            {
                "DestinationS3Uri": "s3://b/c",
                "KmsKeyId": "k",
                "GenerateInferenceId": True,
            },
        ),
        (
            ServerlessInferenceConfig(),
            {"MemorySizeInMB": 2048, "MaxConcurrency": 5},
        ),
        (
            ServerlessInferenceConfig(1024, 2, 1),
            {"MemorySizeInMB": 1024, "MaxConcurrency": 2, "ProvisionedConcurrency": 1},
        ),
        (
            DataCaptureConfig(True, 50, "s3://b/c", "k", ["request"], ["a/b"], ["c/d"]),
            {
                "EnableCapture": True,
                "InitialSamplingPercentage": 50,
                "DestinationS3Uri": "s3://b/c",
                "CaptureOptions": [{"CaptureMode": "Input"}],
                "KmsKeyId": "k",
                "CaptureContentTypeHeader": {
                    "CsvContentTypes": ["a/b"],
                    "JsonContentTypes": ["c/d"],
                },
            },
        ),
    ],
)
def test_requests(config, request_):
    assert config._to_request_dict() == request_


def test_capture_goes_to_the_default_bucket():
    class Session:
        default_bucket_prefix = "mine"

        def default_bucket(self):
            return "b"

    config = DataCaptureConfig(False, sagemaker_session=Session())
    assert config._to_request_dict() == {
        "EnableCapture": False,
        "InitialSamplingPercentage": 20,
        "DestinationS3Uri": "s3://b/mine/model-monitor/data-capture",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {
            "CsvContentTypes": ["text/csv"],
            "JsonContentTypes": ["application/json"],
        },
    }
