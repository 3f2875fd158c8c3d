"""One emulator for the tests of a file, an image that starts at once, and a session."""

import sys

import pytest
from botocore.retries.standard import ExponentialBackoff

from sklearn_sagemaker.sagemaker.session import Session
from sklearn_sagemaker.testing import SageMakerEmulator
from tests.testing.jobs import IMAGE, PROGRAM


@pytest.fixture(scope="module")
def emulator():
    with SageMakerEmulator(scale=0.01) as running:
        running.image(IMAGE, [sys.executable, "-I", "-S", "-c", PROGRAM])
        yield running


@pytest.fixture
def faults(emulator):
    """The emulator; what a test lets fail is healed after it."""
    yield emulator
    emulator.heal()


@pytest.fixture(scope="module")
def session(emulator):
    return Session()


@pytest.fixture
def at_once(monkeypatch):
    """Calls that fail are repeated without a pause."""
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda self, context: 0.0)
