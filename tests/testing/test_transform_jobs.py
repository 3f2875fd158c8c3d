"""Batch transforms, executed."""

import gzip
import io
import json
import re
import socket
import sys
import tarfile
import time

import boto3
import numpy as np
import pytest
from botocore.exceptions import ClientError

from sklearn_sagemaker import LinearLearnerRegressor, save_artifact
from sklearn_sagemaker.io import write_recordio
from sklearn_sagemaker.testing.errors import JobError
from sklearn_sagemaker.testing.model_server import free_port
from sklearn_sagemaker.testing.recordio import wrapped
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
    request = {
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "ContentType": content_type,
            "SplitType": split,
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://{emulator.bucket}/answers/{name}",
            **({} if accept is None else {"Accept": accept}),
            "AssembleWith": "Line",
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    for member, part in more.items():
        if isinstance(part, dict):
            part = {**request.get(member, {}), **part}
        request[member] = part
    sagemaker.create_transform_job(**request)
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


def test_answers_are_lines_where_nothing_is_said(emulator, s3, model):
    body = b"\n".join(b"%f,%f" % tuple(row) for row in ROWS)
    s3.put_object(Bucket=emulator.bucket, Key="unsaid/a.csv", Body=body)
    unsaid = {"TransformOutput": {"AssembleWith": "None"}}
    found = transform(emulator, "unsaid", model, "text/csv", "Line", None, **unsaid)
    assert found["TransformJobStatus"] == "Completed", found.get("FailureReason")
    # All rows went in one request, and public notebooks read a line for each.
    assert len(answers(emulator, s3, "unsaid/a.csv.out")) == len(ROWS)


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
    for key, body in (("x", b"1,2\nnone,2\n"), ("y", b"1,2\n")):
        s3.put_object(Bucket=emulator.bucket, Key=f"bad/{key}", Body=body)
    jsonlines = "application/jsonlines"
    found = transform(emulator, "bad", model, "text/csv", "Line", jsonlines)
    assert found["TransformJobStatus"] == "Failed"
    assert "400" in found["FailureReason"]
    assert "/bad/x" in found["FailureReason"]
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=emulator.bucket, Key="answers/bad/x.out")
    # The others are there.
    assert len(answers(emulator, s3, "bad/y.out")) == 1
    found = transform(emulator, "none", model, "text/csv", "Line", "application/json")
    assert "No S3 objects found" in found["FailureReason"]


# Answers each request with its lines; says what it advises, and what it is told.
SERVER = """
import http.server, json, os, sys, threading
together = threading.Barrier(2)
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        advice = {"BatchStrategy": "SINGLE_RECORD"}
        parameters = self.path == "/execution-parameters"
        self.answer(json.dumps(advice).encode() if parameters else b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        print(json.dumps(body.decode()), flush=True)
        if body == b"together\\n":
            together.wait(30)
        self.answer(body)
    def log_message(self, *_): pass
found = {name: text for name, text in os.environ.items()
         if name.startswith(("SAGEMAKER_B", "SAGEMAKER_MAX", "MINE"))}
print(json.dumps(found), flush=True)
port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def echo(emulator):
    image = "example.com/echo:1"
    emulator.image(image, [sys.executable, "-I", "-S", "-c", SERVER])
    boto3.client("sagemaker").create_model(
        ModelName="echo",
        ExecutionRoleArn=emulator.role,
        PrimaryContainer={"Image": image, "Environment": {"MINE": "model"}},
    )
    return "echo"


def told(name):
    """What the servers of a job have printed, by stream."""
    logs, group = boto3.client("logs"), "/aws/sagemaker/TransformJobs"
    streams = logs.describe_log_streams(
        logGroupName=group, logStreamNamePrefix=f"{name}/"
    )["logStreams"]
    found = []
    for stream in streams:
        events = logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"]
        )["events"]
        found.append([json.loads(event["message"]) for event in events])
    return found


def kept(emulator, s3, key):
    found = s3.get_object(Bucket=emulator.bucket, Key=f"answers/{key}.out")
    return found["Body"].read()


def test_the_program_advises_and_the_request_wins(emulator, s3, echo):
    csv = "text/csv"
    s3.put_object(Bucket=emulator.bucket, Key="advice/x", Body=b"a\nb\nc\n")
    found = transform(emulator, "advice", echo, csv, "Line", csv)
    assert found["TransformJobStatus"] == "Completed", found.get("FailureReason")
    [[variables, *requests]] = told("advice")
    assert variables.pop("SAGEMAKER_BASE_DIR")
    assert variables.pop("SAGEMAKER_BIND_TO_PORT")
    assert variables == {"SAGEMAKER_BATCH": "true", "MINE": "model"}
    assert requests == ["a\n", "b\n", "c\n"]
    s3.put_object(Bucket=emulator.bucket, Key="wins/x", Body=b"a\nb\nc\n")
    options = {"BatchStrategy": "MultiRecord", "MaxPayloadInMB": 2}
    mine = {"MINE": "job", "LD_PRELOAD": "x"}
    transform(emulator, "wins", echo, csv, "Line", csv, Environment=mine, **options)
    [[variables, *requests]] = told("wins")
    assert variables["SAGEMAKER_BATCH_STRATEGY"] == "MULTI_RECORD"
    assert variables["SAGEMAKER_MAX_PAYLOAD_IN_MB"] == "2"
    assert variables["MINE"] == "job"
    assert requests == ["a\nb\nc\n"]


def test_requests_go_at_once(emulator, s3, echo):
    # The server answers the first when it has the second.
    body = b"together\ntogether\n"
    s3.put_object(Bucket=emulator.bucket, Key="at-once/x", Body=body)
    options = {"MaxConcurrentTransforms": 2, "BatchStrategy": "SingleRecord"}
    found = transform(
        emulator, "at-once", echo, "text/csv", "Line", "text/csv", **options
    )
    assert found["TransformJobStatus"] == "Completed", found.get("FailureReason")


def test_instances_share_the_objects(emulator, s3, echo):
    manifest = [{"prefix": f"s3://{emulator.bucket}/several/"}, "0", "b/1", "2"]
    for name in manifest[1:]:
        body = gzip.compress(f"{name}\n".encode())
        s3.put_object(Bucket=emulator.bucket, Key=f"several/{name}", Body=body)
    body = json.dumps(manifest).encode()
    s3.put_object(Bucket=emulator.bucket, Key="several.manifest", Body=body)
    uri = f"s3://{emulator.bucket}/several.manifest"
    source = {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": uri}}
    found = transform(
        emulator,
        "several",
        echo,
        "text/csv",
        "Line",
        "text/csv",
        TransformResources={"InstanceCount": 2},
        TransformInput={"CompressionType": "Gzip", "DataSource": source},
    )
    assert found["TransformJobStatus"] == "Completed", found.get("FailureReason")
    asked = [text for _, *requests in told("several") for text in requests]
    assert sorted(asked) == ["0\n", "2\n", "b/1\n"]
    for name in manifest[1:]:
        assert kept(emulator, s3, f"several/{name}") == f"{name}\n".encode()
    s3.put_object(Bucket=emulator.bucket, Key="several/2", Body=b"x")
    found = transform(
        emulator,
        "no-gzip",
        echo,
        "text/csv",
        "Line",
        "text/csv",
        TransformInput={"CompressionType": "Gzip", "DataSource": source},
    )
    assert "cannot be decompressed" in found["FailureReason"]


def test_columns_are_filtered_and_joined(emulator, s3, echo):
    csv = "text/csv"
    body = b'7,1,"a,b"\n8,2,c\n'
    s3.put_object(Bucket=emulator.bucket, Key="columns/x", Body=body)
    found = transform(
        emulator,
        "columns",
        echo,
        csv,
        "Line",
        csv,
        DataProcessing={
            "InputFilter": "$[1:]",
            "JoinSource": "Input",
            "OutputFilter": "$[0,-1]",
        },
    )
    assert found["TransformJobStatus"] == "Completed", found.get("FailureReason")
    assert found["DataProcessing"]["JoinSource"] == "Input"
    [[_, *requests]] = told("columns")
    assert requests == ['1,"a,b"\n', "2,c\n"]
    assert kept(emulator, s3, "columns/x") == b'7,"a,b"\n8,c\n'
    s3.put_object(Bucket=emulator.bucket, Key="few/x", Body=b"1,2\n")
    found = transform(
        emulator, "few", echo, csv, "Line", csv, DataProcessing={"OutputFilter": "$[2]"}
    )
    assert "finds nothing" in found["FailureReason"]


def test_lines_of_json_are_joined(emulator, s3, model):
    lines = "application/jsonlines"
    body = b'{"uid": "7", "features": [1.5, 2]}\n{"features": [0, 1], "uid": "8"}'
    s3.put_object(Bucket=emulator.bucket, Key="joined/x", Body=body)
    found = transform(
        emulator,
        "joined",
        model,
        lines,
        "Line",
        lines,
        DataProcessing={"JoinSource": "Input"},
        DataCaptureConfig={
            "DestinationS3Uri": f"s3://{emulator.bucket}/captured",
            "GenerateInferenceId": True,
        },
    )
    assert found["TransformJobStatus"] == "Completed", found.get("FailureReason")
    text = kept(emulator, s3, "joined/x").decode()
    # As the service writes them: compact, sorted.
    assert re.fullmatch(
        r'(\{"SageMakerInferenceId":"[-0-9a-f]{36}",'
        r'"SageMakerInferenceTime":"[-0-9]{10}T[0-9:]{8}Z",'
        r'"SageMakerOutput":\{"score":-?[0-9.]+\},'
        r'"features":\[[0-9., ]+\],"uid":"[78]"\}\n){2}',
        text,
    ), text


def test_refusals(emulator, sagemaker, model):
    with pytest.raises(ClientError, match="Could not find model"):
        transform(emulator, "x", "other", "text/csv", "Line", "text/csv")
    recordio, lines = "application/x-recordio-protobuf", "application/jsonlines"
    for processing, kinds, said in (
        ({"JoinSource": "Input"}, ("text/csv", lines), "cannot be joined"),
        ({"JoinSource": "Input"}, (recordio, recordio), "ContentType to be one of"),
        ({"InputFilter": "$[1:]"}, (recordio, lines), "ContentType to be one of"),
        ({"OutputFilter": "$[1:]"}, (lines, recordio), "Accept to be one of"),
        ({"InputFilter": "$..x"}, (lines, lines), "is none that batch transforms"),
    ):
        with pytest.raises(ClientError, match=said):
            transform(
                emulator, "x", model, kinds[0], "Line", kinds[1],
                DataProcessing=processing,
            )  # fmt: skip
    too_much = {"MaxConcurrentTransforms": 20, "MaxPayloadInMB": 6}
    with pytest.raises(ClientError, match="must not exceed 100 MB"):
        transform(emulator, "x", model, lines, "Line", lines, **too_much)
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
    recordio = wrapped(b"abc") + wrapped(b"abcd")
    # A record alone loses its padding.
    single = list(bodies(recordio, "RecordIO", many=False, most_bytes=99))
    assert [body[8:] for body in single] == [b"abc", b"abcd"]
    assert list(bodies(recordio, "RecordIO", many=True, most_bytes=99)) == [recordio]
    for split, wrong in (("Line", b"long line"), ("None", data), ("RecordIO", data)):
        with pytest.raises(JobError):
            list(bodies(wrong, split, many=True, most_bytes=8))


def test_no_two_servers_are_told_one_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = [free_port() for _ in range(500)]
        assert taken.getsockname()[1] not in ports
    assert len(set(ports)) == 500
