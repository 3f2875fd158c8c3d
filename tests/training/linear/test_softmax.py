"""Many softmax problems at a time, each at its optimum."""

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from sklearn_sagemaker import LinearLearnerClassifier
from sklearn_sagemaker._hyperparameters.linear_learner import SOLVER
from sklearn_sagemaker.training.linear.paths import _turned
from sklearn_sagemaker.training.linear.softmax import SoftmaxRows, minimum

N, D, K = 120, 6, 4


def rows(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, D)) * [1.0, 3.0, 0.3, 1.0, 1.0, 1.0]
    scores = X[:, :3] @ rng.normal(size=(3, K)) + rng.gumbel(size=(N, K))
    return X, scores.argmax(axis=1)


def objective(X, y, weights, w, wd, l1):
    loss = -log_softmax(X @ w[:, :-1].T + w[:, -1], axis=1)[np.arange(len(y)), y]
    penalty = wd / 2 * np.sum(w[:, :-1] ** 2) + l1 * np.abs(w[:, :-1]).sum()
    return weights @ loss + penalty


def shares(*parts):
    found = np.zeros((len(parts), N))
    for weights, part in zip(found, parts, strict=True):
        weights[part] = 1.0
    return found / found.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("l1", [0.0, 0.01])
def test_each_is_at_the_optimum_of_scikit_learn(l1):
    X, y = rows()
    weights = shares(slice(None), slice(0, 80), slice(30, None))
    wd = np.array([0.3, 0.02, 0.02]) if l1 == 0 else np.zeros(3)
    problem = SoftmaxRows(X, y, weights, K, True)
    start = np.zeros((3, K, D + 1))
    found, gap, _ = minimum(
        problem, np.arange(3), start, wd, np.full(3, l1), np.zeros(3), 1e-13
    )
    for mine, share, decay in zip(found, weights, wd, strict=True):
        count = np.count_nonzero(share)
        if l1:
            more = {"C": 1 / (l1 * count), "l1_ratio": 1.0, "solver": "saga"}
        else:
            more = {"C": 1 / (decay * count)}
        theirs = LogisticRegression(tol=1e-10, max_iter=20_000, **more)
        theirs.fit(X[share > 0], y[share > 0])
        other = np.c_[theirs.coef_, theirs.intercept_]
        least = objective(X, y, share, other, decay, l1)
        assert objective(X, y, share, mine, decay, l1) <= least * (1 + 1e-9)
    assert gap.max() < 1e-12
    assert np.count_nonzero(found == 0) > 0 or l1 == 0


def test_a_problem_knows_nothing_of_the_others():
    X, y = rows()
    weights = shares(slice(0, 80), slice(30, None))
    problem = SoftmaxRows(X, y, weights, K, True)

    def solve(which, wd):
        start = np.zeros((len(which), K, D + 1))
        none = np.zeros(len(which))
        return minimum(problem, np.array(which), start, np.array(wd), none, none, 1e-12)

    together, *_ = solve([0, 1, 1], [0.1, 0.1, 1e-3])
    alone, *_ = solve([1], [1e-3])
    np.testing.assert_allclose(together[2], alone[0], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("use_bias", [True, False])
def test_slopes_are_those_of_the_loss(use_bias):
    X, y = rows()
    problem = SoftmaxRows(X, y, shares(slice(None)), K, use_bias)
    w = np.random.default_rng(1).normal(size=(1, K, D + 1))
    if not use_bias:
        w[..., -1] = 0.0
    _, slope = problem.losses(np.zeros(1, dtype=int), w)
    for place in ((0, 0, 1), (0, 2, D)):
        step = np.zeros_like(w)
        step[place] = 1e-6
        up, down = (
            problem.losses(np.zeros(1, dtype=int), w + sign * step)[0][0]
            for sign in (1, -1)
        )
        assert slope[place] == pytest.approx((up - down) / 2e-6, abs=1e-7)


def test_rows_in_pieces_are_the_same(monkeypatch):
    X, y = rows()
    X, y = np.tile(X, (8, 1)), np.tile(y, 8)
    weights = np.full((1, len(y)), 1 / len(y))
    problem = SoftmaxRows(X, y, weights, K, True)
    w = np.random.default_rng(1).normal(size=(1, K, D + 1))
    whole = problem.losses(np.zeros(1, dtype=int), w)
    monkeypatch.setattr("sklearn_sagemaker.training.linear.softmax.CACHE", 1)
    for one, other in zip(
        whole, problem.losses(np.zeros(1, dtype=int), w), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("losses", "turned"),
    [
        ([1.0, 0.5], False),
        ([1.0, 0.5, 0.6, 0.7], True),
        ([1.0, 0.5, 0.505, 0.509], False),
        ([1.0, 0.5, 0.7, 0.5], False),
        ([1.0, 1.03, 1.05], True),
    ],
)
def test_a_path_has_turned_where_the_loss_is_clearly_higher_twice(losses, turned):
    assert _turned(np.array(losses)) == turned


def test_rough_passes_come_near_the_same_optimum():
    X, y = rows()
    problem = SoftmaxRows(X, y, shares(slice(None)), K, True)
    one, none = np.zeros(1, dtype=int), np.zeros(1)
    given = one, np.zeros((1, K, D + 1)), np.full(1, 1e-2), none, none
    near, _, loss = minimum(problem, *given, 1e-4)
    exact, _, _ = minimum(problem, *given, 1e-12)
    value, _ = problem.losses(one, near)
    assert loss != value
    np.testing.assert_allclose(loss, value, rtol=1e-5)
    found, least = (
        objective(X, y, problem.weights[0], w[0], 1e-2, 0.0) for w in (near, exact)
    )
    assert least <= found <= least * (1 + 1e-3)


@pytest.mark.parametrize(("size", "rough"), [(1e-14, True), (1e20, False)])
def test_rows_beyond_single_precision_are_seen_in_double(size, rough):
    X, y = rows()
    assert SoftmaxRows(X * size, y, shares(slice(None)), K, True).rough == rough


def test_many_classes_are_judged_on_one_split():
    rng = np.random.default_rng(0)
    y = np.arange(40 * 6) % 40
    X = rng.normal(size=(40, 8))[y] * 2 + rng.normal(size=(len(y), 8))
    model = LinearLearnerClassifier(random_state=0).fit(X, y)
    assert model.resolved_params_["validation"] == "hold-out"
    assert model.resolved_params_["optimizer"] == SOLVER
    few = LinearLearnerClassifier(random_state=0).fit(X[y < 20], y[y < 20])
    assert few.resolved_params_["validation"] == "folds"
    steps = LinearLearnerClassifier(epochs=1, random_state=0).fit(X, y)
    assert steps.resolved_params_["validation"] == "folds"


def test_losses_of_the_rows_are_those_of_the_weights():
    X, y = rows()
    kept = LinearLearnerClassifier(wd=1e-2, l1=0.0, random_state=0).fit(X, y)
    told = kept.candidates_["train_loss"][0]
    assert told == pytest.approx(log_loss(y, kept.predict_proba(X)), rel=1e-2)
