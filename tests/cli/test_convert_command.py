"""convert: all pairs of formats, shards, options, refusals, no half-written file."""

import io
import itertools
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.cli import progress
from sklearn_sagemaker.cli.text import size
from sklearn_sagemaker.io.formats import FORMATS, format_of_file
from sklearn_sagemaker.io.npz.writer import NpzWriter
from sklearn_sagemaker.io.rows import Rows, stack_rows

RNG = np.random.default_rng(0)
X = (RNG.normal(size=(23, 4)) * (RNG.random((23, 4)) < 0.7)).astype(np.float32)
X[:2] = 1
Y = RNG.integers(0, 2, 23)
ENDINGS = [
    *(format.endings[0].removeprefix(".") for format in FORMATS.values()),
    "csv.gz", "pbr.gz", "svm.gz",
]  # fmt: skip


@pytest.fixture
def data(tmp_path):
    """A maker of files of any format, to begin from."""

    def make(name="in.npz", X=X, y=Y, weights=None):
        path = tmp_path / name
        with NpzWriter(path) as writer:
            writer.write(Rows(X, y, weights))
        return path

    return make


def read(path, **options):
    path = str(path)
    rows = stack_rows(list(format_of_file(path).iter_rows(path, 1000, **options)))
    X = rows.X.toarray() if sparse.issparse(rows.X) else rows.X
    return X, rows.y, rows.sample_weight


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("first", ENDINGS)
@pytest.mark.parametrize("second", ENDINGS)
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
def test_all_pairs(cli, tmp_path, data, first, second, kind):
    start = data(X=kind(X))
    one, two = tmp_path / f"one.{first}", tmp_path / f"two.{second}"
    for pair in [(start, one), (one, two)]:
        result = cli("convert", *pair, "--batch-size", 5)
        assert result.code == 0, result.err
        # Not on a terminal: no progress.
        assert result.err == ""
    found, y, _ = read(two)
    np.testing.assert_array_equal(found.astype(np.float32), X)
    np.testing.assert_array_equal(y, Y)
    assert names(tmp_path) == sorted({start.name, one.name, two.name})


@pytest.mark.parametrize("target", ["out.pbr", "out.npz", "out.csv"])
def test_batch_size_does_not_show(cli, tmp_path, data, target):
    start, contents = data(), []
    for batch_size in (1, 3, 1000):
        out = tmp_path / target
        assert cli("convert", start, out, "--batch-size", batch_size).code == 0
        contents.append(out.read_bytes())
    assert contents[0] == contents[1] == contents[2]


def test_what_it_says(cli, tmp_path, data):
    out = tmp_path / "out.csv"
    result = cli("convert", data(), out)
    assert result.out == (
        f"written to {out}: 23 rows, 4 features, dense float32, labels, "
        f"{size(os.path.getsize(out))}\n"
    )
    result = cli("convert", data(X=sparse.csr_matrix(X), y=None), out, "--no-label")
    assert "sparse float32, no labels, " in result.out
    result = cli(
        "convert", data(X=X[:1], weights=np.ones(23)[:1], y=Y[:1]), tmp_path / "o.npz"
    )
    assert "1 row, 4 features, dense float32, labels, weights, " in result.out


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1 byte"), (999, "999 bytes"), (1200, "1.2 kB"), (123456789, "123 MB")],
)
def test_size(value, text):
    assert size(value) == text


# --------------------------------------------------------------------- options
def test_columns_by_name(cli, tmp_path):
    path, out = tmp_path / "in.csv", tmp_path / "out.jsonl"
    path.write_text("a,target,b\n1,yes,2\n3,no,4\n")
    arguments = ["convert", path, out, "--label", "target"]
    assert cli(*arguments).code == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert lines == [
        {"features": [1, 2], "label": "yes"},
        {"features": [3, 4], "label": "no"},
    ]
    npz = tmp_path / "out.npz"
    assert cli("convert", path, npz, *arguments[3:]).code == 0
    assert np.load(npz)["y"].tolist() == ["yes", "no"]
    path.write_text("1,2\n3,4\n")
    assert cli("convert", path, npz, "--labels", "text").code == 0
    assert np.load(npz)["y"].tolist() == ["1", "3"]


def test_columns_by_number(cli, tmp_path):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text("1,2,3\n4,5,6\n")
    assert cli("convert", path, out, "--label", 2).code == 0
    assert out.read_text() == "3,1,2\n6,4,5\n"
    assert cli("convert", path, out, "--no-label").code == 0
    assert out.read_text() == "1,2,3\n4,5,6\n"


def test_labels_are_left_out(cli, tmp_path, data):
    labelled, out = tmp_path / "a.jsonl", tmp_path / "out.pbr"
    assert cli("convert", data(), labelled).code == 0
    assert cli("convert", labelled, out, "--no-label").code == 0
    assert read(out)[1] is None


@pytest.mark.parametrize("ending", ["npz", "pbr", "jsonl", "json"])
def test_weights(cli, refused, tmp_path, data, ending):
    weights = np.arange(23.0)
    start, out = data(weights=weights), tmp_path / f"out.{ending}"
    assert cli("convert", start, out).code == 0
    np.testing.assert_array_equal(read(out)[2], weights)
    for other in ("csv", "svm"):
        target = tmp_path / f"out.{other}"
        assert "--drop-weights" in refused("convert", out, target)
        assert not target.exists()
        assert cli("convert", out, target, "--drop-weights").code == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ending", ["npz", "pbr"])
def test_dtype(cli, tmp_path, data, dtype, ending):
    out = tmp_path / f"out.{ending}"
    result = cli("convert", data(X=X.astype(np.float64)), out, "--dtype", dtype)
    assert f"dense {dtype}" in result.out
    assert read(out)[0].dtype == dtype


def test_recordio_is_float32_unless_told(cli, tmp_path, data):
    out = tmp_path / "out.pbr"
    assert cli("convert", data(X=(X * 9).astype(np.uint8)), out).code == 0
    assert read(out)[0].dtype == np.float32


def test_width_of_libsvm(cli, tmp_path):
    path, out = tmp_path / "in.svm", tmp_path / "out.npz"
    path.write_text("1 1:5\n")
    assert cli("convert", path, out, "--n-features", 3).code == 0
    assert read(out)[0].tolist() == [[5, 0, 0]]
    assert cli("convert", path, out, "--zero-based", "yes").code == 0
    assert read(out)[0].tolist() == [[0, 5]]


def test_formats_by_name(cli, tmp_path, data):
    start = data().rename(tmp_path / "in.data")
    out = tmp_path / "out.data"
    assert cli("convert", start, out, "--from", "npz", "--to", "csv").code == 0
    assert len(out.read_text().splitlines()) == 23


# ---------------------------------------------------------------------- shards
@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
@pytest.mark.parametrize("ending", ["pbr", "csv.gz", "svm", "npz", "jsonl"])
def test_shards_there_and_back(cli, tmp_path, data, ending, batch_size):
    start = data()
    result = cli(
        "convert", start, tmp_path / f"s.{ending}", "--shards", 3,
        "--batch-size", batch_size,
    )  # fmt: skip
    assert result.code == 0, result.err
    assert f"s_0.{ending} ... s_2.{ending} (3 files): 23 rows" in result.out
    for k in range(3):
        found, y, _ = read(tmp_path / f"s_{k}.{ending}")
        np.testing.assert_array_equal(found.astype(np.float32), X[k::3])
        np.testing.assert_array_equal(y, Y[k::3])
    back = tmp_path / "back.csv"
    assert cli("convert", tmp_path / f"s_*.{ending}", back).code == 0
    found, y, _ = read(back)
    order = np.concatenate([np.arange(23)[k::3] for k in range(3)])
    np.testing.assert_array_equal(found.astype(np.float32), X[order])


def test_libsvm_shards_are_one_matrix(cli, tmp_path):
    (tmp_path / "a.svm").write_text("1 0:1\n")
    (tmp_path / "b.svm").write_text("1 3:1\n")
    out = tmp_path / "out.npz"
    assert cli("convert", tmp_path / "?.svm", out).code == 0
    assert read(out)[0].tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]


def test_too_many_shards(refused, tmp_path, data):
    start = data()
    error = refused("convert", start, tmp_path / "out.pbr", "--shards", 24)
    assert "--shards 24 needs as many rows, and there are 23" in error
    assert names(tmp_path) == [start.name]


def test_instances_may_change_their_form(cli, tmp_path):
    dense = '{"features": [1, 2]}\n'
    thin = '{"data": {"features": {"keys": [1], "shape": [2], "values": [3]}}}\n'
    path, out = tmp_path / "in.jsonl", tmp_path / "out.npz"
    for text, expected in [
        (dense + thin, [[1, 2], [0, 3]]),
        (thin + dense, [[0, 3], [1, 2]]),
    ]:
        path.write_text(text)
        result = cli("convert", path, out, "--batch-size", 1)
        assert result.code == 0, result.err
        found = stack_rows(list(FORMATS["npz"].iter_rows(str(out), 9, label=None))).X
        found = found.toarray() if sparse.issparse(found) else found
        assert found.tolist() == expected


# -------------------------------------------------------------------- refusals
def test_refusals(refused, tmp_path, data):
    start, out = data(), tmp_path / "out.pbr"
    header = tmp_path / "header.csv"
    header.write_text("a,target\n1,2\n")
    text = tmp_path / "text.csv"
    text.write_text("yes,2\nno,3\n")
    mixed = tmp_path / "mixed.csv"
    mixed.write_text("1,2\nno,3\n")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "wide.npz").write_bytes(b"")
    with NpzWriter(tmp_path / "wide.npz") as writer:
        writer.write(Rows(np.ones((3, 9)), np.ones(3)))
    (tmp_path / "folder.pbr").mkdir()
    before = names(tmp_path)
    for arguments, message in [
        ([start, start], "is the file that is read"),
        ([tmp_path / "*.npz", start], "is the file that is read"),
        ([start, tmp_path / "out.foo"], "must end in one of"),
        ([tmp_path / "none.csv", out], "no such file"),
        ([tmp_path / "none*.csv", out], "no file matches this pattern"),
        ([start, tmp_path / "nowhere" / "out.pbr"], "does not exist; make it first"),
        ([start, tmp_path / "folder.pbr"], "is a folder"),
        ([start, out, "--header", "yes"], "--header is not for NumPy .npz"),
        ([header, out, "--n-features", 3], "--n-features is not for CSV"),
        ([start, out, "--zero-based", "yes"], "--zero-based is not for"),
        ([header, out, "--label", "a", "--no-label"], "contradict each other"),
        ([header, out], "say --label NAME or --no-label (the columns are 'a', 'targe"),
        ([header, out, "--label", "z"], "no column 'z'"),
        ([text, out], "labels are text such as 'yes', and RecordIO-protobuf holds nu"),
        ([text, tmp_path / "o.svm"], "libsvm holds numbers only; number the classes"),
        ([text, tmp_path / "o.npz", "--labels", "number"], "number classes from 0"),
        ([mixed, tmp_path / "o.npz"], "row 2, label column 0: 'no' is not a number"),
        ([start, tmp_path / "o.svm", "--no-label"], "starts with one"),
        ([tmp_path / "*[er].csv", out, "--label", "a"], "has other column names than"),
        ([tmp_path / "*.npz", out], "rows of 9 features, and the rows before have 4"),
        ([start, out, "--label", "z"], "no array 'z'"),
        ([start, out, "--from", "csv"], "is not UTF-8 text"),
        ([start, out, "--from", "recordio"], "in.npz"),
        ([start, out, "--batch-size", 0], "'0' is not a whole number of 1 or more"),
        ([start, out, "--shards", "x"], "'x' is not a whole number"),
    ]:
        error = refused("convert", *arguments)
        assert message in error, error
        assert names(tmp_path) == before


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("shards", [1, 2])
def test_a_fault_in_mid_file_leaves_what_was_there(refused, tmp_path, ending, shards):
    path = tmp_path / "in.csv"
    path.write_text("1,2\n" * 50 + "1,x\n")
    out = tmp_path / f"out.{ending}"
    out.write_text("before")
    error = refused("convert", path, out, "--batch-size", 2, "--shards", shards)
    assert "row 51" in error
    assert out.read_text() == "before"
    assert names(tmp_path) == sorted([path.name, out.name])


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_interrupt_leaves_what_was_there(cli, tmp_path, data, monkeypatch, ending):
    def interrupt(self, rows, n_bytes):
        raise KeyboardInterrupt

    monkeypatch.setattr(progress.Progress, "add", interrupt)
    start, out = data(), tmp_path / f"out.{ending}"
    out.write_text("before")
    result = cli("convert", start, out, "--batch-size", 5)
    assert (result.code, result.out, result.err) == (130, "", "interrupted\n")
    assert out.read_text() == "before"
    assert names(tmp_path) == sorted([start.name, out.name])


# -------------------------------------------------------------------- progress
class Terminal(io.StringIO):
    """Shows what a line of a terminal shows."""

    def isatty(self):
        return True

    def lines(self):
        shown = []
        for text in self.getvalue().split("\r")[1:]:
            line = shown[-1] if shown else ""
            shown.append((text + line[len(text) :]).rstrip())
        return shown


def test_progress_on_a_terminal(monkeypatch):
    now = itertools.count(step=0.25)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    terminal = Terminal()
    with progress.Progress(terminal) as line:
        for _ in range(20):
            line.add(1000, 2_000_000)
    lines = terminal.lines()
    assert lines[0] == "1,000 rows, 8 MB/s"
    assert lines[-3:] == ["20,000 rows, 8 MB/s", "", ""]
    assert "\n" not in terminal.getvalue()


def test_no_progress_elsewhere():
    stream = io.StringIO()
    with progress.Progress(stream) as line:
        for _ in range(3):
            line.add(1000, 10)
    assert stream.getvalue() == ""


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("name", ["out.pbr", "out.npz"])
def test_numbers_beyond_the_range_of_the_dtype(cli, tmp_path, data, kind, name):
    start = data(X=kind([[1.0, 0.0], [2.0, -1e300]]), y=Y[:2])
    result = cli("convert", start, tmp_path / name, "--dtype", "float32")
    assert result.code == 2
    assert "-1e+300, which is beyond the range of float32" in result.err
    assert len(result.err.splitlines()) == 1
    assert names(tmp_path) == [start.name]


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="as Unix has it")
@pytest.mark.parametrize(
    ("kind", "target", "pipe"),
    [
        ("csv", "-", True),
        ("csv", "/dev/stdout", False),
        ("npz", "-", True),
        ("parquet", "-", True),
        ("recordio", "-", False),
    ],
)
def test_standard_output(tmp_path, data, target, kind, pipe):
    """It holds the rows and nothing else."""
    source, out = data(), tmp_path / f"out{FORMATS[kind].endings[0]}"
    command = [sys.executable, "-m", "sklearn_sagemaker", "convert", source, target]
    with out.open("wb") as handle:
        done = subprocess.run(
            [*command, "--to", kind],
            stdout=subprocess.PIPE if pipe else handle,
            stderr=subprocess.PIPE,
            check=True,
        )
    if pipe:
        out.write_bytes(done.stdout)
    assert done.stderr.startswith(b"written to /dev/stdout: ")
    found, labels, _ = read(out)
    assert found.astype(X.dtype).tolist() == X.tolist()
    assert list(map(float, labels)) == Y.tolist()


def test_standard_output_needs_a_format(refused, data):
    assert "say --to" in refused("convert", data(), "-")
    message = refused("convert", data(), "-", "--to", "csv", "--shards", 2)
    assert "leave --shards out" in message
