"""Managed spot training: instances are taken back, and jobs go on from checkpoints."""

import math

import numpy as np
import pytest
from botocore.exceptions import ClientError

from sklearn_sagemaker import load_artifact
from sklearn_sagemaker.testing.spot import SPOT_SHARE
from tests.testing.jobs import (
    LINEAR,
    channel,
    ended,
    job,
    keys_below,
    printed,
    read,
    run,
)

STOPPING = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}
# Counts on from its checkpoint, and says when it is asked to stop.
COUNTS = """
put_there = path("checkpoints/count")
def stop(*_): open(path("checkpoints/stopped"), "w").close(); sys.exit(3)
signal.signal(signal.SIGTERM, stop)
count = int(open(put_there).read()) if os.path.exists(put_there) else 0
while count < 4:
    count += 1
    with open(put_there + "+", "w") as file: file.write(str(count))
    os.replace(put_there + "+", put_there)
    print(f"count {count}.", flush=True)
    if count in HOLDS: time.sleep(600)
put(str(count), "model/count")
"""


def spot(emulator, name, do, **more):
    checkpoints = {"S3Uri": f"s3://{emulator.bucket}/checkpoints/{name}/"}
    return job(
        emulator,
        name,
        do,
        **{
            "EnableManagedSpotTraining": True,
            "StoppingCondition": STOPPING,
            "CheckpointConfig": checkpoints,
            **more,
        },
    )


def statuses(found):
    return [item["Status"] for item in found["SecondaryStatusTransitions"]]


ATTEMPT = ["Starting", "Downloading", "Training"]


@pytest.mark.slow
def test_a_job_goes_on_from_its_checkpoints(emulator, sagemaker, s3):
    rule = emulator.fail(
        "CreateTrainingJob", interrupt=["count 1.", "count 3."], where="counts"
    )
    do = COUNTS.replace("HOLDS", "(1, 3)")
    sagemaker.create_training_job(**spot(emulator, "counts", do))
    found = ended(sagemaker, "counts")
    assert found["TrainingJobStatus"] == "Completed", found
    assert rule.done == 1
    again = ["Interrupted", *ATTEMPT]
    assert statuses(found) == [*ATTEMPT, *again, *again, "Uploading", "Completed"]
    assert all(item["StatusMessage"] for item in found["SecondaryStatusTransitions"])
    # None is counted twice.
    assert printed("counts") == [f"count {number}." for number in (1, 2, 3, 4)]
    keys = keys_below(s3, emulator, "checkpoints/counts/", 2)
    assert keys == ["checkpoints/counts/count", "checkpoints/counts/stopped"]
    assert read(s3, emulator, keys[0]) == b"4"
    seconds = found["TrainingTimeInSeconds"]
    assert found["BillableTimeInSeconds"] == max(1, round(SPOT_SHARE * seconds))
    whole = (found["TrainingEndTime"] - found["TrainingStartTime"]).total_seconds()
    assert seconds <= math.ceil(whole)
    emulator.heal()


def test_one_that_ends_before_the_line_is_read_is_interrupted(emulator, sagemaker):
    emulator.fail("CreateTrainingJob", interrupt="first")
    do = "print('first', flush=True)"
    sagemaker.create_training_job(**spot(emulator, "quick", do))
    found = ended(sagemaker, "quick")
    assert found["TrainingJobStatus"] == "Completed"
    assert statuses(found).count("Interrupted") == 1
    emulator.heal()


def test_one_without_checkpoints_begins_again(emulator, sagemaker):
    emulator.fail("CreateTrainingJob", interrupt="begins")
    do = """
print("begins", flush=True)
assert not os.path.exists(path("output/data/mark")); put("", "output/data/mark")
"""
    request = spot(emulator, "again", do)
    del request["CheckpointConfig"]
    sagemaker.create_training_job(**request)
    assert ended(sagemaker, "again")["TrainingJobStatus"] == "Completed"
    assert printed("again") == ["begins", "begins"]
    emulator.heal()


def test_one_that_waits_too_long_is_stopped(emulator, sagemaker):
    request = spot(
        emulator,
        "waits",
        "time.sleep(600)",
        StoppingCondition={"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 1},
    )
    emulator.fail("CreateTrainingJob", interrupt="never")
    sagemaker.create_training_job(**request)
    found = ended(sagemaker, "waits")
    assert found["TrainingJobStatus"] == "Stopped"
    assert found["SecondaryStatus"] in ("MaxWaitTimeExceeded", "MaxRuntimeExceeded")
    emulator.heal()


def test_one_that_is_stopped_is_not_started_again(emulator, sagemaker):
    emulator.fail("CreateTrainingJob", interrupt="held")
    do = """
signal.signal(signal.SIGTERM, lambda *_: None)
print("held", flush=True)
time.sleep(2)
"""
    sagemaker.create_training_job(**spot(emulator, "stopped", do))
    sagemaker.stop_training_job(TrainingJobName="stopped")
    found = ended(sagemaker, "stopped")
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == (
        "Stopped",
        "Stopped",
    )
    emulator.heal()


def test_other_jobs_are_not_interrupted(emulator, sagemaker):
    emulator.fail("CreateTrainingJob", interrupt="x")
    with pytest.raises(ClientError, match="set EnableManagedSpotTraining"):
        sagemaker.create_training_job(**job(emulator, "no-spot"))
    emulator.heal()
    with pytest.raises(ValueError, match="interrupt is for CreateTrainingJob"):
        emulator.fail("CreateEndpoint", interrupt="x")
    request = spot(emulator, "short", "", StoppingCondition={"MaxRuntimeInSeconds": 60})
    with pytest.raises(ClientError, match="MaxWaitTimeInSeconds"):
        sagemaker.create_training_job(**request)


def test_our_program_goes_on_to_the_same_bits(emulator, sagemaker, s3, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    lines = [f"{int(row[0] > 0)},{','.join(map(str, row))}" for row in X]
    s3.put_object(Bucket=emulator.bucket, Key="spot/x.csv", Body="\n".join(lines))
    settings = {
        "predictor_type": "binary_classifier",
        "epochs": "50",
        "early_stopping_patience": "1000",
        "num_models": "2",
        "mini_batch_size": "20",
        "sklearn_sagemaker.random_state": "3",
        "sklearn_sagemaker.checkpoint_every": "0",
    }
    train = channel(emulator, "train", "spot/", ContentType="text/csv")
    more = {"image": LINEAR, "channels": [train], "HyperParameters": settings}
    whole = run(emulator, sagemaker, "whole", **more)
    emulator.fail("CreateTrainingJob", interrupt="epoch=1,")
    sagemaker.create_training_job(**spot(emulator, "parts", "", **more))
    parts = ended(sagemaker, "parts")
    emulator.heal()
    assert statuses(parts).count("Interrupted") == 1
    models, first = [], []
    for found in (whole, parts):
        assert found["TrainingJobStatus"] == "Completed", found
        name = found["TrainingJobName"]
        uri = found["ModelArtifacts"]["S3ModelArtifacts"]
        target = tmp_path / name
        s3.download_file(emulator.bucket, uri.split("/", 3)[3], str(target))
        models.append(load_artifact(target))
        first.append([line for line in printed(name) if "epoch=0," in line])
    # It has not begun again.
    assert len(first[0]) == len(first[1]) > 0
    np.testing.assert_array_equal(models[0].coef_, models[1].coef_)
    np.testing.assert_array_equal(models[0].intercept_, models[1].intercept_)
