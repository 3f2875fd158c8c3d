"""Sessions: buckets, objects, roles, jobs, models, endpoints, and pickles of them."""

import copy
import json
import pickle
import subprocess
import sys

import boto3
import pytest

from sklearn_sagemaker import exceptions
from sklearn_sagemaker.sagemaker import _session_clients, _studio
from sklearn_sagemaker.sagemaker._session_clients import covers
from sklearn_sagemaker.sagemaker.session import (
    Session,
    container_def,
    get_execution_role,
    production_variant,
)
from tests.testing.jobs import IMAGE, LINEAR, job

ACCOUNT = "123456789012"


@pytest.fixture
def made():
    """A name that no other test has."""
    made.count = getattr(made, "count", 0) + 1
    return f"name-{made.count}"


# Buckets and objects


def calls(emulator, before):
    """Which operations were called since then, and how often."""
    now = emulator.calls
    return {name: n - before.get(name, 0) for name, n in now.items()
            if n > before.get(name, 0)}  # fmt: skip


def test_the_default_bucket_is_the_accounts_own(emulator):
    before = emulator.calls
    session = Session()
    assert session.default_bucket() == f"sagemaker-us-east-1-{ACCOUNT}"
    assert calls(emulator, before) == {"GetCallerIdentity": 1, "HeadBucket": 1}
    session.default_bucket()
    assert session.account_id() == ACCOUNT
    assert calls(emulator, before) == {"GetCallerIdentity": 1, "HeadBucket": 1}


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_a_bucket_that_is_not_there_is_created(emulator, region, made):
    session = Session(boto3.Session(region_name=region), default_bucket=made)
    before = emulator.calls
    assert session.default_bucket() == made
    assert calls(emulator, before) == {"HeadBucket": 1, "CreateBucket": 1}
    place = session.s3_client.get_bucket_location(Bucket=made)["LocationConstraint"]
    assert place == (None if region == "us-east-1" else region)


def test_another_process_may_create_it_at_the_same_time(faults, made):
    faults.fail("CreateBucket", code="OperationAborted", status=409, message="conflict")
    assert Session(default_bucket=made).default_bucket() == made
    faults.heal()
    faults.fail("CreateBucket", code="BucketAlreadyExists", status=409)
    with pytest.raises(exceptions.S3Error, match="BucketAlreadyExists"):
        Session(default_bucket=made).default_bucket()


def test_a_bucket_of_someone_else(emulator, monkeypatch):
    monkeypatch.setattr(Session, "account_id", lambda self: "999999999999")
    bucket = "sagemaker-us-east-1-999999999999"
    boto3.client("s3").create_bucket(Bucket=bucket)
    for found in (Session(), Session(default_bucket_prefix="p")):
        with pytest.raises(
            exceptions.S3AccessError,
            match=rf"s3://{bucket}: access is denied .*The role needs s3:ListBucket\. "
            r"The bucket may be another account's; give the session one of yours: "
            r"Session\(default_bucket=\.\.\.\)",
        ):
            found.default_bucket()


def test_the_default_bucket_may_change_hands(emulator, tmp_path, monkeypatch):
    """Each use of it says whose it must be."""
    session = Session()
    bucket = session.default_bucket()
    (tmp_path / "a").write_text("1")
    monkeypatch.setattr(Session, "account_id", lambda self: "999999999999")
    for use in (
        lambda: session.upload_data(tmp_path / "a"),
        lambda: session.upload_string_as_file_body("x", bucket, "k"),
        lambda: session.download_data(tmp_path, bucket, ""),
        lambda: session.read_s3_file(bucket, "k"),
        lambda: session.list_s3_files(bucket, ""),
    ):
        with pytest.raises(exceptions.S3AccessError, match="access is denied"):
            use()


def test_a_bucket_that_the_user_named_may_be_anyones(emulator, monkeypatch):
    monkeypatch.setattr(Session, "account_id", lambda self: "999999999999")
    session = Session(default_bucket=emulator.bucket)
    assert session.default_bucket() == emulator.bucket
    session.upload_string_as_file_body("x", emulator.bucket, "k")


def test_files_and_folders(emulator, session, tmp_path):
    source = tmp_path / "in"
    (source / "more" / "yet").mkdir(parents=True)
    (source / "a.csv").write_text("1")
    (source / "more" / "yet" / "b.csv").write_text("2")
    bucket = session.default_bucket()
    seen = []
    found = session.upload_data(str(source / "a.csv"), callback=seen.append)
    assert found == f"s3://{bucket}/data/a.csv"
    assert sum(seen) == 1
    found = session.upload_data(source, key_prefix="all/of")
    assert found == f"s3://{bucket}/all/of"
    keys = ["all/of/a.csv", "all/of/more/yet/b.csv"]
    assert session.list_s3_files(bucket, "all/of") == keys
    session.upload_string_as_file_body("", bucket, "all/of/folder/")
    target = tmp_path / "out"
    found = session.download_data(str(target), bucket, "all/of")
    assert found == [str(target / "a.csv"), str(target / "more" / "yet" / "b.csv")]
    assert (target / "more" / "yet" / "b.csv").read_text() == "2"
    found = session.download_data(str(target), bucket, "all/of/a.csv")
    assert found == [str(target / "a.csv")]
    assert session.download_data(target, bucket, "nothing") == []
    assert session.read_s3_file(bucket, "all/of/a.csv") == "1"
    with pytest.raises(FileNotFoundError, match="none does not exist; nothing is up"):
        session.upload_data(tmp_path / "none")


def test_extra_arguments_reach_s3(session, tmp_path):
    (tmp_path / "a").write_text("1")
    bucket = session.default_bucket()
    session.upload_data(
        tmp_path / "a", bucket, "kms", extra_args={"ServerSideEncryption": "AES256"}
    )
    session.upload_string_as_file_body("1", bucket, "kms/b", kms_key="key")
    heads = [
        session.s3_client.head_object(Bucket=bucket, Key=f"kms/{name}")
        for name in ("a", "b")
    ]
    assert [head["ServerSideEncryption"] for head in heads] == ["AES256", "aws:kms"]
    assert heads[1]["SSEKMSKeyId"] == "key"


def test_the_prefix_of_the_default_bucket(emulator, tmp_path):
    (tmp_path / "a").write_text("1")
    session = Session(default_bucket_prefix="team/x")
    bucket = session.default_bucket()
    assert session.upload_data(tmp_path / "a") == f"s3://{bucket}/team/x/data/a"
    # A bucket that is named has its own keys.
    assert session.upload_data(tmp_path / "a", bucket) == f"s3://{bucket}/data/a"


def test_more_keys_than_fit_on_a_page(session, monkeypatch):
    bucket = session.default_bucket()
    for k in range(5):
        session.upload_string_as_file_body("x", bucket, f"pages/{k}")
    whole = session._call

    def two(service, operation, what, /, **request):
        return whole(service, operation, what, **request, MaxKeys=2)

    monkeypatch.setattr(session, "_call", two)
    assert session.list_s3_files(bucket, "pages/") == [f"pages/{k}" for k in range(5)]


def test_keys_do_not_lead_out_of_the_folder(session, tmp_path):
    bucket = session.default_bucket()
    session.upload_string_as_file_body("bad", bucket, "way/out/../../../escaped")
    target = tmp_path / "folder"
    with pytest.raises(ValueError, match="leads out of the folder"):
        session.download_data(target, bucket, "way/out")
    assert not (tmp_path / "escaped").exists()


# Who calls


USER = f"arn:aws:iam::{ACCOUNT}:user/me"


def caller(monkeypatch, arn):
    whole = Session._call

    def call(self, service, operation, what, /, **request):
        if operation == "get_caller_identity":
            return {"Arn": arn, "Account": ACCOUNT}
        return whole(self, service, operation, what, **request)

    monkeypatch.setattr(Session, "_call", call)


def test_a_user_is_no_role(session, monkeypatch):
    caller(monkeypatch, USER)
    with pytest.raises(ValueError, match=r"not a role: arn.*user/me.*role='arn:aws"):
        get_execution_role(session)


def test_the_default_role_is_created_once(emulator, session, monkeypatch):
    attached = []

    def call(self, service, operation, what, /, **request):
        if operation == "attach_role_policy":  # moto has no policies of AWS's
            return attached.append(request)
        return whole(self, service, operation, what, **request)

    caller(monkeypatch, USER)
    whole = Session._call
    monkeypatch.setattr(Session, "_call", call)
    arn = f"arn:aws:iam::{ACCOUNT}:role/AmazonSageMaker-DefaultRole"
    before = emulator.calls
    assert get_execution_role(session, use_default=True) == arn
    assert get_execution_role(session, use_default=True) == arn
    assert calls(emulator, before)["CreateRole"] == 1
    policy = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    role = "AmazonSageMaker-DefaultRole"
    assert attached == [{"RoleName": role, "PolicyArn": policy}] * 2


def test_an_assumed_role_is_found_with_its_path(emulator, session, monkeypatch):
    session._call(
        "iam",
        "create_role",
        "role",
        RoleName="Deep",
        Path="/service-role/",
        AssumeRolePolicyDocument="{}",
    )
    caller(monkeypatch, f"arn:aws:sts::{ACCOUNT}:assumed-role/Deep/me")
    assert get_execution_role() == f"arn:aws:iam::{ACCOUNT}:role/service-role/Deep"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Mine", "role/Mine"),
        (
            "AmazonSageMaker-ExecutionRole-2",
            "role/service-role/AmazonSageMaker-ExecutionRole-2",
        ),
    ],
)
def test_iam_may_be_closed(faults, session, monkeypatch, caplog, name, expected):
    faults.fail("GetRole", code="AccessDenied", status=403)
    caller(monkeypatch, f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/me")
    assert get_execution_role(session) == f"arn:aws:iam::{ACCOUNT}:{expected}"
    assert "IAM does not say the path of the role" in caplog.text


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"ExecutionRoleArn": "arn:aws:iam::1:role/E"}, "arn:aws:iam::1:role/E"),
        ({"DomainId": "d-1", "UserProfileName": "me"}, "SageMakerRole"),
    ],
)
def test_notebooks_say_their_role(
    emulator, session, monkeypatch, tmp_path, metadata, expected
):
    monkeypatch.setattr(_studio, "METADATA", tmp_path / "m.json")
    (tmp_path / "m.json").write_text(json.dumps(metadata))
    assert get_execution_role(session).endswith(expected)


def test_a_notebook_instance_says_its_role(emulator, session, monkeypatch, tmp_path):
    session._call(
        "sagemaker",
        "create_notebook_instance",
        "notebook",
        NotebookInstanceName="book",
        InstanceType="ml.t3.medium",
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/OfBook",
    )
    caller(monkeypatch, USER)
    monkeypatch.setattr(_studio, "METADATA", tmp_path / "m.json")
    (tmp_path / "m.json").write_text(json.dumps({"ResourceName": "book"}))
    assert get_execution_role(session).endswith("role/OfBook")
    # What cannot be read is as if it were not there.
    (tmp_path / "m.json").write_text(json.dumps({"ResourceName": "none"}))
    with pytest.raises(ValueError, match="not a role"):
        get_execution_role(session)


def test_names_of_roles_are_expanded(emulator, session):
    assert session.expand_role("SageMakerRole") == emulator.role
    assert session.expand_role(emulator.role) == emulator.role
    with pytest.raises(exceptions.ResourceNotFoundError, match="role 'Nobody'"):
        session.expand_role("Nobody")
    with pytest.raises(ValueError, match="role=None must be the name or the ARN"):
        session.expand_role(None)


def test_tags_of_a_project_of_studio(monkeypatch, tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert _studio.tags_of(None) is None
    assert _studio.tags_of({"k": 1}) == [{"Key": "k", "Value": "1"}]
    said = {"sagemakerProjectId": "p-1", "sagemakerProjectName": "mine"}
    (tmp_path / "a" / _studio.PROJECT).write_text(json.dumps(said))
    project = [
        {"Key": "sagemaker:project-id", "Value": "p-1"},
        {"Key": "sagemaker:project-name", "Value": "mine"},
    ]
    own = [{"Key": "k", "Value": "v"}]
    assert _studio.tags_of(own) == own + project
    assert own == [{"Key": "k", "Value": "v"}]
    assert _studio.tags_of(own + project) == own + project
    assert _studio.tags_of(None) == project
    (tmp_path / "a" / _studio.PROJECT).write_text("no json")
    assert _studio.tags_of(None) is None


# Jobs


def test_a_lost_answer_to_create_is_made_good(faults, session, made, at_once):
    """The repeated call finds the name taken, by the job that the first one made."""
    rule = faults.fail("CreateTrainingJob", reset="after", times=1)
    session.create_training_job(job(faults, made))
    assert rule.seen == 2
    assert session.wait_for_job(made, quiet=True)["TrainingJobStatus"] == "Completed"


def test_a_job_of_someone_else_is_not_taken_for_ours(faults, session, made, at_once):
    session.create_training_job(job(faults, made, "pass"))
    with pytest.raises(exceptions.NameInUseError, match=f"'{made}': the name is taken"):
        session.create_training_job(job(faults, made, "pass"))
    faults.fail("CreateTrainingJob", reset="before", times=1)
    with pytest.raises(exceptions.NameInUseError, match="the name is taken"):
        session.create_training_job(job(faults, made, "1 / 0"))


@pytest.mark.parametrize(
    ("found", "sent", "expected"),
    [
        ({"a": 1, "more": 2}, {"a": 1, "Tags": [{}]}, True),
        ({"a": {"b": ["c", {"d": 1.0}]}}, {"a": {"b": ["c", {"d": 1}]}}, True),
        ({}, {"Environment": {}, "Flag": False, "List": []}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": [1]}, {"a": [1, 2]}, False),
        ({"a": "x"}, {"a": {"b": 1}}, False),
        ({}, {"a": 1}, False),
        (None, {"a": 1}, False),
    ],
)
def test_what_is_as_it_was_asked_for(found, sent, expected):
    assert covers(found, sent) is expected


def test_answers_that_are_all_lost(faults, session, made, at_once):
    faults.fail("CreateTrainingJob", reset="after")
    faults.fail("DescribeTrainingJob", reset="before")
    with pytest.raises(exceptions.AWSConnectionError, match="has no answer"):
        session.create_training_job(job(faults, made))
    faults.heal()
    faults.fail("CreateTrainingJob", reset="before")
    with pytest.raises(exceptions.AWSConnectionError, match="may have been created"):
        session.create_training_job(job(faults, made + "-2"))


@pytest.mark.parametrize("name", ["my_job", "-a", "a" * 64, "", "a.b", None])
def test_names_are_checked_before_any_call(emulator, session, name):
    before = emulator.calls
    with pytest.raises(ValueError, match=f"{name!r} cannot name a training job: "):
        session.create_training_job(job(emulator, name))
    with pytest.raises(ValueError, match="cannot name a model"):
        session.create_model(name, emulator.role, IMAGE)
    with pytest.raises(ValueError, match="cannot name an? endpoint"):
        session.create_endpoint(name, "config")
    assert calls(emulator, before) == {}


def test_what_was_just_created_may_not_be_found_at_once(faults, session, made):
    session.create_training_job(job(faults, made))
    missing = {
        "code": "ValidationException",
        "message": "Requested resource not found.",
    }
    rule = faults.fail("DescribeTrainingJob", times=2, **missing)
    assert session.describe_training_job(made)["TrainingJobName"] == made
    assert rule.done == 2
    # But not what somebody else has created.
    rule = faults.fail("DescribeTrainingJob", times=2, **missing)
    with pytest.raises(exceptions.ResourceNotFoundError):
        Session().describe_training_job(made)
    assert rule.done == 1


def test_what_was_deleted_is_not_waited_for(emulator, session, made):
    session.create_model(made, emulator.role, IMAGE)
    session.delete_model(made)
    before = emulator.calls
    with pytest.raises(exceptions.ResourceNotFoundError):
        session.describe_model(made)
    assert calls(emulator, before) == {"DescribeModel": 1}


def test_what_never_comes_is_given_up(faults, session, made, monkeypatch):
    session.create_training_job(job(faults, made))
    monkeypatch.setattr(_session_clients, "FRESH_SECONDS", 0.5)
    faults.fail("DescribeTrainingJob", code="ResourceNotFound")
    with pytest.raises(exceptions.ResourceNotFoundError):
        session.describe_training_job(made)


def test_jobs_that_have_ended_may_be_stopped(emulator, session, made):
    session.create_training_job(job(emulator, made))
    session.wait_for_job(made, quiet=True)
    session.stop_training_job(made)
    for stop in (session.stop_training_job, session.stop_transform_job):
        with pytest.raises(exceptions.ResourceNotFoundError, match="'none'"):
            stop("none")


def test_stopping_may_be_refused(faults, session):
    faults.fail("StopTrainingJob", code="ValidationException", message="is Completed")
    session.stop_training_job("any")
    faults.heal()
    faults.fail("StopTrainingJob", code="AccessDeniedException")
    with pytest.raises(exceptions.AWSAccessError, match="sagemaker:StopTrainingJob"):
        session.stop_training_job("any")


def test_no_job_is_created_when_the_quota_is_used_up(faults, session, made):
    rule = faults.fail("CreateTrainingJob", code="ResourceLimitExceeded")
    with pytest.raises(exceptions.QuotaExceededError, match=f"training job '{made}'"):
        session.create_training_job(job(faults, made))
    assert rule.seen == 1


# Models and endpoints


@pytest.fixture(scope="module")
def artifact(emulator, session):
    session.create_training_job(job(emulator, "trained", 'put("m", "model/m")'))
    found = session.wait_for_job("trained", quiet=True)
    return found["ModelArtifacts"]["S3ModelArtifacts"]


def test_a_model_that_exists_is_used_if_it_is_the_same(
    emulator, session, artifact, made, caplog
):
    assert session.create_model(made, emulator.role, container_def(IMAGE, artifact))
    assert session.create_model(made, emulator.role, container_def(IMAGE, artifact))
    assert "exists, just like this one, and is used" in caplog.text
    with pytest.raises(exceptions.NameInUseError, match=f"model '{made}': the name is"):
        session.create_model(made, emulator.role, container_def(LINEAR, artifact))
    session.delete_model(made)
    with pytest.raises(exceptions.ResourceNotFoundError, match=f"model '{made}'"):
        session.delete_model(made)


def test_a_model_of_a_job(emulator, session, artifact, made):
    assert session.create_model_from_job("trained") == "trained"
    found = session.describe_model("trained")
    source = found["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]
    assert source["S3Uri"] == artifact
    assert found["ExecutionRoleArn"] == emulator.role
    request = job(emulator, made, "time.sleep(60)")
    session.create_training_job(request)
    with pytest.raises(ValueError, match=f"'{made}' has no model: it is InProgress"):
        session.create_model_from_job(made)
    session.stop_training_job(made)


def test_a_model_of_nothing(emulator, session, made):
    nowhere = container_def(IMAGE, f"s3://{emulator.bucket}/none/model.tar.gz")
    with pytest.raises(
        exceptions.ResourceNotFoundError,
        match=f"model '{made}': what it needs is not there .*none/model.tar.gz",
    ):
        session.create_model(made, emulator.role, nowhere)


def test_one_container_in_three_spellings(emulator, session, made):
    with pytest.warns(DeprecationWarning, match="primary_container is container_defs"):
        session.create_model(made, emulator.role, primary_container=IMAGE)
    assert session.describe_model(made)["PrimaryContainer"]["Image"] == IMAGE
    with pytest.raises(ValueError, match="give one"):
        session.create_model(made, emulator.role, IMAGE, primary_container=IMAGE)


SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def do_POST(self):
        self.do_GET()
    def log_message(self, *_): pass
port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def served(emulator, session, artifact):
    """A model whose server answers at once."""
    image = "example.com/server:1"
    emulator.image(image, [sys.executable, "-I", "-S", "-c", SERVER])
    session.create_model("served", emulator.role, container_def(image, artifact))
    return "served"


def test_an_endpoint_from_start_to_end(emulator, session, served, made, capsys):
    variant = production_variant(served, "ml.m5.large")
    tags = {"team": "a"}
    assert session.endpoint_from_production_variants(made, [variant], tags) == made
    assert "InService" in capsys.readouterr().out
    assert session.endpoint_arn.endswith(f"endpoint/{made}")
    assert session.endpoint_in_service_or_not(made)
    assert session.list_tags(session.endpoint_arn) == [{"Key": "team", "Value": "a"}]
    with pytest.raises(
        exceptions.NameInUseError,
        match=rf"an endpoint '{made}' already.*endpoint_name=.*update_endpoint=True",
    ):
        session.create_endpoint(made, made)
    again = session.create_endpoint_config_from_existing(made, f"{made}-2")
    assert again == f"{made}-2"
    found = session.describe_endpoint_config(again)
    assert found["ProductionVariants"][0]["ModelName"] == served
    session.update_endpoint(made, again)
    assert session.describe_endpoint(made)["EndpointConfigName"] == again
    session.delete_endpoint(made)
    for name in (made, again):
        session.delete_endpoint_config(name)
    assert not session.endpoint_in_service_or_not(made)
    with pytest.raises(ValueError, match=f"There is no endpoint '{made}' to update"):
        session.update_endpoint(made, made)


def test_lost_answers_of_endpoints(faults, session, served, made, at_once):
    variant = production_variant(served, "ml.m5.large")
    rules = [
        faults.fail(operation, reset="after", times=1)
        for operation in ("CreateEndpointConfig", "CreateEndpoint")
    ]
    session.endpoint_from_production_variants(made, [variant], wait=False)
    assert [rule.seen for rule in rules] == [2, 2]
    session.wait_for_endpoint(made, quiet=True)
    session.delete_endpoint(made)


def test_variants_without_a_model_need_a_role(emulator, session, made):
    variant = production_variant(instance_type="ml.m5.large")
    with pytest.raises(ValueError, match="role=''"):
        session.create_endpoint_config(made, production_variants=[variant])


# The session itself


def test_pickles_have_no_client_and_no_credentials(emulator, monkeypatch):
    session = Session()
    session.default_bucket()
    keys = session.boto_session.get_credentials()
    data = pickle.dumps(session)
    assert keys.secret_key.encode() not in data
    assert keys.access_key.encode() not in data
    again = pickle.loads(data)
    assert again._clients == {}
    assert again.default_bucket() == session.default_bucket()
    assert again.boto_region_name == "us-east-1"
    assert again.account_id() == ACCOUNT
    assert again.sagemaker_client is again.sagemaker_client
    assert keys.secret_key not in repr(vars(again)) + repr(session)
    assert copy.deepcopy(session) is session


def test_keys_that_were_given_are_not_stored(emulator):
    keys = boto3.Session().get_credentials()
    given = boto3.Session(keys.access_key, keys.secret_key, region_name="eu-west-1")
    session = Session(given)
    data = pickle.dumps(session)
    assert keys.secret_key.encode() not in data
    again = pickle.loads(data)
    assert again.boto_region_name == "eu-west-1"
    with pytest.raises(
        exceptions.AWSCredentialsError, match=r"not stored with it; make a new Session"
    ):
        again.default_bucket()


def test_clients_that_are_given_are_used(emulator):
    client = boto3.client("sagemaker", region_name="us-east-1")
    runtime = boto3.client("sagemaker-runtime", region_name="us-east-1")
    session = Session(sagemaker_client=client, sagemaker_runtime_client=runtime)
    assert session.sagemaker_client is client
    assert session.sagemaker_runtime_client is runtime
    assert session.s3_resource.Bucket(emulator.bucket).name == emulator.bucket


def test_a_session_needs_a_region(monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(ValueError, match="There is no region; set AWS_DEFAULT_REGION"):
        Session()
    with pytest.raises(ValueError, match="on_interrupt='kill' must be"):
        Session(on_interrupt="kill")


def test_importing_needs_neither_boto3_nor_a_region():
    code = """
import sys
import sklearn_sagemaker.sagemaker.session
import sklearn_sagemaker.sagemaker.exceptions
import sklearn_sagemaker.sagemaker.image_uris
print([name for name in ("boto3", "botocore", "sagemaker") if name in sys.modules])
"""
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"


def test_without_boto3(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(
        exceptions.OptionalDependencyError, match=r"sklearn_sagemaker\[sagemaker\]"
    ):
        Session()
