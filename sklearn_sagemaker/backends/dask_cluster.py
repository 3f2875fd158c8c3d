"""The Dask cluster of a training: the user's, or one for its time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker._threads import processors
from sklearn_sagemaker.backends.dask_shards import import_dask
from sklearn_sagemaker.exceptions import ClusterLostError

CONNECT = 30.0
"""Seconds in which a scheduler must answer."""


@contextmanager
def connected(client: Any) -> Iterator[Any]:
    """A client of a cluster, which is closed at the end if it was made here.

    Parameters
    ----------
    client : distributed.Client, str or None
        A client is used as it is. An address is connected to. None is the current
        client of this process or of the task that it runs; if there is none, a cluster
        of processes on this machine.

    Yields
    ------
    client : distributed.Client

    Raises
    ------
    ClusterLostError
        If the scheduler does not answer.
    OptionalDependencyError
        If Dask is not installed.
    TypeError
        If it is an asynchronous client.
    """
    distributed = import_dask()
    with ExitStack() as stack:
        if client is None:
            client = _current(distributed, stack) or _new(distributed, stack)
        elif isinstance(client, str):
            client = stack.enter_context(_of_address(distributed, client))
        if client.asynchronous:
            raise TypeError(
                "client is asynchronous, and fit is not; make it by "
                "Client(..., asynchronous=False)."
            )
        yield client


def _current(distributed: Any, stack: ExitStack) -> Any:
    """The client of this process, or None."""
    if _in_task(distributed):
        # Others get this thread's place meanwhile, lest they wait for each other.
        return stack.enter_context(distributed.worker_client())
    try:
        return distributed.default_client()
    except ValueError:
        return None


def _in_task(distributed: Any) -> bool:
    try:
        distributed.get_worker()
    except ValueError:
        return False
    return True


def _of_address(distributed: Any, address: str) -> Any:
    try:
        if _in_task(distributed):
            own = distributed.get_worker().scheduler.address
            if own == address:
                return distributed.worker_client()
        return distributed.Client(address, set_as_default=False, timeout=CONNECT)
    except (OSError, TypeError) as error:
        raise ClusterLostError(
            f"There is no Dask scheduler that answers at client={address!r} "
            f"({error}); check the address, and for tls:// pass a distributed.Client "
            "with its security."
        ) from error
    except ValueError as error:
        raise ValueError(
            f"client={address!r} is no address of a Dask scheduler ({error}); it is "
            "such as 'tcp://10.0.0.1:8786'."
        ) from error


def _new(distributed: Any, stack: ExitStack) -> Any:
    """A cluster of this machine's processors, with TLS and without a web page."""
    import dask

    # Without it there is no certificate.
    import_optional("cryptography", "dask", "a cluster of processes of this machine")
    # An address alone would not keep Dask from serving pages.
    unseen: dict[str, Any] = {
        f"distributed.{part}.http.routes": [] for part in ("scheduler", "worker")
    }
    make = partial(
        distributed.LocalCluster,
        n_workers=processors(),
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        security=distributed.Security.temporary(),
        silence_logs=logging.ERROR,
    )
    with dask.config.set(unseen):
        try:
            cluster = stack.enter_context(make())
        except RuntimeError as error:
            raise ClusterLostError(
                "A cluster of this machine's processors could not be started "
                f"({error}). Its processes import the script that makes it, so protect "
                'its main part by if __name__ == "__main__":, or pass client.'
            ) from error
    return stack.enter_context(distributed.Client(cluster, set_as_default=False))
