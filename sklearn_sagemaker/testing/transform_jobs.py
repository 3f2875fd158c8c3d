"""Operations on batch transforms."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from sklearn_sagemaker.testing.account import Account, now
from sklearn_sagemaker.testing.control import Operation, tag
from sklearn_sagemaker.testing.errors import invalid
from sklearn_sagemaker.testing.models import Models
from sklearn_sagemaker.testing.outcomes import LOST
from sklearn_sagemaker.testing.processing import Processing
from sklearn_sagemaker.testing.records import Record, Records
from sklearn_sagemaker.testing.transform_run import TransformRun

ENDED = ("Completed", "Failed", "Stopped")
MOST_MEGABYTES = 100


class TransformJobs:
    """The batch transforms of an account.

    Parameters
    ----------
    account : Account
    models : Models
    """

    def __init__(self, account: Account, models: Models):
        self._account, self._models = account, models

        def missing(region: str, name: str) -> str:
            arn = account.arn(region, "transform-job", name)
            return f'Could not find requested job with arn: "{arn}".'

        self.records = Records("TransformJob", missing)
        self._runs: dict[str, TransformRun] = {}

    def operations(self) -> dict[str, Operation]:
        """What clients can ask for, by the service's names."""
        return {
            "CreateTransformJob": self.create,
            "DescribeTransformJob": lambda region, request: self.records.get(
                region, request["TransformJobName"]
            ),
            "ListTransformJobs": lambda region, request: self.records.page(
                region, request, "TransformJobSummaries"
            ),
            "StopTransformJob": self.stop,
        }

    def create(self, region: str, request: Record) -> Record:
        """Take a job, and start it."""
        model = self._models.models.get(region, request["ModelName"])
        megabytes = request.get("MaxPayloadInMB", 6)
        if megabytes * request.get("MaxConcurrentTransforms", 1) > MOST_MEGABYTES:
            raise invalid(
                "MaxConcurrentTransforms * MaxPayloadInMB must not exceed "
                f"{MOST_MEGABYTES} MB."
            )
        processing = Processing(request)
        arn = self._account.arn(region, "transform-job", request["TransformJobName"])
        time = now()
        record = copy.deepcopy(request)
        record.update(
            TransformJobArn=arn,
            TransformJobStatus="InProgress",
            CreationTime=time,
            LastModifiedTime=time,
        )
        record.setdefault("TransformOutput", {}).setdefault("KmsKeyId", "")
        self.records.add(region, record)
        tag(self._account, arn, request)
        run = TransformRun(
            self._account, region, record, copy.deepcopy(model), processing
        )
        run.start()
        self._runs[arn] = run
        return {"TransformJobArn": arn}

    def stop(self, region: str, request: Record) -> Record:
        """Ask a job to stop."""
        record = self.records.get(region, request["TransformJobName"])
        status = record["TransformJobStatus"]
        if status in ENDED:
            raise invalid(
                "The request was rejected because the transform job is in status "
                f"{status}."
            )
        record["TransformJobStatus"] = "Stopping"
        self._runs[record["TransformJobArn"]].stop()
        return {}

    def load(self, items: Iterable[tuple[str, str, Record]]) -> None:
        """Bring back jobs of an emulator that has ended, and with it those that ran."""
        self.records.load(items)
        for _, _, record in items:
            if record["TransformJobStatus"] not in ENDED:
                record.update(TransformJobStatus="Failed", FailureReason=LOST)

    def close(self) -> None:
        """End the jobs that run."""
        for run in list(self._runs.values()):
            run.close()
