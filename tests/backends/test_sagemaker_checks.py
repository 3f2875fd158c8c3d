"""scikit-learn's checks of estimators that train in SageMaker.

All of them by a double of the service in this process, a few on the emulator.
"""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.backends import SageMakerBackend
from sklearn_sagemaker.sagemaker.training_access import Access
from sklearn_sagemaker.testing import SageMakerEmulator
from tests.backends.cloud import ROLE, Cloud
from tests.estimators.test_estimator_checks import STOCHASTIC

BACKEND = SageMakerBackend(ROLE, image="example.com/sklearn-sagemaker:1", poll=0.01)
ESTIMATORS = [
    estimator(random_state=0, epochs=20, num_models=2, backend=BACKEND)
    for estimator in (
        LinearLearnerClassifier,
        LinearLearnerRegressor,
        FactorizationMachinesClassifier,
        FactorizationMachinesRegressor,
    )
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


checks = parametrize_with_checks(
    ESTIMATORS, expected_failed_checks=lambda _: {**STOCHASTIC, **NO_STREAMS}
)
NAMES, VALUES = checks.args
ON_THE_EMULATOR = {
    "check_classifiers_one_label_sample_weights",
    "check_dict_unchanged",
    "check_estimators_nan_inf",
    "check_fit2d_1feature",
}
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_sagemaker.exceptions.InapplicableHyperparameterWarning"
)


@pytest.fixture
def cloud(monkeypatch):
    found = Cloud()
    monkeypatch.setattr(Access, "session", lambda self: found.session())


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(NAMES, list(VALUES), **checks.kwargs)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def emulator():
    with SageMakerEmulator(scale=0.0) as running:
        yield running


@pytest.mark.slow
@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=check.func.__name__)
        for estimator, check in (getattr(one, "values", one) for one in VALUES)
        if isinstance(estimator, LinearLearnerClassifier)
        and check.func.__name__ in ON_THE_EMULATOR
    ],
)
def test_a_few_checks_by_jobs(estimator, check):
    jobs = SageMakerBackend(image="sklearn-sagemaker", poll=0.05)
    check(estimator.set_params(backend=jobs))
