"""The estimators inside scikit-learn's meta-estimators, pickles and workers."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    make_classification,
)
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_score,
    train_test_split,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor
from sklearn_sagemaker.backends import Backend, LocalBackend

CRITERION = "binary_classifier_model_selection_criteria"
QUICK = {"random_state": 0, "num_models": 4, "epochs": 10}
CANCER = load_breast_cancer(return_X_y=True)
IRIS = load_iris(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
FITS = {
    "binary": (LinearLearnerClassifier, *CANCER),
    "multiclass": (LinearLearnerClassifier, *IRIS),
    "regressor": (LinearLearnerRegressor, *DIABETES),
}
SENT = []


class Recording(Backend):
    """Trains locally and notes the data of each fit."""

    def train(self, spec, data, monitor=None):
        SENT.append(data)
        return LocalBackend().train(spec, data, monitor)


@pytest.fixture(autouse=True)
def nothing_sent():
    SENT.clear()


@pytest.fixture(params=FITS)
def problem(request):
    return FITS[request.param]


def scores(model, X):
    return getattr(model, "predict_proba", model.predict)(X)


# -------------------------------------------------------------------- grid search
@pytest.mark.parametrize("routing", [False, True])
def test_grid_search(routing):
    X, y = CANCER
    grid = {"wd": [1e-4, 100.0], CRITERION: ["accuracy", "loss_function"]}
    with config_context(enable_metadata_routing=routing):
        search = GridSearchCV(LinearLearnerClassifier(**QUICK), grid, cv=3)
        search.fit(X, y)
    assert search.best_params_["wd"] == 1e-4
    assert search.best_score_ > 0.95
    results = search.cv_results_["mean_test_score"]
    strong = search.cv_results_["param_wd"] == 100.0
    assert results[strong].max() < results[~strong].min()
    direct = clone(search.best_estimator_).fit(X, y)
    np.testing.assert_array_equal(direct.coef_, search.best_estimator_.coef_)


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("same_length", [False, True])
def test_grid_search_slices_validation_rows_as_long_as_the_training_rows(
    routing, same_length
):
    """GridSearchCV takes fit parameters of X's length for one value a row of X.

    It slices them as it slices X, validation rows too, as for any estimator of
    scikit-learn that takes them. With any other length they arrive whole.
    """
    X, y = CANCER
    rows = len(X) if same_length else 100
    X_val, y_val = X[::-1][:rows], y[::-1][:rows]
    with config_context(enable_metadata_routing=routing):
        model = LinearLearnerClassifier(**QUICK, backend=Recording())
        if routing:
            model.set_fit_request(X_val=True, y_val=True)
        search = GridSearchCV(model, {"wd": [1e-4, 1e-2]}, cv=3)
        search.fit(X, y, X_val=X_val, y_val=y_val)
    *inner, refit = SENT
    assert len(inner) == 6
    assert refit.X_val.shape == X_val.shape
    np.testing.assert_array_equal(refit.y_val, y_val)
    for data in inner:
        assert len(data.X) < len(X)
        assert len(data.X_val) == (len(data.X) if same_length else rows)
        assert len(data.y_val) == len(data.X_val)
    if same_length:
        # Sliced by the rows of the training split, whose reverse they are.
        places = [np.flatnonzero((row == X).all(axis=1))[0] for row in inner[0].X]
        np.testing.assert_array_equal(inner[0].X_val, X[::-1][places])


def test_routing_refuses_validation_rows_that_are_not_requested():
    X, y = CANCER
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(LinearLearnerClassifier(**QUICK), {"wd": [0.0]}, cv=3)
        with pytest.raises(ValueError, match="X_val.*not explicitly set"):
            search.fit(X, y, X_val=X, y_val=y)


@pytest.mark.parametrize("routing", [False, True])
def test_grid_search_passes_weights(routing):
    X, y = DIABETES
    weights = np.arange(len(y)) % 3.0
    with config_context(enable_metadata_routing=routing):
        model = LinearLearnerRegressor(**QUICK, backend=Recording())
        if routing:
            model.set_fit_request(sample_weight=True)
            model.set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"wd": [1e-4]}, cv=3)
        search.fit(X, y, sample_weight=weights)
    assert len(SENT) == 4
    np.testing.assert_array_equal(SENT[-1].sample_weight, weights)
    assert all(len(data.sample_weight) == len(data.X) < len(X) for data in SENT[:-1])


def test_grid_search_over_settings_in_worker_processes():
    X, y = IRIS
    model = LinearLearnerClassifier(**QUICK, backend=LocalBackend())
    alone, workers = (
        GridSearchCV(model, {"wd": [1e-4, 1e-1]}, cv=3, n_jobs=n_jobs).fit(X, y)
        for n_jobs in (None, 2)
    )
    for name in ("mean_test_score", "split0_test_score"):
        np.testing.assert_array_equal(
            workers.cv_results_[name], alone.cv_results_[name]
        )
    np.testing.assert_array_equal(
        workers.best_estimator_.coef_, alone.best_estimator_.coef_
    )


# ----------------------------------------------------------------------- pipelines
def test_pipeline():
    X, y = CANCER
    pipeline = make_pipeline(StandardScaler(), LinearLearnerClassifier(**QUICK))
    pipeline.fit(X, y)
    plain = LinearLearnerClassifier(**QUICK).fit(StandardScaler().fit_transform(X), y)
    np.testing.assert_array_equal(pipeline[-1].coef_, plain.coef_)
    assert list(pipeline.classes_) == [0, 1]


def test_pipeline_transforms_validation_rows_when_it_is_told_to():
    X, y = CANCER
    train, judge = train_test_split(np.arange(len(y)), random_state=0)
    scaler = StandardScaler().fit(X[train])
    by_hand = LinearLearnerClassifier(**QUICK, normalize_data=False).fit(
        scaler.transform(X[train]),
        y[train],
        X_val=scaler.transform(X[judge]),
        y_val=y[judge],
    )
    with config_context(enable_metadata_routing=True):
        model = LinearLearnerClassifier(**QUICK, normalize_data=False)
        model.set_fit_request(X_val=True, y_val=True)
        told, untold = (
            Pipeline(
                [("scale", StandardScaler()), ("learn", clone(model))],
                transform_input=transform_input,
            ).fit(X[train], y[train], X_val=X[judge], y_val=y[judge])
            for transform_input in (["X_val"], None)
        )
    np.testing.assert_array_equal(told["learn"].coef_, by_hand.coef_)
    np.testing.assert_array_equal(
        told["learn"].validation_curve_, by_hand.validation_curve_
    )
    assert told["learn"].threshold_ == by_hand.threshold_
    assert not np.array_equal(
        untold["learn"].validation_curve_, by_hand.validation_curve_
    )


def test_pipeline_of_frames():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    pipeline = make_pipeline(StandardScaler(), LinearLearnerClassifier(**QUICK))
    pipeline.set_output(transform="pandas").fit(X, y)
    assert list(pipeline[-1].feature_names_in_) == list(X.columns)


# ------------------------------------------------------------ clones and pickles
def test_clone_and_parameters(problem):
    cls, X, y = problem
    model = cls(**QUICK, wd=1e-3, cv=3, backend=LocalBackend()).fit(X, y)
    copy = clone(model)
    assert not hasattr(copy, "coef_")
    before, after = model.get_params(), copy.get_params()
    assert type(after.pop("backend")) is type(before.pop("backend")) is LocalBackend
    assert before == after
    assert copy.set_params(wd=1e-2, num_models=2) is copy
    assert (copy.wd, copy.num_models) == (1e-2, 2)
    assert model.wd == 1e-3
    with pytest.raises(ValueError, match="Invalid parameter 'learning_speed'"):
        copy.set_params(learning_speed=1)
    assert "wd=0.01" in repr(copy)


def plain(value, path="model"):
    """Fail on anything but arrays, scalars and containers of them."""
    if isinstance(value, dict):
        for key, item in value.items():
            assert isinstance(key, str), path
            plain(item, f"{path}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            plain(item, f"{path}[{number}]")
    elif isinstance(value, np.ndarray):
        assert value.dtype != object, path
        assert type(value) is np.ndarray, path
    else:
        allowed = (int, float, str, bool, np.generic, type(None))
        assert isinstance(value, allowed), f"{path} is a {type(value)}"


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_fitted_state_is_arrays_and_scalars(problem, n_jobs):
    cls, X, y = problem
    model = cls(**QUICK, n_jobs=n_jobs, backend="local").fit(X, y)
    plain(vars(model))
    plain(model.__getstate__())
    fitted = {name for name in vars(model) if name.endswith("_")}
    assert {"coef_", "candidates_", "resolved_params_"} <= fitted


def test_plain_finds_what_is_not():
    for value in (LocalBackend(), {"a": [object()]}, np.array([{}], dtype=object)):
        with pytest.raises(AssertionError):
            plain(value)


def through_pickle(model, folder):
    return pickle.loads(pickle.dumps(model))


def through_cloudpickle(model, folder):
    cloudpickle = pytest.importorskip("cloudpickle")
    return pickle.loads(cloudpickle.dumps(model))


def through_joblib(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


def through_memmap(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib", mmap_mode="r")


@pytest.mark.parametrize(
    "through", [through_pickle, through_cloudpickle, through_joblib, through_memmap]
)
def test_pickles_predict_the_same(problem, through, tmp_path):
    cls, X, y = problem
    model = cls(**QUICK, backend=LocalBackend()).fit(X, y)
    again = through(model, tmp_path)
    assert type(again) is cls
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_array_equal(scores(again, X), scores(model, X))
    refit = clone(again).fit(X, y)
    np.testing.assert_array_equal(refit.coef_, model.coef_)


# ----------------------------------------------------------------- meta-estimators
def test_cross_validation_of_frames():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    names = pd.Series(np.where(y == 1, "benign", "malignant"), index=y.index)
    found = cross_val_score(LinearLearnerClassifier(**QUICK), X, names, cv=4)
    assert found.shape == (4,)
    assert found.min() > 0.93


def test_scorers_of_probability():
    found = cross_val_score(
        LinearLearnerClassifier(**QUICK), *CANCER, cv=3, scoring="roc_auc"
    )
    assert found.min() > 0.98
    found = cross_val_score(
        LinearLearnerClassifier(**QUICK), *IRIS, cv=3, scoring="neg_log_loss"
    )
    assert found.min() > -0.7


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibrated_classifier(method):
    X, y = CANCER
    model = CalibratedClassifierCV(
        LinearLearnerClassifier(**QUICK), method=method, cv=3
    ).fit(X, y)
    assert model.score(X, y) > 0.95
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)


def test_tuned_threshold_works_on_the_plain_probabilities():
    X, y = make_classification(
        900, weights=[0.9], flip_y=0.05, class_sep=0.7, random_state=1
    )
    inner = LinearLearnerClassifier(**QUICK, **{CRITERION: "loss_function"})
    tuned = TunedThresholdClassifierCV(inner, scoring="f1", cv=3).fit(X, y)
    proba = tuned.estimator_.predict_proba(X)[:, 1]
    np.testing.assert_array_equal(tuned.predict(X), proba >= tuned.best_threshold_)
    assert tuned.best_threshold_ < 0.45
    at_half = cross_val_score(inner, X, y, scoring="f1", cv=3).mean()
    assert tuned.best_score_ > at_half


def test_one_against_the_rest_is_as_good_as_with_logistic_regression():
    X, y = load_digits(return_X_y=True)
    A, B, a, b = train_test_split(X / 16, y, random_state=0, stratify=y)
    ours, theirs = (
        OneVsRestClassifier(inner).fit(A, a).score(B, b)
        for inner in (
            LinearLearnerClassifier(random_state=0, num_models=8, epochs=15),
            LogisticRegression(max_iter=1000),
        )
    )
    assert ours > theirs - 0.01
    assert theirs > 0.9


def test_one_against_one():
    X, y = IRIS
    model = OneVsOneClassifier(LinearLearnerClassifier(**QUICK)).fit(X, y)
    assert len(model.estimators_) == 3
    assert model.score(X, y) > 0.93


def test_bagging_weighs_rows_by_their_draws():
    X, y = CANCER
    inner = LinearLearnerClassifier(**QUICK, backend=Recording())
    model = BaggingClassifier(inner, n_estimators=3, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.95
    assert len(SENT) == 3
    for data in SENT:
        # Rows are drawn by weights, or by number, depending on scikit-learn.
        drawn = np.unique(data.X[data.sample_weight > 0], axis=0)
        assert 0.55 < len(drawn) / len(X) < 0.7
        assert data.sample_weight.sum() == len(X)


def test_bagging_with_weights():
    X, y = DIABETES
    weights = (np.arange(len(y)) % 2).astype(float)
    model = BaggingRegressor(
        LinearLearnerRegressor(**QUICK), n_estimators=3, random_state=0
    ).fit(X, y, sample_weight=weights)
    assert model.score(X[1::2], y[1::2]) > 0.3
