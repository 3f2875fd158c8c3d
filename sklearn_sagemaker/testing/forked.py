"""Runs of this package's programs as copies of a process that has imported them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from sklearn_sagemaker.testing import fork_server

MODULES = (
    "sklearn_sagemaker.serving.train",
    "sklearn_sagemaker.serving.serve",
    "sklearn_sagemaker.serving.app",
    "sklearn_sagemaker.serving.model",
    "sklearn_sagemaker.serving.workers",
    "gunicorn.app.base",
    "gunicorn.arbiter",
    "sklearn_sagemaker.serving.gunicorn_worker",
)
"""What the programs import."""
KILLED = -9


class Forked:
    """A run; as far as it goes, what `subprocess.Popen` is for a new process.

    Parameters
    ----------
    pid : int
    stdout : file
        What it prints.
    code : int
        Descriptor from which its exit code comes.
    """

    def __init__(self, pid: int, stdout: IO[bytes], code: int):
        self.pid, self.stdout, self._code = pid, stdout, code
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        return self._read(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code.

        Raises
        ------
        TimeoutExpired
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = 1.0 if end is None else min(1.0, max(0.0, end - time.monotonic()))
            if (code := self._read(left)) is not None:
                return code
            if end is not None and time.monotonic() >= end:
                raise subprocess.TimeoutExpired("train", timeout or 0.0)

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _read(self, seconds: float) -> int | None:
        with self._lock:
            if self.returncode is None and _readable(self._code, seconds):
                # The server tells nothing if it was killed; so was this one then.
                self.returncode = int(os.read(self._code, 16) or KILLED)
                os.close(self._code)
            return self.returncode


class ForkServer:
    """The process that is copied.

    Parameters
    ----------
    environment : mapping
    modules : sequence of str
        What it imports before.

    Attributes
    ----------
    pid : int
        Of the process, which leads a group.
    """

    def __init__(
        self, environment: Mapping[str, str], modules: Sequence[str] = MODULES
    ):
        self._lock = threading.Lock()
        self._waited = False
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-P", fork_server.__file__]
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno()), *modules],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self.pid = self._process.pid

    def is_ready(self) -> bool:
        """Whether a run would start at once."""
        return self._waited or _readable(self._control.fileno(), 0)

    def start(
        self,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
    ) -> Forked:
        """Start a run.

        Parameters
        ----------
        module : str
            Run as by ``python -m``.
        arguments : sequence of str
        environment : mapping
            All of it.
        folder : Path
            In which it runs.

        Raises
        ------
        OSError
            If it cannot be started.
        """
        request = {
            "module": module,
            "arguments": list(arguments),
            "environment": dict(environment),
            "folder": str(folder),
        }
        message = json.dumps(request).encode()
        printed, prints = os.pipe()
        code, tells = os.pipe()
        try:
            with self._lock:
                if not self._waited:
                    self._control.recv(len(fork_server.READY))
                    self._waited = True
                socket.send_fds(self._control, [message], [prints, tells])
                pid = int(self._control.recv(16) or 0)
            if not pid:
                raise OSError("the program cannot be started")
        except BaseException:
            os.close(printed)
            os.close(code)
            raise
        finally:
            os.close(prints)
            os.close(tells)
        return Forked(pid, os.fdopen(printed, "rb"), code)

    def close(self) -> None:
        """End it, and all runs."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        if not self._waited:
            # It has no runs, and may have much to import before it sees the end.
            self._process.kill()
        self._process.wait()
        self._control.close()


def _readable(descriptor: int, seconds: float) -> bool:
    # Which takes descriptors of any number, unlike select().
    found = select.poll()
    found.register(descriptor, select.POLLIN)
    return bool(found.poll(1000 * seconds))
