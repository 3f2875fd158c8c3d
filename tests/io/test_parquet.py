"""Parquet: whole, in batches, as shards, written, and what is refused."""

import json
import sys

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.cli.expected import Expected
from sklearn_sagemaker.cli.matching import read_for
from sklearn_sagemaker.cli.reading import Reading
from sklearn_sagemaker.exceptions import DataFileError, OptionalDependencyError
from sklearn_sagemaker.io import FileDataset, read_table
from sklearn_sagemaker.io.parquet import ParquetWriter, iter_parquet
from sklearn_sagemaker.io.rows import Rows, stack_rows

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = RNG.integers(0, 3, 40)


def save(tmp_path, **columns):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("batch_size", [1, 7, 40, 100])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batches_equal_the_arrays_bit_for_bit(tmp_path, batch_size, dtype):
    path = tmp_path / "a.parquet"
    with ParquetWriter(path) as writer:
        for start in range(0, 40, 9):
            part = slice(start, start + 9)
            writer.write(Rows(X[part].astype(dtype), Y[part]))
    found = list(iter_parquet(path, batch_size))
    assert [len(rows) for rows in found[:-1]] == [batch_size] * (len(found) - 1)
    rows = stack_rows(found)
    assert rows.X.dtype == dtype
    np.testing.assert_array_equal(rows.X, X.astype(dtype))
    np.testing.assert_array_equal(rows.y, Y)
    table = read_table(path)
    assert (table.names, table.label) == (["x0", "x1", "x2"], "y")
    np.testing.assert_array_equal(table.X, rows.X)


def test_labels_elsewhere(tmp_path):
    path = save(tmp_path, a=[1, 2], b=["x", "y"], c=[True, False])
    for label in ("b", 1, -2):
        rows = next(iter_parquet(path, 5, label=label))
        assert (rows.X.tolist(), rows.y.tolist()) == ([[1, 1], [2, 0]], ["x", "y"])
    with pytest.raises(DataFileError, match="no column 'y'; the columns are 'a', 'b'"):
        read_table(path)
    with pytest.raises(DataFileError, match="no column 3"):
        iter_parquet(path, 1, label=3)
    with pytest.raises(DataFileError, match="column 'b' is text"):
        iter_parquet(path, 1, label=None)


FAULTS = {
    "index": ({"a": [1], "__index_level_0__": [0], "y": [1]}, "only numbers the rows"),
    "label of times": ({"a": [1], "y": [np.datetime64("2024-01-01", "s")]}, "labels m"),
    "inf": ({"a": [1.0, np.inf], "y": [1, 2]}, "row 2, column 'a': inf is no finite"),
    "empty label": ({"a": [1, 2], "y": ["b", ""]}, "row 2, column 'y': .* empty text"),
    "only a label": ({"y": [1]}, "no column beside the label"),
}


@pytest.mark.parametrize(("columns", "message"), FAULTS.values(), ids=FAULTS)
def test_refused(tmp_path, columns, message):
    path = save(tmp_path, **columns)
    with pytest.raises(DataFileError, match=message) as caught:
        read_table(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("metadata", "refused"),
    [
        ({"index_columns": ["a", "y"]}, True),
        ({"index_columns": ["y", {"kind": "range", "name": "a"}]}, False),
        ({"index_columns": None}, False),
        ([], False),
        (None, False),
    ],
)
def test_an_index_of_pandas_is_no_feature(tmp_path, metadata, refused):
    path = tmp_path / "a.parquet"
    table = pa.table({"a": [1, 5, 7], "b": [1, 2, 3], "y": [0, 1, 0]})
    said = b"{" if metadata is None else json.dumps(metadata).encode()
    pq.write_table(table.replace_schema_metadata({b"pandas": said}), path)
    if refused:
        with pytest.raises(DataFileError, match="column 'a' is the index of a pandas"):
            read_table(path)
    else:
        assert read_table(path).names == ["a", "b"]


def test_text_of_any_type(tmp_path):
    types = [pa.string(), pa.large_string()]
    types += [pa.string_view()] if hasattr(pa, "string_view") else []
    for kind in types:
        path = tmp_path / "a.parquet"
        pq.write_table(pa.table({"a": [1, 2], "y": pa.array(["b", "c"], kind)}), path)
        assert read_table(path).y.tolist() == ["b", "c"]


def test_labels_beyond_int64(tmp_path):
    path = save(tmp_path, a=[1, 2], y=np.array([1, 2**63], dtype=np.uint64))
    with pytest.raises(DataFileError, match="column 'y' has 92233720368547758"):
        read_table(path)
    with pytest.raises(DataFileError, match="column 'y' has 92233720368547758"):
        list(iter_parquet(path, 2))


def test_a_row_far_down_is_named(tmp_path):
    values = np.zeros(30)
    values[22] = np.nan
    path = save(tmp_path, a=values, y=np.zeros(30))
    with pytest.raises(DataFileError, match="row 23, column 'a'"):
        list(iter_parquet(path, 4))


@pytest.mark.parametrize("cut", [0, 3, 200, -1])
def test_cut_files(tmp_path, cut):
    path = save(tmp_path, a=np.arange(500), y=np.arange(500))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataFileError, match="is empty|not a whole Parquet file"):
        read_table(path)


def test_two_columns_of_one_name(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    pq.write_table(table, path)
    with pytest.raises(DataFileError, match="has two columns 'a'"):
        read_table(path, with_label=False)


def test_wide_sparse_rows_are_not_written(tmp_path):
    path = tmp_path / "a.parquet"
    with (
        pytest.raises(ValueError, match="100,001 columns, .*write RecordIO, libsvm"),
        ParquetWriter(path) as writer,
    ):
        writer.write(Rows(sparse.csr_matrix((1, 100_001))))
    assert not path.exists()


def test_without_pyarrow(tmp_path, monkeypatch):
    path = save(tmp_path, a=[1], y=[1])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(OptionalDependencyError, match=r"sklearn_sagemaker\[data\]"):
        read_table(path)


def test_a_model_finds_its_columns_by_name(tmp_path):
    path = save(tmp_path, b=[2.0, 4.0], id=["u", "v"], z=["no", "yes"], a=[1.0, 3.0])
    expected = Expected(
        names=["a", "b"],
        n_features=2,
        label="z",
        label_kind="text",
        zero_based=None,
    )
    told = Reading(None, {})
    table = read_for(str(path), expected, reading=told, with_label=True)
    assert (table.X.tolist(), table.y.tolist()) == ([[1, 2], [3, 4]], ["no", "yes"])
    table = read_for(str(path), expected, reading=told, with_label=False)
    assert table.X.tolist() == [[1, 2], [3, 4]]


def test_shards_of_a_dataset(tmp_path):
    for number in range(2):
        with ParquetWriter(tmp_path / f"{number}.parquet") as writer:
            part = slice(number * 20, number * 20 + 20)
            writer.write(Rows(X[part], Y[part]))
    data = FileDataset(tmp_path / "*.parquet")
    found = data.load()
    np.testing.assert_array_equal(found[0], X)
    np.testing.assert_array_equal(found[1], Y)
    pq.write_table(pa.table({"x0": [1.0], "y": [1]}), tmp_path / "2.parquet")
    with pytest.raises(DataFileError, match="has other column names than"):
        _ = FileDataset(tmp_path / "*.parquet").contents
