"""Objects of S3 as the files, or the pipes, of a job's channel."""

from __future__ import annotations

import contextlib
import errno
import gzip
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sklearn_sagemaker.testing.errors import JobError

CHUNK = 1 << 16
POLL_SECONDS = 0.01


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
    bucket, prefix = _place(uri)
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
    for item in found:
        parts = PurePosixPath(item.name).parts
        if item.name.startswith("/") or ".." in parts or "\0" in item.name:
            raise JobError(
                f"ClientError: The key {item.key!r} would be a file outside of its "
                "channel's folder; rename the object."
            )
    return found


def _place(uri: str) -> tuple[str, str]:
    scheme, _, rest = uri.partition("://")
    if scheme != "s3" or not rest:
        raise JobError(f"ClientError: {uri} is no URI of S3; write s3://bucket/prefix.")
    bucket, _, prefix = rest.partition("/")
    return bucket, prefix


def _of_prefix(s3: Any, uri: str, bucket: str, prefix: str) -> Iterator[Object]:
    cut = prefix.rfind("/") + 1
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    with _said_by_s3(uri):
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
        bucket, key = _place(uri)
        with _said_by_s3(uri):
            text = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        entries = json.loads(text)
        first = entries[0]["prefix"]
        names = [str(name) for name in entries[1:]]
    except (ValueError, LookupError, TypeError) as error:
        raise JobError(
            f"ClientError: {uri} is no manifest; it must be a JSON list of a "
            f'prefix, as {{"prefix": "s3://bucket/folder/"}}, and names ({error}).'
        ) from None
    bucket, prefix = _place(first)
    for name in names:
        yield Object(bucket, prefix + name, name)


@contextlib.contextmanager
def _said_by_s3(uri: str) -> Iterator[None]:
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        raise JobError(f"ClientError: Data download failed: {uri}: {error}") from error


def download(s3: Any, found: list[Object], folder: Path) -> None:
    """Write the objects of a channel to its folder."""
    for item in found:
        path = folder / item.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with _said_by_s3(f"s3://{item.bucket}/{item.key}"), path.open("wb") as file:
            body = s3.get_object(Bucket=item.bucket, Key=item.key)["Body"]
            for chunk in body.iter_chunks(CHUNK):
                file.write(chunk)


class Pipes:
    """A channel of mode Pipe: for each pass, a pipe through which all objects come.

    Parameters
    ----------
    s3 : client
    found : list of Object
    folder : Path
        The pipes are beside it, with the number of a pass in their names.
    compressed : bool
        Whether the objects are decompressed on their way.
    """

    def __init__(self, s3: Any, found: list[Object], folder: Path, compressed: bool):
        self._s3, self._found, self._folder = s3, found, folder
        self._compressed = compressed
        self._ended = threading.Event()
        os.mkfifo(self._path(0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; the program must have ended."""
        self._ended.set()
        self._thread.join()

    def _path(self, epoch: int) -> str:
        return f"{self._folder}_{epoch}"

    def _serve(self) -> None:
        epoch = 0
        while (pipe := self._open(self._path(epoch))) is not None:
            # Which the program may ask for before it has read this one.
            os.mkfifo(self._path(epoch + 1))
            # One that stops early ends the pass.
            with contextlib.suppress(BrokenPipeError), os.fdopen(pipe, "wb") as file:
                for item in self._found:
                    for chunk in self._chunks(item):
                        file.write(chunk)
            epoch += 1

    def _open(self, path: str) -> int | None:
        """Wait for a reader of a pipe, or for the end."""
        while not self._ended.is_set():
            try:
                pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                time.sleep(POLL_SECONDS)
            else:
                os.set_blocking(pipe, True)
                return pipe
        return None

    def _chunks(self, item: Object) -> Iterator[bytes]:
        body = self._s3.get_object(Bucket=item.bucket, Key=item.key)["Body"]
        if self._compressed:
            with gzip.open(body) as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        else:
            yield from body.iter_chunks(CHUNK)
