"""Sweeps find the factors that the data want, and none where there are none."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
)
from sklearn_sagemaker.estimators._folds import row_numbers
from sklearn_sagemaker.training.factors.run import FactorRun
from tests.training.factors.test_run import data_of, spec_of


def one_hot(numbers, size):
    n = len(numbers)
    return sp.csr_matrix((np.ones(n), (np.arange(n), numbers)), shape=(n, size))


def scores(rng, n, users, items, interaction):
    """Ids of users and items, and sums of their weights and products."""
    u, i = rng.integers(users, size=n), rng.integers(items, size=n)
    U, V = rng.normal(size=(users, 3)), rng.normal(size=(items, 3))
    linear = 0.7 * (rng.normal(size=users)[u] + rng.normal(size=items)[i])
    X = sp.csr_matrix(sp.hstack([one_hot(u, users), one_hot(i, items)]))
    return X, linear + interaction * (U[u] * V[i]).sum(1) / 3**0.5


@pytest.mark.parametrize("solver", ["als", "mcmc"])
def test_clicks_whose_noise_hides_the_factors(solver):
    rng = np.random.default_rng(1)
    X, f = scores(rng, 10000, 250, 180, 1.3)
    y = (rng.random(10000) < 1 / (1 + np.exp(-1.5 * f))).astype(int)
    model = FactorizationMachinesClassifier(solver=solver, cv=3, random_state=0)
    model.fit(X[:7000], y[:7000])
    loss = log_loss(y[7000:], model.predict_proba(X[7000:]))
    # The linear model has 0.63, that of gradient steps 0.56.
    assert loss < 0.61


@pytest.mark.parametrize("solver", ["als", "mcmc"])
def test_ids_beside_numbers(solver):
    rng = np.random.default_rng(2)
    X, f = scores(rng, 5000, 90, 75, 1.0)
    numbers = [rng.integers(1, 13, (5000, 1)), rng.integers(18, 80, (5000, 1))]
    X = sp.csr_matrix(sp.hstack([X, *numbers]))
    y = f + rng.normal(0, 0.4, 5000)
    model = FactorizationMachinesRegressor(solver=solver, cv=3, random_state=0)
    model.fit(X[:3500], y[:3500])
    # What is linear explains less than half of it.
    assert np.mean((model.predict(X[3500:]) - y[3500:]) ** 2) < 0.5


@pytest.mark.parametrize("seed", [0, 1])
def test_sampling_finds_factors_behind_numbers_that_explain_nothing(seed):
    rng = np.random.default_rng([11, seed])
    X, f = scores(rng, 2500, 90, 70, 1.0)
    numbers = [rng.integers(1, 13, (2500, 1)), rng.integers(18, 80, (2500, 1))]
    X = sp.csr_matrix(sp.hstack([X, *numbers]))
    y = f + rng.normal(0, 0.4, 2500)
    model = FactorizationMachinesRegressor(solver="mcmc", cv=False, random_state=0)
    model.fit(X[:1750], y[:1750])
    linear = Ridge(2.0).fit(X[:1750], y[:1750])
    errors = [np.mean((m.predict(X[1750:]) - y[1750:]) ** 2) for m in (model, linear)]
    # Factors once stayed where they start, and draws of before were averaged in.
    assert errors[0] < 0.55 * errors[1]


@pytest.mark.parametrize("classes", [1, 3])
def test_folds_take_their_decays_from_all_rows(classes):
    rng = np.random.default_rng(7)
    X, f = scores(rng, 400, 20, 15, 1.0)
    y = f if classes == 1 else np.digitize(f, [-0.5, 0.5]).astype(float)
    spec = spec_of(classes, cv=3, solver="als", epochs=2)
    cv = row_numbers(3, y, np.ones(400), classes > 1)
    run = FactorRun(replace(spec, cv=cv), data_of(X, y))
    run.train()
    kept, *folds = run.models[0]
    for fold in folds:
        for mine, theirs in zip(fold.models, kept.models, strict=True):
            for name, ridge in mine._fixed_ridge.items():
                np.testing.assert_array_equal(ridge, theirs._fixed_ridge[name])


@pytest.mark.parametrize("solver", ["als", "mcmc"])
def test_no_factors_where_nothing_interacts(solver):
    rng = np.random.default_rng(3)
    X, f = scores(rng, 1500, 80, 60, 0.0)
    y = f + rng.normal(0, 0.5, 1500)
    train, test = slice(0, 1050), slice(1050, None)
    model = FactorizationMachinesRegressor(solver=solver, cv=3, random_state=0)
    loss = np.mean((model.fit(X[train], y[train]).predict(X[test]) - y[test]) ** 2)
    linear = Ridge(2.0).fit(X[train], y[train])
    assert loss < 1.05 * np.mean((linear.predict(X[test]) - y[test]) ** 2)


def test_without_validation_als_ends_with_its_decay():
    rng = np.random.default_rng(4)
    X, f = scores(rng, 600, 20, 15, 1.0)
    settings = dict(solver="als", random_state=0)
    blind = FactorizationMachinesRegressor(**settings, cv=False).fit(X, f)
    seen = FactorizationMachinesRegressor(**settings, cv=3).fit(X, f)
    ends = [model.resolved_params_["factors_wd"][0] for model in (blind, seen)]
    assert ends[1] < 0.9 * ends[0]


def test_classes_draw_after_the_same_sweeps():
    rng = np.random.default_rng(5)
    X, f = scores(rng, 900, 30, 20, 1.0)
    # Of the last class factors say nothing.
    y = np.where(rng.random(900) < 0.3, 2, f > 0)
    model = FactorizationMachinesClassifier(
        solver="mcmc", num_factors=4, epochs=40, cv=False, random_state=0
    ).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()
    assert len(model.draws_["factors"]) > 0


def test_one_that_goes_on_does_not_begin_its_path_again():
    rng = np.random.default_rng(6)
    X, f = scores(rng, 600, 20, 15, 1.0)
    settings = dict(solver="als", random_state=0, cv=3, early_stopping_patience=99)
    model = FactorizationMachinesRegressor(**settings, epochs=10, warm_start=True)
    first = model.fit(X, f).resolved_params_["factors_wd"][0]
    assert model.fit(X, f).resolved_params_["factors_wd"][0] < 1.01 * first
