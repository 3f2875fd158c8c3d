"""The engine of the Dask backend, on a client that does at once what it is told.

All calls are graphs of tasks here; `test_dask_service` has those that are none.
"""

import pickle
from collections import Counter

import numpy as np
import pytest

from sklearn_sagemaker._state import Contents
from sklearn_sagemaker.backends import dask_service, dask_shards
from sklearn_sagemaker.backends.dask_shards import DaskShards, Rows
from sklearn_sagemaker.exceptions import ClusterLostError, DataFileError
from sklearn_sagemaker.training.shards.joining import in_pairs

distributed = pytest.importorskip("distributed")

CONTENTS = Contents(8, 1, False, np.dtype("f4"), 32, None, None)


@pytest.fixture(autouse=True)
def by_tasks(monkeypatch):
    monkeypatch.setattr(dask_service, "MOST_BYTES", 0)


class Future:
    def __init__(self, value, error=None):
        self.value, self.error = value, error
        self.status = "finished" if error is None else "error"


class Client:
    """Runs tasks when they are submitted, and notes where."""

    status, asynchronous = "running", False

    def __init__(self, **threads):
        self.threads, self.ran, self.faults = threads, [], []

    def nthreads(self):
        return dict(self.threads)

    def wait_for_workers(self, n_workers, timeout):
        if not self.threads:
            raise TimeoutError("nobody came")

    def scatter(self, value, **_):
        return Future(value)

    def submit(self, function, *parts, workers, **_):
        if self.faults:
            fault = self.faults.pop()
            if fault is not None:
                return Future(None, fault)
        self.ran.append((function.__name__, *workers))
        parts = [part.value if isinstance(part, Future) else part for part in parts]
        try:
            return Future(function(*parts))
        except Exception as error:
            return Future(None, error)

    def gather(self, future):
        if future.error is not None:
            raise future.error
        return future.value


class Named(Rows):
    """Shards that are their numbers."""

    def held(self, client, number, worker):
        return client.submit(Held, number, workers=[worker])


class Held:
    def __init__(self, number):
        self.number = number

    def shard(self, contents):
        return self.number


def engine(client, n_shards=8):
    return DaskShards(client, Named(), n_shards, 1 << 20, CONTENTS, place=" From here.")


def named(number, text):
    if number == 5 and text == "raise":
        raise DataFileError("the fifth")
    return f"{number}{text}"


def braced(first, second):
    return f"({first} {second})"


@pytest.mark.parametrize("n_shards", [1, 3, 7, 8, 32])
def test_answers_are_joined_alike_by_any_number_of_workers(n_shards):
    expected = in_pairs(braced, [named(number, "!") for number in range(n_shards)])
    for workers in range(1, 10):
        client = Client(**{f"w{number}": 1 for number in range(workers)})
        found = engine(client, n_shards).reduce(named, braced, "!")
        assert found == expected
        shards = Counter(worker for name, worker in client.ran if name == "shard_of")
        assert max(shards.values()) == -(-n_shards // workers)


def test_neighbours_are_served_by_one_task():
    client = Client(a=1, b=1)
    shards = engine(client)
    shards.reduce(named, braced, "!")
    client.ran.clear()
    shards.reduce(named, braced, "!")
    assert client.ran == [("answered", "a"), ("answered", "b"), ("answered", "a")]
    threads = Client(a=4)
    shards = engine(threads)
    shards.reduce(named, braced, "!")
    assert Counter(threads.ran)["answered", "a"] == 4 + 3


def test_shards_move_when_there_are_other_workers():
    client = Client(a=1)
    shards = engine(client)
    before = shards.reduce(named, braced, "!")
    client.threads["b"] = 1
    client.ran.clear()
    assert shards.reduce(named, braced, "!") == before
    assert Counter(client.ran)["itself", "b"] == 4
    client.ran.clear()
    shards.reduce(named, braced, "!")
    assert ("itself", "b") not in client.ran


def test_a_call_is_made_again_when_something_is_lost(monkeypatch):
    monkeypatch.setattr(dask_shards, "PAUSE", 0)
    client = Client(a=1, b=1)
    shards = engine(client)
    before = shards.reduce(named, braced, "!")
    shards._shards[6].status = "lost"
    client.ran.clear()
    assert shards.reduce(named, braced, "!") == before
    assert Counter(name for name, _ in client.ran)["shard_of"] == 1

    def gather(future, plain=client.gather, faults=[OSError, TimeoutError]):  # noqa: B006
        if faults:
            raise faults.pop()("lost")
        return plain(future)

    client.gather = gather
    assert shards.reduce(named, braced, "!") == before


def test_what_a_task_raises_is_raised_once():
    client = Client(a=1, b=1)
    shards = engine(client)
    shards.reduce(named, braced, "!")
    client.ran.clear()
    with pytest.raises(DataFileError, match="the fifth"):
        shards.reduce(named, braced, "raise")
    assert len(client.ran) == 3


@pytest.mark.parametrize(
    ("client", "error", "said"),
    [
        (Client(), None, "last of its workers"),
        (Client(a=1), distributed.KilledWorker("task", None, 3), "more memory"),
        (Client(a=1), OSError("no answer"), "no answer"),
    ],
)
def test_what_is_lost_for_good_says_where_to_go_on(client, error, said, monkeypatch):
    monkeypatch.setattr(dask_shards, "PAUSE", 0)
    shards = engine(client)
    if error is not None:

        def gather(future):
            raise error

        client.gather = gather
    with pytest.raises(ClusterLostError, match=f"(?s){said}.* From here"):
        shards.reduce(named, braced, "!")


def test_bytes_are_counted():
    shards = engine(Client(a=1))
    text = "x" * 1000
    shards.reduce(named, braced, text)
    answer = in_pairs(braced, [named(number, text) for number in range(8)])
    expected = 8 * (len(pickle.dumps((text,), 5)) + len(pickle.dumps(answer, 5)))
    assert shards.n_sent == expected
