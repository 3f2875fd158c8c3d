"""The process of a scheduler or a worker, as the program sees it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sklearn_sagemaker.serving.cluster import node

ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""A worker has as many tasks at a time as there are processors."""
ENDED = "ended"


class NodeProcess:
    """The process; it ends with this one, however that ends.

    Parameters
    ----------
    kind : {"scheduler", "worker"}
    given : mapping
        Its settings: plain values.
    heard : callable
        Called in a thread with each event that it tells, a dict; with "ended" and its
        code at last.
    """

    def __init__(
        self,
        kind: str,
        given: Mapping[str, Any],
        heard: Callable[[dict[str, Any]], object],
    ):
        self._heard = heard
        self._process = subprocess.Popen(
            [sys.executable, "-P", node.__file__, kind, json.dumps(dict(given))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**dict.fromkeys(ONE_THREAD, "1"), **os.environ},
            text=True,
        )
        self.pid = self._process.pid
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            # A line may be cut off by the end of the process.
            with contextlib.suppress(json.JSONDecodeError):
                self._heard(json.loads(line))
        self._heard({"event": ENDED, "code": self._process.wait()})

    def say(self, word: Mapping[str, str]) -> None:
        """Tell it how the job is over."""
        stdin = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(OSError, ValueError):
            stdin.write(json.dumps(dict(word)) + "\n")
            stdin.flush()

    def end(self, seconds: float) -> None:
        """Wait until it has ended, and kill it after some seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self._process.kill()
        self._thread.join()
        self._process.stdout.close()
