"""What `SageMakerEmulator` takes: its start, small jobs, endpoints, and what is left.

Training jobs of Linear Learner with 200 rows, three columns and four candidates, one
after another and 20 at once, and endpoints of such a model. Wall seconds, from the
request to the end as a client sees it. After the jobs the emulator's processes,
threads, descriptors and memory are counted; S3, logs and metrics stay in memory.
"""

from __future__ import annotations

import contextlib
import gc
import os
import statistics
import threading
import time
from pathlib import Path
from typing import Any

import boto3
import numpy as np

from benchmarks.common import Bars, make_parser, print_environment, print_table
from sklearn_sagemaker.testing import SageMakerEmulator

IMAGE = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"
SETTINGS = {"predictor_type": "binary_classifier", "epochs": "2", "num_models": "4"}
ROWS = 200


class Client:
    """A client of an emulator, with rows in its bucket.

    Parameters
    ----------
    emulator : SageMakerEmulator
    """

    def __init__(self, emulator: SageMakerEmulator):
        self._emulator = emulator
        self._sagemaker = boto3.client("sagemaker")
        X = np.random.default_rng(0).normal(size=(ROWS, 3))
        lines = [f"{int(row[0] > 0)},{','.join(map(str, row))}" for row in X]
        boto3.client("s3").put_object(
            Bucket=emulator.bucket, Key="train/x.csv", Body="\n".join(lines).encode()
        )

    def start(self, name: str) -> None:
        """Create a job."""
        bucket = self._emulator.bucket
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/train/"}
        self._sagemaker.create_training_job(
            TrainingJobName=name,
            AlgorithmSpecification={
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
            },
            RoleArn=self._emulator.role,
            HyperParameters=SETTINGS,
            InputDataConfig=[
                {
                    "ChannelName": "train",
                    "ContentType": "text/csv",
                    "DataSource": {"S3DataSource": source},
                }
            ],
            OutputDataConfig={"S3OutputPath": f"s3://{bucket}/out"},
            ResourceConfig={
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 1,
            },
            StoppingCondition={"MaxRuntimeInSeconds": 600},
        )

    def wait(self, name: str) -> bool:
        """Wait for a job; whether it has completed."""
        while True:
            found = self._sagemaker.describe_training_job(TrainingJobName=name)
            if found["TrainingJobStatus"] != "InProgress":
                return found["TrainingJobStatus"] == "Completed"
            time.sleep(0.01)

    def run(self, name: str) -> bool:
        """Create a job and wait for it."""
        self.start(name)
        return self.wait(name)

    def deploy(self, name: str, job: str) -> bool:
        """Make an endpoint of a job's model; whether it comes into service."""
        uri = f"s3://{self._emulator.bucket}/out/{job}/output/model.tar.gz"
        self._sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=self._emulator.role,
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": uri},
        )
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large",
        }
        self._sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[variant]
        )
        self._sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        while True:
            found = self._sagemaker.describe_endpoint(EndpointName=name)
            if found["EndpointStatus"] != "Creating":
                return found["EndpointStatus"] == "InService"
            time.sleep(0.01)

    def delete(self, name: str) -> None:
        """Delete an endpoint."""
        self._sagemaker.delete_endpoint(EndpointName=name)


def timed(call: Any, *arguments: Any) -> float:
    """Seconds of a call, which must succeed."""
    began = time.perf_counter()
    if not call(*arguments):
        raise SystemExit(f"{arguments} has failed")
    return time.perf_counter() - began


def kept() -> dict[str, float]:
    """What this process has, and the processes below it."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "processes": len(below(os.getpid())),
        "threads": threading.active_count(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "MB": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
    }


def below(process: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(OSError):
            for text in (task / "children").read_text().split():
                found += [int(text), *below(int(text))]
    return found


def main() -> None:
    """Measure."""
    parser = make_parser(__doc__.splitlines()[0], data=False)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=20)
    options = parser.parse_args()
    print_environment()
    began = time.perf_counter()
    with SageMakerEmulator(scale=0.0) as emulator:
        start = time.perf_counter() - began
        client = Client(emulator)
        rows = [["start of the emulator", f"{start:.2f}"]]
        first = timed(client.run, "first")
        jobs = [timed(client.run, f"warm-{number}") for number in range(9)]
        rows.append(["first job", f"{first:.2f}"])
        rows.append(["a job, median of 9", f"{statistics.median(jobs):.2f}"])
        points = []
        for number in range(5):
            points.append(timed(client.deploy, f"point-{number}", "first"))
            client.delete(f"point-{number}")
        rows.append(["an endpoint, median of 5", f"{statistics.median(points):.2f}"])
        # Which those that were deleted need to end.
        time.sleep(2)
        half = options.jobs // 2
        seen = [kept()]
        began = time.perf_counter()
        for number in range(2 * half):
            timed(client.run, f"job-{number}")
            if number + 1 in (half, 2 * half):
                seen.append(kept())
        each = (time.perf_counter() - began) / (2 * half)
        rows.append([f"each of {2 * half} jobs, one after another", f"{each:.2f}"])
        names = [f"at-once-{number}" for number in range(options.at_once)]
        began = time.perf_counter()
        for name in names:
            client.start(name)
        completed = sum(map(client.wait, names))
        rows.append(
            [f"{len(names)} jobs at once", f"{time.perf_counter() - began:.2f}"]
        )
        time.sleep(2)
        seen.append(kept())
    print_table(["", "seconds"], rows)
    whens = ["before", f"{half} jobs", f"{2 * half} jobs", f"{len(names)} at once"]
    print_table(
        ["after", *seen[0]],
        [
            [when, *(f"{value:.0f}" for value in found.values())]
            for when, found in zip(whens, seen, strict=True)
        ],
    )
    bars = Bars()
    bars.at_most("seconds to start", start, 2.0)
    bars.at_most("seconds of a job", statistics.median(jobs), 1.5)
    bars.at_most("seconds of the first job", first, 1.5)
    bars.at_most("seconds of an endpoint", statistics.median(points), 1.5)
    bars.at_least("jobs at once that complete", completed, len(names))
    for what, more in (("processes", 0), ("threads", 4), ("descriptors", 8)):
        grown = seen[-1][what] - seen[0][what]
        bars.at_most(f"more {what} at the end", grown, more)
    grown = (seen[2]["MB"] - seen[1]["MB"]) / half
    bars.at_most("MB that a job leaves (S3, logs, metrics)", grown, 0.2)
    bars.exit()


if __name__ == "__main__":
    main()
