"""Jobs of several hosts from start to end: who comes, who is lost, how it is over."""

import json
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

from sklearn_sagemaker.exceptions import JobHostsError
from sklearn_sagemaker.serving.cluster import job_cluster
from sklearn_sagemaker.serving.cluster.job_hosts import JobHosts
from tests.serving.cluster import row_sums
from tests.serving.cluster.host_jobs import LONGEST

pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="one address on the loopback"),
]
X = np.arange(40.0).reshape(10, 4)


@pytest.fixture
def job(make):
    def job(count, *, seconds=40, happens="", **more):
        return make(
            count,
            row_sums.__name__,
            settings={
                "predictor_type": "regressor",
                "sklearn_sagemaker.hosts_timeout": str(seconds),
            },
            environment={"ROW_SUMS": happens},
            train=[(rows, rows[:, 0]) for rows in np.split(X, 5)],
            **more,
        )

    return job


def model_of(job):
    """What the first host has written, and no other."""
    assert not any((root / "model").exists() for root in job.roots[1:])
    return json.loads((job.roots[0] / "model" / "sums.json").read_text())


@pytest.mark.parametrize(("count", "sharded"), [(2, False), (2, True), (4, True)])
def test_all_rows_are_read_once_and_where_they_are(job, count, sharded):
    found = job(count, sharded=sharded)
    found.start(*range(count))
    assert found.ended() == [(0, None)] * count
    assert model_of(found)["sums"] == X.sum(0).tolist()
    names = [name for name, _ in model_of(found)["files"]]
    assert names == [f"part-{number}" for number in range(5)]
    hosts = [host for _, host in model_of(found)["files"]]
    if sharded:
        assert hosts == [found.names[number % count] for number in range(5)]
    assert set(hosts) == set(found.names)
    assert len(model_of(found)["processes"]) == count


def test_a_host_may_come_late(job):
    found = job(2)
    found.start(1)
    time.sleep(3)
    found.start(0)
    assert found.ended() == [(0, None)] * 2


def test_a_host_that_does_not_come_ends_the_job(job):
    found = job(3, seconds=8)
    start = time.monotonic()
    found.start(0, 1)
    first, second = found.ended()
    assert time.monotonic() < start + 40
    assert first == second
    code, reason = first
    assert code == 1
    assert reason.startswith(
        f"AlgorithmError: Within 8 s {found.names[2]} did not come"
    )


def test_the_first_host_does_not_come(job):
    found = job(2, seconds=3)
    found.start(1)
    [(code, reason)] = found.ended()
    assert code == 1
    assert f"{found.names[1]} does not reach {found.names[0]}" in reason


@pytest.mark.parametrize("what", ["worker", "program", "scheduler", "first program"])
def test_a_host_that_is_lost_ends_the_job(job, what):
    found = job(3, happens="wait for the last host")
    found.start(0, 1, 2)
    found.until_printed(0, "The rows are summed.")
    victim = {"worker": 2, "program": 2, "scheduler": 0, "first program": 0}[what]
    number = found.running[victim].pid
    if what in ("worker", "scheduler"):
        number = found.child_of(victim, what)
    start = time.monotonic()
    os.kill(number, signal.SIGKILL)
    ends = found.ended()
    assert time.monotonic() < start + 40
    lost = found.names[victim]
    if what == "worker":
        assert ends[2][1].startswith(f"AlgorithmError: The worker of {lost} was killed")
    if what == "scheduler":
        assert "The scheduler of" in ends[0][1]
        assert "was killed" in ends[0][1]
    for place, (code, reason) in enumerate(ends):
        if place == victim:
            assert code == (-9 if what.endswith("program") else 1)
        else:
            assert code == 1
            assert reason.startswith("AlgorithmError: ")
            assert lost in reason
    assert not (found.roots[0] / "model").exists()


def test_a_program_that_does_not_mind_a_loss(monkeypatch, tmp_path):
    pid = os.getpid()
    name = f"127.{1 + pid % 250}.{1 + pid // 250 % 250}.9"
    abandoned = threading.Event()
    monkeypatch.setattr(job_cluster, "LEAVE_SECONDS", 0.5)
    cluster = job_cluster.JobCluster(
        JobHosts.of({"hosts": [name], "network_interface_name": "lo"}),
        tmp_path,
        tmp_path,
        abandon=lambda error: abandoned.set(),
    )
    cluster.__enter__()
    os.kill(cluster._worker.pid, signal.SIGKILL)
    assert abandoned.wait(LONGEST)
    with pytest.raises(JobHostsError, match=f"The worker of {name} was killed"):
        cluster.__exit__(None, None, None)


def test_all_hosts_say_what_is_wrong(job):
    found = job(2, happens="raise")
    found.start(0, 1)
    assert found.ended() == [(1, "ClientError: rows are wrong")] * 2


def test_a_job_that_is_stopped_ends_on_all_hosts(job):
    found = job(2, happens="wait until asked")
    found.start(0, 1)
    found.until_printed(0, "The rows are summed.")
    # The others wait for the first.
    found.running[1].send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert found.running[1].poll() is None
    found.running[0].send_signal(signal.SIGTERM)
    assert found.ended() == [(0, None)] * 2
    assert model_of(found)["sums"] == X.sum(0).tolist()


def test_a_job_that_is_stopped_before_all_hosts_are_there(job):
    found = job(3)
    found.start(0, 1)
    found.until_printed(0, "2 of 3 hosts are there")
    found.running[0].send_signal(signal.SIGTERM)
    assert found.ended() == [(143, None)] * 2
