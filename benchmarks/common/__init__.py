"""What all benchmarks share: options, timing, processes, tables and bars."""

from benchmarks.common.confusion import (
    CONFUSION_HEADERS,
    confusion,
    confusion_rows,
)
from benchmarks.common.options import (
    add_quick,
    add_repeats,
    add_seeds,
    add_several,
    make_parser,
    seeds_of,
)
from benchmarks.common.processes import run_code, run_module
from benchmarks.common.report import Bars, print_environment, print_table
from benchmarks.common.timing import (
    TIMING_HEADERS,
    Timing,
    least_medians,
    measure,
    print_busy,
)

__all__ = [
    "CONFUSION_HEADERS",
    "TIMING_HEADERS",
    "Bars",
    "Timing",
    "add_quick",
    "add_repeats",
    "add_seeds",
    "add_several",
    "confusion",
    "confusion_rows",
    "least_medians",
    "make_parser",
    "measure",
    "print_busy",
    "print_environment",
    "print_table",
    "run_code",
    "run_module",
    "seeds_of",
]
