"""Files of lines in blocks of whole lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Any, AnyStr

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
    handle: IO[AnyStr],
    place: Callable[[int], str],
    *,
    csv: bool = False,
    size: int | None = None,
) -> Iterator[tuple[int, AnyStr]]:
    """The same of a file object, of bytes or of text.

    Parameters
    ----------
    handle : file object
    place : callable
        Name of a line in messages, from its number.
    csv : bool
        Whether line breaks between double quotes are part of a cell, and a carriage
        return alone may end a line.
    size : int or None, default=None
        Bytes or characters that are read at once; None is a mebibyte.
    """
    first, kept = 1, None
    # As much again as is kept: long lines are joined in linear time.
    while piece := handle.read(max(size or BLOCK, len(kept or ""))):
        if kept is None:
            if isinstance(piece, bytes):
                piece = piece.removeprefix(BYTE_ORDER_MARK)
            kept = piece[:0]
        text = kept + piece
        end = end_of_lines(text, csv)
        if not end and len(text) > LONGEST_LINE:
            raise line_too_long(place(first), csv)
        block, kept = text[:end], text[end:]
        if block:
            yield first, block
            first += _count_lines(block)
    if kept:
        yield first, kept


def _marks(text: Any) -> tuple[Any, Any, Any]:
    """Line feed, carriage return and double quote."""
    return ("\n", "\r", '"') if isinstance(text, str) else (b"\n", b"\r", b'"')


def end_of_lines(text: Any, csv: bool) -> int:
    """Where the last whole line ends; 0 if there is none.

    Parameters
    ----------
    text : bytes or str
    csv : bool
        As for `blocks_of`.
    """
    mark, other, quote = _marks(text)
    end = int(text.rfind(mark)) + 1
    if not csv:
        return end
    if not end:
        # Lines that end in "\r" only; a last one may be the half of "\r\n".
        mark = other
        end = text.rfind(mark, 0, -1) + 1
    if text.count(quote, 0, end) % 2:
        # The last line break that is not in quotes.
        if isinstance(text, str):
            codes = np.frombuffer(text[:end].encode("utf-32-le"), np.uint32)
        else:
            codes = np.frombuffer(text, np.uint8, end)
        outside = np.logical_not(np.logical_xor.accumulate(codes == ord(quote)))
        outside &= codes == ord(mark)
        end -= int(outside[::-1].argmax()) if outside.any() else end
    return end


def _count_lines(text: Any) -> int:
    """Line ends of any kind: those of Unix, Windows and old Macs."""
    feed, carriage, _ = _marks(text)
    return int(text.count(feed) + text.count(carriage) - text.count(carriage + feed))
