"""Reading ahead: order, errors, and threads that end."""

import threading
import time

import pytest

from sklearn_sagemaker.io.datasets.read_ahead import read_ahead


def readers():
    return [t for t in threading.enumerate() if t.name == "read-ahead"]


@pytest.mark.parametrize("depth", [1, 3])
def test_items_come_in_order(depth):
    assert list(read_ahead(lambda: iter(range(100)), depth)) == list(range(100))
    assert not readers()


def test_nothing_comes_of_nothing():
    assert list(read_ahead(list)) == []


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield 1
        yield 2
        raise KeyError("lost")

    found = read_ahead(items)
    assert [next(found), next(found)] == [1, 2]
    with pytest.raises(KeyError, match="lost"):
        next(found)
    assert not readers()


def test_an_error_of_the_call_itself():
    def items():
        raise OSError("no such disk")

    with pytest.raises(OSError, match="no such disk"):
        next(read_ahead(items))
    assert not readers()


def test_it_reads_no_further_than_asked():
    made = []

    def items():
        for i in range(100):
            made.append(i)
            yield i

    found = read_ahead(items, depth=2)
    assert next(found) == 0
    deadline = time.monotonic() + 5
    while len(made) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    # One was taken, two wait, one is in hand.
    assert made == [0, 1, 2, 3]
    found.close()


def test_closing_ends_the_thread_and_the_generator():
    closed = threading.Event()

    def items():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    found = read_ahead(items)
    next(found)
    found.close()
    assert closed.is_set()
    assert not readers()
