"""Requests are those of SageMaker's SDK v2 for the same calls, in ``golden``."""

import json
import warnings
from inspect import Parameter, signature
from pathlib import Path

import pytest

from sklearn_sagemaker import sagemaker
from sklearn_sagemaker.sagemaker import tuner
from tests.sagemaker.golden import cases
from tests.sagemaker.golden.recorder import Recorder
from tests.sagemaker.golden.session_cases import SESSION_CASES
from tests.sagemaker.golden.tuning_cases import TUNING_CASES

CASES = {**cases.CASES, **SESSION_CASES, **TUNING_CASES}

RECORDED = json.loads(
    (Path(__file__).parent / "golden" / "requests.json").read_text(encoding="utf-8")
)
GOLDEN, SIGNATURES = RECORDED["requests"], RECORDED["signatures"]


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def shared():
    return Recorder()


@pytest.fixture
def recorder(shared):
    shared.reset()
    return shared


@pytest.mark.parametrize("name", CASES)
def test_the_requests_are_those_of_the_sdk(name, recorder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of hyperparameters without effect
        CASES[name](sagemaker, sagemaker.Session(boto_session=recorder.boto_session))
    assert ordered(recorder.requests()) == ordered(GOLDEN[name])


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_arguments_are_those_of_the_sdk(name):
    found = getattr(tuner, name.split(".")[0])
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    kept = [
        [one.name, None if one.default is Parameter.empty else repr(one.default)]
        for one in signature(found).parameters.values()
    ]
    assert kept == SIGNATURES[name]


def ordered(requests):
    """A manifest is written first here, and last there; the rest is in order.

    An empty key is what the service says of a job without one.
    """
    for _, body in requests:
        job = body.get("TrainingJobDefinition", body)
        output = job.get("OutputDataConfig", {})
        if not output.get("KmsKeyId", True):
            del output["KmsKeyId"]
    put = [item for item in requests if item[0] == "PutObject"]
    rest = [item for item in requests if item[0] != "PutObject"]
    return sorted(put, key=lambda item: item[1]["Path"]), rest


def test_every_case_has_been_recorded():
    assert set(GOLDEN) == set(CASES)
