"""The execution of one training job: data, process, logs, artifacts, statuses."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import tarfile
import tempfile
import threading
import time
import traceback
from pathlib import Path

from sklearn_sagemaker.testing.account import Account, now
from sklearn_sagemaker.testing.children import Process, allowed
from sklearn_sagemaker.testing.delivery import Pipes, download, objects
from sklearn_sagemaker.testing.errors import JobError
from sklearn_sagemaker.testing.images import OUR_PROGRAM, cannot_run
from sklearn_sagemaker.testing.logs import LogStream
from sklearn_sagemaker.testing.metrics import Metrics
from sklearn_sagemaker.testing.outcomes import OUTCOME
from sklearn_sagemaker.testing.records import Record

GROUP = NAMESPACE = "/aws/sagemaker/TrainingJobs"
HOST = "algo-1"
POLL_SECONDS = 0.02
STOP_SECONDS = 120.0
"""From SIGTERM to SIGKILL."""
MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
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


class TrainingRun:
    """A job that runs, in a thread.

    Parameters
    ----------
    account : Account
    region : str
    record : dict
        Of the job; changed under the lock of the account.
    """

    def __init__(self, account: Account, region: str, record: Record):
        self._account, self._region, self._record = account, region, record
        self._asked = threading.Event()
        self._closing = False
        self._process: Process | None = None
        self._exceeded = False
        self._stopped = "Stopped"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask for the end."""
        self._asked.set()

    def close(self) -> None:
        """End at once."""
        self._closing = True
        self._asked.set()
        self._thread.join()

    def _run(self) -> None:
        root = Path(tempfile.mkdtemp(prefix="job-", dir=self._account.folder))
        reason = None
        try:
            self._execute(root)
        except JobError as error:
            reason = str(error)
        except Exception as error:
            if not self._closing:
                traceback.print_exc()
            reason = f"InternalServerError: {type(error).__name__}: {error}"
        # Before the end is told: who waits for it finds nothing of the job.
        shutil.rmtree(root, ignore_errors=True)
        if reason is not None:
            self._end("Failed", reason)
        else:
            self._end("Stopped" if self._asked.is_set() else "Completed")

    def _execute(self, root: Path) -> None:
        record = self._record
        outcome = record.get(OUTCOME)
        if outcome is not None:
            if outcome.status in MESSAGES:
                self._stopped = outcome.status
            outcome.strike(self._asked)
            return
        image = record["AlgorithmSpecification"]["TrainingImage"]
        command = self._account.images.command(image)
        if command is None:
            raise JobError(cannot_run(image))
        if self._asked.is_set():
            return
        self._move("Downloading")
        started = now()
        with self._account.lock:
            record["TrainingStartTime"] = started
        pipes: list[Pipes] = []
        try:
            pipes += self._deliver(root)
            self._move("Training")
            code = self._train(root, command)
        finally:
            for pipe in pipes:
                pipe.close()
        if not self._closing:
            self._finish(root, code)

    def _deliver(self, root: Path) -> list[Pipes]:
        """Write the folder that the program finds; pipes that go on meanwhile."""
        record = self._record
        default = record["AlgorithmSpecification"]["TrainingInputMode"]
        config = root / "input" / "config"
        data = root / "input" / "data"
        for folder in (config, data, root / "model", root / "output" / "data"):
            folder.mkdir(parents=True)
        if "CheckpointConfig" in record:
            (root / "checkpoints").mkdir()
        s3 = self._account.cloud.client("s3", self._region)
        said, pipes = {}, []
        for channel in record.get("InputDataConfig", ()):
            name = channel["ChannelName"]
            mode = channel.get("InputMode", default)
            source = channel["DataSource"]["S3DataSource"]
            found = objects(s3, source)
            said[name] = {
                "TrainingInputMode": mode,
                "S3DistributionType": source.get(
                    "S3DataDistributionType", "FullyReplicated"
                ),
                "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            }
            if "ContentType" in channel:
                said[name]["ContentType"] = channel["ContentType"]
            if mode == "Pipe":
                zipped = channel.get("CompressionType") == "Gzip"
                pipes.append(Pipes(s3, found, data / name, zipped))
            else:
                (data / name).mkdir()
                download(s3, found, data / name)
        resources = record["ResourceConfig"]
        for name, document in (
            ("hyperparameters", record.get("HyperParameters", {})),
            ("inputdataconfig", said),
            (
                "resourceconfig",
                {
                    "current_host": HOST,
                    "current_instance_type": resources.get("InstanceType"),
                    "hosts": [HOST],
                    "network_interface_name": "lo",
                },
            ),
        ):
            text = json.dumps(document)
            (config / f"{name}.json").write_text(text, encoding="utf-8")
        return pipes

    def _train(self, root: Path, command: tuple[str, ...]) -> int:
        """Run the program; its exit code."""
        record, cloud = self._record, self._account.cloud
        name = record["TrainingJobName"]
        arguments = ["train"]
        if command == OUR_PROGRAM:
            arguments += ["--root", str(root)]
        metrics = Metrics(record["AlgorithmSpecification"].get("MetricDefinitions", []))
        watch = cloud.client("cloudwatch", self._region)

        def seen(line: str, seconds: float) -> None:
            points = metrics.read(line, seconds)
            for point in points:
                point["Dimensions"] = [{"Name": "TrainingJobName", "Value": name}]
            if points:
                watch.put_metric_data(Namespace=NAMESPACE, MetricData=points)
                with self._account.lock:
                    record["FinalMetricDataList"] = metrics.final()

        children = self._account.children
        process = children.start(
            [*command, *arguments],
            {
                **allowed(record.get("Environment", {})),
                "AWS_REGION": self._region,
                "SAGEMAKER_BASE_DIR": str(root),
                "TRAINING_JOB_ARN": record["TrainingJobArn"],
                "TRAINING_JOB_NAME": name,
            },
            root,
        )
        assert process.stdout is not None
        stream = f"{name}/{HOST}-{int(time.time())}"
        client = cloud.client("logs", self._region)
        # From the last to the first, whatever goes wrong.
        with contextlib.ExitStack() as ends:
            ends.enter_context(process.stdout)
            ends.callback(children.ended, process)
            log = LogStream(client, GROUP, stream, process.stdout, seen)
            ends.callback(log.close)
            ends.callback(children.ended, process)
            code = self._wait(process)
        return code

    def _wait(self, process: Process) -> int:
        """Wait for the program, and end it when it must; its exit code."""
        longest = self._record["StoppingCondition"]["MaxRuntimeInSeconds"]
        end = time.monotonic() + longest
        while (code := process.poll()) is None:
            self._exceeded = time.monotonic() > end and not self._asked.is_set()
            if self._exceeded or self._asked.is_set():
                seconds = 0 if self._closing else STOP_SECONDS * self._account.scale
                self._account.children.stop(process, seconds)
                process.wait()
            self._asked.wait(POLL_SECONDS)
        return code

    def _finish(self, root: Path, code: int) -> None:
        """Bring back what the program has left."""
        failed = code and not self._asked.is_set() and not self._exceeded
        if not self._asked.is_set():
            self._move("Uploading")
        output = root / "output"
        if not failed:
            self._upload(root / "model", "model.tar.gz")
        if any((output / "data").iterdir()):
            self._upload(output / "data", "output.tar.gz")
        if failed:
            raise JobError(_reason(output / "failure", code))

    def _upload(self, folder: Path, name: str) -> None:
        config = self._record["OutputDataConfig"]
        uri = self._record["ModelArtifacts"]["S3ModelArtifacts"]
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        key = key.rpartition("/")[0] + f"/{name}"
        encrypted = {}
        if config["KmsKeyId"]:
            encrypted = {
                "ServerSideEncryption": "aws:kms",
                "SSEKMSKeyId": config["KmsKeyId"],
            }
        with tempfile.TemporaryFile(dir=self._account.folder) as file:
            with tarfile.open(fileobj=file, mode="w:gz") as archive:
                for path in sorted(folder.iterdir()):
                    archive.add(path, path.name)
            file.seek(0)
            s3 = self._account.cloud.client("s3", self._region)
            from botocore.exceptions import ClientError

            try:
                s3.put_object(Bucket=bucket, Key=key, Body=file.read(), **encrypted)
            except ClientError as error:
                raise JobError(
                    f"ClientError: Failed to upload {name} to {uri}: {error}"
                ) from error

    def _move(self, status: str) -> None:
        with self._account.lock:
            # A stop that was asked for is not taken back.
            if self._record["TrainingJobStatus"] == "InProgress":
                move(self._record, status)

    def _end(self, status: str, reason: str | None = None) -> None:
        record = self._record
        with self._account.lock:
            time = now()
            if "TrainingStartTime" in record:
                record["TrainingEndTime"] = time
                seconds = (time - record["TrainingStartTime"]).total_seconds()
                whole = max(1, math.ceil(seconds))
                record["TrainingTimeInSeconds"] = record["BillableTimeInSeconds"] = (
                    whole
                )
            if reason is not None:
                record["FailureReason"] = reason[:1024]
            if self._exceeded and status == "Completed":
                status = "Stopped"
                move(record, "MaxRuntimeExceeded")
            else:
                move(record, self._stopped if status == "Stopped" else status)
            record["TrainingJobStatus"] = status


def _reason(path: Path, code: int) -> str:
    """Why a job fails whose program ends with a code."""
    try:
        text = path.read_text("utf-8", "replace").strip()
    except OSError:
        text = ""
    said = text or "AlgorithmError: the program has not said why"
    return f"{said[:1000]}, exit code: {code}"
