"""The odd CSV and Parquet files are read as they are meant, or refused by their row."""

from pathlib import Path

import numpy as np
import pytest

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import read_table
from sklearn_sagemaker.io.formats import format_of_file
from sklearn_sagemaker.io.rows import stack_rows

from .odd_files.index import CSV, PARQUET, Refused
from .odd_files.parquet_files import write_parquet

FOLDER = Path(__file__).parent / "odd_files"


def path_of(odd, tmp_path):
    path = FOLDER / odd.name
    return path if path.exists() else write_parquet(tmp_path, odd.name)


def as_table(odd, path):
    return read_table(
        path, label=odd.label, with_label=odd.label is not None, **odd.told
    )


def as_stream(odd, path):
    kind = format_of_file(path)
    options = kind.settled([str(path)], {"label": odd.label, **odd.told})
    return stack_rows(list(kind.iter_rows(path, 1, **options)))


@pytest.mark.parametrize("read", [as_table, as_stream])
@pytest.mark.parametrize("odd", [*CSV, *PARQUET], ids=str)
def test_odd_tables(odd, read, tmp_path):
    path = path_of(odd, tmp_path)
    if isinstance(odd.expected, Refused):
        with pytest.raises(DataFileError) as caught:
            read(odd, path)
        message = str(caught.value)
        assert message.startswith(f"{path}: ")
        assert "\n" not in message
        for text in odd.expected.says:
            assert text in message
        return
    found = read(odd, path)
    # Equal to the last bit.
    assert np.asarray(found.X, dtype=np.float64).tolist() == odd.expected.X
    if odd.expected.y is None:
        assert found.y is None
    else:
        assert found.y.tolist() == odd.expected.y
    if read is as_table:
        assert found.names == odd.expected.names
