import io
import pickle
import struct
import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.exceptions import RecordIOError
from sklearn_sagemaker.io import (
    iter_recordio,
    iter_records,
    read_recordio,
    write_recordio,
)
from sklearn_sagemaker.io.recordio import frames
from sklearn_sagemaker.io.recordio.frames import frame
from sklearn_sagemaker.io.recordio.record_messages import Record

MAGIC = b"\x0a\x23\xd7\xce"
GOOD = write_recordio(None, [[1.5, 16.0, 14.0]], [1.0])
SIZE = len(GOOD)


def header(length, magic=MAGIC):
    return magic + struct.pack("<I", length)


def record_of(values=(), kind="float32_tensor", label=None, weight=None, **parts):
    record = Record()
    tensor = getattr(record.features["values"], kind)
    tensor.SetInParent()
    tensor.values.extend(values)
    for name, numbers in parts.items():
        getattr(tensor, name).extend(numbers)
    for name, value in (("values", label), ("weights", weight)):
        if value is not None:
            record.label[name].float32_tensor.values.extend(value)
    return frame(record.SerializeToString(deterministic=True))


def sparse_of(**parts):
    return record_of(**{"values": [1.0], "keys": [1], "shape": [4], **parts})


def bytes_record():
    record = Record()
    record.features["values"].bytes.value.append(b"picture")
    return frame(record.SerializeToString(deterministic=True))


def answer():
    record = Record()
    record.label["score"].float32_tensor.values.append(0.5)
    return frame(record.SerializeToString(deterministic=True))


FRAMES = {
    "header of 1 byte": (GOOD + b"\x0a", 1, "ends after 1 of the 8 bytes of a header"),
    "header of 4 bytes": (GOOD + MAGIC, 1, "ends after 4 of the 8 bytes"),
    "header of 7 bytes": (GOOD + header(4)[:7], 1, "ends after 7 of the 8 bytes"),
    "header only": (
        GOOD + header(4),
        1,
        "has a length of 4 bytes, but only 0 are left",
    ),
    "zeros at the end": (GOOD + bytes(4), 1, "starts with 0x00000000 instead"),
    "wrong magic": (b"\x0a\x23\xd7\xcf" + GOOD[4:], 0, "this is no RecordIO file"),
    "wrong magic later": (GOOD * 2 + b"x" + GOOD, 2, "length of the record before it"),
    "gzip": (b"\x1f\x8b\x08\x00" + GOOD, 0, "this is gzip"),
    "length over the rest": (GOOD[:4] + b"\xff" + GOOD[5:], 0, "only 48 are left"),
    "largest length": (header(2**29 - 1) + GOOD, 0, "length of 536870911 bytes"),
    "length of all ones": (header(2**32 - 1) + GOOD, 0, "has the part flag 7"),
    "part flag 4": (GOOD + header(4 << 29), 1, "has the part flag 4"),
    "middle part first": (GOOD + header(2 << 29), 1, "has the part flag 2"),
    "last part first": (header(3 << 29), 0, "has the part flag 3"),
    "whole within parts": (header(1 << 29) + GOOD, 0, "has the part flag 0"),
    "parts without end": (
        header(1 << 29) + header(2 << 29),
        0,
        "ends after 0 of the 8",
    ),
    "part over the rest": (header(1 << 29 | 9) + bytes(4), 0, "only 4 are left"),
    "parts of wrong magic": (header(1 << 29) + bytes(8), 0, "starts with 0x00000000"),
    "parts that are no record": (
        header(1 << 29 | 1) + b"\xff\0\0\0" + header(3 << 29),
        0,
        "no Record message",
    ),
    "padding of parts": (
        header(1 << 29 | 1) + b"\x0a\0\0\1" + header(3 << 29),
        0,
        "padding that is not",
    ),
    "padding missing": (sparse_of(label=[1.0])[:-1], 0, "has 1 of 2 bytes of padding"),
    "padding not zero": (sparse_of(label=[1.0])[:-1] + b"\1", 0, "padding that is not"),
}
ROWS = {
    "zero length": (frame(b""), "has no feature 'values'"),
    "other feature": (frame(b"\x0a\x05\x0a\x01x\x12\x00"), "has no feature 'values'"),
    "answer": (answer(), "decode_predictions"),
    "picture": (bytes_record(), "the feature 'values' holds bytes"),
    "no tensor": (frame(b"\x0a\x0a\x0a\x06values\x12\x00"), "holds nothing"),
    "no message": (frame(b"\xff\xff"), "is no Record message"),
    "nested groups": (frame(b"\x7b" * 5000), "is no Record message"),
    "cut message": (frame(GOOD[8:20]), "is no Record message"),
    "no values": (record_of(), "has no values and no shape"),
    "shape of zero": (record_of(shape=[0]), "has no values and no shape"),
    "keys without shape": (sparse_of(shape=[]), "is sparse and has no shape"),
    "key over shape": (sparse_of(keys=[4]), "key 4, but its shape allows 0 to 3"),
    "long key over shape": (sparse_of(keys=[2**63]), "has the key 9223372036854775808"),
    "key over wide shape": (sparse_of(keys=[2**41], shape=[2**40]), "has the key 2199"),
    "one of many keys over shape": (
        sparse_of(values=range(9), keys=[*range(8), 100], shape=[99]), "key 100",
    ),
    "unsorted key over shape": (
        sparse_of(values=range(3), keys=[0, 99, 1], shape=[9]), "key 99",
    ),
    "first of many keys over shape": (
        sparse_of(values=range(16), keys=range(30, 46), shape=[33]), "key 33",
    ),
    "more keys than values": (sparse_of(keys=[1, 2]), "has 2 keys for 1 values"),
    "keys without values": (sparse_of(values=[]), "has 1 keys for 0 values"),
    "shape of 2**63": (sparse_of(shape=[2**63]), "shape of 2\\*\\*63"),
    "shape overflow": (sparse_of(shape=[2**32, 2**32]), "shape of 2\\*\\*63"),
    "dense shape": (record_of([1, 2], shape=[3]), "2 values, but its shape says 3"),
    "two labels": (record_of([1.0], label=[1, 2]), "label that is not one number"),
    "empty label": (record_of([1.0], label=[]), "label that is not one number"),
    "two weights": (record_of([1.0], weight=[1, 2]), "weight that is not one number"),
}  # fmt: skip
MIXED = {
    "widths": (record_of([1, 2]), record_of([1, 2, 3]), "3 features; expected are 2"),
    "sparse widths": (sparse_of(), sparse_of(shape=[5]), "5 features; expected are 4"),
    "sparse": (record_of([1, 2, 3, 4]), sparse_of(), "is sparse, but those before it"),
    "dense": (sparse_of(), record_of([1, 2, 3, 4]), "is dense, but those before it"),
    # Before anything else.
    "kinds and counts": (
        record_of([1, 2, 3, 4]), sparse_of(keys=[1, 2]), "has 2 keys for 1 values",
    ),
    "types": (
        record_of([1, 2]), record_of([1, 2], "int32_tensor"),
        "holds int32, but those before it float32",
    ),
    "label": (record_of([1], label=[1]), record_of([1]), "has no label, unlike"),
    "no label": (record_of([1]), record_of([1], label=[1]), "has a label, unlike"),
    "weight": (record_of([1], weight=[1]), record_of([1]), "has no weight, unlike"),
    "no weight": (record_of([1]), record_of([1], weight=[1]), "has a weight, unlike"),
}  # fmt: skip


@pytest.mark.parametrize(
    "shape", [b"\x1a\x01\x7f", b"\x1a\x06\x80\x80\x80\x80\x80\x40"]
)
@pytest.mark.parametrize("kind", [b"\x12", b"\x3a"])
def test_number_that_does_not_end_is_refused(shape, kind):
    values = {b"\x12": b"\x0a\x04\0\0\0\0", b"\x3a": b"\x0a\x01\x05"}[kind]
    for keys, accepted in ((b"\x12\x02\x85\x00", True), (b"\x12\x02\x05\x85", False)):
        content = values + keys + shape
        for prefix in (kind, b"\x0a\x06values\x12", b"\x0a"):
            content = prefix + bytes([len(content)]) + content
        if accepted:
            assert read_recordio(frame(content))[0].indices.tolist() == [5]
        else:
            refused(frame(content), 0, "no Record message")


def refused(data, record, message):
    """The offset that the error names, the same however the bytes are read."""
    with pytest.raises(RecordIOError, match=message) as caught:
        read_recordio(data)
    with pytest.raises(RecordIOError, match=message) as streamed:
        list(iter_recordio(io.BufferedReader(io.BytesIO(data)), 1))
    assert caught.value.record == streamed.value.record == record
    assert caught.value.offset == streamed.value.offset
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    return caught.value.offset


@pytest.mark.parametrize("chunk", [16, 2**18])
@pytest.mark.parametrize("case", FRAMES)
def test_frames(case, chunk, monkeypatch):
    monkeypatch.setattr(frames, "CHUNK", chunk)
    data, record, message = FRAMES[case]
    offset = refused(data, record, message)
    assert offset - record * SIZE in (0, 8, 12, 16)
    if case not in ("parts that are no record",):
        with pytest.raises(RecordIOError):
            list(iter_records(data))


@pytest.mark.parametrize("case", ROWS)
def test_rows(case):
    data, message = ROWS[case]
    assert refused(data, 0, message) == 0


@pytest.mark.parametrize("case", MIXED)
def test_records_that_do_not_agree(case):
    first, second, message = MIXED[case]
    assert refused(first * 3 + second + first, 3, message) == 3 * len(first)


def test_every_cut_of_a_file_is_refused():
    data = sparse_of(label=[1.0]) * 2
    for size in range(len(data)):
        if size != len(data) // 2:
            refused(data[:size], int(size > len(data) // 2), "record|header|pad|left")


@pytest.mark.parametrize("source", [b"", io.BytesIO(b"")])
def test_nothing_is_refused(source):
    with pytest.raises(RecordIOError, match="needs at least one record"):
        read_recordio(source)


def test_error_names_the_file_and_counts_within_it(tmp_path):
    good, bad = tmp_path / "a.pbr", tmp_path / "b.pbr"
    good.write_bytes(GOOD * 5)
    bad.write_bytes(GOOD * 2 + b"?" * 9)
    with pytest.raises(RecordIOError) as caught:
        read_recordio([good, bad])
    assert (caught.value.record, caught.value.offset) == (2, 2 * SIZE)
    assert str(caught.value).startswith(f"{bad}: record 2 (byte {2 * SIZE}): starts")


def test_whole_batches_before_a_fault_come_first():
    source = io.BufferedReader(io.BytesIO(GOOD * 5 + b"?"))
    batches = iter_recordio(source, 2)
    assert [len(next(batches)[0]) for _ in range(2)] == [2, 2]
    with pytest.raises(RecordIOError):
        next(batches)


@pytest.mark.parametrize(
    "data",
    [
        header(2**29 - 1) + bytes(1000),
        header(1 << 29 | 2**29 - 1) + bytes(1000),
        sparse_of(shape=[2**62]) * 20,
        sparse_of(shape=[2**31 - 1]) * 20,
        GOOD + sparse_of(keys=range(100), shape=[2**40]),
    ],
)
@pytest.mark.parametrize(
    "make", [bytes, io.BytesIO, lambda data: io.BufferedReader(io.BytesIO(data))]
)
def test_memory_follows_the_bytes_and_not_what_they_say(data, make):
    source = make(data)
    tracemalloc.start()
    try:
        X, _ = read_recordio(source)
        assert sparse.issparse(X)
    except RecordIOError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2**21


def test_memory_of_a_stream_is_flat():
    rows = write_recordio(None, np.ones((1000, 50)))

    class Endless(io.RawIOBase):
        left = 200

        def readinto(self, space):
            if not hasattr(self, "data"):
                self.data = b""
            if not self.data and self.left:
                self.data, self.left = rows, self.left - 1
            part = self.data[: len(space)]
            space[: len(part)], self.data = part, self.data[len(part) :]
            return len(part)

    tracemalloc.start()
    try:
        count = sum(len(X) for X, _ in iter_recordio(Endless(), 500))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 200_000
    assert peak < 2**22
