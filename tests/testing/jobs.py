"""Requests for the emulator, and an image without this package in it."""

import sys
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
# A server that answers with what it was sent and with its variable NAME, refuses
# "refuse", and keeps "hold" until the file GATE is there.
ECHO_SERVER = "example.com/echoes:1"
ECHO = """
import http.server, json, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        while body == b"hold" and not os.path.exists(os.environ["GATE"]):
            time.sleep(0.02)
        self.send_response(500 if body == b"refuse" else 200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.end_headers()
        headers = {name.lower(): text for name, text in self.headers.items()}
        said = {"name": os.environ.get("NAME"), "headers": headers, "size": len(body)}
        self.wfile.write(json.dumps(said).encode())
    def log_message(self, *_): pass
port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
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


def invoke(runtime, endpoint, body=b"1", **more):
    """What an endpoint answers; a body that nobody reads leaves its socket open."""
    answer = runtime.invoke_endpoint(EndpointName=endpoint, Body=body, **more)
    return answer["Body"].read()


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


def echoing(emulator, sagemaker, name, **variables):
    """Make a model of the server that echoes."""
    emulator.image(ECHO_SERVER, [sys.executable, "-I", "-S", "-c", ECHO])
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=emulator.role,
        PrimaryContainer={"Image": ECHO_SERVER, "Environment": variables},
    )


def instances(model, name="AllTraffic", **more):
    """A production variant with instances."""
    return {
        "VariantName": name,
        "ModelName": model,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
        **more,
    }


def serve(sagemaker, name, *variants, **more):
    """Make an endpoint, and its description when it is in service."""
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=list(variants), **more
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    found = in_service(sagemaker, name)
    assert found["EndpointStatus"] == "InService", found
    return found


def keys_below(s3, emulator, prefix, count=1, seconds=60):
    """The keys of so many objects of the default bucket, when they are there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = s3.list_objects_v2(Bucket=emulator.bucket, Prefix=prefix)
        if found["KeyCount"] >= count:
            return [item["Key"] for item in found["Contents"]]
        time.sleep(0.05)
    raise AssertionError(f"{found['KeyCount']} objects below {prefix}")


def read(s3, emulator, key):
    """An object of the default bucket."""
    return s3.get_object(Bucket=emulator.bucket, Key=key)["Body"].read()


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
