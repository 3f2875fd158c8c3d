"""Files of lines in blocks of whole lines, and rows in batches of one size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.opening import LONGEST_LINE, line_too_long, open_bytes
from sklearn_sagemaker.io.rows import Rows, cut_rows, stack_rows

BLOCK = 1 << 20
"""Bytes of text that are parsed at once."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def line_blocks(path: str, *, csv: bool = False) -> Iterator[tuple[int, bytes]]:
    """Read a text file, plain or gzip, in pieces that end where a line ends.

    Parameters
    ----------
    path : str
    csv : bool
        Whether line breaks between double quotes are part of a cell, and a carriage
        return alone may end a line.

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
    first, kept = 1, b""
    with open_bytes(path) as handle:
        # As much again as is kept: long lines are joined in linear time.
        while piece := handle.read(max(BLOCK, len(kept))):
            if first == 1 and not kept:
                piece = piece.removeprefix(BYTE_ORDER_MARK)
            text = kept + piece
            end = _end_of_lines(text, csv)
            if not end and len(text) > LONGEST_LINE:
                raise DataFileError(line_too_long(path, first, csv))
            block, kept = text[:end], text[end:]
            if block:
                yield first, block
                first += count_lines(block)
        if kept:
            yield first, kept


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
    odd = text.count(b'"', 0, end) % 2
    while end and odd:
        before = text.rfind(mark, 0, end - 1) + 1
        odd ^= text.count(b'"', before, end) % 2
        end = before
    return end


def count_lines(text: bytes) -> int:
    """Line ends of any kind: those of Unix, Windows and old Macs."""
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")


def batches(parts: Iterable[Rows], batch_size: int) -> Iterator[Rows]:
    """Regroup rows into batches of one size; only the last may be smaller.

    Parameters
    ----------
    parts : iterable of Rows
        Of any sizes, with the same features and fields.
    batch_size : int

    Yields
    ------
    batch : Rows
    """
    waiting: list[Rows] = []
    n_waiting = 0
    for rows in parts:
        start = 0
        while n_waiting + len(rows) - start >= batch_size:
            stop = start + batch_size - n_waiting
            waiting.append(cut_rows(rows, slice(start, stop)))
            yield stack_rows(waiting)
            waiting, n_waiting, start = [], 0, stop
        if start < len(rows):
            waiting.append(cut_rows(rows, slice(start, None)))
            n_waiting += len(rows) - start
    if waiting:
        yield stack_rows(waiting)
