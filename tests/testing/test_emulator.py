"""The server: who may ask, who answers, and what is left afterwards."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from sklearn_sagemaker.exceptions import OptionalDependencyError
from sklearn_sagemaker.testing import SageMakerEmulator
from sklearn_sagemaker.testing.shapes import service_model
from tests.testing.jobs import job


def code_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def status_of(request):
    """Status of a refusal, and its document if it is JSON."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as answer:
        text = answer.read()
    return answer.code, json.loads(text) if text[:1] == b"{" else text


def test_clients_come_here_and_only_in_the_context(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "REAL")
    monkeypatch.setenv("AWS_PROFILE", "real")
    before = dict(os.environ)
    with SageMakerEmulator() as emulator:
        found = boto3.client("sagemaker")
        assert found.meta.endpoint_url == emulator.url
        assert "REAL" not in emulator.environment().values()
        assert "AWS_PROFILE" not in os.environ
        assert found.list_training_jobs()["TrainingJobSummaries"] == []
        folder = emulator._folder
        assert folder.is_dir()
        with pytest.raises(RuntimeError, match="already"), SageMakerEmulator():
            pass
    assert dict(os.environ) == before
    assert not folder.exists()


@pytest.mark.slow
def test_each_has_a_state_of_its_own():
    for _ in range(2):
        with SageMakerEmulator(region="eu-west-1") as emulator:
            s3 = boto3.client("s3")
            buckets = [item["Name"] for item in s3.list_buckets()["Buckets"]]
            assert buckets == [emulator.bucket]
            s3.create_bucket(
                Bucket="mine",
                CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
            )


def test_a_child_process_talks_to_it_too(emulator):
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "123456789012"


def test_the_sdks_of_sagemaker_tell_aws_nothing(emulator):
    name = "SAGEMAKER_ADMIN_CONFIG_OVERRIDE"
    assert os.environ[name] == emulator.environment()[name]
    assert "TelemetryOptOut: true" in Path(os.environ[name]).read_text()


def test_moto_answers_for_the_other_services(emulator, s3):
    s3.put_object(Bucket=emulator.bucket, Key="ä b/+", Body=b"\0\xff" * 9)
    assert s3.head_object(Bucket=emulator.bucket, Key="ä b/+")["ContentLength"] == 18
    body = s3.get_object(Bucket=emulator.bucket, Key="ä b/+")["Body"].read()
    assert body == b"\0\xff" * 9
    role = boto3.client("iam").get_role(RoleName="SageMakerRole")["Role"]
    assert role["Arn"] == emulator.role
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName="mine")
    assert logs.describe_log_groups(logGroupNamePrefix="mi")["logGroups"]
    link = s3.generate_presigned_url(
        "get_object", Params={"Bucket": emulator.bucket, "Key": "ä b/+"}
    )
    with urllib.request.urlopen(link) as answer:
        assert answer.read() == b"\0\xff" * 9
    assert code_of(s3.get_object, Bucket=emulator.bucket, Key="no") == "NoSuchKey"


def test_a_role_that_was_assumed_may_ask(emulator):
    got = boto3.client("sts").assume_role(RoleArn=emulator.role, RoleSessionName="me")
    got = got["Credentials"]
    client = boto3.client(
        "sagemaker",
        aws_access_key_id=got["AccessKeyId"],
        aws_secret_access_key=got["SecretAccessKey"],
        aws_session_token=got["SessionToken"],
    )
    client.list_training_jobs()


def test_the_caller_has_the_role(emulator):
    # get_execution_role() of SageMaker's SDKs takes the role out of this.
    found = boto3.client("sts").get_caller_identity()
    account, name = emulator.role.split(":")[4], emulator.role.rpartition("/")[2]
    assert found["Arn"].startswith(f"arn:aws:sts::{account}:assumed-role/{name}/")
    assert found["Account"] == account


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("sagemaker", "list_models", "UnrecognizedClientException"),
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("iam", "list_roles", "InvalidClientTokenId"),
    ],
)
def test_other_keys_are_refused(emulator, service, call, code):
    client = boto3.client(
        service, aws_access_key_id="AKIAOTHER", aws_secret_access_key="x"
    )
    assert code_of(getattr(client, call)) == code


def test_a_foreign_host_is_refused(emulator):
    request = urllib.request.Request(emulator.url, headers={"Host": "evil.example"})
    assert status_of(request)[0] == 403


def test_what_is_no_operation_is_refused(emulator):
    request = urllib.request.Request(
        emulator.url,
        data=b"{}",
        headers={
            "X-Amz-Target": "SageMaker.Nonsense",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={emulator.access_key}"
            "/20260101/us-east-1/sagemaker/aws4_request",
        },
    )
    status, said = status_of(request)
    assert (status, said["__type"]) == (400, "UnknownOperationException")
    for body in (b"{", b"[]"):
        request.data = body
        request.headers["X-amz-target"] = "SageMaker.ListModels"
        status, said = status_of(request)
        assert (status, said["__type"]) == (400, "SerializationException")


def test_every_operation_is_one_of_the_service(emulator):
    names = emulator._resources.operations()
    assert set(names) <= set(service_model().operation_names)


def test_a_resource_without_tags_has_an_empty_list(emulator, sagemaker):
    request = job(emulator, "untagged")
    arn = sagemaker.create_training_job(**request)["TrainingJobArn"]
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == []
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == []


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "werkzeug.serving", None)
    with (
        pytest.raises(OptionalDependencyError, match=r"sklearn_sagemaker\[testing\]"),
        SageMakerEmulator(),
    ):
        pass


def test_its_import_is_light():
    code = (
        "import sys, sklearn_sagemaker.testing; "
        "heavy = {'boto3', 'moto', 'numpy', 'sklearn', 'werkzeug'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_a_scale_below_zero_is_refused():
    with pytest.raises(ValueError, match="scale=-1"):
        SageMakerEmulator(scale=-1)


def test_a_refused_head_has_no_body(emulator, s3):
    link = s3.generate_presigned_url(
        "head_object", Params={"Bucket": emulator.bucket, "Key": "none"}
    )
    place = urllib.parse.urlsplit(link)
    emulator.fail("HeadObject", code="AccessDenied", status=403, times=1)
    target = link.removeprefix(emulator.url)
    with (
        socket.create_connection((place.hostname, place.port), 60) as connection,
        connection.makefile("rb") as answer,
    ):
        connection.sendall(
            f"HEAD {target} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode()
        )
        found = answer.read()
    assert found.startswith(b"HTTP/1.1 403")
    assert found.endswith(b"\r\n\r\n")


def test_a_bucket_of_another_owner_is_closed(emulator, s3):
    place = {"Bucket": emulator.bucket, "Key": "x", "Body": b""}
    s3.put_object(**place, ExpectedBucketOwner="123456789012")
    code = code_of(s3.put_object, **place, ExpectedBucketOwner="111122223333")
    assert code == "AccessDenied"


def test_built_in_images_are_described(emulator):
    ecr = boto3.client("ecr")
    name = {"registryId": "382416733822", "repositoryName": "linear-learner"}
    [found] = ecr.describe_images(**name)["imageDetails"]
    assert found["imageTags"] == ["1", "latest"]
    wrong = [{"imageTag": "7"}]
    assert code_of(ecr.describe_images, **name, imageIds=wrong) == (
        "ImageNotFoundException"
    )
    other = {**name, "registryId": "111122223333"}
    assert code_of(ecr.describe_images, **other) == "RepositoryNotFoundException"


EXPLICIT = """
import boto3
sts = boto3.client("sts", endpoint_url="https://sts.us-east-1.amazonaws.com")
print(sts.get_caller_identity()["Account"])
s3 = boto3.client("s3", endpoint_url="https://s3.us-east-1.amazonaws.com")
print(s3.list_objects_v2(Bucket="sagemaker-us-east-1-123456789012")["Name"])
"""


def test_clients_that_are_told_another_address_stay_here(emulator, capsys):
    # As SageMaker's SDK v2 does for STS.
    expected = "123456789012\nsagemaker-us-east-1-123456789012\n"
    exec(EXPLICIT, {})
    assert capsys.readouterr().out == expected
    found = subprocess.run(
        [sys.executable, "-c", EXPLICIT], capture_output=True, text=True, check=True
    )
    assert found.stdout == expected
