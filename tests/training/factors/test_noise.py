"""Least ridges that keep noise out of the factors."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit

from sklearn_sagemaker import FactorizationMachinesClassifier
from sklearn_sagemaker.training.factors.columns import ColumnStore
from sklearn_sagemaker.training.factors.noise import NoiseFloor
from tests.training.factors.test_growth import scores


def test_the_bound_is_the_size_of_a_matrix_of_noise():
    rng = np.random.default_rng(0)
    n, users = 4000, 50
    user, number = rng.integers(users, size=n), rng.normal(size=n)
    one_hot = sp.csr_matrix((np.ones(n), (np.arange(n), user)), shape=(n, users))
    X = sp.csr_matrix(sp.hstack([one_hot, number[:, None]]))
    groups = np.repeat([0, 1], [users, 1])
    floor = NoiseFloor(ColumnStore(X, np.arange(n)), np.ones(n), groups, 2, noise=0.25)
    raised = floor.raised(np.array([[3.0], [2.0]]))
    assert raised[0, 0] == 3.0
    errors = 0.5 * rng.normal(size=n)
    sums = one_hot.T @ (number * errors)
    # One column, whose only singular value is its length.
    assert np.sqrt(raised.prod()) == pytest.approx(np.linalg.norm(sums), rel=0.15)
    assert floor.raised(np.array([[3.0], [1e6]]))[1, 0] == 1e6


@pytest.mark.parametrize("seed", [0, 2])
def test_least_squares_find_factors_of_clicks_beside_a_column_of_noise(seed):
    rng = np.random.default_rng(seed)
    X, f = scores(rng, 4000, 120, 90, 1.3)
    X = sp.csr_matrix(sp.hstack([X, rng.normal(size=(4000, 1))]))
    y = (rng.random(4000) < expit(1.5 * f)).astype(int)
    model = FactorizationMachinesClassifier(solver="als", random_state=0)
    model.fit(X[:3200], y[:3200], X_val=X[3200:], y_val=y[3200:])
    # Factors held down are the linear model, which the first sweeps find.
    assert model.validation_curve_.min() < 0.95 * model.validation_curve_[:8].min()
