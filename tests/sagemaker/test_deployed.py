"""Endpoints that are updated, deleted, and cleaned up after."""

import sys

import pytest

from sklearn_sagemaker.exceptions import (
    AWSError,
    CleanUpError,
    ResourceNotFoundError,
)
from sklearn_sagemaker.sagemaker.deserializers import JSONDeserializer
from sklearn_sagemaker.sagemaker.model_monitor import DataCaptureConfig
from sklearn_sagemaker.sagemaker.predictor import Predictor
from sklearn_sagemaker.sagemaker.serializers import CSVSerializer
from sklearn_sagemaker.sagemaker.session import Session
from tests.sagemaker.containers import IMAGE, PROGRAM, deploy

NAMES = iter(f"endpoint-{i}" for i in range(100))


@pytest.fixture(scope="module")
def session(emulator):
    emulator.image(IMAGE, [sys.executable, "-I", "-S", "-c", PROGRAM])
    return Session()


@pytest.fixture
def predictor(emulator, session):
    name = deploy(session, next(NAMES))
    predictor = Predictor(name, session, CSVSerializer(), JSONDeserializer())
    yield predictor
    emulator.heal()
    things(session, name, delete=True)


def things(session, name, delete=False):
    """What is left of an endpoint."""
    left = []
    for kind in ("endpoint", "endpoint_config", "model"):
        try:
            getattr(session, f"describe_{kind}")(name)
            left.append(kind)
            if delete:
                getattr(session, f"delete_{kind}")(name)
        except ResourceNotFoundError:
            pass
    return left


def test_an_endpoint_is_deleted_with_its_configuration(emulator, session, predictor):
    predictor.delete_endpoint()
    assert things(session, predictor.endpoint_name) == ["model"]
    # In this order, too, although the endpoint says no more what its model was.
    predictor.delete_model()
    assert things(session, predictor.endpoint_name) == []
    predictor.delete_model()
    with pytest.raises(ResourceNotFoundError, match=predictor.endpoint_name):
        predictor.delete_endpoint()


def test_an_endpoint_is_deleted_alone(session, predictor):
    predictor.delete_endpoint(delete_endpoint_config=False)
    assert things(session, predictor.endpoint_name) == ["endpoint_config", "model"]


def test_a_configuration_that_is_gone_does_not_keep_the_endpoint(session, predictor):
    session.delete_endpoint_config(predictor.endpoint_name)
    predictor.delete_predictor()
    assert things(session, predictor.endpoint_name) == ["model"]


def calls(emulator, before):
    """What has been called since then, and how often."""
    return {
        name: n - before.get(name, 0)
        for name, n in emulator.calls.items()
        if n > before.get(name, 0)
    }


def test_what_is_called_is_what_the_sdk_calls(emulator, predictor):
    before = emulator.calls
    predictor.delete_model()
    predictor.delete_endpoint()
    assert calls(emulator, before) == {
        "DescribeEndpoint": 2,
        "DescribeEndpointConfig": 1,
        "DeleteModel": 1,
        "DeleteEndpointConfig": 1,
        "DeleteEndpoint": 1,
    }


def test_a_model_that_is_not_deleted_is_told(faults, predictor):
    faults.fail("DeleteModel", code="AccessDeniedException", message="no")
    with pytest.raises(
        CleanUpError, match=rf"model '{predictor.endpoint_name}' \(.*access is denied"
    ):
        predictor.delete_model()


# With


def test_a_block_leaves_nothing(session, predictor):
    with predictor as entered:
        assert entered is predictor
        assert predictor.predict([1, 2]) == {"predictions": [{"score": 2.0}]}
    assert things(session, predictor.endpoint_name) == []


@pytest.mark.parametrize(
    "first", [ValueError("mine"), KeyboardInterrupt(), SystemExit(3)]
)
def test_a_block_that_fails_leaves_nothing_either(session, predictor, first):
    with pytest.raises(type(first)) as found, predictor:
        raise first
    assert found.value is first
    assert not hasattr(first, "__notes__")
    assert things(session, predictor.endpoint_name) == []


def test_a_block_may_delete_the_endpoint_itself(session, predictor):
    with predictor:
        session.delete_endpoint(predictor.endpoint_name)
    assert things(session, predictor.endpoint_name) == []


def test_a_block_tells_what_it_could_not_delete(faults, session, predictor):
    faults.fail("DeleteEndpoint", code="AccessDeniedException", message="no")
    told = pytest.raises(CleanUpError, match="may cost money: endpoint 'e.*denied")
    with told, predictor:
        pass
    assert things(session, predictor.endpoint_name) == ["endpoint"]


def test_the_first_error_is_the_one_that_is_raised(faults, predictor, at_once, caplog):
    faults.fail("DeleteEndpoint", code="AccessDeniedException", message="no")
    faults.fail("DeleteModel", code="ThrottlingException")
    first = ValueError("mine")
    with pytest.raises(ValueError, match="mine") as found, predictor:
        raise first
    assert found.value is first
    [note] = first.__notes__
    assert "endpoint 'e" in note
    assert "model 'e" in note
    assert "endpoint config" not in note
    assert note in caplog.text


def test_a_block_whose_endpoint_nobody_may_look_at(faults, session, predictor):
    rule = faults.fail("DescribeEndpoint", code="AccessDeniedException")
    with predictor:
        pass
    assert rule.done == 2
    faults.heal()
    assert things(session, predictor.endpoint_name) == ["endpoint_config", "model"]


def test_an_endpoint_that_was_never_there(session):
    with Predictor("never", session):
        pass


# Updates


def test_an_update_puts_it_on_other_instances(session, predictor):
    name = predictor.endpoint_name
    predictor.update_endpoint(initial_instance_count=2, instance_type="ml.c5.large")
    found = session.describe_endpoint(name)["EndpointConfigName"]
    assert found.startswith(f"{name}-20")
    config = session.describe_endpoint_config(found)
    assert config["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InitialVariantWeight": 1,
            "InitialInstanceCount": 2,
            "InstanceType": "ml.c5.large",
        }
    ]
    assert predictor.predict([7]) == {"predictions": [{"score": 7.0}]}
    with predictor:
        pass
    # The configuration of the endpoint is deleted, the one before is not its own.
    assert things(session, found) == []
    assert things(session, name) == ["endpoint_config"]


def test_an_update_keeps_what_is_not_said(emulator, session, predictor):
    name, before = predictor.endpoint_name, emulator.calls
    predictor.update_endpoint(tags=[{"Key": "a", "Value": "b"}], wait=False)
    assert calls(emulator, before) == {
        "DescribeEndpoint": 2,
        "DescribeEndpointConfig": 2,
        "CreateEndpointConfig": 1,
        "UpdateEndpoint": 1,
    }
    session.wait_for_endpoint(name, quiet=True)
    before = session.describe_endpoint_config(name)["ProductionVariants"]
    found = session.describe_endpoint(name)["EndpointConfigName"]
    config = session.describe_endpoint_config(found)
    assert config["ProductionVariants"] == before
    assert session.list_tags(config["EndpointConfigArn"]) == [
        {"Key": "a", "Value": "b"}
    ]


def test_what_an_update_must_say(emulator, session, predictor, monkeypatch):
    before = emulator.calls.get("CreateEndpointConfig", 0)
    for arguments in ({"instance_type": "ml.c5.large"}, {"initial_instance_count": 1},
                      {"model_name": "m"}):  # fmt: skip
        with pytest.raises(ValueError, match="Missing initial_instance_count and/or"):
            predictor.update_endpoint(**arguments)
    variants = [{"ModelName": "a"}, {"ModelName": "b"}]
    monkeypatch.setattr(predictor, "_look_up", lambda: ("c", variants))
    monkeypatch.setattr(predictor, "_found", ("c", variants))
    with pytest.raises(ValueError, match=r"has 2 models \(a, b\); say which one"):
        predictor.update_endpoint(1, "ml.c5.large")
    assert emulator.calls.get("CreateEndpointConfig", 0) == before


def test_capture_is_turned_on_and_off(session, predictor, monkeypatch):
    made = []
    monkeypatch.setattr(
        session,
        "create_endpoint_config_from_existing",
        lambda old, new, **more: made.append((old, more)),
    )
    monkeypatch.setattr(session, "update_endpoint", lambda *_, **__: None)
    predictor.enable_data_capture()
    predictor.disable_data_capture()
    predictor.update_data_capture_config(
        DataCaptureConfig(True, 50, "s3://b/kept", sagemaker_session=session)
    )
    name = predictor.endpoint_name
    captures = [more["new_data_capture_config_dict"] for _, more in made]
    assert [old for old, _ in made] == [name] * 3
    assert [part["EnableCapture"] for part in captures] == [True, False, True]
    bucket = session.default_bucket()
    assert captures[0]["DestinationS3Uri"] == (
        f"s3://{bucket}/model-monitor/data-capture"
    )
    assert captures[2]["InitialSamplingPercentage"] == 50


def test_an_update_that_is_refused(faults, session, predictor):
    faults.fail("UpdateEndpoint", code="ResourceLimitExceeded", message="too many")
    with pytest.raises(AWSError, match="quota"):
        predictor.update_endpoint(1, "ml.c5.large")
    assert predictor.predict([7]) == {"predictions": [{"score": 7.0}]}
