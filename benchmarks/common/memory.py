"""Resident memory of this process, in MB."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

MB = 1e6
# Where the peak before a fit is this far above the resident memory, the growth is
# only known to be no more than what is printed.
LOOSE_MB = 5.0


def resident_mb() -> float:
    """Resident memory now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MB


def peak_mb() -> float:
    """Highest resident memory so far; Linux counts in KiB, macOS in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MB
