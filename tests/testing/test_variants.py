"""Several variants of an endpoint, and capture of its calls."""

import base64
import collections
import concurrent.futures
import json
import re
import time

import boto3
import pytest
from botocore.exceptions import ClientError

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
def models(emulator):
    sagemaker = boto3.client("sagemaker")
    for name in ("a", "b"):
        echoing(emulator, sagemaker, name, NAME=name)


@pytest.fixture
def runtime(emulator):
    return boto3.client("sagemaker-runtime")


def invoked(runtime, name, count, **more):
    """How often each variant answers, by what its model says and by the header."""
    found = collections.Counter()
    for _ in range(count):
        answer = runtime.invoke_endpoint(EndpointName=name, Body=b"1", **more)
        variant = answer["InvokedProductionVariant"]
        assert json.loads(answer["Body"].read())["name"] == variant
        found[variant] += 1
    return found


def weights(found):
    return {
        item["VariantName"]: (item["CurrentWeight"], item["CurrentInstanceCount"])
        for item in found["ProductionVariants"]
    }


def test_variants_have_shares_by_their_weights(emulator, sagemaker, runtime, models):
    found = serve(
        sagemaker,
        "both",
        instances("a", "a", InitialVariantWeight=3.0),
        instances("b", "b", InitialVariantWeight=1.0),
    )
    assert weights(found) == {"a": (3.0, 1), "b": (1.0, 1)}
    assert invoked(runtime, "both", 8) == {"a": 6, "b": 2}
    assert invoked(runtime, "both", 3, TargetVariant="b") == {"b": 3}
    with pytest.raises(ClientError, match="Variant c of endpoint both not found"):
        runtime.invoke_endpoint(EndpointName="both", Body=b"1", TargetVariant="c")

    servers = set(emulator._children._running)
    desired = [
        {"VariantName": "a", "DesiredWeight": 0.0},
        {"VariantName": "b", "DesiredWeight": 2.0, "DesiredInstanceCount": 2},
    ]
    arn = sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="both", DesiredWeightsAndCapacities=desired
    )["EndpointArn"]
    assert arn == found["EndpointArn"]
    found = in_service(sagemaker, "both")
    assert weights(found) == {"a": (0.0, 1), "b": (2.0, 2)}
    assert invoked(runtime, "both", 4) == {"b": 4}
    # The one of which only the weight is other goes on.
    assert len(servers & set(emulator._children._running)) == len(servers) - 1
    with pytest.raises(ClientError, match="has no variant c; it has a, b"):
        sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="both", DesiredWeightsAndCapacities=[{"VariantName": "c"}]
        )

    # Another configuration, with the weights that there are.
    sagemaker.create_endpoint_config(
        EndpointConfigName="both-2",
        ProductionVariants=[
            instances(name, name, InitialVariantWeight=1.0) for name in "ab"
        ],
    )
    sagemaker.update_endpoint(
        EndpointName="both",
        EndpointConfigName="both-2",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[
            {"VariantPropertyType": "DesiredInstanceCount"}
        ],
    )
    found = in_service(sagemaker, "both")
    assert found["EndpointConfigName"] == "both-2"
    assert weights(found) == {"a": (0.0, 1), "b": (2.0, 1)}
    sagemaker.update_endpoint(EndpointName="both", EndpointConfigName="both-2")
    assert weights(in_service(sagemaker, "both")) == {"a": (1.0, 1), "b": (1.0, 1)}
    sagemaker.delete_endpoint(EndpointName="both")


def test_an_update_loses_no_call(emulator, sagemaker, runtime, models, tmp_path):
    gate = tmp_path / "gate"
    echoing(emulator, sagemaker, "held", NAME="held", GATE=str(gate))
    serve(sagemaker, "swaps", instances("held"))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        held = pool.submit(runtime.invoke_endpoint, EndpointName="swaps", Body=b"hold")
        [part] = [
            part
            for part in emulator._resources._endpoints._running.values()
            if part.name == "swaps"
        ]
        [before] = part.turns.variants
        while not before._calls:
            time.sleep(0.01)
        sagemaker.create_endpoint_config(
            EndpointConfigName="swaps-2", ProductionVariants=[instances("a", "a")]
        )
        sagemaker.update_endpoint(EndpointName="swaps", EndpointConfigName="swaps-2")
        in_service(sagemaker, "swaps")
        assert invoked(runtime, "swaps", 2) == {"a": 2}
        # What has chosen the old one chooses again, and what it was asked it answers.
        while not before._closed:
            time.sleep(0.01)
        chosen = iter([before, *part.turns.variants])
        name, (status, _, _) = part.ask(lambda turns: next(chosen), {}, b"1")
        assert (name, status) == ("a", 200)
        gate.touch()
        answer = held.result()
    assert json.loads(answer["Body"].read())["name"] == "held"
    sagemaker.delete_endpoint(EndpointName="swaps")


def test_a_variant_that_fails_fails_the_endpoint(emulator, sagemaker, models):
    sagemaker.create_model(
        ModelName="bad",
        ExecutionRoleArn=emulator.role,
        PrimaryContainer={"Image": "nobody/knows:1"},
    )
    before = set(emulator._children._running)
    sagemaker.create_endpoint_config(
        EndpointConfigName="half",
        ProductionVariants=[instances("a", "good"), instances("bad", "bad")],
    )
    sagemaker.create_endpoint(EndpointName="half", EndpointConfigName="half")
    found = in_service(sagemaker, "half")
    assert found["EndpointStatus"] == "Failed"
    assert "cannot run the image nobody/knows:1" in found["FailureReason"]
    # The server of the other one has ended.
    assert set(emulator._children._running) <= before


def test_names_of_variants_must_differ(sagemaker, models):
    with pytest.raises(ClientError, match="must be unique: x, x"):
        sagemaker.create_endpoint_config(
            EndpointConfigName="x",
            ProductionVariants=[instances("a", "x"), instances("b", "x")],
        )


def test_no_variant_with_a_weight(sagemaker, runtime, models):
    serve(
        sagemaker,
        "idle",
        *(instances(name, name, InitialVariantWeight=0.0) for name in "ab"),
    )
    with pytest.raises(ClientError, match="No variant has a weight"):
        runtime.invoke_endpoint(EndpointName="idle", Body=b"1")
    assert invoked(runtime, "idle", 1, TargetVariant="b") == {"b": 1}
    sagemaker.delete_endpoint(EndpointName="idle")


def capturing(emulator, folder, percentage=100, *modes, **more):
    return {
        "InitialSamplingPercentage": percentage,
        "DestinationS3Uri": f"s3://{emulator.bucket}/{folder}",
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
        **more,
    }


def captured(s3, emulator, prefix):
    lines = []
    for key in keys_below(s3, emulator, prefix):
        lines += map(json.loads, read(s3, emulator, key).splitlines())
    return lines


def test_calls_are_captured(emulator, sagemaker, runtime, s3, models):
    types = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}
    config = capturing(
        emulator,
        "kept",
        100,
        "Input",
        "Output",
        EnableCapture=True,
        CaptureContentTypeHeader=types,
    )
    found = serve(sagemaker, "kept", instances("a", "a"), DataCaptureConfig=config)[
        "DataCaptureConfig"
    ]
    assert found == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 100,
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": "",
    }
    answer = runtime.invoke_endpoint(
        EndpointName="kept",
        Body=b"1,2",
        ContentType="text/csv",
        InferenceId="mine",
        CustomAttributes="x",
    )["Body"].read()
    place = r"kept/kept/a/\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl"
    [key] = keys_below(s3, emulator, "kept/")
    assert re.fullmatch(place, key)
    [line] = captured(s3, emulator, "kept/")
    metadata = line.pop("eventMetadata")
    assert line == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": "1,2",
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "application/json; charset=utf-8",
                "mode": "OUTPUT",
                "data": answer.decode(),
                "encoding": "JSON",
            },
        },
        "eventVersion": "0",
    }
    assert metadata.keys() == {
        "eventId", "inferenceTime", "inferenceId", "customAttributes"
    }  # fmt: skip
    assert (metadata["inferenceId"], metadata["customAttributes"]) == ("mine", ["x"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", metadata["inferenceTime"])


def test_a_share_of_the_calls_one_side_and_bytes(
    emulator, sagemaker, runtime, s3, models
):
    config = capturing(emulator, "some", 25, "Input")
    serve(sagemaker, "some", instances("a", "a"), DataCaptureConfig=config)
    bodies = [bytes([255, number]) for number in range(8)]
    for body in bodies:
        invoke(runtime, "some", body, ContentType="text/csv")
    # What the model refuses is not captured.
    with pytest.raises(ClientError):
        runtime.invoke_endpoint(EndpointName="some", Body=b"refuse")
    sagemaker.create_endpoint_config(
        EndpointConfigName="off",
        ProductionVariants=[instances("a", "a")],
        DataCaptureConfig={**config, "EnableCapture": False},
    )
    # What is taken is written when the configuration ends.
    sagemaker.update_endpoint(EndpointName="some", EndpointConfigName="off")
    found = in_service(sagemaker, "some")["DataCaptureConfig"]
    assert found["CaptureStatus"] == "Stopped"
    for _ in range(8):
        invoke(runtime, "some")
    running = emulator._resources._endpoints._running
    [part] = [part for part in running.values() if part.name == "some"]
    sagemaker.delete_endpoint(EndpointName="some")
    part.close(at_once=True)
    lines = captured(s3, emulator, "some/")
    data = [line["captureData"] for line in lines]
    assert [part.keys() for part in data] == [{"endpointInput"}] * 2
    parts = [part["endpointInput"] for part in data]
    assert {part["encoding"] for part in parts} == {"BASE64"}
    assert [base64.b64decode(part["data"]) for part in parts] == [bodies[3], bodies[7]]


def test_capture_to_a_bucket_that_is_not_there_is_said(
    emulator, sagemaker, runtime, models, capfd
):
    config = capturing(emulator, "", 100, "InputAndOutput")
    config["DestinationS3Uri"] = "s3://nobodys-bucket/x"
    serve(sagemaker, "lost", instances("a", "a"), DataCaptureConfig=config)
    invoke(runtime, "lost")
    running = emulator._resources._endpoints._running
    [part] = [part for part in running.values() if part.name == "lost"]
    sagemaker.delete_endpoint(EndpointName="lost")
    part.close(at_once=True)
    said = capfd.readouterr().err
    assert "Data capture to s3://nobodys-bucket/x/lost: ClientError: Upload" in said
