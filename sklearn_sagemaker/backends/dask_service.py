"""Shards that a task keeps at hand, for calls of one message to each worker.

A graph of tasks for each call takes tens of milliseconds, whatever it does: it goes
through the scheduler task by task, and its arguments and answers as keys of their own.
Here one task for each group of shards lasts as long as calls come, outside of the slots
of its worker, so that the scheduler knows that the worker is not idle; and a call is
one message to each worker, by `Client.run`, and one answer.

What goes wrong here is not told apart: the caller asks again by tasks of its own.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import pickle
import queue
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.backends.dask_tasks import OfGroup
from sklearn_sagemaker.training.blas import single_threaded_blas
from sklearn_sagemaker.training.shards.joining import as_far_as_found
from sklearn_sagemaker.training.shards.shard import Shard

LEASE = 10.0
"""Seconds that a service waits for the next call before it ends by itself, as its
client may be gone."""
STARTUP = 2.0
"""Seconds that a call waits for a service to begin, and that none is begun after one
that did not; twice as long after each further one..."""
MOST_MISSES = 5
"""... of so many."""
CLOSING = 2.0
"""Seconds that the end of services is waited for, at the end of a fit."""
MOST_BYTES = 8 << 20
"""Of arguments and answers of all workers: all of them go through the scheduler, where
tasks hand them on from worker to worker."""

Groups = dict[str, list[tuple[int, str]]]
"""Numbers and names of the groups of each worker."""


# ------------------------------------------------------------------- on the workers
class Held:
    """Neighbouring shards, and jobs for the thread that keeps them.

    Parameters
    ----------
    shards : sequence of Shard
    """

    def __init__(self, shards: Sequence[Shard]):
        self._shards = shards
        self._jobs: queue.SimpleQueue = queue.SimpleQueue()
        self._lock, self._over = threading.Lock(), False

    async def do(self, job: Callable[..., Any]) -> Any:
        """What ``job(*shards)`` returns in the thread; called in an event loop.

        Raises
        ------
        RuntimeError
            If the thread has gone.
        """
        found: concurrent.futures.Future = concurrent.futures.Future()
        with self._lock:
            if self._over:
                raise RuntimeError("The service has ended.")
            self._jobs.put((job, found))
        return await asyncio.wrap_future(found)

    def end(self) -> None:
        """Let the thread go, after the jobs that it has."""
        with self._lock:
            self._over = True
            self._jobs.put(None)

    def work(self, seconds: float) -> None:
        """Do jobs until it is ended, or none comes for some seconds."""
        while True:
            try:
                found = self._jobs.get(timeout=seconds)
            except queue.Empty:
                # Jobs that were put meanwhile are before this.
                self.end()
                continue
            if found is None:
                return
            job, answer = found
            try:
                answer.set_result(job(*self._shards))
            except BaseException as error:
                answer.set_exception(error)
            # Not to hold what it has found while waiting for the next.
            del found, job, answer


_held: dict[str, Held] = {}
"""Of this process, by the names of the groups."""


def serve(name: str, *shards: Shard) -> None:
    """Keep shards at hand for calls; a task, outside of the slots of its worker.

    Parameters
    ----------
    name : str
        Of the group.
    *shards : Shard
    """
    distributed = import_optional("distributed", "dask", "backend='dask'")
    held = _held[name] = Held(shards)
    try:
        distributed.secede()
        held.work(LEASE)
    finally:
        del _held[name]


def end(groups: Groups, dask_worker: Any = None) -> None:
    """End the services of this worker."""
    for _, name in groups[dask_worker.contact_address or dask_worker.address]:
        if name in _held:
            _held[name].end()


async def asked(
    groups: Groups,
    n_groups: int,
    task: Callable[..., Any],
    join: Callable[[Any, Any], Any],
    packed: bytes,
    dask_worker: Any = None,
) -> bytes | None:
    """What a task finds on the groups of this worker, joined as far as they are here.

    Parameters
    ----------
    groups : dict of str to list of (int, str)
    n_groups : int
        Of all workers.
    task, join : callable
        As of `Shards.reduce`.
    packed : bytes
        Arguments of the task.
    dask_worker : distributed.Worker
        Given by Dask.

    Returns
    -------
    answer : bytes or None
        A pickled dict as of `as_far_as_found`; None if there is none.
    """
    mine = groups[dask_worker.contact_address or dask_worker.address]
    latest = time.monotonic() + STARTUP
    while not all(name in _held for _, name in mine):
        if time.monotonic() > latest:
            return None
        await asyncio.sleep(0.002)
    try:
        held = [_held[name] for _, name in mine]
        # Each in its own thread, but no more at a time than Dask would run.
        slots = threading.Semaphore(dask_worker.state.nthreads)
        of_group = partial(_in_a_slot, slots, OfGroup(task, join), packed)
        answers = await asyncio.gather(*[one.do(of_group) for one in held])
        numbers = [(0, number) for number, _ in mine]
        found = dict(zip(numbers, answers, strict=True))
        # Not in the thread of a group, which may have waited long for the others.
        return await asyncio.to_thread(_joined, join, found, n_groups)
    except Exception:
        return None


def _in_a_slot(slots: threading.Semaphore, *call: Any) -> Any:
    with slots:
        return _alone(*call)


def _alone(function: Callable[..., Any], *parts: Any) -> Any:
    with single_threaded_blas():
        return function(*parts)


def _joined(join: Callable[[Any, Any], Any], found: Any, count: int) -> bytes:
    left = _alone(as_far_as_found, join, found, count)
    return pickle.dumps(left, pickle.HIGHEST_PROTOCOL)


# -------------------------------------------------------------------- of the client
class Service:
    """Calls on shards that tasks keep at hand.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client: Any):
        self._client = client
        # Of each group its worker; of each task its worker's address, and its future.
        self._workers: list[str] = []
        self._tasks: list[tuple[str, Any]] = []
        # Until when the tasks are there, and when they may be started again.
        self._until = self._rests = 0.0
        self._misses = 0
        self._sizes: dict[Any, int] = {}

    def note(self, task: Callable[..., Any], n_bytes: int) -> None:
        """Note how large an answer of a task is, which is asked for here from then on.

        Parameters
        ----------
        task : callable
        n_bytes : int
        """
        self._sizes[task] = n_bytes

    def ask(
        self,
        groups: Sequence[tuple[str, Sequence[Any]]],
        task: Callable[..., Any],
        join: Callable[[Any, Any], Any],
        packed: bytes,
    ) -> tuple[Any, int] | None:
        """What a task finds on all shards.

        Parameters
        ----------
        groups : sequence of (str, sequence of Future)
            The worker of each group, and its shards.
        task, join : callable
            As of `Shards.reduce`.
        packed : bytes
            Arguments of the task.

        Returns
        -------
        answer, n_bytes : object, int
            The bytes are those of the largest answer of a worker. None of both if it
            is to be asked by other tasks.
        """
        workers, size = [worker for worker, _ in groups], self._sizes.get(task)
        if size is None or (size + len(packed)) * len(set(workers)) > MOST_BYTES:
            return None
        began = time.monotonic()
        if self._workers != workers or began > self._until:
            self._forget()
            if began < self._rests:
                return None
        try:
            if not self._tasks:
                self._start(groups)
            found = self._asked(task, join, packed)
        except (concurrent.futures.CancelledError, Exception):
            found = None
        if found is None:
            # Workers may be busy with what others ask of them.
            self._rests = time.monotonic() + STARTUP * 2.0**self._misses
            self._misses = min(self._misses + 1, MOST_MISSES)
            self._forget()
            return None
        # The first that was done may have waited since.
        self._until, self._misses = began + LEASE / 2, 0
        places: dict[Any, Any] = {}
        for one in found:
            places |= pickle.loads(one)
        (answer,) = _alone(as_far_as_found, join, places, len(workers)).values()
        self._sizes[task] = max(map(len, found))
        return answer, self._sizes[task]

    def _start(self, groups: Sequence[tuple[str, Sequence[Any]]]) -> None:
        """Have the shards kept at hand."""
        for worker, shards in groups:
            name = f"serve-{uuid.uuid4().hex}"
            # Nowhere else, where they would be of no use.
            future = self._client.submit(
                serve, name, *shards, key=name, pure=False, workers=[worker]
            )
            self._workers.append(worker)
            self._tasks.append((self._address(worker, shards), future))

    def _address(self, worker: str, shards: Sequence[Any]) -> str:
        """That of a worker, which may be a name; it has the shards then."""
        if "://" in worker:
            return worker
        found = self._client.who_has(list(shards)).values()
        return min(set.intersection(*map(set, found)))

    def _asked(
        self, task: Callable[..., Any], join: Callable[[Any, Any], Any], packed: bytes
    ) -> list[bytes] | None:
        """The answers of all workers, if all have one."""
        groups = self._groups()
        given = groups, len(self._tasks), task, join, packed
        found = self._client.run(asked, *given, workers=list(groups), on_error="return")
        answers = [found.get(address) for address in groups]
        return answers if all(isinstance(one, bytes) for one in answers) else None

    def close(self) -> None:
        """Let the tasks end."""
        groups = self._groups()
        self._forget()
        if groups:
            # Those that this does not reach end by themselves.
            with contextlib.suppress(Exception):
                self._client.run(
                    end,
                    groups,
                    workers=list(groups),
                    on_error="ignore",
                    callback_timeout=CLOSING,
                )

    def _forget(self) -> None:
        """Have no tasks; those that there are end by themselves."""
        self._workers, self._tasks = [], []

    def _groups(self) -> Groups:
        groups: Groups = {}
        for number, (address, future) in enumerate(self._tasks):
            groups.setdefault(address, []).append((number, future.key))
        return groups
