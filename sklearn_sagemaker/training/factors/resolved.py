"""What ``"auto"`` became in a run of Factorization Machines."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker.training.factors.settings import AUTO, FactorSettings


def resolved(settings: FactorSettings, model: Any, n_models: int) -> dict[str, Any]:
    """Values of the hyperparameters that have an effect and that no candidate varies.

    Parameters
    ----------
    settings : FactorSettings
    model : GradientModel or SweepModels
        The one that is kept of the selected candidate.
    n_models : int
        Candidates.

    Returns
    -------
    resolved : dict
        Some of "als" and "mcmc" depend on the data, and are those of the model.
    """
    values = settings.values
    found = {name: values[name] for name in (*AUTO, "eps") if name in values}
    if settings.spec.stream or settings.pairs:
        del found["early_stopping_patience"]
    found["num_models"] = n_models
    found["clip_gradient"] = settings.clip
    found["rescale_grad"] = settings.rescale or 1.0 / values["mini_batch_size"]
    found["normalize_data"] = settings.flag("normalize_data", True)
    if settings.regression:
        found["normalize_label"] = settings.flag("normalize_label", True)
    if settings.spec.resume is None:
        gradient = settings.solver == "gradient"
        sigma = settings.init_sigma if gradient else model.init_sigma
        for group, auto in (("bias", 0.0), ("linear", 0.0), ("factors", sigma)):
            for name, size in (
                (f"{group}_init_sigma", auto),
                (f"{group}_init_scale", auto * np.sqrt(3.0)),
            ):
                found[name] = float(size) if values[name] == "auto" else values[name]
    if settings.solver == "als":
        found |= {
            name: decay
            for name, decay in model.decays().items()
            if values[name] == "auto"
        }
        if settings.pairs:
            found["num_query_features"] = model.num_query_features
    elif settings.solver == "mcmc":
        found["num_draws"] = model.num_draws
    return settings.effective(found)
