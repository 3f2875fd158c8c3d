"""Every level of the compiled kernels against the slow NumPy reference."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker._kernels import (
    CONSTANTS,
    LOSS_IDS,
    LOSSES,
    OPTIMIZER_IDS,
    OPTIMIZERS,
    RowReader,
    available_levels,
    reference,
)
from sklearn_sagemaker._kernels.levels import load_level

LAYOUTS = ("C", "F", "sliced", "read-only", "csr32", "csr64", "csr-mixed")
N_ROWS, N_FEATURES = 41, 7
CONSTANT_VALUES = {"beta_1": 0.9, "beta_2": 0.99, "eps": 1e-8, "momentum": 0.6}


def as_layout(X, layout):
    """The same numbers in another layout."""
    if layout == "C":
        return np.ascontiguousarray(X)
    if layout == "F":
        return np.asfortranarray(X)
    if layout == "sliced":
        wide = np.zeros((2 * X.shape[0], X.shape[1] + 3), dtype=X.dtype)
        wide[::2, 1:-2] = X
        return wide[::2, 1:-2]
    if layout == "read-only":
        X = X.copy()
        X.flags.writeable = False
        return X
    X = sp.csr_array(X)
    if layout != "csr32":
        X.indices = X.indices.astype(np.int64)
    if layout == "csr64":
        X.indptr = X.indptr.astype(np.int64)
    for part in (X.data, X.indices, X.indptr):
        part.flags.writeable = False
    return X


class Problem:
    """Random inputs of one training pass."""

    def __init__(
        self,
        loss,
        optimizer,
        n_models,
        n_groups,
        dtype,
        seed=0,
        sparse=False,
        n_features=N_FEATURES,
    ):
        self.n_features = n_features
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(N_ROWS, self.n_features))
        if sparse:
            X[rng.random(X.shape) < 0.6] = 0.0
            X[:, 3] = 0.0  # a feature that no row stores
            X[5] = 0.0  # a row that stores nothing
        self.X = X.astype(dtype)
        self.loss, self.optimizer, self.dtype = loss, optimizer, dtype
        self.n_classes = 3 if LOSSES[loss].coupled else 1
        self.n_models = n_models
        self.n_columns = self.n_classes * n_models * n_groups
        if loss == "squared_loss":
            y = rng.normal(size=N_ROWS)
        else:
            y = rng.integers(0, 3 if self.n_classes > 1 else 2, N_ROWS)
        self.labels = y.astype(dtype)
        self.weights = rng.uniform(0.2, 2.0, N_ROWS).astype(dtype)
        self.order = rng.permutation(N_ROWS).astype(np.int64)
        self.bounds = np.array([0, 9, 10, 24, N_ROWS], dtype=np.int64)
        self.masked = np.array([-1, 1, 0, 2] if n_groups == 3 else [-1] * 4, np.int32)
        n_batches = len(self.bounds) - 1
        self.rate = rng.uniform(0.01, 0.1, (n_batches, self.n_columns))
        self.penalties = rng.uniform(0.0, 0.1, (3, self.n_columns))
        self.scale = rng.uniform(0.5, 2.0, (self.n_features, self.n_columns))
        self.shift = rng.normal(size=self.n_features)
        self.label_scaler = np.ones((2, self.n_columns))
        self.label_scaler[0] = 0.0
        if loss == "squared_loss":
            self.label_scaler = rng.uniform(0.5, 1.5, (2, self.n_columns))
        self.boost = rng.uniform(1.0, 3.0, self.n_features)
        self.start = 0.1 * rng.normal(size=(self.n_features, self.n_columns))

    def reference(self, centred, shared_scale, touched_only):
        model = reference.ReferenceModel(
            self.start.copy(),
            np.zeros((2, *self.start.shape)),
            np.zeros((3, self.n_columns)),
            np.zeros(self.n_columns, dtype=int),
            np.zeros(self.n_features, dtype=int),
        )
        scale = self.scale
        if shared_scale:
            scale = np.repeat(self.scale[:, :1], self.n_columns, axis=1)
        sums = reference.train(
            self.X.astype(np.float64),
            model,
            self.order,
            self.bounds,
            self.masked,
            self.labels.astype(np.float64),
            self.weights.astype(np.float64),
            self.rate,
            self.penalties,
            scale,
            self.shift if centred else np.empty(0),
            self.label_scaler,
            loss=self.loss,
            n_classes=self.n_classes,
            n_models=self.n_models,
            optimizer=self.optimizer,
            constants=CONSTANT_VALUES,
            bias_lr_mult=3.0,
            boost=self.boost,
            touched_only=touched_only,
        )
        return model, sums

    def compiled(self, kernels, layout, centred, shared_scale, narrow=None):
        dtype = self.dtype
        reader = RowReader(as_layout(self.X, layout))
        assert reader.dtype == dtype
        narrow = narrow and not reader.sparse
        ld = self.n_columns
        if not narrow and self.n_columns >= 8:
            ld = -(-self.n_columns // 16) * 16

        def lanes(values, fill=0.0):
            pad = ((0, 0), (0, ld - self.n_columns))
            return np.pad(values, pad, constant_values=fill).astype(dtype)

        W = lanes(self.start)
        if narrow:
            W = np.ascontiguousarray(W.T)
        n_states = OPTIMIZERS[self.optimizer].n_states
        S = [np.zeros(W.shape if i < n_states else (0, 0), dtype) for i in range(2)]
        bias = np.zeros((3, ld), dtype)
        steps = np.zeros(ld, np.int64)
        counts = np.zeros(self.n_features, np.int32)
        scale = (
            self.scale[:, :1].astype(dtype) if shared_scale else lanes(self.scale, 1)
        )
        if narrow and not shared_scale:
            scale = np.ascontiguousarray(scale.T)
        lazy = reader.sparse and not centred and OPTIMIZERS[self.optimizer].lazy_exact
        tables = np.empty((0, 0)), np.empty((0, 0))
        if lazy:
            rate = self.rate.copy()
            group = self.n_classes * self.n_models
            for t, fold in enumerate(self.masked):
                if fold >= 0:
                    rate[t, fold * group : (fold + 1) * group] = 0.0
            product = np.ones((len(rate) + 1, ld))
            product[1:, : self.n_columns] = np.cumprod(
                1 - rate * self.penalties[0], axis=0
            )
            total = np.zeros_like(product)
            total[1:, : self.n_columns] = np.cumsum(
                rate * self.penalties[1] / product[1:, : self.n_columns], axis=0
            )
            tables = product, total
        touches = np.arange(1, 100)
        corrections = np.ones((2, 100))
        for row, name in enumerate(("beta_1", "beta_2")):
            corrections[row, 1:] = 1 / (1 - CONSTANT_VALUES[name] ** touches)
        boost = np.ones(self.n_features) if lazy else self.boost
        loss_sum, weight_sum = np.zeros((2, ld))
        kernels.train(
            reader,
            self.order,
            self.bounds,
            self.masked,
            W,
            *S,
            bias,
            self.labels,
            self.weights,
            lanes(self.rate),
            lanes(self.penalties),
            scale,
            (self.shift if centred else np.empty(0)).astype(dtype),
            lanes(self.label_scaler),
            steps,
            counts if reader.sparse else counts[:0],
            boost.astype(dtype),
            corrections.astype(dtype),
            *tables,
            LOSS_IDS[self.loss],
            LOSSES[self.loss].coupled,
            self.n_classes,
            self.n_models,
            self.n_columns,
            0.0,
            OPTIMIZER_IDS[self.optimizer],
            n_states,
            np.array([CONSTANT_VALUES[name] for name in CONSTANTS], dtype),
            True,
            3.0,
            bool(narrow),
            loss_sum,
            weight_sum,
        )
        W = W.T if narrow else W[:, : self.n_columns]
        return W, bias[:, : self.n_columns], (loss_sum, weight_sum), steps


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_pass_equals_the_reference(level, optimizer, loss, dtype, layout):
    kernels = load_level(level)
    sparse = layout.startswith("csr")
    rtol, atol = (2e-4, 2e-5) if dtype is np.float32 else (1e-9, 1e-11)
    # Wide strips and few columns, folds and none, centred and not, one scale for
    # all models and one for each.
    cases = [
        (4, 3, False, True, False),
        (1, 1, True, False, True),
        (1, 3, False, False, True),
        (6, 3, True, True, False),
        (1, 1, False, True, False),
    ]
    for n_models, n_groups, centred, shared_scale, narrow in cases:
        problem = Problem(loss, optimizer, n_models, n_groups, dtype, sparse=sparse)
        touched_only = sparse and not centred and not OPTIMIZERS[optimizer].lazy_exact
        model, sums = problem.reference(centred, shared_scale, touched_only)
        W, bias, found, steps = problem.compiled(
            kernels, layout, centred, shared_scale, narrow
        )
        np.testing.assert_allclose(W, model.weights, rtol=rtol, atol=atol)
        np.testing.assert_allclose(bias[0], model.bias[0], rtol=rtol, atol=atol)
        np.testing.assert_array_equal(steps[: len(model.steps)], model.steps)
        for total, expected in zip(found, sums, strict=True):
            if LOSSES[loss].coupled and expected is sums[0]:
                expected = expected[expected != 0]
                total = total[total != 0]
            np.testing.assert_allclose(
                total[: len(expected)], expected, rtol=max(rtol, 1e-6)
            )


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("n_models", [1, 3, 16])
def test_batches_that_touch_few_of_many_features(level, optimizer, n_models):
    kernels = load_level(level)
    problem = Problem("logistic", optimizer, n_models, 1, np.float64, sparse=True,
                      n_features=3000)  # fmt: skip
    problem.X[:, 2:-2] *= np.random.default_rng(1).random(2996) < 0.01
    model, _ = problem.reference(False, True, not OPTIMIZERS[optimizer].lazy_exact)
    W, bias, _, _ = problem.compiled(kernels, "csr32", False, True)
    np.testing.assert_allclose(W, model.weights, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(bias[0], model.bias[0], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int8, np.uint16, np.int16, np.int32, np.uint32, np.int64,
              np.uint64, np.bool_, np.float16],
)  # fmt: skip
@pytest.mark.parametrize("order", ["C", "F"])
def test_integers_are_read_in_place(level, dtype, order):
    kernels = load_level(level)
    rng = np.random.default_rng(0)
    X = np.asarray(rng.integers(0, 100, (20, 5)), order=order).astype(dtype)
    W = rng.normal(size=(5, 16))
    bias = rng.normal(size=(1, 16))
    reader = RowReader(X)
    out = np.empty((20, 16), reader.dtype)
    rows = rng.permutation(20).astype(np.int64)
    shift = rng.normal(size=5)
    kernels.score(
        reader,
        rows,
        W.astype(reader.dtype),
        bias.astype(reader.dtype),
        shift.astype(reader.dtype),
        0,
        16,
        False,
        out,
    )
    expected = reference.margins(X[rows].astype(float), W, bias[0], shift)
    rtol = 1e-9 if reader.dtype == np.float64 else 1e-3
    np.testing.assert_allclose(out, expected, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("centred", [False, True])
def test_score_of_a_range_of_columns(level, dtype, layout, centred):
    kernels = load_level(level)
    rng = np.random.default_rng(1)
    X = rng.normal(size=(30, 6)) * (rng.random((30, 6)) < 0.5)
    X = X.astype(dtype)
    W = rng.normal(size=(6, 32)).astype(dtype)
    bias = rng.normal(size=(1, 32)).astype(dtype)
    shift = (rng.normal(size=6) if centred else np.empty(0)).astype(dtype)
    rows = rng.permutation(30)[:17].astype(np.int64)
    expected = reference.margins(X[rows], W, bias[0], shift)
    rtol = 1e-4 if dtype is np.float32 else 1e-10
    for first, last in ((0, 32), (3, 4), (5, 26)):
        out = np.empty((17, last - first), dtype)
        reader = RowReader(as_layout(X, layout))
        kernels.score(reader, rows, W, bias, shift, first, last, False, out)
        np.testing.assert_allclose(out, expected[:, first:last], rtol=rtol, atol=rtol)


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_of_extreme_margins(level, dtype, loss):
    """No overflow, no NaN, and the value that float64 NumPy finds."""
    kernels = load_level(level)
    n_classes = 3 if LOSSES[loss].coupled else 1
    extremes = [-1e30, -800.0, -90.0, -20.0, -1e-3, 0.0, 1e-9, 3.0, 40.0, 100.0, 1e4]
    margins = np.array(extremes, dtype)[:, None].repeat(n_classes, axis=1)
    if n_classes > 1:
        margins[:, 1] *= dtype(-0.5)
    labels = (np.arange(len(extremes)) % max(2, n_classes)).astype(dtype)
    rows = np.arange(len(extremes), dtype=np.int64)
    for row in rows:
        total = np.zeros(n_classes)
        z = margins[row : row + 1].copy()
        kernels.losses(
            z,
            rows[row : row + 1],
            labels,
            np.ones(len(extremes), dtype),
            np.array([[0] * n_classes, [1] * n_classes], dtype),
            LOSS_IDS[loss],
            n_classes > 1,
            n_classes,
            1,
            0.0,
            total,
        )
        exact = margins[row].astype(np.float64)
        label = np.full(n_classes, float(labels[row]))
        value, gradient = reference.loss_and_gradient(
            loss, 0.0, exact, label, n_classes, 1
        )
        rtol = 3e-6 if dtype is np.float32 else 1e-12
        atol = 1e-7 if dtype is np.float32 else 1e-14
        if np.abs(value).max() < np.finfo(dtype).max:
            np.testing.assert_allclose(total, value, rtol=rtol, atol=atol)
        np.testing.assert_allclose(z[0], gradient, rtol=rtol, atol=atol)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_is_the_derivative_of_the_value(loss):
    rng = np.random.default_rng(0)
    n_classes = 3 if LOSSES[loss].coupled else 1
    z = 3 * rng.normal(size=n_classes)
    label = np.full(n_classes, 1.0)
    _, gradient = reference.loss_and_gradient(loss, 0.0, z, label, n_classes, 1)
    for c in range(n_classes):
        step = np.zeros(n_classes)
        step[c] = 1e-6
        up, down = (
            reference.loss_and_gradient(
                loss, 0.0, z + sign * step, label, n_classes, 1
            )[0].sum()
            for sign in (1, -1)
        )
        assert gradient[c] == pytest.approx((up - down) / 2e-6, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("level", available_levels())
def test_column_statistics(level):
    kernels = load_level(level)
    rng = np.random.default_rng(0)
    X = rng.normal(1e6, 1.0, (50, 4))
    weights = rng.uniform(0.1, 2.0, 50)
    rows = np.arange(50, dtype=np.int64)
    centre = np.full(4, 1e6)
    for layout in ("C", "F", "csr32", "csr64"):
        first, second, stored = np.zeros((3, 4))
        reader = RowReader(as_layout(X, layout))
        kernels.column_statistics(reader, rows, weights, centre, first, second, stored)
        np.testing.assert_allclose(first, weights @ (X - centre))
        np.testing.assert_allclose(second, weights @ (X - centre) ** 2)
        if reader.sparse:
            np.testing.assert_allclose(stored, weights.sum())


def test_blocks_hold_no_copy_of_the_rows():
    X = np.ones((10, 3), dtype=np.float32)
    assert RowReader(X).data_address == X.__array_interface__["data"][0]
    assert RowReader(X.astype(np.uint8)).dtype == np.float32
    assert RowReader(X.astype(np.int64)).dtype == np.float64


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("indices", [0, 3], "outside"),
        ("indices", [0, -1], "outside"),
        ("indptr", [0, 2, 1], "never fall"),
        ("indptr", [0, 1, 3], "runs to 3"),
        ("indptr", [-1, 1, 2], "runs to 2|never fall"),
    ],
)
def test_broken_csr_is_refused(part, value, message):
    X = sp.csr_array(np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]]))
    setattr(X, part, np.array(value, dtype=np.int32))
    with pytest.raises(ValueError, match=message):
        RowReader(X)
