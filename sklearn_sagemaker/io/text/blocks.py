"""Files of lines in blocks of whole lines."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.opening import LONGEST_LINE, line_too_long, open_bytes

BLOCK = 1 << 20
"""Bytes of text that are parsed at once."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


MOST_COLUMNS = 1 << 20
"""Columns of a CSV row at most."""


def check_columns(line: bytes | str, place: str, separator: str = ",") -> None:
    """Refuse a line of CSV with more cells than a row has, before they are made.

    Parameters
    ----------
    line : bytes or str
    place : str
        Its name in the message.
    separator : str

    Raises
    ------
    DataFileError
    """
    if isinstance(line, bytes):
        commas = line.count(separator.encode())
    else:
        commas = line.count(separator)
    if commas >= MOST_COLUMNS:
        raise DataFileError(
            f"{place} has more than {MOST_COLUMNS:,} columns; rows end with a line "
            "break, and so many features are for sparse rows, such as libsvm's."
        )


def line_blocks(path: str) -> Iterator[tuple[int, bytes]]:
    """Read a text file, plain or gzip, in pieces that end where a line ends.

    Parameters
    ----------
    path : str

    Yields
    ------
    first : int
        Number of the first line of the block, from 1.
    block : bytes
        About a mebibyte, without a byte order mark; more if a line is longer.

    Raises
    ------
    DataFileError
        If a line is longer than 64 MiB, so that no file can fill the memory.
    """
    with open_bytes(path) as handle:
        yield from blocks_of(handle, f"{path}: row {{}}".format)


def blocks_of(
    handle: BinaryIO, place: Callable[[int], str], *, csv: bool = False
) -> Iterator[tuple[int, bytes]]:
    """The same of a file object.

    Parameters
    ----------
    handle : binary file object
    place : callable
        Name of a line in messages, from its number.
    csv : bool
        Whether line breaks between double quotes are part of a cell, and a carriage
        return alone may end a line.
    """
    first, kept = 1, b""
    # As much again as is kept: long lines are joined in linear time.
    while piece := handle.read(max(BLOCK, len(kept))):
        if first == 1 and not kept:
            piece = piece.removeprefix(BYTE_ORDER_MARK)
        text = kept + piece
        end = _end_of_lines(text, csv)
        if not end and len(text) > LONGEST_LINE:
            raise line_too_long(place(first), csv)
        block, kept = text[:end], text[end:]
        if block:
            yield first, _checked(block, first, place, csv)
            first += count_lines(block)
    if kept:
        yield first, _checked(kept, first, place, csv)


def _checked(block: bytes, first: int, place: Callable[[int], str], csv: bool) -> bytes:
    if csv and block.count(b",") >= MOST_COLUMNS:
        for number, line in enumerate(io.BytesIO(block), start=first):
            if len(line) >= MOST_COLUMNS:
                check_columns(line, place(number))
    return block


def _end_of_lines(text: bytes, csv: bool) -> int:
    """Where the last whole line ends; 0 if there is none."""
    mark = b"\n"
    end = text.rfind(mark) + 1
    if not csv:
        return end
    if not end:
        # Lines that end in "\r" only; a last one may be the half of "\r\n".
        mark = b"\r"
        end = text.rfind(mark, 0, -1) + 1
    if text.count(b'"', 0, end) % 2:
        # The last line break that is not in quotes.
        codes = np.frombuffer(text, np.uint8, end)
        outside = np.logical_not(np.logical_xor.accumulate(codes == ord('"')))
        outside &= codes == ord(mark)
        end -= int(outside[::-1].argmax()) if outside.any() else end
    return end


def count_lines(text: bytes) -> int:
    """Line ends of any kind: those of Unix, Windows and old Macs."""
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
