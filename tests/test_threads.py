"""How many threads there are, and that work never leaves the process."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import inf

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config

from sklearn_sagemaker import _threads
from sklearn_sagemaker._threads import (
    Spread,
    beside,
    fitting,
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


def elsewhere(call, *given):
    """What a call finds in another thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call, *given).result()


def test_fits_at_the_same_time_share_the_processors():
    def third():
        with fitting():
            return elsewhere(counts)

    def counts():
        return [thread_count(n) for n in (1, 3, -1)], processors()

    with fitting():
        alone = counts()
        with fitting():
            assert counts() == alone
        assert elsewhere(counts) == ([1, 2, 2], 2)
        assert elsewhere(third) == ([1, 1, 1], 1)
    assert alone == ([1, 3, thread_count(-1)], 4)
    assert counts() == alone


def test_a_fit_that_fails_takes_no_share():
    with pytest.raises(ZeroDivisionError), fitting():
        raise ZeroDivisionError
    assert elsewhere(processors) == 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_beside_a_fit_has_the_processors_for_itself():
    def forked():
        child = os.fork()
        if child == 0:
            os._exit(processors())
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    with fitting():
        assert elsewhere(processors) == 2
        assert elsewhere(forked) == 4
        assert forked() == 4


def nested():
    return Parallel(n_jobs=2, backend="threading")(delayed(inside)() for _ in range(2))


def test_within_workers_that_are_threads():
    with parallel_config(n_jobs=2):
        found = Parallel(n_jobs=2, backend="threading")(
            delayed(nested)() for _ in range(2)
        )
        assert found == [[(1, 1, 4)] * 2] * 2
        assert nested() == [(1, 2, 4)] * 2


def asked():
    return os.environ.get("OMP_NUM_THREADS"), [thread_count(n) for n in (2, -1)]


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1, 3])
def test_worker_processes_have_what_joblib_leaves_to_each(limit, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.undo()
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=limit):
        found = Parallel()(delayed(asked)() for _ in range(2))
    for left, counts in found:
        assert left == str(limit)
        assert max(counts) <= limit


def test_worker_processes_that_are_told_nothing_have_one_thread(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with parallel_config("multiprocessing", n_jobs=2):
        found = Parallel()(delayed(inside)() for _ in range(2))
    assert found == [(1, 1, 1)] * 2


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


def idents(items, *seconds, n_bytes=inf, locked=True):
    """The threads that did each of several calls of two threads, all of one kind."""
    clock, first = [0.0], threading.Event()

    def item(_, took):
        clock[0] += took
        if threading.get_ident() == caller:
            # Until the other thread has one too, if it is to have any.
            first.wait(0.05)
        else:
            first.set()
        return threading.get_ident()

    caller, found = threading.get_ident(), []
    with pytest.MonkeyPatch.context() as patch, threads(2, n_bytes, locked) as spread:
        patch.setattr(_threads, "thread_time", lambda: clock[0])
        for took in seconds:
            first.clear()
            made = spread(item, range(items), [took] * items)
            found.append(["mine" if one == caller else "other" for one in made])
    return found


SHORT, TOO_LONG = Spread.LONG / 100, 10 * Spread.LONG


def test_long_items_are_shared():
    first, second = idents(4, TOO_LONG, TOO_LONG)
    assert "other" in first
    assert "other" in second


def test_short_items_are_left_to_the_caller_once_they_are_known():
    first, second = idents(4, SHORT, SHORT)
    assert "other" in first
    assert second == ["mine"] * 4


@pytest.mark.parametrize("took", [SHORT, TOO_LONG])
def test_of_few_rows_the_first_item_tells(took):
    first, second = idents(4, took, took, n_bytes=100)
    assert first[0] == "mine"
    assert ("other" in first) == ("other" in second) == (took > Spread.LONG)


def test_items_of_few_rows_must_take_longer():
    took = 2 * Spread.LONG
    many, few = idents(4, took, took), idents(4, took, took, n_bytes=100)
    assert "other" in many[1]
    assert few == [["mine"] * 4] * 2


def test_items_of_few_rows_that_leave_the_lock_are_shared_as_others_are():
    for took in (2 * Spread.LONG, SHORT):
        for found in idents(4, took, took, n_bytes=100, locked=False):
            assert found[0] == "mine"
            assert ("other" in found) == (took > Spread.LONG)


def test_a_quiet_map_shares_the_same():
    with threads(2, 100, locked=False) as spread:
        assert vars(quietly(spread)) == {**vars(spread), "_quiet": True}


def test_items_that_become_long_are_shared_from_then_on():
    _, second, third = idents(4, SHORT, TOO_LONG, SHORT)
    assert second[0] == "mine"
    assert "other" in second
    assert "other" in third


def test_kinds_are_told_apart_by_where_their_function_is_made():
    def short(number):
        def call(_):
            return threading.get_ident()

        return call

    with threads(2) as spread:
        for number in range(3):
            spread(partial(short(number)), range(4))
        assert {*quietly(spread)(short(4), range(4))} == {threading.get_ident()}


def test_a_thread_that_is_not_needed_is_not_started():
    before = threading.active_count()
    with threads(2, 100) as spread:
        spread(abs, range(4))
        assert threading.active_count() == before


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
