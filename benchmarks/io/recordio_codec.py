"""GB/s of the RecordIO-protobuf codec, beside memcpy, NumPy and protobuf's loops.

Dense: 60,000 rows of 784 float32 and a label. Sparse: the CSR set, 75 values and a
label a row. GB are those of the records, for memcpy those it copies. Protobuf's loops
run over some of the rows: ``getrow`` and ``extend`` as SageMaker's SDK writes,
ParseFromString plus arrays as one reads. BytesIO is written to and read from by the
names that the SDK has for it, new each time. Cases take turns; the least CPU time
counts.
"""

import io
import struct
import time

import numpy as np
from scipy import sparse
from sklearn_sagemaker.io.recordio._codec import TAGS, Decoder, Encoder

from benchmarks.common import (
    Bars,
    add_repeats,
    make_parser,
    print_environment,
    print_table,
)
from benchmarks.data.sparse import make_sparse
from sklearn_sagemaker.io import read_recordio, write_recordio
from sklearn_sagemaker.io.recordio.record_messages import Record
from sklearn_sagemaker.sagemaker.amazon.common import (
    write_numpy_to_dense_tensor,
    write_spmatrix_to_sparse_tensor,
)

ROWS, COLUMNS = 60_000, 784
LOOP_ROWS = 2_000
EVERYTHING = 2**62
FLOAT = TAGS[np.dtype(np.float32)]


# ------------------------------------------------------------------- protobuf's loops
def loop_write(X, y):
    """What the SDK's writers do, without their checks."""
    target = io.BytesIO()
    record = Record()
    for i in range(X.shape[0]):
        record.Clear()
        tensor = record.features["values"].float32_tensor
        if sparse.issparse(X):
            row = X.getrow(i)
            tensor.values.extend(row.data)
            tensor.keys.extend(row.indices.astype(np.uint64))
            tensor.shape.extend([X.shape[1]])
        else:
            tensor.values.extend(X[i])
        record.label["values"].float32_tensor.values.extend([y[i]])
        payload = record.SerializeToString()
        target.write(struct.pack("<II", 0xCED7230A, len(payload)))
        target.write(payload)
        target.write(bytes(-len(payload) % 4))
    return target.getvalue()


def loop_read(data):
    """Each record parsed, its tensors as arrays, put together at the end."""
    place, parts, labels = 0, [], []
    record = Record()
    while place < len(data):
        (length,) = struct.unpack_from("<I", data, place + 4)
        record.ParseFromString(data[place + 8 : place + 8 + length])
        tensor = record.features["values"].float32_tensor
        keys = np.array(tensor.keys, np.int32) if tensor.keys else None
        parts.append((np.array(tensor.values, np.float32), keys))
        labels.append(record.label["values"].float32_tensor.values[0])
        place += 8 + length + -length % 4
    values, keys = zip(*parts, strict=True)
    if keys[0] is None:
        return np.stack(values), np.array(labels, np.float32)
    ends = np.cumsum([0, *map(len, keys)])
    X = sparse.csr_matrix((np.concatenate(values), np.concatenate(keys), ends))
    return X, np.array(labels, np.float32)


def template_writer(X, y):
    """Dense rows by NumPy alone: one record's bytes, repeated and filled in."""
    record = np.frombuffer(write_recordio(None, X[:1], y[:1]), np.uint8)
    n_bytes = X.shape[1] * 4
    first = bytes(record).index(X[0].tobytes())
    last = len(record) - 4
    out = np.empty((len(X), len(record)), np.uint8)

    def write():
        out[:] = record
        out[:, first : first + n_bytes] = X.view(np.uint8)
        out[:, last:] = y.astype(np.float32)[:, None].view(np.uint8)
        return out

    assert write().tobytes() == write_recordio(None, X, y)
    return write


# ---------------------------------------------------------------------------- timing
def rates(cases, repeats):
    """GB/s of cases, (call, bytes, rounds), that take turns: the least time counts."""
    least = dict.fromkeys(cases, np.inf)
    for turn in range(repeats):
        for name, (call, _, rounds) in cases.items():
            if turn < rounds:
                start = time.process_time()
                call()
                least[name] = min(least[name], time.process_time() - start)
    return {name: cases[name][1] / least[name] / 1e9 for name in cases}


def into_file(write, X, y):
    """Records in a new file in memory, as the SDK's users write them."""
    file = io.BytesIO()
    write(file, X, y)
    file.seek(0)
    return file


def out_of_file(file):
    """Rows of a file in memory."""
    file.seek(0)
    return read_recordio(file)


def cases_of(X, y, repeats):
    """The cases of one table, by name."""
    data = write_recordio(None, X, y)
    size = len(data)
    labels = {"labels": y.astype(np.float64), "label_tag": FLOAT}
    if sparse.issparse(X):
        labels.update(indptr=X.indptr.astype(np.int64), indices=X.indices)
        values, original = X.data, np.frombuffer(data, np.uint8)
    else:
        values = original = X
    encoder = Encoder(values, X.shape[1], **labels)
    out, copied = np.zeros(size, np.uint8), np.zeros_like(original)
    stored = np.frombuffer(data, np.uint8)

    def decode():
        decoder = Decoder()
        decoder.feed(stored, 0, size, EVERYTHING, size)
        return decoder.take()

    def batches():
        decoder = Decoder()
        place = 0
        while place < size:
            decoder.feed(stored, place, size, 1000, size - place)
            place = decoder.position
            decoder.take()

    encoder.write(0, out)
    assert out.tobytes() == data
    few = write_recordio(None, X[:LOOP_ROWS], y[:LOOP_ROWS])
    assert loop_write(X[:LOOP_ROWS], y[:LOOP_ROWS]) == few
    write = (
        write_spmatrix_to_sparse_tensor
        if sparse.issparse(X)
        else write_numpy_to_dense_tensor
    )
    file = into_file(write, X, y)
    assert file.getvalue() == data
    nbytes = original.nbytes
    found = {
        "memcpy": (lambda: np.copyto(copied, original), nbytes, repeats),
        "memcpy into new memory": (original.copy, nbytes, repeats),
        "encode": (lambda: encoder.write(0, out), size, repeats),
        "decode": (decode, size, repeats),
        "decode, batches of 1000": (batches, size, repeats),
        "write_recordio to bytes": (lambda: write_recordio(None, X, y), size, repeats),
        "read_recordio from bytes": (lambda: read_recordio(data), size, repeats),
        "the SDK's function into BytesIO": (
            lambda: into_file(write, X, y), size, repeats,
        ),
        "read_recordio from BytesIO": (lambda: out_of_file(file), size, repeats),
        "protobuf's loop, writing": (
            lambda: loop_write(X[:LOOP_ROWS], y[:LOOP_ROWS]), len(few), 3,
        ),
        "protobuf's loop, reading": (lambda: loop_read(few), len(few), 3),
    }  # fmt: skip
    if not sparse.issparse(X):
        found["NumPy byte template"] = (template_writer(X, y), size, repeats)
    return found


def main():
    parser = make_parser(__doc__, data=False)
    add_repeats(parser, 15)
    options = parser.parse_args()
    print_environment()
    rng = np.random.default_rng(0)
    sparse_set = make_sparse()
    dense = rng.random((ROWS, COLUMNS), dtype=np.float32)
    tables = {
        "dense": (dense, rng.integers(0, 10, ROWS).astype(np.float32)),
        "sparse": (sparse_set.X_train, sparse_set.y_train),
    }
    found = {}
    for kind, (X, y) in tables.items():
        y = np.asarray(y, np.float32)
        found[kind] = rates(cases_of(X, y, options.repeats), options.repeats)
    del dense, tables
    names = list(dict.fromkeys(name for kind in found.values() for name in kind))
    print_table(
        ["case", "dense, GB/s", "sparse, GB/s"],
        [
            [name, *(f"{found[kind].get(name, np.nan):.3g}" for kind in found)]
            for name in names
        ],
    )
    bars = Bars()
    dense, csr = found["dense"], found["sparse"]
    for case in ("encode", "decode"):
        bars.at_least(f"dense {case} / memcpy", dense[case] / dense["memcpy"], 0.45)
    cases = "the SDK's function into BytesIO", "read_recordio from BytesIO"
    for case in cases:
        bars.at_least(f"dense, {case} / memcpy", dense[case] / dense["memcpy"], 0.35)
    bars.at_least("sparse encode, GB/s", csr["encode"], 2.0)
    bars.at_least("sparse decode, GB/s", csr["decode"], 1.5)
    loops = {"encode": ("writing", 150), "decode": ("reading", 25)}
    for case, (loop, limit) in loops.items():
        ratio = csr[case] / csr[f"protobuf's loop, {loop}"]
        bars.at_least(f"sparse {case} / protobuf's loop", ratio, limit)
    bars.exit()


if __name__ == "__main__":
    main()
