"""CSV in batches of rows, in SageMaker's layout or with a header, and written so."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from math import isnan
from typing import Any, Literal

import numpy as np
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.file_writer import FileWriter
from sklearn_sagemaker.io.labels import text_labels
from sklearn_sagemaker.io.messages import listed
from sklearn_sagemaker.io.opening import file_name, reading
from sklearn_sagemaker.io.rows import Rows, check_count
from sklearn_sagemaker.io.text.blocks import batches, line_blocks
from sklearn_sagemaker.io.text.csv_layout import (
    CsvLayout,
    Header,
    csv_lines,
    csv_records,
    inspect_csv,
    names_in_header,
    skip_header,
)
from sklearn_sagemaker.io.text.csv_payloads import check_sparse_width
from sklearn_sagemaker.io.text.csv_tables import label_fault, parse_fast, parse_slowly
from sklearn_sagemaker.io.text.number_text import number_texts, parse_number

CELLS = 1 << 16
"""Numbers that are turned into text at once."""


def iter_csv(
    path: str | os.PathLike[str],
    batch_size: int,
    *,
    label: int | str | None = 0,
    header: Header = "auto",
    labels: Literal["number", "text"] = "number",
) -> Iterator[Rows]:
    r"""Read a CSV file in batches, in memory that does not grow with the file.

    The defaults read the ``text/csv`` of SageMaker's algorithms: no header and the
    label in the first column (*Common Data Formats for Training* in Amazon's
    developer guide).

    Parameters
    ----------
    path : str or path-like
        A ``.csv`` or ``.csv.gz`` file, separated by commas.
    batch_size : int
        Rows of a batch; the last one may have fewer.
    label : int, str or None, default=0
        Column of the label: its place from 0 (-1 is the last), or its name in the
        header. None if all columns are features (SageMaker's ``label_size=0``).
    header : {"auto", "yes", "no"}, default="auto"
        Whether the first line holds names; "auto" finds out from two lines.
    labels : {"number", "text"}, default="number"
        How to read labels. A stream cannot know whether all of them are numbers.

    Returns
    -------
    batches : iterator of Rows
        ``X`` is float64 and dense; ``y`` float64, or text.

    Raises
    ------
    DataFileError
        Naming row (counted from 1 as in the file) and column. What the first two
        lines show is raised by the call, the rest by the iterator.
    ValueError
        If ``batch_size`` is no number of rows.

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
    path = file_name(path)
    batch_size = check_count("batch_size", batch_size)
    if labels not in ("number", "text"):
        raise ValueError(f"labels is {labels!r}; it must be 'number' or 'text'.")
    layout = inspect_csv(path, header, names_in_header(label))
    place = None if label is None else _place(layout, label)
    features = [j for j in range(layout.n_columns) if j != place]
    if not features:
        raise DataFileError(
            f"{path}: has no column beside the label; a model needs features "
            "(columns must be separated by commas)."
        )
    return batches(_parts(layout, features, place, labels), batch_size)


def csv_options(paths: list[str], options: dict[str, Any]) -> dict[str, Any]:
    """Options of `iter_csv` for files whose rows belong together, none left open.

    Parameters
    ----------
    paths : list of str
    options : dict
        Of ``label``, ``header`` and ``labels``, as for `iter_csv`. Without ``label``
        it is the first column of files without a header; ``labels`` are text if the
        first one is none of a number.

    Returns
    -------
    options : dict
        All three.

    Raises
    ------
    DataFileError
        If the files have other columns, or a header and no label is named.
    """
    label = options.get("label")
    header = options.get("header", "auto")
    layouts = [inspect_csv(path, header, names_in_header(label)) for path in paths]
    names = layouts[0].names
    for layout in layouts[1:]:
        if layout.names != names:
            raise DataFileError(
                f"{layout.path}: has other column names than {paths[0]}, or only one "
                "of them has a header; files that are read together need the same."
            )
    if "label" not in options:
        if names is not None:
            raise DataFileError(
                f"{paths[0]}: has a header, and no label is named; say --label NAME or "
                f"--no-label (the columns are {listed(names)}), in Python label=NAME "
                "or label=None."
            )
        label = 0
    found = {"label": label, "header": "no" if names is None else "yes"}
    kind = options.get("labels")
    return {**found, "labels": kind or _label_kind(paths[0], found)}


def _label_kind(path: str, options: dict[str, Any]) -> str:
    """Whether the first label is a number; a later one that is none is refused."""
    first = next(iter_csv(path, 1, labels="text", **options)).y
    return "number" if first is None or not isnan(parse_number(first[0])) else "text"


def _place(layout: CsvLayout, label: int | str) -> int:
    """Where the label is; a whole number is a place, header or not."""
    if isinstance(label, str) or layout.names is None:
        return layout.position(label)
    if not -layout.n_columns <= label < layout.n_columns:
        raise DataFileError(
            f"{layout.path}: no column {label}; the columns are numbered 0 to "
            f"{layout.n_columns - 1}."
        )
    return label % layout.n_columns


def _parts(
    layout: CsvLayout,
    features: list[int],
    label: int | None,
    kind: Literal["number", "text"],
) -> Iterator[Rows]:
    """The rows of each block of lines."""
    with reading(layout.path):
        skip = layout.names is not None
        for first, block in line_blocks(layout.path, csv=True):
            rows = _parse(layout, features, label, kind, block.decode(), first, skip)
            # The header may be preceded by a block of nothing but blank lines.
            skip = skip and block.isspace()
            if len(rows):
                yield rows


def _parse(
    layout: CsvLayout,
    features: list[int],
    label: int | None,
    kind: Literal["number", "text"],
    text: str,
    first: int,
    skip: bool,
) -> Rows:
    n_columns, y = layout.n_columns, None
    if text.isspace():
        return Rows(np.empty((0, len(features))))
    with io.StringIO(text, newline="") as handle:
        if skip:
            skip_header(handle)
        if label is None or kind == "text":
            fast = parse_fast(handle, layout, features, label, kind)
        else:
            # Labels that are numbers need no Python call for each row.
            fast = parse_fast(handle, layout, range(n_columns), None, kind)
    if fast is not None:
        X, texts = fast
        if label is not None and kind == "number":
            y = X[:, label].copy()
            # The columns beside the label are next to each other as a rule.
            X = X[:, 1:] if label == 0 else X[:, features]
        elif label is not None:
            y = text_labels(texts)
        return Rows(np.ascontiguousarray(X), y)
    with io.StringIO(text, newline="") as handle:
        records = csv_records(csv_lines(layout.path, handle, first), first)
        if skip:
            next(records, None)
        X, texts = parse_slowly(records, layout, features, label, kind)
    if label is not None:
        y = (
            text_labels(texts)
            if kind == "text"
            else np.array([parse_number(text) for text in texts])
        )
    return Rows(X, y)


class CsvWriter(FileWriter):
    r"""Write rows as CSV, label first and without a header, as SageMaker reads them.

    A context manager: the file appears when it ends without an error.

    Parameters
    ----------
    target : str or path-like
        File to write; compressed if its name ends in ``.gz``.
    header : sequence of str or None, default=None
        Names of all columns, the label's first. SageMaker's algorithms take none.

    Raises
    ------
    ValueError
        By `write`: for rows that do not fit the ones before, numbers that are not
        finite, sample weights, for which CSV has no place, and sparse rows of more
        than 100,000 columns, whose zeros would be written out.

    Notes
    -----
    Numbers are written with as many digits as it takes to read the same number of
    that dtype again. Sparse rows are written dense, a few at a time. Rows without
    labels are all features.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.rows import Rows
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "train.csv")
    >>> with CsvWriter(path) as writer:
    ...     writer.write(Rows(np.array([[0.5, 2], [1.5, 3]]), np.array([1, 0])))
    >>> path.read_text()
    '1,0.5,2\n0,1.5,3\n'
    >>> folder.cleanup()
    """

    format = "csv"

    def __init__(
        self, target: str | os.PathLike[str], *, header: Sequence[str] | None = None
    ):
        super().__init__(target)
        self._header = None if header is None else list(header)

    def _label_fault(self, label: str) -> str:
        if label != label.strip():
            return "starts or ends with a blank, which CSV readers leave out"
        return "is empty or no label in CSV" if label_fault(label, "text") else ""

    def _write(self, rows: Rows) -> None:
        n_columns = rows.X.shape[1]
        is_sparse = sparse.issparse(rows.X)
        if is_sparse:
            check_sparse_width(n_columns, f"{self.path}: ")
        if self._header is not None:
            self._write_header(n_columns + (rows.y is not None))
        step = max(1, CELLS // n_columns)
        for start in range(0, len(rows), step):
            X = rows.X[start : start + step]
            y = None if rows.y is None else rows.y[start : start + step]
            cells = number_texts(X.toarray() if is_sparse else X)
            if y is not None and y.dtype.kind != "U":
                labels = number_texts(y[:, np.newaxis])
                cells = [a + b for a, b in zip(labels, cells, strict=True)]
            # A comma after every number, so that "1.0" can be cut to "1" at once.
            text = ",\n".join([",".join(row) for row in cells]) + ",\n"
            text = text.replace(".0,", ",").replace(",\n", "\n")
            if y is not None and y.dtype.kind == "U":
                lines = zip(y.tolist(), text.splitlines(True), strict=True)
                text = "".join([f"{_quote(label)},{line}" for label, line in lines])
            self.handle.write(text.encode())

    def _write_header(self, n_columns: int) -> None:
        names, self._header = self._header or [], None
        if len(names) != n_columns:
            raise ValueError(
                f"{self.path}: the header has {len(names)} names for {n_columns} "
                "columns; name all of them, the label first."
            )
        self.handle.write((",".join(map(_quote, names)) + "\n").encode())


def _quote(text: str) -> str:
    """A cell of text, in quotes if it needs them."""
    if any(mark in text for mark in ',"\n\r') or text != text.strip():
        text = '"' + text.replace('"', '""') + '"'
    return text
