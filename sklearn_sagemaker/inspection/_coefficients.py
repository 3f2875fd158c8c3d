"""The largest coefficients, by feature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sklearn_sagemaker.inspection._axes import (
    BLACK,
    BLUE,
    COLOURS,
    MARKS,
    VERMILION,
    legend_above,
    short_name,
)
from sklearn_sagemaker.inspection._display import Display
from sklearn_sagemaker.inspection._models import deviations, model_in, names_of

LONGEST = 28
"""Letters of a feature's name that are shown."""


class CoefficientsDisplay(Display):
    """The largest coefficients with the names of their features.

    Parameters
    ----------
    coefficients : float64 ndarray of shape (n_models, n_outputs, n_shown)
        Largest first. With several models, such as those of folds, their mean is
        drawn, and each of them as a dot.
    feature_names : ndarray of str of shape (n_shown,)
    labels : list, default=None
        Classes of the outputs, if there are several.
    n_features : int, default=None
        How many there are in all.
    unit : str, default="coefficient"

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    CoefficientsDisplay.from_estimator : Of a fitted estimator.
    CoefficientsDisplay.from_cv_results : With their spread over folds.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_sagemaker import LinearLearnerRegressor
    >>> from sklearn_sagemaker.inspection import CoefficientsDisplay
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = LinearLearnerRegressor(random_state=0).fit(X, y)
    >>> display = CoefficientsDisplay.from_estimator(model, max_features=3)
    >>> display.feature_names.tolist()
    ['bmi', 's5', 'bp']
    """

    def __init__(
        self,
        *,
        coefficients: np.ndarray,
        feature_names: np.ndarray,
        labels: list[Any] | None = None,
        n_features: int | None = None,
        unit: str = "coefficient",
    ):
        self.coefficients = coefficients
        self.feature_names = feature_names
        self.labels = labels
        self.n_features = n_features
        self.unit = unit

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        X=None,
        feature_names: Any = None,
        labels: Any = None,
        max_features: int = 20,
        ax=None,
    ) -> CoefficientsDisplay:
        """Draw the coefficients of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted; or a Pipeline that ends in one, or a search for one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            Rows, as the estimator takes them: coefficients are then drawn times the
            standard deviations of their features, by which those of different units
            compare. None draws them as they are, in units of the score per unit of
            the feature.
        feature_names : array-like of shape (n_features,), default=None
            None are those of the estimator, or of the steps before it.
        labels : array-like, default=None
            With more than two classes, those to draw; None draws the first 8.
        max_features : int, default=20
            The largest of all classes are drawn.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : CoefficientsDisplay

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        OptionalDependencyError
            If matplotlib is not installed.
        TypeError
            If there is no estimator of this package in it.
        ValueError
            If names or columns of X are not as many as features, a label is no class,
            or `max_features` is below one.

        Notes
        -----
        The weights of folds, by which a fit chooses its candidate, are not kept: see
        `from_cv_results` for their spread.
        """
        return cls._of([estimator], X, feature_names, labels, max_features, ax)

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        *,
        X=None,
        feature_names: Any = None,
        labels: Any = None,
        max_features: int = 20,
        ax=None,
    ) -> CoefficientsDisplay:
        """Draw coefficients and their spread over the folds of a cross-validation.

        Parameters
        ----------
        cv_results : dict
            Of scikit-learn's ``cross_validate(..., return_estimator=True)``.
        X, feature_names, labels, max_features, ax : object
            As of `from_estimator`.

        Returns
        -------
        display : CoefficientsDisplay

        Raises
        ------
        ValueError
            If there are no estimators; and as of `from_estimator`.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.model_selection import cross_validate
        >>> from sklearn_sagemaker import LinearLearnerRegressor
        >>> from sklearn_sagemaker.inspection import CoefficientsDisplay
        >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
        >>> model = LinearLearnerRegressor(random_state=0)
        >>> found = cross_validate(model, X, y, return_estimator=True)
        >>> CoefficientsDisplay.from_cv_results(found).coefficients.shape
        (5, 1, 10)
        """
        if "estimator" not in cv_results:
            raise ValueError(
                "cv_results has no estimators; pass return_estimator=True to "
                "cross_validate."
            )
        estimators = list(cv_results["estimator"])
        return cls._of(estimators, X, feature_names, labels, max_features, ax)

    @classmethod
    def _of(cls, estimators, X, feature_names, labels, max_features, ax):
        if not isinstance(max_features, int | np.integer) or max_features < 1:
            raise ValueError(
                f"max_features={max_features!r} must be a whole number of 1 or more."
            )
        model, before = model_in(estimators[0])
        names = names_of(model, before, feature_names)
        models = [model_in(one)[0] for one in estimators]
        shapes = {np.shape(np.atleast_2d(one.coef_)) for one in models}
        if len(shapes) > 1:
            raise ValueError(
                "The estimators have coefficients of different shapes "
                f"({', '.join(map(str, sorted(shapes)))}); pass those of one problem."
            )
        coef = np.stack([np.atleast_2d(one.coef_) for one in models]).astype(float)
        unit = "coefficient"
        if X is not None:
            rows = X if before is None else before.transform(X)
            coef = coef * deviations(model, rows)
            unit = "coefficient x standard deviation"
        shown = None
        if coef.shape[1] > 1:
            classes = model.classes_.tolist()
            shown = _shown(labels, classes)
            coef = coef[:, [classes.index(label) for label in shown]]
            if len(shown) < len(classes):
                unit += f", {len(shown)} of {len(classes)} classes"
        size = np.abs(coef.mean(axis=0)).max(axis=0)
        order = np.argsort(-size, kind="stable")[:max_features]
        display = cls(
            coefficients=coef[:, :, order],
            feature_names=names[order],
            labels=shown,
            n_features=coef.shape[2],
            unit=unit,
        )
        return display.plot(ax=ax)

    def _height(self) -> float | None:
        # As high as the names need.
        return 1.3 + 0.21 * len(self.feature_names)

    def _draw(self, ax: Any, own: bool) -> None:
        n = len(self.feature_names)
        places = np.arange(n)
        mean = self.coefficients.mean(axis=0)
        ax.axvline(0, color="0.4", linewidth=0.8)
        if self.labels is None:
            colours = np.where(mean[0] >= 0, BLUE, VERMILION)
            ax.barh(places, mean[0], color=colours, height=0.62)
        else:
            for place, label in enumerate(self.labels):
                ax.plot(
                    mean[place],
                    places,
                    MARKS[place],
                    color=COLOURS[place],
                    label=short_name(label, LONGEST),
                    alpha=0.9,
                )
        if len(self.coefficients) > 1:
            self._draw_folds(ax, places)
        ax.set_yticks(
            places, [short_name(name, LONGEST) for name in self.feature_names]
        )
        ax.set_ylim(n - 0.4, -0.6)
        some = ""
        if self.n_features is not None and self.n_features > n:
            some = f"\nthe {n} largest of {self.n_features:,}"
        ax.set_xlabel(f"{self.unit}{some}")
        ax.grid(axis="y", visible=False)
        legend_above(ax, 4)

    def _draw_folds(self, ax: Any, places: np.ndarray) -> None:
        n_models, n_outputs, _ = self.coefficients.shape
        for output in range(n_outputs):
            values = self.coefficients[:, output]
            colour = BLACK if self.labels is None else COLOURS[output]
            ax.hlines(places, values.min(axis=0), values.max(axis=0), color=colour,
                      linewidth=1)  # fmt: skip
            ax.plot(values.T, places, "|", color=colour, markersize=6)
        ax.plot([], [], "|-", color=BLACK, label=f"each of {n_models} fits")


def _shown(labels: Any, classes: list[Any]) -> list[Any]:
    """The classes to draw."""
    if labels is None:
        return classes[: len(MARKS)]
    for label in labels:
        if label not in classes:
            raise ValueError(
                f"labels has {label!r}, which is none of the classes {classes[:10]!r}."
            )
    if not 1 <= len(labels) <= len(MARKS):
        raise ValueError(
            f"labels has {len(labels)} classes, and there are {len(MARKS)} marks; pass "
            f"1 to {len(MARKS)} of them."
        )
    return list(labels)
