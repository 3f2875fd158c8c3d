"""The Dask backend as a value, and its checks of partitions, without a cluster."""

import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from sklearn_sagemaker import FactorizationMachinesRegressor, LinearLearnerRegressor
from sklearn_sagemaker.backends import DaskBackend, FitRows, resolve_backend
from sklearn_sagemaker.backends.dask_collections import rows_of
from sklearn_sagemaker.backends.dask_rows import _blocks
from sklearn_sagemaker.exceptions import OptionalDependencyError

dask_array = pytest.importorskip("dask.array")

X = np.arange(40.0).reshape(20, 2)
Y = np.arange(20.0)


class Connection(SimpleNamespace):
    """A client, as far as a backend looks at it that does not train."""

    def __reduce__(self):
        raise TypeError("a connection cannot be pickled")

    def __deepcopy__(self, memo):
        raise TypeError("nor copied")


def test_a_backend_is_a_value_though_a_client_is_none():
    client = Connection(scheduler=SimpleNamespace(address="tls://host:1"))
    model = LinearLearnerRegressor(backend=DaskBackend(client, n_shards=3))
    copy = clone(model)
    assert copy.backend is not model.backend
    assert copy.backend.client is client
    assert copy.backend.n_shards == 3
    sent = pickle.loads(pickle.dumps(model))
    assert sent.backend.client == "tls://host:1"
    assert clone(model).set_params(backend__n_shards=5).backend.n_shards == 5
    assert isinstance(resolve_backend("dask"), DaskBackend)


@pytest.mark.parametrize(
    ("settings", "parameters", "error", "said"),
    [
        ({"n_shards": 0}, {}, ValueError, "n_shards=0"),
        ({"memory": 1.5}, {}, ValueError, "memory=1.5"),
        ({"every": -1}, {}, ValueError, "every=-1"),
        ({}, {"cv": 5}, ValueError, "cv=5 asks for folds"),
    ],
)
def test_settings_are_refused_before_any_work(settings, parameters, error, said):
    model = LinearLearnerRegressor(backend=DaskBackend("no", **settings), **parameters)
    with pytest.raises(error, match=said):
        model.fit(X, Y)


@pytest.mark.parametrize("solver", ["als", "mcmc"])
def test_solvers_that_need_all_rows_are_refused_by_name(solver):
    backend = DaskBackend("no such address")
    model = FactorizationMachinesRegressor(backend=backend, solver=solver)
    with pytest.raises(ValueError, match=f"solver='{solver}' needs all rows"):
        model.fit(X, Y)


class Rows:
    """Rows that nobody may look at."""

    def __array__(self, *_, **__):
        raise AssertionError("they are gathered")


def test_partial_fit_is_refused_by_name():
    with pytest.raises(ValueError, match="partial_fit cannot run on backend=Dask"):
        LinearLearnerRegressor(backend="dask").partial_fit(Rows(), Y)


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(OptionalDependencyError, match=r"sklearn_sagemaker\[dask\]"):
        LinearLearnerRegressor(backend="dask").fit(X, Y)


def test_other_backends_gather_no_collection():
    rows = dask_array.from_array(X, chunks=5)
    with pytest.raises(TypeError, match="does not take a dask"):
        LinearLearnerRegressor(backend="local").fit(rows, Y)


def looked(*parts, names=None, cuts=1):
    """What a shard of some partitions holds."""
    mine = [(number, 0) for number in range(len(parts))]
    return _blocks(0, mine, cuts, names, list(parts)).look()


def test_a_look_counts_rows_and_labels_and_leaves_out_empty_partitions():
    found = looked(
        (X[:4], np.array(["a", "b", "b", "a"]), None),
        (X[:0], np.array([], dtype=str), None),
        (X[:2], np.array(["b", "c"]), np.array([1, 0])),
    )
    assert found.n_rows == 5
    assert found.labels.tolist() == ["a", "b"]
    assert found.counts.tolist() == [2, 3]
    assert len(looked((X, Y, None), cuts=3).labels) == 7


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (
            (np.where(X == 6, np.nan, X), Y, None),
            "partition 1: row 3 .*feature 0 .*nan",
        ),
        ((X[:, :1], Y, None), "partition 1: its rows have 1 features"),
        ((sp.csr_array(X), Y, None), "partition 1: its rows are sparse"),
        ((X, Y[:5], None), r"partition 1: y has the shape \(5,\) for 20 rows"),
        ((X, Y + np.inf, None), "partition 1: row 0 .* label"),
        ((X, np.array([None] * 20), None), "partition 1: row 0 .* label is None"),
        ((X, Y, -Y), "partition 1: row 1 .* weight is -1"),
        ((np.full((20, 2), "a"), Y, None), "partition 1: X is of dtype <U1"),
        ((X.astype(complex), Y, None), "partition 1: X is of dtype complex128"),
        ((X[0], Y, None), "partition 1: X has 1 dim"),
        ((X, np.array(["a"] * 20), None), "partition 1: some labels are text"),
    ],
)
def test_bad_partitions_are_named(part, said):
    with pytest.raises(ValueError, match=said):
        looked((X, Y, None), part)


def rows_like(X_, y, weights=None):
    return rows_of(FitRows(X_, y, weights), n_shards=4)


def test_labels_take_the_blocks_of_rows():
    found = rows_like(
        dask_array.from_array(X, chunks=(6, 1)), dask_array.from_array(Y, chunks=7)
    )
    X_part, y_part, weights = found._parts[1]
    assert X_part.compute(scheduler="sync").tolist() == X[6:12].tolist()
    assert y_part.compute(scheduler="sync").tolist() == Y[6:12].tolist()
    assert weights is None


def test_each_piece_of_few_partitions_goes_to_one_shard():
    found = rows_like(dask_array.from_array(X, chunks=7), dask_array.from_array(Y))
    dealt = [piece for number in range(4) for piece in found._dealt(number)]
    assert sorted(dealt) == [(part, cut) for part in range(3) for cut in range(2)]


def test_labels_of_other_kinds_are_refused():
    rows = dask_array.from_array(X, chunks=5)
    with pytest.raises(TypeError, match="y must be a Dask collection"):
        rows_like(rows, Y)
    with pytest.raises(ValueError, match="y has 19 numbers for the 20 rows"):
        rows_like(rows, dask_array.from_array(Y[1:]))
    with pytest.raises(TypeError, match="y must be a list of 4 blocks"):
        rows_like(rows.to_delayed().ravel().tolist(), Y)


def test_columns_that_are_no_numbers_are_refused_by_name():
    pandas = pytest.importorskip("pandas")
    frames = pytest.importorskip("dask.dataframe")
    table = pandas.DataFrame({"a": Y, "b": pandas.Categorical(["x"] * 20)})
    table = frames.from_pandas(table, npartitions=2)
    with pytest.raises(ValueError, match=r"'b' \(category\)"):
        rows_like(table, table["a"])
