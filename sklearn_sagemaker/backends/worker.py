"""The process of a training: reads a problem, trains it, and writes the model.

It speaks to the one that started it in lines of JSON on standard output: epochs, to
each of which the answer "go" or "stop" comes back, warnings, and what went wrong. A
mark sets them apart from what was printed before it could be kept away.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_sagemaker.backends.local import LocalBackend
from sklearn_sagemaker.backends.subprocess import MARK
from sklearn_sagemaker.io.problem_files import read_problem, write_state


def main(folder: str, settings: dict[str, Any]) -> None:
    """Train the problem in a folder.

    Parameters
    ----------
    folder : str
        With ``problem.zip``; ``state.zip`` is written beside it.
    settings : dict
        Of the `LocalBackend` that trains.
    """
    # The one that started it decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What others print goes to the log.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(*parts: Any) -> None:
        out.write(MARK + json.dumps(parts) + "\n")
        out.flush()

    def monitor(epoch: int, epochs: int, losses: dict[str, Any]) -> bool:
        plain = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in losses.items()
        }
        try:
            say("epoch", epoch, epochs, plain)
            answer = sys.stdin.readline()
        except OSError:
            answer = ""
        if not answer:
            # Nobody waits for the model any more, or removes the rows.
            shutil.rmtree(folder, ignore_errors=True)
            os._exit(1)
        return answer.strip() == "stop"

    def warned(message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
        say("warning", _bases(category), str(message))

    warnings.showwarning = warned
    warnings.simplefilter("always")
    try:
        spec, data = read_problem(Path(folder, "problem.zip"))
        state = LocalBackend(**settings).train(spec, data, monitor)
        write_state(Path(folder, "state.zip"), state)
    except Exception as error:
        say("error", _bases(type(error)), *_told(error), traceback.format_exc())
        raise SystemExit(1) from None


def _bases(cls: type) -> list[tuple[str, str]]:
    """By which a class is found where there are the same modules, or its base is."""
    return [(base.__module__, base.__qualname__) for base in cls.__mro__]


def _told(error: Exception) -> tuple[list[Any], str]:
    """What an error is made of, if that is plain, and its message."""
    made = error.__reduce__()
    found = made[1] if isinstance(made, tuple) else ()
    plain = all(isinstance(one, str | int | float | None) for one in found)
    return list(found) if plain else [str(error)], str(error)
