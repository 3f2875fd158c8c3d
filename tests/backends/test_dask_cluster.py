"""Training on a Dask cluster of processes: what X may be, and what may go wrong."""

import os
import signal
import threading
import time
from contextlib import contextmanager

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.model_selection import GridSearchCV

from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor
from sklearn_sagemaker.backends import DaskBackend, dask_service
from sklearn_sagemaker.backends.dask_files import FileShare
from sklearn_sagemaker.backends.dask_service import Service
from sklearn_sagemaker.backends.dask_shards import DaskShards
from sklearn_sagemaker.cli.main import main
from sklearn_sagemaker.exceptions import ClusterLostError, DataFileError
from sklearn_sagemaker.io import FileDataset, write_recordio
from sklearn_sagemaker.io.datasets.contents import Look
from sklearn_sagemaker.io.datasets.snapshot import Snapshot
from tests.backends.clusters import two_workers
from tests.backends.support import assert_same
from tests.training.shards.stand_in import LocalShards

pytestmark = [
    pytest.mark.slow,
    # Dask leaves sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

X, Y = make_classification(600, 6, random_state=0)
SETTINGS = {"num_models": 3, "epochs": 2, "optimizer": "adam", "random_state": 0}


def classifier(backend, **settings):
    return LinearLearnerClassifier(**{**SETTINGS, "backend": backend, **settings})


def closing_of(shards):
    shards.close = lambda: None
    return shards


class InProcess(DaskBackend):
    """The same shards, one after the other in this process."""

    def _sent(self, client, spec, data):
        class One:
            def scatter(self, held, **_):
                return held

        found = super()._sent(One(), spec, data)
        shards = [
            found._rows.held(One(), number, "").shard(found.contents)
            for number in range(self.n_shards)
        ]
        return closing_of(LocalShards(shards, found.contents, self.memory))


class FilesInProcess(DaskBackend):
    """The same of files."""

    @contextmanager
    def placed(self, rows, settings):
        shares = [
            FileShare(rows.X.reading, number, self.n_shards)
            for number in range(self.n_shards)
        ]
        look = Look()
        for share in shares:
            look.take_in(share.look())
        contents = look.contents(None, look.n_bytes)
        shards = [share.shard(contents) for share in shares]
        yield rows._replace(X=LocalShards(shards, contents, self.memory))


@pytest.fixture(scope="module")
def expected():
    return classifier(InProcess(n_shards=4)).fit(X, Y)


def test_a_cluster_trains_as_one_process_does(cluster, expected):
    model = classifier(DaskBackend(cluster, n_shards=4)).fit(X, Y)
    assert_same(model, expected)
    assert model.resolved_params_["n_shards"] == 4


def test_most_calls_are_one_message_and_leave_no_task_behind(cluster, monkeypatch):
    asked, at_work = [], []
    ask = Service.ask

    def watched(self, groups, task, *arguments):
        found = ask(self, groups, task, *arguments)
        asked.append((task.__name__, found is not None))
        if found is not None:
            # The scheduler takes no worker for an idle one.
            at_work.append([len(keys) for keys in cluster.processing().values()])
        return found

    monkeypatch.setattr(Service, "ask", watched)
    # However busy this machine is.
    cluster.run(setattr, dask_service, "STARTUP", 60.0)
    classifier(DaskBackend(cluster, n_shards=4)).fit(X, Y)
    rounds = [direct for name, direct in asked if name == "train_round"]
    assert not rounds[0]
    assert len(rounds) > 2
    assert all(rounds[1:])
    assert at_work == [[1, 1]] * len(at_work)
    end = time.monotonic() + 60
    while any(cluster.run(services).values()):
        assert time.monotonic() < end
        time.sleep(0.05)


def services():
    return list(dask_service._held)


def partitions(rows, labels):
    return da.from_array(rows, chunks=(100, 3)), da.from_array(labels, chunks=70)


def test_collections_of_one_kind_and_another_train_alike(cluster):
    pandas = pytest.importorskip("pandas")
    frames = pytest.importorskip("dask.dataframe")
    names = [f"x{number}" for number in range(6)]
    table = pandas.DataFrame(X, columns=names).assign(y=Y, w=1.0)
    table = frames.from_pandas(table, npartitions=6)
    blocks = [dask.delayed(X[k : k + 100]) for k in range(0, 600, 100)]
    labels = [Y[k : k + 100] for k in range(0, 600, 100)]
    backend = DaskBackend(cluster, n_shards=3)
    found = [
        classifier(backend).fit(*rows)
        for rows in (
            partitions(X, Y),
            (blocks, labels),
            (table[names], table["y"], table["w"]),
        )
    ]
    assert found[2].feature_names_in_.tolist() == names
    for model in found[1:]:
        assert (model.coef_ == found[0].coef_).all()
    assert found[0].score(X, Y) > 0.8


def test_text_labels_sparse_blocks_and_validation_rows(cluster):
    rows = sp.random_array((600, 30), density=0.2, rng=0, format="csr")
    labels = np.where(rows[:, [0]].toarray().ravel() > 0, "yes", "no")
    blocks = [dask.delayed(rows[k : k + 150]) for k in range(0, 600, 150)]
    texts = [dask.delayed(labels[k : k + 150]) for k in range(0, 600, 150)]
    model = classifier(DaskBackend(cluster), epochs=10, class_weight="balanced")
    model.fit(blocks, texts, X_val=blocks[:1], y_val=texts[:1])
    assert model.classes_.tolist() == ["no", "yes"]
    assert model.score(rows, labels) > 0.95
    with pytest.raises(ValueError, match=r"X_val takes \d+ bytes, more than memory=10"):
        classifier(DaskBackend(cluster, memory=10)).fit(X, Y, X_val=blocks, y_val=texts)


@pytest.mark.parametrize("memory", [1 << 20, 1 << 12], ids=["loaded", "streamed"])
@pytest.mark.parametrize("files", [1, 5])
def test_files_are_read_by_the_workers(cluster, tmp_path, monkeypatch, memory, files):
    write_recordio(tmp_path / "train.pbr", X, Y, shards=files)
    data = FileDataset(str(tmp_path / "*.pbr"), memory=memory)
    monkeypatch.setattr(Snapshot, "__init__", None)
    backend = DaskBackend(cluster, n_shards=4)
    model = classifier(backend, epochs=10).fit(data)
    assert model.score(X, Y) > 0.8
    monkeypatch.undo()
    assert (
        classifier(FilesInProcess(n_shards=4), epochs=10).fit(data).coef_ == model.coef_
    ).all()


def test_a_worker_lost_in_the_middle_changes_no_bit(expected, monkeypatch):
    rows = partitions(X, Y)
    with two_workers() as client:
        own = client.cluster
        backend = DaskBackend(client, n_shards=4)
        on_partitions = classifier(backend).fit(*rows)
        calls = []
        asked = DaskShards._asked

        def killing(self, *arguments):
            calls.append(arguments)
            if len(calls) == 4:
                # One of two, while it works.
                pid = own.workers[len(killed)].pid
                killed.append(pid)
                threading.Timer(0.01, os.kill, (pid, signal.SIGKILL)).start()
            return asked(self, *arguments)

        monkeypatch.setattr(DaskShards, "_asked", killing)
        killed = []
        assert_same(classifier(backend).fit(X, Y), expected)
        calls.clear()
        assert_same(classifier(backend).fit(*rows), on_partitions)
        assert len(killed) == 2


@pytest.mark.parametrize(
    ("rows", "error", "said"),
    [
        (
            partitions(np.where(X[333, 4] == X, np.nan, X), Y),
            DataFileError,
            r"partition 3: row 33 \(counted from 0\): feature 4 .* nan",
        ),
        (partitions(X, np.zeros(600)), ValueError, "y has 1 class"),
        (partitions(X[:0], Y[:0]), DataFileError, "no row in any"),
        (partitions(X, np.linspace(0, 1, 600)), ValueError, "continuous"),
    ],
)
def test_rows_that_cannot_be_trained_on(cluster, rows, error, said):
    model = classifier(DaskBackend(cluster))
    with pytest.raises(error, match=said):
        model.fit(*rows)
    assert not hasattr(model, "n_features_in_")


def test_a_failing_partition_says_so_itself(cluster):
    def broken():
        raise OSError("no such table")

    with pytest.raises(OSError, match="no such table"):
        classifier(DaskBackend(cluster)).fit([dask.delayed(broken)()], [Y])


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr("sklearn_sagemaker.backends.dask_cluster.CONNECT", 0.5)
    backend = DaskBackend("tcp://127.0.0.1:1")
    with pytest.raises(ClusterLostError, match="client='tcp://127.0.0.1:1'"):
        classifier(backend).fit(X, Y)


def test_only_samples_come_to_the_client(cluster, monkeypatch):
    rows, targets = make_regression(20_000, 20, random_state=0)
    seen = []
    reduce = DaskShards.reduce

    def watched(self, task, *arguments):
        seen.append((task.__name__, self.n_sent))
        return reduce(self, task, *arguments)

    monkeypatch.setattr(DaskShards, "reduce", watched)
    model = LinearLearnerRegressor(
        backend=DaskBackend(cluster, memory=1 << 20), random_state=0
    )
    model.fit(*partitions_of(rows, targets, 2_500))
    assert model.score(rows, targets) > 0.999
    # Two samples of a sixth each and what belongs to them, as if from each shard.
    assert seen[1][1] / 8 < 1 << 20 < rows.nbytes / 3


def partitions_of(rows, labels, size):
    return da.from_array(rows, chunks=(size, -1)), da.from_array(labels, chunks=size)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_searches_spread_fits_by_joblib(cluster):
    search = GridSearchCV(
        LinearLearnerClassifier(num_models=2, epochs=3, random_state=0),
        {"wd": [1e-4, 1.0]},
        cv=2,
    )
    here = clone(search).fit(X, Y)
    with cluster.as_current(), joblib.parallel_config(backend="dask"):
        there = clone(search).fit(X, Y)
    assert (
        there.cv_results_["mean_test_score"] == here.cv_results_["mean_test_score"]
    ).all()
    # Those of a search may train on the cluster that they run on, and wait for none.
    search = clone(search).set_params(
        estimator__backend=DaskBackend(cluster, n_shards=2), estimator__epochs=2
    )
    with cluster.as_current(), joblib.parallel_config(backend="dask"):
        search.fit(X, Y)
    assert search.best_score_ > 0.8


def test_the_command_line_trains_on_a_cluster(cluster, tmp_path):
    file, path = tmp_path / "rows.npz", tmp_path / "model.joblib"
    np.savez(file, X=X, y=Y)
    address = cluster.scheduler.address
    settings = [
        f"--set={name}={SETTINGS[name]}"
        for name in ("num_models", "epochs", "optimizer")
    ]
    kind = ["--predictor-type", "binary_classifier", "--model", str(path)]
    where = ["--backend", "dask", "--scheduler", address]
    assert main(["train", str(file), *kind, *where, *settings]) == 0
    model = joblib.load(path)
    assert model.backend is None
    assert model.resolved_params_["n_shards"] == 8
    assert model.score(X, Y) > 0.8


def test_without_a_client_there_is_an_encrypted_cluster_for_the_fit(monkeypatch):
    seen = []
    joined = DaskShards._joined

    def watched(self, *arguments):
        seen.append((self._client, self._client.scheduler.address))
        return joined(self, *arguments)

    monkeypatch.setattr(DaskShards, "_joined", watched)
    rows = partitions(X, Y)
    model = classifier("dask", epochs=1).fit(*rows)
    assert model.score(X, Y) > 0.6
    ((client, address),) = set(seen)
    assert address.startswith("tls://127.0.0.1:")
    assert client.status == "closed"
