"""One host of a training job: its folder, its data, its process and its log."""

from __future__ import annotations

import functools
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sklearn_sagemaker.testing.account import Account
from sklearn_sagemaker.testing.checkpoints import Checkpoints
from sklearn_sagemaker.testing.children import Process, allowed
from sklearn_sagemaker.testing.delivery import download, objects, share
from sklearn_sagemaker.testing.errors import JobError
from sklearn_sagemaker.testing.hosts import Network
from sklearn_sagemaker.testing.images import OUR_PROGRAM
from sklearn_sagemaker.testing.logs import LogStream
from sklearn_sagemaker.testing.pipes import Pipes
from sklearn_sagemaker.testing.records import Record

GROUP = "/aws/sagemaker/TrainingJobs"
GROUP_NAME = "homogeneousCluster"
"""What SageMaker's training toolkit calls the one group of hosts."""


class Host:
    """The host.

    Parameters
    ----------
    account : Account
    region : str
    record : dict
        Of the job.
    folder : Path
        Of the job.
    names : list of str
        Of all hosts.
    number : int
        Of this one among them.
    network : Network or None, default=None
        Between the hosts, if there are several.
    delay : float, default=0.0
        Seconds by which its program starts late.

    Attributes
    ----------
    name : str
    root : Path
        What is ``/opt/ml`` in a container.
    process : Process or None
        Of the program, once it has started.
    """

    def __init__(
        self,
        account: Account,
        region: str,
        record: Record,
        folder: Path,
        names: list[str],
        number: int,
        network: Network | None = None,
        delay: float = 0.0,
    ):
        self._account, self._region, self._record = account, region, record
        self._names, self._number, self._network = names, number, network
        self._s3 = account.cloud.client("s3", region)
        self._pipes: list[Pipes] = []
        self._log: LogStream | None = None
        self._checkpoints: Checkpoints | None = None
        self.name = names[number]
        self.root = folder / self.name
        self._delay, self._due = delay, math.inf
        self._start: Callable[[], None] | None = None
        self.process: Process | None = None

    @property
    def model(self) -> Path:
        """Becomes ``model.tar.gz``."""
        return self.root / "model"

    @property
    def output(self) -> Path:
        """Has the reason of a failure, and the folder that is ``output.tar.gz``."""
        return self.root / "output"

    def deliver(self) -> None:
        """Write the folder that the program finds, and begin to serve its pipes.

        Raises
        ------
        JobError
        """
        record = self._record
        config = self.root / "input" / "config"
        data = self.root / "input" / "data"
        for folder in (config, data, self.model, self.output / "data"):
            folder.mkdir(parents=True)
        if "CheckpointConfig" in record:
            given = record["CheckpointConfig"]
            self._checkpoints = Checkpoints(self._s3, given, self.root)
        said = {
            channel["ChannelName"]: self._channel(channel, data)
            for channel in record.get("InputDataConfig", ())
        }
        kind = record["ResourceConfig"].get("InstanceType")
        group = {"instance_group_name": GROUP_NAME, "instance_type": kind}
        resources = {
            "current_host": self.name,
            "current_instance_type": kind,
            "current_group_name": GROUP_NAME,
            "hosts": self._names,
            "instance_groups": [{**group, "hosts": self._names}],
            "network_interface_name": (
                "lo" if self._network is None else self._network.interface
            ),
        }
        for name, document in (
            ("hyperparameters", record.get("HyperParameters", {})),
            ("inputdataconfig", said),
            ("resourceconfig", resources),
        ):
            text = json.dumps(document)
            (config / f"{name}.json").write_text(text, encoding="utf-8")

    def _channel(self, channel: dict[str, Any], data: Path) -> dict[str, str]:
        """Bring a channel; what the program is told of it."""
        name, source = channel["ChannelName"], channel["DataSource"]["S3DataSource"]
        default = self._record["AlgorithmSpecification"]["TrainingInputMode"]
        mode = channel.get("InputMode", default)
        of_epoch = functools.partial(
            share,
            objects(self._s3, source),
            channel,
            host=self._number,
            hosts=len(self._names),
        )
        wrapper = channel.get("RecordWrapperType", "None")
        if mode == "Pipe":
            pipes = Pipes(
                self._s3,
                of_epoch,
                data / name,
                compressed=channel.get("CompressionType") == "Gzip",
                wraps=wrapper == "RecordIO",
            )
            self._pipes.append(pipes)
        else:
            (data / name).mkdir()
            download(self._s3, of_epoch(0), data / name)
        said = {
            "TrainingInputMode": mode,
            "S3DistributionType": source.get(
                "S3DataDistributionType", "FullyReplicated"
            ),
            "RecordWrapperType": wrapper,
        }
        if "ContentType" in channel:
            said["ContentType"] = channel["ContentType"]
        return said

    def start(
        self, command: Sequence[str], seen: Callable[[str, float], object]
    ) -> None:
        """Start the program, at once or by `look` when it is time.

        Parameters
        ----------
        command : sequence of str
        seen : callable
            ``seen(line, seconds)``, called for each line that it prints.
        """
        self._due = time.monotonic() + self._delay
        self._start = functools.partial(self._start_now, command, seen)
        self.look()

    def _start_now(
        self, command: Sequence[str], seen: Callable[[str, float], object]
    ) -> None:
        command = [*command, "train"]
        if tuple(command[:-1]) == OUR_PROGRAM:
            command += ["--root", str(self.root)]
        if self._network is not None:
            addresses = self.root / "input" / "hosts"
            self._network.write_addresses(self._names, addresses)
            command = self._network.placed(command, self._number, addresses)
        record = self._record
        job = record["TrainingJobName"]
        # Before there is a pipe that somebody must close.
        logs = self._account.cloud.client("logs", self._region)
        self.process = self._account.children.start(
            command,
            {
                **allowed(record.get("Environment", {})),
                "AWS_REGION": self._region,
                "TRAINING_JOB_ARN": record["TrainingJobArn"],
                "TRAINING_JOB_NAME": job,
            },
            self.root,
        )
        assert self.process.stdout is not None
        self._log = LogStream(
            logs,
            GROUP,
            f"{job}/{self.name}-{int(time.time())}",
            self.process.stdout,
            seen,
        )

    def look(self) -> int | None:
        """The exit code of the program, if it has ended.

        Raises
        ------
        JobError
            If its data do not come any more.
        """
        for pipes in self._pipes:
            if pipes.error is not None:
                raise pipes.error
        if self.process is None:
            if self._start is not None and time.monotonic() >= self._due:
                self._start()
            return None
        return self.process.poll()

    def sync(self) -> None:
        """Bring new checkpoints to S3."""
        if self._checkpoints is not None:
            self._checkpoints.sync()

    def close(self) -> None:
        """End what runs, and send what it has printed."""
        if self.process is not None:
            self._account.children.ended(self.process)
            if self._log is not None:
                self._log.close()
            assert self.process.stdout is not None
            self.process.stdout.close()
        for pipes in self._pipes:
            pipes.close()

    def failure(self, code: int) -> JobError:
        """Why the job fails, whose program ends with a code."""
        try:
            path = self.output / "failure"
            text = path.read_text("utf-8", "replace").strip()
        except OSError:
            text = ""
        said = text or f"AlgorithmError: {self.name} has not said why"
        return JobError(f"{said[:1000]}, exit code: {code}")
