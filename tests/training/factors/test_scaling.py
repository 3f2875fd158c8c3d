"""How Factorization Machines see features and labels, and the way back."""

import numpy as np
import pytest
import scipy.sparse as sp

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
