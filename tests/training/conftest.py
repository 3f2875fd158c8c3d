"""Shared by the tests of the training run."""

from sklearn_sagemaker._hyperparameters import HYPERPARAMETERS


def hyperparameters(**changed):
    """Linear Learner's hyperparameters with our defaults, some of them changed."""
    values = {entry.name: entry.default for entry in HYPERPARAMETERS["linear-learner"]}
    assert set(changed) <= set(values)
    return {**values, **changed}
