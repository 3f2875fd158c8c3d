"""Blocks of whole lines."""

import gzip

import pytest

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.text import blocks
from sklearn_sagemaker.io.text.blocks import blocks_of, line_blocks


def csv_blocks(path):
    with path.open("rb") as handle:
        return list(blocks_of(handle, "row {}".format, csv=True))


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
    found = csv_blocks(path)
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
    found = csv_blocks(path)
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
        csv_blocks(path)
