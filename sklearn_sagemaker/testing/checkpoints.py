"""Checkpoints of a training job: files of a folder that are kept in S3 meanwhile."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path, PurePosixPath
from typing import Any

from sklearn_sagemaker.testing.delivery import (
    download,
    objects_below,
    upload,
)
from sklearn_sagemaker.testing.errors import invalid

ROOT = PurePosixPath("/opt/ml")
DEFAULT = "/opt/ml/checkpoints"


class Checkpoints:
    """The files of one host; those that are in S3 are brought at once.

    Parameters
    ----------
    s3 : client
    config : dict
        ``S3Uri``, and perhaps ``LocalPath``.
    root : Path
        What is ``/opt/ml`` in a container.

    Raises
    ------
    JobError
        If S3 refuses them.
    """

    def __init__(self, s3: Any, config: dict[str, Any], root: Path):
        self._s3, self._uri = s3, config["S3Uri"].rstrip("/")
        self._folder = root / local_path(config)
        self._folder.mkdir(parents=True, exist_ok=True)
        download(s3, objects_below(s3, self._uri), self._folder)
        self._known = dict(self._files())

    def _files(self) -> Any:
        """Files, and by what it is seen that they are others."""
        for parent, _, names in os.walk(self._folder):
            for name in names:
                path = Path(parent, name)
                with contextlib.suppress(OSError):
                    found = path.lstat()
                    if path.is_file() and not path.is_symlink():
                        yield path, (found.st_mtime_ns, found.st_size, found.st_ino)

    def sync(self) -> None:
        """Bring to S3 what is new.

        Raises
        ------
        JobError
            If S3 refuses it.
        """
        for path, state in self._files():
            if self._known.get(path) == state:
                continue
            name = path.relative_to(self._folder).as_posix()
            # The program may take one away, or put another in its place.
            with contextlib.suppress(FileNotFoundError):
                upload(self._s3, f"{self._uri}/{name}", path.read_bytes(), "")
                self._known[path] = state


def local_path(config: dict[str, Any]) -> PurePosixPath:
    """Where the checkpoints are, below the folder that is ``/opt/ml``.

    Raises
    ------
    ServiceError
        If they would be elsewhere.
    """
    path = PurePosixPath(config.get("LocalPath", DEFAULT))
    if ".." in path.parts or ROOT not in path.parents:
        raise invalid(
            f"The emulator keeps checkpoints below {ROOT}; LocalPath {path} is not."
        )
    return path.relative_to(ROOT)
