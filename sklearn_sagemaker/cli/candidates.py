"""The candidates of a fitted estimator, as a table of text."""

from __future__ import annotations

from typing import Any

from sklearn_sagemaker.cli.text import count, number, table

VALIDATION = {
    "given": "the validation rows",
    "folds": "folds of the training rows, each left out in turn",
    "hold-out": "a share of the training rows, held out",
    "training": "the training rows themselves, for want of others",
}

COLUMNS = {
    "learning_rate": "learning|rate",
    "wd": "wd",
    "l1": "l1",
    "scaling": "scaling",
    "schedule": "schedule",
    "num_factors": "factors",
    "linear_lr": "linear|lr",
    "factors_lr": "factors|lr",
    "linear_wd": "linear|wd",
    "factors_wd": "factors|wd",
    "factors_boost": "wd|times",
}
"""Hyperparameters that candidates may differ in, and their heads. Each algorithm, and
each solver, has some of them."""

OF_STEPS = ("learning_rate", "schedule")
"""Those that candidates which are solved do not have."""
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
    resolved = estimator.resolved_params_
    if "epochs" not in resolved:
        return "each solved for its optimum"
    return f"up to {count(resolved['epochs'], 'epoch')}"


def candidates_table(estimator: Any, limit: int) -> str:
    """The best candidates, best first.

    Parameters
    ----------
    estimator : fitted estimator
    limit : int
        Candidates to show at most.
    """
    found = estimator.candidates_
    order = found["rank_validation_score"].argsort(kind="stable")[:limit]
    names = [name for name in COLUMNS if f"param_{name}" in found]
    if "epochs" not in estimator.resolved_params_:
        names = [name for name in names if name not in OF_STEPS]
    heads = ["rank", *(COLUMNS[name] for name in names), "best|epoch", "val.|loss"]
    score = score_name(estimator)
    # Where the score is the loss, one column says both.
    scored = not score.startswith("minus")
    heads += [f"val.|{score}"] if scored else []
    heads += ["threshold"] if "threshold" in found else []
    heads += ["status"]
    rows = []
    for place in order:
        row = [str(found["rank_validation_score"][place])]
        row += [number(found[f"param_{name}"][place], 3) for name in names]
        row += [str(found["best_epoch"][place])]
        row += [f"{found['validation_loss'][place]:.4g}"]
        row += [f"{found['validation_score'][place]:.4f}"] if scored else []
        row += [f"{found['threshold'][place]:.3f}"] if "threshold" in found else []
        rows.append([*row, str(found["status"][place]).replace("_stopped", " stop")])
    # All columns fit a terminal of 100, if only just.
    return table(heads, rows, indent="")
