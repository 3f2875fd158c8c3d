"""CPU seconds of a fit with one thread, taken apart into what is called in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, Self

from benchmarks.common.stand_ins import stand_in


class Parts:
    """CPU seconds of the parts of fits, within a ``with`` block.

    Parameters
    ----------
    names : iterable of str
        Of the parts.

    Attributes
    ----------
    cpu : dict of float
        By these names.
    """

    def __init__(self, names: Iterable[str]):
        self.cpu = dict.fromkeys(names, 0.0)
        self._stack = ExitStack()

    def watch(self) -> None:
        """Have `put` take the places of what is timed."""
        raise NotImplementedError

    def put(self, owner: Any, name: str, call: Callable) -> None:
        """Let a call stand in for another until the block ends."""
        self._stack.enter_context(stand_in(owner, name, call))

    def timed(self, name: str, call: Callable) -> Callable:
        """A call whose seconds count for a part."""

        def timed(*given, **named):
            start = time.process_time()
            answer = call(*given, **named)
            self.cpu[name] += time.process_time() - start
            return answer

        return timed

    def of(self, case: Callable[[], Any]) -> dict[str, float]:
        """CPU seconds of a case: ``all``, those of the parts, and the rest, ``serial``.

        Parameters
        ----------
        case : callable
            What it does is in one thread.
        """
        with self:
            start = time.process_time()
            case()
            seconds = time.process_time() - start
        serial = seconds - sum(self.cpu.values())
        return {**self.cpu, "all": seconds, "serial": serial}

    def __enter__(self) -> Self:
        with self._stack:
            self.watch()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()
