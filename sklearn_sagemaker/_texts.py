"""Class labels, which may be any text, as messages and tables show them."""

from __future__ import annotations

from typing import Any


def short(label: Any, limit: int = 20) -> str:
    """A class label, which may be any text: printable, and never long."""
    text = "".join(c if c.isprintable() else "?" for c in str(label))
    return text if len(text) <= limit else text[: limit - 3] + "..."
