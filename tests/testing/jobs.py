"""Requests for the emulator, and an image without this package in it."""

import time

import boto3

GROUP = "/aws/sagemaker/TrainingJobs"
IMAGE = "example.com/quick:1"
# What a job does is in its hyperparameters, as Python.
PROGRAM = """
import json, os, signal, sys, time
root = os.environ["SAGEMAKER_BASE_DIR"]
def path(*parts): return os.path.join(root, *parts)
def put(text, *parts): open(path(*parts), "w").write(text)
exec(json.load(open(path("input/config/hyperparameters.json"))).get("do", ""))
"""
# A server that answers everything with the same.
SERVER = "example.com/serves:1"
SERVE = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200); self.end_headers(); self.wfile.write(b"served")
    def log_message(self, *_): pass
port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
LINEAR = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"


def job(emulator, name, do="", *, image=IMAGE, channels=(), **more):
    """The request for a training job."""
    request = {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "RoleArn": emulator.role,
        "HyperParameters": {"do": do},
        "OutputDataConfig": {"S3OutputPath": f"s3://{emulator.bucket}/out"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    if channels:
        request["InputDataConfig"] = list(channels)
    return {**request, **more}


def channel(emulator, name, prefix, kind="S3Prefix", **more):
    """The request's part for a channel."""
    source = {"S3DataType": kind, "S3Uri": f"s3://{emulator.bucket}/{prefix}"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **more}


def ended(sagemaker, name, seconds=60):
    """The description of a job, when it has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = sagemaker.describe_training_job(TrainingJobName=name)
        if found["TrainingJobStatus"] not in ("InProgress", "Stopping"):
            return found
        time.sleep(0.02)
    raise AssertionError(f"{name} has not ended: {found}")


def run(emulator, sagemaker, *arguments, **more):
    """Create a job, and wait for its end."""
    request = job(emulator, *arguments, **more)
    sagemaker.create_training_job(**request)
    return ended(sagemaker, request["TrainingJobName"])


def printed(name):
    """Messages that a job has in its streams so far."""
    logs = boto3.client("logs")
    try:
        streams = logs.describe_log_streams(
            logGroupName=GROUP, logStreamNamePrefix=f"{name}/"
        )["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [
        event["message"]
        for stream in streams
        for event in logs.get_log_events(
            logGroupName=GROUP,
            logStreamName=stream["logStreamName"],
            startFromHead=True,
        )["events"]
    ]


def until_printed(name, seconds=30):
    """Wait for the first message of a job."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := printed(name):
            return found
        time.sleep(0.05)
    raise AssertionError(f"{name} prints nothing")


def configure(sagemaker, name, model, count=1):
    """Make a configuration of one variant."""
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": model,
                "InitialInstanceCount": count,
                "InstanceType": "ml.m5.large",
                "InitialVariantWeight": 1.0,
            }
        ],
    )


def in_service(sagemaker, name, seconds=60):
    """The description of an endpoint, when it has been started or changed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = sagemaker.describe_endpoint(EndpointName=name)
        if found["EndpointStatus"] not in ("Creating", "Updating"):
            return found
        time.sleep(0.02)
    raise AssertionError(found)


def measured(found, name):
    """The data points that a job, as it is described, has of a metric in CloudWatch."""
    start = found["TrainingStartTime"].timestamp() - 60
    dimension = {"Name": "TrainingJobName", "Value": found["TrainingJobName"]}
    return boto3.client("cloudwatch").get_metric_statistics(
        Namespace=GROUP,
        MetricName=name,
        Dimensions=[dimension],
        StartTime=start,
        EndTime=start + 180,
        Period=60,
        Statistics=["Average", "SampleCount"],
    )["Datapoints"]
