"""From a table to items for users."""

import pickle

import numpy as np
import pandas as pd
import pyarrow
import pytest
from sklearn import config_context
from sklearn.base import clone

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.recommendations import Recommender

GENRES = ("war", "love")
NAMES = {
    "user": "user", "item": "film", "user_features": ["taste"],
    "item_features": ["genre"],
}  # fmt: skip


def clicks(n_users=20, n_films=16):
    """Users of two tastes, who click three in four films of theirs and no others."""
    rng = np.random.default_rng(0)
    pairs = [
        (f"u{user}", GENRES[user % 2], 100 + film, GENRES[film % 2])
        for user in range(n_users)
        for film in range(n_films)
        if user % 2 == film % 2 and rng.random() < 0.75
    ]
    return pd.DataFrame(pairs, columns=["user", "taste", "film", "genre"])


CLICKS = clicks()
MODEL = Recommender(**NAMES, random_state=0).fit(CLICKS)
GENRE_OF = CLICKS.drop_duplicates("film").set_index("film")["genre"]


def test_unseen_films_of_the_users_taste_come_first():
    users = ["u3", "u0", "u8"]
    found = MODEL.recommend(users, k=1)
    assert found.columns.tolist() == ["user", "film", "score"]
    assert found["user"].tolist() == users
    tastes = [GENRES[int(user[1:]) % 2] for user in found["user"]]
    assert GENRE_OF[found["film"]].tolist() == tastes
    seen = set(zip(CLICKS["user"], CLICKS["film"], strict=True))
    every = MODEL.recommend(users, k=100)
    asked = set(zip(every["user"], every["film"], strict=True))
    assert not asked & seen
    assert len(asked) == 3 * 16 - CLICKS["user"].isin(users).sum()
    assert (every.groupby("user")["score"].diff().dropna() <= 0).all()
    again = MODEL.recommend(users, k=16, exclude_seen=False)
    assert len(again) == 48
    pairs = again.merge(CLICKS.drop_duplicates("user")[["user", "taste"]]).merge(
        CLICKS.drop_duplicates("film")[["film", "genre"]]
    )
    np.testing.assert_allclose(MODEL.predict(pairs), pairs["score"], atol=1e-6)


def test_new_users_and_items_by_their_columns():
    new = pd.DataFrame({"user": ["zoe", "max"], "taste": ["war", "love"]})
    found = MODEL.recommend(new, k=3)
    assert GENRE_OF[found["film"]].tolist() == ["war"] * 3 + ["love"] * 3
    films = pd.DataFrame({"film": [900, 901, 102], "genre": ["war", "love", "war"]})
    found = MODEL.recommend(["u1"], k=2, items=films)
    assert found["film"].tolist()[0] == 901
    alone = MODEL.recommend(["u1", "u2"], items=[103, 102], exclude_seen=False, k=1)
    assert alone["film"].tolist() == [103, 102]


def test_items_alike_share_their_users():
    found = MODEL.similar_items([100, 101], k=5)
    assert found.columns.tolist() == ["film", "similar", "score"]
    assert (GENRE_OF[found["film"]].values == GENRE_OF[found["similar"]].values).all()
    assert (found["film"] != found["similar"]).all()
    assert found["score"].between(0, 1.001).all()
    new = pd.DataFrame({"film": [900], "genre": ["love"]})
    assert set(GENRE_OF[MODEL.similar_items(new, k=5)["similar"]]) == {"love"}


@pytest.mark.parametrize(
    "estimator",
    [
        None,
        FactorizationMachinesRegressor(cv=False, epochs=60, random_state=0),
        FactorizationMachinesClassifier(
            solver="mcmc", num_factors=2, epochs=30, random_state=0
        ),
    ],
)
def test_ratings_and_classes(estimator):
    rng = np.random.default_rng(0)
    user, film = rng.integers(20, size=300), rng.integers(16, size=300)
    liked = user % 2 == film % 2
    X = np.stack([user, film], axis=1)
    model = Recommender(estimator, random_state=0).fit(X, liked.astype(int))
    found = model.recommend([0, 1, 5], k=3, exclude_seen=False)
    assert found.columns.tolist() == ["x0", "x1", "score"]
    assert (found["x0"] % 2 == found["x1"] % 2).all()


def test_it_is_an_estimator_that_can_be_stored():
    again = pickle.loads(pickle.dumps(MODEL))
    pd.testing.assert_frame_equal(again.recommend(["u4"]), MODEL.recommend(["u4"]))
    model = Recommender(FactorizationMachinesRegressor(solver="als"), **NAMES)
    other = clone(model).set_params(
        estimator__unobserved_weight=0.3, estimator__random_state=0
    )
    other.fit(CLICKS)
    assert other.estimator_.num_query_features == 22
    assert model.estimator.num_query_features == "auto"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: MODEL.recommend(["u1", "who"]), "'who' is no user of the fit"),
        (lambda: MODEL.recommend("u1"), "must be a list of ids"),
        (lambda: MODEL.recommend(["u1"], items=[5]), "5 is no item"),
        (lambda: MODEL.recommend(["u1"], k=0), "k=0"),
        (lambda: MODEL.similar_items([100], k=0), "k=0"),
        (lambda: MODEL.recommend(pd.DataFrame({"user": ["u1"]})), "'taste'"),
        (
            lambda: Recommender(FactorizationMachinesRegressor(), **NAMES).fit(CLICKS),
            "y is None",
        ),
        (
            lambda: Recommender(**NAMES).fit(CLICKS.assign(user=None, film=None)),
            "'user' holds no id",
        ),
        (
            lambda: Recommender(**NAMES).fit(
                CLICKS.assign(user=CLICKS["user"].where(CLICKS.index > 1))
            ),
            "lacks 2 ids",
        ),
    ],
)
def test_bad_requests_are_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_output_set_for_all_transformers_is_not_that_of_rows():
    with config_context(transform_output="pandas"):
        model = Recommender(**NAMES, random_state=0).fit(CLICKS)
        found = model.recommend(["u3"], k=2)
    pd.testing.assert_frame_equal(found, MODEL.recommend(["u3"], k=2))


def test_tables_of_other_libraries():
    other = pyarrow.Table.from_pandas(CLICKS)
    model = Recommender(**NAMES, random_state=0).fit(other)
    users = CLICKS[["taste", "user"]].head(1)
    found = model.recommend(pyarrow.Table.from_pandas(users), k=3)
    expected = MODEL.recommend(users, k=3)
    assert found.values.tolist() == expected.values.tolist()


def test_an_estimator_that_ranks_nothing_is_refused():
    ratings = np.arange(len(CLICKS)) % 3
    with pytest.raises(TypeError, match=r"Regressor\(\) ranks no items"):
        Recommender(LinearLearnerRegressor(), **NAMES).fit(CLICKS, ratings)
    machine = FactorizationMachinesClassifier(epochs=1, num_factors=1, random_state=0)
    with pytest.raises(ValueError, match="y has 3 classes, and items are ranked"):
        Recommender(machine, **NAMES).fit(CLICKS, ratings)


def test_names_of_an_earlier_table_are_forgotten():
    machine = FactorizationMachinesRegressor(solver="als", epochs=1, num_factors=1)
    model = Recommender(machine, user=0, item=1).fit(
        CLICKS[["user", "film"]], np.arange(len(CLICKS))
    )
    assert model.feature_names_in_.tolist() == ["user", "film"]
    model.fit(CLICKS[["user", "film"]].to_numpy(), np.arange(len(CLICKS)))
    assert not hasattr(model, "feature_names_in_")
