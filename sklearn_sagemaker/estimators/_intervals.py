"""Several quantiles from one fit, and intervals that cover what they say."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.model_selection import KFold
from sklearn.utils import check_random_state, get_tags, indexable
from sklearn.utils.validation import check_is_fitted

from sklearn_sagemaker._compat import check_sample_weight, fit_context, rows_of
from sklearn_sagemaker._sparse import in_plain_floats
from sklearn_sagemaker._state import RowSource
from sklearn_sagemaker.estimators._folds import row_numbers
from sklearn_sagemaker.estimators._linear_learner import LinearLearnerRegressor


class IntervalRegressor(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Quantiles of y given X, and intervals between them.

    One regressor is trained for each quantile. Their predictions are put in ascending
    order, row by row, so that quantiles never cross [1]_. With ``conformal`` each
    quantile is moved by the one constant with which it has its share of the rows below
    it, out of fold [2]_: quantiles that follow their training rows too closely, which
    few rows or many features make them do, are too narrow for others.

    Parameters
    ----------
    estimator : estimator, default=None
        A regressor with a parameter ``quantile`` in (0, 1), such as
        `LinearLearnerRegressor` or scikit-learn's `QuantileRegressor`; None is
        `LinearLearnerRegressor` with its defaults. ``quantile`` is set, and ``loss``
        where there is one: to "quantile_loss", of scikit-learn's to "quantile".
    quantiles : sequence of float, default=(0.05, 0.5, 0.95)
        Probabilities in (0, 1), in ascending order.
    conformal : bool, default=True
        Whether to correct the quantiles out of fold. A fit then trains one candidate,
        the one selected, ``cv`` times more for each quantile; on this machine,
        whatever ``backend`` the estimator has.
    cv : int, cross-validation generator or iterable, default=10
        Folds of ``conformal``: a number of shuffled ones, or scikit-learn's splitters.
        Few of them make intervals too wide, as their fits lack so many rows. Nothing
        to do with the folds that select candidates.
    random_state : int, RandomState instance or None, default=None
        Of the folds, and of the estimators if they have such a parameter.

    Attributes
    ----------
    estimators_ : list of estimators
        One a quantile, as fitted on all rows.
    quantiles_ : float64 ndarray of shape (n_quantiles,)
    shifts_ : float64 ndarray of shape (n_quantiles,)
        What is added to the predictions of each, in the units of y; zeros without
        ``conformal``.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        If X had names.

    See Also
    --------
    LinearLearnerRegressor : One quantile, by ``loss="quantile_loss"``.

    References
    ----------
    .. [1] Chernozhukov, Fernández-Val and Galichon, "Quantile and probability curves
       without crossing", Econometrica 78 (2010).
    .. [2] Romano, Patterson and Candès, "Conformalized quantile regression", NeurIPS
       2019, with a correction for each quantile and folds in place of one split.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn_sagemaker import IntervalRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    >>> model = IntervalRegressor(random_state=0).fit(X, y)
    >>> low, high = model.predict_interval(X_test).T
    >>> bool(0.8 < ((low <= y_test) & (y_test <= high)).mean() < 1.0)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": "no_validation",
        "quantiles": ["array-like"],
        "conformal": ["boolean"],
        "cv": ["cv_object"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        quantiles=(0.05, 0.5, 0.95),
        conformal=True,
        cv=10,
        random_state=None,
    ):
        self.estimator = estimator
        self.quantiles = quantiles
        self.conformal = conformal
        self.cv = cv
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self._unfitted())
        tags.input_tags = inner.input_tags
        tags.regressor_tags = inner.regressor_tags
        tags.target_tags = inner.target_tags
        return tags

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, sample_weight=None):
        """Train a regressor for each quantile, and correct them out of fold.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            What the estimator takes. Rows of datasets have no folds: they need
            ``conformal=False``.
        y : array-like of shape (n_samples,), default=None
            Numbers to predict; None with a dataset.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, in training and in shares.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If quantiles are not probabilities in ascending order.
        TypeError
            If the estimator has no parameter ``quantile``, or rows cannot be split.
        """
        quantiles = self._checked_quantiles()
        random = check_random_state(self.random_state)
        base = self._unfitted()
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        seed = int(random.randint(np.iinfo(np.int32).max))
        splits = self._splits(X, y, sample_weight, seed) if self.conformal else []
        models = [self._with(base, q, seed).fit(X, y, **given) for q in quantiles]
        shifts = np.zeros(len(quantiles))
        if self.conformal:
            shifts = self._shifts(models, quantiles, X, y, sample_weight, splits)
        self.estimators_, self.quantiles_, self.shifts_ = models, quantiles, shifts
        # Of an earlier fit, whose table had names.
        vars(self).pop("feature_names_in_", None)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(models[0], name):
                setattr(self, name, getattr(models[0], name))
        return self

    def predict_quantiles(self, X):
        """All quantiles.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        predictions : float64 ndarray of shape (n_samples, n_quantiles)
            In the units of y, each row in ascending order.
        """
        check_is_fitted(self)
        found = np.column_stack([model.predict(X) for model in self.estimators_])
        return np.sort(found + self.shifts_, axis=1)

    def predict(self, X):
        """The median, or of the quantiles the one nearest to it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        predictions : float64 ndarray of shape (n_samples,)
        """
        found = self.predict_quantiles(X)
        return found[:, np.argmin(np.abs(self.quantiles_ - 0.5))]

    def predict_interval(self, X, coverage=None):
        """Lower and upper ends between which y is with some probability.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        coverage : float, default=None
            The probability, whose two quantiles must be there: 0.9 is from 0.05 to
            0.95. None is from the first to the last of them.

        Returns
        -------
        intervals : float64 ndarray of shape (n_samples, 2)
            In the units of y.

        Raises
        ------
        ValueError
            If the coverage is no probability inside (0, 1), or the quantiles of such
            an interval were not trained.
        """
        check_is_fitted(self)
        low, high = 0, len(self.quantiles_) - 1
        if coverage is not None:
            if not isinstance(coverage, Real) or not 0 < coverage < 1:
                raise ValueError(
                    f"coverage={coverage!r} must be a probability inside (0, 1): 0.9 "
                    "is from the quantile 0.05 to 0.95."
                )
            low, high = (
                self._place_of((1 + side * float(coverage)) / 2, coverage)
                for side in (-1, 1)
            )
        elif high == 0:
            raise ValueError(
                f"quantiles={self.quantiles!r} has one quantile, and an interval lies "
                "between two; give e.g. (0.05, 0.95)."
            )
        return self.predict_quantiles(X)[:, [low, high]]

    def _place_of(self, quantile: float, coverage: float) -> int:
        # Nearer than float32 has digits.
        near = np.flatnonzero(np.isclose(self.quantiles_, quantile, rtol=0, atol=1e-7))
        if len(near) == 0:
            raise ValueError(
                f"coverage={coverage!r} lies between the quantiles "
                f"{(1 - coverage) / 2:.6g} and {(1 + coverage) / 2:.6g}, of which "
                f"{quantile:.6g} is not among quantiles={self.quantiles!r}; add it."
            )
        return int(near[0])

    def _checked_quantiles(self) -> np.ndarray:
        try:
            found = np.array(self.quantiles, dtype=np.float64)
        except (TypeError, ValueError):
            found = np.zeros(0)
        inside = found.ndim == 1 and len(found) and ((found > 0) & (found < 1)).all()
        if not (inside and (np.diff(found) > 0).all()):
            raise ValueError(
                f"quantiles={self.quantiles!r} must be probabilities inside (0, 1), in "
                "ascending order, e.g. (0.05, 0.5, 0.95)."
            )
        return found

    def _unfitted(self) -> Any:
        return LinearLearnerRegressor() if self.estimator is None else self.estimator

    def _with(self, base: Any, quantile: float, seed: int) -> Any:
        """The estimator of one quantile."""
        found = clone(base)
        names = found.get_params(deep=False)
        if "quantile" not in names:
            raise TypeError(
                f"estimator={type(base).__name__} has no parameter quantile, by which "
                "it would be told what to predict; pass a LinearLearnerRegressor or "
                "sklearn.linear_model.QuantileRegressor."
            )
        found.set_params(quantile=float(quantile))
        if "loss" in names:
            ours = isinstance(found, LinearLearnerRegressor)
            found.set_params(loss="quantile_loss" if ours else "quantile")
        if self.random_state is not None and "random_state" in names:
            found.set_params(random_state=seed)
        return found

    def _splits(self, X, y, sample_weight, seed: int) -> Any:
        """Rows that train and rows that are left out, fold by fold."""
        if isinstance(X, RowSource):
            raise TypeError(
                f"The rows of a {type(X).__name__} have no folds for conformal=True; "
                "set conformal=False, or pass arrays."
            )
        X, y = indexable(X, y)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64)
        labels = np.asarray(y)
        if labels.ndim == 0:  # None, or sparse, which the fit says
            labels = np.zeros(len(weights))
        cv = self.cv
        if isinstance(cv, Integral):
            cv = KFold(int(cv), shuffle=True, random_state=seed)
        return row_numbers(cv, labels, weights, stratify=False)

    def _shifts(self, models, quantiles, X, y, sample_weight, splits) -> np.ndarray:
        """What makes the shares of rows below each quantile right, out of fold."""
        X, y = indexable(X, y)
        X = in_plain_floats(X) if sp.issparse(X) else X
        y = np.asarray(y, dtype=np.float64).reshape(-1)
        weights = check_sample_weight(sample_weight, X, dtype=np.float64)
        errors = np.full((len(quantiles), len(y)), np.nan)
        selected = [_selected(model) for model in models]
        for train, test in splits:
            given = {}
            if sample_weight is not None:
                given = {"sample_weight": weights[train]}
            for number, model in enumerate(selected):
                fold = clone(model).fit(rows_of(X, train), y[train], **given)
                errors[number, test] = y[test] - fold.predict(rows_of(X, test))
        # Rows of weight zero are absent, and splitters may leave some out.
        there = ~np.isnan(errors[0]) & (weights > 0)
        return np.array(
            [
                weighted_quantile(errors[number, there], weights[there], quantile)
                for number, quantile in enumerate(quantiles)
            ]
        )


def _selected(model: Any) -> Any:
    """An estimator that trains the selected candidate of a fitted one alone."""
    found = clone(model)
    names = found.get_params(deep=False)
    best = getattr(model, "best_params_", {})
    found.set_params(**{name: best[name] for name in best if name in names})
    alone = {"num_models": 1, "ensemble_size": 1, "cv": False, "backend": "local"}
    found.set_params(**{name: alone[name] for name in alone if name in names})
    return found


def weighted_quantile(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """The number that such a share of the weights lies below, half of its own row's."""
    order = np.argsort(values)
    ordered = weights[order]
    below = np.cumsum(ordered) - ordered / 2
    return float(np.interp(share * weights.sum(), below, values[order]))
