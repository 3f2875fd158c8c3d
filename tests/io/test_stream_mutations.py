"""Damaged text files: streams take and refuse what the slow readers do, row by row."""

import numpy as np
import pytest

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import inspect_csv, read_table
from sklearn_sagemaker.io.rows import Rows, stack_rows
from sklearn_sagemaker.io.text import blocks, csv_text
from sklearn_sagemaker.io.text.csv_files import check_rows, iter_csv
from sklearn_sagemaker.io.text.csv_records import csv_records
from sklearn_sagemaker.io.text.number_text import parse_number
from sklearn_sagemaker.io.text.svm_stream import iter_svm

LETTERS = b'0123456789.,,,\n\n\r"" -+e:#qxn\t_\xc3\xa9;'
STARTS = {
    "csv": [
        b"1,2,3\n4,5.5,6\n7,8,9\n",
        b'y,"a",b\r\n1,2,3\r\n4,5,6\r\n',
        b'1,"2",3\n' * 4,
        b'y,a\n1,2,\n3,4,\n5,"6",\n',
    ],
    "svm": [b"1 1:2 3:4\n0 2:1\n1\n", b"2 0:1 5:2\n" * 3, b"1 qid:1 1:2 # a\n" * 3],
}


def mutated(rng, text):
    text = bytearray(text)
    for _ in range(rng.integers(0, 4)):
        place = rng.integers(len(text))
        letter = LETTERS[rng.integers(len(LETTERS))]
        how = rng.integers(3)
        if how == 0:
            text[place] = letter
        elif how == 1:
            text.insert(place, letter)
        elif len(text) > 1:
            del text[place]
    return bytes(text)


def whole(path, kind):
    if kind == "svm":
        return read_table(path)
    layout = inspect_csv(path)
    check_rows(layout, layout.features(0), 0, "number")
    rows = [
        [1.0 if text in ("True", "true") else parse_number(text) for text in fields]
        for _, last, fields in csv_records(path, layout.text)
        if last > layout.n_lines
    ]
    rows = np.array(rows)[:, : layout.n_columns]
    return Rows(rows[:, 1:], rows[:, 0])


def streamed(path, kind, batch_size):
    read = iter_csv if kind == "csv" else iter_svm
    return stack_rows(list(read(path, batch_size)))


def outcome(read, *arguments):
    try:
        rows = read(*arguments)
    except DataFileError:
        return None
    X = rows.X if isinstance(rows.X, np.ndarray) else rows.X.toarray()
    return X.tolist(), rows.y.tolist()


@pytest.mark.parametrize("kind", ["csv", "svm"])
def test_streams_agree_with_whole_files(tmp_path, monkeypatch, kind):
    rng = np.random.default_rng(0)
    path = tmp_path / f"a.{kind}"
    taken = refused = 0
    for number in range(500):
        path.write_bytes(mutated(rng, STARTS[kind][number % len(STARTS[kind])]))
        size = int(rng.integers(3, 40))
        monkeypatch.setattr(blocks, "BLOCK", size)
        monkeypatch.setattr(csv_text, "BLOCK", size)
        expected = outcome(whole, str(path), kind)
        found = outcome(streamed, path, kind, int(rng.integers(1, 4)))
        assert found == expected, path.read_bytes()
        taken += found is not None
        refused += found is None
    assert min(taken, refused) > 100
