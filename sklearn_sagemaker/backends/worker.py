"""The process of a training: reads a problem, trains it, and writes the model.

It speaks to the one that started it in lines of JSON on standard output: epochs, to
each of which the answer "go" or "stop" comes back, warnings, and what went wrong.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_sagemaker.backends.local import LocalBackend
from sklearn_sagemaker.io.problem_files import read_problem, write_state


def main() -> None:
    """Train the problem in the folder that is named on the command line."""
    folder = Path(sys.argv[1])
    # Nothing but lines of JSON: what others print goes to the log.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(*parts: Any) -> None:
        out.write(json.dumps(parts) + "\n")
        out.flush()

    def monitor(epoch: int, epochs: int, losses: dict[str, Any]) -> bool:
        plain = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in losses.items()
        }
        say("epoch", epoch, epochs, plain)
        answer = sys.stdin.readline()
        if not answer:
            # Nobody waits for the model any more.
            raise SystemExit(1)
        return answer.strip() == "stop"

    def warned(message: Any, category: type[Warning], *_: Any, **__: Any) -> None:
        say("warning", category.__name__, str(message))

    warnings.showwarning = warned
    warnings.simplefilter("always")
    try:
        settings = json.loads((folder / "settings.json").read_text("utf-8"))
        spec, data = read_problem(folder / "problem.zip")
        state = LocalBackend(**settings).train(spec, data, monitor)
        write_state(folder / "state.zip", state)
    except Exception as error:
        say("error", type(error).__name__, str(error))
        raise SystemExit(1) from None
