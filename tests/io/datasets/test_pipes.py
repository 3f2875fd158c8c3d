"""Rows through real named pipes."""

import gzip
import os
import threading
import time
from contextlib import closing

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import FileDataset, write_recordio
from sklearn_sagemaker.io.datasets.pipes import PipeDataset
from tests.serving.pipes import PipeWriter

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20_000, 8)).astype(np.float32)
Y = RNG.integers(3, size=20_000).astype(np.float32)
SPARSE = sp.random(500, 40, density=0.2, format="csr", random_state=0, dtype=np.float32)
DENSE_BYTES = write_recordio(None, X, Y)
SPARSE_BYTES = write_recordio(None, SPARSE, Y[:500])
CSV_BYTES = b"".join(
    b",".join(b"%r" % value for value in row) + b"\n"
    for row in np.column_stack([Y, X])[:500].astype(float).tolist()
)


def assert_same_rows(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        if sp.issparse(other):
            assert_same_rows(
                (one.data, one.indices, one.indptr),
                (other.data, other.indices, other.indptr),
            )
        elif other is None:
            assert one is None
        else:
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("data", "format", "ending"),
    [
        (DENSE_BYTES, "recordio", "pbr"),
        (SPARSE_BYTES, "recordio", "pbr"),
        (CSV_BYTES, "csv", "csv"),
    ],
)
def test_a_pipe_brings_what_a_file_holds(tmp_path, data, format, ending, packed):
    path = tmp_path / f"rows.{ending}"
    path.write_bytes(data)
    sent = gzip.compress(data, 1) if packed else data
    with PipeWriter(tmp_path / "train", sent, late=0.05) as writer:
        source = PipeDataset(str(tmp_path / "train"), format, memory=1 << 30)
        rows = source.load()
    # The rows of the first pass are kept.
    assert (writer.whole, writer.broken) == ([0], [])
    options = {"header": "no"} if format == "csv" else {}
    assert_same_rows(rows, FileDataset(path, **options).load())


@pytest.mark.parametrize("size", [7, 1 << 16])
def test_rows_beyond_memory_are_read_anew_in_each_pass(tmp_path, size):
    data = SPARSE_BYTES if size == 7 else DENSE_BYTES
    with PipeWriter(tmp_path / "train", data, size=size, late=0.01) as writer:
        source = PipeDataset(str(tmp_path / "train"), "recordio", memory=10_000)
        assert source.contents.n_bytes > 10_000
        passes = [list(source.windows(3, epoch)) for epoch in (None, 0, 1)]
        assert writer.whole == [0, 1, 2, 3]
    for windows in passes:
        assert len(windows) > 1 or size == 7
        for one, other in zip(windows, passes[0], strict=True):
            assert_same_rows(one, other)
    draws = np.concatenate([window[3] for window in passes[0]])
    assert len(np.unique(draws)) == source.contents.n_rows


def test_a_pass_that_ends_early_closes_its_pipe(tmp_path):
    with PipeWriter(tmp_path / "train", DENSE_BYTES) as writer:
        source = PipeDataset(str(tmp_path / "train"), "recordio", memory=10_000)
        assert source.contents.n_rows == len(X)
        with closing(source.windows(0, 0)) as windows:
            next(windows)
        for _ in source.windows(0, 1):
            pass
        assert (writer.whole, writer.broken) == ([0, 2], [1])


def test_a_pass_ends_early_while_its_writer_is_idle(tmp_path):
    prefix = tmp_path / "train"
    with PipeWriter(prefix, lambda number: b"" if number else DENSE_BYTES):
        source = PipeDataset(str(prefix), "recordio", memory=10_000)
        assert source.contents.n_features == 8
    (tmp_path / "train_1").unlink()
    os.mkfifo(tmp_path / "train_1")
    windows = source.windows(0, 0)
    sent = threading.Event()

    def write():
        with open(tmp_path / "train_1", "wb", buffering=0) as pipe:
            pipe.write(DENSE_BYTES[: len(DENSE_BYTES) // 4 * 3])
            sent.wait(60)

    writer = threading.Thread(target=write)
    writer.start()
    next(windows)
    # Until all that was sent is read.
    time.sleep(0.5)
    windows.close()
    # It did not wait for the end of the pipe.
    assert writer.is_alive()
    sent.set()
    writer.join(20)


def test_waiting_may_raise(tmp_path):
    def waiting():
        raise RuntimeError("enough")

    source = PipeDataset(
        str(tmp_path / "train"), "recordio", memory=1 << 20, waiting=waiting
    )
    with pytest.raises(RuntimeError, match="enough"):
        source.load()


def test_other_rows_are_refused(tmp_path):
    shuffled = write_recordio(None, X[::-1], Y[::-1])
    with PipeWriter(
        tmp_path / "train", lambda number: shuffled if number else DENSE_BYTES
    ):
        source = PipeDataset(str(tmp_path / "train"), "recordio", memory=10_000)
        with pytest.raises(DataFileError, match=r"train_1: brings other rows"):
            list(source.windows(0, None))


@pytest.mark.parametrize(
    ("data", "format", "match"),
    [
        (b"", "recordio", r"train_0: record 0 .*is empty"),
        (DENSE_BYTES[:-9], "recordio", r"train_0: record 19999 "),
        (gzip.compress(DENSE_BYTES)[:-9], "recordio", r"train_0: is not a whole gzip"),
        (b"", "csv", "train_0: the body is empty"),
        (b"1,2\n1,x\n", "csv", r"train_0: row 2, column 1"),
    ],
)
def test_faults_name_the_pipe(tmp_path, data, format, match):
    with PipeWriter(tmp_path / "train", data):
        source = PipeDataset(str(tmp_path / "train"), format, memory=1 << 20)
        with pytest.raises(DataFileError, match=match):
            source.load()


def test_formats_that_are_not_streams_are_refused(tmp_path):
    with pytest.raises(ValueError, match="a pipe of jsonlines is not read"):
        PipeDataset(str(tmp_path / "train"), "jsonlines", memory=1 << 20)
