"""Which operation a request asks for, by its name in boto3."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from sklearn_sagemaker.testing.requests import Request
from sklearn_sagemaker.testing.shapes import service_model

_OF_PATHS = {
    "invocations": "InvokeEndpoint",
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}
SERVICES = (
    "sagemaker", "s3", "sagemaker-runtime", "logs", "cloudwatch", "sts", "iam", "ecr",
)  # fmt: skip
"""In whose operations names are looked for."""
MOTO_HAS = {
    "accelerate", "acl", "attributes", "cors", "delete", "encryption", "inventory",
    "legal-hold", "lifecycle", "list-type", "location", "logging", "notification",
    "object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock",
    "replication", "restore", "retention", "select", "tagging", "uploads",
    "versioning", "versions", "website",
}  # fmt: skip
"""Parts of buckets and objects that moto knows; it lists the bucket for others."""


class _OfS3(NamedTuple):
    """How S3's requests for an operation look."""

    name: str
    method: str
    depth: int
    query: frozenset[str]
    headers: frozenset[str]


@cache
def _s3() -> list[_OfS3]:
    """S3's operations, those with the most marks first."""
    model = service_model("s3")
    found = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        parts = urlsplit(operation.http["requestUri"])
        query = set(parse_qs(parts.query, keep_blank_values=True))
        headers = set()
        shape = operation.input_shape
        for member in shape.required_members if shape is not None else ():
            place = shape.members[member].serialization
            if place.get("location") == "querystring":
                query.add(place["name"])
            elif place.get("location") == "header":
                headers.add(place["name"].lower())
        depth = "{Bucket}" in parts.path, "{Key+}" in parts.path
        marks = frozenset(query), frozenset(headers)
        found.append(_OfS3(name, operation.http["method"], sum(depth), *marks))
    return sorted(found, key=lambda item: -len(item.query) - len(item.headers))


def operation_of(request: Request) -> str:
    """The name of what a request asks for; its method where there is none."""
    if request.operation:
        return request.operation
    if request.service == "s3":
        found = _of_s3(request)
        return request.method if found is None else found.name
    if request.service == "sagemaker":
        return _OF_PATHS.get(request.path.rpartition("/")[2], request.method)
    return request.form.get("Action", request.method)


def is_known(name: str) -> bool:
    """Whether an operation of `SERVICES` has a name."""
    return any(name in service_model(service).operation_names for service in SERVICES)


def is_missing(request: Request) -> bool:
    """Whether S3 has an operation that moto takes for another one."""
    found = _of_s3(request) if request.service == "s3" else None
    return found is not None and not found.query <= MOTO_HAS | _VARIABLE


_VARIABLE = {"partNumber", "uploadId", "id"}


def _of_s3(request: Request) -> _OfS3 | None:
    parts = urlsplit(request.target)
    query = set(parse_qs(parts.query, keep_blank_values=True))
    headers = {name.lower() for name in request.headers}
    bucket, _, key = parts.path.lstrip("/").partition("/")
    depth = bool(bucket) + bool(key)
    for item in _s3():
        if (item.method, item.depth) == (request.method, depth) and (
            item.query <= query and item.headers <= headers
        ):
            return item
    return None
