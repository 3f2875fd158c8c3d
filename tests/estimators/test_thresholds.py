"""Two classes: a score at the threshold is positive, in every place that has one."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score, precision_score, recall_score
from sklearn.model_selection import FixedThresholdClassifier

from sklearn_sagemaker import FactorizationMachinesClassifier, LinearLearnerClassifier

X, y = make_classification(300, 6, n_informative=4, weights=[0.7], random_state=0)
CRITERION = "binary_classifier_model_selection_criteria"
MODELS = {
    "logistic": LinearLearnerClassifier(epochs=5, num_models=2, random_state=0),
    "hinge": LinearLearnerClassifier(
        loss="hinge_loss", epochs=5, num_models=2, random_state=0
    ),
    "f1": LinearLearnerClassifier(
        epochs=5, num_models=2, random_state=0, **{CRITERION: "f1"}
    ),
    "fm": FactorizationMachinesClassifier(epochs=2, num_factors=2, random_state=0),
    "fm als": FactorizationMachinesClassifier(
        solver="als", epochs=2, num_factors=2, random_state=0
    ),
    "fm mcmc": FactorizationMachinesClassifier(
        solver="mcmc", epochs=4, num_factors=2, random_state=0
    ),
}


def scores_of(model, X):
    if hasattr(model, "predict_proba"):
        return model.predict_proba(X)[:, 1]
    return model.decision_function(X)


@pytest.mark.parametrize("name", MODELS)
def test_predict_and_metrics_count_a_score_at_the_threshold(name):
    model = MODELS[name].fit(X, y, X_val=X, y_val=y)
    called = model.predict(X)
    found = model.metrics_["validation"]
    assert found["binary_classification_accuracy"] == accuracy_score(y, called)
    if name.startswith("fm"):
        return
    assert found["precision"] == pytest.approx(precision_score(y, called))
    assert found["recall"] == pytest.approx(recall_score(y, called))


@pytest.mark.parametrize("name", MODELS)
def test_each_row_is_positive_at_its_own_score(name):
    model = MODELS[name].fit(X, y)
    scores = scores_of(model, X)
    method = "predict_proba" if name != "hinge" else "decision_function"
    for row in range(0, len(X), 7):
        model.threshold_ = float(scores[row])
        assert model.predict(X[row : row + 1]).tolist() == [1]
        np.testing.assert_array_equal(model.predict(X), scores >= scores[row])
        theirs = FixedThresholdClassifier(
            FrozenEstimator(model), threshold=scores[row], response_method=method
        ).fit(X, y)
        np.testing.assert_array_equal(model.predict(X), theirs.predict(X))
        model.threshold_ = float(np.nextafter(scores[row], np.inf))
        assert model.predict(X[row : row + 1]).tolist() == [0]


@pytest.mark.parametrize("name", ["logistic", "fm", "fm als"])
def test_a_probability_of_one_half_is_positive_by_default(name):
    """As SageMaker's factorization machines have it, whose threshold is fixed."""
    model = MODELS[name].fit(X, y)
    model.coef_, model.intercept_ = np.zeros_like(model.coef_), np.zeros(1)
    if hasattr(model, "factors_"):
        model.factors_ = np.zeros_like(model.factors_)
    model.threshold_ = 0.5
    assert (model.predict_proba(X) == 0.5).all()
    assert (model.predict(X) == 1).all()


@pytest.mark.parametrize(("name", "other"), [("logistic", "hinge"), ("hinge", "f1")])
def test_a_model_is_of_the_loss_that_it_was_trained_with(name, other):
    model = clone(MODELS[name]).fit(X, y)
    before, had = model.predict(X), hasattr(model, "predict_proba")
    model.set_params(loss=MODELS[other].loss)
    np.testing.assert_array_equal(model.predict(X), before)
    assert hasattr(model, "predict_proba") == had
    model.fit(X, y)
    assert hasattr(model, "predict_proba") != had
