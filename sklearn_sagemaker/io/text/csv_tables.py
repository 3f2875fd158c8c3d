"""CSV files: fast where all is well, precise where it is not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.labels import LabelKind, labels_from_text, nul_fault
from sklearn_sagemaker.io.messages import quoted
from sklearn_sagemaker.io.opening import open_text, reading
from sklearn_sagemaker.io.table import Table
from sklearn_sagemaker.io.text.csv_layout import (
    CsvLayout,
    csv_lines,
    csv_records,
    skip_header,
)
from sklearn_sagemaker.io.text.number_text import parse_number


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
            lines = csv_lines(layout.path, handle)
            if layout.names is not None:
                skip_header(lines)
            read = parse_fast(lines, layout, features, label, labels)
        if read is None:
            with open_text(layout.path) as handle:
                records = csv_records(csv_lines(layout.path, handle))
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


def parse_fast(
    lines: Iterable[str],
    layout: CsvLayout,
    features: Sequence[int],
    label: int | None,
    labels: LabelKind,
) -> tuple[np.ndarray, list[str]] | None:
    """Everything through NumPy's C parser.

    Parameters
    ----------
    lines : iterable of str
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
    # NumPy warns of no rows, and warnings can be caught in one thread only.
    rows = iter(lines)
    line = next((line for line in rows if line.strip("\r\n")), None)
    if line is None:
        return None
    try:
        X = np.loadtxt(
            chain([line], rows),
            dtype=np.float64,
            delimiter=",",
            # Its quotes read "3"4 as 34: quoted cells go the slow way.
            quotechar=None,
            comments=None,
            converters=converters or None,
            encoding="utf-8",
            ndmin=2,
        )
    except (UnicodeDecodeError, DataFileError):
        raise
    except ValueError:
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
    fault = nul_fault(text)
    if fault:
        return f"{fault}; take it out."
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
