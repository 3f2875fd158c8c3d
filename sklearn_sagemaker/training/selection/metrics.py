"""SageMaker's metrics of a fitted model, by SageMaker's names."""

from __future__ import annotations

import numpy as np

from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker._kernels.decision import binary_score, is_positive
from sklearn_sagemaker.training.selection.criteria import confusion, f_score, ratio
from sklearn_sagemaker.training.weights import near_one

METRICS: dict[str, tuple[str, ...]] = {
    "binary_classifier": (
        "objective_loss",
        "binary_classification_accuracy",
        "binary_f_beta",
        "precision",
        "recall",
        "roc_auc_score",
    ),
    "multiclass_classifier": (
        "objective_loss",
        "multiclass_accuracy",
        "multiclass_top_k_accuracy",
        "dcg",
        "macro_recall",
        "macro_precision",
        "macro_f_beta",
        "multiclass_balanced_accuracy",
        "multiclass_log_loss",
    ),
    "regressor": ("objective_loss", "mse", "rmse", "absolute_loss"),
}
"""Names of the metrics of each predictor type, in the order they are reported."""

CHUNK_MARGINS = 1 << 17
"""Margins that the metrics of regression and of several classes work on at a time."""


def linear_metrics(
    predictor_type: str,
    loss_name: str,
    loss_parameter: float,
    margins: np.ndarray,
    y: np.ndarray,
    loss_weights: np.ndarray,
    weights: np.ndarray,
    *,
    cut: float = 0.0,
    f_beta: float = 1.0,
    accuracy_top_k: int = 3,
) -> dict[str, float]:
    """SageMaker's metrics of a linear model on some rows.

    Every metric is weighted; a row of zero weight is absent. A ratio whose
    denominator is zero is 0, as with scikit-learn's ``zero_division=0``.

    Parameters
    ----------
    predictor_type : str
    loss_name : str
        A name in ``LOSSES``.
    loss_parameter : float
        The loss's own parameter, in the units of `y`.
    margins : float64 array of shape (n, n_outputs)
        In the units of `y`: one output, or one for each class.
    y : float64 array of shape (n,)
        0 or 1, index of the class, or the number to predict.
    loss_weights, weights : float64 arrays of shape (n,)
        Weights of the rows in ``objective_loss``, and in all else. The same rows
        have a weight above zero in both.
    cut : float
        Margin whose score is the threshold (two classes).
    f_beta : float
        How many times as much recall counts as precision in the F score.
    accuracy_top_k : int
        The top-k accuracy counts rows whose class is among the k highest margins.

    Returns
    -------
    metrics : dict of str to float
        With the names in ``METRICS[predictor_type]``:

        * ``objective_loss``: mean loss, without penalties.
        * ``roc_auc_score``: NaN if the rows are all of one class.
        * ``dcg``: mean discounted cumulative gain of the classes ranked by margin,
          where the true class has relevance 1 and the others 0; that is
          ``1 / log2(1 + rank)`` with ranks from 1, between 0 and 1.
        * ``macro_recall``, ``macro_precision``, ``macro_f_beta``: means over the
          classes that some row has or is predicted to have, as scikit-learn's.
        * ``multiclass_balanced_accuracy``: mean recall of the classes that some
          row has.
        * ``multiclass_log_loss``: the softmax loss with `weights`.

        Among equal margins the class that comes first ranks first, as it does in
        a prediction.

    Raises
    ------
    ValueError
        If no row has a weight above zero.
    """
    present = (weights > 0) & (loss_weights > 0)
    if not present.any():
        raise ValueError(
            f"None of the {len(weights)} rows has a weight above zero, so there is "
            "nothing to measure; pass at least one such row."
        )
    if not present.all():
        margins, y = margins[present], y[present]
        loss_weights, weights = loss_weights[present], weights[present]
    loss_weights, weights = near_one(loss_weights), near_one(weights)
    loss = LOSSES[loss_name]
    if predictor_type == "multiclass_classifier":
        return _multiclass(
            loss, loss_parameter, margins, y, loss_weights, weights, f_beta,
            accuracy_top_k,
        )  # fmt: skip
    margins = margins[:, 0]
    if predictor_type == "regressor":
        return _regression(loss, loss_parameter, margins, y, loss_weights, weights)
    objective = _mean(loss.value(margins, y, loss_parameter), loss_weights)
    called = is_positive(margins, binary_score(cut, loss.link), loss.link)
    return {"objective_loss": objective, **_binary(margins, y, weights, called, f_beta)}


def _regression(loss, parameter, margins, y, loss_weights, weights):
    # Piece by piece: many rows make long temporary arrays.
    objective, square, size = 0.0, 0.0, 0.0
    for start in range(0, len(y), CHUNK_MARGINS):
        rows = slice(start, start + CHUNK_MARGINS)
        error = margins[rows] - y[rows]
        objective += loss_weights[rows] @ loss.value(margins[rows], y[rows], parameter)
        square += weights[rows] @ error**2
        size += weights[rows] @ np.abs(error)
    total = weights.sum()
    return {
        "objective_loss": float(objective / loss_weights.sum()),
        "mse": float(square / total),
        "rmse": float(np.sqrt(square / total)),
        "absolute_loss": float(size / total),
    }


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    return float(np.average(values, weights=weights))


def _binary(margins, y, weights, called, beta: float) -> dict[str, float]:
    positive = y > 0
    hits = weights[called & positive].sum()
    n_called, n_positive = weights[called].sum(), weights[positive].sum()
    one_class = positive.all() or not positive.any()
    return {
        "binary_classification_accuracy": _mean(called == positive, weights),
        "binary_f_beta": float(f_score(hits, n_called, n_positive, beta)),
        "precision": float(ratio(hits, n_called)),
        "recall": float(ratio(hits, n_positive)),
        "roc_auc_score": float("nan") if one_class else _area(margins, y, weights),
    }


def _area(margins, y, weights) -> float:
    """Area under the ROC curve; scikit-learn's takes longer than a pass of training."""
    counts = confusion(margins, y, weights)
    height = counts.true_positive[1:] + counts.true_positive[:-1]
    area = 0.5 * (height @ np.diff(counts.false_positive))
    return float(area / (counts.positive * counts.negative))


def _multiclass(
    loss, parameter, margins, y, loss_weights, weights, beta, top_k
) -> dict[str, float]:
    n, n_classes = margins.shape
    truth = y.astype(np.intp)
    rank = np.empty(n, dtype=np.intp)
    predicted = np.empty(n, dtype=np.intp)
    value = np.empty(n)
    size = max(1, CHUNK_MARGINS // n_classes)
    for start in range(0, n, size):
        rows = slice(start, start + size)
        rank[rows] = _rank(margins[rows], truth[rows])
        predicted[rows] = margins[rows].argmax(axis=1)
        value[rows] = loss.value(margins[rows], truth[rows], parameter)
    right = predicted == truth
    hits = np.bincount(truth[right], weights[right], n_classes)
    true = np.bincount(truth, weights, n_classes)
    called = np.bincount(predicted, weights, n_classes)
    recall = ratio(hits, true)
    seen = (true > 0) | (called > 0)
    return {
        "objective_loss": _mean(value, loss_weights),
        "multiclass_accuracy": _mean(right, weights),
        "multiclass_top_k_accuracy": _mean(rank < top_k, weights),
        "dcg": _mean(1.0 / np.log2(2.0 + rank), weights),
        "macro_recall": float(recall[seen].mean()),
        "macro_precision": float(ratio(hits, called)[seen].mean()),
        "macro_f_beta": float(f_score(hits, called, true, beta)[seen].mean()),
        "multiclass_balanced_accuracy": float(recall[true > 0].mean()),
        "multiclass_log_loss": _mean(value, weights),
    }


def _rank(margins: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How many classes rank above the true one; among equals the first is first."""
    own = np.take_along_axis(margins, truth[:, None], axis=1)
    above = np.count_nonzero(margins > own, axis=1)
    # Most rows have no tie, and the comparison of places costs as much again.
    equal = margins == own
    tied = np.flatnonzero(np.count_nonzero(equal, axis=1) > 1)
    places = np.arange(margins.shape[1])
    above[tied] += np.count_nonzero(equal[tied] & (places < truth[tied, None]), axis=1)
    return above
