"""A tuning job by boto3 alone, as the service's guide has it. Usage: IMAGE"""

import os
import random
import sys
import time

import boto3
import steps
from botocore.exceptions import ClientError

IMAGE, ROLE = sys.argv[1], os.environ["SAGEMAKER_ROLE"]
sagemaker, s3 = boto3.client("sagemaker"), boto3.client("s3")
ACCOUNT = boto3.client("sts").get_caller_identity()["Account"]
BUCKET = f"tuning-{ACCOUNT}"
NAME = {"HyperParameterTuningJobName": "tuned"}


def put_data():
    random.seed(0)
    rows = [[random.gauss(0, 1) for _ in range(3)] for _ in range(300)]
    lines = [f"{int(row[0] > 0)},{','.join(map(str, row))}" for row in rows]
    s3.create_bucket(Bucket=BUCKET)
    for part in ("train", "validation"):
        body = "\n".join(lines).encode()
        s3.put_object(Bucket=BUCKET, Key=f"{part}/rows.csv", Body=body)


def channel(name):
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{name}/"}
    return {
        "ChannelName": name,
        "ContentType": "text/csv",
        "DataSource": {"S3DataSource": source},
    }


def create(name, jobs=3, ranges=None, **more):
    return sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig={
            "Strategy": "Random",
            "RandomSeed": 1,
            "ResourceLimits": {
                "MaxNumberOfTrainingJobs": jobs,
                "MaxParallelTrainingJobs": 2,
            },
            "HyperParameterTuningJobObjective": {
                "Type": "Minimize",
                "MetricName": "validation:objective_loss",
            },
            "ParameterRanges": ranges
            or {
                "ContinuousParameterRanges": [
                    {"Name": "wd", "MinValue": "1e-7", "MaxValue": "1"},
                ],
                "IntegerParameterRanges": [
                    {"Name": "mini_batch_size", "MinValue": "50", "MaxValue": "100"}
                ],
            },
        },
        TrainingJobDefinition={
            "StaticHyperParameters": {
                "predictor_type": "binary_classifier",
                "epochs": "2",
            },
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
            },
            "RoleArn": ROLE,
            "InputDataConfig": [channel("train"), channel("validation")],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
            "ResourceConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 1,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        },
        **more,
    )


def ended(name):
    while True:
        found = sagemaker.describe_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name
        )
        if found["HyperParameterTuningJobStatus"] not in ("InProgress", "Stopping"):
            return found
        time.sleep(1)


def tune():
    create("tuned", Tags=[{"Key": "team", "Value": "a"}])
    found = ended("tuned")
    assert found["HyperParameterTuningJobStatus"] == "Completed", found
    assert found["TrainingJobStatusCounters"]["Completed"] == 3
    best = found["BestTrainingJob"]
    job = sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
    texts = job["HyperParameters"]
    assert texts["_tuning_objective_metric"] == "validation:objective_loss"
    assert 50 <= int(texts["mini_batch_size"]) <= 100
    names = {item["MetricName"] for item in job["FinalMetricDataList"]}
    assert {"ObjectiveMetric", "validation:objective_loss"} <= names
    uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    key = uri.removeprefix(f"s3://{BUCKET}/")
    assert key == f"out/{best['TrainingJobName']}/output/model.tar.gz"
    s3.head_object(Bucket=BUCKET, Key=key)
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    jobs = [
        one
        for page in pages.paginate(**NAME, SortBy="FinalObjectiveMetricValue")
        for one in page["TrainingJobSummaries"]
    ]
    assert jobs[0]["TrainingJobName"] == best["TrainingJobName"]
    [listed] = sagemaker.list_hyper_parameter_tuning_jobs(NameContains="tune")[
        "HyperParameterTuningJobSummaries"
    ]
    assert listed["HyperParameterTuningJobStatus"] == "Completed"


def go_on():
    start = {
        "ParentHyperParameterTuningJobs": [NAME],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    create("again", 1, WarmStartConfig=start)
    found = ended("again")
    final = "FinalHyperParameterTuningJobObjectiveMetric"
    overall, own = found["OverallBestTrainingJob"], found["BestTrainingJob"]
    assert overall[final]["Value"] <= own[final]["Value"]


def stop_and_refuse():
    create("stops", 500)
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="stops")
    assert ended("stops")["HyperParameterTuningJobStatus"] == "Stopped"
    wrong = {
        "ContinuousParameterRanges": [{"Name": "wd", "MinValue": "2", "MaxValue": "1"}]
    }
    error = steps.raised(ClientError, create, "wrong", 1, wrong)
    assert error.response["Error"]["Code"] == "ValidationException", error
    error = steps.raised(ClientError, create, "tuned")
    assert error.response["Error"]["Code"] == "ResourceInUse", error
    sagemaker.delete_hyper_parameter_tuning_job(**NAME)
    error = steps.raised(
        ClientError, sagemaker.describe_hyper_parameter_tuning_job, **NAME
    )
    assert error.response["Error"]["Code"] == "ResourceNotFound", error


steps.run(put_data, tune, go_on, stop_and_refuse)
