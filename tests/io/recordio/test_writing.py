import gzip
import hashlib
import io
import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn_sagemaker.io.recordio._codec import TAGS, Encoder

from sklearn_sagemaker._sparse import checked_csr
from sklearn_sagemaker.io import read_recordio, write_recordio
from sklearn_sagemaker.io.recordio import writing
from sklearn_sagemaker.io.recordio.frames import frame
from sklearn_sagemaker.io.recordio.reading import iter_rows
from sklearn_sagemaker.io.recordio.record_messages import Record
from sklearn_sagemaker.io.recordio.writing import (
    CHUNK,
    RecordIOWriter,
    shard_bounds,
    shard_names,
)
from sklearn_sagemaker.io.rows import Rows

# Bytes that SageMaker's SDK 2.257.7 wrote.
DENSE = (
    "0a23d7ce 34000000 0a1e0a0676616c756573121412120a100000c03f000080410000604"
    "10000b841 12120a0676616c756573120812060a040000803f"
)
SPARSE = (
    "0a23d7ce 33000000 0a1d0a0676616c75657312131211 0a080000803f00000040 12020103"
    "1a0104 12120a0676616c756573120812060a040000803f 00"
)
# sha256, cut, of what the SDK wrote for `table`.
DIGESTS = {
    ("dense", "float32", None): "d9c53f96e55a0976",
    ("dense", "float32", "float32"): "9952b29a1c68f3c2",
    ("dense", "float32", "float64"): "40764a7ad445a97d",
    ("dense", "float32", "int64"): "e80aeaab1a48b13d",
    ("dense", "float64", None): "bbcab2fa7176ae87",
    ("dense", "float64", "float32"): "5124cb0c86cd2e2e",
    ("dense", "float64", "float64"): "4691955f062d81e3",
    ("dense", "int64", None): "d6183025377528ce",
    ("dense", "int64", "float32"): "0ed45257a4d835d7",
    ("dense", "int64", "int64"): "910d25e409bc45bb",
    ("sparse", "float32", None): "ed351bef80dc6689",
    ("sparse", "float32", "float32"): "437a6dfa61732d06",
    ("sparse", "float32", "int64"): "b5b18307c13eaee1",
    ("sparse", "float64", None): "88f5f2dd2c979ce2",
    ("sparse", "float64", "float64"): "2fb265cc92d1fc82",
    ("sparse", "int64", None): "c7b9f344584335f4",
    ("sparse", "int64", "int64"): "e6cef03ef17164a7",
}


def table(kind, dtype, label):
    """Rows with an empty one, negative numbers, and keys of one to four bytes."""
    X = (np.arange(400 * 60).reshape(60, 400) * 7919) % 601 - 300
    X[3] = 0
    X = X.astype(dtype)
    if kind == "sparse":
        keep = (np.arange(400 * 60).reshape(60, 400) * 31) % 11 < 3
        X = sparse.csr_matrix(np.where(keep, X, 0).astype(dtype))
        keys = X.indices.astype(np.int64) ** 2 * 17
        X = sparse.csr_matrix((X.data, keys, X.indptr), shape=(60, 3_000_000))
    y = None if label is None else ((np.arange(60) * 37) % 10 - 3).astype(label)
    return X, y


def reference(X, y=None, kind="float32_tensor"):
    """The bytes by protobuf's runtime, in the order of the SDK's writer."""
    written = []
    for i in range(X.shape[0]):
        record = Record()
        tensor = getattr(record.features["values"], kind)
        if sparse.issparse(X):
            part = slice(X.indptr[i], X.indptr[i + 1])
            tensor.values.extend(X.data[part].tolist())
            tensor.keys.extend(X.indices[part].tolist())
            tensor.shape.append(X.shape[1])
        else:
            tensor.values.extend(X[i].tolist())
        if y is not None:
            record.label["values"].float32_tensor.values.append(y[i])
        written.append(frame(record.SerializeToString(deterministic=True)))
    return b"".join(written)


def test_bytes_of_the_facts():
    dense, labels = np.array([[1.5, 16.0, 14.0, 23.0]]), np.array([1.0])
    assert write_recordio(None, dense, labels) == bytes.fromhex(DENSE)
    row = sparse.csr_matrix([[0, 1.0, 0, 2]])
    assert write_recordio(None, row, labels) == bytes.fromhex(SPARSE)
    assert write_recordio(None, sparse.csc_array(row), [1]) == bytes.fromhex(SPARSE)


@pytest.mark.parametrize(("kind", "dtype", "label"), DIGESTS)
def test_bytes_of_the_sdk(kind, dtype, label):
    data = write_recordio(None, *table(kind, dtype, label), dtype=None)
    digest = hashlib.sha256(data).hexdigest()[:16]
    assert digest == DIGESTS[kind, dtype, label]


@pytest.mark.parametrize("width", [1, 2, 31, 32, 127, 128, 129, 5000])
def test_dense_bytes_are_those_of_protobuf(width):
    X = np.linspace(-1, 1, 5 * width, dtype=np.float32).reshape(5, width)
    y = np.arange(5.0)
    assert write_recordio(None, X, y) == reference(X, y)


@pytest.mark.parametrize("density", [0.0, 0.002, 0.2])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array])
def test_sparse_bytes_are_those_of_protobuf(density, index, make):
    X = sparse.random(40, 40_000, density, "csr", np.float32, random_state=3)
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    X = make(X)
    y = np.arange(40.0)
    assert write_recordio(None, X, y) == reference(X, y)
    # Keys stay in the order that they have.
    turned = make(X[:, ::-1])
    assert write_recordio(None, turned) == reference(turned)


def encoder_of(X, first=0, **columns):
    if sparse.issparse(X):
        columns.update(indptr=X.indptr.astype(np.int64), indices=X.indices)
    values = X.data if sparse.issparse(X) else X
    return Encoder(values, X.shape[1], first=first, **columns)


@pytest.mark.parametrize("tag", TAGS.values())
@pytest.mark.parametrize("dtype", TAGS)
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_bytes_are_those_that_are_written(kind, dtype, tag):
    X, _ = table(kind, dtype, None)
    numbers = np.arange(-30.0, 30)
    columns = {"labels": numbers, "label_tag": tag, "weights": numbers}
    data = encoder_of(X, weight_tag=tag, **columns).to_bytes()
    encoder = encoder_of(X, weight_tag=tag, **columns)
    encoder.check()
    # No room to spare: nothing is written behind the last record.
    room = np.zeros(encoder.total, np.uint8)
    assert encoder.write(0, room) == (encoder.total, 60)
    assert data == encoder.to_bytes() == room.tobytes()
    # In pieces, of which each has room for one record and a little.
    start, pieces = 0, b""
    while start < 60:
        room = np.zeros(encoder.largest + 15, np.uint8)
        size, count = encoder.write(start, room)
        pieces += room[:size].tobytes()
        start += count
    assert pieces == data


def test_bytes_have_no_room_to_spare():
    # Room is made for keys of three bytes; these have one.
    keys = np.tile(np.arange(100, dtype=np.int32), 5000)
    X = sparse.csr_matrix(
        (np.ones(len(keys), np.float32), keys, np.arange(0, len(keys) + 1, 100)),
        shape=(5000, 2**20),
    )
    tracemalloc.start()
    try:
        data = encoder_of(X).to_bytes()
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(data) <= size < len(data) + 50_000


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("key", [-1, -(2**31), 50, 2**31 - 1])
def test_columns_that_are_none(index, key):
    X = sparse.csr_matrix(np.eye(4, 50, dtype=np.float32))
    X.indices = X.indices.astype(index)
    X.indices[2] = key
    room = np.zeros(1000, np.uint8)
    for call in (
        lambda encoder: encoder.to_bytes(),
        lambda encoder: encoder.write(0, room),
        lambda encoder: encoder.check(),
    ):
        with pytest.raises(ValueError, match="row 9 of X has a column below 0"):
            call(encoder_of(X, first=7))
    assert not room.any()


def test_rows_whose_places_are_none():
    X = sparse.csr_matrix(np.eye(4, dtype=np.float32))
    for row, place in ((1, 5), (2, 1), (0, -1)):
        X.indptr[:] = [0, 1, 2, 3, 4]
        X.indptr[row + 1] = place
        with pytest.raises(
            ValueError, match=f"row {row} of X .* wrong place in indptr"
        ):
            encoder_of(X).to_bytes()


@pytest.mark.parametrize("shards", [None, 4])
def test_a_matrix_is_checked_once(monkeypatch, tmp_path, shards):
    checked = []

    def check(X, *arguments):
        checked.append(X.shape)
        return checked_csr(X, *arguments)

    monkeypatch.setattr(writing, "checked_csr", check)
    X = sparse.random(20, 50, 0.2, "csr", np.float32, random_state=0)
    write_recordio(tmp_path / "rows.pbr", X, shards=shards)
    assert checked == [(20, 50)]


@pytest.mark.parametrize(
    ("index", "width", "count"), [("i4", 50, 1), ("i8", 50, 5), ("i8", 2**40, 1)]
)
def test_only_what_is_cast_goes_in_parts(monkeypatch, index, width, count):
    monkeypatch.setattr(writing, "CAST_AT_ONCE", 4)
    X = sparse.csr_matrix(np.eye(20, 50, dtype=np.float32))
    X.resize(20, width)
    X.indices = X.indices.astype(index)
    parts = list(writing.encoders(Rows(X), "float32"))
    assert len(parts) == count
    assert b"".join(part.to_bytes() for part in parts) == reference(X)


def test_keys_of_every_length():
    keys = np.array([0, 127, 128, 2**14 - 1, 2**14, 2**21, 2**28, 2**31, 2**40, 2**56])
    X = sparse.csr_matrix((np.ones(10, np.float32), keys, [0, 10]), shape=(1, 2**62))
    assert write_recordio(None, X) == reference(X)
    X = sparse.csr_matrix((np.ones(7), keys[:7], [0, 7]), shape=(1, 2**31 - 1))
    assert write_recordio(None, X) == reference(X)


@pytest.mark.parametrize(
    "X",
    [
        np.asfortranarray(np.arange(12.0).reshape(4, 3)),
        np.arange(24, dtype=np.float32).reshape(4, 6)[:, ::2],
        np.arange(12, dtype=np.int16).reshape(4, 3),
        np.arange(12, dtype=">f4").reshape(4, 3),
        [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]],
        np.eye(4, 3, dtype=bool),
    ],
    ids=["fortran", "strided", "int16", "big-endian", "list", "bool"],
)
def test_layouts_of_arrays(X):
    assert write_recordio(None, X) == reference(np.asarray(X, np.float32))


def test_read_only_and_sliced_csr():
    X = sparse.random(30, 50, 0.2, "csr", np.float32, random_state=0)
    for part in (X.data, X.indices, X.indptr):
        part.flags.writeable = False
    assert write_recordio(None, X) == reference(X)
    assert write_recordio(None, X[7:19]) == reference(X[7:19])


def test_large_tables_are_cast_in_parts():
    X = np.arange(2**20 + 3000, dtype=np.float64)[:, None] % 1000
    y = np.arange(len(X)) % 7
    X_back, y_back = read_recordio(write_recordio(None, X, y))
    np.testing.assert_array_equal(X_back, X)
    np.testing.assert_array_equal(y_back, y)


# ------------------------------------------------------------------------- types
@pytest.mark.parametrize(
    ("dtype", "X", "y", "types"),
    [
        ("float32", np.float64, np.int64, ("float32", "float32")),
        ("float64", np.float32, np.int64, ("float64", "float64")),
        ("int32", np.float64, np.int64, ("int32", "int32")),
        ("int32", np.uint8, np.float64, ("int32", "float32")),
        (None, np.int64, np.float64, ("int32", "float64")),
        (None, np.int32, np.float32, ("int32", "float32")),
    ],
)
def test_types_of_tensors(dtype, X, y, types):
    data = write_recordio(None, np.ones((2, 2), X), np.ones(2, y), dtype=dtype)
    assert tuple(part.dtype for part in read_recordio(data)) == types


@pytest.mark.parametrize(
    ("X", "y", "dtype", "message"),
    [
        ([[0.5]], None, "int32", "X has 0.5, which is not a whole number that int32"),
        ([[2.0**31]], None, "int32", "not a whole number that int32"),
        (np.array([[2**31]]), None, None, "not a whole number that int32"),
        ([[np.nan]], None, "int32", "not a whole number that int32"),
        (
            [[1e39]],
            None,
            "float32",
            r"X has 1e\+39, which is beyond the range of float",
        ),
        ([[1.0]], [1e39], "float32", "y has 1e.*beyond the range of float32"),
        ([[1.0]], [2**24 + 1], "float32", "y has 16777217 at row 0, which float32"),
        (np.ones((1, 1), np.float16), None, None, "X has dtype float16"),
        ([[1.0]], np.ones(1, np.uint8), None, "y has dtype uint8"),
        ([[1.0]], None, "float16", "dtype='float16' is not one of"),
        ([["a"]], None, "float32", "X has dtype"),
        ([[1j]], None, "float32", "X has dtype complex128"),
        ([1.0, 2.0], None, "float32", r"X has shape \(2,\)"),
        (np.ones((2, 0)), None, "float32", r"X has shape \(2, 0\)"),
        (np.ones((0, 2)), None, "float32", "X has no rows"),
        ([[1.0]], ["spam"], "float32", "y has dtype.*LabelEncoder"),
        ([[1.0]], [1, 2], "float32", r"y has shape \(2,\); X has 1 rows"),
        ([[1.0]], [[1]], "float32", r"y has shape \(1, 1\)"),
        ([[1.0]], [np.nan], "float32", "y has nan at row 0"),
    ],
)
def test_what_cannot_be_written(X, y, dtype, message):
    with pytest.raises(ValueError, match=message):
        write_recordio(None, X, y, dtype=dtype)


def test_weights_are_checked_and_typed():
    for weight, message in (
        ([1e39], "sample_weight has 1e.* beyond the range of float32"),
        ([np.inf], "sample_weight has inf at row 0"),
        ([1, 2], r"sample_weight has shape \(2,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            write_recordio(None, [[1.0]], sample_weight=weight)
    data = write_recordio(None, [[1.0]], sample_weight=[1e39], dtype="float64")
    (rows,) = iter_rows(data, 5)
    assert rows.sample_weight.tolist() == [1e39]


def test_infinities_and_nan_are_written_as_they_are():
    X = np.array([[np.nan, np.inf, -np.inf]])
    np.testing.assert_array_equal(read_recordio(write_recordio(None, X))[0], X)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("key", [-1, 5, 2**31 - 1])
def test_columns_out_of_bounds_are_refused(index, key):
    X = sparse.csr_matrix((np.ones(3), [0, 1, 2], [0, 1, 3]), shape=(2, 5))
    X.indices = np.array([0, 1, key], index)
    with pytest.raises(ValueError, match=f"index {key} in row 1 lies outside"):
        write_recordio(None, X)


@pytest.mark.parametrize("indptr", [[0, 2, 1], [0, 1, 9], [-1, 1, 3], [0, 2**40, 3]])
def test_broken_indptr_is_refused(indptr):
    X = sparse.csr_matrix((np.ones(3), [0, 1, 2], [0, 1, 3]), shape=(2, 5))
    X.indptr = np.array(indptr)
    with pytest.raises(ValueError, match="no valid CSR matrix: its indptr"):
        write_recordio(None, X)


def test_record_over_29_bits_is_refused():
    # Zeros that nobody touches take no memory.
    X = np.zeros((1, 2**27), np.float32)
    with pytest.raises(ValueError, match="a row takes 536870.* bytes"):
        write_recordio(None, X)


# ----------------------------------------------------------------------- targets
def around_the_buffer(kind):
    """Rows whose records are some bytes smaller and larger than the buffer."""
    if kind == "dense":
        for width in range(CHUNK // 4 - 20, CHUNK // 4 + 3):
            yield np.ones((1, width), dtype=np.float32)
    else:
        for width in range(CHUNK // 7 - 12, CHUNK // 7 + 3):
            # Keys of three bytes: sizes that four does not divide.
            keys = np.arange(1 << 14, (1 << 14) + width)
            shape = (1, 1 << 17)
            yield sparse.csr_matrix((np.ones(width, "f4"), keys, [0, width]), shape)


class File(io.BytesIO):
    """Written to as any file is, where a new BytesIO takes the bytes over."""


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_records_about_as_large_as_the_buffer(kind):
    sizes = []
    for X in around_the_buffer(kind):
        target = File()
        with RecordIOWriter(target) as writer:
            writer.write(Rows(X, np.ones(1), None))
            writer.write(Rows(X, np.zeros(1), None))
        data = target.getvalue()
        once = [write_recordio(None, X, y) for y in ([1.0], [0.0])]
        assert data == b"".join(once)
        sizes.append(len(once[0]))
    assert min(sizes) < CHUNK < max(sizes)


def test_path_file_object_and_bytes_are_the_same(tmp_path):
    X, y = table("dense", "float32", "float32")
    data = write_recordio(None, X, y)
    assert write_recordio(tmp_path / "a.pbr", X, y) is None
    assert (tmp_path / "a.pbr").read_bytes() == data
    target = io.BytesIO(b"before")
    target.seek(6)
    write_recordio(target, X, y)
    assert target.getvalue() == b"before" + data
    with open(tmp_path / "raw", "wb", buffering=0) as raw:
        write_recordio(raw, X, y)
    assert (tmp_path / "raw").read_bytes() == data


def test_files_in_memory_that_are_empty():
    X, y = table("dense", "float32", "float32")
    data = write_recordio(None, X, y)
    target = io.BytesIO()
    write_recordio(target, X, y)
    assert target.tell() == len(data)
    kept = target.getvalue()
    write_recordio(target, X, y)
    target.seek(0)
    target.write(b"after")
    assert target.getvalue() == b"after" + (data + data)[5:]
    assert kept == data
    target = io.BytesIO()
    target.seek(3)
    write_recordio(target, X, y)
    assert target.getvalue() == bytes(3) + data
    with target.getbuffer(), pytest.raises(BufferError):
        write_recordio(target, X, y)
    target = io.BytesIO()
    with target.getbuffer(), pytest.raises(BufferError):
        write_recordio(target, X, y)
    target.close()
    with pytest.raises(ValueError, match="closed"):
        write_recordio(target, X, y)
    with pytest.raises(ValueError, match="closed"):
        read_recordio(target)


def test_a_file_in_memory_takes_the_bytes_over(monkeypatch):
    """To write them once more takes three times as long as to encode them."""
    X, y = table("dense", "float32", "float32")
    monkeypatch.setattr(RecordIOWriter, "_write_pieces", None)
    target = io.BytesIO()
    write_recordio(target, X, y)
    np.testing.assert_array_equal(read_recordio(target.getvalue())[0], X)


def test_gzip_by_suffix_is_reproducible(tmp_path):
    X, y = table("sparse", "float32", None)
    for name in ("a.pbr.gz", "b.pbr.GZ"):
        write_recordio(str(tmp_path / name), X, y)
    packed = (tmp_path / "a.pbr.gz").read_bytes()
    assert packed == (tmp_path / "b.pbr.GZ").read_bytes()
    assert gzip.decompress(packed) == write_recordio(None, X, y)


def test_short_writes_are_completed():
    class Slow(io.RawIOBase):
        data = b""

        def write(self, part):
            part = bytes(part[:7])
            self.data += part
            return len(part)

    target = Slow()
    write_recordio(target, np.eye(3))
    assert target.data == write_recordio(None, np.eye(3))


def test_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.pbr"
    path.write_bytes(b"old")
    X = np.zeros((300_000, 8))
    X[-1, -1] = 1e300
    with pytest.raises(ValueError, match="beyond the range"):
        write_recordio(path, X)
    assert path.read_bytes() == b"old"
    assert [child.name for child in tmp_path.iterdir()] == ["a.pbr"]


def test_targets_of_other_types_are_refused():
    with pytest.raises(TypeError, match="cannot be written to int"):
        write_recordio(3, [[1.0]])


def test_writer_writes_batches(tmp_path):
    X, y = table("sparse", "float32", "float32")
    weight = np.linspace(0.5, 2, 60)
    path = tmp_path / "a.pbr.gz"
    with RecordIOWriter(path) as writer:
        for start in range(0, 60, 7):
            part = slice(start, start + 7)
            writer.write(Rows(X[part], y[part], weight[part]))
        writer.write(Rows(X[:0], y[:0], weight[:0]))
    whole = write_recordio(None, X, y, sample_weight=weight)
    assert gzip.decompress(path.read_bytes()) == whole


@pytest.mark.parametrize(
    "rows",
    [Rows(np.eye(4)), Rows(np.eye(3), np.ones(3)), Rows(sparse.eye(3, format="csr"))],
)
def test_writer_refuses_a_change_of_layout(tmp_path, rows):
    path = tmp_path / "a.pbr"

    def write():
        with RecordIOWriter(path) as writer:
            writer.write(Rows(np.eye(3)))
            writer.write(rows)

    with pytest.raises(ValueError, match="alike"):
        write()
    assert not path.exists()


def test_writer_must_be_open():
    writer = RecordIOWriter(io.BytesIO())
    with pytest.raises(ValueError, match="with statement"):
        writer.write(Rows(np.eye(3)))


# ------------------------------------------------------------------------ shards
def test_shards_split_as_record_set_does(tmp_path):
    X, y = np.arange(23, dtype=np.float32)[:, None], np.arange(23.0)
    paths = write_recordio(tmp_path / "matrix.pbr", X, y, shards=10)
    assert [path.name for path in paths] == [f"matrix_{i:02d}.pbr" for i in range(10)]
    assert [len(read_recordio(path)[1]) for path in paths] == [2] * 9 + [5]
    X_back, y_back = read_recordio(paths)
    np.testing.assert_array_equal(X_back, X)
    np.testing.assert_array_equal(y_back, y)


@pytest.mark.parametrize(
    ("name", "shards", "names"),
    [
        ("matrix.pbr", 1, ["matrix_0.pbr"]),
        ("a/b.c/m.pbr.gz", 2, ["a/b.c/m_0.pbr.gz", "a/b.c/m_1.pbr.gz"]),
        ("plain", 1, ["plain_0"]),
    ],
)
def test_names_of_shards(name, shards, names):
    assert shard_names(name, shards) == names


def test_bounds_of_shards():
    assert shard_bounds(7, 3) == [(0, 2), (2, 4), (4, 7)]
    for shards in (0, -1, 8, 2.0, True):
        with pytest.raises(ValueError, match="shards="):
            shard_bounds(7, shards)


def test_shards_appear_together_or_not_at_all(tmp_path):
    X = np.zeros((4, 2))
    X[3] = 1e300
    with pytest.raises(ValueError, match="beyond the range"):
        write_recordio(tmp_path / "m.pbr", X, shards=2)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TypeError, match="needs a path"):
        write_recordio(None, X, shards=2)
