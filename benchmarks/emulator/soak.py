"""An emulator under load for long: jobs, invocations by many clients, then ``kill -9``.

The emulator is a process of its own, `sklearn-sagemaker emulate`, of which CPU seconds,
memory, threads and descriptors are measured. Jobs of Linear Learner with 200 rows come,
four at once; then an endpoint is asked by many clients at once, each with a connection,
and each answer is compared. At the end the process is killed, and what it has left is
counted: processes, and its folder.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.common import Bars, make_parser, print_environment, print_table
from benchmarks.emulator.jobs import Client, below

BODY = b"0.5,1.5,-0.5\n"
AT_ONCE = 4
"""Jobs that run at the same time."""
BLOCKS_MB = 4
"""That memory may grow by, however little is left."""


class Process:
    """The emulator's process, with its variables set here."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "sklearn_sagemaker", "emulate", "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("export "):
                name, _, text = line.removeprefix("export ").strip().partition("=")
                os.environ[name] = text.strip("'\"")
            if "SAGEMAKER_ROLE" in line:
                break
        self.role = os.environ["SAGEMAKER_ROLE"]
        account = self.role.split(":")[4]
        region = os.environ["AWS_DEFAULT_REGION"]
        self.bucket = f"sagemaker-{region}-{account}"

    @property
    def pid(self) -> int:
        """Of the emulator."""
        return self.process.pid

    def seconds(self) -> float:
        """CPU seconds of it, and of what it has started and has ended."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        mine = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        others = 0.0
        for process in below(self.pid):
            with contextlib.suppress(OSError):
                text = Path(f"/proc/{process}/stat").read_text()
                own = text.rpartition(")")[2].split()[11:13]
                others += sum(map(int, own)) / os.sysconf("SC_CLK_TCK")
        return mine + others

    def kept(self) -> dict[str, float]:
        """What it has."""
        status = Path(f"/proc/{self.pid}/status").read_text().split("\n")
        found = dict(line.partition(":")[::2] for line in status if ":" in line)
        return {
            "processes": len(below(self.pid)),
            "threads": int(found["Threads"]),
            "descriptors": len(os.listdir(f"/proc/{self.pid}/fd")),
            "MB": int(found["VmRSS"].split()[0]) / 1024,
        }

    def kill(self, folder: Path) -> tuple[int, int]:
        """Kill it; how many processes, and whether its folder, are left."""
        started = below(self.pid)
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()
        end = time.monotonic() + 30
        while True:
            left = [number for number in started if _lives(number)]
            if time.monotonic() > end or not (left or folder.exists()):
                return len(left), int(folder.exists())
            time.sleep(0.1)


def _lives(process: int) -> bool:
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


def run_jobs(client: Client, count: int) -> int:
    """Run jobs, a few at once; how many have completed."""
    completed = 0
    for start in range(0, count, AT_ONCE):
        names = [
            f"soak-{number}" for number in range(start, min(count, start + AT_ONCE))
        ]
        for name in names:
            client.start(name)
        completed += sum(map(client.wait, names))
    return completed


def invoke(count: int, clients: int, expected: bytes) -> int:
    """Ask the endpoint from many threads; how many answers were right."""
    right, lock = [0], threading.Lock()
    shares = [
        count // clients + (number < count % clients) for number in range(clients)
    ]
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=1)
    # Making clients is not safe in threads.
    made = [boto3.client("sagemaker-runtime", config=config) for _ in range(clients)]

    def ask(client: Any, times: int) -> None:
        good = 0
        for _ in range(times):
            answer = client.invoke_endpoint(
                EndpointName="soak", Body=BODY, ContentType="text/csv"
            )
            good += answer["Body"].read() == expected
        with lock:
            right[0] += good

    threads = [
        threading.Thread(target=ask, args=pair)
        for pair in zip(made, shares, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in made:
        client.close()
    return right[0]


def main() -> None:
    """Measure."""
    parser = make_parser(__doc__.splitlines()[0], data=False)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--invocations", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=50)
    options = parser.parse_args()
    print_environment()
    # Also a SIGTERM ends the emulator.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    emulator = Process()
    try:
        measure(options, emulator)
    finally:
        emulator.process.kill()


def measure(options: Any, emulator: Process) -> None:
    """Run the load on an emulator that has started."""
    folder = Path(os.environ["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"]).parent
    client = Client(emulator)  # type: ignore[arg-type]
    if not client.run("first") or not client.deploy("soak", "first"):
        raise SystemExit("the first job, or its endpoint, has failed")
    runtime = boto3.client("sagemaker-runtime")
    expected = runtime.invoke_endpoint(
        EndpointName="soak", Body=BODY, ContentType="text/csv"
    )["Body"].read()
    half_jobs, half = options.jobs // 2, options.invocations // 2
    rows, seen = [], [emulator.kept()]

    def timed(what: str, call: Any, count: int, *arguments: Any) -> tuple[int, float]:
        began, used = time.perf_counter(), emulator.seconds()
        done = call(*arguments)
        used = (emulator.seconds() - used) / max(1, count)
        rows.append([what, f"{time.perf_counter() - began:.1f}", f"{1000 * used:.1f}"])
        seen.append(emulator.kept())
        return done, used

    jobs = [timed("jobs", run_jobs, half_jobs, client, half_jobs)]
    # The names are free again.
    sagemaker = boto3.client("sagemaker")
    for number in range(half_jobs):
        sagemaker.delete_training_job(TrainingJobName=f"soak-{number}")
    jobs.append(timed("as many again", run_jobs, half_jobs, client, half_jobs))
    calls = [
        timed(what, invoke, half, half, options.clients, expected)
        for what in ("invocations", "as many again")
    ]
    time.sleep(2)
    seen[-1] = emulator.kept()
    processes, folders = emulator.kill(folder)
    print_table(["", "seconds", "CPU ms of the emulator for each"], rows)
    whens = ["before", "jobs", "jobs again", "invocations", "invocations again"]
    print_table(
        ["after", *seen[0]],
        [
            [when, *(f"{value:.0f}" for value in found.values())]
            for when, found in zip(whens, seen, strict=True)
        ],
    )
    bars = Bars()
    bars.at_least("jobs that complete", sum(done for done, _ in jobs), 2 * half_jobs)
    bars.at_least("right answers", sum(done for done, _ in calls), 2 * half)
    bars.at_most("CPU seconds of a job", jobs[1][1], 1.0)
    bars.at_most("CPU milliseconds of an invocation", 1000 * calls[1][1], 20.0)
    # Memory comes in blocks, of which few jobs or calls may take some.
    for what, place, count, each in (
        ("jobs", 2, half_jobs, 0.2),
        ("invocations", 4, half, 0.0001),
    ):
        grown = seen[place]["MB"] - seen[place - 1]["MB"]
        bars.at_most(
            f"MB that the second {count} {what} leave", grown, BLOCKS_MB + each * count
        )
    for what, more in (("processes", 0), ("threads", 4), ("descriptors", 8)):
        bars.at_most(f"more {what} at the end", seen[-1][what] - seen[0][what], more)
    bars.at_most("processes left after kill -9", processes, 0)
    bars.at_most("folders left after kill -9", folders, 0)
    bars.exit()


if __name__ == "__main__":
    main()
