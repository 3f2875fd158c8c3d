"""Jobs of the training program in Pipe mode, over real named pipes."""

import shutil
import signal
import time

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor
from sklearn_sagemaker.io import write_recordio
from sklearn_sagemaker.io.datasets.pipes import PipeDataset
from tests.serving.jobs import (
    fitted,
    make_job,
    run_here,
    start,
    state_digest,
    trained,
)
from tests.serving.pipes import PipeWriter

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4000, 6)).astype(np.float32)
NUMBERS = (X @ RNG.normal(size=6) + X[:, 0] * X[:, 1]).astype(np.float32)
LABELS = (NUMBERS > 0).astype(int)
PIPE = {"TrainingInputMode": "Pipe", "ContentType": "application/x-recordio-protobuf"}
QUICK = {"epochs": "4", "num_models": "4"}


def writers(root, **channels):
    data = root / "input" / "data"
    return [
        PipeWriter(data / name, write_recordio(None, *rows), late=0.005)
        for name, rows in channels.items()
    ]


def test_rows_that_fit_come_once(tmp_path):
    parts = slice(0, 3000), slice(3000, 3500), slice(3500, 4000)
    rows = [(X[part], LABELS[part]) for part in parts]
    channels = dict(zip(("train", "validation", "test"), rows, strict=True))
    strings = {"predictor_type": "binary_classifier", **QUICK}
    root = make_job(tmp_path / "ml", strings, **dict.fromkeys(channels, PIPE))
    train, validation, test = writers(root, **channels)
    with train, validation, test:
        log = run_here(root, tmp_path)
    assert [writer.whole for writer in (train, validation, test)] == [[0], [0], [0]]
    local = LinearLearnerClassifier.sagemaker_defaults(
        random_state=0, epochs=4, num_models=4
    )
    (X_train, y_train), (X_val, y_val), _ = rows
    local.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    assert trained(root, clone(local)) == fitted(local)
    assert "#test_score (algo-1) : ('binary_classification_accuracy', " in log


def test_rows_beyond_memory_take_a_pass_an_epoch(tmp_path):
    memory = 30_000
    strings = {
        "predictor_type": "regressor",
        **QUICK,
        "sklearn_sagemaker.memory": str(memory),
    }
    root = make_job(tmp_path / "ml", strings, train=PIPE)
    (writer,) = writers(root, train=(X, NUMBERS))
    with writer:
        run_here(root, tmp_path)
    local = LinearLearnerRegressor.sagemaker_defaults(
        random_state=0, epochs=4, num_models=4
    )
    (tmp_path / "local").mkdir()
    other = PipeWriter(tmp_path / "local" / "train", write_recordio(None, X, NUMBERS))
    with other:
        source = PipeDataset(str(other.prefix), "recordio", memory=memory)
        local.fit(source)
    assert trained(root, clone(local)) == fitted(local)
    # What is inside, what scales the rows, and four epochs.
    assert writer.whole == [0, 1, 2, 3, 4, 5]
    assert writer.broken == []


@pytest.mark.slow
def test_a_job_goes_on_from_new_pipes_to_the_same_bytes(tmp_path):
    strings = {
        "predictor_type": "regressor",
        "epochs": "15",
        "num_models": "8",
        "sklearn_sagemaker.memory": "30000",
        "sklearn_sagemaker.checkpoint_every": "0",
    }
    root = make_job(tmp_path / "ml", strings, train=PIPE)
    whole = shutil.copytree(root, tmp_path / "whole")
    (root / "checkpoints").mkdir()
    for how in (signal.SIGTERM, signal.SIGKILL, None):
        for left in (root / "input" / "data").glob("train_*"):
            left.unlink()
        (writer,) = writers(root, train=(X, NUMBERS))
        with writer:
            process = start(root, pipesize=4096)
            for line in process.stdout:
                if how is not None and "#progress_metric" in line:
                    process.send_signal(how)
                    break
            process.communicate(timeout=3000)
        assert (
            process.returncode
            == {
                signal.SIGTERM: 143,
                signal.SIGKILL: -9,
                None: 0,
            }[how]
        )
    (writer,) = writers(whole, train=(X, NUMBERS))
    with writer:
        run_here(whole, tmp_path)
    assert state_digest(root) == state_digest(whole)


@pytest.mark.slow
def test_a_job_that_waits_for_a_pipe_ends_when_asked(tmp_path):
    strings = {"predictor_type": "regressor", **QUICK}
    root = make_job(tmp_path / "ml", strings, train=PIPE)
    process = start(root)
    for line in process.stdout:
        if "Using default worker" in line:
            break
    time.sleep(0.1)
    process.terminate()
    process.communicate(timeout=300)
    assert process.returncode == 143
    assert not (root / "output" / "failure").exists()
