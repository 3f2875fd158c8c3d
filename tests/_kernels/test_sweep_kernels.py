"""Every level of the sweeps against the slow NumPy reference."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker._kernels import RowReader, available_levels
from sklearn_sagemaker._kernels.levels import load_level

from . import sweeps_reference

LEVELS = available_levels()
DTYPES = (np.float32, np.float64)
N_ROWS, N_FEATURES = 150, 9  # columns longer and shorter than one piece of sums
NONE = np.zeros(0)


def make_X(values, rng):
    X = (rng.random((N_ROWS, N_FEATURES)) < 0.3).astype(float)
    X[:, 0] = 1.0
    X[:, 4] = 0.0  # a feature that no row stores
    X[:, 5] = 0.0
    X[3, 5] = 1.0  # one that a single row stores
    X[:, 6] = 0.0
    X[20:28, 6] = 1.0  # rows fewer than factors
    X[7] = 0.0  # a row that stores nothing
    if values:
        X *= rng.normal(size=X.shape)
    return X


def columns_of(level, X, rows=None, shift=NONE, scale=NONE):
    """indptr, row numbers without padding, values (or (0,)) of the columns."""
    kernels = load_level(level, "_sweeps")
    reader = RowReader(X)
    rows = np.arange(X.shape[0]) if rows is None else rows
    d = X.shape[1]
    ends, last = np.zeros(d, np.int64), np.full(d, -1, np.int32)
    nothing = np.zeros(0, reader.dtype)
    args = (reader, rows.astype(np.int64), shift, scale)
    others = kernels.store_columns(*args, ends, last, np.zeros(0, np.int32), nothing)
    indptr = np.concatenate([[0], np.cumsum(ends)])
    row_numbers = np.zeros(indptr[-1] + kernels.AHEAD, np.int32)
    values = np.zeros(indptr[-1] if others else 0, reader.dtype)
    last[:] = -1
    ends[:] = indptr[:-1]
    kernels.store_columns(*args, ends, last, row_numbers, values)
    np.testing.assert_array_equal(ends, indptr[1:])
    return indptr, row_numbers, values


def to_dense(columns, n):
    indptr, row_numbers, values = columns
    stored = row_numbers[: indptr[-1]]
    values = values if len(values) else np.ones(len(stored))
    return sp.csc_array((values, stored, indptr), (n, len(indptr) - 1)).toarray()


def layouts(X):
    yield np.ascontiguousarray(X)
    yield np.asfortranarray(X)
    csr = sp.csr_array(X)
    yield csr
    wide = csr.copy()
    wide.indices, wide.indptr = (a.astype(np.int64) for a in (csr.indices, csr.indptr))
    yield wide


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", [*DTYPES, np.uint8, np.int64])
def test_columns_hold_the_rows_in_use(level, dtype):
    X = (10 * make_X(True, np.random.default_rng(0))).astype(dtype)
    rows = np.random.default_rng(1).permutation(N_ROWS)[:90]
    scale = np.linspace(1.0, 2.0, N_FEATURES)
    for layout in layouts(X):
        found = to_dense(columns_of(level, layout, rows), len(rows))
        np.testing.assert_array_equal(found, X[rows])
        found = to_dense(columns_of(level, layout, rows, NONE, scale), len(rows))
        np.testing.assert_allclose(found, X[rows] / scale, rtol=1e-6)


def test_a_shift_fills_dense_columns():
    X = make_X(True, np.random.default_rng(0))
    shift, scale = np.arange(N_FEATURES, dtype=float), np.full(N_FEATURES, 2.0)
    indptr, *_ = columns = columns_of(LEVELS[0], X, None, shift, scale)
    assert indptr[-1] == X.size
    np.testing.assert_allclose(to_dense(columns, N_ROWS), (X - shift) / scale)


def test_values_are_left_out_only_if_all_are_one():
    X = make_X(False, np.random.default_rng(0))
    assert len(columns_of(LEVELS[0], sp.csr_array(X))[2]) == 0
    X[2, 0] = 2.0
    assert len(columns_of(LEVELS[0], sp.csr_array(X))[2]) == np.count_nonzero(X)


def test_repeated_entries_add_up_and_zeros_are_left_out():
    data, indices, indptr = [1.0, 1.0, 0.0, 1.0], [2, 2, 0, 1], [0, 3, 4]
    X = sp.csr_array((data, indices, indptr), shape=(2, 3))
    columns = columns_of(LEVELS[0], X)
    assert columns[0][-1] == 2
    np.testing.assert_array_equal(to_dense(columns, 2), [[0, 0, 2], [0, 1, 0]])


class Problem:
    """Numbers, prior and errors of one panel, lines beside them."""

    def __init__(self, n_factors, linear, values, dtype, weighted):
        rng = np.random.default_rng(n_factors)
        self.X = make_X(values, rng).astype(dtype).astype(float)
        self.linear = linear
        m = self.m = n_factors + linear
        numbers = rng.normal(size=(N_FEATURES, m), scale=0.5)
        self.numbers = numbers.astype(np.float32).astype(float)
        self.errors = rng.normal(size=N_ROWS).astype(np.float32).astype(float)
        weights = rng.uniform(0.5, 2, N_ROWS) if weighted else np.ones(N_ROWS)
        self.weights = weights
        self.roots = np.sqrt(weights if weighted else NONE).astype(dtype)
        self.groups = (np.arange(N_FEATURES) % 3).astype(np.int32)
        self.precision, self.mean = np.zeros((2, 3, 16))
        self.precision[:, :m] = rng.uniform(0.5, 2, (3, m))
        self.mean[:, :m] = rng.normal(size=(3, m))
        self.noise = np.zeros((N_FEATURES, 16))
        self.noise[:, :m] = rng.normal(size=(N_FEATURES, m))
        self.lines = np.zeros((N_ROWS, 16), dtype=dtype)
        self.lines[:, -1] = self.errors
        self.parameters = np.zeros((N_FEATURES, 16))
        self.parameters[:, :m] = self.numbers


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("n_factors", "linear"), [(0, True), (3, False), (8, True), (15, 0)]
)
@pytest.mark.parametrize(("values", "weighted"), [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("noisy", [False, True])
def test_a_sweep_is_that_of_the_reference(
    level, dtype, n_factors, linear, values, weighted, noisy
):
    kernels = load_level(level, "_sweeps")
    p = Problem(n_factors, bool(linear), values, dtype, weighted)
    X = sp.csr_array(p.X.astype(dtype))
    columns = columns_of(level, X)
    lane = n_factors if linear else -1
    tolerance = {"rtol": 2e-3, "atol": 2e-3} if dtype == np.float32 else {"rtol": 1e-8}

    out = np.zeros(N_ROWS)
    kernels.sum_panel(*columns, p.lines, p.parameters, p.m, lane, out)
    factors = p.numbers[:, :n_factors]
    np.testing.assert_allclose(p.lines[:, :n_factors], p.X @ factors, **tolerance)
    coef = p.numbers[:, -1] if linear else np.zeros(N_FEATURES)
    expected = sweeps_reference.predict(p.X, 0.0, coef, factors)
    np.testing.assert_allclose(out, expected, atol=1e-5)
    np.testing.assert_array_equal(p.lines[:, -1], p.errors)

    noise = p.noise if noisy else np.zeros((0, 16))
    kernels.sweep_panel(
        *columns,
        p.roots,
        p.lines,
        p.parameters,
        p.groups,
        p.precision,
        p.mean,
        noise,
        1.7,
        p.m,
        lane,
    )
    before = p.numbers.copy()
    sweeps_reference.sweep(
        p.X,
        p.errors,
        p.weights,
        p.numbers,
        p.precision[p.groups, : p.m],
        p.mean[p.groups, : p.m],
        1.7,
        linear=bool(linear),
        noise=p.noise[:, : p.m] if noisy else None,
    )
    np.testing.assert_allclose(p.parameters[:, : p.m], p.numbers, **tolerance)
    np.testing.assert_allclose(p.lines[:, -1], p.errors, **{"atol": 1e-8, **tolerance})
    np.testing.assert_allclose(
        p.lines[:, :n_factors], p.X @ p.numbers[:, :n_factors], **tolerance
    )
    assert np.abs(p.numbers - before).max() > 0.1
    np.testing.assert_array_equal(p.parameters[4, : p.m], before[4])
    assert not p.parameters[:, p.m :].any()


def test_draws_of_rare_features_have_the_covariance_of_the_others():
    rng = np.random.default_rng(0)
    slopes, precision = rng.normal(size=(4, 7)), rng.uniform(0.5, 2, 7)
    root = sweeps_reference.inverse_root(slopes, precision)
    P = slopes.T @ slopes + np.diag(precision)
    np.testing.assert_allclose(root @ root.T, np.linalg.inv(P))


@pytest.mark.parametrize("level", LEVELS)
def test_rare_features_without_a_prior_take_what_their_rows_say(level):
    kernels = load_level(level, "_sweeps")
    p = Problem(8, True, 0, np.float64, 0)
    columns = columns_of(level, sp.csr_array(p.X))
    kernels.sum_panel(*columns, p.lines, p.parameters, p.m, 8, np.zeros(N_ROWS))
    p.precision[:] = p.mean[:] = 0.0
    kernels.sweep_panel(
        *columns, p.roots, p.lines, p.parameters, p.groups, p.precision, p.mean,
        np.zeros((0, 16)), 1.7, p.m, 8,
    )  # fmt: skip
    assert np.isfinite(p.parameters).all()
    # The last feature has rows enough.
    mean = p.X[:, -1] @ p.lines[:, -1] / p.X[:, -1].sum()
    np.testing.assert_allclose(mean, 0.0, atol=1e-8)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("k", [1, 8, 34])
def test_products_of_pairs(level, k):
    rng = np.random.default_rng(k)
    left, right = rng.normal(size=(5, k)), rng.normal(size=(7, k))
    queries, items = (rng.integers(n, size=40).astype(np.int32) for n in (5, 7))
    out = np.empty(40)
    load_level(level, "_sweeps").pair_products(queries, items, left, right, out)
    expected = np.einsum("ij,ij->i", left[queries], right[items])
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-12)
