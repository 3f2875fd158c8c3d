"""Notebooks of SDK v2 run with this package's classes: only imports are changed."""

import os
import re
from pathlib import Path

import boto3
import pytest

from sklearn_sagemaker.testing import SageMakerEmulator
from sklearn_sagemaker.testing.example_data import fill
from sklearn_sagemaker.testing.notebooks import run
from tests.sagemaker.changed_imports import changed

NOTEBOOKS = sorted(Path(__file__).parent.glob("notebooks/*.ipynb"))
pytestmark = pytest.mark.skipif(
    "CLIENT_ENVIRONMENTS" not in os.environ, reason="run by make oracles: takes minutes"
)
OURS = "sklearn_sagemaker.sagemaker"


@pytest.fixture(scope="module")
def emulator():
    with SageMakerEmulator(scale=0.0) as running:
        fill(boto3.client("s3"), running.region)
        yield running


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_of_sdk_v2(emulator, tmp_path, notebook):
    text = changed(notebook.read_text())
    assert not re.search(r"(import|from) sagemaker(?!\\n)", text.replace(OURS, ""))
    path = tmp_path / notebook.name
    path.write_text(text)
    ran = run(emulator, path, longest_sleep=0.1)
    assert not ran.errors, ran
    assert ran.done == ran.cells
