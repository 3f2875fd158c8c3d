"""scikit-learn's checks of estimators whose fits run elsewhere, by what was written."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.backends import SubprocessBackend
from tests.backends.support import ThroughFiles
from tests.estimators.test_estimator_checks import STOCHASTIC

ESTIMATORS = [
    estimator(random_state=0, epochs=20, num_models=2, backend=ThroughFiles())
    for estimator in (
        LinearLearnerClassifier,
        LinearLearnerRegressor,
        FactorizationMachinesClassifier,
        FactorizationMachinesRegressor,
    )
]
# Weights and repeated rows: they fail for any backend, see the checks of local fits.
checks = parametrize_with_checks(
    ESTIMATORS, expected_failed_checks=lambda _: STOCHASTIC
)
NAMES, VALUES = checks.args

# The same bytes: what is left to see is that a process changes nothing.
A_FEW = {
    "check_classifiers_one_label_sample_weights",
    "check_dict_unchanged",
    "check_fit2d_1feature",
    "check_readonly_memmap_input",
}


@pytest.mark.filterwarnings(
    "ignore::sklearn_sagemaker.exceptions.InapplicableHyperparameterWarning"
)
@pytest.mark.parametrize(NAMES, list(VALUES), **checks.kwargs)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=check.func.__name__)
        for estimator, check in (getattr(one, "values", one) for one in VALUES)
        if isinstance(estimator, LinearLearnerClassifier)
        and check.func.__name__ in A_FEW
    ],
)
def test_a_few_checks_in_a_process(estimator, check):
    check(estimator.set_params(backend=SubprocessBackend()))
