"""How many threads there are, and that work never leaves the process."""

import os
import threading
import time
from functools import partial

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config

from sklearn_sagemaker import _threads
from sklearn_sagemaker._threads import (
    beside,
    longest_first,
    processors,
    quietly,
    thread_count,
    threads,
)

BACKENDS = ["loky", "multiprocessing", "threading", "sequential"]


@pytest.fixture(autouse=True)
def four_processors(monkeypatch):
    monkeypatch.setattr(_threads, "cpu_count", lambda: 4)


# -------------------------------------------------------------------- how many
def test_as_joblib_counts():
    assert [thread_count(n) for n in (None, 1, 3)] == [1, 1, 3]
    assert thread_count(-1) >= 1
    with pytest.raises(ValueError, match="n_jobs == 0"):
        thread_count(0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_whatever_backend_is_configured(backend):
    with parallel_config(backend=backend):
        assert thread_count(3) == (1 if backend == "sequential" else 3)


@pytest.mark.parametrize("backend", BACKENDS[:3])
def test_none_is_what_is_configured(backend):
    with parallel_config(backend=backend, n_jobs=3):
        assert thread_count(None) == 3
        assert thread_count(2) == 2


@pytest.mark.parametrize("prefer", ["processes", "threads"])
def test_a_hint_changes_nothing(prefer):
    with parallel_config(prefer=prefer, n_jobs=3):
        assert thread_count(2) == 2


def inside():
    return thread_count(None), thread_count(2), processors()


def nested():
    return Parallel(n_jobs=2, backend="threading")(delayed(inside)() for _ in range(2))


def test_within_workers_that_are_threads():
    with parallel_config(n_jobs=2):
        found = Parallel(n_jobs=2, backend="threading")(
            delayed(nested)() for _ in range(2)
        )
        assert found == [[(1, 1, 4)] * 2] * 2
        assert nested() == [(1, 2, 4)] * 2


def count_processors():
    return processors(), os.environ.get("OMP_NUM_THREADS")


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1, 3])
def test_worker_processes_have_what_joblib_leaves_to_each(limit, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.undo()
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=limit):
        found = Parallel()(delayed(count_processors)() for _ in range(2))
    for count, left in found:
        assert left == str(limit)
        assert 1 <= count <= limit


def test_a_limit_of_other_libraries_is_not_ours(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert processors() == 4


# --------------------------------------------------------------------- the map
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_answers_come_in_order(count):
    with threads(count) as spread:
        assert spread(pow, range(7), [2] * 7) == [i * i for i in range(7)]
        assert spread(pow, [], []) == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_work_stays_in_the_process(backend):
    seen = []
    with parallel_config(backend=backend), threads(2) as spread:
        spread(lambda _: seen.append(os.getpid()), range(4))
    assert seen == [os.getpid()] * 4


def test_one_thread_is_the_caller():
    with threads(1) as spread:
        assert spread(lambda _: threading.get_ident(), [0]) == [threading.get_ident()]


@pytest.mark.parametrize("count", [1, 2])
def test_an_exception_is_raised_and_no_thread_stays(count):
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), threads(count) as spread:
        spread(lambda i: 1 // i, [1, 0, 2])
    assert threading.active_count() == before


@pytest.mark.parametrize("count", [1, 2, 4])
def test_items_may_spread_work_over_the_same_threads(count):
    at_work, most, lock = [0], [0], threading.Lock()

    def square(i):
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        time.sleep(0.001)
        with lock:
            at_work[0] -= 1
        return i * i

    with threads(count) as spread:
        found = spread(lambda n: sum(spread(square, range(n))), [3, 9, 5, 7])
        assert found == [sum(i * i for i in range(n)) for n in (3, 9, 5, 7)]
    assert 1 <= most[0] <= count


def test_each_thread_takes_the_item_that_is_next():
    first = threading.Event()

    def wait(i):
        # The first item ends when another thread has done all others.
        if i == 0:
            return first.wait(10)
        if i == 6:
            first.set()
        return True

    with threads(2) as spread:
        assert spread(wait, range(7)) == [True] * 7


def test_the_first_exception_counts_and_ends_the_rest():
    done = []

    def work(i):
        if i == 1:
            raise KeyError(i)
        done.append(i)
        time.sleep(0.001)

    with threads(2) as spread, pytest.raises(KeyError, match="1"):
        spread(work, range(500))
    assert len(done) < 250


@pytest.mark.parametrize("count", [1, 3])
def test_few_answers_wait_to_be_taken(count):
    begun, taken = [], 0

    def note(i):
        begun.append(i)
        return i

    with threads(count) as spread:
        for answer in spread.in_order(note, range(40)):
            assert answer == taken
            assert len(begun) - taken <= max(1, spread.AHEAD * count * (count > 1))
            taken += 1
    assert taken == 40


@pytest.mark.filterwarnings("error")
def test_quietly_in_every_thread():
    with threads(3) as spread:
        call = partial(np.divide, 1.0)
        assert quietly(spread)(call, np.zeros(9)) == [np.inf] * 9
        assert list(quietly(spread).in_order(call, np.zeros(9))) == [np.inf] * 9
        with pytest.raises(RuntimeWarning):
            spread(call, np.zeros(9))


# ------------------------------------------------------------------ longest first
@pytest.mark.parametrize("count", [1, 3])
def test_the_longest_begins_and_answers_keep_their_order(count):
    begun = []

    def work(name, size):
        begun.append(size)
        return name

    with threads(count) as spread:
        sizes = [2.0, 5.0, 1.0, 5.0]
        found = longest_first(spread, sizes)(work, "abcd", sizes)
    assert found == list("abcd")
    if count == 1:
        assert begun == [5.0, 5.0, 2.0, 1.0]
    assert sorted(begun) == sorted(sizes)


@pytest.mark.parametrize("count", [1, 2])
def test_a_call_beside_the_items(count):
    did = []
    with threads(count) as spread:
        assert beside(spread, lambda: did.append(0))(pow, [2, 3], [5, 2]) == [32, 9]
    assert did == [0]
