"""boto3 alone: kinds of endpoints, spot jobs, warm pools, registry, pipelines.

Usage: IMAGE. A rule of the emulator must take back the instances of the job "spot".
"""

import json
import os
import random
import sys
import time

import boto3
import steps
from botocore.exceptions import ClientError

IMAGE = sys.argv[1]
ROLE, REGION = os.environ["SAGEMAKER_ROLE"], os.environ["AWS_REGION"]
sagemaker, runtime = boto3.client("sagemaker"), boto3.client("sagemaker-runtime")
s3 = boto3.client("s3")
ACCOUNT = boto3.client("sts").get_caller_identity()["Account"]
BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"
TOKEN = "x" * 32
ARTIFACT = {}
CALL = {"Body": b"1,2\n3,1\n", "ContentType": "text/csv", "Accept": "application/json"}


def job(name, **more):
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": {
            "predictor_type": "binary_classifier",
            "epochs": "3",
            "num_models": "2",
            "mini_batch_size": "20",
        },
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "ContentType": "text/csv",
                "DataSource": {"S3DataSource": source},
            }
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 300},
        **more,
    }


def wait(describe, status, moving, **name):
    while (found := describe(**name))[status] in moving:
        time.sleep(0.2)
    return found


def ended(name):
    return wait(
        sagemaker.describe_training_job,
        "TrainingJobStatus",
        ("InProgress", "Stopping"),
        TrainingJobName=name,
    )


def serve(name, *variants, **more):
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=list(variants), **more
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    return settled(name)


def settled(name):
    found = wait(
        sagemaker.describe_endpoint,
        "EndpointStatus",
        ("Creating", "Updating"),
        EndpointName=name,
    )
    assert found["EndpointStatus"] == "InService", found
    return found


def variant(name="AllTraffic", **more):
    machines = {"InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    return {"VariantName": name, "ModelName": "book", **(more or machines)}


def predictions(body):
    return json.loads(body)["predictions"]


def a_model():
    random.seed(0)
    rows = [(random.random(), random.random()) for _ in range(100)]
    lines = [f"{int(a > b)},{a},{b}" for a, b in rows]
    s3.put_object(Bucket=BUCKET, Key="train/x.csv", Body="\n".join(lines).encode())
    sagemaker.create_training_job(**job("book"))
    found = ended("book")
    assert found["TrainingJobStatus"] == "Completed", found
    ARTIFACT["uri"] = found["ModelArtifacts"]["S3ModelArtifacts"]
    container = {"Image": IMAGE, "ModelDataUrl": ARTIFACT["uri"]}
    sagemaker.create_model(
        ModelName="book", ExecutionRoleArn=ROLE, PrimaryContainer=container
    )


def serverless():
    config = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    serve("serverless", variant(ServerlessConfig=config))
    answer = runtime.invoke_endpoint(EndpointName="serverless", **CALL)
    ARTIFACT["scores"] = predictions(answer["Body"].read())
    assert len(ARTIFACT["scores"]) == 2
    large = {**CALL, "Body": b"1" * ((4 << 20) + 1)}
    error = steps.raised(
        ClientError, runtime.invoke_endpoint, EndpointName="serverless", **large
    )
    assert error.response["Error"]["Code"] == "ValidationError", error
    sagemaker.delete_endpoint(EndpointName="serverless")


def asynchronous():
    output = {
        "S3OutputPath": f"s3://{BUCKET}/answers",
        "S3FailurePath": f"s3://{BUCKET}/failures",
    }
    serve("async", variant(), AsyncInferenceConfig={"OutputConfig": output})
    for body, kind in ((CALL["Body"], "OutputLocation"), (b"a,b", "FailureLocation")):
        s3.put_object(
            Bucket=BUCKET, Key="in/x.csv", Body=body, ContentType=CALL["ContentType"]
        )
        answer = runtime.invoke_endpoint_async(
            EndpointName="async",
            InputLocation=f"s3://{BUCKET}/in/x.csv",
            Accept=CALL["Accept"],
        )
        key = answer[kind].split("/", 3)[3]
        s3.get_waiter("object_exists").wait(Bucket=BUCKET, Key=key)
        found = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        if kind == "OutputLocation":
            assert predictions(found) == ARTIFACT["scores"]
        else:
            assert b"client error (400)" in found, found
    sagemaker.delete_endpoint(EndpointName="async")


def variants_and_capture():
    capture = {
        "InitialSamplingPercentage": 50,
        "DestinationS3Uri": f"s3://{BUCKET}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }
    serve("several", variant("a"), variant("b"), DataCaptureConfig=capture)
    seen = [
        runtime.invoke_endpoint(EndpointName="several", **CALL)[
            "InvokedProductionVariant"
        ]
        for _ in range(4)
    ]
    assert sorted(seen) == ["a", "a", "b", "b"], seen
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="several",
        DesiredWeightsAndCapacities=[{"VariantName": "b", "DesiredInstanceCount": 2}],
    )
    found = settled("several")["ProductionVariants"]
    counts = [item["CurrentInstanceCount"] for item in found]
    assert counts == [1, 2]
    sagemaker.delete_endpoint(EndpointName="several")
    lines = []
    while len(lines) < 2:
        found = s3.list_objects_v2(Bucket=BUCKET, Prefix="captured/several/")
        keys = [item["Key"] for item in found.get("Contents", ())]
        objects = (s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys)
        lines = [line for body in objects for line in body.splitlines()]
        time.sleep(0.2)
    data = json.loads(lines[0])["captureData"]
    assert data["endpointInput"]["data"].encode() == CALL["Body"]
    assert data["endpointOutput"]["encoding"] == "BASE64"


def spot():
    stopping = {"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 300}
    sagemaker.create_training_job(
        **job(
            "spot",
            EnableManagedSpotTraining=True,
            StoppingCondition=stopping,
            CheckpointConfig={"S3Uri": f"s3://{BUCKET}/checkpoints"},
        )
    )
    found = ended("spot")
    assert found["TrainingJobStatus"] == "Completed", found
    statuses = [item["Status"] for item in found["SecondaryStatusTransitions"]]
    assert statuses.count("Interrupted") == 1, statuses
    assert found["BillableTimeInSeconds"] <= found["TrainingTimeInSeconds"]


def warm_pool():
    machines = {**job("x")["ResourceConfig"], "KeepAlivePeriodInSeconds": 600}
    for name in ("warm-1", "warm-2"):
        sagemaker.create_training_job(**job(name, ResourceConfig=machines))
        assert ended(name)["TrainingJobStatus"] == "Completed"
    [kept] = sagemaker.list_training_jobs(WarmPoolStatusEquals="Available")[
        "TrainingJobSummaries"
    ]
    assert kept["TrainingJobName"] == "warm-2", kept
    sagemaker.update_training_job(
        TrainingJobName="warm-2", ResourceConfig={"KeepAlivePeriodInSeconds": 0}
    )


def pipeline():
    """Trains and registers; then the version is approved and served."""
    arguments = job("x", TrainingJobName=None)
    del arguments["TrainingJobName"]
    arguments["HyperParameters"]["epochs"] = {"Get": "Parameters.Epochs"}
    container = {
        "Image": IMAGE,
        "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"},
    }
    inference = {
        "Containers": [container],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["application/json"],
    }
    package = {"ModelPackageGroupName": "book", "InferenceSpecification": inference}
    definition = {
        "Version": "2020-12-01",
        "Parameters": [{"Name": "Epochs", "Type": "String", "DefaultValue": "2"}],
        "Steps": [
            {"Name": "Train", "Type": "Training", "Arguments": arguments},
            {"Name": "Register", "Type": "RegisterModel", "Arguments": package},
        ],
    }
    sagemaker.create_pipeline(
        PipelineName="book",
        PipelineDefinition=json.dumps(definition),
        RoleArn=ROLE,
        ClientRequestToken=TOKEN,
    )
    arn = sagemaker.start_pipeline_execution(
        PipelineName="book",
        ClientRequestToken=TOKEN,
        PipelineParameters=[{"Name": "Epochs", "Value": "1"}],
    )
    arn.pop("ResponseMetadata")
    found = wait(
        sagemaker.describe_pipeline_execution,
        "PipelineExecutionStatus",
        ("Executing",),
        **arn,
    )
    listed = sagemaker.list_pipeline_execution_steps(**arn)["PipelineExecutionSteps"]
    assert found["PipelineExecutionStatus"] == "Succeeded", listed
    version = listed[0]["Metadata"]["RegisterModel"]["Arn"]
    sagemaker.update_model_package(
        ModelPackageArn=version, ModelApprovalStatus="Approved"
    )
    sagemaker.create_model(
        ModelName="version",
        ExecutionRoleArn=ROLE,
        Containers=[{"ModelPackageName": version}],
    )
    serve("version", {**variant(), "ModelName": "version"})
    answer = runtime.invoke_endpoint(EndpointName="version", **CALL)
    assert len(predictions(answer["Body"].read())) == 2


steps.run(
    a_model, serverless, asynchronous, variants_and_capture, spot, warm_pool, pipeline
)
