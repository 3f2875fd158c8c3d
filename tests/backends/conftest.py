"""One Dask cluster for all tests that need one."""

import logging

import pytest


@pytest.fixture(scope="session")
def cluster():
    """A cluster of two processes, whose client is not the process's own."""
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
