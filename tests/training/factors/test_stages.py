"""Stages of features, and models whose sweeps threads share."""

import threading

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
)
from sklearn_sagemaker._kernels import sweep_kernels
from sklearn_sagemaker.training import team
from sklearn_sagemaker.training.factors import stages, sweep_model
from sklearn_sagemaker.training.factors.columns import ColumnStore
from sklearn_sagemaker.training.factors.sweep_model import SweepModel
from sklearn_sagemaker.training.team import Team

N, USERS, FILMS = 9000, 300, 50


def ratings(side=False, values=False, dense=0, dtype="f8", seed=0):
    """Rows of ids, of which the first ones have no rows, and of other columns."""
    rng = np.random.default_rng(seed)
    ids = [rng.integers(1, USERS, N), USERS + 1 + rng.integers(FILMS - 1, size=N)]
    parts = [sp.csr_array((np.ones(N), (np.arange(N), one))) for one in ids]
    X = sp.csr_array(parts[0].toarray() @ np.eye(USERS, USERS + FILMS)) + parts[1]
    if side:
        X = sp.hstack([X, sp.csr_array((rng.random((N, 6)) < 0.6).astype(float))])
    if dense:
        X = sp.hstack([X, sp.csr_array(rng.normal(size=(N, dense)))])
    X = sp.csr_array(X).astype(dtype)
    if values:
        X.data *= rng.uniform(0.5, 1.5, len(X.data)).astype(dtype)
    score = rng.normal(size=USERS + 1)[ids[0]] + rng.normal(size=N)
    return X, score


def stages_of(X):
    store = ColumnStore(X, np.arange(X.shape[0]))
    return store, store.stages


def check(store, found):
    """Stages are all features in order, and no two ranges of one share a row."""
    ends, at = np.append(found.bounds[1:], found.bounds[-1]), 0
    assert found.bounds[0] == 0
    assert found.bounds[-1] == store.n_features
    assert (np.diff(found.bounds) > 0).all()
    assert found.counts.max() <= sweep_kernels.MOST_ITEMS
    for count in found.counts:
        items = [
            store.row_numbers[store.indptr[found.bounds[at + i]] :][
                : store.indptr[ends[at + i]] - store.indptr[found.bounds[at + i]]
            ]
            for i in range(max(1, count))
        ]
        if count > 1:
            rows = np.concatenate(items)
            assert len(np.unique(rows)) == len(rows)
        if count == 0:
            assert ends[at] == found.bounds[at] + 1
        at += max(1, count)
    assert at == len(found.bounds) - 1


def test_ids_are_shared_by_ranges_of_equal_work():
    store, found = stages_of(ratings()[0])
    check(store, found)
    assert (found.counts > 1).all()
    assert len(found.counts) == 2
    users = np.diff(store.indptr[found.bounds[: found.counts[0] + 1]])
    assert users.max() < 1.5 * users.min()
    assert found.work > 2 * N


def test_features_of_many_entries_are_shared_by_entries():
    store, found = stages_of(ratings(side=True)[0])
    check(store, found)
    assert (found.counts == 0).sum() == 6
    store, found = stages_of(np.random.default_rng(0).normal(size=(5000, 4)))
    check(store, found)
    assert found.counts.tolist() == [0] * 4


def test_what_has_rows_in_common_stays_in_order():
    X = (np.random.default_rng(0).random((3000, 200)) < 0.1).astype(float)
    store, found = stages_of(X)
    check(store, found)
    assert found.counts.tolist() == [1]
    assert not found.pay
    check(*stages_of(np.zeros((5, 3))))


def test_a_feature_of_most_rows_leaves_its_run():
    X = np.zeros((20_000, 60))
    X[:15_000, 20] = 1.0
    X[np.arange(15_000, 20_000), np.arange(5000) % 20] = 1.0
    store, found = stages_of(X)
    check(store, found)
    assert found.counts.tolist() == [1, 0, 1]


@pytest.fixture
def calls(monkeypatch):
    """Members of every call of a team, however little there is to share."""
    found = []
    together = Team.together

    def noted(self, call, **settings):
        found.append(self.members)
        together(self, call, **settings)

    monkeypatch.setattr(Team, "together", noted)
    monkeypatch.setattr(team, "processors", lambda: 8)
    monkeypatch.setattr(stages, "ITEM_WORK", 64)
    monkeypatch.setattr(stages, "TEAM_WORK", 0)
    monkeypatch.setattr(sweep_model, "ROWS_EACH", 1000)
    monkeypatch.setattr(sweep_model, "MANY_ROWS", 0)
    return found


CASES = {
    "ids": {},
    "side": {"side": True},
    "values": {"side": True, "values": True},
    "float32": {"side": True, "dtype": "f4"},
    "dense": {"dense": 3},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("sample", [False, True])
@pytest.mark.parametrize("link", ["identity", "probit"])
@pytest.mark.parametrize("weighted", [False, True])
def test_models_are_the_same_for_any_team(case, sample, link, weighted, calls):
    X, y = ratings(**CASES[case])
    y = (y > 0).astype(float) if link == "probit" else y
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.5, 2, N) if weighted else np.ones(N)
    found = []
    for members in (1, 2, 8):
        with Team(members) as mine:
            model = SweepModel(
                ColumnStore(X, np.arange(N)), y, weights, num_factors=18,
                groups=np.arange(X.shape[1]) % 2, sample=sample, link=link,
                num_draws=2, total_sweeps=4, burn_in=0, seed=[0], team=mine,
                linear_wd=0.01 if case == "ids" else "auto",
            )  # fmt: skip
            losses = [model.sweep() for _ in range(3)]
        found.append((losses, model.intercept, model.coef, model.factors))
        assert np.isfinite(losses).all()
    assert set(calls) == {2, 8}
    for other in found[1:]:
        for one, same in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_noise_that_cannot_be_drawn_is_not_waited_for(calls):
    X, y = ratings(side=True)
    found = []

    class Fails:
        left = 2

        def standard_normal(self, shape):
            self.left -= 1
            if self.left == 0:
                raise RuntimeError("no more noise")
            return np.zeros(shape)

    def work():
        with Team(2) as mine:
            model = SweepModel(
                ColumnStore(X, np.arange(N)), y, np.ones(N), num_factors=4,
                groups=np.zeros(X.shape[1], int), sample=True, link="identity",
                num_draws=2, total_sweeps=4, burn_in=0, seed=[0], team=mine,
                use_bias=False,
            )  # fmt: skip
            model.rng = Fails()
            try:
                model.sweep()
            except RuntimeError as error:
                found.append(str(error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(20)
    assert found == ["no more noise"]


@pytest.mark.parametrize("solver", ["als", "mcmc"])
@pytest.mark.parametrize("n_classes", [1, 2, 3])
@pytest.mark.parametrize("cv", [False, 2])
def test_fits_are_the_same_for_any_number_of_jobs(solver, n_classes, cv, calls):
    X, y = ratings(side=True)
    cls = FactorizationMachinesRegressor
    if n_classes > 1:
        cls = FactorizationMachinesClassifier
        y = np.digitize(y, np.quantile(y, np.arange(1, n_classes) / n_classes))
    found = []
    for jobs in (1, 2, 8):
        model = cls(
            solver=solver, num_models=1, num_factors=4, epochs=3, cv=cv, n_jobs=jobs,
            random_state=0,
        ).fit(X, y)  # fmt: skip
        found.append((model.intercept_, model.coef_, model.factors_, model.loss_curve_))
    fits = 1 if cv is False else 3
    shared = 8 // fits
    if n_classes == 3 and fits > 1:
        # Threads have a class each, but for the sampling before "als".
        assert bool(calls) == (solver == "als")
    else:
        assert max(calls) == shared + (8 % fits > 0)
    for other in found[1:]:
        for one, same in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_threads_are_no_more_than_jobs():
    for n_tasks in (1, 2, 3, 5, 9):
        with team.Teams(4, 8) as teams:
            mine = teams.of(n_tasks)
            assert len(mine) == n_tasks
            assert mine is teams.of(n_tasks)
            assert sum(one.members for one in mine) <= max(4, n_tasks)
            assert teams.of(1)[0].members == min(4, team.processors())


def test_a_team_that_ended_is_one_thread():
    with Team(2) as mine:
        pass
    seen = []
    mine.together(lambda *who: seen.append(who[1:]))
    assert seen == [(0, 1)]
    assert list(mine.map(abs, [-1, 2])) == [1, 2]
