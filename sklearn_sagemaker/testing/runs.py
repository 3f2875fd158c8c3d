"""What executions of training jobs and of batch transforms share."""

from __future__ import annotations

import threading
import traceback

from sklearn_sagemaker.testing.account import Account
from sklearn_sagemaker.testing.errors import JobError
from sklearn_sagemaker.testing.records import Record


class Run:
    """A job that runs, in a thread.

    Parameters
    ----------
    account : Account
    region : str
    record : dict
        Of the job; changed under the lock of the account.
    """

    def __init__(self, account: Account, region: str, record: Record):
        self._account, self._region, self._record = account, region, record
        self._asked = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask for the end."""
        self._asked.set()

    def close(self) -> None:
        """End at once."""
        self._closing = True
        self._asked.set()
        self._thread.join()

    def _run(self) -> None:
        reason = None
        try:
            self._execute()
        except JobError as error:
            reason = str(error)
        except Exception as error:
            if not self._closing:
                traceback.print_exc()
            reason = f"InternalServerError: {type(error).__name__}: {error}"
        with self._account.lock:
            if reason is not None:
                reason = self._record["FailureReason"] = reason[:1024]
            self._end(reason)

    def _execute(self) -> None:
        """Do the work; leave no file of it."""
        raise NotImplementedError

    def _end(self, reason: str | None) -> None:
        """Say that it has ended, and why if it has failed."""
        raise NotImplementedError
