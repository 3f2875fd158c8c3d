"""Columns that number users or items, which no model can learn from as quantities."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._hyperparameters import warn_user
from sklearn_sagemaker._state import feature_label
from sklearn_sagemaker.exceptions import IdentifierColumnsWarning

MOST_COLUMNS = 5
"""Tables of ratings have few; one-hot columns, pixels and counts are many."""
FEWEST = 300
"""Identifiers of a column: ages, years and colours are fewer."""
REPEATED = 3
"""Times at least, on average, that an identifier occurs: unlike the number of a row."""
COVERED = 0.9
"""Share at least of the numbers from 0 or 1 to the largest that occur."""
LOOKED_AT = 100_000


def warn_of_identifiers(X, rows: np.ndarray, names: Any = None) -> None:
    """Warn if columns look like numbers of users and items.

    That is: of a few columns one holds whole numbers that start at 0 or 1, leave
    almost none out, are many, and come again and again; and another one holds many
    different whole numbers.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_samples, n_features)
    rows : int64 array
        Rows to train on.
    names : array of str of shape (n_features,) or None

    Warns
    -----
    IdentifierColumnsWarning
        Naming the columns.
    """
    if not 2 <= X.shape[1] <= MOST_COLUMNS or len(rows) < REPEATED * FEWEST:
        return
    columns = X[rows]
    if sp.issparse(columns):
        columns = columns.toarray()
    many = [j for j in range(X.shape[1]) if _many_numbers(columns[:, j])]
    if len(many) < 2 or not any(_consecutive(columns[:, j]) for j in many):
        return
    listed = " and ".join(feature_label(j, names) for j in many)
    warn_user(
        f"F{listed[1:]} look like numbers of users or items, which Factorization "
        "Machines take for quantities: user 20 is twice as much as user 10, and the "
        "model is little better than a mean. Encode them, for example with "
        "sklearn.preprocessing.OneHotEncoder(handle_unknown='ignore') in a Pipeline.",
        IdentifierColumnsWarning,
    )


def _many_numbers(column: np.ndarray) -> bool:
    """Whether it holds whole numbers, none negative, of which many differ."""
    # Most columns fail at once.
    for some in (column[:FEWEST], column):
        if some.dtype.kind not in "iu" and (some != np.floor(some)).any():
            return False
        if some.min() < 0:
            return False
    return len(np.unique(column[:LOOKED_AT])) >= FEWEST


def _consecutive(column: np.ndarray) -> bool:
    """Whether its numbers start at 0 or 1, leave few out, and come again and again."""
    most = column.max()
    if column.min() > 1 or most * REPEATED * COVERED > len(column):
        return False
    met = np.zeros(int(most) + 1, dtype=bool)
    met[column.astype(np.intp)] = True
    count = int(met.sum())
    return count >= COVERED * len(met) and count * REPEATED <= len(column)
