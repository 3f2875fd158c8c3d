"""Sample weights of any size: only what they are to each other counts."""

import numpy as np
import pytest

from sklearn_sagemaker._state import TrainingData
from sklearn_sagemaker.training.selection.criteria import CRITERIA, calibrate
from sklearn_sagemaker.training.selection.metrics import linear_metrics
from sklearn_sagemaker.training.weights import LEAST, MOST, comparable, near_one

SIZES = [-1060, -600, -100, 0, 100, 600, 1020]
RNG = np.random.default_rng(0)
W = RNG.uniform(0.5, 2.0, 40)


@pytest.mark.parametrize("size", [-60, -1, 0, 7, 59])
def test_weights_of_a_usual_size_stay_as_they_are(size):
    weights = np.ldexp(W, size)
    assert near_one(weights) is weights


@pytest.mark.parametrize("size", [-600, -100, 100, 600, 1020])
def test_weights_keep_their_digits(size):
    found = near_one(np.ldexp(W, size))
    np.testing.assert_array_equal(found / found[0], W / W[0])
    assert 1.0 <= found.max() < 2.0


def test_absent_rows_stay_absent_and_no_other_becomes_so():
    weights = np.array([0.0, 5e-324, 1.0, 1e180])
    found = near_one(weights)
    assert found[0] == 0.0
    assert (found[1:] >= LEAST).all()
    assert (np.diff(found) >= 0).all()
    assert near_one(np.array([1e300]), exponent=600)[0] == MOST
    assert near_one(np.zeros(3)).tolist() == [0.0] * 3


def test_training_and_validation_are_scaled_each_by_itself():
    ones = np.ones(2)
    X = np.zeros((2, 1))
    data = TrainingData(X, ones, 1e200 * ones, X, ones, 1e-200 * ones)
    found = comparable(data)
    assert 1 <= found.sample_weight[0] < 2
    assert 1 <= found.sample_weight_val[0] < 2
    assert comparable(TrainingData(X, ones, ones)).sample_weight_val is None


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("kind", "loss", "n_outputs"),
    [
        ("binary_classifier", "logistic", 1),
        ("multiclass_classifier", "softmax_loss", 3),
        ("regressor", "squared_loss", 1),
    ],
)
def test_metrics_do_not_depend_on_the_size_of_weights(kind, loss, n_outputs, size):
    rng = np.random.default_rng(1)
    margins = rng.normal(size=(40, n_outputs))
    y = rng.integers(0, max(2, n_outputs), 40).astype(float)
    expected = linear_metrics(kind, loss, 0.0, margins, y, W, W)
    found = linear_metrics(
        kind, loss, 0.0, margins, y, np.ldexp(W, size), np.ldexp(W, size)
    )
    assert np.isfinite(list(found.values())).all()
    np.testing.assert_allclose(
        list(found.values()), list(expected.values()), rtol=1e-2 if size < -1000 else 0
    )


@pytest.mark.parametrize("size", SIZES[1:])
@pytest.mark.parametrize(
    "name", [name for name, criterion in CRITERIA.items() if criterion.curve]
)
def test_thresholds_do_not_depend_on_the_size_of_weights(name, size):
    rng = np.random.default_rng(2)
    margins = rng.normal(size=40)
    y = (margins + rng.normal(size=40) > 0.3).astype(float)
    expected = calibrate(CRITERIA[name], margins, y, W, 0.8)
    assert calibrate(CRITERIA[name], margins, y, np.ldexp(W, size), 0.8) == expected
