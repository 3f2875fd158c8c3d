"""Resources of one kind: kept by region and name, listed with filters and in pages."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterable
from typing import Any

from sklearn_sagemaker.testing.errors import ServiceError, invalid

Record = dict[str, Any]
MOVING = (
    "Creating", "Executing", "INPROGRESS", "InProgress", "STARTING", "STOPPING",
    "Stopping", "SystemUpdating", "Updating",
)  # fmt: skip
"""Statuses of what goes on, of all kinds."""
PAGE = 10
"""Entries of a page, where the request does not say."""


class Records:
    """The resources of one kind.

    Parameters
    ----------
    prefix : str
        What the members of their documents begin with, such as ``TrainingJob``.
    missing : callable
        ``missing(region, name)``: what the service says of an unknown one.
    taken : str, default="ResourceInUse"
        Code of the refusal of a name that is taken.
    order : {"Descending", "Ascending"}, default="Descending"
        Of lists, where the request does not say; by the service's reference.
    unknown : str, default="ValidationException"
        Code of the refusal of a name that there is not.
    """

    def __init__(
        self,
        prefix: str,
        missing: Callable[[str, str], str],
        taken: str = "ResourceInUse",
        order: str = "Descending",
        unknown: str = "ValidationException",
    ):
        self.prefix, self._missing = prefix, missing
        self._taken, self._order, self._unknown = taken, order, unknown
        self._all: dict[tuple[str, str], Record] = {}

    def add(self, region: str, record: Record) -> None:
        """Keep one, unless its name is taken."""
        name = record[f"{self.prefix}Name"]
        if (region, name) in self._all:
            if self._taken == "ResourceInUse":
                said = f"{self._noun()} names must be unique within an AWS account and"
                said += f" region, and a {self._noun().lower()} with this name already"
                said += f" exists ({record[f'{self.prefix}Arn']})"
            else:
                said = f"Cannot create already existing {self._noun().lower()}"
                said += f' "{record[f"{self.prefix}Arn"]}".'
            raise ServiceError(self._taken, said)
        self._all[region, name] = record

    def get(self, region: str, name: str) -> Record:
        """One of them.

        Raises
        ------
        ServiceError
            If there is none of this name.
        """
        try:
            return self._all[region, name]
        except KeyError:
            said = self._missing(region, name)
            raise ServiceError(self._unknown, said) from None

    def find(self, region: str, name: str) -> Record | None:
        """One of them, if there is one of this name."""
        return self._all.get((region, name))

    def remove(self, region: str, name: str) -> None:
        """Forget one."""
        self.get(region, name)
        del self._all[region, name]

    def all(self, region: str) -> list[Record]:
        """Those of a region, from the first to the last."""
        return [record for (place, _), record in self._all.items() if place == region]

    def statuses(self) -> list[tuple[tuple[str, str], Any]]:
        """Region and name, and the status, of each."""
        status = f"{self.prefix}Status"
        return [(place, record.get(status)) for place, record in self._all.items()]

    def dump(self) -> list[tuple[str, str, Record]]:
        """Region, name and a copy of each."""
        return [
            (region, name, copy.deepcopy(record))
            for (region, name), record in self._all.items()
        ]

    def load(self, items: Iterable[tuple[str, str, Record]]) -> None:
        """Keep what `dump` has given."""
        self._all.update({(region, name): record for region, name, record in items})

    def page(
        self,
        region: str,
        request: Record,
        member: str,
        kept: Callable[[Record], bool] = lambda record: True,
    ) -> Record:
        """The answer of a list operation.

        Parameters
        ----------
        region : str
        request : dict
            With its filters, its order and the token of its page.
        member : str
            Of the answer, that has the entries.
        kept : callable
            Filters of this kind alone.
        """
        found = [
            record
            for record in self.all(region)
            if self._fits(record, request) and kept(record)
        ]
        key = request.get("SortBy", "CreationTime")
        named = {"Name": f"{self.prefix}Name", "Status": f"{self.prefix}Status"}
        found.sort(key=lambda record: record[named.get(key, "CreationTime")])
        if request.get("SortOrder", self._order) == "Descending":
            found.reverse()
        return paged(found, request, member)

    def _fits(self, record: Record, request: Record) -> bool:
        if request.get("NameContains", "") not in record[f"{self.prefix}Name"]:
            return False
        for name, wanted in request.items():
            if not name.endswith("Equals"):
                continue
            name = name.removesuffix("Equals")
            value = record.get(f"{self.prefix}Status" if name == "Status" else name)
            # The status of a warm pool is in a structure.
            if wanted != (value.get("Status") if isinstance(value, dict) else value):
                return False
        for name in ("CreationTime", "LastModifiedTime"):
            when = (record.get(name) or record["CreationTime"]).timestamp()
            if when < request.get(f"{name}After", when):
                return False
            if when > request.get(f"{name}Before", when):
                return False
        return True

    def _noun(self) -> str:
        text = "".join(f" {c.lower()}" if c.isupper() else c for c in self.prefix)
        return text.strip().capitalize()


def paged(found: list[Record], request: Record, member: str) -> Record:
    """The page of a list that a request asks for."""
    start = _place(request.get("NextToken"))
    end = start + request.get("MaxResults", PAGE)
    answer: Record = {member: found[start:end]}
    if end < len(found):
        answer["NextToken"] = base64.b64encode(str(end).encode()).decode()
    return answer


def _place(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.b64decode(token, validate=True))
    except ValueError:
        raise invalid("The NextToken is not one of this operation's.") from None
