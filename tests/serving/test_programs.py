"""The programs as processes: signals, slow clients, workers that are killed."""

import contextlib
import errno
import http.client
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from sklearn_sagemaker.cli.main import main
from sklearn_sagemaker.serving.workers import set_deadlines

from .conftest import ARTIFACTS

ROW = b"28,2,133937,9,13,2,0,0,4,1,15024,0,55,37"
ANSWER = b'{"predictions": [{"score": 0.9899773597717285, "predicted_label": 1}]}'
SECONDS = 60
"""Until something must have happened, on a machine that has much else to do."""

needs_gunicorn = pytest.mark.skipif(
    importlib.util.find_spec("gunicorn") is None,
    reason="gunicorn is not installed; install sklearn_sagemaker[serving]",
)


@pytest.fixture
def root(tmp_path):
    """What a container has under /opt/ml."""
    (tmp_path / "model").mkdir()
    shutil.copy(ARTIFACTS / "ll-adult.tar.gz", tmp_path / "model" / "model.tar.gz")
    return tmp_path


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


@contextlib.contextmanager
def running(*arguments, port=None, **variables):
    """A program that answers, and its port."""
    environment = {**os.environ, **variables}
    with subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
    ) as process:  # fmt: skip
        try:
            if port is None:
                line = process.stdout.readline().decode()
                port = int(line.rsplit(":", 1)[1])
            wait_for(lambda: request(port, "GET", "/ping")[0] == 200)
            yield process, port
        finally:
            process.kill()
            process.stdout.read()


def wait_for(condition):
    end = time.monotonic() + SECONDS
    while True:
        with contextlib.suppress(OSError):
            if condition():
                return
        assert time.monotonic() < end
        time.sleep(0.05)


def request(port, method="POST", path="/invocations", body=ROW, **headers):
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    ) as connection:
        headers = {"Content-Type": "text/csv", **headers}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


class Load:
    """Threads that ask again and again, each over a connection that is kept."""

    def __init__(self, port, n_threads=2):
        self._port, self._stop = port, threading.Event()
        self.answers, self.failures = 0, []
        self._threads = [threading.Thread(target=self._ask) for _ in range(n_threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        with contextlib.closing(connection):
            while not self._stop.is_set():
                try:
                    connection.request(
                        "POST", "/invocations", ROW, {"Content-Type": "text/csv"}
                    )
                    answer = connection.getresponse()
                    if (answer.status, answer.read()) != (200, ANSWER):
                        self.failures.append(answer.status)
                    self.answers += 1
                    if answer.getheader("Connection") == "close":
                        connection.close()
                except (OSError, http.client.HTTPException) as error:
                    self.failures.append(error)
                    connection.close()

    def wait(self, more):
        """For some more answers."""
        least = self.answers + more
        wait_for(lambda: self.answers >= least)


def test_the_command_serves_until_it_is_told_to_stop():
    model = ARTIFACTS / "ll-adult.tar.gz"
    with running("sklearn_sagemaker", "serve", model, "--port", 0) as (process, port):
        assert request(port) == (200, ANSWER)
        assert request(port, body=b"1,2")[0] == 400
        with socket.create_connection(("127.0.0.1", port)) as half:
            half.sendall(b"POST /invocations HTTP/1.1\r\nContent-Length: 40\r\n")
            half.sendall(b"Content-Type: text/csv\r\n\r\n")
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            half.sendall(ROW)
            found = half.makefile("rb").read()
        assert found.startswith(b"HTTP/1.1 200 OK")
        assert found.endswith(ANSWER)
        assert process.wait(SECONDS) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing.tar.gz"], "missing.tar.gz: No such file"),
        (["__file__"], "is no artifact of SageMaker's"),
        (["model", "--port", "70000"], "'70000' is not a port"),
    ],
)
def test_the_command_refuses(arguments, says, capsys):
    arguments = [__file__ if word == "__file__" else word for word in arguments]
    assert main(["serve", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_a_port_that_is_taken(capsys):
    model = str(ARTIFACTS / "ll-adult.tar.gz")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", model, "--port", str(port)]) == 2
    error = capsys.readouterr().err
    assert f"127.0.0.1:{port}: " in error
    assert "choose another --port" in error


def test_a_pickle_is_never_loaded(tmp_path, capsys):
    marker = tmp_path / "was-run"
    code = f"cposix\nsystem\n(S'touch {marker}'\ntR.".encode()
    for name in ("model.joblib", "model.tar.gz"):
        (tmp_path / name).write_bytes(code)
        assert main(["serve", str(tmp_path / name)]) == 2
    assert not marker.exists()


def test_importing_the_package_imports_none_of_it():
    code = (
        "import sys, sklearn_sagemaker, sklearn_sagemaker.cli.main as main;"
        "main.make_parser();"
        "print([name for name in sys.modules if name.startswith(("
        "'sklearn_sagemaker.serving', 'http.server', 'socketserver', 'gunicorn'))])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert found.stdout == "[]\n"


def test_a_server_imports_no_scikit_learn():
    path = ARTIFACTS / "ll-adult.tar.gz"
    code = (
        "import sys; from sklearn_sagemaker.serving.app import make_app;"
        "from sklearn_sagemaker.serving import serve, server, workers;"
        "from sklearn_sagemaker.serving.model import load_model;"
        f"make_app(load_model({str(path)!r}));"
        "print({'sklearn', 'pandas', 'scipy.stats', 'boto3'} & set(sys.modules));"
        "import time; print(time.process_time() < 1.5)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert found.stdout == "set()\nTrue\n"


# ------------------------------------------------------------- of the container
PROGRAM = "sklearn_sagemaker.serving.serve"


@contextlib.contextmanager
def container(root, workers=2, **variables):
    port = free_port()
    arguments = PROGRAM, "--root", root, "--workers", workers, "--port", port
    with running(*arguments, port=port, **variables) as found:
        yield found


@needs_gunicorn
def test_the_container_is_told_by_variables(root):
    port = free_port()
    variables = {
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "1",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
        "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "application/jsonlines",
    }
    with running(PROGRAM, "--root", root, port=port, **variables) as (process, port):
        status, body = request(port, "GET", "/execution-parameters", None)
        assert status == 200
        assert json.loads(body) == {
            "MaxConcurrentTransforms": 1,
            "BatchStrategy": "SINGLE_RECORD",
            "MaxPayloadInMB": 1,
        }
        assert request(port)[1].startswith(b'{"predicted_label":1,"score":0.98997')
        assert request(port, body=b"1\n" * 600_000)[0] == 413
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


def children(process):
    task = f"/proc/{process.pid}/task/{process.pid}/children"
    with open(task) as handle:
        return [int(number) for number in handle.read().split()]


@pytest.mark.slow
@needs_gunicorn
@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="needs Linux's /proc")
def test_no_request_is_lost_by_hup_and_those_of_a_killed_worker_only(root):
    with container(root) as (process, port), Load(port) as load:
        load.wait(50)
        before = set(children(process))
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: before.isdisjoint(children(process)))
        load.wait(50)
        assert load.failures == []
        # A model that cannot be read leaves the one before.
        (root / "model" / "model.tar.gz").write_bytes(b"damaged")
        before = set(children(process))
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: before.isdisjoint(children(process)))
        load.wait(50)
        assert load.failures == []
        os.kill(children(process)[0], signal.SIGKILL)
        wait_for(lambda: len(children(process)) == 2)
        load.wait(50)
        # Each thread has one connection.
        assert len(load.failures) <= 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


@needs_gunicorn
def test_workers_refuse_and_survive_what_the_small_server_does(root):
    head = (
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
    )  # fmt: skip
    with container(root, workers=1) as (process, port):

        def ask(data):
            with socket.create_connection(("127.0.0.1", port), SECONDS) as client:
                client.sendall(data)
                return client.makefile("rb").readline()

        chunked = head + b"Transfer-Encoding: chunked\r\n"
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(ROW), ROW)
        assert b"413" in ask(head + b"Content-Length: 100000000\r\n\r\n")
        assert b"200" in ask(chunked + b"\r\n" + body)
        assert b"100" in ask(chunked + b"Expect: 100-continue\r\n\r\n" + body)
        assert b"400" in ask(chunked + b"\r\n" + b"zz\r\n")
        assert b"400" in ask(chunked + b"Content-Length: 5\r\n\r\n" + body)
        pieces = b"10000\r\n" + b"1" * 0x10000 + b"\r\n"
        assert b"413" in ask(chunked + b"\r\n" + pieces * 97)
        pid = children(process)
        assert request(port) == (200, ANSWER)
        assert children(process) == pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


def n_sockets(pid):
    """That a process has."""
    links = [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
    return sum(os.readlink(link).startswith("socket") for link in links)


class Clients:
    """Connections that are kept, until an answer ends them."""

    def __init__(self, port, n_connections):
        self._connections = [
            http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
            for _ in range(n_connections)
        ]

    def ask(self):
        """Each of them."""
        for connection in self._connections:
            connection.request(
                "POST", "/invocations", ROW, {"Content-Type": "text/csv"}
            )
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, ANSWER)

    def close(self):
        """End them."""
        for connection in self._connections:
            connection.close()


@needs_gunicorn
@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs Linux's /proc")
def test_kept_connections_are_shared_by_the_workers(root):
    with (
        container(root) as (process, port),
        contextlib.closing(Clients(port, 8)) as clients,
    ):

        def shared():
            clients.ask()
            # Each listens too.
            return [n_sockets(pid) for pid in children(process)] == [5, 5]

        wait_for(lambda: len(children(process)) == 2)
        for late in children(process):
            # As if it were slow to start: the other one takes them all.
            clients.close()
            os.kill(late, signal.SIGSTOP)
            try:
                clients.ask()
            finally:
                os.kill(late, signal.SIGCONT)
            wait_for(shared)
        os.kill(children(process)[0], signal.SIGKILL)
        clients.close()
        wait_for(shared)


@needs_gunicorn
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /nowhere HTTP/1.0\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
        b"Content-Length: 100000000\r\n\r\n",
    ],
    ids=["nothing", "close", "old", "large"],
)
def test_clients_that_wait_hold_nobody_up(root, sent):
    def seconds():
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            # More than a worker has threads.
            for _ in range(4):
                client = socket.create_connection(("127.0.0.1", port), SECONDS)
                stack.enter_context(client)
                client.sendall(sent)
                if sent:
                    assert client.recv(5) == b"HTTP/"
            assert request(port) == (200, ANSWER)
            return time.monotonic() - began

    with container(root, workers=1) as (process, port):
        # It was 2 or 5, by times of gunicorn.
        assert min(seconds() for _ in range(3)) < 1.5
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(sent)
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(12) == 0


def test_connections_of_workers_have_deadlines():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        worker = SimpleNamespace(sockets=[SimpleNamespace(sock=listening)])
        address = listening.getsockname()
        set_deadlines(worker)
    (listener,) = worker.sockets
    with (
        listener.sock,
        socket.create_connection(address),
        listener.sock.accept()[0] as connection,
    ):
        connection._read_seconds = 0.05
        # What a server sets for itself does not last longer.
        connection.settimeout(30)
        with pytest.raises(TimeoutError) as caught:
            connection.recv(1)
        assert caught.value.errno == errno.ECONNRESET
        assert connection.gettimeout() == 30


@needs_gunicorn
def test_the_container_does_not_start_without_a_model(tmp_path):
    arguments = ["-m", PROGRAM, "--root", str(tmp_path), "--port", str(free_port())]
    found = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=SECONDS
    )
    assert found.returncode == 1
    assert "error: " in found.stderr
    assert "model" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"SAGEMAKER_BIND_TO_PORT": "x"}, "SAGEMAKER_BIND_TO_PORT='x'"),
        ({"SAGEMAKER_MODEL_SERVER_WORKERS": "0"}, "from 1 to 1000"),
        ({"SAGEMAKER_MULTI_MODEL": "true"}, "one model"),
    ],
)
def test_the_container_refuses(root, variables, says, monkeypatch, capsys):
    from sklearn_sagemaker.serving.serve import main as serve

    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert serve(["--root", str(root)]) == 1
    assert says in capsys.readouterr().err
