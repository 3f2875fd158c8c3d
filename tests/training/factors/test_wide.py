"""Columns that no row holds cost nothing, and change nothing."""

import pickle
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    load_artifact,
    save_artifact,
)
from sklearn_sagemaker._columns import start_numbers, start_rule
from sklearn_sagemaker._state import Contents, RowSource, WindowedData
from sklearn_sagemaker.exceptions import FeatureScaleError, TrainingTooLargeError
from sklearn_sagemaker.training.factors.run import FactorRun
from sklearn_sagemaker.training.factors.stream import FactorStream
from sklearn_sagemaker.training.factors.wide import FactorTraining, NarrowSource
from tests.training.factors.test_run import data_of, spec_of

WIDTH = 40_000


@pytest.fixture(autouse=True)
def many_are_few(monkeypatch):
    """Columns are left out of narrower rows than in use, to be quick."""
    monkeypatch.setattr("sklearn_sagemaker.training.factors.wide.LEAST", 10_000)


MET = 30
SOLVERS = ["gradient", "als", "mcmc"]


def columns_of(seed=0, first=0):
    rng = np.random.default_rng(seed)
    return first + np.sort(rng.choice(WIDTH - first, MET, replace=False))


def problem(n=160, seed=0, classes=1, columns=None, width=WIDTH):
    """Rows of five of some thirty columns, and labels of pairs among them."""
    rng = np.random.default_rng(seed)
    columns = columns_of() if columns is None else columns
    V, w = np.random.default_rng(9).normal(size=(2, MET, 2))
    dense = np.zeros((n, MET))
    for row in dense:
        row[rng.choice(MET, 5, replace=False)] = rng.normal(1.0, 0.3, 5)
    pairs = ((dense @ V) ** 2 - dense**2 @ V**2).sum(axis=1) / 2
    score = pairs + dense @ w[:, 0] + rng.normal(0, 0.1, n)
    X = sp.csr_array(dense)
    X = sp.csr_array((X.data, columns[X.indices], X.indptr), shape=(n, width))
    if classes == 1:
        return X, score
    cuts = np.quantile(score, np.arange(1, classes) / classes)
    return X, np.digitize(score, cuts).astype(float)


def assert_same_model(wide, full):
    """The same numbers, though one holds those of all columns."""
    assert wide.held is not None
    assert wide.held["place"].shape == (WIDTH,)
    assert wide.factors.shape[1] < 100
    np.testing.assert_array_equal(wide.intercept, full.intercept)
    every, met = wide.all_factors(), wide.held["columns"]
    np.testing.assert_array_equal(wide.coef[:, met], full.coef[:, met])
    np.testing.assert_allclose(wide.coef, full.coef, rtol=1e-6, atol=1e-7)
    assert every.dtype == full.factors.dtype
    np.testing.assert_array_equal(every[:, met], full.factors[:, met])
    np.testing.assert_allclose(every, full.factors, rtol=1e-6)
    if full.draws is not None:
        for name, draws in wide.all_draws().items():
            np.testing.assert_array_equal(draws, full.draws[name], name)


# ------------------------------------------------------------------------- starts
def test_starts_are_a_function_of_the_column():
    rule = start_rule("normal", 2.0, [3, 1])
    every = start_numbers(rule, np.arange(5000), 8)
    some = np.random.default_rng(0).permutation(5000)[:700]
    np.testing.assert_array_equal(start_numbers(rule, some, 8), every[some])
    np.testing.assert_array_equal(start_numbers(rule, some, 3), every[some, :3])
    assert every.std() == pytest.approx(2.0, rel=0.02)
    assert every.mean() == pytest.approx(0.0, abs=0.05)
    assert len(np.unique(every)) == every.size
    far = start_numbers(rule, np.array([2**31 - 1, 2**40]), 8)
    assert np.isfinite(far).all()
    # Neither columns nor factors have anything to do with each other.
    for left, right in ((every[1:], every[:-1]), (every[:, 1:], every[:, :-1])):
        assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 0.02
    other = start_numbers(start_rule("normal", 2.0, [3, 2]), np.arange(5000), 8)
    assert abs(np.corrcoef(every.ravel(), other.ravel())[0, 1]) < 0.02


# -------------------------------------------------------------------- same as ever
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("cv", [False, "auto"])
def test_the_model_is_that_of_all_columns(solver, classes, cv):
    X, y = problem(classes=classes)
    spec = spec_of(classes, cv=cv, solver=solver, num_factors=3, epochs=6)
    wide = FactorTraining(spec, data_of(X, y)).train()
    assert_same_model(wide, FactorRun(spec, data_of(X, y)).train())


@pytest.mark.parametrize(
    ("solver", "settings"),
    [
        ("gradient", {"optimizer": "adam", "linear_init_sigma": 0.1, "num_models": 2}),
        ("gradient", {"factors_init_method": "uniform", "normalize_label": False}),
        ("gradient", {"factors_init_method": "constant", "factors_init_value": 0.1}),
        ("als", {"linear_init_sigma": 0.1, "factors_init_sigma": 0.2}),
        ("mcmc", {"num_models": 2, "num_draws": 3}),
    ],
)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_other_starts_and_several_models(solver, settings, dtype):
    X, y = problem()
    X = 3.0 * X.astype(dtype)
    spec = spec_of(1, solver=solver, num_factors=3, epochs=5, **settings)
    spec = replace(spec, ensemble_size=2)
    wide = FactorTraining(spec, data_of(X, y)).train()
    assert_same_model(wide, FactorRun(spec, data_of(X, y)).train())


@pytest.mark.parametrize("solver", ["als", "mcmc"])
@pytest.mark.parametrize("groups", [None, "of the user"])
def test_groups(solver, groups):
    X, y = problem()
    groups = groups and np.arange(WIDTH) * 4 // WIDTH
    spec = replace(spec_of(1, solver=solver, num_factors=3, epochs=6), groups=groups)
    wide = FactorTraining(spec, data_of(X, y)).train()
    assert_same_model(wide, FactorRun(spec, data_of(X, y)).train())


@pytest.mark.parametrize("solver", SOLVERS)
def test_columns_of_validation_rows_count_too(solver):
    X, y = problem()
    X_val, y_val = problem(50, 1, columns=columns_of(1))
    spec = spec_of(1, solver=solver, num_factors=3, epochs=5)
    data = data_of(X, y, given=(X_val, y_val, np.ones(50)))
    wide = FactorTraining(spec, data).train()
    full = FactorRun(spec, data).train()
    assert_same_model(wide, full)
    np.testing.assert_array_equal(wide.validation_curve, full.validation_curve)


@pytest.mark.parametrize("solver", SOLVERS)
def test_columns_behind_the_last_one_with_values_change_nothing(solver):
    X, y = problem()
    spec = spec_of(1, solver=solver, num_factors=3, epochs=5)
    wide = FactorTraining(spec, data_of(X, y)).train()
    last = X.indices.max() + 1
    less = FactorTraining(spec, data_of(X[:, :last], y)).train()
    np.testing.assert_array_equal(wide.coef[:, :last], less.coef)
    np.testing.assert_array_equal(wide.all_factors()[:, :last], less.all_factors())


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("seed", [0, 5])
def test_going_on_where_there_are_other_columns(solver, seed):
    spec = spec_of(1, solver=solver, num_factors=3, epochs=4)
    spec = replace(spec, keep_state=True)
    found = []
    for train in (FactorTraining, FactorRun):
        state = None
        for columns in (columns_of(), columns_of(seed)):
            X, y = problem(columns=columns)
            one = replace(spec, resume=state.resume if state else None)
            state = train(one, data_of(X, y)).train()
        found.append(state)
    assert_same_model(*found)


@pytest.mark.parametrize("classes", [1, 3])
def test_a_stream_meets_columns_as_they_come(classes):
    # Where the unit of the labels moves, columns start in that of when they are met.
    fixed = {"normalize_label": False} if classes == 1 else {}
    spec = spec_of(
        classes, solver="gradient", num_factors=3, linear_init_sigma=0.1, **fixed
    )
    spec = replace(spec, keep_state=True, stream=True)
    found = []
    for train in (FactorTraining, FactorStream):
        state = None
        for call in range(4):
            X, y = problem(classes=classes, seed=call, columns=columns_of(call // 2))
            one = replace(spec, resume=state.resume if state else None)
            state = train(one, data_of(2.0 * X, y)).train()
        found.append(state)
    assert_same_model(*found)


def test_a_stream_may_meet_all_columns():
    spec = spec_of(1, solver="gradient", num_factors=2)
    spec = replace(spec, keep_state=True, stream=True)
    X, y = problem()
    every = sp.csr_array(np.ones((1, WIDTH)))
    calls = [(X, y), (sp.vstack([X, every], "csr"), np.append(y, 0.0)), (X, y)]
    found = []
    for train in (FactorTraining, FactorStream):
        state = None
        for rows, labels in calls:
            one = replace(spec, resume=state.resume if state else None)
            state = train(one, data_of(rows, labels)).train()
        found.append(state)
    assert found[0].held is None
    np.testing.assert_array_equal(found[0].coef, found[1].coef)
    np.testing.assert_array_equal(found[0].factors, found[1].factors)


# ----------------------------------------------------------------------- estimators
def dense_one(model):
    """The same model that holds the numbers of all columns."""
    other = pickle.loads(pickle.dumps(model))
    other.factors_ = model.factors_
    if hasattr(model, "draws_"):
        other.draws_ = model.draws_
    assert "_held" not in vars(other)
    return other


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("classes", [1, 2, 3])
def test_estimators(solver, classes, tmp_path):
    kinds = FactorizationMachinesRegressor, FactorizationMachinesClassifier
    X, y = problem(classes=classes)
    model = kinds[classes > 1](
        solver=solver, num_factors=3, epochs=10, cv=False, random_state=0
    ).fit(X, y)
    assert len(pickle.dumps(model)) < 1_500_000
    full = dense_one(model)
    assert model.factors_.shape == full.factors_.shape
    assert model.factors_.shape[-2:] == (WIDTH, 3)
    rows = sp.vstack([X, problem(20, 5, columns=columns_of(7))[0]], "csr")
    predict = "predict" if classes == 1 else "predict_proba"
    expected = getattr(full, predict)(rows)
    for one in (model, pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(getattr(one, predict)(rows), expected)
    np.testing.assert_allclose(
        getattr(model, predict)(rows[:3].toarray()), expected[:3], rtol=1e-9
    )
    save_artifact(model, tmp_path / "model.tar.gz")
    loaded = load_artifact(tmp_path / "model.tar.gz")
    np.testing.assert_allclose(getattr(loaded, predict)(rows), expected, rtol=1e-5)
    label = {"label": 2.0} if classes == 3 else {}
    pair = columns_of()[:2]
    assert model.pair_weights(*pair, **label) == full.pair_weights(*pair, **label)
    if solver == "mcmc":
        return
    for one in (model, full):
        one.set_params(solver="gradient")
    again = model.partial_fit(*problem(40, 3, classes, columns_of(2)))
    dense = full.partial_fit(*problem(40, 3, classes, columns_of(2)))
    met = np.union1d(columns_of(2), columns_of())
    np.testing.assert_allclose(again.coef_[..., met], dense.coef_[..., met])
    if solver == "gradient":
        np.testing.assert_allclose(
            again.factors_[..., met, :], dense.factors_[..., met, :], rtol=1e-6
        )


def test_an_attribute_that_is_not_there():
    model = FactorizationMachinesRegressor()
    assert not hasattr(model, "factors_")
    assert not hasattr(model, "draws_")
    X, y = problem()
    model.set_params(solver="mcmc", epochs=4, cv=False).fit(X, y)
    assert len(model.draws_["factors"]) == 3
    assert not hasattr(model.set_params(solver="als").fit(X, y), "draws_")


# ------------------------------------------------------------------------- messages
def test_messages_name_columns_by_their_own_number():
    X, y = problem()
    X.data[X.indices == columns_of()[4]] = 1e200
    with pytest.raises((FeatureScaleError, ValueError), match=f" {columns_of()[4]}"):
        FactorizationMachinesRegressor(cv=False).fit(X, y)


def test_what_cannot_be_held_is_told_before():
    X, y = problem(40)
    with pytest.raises(TrainingTooLargeError, match="num_factors"):
        FactorizationMachinesRegressor(num_factors=10**10).fit(X, y)


# --------------------------------------------------------------------------- memory
@pytest.mark.parametrize("solver", SOLVERS)
def test_memory_follows_the_columns_with_values(solver):
    width = 2**20
    columns = np.sort(np.random.default_rng(0).choice(width, MET, replace=False))
    X, y = problem(columns=columns, width=width)
    model = FactorizationMachinesRegressor(
        solver=solver, epochs=5, cv=False, random_state=0
    )
    tracemalloc.start()
    try:
        model.fit(X, y).predict(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # coef_ and where the factors are: 12 MB. The factors of all would be 134 or more.
    assert peak < 90e6


# ------------------------------------------------------------------------- windows
class Windows(RowSource):
    """Rows in windows of fifty."""

    memory = 1 << 30

    def __init__(self, X, y):
        self.X, self.y = X, y

    @property
    def contents(self):
        n, d = self.X.shape
        return Contents(n, d, True, self.X.dtype, self.X.data.nbytes, None, None)

    def load(self):
        return self.X, self.y, None

    def windows(self, seed, epoch):
        draws = np.random.default_rng(1).random(len(self.y))
        for start in range(0, len(self.y), 50):
            rows = slice(start, start + 50)
            yield self.X[rows], self.y[rows], None, draws[rows]


def test_windows_are_those_of_all_columns():
    X, y = problem()
    spec = spec_of(1, cv="auto", solver="gradient", num_factors=3, epochs=4)
    data = WindowedData(Windows(X, y))
    wide = FactorTraining(spec, data).train()
    assert_same_model(wide, FactorRun(spec, data).train())


def test_windows_that_become_others_are_refused():
    X, y = problem()
    source = NarrowSource(Windows(X, y), columns_of()[1:])
    with pytest.raises(ValueError, match="have become others during the fit"):
        list(source.windows(0, 1))


@pytest.mark.parametrize("solver", ["als", "mcmc"])
def test_windows_are_no_columns(solver):
    spec = spec_of(1, solver=solver)
    with pytest.raises(ValueError, match="needs the columns of all rows in memory"):
        FactorTraining(spec, WindowedData(Windows(*problem())))
