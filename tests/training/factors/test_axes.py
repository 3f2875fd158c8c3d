"""Axes of factors with regularisation of their own."""

import numpy as np
import pytest

from sklearn_sagemaker import FactorizationMachinesRegressor
from sklearn_sagemaker.training.factors.axes import (
    by_axis,
    decay_by_axis,
    principal_axes,
)
from sklearn_sagemaker.training.factors.settings import AXIS_DECAY

from .test_linear_part import ids
from .test_sweep_model import model_of, problem  # noqa: F401


def test_axes_are_principal_and_groups_count_by_their_features():
    rng = np.random.default_rng(0)
    factors, groups = rng.normal(size=(60, 3)) * [1.0, 5.0, 0.1], np.arange(60) % 2
    factors[groups == 1] *= 1e6
    turn = principal_axes(factors, groups)
    np.testing.assert_allclose(turn.T @ turn, np.eye(3), atol=1e-12)
    assert np.abs(turn).argmax(axis=0).tolist() == [1, 0, 2]
    second = sum(
        part.T @ part / np.mean((part**2).sum(axis=1))
        for part in ((factors @ turn)[groups == group] for group in (0, 1))
    )
    np.testing.assert_allclose(second, np.diag(np.diag(second)), atol=1e-10)
    assert principal_axes(np.zeros((3, 2)), np.zeros(3, int)).shape == (2, 2)
    assert np.isfinite(principal_axes(np.full((3, 2), np.inf), np.zeros(3, int))).all()


def test_groups_keep_their_level_and_share_a_profile():
    found = by_axis(np.array([[1.0, 3.0], [20.0, 60.0]]), np.array([5.0, 1.0]))
    np.testing.assert_allclose(found.mean(axis=1), [2.0, 40.0])
    np.testing.assert_allclose(found[:, 0] / found[:, 1], 3.0**0.7)
    # A group without features has no say.
    other = by_axis(np.array([[1.0, 3.0], [9.0, 1.0]]), np.array([5.0, 0.0]))
    np.testing.assert_allclose(other[0], found[0])
    assert (by_axis(np.ones((2, 1)), np.zeros(2)) == 1.0).all()


def test_weak_axes_decay_more_and_nothing_else_changes():
    rng = np.random.default_rng(1)
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    on_axes = np.linalg.qr(rng.normal(size=(8, 3)))[0] * [4.0, 2.0, 0.01]
    on_axes[5] = 0.0
    rows = np.where(np.arange(8) == 5, 0.0, 7.0)
    factors, squares = on_axes @ axes.T, np.full((8, 3), 9.0)
    decay_by_axis(factors, squares, rows, (0.1, 0.02), 1.0, 6.0)
    np.testing.assert_allclose(squares, 9.0)
    sizes = np.linalg.svd(factors, compute_uv=False)
    length = 0.1 * 0.02 * 7.0 / (3.0 + 1.0)
    before = np.linalg.svd(on_axes, compute_uv=False)
    times = np.sqrt(np.mean(on_axes[rows > 0] ** 2, axis=0))
    times = np.minimum(times[0] / times, 6.0)
    np.testing.assert_allclose(sizes, before * np.exp(-length * (times - 1)), rtol=2e-2)
    assert not factors[5].any()


def test_axes_have_priors_of_their_own_after_some_sweeps(problem):  # noqa: F811
    X, y, _ = problem
    model = model_of(X, y, num_factors=3, sample=True, total_sweeps=20)
    for number in range(12):
        before = model.hyper["factors_precision"]
        assert (np.ptp(before, axis=1) == 0).all() == (number < 9)
        model.sweep()


def test_turning_changes_no_prediction(problem):  # noqa: F811
    X, y, _ = problem
    model = model_of(X, y, num_factors=3, sample=True)
    for _ in range(3):
        model.sweep()
    products = model.factors @ model.factors.T
    model._turn()
    np.testing.assert_allclose(model.factors @ model.factors.T, products, atol=1e-12)
    # Feature 5 is in no row.
    seen = np.delete(model.factors, 5, axis=0)
    second = seen.T @ seen
    np.testing.assert_allclose(second, np.diag(np.diag(second)), atol=1e-10)


@pytest.mark.parametrize("solver", ["gradient", "als", "mcmc"])
def test_few_axes_among_many_factors_are_found(solver):
    # A dozen rows an id, and two products: as many equal factors fit noise.
    X, y = ids(2000, (140, 120), 4, 1.2, 0.3)
    model = FactorizationMachinesRegressor(solver=solver, random_state=0, cv=3)
    model.fit(X[:1700], y[:1700])
    error = np.mean((model.predict(X[1700:]) - y[1700:]) ** 2)
    # Of equal ones 0.61, whatever the solver.
    assert error < 0.4


def test_a_decay_of_axes_is_one_candidate():
    X, y = ids(300, (20, 15), 0, 1.0)
    settings = {"num_models": 1, "num_factors": 4, "random_state": 0}
    alike, apart = (
        FactorizationMachinesRegressor(axis_decay=value, **settings).fit(X, y)
        for value in (1.0, AXIS_DECAY)
    )
    assert apart.best_params_["axis_decay"] == AXIS_DECAY
    variances = [np.sort(np.linalg.svd(m.factors_)[1]) for m in (alike, apart)]
    assert variances[1][0] / variances[1][-1] < variances[0][0] / variances[0][-1]
