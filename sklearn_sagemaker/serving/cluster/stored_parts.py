"""Rows that a backend has sent in one file for each shard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.backends.dask_rows import Block, Blocks, Unfit
from sklearn_sagemaker.backends.dask_shards import Rows
from sklearn_sagemaker.io.problem_files import read_rows
from sklearn_sagemaker.serving.channels import Channel
from sklearn_sagemaker.serving.cluster.host_files import HostFile
from sklearn_sagemaker.serving.cluster.job_hosts import PURPOSE

if TYPE_CHECKING:
    from distributed import Client


class StoredParts(Rows):
    """Arrays in files, each of which is a shard, on the host that has it.

    Parameters
    ----------
    channel : Channel
    files : sequence of HostFile
        In the order of keys, one for each shard.
    spec : TrainingSpec
    """

    def __init__(self, channel: Channel, files: Sequence[HostFile], spec: TrainingSpec):
        self._channel, self._files = channel.name, list(files)
        self._classes = spec.classes
        self.workers = [file.host for file in files]

    def held(self, client: Client, number: int, worker: str) -> Any:
        """See `Rows`."""
        return client.submit(
            _blocks,
            self._channel,
            self._files[number].name,
            self._classes,
            number,
            workers=[worker],
            pure=False,
        )


def _blocks(channel: str, name: str, classes: np.ndarray | None, number: int) -> Any:
    distributed = import_optional("distributed", "dask", PURPOSE)
    path = Path(distributed.get_worker().channels_folder) / channel / name
    try:
        rows = read_rows(path)
        y = rows.y if classes is None else classes[rows.y.astype(np.intp)]
        blocks: list[Block] = []
        if len(y):
            blocks.append((rows.X, y, rows.sample_weight))
        return Blocks(number, blocks, [name] * len(blocks))
    except Exception as error:
        return Unfit(error)
