"""boto3 alone, by the service's guide, from data to deletion. Usage: FOLDER IMAGE

FOLDER gets what is compared with a local fit: rows.json and model.tar.gz.
"""

import json
import os
import random
import struct
import sys
import tarfile
from pathlib import Path

import boto3
import steps
from botocore.exceptions import ClientError, WaiterError

FOLDER, IMAGE = Path(sys.argv[1]), sys.argv[2]
RECORDS = "application/x-recordio-protobuf"
ROLE, REGION = os.environ["SAGEMAKER_ROLE"], os.environ["AWS_REGION"]
sagemaker, runtime = boto3.client("sagemaker"), boto3.client("sagemaker-runtime")
s3, logs = boto3.client("s3"), boto3.client("logs")
ACCOUNT = boto3.client("sts").get_caller_identity()["Account"]
BUCKET = f"book-{ACCOUNT}"
MACHINES = {"InstanceType": "ml.m5.large", "InstanceCount": 1}

random.seed(0)
ROWS = [[random.gauss(0, 1) for _ in range(3)] for _ in range(400)]
ROWS = [struct.unpack("<3f", struct.pack("<3f", *row)) for row in ROWS]
LABELS = [float(row[0] - row[1] + row[2] / 2 > 0) for row in ROWS]


def field(number, payload):
    """A field of protobuf that has a length; all of ours are short."""
    assert len(payload) < 128
    return bytes([number << 3 | 2, len(payload)]) + payload


def tensor(number, values):
    """An entry of a map of Record, by the .proto of the developer guide."""
    packed = field(1, struct.pack(f"<{len(values)}f", *values))
    return field(number, field(1, b"values") + field(2, field(2, packed)))


def recordio(rows, labels=None):
    stream = b""
    for number, row in enumerate(rows):
        record = tensor(1, row)
        if labels is not None:
            record += tensor(2, [labels[number]])
        stream += struct.pack("<II", 0xCED7230A, len(record)) + record
        stream += bytes(-len(record) % 4)
    return stream


def channel(name, distribution="FullyReplicated"):
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": f"s3://{BUCKET}/{name}/",
        "S3DataDistributionType": distribution,
    }
    return {
        "ChannelName": name,
        "ContentType": RECORDS,
        "CompressionType": "None",
        "RecordWrapperType": "None",
        "DataSource": {"S3DataSource": source},
    }


def create_job(name, **more):
    settings = {
        "predictor_type": "binary_classifier",
        "feature_dim": "3",
        "epochs": "2",
        "num_models": "2",
        "mini_batch_size": "50",
        "sklearn_sagemaker.random_state": "3",
    }
    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        HyperParameters={**settings, **more},
        InputDataConfig=[channel("train", "ShardedByS3Key"), channel("validation")],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/out"},
        ResourceConfig={**MACHINES, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )


def wait_for_job(name):
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName=name)
    return sagemaker.describe_training_job(TrainingJobName=name)


def train():
    """Shards of RecordIO with a validation channel; statuses, metrics, logs, model."""
    s3.create_bucket(Bucket=BUCKET)
    for number, part in enumerate((slice(0, 150), slice(150, 300))):
        body = recordio(ROWS[part], LABELS[part])
        s3.put_object(Bucket=BUCKET, Key=f"train/part-{number}.pbr", Body=body)
    body = recordio(ROWS[300:], LABELS[300:])
    s3.put_object(Bucket=BUCKET, Key="validation/all.pbr", Body=body)
    create_job("book")
    found = wait_for_job("book")
    assert found["TrainingJobStatus"] == "Completed", found
    passed = [item["Status"] for item in found["SecondaryStatusTransitions"]]
    assert passed == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    metrics = {item["MetricName"] for item in found["FinalMetricDataList"]}
    assert "validation:binary_classification_accuracy" in metrics, metrics
    points = boto3.client("cloudwatch").list_metrics(
        Namespace="/aws/sagemaker/TrainingJobs"
    )["Metrics"]
    assert "train:objective_loss" in [item["MetricName"] for item in points]
    group = "/aws/sagemaker/TrainingJobs"
    lines = logs.filter_log_events(logGroupName=group, logStreamNamePrefix="book/")
    assert any("#train_score" in event["message"] for event in lines["events"])
    uri = found["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == f"s3://{BUCKET}/out/book/output/model.tar.gz"
    s3.download_file(BUCKET, "out/book/output/model.tar.gz", f"{FOLDER}/model.tar.gz")
    with tarfile.open(FOLDER / "model.tar.gz") as archive:
        assert archive.getnames() == ["model_algo-1"]
    (FOLDER / "rows.json").write_text(json.dumps([ROWS, LABELS]))
    [listed] = sagemaker.list_training_jobs(
        StatusEquals="Completed", NameContains="book"
    )["TrainingJobSummaries"]
    assert listed["TrainingJobArn"] == found["TrainingJobArn"]


def configure(name):
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": "book",
                "InitialInstanceCount": 1,
                "InstanceType": "ml.m5.large",
            }
        ],
    )


def deploy():
    uri = f"s3://{BUCKET}/out/book/output/model.tar.gz"
    sagemaker.create_model(
        ModelName="book",
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": uri},
    )
    configure("book-1")
    sagemaker.create_endpoint(EndpointName="book", EndpointConfigName="book-1")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="book")


def ask(body, content_type, accept):
    answer = runtime.invoke_endpoint(
        EndpointName="book", Body=body, ContentType=content_type, Accept=accept
    )
    assert answer["ContentType"].partition(";")[0] == accept
    return answer["Body"].read()


def invoke():
    """Each content type with each answer."""
    rows = ROWS[:4]
    instances = [{"features": list(row)} for row in rows]
    bodies = {
        "text/csv": "\n".join(",".join(map(repr, row)) for row in rows),
        "application/json": json.dumps({"instances": instances}),
        "application/jsonlines": "\n".join(json.dumps(row) for row in instances),
        RECORDS: recordio(rows),
    }
    labels = set()
    for content_type, body in bodies.items():
        found = json.loads(ask(body, content_type, "application/json"))["predictions"]
        lines = ask(body, content_type, "application/jsonlines").decode().splitlines()
        said = [json.loads(line)["predicted_label"] for line in lines]
        assert said == [row["predicted_label"] for row in found]
        records = ask(body, content_type, RECORDS)
        assert records.count(struct.pack("<I", 0xCED7230A)) == len(rows)
        labels.add(tuple(said))
    assert len(labels) == 1, labels
    error = steps.raised(ClientError, ask, "a,b", "text/csv", "application/json")
    assert error.response["Error"]["Code"] == "ModelError"
    assert error.response["OriginalStatusCode"] == 400


def update():
    configure("book-2")
    sagemaker.update_endpoint(EndpointName="book", EndpointConfigName="book-2")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="book")
    found = sagemaker.describe_endpoint(EndpointName="book")
    assert found["EndpointConfigName"] == "book-2"
    invoke()


def transform():
    """One object of lines, one of records."""
    lines = "".join(",".join(map(repr, row)) + "\n" for row in ROWS[:5])
    s3.put_object(Bucket=BUCKET, Key="lines/rows.csv", Body=lines)
    s3.put_object(Bucket=BUCKET, Key="records/rows.pbr", Body=recordio(ROWS[:5]))
    for name, content_type, split in (
        ("lines", "text/csv", "Line"),
        ("records", RECORDS, "RecordIO"),
    ):
        sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName="book",
            BatchStrategy="MultiRecord",
            TransformInput={
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": f"s3://{BUCKET}/{name}/",
                    }
                },
                "ContentType": content_type,
                "SplitType": split,
            },
            TransformOutput={
                "S3OutputPath": f"s3://{BUCKET}/scores/{name}",
                "Accept": "application/jsonlines",
                "AssembleWith": "Line",
            },
            TransformResources=MACHINES,
        )
        waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
        waiter.wait(TransformJobName=name)
    stored = []
    for key in ("lines/rows.csv.out", "records/rows.pbr.out"):
        body = s3.get_object(Bucket=BUCKET, Key=f"scores/{key}")["Body"].read()
        lines = [json.loads(line) for line in body.splitlines() if line]
        stored.append([line["predicted_label"] for line in lines])
    assert stored[0] == stored[1], stored
    assert len(stored[0]) == 5, stored


def stop_and_fail():
    create_job("stopped", epochs="1000000", early_stopping_patience="1000000")
    sagemaker.stop_training_job(TrainingJobName="stopped")
    assert wait_for_job("stopped")["TrainingJobStatus"] == "Stopped"
    create_job("failed", optimizer="guess")
    steps.raised(WaiterError, wait_for_job, "failed")
    found = sagemaker.describe_training_job(TrainingJobName="failed")
    assert found["TrainingJobStatus"] == "Failed"
    assert "optimizer" in found["FailureReason"]


def delete():
    sagemaker.delete_endpoint(EndpointName="book")
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="book")
    for name in ("book-1", "book-2"):
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName="book")
    for name in ("book", "stopped", "failed"):
        sagemaker.delete_training_job(TrainingJobName=name)
    left = (
        sagemaker.list_endpoints()["Endpoints"],
        sagemaker.list_endpoint_configs()["EndpointConfigs"],
        sagemaker.list_models()["Models"],
        sagemaker.list_training_jobs()["TrainingJobSummaries"],
    )
    assert left == ([], [], [], []), left
    for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        s3.delete_object(Bucket=BUCKET, Key=item["Key"])
    s3.delete_bucket(Bucket=BUCKET)


steps.run(train, deploy, invoke, update, transform, stop_and_fail, delete)
