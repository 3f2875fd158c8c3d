"""What ``"auto"`` became in a run of Linear Learner."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters.linear_learner import OF_STEPS, SOLVER
from sklearn_sagemaker.training.linear.candidates import SOLVED, Candidates
from sklearn_sagemaker.training.linear.settings import AUTO, LinearSettings
from sklearn_sagemaker.training.scaling import FeatureStatistics


def resolved(
    settings: LinearSettings,
    candidates: Candidates,
    statistics: FeatureStatistics,
    batch: int,
    epochs: int | None = None,
) -> dict[str, Any]:
    """Values of the hyperparameters that have an effect and that no candidate varies.

    Parameters
    ----------
    settings : LinearSettings
    candidates, statistics : object
        Of the run.
    batch, epochs : int
        What ``mini_batch_size`` and ``epochs`` became; None for a stream, and no
        epochs where candidates were solved.

    Returns
    -------
    resolved : dict
    """
    values = settings.values
    found = {name: values[name] for name in AUTO if name in values}
    found |= {
        "loss": settings.loss.name,
        "num_models": len(candidates),
        "mini_batch_size": batch,
        "bias_lr_mult": settings.bias_lr_mult(statistics),
        "unbias_data": settings.shifts_features(statistics),
    }
    if epochs == 0:
        found = {name: found[name] for name in found if name not in OF_STEPS}
        found["optimizer"] = SOLVER
    elif epochs is None:
        del found["early_stopping_patience"]
    else:
        found["epochs"] = epochs
        if settings.patient and np.isin(candidates.schedule, ("cosine", SOLVED)).all():
            found["early_stopping_patience"] = epochs
    if settings.spec.resume is None and epochs != 0:
        start = values["init_method"]
        found["init_method"] = "zeros" if start == "auto" else start
    if settings.regression:
        found["normalize_label"] = settings.scales_labels
        found["unbias_label"] = settings.centres_labels
    if settings.binary:
        found["positive_example_weight_mult"] = settings.positive_weight
    return settings.effective(found, optimizer=found["optimizer"])
