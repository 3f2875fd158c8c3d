"""The diagrams that notebooks show."""

import re

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)

ESTIMATORS = [
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
]
X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)


def alone(model):
    return model


def pipeline(model):
    return make_pipeline(StandardScaler(), model)


def search(model):
    return GridSearchCV(model, {"epochs": [1, 2]}, cv=2)


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("inside", [alone, pipeline, search])
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_diagram(cls, inside, fitted):
    model = inside(cls(random_state=0, epochs=1, mini_batch_size=20))
    if fitted:
        model.fit(X, Y)
    page = model._repr_html_()
    assert f">{cls.__name__}<" in page
    assert 'class="sk-top-container' in page
    assert ('class="sk-estimator fitted' in page) == fitted
    # Pages about these classes are not on the web, so nothing leads to one.
    for link in re.findall(r'href="([^"]*)"', page):
        assert link.startswith("https://scikit-learn.org/")
        assert cls.__name__ not in link
