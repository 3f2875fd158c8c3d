"""Every level of the compiled kernels against the slow NumPy reference."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache, partial
from threading import Lock
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker._kernels import (
    CONSTANTS,
    LINEAR_OPTIMIZERS,
    LOSS_IDS,
    LOSSES,
    OPTIMIZER_IDS,
    OPTIMIZERS,
    Batches,
    Columns,
    RowReader,
    available_levels,
    kernels,
)
from sklearn_sagemaker._kernels.levels import load_level
from sklearn_sagemaker._kernels.prediction import linear_margins
from sklearn_sagemaker.training.linear.team import new_barrier

from . import linear_reference as reference

BROKEN = kernels.BARRIER_BROKEN
FIRST_STAGE = 3  # of dense rows
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
    """Random inputs of one training pass.

    ``folds`` is None, "parts" (each batch is skipped by at most one fit) or
    "masks" (each fit has rows of its own, in some batches none).
    """

    def __init__(
        self,
        loss,
        optimizer,
        n_models,
        n_fits,
        dtype,
        folds=None,
        sparse=False,
        n_features=N_FEATURES,
    ):
        self.n_features = n_features
        rng = np.random.default_rng(0)
        X = rng.normal(size=(N_ROWS, self.n_features))
        if sparse:
            X[rng.random(X.shape) < 0.6] = 0.0
            X[:, 3] = 0.0  # a feature that no row stores
            X[5] = 0.0  # a row that stores nothing
        self.X = X.astype(dtype)
        self.loss, self.optimizer, self.dtype = loss, optimizer, np.dtype(dtype)
        self.regression = LOSSES[loss].link == "identity"
        self.n_classes = 3 if LOSSES[loss].coupled else 1
        self.n_models, self.n_fits = n_models, n_fits
        self.n_columns = self.n_classes * n_models * n_fits
        if self.regression:
            y = rng.normal(size=N_ROWS)
        else:
            y = rng.integers(0, 3 if self.n_classes > 1 else 2, N_ROWS)
        self.labels = y.astype(dtype)
        self.weights = rng.uniform(0.2, 2.0, N_ROWS).astype(dtype)
        self.order = rng.permutation(N_ROWS).astype(np.int64)
        self.bounds = np.array([0, 9, 10, 24, N_ROWS], dtype=np.int64)
        n_batches = len(self.bounds) - 1
        self.masked = np.full(n_batches, -1, np.int32)
        if folds == "parts":
            self.masked[1:] = np.array([1, 0, 2])[: n_batches - 1]
        self.trains = None
        if folds == "masks":
            self.trains = (rng.random((N_ROWS, n_fits)) < 0.6).astype(np.uint8)
            self.trains[:, 0] = 1
            self.trains[self.order[10:24], 1] = 0
            self.trains[self.order[9], 1:] = 0
        self.rate = rng.uniform(0.01, 0.1, (n_batches, self.n_columns))
        self.penalties = rng.uniform(0.0, 0.1, (3, self.n_columns))
        self.scale = rng.uniform(0.5, 2.0, (self.n_features, self.n_columns))
        self.shift = rng.normal(size=self.n_features)
        self.label_scaler = np.zeros((3, self.n_columns))
        self.label_scaler[1] = 1.0
        if self.regression:
            self.label_scaler[:2] = rng.uniform(0.5, 1.5, (2, self.n_columns))
        self.label_scaler[2] = rng.uniform(0.3, 0.8, self.n_columns)
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
            trains=self.trains,
            bias_lr_mult=3.0,
            boost=self.boost,
            touched_only=touched_only,
        )
        return model, sums


class Call:
    """The compiled pass over a problem: its arrays and, after `run`, its results."""

    def __init__(
        self,
        problem,
        kernels,
        layout,
        centred,
        shared_scale,
        narrow=False,
        n_parts=1,
        n_slices=1,
    ):
        self.problem, self.kernels, self.narrow = problem, kernels, narrow
        self.reader = RowReader(as_layout(problem.X, layout))
        self.used = problem.n_columns
        self.ld = self.used
        if not narrow and self.used >= 8:
            self.ld = -(-self.used // 16) * 16
        dtype, d = problem.dtype, problem.n_features
        assert self.reader.dtype == dtype
        assert not (narrow and self.reader.sparse)
        self.n_states = OPTIMIZERS[problem.optimizer].n_states
        W = self.lanes(problem.start)
        self.W = np.ascontiguousarray(W.T) if narrow else W
        self.S = [np.zeros(self.W.shape, dtype) for _ in range(self.n_states)]
        self.bias = np.zeros((3, self.ld), dtype)
        self.steps = np.zeros(self.ld, np.int64)
        self.counts = np.zeros(d if self.reader.sparse else 0, np.int32)
        self.shift = (problem.shift if centred else np.empty(0)).astype(dtype)
        # One kind of scaling, or one for each column.
        scale = problem.scale[:, :1] if shared_scale else problem.scale
        self.scale = np.array(scale.T if narrow else scale, dtype, order="C")
        self.kinds = np.zeros(self.ld, np.int32)
        self.kinds[: self.used] = np.arange(self.used) % scale.shape[1]
        self.tables = np.empty((0, 0)), np.empty((0, 0))
        self.boost = problem.boost.astype(dtype)
        lazy = OPTIMIZERS[problem.optimizer].lazy_exact
        if self.reader.sparse and not centred and lazy:
            self.tables = self.catch_up_tables()
            self.boost[:] = 1.0
        touches = np.arange(1, 100)
        self.corrections = np.ones((2, 100), dtype)
        for row, name in enumerate(("beta_1", "beta_2")):
            self.corrections[row, 1:] = 1 / (1 - CONSTANT_VALUES[name] ** touches)
        self.loss_sum, self.weight_sum = np.zeros((2, self.ld))
        shape = (0, 0) if self.reader.sparse else (n_parts, d * self.ld)
        # Work space: whatever it holds must not matter.
        self.gradients = np.full(shape, np.nan, dtype)
        self.sums = np.full((n_parts * n_slices, 2 * self.ld), np.nan, dtype)
        self.space, self.lock = np.empty(0, np.uint8), Lock()
        self.gathered = self.slopes = np.empty((0, 0), dtype)

    def lanes(self, values):
        pad = ((0, 0), (0, self.ld - self.used))
        padded = np.pad(values, pad)
        return padded.astype(self.problem.dtype)

    def catch_up_tables(self):
        problem = self.problem
        rate, width = problem.rate.copy(), problem.n_classes * problem.n_models
        for t, fold in enumerate(problem.masked):
            if fold >= 0:
                rate[t, fold * width : (fold + 1) * width] = 0.0
        product = np.ones((len(rate) + 1, self.ld))
        product[1:, : self.used] = np.cumprod(1 - rate * problem.penalties[0], axis=0)
        total = np.zeros_like(product)
        total[1:, : self.used] = np.cumsum(
            rate * problem.penalties[1] / product[1:, : self.used], axis=0
        )
        return product, total

    def member(self, barrier, member, n_members):
        """What one thread does."""
        problem = self.problem
        trains = problem.trains
        constants = [CONSTANT_VALUES[name] for name in CONSTANTS]
        columns = Columns(
            n_models=problem.n_models,
            n_classes=problem.n_classes,
            n_used=self.used,
            narrow=bool(self.narrow),
            loss=LOSS_IDS[problem.loss],
            coupled=LOSSES[problem.loss].coupled,
            optimizer=OPTIMIZER_IDS[problem.optimizer],
            weights=self.W,
            states=self.S,
            bias=self.bias,
            steps=self.steps,
            counts=self.counts,
            penalties=self.lanes(problem.penalties),
            boost=self.boost,
            scale=self.scale,
            kinds=self.kinds,
            shift=self.shift,
            label_scaler=self.lanes(problem.label_scaler),
            constants=np.array(constants, problem.dtype),
            corrections=self.corrections,
            use_bias=True,
            bias_lr_mult=3.0,
        )
        products, sums = self.tables
        extents = self.kernels.extents(self.reader, problem.order, problem.bounds)
        size = self.kernels.space_bytes(
            columns, self.reader, extents, len(products) > 0, n_members
        )
        with self.lock:
            # Whatever it holds must not matter either.
            if len(self.space) < size:
                self.space = np.full(size, 0xFF, np.uint8)
        batches = Batches(
            reader=self.reader,
            order=problem.order,
            bounds=problem.bounds,
            masked=problem.masked,
            trains=np.empty((0, 0), np.uint8) if trains is None else trains,
            labels=problem.labels,
            weights=problem.weights,
            rates=self.lanes(problem.rate),
            products=products,
            sums=sums,
            losses=self.loss_sum,
            loss_weights=self.weight_sum,
            extents=extents,
            gradients=self.gradients,
            part_sums=self.sums,
            space=self.space,
            gathered=self.gathered,
            slopes=self.slopes,
        )
        return self.kernels.train(columns, batches, barrier, member, n_members)

    def spread(self):
        """Parts are shared, too: there is room to gather the rows."""
        n, d = np.diff(self.problem.bounds).max(), self.problem.n_features
        self.gathered = np.full((2 * n, d), np.nan, self.problem.dtype)
        self.slopes = np.full((n, self.ld), np.nan, self.problem.dtype)
        return self

    def run(self, n_members=1):
        """The pass, by so many threads."""
        barrier = new_barrier()
        with ThreadPoolExecutor(n_members) as pool:
            members = [
                pool.submit(self.member, barrier, member, n_members)
                for member in range(n_members)
            ]
        assert all(member.result() is True for member in members)
        return self

    @property
    def results(self):
        """Weights and states as (n_features, n_columns), and the rest."""
        strips = [array.T if self.narrow else array for array in (self.W, *self.S)]
        others = (self.bias, self.steps, self.loss_sum, self.weight_sum)
        return [array[..., : self.used] for array in (*strips, *others)]


@cache
def expected(loss, optimizer, dtype, sparse, n_models, n_fits, folds, centred,
             shared_scale):  # fmt: skip
    """Results of the reference, for all layouts and instruction sets."""
    problem = Problem(loss, optimizer, n_models, n_fits, dtype, folds, sparse)
    touched_only = sparse and not centred and not OPTIMIZERS[optimizer].lazy_exact
    return problem, *problem.reference(centred, shared_scale, touched_only)


# Models, fits, kind of folds, centred, one scale for all columns, column by column,
# parts of a mini-batch. Wide strips and few columns.
CASES = (
    (4, 3, "parts", False, True, False, 1),
    (1, 1, None, True, False, True, 2),
    (1, 3, "parts", False, False, True, 1),
    (6, 3, "parts", True, True, False, 2),
    (1, 1, None, False, True, False, 3),
    (4, 3, "masks", False, False, False, 2),
    (1, 3, "masks", True, True, True, 3),
)


def assert_pass_equals_the_reference(level, loss, optimizer, dtype, layout, case):
    n_models, n_fits, folds, centred, shared_scale, narrow, n_parts = case
    sparse = layout.startswith("csr")
    problem, model, (loss_sum, weight_sum) = expected(
        loss, optimizer, dtype, sparse, n_models, n_fits, folds, centred, shared_scale
    )
    call = Call(problem, load_level(level), layout, centred, shared_scale,
                narrow and not sparse, n_parts)  # fmt: skip
    W, *states, bias, steps, losses, weights = call.run().results
    rtol, atol = (2e-4, 2e-5) if dtype == "f4" else (1e-9, 1e-11)
    close = partial(np.testing.assert_allclose, rtol=rtol, atol=atol)
    close(W, model.weights)
    close(bias, model.bias)
    lazy = len(call.tables[0]) > 0
    for found, state in zip(states, model.states, strict=False):
        close(found, state)
    np.testing.assert_array_equal(steps, model.steps)
    if sparse and not centred and not lazy:
        np.testing.assert_array_equal(call.counts, model.counts)
    close(losses, loss_sum)
    close(weights, weight_sum)


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize("optimizer", LINEAR_OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("layout", ["C", "csr32"])
def test_pass_equals_the_reference(level, optimizer, loss, dtype, layout):
    for case in CASES:
        assert_pass_equals_the_reference(level, loss, optimizer, dtype, layout, case)


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize("optimizer", LINEAR_OPTIMIZERS)
@pytest.mark.parametrize("loss", ["huber_loss", "softmax_loss"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("layout", sorted({*LAYOUTS} - {"C", "csr32"}))
def test_pass_in_every_layout(level, optimizer, loss, dtype, layout):
    for case in CASES:
        assert_pass_equals_the_reference(level, loss, optimizer, dtype, layout, case)


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize("optimizer", LINEAR_OPTIMIZERS)
@pytest.mark.parametrize("n_models", [1, 3, 16])
def test_batches_that_touch_few_of_many_features(level, optimizer, n_models):
    kernels = load_level(level)
    problem = Problem("logistic", optimizer, n_models, 1, "f8", sparse=True,
                      n_features=3000)  # fmt: skip
    problem.X[:, 2:-2] *= np.random.default_rng(1).random(2996) < 0.01
    model, _ = problem.reference(False, True, not OPTIMIZERS[optimizer].lazy_exact)
    W, *_, bias, _, _, _ = Call(problem, kernels, "csr32", False, True).run().results
    np.testing.assert_allclose(W, model.weights, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(bias, model.bias, rtol=1e-9, atol=1e-11)


# ------------------------------------------------------------------------ the team
def assert_bits_equal(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("optimizer", LINEAR_OPTIMIZERS)
@pytest.mark.parametrize("case", CASES)
def test_threads_do_not_change_a_bit_and_parts_no_more_than_rounding(
    level, dtype, optimizer, case
):
    n_models, n_fits, folds, centred, shared_scale, narrow, _ = case
    kernels = load_level(level)
    loss = "softmax_loss" if folds == "masks" else "logistic"
    problem = Problem(loss, optimizer, n_models, n_fits, dtype, folds)
    found = {}
    for n_parts, n_members in itertools.product((1, 2, 3), (1, 2, 3)):
        call = Call(problem, kernels, "C", centred, shared_scale, narrow, n_parts)
        found[n_parts, n_members] = call.run(n_members).results
    rtol, atol = (2e-4, 2e-5) if dtype == "f4" else (1e-9, 1e-11)
    for n_parts in (1, 2, 3):
        for n_members in (2, 3):
            assert_bits_equal(found[n_parts, n_members], found[n_parts, 1])
        for one, other in zip(found[n_parts, 1], found[1, 1], strict=True):
            np.testing.assert_allclose(one, other, rtol=rtol, atol=atol)


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("optimizer", LINEAR_OPTIMIZERS)
@pytest.mark.parametrize("case", CASES)
def test_threads_that_share_csr_rows_do_not_change_a_bit(level, dtype, optimizer, case):
    n_models, n_fits, folds, centred, shared_scale, _, n_parts = case
    kernels = load_level(level)
    loss = "softmax_loss" if folds == "masks" else "logistic"
    problem = Problem(loss, optimizer, n_models, n_fits, dtype, folds, sparse=True)
    found = {}
    for n_members in (1, 2, 3, 8):
        call = Call(problem, kernels, "csr32", centred, shared_scale, False, n_parts)
        found[n_members] = call.run(n_members).results
    for n_members in (2, 3, 8):
        assert_bits_equal(found[n_members], found[1])


def that_spread():
    """Levels whose products let rows and features be summed apart."""
    return [level for level in available_levels() if load_level(level).can_spread()]


# Models, fits, kind of folds, centred, one scale for all columns.
SPREAD = (
    (32, 1, None, True, True),
    (20, 1, None, False, False),
    (11, 3, "parts", False, True),
    (9, 3, "masks", True, False),
)


@pytest.mark.parametrize("level", that_spread())
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("optimizer", LINEAR_OPTIMIZERS)
@pytest.mark.parametrize("loss", ["logistic", "softmax_loss", "quantile_loss"])
@pytest.mark.parametrize("case", SPREAD)
def test_threads_that_share_parts_do_not_change_a_bit(
    level, dtype, optimizer, loss, case
):
    n_models, n_fits, folds, centred, shared_scale = case
    kernels = load_level(level)
    problem = Problem(loss, optimizer, n_models, n_fits, dtype, folds)
    for n_parts, n_slices in ((1, 1), (1, 2), (1, 8), (2, 2), (2, 4)):
        make = partial(Call, problem, kernels, "C", centred, shared_scale, False,
                       n_parts, n_slices)  # fmt: skip
        wanted = make().run().results
        for n_members in (1, 2, 3, 8):
            assert_bits_equal(make().spread().run(n_members).results, wanted)


@pytest.mark.parametrize("level", that_spread())
@pytest.mark.parametrize("n_features", [1, 3, 40])
@pytest.mark.parametrize("layout", ["F", "sliced"])
def test_threads_share_features_however_many_there_are(level, n_features, layout):
    problem = Problem("logistic", "adam", 16, 1, "f4", n_features=n_features)
    make = partial(Call, problem, load_level(level), layout, True, True, False, 1, 4)
    assert_bits_equal(make().spread().run(7).results, make().run().results)


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("case", CASES)
def test_slices_change_no_more_than_rounding(level, dtype, case):
    n_models, n_fits, folds, centred, shared_scale, narrow, n_parts = case
    problem = Problem("logistic", "adam", n_models, n_fits, dtype, folds)
    make = partial(Call, problem, load_level(level), "C", centred, shared_scale, narrow)
    rtol, atol = (2e-4, 2e-5) if dtype == "f4" else (1e-9, 1e-11)
    for one, other in zip(make(n_parts, 2).run(2).results, make(n_parts).run().results,
                          strict=True):  # fmt: skip
        np.testing.assert_allclose(one, other, rtol=rtol, atol=atol)


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize(
    ("n_models", "layout", "narrow"),
    [(32, "csr32", False), (7, "C", True), (32, "C", False)],
)
def test_passes_whose_parts_cannot_be_shared_are_refused(
    level, n_models, layout, narrow
):
    problem = Problem("logistic", "adam", n_models, 1, "f8", sparse=layout != "C")
    call = Call(problem, load_level(level), layout, False, True, narrow).spread()
    if layout == "C" and not narrow and level in that_spread():
        call.run(2)
        return
    with pytest.raises(ValueError, match="parts cannot be shared"):
        call.member(new_barrier(), 0, 1)


@pytest.mark.parametrize("level", that_spread())
@pytest.mark.parametrize("name", ["gathered", "slopes"])
@pytest.mark.parametrize("less", [(1, 0), (0, 1)])
def test_room_for_other_rows_is_refused(level, name, less):
    problem = Problem("logistic", "adam", 64, 1, "f8")
    call = Call(problem, load_level(level), "C", False, True).spread()
    rows, columns = getattr(call, name).shape
    setattr(call, name, np.zeros((rows - less[0], columns - less[1])))
    with pytest.raises(ValueError, match="room to gather"):
        call.member(new_barrier(), 0, 1)


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize(("n_parts", "n_sums"), [(2, 3), (2, 1), (2, 0)])
def test_sums_that_parts_cannot_share_are_refused(level, n_parts, n_sums):
    problem = Problem("logistic", "adam", 32, 1, "f8")
    call = Call(problem, load_level(level), "C", False, True, False, n_parts)
    call.sums = np.zeros((n_sums, 2 * call.ld))
    with pytest.raises(ValueError, match="as many sums"):
        call.member(new_barrier(), 0, 1)


@pytest.mark.parametrize("level", available_levels())
def test_too_little_work_space_is_refused(level):
    problem = Problem("logistic", "adam", 4, 1, "f8", sparse=True)
    call = Call(problem, load_level(level), "csr32", False, True)
    call.run()
    call.space = call.space[:-64]
    call.kernels = SimpleNamespace(
        train=call.kernels.train,
        extents=call.kernels.extents,
        space_bytes=lambda *given: 0,
    )
    before = call.results[0].copy()
    with pytest.raises(ValueError, match="smaller than space_bytes"):
        call.member(new_barrier(), 0, 1)
    np.testing.assert_array_equal(call.results[0], before)


@pytest.mark.parametrize("level", available_levels())
def test_a_member_that_cannot_come_is_not_waited_for(level):
    problem = Problem("logistic", "adam", 4, 1, "f8")
    call = Call(problem, load_level(level), "C", True, True, False, 2)
    before = call.results[0].copy()
    barrier = new_barrier()
    with ThreadPoolExecutor(1) as pool:
        member = pool.submit(call.member, barrier, 0, 2)
        assert not wait([member], timeout=0.05).done  # waits for the other member
        barrier[BROKEN] = 1
        assert member.result(timeout=10) is False
    np.testing.assert_array_equal(call.results[0], before)


def start_beside_another(call, taken):
    """Member 0 of two, beside one that came and took some items of the first stage."""
    barrier = new_barrier()
    barrier[taken] = FIRST_STAGE
    barrier[8] = 1
    return barrier, partial(call.member, barrier, 0, 2)


@pytest.mark.parametrize("level", available_levels())
def test_a_member_that_leaves_in_the_middle_ends_the_pass(level):
    """It comes, takes a part of the first batch, and never finishes it."""
    problem = Problem("logistic", "adam", 4, 1, "f8")
    call = Call(problem, load_level(level), "C", True, True, False, 2)
    barrier, work = start_beside_another(call, [1])
    with ThreadPoolExecutor(1) as pool:
        member = pool.submit(work)
        assert not wait([member], timeout=0.05).done
        barrier[BROKEN] = 1
        assert member.result(timeout=10) is False


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize("case", CASES)
def test_a_member_that_comes_late_is_not_waited_for(level, case):
    """A thread without a processor has taken nothing: the other does it all."""
    n_models, n_fits, folds, centred, shared_scale, narrow, _ = case
    problem = Problem("logistic", "adam", n_models, n_fits, "f4", folds)
    make = partial(Call, problem, load_level(level), "C", centred, shared_scale, narrow,
                   2)  # fmt: skip
    call = make()
    barrier, work = start_beside_another(call, [])
    with ThreadPoolExecutor(1) as pool:
        member = pool.submit(work)
        waits = wait([member], timeout=30).not_done
        barrier[BROKEN] = 1
    assert not waits
    assert member.result() is True
    assert_bits_equal(call.results, make().run(1).results)


@pytest.mark.parametrize("level", available_levels())
def test_who_waits_leaves_the_processor_to_others(level):
    problem = Problem("logistic", "adam", 4, 1, "f8")
    call = Call(problem, load_level(level), "C", True, True, False, 2)
    barrier, work = start_beside_another(call, [1])

    def processor_seconds():
        start = time.thread_time()
        work()
        return time.thread_time() - start

    with ThreadPoolExecutor(1) as pool:
        member = pool.submit(processor_seconds)
        assert not wait([member], timeout=1).done
        barrier[BROKEN] = 1
        assert member.result(timeout=10) < 0.2


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize(("layout", "n_members"), [("C", 9), ("csr32", 9)])
def test_members_that_a_pass_cannot_have_are_refused(level, layout, n_members):
    sparse = layout != "C"
    problem = Problem("logistic", "adam", 4, 1, "f8", sparse=sparse)
    call = Call(problem, load_level(level), layout, False, True)
    with pytest.raises(ValueError, match="more parts or members"):
        call.member(new_barrier(), 0, n_members)


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
        ("indptr", [0, 2, 1], "falls from 2 to 1"),
        ("indptr", [0, 1, 3], "runs to 3"),
        ("indptr", [-1, 1, 2], "starts at -1"),
    ],
)
def test_broken_csr_is_refused(part, value, message):
    X = sp.csr_array(np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]]))
    setattr(X, part, np.array(value, dtype=np.int32))
    with pytest.raises(ValueError, match=message):
        RowReader(X)


@pytest.mark.parametrize(
    "dtype", ["?", "u1", "i1", "i2", ">i2", "f2", ">f2", "f4", ">f4", "f8", ">f8", "g"]
)
def test_every_layout_and_byte_order_is_the_same_rows(dtype):
    """Strides of any kind, and values that are not aligned."""
    numbers = np.random.default_rng(0).integers(0, 2, (24, 22)).astype(dtype)
    packed = np.zeros((12, 11), dtype=[("byte", "u1"), ("value", dtype)])["value"]
    packed[...] = numbers[:12, :11]
    assert packed.flags.aligned == (packed.itemsize == 1)
    views = {
        "every other column": numbers[:12, ::2],
        "every other row": numbers[::2, :11],
        "backwards": numbers[11::-1, 10::-1],
        "by columns": np.asfortranarray(numbers[:12, :11]),
        "one row, again and again": np.broadcast_to(numbers[0, :11], (12, 11)),
        "one column, again and again": np.broadcast_to(numbers[:12, :1], (12, 11)),
        "packed": packed,
    }
    W = np.random.default_rng(1).normal(size=(16, 11))
    for name, X in views.items():
        found = linear_margins(X, W, np.zeros(16))
        native = np.ascontiguousarray(X).astype(X.dtype.newbyteorder("="))
        reader = RowReader(X)
        assert reader.dtype == RowReader(native).dtype
        assert reader.data_address % reader.dtype.alignment == 0 or X.itemsize < 4
        expected = linear_margins(native, W, np.zeros(16))
        np.testing.assert_array_equal(found, expected, err_msg=name)
        np.testing.assert_allclose(found, native.astype("f8") @ W.T, err_msg=name)
