"""Asynchronous endpoints: calls wait, and are answered by objects of S3."""

import json
import re
import time
from datetime import datetime

import boto3
import pytest
from botocore.exceptions import ClientError

from sklearn_sagemaker.testing import async_queue
from tests.testing.jobs import (
    echoing,
    in_service,
    instances,
    invoke,
    keys_below,
    read,
    serve,
)


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    return tmp_path_factory.mktemp("gate") / "open"


def config(emulator, name, **more):
    output = {
        "S3OutputPath": f"s3://{emulator.bucket}/{name}/answers/",
        "S3FailurePath": f"s3://{emulator.bucket}/{name}/failures",
    }
    return {"OutputConfig": output, **more}


@pytest.fixture(scope="module")
def endpoint(emulator, gate):
    sagemaker = boto3.client("sagemaker")
    echoing(emulator, sagemaker, "async", GATE=str(gate))
    more = {"ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2}}
    given = config(emulator, "async", **more)
    found = serve(sagemaker, "async", instances("async"), AsyncInferenceConfig=given)
    assert found["AsyncInferenceConfig"] == given
    return "async"


@pytest.fixture
def runtime(emulator):
    return boto3.client("sagemaker-runtime")


def key_of(uri):
    return uri.split("/", 3)[3]


def test_an_answer_is_an_object(endpoint, runtime, s3, emulator):
    s3.put_object(
        Bucket=emulator.bucket, Key="in/rows.csv", Body=b"1,2", ContentType="text/csv"
    )
    found = runtime.invoke_endpoint_async(
        EndpointName=endpoint,
        InputLocation=f"s3://{emulator.bucket}/in/rows.csv",
        Accept="application/json",
        CustomAttributes="mine",
        InferenceId="id-1",
    )
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert found["InferenceId"] == "id-1"
    assert found["OutputLocation"] == f"s3://{emulator.bucket}/async/answers/id-1.out"
    assert found["FailureLocation"].startswith(
        f"s3://{emulator.bucket}/async/failures/"
    )
    [key] = keys_below(s3, emulator, key_of(found["OutputLocation"]))
    stored = s3.get_object(Bucket=emulator.bucket, Key=key)
    assert stored["ContentType"] == "application/json; charset=utf-8"
    said = json.loads(stored["Body"].read())
    assert said["size"] == 3
    assert said["headers"]["accept"] == "application/json"
    # The request says no type, but the object has one.
    assert said["headers"]["content-type"] == "text/csv"
    ours = {name for name in said["headers"] if name.startswith("x-amzn-sagemaker")}
    assert ours == {
        "x-amzn-sagemaker-custom-attributes",
        "x-amzn-sagemaker-inference-id",
    }
    assert "Contents" not in s3.list_objects_v2(
        Bucket=emulator.bucket, Prefix=key_of(found["FailureLocation"])
    )


def test_a_body_in_the_request_and_names_of_ones_own(endpoint, runtime, s3, emulator):
    found = runtime.invoke_endpoint_async(
        EndpointName=endpoint,
        Body=b"12345",
        ContentType="text/plain",
        Filename="mine.json",
        S3OutputPathExtension="deep/er",
    )
    assert found["OutputLocation"].endswith("/async/answers/deep/er/mine.json")
    [key] = keys_below(s3, emulator, key_of(found["OutputLocation"]))
    said = json.loads(read(s3, emulator, key))
    assert (said["size"], said["headers"]["content-type"]) == (5, "text/plain")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"refuse", "ModelError: Received server error \\(500\\) from primary"),
        (None, "ClientError: Failed to download .*NoSuchKey"),
    ],
)
def test_a_failure_is_another_object(endpoint, runtime, s3, emulator, body, reason):
    key = f"in/{body}"
    if body is not None:
        s3.put_object(Bucket=emulator.bucket, Key=key, Body=body)
    found = runtime.invoke_endpoint_async(
        EndpointName=endpoint, InputLocation=f"s3://{emulator.bucket}/{key}"
    )
    failure = key_of(found["FailureLocation"])
    keys_below(s3, emulator, failure)
    assert re.match(reason, read(s3, emulator, failure).decode())
    assert "Contents" not in s3.list_objects_v2(
        Bucket=emulator.bucket, Prefix=key_of(found["OutputLocation"])
    )


def test_so_is_what_is_too_large_late_or_slow(
    endpoint, runtime, s3, emulator, monkeypatch, gate
):
    def failure(body, **more):
        found = runtime.invoke_endpoint_async(EndpointName=endpoint, Body=body, **more)
        key = key_of(found["FailureLocation"])
        keys_below(s3, emulator, key)
        return read(s3, emulator, key).decode()

    assert "timed out" in failure(b"hold", InvocationTimeoutSeconds=1)
    with monkeypatch.context() as patch:
        late = iter([0.0, 61.0])
        patch.setattr(async_queue, "monotonic", lambda: next(late))
        assert "RequestTTLSeconds" in failure(b"1", RequestTTLSeconds=60)
    monkeypatch.setattr(async_queue, "MOST_BYTES", 3)
    s3.put_object(Bucket=emulator.bucket, Key="in/large", Body=b"1234")
    found = runtime.invoke_endpoint_async(
        EndpointName=endpoint, InputLocation=f"s3://{emulator.bucket}/in/large"
    )
    key = key_of(found["FailureLocation"])
    keys_below(s3, emulator, key)
    assert "has 4 bytes; at most 3" in read(s3, emulator, key).decode()


def test_no_more_are_answered_at_once_than_the_configuration_says(
    endpoint, runtime, s3, emulator, gate
):
    found = [
        runtime.invoke_endpoint_async(EndpointName=endpoint, Body=b"hold")
        for _ in range(5)
    ]
    [running] = [
        part
        for part in emulator._resources._endpoints._running.values()
        if part.name == endpoint
    ]
    assert len(running.queue._running) == 2
    assert len(running.queue._waiting) >= 3
    gate.touch()
    for answer in found:
        keys_below(s3, emulator, key_of(answer["OutputLocation"]))
    end = time.monotonic() + 60
    while running.queue._running and time.monotonic() < end:
        time.sleep(0.02)
    # None wait for the next call.
    assert not running.queue._running


def test_topics_are_told(emulator, sagemaker, runtime, s3, endpoint):
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    arn = arn["Attributes"]["QueueArn"]
    topics = [sns.create_topic(Name=name)["TopicArn"] for name in ("good", "bad")]
    for topic in topics:
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    given = config(emulator, "told")
    given["OutputConfig"]["NotificationConfig"] = {
        "SuccessTopic": topics[0],
        "ErrorTopic": topics[1],
    }
    serve(sagemaker, "told", instances("async"), AsyncInferenceConfig=given)
    calls = {
        runtime.invoke_endpoint_async(EndpointName="told", Body=body)[
            "InferenceId"
        ]: end
        for body, end in ((b"1", "Completed"), (b"refuse", "Failed"))
    }
    seen = {}
    stop = time.monotonic() + 60
    while len(seen) < 2 and time.monotonic() < stop:
        for item in sqs.receive_message(QueueUrl=queue).get("Messages", ()):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=item["ReceiptHandle"])
            said = json.loads(json.loads(item["Body"])["Message"])
            seen[said["inferenceId"]] = said
    assert {name: said["invocationStatus"] for name, said in seen.items()} == calls
    for said in seen.values():
        assert said["requestParameters"]["endpointName"] == "told"
        assert ("failureReason" in said) == (said["invocationStatus"] == "Failed")
        datetime.fromisoformat(said["eventTime"])
    sagemaker.delete_endpoint(EndpointName="told")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "Exactly one of InputLocation and Body"),
        ({"InputLocation": "s3://b/k", "Body": b"1"}, "Exactly one"),
        ({"InputLocation": "file:///k"}, "regular expression"),
        ({"Body": b"1", "InvocationTimeoutSeconds": 3601}, "equal to 3600"),
        ({"Body": b"1", "RequestTTLSeconds": 21601}, "equal to 21600"),
        ({"Body": b"1" * 128_001}, "128,001 bytes; at most 128,000.*Put it on S3"),
    ],
)
def test_calls_that_are_refused(endpoint, runtime, more, said):
    with pytest.raises(ClientError, match=said) as caught:
        runtime.invoke_endpoint_async(EndpointName=endpoint, **more)
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_each_kind_of_endpoint_takes_its_own_calls(
    endpoint, runtime, sagemaker, emulator
):
    with pytest.raises(ClientError, match="takes InvokeEndpointAsync only"):
        runtime.invoke_endpoint(EndpointName=endpoint, Body=b"1")
    serve(sagemaker, "other", instances("async"))
    with pytest.raises(ClientError, match="is not asynchronous"):
        runtime.invoke_endpoint_async(EndpointName="other", Body=b"1")
    # It is what its configuration says, from one to the next.
    sagemaker.update_endpoint(EndpointName="other", EndpointConfigName="async")
    assert "AsyncInferenceConfig" in in_service(sagemaker, "other")
    runtime.invoke_endpoint_async(EndpointName="other", Body=b"1")
    sagemaker.update_endpoint(EndpointName="other", EndpointConfigName="other")
    assert "AsyncInferenceConfig" not in in_service(sagemaker, "other")
    assert invoke(runtime, "other")
    with pytest.raises(ClientError, match="not found"):
        runtime.invoke_endpoint_async(EndpointName="nobody", Body=b"1")


def test_an_endpoint_that_is_deleted_answers_nothing_more(
    emulator, sagemaker, runtime, s3, tmp_path
):
    echoing(emulator, sagemaker, "holds", GATE=str(tmp_path / "open"))
    given = config(emulator, "holds")
    serve(sagemaker, "holds", instances("holds"), AsyncInferenceConfig=given)
    for _ in range(6):
        runtime.invoke_endpoint_async(EndpointName="holds", Body=b"hold")
    running = emulator._resources._endpoints._running
    [part] = [part for part in running.values() if part.name == "holds"]
    sagemaker.delete_endpoint(EndpointName="holds")
    part.close(at_once=True)
    assert not part.queue._running
    assert s3.list_objects_v2(Bucket=emulator.bucket, Prefix="holds")["KeyCount"] == 0
