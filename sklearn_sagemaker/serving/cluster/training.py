"""What a training of a job of several hosts is given, and which jobs are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    job : TrainingJob
    channels : dict of str to Channel
    files : dict of str to list of HostFile
        Of each channel: every file once, in the order of keys, with the host that
        reads it. A task for one runs there by ``workers=[file.host]``.
    folders : Folders
        Of this host, where the model is written.
    log : JobLog
    asked : callable
        Whether the training is to end, which it minds after each epoch.
    """

    job: TrainingJob
    channels: dict[str, Channel]
    files: dict[str, list[HostFile]]
    folders: Folders
    log: JobLog
    asked: Callable[[], bool]


TrainOnCluster = Callable[["Client", ClusterTraining], int]
"""Trains a job of several hosts, writes the model, and returns the exit code.

It is called on the first host. If a host is lost, all futures are cancelled.
"""


def check_distributed(
    hosts: JobHosts, channels: Mapping[str, Channel], train: Any
) -> None:
    """Refuse a job that several hosts cannot train together.

    Parameters
    ----------
    hosts : JobHosts
    channels : mapping of str to Channel
    train : callable or None
        A `TrainOnCluster`.

    Raises
    ------
    ValueError
    """
    count = len(hosts.names)
    if train is None:
        raise ValueError(
            f"The job has {count} instances, but training on several ones "
            "needs the Dask backend, which a later version brings (now algo-1 "
            "alone would write a model); set instance_count=1."
        )
    for channel in channels.values():
        if channel.mode == "Pipe":
            raise ValueError(
                f"The channel {channel.name!r} has TrainingInputMode='Pipe', which a "
                f"job of {count} instances cannot share; set 'File' or 'FastFile', or "
                "instance_count=1."
            )
    if OURS in channels:
        raise ValueError(
            f"The channel {OURS!r} has arrays over all rows, which a job of {count} "
            "instances does not have in one place; write weights into the records, or "
            "set instance_count=1."
        )
