"""What an emulator keeps in a folder, and the next one finds there."""

import json
import os
import signal
import subprocess
import sys
import time

import boto3
import pytest

from sklearn_sagemaker.exceptions import StoredStateError
from sklearn_sagemaker.testing import SageMakerEmulator
from tests.testing import tuning
from tests.testing.jobs import (
    IMAGE,
    PROGRAM,
    SERVE,
    SERVER,
    configure,
    ended,
    in_service,
    job,
    measured,
    printed,
    run,
)

LOSS = [{"Name": "loss", "Regex": r"loss=(\S+);"}]


def emulator(folder):
    made = SageMakerEmulator(state=folder)
    made.image(IMAGE, [sys.executable, "-I", "-S", "-c", PROGRAM])
    made.image(SERVER, [sys.executable, "-I", "-S", "-c", SERVE])
    return made


@pytest.mark.slow
def test_all_of_it_is_there_again(tmp_path):
    with emulator(tmp_path / "state") as first:
        sagemaker, s3 = boto3.client("sagemaker"), boto3.client("s3")
        request = job(first, "kept", 'print("loss=2.5;"); put("m", "model/m")')
        request["AlgorithmSpecification"]["MetricDefinitions"] = LOSS
        request["Tags"] = [{"Key": "team", "Value": "a"}]
        sagemaker.create_training_job(**request)
        ended(sagemaker, "kept")
        run(first, sagemaker, "other")
        uri = f"s3://{first.bucket}/out/kept/output/model.tar.gz"
        image = {"Image": SERVER, "ModelDataUrl": uri}
        model = {"ExecutionRoleArn": first.role, "PrimaryContainer": image}
        sagemaker.create_model(ModelName="kept", **model)
        configure(sagemaker, "kept", "kept")
        sagemaker.create_endpoint(EndpointName="kept", EndpointConfigName="kept")
        in_service(sagemaker, "kept")
        # An endpoint runs without them.
        sagemaker.delete_endpoint_config(EndpointConfigName="kept")
        sagemaker.delete_model(ModelName="kept")
        sagemaker.create_model(ModelName="left", **model)
        sagemaker.create_model_package_group(ModelPackageGroupName="group")
        boto3.client("iam").create_role(RoleName="mine", AssumeRolePolicyDocument="{}")
        sagemaker.create_pipeline(
            PipelineName="p",
            PipelineDefinition='{"Version": "2020-12-01", "Steps": []}',
            ClientRequestToken="x" * 32,
            RoleArn=first.role,
        )
        body = {"Bucket": first.bucket, "Key": "ä/b"}
        s3.put_object(**body, Body=b"\0\xff", Metadata={"a": "b"}, ContentType="x/y")
        place = {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket="mine", CreateBucketConfiguration=place)
        sagemaker.create_training_job(**job(first, "runs", "time.sleep(600)"))
        before = sagemaker.describe_training_job(TrainingJobName="kept")
        lines = printed("kept")
        stored = s3.get_object(Bucket=first.bucket, Key=uri.split("/", 3)[3])
        artifact = stored["Body"].read()
        assert (before["TrainingJobStatus"], lines) == ("Completed", ["loss=2.5;"])

    with emulator(tmp_path / "state") as second:
        sagemaker, s3 = boto3.client("sagemaker"), boto3.client("s3")
        after = sagemaker.describe_training_job(TrainingJobName="kept")
        before.pop("ResponseMetadata")
        after.pop("ResponseMetadata")
        assert after == before
        arn = after["TrainingJobArn"]
        assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == request["Tags"]
        assert printed("kept") == lines
        assert [point["Average"] for point in measured(after, "loss")] == [2.5]
        found = s3.get_object(Bucket=second.bucket, Key=uri.split("/", 3)[3])
        assert found["Body"].read() == artifact
        found = s3.get_object(**body)
        assert found["Body"].read() == b"\0\xff"
        assert (found["Metadata"], found["ContentType"]) == ({"a": "b"}, "x/y")
        place = s3.get_bucket_location(Bucket="mine")["LocationConstraint"]
        assert place == "eu-west-1"
        lost = sagemaker.describe_training_job(TrainingJobName="runs")
        assert lost["TrainingJobStatus"] == lost["SecondaryStatus"] == "Failed"
        assert "emulator ended" in lost["FailureReason"]
        models = sagemaker.list_models()["Models"]
        assert [model["ModelName"] for model in models] == ["left"]
        groups = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
        assert len(groups) == 1
        iam = boto3.client("iam")
        assert iam.get_role(RoleName="mine")["Role"]["RoleName"] == "mine"
        sagemaker.describe_pipeline(PipelineName="p")
        sagemaker.delete_pipeline(PipelineName="p", ClientRequestToken="x" * 32)
        # An endpoint starts again.
        assert in_service(sagemaker, "kept")["EndpointStatus"] == "InService"
        runtime = boto3.client("sagemaker-runtime")
        answer = runtime.invoke_endpoint(EndpointName="kept", Body=b"1")
        assert answer["Body"].read() == b"served"
        sagemaker.delete_endpoint(EndpointName="kept")
        sagemaker.delete_training_job(TrainingJobName="kept")
        s3.delete_object(**body)

    with emulator(tmp_path / "state"):
        sagemaker = boto3.client("sagemaker")
        assert sagemaker.list_endpoints()["Endpoints"] == []
        assert sagemaker.list_pipelines()["PipelineSummaries"] == []
        boto3.client("iam").get_role(RoleName="mine")
        jobs = sagemaker.list_training_jobs()["TrainingJobSummaries"]
        assert {job["TrainingJobName"] for job in jobs} == {"other", "runs"}
    # Nothing is kept that nothing names, and no key.
    text = (tmp_path / "state" / "state.json").read_text()
    assert "AKIA" not in text
    names = {path.name for path in (tmp_path / "state" / "objects").iterdir()}
    assert all(name in text for name in names)
    assert "ä/b" not in json.loads(text)


@pytest.mark.slow
def test_tuning_jobs_are_there_again(tmp_path):
    with emulator(tmp_path / "state") as first:
        before = tuning.run(first, "kept", asked=tuning.config(jobs=1))
        lists = tuning.children("kept")
        tuning.create(first, "ran", "time.sleep(600)")
        while len(tuning.children("ran")) < 2:
            time.sleep(0.02)
    with emulator(tmp_path / "state") as second:
        after = tuning.described("kept")
        before.pop("ResponseMetadata")
        after.pop("ResponseMetadata")
        assert after == before
        assert tuning.children("kept") == lists
        lost = tuning.described("ran")
        assert lost["HyperParameterTuningJobStatus"] == "Failed"
        assert "emulator ended" in lost["FailureReason"]
        counters = lost["TrainingJobStatusCounters"]
        assert (counters["RetryableError"], counters["InProgress"]) == (2, 0)
        start = {
            "ParentHyperParameterTuningJobs": [{tuning.NAME: "kept"}],
            "WarmStartType": "IdenticalDataAndAlgorithm",
        }
        asked = tuning.config(jobs=1, RandomSeed=2)
        found = tuning.run(second, "next", asked=asked, WarmStartConfig=start)
        assert found["OverallBestTrainingJob"]


KILLED = """
import sys, time, boto3
from sklearn_sagemaker.testing import SageMakerEmulator
with SageMakerEmulator(state=sys.argv[1]) as emulator:
    s3 = boto3.client("s3")
    for number in range(10_000):
        key = f"{number % 50}"
        s3.put_object(Bucket=emulator.bucket, Key=key, Body=str(number).encode() * 99)
        print(number, flush=True)
"""


def saved(folder):
    try:
        return '"key"' in (folder / "state.json").read_text()
    except FileNotFoundError:
        return False


def test_it_is_whole_when_the_emulator_is_killed(tmp_path):
    program = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with program:
        end = time.monotonic() + 60
        # Until it has been saved with an object at least once.
        while time.monotonic() < end and not saved(tmp_path):
            assert program.stdout.readline()
        for _ in range(20):
            assert program.stdout.readline()
        program.send_signal(signal.SIGKILL)
    (tmp_path / ".unfinished-1").write_text("half")
    with emulator(tmp_path) as again:
        s3 = boto3.client("s3")
        found = s3.list_objects_v2(Bucket=again.bucket)["Contents"]
        for item in found:
            body = s3.get_object(Bucket=again.bucket, Key=item["Key"])["Body"].read()
            assert len(body) % 99 == 0
            assert int(body[: len(body) // 99]) % 50 == int(item["Key"])
    assert not (tmp_path / ".unfinished-1").exists()


@pytest.mark.slow
def test_one_emulator_uses_a_folder(tmp_path):
    code = (
        "import sys; from sklearn_sagemaker.testing import SageMakerEmulator\n"
        "with SageMakerEmulator(state=sys.argv[1]): print('in')"
    )
    with emulator(tmp_path):
        found = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True
        )
    assert "Another emulator uses" in found.stderr
    assert found.stdout == ""


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(StoredStateError, match="folder of its own"), emulator(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        ('{"version": 0}', "another version"),
        ('{"version": 1, "buckets": [{}], "groups": []}', "damaged"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, text, said):
    (tmp_path / "state.json").write_text(text)
    before = dict(os.environ)
    with pytest.raises(StoredStateError, match=said), emulator(tmp_path):
        pass
    assert (tmp_path / "state.json").read_text() == text
    assert dict(os.environ) == before
    # The next one may start.
    with SageMakerEmulator():
        pass
