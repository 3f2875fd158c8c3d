"""Serializers: what SDK 2.257.7 sends, and what it refuses but an endpoint takes."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sklearn_sagemaker.io import read_recordio
from sklearn_sagemaker.sagemaker.serializers import (
    BaseSerializer,
    CSVSerializer,
    IdentitySerializer,
    JSONLinesSerializer,
    JSONSerializer,
    LibSVMSerializer,
    NumpySerializer,
    RecordSerializer,
    SimpleBaseSerializer,
    SparseMatrixSerializer,
    StringSerializer,
)

X = np.array([[1.5, 16], [2, 3]])
CSR = sparse.csr_matrix(np.array([[0, 1.5, 0], [0, 0, 0]]))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (X, "1.5,16.0\n2.0,3.0"),
        (X[0], "1.5,16.0"),
        (np.array([[0.1, 1e10, 1e-7]], np.float32), "0.1,1e+10,1e-07"),
        (np.array([[1, 2]]), "1,2"),
        ([1, 2.5], "1,2.5"),
        ((1, 2), "1,2"),
        ([[1.5, 16], [2, 3]], "1.5,16\n2,3"),
        ([(1, 2), (3, 4)], "1,2\n3,4"),
        ("1,2", "1,2"),
        (b"1,2", b"1,2"),  # the SDK writes the numbers of its characters
        (["1,2", "3,4"], "1,2\n3,4"),
        ([["a,b", "c"], ["d", 1]], '"a,b",c\nd,1'),
        (np.arange(8.0).reshape(2, 2, 2), "0.0,1.0,2.0,3.0\n4.0,5.0,6.0,7.0"),
        (pd.DataFrame({"a": [1, 2], "b": [0.5, 1]}), "1,0.5\n2,1.0\n"),
        (pd.Series([1, 2.5], index=["a", "b"]), "1.0,2.5"),
        (CSR, "0.0,1.5,0.0\n0.0,0.0,0.0"),
    ],
)
def test_csv(data, text):
    found = CSVSerializer().serialize(data)
    if sparse.issparse(data):  # not the SDK's, which does not take it
        found = "\n".join(
            ",".join(map(str, map(float, line.split(",")))) for line in found.split()
        )
    assert found == text


def test_csv_that_cannot_be():
    assert CSVSerializer().serialize(io.StringIO("1,2\n")) == "1,2\n"
    with pytest.raises(ValueError, match="needs at least one value"):
        CSVSerializer().serialize([])
    with pytest.raises(ValueError, match="int cannot be written as CSV"):
        CSVSerializer().serialize([[1], 2])


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (X, "[[1.5, 16.0], [2.0, 3.0]]"),
        ({"instances": X, "a": 1}, '{"instances": [[1.5, 16.0], [2.0, 3.0]], "a": 1}'),
        ([1, 2.5, "x", None], '[1, 2.5, "x", null]'),
        ("1,2", '"1,2"'),
        (io.StringIO("{}"), "{}"),
        ([{"features": X[0]}, np.float32(0.5)], '[{"features": [1.5, 16.0]}, 0.5]'),
    ],
)
def test_json(data, text):
    assert JSONSerializer().serialize(data) == text


def test_sparse_rows_in_json_are_keys_and_values():
    row, empty = json.loads(JSONSerializer().serialize(CSR))["instances"]
    wanted = {"keys": [1], "shape": [3], "values": [1.5]}
    assert row == {"data": {"features": wanted}}
    assert empty["data"]["features"]["values"] == []
    lines = JSONLinesSerializer().serialize(CSR.tocsc()).split("\n")
    assert list(map(json.loads, lines)) == [row, empty]


def test_json_lines():
    serialize = JSONLinesSerializer().serialize
    assert serialize([{"features": [1, 2]}, {"a": None}]) == (
        '{"features": [1, 2]}\n{"a": null}'
    )
    assert serialize("x") == "x"
    assert serialize(io.StringIO("y")) == "y"
    assert [json.loads(line) for line in serialize(X).split("\n")] == [
        {"features": [1.5, 16]},
        {"features": [2, 3]},
    ]
    with pytest.raises(ValueError, match="int cannot be written as JSON Lines"):
        serialize(1)
    with pytest.raises(TypeError, match="object has no form in JSON"):
        serialize([object()])


def test_numpy_and_scipy_files():
    np.testing.assert_array_equal(
        np.load(io.BytesIO(NumpySerializer().serialize(X))), X
    )
    data = NumpySerializer(dtype="float32").serialize([1.5, 2])
    assert np.load(io.BytesIO(data)).dtype == np.float32
    assert NumpySerializer().serialize(io.BytesIO(b"x")) == b"x"
    with pytest.raises(ValueError, match="empty"):
        NumpySerializer().serialize([])
    found = sparse.load_npz(io.BytesIO(SparseMatrixSerializer().serialize(CSR)))
    assert (found != CSR).nnz == 0


def test_texts():
    assert StringSerializer().serialize("é") == "é".encode()
    assert LibSVMSerializer().serialize("1 0:2") == "1 0:2"
    assert LibSVMSerializer().serialize(io.StringIO("0 1:2")) == "0 1:2"
    assert IdentitySerializer().serialize(CSR) is CSR
    for serializer in (StringSerializer(), LibSVMSerializer()):
        with pytest.raises(ValueError, match="ndarray is no .*text"):
            serializer.serialize(X)


@pytest.mark.parametrize(
    ("data", "dtype", "found"),
    [
        (X, None, "float64"),
        (X, "float32", "float32"),
        (X.astype(np.float32)[0], None, "float32"),
        (X.astype(np.int64), None, "int32"),
        (X.astype(np.uint8), None, "float32"),
        (X > 2, None, "float32"),
        (X.tolist(), None, "float64"),
        (CSR, "float32", "float32"),
        (CSR.tocsc(), None, "float64"),
    ],
)
def test_records(data, dtype, found):
    rows, labels = read_recordio(RecordSerializer(dtype=dtype).serialize(data))
    assert rows.dtype == found
    assert labels is None
    assert sparse.issparse(rows) == sparse.issparse(data)
    dense = data.toarray() if sparse.issparse(data) else np.atleast_2d(data)
    read = rows.toarray() if sparse.issparse(rows) else rows
    np.testing.assert_array_equal(read, dense)


def test_records_that_cannot_be():
    with pytest.raises(ValueError, match="3 dimensions; give rows"):
        RecordSerializer().serialize(np.ones((1, 1, 1)))
    with pytest.raises(ValueError, match="encode text first"):
        RecordSerializer().serialize(np.array([["a"]]))
    with pytest.raises(ValueError, match="beyond the range of float32"):
        RecordSerializer(dtype="float32").serialize(np.array([1e300]))
    with pytest.raises(ValueError, match="the data has the whole number 16777217"):
        RecordSerializer(dtype="float32").serialize(np.array([2**24 + 1]))
    with pytest.raises(ValueError, match="the whole number 4294967295"):
        RecordSerializer().serialize(sparse.csr_matrix(np.array([[2**32 - 1]], "u4")))


def test_media_types():
    types = {
        CSVSerializer: "text/csv",
        IdentitySerializer: "application/octet-stream",
        JSONLinesSerializer: "application/jsonlines",
        JSONSerializer: "application/json",
        LibSVMSerializer: "text/libsvm",
        NumpySerializer: "application/x-npy",
        RecordSerializer: "application/x-recordio-protobuf",
        SparseMatrixSerializer: "application/x-npz",
        StringSerializer: "text/plain",
    }
    for kind, content_type in types.items():
        assert kind().CONTENT_TYPE == kind().content_type == content_type
        assert kind(content_type="a/b").CONTENT_TYPE == "a/b"
        assert isinstance(kind(), BaseSerializer)
    serializer = CSVSerializer()
    serializer.content_type = "text/csv;label_size=0"
    assert serializer.CONTENT_TYPE == "text/csv;label_size=0"
    with pytest.raises(ValueError, match="content_type=1 must be a text"):
        CSVSerializer(1)
    with pytest.raises(TypeError, match="abstract"):
        SimpleBaseSerializer()
