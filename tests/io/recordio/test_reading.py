import gzip
import io
import struct
import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError, RecordIOError
from sklearn_sagemaker.io import (
    iter_recordio,
    iter_records,
    read_recordio,
    write_recordio,
)
from sklearn_sagemaker.io.recordio import frames
from sklearn_sagemaker.io.recordio.frames import frame
from sklearn_sagemaker.io.recordio.reading import iter_rows
from sklearn_sagemaker.io.recordio.record_messages import Bytes, Record

MAGIC = b"\x0a\x23\xd7\xce"
DENSE = np.arange(-6, 6, dtype=np.float32).reshape(4, 3) / 4
SPARSE = sparse.random(40, 30_000, 0.002, "csr", np.float32, random_state=0)
Y = np.array([1.0, 0, 2, 1])


def record_of(values, kind="float32_tensor", y=None, **parts):
    record = Record()
    tensor = getattr(record.features["values"], kind)
    tensor.values.extend(values)
    for name, numbers in parts.items():
        getattr(tensor, name).extend(numbers)
    if y is not None:
        record.label["values"].float32_tensor.values.append(y)
    return record


def framed(*records):
    return b"".join(
        frame(record.SerializeToString(deterministic=True)) for record in records
    )


def check_csr(X, expected):
    assert isinstance(X, sparse.csr_matrix)
    X.check_format(full_check=True)
    assert X.shape == expected.shape
    assert X.dtype == expected.dtype
    assert (expected != X).nnz == 0


# ------------------------------------------------------------------------ values
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_dense(dtype):
    X, y = read_recordio(write_recordio(None, DENSE * 4, Y, dtype=dtype))
    assert X.dtype == dtype
    np.testing.assert_array_equal(X, DENSE * 4)
    np.testing.assert_array_equal(y, Y)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_sparse(dtype):
    X = (SPARSE * 1000).trunc().astype(dtype)
    found, y = read_recordio(write_recordio(None, X, dtype=dtype))
    check_csr(found, X)
    assert found.indices.dtype == found.indptr.dtype == np.int32
    assert y is None


def test_integers_of_all_sizes():
    X = np.array([[0, 1, -1, 127, 128, 2**31 - 1, -(2**31)]])
    found, y = read_recordio(write_recordio(None, X, [-5], dtype=None))
    np.testing.assert_array_equal(found, X)
    assert (y.dtype, y[0]) == (np.int32, -5)


def test_bits_of_floats_are_kept():
    bits = np.array([[0x7FC12345, 0xFFC00001, 0x7F800000, 0x80000000, 1]], np.uint32)
    X, _ = read_recordio(write_recordio(None, bits.view(np.float32)))
    np.testing.assert_array_equal(X.view(np.uint32), bits)


def test_wide_keys_need_wide_indices():
    keys = [0, 2**31, 2**40]
    X = sparse.csr_matrix((np.ones(3), keys, [0, 1, 3]), shape=(2, 2**41))
    found, _ = read_recordio(write_recordio(None, X))
    assert found.shape == (2, 2**41)
    assert found.indices.tolist() == keys


RUNS = [
    # Numbers of keys of one byte, of two and so on.
    [0, 0, 0, 0, 9], [1, 1, 1, 1, 1], [7, 3, 1, 2, 1], [8, 4, 2, 1, 2], [9, 5, 3, 5, 0],
    [15, 6, 9, 2, 4], [23, 13, 12, 9, 7], [2, 31, 33, 0, 1], [100, 200, 300, 40, 50],
]  # fmt: skip


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("width", [2**31 - 1, 2**31, 2**62])
def test_keys_of_all_lengths_in_runs(width, shuffled):
    rng = np.random.default_rng(0)
    bounds = [0, *(2 ** (7 * i) for i in range(1, 5)), width]
    # Both ends of each length, and some between them.
    rows = [
        np.unique(
            np.concatenate(
                [
                    np.r_[low, high - 1, rng.integers(low, high, size)][:size]
                    for size, low, high in zip(run, bounds, bounds[1:], strict=False)
                ]
            )
        )
        for run in RUNS
    ]
    if shuffled:
        rows = [rng.permutation(row) for row in rows]
    keys, ends = np.concatenate(rows), np.cumsum([0, *map(len, rows)])
    for form in ("float32", "float64", "int32"):
        values = np.arange(len(keys), dtype=form) - 50
        X = sparse.csr_matrix((values, keys.copy(), ends), shape=(len(rows), width))
        data = write_recordio(None, X, dtype=form)
        for row, record in zip(rows, iter_records(data), strict=True):
            tensor = getattr(record.features["values"], f"{form}_tensor")
            np.testing.assert_array_equal(np.array(tensor.keys, np.int64), row)
        back, _ = read_recordio(data)
        X.sort_indices()
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(
                getattr(back, part), getattr(X, part), strict=part != "indptr"
            )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sparse_rows_are_read_into_their_place(dtype):
    X = sparse.random(2000, 40_000, 0.005, "csr", dtype, random_state=0)
    data = write_recordio(None, X, dtype=dtype)
    tracemalloc.start()
    try:
        back, _ = read_recordio(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # As rows become more, the arrays are estimated with room to spare; no copy of all.
    assert peak < 1.3 * (back.data.nbytes + back.indices.nbytes)


def test_unsorted_keys_are_sorted_and_equal_ones_summed():
    data = framed(record_of([1, 2, 4, 8], keys=[5, 2, 5, 0], shape=[6]))
    X, _ = read_recordio(data)
    assert X.indices.tolist() == [0, 2, 5]
    assert X.data.tolist() == [8, 2, 5]


def test_shape_of_several_dimensions_is_flattened():
    sparse_row = record_of([2.0], keys=[23], shape=[2, 3, 4])
    assert read_recordio(framed(sparse_row))[0].shape == (1, 24)
    dense_row = record_of(range(6), shape=[2, 3])
    assert read_recordio(framed(dense_row))[0].shape == (1, 6)


def test_row_without_values_is_sparse_if_it_has_a_shape():
    X, _ = read_recordio(framed(record_of([], shape=[7])) * 2)
    check_csr(X, sparse.csr_matrix((2, 7), dtype=np.float32))


def test_labels_of_different_types_become_float64():
    other = record_of([1.0])
    other.label["values"].int32_tensor.values.append(2**30 + 1)
    _, y = read_recordio(framed(record_of([1.0], y=0.5), other))
    assert (y.dtype, y.tolist()) == (np.float64, [0.5, 2**30 + 1])


def test_weights():
    weight = np.array([0.5, 1, 2, 4])
    for y in (Y, None):
        data = write_recordio(None, DENSE, y, sample_weight=weight)
        (rows,) = iter_rows(data, 10)
        np.testing.assert_array_equal(rows.sample_weight, weight)
        assert (rows.y is None) == (y is None)
        assert len(read_recordio(data)) == 2


# ----------------------------------------------------------------------- sources
def test_sources(tmp_path):
    data = write_recordio(None, DENSE, Y)
    path = tmp_path / "a.pbr"
    path.write_bytes(data)
    (tmp_path / "a.pbr.gz").write_bytes(gzip.compress(data))

    class Reader:
        def __init__(self):
            self.read = io.BytesIO(data).read

    with open(path, "rb") as handle:
        for source in (
            *(data, bytearray(data), memoryview(data), handle, Reader()),
            *(path, str(path), tmp_path / "a.pbr.gz", io.BytesIO(data)),
        ):
            X, y = read_recordio(source)
            np.testing.assert_array_equal(X, DENSE)
            np.testing.assert_array_equal(y, Y)


def test_several_files_are_one_table(tmp_path):
    paths = write_recordio(tmp_path / "m.pbr.gz", SPARSE, np.arange(40), shards=3)
    empty = tmp_path / "empty.pbr"
    empty.write_bytes(b"")
    X, y = read_recordio([paths[0], empty, *paths[1:]])
    check_csr(X, SPARSE)
    np.testing.assert_array_equal(y, np.arange(40))
    assert [len(y) for _, y in iter_recordio(paths, 15)] == [15, 15, 10]


def test_concatenated_files_are_one_file():
    data = write_recordio(None, DENSE) + write_recordio(None, DENSE)
    np.testing.assert_array_equal(read_recordio(data)[0], np.vstack([DENSE, DENSE]))


@pytest.mark.parametrize("chunk", [16, 100, 2**18])
@pytest.mark.parametrize("batch", [1, 7, 40, 1000])
def test_batches_of_a_stream(chunk, batch, monkeypatch):
    monkeypatch.setattr(frames, "CHUNK", chunk)
    data = write_recordio(None, SPARSE, np.arange(40))
    stream = io.BufferedReader(io.BytesIO(data))
    parts = list(iter_recordio(stream, batch))
    assert [X.shape[0] for X, _ in parts[:-1]] == [batch] * (len(parts) - 1)
    check_csr(sparse.vstack([X for X, _ in parts], "csr"), SPARSE)
    np.testing.assert_array_equal(np.concatenate([y for _, y in parts]), np.arange(40))


def test_a_file_in_memory_is_read_from_where_it_stands_as_it_is():
    """Its bytes are shared, so that neither side may change the other's."""
    data = write_recordio(None, DENSE, Y)
    stream = io.BytesIO(b"before" + data)
    stream.seek(6)
    batches = iter_recordio(stream, 1)
    next(batches)
    assert stream.tell() == 6 + len(data)
    stream.seek(0)
    stream.write(bytes(6 + len(data)))
    rest = np.vstack([X for X, _ in batches])
    np.testing.assert_array_equal(rest, DENSE[1:])
    with pytest.raises(RecordIOError, match="at least one record"):
        read_recordio(stream)  # at its end


def test_batches_own_their_memory():
    first, second = (X for X, _ in iter_recordio(write_recordio(None, DENSE), 2))
    first[:] = 0
    np.testing.assert_array_equal(second, DENSE[2:])


def test_rows_that_outgrow_the_estimate():
    # The first rows are narrow, so that the room made for the others is not enough.
    parts = [sparse.csr_matrix((200, 5000), dtype=np.float32)]
    parts.append(sparse.random(400, 5000, 0.1, "csr", np.float32, random_state=1))
    X = sparse.vstack(parts, "csr")
    check_csr(read_recordio(write_recordio(None, X))[0], X)
    stream = io.BufferedReader(io.BytesIO(write_recordio(None, X)))
    check_csr(read_recordio(stream)[0], X)


def test_missing_file_is_a_data_file_error(tmp_path):
    with pytest.raises(DataFileError, match="no such file"):
        read_recordio(tmp_path / "missing.pbr")
    with pytest.raises(DataFileError, match="is a folder"):
        read_recordio(tmp_path)


@pytest.mark.parametrize("cut", [-1, -9, 15])
def test_damaged_gzip_is_refused(tmp_path, cut):
    path = tmp_path / "a.pbr.gz"
    path.write_bytes(gzip.compress(write_recordio(None, DENSE))[:cut])
    with pytest.raises(DataFileError, match="not a whole gzip file"):
        read_recordio(path)


def test_wrong_arguments():
    data = write_recordio(None, DENSE)
    for batch_size in (0, -1, 2.5, True, None):
        with pytest.raises(ValueError, match="batch_size="):
            list(iter_recordio(data, batch_size))
    with pytest.raises(ValueError, match="n_features=0"):
        read_recordio(data, n_features=0)
    with pytest.raises(ValueError, match="list of files is empty"):
        read_recordio([])
    with pytest.raises(TypeError, match="cannot be read from int"):
        read_recordio(3)
    with pytest.raises(TypeError, match="mode 'rb'"):
        read_recordio(io.StringIO("text"))


# -------------------------------------------------------------------- n_features
def test_n_features_widens_sparse_rows():
    rows = [record_of([1.0], keys=[2], shape=[width]) for width in (3, 5)]
    X, _ = read_recordio(framed(*rows), n_features=9)
    assert X.shape == (2, 9)
    X, _ = read_recordio(framed(record_of([1.0], keys=[2])), n_features=9)
    assert X.shape == (1, 9)


def test_n_features_is_checked():
    data = framed(record_of([1.0], keys=[2], shape=[5]))
    with pytest.raises(DataFileError, match="has 5 features, more than n_features=4"):
        read_recordio(data, n_features=4)
    # A key must be below the shape of its record, too.
    data = framed(record_of([1.0], keys=[3], shape=[3]))
    with pytest.raises(DataFileError, match="has the key 3, but its shape allows 0 to"):
        read_recordio(data, n_features=9)
    with pytest.raises(DataFileError, match="has 3 features; expected are 4"):
        read_recordio(write_recordio(None, DENSE), n_features=4)


# -------------------------------------------------------- what other writers write
def test_unusual_records_between_usual_ones():
    usual = record_of([1.0, 2.0], y=3.0)
    strange = record_of([4.0, 5.0], y=6.0)
    strange.uid, strange.metadata, strange.configuration = "id", "{}", "{}"
    strange.features["image"].bytes.CopyFrom(Bytes(value=[b"\xff"], content_type="x"))
    strange.label["other"].float32_tensor.values.extend([1.0, 2.0])
    unknown = strange.SerializeToString() + b"\x7a\x02hi"
    data = framed(usual, strange) + frame(unknown) + framed(usual)
    X, y = read_recordio(data)
    assert X.tolist() == [[1, 2], [4, 5], [4, 5], [1, 2]]
    assert y.tolist() == [3, 6, 6, 3]


def entry(value, key=b"\x0a\x06values"):
    content = key + b"\x12" + bytes([len(value)]) + value
    return b"\x0a" + bytes([len(content)]) + content


def value_of(tensor):
    return b"\x12" + bytes([len(tensor)]) + tensor


@pytest.mark.parametrize(
    ("payload", "row"),
    [
        # Values that are not packed, and in several packed pieces.
        (entry(value_of(b"\x0d\0\0\x80\x3f\x0d\0\0\0\x40")), [1, 2]),
        (entry(value_of(b"\x0a\x04\0\0\x80\x3f\x0a\x04\0\0\0\x40")), [1, 2]),
        # Keys before values, shape first.
        (entry(value_of(b"\x1a\x01\x02\x12\x01\x01\x0a\x04\0\0\0\x40")), [0, 2]),
        # An entry whose value comes before its key, with an unknown field.
        (
            b"\x0a\x12\x12\x08" + value_of(b"\x0a\x04\0\0\x80\x3f") + b"\x0a\x06values",
            [1],
        ),
        (entry(value_of(b"\x0a\x04\0\0\x80\x3f") + b"\x48\x05"), [1]),
        # Of two entries the last holds; of two values in one oneof as well.
        (
            entry(value_of(b"\x0a\x04\0\0\x80\x3f"))
            + entry(value_of(b"\x0a\x04\0\0\0\x40")),
            [2],
        ),
        (entry(b"\x3a\x03\x0a\x01\x09" + value_of(b"\x0a\x04\0\0\0\x40")), [2]),
        # Lengths in more bytes than they need.
        (b"\x0a\x94\x80\x00" + entry(value_of(b"\x0a\x84\x00\0\0\0\x40"))[2:-1], None),
    ],
)
def test_other_forms_of_one_record(payload, row):
    data = frame(payload)
    if row is None:
        with pytest.raises(DataFileError, match="no Record message"):
            read_recordio(data)
        return
    X, _ = read_recordio(data)
    assert (X.toarray() if sparse.issparse(X) else X).tolist() == [row]


def test_label_before_features():
    first, second = (
        record_of([1.0]).SerializeToString(),
        Record(label=record_of([1.0], y=2.0).label).SerializeToString(),
    )
    X, y = read_recordio(frame(second + first))
    assert (X.tolist(), y.tolist()) == ([[1]], [2])


def parts(*pieces):
    flags = [1, *[2] * (len(pieces) - 2), 3]
    return b"".join(
        MAGIC + struct.pack("<I", len(p) | flag << 29) + p + bytes(-len(p) % 4)
        for p, flag in zip(pieces, flags, strict=True)
    )


@pytest.mark.parametrize("chunk", [16, 2**18])
def test_records_in_parts(chunk, monkeypatch):
    monkeypatch.setattr(frames, "CHUNK", chunk)
    magic = np.frombuffer(MAGIC, np.float32)
    values = np.concatenate([[1.0], magic, [2.0], magic, magic]).astype(np.float32)
    payload = record_of(values.tolist(), y=3.0).SerializeToString()
    pieces = payload.split(MAGIC)
    assert len(pieces) == 4
    data = (parts(*pieces) + frame(payload)) * 2
    X, y = read_recordio(io.BufferedReader(io.BytesIO(data)))
    np.testing.assert_array_equal(X, [values] * 4)
    assert y.tolist() == [3] * 4


def test_parts_without_the_magic_number_between_them_are_no_record():
    payload = record_of([1.0, 2.0], y=3.0).SerializeToString()
    with pytest.raises(RecordIOError, match="is no Record message"):
        read_recordio(parts(payload[:5], payload[5:]))


def test_messages_with_all_fields():
    record = record_of([1.0], y=2.0)
    record.uid, record.metadata = "id", "{}"
    record.features["image"].bytes.value.append(b"\xff")
    found = list(iter_records(io.BufferedReader(io.BytesIO(framed(record, record)))))
    assert found == [record, record]
    assert list(iter_records(b"")) == []


def test_many_tiny_records():
    data = framed(record_of([1.0], y=2.0)) * 300_000
    X, y = read_recordio(data)
    assert X.shape == (300_000, 1)
    assert (X.sum(), y.sum()) == (300_000, 600_000)
