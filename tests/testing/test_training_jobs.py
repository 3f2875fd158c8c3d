"""Training jobs, executed: statuses, logs, metrics, artifacts, refusals."""

import io
import re
import tarfile
import time
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from sklearn_sagemaker.testing.images import ACCOUNTS, is_ours
from sklearn_sagemaker.testing.shapes import service_model
from tests.testing.jobs import (
    GROUP,
    channel,
    ended,
    job,
    measured,
    printed,
    run,
    until_printed,
)


def passed(found):
    return [item["Status"] for item in found["SecondaryStatusTransitions"]]


def archive(s3, emulator, name, member):
    body = s3.get_object(Bucket=emulator.bucket, Key=f"out/{name}/output/{member}")
    with tarfile.open(fileobj=io.BytesIO(body["Body"].read())) as found:
        return {
            item.name: found.extractfile(item).read().decode()
            for item in found
            if item.isfile()
        }


def refusal(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def check_shape(shape, value, path=""):
    """Required members are there, choices are of the list, no structure is empty."""
    if shape.type_name == "structure":
        for name in shape.required_members:
            assert name in value, f"{path}.{name} is missing"
        for name, item in value.items():
            member = shape.members[name]
            if name not in shape.required_members and member.type_name != "map":
                assert item != {}, f"{path}.{name} is empty"
            check_shape(member, item, f"{path}.{name}")
    elif shape.type_name == "list":
        for item in value:
            check_shape(shape.member, item, f"{path}[]")
    elif shape.metadata.get("enum"):
        assert value in shape.metadata["enum"], f"{path} is {value}"


def test_a_job_from_data_to_artifacts(emulator, sagemaker, s3):
    s3.put_object(Bucket=emulator.bucket, Key="in/train/a.csv", Body=b"1,2")
    s3.put_object(Bucket=emulator.bucket, Key="in/train/more/b.csv", Body=b"3,4")
    do = """
folder = path("input/data/train")
put(open(folder + "/a.csv").read() + open(folder + "/more/b.csv").read(), "model/m")
put("other", "output/data/o")
print("loss=3.5;"); print("loss=2.5;", flush=True)
print(os.environ["TRAINING_JOB_NAME"], os.environ.get("MINE"), sorted(
    set(os.environ) & {"AWS_PROFILE", "AWS_REGION", "LD_PRELOAD"}), file=sys.stderr)
"""
    request = job(
        emulator,
        "whole",
        do,
        channels=[channel(emulator, "train", "in/train", ContentType="text/csv")],
        Tags=[{"Key": "team", "Value": "a"}],
        Environment={"MINE": "1", "LD_PRELOAD": "x", "AWS_PROFILE": "y"},
    )
    request["AlgorithmSpecification"]["MetricDefinitions"] = [
        {"Name": "loss", "Regex": "loss=(.*?);"}
    ]
    arn = sagemaker.create_training_job(**request)["TrainingJobArn"]
    found = ended(sagemaker, "whole")
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    expected = ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert passed(found) == expected
    assert all(item["StatusMessage"] for item in found["SecondaryStatusTransitions"])
    assert found["TrainingTimeInSeconds"] == found["BillableTimeInSeconds"] >= 1
    assert found["OutputDataConfig"]["KmsKeyId"] == ""
    [metric] = found["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("loss", 2.5)
    uri = f"s3://{emulator.bucket}/out/whole/output/model.tar.gz"
    assert found["ModelArtifacts"]["S3ModelArtifacts"] == uri
    assert archive(s3, emulator, "whole", "model.tar.gz") == {"m": "1,23,4"}
    assert archive(s3, emulator, "whole", "output.tar.gz") == {"o": "other"}
    logs = boto3.client("logs")
    [stream] = logs.describe_log_streams(
        logGroupName=GROUP, logStreamNamePrefix="whole/"
    )["logStreams"]
    assert re.fullmatch(r"whole/algo-1-\d+", stream["logStreamName"])
    assert set(printed("whole")) == {"loss=3.5;", "loss=2.5;", "whole 1 ['AWS_REGION']"}
    points = measured(found, "loss")
    assert sum(point["SampleCount"] for point in points) == 2
    tags = sagemaker.list_tags(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "team", "Value": "a"}]
    found.pop("ResponseMetadata")
    model = service_model().operation_model("DescribeTrainingJob")
    check_shape(model.output_shape, found)


def test_a_program_has_no_way_to_aws(emulator, sagemaker, monkeypatch, tmp_path):
    (tmp_path / ".aws").mkdir()
    secret = "[default]\naws_access_key_id = AKIAX\naws_secret_access_key = x\n"
    (tmp_path / ".aws" / "credentials").write_text(secret)
    monkeypatch.setenv("HOME", str(tmp_path))
    # Python's own folder for packages is in HOME.
    place = str(Path(boto3.__file__).parents[1])
    do = f"""
sys.path.append({place!r})
import boto3
client = boto3.client("s3", region_name="us-east-1")
print(boto3.session.Session().get_credentials(), client.meta.endpoint_url)
"""
    assert run(emulator, sagemaker, "no-way", do)["TrainingJobStatus"] == "Completed"
    assert printed("no-way") == [f"None {emulator.url}"]


def test_temporary_files_are_in_the_folder_of_the_job(emulator, sagemaker):
    do = "print(os.path.relpath(os.environ['TMPDIR'], root), os.environ['TMPDIR'])"
    run(emulator, sagemaker, "temporary", do)
    [line] = printed("temporary")
    name, folder = line.split()
    assert name == "tmp"
    assert not Path(folder).exists()


def test_logs_come_while_it_runs(emulator, sagemaker):
    request = job(emulator, "talks", 'print("hello", flush=True); time.sleep(60)')
    sagemaker.create_training_job(**request)
    assert until_printed("talks") == ["hello"]
    found = sagemaker.describe_training_job(TrainingJobName="talks")
    assert found["SecondaryStatus"] == "Training"
    sagemaker.stop_training_job(TrainingJobName="talks")
    assert ended(sagemaker, "talks")["TrainingJobStatus"] == "Stopped"


def test_a_failure_says_why(emulator, sagemaker):
    do = 'put("ClientError: wrong data", "output/failure"); sys.exit(7)'
    found = run(emulator, sagemaker, "fails", do)
    assert found["TrainingJobStatus"] == found["SecondaryStatus"] == "Failed"
    assert found["FailureReason"] == "ClientError: wrong data, exit code: 7"
    found = run(emulator, sagemaker, "fails-mute", "sys.exit(3)")
    assert found["FailureReason"].startswith("AlgorithmError: ")


def test_a_stop_is_a_request_then_an_order(emulator, sagemaker, s3, monkeypatch):
    monkeypatch.setattr("sklearn_sagemaker.testing.account.LEAST_SECONDS", 1.0)
    wait = 'print("up", flush=True); time.sleep(60)'
    gently = f'signal.signal(15, lambda *_: (put("x", "model/m"), sys.exit(1)))\n{wait}'
    deaf = f"signal.signal(15, signal.SIG_IGN)\n{wait}"
    for name, do in (("gently", gently), ("deaf", deaf)):
        sagemaker.create_training_job(**job(emulator, name, do))
        until_printed(name)
        sagemaker.stop_training_job(TrainingJobName=name)
        found = ended(sagemaker, name)
        assert found["TrainingJobStatus"] == "Stopped"
        assert passed(found)[-2:] == ["Stopping", "Stopped"]
    assert archive(s3, emulator, "gently", "model.tar.gz") == {"m": "x"}


def test_a_job_that_takes_too_long_is_stopped(emulator, sagemaker):
    limit = {"MaxRuntimeInSeconds": 1}
    found = run(emulator, sagemaker, "slow", "time.sleep(60)", StoppingCondition=limit)
    assert found["TrainingJobStatus"] == "Stopped"
    assert found["SecondaryStatus"] == "MaxRuntimeExceeded"


def test_the_list_has_filters_order_and_pages(emulator, sagemaker):
    for name in ("list-b", "list-a", "list-c"):
        run(emulator, sagemaker, name, "sys.exit(1)" if name == "list-c" else "")

    def names(**filters):
        pages = sagemaker.get_paginator("list_training_jobs")
        return [
            item["TrainingJobName"]
            for page in pages.paginate(
                NameContains="list-", PaginationConfig={"PageSize": 2}, **filters
            )
            for item in page["TrainingJobSummaries"]
        ]

    assert names() == ["list-b", "list-a", "list-c"]
    assert names(SortOrder="Descending") == ["list-c", "list-a", "list-b"]
    assert names(SortBy="Name", SortOrder="Ascending") == ["list-a", "list-b", "list-c"]
    assert names(StatusEquals="Failed") == ["list-c"]
    assert names(CreationTimeAfter=time.time() + 60) == []
    answer = sagemaker.list_training_jobs(MaxResults=1)
    answer.pop("ResponseMetadata")
    check_shape(
        service_model().operation_model("ListTrainingJobs").output_shape, answer
    )
    code, _ = refusal(sagemaker.list_training_jobs, NextToken="nonsense")
    assert code == "ValidationException"


def test_a_name_is_taken_until_the_job_is_deleted(emulator, sagemaker):
    run(emulator, sagemaker, "again")
    code, said = refusal(sagemaker.create_training_job, **job(emulator, "again"))
    assert (code, "already exists" in said) == ("ResourceInUse", True)
    code, said = refusal(sagemaker.stop_training_job, TrainingJobName="again")
    assert (code, "in status Completed" in said) == ("ValidationException", True)
    sagemaker.delete_training_job(TrainingJobName="again")
    code, said = refusal(sagemaker.describe_training_job, TrainingJobName="again")
    assert (code, said) == ("ValidationException", "Requested resource not found.")
    run(emulator, sagemaker, "again")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"TrainingJobName": "bad name"}, "'trainingJobName' failed to satisfy"),
        ({"TrainingJobName": "a" * 64}, "length less than or equal to 63"),
        ({"RoleArn": "arn:aws:iam::1:user/x/and/more"}, "'roleArn' failed"),
        ({"HyperParameters": {"a": "x" * 2501}}, "less than or equal to 2500"),
        ({"HyperParameters": {str(i): "" for i in range(101)}}, "equal to 100"),
        ({"OutputDataConfig": {"S3OutputPath": "http://x"}}, "s3OutputPath"),
        ({"EnableManagedSpotTraining": True}, "MaxWaitTimeInSeconds"),
    ],
)
def test_bad_requests_are_refused(emulator, sagemaker, change, said):
    request = {**job(emulator, "bad"), **change}
    code, message = refusal(sagemaker.create_training_job, **request)
    assert code == "ValidationException"
    assert said in message


def test_more_bad_requests_are_refused(emulator, sagemaker):
    request = job(emulator, "bad")
    request["ResourceConfig"]["InstanceCount"] = 101
    assert "at most" in refusal(sagemaker.create_training_job, **request)[1]
    for path in ("/tmp/x", "/opt/ml/../x", "/opt/ml"):
        kept = {"S3Uri": "s3://bucket/x", "LocalPath": path}
        request = job(emulator, "bad", CheckpointConfig=kept)
        said = refusal(sagemaker.create_training_job, **request)[1]
        assert "below /opt/ml" in said
    request = job(emulator, "bad")
    request["AlgorithmSpecification"]["MetricDefinitions"] = [
        {"Name": "x", "Regex": "no group"}
    ]
    assert "no group" in refusal(sagemaker.create_training_job, **request)[1]
    twice = [channel(emulator, "a", "x"), channel(emulator, "a", "y")]
    request = job(emulator, "bad", channels=twice)
    assert "unique" in refusal(sagemaker.create_training_job, **request)[1]


def test_images_that_cannot_run_fail_with_a_sentence(emulator, sagemaker):
    found = run(emulator, sagemaker, "foreign", image="example.com/other:1")
    assert 'emulator.image("...' in found["FailureReason"]
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"
    found = run(emulator, sagemaker, "registry", image=image)
    assert "382416733822" in found["FailureReason"]
    with pytest.raises(ValueError, match="list of a program"):
        emulator.image("x", "program")


@pytest.mark.parametrize("region", sorted(ACCOUNTS))
def test_built_in_images_run_our_program(region):
    host = f"{ACCOUNTS[region]}.dkr.ecr.{region}.amazonaws.com"
    assert is_ours(f"{host}/linear-learner:1")
    assert is_ours(f"{host}/factorization-machines:latest")
    assert not is_ours(f"{host}/xgboost:1")
    assert is_ours("123456789012.dkr.ecr.x.amazonaws.com/sklearn-sagemaker:0.1")
    assert not is_ours(f"111122223333.dkr.ecr.{region}.amazonaws.com/linear-learner:1")


def test_a_metric_that_is_no_number_is_passed_over(emulator, sagemaker):
    do = "print('loss=2;'); print('loss=nan;'); print('loss=inf;'); print('end')"
    request = job(emulator, "diverges", do)
    metrics = [{"Name": "loss", "Regex": "loss=([^;]+);"}]
    request["AlgorithmSpecification"]["MetricDefinitions"] = metrics
    sagemaker.create_training_job(**request)
    found = ended(sagemaker, "diverges")
    assert [one["Value"] for one in found["FinalMetricDataList"]] == [2.0]
    # The log goes on.
    assert printed("diverges")[-1] == "end"
