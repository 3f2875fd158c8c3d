"""CSV files: pandas parses them, and what it would guess at is looked at before."""

from __future__ import annotations

import math
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.labels import (
    LabelKind,
    is_code,
    labels_from_text,
    nul_fault,
    text_labels,
    whole_or_float,
)
from sklearn_sagemaker.io.messages import listed, quoted
from sklearn_sagemaker.io.opening import reading
from sklearn_sagemaker.io.rows import Rows, batches, check_count, stack_rows
from sklearn_sagemaker.io.table import Table
from sklearn_sagemaker.io.text.csv_layout import (
    CsvLayout,
    Header,
    inspect_csv,
    names_in_header,
    same_columns,
)
from sklearn_sagemaker.io.text.csv_records import BLANKS, CsvText, csv_records
from sklearn_sagemaker.io.text.csv_text import CheckedText
from sklearn_sagemaker.io.text.number_text import BOOLEANS, parse_number

CELLS = 1 << 17
"""Cells that are parsed at once: a mebibyte of numbers."""


def iter_csv(
    path: str | os.PathLike[str],
    batch_size: int,
    *,
    label: int | str | None = 0,
    header: Header = "auto",
    labels: LabelKind = "number",
    separator: str = ",",
    decimal: str = ".",
    encoding: str = "utf-8",
) -> Iterator[Rows]:
    r"""Read a CSV file in batches, in memory that does not grow with the file.

    The defaults read the ``text/csv`` of SageMaker's algorithms: the label in the first
    column (*Common Data Formats for Training* in Amazon's developer guide).

    Parameters
    ----------
    path : str or path-like
        A ``.csv`` file, or a compressed one such as ``.csv.gz``.
    batch_size : int
        Rows of a batch; the last one may have fewer.
    label : int, str or None, default=0
        Column of the label: its place from 0 (-1 is the last), or its name in the
        header. None if all columns are features (SageMaker's ``label_size=0``).
    header : {"auto", "yes", "no"} or bool, default="auto"
        Whether the first row holds names; see `inspect_csv`.
    labels : {"number", "text", "auto"}, default="number"
        How to read labels. A stream cannot know whether all of them are numbers: "auto"
        refuses those that are none, or that would lose a digit, as 007 does.
    separator : str, default=","
        Between columns.
    decimal : str, default="."
        Before the fraction of a number.
    encoding : str, default="utf-8"

    Returns
    -------
    batches : iterator of Rows
        ``X`` is float64 and dense, True and False are 1 and 0; ``y`` float64, or text.

    Raises
    ------
    DataFileError
        Naming row (counted from 1 as in the file) and column. What the first two
        rows show is raised by the call, the rest by the iterator.
    OptionalDependencyError
        If pandas is not installed.
    ValueError
        If an option has a value that it cannot have.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "train.csv")
    >>> _ = path.write_text("1,0.5,2\n0,1.5,3\n1,2.5,4\n")
    >>> for rows in iter_csv(path, 2):
    ...     print(rows.y, rows.X.tolist())
    [1. 0.] [[0.5, 2.0], [1.5, 3.0]]
    [1.] [[2.5, 4.0]]
    >>> folder.cleanup()
    """
    batch_size = check_count("batch_size", batch_size)
    if labels not in ("number", "text", "auto"):
        raise ValueError(
            f"labels is {labels!r}; it must be 'number', 'text' or 'auto'."
        )
    layout = inspect_csv(
        path,
        header,
        names_in_header(label),
        separator=separator,
        decimal=decimal,
        encoding=encoding,
    )
    place = None if label is None else layout.position(label)
    return batches(_parts(layout, layout.features(place), place, labels), batch_size)


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
    OptionalDependencyError
        If pandas is not installed.
    TypeError
        If ``layout`` is none, such as the name of a file.

    See Also
    --------
    inspect_csv : With an example of both.
    """
    if not isinstance(layout, CsvLayout):
        raise TypeError(
            f"layout must be a CsvLayout, got {type(layout).__name__}; inspect_csv "
            "makes one of a path, which read_table reads at once."
        )
    features = layout.features(label) if features is None else list(features)
    kind: LabelKind = "number" if labels == "number" else "text"
    rows = stack_rows(list(_parts(layout, features, label, kind)))
    y = rows.y
    if y is not None and kind == "number":
        y = whole_or_float(y)
    elif y is not None:
        y = labels_from_text(y.tolist(), labels)
    return Table(
        path=layout.path,
        X=rows.X,
        y=y,
        names=None if layout.names is None else [layout.names[j] for j in features],
        label=label if label is None or layout.names is None else layout.names[label],
        header=layout.names is not None,
        detected=layout.detected,
    )


def csv_options(paths: list[str], options: dict[str, Any]) -> dict[str, Any]:
    """Options of `iter_csv` for files whose rows belong together, none left open.

    Parameters
    ----------
    paths : list of str
    options : dict
        As for `iter_csv`. Without ``label`` it is the first column of files without a
        header; ``labels`` are text if the first one is no number.

    Returns
    -------
    options : dict
        With ``label``, ``header`` and ``labels``.

    Raises
    ------
    DataFileError
        If the files have other columns, or a header and no label is named.
    """
    text = {name: options[name] for name in _TEXT if name in options}
    header, known = options.get("header", "auto"), names_in_header(options.get("label"))
    first = same_columns([inspect_csv(path, header, known, **text) for path in paths])
    if first.names is not None and "label" not in options:
        raise DataFileError(
            f"{first.path}: has a header, and no label is named; say --label NAME or "
            f"--no-label (the columns are {listed(first.names)}), in Python label=NAME "
            "or label=None."
        )
    found = {
        **text,
        "label": options.get("label", 0),
        "header": "no" if first.names is None else "yes",
    }
    return {**found, "labels": options.get("labels") or _label_kind(first, found)}


_TEXT = tuple(CsvText.__dataclass_fields__)


def _label_kind(layout: CsvLayout, options: dict[str, Any]) -> str:
    """Whether the first label is a number; a later one that is none is refused."""
    if options["label"] is None:
        return "number"
    place = layout.position(options["label"])
    for _, last, fields in csv_records(layout.path, layout.text):
        if last > layout.n_lines and place < len(fields):
            text = fields[place]
            number = _number(text, layout.text)
            return "text" if math.isnan(number) or is_code(text) else "auto"
    return "number"


def _parts(
    layout: CsvLayout, features: list[int], label: int | None, labels: LabelKind
) -> Iterator[Rows]:
    """The rows, as many at once as pandas parses."""
    with reading(layout.path):
        try:
            with closing(_frames(layout, features, label)) as frames:
                for frame in frames:
                    if len(frame):
                        yield _rows(frame, layout, features, label, labels)
        except DataFileError:
            raise
        except ValueError as error:
            check_rows(layout, features, label, labels)
            raise DataFileError(
                f"{layout.path}: pandas cannot read it ({quoted(error)}); write it "
                "again, with a number in each cell."
            ) from error


def _frames(
    layout: CsvLayout, features: list[int], label: int | None
) -> Generator[Any, None, None]:
    pd = import_optional("pandas", "data", "reading CSV files")
    text, n_columns = layout.text, layout.n_columns + layout.trailing
    types: dict[int, Any] = {
        j: bool if j in layout.booleans else np.float64 for j in features
    }
    as_text = [] if label is None else [label]
    if layout.trailing:
        as_text.append(layout.n_columns)
    types |= dict.fromkeys(as_text, object)
    # Later ones have no other parser, and warn.
    old = tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1)
    with (
        closing(CheckedText(layout)) as source,
        pd.read_csv(
            source,
            sep=text.separator,
            decimal=text.decimal,
            header=None,
            names=range(n_columns),
            usecols=sorted(types),
            # Or the first column becomes an index where rows have one field more.
            index_col=False,
            dtype=types,
            # "NA" is no gap, nor is an empty cell.
            keep_default_na=False,
            na_filter=False,
            skipinitialspace=True,
            engine="c",
            chunksize=max(1, CELLS // n_columns),
            **({"float_precision": "round_trip"} if old else {}),
        ) as frames,
    ):
        yield from frames


def _rows(
    frame: Any,
    layout: CsvLayout,
    features: list[int],
    label: int | None,
    labels: LabelKind,
) -> Rows:
    """Those of a data frame; a ValueError if one of them must be looked at."""
    X = np.ascontiguousarray(frame[features].to_numpy(np.float64))
    if not np.isfinite(X).all():
        raise ValueError("a feature is not finite")
    if layout.trailing and any(map(str.strip, frame[layout.n_columns])):
        raise ValueError("a row has more fields than the header")
    if label is None:
        return Rows(X)
    texts = [text.strip(BLANKS) for text in frame[label]]
    if any(label_fault(text, labels, layout.text) for text in set(texts)):
        raise ValueError("a label is none")
    if labels != "text":
        return Rows(X, np.array([_number(text, layout.text) for text in texts]))
    return Rows(X, text_labels(texts))


def check_rows(
    layout: CsvLayout, features: Sequence[int], label: int | None, labels: LabelKind
) -> None:
    """Read slowly, to name a fault.

    Parameters
    ----------
    layout : CsvLayout
    features : sequence of int
    label : int or None
    labels : {"auto", "text", "number"}

    Raises
    ------
    DataFileError
        Naming row and column of the first fault, if there is one.
    """
    path, text = layout.path, layout.text
    n_fields = layout.n_columns + layout.trailing
    for line, last, fields in csv_records(path, text):
        if last <= layout.n_lines:
            continue
        if len(fields) != n_fields or (layout.trailing and fields[-1]):
            raise DataFileError(f"{path}: row {line} {_field_fault(fields, layout)}")
        for j in features:
            fault = _feature_fault(fields[j], text, j in layout.booleans)
            if fault:
                where = f"row {line}, {layout.column(j)}"
                raise DataFileError(f"{path}: {where}: {fault}")
        if label is not None:
            fault = label_fault(fields[label], labels, text)
            if fault:
                where = f"row {line}, label {layout.column(label)}"
                raise DataFileError(f"{path}: {where}: {fault}")


def _field_fault(fields: list[str], layout: CsvLayout) -> str:
    if fields[0].startswith("#"):
        return "starts with '#'; drop comments."
    return (
        f"has {len(fields)} fields, but the first row has {layout.n_columns}; all rows "
        "need as many (quote fields that hold separators)."
    )


def _number(text: str, how: CsvText) -> float:
    if how.decimal != ".":
        text = text.replace(".", "_").replace(how.decimal, ".")
    return parse_number(text)


def _feature_fault(text: str, how: CsvText, boolean: bool) -> str:
    """What is wrong with a feature; an empty text if nothing is."""
    number = _number(text, how)
    if text in BOOLEANS if boolean else math.isfinite(number):
        return ""
    if not text:
        return "the cell is empty; features need a number: fill it in or drop the row."
    if boolean:
        return f"{quoted(text)} is not True or False, as in the first row."
    if text.lower().lstrip("+-") == "nan":
        return f"{quoted(text)} is missing data; fill it in or drop the row."
    if math.isinf(number):
        return f"{quoted(text)} is not finite; replace it by a number or drop the row."
    return (
        f"{quoted(text)} is not a number; features must be numeric: encode text as "
        "numbers, or drop the column."
    )


def label_fault(text: str, labels: LabelKind, how: CsvText | None = None) -> str:
    """What is wrong with a label; an empty text if nothing is."""
    number = _number(text, how or CsvText())
    fault = nul_fault(text)
    if fault:
        return f"{fault}; take it out."
    if not text:
        return "the cell is empty; every row needs a label: drop the row."
    if text.lower().lstrip("+-") == "nan" or math.isinf(number):
        return f"{quoted(text)} is no label; drop the row or correct it."
    if labels != "text" and math.isnan(number):
        return (
            f"{quoted(text)} is not a number; the labels here must be numbers: number "
            "classes from 0, or drop the row."
        )
    if labels == "auto" and is_code(text):
        return (
            f"{quoted(text)} would lose digits as a number, which the first label is; "
            "say --labels text or --labels number, in Python labels='text' or 'number'."
        )
    return ""
