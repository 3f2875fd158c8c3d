"""Blocks of whole lines, and batches of one size."""

import gzip
import itertools

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.rows import Rows, stack_rows
from sklearn_sagemaker.io.text import blocks
from sklearn_sagemaker.io.text.blocks import batches, line_blocks


@pytest.fixture(params=[1, 7, 1 << 20])
def block(request, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", request.param)
    return request.param


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_blocks_are_whole_lines_and_know_their_number(tmp_path, block, end, last):
    lines = [f"{i},{i * i}" for i in range(30)]
    text = end.join(lines) + (end if last else "")
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    found = list(line_blocks(str(path), csv=True))
    assert b"".join(part for _, part in found).decode() == text
    for first, part in found:
        assert part.decode().split(end)[0] == lines[first - 1]


@pytest.mark.parametrize("size", [3, 1 << 20])
def test_byte_order_mark_and_gzip(tmp_path, monkeypatch, size):
    monkeypatch.setattr(blocks, "BLOCK", size)
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf1\n2\n"))
    assert b"".join(part for _, part in line_blocks(str(path))) == b"1\n2\n"


def test_lines_in_quotes_stay_together(tmp_path, block):
    text = b'1,"a\nb"\n"x\n""y""\nz",2\n3,4\n'
    path = tmp_path / "a.csv"
    path.write_bytes(text)
    found = list(line_blocks(str(path), csv=True))
    assert b"".join(part for _, part in found) == text
    assert all(part.count(b'"') % 2 == 0 for _, part in found)
    starts = {1: b"1", 3: b'"x', 6: b"3"}
    assert all(part.startswith(starts[first]) for first, part in found)


@pytest.mark.parametrize("text", [b"1" * 300, b"1\n" + b"2" * 300, b'"' + b"1\n" * 150])
def test_endless_lines_are_refused(tmp_path, monkeypatch, text):
    monkeypatch.setattr(blocks, "BLOCK", 16)
    monkeypatch.setattr(blocks, "LONGEST_LINE", 100)
    path = tmp_path / "a.csv"
    path.write_bytes(text)
    with pytest.raises(DataFileError, match=r"row [12] has more than"):
        list(line_blocks(str(path), csv=True))


@pytest.mark.parametrize("batch_size", [1, 3, 4, 10, 11, 100])
@pytest.mark.parametrize("kind", [np.array, sparse.csr_matrix])
def test_batches(batch_size, kind):
    rng = np.random.default_rng(0)
    X, y, w = rng.normal(size=(11, 3)), np.arange(11), rng.random(11)
    cuts = [0, 2, 2, 9, 10, 11]
    parts = [Rows(kind(X[a:b]), y[a:b], w[a:b]) for a, b in itertools.pairwise(cuts)]
    found = list(batches(parts, batch_size))
    assert all(len(rows) == batch_size for rows in found[:-1])
    assert 1 <= len(found[-1]) <= batch_size
    stacked = stack_rows(found)
    whole = stacked.X.toarray() if kind is not np.array else stacked.X
    np.testing.assert_array_equal(whole, X)
    np.testing.assert_array_equal(stacked.y, y)
    np.testing.assert_array_equal(stacked.sample_weight, w)
