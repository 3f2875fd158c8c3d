"""Datasets of files: what they hold, the windows of a pass, and training from them."""

import copy
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.exceptions import DataFileError, RecordIOError
from sklearn_sagemaker.io import FileDataset, write_recordio
from sklearn_sagemaker.io.datasets import contents as contents_module
from sklearn_sagemaker.io.datasets.contents import Look
from sklearn_sagemaker.io.datasets.snapshot import Snapshot
from sklearn_sagemaker.io.formats import FORMATS
from sklearn_sagemaker.io.rows import Rows

N, D = 3000, 12


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, D)).astype(np.float32)
    X[rng.random(X.shape) < 0.4] = 0.0
    # The number of the row, to be told apart by.
    X[:, -1] = np.arange(N)
    y = (X[:, 0] - X[:, 1] > 0).astype(np.float32)
    return X, y, rng.integers(1, 4, N).astype(np.float32)


@pytest.fixture(scope="module", params=["dense", "sparse"])
def rows(request, table):
    X, y, weights = table
    return (sp.csr_matrix(X) if request.param == "sparse" else X), y, weights


def dense(X):
    return X.toarray() if sp.issparse(X) else X


def write(folder, X, y, weights=None, ending=".pbr", shards=3):
    """Shards of any format; returns a pattern that matches them."""
    cuts = np.linspace(0, len(y), shards + 1).astype(int)
    format = next(f for f in FORMATS.values() if ending in f.endings)
    for number in range(shards):
        part = slice(cuts[number], cuts[number + 1])
        with format.open_writer(str(folder / f"part_{number}{ending}")) as writer:
            w = None if weights is None else weights[part]
            writer.write(Rows(X[part], y[part], w))
    return str(folder / f"part_*{ending}")


def numbers(parts):
    """Row numbers, as the rows came."""
    return np.concatenate([dense(X)[:, -1] for X in parts]).astype(int)


@pytest.mark.parametrize(
    "ending", [".pbr", ".pbr.gz", ".npz", ".svm", ".csv", ".csv.gz"]
)
def test_every_format_gives_the_same_rows(tmp_path, rows, ending):
    X, y, _ = rows
    if ending.startswith(".csv"):
        X = dense(X)
    pattern = write(tmp_path, X, y, ending=ending)
    # A shard of .npz is loaded whole.
    data = FileDataset(pattern, memory=80_000 if ending == ".npz" else 40_000)
    assert data.shape == (N, D)
    assert data.contents.n_bytes > data.memory
    found, labels, weights = data.load()
    assert_allclose(dense(found), dense(X), rtol=1e-6)
    assert_array_equal(labels, y)
    assert weights is None
    # Every row once, in an order of its own.
    orders = [
        numbers([window[0] for window in data.windows(7, epoch)]) for epoch in range(4)
    ]
    for order in orders:
        assert_array_equal(np.sort(order), np.arange(N))
    assert len({tuple(order) for order in orders}) > 1


def test_windows_are_repeatable_and_carry_fixed_draws(tmp_path, rows):
    X, y, weights = rows
    data = FileDataset(write(tmp_path, X, y, weights), memory=40_000)
    passes = {}
    for epoch in (None, 0, 1):
        parts = list(data.windows(5, epoch))
        assert len(parts) > 3
        order = numbers([part[0] for part in parts])
        assert_array_equal(np.concatenate([part[1] for part in parts]), y[order])
        assert_array_equal(np.concatenate([part[2] for part in parts]), weights[order])
        draws = np.empty(N)
        draws[order] = np.concatenate([part[3] for part in parts])
        passes[epoch] = order, draws
    assert_array_equal(passes[None][0], np.arange(N))
    assert_array_equal(passes[0][1], passes[None][1])
    assert_array_equal(passes[1][1], passes[0][1])
    assert 0.45 < passes[0][1].mean() < 0.55
    again = numbers([part[0] for part in data.windows(5, 1)])
    assert_array_equal(again, passes[1][0])
    other = np.concatenate([part[3] for part in data.windows(6, None)])
    assert (other != passes[None][1]).any()


def test_pieces_within_a_file_are_shuffled(tmp_path, table):
    X, y, _ = table
    path = tmp_path / "sorted.pbr"
    write_recordio(path, X, y)
    data = FileDataset(path, memory=80_000)
    first = numbers([next(iter(data.windows(0, 0)))[0]])
    # One window's rows come from all over the file.
    assert np.ptp(first) > N / 2
    assert len(first) < N / 4


def test_windows_keep_to_the_memory(tmp_path, rows):
    X, y, _ = rows
    data = FileDataset(write(tmp_path, X, y), memory=40_000)
    sizes = [dense(window[0]).shape[0] for window in data.windows(0, 0)]
    assert max(sizes) * D * 4 < 40_000
    assert len(sizes) > 10


def test_iteration_gives_mini_batches(tmp_path, rows):
    X, y, _ = rows
    data = FileDataset(write(tmp_path, X, y), batch_size=64, memory=40_000)
    passes = [list(data), list(data)]
    orders = [numbers([batch[0] for batch in one]) for one in passes]
    for one, order in zip(passes, orders, strict=True):
        assert {len(labels) for _, labels in one[:-1]} == {64}
        assert_array_equal(np.sort(order), np.arange(N))
        assert_array_equal(np.concatenate([labels for _, labels in one]), y[order])
    assert (orders[0] != orders[1]).any()
    in_order = FileDataset(data.paths, shuffle=False, memory=40_000)
    assert_array_equal(numbers([X for X, _ in in_order]), np.arange(N))


def test_an_iteration_that_is_left_early_leaves_no_thread(tmp_path, rows):
    data = FileDataset(write(tmp_path, *rows[:2]), memory=40_000)
    batches = iter(data)
    next(batches)
    batches.close()
    assert not [t for t in threading.enumerate() if t.name == "read-ahead"]


def test_weights_of_some_files_only(tmp_path, table):
    X, y, weights = table
    write_recordio(tmp_path / "a.pbr", X[:100], y[:100])
    write_recordio(tmp_path / "b.pbr", X[100:], y[100:], sample_weight=weights[100:])
    found = FileDataset(str(tmp_path / "*.pbr")).load()[2]
    assert_array_equal(found[:100], np.ones(100))
    assert_array_equal(found[100:], weights[100:])


def test_windows_of_files_without_weights_weigh_one(tmp_path, table):
    X, y, weights = table
    half = N // 2
    write_recordio(tmp_path / "a.pbr", X[:half], y[:half])
    write_recordio(tmp_path / "b.pbr", X[half:], y[half:], sample_weight=weights[half:])
    data = FileDataset(str(tmp_path / "*.pbr"), memory=40_000)
    found, alone = np.full(N, np.nan), 0
    for part, _, weight, _ in data.windows(0, None):
        places = numbers([part])
        found[places] = weight
        alone += places.max() < half
    assert alone
    assert_array_equal(found, np.r_[np.ones(half), weights[half:]])


def test_labels_are_counted_until_there_are_too_many(tmp_path, table, monkeypatch):
    X, _, _ = table
    monkeypatch.setattr(contents_module, "MOST_LABELS", 5)
    for n_labels in (5, 6):
        files = write(tmp_path, X, np.arange(N) % n_labels)
        found = FileDataset(files).contents
        if n_labels == 5:
            assert_array_equal(found.labels, np.arange(5))
            assert found.counts.sum() == N
        else:
            assert found.labels is None
            assert found.counts is None
        assert found.n_rows == N


def test_sparse_files_of_different_width_and_type(tmp_path, table):
    X, y, _ = table
    write_recordio(tmp_path / "a.pbr", sp.csr_matrix(X[:100, :5]), y[:100])
    write_recordio(tmp_path / "b.pbr", sp.csr_matrix(X[100:]), y[100:], dtype="float64")
    data = FileDataset(str(tmp_path / "*.pbr"), memory=40_000)
    assert data.shape == (N, D)
    assert data.contents.dtype == np.float64
    found = sp.vstack([window[0] for window in data.windows(0, None)]).toarray()
    assert_array_equal(found[:100, :5], X[:100, :5])
    assert_array_equal(found[100:], X[100:])
    wider = FileDataset(str(tmp_path / "*.pbr"), n_features=20)
    assert wider.load()[0].shape == (N, 20)


def test_a_file_that_changed_is_looked_at_anew(tmp_path, table):
    X, y, _ = table
    path = tmp_path / "data.pbr"
    write_recordio(path, X, y)
    data = FileDataset(path)
    assert data.shape == (N, D)
    write_recordio(path, X[:50], y[:50])
    assert data.shape == (50, D)
    assert len(data.load()[1]) == 50


def test_what_a_dataset_holds(tmp_path, rows):
    X, y, weights = rows
    weights = np.where(np.arange(N) % 2, weights, 0.0)
    found = FileDataset(write(tmp_path, X, y, weights)).contents
    counted = y[weights > 0]
    assert (found.n_rows, found.n_features) == (N // 2, D)
    assert found.sparse == sp.issparse(X)
    assert_array_equal(found.labels, [0, 1])
    assert_array_equal(found.counts, np.bincount(counted.astype(int)))
    size = X.data.nbytes + X.indices.nbytes if found.sparse else X.nbytes
    # And 32 bytes for what is known of each row.
    assert found.n_bytes == size + 32 * N


def test_a_feature_twice_in_a_row_is_summed(tmp_path):
    indptr = np.arange(0, 2001, 2)
    data = np.ones(2000, dtype=np.float32)
    indices = np.tile([3, 3], 1000)
    np.savez(
        tmp_path / "x.npz",
        data=data,
        indices=indices,
        indptr=indptr,
        shape=np.array([1000, 5]),
        y=np.arange(1000) % 2,
    )
    source = FileDataset(tmp_path / "x.npz", memory=42_000)
    X = source.load()[0]
    assert X.nnz == 1000
    assert (X.data == 2.0).all()
    for window in source.windows(0, 0):
        assert window[0].has_canonical_format
        assert (window[0].data == 2.0).all()


@pytest.mark.parametrize("ending", [".npz", ".json", ".json.gz"])
def test_files_that_are_loaded_whole_keep_to_the_memory(tmp_path, table, ending):
    X, y, _ = table
    pattern = write(tmp_path, X, y, ending=ending)
    memory = 80_000 if ending == ".npz" else 400_000
    assert FileDataset(pattern, memory=memory).shape == (N, D)
    with pytest.raises(DataFileError, match="has more than 40,000 bytes, and files of"):
        _ = FileDataset(pattern, memory=40_000).contents


def test_rows_without_a_value(tmp_path, table):
    _, y, _ = table
    X = sp.csr_matrix((N, D), dtype=np.float32)
    data = FileDataset(write(tmp_path, X, y), memory=40_000)
    assert data.load()[0].nnz == 0
    assert sum(window[0].shape[0] for window in data.windows(0, 0)) == N


def test_text_labels(tmp_path, table):
    X, y, _ = table
    for number in range(3):
        part = slice(number * 1000, number * 1000 + 1000)
        labels = np.where(y[part] > 0, "yes", "no")
        np.savez(tmp_path / f"{number}.npz", X=X[part], y=labels)
    data = FileDataset(str(tmp_path / "*.npz"), memory=80_000)
    assert data.contents.labels.tolist() == ["no", "yes"]
    model = LinearLearnerClassifier(random_state=0, epochs=3).fit(data)
    assert set(model.predict(X)) == {"no", "yes"}


# --------------------------------------------------------------------------- training
MODELS = [
    LinearLearnerClassifier(random_state=0, epochs=4, num_models=3),
    FactorizationMachinesClassifier(random_state=0, epochs=4, num_models=3),
    LinearLearnerRegressor(random_state=0, epochs=4, num_models=3),
    FactorizationMachinesRegressor(random_state=0, epochs=4, num_models=3),
]


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_training_from_files(tmp_path, rows, model):
    X, y, _ = rows
    X = X[:, :-1]
    pattern = write(tmp_path, X, y)
    cls, parameters = type(model), model.get_params()
    in_memory = cls(**parameters).fit(X, y)
    loaded = cls(**parameters).fit(FileDataset(pattern))
    assert_array_equal(loaded.coef_, in_memory.coef_)
    windowed = cls(**parameters).fit(FileDataset(pattern, memory=60_000))
    assert windowed.resolved_params_["validation"] == "hold-out"
    assert windowed.score(X, y) > in_memory.score(X, y) - 0.05
    again = cls(**{**parameters, "n_jobs": 2})
    again.fit(FileDataset(pattern, memory=60_000))
    assert_array_equal(again.coef_, windowed.coef_)
    streamed = cls(**parameters)
    for _ in range(3):
        streamed.partial_fit(FileDataset(pattern, memory=60_000))
    assert streamed.score(X, y) > 0.3


# ----------------------------------------------------------------------- what is wrong
def test_no_file_matches(tmp_path):
    with pytest.raises(DataFileError, match="no file matches"):
        FileDataset(str(tmp_path / "*.pbr"))
    with pytest.raises(DataFileError, match="name at least one file"):
        FileDataset([])
    for name in ("batch_size", "memory"):
        for value in (0, 2.5, "3", True):
            with pytest.raises(ValueError, match=f"{name}={value!r} must be a whole"):
                FileDataset(__file__, **{name: value})
    with pytest.raises(DataFileError, match="unknown kind of file"):
        FileDataset(__file__)
    with pytest.raises(DataFileError, match="is a folder; name a file in it"):
        FileDataset(tmp_path)
    with pytest.raises(TypeError, match="is bytes; give a str"):
        FileDataset(b"a.csv")
    with pytest.raises(TypeError, match="a path must be a str or path-like, got int"):
        FileDataset(3)


def test_files_that_do_not_go_together(tmp_path, table):
    X, y, _ = table
    write_recordio(tmp_path / "a.pbr", X, y)
    for name, other, message in (
        ("b1", sp.csr_matrix(X), "its rows are sparse, those of .*a.pbr are dense"),
        ("b2", X[:, :5], "its rows have 5 features, those of .*a.pbr have 12"),
    ):
        path = tmp_path / f"{name}.pbr"
        write_recordio(path, other, y)
        with pytest.raises(DataFileError, match=message):
            _ = FileDataset([tmp_path / "a.pbr", path]).contents
    np.savez(tmp_path / "c.npz", X=X, y=np.where(y > 0, "yes", "no"))
    with pytest.raises(DataFileError, match="text and others numbers"):
        _ = FileDataset([tmp_path / "a.pbr", tmp_path / "c.npz"]).contents
    with pytest.raises(DataFileError, match="n_features=5, but the files have 12"):
        _ = FileDataset(tmp_path / "c.npz", n_features=5).contents
    with pytest.raises(DataFileError, match="its dense rows have 12"):
        _ = FileDataset(tmp_path / "c.npz", n_features=15).contents


def test_rows_that_cannot_be_trained_on(tmp_path, table):
    X, y, _ = table
    path = tmp_path / "x.pbr"
    for labels, weights, message in (
        (None, None, "has no labels"),
        (y, np.zeros(N), "no row of non-zero weight"),
    ):
        write_recordio(path, X, labels, sample_weight=weights)
        with pytest.raises(DataFileError, match=message):
            _ = FileDataset(path, memory=40_000).contents
    # What our own writer refuses, others may write.
    size = len(write_recordio(None, X[:1], y[:1], sample_weight=y[:1]))
    nan = np.float32(np.nan).tobytes()
    for marked, message in (
        ("feature", "row 2500 .counted from 0.*feature 3 .*nan"),
        ("label", "row 2500 .*the label is nan"),
        ("weight", "row 2500 .*the weight is -1.0; .* zero or above"),
    ):
        parts = [np.full((N, D), 2.0), np.full(N, 2.0), np.full(N, 2.0)]
        place = ("feature", "label", "weight").index(marked)
        parts[place][(2500, 3)[: parts[place].ndim]] = 77.0
        data = write_recordio(None, *parts[:2], sample_weight=parts[2])
        assert len(data) == N * size
        wrong = np.float32(-1.0).tobytes() if marked == "weight" else nan
        path.write_bytes(data.replace(np.float32(77.0).tobytes(), wrong))
        with pytest.raises(DataFileError, match=message):
            _ = FileDataset(path, memory=40_000).contents


def test_a_damaged_record_is_named_by_its_place_in_the_file(tmp_path, table):
    X, y, _ = table
    data = write_recordio(None, X, y)
    size = len(data) // N
    broken = bytearray(data)
    broken[2000 * size] ^= 1
    path = tmp_path / "x.pbr"
    path.write_bytes(broken)
    with pytest.raises(RecordIOError) as caught:
        _ = FileDataset(path, memory=40_000).contents
    assert (caught.value.record, caught.value.offset) == (2000, 2000 * size)
    assert caught.value.source == str(path)


CHANGED = "x.*: has changed while the files of the dataset were read"


def rewritten(path, data):
    """In place, with the same inode, and the time of before."""
    before = path.stat()
    with path.open("rb+") as file:
        file.truncate(len(data))
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path, data):
    path.with_suffix(".new").write_bytes(data)
    os.replace(path.with_suffix(".new"), path)


def truncated(path, data):
    os.truncate(path, path.stat().st_size * 2 // 3)


def swapped_and_back(path, data):
    """Another file by that name, for a moment."""
    old = path.with_suffix(".old")
    path.rename(old)
    path.write_bytes(data)
    old.replace(path)


CHANGES = [rewritten, replaced, truncated, swapped_and_back]


def other_labels(path, X, y):
    """Bytes of the same size for rows of other labels."""
    other = path.with_name("other" + "".join(path.suffixes))
    format = next(f for f in FORMATS.values() if other.name.endswith(f.endings))
    with format.open_writer(str(other)) as writer:
        writer.write(Rows(X, 1 - y))
    data = other.read_bytes()
    other.unlink()
    return data


@pytest.mark.parametrize("ending", [".pbr", ".npz", ".svm", ".csv"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_in_the_middle_of_a_pass(tmp_path, table, ending, change):
    X, y, _ = table
    write(tmp_path, X, y, ending=ending, shards=1)
    path = tmp_path / f"x{ending}"
    (tmp_path / f"part_0{ending}").rename(path)
    others = other_labels(path, X, y)
    dataset = FileDataset(path, memory=160_000 if ending == ".npz" else 40_000)
    windows = dataset.windows(0, None)
    next(windows)
    change(path, others)
    # By then the file may have been read to its end.
    with pytest.raises(DataFileError, match=CHANGED):
        list(windows)
    if change is not truncated:
        expected = y if change is swapped_and_back else 1 - y
        assert_array_equal(dataset.load()[1], expected)


@pytest.mark.parametrize("ending", [".pbr", ".npz"])
def test_a_file_that_changes_during_the_survey(tmp_path, table, ending, monkeypatch):
    X, y, _ = table
    write(tmp_path, X, y, ending=ending, shards=1)
    path = tmp_path / f"x{ending}"
    (tmp_path / f"part_0{ending}").rename(path)
    others = other_labels(path, X, y)
    add = Look.add

    def changing(self, *arguments):
        if not self.n_all:
            replaced(path, others)
        add(self, *arguments)

    monkeypatch.setattr(Look, "add", changing)
    with pytest.raises(DataFileError, match=CHANGED):
        _ = FileDataset(path).contents


def test_a_change_at_once_after_the_survey_is_seen(tmp_path, table):
    # Times of files go by ticks of some milliseconds.
    X, y, _ = table
    path = tmp_path / "x.pbr"
    pair = [write_recordio(None, X[:5], labels) for labels in (y[:5], 1 - y[:5])]
    for _ in range(20):
        path.write_bytes(pair[0])
        source = FileDataset(path).snapshot()
        rewritten(path, pair[1])
        with pytest.raises(DataFileError, match="has changed"):
            source.load()


@pytest.mark.parametrize("n", [N - 100, N + 100])
@pytest.mark.parametrize("memory", [40_000, 64 << 20])
def test_a_file_that_becomes_another_before_a_pass(
    tmp_path, rows, n, memory, monkeypatch
):
    X, y, _ = rows
    path = tmp_path / "x.pbr"
    write_recordio(path, X, y)
    windows, seen = Snapshot.windows, []

    def changing(self, seed, epoch):
        seen.append(epoch)
        if len(seen) == (3 if memory < 64 << 20 else 1):
            keep = np.arange(n) % N
            write_recordio(path, X[keep], y[keep])
        return windows(self, seed, epoch)

    monkeypatch.setattr(Snapshot, "windows", changing)
    model = LinearLearnerClassifier(random_state=0, epochs=4)
    with pytest.raises(DataFileError, match=CHANGED):
        model.fit(FileDataset(path, memory=memory))
    assert not [name for name in vars(model) if name.endswith("_")]


@pytest.mark.parametrize("memory", [40_000, 64 << 20])
def test_files_that_go_between_two_passes_of_a_fit(tmp_path, table, memory):
    X, y, _ = table
    path = tmp_path / "x.pbr"
    write_recordio(path, X, y)
    source = FileDataset(path, memory=memory).snapshot()
    assert len(source.load()[1]) == N
    path.unlink()
    with pytest.raises(DataFileError, match="no such file"):
        source.load()


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".pbr", ".csv"])
def test_threads_share_a_dataset(tmp_path, table, ending):
    X, y, _ = table
    pattern = write(tmp_path, X, y, ending=ending)

    def fitted(data):
        model = LinearLearnerClassifier(random_state=0, epochs=2, num_models=2)
        return model.fit(data).coef_

    expected = fitted(FileDataset(pattern, memory=60_000))
    for _ in range(5):
        data = FileDataset(pattern, memory=60_000)
        start = threading.Barrier(4)

        def work(data=data, start=start):
            start.wait()
            return fitted(data)

        with ThreadPoolExecutor(4) as pool:
            for found in [pool.submit(work) for _ in range(4)]:
                assert_array_equal(found.result(), expected)


def test_threads_that_iterate_share_the_passes_out(tmp_path, table):
    X, y, _ = table
    data = FileDataset(write(tmp_path, X, y), memory=40_000)
    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(lambda: numbers([X for X, _ in data])) for _ in range(8)]
    orders = {tuple(one.result()) for one in found}
    assert len(orders) == 8


def test_a_survey_is_made_once(tmp_path, table, monkeypatch):
    X, y, _ = table
    made = []
    init = Snapshot.__init__

    def counted(self, *arguments):
        made.append(1)
        init(self, *arguments)

    monkeypatch.setattr(Snapshot, "__init__", counted)
    data = FileDataset(write(tmp_path, X, y), memory=40_000)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: data.contents, range(8)))
    data.load()
    assert len(made) == 1
    data.memory = 80_000
    assert data.snapshot().memory == 80_000
    assert len(made) == 2


def test_a_dataset_travels_without_what_it_saw(tmp_path, table):
    X, y, _ = table
    data = FileDataset(write(tmp_path, X, y), memory=40_000, shuffle=False)
    _ = data.contents
    for other in (pickle.loads(pickle.dumps(data)), copy.deepcopy(data)):
        assert other._snapshot is None
        assert_array_equal(other.load()[1], y)


def test_a_fit_that_fails_leaves_the_estimator_as_it_was(tmp_path, table):
    X, y, _ = table
    path = tmp_path / "x.pbr"
    path.write_bytes(write_recordio(None, X, y)[:-5])
    model = LinearLearnerClassifier(random_state=0)
    with pytest.raises(RecordIOError):
        model.fit(FileDataset(path))
    assert not [name for name in vars(model) if name.endswith("_")]


def test_unknown_options(tmp_path, table):
    X, y, _ = table
    path = tmp_path / "x.pbr"
    write_recordio(path, X, y)
    with pytest.raises(ValueError, match="labl= is no option of RecordIO-protobuf"):
        _ = FileDataset(path, labl="y").contents
    with pytest.raises(ValueError, match="format='xml' must be one of"):
        FileDataset(path, format="xml")
    shown = repr(FileDataset([path, path]))
    assert shown == f"FileDataset('{path}' and 1 more)"
    data = FileDataset(path)
    path.unlink()
    with pytest.raises(DataFileError, match="no such file"):
        _ = data.contents


def test_csv_files_with_a_header_need_the_name_of_the_label(tmp_path, table):
    X, y, _ = table
    for number in range(2):
        part = slice(number * 1500, number * 1500 + 1500)
        labels = np.where(y[part] > 0, "yes", "no")
        lines = [
            ",".join([*map(repr, row.tolist()), label])
            for row, label in zip(X[part], labels, strict=True)
        ]
        names = ",".join([f"x{j}" for j in range(D)] + ["target"])
        (tmp_path / f"{number}.csv").write_text("\n".join([names, *lines]))
    pattern = str(tmp_path / "*.csv")
    with pytest.raises(DataFileError, match="has a header, and no label is named"):
        _ = FileDataset(pattern).contents
    data = FileDataset(pattern, label="target", memory=60_000)
    assert data.shape == (N, D)
    assert data.contents.labels.tolist() == ["no", "yes"]
    assert_array_equal(dense(data.load()[0]), X)
    (tmp_path / "2.csv").write_text("1.0,2.0\n3.0,4.0\n")
    with pytest.raises(DataFileError, match="has other column names"):
        _ = FileDataset(pattern, label="target").contents


@pytest.mark.parametrize("ending", [".pbr", ".csv"])
@pytest.mark.parametrize("memory", [1 << 16, 1 << 20], ids=["many", "cut"])
def test_parts_of_shares_hold_each_row_once(tmp_path, table, ending, memory):
    paths = write(tmp_path, *table[:2], ending=ending)
    snapshot = FileDataset(paths, memory=memory).snapshot()
    passes = [
        list(snapshot.windows(3, 1, (part, 5), (share, 3)))
        for share in range(3)
        for part in range(5)
    ]
    found = [window for windows in passes for window in windows]
    order = numbers(window[0] for window in found)
    assert_array_equal(np.sort(order), np.arange(N))
    # Not far from equal parts, each with the draws that all passes have.
    assert min(len(window[1]) for window in found) > 0
    assert min(sum(len(w[1]) for w in windows) for windows in passes) > 0
    whole = np.concatenate([window[3] for window in snapshot.windows(3, None)])
    assert_array_equal(np.concatenate([window[3] for window in found]), whole[order])
