"""All that the emulator itself has of SageMaker."""

from __future__ import annotations

import collections
import copy
import time
from typing import Any

from sklearn_sagemaker.testing.account import Account
from sklearn_sagemaker.testing.cloud import Cloud
from sklearn_sagemaker.testing.compilation_jobs import CompilationJobs
from sklearn_sagemaker.testing.control import Operation
from sklearn_sagemaker.testing.deployment import SERVED
from sklearn_sagemaker.testing.endpoints import Endpoints
from sklearn_sagemaker.testing.invocation import Invocation
from sklearn_sagemaker.testing.logs import read_events
from sklearn_sagemaker.testing.metrics import Metrics
from sklearn_sagemaker.testing.models import Models
from sklearn_sagemaker.testing.outcomes import OUTCOME
from sklearn_sagemaker.testing.packages import Packages
from sklearn_sagemaker.testing.pipelines import Pipelines
from sklearn_sagemaker.testing.quotas import USES, Quotas, instances
from sklearn_sagemaker.testing.records import MOVING, Record, Records
from sklearn_sagemaker.testing.searching import Search
from sklearn_sagemaker.testing.training_jobs import TrainingJobs
from sklearn_sagemaker.testing.training_run import GROUP
from sklearn_sagemaker.testing.transform_jobs import TransformJobs
from sklearn_sagemaker.testing.tuning_jobs import TuningJobs

SEARCHED = (
    "TrainingJob", "HyperParameterTuningJob", "Endpoint", "ModelPackage",
    "ModelPackageGroup",
)  # fmt: skip
_USING = (*MOVING, "InService")


class Resources:
    """Jobs, models and endpoints.

    Parameters
    ----------
    account : Account
    quotas : Quotas
    """

    def __init__(self, account: Account, quotas: Quotas):
        self._account, self._quotas = account, quotas
        self._training = TrainingJobs(account)
        self._packages = Packages(account)
        self._models = Models(account, self._packages)
        self._endpoints = Endpoints(account, self._models)
        self._transforms = TransformJobs(account, self._models)
        self._compilations = CompilationJobs(account)
        self._tuning = TuningJobs(account, self._training, self._limit_training)
        self._pipelines = Pipelines(account, self.operations)
        self.invoke = Invocation(account, self._endpoints)
        kinds = self._kinds()
        self._search = Search(account, {name: kinds[name] for name in SEARCHED})

    def operations(self) -> dict[str, Operation]:
        """What clients can ask for, by the service's names."""
        found: dict[str, Operation] = {
            **self._training.operations(),
            **self._packages.operations(),
            **self._models.operations(),
            **self._endpoints.operations(),
            **self._transforms.operations(),
            **self._tuning.operations(),
            **self._compilations.operations(),
            **self._pipelines.operations(),
            "Search": self._search,
        }
        for name in USES:
            kind = "".join(part.capitalize() for part in name.split())
            found[f"Create{kind}"] = self._limited(name, kind, found[f"Create{kind}"])
        return found

    def _limited(self, use: str, kind: str, create: Operation) -> Operation:
        """An operation that keeps to the quotas."""

        def limited(region: str, request: Record) -> Record:
            asked = request
            if "EndpointConfigName" in request:
                name = request["EndpointConfigName"]
                asked = self._models.configs.get(region, name)
            self._limit(use, kind, region, instances(asked))
            return create(region, request)

        return limited

    def _limit(
        self, use: str, kind: str, region: str, asked: collections.Counter[str]
    ) -> None:
        """Refuse more instances than the quotas allow."""
        used = collections.Counter[str]()
        for record in self._kinds()[kind].all(region):
            if record[f"{kind}Status"] in _USING:
                used += instances(record.get(SERVED, [record])[0])
        self._quotas.check(use, asked, used)

    def _limit_training(self, region: str, asked: collections.Counter[str]) -> None:
        self._limit("training job", "TrainingJob", region, asked)

    def _kinds(self) -> dict[str, Records]:
        """All records, in the order in which they need each other."""
        return {
            "ModelPackageGroup": self._packages.groups,
            "ModelPackage": self._packages.packages,
            "Model": self._models.models,
            "EndpointConfig": self._models.configs,
            "TrainingJob": self._training.records,
            "HyperParameterTuningJob": self._tuning.records,
            "TransformJob": self._transforms.records,
            "Endpoint": self._endpoints.records,
            "CompilationJob": self._compilations.records,
            "Pipeline": self._pipelines.records,
            "PipelineExecution": self._pipelines.executions,
        }

    def dump(self) -> Record:
        """All that is kept here."""
        with self._account.lock:
            found: Record = {kind: part.dump() for kind, part in self._kinds().items()}
            found["tags"] = copy.deepcopy(self._account.tags)
        for item in found.values():
            if isinstance(item, list):
                for _, _, record in item:
                    record.pop(OUTCOME, None)
        return found

    def load(self, found: Record) -> None:
        """Bring back what `dump` has given."""
        self._account.tags.update(found.get("tags", {}))
        own = {
            "TrainingJob": self._training.load,
            "HyperParameterTuningJob": self._tuning.load,
            "TransformJob": self._transforms.load,
            "Endpoint": self._endpoints.load,
            "CompilationJob": self._compilations.load,
            "PipelineExecution": self._pipelines.load,
        }
        with self._account.lock:
            for kind, part in self._kinds().items():
                own.get(kind, part.load)(found.get(kind, []))
            jobs = self._training.records.dump()
        for region, _, record in jobs:
            _measure_again(self._account.cloud, region, record)

    def statuses(self) -> tuple[Any, ...]:
        """Something else when a job or an endpoint has gone on, or goes on."""
        with self._account.lock:
            found = [
                (kind, *item)
                for kind, part in self._kinds().items()
                for item in part.statuses()
            ]
        runs = any(status in MOVING for _, _, status in found)
        return *found, self._account.written, time.monotonic() if runs else None

    def close(self) -> None:
        """End all of it."""
        self._pipelines.close()
        self._compilations.close()
        self._tuning.close()
        self._training.close()
        self._transforms.close()
        self._endpoints.close()


def _measure_again(cloud: Cloud, region: str, record: Record) -> None:
    """Give CloudWatch the metrics that are in the logs of a job."""
    definitions = record["AlgorithmSpecification"].get("MetricDefinitions", [])
    name = record["TrainingJobName"]
    logs, watch = cloud.client("logs", region), cloud.client("cloudwatch", region)
    try:
        streams = logs.describe_log_streams(
            logGroupName=GROUP, logStreamNamePrefix=f"{name}/"
        )["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return
    dimensions = [{"Name": "TrainingJobName", "Value": name}]
    for stream in streams if definitions else ():
        metrics = Metrics(definitions)
        for event in read_events(logs, GROUP, stream["logStreamName"]):
            points = metrics.read(event["message"], event["timestamp"] / 1000)
            if points:
                data = [{**point, "Dimensions": dimensions} for point in points]
                watch.put_metric_data(Namespace=GROUP, MetricData=data)
