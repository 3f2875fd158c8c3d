"""The best items for users, by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.utils.validation import check_is_fitted

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.estimators import FactorizationMachinesRegressor
from sklearn_sagemaker.estimators._recommending import SCORE_BYTES, best_places
from sklearn_sagemaker.recommendations._columns import Key, as_table
from sklearn_sagemaker.recommendations._encoder import InteractionEncoder

UNOBSERVED = 0.3
"""Weight of what nobody clicked, where the estimator is left to us."""


class Recommender(BaseEstimator):
    """Encode a table, fit Factorization Machines, recommend by ids.

    Parameters
    ----------
    estimator : estimator, default=None
        `FactorizationMachinesRegressor` or `FactorizationMachinesClassifier` of two
        classes. None is, with labels, the regressor with ``solver="als"``, and without
        the same with ``unobserved_weight=0.3``: rows are then clicks, purchases or the
        like. Its ``num_query_features`` is set where it is "auto".
    user, item : str or int, default=0 and 1
        As of `InteractionEncoder`.
    user_features, item_features : sequence of str or int, default=()
        As of `InteractionEncoder`.
    random_state : int, RandomState instance or None, default=None
        Of the estimator that is left to us.

    Attributes
    ----------
    encoder_ : InteractionEncoder
    estimator_ : estimator
        Fitted on its rows.
    seen_ : csr_array of shape (n_users, n_items)
        Ones where a row of the fit has a user and an item.

    See Also
    --------
    InteractionEncoder : Makes the rows.

    Examples
    --------
    Even users click even items, and odd users odd ones, but each misses one:

    >>> import pandas as pd
    >>> from sklearn_sagemaker.recommendations import Recommender
    >>> pairs = [(u, i) for u in range(12) for i in range(12) if (u - i) % 2 == 0]
    >>> clicks = pd.DataFrame([p for p in pairs if p[0] != p[1]], columns=["u", "i"])
    >>> recommender = Recommender(user="u", item="i", random_state=0).fit(clicks)
    >>> recommender.recommend([2, 5], k=1)[["u", "i"]]
       u  i
    0  2  2
    1  5  5
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        user: Key = 0,
        item: Key = 1,
        user_features: Sequence[Key] = (),
        item_features: Sequence[Key] = (),
        random_state: Any = None,
    ):
        self.estimator = estimator
        self.user = user
        self.item = item
        self.user_features = user_features
        self.item_features = item_features
        self.random_state = random_state

    def fit(self, X, y=None, sample_weight=None):
        """Learn from who met what.

        Parameters
        ----------
        X : pandas.DataFrame or array-like of shape (n_rows, n_columns)
            A row for each rating, click or the like. Of a user or an item with
            several rows the columns that describe it are those of the last one.
        y : array-like of shape (n_rows,), default=None
            Ratings, or classes for a classifier. None stands for ones: what counts is
            that there is a row.
        sample_weight : array-like of shape (n_rows,), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If there are no labels and the estimator needs some, more than two classes,
            or an id is missing; and as of `InteractionEncoder.fit`.
        TypeError
            If the estimator ranks no items.
        """
        estimator = self._estimator(y is None)
        encoder = InteractionEncoder(
            user=self.user,
            item=self.item,
            user_features=self.user_features,
            item_features=self.item_features,
        )
        # Rows for the estimator, whatever set_config(transform_output=...) says.
        encoder.set_output(transform="default")
        rows = encoder.fit_transform(as_table(X))
        first = encoder.num_query_features_
        n_users, n_items = len(encoder.user_ids_), len(encoder.item_ids_)
        users, items = rows[:, :n_users], rows[:, first : first + n_items]
        lacking = 2 * rows.shape[0] - users.nnz - items.nnz
        if lacking:
            raise ValueError(
                f"The table lacks {lacking} ids of users or items (NaN or None); drop "
                "these rows."
            )
        parameters = estimator.get_params(deep=False)
        if parameters.get("unobserved_weight") and (
            parameters["num_query_features"] == "auto"
        ):
            estimator.set_params(num_query_features=first)
        y = np.ones(rows.shape[0]) if y is None else y
        estimator.fit(rows, y, sample_weight=sample_weight)
        if is_classifier(estimator) and len(estimator.classes_) > 2:
            raise ValueError(
                f"y has {len(estimator.classes_)} classes, and items are ranked by the "
                "second of two; pass two classes, or a regressor and numbers."
            )
        self.encoder_, self.estimator_ = encoder, estimator
        self.seen_ = sp.csr_array(users.T @ items)
        self.seen_.data[:] = 1.0
        self._user_rows = _padded(rows[_last(users.indices, n_users), :first], 0, rows)
        self._item_rows = _padded(rows[_last(items.indices, n_items), first:], 1, rows)
        self.n_features_in_ = encoder.n_features_in_
        # Of an earlier fit, whose table had names.
        vars(self).pop("feature_names_in_", None)
        if hasattr(encoder, "feature_names_in_"):
            self.feature_names_in_ = encoder.feature_names_in_
        return self

    def predict(self, X):
        """Ratings, or classes, of pairs of users and items.

        Parameters
        ----------
        X : pandas.DataFrame or array-like of shape (n_rows, n_columns)
            As of `fit`. Ids that it has not seen count by what describes them.

        Returns
        -------
        y : ndarray of shape (n_rows,)
        """
        check_is_fitted(self)
        return self.estimator_.predict(self.encoder_.transform(X))

    def recommend(self, users, k: int = 10, *, items=None, exclude_seen: bool = True):
        """The best items for each of some users.

        Parameters
        ----------
        users : array-like of ids, or pandas.DataFrame
            Ids that the fit has seen; or a table with the columns of users, in which
            they may be new.
        k : int, default=10
            How many for each; fewer where fewer are left.
        items : array-like of ids, or pandas.DataFrame, default=None
            What is to be ranked, likewise; None is all items of the fit.
        exclude_seen : bool, default=True
            Whether items are left out that the fit has seen with the user.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each user and item, the best first, in the order of the users;
            with the columns of `fit` that have their ids, and ``score``: predictions of
            a regressor, margins of a classifier.

        Raises
        ------
        OptionalDependencyError
            If pandas is not installed.
        ValueError
            If an id is unknown, or k is less than one.
        """
        check_is_fitted(self)
        pandas = import_optional("pandas", "pandas", "tables of recommendations")
        who, queries, known_users = self._rows(users, user=True)
        what, candidates, known_items = self._rows(items, user=False)
        seen = None
        if exclude_seen:
            seen = _taken(_taken(self.seen_, known_users).T, known_items).T
            seen = sp.csr_array(seen)
        places, scores = self.estimator_.recommend(queries, candidates, k, seen=seen)
        left = np.isfinite(scores).ravel()
        names = self._id_names()
        return pandas.DataFrame(
            {
                names[0]: np.repeat(who, places.shape[1])[left],
                names[1]: what[places.ravel()[left]],
                "score": scores.ravel()[left],
            }
        )

    def similar_items(self, items, k: int = 10):
        """Items that go with the same users, by the angle between their factors.

        Parameters
        ----------
        items : array-like of ids, or pandas.DataFrame
            As of `recommend`.
        k : int, default=10
            How many of the items of the fit for each, itself not among them.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each item and one like it, the most alike first: the column of
            `fit` that has their ids, ``similar`` and ``score``, the cosine.

        Raises
        ------
        OptionalDependencyError
            If pandas is not installed.
        ValueError
            If an id is unknown, or k is less than one.
        """
        check_is_fitted(self)
        pandas = import_optional("pandas", "pandas", "tables of similar items")
        _check_k(k)
        what, rows, known = self._rows(items, user=False)
        every = _directions(self.estimator_.item_vectors(self._item_rows)[:, :-1])
        mine = _directions(self.estimator_.item_vectors(rows)[:, :-1])
        k = min(k, len(every))
        places, found = (
            np.empty((len(mine), k), dtype=np.intp),
            np.empty((len(mine), k)),
        )
        size = max(1, SCORE_BYTES // (8 * len(every)))
        for start in range(0, len(mine), size):
            block = slice(start, start + size)
            scores, own = mine[block] @ every.T, known[block]
            scores[own >= 0, own[own >= 0]] = -np.inf
            places[block], found[block] = best_places(scores, k)
        left = np.isfinite(found).ravel()
        return pandas.DataFrame(
            {
                self._id_names()[1]: np.repeat(what, places.shape[1])[left],
                "similar": self.encoder_.item_ids_[places.ravel()[left]],
                "score": found.ravel()[left],
            }
        )

    def __sklearn_is_fitted__(self):
        return hasattr(self, "estimator_")

    def _estimator(self, no_labels: bool) -> Any:
        if self.estimator is None:
            return FactorizationMachinesRegressor(
                solver="als",
                unobserved_weight=UNOBSERVED if no_labels else 0.0,
                random_state=self.random_state,
            )
        estimator = clone(self.estimator)
        if not hasattr(estimator, "recommend"):
            raise TypeError(
                f"estimator={estimator!r} ranks no items; pass a "
                "FactorizationMachinesRegressor, or leave it None."
            )
        if no_labels and not getattr(estimator, "unobserved_weight", 0.0):
            raise ValueError(
                "y is None, so all labels are one and there is nothing to tell apart; "
                "pass labels, or set unobserved_weight above 0 (and solver='als') in "
                "the estimator, for clicks."
            )
        return estimator

    def _rows(self, wanted, *, user: bool) -> tuple[np.ndarray, Any, np.ndarray]:
        """Ids, rows, and numbers among those of the fit, or -1."""
        encoder = self.encoder_
        known = encoder.user_ids_ if user else encoder.item_ids_
        rows = self._user_rows if user else self._item_rows
        if wanted is None:
            return known, rows, np.arange(len(known))
        wanted = as_table(wanted)
        if hasattr(wanted, "iloc") and wanted.ndim == 2:
            ids, _ = encoder._column(wanted, self.user if user else self.item)
            encode = encoder.transform_users if user else encoder.transform_items
            return ids, encode(wanted), _places(ids, known)
        if isinstance(wanted, str) or np.ndim(wanted) != 1:
            kind = "users" if user else "items"
            raise ValueError(
                f"{kind}={wanted!r} must be a list of ids, or a table of them."
            )
        ids = np.asarray(wanted)
        places = _places(ids, known)
        if (places < 0).any():
            kind = "user" if user else "item"
            raise ValueError(
                f"{ids[places < 0].tolist()[0]!r} is no {kind} of the fit; pass "
                f"{kind}s as a DataFrame, with the columns that describe them, if some "
                "are new."
            )
        return ids, rows[places], places

    def _id_names(self) -> tuple[str, str]:
        """Of the columns with ids."""
        return self.encoder_._name(self.user), self.encoder_._name(self.item)


def _check_k(k: Any) -> None:
    if not isinstance(k, (int, np.integer)) or isinstance(k, bool) or k < 1:
        raise ValueError(f"k={k!r} must be a whole number of at least 1: how many.")


def _last(numbers: np.ndarray, n: int) -> np.ndarray:
    """The last row of each number."""
    found = np.zeros(n, dtype=np.intp)
    found[numbers] = np.arange(len(numbers))
    return found


def _padded(part: Any, side: int, rows: Any) -> sp.csr_array:
    """Columns of one side, and none of the other."""
    empty = sp.csr_array((part.shape[0], rows.shape[1] - part.shape[1]))
    parts = [part, empty] if side == 0 else [empty, part]
    return sp.csr_array(sp.hstack(parts, format="csr", dtype=rows.dtype))


def _places(ids: Any, known: np.ndarray) -> np.ndarray:
    """Where ids stand among those that are known, or -1."""
    place = {one: number for number, one in enumerate(known.tolist())}
    return np.array([place.get(one, -1) for one in np.asarray(ids).tolist()], dtype=int)


def _taken(seen: Any, places: np.ndarray) -> sp.csr_array:
    """Some rows; nothing for -1."""
    found = sp.csr_array(seen)[np.maximum(places, 0)]
    return sp.csr_array(sp.diags_array((places >= 0).astype(float)) @ found)


def _directions(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)
