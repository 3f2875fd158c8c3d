"""Jobs that several hosts cannot train together."""

from pathlib import Path

import pytest

from sklearn_sagemaker.serving.channels import read_channels
from sklearn_sagemaker.serving.cluster.job_hosts import JobHosts
from sklearn_sagemaker.serving.cluster.training import check_distributed

HOSTS = JobHosts.of({"hosts": ["algo-1", "algo-2"]})


@pytest.mark.parametrize(
    ("said", "train", "match"),
    [
        ({"train": {}}, None, r"2 instances.*Dask backend.*instance_count=1"),
        ({"train": {"TrainingInputMode": "Pipe"}}, len, r"'train' has .*'Pipe', which"),
        ({"train": {}, "sklearn_sagemaker": {}}, len, r"arrays over all rows"),
    ],
)
def test_what_cannot_be_distributed(said, train, match):
    channels = read_channels(said, Path("data"))
    with pytest.raises(ValueError, match=match):
        check_distributed(HOSTS, channels, train)


def test_files_can_be_distributed():
    said = {"train": {"TrainingInputMode": "FastFile"}, "validation": {}}
    check_distributed(HOSTS, read_channels(said, Path("data")), len)
