"""Draws of "mcmc" in memory: what all have of a feature lies together."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker import FactorizationMachinesRegressor
from sklearn_sagemaker._kernels.prediction import DrawMean, mean_margins


@pytest.mark.parametrize("width", [30, 40_000])
def test_draws_lie_by_feature_and_say_the_same(width):
    rng = np.random.default_rng(0)
    columns = np.tile(np.arange(30) * (width // 30), 60)
    indptr = np.arange(0, 1801, 30)
    X = sp.csr_matrix((rng.normal(size=1800), columns, indptr), shape=(60, width))
    y = rng.normal(size=60)
    model = FactorizationMachinesRegressor(
        solver="mcmc", num_factors=3, epochs=10, cv=False, random_state=0
    ).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    for one in (model, again):
        factors = vars(one)["draws_"]["factors"]
        assert factors.transpose(2, 0, 1, 3).flags.c_contiguous
    draws = model.draws_
    by_hand = []
    for b, w, v in zip(
        draws["intercept"][:, 0],
        draws["coef"][:, 0],
        draws["factors"][:, 0],
        strict=True,
    ):
        v = v.astype(float)
        pairs = (X @ v) ** 2 - X.power(2) @ v**2
        by_hand.append(b + X @ w + pairs.sum(axis=1) / 2)
    predicted = model.predict(X)
    np.testing.assert_allclose(
        predicted, np.mean(by_hand, axis=0), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_array_equal(predicted, again.predict(X))
    np.testing.assert_array_equal(predicted[:1], model.predict(X[:1]))


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("probit", [False, True])
def test_draws_at_once_are_draws_in_turn(n_outputs, probit):
    scores = np.random.default_rng(0).normal(size=(5, 7, n_outputs), scale=20)
    for count in (1, 7):
        in_turn = DrawMean(probit)
        for draw in range(count):
            in_turn.add(scores[:, draw : draw + 1])
        found = mean_margins(scores[:, :count], probit)
        np.testing.assert_allclose(found, in_turn.margins(), rtol=1e-12)
        assert np.isfinite(found).all()
