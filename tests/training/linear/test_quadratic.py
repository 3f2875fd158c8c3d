"""Least squares with penalties: scikit-learn, and the conditions of an optimum."""

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, LinearRegression, Ridge

from sklearn_sagemaker.training.linear.penalties import (
    Path,
    SmallProblem,
    cross_validated,
    lasso_path,
    penalty_paths,
    ridge_path,
)
from sklearn_sagemaker.training.linear.quadratic import Quadratic

SHAPES = {"tall": (120, 8), "square": (40, 40), "wide": (25, 90)}


def rows(shape, equal=0.0):
    """Centred rows and labels; neighbouring features may be nearly equal."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    if equal:
        X[:, 1::2] = X[:, ::2] + equal * X[:, 1::2]
    y = X[:, :4] @ [3.0, -2.0, 1.0, 0.5] + rng.normal(size=shape[0])
    return X - X.mean(axis=0), y - y.mean()


def quadratic(X, y, by):
    n = len(y)
    if by == "gram":
        return Quadratic(y @ y / n, X.T @ X / n, X.T @ y / n)
    return Quadratic(y @ y / n, factor=X / np.sqrt(n), target=y / np.sqrt(n))


@pytest.mark.parametrize("by", ["gram", "factor"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_ridge_is_that_of_scikit_learn(shape, by):
    X, y = rows(shape)
    wd = np.array([1e-3, 0.1, 10.0])
    weights, gap = quadratic(X, y, by).ridge(wd)
    for mine, strength in zip(weights.T, wd, strict=True):
        theirs = Ridge(strength / 2 * len(y), fit_intercept=False).fit(X, y)
        np.testing.assert_allclose(mine, theirs.coef_, rtol=1e-8, atol=1e-10)
    assert gap.max() < 1e-20


def test_without_a_penalty_it_is_least_squares():
    X, y = rows(SHAPES["tall"])
    weights, _ = quadratic(X, y, "gram").ridge(np.zeros(1))
    theirs = LinearRegression(fit_intercept=False).fit(X, y).coef_
    np.testing.assert_allclose(weights[:, 0], theirs, rtol=1e-10)


@pytest.mark.parametrize("by", ["gram", "factor"])
@pytest.mark.parametrize("wd", [0.0, 0.05])
@pytest.mark.parametrize("equal", [0.0, 0.01])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_lasso_meets_the_conditions_of_an_optimum(shape, equal, wd, by):
    X, y = rows(shape, equal)
    problem = quadratic(X, y, by)
    l1 = lasso_path(2 * np.abs(problem.moment).max(), 12)
    weights, gap = problem.lasso(wd, l1)
    assert np.count_nonzero(weights[0]) == 0
    assert np.count_nonzero(weights[-1]) > 0
    for mine, strength in zip(weights, l1, strict=True):
        slope = 2 * X.T @ (X @ mine - y) / len(y) + wd * mine
        held = mine != 0
        small = 1e-8 * l1[0]
        np.testing.assert_allclose(
            slope[held], -strength * np.sign(mine[held]), atol=small
        )
        assert np.abs(slope).max() <= strength + small
    assert gap.max() < 1e-8 * problem.size


def test_lasso_is_that_of_scikit_learn():
    X, y = rows(SHAPES["tall"])
    (mine,) = quadratic(X, y, "gram").lasso(0.02, np.array([0.3]))[0]
    theirs = ElasticNet(
        alpha=0.16, l1_ratio=0.15 / 0.16, fit_intercept=False, tol=1e-14, max_iter=10**5
    ).fit(X, y)
    np.testing.assert_allclose(mine, theirs.coef_, atol=1e-9)
    np.testing.assert_array_equal(mine == 0, theirs.coef_ == 0)


def test_the_gap_of_other_weights_is_what_they_lack():
    X, y = rows(SHAPES["tall"])
    problem = quadratic(X, y, "gram")
    (best,) = problem.lasso(0.02, np.array([0.3]))[0]

    def objective(w):
        error = np.mean((X @ w - y) ** 2)
        return error + 0.01 * w @ w + 0.3 * np.abs(w).sum()

    for step in (1e-1, 1e-3):
        other = best + step
        slope = X.T @ (X @ other - y) / len(y)
        gap = 2 * problem._gap(other, slope, 0.01, 0.15)
        assert gap >= objective(other) - objective(best)


def test_a_factor_keeps_what_a_gram_matrix_loses():
    """Of two features that differ by one part in 10^9."""
    rng = np.random.default_rng(0)
    a, b = np.linalg.qr(rng.normal(size=(50, 2)))[0].T * np.sqrt(50)
    X, y = np.c_[a, a + 1e-9 * b], b
    lost, kept = quadratic(X, y, "gram"), quadratic(X, y, "factor")
    assert lost.ill_conditioned
    assert not kept.ill_conditioned
    (weights,) = kept.ridge(np.zeros(1))[0].T
    np.testing.assert_allclose(X @ weights, y, atol=1e-5)


# ------------------------------------------------------------------------ penalties
def paths_of(wd, l1, count, null):
    """Penalties of all paths, and how many are to come."""
    paths = penalty_paths(wd, l1, count, null)
    found = [np.concatenate([getattr(p, name) for p in paths]) for name in ("wd", "l1")]
    return *found, sum(path.finer for path in paths), paths


def small_problem(values=(0.1, 2.0), moment=1.0, size=1.0, largest=2.0):
    values = np.array(values)
    moment = np.full(len(values), moment)
    return SmallProblem(values, moment, size, largest, 50, True)


def test_paths_begin_at_the_null_model_and_end_at_none():
    X, y = rows(SHAPES["tall"])
    problem = quadratic(X, y, "gram")
    values, _, moment = problem.spectrum
    largest = 2 * np.abs(problem.moment).max()
    null = SmallProblem(values, moment, problem.size, largest, len(y), True)
    wd, l1, later, _ = paths_of("auto", "auto", 32, null)
    assert len(wd) + later == 32
    assert ((wd == 0) | (l1 == 0)).all()
    assert wd[l1 == 0].min() == 0.0
    assert wd.max() > 2 * values[-1]
    assert np.count_nonzero(problem.lasso(0.0, np.array([l1.max()]))[0]) == 0
    assert l1[l1 > 0].min() < 2e-3 * largest
    assert len(set(zip(wd, l1, strict=True))) == len(wd)


@pytest.mark.parametrize(
    ("wd", "l1", "count"),
    [(0.5, 0.25, 1), (0.5, "auto", 5), ("auto", 0.25, 5), ("auto", 0.0, 5)],
)
def test_fixed_penalties_are_in_all_candidates(wd, l1, count):
    *found, later, _ = paths_of(wd, l1, 5, small_problem())
    assert later == 0
    for name, values in zip((wd, l1), found, strict=True):
        assert len(values) == count
        assert len(set(values)) == 1 if name != "auto" else count


@pytest.mark.parametrize("count", [1, 2, 3, 7, 20])
def test_as_many_as_are_wanted(count):
    wd, l1, later, _ = paths_of("auto", "auto", count, small_problem())
    assert len(set(zip(wd, l1, strict=True))) + later == count


def test_labels_that_do_not_vary_have_penalties_too():
    for values in ((0.5, 1.0), ()):
        wd, l1, *_ = paths_of("auto", "auto", 8, small_problem(values, 0.0, 0.0, 0.0))
        assert np.isfinite(wd).all()
        assert np.isfinite(l1).all()


@pytest.mark.parametrize("varies", ["wd", "l1"])
@pytest.mark.parametrize("best", range(4))
@pytest.mark.parametrize("count", [1, 2, 9])
def test_finer_penalties_are_around_the_best(varies, best, count):
    values = np.array([8.0, 4.0, 1.0, 0.0 if varies == "wd" else 0.5])
    other = np.zeros(4)
    path = Path(
        *((values, other) if varies == "wd" else (other, values)), varies, count
    )
    above, *found = path.between(best, 3, count)
    inside = found[0 if varies == "wd" else 1]
    assert above == max(best - 1, 0)
    assert len(set(inside) - set(values)) == count
    assert (inside < values[above]).all()
    assert (np.diff(inside) < 0).all()
    assert (inside > (values[best + 1] if best < 3 else 0.0)).all()
    assert not found[1 if varies == "wd" else 0].any()


def test_more_noise_asks_for_a_stronger_penalty():
    X, y = rows((100, 60))
    found = []
    for noise in (0.0, 10.0):
        noisy = y + noise * np.random.default_rng(1).normal(size=len(y))
        problem = quadratic(X, noisy / noisy.std(), "gram")
        values, _, moment = problem.spectrum
        found.append(cross_validated(values, moment, problem.size, len(y))[0])
    assert found[1] > 10 * found[0]


def test_a_path_falls_and_is_dense_where_the_spectrum_is():
    path = ridge_path(np.array([1e-6, 1.0, 1.1, 1.2]), 16, full=False)
    assert (np.diff(path) < 0).all()
    near = np.count_nonzero((path > 0.2) & (path < 20.0))
    assert near >= 4
