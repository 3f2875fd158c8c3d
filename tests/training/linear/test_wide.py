"""Candidates of wide sparse rows, which are solved as combinations of the rows."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression, Ridge

from sklearn_sagemaker import LinearLearnerClassifier
from sklearn_sagemaker._threads import ALONE
from sklearn_sagemaker.exceptions import TrainingTooLargeError
from sklearn_sagemaker.training.linear import budget, wide

from ..conftest import fit, linear_run


def texts(n=120, d=400, classes=2, seed=0, units=1.0):
    """Rows of a few words, one in four of which tells the class, and the classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    common = (d * rng.random((n, 12)) ** 2).astype(int)
    own = (d * rng.random((n, 12))).astype(int) // classes * classes + y[:, None]
    words = np.where(rng.random((n, 12)) < 0.25, np.minimum(own, d - 1), common)
    X = sp.coo_array((np.ones(n * 12), (np.repeat(np.arange(n), 12), words.ravel())))
    X = sp.csr_array((X.tocsr().data, X.tocsr().indices, X.tocsr().indptr), (n, d))
    X = sp.csr_array(X @ sp.diags_array(np.full(d, units)))
    return X, y.astype(float)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_optimum_is_that_of_logistic_regression(classes, use_bias):
    X, y = texts(classes=classes)
    state = fit(X, y, classes=classes, wd=0.01, normalize_data=False, use_bias=use_bias)
    assert state.resolved["optimizer"] == "newton"
    C = 1 / (0.01 * len(y))
    peer = LogisticRegression(C=C, tol=1e-10, max_iter=10_000, fit_intercept=use_bias)
    peer.fit(X, y)
    np.testing.assert_allclose(state.coef, peer.coef_, atol=2e-5)
    intercept = state.intercept - (state.intercept.mean() if classes > 2 else 0)
    np.testing.assert_allclose(intercept, peer.intercept_, atol=2e-5)
    assert state.candidates["optimality"].max() < 1e-6


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_who_asks_for_one_optimum_may_have_more_rows(
    dtype, index, classes, monkeypatch
):
    X, y = texts(n=600, d=60, classes=classes)
    X = X.astype(dtype)
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    weights = np.random.default_rng(0).uniform(0.2, 3.0, len(y))
    given = {"classes": classes, "wd": 0.01, "l1": 0.0, "cv": False}
    given |= {"normalize_data": False, "optimizer": "newton"}
    monkeypatch.setattr(wide, "DENSITY", 0.5)
    # Matrices of so many features cannot be held.
    monkeypatch.setattr(budget, "GRAM_BYTES", 0)
    monkeypatch.setattr(budget, "LOCKSTEP_WORK", 0)
    assert linear_run(X, y, weights, **given).wide
    for other in ({"optimizer": "auto"}, {"l1": 1e-3}):
        assert not solves(X, y, weights, **{**given, **other})
    state = fit(X, y, weights, **given)
    C = 1 / (0.01 * weights.sum())
    peer = LogisticRegression(C=C, tol=1e-10, max_iter=10_000)
    peer.fit(X.astype(np.float64), y, weights)
    np.testing.assert_allclose(state.coef, peer.coef_, atol=2e-5)
    again = fit(X, y, weights, **given, jobs=3)
    np.testing.assert_array_equal(again.coef, state.coef)


def solves(X, y, weights, **given):
    """Whether such a run is one of combinations of rows."""
    try:
        return linear_run(X, y, weights, **given).wide
    except ValueError:
        # Nothing solves it.
        return False


def test_scaled_rows_are_products_with_the_scale():
    X, _ = texts(n=20, d=30)
    scale = np.random.default_rng(0).uniform(0.1, 9.0, 30)
    a = np.random.default_rng(1).normal(size=(20, 2))
    for some in (X, sp.csr_array(X[:, :10])):
        mine = scale[: some.shape[1]]
        rows = wide._Rows(some, mine, ALONE)
        dense = some.toarray() * mine
        np.testing.assert_allclose(rows.weights(a), dense.T @ a, rtol=1e-12)
        np.testing.assert_allclose(rows.product(a), dense @ (dense.T @ a), rtol=1e-12)
    np.testing.assert_array_equal(X.data, texts(n=20, d=30)[0].data)


def test_weights_of_rows_and_numbers_to_predict():
    X, y = texts(classes=3)
    y = 5.0 * y + 100.0
    weights = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    state = fit(X, y, weights, classes=1, wd=0.1, normalize_data=False)
    peer = Ridge(alpha=0.05 * weights.sum(), solver="sparse_cg", tol=1e-12)
    peer.fit(X, y, weights)
    # Labels are divided by their deviation: the penalty is on such weights.
    deviation = np.sqrt(np.cov(y, aweights=weights, ddof=0))
    np.testing.assert_allclose(state.coef[0], peer.coef_, atol=1e-4 * deviation)


def test_validation_is_by_rows_that_a_fit_has_not_seen():
    """Losses of the folds are those of fits on the other rows."""
    X, y = texts()
    folds = tuple(
        (np.flatnonzero(np.arange(120) % 3 != k), np.arange(k, 120, 3))
        for k in range(3)
    )
    settings = {"wd": 0.01, "normalize_data": False}
    state = fit(X, y, cv=folds, **settings)
    for number, (train, test) in enumerate(folds):
        alone = fit(X[train], y[train], cv=False, **settings)
        margins = X[test] @ alone.coef[0] + alone.intercept[0]
        expected = np.mean(np.logaddexp(0, margins) - y[test] * margins)
        found = state.candidates[f"split{number}_validation_loss"][0]
        assert found == pytest.approx(expected, rel=2e-3)


def test_rows_to_validate_with_need_not_be_those_that_train():
    X, y = texts(180)
    given = X[120:], y[120:], np.ones(60)
    state = fit(X[:120], y[:120], given=given)
    best = state.best_index
    margins = X[120:] @ state.coef[0] + state.intercept[0]
    loss = np.mean(np.logaddexp(0, margins) - y[120:] * margins)
    assert state.candidates["validation_loss"][best] == pytest.approx(loss, rel=1e-2)
    dense = X[120:].toarray(), *given[1:]
    again = fit(X[:120], y[:120], given=dense)
    np.testing.assert_allclose(again.coef, state.coef, rtol=1e-9)


def test_unscaled_features_win_where_their_sizes_mean_something():
    X, y = texts(300)
    rng = np.random.default_rng(1)
    useless = sp.csr_array(1e-3 * (rng.random((300, 3000)) < 0.02))
    found = fit(sp.csr_array(sp.hstack([X, useless])), y)
    assert found.best_params["scaling"] == "none"
    assert set(found.candidates["param_scaling"]) == {"none", "norm"}


@pytest.mark.parametrize("units", [1e-6, 1e6])
def test_units_of_all_features_do_not_matter(units):
    X, y = texts()
    usual, other = fit(X, y), fit(texts(units=units)[0], y)
    np.testing.assert_allclose(other.coef * units, usual.coef, rtol=1e-3, atol=1e-6)


def test_a_scaling_whose_numbers_overflow_leaves_the_other():
    X, y = texts()
    sizes = np.ones(400)
    sizes[0] = 1e152
    found = fit(sp.csr_array(X @ sp.diags_array(sizes)), y)
    assert found.best_params["scaling"] == "norm"
    assert np.isfinite(found.coef).all()


def test_the_number_of_threads_and_the_type_of_indices_change_no_bit():
    X, y = texts(classes=3)
    first = fit(X, y, classes=3)
    other = X.copy()
    other.indices = other.indices.astype(np.int64)
    other.indptr = other.indptr.astype(np.int64)
    second = fit(other, y, classes=3, jobs=2)
    np.testing.assert_array_equal(first.coef, second.coef)


@pytest.mark.parametrize("wanted", [1, 2, 5])
def test_as_many_candidates_as_the_user_wants(wanted):
    X, y = texts()
    state = fit(X, y, num_models=wanted)
    assert len(state.candidates["param_wd"]) == wanted
    assert "wd" in state.best_params


STEPS = [
    {"optimizer": "adam"},
    {"l1": 0.01},
    {"wd": 0.0},
    {"unbias_data": True},
    {"cv": False},
    {"loss": "hinge_loss"},
]


@pytest.mark.parametrize("settings", STEPS, ids=str)
def test_what_combinations_of_rows_cannot_say_is_left_to_others(settings):
    X, y = texts()
    assert not linear_run(X, y, **settings).wide


def test_fuller_rows_and_more_rows_are_left_to_others():
    X, y = texts(120, 8)
    assert not linear_run(X, y).wide
    X, y = texts(2000, 400)
    assert not linear_run(X, y).wide
    assert linear_run(*texts(1500, 400)).wide


def test_no_array_follows_the_features(monkeypatch):
    """But what the products pass through, in pieces."""
    X, y = texts(120, 20_000, classes=5)
    monkeypatch.setattr(wide, "WORK_BYTES", 1 << 20)
    run = linear_run(X, y, classes=5)
    columns = wide.WideSolver(
        run.settings,
        run.source,
        run.plan,
        run.reader,
        run.targets,
        run.statistics,
        run.label_scaler,
        ALONE,
    ).solve()[1]
    assert columns.a.shape == columns.scores.shape == (11, 120, 6, 5)


def test_what_cannot_be_held_is_refused_before_any_work(monkeypatch):
    X, y = texts()
    monkeypatch.setattr("sklearn_sagemaker.training.memory.memory", lambda: 10**5)
    with pytest.raises(TrainingTooLargeError, match="11 candidates as combinations"):
        fit(X, y)
    wide_rows = sp.csr_array((X.data, X.indices, X.indptr), (120, 1 << 20))
    with pytest.raises(TrainingTooLargeError, match="1048576 features.*20 outputs"):
        fit(wide_rows, y, classes=20)


def test_an_estimator_goes_on_and_selects_by_its_criterion():
    X, y = texts(200)
    model = LinearLearnerClassifier(
        random_state=0,
        warm_start=True,
        binary_classifier_model_selection_criteria="f1",
    ).fit(X, y)
    first = model.coef_
    np.testing.assert_array_equal(model.fit(X, y).coef_, first)
    assert model.score(X, y) > 0.8


class Kept:
    """Checkpoints in memory."""

    state = None

    def restore(self):
        return self.state and pickle.loads(self.state)

    def epoch_ends(self, number, state):
        self.state = pickle.dumps(state())


def test_what_is_solved_is_not_solved_again(monkeypatch):
    X, y = texts(classes=3)
    kept = Kept()
    whole = linear_run(X, y, classes=3).train(checkpoints=kept)
    again = linear_run(X, y, classes=3)
    with monkeypatch.context() as patch:
        patch.setattr(wide.WideSolver, "solve", None)
        found = again.train(checkpoints=kept)
    np.testing.assert_array_equal(found.coef, whole.coef)
    # What another solver has left is passed over.
    state = kept.restore()
    del state["solved"]["scores"]
    kept.state = pickle.dumps(state)
    other = linear_run(X, y, classes=3).train(checkpoints=kept)
    np.testing.assert_array_equal(other.coef, whole.coef)
