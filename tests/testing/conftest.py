"""One emulator for the tests of a file, and an image that starts at once."""

import sys

import boto3
import pytest

from sklearn_sagemaker.testing import SageMakerEmulator
from tests.testing.jobs import IMAGE, PROGRAM


@pytest.fixture(scope="module")
def emulator():
    with SageMakerEmulator() as running:
        running.image(IMAGE, [sys.executable, "-I", "-S", "-c", PROGRAM])
        yield running


@pytest.fixture
def sagemaker(emulator):
    return boto3.client("sagemaker")


@pytest.fixture
def s3(emulator):
    return boto3.client("s3")
