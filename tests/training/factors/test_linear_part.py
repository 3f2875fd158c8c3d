"""Candidates that we choose: the linear part alone, and other decays of factors."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import RidgeCV

from sklearn_sagemaker import FactorizationMachinesRegressor
from sklearn_sagemaker.training.factors import run as factor_run_module
from sklearn_sagemaker.training.factors import sweeps
from sklearn_sagemaker.training.factors.choice import TrainedFactors
from sklearn_sagemaker.training.factors.gradient import RISE
from sklearn_sagemaker.training.factors.settings import INIT_SIGMA, PATH_PATIENCE
from sklearn_sagemaker.training.factors.sweep_model import pilot_of
from sklearn_sagemaker.training.selection.paired import simpler_first

from .test_run import factor_run, fit, problem


def ids(n, counts, seed, interaction=0.0, noise=0.5):
    """One-hot ids and additive scores, and pairs of ids if asked."""
    rng = np.random.default_rng(seed)
    found = [rng.integers(count, size=n) for count in counts]
    y = rng.normal(0, noise, n)
    factors = []
    for one, count in zip(found, counts, strict=True):
        y += 0.7 * rng.normal(size=count)[one]
        factors.append(rng.normal(size=(count, 2))[one])
    y += interaction * (factors[0] * factors[1]).sum(axis=1)
    blocks = [
        sp.csr_array((np.ones(n), (np.arange(n), one)), shape=(n, count))
        for one, count in zip(found, counts, strict=True)
    ]
    return sp.csr_array(sp.hstack(blocks, format="csr")), y


def sigmas(training):
    return training.candidates.columns.get("factors_init_sigma")


def auto(**changed):
    return {"num_models": "auto", "classes": 1, **changed}


def test_the_linear_part_alone_is_a_candidate_where_rows_tell():
    X, y = problem(n=60, classes=1)
    with_folds = factor_run(X, y, cv=3, **auto())
    assert set(sigmas(with_folds)) == {0.0, INIT_SIGMA}
    assert sigmas(factor_run(X, y, **auto())) is None
    assert len(factor_run(X, y, cv=3, **auto(num_models=1)).candidates) == 1
    # The user has said how factors start.
    for settings in (
        {"factors_init_sigma": 0.1},
        {"factors_init_method": "uniform"},
        {"factors_init_method": "constant", "factors_init_value": 0.1},
    ):
        assert sigmas(factor_run(X, y, cv=3, **auto(**settings))) is None


@pytest.mark.parametrize("solver", ["als", "mcmc"])
def test_sweeps_train_their_linear_part_where_rows_are_few(solver, monkeypatch):
    X, y = problem(n=60, classes=1)
    run = factor_run(X, y, cv=3, **auto(solver=solver))
    sigmas = run.candidates.columns["factors_init_sigma"].tolist()
    assert sigmas == ["auto", 0.0, 0.0, 0.0][: 4 if solver == "als" else 2]
    state = run.train()
    kept = run.models[1][0].solution()
    assert kept.factors.shape == state.factors.shape
    assert not kept.factors.any()
    assert np.isfinite(state.candidates["validation_loss"]).all()
    monkeypatch.setattr("sklearn_sagemaker.training.factors.run.FEW_STORED", 1)
    assert len(factor_run(X, y, cv=3, **auto(solver=solver)).candidates) == 1


def test_more_models_with_factors_on_small_data_only(monkeypatch):
    X, y = problem(n=60, classes=1)
    small = factor_run(X, y, cv=3, **auto())
    monkeypatch.setattr(factor_run_module, "CV_BUDGET", 60 * 8 * 4)
    large = factor_run(X, y, cv=3, **auto())
    assert (sigmas(small) > 0).sum() == 3
    assert (sigmas(large) > 0).sum() == 1
    assert (sigmas(large) == 0).sum() == (sigmas(small) == 0).sum() == 2


@pytest.mark.parametrize("seed", range(3))
def test_few_additive_ratings_are_left_to_the_linear_part(seed):
    X, y = ids(900, (50, 45), seed)
    a, b = slice(0, 420), slice(420, None)
    model = FactorizationMachinesRegressor(random_state=seed).fit(X[a], y[a])
    ridge = RidgeCV(10.0 ** np.arange(-3, 4)).fit(X[a], y[a])
    losses = [np.mean((one.predict(X[b]) - y[b]) ** 2) for one in (model, ridge)]
    assert losses[0] < 1.04 * losses[1]
    assert model.factors_.shape == (95, 64)
    table = model.candidates_
    chosen = model.best_index_
    zero = table["param_factors_init_sigma"][chosen] == 0.0
    assert (model.factors_ == 0).all() == zero


@pytest.mark.parametrize("interaction", [0.0, 1.0])
def test_the_best_parameters_make_the_same_model(interaction):
    X, y = ids(400, (20, 15), 0, interaction)
    settings = {"num_factors": 5, "random_state": 3}
    model = FactorizationMachinesRegressor(**settings).fit(X, y)
    again = FactorizationMachinesRegressor(
        **settings | model.best_params_, num_models=1
    )
    again.fit(X, y)
    assert (model.factors_ == 0).all() == (interaction == 0.0)
    for name in ("intercept_", "coef_", "factors_"):
        np.testing.assert_array_equal(getattr(again, name), getattr(model, name))


def test_a_stream_after_a_linear_fit_finds_factors():
    X, y = ids(300, (10, 8), 0)
    model = FactorizationMachinesRegressor(num_factors=4, random_state=0).fit(X, y)
    assert (model.factors_ == 0).all()
    more, z = ids(3000, (10, 8), 1, interaction=1.0)
    for _ in range(10):
        model.partial_fit(more, z)
    assert model.score(more, z) > 0.8


# ------------------------------------------------------------------- coming factors
def test_patience_waits_while_factors_come_up():
    # The linear part is soon too good for new rows, and pairs come after that.
    X, y = ids(1500, (60, 50), 0, interaction=0.6)
    settings = auto(num_models=1, num_factors=16, cv=3, linear_lr=0.2)
    waits = fit(X, y, **settings)
    told = fit(X, y, early_stopping_patience=4, **settings)
    assert told.n_iter < waits.n_iter
    assert waits.best_score > told.best_score + 0.1 * abs(told.best_score)


def test_an_epoch_of_growing_factors_is_told_from_one_of_grown_ones():
    X, y = ids(300, (10, 8), 0)
    model = factor_run(X, y, **auto()).models[0][0]
    assert not model.rises()
    model.factors[:, 0] *= RISE * 1.01
    assert model.rises()
    assert not model.rises()


def test_a_linear_part_holds_no_factors_and_goes_on_as_one():
    X, y = ids(300, (10, 8), 0)
    settings = {"cv": 3, **auto(num_factors=6)}
    state = fit(X, y, spec={"keep_state": True}, **settings)
    widths = [one[0]["factors"].shape[2] for one in state.resume["models"]]
    assert widths == [6, 6, 6, 0, 0]
    more = fit(X, y, spec={"resume": state.resume}, **settings)
    assert more.factors.shape == state.factors.shape


def test_the_linear_part_wins_where_chance_may_decide():
    X, y = problem(n=60, classes=1)
    run = factor_run(X, y, cv=3, **auto())
    run.train()
    trained = SimpleNamespace(candidates=run.candidates, settings=run.settings)
    loss = np.arange(1.0, 1.0 + len(run.candidates))
    alone = sigmas(run) == 0.0
    assert TrainedFactors.simpler(trained, 0, loss) == np.flatnonzero(alone)[0]
    assert TrainedFactors.simpler(trained, np.flatnonzero(alone)[0], loss) is None
    loss[alone] = np.inf
    assert TrainedFactors.simpler(trained, 0, loss) is None


@pytest.mark.parametrize(("lead", "first"), [(0.05, 1), (0.5, 0)])
def test_a_lead_counts_from_some_paired_errors_on(lead, first):
    # Of 100 rows whose differences have a deviation of 1.
    noise = np.repeat([1.0, -1.0], 50)
    trained = SimpleNamespace(
        simpler=lambda chosen, loss: 1,
        plan=SimpleNamespace(reader=None, y=np.zeros(100)),
        targets=SimpleNamespace(loss_weights=(None, np.ones(100))),
        margins=lambda reader, parts, one: (one[0] * (noise + lead))[:, None, None],
        losses=lambda margins, y: margins[:, 0],
    )
    order = np.array([0, 2, 1])
    found = simpler_first(trained, [(0, np.arange(100))], order, np.zeros(3))
    assert found[0] == first
    assert sorted(found) == [0, 1, 2]


def wide_counts(n=300, d=3000, stored=20):
    """Rows of many more columns than rows, of which y follows the sum."""
    rng = np.random.default_rng(3)
    columns = rng.integers(0, d, (n, stored))
    indptr = np.arange(0, n * stored + 1, stored)
    X = sp.csr_array((np.ones(n * stored), columns.ravel(), indptr), shape=(n, d))
    X.sum_duplicates()
    return X, X @ rng.normal(size=d) + rng.normal(size=n)


def test_factors_are_not_waited_for_where_validation_loses_too_much():
    X, y = wide_counts()
    model = FactorizationMachinesRegressor(solver="als", num_models=1, random_state=0)
    losses = model.fit(X, y).validation_curve_
    lost = np.cumsum(losses / losses[0] - 1)
    assert losses.argmin() == 0
    # The first sweep was the best one, and losses have risen from each to the next.
    assert lost[-1] > 0.1
    assert (np.diff(losses[-5:]) > 0).all()
    assert len(losses) < PATH_PATIENCE


def test_a_patience_of_the_user_is_kept():
    X, y = wide_counts()
    model = FactorizationMachinesRegressor(
        solver="als", early_stopping_patience=20, epochs=18, random_state=0
    ).fit(X, y)
    assert model.n_iter_ == 18


def test_linear_parts_share_the_sampling_that_suggests_their_decays(monkeypatch):
    asked = []

    def counted(store, y, weights, *, seed, num_factors, **settings):
        asked.append(num_factors)
        return pilot_of(
            store, y, weights, seed=seed, num_factors=num_factors, **settings
        )

    monkeypatch.setattr(sweeps, "pilot_of", counted)
    X, y = wide_counts(120, 50, 5)
    model = FactorizationMachinesRegressor(solver="als", random_state=0, n_jobs=2)
    model.fit(X, y)
    assert len(model.candidates_["validation_loss"]) == 4
    assert sorted(asked) == [0, 14]
