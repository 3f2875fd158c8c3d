"""Files that workers read: which share each shard has, without a cluster."""

import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest

from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.backends.dask_files import BucketShare, FileShare
from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import FileDataset, S3Data, write_recordio
from sklearn_sagemaker.io.datasets.contents import Look
from sklearn_sagemaker.sagemaker.training_access import Access
from tests.backends.cloud import Cloud

N = 300
X = np.arange(N * 2, dtype=np.float32).reshape(N, 2)
Y = np.arange(N, dtype=np.float32)
SPEC = TrainingSpec("linear-learner", "regressor", {})


def written(folder, files):
    write_recordio(folder / "rows.pbr", X, Y, shards=files)
    return sorted(folder.glob("*.pbr"))


def rows_of(shares):
    """Labels of the rows of each shard, and what all hold together."""
    look = Look()
    for share in shares:
        look.take_in(share.look())
    contents = look.contents(None, look.n_bytes)
    shards = [share.shard(contents) for share in shares]
    found = [
        [y for window in shard.windows(SPEC) for y in window.y] for shard in shards
    ]
    return found, contents


@pytest.mark.parametrize("memory", [1 << 20, 1 << 10], ids=["loaded", "streamed"])
@pytest.mark.parametrize("files", [1, 4])
def test_each_row_is_of_one_shard(tmp_path, files, memory):
    paths = written(tmp_path, files)
    how = FileDataset(paths, memory=memory).reading
    shares = [FileShare(how, number, 4) for number in range(4)]
    found, contents = rows_of(shares)
    assert sorted(y for part in found for y in part) == Y.tolist()
    assert contents.n_rows == N
    assert contents.labels.tolist() == Y.tolist()
    if files == 4:
        assert [len(part) for part in found] == [75] * 4
    # On another worker, which looks for itself.
    again, _ = rows_of([pickle.loads(pickle.dumps(share)) for share in shares])
    assert again == found


def test_other_files_on_another_worker_are_refused(tmp_path):
    (path,) = written(tmp_path, 1)
    share = FileShare(FileDataset(path).reading, 0, 1)
    share.look()
    sent = pickle.dumps(share)
    write_recordio(path, X[:-1], Y[:-1])
    with pytest.raises(DataFileError, match="has other rows than when the fit began"):
        pickle.loads(sent).look()


@pytest.mark.parametrize("files", [1, 4])
def test_objects_are_copied_once_to_each_worker(tmp_path, monkeypatch, files):
    cloud = Cloud()
    monkeypatch.setattr(Access, "session", lambda self: cloud.session())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "copies"))
    (tmp_path / "copies").mkdir()
    for path in written(tmp_path, files):
        cloud.objects.found["theirs", f"train/{path.name}"] = path.read_bytes()

    def download_file(bucket, key, path):
        Path(path).write_bytes(cloud.objects.found[bucket, key])

    cloud.objects.download_file = download_file
    data = S3Data("s3://theirs/train/", n_features=2)
    shares = [BucketShare(data, number, 4) for number in range(4)]
    found, contents = rows_of(shares)
    assert sorted(y for part in found for y in part) == Y.tolist()
    assert contents.n_rows == N
    copies = [path for path in Path(tempfile.tempdir).rglob("*") if path.is_file()]
    assert len(copies) == files
