"""Definitions of pipelines: parameters, steps, and values that come from them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sklearn_sagemaker.testing.errors import invalid
from sklearn_sagemaker.testing.records import Record

GET, JOIN = "Get", "Std:Join"
_PART = re.compile(r"[^.\[\]]+|\[\d+\]|\['[^']*'\]")
_FALSE = ("false", "0", "no")
CASTS: dict[str, Callable[[str], Any]] = {
    "String": str,
    "Integer": int,
    "Float": float,
    "Boolean": lambda text: text.lower() not in _FALSE,
}
"""Types of parameters; the values of a request are texts."""


def parsed(text: str) -> Record:
    """A definition.

    Raises
    ------
    ServiceError
        If it is none.
    """
    try:
        found = json.loads(text)
        steps = found["Steps"]
        names = [step["Name"] for step in steps]
        for step in steps:
            step["Type"]
    except (ValueError, LookupError, TypeError) as error:
        raise invalid(
            f"Unable to parse pipeline definition: it needs JSON with Steps, each "
            f"with Name and Type ({error!r})."
        ) from None
    if len(set(names)) < len(names):
        raise invalid(f"The names of steps must be unique: {', '.join(names)}.")
    return found


def parameters(definition: Record, given: Mapping[str, str]) -> dict[str, Any]:
    """The values of parameters: those of a request, or defaults.

    Parameters
    ----------
    definition : dict
    given : mapping of str to str

    Raises
    ------
    ServiceError
        If one is unknown, missing, or no such value.
    """
    known = {item["Name"]: item for item in definition.get("Parameters", ())}
    if unknown := given.keys() - known.keys():
        raise invalid(
            f"The pipeline has no parameters {', '.join(sorted(unknown))}; it has "
            f"{', '.join(known) or 'none'}."
        )
    return {name: _value(item, given.get(name)) for name, item in known.items()}


def _value(parameter: Record, text: str | None) -> Any:
    name, kind = parameter["Name"], parameter.get("Type", "String")
    if text is None:
        if "DefaultValue" not in parameter:
            raise invalid(f"The parameter {name} has no default; give it a value.")
        value = parameter["DefaultValue"]
    else:
        try:
            value = CASTS[kind](text)
        except (ValueError, KeyError):
            raise invalid(f"The parameter {name}={text!r} must be {kind}.") from None
    choices = parameter.get("EnumValues")
    if choices and value not in choices:
        raise invalid(f"The parameter {name}={value!r} must be one of {choices}.")
    return value


def needed(step: Record) -> set[str]:
    """The names of the steps that must have ended before one begins."""
    named = {item.partition(".")[0] for item in step.get("DependsOn", ())}
    paths = _references(step.get("Arguments", {}))
    of_steps = (_parts(path) for path in paths if path.startswith("Steps."))
    return named | {parts[1] for parts in of_steps}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if value.keys() == {GET}:
            yield value[GET]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def resolved(value: Any, scope: Mapping[str, Any]) -> Any:
    """A value with what it refers to in its place.

    Parameters
    ----------
    value : object
        Of a step's arguments.
    scope : mapping
        What is below ``Parameters``, ``Execution`` and ``Steps``.

    Raises
    ------
    ServiceError
        If there is no such thing.
    """
    if isinstance(value, list):
        return [resolved(item, scope) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {GET}:
        return _at(scope, value[GET])
    if value.keys() == {JOIN}:
        parts = [resolved(item, scope) for item in value[JOIN]["Values"]]
        return str(value[JOIN]["On"]).join(map(_text, parts))
    for name in value:
        if name.startswith("Std:"):
            raise invalid(f"The emulator's pipelines do not have the function {name}.")
    return {name: resolved(item, scope) for name, item in value.items()}


def _parts(path: str) -> list[str]:
    return [part.strip("[]'") for part in _PART.findall(path)]


def _at(scope: Mapping[str, Any], path: str) -> Any:
    value: Any = scope
    for part in _parts(path):
        try:
            value = value[int(part) if isinstance(value, list) else part]
        except (LookupError, TypeError, ValueError):
            raise invalid(f"There is no {path} in the pipeline.") from None
    return value


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, (bool, dict, list)) else str(value)
