"""Operations on training jobs."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from sklearn_sagemaker.testing.account import Account, now
from sklearn_sagemaker.testing.checkpoints import local_path
from sklearn_sagemaker.testing.control import Operation, tag
from sklearn_sagemaker.testing.errors import invalid
from sklearn_sagemaker.testing.images import OUR_PROGRAM, OURS, is_ours
from sklearn_sagemaker.testing.metrics import BUILT_IN, compiled
from sklearn_sagemaker.testing.outcomes import LOST, OUTCOME
from sklearn_sagemaker.testing.records import Record, Records
from sklearn_sagemaker.testing.training_run import TrainingRun, move
from sklearn_sagemaker.testing.warm_pools import (
    WarmPools,
    check_keep_alive,
    end_pool,
    is_kept,
)

ENDED = ("Completed", "Failed", "Stopped")
MOST_HOSTS = 100


class TrainingJobs:
    """The training jobs of an account.

    Parameters
    ----------
    account : Account
    """

    def __init__(self, account: Account):
        self._account = account
        self._pools = WarmPools(account.lock)
        missing = "Requested resource not found."
        self.records = Records(
            "TrainingJob", lambda region, name: missing, order="Ascending"
        )
        self._runs: dict[str, TrainingRun] = {}

    def operations(self) -> dict[str, Operation]:
        """What clients can ask for, by the service's names."""
        return {
            "CreateTrainingJob": self.create,
            "DescribeTrainingJob": self.describe,
            "ListTrainingJobs": self.list,
            "StopTrainingJob": self.stop,
            "DeleteTrainingJob": self.delete,
            "UpdateTrainingJob": self.update,
        }

    def create(self, region: str, request: Record) -> Record:
        """Take a job, and start it."""
        record = copy.deepcopy(request)
        self.check(record)
        arn = self._account.arn(region, "training-job", record["TrainingJobName"])
        time = now()
        record.update(
            TrainingJobArn=arn,
            TrainingJobStatus="InProgress",
            CreationTime=time,
            LastModifiedTime=time,
            SecondaryStatusTransitions=[],
            EnableNetworkIsolation=record.get("EnableNetworkIsolation", False),
            EnableInterContainerTrafficEncryption=record.get(
                "EnableInterContainerTrafficEncryption", False
            ),
            EnableManagedSpotTraining=record.get("EnableManagedSpotTraining", False),
        )
        # SDK v2's attach() needs the member.
        record["OutputDataConfig"].setdefault("KmsKeyId", "")
        output = record["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        key = f"{output}/{record['TrainingJobName']}/output/model.tar.gz"
        record["ModelArtifacts"] = {"S3ModelArtifacts": key}
        record["StoppingCondition"].setdefault("MaxRuntimeInSeconds", 86400)
        algorithm = record["AlgorithmSpecification"]
        if is_ours(algorithm["TrainingImage"]):
            algorithm.setdefault("MetricDefinitions", BUILT_IN)
        move(record, "Starting")
        self.records.add(region, record)
        tag(self._account, arn, request)
        warm = self._pools.take(region, record)
        run = TrainingRun(
            self._account, region, record, warm=warm, ended=self._pools.keep
        )
        run.start()
        self._runs[arn] = run
        return {"TrainingJobArn": arn}

    def check(self, record: Record) -> None:
        """Refuse the request for a job that cannot run.

        Raises
        ------
        ServiceError
        """
        algorithm = record["AlgorithmSpecification"]
        if not algorithm.get("TrainingImage"):
            raise invalid(
                "AlgorithmSpecification needs a TrainingImage; the emulator has no "
                "algorithms by name."
            )
        for name in ("OutputDataConfig", "ResourceConfig", "StoppingCondition"):
            if not record.get(name):
                raise invalid(f"{name} is needed.")
        self._check_hosts(record)
        if "CheckpointConfig" in record:
            local_path(record["CheckpointConfig"])
        for definition in algorithm.get("MetricDefinitions", ()):
            compiled(definition)
        stopping = record["StoppingCondition"]
        if record.get("EnableManagedSpotTraining"):
            longest = stopping.get("MaxWaitTimeInSeconds", 0)
            if longest < stopping.get("MaxRuntimeInSeconds", 86400):
                raise invalid(
                    "Invalid MaxWaitTimeInSeconds. It must be present and be greater "
                    "than or equal to MaxRuntimeInSeconds"
                )
        elif (outcome := record.get(OUTCOME)) is not None and outcome.interruptions:
            raise invalid(
                "A fault interrupts the instances of spot jobs only; set "
                "EnableManagedSpotTraining."
            )
        check_keep_alive(record)
        channels = record.get("InputDataConfig", ())
        names = [channel["ChannelName"] for channel in channels]
        if len(set(names)) < len(names) or {".", ".."} & set(names):
            raise invalid(f"The names of channels must be unique: {', '.join(names)}.")
        for channel in channels:
            if "S3DataSource" not in channel["DataSource"]:
                raise invalid("The emulator reads the data of channels from S3 only.")

    def _check_hosts(self, record: Record) -> None:
        resources = record["ResourceConfig"]
        if "InstanceGroups" in resources:
            raise invalid("The emulator has no instance groups; say an InstanceType.")
        count = resources.get("InstanceCount", 1)
        image = record["AlgorithmSpecification"]["TrainingImage"]
        if count < 1:
            raise invalid(f"InstanceCount {count} must be 1 or more.")
        if count > MOST_HOSTS:
            raise invalid(f"The emulator has {MOST_HOSTS} hosts for a job at most.")
        ours = self._account.images.command(image) == OUR_PROGRAM
        if count > 1 and ours and not OURS.fullmatch(image):
            raise invalid(
                "The emulator trains the built-in algorithms on one host; set "
                "InstanceCount to 1."
            )

    def describe(self, region: str, request: Record) -> Record:
        """Say how a job is."""
        record = self.records.get(region, request["TrainingJobName"])
        self._pools.count(record)
        return record

    def update(self, region: str, request: Record) -> Record:
        """Change how long the instances of a job are kept after it."""
        record = self.records.get(region, request["TrainingJobName"])
        for name in request.keys() & {"ProfilerConfig", "ProfilerRuleConfigurations"}:
            raise invalid(f"The emulator has no {name}.")
        if "ResourceConfig" in request:
            seconds = request["ResourceConfig"]["KeepAlivePeriodInSeconds"]
            self._pools.change(
                record, seconds, ended=record["TrainingJobStatus"] in ENDED
            )
        return {"TrainingJobArn": record["TrainingJobArn"]}

    def list(self, region: str, request: Record) -> Record:
        """List jobs."""
        return self.records.page(region, request, "TrainingJobSummaries")

    def stop(self, region: str, request: Record) -> Record:
        """Ask a job to stop."""
        record = self.records.get(region, request["TrainingJobName"])
        status = record["TrainingJobStatus"]
        if status in ENDED:
            raise invalid(
                "The request was rejected because the training job is in status "
                f"{status}."
            )
        if status != "Stopping":
            record["TrainingJobStatus"] = "Stopping"
            move(record, "Stopping")
            self._runs[record["TrainingJobArn"]].stop()
        return {}

    def delete(self, region: str, request: Record) -> Record:
        """Forget a job that has ended; its name is free again."""
        record = self.records.get(region, request["TrainingJobName"])
        if record["TrainingJobStatus"] not in ENDED:
            raise invalid(
                "The request was rejected because the training job is in status "
                f"{record['TrainingJobStatus']}."
            )
        if is_kept(record):
            raise invalid(
                "The request was rejected because the warm pool of the training job is "
                "Available; set KeepAlivePeriodInSeconds to 0 by UpdateTrainingJob."
            )
        self.records.remove(region, request["TrainingJobName"])
        self._runs.pop(record["TrainingJobArn"], None)
        self._account.tags.pop(record["TrainingJobArn"], None)
        return {}

    def load(self, items: Iterable[tuple[str, str, Record]]) -> None:
        """Bring back jobs of an emulator that has ended, and with it those that ran."""
        self.records.load(items)
        for _, _, record in items:
            if record["TrainingJobStatus"] not in ENDED:
                record.update(TrainingJobStatus="Failed", FailureReason=LOST)
                move(record, "Failed")
            end_pool(record)

    def close(self) -> None:
        """End the jobs that run, and the instances that are kept."""
        self._pools.close()
        for run in list(self._runs.values()):
            run.close()
