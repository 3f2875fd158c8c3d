"""How a job or an endpoint ends because a fault says so, and nothing runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sklearn_sagemaker.testing.errors import JobError

OUTCOME = "_outcome"
"""Of a request and its record: the outcome, if there is one."""
NEVER = "InProgress"
ENDS = ("Failed", "Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded", NEVER)
LOST = "InternalServerError: The emulator ended while this ran."


@dataclass(frozen=True)
class Outcome:
    """An end, or none.

    Parameters
    ----------
    status : str
        One of `ENDS`.
    reason : str
        Why it fails.
    """

    status: str
    reason: str

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
