"""Faults that are asked for, as clients of boto3 see them."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from tests.testing.jobs import job


def client(service, attempts, **more):
    retries = {"mode": "standard", "total_max_attempts": attempts}
    return boto3.client(service, config=Config(retries=retries, **more))


@pytest.fixture(autouse=True)
def healed(emulator):
    yield
    emulator.heal()


def test_a_refusal_that_clients_repeat(emulator):
    rule = emulator.fail("ListModels", code="ThrottlingException", times=2)
    before = emulator.calls.get("ListModels", 0)
    client("sagemaker", 3).list_models()
    assert (rule.seen, rule.done) == (3, 2)
    assert emulator.calls["ListModels"] == before + 3
    emulator.fail("ListModels", code="ThrottlingException", message="Rate exceeded")
    with pytest.raises(ClientError, match="Rate exceeded"):
        client("sagemaker", 2).list_models()


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDeniedException", 400),
        ("ExpiredTokenException", 400),
        ("ResourceLimitExceeded", 400),
    ],
)
def test_a_refusal_that_ends_it(emulator, code, status):
    rule = emulator.fail("ListModels", code=code, status=status, skip=1)
    sagemaker = client("sagemaker", 3)
    sagemaker.list_models()
    with pytest.raises(ClientError, match=code):
        sagemaker.list_models()
    assert rule.done == 1


def test_faults_of_s3(emulator):
    s3 = client("s3", 2)
    place = {"Bucket": emulator.bucket, "Key": "x"}
    emulator.fail("PutObject", code="AccessDenied", status=403, times=1)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(**place, Body=b"1")
    slow = emulator.fail("PutObject", code="SlowDown", status=503, times=1)
    s3.put_object(**place, Body=b"x" * 5000)
    assert slow.done == 1
    emulator.fail("GetObject", cut=100, times=1)
    with pytest.raises(ResponseStreamingError):
        s3.get_object(**place)["Body"].read()
    assert len(s3.get_object(**place)["Body"].read()) == 5000
    part = emulator.fail("UploadPart", code="InternalError", status=500, times=1)
    big = boto3.s3.transfer.TransferConfig(multipart_threshold=1, max_concurrency=1)
    body = emulator._folder / "big"
    body.write_bytes(bytes(6 << 20))
    client("s3", 3).upload_file(str(body), emulator.bucket, "big", Config=big)
    assert part.done == 1
    assert part.seen > 1


def test_a_reset_before_the_call_is_carried_out(emulator):
    emulator.fail("CreateTrainingJob", reset="before", times=1)
    client("sagemaker", 2).create_training_job(**job(emulator, "reset-before"))
    emulator.fail("ListModels", reset="before")
    with pytest.raises((ConnectionClosedError, ConnectionError)):
        client("sagemaker", 1).list_models()


def test_a_reset_after_it_hides_that_the_job_was_created(emulator, sagemaker):
    emulator.fail("CreateTrainingJob", reset="after", times=1)
    with pytest.raises(ClientError, match="ResourceInUse"):
        client("sagemaker", 2).create_training_job(**job(emulator, "reset-after"))
    sagemaker.describe_training_job(TrainingJobName="reset-after")


def test_a_slow_answer(emulator):
    rule = emulator.fail("ListModels", seconds=3.0)
    with pytest.raises(ReadTimeoutError):
        client("sagemaker", 1, read_timeout=0.3).list_models()
    assert rule.seen == 1


@pytest.mark.parametrize(
    ("fault", "said"), [({}, "Nothing happens"), ({"reset": "now"}, "'before' or")]
)
def test_faults_that_are_none(emulator, fault, said):
    with pytest.raises(ValueError, match=said):
        emulator.fail("ListModels", **fault)


def test_every_role_may_do_everything(emulator):
    found = boto3.client("iam").simulate_principal_policy(
        PolicySourceArn=emulator.role, ActionNames=["s3:PutObject", "ecr:Any"]
    )["EvaluationResults"]
    assert {item["EvalActionName"]: item["EvalDecision"] for item in found} == {
        "s3:PutObject": "allowed",
        "ecr:Any": "allowed",
    }


def test_a_user_of_studio_has_the_role(emulator, sagemaker):
    found = sagemaker.describe_user_profile(DomainId="d-1", UserProfileName="me")
    assert found["UserSettings"]["ExecutionRole"] == emulator.role
    assert sagemaker.describe_space(DomainId="d-1", SpaceName="mine")["SpaceArn"]
