"""A script of boto3 by the book, against the emulator, with the built-in image."""

import io
import json
import sys
import time
from pathlib import Path

import boto3
import numpy as np
import pytest
from botocore.exceptions import ClientError

from sklearn_sagemaker import LinearLearnerClassifier, load_artifact
from sklearn_sagemaker.io import write_recordio
from sklearn_sagemaker.testing.model_server import WORKERS
from sklearn_sagemaker.testing.shapes import service_model
from tests.testing.jobs import LINEAR, channel, configure, ended, in_service, job
from tests.testing.test_training_jobs import check_shape

SETTINGS = {
    "predictor_type": "binary_classifier",
    "feature_dim": "3",
    "epochs": "2",
    "num_models": "2",
    "mini_batch_size": "50",
    "sklearn_sagemaker.random_state": "3",
}
ROWS = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
LABELS = (ROWS @ [1.0, -1.0, 0.5] > 0).astype(np.float32)


def recordio(X, y=None):
    stream = io.BytesIO()
    write_recordio(stream, X, y)
    return stream.getvalue()


@pytest.fixture(scope="module")
def artifact(emulator):
    """URI of a model that a job has trained, on shards that a manifest lists."""
    s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
    manifest = [{"prefix": f"s3://{emulator.bucket}/rows/"}]
    for number, part in enumerate((slice(0, 150), slice(150, 300))):
        manifest.append(f"matrix_{number}.pbr")
        body = recordio(ROWS[part], LABELS[part])
        s3.put_object(Bucket=emulator.bucket, Key=f"rows/{manifest[-1]}", Body=body)
    body = json.dumps(manifest).encode()
    s3.put_object(Bucket=emulator.bucket, Key="rows/.amazon.manifest", Body=body)
    body = recordio(ROWS[300:], LABELS[300:])
    s3.put_object(Bucket=emulator.bucket, Key="validation/v.pbr", Body=body)
    train = channel(emulator, "train", "rows/.amazon.manifest", "ManifestFile")
    train["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "ShardedByS3Key"
    request = job(
        emulator,
        "book",
        image=LINEAR,
        channels=[train, channel(emulator, "validation", "validation/")],
        HyperParameters=SETTINGS,
    )
    sagemaker.create_training_job(**request)
    found = ended(sagemaker, "book")
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    metrics = {
        item["MetricName"]: item["Value"] for item in found["FinalMetricDataList"]
    }
    assert metrics["train:progress"] == 100
    assert metrics["validation:binary_classification_accuracy"] > 0.6
    assert metrics["validation:objective_loss"] > 0
    return found["ModelArtifacts"]["S3ModelArtifacts"]


def test_the_model_is_that_of_a_local_fit(artifact, s3, tmp_path):
    bucket, key = artifact.removeprefix("s3://").split("/", 1)
    s3.download_file(bucket, key, str(tmp_path / "model.tar.gz"))
    found = load_artifact(tmp_path / "model.tar.gz")
    local = LinearLearnerClassifier.sagemaker_defaults(
        epochs=2, num_models=2, mini_batch_size=50, random_state=3
    )
    local.fit(ROWS[:300], LABELS[:300], X_val=ROWS[300:], y_val=LABELS[300:])
    np.testing.assert_array_equal(
        found.coef_.astype(np.float32), local.coef_.astype(np.float32)
    )


@pytest.fixture(scope="module")
def endpoint(emulator, artifact):
    sagemaker = boto3.client("sagemaker")
    started = time.monotonic()
    sagemaker.create_model(
        ModelName="book",
        ExecutionRoleArn=emulator.role,
        PrimaryContainer={"Image": LINEAR, "ModelDataUrl": artifact, "Environment": {}},
    )
    configure(sagemaker, "book", "book")
    sagemaker.create_endpoint(EndpointName="book", EndpointConfigName="book")
    found = in_service(sagemaker, "book")
    assert found["EndpointStatus"] == "InService", found.get("FailureReason")
    print(f"in service after {time.monotonic() - started:.2f} s")
    yield "book"
    sagemaker.delete_endpoint(EndpointName="book")


def invoke(name, body, content_type, accept="application/json", **more):
    found = boto3.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, Body=body, ContentType=content_type, Accept=accept, **more
    )
    return found, found["Body"].read()


def test_an_endpoint_takes_every_content_type(endpoint):
    lines = "\n".join(",".join(map(str, row)) for row in ROWS[:4]).encode()
    found, text = invoke(endpoint, lines, "text/csv")
    assert found["InvokedProductionVariant"] == "AllTraffic"
    assert found["ContentType"] == "application/json"
    predictions = json.loads(text)["predictions"]
    labels = [item["predicted_label"] for item in predictions]
    assert len(labels) == 4
    assert set(labels) <= {0, 1}
    document = {"instances": [{"features": row.tolist()} for row in ROWS[:4]]}
    _, text = invoke(endpoint, json.dumps(document), "application/json")
    assert json.loads(text)["predictions"] == predictions
    _, text = invoke(endpoint, recordio(ROWS[:4]), "application/x-recordio-protobuf")
    assert json.loads(text)["predictions"] == predictions
    rows = "\n".join(json.dumps(row) for row in document["instances"])
    found, text = invoke(
        endpoint, rows, "application/jsonlines", "application/jsonlines"
    )
    assert found["ContentType"] == "application/jsonlines"
    answered = [json.loads(line)["predicted_label"] for line in text.splitlines()]
    assert answered == labels
    binary = "application/x-recordio-protobuf"
    found, body = invoke(endpoint, lines, "text/csv", binary)
    assert found["ContentType"] == binary
    assert body.startswith(b"\x0a\x23\xd7\xce")


def test_an_endpoint_refuses(endpoint):
    runtime = boto3.client("sagemaker-runtime")
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        invoke(endpoint, b"a,b", "text/csv")
    assert caught.value.response["OriginalStatusCode"] == 400
    assert caught.value.response["OriginalMessage"]
    for name, body, more in (
        ("nowhere", b"", {}),
        (endpoint, bytes((6 << 20) + 1), {}),
        (endpoint, b"", {"TargetVariant": "other"}),
    ):
        with pytest.raises(runtime.exceptions.ValidationError):
            invoke(name, body, "text/csv", **more)


def test_an_endpoint_is_updated(sagemaker, emulator, endpoint, artifact):
    configure(sagemaker, "book-2", "book")
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName="book-2")
    status = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"]
    assert status == "Updating"
    invoke(endpoint, b"1,2,3", "text/csv")
    found = in_service(sagemaker, endpoint)
    assert found["EndpointConfigName"] == "book-2"
    # One that cannot start leaves what was there.
    image = {"Image": "example.com/none:1", "ModelDataUrl": artifact}
    sagemaker.create_model(
        ModelName="none", ExecutionRoleArn=emulator.role, PrimaryContainer=image
    )
    configure(sagemaker, "none", "none")
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName="none")
    found = in_service(sagemaker, endpoint)
    assert found["EndpointStatus"] == "InService"
    assert found["EndpointConfigName"] == "book-2"
    assert "cannot run the image" in found["FailureReason"]
    invoke(endpoint, b"1,2,3", "text/csv")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(("count", "variables"), [(3, {}), (1, {WORKERS: "2"})])
def test_an_endpoint_has_as_many_workers_as_it_is_told(
    sagemaker, emulator, artifact, count, variables
):
    pytest.importorskip("gunicorn")
    name = f"workers-{count}"
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=emulator.role,
        PrimaryContainer={
            "Image": LINEAR,
            "ModelDataUrl": artifact,
            "Environment": variables,
        },
    )
    configure(sagemaker, name, name, count=count)
    before = set(emulator._children._running)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert in_service(sagemaker, name)["EndpointStatus"] == "InService"
    [server] = set(emulator._children._running) - before
    invoke(name, b"1,2,3", "text/csv")
    # The last may start after the first has answered.
    end = time.monotonic() + 20
    wanted = int(variables.get(WORKERS, count))
    while time.monotonic() < end:
        forked = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        if len(forked) >= wanted:
            break
        time.sleep(0.02)
    assert len(forked) == wanted
    sagemaker.delete_endpoint(EndpointName=name)


def test_answers_have_the_shapes_of_the_service(sagemaker, endpoint):
    for operation, call, arguments in (
        ("DescribeModel", sagemaker.describe_model, {"ModelName": "book"}),
        ("DescribeEndpoint", sagemaker.describe_endpoint, {"EndpointName": "book"}),
        (
            "DescribeEndpointConfig",
            sagemaker.describe_endpoint_config,
            {"EndpointConfigName": "book"},
        ),
        ("ListModels", sagemaker.list_models, {}),
        ("ListEndpoints", sagemaker.list_endpoints, {}),
        ("ListEndpointConfigs", sagemaker.list_endpoint_configs, {}),
    ):
        answer = call(**arguments)
        answer.pop("ResponseMetadata")
        check_shape(service_model().operation_model(operation).output_shape, answer)
        assert answer


def test_names_are_taken_and_free_again(sagemaker, emulator, endpoint):
    def refused(call, said, **arguments):
        with pytest.raises(ClientError, match=said) as caught:
            call(**arguments)
        assert caught.value.response["Error"]["Code"] == "ValidationException"

    both = {"EndpointName": "book", "EndpointConfigName": "book"}
    refused(sagemaker.create_endpoint, "Cannot create already existing", **both)
    unknown = {"EndpointName": "other", "EndpointConfigName": "other"}
    refused(sagemaker.create_endpoint, "Could not find endpoint config", **unknown)
    refused(sagemaker.describe_model, "Could not find model", ModelName="other")
    missing = {"Image": LINEAR, "ModelDataUrl": f"s3://{emulator.bucket}/no.tar.gz"}
    refused(
        sagemaker.create_model,
        "Could not find model data",
        ModelName="other",
        ExecutionRoleArn=emulator.role,
        PrimaryContainer=missing,
    )
    configure(sagemaker, "short", "book")
    sagemaker.delete_endpoint_config(EndpointConfigName="short")
    configure(sagemaker, "short", "book")


def test_a_server_that_ends_fails_its_endpoint(sagemaker, emulator, artifact):
    emulator.image("example.com/ends:1", ["false"])
    image = {"Image": "example.com/ends:1", "ModelDataUrl": artifact}
    sagemaker.create_model(
        ModelName="ends", ExecutionRoleArn=emulator.role, PrimaryContainer=image
    )
    configure(sagemaker, "ends", "ends")
    sagemaker.create_endpoint(EndpointName="ends", EndpointConfigName="ends")
    found = in_service(sagemaker, "ends")
    assert found["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in found["FailureReason"]
    sagemaker.delete_endpoint(EndpointName="ends")
    with pytest.raises(ClientError, match="Could not find endpoint"):
        sagemaker.describe_endpoint(EndpointName="ends")
