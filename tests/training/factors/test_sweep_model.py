"""ALS and Gibbs sampling: stationarity, exact posteriors, draws, seeds."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
from scipy import special, stats

from sklearn_sagemaker.training.factors import panels, priors
from sklearn_sagemaker.training.factors.columns import ColumnStore
from sklearn_sagemaker.training.factors.sweep_model import (
    SweepModel,
)
from sklearn_sagemaker.training.factors.truncated import (
    truncated_mean,
    truncated_normal,
)

from ..._kernels import sweeps_reference

N, D = 120, 8


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, D)) * (rng.random((N, D)) < 0.5)
    X[:, 5] = 0.0
    V = rng.normal(size=(D, 2))
    f = sweeps_reference.predict(X, 0.5, rng.normal(size=D), V)
    return X, f + 0.3 * rng.normal(size=N), rng.uniform(0.5, 2.0, N)


def model_of(X, y, weights=None, **settings):
    weights = np.ones(len(y)) if weights is None else weights
    settings = {
        "num_factors": 2,
        "groups": np.zeros(X.shape[1], int),
        "sample": False,
        "link": "identity",
        "num_draws": 0,
        "total_sweeps": 10,
        "burn_in": 0,
        "seed": [0],
        **settings,
    }
    return SweepModel(ColumnStore(X, np.arange(len(y))), y, weights, **settings)


def objective(model, loss, linear_wd, factors_wd):
    penalty = linear_wd @ model.coef**2 + factors_wd @ (model.factors**2).sum(1)
    return loss + penalty / 2


# ------------------------------------------------------------------------- ALS
@pytest.mark.parametrize("link", ["identity", "probit"])
@pytest.mark.parametrize("as_X", [np.asfortranarray, sp.csr_array])
@pytest.mark.parametrize("k", [2, 20])
def test_als_never_raises_the_objective(problem, link, as_X, k):
    X, y, weights = problem
    y = y if link == "identity" else (y > 0).astype(float)
    groups = np.arange(D) % 2
    wd = np.array([0.02, 0.1])
    model = model_of(
        as_X(X),
        y,
        weights,
        link=link,
        num_factors=k,
        groups=groups,
        linear_wd=wd,
        factors_wd=2 * wd,
    )
    found = [
        objective(model, model.sweep(), wd[groups], 2 * wd[groups]) for _ in range(40)
    ]
    assert (np.diff(found) < 1e-10).all()
    assert found[-1] < found[0] - 0.01
    f = sweeps_reference.predict(X, model.intercept, model.coef, model.factors)
    losses = (f - y) ** 2 if link == "identity" else -special.log_ndtr((2 * y - 1) * f)
    expected = objective(
        model, np.average(losses, weights=weights), wd[groups], 2 * wd[groups]
    )
    np.testing.assert_allclose(found[-1], expected)
    assert not model.factors[5].any()
    assert not model.coef[5]
    assert model.draws == []


@pytest.mark.parametrize("link", ["identity", "probit"])
def test_als_ends_where_every_derivative_is_zero(problem, link):
    X, y, weights = problem
    y = y if link == "identity" else (y > 0).astype(float)
    model = model_of(
        X, y, weights, link=link, bias_wd=0.01, linear_wd=0.05, factors_wd=0.03
    )
    for _ in range(2500):
        model.sweep()
    f = sweeps_reference.predict(X, model.intercept, model.coef, model.factors)
    sign = 2 * y - 1
    slope = 2 * (f - y) if link == "identity" else -sign * truncated_mean(sign * f)
    slope = slope * weights / weights.sum()
    np.testing.assert_allclose(slope.sum() + 0.01 * model.intercept, 0.0, atol=1e-7)
    for j in range(D):
        h = sweeps_reference.slopes(X, j, model.factors, True)
        numbers = np.append(0.03 * model.factors[j], 0.05 * model.coef[j])
        np.testing.assert_allclose(slope @ h + numbers, 0.0, atol=1e-7)
    assert np.abs(model.factors).max() > 0.1


def test_als_solves_weighted_ridge_regression_at_once(problem):
    X, y, weights = problem
    X = X[:, :1]
    model = model_of(
        X, y, weights, num_factors=0, linear_wd=0.1, use_bias=False, factors_wd=1.0
    )
    model.sweep()
    x = X[:, 0]
    expected = weights @ (x * y) / (weights @ x**2 + weights.sum() * 0.1 / 2)
    np.testing.assert_allclose(model.coef, expected)
    assert model.intercept == 0.0


def test_als_goes_on_from_a_start(problem):
    X, y, _ = problem
    first = model_of(X, y, linear_wd=0.05, factors_wd=0.05)
    losses = [first.sweep() for _ in range(6)]
    second = model_of(X, y, linear_wd=0.05, factors_wd=0.05)
    for _ in range(3):
        second.sweep()
    start = second.intercept, second.coef, second.factors
    third = model_of(X, y, linear_wd=0.05, factors_wd=0.05, init=start)
    np.testing.assert_allclose([third.sweep() for _ in range(3)], losses[3:])


@pytest.mark.parametrize("sample", [False, True])
def test_panels_that_share_memory_give_the_same(problem, sample, monkeypatch):
    X, y, _ = problem
    settings = dict(num_factors=40, linear_wd=0.05, factors_wd=0.05, sample=sample)
    kept = model_of(X, y, **settings)
    monkeypatch.setattr(panels, "LINES_BYTES", 0)
    shared = model_of(X, y, **settings)
    for _ in range(20):
        np.testing.assert_allclose(shared.sweep(), kept.sweep())
    np.testing.assert_allclose(shared.factors, kept.factors, atol=1e-7)


def test_float32_follows_float64(problem):
    X, y, weights = problem
    losses = []
    for dtype in (np.float32, np.float64):
        model = model_of(X.astype(dtype), y, weights, linear_wd=0.1, factors_wd=0.1)
        losses.append([model.sweep() for _ in range(40)])
        assert model.store.dtype == dtype
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_als_finds_a_regularisation_that_works(problem):
    X, y, weights = problem
    auto = model_of(X, y, weights)
    for _ in range(30):
        auto.sweep()
    wd = auto.hyper["factors_wd"]
    assert wd.shape == (1, 2)
    assert (wd > 0).all()
    rng = np.random.default_rng(1)
    useless = model_of(X, rng.normal(size=N))
    assert useless.hyper["factors_wd"].min() > wd.max()


# ------------------------------------------------------------------------ MCMC
@pytest.mark.parametrize("as_X", [np.asarray, sp.csr_array])
def test_sampling_draws_from_the_exact_posterior(problem, as_X):
    X, y, weights = problem
    X, alpha, wd = X[:, :3] + X[:, 3:6], 2.0, 0.02
    model = model_of(
        as_X(X),
        y,
        weights,
        num_factors=0,
        sample=True,
        alpha=alpha,
        bias_wd=wd,
        linear_wd=wd,
        total_sweeps=6050,
        burn_in=50,
        num_draws=6000,
    )
    for _ in range(6050):
        model.sweep()
    draws = np.array([[b, *coef] for b, coef, _ in model.draws])
    assert draws.shape == (6000, 4)
    H = np.column_stack([np.ones(N), X])
    precision = alpha * (H.T * weights) @ H
    precision += alpha * weights.sum() * wd / 2 * np.eye(4)
    covariance = np.linalg.inv(precision)
    mean = alpha * covariance @ (H.T @ (weights * y))
    deviation = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(
        draws.mean(0), mean, atol=6 * deviation.max() / 6000**0.5
    )
    spread = np.cov(draws.T) / np.outer(deviation, deviation)
    expected = covariance / np.outer(deviation, deviation)
    np.testing.assert_allclose(spread, expected, atol=0.08)


def test_probit_weights_count_as_repetitions():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    y = (X[:, 0] + rng.normal(size=40) > 0).astype(float)
    times = rng.integers(1, 4, 40)
    means = []
    repeated = np.repeat(X, times, 0), np.repeat(y, times)
    for data in ((X, y, times.astype(float)), repeated):
        model = model_of(
            *data,
            num_factors=0,
            link="probit",
            sample=True,
            linear_wd=0.02,
            total_sweeps=4100,
            burn_in=100,
            num_draws=4000,
        )
        for _ in range(4100):
            model.sweep()
        coefs = np.array([coef for _, coef, _ in model.draws])
        means.append([*coefs.mean(0), *coefs.std(0)])
    np.testing.assert_allclose(*means, atol=0.04)


def test_priors_are_drawn_from_their_density(problem):
    X, _, _ = problem
    groups = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    rng = np.random.default_rng(3)
    numbers = rng.normal(size=(D, 2), loc=1.0)
    prior = priors.GroupPriors(groups, 2, (X != 0).any(axis=0))
    draws = [prior.draw(numbers, 2.0, rng) for _ in range(4000)]
    precision, mean = (np.array(part) for part in zip(*draws, strict=True))
    for group in range(2):
        # Feature 5 is in no row.
        members = np.flatnonzero((groups == group) & (np.arange(D) != 5))
        n, x = len(members), numbers[members]
        rate = priors.PRIOR_RATE * 2.0 + ((x - x.mean(0)) ** 2).sum()
        rate += n / (n + 1) * (x.mean(0) ** 2).sum()
        shape = priors.PRIOR_SHAPE + 2 * n
        expected = shape / rate
        np.testing.assert_allclose(precision[:, group].mean(0), expected, rtol=0.05)
        centre = n * x.mean(0) / (n + 1)
        np.testing.assert_allclose(mean[:, group].mean(0), centre, atol=0.06)


def test_sampling_finds_the_noise_and_predicts(problem):
    X, y, _ = problem
    model = model_of(X, y, sample=True, num_draws=100, total_sweeps=300, burn_in=100)
    losses = [model.sweep() for _ in range(300)]
    assert 0.15 < 1 / np.sqrt(model.hyper["alpha"]) < 0.5
    assert np.mean(losses[-50:]) < 0.2
    found = np.mean([sweeps_reference.predict(X, *draw) for draw in model.draws], 0)
    assert np.mean((found - y) ** 2) < 0.15
    assert model.hyper["factors_precision"].shape == (1, 2)


def test_probit_sampling_separates(problem):
    X, y, _ = problem
    y = (y > 0).astype(float)
    model = model_of(
        X, y, sample=True, link="probit", num_draws=50, total_sweeps=150, burn_in=50
    )
    for _ in range(150):
        model.sweep()
    assert model.hyper["alpha"] == 1.0
    f = np.mean([sweeps_reference.predict(X, *draw) for draw in model.draws], 0)
    assert np.mean((f > 0) == y) > 0.85


@pytest.mark.parametrize(
    ("num_draws", "total", "burn_in", "at"),
    [(5, 20, 10, [12, 14, 16, 18, 20]), (50, 4, 1, [2, 3, 4]), (2, 7, 2, [5, 7])],
)
def test_draws_lie_evenly_after_the_burn_in(problem, num_draws, total, burn_in, at):
    X, y, _ = problem
    model = model_of(
        X, y, sample=True, num_draws=num_draws, total_sweeps=total, burn_in=burn_in
    )
    kept = []
    for number in range(1, total + 1):
        held = len(model.draws)
        model.sweep()
        if len(model.draws) > held:
            kept.append(number)
            intercept, coef, factors = model.draws[-1]
            assert intercept == model.intercept
            np.testing.assert_array_equal(coef, model.coef.astype(np.float32))
            assert factors.dtype == np.float32
    assert kept == at


def test_draws_of_before_the_loss_fell_are_forgotten(problem):
    X, y, _ = problem
    model = model_of(X, y, sample=True, num_draws=99, total_sweeps=40, burn_in=5)
    for _ in range(10):
        loss = model.sweep()
    assert len(model.draws) == 5
    model._first_loss = 2.4 * loss
    model._forget_less(loss)
    assert len(model.draws) == 5
    model._first_loss = 2.6 * loss
    model._forget_less(loss)
    assert (len(model.draws), model.burn_in) == (0, 10)
    for _ in range(25):
        loss = model.sweep()
    assert len(model.draws) == 25
    # Too late for that.
    model._first_loss = 9.0 * loss
    model._forget_less(loss)
    assert len(model.draws) == 25


def test_seeds_and_threads(problem):
    X, y, _ = problem
    store = ColumnStore(X, np.arange(N))

    def run(seed):
        settings = dict(num_draws=3, total_sweeps=9, burn_in=3, seed=[seed, 7])
        settings |= dict(num_factors=3, groups=np.zeros(D, int), link="identity")
        model = SweepModel(store, y, np.ones(N), sample=True, **settings)
        return [model.sweep() for _ in range(9)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(run, [0, 1, 0, 1]))
    assert found[0] == found[2]
    assert found[1] == found[3]
    assert found[0] != found[1]
    assert run(0) == found[0]


# ------------------------------------------------------------ truncated normals
@pytest.mark.parametrize("f", [-60.0, -20.0, -1.0, 0.0, 3.0, 40.0])
def test_truncated_normals(f):
    u = 1.0 - np.random.default_rng(0).random(4000)
    drawn = truncated_normal(np.full(4000, f), u)
    assert np.isfinite(drawn).all()
    assert (drawn > -f).all()
    mean = truncated_mean(np.array([f]))[0]
    error = max(drawn.std() / np.sqrt(4000), 1e-12)
    assert abs(drawn.mean() - mean) < 5 * error
    if -6 < f < 30:
        exact = stats.truncnorm(-f, np.inf)
        np.testing.assert_allclose(mean, exact.mean(), atol=1e-8)
        assert stats.kstest(drawn, exact.cdf).pvalue > 0.001


# ----------------------------------------------------------------------- the store
def test_mean_sizes(problem):
    X, _, weights = problem
    for X_, unit in ((X, False), (sp.csr_array((X != 0).astype(np.float32)), True)):
        store = ColumnStore(X_, np.arange(N))
        assert (len(store.values) == 0) == unit
        x = (X_.toarray() if unit else X_).astype(float) ** 2
        pairs = sum(x[:, i] * x[:, j] for i in range(D) for j in range(i))
        expected = [np.average(v, weights=weights) for v in (x.sum(1), pairs)]
        np.testing.assert_allclose(store.mean_sizes(weights), expected, rtol=1e-6)


@pytest.mark.parametrize("sample", [False, True])
@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_units_of_features_and_target_do_not_matter(problem, sample, factor):
    X, y, _ = problem
    settings = dict(sample=sample, num_draws=1, total_sweeps=30)
    plain, other = model_of(X, y, **settings), model_of(X * factor, 7 * y, **settings)
    losses = [[model.sweep() for _ in range(30)] for model in (plain, other)]
    np.testing.assert_allclose(np.array(losses[1]) / 49, losses[0], rtol=1e-5)


def test_a_model_without_features_is_the_mean(problem):
    X, y, weights = problem
    model = model_of(X, y, weights, num_factors=0, use_linear=False)
    np.testing.assert_allclose(model.sweep(), np.cov(y, ddof=0, aweights=weights))
    np.testing.assert_allclose(model.intercept, np.average(y, weights=weights))
    assert model.factors.shape == (D, 0)
    assert not model.coef.any()


def test_sparse_rows_are_not_shifted():
    with pytest.raises(ValueError, match="scale them only"):
        ColumnStore(sp.csr_array(np.eye(3)), np.arange(3), shift=np.ones(3))
