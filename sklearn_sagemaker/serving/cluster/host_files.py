"""The files of a channel, each with the one host that reads it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.messages import listed
from sklearn_sagemaker.serving.channels import Channel, files_in
from sklearn_sagemaker.serving.cluster.job_hosts import PURPOSE

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True)
class HostFile:
    """A file of a channel.

    Attributes
    ----------
    name : str
        In the channel, with its folders: the end of its key.
    host : str
        That reads it; the name of a worker.
    path : str
        There.
    size : int
        In bytes.
    """

    name: str
    host: str
    path: str
    size: int


def own_files(name: str) -> list[HostFile]:
    """The files of a channel that the host of this worker has; called there.

    Parameters
    ----------
    name : str
        Of the channel.
    """
    distributed = import_optional("distributed", "dask", PURPOSE)
    worker = distributed.get_worker()
    return files_of(Path(worker.channels_folder) / name, worker.name)


def files_of(folder: Path, host: str) -> list[HostFile]:
    """The files in the folder that a channel has on a host.

    Parameters
    ----------
    folder : Path
    host : str
    """
    return [
        HostFile(str(path.relative_to(folder)), host, str(path), path.stat().st_size)
        for path in files_in(folder)
    ]


def host_files(
    client: Client, channel: Channel, hosts: Sequence[str]
) -> list[HostFile]:
    """The files of a channel over all hosts, each once, in the order of their keys.

    Each worker lists its own host's.

    Parameters
    ----------
    client : distributed.Client
        Of a cluster with a worker on each host, named as it.
    channel : Channel
    hosts : sequence of str

    Returns
    -------
    files : list of HostFile
        In the same order whatever the number of hosts, and however they share the
        channel.

    Raises
    ------
    DataFileError
        If there are none, or the hosts do not have them as the channel says.
    """
    asked = [
        client.submit(own_files, channel.name, workers=[host], pure=False)
        for host in hosts
    ]
    found = dict(zip(hosts, client.gather(asked), strict=True))
    return shared(channel, found)


def shared(channel: Channel, found: Mapping[str, Sequence[HostFile]]) -> list[HostFile]:
    """Each file once: where it is, or of those that are everywhere, on one host.

    Parameters
    ----------
    channel : Channel
    found : mapping of str to sequence of HostFile
        What each host has.

    Raises
    ------
    DataFileError
    """
    hosts = list(found)
    if not any(found.values()):
        raise DataFileError(
            f"The channel {channel.name!r} has no file with rows on any of "
            f"{len(hosts)} hosts; check its S3Uri."
        )
    if not channel.replicated:
        files = [file for host in hosts for file in found[host]]
        files.sort(key=lambda file: os.fsencode(file.name))
        for one, other in itertools.pairwise(files):
            if one.name == other.name:
                raise DataFileError(
                    f"{one.name} of the channel {channel.name!r} is on {one.host} and "
                    f"on {other.host}, and its rows would count twice; a channel whose "
                    "files are on all hosts is 'FullyReplicated'."
                )
        return files
    everywhere = {host: {(f.name, f.size) for f in found[host]} for host in hosts}
    for host in hosts[1:]:
        differ = sorted(name for name, _ in everywhere[host] ^ everywhere[hosts[0]])
        if differ:
            raise DataFileError(
                f"{hosts[0]} and {host} do not have the same files of the channel "
                f"{channel.name!r}: {listed(differ[:3])}; all hosts must have all of a "
                "channel that is 'FullyReplicated'."
            )
    return _spread(found)


def _spread(found: Mapping[str, Sequence[HostFile]]) -> list[HostFile]:
    """Files that all hosts have: the largest first to who has the fewest bytes."""
    hosts = list(found)
    there = {host: {file.name: file.path for file in found[host]} for host in hosts}
    load = dict.fromkeys(hosts, 0)
    chosen = list(found[hosts[0]])
    for place in sorted(range(len(chosen)), key=lambda i: -chosen[i].size):
        host = min(hosts, key=lambda name: load[name])
        load[host] += chosen[place].size
        path = there[host][chosen[place].name]
        chosen[place] = replace(chosen[place], host=host, path=path)
    return chosen
