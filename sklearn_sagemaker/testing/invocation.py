"""InvokeEndpoint and InvokeEndpointAsync: requests to endpoints, and their answers."""

from __future__ import annotations

import http.client
import json
import urllib.parse

from sklearn_sagemaker.testing.account import NUMBER, Account
from sklearn_sagemaker.testing.async_queue import TIMED_OUT
from sklearn_sagemaker.testing.deployment import GROUP, Deployment
from sklearn_sagemaker.testing.endpoints import Endpoints
from sklearn_sagemaker.testing.errors import ServiceError
from sklearn_sagemaker.testing.model_server import Answer
from sklearn_sagemaker.testing.records import Record
from sklearn_sagemaker.testing.requests import Request
from sklearn_sagemaker.testing.shapes import check_request, service_model
from sklearn_sagemaker.testing.variants import Turns, Variant

PASSED_ON = ("accept", "content-type")
OURS = "x-amzn-sagemaker-"
ASYNC_ONLY = {
    f"{OURS}{name}"
    for name in (
        "filename", "inputlocation", "invocationtimeoutseconds", "requestttlseconds",
        "s3outputpathextension",
    )
}  # fmt: skip
"""Headers that are for the queue, not for the program."""


class Invocation:
    """Answers what is asked of endpoints.

    Parameters
    ----------
    account : Account
    endpoints : Endpoints
    """

    def __init__(self, account: Account, endpoints: Endpoints):
        self._account, self._endpoints = account, endpoints

    def __call__(self, request: Request) -> Answer:
        """Answer a request."""
        try:
            return self._invoke(request)
        except ServiceError as error:
            body = json.dumps({"message": str(error)}).encode()
            headers = {
                "Content-Type": "application/json",
                "x-amzn-ErrorType": error.code,
            }
            return error.status, headers, body

    def _invoke(self, request: Request) -> Answer:
        parts = request.path.split("/")
        kind = parts[3] if len(parts) == 4 and request.method == "POST" else None
        if kind not in ("invocations", "async-invocations"):
            raise ServiceError(
                "UnknownOperationException",
                f"The emulator does not have {request.method} {request.path}.",
            )
        name = urllib.parse.unquote(parts[2])
        running = self._running(request.region, name)
        headers = {key.lower(): text for key, text in request.headers.items()}
        if kind == "async-invocations":
            return self._invoke_async(running, headers, request.body)
        if running.queue is not None:
            raise _wrong(
                f"Endpoint {name} is asynchronous; it takes InvokeEndpointAsync only."
            )
        wanted = headers.get(f"{OURS}target-variant")
        asked = {
            key: text
            for key, text in headers.items()
            if key in PASSED_ON or key.startswith(OURS)
        }

        def choose(turns: Turns) -> Variant:
            return _chosen(name, turns, wanted, request.body)

        variant = ""
        try:
            variant, (status, found, body) = running.ask(choose, asked, request.body)
        except (OSError, http.client.HTTPException):
            status, found, body = 500, {}, TIMED_OUT.encode()
        if not 200 <= status < 300:
            return _model_error(request.region, name, status, body)
        answer = {"x-Amzn-Invoked-Production-Variant": variant}
        for key, text in found.items():
            if key.lower() == "content-type" or key.lower().startswith(OURS):
                answer[key] = text
        return 200, answer, body

    def _running(self, region: str, name: str) -> Deployment:
        with self._account.lock:
            try:
                record = self._endpoints.records.get(region, name)
            except ServiceError:
                raise _wrong(
                    f"Endpoint {name} of account {NUMBER} not found."
                ) from None
            running = self._endpoints.running(region, name)
            if running.turns is None:
                raise _wrong(
                    f"Endpoint {name} of account {NUMBER} is in status "
                    f"{record['EndpointStatus']}."
                )
            return running

    def _invoke_async(
        self, running: Deployment, headers: dict[str, str], body: bytes
    ) -> Answer:
        asked = _members(headers, body)
        if running.queue is None:
            raise _wrong(
                f"Endpoint {running.name} is not asynchronous; it takes InvokeEndpoint."
            )
        if ("InputLocation" in asked) == bool(body):
            raise _wrong("Exactly one of InputLocation and Body must be given.")
        passed = {
            key: text
            for key, text in headers.items()
            if key.startswith(OURS) and key not in ASYNC_ONLY
        }
        for name in PASSED_ON:
            # They have names of their own here.
            if text := passed.pop(f"{OURS}{name}", None):
                passed[name] = text
        call = running.queue.put(asked, passed, body)
        answer = {
            "Content-Type": "application/json",
            "X-Amzn-SageMaker-OutputLocation": call.output,
        }
        if call.failure is not None:
            answer["X-Amzn-SageMaker-FailureLocation"] = call.failure
        return 202, answer, json.dumps({"InferenceId": call.identifier}).encode()


def _chosen(name: str, turns: Turns, wanted: str | None, body: bytes) -> Variant:
    """The variant that answers."""
    variant = turns.next() if wanted is None else turns.named(wanted)
    if variant is None:
        raise _wrong(f"Variant {wanted} of endpoint {name} not found.")
    if len(body) > variant.most_bytes:
        raise _wrong(
            f"The body has {len(body):,} bytes; at most {variant.most_bytes:,} are "
            "allowed."
        )
    return variant


def _members(headers: dict[str, str], body: bytes) -> Record:
    """The members of InvokeEndpointAsync that are in headers, by its shape."""
    shape = service_model("sagemaker-runtime").operation_model("InvokeEndpointAsync")
    found: Record = {"EndpointName": "x"}
    for name, member in shape.input_shape.members.items():
        text = headers.get(str(member.serialization.get("name", "")).lower())
        if member.serialization.get("location") != "header" or text is None:
            continue
        found[name] = text
        if member.type_name == "integer":
            try:
                found[name] = int(text)
            except ValueError:
                raise _wrong(f"{name} {text!r} must be a whole number.") from None
    try:
        check_request(shape.input_shape, found)
    except ServiceError as error:
        raise _wrong(str(error)) from None
    most = shape.input_shape.members["Body"].metadata["max"]
    if len(body) > most:
        raise _wrong(
            f"The body has {len(body):,} bytes; at most {most:,} are allowed. Put it "
            "on S3, and say InputLocation."
        )
    return found


def _wrong(message: str) -> ServiceError:
    return ServiceError("ValidationError", message)


def _model_error(region: str, name: str, status: int, body: bytes) -> Answer:
    """What the service says of a program that refuses."""
    text = body.decode("utf-8", "replace")
    whose = "client" if status < 500 else "server"
    message = (
        f'Received {whose} error ({status}) from primary with message "{text}". See '
        f"the log group {GROUP}{name} in account {NUMBER} for more information."
    )
    document = {
        "Message": message,
        "OriginalMessage": text,
        "OriginalStatusCode": status,
        "LogStreamArn": f"arn:aws:logs:{region}:{NUMBER}:log-group:{GROUP}{name}",
    }
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": "ModelError"}
    return 424, headers, json.dumps(document).encode()
