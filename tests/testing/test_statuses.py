"""Every status that somebody who waits can see, is seen."""

import io
import sys
import tarfile
import time

import boto3
import pytest

from sklearn_sagemaker.testing.account import Account
from sklearn_sagemaker.testing.pipelines import Pipelines
from tests.testing import test_compilation_jobs as compilations
from tests.testing import test_pipelines as pipelines
from tests.testing import tuning
from tests.testing.jobs import SERVE, SERVER, ended, in_service, instances, job, serve

HOLDS = """
signal.signal(signal.SIGTERM, lambda *_: None)
print("up", flush=True)
while not os.path.exists(GATE): time.sleep(0.01)
"""
KIND = "HyperParameterTuningJob"
STOPPING = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}


@pytest.fixture
def seen(monkeypatch):
    """Statuses; ``seen.look`` is called wherever the service waits."""

    class Seen(set):
        look = None

    found = Seen()

    def wait(self, status, asked):
        if found.look is not None:
            found.add(found.look())

    monkeypatch.setattr(Account, "wait", wait)
    return found


def until(look, status, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := look()) == status:
            return
        time.sleep(0.01)
    raise AssertionError(f"{found}, and not {status}")


def test_training_jobs(emulator, sagemaker, seen, tmp_path):
    def status(name):
        found = sagemaker.describe_training_job(TrainingJobName=name)
        return found["TrainingJobStatus"], found["SecondaryStatus"]

    gate = tmp_path / "gate"
    do = HOLDS.replace("GATE", repr(str(gate)))
    seen.look = lambda: status("good")
    sagemaker.create_training_job(**job(emulator, "good", do))
    until(lambda: status("good"), ("InProgress", "Training"))
    seen.add(("InProgress", "Training"))
    gate.touch()
    seen.add((ended(sagemaker, "good")["TrainingJobStatus"], status("good")[1]))
    seen.look = None
    gate.unlink()
    sagemaker.create_training_job(**job(emulator, "stops", do))
    until(lambda: status("stops"), ("InProgress", "Training"))
    sagemaker.stop_training_job(TrainingJobName="stops")
    seen.add(status("stops"))
    gate.touch()
    ended(sagemaker, "stops")
    seen.add(status("stops"))
    for end in ("Failed", "MaxRuntimeExceeded", "MaxWaitTimeExceeded"):
        emulator.fail("CreateTrainingJob", ends=end, times=1)
        sagemaker.create_training_job(**job(emulator, end))
        ended(sagemaker, end)
        seen.add(status(end))
    emulator.fail("CreateTrainingJob", interrupt="up", times=1)
    spot = {"EnableManagedSpotTraining": True, "StoppingCondition": STOPPING}
    sagemaker.create_training_job(**job(emulator, "spot", "print('up')", **spot))
    # Too short to be met; waiters read how a job has gone.
    moves = ended(sagemaker, "spot")["SecondaryStatusTransitions"]
    seen.update(("InProgress", move["Status"]) for move in moves[:-1])
    assert seen == {
        ("InProgress", "Interrupted"),
        ("InProgress", "Starting"),
        ("InProgress", "Downloading"),
        ("InProgress", "Training"),
        ("InProgress", "Uploading"),
        ("Completed", "Completed"),
        ("Stopping", "Stopping"),
        ("Stopped", "Stopped"),
        ("Failed", "Failed"),
        ("Stopped", "MaxRuntimeExceeded"),
        ("Stopped", "MaxWaitTimeExceeded"),
    }


@pytest.fixture
def model(emulator, sagemaker, s3):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz"):
        pass
    s3.put_object(Bucket=emulator.bucket, Key="m.tar.gz", Body=stream.getvalue())
    emulator.image(SERVER, [sys.executable, "-I", "-S", "-c", SERVE])
    container = {
        "Image": SERVER,
        "ModelDataUrl": f"s3://{emulator.bucket}/m.tar.gz",
    }
    sagemaker.create_model(
        ModelName="m", ExecutionRoleArn=emulator.role, PrimaryContainer=container
    )
    yield "m"
    sagemaker.delete_model(ModelName="m")


def test_endpoints(emulator, sagemaker, seen, model):
    def status(name="e"):
        return sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"]

    seen.look = status
    serve(sagemaker, "e", instances(model))
    sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="e")
    in_service(sagemaker, "e")
    seen.add(status())
    emulator.fail("CreateEndpoint", ends="Failed", times=1)
    sagemaker.create_endpoint(EndpointName="bad", EndpointConfigName="e")
    in_service(sagemaker, "bad")
    seen.add(status("bad"))
    # As an emulator does that finds it in its folder.
    endpoints = emulator._resources._endpoints
    kept = [item for item in endpoints.records.dump() if item[1] == "e"]
    sagemaker.delete_endpoint(EndpointName="e")
    endpoints.load(kept)
    until(status, "InService")
    assert seen == {"Creating", "Updating", "SystemUpdating", "InService", "Failed"}
    # A deleted one is gone at once, which is what waiters of deletion wait for.
    sagemaker.delete_endpoint(EndpointName="e")
    boto3.client("sagemaker").get_waiter("endpoint_deleted").wait(EndpointName="e")


def test_transform_jobs(emulator, sagemaker, s3, seen, model):
    def status(name):
        found = sagemaker.describe_transform_job(TransformJobName=name)
        return found["TransformJobStatus"]

    def create(name):
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{emulator.bucket}/rows"}
        sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName=model,
            TransformInput={"DataSource": {"S3DataSource": source}},
            TransformOutput={"S3OutputPath": f"s3://{emulator.bucket}/scores"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )

    s3.put_object(Bucket=emulator.bucket, Key="rows/x", Body=b"1\n")
    create("good")
    seen.look = None
    until(lambda: seen.add(status("good")) or status("good"), "Completed")

    def stopped():
        sagemaker.stop_transform_job(TransformJobName="stops")
        return status("stops")

    seen.look = stopped
    create("stops")
    until(lambda: status("stops"), "Stopped")
    seen.look = None
    seen.add("Stopped")
    emulator.fail("CreateTransformJob", ends="InProgress", times=1)
    create("runs")
    seen.add(status("runs"))
    sagemaker.stop_transform_job(TransformJobName="runs")
    emulator.fail("CreateTransformJob", ends="Failed", times=1)
    create("bad")
    until(lambda: status("bad"), "Failed")
    seen.update(("Failed", status("good")))
    assert seen == {"InProgress", "Completed", "Stopping", "Stopped", "Failed"}


def test_compilation_jobs(emulator, sagemaker, s3, seen):
    def status(name):
        found = sagemaker.describe_compilation_job(CompilationJobName=name)
        return found["CompilationJobStatus"]

    s3.put_object(Bucket=emulator.bucket, Key=compilations.SOURCE, Body=b"bytes")

    def create(name, **fault):
        seen.look = lambda: status(name)
        if fault:
            emulator.fail("CreateCompilationJob", times=1, **fault)
        request = compilations.compilation(emulator, name)
        sagemaker.create_compilation_job(**request)

    create("good")
    seen.add(compilations.ended(sagemaker, "good")["CompilationJobStatus"])
    create("stops", ends="InProgress")
    until(lambda: status("stops"), "INPROGRESS")
    seen.add("INPROGRESS")
    sagemaker.stop_compilation_job(CompilationJobName="stops")
    seen.add(compilations.ended(sagemaker, "stops")["CompilationJobStatus"])
    create("bad", ends="Failed")
    seen.add(compilations.ended(sagemaker, "bad")["CompilationJobStatus"])

    def stopped():
        sagemaker.stop_compilation_job(CompilationJobName="stops-early")
        return status("stops-early")

    seen.look = stopped
    request = compilations.compilation(emulator, "stops-early")
    sagemaker.create_compilation_job(**request)
    seen.add(compilations.ended(sagemaker, "stops-early")["CompilationJobStatus"])
    assert seen == {
        "STARTING", "INPROGRESS", "COMPLETED", "STOPPING", "STOPPED", "FAILED"
    }  # fmt: skip


def test_tuning_jobs(emulator, seen, tmp_path):
    def status(name):
        return tuning.described(name)[f"{KIND}Status"]

    gate = tmp_path / "gate"
    tuning.create(emulator, "holds", HOLDS.replace("GATE", repr(str(gate))))
    until(lambda: bool(tuning.children("holds")), True)
    seen.add(status("holds"))
    boto3.client("sagemaker").stop_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="holds"
    )
    # Its training jobs have not ended yet.
    seen.add(status("holds"))
    gate.touch()
    seen.add(tuning.ended("holds")[f"{KIND}Status"])
    one = tuning.config(jobs=1, parallel=1)
    seen.add(tuning.run(emulator, "good", asked=one)[f"{KIND}Status"])
    seen.add(tuning.run(emulator, "bad", "1 / 0", asked=one)[f"{KIND}Status"])
    assert seen == {"InProgress", "Stopping", "Stopped", "Completed", "Failed"}


def test_pipelines_and_their_steps(emulator, sagemaker, seen, tmp_path, monkeypatch):
    def status(arn):
        found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return found["PipelineExecutionStatus"]

    def step(arn):
        found = pipelines.steps_of(sagemaker, arn)
        return found.get("S", {"StepStatus": None})["StepStatus"]

    def begin(name, do):
        made = pipelines.training(emulator, "S", do)
        pipelines.define(sagemaker, emulator, name, made)
        return pipelines.start(sagemaker, name)

    gate = tmp_path / "gate"
    call = Pipelines._call

    def looked(self, region, operation, request):
        """Look, before a step makes its job."""
        if operation == "CreateTrainingJob":
            [found] = sagemaker.list_pipeline_executions(PipelineName="holds")[
                "PipelineExecutionSummaries"
            ]
            arn = found["PipelineExecutionArn"]
            seen.add((status(arn), step(arn)))
        return call(self, region, operation, request)

    with monkeypatch.context() as patched:
        patched.setattr(Pipelines, "_call", looked)
        arn = begin("holds", HOLDS.replace("GATE", repr(str(gate))))
    until(lambda: step(arn), "Executing")
    seen.add((status(arn), step(arn)))
    sagemaker.stop_pipeline_execution(
        PipelineExecutionArn=arn, ClientRequestToken="x" * 32
    )
    until(lambda: step(arn), "Stopping")
    seen.add((status(arn), step(arn)))
    gate.touch()
    for each in (arn, begin("good", ""), begin("bad", "1 / 0")):
        pipelines.ended(sagemaker, each)
        seen.add((status(each), step(each)))
    assert seen == {
        ("Executing", "Starting"),
        ("Executing", "Executing"),
        ("Stopping", "Stopping"),
        ("Stopped", "Stopped"),
        ("Succeeded", "Succeeded"),
        ("Failed", "Failed"),
    }
