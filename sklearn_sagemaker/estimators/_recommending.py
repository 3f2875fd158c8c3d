"""What the factors of a factorization machine are for beyond predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_sagemaker._kernels.prediction import factor_scores
from sklearn_sagemaker._sparse import checked_csr
from sklearn_sagemaker.estimators._attributes import state_of
from sklearn_sagemaker.estimators._validation import canonical, check_rows

SCORE_BYTES = 64 << 20
"""Scores of all candidates are held for blocks of rows of this size."""


class RecommendingMixin(BaseEstimator):
    """Weights of pairs, vectors whose products rank as the model, and top-k lists."""

    def pair_weights(self, feature_i, feature_j, *, label=None):
        """Weights of pairs of features, ``<v_i, v_j>``.

        What the model adds to its score for ``x_i * x_j``.

        Parameters
        ----------
        feature_i, feature_j : int, str, or array-like of them
            Numbers of columns, or names if the model was fitted on named ones;
            broadcast against each other.
        label : object, default=None
            The class whose weights are meant; needed with more than two.

        Returns
        -------
        weights : float or float64 ndarray
            With "mcmc" the mean over the draws. A feature has no pair with itself:
            its weight is 0.

        Raises
        ------
        ValueError
            If a feature or the label is unknown.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_sagemaker import FactorizationMachinesRegressor
        >>> X = np.random.default_rng(0).normal(size=(500, 3))
        >>> model = FactorizationMachinesRegressor(num_factors=4, random_state=0)
        >>> model = model.fit(X, 2 * X[:, 0] * X[:, 1])
        >>> (model.pair_weights([0, 0], [1, 2]) > 1.5).tolist()
        [True, False]
        """
        left, right = self._columns(feature_i), self._columns(feature_j)
        left, right = np.broadcast_arrays(left, right)
        first, second = (
            self._machines_of(label, side.ravel())[2].astype(np.float64)
            for side in (left, right)
        )
        products = np.einsum("snk,snk->n", first, second).reshape(left.shape)
        weights = np.where(left == right, 0.0, products / len(first))
        return float(weights) if weights.ndim == 0 else weights

    def item_vectors(self, items, *, label=None):
        """Vectors of items, whose inner products with `query_vectors` rank them.

        For a query x and an item z that hold different features, the product of
        their vectors is what the model's score of x + z is more than that of x
        alone. It feeds any index of inner products.

        Parameters
        ----------
        items : array-like of int or str, or {array-like, sparse matrix}
            Columns, each an item with the value one; or rows of shape
            (n_items, n_features) that hold the features of an item.
        label : object, default=None
            The class that is scored; needed with more than two.

        Returns
        -------
        vectors : float64 ndarray of shape (n_items, k + 1)
            The factors of an item, then its linear weight (of a row, their sums,
            and the pairs within it). With "mcmc" the factors of all draws.

        References
        ----------
        AWS machine learning blog, "Extending Amazon SageMaker factorization machines
        algorithm to predict top x recommendations".
        """
        if sp.issparse(items) or np.ndim(items) == 2:
            X, machines = self._rows_and_machines(items, label)
            intercept, coef, factors = machines
            sums = _factor_sums(X, factors)
            alone = factor_scores(X, np.zeros_like(intercept), coef, factors)
            last = alone.mean(axis=1, keepdims=True)
        else:
            columns = np.atleast_1d(self._columns(items))
            _, coef, factors = self._machines_of(label, columns)
            sums = factors.astype(np.float64)
            last = coef.mean(axis=0)[:, None]
        flat = sums.transpose(1, 0, 2).reshape(sums.shape[1], -1)
        return np.hstack([flat / len(factors), last])

    def query_vectors(self, X, *, label=None):
        """Vectors of queries, such as users: see `item_vectors`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features)
            Rows without the items that are to be ranked.
        label : object, default=None
            The class that is scored; needed with more than two.

        Returns
        -------
        vectors : float64 ndarray of shape (n_queries, k + 1)
            Sums of the factors of a row, then 1.
        """
        X, (_, _, factors) = self._rows_and_machines(X, label)
        return _queries(X, factors)

    def recommend(self, X, candidates, k=10, *, seen=None, label=None):
        """The best k candidates for every row, without building the rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features)
            Rows without the candidates, such as a user and the time.
        candidates : array-like of int or str, or {array-like, sparse matrix}
            As the items of `item_vectors`.
        k : int, default=10
            How many; fewer if there are fewer.
        seen : {array-like, sparse matrix} of shape (n_queries, n_candidates), \
                default=None
            Where it is not zero the candidate is left out for that row.
        label : object, default=None
            The class that is scored; needed with more than two.

        Returns
        -------
        items : ndarray of shape (n_queries, k)
            The candidates as they were passed, columns or names, or their row numbers;
            the best first, equals in order.
        scores : float64 ndarray of shape (n_queries, k)
            The model's scores: predictions of a regressor, margins of a
            classifier. Minus infinity marks places for which nothing is left.

        Raises
        ------
        ValueError
            If k is less than one, ``seen`` has another shape, or there is no candidate.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_sagemaker import FactorizationMachinesRegressor
        >>> users = np.eye(4)[np.arange(40) % 4]
        >>> films = np.eye(5)[np.arange(40) * 3 % 5]
        >>> likes = users.argmax(axis=1) == films.argmax(axis=1)
        >>> model = FactorizationMachinesRegressor(cv=False, epochs=100, random_state=0)
        >>> model = model.fit(np.hstack([users, films]), likes)
        >>> queries = np.hstack([np.eye(4), np.zeros((4, 5))])
        >>> items, scores = model.recommend(queries, np.arange(4, 9), k=1)
        >>> items[:, 0]
        array([4, 5, 6, 7])
        """
        if not isinstance(k, (int, np.integer)) or isinstance(k, bool) or k < 1:
            raise ValueError(
                f"k={k!r} must be a whole number of at least 1: how many to recommend."
            )
        self._check_fitted()
        if not sp.issparse(candidates) and np.size(candidates) == 0:
            raise ValueError("candidates is empty; pass at least one column or row.")
        vectors = self.item_vectors(candidates, label=label)
        X, (intercept, coef, factors) = self._rows_and_machines(X, label)
        n, n_candidates = X.shape[0], len(vectors)
        if seen is not None:
            sparse_seen = sp.issparse(seen)
            seen = sp.csr_array(checked_csr(seen, "seen") if sparse_seen else seen)
            if seen.shape != (n, n_candidates):
                raise ValueError(
                    f"seen has the shape {seen.shape}, but there are {n} rows and "
                    f"{n_candidates} candidates; it must be {(n, n_candidates)}."
                )
        k = min(k, n_candidates)
        places, scores = np.empty((n, k), dtype=np.intp), np.empty((n, k))
        size = max(1, SCORE_BYTES // (8 * n_candidates))
        for start in range(0, n, size):
            rows = slice(start, min(start + size, n))
            queries = _queries(X[rows], factors)
            alone = factor_scores(X[rows], intercept, coef, factors)
            found = queries @ vectors.T + alone.mean(axis=1, keepdims=True)
            if seen is not None:
                part = seen[rows].tocoo()
                out = part.data != 0
                found[part.coords[0][out], part.coords[1][out]] = -np.inf
            places[rows], scores[rows] = best_places(found, k)
        if sp.issparse(candidates) or np.ndim(candidates) == 2:
            return places, scores
        return np.atleast_1d(np.asarray(candidates))[places], scores

    def _check_fitted(self) -> None:
        if not hasattr(self, "coef_"):
            check_is_fitted(self, "coef_")

    def _machines_of(self, label, columns: np.ndarray) -> tuple[np.ndarray, ...]:
        """Intercepts, and coefficients and factors of some columns, of all draws."""
        return self._of_output(label, state_of(self).machines(columns))

    def _rows_and_machines(self, X, label) -> tuple[Any, tuple[np.ndarray, ...]]:
        """Rows, and the machines of the columns that they need."""
        self._check_fitted()
        self._output(label)
        X = canonical(check_rows(self, X, reset=False))
        X, machines = state_of(self).machines_for(X)
        return X, self._of_output(label, machines)

    def _of_output(self, label, machines) -> tuple[np.ndarray, ...]:
        output, n_outputs = self._output(label), np.size(self.intercept_)
        return tuple(part[output::n_outputs] for part in machines)

    def _output(self, label) -> int:
        n_outputs = np.size(self.intercept_)
        classes = getattr(self, "classes_", None)
        if label is None or classes is None:
            if n_outputs > 1 and classes is not None:
                raise ValueError(
                    f"label must say which of the {n_outputs} classes is scored, for "
                    f"example label={classes[0].item()!r}."
                )
            if label is not None:
                raise ValueError(
                    f"label={label!r} has no meaning in a regression; leave it out."
                )
            return 0
        found = np.flatnonzero(classes == label)
        if len(found) == 0:
            raise ValueError(
                f"label={label!r} is not among the classes {classes[:10].tolist()!r}."
            )
        if n_outputs == 1 and found[0] == 0:
            raise ValueError(
                f"With two classes all scores are those of {classes[1].item()!r}; "
                "negate them, or leave label out."
            )
        return int(found[0]) if n_outputs > 1 else 0

    def _columns(self, features: Any) -> np.ndarray:
        """Numbers of columns, from numbers or names."""
        self._check_fitted()
        features = np.asarray(features)
        first = features.flat[0] if features.size else None
        if features.dtype.kind in "OUS" and isinstance(first, (str, bytes)):
            names = getattr(self, "feature_names_in_", None)
            if names is None:
                raise ValueError(
                    f"{features.ravel().tolist()[0]!r} is a name, but the model was "
                    "fitted on columns without names; pass numbers of columns."
                )
            places = {name: place for place, name in enumerate(names)}
            unknown = [name for name in features.ravel() if name not in places]
            if unknown:
                raise ValueError(
                    f"{str(unknown[0])!r} is not among the features; "
                    f"feature_names_in_ lists all {len(names)}."
                )
            return np.vectorize(places.__getitem__, otypes=[np.intp])(features)
        if features.dtype.kind not in "iu":
            raise ValueError(
                f"Features must be numbers of columns or names, got {features.dtype}."
            )
        if ((features < 0) | (features >= self.n_features_in_)).any():
            raise ValueError(
                f"Columns must lie in [0, {self.n_features_in_}), got "
                f"{features.min()} to {features.max()}."
            )
        return features.astype(np.intp)


def _factor_sums(X, factors: np.ndarray) -> np.ndarray:
    """``X @ V`` for each draw: shape (n_draws, n_rows, k), float64."""
    if sp.issparse(X):
        X = sp.csr_array(X)
    return np.stack([np.asarray(X @ one.astype(np.float64)) for one in factors])


def _queries(X, factors: np.ndarray) -> np.ndarray:
    sums = _factor_sums(X, factors)
    flat = sums.transpose(1, 0, 2).reshape(sums.shape[1], -1)
    return np.hstack([flat, np.ones((X.shape[0], 1))])


def best_places(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Places and values of the k largest of every row; equals in order."""
    places = np.empty((len(scores), k), dtype=np.intp)
    least = -np.partition(-scores, k - 1, axis=1)[:, k - 1]
    for row, (values, bound) in enumerate(zip(scores, least, strict=True)):
        # All equals of the last one, of which a partition takes any.
        some = np.flatnonzero(values >= bound)
        places[row] = some[np.argsort(-values[some], kind="stable")[:k]]
    return places, np.take_along_axis(scores, places, axis=1)
