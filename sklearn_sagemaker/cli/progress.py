"""One line on a terminal that says how far a long command is."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self, TextIO

from sklearn_sagemaker.cli.text import count

EVERY = 0.2
"""Seconds between changes of the line."""


class Progress:
    """Rows so far and their speed, on standard error; nothing if no one watches.

    The megabytes are those of the numbers in memory. The line is gone when the block
    ends.
    """

    def __init__(self, stream: TextIO | None = None):
        self._stream = sys.stderr if stream is None else stream
        self._watched = self._stream.isatty()
        self._rows = self._bytes = self._width = 0

    def __enter__(self) -> Self:
        self._start = self._shown = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._width:
            self._show("")
            self._show("")

    def add(self, rows: int, n_bytes: int) -> None:
        """Count some rows more, and show it now and then."""
        self._rows += rows
        self._bytes += n_bytes
        now = time.monotonic()
        if self._watched and now - self._shown >= EVERY:
            self._shown = now
            speed = self._bytes / 1e6 / (now - self._start)
            self._show(f"{count(self._rows, 'row')}, {speed:.0f} MB/s")

    def _show(self, text: str) -> None:
        self._stream.write(f"\r{text:<{self._width}}")
        self._stream.flush()
        self._width = len(text)
