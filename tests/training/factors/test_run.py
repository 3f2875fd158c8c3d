"""The training run of Factorization Machines: epochs, folds, threads, going on."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.model_selection import KFold, ShuffleSplit

from sklearn_sagemaker._kernels import FACTOR_CHOICES, RowReader
from sklearn_sagemaker._kernels import OPTIMIZERS as REGISTRY
from sklearn_sagemaker._state import TrainingData, TrainingSpec
from sklearn_sagemaker._threads import Spread
from sklearn_sagemaker.backends import LocalBackend
from sklearn_sagemaker.estimators._folds import row_numbers
from sklearn_sagemaker.exceptions import (
    AllCandidatesDivergedError,
    CandidateDivergedWarning,
)
from sklearn_sagemaker.training.factors import run as factor_run_module
from sklearn_sagemaker.training.factors.run import (
    LARGE_DATA,
    RUN_ROWS,
    WINDOW_ROWS,
    FactorRun,
    log_odds,
)
from sklearn_sagemaker.training.factors.settings import EPOCHS
from sklearn_sagemaker.training.selection import choice

from ..conftest import KINDS
from .test_settings import hyperparameters

TASKS = pytest.mark.parametrize("classes", [1, 2, 3])
STORAGE = pytest.mark.parametrize("sparse", [False, True])
OPTIMIZERS = pytest.mark.parametrize("optimizer", FACTOR_CHOICES)
# All rows in each step: they count alike, and their order does not matter.
FULL_BATCH = {"mini_batch_size": 100_000, "normalize_data": False, "epochs": 4}


def problem(n=240, d=8, sparse=False, classes=2, seed=0, noise=0.3, dtype="f8"):
    """Rows and labels of planted pairs."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    if sparse:
        X *= rng.random((n, d)) < 0.5
    planted = np.random.default_rng(7).normal(size=(classes, d, d))
    scores = np.einsum("ni,nj,cij->nc", X, X, np.triu(planted, 1))
    scores += noise * rng.normal(size=scores.shape)
    if classes == 1:
        y = 3.0 * scores[:, 0] + 7.0
    elif classes == 2:
        y = scores[:, 0] > 0
    else:
        y = scores.argmax(axis=1)
    X = X.astype(dtype)
    return (sp.csr_array(X) if sparse else X), y.astype(float)


def spec_of(classes=2, cv=False, jobs=None, spec=None, **changed):
    changed = {"num_factors": 4, "num_models": 1, **changed}
    labels = np.arange(classes) if classes > 1 else None
    return TrainingSpec(
        "factorization-machines", KINDS[classes], hyperparameters(**changed), labels,
        cv, n_jobs=jobs, **(spec or {}),
    )  # fmt: skip


def data_of(X, y, weights=None, given=None):
    weights = np.ones(len(y)) if weights is None else np.asarray(weights, float)
    return TrainingData(X, y, weights, *(given or (None,) * 3))


def train_factors(spec, data, monitor=None):
    cv = row_numbers(spec.cv, data.y, data.sample_weight, spec.classes is not None)
    return LocalBackend().train(replace(spec, cv=cv), data, monitor)


def factor_run(X, y, weights=None, given=None, **settings):
    spec, data = spec_of(**settings), data_of(X, y, weights, given)
    cv = row_numbers(spec.cv, data.y, data.sample_weight, spec.classes is not None)
    return FactorRun(replace(spec, cv=cv), data)


def fit(X, y, weights=None, given=None, monitor=None, **settings):
    return train_factors(spec_of(**settings), data_of(X, y, weights, given), monitor)


def scores(state, X):
    X = X.toarray() if sp.issparse(X) else X
    factors = state.factors.astype(float)
    products = np.einsum("cik,cjk->cij", factors, factors)
    pairs = np.einsum("ni,nj,cij->nc", X, X, np.triu(products, 1))
    return state.intercept + X @ state.coef.T + pairs


def mean_loss(margins, y, classes, weights=None):
    if classes == 1:
        losses = (margins[:, 0] - y) ** 2
    elif classes == 2:
        losses = np.logaddexp(0, np.where(y > 0, -1, 1) * margins[:, 0])
    else:
        normal = np.logaddexp.reduce(margins, axis=1)
        losses = normal - margins[np.arange(len(y)), y.astype(int)]
    return np.average(losses, weights=weights)


def assert_same(one, other, **tolerance):
    tolerance = tolerance or {"rtol": 0}
    for name in ("intercept", "coef", "factors"):
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), err_msg=name, **tolerance
        )


# ------------------------------------------------------------------------ stopping
@TASKS
@STORAGE
def test_the_model_kept_is_that_of_the_best_epoch(classes, sparse):
    X, y = problem(n=60, classes=classes, sparse=sparse, noise=3.0)
    held, y_held = problem(n=50, classes=classes, sparse=sparse, noise=3.0, seed=1)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, 50)
    patience = {"early_stopping_patience": 4}
    state = fit(X, y, given=(held, y_held, weights), classes=classes, **patience)
    curve = state.validation_curve
    best = state.candidates["best_epoch"][0] - 1
    assert best == np.argmin(curve) < len(curve) - 1
    assert len(curve) == len(state.loss_curve) == state.n_iter
    # Patience: four epochs without an improvement.
    assert state.n_iter == best + 5 or state.n_iter == EPOCHS["validated"]
    found = mean_loss(scores(state, held), y_held, classes, weights)
    assert found == pytest.approx(curve.min(), rel=1e-6)
    assert -state.best_score == pytest.approx(curve.min())


@TASKS
def test_folds_validate_on_rows_that_they_did_not_see(classes):
    X, y = problem(n=90, classes=classes, noise=3.0)
    training = factor_run(X, y, classes=classes, cv=3)
    state = training.train()
    assert training.plan.n_fits == 4
    total = 0.0
    for group, rows in training.plan.parts:
        trained = training._rows_of(group)
        assert len(np.intersect1d(trained, rows)) == 0
        assert len(trained) + len(rows) == 90
        model = training.models[0][group]
        margins = model.best_scorer(training.reader)(rows)
        margins = margins * training.targets.unit + training.targets.origin
        found = mean_loss(margins, y[rows], classes)
        total += found * len(rows)
        column = state.candidates[f"split{group - 1}_validation_loss"]
        assert found == pytest.approx(column[0], rel=1e-6)
    assert total / 90 == pytest.approx(state.validation_curve.min(), rel=1e-6)
    assert state.validation_curve.argmin() + 1 == state.candidates["best_epoch"][0]
    # The model that is kept is trained on all rows.
    assert len(training._rows_of(0)) == 90
    alone = fit(X, y, classes=classes, epochs=int(state.candidates["best_epoch"][0]))
    assert_same(state, alone)


@pytest.mark.parametrize("cv", [KFold(3), ShuffleSplit(2, random_state=0)])
def test_splitters(cv):
    X, y = problem(n=90)
    training = factor_run(X, y, cv=cv, epochs=3)
    state = training.train()
    for group, rows in training.plan.parts:
        assert len(np.intersect1d(training._rows_of(group), rows)) == 0
    assert len(state.validation_curve) == 3
    assert_same(state, fit(X, y, epochs=int(state.candidates["best_epoch"][0])))


@TASKS
@STORAGE
def test_noise_is_not_learned_by_the_folds(classes, sparse):
    X, _ = problem(n=60, d=30, sparse=sparse)
    y = np.random.default_rng(0).integers(0, max(2, classes), 60).astype(float)
    state = fit(X, y, classes=classes, cv=5, early_stopping_patience=1000, epochs=60)
    constant = np.var(y) if classes == 1 else np.log(classes)
    assert state.loss_curve[-1] < 0.7 * constant
    assert state.validation_curve[-1] > constant


@TASKS
def test_without_validation_rows_all_epochs_are_trained(classes):
    X, y = problem(classes=classes, noise=3.0)
    state = fit(X, y, classes=classes)
    assert state.n_iter == EPOCHS["blind"] == state.resolved["epochs"]
    assert state.validation_curve is None
    assert state.candidates["best_epoch"][0] == state.n_iter
    assert state.candidates["status"][0] == "completed"
    assert set(state.metrics) == {"train"}
    # Even where the loss rises: the last epoch is the one that is kept.
    longer = fit(X, y, classes=classes, optimizer="adam", factors_lr=0.3, epochs=12)
    rises = np.diff(longer.loss_curve)
    assert (rises > 0).any()
    assert longer.n_iter == 12


@pytest.mark.parametrize("patience", [1, 3])
def test_patience(patience):
    X, y = problem(n=60, noise=3.0)
    state = fit(X, y, cv=3, early_stopping_patience=patience)
    best = state.candidates["best_epoch"][0]
    assert state.n_iter == best + patience
    assert state.candidates["status"][0] == "early_stopped"


def test_tolerance():
    X, y = problem(n=60)
    state = fit(X, y, cv=3, early_stopping_tolerance=0.9, early_stopping_patience=2)
    assert state.n_iter == 3
    assert len(set(state.validation_curve)) == 3


def test_the_monitor_sees_each_epoch_and_can_stop():
    X, y = problem()
    seen = []

    def monitor(epoch, epochs, losses):
        seen.append((epoch, epochs, losses))
        return epoch == 4

    state = fit(X, y, monitor=monitor, cv=3, epochs=20)
    assert [entry[:2] for entry in seen] == [(epoch, 20) for epoch in range(5)]
    assert state.n_iter == 5
    for epoch, _, losses in seen:
        assert losses["train_loss"] == state.loss_curve[epoch]
        assert losses["validation_loss"] == state.validation_curve[: epoch + 1].min()


# ----------------------------------------------------------------------- candidates
def test_the_best_candidate_is_kept():
    X, y = problem(n=120, noise=2.0)
    training = factor_run(X, y, cv=3, num_models=8, num_factors="auto", epochs=12)
    state = training.train()
    table = state.candidates
    loss = table["validation_loss"]
    assert len(loss) == len(set(loss)) == 8
    assert state.best_index == np.argmin(loss)
    assert state.best_params == table["params"][state.best_index]
    assert table["rank_validation_score"][state.best_index] == 1
    assert -state.best_score == loss.min()
    assert state.factors.shape[2] == state.best_params["num_factors"]
    # Alone it is the same model.
    alone = factor_run(X, y, cv=3, epochs=12, **state.best_params)
    assert -alone.train().best_score == pytest.approx(loss.min(), rel=0.1)


@TASKS
@STORAGE
@pytest.mark.parametrize("cv", [False, 3])
def test_threads_do_not_change_the_result(classes, sparse, cv):
    X, y = problem(sparse=sparse, classes=classes)
    settings = {"num_models": 4, "num_factors": "auto", "epochs": 4, "cv": cv}
    states = [fit(X, y, classes=classes, jobs=jobs, **settings) for jobs in (1, 2, 4)]
    for state in states[1:]:
        assert_same(state, states[0])
        assert state.best_index == states[0].best_index
        assert state.threshold == states[0].threshold
        for name, column in states[0].candidates.items():
            np.testing.assert_array_equal(state.candidates[name], column, name)


def test_the_next_order_is_made_while_one_model_trains(monkeypatch):
    monkeypatch.setattr(Spread, "LONG", 0.0)
    X, y = problem(classes=1)
    alone = fit(X, y, classes=1, epochs=3)
    run = factor_run(X, y, classes=1, epochs=3, jobs=2)
    meeting = threading.Barrier(2, timeout=60)
    model, train, order = run.models[0][0], run.models[0][0].train, run._order
    threads = []

    def meets(call):
        def met(*given):
            if 0 < len(threads) < 5:
                meeting.wait()
            threads.append(threading.get_ident())
            return call(*given)

        return met

    monkeypatch.setattr(model, "train", meets(train))
    monkeypatch.setattr(run, "_order", meets(order))
    assert_same(run.train(), alone)
    # The first order; an epoch beside the order of the next, twice; the last one.
    assert len(threads) == 6
    assert len(set(threads)) > 1


@STORAGE
@pytest.mark.parametrize("classes", [1, 2, 3])
def test_an_ensemble_averages_margins(classes, sparse, monkeypatch):
    # Those that disagree with the best are left out, which is for another test.
    monkeypatch.setattr(choice, "_agreeing", lambda _, chosen, *rows: chosen)
    X, y = problem(sparse=sparse, classes=classes)
    criteria = {}
    if classes == 2:
        criteria = {"binary_classifier_model_selection_criteria": "accuracy"}
    training = factor_run(
        X, y, classes=classes, num_models=4, num_factors="auto", epochs=4,
        spec={"ensemble_size": 3}, cv=3, **criteria,
    )  # fmt: skip
    state = training.train()
    order = np.argsort(state.candidates["rank_validation_score"])[:3]
    models = [training.models[number][0] for number in order]
    rows = np.arange(len(y))
    each = [model.best_scorer(training.reader)(rows) for model in models]
    wanted = np.mean(each, axis=0) * training.targets.unit + training.targets.origin
    np.testing.assert_allclose(scores(state, X), wanted, rtol=1e-9, atol=1e-9)
    assert state.factors.shape[2] == sum(model.k for model in models)


@pytest.mark.parametrize("classes", [1, 2])
def test_the_score_of_an_ensemble_is_its_loss(classes):
    X, y = problem(classes=classes)
    held, y_held = problem(classes=classes, seed=1)
    state = fit(X, y, classes=classes, num_models=4, num_factors="auto", epochs=4,
                given=(held, y_held, np.ones(len(y_held))),
                spec={"ensemble_size": 3})  # fmt: skip
    found = mean_loss(scores(state, held), y_held, classes)
    assert -state.best_score == pytest.approx(found, rel=1e-6)


# ---------------------------------------------------------------------- divergence
@pytest.mark.parametrize("cv", [False, 3])
@TASKS
def test_all_diverged_says_what_to_do(classes, cv):
    X, y = problem(classes=classes)
    settings = {"factors_lr": 1e6, "optimizer": "sgd", "normalize_data": False}
    message = "(?s)All 1 candidate models.*normalize_data='auto'"
    message += ".*factors_lr below 1e\\+06"
    with pytest.raises(AllCandidatesDivergedError, match=message):
        fit(1e3 * X, y, classes=classes, cv=cv, **settings)


def test_candidates_may_diverge():
    X, y = problem(classes=1)
    settings = {"num_models": 8, "num_factors": "auto", "optimizer": "sgd",
                "normalize_data": False, "epochs": 10}  # fmt: skip
    state = fit(1.7 * X, y, classes=1, cv=3, **settings)
    diverged = state.candidates["status"] == "diverged"
    assert diverged.any()
    assert not diverged.all()
    assert not diverged[state.best_index]
    assert np.isfinite(state.factors).all()


def test_a_rate_of_the_user_that_diverges_for_some_warns():
    X, y = problem(classes=1)
    settings = {"num_models": 8, "num_factors": "auto", "optimizer": "sgd",
                "normalize_data": False, "epochs": 10, "linear_lr": 0.001}  # fmt: skip
    with pytest.warns(CandidateDivergedWarning):
        state = fit(1.7 * X, y, classes=1, cv=3, **settings)
    assert np.isfinite(state.factors).all()


@pytest.mark.parametrize("name", ["bias_lr", "linear_lr", "factors_lr"])
def test_ftrl_with_a_rate_of_zero(name):
    X, y = problem()
    assert np.isfinite(fit(X, y, optimizer="ftrl", epochs=2, **{name: 0.0}).coef).all()


@pytest.mark.parametrize(
    "optimizer", [name for name in FACTOR_CHOICES if not REGISTRY[name].own_decay]
)
@pytest.mark.parametrize("group", ["bias", "linear", "factors"])
def test_a_rate_of_zero_leaves_a_group_as_it_starts(optimizer, group):
    X, y = problem(sparse=True)
    rates = {f"{name}_lr": 0.01 for name in ("bias", "linear", "factors")}
    starts = {"bias_init_sigma": 0.3, "linear_init_sigma": 0.3}
    settings = {"optimizer": optimizer, "normalize_data": False, **starts}
    training = factor_run(X, y, epochs=2, **settings, **rates | {f"{group}_lr": 0.0})
    start = {
        name: getattr(training.models[0][0], name)[..., 0, :].copy()
        for name in ("bias", "linear", "factors")
    }
    training.train()
    for name, values in start.items():
        same = getattr(training.models[0][0], name)[..., 0, :] == values
        assert same.all() if name == group else not same.any()


# ------------------------------------------------------------------------- weights
@TASKS
@STORAGE
@pytest.mark.parametrize("cv", [False, 3])
@pytest.mark.parametrize("batch", [1, 16])
def test_rows_of_weight_zero_are_absent(classes, sparse, cv, batch):
    """They shift neither the start nor scalers nor labels nor folds."""
    X, y = problem(n=120, classes=classes, sparse=sparse)
    gone = np.arange(120) >= 90
    dense = X.toarray() if sparse else X.copy()
    dense[gone], y[gone] = 1e6, 0.0
    rows = sp.csr_array(dense) if sparse else dense
    weights = np.where(gone, 0.0, np.random.default_rng(0).uniform(0.5, 2.0, 120))
    settings = {"classes": classes, "cv": cv, "epochs": 3, "mini_batch_size": batch}
    found = fit(rows, y, weights, **settings)
    wanted = fit(X[:90], y[:90], weights[:90], **settings)
    assert_same(found, wanted, rtol=1e-9, atol=1e-12)
    assert found.metrics.keys() == wanted.metrics.keys()
    for part, values in found.metrics.items():
        assert values == pytest.approx(wanted.metrics[part])


@TASKS
@STORAGE
@OPTIMIZERS
def test_weights_repeat_rows(classes, sparse, optimizer):
    """As far as an objective goes: when a step sees all rows."""
    X, y = problem(n=80, classes=classes, sparse=sparse)
    weights = np.random.default_rng(0).integers(1, 4, 80)
    places = np.repeat(np.arange(80), weights)
    settings = {**FULL_BATCH, "optimizer": optimizer, "classes": classes}
    # A mean over rows, which have mean weight one.
    weighted = fit(X, y, weights, rescale_grad=1 / 80, **settings)
    share = 1 / len(places)
    repeated = fit(X[places], y[places], rescale_grad=share, **settings)
    assert_same(weighted, repeated, rtol=1e-7, atol=1e-10)
    plain = fit(X, y, rescale_grad=1 / 80, **settings)
    assert np.abs(weighted.factors - plain.factors).max() > 1e-6


@TASKS
def test_the_unit_of_weights_does_not_matter(classes):
    X, y = problem(classes=classes)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    settings = {"classes": classes, "cv": 3, "epochs": 3}
    one, other = (fit(X, y, unit * weights, **settings) for unit in (1.0, 1e6))
    assert_same(one, other, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_log_odds_are_the_best_constant(classes):
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, 100).astype(float)
    weights = rng.uniform(0.5, 2.0, 100)
    n_outputs = 1 if classes == 2 else classes
    found = log_odds(y, weights, n_outputs)
    assert found.shape == (n_outputs,)
    shares = np.bincount(y.astype(int), weights) / weights.sum()
    if classes == 2:
        assert found[0] == pytest.approx(np.log(shares[1] / shares[0]))
    else:
        np.testing.assert_allclose(np.exp(found) / np.exp(found).sum(), shares)


# -------------------------------------------------------------------- large data
def test_rows_of_large_data_are_shuffled_in_runs_within_windows():
    run = factor_run(*problem())
    rows = np.arange(2 * WINDOW_ROWS)
    small = run._order(rows, LARGE_DATA, np.random.default_rng(0))
    large = run._order(rows, LARGE_DATA + 1, np.random.default_rng(0))
    for order in (small, large):
        np.testing.assert_array_equal(np.sort(order), rows)
        assert np.mean(np.diff(order) == 1) < 0.1
    # Of a window of large data, all rows of most runs.
    together = [
        np.bincount(order[:WINDOW_ROWS] // RUN_ROWS, minlength=len(rows) // RUN_ROWS)
        for order in (small, large)
    ]
    assert np.mean(together[0] == RUN_ROWS) < 0.1
    assert np.mean(np.diff(np.sort(large[:WINDOW_ROWS])) == 1) > 1 - 1.1 / RUN_ROWS


@STORAGE
def test_large_data_trains_on_every_row(monkeypatch, sparse):
    X, y = problem(sparse=sparse)
    settings = {**FULL_BATCH, "optimizer": "sgd", "linear_lr": 0.01}
    plain = fit(X, y, **settings)
    monkeypatch.setattr(factor_run_module, "LARGE_DATA", 0)
    monkeypatch.setattr(factor_run_module, "WINDOW_ROWS", 64)
    large = fit(X, y, **settings)
    np.testing.assert_allclose(large.coef, plain.coef, rtol=1e-9)
    np.testing.assert_allclose(large.loss_curve, plain.loss_curve, rtol=1e-9)
    # One by one: another order, the same rows.
    settings = {"epochs": 20, "mini_batch_size": 1}
    large, again = fit(X, y, **settings), fit(X, y, **settings)
    assert_same(large, again)
    monkeypatch.undo()
    plain = fit(X, y, **settings)
    assert (large.coef != plain.coef).any()
    np.testing.assert_allclose(large.loss_curve[-1], plain.loss_curve[-1], rtol=0.2)


# ----------------------------------------------------------------- starts of sweeps
def sweep_models(solver, classes=1, **changed):
    X, y = problem(classes=classes)
    run = factor_run(X, y, classes=classes, solver=solver, **changed)
    return run.models[0][0].models


@pytest.mark.parametrize("solver", ["als", "mcmc"])
def test_sweeps_start_as_the_settings_say(solver):
    auto = sweep_models(solver)[0]
    assert auto.intercept == 0.0
    assert not auto.coef.any()
    for group in ("bias", "linear", "factors"):
        model = sweep_models(solver, **{f"{group}_init_method": "constant",
                                        f"{group}_init_value": 2.0})[0]  # fmt: skip
        assert model.intercept == (2.0 if group == "bias" else 0.0)
        np.testing.assert_array_equal(model.coef, 2.0 if group == "linear" else 0.0)
        assert (model.factors == 2.0).all() == (group == "factors")
        assert model.factors.any()
    model = sweep_models(solver, linear_init_method="uniform", linear_init_scale=0.5,
                         factors_init_sigma=3.0, num_factors=300)[0]  # fmt: skip
    assert 0 < np.abs(model.coef).min() < np.abs(model.coef).max() <= 0.5
    assert model.factors.shape == (8, 300)
    assert model.factors.std() == pytest.approx(3.0, rel=0.05)
    assert model.factors.mean() == pytest.approx(0.0, abs=0.3)


@pytest.mark.parametrize("solver", ["als", "mcmc"])
def test_sweeps_of_each_class_and_seed_start_elsewhere(solver):
    settings = {"classes": 3, "linear_init_sigma": 0.1, "factors_init_sigma": 0.1}
    models = sweep_models(solver, **settings)
    again = sweep_models(solver, **settings)
    other = sweep_models(solver, spec={"seed": 1}, **settings)
    assert len(models) == 3
    for model, same, moved in zip(models, again, other, strict=True):
        np.testing.assert_array_equal(model.coef, same.coef)
        np.testing.assert_array_equal(model.factors, same.factors)
        assert (model.coef != moved.coef).all()
        assert (model.factors != moved.factors).all()
    assert (models[0].factors != models[1].factors).all()
    assert (models[1].coef != models[2].coef).all()


def test_sampling_goes_on_with_the_same_groups_only():
    X, y = problem(classes=1)
    keep = {"keep_state": True, "groups": np.arange(8) // 4}
    settings = {"classes": 1, "solver": "mcmc", "epochs": 3}
    first = fit(X, y, spec=keep, **settings)
    fit(X, y, spec={**keep, "resume": first.resume}, **settings)
    changed = {**keep, "groups": np.arange(8) // 2, "resume": first.resume}
    with pytest.raises(ValueError, match="groups has changed since the fit"):
        fit(X, y, spec=changed, **settings)


def test_als_cannot_leave_factors_that_start_at_zero():
    """What the settings say reaches the trained model."""
    X, y = problem(classes=1)
    zero = {"factors_init_method": "constant", "factors_init_value": 0.0}
    state = fit(X, y, classes=1, solver="als", epochs=3, **zero)
    assert not state.factors.any()
    assert state.coef.any()
    assert fit(X, y, classes=1, solver="als", epochs=3).factors.any()


# ------------------------------------------------------------------------- one split
@pytest.mark.parametrize("as_iterable", [False, True])
def test_one_split_validates_on_its_test_rows(as_iterable):
    X, y = problem()
    splitter = ShuffleSplit(1, test_size=0.25, random_state=0)
    train, test = next(splitter.split(X))
    cv = [(train, test)] if as_iterable else splitter
    settings = {"epochs": 4, "early_stopping_patience": 100}
    state = fit(X, y, cv=cv, **settings)
    # The model of the split is that of its training rows with the test rows given.
    given = (X[test], y[test], np.ones(len(test)))
    run = factor_run(X, y, cv=cv, **settings)
    assert run.plan.kind == "folds"
    assert [len(models) for models in run.models] == [2]
    np.testing.assert_array_equal(run._own(np.arange(len(y)), 1), np.sort(train))
    np.testing.assert_array_equal(run._own(np.arange(len(y)), 0), np.arange(len(y)))
    assert run.plan.parts[0][0] == 1
    np.testing.assert_array_equal(run.plan.parts[0][1], np.sort(test))
    alone = fit(X[train], y[train], given=given, **settings)
    np.testing.assert_allclose(state.validation_curve, alone.validation_curve, rtol=0.3)


# ------------------------------------------------------------------------- going on
@TASKS
@STORAGE
@OPTIMIZERS
@pytest.mark.parametrize("batch", [1, 32])
def test_two_fits_are_one_long_fit(classes, sparse, optimizer, batch):
    X, y = problem(classes=classes, sparse=sparse)
    settings = {"classes": classes, "optimizer": optimizer, "mini_batch_size": batch}
    keep = {"keep_state": True, "seed": 5}
    first = fit(X, y, epochs=3, spec=keep, **settings)
    steps = first.resume["models"][0][0]["steps"]
    assert steps == 3 * (len(y) if batch == 1 else -(-len(y) // batch))
    before = first.resume["models"][0][0]["factors"].copy()
    second = fit(X, y, epochs=3, spec={**keep, "resume": first.resume}, **settings)
    whole = fit(X, y, epochs=6, spec=keep, **settings)
    assert_same(second, whole)
    np.testing.assert_array_equal(
        np.r_[first.loss_curve, second.loss_curve], whole.loss_curve
    )
    if optimizer != "sgd":  # whose steps are too long for some of these rows
        assert second.loss_curve[-1] < first.loss_curve[-1] < first.loss_curve[0]
    assert second.resume["epochs"] == 6
    for name in ("bias", "linear", "factors"):
        np.testing.assert_array_equal(
            second.resume["models"][0][0][name], whole.resume["models"][0][0][name]
        )
    # The state that was gone on from is as it was.
    np.testing.assert_array_equal(first.resume["models"][0][0]["factors"], before)


@STORAGE
def test_going_on_keeps_the_scalers_of_the_first_run(sparse):
    X, y = problem(classes=1, sparse=sparse)
    keep = {"keep_state": True, "seed": 5}
    first = fit(X, y, epochs=2, classes=1, spec=keep)
    run = factor_run(9.0 * X, 9.0 * y, epochs=2, classes=1,
                     spec={**keep, "resume": first.resume})  # fmt: skip
    second = run.train().resume
    assert second["labels"] == first.resume["labels"]
    assert second["square"] == run.square == first.resume["square"]
    for name, before in zip(
        ("shift", "scale", "rest"), first.resume["scaler"], strict=True
    ):
        np.testing.assert_array_equal(getattr(run.scaler, name), before)
    anew = factor_run(9.0 * X, 9.0 * y, epochs=2, classes=1)
    assert (anew.scaler.scale != run.scaler.scale).all()


def test_folds_go_on_too():
    X, y = problem()
    keep = {"keep_state": True, "seed": 5}
    settings = {"cv": 3, "num_models": 2, "early_stopping_patience": 100}
    first = fit(X, y, epochs=3, spec=keep, **settings)
    assert [len(models) for models in first.resume["models"]] == [4, 4]
    second = fit(X, y, epochs=3, spec={**keep, "resume": first.resume}, **settings)
    whole = fit(X, y, epochs=6, spec=keep, **settings)
    np.testing.assert_array_equal(
        np.r_[first.validation_curve, second.validation_curve], whole.validation_curve
    )


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"optimizer": "sgd"}, "optimizer sgd"),
        ({"num_factors": 5}, "candidates"),
        ({"num_models": 2}, "candidates"),
        ({"cv": 3}, "folds"),
    ],
)
def test_other_settings_cannot_go_on(changed, name):
    X, y = problem()
    first = fit(X, y, epochs=1, spec={"keep_state": True})
    with pytest.raises(ValueError, match=f"{name}.*warm_start=False"):
        fit(X, y, epochs=1, spec={"resume": first.resume}, **changed)


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        (lambda X: X[:, :4].copy(), "features 4"),
        (lambda X: X.astype("f4"), "precision float32"),
    ],
)
def test_other_rows_cannot_go_on(rows, name):
    X, y = problem()
    first = fit(X, y, epochs=1, spec={"keep_state": True})
    with pytest.raises(ValueError, match=name):
        fit(rows(X), y, epochs=1, spec={"resume": first.resume})


# -------------------------------------------------------------------------- streams
def stream(X, y, resume=None, weights=None, **settings):
    spec = {"stream": True, "keep_state": True, "resume": resume, "seed": 3}
    return train_factors(spec_of(spec=spec, **settings), data_of(X, y, weights))


@TASKS
@STORAGE
@OPTIMIZERS
def test_a_call_of_a_stream_is_an_epoch(classes, sparse, optimizer):
    """The same one where the order of the rows does not matter."""
    X, y = problem(classes=classes, sparse=sparse)
    settings = {"classes": classes, "optimizer": optimizer, "bias_init_sigma": 0.0,
                "mini_batch_size": 1000, "linear_init_sigma": 0.1, "bias_lr": 0.01,
                "linear_lr": 0.01, "factors_lr": 0.01,
                "factors_init_sigma": 0.01}  # fmt: skip
    found = stream(X, y, **settings)
    wanted = fit(X, y, epochs=1, spec={"seed": 3}, **settings)
    assert_same(found, wanted, rtol=1e-9, atol=1e-12)
    assert found.loss_curve[0] == pytest.approx(wanted.loss_curve[0])
    assert found.n_iter == 1
    assert found.resolved["validation"] == "test-then-train"


@TASKS
@STORAGE
@pytest.mark.parametrize("batch", [1, 8])
def test_rows_are_scored_before_they_are_trained_on(classes, sparse, batch):
    X, y = problem(n=160, classes=classes, sparse=sparse)
    state, total = None, 0.0
    settings = {"classes": classes, "normalize_data": False, "mini_batch_size": batch,
                "factors_init_sigma": 1e-4}  # fmt: skip
    if classes == 1:
        settings["normalize_label"] = False
    for row in range(40):
        rows = slice(row * batch, (row + 1) * batch) if row else slice(0, batch)
        rows = slice(4 * row, 4 * row + 4) if batch == 8 else rows
        if state is None:
            before = np.zeros((1, max(1, classes if classes > 2 else 1)))
        else:
            before = scores(state, X[rows])
        part = X[rows]
        loss = mean_loss(np.broadcast_to(before, (part.shape[0], before.shape[1])),
                         y[rows], classes)  # fmt: skip
        state = stream(part, y[rows], state and state.resume, **settings)
        total += loss
        # One step a call: all of its rows are scored by the model before it.
        assert -state.best_score == pytest.approx(total / (row + 1), rel=1e-3)


@TASKS
@STORAGE
def test_streams_learn(classes, sparse):
    X, y = problem(n=2000, classes=classes, sparse=sparse, noise=0.1)
    held, y_held = problem(n=500, classes=classes, sparse=sparse, seed=1, noise=0.1)
    state, losses = None, []
    for _ in range(4):
        for start in range(0, 2000, 250):
            rows = slice(start, start + 250)
            state = stream(
                X[rows], y[rows], state and state.resume, classes=classes, num_factors=8
            )
        losses.append(mean_loss(scores(state, held), y_held, classes))
    constant = np.var(y_held) if classes == 1 else np.log(classes)
    assert losses[-1] < losses[0] < constant
    assert losses[-1] < 0.85 * constant


def test_a_stream_of_several_models_keeps_the_best():
    X, y = problem(n=400)
    state = None
    for start in range(0, 400, 100):
        rows = slice(start, start + 100)
        state = stream(X[rows], y[rows], state and state.resume, num_models=4,
                       num_factors="auto")  # fmt: skip
    loss = state.candidates["validation_loss"]
    assert len(loss) == 4
    assert state.best_index == np.argmin(loss)
    assert state.factors.shape[2] == state.best_params["num_factors"]


def test_rows_of_weight_zero_are_absent_from_a_stream():
    X, y = problem(n=100)
    weights = np.ones(100)
    weights[60:] = 0.0
    X[60:] = 1e6
    assert_same(stream(X, y, weights=weights), stream(X[:60], y[:60]))


@TASKS
def test_the_unit_of_weights_does_not_matter_to_a_stream(classes):
    X, y = problem(n=120, classes=classes)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, 120)
    found = []
    for unit in (1.0, 1e4):
        state = None
        for start in (0, 50, 60):
            rows = slice(start, start + 50)
            state = stream(X[rows], y[rows], state and state.resume,
                           unit * weights[rows], classes=classes)  # fmt: skip
        found.append(state)
    assert_same(*found, rtol=1e-8, atol=1e-10)


def test_a_stream_that_diverges_leaves_its_state_as_it_was():
    X, y = problem(classes=1)
    settings = {"classes": 1, "normalize_data": False, "optimizer": "sgd"}
    first = stream(X, y, **settings)
    before = first.resume["models"][0]["factors"].copy()
    calls = first.resume["stream"]["calls"]
    with pytest.raises(AllCandidatesDivergedError, match="as it was before"):
        stream(1e9 * X, y, first.resume, **settings)
    np.testing.assert_array_equal(first.resume["models"][0]["factors"], before)
    assert first.resume["stream"]["calls"] == calls == 1
    assert_same(stream(X, y, first.resume, **settings),
                stream(X, y, stream(X, y, **settings).resume, **settings))  # fmt: skip


@pytest.mark.parametrize("changed", [{"num_factors": 5}, {"optimizer": "adam"}])
def test_other_settings_cannot_go_on_with_a_stream(changed):
    X, y = problem()
    first = stream(X, y)
    with pytest.raises(ValueError, match="shape"):
        stream(X, y, first.resume, **changed)


def fitted(state):
    return {name: getattr(state, name) for name in ("coef", "intercept", "factors")}


@TASKS
@STORAGE
def test_a_stream_goes_on_from_a_fitted_model(classes, sparse):
    X, y = problem(classes=classes, sparse=sparse)
    state = fit(X, y, classes=classes, epochs=5)
    still = {"linear_lr": 0.0, "factors_lr": 0.0, "bias_lr": 0.0, "classes": classes}
    found = stream(X, y, fitted(state), **still)
    np.testing.assert_allclose(scores(found, X), scores(state, X), atol=1e-6)


def test_a_stream_goes_on_from_an_ensemble():
    X, y = problem()
    state = fit(X, y, epochs=5, num_models=3, spec={"ensemble_size": 3}, cv=3,
                binary_classifier_model_selection_criteria="accuracy")  # fmt: skip
    still = {"linear_lr": 0.0, "factors_lr": 0.0, "bias_lr": 0.0}
    found = stream(X, y, fitted(state), **still)
    np.testing.assert_allclose(scores(found, X), scores(state, X), atol=1e-6)


# ------------------------------------------------------------------- other storage
@TASKS
@STORAGE
def test_validation_rows_may_have_another_precision(classes, sparse):
    X, y = problem(classes=classes, sparse=sparse)
    held, y_held = problem(n=50, classes=classes, seed=1)
    states = [
        fit(X, y, given=(rows, y_held, np.ones(50)), classes=classes, epochs=3)
        for rows in (held, held.astype("f4"), np.asfortranarray(held))
    ]
    assert RowReader(held.astype("f4")).dtype == np.float32
    for state in states[1:]:
        np.testing.assert_allclose(
            state.validation_curve, states[0].validation_curve, rtol=1e-4
        )
        assert_same(state, states[0])


def assert_validation_by_storage_agrees(X, y, classes):
    held, y_held = problem(n=50, classes=classes, seed=1)
    curves = [
        fit(
            X, y, given=(rows, y_held, np.ones(50)), classes=classes, epochs=3
        ).validation_curve
        for rows in (held, sp.csr_array(held))
    ]
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-9)


@TASKS
def test_sparse_rows_may_be_validated_by_dense_ones(classes):
    assert_validation_by_storage_agrees(*problem(classes=classes, sparse=True), classes)


@TASKS
def test_dense_rows_may_be_validated_by_sparse_ones(classes):
    assert_validation_by_storage_agrees(*problem(classes=classes), classes)


def test_sparse_rows_cannot_go_on_where_dense_ones_were():
    X, y = problem()
    first = fit(X, y, epochs=1, spec={"keep_state": True})
    with pytest.raises(ValueError, match="sparse|CSR|dense"):
        fit(sp.csr_array(X), y, epochs=1, spec={"resume": first.resume})
    first = stream(X, y)
    with pytest.raises(ValueError, match="sparse|CSR|dense"):
        stream(sp.csr_array(X), y, first.resume)
