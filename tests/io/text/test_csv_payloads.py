"""Requests in CSV: bytes both ways, and the one line said about each fault."""

import io

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.rows import Rows
from sklearn_sagemaker.io.text import blocks, csv_payloads
from sklearn_sagemaker.io.text.csv_payloads import decode_csv, encode_csv, label_size

EXPECTED = [[1.5, 16, 14, 23], [2, -3, 0.5, 1e-3]]


@pytest.mark.parametrize(
    "body",
    [
        b"1.5,16.0,14,23.0\n2,-3,.5,1e-3",
        b"1.5,16.0,14,23.0\r\n2,-3,.5,1E-3\r\n",
        b"\xef\xbb\xbf1.5,16.0,14,23.0\n2,-3,.5,1e-3\n\n",
        b"\n\n 1.5, 16.0 ,14,+23.0\n\n2,-3,0.5,1e-3\n",
        b'"1.5","16.0",14,23.0\n2,-3,"0.5",1e-3\n',
        b'"1.5","1\n",14,23.0\n2,-3,"0.5",1e-3\n'.replace(b"1\n", b"16"),
    ],
)
def test_forms(body):
    rows = decode_csv(body)
    assert rows.X.dtype == np.float64
    assert rows.X.tolist() == EXPECTED
    assert rows.y is None
    rows = decode_csv(body, label_size=1)
    assert rows.y.tolist() == [1.5, 2]
    assert rows.X.tolist() == [row[1:] for row in EXPECTED]
    assert rows.X.flags.c_contiguous


@pytest.mark.parametrize(("body", "shape"), [(b"7", (1, 1)), (b"7\n8\n", (2, 1))])
def test_one_feature(body, shape):
    assert decode_csv(body).X.shape == shape


def test_booleans_are_numbers_as_in_files_and_json():
    # pandas.get_dummies makes booleans since version 2, and CSVSerializer sends them.
    rows = decode_csv(b"1.5,True,false\n2,FALSE,TRUE\n")
    assert rows.X.tolist() == [[1.5, 1, 0], [2, 0, 1]]


FAULTS = {
    "word": (b"1,Truer\n", "row 1, column 1: 'Truer' is not a finite number"),
    "header": (
        b"age,sex\n1,2\n",
        r"row 1, column 0: 'age' is not .*\(there must be no",
    ),
    "text": (b"1,2\n3,x\n", "row 2, column 1: 'x' is not a finite number"),
    "empty cell": (b"1,2\n3,\n", "row 2, column 1: the cell is empty"),
    "commas": (b"1,2\n,\n", "row 2, column 0: the cell is empty"),
    "NaN": (b"1,nan\n", "row 1, column 1: 'nan' is not a finite"),
    "infinity": (b"1,2\n-inf,1\n", "row 2, column 0: '-inf'"),
    "too large": (b"1,1e400\n", "row 1, column 1: '1e400'"),
    "underscore": (b"1,1_000\n", "row 1, column 1: '1_000'"),
    "other digits": ("1,\u0661\n".encode(), "row 1, column 1: '\u0661'"),
    "hexadecimal": (b"1,0x10\n", "row 1, column 1: '0x10'"),
    "ragged": (b"1,2\n\n3,4,5\n", "row 3 has 3 fields, but the first row has 2"),
    "short": (b"1,2\n3\n", "row 2 has 1 fields, but the first row has 2"),
    "semicolons": (b"1;2\n", "row 1, column 0: '1;2'"),
    "quotes": (b'1,2\n"3,4\n', "not valid CSV"),
    "half quotes": (b'1,2\n"3"4,4\n', "row 2: is not valid CSV"),
    "empty": (b"", "the body is empty"),
    "blank": (b"\n \r\n", "the body is empty"),
    "not UTF-8": (b"1,2\n1,\xff\n", r"row 2: is not UTF-8 text \(byte 0xff\)"),
    "UTF-16": ("1,2\n".encode("utf-16"), "row 1: is not UTF-8"),
    "zero byte": (b"1,2\n1,\x00\n", "row 2"),
    "comment": (b"# 1\n1\n", "row 1, column 0: '# 1'"),
    "long": (b"1," + b"9" * 100_000 + b"\n", r"row 1, column 1: '99.*\.\.\.'"),
}


@pytest.mark.parametrize(("body", "message"), FAULTS.values(), ids=FAULTS)
def test_faults_name_row_and_column(body, message):
    with pytest.raises(DataFileError, match=message) as caught:
        decode_csv(body)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_label_is_not_enough():
    with pytest.raises(DataFileError, match="has 1 columns, of which 1 are labels"):
        decode_csv(b"1\n2\n", label_size=1)


def test_label_size():
    assert label_size("0") == 0
    assert label_size("1") == 1
    with pytest.raises(ValueError, match="label_size='2' is not 0"):
        label_size("2")


def test_bytes_written():
    # As SageMaker's SDK writes these.
    assert encode_csv(Rows(np.array([[1.5, 16], [2, 3]]))) == b"1.5,16.0\n2.0,3.0"
    assert encode_csv(Rows(np.array([[1, -2]], dtype=np.int32))) == b"1,-2"
    assert encode_csv(Rows(np.array([[0.1]], dtype=np.float32))) == b"0.1"
    rows = Rows(np.array([[1.5], [2.5]]), np.array([1, 0]), np.array([0.5, 0.5]))
    assert encode_csv(rows) == b"1.5\n2.5"
    assert encode_csv(rows, label_size=1) == b"1,1.5\n0,2.5"
    with pytest.raises(ValueError, match="label_size=1 needs labels"):
        encode_csv(Rows(rows.X), label_size=1)
    with pytest.raises(ValueError, match="y has dtype <U1"):
        encode_csv(Rows(rows.X, np.array(["a", "b"])), label_size=1)


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i4", "u1"])
def test_round_trip(dtype):
    rng = np.random.default_rng(0)
    X = np.frombuffer(rng.bytes(3000 * np.dtype(dtype).itemsize), dtype=dtype)
    X = X[np.isfinite(X)]
    X = X[: len(X) // 4 * 4].reshape(-1, 4)
    found = decode_csv(encode_csv(Rows(X, X[:, 0]), label_size=1), label_size=1)
    np.testing.assert_array_equal(found.X.astype(dtype), X)
    np.testing.assert_array_equal(found.y.astype(dtype), X[:, 0])


@pytest.mark.parametrize("values", [1, 7, 1000])
def test_sparse_rows_are_written_part_by_part(monkeypatch, values):
    monkeypatch.setattr(csv_payloads, "DENSE_VALUES", values)
    X = sparse.random(9, 4, 0.3, format="csr", random_state=0)
    X = sparse.vstack([X, sparse.csr_matrix((1, 4))], format="csr")
    assert decode_csv(encode_csv(Rows(X))).X.tolist() == X.toarray().tolist()


def test_only_finite_numbers_are_written():
    with pytest.raises(ValueError, match=r"X\[0, 1\] is nan"):
        encode_csv(Rows(np.array([[1, np.nan]])))
    with pytest.raises(ValueError, match=r"X.data\[0\] is inf"):
        encode_csv(Rows(sparse.csr_matrix([[0, np.inf]])))


@pytest.mark.parametrize("block", [7, 64, 1 << 20])
@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_a_stream_is_read_as_the_body(monkeypatch, block, batch_size):
    monkeypatch.setattr(blocks, "BLOCK", block)
    rng = np.random.default_rng(0)
    body = b"\xef\xbb\xbf\n" + csv_payloads.encode_csv(Rows(rng.normal(size=(20, 3))))
    body = body.replace(b"\n", b"\r\n", 9) + b"\n\n"
    whole = csv_payloads.decode_csv(body, label_size=1)
    found = list(csv_payloads.iter_csv_body(io.BytesIO(body), batch_size, 1))
    assert all(len(rows) == batch_size for rows in found[:-1])
    np.testing.assert_array_equal(np.concatenate([r.X for r in found]), whole.X)
    np.testing.assert_array_equal(np.concatenate([r.y for r in found]), whole.y)


@pytest.mark.parametrize("block", [7, 64, 1 << 20])
@pytest.mark.parametrize(
    "row", [b"1", b"1,2,3", b"a,2", b"1,", b'"1"2,3', b"\xff,1", b"nan,1"]
)
def test_a_fault_in_a_stream_is_that_of_the_body(monkeypatch, block, row):
    monkeypatch.setattr(blocks, "BLOCK", block)
    body = b"1,2\n\n3,4\n" + row + b"\n5,6\n"
    with pytest.raises(DataFileError, match="^row 4") as caught:
        csv_payloads.decode_csv(body)
    with pytest.raises(DataFileError) as streamed:
        list(csv_payloads.iter_csv_body(io.BytesIO(body), 1))
    assert str(streamed.value) == str(caught.value)


def test_an_empty_stream_and_an_endless_line(monkeypatch):
    with pytest.raises(DataFileError, match="the body is empty"):
        list(csv_payloads.iter_csv_body(io.BytesIO(b"\n\n"), 1))
    monkeypatch.setattr(blocks, "BLOCK", 16)
    monkeypatch.setattr(blocks, "LONGEST_LINE", 100)
    with pytest.raises(DataFileError, match="row 1 has more than"):
        list(csv_payloads.iter_csv_body(io.BytesIO(b"1" * 300), 1))
