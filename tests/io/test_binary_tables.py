""".npz and libsvm files, files that are no files, and the choice of the format."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import dump_svmlight_file

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import file_format, read_table
from sklearn_sagemaker.io.formats import FORMATS

X = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0], [4.0, 0.0, 0.0]])
CSR = sparse.csr_matrix(X)
PARTS = {
    "data": CSR.data,
    "indices": CSR.indices,
    "indptr": CSR.indptr,
    "shape": np.array(CSR.shape),
}


def save(tmp_path, **arrays):
    path = str(tmp_path / "data.npz")
    np.savez(path, **arrays)
    return path


# ------------------------------------------------------------------------- .npz
def test_dense(tmp_path):
    table = read_table(save(tmp_path, X=X, y=[0.0, 1.0, 1.0], more=[1]))
    np.testing.assert_array_equal(table.X, X)
    assert table.y.dtype == np.int64
    assert table.label == "y"
    assert table.unused == ("more",)
    assert table.header is None


def test_images_are_flattened_in_place(tmp_path):
    images = np.arange(24, dtype=np.uint8).reshape(3, 2, 4)
    table = read_table(save(tmp_path, X=images, y=["a", "b", "a"]))
    assert table.X.dtype == np.uint8
    np.testing.assert_array_equal(table.X, images.reshape(3, 8))
    assert table.y.tolist() == ["a", "b", "a"]


def test_csr(tmp_path):
    table = read_table(save(tmp_path, **PARTS, y=[1, 2, 1]))
    assert sparse.issparse(table.X)
    np.testing.assert_array_equal(table.X.toarray(), X)


def test_csr_of_scipy(tmp_path):
    path = str(tmp_path / "data.npz")
    sparse.save_npz(path, CSR)
    table = read_table(path, with_label=False)
    np.testing.assert_array_equal(table.X.toarray(), X)
    sparse.save_npz(path, CSR.tocsc())
    with pytest.raises(DataFileError, match="holds a csc matrix"):
        read_table(path, with_label=False)


@pytest.mark.parametrize("y", [[True, False, True], np.array([[1], [0], [1]])])
def test_labels_of_other_shapes_and_types(tmp_path, y):
    assert read_table(save(tmp_path, X=X, y=y)).y.tolist() == [1, 0, 1]


Y = np.array([0, 1, 1])
NPZ_FAULTS = {
    "no y": ({"X": X}, "no array 'y' of labels, only 'X'"),
    "no X": ({"Z": X, "y": Y}, "has the arrays 'Z', 'y'; needed are X"),
    "nothing": ({}, "has the arrays none; needed"),
    "objects": ({"X": X.astype(object), "y": Y}, "'X' holds Python objects"),
    "object labels": ({"X": X, "y": Y.astype(object)}, "'y' holds Python objects"),
    "too few labels": ({"X": X, "y": Y[:2]}, "y has 2 labels for 3 rows"),
    "wide labels": ({"X": X, "y": X}, "y has shape .3, 3."),
    "complex labels": ({"X": X, "y": Y * 1j}, "y has dtype complex128"),
    "label in bytes": ({"X": X, "y": [b"a", b"\xfe", b"\xff"]}, "not UTF-8 .byte 0xfe"),
    "nan label": ({"X": X, "y": [0, np.nan, 1]}, "y has nan at row 1"),
    "flat X": ({"X": X[0], "y": Y}, "X has shape .3,."),
    "no rows": ({"X": X[:0], "y": Y[:0]}, "X has shape .0, 3."),
    "complex": ({"X": X * 1j, "y": Y}, "X has dtype complex128"),
    "text": ({"X": X.astype(str), "y": Y}, "X has dtype <U32"),
    "nan": (
        {"X": np.where(X == 3, np.nan, X), "y": Y},
        r"row 1 .*: feature 1 .* is nan",
    ),
    "CSR nan": (
        {**PARTS, "data": np.array([1, 2, np.inf, 4]), "y": Y},
        r"row 1 .*: feature 1 .* is inf",
    ),
    "CSR index outside": (
        {**PARTS, "indices": PARTS["indices"] + 5, "y": Y},
        "do not make a CSR matrix",
    ),
    "CSR indptr falls": (
        {**PARTS, "indptr": np.array([0, 3, 2, 4], dtype=np.int32), "y": Y},
        "do not make a CSR matrix",
    ),
    "CSR negative index": (
        {**PARTS, "indices": PARTS["indices"] - 1, "y": Y},
        "do not make a CSR matrix",
    ),
    "CSR shape": ({**PARTS, "shape": np.array([3]), "y": Y}, "do not make a CSR"),
}


@pytest.mark.parametrize(("arrays", "message"), NPZ_FAULTS.values(), ids=NPZ_FAULTS)
def test_npz_faults(tmp_path, arrays, message):
    path = save(tmp_path, **arrays)
    with pytest.raises(DataFileError, match=message) as caught:
        read_table(path)
    assert str(caught.value).startswith(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"garbage", b"PK\x03\x04 cut"])
def test_npz_that_is_none(tmp_path, content):
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=r"not an \.npz file"):
        read_table(str(path))


def test_npz_damaged_inside(tmp_path):
    path = Path(save(tmp_path, X=np.zeros((50, 50)), y=np.zeros(50)))
    content = bytearray(path.read_bytes())
    content[5000] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=r"not a whole \.npz file"):
        read_table(str(path))


# ----------------------------------------------------------------------- libsvm
@pytest.mark.parametrize("zero_based", [True, False])
@pytest.mark.parametrize("name", ["data.svm", "data.libsvm.gz"])
def test_svm(tmp_path, zero_based, name):
    path = tmp_path / name
    dump_svmlight_file(X, [1, -1, 1], str(path), zero_based=zero_based)
    if name.endswith("gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    table = read_table(str(path))
    np.testing.assert_array_equal(table.X.toarray(), X)
    assert table.y.tolist() == [1, -1, 1]
    assert table.y.dtype == np.int64
    assert table.zero_based is zero_based


def test_svm_for_a_model(tmp_path):
    path = tmp_path / "data.svm"
    path.write_text("1 2:5\n")
    counted_from_1 = read_table(str(path), n_features=4, zero_based=False).X
    assert counted_from_1.toarray().tolist() == [[0, 5, 0, 0]]
    counted_from_0 = read_table(str(path), n_features=4, zero_based=True).X
    assert counted_from_0.toarray().tolist() == [[0, 0, 5, 0]]
    with pytest.raises(
        DataFileError, match="row 1: has feature 2, but there are 2 feat"
    ):
        read_table(str(path), n_features=2, zero_based=True)
    path.write_text("1 0:5\n")
    with pytest.raises(
        DataFileError, match="row 1: has feature 0, but .* counted from 1"
    ):
        read_table(str(path), n_features=2, zero_based=False)


SVM_FAULTS = {
    "text": ("1 1:2\n\nhello world\n", "row 3: the label 'hello' is not a number"),
    "no colon": ("1 1:2\n0 3\n", "row 2: '3' is not index:value"),
    "bad value": ("1 1:2\n0 1:x\n", "row 2: the value in '1:x'"),
    "bad index": ("1 1:2\n0 a:1\n", "row 2: 'a:1' is not index:value"),
    "nan value": ("1 1:2\n0 1:nan\n", "row 2: the value in '1:nan'"),
    "nan label": ("1 1:2\nnan 1:1\n", "row 2: the label 'nan' is not a number"),
    "unsorted": ("1 3:1 2:1\n", "row 1: the index of '2:1' is not above"),
    "twice": ("1 2:1 2:1\n", "row 1: the index of '2:1' is not above"),
    "huge index": ("1 99999999999999999999:1\n", "row 1: the index of '999"),
    "comments only": ("# nothing\n", "is empty"),
    "no features": ("1\n0\n", "no feature in any row"),
}


@pytest.mark.parametrize(("text", "message"), SVM_FAULTS.values(), ids=SVM_FAULTS)
def test_svm_faults(tmp_path, text, message):
    path = tmp_path / "data.svm"
    path.write_text(text)
    with pytest.raises(DataFileError, match=message) as caught:
        read_table(str(path))
    assert "\n" not in str(caught.value)


def test_svm_has_no_label_to_name(tmp_path):
    path = tmp_path / "data.svm"
    path.write_text("1 1:2\n")
    with pytest.raises(DataFileError, match=r"no label can be chosen \('y'\)"):
        read_table(str(path), label="y")


# -------------------------------------------------------------------- any format
@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.csv", "csv"), ("A.CSV.GZ", "csv"), ("b.npz", "npz"), ("c.libsvm.gz", "svm")],
)
def test_format_by_name(name, kind):
    assert file_format(name) == kind
    assert file_format(Path("folder", name)) == kind


def test_paths_may_be_objects(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("1,2\n0,3\n")
    table = read_table(path, label=0)
    assert table.path == str(path)
    assert table.y.tolist() == [1, 0]


@pytest.mark.parametrize("name", ["a.feather", "csv", "a.npz.gz", ""])
def test_unknown_format(name):
    with pytest.raises(
        DataFileError, match=r"must end in one of \.csv, .*--format, in Python format="
    ):
        read_table(name)


@pytest.mark.parametrize(
    "ending", [ending for one in FORMATS.values() for ending in one.endings[:2]]
)
def test_no_file(tmp_path, ending):
    path = tmp_path / f"data{ending}"
    arguments = {"label": "b"} if "csv" in ending else {}
    with pytest.raises(DataFileError, match="no such file"):
        read_table(str(path), **arguments)
    path.write_bytes(b"")
    with pytest.raises(DataFileError, match="is empty"):
        read_table(str(path), **arguments)
    path.unlink()
    path.mkdir()
    with pytest.raises(DataFileError, match="is a folder"):
        read_table(str(path), **arguments)


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True,
                    reason="nothing is closed to this user")  # fmt: skip
def test_permission_denied(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,b\n1,2\n")
    path.chmod(0)
    with pytest.raises(DataFileError, match="permission denied"):
        read_table(str(path), label="b")


@pytest.mark.parametrize("ending", [".csv.gz", ".svm.gz"])
@pytest.mark.parametrize("fault", ["no gzip", "cut short"])
def test_broken_gzip(tmp_path, ending, fault):
    path = tmp_path / f"data{ending}"
    rng = np.random.default_rng(0)
    text = "".join(f"{a} 1:{b}\n" for a, b in rng.random((5000, 2)))
    if "csv" in ending:
        text = text.replace(" 1:", ",")
    whole = gzip.compress(text.encode())
    path.write_bytes(whole[: len(whole) // 2] if fault == "cut short" else b"a,b\n1,2")
    arguments = {"label": 0} if "csv" in ending else {}
    with pytest.raises(DataFileError, match="not a whole gzip file"):
        read_table(str(path), **arguments)
