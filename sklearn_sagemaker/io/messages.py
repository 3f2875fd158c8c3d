"""Values and names of strangers in messages: quoted, on one line, never long."""

from __future__ import annotations

LONGEST_VALUE = 40
"""Characters of a value that a message quotes at most."""


def quoted(value: object) -> str:
    """A value as a message shows it: quoted, on one line, never long."""
    text = str(value)
    if len(text) > LONGEST_VALUE:
        text = text[: LONGEST_VALUE - 3] + "..."
    return repr(text)


def listed(names: list[str], limit: int = 10) -> str:
    """The first of some names, quoted, and how many more there are."""
    shown = ", ".join(quoted(name) for name in names[:limit])
    more = len(names) - limit
    return f"{shown} and {more} more" if more > 0 else shown
