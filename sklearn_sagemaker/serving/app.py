"""The web application of SageMaker's serving contract, a plain WSGI callable.

``GET /ping`` answers 200, ``POST /invocations`` predicts, and ``GET
/execution-parameters`` advises batch transforms. Every refusal is JSON of one sentence,
``{"error": "..."}``.
"""

from __future__ import annotations

import contextlib
import json
import traceback
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any

import numpy as np

from sklearn_sagemaker._state import ModelState
from sklearn_sagemaker.io.formats import (
    FORMATS,
    format_for_content_type,
    negotiate,
    with_bodies,
)
from sklearn_sagemaker.io.messages import quoted
from sklearn_sagemaker.io.rows import Predictions, Rows
from sklearn_sagemaker.serving.predictor import Predictor
from sklearn_sagemaker.serving.settings import Settings

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

PIECE = 1 << 16
"""Bytes of a body without a length that are read at a time."""

JSON = "application/json"


class RequestError(Exception):
    """A request that is not answered with 200.

    Parameters
    ----------
    status : HTTPStatus
    message : str
        A sentence, for the client.
    headers : tuple of (name, value)
    """

    def __init__(
        self, status: HTTPStatus, message: str, *headers: tuple[str, str]
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers


def error_body(message: str) -> bytes:
    """What a refusal says, as JSON."""
    return json.dumps({"error": message}).encode()


def make_app(model: ModelState, settings: Settings | None = None) -> App:
    r"""Make the web application of a model.

    Parameters
    ----------
    model : ModelState
        As `sklearn_sagemaker.serving.model.load_model` reads it.
    settings : Settings or None, default=None
        None has SageMaker's defaults.

    Returns
    -------
    app : callable
        WSGI. It keeps nothing between requests, so any number of threads may call it.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from sklearn_sagemaker._state import ModelState
    >>> from sklearn_sagemaker.serving.app import make_app
    >>> coef, intercept = np.array([[2.0, -1.0]]), np.zeros(1)
    >>> app = make_app(ModelState(coef=coef, intercept=intercept, threshold=None))
    >>> environ = {
    ...     "REQUEST_METHOD": "POST", "PATH_INFO": "/invocations",
    ...     "CONTENT_TYPE": "text/csv", "CONTENT_LENGTH": "7",
    ...     "HTTP_ACCEPT": "application/jsonlines",
    ...     "wsgi.input": io.BytesIO(b"1,0\n0,1"),
    ... }
    >>> app(environ, lambda status, headers: print(status))
    200 OK
    [b'{"score":2.0}\n{"score":-1.0}\n']
    """
    settings = settings or Settings()
    predictor = Predictor(model)
    _import_formats()
    # Clients send the same few headers again and again.
    decoder = lru_cache(maxsize=64)(_decoder)
    encoder = lru_cache(maxsize=64)(_encoder)

    def invocations(environ: Environ) -> tuple[str, bytes]:
        accept = environ.get("HTTP_ACCEPT", "").strip()
        if accept in ("", "*/*"):
            accept = settings.default_accept
        # All that headers can say comes before the body is read.
        try:
            media_type, encode = encoder(accept)
        except ValueError as error:
            status = HTTPStatus.NOT_ACCEPTABLE
            raise RequestError(status, _sentence(error)) from error
        try:
            _check_coding(environ.get("HTTP_CONTENT_ENCODING", ""))
            decode = decoder(environ.get("CONTENT_TYPE", ""))
        except ValueError as error:
            status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
            raise RequestError(status, _sentence(error)) from error
        body = _read_body(environ, settings.max_payload)
        try:
            X = decode(body).X
            _check_size(X.shape[0] * predictor.n_outputs, settings)
            predictions = predictor.predict(X)
        except ValueError as error:
            raise RequestError(HTTPStatus.BAD_REQUEST, _sentence(error)) from error
        return media_type, encode(predictions)

    routes = {
        "/ping": ("GET", lambda environ: (JSON, b"")),
        "/invocations": ("POST", invocations),
        "/execution-parameters": (
            "GET",
            lambda environ: (JSON, settings.execution_parameters),
        ),
    }

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        status, headers = HTTPStatus.OK, []
        try:
            content_type, body = _route(routes, environ)(environ)
        except RequestError as refusal:
            status, headers = refusal.status, list(refusal.headers)
            content_type, body = JSON, error_body(str(refusal))
        except MemoryError:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            body = error_body("there is not enough memory; send fewer rows.")
            content_type = JSON
        except Exception as error:
            _log(environ, error)
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            body = error_body("the server failed; its log says where.")
            content_type = JSON
        headers += [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    return app


def _import_formats() -> None:
    """Import what is otherwise imported late, by the first requests."""
    for entry in FORMATS.values():
        if entry.decode is not None:
            with contextlib.suppress(ValueError):
                entry.decode(b"x")
        if entry.encode_predictions is not None:
            entry.encode_predictions(Predictions(np.zeros(1)))


def _route(
    routes: dict[str, tuple[str, Callable[[Environ], tuple[str, bytes]]]],
    environ: Environ,
) -> Callable[[Environ], tuple[str, bytes]]:
    path = environ.get("PATH_INFO", "")
    if path not in routes:
        raise RequestError(
            HTTPStatus.NOT_FOUND,
            f"there is no {quoted(path)}; the paths are {', '.join(routes)}.",
        )
    method, call = routes[path]
    if environ["REQUEST_METHOD"] != method:
        raise RequestError(
            HTTPStatus.METHOD_NOT_ALLOWED,
            f"{path} does not take {quoted(environ['REQUEST_METHOD'])}; use {method}.",
            ("Allow", method),
        )
    return call


def _encoder(accept: str) -> tuple[str, Callable[[Predictions], bytes]]:
    format = negotiate(accept)
    assert format.encode_predictions is not None
    return format.content_type, format.encode_predictions


def _decoder(content_type: str) -> Callable[[bytes], Rows]:
    format, options = format_for_content_type(content_type)
    if format.decode is None:
        known = ", ".join(entry.content_type for entry in with_bodies())
        raise ValueError(f"{format.title} is for files only; send one of {known}.")
    return partial(format.decode, **options)


def _check_coding(coding: str) -> None:
    # Its limit of bytes is one of memory, too.
    if coding.strip().lower() not in ("", "identity"):
        raise ValueError(
            f"Content-Encoding: {quoted(coding)} is not taken; send the body as it is."
        )


def _read_body(environ: Environ, limit: int) -> bytes:
    """The body of a request; one that is too large is refused before it is read."""
    length = environ.get("CONTENT_LENGTH") or ""
    try:
        if length:
            size = _length(length)
            body = b"" if size > limit else environ["wsgi.input"].read(size)
            whole = size > limit or len(body) == size
        else:
            # Without a length it is in chunks, if the server says where it ends.
            size, whole = 0, True
            body = b""
            if environ.get("wsgi.input_terminated"):
                body = _read_chunks(environ["wsgi.input"], limit)
                size = len(body)
    except RequestError:
        raise
    except TimeoutError as error:
        raise RequestError(
            HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time; send faster."
        ) from error
    except Exception as error:
        # Each server has exceptions of its own for what is not HTTP.
        raise RequestError(
            HTTPStatus.BAD_REQUEST, "the body cannot be read; check how it is framed."
        ) from error
    if size > limit:
        raise RequestError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body is larger than {limit} bytes; send fewer rows at a time.",
        )
    if not whole:
        raise RequestError(
            HTTPStatus.BAD_REQUEST,
            f"the body ended after {len(body)} of {size} bytes; send all of it.",
        )
    if not body:
        raise RequestError(
            HTTPStatus.BAD_REQUEST, "the body is empty; send one row or more."
        )
    return body


def _length(text: str) -> int:
    # More digits than that are no number of bytes, and slow to convert.
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise RequestError(
            HTTPStatus.BAD_REQUEST, f"Content-Length: {quoted(text)} is not a length."
        )
    return int(text)


def _read_chunks(stream: Any, limit: int) -> bytes:
    """A body without a length, or its first bytes, if it is too large."""
    pieces: list[bytes] = []
    size = 0
    while size <= limit and (piece := stream.read(min(PIECE, limit + 1 - size))):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _check_size(n_scores: int, settings: Settings) -> None:
    """Refuse rows whose answer would be far larger than they are."""
    most = settings.max_payload // 2
    if n_scores > most:
        raise RequestError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the answer would have {n_scores} scores, and {most} are the limit; send "
            "fewer rows at a time.",
        )


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())


def _log(environ: Environ, error: Exception) -> None:
    """Where it failed, but not the message, which may have values of rows."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    print(
        f"error in {environ['REQUEST_METHOD']} {quoted(environ.get('PATH_INFO'))}: "
        f"{type(error).__name__}\n{frames}",
        end="",
        file=environ["wsgi.errors"],
        flush=True,
    )
