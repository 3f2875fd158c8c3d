"""Single columns of a table, and how each of them becomes features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_sagemaker.estimators._targets import is_missing

LISTS = (list, tuple, set, frozenset, np.ndarray)
Key = str | int
"""A column by its name, or by its position."""


def as_table(X: Any) -> Any:
    """Tables of other libraries, such as polars, as pandas'; all else as it is.

    As an array they would have one type for all columns, and no names.
    """
    other = not hasattr(X, "iloc") and hasattr(X, "to_pandas")
    return X.to_pandas() if other and len(getattr(X, "shape", ())) == 2 else X


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Errors of scikit-learn and NumPy about one column say which."""
    try:
        yield
    except (OverflowError, TypeError, ValueError) as error:
        text = str(error)
        if text.startswith(repr(name)):
            raise
        raise ValueError(
            f"{name!r} cannot be encoded ({text.rstrip('.')}); make its values all "
            "text, or all finite numbers."
        ) from error


def column_of(X: Any, key: Key) -> tuple[np.ndarray, np.ndarray]:
    """Values of one column, and which of them are there.

    Parameters
    ----------
    X : pandas.DataFrame, or ndarray of shape (n_rows, n_columns)
    key : str or int

    Returns
    -------
    values : ndarray of shape (n_rows,)
    present : bool ndarray of shape (n_rows,)

    Raises
    ------
    ValueError
        If there is no such column, or it holds dates.
    """
    if not hasattr(X, "iloc"):
        if isinstance(key, str) or not -X.shape[1] <= key < X.shape[1]:
            raise ValueError(
                f"{key!r} is no column of an array of {X.shape[1]} columns; name it by "
                "its position, or pass a DataFrame."
            )
        values = X[:, key]
        if values.dtype.kind != "O":
            return values, values == values
        return values, np.array([_is_there(value) for value in values], dtype=bool)
    if isinstance(key, str):
        if key not in X.columns:
            raise ValueError(
                f"{key!r} is not among the columns {list(X.columns)[:10]}; pass a "
                "table that has it, or name another."
            )
        series = X[key]
    elif -X.shape[1] <= key < X.shape[1]:
        series = X.iloc[:, key]
    else:
        raise ValueError(
            f"{key!r} is no column of a table of {X.shape[1]} columns; name it by its "
            "position or its name."
        )
    if getattr(series.dtype, "kind", "O") in "mM":
        raise ValueError(
            f"{key!r} holds dates ({series.dtype}); turn it into a category, such as "
            "the month, or into a number."
        )
    present = series.notna().to_numpy(dtype=bool)
    if isinstance(series.dtype, np.dtype):
        return series.to_numpy(), present
    # Types of pandas' own, such as text, categories and numbers with gaps.
    values = series.to_numpy(dtype=object)
    if getattr(series.dtype, "kind", "O") in "iufb":
        values = np.array(
            [
                value if there else np.nan
                for value, there in zip(values, present, strict=True)
            ]
        )
    return values, present


def _is_there(value: Any) -> bool:
    return isinstance(value, LISTS) or not is_missing(value)


class OneHot:
    """A column of categories: a one for that of the row, nothing for others."""

    def fit(self, values: np.ndarray, present: np.ndarray) -> OneHot:
        """Learn the categories."""
        self._encoder = OneHotEncoder(handle_unknown="ignore")
        # Whatever set_config(transform_output=...) says.
        self._encoder.set_output(transform="default")
        self._encoder.fit(_comparable(values[present])[:, None])
        return self

    @property
    def categories(self) -> np.ndarray:
        """In the order of the features."""
        return self._encoder.categories_[0]

    def transform(
        self, name: str, values: np.ndarray, present: np.ndarray
    ) -> sp.csr_array:
        """Features of shape (n_rows, n_categories).

        Raises
        ------
        ValueError
            If these are numbers and the categories are not, or the reverse: none of
            them would be known.
        """
        found, known = _comparable(values[present]), self.categories
        numbers = [array.dtype.kind in "iufb" for array in (found, known)]
        if len(found) and numbers[0] != numbers[1]:
            kinds = ["numbers" if number else "text" for number in numbers]
            raise ValueError(
                f"{name!r} holds {kinds[0]} such as {found.tolist()[0]!r}, but held "
                f"{kinds[1]} such as {known.tolist()[0]!r} when it was fitted; convert "
                "one of them."
            )
        at = np.flatnonzero(present)
        place = sp.csr_array(
            (np.ones(len(at)), (at, np.arange(len(at)))), (len(values), len(at))
        )
        if not len(at):
            return sp.csr_array((len(values), len(known)))
        return sp.csr_array(
            place @ sp.csr_array(self._encoder.transform(found[:, None]))
        )

    def names(self, name: str) -> list[str]:
        """Names of the features."""
        return [f"{name}_{category}" for category in self.categories]


class Labels(OneHot):
    """A column of lists, such as the genres of a film: shares that add up to one."""

    def fit(self, values: np.ndarray, present: np.ndarray) -> Labels:
        """Learn the categories."""
        flat = _flat(values, present)[0]
        super().fit(flat, np.ones(len(flat), dtype=bool))
        return self

    def transform(
        self, name: str, values: np.ndarray, present: np.ndarray
    ) -> sp.csr_array:
        """See `OneHot`."""
        flat, rows, shares = _flat(values, present)
        every = np.ones(len(flat), dtype=bool)
        codes = super().transform(name, flat, every)
        place = sp.csr_array(
            (shares, (rows, np.arange(len(flat)))), (len(values), len(flat))
        )
        return sp.csr_array(place @ codes)


class Number:
    """A column of numbers: standardised; one that is missing is the mean."""

    def fit(self, values: np.ndarray, present: np.ndarray) -> Number:
        """Learn mean and deviation."""
        self._scaler = StandardScaler().set_output(transform="default")
        self._scaler.fit(_numbers(values, present)[:, None])
        return self

    def transform(
        self, name: str, values: np.ndarray, present: np.ndarray
    ) -> sp.csr_array:
        """Features of shape (n_rows, 1)."""
        found = self._scaler.transform(_numbers(values, present)[:, None])
        return sp.csr_array(np.nan_to_num(found))

    def names(self, name: str) -> list[str]:
        """Names of the features."""
        return [name]


Encoder = OneHot | Number


def encoder_for(name: str, values: np.ndarray, present: np.ndarray) -> Encoder:
    """How a column that describes users or items is encoded, by what it holds.

    Raises
    ------
    ValueError
        If it holds nothing.
    """
    lists = present.any() and isinstance(values[np.argmax(present)], LISTS)
    if not present.any() or (lists and not len(_flat(values, present)[0])):
        raise ValueError(
            f"{name!r} holds no value; leave it out, or pass rows that have some."
        )
    if values.dtype.kind in "iufb":
        return Number()
    return Labels() if lists else OneHot()


def _numbers(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    found = np.full(len(values), np.nan)
    found[present] = values[present].astype(np.float64)
    return found


def _comparable(values: np.ndarray) -> np.ndarray:
    """Objects that are numbers, as numbers, and text as objects."""
    if values.dtype.kind in "US":
        return values.astype(object)
    if values.dtype.kind == "O" and len(values):
        kinds: Any = (int, float, np.number, np.bool_)
        if all(isinstance(value, kinds) for value in values):
            return np.array(values.tolist())
    return values


def _flat(
    values: np.ndarray, present: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All labels of lists, their rows, and one over the length of each one's list."""
    at = np.flatnonzero(present)
    lists: list[Sequence[Any]] = [
        sorted({label for label in values[row] if _is_there(label)}) for row in at
    ]
    lengths = np.array([len(one) for one in lists], dtype=int)
    flat = np.empty(lengths.sum(), dtype=object)
    flat[:] = [label for one in lists for label in one]
    return (
        flat,
        np.repeat(at, lengths),
        np.repeat(1.0 / np.maximum(lengths, 1), lengths),
    )
