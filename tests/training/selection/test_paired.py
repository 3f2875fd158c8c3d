"""Candidates compared row by row: errors of differences, and what they decide."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_wine

from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker.training.linear import problem as problem_module
from sklearn_sagemaker.training.linear import run as linear_run_module
from sklearn_sagemaker.training.selection.choice import _agreeing
from sklearn_sagemaker.training.selection.criteria import CRITERIA, score_at
from sklearn_sagemaker.training.selection.paired import (
    Decisions,
    effective_rows,
    influence,
    paired_error,
    within_error,
)

from ..conftest import fit, linear_run, problem

CRITERION = "binary_classifier_model_selection_criteria"
SCORED = [name for name, entry in CRITERIA.items() if entry.curve is not None]


def answers(seed=0, n=400):
    """Margins of two candidates that are much alike, labels and weights."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.3).astype(float)
    one = y + rng.normal(size=n)
    return one, one + 0.3 * rng.normal(size=n), y, rng.uniform(0.2, 2.0, n)


def parts_of(name, margins, y):
    return CRITERIA[name].parts(margins >= 0.5, y > 0, 2.0)


def test_the_error_of_a_mean_of_differences():
    rng = np.random.default_rng(0)
    d = rng.normal(size=100)
    assert paired_error(d, np.ones(100)) == pytest.approx(d.std() / 10)
    assert paired_error(d + 5.0, np.full(100, 7.0)) == pytest.approx(d.std() / 10)
    # Rows that weigh next to nothing are none.
    few = np.where(np.arange(100) < 25, 1.0, 1e-9)
    assert paired_error(d, few) == pytest.approx(d[:25].std() / 5)


@pytest.mark.parametrize("name", SCORED)
def test_parts_make_the_figure(name):
    margins, _, y, weights = answers()
    top, bottom = parts_of(name, margins, y)
    wanted = score_at(CRITERIA[name], margins, y, weights, 0.5, 2.0, "score")
    assert (weights @ top) / (weights @ bottom) == pytest.approx(wanted)


@pytest.mark.parametrize("name", SCORED)
def test_the_error_is_what_other_rows_would_make_of_it(name):
    """As bootstrap samples do."""
    one, other, y, weights = answers()
    difference = [influence(*parts_of(name, m, y), weights) for m in (one, other)]
    error = paired_error(difference[0] - difference[1], weights)
    rng, found = np.random.default_rng(1), []
    for _ in range(400):
        rows = rng.integers(0, len(y), len(y))
        figures = []
        for margins in (one, other):
            top, bottom = parts_of(name, margins[rows], y[rows])
            figures.append((weights[rows] @ top) / (weights[rows] @ bottom))
        found.append(figures[0] - figures[1])
    assert error == pytest.approx(np.std(found), rel=0.2)


def test_a_figure_without_a_denominator_has_no_influence():
    zeros = np.zeros(5)
    assert not influence(zeros, zeros, np.ones(5)).any()


def candidates_in_order(monkeypatch, **settings):
    """The trained candidates, and the state that selection makes of them."""
    X, y = problem(150, d=4, noise=1.5)
    seen = {}
    select = linear_run_module.select

    def spy(trained, *arguments):
        seen["trained"] = trained
        return select(trained, *arguments)

    monkeypatch.setattr(linear_run_module, "select", spy)
    state = linear_run(X, y, **settings).train()
    return seen["trained"], state


def test_among_candidates_that_chance_does_not_tell_apart_the_loss_decides(
    monkeypatch,
):
    trained, state = candidates_in_order(monkeypatch, **{CRITERION: "accuracy"})
    table, chosen = state.candidates, state.best_index
    best = int(np.argmax(table["validation_score"]))
    parts = trained.plan.parts
    y = trained.plan.y[np.concatenate([rows for _, rows in parts])]
    margins = trained.margins(trained.plan.reader, parts, np.arange(32))[:, 0]
    loss = LOSSES["logistic"].value(margins, y[:, None]).mean(axis=0)
    np.testing.assert_allclose(loss, table["validation_loss"], rtol=1e-6)
    cut = np.log(table["threshold"] / (1 - table["threshold"]))
    right = ((margins >= cut) == (y[:, None] > 0)).astype(float)
    behind = right[:, [best]] - right
    error = behind.std(axis=0) / np.sqrt(len(y))
    near = behind.mean(axis=0) <= error + 1e-12
    assert near[chosen]
    lowest = loss[near].min()
    if loss[chosen] != lowest:
        # A ridge in place of one with zeros.
        assert state.best_params["l1"] == 0
        leader = np.argmin(np.where(near, loss, np.inf))
        assert table["param_l1"][leader] > 0
    assert table["rank_validation_score"][chosen] == 1


@pytest.mark.parametrize("name", SCORED)
def test_steps_that_are_asked_for_select_by_the_criterion_alone(name, monkeypatch):
    trained, state = candidates_in_order(monkeypatch, epochs=3, **{CRITERION: name})
    assert not trained.at_optimum
    assert state.best_score == state.candidates["validation_score"].max()


def test_zeros_win_where_many_rows_say_so():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 200))
    y = (X[:, 0] - X[:, 1] + 0.3 * rng.normal(size=150) > 0).astype(float)
    assert fit(X, y, **{CRITERION: "loss_function"}).best_params["l1"] > 0


def test_where_few_rows_make_the_difference_a_ridge_wins():
    """In wine data it has the lower test loss in each split where it loses here."""
    X, y = load_wine(return_X_y=True)
    rows = np.random.default_rng(3).permutation(len(y))[:106]
    state = fit(X[rows], y[rows].astype(float), classes=3)
    leader = int(np.argmin(state.candidates["validation_loss"]))
    assert state.best_params["l1"] == 0
    assert state.best_index == leader or state.candidates["param_l1"][leader] > 0


def test_rows_that_a_difference_comes_from():
    assert effective_rows(np.ones(7)) == pytest.approx(7)
    assert effective_rows(np.array([1e6, 1.0, -1.0])) == pytest.approx(1, rel=1e-4)
    assert effective_rows(np.zeros(3)) == 1.0


def test_an_unreached_target_loses_first(monkeypatch):
    settings = {CRITERION: "recall_at_target_precision", "target_precision": 0.8}
    _, state = candidates_in_order(monkeypatch, **settings)
    assert state.best_score > 0


def decided(wrong_rows, n=400, weights=None):
    """Settings, and decisions of candidates that are wrong on some rows."""
    settings = SimpleNamespace(binary=False)
    weights = np.ones(n) if weights is None else weights
    found = Decisions([], np.zeros(n), weights)
    for number, wrong in enumerate(wrong_rows):
        right = np.ones(n, dtype=bool)
        right[wrong] = False
        found.keep(number, right)
    score = [found.influences(i, settings) for i in range(len(wrong_rows))]
    return settings, found, score


def order_of(wrong_rows, loss, errors=1.0):
    settings, found, _ = decided(wrong_rows)
    score = np.array([1 - len(set(wrong)) / 400 for wrong in wrong_rows])
    order = np.lexsort((loss, -score))
    return list(within_error(settings, found, order, score, np.array(loss), {}, errors))


def test_those_within_the_error_come_first_by_their_loss():
    # Of 400 rows candidate 0 has 20 wrong, the next 22 others, the last 60 others.
    wrong = [range(20), range(20, 42), range(100, 123), range(200, 260)]
    loss = [0.9, 0.5, 0.4, 0.1]
    assert order_of(wrong, loss) == [2, 1, 0, 3]
    # Nested mistakes: two rows more are beyond chance, though the loss is lower.
    assert order_of([range(20), range(40)], [0.9, 0.5]) == [0, 1]


def test_fewer_errors_ask_for_a_smaller_difference():
    # Four rows more of 44 that differ: 0.6 standard errors.
    wrong = [range(20), range(20, 44)]
    assert order_of(wrong, [0.9, 0.5], 1.0) == [1, 0]
    assert order_of(wrong, [0.9, 0.5], 0.5) == [0, 1]


def test_a_lead_of_one_row_is_chance_however_few_rows_differ():
    # One row, one standard error; two nested rows are 1.4 of it.
    assert order_of([range(4), range(5)], [0.9, 0.5], 0.5) == [1, 0]
    assert order_of([range(4), range(6)], [0.9, 0.5], 0.5) == [0, 1]


def averaged(margins, y):
    """The candidates that an ensemble of all keeps."""
    trained = SimpleNamespace(
        targets=SimpleNamespace(loss_weights=(None, np.ones(len(y)))),
        mean=lambda some: some.mean(axis=2),
        losses=lambda found, y: LOSSES["logistic"].value(found[:, 0], y),
    )
    everyone = np.arange(margins.shape[2])
    return list(_agreeing(trained, everyone, margins, np.arange(len(y)), y))


def test_an_ensemble_does_not_lose_to_its_best_member():
    rng = np.random.default_rng(0)
    y = (rng.random(500) < 0.02).astype(float)
    good = np.full(500, -3.9)
    # It calls as many rows rightly, and is far too sure of it.
    sure = np.where(y > 0, -60.0, -20.0)
    margins = np.stack([good, good + 0.01, sure], axis=1)[:, None]
    assert averaged(margins, y) == [0, 1]
    assert averaged(margins[:, :, [2, 0, 1]], y) == [0, 1, 2]


def test_by_default_chance_does_not_choose_among_steps(monkeypatch):
    """Rare positives: every candidate is right on nearly all rows."""
    monkeypatch.setattr(problem_module, "how_many", lambda *given: 0)
    X, y = problem(400, d=4, noise=3.0)
    rare = np.flatnonzero(y > 0)[12:]
    X, y = np.delete(X, rare, axis=0), np.delete(y, rare)
    state = linear_run(X, y, **{CRITERION: "accuracy"}).train()
    table, chosen = state.candidates, state.best_index
    alike = np.isclose(table["validation_score"], table["validation_score"].max())
    assert alike.sum() > 1
    assert table["validation_loss"][chosen] <= table["validation_loss"][alike].min()
