"""Gain of two jobs over one, next to what the machine gains by a second process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from benchmarks.common.machine import LEAST_GAIN, PRODUCTS, SHAPE, Processes
from benchmarks.common.report import Bars
from benchmarks.common.timing import Timing, measure

JOBS = (1, 2, 8)
"""Models must be the same for so many."""


def need_two_cores() -> None:
    """Leave where there is nothing to gain."""
    if (os.cpu_count() or 1) < 2:
        sys.exit("One core only: nothing to gain from two jobs.")


class Gains:
    """Seconds of fits with one job and with two, measured in turns with the machine's.

    The gain of two processes of sgemm over one is the machine's: two cores that share
    caches, memory and clock do not give twice the work of one.

    Parameters
    ----------
    fits : dict of callable
        Each takes ``n_jobs``.
    repeats : int
    """

    def __init__(self, fits: dict[str, Callable[..., Any]], repeats: int):
        with Processes() as processes:
            found = measure(
                {
                    **processes.cases(repeats),
                    **{
                        f"{name}, {jobs}": (partial(fit, n_jobs=jobs), repeats)
                        for name, fit in fits.items()
                        for jobs in (1, 2)
                    },
                }
            )
        self.machine = processes.gain
        self.timings: dict[str, tuple[Timing, Timing]] = {
            name: (found[f"{name}, 1"], found[f"{name}, 2"]) for name in fits
        }
        print(
            f"{PRODUCTS} products {SHAPE[0]:,} x {SHAPE[1]} by {SHAPE[1]} x "
            f"{SHAPE[2]}: {processes.seconds(1):.3f} s in one process, "
            f"{processes.seconds(2):.3f} s in each of two at once: the machine's gain "
            f"is {self.machine:.2f}\n"
        )

    def normalised(self, name: str) -> float:
        """A fit's gain times 2 over the machine's; 2 would be perfect."""
        one, two = self.timings[name]
        return one.ratio(two) * 2 / self.machine

    def cells(self, name: str) -> list[str]:
        """Median seconds of a fit with one job and with two, gain, normalised gain."""
        one, two = self.timings[name]
        return [
            f"{one.seconds:.3f}",
            f"{two.seconds:.3f}",
            f"{one.ratio(two):.2f}",
            f"{self.normalised(name):.2f}",
        ]

    def print_busy(self) -> None:
        """Say where something else uses the cores."""
        if self.machine < LEAST_GAIN:
            print(
                f"BUSY MACHINE: it gains {self.machine:.2f} by a second process, so "
                "the normalised gains mean nothing"
            )

    def check(self, bars: Bars, name: str, least: float) -> None:
        """A bar that the normalised gain of a fit must reach."""
        value = self.normalised(name)
        bars.check(
            f"normalised gain, {name}",
            value,
            value >= least and self.machine >= LEAST_GAIN,
            f"at least {least:g}, where the machine gains {LEAST_GAIN:g} or more",
        )


HEADERS = ["n_jobs=1, s (median)", "n_jobs=2, s (median)", "gain", "normalised"]
"""Of `Gains.cells`."""


def check_equal(
    bars: Bars,
    fits: Iterable[Callable[..., Any]],
    same: Callable[[Any, Any], bool],
    **settings: Any,
) -> None:
    """A bar that fits with 1, 2 and 8 jobs must be the same, bit for bit."""
    differ = 0
    for fit in fits:
        one, *others = (fit(n_jobs=jobs, **settings) for jobs in JOBS)
        differ += sum(not same(one, other) for other in others)
    bars.at_most(f"fits that differ between n_jobs {JOBS}", differ, 0)
