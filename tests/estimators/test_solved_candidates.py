"""Fits that are solved: reproduced, continued, cut off, told."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import load_diabetes

from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor
from sklearn_sagemaker.backends import LocalBackend, SubprocessBackend
from sklearn_sagemaker.exceptions import CheckpointWarning, TrainingStoppedError
from sklearn_sagemaker.io import FileDataset, write_recordio
from sklearn_sagemaker.training.linear import budget

RNG = np.random.default_rng(0)
X, Y = load_diabetes(return_X_y=True)
WIDE = RNG.normal(size=(40, 90))
CSR = sp.csr_array(X * (RNG.random(X.shape) < 0.4))
NUMBERS = WIDE[:, 0] - WIDE[:, 1] + 0.3 * RNG.normal(size=40)
REGRESSOR = LinearLearnerRegressor(random_state=0)
CLASSIFIER = LinearLearnerClassifier(random_state=0)
KINDS = {
    "dense": (REGRESSOR, X, Y),
    "float32": (REGRESSOR, X.astype(np.float32), Y),
    "csr": (REGRESSOR, CSR, Y),
    "wide": (REGRESSOR, WIDE, NUMBERS),
    "huber": (clone(REGRESSOR).set_params(loss="huber_loss", huber_delta=40.0), X, Y),
    "two classes": (CLASSIFIER, X.astype(np.float32), Y > 140),
    "three classes": (CLASSIFIER, X, np.digitize(Y, [100, 200])),
    "csr classes": (CLASSIFIER, CSR, Y > 140),
    "wide classes": (CLASSIFIER, WIDE, np.where(NUMBERS > 0, "yes", "no")),
}


@pytest.fixture(params=KINDS)
def problem(request):
    model, *rows = KINDS[request.param]
    return clone(model), rows


def same_model(one, other):
    np.testing.assert_array_equal(one.coef_, other.coef_)
    np.testing.assert_array_equal(one.intercept_, other.intercept_)
    assert one.best_params_ == other.best_params_
    assert one.metrics_ == other.metrics_


def test_the_best_penalties_alone_make_the_same_model(problem):
    model, rows = problem
    best = model.fit(*rows).best_params_
    penalties = {name: best[name] for name in ("wd", "l1")}
    alone = clone(model).set_params(num_models=1, **penalties).fit(*rows)
    assert alone.best_params_ == best
    # Of several classes the objective is flat where it ends.
    near = 1e-4 * np.abs(model.coef_).max()
    np.testing.assert_allclose(alone.coef_, model.coef_, rtol=1e-4, atol=near)
    # Folds are solved to be compared.
    np.testing.assert_allclose(alone.best_score_, model.best_score_, rtol=5e-3)


def test_what_was_done_is_told(problem):
    model, rows = problem
    model.fit(*rows)
    told = model.resolved_params_
    assert told["optimizer"] == "newton"
    assert {"epochs", "mini_batch_size", "beta_1", "init_method"}.isdisjoint(told)
    assert set(model.best_params_) == {"wd", "l1", "scaling"}
    far = model.candidates_["optimality"]
    assert far.max() < 1e-3
    assert far[model.best_index_] < 1e-9
    assert model.n_iter_ == len(model.loss_curve_) == 1
    assert len(model.candidates_["validation_loss"]) == 32
    assert np.isfinite(model.candidates_["split2_validation_score"]).all()


def test_the_solver_by_name_does_the_same(problem):
    model, rows = problem
    model.fit(*rows)
    same_model(clone(model).set_params(optimizer="newton").fit(*rows), model)


def test_defaults_of_sagemaker_take_its_steps():
    model = LinearLearnerRegressor.sagemaker_defaults(random_state=0, epochs=2)
    assert model.fit(X, Y).resolved_params_["optimizer"] == "adam"


def test_partial_fit_refuses_the_solver_alone():
    model = LinearLearnerRegressor(optimizer="newton")
    with pytest.raises(ValueError, match="partial_fit"):
        model.partial_fit(X, Y)
    LinearLearnerRegressor().partial_fit(X, Y)


# ------------------------------------------------------------------------ warm starts
def test_a_warm_start_solves_again(problem):
    model, rows = problem
    model.set_params(warm_start=True).fit(*rows)
    first = clone(model).set_params(warm_start=False).fit(*rows)
    same_model(model, first)
    same_model(model.fit(*rows), first)


def test_a_warm_start_keeps_scalers_and_takes_other_rows():
    model = LinearLearnerRegressor(random_state=0, warm_start=True, wd=0.1, l1=0.0)
    before = model.fit(X, Y).training_state_
    model.fit(2 * X[:300] + 1, Y[:300])
    after = model.training_state_
    np.testing.assert_array_equal(before["statistics"][1], after["statistics"][1])
    fresh = clone(model).set_params(warm_start=False).fit(2 * X[:300] + 1, Y[:300])
    assert not np.allclose(model.coef_, fresh.coef_, rtol=1e-3)


def test_steps_do_not_go_on_from_what_was_solved():
    model = LinearLearnerRegressor(random_state=0, warm_start=True).fit(X, Y)
    before = model.coef_
    with pytest.raises(ValueError, match="warm_start=False"):
        model.set_params(epochs=3).fit(X, Y)
    assert model.coef_ is before


def test_steps_that_were_taken_go_on():
    model = LinearLearnerRegressor(random_state=0, warm_start=True, epochs=2).fit(X, Y)
    model.set_params(epochs="auto").fit(X, Y)
    assert model.resolved_params_["optimizer"] == "adam"
    assert model.training_state_["epochs"] > 2


def test_a_stream_goes_on_from_a_model_that_was_solved():
    model = LinearLearnerRegressor(random_state=0, warm_start=True).fit(X, Y)
    before = model.coef_
    model.set_params(learning_rate=1e-15).partial_fit(X[:50], Y[:50])
    np.testing.assert_allclose(model.coef_, before, rtol=1e-6, atol=1e-6)


# --------------------------------------------------------- elsewhere, later, in windows
def test_a_fit_that_was_cut_off_goes_on_to_the_same_bits(problem, tmp_path):
    whole, rows = problem
    whole.fit(*rows)
    stopping = LocalBackend(checkpoint=tmp_path, stop=lambda: True)
    model = clone(whole).set_params(backend=stopping)
    with pytest.raises(TrainingStoppedError):
        model.fit(*rows)
    with pytest.warns(CheckpointWarning, match="same bits"):
        model.set_params(backend__stop=None).fit(*rows)
    same_model(model, whole)


def test_a_fit_with_some_solved_that_was_cut_off_goes_on(tmp_path, monkeypatch):
    """At the end of an epoch, beside which the others are solved at last."""
    monkeypatch.setattr(budget, "NEWTON_WORK", 1)
    monkeypatch.setattr(budget, "NEEDED", 10**6)
    # What is nearly equal is solved whatever it costs.
    nearly = X[:, 0] + 1e-3 * np.random.default_rng(1).normal(size=len(X))
    rows = np.c_[X, nearly], Y > 140
    whole = clone(CLASSIFIER).set_params(num_models=10).fit(*rows)
    kinds = whole.candidates_["param_schedule"]
    assert np.count_nonzero(kinds == "none") == budget.SOME < len(kinds) == 10
    stopping = LocalBackend(checkpoint=tmp_path, stop=lambda: True)
    model = clone(whole).set_params(backend=stopping)
    with pytest.raises(TrainingStoppedError):
        model.fit(*rows)
    with pytest.warns(CheckpointWarning, match="same bits"):
        model.set_params(backend__stop=None).fit(*rows)
    same_model(model, whole)
    alone = clone(whole).set_params(num_models=1)
    best = dict(whole.best_params_)
    best.pop("scaling"), best.pop("schedule", None)
    alone.set_params(**best).fit(*rows)
    np.testing.assert_allclose(alone.coef_, whole.coef_, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wide", "three classes"])
def test_another_process_solves_the_same(kind):
    model, *rows = KINDS[kind]
    here = clone(model).fit(*rows)
    same_model(clone(here).set_params(backend=SubprocessBackend()).fit(*rows), here)


@pytest.mark.parametrize("power", [1, 5])
def test_windows_are_solved_in_one_pass(power, tmp_path):
    """Of sums, or where they have too few digits of triangles."""
    rng = np.random.default_rng(0)
    year = rng.uniform(1900, 2020, 3000)
    table = np.stack([year**k for k in range(1, power + 1)], axis=1)
    y = np.sin((year - 1960) / 30) + 0.1 * rng.normal(size=3000)
    write_recordio(tmp_path / "rows.pbr", table[:2500], y[:2500])
    given = {"X_val": table[2500:], "y_val": y[2500:]}
    small = FileDataset(tmp_path / "rows.pbr", memory=60_000)
    fixed = {"wd": 1e-9, "l1": 0.0, "num_models": 1, "num_point_for_scaler": 100}
    windows = LinearLearnerRegressor(random_state=0, **fixed).fit(small, **given)
    assert windows.resolved_params_["optimizer"] == "newton"
    memory = LinearLearnerRegressor(random_state=0, **fixed)
    memory.fit(table[:2500], y[:2500], **given)
    found, wanted = (
        np.mean((model.predict(table[2500:]) - y[2500:]) ** 2)
        for model in (windows, memory)
    )
    # Their scalers come from other rows.
    np.testing.assert_allclose(found, wanted, rtol=0.05)


def test_validation_rows_of_the_user_choose():
    rng = np.random.default_rng(0)
    X_val = rng.normal(size=(300, 90))
    y_val = X_val[:, 0] - X_val[:, 1]
    model = LinearLearnerRegressor(random_state=0)
    model.fit(WIDE, NUMBERS, X_val=X_val, y_val=y_val)
    error = np.mean((model.predict(X_val) - y_val) ** 2)
    np.testing.assert_allclose(-model.best_score_, error)
    assert error == pytest.approx(model.metrics_["validation"]["mse"])
    assert model.candidates_["validation_loss"].min() == pytest.approx(error)


def test_an_ensemble_is_the_mean_of_its_members():
    model = LinearLearnerRegressor(random_state=0, ensemble_size=3).fit(X, Y)
    order = np.argsort(model.candidates_["rank_validation_score"])[:3]
    members = [
        LinearLearnerRegressor(
            random_state=0,
            num_models=1,
            wd=model.candidates_["param_wd"][place],
            l1=model.candidates_["param_l1"][place],
        ).fit(X, Y)
        for place in order
    ]
    mean = np.mean([member.coef_ for member in members], axis=0)
    np.testing.assert_allclose(model.coef_, mean, rtol=1e-6)


@pytest.mark.parametrize("shape", [(60, 4), (20, 40)])
@pytest.mark.parametrize("unit", [1.0, 30.0, 1e7])
def test_huber_is_solved_where_its_loss_is_the_absolute_error(shape, unit):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=shape), unit * rng.normal(size=shape[0])
    model = LinearLearnerRegressor(loss="huber_loss", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    # 1.0 is the default of huber_delta.
    assert model.resolved_params_["optimizer"] == "newton"
    assert np.isfinite(model.predict(X)).all()


def test_a_path_that_stays_behind_is_not_made_finer():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 120))
    y = X @ rng.normal(size=120) / 4 + rng.normal(size=60)
    short = LinearLearnerRegressor(random_state=0).fit(X, y)
    long = LinearLearnerRegressor(num_models=32, random_state=0).fit(X, y)
    assert len(short.candidates_["params"]) < len(long.candidates_["params"]) == 32
    np.testing.assert_array_equal(short.coef_, long.coef_)


def test_few_rows_with_more_features_have_more_folds():
    def folds(X, y, **settings):
        model = LinearLearnerRegressor(random_state=0, **settings).fit(X, y)
        return sum(name.startswith("split") for name in model.candidates_) // 2

    assert folds(WIDE, NUMBERS) == 8
    assert folds(WIDE[:, :30], NUMBERS) == 5
    assert folds(WIDE, NUMBERS, epochs=1) == 5
    assert folds(WIDE, NUMBERS, loss="huber_loss", wd=0.1, l1=0.0) == 5
