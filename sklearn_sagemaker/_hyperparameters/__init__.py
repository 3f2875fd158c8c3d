"""The one table of hyperparameters: our side and SageMaker's.

Parameter constraints, docstrings, the tables in the docs, the command line and
the warnings about hyperparameters without effect are read from it.
"""

from __future__ import annotations

from sklearn_sagemaker._hyperparameters.applicability import (
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
from sklearn_sagemaker._hyperparameters.factorization_machines import (
    FACTORIZATION_MACHINES,
)
from sklearn_sagemaker._hyperparameters.linear_learner import LINEAR_LEARNER

__all__ = [
    "ALL",
    "AUTO_OPTIMIZER",
    "BINARY",
    "CLASSIFIERS",
    "HYPERPARAMETERS",
    "MULTICLASS",
    "REGRESSOR",
    "Hyperparameter",
    "hyperparameters_for",
    "inapplicable",
    "plain",
    "warn_inapplicable",
    "warn_user",
]

HYPERPARAMETERS: dict[str, tuple[Hyperparameter, ...]] = {
    "linear-learner": LINEAR_LEARNER,
    "factorization-machines": FACTORIZATION_MACHINES,
}
"""All hyperparameters by SageMaker's name of the algorithm."""
AUTO_OPTIMIZER = {"linear-learner": "adam", "factorization-machines": "adagrad"}
"""What ``optimizer="auto"`` is."""


def hyperparameters_for(
    algorithm: str, predictor_types: tuple[str, ...]
) -> dict[str, Hyperparameter]:
    """Hyperparameters of an estimator that is one of these predictor types."""
    return {
        entry.name: entry
        for entry in HYPERPARAMETERS[algorithm]
        if set(entry.predictor_types) & set(predictor_types)
    }
