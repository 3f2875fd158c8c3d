"""The cluster of a job, there as long as the program of the first host needs it."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker._threads import processors
from sklearn_sagemaker.exceptions import JobHostsError, TrainingStoppedError
from sklearn_sagemaker.serving.cluster import node
from sklearn_sagemaker.serving.cluster.job_hosts import (
    JOIN_SECONDS,
    PURPOSE,
    JobHosts,
    answering,
    until,
)
from sklearn_sagemaker.serving.cluster.node_process import ENDED, NodeProcess

if TYPE_CHECKING:
    from distributed import Client

SCHEDULER_PORT, WORKER_PORT = 8786, 8788
LEAVE_SECONDS = 60.0
"""That the first host's program may go on after a host is lost."""
SEEN_SECONDS = 2.0
"""In which the end of a process is seen."""
END_SECONDS = node.TELLING + 5.0
"""For processes that know that the job is over."""
STOPS = (SystemExit, KeyboardInterrupt, TrainingStoppedError)


class EndedElsewhereError(JobHostsError):
    """The job has failed on its first host, whose reason is the message."""


class JobCluster:
    """A scheduler on the first host of a job, and a worker on each.

    As a context it returns a client on the first host when all workers are there. On
    the other hosts it waits until the job is over, and returns None then. A host that
    does not come, or is lost, ends it on all hosts: futures that the client waits for
    are cancelled.

    Parameters
    ----------
    hosts : JobHosts
    folder : Path
        For files of the worker.
    channels : Path
        The folder of this host's channels.
    seconds : float, default=300.0
        That hosts wait for each other.
    ports : tuple of int, default=(8786, 8788)
        At which the scheduler and a worker listen.
    said : callable
        What the reason is called for which the job fails, on all hosts.
    abandon : callable
        Called with the error, in a thread, if the context is not left within 60 s after
        a host is lost; it should end the process.
    works : callable
        Called on the other hosts before they wait: from then on the first host says
        when the job is over.
    log : callable
        Told what happens.

    Raises
    ------
    JobHostsError
        If hosts do not come, or one is lost; on other hosts also if the job fails on
        the first.
    TrainingStoppedError
        On other hosts, if the first was asked to end.
    OptionalDependencyError
    """

    def __init__(
        self,
        hosts: JobHosts,
        folder: Path,
        channels: Path,
        *,
        seconds: float = JOIN_SECONDS,
        ports: tuple[int, int] = (SCHEDULER_PORT, WORKER_PORT),
        said: Callable[[Exception], str] = str,
        abandon: Callable[[Exception], object] = lambda error: None,
        works: Callable[[], object] = lambda: None,
        log: Callable[[str], object] = lambda text: None,
    ):
        self._hosts, self._seconds = hosts, seconds
        self._folder, self._channels = folder, channels
        self._ports, self._said = ports, said
        self._abandon, self._works, self._log = abandon, works, log
        self._changed, self._closing = threading.Condition(), threading.Lock()
        self._listens: str | None = None
        self._joined: set[str] = set()
        self._word: node.Word | None = None
        self._lost: str | None = None
        self._over = False
        self._scheduler: NodeProcess | None = None
        self._worker: NodeProcess | None = None
        self._client: Client | None = None
        self._timer: threading.Timer | None = None
        self._configuration = contextlib.ExitStack()

    def __enter__(self) -> Client | None:
        end = time.monotonic() + self._seconds
        try:
            dask_config = import_optional("dask.config", "dask", PURPOSE)
            # Before the import of what reads it.
            self._configuration.enter_context(dask_config.set(node.SETTINGS))
            distributed = import_optional("distributed", "dask", PURPOSE)
            address = self._hosts.address(end)
            if self._hosts.is_first:
                return self._lead(distributed, address, end)
            self._follow(address, end)
        except BaseException as error:
            self._leave(error)
            raise
        self._leave(None)
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._hosts.is_first:
            return
        with self._changed:
            if isinstance(error, Exception) and not isinstance(error, ValueError):
                # The client may have seen it before.
                self._changed.wait_for(lambda: self._lost is not None, SEEN_SECONDS)
            lost = None if self._lost is None else JobHostsError(self._lost)
        self._leave(lost or error)
        if lost is not None:
            raise lost from error

    def _lead(self, distributed: Any, address: str, end: float) -> Client:
        """Gather all hosts."""
        port, _ = self._ports
        given = {"name": self._hosts.current, "address": address, "port": port}
        self._scheduler = NodeProcess(node.SCHEDULER, given, self._scheduler_says)
        self._wait(lambda: self._listens is not None, end)
        assert self._listens is not None
        self._log(f"The scheduler listens at {self._listens}.")
        self._start_worker(address, self._listens, end)
        if not self._wait(lambda: len(self._joined) == len(self._hosts.names), end):
            missing = [name for name in self._hosts.names if name not in self._joined]
            raise JobHostsError(
                f"Within {self._seconds:g} s {', '.join(missing)} did not come to "
                f"{self._hosts.current}, where {len(self._joined)} of "
                f"{len(self._hosts.names)} hosts are; see the log of each that is "
                "missing, and let instances of a VPC's security group reach each other."
            )
        client = distributed.Client(
            self._listens, set_as_default=False, timeout=node.UNREACHABLE
        )
        with self._changed:
            self._client = client
            if self._lost is not None:
                raise JobHostsError(self._lost)
        return client

    def _follow(self, address: str, end: float) -> None:
        """Work for the first host until the job is over."""
        first, (port, _) = self._hosts.first, self._ports
        found = until(
            lambda: answering(first, port),
            f"{self._hosts.current} does not reach {first} at the port {port}",
            end,
        )
        self._start_worker(address, f"tcp://{found}:{port}", end)
        self._works()
        self._log(f"{self._hosts.current} works for {first}.")
        self._wait(lambda: self._word is not None)
        assert self._word is not None
        if self._word["status"] == node.STOPPED:
            raise TrainingStoppedError(f"{first} was asked to end the training.")
        if self._word["status"] == node.FAILED:
            raise EndedElsewhereError(self._word["reason"])

    def _start_worker(self, address: str, scheduler: str, end: float) -> None:
        _, port = self._ports
        given = {
            "name": self._hosts.current,
            "address": address,
            "port": port,
            "scheduler": scheduler,
            "threads": processors(),
            "folder": str(self._folder),
            "channels": str(self._channels),
            "seconds": max(1.0, end - time.monotonic()),
        }
        self._worker = NodeProcess(node.WORKER, given, self._worker_says)

    def _wait(self, ready: Callable[[], bool], end: float | None = None) -> bool:
        """Wait until something is the case, and a host is not lost; whether it is."""
        with self._changed:
            left = None if end is None else max(0.0, end - time.monotonic())
            self._changed.wait_for(lambda: ready() or self._lost is not None, left)
            if self._lost is not None and not ready():
                raise JobHostsError(self._lost)
            return ready()

    def _scheduler_says(self, event: dict[str, Any]) -> None:
        """What becomes of an event of the scheduler's process; of a thread."""
        kind, host = event["event"], event.get("host")
        with self._changed:
            if kind == "listens":
                self._listens = event["address"]
            elif kind == "joined" and host in self._hosts.names:
                self._joined.add(host)
                count = f"{len(self._joined)} of {len(self._hosts.names)}"
                self._log(f"{host} has come: {count} hosts are there.")
            self._changed.notify_all()
        if kind == "left" and host in self._hosts.names:
            if host == self._hosts.current:
                # Its process says more.
                with self._changed:
                    self._changed.wait_for(lambda: self._lost is not None, 1.0)
            self._lose(
                f"{host} has left the job while it ran: its program or its machine has "
                "ended, or the network between the hosts; see its log."
            )
        elif kind in ("failed", ENDED):
            self._lose(f"The scheduler of {self._hosts.current} {_why(event)}.")

    def _worker_says(self, event: dict[str, Any]) -> None:
        """What becomes of an event of the worker's process; of a thread."""
        kind = event["event"]
        if kind == "over":
            with self._changed:
                self._word = event["word"]
                self._changed.notify_all()
        elif kind == "lost":
            self._lose(
                f"{self._hosts.first} has left the job while it ran: its program or "
                "its machine has ended, or the network between the hosts; see its log."
            )
        else:
            self._lose(f"The worker of {self._hosts.current} {_why(event)}.")

    def _lose(self, reason: str) -> None:
        """End the job, as a host is lost; the first reason is the one."""
        with self._changed:
            if self._over or self._lost is not None or self._word is not None:
                return
            self._lost = reason
            self._changed.notify_all()
            if (client := self._client) is None:
                return
            error = JobHostsError(reason)
            self._timer = threading.Timer(LEAVE_SECONDS, self._abandon, [error])
            self._timer.daemon = True
            self._timer.start()
        # Wakes who waits for what a lost worker had to bring.
        self._close(client)

    def _close(self, client: Client) -> None:
        with self._closing, contextlib.suppress(Exception):
            client.close(timeout=END_SECONDS)

    def _leave(self, error: BaseException | None) -> None:
        """Tell all hosts how the job is over, and end what was started."""
        with self._changed:
            self._over = True
            if self._timer is not None:
                self._timer.cancel()
        if self._client is not None:
            self._close(self._client)
        if self._scheduler is not None:
            self._scheduler.say(self._word_of(error))
            self._scheduler.end(END_SECONDS)
        if self._worker is not None:
            self._worker.end(1.0)
        self._configuration.close()

    def _word_of(self, error: BaseException | None) -> node.Word:
        if error is None:
            return {"status": node.DONE, "reason": ""}
        if isinstance(error, STOPS) or not isinstance(error, Exception):
            return {"status": node.STOPPED, "reason": ""}
        return {"status": node.FAILED, "reason": self._said(error)}


def _why(event: dict[str, Any]) -> str:
    """How a process has ended."""
    if "reason" in event:
        return f"has failed: {event['reason']}"
    if event["code"] == -signal.SIGKILL:
        return (
            "was killed; if its memory ran out, take a larger instance type, or more "
            "instances"
        )
    return f"has ended with the code {event['code']}"
