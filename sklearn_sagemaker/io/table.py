"""What a data file holds, once read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Table:
    """Rows of a data file.

    Attributes
    ----------
    path : str
    X : ndarray or CSR of shape (n_rows, n_features)
        Finite numbers.
    y : ndarray of shape (n_rows,) or None
        Labels: text, int64 or float64.
    names : list of str or None
        Names of the features, if the file has any.
    label : str, int or None
        Name or number of the label.
    header : bool or None
        Whether the first line held names; None for formats without lines of names.
    detected : bool
        Whether ``header`` was detected, rather than said by the user.
    zero_based : bool or None
        Whether a libsvm file counts features from 0.
    unused : tuple of str
        Arrays of an ``.npz`` file that were left alone.
    """

    path: str
    X: Any
    y: np.ndarray | None
    names: list[str] | None = None
    label: str | int | None = None
    header: bool | None = None
    detected: bool = False
    zero_based: bool | None = None
    unused: tuple[str, ...] = ()

    def __repr__(self) -> str:
        # Rows never reach a log or a traceback.
        return f"Table({self.path!r}, shape={self.X.shape}, label={self.label!r})"
