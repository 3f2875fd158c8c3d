"""Compilation jobs: they copy an artifact, say so, and it is served."""

import time

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.testing.jobs import read

SOURCE = "compiled/model.tar.gz"


def compilation(emulator, name, key=SOURCE, **output):
    return {
        "CompilationJobName": name,
        "RoleArn": emulator.role,
        "InputConfig": {
            "S3Uri": f"s3://{emulator.bucket}/{key}",
            "DataInputConfig": '{"data": [1, 4]}',
            "Framework": "MXNET",
        },
        "OutputConfig": {
            "S3OutputLocation": f"s3://{emulator.bucket}/neo/",
            **(output or {"TargetDevice": "ml_c5"}),
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 900},
    }


def ended(sagemaker, name):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = sagemaker.describe_compilation_job(CompilationJobName=name)
        if found["CompilationJobStatus"] in ("COMPLETED", "FAILED", "STOPPED"):
            return found
        time.sleep(0.02)
    raise AssertionError(found)


def test_the_artifact_is_copied(emulator, sagemaker, s3):
    s3.put_object(Bucket=emulator.bucket, Key=SOURCE, Body=b"bytes")
    sagemaker.create_compilation_job(**compilation(emulator, "copies"))
    found = ended(sagemaker, "copies")
    assert found["CompilationJobStatus"] == "COMPLETED", found
    uri = f"s3://{emulator.bucket}/neo/model-ml_c5.tar.gz"
    assert found["ModelArtifacts"] == {"S3ModelArtifacts": uri}
    assert read(s3, emulator, "neo/model-ml_c5.tar.gz") == b"bytes"
    # One that runs at the emulator.
    assert emulator._images.command(found["InferenceImage"]) is not None
    [event] = boto3.client("logs").get_log_events(
        logGroupName="/aws/sagemaker/CompilationJobs", logStreamName="copies"
    )["events"]
    assert event["message"].startswith("The emulator compiles nothing")
    [item] = sagemaker.list_compilation_jobs(StatusEquals="COMPLETED")[
        "CompilationJobSummaries"
    ]
    assert item["CompilationTargetDevice"] == "ml_c5"
    with pytest.raises(ClientError, match="already exists"):
        sagemaker.create_compilation_job(**compilation(emulator, "copies"))
    sagemaker.delete_compilation_job(CompilationJobName="copies")
    with pytest.raises(ClientError, match="Could not find compilation job"):
        sagemaker.describe_compilation_job(CompilationJobName="copies")


def test_a_platform_has_no_image(emulator, sagemaker, s3):
    s3.put_object(Bucket=emulator.bucket, Key=SOURCE, Body=b"bytes")
    platform = {"Os": "LINUX", "Arch": "ARM64"}
    request = compilation(emulator, "arm", TargetPlatform=platform)
    sagemaker.create_compilation_job(**request)
    found = ended(sagemaker, "arm")
    assert found["CompilationJobStatus"] == "COMPLETED", found
    assert "InferenceImage" not in found
    assert found["ModelArtifacts"]["S3ModelArtifacts"].endswith("-LINUX_ARM64.tar.gz")


def test_ends_that_are_not_good(emulator, sagemaker):
    sagemaker.create_compilation_job(**compilation(emulator, "lacks", "none.tar.gz"))
    found = ended(sagemaker, "lacks")
    assert found["CompilationJobStatus"] == "FAILED"
    assert "ClientError: Model download failed" in found["FailureReason"]
    emulator.fail("CreateCompilationJob", ends="InProgress", times=1)
    sagemaker.create_compilation_job(**compilation(emulator, "stops"))
    with pytest.raises(ClientError, match="in status (STARTING|INPROGRESS)"):
        sagemaker.delete_compilation_job(CompilationJobName="stops")
    sagemaker.stop_compilation_job(CompilationJobName="stops")
    assert ended(sagemaker, "stops")["CompilationJobStatus"] == "STOPPED"
    with pytest.raises(ClientError, match="either a TargetDevice or a TargetPlatform"):
        sagemaker.create_compilation_job(**compilation(emulator, "x", KmsKeyId="k"))
