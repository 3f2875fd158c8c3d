"""Requests for tuning jobs, and programs whose objective is known."""

import time

import boto3

from tests.testing.jobs import IMAGE

NAME = "HyperParameterTuningJobName"
# The objective is best at x = 0.01, k = 4 and c = "a".
BOWL = """
import math
h = json.load(open(path("input/config/hyperparameters.json")))
x, k = math.log10(float(h.get("x", "0.01"))), int(h.get("k", "4"))
print("loss=%r;" % ((x + 2) ** 2 + (k - 4) ** 2 / 10 + (h.get("c") == "b")), flush=True)
"""
RANGES = {
    "ContinuousParameterRanges": [
        {"Name": "x", "MinValue": "1e-4", "MaxValue": "1"},
    ],
    "IntegerParameterRanges": [{"Name": "k", "MinValue": "1", "MaxValue": "9"}],
    "CategoricalParameterRanges": [{"Name": "c", "Values": ["a", "b"]}],
}
OBJECTIVE = {"Type": "Minimize", "MetricName": "loss"}


def definition(emulator, do=BOWL, **more):
    """The definition of the training jobs."""
    return {
        "StaticHyperParameters": {"do": do},
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([^;]+);"}],
        },
        "RoleArn": emulator.role,
        "OutputDataConfig": {"S3OutputPath": f"s3://{emulator.bucket}/out"},
        "HyperParameterTuningResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **more,
    }


def config(strategy="Random", jobs=3, parallel=2, **more):
    """The configuration of a tuning job."""
    limits = {"MaxParallelTrainingJobs": parallel}
    if jobs is not None:
        limits["MaxNumberOfTrainingJobs"] = jobs
    return {
        "Strategy": strategy,
        "ResourceLimits": limits,
        "HyperParameterTuningJobObjective": OBJECTIVE,
        "ParameterRanges": RANGES,
        "RandomSeed": 1,
        **more,
    }


def create(emulator, name, do=BOWL, *, asked=None, **more):
    """Create a tuning job."""
    request = {
        NAME: name,
        "HyperParameterTuningJobConfig": asked or config(),
        "TrainingJobDefinition": definition(emulator, do),
        **more,
    }
    request = {key: value for key, value in request.items() if value is not None}
    return boto3.client("sagemaker").create_hyper_parameter_tuning_job(**request)


def described(name):
    """What the service says of it."""
    client = boto3.client("sagemaker")
    return client.describe_hyper_parameter_tuning_job(**{NAME: name})


def ended(name, seconds=180):
    """The description of a tuning job, when it has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = described(name)
        if found["HyperParameterTuningJobStatus"] not in ("InProgress", "Stopping"):
            return found
        time.sleep(0.02)
    raise AssertionError(f"{name} has not ended: {found}")


def children(name, **more):
    """Summaries of the training jobs of a tuning job."""
    client = boto3.client("sagemaker")
    asked = {NAME: name, "SortBy": "CreationTime", "MaxResults": 100, **more}
    answer = client.list_training_jobs_for_hyper_parameter_tuning_job(**asked)
    return answer["TrainingJobSummaries"]


def run(emulator, name, *arguments, **more):
    """Create a tuning job, and wait for its end."""
    create(emulator, name, *arguments, **more)
    return ended(name)
