"""Frames and labels that are no numbers, or only nearly: refused by name, or read."""

import datetime

import numpy as np
import pandas as pd
import pytest

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    load_artifact,
    save_artifact,
)
from sklearn_sagemaker.io import FileDataset, write_recordio

N = 24
X = pd.DataFrame(np.random.default_rng(0).normal(size=(N, 2)), columns=["a", "b"])
LABELS = np.where(np.arange(N) % 2, "yes", "no").astype(object)
DAYS = pd.date_range("2020-01-01", periods=N)
TEXT = pd.Categorical(LABELS)
MISSING = {"None": None, "NaN": np.nan, "pandas.NA": pd.NA, "NaT": pd.NaT}


def classifier():
    return LinearLearnerClassifier(num_models=2, epochs=2, random_state=0)


def regressor():
    return LinearLearnerRegressor(num_models=2, epochs=2, random_state=0)


def with_missing(missing):
    labels = LABELS.copy()
    labels[3] = missing
    return labels


# ----------------------------------------------------------------- labels of classes
@pytest.mark.parametrize("missing", MISSING.values(), ids=MISSING)
@pytest.mark.parametrize("kind", [list, pd.Series, pd.DataFrame, np.array])
def test_a_missing_label_is_named_by_its_place(missing, kind):
    message = r"y has a missing label, .* at position 3; drop it"
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, kind(with_missing(missing)))
    with pytest.raises(ValueError, match=message):
        classifier().partial_fit(X, kind(with_missing(missing)), classes=["no", "yes"])


@pytest.mark.parametrize("dtype", ["string", "category", "boolean"])
def test_and_in_pandas_own_dtypes(dtype):
    values = LABELS == "yes" if dtype == "boolean" else LABELS
    labels = pd.Series(values).astype(dtype)
    labels[3] = None
    with pytest.raises(ValueError, match=r"y has a missing label, .* at position 3"):
        classifier().fit(X, labels)


@pytest.mark.parametrize("missing", MISSING.values(), ids=MISSING)
def test_other_places_of_labels_refuse_a_missing_one_too(missing, tmp_path):
    with pytest.raises(ValueError, match="y_val has a missing label"):
        classifier().fit(X, LABELS, X_val=X, y_val=with_missing(missing))
    with pytest.raises(ValueError, match="classes has a missing label"):
        classifier().partial_fit(X, LABELS, classes=["no", missing])
    save_artifact(classifier().fit(X, LABELS), tmp_path / "model.tar.gz")
    with pytest.raises(ValueError, match="classes has a missing label"):
        load_artifact(tmp_path / "model.tar.gz", classes=["no", missing])


def test_labels_without_an_order_are_refused():
    mixed = np.array([1, "yes"] * (N // 2), dtype=object)
    with pytest.raises(ValueError, match=r"types int, str, which have no order; make"):
        classifier().fit(X, mixed)


def test_labels_of_another_type_than_the_classes_are_none_of_them():
    numbers = np.arange(N) % 2
    with pytest.raises(ValueError, match="y_val has the label 0, which y lacks"):
        classifier().fit(X, LABELS, X_val=X, y_val=numbers)
    model = classifier().partial_fit(X, LABELS, classes=np.unique(LABELS))
    with pytest.raises(ValueError, match="y has the label 0, which is not among"):
        model.partial_fit(X, numbers)


def test_nullable_labels_keep_their_type_and_their_digits():
    truths = pd.Series(LABELS == "yes").astype("boolean")
    assert classifier().fit(X, truths).classes_.dtype == bool
    large = pd.Series(2**53 + np.arange(N) % 2).astype("Int64")
    assert classifier().fit(X, large).classes_.tolist() == [2**53, 2**53 + 1]


@pytest.mark.parametrize("weight", [-1, np.nan, np.inf, None])
def test_a_class_weight_that_weighs_nothing_is_refused(tmp_path, weight):
    model = classifier().set_params(class_weight={0: weight, 1: 1})
    y = np.arange(N) % 2
    write_recordio(tmp_path / "rows.pbr", X.to_numpy(), y)
    for call in (
        lambda: model.fit(X, y),
        lambda: model.fit(FileDataset(tmp_path / "rows.pbr", memory=400)),
        lambda: model.partial_fit(X, y, classes=[0, 1]),
    ):
        with pytest.raises(ValueError, match=r"class 0.*; it must be a finite number"):
            call()


# -------------------------------------------------------------- labels of regressions
@pytest.mark.parametrize(
    "labels",
    [LABELS, LABELS.tolist(), LABELS.astype(str), pd.Series(LABELS), TEXT, DAYS],
    ids=["objects", "list", "text", "Series", "categories", "dates"],
)
def test_a_regressor_names_labels_that_are_no_numbers(labels):
    with pytest.raises(ValueError, match="y has .*a regressor predicts numbers"):
        regressor().fit(X, labels)
    with pytest.raises(ValueError, match="y_val has .*a regressor predicts"):
        regressor().fit(X, np.arange(N), X_val=X, y_val=labels)


# ------------------------------------------------------------------------------- rows
@pytest.mark.parametrize(
    "column",
    [
        TEXT, LABELS, pd.Series(LABELS, dtype=str), DAYS, DAYS - DAYS[0],
        DAYS.tz_localize("UTC"), DAYS.to_period(),
    ],
    ids=["categories", "objects", "text", "dates", "times", "with zone", "periods"],
)  # fmt: skip
@pytest.mark.parametrize("make", [classifier, FactorizationMachinesClassifier])
def test_columns_that_are_no_numbers_are_named(column, make):
    frame = X.assign(colour=column, size=column)
    error = ValueError if "yes" in list(column) else TypeError
    with pytest.raises(error, match=r"'colour' \(.*'size' \(.*OneHotEncoder"):
        make().fit(frame, LABELS)


def test_columns_of_an_array_of_objects_are_numbered():
    rows = X.assign(b=LABELS).to_numpy(dtype=object)
    with pytest.raises(ValueError, match=r"no numbers: 1 \(could not convert"):
        classifier().fit(rows, LABELS)


def test_other_columns_than_the_fit_had_are_refused_as_such():
    model = classifier().fit(X, LABELS)
    with pytest.raises(ValueError, match="Feature names unseen at fit time:\n- colour"):
        model.predict(X.assign(colour=LABELS))


def test_rows_to_score_and_to_validate_with_name_them_too():
    frame, model = X.assign(b=TEXT), classifier().fit(X, LABELS)
    for call in (
        lambda: model.predict(frame),
        lambda: classifier().fit(X, LABELS, X_val=frame, y_val=LABELS),
    ):
        with pytest.raises(ValueError, match=r"no numbers: 'b' \(could not convert"):
            call()


@pytest.mark.parametrize("unit", [datetime.date(2020, 1, 1), datetime.timedelta(1)])
def test_dates_are_no_numbers(unit):
    frame = pd.DataFrame({"when": pd.Series([unit] * N)})
    frame = frame.astype("m8[s]" if isinstance(unit, datetime.timedelta) else "M8[s]")
    with pytest.raises(ValueError, match=r"X holds dates or times .*turn them into"):
        classifier().fit(frame, LABELS)


def test_categories_that_are_numbers_hide_no_infinity():
    frame = X.assign(c=pd.Categorical(np.arange(N) % 3))
    expected = classifier().fit(frame.astype(float), LABELS).coef_
    assert np.array_equal(classifier().fit(frame, LABELS).coef_, expected)
    frame.iloc[3, 0] = np.inf
    with pytest.raises(ValueError, match="Input X contains infinity"):
        classifier().fit(frame, LABELS)
