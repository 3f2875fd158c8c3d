"""Tables as rows of Factorization Machines."""

import pickle

import numpy as np
import pandas as pd
import pyarrow
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_sagemaker import FactorizationMachinesRegressor
from sklearn_sagemaker.recommendations import InteractionEncoder

TABLE = pd.DataFrame(
    {
        "rating": [4.0, 2.0, 5.0, 3.0],
        "user": ["ann", "bob", "ann", "cid"],
        "age": [30.0, np.nan, 30.0, 50.0],
        "film": [7, 7, 9, 8],
        "genres": [["a", "b"], ["b", "a"], ["a"], None],
        "land": pd.Categorical(["fr", "fr", None, "it"]),
    }
)
NAMES = {
    "user": "user", "item": "film", "user_features": ["age"],
    "item_features": ["genres", "land"],
}  # fmt: skip
COLUMNS = [
    "user_ann", "user_bob", "user_cid", "age", "film_7", "film_8", "film_9",
    "genres_a", "genres_b", "land_fr", "land_it",
]  # fmt: skip
ROWS = np.array(
    [
        [1, 0, 0, -0.7071, 1, 0, 0, 0.5, 0.5, 1, 0],
        [0, 1, 0, 0, 1, 0, 0, 0.5, 0.5, 1, 0],
        [1, 0, 0, -0.7071, 0, 0, 1, 1, 0, 0, 0],
        [0, 0, 1, 1.4142, 0, 1, 0, 0, 0, 0, 1],
    ]
)


@parametrize_with_checks(
    [InteractionEncoder()],
    expected_failed_checks=lambda _: {
        "check_dataframe_column_names_consistency": (
            "tables may lack columns that are not encoded, as for ColumnTransformer"
        )
    },
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_users_items_and_what_describes_them():
    encoder = InteractionEncoder(**NAMES)
    rows = encoder.fit_transform(TABLE)
    assert rows.format == "csr"
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows.toarray(), ROWS, atol=1e-4)
    assert encoder.get_feature_names_out().tolist() == COLUMNS
    assert encoder.num_query_features_ == 4
    np.testing.assert_array_equal(
        encoder.groups_, [0] * 3 + [1] + [2] * 3 + [3] * 2 + [4] * 2
    )
    assert encoder.user_ids_.tolist() == ["ann", "bob", "cid"]
    assert encoder.item_ids_.tolist() == [7, 8, 9]
    exact = InteractionEncoder(**NAMES, dtype=np.float64).fit_transform(TABLE)
    assert exact.dtype == np.float64
    again = pickle.loads(pickle.dumps(encoder))
    assert (again.transform(TABLE) != rows).nnz == 0


def test_what_is_new_has_no_feature_and_other_columns_may_lack():
    encoder = InteractionEncoder(**NAMES).fit(TABLE)
    new = pd.DataFrame(
        {
            "genres": [("b", "x")], "film": [1], "land": ["es"], "user": [None],
            "age": [40.0],
        }
    )  # fmt: skip
    expected = np.zeros((1, 11))
    expected[0, COLUMNS.index("genres_b")] = 0.5
    expected[0, 3] = encoder.transform(TABLE.assign(age=40.0)).toarray()[0, 3]
    np.testing.assert_allclose(encoder.transform(new).toarray(), expected)
    users = encoder.transform_users(TABLE[["user", "age"]]).toarray()
    items = encoder.transform_items(TABLE[["land", "genres", "film"]]).toarray()
    np.testing.assert_allclose(users + items, ROWS, atol=1e-4)
    assert not users[:, 4:].any()
    assert not items[:, :4].any()


def test_positions_mean_columns_of_arrays_and_of_tables():
    plain = TABLE[["user", "film"]]
    by_name = InteractionEncoder(user="user", item="film").fit_transform(plain)
    by_place = InteractionEncoder().fit(plain)
    assert (by_place.transform(plain[["film", "user"]]) != by_name).nnz == 0
    array = InteractionEncoder().fit(plain.to_numpy())
    assert (array.transform(plain.to_numpy()) != by_name).nnz == 0
    assert array.get_feature_names_out()[0] == "x0_ann"


def test_text_of_pandas_own_types_and_numbers_with_gaps():
    table = TABLE.assign(
        user=TABLE["user"].astype("string"),
        film=TABLE["film"].astype("Int64"),
        age=pd.array([30, None, 30, 50], dtype="Int64"),
    )
    rows = InteractionEncoder(**NAMES).fit_transform(table)
    np.testing.assert_allclose(rows.toarray(), ROWS, atol=1e-4)


def test_it_stands_in_a_pipeline():
    model = make_pipeline(
        InteractionEncoder(**NAMES), FactorizationMachinesRegressor(cv=False, epochs=2)
    )
    assert model.fit(TABLE, TABLE["rating"]).predict(TABLE).shape == (4,)


@pytest.mark.parametrize(
    ("params", "change", "says"),
    [
        ({"user": "usr"}, {}, "'usr' is not among the columns"),
        ({"user_features": "age"}, {}, "pass a list"),
        ({"item_features": ["user"]}, {}, "named twice"),
        ({"dtype": np.int32}, {}, "int32"),
        ({}, {"user": [None] * 4}, "'user' holds no id"),
        ({}, {"age": pd.to_datetime(["2020-01-01"] * 4)}, "holds dates"),
        ({}, {"age": [None] * 4}, "holds no value"),
        ({"user": 12}, {}, "12 is no column"),
        ({"user": None}, {}, "user=None must name columns"),
        ({"item": ["film"]}, {}, r"item=\['film'\] must name columns"),
        ({"user_features": [2.0]}, {}, "user_features=2.0 must name columns"),
        ({"user_features": None}, {}, r"user_features=None must be a list"),
        ({"user_features": [1]}, {}, "'user' is named twice"),
        ({"user_features": ["age", -4]}, {}, "'age' is named twice"),
        ({}, {"film": [7, "seven", 8, 9]}, "'film' cannot be encoded .*'int', 'str'"),
        ({}, {"age": [1, 2, 3, np.inf]}, "'age' cannot be encoded .*infinity"),
        ({}, {"genres": [["a"], [1], ["b"], None]}, "'genres' cannot be encoded"),
        ({}, {"genres": [[], [None], [], None]}, "'genres' holds no value"),
    ],
)
def test_bad_tables_are_refused(params, change, says):
    with pytest.raises(ValueError, match=says):
        InteractionEncoder(**{**NAMES, **params}).fit(TABLE.assign(**change))


def test_ids_of_another_type_are_refused_and_not_all_new():
    encoder = InteractionEncoder(**NAMES).fit(TABLE)
    with pytest.raises(
        ValueError, match=r"'film' holds text such as '7', but held num"
    ):
        encoder.transform(TABLE.assign(film=["7", "7", "9", "8"]))


def test_a_number_that_became_text_is_named():
    encoder = InteractionEncoder(**NAMES).fit(TABLE)
    with pytest.raises(ValueError, match="'age' cannot be encoded .*'old'"):
        encoder.transform(TABLE.assign(age="old"))


def test_a_label_that_is_missing_in_a_list_is_no_label():
    genres = pd.Series([["a", None, "b"], ["b", np.nan, "a"], ["a", pd.NA], [None]])
    encoder = InteractionEncoder(**NAMES)
    rows = encoder.fit_transform(TABLE.assign(genres=genres))
    np.testing.assert_allclose(rows.toarray(), ROWS, atol=1e-4)
    assert encoder.get_feature_names_out().tolist() == COLUMNS


def test_tables_of_other_libraries_have_names_and_types():
    table = pyarrow.table(
        {name: TABLE[name].tolist() for name in ("user", "film", "age", "genres")}
    )
    encoder = InteractionEncoder(
        user="user", item="film", user_features=["age"], item_features=["genres"]
    )
    rows = encoder.fit_transform(table)
    np.testing.assert_allclose(rows.toarray(), ROWS[:, :9], atol=1e-4)
    # Columns are found by their names, wherever they stand.
    both = encoder.transform_users(table.select(["age", "film", "user"]))
    np.testing.assert_allclose(both.toarray()[:, :4], ROWS[:, :4], atol=1e-4)
    items = encoder.transform_items(table.select(["genres", "film"]))
    np.testing.assert_allclose(items.toarray()[:, 4:], ROWS[:, 4:9], atol=1e-4)


def test_positions_from_the_end_and_of_numpy():
    array = TABLE[["user", "film"]].to_numpy(dtype=object)
    encoder = InteractionEncoder(user=-2, item=np.int64(-1)).fit(array)
    assert encoder.get_feature_names_out()[[0, 3]].tolist() == ["x0_ann", "x1_7"]
    named = InteractionEncoder(user=np.int64(1), item=np.int64(3)).fit(TABLE)
    assert named.transform_items(TABLE[["film"]]).shape == (4, 6)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA], ids=str)
def test_what_is_missing_in_an_array_has_no_feature(missing):
    array = TABLE[["user", "film"]].to_numpy(dtype=object)
    array[1, 0] = missing
    rows = InteractionEncoder().fit_transform(array)
    assert rows.toarray()[1].tolist() == [0, 0, 1, 0, 0]
