"""Streams whose first rows say little of the scales of features and labels."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker import FactorizationMachinesRegressor, LinearLearnerRegressor
from sklearn_sagemaker._kernels import FACTOR_CHOICES, RowReader
from sklearn_sagemaker.training.factors.following import FOLLOWED_ROWS, carry
from sklearn_sagemaker.training.factors.gradient import GradientModel, Scaler
from sklearn_sagemaker.training.factors.settings import FactorSettings

from .test_run import problem, spec_of

FIRST_CALLS = (1, 2, 50)


def pairs(n=700, d=5, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    y = X @ rng.normal(size=d) + X[:, 0] * X[:, 1] + 0.2 * rng.normal(size=n)
    return X, y


def streamed(X, y, first, model=None, n=500, passes=3):
    model = model or FactorizationMachinesRegressor(num_factors=8, random_state=0)
    for _ in range(passes):
        for start, stop in [(0, first)] + [
            (a, min(a + 50, n)) for a in range(first, n, 50)
        ]:
            model.partial_fit(X[start:stop], y[start:stop])
    return model.score(X[n:], y[n:])


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("estimator", ["machine", "linear"])
def test_units_origins_and_first_calls_change_little(estimator, sparse):
    X, y = pairs()
    if estimator == "linear":
        y = X @ np.arange(1.0, 6.0)
    X = sp.csr_array(X) if sparse else X
    found = []
    for unit, origin, first in (
        (1.0, 0.0, 50), (1.0, 0.0, 1), (1e-3, 0.0, 1), (1e4, 0.0, 1), (1e4, 50.0, 2),
    ):  # fmt: skip
        model = LinearLearnerRegressor(random_state=0, num_models=4)
        if estimator == "machine":
            model = None
        found.append(streamed(X, unit * (y + origin), first, model))
    assert min(found) > 0.9
    assert np.ptp(found) < 0.03


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_first_labels_that_are_equal_say_nothing_of_the_unit(scale):
    X, y = pairs()
    y[:20] = y[0]
    assert streamed(X, scale * y, 20) > 0.9


def test_features_that_are_constant_at_first():
    X, y = pairs()
    offset = X * [1.0, 1e3, 1e-3, 1.0, 1.0] + [2000.0, 0.0, 5.0, 0.0, 0.0]
    offset[:100, 1] = offset[0, 1]
    y[:100] -= X[:100, 1] * X[:100, 0]
    for first in FIRST_CALLS:
        assert streamed(offset, y, first) > 0.85


def test_sparse_values_grow_after_the_first_rows():
    rng = np.random.default_rng(0)
    X, y = pairs()
    keep = rng.random(X.shape) < 0.6
    X, y = X * keep, (X * keep) @ np.arange(1.0, 6.0)
    large = X * 1e4
    assert streamed(sp.csr_array(large), y, 1) > 0.9
    # A column that no early row stores.
    late = large.copy()
    late[:60, 2] = 0.0
    y = late @ np.arange(1.0, 6.0) / 1e4
    assert streamed(sp.csr_array(late), y, 50) > 0.9


def test_scales_stand_still_after_many_rows():
    X, y = pairs(n=FOLLOWED_ROWS + 200)
    model = FactorizationMachinesRegressor(num_factors=2, random_state=0)
    model.partial_fit(X, y)
    before = model.predict(X[:50])
    model.partial_fit(1e6 * X[:20], y[:20] * 0.0)
    # What hostile rows do to the weights is bounded; the scalers do not move.
    assert np.isfinite(model.predict(X[:50])).all()
    assert np.corrcoef(before, model.predict(X[:50]))[0, 1] > 0.5


# -------------------------------------------------------------------- carrying over
def made(optimizer, shift):
    X, y = problem(n=40, d=6, classes=1)
    spec = spec_of(classes=1, optimizer=optimizer)
    settings, reader = FactorSettings(spec), RowReader(X)
    rng = np.random.default_rng(0)
    old = Scaler(rng.normal(size=6) if shift else None, rng.uniform(0.5, 2.0, 6))
    params = settings.candidates().params(0)
    model = GradientModel(settings, params, reader, 1, old, np.zeros(1), [0])
    labels = (y - y.mean()) / y.std()
    for _ in range(5):
        model.train(np.arange(40), labels, np.ones(40))
    new = Scaler(rng.normal(size=6) if shift else None, rng.uniform(0.5, 2.0, 6))
    return model, (old, y.mean(), y.std()), (new, -1.0, 40.0), reader


@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("optimizer", FACTOR_CHOICES)
def test_predictions_stay_when_scales_move(optimizer, shift):
    model, old, new, reader = made(optimizer, shift)
    rows = np.arange(40)
    before = model.margins(reader, rows) * old[2] + old[1]
    carry(model, old, new, None, np.ones(6, dtype=bool))
    model.scaler = new[0].arrays(reader.dtype)
    after = model.margins(reader, rows) * new[2] + new[1]
    np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("optimizer", FACTOR_CHOICES)
def test_the_next_step_starts_where_the_model_is(optimizer):
    model, old, new, reader = made(optimizer, False)
    carry(model, old, new, None, np.ones(6, dtype=bool))
    model.scaler = new[0].arrays(reader.dtype)
    rows = np.arange(40)
    before = model.margins(reader, rows)
    # Rows that are predicted without error move nothing but by decay.
    model.train(rows[:1], before[:, 0].copy(), np.ones(40))
    assert np.abs(model.margins(reader, rows) - before).max() < 0.05


def test_gradients_are_carried_by_their_units():
    model, old, _, _ = made("adagrad", False)
    sums = model.linear[:, 1].copy(), model.factors[:, 1].copy()
    # Labels in a unit four times as large.
    carry(model, old, (old[0], old[1], 4 * old[2]), None, np.ones(6, dtype=bool))
    np.testing.assert_allclose(model.linear[:, 1], sums[0] / 4**2)
    np.testing.assert_allclose(model.factors[:, 1], sums[1] / 4**3)


def test_where_factors_start_is_kept_in_a_small_unit():
    model, old, _, _ = made("adagrad", False)
    start = model.factors[:, 0].copy()
    carry(model, old, (old[0], old[1], 1e6), start, np.ones(6, dtype=bool))
    np.testing.assert_allclose(model.factors[:, 0], start, rtol=1e-12)
