"""A problem may have classes that no row of the data is of: a shard lacks some."""

import warnings
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker import FactorizationMachinesClassifier, LinearLearnerClassifier
from sklearn_sagemaker._hyperparameters import plain
from sklearn_sagemaker._state import TrainingData, TrainingSpec
from sklearn_sagemaker.backends import LocalBackend
from tests.backends.support import ThroughFiles, assert_same

RNG = np.random.default_rng(0)
ABSENT = 4
Y = np.delete(np.arange(10), ABSENT)[np.arange(180) % 9]
X = RNG.normal(scale=3, size=(10, 6))[Y] + RNG.normal(size=(180, 6))
NINE = {
    "linear": partial(LinearLearnerClassifier, num_models=4),
    "linear, balanced": partial(
        LinearLearnerClassifier, num_models=4, balance_multiclass_weights=True
    ),
    "linear, SageMaker's rules": partial(
        LinearLearnerClassifier.sagemaker_defaults,
        balance_multiclass_weights=True,
        mini_batch_size=10,
        num_models=4,
    ),
    "gradient": FactorizationMachinesClassifier,
    "als": partial(FactorizationMachinesClassifier, solver="als"),
    "mcmc": partial(FactorizationMachinesClassifier, solver="mcmc"),
}
FOLDS = tuple(
    (np.setdiff1d(np.arange(180), np.arange(k, k + 60)), np.arange(k, k + 60))
    for k in (0, 60, 120)
)
VALIDATION = {
    "automatic folds": {},
    "folds": {"cv": FOLDS},
    "hold-out": {"validation_fraction": 0.2},
    "none": {"cv": False},
    "class weights": {"class_weight": np.linspace(0.5, 2, 10)},
    "accuracy": {"multiclass_criterion": "accuracy", "ensemble_size": 2},
}


def margins(state):
    found = X @ state.coef.T + state.intercept
    if state.factors is not None:
        V = state.factors
        pairs = np.einsum("nd,odk->nok", X, V) ** 2
        pairs -= np.einsum("nd,odk->nok", X**2, V**2)
        found += pairs.sum(axis=2) / 2
    return found


@pytest.mark.parametrize("validation", VALIDATION)
@pytest.mark.parametrize("name", NINE)
def test_a_class_without_rows_has_an_output_and_never_wins(name, validation):
    model = NINE[name](epochs=10)
    spec = TrainingSpec(
        algorithm=model._algorithm,
        predictor_type="multiclass_classifier",
        hyperparameters={one: plain(getattr(model, one)) for one in model._table},
        classes=np.arange(10),
        **VALIDATION[validation],
    )
    for rows in (X, sp.csr_array(X)) if validation == "folds" else (X,):
        data = TrainingData(rows, Y.astype(float), np.ones(len(Y)))
        with warnings.catch_warnings(action="error"):
            state = LocalBackend().train(spec, data)
        np.testing.assert_array_equal(state.classes, np.arange(10))
        if validation == "none":
            assert_same(ThroughFiles().train(spec, data), state)
        assert state.coef.shape == (10, 6)
        found = margins(state)
        assert np.isfinite(found).all()
        answers = found.argmax(axis=1)
        assert not (answers == ABSENT).any()
        assert np.mean(answers == Y) > 0.8
        for metrics in state.metrics.values():
            assert np.isfinite(list(metrics.values())).all()
