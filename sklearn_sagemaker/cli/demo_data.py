"""Data of the demo: images of digits in three parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.npz.tables import load_arrays, read_npz

SPLIT_SEED = 0
"""The same rows whatever ``--seed``, so that runs can be compared."""


@dataclass(frozen=True)
class DemoData:
    """Images, flattened, and whether each is a zero, in three parts.

    Attributes
    ----------
    name : str
    X_train, X_val, X_test : ndarray of shape (n_rows, n_pixels)
    y_train, y_val, y_test : int ndarray of shape (n_rows,)
        1 for a zero, 0 for another digit.
    """

    name: str
    X_train: np.ndarray
    y_train: np.ndarray
    X_val: np.ndarray
    y_val: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def bundled_digits() -> DemoData:
    """scikit-learn's 1,797 images of 8 by 8 pixels."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    y = (y == 0).astype(np.int64)
    return _parts("scikit-learn's digits", X, y, _split(y))


def digits_from(path: str) -> DemoData:
    """Images from an ``.npz`` file with X, y and perhaps a split."""
    table = read_npz(path, labels="number")
    if not isinstance(table.X, np.ndarray):
        raise DataFileError(f"{path}: has a sparse matrix; the demo needs X, images.")
    digits: Any = table.y
    whole = digits.dtype.kind == "i"
    if not whole or digits.min() < 0 or digits.max() > 9 or not (digits == 0).any():
        raise DataFileError(
            f"{path}: y must hold digits from 0 to 9, with some zeros; the demo asks "
            "which images are a zero."
        )
    y = (digits == 0).astype(np.int64)
    if y.all():
        raise DataFileError(f"{path}: every image is a zero; other digits are needed.")
    names = ("train_idx", "val_idx", "test_idx")
    arrays, _ = load_arrays(path, None, names)
    given = [arrays[name] for name in names if name in arrays]
    if len(given) in (1, 2):
        raise DataFileError(
            f"{path}: has some of {', '.join(names)}; give all three, or none."
        )
    for name, rows in zip(names, given, strict=False):
        if (
            rows.ndim != 1 or rows.dtype.kind not in "iu" or len(rows) == 0
            or rows.min() < 0 or rows.max() >= len(y)
        ):  # fmt: skip
            raise DataFileError(
                f"{path}: {name} must hold row numbers from 0 to {len(y) - 1}."
            )
    if not given and min(y.sum(), len(y) - y.sum()) < 5:
        raise DataFileError(
            f"{path}: has fewer than 5 zeros or 5 other digits, too few to split; add "
            "rows."
        )
    return _parts(path, table.X, y, given or _split(y))


def _split(y: np.ndarray) -> list[np.ndarray]:
    """60, 20 and 20 per cent of the rows, with as many zeros in each."""
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(y))
    train, rest = train_test_split(
        rows, test_size=0.4, stratify=y, random_state=SPLIT_SEED
    )
    val, test = train_test_split(
        rest, test_size=0.5, stratify=y[rest], random_state=SPLIT_SEED
    )
    return [np.sort(part) for part in (train, val, test)]


def _parts(name: str, X: np.ndarray, y: np.ndarray, split: Any) -> DemoData:
    arrays = [array[rows] for rows in split for array in (X, y)]
    return DemoData(name, *arrays)
