"""`Session`: whose credentials, which region and bucket, and the calls of SageMaker."""

from __future__ import annotations

import json
import logging
from typing import Any

from sklearn_sagemaker.exceptions import NameInUseError, ResourceNotFoundError
from sklearn_sagemaker.sagemaker import _studio
from sklearn_sagemaker.sagemaker._session_endpoints import Endpoints
from sklearn_sagemaker.sagemaker._session_packages import Packages
from sklearn_sagemaker.sagemaker._session_storage import Storage
from sklearn_sagemaker.sagemaker._session_tuning import Tuning
from sklearn_sagemaker.sagemaker._variants import (
    container_def,
    pipeline_container_def,
    production_variant,
)
from sklearn_sagemaker.sagemaker._waiting import ON_INTERRUPT
from sklearn_sagemaker.sagemaker.inputs import ShuffleConfig, s3_input

__all__ = [
    "Session",
    "ShuffleConfig",
    "container_def",
    "get_execution_role",
    "pipeline_container_def",
    "production_variant",
    "s3_input",
]

DEFAULT_ROLE = "AmazonSageMaker-DefaultRole"
_log = logging.getLogger(__name__)


class Session(Storage, Tuning, Endpoints, Packages):
    """The account, the region and the bucket that jobs and endpoints are made in.

    Clients are made when they are needed, all of the same boto3 session, so that every
    call is signed with the same credentials. A pickle of a session has the name of its
    profile and its region, and neither clients nor credentials.

    Parameters
    ----------
    boto_session : boto3.Session or None, default=None
        None takes boto3's default session, or makes one from the environment.
    sagemaker_client, sagemaker_runtime_client : botocore client or None, default=None
        In place of those that the session would make.
    sagemaker_featurestore_runtime_client, settings, sagemaker_metrics_client, \
sagemaker_config : object, default=None
        Arguments of SDK v2 that are not used here; files of defaults are not read.
    default_bucket : str or None, default=None
        None takes ``sagemaker-{region}-{account}``.
    default_bucket_prefix : str or None, default=None
        Before the keys of what is put into the default bucket.
    on_interrupt : {"leave", "stop"}, default="leave"
        What becomes of a job when waiting for it is interrupted by Ctrl-C: it goes on
        and how to find it again is printed, or it is stopped.

    Attributes
    ----------
    boto_session : boto3.Session
    boto_region_name : str
    sagemaker_client, sagemaker_runtime_client, s3_client : botocore client
    s3_resource : boto3 resource

    Raises
    ------
    AWSCredentialsError
        If there is no such profile.
    OptionalDependencyError
        If boto3 is not installed.
    ValueError
        If there is no region.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.session import Session
    >>> session = Session()  # doctest: +SKIP
    >>> session.upload_data("train.csv")  # doctest: +SKIP
    's3://sagemaker-us-east-1-111122223333/data/train.csv'
    """

    local_mode = False

    def __init__(
        self,
        boto_session: Any = None,
        sagemaker_client: Any = None,
        sagemaker_runtime_client: Any = None,
        sagemaker_featurestore_runtime_client: Any = None,
        default_bucket: str | None = None,
        settings: Any = None,
        sagemaker_metrics_client: Any = None,
        sagemaker_config: dict[str, Any] | None = None,
        default_bucket_prefix: str | None = None,
        *,
        on_interrupt: str = "leave",
    ):
        if on_interrupt not in ON_INTERRUPT:
            raise ValueError(
                f"on_interrupt={on_interrupt!r} must be 'leave' or 'stop'."
            )
        super().__init__(boto_session, sagemaker_client, sagemaker_runtime_client)
        self.settings, self.sagemaker_config = settings, sagemaker_config or {}
        self.default_bucket_prefix = default_bucket_prefix
        self._default_bucket_name_override = default_bucket
        self._default_bucket: str | None = None
        self._account: str | None = None
        self.endpoint_arn: str | None = None
        self.on_interrupt = on_interrupt

    def __repr__(self) -> str:
        return f"Session({self.boto_region_name!r})"

    def get_caller_identity_arn(self) -> str:
        """Who calls: the notebook's role, else the role or user of the credentials.

        Returns
        -------
        arn : str
        """
        return _studio.caller_arn(self)


def get_execution_role(
    sagemaker_session: Session | None = None, use_default: bool = False
) -> str:
    """The role that jobs take on.

    Parameters
    ----------
    sagemaker_session : Session or None, default=None
    use_default : bool, default=False
        Whether a role ``AmazonSageMaker-DefaultRole``, which is created if need be, is
        taken if the caller is a user and no role.

    Returns
    -------
    arn : str
        Of the notebook's role, or of the role whose credentials are used.

    Raises
    ------
    ValueError
        If the caller is no role.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.session import get_execution_role
    >>> get_execution_role()  # doctest: +SKIP
    'arn:aws:iam::111122223333:role/service-role/AmazonSageMaker-ExecutionRole'
    """
    session = sagemaker_session or Session()
    arn = session.get_caller_identity_arn()
    if ":role/" in arn:
        return arn
    if use_default:
        return _default_role(session, partition=arn.split(":")[1])
    raise ValueError(
        f"The current AWS identity is not a role: {arn}. Give the role that SageMaker "
        "takes on yourself, role='arn:aws:iam::...:role/...'; get_execution_role() "
        "finds it in SageMaker's notebooks only."
    )


def _default_role(session: Session, partition: str) -> str:
    what = f"role {DEFAULT_ROLE!r}"
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": ["sagemaker.amazonaws.com"]},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    _log.warning("Using the role %s", DEFAULT_ROLE)
    try:
        session._call("iam", "get_role", what, RoleName=DEFAULT_ROLE)
    except ResourceNotFoundError:
        try:
            session._call(
                "iam",
                "create_role",
                what,
                RoleName=DEFAULT_ROLE,
                AssumeRolePolicyDocument=json.dumps(trust),
            )
            _log.warning("Created the role %s", DEFAULT_ROLE)
        except NameInUseError:  # by another process, just now
            pass
    session._call(
        "iam",
        "attach_role_policy",
        what,
        RoleName=DEFAULT_ROLE,
        PolicyArn=f"arn:{partition}:iam::aws:policy/AmazonSageMakerFullAccess",
    )
    return session._call("iam", "get_role", what, RoleName=DEFAULT_ROLE)["Role"]["Arn"]
