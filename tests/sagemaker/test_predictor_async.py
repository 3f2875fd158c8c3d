"""Asynchronous endpoints: a request on S3, and an answer there, later."""

import sys

import pytest

from sklearn_sagemaker.exceptions import (
    ModelError,
    ResourceNotFoundError,
    S3AccessError,
    S3NotFoundError,
    WaitTimeoutError,
)
from sklearn_sagemaker.sagemaker import predictor_async
from sklearn_sagemaker.sagemaker.async_inference import (
    AsyncInferenceConfig,
    WaiterConfig,
)
from sklearn_sagemaker.sagemaker.deserializers import JSONDeserializer
from sklearn_sagemaker.sagemaker.predictor import Predictor
from sklearn_sagemaker.sagemaker.predictor_async import AsyncPredictor
from sklearn_sagemaker.sagemaker.serializers import CSVSerializer
from tests.sagemaker.containers import IMAGE, PROGRAM, deploy


@pytest.fixture
def asked(session, monkeypatch):
    """Requests; the service's answer names two objects that are not there yet."""
    found = []
    bucket = session.default_bucket()

    def answer(**request):
        found.append(request)
        place = f"s3://{bucket}/{len(found)}-{id(found)}"
        return {
            "OutputLocation": f"{place}.out",
            "FailureLocation": f"{place}-error.out",
        }

    monkeypatch.setattr(
        session.sagemaker_runtime_client, "invoke_endpoint_async", answer, raising=False
    )
    return found


@pytest.fixture
def asking(session):
    return AsyncPredictor(
        Predictor("later", session, CSVSerializer(), JSONDeserializer())
    )


def put(session, uri, body):
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    session.s3_client.put_object(
        Bucket=bucket, Key=key, Body=body, ContentType="application/json"
    )


def test_a_request_goes_to_s3(session, asked, asking):
    response = asking.predict_async([1, 2], inference_id="i")
    [request] = asked
    uri = request.pop("InputLocation")
    assert request == {
        "EndpointName": "later",
        "Accept": "application/json",
        "InferenceId": "i",
    }
    bucket = session.default_bucket()
    assert uri.startswith(f"s3://{bucket}/async-endpoint-inputs/later-2")
    _, _, key = uri.removeprefix("s3://").partition("/")
    found = session.s3_client.get_object(Bucket=bucket, Key=key)
    assert (found["Body"].read(), found["ContentType"]) == (b"1,2", "text/csv")
    with pytest.raises(WaitTimeoutError, match="no answer at .* could still be"):
        response.get_result()
    put(session, response.output_path, b'{"predictions": [{"score": 2.0}]}')
    assert response.get_result() == {"predictions": [{"score": 2.0}]}
    # It is read once.
    put(session, response.output_path, b"[]")
    assert response.get_result() == {"predictions": [{"score": 2.0}]}


def test_a_request_that_is_there_already(session, asked, asking):
    asking.predict_async(input_path="s3://b/there", initial_args={"Accept": "a/b"})
    assert asked == [
        {"EndpointName": "later", "Accept": "a/b", "InputLocation": "s3://b/there"}
    ]
    mine = f"s3://{session.default_bucket()}/mine"
    asking.predict_async([1], input_path=mine)
    assert asked[1]["InputLocation"] == mine
    with pytest.raises(ValueError, match="nothing to predict: give data, or input_"):
        asking.predict_async()


def test_it_is_waited_for(session, asked, asking, monkeypatch):
    pauses = []

    def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            name = f"s3://{session.default_bucket()}/1-{id(asked)}.out"
            put(session, name, b"[7]")

    monkeypatch.setattr(predictor_async.time, "sleep", sleep)
    assert asking.predict([1]) == [7]
    assert pauses == [15, 15]
    with pytest.raises(WaitTimeoutError):
        asking.predict([1], waiter_config=WaiterConfig(max_attempts=3, delay=2))
    assert pauses[2:] == [2, 2]
    with pytest.raises(ValueError, match="must be a WaiterConfig"):
        asking.predict_async([1]).get_result(5)


def test_a_model_that_fails(session, asked, asking):
    response = asking.predict_async([1])
    put(session, response.failure_path, b"what is wrong" + b"." * 5000)
    with pytest.raises(ModelError, match=r"'later': the model failed \(what is") as e:
        response.get_result()
    assert len(str(e.value)) < 1200


def test_faults_of_s3(faults, asked, asking):
    response = asking.predict_async([1])
    faults.fail("GetObject", code="AccessDenied", status=403)
    with pytest.raises(S3AccessError, match="s3:GetObject"):
        response.get_result()
    faults.heal()
    response.output_path = "s3://nowhere-at-all/x"
    with pytest.raises(S3NotFoundError, match="no bucket 'nowhere-at-all'"):
        response.get_result()
    faults.fail("PutObject", code="AccessDenied", status=403)
    with pytest.raises(S3AccessError, match="s3:PutObject"):
        asking.predict_async([1])
    assert len(asked) == 1


def test_it_is_cleaned_up_like_others(emulator, session):
    emulator.image(IMAGE, [sys.executable, "-I", "-S", "-c", PROGRAM])
    deploy(session, "later")
    with AsyncPredictor(Predictor("later", session)) as asking:
        asking.serializer, asking.deserializer = CSVSerializer(), JSONDeserializer()
        assert asking.predictor.predict([7]) == {"predictions": [{"score": 7.0}]}
    for describe in (session.describe_endpoint, session.describe_model):
        with pytest.raises(ResourceNotFoundError):
            describe("later")


def test_configurations():
    config = AsyncInferenceConfig(
        "s3://b/out", 4, "key", {"SuccessTopic": "t"}, "s3://b/f"
    )
    assert config._to_request_dict() == {
        "OutputConfig": {
            "S3OutputPath": "s3://b/out",
            "S3FailurePath": "s3://b/f",
            "KmsKeyId": "key",
            "NotificationConfig": {"SuccessTopic": "t"},
        },
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 4},
    }
    assert AsyncInferenceConfig("s3://b/out")._to_request_dict() == {
        "OutputConfig": {"S3OutputPath": "s3://b/out", "S3FailurePath": None}
    }
