"""Objects of S3: moto answers where S3 would."""

import inspect
import io
import subprocess
import sys
import traceback

import boto3
import numpy as np
import pytest
from botocore import exceptions as faults
from botocore.client import BaseClient
from botocore.httpchecksum import StreamingChecksumBody
from botocore.response import StreamingBody
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from sklearn_sagemaker import LinearLearnerRegressor, load_artifact, save_artifact
from sklearn_sagemaker.cli.model_file import load_model
from sklearn_sagemaker.exceptions import (
    ArtifactError,
    DataFileError,
    OptionalDependencyError,
    S3AccessError,
    S3Error,
    S3NotFoundError,
)
from sklearn_sagemaker.sagemaker.s3 import read_object, split_uri

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
URI = "s3://bucket/job/output/model.tar.gz"


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch, tmp_path):
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture(scope="module")
def model():
    X = np.random.default_rng(0).normal(size=(60, 3))
    return LinearLearnerRegressor(num_models=1, epochs=2, random_state=0).fit(
        X, X[:, 0]
    )


@pytest.fixture
def bucket():
    with mock_aws():
        client = boto3.client("s3")
        where = {"LocationConstraint": "eu-west-1"}
        client.create_bucket(Bucket="bucket", CreateBucketConfiguration=where)
        yield client


def test_a_model_on_s3(bucket, model):
    target = io.BytesIO()
    save_artifact(model, target)
    data = target.getvalue()
    bucket.put_object(Bucket="bucket", Key="job/output/model.tar.gz", Body=data)
    assert read_object(URI, max_bytes=1 << 20) == data
    found = load_artifact(URI, feature_names=["a", "b", "c"])
    np.testing.assert_array_equal(found.coef_, model.coef_)
    assert found.artifact_source_["feature_names"] == "argument"
    np.testing.assert_array_equal(load_model(URI).estimator.coef_, model.coef_)


@pytest.mark.parametrize("region", ["us-east-1", None])
def test_a_bucket_of_another_region(bucket, monkeypatch, region):
    bucket.put_object(Bucket="bucket", Key="k", Body=b"there")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    if region:
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    assert read_object("s3://bucket/k", max_bytes=10) == b"there"


def test_an_object_that_is_too_large_is_not_downloaded(bucket, monkeypatch):
    bucket.put_object(Bucket="bucket", Key="k", Body=bytes(5000))
    assert len(read_object("s3://bucket/k", max_bytes=5000)) == 5000

    def fail(*_):
        raise AssertionError("downloaded")

    monkeypatch.setattr(StreamingBody, "read", fail)
    monkeypatch.setattr(StreamingChecksumBody, "read", fail)
    with pytest.raises(ArtifactError, match=r"of 5,000 bytes.*max_bytes=4999.*larger"):
        load_artifact("s3://bucket/k", max_bytes=4999)


def test_an_empty_object(bucket):
    bucket.put_object(Bucket="bucket", Key="k", Body=b"")
    with pytest.raises(ArtifactError, match="file is empty"):
        load_artifact("s3://bucket/k")


def test_what_is_not_there(bucket):
    with pytest.raises(S3NotFoundError, match=r"model.tar.gz: the bucket has no such"):
        load_artifact(URI)
    with pytest.raises(FileNotFoundError, match="there is no bucket 'bucket-2'"):
        load_artifact("s3://bucket-2/model.tar.gz")
    with pytest.raises(DataFileError, match=rf"^{URI}: the bucket has no such object"):
        load_model(URI)


@pytest.mark.parametrize(
    "uri",
    ["s3://", "s3://bucket", "s3://bucket/", "s3:///key", "s3://bucket/folder/",
     "s3://Bad Bucket!/key", "https://bucket/key", "x s3://bucket/key"],
)  # fmt: skip
def test_uris_that_name_no_object(uri):
    with pytest.raises(ValueError, match=r"names no object of S3; write s3://bucket"):
        read_object(uri, max_bytes=10)
    if uri.startswith("s3://"):
        with pytest.raises(ValueError, match="names no object"):
            load_artifact(uri)


def test_keys_are_taken_as_they_are():
    assert split_uri("s3://b/a//b?c=d%20#é") == ("b", "a//b?c=d%20#é")


@pytest.mark.parametrize("max_bytes", [0, 1.5, True])
def test_max_bytes_is_checked_first(max_bytes):
    with pytest.raises(ValueError, match="max_bytes"):
        load_artifact(URI, max_bytes=max_bytes)


def hidden(error):
    """Whether no credential shows, in messages, reprs or the traceback."""
    shown = "".join(traceback.format_exception(error)) + repr(error) + str(error)
    return KEY not in shown and SECRET not in shown


@mock_aws
def test_credentials_that_s3_does_not_know():
    @set_initial_no_auth_action_count(0)
    def load():
        with pytest.raises(S3AccessError, match=r"not valid \(InvalidAccess") as found:
            load_artifact(URI)
        assert hidden(found.value)

    load()


@pytest.mark.parametrize(
    "change",
    [{"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
     {"AWS_SECRET_ACCESS_KEY": None}, {"AWS_PROFILE": "nobody"}],
)  # fmt: skip
def test_no_credentials(monkeypatch, change):
    for name, value in change.items():
        monkeypatch.delenv(name, raising=False)
        if value:
            monkeypatch.setenv(name, value)
    with pytest.raises(S3AccessError, match="there are no credentials .*aws sso login"):
        load_artifact(URI)


def answering(monkeypatch, fault):
    def call(self, operation, arguments):
        raise fault

    monkeypatch.setattr(BaseClient, "_make_api_call", call)


@pytest.mark.parametrize(
    ("code", "status", "kind", "match"),
    [
        ("AccessDenied", 403, PermissionError, r"denied \(AccessDenied: as it says\)"),
        ("ExpiredToken", 400, S3AccessError, r"not valid \(ExpiredToken\); renew"),
        ("SignatureDoesNotMatch", 403, S3AccessError, "not valid"),
        ("404", 404, S3NotFoundError, "no such object"),
        ("SlowDown", 503, S3Error, r"does not give it \(SlowDown: as it says\)"),
    ],
)
def test_what_s3_answers(monkeypatch, code, status, kind, match):
    answer = {
        "Error": {"Code": code, "Message": "as it says", "AWSAccessKeyId": KEY},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    answering(monkeypatch, faults.ClientError(answer, "GetObject"))
    with pytest.raises(kind, match=match) as found:
        load_artifact(URI)
    assert isinstance(found.value, S3Error)
    assert hidden(found.value)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.EndpointConnectionError(endpoint_url=SECRET), S3Error),
        (
            faults.CredentialRetrievalError(provider="p", error_msg=SECRET),
            S3AccessError,
        ),
        (faults.UnauthorizedSSOTokenError(), S3AccessError),
        (faults.NoRegionError(), S3Error),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_goes_wrong_on_the_way(monkeypatch, fault, kind):
    answering(monkeypatch, fault)
    with pytest.raises(kind, match=rf"^{URI}: .*\({type(fault).__name__}\)") as found:
        load_artifact(URI)
    assert hidden(found.value)


def test_a_download_that_breaks_off(bucket, monkeypatch):
    bucket.put_object(Bucket="bucket", Key="k", Body=b"abcdef")
    whole = BaseClient._make_api_call

    def call(self, operation, arguments):
        answer = whole(self, operation, arguments)
        answer["Body"] = StreamingBody(io.BytesIO(b"abc"), 6)
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    with pytest.raises(S3Error, match=r"could not be read \(IncompleteReadError\)"):
        load_artifact("s3://bucket/k")


def test_without_boto3(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(OptionalDependencyError, match=r"sklearn_sagemaker\[sagemaker"):
        load_artifact(URI)
    with pytest.raises(DataFileError, match=r"sklearn_sagemaker\[sagemaker"):
        load_model(URI)


def test_boto3_is_imported_late(tmp_path, model):
    save_artifact(model, tmp_path / "model.tar.gz")
    code = """
        import sys, sklearn_sagemaker.sagemaker.s3
        from sklearn_sagemaker import load_artifact
        load_artifact(sys.argv[1])
        print([name for name in ("boto3", "botocore") if name in sys.modules])
    """
    found = subprocess.run(
        [sys.executable, "-c", inspect.cleandoc(code), tmp_path / "model.tar.gz"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.strip() == "[]"
