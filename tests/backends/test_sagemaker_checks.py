"""scikit-learn's checks of estimators that train in SageMaker, by a double of it."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_sagemaker import (
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
)
from sklearn_sagemaker.backends import SageMakerBackend
from sklearn_sagemaker.sagemaker.training_access import Access
from tests.backends.cloud import ROLE, Cloud
from tests.estimators.test_estimator_checks import STOCHASTIC

BACKEND = SageMakerBackend(ROLE, image="example.com/sklearn-sagemaker:1", poll=0.01)
ESTIMATORS = [
    estimator(random_state=0, epochs=20, num_models=2, backend=BACKEND)
    for estimator in (LinearLearnerClassifier, FactorizationMachinesRegressor)
]

# They call partial_fit where there is one, and a job trains all rows at once.
NO_STREAMS = dict.fromkeys(
    (
        "check_estimators_partial_fit_n_features",
        "check_fit_score_takes_y",
        "check_n_features_in_after_fitting",
    ),
    "partial_fit is refused by the backend",
)


@pytest.fixture(autouse=True)
def cloud(monkeypatch):
    found = Cloud()
    monkeypatch.setattr(Access, "session", lambda self: found.session())


@pytest.mark.filterwarnings(
    "ignore::sklearn_sagemaker.exceptions.InapplicableHyperparameterWarning"
)
@parametrize_with_checks(
    ESTIMATORS, expected_failed_checks=lambda _: {**STOCHASTIC, **NO_STREAMS}
)
def test_estimator_checks(estimator, check):
    check(estimator)
