"""What takes the place of a name of the package while a benchmark watches it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock


@contextmanager
def stand_in(owner: Any, name: str, value: Any) -> Iterator[None]:
    """A value in place of a name, within a ``with`` block.

    A module that lists in ``STAND_INS`` what makes its blocks is watched by a test.

    Parameters
    ----------
    owner : module or class
    name : str
    value : object
        A class may have other methods than the one it stands in for, if they are called
        alike.

    Raises
    ------
    AttributeError
        If there is no such name.
    TypeError
        If the value cannot be called as what it stands in for.
    """
    method = isinstance(owner, type)
    _check(getattr(owner, name), value, f"{owner.__name__}.{name}", method)
    with mock.patch.object(owner, name, value):
        yield


def _check(original: Any, value: Any, what: str, method: bool) -> None:
    if isinstance(original, type):
        for name, call in vars(value).items():
            if inspect.isfunction(call) and hasattr(original, name):
                _check(getattr(original, name), call, f"{what}.{name}", method=True)
    elif callable(original):
        wanted = inspect.signature(original)
        found = inspect.signature(value, follow_wrapped=False)
        try:
            for positional, by_name in _calls(wanted, method):
                found.bind(*positional, **by_name)
        except TypeError as error:
            raise TypeError(
                f"{what} is called as {wanted}, its stand-in as {found}: {error}; give "
                "that the same parameters."
            ) from None


def _calls(
    signature: inspect.Signature, method: bool
) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Ways to call: all by place, all by name, and what has no default alone."""
    given = [
        one
        for one in signature.parameters.values()
        if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    required = [one for one in given if one.default is one.empty]
    for chosen, by_place in ((given, True), (given, False), (required, True)):
        places = [
            one.name
            for number, one in enumerate(chosen)
            if one.kind is one.POSITIONAL_ONLY
            or (one.kind is one.POSITIONAL_OR_KEYWORD and by_place)
            # An object is in the first place of its methods.
            or (method and number == 0)
        ]
        yield places, {one.name: "" for one in chosen if one.name not in places}
