"""What a training of a job of several hosts is given, and which jobs are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sklearn_sagemaker.backends.dask import UNSHARDED
from sklearn_sagemaker.serving.channels import OURS, Channel
from sklearn_sagemaker.serving.cluster.host_files import HostFile
from sklearn_sagemaker.serving.cluster.job_hosts import JobHosts
from sklearn_sagemaker.serving.logs import JobLog
from sklearn_sagemaker.serving.train_job import Folders, TrainingJob

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True)
class ClusterTraining:
    """A job whose hosts are there, for the first host.

    Attributes
    ----------
    job : TrainingJob or None
        None if a backend sent it.
    channels : dict of str to Channel
    files : dict of str to list of HostFile
        Of each channel: every file once, in the order of keys, with the host that
        reads it. A task for one runs there by ``workers=[file.host]``.
    folders : Folders
        Of this host, where the model is written.
    log : JobLog
    asked : callable
        Whether the training is to end, which it minds after each epoch.
    hosts : sequence of str
        Names of all.
    """

    job: TrainingJob | None
    channels: dict[str, Channel]
    files: dict[str, list[HostFile]]
    folders: Folders
    log: JobLog
    asked: Callable[[], bool]
    hosts: Sequence[str]


TrainOnCluster = Callable[["Client", ClusterTraining], int]
"""Trains a job of several hosts, writes the model, and returns the exit code.

It is called on the first host. If a host is lost, all futures are cancelled.
"""


def check_distributed(
    hosts: JobHosts,
    channels: Mapping[str, Channel],
    settings: Mapping[str, Any] = {},
    stored: bool = False,
) -> None:
    """Refuse a job that several hosts cannot train together.

    Parameters
    ----------
    hosts : JobHosts
    channels : mapping of str to Channel
    settings : mapping
        Hyperparameters.
    stored : bool, default=False
        Whether a backend sent the job, whose files it has made for several hosts.

    Raises
    ------
    ValueError
    """
    count = len(hosts.names)
    for channel in channels.values():
        if channel.mode == "Pipe":
            raise ValueError(
                f"The channel {channel.name!r} has TrainingInputMode='Pipe', which a "
                f"job of {count} instances cannot share; set 'File' or 'FastFile', or "
                "instance_count=1."
            )
    if settings.get("solver") in UNSHARDED:
        raise ValueError(
            f"solver={settings['solver']!r} needs all rows at once, which a job of "
            f"{count} instances has in shards; set solver to 'gradient', or "
            "instance_count=1."
        )
    if OURS in channels and not stored:
        raise ValueError(
            f"The channel {OURS!r} has arrays over all rows, which a job of {count} "
            "instances does not have in one place; write weights into the records, or "
            "set instance_count=1."
        )
