"""SageMaker in the memory of a test: jobs run in this process when they are created.

The emulator does the same with processes and sockets; this is for many small fits.
"""

import io
import json
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

from botocore.exceptions import ClientError

from sklearn_sagemaker.sagemaker.session import Session
from sklearn_sagemaker.serving.failures import reason
from sklearn_sagemaker.serving.logs import JobLog
from sklearn_sagemaker.serving.train import Program, Termination
from sklearn_sagemaker.serving.train_job import Folders

REGION, ACCOUNT = "us-east-1", "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Jobs"


def refusal(code, operation, status=400, message="no"):
    """What boto3 raises for an error's answer."""
    meta = {"HTTPStatusCode": status, "RetryAttempts": 0}
    said = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": meta}
    return ClientError(said, operation)


class Service:
    """What `call` asks a client of boto3 for."""

    name = ""

    @property
    def meta(self):
        operations = {
            name: "".join(map(str.capitalize, name.split("_"))) for name in dir(self)
        }
        service = SimpleNamespace(service_name=self.name)
        return SimpleNamespace(service_model=service, method_to_api_mapping=operations)


class Objects(Service):
    """S3."""

    name = "s3"

    def __init__(self):
        self.found = {}
        self.writes = []

    def upload_fileobj(self, stream, Bucket, Key, ExtraArgs=None, Config=None):
        pieces = []
        while piece := stream.read(1 << 16):
            pieces.append(piece)
        self.found[Bucket, Key] = b"".join(pieces)
        self.writes.append(Key)

    def head_object(self, Bucket, Key, **_):
        if (Bucket, Key) not in self.found:
            raise refusal("404", "HeadObject", 404)

    def get_object(self, Bucket, Key, **_):
        if (Bucket, Key) not in self.found:
            raise refusal("NoSuchKey", "GetObject", 404)
        data = self.found[Bucket, Key]
        return {"Body": io.BytesIO(data), "ContentLength": len(data)}

    def delete_object(self, Bucket, Key, **_):
        self.found.pop((Bucket, Key), None)

    def head_bucket(self, **_):
        pass

    def list_objects_v2(self, Bucket, Prefix, **_):
        now = datetime.now(UTC)
        return {
            "Contents": [
                {"Key": key, "Size": len(data), "LastModified": now}
                for (bucket, key), data in self.found.items()
                if bucket == Bucket and key.startswith(Prefix)
            ]
        }


class Jobs(Service):
    """SageMaker's training jobs."""

    name = "sagemaker"

    def __init__(self, objects):
        self.objects, self.found, self.logs = objects, {}, {}

    def create_training_job(self, **request):
        name = request["TrainingJobName"]
        if name in self.found:
            raise refusal("ResourceInUse", "CreateTrainingJob")
        output = request["OutputDataConfig"]["S3OutputPath"]
        uri = f"{output}/{name}/output/model.tar.gz"
        record = {
            **request,
            "TrainingJobArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:job/{name}",
            "ModelArtifacts": {"S3ModelArtifacts": uri},
            "SecondaryStatusTransitions": [],
            "TrainingTimeInSeconds": 7,
            "BillableTimeInSeconds": 5,
        }
        self.found[name] = record
        with tempfile.TemporaryDirectory() as folder:
            self._run(record, Path(folder), uri)

    def _run(self, record, root, uri):
        scratch = root / "scratch"
        folders = [root / "input" / "config", root / "output" / "data", scratch]
        for folder in folders:
            folder.mkdir(parents=True)
        said = {}
        for channel in record["InputDataConfig"]:
            name = channel["ChannelName"]
            said[name] = {"ContentType": channel.get("ContentType")}
            place = channel["DataSource"]["S3DataSource"]["S3Uri"]
            bucket, _, prefix = place.removeprefix("s3://").partition("/")
            cut = prefix.rfind("/") + 1
            (root / "input" / "data" / name).mkdir(parents=True)
            for (held, key), data in list(self.objects.found.items()):
                if held == bucket and key.startswith(prefix):
                    (root / "input" / "data" / name / key[cut:]).write_bytes(data)
        for name, document in (
            ("hyperparameters", record["HyperParameters"]),
            ("inputdataconfig", said),
        ):
            path = root / "input" / "config" / f"{name}.json"
            path.write_text(json.dumps(document), "utf-8")
        out = io.StringIO()
        try:
            Program(Folders(root), JobLog(out), Termination()).run(scratch)
            record["TrainingJobStatus"] = record["SecondaryStatus"] = "Completed"
        except Exception as error:
            record["TrainingJobStatus"] = record["SecondaryStatus"] = "Failed"
            record["FailureReason"] = reason(error)
        self.logs[record["TrainingJobName"]] = out.getvalue().splitlines()
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        for folder, name in (("model", "model"), ("output/data", "output")):
            if (root / folder).is_dir():
                held = key.rpartition("/")[0] + f"/{name}.tar.gz"
                self.objects.found[bucket, held] = packed(root / folder)

    def describe_training_job(self, TrainingJobName):
        if TrainingJobName not in self.found:
            raise refusal(
                "ValidationException", "DescribeTrainingJob", 400, "not found"
            )
        return self.found[TrainingJobName]

    def list_training_jobs(self, NameContains, **_):
        return {
            "TrainingJobSummaries": [
                {"TrainingJobName": name} for name in self.found if NameContains in name
            ]
        }


def packed(folder):
    """A folder as the service packs it."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name)
    return target.getvalue()


class Logs:
    """CloudWatch's logs."""

    def __init__(self, jobs):
        self.jobs = jobs

    def describe_log_streams(self, logStreamNamePrefix, **_):
        return {"logStreams": [{"logStreamName": f"{logStreamNamePrefix}algo-1"}]}

    def get_log_events(self, logStreamName, **_):
        lines = self.jobs.logs[logStreamName.rpartition("/")[0]]
        return {"events": [{"timestamp": 1, "message": line} for line in lines]}


class Cloud:
    """An account."""

    def __init__(self):
        self.objects = Objects()
        self.jobs = Jobs(self.objects)
        self.images = set()

    def session(self):
        """A session of it."""
        found = Session(SimpleNamespace(region_name=REGION, profile_name="default"))
        found._clients = {
            "s3": self.objects,
            "sagemaker": self.jobs,
            "logs": Logs(self.jobs),
            "sts": SimpleNamespace(get_caller_identity=lambda: {"Account": ACCOUNT}),
            "ecr": SimpleNamespace(describe_images=self._images),
        }
        return found

    def _images(self, repositoryName, imageIds):
        if repositoryName not in self.images:
            raise refusal("RepositoryNotFoundException", "DescribeImages")
