"""Requests and answers by the shapes of botocore's model of the service."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.testing.errors import invalid

_ENDPOINTS = ("min", "max")


@cache
def service_model(service: str = "sagemaker") -> Any:
    """The operations of a service, and the shapes of their requests and answers."""
    # Without a session, which would read the user's configuration.
    loaders = import_optional("botocore.loaders", "testing", "the emulator")
    from botocore.model import ServiceModel

    document = loaders.Loader().load_service_model(service, "service-2")
    return ServiceModel(document, service)


def check_request(shape: Any, request: dict[str, Any]) -> None:
    """Refuse a request that its shape does not allow, in the service's words.

    Parameters
    ----------
    shape : botocore.model.Shape
    request : dict

    Raises
    ------
    ServiceError
    """
    found = list(_violations(shape, request, ""))
    if found:
        noun = "error" if len(found) == 1 else "errors"
        raise invalid(f"{len(found)} validation {noun} detected: {'; '.join(found)}")


def _violations(shape: Any, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        if not isinstance(value, dict):
            yield _said(value, path, "Member must be a structure")
            return
        for name in shape.required_members:
            if value.get(name) is None:
                at = _join(path, name)
                yield (
                    f"Value null at '{at}' failed to satisfy constraint: Member must "
                    "not be null"
                )
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _violations(member, value[name], _join(path, name))
        return
    yield from (_said(value, path, rule) for rule in _broken(shape, value))
    if shape.type_name == "list" and isinstance(value, list):
        for number, item in enumerate(value, 1):
            yield from _violations(shape.member, item, f"{path}.{number}.member")
    if shape.type_name == "map" and isinstance(value, dict):
        for key, item in value.items():
            yield from _violations(shape.key, key, f"{path}.key")
            yield from _violations(shape.value, item, f"{path}.{key}.member")


def _broken(shape: Any, value: Any) -> Iterator[str]:
    """Rules that one value breaks."""
    kinds: dict[str, Any] = {
        "string": str,
        "list": list,
        "map": dict,
        "boolean": bool,
        "integer": int,
        "long": int,
        "float": (int, float),
        "double": (int, float),
    }
    kind = shape.type_name
    if kind in kinds and not isinstance(value, kinds[kind]):
        yield f"Member must be of type {kind}"
        return
    low, high = (shape.metadata.get(end) for end in _ENDPOINTS)
    if kind in ("string", "list", "map"):
        size, what = len(value), "length"
    elif kind in ("integer", "long", "float", "double"):
        size, what = value, "value"
    else:
        return
    if low is not None and size < low:
        yield f"Member must have {what} greater than or equal to {low}"
    if high is not None and size > high:
        yield f"Member must have {what} less than or equal to {high}"
    choices = shape.metadata.get("enum")
    if choices and value not in choices:
        yield f"Member must satisfy enum value set: [{', '.join(choices)}]"
    pattern = _compiled(shape.metadata.get("pattern"))
    if pattern is not None and not pattern.fullmatch(value):
        yield f"Member must satisfy regular expression pattern: {pattern.pattern}"


@cache
def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    """None for the few patterns that only Java's engine takes."""
    try:
        return None if pattern is None else re.compile(pattern, re.DOTALL)
    except re.error:
        return None


def _said(value: Any, path: str, rule: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {rule}"


def _join(path: str, name: str) -> str:
    name = name[0].lower() + name[1:]
    return f"{path}.{name}" if path else name


def answer(shape: Any, value: Any, *, lists: bool = True) -> Any:
    """What a shape has of a value, as JSON takes it.

    Members that the shape does not know are left out, and so are empty structures,
    which clients of the SDK v3 refuse.

    Parameters
    ----------
    shape : botocore.model.Shape
    value : dict, list or plain value
    lists : bool, default=True
        Whether lists that need not be there may be empty.

    Returns
    -------
    document : object
    """
    kind = shape.type_name
    if kind == "structure":
        found = {
            name: answer(member, value[name], lists=lists)
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
        empty = {"structure"} if lists else {"structure", "list"}
        return {
            name: item
            for name, item in found.items()
            if name in shape.required_members
            or item
            or shape.members[name].type_name not in empty
        }
    if kind == "list":
        return [answer(shape.member, item, lists=lists) for item in value]
    if kind == "map":
        return {
            key: answer(shape.value, item, lists=lists) for key, item in value.items()
        }
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    return value
