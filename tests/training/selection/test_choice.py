"""What becomes of the candidates: the best one, the mean of some, and its metrics."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.model_selection import KFold, ShuffleSplit

from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker.exceptions import TargetNotReachedWarning
from sklearn_sagemaker.training.linear import run as linear_run_module
from sklearn_sagemaker.training.selection.choice import ranking
from sklearn_sagemaker.training.selection.metrics import METRICS

from ..conftest import KINDS, fit, linear_run, problem

CRITERION = "binary_classifier_model_selection_criteria"


def margins_of(state, X):
    return X @ state.coef.T + state.intercept


def candidates_of(run):
    """Coefficients and intercepts of all candidates, in the user's units."""
    found = [
        block.best.solution(model)
        for block in run.blocks
        for model in range(block.n_models)
    ]
    coef, intercept = (np.array(part) for part in zip(*found, strict=True))
    return coef * run.targets.unit, intercept * run.targets.unit + run.targets.origin


# ------------------------------------------------------------------------- ranking
def test_ranking_is_by_score_then_by_loss_and_blind_to_rounding():
    score = np.array([0.5, 0.9, 0.9 + 1e-14, 0.9, -np.inf])
    loss = np.array([0.1, 0.3, 0.4, 0.2, np.inf])
    np.testing.assert_array_equal(ranking(score, loss), [3, 1, 2, 0, 4])


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_the_best_candidate_is_the_first_of_the_ranks(classes):
    X, y = problem(120, classes=classes, noise=1.0)
    run = linear_run(X, y, classes=classes, epochs=4)
    state = run.train()
    table = state.candidates
    assert sorted(table["rank_validation_score"]) == list(range(1, 33))
    assert table["rank_validation_score"][state.best_index] == 1
    assert table["validation_score"][state.best_index] == state.best_score
    assert table["params"][state.best_index] == state.best_params
    coef, intercept = candidates_of(run)
    np.testing.assert_array_equal(state.coef, coef[state.best_index])
    np.testing.assert_array_equal(state.intercept, intercept[state.best_index])


def test_the_score_is_minus_the_loss_unless_a_criterion_says_otherwise():
    X, y = problem(120, classes=3, noise=1.0)
    table = fit(X, y, classes=3, epochs=4).candidates
    np.testing.assert_array_equal(table["validation_score"], -table["validation_loss"])
    spec = {"multiclass_criterion": "accuracy"}
    table = fit(X, y, classes=3, epochs=4, spec=spec).candidates
    assert (table["validation_score"] > 0.3).all()
    right = 120 * table["validation_score"]
    np.testing.assert_allclose(right, np.round(right), atol=1e-9)


# ------------------------------------------------------------------------ ensembles
ROUTES = {"folds": 3, "masks": ShuffleSplit(2, random_state=0), "training": False}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("sparse", [False, True])
def test_an_ensemble_is_the_mean_of_the_best(sparse, classes, route):
    X, y = problem(150, sparse=sparse, classes=classes, noise=1.0, seed=1)  # all agree
    run = linear_run(X, y, classes=classes, cv=ROUTES[route], epochs=5,
                     spec={"ensemble_size": 3})  # fmt: skip
    state = run.train()
    best = np.argsort(state.candidates["rank_validation_score"])[:3]
    assert state.best_index == best[0]
    coef, intercept = candidates_of(run)
    np.testing.assert_allclose(state.coef, coef[best].mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(
        state.intercept, intercept[best].mean(axis=0), rtol=1e-12
    )
    assert np.ptp(coef[best], axis=0).max() > 0
    margins = np.mean([X @ coef[i].T + intercept[i] for i in best], axis=0)
    np.testing.assert_allclose(margins_of(state, X), margins, rtol=1e-9)
    f = margins if classes == 3 else margins[:, 0]
    loss = LOSSES[state.resolved["loss"]].value(f, y).mean()
    assert state.metrics["train"]["objective_loss"] == pytest.approx(loss)


@pytest.mark.parametrize("classes", [1, 3])
def test_an_ensemble_is_scored_by_its_members_out_of_fold(classes):
    X, y = problem(150, classes=classes, noise=1.0)
    run = linear_run(X, y, classes=classes, cv=KFold(3), epochs=5,
                     spec={"ensemble_size": 3})  # fmt: skip
    state = run.train()
    best = np.argsort(state.candidates["rank_validation_score"])[:3]
    plan = run.plan
    models = [(block, m) for block in run.blocks for m in range(block.n_models)]
    margins = np.mean(
        [
            models[i][0].best.best_margins(
                plan.reader, plan.parts, np.array([models[i][1]])
            )
            for i in best
        ],
        axis=0,
    )[:, :, 0]
    margins = margins * run.targets.unit + run.targets.origin
    labels = y[np.concatenate([rows for _, rows in plan.parts])]
    value = run.loss.value(margins if classes == 3 else margins[:, 0], labels).mean()
    assert state.metrics["validation"]["objective_loss"] == pytest.approx(value)
    assert -state.best_score == pytest.approx(value)


def test_an_ensemble_has_a_threshold_of_its_own():
    X, y = problem(200, noise=3.0)
    settings = {"cv": False, "epochs": 3, CRITERION: "f1"}
    state = fit(X, y, **settings, spec={"ensemble_size": 8})
    margins = margins_of(state, X)[:, 0]
    f1 = [
        2 * np.sum(y[margins > cut]) / (np.sum(margins > cut) + y.sum())
        for cut in np.r_[-np.inf, margins]
    ]
    called = margins > logit(state.threshold)
    assert 2 * np.sum(y[called]) / (called.sum() + y.sum()) == pytest.approx(max(f1))
    assert state.best_score == pytest.approx(max(f1))


def test_an_ensemble_of_more_than_there_are_is_of_all():
    X, y = problem(100, noise=1.0)
    run = linear_run(X, y, num_models=2, epochs=3, spec={"ensemble_size": 5})
    state = run.train()
    np.testing.assert_allclose(state.coef, candidates_of(run)[0].mean(axis=0))


def test_an_ensemble_leaves_out_what_diverged():
    X, y = problem()
    state = fit(X * 30, y, classes=1, normalize_data=False, optimizer="sgd", epochs=50,
                spec={"ensemble_size": 32})  # fmt: skip
    assert (state.candidates["status"] == "diverged").any()
    assert np.isfinite(state.coef).all()


def test_margins_come_in_the_order_asked_for(monkeypatch):
    seen = []
    select = linear_run_module.select
    monkeypatch.setattr(
        linear_run_module, "select", lambda *a: seen.append(a[0]) or select(*a)
    )
    X, y = problem(50, noise=1.0)
    run = linear_run(X, y, num_models=4, epochs=3, cv=False)
    run.train()
    (trained,) = seen
    chosen = np.array([2, 0, 1])
    found = trained.margins(run.reader, run.plan.parts, chosen)[:, 0]
    coef, intercept = candidates_of(run)
    expected = X @ coef[chosen, 0].T + intercept[chosen, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


# -------------------------------------------------------------------------- metrics
@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("cv", ["auto", ShuffleSplit(2, random_state=0), False])
def test_metrics_have_sagemakers_names(cv, classes):
    X, y = problem(100, classes=classes, noise=1.0)
    metrics = fit(X, y, classes=classes, cv=cv, epochs=2, num_models=2).metrics
    assert set(metrics) == ({"train"} if cv is False else {"train", "validation"})
    for values in metrics.values():
        assert tuple(values) == METRICS[KINDS[classes]]
        assert np.isfinite(list(values.values())).all()


def test_metrics_of_the_training_rows_are_those_of_the_model():
    X, y = problem(100, classes=1, noise=1.0)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, 100)
    state = fit(X, y, weights, classes=1, epochs=2, num_models=2)
    error = margins_of(state, X)[:, 0] - y
    found = state.metrics["train"]
    assert found["mse"] == pytest.approx(np.average(error**2, weights=weights))
    assert found["objective_loss"] == pytest.approx(found["mse"])
    assert found["rmse"] == pytest.approx(np.sqrt(found["mse"]))
    expected = np.average(np.abs(error), weights=weights)
    assert found["absolute_loss"] == pytest.approx(expected)


def test_the_objective_of_the_validation_rows_is_the_validation_loss():
    X, y = problem(200, noise=1.0)
    for settings in ({"cv": 3}, {"spec": {"validation_fraction": 0.3}}):
        settings |= {"positive_example_weight_mult": 4.0, CRITERION: "loss_function"}
        state = fit(X, y, epochs=3, num_models=3, **settings)
        found = state.metrics["validation"]["objective_loss"]
        assert found == pytest.approx(-state.best_score)


# ----------------------------------------------------------------------- thresholds
@pytest.mark.parametrize(
    "loss", [n for n, x in LOSSES.items() if "binary_classifier" in x.predictor_types]
)
def test_without_a_curve_the_threshold_is_half_way(loss):
    """Half a probability, or half way between the scores 0 and 1."""
    X, y = problem(100, noise=1.0)
    state = fit(X, y, loss=loss, epochs=2, num_models=2, **{CRITERION: "loss_function"})
    assert state.threshold == 0.5
    assert (state.candidates["threshold"] == 0.5).all()


def test_a_threshold_of_the_hinge_loss_is_a_score():
    X, y = problem(300, noise=2.0, seed=3)
    y *= np.random.default_rng(0).random(300) < 0.3
    state = fit(X, y, loss="hinge_loss", cv=False, epochs=20, **{CRITERION: "f1"})
    called = margins_of(state, X)[:, 0] > state.threshold
    f1 = 2 * np.sum(y[called]) / (called.sum() + y.sum())
    assert f1 == pytest.approx(state.best_score)
    assert state.metrics["train"]["binary_f_beta"] == pytest.approx(f1)


def test_a_target_out_of_reach_warns():
    X, y = problem(200, noise=3.0)
    y[X[:, 0] > 0] = np.arange(np.sum(X[:, 0] > 0)) % 2
    settings = {CRITERION: "recall_at_target_precision", "target_precision": 0.9999}
    X = np.round(X[:, :1])
    with pytest.warns(TargetNotReachedWarning, match=r"target_precision=0\.9999"):
        state = fit(X, y, cv=False, epochs=3, num_models=2, **settings)
    assert state.best_score < 0


def test_fewer_rows_may_calibrate():
    X, y = problem(400, noise=3.0)
    thresholds = {}
    for limit in ("auto", 400, 50):
        state = fit(X, y, epochs=3, num_models=2, num_calibration_samples=limit,
                    **{CRITERION: "f1"})  # fmt: skip
        thresholds[limit] = state.candidates["threshold"]
        assert ((thresholds[limit] > 0) & (thresholds[limit] < 1)).all()
        scores = [state.candidates[f"split{k}_validation_score"] for k in range(5)]
        assert np.isfinite(scores).all()
    np.testing.assert_array_equal(thresholds["auto"], thresholds[400])
    assert (thresholds[50] != thresholds[400]).any()


def test_a_threshold_of_a_probability_is_that_of_its_margin():
    X, y = problem(200, noise=2.0)
    y *= np.random.default_rng(0).random(200) < 0.4
    state = fit(X, y, cv=False, epochs=10, **{CRITERION: "f1"})
    margins = margins_of(state, X)[:, 0]
    np.testing.assert_array_equal(
        expit(margins) > state.threshold, margins > logit(state.threshold)
    )


def test_scores_of_splits_are_figures_even_if_few_rows_calibrate():
    X, y = problem(100, noise=3.0)
    state = fit(X, y, cv=5, epochs=2, num_models=2, num_calibration_samples=3)
    scores = np.array(
        [state.candidates[f"split{k}_validation_score"] for k in range(5)]
    )
    assert (np.isnan(scores) | (scores >= 0)).all()
