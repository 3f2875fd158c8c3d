"""A Dask cluster of two processes of this machine."""

import logging
from contextlib import contextmanager

import pytest


@contextmanager
def two_workers():
    """A client that is not the process's own; its cluster is `client.cluster`."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as found,
        distributed.Client(found, set_as_default=False) as client,
    ):
        yield client
