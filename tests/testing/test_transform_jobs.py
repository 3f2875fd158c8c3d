"""Batch transforms, executed."""

import io
import json
import tarfile
import time

import boto3
import numpy as np
import pytest
from botocore.exceptions import ClientError

from sklearn_sagemaker import LinearLearnerRegressor, save_artifact
from sklearn_sagemaker.io import write_recordio
from sklearn_sagemaker.testing.errors import JobError
from sklearn_sagemaker.testing.shapes import service_model
from sklearn_sagemaker.testing.splitting import bodies
from tests.testing.jobs import LINEAR
from tests.testing.test_training_jobs import check_shape

ROWS = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def model(emulator, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.tar.gz"
    estimator = LinearLearnerRegressor(epochs=1, num_models=1, random_state=0)
    save_artifact(estimator.fit(ROWS, ROWS[:, 0]), path)
    boto3.client("s3").upload_file(str(path), emulator.bucket, "model.tar.gz")
    boto3.client("sagemaker").create_model(
        ModelName="lines",
        ExecutionRoleArn=emulator.role,
        PrimaryContainer={
            "Image": LINEAR,
            "ModelDataUrl": f"s3://{emulator.bucket}/model.tar.gz",
        },
    )
    return "lines"


def transform(emulator, name, model, content_type, split, accept, **more):
    sagemaker = boto3.client("sagemaker")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{emulator.bucket}/{name}/"}
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=model,
        TransformInput={
            "DataSource": {"S3DataSource": source},
            "ContentType": content_type,
            "SplitType": split,
        },
        TransformOutput={
            "S3OutputPath": f"s3://{emulator.bucket}/answers/{name}",
            "Accept": accept,
            "AssembleWith": "Line",
        },
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **more,
    )
    return wait(sagemaker, name)


def wait(sagemaker, name):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = sagemaker.describe_transform_job(TransformJobName=name)
        if found["TransformJobStatus"] not in ("InProgress", "Stopping"):
            return found
        time.sleep(0.02)
    raise AssertionError(found)


def answers(emulator, s3, key):
    found = s3.get_object(Bucket=emulator.bucket, Key=f"answers/{key}")
    return [json.loads(line)["score"] for line in found["Body"].read().splitlines()]


def test_lines_of_all_objects_are_answered(emulator, s3, sagemaker, model):
    lines = [",".join(map(str, row)) for row in ROWS]
    for key, part in (("a.csv", lines[:15]), ("more/b.csv", lines[15:])):
        body = "\n".join(part).encode()
        s3.put_object(Bucket=emulator.bucket, Key=f"csv/{key}", Body=body)
    jsonlines = "application/jsonlines"
    options = {"MaxConcurrentTransforms": 4, "BatchStrategy": "SingleRecord"}
    found = transform(emulator, "csv", model, "text/csv", "Line", jsonlines, **options)
    assert found["TransformJobStatus"] == "Completed", found.get("FailureReason")
    first = answers(emulator, s3, "csv/a.csv.out")
    second = answers(emulator, s3, "csv/more/b.csv.out")
    assert (len(first), len(second)) == (15, 5)
    found.pop("ResponseMetadata")
    model_of = service_model().operation_model
    check_shape(model_of("DescribeTransformJob").output_shape, found)
    listed = sagemaker.list_transform_jobs(NameContains="csv")
    listed.pop("ResponseMetadata")
    check_shape(model_of("ListTransformJobs").output_shape, listed)
    assert len(listed["TransformJobSummaries"]) == 1
    # Records give the same, in one request.
    stream = io.BytesIO()
    write_recordio(stream, ROWS)
    s3.put_object(Bucket=emulator.bucket, Key="rec/x", Body=stream.getvalue())
    recordio = "application/x-recordio-protobuf"
    found = transform(emulator, "rec", model, recordio, "RecordIO", jsonlines)
    assert found["TransformJobStatus"] == "Completed", found.get("FailureReason")
    np.testing.assert_allclose(
        answers(emulator, s3, "rec/x.out"), first + second, rtol=1e-5
    )


def test_an_object_that_fails_fails_the_job(emulator, s3, model):
    s3.put_object(Bucket=emulator.bucket, Key="bad/x", Body=b"1,2\nnone,2\n")
    found = transform(emulator, "bad", model, "text/csv", "Line", "application/json")
    assert found["TransformJobStatus"] == "Failed"
    assert "400" in found["FailureReason"]
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=emulator.bucket, Key="answers/bad/x.out")
    found = transform(emulator, "none", model, "text/csv", "Line", "application/json")
    assert "No S3 objects found" in found["FailureReason"]


def test_refusals(emulator, sagemaker, model):
    with pytest.raises(ClientError, match="Could not find model"):
        transform(emulator, "x", "other", "text/csv", "Line", "text/csv")
    join = {"JoinSource": "Input"}
    with pytest.raises(ClientError, match="join"):
        transform(
            emulator, "x", model, "text/csv", "Line", "text/csv", DataProcessing=join
        )
    with pytest.raises(ClientError, match="Could not find requested job"):
        sagemaker.stop_transform_job(TransformJobName="unknown")


def test_a_job_is_stopped(emulator, s3, sagemaker, tmp_path):
    with tarfile.open(tmp_path / "m.tar.gz", "w:gz"):
        pass
    s3.upload_file(str(tmp_path / "m.tar.gz"), emulator.bucket, "empty.tar.gz")
    emulator.image("example.com/sleeps:1", ["tail", "-f", "/dev/null", "/dev/null"])
    sagemaker.create_model(
        ModelName="sleeps",
        ExecutionRoleArn=emulator.role,
        PrimaryContainer={
            "Image": "example.com/sleeps:1",
            "ModelDataUrl": f"s3://{emulator.bucket}/empty.tar.gz",
        },
    )
    s3.put_object(Bucket=emulator.bucket, Key="stops/x", Body=b"1")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{emulator.bucket}/stops/"}
    sagemaker.create_transform_job(
        TransformJobName="stops",
        ModelName="sleeps",
        TransformInput={"DataSource": {"S3DataSource": source}},
        TransformOutput={"S3OutputPath": f"s3://{emulator.bucket}/answers"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    sagemaker.stop_transform_job(TransformJobName="stops")
    assert wait(sagemaker, "stops")["TransformJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="in status Stopped"):
        sagemaker.stop_transform_job(TransformJobName="stops")


def test_bodies_are_full_or_single():
    data = b"a\nbb\n\nccc"
    single = list(bodies(data, "Line", many=False, most_bytes=9))
    assert single == [b"a\n", b"bb\n", b"ccc\n"]
    assert list(bodies(data, "Line", many=True, most_bytes=5)) == [b"a\nbb\n", b"ccc\n"]
    assert list(bodies(data, "None", many=True, most_bytes=9)) == [data]
    for split, wrong in (("Line", b"long line"), ("None", data), ("RecordIO", data)):
        with pytest.raises(JobError):
            list(bodies(wrong, split, many=True, most_bytes=8))
