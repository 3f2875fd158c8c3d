"""Rows that lie in S3, copied to this machine to be trained on."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from typing import Any

from sklearn_sagemaker.exceptions import S3NotFoundError
from sklearn_sagemaker.io.datasets.dataset import FileDataset
from sklearn_sagemaker.io.datasets.snapshot import Snapshot
from sklearn_sagemaker.io.s3_data import S3Data
from sklearn_sagemaker.sagemaker._calls import translated
from sklearn_sagemaker.sagemaker.training_access import Access


class _Folder:
    """A temporary folder, which goes when nobody needs it any more."""

    def __init__(self) -> None:
        self.path = tempfile.mkdtemp(prefix="sklearn-sagemaker-s3-")
        weakref.finalize(self, shutil.rmtree, self.path, True)


class CopiedDataset(FileDataset):
    """Files in a temporary folder, which goes with it.

    Parameters
    ----------
    data : S3Data
    session : Session
        Whose credentials read it.
    share : (int, int) or None
        Number of a share of the objects, and how many there are.

    Attributes
    ----------
    shared : bool
        Whether it has the share alone: each has some if there are enough objects.

    Raises
    ------
    S3Error
        If the objects cannot be read.
    S3NotFoundError
        If there is none.
    """

    def __init__(
        self, data: S3Data, session: Any, share: tuple[int, int] | None = None
    ):
        self._folder = _Folder()
        paths, self.shared = _copied(data.uri, session, self._folder.path, share)
        options: dict[str, Any] = {}
        if data.format == "csv":
            options = {"label": 0, "header": "no"}
        super().__init__(
            paths,
            format=data.format,
            memory=data.memory,
            n_features=data.n_features,
            **options,
        )

    def snapshot(self) -> Snapshot:
        """See `FileDataset`; it keeps the folder, too."""
        found = super().snapshot()
        vars(found)["folder"] = self._folder
        return found


def copied(data: S3Data, share: tuple[int, int] | None = None) -> CopiedDataset:
    """The rows as files of this machine, by the credentials that boto3 finds.

    Parameters
    ----------
    data : S3Data
    share : (int, int) or None
        As of `CopiedDataset`.
    """
    return CopiedDataset(data, Access().session(), share)


def _objects(bucket: str, prefix: str, session: Any) -> list[str]:
    """Keys of the objects that may have rows, in order."""
    found = []
    for key in sorted(session._keys(bucket, prefix), key=os.fsencode):
        parts = [part for part in key[prefix.rfind("/") + 1 :].split("/") if part]
        if not key.endswith("/") and not any(
            part.startswith(("_", ".")) for part in parts
        ):
            found.append(key)
    return found


def _copied(
    uri: str, session: Any, folder: str, share: tuple[int, int] | None
) -> tuple[list[str], bool]:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    paths: list[str] = []
    keys = _objects(bucket, prefix, session)
    shared = share is not None and len(keys) >= share[1]
    if share is not None and shared:
        keys = keys[share[0] :: share[1]]
    for key in keys:
        path = os.path.join(folder, f"{len(paths):06d}-{key.rpartition('/')[2]}")
        with translated(f"s3://{bucket}/{key}", session.s3_client, "get_object"):
            session.s3_client.download_file(bucket, key, path)
        if os.path.getsize(path):
            paths.append(path)
    if not paths:
        raise S3NotFoundError(
            f"{uri}: there is no object with rows; check the prefix.", "ListObjectsV2"
        )
    return paths, shared
