"""The columns of CSV files, found out from the first two lines."""

from __future__ import annotations

import csv
import difflib
import itertools
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TextIO

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.messages import listed, quoted
from sklearn_sagemaker.io.opening import (
    LONGEST_LINE,
    check_file,
    file_name,
    line_too_long,
    open_text,
    reading,
)
from sklearn_sagemaker.io.text.blocks import MOST_COLUMNS, check_columns
from sklearn_sagemaker.io.text.number_text import parse_number

MOST_BLANK = 1 << 16
"""Blank lines that a file may have, besides one for each row."""

Header = Literal["auto", "yes", "no"]


@dataclass(frozen=True)
class CsvLayout:
    """Columns of a CSV file, before its rows are read.

    Attributes
    ----------
    path : str
    names : list of str or None
        The header; None if the file has none.
    n_columns : int
    detected : bool
        Whether the header was detected, rather than said by the user.
    """

    path: str
    names: list[str] | None
    n_columns: int
    detected: bool

    def column(self, position: int) -> str:
        """A column as a message names it."""
        if self.names is None:
            return f"column {position}"
        return f"column {quoted(self.names[position])}"

    def position(self, label: str | int) -> int:
        """Where a column is, by name, or by number if there is no header.

        Raises
        ------
        DataFileError
            If it is not there; the message lists the columns.
        """
        if self.names is not None:
            if label in self.names:
                return self.names.index(str(label))
            # Comparing takes long where names are long or many.
            short = [name for name in self.names[:1000] if len(name) < 100]
            near = difflib.get_close_matches(str(label)[:100], short, 1, 0.5)
            hint = f" Did you mean {quoted(near[0])}?" if near else ""
            raise DataFileError(
                f"{self.path}: no column {quoted(label)}; the columns are "
                f"{listed(self.names)}.{hint}"
            )
        try:
            number = int(label)
        except ValueError:
            number = self.n_columns
        if not -self.n_columns <= number < self.n_columns:
            raise DataFileError(
                f"{self.path}: no column {quoted(label)}; the file has no header, so "
                f"its columns are numbered 0 to {self.n_columns - 1} (if the first "
                "line holds names, say that it is a header)."
            )
        return number % self.n_columns


def csv_records(lines: Iterable[str], first: int = 1) -> Iterator[tuple[int, list]]:
    """(line number in the file, stripped fields) of each line that is not blank."""
    rows = csv.reader(lines, skipinitialspace=True, strict=True)
    for fields in rows:
        fields = [field.strip() for field in fields]
        if any(fields) or len(fields) > 1:
            yield rows.line_num + first - 1, fields


def csv_lines(path: str, handle: TextIO, first: int = 1) -> Iterator[str]:
    """Lines of a file, none of which fills the memory; not many without a cell."""
    blank = 0
    for number in itertools.count(first):
        line = handle.readline(LONGEST_LINE)
        if not line:
            return
        if len(line) == LONGEST_LINE:
            raise line_too_long(f"{path}: row {number}", quotes=True)
        if len(line) >= MOST_COLUMNS:
            check_columns(line, f"{path}: row {number}")
        blank += line.isspace()
        # A blank line after each row is usual.
        if blank > MOST_BLANK + number // 2:
            raise DataFileError(
                f"{path}: {blank:,} of the first {number:,} rows are blank; take blank "
                "lines out."
            )
        yield line


def _looks_like_header(first: list[str], second: list[str] | None) -> bool:
    texts = [bool(field) and math.isnan(parse_number(field)) for field in first]
    # "nan" is a missing number more often than it is a name.
    texts = [
        text and field.lower() not in ("nan", "+nan", "-nan")
        for text, field in zip(texts, first, strict=True)
    ]
    if all(texts) and len(set(first)) == len(first):
        return True
    if second is None or len(second) != len(first):
        return False
    return any(
        text and not math.isnan(parse_number(below))
        for text, below in zip(texts, second, strict=True)
    )


def names_in_header(label: str | int | None) -> tuple[str, ...]:
    """A label that is a name; if it stands in the first line, that is a header."""
    named = isinstance(label, str) and math.isnan(parse_number(label))
    return (str(label),) if named else ()


def inspect_csv(
    path: str | os.PathLike[str],
    header: Header = "auto",
    known_names: Sequence[str] = (),
) -> CsvLayout:
    r"""Find out the columns of a CSV file from its first two lines.

    Parameters
    ----------
    path : str or path-like
        A ``.csv`` or ``.csv.gz`` file, separated by commas.
    header : {"auto", "yes", "no"}
        Whether the first line holds names. "auto" says so if it has text in a
        column whose second line is a number, if all of it is text and no two
        fields are equal, or if it has all of ``known_names``.
    known_names : sequence of str
        Names that a model expects.

    Returns
    -------
    layout : CsvLayout

    Raises
    ------
    DataFileError
        If the file cannot be read, is empty, is not separated by commas, or its
        header has no rows below it, or names that are empty or equal.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklearn_sagemaker.io import inspect_csv, read_csv
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "churn.csv")
    >>> _ = path.write_text("calls,churn\n3,yes\n1,no\n")
    >>> layout = inspect_csv(path)
    >>> layout.names
    ['calls', 'churn']
    >>> table = read_csv(layout, label=layout.position("churn"))
    >>> table.X.tolist(), table.y.tolist()
    ([[3.0], [1.0]], ['yes', 'no'])
    >>> folder.cleanup()
    """
    path = file_name(path)
    check_file(path)
    with reading(path), open_text(path) as handle:
        records = list(itertools.islice(csv_records(csv_lines(path, handle)), 2))
    if not records:
        raise DataFileError(f"{path}: is empty; a data file needs rows.")
    line, first = records[0]
    second = records[1][1] if len(records) > 1 else None
    if len(first) == 1:
        for separator, name in ((";", "semicolons"), ("\t", "tabs")):
            if separator in first[0]:
                raise DataFileError(
                    f"{path}: row {line} has {name} and no comma; separate the columns "
                    "by commas."
                )
    found = header == "yes"
    if header == "auto":
        known = bool(known_names) and set(known_names) <= set(first)
        found = known or _looks_like_header(first, second)
    if not found:
        return CsvLayout(path, None, len(first), header == "auto")
    if second is None:
        raise DataFileError(f"{path}: has a header but no rows; add rows of data.")
    seen: set[str] = set()
    for position, name in enumerate(first):
        if not name:
            raise DataFileError(
                f"{path}: column {position} (counted from 0) has no name in the "
                "header; give it one, or drop it if it only numbers the rows."
            )
        if name in seen:
            raise DataFileError(
                f"{path}: the header has {quoted(name)} twice; names must differ."
            )
        seen.add(name)
    return CsvLayout(path, first, len(first), header == "auto")


def skip_header(lines: Iterable[str]) -> None:
    """Read past the line of names."""
    rows = csv.reader(lines, skipinitialspace=True, strict=True)
    next(fields for fields in rows if any(field.strip() for field in fields))
