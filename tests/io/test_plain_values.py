"""Plain values in a file, and back to the bit."""

import io
import json
import os
import zipfile

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker._state import FORMAT_VERSION
from sklearn_sagemaker.exceptions import ModelFormatError, StoredStateError
from sklearn_sagemaker.io.plain_values import (
    digest_of,
    quick_digest_of,
    read_values,
    write_values,
)


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
def test_values_come_back_to_the_bit(tmp_path, name):
    write_values(tmp_path / "a", {name: VALUES[name]})
    assert same(read_values(tmp_path / "a"), {name: VALUES[name]})
    assert os.listdir(tmp_path) == ["a"]


def test_a_mapped_array_is_plain(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(6.0))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    write_values(tmp_path / "a", {"x": mapped})
    assert same(read_values(tmp_path / "a")["x"], np.arange(6.0))
    assert digest_of(mapped) == digest_of(np.arange(6.0))


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


def test_an_older_file_is_replaced(tmp_path):
    write_values(tmp_path / "a", {"x": np.ones(3), "y": np.ones(4)})
    write_values(tmp_path / "a", {"z": np.zeros(1)})
    assert same(read_values(tmp_path / "a"), {"z": np.zeros(1)})


def test_what_is_cut_or_changed_is_refused(tmp_path):
    path = tmp_path / "a"
    write_values(path, {"x": np.ones(3), "y": 1})
    whole = path.read_bytes()
    for length in range(0, len(whole), 5):
        path.write_bytes(whole[:length])
        with pytest.raises(StoredStateError, match="is damaged"):
            read_values(path)
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0x11
        path.write_bytes(changed)
        try:
            found = read_values(path)
        except (StoredStateError, ModelFormatError):
            continue
        # Dates and attributes of members say nothing.
        assert same(found, {"x": np.ones(3), "y": 1})


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(path, found, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in found.items():
            archive.writestr(name, data)


def test_a_newer_format_is_refused(tmp_path):
    path = tmp_path / "a"
    write_values(path, {"x": 1})
    document = json.loads(members(path)["values.json"])
    document["format_version"] = FORMAT_VERSION + 1
    rewrite(path, {"values.json": json.dumps(document)})
    with pytest.raises(ModelFormatError, match="install the version"):
        read_values(path)


@pytest.mark.parametrize(
    "values",
    [
        '{"x": {"$array": 7}}', '{"x": {"$array": "../../etc/passwd"}}',
        '{"x": {"$array": true}}', '{"x": {"$array": -1}}', '{"x": {"$other": 1}}',
        '{"x": {"$array": 0, "y": 1}}', '{"x": {"$csr": [0, 0, 0, [2], true]}}',
        '{"x": {"$csr": [0, 0, 0, [2, 2], true]}}', '{"x": {"$objects": [[7], [1]]}}',
        '{"x": {"$float": "one"}}', '{"x": {"$bytes": "!"}}', '{"x": {"$bytes": 3}}',
        '{"x": {"$dict": [[[1], 2]]}}', "[1]", "[" * 5000 + "]" * 5000, "", "7 8",
    ],
)  # fmt: skip
def test_forged_documents_are_refused(tmp_path, values):
    path = tmp_path / "a"
    write_values(path, {"x": np.ones(3)})
    text = f'{{"format_version": {FORMAT_VERSION}, "values": {values}}}'
    rewrite(path, {**members(path), "values.json": text})
    with pytest.raises(StoredStateError, match="is damaged"):
        read_values(path)


def test_pickles_and_bombs_are_refused(tmp_path):
    path = tmp_path / "a"
    write_values(path, {"x": np.ones(3)})
    found = members(path)
    pickled = io.BytesIO()
    np.save(pickled, np.array([{}], dtype=object), allow_pickle=True)
    rewrite(path, {**found, "0.npy": pickled.getvalue()})
    with pytest.raises(StoredStateError, match="pickle"):
        read_values(path)
    rewrite(path, found, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(StoredStateError, match="compressed"):
        read_values(path)


def test_digests_tell_types_bits_and_layouts_apart():
    one = np.arange(6.0).reshape(2, 3)
    values = [
        one, np.asfortranarray(one), one.T, one.astype(np.float32), one.ravel(),
        one + 1e-15, [one], (one,), {"a": one}, sp.csr_array(one), sp.csr_matrix(one),
        one[:, :2], one[:, 1:], np.float64(1.0), 1.0, 1, True, "1", None, -0.0, 0.0,
    ]  # fmt: skip
    assert len({digest_of(value) for value in values}) == len(values)
    assert digest_of(one[:, ::2]) == digest_of(one[:, ::2].copy())
    assert digest_of(np.empty((0, 3))) != digest_of(np.empty((3, 0)))


LARGE = np.arange(5_000_000.0).reshape(1000, 5000)
OTHERS = {
    "a bit": np.r_[LARGE.ravel()[:-1], -1.0].reshape(LARGE.shape),
    "shape": LARGE.reshape(5000, 1000),
    "type": LARGE.view(np.int64),
    "layout": np.asfortranarray(LARGE),
    "small": LARGE[:3],
}


def test_digests_of_large_arrays_by_parts():
    found = [quick_digest_of({"X": one}) for one in (LARGE, *OTHERS.values())]
    assert len(set(found)) == len(found)
    assert quick_digest_of({"X": LARGE.copy()}) == found[0]
    # What is not in one piece is read without a copy of all of it, and has its own.
    assert quick_digest_of(LARGE[:, ::2]) == quick_digest_of(LARGE[:, ::2])
    with pytest.raises(TypeError, match="no plain value"):
        quick_digest_of({"X": object()})
