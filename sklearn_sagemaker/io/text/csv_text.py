"""The text of a CSV file, of which each row is known to have its fields."""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Iterator

import numpy as np

from sklearn_sagemaker.io.opening import LONGEST_LINE, line_too_long
from sklearn_sagemaker.io.text.csv_layout import CsvLayout
from sklearn_sagemaker.io.text.csv_records import BLANKS

BLOCK = 1 << 18
"""Characters that are read at once."""


class CheckedText:
    """What pandas reads in place of a file: whole rows, behind the header.

    pandas fills short rows, drops what long ones have too much, and reads ``"3"4`` as
    34. Here this is a ValueError, so that the row can be looked for.

    Parameters
    ----------
    layout : CsvLayout
    """

    def __init__(self, layout: CsvLayout):
        self._layout, self._line = layout, layout.n_lines
        self._separator = layout.text.separator
        self._n_separators = layout.n_columns + layout.trailing - 1
        self._blocks = self._read()

    def __iter__(self) -> Iterator[str]:
        return self._blocks

    def read(self, size: int = -1) -> str:
        """Some rows; an empty text at the end."""
        return next(self._blocks, "")

    def close(self) -> None:
        """Close the file."""
        self._blocks.close()

    def _read(self) -> Generator[str, None, None]:
        layout = self._layout
        with layout.text.open(layout.path) as handle:
            for _ in range(layout.n_lines):
                handle.readline()
            kept = ""
            while True:
                # As much again as is kept: long lines are joined in linear time.
                text = handle.read(max(BLOCK, len(kept)))
                block = kept + text
                end = _end_of_rows(block) if text else len(block)
                if not end and len(block) > LONGEST_LINE:
                    place = f"{layout.path}: row {self._line + 1}"
                    raise line_too_long(place, quotes=True)
                block, kept = block[:end], block[end:]
                if block:
                    self._check(block)
                    self._line += _count_lines(block)
                    yield block
                if not text:
                    return

    def _check(self, block: str) -> None:
        if "\0" in block:
            raise ValueError("a NUL character")
        if '"' in block:
            block = self._unquoted(block)
        if "\r" in block:
            block = block.replace("\r\n", "\n").replace("\r", "\n")
        separator, n_separators = self._separator, self._n_separators
        odd = [
            line for line in block.split("\n") if line.count(separator) != n_separators
        ]
        if any(line.strip(BLANKS) for line in odd):
            raise ValueError("a row with another number of fields")

    def _unquoted(self, block: str) -> str:
        """The text without what is in quotes, which must be around whole cells."""
        pieces = block.split('"')
        ends = ("", self._separator, "\n", "\r")
        # Between two quotes nothing, for a quote in a cell, or what ends a cell.
        fine = (
            len(pieces) % 2
            and all(piece.rstrip(" ")[-1:] in ends for piece in pieces[:-1:2])
            and all(piece[:1] in ends for piece in pieces[2::2])
        )
        if not fine:
            return self._checked_slowly(block)
        # A cell leaves its mark, so that its line is not blank.
        return "-".join(pieces[::2])

    def _checked_slowly(self, block: str) -> str:
        """Nothing, if the rows are right although quotes are in mid-cell."""
        rows = csv.reader(
            io.StringIO(block, newline=""),
            delimiter=self._separator,
            skipinitialspace=True,
            strict=True,
        )
        try:
            wrong = any(
                len(fields) != self._n_separators + 1
                for fields in rows
                if len(fields) > 1 or any(map(str.strip, fields))
            )
        except csv.Error as error:
            raise ValueError(str(error)) from error
        if wrong:
            raise ValueError("a row with another number of fields")
        return ""


def _end_of_rows(text: str) -> int:
    """Where the last whole row ends; 0 if there is none."""
    mark = "\n"
    end = text.rfind(mark) + 1
    if not end:
        # Lines that end in "\r" only; a last one may be the half of "\r\n".
        mark = "\r"
        end = text.rfind(mark, 0, -1) + 1
    if text.count('"', 0, end) % 2:
        # The last line break that is not in quotes.
        codes = np.frombuffer(text[:end].encode("utf-32-le"), np.uint32)
        outside = np.logical_not(np.logical_xor.accumulate(codes == ord('"')))
        outside &= codes == ord(mark)
        end -= int(outside[::-1].argmax()) if outside.any() else end
    return end


def _count_lines(text: str) -> int:
    """Line ends of any kind: those of Unix, Windows and old Macs."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")
