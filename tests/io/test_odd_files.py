"""The folder of odd files and its index agree."""

from collections import Counter
from pathlib import Path

import pytest

from .odd_files.index import CSV, LIBSVM, ODD_FILES, PARQUET, Read
from .odd_files.parquet_files import columns, write_parquet

FOLDER = Path(__file__).parent / "odd_files"


def test_every_file_is_in_the_index():
    there = {path.name for path in FOLDER.iterdir() if path.is_file()}
    there -= {path.name for path in FOLDER.glob("*.py")}
    assert there == {odd.name for odd in [*CSV, *LIBSVM]}


@pytest.mark.parametrize("odd", ODD_FILES, ids=str)
def test_an_entry_says_where_such_files_come_from_and_what_must_come_of_it(odd):
    assert odd.source
    if isinstance(odd.expected, Read):
        table = odd.expected
        assert len({len(row) for row in table.X}) == 1
        assert table.names is None or len(table.names) == len(table.X[0])
        assert table.y is None or len(table.y) == len(table.X)


def test_no_case_is_twice():
    assert max(Counter(map(str, [o for o in ODD_FILES if o.told])).values()) == 1
    untold = Counter((o.name, o.label) for o in ODD_FILES if not o.told)
    assert max(untold.values()) == 1


def test_parquet_files_are_made(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    assert set(columns()) == {odd.name for odd in PARQUET}
    for odd in PARQUET:
        path = write_parquet(tmp_path, odd.name)
        rows = pq.read_table(path).num_rows
        assert rows == (0 if odd.name == "no_rows.parquet" else 2)
