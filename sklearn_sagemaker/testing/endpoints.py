"""Operations on endpoints."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from sklearn_sagemaker.testing.account import Account, now
from sklearn_sagemaker.testing.control import Operation, tag
from sklearn_sagemaker.testing.deployment import SERVED, Deployment
from sklearn_sagemaker.testing.endpoint_rules import (
    adjusted,
    check_update,
    keep_properties,
)
from sklearn_sagemaker.testing.errors import invalid
from sklearn_sagemaker.testing.models import Models
from sklearn_sagemaker.testing.outcomes import OUTCOME
from sklearn_sagemaker.testing.records import Record, Records


class Endpoints:
    """The endpoints of an account.

    Parameters
    ----------
    account : Account
    models : Models
    """

    def __init__(self, account: Account, models: Models):
        self._account, self._models = account, models

        def missing(region: str, name: str) -> str:
            return f'Could not find endpoint "{account.arn(region, "endpoint", name)}".'

        self.records = Records("Endpoint", missing, "ValidationException")
        self._running: dict[str, Deployment] = {}
        self._deleted: list[Deployment] = []

    def operations(self) -> dict[str, Operation]:
        """What clients can ask for, by the service's names."""
        return {
            "CreateEndpoint": self.create,
            "DescribeEndpoint": lambda region, request: self.records.get(
                region, request["EndpointName"]
            ),
            "ListEndpoints": lambda region, request: self.records.page(
                region, request, "Endpoints"
            ),
            "UpdateEndpoint": self.update,
            "UpdateEndpointWeightsAndCapacities": self.adjust,
            "DeleteEndpoint": self.delete,
        }

    def create(self, region: str, request: Record) -> Record:
        """Take an endpoint, and start it."""
        config = self._models.configs.get(region, request["EndpointConfigName"])
        name = request["EndpointName"]
        arn = self._account.arn(region, "endpoint", name)
        time = now()
        record = {
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": request["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": time,
            "LastModifiedTime": time,
        }
        models = self._models_of(region, config)
        self.records.add(region, record)
        tag(self._account, arn, request)
        running = self._running[arn] = Deployment(self._account, region, record)
        running.change(config, models, request.get(OUTCOME))
        return {"EndpointArn": arn}

    def update(self, region: str, request: Record) -> Record:
        """Start a new configuration in place of the one that runs."""
        name = request["EndpointConfigName"]
        config = copy.deepcopy(self._models.configs.get(region, name))
        record, running = self._begin(region, request, config)
        if request.get("RetainAllVariantProperties"):
            given = request.get("ExcludeRetainedVariantProperties", ())
            excluded = {item["VariantPropertyType"] for item in given}
            keep_properties(config, record.get("ProductionVariants", []), excluded)
        models = self._models_of(region, config)
        self._updating(record)
        running.change(config, models, request.get(OUTCOME))
        return {"EndpointArn": record["EndpointArn"]}

    def adjust(self, region: str, request: Record) -> Record:
        """Change weights and instances of the variants that run."""
        record, running = self._begin(region, request)
        config, models = copy.deepcopy(record[SERVED])
        desired = request["DesiredWeightsAndCapacities"]
        config = adjusted(config, desired)
        shown = {item["VariantName"]: item for item in record["ProductionVariants"]}
        for item in desired:
            for name in ("DesiredWeight", "DesiredInstanceCount"):
                if name in item:
                    shown[item["VariantName"]][name] = item[name]
        self._updating(record)
        running.change(config, models, request.get(OUTCOME), keep=True)
        return {"EndpointArn": record["EndpointArn"]}

    def _begin(
        self, region: str, request: Record, config: Record | None = None
    ) -> tuple[Record, Deployment]:
        """An endpoint that may be changed."""
        record = self.records.get(region, request["EndpointName"])
        if record["EndpointStatus"] != "InService":
            raise invalid(
                f'Cannot update endpoint "{record["EndpointArn"]}" while it is in '
                f"status {record['EndpointStatus']}."
            )
        if config is not None:
            check_update(record[SERVED][0], config)
        return record, self._running[record["EndpointArn"]]

    def _updating(self, record: Record) -> None:
        record["EndpointStatus"] = "Updating"
        record["LastModifiedTime"] = now()

    def _models_of(self, region: str, config: Record) -> dict[str, Record]:
        """The models of a configuration, by the names of its variants."""
        return {
            variant["VariantName"]: copy.deepcopy(
                self._models.models.get(region, variant["ModelName"])
            )
            for variant in config["ProductionVariants"]
        }

    def running(self, region: str, name: str) -> Deployment:
        """What runs of an endpoint.

        Raises
        ------
        ServiceError
            If there is none of this name.
        """
        return self._running[self.records.get(region, name)["EndpointArn"]]

    def delete(self, region: str, request: Record) -> Record:
        """End an endpoint."""
        record = self.records.get(region, request["EndpointName"])
        arn = record["EndpointArn"]
        running = self._running.pop(arn)
        self.records.remove(region, request["EndpointName"])
        self._account.tags.pop(arn, None)
        # Not here, where the lock is held that its start may wait for.
        running.begin_to_close()
        self._deleted = [part for part in self._deleted if part.closes()]
        self._deleted.append(running)
        return {}

    def load(self, items: Iterable[tuple[str, str, Record]]) -> None:
        """Bring back endpoints of an emulator that has ended, and start them again."""
        self.records.load(items)
        for region, _, record in items:
            running = Deployment(self._account, region, record)
            self._running[record["EndpointArn"]] = running
            if record["EndpointStatus"] != "Failed":
                record["EndpointStatus"] = "SystemUpdating"
                running.change(*record[SERVED])

    def close(self) -> None:
        """End all of them."""
        for running in list(self._running.values()):
            running.close(at_once=True)
        for running in self._deleted:
            running.close(at_once=True)
