"""How a job or an endpoint ends, or is interrupted, because a fault says so."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from sklearn_sagemaker.testing.errors import JobError

OUTCOME = "_outcome"
"""Of a request and its record: the outcome, if there is one."""
NEVER = "InProgress"
ENDS = ("Failed", "Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded", NEVER)
RUNS = "Runs"
"""Of what is interrupted only."""
LOST = "InternalServerError: The emulator ended while this ran."


@dataclass(frozen=True)
class Outcome:
    """An end, or none.

    Parameters
    ----------
    status : str
        One of `ENDS`, or `RUNS`.
    reason : str
        Why it fails.
    interruptions : tuple of str, default=()
        Texts of lines at which the instances of a spot job are taken back, in order.
    delays : mapping of str to float, default={}
        Seconds by which programs of hosts start late, by the names of these.
    """

    status: str
    reason: str
    interruptions: tuple[str, ...] = ()
    delays: Mapping[str, float] = field(default_factory=dict)

    def strike(self, asked: threading.Event) -> None:
        """Fail, be asked to stop, or wait until that is asked.

        Raises
        ------
        JobError
            If it is to fail.
        """
        if self.status == "Failed":
            raise JobError(self.reason)
        if self.status == NEVER:
            asked.wait()
        else:
            asked.set()
