"""What is killed in the middle of a training on a Dask cluster, and what follows."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings

import pytest
from sklearn.datasets import make_classification

from sklearn_sagemaker import LinearLearnerClassifier
from sklearn_sagemaker.backends import DaskBackend, checkpoint_places
from sklearn_sagemaker.exceptions import (
    CheckpointError,
    CheckpointWarning,
    ClusterLostError,
)
from tests.backends.support import assert_same

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

dask = pytest.importorskip("dask")
pytest.importorskip("distributed")

X, Y = make_classification(600, 6, random_state=0)
SECONDS = 60


def classifier(address, **settings):
    return LinearLearnerClassifier(
        num_models=3,
        epochs=4,
        optimizer="adam",
        random_state=0,
        backend=DaskBackend(address, n_shards=4, every=0, **settings),
    )


class Cluster:
    """A scheduler and two workers, each a process that nobody starts again."""

    def __init__(self, folder):
        file = folder / "scheduler.json"
        common = ["--scheduler-file", str(file), "--no-dashboard"]
        where = ["--host", "127.0.0.1", "--port", "0"]
        self.scheduler = self._started("dask_scheduler", *common, *where)
        working = ["--no-nanny", "--nthreads", "1", "--death-timeout", "30"]
        self.workers = [self._started("dask_worker", *common, *working) for _ in "12"]
        wait_for(file.exists)
        wait_for(lambda: file.read_text().endswith("}"))
        self.address = json.loads(file.read_text())["address"]

    @staticmethod
    def _started(program, *arguments):
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{program}", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def close(self):
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


def wait_for(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def processes(tmp_path):
    found = Cluster(tmp_path)
    yield found
    found.close()


class At:
    """Does something at the end of an epoch."""

    def __init__(self, epoch, what):
        self.left, self.what = epoch, what

    def __call__(self):
        self.left -= 1
        if self.left == 0:
            self.what()
        return False


def paused(process, seconds):
    """Stop a process for a while, as a busy machine does."""
    process.send_signal(signal.SIGSTOP)
    threading.Timer(seconds, process.send_signal, (signal.SIGCONT,)).start()


KILLED = """
import sys
from tests.backends.test_dask_faults import X, Y, classifier
classifier(sys.argv[1], checkpoint=sys.argv[2]).fit(X, Y)
"""


def test_what_is_killed_or_slow_costs_time_and_no_bit(processes, tmp_path):
    address, folder = processes.address, tmp_path / "checkpoints"
    whole = classifier(address).fit(X, Y)

    # The client.
    client = subprocess.Popen([sys.executable, "-c", KILLED, address, str(folder)])
    wait_for((folder / "epoch-000002.zip").exists)
    client.kill()
    client.wait()
    with pytest.warns(CheckpointWarning, match="goes on from .*, to the same bits"):
        again = classifier(address, checkpoint=folder).fit(X, Y)
    assert_same(again, whole)
    with pytest.raises(CheckpointError, match="differs in .*rows"):
        classifier(address, checkpoint=folder).fit(X[:-1], Y[:-1])

    # A worker that is slow, and then one that is lost for good.
    slow = At(1, lambda: paused(processes.workers[0], 2))
    slowed = classifier(address, checkpoint=tmp_path / "slow", stop=slow).fit(X, Y)
    assert_same(slowed, whole)
    lost = At(2, processes.workers[0].kill)
    alone = classifier(address, checkpoint=tmp_path / "lost", stop=lost).fit(X, Y)
    assert_same(alone, whole)

    # The scheduler.
    folder = tmp_path / "without"
    gone = At(2, processes.scheduler.kill)
    model = classifier(address, checkpoint=folder, stop=gone)
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(ClusterLostError, match=f"goes on from {folder}"),
    ):
        model.fit(X, Y)
    assert os.listdir(folder)
    assert not hasattr(model, "coef_")


def test_a_full_disk_and_another_client_stop_no_training(
    cluster, tmp_path, monkeypatch
):
    whole = classifier(cluster).fit(X, Y)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_places, "write_values", full)
        with pytest.warns(CheckpointWarning, match="No space left.*goes on"):
            assert_same(classifier(cluster, checkpoint=tmp_path).fit(X, Y), whole)

    found = []

    def other():
        found.append(classifier(cluster, checkpoint=tmp_path).fit(X, Y))

    threads = [threading.Thread(target=other) for _ in range(2)]
    with warnings.catch_warnings():
        # One may find what the other has written.
        warnings.simplefilter("ignore", CheckpointWarning)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for model in found:
        assert_same(model, whole)
    assert len(found) == 2
