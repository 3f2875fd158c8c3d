"""SageMaker's variables as settings of a server."""

import pytest

from sklearn_sagemaker.serving.settings import Settings


def test_nothing_is_said():
    assert Settings.from_environment({}, 4) == Settings(max_concurrent_transforms=4)
    assert Settings().max_payload == 6_291_456


def test_everything_is_said():
    found = Settings.from_environment(
        {
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": "100",
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "8",
            "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
            "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "application/jsonlines",
            "SAGEMAKER_MULTI_MODEL": "false",
        }
    )
    assert found == Settings(100, 8, "SINGLE_RECORD", "application/jsonlines")


@pytest.mark.parametrize(
    ("said", "default"),
    [("", "application/jsonlines"), ("application/json", "application/json")],
)
def test_a_batch_transform_gets_lines_unless_something_is_said(said, default):
    found = Settings.from_environment(
        {"SAGEMAKER_BATCH": "true", "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": said}
    )
    assert found.default_accept == default


def test_no_limit_of_a_transform_is_the_largest():
    found = Settings.from_environment({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "0"})
    assert found.max_payload_in_mb == 100


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("MAX_PAYLOAD_IN_MB", "101", "from 0 to 100"),
        ("MAX_PAYLOAD_IN_MB", "6.5", "a whole number"),
        ("MAX_PAYLOAD_IN_MB", "9" * 5000, "a whole number"),
        ("MAX_CONCURRENT_TRANSFORMS", "0", "from 1"),
        ("BATCH_STRATEGY", "MultiRecord", "MULTI_RECORD, SINGLE_RECORD"),
        ("DEFAULT_INVOCATIONS_ACCEPT", "text/csv", "accept one of"),
        ("MULTI_MODEL", "true", "holds one model"),
    ],
)
def test_what_is_not_allowed(name, value, says):
    with pytest.raises(ValueError, match=f"SAGEMAKER_{name}.*{says}"):
        Settings.from_environment({f"SAGEMAKER_{name}": value})
