"""Files that go from one host of a job to another, piece by piece."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.serving.cluster.host_files import HostFile
from sklearn_sagemaker.serving.cluster.job_hosts import PURPOSE

if TYPE_CHECKING:
    from distributed import Client

PIECE = 16 << 20
"""Bytes of a file that are under way at a time."""


def copy_of(folder: str | os.PathLike[str], channel: str, name: str) -> Path:
    """Where a worker has its copy of a file.

    Parameters
    ----------
    folder : str or path-like
        Of the worker's own files.
    channel, name : str
        Of the file.
    """
    return Path(folder, "copies", channel, name)


class Copies:
    """Copies of files of a channel, each made once on a host.

    Parameters
    ----------
    channel : str
    """

    def __init__(self, channel: str):
        self._channel = channel
        self._made: dict[tuple[str, str], Any] = {}

    def of(self, client: Client, file: HostFile, host: str) -> Any:
        """A future of a copy, which is there when it is done.

        Parameters
        ----------
        client : distributed.Client
        file : HostFile
        host : str
            That needs it.
        """
        key = file.name, host
        if key not in self._made:
            written: Any = None
            for start in range(0, file.size, PIECE):
                # One after the other: so much memory, and no more, is taken.
                piece = client.submit(
                    _read, file.path, start, written, workers=[file.host], pure=False
                )
                written = client.submit(
                    _write,
                    self._channel,
                    file.name,
                    start,
                    piece,
                    workers=[host],
                    pure=False,
                )
            self._made[key] = written
        return self._made[key]


def _read(path: str, start: int, after: Any) -> bytes:
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(PIECE)


def _write(channel: str, name: str, start: int, piece: bytes) -> None:
    distributed = import_optional("distributed", "dask", PURPOSE)
    path = copy_of(distributed.get_worker().local_directory, channel, name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "r+b" if start else "wb") as file:
            file.seek(start)
            file.write(piece)
    except OSError as error:
        raise DataFileError(
            f"{name} of the channel {channel!r} cannot be copied to another host "
            f"({error}); take a larger volume, or make sklearn_sagemaker.n_shards a "
            "multiple of the number of hosts, and the number of files one of n_shards."
        ) from None
