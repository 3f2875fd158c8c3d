"""Problems and models in files: every field, the same bits, and nothing else."""

import json
import os
import tracemalloc
import zipfile
from dataclasses import MISSING, fields, replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import KFold

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker._state import (
    ModelState,
    RowSource,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker.exceptions import ModelFormatError, StoredStateError
from sklearn_sagemaker.io import FileDataset, write_recordio
from sklearn_sagemaker.io.plain_values import digest_of
from sklearn_sagemaker.io.problem_files import (
    read_problem,
    read_state,
    write_problem,
    write_state,
)
from tests.backends.support import ThroughFiles, assert_same
from tests.backends.test_checkpoints import CASES

SPEC = TrainingSpec(
    algorithm="linear-learner",
    predictor_type="multiclass_classifier",
    hyperparameters={"epochs": 3, "l1": "auto", "wd": np.float64(0.1), "none": None},
    classes=np.array(["a", "bb", "c"]),
    cv=((np.arange(3), np.arange(3, 5)), (np.arange(3, 5), np.arange(3))),
    validation_fraction=0.25,
    class_weight=np.array([1.0, 2.0, 0.5]),
    n_jobs=2,
    seed=7,
    multiclass_criterion="accuracy",
    ensemble_size=3,
    resume={"coef": np.ones((3, 2)), "stream": {"calls": 3}, "made": (1, "x", None)},
    keep_state=True,
    stream=True,
    groups=np.array([0, 1]),
    positive=np.array([1, -1], dtype=np.int8),
    feature_names=np.array(["one", "zwö"], dtype=object),
)
STATE = ModelState(
    coef=np.asfortranarray(np.arange(6.0).reshape(3, 2)),
    intercept=np.array([0.0, -0.0, np.nextafter(1, 2)]),
    threshold=0.3,
    link="logit",
    n_iter=np.int64(4),
    best_index=np.int64(1),
    best_params={"l1": np.float64(0.1), "optimizer": "adam"},
    best_score=np.float64(-1.5),
    candidates={
        "params": [{"l1": 0.1}],
        "status": np.array(["diverged"], dtype="U13"),
        "loss": np.array([np.nan]),
        "rank": np.array([1], dtype=np.int32),
        "param_wd": np.array([None], dtype=object),
    },
    loss_curve=np.array([np.inf, 1.0]),
    validation_curve=np.array([1.0, 0.5]),
    resolved={"epochs": 3, "rates": (0.1, float("inf"))},
    metrics={"train": {"accuracy": float("nan")}},
    resume={"step": 3, "state": np.zeros((2, 0), dtype=np.float32)},
    factors=np.ones((3, 2, 2)),
    draws={"coef": np.ones((4, 3, 2))},
    held={"columns": np.arange(3)},
    source={"author": "someone"},
    training_job={"name": "job", "billable_seconds": 3},
    classes=SPEC.classes,
    feature_names=SPEC.feature_names,
    unknown=("n_iter",),
)


def assert_equal(one, other):
    assert type(one) is type(other)
    for field in fields(one):
        values = getattr(one, field.name), getattr(other, field.name)
        assert digest_of(values[0]) == digest_of(values[1]), field.name


@pytest.mark.parametrize("sample", [SPEC, STATE])
def test_the_samples_have_a_value_for_each_field(sample):
    """A field that is new must be added here, or it would be tested by its default."""
    for field in fields(sample):
        value = getattr(sample, field.name)
        if field.name != "format_version" and field.default is not MISSING:
            assert digest_of(value) != digest_of(field.default), field.name


X = np.arange(10.0).reshape(5, 2) % 3


@pytest.mark.parametrize(
    "rows",
    [
        X,
        X.astype(np.float32),
        X.astype(np.int64),
        X.astype(np.uint8),
        X.astype(">f8"),
        X > 1,
        np.asfortranarray(X),
        np.repeat(X, 2, axis=0)[::2],
        sp.csr_array(X),
        sp.csr_matrix(X.astype(np.float32)),
    ],
    ids=lambda rows: f"{type(rows).__name__} {rows.dtype}",
)
def test_every_field_comes_back(rows, tmp_path):
    y, weights = np.array([0.0, 1, 2, 1, 0]), np.array([1.0, 0, 2, 1e-300, 1])
    for data in (
        TrainingData(rows, y, weights),
        TrainingData(rows, y, weights, rows[:2], y[:2], weights[:2]),
    ):
        write_problem(tmp_path / "problem.zip", SPEC, data)
        spec, found = read_problem(tmp_path / "problem.zip")
        assert_equal(spec, SPEC)
        assert_equal(found, data)
    write_state(tmp_path / "state.zip", STATE)
    assert_equal(read_state(tmp_path / "state.zip"), STATE)
    assert sorted(os.listdir(tmp_path)) == ["problem.zip", "state.zip"]


def test_long_indices_stay_long(tmp_path):
    rows = sp.csr_array(X)
    rows.indices, rows.indptr = rows.indices.astype("i8"), rows.indptr.astype("i8")
    data = TrainingData(rows, np.zeros(5), np.ones(5))
    write_problem(tmp_path / "a.zip", SPEC, data)
    found = read_problem(tmp_path / "a.zip")[1].X
    assert found.indices.dtype == found.indptr.dtype == np.int64


def test_rows_are_in_memory_once(tmp_path):
    data = TrainingData(np.ones((1000, 1000)), np.zeros(1000), np.ones(1000))
    write_problem(tmp_path / "a.zip", SPEC, data)
    tracemalloc.start()
    try:
        read_problem(tmp_path / "a.zip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.2 * data.X.nbytes


def test_the_files_are_json_and_arrays(tmp_path):
    write_state(tmp_path / "a.zip", STATE)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        for name in archive.namelist():
            if name == "values.json":
                document = json.loads(archive.read(name))
                assert type(document["format_version"]) is int
            else:
                assert name.endswith(".npy")
                with archive.open(name) as member:
                    np.load(member, allow_pickle=False)


# ------------------------------------------------------------ fits, by what was read
LABELLED = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[LABELLED[1]]
QUICK = {"epochs": 4, "num_models": 3}
WEIGHTS = np.linspace(0, 2, len(NAMES))
FITS = {
    **CASES,
    "int64": (LinearLearnerClassifier(**QUICK), LABELLED[0].astype(int), NAMES),
    "uint8": (
        FactorizationMachinesClassifier(**QUICK),
        LABELLED[0].astype(np.uint8),
        NAMES,
    ),
    "float32 csr": (
        FactorizationMachinesRegressor(**QUICK),
        sp.csr_matrix(LABELLED[0].astype(np.float32)),
        LABELLED[1],
    ),
    "weights": (
        LinearLearnerClassifier(**QUICK, class_weight={"setosa": 3.0}),
        LABELLED[0],
        NAMES,
        WEIGHTS,
    ),
    "splitter": (LinearLearnerClassifier(**QUICK, cv=KFold(3)), LABELLED[0], NAMES),
    "names": (
        LinearLearnerClassifier(**QUICK, ensemble_size=2),
        pd.DataFrame(LABELLED[0], columns=list("abcd")),
        NAMES.astype(object),
    ),
    "no validation": (LinearLearnerClassifier(**QUICK, cv=False), LABELLED[0], NAMES),
    "objects": (LinearLearnerRegressor(**QUICK), LABELLED[0].astype(object), WEIGHTS),
    "groups": (
        FactorizationMachinesRegressor(solver="mcmc", epochs=5, groups=[0, 0, 1, 1]),
        *LABELLED,
    ),
    "groups of pandas": (
        FactorizationMachinesRegressor(
            solver="als", epochs=5, groups=pd.Series([0, 0, 1, 1])
        ),
        *LABELLED,
    ),
}


@pytest.mark.parametrize("name", FITS)
def test_a_fit_through_files_has_the_same_bits(name):
    model, *rows = FITS[name]
    local = clone(model).set_params(random_state=0).fit(*rows)
    model = clone(model).set_params(random_state=0, backend=ThroughFiles())
    assert_same(model.fit(*rows), local)


def test_validation_rows_go_along():
    models = [
        LinearLearnerRegressor(**QUICK, random_state=0, backend=backend)
        for backend in ("local", ThroughFiles())
    ]
    X, y = LABELLED
    given = {"X_val": X[::2], "y_val": y[::2], "sample_weight_val": WEIGHTS[::2]}
    assert_same(*(model.fit(X, y, **given) for model in models))


@pytest.mark.parametrize("name", ["csr", "lazy", "gradient"])
def test_states_go_on(name):
    model, rows, y = CASES[name]
    models = [
        clone(model).set_params(random_state=0, backend=backend, warm_start=True)
        for backend in (None, ThroughFiles())
    ]
    for _ in range(2):
        assert_same(*(one.fit(rows, y) for one in models))
    more = {} if "Regressor" in repr(model) else {"classes": np.unique(y)}
    models = [clone(one) for one in models]
    for part in (slice(50), slice(50, 90), slice(90, 91)):
        assert_same(*(one.partial_fit(rows[part], y[part], **more) for one in models))


def test_windows_are_read_where_they_are(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    model, rows, y = CASES["binary"]
    # No pattern, though it looks like one.
    path = tmp_path / "data" / "a[1].pbr"
    write_recordio(path, rows, y)
    write_recordio(tmp_path / "data" / "b.pbr", rows[:9], y[:9])
    monkeypatch.chdir(tmp_path / "data")
    for paths, more in (
        (["a[1].pbr", "b.pbr"], {}),
        ("*.pbr", {"shuffle": False, "format": "recordio", "n_features": 6}),
    ):
        data = FileDataset(paths, memory=4096, **more)
        local = clone(model).set_params(random_state=0).fit(data)
        model.set_params(random_state=0, backend=ThroughFiles())
        assert_same(model.fit(data), local)


class Own(RowSource):
    memory, contents = 1, None

    def load(self):
        raise AssertionError

    windows = load


def test_a_source_of_ones_own_is_refused_by_name(tmp_path):
    with pytest.raises(TypeError, match="rows of a Own cannot be described"):
        write_problem(tmp_path / "a.zip", SPEC, WindowedData(Own()))
    assert os.listdir(tmp_path) == []


# --------------------------------------------------------------------------- refusals
def test_what_is_not_plain_is_refused_by_its_place(tmp_path):
    data = TrainingData(X, np.zeros(5), np.ones(5))
    spec = replace(SPEC, hyperparameters={"epochs": object()})
    with pytest.raises(TypeError, match=r"\['hyperparameters'\]\['epochs'\] is a"):
        write_problem(tmp_path / "a.zip", spec, data)
    assert os.listdir(tmp_path) == []


def test_another_file_is_refused_by_name(tmp_path):
    data = TrainingData(X, np.zeros(5), np.ones(5))
    write_problem(tmp_path / "problem.zip", SPEC, data)
    write_state(tmp_path / "state.zip", STATE)
    with pytest.raises(StoredStateError, match="problem.zip: holds no ModelState"):
        read_state(tmp_path / "problem.zip")
    with pytest.raises(StoredStateError, match="state.zip: holds no TrainingSpec"):
        read_problem(tmp_path / "state.zip")
    with pytest.raises(FileNotFoundError):
        read_state(tmp_path / "missing.zip")


def test_a_newer_format_is_refused_by_its_number(tmp_path, monkeypatch):
    monkeypatch.setattr("sklearn_sagemaker.io.plain_values.FORMAT_VERSION", 99)
    write_state(tmp_path / "a.zip", STATE)
    monkeypatch.undo()
    with pytest.raises(ModelFormatError, match="is of format 99"):
        read_state(tmp_path / "a.zip")


def test_broken_sparse_rows_are_refused(tmp_path):
    rows = sp.csr_array(X)
    rows.indices[0] = 1000
    data = TrainingData(rows, np.zeros(5), np.ones(5))
    write_problem(tmp_path / "a.zip", SPEC, data)
    with pytest.raises(StoredStateError, match="damaged"):
        read_problem(tmp_path / "a.zip")
