"""Files of JSON and JSON Lines: batches, labels, gzip, and whole files only."""

import gzip

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import read_table
from sklearn_sagemaker.io.rows import Rows
from sklearn_sagemaker.io.text.json_files import (
    JsonLinesWriter,
    JsonWriter,
    iter_json,
    iter_jsonlines,
)

KINDS = pytest.mark.parametrize(
    ("name", "iterate", "writer"),
    [
        ("rows.json", iter_json, JsonWriter),
        ("rows.json.gz", iter_json, JsonWriter),
        ("rows.jsonl", iter_jsonlines, JsonLinesWriter),
        ("rows.jsonl.gz", iter_jsonlines, JsonLinesWriter),
    ],
)


def some_rows(n_rows, make=np.asarray):
    rng = np.random.default_rng(0)
    X = np.where(rng.random((n_rows, 4)) < 0.5, rng.normal(size=(n_rows, 4)), 0)
    return Rows(make(X), rng.integers(3, size=n_rows), rng.random(n_rows))


def dense(X):
    return X.toarray() if sparse.issparse(X) else X


@KINDS
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_round_trip_in_batches(tmp_path, name, iterate, writer, make):
    rows = some_rows(25, make)
    path = tmp_path / name
    with writer(path) as file:
        for part in (slice(0, 0), slice(0, 10), slice(10, 11), slice(11, 25)):
            file.write(Rows(rows.X[part], rows.y[part], rows.sample_weight[part]))
    found = list(iterate(path, 8))
    assert [len(part) for part in found] == [8, 8, 8, 1]
    assert all(sparse.issparse(part.X) == sparse.issparse(rows.X) for part in found)
    X = np.concatenate([dense(part.X) for part in found])
    np.testing.assert_array_equal(X, dense(rows.X))
    y = np.concatenate([part.y for part in found])
    np.testing.assert_array_equal(y, rows.y)
    weights = np.concatenate([part.sample_weight for part in found])
    np.testing.assert_array_equal(weights, rows.sample_weight)
    assert path.read_bytes()[:2] == (b"\x1f\x8b" if name.endswith("gz") else b'{"')
    if name.endswith("gz"):
        assert gzip.decompress(path.read_bytes()).endswith(b"}\n")


@KINDS
def test_nothing_is_left_of_a_failed_file(tmp_path, name, iterate, writer):
    path = tmp_path / name
    path.write_bytes(b"before")

    def write(*parts):
        with writer(path) as file:
            for part in parts:
                file.write(part)

    rows = some_rows(3)
    for other, message in [
        (Rows(np.ones((1, 5)), np.ones(1), np.ones(1)), "5 features"),
        (Rows(np.ones((1, 4))), "do not both have labels"),
        (Rows(np.full((1, 4), np.nan), np.ones(1), np.ones(1)), "nan"),
    ]:
        with pytest.raises(ValueError, match=message):
            write(rows, other)
    with pytest.raises(ValueError, match="no rows were written"):
        write()
    assert path.read_bytes() == b"before"
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@KINDS
def test_shapes_of_sparse_rows_may_be_smaller_than_the_width_given(
    tmp_path, name, iterate, writer
):
    path = tmp_path / name
    with writer(path) as file:
        file.write(Rows(sparse.csr_matrix([[0.0, 2.0], [3.0, 0.0]])))
    (rows,) = iterate(path, 2, n_features=4)
    np.testing.assert_array_equal(rows.X.toarray(), [[0, 2, 0, 0], [3, 0, 0, 0]])
    with pytest.raises(DataFileError, match="has 2 features, but 1"):
        list(iterate(path, 2, n_features=1))


@KINDS
def test_wrong_files(tmp_path, name, iterate, writer):
    path = tmp_path / name
    with pytest.raises(DataFileError, match="no such file"):
        list(iterate(path, 2))
    path.write_bytes(b"")
    with pytest.raises(DataFileError, match="is empty"):
        list(iterate(path, 2))
    with writer(path) as file:
        file.write(some_rows(5))
    with pytest.raises(ValueError, match="batch_size"):
        list(iterate(path, 0))
    place = "line 1" if "jsonl" in name else r"instances\[0\]"
    with pytest.raises(DataFileError, match=f"{name}: {place}: has 4 features, but 3"):
        list(iterate(path, 2, n_features=3))
    assert len(list(iterate(path, 2, n_features=4))) == 3
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    fault = "not a whole gzip file" if name.endswith("gz") else "not valid JSON"
    with pytest.raises(DataFileError, match=f"{name}: .*{fault}"):
        list(iterate(path, 2))


@KINDS
def test_batches_before_a_fault_are_given(tmp_path, name, iterate, writer):
    path = tmp_path / name
    with writer(path) as file:
        file.write(some_rows(50))
    data = path.read_bytes()
    text = gzip.decompress(data) if name.endswith("gz") else data
    place = text.rindex(b'"label"')
    text = text[: place + 2] + b"\n" + text[place + 3 :]
    path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    batches = iterate(path, 10)
    for _ in range(4):
        assert len(next(batches)) == 10
    place = "line 50" if "jsonl" in name else r"instances\[49\]"
    with pytest.raises(DataFileError, match=f"{place}: is not valid JSON"):
        next(batches)


@pytest.mark.parametrize("name", ["rows.json", "rows.json.gz"])
def test_a_document_that_is_too_large_is_not_loaded(tmp_path, name):
    path = tmp_path / name
    with JsonWriter(path) as file:
        file.write(some_rows(20_000))
    text = path.read_bytes()
    text = gzip.decompress(text) if name.endswith("gz") else text
    for read in (
        lambda memory: next(iter_json(path, 10, memory=memory)),
        lambda memory: read_table(path, memory=memory),
    ):
        read(len(text))
        with pytest.raises(DataFileError, match=r"has more than [\d,]+ bytes") as e:
            read(len(text) - 1)
        assert "write JSON Lines" in str(e.value)
        assert "sklearn-sagemaker convert IN OUT.jsonl" in str(e.value)


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl.gz"])
def test_read_table(tmp_path, name):
    path = str(tmp_path / name)
    text = (
        b'{"features": [0, 2], "label": 1}\n'
        b'{"data": {"features": {"keys": [1], "shape": [2], "values": [3]}}, '
        b'"label": 0}'
    )
    lines = [b'{"features": [1, 0], "label": 1}'] * 20_000 + text.splitlines()
    if "jsonl" in name:
        (tmp_path / name).write_bytes(gzip.compress(b"\n".join(lines)))
    else:
        (tmp_path / name).write_bytes(b'{"instances": [' + b",".join(lines) + b"]}")
    table = read_table(path)
    assert table.X.shape == (20_002, 2)
    assert table.X[-2:].toarray().tolist() == [[0, 2], [0, 3]]
    assert table.y.dtype == np.int64
    assert table.y.sum() == 20_001
    assert read_table(path, labels="text").y[0] == "1"
    assert read_table(path, with_label=False).y is None
    with pytest.raises(
        DataFileError, match=r"no label can be chosen \('y'\): each row"
    ):
        read_table(path, label="y")


def test_read_table_says_what_labels_lack(tmp_path):
    path = tmp_path / "rows.jsonl"
    line = b'{"features": [1, 0], "label": 1, "weight": 2}\n'
    path.write_bytes(line)
    assert read_table(str(path)).unused == ("weights",)
    other = line.replace(b' "label": 1,', b"")
    path.write_bytes(line * 10_000 + other)
    with pytest.raises(DataFileError, match="some rows have no label"):
        read_table(str(path))
    path.write_bytes(other)
    with pytest.raises(DataFileError, match="the rows have no label"):
        read_table(str(path))
    path.write_bytes(line * 10_000 + line.replace(b": 1,", b': "a",'))
    with pytest.raises(
        DataFileError, match="some labels are text and some are numbers"
    ):
        read_table(str(path))


def test_bytes_of_a_document(tmp_path):
    path = tmp_path / "rows.json"
    with JsonWriter(path) as file:
        file.write(Rows(np.array([[1], [2]])))
        file.write(Rows(np.array([[3]])))
    assert path.read_bytes() == (
        b'{"instances": [{"features": [1]},\n{"features": [2]},\n{"features": [3]}]}\n'
    )
