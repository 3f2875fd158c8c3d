"""The estimators."""

from sklearn_sagemaker.estimators._linear_learner import (
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)

__all__ = ["LinearLearnerClassifier", "LinearLearnerRegressor"]
