"""Plain text for terminals: aligned tables and numbers, no colours."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from sklearn_sagemaker._texts import count, short

__all__ = [
    "confusion_table",
    "count",
    "facts",
    "note",
    "number",
    "seconds",
    "short",
    "size",
    "table",
]


def number(value: Any, digits: int = 4) -> str:
    """A number in a few characters; text stays text."""
    if isinstance(value, str):
        return value
    return f"{value:.{digits}g}"


def seconds(value: float) -> str:
    """A wall time."""
    return f"{value:.2f} s" if value < 100 else f"{value:.0f} s"


def size(n_bytes: int) -> str:
    """A size of files: "512 bytes", "1.2 MB"."""
    value, unit = float(n_bytes), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return count(n_bytes, "byte") if unit == "bytes" else f"{value:.3g} {unit}"


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], indent: str = "  "
) -> str:
    """Columns under their heads, right-aligned; "|" splits a head over two lines."""
    parts = [head.split("|") for head in heads]
    depth = max(map(len, parts))
    lines = [
        ["" if level < depth - len(part) else part[level - depth] for part in parts]
        for level in range(depth)
    ]
    lines += [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        (indent + "  ".join(map(str.rjust, line, widths))).rstrip() for line in lines
    )


def facts(pairs: Iterable[tuple[str, str]], width: int = 14) -> str:
    """Lines of "name  value", the values aligned."""
    return "\n".join(f"{name:<{width}}{value}" for name, value in pairs)


def confusion_table(
    labels: Sequence[Any], matrix: Sequence[Sequence[int]], corner: str = ""
) -> str:
    """A confusion matrix: a row for each actual class, a column for each answer."""
    if len(labels) <= 4:
        heads = [corner, *(f"predicted|{short(label)}" for label in labels)]
    else:
        heads = [corner, *(short(label, 8) for label in labels)]
    return table(
        heads,
        [
            [f"actual {short(label)}", *(f"{cell:,}" for cell in row)]
            for label, row in zip(labels, matrix, strict=True)
        ],
    )


def note(message: str) -> None:
    """Say something beside the output proper, on standard error."""
    print(f"note: {message}", file=sys.stderr)
