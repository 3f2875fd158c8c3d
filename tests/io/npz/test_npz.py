""".npz files: in batches as at once, too large ones, hostile ones, and written."""

import io
import itertools
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import opening, read_table
from sklearn_sagemaker.io.npz.tables import iter_npz
from sklearn_sagemaker.io.npz.writer import NpzWriter
from sklearn_sagemaker.io.rows import Rows, stack_rows

RNG = np.random.default_rng(0)
X = (RNG.normal(size=(40, 5)) * (RNG.random((40, 5)) < 0.5)).round(2)
X[7] = 0
Y = RNG.integers(0, 3, 40)
CSR = sparse.csr_matrix(X)
PARTS = {
    "data": CSR.data,
    "indices": CSR.indices,
    "indptr": CSR.indptr,
    "shape": np.array(CSR.shape),
}
KINDS = {"dense": np.asarray, "CSR": sparse.csr_matrix}


def save(tmp_path, compress=False, **arrays):
    path = tmp_path / "a.npz"
    (np.savez_compressed if compress else np.savez)(path, **arrays)
    return path


def dense(X):
    return X.toarray() if sparse.issparse(X) else X


@pytest.mark.parametrize("batch_size", [1, 3, 40, 1000])
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        *itertools.product(KINDS, ["<f4", "<f8", "u1", ">f4", ">i2", "?"]),
        # SciPy has no matrices of it.
        ("dense", "f2"),
    ],
)
def test_equal_to_the_whole_file(tmp_path, batch_size, compress, dtype, kind):
    matrix = X.astype(dtype)
    y = Y.astype(">i4")
    if kind == "dense":
        path = save(tmp_path, compress, X=matrix, y=y)
    else:
        data = CSR.data.astype(dtype)
        path = save(tmp_path, compress, **{**PARTS, "data": data}, y=y)
    found = list(iter_npz(path, batch_size))
    assert [len(rows) for rows in found[:-1]] == [batch_size] * (len(found) - 1)
    whole = read_table(str(path))
    rows = stack_rows(found)
    assert rows.X.dtype == whole.X.dtype.newbyteorder("=")
    np.testing.assert_array_equal(dense(rows.X), dense(whole.X))
    np.testing.assert_array_equal(rows.y, whole.y)


@pytest.mark.parametrize("batch_size", [1, 7, 40])
def test_other_shapes_and_orders(tmp_path, batch_size):
    path = save(tmp_path, X=np.asfortranarray(X), y=Y[:, np.newaxis])
    parts = list(iter_npz(path, batch_size))
    assert all(part.X.flags.c_contiguous for part in parts)
    rows = stack_rows(parts)
    np.testing.assert_array_equal(rows.X, X)
    np.testing.assert_array_equal(rows.y, Y)
    images = np.arange(40 * 6, dtype=np.uint8).reshape(40, 2, 3)
    rows = stack_rows(list(iter_npz(save(tmp_path, X=images, y=Y), batch_size)))
    np.testing.assert_array_equal(rows.X, images.reshape(40, 6))


def test_labels_and_weights(tmp_path):
    texts = np.array(["a", "bcd"])[Y % 2]
    weights = np.random.default_rng(1).random(40).astype(np.float32)
    path = save(tmp_path, X=X, target=texts, y=Y / 2, sample_weight=weights)
    rows = stack_rows(list(iter_npz(path, 7, label="target")))
    assert rows.y.tolist() == texts.tolist()
    np.testing.assert_array_equal(rows.sample_weight, weights)
    # Fractions first or not: the dtype is one.
    assert {part.y.dtype for part in iter_npz(path, 1)} == {np.dtype(np.float64)}
    assert next(iter_npz(path, 7, label=None)).y is None


def test_matrix_of_scipy(tmp_path):
    path = tmp_path / "a.npz"
    sparse.save_npz(path, CSR)
    rows = stack_rows(list(iter_npz(path, 7, label=None)))
    np.testing.assert_array_equal(rows.X.toarray(), X)
    sparse.save_npz(path, CSR.tocsc())
    with pytest.raises(DataFileError, match="holds a csc matrix"):
        iter_npz(path, 7, label=None)


def test_unsorted_and_repeated_columns(tmp_path):
    path = save(
        tmp_path,
        data=[1.0, 2, 4],
        indices=[1, 0, 1],
        indptr=[0, 3],
        shape=[1, 2],
        y=[0],
    )
    assert next(iter_npz(path, 1)).X.toarray().tolist() == [[2, 5]]


def with_value(X, place, value):
    X = X.copy()
    X[place] = value
    return X


LONG = np.concatenate([PARTS["indptr"][:-1], [10**6]])
FAULTS = {
    "no y": ({"X": X}, "no array 'y' of labels, only 'X'"),
    "no X": ({"Z": X, "y": Y}, "has the arrays 'Z', 'y'; needed are X"),
    "objects": ({"X": X.astype(object), "y": Y}, "'X' holds Python objects"),
    "object labels": ({"X": X, "y": Y.astype(object)}, "'y' holds Python objects"),
    "structured": ({"X": np.zeros((40, 1), "f4,i2"), "y": Y}, "must be real numbers"),
    "too few labels": ({"X": X, "y": Y[:2]}, "y has 2 labels for 40 rows"),
    "wide labels": ({"X": X, "y": X}, "y has shape .40, 5."),
    "complex labels": ({"X": X, "y": Y * 1j}, "y has dtype complex128"),
    "nan label": (
        {"X": X, "y": with_value(Y * 1.0, 33, np.nan)},
        "y has nan at row 33",
    ),
    "flat X": ({"X": X[0], "y": Y}, "X has shape .5,."),
    "no rows": ({"X": X[:0], "y": Y[:0]}, "X has shape .0, 5."),
    "text": ({"X": X.astype(str), "y": Y}, "X has dtype <U32"),
    "nan": (
        {"X": with_value(X, (33, 2), np.nan), "y": Y},
        r"row 33 .*: feature 2 .* is nan",
    ),
    "F nan": (
        {"X": np.asfortranarray(with_value(X, (33, 2), np.inf)), "y": Y},
        r"row 33 .*: feature 2 .* is inf",
    ),
    "weight": (
        {"X": X, "y": Y, "sample_weight": with_value(Y * 1.0, 33, -1)},
        "row 33 .*: the weight is -1.0",
    ),
    "few weights": ({"X": X, "y": Y, "sample_weight": Y[:3]}, "3 weights for 40 rows"),
    "text weights": (
        {"X": X, "y": Y, "sample_weight": Y.astype(str)},
        "weights must be numbers",
    ),
    "CSR nan": (
        {**PARTS, "data": with_value(CSR.data, CSR.indptr[33], np.inf), "y": Y},
        r"row 33 .* is inf",
    ),
    "CSR index outside": ({**PARTS, "indices": PARTS["indices"] + 5, "y": Y}, "do not"),
    "CSR negative index": (
        {**PARTS, "indices": PARTS["indices"] - 1, "y": Y},
        "do not",
    ),
    "CSR huge index": (
        {**PARTS, "indices": PARTS["indices"].astype("u8") + 2**63, "y": Y},
        "do not make",
    ),
    "CSR float index": ({**PARTS, "indices": CSR.indices * 1.0, "y": Y}, "float64"),
    "CSR indptr falls": ({**PARTS, "indptr": PARTS["indptr"][::-1], "y": Y}, "do not"),
    "CSR indptr from 1": (
        {**PARTS, "indptr": PARTS["indptr"] + 1, "y": Y},
        "do not make",
    ),
    "CSR indptr too far": ({**PARTS, "indptr": LONG, "y": Y}, "do not make"),
    "CSR indptr too near": (
        {**PARTS, "indptr": np.minimum(PARTS["indptr"], 9), "y": Y},
        "ends before the numbers do",
    ),
    "CSR indptr short": ({**PARTS, "indptr": CSR.indptr[:-1], "y": Y}, "do not make"),
    "CSR data short": ({**PARTS, "data": CSR.data[:-1], "y": Y}, "do not make"),
    "CSR shape": ({**PARTS, "shape": np.array([3]), "y": Y}, "do not make"),
    "CSR no rows": ({**PARTS, "shape": np.array([0, 5]), "y": Y}, "do not make"),
    "CSR nothing": (
        {"data": [], "indices": Y[:0], "indptr": [0], "shape": [0, 5], "y": Y[:0]},
        "needs rows",
    ),
    "CSR below 0": ({**PARTS, "shape": np.array([-1, 5]), "y": Y}, "do not make"),
}


@pytest.mark.parametrize(("arrays", "message"), FAULTS.values(), ids=FAULTS)
def test_faults(tmp_path, arrays, message):
    path = save(tmp_path, **arrays)
    with pytest.raises(DataFileError, match=message) as caught:
        list(iter_npz(path, 6))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


# --------------------------------------------------------------------- hostile
def npy(header, body=b"", version=b"\x01\x00"):
    size = "<H" if version == b"\x01\x00" else "<I"
    return b"\x93NUMPY" + version + struct.pack(size, len(header)) + header + body


def archive(tmp_path, compression=zipfile.ZIP_STORED, **members):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", compression) as target:
        for name, content in members.items():
            target.writestr(name + ".npy", content)
    return path


def header(shape, descr="'<f8'"):
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()


LABEL = npy(header("(1,)"), bytes(8))
HOSTILE = {
    "larger shape": npy(header("(1, 2000000000000)"), bytes(64)),
    "shape that overflows": npy(header(f"({2**40}, {2**40})"), bytes(64)),
    "shape below 0": npy(header("(-1, -8)"), bytes(64)),
    "smaller shape": npy(header("(1, 2)"), bytes(64)),
    "header that is code": npy(b"__import__('os').getcwd()\n", bytes(64)),
    "header without end": npy(b"{'descr': '<f8', 'shape': (1,\n", bytes(64)),
    "header too deep": npy(b"(" * 9000, bytes(64)),
    "header too long": npy(b" " * 60000, bytes(64)),
    "no header": b"\x93NUM",
    "empty": b"",
    "other version": npy(header("(1, 8)"), bytes(64), b"\x09\x00"),
    "objects": npy(header("(1, 8)", "'|O'"), bytes(64)),
    "objects inside": npy(header("(1, 8)", "[('a', '|O')]"), bytes(64)),
    "subarray": npy(header("(1, 8)", "('<f4', (2,))"), bytes(64)),
    "huge items": npy(header("(1, 8)", "'<U999999999'"), bytes(64)),
    "pickle": b"cos\nsystem\n(S'true'\ntR.",
}


def in_batches(path):
    return stack_rows(list(iter_npz(path, 7)))


def at_once(path):
    return read_table(str(path))


@pytest.mark.parametrize("read", [in_batches, at_once])
@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_headers(tmp_path, content, read):
    path = archive(tmp_path, X=content, y=LABEL)
    tracemalloc.start()
    try:
        with pytest.raises(DataFileError):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_size_that_the_file_cannot_have(tmp_path):
    path = archive(
        tmp_path, zipfile.ZIP_DEFLATED, X=npy(header("(1, 8)"), bytes(64)), y=LABEL
    )
    content = path.read_bytes()
    # The sizes in the directory at the end say 3 GB.
    place = content.index(b"PK\x01\x02") + 24
    content = content[:place] + struct.pack("<I", 3 << 30) + content[place + 4 :]
    path.write_bytes(content)
    for read in (in_batches, at_once):
        with pytest.raises(DataFileError, match="said to be larger than it is"):
            read(path)


def test_members_that_are_no_arrays(tmp_path):
    path = save(tmp_path, X=X, y=Y)
    with zipfile.ZipFile(path, "a") as target:
        target.writestr("run.py", "")
    with zipfile.ZipFile(path, "a") as target:
        target.writestr("more.npy", b"cos\nsystem\n(S'true'\ntR.")
    # What is not asked for is not looked at.
    assert len(in_batches(path)) == 40
    assert at_once(path).unused == ("more",)


def test_compressions_that_numpy_does_not_write(tmp_path):
    path = archive(tmp_path, zipfile.ZIP_BZIP2, X=npy(header("(1, 8)"), bytes(64)))
    with pytest.raises(DataFileError, match="compressed in a way"):
        iter_npz(path, 10, label=None)


@pytest.mark.parametrize("compress", [False, True])
def test_damage_is_found(tmp_path, compress):
    # Integers: damaged numbers could be NaN, which is another message.
    matrix = np.random.default_rng(2).integers(1 << 40, size=(400, 50))
    path = save(tmp_path, compress, X=matrix, y=np.zeros(400))
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=r"not a whole \.npz file"):
        iter_npz(path, 100)


@pytest.mark.parametrize("read", [in_batches, at_once])
@pytest.mark.parametrize("compress", [False, True])
def test_mutations_never_crash(tmp_path, compress, read):
    path = save(tmp_path, compress, **PARTS, y=Y)
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(400):
        content = bytearray(whole)
        if rng.random() < 0.1:
            del content[rng.integers(len(content)) :]
        for _ in range(rng.integers(1, 4)):
            content[rng.integers(len(content))] = rng.integers(256)
        path.write_bytes(content or b"x")
        try:
            rows = read(path)
        except DataFileError:
            refused += 1
        else:
            rows.X.check_format(full_check=True)
    assert refused > 100


@pytest.mark.parametrize("content", [b"garbage", b"PK\x03\x04 cut", b""])
def test_what_is_no_archive(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=r"not an \.npz file|is empty"):
        iter_npz(path, 1)


@pytest.mark.parametrize("compress", [False, True])
def test_arrays_that_are_too_large_are_not_loaded(tmp_path, compress, monkeypatch):
    path = save(tmp_path, compress, X=np.zeros((1000, 50)), y=np.zeros(1000), other=X)
    size = 1000 * 51 * 8 + 2 * 128
    for read in (iter_npz_of(path), lambda memory: read_table(path, memory=memory)):
        read(size)
        tracemalloc.start()
        try:
            with pytest.raises(DataFileError, match="has more than 408,255 bytes") as e:
                read(size - 1)
            assert tracemalloc.get_traced_memory()[1] < 200_000
        finally:
            tracemalloc.stop()
        assert "sklearn-sagemaker convert IN OUT.pbr" in str(e.value)
        assert "mmap_mode='r'" in str(e.value)
    # By default it is what the machine has.
    monkeypatch.setattr(opening, "machine_memory", lambda: size)
    assert len(at_once(path).y) == 1000
    monkeypatch.setattr(opening, "machine_memory", lambda: size - 1)
    with pytest.raises(DataFileError, match="has more than 408,255 bytes"):
        at_once(path)


def iter_npz_of(path):
    return lambda memory: list(iter_npz(path, 10, memory=memory))


# --------------------------------------------------------------------- writing
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_memory_of_the_writer_is_flat(tmp_path, compress, kind):
    matrix = np.zeros((1000, 60), dtype=np.float32)
    matrix[:, ::3] = 1
    rows = Rows(KINDS[kind](matrix), np.zeros(1000))
    tracemalloc.start()
    try:
        with NpzWriter(tmp_path / "b.npz", compress=compress) as writer:
            for _ in range(400):
                writer.write(rows)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    found = at_once(tmp_path / "b.npz").X
    np.testing.assert_array_equal(dense(found)[-1000:], matrix)
    assert found.shape == (400_000, 60)
    # What NumPy writes at once.
    assert peak < 20_000_000


@pytest.mark.parametrize("step", [1, 3, 40])
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("kind", KINDS)
def test_numpy_reads_what_is_written(tmp_path, step, compress, dtype, kind):
    path = tmp_path / "a.npz"
    matrix = KINDS[kind](X.astype(dtype))
    weights = np.arange(40.0)
    with NpzWriter(path, compress=compress) as writer:
        for start in range(0, 40, step):
            part = slice(start, start + step)
            writer.write(Rows(matrix[part], Y[part], weights[part]))
    with np.load(path) as arrays:
        np.testing.assert_array_equal(arrays["y"], Y)
        np.testing.assert_array_equal(arrays["sample_weight"], weights)
        if kind == "dense":
            np.testing.assert_array_equal(arrays["X"], matrix)
            assert arrays["X"].dtype == dtype
    if kind == "CSR":
        found = sparse.load_npz(path)
        assert found.dtype == dtype
        assert found.indices.dtype == found.indptr.dtype == np.int32
        np.testing.assert_array_equal(found.toarray(), X.astype(dtype))
    rows = stack_rows(list(iter_npz(path, 11)))
    np.testing.assert_array_equal(dense(rows.X), X.astype(dtype))
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("compress", [False, True])
def test_rows_of_nothing_but_zeros(tmp_path, compress):
    path = tmp_path / "a.npz"
    with NpzWriter(path, compress=compress) as writer:
        for _ in range(3):
            writer.write(Rows(sparse.csr_matrix((2, 4)), np.zeros(2)))
    rows = stack_rows(list(iter_npz(path, 4)))
    assert rows.X.nnz == 0
    assert rows.X.shape == (6, 4)


def test_wider_types_later(tmp_path):
    path = tmp_path / "a.npz"
    with NpzWriter(path) as writer:
        writer.write(Rows(np.ones((2, 2), np.uint8), np.array(["a", "b"])))
        writer.write(Rows(np.full((1, 2), 0.5), np.array(["longer"])))
    with np.load(path) as arrays:
        assert arrays["X"].tolist() == [[1, 1], [1, 1], [0.5, 0.5]]
        assert arrays["y"].tolist() == ["a", "b", "longer"]


def test_labels_of_two_kinds(tmp_path):
    with NpzWriter(tmp_path / "a.npz") as writer:
        writer.write(Rows(X, Y))
        with pytest.raises(ValueError, match="some labels are text and some are num"):
            writer.write(Rows(X, Y.astype(str)))
    assert at_once(tmp_path / "a.npz").X.shape == X.shape


def test_an_interrupt_leaves_what_was_there(tmp_path):
    def interrupt():
        with NpzWriter(path) as writer:
            writer.write(Rows(X, Y))
            raise KeyboardInterrupt

    path = tmp_path / "a.npz"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.npz"]


def test_no_rows(tmp_path):
    with pytest.raises(ValueError, match="no rows"), NpzWriter(tmp_path / "a.npz"):
        pass
    assert not list(tmp_path.iterdir())


def test_same_rows_make_the_same_file(tmp_path):
    for name in ("a.npz", "b.npz"):
        with NpzWriter(tmp_path / name, compress=True) as writer:
            writer.write(Rows(X, Y))
    one, two = ((tmp_path / name).read_bytes() for name in ("a.npz", "b.npz"))
    assert one == two
    assert zipfile.ZipFile(io.BytesIO(one)).testzip() is None
