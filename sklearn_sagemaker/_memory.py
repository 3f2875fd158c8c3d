"""How much memory there is."""

from __future__ import annotations

import os

UNKNOWN = 1 << 40
"""Bytes of memory where the system does not say how many it has."""


def memory() -> int:
    """Bytes of memory that this machine has."""
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return UNKNOWN
    return pages * size if pages > 0 and size > 0 else UNKNOWN
