"""Whose account a backend trains in."""

import pickle
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest

from sklearn_sagemaker.sagemaker import training_access
from sklearn_sagemaker.sagemaker.training_access import Access, job_role

ARN = "arn:aws:iam::111122223333:role/Jobs"


@pytest.fixture(autouse=True)
def no_account(monkeypatch):
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("SAGEMAKER_ROLE", raising=False)


def test_the_region_is_the_one_that_is_said():
    session = Access(region="eu-west-1").session()
    assert session.boto_region_name == "eu-west-1"
    assert session.s3_client.meta.region_name == "eu-west-1"


def test_a_role_makes_the_calls(monkeypatch):
    asked = []

    def assume_role(**request):
        asked.append(request["RoleArn"])
        ends = datetime.now(UTC) + timedelta(hours=1)
        return {
            "Credentials": {
                "AccessKeyId": "theirs",
                "SecretAccessKey": "theirs",
                "SessionToken": "token",
                "Expiration": ends,
            }
        }

    sts = SimpleNamespace(assume_role=assume_role)
    monkeypatch.setattr(training_access, "make_client", lambda *_: sts)
    access = Access(region="eu-west-1", role_to_assume=ARN)
    session = access.session()
    assert asked == []
    credentials = session.boto_session.get_credentials().get_frozen_credentials()
    assert (credentials.access_key, credentials.token) == ("theirs", "token")
    assert asked == [ARN]
    assert pickle.loads(pickle.dumps(access)) == access
    assert "theirs" not in repr(access)


def test_the_owner_of_the_bucket():
    assert Access().owner == {}
    owner = {"ExpectedBucketOwner": "111122223333"}
    assert Access(expected_bucket_owner="111122223333").owner == owner


class Caller:
    """A session, as far as roles are asked for."""

    def __init__(self, arn):
        self.arn = arn

    def expand_role(self, name):
        return f"arn:aws:iam::111122223333:role/path/{name}"

    def get_caller_identity_arn(self):
        return self.arn


def test_the_role_of_jobs():
    caller = Caller(ARN)
    assert job_role(caller, "arn:aws:iam::1:role/a", {}) == "arn:aws:iam::1:role/a"
    assert job_role(caller, "Mine", {}).endswith("role/path/Mine")
    assert job_role(caller, None, {"SAGEMAKER_ROLE": "Its"}).endswith("path/Its")
    assert job_role(caller, None, {}) == ARN
    user = Caller("arn:aws:iam::111122223333:user/me")
    with pytest.raises(ValueError, match="role=None, and the caller is no role"):
        job_role(user, None, {})
