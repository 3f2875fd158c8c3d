"""MXNet's lists of arrays and graphs; MXNet itself is asked in tests/oracle."""

import json
import random
import struct

import numpy as np
import pytest

from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.mxnet import (
    MAGICS,
    TYPES,
    Csr,
    RowSparse,
    read_ndarrays,
    write_ndarrays,
)
from sklearn_sagemaker.io.mxnet_symbol import (
    Graph,
    Node,
    read_symbol,
    write_symbol,
)

# One (1, 1) float32 array holding 1.0, without names.
ONE = bytes.fromhex(
    "12010000000000000000000000000000"
    "0100000000000000"
    "c9fa93f900000000"
    "0200000001000000000000000100000000000000"
    "0100000000000000"
    "00000000"
    "0000803f"
    "0000000000000000"
)
ROWS = RowSparse((6, 2), np.array([1, 4]), np.arange(1, 5.0).reshape(2, 2))
MATRIX = Csr((3, 4), np.array([0, 2, 2, 3]), np.array([0, 3, 1]), np.arange(1, 4.0))


def values(dtype):
    return (np.arange(6).reshape(2, 3) % 3).astype(dtype)


def test_the_example_of_the_layout():
    found = read_ndarrays(ONE)
    assert isinstance(found, list)
    np.testing.assert_array_equal(found[0], np.ones((1, 1), np.float32))
    assert write_ndarrays([np.ones((1, 1), np.float32)]) == ONE


def test_the_smallest_linear_learner():
    arrays = {
        "arg:fc0_weight": np.array([[1, 2, 3]], np.float32),
        "arg:fc0_bias": np.array([0.5], np.float32),
    }
    data = write_ndarrays(arrays)
    assert len(data) == 162
    # Header, weight and bias end at 24, 76 and 112; then two names.
    assert data[76 - 12 : 76] == np.array([1, 2, 3], "<f4").tobytes()
    assert data[112:120] == struct.pack("<Q", 2)
    assert data[128:142] == b"arg:fc0_weight"
    assert data[150:] == b"arg:fc0_bias"


@pytest.mark.parametrize("version", [0, 1, 2, 3])
@pytest.mark.parametrize("dtype", TYPES.values(), ids=str)
def test_every_version_and_type_goes_round(version, dtype):
    array = values(dtype)
    found = read_ndarrays(write_ndarrays({"one": array}, version=version))["one"]
    assert found.dtype == dtype
    assert found.flags.writeable
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("dtype", TYPES.values(), ids=str)
def test_sparse_arrays_go_round(dtype):
    rows = RowSparse(ROWS.shape, ROWS.indices, ROWS.data.astype(dtype))
    matrix = Csr(MATRIX.shape, MATRIX.indptr, MATRIX.indices, MATRIX.data.astype(dtype))
    found = read_ndarrays(write_ndarrays([rows, matrix, None]))
    assert found[0].dtype == found[1].dtype == dtype
    whole = np.zeros((6, 2), dtype)
    whole[[1, 4]] = ROWS.data.astype(dtype)
    np.testing.assert_array_equal(found[0].toarray(), whole)
    whole = np.zeros((3, 4), dtype)
    whole[[0, 0, 2], [0, 3, 1]] = MATRIX.data.astype(dtype)
    np.testing.assert_array_equal(found[1].toarray(), whole)
    assert found[2] is None


def test_layouts_written_by_hand():
    body = struct.pack("<3i", 2, 1, 4) + values("<i4").tobytes()  # from the second GPU
    shapes = {
        0: struct.pack("<3I", 2, 2, 3),
        1: struct.pack("<Iiqq", MAGICS[1], 2, 2, 3),
        2: struct.pack("<Iiiqq", MAGICS[2], 0, 2, 2, 3),
        3: struct.pack("<Iiiqq", MAGICS[3], 0, 2, 2, 3),
    }
    for shape in shapes.values():
        data = struct.pack("<3Q", 0x112, 0, 1) + shape + body + struct.pack("<Q", 0)
        np.testing.assert_array_equal(read_ndarrays(data)[0], values("<i4"))


def test_version_3_has_scalars_and_empty_arrays():
    arrays = [np.float32(2.5), np.zeros((0, 3)), None]
    found = read_ndarrays(write_ndarrays(arrays, version=3))
    assert found[0].shape == ()
    assert found[0] == 2.5
    assert found[1].shape == (0, 3)
    assert found[2] is None


def test_nothing_at_all():
    assert read_ndarrays(write_ndarrays([])) == []


def test_what_is_true_is_one():
    data = bytearray(write_ndarrays([np.array([True, False, True])]))
    data[-9] = 7
    assert read_ndarrays(data)[0].view(np.uint8).tolist() == [1, 0, 1]


def test_memory_follows_the_bytes():
    # A million million rows, of which one is stored.
    huge = RowSparse((10**12, 4), np.array([10**11]), np.ones((1, 4)))
    found = read_ndarrays(write_ndarrays([huge]))[0]
    assert found.shape == (10**12, 4)
    assert found.data.shape == (1, 4)


@pytest.mark.parametrize(
    ("arrays", "version", "match"),
    [
        ([np.ones(2)], 4, "version=4 must be"),
        ([np.float32(1)], 2, r"shape \(\): only version 3"),
        ([np.ones((0, 2))], 1, "only version 3"),
        ([ROWS], 1, "version 2 only, not in 1"),
        ([ROWS], 3, "version 2 only, not in 3"),
        ({"c": np.ones(2, "complex64")}, 2, "'c' has dtype complex64"),
        ([np.ones(2, "uint32")], 2, "array 0 has dtype uint32"),
        ([RowSparse((2, 2), np.array([5]), np.ones((1, 2)))], 2, "do not ascend"),
    ],
)
def test_what_cannot_be_written(arrays, version, match):
    with pytest.raises(ArtifactError, match=match):
        write_ndarrays(arrays, version=version)


def patched(data, at, layout, *numbers):
    data = bytearray(data)
    struct.pack_into("<" + layout, data, at, *numbers)
    return bytes(data)


SPARSE = write_ndarrays([ROWS])
# Where things are in SPARSE: 24 version, 28 storage type, 32 shape of the values,
# 52 shape, 72 device, 80 type, 84 type of the indices, 88 their shape, 100 values.
NAMED = write_ndarrays({"a": np.ones(1, np.float32), "b": np.ones(1, np.float32)})


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "header wants 24 bytes, 0 are left"),
        (patched(ONE, 0, "Q", 0x113), "starts with 0x113"),
        (patched(ONE, 8, "Q", 1), "instead of 0x112, 0x0"),
        (patched(ONE, 16, "Q", 2**63), "9223372036854775808 arrays"),
        (patched(ONE, 16, "Q", 2), "names.*4 are left"),
        (patched(ONE, 24, "I", 0xF993FAC7), "0xf993fac7 is no version"),
        (patched(ONE, 28, "i", 3), "storage type 3"),
        (patched(ONE, 32, "i", 33), "33 dimensions"),
        (patched(ONE, 32, "i", -2), "-2 dimensions"),
        (patched(ONE, 32, "i", -1), "-1 dimensions"),
        (patched(ONE, 36, "q", -1), "negative length"),
        (patched(ONE, 36, "q", 2**62), "values wants"),
        (patched(ONE, 36, "qq", 2**62, 2**62), "values wants"),
        (patched(ONE, 36, "qq", 0, 2**62), "array 0"),
        (patched(ONE, 60, "i", 8), "type flag 8"),
        (patched(ONE, 60, "i", -1), "type flag -1"),
        (patched(ONE, 68, "Q", 2), "2 names for 1 arrays"),
        (ONE + b"\0", "1 bytes after its end"),
        (ONE[:-1], "names.*7 are left"),
        (patched(NAMED, len(NAMED) - 9, "Q", 2**64 - 1), "name wants"),
        (NAMED[:-1] + b"a", "two arrays of one name"),
        (NAMED[:-1] + b"\xff", "not UTF-8"),
        (patched(SPARSE, 28, "i", 2), "array 0"),
        (patched(SPARSE, 32, "iqq", 2, 3, 2), "array 0"),
        (patched(SPARSE, 56, "q", 4), "do not ascend within 0 to 3"),
        (patched(SPARSE, 64, "q", 3), "are no rows of"),
        (patched(SPARSE, 84, "i", 0), "indices are float32"),
        (patched(SPARSE, 88, "i", 0), "one dimension"),
        (patched(SPARSE, 132, "q", 4), "do not ascend"),
        (patched(SPARSE, 132, "q", -1), "do not ascend"),
    ],
)
def test_damaged_lists_are_refused(data, match):
    with pytest.raises(ArtifactError, match=match) as error:
        read_ndarrays(data, what="params")
    assert str(error.value).startswith("params")
    assert "(byte " in str(error.value)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"indptr": np.array([0, 2, 1, 3])}, "descends"),
        ({"indptr": np.array([0, 2, 3])}, "does not divide"),
        ({"indptr": np.array([0, 2, 2, 2])}, "does not divide"),
        ({"indices": np.array([0, 4, 1])}, "outside 0 to 3"),
        ({"indices": np.array([0, -1, 1])}, "outside 0 to 3"),
        ({"indices": np.array([0, 1])}, "make no matrix"),
        ({"shape": (3, 4, 1)}, "make no matrix"),
    ],
)
def test_bad_matrices_are_refused(change, match):
    bad = Csr(**{**vars(MATRIX), **change})
    with pytest.raises(ArtifactError, match=match):
        write_ndarrays([bad])
    # The same when read: written past our own check.
    data = bytearray(write_ndarrays([MATRIX]))
    good = MATRIX.indptr.tobytes() + MATRIX.indices.tobytes()
    if len(bad.indptr) == 4 and len(bad.indices) == 3 and len(bad.shape) == 2:
        at = bytes(data).index(good)
        data[at : at + len(good)] = bad.indptr.tobytes() + bad.indices.tobytes()
        with pytest.raises(ArtifactError, match=match):
            read_ndarrays(bytes(data))


def test_cut_short_anywhere():
    for data in (NAMED, SPARSE, write_ndarrays([MATRIX])):
        for end in range(len(data)):
            with pytest.raises(ArtifactError):
                read_ndarrays(data[:end])


def test_mutations_are_read_or_refused():
    draw = random.Random(0)
    whole = write_ndarrays({"a": values("<f4"), "b": ROWS, "c": MATRIX})
    refused = 0
    for _ in range(5000):
        data = bytearray(whole)
        for _ in range(draw.choice([1, 2, 5])):
            at = draw.randrange(len(data))
            data[at] = draw.choice([0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)])
        try:
            read_ndarrays(bytes(data))
        except ArtifactError:
            refused += 1
    assert 1000 < refused < 5000


# -------------------------------------------------------------------------- graphs
def test_a_graph_goes_round():
    graph = Graph()
    data, weight = graph.variable("data"), graph.variable("w", __shape__=(3, 1))
    head = graph.op("dot", "scores", data, weight, transpose_a=False)
    text = write_symbol(graph.symbol(head))
    document = json.loads(text)
    assert document["arg_nodes"] == [0, 1]
    assert document["heads"] == [[2, 0, 0]]
    assert document["node_row_ptr"] == [0, 1, 2, 3]
    assert document["attrs"] == {"mxnet_version": ["int", 10901]}
    found = read_symbol(text)
    assert found == graph.symbol(head)
    assert found.variables == ["data", "w"]
    assert found.nodes[1] == Node("null", "w", (), {"__shape__": "(3, 1)"})


@pytest.mark.parametrize("key", ["param", "attr", "attrs"])
def test_graphs_of_old_versions(key):
    nodes = [
        {"op": "null", "name": "data", "inputs": [], "backward_source_id": -1},
        {"op": "Activation", "name": "a", key: {"act_type": "relu"},
         "inputs": [[0, 0]]},
    ]  # fmt: skip
    document = {"nodes": nodes, "arg_nodes": [0], "heads": [[1, 0]]}
    found = read_symbol(json.dumps(document).encode())
    assert found.nodes[1].attrs == {"act_type": "relu"}
    assert found.heads == (1,)


GOOD = {
    "nodes": [
        {"op": "null", "name": "data", "inputs": []},
        {"op": "square", "name": "out", "inputs": [[0, 0, 0]]},
    ],
    "arg_nodes": [0],
    "heads": [[1, 0, 0]],
}


@pytest.mark.parametrize(
    ("document", "match"),
    [
        ({}, "lacks 'nodes'"),
        ({**GOOD, "nodes": None}, "no graph"),
        ({**GOOD, "nodes": [1]}, "no graph"),
        ({**GOOD, "nodes": [{"op": "null", "name": 1, "inputs": []}]}, "strings"),
        ({**GOOD, "heads": []}, "no heads"),
        ({**GOOD, "heads": [[2, 0, 0]]}, "node 2"),
        ({**GOOD, "heads": [[-1, 0, 0]]}, "node -1"),
        ({**GOOD, "heads": [[True, 0, 0]]}, "integer"),
        ({**GOOD, "heads": [[]]}, "no graph"),
        ({**GOOD, "arg_nodes": [1]}, "no variable"),
        (
            {**GOOD, "nodes": [{"op": "x", "name": "a", "inputs": [[0, 0, 0]]}]},
            "node 0 is read where there are 0 before it",
        ),
        ([GOOD], "JSON object"),
    ],
)
def test_bad_graphs_are_refused(document, match):
    with pytest.raises(ArtifactError, match=f"^symbol.json: .*{match}"):
        read_symbol(json.dumps(document).encode(), what="symbol.json")


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000, b"1" * 5000])
def test_bad_json_is_refused(text):
    with pytest.raises(ArtifactError, match="JSON"):
        read_symbol(text)
