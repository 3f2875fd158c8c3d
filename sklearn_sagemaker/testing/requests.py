"""What a signed request of a client says, and errors as its protocol has them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from sklearn_sagemaker.testing.errors import ServiceError

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d+/([^/]+)/([^/]+)/aws4_request")
_IN_QUERY = re.compile(
    r"X-Amz-Credential=([^%&]+)%2F\d+%2F([^%]+)%2F([^%]+)%2Faws4_request"
)
_OF_S3 = re.compile(r"[?&]AWSAccessKeyId=([^&]+)")
"""Links to objects may still have the signature of version 2."""
JSON = "application/x-amz-json-1.1"
FORM = "application/x-www-form-urlencoded"
_IN_XML = ("", "cloudfront", "route53", "s3")
"""Whose errors are XML though their requests are no forms."""


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes
    ----------
    method, target : str
        As the request line has them.
    headers : dict
    body : bytes
    key, region, service : str
        Access key, region and service that it is signed for; empty if it is not.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    key: str
    region: str
    service: str

    @classmethod
    def of(cls, environ: dict[str, Any]) -> Request:
        """Read one as WSGI has it."""
        target = environ.get("RAW_URI") or environ["PATH_INFO"]
        headers = {
            name[5:].replace("_", "-").title(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if environ.get(name):
                headers[name.replace("_", "-").title()] = environ[name]
        stream = environ["wsgi.input"]
        if environ.get("wsgi.input_terminated"):
            body = stream.read()
            headers["Content-Length"] = str(len(body))
            headers.pop("Transfer-Encoding", None)
        else:
            body = stream.read(int(environ.get("CONTENT_LENGTH") or 0))
        signed = _CREDENTIAL.search(headers.get("Authorization", ""))
        signed = signed or _IN_QUERY.search(target)
        key, region, service = signed.groups() if signed else ("", "", "")
        if signed is None and (link := _OF_S3.search(target)):
            key, region, service = link[1], "us-east-1", "s3"
        return cls(
            environ["REQUEST_METHOD"], target, headers, body, key, region, service
        )

    @property
    def path(self) -> str:
        """The path alone."""
        return self.target.partition("?")[0]

    @property
    def operation(self) -> str:
        """Name of an operation of the JSON protocol, or nothing."""
        return self.headers.get("X-Amz-Target", "").rpartition(".")[2]

    @property
    def form(self) -> dict[str, str]:
        """The members of a request of the query protocol."""
        if not self.headers.get("Content-Type", "").startswith(FORM):
            return {}
        found = parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: values[0] for name, values in found.items()}

    def refusal(self, error: ServiceError) -> tuple[int, dict[str, str], bytes]:
        """An error, in the protocol of the service that was asked."""
        text = str(error)
        if self.operation or (self.service not in _IN_XML and not self.form):
            body = json.dumps({"__type": error.code, "message": text}).encode()
            return error.status, {"Content-Type": JSON, **_said(error)}, body
        inside = f"<Code>{error.code}</Code><Message>{escape(text)}</Message>"
        if self.service == "s3":
            said = f"<Error>{inside}</Error>"
        else:
            said = (
                f"<ErrorResponse><Error><Type>Sender</Type>{inside}</Error>"
                "<RequestId>emulator</RequestId></ErrorResponse>"
            )
        return error.status, {"Content-Type": "text/xml"}, said.encode()


def _said(error: ServiceError) -> dict[str, str]:
    return {"X-Amzn-Errortype": error.code}
