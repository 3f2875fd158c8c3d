"""What an emulator keeps in a folder: read when it starts, written while it runs.

A file of JSON has the records, and names other files by the digest of what is in them:
objects of S3, and lines of logs. All are written beside their names and then renamed.
Nothing in the folder is code.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sklearn_sagemaker.exceptions import StoredStateError
from sklearn_sagemaker.testing.cloud import Cloud
from sklearn_sagemaker.testing.images import ACCOUNTS
from sklearn_sagemaker.testing.logs import read_events, write_events

VERSION = 1
EVERY_SECONDS = 1.0
REST = 10.0
"""A save that takes long is followed by so many times that without one."""
CHUNK = 1 << 20
UNFINISHED = ".unfinished-"
_TIME = "$time"
_OF_OBJECTS = (
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage",
    "ContentType", "Metadata", "SSEKMSKeyId", "ServerSideEncryption",
)  # fmt: skip
"""What is kept of an object beside its bytes."""


class State:
    """The folder of an emulator.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    cloud : Cloud
    dump : callable
        ``dump()``: the records, as JSON has them but for times.
    changes : callable
        ``changes()``: is another one when something may have changed.

    Raises
    ------
    StoredStateError
        If another emulator uses the folder, or it is for something else.
    """

    def __init__(
        self,
        folder: Path,
        cloud: Cloud,
        dump: Callable[[], dict[str, Any]],
        changes: Callable[[], Any],
    ):
        import fcntl  # Windows has none.

        self._folder, self._cloud = folder, cloud
        self._dump, self._changes = dump, changes
        self._known: dict[tuple[str, ...], tuple[Any, dict[str, Any]]] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._blobs = folder / "objects"
        if not _is_ours(folder):
            raise StoredStateError(
                f"{folder} has files that are none of an emulator's; take a folder of "
                "its own."
            )
        self._blobs.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise StoredStateError(
                f"Another emulator uses {folder}; end that, or take another folder."
            ) from None

    def load(self) -> dict[str, Any]:
        """Bring back objects and logs; the records, for others to bring back.

        Raises
        ------
        StoredStateError
        """
        for unfinished in self._folder.glob(f"{UNFINISHED}*"):
            unfinished.unlink()
        path = self._folder / "state.json"
        try:
            document = json.loads(path.read_text("utf-8"), object_hook=_with_times)
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise StoredStateError(f"{path} cannot be read: {error}.") from None
        if not isinstance(document, dict) or document.get("version") != VERSION:
            raise StoredStateError(
                f"{path} was written by another version of this package; take another "
                "folder."
            )
        try:
            for bucket in document["buckets"]:
                self._load_bucket(bucket)
            for group in document["groups"]:
                self._load_group(group)
        except (LookupError, OSError) as error:
            raise StoredStateError(f"{self._folder} is damaged: {error!r}.") from None
        return document["records"]

    def _load_bucket(self, bucket: dict[str, Any]) -> None:
        name, region = bucket["name"], bucket["region"]
        s3 = self._cloud.client("s3", region)
        place = {}
        if region != "us-east-1":
            place = {"CreateBucketConfiguration": {"LocationConstraint": region}}
        with contextlib.suppress(
            s3.exceptions.BucketAlreadyOwnedByYou, s3.exceptions.BucketAlreadyExists
        ):
            s3.create_bucket(Bucket=name, **place)
        for entry in bucket["objects"]:
            with (self._blobs / entry["digest"]).open("rb") as file:
                s3.put_object(
                    Bucket=name, Key=entry["key"], Body=file, **entry["headers"]
                )

    def _load_group(self, group: dict[str, Any]) -> None:
        logs = self._cloud.client("logs", group["region"])
        for stream in group["streams"]:
            text = (self._blobs / stream["digest"]).read_text("utf-8")
            events = [json.loads(line) for line in text.splitlines()]
            write_events(logs, group["name"], stream["name"], events)

    def start(self) -> None:
        """Save what changes from now on, in a thread."""
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def _keep(self) -> None:
        before = None
        rest = EVERY_SECONDS
        while not self._ended.wait(rest):
            now = self._changes()
            if now == before:
                continue
            began = time.monotonic()
            try:
                self.save()
            except Exception:
                # moto changes under the hands of who reads it; the next time.
                rest = EVERY_SECONDS
                continue
            before = now
            rest = max(EVERY_SECONDS, REST * (time.monotonic() - began))

    def save(self) -> None:
        """Write everything, the file that names the others last."""
        # Records first: what they name is then there.
        records = self._dump()
        document: dict[str, Any] = {
            "version": VERSION,
            "records": records,
            "buckets": list(self._buckets()),
            "groups": list(self._groups()),
        }
        text = json.dumps(document, default=_as_json).encode()
        self._write([text], self._folder / "state.json")
        used = {
            part["digest"]
            for name, inside in (("buckets", "objects"), ("groups", "streams"))
            for whole in document[name]
            for part in whole[inside]
        }
        for path in self._blobs.iterdir():
            if path.name not in used:
                path.unlink()

    def _buckets(self) -> Iterable[dict[str, Any]]:
        s3 = self._cloud.client("s3", "us-east-1")
        for bucket in s3.list_buckets()["Buckets"]:
            name = bucket["Name"]
            place = s3.get_bucket_location(Bucket=name)["LocationConstraint"]
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=name)
            found = [
                self._object(s3, name, item)
                for page in pages
                for item in page.get("Contents", ())
            ]
            kept = [entry for entry in found if entry is not None]
            yield {"name": name, "region": place or "us-east-1", "objects": kept}

    def _object(
        self, s3: Any, bucket: str, item: dict[str, Any]
    ) -> dict[str, Any] | None:
        mark = item["ETag"], item["LastModified"], item["Size"]
        known, entry = self._known.get((bucket, item["Key"]), (None, {}))
        if mark != known:
            try:
                found = s3.get_object(Bucket=bucket, Key=item["Key"])
            except s3.exceptions.NoSuchKey:
                return None
            headers = {name: found[name] for name in _OF_OBJECTS if found.get(name)}
            digest = self._write(found["Body"].iter_chunks(CHUNK))
            entry = {"key": item["Key"], "digest": digest, "headers": headers}
            self._known[bucket, item["Key"]] = mark, entry
        return entry

    def _groups(self) -> Iterable[dict[str, Any]]:
        for region in sorted(self._cloud.log_regions & ACCOUNTS.keys()):
            logs = self._cloud.client("logs", region)
            for page in logs.get_paginator("describe_log_groups").paginate():
                for group in page["logGroups"]:
                    name = group["logGroupName"]
                    streams = list(self._streams(logs, region, name))
                    yield {"name": name, "region": region, "streams": streams}

    def _streams(self, logs: Any, region: str, group: str) -> Iterable[dict[str, Any]]:
        pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
        for page in pages:
            for stream in page["logStreams"]:
                name = stream["logStreamName"]
                mark = stream.get("lastIngestionTime"), stream["storedBytes"]
                known, entry = self._known.get((region, group, name), (None, {}))
                if mark != known or entry == {}:
                    events = read_events(logs, group, name)
                    lines = (json.dumps(event).encode() + b"\n" for event in events)
                    entry = {"name": name, "digest": self._write(lines)}
                    self._known[region, group, name] = mark, entry
                yield entry

    def _write(self, parts: Iterable[bytes], path: Path | None = None) -> str:
        """Write a file at once or not at all; by its digest, if no name is said."""
        digest = hashlib.sha256()
        number, temporary = tempfile.mkstemp(dir=self._folder, prefix=UNFINISHED)
        try:
            with open(number, "wb") as file:
                for part in parts:
                    digest.update(part)
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path or self._blobs / digest.hexdigest())
        except BaseException:
            os.unlink(temporary)
            raise
        return digest.hexdigest()

    def close(self) -> None:
        """Save for the last time."""
        self._ended.set()
        try:
            if self._thread is not None:
                self._thread.join()
                self.save()
        finally:
            self._lock.close()


def _is_ours(folder: Path) -> bool:
    """Whether a folder is new, empty, or one that this has written."""
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    others = {name for name in names if not name.startswith(UNFINISHED)}
    return "state.json" in names or others <= {"lock", "objects"}


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return {_TIME: value.timestamp()}
    raise TypeError(f"{value!r} cannot be kept.")


def _with_times(found: dict[str, Any]) -> Any:
    if found.keys() == {_TIME} and isinstance(found[_TIME], float):
        return datetime.datetime.fromtimestamp(found[_TIME], datetime.UTC)
    return found
