"""libsvm files: a label and ``index:value`` pairs a line."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.labels import LabelKind, labels_from_array
from sklearn_sagemaker.io.messages import quoted
from sklearn_sagemaker.io.opening import check_file, open_bytes, open_text, reading
from sklearn_sagemaker.io.rows import check_width
from sklearn_sagemaker.io.table import Table
from sklearn_sagemaker.io.text.number_text import parse_number


def read_svm(
    path: str,
    labels: LabelKind = "auto",
    with_label: bool = True,
    *,
    n_features: int | None = None,
    zero_based: bool | None = None,
) -> Table:
    """Read a libsvm file into CSR.

    Parameters
    ----------
    path : str
    labels : {"auto", "text", "number"}
    with_label : bool
    n_features : int or None
        Features of the model that the rows are for; None is the largest index.
    zero_based : bool or None
        Whether the first feature is 0 or 1. None is 0 if the file has a feature 0.

    Returns
    -------
    table : Table
        ``X`` is CSR of float64.

    Raises
    ------
    DataFileError
        Naming the row, counted from 1 as in the file; or if there is no row, or a
        feature that the model has not.
    """
    check_file(path)
    with reading(path):
        X, y = load_svm(path)
        if X.shape[0] == 0:
            raise DataFileError(f"{path}: is empty; a data file needs rows.")
    if zero_based is None:
        zero_based = bool((X.indices == 0).any())
    first = 0 if zero_based else 1
    if len(X.indices) and X.indices.min() < first:
        raise DataFileError(
            f"{path}: has a feature 0, but the model's features are counted from 1; "
            "count them the same way in both files."
        )
    found = int(X.indices.max()) + 1 - first if len(X.indices) else 0
    if n_features is None:
        check_width(path, found, os.path.getsize(path))
        n_features = found
    if found > n_features:
        raise DataFileError(
            f"{path}: has feature {found - 1 + first}, but the model has {n_features} "
            f"features, {first} to {n_features - 1 + first}."
        )
    if n_features == 0:
        raise DataFileError(f"{path}: has no feature in any row.")
    X = sparse.csr_matrix(
        (X.data, X.indices - first, X.indptr), shape=(X.shape[0], n_features)
    )
    return Table(
        path=path,
        X=X,
        y=labels_from_array(y, labels, f"{path}: the label") if with_label else None,
        zero_based=zero_based,
    )


def load_svm(
    path: str, block: bytes | None = None, first: int = 1
) -> tuple[Any, np.ndarray]:
    """Rows and labels of a file, or of some lines of it.

    Parameters
    ----------
    path : str
    block : bytes or None
        Lines of the file; None is all of it.
    first : int
        Number of the first line of ``block``.

    Returns
    -------
    X : CSR matrix
        As if features were counted from 0, so that whether there is a feature 0 can
        be seen. Finite.
    y : ndarray of float64
        Finite.

    Raises
    ------
    DataFileError
        Naming the row.
    """
    from sklearn.datasets import load_svmlight_file

    source = open_bytes(path) if block is None else io.BytesIO(block)
    try:
        with source as handle:
            X, y = load_svmlight_file(handle, zero_based=True, dtype=np.float64)
        if not (np.isfinite(X.data).all() and np.isfinite(y).all()):
            raise ValueError("a value is not finite")
    except DataFileError:
        raise
    except (ValueError, OverflowError, IndexError, TypeError, KeyError) as error:
        if block is not None:
            lines = io.StringIO(block.decode(), newline="")
            raise DataFileError(find_fault(path, lines, first, error)) from error
        with open_text(path) as handle:
            raise DataFileError(find_fault(path, handle, first, error)) from error
    return X, y


def parse_fields(lines: Iterable[str], first: int) -> Iterator[tuple[int, list[str]]]:
    """(line number, ``index:value`` fields) of each row that is well-formed."""
    for number, line in enumerate(lines, start=first):
        fields = line.partition("#")[0].split()
        if fields:
            yield number, [f for f in fields[1:] if not f.startswith("qid:")]


def find_fault(path: str, lines: Iterable[str], first: int, error: Exception) -> str:
    """Find the line to blame; the parser does not say."""
    for number, line in enumerate(lines, start=first):
        fields = line.partition("#")[0].split()
        fault = _line_fault(fields) if fields else ""
        if fault:
            return f"{path}: row {number}: {fault}"
    return f"{path}: is not a libsvm file ({error})."


def _line_fault(fields: list[str]) -> str:
    if not math.isfinite(parse_number(fields[0])):
        return (
            f"the label {quoted(fields[0])} is not a number; a libsvm line is "
            "'label index:value index:value ...'."
        )
    last = -1
    for field in fields[1:]:
        index, colon, value = field.partition(":")
        if index == "qid":
            continue
        if not colon or not index.isdecimal():
            return f"{quoted(field)} is not index:value; indices are whole numbers."
        if not math.isfinite(parse_number(value)):
            return f"the value in {quoted(field)} is not a finite number."
        if int(index) <= last:
            return (
                f"the index of {quoted(field)} is not above the one before it; sort "
                "the features of a line, each once."
            )
        if int(index) >= 2**31:
            return f"the index of {quoted(field)} is above {2**31 - 1}."
        last = int(index)
    return ""
