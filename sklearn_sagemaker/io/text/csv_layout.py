"""The columns of CSV files, found out from the first two rows."""

from __future__ import annotations

import difflib
import itertools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.messages import listed, quoted
from sklearn_sagemaker.io.opening import check_file, file_name
from sklearn_sagemaker.io.text.csv_records import CsvText, csv_records
from sklearn_sagemaker.io.text.number_text import BOOLEANS, parse_number

Header = Literal["auto", "yes", "no"] | bool
"""Whether the first row holds names; True is "yes", False is "no"."""

GAPS = ("na", "n/a", "nan", "none", "null", "nil", "nul", "missing")
"""Texts that stand for a gap more often than they are names, in lower case."""


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
    text : CsvText
        How the file is written.
    n_lines : int
        Lines of the header, and of nothing before it.
    trailing : bool
        Whether each row, but not the header, ends with a separator.
    booleans : frozenset of int
        Columns of True and False.
    usual_label : str or None
        Name of the label where the user names none.
    """

    path: str
    names: list[str] | None
    n_columns: int
    detected: bool
    text: CsvText = field(default_factory=CsvText)
    n_lines: int = 0
    trailing: bool = False
    booleans: frozenset[int] = frozenset()
    usual_label: str | None = None

    def column(self, position: int) -> str:
        """A column as a message names it."""
        if self.names is None or position >= len(self.names):
            return f"column {position}"
        return f"column {quoted(self.names[position])}"

    def position(self, label: str | int) -> int:
        """Where a column is, by its place, its name, or its place as text.

        Parameters
        ----------
        label : str or int
            A whole number is a place from 0 (-1 is the last), header or not. A text
            is a name if there is a header, and a place if there is none.

        Raises
        ------
        DataFileError
            If it is not there; the message lists the columns.
        """
        if self.names is not None and isinstance(label, str):
            if label in self.names:
                return self.names.index(label)
            # Comparing takes long where names are long or many.
            short = [name for name in self.names[:1000] if len(name) < 100]
            near = difflib.get_close_matches(label[:100], short, 1, 0.5)
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
            places = f"numbered 0 to {self.n_columns - 1}"
            if self.names is not None:
                raise DataFileError(
                    f"{self.path}: no column {label}; the columns are {places}."
                )
            raise DataFileError(
                f"{self.path}: no column {quoted(label)}; the file has no header, so "
                f"its columns are {places}. If the first line holds names, say "
                "--header yes, in Python header=True."
            )
        return number % self.n_columns

    def features(self, label: int | None) -> list[int]:
        """All columns but the label.

        Raises
        ------
        DataFileError
            If there is none.
        """
        found = [j for j in range(self.n_columns) if j != label]
        if not found:
            raise DataFileError(
                f"{self.path}: has no column beside the label; a model needs features "
                f"(columns must be separated by {quoted(self.text.separator)}; another "
                "separator is --separator, in Python separator=)."
            )
        return found


def same_columns(layouts: Sequence[CsvLayout]) -> CsvLayout:
    """The first of some layouts, whose files are read together.

    Raises
    ------
    DataFileError
        If another has other columns.
    """
    first = layouts[0]
    for layout in layouts[1:]:
        if layout.names != first.names:
            raise DataFileError(
                f"{layout.path}: has other column names than {first.path}, or only one "
                "of them has a header; files that are read together need the same."
            )
        if layout.n_columns != first.n_columns:
            raise DataFileError(
                f"{layout.path}: has {layout.n_columns} columns, and {first.path} has "
                f"{first.n_columns}; files that are read together need as many."
            )
    return first


def _kind(text: str) -> str:
    """What a cell of the first rows looks like."""
    if not text:
        return "empty"
    if not math.isnan(parse_number(text)) or text.lower() in ("nan", "+nan", "-nan"):
        return "number"
    if text in BOOLEANS:
        return "boolean"
    is_name = text.lower() not in GAPS and any(map(str.isalpha, text))
    return "name" if is_name else "gap"


def _is_header(first: list[str], second: list[str] | None) -> bool | str:
    """Whether the first row holds names; where that is open, why."""
    kinds = [_kind(text) for text in first]
    texts = set(kinds) <= {"name", "gap"}
    distinct = len(set(first)) == len(first)
    if second is None or len(second) < len(first):
        below = [""] * len(first)
    else:
        below = [_kind(text) for text in second]
    # Text over numbers is what tells.
    over = [
        (kind, text)
        for kind, text, under in zip(kinds, first, below, strict=False)
        if kind in ("name", "gap") and under in ("number", "boolean")
    ]
    if not over:
        if len(first) > 1 and first == [str(j) for j in range(len(first))]:
            return "it counts the columns"
        return texts and distinct and "name" in kinds
    named = any(kind == "name" for kind, _ in over)
    if texts and named:
        return True
    # Beside the names there may be numbers such as years.
    whole = [t for t, kind in zip(first, kinds, strict=True) if kind == "number"]
    years = all(text.isdigit() for text in whole) and len(set(whole)) == len(whole)
    odd = [text for kind, text in over if kind == "gap" or not text[0].isalpha()]
    if odd or "boolean" in kinds or not years:
        return f"{quoted((odd or [over[0][1]])[0])} stands over a number"
    return True


def names_in_header(label: str | int | None) -> tuple[str, ...]:
    """A label that is a name; if it stands in the first line, that is a header."""
    named = isinstance(label, str) and math.isnan(parse_number(label))
    return (str(label),) if named else ()


def inspect_csv(
    path: str | os.PathLike[str],
    header: Header = "auto",
    known_names: Sequence[str] = (),
    *,
    separator: str = ",",
    decimal: str = ".",
    encoding: str = "utf-8",
) -> CsvLayout:
    r"""Find out the columns of a CSV file from its first two rows.

    Parameters
    ----------
    path : str or path-like
        A ``.csv`` file, or a compressed one such as ``.csv.gz``.
    header : {"auto", "yes", "no"} or bool
        Whether the first row holds names. "auto" says so if it is text over numbers,
        if all of it is text and no two fields are equal, or if it has all of
        ``known_names``; if it is numbers over numbers, it is data. What is neither is
        refused, so that no row is lost.
    known_names : sequence of str
        Names that a model expects.
    separator, decimal : str
        One character each.
    encoding : str

    Returns
    -------
    layout : CsvLayout

    Raises
    ------
    DataFileError
        If the file cannot be read, is empty, is separated otherwise, or its first row
        may be a header or not, has no rows below it, or names that are empty or equal.
    ValueError
        If an option has a value that it cannot have.

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
    if header not in ("auto", "yes", "no", True, False):
        raise ValueError(f"header is {header!r}; it must be 'auto', True or False.")
    how = CsvText(separator, decimal, encoding)
    path = file_name(path)
    check_file(path)
    records = list(itertools.islice(csv_records(path, how), 2))
    if not records:
        raise DataFileError(f"{path}: is empty; a data file needs rows.")
    line, last, first = records[0]
    second = records[1][2] if len(records) > 1 else None
    _check_first(path, line, first, how)
    found: bool | str = header in ("yes", True)
    if header == "auto":
        known = bool(known_names) and set(known_names) <= set(first)
        found = known or _is_header(first, second)
        if not known and first[0].startswith("#"):
            found = "it starts with '#'"
    if isinstance(found, str):
        raise DataFileError(
            f"{path}: row {line} may hold names or data, as {found}; say which, by "
            "--header yes or --header no, in Python header=True or header=False, or "
            "drop the row if it is neither."
        )
    if not found:
        return CsvLayout(
            path, None, len(first), header == "auto", how, booleans=_booleans(first)
        )
    if second is None:
        raise DataFileError(f"{path}: has a header but no rows; add rows of data.")
    seen: set[str] = set()
    for position, name in enumerate(first):
        if not name:
            raise DataFileError(
                f"{path}: row {line}, column {position} (counted from 0) has no name "
                "in the header; give it one, or drop it if it only numbers the rows."
            )
        if name in seen:
            raise DataFileError(
                f"{path}: row {line}: the header has {quoted(name)} twice; names must "
                "differ."
            )
        seen.add(name)
    return CsvLayout(
        path,
        first,
        len(first),
        header == "auto",
        how,
        n_lines=last,
        trailing=len(second) == len(first) + 1 and not second[-1],
        booleans=_booleans(second),
    )


def _booleans(fields: list[str]) -> frozenset[int]:
    return frozenset(j for j, text in enumerate(fields) if text in BOOLEANS)


def _check_first(path: str, line: int, first: list[str], how: CsvText) -> None:
    """Refuse a first row that shows that the file is written otherwise."""
    if first[0].lower().startswith("sep=") and not any(first[1:]):
        raise DataFileError(
            f"{path}: row {line} is a line for Excel (sep=); drop it, and name the "
            "separator if it is no comma (--separator, in Python separator=)."
        )
    for separator, name in ((",", "commas"), (";", "semicolons"), ("\t", "tabs")):
        if len(first) == 1 and separator in first[0]:
            ours = {",": "comma", ";": "semicolon", "\t": "tab"}.get(how.separator)
            ours = ours or quoted(how.separator)
            said = "tab" if separator == "\t" else repr(separator)
            raise DataFileError(
                f"{path}: row {line} has {name} and no {ours}; "
                f"separate the columns by commas, or say --separator {said}, in Python "
                f"separator={separator!r}."
            )
