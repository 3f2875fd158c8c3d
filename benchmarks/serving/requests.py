"""Requests a second of ``sklearn-sagemaker-serve`` with two workers, by wrk.

wrk is on the same machine: ``apt-get install wrk`` (4.1.0 in Debian 12); the server
needs ``pip install 'sklearn_sagemaker[serving]'``. Linear Learner with 30 features, one
row and 1,000 rows a request, kept and new connections. While wrk runs, other requests
(20 a second, 1 % of 2,000) are compared with ``predict_proba``; at last workers are
replaced (SIGHUP) and killed under load. Which worker has which connection is settled
anew by each start, so there are ten, of which the worst counts. CPU time says what a
busy machine hides: of a request, and the part of it that the busier worker has.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer

from benchmarks.common import Bars, make_parser, print_environment, print_table
from sklearn_sagemaker import LinearLearnerClassifier, load_artifact, save_artifact
from sklearn_sagemaker.io.formats import FORMATS
from sklearn_sagemaker.io.rows import Rows

SCRIPT = Path(__file__).with_name("request.lua")
WORKERS = 2
CONNECTIONS = 8
STARTS = 10
HALF = 1000
"""Requests a second at half of the load that is asked for."""
RECORDIO = "application/x-recordio-protobuf"


class Server:
    """The program, with a model of its own folder."""

    def __init__(self, folder: Path) -> None:
        X, y = load_breast_cancer(return_X_y=True)
        (folder / "model").mkdir()
        path = folder / "model" / "model.tar.gz"
        model = LinearLearnerClassifier(epochs=5, random_state=0).fit(X, y)
        save_artifact(model, str(path))
        self.X, self.model = X.astype(np.float32), load_artifact(path)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sklearn_sagemaker.serving.serve", "--root", folder,
             "--workers", str(WORKERS), "--port", str(self.port)],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while not self._answers():
            if self.process.poll() is not None:
                sys.exit("The server does not start; is gunicorn installed?")
            time.sleep(0.01)
        self.seconds_to_start = time.perf_counter() - began
        self.cpu_to_start = self.cpu_seconds()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", self.port)
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        return False

    def workers(self) -> list[int]:
        """Processes that answer."""
        pid = self.process.pid
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(number) for number in text.split()]

    def cpu_seconds(self) -> float:
        """That its processes have had."""
        return sum(map(_cpu_seconds, (self.process.pid, *self.workers())))

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(60)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Checker(threading.Thread):
    """Asks beside wrk, for other rows each time, and compares the answers."""

    def __init__(self, server: Server, per_second: float) -> None:
        super().__init__()
        self._server, self._pause = server, 1 / per_second
        self._end = threading.Event()
        self.compared = self.differ = self.failed = 0

    def run(self) -> None:
        """Ask and compare until the end."""
        rng = np.random.default_rng(0)
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port)
        while not self._end.wait(self._pause):
            X = self._server.X[rng.integers(len(self._server.X), size=3)]
            body = FORMATS["recordio"].encode(Rows(X))
            try:
                connection.request(
                    "POST", "/invocations", body,
                    {"Content-Type": RECORDIO, "Accept": RECORDIO},
                )  # fmt: skip
                answer = FORMATS["recordio"].decode_predictions(
                    connection.getresponse().read()
                )
            except (OSError, http.client.HTTPException, ValueError):
                self.failed += 1
                connection.close()
                continue
            right = self._server.model.predict_proba(X)[:, 1].astype(np.float32)
            self.compared += 1
            self.differ += not np.array_equal(answer.score, right)

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self.join()

    def __enter__(self) -> Checker:
        self.start()
        return self


def wrk(
    server: Server,
    folder: Path,
    format: str,
    n_rows: int,
    *,
    seconds: float,
    connections: int = CONNECTIONS,
    close: bool = False,
    delay: float = 0,
) -> dict[str, float]:
    """Run wrk: requests a second, milliseconds, and what failed."""
    entry = FORMATS[format]
    body = folder / f"{format}-{n_rows}"
    rows = server.X[np.arange(n_rows) % len(server.X)]
    body.write_bytes(entry.encode(Rows(rows)))
    accept = entry.content_type if entry.encode_predictions else "application/json"
    variables = {
        "BODY_FILE": str(body),
        "MEDIA_TYPE": entry.content_type,
        "ACCEPT": accept,
        "CLOSE": str(int(close)),
        "DELAY": str(delay),
    }
    before = server.cpu_seconds(), _children_cpu()
    text = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-s", SCRIPT,
         f"http://127.0.0.1:{server.port}/invocations"],
        env={**os.environ, **variables}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    after = server.cpu_seconds(), _children_cpu()
    n_requests = max(1, int(re.search(r"(\d+) requests in", text)[1]))
    failed = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return {
        "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),
        "p50": _milliseconds(re.search(r"50%\s+([\d.]+)(\w+)", text)),
        "p99": _milliseconds(re.search(r"99%\s+([\d.]+)(\w+)", text)),
        "cpu": 1e3 * (after[0] - before[0]) / n_requests,
        "wrk_cpu": 1e3 * (after[1] - before[1]) / n_requests,
        "failed": sum(map(int, failed.groups())) if failed else 0,
        "refused": int(refused[1]) if refused else 0,
    }


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _milliseconds(match: re.Match[str]) -> float:
    return float(match[1]) * {"us": 1e-3, "ms": 1, "s": 1e3}[match[2]]


def main() -> None:
    """Measure, print, and check the bars."""
    parser = make_parser(__doc__, data=False)
    parser.add_argument("--seconds", type=float, default=10, help="of each case")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed; apt-get install wrk")
    print_environment()
    bars = Bars()
    _start_again(bars)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Server(folder)
        try:
            _measure(server, folder, options.seconds, bars)
        finally:
            server.stop()
    bars.exit()


def _start_again(bars: Bars) -> None:
    """One-row requests of kept connections, by servers that have just started."""
    table = []
    for start in range(STARTS):
        with tempfile.TemporaryDirectory() as name:
            server = Server(Path(name))
            try:
                found = wrk(server, Path(name), "recordio", 1, seconds=2)
                of_each = [_cpu_seconds(pid) for pid in server.workers()]
            finally:
                server.stop()
        part = max(of_each) / sum(of_each)
        table.append([start, found["rate"], found["p99"], found["cpu"], part])
    _, rates, _, _, parts = zip(*table, strict=True)
    heads = ["start", "requests/s", "p99 ms", "CPU ms a request", "busier worker"]
    print_table(heads, [
        [row[0], f"{row[1]:,.0f}", f"{row[2]:.2f}", f"{row[3]:.2f}", f"{row[4]:.0%}"]
        for row in table
    ])  # fmt: skip
    bars.at_least("one-row RecordIO requests/s, worst start", min(rates), 2000)
    bars.at_most("part of the busier worker, worst start", max(parts), 0.65)


def _measure(server: Server, folder: Path, seconds: float, bars: Bars) -> None:
    print(
        f"start: {server.seconds_to_start:.2f} s, {server.cpu_to_start:.2f} s of CPU\n"
    )
    bars.at_most("seconds to start", server.seconds_to_start, 1.5)
    table = []
    differ = failed = 0
    for format in ("recordio", "csv", "json", "jsonlines"):
        for n_rows in (1, 1000):
            for close in (False, True):
                with Checker(server, 20) as checker:
                    found = wrk(
                        server, folder, format, n_rows, seconds=seconds, close=close
                    )
                table.append(
                    [FORMATS[format].title, n_rows, "new" if close else "kept",
                     f"{found['rate']:,.0f}", f"{found['p50']:.2f}",
                     f"{found['p99']:.2f}",
                     f"{found['cpu']:.2f}, {found['wrk_cpu']:.2f}",
                     found["failed"] + found["refused"],
                     f"{checker.compared}, {checker.differ}"]
                )  # fmt: skip
                differ += checker.differ
                failed += checker.failed + found["refused"]
    bars.at_most("answers that differ from predict_proba", differ, 0)
    bars.at_most("requests that fail", failed, 0)
    heads = ["format", "rows", "connections", "requests/s", "p50 ms", "p99 ms",
             "CPU ms a request: server, wrk", "failed", "compared, differ"]  # fmt: skip
    print_table(heads, table)
    # Beside the millisecond that an answer takes.
    delay = 1e3 * CONNECTIONS / HALF - 1
    found = wrk(server, folder, "recordio", 1, seconds=seconds, delay=delay)
    print(f"half the load: {found['rate']:.0f} requests/s, p99 {found['p99']:.2f} ms\n")
    bars.at_most("p99 ms at half the load", found["p99"], 10)
    for what, act in (("SIGHUP", _replace), ("SIGKILL of a worker", _kill)):
        timer = threading.Timer(seconds / 3, act, [server])
        timer.start()
        with Checker(server, 20) as checker:
            found = wrk(server, folder, "recordio", 1, seconds=seconds)
        timer.join()
        lost = found["failed"] + found["refused"] + checker.failed
        # At most those that a worker had at that moment.
        most = 0 if act is _replace else CONNECTIONS + 1
        bars.at_most(f"requests lost by {what}", lost, most)
        bars.at_most(f"answers that differ after {what}", checker.differ, 0)


def _replace(server: Server) -> None:
    server.process.send_signal(signal.SIGHUP)


def _kill(server: Server) -> None:
    os.kill(server.workers()[0], signal.SIGKILL)


if __name__ == "__main__":
    main()
