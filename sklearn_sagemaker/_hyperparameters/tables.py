"""The one table of hyperparameters of each algorithm: our side and SageMaker's.

Parameter constraints, docstrings, the tables in the docs, the command line and
the warnings about hyperparameters without effect are read from it.
"""

from __future__ import annotations

from sklearn_sagemaker._hyperparameters.entry import Hyperparameter
from sklearn_sagemaker._hyperparameters.factorization_machines import (
    FACTORIZATION_MACHINES,
)
from sklearn_sagemaker._hyperparameters.linear_learner import LINEAR_LEARNER

HYPERPARAMETERS: dict[str, tuple[Hyperparameter, ...]] = {
    "linear-learner": LINEAR_LEARNER,
    "factorization-machines": FACTORIZATION_MACHINES,
}
"""All hyperparameters by SageMaker's name of the algorithm."""


def hyperparameters_for(
    algorithm: str, predictor_types: tuple[str, ...]
) -> dict[str, Hyperparameter]:
    """Hyperparameters of an estimator that is one of these predictor types."""
    return {
        entry.name: entry
        for entry in HYPERPARAMETERS[algorithm]
        if set(entry.predictor_types) & set(predictor_types)
    }
