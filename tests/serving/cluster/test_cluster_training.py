"""Jobs of several hosts that train."""

import os
import signal
import sys

import numpy as np
import pytest

from sklearn_sagemaker import load_artifact
from tests.serving.jobs import state_digest

pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="one address on the loopback"),
]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(1200, 5)).astype(np.float32)
LABELS = (X[:, 0] + 0.3 * RNG.normal(size=len(X)) > 0).astype(np.float32)
PARTS = [(X[k : k + 100], LABELS[k : k + 100]) for k in range(0, 1000, 100)]
SETTINGS = {
    "predictor_type": "binary_classifier",
    "epochs": "3",
    "num_models": "4",
    "mini_batch_size": "100",
}
BEYOND_MEMORY = {
    **SETTINGS,
    "sklearn_sagemaker.memory": "30000",
    "sklearn_sagemaker.n_shards": "4",
}
LONG = {
    **SETTINGS,
    "epochs": "100000",
    "early_stopping_patience": "100000",
    "sklearn_sagemaker.checkpoint_every": "0",
}


@pytest.fixture
def job(make):
    def job(count, train=PARTS, settings=SETTINGS, **more):
        program = "sklearn_sagemaker.serving"
        return make(count, program, "train", settings=settings, train=train, **more)

    return job


def test_the_model_does_not_depend_on_the_hosts(job):
    held = [(X[1000:], LABELS[1000:])] * 3
    digests = []
    for count, sharded in ((3, True), (2, False)):
        more = {"validation": held[:2], "test": held}
        found = job(count, settings=BEYOND_MEMORY, sharded=sharded, **more)
        found.start(*range(count))
        assert found.ended() == [(0, None)] * count, found.printed(0)
        # Four shards are of files that three hosts have, and of one host each.
        assert ("are copied between hosts" in found.printed(0)) == sharded
        digests.append(state_digest(found.roots[0]))
        model = load_artifact(found.roots[0] / "model" / "model_algo-1")
        assert model.score(X, LABELS) > 0.8
        assert "#test_score (algo-1)" in found.printed(0)
        assert not any((root / "model").exists() for root in found.roots[1:])
    assert digests[0] == digests[1]


def test_a_wrong_row_is_said_by_all_hosts(job):
    wrong = [*PARTS[:1], (X[:10], np.full(10, 2.0, np.float32))]
    found = job(2, wrong, sharded=True)
    found.start(0, 1)
    ends = found.ended()
    assert ends[0] == ends[1]
    code, reason = ends[0]
    assert code == 1
    assert reason.startswith("ClientError: The channel 'train' has the label 2;")


def test_a_stopped_training_goes_on(job):
    found = job(2, settings=LONG)
    (found.roots[0] / "checkpoints").mkdir()

    def first_epoch():
        found.start(0, 1)
        found.until_printed(0, "#quality_metric")
        for number in (1, 0):
            found.running[number].send_signal(signal.SIGTERM)
        assert found.ended() == [(143, None)] * 2, found.printed(0)
        lines = found.printed(0).splitlines()
        return next(line for line in lines if "#quality_metric" in line)

    assert "epoch=0," in first_epoch()
    assert "epoch=0," not in first_epoch()


def test_a_job_goes_on_after_a_worker_was_killed(job):
    found = job(2, settings=LONG, sharded=True)
    (found.roots[0] / "checkpoints").mkdir()
    found.start(0, 1)
    found.until_printed(0, "epoch=1,")
    os.kill(found.child_of(1, "worker"), signal.SIGKILL)
    (code, reason), (other, _) = found.ended()
    assert (code, other) == (1, 1)
    assert f"{found.names[1]} has left the job while it ran" in reason
    found.start(0, 1)
    found.until_printed(0, "#quality_metric")
    lines = found.printed(0).splitlines()
    first = next(line for line in lines if "#quality_metric" in line)
    assert "epoch=0," not in first
    found.running[0].send_signal(signal.SIGTERM)
    assert found.ended() == [(143, None)] * 2


def test_machines_train(job):
    settings = {
        "predictor_type": "binary_classifier",
        "feature_dim": "5",
        "num_factors": "2",
        "epochs": "5",
        "linear_lr": "0.1",
        "mini_batch_size": "100",
    }
    found = job(2, settings=settings, sharded=True)
    found.start(0, 1)
    assert found.ended() == [(0, None)] * 2, found.printed(0)
    model = load_artifact(found.roots[0] / "model" / "model_algo-1")
    assert model.score(X, LABELS) > 0.6


def test_a_solver_of_all_rows_is_refused(job):
    settings = {
        "predictor_type": "regressor",
        "feature_dim": "5",
        "num_factors": "2",
        "sklearn_sagemaker.solver": '"als"',
    }
    found = job(2, settings=settings)
    found.start(0, 1)
    (code, reason), _ = found.ended()
    assert code == 1
    assert reason.startswith("ClientError: solver='als' needs all rows at once")
