"""A small HTTP server for one application, of the standard library.

HTTP/1.1 with kept connections, a thread each, a limit of them, and deadlines for slow
clients; it ends gracefully. In containers gunicorn does this
(`sklearn_sagemaker.serving.workers`).
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from time import monotonic, sleep
from typing import Any

from sklearn_sagemaker.serving.app import App, error_body
from sklearn_sagemaker.serving.deadlines import READ_SECONDS, Connection, Listener
from sklearn_sagemaker.serving.request_body import RequestBody

MOST_CONNECTIONS = 64
LINGER_SECONDS = 0.5
"""In which kept connections may bring one more request, before the server ends."""
GRACE_SECONDS = 25.0
"""In which running requests are answered; SageMaker kills a container after 30."""
POLL_SECONDS = 0.1
DRAINED_BYTES = 1 << 20
"""Of a body that was refused, so that the client gets to reading the answer."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "sklearn_sagemaker"
    sys_version = ""
    disable_nagle_algorithm = True
    server: Server
    connection: Connection
    _waits_for_continue = False

    def handle_expect_100(self) -> bool:
        """Leave it to the first read of the body, which may be refused before."""
        self._waits_for_continue = True
        return True

    def parse_request(self) -> bool:
        """Read the head of a request."""
        self.connection.busy = True
        self._waits_for_continue = False
        return super().parse_request()

    def handle_one_request(self) -> None:
        """Answer a request, and say when the connection is idle again."""
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True
        finally:
            self.connection.busy = False

    def _serve(self) -> None:
        try:
            length = RequestBody.length_of(self.headers)
        except ValueError as error:
            self.send_error(HTTPStatus.BAD_REQUEST, explain=str(error))
            return
        body = RequestBody(
            self.rfile, length, self._go_on if self._waits_for_continue else None
        )
        environ = self._environ(body, length)
        found: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]]) -> None:
            found[:] = status, headers

        answer = b"".join(self.server.app(environ, start_response))
        status, headers = found
        if not body.finished or self.server.stopping:
            self.close_connection = True
        self._send(status, headers, answer)
        if not body.finished:
            self._drain()

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = _serve  # noqa: N815
    do_OPTIONS = do_PATCH = do_TRACE = do_CONNECT = _serve  # noqa: N815

    def _environ(self, body: RequestBody, length: int | None) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        environ = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "SERVER_NAME": str(self.server.server_address[0]),
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": self.request_version,
            "HTTP_ACCEPT": ", ".join(self.headers.get_all("Accept", ())),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": body,
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        if length is not None:
            environ["CONTENT_LENGTH"] = str(length)
        return environ

    def _go_on(self) -> None:
        self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        lines = [
            f"HTTP/1.1 {status}",
            f"Server: {self.server_version}",
            f"Date: {self.date_time_string()}",
            f"Connection: {'close' if self.close_connection else 'keep-alive'}",
            *(f"{name}: {value}" for name, value in headers),
        ]
        head = "\r\n".join(lines).encode("latin-1")
        self.connection.sendall(head + b"\r\n\r\n" + body)

    def send_error(
        self, code: int, message: str | None = None, explain: str | None = None
    ) -> None:
        """Refuse what is no request."""
        status = HTTPStatus(code)
        body = error_body(explain or message or status.description or status.phrase)
        self.close_connection = True
        headers = [("Content-Type", "application/json")]
        self._send(
            f"{status.value} {status.phrase}",
            [*headers, ("Content-Length", str(len(body)))],
            body,
        )
        self._drain()

    def _drain(self) -> None:
        """Take some of what the client still sends.

        If a connection is closed with bytes unread, its client may lose the answer.
        """
        with contextlib.suppress(OSError, ValueError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(1.0)
            end = monotonic() + 2
            for _ in range(DRAINED_BYTES // 8192):
                if not self.rfile.read1(8192) or monotonic() > end:
                    break

    def log_message(self, format: str, *arguments: Any) -> None:
        """Keep quiet: rows and paths of clients are none of the log's business."""


class Server(ThreadingMixIn, TCPServer):
    """A server of one application.

    Parameters
    ----------
    app : callable
        WSGI.
    host : str
    port : int
        0 takes a free one.
    max_connections : int
        Beyond that, new ones are told to come back later.
    read_seconds : float
        For which a connection may be idle, or a request take to arrive.

    Raises
    ------
    OSError
        If the address cannot be had.

    Examples
    --------
    >>> from sklearn_sagemaker.serving.server import Server
    >>> def app(environ, start_response):
    ...     start_response("200 OK", [("Content-Length", "2")])
    ...     return [b"hi"]
    >>> with Server(app, "127.0.0.1", 0) as server:
    ...     server.server_address[0]
    '127.0.0.1'
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    stopping = False

    def __init__(
        self,
        app: App,
        host: str,
        port: int,
        *,
        max_connections: int = MOST_CONNECTIONS,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        self.app = app
        self._slots = threading.BoundedSemaphore(max_connections)
        self._lock = threading.Lock()
        self._open: set[Connection] = set()
        super().__init__((host, port), _Handler)
        self.socket = Listener(self.socket, read_seconds)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection, if there is one left."""
        if self._slots.acquire(blocking=False):
            with self._lock:
                self._open.add(request)
            super().process_request(request, client_address)
            return
        body = error_body("the server has too many connections; try again later.")
        head = (
            "HTTP/1.1 503 Service Unavailable\r\n"
            "Connection: close\r\nRetry-After: 1\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with contextlib.suppress(OSError):
            request.settimeout(0)
            request.send(head.encode() + body)
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.discard(request)
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about clients that are gone."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            print(f"error of a connection: {type(error).__name__}", file=sys.stderr)

    def stop(self, grace_seconds: float = GRACE_SECONDS) -> bool:
        """Answer what has been sent, and end; to be called after ``serve_forever``.

        Parameters
        ----------
        grace_seconds : float

        Returns
        -------
        finished : bool
            Whether all requests were answered in that time.
        """
        end = monotonic() + grace_seconds
        self.stopping = True
        # Clients that are connected, but not accepted yet, have no other server.
        self.socket.settimeout(0)
        with contextlib.suppress(OSError):
            while True:
                self.process_request(*self.get_request())
        self.server_close()
        linger = min(end, monotonic() + LINGER_SECONDS)
        while self._open and monotonic() < end:
            if monotonic() > linger:
                self._close_idle()
            sleep(0.02)
        return not self._open

    def _close_idle(self) -> None:
        with self._lock:
            idle = [connection for connection in self._open if not connection.busy]
        for connection in idle:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)


def run(server: Server) -> bool:
    """Serve until a signal says stop; must be called in the main thread.

    Parameters
    ----------
    server : Server

    Returns
    -------
    finished : bool
        Whether all requests were answered.
    """
    import signal

    def stop(number: int, frame: Any) -> None:
        # shutdown() waits for the loop that this thread is in.
        threading.Thread(target=server.shutdown, daemon=True).start()

    numbers = [signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGINT)]
    before = {number: signal.signal(number, stop) for number in set(numbers)}
    try:
        server.serve_forever(POLL_SECONDS)
        return server.stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
