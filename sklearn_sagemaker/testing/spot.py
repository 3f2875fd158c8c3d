"""Managed spot training: instances that are taken back, and what a job costs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from sklearn_sagemaker.testing.account import now
from sklearn_sagemaker.testing.outcomes import OUTCOME
from sklearn_sagemaker.testing.records import Record
from sklearn_sagemaker.testing.training_host import Host

SPOT_SHARE = 0.3
"""Of the seconds of a spot job that are billed; the service's is by the price of the
day, of which AWS says that it may be a tenth."""


class Bill:
    """How long a job has had its instances, and how much of it is billed.

    Parameters
    ----------
    record : dict
        Of the job; changed.

    Attributes
    ----------
    seconds : float
        That are over.
    """

    def __init__(self, record: Record):
        self._record = record
        self._began: datetime | None = None
        self.seconds = 0.0

    def begin(self) -> None:
        """The job has its instances."""
        self._began = now()
        self._record.setdefault("TrainingStartTime", self._began)

    def pause(self) -> None:
        """It has lost them."""
        if self._began is not None:
            self.seconds += (now() - self._began).total_seconds()
        self._began = None

    def end(self) -> None:
        """The job has ended; say what it has taken."""
        self.pause()
        record = self._record
        if "TrainingStartTime" not in record:
            return
        record["TrainingEndTime"] = now()
        whole = max(1, math.ceil(self.seconds))
        record["TrainingTimeInSeconds"] = record["BillableTimeInSeconds"] = whole
        if record.get("EnableManagedSpotTraining"):
            record["BillableTimeInSeconds"] = max(1, round(SPOT_SHARE * whole))


class Interruptions:
    """When the instances of a job are taken back.

    Parameters
    ----------
    record : dict
        Of the job, perhaps with an outcome.

    Attributes
    ----------
    struck : bool
        Whether they are to be taken back now.
    """

    def __init__(self, record: Record):
        outcome = record.get(OUTCOME)
        self._texts = list(outcome.interruptions) if outcome is not None else []
        self._waits = self.struck = False
        longest = record["StoppingCondition"].get("MaxWaitTimeInSeconds", math.inf)
        self._latest = time.monotonic() + longest

    def watched(
        self, seen: Callable[[str, float], object]
    ) -> Callable[[str, float], object]:
        """What looks at the lines of a log, too, while something is to come."""
        self.struck, self._waits = False, bool(self._texts)
        if not self._waits:
            return seen
        text = self._texts.pop(0)

        def watching(line: str, seconds: float) -> None:
            seen(line, seconds)
            self.struck = self.struck or text in line

        return watching

    def is_due(self, hosts: Sequence[Host]) -> bool:
        """Whether the programs, which have ended, have printed what was waited for.

        They may have ended before the last line was read.
        """
        if not self.struck and self._waits:
            for host in hosts:
                host.close()
        return self.struck

    def is_overdue(self) -> bool:
        """Whether the job has waited and run for too long."""
        return time.monotonic() > self._latest
