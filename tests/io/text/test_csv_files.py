"""CSV in batches: as the whole-file reader has it, with flat memory, and written."""

import gzip
import sys
import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError, OptionalDependencyError
from sklearn_sagemaker.io import FORMATS, inspect_csv, read_csv, read_table
from sklearn_sagemaker.io.rows import Rows, stack_rows
from sklearn_sagemaker.io.text import csv_text
from sklearn_sagemaker.io.text.csv_files import iter_csv
from sklearn_sagemaker.io.text.csv_writer import CsvWriter

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = RNG.integers(0, 3, 40)


def written(path, X=X, y=Y, step=7, **options):
    with CsvWriter(path, **options) as writer:
        for start in range(0, X.shape[0], step):
            part = slice(start, start + step)
            writer.write(Rows(X[part], None if y is None else y[part]))
    return path


def save(tmp_path, text, name="a.csv"):
    path = tmp_path / name
    data = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    return path


@pytest.mark.parametrize("batch_size", [1, 3, 40, 1000])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("block", [1, 50, 1 << 20])
def test_equal_to_the_whole_file(tmp_path, monkeypatch, batch_size, name, block):
    path = written(tmp_path / name)
    monkeypatch.setattr(csv_text, "BLOCK", block)
    found = list(iter_csv(path, batch_size))
    assert [len(rows) for rows in found[:-1]] == [batch_size] * (len(found) - 1)
    whole = read_csv(inspect_csv(str(path)), label=0)
    rows = stack_rows(found)
    np.testing.assert_array_equal(rows.X, whole.X)
    np.testing.assert_array_equal(rows.y, whole.y)
    np.testing.assert_array_equal(rows.X, X)
    assert rows.y.dtype == rows.X.dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.int32])
def test_numbers_are_read_as_they_were(tmp_path, dtype):
    values = np.array([[0, 1, 2], [250, 3, 17]]).astype(dtype)
    if dtype in (np.float32, np.float64):
        info = np.finfo(dtype)
        values[1] = [info.max, info.smallest_subnormal, -1 / dtype(3)]
        values[0, 0] = -0.0
    path = written(tmp_path / "a.csv", values, np.array([0.1, -2.0]))
    rows = stack_rows(list(iter_csv(path, 10)))
    np.testing.assert_array_equal(rows.X.astype(dtype), values)
    assert rows.y.tolist() == [0.1, -2.0]


def test_bytes_are_sagemakers_layout(tmp_path):
    values = np.array([[0.1, 2, 1e20], [1.05, -3, 10]], dtype=np.float32)
    path = written(tmp_path / "a.csv", values, np.array([1.0, 0.0]))
    assert path.read_bytes() == b"1,0.1,2,1e+20\n0,1.05,-3,10\n"
    written(path, values, None, header=["a", "b,c", "d"])
    assert path.read_bytes() == b'a,"b,c",d\n0.1,2,1e+20\n1.05,-3,10\n'


def test_sparse_rows_are_written_dense(tmp_path):
    matrix = sparse.csr_matrix(X * (X > 0))
    path = written(tmp_path / "a.csv", matrix)
    np.testing.assert_array_equal(
        stack_rows(list(iter_csv(path, 10))).X, matrix.toarray()
    )
    wide = sparse.csr_matrix((1, 100_001))
    with (
        pytest.raises(ValueError, match="100,001 columns, .*write RecordIO, libsvm"),
        CsvWriter(path) as writer,
    ):
        writer.write(Rows(wide))


def test_labels_elsewhere(tmp_path):
    path = save(tmp_path, "a,b,c\n1,2,x\n3,4,y\n")
    rows = next(iter_csv(path, 5, label="c", labels="text"))
    assert rows.X.tolist() == [[1, 2], [3, 4]]
    assert rows.y.tolist() == ["x", "y"]
    rows = next(iter_csv(path, 5, label=-1, labels="text"))
    assert rows.y.tolist() == ["x", "y"]
    path = save(tmp_path, "1,2,3\n4,5,6\n")
    for label in (1, "1", -2):
        rows = next(iter_csv(path, 5, label=label))
        assert (rows.X.tolist(), rows.y.tolist()) == ([[1, 3], [4, 6]], [2, 5])
    rows = next(iter_csv(path, 5, label=None))
    assert rows.X.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert rows.y is None


TEXTS = ["plain", "a,b", 'say "no"', "two\nlines", "1.0", "v1.0", "äö"]


@pytest.mark.parametrize("block", [1, 20, 1 << 20])
def test_text_labels(tmp_path, monkeypatch, block):
    values = np.array([[1.0, 2.5]] * len(TEXTS))
    path = written(tmp_path / "a.csv", values, np.array(TEXTS))
    monkeypatch.setattr(csv_text, "BLOCK", block)
    rows = stack_rows(list(iter_csv(path, 3, header="no", labels="text")))
    assert rows.y.tolist() == TEXTS
    np.testing.assert_array_equal(rows.X, values)


def test_blank_lines_and_quotes(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_text, "BLOCK", 4)
    path = save(tmp_path, '\n\nl,a\n\n1,"2"\r\n\n "3", 4\n\n\n')
    rows = stack_rows(list(iter_csv(path, 1, label="l")))
    assert (rows.X.tolist(), rows.y.tolist()) == ([[2], [4]], [1, 3])


FAULTS = {
    "text": ("x,4", "row 31, column 0: 'x' is not a number"),
    "empty": ("3,", "row 31, label column 1: the cell is empty"),
    "nan": ("nan,4", "row 31, column 0: 'nan' is missing data"),
    "inf": ("inf,4", "row 31, column 0: 'inf' is not finite"),
    "label": ("3,yes", "row 31, label column 1: 'yes' is not a number"),
    "label nan": ("3,nan", "row 31, label column 1: 'nan' is no label"),
    "short": ("3", "row 31 has 1 fields, but the first row has 2"),
    "long": ("3,4,5", "row 31 has 3 fields"),
    "digits after quotes": ('"3"4,1', "is not valid CSV"),
    "open quotes": ('"3,4', "is not valid CSV|has more than|fields"),
    "not UTF-8": (b"3,\xff4", "is not UTF-8 text"),
    "nul": (b"3,\x004", "row 31|not valid CSV"),
}


@pytest.mark.parametrize("block", [1, 64, 1 << 20])
@pytest.mark.parametrize(("line", "message"), FAULTS.values(), ids=FAULTS)
def test_faults_are_blamed_on_their_row(tmp_path, monkeypatch, block, line, message):
    monkeypatch.setattr(csv_text, "BLOCK", block)
    line = line if isinstance(line, bytes) else line.encode()
    path = save(tmp_path, b"1,2\n" * 30 + line + b"\n" + b"5,6\n" * 20)
    with pytest.raises(DataFileError, match=message) as caught:
        list(iter_csv(path, 4, label=1, header="no"))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_refused_before_the_first_batch(tmp_path):
    path = save(tmp_path, "a,b\n1,2\n")
    for options, message in [
        ({"label": "z"}, "no column 'z'"),
        ({"label": 2}, "no column 2; the columns are numbered 0 to 1"),
    ]:
        with pytest.raises(DataFileError, match=message):
            iter_csv(path, 1, **options)
    with pytest.raises(ValueError, match="labels is 'float'"):
        iter_csv(path, 1, labels="float")
    with pytest.raises(ValueError, match="batch_size=0"):
        iter_csv(path, 0)
    with pytest.raises(DataFileError, match="no column beside the label"):
        iter_csv(save(tmp_path, "1\n2\n"), 1)
    with pytest.raises(DataFileError, match="no such file"):
        iter_csv(tmp_path / "none.csv", 1)
    with pytest.raises(DataFileError, match="is empty"):
        iter_csv(save(tmp_path, ""), 1)
    with pytest.raises(DataFileError, match="not a whole gzip file"):
        iter_csv(save(tmp_path, "1,2\n").rename(tmp_path / "b.csv.gz"), 1)


def test_cut_gzip_ends_with_an_error(tmp_path):
    numbers = np.random.default_rng(1).random((40_000, 2))
    text = "".join(f"{a},{b}\n" for a, b in numbers)
    path = save(tmp_path, text, "a.csv.gz")
    path.write_bytes(path.read_bytes()[:-10_000])
    with pytest.raises(DataFileError, match="not a whole gzip file"):
        list(iter_csv(path, 100))


def test_a_gzip_bomb_of_one_line_is_refused(tmp_path):
    path = save(tmp_path, b"1," * (40 << 20), "a.csv.gz")
    assert path.stat().st_size < 1 << 20
    with pytest.raises(DataFileError, match="row 1 has more than 64 MiB"):
        iter_csv(path, 1)


def test_memory_is_flat(tmp_path):
    line = b",".join([b"1"] + [b"0.12345678"] * 50) + b"\n"
    path = save(tmp_path, line * 40_000)
    assert path.stat().st_size > 20_000_000
    next(iter_csv(path, 100))
    tracemalloc.start()
    try:
        assert sum(len(rows) for rows in iter_csv(path, 100)) == 40_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12_000_000


# ---------------------------------------------------------------------- writing
def write_both(path, first, second):
    with CsvWriter(path) as writer:
        writer.write(first)
        writer.write(second)


BAD_ROWS = {
    "other width": (Rows(X[:, :2], Y), "have 2 features, and the rows before have 3"),
    "no labels": (Rows(X), "do not both have labels"),
    "sparse": (Rows(sparse.csr_matrix(X), Y), "do not both have sparse features"),
    "weights": (Rows(X, Y, np.ones(40)), "do not both have sample weights"),
    "nan": (Rows(X * np.nan, Y), "a feature is nan; numbers must be finite"),
    "nan label": (Rows(X, Y * np.nan), "the label has nan"),
    "complex": (Rows(X * 1j, Y), "dtype complex128"),
    "too few labels": (Rows(X, Y[:3]), "40 rows have labels of shape .3,."),
}


@pytest.mark.parametrize(("rows", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_rows_that_do_not_fit(tmp_path, rows, message):
    path = save(tmp_path, "before")
    with pytest.raises(ValueError, match=message):
        write_both(path, Rows(X, Y), rows)
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.csv"]


def test_labels_of_bytes_are_text(tmp_path):
    path = tmp_path / "a.csv"
    with CsvWriter(path) as writer:
        writer.write(Rows(np.eye(2), np.array([b"no", b"x" * 40])))
    assert path.read_text() == f"no,1,0\n{'x' * 40},0,1\n"
    with pytest.raises(ValueError, match="not UTF-8"), CsvWriter(path) as writer:
        writer.write(Rows(np.eye(1), np.array([b"\xff"])))


@pytest.mark.parametrize("dtype", [bool, np.float16, np.longdouble, np.int8])
def test_numbers_of_any_dtype_are_read_again(tmp_path, dtype):
    path = tmp_path / "a.csv"
    matrix = np.array([[0, 1], [1, 0.1]]).astype(dtype)
    with CsvWriter(path) as writer:
        writer.write(Rows(matrix, np.array([True, False])))
    (rows,) = iter_csv(path, 2)
    np.testing.assert_array_equal(rows.X.astype(dtype), matrix)
    assert rows.y.tolist() == [1, 0]


def test_first_rows_that_do_not_fit(tmp_path):
    path = tmp_path / "a.csv"
    for rows, message in [
        (Rows(X, Y, np.ones(40)), "CSV has no place for sample weights"),
        (Rows(X[:, :0], Y), "have no features"),
        (Rows(X[:0]), "no rows were written"),
    ]:
        with pytest.raises(ValueError, match=message), CsvWriter(path) as writer:
            writer.write(rows)
    with (
        pytest.raises(ValueError, match="header has 3 names for 4 columns"),
        CsvWriter(path, header=["a", "b", "c"]) as writer,
    ):
        writer.write(Rows(X, Y))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_an_interrupt_leaves_nothing(tmp_path, name):
    def interrupt():
        with CsvWriter(tmp_path / name) as writer:
            writer.write(Rows(X, Y))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert not list(tmp_path.iterdir())


def test_same_rows_make_the_same_file(tmp_path):
    one, two = (written(tmp_path / name) for name in ("a.csv.gz", "b.csv.gz"))
    assert one.read_bytes() == two.read_bytes()


# ------------------------------------------------------------- what pandas brings
def test_without_pandas(tmp_path, monkeypatch):
    path = save(tmp_path, "1,2\n")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(OptionalDependencyError, match=r"sklearn_sagemaker\[data\]"):
        list(iter_csv(path, 1))


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zst"])
def test_compressed(tmp_path, ending):
    path = written(tmp_path / f"a.csv{ending}")
    plain = written(tmp_path / "a.csv").read_bytes()
    assert path.read_bytes()[:3] != plain[:3]
    np.testing.assert_array_equal(stack_rows(list(iter_csv(path, 9))).X, X)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataFileError, match="not a whole .* file"):
        list(iter_csv(path, 9))
    path.write_bytes(plain)
    with pytest.raises(DataFileError, match="not a whole .* file"):
        list(iter_csv(path, 9))


def test_codes_stay_text_or_are_refused(tmp_path):
    path = save(tmp_path, "7,1\n007,2\n")
    table = read_table(path, label=0)
    assert table.y.tolist() == ["7", "007"]
    options = FORMATS["csv"].settled([str(path)], {})
    with pytest.raises(DataFileError, match="row 2, label column 0: '007' would lose"):
        list(iter_csv(path, 1, **options))
    (rows,) = iter_csv(path, 9, labels="number")
    assert rows.y.tolist() == [7, 7]
    path = save(tmp_path, "9007199254740993,1\n2,1\n")
    assert read_table(path, label=0).y.tolist() == ["9007199254740993", "2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,y\n1,True,0\n2,False,1\n3,2,1\n", "row 4, column 'b': '2' is not True"),
        ("a,b,y\n1,1,0\n2,False,1\n", "row 3, column 'b': 'False' is not a number"),
        ("a,b,y,\n1,2,3,\n", "row 1, column 3 .* has no name"),
        ("a,b,y\n1,2,3,\n1,2,3\n", "row 3 has 3 fields"),
        ("a,b,y\n1,2,3,\n1,2,3,4\n", "row 3 has 4 fields"),
        ("a,b,y\n1,2,3,\n1,2,3,,\n", "row 3 has 5 fields"),
    ],
)
def test_layout_is_fixed_by_the_first_rows(tmp_path, text, message):
    with pytest.raises(DataFileError, match=message):
        read_table(save(tmp_path, text), label="y")


def test_options_of_the_text(tmp_path):
    path = save(tmp_path, "a;b;y\n1,5;2;0\n3;1.5;1\n")
    with pytest.raises(DataFileError, match=r"row 3, column 'b': '1\.5' is not a num"):
        read_table(path, label="y", separator=";", decimal=",")
    for options in ({"separator": ";;"}, {"separator": "1"}, {"decimal": "ab"}):
        with pytest.raises(ValueError, match="must be one character"):
            read_table(path, label="y", **options)
    with pytest.raises(ValueError, match="are both ','; they must differ"):
        read_table(path, label="y", decimal=",")
    for name in ("klingon", "hex", "rot13", "idna", "undefined"):
        with pytest.raises(ValueError, match=f"encoding='{name}' is not known"):
            read_table(path, label="y", encoding=name)
    with pytest.raises(ValueError, match="sepp= is no option of CSV files"):
        read_table(path, label="y", sepp=";")


def test_read_csv_wants_a_layout_and_says_where_from(tmp_path):
    with pytest.raises(TypeError, match=r"got str; inspect_csv makes one of a path"):
        read_csv(str(tmp_path / "a.csv"))


def test_the_format_can_be_said(tmp_path):
    path = save(tmp_path, "1,2\n3,4\n", "data.txt")
    with pytest.raises(DataFileError, match="unknown kind of file"):
        read_table(path, label=0)
    assert read_table(path, label=0, format="csv").X.tolist() == [[2], [4]]
    with pytest.raises(ValueError, match="format='xml' must be one of"):
        read_table(path, label=0, format="xml")


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("1,NA,2\n3,4,1\n", None),
        ("1,?,2\n3,4,1\n", None),
        ("1.5,oops,2\n3,4,1\n", None),
        ("True,b,2\n1,4,1\n", None),
        ("0,1\n5,6\n", None),
        ("#a,b\n1,2\n", None),
        ("NA,spam\n3,ham\n", None),
        ("NA,b,y\n1,2,3\n", True),
        ("region,2020,2021\n1,2,3\n", True),
        ("0,2,1\n3,4,5\n", False),
        ("0,1.0\n3,4\n", False),
        ("5,NA\n3,setosa\n", False),
    ],
)
def test_a_first_row_is_names_or_data_or_refused(tmp_path, text, header):
    path = save(tmp_path, text)
    if header is None:
        with pytest.raises(DataFileError, match="row 1 may hold .* --header yes or -"):
            inspect_csv(path)
    else:
        assert (inspect_csv(path).names is not None) == header
    assert inspect_csv(path, True).names == text.split("\n")[0].split(",")
    assert inspect_csv(path, False).names is None


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
@pytest.mark.parametrize("name", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("header", ["größe,y\n", ""])
def test_byte_order_marks_are_no_part_of_the_first_cell(
    tmp_path, ending, name, mark, header
):
    path = tmp_path / f"train{ending}"
    rows = f"{mark}{header}1.5,2\n3.5,4\n"
    with (gzip.open if ending == ".csv.gz" else open)(path, "wb") as handle:
        handle.write(rows.encode(name))
    table = read_table(path, label="y" if header else 1, encoding=name)
    assert table.X.tolist() == [[1.5], [3.5]]
    assert table.names == (["größe"] if header else None)


@pytest.mark.parametrize("name", ["utf-16", "utf-32"])
def test_a_byte_order_mark_that_is_missing(tmp_path, name):
    path = tmp_path / "train.csv"
    path.write_bytes("a,y\n1.5,2\n".encode(f"{name}-le"))
    with pytest.raises(DataFileError, match=r"train.csv: row 1 ") as caught:
        read_table(path, label="y", encoding=name)
    assert "does not start with BOM" in str(caught.value)
    assert read_table(path, label="y", encoding=f"{name}-le").X.tolist() == [[1.5]]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError(5, "I/O")])
def test_what_ends_the_reading_is_no_fault_of_a_cell(tmp_path, monkeypatch, error):
    """pandas makes a ParserError of whatever its source raises."""
    path = save(tmp_path, "a,y\n1,0\n")
    layout = inspect_csv(path)

    def fail(self, block):
        raise error

    monkeypatch.setattr(csv_text.CheckedText, "_check", fail)
    expected = DataFileError if isinstance(error, OSError) else error
    with pytest.raises(expected, match="I/O" if isinstance(error, OSError) else None):
        read_csv(layout, label=1)
