"""Bytes that ask for more time or memory than their number justifies."""

import gzip
import io
import signal
import struct
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError, RecordIOError
from sklearn_sagemaker.io import (
    FileDataset,
    inspect_csv,
    opening,
    read_recordio,
    read_table,
    write_recordio,
)
from sklearn_sagemaker.io.formats import FORMATS
from sklearn_sagemaker.io.recordio import _codec, frames
from sklearn_sagemaker.io.rows import Rows
from sklearn_sagemaker.io.text import (
    blocks,
    csv_files,
    csv_layout,
    csv_payloads,
)
from sklearn_sagemaker.io.text.csv_payloads import decode_csv, encode_csv
from sklearn_sagemaker.io.text.json_parsing import json_lines
from sklearn_sagemaker.io.text.json_rows import decode_json, decode_jsonlines

MANY = 10**6


@pytest.fixture
def soon():
    """A minute for what takes a second, and took many minutes."""

    def stop(*_):
        raise AssertionError("it takes too long")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def counted(monkeypatch, module, name):
    """Calls of a function, as a list that grows."""
    calls, function = [], getattr(module, name)

    def call(*arguments, **options):
        calls.append(arguments)
        return function(*arguments, **options)

    monkeypatch.setattr(module, name, call)
    return calls


# ------------------------------------------------------------------------ RecordIO
def header(flag, size):
    return struct.pack("<II", frames.MAGIC, flag << 29 | size)


def odd_records(n):
    """Records that only protobuf reads, as they have an unknown field."""
    data = write_recordio(None, [[1.5, 2.0]], [1.0])
    size = struct.unpack("<I", data[4:8])[0]
    payload = data[8 : 8 + size] + b"\x2a\x01a"
    return frames.frame(payload) * n


@pytest.mark.parametrize("source", [bytes, io.BytesIO])
def test_room_for_odd_records_is_made_for_many_at_once(monkeypatch, source):
    calls = counted(monkeypatch, _codec, "_larger")
    X, y = read_recordio(source(odd_records(2000)))
    np.testing.assert_array_equal(X, np.tile([1.5, 2.0], (2000, 1)))
    np.testing.assert_array_equal(y, np.ones(2000))
    # Once for each array, or each time twice as much.
    assert len(calls) < 30
    batches = list(FORMATS["recordio"].iter_rows(source(odd_records(25)), 10))
    assert [len(rows) for rows in batches] == [10, 10, 5]


def test_a_record_of_very_many_parts():
    data = write_recordio(None, [[1.5]], [1.0])
    size = struct.unpack("<I", data[4:8])[0]
    # A field that nobody knows holds what stands between the parts: magic numbers.
    between = 1001
    field = b"\x7a" + bytes([4 * between % 128 + 128, 4 * between // 128])
    first = data[8 : 8 + size] + field
    first = header(1, len(first)) + first + bytes(-len(first) % 4)
    middle, last = header(2, 0), header(3, 0)
    many = first + middle * (between - 1) + last
    np.testing.assert_array_equal(read_recordio(many)[0], [[1.5]])
    with pytest.raises(RecordIOError, match="record 0 .*more than 65536 parts"):
        read_recordio(first + middle * frames.MOST_PARTS + last)


# ------------------------------------------------------------------- bodies of requests
def test_a_body_of_commas(monkeypatch):
    parse = counted(monkeypatch, csv_payloads, "parse_number")
    with pytest.raises(DataFileError, match="row 2, column 0: the cell is empty"):
        decode_csv(b"1,2\n" + b"," * MANY)
    assert len(parse) < 10
    load = counted(monkeypatch, np, "loadtxt")
    for body in (b"," * (2 * MANY), b"1," * (2 * MANY), b"1\n" + b"," * (2 * MANY)):
        with pytest.raises(DataFileError, match="row [12] has more than 1,048,576 col"):
            decode_csv(body)
    # The block before that of the long line.
    assert len(load) == 1


def test_a_bad_cell_is_found_without_reading_all_again(monkeypatch):
    parse = counted(monkeypatch, csv_payloads, "parse_number")
    row = MANY // 2 + 1
    with pytest.raises(DataFileError, match=f"row {row}, column 0: 'x' is not"):
        decode_csv(b"1,2\n" * (row - 1) + b"x,2\n")
    assert len(parse) < 0.6 * MANY
    with pytest.raises(DataFileError, match=f"row {row} has 1 fields, but the first"):
        decode_csv(b"1,2\n" * (row - 1) + b"2\n")
    with pytest.raises(DataFileError, match=rf"row {row}: is not UTF-8 .*0xff"):
        decode_csv(b"1,2\n" * (row - 1) + b"2,\xff\n")


def test_blank_lines_of_csv(monkeypatch):
    load = counted(monkeypatch, np, "loadtxt")
    body = b"1,2\n" + b"\n" * (4 * MANY) + b"3,4\n"
    np.testing.assert_array_equal(decode_csv(body).X, [[1, 2], [3, 4]])
    # One for each end; blocks between them are passed over.
    assert len(load) == 2
    with pytest.raises(DataFileError, match=f"row {4 * MANY + 2}, column 0: 'x'"):
        decode_csv(body[:-4] + b"x,4\n")


def test_an_endless_line(monkeypatch):
    monkeypatch.setattr(blocks, "LONGEST_LINE", 1 << 20)
    for body in (b"1" * (3 << 20), b'"' + b"1\n" * (3 << 19)):
        with pytest.raises(DataFileError, match="row 1 has more than 64 MiB"):
            decode_csv(body)


def test_blank_lines_of_json():
    class Source(io.BytesIO):
        def readline(self, *_):
            raise AssertionError("line by line")

    text = b" \n" * MANY + b'  {"features": [1]}\r\n\n' + b"\n" * MANY + b"\t7\n" + b"x"
    found = json_lines(Source(text), "line {}".format)
    assert next(found) == (MANY + 1, {"features": [1]})
    assert next(found) == (2 * MANY + 3, 7)
    with pytest.raises(DataFileError, match=f"line {2 * MANY + 4}: is not valid JSON"):
        next(found)
    blank = b"\n" * MANY
    assert len(decode_jsonlines(blank + b'{"features": [1]}' + blank)) == 1
    inside = b'{"instances": [{%s"features": [1]}]}' % (b" " * 4 * MANY)
    assert len(decode_json(blank + inside + blank)) == 1


def test_sparse_rows_as_a_body_of_csv():
    wide = sparse.csr_matrix(([1.0], ([0], [5])), shape=(1, 2**31 - 1))
    with pytest.raises(ValueError, match="the rows are sparse with 2,147,483,647 col"):
        encode_csv(Rows(wide))


# --------------------------------------------------------------------------- text files
@pytest.mark.parametrize("line", [b"\n", b'""\n', b'"",""\n'])
def test_line_breaks_in_quotes_are_not_gone_through(line):
    text = (b'1,2\n1,"2\n' + line * (MANY // len(line))).decode()
    lines = 0
    blocks.end_of_lines('"\n', True)  # what the first call imports does not count

    def step(frame, event, _):
        nonlocal lines
        lines += event == "line"
        return step

    sys.settrace(step)
    try:
        end = blocks.end_of_lines(text, True)
    finally:
        sys.settrace(None)
    assert end == 4
    assert lines < 100


def test_a_header_of_many_names(tmp_path, soon, monkeypatch):
    names = [f"name{i}" for i in range(300_000)]
    path = tmp_path / "a.csv"
    path.write_text(",".join(names) + "\n" + ",".join(["1"] * len(names)) + "\n")
    layout = inspect_csv(path)
    assert layout.names == names
    near = counted(monkeypatch, csv_layout.difflib, "get_close_matches")
    with pytest.raises(DataFileError, match="no column 'nmae7'.*mean 'name7'"):
        layout.position("nmae7")
    assert len(near[0][1]) <= 1000
    path.write_text(",".join([*names, "name5"]) + "\n" + "1," * len(names) + "1\n")
    with pytest.raises(DataFileError, match="has 'name5' twice"):
        inspect_csv(path)


def test_many_columns_are_matched_to_those_of_a_model(tmp_path, soon):
    from sklearn_sagemaker.cli.expected import Expected
    from sklearn_sagemaker.cli.matching import _feature_places

    names = [f"name{i}" for i in range(200_000)]
    layout = csv_layout.CsvLayout("a.csv", names[::-1], len(names), True)
    expected = Expected(names[:-1], len(names) - 1, "y", "int", None)
    found = _feature_places(layout, expected, None)
    assert found == list(range(len(names) - 1, 0, -1))


@pytest.mark.parametrize("read", [inspect_csv, lambda path: read_table(path, label=0)])
def test_a_csv_file_of_commas_or_of_nothing(tmp_path, read, soon):
    path = tmp_path / "a.csv"
    for text, message in (
        ("," * (2 * MANY), "row 1 has more than 1,048,576 columns"),
        ("\n" * MANY + "1,2\n3,4\n", "of the first [0-9,]+ rows are blank"),
        ("\n" * MANY, "rows are blank; take blank lines out"),
    ):
        path.write_text(text)
        with pytest.raises(DataFileError, match=message):
            read(path)
    # A blank line behind each row is not much.
    path.write_text("1,2\n\n" * 100_000)
    read(path)


def test_a_stream_of_csv_passes_over_blank_blocks(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("1,2\n3,4\n" + "\n" * (4 * MANY) + "5,6\n")
    slow = counted(monkeypatch, csv_files, "check_rows")
    (rows,) = FORMATS["csv"].iter_rows(path, 10)
    assert rows.y.tolist() == [1, 3, 5]
    assert not slow


def test_a_stream_of_libsvm_passes_over_blank_blocks(tmp_path, monkeypatch):
    from sklearn_sagemaker.io.text import svm_stream

    path = tmp_path / "a.svm"
    path.write_text("1 1:1\n" + "\n" * (4 * MANY) + "0 2:1\n")
    load = counted(monkeypatch, svm_stream, "load_svm")
    (rows,) = FORMATS["svm"].iter_rows(path, 10)
    assert rows.y.tolist() == [1, 0]
    assert len(load) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "ending",
    [
        one.endings[0]
        for one in FORMATS.values()
        if f"{one.endings[0]}.gz" in one.endings
    ],
)
def test_gzip_files_that_unpack_to_very_much(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(opening, "MOST_UNPACKED", 1 << 20)
    format = next(one for one in FORMATS.values() if ending in one.endings)
    plain, path = tmp_path / f"a{ending}", tmp_path / f"a{ending}.gz"
    with format.open_writer(plain) as writer:
        for _ in range(60):
            writer.write(Rows(np.ones((1000, 8)), np.ones(1000)))
    path.write_bytes(gzip.compress(plain.read_bytes()))
    assert path.stat().st_size * opening.USUAL_RATIO < plain.stat().st_size
    label = 0 if ending == ".csv" else None
    assert read_table(plain, label=label).X.shape == (60_000, 8)
    for read in (
        lambda: read_table(path, label=label),
        lambda: list(format.iter_rows(path, 100)),
        lambda: FileDataset(path).contents,
    ):
        with pytest.raises(DataFileError, match="unpacks to more than 1 MiB"):
            read()
    # Not every byte of it was unpacked first.
    monkeypatch.setattr(opening, "MOST_UNPACKED", 1 << 30)
    assert len(read_table(path, label=label).y) == 60_000


# ----------------------------------------------------------------------------- archives
def archive(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)


@pytest.mark.parametrize("read", [read_table, lambda p: FORMATS["npz"].iter_rows(p, 9)])
def test_a_header_longer_than_any(tmp_path, read):
    size = 64 << 20
    X = b"\x93NUMPY\x02\x00" + struct.pack("<I", size) + b" " * size
    path = tmp_path / "a.npz"
    archive(path, X=X, y=X)
    del X
    tracemalloc.start()
    try:
        with pytest.raises(DataFileError, match="is damaged"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_an_archive_that_unpacks_to_very_much(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "MOST_UNPACKED", 1 << 20)
    path = tmp_path / "a.npz"
    X, y = np.zeros((1000, 130)), np.zeros(1000)
    # Together, as one may be the bytes of another.
    np.savez_compressed(path, X=X, y=y)
    assert read_table(path, with_label=False).X.shape == X.shape
    np.savez_compressed(path, X=X, y=np.zeros(1400))
    with pytest.raises(DataFileError, match="unpacks to more than 1 MiB"):
        read_table(path)
    np.savez_compressed(path, X=X, y=y)
    assert read_table(path).X.shape == X.shape
    np.savez(path, X=np.zeros((1000, 1000)), y=y)
    assert read_table(path).X.shape == (1000, 1000)


# ------------------------------------------------------------------------------- widths
def wide(path, width):
    """A file of two rows whose last feature is at the end of the width."""
    X = sparse.csr_matrix(([1.0, 1.0], ([0, 1], [0, width - 1])), shape=(2, width))
    format = next(f for f in FORMATS.values() if path.name.endswith(f.endings))
    with format.open_writer(path) as writer:
        writer.write(Rows(X, np.array([0, 1])))
    return format


@pytest.mark.parametrize("ending", [".svm", ".pbr", ".npz", ".json", ".jsonl"])
def test_features_that_a_small_file_cannot_have(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    wide(path, 2**31 - 2)
    reads = [read_table, lambda path: FileDataset(path).contents]
    for read in reads:
        with pytest.raises(DataFileError, match="has 2,147,483,646 features in"):
            read(path)
    n_features = 2**31 - 2
    options = {"zero_based": False} if ending == ".svm" else {}
    data = FileDataset(path, n_features=n_features, **options)
    assert data.shape == (2, n_features)
    if ending == ".svm":
        assert read_table(path, n_features=n_features).X.shape == (2, n_features)
    # As scikit-learn hashes text, and more.
    wide(path, 1 << 24)
    assert read_table(path).X.shape == (2, 1 << 24)
    assert FileDataset(path).shape == (2, 1 << 24)


def test_a_larger_file_may_have_more_features(tmp_path):
    path = tmp_path / "a.svm"
    path.write_text("1 1:1 20000000:1\n" * 20_000)
    assert read_table(path).X.shape == (20_000, 20_000_000)
    assert FileDataset(path).shape == (20_000, 20_000_000)
