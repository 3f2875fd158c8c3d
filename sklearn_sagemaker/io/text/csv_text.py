"""The text of a CSV file, of which each row is known to have its fields."""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Iterator

from sklearn_sagemaker.io.text.blocks import blocks_of
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

    Attributes
    ----------
    failure : BaseException or None
        What reading ended by: pandas makes something else of it.
    """

    def __init__(self, layout: CsvLayout):
        self.failure: BaseException | None = None
        self._layout = layout
        self._separator = layout.text.separator
        self._n_separators = layout.n_columns + layout.trailing - 1
        self._blocks = self._read()

    def __iter__(self) -> Iterator[str]:
        return self._blocks

    def read(self, size: int = -1) -> str:
        """Some rows; an empty text at the end."""
        try:
            return next(self._blocks, "")
        except BaseException as error:
            self.failure = error
            raise

    def close(self) -> None:
        """Close the file."""
        self._blocks.close()

    def _read(self) -> Generator[str, None, None]:
        layout = self._layout
        with layout.text.open(layout.path) as handle:
            for _ in range(layout.n_lines):
                handle.readline()

            def place(number: int) -> str:
                return f"{layout.path}: row {layout.n_lines + number}"

            for _, block in blocks_of(handle, place, csv=True, size=BLOCK):
                self._check(block)
                yield block

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
