"""Processes of jobs and endpoints, none of which outlives the emulator."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sklearn_sagemaker.testing import janitor
from sklearn_sagemaker.testing.forked import Forked, ForkServer
from sklearn_sagemaker.testing.images import OUR_PROGRAM

INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "TZ")
"""What a job sees of the environment here: no credentials."""
NOBODY = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""Nor does it find any, in files or from a machine of EC2."""
NOWHERE = "http://127.0.0.1:9"
REFUSED = ("LD_", "DYLD_", "PYTHON", "AWS_")
"""Beginnings of variables that a request may not set: they change which code runs, or
whom it talks to."""
READ_LATE = ("AWS_REGION", "SAGEMAKER_", "TRAINING_JOB_")
"""Beginnings of variables that libraries do not read when they are imported."""
Process = subprocess.Popen | Forked


class Children:
    """The processes, each of a group of its own.

    Parameters
    ----------
    folder : Path
        Removed at the end.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._lock = threading.Lock()
        self._running: dict[int, tuple[Process, Path]] = {}
        self._forking = threading.Lock()
        self._forks: ForkServer | None = None
        self._janitor = subprocess.Popen(
            [sys.executable, "-I", "-S", janitor.__file__, str(folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> Process:
        """Start one, whose output comes through its ``stdout``.

        Parameters
        ----------
        command : sequence of str
        environment : mapping
            What a request sets, and what the service does.
        folder : Path
            In which it runs, and its ``SAGEMAKER_BASE_DIR``.
        """
        given = self._environment(environment)
        given["SAGEMAKER_BASE_DIR"] = str(folder)
        # What a program that is killed leaves there goes with the folder.
        scratch = folder / "tmp"
        scratch.mkdir(exist_ok=True)
        given["TMPDIR"] = str(scratch)
        process: Process | None = None
        if self._forkable(command, environment):
            with contextlib.suppress(OSError):
                process = self._fork(command, given, folder)
        with self._lock:
            if process is None:
                process = subprocess.Popen(
                    command,
                    env=given,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            self._running[process.pid] = process, folder
            self._tell("+", -process.pid)
        return process

    @staticmethod
    def _environment(more: Mapping[str, str]) -> dict[str, str]:
        given = {name: os.environ[name] for name in INHERITED if name in os.environ}
        given.update(NOBODY)
        # Set by the emulator, where nobody can do anything without a key.
        given["AWS_ENDPOINT_URL"] = os.environ.get("AWS_ENDPOINT_URL", NOWHERE)
        given.update(more)
        # So that this package is the one that is imported there.
        given["PYTHONPATH"] = str(Path(__file__).parents[2])
        return given

    def _forkable(self, command: Sequence[str], environment: Mapping[str, str]) -> bool:
        """Whether a copy of a process that has imported the program is the same.

        It is worth while for training; servers start fast, and come from it once it
        has imported them.
        """
        forks = self._forks
        return (
            sys.platform == "linux"
            and tuple(command[: len(OUR_PROGRAM)]) == OUR_PROGRAM
            and all(name.startswith(READ_LATE) for name in environment)
            and ("train" in command or (forks is not None and forks.is_ready()))
        )

    def warm(self) -> None:
        """Start the process that is copied, which imports while others go on."""
        if sys.platform == "linux":
            self._fork_server()

    def _fork_server(self) -> ForkServer:
        with self._forking:
            if self._forks is None:
                self._forks = ForkServer(self._environment({}))
                with self._lock:
                    self._tell("+", -self._forks.pid)
            return self._forks

    def _fork(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> Process:
        *_, module = OUR_PROGRAM
        return self._fork_server().start(
            module, command[len(OUR_PROGRAM) :], environment, folder
        )

    def ended(self, process: Process) -> None:
        """End a process and what it has started, and forget it."""
        with self._lock:
            _, folder = self._running.pop(process.pid, (None, None))
        if folder is None:
            return
        self.kill(process, signal.SIGKILL)
        process.wait()
        janitor.kill_strays(f"{folder}\0")
        with self._lock:
            self._tell("-", -process.pid)

    @staticmethod
    def kill(process: Process, number: int) -> None:
        """Send a signal to a process and all of its group."""
        with contextlib.suppress(OSError):
            os.killpg(process.pid, number)

    def stop(self, processes: Sequence[Process], seconds: float) -> None:
        """Ask processes to end, and kill those that have not after some seconds."""
        end = time.monotonic() + seconds
        for process in processes:
            with contextlib.suppress(OSError):
                process.send_signal(signal.SIGTERM)
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, end - time.monotonic()))
            self.kill(process, signal.SIGKILL)

    def close(self) -> None:
        """End all of them, and remove the folder."""
        with self._lock:
            running = list(self._running.values())
        for process, _ in running:
            self.ended(process)
        if self._forks is not None:
            self._forks.close()
            with self._lock:
                self._tell("-", -self._forks.pid)
        assert self._janitor.stdin is not None
        self._janitor.stdin.close()
        self._janitor.wait()

    @contextlib.contextmanager
    def bound(self, process: subprocess.Popen) -> Iterator[None]:
        """Let a process that was started elsewhere die with the emulator."""
        with self._lock:
            self._tell("+", process.pid)
        try:
            yield
        finally:
            with self._lock:
                self._tell("-", process.pid)

    def _tell(self, what: str, number: int) -> None:
        pipe = self._janitor.stdin
        assert pipe is not None
        with contextlib.suppress(OSError, ValueError):
            pipe.write(f"{what} {number}\n")
            pipe.flush()


def allowed(environment: Mapping[str, str]) -> dict[str, str]:
    """What a request may set of its program's environment."""
    return {
        name: text
        for name, text in environment.items()
        if not name.upper().startswith(REFUSED)
    }
