"""Warm pools: instances that a training job leaves to the next one like it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from sklearn_sagemaker.testing.errors import invalid
from sklearn_sagemaker.testing.records import Record

KEPT_AFTER = ("AlgorithmError", "ClientError")
"""Failures of the program or of its user, not of the platform."""
OF_RESOURCES = ("InstanceCount", "InstanceType", "VolumeKmsKeyId", "VolumeSizeInGB")
OF_JOB = (
    "RoleArn", "EnableInterContainerTrafficEncryption", "EnableNetworkIsolation"
)  # fmt: skip
"""What must be the same in the next job, beside the network."""


@dataclass
class _Pool:
    """Instances that wait.

    Attributes
    ----------
    record : dict
        Of the job that has left them.
    key : tuple
        The same of a job that may have them.
    began, ends : float
        By `time.monotonic`.
    """

    record: Record
    key: tuple[Any, ...]
    began: float
    ends: float


class WarmPools:
    """The instances that wait, with one timer for all of them.

    Parameters
    ----------
    lock : RLock
        Of the records.
    """

    def __init__(self, lock: Any):
        self._lock = lock
        self._pools: list[_Pool] = []
        self._timer: threading.Timer | None = None
        self._closed = False

    def take(self, region: str, record: Record) -> bool:
        """Give a job the instances of another one, if there are any.

        Only jobs that ask for a period themselves get them.
        """
        if not _period(record):
            return False
        key = _key(region, record)
        for pool in self._pools:
            if pool.key == key:
                name = record["TrainingJobName"]
                self._end(pool, Status="Reused", ReusedByJob=name)
                record["WarmPoolStatus"] = {"Status": "InUse"}
                return True
        return False

    def keep(self, region: str, record: Record) -> None:
        """Keep the instances of a job that has ended, if it asks for that."""
        reason = record.get("FailureReason", KEPT_AFTER[0])
        ran = "TrainingStartTime" in record and reason.startswith(KEPT_AFTER)
        if not _period(record) or not ran or self._closed:
            end_pool(record)
        else:
            began = time.monotonic()
            pool = _Pool(record, _key(region, record), began, began + _period(record))
            self._pools.append(pool)
            record["WarmPoolStatus"] = {"Status": "Available"}
            self.count(record)
            self._set_timer()

    def change(self, record: Record, seconds: int, *, ended: bool) -> None:
        """Change the period of a job that runs, or whose instances wait.

        Raises
        ------
        ServiceError
            If they do not wait any more.
        """
        if ended and not is_kept(record):
            raise invalid(
                "The request was rejected because the training job has ended and has "
                "no warm pool that is Available."
            )
        record["ResourceConfig"]["KeepAlivePeriodInSeconds"] = seconds
        check_keep_alive(record)
        for pool in self._pools:
            if pool.record is record:
                pool.ends = pool.began + seconds
        self._expire()

    def count(self, record: Record) -> None:
        """Say how long the instances of a job wait so far."""
        for pool in self._pools:
            if pool.record is record:
                seconds = int(time.monotonic() - pool.began)
                record["WarmPoolStatus"].update(
                    ResourceRetainedBillableTimeInSeconds=seconds
                )

    def _end(self, pool: _Pool, **status: str) -> None:
        self.count(pool.record)
        self._pools.remove(pool)
        pool.record["WarmPoolStatus"].update(status)

    def _expire(self) -> None:
        with self._lock:
            for pool in list(self._pools):
                if pool.ends <= time.monotonic():
                    self._end(pool, Status="Terminated")
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pools and not self._closed:
            first = min(pool.ends for pool in self._pools)
            self._timer = threading.Timer(
                max(0.0, first - time.monotonic()), self._expire
            )
            self._timer.daemon = True
            self._timer.start()

    def close(self) -> None:
        """Keep nothing any more."""
        with self._lock:
            self._closed = True
            for pool in list(self._pools):
                self._end(pool, Status="Terminated")
            self._set_timer()


def check_keep_alive(record: Record) -> None:
    """Refuse to keep spot instances.

    Raises
    ------
    ServiceError
    """
    if _period(record) and record.get("EnableManagedSpotTraining"):
        raise invalid(
            "KeepAlivePeriodInSeconds and EnableManagedSpotTraining exclude each "
            "other: spot instances are not kept."
        )


def is_kept(record: Record) -> bool:
    """Whether the instances of a job wait for another one."""
    return record.get("WarmPoolStatus", {}).get("Status") == "Available"


def end_pool(record: Record) -> None:
    """Say that the instances of a job are gone, if there was something to say."""
    if record.get("WarmPoolStatus", {}).get("Status") in ("Available", "InUse"):
        record["WarmPoolStatus"]["Status"] = "Terminated"


def _period(record: Record) -> int:
    return record["ResourceConfig"].get("KeepAlivePeriodInSeconds", 0)


def _key(region: str, record: Record) -> tuple[Any, ...]:
    resources, network = record["ResourceConfig"], record.get("VpcConfig", {})
    return (
        region,
        *(resources.get(name) for name in OF_RESOURCES),
        *(record.get(name) for name in OF_JOB),
        *(
            tuple(sorted(network.get(name, ())))
            for name in ("SecurityGroupIds", "Subnets")
        ),
    )
