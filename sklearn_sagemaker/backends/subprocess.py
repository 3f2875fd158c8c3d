"""A backend that trains in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from sklearn_sagemaker._hyperparameters import warn_user
from sklearn_sagemaker._kernels import LEVEL
from sklearn_sagemaker._kernels.levels import ENVIRONMENT_VARIABLE
from sklearn_sagemaker._state import (
    ModelState,
    Monitor,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker._threads import thread_count
from sklearn_sagemaker.backends.local import LocalBackend
from sklearn_sagemaker.backends.protocol import Backend
from sklearn_sagemaker.exceptions import TrainingFailedError

MARK = "\x1e"
"""Of the worker's lines: the record separator of JSON text sequences (RFC 7464)."""
LOG_LINES = 20
"""Of the log's end, in messages."""
# What this process imports is what the other one must, wherever it is found.
_START = (
    "import json, sys; task = json.loads(sys.stdin.readline()); "
    "sys.path[:] = task.pop('path'); "
    "from sklearn_sagemaker.backends.worker import main; main(**task)"
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
        DataFileError
            If files that the rows are read from change meanwhile.
        OSError
            If there is no room for the rows in the folder for temporary files.
        TrainingFailedError
            If no process can be started, or it ends without a model; the message has
            the end of its log.
        TypeError
            If the data are of a source that another process cannot find.
        Exception
            What the training raises in the other process, of the same class.
        """
        # An estimator that trains elsewhere imports no files.
        from sklearn_sagemaker.backends.checkpoint_places import is_address
        from sklearn_sagemaker.io.problem_files import read_state, write_problem

        self.check(spec)
        # Settings of joblib hold in this process, and it may be a worker of it.
        spec = replace(spec, n_jobs=thread_count(spec.n_jobs))
        checkpoint = self.checkpoint
        settings = {
            "checkpoint": checkpoint
            if checkpoint is None or is_address(checkpoint)
            else os.path.abspath(checkpoint),
            "every": float(self.every),
        }
        with tempfile.TemporaryDirectory(prefix="sklearn-sagemaker-") as folder:
            try:
                write_problem(Path(folder, "problem.zip"), spec, data)
            except OSError as error:
                raise OSError(
                    error.errno,
                    f"The rows could not be copied to a file in {folder} "
                    f"({error.strerror or error}); set TMPDIR to a folder with room, "
                    "or backend='local'.",
                ) from error
            _run({"folder": folder, "settings": settings}, monitor)
            state = read_state(Path(folder, "state.zip"))
        if isinstance(data, WindowedData):
            # The other process had only the names of the files.
            data.source.check()
        return state


def _run(task: dict[str, Any], monitor: Monitor | None) -> None:
    """Start the worker and wait for its model; raises what it raised."""
    path = [os.path.abspath(entry) for entry in sys.path]
    # An environment that this process ignores is none of the other's.
    flag = "-I" if sys.flags.isolated else "-P"
    try:
        process = subprocess.Popen(
            [sys.executable, flag, "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, ENVIRONMENT_VARIABLE: LEVEL},
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except (OSError, TypeError) as fault:
        # A program that embeds Python may have no executable.
        raise TrainingFailedError(
            f"No process could be started by sys.executable={sys.executable!r} "
            f"({fault}); set backend='local'."
        ) from fault
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    log: deque[str] = deque(maxlen=LOG_LINES)
    reader = threading.Thread(target=log.extend, args=(process.stderr,), daemon=True)
    error: Exception | None = None
    try:
        reader.start()
        _tell(process.stdin, json.dumps({**task, "path": path}))
        for line in process.stdout:
            text, _, said = line.partition(MARK)
            if not said:
                log.append(text)
                continue
            kind, *rest = json.loads(said)
            if kind == "epoch":
                stop = monitor is not None and monitor(*_numbers(*rest))
                _tell(process.stdin, "stop" if stop else "go")
            elif kind == "warning":
                bases, message = rest
                warn_user(message, _found(bases, UserWarning))
            elif kind == "error":
                error = _made(*rest)
    except BaseException:
        process.kill()
        raise
    finally:
        process.wait()
        reader.join()
        with suppress(OSError):
            process.stdin.close()
        process.stdout.close()
        process.stderr.close()
    if error is not None:
        raise error
    # With a model its end does not matter.
    if not Path(task["folder"], "state.zip").exists():
        raise TrainingFailedError(_ending(process.returncode, "".join(log)))


def _tell(stdin: IO[str], line: str) -> None:
    """Say something to the worker; it may have ended, which its output says."""
    with suppress(BrokenPipeError):
        stdin.write(line + "\n")
        stdin.flush()


def _numbers(epoch: int, epochs: int, losses: dict[str, Any]) -> tuple:
    """What a monitor is called with, from JSON."""
    arrays = {
        name: np.array(value, dtype=np.float64)
        for name, value in losses.items()
        if isinstance(value, list)
    }
    return epoch, epochs, {**losses, **arrays}


def _found(bases: list[tuple[str, str]], otherwise: type[Exception]) -> Any:
    """The first of the classes that there is here, of those that may stand for it."""
    for module, name in bases:
        found = getattr(sys.modules.get(module), name, None)
        if isinstance(found, type) and issubclass(found, Exception):
            # A warning is never raised, and an error no warning.
            if issubclass(found, Warning) == issubclass(otherwise, Warning):
                return found
            break
    return otherwise


def _made(bases: list, arguments: list, text: str, where: str) -> Exception:
    """The exception of the worker, with the way to it as a note."""
    try:
        error = _found(bases, TrainingFailedError)(*arguments)
        if str(error) != text:
            raise TypeError
    except TypeError:
        error = TrainingFailedError(f"{bases[0][1]}: {text}")
    error.add_note(f"In the process of the training:\n{where}")
    return error


def _ending(code: int, log: str) -> str:
    how = f"ended with code {code}"
    if code < 0:
        names = {int(one): one.name for one in signal.Signals}
        how = f"was ended by {names.get(-code, f'signal {-code}')}"
        if how.endswith("SIGKILL"):
            how += ", as the system does where memory runs out"
    tail = f" The end of its log:\n{log}" if log.strip() else ""
    return f"The process of the training {how}, without a model.{tail}"
