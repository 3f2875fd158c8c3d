"""Objects of S3: one read whole, files and folders up and down, and their URIs."""

from __future__ import annotations

import io
import re
from contextlib import closing
from typing import Any, BinaryIO

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.artifacts.archives import too_large
from sklearn_sagemaker.io.rows import check_count
from sklearn_sagemaker.sagemaker._calls import make_client, translated

__all__ = [
    "S3Downloader",
    "S3Uploader",
    "is_s3_url",
    "parse_s3_url",
    "read_object",
    "s3_path_join",
    "split_uri",
]


_BUCKET = re.compile(r"[A-Za-z0-9.\-_:/]{1,255}")
"""Of buckets, and of ARNs of access points."""


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


def read_object(uri: str, *, max_bytes: int, client: Any = None) -> bytes:
    """Read an object.

    Parameters
    ----------
    uri : str
        Such as ``s3://bucket/job/output/model.tar.gz``.
    max_bytes : int
        A larger object is refused before it is downloaded.
    client : client of S3 or None, default=None
        None makes one, with the credentials and the region that boto3 finds.

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
    if client is None:
        boto3 = import_optional("boto3", "sagemaker", "reading from S3")
        with translated(uri, service="s3"):
            session = boto3.DEFAULT_SESSION or boto3.session.Session()
        client = make_client(session, "s3", session.region_name)
    if not _BUCKET.fullmatch(bucket):
        raise _no_object(uri)
    with translated(uri, client, "get_object"):
        answer = client.get_object(Bucket=bucket, Key=key)
        # Not the body's own context, which is the stream without checks of its length.
        with closing(answer["Body"]) as body:
            if answer["ContentLength"] > max_bytes:
                what = f"the object {uri} of {answer['ContentLength']:,} bytes"
                raise ArtifactError(too_large(what, max_bytes))
            return body.read()


def _no_object(uri: str) -> ValueError:
    return ValueError(
        f"{uri!r} names no object of S3; write s3://bucket/key, as of "
        "s3://bucket/job/output/model.tar.gz."
    )


def parse_s3_url(url: str) -> tuple[str, str]:
    """Bucket and key, or prefix, of an address.

    Parameters
    ----------
    url : str

    Returns
    -------
    bucket, key : str

    Raises
    ------
    ValueError
        If it does not begin with ``s3://``.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.s3 import parse_s3_url
    >>> parse_s3_url("s3://bucket/prefix/")
    ('bucket', 'prefix/')
    """
    if not is_s3_url(url):
        raise ValueError(
            f"{url!r} is no address of S3; write s3://bucket/prefix, or s3://bucket."
        )
    bucket, _, key = url[len("s3://") :].partition("/")
    return bucket, key.lstrip("/")


def is_s3_url(url: str) -> bool:
    """Whether an address is one of S3.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.s3 import is_s3_url
    >>> is_s3_url("s3://bucket"), is_s3_url("https://bucket")
    (True, False)
    """
    return url.startswith("s3://")


def s3_path_join(*args: str | None, with_end_slash: bool = False) -> str:
    """Join parts of an address by one slash each.

    Parameters
    ----------
    *args : str or None
        Those that are None or empty are left out. ``"s3://"`` may be the first.
    with_end_slash : bool, default=False
        Whether the result ends with a slash.

    Returns
    -------
    path : str
        Without a slash at its start.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker.s3 import s3_path_join
    >>> s3_path_join("s3://", "bucket/", None, "/prefix//")
    's3://bucket/prefix'
    >>> s3_path_join("a", "b", with_end_slash=True)
    'a/b/'
    """
    joined = "/".join(part for part in args if part)
    start = "s3://" if joined.startswith("s3://") else ""
    path = re.sub("/+", "/", joined[len(start) :]).strip("/")
    return start + path + ("/" if with_end_slash and path else "")


def _session(session: Any) -> Any:
    from sklearn_sagemaker.sagemaker.session import Session

    return session or Session()


def _encryption(kms_key: str | None) -> dict[str, str]:
    if kms_key is None:
        return {}
    return {"SSEKMSKeyId": kms_key, "ServerSideEncryption": "aws:kms"}


class S3Uploader:
    """Uploads of files, folders and texts, as SageMaker's SDK v2 has them."""

    @staticmethod
    def upload(
        local_path: str,
        desired_s3_uri: str,
        kms_key: str | None = None,
        sagemaker_session: Any = None,
        callback: Any = None,
    ) -> str:
        """Upload a file, or all files of a folder.

        Parameters
        ----------
        local_path : str
        desired_s3_uri : str
            Folder, below which they get their names.
        kms_key : str or None, default=None
            Key that they are encrypted with.
        sagemaker_session : Session or None, default=None
        callback : callable or None, default=None
            Called with the number of bytes that have been sent since the last call.

        Returns
        -------
        uri : str
            Of the object, or of the folder.

        Raises
        ------
        FileNotFoundError, S3Error, ValueError
        """
        bucket, prefix = parse_s3_url(desired_s3_uri)
        return _session(sagemaker_session).upload_data(
            path=local_path,
            bucket=bucket,
            key_prefix=prefix,
            callback=callback,
            extra_args=_encryption(kms_key) or None,
        )

    @staticmethod
    def upload_string_as_file_body(
        body: str,
        desired_s3_uri: str,
        kms_key: str | None = None,
        sagemaker_session: Any = None,
    ) -> str:
        """Upload a text as an object.

        Parameters
        ----------
        body : str
        desired_s3_uri : str
        kms_key : str or None, default=None
        sagemaker_session : Session or None, default=None

        Returns
        -------
        uri : str

        Raises
        ------
        S3Error, ValueError
        """
        bucket, key = parse_s3_url(desired_s3_uri)
        _session(sagemaker_session).upload_string_as_file_body(
            body=body, bucket=bucket, key=key, kms_key=kms_key
        )
        return desired_s3_uri

    @staticmethod
    def upload_bytes(
        b: bytes | BinaryIO,
        s3_uri: str,
        kms_key: str | None = None,
        sagemaker_session: Any = None,
    ) -> str:
        """Upload bytes as an object.

        Parameters
        ----------
        b : bytes or binary file object
        s3_uri : str
        kms_key : str or None, default=None
        sagemaker_session : Session or None, default=None

        Returns
        -------
        uri : str

        Raises
        ------
        S3Error, ValueError
        """
        bucket, key = parse_s3_url(s3_uri)
        session = _session(sagemaker_session)
        extra = {**_encryption(kms_key), **session._owner(bucket)}
        source = io.BytesIO(b) if isinstance(b, bytes) else b
        with translated(s3_uri, session.s3_client, "put_object"):
            session.s3_client.upload_fileobj(
                source, bucket, key, ExtraArgs=extra or None
            )
        return s3_uri


class S3Downloader:
    """Downloads and lists of objects, as SageMaker's SDK v2 has them."""

    @staticmethod
    def download(
        s3_uri: str,
        local_path: str,
        kms_key: str | None = None,
        sagemaker_session: Any = None,
    ) -> list[str]:
        """Download an object, or all below a prefix.

        Parameters
        ----------
        s3_uri : str
        local_path : str
            Folder.
        kms_key : str or None, default=None
            Customer key of objects that were encrypted with one.
        sagemaker_session : Session or None, default=None

        Returns
        -------
        paths : list of str

        Raises
        ------
        S3Error, ValueError
        """
        bucket, prefix = parse_s3_url(s3_uri)
        extra = None if kms_key is None else {"SSECustomerKey": kms_key}
        return _session(sagemaker_session).download_data(
            path=local_path, bucket=bucket, key_prefix=prefix, extra_args=extra
        )

    @staticmethod
    def read_file(s3_uri: str, sagemaker_session: Any = None) -> str:
        """Read an object as text.

        Parameters
        ----------
        s3_uri : str
        sagemaker_session : Session or None, default=None

        Returns
        -------
        text : str

        Raises
        ------
        S3Error, ValueError
        """
        bucket, key = parse_s3_url(s3_uri)
        return _session(sagemaker_session).read_s3_file(bucket, key)

    @staticmethod
    def read_bytes(s3_uri: str, sagemaker_session: Any = None) -> bytes:
        """Read an object.

        Parameters
        ----------
        s3_uri : str
        sagemaker_session : Session or None, default=None

        Returns
        -------
        data : bytes

        Raises
        ------
        S3Error, ValueError
        """
        bucket, key = parse_s3_url(s3_uri)
        session = _session(sagemaker_session)
        target = io.BytesIO()
        with translated(s3_uri, session.s3_client, "get_object"):
            session.s3_client.download_fileobj(
                bucket, key, target, ExtraArgs=session._owner(bucket) or None
            )
        return target.getvalue()

    @staticmethod
    def list(s3_uri: str, sagemaker_session: Any = None) -> list[str]:
        """List the objects below a prefix.

        Parameters
        ----------
        s3_uri : str
        sagemaker_session : Session or None, default=None

        Returns
        -------
        uris : list of str

        Raises
        ------
        S3Error, ValueError
        """
        bucket, prefix = parse_s3_url(s3_uri)
        keys = _session(sagemaker_session).list_s3_files(bucket, prefix)
        return [s3_path_join("s3://", bucket, key) for key in keys]
