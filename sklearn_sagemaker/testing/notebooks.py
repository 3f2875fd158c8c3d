"""Runs notebooks against the emulator.

``python -m sklearn_sagemaker.testing.notebooks FOLDER --python PYTHON`` executes the
code cells of all notebooks of a folder by an interpreter, with the packages that it
has: IPython, and whichever SDK of SageMaker the notebooks are written for.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.testing.child import run_notebook
from sklearn_sagemaker.testing.cloud import PURPOSE
from sklearn_sagemaker.testing.emulator import SageMakerEmulator
from sklearn_sagemaker.testing.example_data import fill

CHECKPOINTS = ".ipynb_checkpoints"
"""Folder of Jupyter's copies."""


@dataclass(frozen=True)
class Ran:
    """What became of a notebook.

    Attributes
    ----------
    path : Path
    cells : int
        Code cells that it has.
    done : int
        Those that were executed without an error.
    seconds : float
    errors : dict of int to str
        First line of the exception, by the number of the code cell, from 1.
    """

    path: Path
    cells: int
    done: int
    seconds: float
    errors: dict[int, str]

    def __str__(self) -> str:
        lines = [
            f"{self.path}: {self.done} of {self.cells} code cells ran, "
            f"{self.seconds:.1f} s"
        ]
        lines += [f"  cell {number}: {text}" for number, text in self.errors.items()]
        return "\n".join(lines)


def run(
    emulator: SageMakerEmulator,
    path: Path,
    python: str = sys.executable,
    *,
    go_on: bool = False,
    longest_sleep: float | None = None,
    verbose: bool = False,
) -> Ran:
    """Execute the code cells of a notebook, in its folder, as Jupyter does.

    Parameters
    ----------
    emulator : SageMakerEmulator
        One that runs.
    path : Path
        Of the notebook, which is not changed.
    python : str, default=sys.executable
        An interpreter that has IPython and what the notebook imports. Programs that are
        installed beside it, such as ``aws``, are found first.
    go_on : bool, default=False
        Whether cells after one that fails are executed.
    longest_sleep : float, optional
        Seconds at which calls of ``time.sleep`` end: SDKs wait up to 30 s between two
        looks at an endpoint.
    verbose : bool, default=False
        Whether the output of the cells is shown.

    Raises
    ------
    RuntimeError
        If the notebook cannot be begun; the message has what the interpreter says.
    """
    path = path.absolute()
    cells = len(list(run_notebook.cells(path)))
    python = os.path.abspath(python)
    variables = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(python).parent), os.environ["PATH"]]),
    }
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output:
        report = Path(folder, "report")
        arguments = [
            str(path),
            str(report),
            "1" if go_on else "",
            "" if longest_sleep is None else str(longest_sleep),
        ]
        emulator.run(
            [python, run_notebook.__file__, *arguments],
            cwd=path.parent,
            env={**variables, "IPYTHONDIR": folder},
            stdin=subprocess.DEVNULL,
            stdout=None if verbose else output,
            stderr=None if verbose else subprocess.STDOUT,
        )
        if not report.exists():
            output.seek(0)
            said = output.read().decode("utf-8", "replace")[-1000:].strip()
            raise RuntimeError(
                f"{python} cannot run notebooks; it needs IPython ({python} -m pip "
                f"install ipython). It says: {said}"
            )
        lines = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
    errors = {line["cell"]: line["error"] for line in lines if line["error"]}
    if not errors and len(lines) < cells:
        errors[len(lines) + 1] = "the interpreter has ended"
    done = sum(not line["error"] for line in lines)
    return Ran(path, cells, done, sum(line["seconds"] for line in lines), errors)


def found_in(paths: Sequence[Path]) -> list[Path]:
    """The notebooks that are named, and those of folders, without Jupyter's copies."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(path.rglob("*.ipynb"))
            found += [file for file in inside if CHECKPOINTS not in file.parts]
        else:
            found.append(path)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run notebooks; 1 if a cell fails."""
    parser = argparse.ArgumentParser(
        prog="python -m sklearn_sagemaker.testing.notebooks",
        description="Execute the code cells of notebooks against the emulator.",
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="FOLDER_OR_NOTEBOOK")
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="interpreter that has IPython and the SDK (default: this one)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="files for the buckets of example data, laid out as the keys are",
    )
    parser.add_argument("--region", default="us-east-1", help="default: %(default)s")
    parser.add_argument(
        "--go-on", action="store_true", help="execute cells after one that fails"
    )
    parser.add_argument(
        "--longest-sleep",
        type=float,
        metavar="SECONDS",
        help="end each time.sleep of a notebook after so long",
    )
    parser.add_argument("--verbose", action="store_true", help="show the output")
    given = parser.parse_args(arguments)
    boto3 = import_optional("boto3", "testing", PURPOSE)
    failed = False
    for path in found_in(given.paths):
        with SageMakerEmulator(region=given.region) as emulator:
            fill(boto3.client("s3"), given.region, given.data)
            ran = run(
                emulator,
                path,
                given.python,
                go_on=given.go_on,
                longest_sleep=given.longest_sleep,
                verbose=given.verbose,
            )
        print(ran, flush=True)
        failed = failed or bool(ran.errors)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
