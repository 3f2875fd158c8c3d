"""BLAS with one thread while fits run, however many of them at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController


class _Limit:
    """The limit of this process: the first one in sets it, the last one out lifts it.

    threadpoolctl's own context restores what it found, which with two that overlap is
    the limit of the other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders: list[int] = []
        self._controller: ThreadpoolController | None = None
        self._limiter: Any = None

    def take(self) -> None:
        """Limit BLAS for the calling thread's sake."""
        with self._lock:
            if not self._holders:
                if self._controller is None:
                    # NumPy's and SciPy's libraries, which are all that a fit calls.
                    # OpenMP's limits, which belong to threads, are left alone.
                    self._controller = ThreadpoolController().select(user_api="blas")
                self._take_over()
                self._limiter = self._controller.limit(limits=1, user_api="blas")
            self._holders.append(threading.get_ident())

    def release(self) -> None:
        """Give back one `take` of the calling thread."""
        with self._lock:
            self._holders.remove(threading.get_ident())
            self._lift()

    def after_fork(self) -> None:
        """In a child, where no thread lives on but the one that forked."""
        self._lock = threading.Lock()
        if self._holders:
            mine = threading.get_ident()
            self._holders = [holder for holder in self._holders if holder == mine]
            self._lift()

    def _lift(self) -> None:
        if not self._holders:
            limiter, self._limiter = self._limiter, None
            self._take_over()
            limiter.restore_original_limits()
            self._take_over()

    def _take_over(self) -> None:
        """Have threadpoolctl listen to the next thread that sets a limit.

        From 3.8 on it ignores all but the first, until that has gone: it may have
        limits of its own outside of the fit, or be one whose fit is over.
        """
        assert self._controller is not None
        for library in self._controller.lib_controllers:
            if hasattr(library, "clear_controlling_thread"):
                library.clear_controlling_thread(force=True)


_limit = _Limit()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_limit.after_fork)


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Context in which BLAS uses one thread: fits have threads of their own.

    What BLAS adds up depends on its threads, and so would the last bits of a model.
    Contexts may overlap and nest, in any threads.

    Examples
    --------
    >>> from sklearn_sagemaker.training.blas import single_threaded_blas
    >>> with single_threaded_blas():
    ...     pass
    """
    _limit.take()
    try:
        yield
    finally:
        _limit.release()
