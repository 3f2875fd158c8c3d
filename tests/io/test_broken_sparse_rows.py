"""What is written, and what is read, is checked before compiled code follows it."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import Rows, read_table, write_recordio
from sklearn_sagemaker.io.formats import FORMATS
from sklearn_sagemaker.io.text.csv_payloads import encode_csv
from sklearn_sagemaker.io.text.json_rows import encode_json, encode_jsonlines

BROKEN = {
    "wraps": ([0, 2**63 - 1, -(2**63), -1, 0, 5], np.int64),
    "wraps in 32 bits": ([0, 2**31 - 1, -(2**31), -1, 0, 5], np.int32),
    "falls": ([0, 2, -(10**9), 6, 8, 8], np.int64),
}


def broken(fault, kind=sparse.csr_matrix):
    indptr, dtype = BROKEN[fault]
    X = kind((5, 4))
    X.data, X.indices = np.ones(8), (np.arange(8) % 4).astype(dtype)
    X.indptr = np.array(indptr, dtype=dtype)
    return X


def through(name):
    def write(X, folder):
        kind = FORMATS[name]
        with kind.open_writer(folder / f"rows{kind.endings[0]}") as writer:
            writer.write(Rows(X, np.arange(5)))

    return write


WRITERS = {
    **{name: through(name) for name in FORMATS},
    "write_recordio": lambda X, folder: write_recordio(None, X),
    "shards": lambda X, folder: write_recordio(folder / "a.pbr", X, shards=2),
    "JSON": lambda X, folder: encode_json(Rows(X)),
    "JSON Lines": lambda X, folder: encode_jsonlines(Rows(X)),
    "CSV": lambda X, folder: encode_csv(Rows(X)),
}


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("name", WRITERS)
def test_broken_rows_are_not_written(name, fault, kind, tmp_path):
    with pytest.raises(ValueError, match="X is no valid CSR matrix: its indptr falls"):
        WRITERS[name](broken(fault, kind), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_rows_are_not_read(fault, tmp_path):
    path = tmp_path / "rows.npz"
    X = broken(fault)
    parts = {"data": X.data, "indices": X.indices, "indptr": X.indptr}
    np.savez(path, **parts, shape=X.shape, y=np.arange(5))
    with pytest.raises(DataFileError, match="indptr"):
        read_table(path)
    with pytest.raises(DataFileError, match="indptr"):
        list(FORMATS["npz"].iter_rows(path, 2))


def test_sums_that_are_not_finite_are_not_read(tmp_path):
    path = tmp_path / "rows.npz"
    data = np.full(2, 3e38, np.float32)
    parts = {"indices": [1, 1], "indptr": [0, 2], "shape": [1, 2], "y": [0]}
    np.savez(path, data=data, **parts)
    with pytest.raises(DataFileError, match="not finite in float32"):
        read_table(path)


def test_sums_are_written_as_they_are():
    """Also if the type of the entries cannot hold them."""
    data, at = np.array([100, 100], np.int8), np.array([1, 1])
    X = sparse.csr_array((data, at, np.array([0, 2])), shape=(1, 2))
    assert encode_csv(Rows(X)) == b"0.0,200.0"
    assert b'"values": [200.0]' in encode_json(Rows(X))


def test_a_writer_passes_over_no_rows(tmp_path):
    with FORMATS["recordio"].open_writer(tmp_path / "rows.pbr") as writer:
        writer.write(Rows(sparse.csr_matrix((0, 4)), np.zeros(0)))
        writer.write(Rows(sparse.csr_matrix((2, 4)), np.zeros(2)))
    assert len(read_table(tmp_path / "rows.pbr").y) == 2
