"""Sparse rows as the objective sees them, of which no dense copy is made."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

DENSITY = 0.2
"""Share of the values that rows may store: products with fuller ones take as long as
those with dense ones."""
PIECE = 8192
"""Rows of a product at least: SciPy's own overhead is that of thousands."""
FAR = 1e3
"""Means of features, by their deviations, up to which they are taken from products of
what rows store; of larger ones these lose digits that count."""


def stays_sparse(reader: Any, shift: np.ndarray, scale: np.ndarray) -> bool:
    """Whether rows are read as `ScaledCsr`.

    Parameters
    ----------
    reader : RowReader
    shift, scale : float64 arrays of shape (d,)
    """
    n, d = reader.shape
    if not reader.sparse or reader.stored > DENSITY * n * d:
        return False
    return bool(np.abs(shift * scale).max(initial=0.0) <= FAR)


class ScaledCsr:
    """Shifted and scaled CSR rows, for products: ``rows @ w`` and ``rows.T @ s``.

    Parameters
    ----------
    X : CSR array of shape (n, d)
    shift, scale : float64 arrays of shape (d,)
    """

    def __init__(self, X: Any, shift: np.ndarray, scale: np.ndarray):
        self.X, self.shift, self.scale = X.astype(np.float64), shift, scale

    @cached_property
    def by_feature(self) -> Any:
        """The transpose, made once: SciPy looks at each matrix that it makes."""
        return self.X.T

    def __matmul__(self, w: np.ndarray) -> np.ndarray:
        w = np.ascontiguousarray(w * self.scale[:, None])
        return self.X @ w - self.shift @ w

    @property
    def T(self) -> ScaledColumns:  # noqa: N802
        """Its columns, for products with numbers of its rows."""
        return ScaledColumns(self)


class ScaledColumns:
    """The transpose of `ScaledCsr`.

    Parameters
    ----------
    rows : ScaledCsr
    """

    def __init__(self, rows: ScaledCsr):
        self.rows = rows

    def __matmul__(self, s: np.ndarray) -> np.ndarray:
        rows = self.rows
        found = rows.by_feature @ s
        found -= np.outer(rows.shift, s.sum(axis=0))
        found *= rows.scale[:, None]
        return found
