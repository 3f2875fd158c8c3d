"""One line on a terminal that says how far a long command is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TextIO

from sklearn_sagemaker.cli.text import count

PART = 1 << 16
"""Rows that are predicted between two changes of the line."""
EVERY = 0.2
"""Seconds between changes of the line."""


class Progress:
    """Rows so far and their speed, on standard error; nothing if no one watches.

    The megabytes are those of the numbers in memory. The line is gone when the block
    ends.

    Parameters
    ----------
    stream : TextIO or None
        Where to show it; None is standard error.
    what : str, default=""
        What is done, which is shown before the first rows are.
    total : int or None
        How many rows there are, if that is known.
    """

    def __init__(
        self, stream: TextIO | None = None, what: str = "", total: int | None = None
    ):
        self._what, self._total = what, total
        self._stream = sys.stderr if stream is None else stream
        self._watched = self._stream.isatty()
        self._rows = self._bytes = self._width = 0

    def __enter__(self) -> Self:
        self._start = self._shown = time.monotonic()
        if self._watched and self._what:
            self._show(self._what)
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
            text = f"{self._what}: " if self._what else ""
            if self._total is None:
                text += count(self._rows, "row")
            else:
                text += f"{self._rows:,} of {count(self._total, 'row')}"
            self._show(f"{text}, {speed:.0f} MB/s")

    def _show(self, text: str) -> None:
        self._stream.write(f"\r{text:<{self._width}}")
        self._stream.flush()
        self._width = len(text)


def by_parts(answer: Callable[[Any], Any], X: Any, what: str = "predicting") -> Any:
    """What a method answers to rows, asked part by part so that it can be followed.

    Parameters
    ----------
    answer : callable
        Of rows, such as ``estimator.predict``.
    X : {ndarray, CSR matrix} of shape (n_rows, n_features)
    what : str

    Returns
    -------
    answers : ndarray of shape (n_rows, ...)
    """
    import numpy as np

    n_rows = X.shape[0]
    if n_rows <= PART:
        return answer(X)
    row_bytes = (X.data if hasattr(X, "indptr") else X).nbytes // n_rows
    found = []
    with Progress(what=what, total=n_rows) as progress:
        for start in range(0, n_rows, PART):
            part = X[start : start + PART]
            found.append(answer(part))
            progress.add(part.shape[0], row_bytes * part.shape[0])
    return np.concatenate(found)
