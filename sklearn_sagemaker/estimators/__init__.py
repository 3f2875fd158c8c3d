"""The estimators."""

from sklearn_sagemaker.estimators._factorization_machines import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
)
from sklearn_sagemaker.estimators._intervals import IntervalRegressor
from sklearn_sagemaker.estimators._linear_learner import (
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.estimators._stored import TRUSTED_SKOPS_TYPES

__all__ = [
    "TRUSTED_SKOPS_TYPES",
    "FactorizationMachinesClassifier",
    "FactorizationMachinesRegressor",
    "IntervalRegressor",
    "LinearLearnerClassifier",
    "LinearLearnerRegressor",
]
