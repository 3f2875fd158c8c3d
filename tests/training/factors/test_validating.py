"""Validation rows in pieces: the same losses, whatever the threads."""

import threading

import numpy as np
import pytest

from sklearn_sagemaker._threads import Spread, threads
from sklearn_sagemaker.training.factors import validating
from sklearn_sagemaker.training.factors.validating import pieces_of

from .test_run import STORAGE, TASKS, assert_same, factor_run, problem


@pytest.mark.parametrize(
    ("n_rows", "jobs", "count"),
    [(0, 4, 1), (8191, 4, 1), (8192, 4, 2), (10**6, 4, 16), (10**6, 1, 1)],
)
def test_pieces_cover_the_rows(n_rows, jobs, count):
    pieces = pieces_of(n_rows, jobs)
    assert len(pieces) == count
    rows = np.arange(n_rows)
    found = np.concatenate([rows[piece] for piece in pieces])
    np.testing.assert_array_equal(found, rows)
    sizes = [len(rows[piece]) for piece in pieces]
    assert max(sizes) - min(sizes) <= 1


@STORAGE
@TASKS
@pytest.mark.parametrize("solver", ["gradient", "als", "mcmc"])
@pytest.mark.parametrize("cv", [False, 3])
def test_pieces_change_nothing(solver, classes, sparse, cv, monkeypatch):
    monkeypatch.setattr(validating, "PIECE_ROWS", 7)
    X, y = problem(n=150, classes=classes, sparse=sparse)
    given = None if cv else (*problem(n=60, classes=classes, sparse=sparse, seed=1),
                             np.linspace(0.0, 1.0, 60))  # fmt: skip
    states = [
        factor_run(X, y, classes=classes, given=given, cv=cv, solver=solver, epochs=4,
                   num_models=2, num_factors="auto", jobs=jobs).train()
        for jobs in (1, 2, 3)
    ]  # fmt: skip
    for state in states[1:]:
        assert_same(state, states[0])
        np.testing.assert_array_equal(
            state.validation_curve, states[0].validation_curve
        )
        assert state.metrics == states[0].metrics


def test_one_model_is_validated_and_measured_by_several_threads(monkeypatch):
    monkeypatch.setattr(validating, "PIECE_ROWS", 20)
    monkeypatch.setattr(Spread, "LONG", 0.0)
    X, y = problem(classes=1)
    held, y_held = problem(n=60, classes=1, seed=1)
    run = factor_run(X, y, classes=1, given=(held, y_held, np.ones(60)), epochs=1,
                     jobs=3)  # fmt: skip
    model = run.models[0][0]
    meeting = threading.Barrier(3, timeout=60)
    sizes = {"scorer": [], "best_scorer": []}

    def meets(made, seen):
        def scorer(reader):
            score = made(reader)

            def scores(rows):
                # All threads are here at a time.
                meeting.wait()
                seen.append(len(rows))
                return score(rows)

            return scores

        return scorer

    for name, seen in sizes.items():
        monkeypatch.setattr(model, name, meets(getattr(model, name), seen))
    run.train()
    assert sizes["scorer"] == [20] * 3
    # Validation rows for the choice, training rows for their metrics.
    assert sizes["best_scorer"] == [20] * 3 + [20] * 12


def test_a_model_that_diverged_has_no_losses():
    X, y = problem(classes=1)
    run = factor_run(X, y, classes=1, cv=3, num_models=2, num_factors="auto", jobs=2)
    fits = [(models[fit], fit) for models in run.models for fit in range(4)]
    fits[1][0].linear[0, 0] = np.inf
    with threads(2) as spread:
        found = run.validation.losses(fits, spread)
    assert found[1] is None
    assert found[0] == found[4] == []
    assert [len(one) for one in found[2:4] + found[5:]] == [1] * 5
