"""CSV row by row, each with its line: slow, to look at a few rows or name a fault."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.opening import (
    LONGEST_LINE,
    line_too_long,
    open_bytes,
    open_text,
    reading,
)
from sklearn_sagemaker.io.text.blocks import MOST_COLUMNS, check_columns

MOST_BLANK = 1 << 16
"""Blank lines that a file may have, besides one for each row."""

_MARKS = {
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
"""Byte order marks of encodings that say their order, and have no need of one."""

BLANKS = " \t"
"""What may stand around a cell. A no-break space is a fault."""


@dataclass(frozen=True)
class CsvText:
    """How the text of a CSV file is written.

    Attributes
    ----------
    separator : str
        One character between columns.
    decimal : str
        One character before the fraction of a number.
    encoding : str

    Raises
    ------
    ValueError
        If one is none.
    """

    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        for name, odd in (("separator", '"\r\n .'), ("decimal", '"\r\n -+eE')):
            value = getattr(self, name)
            one = isinstance(value, str) and len(value) == 1
            if not one or not value.isascii() or value.isdigit() or value in odd:
                raise ValueError(
                    f"{name}={value!r} must be one character such as "
                    f"{'; or a tab' if name == 'separator' else 'a comma'}."
                )
        if self.separator == self.decimal:
            raise ValueError(
                f"separator and decimal are both {self.separator!r}; they must differ."
            )
        try:
            codecs.lookup(self.encoding)
            # Not all that are known are of text, or tell where text is none.
            io.TextIOWrapper(io.BytesIO(), self.encoding, "surrogateescape").read()
        except (LookupError, TypeError, UnicodeError) as error:
            raise ValueError(
                f"encoding={self.encoding!r} is not known as one of text; use "
                "utf-8, latin-1, cp1252, utf-16 or another."
            ) from error

    def open(self, path: str, errors: str = "strict") -> TextIO:
        """The text of a file, without its byte order mark."""
        name = codecs.lookup(self.encoding).name
        if name in _MARKS:
            with open_bytes(path) as handle:
                if handle.read(4).startswith(_MARKS[name]):
                    # Which takes the mark away.
                    name = name[:6]
        return open_text(path, "utf-8-sig" if name == "utf-8" else name, errors)


def csv_records(path: str, how: CsvText) -> Iterator[tuple[int, int, list[str]]]:
    """The rows of a file that are not blank.

    Parameters
    ----------
    path : str
    how : CsvText

    Yields
    ------
    first, last : int
        Lines of the file that the row takes, from 1.
    fields : list of str
        Without blanks around them.

    Raises
    ------
    DataFileError
        Naming the line that is no text, or too long, or whose quotes are wrong.
    """
    with reading(path), how.open(path, "surrogateescape") as handle:
        rows = csv.reader(
            _lines(path, handle, how),
            delimiter=how.separator,
            skipinitialspace=True,
            strict=True,
        )
        while True:
            first = rows.line_num + 1
            try:
                fields = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                raise DataFileError(
                    f"{path}: row {first} is not valid CSV ({error}); check the quotes."
                ) from error
            fields = [field.strip(BLANKS) for field in fields]
            if any(fields) or len(fields) > 1:
                yield first, rows.line_num, fields


def _lines(path: str, handle: TextIO, how: CsvText) -> Iterator[str]:
    """Lines of text, none of which fills the memory; not many without a cell."""
    blank = 0
    for number in itertools.count(1):
        fault = ""
        try:
            line = handle.readline(LONGEST_LINE)
            # What is no text has become what UTF-8 cannot write.
            line.isascii() or line.encode()
        except UnicodeEncodeError as error:
            fault = f" (byte 0x{ord(error.object[error.start]) - 0xDC00:02x})"
        except UnicodeError as error:
            # Of no bytes where a byte order mark is missing.
            fault = f" ({getattr(error, 'reason', error)})"
        else:
            fault = " (it has a NUL character)" if "\0" in line else ""
        if fault:
            raise DataFileError(
                f"{path}: row {number} is not {how.encoding.upper()} text{fault}; name "
                "its encoding, such as --encoding cp1252 or utf-16-le, in Python "
                "encoding='cp1252', or save it as UTF-8."
            )
        if not line:
            return
        if len(line) == LONGEST_LINE:
            raise line_too_long(f"{path}: row {number}", quotes=True)
        if len(line) >= MOST_COLUMNS:
            check_columns(line, f"{path}: row {number}", how.separator)
        blank += line.isspace()
        # A blank line after each row is usual.
        if blank > MOST_BLANK + number // 2:
            raise DataFileError(
                f"{path}: {blank:,} of the first {number:,} rows are blank; take blank "
                "lines out."
            )
        yield line
