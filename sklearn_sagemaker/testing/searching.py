"""The operation Search, over what the emulator itself keeps."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from sklearn_sagemaker.testing.account import Account
from sklearn_sagemaker.testing.control import as_list
from sklearn_sagemaker.testing.errors import invalid
from sklearn_sagemaker.testing.records import Record, Records, paged


class Search:
    """Finds records by their members.

    Parameters
    ----------
    account : Account
    kinds : mapping of str to Records
        What can be searched for.
    """

    def __init__(self, account: Account, kinds: Mapping[str, Records]):
        self._account, self._kinds = account, kinds

    def __call__(self, region: str, request: Record) -> Any:
        """Answer a request; None leaves other kinds to moto."""
        kind = request["Resource"]
        if kind not in self._kinds:
            return None
        expression = request.get("SearchExpression", {})
        found = []
        for record in self._kinds[kind].all(region):
            tags = self._account.tags.get(record[f"{kind}Arn"], {})
            document = {**record, "Tags": as_list(tags)}
            if _meets(expression, document, tags):
                found.append(document)
        key = request.get("SortBy", "LastModifiedTime")
        found.sort(key=lambda record: str(_at(record, key) or record["CreationTime"]))
        if request.get("SortOrder", "Descending") == "Descending":
            found.reverse()
        answer = paged([{kind: record} for record in found], request, "Results")
        answer["TotalHits"] = {"Value": len(found), "Relation": "EqualTo"}
        return answer


def _meets(expression: Record, record: Record, tags: Mapping[str, str]) -> bool:
    if expression.get("NestedFilters"):
        raise invalid("The emulator's Search does not have NestedFilters.")
    found = [
        _passes(condition, record, tags) for condition in expression.get("Filters", ())
    ]
    found += [
        _meets(part, record, tags) for part in expression.get("SubExpressions", ())
    ]
    return (any if expression.get("Operator") == "Or" else all)(found or [True])


def _passes(condition: Record, record: Record, tags: Mapping[str, str]) -> bool:
    name, wanted = condition["Name"], condition.get("Value", "")
    value = _at(record, name)
    if name.startswith("Tags."):
        value = tags.get(name.removeprefix("Tags."))
    operator = condition.get("Operator", "Equals")
    if operator in ("Exists", "NotExists"):
        return (value is None) == (operator == "NotExists")
    if operator == "NotEquals":
        return value is None or _as_text(value) != wanted
    if value is None:
        return False
    text = _as_text(value)
    if operator == "Equals":
        return text == wanted
    if operator == "Contains":
        return wanted in text
    if operator == "In":
        return text in [part.strip() for part in wanted.split(",")]
    return _compared(operator, value, wanted)


def _compared(operator: str, value: Any, wanted: str) -> bool:
    try:
        if isinstance(value, datetime.datetime):
            limit: Any = datetime.datetime.fromisoformat(wanted)
            if limit.tzinfo is None:
                limit = limit.replace(tzinfo=datetime.UTC)
        else:
            value, limit = float(value), float(wanted)
    except ValueError:
        raise invalid(f"{wanted!r} cannot be compared with {value!r}.") from None
    if operator.endswith("OrEqualTo") and value == limit:
        return True
    return value > limit if operator.startswith("Greater") else value < limit


def _at(record: Record, name: str) -> Any:
    """A member, by its path."""
    value: Any = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime.datetime) else str(value)
