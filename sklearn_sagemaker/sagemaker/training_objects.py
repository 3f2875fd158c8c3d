"""Objects of trainings on S3: written in pieces if they are absent, read whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from sklearn_sagemaker.exceptions import (
    ArtifactError,
    S3AccessError,
    S3Error,
    S3NotFoundError,
)
from sklearn_sagemaker.io.artifacts.archives import too_large
from sklearn_sagemaker.sagemaker._calls import ATTEMPTS, call, translated
from sklearn_sagemaker.sagemaker.s3 import parse_s3_url, split_uri

PART = 8 << 20
"""Bytes of a part of an upload; some are in memory at a time."""
PAUSE = 0.5
"""Seconds before a broken download is begun again, more each time."""


class _Stream:
    """Pieces of bytes as a file to read from."""

    def __init__(self, pieces: Iterable[Any]):
        self._pieces, self._left = iter(pieces), memoryview(b"")

    def read(self, size: int = -1) -> bytes:
        """So many bytes; fewer at the end only."""
        found, missing = [], size
        while missing:
            if not len(self._left):
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._left = memoryview(piece).cast("B")
                continue
            part = self._left if size < 0 else self._left[:missing]
            self._left = self._left[len(part) :]
            missing -= len(part) if size >= 0 else 0
            # A piece is valid until the next one, so the last one only waits.
            found.append(bytes(part) if missing and not len(self._left) else part)
        return bytes(found[0]) if len(found) == 1 else b"".join(found)


def put(
    s3: Any,
    uri: str,
    pieces: Callable[[], Iterable[Any]],
    *,
    owner: dict[str, str],
    kms_key: str | None = None,
    replace: bool = False,
) -> bool:
    """Write an object, unless there is one already.

    Parameters
    ----------
    s3 : client
    uri : str
    pieces : callable
        Returns what is written, bytes by bytes.
    owner : dict
        Of the bucket, as `Access.owner` says it.
    kms_key : str or None, default=None
        Key that it is encrypted with.
    replace : bool, default=False
        Whether to write it anyhow.

    Returns
    -------
    written : bool

    Raises
    ------
    S3Error
        If it cannot be written. Nothing of it is left behind.
    """
    bucket, key = split_uri(uri)
    if not replace and exists(s3, uri, owner):
        return False
    from boto3.s3.transfer import TransferConfig

    extra: dict[str, str] = dict(owner)
    if kms_key is not None:
        extra |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    # boto3 ends an upload of parts that fails.
    with translated(uri, s3, "put_object"):
        s3.upload_fileobj(
            _Stream(pieces()), bucket, key, ExtraArgs=extra, Config=config
        )
    return True


def exists(s3: Any, uri: str, owner: dict[str, str]) -> bool:
    """Whether there is an object; False also if nobody may know.

    Parameters
    ----------
    s3 : client
    uri : str
    owner : dict
    """
    bucket, key = split_uri(uri)
    try:
        call(s3, "head_object", what=uri, Bucket=bucket, Key=key, **owner)
    except S3NotFoundError as error:
        if error.code == "NoSuchBucket":
            raise
        return False
    except S3AccessError as error:
        # Without s3:ListBucket an absent object is answered so.
        if error.code not in ("403", "AccessDenied"):
            raise
        return False
    return True


def get(s3: Any, uri: str, *, owner: dict[str, str], max_bytes: int) -> bytes:
    """Read an object; a download that breaks off is begun again.

    Parameters
    ----------
    s3 : client
    uri : str
    owner : dict
        Of the bucket, as `Access.owner` says it.
    max_bytes : int
        A larger object is refused before it is downloaded.

    Returns
    -------
    data : bytes

    Raises
    ------
    ArtifactError
        If it is larger.
    S3NotFoundError
        If there is no such object.
    S3Error
        If it cannot be read.
    """
    bucket, key = split_uri(uri)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with translated(uri, s3, "get_object"):
                answer = s3.get_object(Bucket=bucket, Key=key, **owner)
                with closing(answer["Body"]) as body:
                    if answer["ContentLength"] > max_bytes:
                        raise ArtifactError(too_large(f"the object {uri}", max_bytes))
                    return body.read()
        except S3Error as error:
            if not error.retryable or attempt == ATTEMPTS:
                raise
        time.sleep(PAUSE * attempt)
    raise AssertionError("unreachable")


def old_objects(
    s3: Any, uri: str, owner: dict[str, str], older_than: timedelta
) -> Iterator[tuple[str, int]]:
    """Keys of objects below a prefix that were written so long ago, and their sizes.

    Parameters
    ----------
    s3 : client
    uri : str
        Of the prefix.
    owner : dict
    older_than : timedelta
    """
    bucket, prefix = parse_s3_url(uri)
    request = {"Bucket": bucket, "Prefix": prefix, **owner}
    while True:
        page = call(s3, "list_objects_v2", what=uri, **request)
        for item in page.get("Contents", ()):
            age = datetime.now(item["LastModified"].tzinfo) - item["LastModified"]
            if age >= older_than:
                yield item["Key"], item["Size"]
        if not page.get("NextContinuationToken"):
            return
        request["ContinuationToken"] = page["NextContinuationToken"]


def remove(s3: Any, uris: list[str], owner: dict[str, str]) -> list[str]:
    """Delete objects.

    Parameters
    ----------
    s3 : client
    uris : list of str
    owner : dict

    Returns
    -------
    left : list of str
        Those that could not be deleted.
    """
    left = []
    for uri in uris:
        bucket, key = split_uri(uri)
        try:
            call(s3, "delete_object", what=uri, Bucket=bucket, Key=key, **owner)
        except S3Error:
            left.append(uri)
    return left
