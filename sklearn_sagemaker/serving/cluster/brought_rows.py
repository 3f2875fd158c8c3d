"""Rows of a channel that come to the first host: to validate, and to measure on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_sagemaker.backends.dask_files import snapshot_of
from sklearn_sagemaker.io.datasets.contents import Look
from sklearn_sagemaker.io.datasets.snapshot import Snapshot
from sklearn_sagemaker.io.rows import stacked
from sklearn_sagemaker.serving.cluster.host_files import HostFile
from sklearn_sagemaker.serving.cluster.host_rows import ChannelReading

if TYPE_CHECKING:
    from distributed import Client

PART = 32 << 20
"""Bytes of rows that come at a time, about."""
Block = tuple[Any, np.ndarray, np.ndarray | None]
_looked: dict[str, Snapshot] = {}
"""Of this worker, so that the parts of a file need one look at it."""


class BroughtRows:
    """The rows of a channel, each file looked at and read where it is.

    Parameters
    ----------
    client : distributed.Client
    how : ChannelReading
    files : sequence of HostFile

    Attributes
    ----------
    labels : ndarray or None
        Distinct ones; None if they are too many for classes.

    Raises
    ------
    DataFileError
        If a file cannot be read, or does not go with the others.
    """

    def __init__(self, client: Client, how: ChannelReading, files: Sequence[HostFile]):
        self._client, self._files = client, list(files)
        asked = [
            client.submit(_look_at, how, file.name, workers=[file.host], pure=False)
            for file in files
        ]
        looks: list[Look] = client.gather(asked)
        self._sizes = [look.n_bytes for look in looks]
        found = Look()
        for look in looks:
            found.take_in(look)
        contents = found.contents(how.n_features, found.n_bytes)
        self.labels = contents.labels
        self._how = ChannelReading(
            how.channel, how.memory, contents.n_features, how.options
        )

    def __iter__(self) -> Iterator[Block]:
        """X, y and weights of some rows after others, in the order of keys."""
        for file, size in zip(self._files, self._sizes, strict=True):
            count = -(-size // PART)
            for number in range(count):
                blocks = self._client.submit(
                    _part_of,
                    self._how,
                    file.name,
                    (number, count),
                    workers=[file.host],
                    pure=False,
                )
                yield from blocks.result()

    def together(self, memory: int) -> Block:
        """All of them.

        Parameters
        ----------
        memory : int
            Bytes that they may take.

        Raises
        ------
        ValueError
            If they take more.
        """
        n_bytes = sum(self._sizes)
        if n_bytes > memory:
            name = self._how.channel.name
            raise ValueError(
                f"The rows of the channel {name!r} take {n_bytes} bytes, more than "
                f"sklearn_sagemaker.memory={memory}, and come to the first host; give "
                "fewer, or a larger instance_type."
            )
        X, y, weights = zip(*self, strict=True)
        some = any(one is not None for one in weights)
        filled = [
            np.ones(len(labels)) if one is None else one
            for labels, one in zip(y, weights, strict=True)
        ]
        return (
            stacked(list(X)),
            np.concatenate(y),
            np.concatenate(filled) if some else None,
        )


def _look_at(how: ChannelReading, name: str) -> Look:
    found = snapshot_of(how.of([name]))
    _looked[found.how.paths[0]] = found
    return found.look


def _part_of(how: ChannelReading, name: str, part: tuple[int, int]) -> list[Block]:
    found = snapshot_of(how.of([name]))
    with closing(found.windows(0, None, part)) as windows:
        # Copies: a window's memory is used again.
        return [
            (X.copy(), y.copy(), None if weights is None else weights.copy())
            for X, y, weights, _ in windows
            if len(y)
        ]
