"""Lines that jobs and endpoints have in CloudWatch Logs."""

from __future__ import annotations

import logging
import re
from collections import deque
from typing import Any, NamedTuple

from sklearn_sagemaker.exceptions import AWSError, ResourceNotFoundError

TAIL, LONGEST = 20, 1000
"""Lines of a log that an error shows, and characters of each."""
EMPTY_PAGES = 5
"""Pages without lines after which a stream is taken to be read to its end."""
_HOST = re.compile(r".*/(.+?)(-\d{9,})?")
_log = logging.getLogger(__name__)


class Line(NamedTuple):
    """A line of a host."""

    time: float  # seconds since 1970
    stream: int
    text: str


class LogReader:
    """What a job's hosts have printed since the last time.

    A log that is not there yet, or not open, is no error: what a job comes to does not
    depend on it.

    Parameters
    ----------
    session : Session
    group : str
        Of logs, such as ``/aws/sagemaker/TrainingJobs``.
    prefix : str
        Of the names of the streams, such as ``job/``.
    """

    def __init__(self, session: Any, group: str, prefix: str):
        self._session, self._group, self._prefix = session, group, prefix
        self._what = f"log {group}/{prefix.rstrip('/')}"
        # Of each stream the time of the last line, and how many have that time.
        self._seen: dict[str, tuple[int, int]] = {}
        self._closed = False
        self._tail: deque[str] = deque(maxlen=TAIL)

    def read(self) -> list[Line]:
        """New lines of all streams, by time.

        Returns
        -------
        lines : list of Line
        """
        lines: list[Line] = []
        for stream in self._streams():
            index = list(self._seen).index(stream)
            try:
                events = self._events(stream)
            except AWSError as error:
                self._give_up(error)
                continue
            lines += [Line(e["timestamp"] / 1000, index, e["message"]) for e in events]
        lines = [
            line._replace(text=self._labelled(line))
            for line in sorted(lines, key=lambda line: line[:2])
        ]
        self._tail.extend(line.text for line in lines)
        return lines

    def _streams(self) -> list[str]:
        """Names of the streams; a host that starts again has another one."""
        if self._closed:
            return []
        try:
            request = {
                "logGroupName": self._group,
                "logStreamNamePrefix": self._prefix,
                "orderBy": "LogStreamName",
            }
            while True:
                page = self._call("describe_log_streams", **request)
                for item in page.get("logStreams", []):
                    self._seen.setdefault(item["logStreamName"], (0, 0))
                token = page.get("nextToken")
                if not token or token == request.get("nextToken"):
                    break
                request["nextToken"] = token
        except AWSError as error:
            self._give_up(error)
        return list(self._seen)

    def _events(self, stream: str) -> list[dict[str, Any]]:
        """New events of a stream."""
        last, skip = self._seen[stream]
        request: dict[str, Any] = {
            "logGroupName": self._group,
            "logStreamName": stream,
            "startTime": last,
            "startFromHead": True,
        }
        found: list[dict[str, Any]] = []
        empty = 0
        while empty < EMPTY_PAGES:
            page = self._call("get_log_events", **request)
            events = page.get("events", [])
            found += events
            empty = 0 if events else empty + 1
            token = page.get("nextForwardToken")
            if not token or token == request.get("nextToken"):
                break
            request["nextToken"] = token
        found = found[skip:]
        for event in found:
            count = self._seen[stream][1] if event["timestamp"] == last else 0
            last = event["timestamp"]
            self._seen[stream] = last, count + 1
        return found

    def _call(self, operation: str, **request: Any) -> Any:
        return self._session._call("logs", operation, self._what, **request)

    def _give_up(self, error: AWSError) -> None:
        """Go on without a log that is closed; one that is not there may come."""
        if isinstance(error, ResourceNotFoundError) or error.retryable:
            _log.info("No lines now: %s", error)
        else:
            self._closed = True
            _log.warning("The log is not shown: %s", error)

    def _labelled(self, line: Line) -> str:
        """A line, with its host if there are several."""
        text = line.text.rstrip("\n")
        hosts = [_HOST.fullmatch(name) for name in self._seen]
        names = [found[1] if found else "" for found in hosts]
        return f"[{names[line.stream]}] {text}" if len(set(names)) > 1 else text

    def tail(self) -> str:
        """The last lines that were read; without any, the last ones that there are.

        Returns
        -------
        text : str
        """
        if not self._tail:
            last: list[tuple[int, str]] = []
            for stream in self._streams():
                try:
                    page = self._call(
                        "get_log_events",
                        logGroupName=self._group,
                        logStreamName=stream,
                        limit=TAIL,
                        startFromHead=False,
                    )
                except AWSError as error:
                    self._give_up(error)
                    continue
                last += [(e["timestamp"], e["message"]) for e in page.get("events", [])]
            self._tail.extend(text for _, text in sorted(last, key=lambda e: e[0]))
        return "\n".join(text[:LONGEST] for text in self._tail)
