"""Calls of one message to each worker, on workers that are threads of this process."""

import asyncio
import pickle
import threading
import time
from types import SimpleNamespace

import pytest

from sklearn_sagemaker.backends import dask_service
from sklearn_sagemaker.backends.dask_service import Held, Service
from sklearn_sagemaker.training.shards.joining import as_far_as_found, in_pairs

distributed = pytest.importorskip("distributed")


class Client:
    """Runs each task in a thread, and notes what it is told."""

    def __init__(self, n_threads=4):
        self.told, self.threads, self.n_threads = [], [], n_threads

    def submit(self, function, *parts, workers, key=None, **_):
        self.told.append((function.__name__, *workers))
        thread = threading.Thread(target=function, args=parts, daemon=True)
        self.threads.append(thread)
        thread.start()
        return SimpleNamespace(key=key)

    def run(self, function, *parts, workers, on_error, callback_timeout=None):
        async def one(address):
            state = SimpleNamespace(nthreads=self.n_threads)
            worker = SimpleNamespace(contact_address=address, state=state)
            try:
                # All of it is sent.
                sent = pickle.loads(pickle.dumps(parts))
                found = function(*sent, dask_worker=worker)
                return await found if asyncio.iscoroutine(found) else found
            except Exception as error:
                assert on_error == "return"
                return error

        async def all_of_them():
            return await asyncio.gather(*map(one, workers))

        self.told += [(function.__name__, address) for address in workers]
        return dict(zip(workers, asyncio.run(all_of_them()), strict=True))

    def who_has(self, shards):
        return {shard: (f"tcp://{shard % 2}",) for shard in shards}

    def wait(self):
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()
        assert not dask_service._held


@pytest.fixture(autouse=True)
def outside_of_tasks(monkeypatch):
    monkeypatch.setattr(distributed, "secede", lambda: None)
    # Those that nobody ends.
    monkeypatch.setattr(dask_service, "LEASE", 3.0)


def named(number, text):
    if text == "raise":
        raise ValueError("of the rows")
    if number == 0:
        # Shared by threads, so that the order of answers is another one.
        time.sleep(0.01)
    return f"{number}{text}"


def braced(first, second):
    return f"({first} {second})"


def groups_of(n_shards, size, *workers):
    """Groups of neighbours, dealt to workers in order."""
    starts = range(0, n_shards, size)
    return [
        (
            workers[place * len(workers) // len(starts)],
            range(start, min(start + size, n_shards)),
        )
        for place, start in enumerate(starts)
    ]


def ask(service, groups, text="!"):
    return service.ask(groups, named, braced, pickle.dumps((text,)))


def ready(client):
    service = Service(client)
    service.note(named, 100)
    return service


@pytest.mark.parametrize("n_shards", [1, 3, 7, 8, 32])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_answers_are_joined_as_by_tasks(n_shards, size):
    expected = in_pairs(braced, [named(number, "!") for number in range(n_shards)])
    for n_workers in (1, 2, 3, 5):
        client = Client()
        service = ready(client)
        workers = [f"tcp://{number}" for number in range(n_workers)]
        groups = groups_of(n_shards, size, *workers)
        for _ in range(2):
            answer, n_bytes = ask(service, groups)
            assert answer == expected
            assert n_bytes > 0
        service.close()
        client.wait()


@pytest.mark.parametrize("count", [2, 5, 8])
def test_what_is_joined_in_two_places_is_joined_as_in_one(count):
    answers = [str(number) for number in range(count)]
    whole = {(0, number): answer for number, answer in enumerate(answers)}
    for mask in range(1 << count):
        parts = [
            {key: answer for key, answer in whole.items() if mask >> key[1] & 1 == side}
            for side in (0, 1)
        ]
        left = {}
        for part in parts:
            left |= as_far_as_found(braced, part, count)
        (found,) = as_far_as_found(braced, left, count).values()
        assert found == in_pairs(braced, answers)


def test_neighbours_on_a_worker_are_joined_there():
    found = as_far_as_found(braced, {(0, k): str(k) for k in (0, 1, 2, 3, 6)}, 8)
    assert found == {(2, 0): "((0 1) (2 3))", (0, 6): "6"}


def test_a_call_is_one_message_to_each_worker():
    client = Client()
    service = ready(client)
    groups = groups_of(8, 2, "tcp://a", "tcp://b")
    ask(service, groups)
    assert [name for name, _ in client.told] == ["serve"] * 4 + ["asked"] * 2
    client.told.clear()
    ask(service, groups)
    assert client.told == [("asked", "tcp://a"), ("asked", "tcp://b")]
    # Other workers than before.
    client.told.clear()
    ask(service, groups_of(8, 4, "tcp://a", "tcp://c"))
    assert [name for name, _ in client.told] == ["serve"] * 2 + ["asked"] * 2
    client.told.clear()
    service.close()
    assert client.told == [("end", "tcp://a"), ("end", "tcp://c")]
    service.close()
    assert len(client.told) == 2
    client.wait()


running = []
most = [0]


def measured(number):
    running.append(number)
    most[0] = max(most[0], len(running))
    time.sleep(0.06)
    running.remove(number)
    return str(number)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_no_more_shards_are_at_work_than_a_worker_has_threads(monkeypatch, n_threads):
    # Those that wait for their turn are not those that wait for a call.
    monkeypatch.setattr(dask_service, "LEASE", 0.5)
    client, most[0] = Client(n_threads), 0
    service = ready(client)
    service.note(measured, 100)
    groups = groups_of(16, 1, "tcp://a")
    answer, _ = service.ask(groups, measured, braced, pickle.dumps(()))
    assert answer == in_pairs(braced, list(map(str, range(16))))
    assert most[0] == n_threads
    service.close()
    client.wait()


def test_workers_may_be_names():
    client = Client()
    service = ready(client)
    answer, _ = ask(service, [("host-0", [0]), ("host-1", [1])])
    assert answer == "(0! 1!)"
    runs = [told for told in client.told if told[0] == "asked"]
    assert runs == [("asked", "tcp://0"), ("asked", "tcp://1")]
    service.close()
    client.wait()


def test_what_is_large_or_unknown_goes_by_tasks():
    client = Client()
    service = Service(client)
    groups = groups_of(4, 2, "tcp://a", "tcp://b")
    assert ask(service, groups) is None
    service.note(named, dask_service.MOST_BYTES // 2)
    assert ask(service, groups) is None
    service.note(named, dask_service.MOST_BYTES // 2 - 1000)
    assert ask(service, groups, "!" * 1000) is None
    assert not client.told
    assert ask(service, groups) is not None
    service.close()
    client.wait()


def test_after_what_goes_wrong_tasks_are_asked_and_services_begin_again(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(dask_service, "time", SimpleNamespace(monotonic=lambda: now[0]))
    client = Client()
    service = ready(client)
    groups = groups_of(4, 2, "tcp://a", "tcp://b")
    assert ask(service, groups) is not None
    assert ask(service, groups, "raise") is None
    client.wait()
    # At once it would go wrong again.
    client.told.clear()
    now[0] += dask_service.STARTUP - 0.1
    assert ask(service, groups) is None
    assert not client.told
    now[0] += 0.2
    # And a second time.
    assert ask(service, groups, "raise") is None
    client.told.clear()
    now[0] += 2 * dask_service.STARTUP - 0.1
    assert ask(service, groups) is None
    assert not client.told
    now[0] += 0.2
    assert ask(service, groups) is not None

    def run(*_, **__):
        raise OSError("the scheduler is lost")

    client.run = run
    assert ask(service, groups) is None
    client.wait()
    del client.run
    now[0] += dask_service.STARTUP + 0.1
    assert ask(service, groups) is not None
    service.close()
    client.wait()


def test_a_service_that_does_not_begin_is_not_waited_for_long(monkeypatch):
    monkeypatch.setattr(dask_service, "STARTUP", 0.05)
    client = Client()
    service = ready(client)
    monkeypatch.setattr(client, "submit", lambda *_, key=None, **__: Task(key))
    assert ask(service, groups_of(2, 1, "tcp://a")) is None


class Task:
    def __init__(self, key):
        self.key = key


def test_services_end_without_a_client_and_begin_again(monkeypatch):
    monkeypatch.setattr(dask_service, "LEASE", 1.0)
    client = Client()
    service = ready(client)
    groups = groups_of(4, 2, "tcp://a", "tcp://b")
    assert ask(service, groups) is not None
    client.wait()
    answer, _ = ask(service, groups)
    assert answer == "((0! 1!) (2! 3!))"
    client.wait()


def test_a_job_is_done_or_refused():
    held = Held([1, 2])
    held.end()
    with pytest.raises(RuntimeError, match="has ended"):
        asyncio.run(held.do(lambda *shards: sum(shards)))

    async def both():
        held = Held([1, 2])
        threading.Timer(0.05, held.work, [10]).start()
        job = asyncio.ensure_future(held.do(lambda *shards: sum(shards)))
        await asyncio.sleep(0)
        held.end()
        return await job

    assert asyncio.run(both()) == 3
