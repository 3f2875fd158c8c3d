"""partial_fit: rows that come in portions, each seen once."""

import pickle
import subprocess
import sys
import textwrap

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
)
from sklearn.metrics import f1_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor
from sklearn_sagemaker._kernels import LINEAR_CHOICES, LOSSES
from sklearn_sagemaker.exceptions import AllCandidatesDivergedError
from sklearn_sagemaker.training import prequential

CRITERION = "binary_classifier_model_selection_criteria"


def shuffled(data):
    X, y = data
    order = np.random.default_rng(0).permutation(len(y))
    return X[order], y[order]


CANCER = shuffled(load_breast_cancer(return_X_y=True))
IRIS = shuffled(load_iris(return_X_y=True))
DIGITS = shuffled(load_digits(return_X_y=True))
DIABETES = shuffled(load_diabetes(return_X_y=True))
# Features of many sizes, all of them off centre.
UNITS = 10.0 ** np.arange(-2, 8) * np.array([1, -1] * 5)
FITS = {
    "binary": (LinearLearnerClassifier, *CANCER),
    "multiclass": (LinearLearnerClassifier, *IRIS),
    "regressor": (LinearLearnerRegressor, (DIABETES[0] + 0.2) * UNITS, DIABETES[1]),
}
QUICK = {"random_state": 0, "num_models": 4}
ONE = {
    "random_state": 0,
    "num_models": 1,
    "learning_rate": 0.03,
    "wd": 1e-4,
    "l1": 0.0,
    "normalize_data": True,
    "unbias_data": True,
}
DENSE_AND_CSR = pytest.mark.parametrize("make", [np.asarray, sp.csr_array])


@pytest.fixture(params=FITS)
def problem(request):
    return FITS[request.param]


def portions(n, size=30):
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def streamed(model, X, y, size=30, weights=None, between=lambda model: model):
    """The model after the rows in portions."""
    first = {}
    if isinstance(model, LinearLearnerClassifier) and not hasattr(model, "classes_"):
        first = {"classes": np.unique(y)}
    for rows in portions(len(y), size):
        given = {} if weights is None else {"sample_weight": weights[rows]}
        model = between(model.partial_fit(X[rows], y[rows], **first, **given))
    return model


def scores(model, X):
    return getattr(model, "decision_function", model.predict)(X)


def assert_same_bits(one, other):
    np.testing.assert_array_equal(one.coef_, other.coef_)
    np.testing.assert_array_equal(one.intercept_, other.intercept_)
    assert getattr(one, "threshold_", None) == getattr(other, "threshold_", None)
    for name in ("validation_loss", "rank_validation_score", "status"):
        np.testing.assert_array_equal(one.candidates_[name], other.candidates_[name])


def fitted_state(model):
    """Bytes of all fitted attributes, in which any change shows."""
    return {
        name: pickle.dumps(value)
        for name, value in vars(model).items()
        if name.endswith("_")
    }


# ---------------------------------------------------------------- labels and errors
def test_first_call_without_classes_is_an_error():
    X, y = CANCER
    model = LinearLearnerClassifier()
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    assert fitted_state(model) == {}


@pytest.mark.parametrize("classes", [[0, 1, 2], [0, 2], [0], ["0", "1"]])
def test_later_classes_that_differ_are_an_error(classes):
    X, y = CANCER
    model = LinearLearnerClassifier(**QUICK).partial_fit(X, y, classes=[0, 1])
    before = fitted_state(model)
    with pytest.raises(ValueError, match=r"differs from the first call's \[0, 1\]"):
        model.partial_fit(X, y, classes=classes)
    assert fitted_state(model) == before


def test_later_classes_may_be_repeated_in_any_order():
    X, y = CANCER
    plain = streamed(LinearLearnerClassifier(**QUICK), X[:60], y[:60])
    model = LinearLearnerClassifier(**QUICK)
    model.partial_fit(X[:30], y[:30], [1, 0]).partial_fit(X[30:60], y[30:60], [1, 0, 1])
    assert_same_bits(model, plain)


@pytest.mark.parametrize("label", [2, -1, "spam"])
def test_unknown_label_is_an_error(label):
    X, y = CANCER
    labels = np.array([label, *y[1:10].tolist()])
    model = LinearLearnerClassifier(**QUICK)
    with pytest.raises(ValueError, match=f"label '?{label}'?, which is not among"):
        model.partial_fit(X[:10], labels, classes=[0, 1])
    assert fitted_state(model) == {}


def test_one_class_is_an_error():
    X, y = CANCER
    with pytest.raises(ValueError, match=r"classes=\[1\] must hold at least 2"):
        LinearLearnerClassifier().partial_fit(X, y, classes=[1])


def test_classes_may_come_later_than_they_are_named():
    X, y = IRIS
    order = np.argsort(y, kind="stable")
    model = LinearLearnerClassifier(**QUICK)
    for rows in portions(len(y), 25):
        model.partial_fit(X[order][rows], y[order][rows], classes=[0, 1, 2, 3])
    assert model.predict_proba(X).shape == (len(y), 4)
    assert (model.predict(X) < 3).all()


@pytest.mark.parametrize("classes", [np.array(["no", "yes"]), np.array([-1.0, 1.0])])
def test_labels_of_any_kind_train_the_same_model(classes):
    X, y = CANCER
    model = streamed(LinearLearnerClassifier(**QUICK), X, classes[y])
    plain = streamed(LinearLearnerClassifier(**QUICK), X, y)
    assert_same_bits(model, plain)
    np.testing.assert_array_equal(model.classes_, classes)
    np.testing.assert_array_equal(model.predict(X), classes[plain.predict(X)])


def test_balanced_class_weight_is_an_error():
    model = LinearLearnerClassifier(class_weight="balanced")
    with pytest.raises(ValueError, match=r"class_weight='balanced' needs all labels"):
        model.partial_fit(*CANCER, classes=[0, 1])


def test_class_weight_multiplies_sample_weight():
    X, y = CANCER
    plain = streamed(
        LinearLearnerClassifier(**QUICK), X, y, weights=np.where(y == 1, 3.0, 0.5)
    )
    model = LinearLearnerClassifier(**QUICK, class_weight={0: 0.5, 1: 3.0})
    assert_same_bits(streamed(model, X, y), plain)


def test_a_call_without_any_weight_is_an_error():
    X, y = CANCER
    for settings, weights in (
        ({}, np.zeros(len(y))),
        ({"class_weight": {0: 0.0, 1: 0.0}}, np.ones(len(y))),
    ):
        with pytest.raises(ValueError, match="weight.*zero"):
            LinearLearnerClassifier(**settings).partial_fit(X, y, [0, 1], weights)


def test_a_loss_of_another_number_of_classes_is_an_error():
    with pytest.raises(ValueError, match="loss='softmax_loss' does not train 2"):
        LinearLearnerClassifier(loss="softmax_loss").partial_fit(*CANCER, [0, 1])


@pytest.mark.parametrize("weight", ["auto", "balanced"])
@pytest.mark.parametrize("label", [0, 1])
def test_balanced_rows_wait_for_the_second_class(weight, label):
    X, y = CANCER
    model = LinearLearnerClassifier(
        **QUICK, positive_example_weight_mult=weight, **{CRITERION: "f1"}
    )
    alone = y == label
    model.partial_fit(X[alone][:30], y[alone][:30], classes=[0, 1])
    assert streamed(model, X, y).score(X, y) > 0.9


# --------------------------------------------------------- a failing call is no call
def with_value(X, value):
    X = X.copy()
    X[3, 1] = value
    return X


FAILURES = {
    "NaN": lambda X, y: (with_value(X, np.nan), y),
    "infinity": lambda X, y: (with_value(X, np.inf), y),
    "features": lambda X, y: (X[:, :-1], y),
    "sparse": lambda X, y: (sp.csr_array(X), y),
    "rows": lambda X, y: (X, y[1:]),
    "no rows": lambda X, y: (X[:0], y[:0]),
    "negative weight": lambda X, y: (X, y, {"sample_weight": -np.ones(len(y))}),
    "text": lambda X, y: (X.astype(str), np.full(len(y), "spam")),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failing_call_leaves_the_estimator_as_it_was(problem, name):
    cls, X, y = problem
    model = streamed(cls(**QUICK), X[:60], y[:60])
    before = fitted_state(model)
    bad_X, bad_y, *more = FAILURES[name](X[60:90], y[60:90])
    with pytest.raises(ValueError):  # noqa: PT011
        model.partial_fit(bad_X, bad_y, **(more[0] if more else {}))
    assert fitted_state(model) == before
    plain = streamed(cls(**QUICK), X[:90], y[:90])
    assert_same_bits(model.partial_fit(X[60:90], y[60:90]), plain)


@pytest.mark.parametrize("name", sorted(set(FAILURES) - {"sparse", "features"}))
def test_a_failing_first_call_leaves_no_attribute(problem, name):
    cls, X, y = problem
    first = {"classes": np.unique(y)} if cls is LinearLearnerClassifier else {}
    bad_X, bad_y, *more = FAILURES[name](X[:30], y[:30])
    model = cls(**QUICK)
    with pytest.raises(ValueError):  # noqa: PT011
        model.partial_fit(bad_X, bad_y, **first, **(more[0] if more else {}))
    assert fitted_state(model) == {}


def test_rows_that_make_all_candidates_diverge_leave_the_estimator_as_it_was():
    X, y = DIABETES[0].astype(np.float32), DIABETES[1]
    settings = {**QUICK, "num_point_for_scaler": 60}
    model = streamed(LinearLearnerRegressor(**settings), X[:60], y[:60])
    before = fitted_state(model)
    with pytest.raises(AllCandidatesDivergedError, match="4 candidate models diverged"):
        model.partial_fit(X[60:90] * np.float32(1e30), y[60:90])
    assert fitted_state(model) == before
    plain = streamed(LinearLearnerRegressor(**settings), X[:90], y[:90])
    assert_same_bits(model.partial_fit(X[60:90], y[60:90]), plain)


def test_features_whose_squares_overflow_are_named():
    X, y = DIABETES
    model = LinearLearnerRegressor(**QUICK)
    with pytest.raises(AllCandidatesDivergedError, match="Feature 1 holds values"):
        model.partial_fit(with_value(X, 1e200), y)
    assert fitted_state(model) == {}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_sparse_and_dense_rows_do_not_mix(problem, order):
    cls, X, y = problem
    kinds = [(X, "dense"), (sp.csr_array(X), "sparse")]
    (first, before), (second, after) = (kinds[i] for i in order)
    model = streamed(cls(**QUICK), first[:30], y[:30])
    with pytest.raises(ValueError, match=f"X is {after}, .* before were {before}"):
        model.partial_fit(second[30:60], y[30:60])


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"num_models": 3}, "3 candidates, .* has 4"),
        ({"optimizer": "sgd"}, "optimizer='sgd' cannot continue .* 'adam'"),
    ],
)
def test_settings_that_the_state_does_not_fit_are_an_error(problem, parameters, named):
    cls, X, y = problem
    model = streamed(cls(**QUICK), X[:30], y[:30])
    before = fitted_state(model)
    with pytest.raises(ValueError, match=named):
        model.set_params(**parameters).partial_fit(X[30:60], y[30:60])
    assert fitted_state(model) == before


def test_feature_names(problem):
    cls, X, y = problem
    frame = pd.DataFrame(X, columns=[f"feature {j}" for j in range(X.shape[1])])
    model = cls(**QUICK)
    first = {"classes": np.unique(y)} if cls is LinearLearnerClassifier else {}
    model.partial_fit(frame[:30], y[:30], **first).partial_fit(frame[30:60], y[30:60])
    assert list(model.feature_names_in_) == list(frame)
    assert_same_bits(model, streamed(cls(**QUICK), X[:60], y[:60]))
    with pytest.raises(ValueError, match="feature names"):
        model.partial_fit(frame[frame.columns[::-1]][60:], y[60:])


# -------------------------------------------------------------------- same bits
@DENSE_AND_CSR
@pytest.mark.parametrize("optimizer", LINEAR_CHOICES)
def test_pickling_between_calls_changes_no_bit(problem, optimizer, make):
    cls, X, y = problem
    settings = {**QUICK, "optimizer": optimizer}
    plain = streamed(cls(**settings), make(X), y)
    model = streamed(
        cls(**settings), make(X), y, between=lambda m: pickle.loads(pickle.dumps(m))
    )
    assert_same_bits(model, plain)


def test_random_state_none_is_drawn_once():
    X, y = CANCER
    model = streamed(LinearLearnerClassifier(num_models=4), X[:30], y[:30])
    other = pickle.loads(pickle.dumps(model))
    assert_same_bits(streamed(model, X[30:], y[30:]), streamed(other, X[30:], y[30:]))


PROCESS = """
    import sys, joblib
    models, rows = joblib.load(sys.argv[1])
    for name, (X, y) in rows.items():
        models[name].partial_fit(X, y)
    joblib.dump(models, sys.argv[2])
"""


@pytest.mark.slow
def test_another_process_changes_no_bit(tmp_path):
    models, rows, plain = {}, {}, {}
    for name, (cls, X, y) in FITS.items():
        models[name] = streamed(cls(**QUICK), X[:90], y[:90])
        rows[name] = X[90:120], y[90:120]
        plain[name] = streamed(cls(**QUICK), X, y)
    joblib.dump((models, rows), tmp_path / "before")
    command = [sys.executable, "-c", textwrap.dedent(PROCESS)]
    paths = [str(tmp_path / name) for name in ("before", "after")]
    subprocess.run([*command, *paths], check=True, timeout=120)
    for name, model in joblib.load(tmp_path / "after").items():
        _, X, y = FITS[name]
        assert_same_bits(streamed(model, X[120:], y[120:]), plain[name])


def test_settings_of_fit_only_and_jobs_change_no_bit(problem):
    cls, X, y = problem
    plain = streamed(cls(**QUICK), X, y)
    for settings in (
        {"cv": 3},
        {"cv": False},
        {"validation_fraction": 0.5},
        {"epochs": 3},
        {"warm_start": True},
        {"n_jobs": 2},
        {"early_stopping_patience": 1},
    ):
        assert_same_bits(streamed(cls(**QUICK, **settings), X, y), plain)


def zero_rows(X, y, among, seed=0):
    """The rows with others of zero weight between them; (X, y, weights)."""
    rng = np.random.default_rng(seed)
    weights = (rng.permutation(len(y) + among) >= among).astype(float)
    places = np.flatnonzero(weights)
    wide_X = np.full((len(weights), X.shape[1]), 1e30)
    wide_y = rng.choice(y, len(weights))
    wide_X[places], wide_y[places] = X, y
    weights[places] = rng.uniform(0.5, 2.0, len(y))
    return wide_X, wide_y, weights


@DENSE_AND_CSR
def test_rows_of_zero_weight_are_absent(problem, make):
    cls, X, y = problem
    first = {"classes": np.unique(y)} if cls is LinearLearnerClassifier else {}
    settings = {**QUICK, "num_point_for_scaler": 70}
    plain, model = cls(**settings), cls(**settings)
    for number, rows in enumerate(portions(120)):
        wide_X, wide_y, weights = zero_rows(X[rows], y[rows], 20, number)
        model.partial_fit(make(wide_X), wide_y, sample_weight=weights, **first)
        plain.partial_fit(
            make(X[rows]), y[rows], sample_weight=weights[weights > 0], **first
        )
    assert_same_bits(model, plain)
    assert model.training_state_["stream"]["rows"] == 120


@pytest.mark.parametrize("factor", [0.25, 1024.0])
def test_the_scale_of_all_weights_changes_no_bit(problem, factor):
    cls, X, y = problem
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    plain = streamed(cls(**QUICK), X, y, weights=weights)
    model = streamed(cls(**QUICK), X, y, weights=weights * factor)
    np.testing.assert_array_equal(model.coef_, plain.coef_)


# ---------------------------------------------------------------------- kinds of rows
@pytest.mark.parametrize(
    ("dtype", "trained"),
    [
        (np.float32, np.float32),
        (np.float64, np.float64),
        (np.uint8, np.float32),
        (np.int64, np.float64),
    ],
)
@DENSE_AND_CSR
def test_rows_of_any_dtype(dtype, trained, make):
    X, y = DIGITS[0][:300], DIGITS[1][:300]
    model = streamed(LinearLearnerClassifier(**QUICK), make(X.astype(dtype)), y)
    plain = streamed(LinearLearnerClassifier(**QUICK), make(X.astype(trained)), y)
    assert_same_bits(model, plain)
    assert model.training_state_["weights"].dtype == trained
    assert model.coef_.dtype == np.float64


@pytest.mark.parametrize("later", [np.float64, np.int64, np.uint8])
@DENSE_AND_CSR
def test_the_first_call_settles_the_precision(later, make):
    X, y = DIGITS[0][:300], DIGITS[1][:300]
    plain = streamed(LinearLearnerClassifier(**QUICK), make(X.astype(np.float32)), y)
    model = LinearLearnerClassifier(**QUICK)
    for number, rows in enumerate(portions(len(y))):
        part = X[rows].astype(np.float32 if number == 0 else later)
        model.partial_fit(make(part), y[rows], classes=np.arange(10))
    assert model.training_state_["weights"].dtype == np.float32
    assert_same_bits(model, plain)


def test_sparse_rows_train_as_dense_ones(problem):
    cls, X, y = problem
    X = np.where(np.random.default_rng(0).random(X.shape) < 0.3, 0.0, X)
    dense, csr = (streamed(cls(**ONE), make(X), y) for make in (np.array, sp.csr_array))
    np.testing.assert_allclose(scores(csr, X), scores(dense, X), rtol=1e-6, atol=1e-6)


def test_a_feature_that_sparse_rows_store_late_is_learned():
    X, y = CANCER
    X = StandardScaler().fit_transform(X)
    late = X.copy()
    late[:300, 20:] = 0.0
    model = LinearLearnerClassifier(**QUICK)
    rows = slice(0, 300)
    streamed(model, sp.csr_array(late[rows]), y[rows])
    assert (model.coef_[:, 20:] == 0).all()
    streamed(model, sp.csr_array(late[300:]), y[300:])
    assert (model.coef_[:, 20:] != 0).all()


def test_rows_one_by_one():
    X, y = DIABETES
    model = streamed(LinearLearnerRegressor(random_state=0), X, y, size=1)
    assert model.score(X, y) > 0.4


# ---------------------------------------------------------------------------- scalers
@DENSE_AND_CSR
@pytest.mark.parametrize("shifted", [True, False])
def test_predictions_do_not_jump_when_the_scalers_move(problem, make, shifted):
    cls, X, y = problem
    settings = {**ONE, "unbias_data": shifted}
    model = streamed(cls(**settings), make(X[:90]), y[:90])
    before, scaler = scores(model, X), model.training_state_["scaler"]
    # Rows of another kind move the scalers, but at this rate no weight.
    model.set_params(learning_rate=1e-15)
    far = X[90:] + 5.0 * X.std(axis=0)
    labels = y[90:] * 10.0 + 500.0 if cls is LinearLearnerRegressor else y[90:]
    model.partial_fit(make(far), labels)
    moved = model.training_state_["scaler"]
    assert (moved[0] > scaler[0] + 0.5 * X.std(axis=0)).all()
    if cls is LinearLearnerRegressor:
        assert moved[1] > 2 * scaler[1]
        assert moved[2] > 2 * scaler[2]
    np.testing.assert_allclose(scores(model, X), before, rtol=1e-9, atol=1e-9)


def test_label_scaler_may_be_off():
    X, y = DIABETES
    for unbias in (True, False):
        for normalize in (True, False):
            model = LinearLearnerRegressor(
                **QUICK, unbias_label=unbias, normalize_label=normalize
            )
            _, origin, unit = streamed(model, X, y).training_state_["scaler"]
            assert origin == (pytest.approx(y.mean()) if unbias else 0.0)
            assert unit == (pytest.approx(y.std()) if normalize else 1.0)


@DENSE_AND_CSR
def test_scalers_are_those_of_the_first_rows(problem, make):
    cls, X, y = problem
    model = cls(**ONE, num_point_for_scaler=100)
    first = {"classes": np.unique(y)} if cls is LinearLearnerClassifier else {}
    means = []
    for rows in portions(150, 40):
        model.partial_fit(make(X[rows]), y[rows], **first)
        means.append(model.training_state_["scaler"][0])
    assert (means[0] != means[1]).any()
    assert (means[1] != means[2]).any()
    np.testing.assert_allclose(means[2], X[:100].mean(axis=0))
    before = model.training_state_
    model.partial_fit(make(X[:50] * 7 + 3), y[:50])
    after = model.training_state_
    for name in ("features", "labels"):
        for old, new in zip(before["stream"][name], after["stream"][name], strict=True):
            np.testing.assert_array_equal(new, old)
    for old, new in zip(before["scaler"], after["scaler"], strict=True):
        np.testing.assert_array_equal(new, old)


@DENSE_AND_CSR
def test_portions_make_the_same_scalers(make):
    X, y = FITS["regressor"][1:]
    weights = np.random.default_rng(0).uniform(0.1, 3.0, len(y))
    settings = {**ONE, "num_point_for_scaler": 200}
    statistics = []
    for size in (442, 37, 1):
        model = LinearLearnerRegressor(**settings)
        state = streamed(model, make(X), y, size, weights).training_state_
        statistics.append([*state["stream"]["features"], *state["stream"]["labels"]])
    rows = slice(0, 200)
    mean = np.average(X[rows], axis=0, weights=weights[rows])
    np.testing.assert_allclose(statistics[0][1], mean, rtol=1e-10)
    for found in statistics[1:]:
        for one, other in zip(found, statistics[0], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-8)


# ----------------------------------------------------------------- test, then train
def row_losses(model, X, y):
    if isinstance(model, LinearLearnerRegressor):
        return (model.predict(X) - y) ** 2
    return -model.predict_log_proba(X)[np.arange(len(y)), y]


@DENSE_AND_CSR
def test_rows_are_scored_before_they_are_trained_on(problem, make):
    """One batch a call, so that the loop can be made by hand."""
    cls, X, y = problem
    y = y.astype(int)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    model = cls(**ONE, mini_batch_size=1000)
    first = {"classes": np.unique(y)} if cls is LinearLearnerClassifier else {}
    losses = []
    for rows in portions(len(y), 40):
        part, labels, some = make(X[rows]), y[rows], weights[rows]
        if hasattr(model, "coef_"):
            losses.append(row_losses(model, X[rows], labels))
        elif cls is LinearLearnerClassifier:
            losses.append(np.full(len(labels), np.log(len(np.unique(y)))))
        else:
            losses.append((labels - np.average(labels, weights=some)) ** 2)
        model.partial_fit(part, labels, sample_weight=some, **first)
        seen = slice(0, rows.stop)
        # Weights are scaled to mean 1, by the rows that were seen so far.
        scale = [
            np.full(len(loss), weights[: portion.stop].mean())
            for loss, portion in zip(losses, portions(len(y), 40), strict=False)
        ]
        expected = np.average(
            np.concatenate(losses), weights=weights[seen] / np.concatenate(scale)
        )
        found = model.candidates_["validation_loss"][0]
        assert found == pytest.approx(expected, rel=1e-6)
        assert model.metrics_["train"]["objective_loss"] == found
    assert model.resolved_params_["validation"] == "test-then-train"


def test_candidates_are_ranked_by_the_loss_of_all_rows(problem):
    cls, X, y = problem
    model = streamed(cls(random_state=0), X, y)
    loss = model.candidates_["validation_loss"]
    assert len(np.unique(loss)) > 20
    np.testing.assert_array_equal(
        np.argsort(loss, kind="stable"),
        np.argsort(model.candidates_["rank_validation_score"]),
    )
    np.testing.assert_array_equal(model.candidates_["validation_score"], -loss)
    assert model.best_index_ == loss.argmin()
    assert model.best_score_ == -loss.min()
    assert model.best_params_ == model.candidates_["params"][model.best_index_]
    assert model.validation_curve_ is None
    assert model.n_iter_ == 1


def candidate(model, number):
    """Coefficients and intercept of one candidate, by the state that is kept."""
    state = model.training_state_
    coef = state["weights"][:, 0, :, number].T.astype(float)
    intercept = state["bias"][0, 0, :, number].astype(float)
    if model.unbias_data is True:
        intercept = intercept - coef @ state["scaler"][0]
    _, origin, unit = state["scaler"]
    return coef * unit, intercept * unit + origin


@DENSE_AND_CSR
@pytest.mark.parametrize("size", [1, 3, 100])
def test_an_ensemble_is_the_mean_of_the_best(problem, make, size):
    cls, X, y = problem
    settings = {"random_state": 0, "num_models": 8, "unbias_data": True}
    model = streamed(cls(**settings, ensemble_size=size), make(X), y)
    best = np.argsort(model.candidates_["rank_validation_score"])[:size]
    coef, intercept = zip(*(candidate(model, i) for i in best), strict=True)
    np.testing.assert_allclose(
        np.atleast_2d(model.coef_), np.mean(coef, axis=0), rtol=1e-9
    )
    np.testing.assert_allclose(
        np.atleast_1d(model.intercept_), np.mean(intercept, axis=0), rtol=1e-6
    )


def test_the_first_rows_leave_the_threshold():
    # Scored by models of zero weights they would calibrate nothing.
    X, y = CANCER
    for criterion in ("accuracy", "f1", "recall_at_target_precision"):
        model = LinearLearnerClassifier(**QUICK, **{CRITERION: criterion})
        assert model.partial_fit(X, y, classes=[0, 1]).threshold_ == 0.5
    hinge = LinearLearnerClassifier(**QUICK, loss="hinge_loss")
    assert hinge.partial_fit(X, y, classes=[0, 1]).threshold_ == 0.5


def rare_rows(n=2000):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 5))
    y = (X[:, 0] + X[:, 1] + rng.normal(size=n) > 2.3).astype(int)
    return X, y


def best_f1(margins, y):
    """The best F1 of any threshold."""
    cuts = np.unique(margins)
    return max(f1_score(y, margins >= cut) for cut in cuts)


@pytest.mark.parametrize("kept", [10_000, 300])
def test_the_threshold_is_calibrated_on_scores_of_recent_rows(monkeypatch, kept):
    monkeypatch.setattr(prequential, "RECENT_ROWS", kept)
    X, y = rare_rows(700)
    model = LinearLearnerClassifier(**ONE, **{CRITERION: "f1"})
    margins = []
    for rows in portions(len(y), 100):
        if hasattr(model, "coef_"):
            margins += model.decision_function(X[rows]).tolist()
        model.partial_fit(X[rows], y[rows], classes=[0, 1])
    # Rows of one call are in no order, but 100 at a time come and go together.
    margins, labels = np.array(margins[-kept:]), y[100:][-kept:]
    logit = np.log(model.threshold_ / (1 - model.threshold_))
    assert model.threshold_ < 0.4
    assert f1_score(labels, margins > logit) == pytest.approx(best_f1(margins, labels))
    plain = streamed(LinearLearnerClassifier(**ONE), X, y, size=100)
    np.testing.assert_array_equal(plain.coef_, model.coef_)
    assert f1_score(y, model.predict(X)) > f1_score(y, plain.predict(X)) + 0.02


@pytest.mark.parametrize("criterion", ["loss_function", "cross_entropy_loss"])
def test_criteria_of_loss_leave_the_threshold(criterion):
    X, y = rare_rows(500)
    model = LinearLearnerClassifier(**ONE, **{CRITERION: criterion})
    assert streamed(model, X, y).threshold_ == 0.5
    assert len(model.training_state_["stream"]["recent"]) == 0


def test_the_rate_falls_with_the_square_root_of_the_updates():
    X, y = StandardScaler().fit_transform(CANCER[0]), CANCER[1]
    settings = {**ONE, "wd": 0.0, "optimizer": "sgd", "num_point_for_scaler": 64}
    model = LinearLearnerClassifier(**settings, mini_batch_size=16)
    model.partial_fit(X[:64], y[:64], classes=[0, 1])
    assert model.training_state_["stream"]["updates"] == 4
    before, steps = model.coef_, []
    for updates in (0, 3000):
        later = pickle.loads(pickle.dumps(model))
        later.training_state_["stream"]["updates"] = updates
        steps.append(later.partial_fit(X[64:80], y[64:80]).coef_ - before)
        assert later.training_state_["stream"]["updates"] == updates + 1
    np.testing.assert_allclose(steps[0], 2.0 * steps[1], rtol=1e-6)
    constant = LinearLearnerClassifier(
        **settings, mini_batch_size=16, use_lr_scheduler=False
    )
    streamed(constant, X[:64], y[:64], size=64)
    assert constant.best_params_["schedule"] == "constant"
    assert model.best_params_["schedule"] == "inverse"


def test_memory_does_not_grow_with_the_stream(problem, monkeypatch):
    monkeypatch.setattr(prequential, "RECENT_ROWS", 60)
    cls, X, y = problem
    model, sizes = cls(**QUICK), []

    def between(model):
        sizes.append(len(pickle.dumps(model)))
        return model

    streamed(model, X, y, between=between)
    for _ in range(3):
        streamed(model, X, y, between=between)
    assert len(sizes) >= 20
    # Pickled integers take a byte or two more as they grow.
    assert abs(sizes[-1] - sizes[3]) < 50


# ------------------------------------------------------------------- beside fit
@DENSE_AND_CSR
@pytest.mark.parametrize("warm", [False, True])
def test_after_fit_the_stream_starts_at_its_model(problem, make, warm):
    cls, X, y = problem
    model = cls(**QUICK, epochs=5, warm_start=warm).fit(make(X), y)
    before = scores(model, X)
    model.set_params(learning_rate=1e-15).partial_fit(make(X[:50]), y[:50])
    np.testing.assert_allclose(scores(model, X), before, rtol=1e-8, atol=1e-8)
    loss = model.candidates_["validation_loss"]
    np.testing.assert_allclose(loss, loss[0], rtol=1e-8)
    model.set_params(learning_rate=0.03)
    with pytest.raises(ValueError, match="classes=|candidates|features"):
        model.partial_fit(make(X[:50, :2]), y[:50])
    model.set_params(learning_rate=1e-15).partial_fit(make(X[50:]), y[50:])
    np.testing.assert_allclose(scores(model, X), before, rtol=1e-8, atol=1e-8)


def test_an_ensemble_of_fit_goes_on_as_one_model():
    X, y = DIABETES
    model = LinearLearnerRegressor(**QUICK, ensemble_size=3).fit(X, y)
    before = model.predict(X)
    model.set_params(learning_rate=1e-15).partial_fit(X[:50], y[:50])
    np.testing.assert_allclose(model.predict(X), before, rtol=1e-8)


def test_fit_starts_anew(problem):
    cls, X, y = problem
    settings = {**QUICK, "epochs": 3}
    plain = cls(**settings).fit(X, y)
    model = streamed(cls(**settings), X, y).fit(X, y)
    assert_same_bits(model, plain)
    assert set(vars(model)) == set(vars(plain))
    other = cls(**settings).fit(X[:, :3], y)
    assert_same_bits(streamed(cls(**settings), X, y).fit(X[:, :3], y), other)


def test_clone_is_a_new_stream(problem):
    cls, X, y = problem
    model = streamed(cls(**QUICK), X, y)
    copy = clone(model)
    assert fitted_state(copy) == {}
    assert_same_bits(streamed(copy, X, y), model)


def test_steps_of_a_pipeline_in_a_loop():
    X, y = CANCER
    scaler, model = StandardScaler(), LinearLearnerClassifier(**QUICK)
    for rows in portions(len(y), 50):
        scaler.partial_fit(X[rows])
        model.partial_fit(scaler.transform(X[rows]), y[rows], classes=[0, 1])
    assert make_pipeline(scaler, model).score(X, y) > 0.93


def test_one_against_the_rest():
    X, y = IRIS
    model = OneVsRestClassifier(LinearLearnerClassifier(**QUICK))
    for _ in range(5):
        for rows in portions(len(y), 50):
            model.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    assert model.score(X, y) > 0.8


def test_metadata_of_partial_fit_can_be_requested():
    with config_context(enable_metadata_routing=True):
        model = LinearLearnerClassifier().set_partial_fit_request(
            classes=True, sample_weight=True
        )
        requests = model.get_metadata_routing().partial_fit.requests
    assert requests == {"classes": True, "sample_weight": True}


# ---------------------------------------------------------------------------- quality
@pytest.mark.parametrize(
    ("data", "passes"), [(CANCER, 3), (DIGITS, 5)], ids=["breast_cancer", "digits"]
)
@DENSE_AND_CSR
def test_a_stream_comes_near_fit(data, passes, make):
    X, y = StandardScaler().fit_transform(data[0]), data[1]
    train, test = slice(0, len(y) * 2 // 3), slice(len(y) * 2 // 3, None)
    settings = {"random_state": 0, "num_models": 8}
    batch = LinearLearnerClassifier(**settings).fit(X[train], y[train])
    model = LinearLearnerClassifier(**settings)
    for _ in range(passes):
        streamed(model, make(X[train]), y[train], size=100)
    assert model.score(X[test], y[test]) > batch.score(X[test], y[test]) - 0.025
    assert model.score(X[test], y[test]) > 0.93


def test_a_regression_stream_comes_near_fit():
    X, y = FITS["regressor"][1:]
    batch = LinearLearnerRegressor(random_state=0).fit(X[:300], y[:300])
    model = LinearLearnerRegressor(random_state=0)
    for _ in range(10):
        streamed(model, X[:300], y[:300], size=100)
    assert model.score(X[300:], y[300:]) > batch.score(X[300:], y[300:]) - 0.03


def test_every_loss_streams():
    X, y = CANCER
    binary = [n for n, x in LOSSES.items() if "binary_classifier" in x.predictor_types]
    for loss in binary:
        model = streamed(LinearLearnerClassifier(random_state=0, loss=loss), X, y)
        assert streamed(model, X, y).score(X, y) > 0.93
    X, y = DIABETES
    for loss in LinearLearnerRegressor._table["loss"].choices:
        model = LinearLearnerRegressor(random_state=0, loss=loss)
        for _ in range(5):
            streamed(model, X, y)
        assert model.score(X, y) > 0.42
        assert -model.best_score_ > 0
