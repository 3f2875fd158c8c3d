"""One Dask cluster for all tests that need one."""

import pytest

from tests.backends.clusters import two_workers


@pytest.fixture(scope="session")
def cluster():
    """A cluster of two processes, whose client is not the process's own."""
    with two_workers() as client:
        yield client
