"""Losses, criteria, targets, metrics and splitters, through the estimators."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
)
from sklearn.linear_model import HuberRegressor, QuantileRegressor
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    fbeta_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    ndcg_score,
    precision_recall_curve,
    precision_score,
    recall_score,
    roc_auc_score,
    root_mean_squared_error,
    top_k_accuracy_score,
)
from sklearn.model_selection import (
    KFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
    train_test_split,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.preprocessing import StandardScaler

from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor
from sklearn_sagemaker.exceptions import (
    InapplicableHyperparameterWarning,
    TargetNotReachedWarning,
)
from sklearn_sagemaker.training.selection import choice
from sklearn_sagemaker.training.selection.criteria import CRITERIA

CRITERION = "binary_classifier_model_selection_criteria"
CANCER = load_breast_cancer(return_X_y=True)
IRIS = load_iris(return_X_y=True)
DIGITS = load_digits(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
FITS = {
    "binary": (LinearLearnerClassifier, *CANCER),
    "multiclass": (LinearLearnerClassifier, *IRIS),
    "regressor": (LinearLearnerRegressor, *DIABETES),
}
QUICK = {"random_state": 0, "num_models": 4, "epochs": 20}
REGRESSION_LOSSES = LinearLearnerRegressor._table["loss"].choices


@pytest.fixture(params=FITS)
def problem(request):
    return FITS[request.param]


def rare_rows(n=3000, seed=0):
    """Two classes that overlap, one row in ten positive."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    y = (X[:, 0] + X[:, 1] + rng.normal(size=n) > 2.25).astype(int)
    return X, y


RARE = rare_rows()


# -------------------------------------------------------------------------- losses
@pytest.mark.parametrize("optimizer", ["auto", "sgd"])
@pytest.mark.parametrize(
    ("loss", "data"),
    [
        ("auto", CANCER),
        ("auto", IRIS),
        ("logistic", CANCER),
        ("hinge_loss", CANCER),
        ("softmax_loss", IRIS),
    ],
)
def test_every_loss_trains_a_classifier(loss, data, optimizer):
    X, y = data
    model = LinearLearnerClassifier(random_state=0, loss=loss, optimizer=optimizer)
    assert model.fit(X, y).score(X, y) > 0.93
    default = "logistic" if data is CANCER else "softmax_loss"
    assert model.resolved_params_["loss"] == (default if loss == "auto" else loss)


@pytest.mark.parametrize("optimizer", ["auto", "sgd"])
@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_every_loss_trains_a_regressor(loss, optimizer):
    X, y = DIABETES
    settings = {**QUICK, "num_models": 32, "epochs": 60}
    model = LinearLearnerRegressor(**settings, loss=loss, optimizer=optimizer)
    assert model.fit(X, y).score(X, y) > 0.47


@pytest.mark.parametrize(
    ("loss", "data", "remedy"),
    [
        ("logistic", IRIS, "softmax_loss"),
        ("hinge_loss", IRIS, "softmax_loss"),
        ("softmax_loss", CANCER, "logistic"),
    ],
)
def test_a_loss_of_another_number_of_classes_is_an_error(loss, data, remedy):
    message = f"loss='{loss}' does not train .* set loss='{remedy}'"
    with pytest.raises(ValueError, match=message):
        LinearLearnerClassifier(loss=loss).fit(*data)


@pytest.mark.parametrize(
    ("cls", "loss"),
    [
        (LinearLearnerClassifier, "squared_loss"),
        (LinearLearnerClassifier, "hinge"),
        (LinearLearnerRegressor, "logistic"),
        (LinearLearnerRegressor, "softmax_loss"),
    ],
)
def test_a_loss_of_another_task_is_an_error(cls, loss):
    with pytest.raises(ValueError, match="'loss' parameter"):
        cls(loss=loss).fit(*CANCER)


def spread(n=2000):
    """A line with noise that grows along it."""
    rng = np.random.default_rng(0)
    X = rng.uniform(0.0, 10.0, (n, 2))
    y = 3.0 * X[:, 0] + 5.0 + rng.normal(size=n) * (1.0 + X[:, 1])
    return X, y


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_a_share_of_the_rows_lies_below_their_quantile(quantile):
    X, y = spread()
    model = LinearLearnerRegressor(
        random_state=0, num_models=8, loss="quantile_loss", quantile=quantile
    ).fit(X, y)
    assert np.mean(y < model.predict(X)) == pytest.approx(quantile, abs=0.02)
    plain = QuantileRegressor(quantile=quantile, alpha=0.0).fit(X, y)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=0.15)


def test_half_the_quantile_loss_of_one_half_is_the_absolute_loss():
    X, y = DIABETES
    settings = {**QUICK, "learning_rate": 0.03, "wd": 0.0, "l1": 0.0}
    half = LinearLearnerRegressor(**settings, loss="quantile_loss").fit(X, y)
    absolute = LinearLearnerRegressor(**settings, loss="absolute_loss").fit(X, y)
    assert half.metrics_["train"]["objective_loss"] == pytest.approx(
        half.metrics_["train"]["absolute_loss"] / 2, rel=1e-6
    )
    np.testing.assert_allclose(half.predict(X), absolute.predict(X), rtol=1e-3)


@pytest.mark.parametrize(
    "loss", ["huber_loss", "absolute_loss", "eps_insensitive_absolute_loss"]
)
def test_outliers_pull_some_losses_less(loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 2))
    y = X @ [2.0, -1.0] + 0.1 * rng.normal(size=1000)
    far = X[:, 0] > 1.5
    y[far] = -100.0
    squared, robust = (
        LinearLearnerRegressor(random_state=0, loss=name).fit(X, y)
        for name in ("squared_loss", loss)
    )
    np.testing.assert_allclose(robust.coef_, [2.0, -1.0], atol=0.3)
    assert squared.coef_[0] < -5.0
    theirs = HuberRegressor(alpha=0.0).fit(X, y)
    assert np.abs(robust.coef_ - [2.0, -1.0]).max() < 10 * max(
        0.01, np.abs(theirs.coef_ - [2.0, -1.0]).max()
    )


def test_a_large_huber_delta_is_half_the_squared_loss():
    X, y = DIABETES
    model = LinearLearnerRegressor(**QUICK, loss="huber_loss", huber_delta=1e6)
    model.fit(X, y)
    measured = model.metrics_["train"]
    assert measured["objective_loss"] == pytest.approx(measured["mse"] / 2, rel=1e-6)
    assert model.score(X, y) > 0.48


PARAMETERS = {
    "huber_loss": ("huber_delta", 20.0, 2),
    "eps_insensitive_absolute_loss": ("loss_insensitivity", 20.0, 1),
    "eps_insensitive_squared_loss": ("loss_insensitivity", 20.0, 2),
}


@pytest.mark.parametrize("factor", [1e-3, 1e3])
@pytest.mark.parametrize("cv", ["auto", False])
@pytest.mark.parametrize("loss", PARAMETERS)
def test_parameters_of_losses_are_in_units_of_y(loss, cv, factor):
    X, y = DIABETES
    name, value, degree = PARAMETERS[loss]
    plain, scaled = (
        LinearLearnerRegressor(**QUICK, loss=loss, cv=cv, **{name: value * unit}).fit(
            X, y * unit
        )
        for unit in (1.0, factor)
    )
    np.testing.assert_allclose(scaled.predict(X), plain.predict(X) * factor, rtol=1e-3)
    np.testing.assert_allclose(
        scaled.best_score_, plain.best_score_ * factor**degree, rtol=1e-3
    )
    other = LinearLearnerRegressor(**QUICK, loss=loss, cv=cv, **{name: value * 3})
    assert np.abs(other.fit(X, y).predict(X) - plain.predict(X)).max() > 1.0


@pytest.mark.parametrize("loss", PARAMETERS)
@pytest.mark.parametrize("settings", [{"normalize_label": False}, {"cv": KFold(3)}])
def test_the_validation_loss_is_in_units_of_y(loss, settings):
    X, y = DIABETES
    name, value, _ = PARAMETERS[loss]
    train, test = train_test_split(np.arange(len(y)), random_state=0)
    model = LinearLearnerRegressor(**QUICK, loss=loss, **{name: value}, **settings)
    model.fit(X[train], y[train], X_val=X[test], y_val=y[test])
    size = np.abs(model.predict(X[test]) - y[test])
    expected = {
        "huber_loss": np.where(size < value, size**2 / 2, value * size - value**2 / 2),
        "eps_insensitive_absolute_loss": np.maximum(0.0, size - value),
        "eps_insensitive_squared_loss": np.maximum(0.0, size**2 - value**2),
    }[loss]
    found = -model.best_score_
    assert found == pytest.approx(expected.mean(), rel=1e-6)
    assert model.metrics_["validation"]["objective_loss"] == pytest.approx(found)


# --------------------------------------------------------------------------- hinge
HINGE = LinearLearnerClassifier(**QUICK, loss="hinge_loss")


def test_hinge_has_no_probabilities():
    X, y = CANCER
    model = LinearLearnerClassifier(**QUICK, loss="hinge_loss")
    for fitted in (model, model.fit(X, y)):
        for method in ("predict_proba", "predict_log_proba"):
            assert not hasattr(fitted, method)
            with pytest.raises(AttributeError, match=method) as error:
                getattr(fitted, method)
            cause = error.value.__cause__
            assert "not available with loss='hinge_loss'" in str(cause)
            assert "CalibratedClassifierCV" in str(cause)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_hinge_predicts_by_its_threshold(criterion, make):
    X, y = make(CANCER[0]), CANCER[1]
    model = LinearLearnerClassifier(
        **QUICK, loss="hinge_loss", **{CRITERION: criterion}
    )
    model.fit(X, y)
    if CRITERIA[criterion].target is None:
        assert abs(model.threshold_ - 0.5) < 0.5
    margins = model.decision_function(X)
    np.testing.assert_array_equal(model.predict(X), margins >= model.threshold_)
    assert margins.min() < 0.0
    assert margins.max() > 1.0
    assert model.score(X, y) > 0.9
    assert model.metrics_["train"]["binary_classification_accuracy"] == pytest.approx(
        model.score(X, y)
    )


@pytest.mark.parametrize("criterion", ["loss_function", "cross_entropy_loss"])
def test_hinge_has_its_middle_at_one_half(criterion):
    model = LinearLearnerClassifier(
        **QUICK, loss="hinge_loss", **{CRITERION: criterion}
    )
    assert model.fit(*CANCER).threshold_ == 0.5


def test_the_margin_of_hinge_is_a_distance_of_scores():
    X, y = CANCER
    widths = []
    for margin in (0.2, 1.0, 5.0):
        model = LinearLearnerClassifier(**QUICK, loss="hinge_loss", margin=margin)
        scores = model.fit(X, y).decision_function(X)
        widths.append(np.median(scores[y == 1]) - np.median(scores[y == 0]))
        assert model.score(X, y) > 0.95
    assert widths[0] < widths[1] < widths[2]


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_hinge_can_be_calibrated(method):
    X, y = CANCER
    model = CalibratedClassifierCV(HINGE, method=method, cv=3).fit(X, y)
    assert log_loss(y, model.predict_proba(X)) < 0.2


@pytest.mark.parametrize("wrapper", [OneVsRestClassifier, OneVsOneClassifier])
def test_hinge_serves_several_classes(wrapper):
    assert wrapper(HINGE).fit(*IRIS).score(*IRIS) > 0.9


# ------------------------------------------------------------------------- targets
def rare_split():
    X, y = RARE
    return train_test_split(X, y, test_size=0.5, random_state=0, stratify=y)


@pytest.mark.parametrize("weight", [1.0, "auto", "balanced"])
@pytest.mark.parametrize("target", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("given", [True, False])
def test_the_target_recall_is_reached(target, given, weight):
    train, test, y_train, y_test = rare_split()
    model = LinearLearnerClassifier(
        **QUICK,
        target_recall=target,
        positive_example_weight_mult=weight,
        **{CRITERION: "precision_at_target_recall"},
    )
    model.fit(train, y_train, **({"X_val": test, "y_val": y_test} if given else {}))
    measured = model.metrics_["validation"]
    assert measured["recall"] >= target
    assert model.best_score_ == pytest.approx(measured["precision"])
    if given:
        assert recall_score(y_test, model.predict(test)) >= target
        # No threshold that reaches the target is more precise.
        margins = model.decision_function(test)
        precision, recall, _ = precision_recall_curve(y_test, margins)
        others = precision[recall >= target]
        assert measured["precision"] == pytest.approx(max(others))


@pytest.mark.parametrize("target", [0.3, 0.6])
@pytest.mark.parametrize("given", [True, False])
def test_the_target_precision_is_reached(target, given):
    train, test, y_train, y_test = rare_split()
    model = LinearLearnerClassifier(
        **QUICK, target_precision=target, **{CRITERION: "recall_at_target_precision"}
    )
    model.fit(train, y_train, **({"X_val": test, "y_val": y_test} if given else {}))
    measured = model.metrics_["validation"]
    assert measured["precision"] >= target
    assert model.best_score_ == pytest.approx(measured["recall"])
    if given:
        assert precision_score(y_test, model.predict(test)) >= target


@pytest.mark.parametrize("ensemble_size", [1, 3])
def test_a_target_out_of_reach_warns_with_the_figure(ensemble_size):
    # Two kinds of rows: seven in ten positive, and three in ten.
    X = np.repeat([[1.0], [0.0]], 100, axis=0)
    y = (np.arange(200) % 10 < np.where(X[:, 0] > 0, 7, 3)).astype(int)
    model = LinearLearnerClassifier(
        **QUICK,
        ensemble_size=ensemble_size,
        target_precision=0.9,
        **{CRITERION: "recall_at_target_precision"},
    )
    with pytest.warns(TargetNotReachedWarning) as caught:
        model.fit(X, y, X_val=X, y_val=y)
    (warning,) = caught
    reached = model.metrics_["validation"]["precision"]
    assert reached == pytest.approx(0.7)
    assert model.best_score_ == pytest.approx(0.7 - 0.9)
    assert "target_precision=0.9 on the validation rows" in str(warning.message)
    assert "which is used, has a precision of 0.7. " in str(warning.message)
    assert "Lower target_precision" in str(warning.message)


# -------------------------------------------------------------------- class weights
def test_positive_example_weight_mult_raises_the_recall():
    train, test, y_train, y_test = rare_split()
    recall = []
    for weight in (0.5, 1.0, 5.0):
        model = LinearLearnerClassifier(
            **QUICK,
            positive_example_weight_mult=weight,
            **{CRITERION: "loss_function"},
        ).fit(train, y_train)
        recall.append(recall_score(y_test, model.predict(test)))
    assert recall[0] + 0.05 < recall[1] < recall[2] - 0.2


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("cv", ["auto", False])
def test_positive_example_weight_mult_weighs_rows_in_the_loss(cv, make):
    """Where the criterion sees no weights and the scalers know them, it is the same."""
    X, y = make(StandardScaler().fit_transform(CANCER[0])), CANCER[1]
    settings = {
        **QUICK,
        "epochs": 40,
        "normalize_data": False,
        "unbias_data": False,
        "cv": cv,
        CRITERION: "loss_function",
    }
    model = LinearLearnerClassifier(**settings, positive_example_weight_mult=5.0)
    weighted = LinearLearnerClassifier(**settings)
    model.fit(X, y)
    weighted.fit(X, y, sample_weight=np.where(y == 1, 5.0, 1.0))
    np.testing.assert_allclose(model.coef_, weighted.coef_, rtol=1e-6)
    np.testing.assert_allclose(model.intercept_, weighted.intercept_, rtol=1e-6)
    assert model.best_score_ == pytest.approx(weighted.best_score_, rel=1e-6)


def test_balanced_is_negatives_by_positives():
    X, y = RARE
    settings = {**QUICK, CRITERION: "f1"}
    balanced, auto, number, one = (
        LinearLearnerClassifier(**settings, positive_example_weight_mult=weight)
        .fit(X, y)
        .coef_
        for weight in ("balanced", "auto", np.sum(y == 0) / np.sum(y == 1), 1.0)
    )
    np.testing.assert_array_equal(balanced, auto)
    np.testing.assert_allclose(balanced, number, rtol=1e-9)
    assert np.abs(balanced - one).max() > 0.01
    settings[CRITERION] = "accuracy"
    plain, auto = (
        LinearLearnerClassifier(**settings, positive_example_weight_mult=weight)
        .fit(X, y)
        .coef_
        for weight in (1.0, "auto")
    )
    np.testing.assert_array_equal(plain, auto)


def unbalanced_classes():
    X, y = rare_rows()
    y = y + (X[:, 2] > 0)
    return train_test_split(X, y, test_size=0.5, random_state=0, stratify=y)


def test_balance_multiclass_weights_helps_the_rare_class():
    train, test, y_train, y_test = unbalanced_classes()
    plain, balanced = (
        LinearLearnerClassifier(**QUICK, balance_multiclass_weights=flag).fit(
            train, y_train
        )
        for flag in (False, True)
    )
    rare = np.bincount(y_test).argmin()
    recalls = [
        recall_score(y_test, model.predict(test), average=None)
        for model in (plain, balanced)
    ]
    assert recalls[1][rare] > recalls[0][rare] + 0.1
    assert recalls[1].mean() > recalls[0].mean()
    weights = len(y_train) / np.bincount(y_train)
    weighted = LinearLearnerClassifier(
        **QUICK, class_weight=dict(enumerate(weights))
    ).fit(train, y_train)
    # The scaler sees class weights, but not those of the loss.
    np.testing.assert_allclose(
        balanced.predict_proba(test), weighted.predict_proba(test), atol=0.1
    )


# ------------------------------------------------------------------- several classes
def test_accuracy_may_select_among_several_classes():
    train, test, y_train, y_test = unbalanced_classes()
    given = {"X_val": test, "y_val": y_test}
    settings = {"random_state": 0, "epochs": 3, "num_models": 16}
    by_loss = LinearLearnerClassifier(**settings).fit(train, y_train, **given)
    model = LinearLearnerClassifier(
        **settings, multiclass_model_selection_criteria="accuracy"
    ).fit(train, y_train, **given)
    score = model.candidates_["validation_score"]
    assert model.best_score_ == score.max() == pytest.approx(model.score(test, y_test))
    assert model.candidates_["rank_validation_score"][model.best_index_] == 1
    assert len(np.unique(score)) > 3
    np.testing.assert_array_equal(
        model.candidates_["validation_loss"], by_loss.candidates_["validation_loss"]
    )
    best = np.flatnonzero(score == score.max())
    assert (
        model.best_index_ == best[model.candidates_["validation_loss"][best].argmin()]
    )
    assert by_loss.best_index_ == by_loss.candidates_["validation_loss"].argmin()


def test_accuracy_of_folds_may_select_among_several_classes():
    model = LinearLearnerClassifier(
        **QUICK, multiclass_model_selection_criteria="accuracy", cv=3
    ).fit(*IRIS)
    score = model.candidates_["validation_score"]
    assert model.best_score_ == score.max()
    assert model.metrics_["validation"]["multiclass_accuracy"] == pytest.approx(
        model.best_score_
    )
    splits = [model.candidates_[f"split{k}_validation_score"] for k in range(3)]
    np.testing.assert_allclose(np.mean(splits, axis=0), score)  # 50 rows each


@pytest.mark.parametrize("k", [1, 2, 5, 100])
def test_accuracy_of_the_top_k_is_measured(k):
    train, test, y_train, y_test = train_test_split(*DIGITS, random_state=0)
    model = LinearLearnerClassifier(**{**QUICK, "epochs": 2}, accuracy_top_k=k)
    model.fit(train, y_train, X_val=test, y_val=y_test)
    measured = model.metrics_["validation"]["multiclass_top_k_accuracy"]
    expected = (
        top_k_accuracy_score(y_test, model.predict_proba(test), k=k)
        if (k < 10)
        else 1.0
    )
    assert measured == pytest.approx(expected)


# ------------------------------------------------------------------------- metrics
# By SageMaker's developer guide and its console.
NAMES = {
    "binary": "objective_loss binary_classification_accuracy binary_f_beta precision "
    "recall roc_auc_score",
    "multiclass": "objective_loss multiclass_accuracy multiclass_top_k_accuracy dcg "
    "macro_recall macro_precision macro_f_beta",
    "regressor": "objective_loss mse absolute_loss rmse",
}


def sklearn_metrics(model, X, y, weights):
    """The metrics by scikit-learn."""
    w = {"sample_weight": weights}
    predicted = model.predict(X)
    if isinstance(model, LinearLearnerRegressor):
        return {
            "objective_loss": mean_squared_error(y, predicted, **w),
            "mse": mean_squared_error(y, predicted, **w),
            "rmse": root_mean_squared_error(y, predicted, **w),
            "absolute_loss": mean_absolute_error(y, predicted, **w),
        }
    proba = model.predict_proba(X)
    if proba.shape[1] == 2:
        return {
            "objective_loss": log_loss(y, proba, **w),
            "binary_classification_accuracy": accuracy_score(y, predicted, **w),
            "binary_f_beta": fbeta_score(y, predicted, beta=model.f_beta, **w),
            "precision": precision_score(y, predicted, **w),
            "recall": recall_score(y, predicted, **w),
            "roc_auc_score": roc_auc_score(y, proba[:, 1], **w),
        }
    macro = {"average": "macro", **w}
    return {
        "objective_loss": log_loss(y, proba, **w),
        "multiclass_accuracy": accuracy_score(y, predicted, **w),
        "multiclass_top_k_accuracy": top_k_accuracy_score(y, proba, k=2, **w),
        "dcg": ndcg_score(np.eye(proba.shape[1])[y], proba, **w),
        "macro_recall": recall_score(y, predicted, **macro),
        "macro_precision": precision_score(y, predicted, **macro),
        "macro_f_beta": fbeta_score(y, predicted, beta=model.f_beta, **macro),
        "multiclass_balanced_accuracy": balanced_accuracy_score(y, predicted, **w),
        "multiclass_log_loss": log_loss(y, proba, **w),
    }


@pytest.mark.parametrize("kind", FITS)
@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_are_those_of_scikit_learn(kind, weighted):
    cls, X, y = FITS[kind]
    settings = {"epochs": 3, **({} if kind == "regressor" else {"f_beta": 2.0})}
    if kind == "multiclass":
        settings["accuracy_top_k"] = 2
    model = cls(**{**QUICK, **settings})
    weights = np.random.default_rng(0).uniform(0.1, 2.0, len(y)) if weighted else None
    train, test = train_test_split(np.arange(len(y)), test_size=0.4, random_state=0)
    parts = {"train": train, "validation": test}
    given = {
        name: None if weights is None else weights[part] for name, part in parts.items()
    }
    model.fit(
        X[train],
        y[train],
        sample_weight=given["train"],
        X_val=X[test],
        y_val=y[test],
        sample_weight_val=given["validation"],
    )
    assert list(model.metrics_) == ["train", "validation"]
    for name, part in parts.items():
        expected = sklearn_metrics(model, X[part], y[part], given[name])
        assert set(NAMES[kind].split()) <= set(model.metrics_[name]) == set(expected)
        for metric, value in model.metrics_[name].items():
            assert type(value) is float
            assert value == pytest.approx(expected[metric], rel=1e-6), metric


@pytest.mark.parametrize("kind", FITS)
@pytest.mark.parametrize("settings", [{}, {"validation_fraction": 0.3}], ids=str)
def test_metrics_of_folds_and_of_a_hold_out(kind, settings):
    cls, X, y = FITS[kind]
    model = cls(**QUICK, **settings).fit(X, y)
    for found in model.metrics_.values():
        assert set(NAMES[kind].split()) <= set(found)
        assert np.isfinite(list(found.values())).all()
    loss = model.metrics_["validation"]["objective_loss"]
    best = model.candidates_["validation_loss"][model.best_index_]
    assert loss == pytest.approx(best, rel=1e-6)


def test_without_validation_rows_there_are_metrics_of_the_training_only(problem):
    cls, X, y = problem
    assert list(cls(**QUICK, cv=False).fit(X, y).metrics_) == ["train"]


# --------------------------------------------------- hyperparameters without effect
def inapplicable_names(model, X, y):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    assert {entry.category for entry in caught} <= {InapplicableHyperparameterWarning}
    assert {entry.filename for entry in caught} <= {__file__}
    return [str(entry.message).partition("=")[0] for entry in caught]


@pytest.mark.parametrize(
    ("kind", "parameters", "names"),
    [
        ("binary", {}, []),
        ("binary", {"margin": 2.0}, ["margin"]),
        ("binary", {"margin": 2.0, "loss": "hinge_loss"}, []),
        (
            "binary",
            {"balance_multiclass_weights": True},
            ["balance_multiclass_weights"],
        ),
        ("binary", {"accuracy_top_k": 5}, ["accuracy_top_k"]),
        (
            "binary",
            {"target_recall": 0.5, "target_precision": 0.5, "momentum": 0.5},
            ["momentum", "target_recall", "target_precision"],
        ),
        ("binary", {"target_recall": 0.5, CRITERION: "precision_at_target_recall"}, []),
        ("multiclass", {"positive_example_weight_mult": 2.0, CRITERION: "f1"}, None),
        ("multiclass", {"f_beta": 2.0, "accuracy_top_k": 2}, []),
        (
            "regressor",
            {"quantile": 0.3, "huber_delta": 2.0},
            ["quantile", "huber_delta"],
        ),
        ("regressor", {"quantile": 0.3, "loss": "quantile_loss"}, []),
        ("regressor", {"beta_1": 0.5, "optimizer": "sgd"}, ["beta_1"]),
        ("regressor", {"use_bias": False, "bias_lr_mult": 3.0}, ["bias_lr_mult"]),
    ],
)
def test_hyperparameters_without_effect_warn_once_by_name(kind, parameters, names):
    cls, X, y = FITS[kind]
    expected = list(parameters) if names is None else names
    found = inapplicable_names(cls(**QUICK, **parameters), X, y)
    assert sorted(found) == sorted(expected)


def test_hyperparameters_without_effect_warn_in_a_stream():
    X, y = CANCER
    model = LinearLearnerClassifier(**QUICK, margin=2.0)
    with pytest.warns(InapplicableHyperparameterWarning, match="margin=2.0") as caught:
        model.partial_fit(X, y, classes=[0, 1])
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_sagemakers_defaults_warn_of_nothing(problem):
    cls, X, y = problem
    assert inapplicable_names(cls.sagemaker_defaults(epochs=1), X, y) == []


# ------------------------------------------------------------------------ splitters
class TwoThirds(BaseEstimator):
    """A splitter of someone's own."""

    def split(self, X, y=None, groups=None):
        yield np.arange(0, len(X), 3), np.arange(1, len(X), 3)

    def get_n_splits(self, X=None, y=None, groups=None):
        return 1


def all_splitters(y):
    groups = np.arange(len(y)) % 4
    yield "shuffle", ShuffleSplit(3, random_state=0), 3
    yield "time", TimeSeriesSplit(3), 3
    yield "list", list(KFold(4).split(y))[:2], 2
    yield "groups", LeaveOneGroupOut().split(y, y, groups), 4
    yield "predefined", PredefinedSplit(groups - 1), 3
    yield "own", TwoThirds(), 1


@pytest.mark.parametrize("name", [name for name, *_ in all_splitters(IRIS[1])])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_any_splitter_splits(problem, name, make):
    cls, X, y = problem
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order], y[order]
    cv, count = {key: rest for key, *rest in all_splitters(y)}[name]
    model = cls(**{**QUICK, "epochs": 5}, cv=cv).fit(make(X), y)
    assert model.resolved_params_["validation"] == "folds"
    columns = [
        f"split{k}_validation_{part}"
        for k in range(count)
        for part in ("loss", "score")
    ]
    found = [column for column in model.candidates_ if column.startswith("split")]
    assert found == columns
    for column in columns:
        assert model.candidates_[column].shape == (4,)
        assert np.isfinite(model.candidates_[column]).all()
    assert model.score(X, y) > (0.4 if cls is LinearLearnerRegressor else 0.6)


def test_repeated_folds_are_pooled():
    X, y = CANCER
    cv = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    model = LinearLearnerClassifier(**QUICK, cv=cv).fit(X, y)
    table = model.candidates_
    rows = [len(test) for _, test in cv.split(X, y)]
    for name in ("loss", "score"):
        parts = [table[f"split{k}_validation_{name}"] for k in range(6)]
        pooled = np.average(parts, axis=0, weights=rows)
        np.testing.assert_allclose(pooled, table[f"validation_{name}"], rtol=1e-6)


def test_without_folds_there_are_no_columns_of_splits():
    X, y = CANCER
    for settings in ({"cv": False}, {"validation_fraction": 0.2}):
        table = LinearLearnerClassifier(**QUICK, **settings).fit(X, y).candidates_
        assert not any(name.startswith("split") for name in table)


# ------------------------------------------------------------------------ ensembles
def test_an_ensemble_is_one_linear_model(problem):
    cls, X, y = problem
    one, three = (
        cls(random_state=0, num_models=8, ensemble_size=size, epochs=5).fit(X, y)
        for size in (1, 3)
    )
    assert np.abs(one.coef_ - three.coef_).max() > 0
    np.testing.assert_array_equal(
        one.candidates_["validation_loss"], three.candidates_["validation_loss"]
    )
    assert one.best_index_ == three.best_index_
    assert one.best_params_ == three.best_params_
    margins = X @ np.atleast_2d(three.coef_).T + three.intercept_
    if cls is LinearLearnerRegressor:
        np.testing.assert_allclose(three.predict(X), margins[:, 0], rtol=1e-9)
        return
    found = three.decision_function(X)
    np.testing.assert_allclose(found, np.squeeze(margins), rtol=1e-9, atol=1e-9)
    proba = three.predict_proba(X)
    if len(three.classes_) == 2:
        np.testing.assert_allclose(proba[:, 1], expit(found), rtol=1e-9)
    else:
        spread = np.log(proba) - found
        np.testing.assert_allclose(spread - spread[:, :1], 0.0, atol=1e-6)


@pytest.mark.parametrize("size", [3, 100])
def test_an_ensemble_is_the_mean_of_the_best(problem, size, monkeypatch):
    """With one epoch the states that are kept are those of the candidates."""
    monkeypatch.setattr(choice, "_agreeing", lambda _, chosen, *rows: chosen)
    cls, X, y = problem
    settings = {"random_state": 0, "num_models": 8, "epochs": 1, "warm_start": True}
    model = cls(**settings, ensemble_size=size, unbias_data=False).fit(X, y)
    state = model.training_state_
    origin, unit, shift, scale = state["labels"]
    best = np.argsort(model.candidates_["rank_validation_score"])[:size]
    assert len(best) == min(size, 8)
    coef = state["weights"][:, 0][:, :, best].mean(axis=2).T * scale[0] * unit
    intercept = state["bias"][0, 0][:, best].mean(axis=1) * scale[0] + shift[0]
    np.testing.assert_allclose(np.atleast_2d(model.coef_), coef, rtol=1e-9)
    np.testing.assert_allclose(
        np.atleast_1d(model.intercept_), intercept * unit + origin, rtol=1e-9
    )


# ------------------------------------------------------------------------- threads
def wide_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2100, 1000)).astype(np.float32)
    return X, X[:, :5].sum(axis=1) + rng.normal(size=2100)


def few_rows(kind):
    rng = np.random.default_rng(0)
    X = sp.random_array((400, 300), density=0.05, rng=rng, format="csr")
    y = X @ rng.normal(size=300)
    if kind == "regressor":
        return X, y
    return X, np.digitize(
        y, np.quantile(y, [0.3, 0.6] if kind == "multiclass" else [0.5])
    )


JOBS = {
    "wide": lambda: (LinearLearnerRegressor, *wide_rows(), {"cv": False}),
    "wide classes": lambda: (
        LinearLearnerClassifier,
        wide_rows()[0],
        np.digitize(wide_rows()[1], [-1.0, 1.0]),
        {"cv": False},
    ),
    "wide folds": lambda: (LinearLearnerRegressor, *wide_rows(), {"cv": 2}),
    "splits": lambda: (
        LinearLearnerClassifier,
        *DIGITS,
        {"cv": ShuffleSplit(2, random_state=0)},
    ),
    "CSR": lambda: (LinearLearnerRegressor, *few_rows("regressor"), {}),
    "CSR binary": lambda: (LinearLearnerClassifier, *few_rows("binary"), {}),
    "CSR classes": lambda: (LinearLearnerClassifier, *few_rows("multiclass"), {}),
    "CSR sgd": lambda: (
        LinearLearnerClassifier,
        *few_rows("binary"),
        {"optimizer": "sgd"},
    ),
}


@pytest.mark.parametrize("name", JOBS)
def test_number_of_jobs_changes_no_bit(name):
    cls, X, y, settings = JOBS[name]()
    settings = {"random_state": 0, "num_models": 8, "epochs": 1, **settings}
    if name.startswith("CSR"):
        settings.update(num_models=32, epochs=3)
    one, *more = (
        cls(**settings, mini_batch_size=256, n_jobs=n_jobs).fit(X, y)
        for n_jobs in (1, 2, 4)
    )
    for model in more:
        np.testing.assert_array_equal(model.coef_, one.coef_)
        np.testing.assert_array_equal(model.intercept_, one.intercept_)
        assert model.metrics_ == one.metrics_
        for column in ("train_loss", "validation_loss"):
            np.testing.assert_array_equal(
                model.candidates_[column], one.candidates_[column]
            )
