"""Regression that is solved: the optimum of the stated objective, whatever the rows."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize
from sklearn.model_selection import KFold, ShuffleSplit

from sklearn_sagemaker.training.linear import budget

from ..conftest import fit, linear_run, problem

FIXED = {"wd": 0.02, "l1": 0.0, "normalize_data": True, "num_models": 1}


def data(n=80, d=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * [1.0, 10.0, 0.1, 3.0][:d] + [0.0, 5.0, 1.0, -2.0][:d]
    y = 7.0 + X @ [1.0, 0.3, -4.0, 0.5][:d] + rng.normal(size=n)
    return X, y, rng.uniform(0.2, 3.0, n)


def reference(X, y, weights, values, bias_share=0.0):
    """Coefficients by SciPy, of the objective as the documentation states it."""
    share = weights / weights.sum()
    mean = share @ X
    deviation = np.sqrt(share @ (X - mean) ** 2)
    centred = values.get("unbias_data", values.get("use_bias", True))
    shift = mean if centred else np.zeros_like(mean)
    Z = (X - shift) / deviation
    origin = share @ y
    unit = np.sqrt(share @ (y - origin) ** 2)
    if not values.get("use_bias", True):
        origin = 0.0
    t = (y - origin) / unit

    def objective(v):
        w, b = v[:-1], v[-1] * values.get("use_bias", True)
        error = Z @ w + b - t
        loss = share @ error**2 + values["wd"] / 2 * (w @ w + bias_share * b * b)
        slope = 2 * share * error
        slope_b = (slope.sum() + values["wd"] * bias_share * b) * values.get(
            "use_bias", True
        )
        return loss, np.append(Z.T @ slope + values["wd"] * w, slope_b)

    start = np.zeros(X.shape[1] + 1)
    options = {"maxiter": 10_000, "ftol": 1e-16, "gtol": 1e-12}
    v = minimize(objective, start, jac=True, method="L-BFGS-B", options=options).x
    coef = v[:-1] / deviation * unit
    bias = v[-1] * values.get("use_bias", True)
    return coef, origin + unit * bias - coef @ shift


def solved(X, y, weights=None, **settings):
    state = fit(X, y, weights, classes=1, **settings)
    assert state.resolved["optimizer"] == "newton"
    return state


def same_model(one, other, **tolerance):
    np.testing.assert_allclose(one.coef, other.coef, **tolerance)
    np.testing.assert_allclose(one.intercept, other.intercept, **tolerance)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"unbias_data": False},
        {"use_bias": False},
        {"bias_wd_mult": 5.0, "unbias_data": False},
        {"bias_wd_mult": 5.0, "unbias_data": True},
    ],
    ids=str,
)
def test_it_is_the_optimum_of_the_objective(more, make):
    X, y, weights = data()
    state = solved(make(X), y, weights, cv=False, **FIXED, **more)
    if make is sp.csr_array and "use_bias" not in more:
        # As in steps, sparse rows are centred only if the user asks for it.
        more = {"unbias_data": False, **more}
    wanted = reference(X, y, weights, {**FIXED, **more}, more.get("bias_wd_mult", 0.0))
    np.testing.assert_allclose(state.coef[0], wanted[0], rtol=1e-5)
    np.testing.assert_allclose(state.intercept[0], wanted[1], rtol=1e-5)
    assert state.candidates["optimality"].max() < 1e-12


@pytest.mark.parametrize("cv", [KFold(4), ShuffleSplit(3, random_state=0)])
@pytest.mark.parametrize("l1", [0.0, 0.1])
@pytest.mark.parametrize("d", [4, 2])
def test_folds_are_fits_without_their_rows(cv, l1, d):
    """Whose label scaler is of their own rows."""
    X, y, weights = data(d=d)
    settings = {**FIXED, "l1": l1, "unbias_label": True}
    state = solved(X, y, weights, cv=cv, **settings)
    for number, (train, test) in enumerate(cv.split(X)):
        # Features are scaled alike in all folds.
        run = linear_run(X, y, weights, classes=1, cv=False, **settings)
        scale = run.statistics.scale("standard")
        Z = (X - run.statistics.mean) * scale
        alone = solved(
            Z[train], y[train], weights[train], cv=False,
            **{**settings, "normalize_data": False},
        )  # fmt: skip
        error = Z[test] @ alone.coef[0] + alone.intercept - y[test]
        loss = np.average(error**2, weights=weights[test])
        found = state.candidates[f"split{number}_validation_loss"][0]
        np.testing.assert_allclose(found, loss, rtol=1e-9)


def test_few_rows_of_many_features_are_solved_alike():
    """By the rows themselves, as by sums of products."""
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(30, 40)), rng.uniform(0.2, 2.0, 30)
    y = X[:, 0] + rng.normal(size=30)
    for more in ({}, {"bias_wd_mult": 3.0}, {"use_bias": False}, {"l1": 0.1}):
        settings = {**FIXED, **more, "cv": KFold(3)}
        wide = solved(X, y, weights, **settings)
        run = linear_run(X, y, weights, classes=1, **settings)
        run.source.n_train = lambda plan: 10**6
        tall = run.train()
        same_model(wide, tall, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(
            wide.candidates["validation_loss"], tall.candidates["validation_loss"]
        )


@pytest.mark.parametrize("more", [{}, {"l1": 0.05, "wd": 0.0}], ids=str)
def test_weights_are_repeated_rows(more):
    X, y, _ = data()
    counts = np.random.default_rng(1).integers(0, 4, len(y))
    settings = {**FIXED, **more, "cv": False}
    weighted = solved(X, y, counts.astype(float), **settings)
    repeated = solved(np.repeat(X, counts, axis=0), np.repeat(y, counts), **settings)
    same_model(weighted, repeated, rtol=1e-9)


def test_a_fold_that_holds_nearly_all_the_weight():
    """Sums of the others are added, not what is left of all."""
    X, y, weights = data()
    weights[:20] *= 1e14
    state = solved(X, y, weights, cv=KFold(4), **FIXED)
    assert np.isfinite(state.candidates["validation_loss"]).all()
    run = linear_run(X, y, weights, classes=1, cv=False, **FIXED)
    Z = (X - run.statistics.mean) * run.statistics.scale("standard")
    alone = solved(
        Z[20:], y[20:], weights[20:], cv=False, **{**FIXED, "normalize_data": False}
    )
    error = Z[:20] @ alone.coef[0] + alone.intercept - y[:20]
    np.testing.assert_allclose(
        state.candidates["split0_validation_loss"][0],
        np.average(error**2, weights=weights[:20]),
        rtol=1e-6,
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array], ids=["dense", "csr"])
def test_a_year_and_its_square(dtype, make):
    """Far from zero and nearly equal: what sums of raw products have no digits for."""
    rng = np.random.default_rng(0)
    year = rng.integers(1900, 2020, 400).astype(float)
    X = np.c_[year, year**2].astype(dtype)
    y = (year - 1955) ** 2 / 1000
    state = solved(make(X), y + rng.normal(0, 0.1, 400))
    error = X.astype(float) @ state.coef[0] + state.intercept - y
    assert np.mean(error**2) < 3e-4


def test_powers_beyond_the_digits_of_a_gram_matrix():
    rng = np.random.default_rng(0)
    year = rng.uniform(1900, 2020, 400)
    X = np.stack([year**k for k in range(1, 6)], axis=1)
    y = np.sin((year - 1960) / 20)
    state = solved(X[:300], y[:300] + rng.normal(0, 0.1, 300))
    error = X[300:] @ state.coef[0] + state.intercept - y[300:]
    assert np.mean(error**2) < 0.02


def test_columns_that_count_are_found():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 300))
    y = X[:, :5] @ [3.0, -3.0, 2.0, 2.0, -2.0] + 0.1 * rng.normal(size=60)
    state = solved(X, y)
    largest = np.argsort(-np.abs(state.coef[0]))[:5]
    assert set(largest) == set(range(5))
    assert np.count_nonzero(state.coef) < 60


@pytest.mark.parametrize("kind", ["dense", "csr", "wide"])
def test_number_of_jobs_changes_no_bit(kind):
    X, y = problem(n=60 if kind == "wide" else 300, d=90 if kind == "wide" else 12,
                   sparse=kind == "csr", classes=1)  # fmt: skip
    y += np.random.default_rng(0).normal(size=len(y))
    one, two = (solved(X, y, jobs=jobs) for jobs in (1, 4))
    np.testing.assert_array_equal(one.coef, two.coef)
    np.testing.assert_array_equal(
        one.candidates["validation_loss"], two.candidates["validation_loss"]
    )


@pytest.mark.parametrize(
    "rows",
    [
        (np.ones((20, 2)), np.arange(20.0)),
        (np.zeros((20, 2)), np.arange(20.0)),
        (np.arange(40.0).reshape(20, 2), np.ones(20)),
        (np.arange(20.0)[:, None], np.arange(20.0)),
        (np.array([[1.0], [2.0]]), np.array([1.0, 3.0])),
    ],
    ids=["constant", "zero", "one label", "exact", "two rows"],
)
def test_rows_with_little_in_them(rows):
    X, y = rows
    for cv in ("auto", False):
        state = solved(X, y, cv=cv)
        assert np.isfinite(state.coef).all()
        assert np.isfinite(state.candidates["validation_loss"]).all()
        spread = np.abs(X @ state.coef[0] + state.intercept - y.mean()).max()
        assert spread <= np.ptp(y)


def test_without_validation_rows_a_model_that_fits_by_chance_does_not_win():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 40)), rng.normal(size=60)
    state = solved(X, y, cv=False)
    assert np.abs(X @ state.coef[0]).std() < 0.5


# ------------------------------------------------------------------- what is not solved
@pytest.mark.parametrize(
    "setting",
    [
        {"optimizer": "adam"},
        {"epochs": 3},
        {"learning_rate": 0.1},
        {"mini_batch_size": 16},
        {"momentum": 0.5},
        {"beta_1": 0.8},
        {"beta_2": 0.9},
        {"use_lr_scheduler": False},
        {"lr_scheduler_step": 5},
        {"early_stopping_patience": 2},
        {"init_method": "normal"},
        {"sagemaker_rules": True},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore")
def test_who_asks_for_steps_gets_them(setting):
    X, y, _ = data(n=40)
    values = {"num_models": 2, **setting}
    state = fit(X, y, classes=1, **values)
    assert state.resolved["optimizer"] in ("adam", "sgd")
    assert np.isfinite(state.candidates["param_learning_rate"]).all()
    assert np.isnan(state.candidates["optimality"]).all()


def test_what_would_take_longer_than_training_is_not_solved():
    X = sp.random_array((3000, 2500), density=0.002, rng=np.random.default_rng(0))
    run = linear_run(X.tocsr(), np.arange(3000.0), classes=1, num_models=1, cv=False)
    assert not run.solved
    alone = {"optimizer": "newton", "num_models": 1, "cv": False}
    assert linear_run(X.tocsr(), np.arange(3000.0), classes=1, **alone).solved


def test_the_solver_refuses_what_it_cannot_solve(monkeypatch):
    monkeypatch.setattr(budget, "GRAM_BYTES", 0)
    X, y, _ = data()
    with pytest.raises(ValueError, match="cannot solve logistic"):
        fit(X, (y > np.median(y)).astype(float), optimizer="newton", wd=0.0, l1=0.0)


def test_settings_of_steps_beside_the_solver_are_told():
    X, y, _ = data()
    with pytest.warns(UserWarning, match="epochs=7 has no effect with optimizer"):
        solved(X, y, optimizer="newton", epochs=7)
