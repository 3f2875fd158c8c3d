"""The rows of a channel, each file of which is read by its host."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.serving.channels import Channel
from sklearn_sagemaker.serving.cluster.host_files import HostFile
from sklearn_sagemaker.serving.cluster.job_hosts import PURPOSE

if TYPE_CHECKING:
    from distributed import Client

Rows = tuple[Any, np.ndarray, np.ndarray | None]


class About(NamedTuple):
    """What is known of a file's rows.

    Attributes
    ----------
    sparse, weighted : bool
    labels : ndarray
        Distinct ones.
    """

    sparse: bool
    weighted: bool
    labels: np.ndarray


class HostRows:
    """The rows, in the memory of the workers whose hosts have the files.

    Parameters
    ----------
    client : distributed.Client
    channel : Channel
    files : sequence of HostFile
    n_features : int or None

    Attributes
    ----------
    sparse, weighted : bool
        Whether any of the files is.
    labels : ndarray
        Distinct ones of all.

    Raises
    ------
    DataFileError
        If a file cannot be read.
    """

    def __init__(
        self,
        client: Client,
        channel: Channel,
        files: Sequence[HostFile],
        n_features: int | None,
    ):
        self._client = client
        self._read = [
            client.submit(
                read_file,
                channel,
                file.path,
                n_features,
                workers=[file.host],
                pure=False,
            )
            for file in files
        ]
        asked = [client.submit(_about, rows, pure=False) for rows in self._read]
        found = client.gather(asked)
        self.sparse = any(about.sparse for about in found)
        self.weighted = any(about.weighted for about in found)
        self.labels = np.unique(np.concatenate([about.labels for about in found]))

    def blocks(self) -> tuple[list[Any], list[Any], list[Any] | None]:
        """X, y and sample weights, if there are any, as delayed blocks of files."""
        delayed = import_optional("dask", "dask", PURPOSE).delayed
        X, y, weights = (
            [delayed(take)(rows) for rows in self._read]
            for take in (itemgetter(0), itemgetter(1), _weights)
        )
        return X, y, weights if self.weighted else None

    def __iter__(self) -> Iterator[Rows]:
        """The rows of one file after another, brought here."""
        for rows in self._read:
            yield rows.result()


def read_file(channel: Channel, path: str, n_features: int | None) -> Rows:
    """The rows of a file; called where it is.

    Parameters
    ----------
    channel : Channel
    path : str
    n_features : int or None
    """
    distributed = import_optional("distributed", "dask", PURPOSE)
    scratch = Path(distributed.get_worker().local_directory)
    return channel.dataset([path], sys.maxsize, n_features, scratch).load()


def _about(rows: Rows) -> About:
    X, y, weights = rows
    return About(sp.issparse(X), weights is not None, np.unique(y))


def _weights(rows: Rows) -> np.ndarray:
    _, y, weights = rows
    return np.ones(len(y)) if weights is None else weights
