"""Jobs of several hosts as processes that share the loopback."""

import contextlib
import os
import signal
import time
from pathlib import Path

from sklearn_sagemaker.io import write_recordio
from sklearn_sagemaker.serving.cluster.job_cluster import END_SECONDS
from tests.serving.jobs import make_job, write

LONGEST = 120.0
"""Seconds after which a job hangs."""


class Job:
    """A job whose hosts' names are addresses of the loopback."""

    def __init__(
        self,
        forks,
        tmp_path,
        count,
        program,
        *arguments,
        settings,
        sharded=False,
        environment=(),
        **parts,
    ):
        self._forks, self._out = forks, {}
        self._program = [program, list(arguments)]
        # Of this process alone: tests run beside each other.
        net = f"127.{1 + os.getpid() % 250}.{1 + os.getpid() // 250 % 250}"
        self.names = [f"{net}.{1 + number}" for number in range(count)]
        self.roots = [tmp_path / name for name in self.names]
        self.mark = f"JOB_OF_HOSTS={tmp_path}"
        kind = "ShardedByS3Key" if sharded else "FullyReplicated"
        said = {name: {"S3DistributionType": kind} for name in parts}
        for number, (name, root) in enumerate(zip(self.names, self.roots, strict=True)):
            make_job(root, settings, **said)
            write(
                root / "input" / "config" / "resourceconfig.json",
                {
                    "current_host": name,
                    "hosts": self.names,
                    "network_interface_name": "lo",
                },
            )
            for channel, files in parts.items():
                folder = root / "input" / "data" / channel
                for part, rows in enumerate(files):
                    if not sharded or part % count == number:
                        write_recordio(folder / f"part-{part}", *rows)
        key, _, value = self.mark.partition("=")
        self._environment = {**os.environ, key: value, **dict(environment)}
        self.running = {}

    def start(self, *numbers):
        for number in numbers:
            root = self.roots[number]
            if number in self.running:
                self.running[number].stdout.close()
            module, arguments = self._program
            given = [*arguments, "--root", str(root)]
            self.running[number] = process = self._forks.start(
                module, given, self._environment, root
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
        # The scheduler of a program that was killed first tells all workers.
        end = time.monotonic() + END_SECONDS
        while left := list(self.processes()):
            assert time.monotonic() < end, f"processes are left: {left}"
            time.sleep(0.05)
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
