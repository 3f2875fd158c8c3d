"""Users, items and what describes them, as rows of Factorization Machines."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_sagemaker.recommendations._columns import (
    Encoder,
    Key,
    OneHot,
    as_table,
    column_of,
    encoder_for,
    naming,
)


class InteractionEncoder(TransformerMixin, BaseEstimator):
    """Encode a table of who met what as sparse rows.

    The features are a block of ones for the users, blocks for the columns that
    describe them, and the same for the items. Ids and categories that are missing, or
    that the fit has not seen, have no feature: such a row says what its other columns
    say.

    Parameters
    ----------
    user, item : str or int, default=0 and 1
        The columns of the ids: names of a DataFrame's, or positions.
    user_features, item_features : sequence of str or int, default=()
        Columns that describe the user (or the moment), and the item. Numbers and
        booleans are standardised, and the mean where they are missing; text and
        categories are one-hot; lists, such as the genres of a film, share a one among
        their labels.
    dtype : numpy dtype, default=numpy.float32
        Of the rows: float32 or float64. Machines train in the same precision.

    Attributes
    ----------
    user_ids_, item_ids_ : ndarray
        Ids that were seen, in the order of their features.
    num_query_features_ : int
        How many features, the first, describe the user: the argument
        ``num_query_features`` of `FactorizationMachinesRegressor`.
    groups_ : int64 ndarray of shape (n_features_out,)
        The column that each feature comes from, numbered from 0: its argument
        ``groups``.
    n_features_in_ : int
        Number of columns of the table.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if all of them are text.

    See Also
    --------
    Recommender : Encodes, fits and recommends by ids.
    sklearn.preprocessing.OneHotEncoder : Encodes each id and each category.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_sagemaker.recommendations import InteractionEncoder
    >>> table = pd.DataFrame({"user": ["ann", "bob", "ann"], "film": [7, 7, 9]})
    >>> encoder = InteractionEncoder(user="user", item="film")
    >>> encoder.fit_transform(table).toarray()
    array([[1., 0., 1., 0.],
           [0., 1., 1., 0.],
           [1., 0., 0., 1.]], dtype=float32)
    >>> encoder.get_feature_names_out().tolist()
    ['user_ann', 'user_bob', 'film_7', 'film_9']
    """

    def __init__(
        self,
        *,
        user: Key = 0,
        item: Key = 1,
        user_features: Sequence[Key] = (),
        item_features: Sequence[Key] = (),
        dtype: Any = np.float32,
    ):
        self.user = user
        self.item = item
        self.user_features = user_features
        self.item_features = item_features
        self.dtype = dtype

    def fit(self, X, y=None):
        """Learn the ids and the categories.

        Parameters
        ----------
        X : pandas.DataFrame or array-like of shape (n_rows, n_columns)
            Tables of polars and pyarrow become pandas'.
        y : None
            Ignored.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If a column is missing, empty or named twice, or holds dates or what cannot
            be compared.
        """
        columns = self._columns()
        X = self._checked(X, reset=True)
        names = [self._name(key) for key in columns]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(
                f"{twice[0]!r} is named twice among user, item, user_features and "
                "item_features; name each column once."
            )
        if np.dtype(self.dtype) not in (np.float32, np.float64):
            raise ValueError(
                f"dtype={self.dtype!r} is neither float32 nor float64, in which "
                "machines are trained; leave it at numpy.float32."
            )
        encoders: list[Encoder] = []
        for place, key in enumerate(columns):
            values, present = self._column(X, key)
            name = self._name(key)
            if place in (0, 1 + len(self.user_features)):
                if not present.any():
                    raise ValueError(f"{name!r} holds no id; pass rows that have some.")
                with naming(name):
                    encoders.append(OneHot().fit(values, present))
            else:
                with naming(name):
                    encoder = encoder_for(name, values, present)
                    encoders.append(encoder.fit(values, present))
        self._encoders = encoders
        features = [
            encoder.names(name) for name, encoder in zip(names, encoders, strict=True)
        ]
        self._names = [name for some in features for name in some]
        lengths = [len(some) for some in features]
        self.groups_ = np.repeat(np.arange(len(lengths)), lengths)
        place = 1 + len(self.user_features)
        self.num_query_features_ = sum(lengths[:place])
        self.user_ids_ = encoders[0].categories  # type: ignore[union-attr]
        self.item_ids_ = encoders[place].categories  # type: ignore[union-attr]
        return self

    def transform(self, X):
        """Rows of users and items.

        Parameters
        ----------
        X : pandas.DataFrame or array-like of shape (n_rows, n_columns)
            A table may lack the columns that are not encoded.

        Returns
        -------
        rows : csr_array of shape (n_rows, n_features_out)
        """
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        return self._encoded(X, self._columns(), self._encoders)

    def transform_users(self, X):
        """Rows without an item, of a table that need not have columns of items.

        Parameters
        ----------
        X : pandas.DataFrame, or array-like of shape (n_rows, n_columns)
            With the columns of the users.

        Returns
        -------
        rows : csr_array of shape (n_rows, n_features_out)
        """
        return self._side(X, users=True)

    def transform_items(self, X):
        """Rows without a user, of a table that need not have columns of users.

        Parameters
        ----------
        X : pandas.DataFrame, or array-like of shape (n_rows, n_columns)
            With the columns of the items.

        Returns
        -------
        rows : csr_array of shape (n_rows, n_features_out)
        """
        return self._side(X, users=False)

    def get_feature_names_out(self, input_features=None):
        """Names of the features, such as ``user_ann``.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Checked against ``feature_names_in_`` if that is there; else ignored.

        Returns
        -------
        names : ndarray of str objects
        """
        check_is_fitted(self)
        known = getattr(self, "feature_names_in_", None)
        if input_features is not None and known is not None:
            if not np.array_equal(np.asarray(input_features, dtype=object), known):
                raise ValueError("input_features is not equal to feature_names_in_")
        elif input_features is not None and len(input_features) != self.n_features_in_:
            raise ValueError(
                "input_features should have length equal to number of features "
                f"({self.n_features_in_}), got {len(input_features)}"
            )
        return np.array(self._names, dtype=object)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "groups_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    def _columns(self) -> list[Key]:
        """All columns that are encoded, in the order of their features."""
        found: list[Key] = []
        for side in ("user", "item"):
            found.append(_checked_key(side, getattr(self, side)))
            name = f"{side}_features"
            more = getattr(self, name)
            if isinstance(more, str):
                raise ValueError(f"{name}={more!r} is one name; pass a list of names.")
            if more is None or np.ndim(more) != 1:
                raise ValueError(f"{name}={more!r} must be a list of columns, or ().")
            found.extend(_checked_key(name, key) for key in more)
        return found

    def _checked(self, X, *, reset: bool):
        X = as_table(X)
        if hasattr(X, "iloc") and np.ndim(X) == 2:
            if reset:
                validate_data(self, X, skip_check_array=True)
            if len(X) == 0:
                raise ValueError("The table has 0 rows; pass at least one.")
            return X
        return validate_data(
            self, X, reset=reset, dtype=None, ensure_all_finite=False,
            ensure_min_features=2 if reset else 1,
        )  # fmt: skip

    def _side(self, X, users: bool) -> sp.csr_array:
        check_is_fitted(self)
        X = as_table(X)
        if not hasattr(X, "iloc"):
            X = check_array(X, dtype=None, ensure_all_finite=False)
        columns, split = self._columns(), 1 + len(self.user_features)
        mine = slice(split) if users else slice(split, None)
        found = self._encoded(X, columns[mine], self._encoders[mine])
        before = 0 if users else self.num_query_features_
        after = len(self.groups_) - before - found.shape[1]
        parts = [sp.csr_array((found.shape[0], n)) for n in (before, after)]
        return sp.csr_array(
            sp.hstack([parts[0], found, parts[1]], format="csr", dtype=self.dtype)
        )

    def _encoded(self, X, columns: list[Key], encoders: list[Encoder]) -> sp.csr_array:
        parts = []
        for key, encoder in zip(columns, encoders, strict=True):
            name, column = self._name(key), self._column(X, key)
            with naming(name):
                parts.append(encoder.transform(name, *column))
        return sp.csr_array(sp.hstack(parts, format="csr", dtype=self.dtype))

    def _column(self, X, key: Key) -> tuple[np.ndarray, np.ndarray]:
        """A column of a table, which may have few, or of an array of all columns."""
        names = getattr(self, "feature_names_in_", None)
        if names is None:
            return column_of(X, key)
        if hasattr(X, "iloc"):
            known = isinstance(key, Integral) and -len(names) <= key < len(names)
            return column_of(X, str(names[key]) if known else key)
        return column_of(X, names.tolist().index(key) if key in names else key)

    def _name(self, key: Key) -> str:
        if isinstance(key, str):
            return key
        names = getattr(self, "feature_names_in_", None)
        place = key % self.n_features_in_ if key < 0 else key
        if names is None or place >= len(names):
            return f"x{place}"
        return str(names[place])


def _checked_key(parameter: str, key: Any) -> Key:
    if not isinstance(key, str | Integral) or isinstance(key, bool):
        raise ValueError(
            f"{parameter}={key!r} must name columns, by their names or positions."
        )
    return key if isinstance(key, str) else int(key)
