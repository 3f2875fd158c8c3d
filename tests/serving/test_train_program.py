"""The training program as a process: exit codes, failures, ends and new starts."""

import re
import shutil
import signal
import warnings

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker import load_artifact
from sklearn_sagemaker.io import write_recordio
from sklearn_sagemaker.serving.train import main
from tests.serving.jobs import make_job, run_here, start, state_digest

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 6)).astype(np.float32)
NUMBERS = (X @ RNG.normal(size=6) + X[:, 0] * X[:, 1]).astype(np.float32)
LABELS = (NUMBERS > 0).astype(int)
SPARSE = sp.random(400, 30, density=0.2, format="csr", random_state=0, dtype=np.float32)
OWN = {
    "sklearn_sagemaker.num_models": "8",
    "sklearn_sagemaker.checkpoint_every": "0",
    "sklearn_sagemaker.early_stopping_patience": "100",
}
LINEAR = {"predictor_type": "regressor", "epochs": "30", **OWN}
FACTORS = {
    "predictor_type": "regressor",
    "feature_dim": "30",
    "num_factors": "4",
    "epochs": "30",
    **OWN,
}
CASES = {
    "linear": (LINEAR, X),
    "windows": ({**LINEAR, "sklearn_sagemaker.memory": "8000"}, X),
    "gradient": (FACTORS, SPARSE),
    "als": ({**FACTORS, "sklearn_sagemaker.solver": '"als"'}, SPARSE),
    "mcmc": ({**FACTORS, "sklearn_sagemaker.solver": '"mcmc"'}, SPARSE),
}


@pytest.fixture
def program(monkeypatch):
    """The program in this process, whose warnings and signals it takes over."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    before = signal.getsignal(signal.SIGTERM)
    yield lambda root: main(["--root", str(root)])
    signal.signal(signal.SIGTERM, before)


def finished(process, code=0):
    out, errors = process.communicate(timeout=300)
    assert process.returncode == code, errors + out[-2000:]
    return out


def ended_in_epoch(root, epoch, how):
    """Start the program, and send a signal in an epoch, counted from 1."""
    # What nobody reads makes a program wait: it is not far beyond the line read last.
    process = start(root, pipesize=4096)
    done = f"epoch={epoch - 2}, train"
    for line in process.stdout:
        if done in line:
            process.send_signal(how)
            break
    process.communicate(timeout=300)
    return process.returncode


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_job_goes_on_to_the_same_bytes(tmp_path, case):
    strings, rows = CASES[case]
    root = make_job(tmp_path / "ml", strings, train=(rows, NUMBERS))
    whole = shutil.copytree(root, tmp_path / "whole")
    (root / "checkpoints").mkdir()
    assert ended_in_epoch(root, 3, signal.SIGTERM) == 143
    assert list((root / "checkpoints").glob("epoch-*.zip"))
    assert not (root / "model" / "model_algo-1").exists()
    assert not (root / "output" / "failure").exists()
    assert ended_in_epoch(root, 6, signal.SIGKILL) == -signal.SIGKILL
    out = finished(start(root))
    assert "CheckpointWarning: The training goes on from" in out
    assert "epoch=0, train" not in out
    # Never cut off, and without checkpoints.
    run_here(whole, tmp_path)
    models = [one / "model" / "model_algo-1" for one in (root, whole)]
    assert models[0].read_bytes() == models[1].read_bytes()
    assert state_digest(root) == state_digest(whole)


@pytest.mark.slow
def test_without_checkpoints_the_model_is_what_it_is_by_then(tmp_path):
    root = make_job(tmp_path / "ml", LINEAR, train=(X, NUMBERS))
    assert ended_in_epoch(root, 3, signal.SIGTERM) == 143
    model = load_artifact(root / "model" / "model_algo-1")
    assert np.isfinite(model.coef_).all()


def test_checkpoints_of_another_job_are_refused(tmp_path, program):
    root = make_job(tmp_path / "ml", LINEAR, train=(X, NUMBERS))
    (root / "checkpoints").mkdir()
    assert program(root) == 0
    make_job(root, {**LINEAR, "wd": "0.1"}, train=(X, NUMBERS))
    assert program(root) == 1
    failure = (root / "output" / "failure").read_text()
    assert re.match("ClientError: .*checkpoints of another training.* wd", failure)
    # One that ends well has no failure.
    shutil.rmtree(root / "checkpoints")
    make_job(root, LINEAR, train=(X, NUMBERS))
    assert program(root) == 0
    assert not (root / "output" / "failure").exists()


FAILURES = {
    "hyperparameter": (
        {"epoch": "3"},
        "AlgorithmError: Additional properties are not allowed ('epoch' was ",
    ),
    "range": ({"epochs": "abc"}, "AlgorithmError: epochs='abc' is not valid"),
    "width": ({"feature_dim": "5"}, "ClientError: "),
}


@pytest.mark.parametrize("case", FAILURES)
def test_failures_say_why(tmp_path, case, program, capsys):
    more, wanted = FAILURES[case]
    root = make_job(tmp_path / "ml", {**LINEAR, **more}, train=(X, NUMBERS))
    assert program(root) == 1
    out = capsys.readouterr().out
    assert out.startswith("Docker entrypoint called with argument(s): train\n")
    failure = (root / "output" / "failure").read_text()
    assert failure.startswith(wanted)
    assert failure in out
    assert not (root / "model").exists()


def test_damaged_records_are_the_clients(tmp_path, program):
    root = make_job(tmp_path / "ml", LINEAR, train={})
    data = write_recordio(None, X, NUMBERS)
    (root / "input" / "data" / "train" / "part").write_bytes(data[:-7])
    assert program(root) == 1
    failure = (root / "output" / "failure").read_text()
    assert re.match(r"ClientError: .*input/data/train/part: record 399 ", failure)


def test_a_folder_without_a_job(tmp_path, program):
    assert program(tmp_path) == 1
    failure = (tmp_path / "output" / "failure").read_text()
    assert failure.startswith("AlgorithmError: predictor_type is missing")
