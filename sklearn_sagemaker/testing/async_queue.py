"""Calls of an asynchronous endpoint: they wait, and are answered by objects of S3."""

from __future__ import annotations

import collections
import http.client
import json
import sys
import threading
import traceback
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any, Protocol

from sklearn_sagemaker.testing.account import Account, now
from sklearn_sagemaker.testing.delivery import place, upload
from sklearn_sagemaker.testing.errors import JobError, ServiceError
from sklearn_sagemaker.testing.model_server import Answer
from sklearn_sagemaker.testing.records import Record
from sklearn_sagemaker.testing.variants import Turns, Variant

MOST_BYTES = 1 << 30
AT_ONCE = 4
"""Calls that an instance answers at once, where nobody says: the service chooses."""
TIMED_OUT = "Your invocation timed out while waiting for a response from container"


class Endpoint(Protocol):
    """What a queue asks."""

    @property
    def name(self) -> str:
        """Of the endpoint."""

    def ask(
        self,
        choose: Callable[[Turns], Variant],
        headers: Mapping[str, str],
        body: bytes,
        **more: float,
    ) -> tuple[str, Answer]:
        """The name of a variant, and the answer of its model."""


@dataclass
class Call:
    """A call that waits.

    Attributes
    ----------
    identifier : str
    headers : dict
        That the program gets.
    source : str or bytes
        URI of the body, or the body.
    output, failure : str or None
        Where the answer will be.
    most_seconds : float
        Of the answer.
    expires : float
        When it has waited too long, by `time.monotonic`.
    received : datetime
    """

    identifier: str
    headers: dict[str, str]
    source: str | bytes
    output: str
    failure: str | None
    most_seconds: float
    expires: float
    received: datetime = field(default_factory=now)


class AsyncQueue:
    """The queue, with threads only while something waits.

    Parameters
    ----------
    account : Account
    region : str
    endpoint : Endpoint
    """

    def __init__(self, account: Account, region: str, endpoint: Endpoint):
        self._account, self._region, self._endpoint = account, region, endpoint
        self._waiting: collections.deque[Call] = collections.deque()
        self._running: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._output: Record = {}
        self._most = AT_ONCE

    def configure(self, config: Record, instances: int) -> None:
        """Take a configuration, also for the calls that wait.

        Parameters
        ----------
        config : dict
            ``AsyncInferenceConfig``.
        instances : int
            Of all variants.
        """
        client = config.get("ClientConfig", {})
        each = client.get("MaxConcurrentInvocationsPerInstance", AT_ONCE)
        self._output, self._most = config["OutputConfig"], each * instances

    def put(self, asked: Record, headers: dict[str, str], body: bytes) -> Call:
        """Take a call.

        Parameters
        ----------
        asked : dict
            Members of InvokeEndpointAsync.
        headers : dict
            That the program gets.
        body : bytes
            In place of an InputLocation.

        Returns
        -------
        call : Call
            Where the answer will be.
        """
        identifier = asked.get("InferenceId") or str(uuid.uuid4())
        name = asked.get("Filename") or f"{identifier}.out"
        folder = asked.get("S3OutputPathExtension", "").strip("/")

        def below(uri: str | None, name: str) -> str | None:
            parts = [] if uri is None else [uri.rstrip("/"), folder, name]
            return "/".join(filter(None, parts)) or None

        output = below(self._output.get("S3OutputPath"), name)
        assert output is not None
        call = Call(
            identifier,
            headers,
            asked.get("InputLocation") or body,
            output,
            below(self._output.get("S3FailurePath"), f"{identifier}-error.out"),
            asked.get("InvocationTimeoutSeconds", 900),
            monotonic() + asked.get("RequestTTLSeconds", 21_600),
        )
        with self._lock:
            self._waiting.append(call)
            if len(self._running) < self._most and not self._closed:
                thread = threading.Thread(target=self._work, daemon=True)
                self._running.add(thread)
                thread.start()
        return call

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting or self._closed:
                    self._running.discard(threading.current_thread())
                    return
                call = self._waiting.popleft()
            try:
                self._answer(call)
            except Exception:
                traceback.print_exc()

    def _answer(self, call: Call) -> None:
        output = self._output
        key = output.get("KmsKeyId", "")
        s3 = self._account.cloud.client("s3", self._region)
        reason, kind = "", ""
        try:
            kind, answer = self._asked(s3, call)
            upload(s3, call.output, answer, key, ContentType=kind)
        except JobError as error:
            reason = str(error)
        if self._closed:
            return
        try:
            if reason and call.failure is not None:
                upload(s3, call.failure, reason.encode(), key, ContentType="text/plain")
        except JobError as error:
            # There is nobody else to tell.
            print(f"Endpoint {self._endpoint.name}: {error}", file=sys.stderr)
        self._account.written += 1
        self._notify(call, reason, kind)

    def _asked(self, s3: Any, call: Call) -> tuple[str, bytes]:
        """Type and body of the model's answer.

        Raises
        ------
        JobError
            If there is none; it says why.
        """
        if monotonic() > call.expires:
            raise JobError(
                "ClientError: The request has waited longer than its RequestTTLSeconds."
            )
        headers = dict(call.headers)
        body, kind = call.source, ""
        if isinstance(body, str):
            body, kind = _read(s3, body)
        if kind:
            headers.setdefault("content-type", kind)
        try:
            _, (status, found, answer) = self._endpoint.ask(
                Turns.next, headers, body, seconds=call.most_seconds
            )
        except (OSError, http.client.HTTPException):
            raise JobError(f"ModelError: {TIMED_OUT} primary") from None
        except ServiceError as error:
            raise JobError(f"{error.code}: {error}") from None
        if not 200 <= status < 300:
            whose = "client" if status < 500 else "server"
            raise JobError(
                f"ModelError: Received {whose} error ({status}) from primary with "
                f'message "{answer.decode("utf-8", "replace")}".'
            )
        types = [text for name, text in found.items() if name.lower() == "content-type"]
        return (types or ["application/octet-stream"])[0], answer

    def _notify(self, call: Call, reason: str, kind: str) -> None:
        """Tell a topic of SNS, if the configuration names one."""
        topics = self._output.get("NotificationConfig", {})
        topic = topics.get("ErrorTopic" if reason else "SuccessTopic")
        if topic is None:
            return
        document: dict[str, Any] = {
            "awsRegion": self._region,
            "eventTime": _text(now()),
            "receivedTime": _text(call.received),
            "invocationStatus": "Failed" if reason else "Completed",
            "requestParameters": {
                "contentType": call.headers.get("content-type"),
                "endpointName": self._endpoint.name,
                "inputLocation": call.source if isinstance(call.source, str) else None,
            },
            "inferenceId": call.identifier,
            "eventVersion": "1.0",
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
        }
        if reason:
            document["failureReason"] = reason
            document["responseParameters"] = {"failureLocation": call.failure}
        else:
            response = {"contentType": kind, "outputLocation": call.output}
            document["responseParameters"] = response
        from botocore.exceptions import ClientError

        try:
            client = self._account.cloud.client("sns", self._region)
            client.publish(TopicArn=topic, Message=json.dumps(document))
        except ClientError as error:
            print(f"Endpoint {self._endpoint.name}: {error}", file=sys.stderr)

    def close(self) -> None:
        """Forget what waits; nothing is written any more."""
        with self._lock:
            self._closed = True
            self._waiting.clear()

    def join(self) -> None:
        """Wait for what has been asked, whose servers have ended."""
        with self._lock:
            running = list(self._running)
        for thread in running:
            thread.join()


def _read(s3: Any, uri: str) -> tuple[bytes, str]:
    """An object and its type."""
    from botocore.exceptions import ClientError

    bucket, key = place(uri)
    try:
        found = s3.get_object(Bucket=bucket, Key=key)
        size = found["ContentLength"]
        if size > MOST_BYTES:
            raise JobError(
                f"ClientError: {uri} has {size:,} bytes; at most {MOST_BYTES:,} are "
                "allowed."
            )
        return found["Body"].read(), found.get("ContentType", "")
    except ClientError as error:
        raise JobError(f"ClientError: Failed to download {uri}: {error}") from None


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"
