"""The solvers "als" and "mcmc" behind the estimators."""

import io

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit, ndtr

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
)
from sklearn_sagemaker._kernels.prediction import factor_scores
from sklearn_sagemaker.exceptions import InapplicableHyperparameterWarning

USERS, FILMS = 25, 30
SOLVERS = ("als", "mcmc")
CLASSES = (FactorizationMachinesClassifier, FactorizationMachinesRegressor)
QUICK = {"num_factors": 4, "epochs": 20, "random_state": 0}


def ratings(n=1500, seed=0):
    """One-hot users and films, with hidden tastes and noise of 0.3."""
    rng = np.random.default_rng(seed)
    tastes, kinds = rng.normal(size=(USERS, 2)), rng.normal(size=(FILMS, 2))
    user, film = rng.integers(USERS, size=n), rng.integers(FILMS, size=n)
    columns = np.stack([user, USERS + film], axis=1).ravel()
    X = sp.csr_array((np.ones(2 * n), columns, np.arange(0, 2 * n + 1, 2)))
    y = 3.0 + (tastes[user] * kinds[film]).sum(axis=1) + 0.3 * rng.normal(size=n)
    return X, y


X, Y = ratings()
TRAIN, TEST = slice(0, 1200), slice(1200, None)


@pytest.mark.parametrize("solver", SOLVERS)
def test_ratings_are_learned_to_their_noise(solver):
    model = FactorizationMachinesRegressor(solver=solver, num_factors=2, random_state=0)
    model.fit(X[TRAIN], Y[TRAIN])
    error = np.sqrt(np.mean((model.predict(X[TEST]) - Y[TEST]) ** 2))
    assert error < 0.45 < 0.5 * Y.std()
    assert model.resolved_params_["solver"] == solver


def test_predictions_are_means_over_the_draws():
    model = FactorizationMachinesRegressor(solver="mcmc", num_draws=5, **QUICK)
    model.fit(X, Y)
    draws = model.draws_
    assert draws["factors"].shape == (5, 1, USERS + FILMS, 4)
    assert draws["coef"].shape == (5, 1, USERS + FILMS)
    each = [
        factor_scores(X, *(draws[name][i] for name in ("intercept", "coef", "factors")))
        for i in range(5)
    ]
    # Draws are float32, and their sums at once and one by one in another order.
    means = np.mean(each, axis=0)[:, 0]
    np.testing.assert_allclose(model.predict(X), means, rtol=1e-5, atol=1e-6)
    assert np.std(each, axis=0).max() > 0.01
    np.testing.assert_allclose(model.coef_, draws["coef"][:, 0].mean(axis=0))
    np.testing.assert_array_equal(model.factors_, draws["factors"][-1, 0])


@pytest.mark.parametrize("solver", SOLVERS)
def test_probabilities_are_a_probit_model_s(solver):
    positive = Y > 3
    model = FactorizationMachinesClassifier(solver=solver, **QUICK).fit(X, positive)
    found = model.predict_proba(X)[:, 1]
    np.testing.assert_allclose(found, expit(model.decision_function(X)), rtol=1e-12)
    scores = factor_scores(X, *model._machines())
    np.testing.assert_allclose(found, ndtr(scores).mean(axis=1), rtol=1e-9, atol=1e-12)
    assert model.score(X[TEST], positive[TEST]) > 0.85
    assert not hasattr(model, "draws_") or solver == "mcmc"


@pytest.mark.parametrize("solver", SOLVERS)
def test_several_classes_are_each_against_the_rest(solver):
    labels = np.digitize(Y, [2, 4])
    model = FactorizationMachinesClassifier(solver=solver, **QUICK)
    model.fit(X[TRAIN], labels[TRAIN])
    found = model.predict_proba(X[TEST])
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert model.factors_.shape == (3, USERS + FILMS, 4)
    assert model.score(X[TEST], labels[TEST]) > 0.7


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("more", [{"cv": 3}, {"num_models": 3, "num_factors": "auto"}])
def test_the_same_model_whatever_n_jobs(cls, solver, more):
    target = Y > 3 if cls is CLASSES[0] else Y
    settings = {**QUICK, "epochs": 6, "solver": solver, **more}
    one, other = (cls(n_jobs=jobs, **settings).fit(X, target) for jobs in (1, 4))
    np.testing.assert_array_equal(one.factors_, other.factors_)
    np.testing.assert_array_equal(one.validation_curve_, other.validation_curve_)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("solver", SOLVERS)
def test_rows_of_weight_zero_are_absent(cls, solver):
    target = Y > 3 if cls is CLASSES[0] else Y
    weights = np.random.default_rng(0).integers(0, 3, len(Y))
    settings = {**QUICK, "cv": False, "solver": solver, "epochs": 6}
    one = cls(**settings).fit(X, target, weights)
    kept = weights > 0
    other = cls(**settings).fit(X[kept], target[kept], weights[kept])
    np.testing.assert_array_equal(one.factors_, other.factors_)
    plain = cls(**settings).fit(X, target)
    assert np.abs(one.factors_ - plain.factors_).max() > 1e-3


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_kept_state_is_the_best_or_all_draws(solver):
    model = FactorizationMachinesRegressor(solver=solver, **{**QUICK, "epochs": 40})
    model.fit(X[TRAIN], Y[TRAIN], X_val=X[TEST], y_val=Y[TEST])
    error = np.mean((model.predict(X[TEST]) - Y[TEST]) ** 2)
    wanted = model.validation_curve_.min() if solver == "als" else -model.best_score_
    if solver == "mcmc":
        # The curve is a mean over all sweeps after the first ones, unthinned.
        assert model.n_iter_ == 40
    assert error == pytest.approx(wanted, rel=1e-3)
    assert model.metrics_["validation"]["mse"] == pytest.approx(error)


@pytest.mark.parametrize("solver", SOLVERS)
def test_groups(solver):
    settings = {**QUICK, "solver": solver, "cv": False}
    own = np.repeat([0, 1], [USERS, FILMS])
    found = FactorizationMachinesRegressor(**settings).fit(X, Y)
    named = FactorizationMachinesRegressor(groups=own, **settings).fit(X, Y)
    np.testing.assert_array_equal(found.factors_, named.factors_)
    one = FactorizationMachinesRegressor(groups=None, **settings).fit(X, Y)
    assert np.abs(found.factors_ - one.factors_).max() > 1e-3


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (np.zeros(3, dtype=int), r"shape \(3,\)"),
        (np.zeros(USERS + FILMS), "float64"),
        (np.full(USERS + FILMS, -1), "-1"),
    ],
)
@pytest.mark.parametrize("solver", ["gradient", "als"])
def test_groups_that_do_not_fit(groups, message, solver):
    model = FactorizationMachinesRegressor(solver=solver, groups=groups)
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y)
    assert not hasattr(model, "coef_")


def test_groups_have_no_effect_on_the_gradient_solver():
    own = np.repeat([0, 1], [USERS, FILMS])
    with pytest.warns(InapplicableHyperparameterWarning, match="groups") as seen:
        FactorizationMachinesRegressor(groups=own, epochs=1).fit(X, Y)
    assert [entry.filename for entry in seen] == [__file__]


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_warm_start_goes_on(solver):
    settings = {**QUICK, "solver": solver, "warm_start": True, "cv": False}
    model = FactorizationMachinesRegressor(**{**settings, "epochs": 3})
    first = model.fit(X, Y).loss_curve_
    assert model.fit(X, Y).loss_curve_[0] < 1.1 * first[-1] < first[0]


def test_a_stream_goes_on_from_one_machine_only():
    model = FactorizationMachinesRegressor(solver="mcmc", num_draws=5, **QUICK)
    model.fit(X, Y).set_params(solver="gradient")
    before = model.coef_
    with pytest.raises(ValueError, match=r"mean of 5 draws.*call fit.*'gradient'"):
        model.partial_fit(X, Y)
    assert model.coef_ is before
    model.set_params(solver="als", num_draws="auto").fit(X, Y)
    model.set_params(solver="gradient")
    assert model.partial_fit(X, Y).coef_.shape == before.shape


@pytest.mark.parametrize("solver", SOLVERS)
def test_recommendations_are_the_model_s(solver):
    model = FactorizationMachinesRegressor(solver=solver, **QUICK).fit(X, Y)
    films = np.arange(USERS, USERS + FILMS)
    users = np.eye(3, USERS + FILMS)
    items, scores = model.recommend(users, films, k=4)
    for user in range(3):
        rows = users[user] + np.eye(USERS + FILMS)[films]
        wanted = model.predict(rows)
        np.testing.assert_array_equal(items[user], films[np.argsort(-wanted)[:4]])
        np.testing.assert_allclose(scores[user], np.sort(wanted)[::-1][:4])


@pytest.mark.parametrize("solver", SOLVERS)
def test_dense_features_far_from_zero(solver):
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(300, 4))
    target = dense[:, 0] * dense[:, 1] + dense[:, 2]
    model = FactorizationMachinesRegressor(solver=solver, num_factors=2, random_state=0)
    assert (
        model.fit(1e3 * dense + 1e4, 100 * target).score(
            1e3 * dense + 1e4, 100 * target
        )
        > 0.97
    )


@pytest.mark.parametrize("cls", CLASSES)
def test_draws_survive_joblib(cls):
    target = Y > 3 if cls is CLASSES[0] else Y
    model = cls(solver="mcmc", **QUICK).fit(X, target)
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    np.testing.assert_array_equal(joblib.load(file).predict(X), model.predict(X))
    # A fit with another solver leaves no draws behind.
    model.set_params(solver="gradient", epochs=1).fit(X, target)
    assert not hasattr(model, "draws_")


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_an_ensemble_averages_probabilities(solver, n_classes):
    labels = np.digitize(Y, [2, 4][: n_classes - 1])
    settings = {"solver": solver, "epochs": 6, "num_models": 2, "random_state": 0}
    data = {"X_val": X[TEST], "y_val": labels[TEST]}
    model = FactorizationMachinesClassifier(ensemble_size=2, **settings)
    model.fit(X[TRAIN], labels[TRAIN], **data)
    # The kept draws are those of both, of different numbers of factors.
    scores = factor_scores(X[TEST], *model._machines())
    scores = scores.reshape(len(scores), -1, 1 if n_classes == 2 else 3)
    wanted = ndtr(scores).mean(axis=1)
    wanted = wanted / wanted.sum(axis=1, keepdims=True) if n_classes > 2 else wanted
    found = model.predict_proba(X[TEST])[:, 1 if n_classes == 2 else slice(None)]
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, rtol=1e-6)
    own = model.predict_proba(X[TEST])[np.arange(len(found)), labels[TEST]]
    loss = -np.log(own).mean()
    assert -model.best_score_ == pytest.approx(loss, rel=1e-6)
