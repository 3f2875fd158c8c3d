"""Objects of S3 as the files of a job's channel."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sklearn_sagemaker.testing.errors import JobError

CHUNK = 1 << 16


@dataclass(frozen=True)
class Object:
    """An object of S3, and the name of its file in a channel."""

    bucket: str
    key: str
    name: str


def objects(s3: Any, source: dict[str, Any]) -> list[Object]:
    """The objects that a data source of S3 names.

    Parameters
    ----------
    s3 : client
    source : dict
        ``S3DataType`` and ``S3Uri``.

    Raises
    ------
    JobError
        If there are none.
    """
    uri, kind = source["S3Uri"], source["S3DataType"]
    bucket, prefix = place(uri)
    if kind == "ManifestFile":
        found = list(_of_manifest(s3, uri))
    elif kind == "S3Prefix":
        found = list(_of_prefix(s3, uri, bucket, prefix))
    else:
        raise JobError(f"ClientError: The emulator does not have S3DataType {kind}.")
    if not found:
        raise JobError(
            f'ClientError: No S3 objects found under S3 URL "{uri}" given in input '
            "data source. Please ensure that the bucket exists in the selected region, "
            "that objects exist under that S3 prefix, and that the role has "
            f'"s3:ListBucket" permissions on bucket "{bucket}".'
        )
    return _inside(found)


def _inside(found: list[Object]) -> list[Object]:
    for item in found:
        parts = PurePosixPath(item.name).parts
        if item.name.startswith("/") or ".." in parts or "\0" in item.name:
            raise JobError(
                f"ClientError: The key {item.key!r} would be a file outside of its "
                "channel's folder; rename the object."
            )
    return found


def objects_below(s3: Any, uri: str) -> list[Object]:
    """The objects in a folder of S3, which may be empty.

    Parameters
    ----------
    s3 : client
    uri : str

    Raises
    ------
    JobError
        If S3 refuses to say.
    """
    uri = uri.rstrip("/") + "/"
    return _inside(list(_of_prefix(s3, uri, *place(uri))))


def share(
    found: list[Object], channel: dict[str, Any], epoch: int, host: int, hosts: int
) -> list[Object]:
    """The objects of a channel that come to a host in one pass, in their order.

    Parameters
    ----------
    found : list of Object
    channel : dict
        May have a ``ShuffleConfig``, and may be sharded.
    epoch : int
    host : int
        From 0.
    hosts : int
    """
    order = list(found)
    if "ShuffleConfig" in channel:
        seed = channel["ShuffleConfig"]["Seed"]
        random.Random(f"{seed} {epoch}").shuffle(order)
    source = channel["DataSource"]["S3DataSource"]
    if source.get("S3DataDistributionType") == "ShardedByS3Key":
        return order[host::hosts]
    return order


def place(uri: str) -> tuple[str, str]:
    """Bucket and key of a URI of S3.

    Raises
    ------
    JobError
        If it is none.
    """
    scheme, _, rest = uri.partition("://")
    if scheme != "s3" or not rest:
        raise JobError(f"ClientError: {uri} is no URI of S3; write s3://bucket/prefix.")
    bucket, _, prefix = rest.partition("/")
    return bucket, prefix


def _of_prefix(s3: Any, uri: str, bucket: str, prefix: str) -> Iterator[Object]:
    cut = prefix.rfind("/") + 1
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    with said_by_s3(uri):
        for page in pages:
            for item in page.get("Contents", ()):
                key = item["Key"]
                if key.endswith("/"):
                    continue
                inside = key[len(prefix) :].startswith("/")
                name = key[len(prefix) + 1 :] if inside else key[cut:]
                yield Object(bucket, key, name)


def _of_manifest(s3: Any, uri: str) -> Iterator[Object]:
    try:
        bucket, key = place(uri)
        with said_by_s3(uri):
            text = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        entries = json.loads(text)
        first = entries[0]["prefix"]
        names = [str(name) for name in entries[1:]]
    except (ValueError, LookupError, TypeError) as error:
        raise JobError(
            f"ClientError: {uri} is no manifest; it must be a JSON list of a "
            f'prefix, as {{"prefix": "s3://bucket/folder/"}}, and names ({error}).'
        ) from None
    bucket, prefix = place(first)
    for name in names:
        yield Object(bucket, prefix + name, name)


@contextlib.contextmanager
def said_by_s3(uri: str, what: str = "Data download") -> Iterator[None]:
    """Let what S3 refuses be the reason of the job's failure."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        raise JobError(f"ClientError: {what} failed: {uri}: {error}") from error


def download(s3: Any, found: list[Object], folder: Path) -> None:
    """Write objects to a folder.

    Raises
    ------
    JobError
        If S3 refuses one, or a key is a file and a folder.
    """
    for item in found:
        path, uri = folder / item.name, f"s3://{item.bucket}/{item.key}"
        with said_by_s3(uri):
            body = s3.get_object(Bucket=item.bucket, Key=item.key)["Body"]
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    for chunk in body.iter_chunks(CHUNK):
                        file.write(chunk)
            except (FileExistsError, IsADirectoryError, NotADirectoryError):
                raise JobError(
                    f"ClientError: Data download failed: {uri}: other keys make a "
                    "folder of what is a file; rename the objects."
                ) from None


def upload(s3: Any, uri: str, body: bytes, kms_key: str, **more: str) -> None:
    """Write an object.

    Parameters
    ----------
    s3 : client
    uri : str
    body : bytes
    kms_key : str
        It is encrypted with this one, unless it is empty.
    **more
        Arguments of ``put_object``.

    Raises
    ------
    JobError
        If S3 refuses it.
    """
    bucket, key = place(uri)
    encrypted = {}
    if kms_key:
        encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}
    with said_by_s3(uri, "Upload"):
        s3.put_object(Bucket=bucket, Key=key, Body=body, **encrypted, **more)
