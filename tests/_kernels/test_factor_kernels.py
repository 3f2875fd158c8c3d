"""Every level of the kernels of factorization machines against slow NumPy."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

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
    kernels,
)
from sklearn_sagemaker._kernels.levels import load_level

from . import factors_reference as reference

N_ROWS, N_FEATURES = 29, 9
MISSING, EMPTY = 4, 6
"""A feature that no row holds, and a row that holds none."""
CONSTANT_VALUES = {"beta_1": 0.9, "beta_2": 0.99, "eps": 1e-2, "momentum": 0.6}
RULES = np.array([[0.008, 0.1], [0.012, 0.3], [0.01, 0.2]])
BY_ROW = np.empty(0, dtype=np.int64)
# The last one is short, and some row of it is alone in holding what it holds.
BATCHES = np.array([0, 10, 11, 21, N_ROWS], dtype=np.int64)
BOUNDS = {"by row": BY_ROW, "batches": BATCHES}
DENSE = ("C", "F", "sliced", "read-only", "reversed")
SPARSE = ("csr_matrix", "csr_array", "csr64", "csr-mixed")
TASKS = {"binary": ("logistic", 1), "squares": ("squared_loss", 1),
         "classes": ("softmax_loss", 3)}  # fmt: skip
WIDTHS = (1, 3, 8, 17, 64)
LEVELS = pytest.mark.parametrize("level", available_levels())


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
    if layout == "reversed":
        return X[::-1, ::-1].copy()[::-1, ::-1]
    if layout == "read-only":
        X = X.copy()
        X.flags.writeable = False
        return X
    X = sp.csr_matrix(X) if layout == "csr_matrix" else sp.csr_array(X)
    if layout in ("csr64", "csr-mixed"):
        X.indices = X.indices.astype(np.int64)
    if layout == "csr64":
        X.indptr = X.indptr.astype(np.int64)
    for part in (X.data, X.indices, X.indptr):
        part.flags.writeable = False
    return X


class Problem:
    """Random inputs of some passes over the same rows."""

    def __init__(self, task, k, dtype, values="real", centred=False, scaled=False):
        rng = np.random.default_rng(0)
        self.loss, self.n_classes = TASKS[task]
        self.k, self.dtype = k, np.dtype(dtype)
        X = rng.normal(size=(N_ROWS, N_FEATURES))
        if values != "real":
            X = rng.integers(1, 4, X.shape).astype(float)
        X[rng.random(X.shape) < 0.5] = 0.0
        X[:, MISSING] = 0.0
        X[EMPTY] = 0.0
        self.X = X.astype(self.dtype if values == "real" else values)
        y = rng.integers(0, max(2, self.n_classes), N_ROWS)
        if task == "squares":
            y = rng.normal(size=N_ROWS)
        self.labels = y.astype(dtype)
        self.weights = rng.uniform(0.2, 2.0, N_ROWS).astype(dtype)
        self.order = rng.permutation(N_ROWS).astype(np.int64)
        empty = np.empty(0)
        shift = rng.normal(size=N_FEATURES) if centred else empty
        scale = rng.uniform(0.3, 1.5, N_FEATURES) if scaled else empty
        self.shift, self.scale = shift.astype(dtype), scale.astype(dtype)
        self.bias = (0.1 * rng.normal(size=self.n_classes)).astype(dtype)
        self.linear = 0.3 * rng.normal(size=(N_FEATURES, self.n_classes))
        self.linear = self.linear.astype(dtype)
        sigma = 0.4 / np.sqrt(k)
        self.factors = sigma * rng.normal(size=(N_FEATURES, self.n_classes, k))
        self.factors = self.factors.astype(dtype)

    def machine(self):
        return reference.ReferenceMachine(self.bias, self.linear, self.factors)

    @property
    def seen(self):
        """Rows as the model sees them."""
        shift = self.shift.astype(float) if len(self.shift) else 0.0
        scale = self.scale.astype(float) if len(self.scale) else 1.0
        return (self.X.astype(float) - shift) * scale

    def reference_pass(self, machine, bounds, optimizer, **more):
        return reference.train(
            self.seen, machine, self.order, bounds, self.labels.astype(float),
            self.weights.astype(float), RULES, loss=self.loss, optimizer=optimizer,
            constants=CONSTANT_VALUES, **more,
        )  # fmt: skip


class Machine:
    """The arrays of a model as the kernels have them."""

    def __init__(self, problem, optimizer, level):
        self.problem, self.optimizer = problem, optimizer
        self.kernels = load_level(level, "_factors")
        layers = 1 + OPTIMIZERS[optimizer].n_states
        dtype, n_classes = problem.dtype, problem.n_classes
        self.bias = np.zeros((layers, n_classes), dtype)
        self.linear = np.zeros((N_FEATURES, layers, n_classes), dtype)
        self.factors = np.zeros((N_FEATURES, layers, n_classes * problem.k), dtype)
        self.bias[0], self.linear[:, 0] = problem.bias, problem.linear
        self.factors[:, 0] = problem.factors.reshape(N_FEATURES, -1)
        self.steps = 0

    def train(self, X, bounds, *, order=None, rules=RULES, exact_eps=False,
              rescale=0.0, clip=np.inf, threads=1):  # fmt: skip
        problem = self.problem
        order = problem.order if order is None else order
        reader = RowReader(X)
        assert reader.dtype == problem.dtype
        train = partial(
            self.kernels.train, reader, order, bounds, problem.labels,
            problem.weights, self.bias, self.linear, self.factors, problem.k,
            LOSS_IDS[problem.loss],
            LOSSES[problem.loss].coupled, 0.0, OPTIMIZER_IDS[self.optimizer],
            exact_eps, np.array([CONSTANT_VALUES[name] for name in CONSTANTS]), rules,
            rescale, clip, self.steps, problem.shift, problem.scale,
        )  # fmt: skip
        total = train() if threads == 1 else self.together(train, bounds, threads)
        self.steps += len(bounds) - 1 if len(bounds) else len(order)
        return total

    def together(self, train, bounds, threads):
        """A pass by several threads at once."""
        n, classes = int(np.diff(bounds).max()), self.problem.n_classes
        sums = np.full((n, classes * self.problem.k + 1), np.nan, self.problem.dtype)
        slopes = np.full((n, classes), np.nan, self.problem.dtype)
        losses = np.zeros(n + 1)
        barrier = np.zeros(kernels.BARRIER_SLOTS, dtype=np.int64)
        with ThreadPoolExecutor(threads) as pool:
            rest = threads, sums, slopes, losses
            teams = [(barrier, member, *rest) for member in range(threads)]
            list(pool.map(train, teams))
        return losses[-1]

    def parts(self, layer):
        """Parameters (layer 0) or states, as the reference has them."""
        shape = (N_FEATURES, self.problem.n_classes, self.problem.k)
        return {
            "bias": self.bias[layer],
            "linear": self.linear[:, layer],
            "factors": self.factors[:, layer].reshape(shape),
        }


# What a pass does to gradients, and how it sees rows.
CASES = {
    "plain": {},
    "clip": {"clip": 0.05},
    "rescale": {"rescale": 0.3},
    "both": {"rescale": 1.5, "clip": 0.2},
}


@cache
def expected(task, k, dtype, values, centred, scaled, bounds, optimizer, case, exact):
    """The reference after two passes, for all layouts and instruction sets."""
    problem = Problem(task, k, dtype, values, centred, scaled)
    machine = problem.machine()
    losses = [
        problem.reference_pass(
            machine, BOUNDS[bounds], optimizer, exact_eps=exact, **CASES[case]
        )
        for _ in range(2)
    ]
    return problem, machine, losses


def assert_passes_equal_the_reference(
    level, layout, *, task="binary", k=8, dtype="f8", values="real", centred=False,
    scaled=False, bounds="by row", optimizer="adagrad", case="plain", exact=False,
):  # fmt: skip
    problem, machine, losses = expected(
        task, k, dtype, values, centred, scaled, bounds, optimizer, case, exact
    )
    X = as_layout(problem.X, layout)
    found = Machine(problem, optimizer, level)
    totals = [
        found.train(X, BOUNDS[bounds], exact_eps=exact, **CASES[case]) for _ in range(2)
    ]
    rtol, atol = (1e-4, 1e-5) if dtype == "f4" else (1e-9, 1e-11)
    close = partial(np.testing.assert_allclose, rtol=rtol, atol=atol)
    close(totals, losses)
    assert found.steps == machine.steps
    for group, weights in found.parts(0).items():
        close(weights, getattr(machine, group), err_msg=group)
        assert np.abs(weights - getattr(problem, group)).max() > 10 * atol
    for state in range(OPTIMIZERS[optimizer].n_states):
        for group, values_ in found.parts(1 + state).items():
            close(values_, machine.states[group][state], err_msg=f"{group} {state}")


# ---------------------------------------------------------------------- training
@LEVELS
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("layout", ["C", "csr_array"])
@pytest.mark.parametrize("bounds", BOUNDS)
def test_passes_equal_the_reference(level, optimizer, task, dtype, layout, bounds):
    assert_passes_equal_the_reference(
        level, layout, task=task, dtype=dtype, bounds=bounds, optimizer=optimizer
    )


def assert_threads_change_no_bit(level, X, problem, optimizer, threads, **more):
    alone, shared = (Machine(problem, optimizer, level) for _ in range(2))
    for _ in range(2):
        total = alone.train(X, BATCHES, **more)
        assert shared.train(X, BATCHES, threads=threads, **more) == total > 0
    for name in ("bias", "linear", "factors"):
        np.testing.assert_array_equal(
            getattr(shared, name), getattr(alone, name), err_msg=name
        )


@LEVELS
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("layout", ["C", *SPARSE])
def test_threads_that_share_batches_change_no_bit(
    level, optimizer, task, dtype, layout
):
    problem = Problem(task, 8, dtype)
    X = as_layout(problem.X, layout)
    for threads in (2, 3, 8):
        assert_threads_change_no_bit(level, X, problem, optimizer, threads)


@LEVELS
@pytest.mark.parametrize("k", [0, *WIDTHS])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("layout", [*DENSE, "csr_array"])
def test_threads_and_widths_and_scales(level, k, scaled, centred, layout):
    if centred and layout == "csr_array":
        pytest.skip("sparse rows are not centred here")
    problem = Problem("classes", max(k, 1), "f4", centred=centred, scaled=scaled)
    if k == 0:
        problem.k, problem.factors = 0, problem.factors[:, :, :0]
    X = as_layout(problem.X, layout)
    more = {"rescale": 0.3, "clip": 0.1, "exact_eps": True}
    assert_threads_change_no_bit(level, X, problem, "adam", 3, **more)


def test_a_share_that_is_late_is_done_by_others():
    problem = Problem("squares", 8, "f8")
    X = as_layout(problem.X, "csr_array")
    alone, shared = (Machine(problem, "adagrad", "base") for _ in range(2))
    wanted = alone.train(X, BATCHES)

    def one_after_the_other(train, bounds, threads):
        barrier, losses = np.zeros(kernels.BARRIER_SLOTS, np.int64), np.zeros(11)
        rest = threads, np.empty((10, 9)), np.empty((10, 1)), losses
        for member in (2, 0, 3, 1):
            train((barrier, member, *rest))
        return losses[-1]

    shared.together = one_after_the_other
    assert shared.train(X, BATCHES, threads=4) == wanted
    np.testing.assert_array_equal(shared.factors, alone.factors)


def test_threads_of_a_broken_team_end():
    problem = Problem("squares", 8, "f8")
    X = as_layout(problem.X, "csr_array")
    machine = Machine(problem, "adagrad", "base")

    def broken(train, bounds, threads):
        barrier = np.zeros(kernels.BARRIER_SLOTS, np.int64)
        barrier[kernels.BARRIER_BROKEN] = 1
        # Of a share that another thread has taken, and never ends.
        barrier[1] = 1
        losses = np.zeros(11)
        train((barrier, 0, threads, np.empty((10, 9)), np.empty((10, 1)), losses))
        return losses[-1]

    machine.together = broken
    assert machine.train(X, BATCHES, threads=2) == 0


@LEVELS
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("bounds", BOUNDS)
def test_rescaling_and_clipping(level, optimizer, case, bounds):
    assert_passes_equal_the_reference(
        level, "csr_array", task="classes", case=case, bounds=bounds,
        optimizer=optimizer, k=3,
    )  # fmt: skip


@LEVELS
@pytest.mark.parametrize("k", WIDTHS)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("layout", ["C", "csr_array"])
@pytest.mark.parametrize("task", ["binary", "classes"])
@pytest.mark.parametrize("bounds", BOUNDS)
def test_numbers_of_factors(level, k, dtype, layout, task, bounds):
    assert_passes_equal_the_reference(
        level, layout, k=k, dtype=dtype, task=task, bounds=bounds, optimizer="adam"
    )


@LEVELS
@pytest.mark.parametrize("layout", [*DENSE, *SPARSE])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("scaled", [False, True])
def test_layouts(level, layout, dtype, bounds, scaled):
    assert_passes_equal_the_reference(
        level, layout, dtype=dtype, bounds=bounds, scaled=scaled, task="squares"
    )


@LEVELS
@pytest.mark.parametrize("layout", DENSE)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("scaled", [False, True])
def test_shifted_dense_rows(level, layout, dtype, bounds, scaled):
    assert_passes_equal_the_reference(
        level, layout, dtype=dtype, bounds=bounds, scaled=scaled, centred=True,
        task="classes", k=3,
    )  # fmt: skip


@LEVELS
@pytest.mark.parametrize("values", ["u1", "i1", "u2", "i4", "i8"])
@pytest.mark.parametrize("layout", ["C", "F", "sliced", "csr_array"])
@pytest.mark.parametrize("bounds", BOUNDS)
def test_integers(level, values, layout, bounds):
    dtype = "f4" if values in ("u1", "i1", "u2") else "f8"
    assert_passes_equal_the_reference(
        level, layout, dtype=dtype, values=values, scaled=True, bounds=bounds
    )


@LEVELS
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("bounds", BOUNDS)
def test_adam_is_that_of_mxnet(level, dtype, bounds):
    assert_passes_equal_the_reference(
        level, "csr_array", dtype=dtype, bounds=bounds, optimizer="adam", exact=True
    )


def test_where_eps_stands_matters():
    """Else the test before could not tell."""
    ends = [
        expected("binary", 8, "f8", "real", False, False, "batches", "adam", "plain",
                 exact)[1].factors
        for exact in (False, True)
    ]  # fmt: skip
    assert np.abs(ends[0] - ends[1]).max() > 1e-4


@LEVELS
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("layout", ["C", "csr_array"])
def test_features_that_no_row_holds_keep_weights_and_states(
    level, optimizer, bounds, layout
):
    problem = Problem("classes", 5, "f4")
    machine = Machine(problem, optimizer, level)
    machine.linear[MISSING, 1:], machine.factors[MISSING, 1:] = 0.25, 0.5
    before = machine.linear[MISSING].copy(), machine.factors[MISSING].copy()
    machine.train(as_layout(problem.X, layout), BOUNDS[bounds])
    np.testing.assert_array_equal(machine.linear[MISSING], before[0])
    np.testing.assert_array_equal(machine.factors[MISSING], before[1])


@LEVELS
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("bounds", [BY_ROW, np.array([0, 1])], ids=["row", "batch"])
@pytest.mark.parametrize("layout", ["C", "csr_array"])
def test_a_step_leaves_the_features_that_its_rows_lack(
    level, optimizer, bounds, layout
):
    problem = Problem("binary", 8, "f8")
    machine, row = Machine(problem, optimizer, level), problem.order[:1]
    before = machine.linear.copy(), machine.factors.copy()
    machine.train(as_layout(problem.X, layout), bounds, order=row)
    held = problem.X[row[0]] != 0
    assert 1 < held.sum() < N_FEATURES - 1
    for part, old in zip((machine.linear, machine.factors), before, strict=True):
        np.testing.assert_array_equal(part[~held], old[~held])
        assert (part[held, 0] != old[held, 0]).any(axis=1).all()


@LEVELS
@pytest.mark.parametrize("bounds", [BY_ROW, np.array([0, 1])], ids=["row", "batch"])
@pytest.mark.parametrize("layout", ["C", "csr_array"])
def test_an_empty_row_moves_the_intercept_alone(level, bounds, layout):
    problem = Problem("binary", 8, "f8")
    machine = Machine(problem, "sgd", level)
    before = machine.linear.copy(), machine.factors.copy()
    order = np.array([EMPTY])
    total = machine.train(as_layout(problem.X, layout), bounds, order=order)
    margin, y, weight = problem.bias[0], problem.labels[EMPTY], problem.weights[EMPTY]
    loss, slopes = reference.loss_and_slopes("logistic", problem.bias, y)
    assert total == pytest.approx(weight * loss)
    step = RULES[0, 0] * (weight * slopes[0] + RULES[0, 1] * margin)
    assert machine.bias[0, 0] == pytest.approx(margin - step, rel=1e-12)
    np.testing.assert_array_equal(machine.linear, before[0])
    np.testing.assert_array_equal(machine.factors, before[1])


@LEVELS
@pytest.mark.parametrize("layout", ["C", "csr_array"])
@pytest.mark.parametrize("bounds", [BY_ROW, np.array([0])], ids=["row", "batch"])
def test_no_rows_change_nothing(level, layout, bounds):
    problem = Problem("binary", 8, "f8")
    machine = Machine(problem, "adam", level)
    before = machine.factors.copy()
    order = np.empty(0, dtype=np.int64)
    assert machine.train(as_layout(problem.X, layout), bounds, order=order) == 0.0
    np.testing.assert_array_equal(machine.factors, before)


@LEVELS
@pytest.mark.parametrize("layout", ["C", "csr_array"])
def test_rows_of_all_empty_csr_and_single_features(level, layout):
    """Work space is for the longest row: of one value, or none."""
    problem = Problem("binary", 3, "f8")
    X = np.zeros_like(problem.X)
    X[0, 2] = 1.5
    machine = Machine(problem, "sgd", level)
    before = machine.factors.copy()
    machine.train(as_layout(X, layout), BATCHES)
    # Alone in its row a feature has no pair, so that only the decay moves it.
    decayed = before[2, 0] * (1 - RULES[2, 0] * RULES[2, 1])
    np.testing.assert_allclose(machine.factors[2, 0], decayed, rtol=1e-12)
    rest = np.arange(N_FEATURES) != 2
    np.testing.assert_array_equal(machine.factors[rest], before[rest])


@LEVELS
def test_many_batches_of_many_features(level):
    """Slots of a mini-batch are not mistaken for those of others."""
    rng = np.random.default_rng(0)
    problem = Problem("squares", 2, "f8")
    X = sp.random_array((N_ROWS, N_FEATURES), density=0.3, rng=rng, format="csr")
    problem.X = X.toarray()
    order = rng.integers(0, N_ROWS, 400)
    bounds = np.unique(np.r_[0, rng.integers(1, 400, 150), 400])
    machine, found = problem.machine(), Machine(problem, "adagrad", level)
    total = found.train(X, bounds, order=order)
    problem.order = order
    assert total == pytest.approx(
        problem.reference_pass(machine, bounds, "adagrad"), rel=1e-9
    )
    for group, weights in found.parts(0).items():
        np.testing.assert_allclose(weights, getattr(machine, group), rtol=1e-8)


# --------------------------------------------------------------------- gradients
@LEVELS
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("layout", ["C", "csr_array"])
@pytest.mark.parametrize("rows", [1, N_ROWS])
def test_gradients_are_those_of_finite_differences(level, task, layout, rows):
    """A step of rate one, without decay, is minus the gradient."""
    problem = Problem(task, 5, "f8", scaled=True)
    machine = Machine(problem, "sgd", level)
    rules = np.array([[1.0, 0.0]] * 3)
    order = problem.order[:rows]
    bounds = BY_ROW if rows == 1 else np.array([0, rows])
    machine.train(
        as_layout(problem.X, layout), bounds, order=order, rules=rules, rescale=1.0
    )
    start = {name: getattr(problem, name) for name in reference.GROUPS}

    def loss(**changed):
        at = reference.ReferenceMachine(**{**start, **changed})
        z = reference.margins(problem.seen[order], at)
        values = [
            reference.loss_and_slopes(problem.loss, margin, y)[0]
            for margin, y in zip(z, problem.labels[order], strict=True)
        ]
        return problem.weights[order] @ values

    rng = np.random.default_rng(1)
    for name, stepped in machine.parts(0).items():
        gradient = start[name] - stepped
        # Along random directions, which costs less than each parameter alone.
        for _ in range(4):
            direction = rng.normal(size=gradient.shape)
            nearby = [
                loss(**{name: start[name] + h * direction}) for h in (1e-5, -1e-5)
            ]
            slope = (nearby[0] - nearby[1]) / 2e-5
            assert np.sum(gradient * direction) == pytest.approx(
                slope, rel=1e-6, abs=1e-8
            )


@pytest.mark.parametrize("loss", [task[0] for task in TASKS.values()])
def test_gradients_of_the_reference(loss):
    problem = Problem("classes" if loss == "softmax_loss" else "squares", 4, "f8")
    machine, x = problem.machine(), problem.seen[problem.order[0]]
    label = 1.0
    _, gradients = reference.row_gradients(x, machine, loss, label, weight=0.7)
    for name in reference.GROUPS:
        part = getattr(machine, name)
        for place in np.ndindex(part.shape):
            old, values = part[place], []
            for h in (1e-6, -1e-6):
                part[place] = old + h
                z = reference.margins(x[None], machine)[0]
                values.append(0.7 * reference.loss_and_slopes(loss, z, label)[0])
            part[place] = old
            slope = (values[0] - values[1]) / 2e-6
            assert gradients[name][place] == pytest.approx(slope, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("k", WIDTHS)
def test_the_pair_sum_has_a_form_that_is_linear_in_k(k):
    problem = Problem("binary", k, "f8")
    for x in problem.seen:
        arguments = x, problem.bias[0], problem.linear[:, 0], problem.factors[:, 0]
        fast = reference.fast_score(*arguments)
        slow = reference.pair_sum_score(*arguments)
        assert slow == pytest.approx(fast, rel=1e-12, abs=1e-14)


# -------------------------------------------------------------------- prediction
def kernel_scores(level, problem, X, rows, linear_dtype="f8", by_class=False):
    """Margins by the kernel, from one of the two layouts of weights in use."""
    kernels = load_level(level, "_factors")
    k, n_classes = problem.k, problem.n_classes
    linear, factors = problem.linear, problem.factors
    strides = n_classes, 1, n_classes * k, k
    if by_class:
        linear, factors = linear.T, factors.transpose(1, 0, 2)
        strides = 1, N_FEATURES, k, N_FEATURES * k
    out = np.full((len(rows), n_classes), np.nan)
    kernels.score(
        RowReader(X), rows, problem.bias.astype(float),
        np.ascontiguousarray(linear, linear_dtype).reshape(-1), *strides[:2],
        np.ascontiguousarray(factors).reshape(-1), *strides[2:], k, problem.shift,
        problem.scale, out,
    )  # fmt: skip
    return out


def assert_scores_equal_the_reference(level, problem, X, **more):
    rows = np.r_[problem.order, problem.order[:3]]
    found = kernel_scores(level, problem, X, rows, **more)
    rtol, atol = (1e-4, 1e-5) if problem.dtype == np.float32 else (1e-11, 1e-12)
    wanted = reference.margins(problem.seen, problem.machine())[rows]
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=atol)
    empty = found[rows == EMPTY]
    if not len(problem.shift):
        np.testing.assert_array_equal(empty, np.tile(problem.bias, (len(empty), 1)))


@LEVELS
@pytest.mark.parametrize("layout", [*DENSE, *SPARSE])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("task", ["binary", "classes"])
@pytest.mark.parametrize("scaled", [False, True])
def test_scores_of_layouts(level, layout, dtype, task, scaled):
    problem = Problem(task, 8, dtype, scaled=scaled)
    assert_scores_equal_the_reference(level, problem, as_layout(problem.X, layout))


@LEVELS
@pytest.mark.parametrize("k", WIDTHS)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("layout", ["C", "csr_array"])
@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("linear_dtype", ["f4", "f8"])
def test_scores_of_numbers_of_factors(level, k, dtype, layout, by_class, linear_dtype):
    problem = Problem("classes", k, dtype)
    problem.linear = problem.linear.astype("f4").astype(dtype)
    assert_scores_equal_the_reference(
        level, problem, as_layout(problem.X, layout), by_class=by_class,
        linear_dtype=linear_dtype,
    )  # fmt: skip


@LEVELS
@pytest.mark.parametrize("layout", DENSE)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("scaled", [False, True])
def test_scores_of_shifted_rows(level, layout, dtype, scaled):
    problem = Problem("classes", 17, dtype, centred=True, scaled=scaled)
    assert_scores_equal_the_reference(level, problem, as_layout(problem.X, layout))


@LEVELS
@pytest.mark.parametrize("values", ["u1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("layout", ["C", "F", "csr_array", "csr64"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_rows_and_factors_may_differ_in_precision(level, values, layout, dtype):
    problem = Problem("binary", 8, dtype, values=values)
    assert_scores_equal_the_reference(level, problem, as_layout(problem.X, layout))
