"""One object of S3, read whole: each way it can fail, in one line."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.exceptions import (
    ArtifactError,
    S3AccessError,
    S3Error,
    S3NotFoundError,
)
from sklearn_sagemaker.io.artifacts.archives import too_large
from sklearn_sagemaker.io.rows import check_count

ATTEMPTS = 5
"""Calls in all; older boto3 retries in its "legacy" mode unless it is told."""

_REFUSED = (
    "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidToken",
    "RequestTimeTooSkewed", "SignatureDoesNotMatch", "TokenRefreshRequired",
)  # fmt: skip
"""Codes of credentials that are wrong, in place of an object that is closed to them."""


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an object.

    Parameters
    ----------
    uri : str

    Returns
    -------
    bucket, key : str

    Raises
    ------
    ValueError
        If it names no object.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.s3 import split_uri
    >>> split_uri("s3://bucket/job/output/model.tar.gz")
    ('bucket', 'job/output/model.tar.gz')
    """
    scheme, _, rest = uri.partition("s3://")
    bucket, _, key = rest.partition("/")
    if scheme or not bucket or not key or key.endswith("/"):
        raise _no_object(uri)
    return bucket, key


def read_object(uri: str, *, max_bytes: int) -> bytes:
    """Read an object, with the credentials and the region that boto3 finds.

    Parameters
    ----------
    uri : str
        Such as ``s3://bucket/job/output/model.tar.gz``.
    max_bytes : int
        A larger object is refused before it is downloaded.

    Returns
    -------
    data : bytes

    Raises
    ------
    OptionalDependencyError
        If boto3 is not installed.
    ArtifactError
        If the object is larger.
    S3NotFoundError
        If there is no such bucket or object.
    S3AccessError
        If there are no credentials, or they do not open it.
    S3Error
        If S3 cannot be reached, refuses for another reason, or breaks off.
    ValueError
        If the URI names no object.

    Notes
    -----
    What boto3 raises is not passed on: it may hold parts of credentials.
    """
    check_count("max_bytes", max_bytes)
    bucket, key = split_uri(uri)
    boto3 = import_optional("boto3", "sagemaker", "reading from S3")
    from botocore.config import Config
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ParamValidationError,
    )

    config = Config(retries={"mode": "standard", "total_max_attempts": ATTEMPTS})
    try:
        client = boto3.session.Session().client("s3", config=config)
        answer = client.get_object(Bucket=bucket, Key=key)
        # Not the body's own context, which is the stream without checks of its length.
        with closing(answer["Body"]) as body:
            if answer["ContentLength"] > max_bytes:
                what = f"the object {uri} of {answer['ContentLength']:,} bytes"
                raise ArtifactError(too_large(what, max_bytes))
            return body.read()
    except ParamValidationError:
        raise _no_object(uri) from None
    except ClientError as error:
        raise _refusal(uri, bucket, error) from None
    except BotoCoreError as error:
        raise _fault(uri, error) from None


def _no_object(uri: str) -> ValueError:
    return ValueError(
        f"{uri!r} names no object of S3; write s3://bucket/key, as of "
        "s3://bucket/job/output/model.tar.gz."
    )


def _refusal(uri: str, bucket: str, error: Any) -> S3Error:
    """What S3 answered in place of the object."""
    said = error.response.get("Error", {})
    code, reason = said.get("Code", "no code"), said.get("Message", "no reason given")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code == "NoSuchBucket":
        return S3NotFoundError(f"{uri}: there is no bucket {bucket!r}; check its name.")
    if status == 404:
        return S3NotFoundError(
            f"{uri}: the bucket has no such object; check the key. A training job "
            "leaves its model at OUTPUT_PATH/JOB_NAME/output/model.tar.gz."
        )
    if code in _REFUSED:
        return S3AccessError(
            f"{uri}: the credentials are not valid ({code}); renew them, for example "
            "by 'aws sso login', and check the clock."
        )
    if status == 403:
        return S3AccessError(
            f"{uri}: access is denied ({code}: {reason}). The role needs s3:GetObject "
            "on it, and s3:ListBucket to be told that an object does not exist."
        )
    return S3Error(f"{uri}: S3 does not give it ({code}: {reason}).")


def _fault(uri: str, error: Any) -> S3Error:
    """What went wrong on this side, or on the way."""
    from botocore.exceptions import (
        CredentialRetrievalError,
        NoCredentialsError,
        PartialCredentialsError,
        ProfileNotFound,
        SSOError,
        TokenRetrievalError,
    )

    name = type(error).__name__
    credentials = (
        CredentialRetrievalError, NoCredentialsError, PartialCredentialsError,
        ProfileNotFound, SSOError, TokenRetrievalError,
    )  # fmt: skip
    if isinstance(error, credentials):
        return S3AccessError(
            f"{uri}: there are no credentials ({name}); run 'aws configure' or 'aws "
            "sso login', or set AWS_PROFILE to a profile that has some."
        )
    return S3Error(
        f"{uri}: could not be read ({name}); check the network, the region "
        "(AWS_DEFAULT_REGION) and the endpoint, and try again."
    )
