"""A backend that trains in a process of its own."""

from __future__ import annotations

import builtins
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_sagemaker import exceptions
from sklearn_sagemaker._state import (
    ModelState,
    Monitor,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker.backends.local import LocalBackend
from sklearn_sagemaker.backends.protocol import Backend
from sklearn_sagemaker.exceptions import TrainingFailedError
from sklearn_sagemaker.io.problem_files import read_state, write_problem

LOG_LINES = 20
"""Of the log's end, in messages."""
_START = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from sklearn_sagemaker.backends.worker import main; main()"
)


class SubprocessBackend(Backend):
    """Trains in a new Python process, and brings the model back.

    What ends that process (no memory left, a signal, a crash) ends no notebook: `fit`
    raises a `TrainingFailedError`. The model has the same bits as one trained by
    `LocalBackend`. Rows are copied to a temporary file; those of a
    `sklearn_sagemaker.io.FileDataset` are read where they are.

    Parameters
    ----------
    checkpoint : str, path-like or None, default=None
        Folder for checkpoints, as of `LocalBackend`.
    every : float, default=60.0
        Seconds from one to the next.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_sagemaker import LinearLearnerClassifier
    >>> from sklearn_sagemaker.backends import SubprocessBackend
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LinearLearnerClassifier(backend=SubprocessBackend(), random_state=0)
    >>> bool(model.fit(X, y).score(X, y) > 0.9)
    True
    """

    streams = True
    continues = True

    def __init__(
        self,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
        every: float = 60.0,
    ):
        self.checkpoint = checkpoint
        self.every = every

    def check(self, spec: TrainingSpec) -> None:
        """Refuse what `LocalBackend` refuses.

        Parameters
        ----------
        spec : TrainingSpec

        Raises
        ------
        ValueError
            See `LocalBackend.check`.
        """
        LocalBackend(checkpoint=self.checkpoint, every=self.every).check(spec)

    def train(
        self,
        spec: TrainingSpec,
        data: TrainingData | WindowedData,
        monitor: Monitor | None = None,
    ) -> ModelState:
        """Train the spec's algorithm on the data.

        Parameters
        ----------
        spec : TrainingSpec
        data : TrainingData or WindowedData
        monitor : callable or None
            Called after each epoch; a true answer ends the training.

        Returns
        -------
        state : ModelState

        Raises
        ------
        TrainingFailedError
            If the process ends without a model; the message has the end of its log.
        TypeError
            If the data are of a source that another process cannot find.
        """
        self.check(spec)
        settings = {
            "checkpoint": self.checkpoint and os.path.abspath(self.checkpoint),
            "every": self.every,
        }
        with tempfile.TemporaryDirectory(prefix="sklearn-sagemaker-") as root:
            folder = Path(root)
            write_problem(folder / "problem.zip", spec, data)
            with open(folder / "settings.json", "w", encoding="utf-8") as handle:
                json.dump(settings, handle)
            _run(folder, monitor)
            return read_state(folder / "state.zip")


def _run(folder: Path, monitor: Monitor | None) -> None:
    """Run the worker to its end; raises what it raised."""
    # What this process imports is what the other one must.
    ours = str(Path(exceptions.__file__).parent.parent)
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _START, ours, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    log: deque[str] = deque(maxlen=LOG_LINES)
    reader = threading.Thread(target=log.extend, args=(process.stderr,), daemon=True)
    reader.start()
    error: Exception | None = None
    try:
        for line in process.stdout:
            kind, *rest = json.loads(line)
            if kind == "epoch":
                stop = monitor is not None and monitor(*_told(*rest))
                process.stdin.write("stop\n" if stop else "go\n")
                process.stdin.flush()
            elif kind == "warning":
                warnings.warn(rest[1], _named(rest[0], UserWarning), stacklevel=2)
            elif kind == "error":
                error = _named(rest[0], TrainingFailedError)(rest[1])
        process.wait()
    except BrokenPipeError:
        process.wait()
    except BaseException:
        process.kill()
        raise
    finally:
        process.stdin.close()
        process.wait()
        reader.join()
        process.stdout.close()
        process.stderr.close()
    if error is not None:
        raise error
    if process.returncode:
        raise TrainingFailedError(_ending(process.returncode, "".join(log)))


def _told(epoch: int, epochs: int, losses: dict[str, Any]) -> tuple:
    """What a monitor is called with, from JSON."""
    arrays = {
        name: np.array(value, dtype=np.float64)
        for name, value in losses.items()
        if isinstance(value, list)
    }
    return epoch, epochs, {**losses, **arrays}


def _named(name: str, otherwise: Any) -> Any:
    """An exception class of Python or of ours, by its name."""
    found = getattr(exceptions, name, getattr(builtins, name, None))
    if not isinstance(found, type) or not issubclass(found, Exception):
        return otherwise
    # A warning is never raised, and an error no warning.
    alike = issubclass(found, Warning) == issubclass(otherwise, Warning)
    return found if alike else otherwise


def _ending(code: int, log: str) -> str:
    how = f"ended with code {code}"
    if code < 0:
        how = f"was ended by {signal.Signals(-code).name}"
        if -code == getattr(signal, "SIGKILL", None):
            how += ", as the system does where memory runs out"
    tail = f" The end of its log:\n{log}" if log.strip() else ""
    return f"The process of the training {how}, without a model.{tail}"
