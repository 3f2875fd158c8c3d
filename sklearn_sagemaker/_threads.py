"""Threads of a fit or a prediction: how many, and a map over them."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from joblib import cpu_count
from joblib.parallel import get_active_backend

Spread = Callable[..., list[Any]]
"""``spread(call, *items)`` is ``list(map(call, *items))``, perhaps in threads."""


def map_here(call: Callable[..., Any], *items: Iterable) -> list[Any]:
    """The `Spread` that has the caller do it all."""
    return list(map(call, *items))


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
        yield map_here
        return
    with ThreadPoolExecutor(count) as pool:

        def spread(call: Callable, *items: Iterable) -> list[Any]:
            lists = [list(one) for one in items]
            # One item has nothing to wait for in another thread.
            several = len(lists[0]) > 1
            return list((pool.map if several else map)(call, *lists))

        yield spread


def longest_first(spread: Spread, sizes: Sequence[float]) -> Spread:
    """The same map, of items in falling order of size.

    Threads take the next item when they have done one: a long one that came last would
    have the others wait.

    Parameters
    ----------
    spread : callable
        See `Spread`.
    sizes : sequence of float
        Of the items, in any unit.

    Examples
    --------
    >>> from sklearn_sagemaker._threads import longest_first, threads
    >>> with threads(1) as spread:
    ...     longest_first(spread, [1, 5])(print, ["short", "long"])
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


def beside(spread: Spread, more: Callable[[], Any]) -> Spread:
    """The same map, with a call more that the answers leave out."""

    def call(work: Callable, *items: Iterable) -> list[Any]:
        calls = [partial(work, *one) for one in zip(*items, strict=True)]
        return spread(lambda one: one(), [*calls, more])[:-1]

    return call


def quietly(spread: Spread) -> Spread:
    """The same map without NumPy's warnings, as of overflow in a diverged model."""

    def call(work: Callable, *arguments: Any) -> Any:
        # errstate belongs to the thread.
        with np.errstate(all="ignore"):
            return work(*arguments)

    return lambda work, *items: spread(partial(call, work), *items)
