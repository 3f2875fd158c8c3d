"""One emulator for the tests of a file, and an image that starts at once."""

import sys
from unittest import mock

import boto3
import pytest

from sklearn_sagemaker.testing import SageMakerEmulator
from sklearn_sagemaker.testing.children import Children
from tests.testing.jobs import IMAGE, PROGRAM


@pytest.fixture(scope="module")
def emulator():
    # Most tests run no program of ours: its imports would be for nothing.
    with mock.patch.object(Children, "warm"), SageMakerEmulator() as running:
        running.image(IMAGE, [sys.executable, "-I", "-S", "-c", PROGRAM])
        yield running


@pytest.fixture
def sagemaker(emulator):
    return boto3.client("sagemaker")


@pytest.fixture
def s3(emulator):
    return boto3.client("s3")
