"""Compressed files of several streams, as parallel packers and cat make them."""

import bz2
import gzip
import lzma

import pytest

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import read_table

PACK = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
PARTS = [b"".join(b"%d,%d\n" % (i, i) for i in range(9 * part)) for part in (1, 2, 3)]


def n_rows(path, data):
    path.write_bytes(data)
    return len(read_table(path, header=False, label=0).X)


@pytest.mark.parametrize("kind", PACK)
def test_streams_are_one_file(tmp_path, kind):
    path, packed = tmp_path / f"a.csv.{kind}", [*map(PACK[kind], PARTS)]
    assert n_rows(path, b"".join(packed)) == 54
    # Some have zeros behind them.
    assert n_rows(path, b"".join(packed) + bytes(512)) == 54


@pytest.mark.parametrize("kind", PACK)
def test_large_streams(tmp_path, kind):
    parts = [b"1,2.5\n" * 100_000, b"0,3.5\n" * 50_000]
    data = b"".join(map(PACK[kind], parts))
    assert n_rows(tmp_path / f"a.csv.{kind}", data) == 150_000


@pytest.mark.parametrize("kind", PACK)
def test_a_damaged_stream_is_not_the_end(tmp_path, kind):
    path, (first, second, _) = tmp_path / f"a.csv.{kind}", map(PACK[kind], PARTS)
    broken = [first + second[:cut] for cut in range(1, len(second))]
    broken += [first + b"XX" + second, first + second + b"more"]
    for data in broken:
        with pytest.raises(DataFileError, match="is not a whole"):
            n_rows(path, data)
