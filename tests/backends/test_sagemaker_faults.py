"""What goes wrong between here and SageMaker, on the emulator's real socket.

After each fault the estimator is as before, nothing is left behind, and a second fit
works. The image of these jobs copies a model that is there already.
"""

import io
import sys
import tarfile

import boto3
import numpy as np
import pytest
from sklearn.base import clone

from sklearn_sagemaker import LinearLearnerRegressor
from sklearn_sagemaker.backends import LocalBackend, SageMakerBackend
from sklearn_sagemaker.exceptions import (
    ArtifactError,
    AWSConnectionError,
    AWSCredentialsError,
    AWSError,
    NameInUseError,
    QuotaExceededError,
    QuotaWarning,
    S3AccessError,
    S3Error,
    S3NotFoundError,
    StoredStateError,
    ThrottledError,
    TrainingJobCapacityError,
    TrainingJobFailedError,
    TrainingJobStoppedError,
)
from sklearn_sagemaker.io.problem_files import write_state
from sklearn_sagemaker.sagemaker import _calls, _waiting, training_jobs
from sklearn_sagemaker.testing import SageMakerEmulator

IMAGE = "example.com/quick:1"
PROGRAM = """
import os, shutil, sys, time
root = os.environ["SAGEMAKER_BASE_DIR"]
job = os.environ["TRAINING_JOB_NAME"]
failure = sys.argv[1] + "/" + "failure"
while os.path.exists(sys.argv[1] + "/wait"):
    time.sleep(0.01)
if os.path.exists(failure):
    shutil.copy(failure, root + "/output/failure")
    sys.exit(1)
shutil.copy(sys.argv[1] + "/state.zip", root + "/output/data/state.zip")
"""
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)), RNG.normal(size=40)
LIMIT = (
    "The account-level service limit 'ml.m5.xlarge for training job usage' is {} "
    "Instances, with current utilization of {} Instances and a request delta of 1 "
    "Instances."
)
MOST_CALLS = 100


class Kept(LocalBackend):
    """Trains here, and keeps the state."""

    def train(self, spec, data, monitor=None):
        self.state = super().train(spec, data, monitor)
        return self.state


LOCAL = LinearLearnerRegressor(epochs=2, num_models=2, random_state=0, backend=Kept())
LOCAL.fit(X, Y)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("image")
    write_state(found / "state.zip", LOCAL.backend.state)
    return found


@pytest.fixture(scope="module")
def running(folder):
    with SageMakerEmulator(scale=0.0) as emulator:
        command = [sys.executable, "-I", "-S", "-c", PROGRAM, str(folder)]
        emulator.image(IMAGE, command)
        yield emulator


@pytest.fixture
def emulator(running, folder, monkeypatch):
    """The emulator, which is well again afterwards, and has no upload half done."""
    # Each further attempt waits twice as long.
    monkeypatch.setattr(_calls, "ATTEMPTS", 3)
    yield running
    running.heal()
    for name in ("wait", "failure"):
        (folder / name).unlink(missing_ok=True)
    s3 = boto3.client("s3")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=running.bucket)


def remote(**more):
    backend = SageMakerBackend(**{"image": IMAGE, "poll": 0.05, **more})
    return clone(LOCAL).set_params(backend=backend)


def jobs():
    found = boto3.client("sagemaker").list_training_jobs(MaxResults=100)
    return {one["TrainingJobName"] for one in found["TrainingJobSummaries"]}


def fails(emulator, kind, match, model=None, rows=(X, Y)):
    """A fit that fails in bounded calls, without a word of credentials or rows."""
    model = remote() if model is None else model
    before = sum(emulator.calls.values())
    with pytest.raises(kind, match=match) as caught:
        model.fit(*rows)
    assert sum(emulator.calls.values()) - before < MOST_CALLS
    said = f"{caught.value!r} {caught.value.__cause__!r}"
    secrets = [*emulator.environment().values()][1:3]
    assert not [text for text in (*secrets, str(X[0, 0])) if text in said]
    assert not hasattr(model, "coef_")
    assert not hasattr(model, "n_features_in_")
    return caught.value


def works(emulator, model):
    """A second fit."""
    emulator.heal()
    assert (model.fit(X, Y).coef_ == LOCAL.coef_).all()


# -------------------------------------------------------------------- creating a job
@pytest.mark.slow
def test_too_many_calls_pass(emulator):
    for operation in ("CreateTrainingJob", "DescribeTrainingJob"):
        emulator.fail(operation, code="ThrottlingException", times=2)
    assert (remote().fit(X, Y).coef_ == LOCAL.coef_).all()


def test_too_many_calls_for_ever(emulator):
    before = jobs()
    emulator.fail("CreateTrainingJob", code="ThrottlingException")
    model = remote()
    fails(emulator, ThrottledError, "training job 'sklearn-sagemaker-.*", model)
    assert jobs() == before
    works(emulator, model)


@pytest.mark.parametrize("times", [1, 50], ids=["one answer", "all answers"])
def test_an_answer_is_lost_after_the_job_was_created(emulator, times):
    before = jobs()
    emulator.fail("CreateTrainingJob", reset="after", times=times)
    model = remote().fit(X, Y)
    assert jobs() - before == {model.training_job_["name"]}


def test_no_answer_at_all(emulator):
    before = jobs()
    emulator.fail("CreateTrainingJob", reset="before")
    model = remote()
    fails(emulator, AWSConnectionError, "CreateTrainingJob has no answer", model)
    assert jobs() == before
    works(emulator, model)


def test_a_job_of_that_name_that_is_not_ours(emulator, monkeypatch):
    first = remote().fit(X, Y).training_job_["name"]
    monkeypatch.setattr(
        training_jobs, "nonce", lambda: first.removeprefix("sklearn-sagemaker-")
    )
    model = remote(instance_type="ml.c5.xlarge")
    fails(emulator, NameInUseError, first, model)
    monkeypatch.undo()
    works(emulator, model)


def test_a_quota_that_is_free_later(emulator):
    said = {"code": "ResourceLimitExceeded", "message": LIMIT.format(4, 4)}
    emulator.fail("CreateTrainingJob", **said, times=3)
    with pytest.warns(QuotaWarning, match="waits until it is allowed") as caught:
        remote(poll=0.01).fit(X, Y)
    assert len([one for one in caught if one.category is QuotaWarning]) == 1


QUOTAS = {
    "raise": ({"on_quota": "raise"}, 4),
    "never enough": ({}, 0),
    "too long": ({"max_run": 1, "poll": 0.2}, 4),
}


@pytest.mark.filterwarnings("ignore::sklearn_sagemaker.exceptions.QuotaWarning")
@pytest.mark.parametrize("case", QUOTAS)
def test_a_quota_that_does_not_allow_it(emulator, case):
    settings, limit = QUOTAS[case]
    said = {"code": "ResourceLimitExceeded", "message": LIMIT.format(limit, limit)}
    emulator.fail("CreateTrainingJob", **said)
    model = remote(**settings)
    fails(emulator, QuotaExceededError, "Service Quotas", model)
    works(emulator, model)


# -------------------------------------------------------------------------- rows on S3
def large():
    """Rows of several parts of an upload."""
    rng = np.random.default_rng()
    return rng.normal(size=(1_000_000, 3)), rng.normal(size=1_000_000)


STORAGE = {
    "denied": (
        {"code": "AccessDenied", "status": 403},
        S3AccessError,
        "s3://sagemaker-.*s3:PutObject",
    ),
    "no bucket": (
        {"code": "NoSuchBucket", "status": 404},
        S3NotFoundError,
        "there is no bucket 'sagemaker-",
    ),
    "busy": ({"code": "SlowDown", "status": 503}, S3Error, "SlowDown"),
    "clock": (
        {"code": "RequestTimeTooSkewed", "status": 403},
        AWSCredentialsError,
        "clock is wrong",
    ),
}


@pytest.mark.parametrize("case", STORAGE)
def test_rows_that_cannot_be_written(emulator, case):
    fault, kind, match = STORAGE[case]
    before = jobs()
    emulator.fail("PutObject", **fault)
    model = remote()
    rows = X + len(case), Y
    fails(emulator, kind, match, model, rows)
    assert jobs() == before
    works(emulator, model)


def test_a_bucket_of_somebody_else(emulator):
    before = jobs()
    model = remote(expected_bucket_owner="999999999999")
    fails(emulator, S3AccessError, "access is denied", model)
    assert jobs() == before
    model.set_params(backend__expected_bucket_owner="123456789012")
    works(emulator, model)


def test_a_part_that_is_refused_for_a_while(emulator):
    rule = emulator.fail("UploadPart", code="SlowDown", status=503, skip=1, times=2)
    remote().fit(*large())
    assert rule.done == 2


def test_a_part_that_is_refused_for_ever(emulator):
    emulator.fail("UploadPart", code="SlowDown", status=503, skip=1)
    before, stored = jobs(), objects(emulator)
    fails(emulator, S3Error, "SlowDown", rows=large())
    assert jobs() == before
    assert objects(emulator) == stored


def objects(emulator):
    found = boto3.client("s3").list_objects_v2(Bucket=emulator.bucket)
    return {item["Key"] for item in found.get("Contents", ())}


# ------------------------------------------------------------------------ while it runs
def test_credentials_that_expire_while_it_runs(emulator):
    emulator.fail("DescribeTrainingJob", code="ExpiredTokenException", skip=1)
    before, model = jobs(), remote(poll=0.01)
    # It runs until the fault was there.
    error = fails(emulator, AWSCredentialsError, "have expired.*goes on", model)
    (name,) = jobs() - before
    assert name in str(error)
    emulator.heal()
    again = type(model).attach(name, backend=model.backend)
    assert (again.coef_ == LOCAL.coef_).all()


def test_a_job_that_the_service_does_not_know_at_once(emulator):
    rule = emulator.fail(
        "DescribeTrainingJob",
        code="ValidationException",
        message="Requested resource not found.",
        times=2,
    )
    assert (remote().fit(X, Y).coef_ == LOCAL.coef_).all()
    assert rule.done == 2


def test_a_job_that_takes_too_long(emulator, folder):
    (folder / "wait").touch()
    model = remote(max_run=1)
    fails(emulator, TrainingJobStoppedError, "MaxRuntimeExceeded", model)
    (folder / "wait").unlink()
    works(emulator, model)


@pytest.fixture
def interrupted(monkeypatch, folder):
    """Ctrl-C at the first pause of a job, which runs on until the end of the test."""
    (folder / "wait").touch()

    def take(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_waiting.Pauses, "take", take)
    yield
    (folder / "wait").unlink(missing_ok=True)


@pytest.mark.parametrize("policy", ["leave", "stop"])
def test_ctrl_c(emulator, interrupted, policy, capsys, folder):
    before, model = jobs(), remote(on_interrupt=policy)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    (name,) = jobs() - before
    assert name in capsys.readouterr().err
    assert not hasattr(model, "coef_")
    found = boto3.client("sagemaker").describe_training_job(TrainingJobName=name)
    running = found["TrainingJobStatus"] == "InProgress"
    assert running == (policy == "leave")
    if running:
        boto3.client("sagemaker").stop_training_job(TrainingJobName=name)


def test_a_job_that_somebody_stops(emulator, folder):
    (folder / "wait").touch()
    model = remote(wait=False).fit(X, Y)
    name = model.pending_training_.name
    boto3.client("sagemaker").stop_training_job(TrainingJobName=name)
    with pytest.raises(TrainingJobStoppedError, match=name):
        model.wait_for_training()
    assert not hasattr(model, "coef_")


REASONS = {
    "AlgorithmError: no": (TrainingJobFailedError, False),
    "ClientError: no": (TrainingJobFailedError, False),
    "InternalServerError: no": (TrainingJobFailedError, True),
    "CapacityError: no": (TrainingJobCapacityError, True),
}


@pytest.mark.parametrize("reason", REASONS)
def test_a_job_that_fails(emulator, folder, reason):
    kind, retryable = REASONS[reason]
    (folder / "failure").write_text(reason)
    model = remote()
    error = fails(emulator, kind, reason, model)
    assert error.retryable == retryable
    assert error.job_name in str(error)
    (folder / "failure").unlink()
    works(emulator, model)


# ----------------------------------------------------------------------- what it leaves
def test_a_download_that_breaks_off(emulator, monkeypatch):
    monkeypatch.setattr(
        "sklearn_sagemaker.sagemaker.training_objects.PAUSE", 0.01, raising=True
    )
    rule = emulator.fail("GetObject", cut=100, skip=1, times=1)
    # The second object that is read here, behind the emulator's own reading.
    model = remote(wait=False).fit(X, Y)
    assert (model.wait_for_training().coef_ == LOCAL.coef_).all()
    assert rule.done == 1
    emulator.heal()
    model = remote(wait=False).fit(X, Y)
    emulator.fail("GetObject", cut=100)
    with pytest.raises(AWSError, match="s3://"):
        model.wait_for_training()
    assert not hasattr(model, "coef_")
    emulator.heal()
    assert (model.wait_for_training().coef_ == LOCAL.coef_).all()


def test_a_model_that_is_gone(emulator):
    model = remote(wait=False).fit(X, Y)
    client = boto3.client("sagemaker")
    name = model.pending_training_.name
    _waiting.wait(
        model.backend.access.session(), _waiting.TRAINING, name, poll=0.05, quiet=True
    )
    found = client.describe_training_job(TrainingJobName=name)
    uri = found["ModelArtifacts"]["S3ModelArtifacts"].replace("model.tar", "output.tar")
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    boto3.client("s3").delete_object(Bucket=bucket, Key=key)
    with pytest.raises(S3NotFoundError, match=r"output\.tar\.gz"):
        model.wait_for_training()


def archive(*members, kind=tarfile.REGTYPE, data=b""):
    """A tar.gz of members of a kind."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as found:
        for name in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            member.size = len(data) if kind == tarfile.REGTYPE else 0
            found.addfile(member, io.BytesIO(data))
    return stream.getvalue()


DAMAGED = {
    "a flipped bit": {"flip": 400},
    "no archive": {"body": b"<html>"},
    "an empty one": {"body": archive()},
    "half of it": {"body": archive("state.zip", data=bytes(range(256)) * 99)[:900]},
    "another file": {"body": archive("other.zip", data=b"1")},
    "no state": {"body": archive("state.zip", data=b"PK")},
    "a path out of it": {"body": archive("../state.zip", data=b"PK")},
    "a link": {"body": archive("state.zip", kind=tarfile.SYMTYPE)},
    "a hard link": {"body": archive("state.zip", kind=tarfile.LNKTYPE)},
    "a device": {"body": archive("state.zip", kind=tarfile.CHRTYPE)},
    "a pipe": {"body": archive("state.zip", kind=tarfile.FIFOTYPE)},
    "one file twice": {"body": archive("state.zip", "state.zip", data=b"PK")},
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_comes_back_is_damaged_or_hostile(emulator, case, tmp_path, monkeypatch):
    monkeypatch.setattr("sklearn_sagemaker.sagemaker.training_objects.PAUSE", 0.01)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    model = remote(wait=False).fit(X, Y)
    rule = emulator.fail("GetObject", where="output.tar.gz", **DAMAGED[case])
    kinds = (ArtifactError, StoredStateError, AWSError)
    with pytest.raises(kinds, match=r"output\.tar\.gz|state\.zip"):
        model.wait_for_training()
    assert 0 < rule.done < 20
    assert not hasattr(model, "coef_")
    assert not [*tmp_path.glob("**/state.zip")]
    emulator.heal()
    assert (model.wait_for_training().coef_ == LOCAL.coef_).all()


def test_a_log_that_is_closed(emulator, folder):
    emulator.fail("GetLogEvents", code="AccessDeniedException")
    emulator.fail("DescribeLogStreams", code="AccessDeniedException")
    works_without = remote(logs=True).fit(X, Y)
    assert (works_without.coef_ == LOCAL.coef_).all()
    (folder / "failure").write_text("ClientError: no")
    fails(emulator, TrainingJobFailedError, "ClientError: no")


def test_nothing_is_left(emulator):
    """The last of these tests: of all that failed nothing but finished jobs' output."""
    backend = remote().fit(X, Y).backend
    backend.clear_cache()
    left = objects(emulator)
    finished = {name for name in jobs() if [key for key in left if name in key]}
    assert all(any(name in key for name in finished) for key in left)
    assert not [key for key in left if "/data/" in key]
