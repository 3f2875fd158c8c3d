"""The files of a channel over hosts."""

from dataclasses import replace
from pathlib import Path

import pytest

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.serving.channels import read_channels
from sklearn_sagemaker.serving.cluster.host_files import HostFile, files_of, shared

SIZES = {"a": 5, "b": 1, "c": 1, "d/e": 1, "f": 2}


def channel(kind):
    said = {"train": {"S3DistributionType": kind}}
    return read_channels(said, Path("data"))["train"]


REPLICATED, SHARDED = channel("FullyReplicated"), channel("ShardedByS3Key")


def files(host, names=SIZES):
    return [HostFile(name, host, f"/{host}/{name}", SIZES[name]) for name in names]


def test_each_file_is_counted_once_in_one_order():
    everywhere = {"one": files("one"), "two": files("two")}
    shares = {"one": files("one", "ac"), "two": files("two", ["b", "d/e", "f"])}
    for found in (shared(REPLICATED, everywhere), shared(SHARDED, shares)):
        assert [file.name for file in found] == list(SIZES)
        assert all(file.path == f"/{file.host}/{file.name}" for file in found)
    # Five bytes each.
    hosts = [file.host for file in shared(REPLICATED, everywhere)]
    assert hosts == ["one", "two", "two", "two", "two"]


def test_a_host_may_have_no_share():
    found = shared(SHARDED, {"one": files("one"), "two": []})
    assert {file.host for file in found} == {"one"}


def test_files_that_are_not_as_the_channel_says():
    with pytest.raises(DataFileError, match=r"^b of .* is on one and on two"):
        shared(SHARDED, {"one": files("one", "ab"), "two": files("two", "bc")})
    with pytest.raises(DataFileError, match=r"one and two .* same files .*'c'"):
        shared(REPLICATED, {"one": files("one", "ab"), "two": files("two", "abc")})
    other = [replace(file, size=9) for file in files("two", "a")]
    with pytest.raises(DataFileError, match="do not have the same files"):
        shared(REPLICATED, {"one": files("one", "a"), "two": other})
    with pytest.raises(DataFileError, match="no file with rows on any of 2 hosts"):
        shared(SHARDED, {"one": [], "two": []})


def test_the_files_of_a_folder(tmp_path):
    (tmp_path / "d").mkdir()
    for name, text in {"d/e": "x", "a": "xyz", "_hidden": "x", "empty": ""}.items():
        (tmp_path / name).write_text(text)
    found = files_of(tmp_path, "one")
    assert found == [
        HostFile("a", "one", str(tmp_path / "a"), 3),
        HostFile("d/e", "one", str(tmp_path / "d" / "e"), 1),
    ]
