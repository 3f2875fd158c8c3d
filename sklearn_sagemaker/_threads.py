"""Threads of a fit or a prediction: how many, and a map over them."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count, islice
from typing import Any

import numpy as np
from joblib import cpu_count
from joblib.parallel import get_active_backend


class Spread:
    """A map, perhaps over threads: ``spread(call, *items)`` is ``list(map(...))``.

    Answers are in order, and the first exception is raised in the caller. Each thread
    takes the item that is next. The caller works too, and waits for nothing that
    nobody has begun: calls of items may spread work of their own over the same threads,
    of which there are never more at work.

    Parameters
    ----------
    pool : ThreadPoolExecutor or None
        Of the threads beside the caller; None has none.
    helpers : int
        How many there are.
    quiet : bool
        Whether the work goes without NumPy's warnings.
    """

    AHEAD = 2
    """Answers for each thread that may wait to be taken in their turn."""
    LEAST_WORK, MOST_BYTES = 4_000_000, 16 << 20
    """See `worth`: tenths of a millisecond, where handing over takes hundredths."""

    def __init__(
        self,
        pool: ThreadPoolExecutor | None = None,
        helpers: int = 0,
        quiet: bool = False,
    ):
        self._pool, self._helpers, self._quiet = pool, helpers, quiet

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
        failures: dict[int, BaseException] = {}
        # One step of the counter is one step of the interpreter.
        places = count()

        def work() -> None:
            while (place := next(places)) < len(given) and not failures:
                try:
                    answers[place] = call(*given[place])
                except BaseException as error:
                    failures[place] = error

        helpers = [pool.submit(work) for _ in range(min(self._helpers, len(given) - 1))]
        work()
        for helper in helpers:
            if not helper.cancel():
                helper.result()
        if failures:
            raise failures[min(failures)]
        return answers


ALONE = Spread()
"""That of the caller alone."""

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
    """Threads that ``n_jobs`` stands for, as joblib counts them.

    Kernels read memory by its address, so work never leaves the process: whatever
    backend is configured, its number of jobs is taken and its kind is not.

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
    return backend.effective_n_jobs(n_jobs)


def processors() -> int:
    """Processors for threads that share every step, and gain nothing by more.

    Those that affinity and cgroups leave to this process; in one of joblib's worker
    processes those that joblib leaves to the libraries of each.
    """
    count = cpu_count()
    nested = get_active_backend()[0].nesting_level or 0
    if nested and multiprocessing.parent_process() is not None:
        left = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
        if left.isdigit():
            count = min(count, int(left))
    return max(1, count)


@contextmanager
def threads(count: int) -> Iterator[Spread]:
    """Threads for the time of a ``with`` block, as a map over them.

    Parameters
    ----------
    count : int
        1 starts none: the caller does it all.

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
        yield Spread(pool, count - 1)


def quietly(spread: Spread) -> Spread:
    """The same map without NumPy's warnings, as of overflow in a diverged model."""
    return Spread(spread._pool, spread._helpers, quiet=True)


def _quiet(call: Callable, *arguments: Any) -> Any:
    # errstate belongs to the thread.
    with np.errstate(all="ignore"):
        return call(*arguments)
