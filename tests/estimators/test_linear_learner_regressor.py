"""LinearLearnerRegressor; what it shares is tested with the classifier."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sagemaker import LinearLearnerRegressor
from sklearn_sagemaker.exceptions import (
    AllCandidatesDivergedError,
)

QUICK = {"random_state": 0, "num_models": 4, "epochs": 20, "learning_rate": 0.03}
X, Y = load_diabetes(return_X_y=True)
WILD = {
    "random_state": 0,
    "optimizer": "sgd",
    "normalize_data": False,
    "learning_rate": 1e30,
}


def test_shapes_and_types():
    model = LinearLearnerRegressor(**QUICK).fit(X, Y)
    assert model.coef_.shape == (10,)
    assert model.coef_.dtype == np.float64
    assert isinstance(model.intercept_, float)
    assert not hasattr(model, "threshold_")
    assert not hasattr(model, "classes_")
    assert "threshold" not in model.candidates_
    predicted = model.predict(X)
    assert predicted.shape == (len(X),)
    assert predicted.dtype == np.float64
    np.testing.assert_allclose(predicted, X @ model.coef_ + model.intercept_)


def test_score_is_minus_the_mean_squared_error_in_units_of_y():
    train, judge = train_test_split(np.arange(len(Y)), random_state=0)
    model = LinearLearnerRegressor(**QUICK)
    model.fit(X[train], Y[train], X_val=X[judge], y_val=Y[judge])
    error = np.mean((model.predict(X[judge]) - Y[judge]) ** 2)
    assert model.best_score_ == pytest.approx(-error)
    assert model.validation_curve_.min() == pytest.approx(error)
    assert model.loss_curve_[-1] == pytest.approx(
        np.mean((model.predict(X[train]) - Y[train]) ** 2), rel=0.1
    )


def test_weights_pull_the_fit_towards_their_rows():
    upper = np.median(Y) < Y
    means = [
        LinearLearnerRegressor(**QUICK)
        .fit(X, Y, sample_weight=np.where(upper, weight, 1.0))
        .predict(X)
        .mean()
        for weight in (0.2, 1.0, 5.0)
    ]
    assert means[0] + 10 < means[1] < means[2] - 10


def test_constant_features_predict_the_weighted_mean():
    weights = np.random.default_rng(0).uniform(0, 2, len(Y))
    model = LinearLearnerRegressor(**QUICK, cv=False)
    model.fit(np.ones((len(Y), 2)), Y, weights)
    assert model.predict([[1.0, 1.0]])[0] == pytest.approx(
        np.average(Y, weights=weights), abs=0.03 * Y.std()
    )


@pytest.mark.parametrize("value", [0.0, 7.0, -1e9])
def test_constant_labels_are_predicted(value):
    model = LinearLearnerRegressor(**QUICK).fit(X, np.full(len(Y), value))
    np.testing.assert_allclose(model.predict(X), value, atol=1e-9)


@pytest.mark.parametrize("dtype", ["i4", "f4", "Float64", "Int64"])
def test_labels_of_any_number_type(dtype):
    labels = pd.Series(np.round(Y)).astype(dtype)
    model = LinearLearnerRegressor(**QUICK)
    model.fit(X, labels, X_val=X, y_val=labels)
    plain = LinearLearnerRegressor(**QUICK)
    plain.fit(X, np.round(Y), X_val=X, y_val=np.round(Y))
    np.testing.assert_array_equal(model.coef_, plain.coef_)


def test_labels_that_are_no_numbers_are_an_error():
    with pytest.raises(ValueError, match="spam"):
        LinearLearnerRegressor().fit(X, np.full(len(X), "spam"))
    with pytest.raises(ValueError, match="spam"):
        LinearLearnerRegressor().fit(X, Y, X_val=X, y_val=np.full(len(X), "spam"))


# -------------------------------------------------------------------- label scaler
@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_units_of_labels_do_not_matter(factor, dtype):
    rows = X.astype(dtype)
    model = LinearLearnerRegressor(**QUICK).fit(rows, Y)
    other = LinearLearnerRegressor(**QUICK).fit(rows, factor * Y)
    tolerance = 1e-6 if dtype == "f8" else 1e-2
    np.testing.assert_allclose(other.coef_ / factor, model.coef_, rtol=tolerance)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_labels_far_from_zero_keep_their_digits(dtype):
    model = LinearLearnerRegressor(**QUICK).fit(X.astype(dtype), Y)
    far = LinearLearnerRegressor(**QUICK).fit(X.astype(dtype), Y + 1e9)
    np.testing.assert_allclose(far.coef_, model.coef_, rtol=1e-2)
    assert far.score(X, Y + 1e9) == pytest.approx(model.score(X, Y), abs=1e-3)


def test_large_labels_in_float32():
    model = LinearLearnerRegressor(**QUICK).fit(X.astype("f4"), 1e25 * Y)
    assert model.score(X, 1e25 * Y) > 0.4


@pytest.mark.parametrize(
    ("unbias", "normalize"), [(True, False), (False, True), (False, False)]
)
def test_label_scaler_may_be_off(unbias, normalize):
    labels = 2 * (Y - Y.mean()) / Y.std() + 0.5
    model = LinearLearnerRegressor(
        **QUICK, unbias_label=unbias, normalize_label=normalize
    ).fit(X, labels)
    auto = LinearLearnerRegressor(**QUICK).fit(X, labels)
    assert not np.array_equal(model.coef_, auto.coef_)
    assert model.score(X, labels) > auto.score(X, labels) - 0.02


def test_no_bias():
    model = LinearLearnerRegressor(**QUICK, use_bias=False).fit(X, Y)
    assert model.intercept_ == 0.0
    assert model.predict(np.zeros((1, 10)))[0] == 0.0


# ------------------------------------------------------------------------- quality
@pytest.mark.parametrize("learning_rate", [0.01, 0.03, "auto"])
def test_objective_is_near_its_optimum(learning_rate):
    penalty = 1e-2
    rows = StandardScaler().fit_transform(X)
    labels = (Y - Y.mean()) / Y.std()

    def objective(weights, bias):
        error = rows @ weights + bias - labels
        return np.mean(error**2) + penalty / 2 * weights @ weights

    # Squared loss without a half: 2/n X'X + penalty.
    hessian = 2 * rows.T @ rows / len(Y) + penalty * np.eye(10)
    optimum = objective(np.linalg.solve(hessian, 2 * rows.T @ labels / len(Y)), 0.0)
    model = LinearLearnerRegressor(
        random_state=0,
        learning_rate=learning_rate,
        wd=penalty,
        l1=0.0,
        normalize_data=True,
        unbias_data=True,
        cv=False,
        epochs=200,
    ).fit(rows, Y)
    scaled = model.coef_ / Y.std(), (model.intercept_ - Y.mean()) / Y.std()
    assert optimum <= objective(*scaled) <= 1.005 * optimum


def test_default_is_as_good_as_ridge():
    splits = [train_test_split(X, Y, random_state=seed) for seed in range(4)]
    ours, theirs = (
        np.mean([model.fit(A, b).score(A2, b2) for A, A2, b, b2 in splits])
        for model in (
            LinearLearnerRegressor(random_state=0),
            make_pipeline(StandardScaler(), Ridge()),
        )
    )
    assert ours > theirs - 0.015
    assert ours > 0.4


HOSTILE = {
    "huge": lambda A: np.c_[A[:, :1] * np.float32(1e6) + np.float32(1e6), A[:, 1:]],
    "far": lambda A: np.c_[A[:, :1] + np.float32(1e5), A[:, 1:]],
    "constant": lambda A: np.c_[A, np.full(len(A), 7, dtype=A.dtype)],
    "duplicated": lambda A: np.c_[A, A[:, :1]],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_scales_cost_no_accuracy(name):
    clean = StandardScaler().fit_transform(X).astype(np.float32)
    rows = HOSTILE[name](clean)
    expected = LinearLearnerRegressor(random_state=0).fit(clean, Y).score(clean, Y)
    model = LinearLearnerRegressor(random_state=0).fit(rows, Y)
    assert np.isfinite(model.coef_).all()
    assert model.score(rows, Y) == pytest.approx(expected, abs=0.02)


# ---------------------------------------------------------------------- divergence
def fitted_names(model):
    # scikit-learn's validate_data sets these two before any training.
    ours = {name for name in vars(model) if name.endswith("_")}
    return ours - {"n_features_in_", "feature_names_in_"}


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, lambda A: A.astype("f4")])
def test_divergence_of_all_names_features_and_remedy(make):
    A = X.copy()
    A[:, 4] *= 1e3
    model = LinearLearnerRegressor(**WILD)
    with pytest.raises(AllCandidatesDivergedError) as caught:
        model.fit(make(A), Y)
    message = str(caught.value)
    assert message.startswith("All 4 candidate models diverged. The largest features")
    assert "are feature 4 (size about " in message
    assert "normalize_data='auto'" in message
    assert "learning_rate below 1e+30" in message
    assert isinstance(caught.value, ValueError)
    assert not fitted_names(model)


def test_divergence_of_all_without_settings_to_blame():
    # The remedy must not be what the user already has.
    model = LinearLearnerRegressor(random_state=0, optimizer="sgd", learning_rate=1e30)
    with pytest.raises(AllCandidatesDivergedError) as caught:
        model.fit(X, Y)
    assert "normalize_data" not in str(caught.value)
    assert "learning_rate" in str(caught.value)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("value", [1e170, 1e200, 1e300])
def test_features_whose_squares_overflow_are_named(value):
    A = X.copy()
    A[:, 4] *= value
    model = LinearLearnerRegressor(random_state=0)
    with pytest.raises(AllCandidatesDivergedError, match="Feature 4 .*RobustScaler"):
        model.fit(A, Y)
    assert not fitted_names(model)


def test_features_whose_squares_overflow_warn_of_nothing():
    A = X.copy()
    A[:, 4] = 1e200 * (1 + A[:, 4])
    with pytest.raises(AllCandidatesDivergedError):
        LinearLearnerRegressor(random_state=0).fit(A, Y)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_divergence_of_some_rates_of_the_grid_is_no_news(n_jobs):
    rows = load_breast_cancer().data
    rows = StandardScaler().fit_transform(rows)
    labels = rows @ np.arange(30.0)
    model = LinearLearnerRegressor(
        random_state=0, optimizer="sgd", normalize_data=False, n_jobs=n_jobs
    )
    model.fit(rows, labels)
    diverged = model.candidates_["status"] == "diverged"
    assert 0 < diverged.sum() < 32
    assert not diverged[model.best_index_]
    assert np.isfinite(model.coef_).all()
    assert (model.candidates_["validation_score"][diverged] == -np.inf).all()
    ranks = model.candidates_["rank_validation_score"]
    assert ranks[diverged].min() > ranks[~diverged].max()
    rates = model.candidates_["param_learning_rate"]
    assert rates[diverged].min() >= rates[~diverged].max()


def test_failed_fit_is_no_fit():
    model = LinearLearnerRegressor(**WILD)
    with pytest.raises(AllCandidatesDivergedError):
        model.fit(X, Y)
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_failed_refit_leaves_a_model_that_can_predict_or_none():
    # Predicting must not read coefficients of another number of features.
    model = LinearLearnerRegressor(**QUICK).fit(X[:, :3], Y)
    model.set_params(**WILD)
    with pytest.raises(AllCandidatesDivergedError):
        model.fit(X, Y)
    with pytest.raises((ValueError, NotFittedError)):
        model.predict(X)


def test_successful_refit_replaces_everything():
    model = LinearLearnerRegressor(**QUICK).fit(X[:, :3], Y)
    model.fit(X, 2 * Y)
    fresh = clone(model).fit(X, 2 * Y)
    assert model.n_features_in_ == 10
    np.testing.assert_array_equal(model.coef_, fresh.coef_)
    assert fitted_names(model) == fitted_names(fresh)
