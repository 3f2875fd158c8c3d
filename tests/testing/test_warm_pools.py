"""Warm pools: a job leaves its instances to the next one like it."""

import threading
import time

import pytest
from botocore.exceptions import ClientError

from sklearn_sagemaker.testing import account
from tests.testing.jobs import ended, job, run

MACHINES = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}


def keeping(seconds=600, **more):
    return {"ResourceConfig": {**MACHINES, "KeepAlivePeriodInSeconds": seconds, **more}}


def pool(sagemaker, name):
    found = sagemaker.describe_training_job(TrainingJobName=name)
    return found.get("WarmPoolStatus")


def until(sagemaker, name, status, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = pool(sagemaker, name)
        if found["Status"] == status:
            return found
        time.sleep(0.02)
    raise AssertionError(found)


@pytest.fixture(autouse=True)
def none_left(sagemaker):
    """End the pools of a test."""
    yield
    found = sagemaker.list_training_jobs(WarmPoolStatusEquals="Available")
    for item in found["TrainingJobSummaries"]:
        sagemaker.update_training_job(
            TrainingJobName=item["TrainingJobName"],
            ResourceConfig={"KeepAlivePeriodInSeconds": 0},
        )


def test_instances_go_from_job_to_job(emulator, sagemaker):
    run(emulator, sagemaker, "first", **keeping())
    found = pool(sagemaker, "first")
    assert found == {"Status": "Available", "ResourceRetainedBillableTimeInSeconds": 0}
    listed = sagemaker.list_training_jobs(WarmPoolStatusEquals="Available")
    names = [item["TrainingJobName"] for item in listed["TrainingJobSummaries"]]
    assert names == ["first"]
    with pytest.raises(ClientError, match="warm pool of the training job is Available"):
        sagemaker.delete_training_job(TrainingJobName="first")
    do = "while not os.path.exists(path('checkpoints/go')): time.sleep(0.01)"
    request = job(emulator, "second", do, **keeping())
    sagemaker.create_training_job(**request)
    assert pool(sagemaker, "second") == {"Status": "InUse"}
    reused = pool(sagemaker, "first")
    assert (reused["Status"], reused["ReusedByJob"]) == ("Reused", "second")
    sagemaker.stop_training_job(TrainingJobName="second")
    assert ended(sagemaker, "second")["TrainingJobStatus"] == "Stopped"
    # Also after a stop.
    assert pool(sagemaker, "second")["Status"] == "Available"
    sagemaker.delete_training_job(TrainingJobName="first")


@pytest.mark.parametrize(
    "change",
    [
        {"ResourceConfig": MACHINES},
        keeping(InstanceType="ml.m5.xlarge"),
        keeping(VolumeSizeInGB=2),
        {**keeping(), "EnableNetworkIsolation": True},
        {
            **keeping(),
            "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        },
        {**keeping(), "RoleArn": "arn:aws:iam::123456789012:role/Another"},
    ],
)
def test_others_do_not_get_them(emulator, sagemaker, change, request):
    number = request.node.callspec.indices["change"]
    run(emulator, sagemaker, f"leaves-{number}", **keeping())
    run(emulator, sagemaker, f"other-{number}", **change)
    assert pool(sagemaker, f"leaves-{number}")["Status"] == "Available"


@pytest.mark.slow
def test_jobs_of_other_images_and_data_do(emulator, sagemaker):
    emulator.image("another:1", ["true"])
    run(emulator, sagemaker, "left", **keeping())
    run(emulator, sagemaker, "taken", image="another:1", **keeping())
    assert pool(sagemaker, "left")["ReusedByJob"] == "taken"


def test_a_pool_starts_faster(emulator, sagemaker, monkeypatch):
    waited = []
    monkeypatch.setattr(
        account.Account, "wait", lambda self, status, asked: waited.append(status)
    )
    run(emulator, sagemaker, "cold", **keeping())
    assert waited == ["Starting", "Downloading", "Uploading"]
    waited.clear()
    run(emulator, sagemaker, "warm", **keeping())
    assert waited == ["Uploading"]


def test_periods_end(emulator, sagemaker):
    run(emulator, sagemaker, "short", **keeping(1))
    found = until(sagemaker, "short", "Terminated")
    assert found["ResourceRetainedBillableTimeInSeconds"] == 1
    with pytest.raises(ClientError, match="has ended and has no warm pool"):
        sagemaker.update_training_job(
            TrainingJobName="short", ResourceConfig={"KeepAlivePeriodInSeconds": 10}
        )


def test_a_period_is_changed_and_ended(emulator, sagemaker):
    run(emulator, sagemaker, "changes", **keeping())
    update = {"TrainingJobName": "changes"}
    sagemaker.update_training_job(
        **update, ResourceConfig={"KeepAlivePeriodInSeconds": 900}
    )
    found = sagemaker.describe_training_job(TrainingJobName="changes")
    assert found["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 900
    assert found["WarmPoolStatus"]["Status"] == "Available"
    sagemaker.update_training_job(
        **update, ResourceConfig={"KeepAlivePeriodInSeconds": 0}
    )
    assert pool(sagemaker, "changes")["Status"] == "Terminated"
    # Of one that runs, too.
    sagemaker.create_training_job(**job(emulator, "runs", "time.sleep(600)"))
    sagemaker.update_training_job(
        TrainingJobName="runs", ResourceConfig={"KeepAlivePeriodInSeconds": 900}
    )
    sagemaker.stop_training_job(TrainingJobName="runs")
    ended(sagemaker, "runs")
    # It may have been stopped before it had any.
    assert pool(sagemaker, "runs") in (
        None,
        {"Status": "Available", "ResourceRetainedBillableTimeInSeconds": 0},
    )
    with pytest.raises(ClientError, match="has no ProfilerConfig"):
        sagemaker.update_training_job(
            TrainingJobName="runs",
            ProfilerConfig={"S3OutputPath": f"s3://{emulator.bucket}/x"},
        )


@pytest.mark.parametrize(
    ("name", "do", "kept"),
    [
        ("fails", "put('ClientError: no', 'output/failure'); sys.exit(1)", True),
        (
            "breaks",
            "put('InternalServerError: no', 'output/failure'); sys.exit(1)",
            False,
        ),
    ],
)
def test_after_a_failure(emulator, sagemaker, name, do, kept):
    run(emulator, sagemaker, name, do, **keeping())
    found = pool(sagemaker, name)
    assert (found is not None and found["Status"] == "Available") == kept


def test_spot_instances_are_not_kept(emulator, sagemaker):
    stopping = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}
    request = job(emulator, "spot", StoppingCondition=stopping, **keeping())
    with pytest.raises(ClientError, match="exclude each other"):
        sagemaker.create_training_job(**request, EnableManagedSpotTraining=True)


def test_pools_share_a_timer(emulator, sagemaker):
    def timers():
        found = threading.enumerate()
        return [thread for thread in found if isinstance(thread, threading.Timer)]

    for name in ("one", "two"):
        size = {"one": 3, "two": 4}[name]
        run(emulator, sagemaker, name, **keeping(VolumeSizeInGB=size))
    assert len(timers()) == 1
    for name in ("one", "two"):
        sagemaker.update_training_job(
            TrainingJobName=name, ResourceConfig={"KeepAlivePeriodInSeconds": 0}
        )
    for timer in timers():
        timer.join()
    assert not timers()
