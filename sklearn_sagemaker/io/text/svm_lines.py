"""Lines of libsvm: a label and ``index:value`` pairs."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.labels import is_code, nul_fault, text_labels
from sklearn_sagemaker.io.messages import quoted
from sklearn_sagemaker.io.text.blocks import line_blocks
from sklearn_sagemaker.io.text.number_text import parse_number

SvmLabels = Literal["text", "number"]

_LABEL = re.compile(rb"^([^\S\n]*)([^\s#]+)", re.MULTILINE)
# What Python's float and int read otherwise than it is meant, or with digits lost.
_ODD = re.compile(rb"^(?:[^#\n]*_|[^\S\n]*[+-]?(?:0\d|\d{16}))", re.MULTILINE)


def first_label_kind(path: str) -> SvmLabels:
    """Whether the first label of a file is a number.

    What `float` reads otherwise than it is meant, as ``nan`` and ``1_0``, is a number
    that will be refused, not the name of a class.
    """
    for _, block in line_blocks(path):
        if found := _LABEL.search(block):
            text = found[2].decode()
            try:
                float(text)
            except ValueError:
                return "text"
            return "text" if is_code(text) else "number"
    return "number"


def load_svm(
    path: str, block: bytes, first: int, labels: SvmLabels = "number"
) -> tuple[Any, np.ndarray]:
    """Rows and labels of some lines of a file.

    Parameters
    ----------
    path : str
        For messages.
    block : bytes
    first : int
        Number of the first line of ``block``.
    labels : {"text", "number"}

    Returns
    -------
    X : CSR matrix
        As if features were counted from 0, so that whether there is a feature 0 can
        be seen. Finite.
    y : ndarray of float64 or str
        Finite.

    Raises
    ------
    DataFileError
        Naming the row.
    """
    from sklearn.datasets import load_svmlight_file

    texts: list[bytes] = []
    lines = block
    if labels == "text":
        # scikit-learn reads numbers only.
        def taken(found: re.Match[bytes]) -> bytes:
            texts.append(found[2])
            return found[1] + b"0"

        lines = _LABEL.sub(taken, block)
    try:
        X, y = load_svmlight_file(io.BytesIO(lines), zero_based=True, dtype=np.float64)
        if not (np.isfinite(X.data).all() and np.isfinite(y).all()):
            raise ValueError("a value is not finite")
    except (ValueError, OverflowError, IndexError, TypeError, KeyError) as error:
        raise _fault(path, block, first, labels, error) from error
    odd = any(re.search(rb"[:,\0]", text) for text in set(texts))
    if odd or _ODD.search(lines):
        for number, fields in split_lines(block, first):
            if fault := _line_fault(fields, labels):
                raise DataFileError(f"{path}: row {number}: {fault}")
    if labels == "text":
        return X, text_labels([text.decode() for text in texts])
    return X, y


def split_lines(block: bytes, first: int) -> Iterator[tuple[int, list[str]]]:
    """(line number, label and ``index:value`` fields) of each row."""
    lines: Iterable[str] = io.StringIO(block.decode(), newline="")
    for number, line in enumerate(lines, start=first):
        fields = line.partition("#")[0].split()
        if fields:
            yield number, [f for f in fields if not f.startswith("qid:")]


def _fault(
    path: str, block: bytes, first: int, labels: SvmLabels, error: Exception
) -> DataFileError:
    """Find the line to blame; the parser does not say."""
    for number, fields in split_lines(block, first):
        if fault := _line_fault(fields, labels):
            return DataFileError(f"{path}: row {number}: {fault}")
    return DataFileError(f"{path}: is not a libsvm file ({error}).")


def _line_fault(fields: list[str], labels: SvmLabels) -> str:
    if not fields:
        return "has no label; a libsvm line is 'label index:value index:value ...'."
    if fault := _label_fault(fields[0], labels):
        return fault
    last = -1
    for field in fields[1:]:
        index, colon, value = field.partition(":")
        if not (colon and index.isascii() and index.isdecimal()):
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


def _label_fault(label: str, labels: SvmLabels) -> str:
    shown = f"the label {quoted(label)}"
    if ":" in label or (labels == "number" and not math.isfinite(parse_number(label))):
        return (
            f"{shown} is not a number; a libsvm line is 'label index:value index:value "
            "...', with labels of text in all lines or none (labels='text')."
        )
    if labels == "number":
        if is_code(label):
            return (
                f"{shown} loses digits as a number; say --labels text, in Python "
                "labels='text', or write it with a point."
            )
        return ""
    if "," in label:
        return f"{shown} is a list; each row has one label here."
    fault = nul_fault(label)
    return f"the label {fault}; take it out." if fault else ""
