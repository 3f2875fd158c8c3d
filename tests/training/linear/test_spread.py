"""Solved models and threads: the same bits for any number of them, and each at work."""

import threading

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor
from sklearn_sagemaker._threads import Spread, threads
from sklearn_sagemaker.training.linear import lockstep, moments, newton, softmax
from sklearn_sagemaker.training.linear.newton import SmoothFit

N, D = 1500, 6
LOSSES = ["squared_loss", "logistic", "huber_loss", "softmax_loss", "absolute_loss"]


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    """So that so many rows are several parts for all of them."""
    monkeypatch.setattr(moments, "TILE_BYTES", 1 << 10)
    monkeypatch.setattr(newton, "PART_ROWS", 100)
    monkeypatch.setattr(softmax, "CACHE", 1 << 8)
    monkeypatch.setattr(lockstep, "TILE_BYTES", 1 << 10)
    monkeypatch.setattr(Spread, "LEAST_WORK", 0)


@pytest.fixture
def at_work(monkeypatch):
    """Threads that have done some of what was spread."""
    seen = set()
    shared = Spread._shared

    def noted(self, pool, call, given):
        def work(*arguments):
            seen.add(threading.get_ident())
            return call(*arguments)

        return shared(self, pool, work, given)

    monkeypatch.setattr(Spread, "_shared", noted)
    return seen


def rows(loss, n=N, dtype=np.float64):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, D)).astype(dtype)
    scores = X @ rng.normal(size=(D, 3)) + rng.logistic(size=(n, 3))
    y = scores[:, 0]
    if loss == "logistic":
        y = (y > 0).astype(int)
    elif loss == "softmax_loss":
        y = scores.argmax(axis=1)
    return X, y, rng.uniform(0.2, 3.0, n)


def fitted(loss, X, y, weights, n_jobs, **more):
    kind = LinearLearnerRegressor
    if loss in ("auto", "logistic", "softmax_loss"):
        kind = LinearLearnerClassifier
    settings = {
        "loss": loss,
        "random_state": 0,
        "optimizer": "newton",
        "n_jobs": n_jobs,
    }
    return kind(**{**settings, **more}).fit(X, y, sample_weight=weights)


def assert_same(one, other):
    for name in ("coef_", "intercept_"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    for name in ("validation_loss", "train_loss", "optimality"):
        assert np.array_equal(
            one.candidates_[name], other.candidates_[name], equal_nan=True
        )


@pytest.mark.parametrize("cv", [False, "auto"])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_same_bits(loss, cv, at_work):
    X, y, weights = rows(loss)
    one = fitted(loss, X, y, weights, 1, cv=cv)
    assert len(at_work) == 0
    for n_jobs in (2, 8):
        assert_same(fitted(loss, X, y, weights, n_jobs, cv=cv), one)
    if loss != "absolute_loss" or cv:
        assert len(at_work) > 1


@pytest.mark.parametrize("form", ["csr", "float32", "uint8"])
@pytest.mark.parametrize("loss", ["squared_loss", "logistic"])
def test_other_rows(loss, form, at_work):
    X, y, weights = rows(loss)
    if form == "csr":
        X = sp.csr_matrix(np.where(np.abs(X) > 0.7, X, 0.0))
    elif form == "float32":
        X = X.astype(np.float32)
    else:
        X = (40 * X + 128).clip(0, 255).astype(np.uint8)
    one = fitted(loss, X, y, weights, 1)
    assert_same(fitted(loss, X, y, weights, 3), one)
    assert len(at_work) > 1


@pytest.mark.parametrize("classes", [2, 3])
def test_rows_of_many_features(classes, at_work):
    rng = np.random.default_rng(0)
    X = sp.random_array((60, 400), density=0.05, rng=rng, format="csr")
    y = np.arange(60) % classes
    one = fitted("auto", X, y, None, 1)
    assert set(one.candidates_["param_scaling"]) == {"none", "norm"}
    for n_jobs in (2, 5):
        assert_same(fitted("auto", X, y, None, n_jobs), one)
    assert len(at_work) > 1


def test_a_large_sample_is_drawn_once(monkeypatch, at_work):
    """Columns that ask for more rows at the same time are given the same."""
    monkeypatch.setattr(lockstep, "SAMPLE", 40)
    monkeypatch.setattr(lockstep, "OF_FEATURES", 4)
    drawn = []
    sampled = lockstep.LargeFit._sampled

    def noted(self, size):
        drawn.append((id(self), size))
        return sampled(self, size)

    monkeypatch.setattr(lockstep.LargeFit, "_sampled", noted)
    X, y, weights = rows("logistic")
    X[:, 1] = X[:, 0] + 0.01 * X[:, 1]
    one = fitted("logistic", X, y, weights, 1, cv=False)
    first = len(drawn)
    assert_same(fitted("logistic", X, y, weights, 4, cv=False), one)
    assert len(set(drawn)) == len(drawn) == 2 * first > 2
    assert len(at_work) > 1


@pytest.mark.parametrize("loss", ["logistic", "huber_loss", "softmax_loss"])
def test_second_derivatives_are_those_of_all_rows_at_once(loss):
    X, y, weights = rows(loss)
    outputs = 3 if loss == "softmax_loss" else 1
    rng = np.random.default_rng(1)
    w, b = rng.normal(size=(D, outputs)), rng.normal(size=outputs)
    found = []
    for count in (1, 2, 5):
        with threads(count) as spread:
            fit = SmoothFit(loss, 1.0, X, y, weights, outputs, True, spread=spread)
            margins = X @ w + b
            found.append(fit.hessian(margins, fit.slopes(w, b)))
    for part in range(3):
        assert np.array_equal(found[0][part], found[1][part])
        assert np.array_equal(found[0][part], found[2][part])
    ww, wb = np.zeros((outputs, D, outputs, D)), np.zeros((outputs, D, outputs))
    slopes = fit.slopes(w, b)
    table = np.zeros((outputs, outputs))
    for k, j, bend in fit._bends(margins, slopes, newton.LEAST):
        ww[k, :, j] = ww[j, :, k] = np.einsum("ni,n,nj->ij", X, bend, X)
        wb[k, :, j] = wb[j, :, k] = bend @ X
        table[k, j] = table[j, k] = bend.sum()
    np.testing.assert_allclose(found[0][0], ww.reshape(outputs * D, -1), rtol=1e-10)
    np.testing.assert_allclose(found[0][1], wb.reshape(-1, outputs), rtol=1e-10)
    np.testing.assert_allclose(found[0][2], table, rtol=1e-12)


def test_small_work_is_not_handed_over(at_work, monkeypatch):
    monkeypatch.undo()
    spread = Spread(None, 3)
    assert spread.worth(4e6, 16 << 20) is spread
    assert spread.worth(3.9e6) is not spread
    assert spread.worth(1e9, (16 << 20) + 1) is not spread
