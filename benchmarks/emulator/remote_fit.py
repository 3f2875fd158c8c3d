"""What a fit by a training job takes more than the same fit here.

Rows go to S3 as RecordIO, a job of Linear Learner trains on them at the emulator, and
its model is fetched and loaded; beside it, the same fit in this process. Wall seconds
as a client of boto3 sees them, and whether the coefficients are the same.
"""

from __future__ import annotations

import io
import statistics
import tempfile
import time
from pathlib import Path

import boto3
import numpy as np

from benchmarks.common import Bars, make_parser, print_environment, print_table
from benchmarks.emulator.jobs import IMAGE
from sklearn_sagemaker import LinearLearnerClassifier, load_artifact
from sklearn_sagemaker.io import write_recordio
from sklearn_sagemaker.testing import SageMakerEmulator

SIZES = ((1_000, 10), (20_000, 100))
SETTINGS = {"epochs": 3, "num_models": 4, "random_state": 0}
LONGEST = 3.0


def fit_here(X: np.ndarray, y: np.ndarray) -> LinearLearnerClassifier:
    """Fit in this process."""
    return LinearLearnerClassifier.sagemaker_defaults(**SETTINGS).fit(X, y)


def fit_there(
    emulator: SageMakerEmulator, name: str, X: np.ndarray, y: np.ndarray
) -> LinearLearnerClassifier:
    """Fit by a training job."""
    s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
    stream = io.BytesIO()
    write_recordio(stream, X, y)
    s3.put_object(
        Bucket=emulator.bucket, Key=f"{name}/train/rows.pbr", Body=stream.getvalue()
    )
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": f"s3://{emulator.bucket}/{name}/train/",
    }
    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=emulator.role,
        HyperParameters={
            "predictor_type": "binary_classifier",
            "epochs": str(SETTINGS["epochs"]),
            "num_models": str(SETTINGS["num_models"]),
            "sklearn_sagemaker.random_state": str(SETTINGS["random_state"]),
        },
        InputDataConfig=[
            {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
        ],
        OutputDataConfig={"S3OutputPath": f"s3://{emulator.bucket}/out"},
        ResourceConfig={
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
        },
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    status = "InProgress"
    while status == "InProgress":
        time.sleep(0.05)
        found = sagemaker.describe_training_job(TrainingJobName=name)
        status = found["TrainingJobStatus"]
    if status != "Completed":
        raise SystemExit(found["FailureReason"])
    key = found["ModelArtifacts"]["S3ModelArtifacts"].split("/", 3)[3]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tar.gz")
        s3.download_file(emulator.bucket, key, str(path))
        return load_artifact(path)


def main() -> None:
    """Measure."""
    parser = make_parser(__doc__.splitlines()[0], data=False)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print_environment()
    rows, bars = [], Bars()
    with SageMakerEmulator(scale=0.0) as emulator:
        for count, width in SIZES:
            rng = np.random.default_rng(0)
            X = rng.normal(size=(count, width)).astype(np.float32)
            y = (X @ rng.normal(size=width) > 0).astype(np.float32)
            seconds: list[tuple[float, float]] = []
            for number in range(options.repeats + 1):
                began = time.perf_counter()
                here = fit_here(X, y)
                middle = time.perf_counter()
                there = fit_there(emulator, f"job-{count}-{number}", X, y)
                seconds.append((middle - began, time.perf_counter() - middle))
            local, remote = map(statistics.median, zip(*seconds[1:], strict=True))
            same = np.array_equal(
                here.coef_.astype(np.float32), there.coef_.astype(np.float32)
            )
            size = f"{count:,} x {width}"
            first = seconds[0][1] - seconds[0][0]
            rows.append(
                [size, f"{local:.2f}", f"{remote:.2f}", f"{first:.2f}", str(same)]
            )
            bars.at_most(f"seconds more, {size}", remote - local, LONGEST)
            bars.at_least(f"equal coefficients, {size}", int(same), 1)
    names = ["rows", "here", "by a job", "more, the first time", "equal"]
    print_table(names, rows)
    bars.exit()


if __name__ == "__main__":
    main()
