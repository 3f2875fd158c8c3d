"""Sparse rows: broken ones are refused, and stored zeros are absent."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker._kernels import FACTOR_CHOICES, LINEAR_CHOICES
from sklearn_sagemaker._state import Contents, RowSource

RNG = np.random.default_rng(0)
N, D = 120, 9
A = RNG.normal(size=(N, D)) * (RNG.random((N, D)) < 0.4)
Y = A @ RNG.normal(size=D)
LABELS = (Y > 0).astype(int)
QUICK = {"epochs": 2, "random_state": 0}
SMALL = {"num_factors": 2, **QUICK}


def broken(indptr, dtype, kind):
    X = kind((5, D))
    X.data, X.indices = np.ones(8), (np.arange(8) % D).astype(dtype)
    X.indptr = np.array(indptr, dtype=dtype)
    return X


BROKEN = {
    "wraps": ([0, 2**63 - 1, -(2**63), -1, 0, 5], np.int64),
    "wraps in 32 bits": ([0, 2**31 - 1, -(2**31), -1, 0, 5], np.int32),
    "falls": ([0, 2, -(10**9), 6, 8, 8], np.int64),
}
FIVE = np.array([0, 1, 0, 1, 1])
RATER = FactorizationMachinesRegressor(cv=False, **SMALL).fit(sp.csr_array(A), Y)
LINEAR = LinearLearnerClassifier(cv=False, **QUICK).fit(sp.csr_array(A), LABELS)
CALLS = {
    "fit": lambda X: LinearLearnerClassifier(**QUICK).fit(X, FIVE),
    "fit of machines": lambda X: FactorizationMachinesRegressor(**SMALL).fit(X, FIVE),
    "X_val": lambda X: LinearLearnerRegressor(**QUICK).fit(A, Y, X_val=X, y_val=FIVE),
    "partial_fit": lambda X: LinearLearnerRegressor(**QUICK).partial_fit(X, FIVE),
    "predict": LINEAR.predict,
    "predict_proba": LINEAR.predict_proba,
    "decision_function": LINEAR.decision_function,
    "score": lambda X: LINEAR.score(X, FIVE),
    "predict of machines": RATER.predict,
    "item_vectors": RATER.item_vectors,
    "query_vectors": RATER.query_vectors,
    "recommend": lambda X: RATER.recommend(X, [0, 1]),
    "candidates": lambda X: RATER.recommend(A, X),
    "seen": lambda X: RATER.recommend(A[:5], np.arange(D), seen=X),
}


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csr_array])
@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("call", CALLS)
def test_broken_rows_are_refused_before_compiled_code_sees_them(call, fault, kind):
    with pytest.raises(ValueError, match="is no valid CSR matrix: its indptr falls"):
        CALLS[call](broken(*BROKEN[fault], kind))


def test_a_sparse_matrix_is_no_list_of_features():
    X = sp.csr_array(A[:5])
    with pytest.raises(ValueError, match="numbers of columns or names, got object"):
        RATER.pair_weights(X, 0)


def with_zeros(dtype, index, kind=sp.csr_matrix):
    """The rows, and the same with some zeros stored."""
    stored = (A != 0) | (np.random.default_rng(1).random(A.shape) < 0.3)
    found = []
    for where in (stored, A != 0):
        rows, columns = np.nonzero(where)
        X = kind(
            sp.coo_array((A[rows, columns].astype(dtype), (rows, columns)), A.shape)
        )
        X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
        found.append(X)
    assert found[0].nnz > found[1].nnz
    return found


MODELS = {
    **{
        f"linear {optimizer}": (
            LinearLearnerRegressor(optimizer=optimizer, wd=0.01, l1=0.001, **QUICK),
            Y,
        )
        for optimizer in LINEAR_CHOICES
    },
    **{
        f"machines {optimizer}": (
            FactorizationMachinesRegressor(optimizer=optimizer, **SMALL),
            Y,
        )
        for optimizer in FACTOR_CHOICES
    },
    "linear classes": (LinearLearnerClassifier(**QUICK), LABELS),
    "machines of classes": (FactorizationMachinesClassifier(**SMALL), LABELS),
    "als": (FactorizationMachinesRegressor(solver="als", **SMALL), Y),
    "mcmc": (FactorizationMachinesClassifier(solver="mcmc", **SMALL), LABELS),
}


def learned(model):
    names = ("coef_", "intercept_", "factors_", "threshold_", "best_score_")
    return {name: getattr(model, name) for name in names if hasattr(model, name)}


@pytest.mark.parametrize(
    ("dtype", "index", "kind"),
    [("f4", "i4", sp.csr_matrix), ("f8", "i8", sp.csr_array)],
)
@pytest.mark.parametrize("how", ["fit", "X_val", "partial_fit"])
@pytest.mark.parametrize("name", MODELS)
def test_stored_zeros_are_absent(name, how, dtype, index, kind):
    model, y = MODELS[name]
    if how == "partial_fit" and not hasattr(model, "partial_fit"):
        pytest.skip("needs all rows at once")
    models = []
    for X in with_zeros(dtype, index, kind):
        before, found = X.copy(), clone(model)
        if how == "fit":
            found.fit(X, y)
        elif how == "X_val":
            found.fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
        else:
            labels = {"classes": [0, 1]} if y is LABELS else {}
            for rows in (slice(0, 60), slice(60, N)):
                found.partial_fit(X[rows], y[rows], **labels)
        models.append(learned(found))
        np.testing.assert_array_equal(X.data, before.data)
        np.testing.assert_array_equal(X.indices, before.indices)
    for attribute, value in models[1].items():
        np.testing.assert_array_equal(models[0][attribute], value, err_msg=attribute)


def test_blocks_store_no_zeros():
    """Those of BSR hold zeros, which CSR stores."""
    X = sp.bsr_array(np.hstack([A, np.zeros((N, 1))]), blocksize=(2, 2))
    assert X.tocsr().nnz > np.count_nonzero(A)
    plain = sp.csr_array(X.toarray())
    found, expected = (
        LinearLearnerRegressor(**QUICK).fit(rows, Y) for rows in (X, plain)
    )
    np.testing.assert_array_equal(found.coef_, expected.coef_)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_still(bad):
    X = with_zeros("f8", "i4")[0]
    X.data[3] = bad
    with pytest.raises(ValueError, match="NaN|infinity"):
        LinearLearnerRegressor(**QUICK).fit(X, Y)


class Rows(RowSource):
    """Rows in windows of 40."""

    memory = 300_000

    def __init__(self, X):
        self.X = X

    @property
    def contents(self):
        return Contents(N, D, True, self.X.dtype, 10**6, np.unique(LABELS), None)

    def load(self):
        raise NotImplementedError

    def windows(self, seed, epoch):
        draws = np.random.default_rng(0).random(N)
        for start in range(0, N, 40):
            rows = slice(start, start + 40)
            yield self.X[rows], LABELS[rows], None, draws[rows]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    "model",
    [LinearLearnerClassifier(**QUICK), FactorizationMachinesClassifier(**SMALL)],
)
def test_stored_zeros_of_windows_are_absent(model, method):
    found, expected = (
        getattr(clone(model), method)(Rows(X)) for X in with_zeros("f4", "i4")
    )
    for attribute, value in learned(expected).items():
        np.testing.assert_array_equal(getattr(found, attribute), value)


def test_windows_that_are_broken_are_refused():
    class Broken(Rows):
        def windows(self, seed, epoch):
            for _, *others in super().windows(seed, epoch):
                yield broken(*BROKEN["wraps"], sp.csr_matrix), *others

    with pytest.raises(ValueError, match="falls"):
        LinearLearnerClassifier(**QUICK).fit(Broken(sp.csr_array(A)))


def test_records_with_stored_zeros_train_as_those_without(tmp_path):
    from sklearn_sagemaker.io import FileDataset, write_recordio

    models = []
    for number, X in enumerate(with_zeros("f4", "i4")):
        write_recordio(tmp_path / f"{number}.pbr", X, LABELS)
        source = FileDataset(tmp_path / f"{number}.pbr")
        models.append(LinearLearnerClassifier(**QUICK).fit(source))
    np.testing.assert_array_equal(models[0].coef_, models[1].coef_)


@pytest.mark.parametrize("model", [LINEAR, RATER])
def test_zeros_change_no_prediction(model):
    zeros, plain = with_zeros("f4", "i4")
    score = getattr(model, "decision_function", model.predict)
    np.testing.assert_allclose(score(zeros), score(plain), rtol=1e-13, atol=1e-13)


def test_entries_in_one_place_train_as_their_sum():
    """Also if int8 cannot hold it, or it is zero and so absent."""
    X = sp.csr_array((np.abs(A) > 0.5).astype("i1") * np.int8(100))
    twice = X.copy()
    twice.data = np.repeat(X.data, 2)
    twice.indices, twice.indptr = np.repeat(X.indices, 2), 2 * X.indptr
    sums = X.astype("f8") * 2
    found, expected = (
        LinearLearnerRegressor(**QUICK).fit(rows, Y) for rows in (twice, sums)
    )
    np.testing.assert_array_equal(found.coef_, expected.coef_)
    np.testing.assert_allclose(found.predict(twice), expected.predict(sums))

    halves = with_zeros("f8", "i4")[1]
    halves = sp.csr_array(sp.hstack([halves, sp.csr_array((N, 1))]))
    rows, columns = np.arange(N).repeat(2), np.full(2 * N, D)
    cancel = sp.coo_array((np.tile([1.0, -1.0], N), (rows, columns)), halves.shape)
    both = sp.coo_array(halves)
    parts = [
        np.concatenate([left, right])
        for left, right in (
            (both.data, cancel.data),
            (both.coords[0], cancel.coords[0]),
            (both.coords[1], cancel.coords[1]),
        )
    ]
    added = sp.coo_array((parts[0], tuple(parts[1:])), halves.shape)
    found, expected = (
        LinearLearnerRegressor(**QUICK).fit(rows, Y) for rows in (added, halves)
    )
    np.testing.assert_array_equal(found.coef_, expected.coef_)


def test_a_sum_beyond_float32_is_refused():
    X = sp.csr_array(A.astype("f4"))
    X.data = np.repeat(X.data, 2)
    X.indices, X.indptr = np.repeat(X.indices, 2), 2 * X.indptr
    X.data[:2] = 3e38
    for call in (LinearLearnerRegressor(**QUICK).fit, RATER.score):
        with pytest.raises(ValueError, match="whose sum is not finite in float32"):
            call(X, Y)


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
@pytest.mark.parametrize("how", ["fit", "X_val", "partial_fit"])
@pytest.mark.parametrize("name", ["linear classes", "machines of classes", "als"])
def test_floats_that_scipy_takes_no_rows_of_are_plain_ones(name, how, dtype):
    model, y = MODELS[name]
    if how == "partial_fit" and not hasattr(model, "partial_fit"):
        pytest.skip("needs all rows at once")
    plain = sp.csr_array(A.astype(np.float16).astype(np.float32))
    odd = plain.copy()
    odd.data = odd.data.astype(dtype)
    wide = sp.csr_array(plain.astype(np.float64) if dtype is np.longdouble else plain)
    models = []
    for X in (odd, wide):
        found = clone(model)
        if how == "fit":
            found.fit(X, y)
        elif how == "X_val":
            found.fit(plain, y, X_val=X, y_val=y)
        else:
            found.partial_fit(X, y, **({"classes": [0, 1]} if y is LABELS else {}))
        models.append(learned(found))
    for attribute, value in models[1].items():
        np.testing.assert_array_equal(models[0][attribute], value, err_msg=attribute)


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize(
    "X",
    [
        sp.csr_array((2, 4)),
        sp.csr_array((8, 50)),
        sp.csr_array([[0.0, 2.0]]),
        np.ones((1, 1)),
    ],
    ids=["none of 2 rows", "none of 8 rows", "one row", "one number"],
)
def test_rows_that_say_nothing_have_the_mean_of_the_labels(X, positive):
    y = np.arange(1.0, 1.0 + X.shape[0])
    model = LinearLearnerRegressor(positive=positive, random_state=0).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y.mean())
