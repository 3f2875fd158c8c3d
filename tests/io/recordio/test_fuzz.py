"""Damaged records: the same verdict, and the same rows, as a reader over protobuf.

Run as a script (``make fuzz``) it tries a million mutations; in the suite 50,000.
"""

import argparse
import io
import random
import struct
import sys
import time

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from scipy import sparse

from sklearn_sagemaker.exceptions import RecordIOError
from sklearn_sagemaker.io import write_recordio
from sklearn_sagemaker.io.recordio import frames
from sklearn_sagemaker.io.recordio.reading import iter_rows
from sklearn_sagemaker.io.recordio.record_messages import (
    EntryRecord,
    Float32Tensor,
    Record,
)

MAGIC = b"\x0a\x23\xd7\xce"
LENGTH = 2**29 - 1
DTYPES = {
    "float32_tensor": np.float32,
    "float64_tensor": np.float64,
    "int32_tensor": np.int32,
}


class Refused(Exception):
    """The reference does not take these bytes."""


def demand(truth):
    if not truth:
        raise Refused


# ------------------------------------------------------------------- the reference
def messages(data):
    """Records of framed bytes, by the letter of the format."""
    parts, place = [], 0
    while place < len(data):
        demand(len(data) - place >= 8 and data[place : place + 4] == MAGIC)
        (word,) = struct.unpack_from("<I", data, place + 4)
        flag, length = word >> 29, word & LENGTH
        demand(flag in ((2, 3) if parts else (0, 1)))
        end = place + 8 + length
        padding = data[end : end + -length % 4]
        demand(end <= len(data) and len(padding) == -length % 4 and not any(padding))
        parts.append(data[place + 8 : end])
        place = end + len(padding)
        if flag in (0, 3):
            yield message(parts)
            parts = []
    demand(not parts)


def message(parts):
    record = EntryRecord()
    try:
        record.ParseFromString(MAGIC.join(parts))
    except DecodeError as error:
        raise Refused from error
    return [
        {entry.key: entry.value for entry in entries}
        for entries in (record.features, record.label)
    ]


def tensor(value):
    kind = value.WhichOneof("value")
    demand(kind in DTYPES)
    return kind, getattr(value, kind)


def number(labels, name):
    if name not in labels:
        return None
    kind, found = tensor(labels[name])
    demand(len(found.values) == 1 and not found.keys)
    return kind, found.values[0]


def column(numbers):
    """One number of each record, or none of any."""
    if numbers[0] is None:
        demand(all(number is None for number in numbers))
        return None
    demand(all(number is not None for number in numbers))
    kinds = {kind for kind, _ in numbers}
    dtype = DTYPES[kinds.pop()] if len(kinds) == 1 else np.float64
    return np.array([value for _, value in numbers], np.float64).astype(dtype)


def reference(data):
    """(X, y, sample_weight), with protobuf for every message."""
    rows, labels, weights = [], [], []
    for features, label in messages(data):
        demand(b"values" in features)
        kind, found = tensor(features[b"values"])
        width = None
        if found.shape:
            width = 1
            for size in found.shape:
                width *= size
                demand(width < 2**63)
        is_sparse = bool(found.keys) or (not found.values and width is not None)
        if is_sparse:
            demand(width and len(found.keys) == len(found.values))
            demand(all(key < width for key in found.keys))
        else:
            demand(found.values and width in (None, len(found.values)))
            width = len(found.values)
        rows.append((is_sparse, kind, width, found))
        demand(rows[-1][:3] == rows[0][:3])
        labels.append(number(label, b"values"))
        weights.append(number(label, b"weights"))
    demand(rows)
    is_sparse, kind, width, _ = rows[0]
    values = [np.array(row[3].values, DTYPES[kind]) for row in rows]
    if not is_sparse:
        return np.stack(values), column(labels), column(weights)
    keys = [np.array(row[3].keys, np.int64) for row in rows]
    ends = np.cumsum([0, *map(len, keys)])
    X = sparse.csr_matrix(
        (np.concatenate(values), np.concatenate(keys), ends), shape=(len(rows), width)
    )
    X.sum_duplicates()
    return X, column(labels), column(weights)


# -------------------------------------------------------------------- the mutations
def split(payload):
    """A record in parts, as dmlc-core frames it: cut where the magic number stands."""
    pieces = payload.split(MAGIC)
    flags = [1, *[2] * (len(pieces) - 2), 3]
    return b"".join(
        MAGIC + struct.pack("<I", len(p) | f << 29) + p + bytes(-len(p) % 4)
        for p, f in zip(pieces, flags, strict=True)
    )


def unusual_record():
    """Everything that the bulk decoder leaves to protobuf, in one record."""
    unpacked = (
        b"".join(b"\x0d" + np.float32(v).tobytes() for v in (0.5, 1.5))
        + b"\x10\x01\x10\x83\x01\x18\xac\x02"
    )
    value = b"\x12" + bytes([len(unpacked)]) + unpacked
    # The value before its key, and a number that nobody knows.
    entry = b"\x12" + bytes([len(value)]) + value + b"\x0a\x06values" + b"\x48\x05"
    record = Record()
    record.label["values"].int32_tensor.values.append(-3)
    record.label["other"].bytes.value.append(b"\xff\x00")
    record.uid, record.metadata = "row-7", '{"a": 1}'
    return (
        record.SerializeToString(deterministic=True)
        + b"\x0a"
        + bytes([len(entry)])
        + entry
    )


def keys_last(*keys):
    """A record that ends with its keys, so that nothing follows them."""
    parts = [Float32Tensor(shape=[2**22]), Float32Tensor(values=[0.5] * len(keys))]
    content = b"".join(
        part.SerializeToString() for part in [*parts, Float32Tensor(keys=keys)]
    )
    for prefix in (b"\x12", b"\x0a\x06values\x12", b"\x0a"):
        content = prefix + bytes([len(content)]) + content
    return frames.frame(content)


def seeds():
    """Small files of every kind."""
    dense = np.arange(-6, 6, dtype=np.float32).reshape(4, 3) / 4
    table = sparse.random_array((4, 70_000), density=1e-4, format="csr", rng=1)
    keys = [0, 127, 2**21, 2**28, 2**31, 2**40]
    wide = sparse.csr_matrix((np.ones(6), keys, [0, 4, 6]), shape=(2, 2**41))
    narrow = sparse.csr_matrix(np.eye(5, 200)[:, ::-1])
    y, weight = np.array([1.0, 0, 2, 0]), np.array([0.5, 1, 2, 1])
    found = [
        write_recordio(None, dense, y),
        write_recordio(None, dense, y, dtype="float64", sample_weight=weight),
        write_recordio(None, dense * 4, y.astype(int), dtype="int32"),
        write_recordio(None, table, y, sample_weight=weight),
        write_recordio(None, (table * 1000).trunc(), dtype="int32"),
        write_recordio(None, narrow, np.arange(5)),
        write_recordio(None, wide, dtype="float64"),
        frames.frame(unusual_record()) * 2,
        # Without padding, and so without anything behind the last key.
        *(keys_last(*range(9, 40, 5), *last) for last in ((200,), (200, 2**20))),
        *(keys_last(9, *last) for last in ((70,), (200,), (2**20,), (2**20 + 1, 1))),
    ]
    magic = np.frombuffer(MAGIC, np.float32)[0]
    record = write_recordio(None, np.full((1, 4), magic), [1.0])
    record = record[8:][: struct.unpack_from("<I", record, 4)[0]]
    # A field that nobody knows, of the magic number.
    unknown = unusual_record() + b"\x4d" + MAGIC
    return [*found, split(record) * 2, split(unknown) + frames.frame(unusual_record())]


SPICE = [MAGIC, bytes(4), b"\xff" * 4, b"\x80" * 9, b"\xff" * 9 + b"\x01", b"\x0a\x06"]
SPICE += [b"\x12\x00", b"\x1a\x01\x03", b"\x0a\x00", b"\x08", b"values", b"weights"]


def fields():
    """Whole fields that may stand anywhere in a record."""
    record = Record()
    record.label["values"].float32_tensor.values.append(4.0)
    record.label["weights"].float64_tensor.values.append(0.25)
    record.label["other"].float32_tensor.values.extend((1.0, 2.0))
    yield from (b"\x1a\x03row", b"\x48\x05", b"\x22\x00", b"\x5d" + bytes(4))
    yield from (
        record.SerializeToString(deterministic=True),
        record.SerializeToString(deterministic=True)[:18],
    )
    for name in ("values", "image"):
        record = Record()
        record.features[name].float32_tensor.values.extend((1.0, 2.0, -3.0))
        yield record.SerializeToString(deterministic=True)


FIELDS = list(fields())


def mutate(draw, data, others):
    """Some damage: flips, cuts, repeats, foreign pieces, wrong lengths."""
    data = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        place = draw.randrange(len(data) + 1)
        other = min(place + draw.randrange(1, 24), len(data))
        kind = draw.randrange(8)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << draw.randrange(8)
            if draw.randrange(2):
                # Two varints that end elsewhere.
                for near in draw.sample(range(place, place + 12), 2):
                    data[near % len(data)] ^= 0x80
        elif kind == 1 and place < len(data):
            data[place] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)))
        elif kind == 2:
            del data[place:other]
        elif kind == 3:
            data[place:place] = data[place:other]
        elif kind == 4:
            data[place:place] = draw.choice(SPICE)
        elif kind == 5:
            source = draw.choice(others)
            start = draw.randrange(len(source))
            data[place:other] = source[start : start + draw.randrange(64)]
        elif kind == 6 and place < len(data):
            data[place] = (data[place] + draw.choice((-1, 1, 4, -4))) % 256
        elif draw.randrange(8) == 0:
            del data[place:]
        elif place < len(data):
            # Where lengths and tags are: the first bytes of a record.
            data[place % min(40, len(data))] = draw.randrange(256)
    return bytes(data)


# ------------------------------------------------------------------- the comparison
def ours(data, source=None):
    rows = next(iter_rows(data if source is None else source, 2**40))
    return rows.X, rows.y, rows.sample_weight


def same(a, b):
    if a is None or b is None:
        return a is b
    if sparse.issparse(a) != sparse.issparse(b) or a.shape != b.shape:
        return False
    if sparse.issparse(a):
        return (
            same(a.data, b.data)
            and np.array_equal(a.indices, b.indices)
            and np.array_equal(a.indptr, b.indptr)
        )
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def compare(data, chunk=None):
    """Whether the bytes are accepted; raises if we and the reference differ."""
    with np.errstate(all="ignore"):
        try:
            expected = reference(data)
        except Refused:
            expected = None
        usual = frames.CHUNK
        try:
            if chunk is None:
                # An array of its own: the address sanitizer sees where it ends.
                found = ours(memoryview(np.frombuffer(data, np.uint8).copy()))
            else:
                frames.CHUNK = chunk
                found = ours(None, io.BufferedReader(io.BytesIO(data)))
        except RecordIOError as error:
            placed = error.record is not None and 0 <= error.offset <= len(data)
            found = None if placed else error
        finally:
            frames.CHUNK = usual
    agree = (found is None) == (expected is None) and (
        found is None or all(map(same, found, expected))
    )
    assert agree, f"{data.hex()}: {found} instead of {expected}"
    return found is not None


def run(count, seed):
    """Try some mutations; how many were accepted."""
    draw = random.Random(seed)
    corpus = seeds()
    accepted = 0
    for turn in range(count):
        data = corpus[turn % len(corpus)]
        if draw.randrange(3):
            # The damage is within a frame that fits.
            first = 8 + (struct.unpack_from("<I", data, 4)[0] & LENGTH)
            payload = data[8:first]
            if draw.randrange(2):
                pair = [payload, draw.choice(FIELDS)]
                payload = b"".join(pair[:: draw.choice((1, -1))])
            if draw.randrange(2):
                payload = mutate(draw, payload, corpus)
            data = frames.frame(payload) + data[first + -first % 4 :]
        else:
            data = mutate(draw, data, corpus)
        accepted += compare(data, draw.choice((None, None, None, 16, 61)))
    return accepted


def test_seeds_are_read():
    assert all(compare(data) and compare(data, 16) for data in seeds())


@pytest.mark.slow
def test_mutations():
    accepted = run(50_000, seed=5)
    # Of both kinds enough, or the mutations say nothing.
    assert 10_000 < accepted < 40_000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start = time.perf_counter()
    done = accepted = 0
    while done < options.count:
        step = min(options.count - done, 50_000)
        accepted += run(step, f"{options.seed}-{done}")
        done += step
        seconds = time.perf_counter() - start
        print(f"{done:,} mutations, {accepted:,} accepted, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
