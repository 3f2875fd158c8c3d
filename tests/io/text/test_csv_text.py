"""What pandas gets to read: whole rows, each with its fields."""

import pytest

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import inspect_csv
from sklearn_sagemaker.io.text import csv_text
from sklearn_sagemaker.io.text.csv_text import CheckedText


@pytest.fixture(params=[1, 7, 1 << 20])
def block(request, monkeypatch):
    monkeypatch.setattr(csv_text, "BLOCK", request.param)


def blocks(tmp_path, text, **options):
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    found = []
    source = CheckedText(inspect_csv(path, **options))
    while part := source.read():
        found.append(part)
    return found


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_whole_lines(tmp_path, end, last):
    lines = [f"{i},{i * i}" for i in range(3, 30)]
    text = end.join(lines) + (end if last else "")
    found = blocks(tmp_path, text)
    assert "".join(found) == text
    assert all(part.split(end)[0] in lines for part in found)
    assert "".join(blocks(tmp_path, f"{end}a,b{end}{text}")) == text


@pytest.mark.usefixtures("block")
def test_lines_in_quotes_stay_together(tmp_path):
    text = '1,"a\nb"\n"x\n""y""\nz,,",2\n3,4\n"",""\n'
    found = blocks(tmp_path, text, header=False)
    assert "".join(found) == text
    assert all(part.count('"') % 2 == 0 for part in found)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize(
    "row", ["1", "1,2,", "1,2,3", '"1,2"', '"1" ,2', "1,\x002", '"1,2\n']
)
def test_rows_that_must_be_looked_at(tmp_path, row):
    with pytest.raises((ValueError, DataFileError)):
        blocks(tmp_path, f"1,2\n\n  \n3,4\n{row}\n5,6\n", header=False)


@pytest.mark.usefixtures("block")
def test_a_quote_in_mid_cell_is_part_of_it(tmp_path):
    text = '1,pipe of 5"\n2,5" or 7"\n3,plain\n4,""\n'
    assert "".join(blocks(tmp_path, text)) == text


@pytest.mark.parametrize("text", ["1" * 300, "1\n" + "2" * 300, '"' + "1\n" * 150])
def test_endless_lines_are_refused(tmp_path, monkeypatch, text):
    path = tmp_path / "a.csv"
    path.write_text("1\n1\n")
    layout = inspect_csv(path)
    path.write_text(text)
    monkeypatch.setattr(csv_text, "BLOCK", 16)
    monkeypatch.setattr("sklearn_sagemaker.io.text.blocks.LONGEST_LINE", 100)
    with pytest.raises(DataFileError, match=r"row [12] has more than"):
        list(CheckedText(layout))
