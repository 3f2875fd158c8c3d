"""The one place where AWS is called: bounded retries, and errors that say what to do.

What boto3 raises is not passed on, nor chained: it may hold parts of credentials.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from typing import Any

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.exceptions import (
    AWSAccessError,
    AWSConnectionError,
    AWSCredentialsError,
    AWSError,
    ModelError,
    NameInUseError,
    QuotaExceededError,
    ResourceNotFoundError,
    S3AccessError,
    S3CredentialsError,
    S3Error,
    S3NotFoundError,
    ThrottledError,
)
from sklearn_sagemaker.sagemaker._credentials import (
    profile_of,
    remedy,
    remember_profile,
)

ATTEMPTS = 5
"""Calls in all; older boto3 retries in its "legacy" mode unless it is told."""
CONNECT_SECONDS, READ_SECONDS = 10, 60
INVOKE_SECONDS = 80  # a model may take 60 s
_making = threading.Lock()
_THROTTLED = {
    "LimitExceededException", "PriorRequestNotComplete", "RequestLimitExceeded",
    "RequestThrottled", "RequestThrottledException", "Throttling",
    "ThrottlingException", "ThrottledException", "TooManyRequestsException",
}  # fmt: skip
_DENIED = {
    "403", "AccessDenied", "AccessDeniedException", "AllAccessDisabled",
    "NotAuthorized", "UnauthorizedOperation",
}  # fmt: skip
_TAKEN = {"ResourceInUse", "ResourceInUseException", "EntityAlreadyExists"}
_MISSING = {"NoSuchEntity", "ResourceNotFound", "ResourceNotFoundException"}
_VALIDATION = {"ValidationException", "ValidationError"}
_PREFIXES = {
    "monitoring": "cloudwatch", "runtime.sagemaker": "sagemaker",
    "sagemaker-runtime": "sagemaker",
}  # fmt: skip
_PERMISSIONS = {
    "AssumeRole": "sts:AssumeRole", "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket", "HeadObject": "s3:GetObject",
    "UploadPart": "s3:PutObject", "CreateMultipartUpload": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
}  # fmt: skip


def make_client(session: Any, service: str, region: str | None) -> Any:
    """A client of a boto3 session, whose calls are bounded in number and time.

    Parameters
    ----------
    session : boto3.Session
    service : str
        As boto3 calls it.
    region : str or None

    Returns
    -------
    client : botocore client

    Raises
    ------
    AWSCredentialsError
        If the session's profile is not complete.
    """
    from botocore.config import Config

    invokes = service == "sagemaker-runtime"
    config = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=INVOKE_SECONDS if invokes else READ_SECONDS,
    )
    profile = session.profile_name
    # boto3 makes the clients of one session one at a time only.
    place = f"a client of {service}"
    with _making, translated(place, profile=profile, service=service):
        client = session.client(service, region_name=region, config=config)
    remember_profile(client, profile)
    return client


def make_session(profile: str | None = None, region: str | None = None) -> Any:
    """A session of boto3: of a profile, or the default one.

    Parameters
    ----------
    profile, region : str or None, default=None

    Returns
    -------
    session : boto3.Session

    Raises
    ------
    AWSCredentialsError
        If there is no such profile.
    OptionalDependencyError
        If boto3 is not installed.
    """
    boto3 = import_optional("boto3", "sagemaker", "SageMaker")
    if profile is None and region is None and boto3.DEFAULT_SESSION is not None:
        return boto3.DEFAULT_SESSION
    with translated("a session of boto3", profile=profile):
        return boto3.session.Session(profile_name=profile, region_name=region)


def call(client: Any, operation: str, *, what: str, **request: Any) -> Any:
    """Call an operation of AWS.

    Parameters
    ----------
    client : botocore client
    operation : str
        The name of its method, such as ``"create_training_job"``.
    what : str
        What the call is for, such as ``"training job 'x'"`` or the URI of an object;
        errors begin with it.
    **request
        What is sent.

    Returns
    -------
    answer : dict

    Raises
    ------
    AWSError
        One of its kinds: `AWSCredentialsError`, `AWSAccessError`, `ThrottledError`,
        `NameInUseError`, `ResourceNotFoundError`, `QuotaExceededError`, `ModelError`,
        `AWSConnectionError`; for S3 `S3Error` and its kinds.
    ValueError
        If boto3 finds the request malformed.
    """
    with translated(what, client, operation):
        answer = getattr(client, operation)(**request)
    if isinstance(answer, dict) and answer.keys() == {"ResponseMetadata"}:
        _check_whole(what, client, operation)
    return answer


@contextlib.contextmanager
def translated(
    what: str,
    client: Any = None,
    operation: str = "",
    profile: str | None = None,
    service: str = "",
) -> Iterator[None]:
    """Raise the package's own exceptions for those of boto3 in a block.

    Parameters
    ----------
    what : str
        What errors begin with.
    client : botocore client or None, default=None
    operation : str, default=""
        The name of the client's method.
    profile, service : str or None, str
        Without a client: whose credentials are used, and for what.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError  # of a body that is being read

    try:
        yield
        return
    except (
        BotoCoreError, ClientError, Boto3Error, HTTPError, ResponseParserError
    ) as error:  # fmt: skip
        # A transfer of boto3 packs what happened.
        found = getattr(error, "last_exception", None) or error
        if isinstance(error, Boto3Error) and isinstance(
            error.__context__, (BotoCoreError, ClientError)
        ):
            found = error.__context__
        place = _Place(what, client, operation, profile, service)
        failure = (
            _refusal(place, found)
            if isinstance(found, ClientError)
            else _fault(place, found)
        )
    raise failure from None


def _check_whole(what: str, client: Any, operation: str) -> None:
    """Refuse an answer that is cut short, which botocore takes for an empty one."""
    place = _Place(what, client, operation, None, "")
    shape = client.meta.service_model.operation_model(place.operation).output_shape
    if shape is not None and shape.required_members:
        raise AWSConnectionError(
            f"{what}: the answer to {place.operation} is cut short; try again.",
            place.operation,
            "IncompleteAnswer",
            True,
        )


class _Place:
    """Where a call failed."""

    def __init__(
        self,
        what: str,
        client: Any,
        operation: str,
        profile: str | None,
        service: str,
    ):
        self.what = what
        self.profile = profile or profile_of(client)
        self.service, self.operation = service, operation
        with contextlib.suppress(AttributeError, KeyError, TypeError):
            self.service = client.meta.service_model.service_name
            self.operation = client.meta.method_to_api_mapping[operation]
        self.s3 = self.service == "s3"

    @property
    def permission(self) -> str:
        """What a role needs for the call."""
        if self.operation in _PERMISSIONS:
            return _PERMISSIONS[self.operation]
        return f"{_PREFIXES.get(self.service, self.service)}:{self.operation}"


def _refusal(place: _Place, error: Any) -> Exception:
    """What a service answered in place of a result."""
    said = error.response.get("Error", {})
    meta = error.response.get("ResponseMetadata", {})
    code, reason = said.get("Code", "no code"), said.get("Message") or "no reason given"
    status = meta.get("HTTPStatusCode") or 0
    # Among the operations of a transfer it is the error that knows.
    place.operation = getattr(error, "operation_name", None) or place.operation
    attempts = meta.get("RetryAttempts", 0) + 1
    kind, text = _judge(place, code, reason, status, attempts)
    failure = kind(
        f"{place.what}: {text}",
        place.operation,
        code,
        code in _THROTTLED or status >= 500,
        attempts,
    )
    if isinstance(failure, ModelError):
        failure.original_status = error.response.get("OriginalStatusCode")
        failure.original_message = error.response.get("OriginalMessage", "")
    return failure


def _judge(
    place: _Place, code: str, reason: str, status: int, attempts: int
) -> tuple[type[AWSError], str]:
    """The class of a refusal, and its text."""
    said = f"({code}: {reason})"
    # The reason of a wrong signature has what was signed, with a session's token.
    if text := remedy([code], place.profile):
        return S3CredentialsError if place.s3 else AWSCredentialsError, text
    if place.s3:
        return _judge_s3(place, code, said, status)
    lower, creates = reason.lower(), place.operation.startswith("Create")
    if code in _DENIED:
        needed = re.search(r"perform: ([\w-]+:\w+)", reason)
        return AWSAccessError, (
            f"access is denied {said}. The caller needs "
            f"{needed[1] if needed else place.permission}."
        )
    if code in _THROTTLED:
        return ThrottledError, (
            f"{place.operation} was refused {attempts} times, as there are too many "
            f"calls {said}; try again later."
        )
    if code == "ModelError":
        return ModelError, f"the model's container refused the request ({reason})."
    if code in ("ResourceLimitExceeded", "ServiceQuotaExceededException"):
        return QuotaExceededError, (
            f"a quota of the account does not allow it {said}; ask for more in the "
            "console of Service Quotas, or take another instance type."
        )
    if code in _TAKEN or (code in _VALIDATION and "already exist" in lower):
        if not creates:
            return NameInUseError, f"it is in use {said}; try again later."
        return NameInUseError, f"the name is taken {said}; choose another."
    if code in _MISSING or (
        code in _VALIDATION
        and any(
            part in lower for part in ("could not find", "not found", "does not exist")
        )
    ):
        none = "what it needs is not there" if creates else "there is none"
        return ResourceNotFoundError, (
            f"{none} {said}; check the name, the account and the region."
        )
    return AWSError, f"{place.operation} was refused {said}."


def _judge_s3(
    place: _Place, code: str, said: str, status: int
) -> tuple[type[AWSError], str]:
    """The same for S3, whose answers to HEAD have a status for a code."""
    bucket, _, key = place.what.removeprefix("s3://").partition("/")
    if code == "NoSuchBucket":
        return S3NotFoundError, f"there is no bucket {bucket!r}; check its name."
    if status == 404:
        if not key:
            return S3NotFoundError, "there is no such bucket; check its name."
        return S3NotFoundError, (
            "the bucket has no such object; check the key. A training job leaves its "
            "model at OUTPUT_PATH/JOB_NAME/output/model.tar.gz."
        )
    if status == 403 or code in _DENIED:
        more = ""
        if place.permission == "s3:GetObject":
            more = " on it, and s3:ListBucket to be told that an object does not exist"
        return S3AccessError, (
            f"access is denied {said}. The role needs {place.permission}{more}."
        )
    done = "give it" if place.operation == "GetObject" else f"do {place.operation}"
    return S3Error, f"S3 does not {done} {said}."


def _fault(place: _Place, error: Any) -> Exception:
    """What went wrong on this side, or on the way."""
    from botocore.exceptions import ParamValidationError

    name = type(error).__name__
    names = [cls.__name__ for cls in type(error).__mro__]
    if isinstance(error, ParamValidationError):
        return ValueError(f"{place.what}: {_without_values(str(error))}")
    if text := remedy(names, place.profile):
        credentials = S3CredentialsError if place.s3 else AWSCredentialsError
        return credentials(f"{place.what}: {text}", place.operation, name)
    if name == "NoRegionError":
        return (S3Error if place.s3 else AWSError)(
            f"{place.what}: there is no region ({name}); set AWS_DEFAULT_REGION, or "
            "give a session one: boto3.Session(region_name=...).",
            place.operation,
            name,
        )
    kind = S3Error if place.s3 else AWSConnectionError
    said = f"{place.operation} has no answer"
    if place.operation == "GetObject":  # its body may have begun
        said = "could not be read"
    return kind(
        f"{place.what}: {said} ({name}); check the network, the region "
        "(AWS_DEFAULT_REGION) and the endpoint, and try again.",
        place.operation,
        name,
        True,
        ATTEMPTS,
    )


def _without_values(text: str) -> str:
    """What botocore says of a request, without what was in it."""
    return re.sub(
        r", value: .*?(, (?:type: <class|valid )|$)", r"\1", text, flags=re.DOTALL
    )
