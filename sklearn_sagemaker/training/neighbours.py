"""Some rows of an array, where they are if they lie next to each other."""

from __future__ import annotations

from typing import Any

import numpy as np


def rows_at(values: Any, rows: np.ndarray) -> Any:
    """Values of some rows, without a copy of dense ones that are neighbours in order.

    Parameters
    ----------
    values : ndarray or CSR of shape (n_rows, ...)
    rows : int array of shape (n,)

    Returns
    -------
    values : like ``values``, of shape (n, ...)
        Not to be changed.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.training.neighbours import rows_at
    >>> values = np.arange(5.0)
    >>> np.shares_memory(rows_at(values, np.array([1, 2, 3])), values)
    True
    >>> rows_at(values, np.array([1, 3, 2]))
    array([1., 3., 2.])
    """
    return values[at_once(rows)]


def at_once(rows: np.ndarray) -> np.ndarray | slice:
    """Numbers of rows as a slice, if they are neighbours in order.

    Parameters
    ----------
    rows : int array of shape (n,)
    """
    n = len(rows)
    if n and rows[-1] - rows[0] == n - 1 and (rows[1:] > rows[:-1]).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows
