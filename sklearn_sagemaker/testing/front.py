"""The WSGI application: who may ask, and who answers."""

from __future__ import annotations

import contextlib
import io
import json
import re
import traceback
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from sklearn_sagemaker.testing.account import NUMBER
from sklearn_sagemaker.testing.cloud import Cloud
from sklearn_sagemaker.testing.control import Control
from sklearn_sagemaker.testing.errors import ServiceError, unknown_operation
from sklearn_sagemaker.testing.faults import Fault, Faults, break_off
from sklearn_sagemaker.testing.images import described
from sklearn_sagemaker.testing.operations import is_missing, operation_of
from sklearn_sagemaker.testing.outcomes import OUTCOME
from sklearn_sagemaker.testing.page import Page
from sklearn_sagemaker.testing.requests import JSON, Request
from sklearn_sagemaker.testing.roles import caller, simulated

_LOCAL = re.compile(r"(127\.0\.0\.1|localhost)(:\d+)?")
_KEYS = re.compile(rb"<AccessKeyId>(\w+)</AccessKeyId>")
_WRONG_KEY = {
    "iam": "InvalidClientTokenId",
    "s3": "InvalidAccessKeyId",
    "sts": "InvalidClientTokenId",
}
READING = (
    "Describe", "GET", "Get", "HEAD", "Head", "Invoke", "List", "Search", "Simulate",
)  # fmt: skip
"""How operations begin that change nothing."""
KEPT = ("iam", "sagemaker")
"""Services whose calls are kept, to be made again."""
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
    control : Control
        SageMaker's operations.
    invoke : callable
        ``invoke(request)``: the answer of an endpoint.
    region : str
        Of what the page shows.
    local : bool, default=True
        Whether only this machine's own names may stand in the header Host: a page of
        the web could reach the port by a name that it points here.

    Attributes
    ----------
    changes : int
        How many calls so far may have changed something.
    kept : list of dict
        The calls that have changed what moto has of roles and of SageMaker.
    """

    def __init__(
        self,
        cloud: Cloud,
        key: str,
        control: Control,
        invoke: Callable[[Request], Answer],
        region: str,
        local: bool = True,
    ):
        self.cloud, self.control, self.invoke = cloud, control, invoke
        self.local, self._key, self._keys = local, key, {key}
        self.faults = Faults()
        self.page = Page(control, control.operations, cloud, key, region)
        self.changes = 0
        self.kept: list[dict[str, Any]] = []

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer a request."""
        handler = environ.get(HANDLER)
        if self.faults.break_uploads:
            self._break(environ, handler)
        request = Request.of(environ)
        fault = None
        try:
            self._check_host(request)
            answer = None
            if self.page.is_asked(request):
                answer = self.page(request)
            else:
                self._check_key(request)
                fault = self.faults.of(request)
            if fault is not None:
                answer = self.faults.before(fault, handler, request)
            status, headers, body = answer or self._answer(request, fault)
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
        if not operation_of(request).startswith(READING):
            self.changes += 1
        if fault is not None:
            answer = status, headers, body
            status, headers, body = self.faults.after(fault, handler, answer)
        headers.setdefault("x-amzn-RequestId", "emulator")
        if request.method == "HEAD":
            # Whoever asks so does not read it, and would take it for the next answer.
            body = b""
        else:
            headers["Content-Length"] = str(len(body))
        start_response(f"{status} {_phrase(status)}", list(headers.items()))
        return self.faults.sent(fault, handler, body)

    def _break(self, environ: dict[str, Any], handler: Any) -> None:
        """Break a request off while its body comes, if a rule says so."""
        nothing = {"wsgi.input": io.BytesIO(), "wsgi.input_terminated": True}
        request = Request.of({**environ, **nothing})
        if request.key in self._keys and self.faults.of(request, during=True):
            environ["wsgi.input"].read(1)
            break_off(handler)

    def repeat(self, calls: Iterable[dict[str, Any]]) -> None:
        """Make calls again that another emulator has kept."""
        for call in calls:
            # As of what has an id that is drawn anew.
            with contextlib.suppress(Exception):
                self.cloud.pass_on(**{**call, "body": call["body"].encode()})
            self.kept.append(call)

    def _check_host(self, request: Request) -> None:
        host = request.headers.get("Host", "")
        if self.local and not _LOCAL.fullmatch(host):
            raise ServiceError(
                "AccessDeniedException",
                f"The emulator answers to this machine only, and not to {host!r}.",
                403,
            )

    def _check_key(self, request: Request) -> None:
        if request.key not in self._keys:
            raise ServiceError(
                _WRONG_KEY.get(request.service, "UnrecognizedClientException"),
                "The security token included in the request is invalid. (The emulator "
                "takes the access key that it has printed.)",
                403,
            )

    def _answer(self, request: Request, fault: Fault | None) -> Answer:
        owner = request.headers.get("X-Amz-Expected-Bucket-Owner", NUMBER)
        if owner != NUMBER:
            raise ServiceError("AccessDenied", "Access Denied", 403)
        if request.service == "ecr" and request.operation == "DescribeImages":
            images = described(json.loads(request.body or b"{}"))
            if images is not None:
                return 200, {"Content-Type": JSON}, json.dumps(images).encode()
        found = None
        if request.service == "iam":
            found = simulated(request, self.faults.denies)
        elif request.service == "sts" and request.key == self._key:
            found = caller(request)
        if found is not None:
            return 200, {"Content-Type": "text/xml"}, found
        if request.service == "sagemaker":
            if request.path.startswith("/endpoints/"):
                return self.invoke(request)
            if request.operation:
                return self._control(request, fault)
        if is_missing(request):
            raise unknown_operation(operation_of(request))
        return self._moto(request)

    def _control(self, request: Request, fault: Fault | None) -> Answer:
        try:
            document = json.loads(request.body or b"{}")
        except ValueError as error:
            raise ServiceError("SerializationException", str(error)) from error
        if not isinstance(document, dict):
            raise ServiceError("SerializationException", "The request is no structure.")
        document.pop(OUTCOME, None)
        if fault is not None and fault.outcome is not None:
            document[OUTCOME] = fault.outcome
        answer = self.control(request.region, request.operation, document)
        if answer is not None:
            return 200, {"Content-Type": JSON}, json.dumps(answer).encode()
        status, headers, body = self._moto(request)
        if status == 200:
            found = self.control.completed(request.operation, body)
            body = json.dumps(found).encode()
        return status, headers, body

    def _moto(self, request: Request) -> Answer:
        try:
            status, headers, body = self.cloud.pass_on(
                request.service,
                request.region,
                request.method,
                request.target,
                request.headers,
                body=request.body,
            )
        except NotImplementedError:
            name = f"{operation_of(request)} of {request.service or 'no service'}"
            raise unknown_operation(name) from None
        changed = status < 300 and not operation_of(request).startswith(READING)
        if changed and request.service in KEPT:
            self.kept.append(_call(request))
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


def _call(request: Request) -> dict[str, Any]:
    """A call as it can be made again, without its signature."""
    wanted = ("Content-Type", "X-Amz-Target")
    return {
        "service": request.service,
        "region": request.region,
        "method": request.method,
        "target": request.target,
        "headers": {
            name: request.headers[name] for name in wanted if name in request.headers
        },
        "body": request.body.decode("utf-8", "replace"),
    }


def _phrase(status: int) -> str:
    """A status in words; the service has some of its own."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
