"""The server of the standard library over real sockets, in this process."""

import json
import socket
import threading
import time
from contextlib import closing, contextmanager

import pytest

from sklearn_sagemaker.serving.server import Server

BODY = b"1,2,3"
HEAD = (
    b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
    b"Accept: application/jsonlines\r\n"
)
REQUEST = HEAD + b"Content-Length: 5\r\n\r\n" + BODY
PING = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"


@contextmanager
def serving(app, **options):
    """A server in a thread."""
    server = Server(app, "127.0.0.1", 0, **options)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.stop(5)


@pytest.fixture
def server(app):
    with serving(app, read_seconds=0.6) as server:
        yield server


def connect(server):
    return closing(socket.create_connection(server.server_address, timeout=10))


def read_answer(stream):
    """Status, headers and body of the next answer; None at the end."""
    line = stream.readline()
    if not line:
        return None
    headers = {}
    while (header := stream.readline().strip()) != b"":
        name, _, value = header.decode().partition(": ")
        headers[name] = value
    body = stream.read(int(headers.get("Content-Length", 0)))
    return int(line.split()[1]), headers, body


def ask(server, data):
    """The first answer to some bytes."""
    with connect(server) as client:
        client.sendall(data)
        return read_answer(client.makefile("rb"))


def test_requests_of_a_kept_connection(server, app):
    with connect(server) as client:
        stream = client.makefile("rb")
        for _ in range(3):
            client.sendall(REQUEST)
            status, headers, body = read_answer(stream)
            assert status == 200
            assert headers["Connection"] == "keep-alive"
            assert headers["Content-Type"] == "application/jsonlines"
            assert body.startswith(b'{"predicted_label":')


def test_requests_sent_at_once_are_answered_in_order(server):
    wrong = HEAD + b"Content-Length: 3\r\n\r\n1,2"
    with connect(server) as client:
        client.sendall(REQUEST + PING + wrong + REQUEST)
        stream = client.makefile("rb")
        assert [read_answer(stream)[0] for _ in range(4)] == [200, 200, 400, 200]


def test_the_connection_ends_when_the_client_says_so(server):
    with connect(server) as client:
        client.sendall(PING.replace(b"Host: x", b"Host: x\r\nConnection: close"))
        stream = client.makefile("rb")
        assert read_answer(stream)[0] == 200
        assert read_answer(stream) is None


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_bodies_in_chunks(server, step):
    body = b"5;name=value\r\n1,2,3\r\n6\r\n\n4,5,6\r\n0\r\nTrailer: x\r\n\r\n"
    data = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body + PING
    with connect(server) as client:
        for start in range(0, len(data), step):
            client.sendall(data[start : start + step])
        stream = client.makefile("rb")
        status, _, answer = read_answer(stream)
        assert (status, answer.count(b"\n")) == (200, 2)
        assert read_answer(stream)[0] == 200


@pytest.mark.parametrize(
    "body",
    [b"x\r\n", b"-5\r\n1", b"+5\r\n1,2,3\r\n0\r\n\r\n", b"5\r\n1,2,3xx0\r\n\r\n",
     b"\r\n", b"5" * 2000, b"fffffffffffffffff\r\n", b"0x5\r\n1,2,3\r\n0\r\n\r\n"],
)  # fmt: skip
def test_chunks_that_are_none(server, body):
    status, headers, answer = ask(
        server, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body
    )
    assert (status, headers["Connection"]) == (400, "close")
    assert "framed" in json.loads(answer)["error"]


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: 5,5\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    ],
)
def test_heads_that_do_not_say_where_the_body_ends(server, headers):
    status, found, _ = ask(server, HEAD + headers + b"\r\n" + BODY)
    assert (status, found["Connection"]) == (400, "close")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"BREW /ping HTTP/1.1\r\n\r\n", 501),
        (b"GET /ping HTTP/9.9\r\n\r\n", 505),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /ping HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET /ping HTTP/1.1\r\nA: " + b"b" * 70_000 + b"\r\n\r\n", 431),
    ],
)
def test_what_is_no_request(server, data, status):
    found, headers, body = ask(server, data)
    assert found == status
    assert headers["Content-Type"] == "application/json"
    assert list(json.loads(body)) == ["error"]


def test_a_coded_body_is_refused(server):
    coded = HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n" + BODY
    assert ask(server, coded)[0] == 415


def test_a_large_body_is_refused_before_it_is_sent(server):
    data = HEAD + b"Content-Length: 100000000\r\n\r\n"
    # Else the answer is 408, after the time of a request.
    status, headers, _ = ask(server, data)
    assert (status, headers["Connection"]) == (413, "close")


def test_a_client_that_sends_a_large_body_anyway_reads_the_refusal(server):
    status, _, _ = ask(
        server, HEAD + b"Content-Length: 7000000\r\n\r\n" + b"1" * 500_000
    )
    assert status == 413


def test_a_client_that_waits_is_told_to_go_on(server):
    head = HEAD + b"Expect: 100-continue\r\n"
    with connect(server) as client:
        client.sendall(head + b"Content-Length: 5\r\n\r\n")
        stream = client.makefile("rb")
        assert read_answer(stream)[0] == 100
        client.sendall(BODY)
        assert read_answer(stream)[0] == 200
    # It is not told so for a body that is not wanted.
    assert ask(server, head + b"Content-Length: 100000000\r\n\r\n")[0] == 413


def dripping(server, start, byte=b" "):
    """What comes back if bytes are sent now and then, and whether that is the end."""
    end = time.monotonic() + 30
    with connect(server) as client:
        client.sendall(start)
        client.settimeout(0.1)
        received = b""
        while time.monotonic() < end:
            try:
                piece = client.recv(4096)
                if not piece:
                    return received, True
                received += piece
            except TimeoutError:
                client.sendall(byte)
            except ConnectionError:
                return received, True
    return received, False


def test_slow_clients_do_not_hold_a_thread(server):
    # The time is that of the request: one of each byte would never be over.
    received, ended = dripping(server, HEAD + b"Content-Length: 100\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 408")
    assert ended
    received, ended = dripping(server, b"GET /ping HTTP/1.1\r\nX: ", b"x")
    assert received == b""
    assert ended
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\n"
    received, ended = dripping(server, chunked)
    assert received.startswith(b"HTTP/1.1 408")
    assert ended


def test_half_open_and_idle_connections_end(server):
    for start in (b"", PING):
        with connect(server) as client:
            client.sendall(start)
            stream = client.makefile("rb")
            if start:
                assert read_answer(stream)[0] == 200
            # Or the client's own time is over, an error.
            assert stream.read() == b""


def test_a_client_that_leaves_in_the_middle(server):
    for cut in (3, 40, len(REQUEST) - 2):
        with connect(server) as client:
            client.sendall(REQUEST[:cut])
    assert ask(server, PING)[0] == 200


def test_more_connections_than_threads_are_told_to_come_back(app):
    with (
        serving(app, max_connections=2, read_seconds=5) as server,
        connect(server) as first,
        connect(server) as second,
    ):
        for client in (first, second):
            client.sendall(PING)
            assert read_answer(client.makefile("rb"))[0] == 200
        status, headers, _ = ask(server, b"")
        assert (status, headers["Retry-After"]) == (503, "1")
        first.close()
        second.close()
        for _ in range(100):
            if ask(server, PING)[0] == 200:
                break
            time.sleep(0.02)
        else:
            pytest.fail("the threads are not free again")


def test_running_requests_are_answered_before_it_ends():
    started, go_on = threading.Event(), threading.Event()

    def app(environ, start_response):
        started.set()
        go_on.wait(10)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    server = Server(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    with connect(server) as busy, connect(server) as idle:
        busy.sendall(PING)
        assert started.wait(10)
        server.shutdown()
        thread.join()
        # In the queue of the system, and accepted by nobody so far.
        with connect(server) as late:
            late.sendall(PING)
            found = []
            stopping = threading.Thread(target=lambda: found.append(server.stop(10)))
            stopping.start()
            time.sleep(0.1)
            idle.sendall(PING)
            go_on.set()
            for client in (busy, late, idle):
                status, headers, body = read_answer(client.makefile("rb"))
                assert (status, body) == (200, b"ok")
                assert headers["Connection"] == "close"
            stopping.join()
    assert found == [True]


def test_requests_that_take_too_long_are_left_behind():
    go_on = threading.Event()

    def app(environ, start_response):
        go_on.wait(10)
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    server = Server(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    with connect(server) as busy:
        busy.sendall(PING)
        time.sleep(0.1)
        server.shutdown()
        thread.join()
        assert server.stop(0.1) is False
        go_on.set()


def test_addresses_of_version_6(app):
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        server = Server(app, "::1", 0)
    except OSError as error:
        pytest.skip(f"this machine has no IPv6 address: {error}")
    server.server_close()
