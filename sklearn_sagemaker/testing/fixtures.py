"""A fixture for pytest: ``pytest_plugins = ["sklearn_sagemaker.testing.fixtures"]``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sklearn_sagemaker.testing import SageMakerEmulator


@pytest.fixture(scope="session")
def sagemaker_emulator() -> Iterator[SageMakerEmulator]:
    """An emulator for all tests."""
    with SageMakerEmulator() as emulator:
        yield emulator
