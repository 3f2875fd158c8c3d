"""Processes of jobs and endpoints, none of which outlives the emulator."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sklearn_sagemaker.testing import janitor

INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ")
"""What a job sees of the environment here: no credentials."""
REFUSED = ("LD_", "DYLD_", "PYTHON", "AWS_")
"""Beginnings of variables that a request may not set: they change which code runs, or
whom it talks to."""


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
        self._running: dict[int, subprocess.Popen] = {}
        self._janitor = subprocess.Popen(
            [sys.executable, "-I", "-S", janitor.__file__, str(folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], **options: Any
    ) -> subprocess.Popen:
        """Start one.

        Parameters
        ----------
        command : sequence of str
        environment : mapping
            What a request sets, and what the service does.
        **options
            Of `subprocess.Popen`.
        """
        given = {name: os.environ[name] for name in INHERITED if name in os.environ}
        given.update(environment)
        # So that this package is the one that is imported there.
        given["PYTHONPATH"] = str(Path(__file__).parents[2])
        with self._lock:
            process = subprocess.Popen(
                command,
                env=given,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                **options,
            )
            self._running[process.pid] = process
            self._tell("+", -process.pid)
        return process

    def ended(self, process: subprocess.Popen) -> None:
        """End a process and what it has started, and forget it."""
        with self._lock:
            if self._running.pop(process.pid, None) is None:
                return
        self.kill(process, signal.SIGKILL)
        process.wait()
        with self._lock:
            self._tell("-", -process.pid)

    @staticmethod
    def kill(process: subprocess.Popen, number: int) -> None:
        """Send a signal to a process and all of its group."""
        with contextlib.suppress(OSError):
            os.killpg(process.pid, number)

    def stop(self, process: subprocess.Popen, seconds: float) -> None:
        """Ask a process to end, and kill it after some seconds."""
        with contextlib.suppress(OSError):
            process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        self.kill(process, signal.SIGKILL)

    def close(self) -> None:
        """End all of them, and remove the folder."""
        with self._lock:
            running = list(self._running.values())
        for process in running:
            self.ended(process)
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
