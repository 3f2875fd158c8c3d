"""Which training jobs of a tuning job are ended before they have trained all epochs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

EARLIER = 3
"""Jobs that must have come as far, before one is compared with them."""
ETA = 3
"""Hyperband lets one in so many go on, and on as many times more epochs."""


class Never:
    """All jobs train to their end."""

    def stops(self, values: Sequence[float], others: Sequence[Sequence[float]]) -> bool:
        """Whether a job is to end.

        Parameters
        ----------
        values : sequence of float
            Its objective after each epoch; greater is better.
        others : sequence of sequence of float
            Those of the other jobs.
        """
        return False


class MedianRule(Never):
    """As the service's guide has it: worse than the median of the others' averages."""

    def stops(self, values: Sequence[float], others: Sequence[Sequence[float]]) -> bool:
        """Whether a job is to end; see `Never`."""
        epochs = len(values)
        reached = [other[:epochs] for other in others if len(other) >= epochs]
        if not epochs or len(reached) < EARLIER:
            return False
        median = statistics.median(statistics.fmean(other) for other in reached)
        return values[-1] < median


class Rungs(Never):
    """Hyperband by its rungs: at each, only the best third of the jobs goes on.

    It is asynchronous: a job is compared with those that have been at the rung.

    Parameters
    ----------
    least, most : int
        Epochs after which a job may first be ended, and after which it must be.
    """

    def __init__(self, least: int, most: int):
        self._rungs = []
        self._most = most
        rung = least
        while rung < most:
            self._rungs.append(rung)
            rung *= ETA

    def stops(self, values: Sequence[float], others: Sequence[Sequence[float]]) -> bool:
        """Whether a job is to end; see `Never`."""
        if len(values) > self._most:
            return True
        for rung in self._rungs:
            if len(values) < rung:
                return False
            reached = [other[rung - 1] for other in others if len(other) >= rung]
            best = sorted([*reached, values[rung - 1]], reverse=True)
            if len(best) >= ETA and values[rung - 1] < best[len(best) // ETA - 1]:
                return True
        return False
