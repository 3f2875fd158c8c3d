"""What a host knows of the others, and how it waits for them."""

import socket
import sys
import time

import pytest

from sklearn_sagemaker.exceptions import JobHostsError
from sklearn_sagemaker.serving.cluster.job_hosts import JobHosts, answering, until

SAID = {
    "current_host": "algo-2",
    "hosts": ["algo-2", "algo-10", "algo-1"],
    "network_interface_name": "eth0",
}


def test_the_first_host_is_the_first_by_name():
    hosts = JobHosts.of(SAID)
    assert hosts.names == ("algo-1", "algo-10", "algo-2")
    assert (hosts.first, hosts.is_first) == ("algo-1", False)
    assert JobHosts.of({**SAID, "current_host": "algo-1"}).is_first


def test_a_job_without_the_file_has_one_host():
    assert JobHosts.of({}) == JobHosts("algo-1", ("algo-1",))


@pytest.mark.parametrize(
    "change", [{"current_host": "algo-3"}, {"hosts": ["algo-2", "algo-2"]}]
)
def test_hosts_that_cannot_be(change):
    with pytest.raises(ValueError, match=r"resourceconfig.json has current_host"):
        JobHosts.of({**SAID, **change})


class Clock:
    """Time that passes by sleeping."""

    def __init__(self):
        self.now, self.slept = 100.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def test_attempts_are_repeated_until_one_succeeds():
    clock, left = Clock(), [OSError("no"), OSError("no"), "there"]

    def attempt():
        found = left.pop(0)
        if isinstance(found, OSError):
            raise found
        return found

    found = until(attempt, "nobody", 110.0, clock=clock, sleep=clock.sleep)
    assert found == "there"
    assert clock.slept == [0.1, 0.2]


def test_attempts_end_in_time():
    clock = Clock()

    def attempt():
        raise socket.gaierror("Name or service not known")

    with pytest.raises(JobHostsError, match=r"^nobody, tried for 10 s \(Name or"):
        until(attempt, "nobody", 110.0, clock=clock, sleep=clock.sleep)
    assert clock.now == 110.0
    assert max(clock.slept) == 2.0
    assert len(clock.slept) < 12


def test_who_answers():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert answering("127.0.0.1", port) == "127.0.0.1"
    with pytest.raises(OSError):  # noqa: PT011
        answering("127.0.0.1", port)


@pytest.mark.skipif(sys.platform != "linux", reason="the loopback is not called lo")
def test_addresses():
    pytest.importorskip("psutil")
    hosts = JobHosts("127.0.9.2", ("127.0.9.2",), "lo")
    assert hosts.address(time.monotonic()) == "127.0.9.2"
    with pytest.raises(JobHostsError, match=r"'none0' of x, .* no IPv4 address"):
        JobHosts("x", ("x",), "none0").address(time.monotonic())
