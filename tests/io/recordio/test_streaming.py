"""Rows read as a file of records: the bytes of `write_recordio`, however it is read."""

import io

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.io.recordio import streaming, writing
from sklearn_sagemaker.io.recordio.streaming import RecordStream
from sklearn_sagemaker.io.recordio.writing import write_recordio
from sklearn_sagemaker.io.rows import Rows

rng = np.random.default_rng(0)
DENSE = rng.normal(size=(50, 7))
TABLES = {
    "float32": DENSE.astype(np.float32),
    "float64, which is cast": DENSE,
    "columns, which are copied": np.asfortranarray(DENSE.astype(np.float32)),
    "CSR": sparse.random(50, 300, 0.1, "csr", np.float32, random_state=0),
    "CSR of long keys": sparse.csr_matrix(
        (np.ones(50, "f4"), np.arange(50, dtype=np.int64), np.arange(51)),
        shape=(50, 60),
    ),
}


@pytest.mark.parametrize("size", [1, 13, 64, 1000, 10**6, -1, None])
@pytest.mark.parametrize("table", TABLES)
def test_any_size(monkeypatch, table, size):
    monkeypatch.setattr(writing, "CAST_AT_ONCE", 100)
    monkeypatch.setattr(streaming, "CHUNK", 150)
    X, y = TABLES[table], np.arange(50)
    wanted = write_recordio(None, X, y)
    stream = RecordStream(Rows(X, y))
    parts = iter(lambda: stream.read(size), b"")
    found = list(parts)
    assert b"".join(found) == wanted
    if size and size > 0:
        # A short part would be taken for the end.
        assert {len(part) for part in found[:-1]} <= {size}
    assert stream.read(size) == b""


def test_types_and_weights():
    X = np.array([[1, 2], [3, 4]])
    for dtype in ("float64", "int32", None):
        rows = Rows(X, np.array([0, 1]), np.ones(2))
        target = io.BytesIO()
        write_recordio(
            target, rows.X, rows.y, sample_weight=rows.sample_weight, dtype=dtype
        )
        assert RecordStream(rows, dtype).read() == target.getvalue()


def test_what_is_refused():
    with pytest.raises(ValueError, match="dtype='float16' is not one of"):
        RecordStream(Rows(DENSE), "float16")
    with pytest.raises(ValueError, match="y has inf at row 1"):
        RecordStream(Rows(DENSE[:2], np.array([1, np.inf])))
    wide = DENSE.copy()
    wide[0, 0] = 1e200
    with pytest.raises(ValueError, match="beyond the range of float32"):
        RecordStream(Rows(wide))
    assert RecordStream(Rows(DENSE[:0])).read() == b""
