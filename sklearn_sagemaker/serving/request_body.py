"""The body of an HTTP/1.1 request, by its length or in chunks (RFC 9112, 6 and 7)."""

from __future__ import annotations

from collections.abc import Callable
from io import BufferedIOBase
from typing import Any

LONGEST_LINE = 1024
"""Bytes of a line between chunks."""
MOST_TRAILERS = 64


class RequestBody:
    r"""A body, read as far as it is wanted and never beyond its end.

    Parameters
    ----------
    stream : buffered binary file object
        The connection.
    length : int or None
        None is in chunks.
    go_on : callable or None
        Called before the first read, if the client waits to be told to send.

    Attributes
    ----------
    finished : bool
        Whether the next byte of the connection is behind the body.

    Examples
    --------
    >>> import io
    >>> from sklearn_sagemaker.serving.request_body import RequestBody
    >>> stream = io.BytesIO(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    >>> RequestBody(stream, None).read(100)
    b'abcde'
    """

    def __init__(
        self,
        stream: BufferedIOBase,
        length: int | None,
        go_on: Callable[[], None] | None = None,
    ) -> None:
        self._stream = stream
        self._chunked = length is None
        # Bytes that are left, of the body or of the chunk.
        self._left = length or 0
        self._started = False
        self._go_on = go_on
        self.finished = length == 0

    @staticmethod
    def length_of(headers: Any) -> int | None:
        """What the head of a request says of its body.

        Parameters
        ----------
        headers : http.client.HTTPMessage

        Returns
        -------
        length : int or None
            None is in chunks.

        Raises
        ------
        ValueError
            If it contradicts itself, or nobody could tell where the body ends.
        """
        lengths = set(headers.get_all("Content-Length", ()))
        coding = headers.get_all("Transfer-Encoding", ())
        if coding:
            if lengths:
                raise ValueError(
                    "Content-Length and Transfer-Encoding contradict each other; send "
                    "one of them."
                )
            if [text.strip().lower() for text in coding] != ["chunked"]:
                raise ValueError("the Transfer-Encoding is not known; send chunked.")
            return None
        if not lengths:
            return 0
        text = lengths.pop().strip()
        if lengths or not (text.isascii() and text.isdigit() and len(text) < 20):
            raise ValueError("Content-Length is not one whole number.")
        return int(text)

    def read(self, size: int) -> bytes:
        """Read some bytes.

        Parameters
        ----------
        size : int

        Returns
        -------
        data : bytes
            Fewer only at the end.

        Raises
        ------
        ValueError
            If the chunks are none.
        TimeoutError
            If the client is slow.
        """
        if self._go_on is not None and not self.finished:
            self._go_on()
            self._go_on = None
        pieces = []
        while size and not self.finished:
            if self._chunked and not self._left:
                self._next_chunk()
                continue
            piece = self._stream.read(min(size, self._left))
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
            self._left -= len(piece)
            if not self._left and not self._chunked:
                self.finished = True
        return b"".join(pieces)

    def _next_chunk(self) -> None:
        if self._started and self._line():
            raise ValueError("a chunk is longer than it says")
        self._started = True
        text = self._line().partition(b";")[0].rstrip(b" \t")
        # int() takes signs, blanks and underscores too.
        if not text or len(text) > 16 or text.strip(b"0123456789abcdefABCDEF"):
            raise ValueError("a chunk has no length")
        self._left = int(text, 16)
        if not self._left:
            for _ in range(MOST_TRAILERS):
                if not self._line():
                    self.finished = True
                    return
            raise ValueError("there are too many trailers")

    def _line(self) -> bytes:
        line = self._stream.readline(LONGEST_LINE)
        if not line.endswith(b"\r\n"):
            raise ValueError("a line between chunks is too long, or cut")
        return line[:-2]
