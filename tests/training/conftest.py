"""Shared by the tests of the training run."""

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._hyperparameters.tables import HYPERPARAMETERS
from sklearn_sagemaker._state import TrainingData, TrainingSpec
from sklearn_sagemaker.estimators._folds import row_numbers
from sklearn_sagemaker.training.linear.run import LinearRun

KINDS = {
    1: "regressor",
    2: "binary_classifier",
    3: "multiclass_classifier",
}
"""Predictor types by the number of classes that `problem` makes."""


def hyperparameters(**changed):
    """Linear Learner's hyperparameters with our defaults, some of them changed."""
    values = {entry.name: entry.default for entry in HYPERPARAMETERS["linear-learner"]}
    assert set(changed) <= set(values)
    return {**values, **changed}


def problem(n=300, d=6, sparse=False, classes=2, seed=0, noise=0.0):
    """Rows and labels: class indices, or numbers if ``classes`` is 1."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    if sparse:
        X *= rng.random((n, d)) < 0.3
    scores = X @ rng.normal(size=(d, classes)) + noise * rng.normal(size=(n, classes))
    y = 3.0 * scores[:, 0] + 7.0 if classes == 1 else scores.argmax(axis=1)
    return (sp.csr_array(X) if sparse else X), y.astype(float)


def linear_run(
    X,
    y,
    weights=None,
    *,
    classes=2,
    cv="auto",
    given=None,
    jobs=None,
    spec=None,
    **changed,
):
    """A run before its training; ``spec`` changes fields of the spec."""
    weights = np.ones(len(y)) if weights is None else weights
    given = given or (None, None, None)
    return LinearRun(
        TrainingSpec(
            "linear-learner",
            KINDS[min(classes, 3)],
            hyperparameters(**changed),
            np.arange(classes) if classes > 1 else None,
            row_numbers(cv, y, weights, classes > 1),
            n_jobs=jobs,
            **(spec or {}),
        ),
        TrainingData(X, y, weights, *given),
    )


def fit(X, y, weights=None, *, monitor=None, **settings):
    """The trained state of `linear_run`."""
    return linear_run(X, y, weights, **settings).train(monitor)


# One model, no scaling, no penalty, all rows in each step: every row counts alike and
# their order does not matter.
FULL_BATCH = {
    "normalize_data": False,
    "unbias_data": False,
    "wd": 0.0,
    "l1": 0.0,
    "num_models": 1,
    "mini_batch_size": 100_000,
    "early_stopping_patience": 100_000,
}
