"""Whose credentials sign, and what is said when they do not hold."""

import contextlib
import datetime
import hashlib
import http.server
import json
import re
import threading

import boto3
import botocore.loaders
import botocore.session
import numpy as np
import pytest
from botocore.exceptions import ClientError

from sklearn_sagemaker import exceptions, sagemaker
from sklearn_sagemaker.sagemaker.session import Session, get_execution_role

KEYS = {"first": "AKIAFIRSTFIRSTFIRST1", "second": "AKIASECONDSECONDSEC2"}
ROLE = "arn:aws:iam::111122223333:role/R"
SECRET = "secret/of/everything"
START = "https://example.awsapps.com/start"


@pytest.fixture
def aws(tmp_path, monkeypatch):
    """A function that writes the files of the AWS CLI, which are the only ones."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                 "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    def write(config, credentials=""):
        (tmp_path / "config").write_text(config)
        (tmp_path / "credentials").write_text(credentials)

    write("[default]\nregion = us-east-1\n")
    return write


@pytest.fixture
def recorded(monkeypatch):
    """Access keys of the requests that a server has seen, by service."""
    found = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            credential = re.search(
                r"Credential=(\w+)/\d+/[\w-]+/(\w+)/", self.headers["Authorization"]
            )
            found.append((credential[2], credential[1]))
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    yield found
    server.shutdown()
    server.server_close()


def test_each_call_is_signed_by_the_profile_of_its_session(aws, recorded, tmp_path):
    aws(
        "[profile first]\nregion = us-east-1\n[profile second]\nregion = eu-west-1\n",
        "".join(
            f"[{name}]\naws_access_key_id = {key}\naws_secret_access_key = {SECRET}\n"
            for name, key in KEYS.items()
        ),
    )
    loader = botocore.loaders.Loader()  # reads the large models of services once
    sessions = {}
    for name in KEYS:
        core = botocore.session.Session(profile=name)
        core.register_component("data_loader", loader)
        boto_session = boto3.Session(botocore_session=core)
        sessions[name] = Session(boto_session, default_bucket="b")
    assert sessions["second"].boto_region_name == "eu-west-1"
    (tmp_path / "data").write_text("1")

    def uses(session):
        yield session.default_bucket
        yield lambda: session.upload_data(tmp_path / "data", "b")
        yield lambda: session.download_data(tmp_path, "b", "k")
        yield lambda: session.read_s3_file("b", "k")
        yield lambda: session.upload_string_as_file_body("x", "b", "k")
        yield session.account_id
        yield lambda: session.expand_role("name")
        yield lambda: get_execution_role(session)
        yield lambda: session.describe_training_job("job")
        yield lambda: session.logs_for_job("job")
        yield lambda: session._call("logs", "describe_log_groups", "logs")
        yield lambda: session.stop_transform_job("job")
        yield lambda: session.create_model("m", "arn:aws:iam::1:role/r", "image")
        yield lambda: session._call(
            "sagemaker-runtime", "invoke_endpoint", "e", EndpointName="e", Body=b""
        )
        yield lambda: list(session.s3_resource.buckets.all())
        there = {"sagemaker_session": session}
        where = (1, "ml.m5.large")
        learner = sagemaker.LinearLearner(ROLE, *where, "regressor", **there)
        yield lambda: learner.record_set(np.ones((2, 2), "float32"))
        yield lambda: learner.fit({"train": "s3://b/train"})
        yield lambda: sagemaker.LinearLearner.attach("job", **there)
        yield lambda: sagemaker.Model("image", role=ROLE, **there).deploy(*where)
        yield lambda: sagemaker.Predictor("e", session).predict(b"1")
        yield lambda: sagemaker.Predictor("e", session).delete_endpoint()
        yield lambda: sagemaker.Transformer("m", *where, **there).transform("s3://b/x")
        yield lambda: sagemaker.TrainingJobAnalytics("j", **there).dataframe()
        yield lambda: sagemaker.s3.S3Downloader.list("s3://b/k", session)
        yield lambda: sagemaker.s3.S3Uploader.upload_string_as_file_body(
            "x", "s3://b/k", **there
        )

    for name, session in sessions.items():
        recorded.clear()
        for use in uses(session):
            before = len(recorded)
            with contextlib.suppress(exceptions.AWSError, ClientError):
                use()
            assert len(recorded) > before
        assert {key for _, key in recorded} == {KEYS[name]}
        services = {service for service, _ in recorded}
        assert services == {"sagemaker", "s3", "sts", "iam", "logs"}


def failing(profile=None):
    """The error of the first call of a session, and what it shows."""
    with pytest.raises(exceptions.AWSCredentialsError) as caught:
        Session(boto3.Session(profile_name=profile) if profile else None).account_id()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return str(caught.value)


def test_there_are_none(aws):
    text = failing()
    assert text.startswith("the caller's account: there are no credentials")
    assert "(NoCredentialsError); run 'aws configure' or 'aws sso login'" in text


def test_half_a_pair(aws):
    aws("[profile p]\nregion=us-east-1\n", "[p]\naws_access_key_id = AKIAHALF\n")
    text = failing("p")
    assert "of profile 'p'" in text
    assert "PartialCredentialsError" in text
    assert "AKIAHALF" not in text


def test_there_is_no_such_profile(aws, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    text = failing()
    assert "there are no credentials of profile 'nobody' (ProfileNotFound)" in text


def test_a_process_that_fails(aws):
    aws("[profile p]\nregion=us-east-1\ncredential_process = sh -c 'exit 3'\n")
    assert "CredentialRetrievalError" in failing("p")


def test_a_role_of_a_profile_that_is_not_there(aws):
    aws(
        "[profile p]\nregion=us-east-1\nrole_arn = arn:aws:iam::1:role/r\n"
        "source_profile = none\n"
    )
    assert "InvalidConfigError" in failing("p")


SSO = """
[profile old]
region = us-east-1
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1
sso_account_id = 111122223333
sso_role_name = Admin
[profile new]
region = us-east-1
sso_session = s
sso_account_id = 111122223333
sso_role_name = Admin
[sso-session s]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1
"""


@pytest.mark.parametrize(("profile", "cached"), [("old", START), ("new", "s")])
@pytest.mark.parametrize("expired", [True, False])
def test_sso_names_the_command_that_renews_it(aws, tmp_path, profile, cached, expired):
    aws(SSO)
    if expired:
        folder = tmp_path / ".aws" / "sso" / "cache"
        folder.mkdir(parents=True)
        then = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        token = {
            "startUrl": START,
            "region": "us-east-1",
            "accessToken": SECRET,
            "expiresAt": then.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        name = hashlib.sha1(cached.encode()).hexdigest()
        (folder / f"{name}.json").write_text(json.dumps(token))
    text = failing(profile)
    assert f"the credentials of profile '{profile}' have expired" in text
    assert f"'aws sso login --profile {profile}'" in text
    assert SECRET not in text


def test_a_profile_that_the_environment_names(aws, monkeypatch):
    aws(SSO)
    monkeypatch.setenv("AWS_PROFILE", "new")
    assert "'aws sso login --profile new'" in failing()
    # Also of clients that we have not made.
    client = boto3.client("sagemaker")
    with pytest.raises(exceptions.AWSCredentialsError, match="login --profile new'"):
        Session(sagemaker_client=client).stop_training_job("j")


def test_a_token_that_expires_on_the_way(faults, tmp_path, monkeypatch):
    keys = boto3.Session().get_credentials()
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "credentials").write_text(
        f"[work]\naws_access_key_id = {keys.access_key}\n"
        f"aws_secret_access_key = {keys.secret_key}\n"
    )
    session = Session(boto3.Session(profile_name="work", region_name="us-east-1"))
    rule = faults.fail("DescribeTrainingJob", code="ExpiredTokenException")
    with pytest.raises(
        exceptions.AWSCredentialsError,
        match=r"^training job 'j': the credentials of profile 'work' have expired.*"
        r"'aws sso login --profile work'",
    ) as caught:
        session.wait_for_job("j")
    assert "Estimator.attach('j') waits for it again" in str(caught.value)
    assert keys.secret_key not in str(caught.value)
    assert rule.seen == 1


def test_a_role_that_may_not_be_assumed(faults, tmp_path, monkeypatch):
    keys = boto3.Session().get_credentials()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    (tmp_path / "config").write_text(
        "[profile deep]\nregion = us-east-1\nrole_arn = arn:aws:iam::1:role/deep\n"
        f"source_profile = base\n[profile base]\naws_access_key_id={keys.access_key}\n"
        f"aws_secret_access_key={keys.secret_key}\n"
    )
    faults.fail("AssumeRole", code="AccessDenied", status=403, message="not you")
    session = Session(boto3.Session(profile_name="deep"))
    for use in (session.account_id, lambda: session.read_s3_file("b", "k")):
        with pytest.raises(
            exceptions.AWSAccessError,
            match=r"denied \(AccessDenied: not you\)\. The \w+ needs sts:AssumeRole",
        ):
            use()
