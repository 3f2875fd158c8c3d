import os
import subprocess
import sys

import pytest
from google.protobuf import descriptor_pool

from sklearn_sagemaker.io.recordio.record_messages import Bytes, EntryRecord, Record

# A payload that SageMaker's SDK 2.257.7 wrote.
PAYLOAD = bytes.fromhex(
    "0a1d0a0676616c75657312131211 0a080000803f00000040 12020103 1a0104"
    "12120a0676616c756573120812060a040000803f"
)


def test_payload_of_the_sdk_is_read_and_written():
    record = Record()
    record.ParseFromString(PAYLOAD)
    tensor = record.features["values"].float32_tensor
    assert list(tensor.values) == [1.0, 2.0]
    assert list(tensor.keys) == [1, 3]
    assert list(tensor.shape) == [4]
    assert list(record.label["values"].float32_tensor.values) == [1.0]
    assert record.SerializeToString(deterministic=True) == PAYLOAD


@pytest.mark.parametrize(
    ("field", "tag"),
    [("float32_tensor", "12"), ("float64_tensor", "1a"), ("int32_tensor", "3a")],
)
def test_tensors_have_the_numbers_of_the_schema(field, tag):
    record = Record()
    getattr(record.features["values"], field).keys.append(5)
    assert record.SerializeToString().hex() == (
        "0a0f0a0676616c7565731205" + tag + "03120105"
    )


def test_other_fields_have_the_numbers_of_the_schema():
    record = Record(uid="u", metadata="m", configuration="c")
    record.label["x"].bytes.CopyFrom(Bytes(value=[b"v"], content_type="t"))
    assert record.SerializeToString().hex() == (
        "120d0a01781208" + "4a06" + "0a0176" + "120174" + "1a0175" + "22016d" + "2a0163"
    )


def test_entries_are_maps_on_the_wire():
    record = EntryRecord()
    record.ParseFromString(PAYLOAD)
    assert [entry.key for entry in record.features] == [b"values"]
    assert record.SerializeToString() == PAYLOAD


def test_default_pool_is_left_to_the_sdk():
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindFileByName("record.proto")


CHECK = """
import numpy as np
from google.protobuf.internal import api_implementation
from sklearn_sagemaker.io import read_recordio, write_recordio
from sklearn_sagemaker.io.recordio.frames import frame
from sklearn_sagemaker.io.recordio.record_messages import Record
record = Record(uid="u")
record.features["values"].float64_tensor.values.extend([1.5, -2.0])
record.label["values"].int32_tensor.values.append(-7)
X, y = read_recordio(frame(record.SerializeToString()))
assert X.tolist() == [[1.5, -2.0]] and y.tolist() == [-7], (X, y)
print(api_implementation.Type())
"""


def test_pure_python_protobuf_reads_the_same():
    environment = {**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
    run = subprocess.run(
        [sys.executable, "-c", CHECK], env=environment, capture_output=True, text=True
    )
    assert (run.stderr, run.stdout.strip()) == ("", "python")
