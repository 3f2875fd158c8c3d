"""Records under the SDK's names: its very bytes, recorded with SDK 2.257.7."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.exceptions import RecordIOError
from sklearn_sagemaker.sagemaker.amazon import common
from sklearn_sagemaker.sagemaker.amazon.record_pb2 import DESCRIPTOR, Record

# By writer and case: where the writer left the buffer, which began at 2, and the bytes.
SDK = json.loads((Path(__file__).parent / "sdk_v2_records.json").read_text())
X = np.array([[1.5, 16, 14, 23], [0, -2.25, 3e38, 1e-45]])
X32 = X.astype(np.float32)
rng = np.random.default_rng(0)
DENSE = {
    "float32": (X32, np.array([1, 0], np.float32)),
    "float64": (X, np.array([1.0, 0.5])),
    "int64": (
        np.array([[1, -1, 2**31 - 1, -(2**31)], [0, 5, 300, 70000]]),
        np.array([1, -7]),
    ),
    "float32, int64 labels": (X32, np.array([3, 0])),
    "float32, float64 labels": (X32, np.array([0.1, 2])),
    "no labels": (X32, None),
    "fortran": (np.asfortranarray(rng.normal(size=(3, 5)).astype(np.float32)), None),
    "wide": (rng.normal(size=(1, 100)).astype(np.float32), np.array([1], np.float32)),
    "nan features": (np.array([[np.nan, np.inf, -np.inf]], np.float32), None),
}
CSR = sparse.csr_matrix(np.array([[0, 1, 0, 2], [0, 0, 0, 0], [5, 0, 0, 0]], "f4"))
SPARSE = {
    "csr": (CSR, np.array([1, 0, 1], np.float32)),
    "no labels": (CSR, None),
    "stored zeros": (
        sparse.csr_matrix(
            (np.array([1, 0, 2], "f4"), [0, 2, 1], [0, 2, 3]), shape=(2, 3)
        ),
        None,
    ),
    "unsorted": (
        sparse.csr_matrix(
            (np.array([1, 2, 3], "f4"), [2, 0, 1], [0, 3]), shape=(1, 300)
        ),
        np.array([2.0]),
    ),
    "coo": (
        sparse.coo_matrix(([1.0, 2, 3], ([0, 0, 1], [1, 1, 0])), shape=(2, 200_000)),
        None,
    ),
    "csc float64": (CSR.tocsc().astype(float), np.array([1, 2, 3])),
    "int64": (CSR.astype(np.int64), np.array([1, 2, 3])),
}


def written(write, X, y):
    """Where the buffer is left, and what is written."""
    buffer = io.BytesIO(b"xx")
    buffer.seek(2)
    write(buffer, X, y)
    return [buffer.tell(), buffer.getvalue()[2:].hex()]


@pytest.mark.parametrize("case", DENSE)
def test_dense_records_are_the_sdks(case):
    assert (
        written(common.write_numpy_to_dense_tensor, *DENSE[case])
        == (SDK["dense"][case])
    )


@pytest.mark.parametrize("case", SPARSE)
def test_sparse_records_are_the_sdks(case):
    assert (
        written(common.write_spmatrix_to_sparse_tensor, *SPARSE[case])
        == (SDK["sparse"][case])
    )


@pytest.mark.parametrize(
    ("case", "data"),
    [
        ("one row", np.array([1.5, 16], np.float32)),
        ("rows", np.array([[1.5, 16], [2, 3]])),
        ("ints", np.array([[1, 2]])),
    ],
)
def test_a_request_is_the_sdks(case, data):
    buffer = common.RecordSerializer().serialize(data)
    assert [buffer.tell(), buffer.read().hex()] == SDK["records"][case]


def test_the_sdks_refusals():
    buffer = io.BytesIO()
    with pytest.raises(ValueError, match="table of rows"):
        common.write_numpy_to_dense_tensor(buffer, np.ones(3, np.float32))
    with pytest.raises(ValueError, match=r"y has shape \(2, 1\)"):
        common.write_numpy_to_dense_tensor(buffer, X32, np.ones((2, 1), np.float32))
    # The SDK takes labels as many as the columns, too, and fails later.
    with pytest.raises(ValueError, match="X has 2 rows"):
        common.write_numpy_to_dense_tensor(buffer, X32, np.ones(4, np.float32))
    with pytest.raises(ValueError, match="dtype uint8"):
        common.write_numpy_to_dense_tensor(buffer, np.ones((2, 2), np.uint8))
    with pytest.raises(TypeError, match="is not sparse; write it by write_numpy"):
        common.write_spmatrix_to_sparse_tensor(buffer, X32)
    assert not buffer.getvalue()


def test_messages_are_read_back():
    buffer = io.BytesIO()
    common.write_numpy_to_dense_tensor(buffer, X32, np.array([1, 0], np.float32))
    common.write_spmatrix_to_sparse_tensor(buffer, CSR[:1])
    buffer.seek(0)
    records = common.read_records(buffer)
    assert [type(record) for record in records] == [Record] * 3
    assert records[0].features["values"].float32_tensor.values[:2] == [1.5, 16]
    assert records[0].label["values"].float32_tensor.values == [1]
    assert list(records[2].features["values"].float32_tensor.keys) == [1, 3]
    assert common.read_records(io.BytesIO()) == []
    with pytest.raises(RecordIOError, match="record 0"):
        common.read_records(io.BytesIO(buffer.getvalue()[:-1][:30]))
    assert DESCRIPTOR.package == "aialgs.data"


def test_version_1s_functions():
    with pytest.warns(DeprecationWarning, match="called RecordSerializer now") as seen:
        serializer = common.numpy_to_record_serializer()
    assert len(seen) == 1
    body = serializer(X32)
    assert body.getvalue() == common.RecordSerializer().serialize(X32).getvalue()
    assert serializer.content_type == "application/x-recordio-protobuf"
    with pytest.warns(DeprecationWarning, match="called RecordDeserializer now"):
        deserializer = common.record_deserializer()
    assert len(deserializer(body, "application/x-recordio-protobuf")) == 2
    assert body.closed
