"""Waiting for jobs and endpoints: what is shown, how it ends, and Ctrl-C."""

from __future__ import annotations

import contextlib
import datetime
import logging
import math
import random
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

from sklearn_sagemaker.exceptions import (
    AWSError,
    CapacityError,
    EndpointFailedError,
    JobFailedError,
    JobStoppedError,
    ResourceNotFoundError,
    TrainingJobCapacityError,
    TrainingJobFailedError,
    TrainingJobStoppedError,
    WaitTimeoutError,
)
from sklearn_sagemaker.sagemaker._logs import LogReader

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
NEWS_PAUSE = 5.0
"""The longest pause after something has happened."""
LAST_PAUSE = 5.0
"""The longest wait for lines that come after the end."""
PATIENCE = 10
"""How often in a row a poll may fail for a reason that passes."""
ON_INTERRUPT = ("leave", "stop")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """A kind of thing that is waited for.

    Attributes
    ----------
    noun : str
    operation, argument, status : str
        Which operation describes it, by which argument, and where its status is.
    ended, good : tuple of str
        Statuses after which it does not change by itself, and those that were wanted.
    hint : str
        How to wait again, and how to end it.
    stop : str or None
        The session's method that stops it.
    group : str or None
        Of its logs.
    longest : int
        Characters of its name, at most.
    """

    noun: str
    operation: str
    argument: str
    status: str
    hint: str
    ended: tuple[str, ...] = ("Completed", "Failed", "Stopped")
    good: tuple[str, ...] = ("Completed",)
    stop: str | None = None
    group: str | None = None
    longest: int = 63

    def what(self, name: str) -> str:
        """How messages call one of them."""
        return f"{self.noun} {name!r}"

    def describe(self, session: Any, name: str) -> dict[str, Any]:
        """Its description, with a status in the usual spelling."""
        found = session._describe(
            self.operation, self.what(name), **{self.argument: name}
        )
        status = found[self.status]
        if status.isupper():  # of compilation jobs
            status = {"INPROGRESS": "InProgress"}.get(status, status.capitalize())
        return {**found, self.status: status}


TRAINING = Kind(
    "training job",
    "describe_training_job",
    "TrainingJobName",
    "TrainingJobStatus",
    "Estimator.attach({name!r}) waits for it again, "
    "Session().stop_training_job({name!r}) stops it.",
    stop="stop_training_job",
    group="/aws/sagemaker/TrainingJobs",
)
TUNING = Kind(
    "tuning job",
    "describe_hyper_parameter_tuning_job",
    "HyperParameterTuningJobName",
    "HyperParameterTuningJobStatus",
    "HyperparameterTuner.attach({name!r}).wait() waits for it again, "
    "Session().stop_tuning_job({name!r}) stops it.",
    # What has been found until then is found.
    good=("Completed", "Stopped"),
    stop="stop_tuning_job",
    longest=32,
)
TRANSFORM = Kind(
    "transform job",
    "describe_transform_job",
    "TransformJobName",
    "TransformJobStatus",
    "Transformer.attach({name!r}) finds it again, "
    "Session().stop_transform_job({name!r}) stops it.",
    stop="stop_transform_job",
    group="/aws/sagemaker/TransformJobs",
)
COMPILATION = Kind(
    "compilation job",
    "describe_compilation_job",
    "CompilationJobName",
    "CompilationJobStatus",
    "Session().wait_for_compilation_job({name!r}) waits for it again, "
    "Session().stop_compilation_job({name!r}) stops it.",
    stop="stop_compilation_job",
)
ENDPOINT = Kind(
    "endpoint",
    "describe_endpoint",
    "EndpointName",
    "EndpointStatus",
    "Session().wait_for_endpoint({name!r}) waits for it again, "
    "Session().delete_endpoint({name!r}) ends it.",
    ended=("InService", "OutOfService", "Failed", "UpdateRollbackFailed"),
    good=("InService",),
)
PACKAGE = Kind(
    "model package",
    "describe_model_package",
    "ModelPackageName",
    "ModelPackageStatus",
    "Session().wait_for_model_package({name!r}) waits for it again.",
    ended=("Completed", "Failed"),
)


class Pauses:
    """Pauses between polls: short at first and after news, then longer.

    Parameters
    ----------
    longest : float, default=30
    """

    def __init__(self, longest: float = LONGEST_PAUSE):
        self._next = FIRST_PAUSE
        self._longest = longest

    def take(self, limit: float = math.inf) -> None:
        """Pause; a little less than asked, so that many clients do not meet."""
        seconds = min(self._next, self._longest) * random.uniform(0.8, 1)
        sleep(min(seconds, max(limit, 0)))
        self._next = min(2 * self._next, LONGEST_PAUSE)

    def news(self) -> None:
        """Something happened."""
        self._next = min(self._next, NEWS_PAUSE)

    def last(self) -> None:
        """Pause as long as before, for what comes after the end."""
        sleep(min(self._next / 2, self._longest, LAST_PAUSE))


class Screen:
    """Lines, and on a terminal one that says what is waited for."""

    def __init__(self, quiet: bool):
        self._quiet = quiet
        self._terminal = not quiet and sys.stdout.isatty()
        self._start = monotonic()

    def lines(self, lines: list[str]) -> None:
        """Print lines."""
        if lines and not self._quiet:
            self.clear()
            print("\n".join(lines), flush=True)

    def progress(self, text: str) -> None:
        """Replace the last line of a terminal."""
        if self._terminal:
            # A line that wraps would not be taken away whole.
            width = shutil.get_terminal_size().columns - 1
            line = f"{text}, {int(monotonic() - self._start)} s"
            print(f"\r\x1b[2K{line[-width:]}", end="", flush=True)

    def clear(self) -> None:
        """Take that line away."""
        if self._terminal:
            print("\r\x1b[2K", end="", flush=True)


class Transitions:
    """What is new in the statuses of a description.

    Parameters
    ----------
    kind : Kind
    """

    def __init__(self, kind: Kind):
        self._kind = kind
        self._known: list[tuple[str, str]] = []

    def new(self, found: dict[str, Any]) -> list[tuple[float, str]]:
        """Times and texts that were not there the last time."""
        items = found.get("SecondaryStatusTransitions")
        if items is None:
            now = found.get("LastModifiedTime") or datetime.datetime.now(datetime.UTC)
            items = [{"Status": found[self._kind.status], "StartTime": now}]
        said = [(item["Status"], item.get("StatusMessage") or "") for item in items]
        known, self._known = self._known, said
        return [
            (item["StartTime"].timestamp(), _stamped(item["StartTime"], *said[k]))
            for k, item in enumerate(items)
            if known[k : k + 1] != [said[k]]
        ]


def _stamped(when: datetime.datetime, status: str, message: str) -> str:
    moment = when.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{moment} {status} - {message}" if message else f"{moment} {status}"


def wait(
    session: Any,
    kind: Kind,
    name: str,
    *,
    logs: LogReader | None = None,
    poll: float = LONGEST_PAUSE,
    timeout: float | None = None,
    on_interrupt: str = "leave",
    quiet: bool = False,
) -> dict[str, Any]:
    """Wait for the end of a job, or until an endpoint is in service.

    Parameters
    ----------
    session : Session
    kind : Kind
    name : str
    logs : LogReader or None, default=None
        What its hosts print, to be shown.
    poll : float, default=30
        Longest pause between two polls; the first are shorter.
    timeout : float or None, default=None
        Seconds after which waiting ends; None waits for ever.
    on_interrupt : {"leave", "stop"}, default="leave"
        What becomes of a job when waiting is interrupted by Ctrl-C.
    quiet : bool, default=False
        Whether nothing is printed.

    Returns
    -------
    description : dict

    Raises
    ------
    UnexpectedStatusException
        If it ended otherwise: `TrainingJobFailedError`, `TrainingJobStoppedError`,
        `JobFailedError`, `EndpointFailedError` and others.
    WaitTimeoutError
    AWSError
        If it cannot be asked for any more; it goes on.
    """
    if on_interrupt not in ON_INTERRUPT:
        raise ValueError(f"on_interrupt={on_interrupt!r} must be 'leave' or 'stop'.")
    screen, transitions, pauses = Screen(quiet), Transitions(kind), Pauses(poll)
    end = math.inf if timeout is None else monotonic() + timeout
    with _interruptible(session, kind, name, on_interrupt, screen):
        for found in _described(session, kind, name, end):
            news = transitions.new(found)
            news += [(line.time, line.text) for line in logs.read()] if logs else []
            ended = found[kind.status] in kind.ended
            if ended and logs:
                # Lines come a little later than the status.
                pauses.last()
                news += [(line.time, line.text) for line in logs.read()]
            screen.lines([text for _, text in sorted(news, key=lambda item: item[0])])
            if ended:
                break
            if news:
                pauses.news()
            if monotonic() >= end:
                raise WaitTimeoutError(
                    f"The {kind.what(name)} is {found[kind.status]} after {timeout:g} "
                    f"s and goes on: {kind.hint.format(name=name)}"
                )
            status = found.get("SecondaryStatus") or found[kind.status]
            screen.progress(f"{kind.what(name)}: {status}")
            pauses.take(end - monotonic())
        screen.clear()
        _check(session, kind, name, found, logs)
    screen.lines(_bill(found))
    return found


def _described(
    session: Any, kind: Kind, name: str, end: float
) -> Iterator[dict[str, Any]]:
    """Descriptions of a thing, one a poll, as long as it can be asked for."""
    failed, seen, pauses = 0, False, Pauses()
    while True:
        try:
            found = kind.describe(session, name)
        except ResourceNotFoundError as error:
            if kind is not ENDPOINT or not seen:
                raise
            raise EndpointFailedError(
                f"{error} It was deleted while it was waited for.",
                list(kind.good),
                "Deleted",
            ) from None
        except AWSError as error:
            failed += 1
            left = end - monotonic()
            if error.retryable and failed <= PATIENCE and left > 0:
                _log.warning("Asking again: %s", error)
                pauses.take(left)
                continue
            raise type(error)(
                f"{error} The {kind.noun} goes on: {kind.hint.format(name=name)}",
                error.operation,
                error.code,
                error.retryable,
                error.attempts,
            ) from None
        failed, seen, pauses = 0, True, Pauses()
        yield found


@contextlib.contextmanager
def _interruptible(
    session: Any, kind: Kind, name: str, on_interrupt: str, screen: Screen
) -> Iterator[None]:
    """Say what becomes of a job that is no longer waited for, and stop it if asked."""
    try:
        with _terminable():
            yield
    except Exception:
        screen.clear()
        raise
    except BaseException:
        screen.clear()
        said = f"The {kind.what(name)} goes on: {kind.hint.format(name=name)}"
        if on_interrupt == "stop" and kind.stop:
            try:
                getattr(session, kind.stop)(name)
                said = f"The {kind.what(name)} is being stopped."
            except AWSError as error:
                said = f"The job could not be stopped: {error} {said}"
        print(said, file=sys.stderr, flush=True)
        raise


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the block like Ctrl-C, in place of the process at once."""
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def leave(number: int, _: Any) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _check(
    session: Any, kind: Kind, name: str, found: dict[str, Any], logs: LogReader | None
) -> None:
    """Raise what a bad end is."""
    status = found[kind.status]
    if status in kind.good:
        return
    reason = found.get("FailureReason") or "the service says no reason"
    capacity = "CapacityError" in reason
    if kind is ENDPOINT or kind is PACKAGE:
        failed = CapacityError if capacity else EndpointFailedError
        raise failed(
            f"The {kind.what(name)} is {status}: {reason}", list(kind.good), status
        )
    tail = ""
    if kind.group and status == "Failed":
        tail = (logs or LogReader(session, kind.group, f"{name}/")).tail()
    if status == "Stopped":
        reason = _why_stopped(found)
        if kind is TRAINING:
            raise TrainingJobStoppedError(name, reason, tail)
        raise JobStoppedError(name, reason, tail, kind.noun)
    if kind is TRAINING:
        raise (TrainingJobCapacityError if capacity else TrainingJobFailedError)(
            name, reason, tail
        )
    raise JobFailedError(name, reason, tail, kind.noun)


def _why_stopped(found: dict[str, Any]) -> str:
    items = found.get("SecondaryStatusTransitions") or [{}]
    parts = [found.get("SecondaryStatus"), items[-1].get("StatusMessage")]
    reason = ": ".join(part for part in parts if part) or "Stopped"
    model = (found.get("ModelArtifacts") or {}).get("S3ModelArtifacts")
    return f"{reason} What it has may be at {model}" if model else reason


def _bill(found: dict[str, Any]) -> list[str]:
    """Lines about what a training job took."""
    trained = found.get("TrainingTimeInSeconds")
    billed = found.get("BillableTimeInSeconds")
    resources = found.get("ResourceConfig") or {}
    groups = resources.get("InstanceGroups") or [resources]
    hosts = sum(group.get("InstanceCount", 1) for group in groups)
    lines = []
    if trained is not None:
        lines.append(f"Training seconds: {trained * hosts}")
    if billed is not None:
        lines.append(f"Billable seconds: {billed * hosts}")
        if found.get("EnableManagedSpotTraining") and trained:
            saved = (1 - billed / trained) * 100
            lines.append(f"Managed Spot Training savings: {saved:.1f}%")
    return lines
