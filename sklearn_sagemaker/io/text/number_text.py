"""Numbers as text and from text, in which no digit of a number is lost."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

BOOLEANS = dict.fromkeys(("True", "TRUE", "true"), 1.0)
BOOLEANS |= dict.fromkeys(("False", "FALSE", "false"), 0.0)
"""What stands for 1 and 0 in tables: pandas writes columns of ``get_dummies`` so."""


def parse_number(text: str) -> float:
    """A finite or infinite number from text, NaN for what is no number.

    Stricter than ``float``, which reads "1_000" as a thousand.
    """
    if "_" in text or not text.isascii():
        return math.nan
    try:
        return float(text)
    except ValueError:
        return math.nan


def number_texts(values: np.ndarray) -> list[list[str]]:
    """Rows of numbers as text, to be read as the same numbers of the same dtype.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Integers, floats or booleans.

    Returns
    -------
    rows : list of list of str
        A float has a point or an exponent: "1.0". Booleans are 1 and 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.text.number_text import number_texts
    >>> number_texts(np.array([[0.1, 1], [1e16, -2]], dtype=np.float32))
    [['0.1', '1.0'], ['1e+16', '-2.0']]
    """
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)
    if values.dtype.kind == "f" and values.dtype != np.float64:
        wide = "U48" if values.dtype.itemsize > 8 else "U24"
        texts: list[list[str]] = values.astype(wide).tolist()
        return texts
    # Python prints its own numbers twice as fast as NumPy.
    return [list(map(repr, row)) for row in values.tolist()]


def python_numbers(values: Any, name: str, text: bool = False) -> list[Any]:
    """An array as lists of Python's int and float, as JSON needs them.

    Parameters
    ----------
    values : array-like
        Of any shape.
    name : str
        What messages call it.
    text : bool, default=False
        Whether text may stand in the place of numbers.

    Returns
    -------
    numbers : list
        Nested as the array is. Floats are widened to double, or narrowed.

    Raises
    ------
    ValueError
        If there is anything but finite numbers, or text where that is allowed.
    """
    values = np.asarray(values)
    kind = values.dtype.kind
    check_writable(values, name, text)
    if kind == "f":
        # Python has no float beyond double.
        values = values.astype(np.float64, copy=False)
    elif kind == "b":
        values = values.astype(np.uint8)
    return list(values.tolist())


def check_writable(values: np.ndarray, name: str, text: bool = False) -> None:
    """Refuse to write what is no finite number.

    Parameters
    ----------
    values : ndarray
    name : str
        What messages call it.
    text : bool, default=False
        Whether text may stand in the place of numbers.

    Raises
    ------
    ValueError
        Naming the place in the array.
    """
    kind = values.dtype.kind
    if kind not in ("biufU" if text else "biuf"):
        raise ValueError(f"{name} has dtype {values.dtype}; numbers are needed.")
    if kind == "f" and not np.isfinite(values).all():
        bad = np.argwhere(~np.isfinite(values))[0]
        where = ", ".join(map(str, bad))
        raise ValueError(
            f"{name}[{where}] is {values[tuple(bad)]}; only finite numbers can be "
            "written: fill it in or drop the row."
        )
