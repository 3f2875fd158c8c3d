"""Jobs of several hosts that train."""

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
PARTS = [(X[k : k + 200], LABELS[k : k + 200]) for k in range(0, 1000, 200)]
SETTINGS = {
    "predictor_type": "binary_classifier",
    "epochs": "3",
    "num_models": "4",
    "mini_batch_size": "100",
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
    for count, sharded in ((2, True), (3, False)):
        found = job(count, sharded=sharded, validation=held, test=held)
        found.start(*range(count))
        assert found.ended() == [(0, None)] * count, found.printed(0)
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
    long = {
        **SETTINGS,
        "epochs": "100000",
        "early_stopping_patience": "100000",
        "sklearn_sagemaker.checkpoint_every": "0",
    }
    found = job(2, settings=long)
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
