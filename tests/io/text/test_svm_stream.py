"""libsvm files in batches: as the whole-file reader has it, and written."""

import gzip
import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import FileDataset, read_table
from sklearn_sagemaker.io.rows import Rows, stack_rows
from sklearn_sagemaker.io.text import blocks
from sklearn_sagemaker.io.text.svm_stream import (
    SvmLayout,
    SvmWriter,
    iter_svm,
    scan_svm,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5)) * (RNG.random((40, 5)) < 0.5)
X[7] = 0
Y = RNG.integers(-1, 3, 40)


def written(path, X=X, y=Y, step=7):
    with SvmWriter(path) as writer:
        for start in range(0, X.shape[0], step):
            part = slice(start, start + step)
            writer.write(Rows(X[part], y[part]))
    return path


def save(tmp_path, text, name="a.svm"):
    path = tmp_path / name
    data = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    return path


@pytest.mark.parametrize("batch_size", [1, 3, 40, 1000])
@pytest.mark.parametrize("name", ["a.svm", "a.libsvm.gz"])
@pytest.mark.parametrize("block", [1, 50, 1 << 20])
def test_equal_to_the_whole_file(tmp_path, monkeypatch, batch_size, name, block):
    path = written(tmp_path / name)
    monkeypatch.setattr(blocks, "BLOCK", block)
    found = list(iter_svm(path, batch_size))
    assert [len(rows) for rows in found[:-1]] == [batch_size] * (len(found) - 1)
    whole = read_table(str(path))
    rows = stack_rows(found)
    np.testing.assert_array_equal(rows.X.toarray(), whole.X.toarray())
    np.testing.assert_array_equal(rows.y, whole.y)
    # 16 digits.
    np.testing.assert_allclose(rows.X.toarray(), X, rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int32])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_numbers_are_read_as_they_were(tmp_path, dtype, kind):
    values = (X * 50).astype(np.int64).astype(dtype)
    if dtype == np.float32:
        values = X.astype(dtype)
    path = written(tmp_path / "a.svm", kind(values), Y / 3)
    rows = stack_rows(list(iter_svm(path, 9)))
    np.testing.assert_array_equal(rows.X.toarray().astype(dtype), values)
    np.testing.assert_allclose(rows.y, Y / 3, rtol=1e-15)


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("1 1:5\n", {}, [[5]]),
        ("1 0:5 2:6\n", {}, [[5, 0, 6]]),
        ("1 1:5\n", {"n_features": 3}, [[5, 0, 0]]),
        ("1 1:5\n", {"n_features": 3, "zero_based": True}, [[0, 5, 0]]),
        ("1 1:5\n", {"zero_based": True}, [[0, 5]]),
        ("1 1:5\n", {"zero_based": False}, [[5]]),
        ("1 qid:3\n2 qid:4 0:1 2:5\n", {}, [[0, 0, 0], [1, 0, 5]]),
        ("# none\n\n1 qid:3 2:5 # why\n2\n", {}, [[0, 5], [0, 0]]),
    ],
)
def test_width_and_base(tmp_path, text, options, expected):
    rows = stack_rows(list(iter_svm(save(tmp_path, text), 1, **options)))
    assert rows.X.toarray().tolist() == expected


def test_files_that_belong_together(tmp_path):
    paths = [
        save(tmp_path, "1 0:1\n", "a.svm"),
        save(tmp_path, "1 7:1\n", "b.svm.gz"),
        save(tmp_path, "1\n", "c.svm"),
    ]
    assert scan_svm(*paths) == SvmLayout(8, True)
    assert scan_svm(*paths[1:]) == SvmLayout(7, False)
    with pytest.raises(DataFileError, match="c.svm: has no feature in any row"):
        scan_svm(paths[2])


TEXT = "007 1:1 # not_yet\nnot_spam qid:2 2:2\r\n\n+1\n"


@pytest.mark.parametrize("block", [1, 1 << 20])
def test_labels_of_text(tmp_path, monkeypatch, block):
    monkeypatch.setattr(blocks, "BLOCK", block)
    path = save(tmp_path, TEXT)
    for rows in (stack_rows(list(iter_svm(path, 2))), read_table(path)):
        assert rows.X.toarray().tolist() == [[1, 0], [0, 2], [0, 0]]
        assert rows.y.tolist() == ["007", "not_spam", "+1"]
    path = save(tmp_path, "1 1:1\n")
    assert read_table(path, labels="text").y.tolist() == ["1"]
    with pytest.raises(DataFileError, match="row 1: the label '007' loses digits"):
        read_table(save(tmp_path, TEXT), labels="number")
    with pytest.raises(ValueError, match="labels='any' must be one of"):
        iter_svm(path, 1, labels="any")


def test_shards_have_labels_and_features_of_one_kind(tmp_path):
    save(tmp_path, "a 1:1\nb 2:1\n", "a.svm")
    save(tmp_path, "1 0:1 3:1\nb 1:1\n", "b.svm")
    X, y, _ = FileDataset(tmp_path / "*.svm").load()
    assert X.toarray().tolist() == [
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [1, 0, 0, 1],
        [0, 1, 0, 0],
    ]
    assert y.tolist() == ["a", "b", "1", "b"]
    save(tmp_path, "1 1:1\n", "0.svm")
    with pytest.raises(DataFileError, match=r"a\.svm: row 1: the label 'a' is not a"):
        FileDataset(tmp_path / "*.svm").load()


def test_values_are_those_of_float(tmp_path):
    bits = RNG.integers(0, 0x7FEFFFFFFFFFFFFF, 500).view(np.float64)
    texts = [repr(value) for value in bits.tolist()]
    texts += ["0.1000000000000000055511151231257827", "9007199254740993.0", "5e-324"]
    lines = "".join(f"{text} 1:{text}\n" for text in texts)
    rows = stack_rows(list(iter_svm(save(tmp_path, lines), 1000, labels="number")))
    assert rows.X.data.tolist() == rows.y.tolist() == [float(text) for text in texts]


FAULTS = {
    "digits lost": ("007 1:1", {}, "row 31: the label '007' loses digits"),
    "long digits": ("12345678901234567890 1:1", {}, "row 31: the label '1.*digits"),
    "underscore": ("0 1:1_0", {}, "row 31: the value in '1:1_0'"),
    "underscored label": ("1_0 1:1", {}, "row 31: the label '1_0' is not a number"),
    "underscored index": ("1 1_0:1", {}, "row 31: '1_0:1' is not index:value"),
    "no label": ("1:1 2:3", {"labels": "text"}, "row 31: the label '1:1' is not a"),
    "label is a list": ("a,b 2:3", {"labels": "text"}, "row 31: .* is a list"),
    "label with NUL": ("a\0 2:3", {"labels": "text"}, "row 31: .* has a NUL"),
    "text": ("hello 1:1", {}, "row 31: the label 'hello' is not a number"),
    "no colon": ("0 3", {}, "row 31: '3' is not index:value"),
    "bad value": ("0 1:x", {}, "row 31: the value in '1:x'"),
    "nan value": ("0 1:nan", {}, "row 31: the value in '1:nan'"),
    "nan label": ("nan 1:1", {}, "row 31: the label 'nan' is not a number"),
    "unsorted": ("1 3:1 2:1", {}, "row 31: the index of '2:1' is not above"),
    "huge index": ("1 99999999999:1", {}, "row 31: the index of '999"),
    "too wide": (
        "1 9:1",
        {"n_features": 8, "zero_based": False},
        "row 31: has feature 9, but there are 8 features, 1 to 8",
    ),
    "base": (
        "1 0:1",
        {"n_features": 8, "zero_based": False},
        "row 31: has feature 0, but features are said to be counted from 1",
    ),
    "not UTF-8": (b"\xff 1:1", {}, "is not UTF-8 text"),
}


@pytest.mark.parametrize("block", [1, 64, 1 << 20])
@pytest.mark.parametrize(("line", "options", "message"), FAULTS.values(), ids=FAULTS)
def test_faults_are_blamed_on_their_row(
    tmp_path, monkeypatch, block, line, options, message
):
    monkeypatch.setattr(blocks, "BLOCK", block)
    line = line if isinstance(line, bytes) else line.encode()
    path = save(tmp_path, b"1 2:1\n" * 30 + line + b"\n" + b"1 2:1\n" * 20)
    with pytest.raises(DataFileError, match=message) as caught:
        list(iter_svm(path, 4, **options))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_refused_before_the_first_batch(tmp_path):
    with pytest.raises(ValueError, match="batch_size=0"):
        iter_svm(save(tmp_path, "1 1:1\n"), 0)
    with pytest.raises(DataFileError, match="no such file"):
        iter_svm(tmp_path / "none.svm", 1, n_features=1, zero_based=True)
    with pytest.raises(DataFileError, match="no feature in any row"):
        iter_svm(save(tmp_path, "# nothing\n"), 1)
    with pytest.raises(DataFileError, match="is empty"):
        list(iter_svm(save(tmp_path, "# none\n"), 1, n_features=1, zero_based=True))


def test_memory_is_flat(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 1 << 14)
    line = b"1 " + b" ".join(b"%d:0.125" % j for j in range(1, 60)) + b"\n"
    path = save(tmp_path, line * 3_000)
    assert path.stat().st_size > 1_500_000
    next(iter_svm(path, 20, n_features=60, zero_based=False))
    tracemalloc.start()
    try:
        parts = iter_svm(path, 20, n_features=60, zero_based=False)
        assert sum(len(rows) for rows in parts) == 3_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 500_000


BAD_ROWS = {
    "no labels": (Rows(X), "have no labels, and every row of libsvm starts with one"),
    "text": (Rows(X, Y.astype(str)), "labels of text, and libsvm holds numbers only"),
    "weights": (Rows(X, Y, np.ones(40)), "libsvm has no place for sample weights"),
    "nan": (Rows(sparse.csr_matrix(X + np.inf), Y), "numbers must be finite"),
}


@pytest.mark.parametrize(("rows", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_what_cannot_be_written(tmp_path, rows, message):
    path = tmp_path / "a.svm"
    with pytest.raises(ValueError, match=message), SvmWriter(path) as writer:
        writer.write(rows)
    assert not list(tmp_path.iterdir())
