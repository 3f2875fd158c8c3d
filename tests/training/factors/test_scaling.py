"""How Factorization Machines see features and labels, and the way back."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
)
from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker.exceptions import AllCandidatesDivergedError
from sklearn_sagemaker.training.factors.choice import mean_of
from sklearn_sagemaker.training.factors.gradient import Scaler, Solution, margins_of
from sklearn_sagemaker.training.factors.scaling import (
    LONGEST,
    feature_scaler,
    in_user_units,
)

D = 6


def solution(seed=0, n_outputs=1, k=3, dtype="f8"):
    rng = np.random.default_rng(seed)
    return Solution(
        rng.normal(size=n_outputs),
        rng.normal(size=(n_outputs, D)),
        rng.normal(size=(n_outputs, D, k)).astype(dtype),
    )


def scaler(shifted, scaled, seed=1):
    rng = np.random.default_rng(seed)
    return Scaler(
        rng.normal(size=D) if shifted else None,
        rng.uniform(0.3, 2.0, D) if scaled else None,
    )


def scores(found, X, by=None):
    """Margins of all outputs, pair by pair."""
    if by is not None:
        X = X - (0.0 if by.shift is None else by.shift)
        X = X * (1.0 if by.scale is None else by.scale)
    factors = found.factors.astype(float)
    pairs = np.einsum("cik,cjk->cij", factors, factors)
    pairs = np.triu(pairs, 1)
    linear = found.intercept + X @ found.coef.T
    return linear + np.einsum("ni,nj,cij->nc", X, X, pairs)


# ---------------------------------------------------------------------- the way back
@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("labels", [(0.0, 1.0), (-7.0, 1.0), (3.0, 40.0), (0.0, 1e-3)])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_model_is_the_same_in_the_units_of_the_user(
    shifted, scaled, labels, n_outputs, dtype
):
    X = np.random.default_rng(5).normal(size=(20, D))
    by, found = scaler(shifted, scaled), solution(n_outputs=n_outputs, dtype=dtype)
    origin, unit = labels
    user = in_user_units(found, by, origin, unit)
    # Of both, as dense rows have them, float32 factors become float64 at once.
    rtol = 1e-9 if dtype == "f8" or (shifted and scaled) else 1e-5
    wanted = scores(found, X, by) * unit + origin
    np.testing.assert_allclose(scores(user, X), wanted, rtol=rtol, atol=rtol * unit)
    assert user.factors.dtype == (np.float64 if shifted else np.dtype(dtype))
    assert user.coef.dtype == user.intercept.dtype == np.float64
    assert user.factors.flags.c_contiguous
    assert user.coef.flags.c_contiguous


def test_it_agrees_with_the_kernel():
    rng = np.random.default_rng(0)
    X, by, found = rng.normal(size=(20, D)), scaler(True, True), solution(k=4)
    trained = margins_of(
        RowReader(X), np.arange(20), found.intercept[None],
        np.ascontiguousarray(found.coef.T)[:, None], found.factors[0][:, None],
        by.arrays(np.float64),
    )  # fmt: skip
    user = in_user_units(found, by, 2.0, 3.0)
    np.testing.assert_allclose(scores(user, X), 3.0 * trained + 2.0, rtol=1e-10)


def test_a_model_far_from_the_origin_keeps_its_digits():
    rng = np.random.default_rng(0)
    X = 1e6 + 10.0 * rng.normal(size=(50, D))
    by = Scaler(X.mean(axis=0), 1.0 / X.std(axis=0))
    found = solution(dtype="f4")
    user = in_user_units(found, by, 0.0, 1.0)
    np.testing.assert_allclose(scores(user, X), scores(found, X, by), atol=1e-3)


def test_the_input_is_left_alone():
    found, by = solution(), scaler(True, True)
    before = [part.copy() for part in (found.intercept, found.coef, found.factors)]
    in_user_units(found, by, 3.0, 2.0)
    for part, old in zip(
        (found.intercept, found.coef, found.factors), before, strict=True
    ):
        np.testing.assert_array_equal(part, old)


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_mean_of_models_is_a_model(shifted, dtype):
    """Of different numbers of factors, too."""
    X = np.random.default_rng(5).normal(size=(20, D))
    by = scaler(shifted, True)
    models = [solution(seed, 2, k, dtype) for seed, k in enumerate((3, 1, 8))]
    mean = mean_of(models, by, 4.0, 2.0)
    wanted = np.mean([scores(one, X, by) * 2.0 + 4.0 for one in models], axis=0)
    rtol = 1e-9 if mean.factors.dtype == np.float64 else 1e-4
    np.testing.assert_allclose(scores(mean, X), wanted, rtol=rtol, atol=rtol)
    assert mean.factors.shape == (2, D, 12)
    assert mean.factors.dtype == (np.float64 if shifted else np.dtype(dtype))


# -------------------------------------------------------------------------- choices
def choose(X, weights=None, wanted=True):
    n = X.shape[0]
    weights = np.ones(n) if weights is None else weights
    rows = np.flatnonzero(weights > 0).astype(np.int64)
    return feature_scaler(RowReader(X), X, rows, weights, wanted)


def test_dense_features_are_standardised():
    rng = np.random.default_rng(0)
    X = 5.0 + rng.normal(size=(400, D)) * [1, 10, 100, 1e-3, 1e4, 1]
    by, square = choose(X)
    np.testing.assert_allclose(by.shift, X.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(by.scale, 1 / X.std(axis=0), rtol=1e-9)
    assert square == pytest.approx(1.0)


@pytest.mark.parametrize("d", [3, 8, 50])
def test_long_dense_rows_are_shrunk(d):
    X = np.random.default_rng(0).normal(2.0, 3.0, size=(500, d))
    by, square = choose(X)
    seen = (X - by.shift) * by.scale
    length = (seen**2).sum(axis=1).mean()
    assert length == pytest.approx(min(d, LONGEST))
    assert square == pytest.approx(length / d)
    # All alike.
    np.testing.assert_allclose(seen.std(axis=0), seen.std(), rtol=1e-9)


def test_dense_features_of_mostly_zeros_are_not_centred():
    rng = np.random.default_rng(0)
    X = np.eye(10)[rng.integers(10, size=300)]
    by, square = choose(X)
    assert by.shift is None
    assert (by.scale > 0).all()
    seen = X * by.scale
    assert (seen**2).sum(axis=1).mean() <= LONGEST * (1 + 1e-9)
    assert square == pytest.approx(np.mean(seen[X > 0] ** 2), rel=1e-6)


def test_sparse_ones_are_left_as_they_are():
    rng = np.random.default_rng(0)
    X = sp.csr_array(np.eye(10)[rng.integers(10, size=300)])
    by, square = choose(X)
    assert by.shift is None
    for part in by.arrays(np.float64)[1:]:
        np.testing.assert_allclose(part, 1.0, rtol=1e-12)
    assert square == pytest.approx(1.0)


def test_rows_of_ones_cost_no_multiplications():
    n, rng = 2000, np.random.default_rng(0)
    pairs = np.stack([rng.integers(50, size=n), 50 + rng.integers(80, size=n)], axis=1)
    X = sp.csr_array((np.ones(2 * n), pairs.ravel(), 2 * np.arange(n + 1)))
    assert choose(X)[0].scale is None


@pytest.mark.parametrize("size", [3.0, 1e3, 1e8])
def test_large_sparse_values_are_shrunk(size):
    rng = np.random.default_rng(0)
    dense = np.eye(10)[rng.integers(10, size=300)]
    dense[:, 2] *= size
    by, square = choose(sp.csr_array(dense))
    assert by.shift is None
    np.testing.assert_allclose(by.scale[2], 1 / size)
    np.testing.assert_allclose(np.delete(by.scale, 2), 1.0)
    assert square == pytest.approx(1.0)


def test_long_sparse_rows_are_shrunk():
    rng = np.random.default_rng(0)
    X = sp.csr_array((rng.random((300, 80)) < 0.3).astype(float))
    by, square = choose(X)
    seen = X.toarray() * by.scale
    assert (seen**2).sum(axis=1).mean() == pytest.approx(LONGEST)
    assert square == pytest.approx(np.mean(seen[seen > 0] ** 2))


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_no_scaler_unless_wanted(make):
    X = make(1e3 * np.random.default_rng(0).normal(size=(50, D)))
    assert choose(X, wanted=False) == (Scaler(), 1.0)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_weights_count_and_rows_of_weight_zero_do_not(make):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, D)) * 5 * (rng.random((60, D)) < 0.9)
    weights = rng.integers(0, 3, 60).astype(float)
    X[weights == 0] = 1e6
    found, square = choose(make(X), weights)
    repeated, other = choose(make(np.repeat(X, weights.astype(int), axis=0)))
    np.testing.assert_allclose(found.scale, repeated.scale, rtol=1e-9)
    assert square == pytest.approx(other)
    if found.shift is not None:
        np.testing.assert_allclose(found.shift, repeated.shift, rtol=1e-9)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
@pytest.mark.parametrize(
    "X", [np.zeros((20, 3)), np.ones((20, 3)), np.full((1, 3), 7.0)]
)
def test_constant_features_are_no_trouble(make, X):
    by, square = choose(make(X))
    for part in by.arrays(np.float64):
        assert np.isfinite(part).all()
    assert np.isfinite(square)
    assert square > 0


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_squares_that_overflow_are_refused(make):
    X = np.ones((20, 3))
    X[3, 1] = 1e200
    with pytest.raises(AllCandidatesDivergedError, match="Feature 1 "):
        choose(make(X))


def test_arrays_of_a_scaler():
    shift, scale = Scaler().arrays(np.float32)
    assert len(shift) == len(scale) == 0
    assert shift.dtype == scale.dtype == np.float32
    shift, scale = Scaler(None, np.ones(3)).arrays(np.float32)
    assert (len(shift), len(scale)) == (0, 3)


# ------------------------------------------------------ sparse columns of numbers
def rated(columns, n=900, seed=0):
    """Ids and what they add to y, beside columns that are made from normal numbers."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(12, size=n)
    hot = sp.csr_array((np.ones(n), (np.arange(n), ids)), shape=(n, 12))
    normal = rng.normal(size=(n, 1))
    X = sp.csr_array(sp.hstack([hot, columns(normal)], format="csr"))
    y = rng.normal(size=12)[ids] + normal[:, 0] + 0.2 * rng.normal(size=n)
    return X, y


def r2_of(X, y, **settings):
    cut = 2 * len(y) // 3
    model = FactorizationMachinesRegressor(num_factors=4, random_state=0, **settings)
    return model.fit(X[:cut], y[:cut]).score(X[cut:], y[cut:])


SOLVERS = pytest.mark.parametrize("solver", ["gradient", "als"])


@SOLVERS
@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e-6, 1e6])
def test_sparse_columns_of_any_unit_count(unit, solver):
    X, y = rated(lambda normal: unit * normal)
    assert r2_of(X, y, solver=solver) > 0.95


@pytest.mark.parametrize("unit", [1e-6, 1e-2])
def test_sparse_rows_of_small_values_alone_count(unit):
    X, y = rated(lambda normal: normal)
    assert r2_of(unit * X, y) > 0.95


@SOLVERS
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_sparse_columns_far_from_zero_are_centred(dtype, solver):
    X, y = rated(lambda normal: 2000.0 + normal)
    assert r2_of(X.astype(dtype), y, solver=solver) > 0.95


def test_of_many_sparse_columns_none_is_centred():
    X, _ = rated(lambda normal: 2000.0 + normal)
    rows, weights = np.arange(len(X.indptr) - 1), np.ones(X.shape[0])
    few, _ = feature_scaler(RowReader(X), X, rows, weights, True)
    np.testing.assert_allclose(few.shift, [*np.zeros(12), 2000.0], rtol=1e-3)
    wide = sp.csr_array((X.data, X.indices, X.indptr), shape=(X.shape[0], 5000))
    many, _ = feature_scaler(RowReader(wide), wide, rows, weights, True)
    assert many.shift is None


@pytest.mark.parametrize("sparse", [False, True])
def test_the_unit_of_skewed_amounts_is_their_mean_size(sparse):
    rng = np.random.default_rng(0)
    amounts = rng.lognormal(3.0, 2.0, size=(4000, 1))
    X = sp.csr_array(amounts) if sparse else np.hstack([amounts, 5.0 + 0 * amounts])
    weights = np.ones(4000)
    found, _ = feature_scaler(RowReader(X), X, np.arange(4000), weights, True)
    size = np.abs(amounts if sparse else amounts - amounts.mean()).mean()
    assert found.scale[0] == pytest.approx(1.0 / size)
    assert amounts.std() > 2.0 * size


def test_skewed_amounts_are_learned_as_by_logistic_regression():
    rng = np.random.default_rng(1)
    amounts = rng.lognormal(6.0, 2.0, size=(3000, 1))
    ids = rng.integers(20, size=3000)
    hot = sp.csr_array((np.ones(3000), (np.arange(3000), ids)), shape=(3000, 20))
    X = sp.csr_array(sp.hstack([hot, amounts], format="csr"))
    odds = rng.normal(size=20)[ids] + np.log(amounts[:, 0]) - 6.0
    y = rng.random(3000) < 1.0 / (1.0 + np.exp(-odds))
    a, b = slice(0, 2000), slice(2000, None)
    ours = FactorizationMachinesClassifier(random_state=0).fit(X[a], y[a])
    theirs = LogisticRegression(max_iter=2000).fit(X[a], y[a])
    losses = [log_loss(y[b], one.predict_proba(X[b])) for one in (ours, theirs)]
    assert losses[0] < 1.03 * losses[1]
