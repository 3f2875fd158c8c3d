"""What a program prints, as a log stream of CloudWatch, while it runs."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import IO, Any

EVERY_SECONDS = 0.2
MOST_EVENTS = 1000
MOST_CHARACTERS = 200_000


class LogStream:
    """Reads lines from a pipe in a thread, and sends them on in batches.

    Parameters
    ----------
    client : client
        Of CloudWatch Logs.
    group, stream : str
    lines : file
        Of bytes; closed at the end, or if there can be no stream.
    seen : callable or None
        ``seen(line, seconds)``, called for each line.
    """

    def __init__(
        self,
        client: Any,
        group: str,
        stream: str,
        lines: IO[bytes],
        seen: Callable[[str, float], object] | None = None,
    ):
        self._client, self._group, self._stream = client, group, stream
        self._lines, self._seen = lines, seen
        self._waiting: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        try:
            _create(client, group, stream)
        except BaseException:
            lines.close()
            raise
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._sender = threading.Thread(target=self._send_on, daemon=True)
        self._reader.start()
        self._sender.start()

    def close(self) -> None:
        """Wait for the end of the pipe, and send what is left."""
        self._reader.join()
        self._ended.set()
        self._sender.join()
        self._lines.close()

    def _read(self) -> None:
        # A line that never ends comes in pieces.
        for raw in iter(lambda: self._lines.readline(MOST_CHARACTERS), b""):
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            now = time.time()
            if self._seen is not None:
                self._seen(line, now)
            if line:
                event = {
                    "timestamp": int(now * 1000),
                    "message": line,
                }
                with self._lock:
                    self._waiting.append(event)

    def _send_on(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            self._send()
        self._send()

    def _send(self) -> None:
        with self._lock:
            events, self._waiting = self._waiting, []
        for start in range(0, len(events), MOST_EVENTS):
            names = {"logGroupName": self._group, "logStreamName": self._stream}
            some = events[start : start + MOST_EVENTS]
            try:
                self._client.put_log_events(**names, logEvents=some)
            except self._client.exceptions.ResourceNotFoundException:
                # A client has deleted it meanwhile.
                _create(self._client, self._group, self._stream)
                self._client.put_log_events(**names, logEvents=some)


def _create(client: Any, group: str, stream: str) -> None:
    for make, names in (
        (client.create_log_group, {"logGroupName": group}),
        (
            client.create_log_stream,
            {"logGroupName": group, "logStreamName": stream},
        ),
    ):
        with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
            make(**names)


def read_events(client: Any, group: str, stream: str) -> list[dict[str, Any]]:
    """All lines of a stream, as they are written."""
    found: list[dict[str, Any]] = []
    names = {"logGroupName": group, "logStreamName": stream}
    token: dict[str, str] = {}
    while True:
        page = client.get_log_events(**names, startFromHead=True, **token)
        if not page["events"]:
            return found
        found += [
            {"timestamp": event["timestamp"], "message": event["message"]}
            for event in page["events"]
        ]
        token = {"nextToken": page["nextForwardToken"]}


def write_events(
    client: Any, group: str, stream: str, events: list[dict[str, Any]]
) -> None:
    """Write a stream, which need not be there."""
    _create(client, group, stream)
    for start in range(0, len(events), MOST_EVENTS):
        client.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=events[start : start + MOST_EVENTS],
        )
