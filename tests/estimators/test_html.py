"""The diagrams that notebooks show, and what was chosen below them."""

import html
import re
from pathlib import Path

import numpy as np
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    load_artifact,
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


def rows_of(page):
    """The table below the diagram."""
    found = re.findall(r'<th scope="row"[^>]*>(.*?)</th><td[^>]*>(.*?)</td>', page)
    return {html.unescape(name): html.unescape(text) for name, text in found}


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_what_was_chosen_stands_below_the_diagram(cls):
    model = cls(random_state=0, epochs=2, mini_batch_size=20, num_models=2)
    assert rows_of(model._repr_html_()) == {}
    model.fit(X, Y)
    for page in (model._repr_html_(), model._repr_mimebundle_()["text/html"]):
        rows = rows_of(page)
        assert rows["model"].startswith(cls.__name__)
        assert rows["choice"].startswith(f"candidate {model.best_index_ + 1} of 2")
        score = model.candidates_["validation_score"][model.best_index_]
        assert f"of {score:.4g} on folds" in rows["why"]
        assert ("threshold" in rows) == hasattr(model, "threshold_")
    with sklearn.config_context(display="text"):
        assert list(model._repr_mimebundle_()) == ["text/plain"]


def test_why_it_is_not_the_highest_is_said():
    model = LinearLearnerClassifier(random_state=0).fit(X, Y)
    scores = model.candidates_["validation_score"]
    model.candidates_["validation_score"] = scores + 0.01 * (
        np.arange(len(scores)) != model.best_index_
    )
    why = rows_of(model._repr_html_())["why"]
    highest = model.candidates_["validation_score"].max()
    assert f"these rows do not tell it from the highest, {highest:.4g}" in why


def test_labels_are_text_on_the_page():
    model = LinearLearnerClassifier(random_state=0, cv=False, num_models=1)
    page = model.fit(X, np.where(Y, "<b>yes", "no"))._repr_html_()
    assert "<b>yes" not in page
    assert "&lt;b&gt;yes" in page


def test_a_model_of_the_service_says_what_it_lacks():
    model = load_artifact(
        Path(__file__).with_name("artifacts").joinpath("ll-adult.tar.gz")
    )
    rows = rows_of(model._repr_html_())
    assert rows["choice"].startswith("The model was read from an artifact, which holds")
    assert rows["threshold"].startswith("0.463 on the probability of 1")
