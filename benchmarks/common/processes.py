"""Work in fresh processes, started from the root of the project as this one was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any


def run_module(name: str, *arguments: object, **environment: str) -> Any:
    """Run a module, such as the benchmark itself (``__spec__.name``).

    Parameters
    ----------
    name : str
    *arguments : object
        Of its command line; they are turned into text.
    **environment : str
        Variables to set.

    Returns
    -------
    result : object
        The JSON of the last line that it prints, or None.
    """
    return _run(["-m", name, *map(str, arguments)], environment)


def run_code(code: str) -> Any:
    """Run a program text; gives what `run_module` gives."""
    return _run(["-c", code], {})


def _run(arguments: list[str], environment: dict[str, str]) -> Any:
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    return json.loads(lines[-1]) if lines else None
