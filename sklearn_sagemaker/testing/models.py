"""Operations on models and on configurations of endpoints."""

from __future__ import annotations

import copy

from sklearn_sagemaker.testing.account import Account, now
from sklearn_sagemaker.testing.control import Operation, tag
from sklearn_sagemaker.testing.endpoint_rules import check_config
from sklearn_sagemaker.testing.errors import invalid
from sklearn_sagemaker.testing.model_server import PACKAGED, container_of
from sklearn_sagemaker.testing.packages import Packages
from sklearn_sagemaker.testing.records import Record, Records


class Models:
    """The models of an account, and what endpoints are made by.

    Parameters
    ----------
    account : Account
    packages : Packages
    """

    def __init__(self, account: Account, packages: Packages):
        self._account, self._packages = account, packages
        code = "ValidationException"

        def missing_model(region: str, name: str) -> str:
            return f'Could not find model "{account.arn(region, "model", name)}".'

        def missing_config(region: str, name: str) -> str:
            arn = account.arn(region, "endpoint-config", name)
            return f'Could not find endpoint configuration "{arn}".'

        self.models = Records("Model", missing_model, code)
        self.configs = Records("EndpointConfig", missing_config, code)

    def operations(self) -> dict[str, Operation]:
        """What clients can ask for, by the service's names."""
        return {
            "CreateModel": self.create_model,
            "DescribeModel": lambda region, request: self.models.get(
                region, request["ModelName"]
            ),
            "ListModels": lambda region, request: self.models.page(
                region, request, "Models"
            ),
            "DeleteModel": lambda region, request: self._remove(
                self.models, region, request["ModelName"]
            ),
            "CreateEndpointConfig": self.create_config,
            "DescribeEndpointConfig": lambda region, request: self.configs.get(
                region, request["EndpointConfigName"]
            ),
            "ListEndpointConfigs": lambda region, request: self.configs.page(
                region, request, "EndpointConfigs"
            ),
            "DeleteEndpointConfig": lambda region, request: self._remove(
                self.configs, region, request["EndpointConfigName"]
            ),
        }

    def create_model(self, region: str, request: Record) -> Record:
        """Take a model, whose data must be there."""
        containers = request.get("Containers", [])
        if len(containers) + ("PrimaryContainer" in request) != 1:
            raise invalid("The emulator serves models of one container.")
        record = copy.deepcopy(request)
        container = container_of(record)
        if "ModelPackageName" in container:
            container = self._packages.container(region, container["ModelPackageName"])
            record[PACKAGED] = copy.deepcopy(container)
        if "Image" not in container:
            raise invalid("The container of a model needs an Image here.")
        uri = container.get("ModelDataUrl")
        if uri is not None:
            self._check_data(region, uri)
        record.setdefault("EnableNetworkIsolation", False)
        return self._add(self.models, region, record, "model")

    def _check_data(self, region: str, uri: str) -> None:
        from botocore.exceptions import ClientError, ParamValidationError

        bucket, _, key = uri.removeprefix("s3://").partition("/")
        s3 = self._account.cloud.client("s3", region)
        try:
            s3.head_object(Bucket=bucket, Key=key)
        except (ClientError, ParamValidationError):
            raise invalid(f"Could not find model data at {uri}.") from None

    def create_config(self, region: str, request: Record) -> Record:
        """Take a configuration, whose models must be there."""
        check_config(request)
        for variant in request["ProductionVariants"]:
            model = self.models.get(region, variant["ModelName"])
            if "ServerlessConfig" in variant and model.get("VpcConfig"):
                raise invalid("A serverless endpoint cannot have a model in a VPC.")
        return self._add(self.configs, region, request, "endpoint-config")

    def _add(self, records: Records, region: str, request: Record, kind: str) -> Record:
        prefix = records.prefix
        arn = self._account.arn(region, kind, request[f"{prefix}Name"])
        record = copy.deepcopy(request)
        record.update({f"{prefix}Arn": arn, "CreationTime": now()})
        records.add(region, record)
        tag(self._account, arn, request)
        return {f"{prefix}Arn": arn}

    def _remove(self, records: Records, region: str, name: str) -> Record:
        arn = records.get(region, name)[f"{records.prefix}Arn"]
        records.remove(region, name)
        self._account.tags.pop(arn, None)
        return {}
