"""CSV files: header, numbers, labels, and the one line said about each fault."""

import gzip

import numpy as np
import pytest

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import inspect_csv, read_csv, read_table


def write(tmp_path, text, name="data.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return str(path)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b\n1,2\n", ["a", "b"]),
        ("1,2\n3,4\n", None),
        ("5.1,setosa\n4.9,setosa\n", None),
        ("length,kind\n4.9,setosa\n", ["length", "kind"]),
        ("0,1,2,label\n1,2,3,4\n", ["0", "1", "2", "label"]),
        ("x,y\n", None),
        ("nan,1\n2,1\n", None),
        ("\ufeffa,b\n1,2\n", ["a", "b"]),
        ("\n\na,b\n1,2\n", ["a", "b"]),
        ('"a, b","c"\n1,2\n', ["a, b", "c"]),
        (" a , b\n1,2\n", ["a", "b"]),
        ("cat,cat\ndog,cat\n", None),
    ],
)
def test_header_is_detected(tmp_path, text, names):
    path = write(tmp_path, text)
    if text == "x,y\n":
        with pytest.raises(DataFileError, match="header but no rows"):
            inspect_csv(path)
        return
    layout = inspect_csv(path)
    assert layout.names == names
    assert layout.detected


def test_header_can_be_said(tmp_path):
    path = write(tmp_path, "1,2\n3,4\n")
    layout = inspect_csv(path, "yes")
    assert layout.names == ["1", "2"]
    assert not layout.detected
    assert inspect_csv(write(tmp_path, "a,b\n1,2\n"), "no").names is None


def test_numeric_header_is_known_by_the_models_names(tmp_path):
    path = write(tmp_path, "0,1,2\n7,8,9\n")
    with pytest.raises(DataFileError, match="row 1 may hold names or data, as it cou"):
        inspect_csv(path)
    assert inspect_csv(path, header=False).names is None
    assert inspect_csv(path, header=True).names == ["0", "1", "2"]
    assert inspect_csv(path, "auto", ["1", "0"]).names == ["0", "1", "2"]


@pytest.mark.parametrize("compress", [False, True])
def test_rows_and_labels(tmp_path, compress):
    text = "a,kind,b\n1,x,2\n-3.5,y,4e3\n"
    path = write(tmp_path, text)
    if compress:
        path += ".gz"
        with gzip.open(path, "wt") as handle:
            handle.write(text)
    table = read_table(path, label="kind")
    np.testing.assert_array_equal(table.X, [[1, 2], [-3.5, 4000]])
    assert table.y.tolist() == ["x", "y"]
    assert table.names == ["a", "b"]
    assert table.label == "kind"
    assert "4000" not in repr(table)


@pytest.mark.parametrize(
    ("cells", "labels", "kind"),
    [
        (["0", "1.0", "-2"], [0, 1, -2], "i"),
        (["0.5", "1"], [0.5, 1.0], "f"),
        (["1", "two"], ["1", "two"], "U"),
        (["1e300", "1"], [1e300, 1.0], "f"),
        (["1_000", "2"], ["1_000", "2"], "U"),
    ],
)
def test_labels_become_what_they_look_like(tmp_path, cells, labels, kind):
    path = write(tmp_path, "".join(f"{j},{cell}\n" for j, cell in enumerate(cells)))
    y = read_table(path, "no", label=1).y
    assert y.tolist() == labels
    assert y.dtype.kind == kind


def test_labels_can_be_kept_as_text(tmp_path):
    path = write(tmp_path, "1,07\n2,8\n")
    assert read_table(path, label=1, labels="text").y.tolist() == ["07", "8"]


ODD_BUT_LEGAL = {
    "quotes": '"1","2"\n"3","4"\n',
    "spaces after commas": '1, "2"\n3, 4\n',
    "blank lines": "1,2\n\n3,4\n   \n",
    "carriage returns": "1,2\r\n3,4\r\n",
    "old line ends": "1,2\r3,4\r",
    "no last line end": "1,2\n3,4",
}


@pytest.mark.parametrize("text", ODD_BUT_LEGAL.values(), ids=ODD_BUT_LEGAL)
def test_odd_but_legal(tmp_path, text):
    path = write(tmp_path, text)
    np.testing.assert_array_equal(read_csv(inspect_csv(path, "no")).X, [[1, 2], [3, 4]])


def test_columns_that_are_not_read_may_hold_anything(tmp_path):
    path = write(tmp_path, "id,a,b\nx,1,\ny,2,nan\n")
    table = read_csv(inspect_csv(path), features=[1])
    assert table.X.tolist() == [[1.0], [2.0]]
    assert table.y is None


FAULTS = {
    "text in a feature": ("a,b\n1,2\nabc,3\n", "row 3, column 'a': 'abc' is not a nu"),
    "empty cell": ("a,b\n1,2\n,3\n", "row 3, column 'a': the cell is empty"),
    "nan": ("a,b\n1,2\nnan,3\n", "row 3, column 'a': 'nan' is missing data"),
    "inf": ("a,b\n1,2\n-inf,3\n", "row 3, column 'a': '-inf' is not finite"),
    "overflow": ("a,b\n1,2\n1e999,3\n", "row 3, column 'a': '1e999' is not finite"),
    "underscore": ("a,b\n1,2\n1_0,3\n", "row 3, column 'a': '1_0' is not a number"),
    "empty label": ("a,b\n1,2\n3,\n", "row 3, label column 'b': the cell is empty"),
    "nan label": ("a,b\n1,2\n3,NaN\n", "row 3, label column 'b': 'NaN' is no label"),
    "inf label": ("a,b\n1,2\n3,inf\n", "row 3, label column 'b': 'inf' is no label"),
    "long row": ("a,b\n1,2\n3,4,5\n", "row 3 has 3 fields, but the first row has 2"),
    "short row": ("a,b\n1,2\n\n3\n", "row 4 has 1 fields, but the first row has 2"),
    "twice in header": ("b,b\n1,2\n", "the header has 'b' twice"),
    "no name in header": (",b\n1,2\n", "column 0 .counted from 0. has no name"),
    "semicolons": (
        "a;b\n1;2\n",
        "row 1 has semicolons and no comma; .*--separator ';', in Python separator=';'",
    ),
    "tabs": (
        "a\tb\n1\t2\n",
        r"tabs and no comma; .*--separator tab, in Python separator='.t'",
    ),
    "no label column": (
        "a,bb\n1,2\n",
        "no column 'b'; .* 'a', 'bb'. Did you mean 'bb'",
    ),
    "only a label": ("b\n1\n2\n", "no column beside the label"),
    "header alone": ("a,b\n", "header but no rows"),
    "blank": ("\n\n", "is empty"),
    "bad quotes": ('a,b\n1,2\n"3"x,4\n', "not valid CSV"),
}


@pytest.mark.parametrize(("text", "message"), FAULTS.values(), ids=FAULTS)
def test_faults_are_named(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(DataFileError, match=message) as caught:
        read_table(path, label="b")
    assert str(caught.value).startswith(path)
    assert "\n" not in str(caught.value)


def test_fault_without_header_counts_columns_from_0(tmp_path):
    path = write(tmp_path, "1,2\n3,x\n")
    with pytest.raises(DataFileError, match="row 2, column 1: 'x' is not a number"):
        read_table(path, label=0)
    with pytest.raises(DataFileError, match=r"no column '7'; .* numbered 0 to 1"):
        read_table(path, label="7")


def test_number_labels_refuse_text(tmp_path):
    path = write(tmp_path, "a,b\n1,2\n3,cheap\n")
    with pytest.raises(DataFileError, match="row 3, label column 'b': 'cheap' is not"):
        read_table(path, label="b", labels="number")


def test_messages_quote_little(tmp_path):
    path = write(tmp_path, "a,b\n1,2\n" + "secret" * 50 + ",3\n")
    with pytest.raises(DataFileError, match="is not a number") as caught:
        read_table(path, label="b")
    assert str(caught.value).count("secret") <= 7


def test_not_utf8(tmp_path):
    path = write(tmp_path, "größe,b\n1,2\n", encoding="latin-1")
    with pytest.raises(DataFileError, match=r"not UTF-8 text \(byte 0xf6"):
        read_table(path, label="b")


def test_not_utf8_far_down(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 50_000 + b"1,\xff\n")
    with pytest.raises(DataFileError, match="not UTF-8 text"):
        read_table(str(path), label="b")
