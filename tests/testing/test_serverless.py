"""Serverless endpoints: cold starts, concurrency, limits, what cannot be."""

import sys
import threading
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.testing.jobs import (
    ECHO,
    configure,
    echoing,
    in_service,
    instances,
    invoke,
    serve,
)

ONCE = Config(retries={"total_max_attempts": 1})


def serverless(model, **more):
    config = {"MemorySizeInMB": 2048, "MaxConcurrency": 2, **more}
    return {"VariantName": "AllTraffic", "ModelName": model, "ServerlessConfig": config}


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    return tmp_path_factory.mktemp("gate") / "open"


@pytest.fixture(scope="module")
def model(emulator, gate):
    echoing(emulator, boto3.client("sagemaker"), "echo", GATE=str(gate))
    return "echo"


@pytest.fixture
def runtime(emulator):
    return boto3.client("sagemaker-runtime", config=ONCE)


def servers(emulator):
    return set(emulator._children._running)


def test_the_first_call_starts_the_model(emulator, sagemaker, runtime, model):
    before = servers(emulator)
    found = serve(sagemaker, "cold", serverless(model))
    config = {"MemorySizeInMB": 2048, "MaxConcurrency": 2}
    [variant] = found["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == config
    assert variant["DesiredServerlessConfig"] == config
    assert servers(emulator) == before
    answer = runtime.invoke_endpoint(EndpointName="cold", Body=b"12")
    assert b'"size": 2' in answer["Body"].read()
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    [server] = servers(emulator) - before
    invoke(runtime, "cold")
    assert servers(emulator) - before == {server}
    sagemaker.delete_endpoint(EndpointName="cold")


def test_calls_above_the_concurrency_are_throttled(
    emulator, sagemaker, runtime, model, gate
):
    serve(sagemaker, "busy", serverless(model, ProvisionedConcurrency=1))
    answers = []

    def hold():
        client = boto3.client("sagemaker-runtime", config=ONCE)
        answers.append(invoke(client, "busy", b"hold"))

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    running = emulator._resources._endpoints._running
    [part] = [part for part in running.values() if part.name == "busy"]
    [variant] = part.turns.variants
    end = time.monotonic() + 60
    while variant._calls < 2 and time.monotonic() < end:
        time.sleep(0.01)
    with pytest.raises(ClientError, match="2 calls at once") as caught:
        runtime.invoke_endpoint(EndpointName="busy", Body=b"1")
    answer = caught.value.response
    assert answer["Error"]["Code"] == "ThrottlingException"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    gate.touch()
    for thread in threads:
        thread.join()
    assert len(answers) == 2
    assert invoke(runtime, "busy")
    # Clients may ask for another concurrency.
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="busy",
        DesiredWeightsAndCapacities=[
            {
                "VariantName": "AllTraffic",
                "ServerlessUpdateConfig": {"MaxConcurrency": 7},
            }
        ],
    )
    [variant] = in_service(sagemaker, "busy")["ProductionVariants"]
    assert variant["CurrentServerlessConfig"]["MaxConcurrency"] == 7
    sagemaker.delete_endpoint(EndpointName="busy")


def test_bodies_have_at_most_four_megabytes(sagemaker, runtime, model):
    serve(sagemaker, "small", serverless(model))
    most = 4 << 20
    assert invoke(runtime, "small", b"1" * most)
    with pytest.raises(ClientError, match="at most 4,194,304") as caught:
        runtime.invoke_endpoint(EndpointName="small", Body=b"1" * (most + 1))
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    # Those with instances cannot become serverless; it is the other way.
    configure(sagemaker, "instances", model)
    sagemaker.update_endpoint(EndpointName="small", EndpointConfigName="instances")
    [variant] = in_service(sagemaker, "small")["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 1
    assert invoke(runtime, "small", b"1" * (most + 1))
    with pytest.raises(ClientError, match="cannot be updated to a serverless"):
        sagemaker.update_endpoint(EndpointName="small", EndpointConfigName="small")
    sagemaker.delete_endpoint(EndpointName="small")


def test_a_model_that_does_not_start(emulator, sagemaker, runtime, tmp_path):
    # It starts once, for the endpoint; afterwards the file is there.
    mark = tmp_path / "mark"
    program = f"import os\nif os.path.exists({str(mark)!r}): raise SystemExit(1)\n"
    emulator.image("once:1", [sys.executable, "-I", "-S", "-c", program + ECHO])
    sagemaker.create_model(
        ModelName="once",
        ExecutionRoleArn=emulator.role,
        PrimaryContainer={"Image": "once:1"},
    )
    serve(sagemaker, "once", serverless("once"))
    mark.touch()
    with pytest.raises(ClientError, match="ping health check") as caught:
        runtime.invoke_endpoint(EndpointName="once", Body=b"1")
    assert caught.value.response["Error"]["Code"] == "ServiceUnavailable"
    sagemaker.create_endpoint(EndpointName="never", EndpointConfigName="once")
    found = in_service(sagemaker, "never")
    assert found["EndpointStatus"] == "Failed"
    assert "production variant AllTraffic did not pass" in found["FailureReason"]
    mark.unlink()
    assert invoke(runtime, "once")
    sagemaker.delete_endpoint(EndpointName="once")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"MemorySizeInMB": 1500}, "1500 must be a multiple of 1024"),
        ({"MemorySizeInMB": 7168}, "equal to 6144"),
        ({"MaxConcurrency": 201}, "equal to 200"),
        ({"ProvisionedConcurrency": 3}, "3 must be at most MaxConcurrency 2"),
    ],
)
def test_sizes_that_are_refused(sagemaker, model, change, said):
    with pytest.raises(ClientError, match=said) as caught:
        sagemaker.create_endpoint_config(
            EndpointConfigName="x", ProductionVariants=[serverless(model, **change)]
        )
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_what_a_serverless_endpoint_cannot_have(sagemaker, model, emulator):
    uri = f"s3://{emulator.bucket}/x"
    capture = {
        "InitialSamplingPercentage": 1,
        "DestinationS3Uri": uri,
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    one = serverless(model)
    for variants, more, said in (
        ([one, {**one, "VariantName": "b"}], {}, "has one production variant"),
        ([one], {"DataCaptureConfig": capture}, "cannot have DataCaptureConfig"),
        (
            [one],
            {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": uri}}},
            "cannot have AsyncInferenceConfig",
        ),
        (
            [{**one, "InstanceType": "ml.m5.large"}],
            {},
            "has ServerlessConfig and InstanceType",
        ),
    ):
        with pytest.raises(ClientError, match=said):
            sagemaker.create_endpoint_config(
                EndpointConfigName="x", ProductionVariants=variants, **more
            )
    vpc = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    sagemaker.create_model(
        ModelName="in-vpc",
        ExecutionRoleArn=emulator.role,
        PrimaryContainer={"Image": "example.com/echoes:1"},
        VpcConfig=vpc,
    )
    with pytest.raises(ClientError, match="in a VPC"):
        sagemaker.create_endpoint_config(
            EndpointConfigName="x", ProductionVariants=[serverless("in-vpc")]
        )
    with pytest.raises(ClientError, match="needs InstanceType and"):
        sagemaker.create_endpoint_config(
            EndpointConfigName="x",
            ProductionVariants=[{"VariantName": "a", "ModelName": model}],
        )
    with pytest.raises(ClientError, match="emulator has no ShadowProductionVariants"):
        sagemaker.create_endpoint_config(
            EndpointConfigName="x",
            ProductionVariants=[instances(model)],
            ShadowProductionVariants=[instances(model)],
        )
