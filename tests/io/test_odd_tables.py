"""The odd files of tables are read as they are meant, or refused by their row."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import read_table
from sklearn_sagemaker.io.formats import format_of_file
from sklearn_sagemaker.io.rows import stack_rows

from .odd_files.index import CSV, LIBSVM, PARQUET, Refused
from .odd_files.parquet_files import write_parquet

FOLDER = Path(__file__).parent / "odd_files"


def path_of(odd, tmp_path):
    path = FOLDER / odd.name
    return path if path.exists() else write_parquet(tmp_path, odd.name)


def options_of(odd, path):
    # Each row of libsvm has its label.
    named = "label" in format_of_file(path).reading_options
    return {"label": odd.label, **odd.told} if named else odd.told


def as_table(odd, path):
    return read_table(path, with_label=odd.label is not None, **options_of(odd, path))


def as_stream(odd, path):
    kind = format_of_file(path)
    options = kind.settled([str(path)], options_of(odd, path))
    return stack_rows(list(kind.iter_rows(path, 1, **options)))


@pytest.mark.parametrize("read", [as_table, as_stream])
@pytest.mark.parametrize("odd", [*CSV, *LIBSVM, *PARQUET], ids=str)
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
    X = found.X.toarray() if sparse.issparse(found.X) else found.X
    assert np.asarray(X, dtype=np.float64).tolist() == odd.expected.X
    if odd.expected.y is None:
        assert found.y is None
    else:
        assert found.y.tolist() == odd.expected.y
    if read is as_table:
        assert found.names == odd.expected.names
