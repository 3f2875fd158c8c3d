"""The training run: stopping, dropping, snapshots, weights of rows and classes."""

from contextlib import ExitStack

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.model_selection import ShuffleSplit

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker.exceptions import (
    AllCandidatesDivergedError,
    CandidateDivergedWarning,
)
from sklearn_sagemaker.training.linear.blocks import (
    BLOCK_COLUMNS,
    MOST_COLUMNS,
    block_columns,
)
from sklearn_sagemaker.training.linear.steps import TEAM_WORK, LinearSteps

from ..conftest import fit, linear_run, problem


def test_early_stopping_counts_relative_improvements():
    X, y = problem()
    state = fit(
        X, y, early_stopping_patience=2, early_stopping_tolerance=0.5, epochs=50
    )
    assert (state.candidates["status"] == "early_stopped").all()
    assert state.candidates["n_iter"].max() < 50


@pytest.mark.parametrize("unit", [1.0, 1e-3])
def test_steps_keep_the_sizes_of_sparse_features_where_they_mean_something(unit):
    """Ten large features tell the class, 190 small ones nothing."""
    rng = np.random.default_rng(0)
    sizes = unit * np.where(np.arange(200) < 10, 3.0, 0.3)
    X = sp.csr_array((rng.random((600, 200)) < 0.1) * sizes)
    margins = X[:, :10] @ rng.standard_normal(10) / unit
    y = (margins + 0.3 * rng.standard_normal(600) > 0).astype(np.float64)
    given = X[300:], y[300:], np.ones(300)
    found = fit(X[:300], y[:300], given=given, epochs=10).candidates
    best = {
        kind: found["validation_loss"][found["param_scaling"] == kind].min()
        for kind in ("norm", "floored", "length")
    }
    assert best["length"] < 0.8 * min(best["norm"], best["floored"])


def test_validation_rows_are_those_that_are_asked_for():
    """What is kept of them from epoch to epoch is not taken for that of others."""
    X, y = problem()
    run = linear_run(X, y, epochs=1)
    run.train()
    block, (labels, weights) = run.blocks[0], run.targets.validation
    reader, parts = run.plan.reader, run.plan.parts
    sums, total = block.validation_loss(reader, parts, labels, weights)
    twice = block.validation_loss(reader, parts, labels, 2 * weights)
    np.testing.assert_allclose(twice[0], 2 * sums, rtol=1e-6)
    np.testing.assert_allclose(twice[1], 2 * total, rtol=1e-6)
    halves = [(fit, rows[: len(rows) // 2]) for fit, rows in parts]
    assert (block.validation_loss(reader, halves, labels, weights)[1] < total).all()


def test_patience_beyond_the_epochs_switches_early_stopping_off():
    X, y = problem()
    state = fit(X, y, early_stopping_patience=1000, epochs=20)
    assert (state.candidates["n_iter"] == 20).all()
    assert (state.candidates["status"] == "completed").all()


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_dropping_candidates_leaves_the_others_as_they_were(sparse, classes):
    """Whether neighbours stop or not, a candidate takes the same path."""
    X, y = problem(sparse=sparse, classes=classes)
    curves = []
    for patience in (1000, 1):
        training = linear_run(
            X,
            y,
            classes=classes,
            epochs=12,
            early_stopping_patience=patience,
            early_stopping_tolerance=0.02,
        )
        training.train()
        curve = np.concatenate(
            [
                np.pad(
                    np.array(progress.validation_curve),
                    ((0, 12 - len(progress.validation_curve)), (0, 0)),
                    constant_values=np.nan,
                )
                for progress in training.progress
            ],
            axis=1,
        )
        curves.append(curve)
    full, dropped = curves
    lengths = np.isfinite(dropped).sum(axis=0)
    assert lengths.min() < lengths.max()
    seen = np.isfinite(dropped)
    np.testing.assert_allclose(dropped[seen], full[seen], rtol=1e-9)


def test_the_weights_kept_are_those_of_the_best_epoch():
    X, y = problem(n=40)
    training = linear_run(
        X, y, epochs=60, learning_rate=0.5, use_lr_scheduler=False, num_models=4,
        binary_classifier_model_selection_criteria="loss_function",
        early_stopping_patience=1000,
    )  # fmt: skip
    state = training.train()
    curve = state.validation_curve
    assert state.candidates["best_epoch"][state.best_index] == np.argmin(curve) + 1
    assert -state.best_score == pytest.approx(curve.min())
    # Scoring the snapshot again gives the loss that was recorded.
    block = training.blocks[0]
    plan = training.plan
    chosen = np.array([state.best_index])
    margins = block.best.best_margins(plan.reader, plan.parts, chosen)[:, 0, 0]
    positive = y[np.concatenate([rows for _, rows in plan.parts])] > 0
    loss = np.mean(np.logaddexp(0, np.where(positive, -margins, margins)))
    assert loss == pytest.approx(curve.min(), rel=1e-6)


def test_folds_score_rows_that_they_did_not_see():
    """Noise labels: out-of-fold loss stays near ln 2 where training loss does not."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 40)), rng.integers(0, 2, 60).astype(float)
    state = fit(X, y, epochs=100, num_models=4, wd=0.0, l1=0.0,
                early_stopping_patience=1000)  # fmt: skip
    assert state.loss_curve[-1] < 0.4
    assert state.validation_curve[-1] > 0.69


def test_all_diverged_says_what_to_do():
    X, y = problem()
    X = X * np.array([1e8, 1, 1, 1, 1, 1])
    with pytest.raises(AllCandidatesDivergedError, match="feature 0.*normalize_data"):
        fit(X, y, classes=1, normalize_data=False, optimizer="sgd",
            learning_rate=1.0, epochs=50)  # fmt: skip


def test_rates_of_the_grid_may_diverge_in_silence():
    X, y = problem()
    state = fit(X * 30, y, classes=1, normalize_data=False, optimizer="sgd",
                epochs=50)  # fmt: skip
    diverged = state.candidates["status"] == "diverged"
    assert diverged.any()
    assert not diverged.all()
    assert not diverged[state.best_index]
    assert np.isfinite(state.coef).all()


def test_a_rate_of_the_user_that_diverges_for_some_warns():
    rng = np.random.default_rng(0)
    one, main = rng.normal(size=(2, 300))
    # Forty equal columns: too steep for the rate unless the floor shrinks them.
    X = np.c_[np.repeat(1e-3 * one[:, None], 40, axis=1), main]
    with pytest.warns(CandidateDivergedWarning, match="of 8 candidate"):
        state = fit(X, main, classes=1, optimizer="sgd", learning_rate=0.1,
                    epochs=50)  # fmt: skip
    diverged = state.candidates["status"] == "diverged"
    np.testing.assert_array_equal(
        diverged, state.candidates["param_scaling"] == "standard"
    )


def test_the_monitor_sees_each_epoch_and_can_stop():
    X, y = problem()
    seen = []

    def monitor(epoch, epochs, losses):
        seen.append((epoch, epochs, losses["validation_loss"]))
        return epoch == 4

    state = fit(X, y, monitor=monitor, epochs=20)
    assert [entry[0] for entry in seen] == list(range(5))
    assert state.n_iter <= 5


def assert_same_results(states):
    for state in states[1:]:
        np.testing.assert_array_equal(state.coef, states[0].coef)
        np.testing.assert_array_equal(state.intercept, states[0].intercept)
        assert state.threshold == states[0].threshold
        assert state.best_score == states[0].best_score
        assert set(state.candidates) == set(states[0].candidates)
        for name, column in states[0].candidates.items():
            np.testing.assert_array_equal(state.candidates[name], column, name)


@pytest.mark.parametrize("cv", ["auto", ShuffleSplit(2, random_state=0), False])
@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("sparse", [False, True])
def test_threads_do_not_change_the_result(sparse, classes, cv):
    X, y = problem(sparse=sparse, classes=classes, noise=1.0)
    assert_same_results(
        [fit(X, y, classes=classes, cv=cv, epochs=4, jobs=jobs) for jobs in (1, 2, 8)]
    )


@pytest.mark.parametrize("classes", [1, 2, 4])
def test_a_team_on_one_block_does_not_change_the_result(classes, monkeypatch):
    monkeypatch.setattr("sklearn_sagemaker.training.linear.steps.processors", lambda: 4)
    rng = np.random.default_rng(0)
    n, d = TEAM_WORK // 100, 100
    X = rng.normal(size=(n, d)).astype(np.float32)
    y = (
        rng.normal(size=n)
        if classes == 1
        else rng.integers(0, classes, n).astype(float)
    )
    shared = {"classes": classes, "epochs": 1, "num_models": 4, "mini_batch_size": 500}
    runs = [linear_run(X, y, **shared, jobs=jobs) for jobs in (1, 2, 8)]
    assert_same_results([run.train() for run in runs])
    assert [run.blocks[0].team.members for run in runs] == [1, 2, 4]


@pytest.mark.parametrize(("models", "lazy"), [(4, False), (4, True), (1, False)])
def test_a_team_on_sparse_rows_does_not_change_the_result(models, lazy, monkeypatch):
    monkeypatch.setattr("sklearn_sagemaker.training.linear.steps.processors", lambda: 4)
    monkeypatch.setattr("sklearn_sagemaker.training.linear.steps.TEAM_WORK", 0)
    X, y = problem(400, 60, sparse=True, noise=1.0)
    shared = {"epochs": 2, "num_models": models, "mini_batch_size": 100, "cv": False}
    if lazy:
        shared |= {"optimizer": "sgd", "momentum": 0.0, "l1": 1e-3}
    runs = [linear_run(X, y, **shared, jobs=jobs) for jobs in (1, 2, 8)]
    assert_same_results([run.train() for run in runs])
    # Blocks no longer follow the jobs.
    assert [len(run.blocks) for run in runs] == [1, 1, 1]
    assert [run.blocks[0].team.members for run in runs] == [1, 2, 4]


def test_a_team_has_no_more_members_than_there_are_processors(monkeypatch):
    monkeypatch.setattr("sklearn_sagemaker.training.linear.steps.processors", lambda: 1)
    X = np.random.default_rng(0).normal(size=(TEAM_WORK // 100, 100))
    run = linear_run(X, (X[:, 0] > 0).astype(float), jobs=8, epochs=1, num_models=4)
    run.train()
    assert run.blocks[0].team.members == 1


# One block of three models, or one of two and one of one.
ALONE = {"cv": 10, "num_models": 3, "epochs": 3}


def test_a_model_alone_in_a_sparse_block_trains_as_in_company():
    X, y = problem(400, 60, sparse=True, noise=1.0)
    X = X.astype(np.float32)
    assert_same_results([fit(X, y, jobs=jobs, **ALONE) for jobs in (1, 2)])


@pytest.mark.parametrize("left", [1, 2])
def test_a_model_left_alone_in_a_sparse_block_keeps_its_bits(left):
    X, y = problem(400, 40, sparse=True)

    def solution(drops):
        run = linear_run(X, y, cv=False, num_models=4, epochs=6)

        def monitor(epoch, epochs, losses):
            if epoch == 1 and drops:
                run.blocks[0].drop(np.arange(left, 4))
                assert run.blocks[0].layout.used == left

        run.train(monitor)
        assert len(run.blocks) == 1
        return run.blocks[0].best.solution(0)

    for alone, among in zip(solution(True), solution(False), strict=True):
        np.testing.assert_array_equal(alone, among)


def test_unbiasing_sparse_rows_equals_dense_rows():
    X, y = problem(sparse=True)
    shared = dict(num_models=4, epochs=10, normalize_data=True, unbias_data=True)
    sparse, dense = fit(X, y, **shared), fit(X.toarray(), y, **shared, l1="auto")
    # The grids of sparse and dense rows differ: compare one fixed candidate.
    shared |= dict(learning_rate=0.03, wd=1e-3, l1=1e-3)
    sparse, dense = fit(X, y, **shared), fit(X.toarray(), y, **shared)
    np.testing.assert_allclose(sparse.coef, dense.coef, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(sparse.intercept, dense.intercept, rtol=1e-6)


def test_initial_weights_and_bias():
    X, y = problem()
    shared = dict(epochs=1, num_models=1, learning_rate=1e-12, unbias_data=True)
    zero = fit(X, y, **shared)
    assert np.abs(zero.coef).max() < 1e-6
    uniform = fit(X, y, **shared, init_method="uniform", init_scale=0.5)
    assert 0.05 < np.abs(uniform.coef).max() <= 0.5 * 1.5
    normal = fit(X, y, **shared, init_method="normal", init_sigma=0.5, init_bias=3.0)
    assert np.abs(normal.coef).max() > 0.05
    centre = normal.coef[0] @ X.mean(axis=0)
    assert normal.intercept[0] + centre == pytest.approx(3.0, abs=1e-6)


def test_a_block_is_bounded_in_columns():
    X, y = problem(n=2000, d=300, classes=3)
    training = linear_run(X, y, classes=3, epochs=1)
    training.train()
    assert len(training.blocks) > 1
    for block in training.blocks:
        assert block.best.columns.size <= block_columns(training.reader)


def test_narrow_rows_make_wide_blocks_and_sparse_rows_do_not():
    wide = np.zeros((2, 5000), dtype=np.float32)
    assert block_columns(RowReader(wide)) == BLOCK_COLUMNS
    assert block_columns(RowReader(wide[:, :16].copy())) == MOST_COLUMNS
    assert block_columns(RowReader(sp.csr_array(wide[:, :16]))) == BLOCK_COLUMNS
    assert block_columns(RowReader(sp.csr_array((2, 50_000), dtype=np.float32))) == 32


# ----------------------------------------------------------------- weights of rows
def with_absent_rows(X, y, weights, rng):
    """The same rows among others of weight zero that would spoil everything."""
    n = len(y)
    kept = np.sort(rng.permutation(2 * n)[:n])
    longer = 1e3 * rng.normal(size=(2 * n, X.shape[1])).astype(X.dtype)
    longer[kept] = X.toarray() if sp.issparse(X) else X
    labels = rng.permutation(np.r_[y, y])
    labels[kept] = y
    weight = np.zeros(2 * n)
    weight[kept] = weights
    return (sp.csr_array(longer) if sp.issparse(X) else longer), labels, weight


ROUTES = {
    "folds": {},
    "masks": {"cv": ShuffleSplit(3, random_state=0)},
    "hold-out": {"spec": {"validation_fraction": 0.25}},
    "training": {"cv": False},
    "given": {},
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("sparse", [False, True])
def test_rows_of_zero_weight_do_not_exist(sparse, classes, route):
    rng = np.random.default_rng(1)
    X, y = problem(120, sparse=sparse, classes=classes, noise=1.0)
    weights = rng.uniform(0.5, 2.0, len(y))
    rows = X, y, weights
    more = with_absent_rows(*rows, rng)
    given = given_more = None
    if route == "given":
        X_val, y_val = problem(50, sparse=sparse, classes=classes, seed=2)
        given = X_val, y_val, rng.uniform(0.5, 2.0, 50)
        given_more = with_absent_rows(*given, rng)
    shared = {"classes": classes, "epochs": 5, "num_models": 6, **ROUTES[route]}
    without = fit(*rows, given=given, **shared)
    states = [without, fit(*more, given=given_more, **shared)]
    assert_same_results(states)
    assert without.resolved["validation"] == ("folds" if route == "masks" else route)
    assert states[0].metrics == states[1].metrics
    np.testing.assert_array_equal(states[0].loss_curve, states[1].loss_curve)


def test_a_weight_of_two_is_a_row_twice():
    """In steps over all rows, where it matters not which rows share a batch."""
    X, y = problem(60, noise=1.0)
    twice = np.arange(60) % 3 == 0
    shared = {"cv": False, "num_models": 1, "mini_batch_size": 1000, "epochs": 30}
    heavy = fit(X, y, 1.0 + twice, **shared)
    again = fit(np.r_[X, X[twice]], np.r_[y, y[twice]], **shared)
    np.testing.assert_allclose(heavy.coef, again.coef, rtol=1e-9)
    np.testing.assert_allclose(heavy.loss_curve, again.loss_curve, rtol=1e-9)
    assert heavy.threshold == pytest.approx(again.threshold)


# --------------------------------------------------------------- weights of classes
# No scaler, which would see the weights of rows and not those of classes.
RAW = {"normalize_data": False, "unbias_data": False, "epochs": 4, "num_models": 4}


@pytest.mark.parametrize("cv", [3, False])
def test_positive_example_weight_mult_multiplies_the_loss_of_positive_rows(cv):
    X, y = problem(200, noise=1.0)
    shared = {"cv": cv, **RAW}
    shared["binary_classifier_model_selection_criteria"] = "loss_function"
    times = fit(X, y, positive_example_weight_mult=5.0, **shared)
    heavy = fit(X, y, np.where(y > 0, 5.0, 1.0), **shared)
    np.testing.assert_array_equal(times.coef, heavy.coef)
    np.testing.assert_array_equal(
        times.candidates["validation_loss"], heavy.candidates["validation_loss"]
    )
    plain = fit(X, y, **shared)
    assert (times.coef != plain.coef).all()


def test_the_multiplier_is_not_seen_by_criteria_and_metrics():
    X, y = problem(200, noise=1.0)
    state = fit(X, y, cv=False, positive_example_weight_mult=5.0, **RAW)
    called = X @ state.coef[0] + state.intercept[0] > np.log(
        state.threshold / (1 - state.threshold)
    )
    accuracy = np.mean(called == (y > 0))
    assert state.best_score == pytest.approx(accuracy)
    found = state.metrics["train"]["binary_classification_accuracy"]
    assert found == pytest.approx(accuracy)


def test_balanced_weighs_positives_as_much_as_negatives():
    X, y = problem(200, noise=1.0)
    y[40:] *= np.random.default_rng(0).random(160) < 0.4
    weights = np.random.default_rng(1).uniform(0.5, 2.0, 200)
    ratio = weights[y == 0].sum() / weights[y == 1].sum()
    assert ratio > 1.5
    results = {
        wanted: fit(X, y, weights, positive_example_weight_mult=wanted, **RAW)
        for wanted in (1.0, ratio, "balanced", "auto")
    }
    np.testing.assert_allclose(
        results["balanced"].coef, results[ratio].coef, rtol=1e-12
    )
    # The criterion is accuracy, which balanced classes would harm...
    np.testing.assert_array_equal(results["auto"].coef, results[1.0].coef)
    # ... and f1 is one that they help.
    shared = {**RAW, "binary_classifier_model_selection_criteria": "f1"}
    pair = [
        fit(X, y, weights, positive_example_weight_mult=wanted, **shared)
        for wanted in ("auto", "balanced")
    ]
    np.testing.assert_array_equal(pair[0].coef, pair[1].coef)


def test_balance_multiclass_weights_divides_by_the_share_of_the_class():
    X, y = problem(300, classes=3, noise=1.0)
    y[:150] = np.minimum(y[:150], 1.0)
    weights = np.random.default_rng(1).uniform(0.5, 2.0, 300)
    share = np.bincount(y.astype(int), weights) / weights.sum()
    assert share.max() > 1.5 * share.min()
    shared = {"classes": 3, "cv": False, **RAW}
    balanced = fit(X, y, weights, balance_multiclass_weights=True, **shared)
    heavy = fit(X, y, weights / share[y.astype(int)], **shared)
    np.testing.assert_allclose(balanced.coef, heavy.coef, rtol=1e-9)
    plain = fit(X, y, weights, **shared)
    assert np.abs(balanced.coef / plain.coef - 1).max() > 0.01
    recall = [s.metrics["train"]["macro_recall"] for s in (balanced, plain)]
    assert recall[0] > recall[1]


@pytest.mark.parametrize("better", [[3], [0, 4, 5, 6, 7, 8, 9], list(range(10))])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("models", [3, 10])
@pytest.mark.parametrize("dropped", [[], [1]])
def test_snapshots_are_of_the_models_that_got_better(better, sparse, models, dropped):
    """Of a few columns, of many and of all, also where some have stopped."""
    better = [place for place in better if place < models - len(dropped)] or [0]
    X, y = problem(sparse=sparse)
    run = linear_run(X, y, cv=False, optimizer="adam", num_models=models)
    with ExitStack() as teams:
        (block,) = LinearSteps(run, teams, None).blocks
    block.drop(np.array(dropped, dtype=int))
    rng = np.random.default_rng(0)
    block.W[...] = rng.normal(size=block.W.shape)
    block.bias[0] = rng.normal(size=block.layout.ld)
    expected = block.best.weights.copy(), block.best.bias.copy()
    kept = block.active[better]
    expected[0][:, kept] = block.layout.by_feature(block.W)[:, better]
    expected[1][kept] = block.bias[0, better]
    block.keep(np.array(better))
    np.testing.assert_array_equal(
        block.best.weights[:, :models], expected[0][:, :models]
    )
    np.testing.assert_array_equal(block.best.bias[:models], expected[1][:models])
