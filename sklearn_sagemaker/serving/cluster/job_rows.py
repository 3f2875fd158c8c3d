"""The channels of a job of several hosts, as what trains and measures takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sklearn_sagemaker._state import TrainingData, TrainingSpec, WindowedData
from sklearn_sagemaker.backends.dask_shards import DaskShards, Rows
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.problem_files import read_rows
from sklearn_sagemaker.serving.channels import OURS, TRAIN, VALIDATION
from sklearn_sagemaker.serving.cluster.brought_rows import BroughtRows
from sklearn_sagemaker.serving.cluster.host_rows import ChannelReading, HostRows
from sklearn_sagemaker.serving.cluster.stored_parts import StoredParts
from sklearn_sagemaker.serving.cluster.training import ClusterTraining
from sklearn_sagemaker.serving.train_problem import (
    ROWS,
    check_known_labels,
    encoded_rows_of,
)

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True)
class JobRows:
    """The rows of a job.

    Attributes
    ----------
    client : distributed.Client
    training : ClusterTraining
    n_shards, memory : int
        ``memory`` is of rows that are loaded, over all hosts.
    n_features : int or None
    described : dict or None, default=None
        Arguments of a `FileDataset` of a backend, whose files the channel has.
    """

    client: Client
    training: ClusterTraining
    n_shards: int
    memory: int
    n_features: int | None
    described: dict[str, Any] | None = None

    def shards(self) -> HostRows:
        """Those that train."""
        training = self.training
        return HostRows(
            self._how(TRAIN, self.described),
            training.files[TRAIN],
            training.hosts,
            self.n_shards,
            self.memory,
            training.log.line,
        )

    def brought(self, name: str) -> BroughtRows:
        """Those of another channel."""
        return BroughtRows(self.client, self._how(name), self.training.files[name])

    def _how(self, name: str, described: dict[str, Any] | None = None) -> Any:
        # Each shard that is read has windows of its own.
        memory = self.memory // self.n_shards
        channel = self.training.channels[name]
        return ChannelReading(channel, memory, self.n_features, described)


def stored_shards(
    client: Client,
    training: ClusterTraining,
    spec: TrainingSpec,
    more: dict[str, Any],
    n_shards: int,
    memory: int,
) -> WindowedData:
    """The rows of a job that a backend sent, in shards.

    Parameters
    ----------
    client : distributed.Client
    training : ClusterTraining
    spec : TrainingSpec
    more : dict
        As `stored_spec` returns it.
    n_shards : int
    memory : int
        Bytes of samples of the rows, and of rows that are loaded if the job's source
        does not say how many.

    Raises
    ------
    DataFileError
        If the channel lacks them.
    ValueError
        If they are not what the spec trains on.
    """
    source = more.get("source")
    most = (source or {}).get("memory", memory)
    described = source if source is not None and "format" in source else None
    rows = JobRows(client, training, n_shards, most, more["n_features"], described)
    files = training.files[TRAIN]
    found: Rows
    if source is None:
        if len(files) != n_shards:
            raise DataFileError(
                f"The channel {TRAIN!r} has {len(files)} files of rows, and the "
                f"backend wrote {n_shards}; were some removed from the bucket?"
            )
        found = StoredParts(training.channels[TRAIN], files, spec)
    else:
        found = rows.shards()
    shards = DaskShards(client, found, n_shards, memory)
    check_known_labels(spec, shards.contents.labels, TRAIN)
    data = WindowedData(shards)
    given = training.folders.data / OURS / ROWS
    held: TrainingData | None = None
    if given.is_file():
        held = read_rows(given)
    elif VALIDATION in training.channels:
        arrays = rows.brought(VALIDATION).together(most)
        held = TrainingData(*encoded_rows_of(spec, arrays, VALIDATION))
    if held is None:
        return data
    return WindowedData(shards, held.X, held.y, held.sample_weight)
