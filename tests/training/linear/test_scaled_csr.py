"""Sparse rows that are scaled in products alone."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker.training.linear import lockstep
from sklearn_sagemaker.training.linear.moments import ScaledRows
from sklearn_sagemaker.training.linear.scaled_csr import ScaledCsr

from ..conftest import fit


def rare_rows(n=500, d=12, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.gamma(1.0, size=(n, d)) * (rng.random((n, d)) < 0.1)
    y = (X @ rng.normal(size=d) + 0.5 * rng.logistic(size=n) > 0).astype(float)
    return X, y


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products_are_those_of_dense_rows(dtype, index):
    X, rng = rare_rows()[0].astype(dtype), np.random.default_rng(1)
    csr = sp.csr_array(X)
    csr.indices, csr.indptr = csr.indices.astype(index), csr.indptr.astype(index)
    reader = RowReader(csr)
    scaled = ScaledRows(X.mean(axis=0, dtype=float), 1.0 / X.std(axis=0, dtype=float))
    some = np.array([3, 4, 5, 9, 400])
    seen, dense = scaled.seen(reader, some), scaled.tile(reader, some)
    assert isinstance(seen, ScaledCsr)
    w, s = rng.normal(size=(12, 3)), rng.normal(size=(5, 3))
    np.testing.assert_allclose(seen @ w, dense @ w, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(seen.T @ s, dense.T @ s, rtol=1e-12, atol=1e-13)


def test_full_rows_and_features_far_from_zero_are_read_as_dense_ones():
    X = rare_rows()[0]
    some, ones = np.arange(5), np.ones(12)
    full = RowReader(sp.csr_array(X + 1.0))
    assert isinstance(ScaledRows(ones, ones).seen(full, some), np.ndarray)
    reader = RowReader(sp.csr_array(X))
    assert isinstance(ScaledRows(1e4 * ones, ones).seen(reader, some), np.ndarray)
    assert isinstance(ScaledRows(ones, ones).seen(RowReader(X), some), np.ndarray)
    held = ScaledRows(ones, ones)
    held.hold(reader)
    assert isinstance(held.seen(reader, some), np.ndarray)


@pytest.mark.parametrize("more", [{}, {"unbias_data": True}, {"use_bias": False}])
@pytest.mark.parametrize("l1", [0.0, 0.003])
def test_the_optimum_is_that_of_dense_rows(l1, more, monkeypatch):
    X, y = rare_rows()
    weights = np.random.default_rng(2).uniform(0.2, 3.0, len(y))
    monkeypatch.setattr(lockstep, "SAMPLE", 40)
    monkeypatch.setattr(lockstep, "OF_FEATURES", 8)
    fixed = {"wd": 1e-3, "l1": l1, "cv": False, "optimizer": "newton", **more}
    dense = fit(sp.csr_array(X), y, weights, **fixed)
    monkeypatch.setattr(ScaledRows.hold, "__defaults__", (0,))
    seen, kinds = ScaledRows.seen, set()
    monkeypatch.setattr(
        ScaledRows,
        "seen",
        lambda *given: kinds.add(type(rows := seen(*given))) or rows,
    )
    sparse = fit(sp.csr_array(X), y, weights, **fixed)
    assert kinds == {ScaledCsr}
    np.testing.assert_allclose(sparse.coef, dense.coef, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(sparse.intercept, dense.intercept, rtol=1e-6)
    np.testing.assert_allclose(
        sparse.candidates["train_loss"], dense.candidates["train_loss"], rtol=1e-9
    )
