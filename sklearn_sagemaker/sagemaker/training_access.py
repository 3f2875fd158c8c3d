"""Whose account trainings run in: plain settings, and clients when they are needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.sagemaker._calls import call, make_client, make_session

ROLE_VARIABLE = "SAGEMAKER_ROLE"
"""Environment variable with the role of jobs, where nobody says one."""
_making = threading.Lock()
"""boto3 makes the clients of one session one at a time only."""


@dataclass(frozen=True)
class Access:
    """Where AWS is called, and as whom; holds no credentials.

    Parameters
    ----------
    region, profile : str or None
        None is what boto3 finds.
    role_to_assume : str or None
        ARN of a role that makes the calls in place of the profile's own identity.
    expected_bucket_owner : str or None
        Account that buckets must belong to.
    """

    region: str | None = None
    profile: str | None = None
    role_to_assume: str | None = None
    expected_bucket_owner: str | None = None

    def session(self) -> Any:
        """A `sklearn_sagemaker.sagemaker.session.Session`, with its clients made.

        Raises
        ------
        AWSCredentialsError
            If there is no such profile.
        OptionalDependencyError
            If boto3 is not installed.
        ValueError
            If nobody says the region.
        """
        import_optional("boto3", "sagemaker", "backend='sagemaker'")
        from sklearn_sagemaker.sagemaker.session import Session

        with _making:
            found = make_session(self.profile, self.region)
            if self.role_to_assume is not None:
                found = _assuming(found, self.role_to_assume, self.region)
            session = Session(boto_session=found)
            session._client("s3")
            session._client("sagemaker")
        return session

    @property
    def owner(self) -> dict[str, str]:
        """What calls of S3 say of the bucket's owner."""
        if self.expected_bucket_owner is None:
            return {}
        return {"ExpectedBucketOwner": self.expected_bucket_owner}


def _assuming(session: Any, role: str, region: str | None) -> Any:
    """A session of boto3 with another role's credentials, renewed when they expire."""
    import boto3
    import botocore.session
    from botocore.credentials import DeferredRefreshableCredentials

    sts = make_client(session, "sts", region)

    def refreshed() -> dict[str, str]:
        found = call(
            sts,
            "assume_role",
            what=f"role {role}",
            RoleArn=role,
            RoleSessionName="sklearn-sagemaker",
        )["Credentials"]
        return {
            "access_key": found["AccessKeyId"],
            "secret_key": found["SecretAccessKey"],
            "token": found["SessionToken"],
            "expiry_time": found["Expiration"].isoformat(),
        }

    core = botocore.session.get_session()
    core._credentials = DeferredRefreshableCredentials(refreshed, "assume-role")
    return boto3.session.Session(
        botocore_session=core, region_name=region or session.region_name
    )


def job_role(
    session: Any, role: str | None, environment: Mapping[str, str] = os.environ
) -> str:
    """ARN of the role that jobs have.

    Parameters
    ----------
    session : Session
    role : str or None
        Name or ARN; None takes ``SAGEMAKER_ROLE``, else that of the notebook.
    environment : mapping of str

    Returns
    -------
    arn : str

    Raises
    ------
    ValueError
        If the caller is no role, and none is said.
    """
    said = role or environment.get(ROLE_VARIABLE)
    if said:
        return said if said.startswith("arn:") else session.expand_role(said)
    from sklearn_sagemaker.sagemaker.session import get_execution_role

    try:
        return get_execution_role(session)
    except ValueError as error:
        raise ValueError(
            f"role=None, and the caller is no role that a job could have ({error}); "
            f"set role of the backend, or {ROLE_VARIABLE}."
        ) from None
