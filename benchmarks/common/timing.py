"""Wall and CPU seconds of cases that take turns."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Timing:
    """Wall and CPU seconds of the runs of one case, and its last result."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    result: Any = None

    @property
    def seconds(self) -> float:
        """Median of the wall seconds."""
        return statistics.median(self.wall)

    @property
    def cpu_seconds(self) -> float:
        """Median of the CPU seconds."""
        return statistics.median(self.cpu)

    def ratio(self, other: Timing) -> float:
        """Wall seconds as a multiple of another case's."""
        return self.seconds / other.seconds

    def cpu_ratio(self, other: Timing) -> float:
        """CPU seconds as a multiple of another case's."""
        return self.cpu_seconds / other.cpu_seconds

    def run(self, case: Callable[[], Any]) -> None:
        """Run the case once more."""
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        self.result = case()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)

    def cells(self) -> list[str]:
        """Runs, median and least wall seconds, median CPU seconds."""
        return [
            str(len(self.wall)),
            f"{self.seconds:.3f}",
            f"{min(self.wall):.3f}",
            f"{self.cpu_seconds:.3f}",
        ]


TIMING_HEADERS = ["runs", "wall s (median)", "wall s (min)", "CPU s (median)"]


def measure(cases: dict[str, tuple[Callable[[], Any], int]]) -> dict[str, Timing]:
    """Time the cases in turn, so that a slow spell of the machine hits them all.

    Parameters
    ----------
    cases : dict of (callable, number of runs)

    Returns
    -------
    timings : dict of Timing
    """
    timings = {name: Timing() for name in cases}
    for turn in range(max(runs for _, runs in cases.values())):
        for name, (case, runs) in cases.items():
            if turn < runs:
                timings[name].run(case)
    return timings


def print_busy(timings: dict[str, Timing]) -> None:
    """Say which cases waited for the processor: their wall seconds mislead."""
    busy = [name for name, t in timings.items() if t.seconds > 1.05 * t.cpu_seconds]
    if busy:
        print(
            "BUSY MACHINE: wall seconds exceed CPU seconds by more than 5 % in "
            f"{len(busy)} of {len(timings)} cases; do not quote the ratios ({busy[0]}"
            f"{', ...' if len(busy) > 1 else ''})"
        )


def least_medians(
    calls: dict[str, Callable[[Any], Any]],
    inputs: Sequence[Any],
    n_calls: int,
    rounds: int,
) -> dict[str, float]:
    """Seconds of short calls: the least of the rounds' medians of each.

    Parameters
    ----------
    calls : dict of callable
        They take turns, their order reversed in every round.
    inputs : sequence
        What the calls are given, in turn.
    n_calls, rounds : int

    Returns
    -------
    seconds : dict of float
    """
    best = dict.fromkeys(calls, math.inf)
    for call in calls.values():
        call(inputs[0])
    gc.collect()
    for turn in range(rounds):
        for name in list(calls)[:: 1 if turn % 2 else -1]:
            found = _median_seconds(calls[name], inputs, n_calls)
            best[name] = min(best[name], found)
    return best


def _median_seconds(call, inputs, n_calls: int) -> float:
    times = []
    for number in range(n_calls):
        given = inputs[number % len(inputs)]
        start = time.perf_counter()
        call(given)
        times.append(time.perf_counter() - start)
    return statistics.median(times)
