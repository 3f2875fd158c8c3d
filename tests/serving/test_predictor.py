"""A predictor answers exactly as its estimator."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import is_regressor

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.estimators._attributes import state_of
from sklearn_sagemaker.serving.predictor import Predictor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
Y = X @ [1, -2, 0.5, 0] + 0.3 * X[:, 0] * X[:, 1]
TWO, THREE = (Y > 0).astype(int), np.digitize(Y, [-1, 1])
TEXT = np.array(["low", "middle", "high"])[THREE]


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        (LinearLearnerClassifier(), TWO),
        (LinearLearnerClassifier(), TEXT),
        (LinearLearnerClassifier(loss="hinge_loss"), TWO),
        (LinearLearnerRegressor(), Y),
        (FactorizationMachinesClassifier(), TWO),
        (FactorizationMachinesClassifier(), TEXT),
        (FactorizationMachinesClassifier(solver="als"), TWO),
        (FactorizationMachinesClassifier(solver="mcmc"), THREE),
        (FactorizationMachinesRegressor(solver="mcmc"), Y),
    ],
)
def test_answers_are_those_of_the_estimator(estimator, y):
    estimator.set_params(epochs=3, random_state=0).fit(X, y)
    rows = X.astype(np.float32)
    for sent in (rows, sparse.csr_matrix(rows), X, rows[:1]):
        found = Predictor(state_of(estimator)).predict(sent)
        if is_regressor(estimator):
            scores = estimator.predict(sent)
            assert found.predicted_label is None
        else:
            labels = found.predicted_label
            # As endpoints write them: 1 and 1.0.
            assert labels.dtype.kind == ("f" if hasattr(estimator, "factors_") else "i")
            np.testing.assert_array_equal(
                estimator.classes_[labels.astype(int)], estimator.predict(sent)
            )
            if hasattr(estimator, "predict_proba"):
                scores = estimator.predict_proba(sent)
                scores = scores[:, 1] if scores.shape[1] == 2 else scores
            else:
                scores = estimator.decision_function(sent)
        np.testing.assert_array_equal(found.score, scores.astype(np.float32))
