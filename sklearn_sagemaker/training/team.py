"""Threads that share the work of one block of columns, or of one model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from sklearn_sagemaker._kernels import kernels
from sklearn_sagemaker._threads import processors

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def new_barrier() -> np.ndarray:
    """What the threads of one pass wait for each other at."""
    return np.zeros(kernels.BARRIER_SLOTS, dtype=np.int64)


@contextmanager
def broken_by_errors(barrier: np.ndarray) -> Iterator[None]:
    """Context of one who is waited for at a barrier, and cannot come if it fails."""
    try:
        yield
    except BaseException:
        barrier[kernels.BARRIER_BROKEN] = 1
        raise


class Team:
    """A few threads, the caller's among them, that run the same call together.

    What they compute never depends on how many they are: the work is cut into
    parts before, and parts are added up in order.

    Parameters
    ----------
    members : int
        Threads, with the caller's; 1 starts none.
    """

    def __init__(self, members: int = 1):
        self.members = members if kernels.can_team() else 1
        self._pool = ThreadPoolExecutor(members - 1) if self.members > 1 else None

    def __enter__(self) -> Team:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def together(
        self,
        call: Callable[[np.ndarray, int, int], Any],
        members: int | None = None,
        *,
        late: bool = False,
    ) -> None:
        """Run ``call(barrier, member, members)`` in every thread at once.

        If one fails the others stop waiting, and its exception is raised here.

        Parameters
        ----------
        call : callable
            ``barrier`` is what the kernels wait for each other at.
        members : int or None
            With fewer than all the others have nothing to do.
        late : bool
            Whether a thread that has not begun when the caller is done need not.
        """
        members = self.members if members is None else min(members, self.members)
        barrier = new_barrier()
        if self._pool is None or members == 1:
            call(barrier, 0, 1)
            return

        def join(member: int) -> None:
            with broken_by_errors(barrier):
                call(barrier, member, members)

        waiting: list[Future] = []
        try:
            with broken_by_errors(barrier):
                for member in range(1, members):
                    waiting.append(self._pool.submit(join, member))
            join(0)
        finally:
            if late:
                waiting = [answer for answer in waiting if not answer.cancel()]
            for answer in waiting:
                answer.exception()
        for answer in waiting:
            answer.result()

    def map(
        self, call: Callable[[Item], Answer], items: Iterable[Item]
    ) -> Iterator[Answer]:
        """``call`` of every item, answers in order; NumPy warns as in the caller."""
        if self._pool is None:
            return map(call, items)
        return iter(list(self._spread(call, list(items))))

    def _spread(self, call, items: list) -> Iterable:
        assert self._pool is not None
        warnings = np.geterr()

        def answer(share: list) -> list:
            # What errstate says belongs to the thread.
            with np.errstate(**warnings):
                return [call(item) for item in share]

        mine, rest = items[:: self.members], []
        for member in range(1, self.members):
            rest.append(self._pool.submit(answer, items[member :: self.members]))
        shares = [answer(mine), *(part.result() for part in rest)]
        answers: list = [None] * len(items)
        for member, share in enumerate(shares):
            answers[member :: self.members] = share
        return answers


class Teams:
    """A team for each of some tasks that run at once, of the jobs that these leave.

    Parameters
    ----------
    jobs : int
        Threads of all tasks together.
    most : int
        Threads of a team at most.
    """

    def __init__(self, jobs: int, most: int):
        self._jobs, self._most = jobs, min(most, processors())
        self._teams: list[Team] = []

    def __enter__(self) -> Teams:
        return self

    def __exit__(self, *error: object) -> None:
        for team in self._teams:
            team.__exit__()

    def of(self, n_tasks: int) -> list[Team]:
        """A team for each task; the same ones until there are more or fewer tasks."""
        if n_tasks != len(self._teams):
            self.__exit__()
            share, rest = divmod(self._jobs, n_tasks)
            self._teams = [
                Team(max(1, min(self._most, share + (task < rest))))
                for task in range(n_tasks)
            ]
        return self._teams
