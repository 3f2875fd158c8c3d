"""What hyperparameters are, and the warnings about those without effect.

The tables of them, in `tables`, are not imported here: they need the kernels'
registries of losses and optimizers, and a help text needs neither.
"""

from __future__ import annotations

from sklearn_sagemaker._hyperparameters.applicability import (
    has_effect,
    inapplicable,
    plain,
    warn_inapplicable,
    warn_user,
)
from sklearn_sagemaker._hyperparameters.entry import (
    ALL,
    BINARY,
    CLASSIFIERS,
    MULTICLASS,
    REGRESSOR,
    Hyperparameter,
)

__all__ = [
    "ALL",
    "AUTO_OPTIMIZER",
    "BINARY",
    "CLASSIFIERS",
    "MULTICLASS",
    "REGRESSOR",
    "Hyperparameter",
    "has_effect",
    "inapplicable",
    "plain",
    "warn_inapplicable",
    "warn_user",
]

AUTO_OPTIMIZER = {"linear-learner": "adam", "factorization-machines": "adagrad"}
"""What ``optimizer="auto"`` is."""
