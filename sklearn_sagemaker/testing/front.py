"""The WSGI application: who may ask, and who answers."""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from sklearn_sagemaker.testing.account import NUMBER
from sklearn_sagemaker.testing.cloud import Cloud
from sklearn_sagemaker.testing.errors import ServiceError
from sklearn_sagemaker.testing.faults import Faults, after, before
from sklearn_sagemaker.testing.images import described
from sklearn_sagemaker.testing.requests import JSON, Request
from sklearn_sagemaker.testing.roles import caller, simulated

_LOCAL = re.compile(r"(127\.0\.0\.1|localhost)(:\d+)?")
_KEYS = re.compile(rb"<AccessKeyId>(\w+)</AccessKeyId>")
_WRONG_KEY = {
    "iam": "InvalidClientTokenId",
    "s3": "InvalidAccessKeyId",
    "sts": "InvalidClientTokenId",
}
HANDLER = "sklearn_sagemaker.handler"
"""What of the environment is the server's handler of the request."""
_OURS = {"content-length", "date", "server", "connection", "transfer-encoding"}
"""Headers that this server writes itself."""
Answer = tuple[int, dict[str, str], bytes]


class Front:
    """The application.

    Parameters
    ----------
    cloud : Cloud
    key : str
        Access key that requests must be signed with.
    control : callable
        ``control(region, operation, document)``: the answer of SageMaker.
    invoke : callable
        ``invoke(request)``: the answer of an endpoint.
    local : bool, default=True
        Whether only this machine's own names may stand in the header Host: a page of
        the web could reach the port by a name that it points here.
    """

    def __init__(
        self,
        cloud: Cloud,
        key: str,
        control: Callable[[str, str, dict[str, Any]], dict[str, Any] | None],
        invoke: Callable[[Request], Answer],
        local: bool = True,
    ):
        self.cloud, self.control, self.invoke = cloud, control, invoke
        self.local, self._key, self._keys = local, key, {key}
        self.faults = Faults()

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer a request."""
        request = Request.of(environ)
        handler = environ.get(HANDLER)
        fault = None
        try:
            self._check(request)
            fault = self.faults.of(request)
            before(fault, handler)
            status, headers, body = self._answer(request)
        except ServiceError as error:
            status, headers, body = request.refusal(error)
        except ConnectionResetError:
            raise
        except Exception as error:
            traceback.print_exc()
            said = f"The emulator has a defect: {type(error).__name__}: {error}"
            # 400, as clients repeat what is answered with 500.
            status, headers, body = request.refusal(
                ServiceError("InternalFailure", said)
            )
        headers.setdefault("x-amzn-RequestId", "emulator")
        if request.method != "HEAD":
            headers["Content-Length"] = str(len(body))
        phrase = HTTPStatus(status).phrase
        body = after(fault, handler, body)
        start_response(f"{status} {phrase}", list(headers.items()))
        return [body]

    def _check(self, request: Request) -> None:
        host = request.headers.get("Host", "")
        if self.local and not _LOCAL.fullmatch(host):
            raise ServiceError(
                "AccessDeniedException",
                f"The emulator answers to this machine only, and not to {host!r}.",
                403,
            )
        if request.key not in self._keys:
            raise ServiceError(
                _WRONG_KEY.get(request.service, "UnrecognizedClientException"),
                "The security token included in the request is invalid. (The emulator "
                "takes the access key that it has printed.)",
                403,
            )

    def _answer(self, request: Request) -> Answer:
        owner = request.headers.get("X-Amz-Expected-Bucket-Owner", NUMBER)
        if owner != NUMBER:
            raise ServiceError("AccessDenied", "Access Denied", 403)
        if request.service == "ecr" and request.operation == "DescribeImages":
            images = described(json.loads(request.body or b"{}"))
            if images is not None:
                return 200, {"Content-Type": JSON}, json.dumps(images).encode()
        if request.service == "iam" and (found := simulated(request.body)):
            return 200, {"Content-Type": "text/xml"}, found
        ours = request.service == "sts" and request.key == self._key
        if ours and (found := caller(request.body)):
            return 200, {"Content-Type": "text/xml"}, found
        if request.service == "sagemaker":
            if request.path.startswith("/endpoints/"):
                return self.invoke(request)
            if request.operation:
                return self._control(request)
        return self._moto(request)

    def _control(self, request: Request) -> Answer:
        try:
            document = json.loads(request.body or b"{}")
        except ValueError as error:
            raise ServiceError("SerializationException", str(error)) from error
        answer = self.control(request.region, request.operation, document)
        if answer is None:
            return self._moto(request)
        return 200, {"Content-Type": JSON}, json.dumps(answer).encode()

    def _moto(self, request: Request) -> Answer:
        status, headers, body = self.cloud.pass_on(
            request.service,
            request.region,
            request.method,
            request.target,
            request.headers,
            body=request.body,
        )
        if request.service in ("sts", "iam"):
            self._keys.update(key.decode() for key in _KEYS.findall(body))
        # A HEAD request's says how long the object is.
        ours = _OURS - ({"content-length"} if request.method == "HEAD" else set())
        kept = {
            name: str(value)
            for name, value in headers.items()
            if name.lower() not in ours
        }
        return status, kept, body
