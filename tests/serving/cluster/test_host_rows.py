"""On which host each shard is, how its files come there, and how they are read."""

import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.backends.dask_rows import HeldShard
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import write_recordio
from sklearn_sagemaker.io.datasets.contents import Look
from sklearn_sagemaker.serving.channels import read_channels
from sklearn_sagemaker.serving.cluster import brought_rows, copies
from sklearn_sagemaker.serving.cluster.brought_rows import BroughtRows
from sklearn_sagemaker.serving.cluster.host_files import HostFile, files_of
from sklearn_sagemaker.serving.cluster.host_rows import (
    ChannelReading,
    HostRows,
    settled,
)
from sklearn_sagemaker.training.shards.shard import SourceShard

distributed = pytest.importorskip("distributed")
SPEC = TrainingSpec("linear-learner", "regressor", {})
X = np.arange(400.0, dtype=np.float32).reshape(200, 2)
HOSTS = ["one", "two"]


def part(*files):
    return [
        HostFile(f"{host}-{size}", host, f"/{host}/{size}", size)
        for host, size in files
    ]


def test_a_shard_is_where_most_of_it_is():
    both = [part(("one", 5), ("two", 3)), part(("one", 1), ("two", 3))]
    parts = [*both, part(("one", 4))]
    assert settled(both, HOSTS) == HOSTS
    # No host has more than its share, so the smallest moves.
    moved = [*parts[::2], part(("one", 9))]
    assert settled(moved, HOSTS) == ["one", "two", "one"]
    assert settled(both, [*HOSTS, "three"]) == HOSTS


def test_files_that_are_shared_out_in_turn_stay():
    files = part(*[(HOSTS[number % 2], 10 + number) for number in range(16)])
    parts = [files[number::4] for number in range(4)]
    assert settled(parts, HOSTS) == HOSTS * 2


class Hosts:
    """Two hosts in folders: a client whose tasks run here, where they are to."""

    def __init__(self, folder, monkeypatch):
        self.roots = {host: folder / host for host in HOSTS}
        self.worker = None
        monkeypatch.setattr(distributed, "get_worker", lambda: self.worker)

    def submit(self, function, *arguments, workers, pure):
        [host] = workers
        self.at(host)
        sent = pickle.loads(pickle.dumps(arguments))
        found = function(*sent)
        return (
            SimpleNamespace(result=lambda: found)
            if function is brought_rows._part_of
            else found
        )

    def gather(self, found):
        return found

    def at(self, host):
        root = self.roots[host]
        own = root / "own"
        own.mkdir(parents=True, exist_ok=True)
        self.worker = SimpleNamespace(
            channels_folder=str(root / "data"), local_directory=str(own)
        )

    def written(self, n_files):
        for number in range(n_files):
            host = HOSTS[number % 2]
            rows = slice(number, None, n_files)
            folder = self.roots[host] / "data" / "train"
            write_recordio(folder / f"{number}.pbr", X[rows], X[rows, 0])
        files = [
            file
            for host in HOSTS
            for file in files_of(self.roots[host] / "data" / "train", host)
        ]
        return sorted(files, key=lambda file: file.name)


@pytest.fixture
def hosts(tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "PIECE", 500)
    for host in HOSTS:
        (tmp_path / host / "data" / "train").mkdir(parents=True)
    return Hosts(tmp_path, monkeypatch)


def reading(memory):
    said = {"train": {"S3DistributionType": "ShardedByS3Key"}}
    return ChannelReading(read_channels(said, Path("data"))["train"], memory, None)


@pytest.mark.parametrize(("memory", "kind"), [(1 << 20, HeldShard), (99, SourceShard)])
@pytest.mark.parametrize("n_files", [3, 4])
def test_each_row_is_of_one_shard(hosts, n_files, memory, kind):
    files, told = hosts.written(n_files), []
    rows = HostRows(reading(memory), files, HOSTS, 4, memory, told.append)
    shares = [rows.held(hosts, k, host) for k, host in enumerate(rows.workers)]
    # Three files are in all shards; four, in turn, are where their shard is.
    assert len(told) == (n_files == 3)
    look, found = Look(), []
    for share, host in zip(shares, rows.workers, strict=True):
        hosts.at(host)
        look.take_in(share.look())
    contents = look.contents(None, look.n_bytes)
    for share, host in zip(shares, rows.workers, strict=True):
        hosts.at(host)
        shard = share.shard(contents)
        assert type(shard) is kind
        found += [y for window in shard.windows(SPEC) for y in window.y]
    assert sorted(found) == X[:, 0].tolist()


def test_a_copy_that_cannot_be_written(hosts):
    files = hosts.written(3)
    (hosts.roots["one"] / "own").mkdir()
    (hosts.roots["one"] / "own" / "copies").write_text("in the way")
    rows = HostRows(reading(99), files, HOSTS, 4, 99)
    with pytest.raises(DataFileError, match="cannot be copied to another host"):
        rows.held(hosts, 0, "one")


def test_rows_that_come_to_the_first_host(hosts):
    files = hosts.written(3)
    found = BroughtRows(hosts, reading(1 << 20), files)
    assert found.labels.tolist() == X[:, 0].tolist()
    rows, y, weights = found.together(1 << 20)
    assert weights is None
    assert np.array_equal(rows[:, 0], y)
    assert sorted(y) == X[:, 0].tolist()
    with pytest.raises(ValueError, match=r"bytes, more than sklearn_sagemaker\.memory"):
        found.together(99)
