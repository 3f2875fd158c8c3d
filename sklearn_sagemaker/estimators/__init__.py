"""The estimators."""

from sklearn_sagemaker.estimators._factorization_machines import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
)
from sklearn_sagemaker.estimators._linear_learner import (
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)

__all__ = [
    "FactorizationMachinesClassifier",
    "FactorizationMachinesRegressor",
    "LinearLearnerClassifier",
    "LinearLearnerRegressor",
]
