"""Precision, recall, F score and accuracy at every threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sklearn_sagemaker._compat import check_sample_weight
from sklearn_sagemaker.inspection._axes import (
    BLACK,
    BLUE,
    GREEN,
    PURPLE,
    VERMILION,
    legend_above,
)
from sklearn_sagemaker.inspection._display import Display
from sklearn_sagemaker.inspection._models import model_in
from sklearn_sagemaker.training.selection.criteria import CRITERIA, confusion

MOST_POINTS = 2000
"""Points that a curve is drawn with; the data have them all."""
STYLES = {
    "precision": (BLUE, "-"),
    "recall": (VERMILION, "--"),
    "f": (GREEN, "-."),
    "accuracy": (PURPLE, ":"),
}
CURVES = {
    "precision": CRITERIA["precision_at_target_recall"],
    "recall": CRITERIA["recall_at_target_precision"],
    "f": CRITERIA["f_beta"],
    "accuracy": CRITERIA["accuracy"],
}


class ThresholdDisplay(Display):
    """What every threshold gives, the one that is used, and the target it had.

    Parameters
    ----------
    thresholds : float64 ndarray of shape (n_thresholds,)
        Ascending; rows that score as much or more are called positive.
    precision, recall, f, accuracy : float64 ndarray of shape (n_thresholds,)
        On the rows, with their weights.
    threshold : float, default=None
        The one that is used.
    beta : float, default=1.0
        How many times as much recall counts as precision in the F score.
    target : tuple of (str, float), default=None
        Which of the curves had to reach what, such as ("recall", 0.9).
    score_name : str, default="score"
    n_rows : int, default=None

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    ThresholdDisplay.from_estimator : Of a fitted classifier, on some rows.
    ThresholdDisplay.from_predictions : Of scores.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn_sagemaker import LinearLearnerClassifier
    >>> from sklearn_sagemaker.inspection import ThresholdDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LinearLearnerClassifier(
    ...     binary_classifier_model_selection_criteria="precision_at_target_recall",
    ...     target_recall=0.95,
    ...     random_state=0,
    ... ).fit(X[:400], y[:400])
    >>> display = ThresholdDisplay.from_estimator(model, X[400:], y[400:])
    >>> display.target
    ('recall', 0.95)
    >>> sorted(display.at(model.threshold_))
    ['accuracy', 'f', 'precision', 'recall']
    """

    def __init__(
        self,
        *,
        thresholds: np.ndarray,
        precision: np.ndarray,
        recall: np.ndarray,
        f: np.ndarray,
        accuracy: np.ndarray,
        threshold: float | None = None,
        beta: float = 1.0,
        target: tuple[str, float] | None = None,
        score_name: str = "score",
        n_rows: int | None = None,
    ):
        self.thresholds = thresholds
        self.precision = precision
        self.recall = recall
        self.f = f
        self.accuracy = accuracy
        self.threshold = threshold
        self.beta = beta
        self.target = target
        self.score_name = score_name
        self.n_rows = n_rows

    @classmethod
    def from_estimator(
        cls, estimator: Any, X, y, *, sample_weight=None, ax=None
    ) -> ThresholdDisplay:
        """Draw what the thresholds of a fitted classifier give on some rows.

        Parameters
        ----------
        estimator : classifier of two classes
            Fitted; or a Pipeline that ends in one, or a search for one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows that it was not fitted on, better: an estimator keeps none.
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : ThresholdDisplay

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        OptionalDependencyError
            If matplotlib is not installed.
        TypeError
            If there is no estimator of this package in it.
        ValueError
            If it is no classifier of two classes.
        """
        model, _ = model_in(estimator)
        if not hasattr(model, "threshold_"):
            raise ValueError(
                f"This {type(model).__name__} has no threshold, as only classifiers of "
                "two classes do; CandidatesDisplay and CoefficientsDisplay take it."
            )
        positive = model.classes_[1]
        if hasattr(model, "predict_proba"):
            scores, name = (
                estimator.predict_proba(X)[:, 1],
                f"probability of {positive}",
            )
        else:
            scores, name = estimator.decision_function(X), f"score of {positive}"
        criterion = CRITERIA.get(
            getattr(model, "binary_classifier_model_selection_criteria", "accuracy")
        )
        target = None
        if criterion is not None and criterion.target is not None:
            which = str(criterion.parameter)
            target = (which.removeprefix("target_"), float(getattr(model, which)))
        return cls.from_predictions(
            y,
            scores,
            sample_weight=sample_weight,
            threshold=float(model.threshold_),
            pos_label=positive,
            beta=float(getattr(model, "f_beta", 1.0)),
            target=target,
            score_name=name,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_score,
        *,
        sample_weight=None,
        threshold: float | None = None,
        pos_label: Any = None,
        beta: float = 1.0,
        target: tuple[str, float] | None = None,
        score_name: str = "score",
        ax=None,
    ) -> ThresholdDisplay:
        """Draw what thresholds on some scores give.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
        y_score : array-like of shape (n_samples,)
            Probabilities, or other scores that are higher for the positive class.
        sample_weight : array-like of shape (n_samples,), default=None
        threshold : float, default=None
            The one to mark.
        pos_label : object, default=None
            The positive class; None is 1 for labels that are 0 and 1, or -1 and 1.
        beta, target, score_name : object
            As of the constructor.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : ThresholdDisplay

        Raises
        ------
        OptionalDependencyError
            If matplotlib is not installed.
        ValueError
            If there is no row with a weight, lengths differ, a score is not finite,
            or `pos_label` is None and the labels do not tell.
        """
        y_true, scores = column_or_1d(y_true), column_or_1d(y_score)
        scores = scores.astype(np.float64)
        check_consistent_length(y_true, scores)
        if not np.isfinite(scores).all():
            raise ValueError("y_score has values that are not finite; drop such rows.")
        weights = check_sample_weight(sample_weight, scores, dtype=np.float64)
        present = weights > 0
        if not present.any():
            raise ValueError("No row has a weight above zero; pass at least one.")
        if pos_label is None:
            if not set(np.unique(y_true)) <= {-1, 0, 1} or y_true.dtype.kind in "OUS":
                raise ValueError(
                    "pos_label=None, and y_true has other labels than 0 and 1; say "
                    "which one is positive."
                )
            pos_label = 1
        positive = (y_true == pos_label).astype(np.float64)
        counts = confusion(scores[present], positive[present], weights[present])
        curves = {
            name: one.curve(counts, beta)[:0:-1]
            for name, one in CURVES.items()
            if one.curve is not None
        }
        display = cls(
            thresholds=counts.scores[::-1],
            threshold=threshold,
            beta=beta,
            target=target,
            score_name=score_name,
            n_rows=int(present.sum()),
            **curves,
        )
        return display.plot(ax=ax)

    def at(self, threshold: float) -> dict[str, float]:
        """What a threshold gives.

        Parameters
        ----------
        threshold : float

        Returns
        -------
        values : dict of str to float
            With the keys "precision", "recall", "f" and "accuracy"; NaN if no row
            scores as much.
        """
        place = int(np.searchsorted(self.thresholds, threshold))
        if place == len(self.thresholds):
            return dict.fromkeys(STYLES, float("nan"))
        return {name: float(getattr(self, name)[place]) for name in STYLES}

    def _draw(self, ax: Any, own: bool) -> None:
        n = len(self.thresholds)
        some = np.unique(np.linspace(0, n - 1, min(n, MOST_POINTS)).astype(int))
        here = None if self.threshold is None else self.at(self.threshold)
        for name, (colour, style) in STYLES.items():
            title = f"F{self.beta:g}" if name == "f" else name
            label = title if here is None else f"{title} {here[name]:.3f}"
            ax.plot(self.thresholds[some], getattr(self, name)[some], style,
                    color=colour, drawstyle="steps-pre", label=label)  # fmt: skip
        if self.threshold is not None and here is not None:
            ax.axvline(self.threshold, color=BLACK, linewidth=1,
                       label=f"threshold {self.threshold:.4g}")  # fmt: skip
            for name, value in here.items():
                ax.plot(self.threshold, value, "o", color=STYLES[name][0])
        if self.target is not None:
            name, value = self.target
            ax.axhline(
                value, color=STYLES[name][0], linewidth=1, alpha=0.6,
                linestyle=(0, (1, 3)), label=f"target: {name} {value:g}",
            )  # fmt: skip
        rows = "" if self.n_rows is None else f", on {self.n_rows:,} rows"
        ax.set_xlabel(f"threshold on the {self.score_name}{rows}")
        ax.set_ylim(-0.02, 1.02)
        legend_above(ax, 3)
