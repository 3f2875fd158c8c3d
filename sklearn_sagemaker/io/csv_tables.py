"""CSV files: fast where all is well, precise where it is not."""

from __future__ import annotations

import csv
import difflib
import itertools
import math
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TextIO

import numpy as np

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.labels import LabelKind, labels_from_text
from sklearn_sagemaker.io.messages import listed, quoted
from sklearn_sagemaker.io.number_text import parse_number
from sklearn_sagemaker.io.opening import (
    LONGEST_LINE,
    check_file,
    line_too_long,
    open_text,
    reading,
)
from sklearn_sagemaker.io.table import Table

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
            near = difflib.get_close_matches(str(label), self.names, 1, 0.5)
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


def _lines(path: str, handle: TextIO) -> Iterator[str]:
    """Lines of a file, none of which fills the memory."""
    for number in itertools.count(1):
        line = handle.readline(LONGEST_LINE)
        if not line:
            return
        if len(line) == LONGEST_LINE:
            raise DataFileError(line_too_long(path, number, quotes=True))
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
    path = os.fspath(path)
    check_file(path)
    with reading(path), open_text(path) as handle:
        records = list(itertools.islice(csv_records(_lines(path, handle)), 2))
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
    for position, name in enumerate(first):
        if not name:
            raise DataFileError(
                f"{path}: column {position} (counted from 0) has no name in the "
                "header; give it one, or drop it if it only numbers the rows."
            )
        if name in first[:position]:
            raise DataFileError(
                f"{path}: the header has {quoted(name)} twice; names must differ."
            )
    return CsvLayout(path, first, len(first), header == "auto")


def read_csv(
    layout: CsvLayout,
    *,
    features: Sequence[int] | None = None,
    label: int | None = None,
    labels: LabelKind = "auto",
) -> Table:
    """Read the rows of a CSV file.

    Parameters
    ----------
    layout : CsvLayout
        From `inspect_csv`.
    features : sequence of int or None
        Columns to read as features, in this order; None is all but the label.
        Other columns may hold anything.
    label : int or None
        Column of the labels.
    labels : {"auto", "text", "number"}
        How to read labels.

    Returns
    -------
    table : Table

    Raises
    ------
    DataFileError
        Naming the row, counted from 1 as in the file, and the column.

    See Also
    --------
    inspect_csv : With an example of both.
    """
    if features is None:
        features = [j for j in range(layout.n_columns) if j != label]
    if not features:
        raise DataFileError(
            f"{layout.path}: has no column beside the label; a model needs features "
            "(columns must be separated by commas)."
        )
    with reading(layout.path):
        with open_text(layout.path) as handle:
            if layout.names is not None:
                skip_header(handle)
            read = parse_fast(handle, layout, features, label, labels)
        if read is None:
            with open_text(layout.path) as handle:
                records = csv_records(_lines(layout.path, handle))
                if layout.names is not None:
                    next(records)
                read = parse_slowly(records, layout, features, label, labels)
    X, texts = read
    return Table(
        path=layout.path,
        X=X,
        y=None if label is None else labels_from_text(texts, labels),
        names=None if layout.names is None else [layout.names[j] for j in features],
        label=_label_name(layout, label),
        header=layout.names is not None,
        detected=layout.detected,
    )


def _label_name(layout: CsvLayout, label: int | None) -> str | int | None:
    return label if label is None or layout.names is None else layout.names[label]


def skip_header(handle: TextIO) -> None:
    """Read past the line of names."""
    rows = csv.reader(handle, skipinitialspace=True, strict=True)
    next(fields for fields in rows if any(field.strip() for field in fields))


def parse_fast(
    handle: TextIO,
    layout: CsvLayout,
    features: Sequence[int],
    label: int | None,
    labels: LabelKind,
) -> tuple[np.ndarray, list[str]] | None:
    """Everything through NumPy's C parser.

    Parameters
    ----------
    handle : text file
        Behind the header.
    layout : CsvLayout
    features : sequence of int
        Columns of X, in this order.
    label : int or None
    labels : {"auto", "text", "number"}

    Returns
    -------
    X, texts : (float64 ndarray of shape (n_rows, n_features), list of str) or None
        Labels as they stand in the file; None if any cell is out of order.
    """
    texts: list[str] = []

    def take(text: str) -> float:
        text = text.strip()
        if '"' in text or label_fault(text, labels):
            raise ValueError
        texts.append(text)
        return 0.0

    wanted = set(features)
    converters: dict[int | str, Callable[[str], Any]] = {
        j: (take if j == label else lambda text: 0.0)
        for j in range(layout.n_columns)
        if j not in wanted
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            X = np.loadtxt(
                handle,
                dtype=np.float64,
                delimiter=",",
                # Its quotes read "3"4 as 34: quoted cells go the slow way.
                quotechar=None,
                comments=None,
                converters=converters or None,
                encoding="utf-8",
                ndmin=2,
            )
    except UnicodeDecodeError:
        raise
    except (ValueError, UserWarning):
        return None
    if X.shape[1] != layout.n_columns or (label is not None and len(texts) != len(X)):
        return None
    if list(features) != list(range(layout.n_columns)):
        X = np.ascontiguousarray(X[:, features])
    return (X, texts) if np.isfinite(X).all() else None


def parse_slowly(
    records: Iterable[tuple[int, list]],
    layout: CsvLayout,
    features: Sequence[int],
    label: int | None,
    labels: LabelKind,
) -> tuple[np.ndarray, list[str]]:
    """Row by row, so that a fault can be named; right for odd but legal files.

    Parameters
    ----------
    records : iterable of (int, list of str)
        From `csv_records`, behind the header.
    layout, features, label, labels : object
        As for `parse_fast`.

    Returns
    -------
    X : float64 ndarray of shape (n_rows, n_features)
    texts : list of str
        Labels as they stand in the file.

    Raises
    ------
    DataFileError
        Naming row and column.
    """
    rows: list[list[float]] = []
    texts: list[str] = []
    for line, fields in records:
        if len(fields) != layout.n_columns:
            raise DataFileError(
                f"{layout.path}: row {line} has {len(fields)} fields, but the first "
                f"row has {layout.n_columns}; all rows need as many (quote fields "
                "that hold commas)."
            )
        numbers = [parse_number(fields[j]) for j in features]
        for number, j in zip(numbers, features, strict=True):
            if not math.isfinite(number):
                raise DataFileError(
                    f"{layout.path}: row {line}, {layout.column(j)}: "
                    f"{_feature_fault(fields[j])}"
                )
        rows.append(numbers)
        if label is not None:
            text = fields[label]
            fault = label_fault(text, labels)
            if fault:
                raise DataFileError(
                    f"{layout.path}: row {line}, label {layout.column(label)}: {fault}"
                )
            texts.append(text)
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(features)), texts


def _feature_fault(text: str) -> str:
    if not text:
        return "the cell is empty; features need a number: fill it in or drop the row."
    try:
        missing = math.isnan(float(text)) and "_" not in text
    except ValueError:
        missing = False
    if missing:
        return f"{quoted(text)} is missing data; fill it in or drop the row."
    if math.isinf(parse_number(text)):
        return f"{quoted(text)} is not finite; replace it by a number or drop the row."
    return (
        f"{quoted(text)} is not a number; features must be numeric: encode text as "
        "numbers, or drop the column."
    )


def label_fault(text: str, labels: LabelKind) -> str:
    """What is wrong with a label; an empty text if nothing is."""
    number = parse_number(text)
    if not text:
        return "the cell is empty; every row needs a label: drop the row."
    if text.lower() in ("nan", "+nan", "-nan") or math.isinf(number):
        return f"{quoted(text)} is no label; drop the row or correct it."
    if labels == "number" and math.isnan(number):
        return (
            f"{quoted(text)} is not a number; the labels here must be numbers: number "
            "classes from 0, or drop the row."
        )
    return ""
