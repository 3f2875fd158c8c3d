r"""Rows as ``text/csv``: numbers, commas, no header.

A request has features only, ``text/csv; label_size=0``; in training data the label
comes first, ``text/csv; label_size=1``. Rows end in ``\n`` or ``\r\n``. Source: "Common
Data Formats" for training and inference in SageMaker's developer guide. Answers are
never CSV: SageMaker does not offer it.
"""

from __future__ import annotations

import csv
import io
import math
from array import array
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.messages import quoted
from sklearn_sagemaker.io.rows import Rows, batches, canonical, check_sparse_width
from sklearn_sagemaker.io.text.blocks import MOST_COLUMNS, blocks_of, check_columns
from sklearn_sagemaker.io.text.number_text import (
    BOOLEANS,
    check_writable,
    number_texts,
    parse_number,
)

DENSE_VALUES = 1 << 20
"""Values of sparse rows that are made dense at a time."""


def label_size(text: str) -> int:
    """The media type's parameter of that name.

    Raises
    ------
    ValueError
        If it is not 0 or 1.
    """
    if text not in ("0", "1"):
        raise ValueError(
            f"label_size={quoted(text)} is not 0 (no label) or 1 (the label comes "
            "first)."
        )
    return int(text)


def decode_csv(body: bytes, label_size: int = 0) -> Rows:
    r"""Read the rows of a CSV body.

    Parameters
    ----------
    body : bytes
        In UTF-8; blank lines are skipped, quoted numbers are read, and booleans as
        pandas and Python write them, as 1 and 0.
    label_size : {0, 1}, default=0
        Columns of labels, which come first.

    Returns
    -------
    rows : Rows
        X and y are float64.

    Raises
    ------
    DataFileError
        Naming the row, counted from 1, and the column, counted from 0.

    Examples
    --------
    >>> from sklearn_sagemaker.io.text.csv_payloads import decode_csv
    >>> decode_csv(b"1.5,16.0,14,23.0\n").X
    array([[ 1.5, 16. , 14. , 23. ]])
    >>> decode_csv(b"1,1.5,16.0\n0,2.0,3.0\n", label_size=1).y
    array([1., 0.])
    """
    values = np.concatenate(list(_values(io.BytesIO(body), label_size)))
    return _rows(values, label_size)


def iter_csv_body(
    stream: BinaryIO, batch_size: int, label_size: int = 0
) -> Iterator[Rows]:
    r"""Read rows as `decode_csv` does, in memory that does not grow with them.

    For ``text/csv`` that programs are given as a stream, such as a channel of a
    container: `iter_csv` needs a file, which it reads more than once, and pandas.

    Parameters
    ----------
    stream : binary file object
        A file, or a pipe.
    batch_size : int
        Rows of a batch; the last one may have fewer.
    label_size : {0, 1}, default=0

    Yields
    ------
    rows : Rows

    Raises
    ------
    DataFileError
        As `decode_csv`.

    Examples
    --------
    >>> import io
    >>> from sklearn_sagemaker.io.text.csv_payloads import iter_csv_body
    >>> stream = io.BytesIO(b"1,1.5\n0,2.0\n1,2.5\n")
    >>> for rows in iter_csv_body(stream, 2, label_size=1):
    ...     print(rows.y, rows.X.tolist())
    [1. 0.] [[1.5], [2.0]]
    [1.] [[2.5]]
    """
    parts = (_rows(values, label_size) for values in _values(stream, label_size))
    yield from batches(parts, batch_size)


def _values(stream: BinaryIO, label_size: int) -> Iterator[np.ndarray]:
    """The numbers of each block of lines."""
    width = None
    for first, block in blocks_of(stream, "row {}".format, csv=True):
        if block.count(b",") >= MOST_COLUMNS:
            for row, line in enumerate(io.BytesIO(block), start=first):
                if len(line) >= MOST_COLUMNS:
                    check_columns(line, f"row {row}")
        try:
            text = block.decode()
        except UnicodeDecodeError as error:
            row = first + block.count(b"\n", 0, error.start)
            raise DataFileError(
                f"row {row}: is not UTF-8 text (byte 0x{block[error.start]:02x})."
            ) from error
        if text.isspace():
            continue
        values = _parsed(text, first, width)
        width = values.shape[1]
        if width <= label_size:
            raise DataFileError(
                f"row 1: has {width} columns, of which {label_size} are labels; "
                "features are needed."
            )
        yield values
    if width is None:
        raise DataFileError("the body is empty; send one row a line.")


def _rows(values: np.ndarray, label_size: int) -> Rows:
    y = values[:, 0].copy() if label_size else None
    return Rows(np.ascontiguousarray(values[:, label_size:]), y)


def _parsed(text: str, first: int, width: int | None) -> np.ndarray:
    """Rows of some lines; ``width`` is that of those before, if there are any."""
    try:
        values = np.loadtxt(
            io.StringIO(text),
            dtype=np.float64,
            delimiter=",",
            # Its quotes read "3"4 as 34: quoted cells go the slow way.
            quotechar=None,
            comments=None,
            ndmin=2,
        )
    except ValueError:
        return _parsed_slowly(text, first, width)
    fits = values.size and np.isfinite(values).all()
    if not fits or width not in (None, values.shape[1]):
        return _parsed_slowly(text, first, width)
    return values


def _parsed_slowly(text: str, first: int, width: int | None) -> np.ndarray:
    """Row by row, so that a fault can be named; right for odd but legal bodies."""
    values = array("d")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for fields in reader:
            if not any(field.strip() for field in fields) and len(fields) < 2:
                continue
            row = reader.line_num + first - 1
            for column, field in enumerate(fields):
                number = BOOLEANS.get(field, parse_number(field))
                # At once: there may be as many as there are bytes.
                if not math.isfinite(number):
                    fault = f"column {column}: {_fault(field, width is None)}"
                    raise DataFileError(f"row {row}, {fault}")
                values.append(number)
            if width is None:
                width = len(fields)
            if len(fields) != width:
                raise DataFileError(
                    f"row {row} has {len(fields)} fields, but the first row has "
                    f"{width}; all rows need as many."
                )
    except csv.Error as error:
        raise DataFileError(
            f"row {reader.line_num + first - 1}: is not valid CSV ({error}); check the "
            "quotes."
        ) from error
    return np.array(values).reshape(-1, width or 1)


def _fault(text: str, first: bool) -> str:
    if not text.strip():
        return "the cell is empty; every cell needs a number."
    header = " (there must be no header)" if first else ""
    return f"{quoted(text)} is not a finite number{header}."


def encode_csv(rows: Rows, label_size: int = 0) -> bytes:
    r"""Write rows as a CSV body.

    Parameters
    ----------
    rows : Rows
        Sparse rows are written with their zeros. A number gets as many digits as it
        takes to read the same number of its dtype again, as SageMaker's SDK writes it.
    label_size : {0, 1}, default=0
        Whether to write the labels, which must be numbers, in the first column.

    Returns
    -------
    body : bytes
        Rows are separated, not ended, by ``\n``, as SageMaker's SDK writes them.

    Raises
    ------
    ValueError
        If a value is not a finite number, a label is wanted and there is none, or
        sparse rows have more than 100,000 columns.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.text.csv_payloads import encode_csv
    >>> from sklearn_sagemaker.io.rows import Rows
    >>> encode_csv(Rows(np.array([[1.5, 16], [2, 3]])))
    b'1.5,16.0\n2.0,3.0'
    """
    X, labels = rows.X, None
    if label_size:
        if rows.y is None:
            raise ValueError("label_size=1 needs labels, and the rows have none.")
        check_writable(rows.y, "y")
        labels = [row[0] for row in number_texts(rows.y[:, np.newaxis])]
    if sparse.issparse(X):
        X = canonical(X)
        check_sparse_width(X.shape[1], "CSV")
        check_writable(X.data, "X.data")
        step = max(1, DENSE_VALUES // max(1, X.shape[1]))
    else:
        check_writable(X, "X")
        step = max(1, X.shape[0])
    lines = []
    for start in range(0, X.shape[0], step):
        part = X[start : start + step]
        part = part.toarray() if sparse.issparse(part) else part
        lines += [",".join(row) for row in number_texts(part)]
    if labels is not None:
        lines = [f"{a},{b}" for a, b in zip(labels, lines, strict=True)]
    return "\n".join(lines).encode()
