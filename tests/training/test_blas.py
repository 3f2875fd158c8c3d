"""BLAS has one thread while any fit runs, and afterwards what it had before."""

import os
import threading

import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from sklearn_sagemaker.training.blas import single_threaded_blas

BEFORE = 3


def blas_threads():
    found = ThreadpoolController().select(user_api="blas").info()
    return {library["num_threads"] for library in found}


@pytest.fixture(autouse=True)
def some_threads():
    """The same limit on every machine: one of one core would hide the others."""
    with threadpool_limits(BEFORE, user_api="blas"):
        if blas_threads() != {BEFORE}:
            pytest.skip("this BLAS does not take a limit")
        yield


def test_limit_and_restoration():
    with single_threaded_blas():
        assert blas_threads() == {1}
    assert blas_threads() == {BEFORE}


def test_in_another_thread_than_the_one_that_set_limits_before():
    found = []

    def other():
        with single_threaded_blas():
            found.append(blas_threads())

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert found == [{1}]
    assert blas_threads() == {BEFORE}


def test_nested():
    with single_threaded_blas():
        with single_threaded_blas():
            pass
        assert blas_threads() == {1}
    assert blas_threads() == {BEFORE}


def test_restored_after_an_exception():
    with pytest.raises(KeyboardInterrupt), single_threaded_blas():
        raise KeyboardInterrupt
    assert blas_threads() == {BEFORE}


@pytest.mark.parametrize("error", [None, ValueError()])
def test_the_first_sets_it_and_the_last_restores_it(error):
    """The one that came first goes first: what each found is of no use to the last."""
    entered, leave = threading.Event(), threading.Event()

    def first():
        try:
            with single_threaded_blas():
                entered.set()
                leave.wait(10)
                if error:
                    raise error
        except ValueError:
            pass

    thread = threading.Thread(target=first)
    thread.start()
    assert entered.wait(10)
    with single_threaded_blas():
        leave.set()
        thread.join()
        assert blas_threads() == {1}
    assert blas_threads() == {BEFORE}


def answer_of_a_child(check):
    """What a check says in a fork of this process."""
    child = os.fork()
    if child == 0:
        right = False
        try:
            right = check()
        finally:
            os._exit(0 if right else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("inside", [False, True])
def test_a_fork_has_the_limits_of_its_own_thread_only(inside):
    entered, leave = threading.Event(), threading.Event()

    def other():
        with single_threaded_blas():
            entered.set()
            leave.wait(30)

    def anew():
        before = blas_threads()
        with single_threaded_blas():
            within = blas_threads()
        return (before, within, blas_threads()) == ({BEFORE}, {1}, {BEFORE})

    def still():
        return blas_threads() == {1}

    thread = threading.Thread(target=other)
    thread.start()
    try:
        assert entered.wait(10)
        if inside:
            with single_threaded_blas():
                assert answer_of_a_child(still)
        else:
            assert answer_of_a_child(anew)
    finally:
        leave.set()
        thread.join()
    assert blas_threads() == {BEFORE}
