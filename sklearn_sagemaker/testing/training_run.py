"""The execution of one training job: data, process, logs, artifacts, statuses."""

from __future__ import annotations

import contextlib
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sklearn_sagemaker.testing.account import Account, now
from sklearn_sagemaker.testing.delivery import upload
from sklearn_sagemaker.testing.errors import JobError
from sklearn_sagemaker.testing.hosts import names_of, network
from sklearn_sagemaker.testing.images import cannot_run
from sklearn_sagemaker.testing.metrics import OBJECTIVE, Metrics
from sklearn_sagemaker.testing.outcomes import OUTCOME, RUNS
from sklearn_sagemaker.testing.records import Record
from sklearn_sagemaker.testing.runs import Run
from sklearn_sagemaker.testing.spot import Bill, Interruptions
from sklearn_sagemaker.testing.training_host import GROUP, Host

POLL_SECONDS = 0.02
STOP_SECONDS = 120.0
"""From SIGTERM to SIGKILL."""
VALUES = "_values"
"""Of the record of a tuning job's training job: the objective's values so far."""
SYNC_SECONDS = 1.0
"""From one look for new checkpoints to the next."""
MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Interrupted": "Training job interrupted: its spot instances were taken back",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job exceeded MaxWaitTimeInSeconds provided",
}


def move(record: Record, status: str) -> None:
    """Give a job its next secondary status."""
    time = now()
    transitions = record["SecondaryStatusTransitions"]
    if transitions:
        transitions[-1]["EndTime"] = time
    transitions.append(
        {"Status": status, "StartTime": time, "StatusMessage": MESSAGES[status]}
    )
    record["SecondaryStatus"] = status
    record["LastModifiedTime"] = time


class TrainingRun(Run):
    """A training job that runs; see `Run`.

    Parameters
    ----------
    account : Account
    region : str
    record : dict
    warm : bool, default=False
        Whether its instances are there, with an image.
    ended : callable, default=None
        ``ended(region, record)``, called at the end, under the lock of the account.
    """

    def __init__(
        self,
        account: Account,
        region: str,
        record: Record,
        *,
        warm: bool = False,
        ended: Callable[[str, Record], object] = lambda region, record: None,
    ):
        super().__init__(account, region, record)
        self._warm, self._ended = warm, ended
        self._exceeded = False
        self._stopped = "Stopped"
        self._bill = Bill(record)
        self._spot = Interruptions(record)

    def _execute(self) -> None:
        record = self._record
        outcome = record.get(OUTCOME)
        if outcome is not None and outcome.status != RUNS:
            if outcome.status in MESSAGES:
                self._stopped = outcome.status
            outcome.strike(self._asked)
            return
        image = record["AlgorithmSpecification"]["TrainingImage"]
        command = self._account.images.command(image)
        if command is None:
            raise JobError(cannot_run(image))
        while True:
            with tempfile.TemporaryDirectory(
                prefix="job-", dir=self._account.folder, ignore_cleanup_errors=True
            ) as folder:
                if not self._is_taken_back(Path(folder), command):
                    return
            self._bill.pause()
            self._move("Interrupted")
            self._move("Starting")

    def _is_taken_back(self, root: Path, command: tuple[str, ...]) -> bool:
        """Run on instances until the end, or until they are taken back."""
        record = self._record
        if not self._warm:
            self._account.wait("Starting", self._asked)
        if self._asked.is_set():
            return False
        self._move("Downloading")
        with self._account.lock:
            self._bill.begin()
        names = names_of(record["ResourceConfig"].get("InstanceCount", 1))
        # From the last to the first, whatever goes wrong.
        with contextlib.ExitStack() as ends:
            between = ends.enter_context(network()) if len(names) > 1 else None
            hosts = []
            outcome = record.get(OUTCOME)
            for number, name in enumerate(names):
                host = Host(
                    self._account,
                    self._region,
                    record,
                    root,
                    names,
                    number,
                    between,
                    0.0 if outcome is None else outcome.delays.get(name, 0.0),
                )
                ends.callback(host.close)
                host.deliver()
                hosts.append(host)
            if not self._warm:
                self._account.wait("Downloading", self._asked)
            self._move("Training")
            seen = self._spot.watched(self._metrics())
            for host in hosts:
                host.start(command, seen)
            failed = self._wait(hosts)
            processes = [host.process for host in hosts if host.process is not None]
            seconds = 0 if self._closing else self._account.grace(STOP_SECONDS)
            self._account.children.stop(processes, seconds)
            if self._spot.is_due(hosts) and not self._asked.is_set():
                for host in hosts:
                    host.sync()
                return True
        if not self._closing:
            self._finish(hosts, failed)
        return False

    def _metrics(self) -> Callable[[str, float], None]:
        """What reads the metrics in a line of a log."""
        record = self._record
        metrics = Metrics(record["AlgorithmSpecification"].get("MetricDefinitions", []))
        watch = self._account.cloud.client("cloudwatch", self._region)
        dimension = {"Name": "TrainingJobName", "Value": record["TrainingJobName"]}

        def seen(line: str, seconds: float) -> None:
            with self._account.lock:
                points = metrics.read(line, seconds)
                if points:
                    record["FinalMetricDataList"] = metrics.final()
                if "TuningJobArn" in record:
                    record.setdefault(VALUES, []).extend(
                        point["Value"]
                        for point in points
                        if point["MetricName"] == OBJECTIVE
                    )
            for point in points:
                point["Dimensions"] = [dimension]
            if points:
                watch.put_metric_data(Namespace=GROUP, MetricData=points)

        return seen

    def _wait(self, hosts: list[Host]) -> JobError | None:
        """Wait until the programs have ended, or must; why the job fails.

        One that fails fails the job.
        """
        longest = self._record["StoppingCondition"]["MaxRuntimeInSeconds"]
        end = time.monotonic() + longest - self._bill.seconds
        synced = time.monotonic()
        while not self._asked.is_set():
            codes = [host.look() for host in hosts]
            for host, code in zip(hosts, codes, strict=True):
                if code:
                    return host.failure(code)
            if None not in codes or self._spot.struck:
                return None
            if self._spot.is_overdue():
                self._stopped = "MaxWaitTimeExceeded"
                self._asked.set()
            self._exceeded = time.monotonic() > end
            if self._exceeded:
                return None
            if time.monotonic() > synced + SYNC_SECONDS:
                for host in hosts:
                    host.sync()
                synced = time.monotonic()
            self._asked.wait(POLL_SECONDS)
        return None

    def _finish(self, hosts: list[Host], failed: JobError | None) -> None:
        """Bring back what the programs have left."""
        for host in hosts:
            host.sync()
        if not self._asked.is_set():
            self._move("Uploading")
            self._account.wait("Uploading", self._asked)
        if failed is None:
            self._upload([host.model for host in hosts], "model.tar.gz")
        outputs = [host.output / "data" for host in hosts]
        if any(any(folder.iterdir()) for folder in outputs):
            self._upload(outputs, "output.tar.gz")
        if failed is not None:
            raise failed

    def _upload(self, folders: list[Path], name: str) -> None:
        """Pack folders into one archive, in which the first has a name alone."""
        uri = self._record["ModelArtifacts"]["S3ModelArtifacts"]
        uri = f"{uri.rpartition('/')[0]}/{name}"
        with tempfile.TemporaryFile(dir=self._account.folder) as file:
            with tarfile.open(fileobj=file, mode="w:gz") as archive:
                taken = set()
                for folder in folders:
                    for path in sorted(folder.rglob("*")):
                        name_inside = str(path.relative_to(folder))
                        if name_inside not in taken:
                            archive.add(path, name_inside, recursive=False)
                        taken.add(name_inside)
            file.seek(0)
            s3 = self._account.cloud.client("s3", self._region)
            upload(s3, uri, file.read(), self._record["OutputDataConfig"]["KmsKeyId"])

    def _move(self, status: str) -> None:
        with self._account.lock:
            # A stop that was asked for is not taken back.
            if self._record["TrainingJobStatus"] == "InProgress":
                move(self._record, status)

    def _end(self, reason: str | None) -> None:
        record = self._record
        self._bill.end()
        status = second = "Completed"
        if reason is not None:
            status = second = "Failed"
        elif self._asked.is_set():
            status, second = "Stopped", self._stopped
        elif self._exceeded:
            status, second = "Stopped", "MaxRuntimeExceeded"
        move(record, second)
        record["TrainingJobStatus"] = status
        self._ended(self._region, record)
