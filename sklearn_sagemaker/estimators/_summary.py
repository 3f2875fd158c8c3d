"""What a fit chose and why, in a few words: for notebooks, reports and terminals."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker._texts import count, short
from sklearn_sagemaker.estimators._told import why_unknown

VALIDATION = {
    "given": "the validation rows",
    "folds": "folds of the training rows, each left out in turn",
    "hold-out": "a share of the training rows, held out",
    "training": "the training rows themselves, for want of others",
    "test-then-train": "the rows of the stream, each before it was trained on",
}

DIFFERENCES = (
    "learning_rate", "wd", "l1", "scaling", "schedule", "num_factors", "linear_lr",
    "factors_lr", "linear_wd", "factors_wd", "factors_boost", "axis_decay",
)  # fmt: skip
"""Hyperparameters that candidates may differ in, in the order they are shown. Each
algorithm, and each solver, has some of them."""

LOSSES = ("loss_function", "cross_entropy_loss")
"""Criteria that are the validation loss."""


def score_name(estimator: Any) -> str:
    """What `best_score_` and ``validation_score`` measure."""
    kind = "binary_classifier" if hasattr(estimator, "threshold_") else "multiclass"
    # A regressor has neither.
    name = getattr(estimator, f"{kind}_model_selection_criteria", LOSSES[0])
    return f"minus {estimator.resolved_params_['loss']}" if name in LOSSES else name


def effort(estimator: Any) -> str:
    """How far its candidates were trained."""
    epochs = estimator.resolved_params_.get("epochs")
    if epochs is None:
        return "each solved for its optimum"
    return f"up to {count(epochs, 'epoch')}"


def threshold_text(estimator: Any) -> str:
    """The threshold, and on what it is; for classifiers of two classes."""
    scale = "probability" if hasattr(estimator, "predict_proba") else "score"
    return (
        f"{estimator.threshold_:.4g} on the {scale} of {short(estimator.classes_[1])}"
    )


def summary(estimator: Any) -> list[tuple[str, str]]:
    """What was chosen and why.

    Parameters
    ----------
    estimator : fitted estimator

    Returns
    -------
    facts : list of (str, str)
        What each is, and it. What a model does not know is said.
    """
    facts = [("model", _kind(estimator))]
    table = getattr(estimator, "candidates_", None)
    if table is None:
        facts.append(("choice", f"{why_unknown(estimator, 'candidates')}."))
        facts += _given(estimator)
    else:
        facts += _choice(estimator, table)
    if hasattr(estimator, "threshold_"):
        facts.append(("threshold", _threshold(estimator)))
    facts += _losses(estimator)
    return facts


def _kind(estimator: Any) -> str:
    coef = np.atleast_2d(estimator.coef_)
    n_features = coef.shape[1]
    parts = [type(estimator).__name__]
    if hasattr(estimator, "classes_"):
        labels = [short(label) for label in estimator.classes_[:4]]
        more = ", ..." if len(estimator.classes_) > 4 else ""
        parts.append(f"{len(estimator.classes_)} classes ({', '.join(labels)}{more})")
    used = int(np.count_nonzero(coef.any(axis=0)))
    features = count(n_features, "feature")
    parts.append(features + ("" if used == n_features else f", {used:,} with a weight"))
    if hasattr(estimator, "factors_"):
        parts.append(f"{np.shape(estimator.factors_)[-1]} factors")
    return "; ".join(parts)


def _settings(params: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in params.items()
    )


def _given(estimator: Any) -> list[tuple[str, str]]:
    """What an artifact or a job says of its settings."""
    params = getattr(estimator, "best_params_", None)
    return [("settings", _settings(params))] if params else []


def _choice(estimator: Any, table: dict[str, Any]) -> list[tuple[str, str]]:
    scores, best = table["validation_score"], int(estimator.best_index_)
    total, resolved = len(scores), estimator.resolved_params_
    members = min(int(getattr(estimator, "ensemble_size", 1)), total)
    chosen = f"candidate {best + 1} of {total}, {effort(estimator)}"
    if "epochs" in resolved:
        chosen += f"; kept is epoch {table['best_epoch'][best]}"
    if members > 1:
        chosen += f"; the mean of it and of up to {members - 1} more"
    name, rows = score_name(estimator), VALIDATION[resolved["validation"]]
    # Of an ensemble the score is its own.
    mine, highest = float(scores[best]), float(np.max(scores[np.isfinite(scores)]))
    why = f"{name} of {mine:.4g} on {rows}"
    if total == 1:
        why += "; there was no other"
    elif mine >= highest:
        why += "; the highest"
    else:
        why += f"; these rows do not tell it from the highest, {highest:.4g}"
    gone = int(np.count_nonzero(table["status"] == "diverged"))
    facts = [("choice", chosen), ("settings", _settings(estimator.best_params_))]
    facts.append(("why", why))
    if gone:
        facts.append(("diverged", f"{gone} of {total} candidates"))
    return facts


def _threshold(estimator: Any) -> str:
    text = threshold_text(estimator)
    criterion = getattr(estimator, "binary_classifier_model_selection_criteria", None)
    found = estimator.metrics_.get("validation", {})
    if criterion and "_at_target_" in criterion:
        name = criterion.partition("_at_")[2]
        text += f", for {name}={getattr(estimator, name):g}"
    if "precision" in found and "recall" in found:
        text += (
            f": precision {found['precision']:.3f} and recall {found['recall']:.3f} "
            "on the validation rows"
        )
    return text


def _losses(estimator: Any) -> list[tuple[str, str]]:
    """Losses that are known, as the first metric of each part of the rows."""
    found = []
    for part, metrics in estimator.metrics_.items():
        if metrics:
            name, value = next(iter(metrics.items()))
            found.append(f"{part} {value:.4g} ({name})")
    return [("loss", "; ".join(found))] if found else []
