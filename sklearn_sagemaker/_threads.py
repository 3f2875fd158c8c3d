"""Threads of a fit or a prediction: how many, and a map over them."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import copy
from functools import partial
from itertools import count, islice
from math import inf
from time import thread_time
from typing import Any

import numpy as np
from joblib import cpu_count
from joblib.parallel import get_active_backend


class Spread:
    """A map, perhaps over threads: ``spread(call, *items)`` is ``list(map(...))``.

    Answers are in order, and the first exception is raised in the caller. Each thread
    takes the item that is next. The caller works too, and waits for nothing that
    nobody has begun: calls of items may spread work of their own over the same threads,
    of which there are never more at work. Items that took less than `LONG` the last
    time are left to the caller alone: to hand them over takes longer.

    Parameters
    ----------
    pool : ThreadPoolExecutor or None
        Of the threads beside the caller; None has none.
    helpers : int
        How many there are.
    quiet : bool
        Whether the work goes without NumPy's warnings.
    seconds : dict or None
        What an item of each kind of call took the last time, as far as is known.
    large : bool
        Whether items are of many rows, and thought long before one was timed.
    locked : bool
        Whether items of few rows mostly hold the interpreter's lock.
    """

    AHEAD = 2
    """Answers for each thread that may wait to be taken in their turn."""
    LEAST_WORK, MOST_BYTES = 4_000_000, 16 << 20
    """See `worth`: tenths of a millisecond, where handing over takes hundredths."""
    LONG = 2e-4
    """Seconds of a processor for an item, and five times that for one of few rows that
    holds the interpreter's lock."""

    def __init__(
        self,
        pool: ThreadPoolExecutor | None = None,
        helpers: int = 0,
        quiet: bool = False,
        seconds: dict[Any, float] | None = None,
        large: bool = True,
        locked: bool = True,
    ):
        self._pool, self._helpers, self._quiet = pool, helpers, quiet
        self._seconds = {} if seconds is None else seconds
        self._large, self._locked = large, locked

    @property
    def size(self) -> int:
        """Threads, the caller among them."""
        return self._helpers + 1

    def __call__(self, call: Callable, *items: Any) -> list[Any]:
        if self._quiet:
            call = partial(_quiet, call)
        given = list(zip(*items, strict=False))
        if self._pool is None or len(given) < 2:
            return [call(*one) for one in given]
        return self._shared(self._pool, call, given)

    def in_order(self, call: Callable, *items: Any) -> Iterator[Any]:
        """The same answers one by one, of which few are held at a time."""
        given = zip(*items, strict=False)
        several = 1 if self._pool is None else self.AHEAD * self.size
        while some := list(islice(given, several)):
            yield from self(call, *zip(*some, strict=True))

    def worth(self, work: float, n_bytes: int = 0) -> Spread:
        """Itself, or the map of the caller alone where handing over costs more.

        Parameters
        ----------
        work : float
            Multiplications of an item.
        n_bytes : int
            Size of an answer, of which each thread holds some until their turn.
        """
        pays = work >= self.LEAST_WORK and n_bytes <= self.MOST_BYTES
        return self if pays else ALONE

    def _shared(self, pool: ThreadPoolExecutor, call: Callable, given: list) -> list:
        answers: list[Any] = [None] * len(given)
        took: list[float] = []
        failures: dict[int, BaseException] = {}
        # One step of the counter is one step of the interpreter.
        places = count()

        def work(most: int = len(given)) -> None:
            while (place := next(places)) < len(given) and not failures:
                start = thread_time()
                try:
                    answers[place] = call(*given[place])
                except BaseException as error:
                    failures[place] = error
                took.append(thread_time() - start)
                if len(took) == most:
                    break

        kind = _kind(call)
        long = 5 * self.LONG if self._locked and not self._large else self.LONG
        known, left = self._seconds.get(kind, inf if self._large else 0.0), len(given)
        if known < long:
            # Unless it has become long.
            work(1)
            known, left = took[0], left - 1
        helping = min(self._helpers, left - 1) if known >= long else 0
        helpers = [pool.submit(work) for _ in range(helping)]
        work()
        for helper in helpers:
            if not helper.cancel():
                helper.result()
        if failures:
            raise failures[min(failures)]
        self._seconds[kind] = sum(took) / len(took)
        return answers


ALONE = Spread()
"""That of the caller alone."""
LARGE = 1 << 20
"""Bytes of X from which on rows are many for `Spread`."""

Map = Callable[..., list[Any]]
"""A `Spread`, or a call that does what it does."""


def longest_first(spread: Map, sizes: Sequence[float]) -> Map:
    """The same map, of items in falling order of size.

    Threads take the item that is next: a long one that came last would have the others
    wait.

    Parameters
    ----------
    spread : callable
    sizes : sequence of float
        Of the items, in any unit.

    Examples
    --------
    >>> from sklearn_sagemaker._threads import ALONE, longest_first
    >>> longest_first(ALONE, [1, 5])(print, ["short", "long"])
    long
    short
    [None, None]
    """
    order = sorted(range(len(sizes)), key=lambda place: -sizes[place])

    def call(work: Callable, *items: Iterable) -> list[Any]:
        lists = [list(one) for one in items]
        found = spread(work, *([one[place] for place in order] for one in lists))
        answers: list[Any] = [None] * len(order)
        for place, answer in zip(order, found, strict=True):
            answers[place] = answer
        return answers

    return call


def beside(spread: Map, more: Callable[[], Any]) -> Map:
    """The same map, with a call more that the answers leave out."""

    def call(work: Callable, *items: Iterable) -> list[Any]:
        calls = [partial(work, *one) for one in zip(*items, strict=True)]
        return spread(lambda one: one(), [*calls, more])[:-1]

    return call


def thread_count(n_jobs: int | None) -> int:
    """Threads that ``n_jobs`` stands for: as joblib counts them, if they have a place.

    Kernels read memory by its address, so work never leaves the process: whatever
    backend is configured, its number of jobs is taken and its kind is not. In a worker
    of joblib or Dask, and beside other fits of this process, there are no more than
    this fit's share of the processors, whatever is asked for.

    Parameters
    ----------
    n_jobs : int or None
        None is what `joblib.parallel_config` says, 1 at first; -1 is all processors
        that this process may use.

    Returns
    -------
    threads : int
        1 within two levels of joblib's workers.

    Raises
    ------
    ValueError
        If ``n_jobs`` is 0.
    """
    if n_jobs is None:
        _, n_jobs = get_active_backend()
    backend, _ = get_active_backend(prefer="threads", require="sharedmem")
    asked = backend.effective_n_jobs(n_jobs)
    if asked > 1 and (_fits.others() or _left_by_worker() is not None):
        return min(asked, processors())
    return asked


def processors() -> int:
    """Processors for threads that share every step, and gain nothing by more.

    Those that affinity and cgroups leave to this process; in a worker of joblib or Dask
    those that it leaves to libraries; and a share of them beside other fits.
    """
    share = max(1, cpu_count() // (1 + _fits.others()))
    left = _left_by_worker()
    return share if left is None else min(share, left)


def _left_by_worker() -> int | None:
    """Threads that a worker process of joblib or Dask leaves to what it runs.

    Both say it to the libraries in there by OMP_NUM_THREADS. None in a process of the
    user's own, where the variable says nothing of ours.
    """
    if multiprocessing.parent_process() is None:
        return None
    if not get_active_backend()[0].nesting_level and not _in_dask_task():
        return None
    left = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    # Unless it says so, how many workers there are is not known.
    return max(1, int(left)) if left.isdigit() else 1


def _in_dask_task() -> bool:
    # Whoever runs tasks has imported it.
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return False
    try:
        distributed.get_worker()
    except (AttributeError, ValueError):
        return False
    return True


class _Fits:
    """The threads of this process that fit now; each may have started others."""

    def __init__(self) -> None:
        self._running: list[int] = []

    def begin(self) -> None:
        """The calling thread fits; more than once if fits nest."""
        self._running.append(threading.get_ident())

    def end(self) -> None:
        """One fit of the calling thread is over."""
        self._running.remove(threading.get_ident())

    def others(self) -> int:
        """How many threads but the calling one fit."""
        return len({*self._running} - {threading.get_ident()})

    def after_fork(self) -> None:
        """In a child, where no thread lives on but the one that forked."""
        mine = threading.get_ident()
        self._running = [running for running in self._running if running == mine]


_fits = _Fits()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_fits.after_fork)


@contextmanager
def fitting() -> Iterator[None]:
    """Context of a fit, beside which other fits of this process take fewer threads."""
    _fits.begin()
    try:
        yield
    finally:
        _fits.end()


@contextmanager
def threads(count: int, n_bytes: float = inf, locked: bool = True) -> Iterator[Spread]:
    """Threads for the time of a ``with`` block, as a map over them.

    Parameters
    ----------
    count : int
        1 starts none: the caller does it all.
    n_bytes : float, default=inf
        Of the rows that items go over.
    locked : bool, default=True
        Whether items of few rows mostly hold the interpreter's lock: those of kernels
        do not.

    Yields
    ------
    spread : callable
        See `Spread`. Answers are in order, and an exception is raised here.

    Examples
    --------
    >>> from sklearn_sagemaker._threads import threads
    >>> with threads(2) as spread:
    ...     spread(pow, [2, 3], [5, 2])
    [32, 9]
    """
    if count <= 1:
        yield ALONE
        return
    with ThreadPoolExecutor(count - 1) as pool:
        yield Spread(pool, count - 1, large=n_bytes >= LARGE, locked=locked)


def quietly(spread: Spread) -> Spread:
    """The same map without NumPy's warnings, as of overflow in a diverged model."""
    found = copy(spread)
    found._quiet = True
    return found


def _kind(call: Callable) -> Any:
    """What is the same for all functions that are made at one place."""
    while isinstance(call, partial):
        call = call.args[0] if call.func is _quiet else call.func
    return getattr(call, "__qualname__", type(call))


def _quiet(call: Callable, *arguments: Any) -> Any:
    # errstate belongs to the thread.
    with np.errstate(all="ignore"):
        return call(*arguments)
