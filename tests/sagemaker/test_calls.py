"""Calls of AWS that fail on the wire: how often they are tried, and what is raised."""

import pickle
import re
import threading
import traceback

import boto3
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    ParamValidationError,
    ReadTimeoutError,
)
from urllib3.exceptions import ProtocolError

from sklearn_sagemaker import exceptions
from sklearn_sagemaker.sagemaker import _calls
from sklearn_sagemaker.sagemaker._calls import ATTEMPTS, call, make_client
from tests.testing.jobs import job

pytestmark = pytest.mark.usefixtures("at_once")


def failure(kind, function, *args, **kwargs):
    """What is raised, which has nothing of boto3 behind it, and no secret."""
    with pytest.raises(kind) as caught:
        function(*args, **kwargs)
    error = caught.value
    assert type(error) is kind
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    shown = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))
    keys = boto3.Session().get_credentials()
    assert keys.secret_key not in shown
    assert keys.access_key not in shown
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), vars(again)) == (str(error), vars(error))
    return error


def models(session):
    return call(session.sagemaker_client, "list_models", what="models")


@pytest.mark.parametrize(
    "fault",
    [
        {"code": "ThrottlingException"},
        {"code": "InternalFailure", "status": 500},
        {"code": "ServiceUnavailable", "status": 503},
        {"reset": "before"},
        {"reset": "after"},
    ],
    ids=str,
)
def test_what_passes_is_tried_again(faults, session, fault):
    rule = faults.fail("ListModels", times=ATTEMPTS - 1, **fault)
    assert models(session)["Models"] == []
    assert (rule.seen, rule.done) == (ATTEMPTS, ATTEMPTS - 1)


@pytest.mark.parametrize(
    ("fault", "kind", "match"),
    [
        (
            {"code": "ThrottlingException", "message": "Rate exceeded"},
            exceptions.ThrottledError,
            r"models: ListModels was refused 5 times.*ThrottlingException: Rate exc",
        ),
        (
            {"code": "InternalFailure", "status": 500},
            exceptions.AWSError,
            r"models: ListModels was refused \(InternalFailure",
        ),
        (
            {"reset": "before"},
            exceptions.AWSConnectionError,
            r"models: ListModels has no answer \(\w+\); check the network",
        ),
    ],
    ids=str,
)
def test_the_number_of_calls_is_bounded(faults, session, fault, kind, match):
    rule = faults.fail("ListModels", **fault)
    error = failure(kind, models, session)
    assert re.search(match, str(error))
    assert error.retryable
    assert error.operation == "ListModels"
    assert rule.seen == ATTEMPTS


@pytest.mark.parametrize(
    ("code", "message", "kind", "match"),
    [
        (
            "AccessDeniedException",
            "no",
            exceptions.AWSAccessError,
            r"denied \(AccessDeniedException: no\). The caller needs "
            r"sagemaker:ListModels\.",
        ),
        (
            "AccessDeniedException",
            "User: me is not authorized to perform: iam:PassRole on resource: role",
            exceptions.AWSAccessError,
            "The caller needs iam:PassRole.",
        ),
        (
            "ExpiredTokenException",
            "the token",
            exceptions.AWSCredentialsError,
            r"models: the credentials have expired, .*\(ExpiredTokenException\); renew "
            "them, for example by 'aws sso login'.",
        ),
        (
            "UnrecognizedClientException",
            "the token",
            exceptions.AWSCredentialsError,
            "not valid",
        ),
        (
            "InvalidSignatureException",
            "should have been x-amz-security-token:",
            exceptions.AWSCredentialsError,
            r"not valid \(InvalidSignatureException\); renew .* check the clock.$",
        ),
        (
            "RequestTimeTooSkewed",
            "now",
            exceptions.AWSCredentialsError,
            r"this machine's clock is wrong \(RequestTimeTooSkewed\); set it.",
        ),
        (
            "ResourceLimitExceeded",
            "The account-level service limit 'ml.m5.large for training job usage' is 0",
            exceptions.QuotaExceededError,
            "ml.m5.large for training job usage' is 0.*Service Quotas",
        ),
        (
            "ResourceInUse",
            "busy",
            exceptions.NameInUseError,
            r"it is in use \(ResourceInUse: busy\); try again later",
        ),
        (
            "ValidationException",
            'Cannot create already existing model "x".',
            exceptions.NameInUseError,
            "already existing model",
        ),
        (
            "ValidationException",
            "Could not find model",
            exceptions.ResourceNotFoundError,
            "there is none .*check the name, the account and the region",
        ),
        (
            "ResourceNotFound",
            "none",
            exceptions.ResourceNotFoundError,
            "there is none",
        ),
        (
            "ValidationException",
            "1 validation error detected",
            exceptions.AWSError,
            r"ListModels was refused \(ValidationException: 1 validation",
        ),
    ],
)
def test_what_stays_is_not_tried_again(faults, session, code, message, kind, match):
    rule = faults.fail("ListModels", code=code, message=message)
    error = failure(kind, models, session)
    assert re.search(match, str(error)), str(error)
    assert "token:" not in str(error)
    assert (error.code, error.retryable, error.attempts) == (code, False, 1)
    assert rule.seen == 1


@pytest.mark.parametrize(
    ("code", "status", "kind", "match"),
    [
        ("NoSuchBucket", 404, exceptions.S3NotFoundError, "is no bucket 'b'; check"),
        ("NoSuchKey", 404, exceptions.S3NotFoundError, "has no such object; check"),
        (
            "AccessDenied",
            403,
            exceptions.S3AccessError,
            r"s3://b/k: access is denied .*The role needs s3:PutObject\.",
        ),
        ("ExpiredToken", 400, exceptions.S3CredentialsError, "have expired"),
        ("InvalidAccessKeyId", 403, exceptions.S3CredentialsError, "are not valid"),
        ("RequestTimeTooSkewed", 403, exceptions.S3CredentialsError, "clock is wrong"),
        ("EntityTooLarge", 400, exceptions.S3Error, r"PutObject .*\(EntityTooLarge"),
    ],
)
def test_what_s3_refuses(faults, session, code, status, kind, match):
    rule = faults.fail("PutObject", code=code, status=status)
    error = failure(kind, session.upload_string_as_file_body, "text", "b", "k")
    assert re.search(match, str(error)), str(error)
    assert rule.seen == 1


def test_s3_is_asked_again_when_it_is_busy(faults, session):
    rule = faults.fail("PutObject", code="SlowDown", status=503, times=2)
    session.upload_string_as_file_body("text", faults.bucket, "slow")
    assert rule.seen == 3
    rule = faults.fail("PutObject", code="SlowDown", status=503)
    send = session.upload_string_as_file_body
    error = failure(exceptions.S3Error, send, "text", faults.bucket, "slow")
    assert error.retryable
    assert rule.seen == ATTEMPTS


def test_an_answer_that_is_cut_short(faults, session):
    """botocore gives it as an empty one, or as an error of its own."""
    faults.fail("ListModels", cut=3)
    error = failure(exceptions.AWSConnectionError, models, session)
    # Older versions of botocore see it themselves.
    assert re.search("models: .*ListModels (is cut short|has no answer)", str(error))
    assert error.retryable
    faults.fail("GetRole", cut=30)
    error = failure(exceptions.AWSConnectionError, session.expand_role, "name")
    assert "role 'name': GetRole has no answer (ResponseParserError)" in str(error)
    # What has nothing to say says nothing.
    empty = {"TrainingJobName": "none"}
    kind = exceptions.ResourceNotFoundError
    failure(kind, session._call, "sagemaker", "stop_training_job", "job", **empty)


def test_an_answer_that_does_not_come(faults, monkeypatch):
    monkeypatch.setattr(_calls, "READ_SECONDS", 0.2)
    monkeypatch.setattr(_calls, "ATTEMPTS", 2)
    client = make_client(boto3.Session(), "sagemaker", "us-east-1")
    rule = faults.fail("ListModels", seconds=2)
    kind = exceptions.AWSConnectionError
    error = failure(kind, call, client, "list_models", what="models")
    assert "ReadTimeoutError" in str(error)
    assert rule.seen == 2


def test_the_timeouts_are_set():
    session = boto3.Session(region_name="us-east-1")
    for service, seconds in (("sagemaker", 60), ("sagemaker-runtime", 80)):
        config = make_client(session, service, None).meta.config
        assert (config.connect_timeout, config.read_timeout) == (10, seconds)
        assert config.retries == {"mode": "standard", "total_max_attempts": ATTEMPTS}


def test_nobody_listens(monkeypatch, session):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    client = make_client(boto3.Session(), "sagemaker", "us-east-1")
    kind = exceptions.AWSConnectionError
    error = failure(kind, call, client, "list_models", what="models")
    assert "EndpointConnectionError" in str(error)


def test_a_malformed_request_is_told_without_its_values(emulator, session):
    request = job(emulator, "x")
    request["HyperParameters"] = {"k": ["a row, of data", "and type: of it"]}
    request["RoleArn"] = "short"
    request.pop("OutputDataConfig")
    error = failure(ValueError, session.create_training_job, request)
    assert str(error).startswith("training job 'x': Parameter validation failed:")
    assert "Invalid length for parameter RoleArn, valid min length" in str(error)
    assert 'Missing required parameter in input: "OutputDataConfig"' in str(error)
    assert "Invalid type for parameter HyperParameters.k, type" in str(error)
    assert "short" not in str(error)
    assert "row" not in str(error)
    assert "of it" not in str(error)


def test_a_model_that_refuses(faults, session):
    faults.fail("InvokeEndpoint", code="ModelError", status=424, message="no number")
    client = session.sagemaker_runtime_client
    error = failure(
        exceptions.ModelError,
        call,
        client,
        "invoke_endpoint",
        what="endpoint 'e'",
        EndpointName="e",
        Body=b"1,2",
    )
    assert "endpoint 'e': the model's container refused the request" in str(error)


def test_an_upload_in_parts_that_fails_leaves_nothing(faults, session, tmp_path):
    file = tmp_path / "large"
    file.write_bytes(bytes(9 << 20))
    rule = faults.fail("UploadPart", code="AccessDenied", status=403)
    error = failure(exceptions.S3AccessError, session.upload_data, file, faults.bucket)
    assert str(error).startswith(f"s3://{faults.bucket}/data/large: access is denied")
    assert "needs s3:PutObject." in str(error)
    assert rule.seen <= 2  # one call a part
    faults.heal()
    left = session.s3_client.list_multipart_uploads(Bucket=faults.bucket)
    assert left.get("Uploads", []) == []
    faults.fail("UploadPart", code="SlowDown", status=503, skip=1, times=2)
    session.upload_data(file, faults.bucket)
    found = session.s3_client.head_object(Bucket=faults.bucket, Key="data/large")
    assert found["ContentLength"] == 9 << 20


def test_a_download_that_breaks_off(faults, session, tmp_path):
    session.upload_string_as_file_body("abcdefgh", faults.bucket, "cut/object")
    faults.fail("GetObject", cut=3)
    kind = exceptions.S3Error
    error = failure(kind, session.read_s3_file, faults.bucket, "cut/object")
    assert f"s3://{faults.bucket}/cut/object" in str(error)
    error = failure(kind, session.download_data, tmp_path, faults.bucket, "cut")
    assert f"s3://{faults.bucket}/cut/object" in str(error)
    assert "RetriesExceeded" not in str(error)  # but what went wrong
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_clients_are_made_one_at_a_time():
    """A session of boto3 makes them wrongly when it makes two at once."""
    both, met = threading.Barrier(2), []

    class Session:
        profile_name = None

        def client(self, service, **_):
            try:
                both.wait(0.1)
                met.append(service)
            except threading.BrokenBarrierError:
                both.reset()
            return object()

    threads = [
        threading.Thread(target=make_client, args=(Session(), "logs", "r"))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == []


def test_clients_of_tests_may_be_anything():
    class Client:
        def list_models(self):
            answer = {"Error": {"Code": "ResourceInUse", "Message": "m"}}
            raise ClientError(answer, "ListModels")

        def timed_out(self):
            raise ReadTimeoutError(endpoint_url="https://secret")

    with pytest.raises(exceptions.NameInUseError, match="thing: it is in use"):
        call(Client(), "list_models", what="thing")
    with pytest.raises(exceptions.AWSConnectionError, match="ReadTimeout") as caught:
        call(Client(), "timed_out", what="thing")
    assert "secret" not in str(caught.value)


def test_no_kind_of_botocore_is_forgotten():
    """Each exception of botocore becomes one of ours, without its own text."""

    def kinds(cls):
        for kind in cls.__subclasses__():
            yield kind
            yield from kinds(kind)

    class Client:
        def fails(self):
            raise error

    found = [*kinds(BotoCoreError), ConnectTimeoutError, ProtocolError]
    assert len(found) > 50
    for kind in found:
        error = kind.__new__(kind)
        Exception.__init__(error, "SECRET")
        expected = ValueError if kind is ParamValidationError else exceptions.AWSError
        with pytest.raises(expected) as caught:
            call(Client(), "fails", what="it")
        if kind is not ParamValidationError:
            assert "SECRET" not in str(caught.value)
