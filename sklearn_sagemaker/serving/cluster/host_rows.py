"""The rows of a channel as shards, each of which is read where its files are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.backends.dask_files import FileShare, files_of_shard
from sklearn_sagemaker.backends.dask_shards import Rows, on_worker
from sklearn_sagemaker.io.datasets.snapshot import Reading
from sklearn_sagemaker.serving.channels import Channel
from sklearn_sagemaker.serving.cluster.copies import Copies, copy_of
from sklearn_sagemaker.serving.cluster.host_files import HostFile
from sklearn_sagemaker.serving.cluster.job_hosts import PURPOSE

if TYPE_CHECKING:
    from distributed import Client

_named: dict[tuple[str, ...], Reading] = {}
"""Of this worker: all shares of the same files read them by the same names."""
_naming = threading.Lock()


class ChannelReading:
    """How files of a channel are read, on whichever host.

    Parameters
    ----------
    channel : Channel
    memory : int
        Bytes of rows that may be in memory where a file is read.
    n_features : int or None
    options : dict or None
        As `Channel.dataset` takes them.
    """

    def __init__(
        self,
        channel: Channel,
        memory: int,
        n_features: int | None,
        options: dict[str, Any] | None = None,
    ):
        self.channel, self.memory = channel, max(1, memory)
        self.n_features, self.options = n_features, options

    def of(self, names: Sequence[str]) -> Reading:
        """The same of files, by their names in the channel; called in a task."""
        distributed = import_optional("distributed", "dask", PURPOSE)
        worker = distributed.get_worker()
        folder = Path(worker.channels_folder) / self.channel.name
        paths = []
        for name in names:
            here = folder / name
            if not here.exists():
                here = copy_of(worker.local_directory, self.channel.name, name)
            paths.append(str(here))
        with _naming:
            key = (*paths, str(self.memory))
            if key not in _named:
                scratch = Path(worker.local_directory)
                _named[key] = self.channel.dataset(
                    paths, self.memory, self.n_features, scratch, self.options
                ).reading
            return _named[key]


class HostShare(FileShare):
    """A shard's share of a channel, read on its host.

    Parameters
    ----------
    how : ChannelReading
    names : sequence of str
        Of all files in the channel, in the order of keys.
    memory : int
        Bytes of rows that may be loaded, of all shards.
    number, count : int
        Of the shard, and how many there are.
    """

    def __init__(
        self,
        how: ChannelReading,
        names: Sequence[str],
        memory: int,
        number: int,
        count: int,
    ):
        plain = Reading(tuple(names), None, True, memory, how.n_features, {})
        super().__init__(plain, number, count)
        self._by = how

    def _reading(self, paths: Sequence[str]) -> Reading:
        return self._by.of(paths)


class HostRows(Rows):
    """The rows of a channel, in shards that each host reads in windows.

    Which rows a shard has, and in which order, depends on the names of the files and on
    the number of shards alone. A shard is on the host that has the most of its files,
    all hosts having about as many shards; files of it that other hosts have are copied
    there once. Of a channel that all hosts have whole, nothing is.

    Parameters
    ----------
    how : ChannelReading
    files : sequence of HostFile
        In the order of keys.
    hosts : sequence of str
    n_shards : int
    memory : int
        Bytes of rows that may be loaded, over all hosts.
    log : callable
        Told what is copied.
    """

    def __init__(
        self,
        how: ChannelReading,
        files: Sequence[HostFile],
        hosts: Sequence[str],
        n_shards: int,
        memory: int,
        log: Callable[[str], object] = lambda text: None,
    ):
        self._how, self._n_shards, self._memory = how, n_shards, memory
        self._names = [file.name for file in files]
        self._parts = [
            files_of_shard(files, number, n_shards)[0] for number in range(n_shards)
        ]
        self.n_features = how.n_features
        self._copies = Copies(how.channel.name)
        if not how.channel.replicated:
            self.workers = settled(self._parts, hosts)
            moved = {
                (host, file.name): file.size
                for host, part in zip(self.workers, self._parts, strict=True)
                for file in part
                if file.host != host
            }
            if moved:
                log(
                    f"{len(moved)} files of the channel {how.channel.name!r} "
                    f"({sum(moved.values())} bytes) are copied between hosts, as "
                    f"{n_shards} shards have files of several; make "
                    "sklearn_sagemaker.n_shards a multiple of the number of hosts, "
                    "and the number of files one of n_shards."
                )

    def held(self, client: Client, number: int, worker: str) -> Any:
        """See `Rows`."""
        share = HostShare(self._how, self._names, self._memory, number, self._n_shards)
        if self.workers is None:
            return client.submit(_share, share, [], pure=False, **on_worker(worker))
        copies = [
            self._copies.of(client, file, worker)
            for file in self._parts[number]
            if file.host != worker
        ]
        return client.submit(_share, share, copies, workers=[worker], pure=False)


def _share(share: HostShare, copies: list[Any]) -> HostShare:
    return share


def settled(parts: Sequence[Sequence[HostFile]], hosts: Sequence[str]) -> list[str]:
    """A host for each shard: that of most of its bytes, as far as none has too many.

    Parameters
    ----------
    parts : sequence of sequence of HostFile
        The files of each shard.
    hosts : sequence of str
    """
    there = []
    for number, part in enumerate(parts):
        sizes = dict.fromkeys(hosts, 0)
        for file in part:
            sizes[file.host] += file.size
        there += [
            (-size, number, place, host)
            for place, (host, size) in enumerate(sizes.items())
        ]
    room = dict.fromkeys(hosts, ceil(len(parts) / len(hosts)))
    found: dict[int, str] = {}
    for _, number, _, host in sorted(there):
        if number not in found and room[host]:
            found[number] = host
            room[host] -= 1
    return [found[number] for number in range(len(parts))]
