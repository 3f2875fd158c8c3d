"""Rows in a temporary file: as they were, and text parsed once."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.io import FileDataset, formats
from sklearn_sagemaker.io.datasets import row_cache
from sklearn_sagemaker.io.datasets.row_cache import RowCache
from sklearn_sagemaker.io.rows import Rows
from sklearn_sagemaker.io.text import csv_files

RNG = np.random.default_rng(0)
X = RNG.normal(size=(900, 4))
Y = RNG.integers(0, 2, 900)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sparse.csr_matrix])
@pytest.mark.parametrize("y", [None, Y, Y.astype(str)])
@pytest.mark.parametrize("weights", [None, RNG.random(900)])
def test_rows_are_as_they_were(dtype, make, y, weights):
    rows = Rows(make(X.astype(dtype)), y, weights)
    cache = RowCache()
    places = [cache.add(rows), cache.add(Rows(X[:1])), cache.add(rows)]
    for place in reversed(places[::2]):
        found = cache.read(place)
        for name in ("X", "y", "sample_weight"):
            one, other = getattr(found, name), getattr(rows, name)
            if sparse.issparse(other):
                assert one.indices.dtype == other.indices.dtype
                one, other = one.toarray(), other.toarray()
            if other is None:
                assert one is None
            else:
                assert one.dtype == other.dtype
                assert one.flags.writeable
                np.testing.assert_array_equal(one, other)


def test_a_full_disk_is_no_error(monkeypatch):
    monkeypatch.setattr(row_cache, "FREE_SHARE", 1 << 62)
    assert RowCache().add(Rows(X)) is None


def files(folder, ending):
    for number in range(3):
        path = folder / f"{number}{ending}"
        with formats.format_of_file(path).open_writer(path) as writer:
            part = slice(number * 300, number * 300 + 300)
            writer.write(Rows(X[part], Y[part]))
    return [str(folder / f"{number}{ending}") for number in range(3)]


def passes(paths):
    data = FileDataset(paths, memory=9_000)
    source = data.snapshot()
    return [
        [np.concatenate(part) for part in zip(*source.windows(0, epoch), strict=True)
         if part[0] is not None]
        for epoch in (None, 0, 1)
    ]  # fmt: skip


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".jsonl"])
def test_passes_are_the_same_with_and_without(tmp_path, monkeypatch, ending):
    paths = files(tmp_path, ending)
    cached = passes(paths)
    np.testing.assert_array_equal(cached[0][0], X)
    monkeypatch.setattr(row_cache, "FREE_SHARE", 1 << 62)
    for one, other in zip(cached, passes(paths), strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_csv_is_parsed_once(tmp_path, monkeypatch):
    parsed = []
    parse = csv_files._frames
    monkeypatch.setattr(
        csv_files, "_frames", lambda *given: parsed.append(given) or parse(*given)
    )
    data = FileDataset(files(tmp_path, ".csv"), memory=9_000)
    assert data.shape == (900, 4)
    before = len(parsed)
    for _ in range(3):
        assert sum(len(y) for _, y in data) == 900
    data.load()
    assert len(parsed) == before


def test_a_cached_file_that_changes_is_noticed(tmp_path):
    paths = files(tmp_path, ".csv")
    source = FileDataset(paths, memory=9_000).snapshot()
    with open(paths[1], "a") as file:
        file.write("1,2,3,4,5\n")
    with pytest.raises(ValueError, match="has changed"):
        list(source.windows(0, 0))
