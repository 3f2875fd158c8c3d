"""Mini-batches, epochs and learning rates."""

import numpy as np
import pytest

from sklearn_sagemaker.training.linear.candidates import make_candidates
from sklearn_sagemaker.training.schedule import (
    LARGEST_BATCH,
    MIN_UPDATES,
    epoch_order,
    even_bounds,
    learning_rates,
    n_batches,
    plan_updates,
    run_length,
    shuffled_runs,
)

from .conftest import hyperparameters


def stream(seed, epoch):
    return np.random.default_rng([seed, epoch])


@pytest.mark.parametrize("n", [1, 5, 16, 17, 200, 3000, 50_000, 10**7])
def test_auto_makes_enough_updates(n):
    batch, epochs = plan_updates(n, "auto", "auto")
    assert 1 <= batch <= min(n, LARGEST_BATCH)
    assert n_batches(n, batch) * epochs >= MIN_UPDATES
    assert epochs >= 15


def test_smaller_batches_come_before_more_epochs():
    batch, epochs = plan_updates(20_000, "auto", "auto")
    assert batch < 1000
    assert epochs == 15
    assert plan_updates(200, "auto", "auto")[1] > 15


def test_numbers_of_the_user_are_obeyed():
    assert plan_updates(200, 1000, 15) == (1000, 15)
    assert plan_updates(200, 7, "auto")[0] == 7
    assert plan_updates(200, "auto", 3)[1] == 3


def test_even_bounds_take_every_row():
    for n in range(1, 41):
        for count in range(1, n + 1):
            bounds = even_bounds(n, count)
            assert bounds[0] == 0
            assert bounds[-1] == n
            sizes = np.diff(bounds)
            assert len(sizes) == count
            assert set(sizes) <= {n // count, -(-n // count)}
            assert (np.diff(sizes) <= 0).all()


@pytest.mark.parametrize("run", [1, 4, 8])
@pytest.mark.parametrize("n", [1, 7, 100, 1003])
def test_an_epoch_visits_each_row_once(n, run):
    rows = np.arange(n)[::-1] * 2
    order, bounds, fold = epoch_order([rows], 10, stream(0, 3), run)
    assert bounds[0] == 0
    assert bounds[-1] == n
    np.testing.assert_array_equal(np.sort(order), np.sort(rows))
    sizes = np.diff(bounds)
    assert len(sizes) == len(fold) == n_batches(n, 10)
    assert sizes.max() <= 10
    assert sizes.max() - sizes.min() <= 1


def test_runs_stay_together_and_are_cut_elsewhere_each_epoch():
    first, *_ = epoch_order([np.arange(1000)], 100, stream(0, 0), run=8)
    second, *_ = epoch_order([np.arange(1000)], 100, stream(0, 1), run=8)
    for order in (first, second):
        assert np.mean(np.diff(order) == 1) > 0.8
        assert np.any(np.diff(order) != 1)
    assert set(first[np.r_[True, np.diff(first) != 1]] % 8) != set(
        second[np.r_[True, np.diff(second) != 1]] % 8
    )


@pytest.mark.parametrize("run", [2, 3, 16])
@pytest.mark.parametrize("n", [1, 2, 50, 1003])
@pytest.mark.parametrize(
    "make", [np.arange, lambda n: 7 + np.arange(n), lambda n: 3 * np.arange(n)]
)
def test_the_order_of_a_seed_stays(make, n, run):
    """Whatever makes it faster: with another order the last digits are others."""
    rows, rng = make(n), np.random.default_rng(5)
    starts = np.arange(-int(rng.integers(run)), n, run)
    places = (rng.permutation(starts)[:, None] + np.arange(run)).ravel()
    expected = rows[places[(places >= 0) & (places < n)]]
    before = rows.copy()
    found = shuffled_runs(rows, run, np.random.default_rng(5))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(rows, before)


@pytest.mark.parametrize("n", [64, 1000, 1003])
def test_windows_of_runs_are_shuffled_once_more(n):
    """Of a window's whole runs each row is somewhere in the window."""
    rows, run, window = 3 * np.arange(n), 8, 64
    plain = shuffled_runs(rows, run, np.random.default_rng(5))
    found = shuffled_runs(rows, run, np.random.default_rng(5), window)
    np.testing.assert_array_equal(np.sort(found), rows)
    whole = n - n % window
    parts = [order[:whole].reshape(-1, window) for order in (plain, found)]
    np.testing.assert_array_equal(*(np.sort(part, axis=1) for part in parts))
    for before, after in zip(*parts, strict=True):
        assert np.mean(np.diff(before) == 3) > 0.8
        assert np.mean(np.diff(after) == 3) < 0.2
    # No two windows alike: each has a shuffle of its own.
    places = [np.argsort(np.argsort(part)).tolist() for part in parts[1]]
    assert len({tuple(place) for place in places}) == len(places)
    np.testing.assert_array_equal(found[whole:], plain[whole:])


@pytest.mark.parametrize("run", [2, 7, 15])
@pytest.mark.parametrize("n", [1, 2, 6, 7, 8, 15, 29, 30, 31, 1000])
@pytest.mark.parametrize("window", [0, 8])
def test_runs_are_those_of_the_shuffled_starts(n, run, window):
    """Whole runs and short ones, as the plain way to write it has them."""
    rows = 3 * np.arange(n) + 5
    for seed in range(8):
        rng = np.random.default_rng(seed)
        starts = rng.permutation(np.arange(-int(rng.integers(run)), n, run))
        places = [start + i for start in starts for i in range(run)]
        expected = rows[[place for place in places if 0 <= place < n]]
        inside = n - n % window if window else 0
        if inside:
            windows = expected[:inside].reshape(-1, window)
            expected[:inside] = rng.permuted(windows, axis=1).ravel()
        found = shuffled_runs(rows, run, np.random.default_rng(seed), window)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == rows.dtype


def test_batches_come_from_one_fold_in_mixed_order():
    folds = [np.arange(0, 50), np.arange(50, 80), np.arange(80, 100)]
    order, bounds, fold = epoch_order(folds, 10, stream(0, 0))
    assert bounds[0] == 0
    assert bounds[-1] == len(order)
    np.testing.assert_array_equal(np.sort(order), np.arange(100))
    for t, number in enumerate(fold):
        assert np.isin(order[bounds[t] : bounds[t + 1]], folds[number]).all()
    assert (np.diff(fold) != 0).sum() > 2


def test_same_seed_same_order():
    for a, b, equal in ((0, 0, True), (0, 1, False)):
        first = epoch_order([np.arange(100)], 10, stream(a, 2))[0]
        second = epoch_order([np.arange(100)], 10, stream(b, 2))[0]
        assert np.array_equal(first, second) == equal


def test_run_length():
    assert run_length(500, 1 << 20, 1000) == 1  # small data: full shuffle
    assert run_length(500, 1 << 30, 2000) == 16
    assert run_length(5000, 1 << 30, 1000) == 3
    assert run_length(20000, 1 << 30, 1000) == 1
    assert run_length(100, 1 << 30, 130) == 2  # at least 64 runs a batch


def test_cosine_falls_to_zero_and_the_step_to_its_minimum():
    values = hyperparameters(learning_rate=0.1, num_models=1)
    rates = learning_rates(make_candidates(values, False), 0, 1000, 1000)[:, 0]
    assert rates[0] == pytest.approx(0.1, rel=1e-3)
    assert rates[500] == pytest.approx(0.05, rel=1e-2)
    assert rates[-1] < 1e-6
    assert (np.diff(rates) < 0).all()

    values = hyperparameters(
        learning_rate=0.1, num_models=1, lr_scheduler_step=10,
        lr_scheduler_factor=0.5, lr_scheduler_minimum_lr=0.02,
    )  # fmt: skip
    rates = learning_rates(make_candidates(values, False), 5, 40, 1000)[:, 0]
    np.testing.assert_allclose(rates[[0, 4, 5, 15, 25, 39]],
                               [0.1, 0.1, 0.05, 0.025, 0.02, 0.02])  # fmt: skip

    values = hyperparameters(learning_rate=0.1, use_lr_scheduler=False)
    rates = learning_rates(make_candidates(values, False), 0, 40, 40)
    assert (rates == 0.1).all()
