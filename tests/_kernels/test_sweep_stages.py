"""Sweeps that threads share: the bits of one thread, and the reference's numbers."""

import time

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker._kernels import available_levels
from sklearn_sagemaker._kernels.levels import load_level
from sklearn_sagemaker.training.team import Team, new_barrier

from . import sweeps_reference
from .test_sweep_kernels import columns_of

LEVELS = available_levels()
DTYPES = (np.float32, np.float64)
N_ROWS = 9000  # four parts of a feature that all rows store
USERS, FILMS = 12, 9
D = USERS + FILMS + 3
# Users and films by ranges of features, then a feature by parts of its entries, then
# two that have rows in common.
COUNTS = np.array([3, 1, 2, 0, 1], dtype=np.int32)
BOUNDS = np.array([0, 2, 7, 12, 13, 15, 21, 22, 24])


def make_X(values):
    rng = np.random.default_rng(0)
    X = np.zeros((N_ROWS, D))
    X[np.arange(N_ROWS), rng.integers(USERS, size=N_ROWS)] = 1.0
    X[np.arange(N_ROWS), USERS + rng.integers(FILMS, size=N_ROWS)] = 1.0
    X[:, 3] = X[:, USERS + 4] = 0.0  # no row stores them
    X[5, USERS + 4] = 1.0
    X[:, -3] = 1.0
    X[:, -2:] = rng.random((N_ROWS, 2)) < 0.1
    if values:
        X *= rng.normal(size=X.shape)
    return X


def state_of(dtype, n_numbers, weighted, noisy):
    """Arguments of `sweep_panel` after the columns."""
    rng = np.random.default_rng(n_numbers)
    weights = rng.uniform(0.5, 2, N_ROWS if weighted else 0)
    lines = np.zeros((N_ROWS, 16), dtype=dtype)
    lines[:, -1] = rng.normal(size=N_ROWS)
    parameters = np.zeros((D, 16))
    numbers = rng.normal(size=(D, n_numbers), scale=0.5)
    parameters[:, :n_numbers] = numbers.astype(np.float32)
    precision, mean, noise = np.zeros((2, 16)), np.zeros((2, 16)), np.zeros((D, 16))
    precision[:, :n_numbers] = rng.uniform(0.5, 2, (2, n_numbers))
    mean[:, :n_numbers] = rng.normal(size=(2, n_numbers))
    noise[:, :n_numbers] = rng.normal(size=(D, n_numbers))
    return (
        np.sqrt(weights).astype(dtype), lines, parameters,
        (np.arange(D) % 2).astype(np.int32), precision, mean,
        noise if noisy else noise[:0], 1.7,
    )  # fmt: skip


def together(kernels, members, call):
    """Make a call by a team, or by one of a team that nobody else joins."""
    shared = np.empty(kernels.SHARED)
    stages = COUNTS, BOUNDS, shared, None
    if members == "alone":
        call((*stages, np.zeros(64, dtype=np.int64), 1, 3))
        return
    with Team(members) as team:
        team.together(lambda *who: call((*stages, *who)))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_numbers", [1, 9, 15])
@pytest.mark.parametrize(("values", "weighted"), [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("members", [1, 2, 8, "alone"])
def test_shared_sweeps_have_the_bits_of_one_thread(
    level, dtype, n_numbers, values, weighted, members
):
    kernels = load_level(level, "_sweeps")
    columns = columns_of(level, sp.csr_array(make_X(values).astype(dtype)))
    found = []
    for shared in (False, True):
        out = np.zeros(N_ROWS)
        roots, lines, parameters, *others = state_of(dtype, n_numbers, weighted, True)
        lane = n_numbers - 1

        def sums(share, lines=lines, parameters=parameters, out=out, lane=lane):
            arguments = lines, parameters, n_numbers, lane, out
            kernels.sum_panel(*columns, *arguments, share)

        def sweep(share, state=(roots, lines, parameters, *others), lane=lane):
            kernels.sweep_panel(*columns, *state, n_numbers, lane, share)

        for call in (sums, sweep):
            if shared:
                together(kernels, members, call)
            else:
                call(None)
        found.append((lines, parameters, out))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("level", LEVELS)
def test_features_wait_for_their_noise(level):
    kernels = load_level(level, "_sweeps")
    columns = columns_of(level, sp.csr_array(make_X(1)))
    alone, shared = (state_of(np.float64, 9, True, True) for _ in range(2))
    kernels.sweep_panel(*columns, *alone, 9, 8, None)
    noise = shared[6].copy()
    shared[6][:] = np.nan
    drawn = new_barrier()

    def call(barrier, member, members):
        if member == 0:
            for item in range(len(BOUNDS) - 1):
                time.sleep(0.002)
                some = slice(BOUNDS[item], BOUNDS[item + 1])
                shared[6][some] = noise[some]
                kernels.arrive(drawn, 1)
        share = COUNTS, BOUNDS, np.empty(kernels.SHARED), drawn
        kernels.sweep_panel(*columns, *shared, 9, 8, (*share, barrier, member, members))

    with Team(2) as team:
        team.together(call)
    np.testing.assert_array_equal(shared[1], alone[1])
    np.testing.assert_array_equal(shared[2], alone[2])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("n_factors", "linear"), [(0, True), (8, True), (15, False)])
@pytest.mark.parametrize("values", [0, 1])
@pytest.mark.parametrize("noisy", [False, True])
def test_shared_sweeps_are_those_of_the_reference(
    level, n_factors, linear, values, noisy
):
    kernels = load_level(level, "_sweeps")
    X = make_X(values)
    columns = columns_of(level, sp.csr_array(X))
    m, lane = n_factors + linear, n_factors if linear else -1
    roots, lines, parameters, groups, precision, mean, noise, alpha = state_of(
        np.float64, m, True, noisy
    )
    before = parameters.copy()
    numbers, errors, out = before[:, :m].copy(), lines[:, -1].copy(), np.zeros(N_ROWS)
    sums = lines, parameters, m, lane, out
    together(kernels, 2, lambda share: kernels.sum_panel(*columns, *sums, share))
    coef = numbers[:, -1] if linear else np.zeros(D)
    expected = sweeps_reference.predict(X, 0.0, coef, numbers[:, :n_factors])
    np.testing.assert_allclose(out, expected, atol=1e-9)
    state = roots, lines, parameters, groups, precision, mean, noise, alpha
    together(
        kernels, 2, lambda share: kernels.sweep_panel(*columns, *state, m, lane, share)
    )
    sweeps_reference.sweep(
        X, errors, roots**2, numbers, precision[groups, :m], mean[groups, :m], alpha,
        linear=linear, noise=noise[:, :m] if noisy else None,
    )  # fmt: skip
    np.testing.assert_allclose(parameters[:, :m], numbers, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(lines[:, -1], errors, rtol=1e-7, atol=1e-9)
    assert np.abs(parameters - before).max() > 0.1


@pytest.mark.parametrize("level", LEVELS)
def test_runs_are_as_long_as_they_can_be(level):
    rng = np.random.default_rng(0)
    X = rng.random((40, 60)) < rng.choice([0.0, 0.02, 0.2], 60)
    indptr, row_numbers, _ = columns_of(level, sp.csr_array(X.astype(float)))
    begins = np.full(60, 7, dtype=np.int8)
    load_level(level, "_sweeps").mark_runs(
        indptr, row_numbers, np.full(40, -1, dtype=np.int32), begins
    )
    expected, rows = [], set()
    for j in range(60):
        its = set(np.flatnonzero(X[:, j]))
        expected.append(int(j == 0 or bool(rows & its)))
        rows = its if expected[-1] else rows | its
    assert begins.tolist() == expected
    assert 5 < sum(expected) < 50
