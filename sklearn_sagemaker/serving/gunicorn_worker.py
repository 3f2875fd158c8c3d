"""A worker of gunicorn whose clients hold nobody up, and that shares connections.

A connection without a request has no thread, and its end is not waited for.

All workers accept at one socket, and who is quickest takes what comes: connections that
come at once, or before the other workers run, may all be one worker's, and if clients
keep them, the others idle for ever. So workers tell each other, in shared memory, how
many connections they have, and one with more than another answers now and then with
``Connection: close``; the client comes again, to any of them. Nobody waits for anybody:
the number of a worker that hangs or is gone costs some new connections only.
"""

from __future__ import annotations

import contextlib
import mmap
import socket
from collections import deque
from concurrent.futures import Future
from functools import partial
from selectors import EVENT_READ
from time import monotonic
from typing import Any

import numpy as np
from gunicorn.workers.gthread import ThreadWorker

from sklearn_sagemaker.serving.deadlines import READ_SECONDS

LINGER_SECONDS = 2.0
"""In which the client of an ended connection may end it too, after the last answer."""
DRAIN_SECONDS = 0.1
"""In which the rest of a body arrives that was refused, or the connection ends."""
PAUSE_SECONDS = 0.02
"""Between two connections that are handed on; the first has been taken by then."""
PATIENCE_SECONDS = 0.01
"""In which a connection is left to workers that have fewer."""
MOMENT_SECONDS = 0.001
"""For which a worker looks away from new connections, and serves what it has."""
PLACES = 4096
"""Of workers in the table. One that outlives as many others shares its place."""
ABSENT = np.iinfo(np.int32).max
"""Connections of a worker that takes none."""


class Worker(ThreadWorker):  # type: ignore[misc]
    """A worker with threads that has as many connections as the others, or one more."""

    connections: np.ndarray
    """Of each worker; made by the process that forks them."""

    @classmethod
    def share(cls) -> type[Worker]:
        """Have a table that the workers share that are forked from here."""
        cls.connections = np.frombuffer(mmap.mmap(-1, 4 * PLACES), np.int32)
        cls.connections[:] = ABSENT
        return cls

    def __init__(self, age: int, *arguments: Any) -> None:
        super().__init__(age, *arguments)
        self._place = age % PLACES
        self._next_time = 0.0
        self._left_since: float | None = None
        self._leaves = False
        self._ended: deque[Any] = deque()

    def notify(self) -> None:
        """Tell that it lives, and how many connections it has."""
        super().notify()
        self._tell()

    def _tell(self) -> None:
        self.connections[self._place] = self._n_connections() if self.alive else ABSENT

    def leave(self) -> None:
        """Be forgotten by the others; called where it was forked, when it is gone."""
        self.connections[self._place] = ABSENT

    def _n_connections(self) -> int:
        return int(self.nr_conns) - len(self._ended)

    def _has_too_many(self) -> bool:
        return self._n_connections() > int(self.connections.min()) + 1

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Answer, and close the connection if it had better be another worker's."""
        now = monotonic()
        if now > self._next_time and self._has_too_many():
            self._next_time = now + PAUSE_SECONDS
            req.force_close()
        return bool(super().handle_request(req, conn))

    def accept(self, listener: Any) -> None:
        """Take a connection, or leave it to a worker that has fewer."""
        if self._has_too_many():
            now = monotonic()
            if self._left_since is None:
                self._left_since = now
            if now < self._left_since + PATIENCE_SECONDS:
                self._leaves = True
                return
        self._left_since = None
        super().accept(listener)
        self._tell()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Do what there is to do; do not look at a connection that is left."""
        self._leaves = False
        super().wait_for_and_dispatch_events(timeout)
        if self._leaves:
            # It is switched on again before the next call.
            self.set_accept_enabled(False)
            super().wait_for_and_dispatch_events(MOMENT_SECONDS)
        else:
            self._left_since = None

    def enqueue_req(self, conn: Any) -> None:
        """Give a request to a thread; a connection without one waits for it here."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)
        conn.timeout = monotonic() + READ_SECONDS
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, EVENT_READ, readable)

    def finish_request(self, conn: Any, future: Future[Any]) -> None:
        """Keep a connection, or end it without waiting for its client."""
        if future.cancelled() or future.exception() or future.result():
            super().finish_request(conn, future)
            return
        # Were it closed now, a client that still sends could lose the answer.
        self._ended.append(conn)
        conn.timeout = monotonic() + LINGER_SECONDS
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))
        except (OSError, ValueError):
            self._close(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        end = monotonic() + DRAIN_SECONDS
        return keepalive and bool(conn.parser.finish_body(deadline=end))

    def _drain(self, conn: Any, client: socket.socket) -> None:
        try:
            if client.recv(8192):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._close(conn)

    def _close(self, conn: Any) -> None:
        with contextlib.suppress(KeyError, ValueError):  # It was closed before.
            self.poller.unregister(conn.sock)
        self._ended.remove(conn)
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """Close connections whose clients have had their time."""
        super().murder_pending()
        while self._ended and self._ended[0].timeout < monotonic():
            self._close(self._ended[0])
