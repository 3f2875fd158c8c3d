"""Labels: text and numbers from files, as plain NumPy arrays."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.messages import quoted
from sklearn_sagemaker.io.text.number_text import parse_number

LabelKind = Literal["auto", "text", "number"]
"""How to read labels: "auto" is numbers if all of them are and none loses a
digit, text otherwise."""

LARGEST_WHOLE = 2.0**53
"""Above it float64 skips whole numbers, so labels stay floats."""


def whole_or_float(values: np.ndarray, where: str = "The label") -> np.ndarray:
    """int64 if every value is whole, float64 otherwise.

    Raises
    ------
    DataFileError
        If one is too large for int64, in which it would be another number.
    """
    if values.dtype.kind == "u" and values.max(initial=0) > np.iinfo(np.int64).max:
        raise DataFileError(
            f"{where} has {values.max()}, which is beyond 64 bits with a sign; number "
            "the classes from 0, or save them as text."
        )
    if values.dtype.kind in ("b", "u"):
        values = values.astype(np.int64)
    if values.dtype.kind == "i":
        return values.astype(np.int64)
    values = values.astype(np.float64)
    whole = (values == np.floor(values)) & (np.abs(values) < LARGEST_WHOLE)
    return values.astype(np.int64) if whole.all() else values


def is_code(text: str) -> bool:
    """Whether a text of digits would lose some as a number, as 007 does."""
    digits = text.lstrip("+-")
    if not (digits.isascii() and digits.isdigit()):
        return False
    padded = len(digits) > 1 and digits.startswith("0")
    return padded or len(digits) > 16 or int(digits) > LARGEST_WHOLE


def labels_from_text(texts: list[str], kind: LabelKind) -> np.ndarray:
    """Labels of a text file, whose cells are known not to be empty.

    Parameters
    ----------
    texts : list of str
    kind : {"auto", "text", "number"}
        "number" takes texts that are known to be finite numbers.

    Returns
    -------
    labels : ndarray of str, int64 or float64
    """
    if kind == "text":
        return text_labels(texts)
    distinct = {text: parse_number(text) for text in set(texts)}
    if not any(map(is_code, distinct)) and all(map(math.isfinite, distinct.values())):
        return whole_or_float(np.array([distinct[text] for text in texts]))
    return text_labels(texts)


def text_labels(texts: list[str]) -> np.ndarray:
    """Labels as an array of text.

    Raises
    ------
    DataFileError
        If one has a NUL: two classes could become one.
    """
    for text in set(texts):
        if fault := nul_fault(text):
            raise DataFileError(f"The label {fault}; take it out.")
    return np.array(texts, dtype=str)


def nul_fault(text: str) -> str:
    """What is wrong with a label of text; an empty text if nothing is."""
    if "\0" not in text:
        return ""
    return f"{quoted(text)} has a NUL character, which NumPy drops at the end of a text"


def decoded(values: np.ndarray, where: str) -> np.ndarray:
    """Labels of bytes as text; ``where`` names them in a message.

    Raises
    ------
    DataFileError
        If they are not UTF-8: replaced, two classes could become one.
    """
    try:
        return np.char.decode(values, "utf-8")
    except UnicodeDecodeError as error:
        raise DataFileError(
            f"{where} holds text that is not UTF-8 (byte "
            f"0x{error.object[error.start]:02x}); save it as an array of str."
        ) from error


def _first_with_nul(values: np.ndarray) -> str:
    """The first text with a NUL before its end, after which arrays have some anyway."""
    if not values.dtype.itemsize or not len(values):
        return ""
    codes = np.ascontiguousarray(values).view(np.uint32).reshape(len(values), -1)
    found = (codes != 0).sum(axis=1) != np.char.str_len(values)
    return str(values[found.argmax()]) if found.any() else ""


def labels_from_array(values: np.ndarray, kind: LabelKind, where: str) -> np.ndarray:
    """Labels of a binary file, checked.

    Parameters
    ----------
    values : ndarray
    kind : {"auto", "text", "number"}
    where : str
        File and array, for messages.

    Returns
    -------
    labels : ndarray of str, int64 or float64, of shape (n_rows,)

    Raises
    ------
    DataFileError
        If they are no labels, of the kind that is wanted.
    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataFileError(
            f"{where} has shape {values.shape}; labels need one value for each row."
        )
    if values.dtype.kind == "S":
        values = decoded(values, where)
    if values.dtype.kind not in "Ubiuf":
        raise DataFileError(
            f"{where} has dtype {values.dtype}; labels must be numbers or text."
        )
    if values.dtype.kind == "U":
        if kind == "number":
            raise DataFileError(
                f"{where} holds text such as {quoted(values[0])}; numbers are needed "
                "here."
            )
        fault = nul_fault(_first_with_nul(values))
        if fault:
            raise DataFileError(f"{where}: {fault}; take it out.")
        return values
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int(np.flatnonzero(~np.isfinite(values))[0])
        raise DataFileError(
            f"{where} has {values[bad]} at row {bad} (counted from 0); every row needs "
            "a label: drop the rows without one."
        )
    labels = whole_or_float(values, where)
    return labels.astype(str) if kind == "text" else labels
