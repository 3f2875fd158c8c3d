"""Plain values in a folder, and back to the bit."""

import json
import os
import zlib

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker._state import FORMAT_VERSION
from sklearn_sagemaker.exceptions import ModelFormatError, StoredStateError
from sklearn_sagemaker.io.plain_values import read_values, write_values


def same(a, b):
    """Equal in type, in bits and in order."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray) and a.dtype.kind == "O":
        return a.shape == b.shape and same(a.ravel().tolist(), b.ravel().tolist())
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if sp.issparse(a):
        parts = ("data", "indices", "indptr")
        return a.shape == b.shape and all(
            same(getattr(a, part), getattr(b, part)) for part in parts
        )
    return repr(a) == repr(b)


X = sp.csr_matrix(np.eye(3, dtype=np.float32))
VALUES = {
    "none": None, "true": True, "int": 10**30, "float": 0.1 + 0.2, "zero": -0.0,
    "nan": float("nan"), "infinite": -float("inf"), "text": "a\0b\ud800 ü",
    "bytes": b"\x00\xff", "list": [1, [2.0, ("x", None)]], "empty": ((), [], {}),
    "names": {1: "a", ("b", 2): [3]}, "marked": {"$array": 0, "b": 1},
    "scalars": [np.float32(0.1), np.int64(-1), np.bool_(True), np.str_("é")],
    "c": np.arange(6.0).reshape(2, 3), "f": np.arange(6).reshape(2, 3, order="F"),
    "half": np.ones(2, np.float16), "strings": np.array(["a", "bb"]),
    "nothing": np.empty((0, 3)),
    "point": np.array(3.5), "nans": np.array([np.nan, np.inf, -0.0]),
    "dates": np.array(["2020-01-01"], dtype="datetime64[D]"),
    "objects": np.array([["a", 1], [None, {"x": np.arange(2)}]], dtype=object),
    "matrix": X, "array": sp.csr_array(X), "wide": sp.csr_array(X).astype(np.float64),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("mmap", [False, True])
def test_values_come_back_to_the_bit(tmp_path, name, mmap):
    write_values(tmp_path / "a", {name: VALUES[name]})
    assert same(read_values(tmp_path / "a", mmap=mmap), {name: VALUES[name]})
    assert os.listdir(tmp_path) == ["a"]


def test_large_arrays_are_mapped(tmp_path):
    large = np.arange(5_000_000, dtype=np.float64)
    write_values(tmp_path / "a", {"x": large})
    found = read_values(tmp_path / "a", mmap=True)["x"]
    assert isinstance(found, np.memmap)
    assert same(np.asarray(found), large)
    # A mapped array is plain, and can be written in turn.
    write_values(tmp_path / "b", {"x": found})
    assert same(read_values(tmp_path / "b")["x"], large)


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, [np.ma.array([1.0])], {"a": sp.csc_array(X)}, lambda: 0],
)
def test_what_is_not_plain_is_refused_by_its_place(tmp_path, value):
    with pytest.raises(TypeError, match=r"values\['deep'\].*no plain value"):
        write_values(tmp_path / "a", {"deep": value})
    assert os.listdir(tmp_path) == []


def test_values_that_hold_themselves_are_refused(tmp_path):
    circle = []
    circle.append(circle)
    with pytest.raises(TypeError, match="nests deeper"):
        write_values(tmp_path / "a", {"x": circle})


def test_an_older_folder_is_replaced(tmp_path):
    write_values(tmp_path / "a", {"x": np.ones(3), "y": np.ones(4)})
    write_values(tmp_path / "a", {"z": np.zeros(1)})
    assert same(read_values(tmp_path / "a"), {"z": np.zeros(1)})
    assert sorted(os.listdir(tmp_path / "a")) == ["0.npy", "values.json"]


@pytest.mark.parametrize("name", ["values.json", "0.npy"])
def test_what_is_cut_or_gone_is_refused(tmp_path, name):
    folder = tmp_path / "a"
    write_values(folder, {"x": np.ones(3)})
    whole = (folder / name).read_bytes()
    for length in range(0, len(whole), 7):
        (folder / name).write_bytes(whole[:length])
        with pytest.raises(StoredStateError, match=name):
            read_values(folder)
    (folder / name).unlink()
    with pytest.raises(StoredStateError, match=name):
        read_values(folder)


def test_a_changed_byte_of_an_array_is_refused(tmp_path):
    folder = tmp_path / "a"
    write_values(folder, {"x": np.ones(3)})
    data = bytearray((folder / "0.npy").read_bytes())
    data[-1] ^= 1
    (folder / "0.npy").write_bytes(data)
    with pytest.raises(StoredStateError, match="CRC"):
        read_values(folder)


def test_a_newer_format_is_refused(tmp_path):
    folder = tmp_path / "a"
    write_values(folder, {"x": 1})
    document = json.loads((folder / "values.json").read_text())
    document["format_version"] = FORMAT_VERSION + 1
    (folder / "values.json").write_text(json.dumps(document))
    with pytest.raises(ModelFormatError, match="install the version"):
        read_values(folder)


@pytest.mark.parametrize(
    "values",
    [
        '{"x": {"$array": 7}}', '{"x": {"$array": "../../etc/passwd"}}',
        '{"x": {"$array": true}}', '{"x": {"$array": -1}}', '{"x": {"$other": 1}}',
        '{"x": {"$array": 0, "y": 1}}', '{"x": {"$csr": [0, 0, 0, [2], true]}}',
        '{"x": {"$csr": [0, 0, 0, [2, 2], true]}}', '{"x": {"$objects": [[7], [1]]}}',
        '{"x": {"$float": "one"}}', '{"x": {"$bytes": "!"}}',
        '{"x": {"$dict": [[[1], 2]]}}',
        "[1]", "[" * 5000 + "]" * 5000,
    ],
)  # fmt: skip
def test_forged_documents_are_refused(tmp_path, values):
    folder = tmp_path / "a"
    write_values(folder, {"x": np.ones(3)})
    text = (folder / "values.json").read_text()
    start, end = text.index('"values": ') + 10, text.index(', "arrays"')
    (folder / "values.json").write_text(text[:start] + values + text[end:])
    with pytest.raises(StoredStateError):
        read_values(folder)


def test_an_array_of_pickles_is_refused(tmp_path):
    folder = tmp_path / "a"
    write_values(folder, {"x": np.ones(3)})
    np.save(folder / "0.npy", np.array([{}], dtype=object), allow_pickle=True)
    document = json.loads((folder / "values.json").read_text())
    document["arrays"][0]["size"] = (folder / "0.npy").stat().st_size
    document["arrays"][0]["crc32"] = zlib.crc32((folder / "0.npy").read_bytes())
    (folder / "values.json").write_text(json.dumps(document))
    with pytest.raises(StoredStateError, match="damaged"):
        read_values(folder)
