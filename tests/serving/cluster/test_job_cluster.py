"""Jobs of several hosts from start to end: processes that share the loopback."""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import sklearn_sagemaker
from sklearn_sagemaker.exceptions import JobHostsError
from sklearn_sagemaker.io import write_recordio
from sklearn_sagemaker.serving.cluster import job_cluster
from sklearn_sagemaker.serving.cluster.job_hosts import JobHosts
from sklearn_sagemaker.testing.forked import ForkServer
from tests.serving.cluster import row_sums
from tests.serving.jobs import make_job, write

pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="one address on the loopback"),
]
X = np.arange(40.0).reshape(10, 4)
LONGEST = 60.0
"""Seconds after which a job hangs."""


class Job:
    """A job whose hosts' names are addresses of the loopback."""

    def __init__(
        self, forks, tmp_path, count, *, sharded=False, seconds=40, happens=""
    ):
        self._forks, self._out = forks, {}
        # Of this process alone: tests run beside each other.
        net = f"127.{1 + os.getpid() % 250}.{1 + os.getpid() // 250 % 250}"
        self.names = [f"{net}.{1 + number}" for number in range(count)]
        self.roots = [tmp_path / name for name in self.names]
        self.mark = f"ROW_SUMS_OF={tmp_path}"
        settings = {
            "predictor_type": "regressor",
            "sklearn_sagemaker.hosts_timeout": str(seconds),
        }
        said = {
            "S3DistributionType": "ShardedByS3Key" if sharded else "FullyReplicated"
        }
        for number, (name, root) in enumerate(zip(self.names, self.roots, strict=True)):
            make_job(root, settings, train=said)
            write(
                root / "input" / "config" / "resourceconfig.json",
                {
                    "current_host": name,
                    "hosts": self.names,
                    "network_interface_name": "lo",
                },
            )
            for part in range(number, 5, count) if sharded else range(5):
                rows = X[2 * part : 2 * part + 2]
                path = root / "input" / "data" / "train" / f"part-{part}"
                write_recordio(path, rows, rows[:, 0])
        key, _, value = self.mark.partition("=")
        self._environment = {**os.environ, key: value, "ROW_SUMS": happens}
        self.running = {}

    def start(self, *numbers):
        for number in numbers:
            root = self.roots[number]
            self.running[number] = process = self._forks.start(
                row_sums.__name__, ["--root", str(root)], self._environment, root
            )
            os.set_blocking(process.stdout.fileno(), False)
            self._out[number] = b""

    def printed(self, number):
        self._out[number] += self.running[number].stdout.read() or b""
        return self._out[number].decode()

    def until_printed(self, number, text):
        end = time.monotonic() + LONGEST
        while text not in self.printed(number):
            assert time.monotonic() < end, self.printed(number)
            time.sleep(0.05)

    def ended(self):
        """Exit codes and reasons of the hosts that were started, in their order."""
        end = time.monotonic() + LONGEST
        codes = {
            number: process.wait(max(0.0, end - time.monotonic()))
            for number, process in sorted(self.running.items())
        }
        found = []
        for number, code in codes.items():
            failure = self.roots[number] / "output" / "failure"
            found.append((code, failure.read_text() if failure.exists() else None))
        assert not list(self.processes()), "processes are left"
        return found

    def processes(self):
        """What the job's hosts have started: numbers, and command lines."""
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if folder.name.isdigit() and self.mark.encode() in (
                    folder / "environ"
                ).read_bytes().split(b"\0"):
                    yield int(folder.name), (folder / "cmdline").read_bytes().decode()

    def close(self):
        for number, _ in self.processes():
            with contextlib.suppress(OSError):
                os.kill(number, signal.SIGKILL)
        for process in self.running.values():
            process.wait()
            process.stdout.close()

    def child_of(self, number, kind):
        """The process of a scheduler or a worker."""
        [found] = [
            process
            for process, command in self.processes()
            if "node.py" in command
            and kind in command.split("\0")
            and f'"name": "{self.names[number]}"' in command
        ]
        return found

    @property
    def model(self):
        """What the first host has written, and no other."""
        assert not any((root / "model").exists() for root in self.roots[1:])
        return json.loads((self.roots[0] / "model" / "sums.json").read_text())


@pytest.fixture(scope="module")
def forks():
    """A process that has imported what hosts do."""
    ours = str(Path(sklearn_sagemaker.__file__).parents[1])
    path = os.pathsep.join([os.environ.get("PYTHONPATH", ""), ours])
    environment = {**os.environ, "PYTHONPATH": path}
    server = ForkServer(environment, [row_sums.__name__, "distributed"])
    yield server
    server.close()


@pytest.fixture
def job(tmp_path, forks):
    jobs = []

    def make(*arguments, **more):
        jobs.append(Job(forks, tmp_path, *arguments, **more))
        return jobs[-1]

    yield make
    for one in jobs:
        one.close()


@pytest.mark.parametrize(("count", "sharded"), [(2, False), (2, True), (4, True)])
def test_all_rows_are_read_once_and_where_they_are(job, count, sharded):
    found = job(count, sharded=sharded)
    found.start(*range(count))
    assert found.ended() == [(0, None)] * count
    assert found.model["sums"] == X.sum(0).tolist()
    names = [name for name, _ in found.model["files"]]
    assert names == [f"part-{number}" for number in range(5)]
    hosts = [host for _, host in found.model["files"]]
    if sharded:
        assert hosts == [found.names[number % count] for number in range(5)]
    assert set(hosts) == set(found.names)
    assert len(found.model["processes"]) == count


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
    assert found.model["sums"] == X.sum(0).tolist()


def test_a_job_that_is_stopped_before_all_hosts_are_there(job):
    found = job(3)
    found.start(0, 1)
    found.until_printed(0, "2 of 3 hosts are there")
    found.running[0].send_signal(signal.SIGTERM)
    assert found.ended() == [(143, None)] * 2
