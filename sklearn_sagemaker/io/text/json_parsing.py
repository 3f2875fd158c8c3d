"""Strict JSON: a document in memory, and files of one document a line.

Stricter than ``json.loads``: no NaN or Infinity, no key twice in an object, UTF-8
only. Every fault is a `DataFileError` that says where it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.messages import quoted
from sklearn_sagemaker.io.opening import LONGEST_LINE
from sklearn_sagemaker.io.text.blocks import blocks_of

LONGEST = LONGEST_LINE
"""Bytes or characters of one instance at most."""

_IN_A_LINE = re.compile(rb"[^ \t\r\n][^\n]*")
_BLANK = re.compile(r"[ \t\n\r]*")


def shown(value: Any) -> str:
    """A parsed value as a message shows it: never a whole row."""
    if value is None or type(value) is bool:
        return json.dumps(value)
    if type(value) in (list, dict):
        return "a list" if type(value) is list else "an object"
    return quoted(value) if type(value) is str else quoted(value)[1:-1]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"an object has the key {quoted(key)} twice")
            seen.add(key)
    return found


def _constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON; fill it in or drop the row")


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def _why(error: Exception) -> str:
    """What a fault of the parser means."""
    if isinstance(error, RecursionError):
        return "lists or objects are nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 text, byte 0x{error.object[error.start]:02x}"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, character {error.pos}"
    if "digits" in str(error):
        return "a number has too many digits"
    return str(error)


def json_lines(
    handle: BinaryIO, place: Callable[[int], str]
) -> Iterator[tuple[int, Any]]:
    """Parse each line that is not blank.

    Parameters
    ----------
    handle : binary file object
    place : callable
        Name of a line in messages, from its number.

    Yields
    ------
    number : int
        Of the line, from 1.
    value : object

    Raises
    ------
    DataFileError
        If a line is not JSON.
    """
    number = 1
    for _, block in blocks_of(handle, place):
        seen = 0
        # Blank lines are passed over at once.
        for found in _IN_A_LINE.finditer(block):
            start = block.rfind(b"\n", seen, found.start()) + 1
            number += block.count(b"\n", seen, found.start())
            seen = found.start()
            line = block[start or seen : found.end()]
            if len(line) > LONGEST:
                raise DataFileError(
                    f"{place(number)}: is longer than {LONGEST} bytes; JSON Lines has "
                    "one instance a line."
                )
            try:
                value = DECODER.decode(line.decode())
            except (ValueError, RecursionError) as error:
                raise DataFileError(
                    f"{place(number)}: is not valid JSON ({_why(error)})."
                ) from error
            yield number, value
        number += block.count(b"\n", seen)


class JsonDocument:
    """An object of JSON with one long list in it, parsed element by element.

    So a fault can name its element, and no more of Python's objects are made than those
    of one element.

    Parameters
    ----------
    data : bytes
        The whole document.
    source : str
        Name of the file, for messages.

    Raises
    ------
    DataFileError
        If it is not UTF-8.
    """

    def __init__(self, data: bytes | bytearray, source: str = ""):
        self._prefix = f"{source}: " if source else ""
        self._where = "the document"
        self._at = 0
        try:
            self._text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise self._no_json(f"{_why(error)} at byte {error.start}") from error

    def elements(self, name: str) -> Iterator[tuple[int, Any]]:
        """The elements of the list under ``name``.

        Parameters
        ----------
        name : str
            The object may have ``configuration`` beside it, and nothing else.

        Yields
        ------
        number : int
            From 0.
        value : object

        Raises
        ------
        DataFileError
            If it is not such a document.
        """
        form = f'{{"{name}": [...]}}'
        self._expect("{", f"the document must be {form}")
        seen: set[str] = set()
        while True:
            if self._peek() != '"':
                self._expect('"', f"the document must be {form}")
            key = self._value()
            if key in seen or key not in (name, "configuration"):
                what = "twice" if key in seen else "which is not known"
                raise self._fault(
                    f"has the key {quoted(key)} {what}; it must be {form}."
                )
            seen.add(key)
            self._expect(":", "a key needs a colon")
            if key == name:
                yield from self._list(name)
            else:
                self._value()
            if self._peek() != ",":
                break
            self._at += 1
        self._expect("}", "expected a comma or a closing brace")
        if self._peek():
            raise self._fault("goes on after its end; send one document.")
        if name not in seen:
            raise self._fault(f"has no {name}; it must be {form}.")

    def _list(self, name: str) -> Iterator[tuple[int, Any]]:
        self._expect("[", f"{name} must be a list")
        number = 0
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            self._where = f"{name}[{number}]"
            yield number, self._value()
            number += 1
            if self._peek() != ",":
                break
            self._at += 1
        self._expect("]", "expected a comma or a closing bracket")
        self._where = "the document"

    def _fault(self, message: str) -> DataFileError:
        return DataFileError(f"{self._prefix}{self._where}: {message}")

    def _no_json(self, why: str) -> DataFileError:
        return self._fault(f"is not valid JSON ({why}).")

    def _peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        match = _BLANK.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._text[self._at : self._at + 1]

    def _expect(self, character: str, rule: str) -> None:
        found = self._peek()
        if found != character:
            found = quoted(found) if found else "the end"
            raise self._no_json(f"{rule}, but there is {found} at character {self._at}")
        self._at += 1

    def _value(self) -> Any:
        self._peek()
        start = self._at
        try:
            value, self._at = DECODER.raw_decode(self._text, start)
        except (ValueError, RecursionError) as error:
            raise self._no_json(_why(error)) from error
        if self._at - start > LONGEST:
            raise self._fault(f"is longer than {LONGEST} characters.")
        return value
