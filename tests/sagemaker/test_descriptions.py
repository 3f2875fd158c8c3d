"""Jobs as the service describes them, as the arguments that made them."""

import pytest

from sklearn_sagemaker.sagemaker._descriptions import (
    arguments_of_job,
    arguments_of_transform,
)

LEAST = {
    "TrainingJobName": "job",
    "AlgorithmSpecification": {
        "TrainingImage": "a/mine:1",
        "TrainingInputMode": "Pipe",
    },
    "RoleArn": "R",
    "OutputDataConfig": {"S3OutputPath": "s3://o", "KmsKeyId": ""},
    "ResourceConfig": {"InstanceCount": 2, "InstanceType": "t", "VolumeSizeInGB": 5},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}


def test_what_a_job_lacks_is_left_out():
    assert arguments_of_job(LEAST, "model") == {
        "image_uri": "a/mine:1",
        "role": "R",
        "instance_count": 2,
        "instance_type": "t",
        "volume_size": 5,
        "max_run": 60,
        "input_mode": "Pipe",
        "output_path": "s3://o",
        "hyperparameters": {},
    }


def test_what_a_job_has_is_taken():
    found = {
        **LEAST,
        "OutputDataConfig": {
            "S3OutputPath": "s3://o", "KmsKeyId": "k", "CompressionType": "NONE",
        },
        "VpcConfig": {"Subnets": ["s"], "SecurityGroupIds": ["g"]},
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 90},
        "CheckpointConfig": {"S3Uri": "s3://c", "LocalPath": "/c"},
        "RetryStrategy": {"MaximumRetryAttempts": 2},
        "InputDataConfig": [
            {"ChannelName": "fs", "DataSource": {"FileSystemDataSource": {}}},
            {
                "ChannelName": "start",
                "DataSource": {"S3DataSource": {"S3Uri": "s3://m/model.tar.gz"}},
            },
        ],
        "EnableNetworkIsolation": True,
        "Environment": {"A": "b"},
    }  # fmt: skip
    arguments = arguments_of_job(found, "start")
    assert arguments["model_uri"] == "s3://m/model.tar.gz"
    assert arguments["model_channel_name"] == "start"
    assert (arguments["subnets"], arguments["security_group_ids"]) == (["s"], ["g"])
    assert (arguments["use_spot_instances"], arguments["max_wait"]) == (True, 90)
    assert arguments["checkpoint_local_path"] == "/c"
    assert arguments["max_retry_attempts"] == 2
    assert arguments["output_kms_key"] == "k"
    assert arguments["disable_output_compression"] is True
    assert arguments["enable_network_isolation"] is True
    assert "model_uri" not in arguments_of_job(found, "model")
    assert "model_uri" not in arguments_of_job(found, "fs")


@pytest.mark.parametrize("image", ["a/mine:1", "b/linear-learner:1"])
def test_metrics_of_the_service_are_not_sent_back(image):
    what = {
        "TrainingImage": image,
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "loss", "Regex": "x"}],
    }
    found = arguments_of_job({**LEAST, "AlgorithmSpecification": what}, "model")
    assert ("metric_definitions" in found) == (image == "a/mine:1")


def test_an_algorithm_of_the_marketplace_is_refused():
    what = {"AlgorithmName": "arn:theirs", "TrainingInputMode": "File"}
    with pytest.raises(ValueError, match="'arn:theirs' of the marketplace"):
        arguments_of_job({**LEAST, "AlgorithmSpecification": what}, "model")


def test_a_transform():
    found = {
        "TransformJobName": "mine-2026-11-20-20-24-31-052",
        "ModelName": "m",
        "TransformOutput": {"S3OutputPath": "s3://o", "KmsKeyId": ""},
        "TransformResources": {"InstanceCount": 1, "InstanceType": "t"},
    }
    arguments = arguments_of_transform(found)
    assert arguments["base_transform_job_name"] == "mine"
    assert {name for name, value in arguments.items() if value is None} == {
        "volume_kms_key", "strategy", "assemble_with", "output_kms_key", "accept",
        "max_concurrent_transforms", "max_payload", "env",
    }  # fmt: skip
