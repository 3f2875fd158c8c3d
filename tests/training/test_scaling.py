"""Scalers: weighted, streaming, stable, and folded back."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker.training.scaling import (
    SCALINGS,
    FeatureStatistics,
    feature_statistics,
    label_statistics,
    stored_counts,
)


@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sp.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_statistics_equal_numpy(make, dtype):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(40, 5)) * (rng.random((40, 5)) < 0.5)).astype(dtype)
    X[:, 2] = 0.0
    weights = rng.uniform(0.5, 2.0, 30)
    rows = rng.permutation(40)[:30]
    found = feature_statistics(RowReader(make(X)), rows, weights)
    mean = np.average(X[rows].astype(float), axis=0, weights=weights)
    variance = np.average((X[rows] - mean) ** 2, axis=0, weights=weights)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(found.deviation, np.sqrt(variance), rtol=1e-6)


def test_a_mean_of_a_million_deviations_costs_no_digits():
    X = np.random.default_rng(0).normal(1e6, 1.0, (1000, 1))
    found = feature_statistics(RowReader(X), np.arange(1000), np.ones(1000))
    assert found.deviation[0] == pytest.approx(X.std(), rel=1e-9)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 1e8, -3e-9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_features_become_one(value, dtype):
    X = np.full((100, 2), value, dtype=dtype)
    X[:, 1] = np.arange(100)
    found = feature_statistics(RowReader(X), np.arange(100), np.full(100, 0.3))
    assert found.deviation[0] == 0
    for kind in SCALINGS:
        scale = found.scale(kind)
        assert np.isfinite(scale).all()
        assert (scale > 0).all()
    one = abs(value) or 1.0
    assert found.scale("standard")[0] == pytest.approx(1 / one, rel=1e-6)


def test_scalings():
    found = FeatureStatistics(np.array([3.0, 0.0]), np.array([1.0, 7.0]))
    np.testing.assert_allclose(found.scale("standard"), [1, 1 / 7])
    np.testing.assert_allclose(found.scale("floored"), [1 / 5, 1 / 7])
    np.testing.assert_allclose(found.scale("norm"), [1 / np.sqrt(59)] * 2)
    np.testing.assert_allclose(found.scale("none"), [1, 1])


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_the_share_of_rows_that_store_a_feature(make):
    X = np.array([[1.0, 0.0, 2.0], [3.0, 0.0, 0.0], [4.0, 0.0, 0.0]])
    found = feature_statistics(RowReader(make(X)), np.arange(3), np.array([1.0, 1, 2]))
    if make is np.asarray:
        assert found.present is None
    else:
        np.testing.assert_allclose(found.present, [1.0, 0.0, 0.25])


@pytest.mark.parametrize("kind", ["standard", "floored", "norm"])
def test_units_of_sparse_features_do_not_matter(kind):
    X = sp.random_array((300, 20), density=0.2, format="csr", rng=0)
    units = 10.0 ** np.arange(-5, 5, 0.5)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, 300)
    scales = [
        feature_statistics(RowReader(rows), np.arange(300), weights).scale(kind)
        for rows in (X, (X @ sp.diags_array(units)).tocsr())
    ]
    np.testing.assert_allclose(scales[0], scales[1] * units, rtol=1e-9)


def test_scalings_of_sparse_features():
    """In the first feature one row in four stores a 4, in the second all an 8."""
    X = sp.csr_array(np.array([[4.0, 8, 0], [0, 8, 0], [0, 8, 0], [0, -8, 0]]))
    found = feature_statistics(RowReader(X), np.arange(4), np.ones(4))
    np.testing.assert_allclose(found.units(), [4, 8, 6])
    deviation = np.array([np.sqrt(3) / 4, np.sqrt(3) / 2])
    level = np.sqrt(np.mean(deviation**2))
    np.testing.assert_allclose(
        found.scale("floored"), [1 / (4 * level), 1 / (8 * deviation[1]), 1]
    )
    length = np.sqrt(1 / 4 + 1)  # root mean square length of a row in those units
    np.testing.assert_allclose(
        found.scale("norm"), [1 / (4 * length), 1 / (8 * length), 1 / (6 * length)]
    )
    # In the units of the data.
    np.testing.assert_allclose(found.scale("length"), [1 / np.sqrt(4 + 64)] * 3)
    np.testing.assert_allclose(found.scale("none"), 1.0)


def test_label_statistics():
    y, weights = np.array([0.0, 1.0, 5.0]), np.array([1.0, 2.0, 1.0])
    mean = np.average(y, weights=weights)
    deviation = np.sqrt(np.average((y - mean) ** 2, weights=weights))
    assert label_statistics(y, weights, True, True) == pytest.approx((mean, deviation))
    assert label_statistics(y, weights, False, False) == (0.0, 1.0)
    assert label_statistics(np.full(3, 7.0), weights, True, True) == (7.0, 1.0)


def test_stored_counts_of_some_rows():
    X = sp.random_array((500, 30), density=0.2, format="csr", rng=0)
    for rows in (np.arange(500), np.arange(3, 490), np.arange(0, 500, 3)):
        expected = (X.toarray()[rows] != 0).sum(axis=0)
        np.testing.assert_array_equal(stored_counts(X, rows), expected)


@pytest.mark.parametrize("offset", [1e6, 1e7])
def test_what_float32_tells_apart_far_from_zero_counts(offset):
    rng = np.random.default_rng(0)
    X = np.column_stack([offset + rng.normal(size=500), np.full(500, offset + 0.1)])
    X = X.astype(np.float32)
    found = feature_statistics(RowReader(X), np.arange(500), np.ones(500))
    # One step of float32 is 0.06 and 1 there.
    np.testing.assert_allclose(found.deviation, [np.std(X[:, 0].astype(float)), 0.0])
