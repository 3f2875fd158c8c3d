"""Mini-batches of one model that threads share, to the same bits."""

import threading

import numpy as np
import pytest

from sklearn_sagemaker._kernels import factor_kernels
from sklearn_sagemaker.training.factors import gradient

from .test_run import OPTIMIZERS, STORAGE, TASKS, assert_same, factor_run, fit, problem


@pytest.fixture
def calls(monkeypatch):
    """What each call of the kernel is told of its team; all batches are shared."""
    seen = []
    monkeypatch.setattr(gradient, "SHARED_WORK", 1)
    monkeypatch.setattr(gradient, "SHARED_STORED", 1)
    monkeypatch.setattr(gradient, "processors", lambda: 8)
    train = factor_kernels.train

    def noted(*given):
        seen.append((threading.get_ident(), given[21:]))
        return train(*given)

    monkeypatch.setattr(factor_kernels, "train", noted)
    return seen


@STORAGE
@TASKS
@OPTIMIZERS
def test_threads_share_the_batches_of_one_model(classes, sparse, optimizer, calls):
    X, y = problem(classes=classes, sparse=sparse, dtype="f4")
    settings = {"classes": classes, "mini_batch_size": 50, "epochs": 3,
                "optimizer": optimizer}  # fmt: skip
    weights = np.linspace(0.0, 2.0, len(y))
    alone = fit(X, y, weights, jobs=1, **settings)
    assert [team for _, team in calls] == [()] * 3
    calls.clear()
    for jobs in (2, 3, 20):
        assert_same(fit(X, y, weights, jobs=jobs, **settings), alone)
        shares = min(jobs, 8)
        assert [team[0][2] for _, team in calls] == [shares] * 3 * shares
        calls.clear()


def test_models_come_first(calls):
    X, y = problem()
    settings = {"mini_batch_size": 50, "num_models": 2, "num_factors": "auto"}
    factor_run(X, y, epochs=1, jobs=2, **settings).train()
    assert [team for _, team in calls] == [()] * 2
    calls.clear()
    # Two threads for each of them.
    factor_run(X, y, epochs=1, jobs=5, **settings).train()
    assert [team[0][2] for _, team in calls] == [2] * 4


def test_small_batches_and_single_rows_are_not_shared(calls, monkeypatch):
    X, y = problem()
    fit(X, y, mini_batch_size=1, epochs=1, jobs=2)
    # 240 rows of 8 values, 4 factors.
    monkeypatch.setattr(gradient, "SHARED_WORK", 240 * 8 * 4 + 1)
    fit(X, y, mini_batch_size=1000, epochs=1, jobs=2)
    assert [team for _, team in calls] == [()] * 2
    monkeypatch.setattr(gradient, "SHARED_WORK", 240 * 8 * 4)
    fit(X, y, mini_batch_size=1000, epochs=1, jobs=2)
    assert len(calls) == 4


def test_rows_of_few_values_are_not_shared(calls, monkeypatch):
    X, y = problem()
    # 8 values a row.
    for least, shares in ((9, 1), (8, 2)):
        monkeypatch.setattr(gradient, "SHARED_STORED", least)
        fit(X, y, mini_batch_size=1000, epochs=1, jobs=2)
        assert len(calls) == shares
        calls.clear()


def test_each_thread_begins_with_its_own_share(calls):
    X, y = problem()
    fit(X, y, mini_batch_size=50, epochs=1, jobs=3)
    assert sorted(team[0][1] for _, team in calls) == [0, 1, 2]


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_thread_that_fails_ends_the_others(failing, calls, monkeypatch):
    X, y = problem()
    run = factor_run(X, y, epochs=1, jobs=3, mini_batch_size=50)
    train, turn, lock = factor_kernels.train, [0], threading.Lock()

    def fails(*given):
        with lock:
            turn[0] += 1
            mine = turn[0] - 1
        if mine == failing:
            # A share that is never done.
            given[21][0][0] = 1 << 40
            raise MemoryError("no memory")
        return train(*given)

    monkeypatch.setattr(factor_kernels, "train", fails)
    with pytest.raises(MemoryError, match="no memory"):
        run.train()
