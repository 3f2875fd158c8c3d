"""A process that is copied for each host of a job."""

import os
from pathlib import Path

import pytest

import sklearn_sagemaker
from sklearn_sagemaker.testing.forked import ForkServer
from tests.serving.cluster import row_sums
from tests.serving.cluster.host_jobs import Job


@pytest.fixture(scope="module")
def forks():
    """A process that has imported what hosts do."""
    ours = str(Path(sklearn_sagemaker.__file__).parents[1])
    path = os.pathsep.join([os.environ.get("PYTHONPATH", ""), ours])
    environment = {**os.environ, "PYTHONPATH": path}
    server = ForkServer(environment, [row_sums.__name__, "distributed"])
    yield server
    server.close()


@pytest.fixture
def make(tmp_path, forks):
    """Make a job; see `Job`."""
    jobs = []

    def make(*arguments, **more):
        folder = tmp_path / f"job-{len(jobs)}"
        folder.mkdir()
        jobs.append(Job(forks, folder, *arguments, **more))
        return jobs[-1]

    yield make
    for one in jobs:
        one.close()
