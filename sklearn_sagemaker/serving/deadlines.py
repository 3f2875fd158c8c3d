"""Sockets on which no client can take as long as it likes.

A timeout of a socket is one of each call, so a client that sends a byte now and then
holds a thread for ever. Here all that is read from one answer to the next counts.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from time import monotonic
from typing import Any

READ_SECONDS = 20.0
"""From one answer of a connection, or its start, to the end of the next request."""
WRITE_SECONDS = 30.0
"""In which a client takes an answer."""


class Connection(socket.socket):
    """A connection that raises TimeoutError where its client is slow.

    Attributes
    ----------
    busy : bool
        Whether a request is being read or answered, for servers that end.
    """

    busy = False

    def __init__(self, *arguments: Any, read_seconds: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._read_seconds = read_seconds
        self._deadline: float | None = None

    def _within(self, read: Callable[..., Any], *arguments: Any) -> Any:
        others = self.gettimeout()
        if others == 0:
            return read(*arguments)
        now = monotonic()
        if self._deadline is None:
            self._deadline = now + self._read_seconds
        # Nothing is left: 0 would mean not to wait, and never to time out.
        left = max(self._deadline - now, 1e-6)
        self.settimeout(left if others is None else min(left, others))
        try:
            return read(*arguments)
        except TimeoutError as error:
            # Servers keep quiet about clients that are gone, which they know by this.
            raise TimeoutError(errno.ECONNRESET, "the client is too slow") from error
        finally:
            self.settimeout(others)

    def recv(self, *arguments: Any) -> bytes:
        """Read, not longer than to the deadline."""
        return self._within(super().recv, *arguments)

    def recv_into(self, *arguments: Any) -> int:
        """Read, not longer than to the deadline."""
        return self._within(super().recv_into, *arguments)

    def sendall(self, *arguments: Any) -> None:
        """Write, and have the time for the next request begin."""
        others = self.gettimeout()
        self.settimeout(WRITE_SECONDS)
        try:
            super().sendall(*arguments)
        finally:
            self.settimeout(others)
        self._deadline = None


class Listener(socket.socket):
    """A listening socket whose connections have deadlines.

    Parameters
    ----------
    listening : socket
        Whose place it takes.
    read_seconds : float
    """

    def __init__(
        self, listening: socket.socket, read_seconds: float = READ_SECONDS
    ) -> None:
        timeout = listening.gettimeout()
        super().__init__(
            listening.family,
            listening.type,
            listening.proto,
            fileno=listening.detach(),
        )
        self.settimeout(timeout)
        self._read_seconds = read_seconds

    def accept(self) -> tuple[Connection, Any]:
        """Take a connection."""
        accepted, address = super().accept()
        connection = Connection(
            accepted.family,
            accepted.type,
            accepted.proto,
            fileno=accepted.detach(),
            read_seconds=self._read_seconds,
        )
        return connection, address
