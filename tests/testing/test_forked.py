"""Runs that are copies of a process: as good as new ones, and nothing is left."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sklearn_sagemaker.testing import fork_server
from sklearn_sagemaker.testing.children import Children
from sklearn_sagemaker.testing.forked import Forked, ForkServer
from sklearn_sagemaker.testing.images import OUR_PROGRAM

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="is for Linux")
PROBE = """
import json, os, signal, sys, numpy
if sys.argv[1:] == ["raise"]:
    raise ValueError("wrong")
if sys.argv[1:] == ["wait"]:
    print("up", flush=True)
    signal.pause()
print(json.dumps({
    "argv": sys.argv[1:],
    "name": __name__,
    "environment": dict(os.environ),
    "folder": os.getcwd(),
    "leads": os.getsid(0) == os.getpgid(0) == os.getpid(),
    "descriptors": len(os.listdir("/proc/self/fd")),
    "before": getattr(numpy, "mark", None),
    "drawn": numpy.random.random(),
    "signals": [signal.getsignal(number) == signal.SIG_DFL for number in (15, 17)],
}))
numpy.mark = 1
print("e", file=sys.stderr)
sys.exit(3)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probe")
    (folder / "probe.py").write_text(PROBE)
    places = [str(folder), *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
    found = ForkServer({"PYTHONPATH": ":".join(places), "SECRET": "x"}, ["numpy"])
    yield found
    found.close()


def test_a_run_is_as_good_as_a_new_process(server, tmp_path):
    seen = []
    for number in "12":
        run = server.start("probe", ["a b", number], {"MINE": number}, tmp_path)
        with run.stdout:
            second, first = run.stdout.read().decode().splitlines()
        assert (run.wait(), run.poll(), second) == (3, 3, "e")
        seen.append(json.loads(first))
    draws = [found.pop("drawn") for found in seen]
    assert len(set(draws)) == 2
    for number, found in zip("12", seen, strict=True):
        # Python sets a variable of its own where there is no locale.
        found["environment"].pop("LC_CTYPE", None)
        assert found == {
            "argv": ["a b", number],
            "name": "__main__",
            "environment": {"MINE": number},
            "folder": str(tmp_path),
            "leads": True,
            "descriptors": 4,
            "before": None,
            "signals": [True, True],
        }


def test_ends_of_runs(server, tmp_path):
    def descriptors():
        places = ("self", str(server._process.pid))
        return [len(os.listdir(f"/proc/{place}/fd")) for place in places]

    for number in range(5):
        if number == 1:
            before = descriptors()
        with (run := server.start("probe", ["raise"], {}, tmp_path)).stdout:
            assert b"ValueError: wrong" in run.stdout.read()
        assert run.wait() == 1
    for number in (signal.SIGTERM, signal.SIGKILL):
        with (run := server.start("probe", ["wait"], {}, tmp_path)).stdout:
            assert run.stdout.readline() == b"up\n"
            assert run.poll() is None
            with pytest.raises(subprocess.TimeoutExpired):
                run.wait(0)
            run.send_signal(number)
            assert run.wait() == -number
        run.send_signal(number)
    after = descriptors()
    assert after[0] == before[0]
    # It tells a code before it closes what it has told it by.
    assert after[1] <= before[1] + 1


def test_a_run_of_a_killed_server_has_ended_badly(tmp_path):
    (tmp_path / "probe.py").write_text(PROBE)
    server = ForkServer({"PYTHONPATH": str(tmp_path)}, [])
    with (run := server.start("probe", ["wait"], {}, tmp_path)).stdout:
        run.stdout.readline()
        server._process.kill()
        assert run.wait() == -signal.SIGKILL
        os.killpg(run.pid, signal.SIGKILL)
    server.close()


def test_all_runs_end_with_the_server(tmp_path):
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / "probe.py").write_text(PROBE)
    server = ForkServer({"PYTHONPATH": str(folder)}, [])
    with (run := server.start("probe", ["wait"], {}, folder)).stdout:
        run.stdout.readline()
        server.close()
        assert run.wait() == -signal.SIGKILL
        assert not Path(f"/proc/{run.pid}").exists()
    with pytest.raises(OSError, match="descriptor"):
        server.start("probe", [], {}, folder)


def test_a_process_that_still_imports_is_ended_at_once(tmp_path):
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(600)\n")
    server = ForkServer({"PYTHONPATH": str(tmp_path)}, ["slow"])
    assert not server.is_ready()
    server.close()
    assert server._process.returncode == -signal.SIGKILL


def test_one_that_has_lost_its_emulator_says_nothing(tmp_path):
    done = tmp_path / "done"
    done.touch()
    code = "import os, time\nwhile os.path.exists('done'): time.sleep(0.01)\n"
    (tmp_path / "slow.py").write_text(code.replace("done", str(done)))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, fork_server.__file__, str(theirs.fileno()), "slow"],
            env={"PYTHONPATH": str(tmp_path)},
            pass_fds=[theirs.fileno()],
            stderr=subprocess.PIPE,
        )
    ours.close()
    done.unlink()
    _, said = process.communicate()
    assert (process.returncode, said) == (0, b"")


def test_which_runs_are_copies(tmp_path):
    children = Children(tmp_path / "x")

    def kind(name, **variables):
        # What is no program of ours says so at once.
        run = children.start([*OUR_PROGRAM, "no", name], variables, tmp_path)
        with run.stdout:
            assert b"usage" in run.stdout.read()
        assert run.wait() == 2
        children.ended(run)
        return type(run)

    try:
        # Servers start fast, without the process.
        assert kind("serve") is subprocess.Popen
        assert kind("train", SAGEMAKER_X="1") is Forked
        assert kind("serve") is Forked
        # Libraries read it when they are imported.
        assert kind("train", OMP_NUM_THREADS="1") is subprocess.Popen
        children._forks._process.kill()
        children._forks._process.wait()
        assert kind("train") is subprocess.Popen
    finally:
        children.close()
