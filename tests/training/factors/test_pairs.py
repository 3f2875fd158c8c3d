"""Least squares over all pairs, against all pairs made and formulas written out."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from sklearn_sagemaker import FactorizationMachinesRegressor
from sklearn_sagemaker._state import ModelState
from sklearn_sagemaker.training.factors.pairs import (
    Side,
    WholeData,
    distinct_rows,
    observed_pairs,
)

USERS, ITEMS, K, UNOBSERVED = 7, 9, 3, 0.3


def clicks(rng, side=True):
    """Rows of users and items, some of them twice; features of both sides if asked."""
    user, item = rng.integers(USERS, size=40), rng.integers(ITEMS, size=40)
    user[:USERS], item[:ITEMS] = np.arange(USERS), np.arange(ITEMS)
    ages = rng.normal(size=(USERS, 1)) * (np.arange(USERS) % 2)[:, None]
    kinds = (rng.random((ITEMS, 4)) < 0.5) / 2.0
    left, right = np.eye(USERS), np.eye(ITEMS)
    if side:
        left, right = np.hstack([left, ages]), np.hstack([right, kinds])
    return left, right, user, item


def made(left, right, intercept, coef, factors):
    """Scores of all pairs, from their rows and the formula of the machine."""
    rows = np.array([np.concatenate([a, b]) for a in left for b in right])
    pairs = ((rows @ factors) ** 2 - rows**2 @ factors**2).sum(axis=1) / 2
    return (intercept + rows @ coef + pairs).reshape(len(left), len(right))


def problem(rng, side=True):
    """The solver's problem, and the objective with all pairs made."""
    left, right, user, item = clicks(rng, side)
    y, w = rng.normal(1.0, 0.3, 40), rng.uniform(0.5, 2.0, 40)
    sides = tuple(
        Side(sp.csr_array(Z), rng.normal(0, 0.4, (Z.shape[1], K)), np.zeros(Z.shape[1]))
        for Z in (left, right)
    )
    ridges = tuple(rng.uniform(0.2, 1, (len(one.numbers), K + 1)) for one in sides)
    pairs = observed_pairs(user, item, y, w)
    whole = WholeData(sides, pairs, UNOBSERVED, ridges, 0.5, 0.1)

    def objective(intercept, *numbers):
        both = np.vstack(numbers)
        scores = made(left, right, intercept, both[:, -1], both[:, :-1])
        empty = np.ones(scores.shape, bool)
        empty[user, item] = False
        found = (
            w @ (y - scores[user, item]) ** 2
            + UNOBSERVED * scores[empty] @ scores[empty]
        )
        squares = sum((r * n**2).sum() for r, n in zip(ridges, numbers, strict=True))
        return found + squares + 0.5 * intercept**2

    return whole, objective


def now(whole):
    return (whole.intercept, *(side.numbers for side in whole.sides))


@pytest.mark.parametrize("side", [False, True])
def test_objective_is_that_of_all_pairs_and_sweeps_reach_its_minimum(side):
    rng = np.random.default_rng(3)
    whole, objective = problem(rng, side)
    moves = [
        (rng.normal(), *(rng.normal(size=part.numbers.shape) for part in whole.sides))
        for _ in range(10)
    ]

    def steepest():
        slopes = []
        for move in moves:
            up, down = (
                objective(*(a + h * b for a, b in zip(now(whole), move, strict=True)))
                for h in (1e-5, -1e-5)
            )
            slopes.append(abs(up - down) / 2e-5)
        return max(slopes)

    before = whole.objective()
    assert np.isclose(before, objective(*now(whole)), rtol=1e-12)
    assert steepest() > 10.0
    for _ in range(80):
        whole.sweep()
        assert whole.objective() < before * (1 + 1e-12)
        before = whole.objective()
    assert np.isclose(before, objective(*now(whole)), rtol=1e-12)
    assert steepest() < 0.3


def test_one_side_is_solved_as_by_normal_equations():
    rng = np.random.default_rng(5)
    whole, _ = problem(rng, side=False)
    whole._solve(0, 50)
    _, right = whole.vectors()
    pairs, ridge = whole.pairs, whole.ridges[0]
    rest = right[:, K] + whole.intercept
    known = np.hstack([right[:, :K], np.ones((ITEMS, 1))])
    for user in range(USERS):
        weight, goal = np.full(ITEMS, UNOBSERVED), np.zeros(ITEMS)
        mine = pairs.queries == user
        weight[pairs.items[mine]] = pairs.weight[mine]
        goal[pairs.items[mine]] = pairs.weighted[mine] / pairs.weight[mine]
        A = known.T @ (weight[:, None] * known) + np.diag(ridge[user])
        exact = np.linalg.solve(A, known.T @ (weight * (goal - rest)))
        np.testing.assert_allclose(whole.sides[0].numbers[user], exact, atol=1e-9)


def test_distinct_rows_are_found_in_their_order():
    rows = np.array([[0, 2.0], [1, 0], [0, 2], [0, -2], [1, 0], [0, 0]])
    found, which = distinct_rows(sp.csr_array(rows))
    np.testing.assert_array_equal(found.toarray(), rows[[0, 1, 3, 5]])
    np.testing.assert_array_equal(which, [0, 1, 0, 2, 1, 3])


# ------------------------------------------------------------------ the estimator
LEFT, RIGHT, USER, ITEM = clicks(np.random.default_rng(0))
X = np.hstack([LEFT[USER], RIGHT[ITEM]])
QUICK = {
    "solver": "als", "unobserved_weight": UNOBSERVED, "num_factors": K, "epochs": 3,
    "num_query_features": LEFT.shape[1], "random_state": 0,
}  # fmt: skip


def fitted(X=X, y=None, **params):
    y = np.ones(X.shape[0]) if y is None else y
    return FactorizationMachinesRegressor(**{**QUICK, **params}).fit(X, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix, sp.csr_array])
def test_the_layout_of_the_rows_does_not_matter(form, dtype):
    model, rows = fitted(), form(X.astype(dtype))
    if sp.issparse(rows) and dtype == np.float64:
        rows.indices = rows.indices.astype(np.int64)
        rows.indptr = rows.indptr.astype(np.int64)
    found = fitted(rows)
    assert found.factors_.dtype == dtype
    np.testing.assert_allclose(found.predict(X), model.predict(X), atol=1e-5)


def test_weights_repeat_rows():
    """A row of weight 2 is two rows; a pair without weight is one that no row has."""
    weights = np.where(np.arange(40) % 3 == 0, 2.0, 1.0)
    weights[-4:] = 0.0
    repeated = np.repeat(np.arange(40), weights.astype(int))
    params = {"linear_wd": 0.01, "factors_wd": 0.01}
    model = FactorizationMachinesRegressor(**QUICK).set_params(**params)
    # Relative to the mean weight: that of the repeated rows is 1.
    mean = weights[weights > 0].mean()
    model.set_params(unobserved_weight=UNOBSERVED / mean)
    n = (weights > 0).sum()
    model.set_params(**{k: v * len(repeated) / n / mean for k, v in params.items()})
    model.fit(X, np.ones(40), sample_weight=weights)
    found = fitted(X[repeated], **params)
    np.testing.assert_allclose(model.predict(X), found.predict(X), rtol=1e-6)


def test_pairs_that_no_row_has_score_low_and_survive_storage():
    model = fitted(epochs=10, num_factors=6, factors_wd=0.01)
    seen = np.zeros((USERS, ITEMS), bool)
    seen[USER, ITEM] = True
    scores = made(LEFT, RIGHT, model.intercept_, model.coef_, model.factors_)
    assert scores[seen].mean() > scores[~seen].mean() + 0.3
    np.testing.assert_allclose(model.predict(X), scores[USER, ITEM])
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert clone(model).get_params() == model.get_params()
    twice = clone(model).set_params(n_jobs=2).fit(X, np.ones(40))
    np.testing.assert_array_equal(twice.factors_, model.factors_)
    assert model.resolved_params_["num_query_features"] == LEFT.shape[1]


def test_queries_are_found_and_a_warm_start_goes_on():
    one_hot = np.hstack([np.eye(USERS)[USER], np.eye(ITEMS)[ITEM]])
    rows = sp.csr_array(one_hot)
    auto = fitted(rows, num_query_features="auto")
    assert auto.resolved_params_["num_query_features"] == USERS
    known = fitted(rows, num_query_features=USERS)
    np.testing.assert_array_equal(auto.coef_, known.coef_)
    warm = fitted(rows, num_query_features=USERS, warm_start=True)
    warm.fit(rows, np.ones(40))
    whole = fitted(rows, num_query_features=USERS, epochs=6)
    np.testing.assert_allclose(warm.predict(rows), whole.predict(rows), rtol=1e-6)


def test_columns_that_no_row_stores_are_left_out():
    wide = sp.csr_array(X)
    wide = sp.csr_array((wide.data, wide.indices + 10_000, wide.indptr), (40, 80_000))
    model = fitted(wide, num_query_features=10_000 + LEFT.shape[1])
    assert vars(model)["_held"]["columns"].shape[0] < 100
    assert not model.coef_[:10_000].any()
    np.testing.assert_allclose(model.predict(wide), model.predict(wide[:, :]))
    assert model.resolved_params_["num_query_features"] == 10_000 + LEFT.shape[1]


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"num_query_features": X.shape[1]}, "leaves none"),
        ({"num_query_features": "auto"}, "blocks"),
        ({"normalize_label": True}, "normalize_label=True"),
        ({"normalize_data": True}, "normalize_data=True"),
        ({"num_models": 2}, "num_models=2"),
        ({"cv": 3}, "cv holds rows out"),
        ({"validation_fraction": 0.2}, "validation_fraction"),
    ],
)
def test_what_has_no_meaning_for_all_pairs_is_refused(params, says):
    with pytest.raises(ValueError, match=says):
        fitted(**params)
    with pytest.raises(ValueError, match="X_val"):
        FactorizationMachinesRegressor(**QUICK).fit(
            X, np.ones(40), X_val=X, y_val=np.ones(40)
        )


def test_recommendations_make_no_factors_of_columns_never_met(monkeypatch):
    narrow = fitted()
    wide = sp.csr_array(X)
    wide = sp.csr_array((wide.data, wide.indices, wide.indptr), (40, 1 << 20))
    model = fitted(wide)
    made = []
    original = ModelState.machines

    def machines(self, columns=None):
        found = original(self, columns)
        made.append(found[2].shape[1])
        return found

    monkeypatch.setattr(ModelState, "machines", machines)
    items = LEFT.shape[1] + np.arange(ITEMS)
    queries = sp.csr_array(np.eye(USERS, X.shape[1]))
    wider = sp.csr_array(
        (queries.data, queries.indices, queries.indptr), (USERS, 1 << 20)
    )
    found, scores = model.recommend(wider, items, k=4)
    expected, _ = narrow.recommend(queries, items, k=4)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(scores, model.recommend(wider, items, k=4)[1])
    model.pair_weights([0, 1], items[:2])
    assert len(made) >= 4
    assert max(made) < 100
