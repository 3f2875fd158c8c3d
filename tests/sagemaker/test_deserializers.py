"""Deserializers: what SDK 2.257.7 gives, and a stream that is closed in the end."""

import io

import numpy as np
import pandas as pd
import pytest

from sklearn_sagemaker.exceptions import RecordIOError
from sklearn_sagemaker.io.recordio.predictions import encode_predictions
from sklearn_sagemaker.io.rows import Predictions
from sklearn_sagemaker.sagemaker import deserializers as d

NPY = io.BytesIO()
np.save(NPY, [1.5, 2])
NPZ = io.BytesIO()
np.savez(NPZ, a=[1, 2])


@pytest.mark.parametrize(
    ("deserializer", "body", "content_type", "found"),
    [
        (d.BytesDeserializer(), b"\xff", "*/*", b"\xff"),
        (d.StringDeserializer(), "é".encode(), "text/plain", "é"),
        (d.StringDeserializer("latin-1"), b"\xe9", "text/plain", "é"),
        (
            d.CSVDeserializer(),
            b'1,"a,b"\r\n2,c\n',
            "text/csv",
            [["1", "a,b"], ["2", "c"]],
        ),
        (d.JSONDeserializer(), b'{"a": [1]}', "application/json", {"a": [1]}),
        (
            d.JSONLinesDeserializer(),
            b'{"a": 1}\n2\n',
            "application/jsonlines",
            [{"a": 1}, 2],
        ),
    ],
)
def test_what_is_read(deserializer, body, content_type, found):
    stream = io.BytesIO(body)
    assert deserializer.deserialize(stream, content_type) == found
    assert stream.closed
    assert deserializer(io.BytesIO(body), content_type) == found


def test_arrays_and_tables():
    read = d.NumpyDeserializer(dtype="float32").deserialize
    for body, content_type in [
        (b"1,2\n3,4", "text/csv; charset=utf-8"),
        (b"[[1, 2], [3, 4]]", "application/json"),
    ]:
        found = read(io.BytesIO(body), content_type)
        assert found.dtype == np.float32
        assert found.tolist() == [[1, 2], [3, 4]]
    npy = io.BytesIO(NPY.getvalue())
    assert read(npy, "application/x-npy").tolist() == [1.5, 2]
    npz = io.BytesIO(NPZ.getvalue())
    assert read(npz, "application/x-npz")["a"].tolist() == [1, 2]
    objects = io.BytesIO()
    np.save(objects, np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        read(io.BytesIO(objects.getvalue()), "application/x-npy")
    table = d.PandasDeserializer().deserialize(io.BytesIO(b"a,b\n1,2"), "text/csv")
    pd.testing.assert_frame_equal(table, pd.DataFrame({"a": [1], "b": [2]}))
    body = io.BytesIO(b'{"a": {"0": 1}}')
    table = d.PandasDeserializer().deserialize(body, "application/json")
    assert table["a"].tolist() == [1]
    for deserializer in (d.NumpyDeserializer(), d.PandasDeserializer()):
        with pytest.raises(ValueError, match="cannot read 'image/png'"):
            deserializer.deserialize(io.BytesIO(b""), "image/png")


def test_a_stream_is_the_callers():
    stream = io.BytesIO(b"x")
    found = d.StreamDeserializer().deserialize(stream, "a/b")
    assert found == (stream, "a/b")
    assert not stream.closed


def test_records():
    body = encode_predictions(Predictions(np.array([0.5, 0.25]), np.array([1, 0])))
    read = d.RecordDeserializer().deserialize
    answers = read(io.BytesIO(body), "application/x-recordio-protobuf")
    labels = [a.label["predicted_label"].float32_tensor.values[0] for a in answers]
    assert labels == [1, 0]
    with pytest.raises(RecordIOError):
        read(io.BytesIO(body[:-4]), "application/x-recordio-protobuf")


def test_media_types():
    types = {
        d.BytesDeserializer: ("*/*",),
        d.CSVDeserializer: ("text/csv",),
        d.JSONDeserializer: ("application/json",),
        d.JSONLinesDeserializer: ("application/jsonlines",),
        d.NumpyDeserializer: ("application/x-npy",),
        d.PandasDeserializer: ("text/csv", "application/json"),
        d.RecordDeserializer: ("application/x-recordio-protobuf",),
        d.StreamDeserializer: ("*/*",),
        d.StringDeserializer: ("application/json",),
    }
    for kind, accept in types.items():
        assert accept == kind().ACCEPT
        assert kind(accept="a/b").ACCEPT == ("a/b",)
        assert kind(accept=("a/b", "c/d")).ACCEPT == ("a/b", "c/d")
