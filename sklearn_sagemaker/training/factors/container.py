"""What we choose for a job of the built-in Factorization Machines.

Its container has no "auto". It trains with Adam on mini-batches, scales neither
features nor labels, starts with a random intercept, and has no validation rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters.factorization_machines import (
    FACTORIZATION_MACHINES,
)
from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.training.factors.settings import INIT_SIGMA, FactorSettings
from sklearn_sagemaker.training.schedule import plan_updates

_THEIRS = {entry.name: entry.sagemaker_default for entry in FACTORIZATION_MACHINES}
_SIGMA = {
    "bias": _THEIRS["bias_init_sigma"],
    "linear": _THEIRS["linear_init_sigma"],
    "factors": INIT_SIGMA,
}


def container_choices(spec: TrainingSpec, n_rows: int) -> dict[str, Any]:
    """What "auto" becomes in a job.

    Rates, decays and factors are those of our gradient solver with Adam. It adds
    decays row by row; in a mini-batch, whose gradients are averaged, a rare feature
    has one row, so the decays are divided by as many.

    Parameters
    ----------
    spec : TrainingSpec
    n_rows : int
        Rows that train.

    Returns
    -------
    choices : dict
        Values of all hyperparameters that the container has no such default for.
    """
    given = {**spec.hyperparameters, "solver": "gradient", "optimizer": "adam"}
    settings = FactorSettings(replace(spec, hyperparameters=given))
    batch, epochs = plan_updates(n_rows, given["mini_batch_size"], given["epochs"])
    rescale = given["rescale_grad"]
    share = 1.0 / batch if rescale == "auto" else rescale
    # The decays of "auto" grow with the square of the values, here with the share.
    choices = settings.candidates(square=share).params(0)
    if given["bias_lr"] == "auto":
        # Small steps are for an intercept that starts at the best constant.
        choices["bias_lr"] = _THEIRS["bias_lr"]
    for group, sigma in _SIGMA.items():
        method = given[f"{group}_init_method"]
        name = f"{group}_init_{'scale' if method == 'uniform' else 'sigma'}"
        size = float(np.sqrt(3.0) * sigma) if method == "uniform" else sigma
        if method != "constant" and given[name] == "auto":
            choices[name] = float(f"{size:.6g}")
    return {
        **choices,
        "mini_batch_size": batch,
        "epochs": epochs,
        "bias_wd": settings.values["bias_wd"],
    }
