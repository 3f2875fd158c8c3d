"""A stand-in for AWS: answers requests at botocore's HTTP layer, and keeps them.

It knows neither of the SDK nor of this package, so that both are recorded by it.
"""

import hashlib
import io
import json
import re
import urllib.parse

import boto3
import botocore.awsrequest

ACCOUNT, REGION = "111122223333", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/Named"
WRITES = re.compile("^(Create|Update|Delete|Stop|Invoke)")
# Defaults of the SDK that the service does not need.
DEBUGGER = {
    "DebugHookConfig", "DebugRuleConfigurations", "ModelCard", "ProfilerConfig",
    "ProfilerRuleConfigurations",
}  # fmt: skip
STAMPS = (
    (re.compile(r"\d{4}-\d{2}-\d{2}-\d{2}-\d{2}-\d{2}-\d{3}"), "TIME"),
    (re.compile(r"-\d{10}-[0-9a-f]{4}\b"), "-UNIQUE"),
    (re.compile(r"(?<=-)\d{6}-\d{4}\b"), "MINUTE"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "TOKEN"),
)


class Recorder:
    """One boto3 session, whose requests are answered here."""

    def __init__(self):
        self.reset()
        self.boto_session = boto3.Session(
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="none",
            region_name=REGION,
        )
        self.boto_session.events.register("before-send", self._answer)

    def reset(self):
        """Forget everything."""
        self.sent, self.known = [], {}

    def requests(self):
        """What was written, without times."""
        text = json.dumps(self.sent)
        for pattern, word in STAMPS:
            text = pattern.sub(word, text)
        return json.loads(text)

    def _answer(self, request, **_):
        host = urllib.parse.urlsplit(request.url).hostname
        for service in ("s3", "iam", "sts", "sagemaker", "logs"):
            if host.startswith(service) or f".{service}" in host:
                return getattr(self, f"_{service}")(request)
        raise AssertionError(f"nothing answers {host}")

    # Services

    def _sagemaker(self, request):
        operation = request.headers["X-Amz-Target"]
        if isinstance(operation, bytes):
            operation = operation.decode()
        operation = operation.partition(".")[2]
        body = json.loads(_bytes(request.body))
        if WRITES.match(operation):
            kept = {name: item for name, item in body.items() if name not in DEBUGGER}
            self.sent.append([operation, kept])
        return _json(request, *self._state(operation, body))

    def _state(self, operation, body):
        verb, kind = re.match("([A-Z][a-z]+)(.*)", operation).groups()
        if kind == "Tags":
            return 200, {"Tags": []}
        if verb == "Search":
            return 200, {"Results": []}
        name = body.get(f"{kind}Name")
        if kind == "ModelPackage":
            name = _package(body)
        if verb == "Create":
            self.known[kind, name] = body
            if kind == "HyperParameterTuningJob":
                self._tune(body)
            arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{_dashed(kind)}/{name}"
            return 200, {f"{kind}Arn": arn}
        if verb in ("Delete", "Stop"):
            self.known.pop((kind, name), None)
            return 200, {}
        if verb == "Update":
            self.known[kind, name] = {**self.known[kind, name], **body}
            return 200, {f"{kind}Arn": "arn:aws:sagemaker:x"}
        if (kind, name) not in self.known:
            reason = f"Could not find {_dashed(kind)} {name}."
            return 400, {"__type": "ValidationException", "message": reason}
        return 200, _described(kind, name, self.known[kind, name])

    def _tune(self, body):
        """The training job of a tuning job."""
        one = (body.get("TrainingJobDefinitions") or [body["TrainingJobDefinition"]])[0]
        name = f"{body['HyperParameterTuningJobName']}-001"
        self.known["TrainingJob", name] = {
            "TrainingJobName": name,
            "HyperParameters": one["StaticHyperParameters"],
            "AlgorithmSpecification": one["AlgorithmSpecification"],
            "RoleArn": one["RoleArn"],
            "OutputDataConfig": one["OutputDataConfig"],
            "ResourceConfig": one["HyperParameterTuningResourceConfig"],
            "StoppingCondition": one["StoppingCondition"],
        }

    def _s3(self, request):
        url = urllib.parse.urlsplit(request.url)
        if request.method == "PUT":
            body = _bytes(request.body)
            headers = {key.lower(): value for key, value in request.headers.items()}
            path = url.hostname.partition(".s3")[0] + url.path
            kept = {
                "x-amz-server-side-encryption",
                "x-amz-server-side-encryption-aws-kms-key-id",
                "x-amz-expected-bucket-owner",
            }
            self.sent.append(
                [
                    "PutObject",
                    {
                        "Path": path,
                        "Body": _digest(path, body),
                        "Headers": {
                            key: _text(headers[key])
                            for key in sorted(kept & {*headers})
                        },
                    },
                ]
            )
        if request.method == "GET" and url.path == "/" and "list-type" not in url.query:
            return _xml(
                request, "<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>"
            )
        return _xml(request, "")

    def _logs(self, request):
        missing = {"__type": "ResourceNotFoundException", "message": "no such group"}
        return _json(request, 400, missing)

    def _iam(self, request):
        query = urllib.parse.parse_qs(_text(_bytes(request.body)))
        assert query["Action"] == ["GetRole"], query
        return _xml(
            request,
            '<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
            f"<GetRoleResult><Role><Path>/service-role/</Path><Arn>{ROLE}</Arn>"
            "<RoleName>Named</RoleName><RoleId>AROAEXAMPLEEXAMPLE1</RoleId>"
            "<CreateDate>2026-01-01T00:00:00Z</CreateDate></Role></GetRoleResult>"
            "</GetRoleResponse>",
        )

    def _sts(self, request):
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/Named/me"
        return _xml(
            request,
            '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            f"<GetCallerIdentityResult><Arn>{arn}</Arn><UserId>A</UserId>"
            f"<Account>{ACCOUNT}</Account></GetCallerIdentityResult>"
            "</GetCallerIdentityResponse>",
        )


def _package(body):
    """Name of a package: of its own, or that of the first version of its group."""
    arn = body.get("ModelPackageArn") or body.get("ModelPackageName")
    if arn is None:
        return f"{body['ModelPackageGroupName']}/1"
    return arn.partition("model-package/")[2] or arn


def _described(kind, name, body):
    """What Describe answers, of what was created."""
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{_dashed(kind)}/{name}"
    times = {"CreationTime": 1.8e9, "LastModifiedTime": 1.8e9}
    more = {}
    if kind == "TrainingJob":
        path = body["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        more = {
            "TrainingJobStatus": "Completed",
            "SecondaryStatus": "Completed",
            "SecondaryStatusTransitions": [
                {"Status": "Completed", "StartTime": 1.8e9, "StatusMessage": "Done"}
            ],
            "ModelArtifacts": {
                "S3ModelArtifacts": f"{path}/{name}/output/model.tar.gz"
            },
            "OutputDataConfig": {"KmsKeyId": "", **body["OutputDataConfig"]},
            "TrainingStartTime": 1.8e9,
            "TrainingEndTime": 1.8e9 + 60,
        }
    if kind == "HyperParameterTuningJob":
        one = body.get("TrainingJobDefinitions", [{}])[0]
        best = {
            "TrainingJobName": f"{name}-001",
            "TrainingJobArn": f"{arn}-001",
            "CreationTime": 1.8e9,
            "TrainingJobStatus": "Completed",
            "TunedHyperParameters": {},
        }
        if "DefinitionName" in one:
            best["TrainingJobDefinitionName"] = one["DefinitionName"]
        zero = {"Completed": 1, "InProgress": 0, "RetryableError": 0}
        more = {
            "HyperParameterTuningJobStatus": "Completed",
            "BestTrainingJob": best,
            "TrainingJobStatusCounters": {
                **zero, "NonRetryableError": 0, "Stopped": 0
            },
            "ObjectiveStatusCounters": {"Succeeded": 1, "Pending": 0, "Failed": 0},
        }  # fmt: skip
        # What the service adds, and SDK's attach() needs.
        for part in body.get("TrainingJobDefinitions") or [
            body["TrainingJobDefinition"]
        ]:
            part["StaticHyperParameters"]["_tuning_objective_metric"] = "m"
            part["AlgorithmSpecification"].setdefault("MetricDefinitions", [])
            part["ResourceConfig"] = part["HyperParameterTuningResourceConfig"]
    if kind == "TransformJob":
        more = {"TransformJobStatus": "Completed"}
    if kind == "Endpoint":
        more = {"EndpointStatus": "InService"}
    if kind == "CompilationJob":
        more = {
            "CompilationJobStatus": "COMPLETED",
            "FailureReason": "",
            "ModelArtifacts": {
                "S3ModelArtifacts": body["OutputConfig"]["S3OutputLocation"]
                + "/model-ml_c5.tar.gz"
            },
            "InferenceImage": "neo.example.com/mxnet:1",
        }
    return {**body, **times, **more, f"{kind}Arn": arn}


def _dashed(kind):
    return re.sub("(?<!^)([A-Z])", r"-\1", kind).lower()


def _bytes(body):
    if body is None:
        return b""
    if hasattr(body, "read"):
        body.seek(0) if hasattr(body, "seek") else None
        body = body.read()
    return body.encode() if isinstance(body, str) else bytes(body)


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def _digest(path, body):
    """Manifests as they are, shards by their digest."""
    body = _unchunked(body)
    if path.endswith(".manifest"):
        return json.loads(body)
    return hashlib.sha256(body).hexdigest()


def _unchunked(body):
    """The content of a body that was sent in signed chunks with a trailer."""
    if not re.match(rb"[0-9a-f]+(;chunk-signature=[0-9a-f]+)?\r\n", body):
        return body
    content, rest = b"", body
    while True:
        head, _, rest = rest.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if size == 0:
            return content
        content, rest = content + rest[:size], rest[size + 2 :]


class _Raw(io.BytesIO):
    def stream(self, **_):
        return iter([self.read()])


def _response(request, status, content, kind):
    return botocore.awsrequest.AWSResponse(
        request.url, status, {"Content-Type": kind}, _Raw(content)
    )


def _json(request, status, answer):
    content = json.dumps(answer).encode()
    return _response(request, status, content, "application/x-amz-json-1.1")


def _xml(request, text):
    return _response(request, 200, text.encode(), "text/xml")
