"""What we choose for a job of the built-in Linear Learner, where it has no "auto"."""

from __future__ import annotations

from typing import Any

from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.schedule import plan_updates


def container_choices(spec: TrainingSpec, n_rows: int) -> dict[str, Any]:
    """What "auto" becomes in a job.

    Parameters
    ----------
    spec : TrainingSpec
    n_rows : int
        Rows that train.

    Returns
    -------
    choices : dict
        Values of the hyperparameters that the container wants as numbers or names.
    """
    values = LinearSettings(spec).values
    batch, epochs = plan_updates(n_rows, values["mini_batch_size"], values["epochs"])
    # The container cannot start from zeros.
    start = values["init_method"]
    return {
        "mini_batch_size": batch,
        "epochs": epochs,
        "early_stopping_patience": values["early_stopping_patience"],
        "init_method": "uniform" if start == "auto" else start,
    }
