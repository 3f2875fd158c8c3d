"""Threads that share the work of one block of columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from sklearn_sagemaker._kernels import kernels

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def new_barrier() -> np.ndarray:
    """What the threads of one pass wait for each other at."""
    return np.zeros(kernels.BARRIER_SLOTS, dtype=np.int64)


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

    def together(
        self, call: Callable[[np.ndarray, int, int], Any], members: int | None = None
    ) -> None:
        """Run ``call(barrier, member, members)`` in every thread at once.

        ``barrier`` is what the kernels wait for each other at. If one fails the
        others stop waiting, and its exception is raised here. With fewer ``members``
        than all the others have nothing to do.
        """
        members = self.members if members is None else min(members, self.members)
        barrier = new_barrier()
        if self._pool is None or members == 1:
            call(barrier, 0, 1)
            return

        def join(member: int) -> None:
            try:
                call(barrier, member, members)
            except BaseException:
                barrier[kernels.BARRIER_BROKEN] = 1
                raise

        waiting = []
        try:
            for member in range(1, members):
                waiting.append(self._pool.submit(join, member))
            join(0)
        except BaseException:
            barrier[kernels.BARRIER_BROKEN] = 1
            raise
        finally:
            for answer in waiting:
                answer.exception()
        for answer in waiting:
            answer.result()

    def map(
        self, call: Callable[[Item], Answer], items: Iterable[Item]
    ) -> Iterator[Answer]:
        """``call`` of every item, the answers in order."""
        if self._pool is None:
            return map(call, items)
        return iter(list(self._spread(call, list(items))))

    def _spread(self, call, items: list) -> Iterable:
        assert self._pool is not None

        def answer(share: list) -> list:
            return [call(item) for item in share]

        mine, rest = items[:: self.members], []
        for member in range(1, self.members):
            rest.append(self._pool.submit(answer, items[member :: self.members]))
        shares = [answer(mine), *(part.result() for part in rest)]
        answers: list = [None] * len(items)
        for member, share in enumerate(shares):
            answers[member :: self.members] = share
        return answers
