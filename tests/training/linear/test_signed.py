"""Least squares with signs: SciPy, scikit-learn, and the conditions of an optimum."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear
from sklearn.linear_model import ElasticNet, Lasso, Ridge

from sklearn_sagemaker.training.linear import quadratic as quadratics
from sklearn_sagemaker.training.linear import signed as signed_module
from sklearn_sagemaker.training.linear.penalties import lasso_path
from sklearn_sagemaker.training.linear.signed import SignedQuadratic

from .test_quadratic import SHAPES, quadratic, rows

WD = np.array([10.0, 0.1, 1e-3])


def signed(X, y, by, signs):
    return SignedQuadratic(quadratic(X, y, by), signs)


def mixed(d):
    return np.resize(np.array([0, 1, -1, 1, -1, 0], dtype=np.int8), d)


def objective(X, y, w, wd, l1=0.0):
    return np.mean((X @ w - y) ** 2) + wd / 2 * w @ w + l1 * np.abs(w).sum()


def by_scipy(X, y, wd, signs):
    """The optimum of an L2 penalty, by bounded-variable least squares."""
    n, d = X.shape
    A = np.r_[X / np.sqrt(n), np.sqrt(wd / 2) * np.eye(d)]
    b = np.r_[y / np.sqrt(n), np.zeros(d)]
    low = np.where(signs == 1, 0.0, -np.inf)
    high = np.where(signs == -1, 0.0, np.inf)
    return lsq_linear(A, b, (low, high), method="bvls", tol=1e-15).x


@pytest.mark.parametrize("by", ["gram", "factor"])
@pytest.mark.parametrize("equal", [0.0, 0.01])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("signs", ["positive", "mixed"])
@pytest.mark.parametrize("patience", [0, signed_module.PATIENCE])
def test_ridge_is_the_bounded_least_squares_of_scipy(
    monkeypatch, patience, signs, shape, equal, by
):
    # Without it active sets are left to do it all.
    monkeypatch.setattr(signed_module, "PATIENCE", patience)
    X, y = rows(shape, equal)
    signs = mixed(shape[1]) if signs == "mixed" else np.ones(shape[1], dtype=np.int8)
    weights, gap = signed(X, y, by, signs).ridge(WD)
    for mine, wd, far in zip(weights.T, WD, gap, strict=True):
        assert (mine * signs >= 0).all()
        theirs = by_scipy(X, y, wd, signs)
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-8)
        assert far < 1e-12 * np.mean(y**2)


def test_ridge_is_no_worse_than_that_of_scikit_learn():
    X, y = rows(SHAPES["tall"])
    weights, gap = signed(X, y, "gram", np.ones(X.shape[1])).ridge(WD)
    for mine, wd, far in zip(weights.T, WD, gap, strict=True):
        strength = wd / 2 * len(y)
        theirs = Ridge(strength, fit_intercept=False, positive=True, tol=1e-10)
        other = objective(X, y, theirs.fit(X, y).coef_, wd)
        found = objective(X, y, mine, wd)
        assert found - far <= other
        assert found == pytest.approx(other, rel=1e-6)


@pytest.mark.parametrize("by", ["gram", "factor"])
@pytest.mark.parametrize("wd", [0.0, 0.05])
@pytest.mark.parametrize("shape", [*SHAPES.values(), (30, 150)], ids=[*SHAPES, "many"])
def test_lasso_meets_the_conditions_of_an_optimum(shape, wd, by):
    X, y = rows(shape, 0.01)
    signs = mixed(shape[1])
    problem = signed(X, y, by, signs)
    l1 = lasso_path(2 * problem.steepest, 8)
    weights, gap = problem.lasso(wd, l1)
    # The null model is where no weight may gain.
    assert np.count_nonzero(weights[0]) == 0
    assert np.count_nonzero(problem.lasso(wd, 0.999 * l1[:1])[0]) > 0
    small = 1e-8 * l1[0]
    for mine, strength in zip(weights, l1, strict=True):
        assert (mine * signs >= 0).all()
        slope = 2 * X.T @ (X @ mine - y) / len(y) + wd * mine
        held = mine != 0
        np.testing.assert_allclose(
            slope[held], -strength * np.sign(mine[held]), atol=small
        )
        assert slope[signs <= 0].max() <= strength + small
        assert -slope[signs >= 0].min() <= strength + small
    assert gap.max() < 1e-8 * problem.size


@pytest.mark.parametrize("wd", [0.0, 0.02])
def test_lasso_is_that_of_scikit_learn(wd):
    X, y = rows(SHAPES["tall"])
    problem = signed(X, y, "gram", np.ones(X.shape[1]))
    (mine,) = problem.lasso(wd, np.array([0.3]))[0]
    same = {"fit_intercept": False, "positive": True, "tol": 1e-14, "max_iter": 10**5}
    theirs = Lasso(0.15, **same)
    if wd:
        theirs = ElasticNet(alpha=0.16, l1_ratio=0.15 / 0.16, **same)
    np.testing.assert_allclose(mine, theirs.fit(X, y).coef_, atol=1e-9)


@pytest.mark.parametrize("by", ["gram", "factor"])
@pytest.mark.parametrize("l1", [0.0, 0.05])
@pytest.mark.parametrize("wd", [0.0, 0.1])
@pytest.mark.parametrize("shape", [(120, 40), SHAPES["square"]], ids=str)
def test_the_certificate_of_what_is_no_optimum_holds(monkeypatch, shape, wd, l1, by):
    X, y = rows(shape, 0.1)
    signs = mixed(shape[1])

    def solved():
        problem = signed(X, y, by, signs)
        if l1:
            weights, gap = problem.lasso(wd, np.array([l1]))
            return weights[0], gap[0]
        weights, gap = problem.ridge(np.array([wd]))
        return weights[:, 0], gap[0]

    best, far = solved()
    least = objective(X, y, best, wd, l1)
    assert far < 1e-9
    monkeypatch.setattr(quadratics, "STEPS", 1)
    monkeypatch.setattr(signed_module, "PATIENCE", 0)
    other, bound = solved()
    lacking = objective(X, y, other, wd, l1) - least
    assert lacking > 1e-6
    assert bound >= lacking


def test_the_closed_form_stays_where_no_sign_binds():
    X, y = rows(SHAPES["tall"])
    free = quadratic(X, y, "gram").ridge(WD)
    signs = np.sign(free[0][:, -1]).astype(np.int8) * (np.abs(free[0]) > 0.3).all(1)
    assert signs.any()
    found = signed(X, y, "gram", signs).ridge(WD)
    np.testing.assert_array_equal(found[0], free[0])
    np.testing.assert_array_equal(found[1], free[1])


def test_nearly_equal_features_keep_the_digits_of_a_factor():
    """Without a penalty, where others are there twice, or constant."""
    X, y = rows((120, 40), 1e-6)
    X = np.c_[X, X[:, :3], np.zeros(len(y))]
    signs = np.resize(np.array([0, 1, 1, -1, -1], dtype=np.int8), X.shape[1])
    weights, gap = signed(X, y, "factor", signs).ridge(np.zeros(1))
    mine = weights[:, 0]
    assert (mine * signs >= 0).all()
    assert gap[0] < 1e-6
    other = objective(X, y, by_scipy(X, y, 1e-14, signs), 0.0)
    assert objective(X, y, mine, 0.0) < other


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_directions_are_those_of_the_weights_that_are_not_held(shape):
    X, y = rows(shape)
    signs = mixed(shape[1])
    problem = signed(X, y, "factor", signs)
    weights, _ = problem.ridge(WD)
    for mine, wd, found in zip(
        weights.T, WD, problem.directions(weights, WD), strict=True
    ):
        Z = X[:, mine != 0]
        inside = Z.T @ Z / len(y)
        bent = inside + wd / 2 * np.eye(len(inside))
        np.testing.assert_allclose(found, np.trace(np.linalg.solve(bent, inside)))
