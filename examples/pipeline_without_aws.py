"""
Test your pipeline without AWS
==============================

A pipeline of plain boto3 trains Linear Learner, deploys the model, asks it and cleans
up. Its tests run it against an emulator on this machine, also where things go wrong.
They need the extra ``testing``, and neither an account nor a network.
"""

# %%
# The pipeline
# ------------
# Nothing in it knows of the emulator. A job for which there was no capacity is started
# once more; any other failure is raised.

import io
import json
import sys

import boto3
import numpy as np
import pytest
from botocore.exceptions import WaiterError
from sklearn.datasets import load_breast_cancer

from sklearn_sagemaker.testing import SageMakerEmulator

IMAGE = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"


def pipeline(rows, labels, bucket, role, name="cancer", seconds=30):
    """Predicted labels for the rows that were trained on."""
    sagemaker, s3 = boto3.client("sagemaker"), boto3.client("s3")
    text = io.StringIO()
    np.savetxt(text, np.column_stack([labels, rows]), delimiter=",", fmt="%.8g")
    s3.put_object(Bucket=bucket, Key="train/train.csv", Body=text.getvalue())
    artifact = train(sagemaker, bucket, role, name, rows.shape[1], seconds)
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=role,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": artifact},
    )
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[variant]
    )
    try:
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        waiter = sagemaker.get_waiter("endpoint_in_service")
        waiter.wait(EndpointName=name, WaiterConfig={"Delay": seconds})
        return predict(rows, name)
    finally:
        sagemaker.delete_endpoint(EndpointName=name)
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
        sagemaker.delete_model(ModelName=name)


def train(sagemaker, bucket, role, name, features, seconds):
    """URI of the model."""
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/train/"}
    for attempt in range(2):
        job = f"{name}-{attempt}"
        sagemaker.create_training_job(
            TrainingJobName=job,
            AlgorithmSpecification={
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
            },
            RoleArn=role,
            HyperParameters={
                "predictor_type": "binary_classifier",
                "feature_dim": str(features),
                "epochs": "5",
                "num_models": "4",
            },
            InputDataConfig=[
                {
                    "ChannelName": "train",
                    "ContentType": "text/csv",
                    "DataSource": {"S3DataSource": source},
                }
            ],
            OutputDataConfig={"S3OutputPath": f"s3://{bucket}/models"},
            ResourceConfig={
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 10,
            },
            StoppingCondition={"MaxRuntimeInSeconds": 3600},
        )
        waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
        try:
            waiter.wait(TrainingJobName=job, WaiterConfig={"Delay": seconds})
        except WaiterError as error:
            found = sagemaker.describe_training_job(TrainingJobName=job)
            reason = found.get("FailureReason", str(error))
            if attempt or not reason.startswith("CapacityError"):
                raise RuntimeError(f"{job}: {reason}") from None
        else:
            found = sagemaker.describe_training_job(TrainingJobName=job)
            return found["ModelArtifacts"]["S3ModelArtifacts"]


def predict(rows, name):
    """Labels that the endpoint predicts."""
    text = io.StringIO()
    np.savetxt(text, rows, delimiter=",", fmt="%.8g")
    answer = boto3.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name,
        Body=text.getvalue(),
        ContentType="text/csv",
        Accept="application/json",
    )
    predictions = json.loads(answer["Body"].read())["predictions"]
    return np.array([item["predicted_label"] for item in predictions])


# %%
# The fixture
# -----------
# In its context clients of boto3 talk to the emulator, and the user's credentials are
# out of sight.

ROWS, LABELS = load_breast_cancer(return_X_y=True)


@pytest.fixture(scope="session")
def running():
    with SageMakerEmulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(running):
    yield running
    running.heal()


# %%
# The tests
# ---------
# The job and the endpoint run: what comes back are predictions. Each fault is a rule,
# which counts the calls.


def run(emulator, name):
    return pipeline(ROWS, LABELS, emulator.bucket, emulator.role, name, seconds=0.2)


def test_the_model_is_good(emulator):
    assert (run(emulator, "good") == LABELS).mean() > 0.95
    assert boto3.client("sagemaker").list_endpoints()["Endpoints"] == []


def test_a_job_without_capacity_is_started_again(emulator):
    scarce = "CapacityError: There are no instances of this type."
    emulator.fail("CreateTrainingJob", ends="Failed", reason=scarce, times=1)
    assert len(run(emulator, "scarce")) == len(LABELS)


def test_a_job_that_fails_is_not(emulator):
    reason = "ClientError: The data are wrong."
    rule = emulator.fail("CreateTrainingJob", ends="Failed", reason=reason)
    with pytest.raises(RuntimeError, match="The data are wrong"):
        run(emulator, "wrong")
    assert rule.seen == 1


def test_nothing_is_left_when_the_endpoint_fails(emulator):
    emulator.fail("CreateEndpoint", ends="Failed", reason="No server.")
    with pytest.raises(WaiterError):
        run(emulator, "broken")
    sagemaker = boto3.client("sagemaker")
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert sagemaker.list_models()["Models"] == []


# %%
# ``pytest pipeline_without_aws.py`` runs them; so does the file as a script.

if __name__ == "__main__":
    failed = pytest.main([sys.argv[0], "-v", "-p", "no:cacheprovider"])
    if failed:
        sys.exit(failed)
