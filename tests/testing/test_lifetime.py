"""What is left of an emulator: nothing, however it ends."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import boto3
import pytest

from sklearn_sagemaker.testing import SageMakerEmulator
from tests.testing.jobs import configure, in_service

RUNNING = """
import os, sys, time, boto3
from sklearn_sagemaker.testing import SageMakerEmulator
from sklearn_sagemaker.testing.images import OUR_PROGRAM
from tests.testing.jobs import IMAGE, PROGRAM, job, until_printed
with SageMakerEmulator() as emulator:
    emulator.image(IMAGE, [sys.executable, "-I", "-S", "-c", PROGRAM])
    do = '''
import subprocess
stray = subprocess.Popen(["sleep", "600"], start_new_session=True)
print(os.getpid(), stray.pid, flush=True); time.sleep(600)
'''
    boto3.client("sagemaker").create_training_job(**job(emulator, "long", do))
    [process] = until_printed("long")
    children = emulator._children
    # A job of ours, which waits for rows.
    root = emulator._folder / "ours"
    (root / "input" / "config").mkdir(parents=True)
    (root / "input" / "data").mkdir()
    for name, text in (
        ("hyperparameters", '{"predictor_type": "regressor"}'),
        ("inputdataconfig", '{"train": {"TrainingInputMode": "Pipe"}}'),
    ):
        (root / "input" / "config" / f"{name}.json").write_text(text)
    os.mkfifo(root / "input" / "data" / "train_0")
    ours = children.start([*OUR_PROGRAM, "train", "--root", str(root)], {}, root)
    while b"Using default worker" not in ours.stdout.readline():
        pass
    print(emulator._folder, emulator.port, *process.split(), ours.pid,
          children._janitor.pid, children._forks._process.pid, flush=True)
    if sys.argv[1] == "wait":
        time.sleep(600)
"""


# Answers pings, and is deaf to TERM.
DEAF = """
import http.server, os, signal
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def is_there(process):
    try:
        # Killed ones wait for whoever adopts them.
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    except OSError:
        return False


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", ["killed", "left"])
def test_nothing_is_left(how):
    program = subprocess.Popen(
        [sys.executable, "-c", RUNNING, "wait" if how == "killed" else "leave"],
        stdout=subprocess.PIPE,
        text=True,
    )
    with program:
        folder, *numbers = program.stdout.readline().split()
        port, *processes = map(int, numbers)
        if how == "killed":
            assert all(map(is_there, processes))
            assert listens(port)
            assert os.path.isdir(folder)
            program.kill()
        program.wait()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        left = [*filter(is_there, processes)]
        if not left and not os.path.isdir(folder):
            break
        time.sleep(0.05)
    assert not left
    assert not os.path.isdir(folder)
    assert not listens(port)


AT_ONCE = """
import sys, time
from sklearn_sagemaker.testing import SageMakerEmulator
with SageMakerEmulator() as emulator:
    print(emulator._folder, emulator._children._forks.pid, flush=True)
    if sys.argv[1] == "wait":
        time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", ["killed", "left"])
def test_nothing_is_left_of_what_imports_in_the_background(how):
    program = subprocess.Popen(
        [sys.executable, "-c", AT_ONCE, "wait" if how == "killed" else "leave"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with program:
        folder, process = program.stdout.readline().split()
        if how == "killed":
            program.kill()
        _, said = program.communicate()
    end = time.monotonic() + 60
    while time.monotonic() < end and (is_there(process) or os.path.isdir(folder)):
        time.sleep(0.05)
    assert not is_there(process)
    assert not os.path.isdir(folder)
    assert said == ""


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "sklearn_sagemaker", "emulate", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_command_runs_with_the_emulator():
    code = (
        "import sys, boto3; found = boto3.client('sagemaker').list_models()['Models']; "
        "print(found, sys.argv[1:]); sys.exit(7)"
    )
    with start("--region", "eu-west-1", "--", sys.executable, "-c", code, "--x") as run:
        out, err = run.communicate()
    assert (run.returncode, out, err) == (7, "[] ['--x']\n", "")


STARTS = """
import subprocess, sys, time
for away in (False, True):
    started = subprocess.Popen(["sleep", "600"], start_new_session=away)
    print(started.pid, flush=True)
if sys.argv[1] == "killed":
    time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", ["killed", "left"])
def test_what_a_command_has_started_ends(how):
    with start("--", sys.executable, "-c", STARTS, how) as run:
        processes = [int(run.stdout.readline()) for _ in range(2)]
        if how == "killed":
            assert all(map(is_there, processes))
            run.kill()
        run.wait()
        end = time.monotonic() + 60
        while any(map(is_there, processes)) and time.monotonic() < end:
            time.sleep(0.05)
        assert not any(map(is_there, processes))


@pytest.mark.slow
def test_the_emulator_runs_until_it_is_told_to_end():
    with start("--port", "0") as run:
        first = run.stdout.readline()
        lines = [run.stdout.readline() for _ in range(3)]
        run.send_signal(signal.SIGTERM)
        run.communicate()
    assert "http://127.0.0.1:" in first
    assert lines[0].startswith("export AWS_ENDPOINT_URL=http://127.0.0.1:")
    assert run.returncode == 143


@pytest.mark.slow
def test_a_deleted_endpoint_that_does_not_end_is_ended_with_the_emulator():
    with SageMakerEmulator() as emulator:
        emulator.image("deaf:1", [sys.executable, "-I", "-S", "-c", DEAF])
        sagemaker = boto3.client("sagemaker")
        container = {"Image": "deaf:1"}
        sagemaker.create_model(
            ModelName="deaf", ExecutionRoleArn=emulator.role, PrimaryContainer=container
        )
        configure(sagemaker, "deaf", "deaf")
        sagemaker.create_endpoint(EndpointName="deaf", EndpointConfigName="deaf")
        assert in_service(sagemaker, "deaf")["EndpointStatus"] == "InService"
        before = set(threading.enumerate())
        sagemaker.delete_endpoint(EndpointName="deaf")
        new = set(threading.enumerate()) - before
        closing = [thread for thread in new if "process_request" not in thread.name]
    assert closing
    assert not any(thread.is_alive() for thread in closing)


def test_a_taken_port_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with start("--port", port) as run:
            _, err = run.communicate()
    assert run.returncode == 2
    assert err.count("\n") == 1
    assert "in use" in err


def test_other_machines_are_not_let_in_unasked():
    with pytest.raises(ValueError, match="allow_remote"):
        SageMakerEmulator(host="0.0.0.0")


@pytest.mark.slow
def test_the_fixture(tmp_path):
    (tmp_path / "conftest.py").write_text(
        'pytest_plugins = ["sklearn_sagemaker.testing.fixtures"]\n'
    )
    (tmp_path / "test_it.py").write_text(
        "def test_it(sagemaker_emulator):\n    assert sagemaker_emulator.port\n"
    )
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout + found.stderr
