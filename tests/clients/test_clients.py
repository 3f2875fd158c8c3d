"""Clients of AWS, unchanged, each in an environment of its own: `make oracles`."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import boto3
import numpy as np
import pytest

from sklearn_sagemaker import LinearLearnerClassifier, load_artifact
from sklearn_sagemaker.testing import SageMakerEmulator
from sklearn_sagemaker.testing.example_data import fill
from sklearn_sagemaker.testing.notebooks import run as run_notebook
from tests.testing.jobs import LINEAR

SCRIPTS = Path(__file__).parent / "scripts"
NOTEBOOKS = sorted(Path(__file__).parent.glob("notebooks/*.ipynb"))
ENVIRONMENTS = os.environ.get("CLIENT_ENVIRONMENTS")
pytestmark = pytest.mark.skipif(
    ENVIRONMENTS is None, reason="run by make oracles: wants environments of clients"
)


@pytest.fixture
def emulator():
    """One for each: the scripts expect an empty account."""
    with SageMakerEmulator(scale=0.0) as running:
        yield running


def python_of(client):
    """Interpreter of a client's environment."""
    home = Path(ENVIRONMENTS, client).absolute()
    if not (home / "installed").exists():
        pytest.skip(f"the environment of {client} is not there")
    return str(home / "bin" / "python")


def run(*command):
    """Run a script, whose exit code says whether all is well."""
    found = subprocess.run(command, capture_output=True, text=True)
    print(found.stdout[-4000:])
    assert found.returncode == 0, found.stderr[-4000:]


def check_model(path, X, y):
    """Whether a model of a job is that of a local fit with the same data and seed."""
    found = load_artifact(path)
    local = LinearLearnerClassifier.sagemaker_defaults(
        epochs=2, num_models=2, mini_batch_size=50, random_state=3
    )
    local.fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    np.testing.assert_array_equal(
        found.coef_.astype(np.float32), local.coef_.astype(np.float32)
    )


def test_boto3(emulator, tmp_path):
    script = str(SCRIPTS / "boto3_book.py")
    run(python_of("boto3"), script, str(tmp_path), LINEAR)
    X, y = json.loads((tmp_path / "rows.json").read_text())
    check_model(tmp_path / "model.tar.gz", np.float32(X), np.float32(y))


def test_sdk_v2(emulator, tmp_path):
    script = str(SCRIPTS / "sdk_v2.py")
    run(python_of("sdk-v2"), "-W", "ignore", script, str(tmp_path))
    rows = np.load(tmp_path / "rows.npz")
    check_model(tmp_path / "model.tar.gz", rows["X"], rows["y"])


def test_sdk_v2_beyond_its_first_steps(emulator):
    emulator.fail("CreateTrainingJob", interrupt="epoch=0,", where='"spot-')
    script = str(SCRIPTS / "endpoints_sdk_v2.py")
    run(python_of("sdk-v2"), "-W", "ignore", script)


def test_boto3_beyond_its_first_steps(emulator):
    emulator.fail("CreateTrainingJob", interrupt="epoch=0,", where='"spot')
    run(python_of("boto3"), str(SCRIPTS / "endpoints_boto3.py"), LINEAR)


def test_sdk_v3_beyond_its_first_steps(emulator):
    emulator.fail("CreateTrainingJob", interrupt="epoch=0,", where='"spot')
    script = str(SCRIPTS / "endpoints_sdk_v3.py")
    run(python_of("sdk-v3"), "-W", "ignore", script)


def test_the_aws_cli_beyond_its_first_steps(emulator):
    script = str(SCRIPTS / "endpoints_aws_cli.sh")
    run("bash", script, python_of("aws-cli"), LINEAR)


def test_sdk_v3(emulator):
    run(python_of("sdk-v3"), "-W", "ignore", str(SCRIPTS / "sdk_v3.py"))


def test_tuning_by_boto3(emulator):
    run(python_of("boto3"), str(SCRIPTS / "tuning_boto3.py"), LINEAR)


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_tuning_by_the_sdk(emulator, version):
    script = str(SCRIPTS / f"tuning_sdk_{version}.py")
    run(python_of(f"sdk-{version}"), "-W", "ignore", script)


def test_the_aws_cli(emulator):
    run("bash", str(SCRIPTS / "aws_cli.sh"), python_of("aws-cli"), LINEAR)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_of_sdk_v2(emulator, tmp_path, notebook):
    fill(boto3.client("s3"), emulator.region)
    path = Path(shutil.copy(notebook, tmp_path))
    ran = run_notebook(emulator, path, python_of("sdk-v2"), longest_sleep=0.2)
    assert not ran.errors, ran
    assert ran.done == ran.cells
