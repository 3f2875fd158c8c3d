"""Labels and counts, as messages and tables show them."""

from __future__ import annotations

from typing import Any


def short(label: Any, limit: int = 20) -> str:
    """A class label, which may be any text: printable, and never long."""
    text = "".join(c if c.isprintable() else "?" for c in str(label))
    return text if len(text) <= limit else text[: limit - 3] + "..."


def count(value: int, noun: str, plural: str | None = None) -> str:
    """A count and its noun: "1 row", "1,797 rows"."""
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"
