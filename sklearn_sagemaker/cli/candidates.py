"""The candidates of a fitted estimator, as a table of text."""

from __future__ import annotations

from typing import Any

from sklearn_sagemaker.cli.text import number, table

HEADS = {
    "learning_rate": "learning|rate",
    "num_factors": "factors",
    "linear_lr": "linear|lr",
    "factors_lr": "factors|lr",
    "linear_wd": "linear|wd",
    "factors_wd": "factors|wd",
    "factors_boost": "wd|times",
    "axis_decay": "axis|decay",
}
"""Heads of hyperparameters whose names are too long for one."""

OF_STEPS = ("learning_rate", "schedule")
"""Those that candidates which are solved do not have."""


def candidates_table(estimator: Any, limit: int) -> str:
    """The best candidates, best first.

    Parameters
    ----------
    estimator : fitted estimator
    limit : int
        Candidates to show at most.
    """
    from sklearn_sagemaker.estimators._summary import DIFFERENCES, score_name

    found = estimator.candidates_
    order = found["rank_validation_score"].argsort(kind="stable")[:limit]
    names = [name for name in DIFFERENCES if f"param_{name}" in found]
    if "epochs" not in estimator.resolved_params_:
        names = [name for name in names if name not in OF_STEPS]
    heads = [
        "rank",
        *(HEADS.get(name, name) for name in names),
        "best|epoch",
        "val.|loss",
    ]
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
