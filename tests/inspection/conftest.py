"""What the tests of the displays share: models, fitted once."""

from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from sklearn_sagemaker import (
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)

mpl.use("agg")


@pytest.fixture(autouse=True)
def closed():
    """Every test leaves no figure."""
    yield
    plt.close("all")


def _rows(n=120, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 4)), columns=["a", "b", "c", "d"])
    X["b"] *= 1000
    score = 2 * X["a"] - X["b"] / 1000 + 0.7 * rng.normal(size=n)
    return X, score


@pytest.fixture(scope="session")
def models():
    """Rows, and models that were fitted to them in several ways."""
    X, score = _rows()
    y = np.where(score > 0, "yes", "no")
    steps = {"optimizer": "adam", "random_state": 0, "num_models": 6}
    return SimpleNamespace(
        X=X,
        y=y,
        score=score,
        solved=LinearLearnerClassifier(random_state=0, cv=3).fit(X, y),
        steps=LinearLearnerClassifier(
            epochs=12, early_stopping_patience=2, cv=3, **steps
        ).fit(X, y),
        target=LinearLearnerClassifier(
            random_state=0,
            cv=3,
            binary_classifier_model_selection_criteria="precision_at_target_recall",
            target_recall=0.9,
        ).fit(X, y),
        regressor=LinearLearnerRegressor(random_state=0, cv=3).fit(X, score),
        stream=LinearLearnerRegressor(random_state=0).partial_fit(X, score),
        several=LinearLearnerClassifier(random_state=0, cv=3).fit(
            X, np.digitize(score, [-1, 1])
        ),
        factors=FactorizationMachinesRegressor(
            random_state=0, num_models=1, epochs=3, num_factors=3, cv=False
        ).fit(X[["a", "c", "d"]], score),
    )
