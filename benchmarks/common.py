"""What the benchmarks share: one thread, timing, loading, tables and bars.

Import this before NumPy: it fixes the number of BLAS and OpenMP threads, which
libraries read when they are loaded.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

DATA_VARIABLE = "SKLEARN_SAGEMAKER_DATA"


# ------------------------------------------------------------------ command line
def make_parser(description: str, *, data: bool = True) -> argparse.ArgumentParser:
    """Parser with the options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description)
    if data:
        default = os.environ.get(DATA_VARIABLE)
        parser.add_argument(
            "--data-dir",
            type=Path,
            default=default,
            required=default is None,
            help=f"folder of the .npz data sets (or set {DATA_VARIABLE})",
        )
    return parser


def add_repeats(parser: argparse.ArgumentParser, default: int = 3) -> None:
    """``--repeats``: the median of so many runs is reported."""
    parser.add_argument(
        "--repeats",
        type=int,
        default=default,
        help="runs of each case, of which the median counts (default %(default)s)",
    )


def print_environment() -> None:
    """Date, processor, load, versions and the kernels in use."""
    import numpy
    import scipy
    import sklearn

    import sklearn_sagemaker
    from sklearn_sagemaker._kernels import LEVEL, kernels

    now = datetime.datetime.now(datetime.UTC)
    built = datetime.datetime.fromtimestamp(
        Path(kernels.__file__).stat().st_mtime, datetime.UTC
    )
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(
        f"{now:%Y-%m-%d %H:%M} UTC; {cpu_model()}, {os.cpu_count()} cores{load}; "
        f"1 thread; kernels {LEVEL}, built {built:%Y-%m-%d %H:%M}; sklearn_sagemaker "
        f"{sklearn_sagemaker.__version__}, scikit-learn {sklearn.__version__}, NumPy "
        f"{numpy.__version__}, SciPy {scipy.__version__}, Python "
        f"{platform.python_version()}\n"
    )


def cpu_model() -> str:
    """The processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


# ------------------------------------------------------------------------ timing
@dataclass
class Timing:
    """Wall and CPU seconds of the runs of one case, and its last result."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    result: Any = None

    @property
    def seconds(self) -> float:
        """Median of the wall seconds."""
        return statistics.median(self.wall)

    @property
    def cpu_seconds(self) -> float:
        """Median of the CPU seconds."""
        return statistics.median(self.cpu)

    def run(self, case: Callable[[], Any]) -> None:
        """Run the case once more."""
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        self.result = case()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)

    def cells(self) -> list[str]:
        """Runs, median and least wall seconds, median CPU seconds."""
        return [
            str(len(self.wall)),
            f"{self.seconds:.3f}",
            f"{min(self.wall):.3f}",
            f"{self.cpu_seconds:.3f}",
        ]


TIMING_HEADERS = ["runs", "wall s (median)", "wall s (min)", "CPU s (median)"]


def measure(cases: dict[str, tuple[Callable[[], Any], int]]) -> dict[str, Timing]:
    """Time the cases in turn, so that a slow spell of the machine hits them all.

    Parameters
    ----------
    cases : dict of (callable, number of runs)

    Returns
    -------
    timings : dict of Timing
    """
    timings = {name: Timing() for name in cases}
    for turn in range(max(runs for _, runs in cases.values())):
        for name, (case, runs) in cases.items():
            if turn < runs:
                timings[name].run(case)
    return timings


def print_busy(timings: dict[str, Timing]) -> None:
    """Say which cases waited for the processor: their wall seconds mislead."""
    busy = [name for name, t in timings.items() if t.seconds > 1.05 * t.cpu_seconds]
    if busy:
        print(
            "BUSY MACHINE: wall seconds exceed CPU seconds by more than 5 % in "
            f"{len(busy)} of {len(timings)} cases; do not quote the ratios ({busy[0]}"
            f"{', ...' if len(busy) > 1 else ''})"
        )


def run_child(arguments: list[str], **environment: str) -> Any:
    """Run Python in a fresh process; the JSON of its last line, if it prints any."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    return json.loads(lines[-1]) if lines else None


# -------------------------------------------------------------------------- data
@dataclass
class Split:
    """One data set, cut as its file says."""

    X_train: Any
    y_train: Any
    X_val: Any
    y_val: Any
    X_test: Any
    y_test: Any

    def map(self, function: Callable[[Any], Any]) -> Split:
        """The same split with ``function`` applied to the three matrices."""
        return Split(
            function(self.X_train),
            self.y_train,
            function(self.X_val),
            self.y_val,
            function(self.X_test),
            self.y_test,
        )


def load(data_dir: Path, name: str) -> Split:
    """Read ``name.npz``: dense arrays as they are, CSR with float32 values."""
    import numpy as np
    import scipy.sparse as sp

    with np.load(data_dir / f"{name}.npz") as file:
        if "X" in file:
            X = file["X"]
            X = X.reshape(len(X), -1)
        else:
            parts = (file["data"].astype(np.float32), file["indices"], file["indptr"])
            X = sp.csr_matrix(parts, shape=tuple(file["shape"]))
        y = file["y"]
        rows = [file[f"{part}_idx"] for part in ("train", "val", "test")]
    return Split(*(part for index in rows for part in (X[index], y[index])))


def load_mnist_zero(data_dir: Path) -> Split:
    """MNIST as "is it a zero": uint8 pixels as they are, y 0 or 1."""
    split = load(data_dir, "mnist")
    for part in ("y_train", "y_val", "y_test"):
        setattr(split, part, (getattr(split, part) == 0).astype("int64"))
    return split


# ------------------------------------------------------------------------ output
def print_table(headers: list[str], rows: list[list[Any]]) -> None:
    """Print a Markdown table."""
    print("| " + " | ".join(headers) + " |")
    print("|" + "---|" * len(headers))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


class Bars:
    """The bars of a benchmark: each is printed, and `exit` tells of misses."""

    def __init__(self) -> None:
        self.missed = 0

    def check(self, what: str, value: float, met: bool, bar: str) -> None:
        """Print one bar and note whether it is met."""
        self.missed += not met
        print(f"{'met   ' if met else 'MISSED'} {what}: {value:.4g} (bar: {bar})")

    def at_most(self, what: str, value: float, limit: float) -> None:
        """A bar that ``value`` may not exceed (NaN misses it)."""
        self.check(what, value, value <= limit, f"at most {limit:.4g}")

    def exit(self) -> None:
        """Leave with status 1 if a bar was missed."""
        sys.exit(1 if self.missed else 0)
