"""Faults that tests ask for: refusals, waits, and connections that break."""

from __future__ import annotations

import collections
import math
import os
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlsplit

from sklearn_sagemaker.testing.errors import ServiceError
from sklearn_sagemaker.testing.requests import Request

RESETS = ("before", "after")
_OF_S3 = {
    ("GET", "key"): "GetObject",
    ("HEAD", "key"): "HeadObject",
    ("PUT", "key"): "PutObject",
    ("DELETE", "key"): "DeleteObject",
    ("GET", "bucket"): "ListObjectsV2",
    ("HEAD", "bucket"): "HeadBucket",
    ("PUT", "bucket"): "CreateBucket",
    ("DELETE", "bucket"): "DeleteBucket",
    ("GET", "root"): "ListBuckets",
    ("PUT", "partNumber"): "UploadPart",
    ("POST", "uploads"): "CreateMultipartUpload",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
}


def operation_of(request: Request) -> str:
    """The name of what a request asks for, as boto3's clients have it."""
    if request.operation:
        return request.operation
    if request.service == "sagemaker":
        return "InvokeEndpoint"
    if request.service != "s3":
        return parse_qs(request.body.decode("utf-8", "replace")).get("Action", [""])[0]
    parts = urlsplit(request.target)
    query = parse_qs(parts.query, keep_blank_values=True)
    bucket, _, key = parts.path.lstrip("/").partition("/")
    what = "key" if key else "bucket" if bucket else "root"
    for name in ("partNumber", "uploads", "uploadId"):
        if name in query:
            what = name
            break
    return _OF_S3.get((request.method, what), request.method)


@dataclass
class Fault:
    """A rule.

    Attributes
    ----------
    operation : str
    code, message : str or None, str
    status : int
    seconds : float
    reset : {"before", "after"} or None
    cut : int or None
    skip, times : float
        Calls that pass before the first fault, and faults in all.
    seen, done : int
        Calls, and faults, so far.
    """

    operation: str
    code: str | None = None
    message: str = "This fault was asked for."
    status: int = 400
    seconds: float = 0.0
    reset: str | None = None
    cut: int | None = None
    skip: float = 0
    times: float = math.inf
    seen: int = 0
    done: int = 0

    def __post_init__(self) -> None:
        if self.reset not in (None, *RESETS):
            raise ValueError(f"reset={self.reset!r} must be 'before' or 'after'.")
        if (self.code, self.reset, self.cut) == (None, None, None) and not self.seconds:
            raise ValueError(
                f"A fault of {self.operation} needs a code, seconds, reset or cut."
            )

    def strikes(self) -> bool:
        """Whether it is the turn of one more call; counts it."""
        self.seen += 1
        if self.seen <= self.skip or self.done >= self.times:
            return False
        self.done += 1
        return True


@dataclass
class Faults:
    """The rules, and the number of calls of each operation."""

    rules: list[Fault] = field(default_factory=list)
    calls: collections.Counter[str] = field(default_factory=collections.Counter)
    lock: Any = field(default_factory=threading.Lock)

    def of(self, request: Request) -> Fault | None:
        """The first rule that strikes at a request."""
        name = operation_of(request)
        with self.lock:
            self.calls[name] += 1
            for rule in self.rules:
                if rule.operation == name and rule.strikes():
                    return rule
        return None


def before(fault: Fault | None, handler: Any) -> None:
    """What a fault does before the request is carried out."""
    if fault is None:
        return
    time.sleep(fault.seconds)
    if fault.reset == "before":
        break_off(handler)
    if fault.code is not None:
        raise ServiceError(fault.code, fault.message, fault.status)


def after(fault: Fault | None, handler: Any, body: bytes) -> bytes:
    """What of the answer is sent, if any."""
    if fault is None:
        return body
    if fault.reset == "after":
        break_off(handler)
    if fault.cut is not None:
        handler.close_connection = True
        return body[: fault.cut]
    return body


def break_off(handler: Any) -> NoReturn:
    """Reset the connection of a request."""
    handler.close_connection = True
    connection = handler.connection
    at_once = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    # Closed here, as the server would say first that it ends.
    os.close(connection.detach())
    raise ConnectionResetError
