"""Columns that no training row stores: no weight, no memory, and no other bits."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.model_selection import KFold

from sklearn_sagemaker import (
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    load_artifact,
    save_artifact,
)
from sklearn_sagemaker._kernels.prediction import linear_margins
from sklearn_sagemaker._state import TrainingData, TrainingSpec
from sklearn_sagemaker.exceptions import AllCandidatesDivergedError
from sklearn_sagemaker.training.linear import problem as problem_module
from sklearn_sagemaker.training.linear import stream as stream_module
from sklearn_sagemaker.training.linear.stream import LinearStream

from ..conftest import KINDS, fit, hyperparameters, linear_run, problem

WIDTH = 1 << 20
PLACES = np.array([5, 300, 70_000, 70_001, 900_000, WIDTH - 1])
STEPS = {"optimizer": "adam", "epochs": 3, "num_models": 4}
CASES = {
    "steps": STEPS,
    "sgd": {**STEPS, "optimizer": "sgd"},
    "solved": {},
    "no folds": {**STEPS, "cv": False},
    "folds": {**STEPS, "cv": KFold(3)},
    "centred": {**STEPS, "unbias_data": True},
    "as they are": {**STEPS, "normalize_data": False},
}


def widened(X, places=PLACES, width=WIDTH, index=np.int32, kind=sp.csr_array):
    """The same rows with their columns at other places."""
    X = sp.csr_array(X)
    found = kind((X.shape[0], width), dtype=X.dtype)
    found.data, found.indptr = X.data, X.indptr.astype(index)
    found.indices = places[X.indices].astype(index)
    return found


def same(wide, narrow, places=PLACES):
    """Whether two states are one model, to the bit."""
    np.testing.assert_array_equal(wide.coef[:, places], narrow.coef)
    assert np.count_nonzero(wide.coef) == np.count_nonzero(narrow.coef)
    np.testing.assert_array_equal(wide.intercept, narrow.intercept)
    assert wide.threshold == narrow.threshold
    for name, values in narrow.candidates.items():
        np.testing.assert_array_equal(wide.candidates[name], values)


@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("name", CASES)
def test_empty_columns_change_no_bit(name, classes):
    X, y = problem(60, sparse=True, classes=classes, noise=1.0)
    settings = {"classes": classes, **CASES[name]}
    same(fit(widened(X), y, **settings), fit(X, y, **settings))


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nor_do_types_and_weights(dtype, index, kind):
    X, y = problem(60, sparse=True, noise=1.0)
    X = widened(X.astype(dtype), np.arange(6), 6, index)
    weights = np.random.default_rng(0).integers(0, 3, 60).astype(float)
    wide = widened(X, index=index, kind=kind)
    same(fit(wide, y, weights, **STEPS), fit(X, y, weights, **STEPS))


def test_rows_of_weight_zero_and_validation_rows_meet_no_column():
    X, y = problem(90, sparse=True, noise=1.0)
    wide = widened(X).tolil()
    wide[:20, 17] = 1.0
    wide[60:, 18] = 1.0
    wide = wide.tocsr()
    weights = np.where(np.arange(60) < 20, 0.0, 1.0)
    given, narrow = wide[60:], X[60:]
    val = y[60:], np.ones(30)
    found = fit(wide[:60], y[:60], weights, given=(given, *val), **STEPS)
    same(found, fit(X[:60], y[:60], weights, given=(narrow, *val), **STEPS))


def test_rows_that_store_nothing():
    X = sp.csr_array((20, 1000))
    y = np.repeat([0.0, 1.0], 10)
    for settings in (STEPS, {}):
        assert not fit(X, y, **settings).coef.any()


def arrays(value):
    """All arrays in attributes, containers and attributes of those."""
    seen, todo = {}, [value]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen[id(one)] = one
        if isinstance(one, dict):
            todo += one.values()
        elif isinstance(one, list | tuple):
            todo += one
        elif hasattr(one, "__dict__") and not isinstance(one, type | np.ndarray):
            todo += vars(one).values()
    return [one for one in seen.values() if isinstance(one, np.ndarray)]


@pytest.mark.parametrize("settings", [STEPS, {}], ids=["steps", "solved"])
def test_no_array_of_a_run_is_as_wide_as_the_rows(settings):
    X, y = problem(60, sparse=True, classes=3, noise=1.0)
    run = linear_run(widened(X), y, classes=3, **settings)
    state = run.train()
    # What finds the places of columns has one number for each.
    run.source.columns._table = None
    assert max(part.size for part in arrays(run)) < 100_000
    assert state.coef.shape == (3, WIDTH)


def test_random_weights_to_start_from_are_those_of_the_columns():
    X, y = problem(60, sparse=True, noise=1.0)
    starts = {"init_method": "uniform", "num_models": 2, "epochs": 1}
    starts |= {"learning_rate": 1e-9, "cv": False, "normalize_data": False}
    many = widened(X, np.arange(6) * 2, 12)
    few = many.tolil()
    few[:, 4] = 0.0
    few = few.tocsr()
    few.eliminate_zeros()
    a, b = fit(many, y, **starts).coef, fit(few, y, **starts).coef
    np.testing.assert_allclose(
        a[0, [0, 2, 6, 8, 10]], b[0, [0, 2, 6, 8, 10]], atol=1e-6
    )
    assert b[0, 4] == 0.0


def test_messages_name_the_columns_of_the_user():
    X, y = problem(60, sparse=True, noise=1.0)
    X = X.tolil()
    X[:, 2] = 1e200
    with pytest.raises(AllCandidatesDivergedError, match=r"Feature 70000 holds"):
        fit(widened(X.tocsr()), y, **STEPS)
    names = np.array([f"c{number}" for number in range(WIDTH)])
    with pytest.raises(AllCandidatesDivergedError, match=r"Feature 70000 \('c70000'\)"):
        fit(widened(X.tocsr()), y, **STEPS, spec={"feature_names": names})


# ------------------------------------------------------------- going on, and streams
@pytest.fixture
def all_columns(monkeypatch):
    """Runs and streams train all columns, whether they are met or not."""

    def switch():
        for module in (problem_module, stream_module):
            monkeypatch.setattr(module, "known_columns", lambda spec, width: None)

    return switch


def without(X, column):
    """The rows with nothing in a column."""
    X = X.tolil()
    X[:, column] = 0.0
    X = sp.csr_array(X.tocsr())
    X.eliminate_zeros()
    return X


def test_a_training_goes_on_with_the_columns_that_it_has_met(all_columns):
    """As if columns that come later had been there from the start."""
    X, y = problem(80, sparse=True, noise=1.0)
    early = without(X, 2)
    settings = {**STEPS, "normalize_data": False, "cv": False}
    keep = {"keep_state": True}

    def twice(first, second):
        before = pickle.loads(pickle.dumps(fit(first, y, **settings, spec=keep)))
        return fit(second, y, **settings, spec={**keep, "resume": before.resume})

    wide = twice(widened(early), widened(X))
    # What was met stays, though later rows lack it.
    later = twice(widened(X), widened(early))
    assert later.coef[0, 70_000] != 0.0
    all_columns()
    same(wide, twice(early, X))
    same(later, twice(X, early))


class Kept:
    """Checkpoints: the first one that is offered, in memory."""

    def __init__(self, state=None):
        self.state = state

    def restore(self):
        return pickle.loads(self.state) if self.state else None

    def epoch_ends(self, number, state):
        self.state = self.state or pickle.dumps(state())


@pytest.mark.parametrize("name", ["steps", "solved", "folds"])
def test_a_checkpoint_has_the_columns_of_the_training(name):
    X, y = problem(60, sparse=True, noise=1.0)
    settings, wide = CASES[name], widened(X)
    kept = Kept()
    whole = linear_run(wide, y, **settings).train(checkpoints=kept)
    same(linear_run(wide, y, **settings).train(checkpoints=kept), whole, slice(None))


def test_a_checkpoint_of_all_columns_is_passed_over(monkeypatch):
    """As versions before had it."""
    X, y = problem(60, sparse=True, noise=1.0)
    X = widened(X, np.arange(6) * 3, 20)
    whole, older = fit(X, y, **STEPS), Kept()
    with monkeypatch.context() as patch:
        patch.setattr(problem_module, "known_columns", lambda spec, width: None)
        linear_run(X, y, **STEPS).train(checkpoints=older)
    found = linear_run(X, y, **STEPS).train(checkpoints=older)
    same(found, whole, slice(None))


def streamed(parts, classes, resume=None, **settings):
    """The state after some calls of a stream."""
    state = None
    for X, y in parts:
        spec = TrainingSpec(
            "linear-learner",
            KINDS[min(classes, 3)],
            hyperparameters(**settings),
            np.arange(classes) if classes > 1 else None,
            False,
            stream=True,
            keep_state=True,
            resume=resume,
        )
        stream = LinearStream(spec, TrainingData(X, y, np.ones(len(y))))
        state = stream.train()
        resume = pickle.loads(pickle.dumps(state.resume))
    return state


@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("scaled", ["auto", False])
def test_columns_join_a_stream(scaled, classes, all_columns):
    X, y = problem(120, sparse=True, classes=classes, noise=1.0)
    early = without(X[:40], 2)
    parts = [(early, y[:40]), (X[40:80], y[40:80]), (early, y[80:])]
    settings = {"num_models": 3, "normalize_data": scaled}
    wide = streamed([(widened(a), b) for a, b in parts], classes, **settings)
    assert wide.resume["weights"].shape[0] == len(wide.resume["counts"]) == 6
    all_columns()
    narrow = streamed(parts, classes, **settings)
    if scaled is False:
        np.testing.assert_array_equal(wide.coef[:, PLACES], narrow.coef)
    # Sums over the features are in another order.
    np.testing.assert_allclose(wide.coef[:, PLACES], narrow.coef, rtol=1e-9)
    assert np.count_nonzero(wide.coef) == np.count_nonzero(narrow.coef)


def test_a_stream_begins_at_the_columns_of_a_model():
    X, y = problem(60, sparse=True, noise=1.0)
    rng = np.random.default_rng(0)
    coef = np.zeros((1, WIDTH))
    coef[0, [17, *PLACES]] = rng.normal(size=7)
    start = {"coef": coef, "intercept": np.zeros(1)}
    state = streamed([(widened(X), y)], 2, start, num_models=2)
    assert state.coef[0, 17] == pytest.approx(coef[0, 17], rel=1e-6)
    assert state.resume["weights"].shape[0] == 7


def test_rows_of_another_width_are_refused():
    X, y = problem(60, sparse=True, noise=1.0)
    resume = fit(widened(X), y, **STEPS, spec={"keep_state": True}).resume
    with pytest.raises(ValueError, match="1000000 features.*1048576"):
        fit(
            widened(X, np.arange(6), 1_000_000),
            y,
            **STEPS,
            spec={"resume": resume},
        )


@pytest.mark.parametrize("kind", [LinearLearnerClassifier, LinearLearnerRegressor])
def test_estimators_predict_pickle_and_save(kind, tmp_path):
    X, y = problem(60, sparse=True, classes=3, noise=1.0)
    model = kind(random_state=0, num_models=2, epochs=2, warm_start=True)
    model.fit(widened(X), y)
    expected = model.predict(widened(X))
    rows = [model.predict(widened(X)[row : row + 1])[0] for row in range(5)]
    np.testing.assert_array_equal(rows, expected[:5])
    same_model = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(same_model.predict(widened(X)), expected)
    np.testing.assert_array_equal(
        same_model.fit(widened(X), y).coef_, model.fit(widened(X), y).coef_
    )
    save_artifact(model, tmp_path / "model.tar.gz")
    again = load_artifact(tmp_path / "model.tar.gz")
    np.testing.assert_allclose(
        again.predict(widened(X)), model.predict(widened(X)), rtol=1e-5
    )


def test_values_are_read_in_place_and_rows_that_meet_all_columns_whole():
    X, y = problem(60, sparse=True, noise=1.0)
    wide = widened(X)
    assert np.shares_memory(linear_run(wide, y, **STEPS).data.X.data, wide.data)
    assert linear_run(X, y, **STEPS).data.X is X


def test_margins_by_the_columns_that_are_stored_are_those_by_all():
    rng = np.random.default_rng(0)
    X = sp.random_array((40, 30), density=0.1, format="csr", rng=rng)
    X = sp.csr_array(sp.vstack([X, sp.csr_array((1, 30))]))
    coef, intercept = rng.normal(size=(3, 30)), rng.normal(size=3)
    assert X.nnz > 30
    everyone = linear_margins(X, coef, intercept)
    np.testing.assert_allclose(everyone, X @ coef.T + intercept)
    alone = [linear_margins(X[row : row + 1], coef, intercept)[0] for row in range(41)]
    np.testing.assert_array_equal(alone, everyone)
    few = X[:5]
    few.indices[0] = 99
    with pytest.raises(ValueError, match="lies outside"):
        linear_margins(few, coef, intercept)


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_counts_are_of_the_columns_and_rows_that_train(index):
    X, y = problem(sparse=True)
    weights = np.ones(len(y))
    weights[::3] = 0.0
    run = linear_run(widened(X, index=index), y, weights, **STEPS)
    counts, n_rows = run.source.stored_counts(run.rows)
    expected = np.count_nonzero(X.toarray()[weights > 0], axis=0)
    np.testing.assert_array_equal(counts, expected)
    assert n_rows == np.count_nonzero(weights)
