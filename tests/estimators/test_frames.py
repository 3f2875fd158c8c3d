"""Tables of candidates and of coefficients."""

import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.exceptions import OptionalDependencyError

FITS = {
    "binary": (LinearLearnerClassifier, load_breast_cancer),
    "multiclass": (LinearLearnerClassifier, load_iris),
    "regressor": (LinearLearnerRegressor, load_diabetes),
}
MODELS = (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
QUICK = {"random_state": 0, "epochs": 2, "cv": 3}
METHODS = ("candidates_to_frame", "coef_frame")


@pytest.fixture(params=FITS)
def problem(request):
    cls, load = FITS[request.param]
    return cls, load(as_frame=True)


def test_candidates_come_by_rank_with_their_number(problem):
    cls, data = problem
    model = cls(**QUICK).fit(data.data, data.target)
    frame = model.candidates_to_frame()
    assert frame.index.name == "candidate"
    assert frame.index[0] == model.best_index_
    assert sorted(frame.index) == list(range(32))
    assert list(frame["rank_validation_score"]) == list(range(1, 33))
    assert frame["validation_score"].is_monotonic_decreasing
    assert set(frame.columns) == set(model.candidates_)
    assert {"param_learning_rate", "params", "status", "split2_validation_loss"} <= set(
        frame.columns
    )
    for name, values in model.candidates_.items():
        # NaN of steps, which do not tell how far they are, is itself.
        np.testing.assert_equal(list(frame[name].sort_index()), list(values))
    assert frame["params"].iloc[0] == model.best_params_


def test_candidates_of_a_stream_make_a_frame(problem):
    cls, data = problem
    first = {} if cls is LinearLearnerRegressor else {"classes": data.target.unique()}
    model = cls(random_state=0).partial_fit(data.data, data.target, **first)
    frame = model.candidates_to_frame()
    assert frame.index[0] == model.best_index_
    assert frame["validation_loss"].is_monotonic_increasing


def test_changing_a_frame_leaves_the_model(problem):
    cls, data = problem
    model = cls(**QUICK).fit(data.data, data.target)
    before = model.candidates_["train_loss"].copy(), model.coef_.copy()
    candidates, coef = model.candidates_to_frame(), model.coef_frame()
    candidates["train_loss"] = 0.0
    candidates.iloc[:, 0] = 7.0
    coef.iloc[:] = 0.0
    np.testing.assert_array_equal(model.candidates_["train_loss"], before[0])
    np.testing.assert_array_equal(model.coef_, before[1])
    assert (model.candidates_["param_learning_rate"] != 7.0).all()


def test_coefficients_have_the_names_of_the_features(problem):
    cls, data = problem
    model = cls(**QUICK).fit(data.data, data.target)
    frame = model.coef_frame()
    assert frame.index.name == "feature"
    assert sorted(frame.index) == sorted(data.data.columns)
    coef = np.atleast_2d(model.coef_)
    expected = ["coef"] if len(coef) == 1 else list(model.classes_)
    assert list(frame.columns) == expected
    by_feature = frame.loc[data.data.columns]
    np.testing.assert_array_equal(by_feature.to_numpy(), coef.T)
    assert (frame.dtypes == np.float64).all()


def test_coefficients_are_in_the_units_of_the_features(problem):
    cls, data = problem
    model = cls(**QUICK).fit(data.data, data.target)
    frame = model.coef_frame().loc[data.data.columns]
    margins = data.data.to_numpy() @ frame.to_numpy() + model.intercept_
    found = model.decision_function if cls is LinearLearnerClassifier else model.predict
    np.testing.assert_allclose(np.squeeze(margins), found(data.data), rtol=1e-9)


def test_large_coefficients_come_first_whatever_their_sign():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    frame = LinearLearnerRegressor(**QUICK).fit(X, y).coef_frame()
    size = frame["coef"].abs()
    assert size.is_monotonic_decreasing
    assert (frame["coef"].iloc[:8] < 0).any()
    assert (frame["coef"].iloc[:8] > 0).any()


def test_the_largest_of_the_classes_counts():
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = LinearLearnerClassifier(**QUICK).fit(X, np.array(["a", "b", "c"])[y])
    frame = model.coef_frame()
    assert list(frame.columns) == ["a", "b", "c"]
    assert frame.abs().max(axis=1).is_monotonic_decreasing


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_features_without_names_are_numbered(problem, make):
    cls, data = problem
    X = make(data.data.to_numpy())
    model = cls(**QUICK).fit(X, data.target.to_numpy())
    frame = model.coef_frame()
    names = [f"x{number}" for number in range(X.shape[1])]
    assert sorted(frame.index) == sorted(names)
    coef = np.atleast_2d(model.coef_).T
    np.testing.assert_array_equal(frame.loc[names].to_numpy(), coef)


@pytest.mark.parametrize("container", [list, np.array, pd.Index])
def test_names_may_be_passed(problem, container):
    cls, data = problem
    model = cls(**QUICK).fit(data.data, data.target)
    names = [f"column {number}" for number in range(data.data.shape[1])]
    frame = model.coef_frame(feature_names=container(names))
    assert frame.index.name == "feature"
    np.testing.assert_array_equal(
        frame.loc[names].to_numpy(), np.atleast_2d(model.coef_).T
    )
    numbers = pd.Index(range(len(names)))
    assert sorted(model.coef_frame(numbers).index) == list(numbers)


@pytest.mark.parametrize("cls", MODELS)
def test_names_of_a_sparse_pipeline(cls):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"size": rng.choice([1.0, 2.0], 90), "colour": rng.choice(["red", "blue"], 90)}
    )
    columns = ColumnTransformer(
        [("hot", OneHotEncoder(), ["colour"]), ("as is", "passthrough", ["size"])],
        sparse_threshold=1.0,
    )
    y = (X["colour"] == "red") & (X["size"] > 1)
    pipe = Pipeline([("columns", columns), ("model", cls(epochs=2, random_state=0))])
    pipe.fit(X, y)
    assert sp.issparse(pipe[:-1].transform(X))
    frame = pipe[-1].coef_frame(feature_names=pipe[:-1].get_feature_names_out())
    names = ["hot__colour_blue", "hot__colour_red", "as is__size"]
    np.testing.assert_array_equal(
        frame.loc[names, "coef"].to_numpy(), np.ravel(pipe[-1].coef_)
    )


@pytest.mark.parametrize(
    "names", [["a"], list("abcdefghijk"), "abcdefghij", [["a"] * 10]]
)
def test_names_of_other_features_are_refused(names):
    model = LinearLearnerRegressor(**QUICK).fit(*load_diabetes(return_X_y=True))
    shape = str(np.shape(names)).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(
        ValueError, match=f"shape {shape}.*10 features; pass.*get_feature_names_out"
    ):
        model.coef_frame(feature_names=names)


def test_equal_coefficients_stay_in_the_order_of_the_features():
    X, y = np.zeros((20, 12)), np.arange(20) % 2
    X[:, 7] = y
    model = LinearLearnerClassifier(**QUICK).fit(X, y)
    others = [f"x{number}" for number in range(12) if number != 7]
    assert list(model.coef_frame().index) == ["x7", *others]


@pytest.mark.parametrize("method", METHODS)
def test_a_model_that_is_not_fitted_is_an_error(problem, method):
    with pytest.raises(NotFittedError):
        getattr(problem[0](), method)()


@pytest.mark.parametrize("method", METHODS)
def test_without_pandas_the_error_names_the_extra(problem, method, monkeypatch):
    cls, data = problem
    model = cls(**QUICK).fit(data.data.to_numpy(), data.target.to_numpy())
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pandas", None)
        with pytest.raises(OptionalDependencyError, match=r"sagemaker\[pandas\]"):
            getattr(model, method)()
    assert issubclass(OptionalDependencyError, ImportError)
    assert isinstance(getattr(model, method)(), pd.DataFrame)
