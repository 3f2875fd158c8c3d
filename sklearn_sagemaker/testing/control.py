"""SageMaker's operations: a table of those that the emulator has itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from sklearn_sagemaker.testing.account import Account
from sklearn_sagemaker.testing.errors import invalid, unknown_operation
from sklearn_sagemaker.testing.shapes import answer, check_request, service_model

Operation = Callable[[str, dict[str, Any]], dict[str, Any]]
"""``operation(region, request)``: the answer, which may hold more than its shape."""
REFUSED = re.compile(
    "AutoML|Cluster|CompilationJob|Execution|FeatureGroup|HyperParameterTuningJob|"
    "JobDefinition|ModelCard|ProcessingJob"
)
"""In the names of operations of moto's that are refused: it says that something runs
which does not, or (of cards) leaves out members that are required."""

MOTO_TAGS = {
    "domain", "experiment", "experiment-trial", "experiment-trial-component",
    "notebook-instance",
}  # fmt: skip
"""Kinds of resources whose tags moto keeps."""


class Control:
    """All operations.

    Parameters
    ----------
    account : Account
    operations : mapping of str to callable
    """

    def __init__(self, account: Account, operations: Mapping[str, Operation]):
        self.account = account
        self.operations = {**operations, **_tags(account)}
        self.model = service_model()

    def __call__(
        self, region: str, name: str, request: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Answer a request; None leaves it to moto.

        Raises
        ------
        ServiceError
        """
        if name not in self.model.operation_names:
            raise unknown_operation(name)
        model = self.model.operation_model(name)
        if model.input_shape is not None:
            check_request(model.input_shape, request)
        found = None
        if name in self.operations:
            with self.account.lock:
                found = self.operations[name](region, request)
                if found is not None:
                    return self._pruned(name, found)
        if not _moto_has(name):
            raise unknown_operation(name)
        return None

    def completed(self, name: str, body: bytes) -> dict[str, Any]:
        """What moto answers, as its shape has it."""
        return self._pruned(name, json.loads(body or b"{}"))

    def _pruned(self, name: str, found: dict[str, Any]) -> dict[str, Any]:
        shape = self.model.operation_model(name).output_shape
        if shape is None:
            return {}
        return answer(shape, found, lists=name.startswith(("List", "Search")))


def _moto_has(name: str) -> bool:
    from moto.sagemaker.responses import SageMakerResponse

    return not REFUSED.search(name) and hasattr(
        SageMakerResponse, re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    )


def _tags(account: Account) -> dict[str, Operation]:
    """Tags of what is kept here; those of other resources are moto's."""

    def known(request: dict[str, Any]) -> dict[str, str] | None:
        arn = request["ResourceArn"]
        kind = arn.split(":", 5)[5].partition("/")[0]
        if arn not in account.tags and kind not in MOTO_TAGS:
            raise invalid(f'Could not find the resource "{arn}".')
        return account.tags.get(arn)

    def add(region: str, request: dict[str, Any]) -> Any:
        tags = known(request)
        if tags is None:
            return None
        tags.update(_as_map(request["Tags"]))
        return {"Tags": as_list(tags)}

    def show(region: str, request: dict[str, Any]) -> Any:
        tags = known(request)
        return None if tags is None else {"Tags": as_list(tags)}

    def remove(region: str, request: dict[str, Any]) -> Any:
        tags = known(request)
        if tags is None:
            return None
        for key in request["TagKeys"]:
            tags.pop(key, None)
        return {}

    return {"AddTags": add, "ListTags": show, "DeleteTags": remove}


def tag(account: Account, arn: str, request: dict[str, Any]) -> None:
    """Keep the tags that a new resource was given."""
    account.tags[arn] = _as_map(request.get("Tags", []))


def _as_map(tags: list[dict[str, str]]) -> dict[str, str]:
    return {item["Key"]: item["Value"] for item in tags}


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as the service writes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
