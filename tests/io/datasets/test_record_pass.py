"""What passes over RecordIO files open, read and keep."""

import gc
from contextlib import closing
from weakref import WeakValueDictionary

import numpy as np
import pytest

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import FileDataset, write_recordio
from sklearn_sagemaker.io.datasets import record_pass, shards
from sklearn_sagemaker.io.datasets.record_pass import shared_spaces
from sklearn_sagemaker.io.datasets.windows import chosen_pieces

N = 2000
X = np.arange(N * 4, dtype=np.float32).reshape(N, 4)
Y = np.arange(N, dtype=np.float32)
PARTS = 4


@pytest.fixture
def opened(monkeypatch):
    """Files that were opened, in order."""
    found = []
    plain = shards.open_file

    def noted(*arguments, **more):
        found.append(plain(*arguments, **more))
        return found[-1]

    monkeypatch.setattr(shards, "open_file", noted)
    return found


def dataset(folder, files=5, memory=1 << 13):
    """Rows in more than one window of several pieces."""
    write_recordio(folder / "rows.pbr", X, Y, shards=files)
    found = FileDataset(sorted(folder.glob("*.pbr")), memory=memory)
    found.snapshot()
    return found


def labels(data, epoch, part=(0, 1)):
    with closing(data.windows(7, epoch, part)) as windows:
        return [y for _, labels, *_ in windows for y in labels.tolist()]


def slowly(keys, seed, epoch, part, share):
    """What `chosen_pieces` chooses."""
    keys = keys[share[0] :: share[1]]
    n_cuts = -(-part[1] // max(1, len(keys)))
    units = [(key, cut) for key in keys for cut in range(n_cuts)]
    if epoch is not None:
        order = np.random.default_rng([seed, 0x9A27, epoch]).permutation(len(units))
        units = [units[place] for place in order]
    first, last = (len(units) * (part[0] + more) // part[1] for more in (0, 1))
    found = {}
    for key, cut in units[first:last]:
        found.setdefault(key, []).append(cut)
    return found


@pytest.mark.parametrize("epoch", [None, 0, 3])
@pytest.mark.parametrize("n_parts", [1, 3, 32])
@pytest.mark.parametrize("share", [(0, 1), (1, 2)])
def test_pieces_of_a_part_are_those_of_a_plain_choice(epoch, n_parts, share):
    keys = [(number, piece) for number in range(3) for piece in range(4 + number)]
    for number in range(n_parts):
        found = chosen_pieces(keys, 5, epoch, (number, n_parts), share)
        expected = slowly(keys, 5, epoch, (number, n_parts), share)
        assert {key: found._of[key] for key in found} == expected


def test_a_part_is_read_in_the_order_of_the_epoch(tmp_path):
    data = dataset(tmp_path)
    place = {y: number for number, y in enumerate(labels(data, 2))}
    assert list(place) != sorted(place)
    seen = []
    for number in range(PARTS):
        part = labels(data, 2, (number, PARTS))
        places = [place[y] for y in part]
        assert places == sorted(places)
        seen += part
    assert sorted(seen) == Y.tolist()


def test_a_pass_opens_each_file_once_and_leaves_none_open(tmp_path, opened):
    data = dataset(tmp_path)
    names = sorted(map(str, tmp_path.glob("*.pbr")))
    opened.clear()
    labels(data, 1)
    assert sorted(file.name for file in opened) == names
    assert all(file.closed for file in opened)
    # One that is left early.
    opened.clear()
    with closing(data.windows(7, 1)) as windows:
        next(windows)
        assert not all(file.closed for file in opened)
    assert opened
    assert all(file.closed for file in opened)


def test_few_files_are_open_at_a_time(tmp_path, opened, monkeypatch):
    data = dataset(tmp_path)
    expected = labels(data, 1)
    opened.clear()
    monkeypatch.setattr(record_pass, "MOST_OPEN", 2)
    with closing(data.windows(7, 1)) as windows:
        found = []
        for _, part, *_ in windows:
            found += part.tolist()
            assert sum(not file.closed for file in list(opened)) <= 2
    assert found == expected
    assert len(opened) > 5
    assert all(file.closed for file in opened)


def test_a_pass_that_fails_leaves_no_file_open(tmp_path, opened):
    data = dataset(tmp_path)
    opened.clear()
    windows = data.windows(7, 1)
    next(windows)
    # Of the one that is read last nothing may be read ahead.
    for path in tmp_path.glob("*.pbr"):
        path.write_bytes(b"")
    with pytest.raises(DataFileError, match="changed"):
        list(windows)
    assert all(file.closed for file in opened)


def test_passes_over_parts_use_the_same_memory_and_it_goes_with_the_files(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(record_pass, "_shared", WeakValueDictionary())
    data = dataset(tmp_path)
    spaces = shared_spaces()
    labels(data, 1)
    # All rows at once: the memory is of no use before the next epoch.
    assert spaces._free == []
    labels(data, 1, (0, PARTS))
    (space,) = spaces._free
    assert len(space) > 0
    expected = labels(data, 1, (1, PARTS))
    assert len(spaces._free) == 1
    assert spaces._free[0] is space
    assert expected == labels(FileDataset(data.paths, memory=1 << 13), 1, (1, PARTS))
    # Two at a time have two.
    with closing(data.windows(7, 1, (0, PARTS))) as first:
        next(first)
        assert labels(data, 1, (1, PARTS)) == expected
    del data, spaces, first
    gc.collect()
    assert not record_pass._shared
