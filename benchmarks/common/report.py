"""What a benchmark prints: its environment, tables, and whether its bars are met."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from pathlib import Path
from typing import Any


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


def print_table(headers: list[str], rows: list[list[Any]]) -> None:
    """Print a Markdown table."""
    print("| " + " | ".join(headers) + " |")
    print("|" + "---|" * len(headers))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print(flush=True)


class Bars:
    """The bars of a benchmark: `exit` prints them all and tells of misses."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.missed = 0

    def check(self, what: str, value: float, met: bool, bar: str) -> None:
        """Note one bar and whether it is met."""
        self.missed += not met
        word = "met   " if met else "MISSED"
        self.lines.append(f"{word} {what}: {value:.4g} (bar: {bar})")

    def at_most(self, what: str, value: float, limit: float) -> None:
        """A bar that ``value`` may not exceed (NaN misses it)."""
        self.check(what, value, value <= limit, f"at most {limit:.4g}")

    def at_least(self, what: str, value: float, limit: float) -> None:
        """A bar that ``value`` must reach (NaN misses it)."""
        self.check(what, value, value >= limit, f"at least {limit:g}")

    def not_measured(self, what: str) -> None:
        """A bar that was not looked at, which is no miss."""
        self.lines.append(f"not measured: {what}")

    def exit(self) -> None:
        """Print all bars and leave, with status 1 if one was missed."""
        print("\n".join(self.lines))
        sys.exit(1 if self.missed else 0)
