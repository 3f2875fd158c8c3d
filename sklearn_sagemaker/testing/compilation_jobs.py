"""Compilation jobs, which compile nothing: the artifact is copied."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable
from pathlib import PurePosixPath

from sklearn_sagemaker.testing.account import NUMBER, Account, now
from sklearn_sagemaker.testing.control import Operation, tag
from sklearn_sagemaker.testing.delivery import place, said_by_s3
from sklearn_sagemaker.testing.errors import invalid
from sklearn_sagemaker.testing.logs import write_events
from sklearn_sagemaker.testing.outcomes import LOST, OUTCOME
from sklearn_sagemaker.testing.records import Record, Records
from sklearn_sagemaker.testing.runs import Run

GROUP = "/aws/sagemaker/CompilationJobs"
ENDED = ("COMPLETED", "FAILED", "STOPPED")
SAID = "The emulator compiles nothing: the artifact is copied as it is."
DEVICE = "TargetDevice"


class CompilationJobs:
    """The compilation jobs of an account.

    Parameters
    ----------
    account : Account
    """

    def __init__(self, account: Account):
        self._account = account

        def missing(region: str, name: str) -> str:
            arn = account.arn(region, "compilation-job", name)
            return f'Could not find compilation job "{arn}".'

        self.records = Records("CompilationJob", missing)
        self._runs: dict[str, _CompilationRun] = {}

    def operations(self) -> dict[str, Operation]:
        """What clients can ask for, by the service's names."""
        return {
            "CreateCompilationJob": self.create,
            "DescribeCompilationJob": lambda region, request: self.records.get(
                region, request["CompilationJobName"]
            ),
            "ListCompilationJobs": self.list,
            "StopCompilationJob": self.stop,
            "DeleteCompilationJob": self.delete,
        }

    def create(self, region: str, request: Record) -> Record:
        """Take a job, and start it."""
        if not request.get("InputConfig"):
            raise invalid("The emulator compiles what InputConfig says; it is needed.")
        output = request["OutputConfig"]
        if (DEVICE in output) == ("TargetPlatform" in output):
            raise invalid(
                "OutputConfig needs either a TargetDevice or a TargetPlatform."
            )
        name = request["CompilationJobName"]
        arn = self._account.arn(region, "compilation-job", name)
        record = copy.deepcopy(request)
        when = now()
        record.update(
            CompilationJobArn=arn,
            CompilationJobStatus="STARTING",
            CreationTime=when,
            LastModifiedTime=when,
            FailureReason="",
            ModelArtifacts={"S3ModelArtifacts": _target(record)},
            CompilationTargetDevice=output.get(DEVICE),
        )
        self.records.add(region, record)
        tag(self._account, arn, request)
        run = self._runs[arn] = _CompilationRun(self._account, region, record)
        run.start()
        return {"CompilationJobArn": arn}

    def list(self, region: str, request: Record) -> Record:
        """List jobs."""
        return self.records.page(region, request, "CompilationJobSummaries")

    def stop(self, region: str, request: Record) -> Record:
        """Ask a job to stop."""
        record = self.records.get(region, request["CompilationJobName"])
        if record["CompilationJobStatus"] not in ENDED:
            record["CompilationJobStatus"] = "STOPPING"
            self._runs[record["CompilationJobArn"]].stop()
        return {}

    def delete(self, region: str, request: Record) -> Record:
        """Forget a job that has ended."""
        record = self.records.get(region, request["CompilationJobName"])
        if record["CompilationJobStatus"] not in ENDED:
            raise invalid(
                "The request was rejected because the compilation job is in status "
                f"{record['CompilationJobStatus']}."
            )
        self.records.remove(region, request["CompilationJobName"])
        self._runs.pop(record["CompilationJobArn"], None)
        self._account.tags.pop(record["CompilationJobArn"], None)
        return {}

    def load(self, items: Iterable[tuple[str, str, Record]]) -> None:
        """Bring back jobs of an emulator that has ended, and with it those that ran."""
        self.records.load(items)
        for _, _, record in items:
            if record["CompilationJobStatus"] not in ENDED:
                record.update(CompilationJobStatus="FAILED", FailureReason=LOST)

    def close(self) -> None:
        """End the jobs that run."""
        for run in list(self._runs.values()):
            run.close()


class _CompilationRun(Run):
    """A job that runs; see `Run`."""

    def _execute(self) -> None:
        record = self._record
        self._account.wait("Starting", self._asked)
        with self._account.lock:
            if record["CompilationJobStatus"] == "STARTING":
                record["CompilationJobStatus"] = "INPROGRESS"
            record["CompilationStartTime"] = now()
        outcome = record.get(OUTCOME)
        if outcome is not None:
            outcome.strike(self._asked)
            return
        if self._asked.is_set():
            return
        logs = self._account.cloud.client("logs", self._region)
        event = {"timestamp": int(time.time() * 1000), "message": SAID}
        write_events(logs, GROUP, record["CompilationJobName"], [event])
        s3 = self._account.cloud.client("s3", self._region)
        uri = record["InputConfig"]["S3Uri"]
        source = dict(zip(("Bucket", "Key"), place(uri), strict=True))
        target = place(record["ModelArtifacts"]["S3ModelArtifacts"])
        with said_by_s3(uri, "Model download"):
            s3.copy_object(CopySource=source, Bucket=target[0], Key=target[1])

    def _end(self, reason: str | None) -> None:
        record, when = self._record, now()
        status = "COMPLETED"
        if reason is not None:
            status = "FAILED"
        elif self._asked.is_set():
            status = "STOPPED"
        record.update(CompilationJobStatus=status, LastModifiedTime=when)
        record["CompilationEndTime"] = when
        if status == "COMPLETED" and record["CompilationTargetDevice"]:
            # One that runs here: its server reads the artifact of either algorithm.
            registry = f"{NUMBER}.dkr.ecr.{self._region}.amazonaws.com"
            record["InferenceImage"] = f"{registry}/sklearn-sagemaker:1"


def _target(record: Record) -> str:
    """Where the service writes what it has compiled."""
    output = record["OutputConfig"]
    name = PurePosixPath(record["InputConfig"]["S3Uri"]).name
    stem = name.removesuffix(".gz").removesuffix(".tar")
    platform = output.get("TargetPlatform", {})
    device = output.get(DEVICE) or "_".join(platform.values())
    folder = output["S3OutputLocation"].rstrip("/")
    if not name:
        raise invalid("InputConfig.S3Uri must be the address of a model.tar.gz.")
    return f"{folder}/{stem}-{device}.tar.gz"
