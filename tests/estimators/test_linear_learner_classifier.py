"""LinearLearnerClassifier, and what it shares with the regressor."""

import inspect
import io
import logging
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    make_classification,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import (
    KFold,
    StratifiedKFold,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor
from sklearn_sagemaker._compat import HAS_CALLBACKS
from sklearn_sagemaker.estimators._progress import EpochBar, progress_bar_available
from sklearn_sagemaker.training.linear.problem import OF_SOFTMAX

# Few models and epochs.
QUICK = {
    "random_state": 0,
    "num_models": 4,
    "epochs": 20,
    "learning_rate": 0.03,
    "unbias_data": True,
    "normalize_data": True,
}
# The grid of dense rows is not that of sparse ones: fix all but the schedule's step.
ANY_STORAGE = {**QUICK, "wd": 1e-4, "l1": 0.0, "lr_scheduler_factor": 0.9}
CANCER = load_breast_cancer(return_X_y=True)
IRIS = load_iris(return_X_y=True)
DIGITS = load_digits(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
FITS = {
    "binary": (LinearLearnerClassifier, *CANCER),
    "multiclass": (LinearLearnerClassifier, *IRIS),
    "regressor": (LinearLearnerRegressor, *DIABETES),
}
BOTH = (LinearLearnerClassifier, LinearLearnerRegressor)
TABLES = [
    pytest.param(cls, entry, id=f"{cls.__name__}-{entry.name}")
    for cls in BOTH
    for entry in cls._table.values()
]
SHARED = {
    "cv",
    "validation_fraction",
    "ensemble_size",
    "positive",
    "warm_start",
    "n_jobs",
    "random_state",
    "verbose",
    "backend",
}
# Section 1 of the fact sheet of Linear Learner, all but what is derived here:
# predictor_type, feature_dim, num_classes.
SAGEMAKER = """
mini_batch_size accuracy_top_k balance_multiclass_weights beta_1 beta_2 bias_lr_mult
bias_wd_mult binary_classifier_model_selection_criteria early_stopping_patience
early_stopping_tolerance epochs f_beta huber_delta init_bias init_method init_scale
init_sigma l1 learning_rate loss loss_insensitivity lr_scheduler_factor
lr_scheduler_minimum_lr lr_scheduler_step margin momentum normalize_data
normalize_label num_calibration_samples num_models num_point_for_scaler optimizer
positive_example_weight_mult quantile target_precision target_recall unbias_data
unbias_label use_bias use_lr_scheduler wd
""".split()


@pytest.fixture(params=FITS)
def problem(request):
    return FITS[request.param]


def scores(model, X):
    return getattr(model, "predict_proba", model.predict)(X)


def read_only_memmap(X, path):
    np.save(path, X)
    return np.load(path, mmap_mode="r")


# ------------------------------------------------------------------------ labels
@pytest.mark.parametrize(
    "classes",
    [
        np.array(["malignant", "benign"]),
        np.array(["malignant", "benign"], dtype=object),
        np.array([False, True]),
        np.array([-1, 1]),
        np.array([2.0, 7.0]),
    ],
    ids=["str", "object", "bool", "signs", "float"],
)
def test_labels_of_any_kind_train_the_same_model(classes):
    X, y = CANCER
    order = np.argsort(classes)
    labels = classes[order][y]
    plain = LinearLearnerClassifier(**QUICK).fit(X, y)
    model = LinearLearnerClassifier(**QUICK).fit(X, labels)
    np.testing.assert_array_equal(model.classes_, classes[order])
    np.testing.assert_array_equal(model.coef_, plain.coef_)
    predicted = model.predict(X)
    assert predicted.dtype == model.classes_.dtype
    np.testing.assert_array_equal(predicted, classes[order][plain.predict(X)])


@pytest.mark.parametrize("dtype", ["string", "category", "object"])
def test_pandas_labels(dtype):
    X, y = IRIS
    names = np.array(["setosa", "versicolor", "virginica"])
    labels = pd.Series(names[y], dtype=dtype)
    frame = pd.DataFrame(X)
    model = LinearLearnerClassifier(**QUICK).fit(frame, labels, X_val=X, y_val=labels)
    assert list(model.classes_) == list(names)
    assert model.score(frame, labels) > 0.9


@pytest.mark.parametrize("label", [0, 3.0, "spam"])
def test_single_class_error_names_the_class(label):
    X, _ = IRIS
    with pytest.raises(ValueError, match=rf"1 class.*{label}"):
        LinearLearnerClassifier().fit(X, np.full(len(X), label))


def test_single_class_of_non_zero_weight_is_an_error():
    X, y = CANCER
    with pytest.raises(ValueError, match=r"1 class.*1.*non-zero weight"):
        LinearLearnerClassifier().fit(X, y, sample_weight=(y == 1).astype(float))


def test_class_of_zero_weight_is_absent():
    X, y = IRIS
    model = LinearLearnerClassifier(**QUICK).fit(X, y, sample_weight=1.0 * (y != 1))
    assert list(model.classes_) == [0, 2]
    assert model.coef_.shape == (1, 4)


def test_continuous_labels_are_an_error():
    X, y = DIABETES
    with pytest.raises(ValueError, match="continuous"):
        LinearLearnerClassifier().fit(X, y + 0.5)


# ----------------------------------------------------------------------- storage
def test_feature_names(problem):
    cls, X, y = problem
    names = [f"feature {j}" for j in range(X.shape[1])]
    frame = pd.DataFrame(X, columns=names)
    model = cls(**QUICK).fit(frame, pd.Series(y))
    assert list(model.feature_names_in_) == names
    assert model.n_features_in_ == X.shape[1]
    np.testing.assert_array_equal(model.coef_, cls(**QUICK).fit(X, y).coef_)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        plain = model.predict(X)
    np.testing.assert_array_equal(plain, model.predict(frame))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[names[::-1]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        cls(**QUICK).fit(frame, y, X_val=X, y_val=y)


EXACT = {
    "F order": np.asfortranarray,
    "rows reversed twice": lambda X: X[::-1].copy()[::-1],
    "sliced": lambda X: np.repeat(np.pad(X, ((0, 0), (1, 2))), 2, axis=0)[::2, 1:-2],
    "list": lambda X: X.tolist(),
    "big-endian": lambda X: X.astype(">f8"),
}


@pytest.mark.parametrize("name", EXACT)
def test_layout_of_dense_rows_changes_no_bit(problem, name):
    cls, X, y = problem
    model, plain = (cls(**QUICK).fit(rows, y) for rows in (EXACT[name](X), X))
    np.testing.assert_array_equal(model.coef_, plain.coef_)
    np.testing.assert_array_equal(model.intercept_, plain.intercept_)
    np.testing.assert_array_equal(scores(plain, EXACT[name](X)), scores(plain, X))


def test_read_only_memmap(problem, tmp_path):
    cls, X, y = problem
    rows = read_only_memmap(X, tmp_path / "X.npy")
    assert not rows.flags.writeable
    model, plain = cls(**QUICK).fit(rows, y), cls(**QUICK).fit(X, y)
    np.testing.assert_array_equal(model.coef_, plain.coef_)
    np.testing.assert_array_equal(scores(model, rows), scores(plain, X))


def wide_indices(X):
    rows = sp.csr_array(X)
    indices, indptr = (part.astype(np.int64) for part in (rows.indices, rows.indptr))
    found = sp.csr_array((rows.data, indices, indptr), shape=rows.shape)
    assert found.indices.dtype == np.int64
    return found


def unsorted(X):
    rows = sp.csr_array(X)
    for start, end in zip(rows.indptr[:-1], rows.indptr[1:], strict=True):
        rows.indices[start:end] = rows.indices[start:end][::-1].copy()
        rows.data[start:end] = rows.data[start:end][::-1].copy()
    rows.has_sorted_indices = False
    return rows


def duplicated(X):
    """CSR in which every value is stored as two halves."""
    rows = sp.csr_array(X)
    return sp.csr_array(
        (0.5 * np.repeat(rows.data, 2), np.repeat(rows.indices, 2), 2 * rows.indptr),
        shape=rows.shape,
    )


SPARSE = {
    "csr_matrix": sp.csr_matrix,
    "csr_array": sp.csr_array,
    "int64 indices": wide_indices,
    "csc": sp.csc_array,
    "coo": sp.coo_array,
    "unsorted": unsorted,
}


@pytest.mark.parametrize("name", SPARSE)
def test_sparse_rows_train_as_dense_ones(problem, name):
    cls, X, y = problem
    rows = SPARSE[name](X)
    model, plain = cls(**ANY_STORAGE).fit(rows, y), cls(**ANY_STORAGE).fit(X, y)
    assert len(model.candidates_["params"]) == 2
    assert model.best_params_ == plain.best_params_
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(scores(model, rows), scores(plain, X), atol=1e-8)
    np.testing.assert_allclose(scores(plain, rows), scores(plain, X), atol=1e-10)


def test_duplicate_entries_of_csr_add_up(problem):
    cls, X, y = problem
    model, plain = (
        cls(**QUICK).fit(rows, y) for rows in (duplicated(X), sp.csr_array(X))
    )
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-6, atol=1e-9)


def test_float32_trains_as_float64(problem):
    cls, X, y = problem
    model, plain = cls(**QUICK).fit(X.astype("f4"), y), cls(**QUICK).fit(X, y)
    assert model.coef_.dtype == np.float64
    assert not np.array_equal(model.coef_, plain.coef_)  # computed in float32
    np.testing.assert_allclose(
        scores(model, X), scores(plain, X), atol=1e-2 * np.std(scores(plain, X))
    )
    agreement = np.corrcoef(model.predict(X), plain.predict(X))[0, 1]
    assert agreement > 0.999


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_integers_train_as_the_floats_they_are_computed_in(dtype):
    X, y = DIGITS[0][:400], DIGITS[1][:400]
    settings = {**QUICK, "epochs": 5, "num_models": 2}
    computed = "f4" if np.dtype(dtype).itemsize <= 2 else "f8"
    model = LinearLearnerClassifier(**settings).fit(X.astype(dtype), y)
    plain = LinearLearnerClassifier(**settings).fit(X.astype(computed), y)
    np.testing.assert_array_equal(model.coef_, plain.coef_)


def test_bool_features():
    X, y = DIGITS[0][:400] > 7, DIGITS[1][:400]
    model = LinearLearnerClassifier(**QUICK).fit(X, y)
    plain = LinearLearnerClassifier(**QUICK).fit(X.astype("f4"), y)
    np.testing.assert_array_equal(model.coef_, plain.coef_)


@pytest.mark.parametrize("make", [np.array, np.asfortranarray, sp.csr_array])
@pytest.mark.parametrize("dtype", ["f4", "f8", "u1"])
def test_inputs_are_not_modified(make, dtype):
    X, y = DIGITS[0][:200], DIGITS[1][:200]
    rows, weights = make(X.astype(dtype)), np.linspace(0, 2, len(y))
    rows_before, weights_before, y_before = rows.copy(), weights.copy(), y.copy()
    LinearLearnerClassifier(**QUICK).fit(
        rows, y, weights, X_val=rows, y_val=y, sample_weight_val=weights
    )
    assert rows.dtype == np.dtype(dtype)
    assert (rows != rows_before).sum() == 0
    np.testing.assert_array_equal(weights, weights_before)
    np.testing.assert_array_equal(y, y_before)


# ----------------------------------------------------------------------- weights
@pytest.mark.parametrize("cv", ["auto", False, 3, KFold(4, shuffle=True)])
@pytest.mark.parametrize("num_models", [1, 8])
@pytest.mark.parametrize("storage", [np.asarray, sp.csr_array])
def test_rows_of_zero_weight_are_absent(problem, cv, num_models, storage):
    cls, X, y = problem
    if isinstance(cv, KFold):
        cv = KFold(4, shuffle=True, random_state=0)
    model = cls(random_state=0, num_models=num_models, epochs=8, cv=cv)
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.5, 2.0, len(y))
    kept = np.ones(len(y) + 40, dtype=bool)
    kept[rng.choice(len(kept), 40, replace=False)] = False
    more_X = np.full((len(kept), X.shape[1]), 1e7)
    more_y, more_weights = np.full(len(kept), y[0]), np.zeros(len(kept))
    more_X[kept], more_y[kept], more_weights[kept] = X, y, weights
    without = clone(model).fit(storage(X), y, sample_weight=weights)
    garbage = clone(model).fit(storage(more_X), more_y, sample_weight=more_weights)
    np.testing.assert_array_equal(garbage.coef_, without.coef_)
    np.testing.assert_array_equal(garbage.intercept_, without.intercept_)
    assert garbage.best_index_ == without.best_index_


@pytest.mark.parametrize(
    "optimizer",
    [
        "adam",
        "sgd",
    ],
)
def test_rows_of_zero_weight_do_not_make_rare_features_frequent(optimizer):
    rng = np.random.default_rng(0)
    X = sp.csr_array(rng.normal(size=(300, 40)) * (rng.random((300, 40)) < 0.02))
    y = rng.normal(size=300)
    full = sp.csr_array(sp.vstack([X, sp.csr_array(np.ones((300, 40)))]))
    model = LinearLearnerRegressor(
        random_state=0, num_models=8, epochs=8, optimizer=optimizer
    )
    weights = np.repeat([1.0, 0.0], 300)
    plain, garbage = clone(model).fit(X, y), model.fit(full, np.r_[y, y], weights)
    np.testing.assert_array_equal(garbage.coef_, plain.coef_)


def test_rows_of_zero_weight_do_not_change_the_kind_of_validation(monkeypatch):
    X, y = IRIS
    monkeypatch.setattr(
        "sklearn_sagemaker.training.selection.validation.CV_BUDGET",
        (X.size + OF_SOFTMAX * len(X)) * 3 * 4,
    )
    model = LinearLearnerClassifier(**QUICK).fit(X, y)
    assert model.resolved_params_["validation"] == "folds"
    model.fit(np.r_[X, X], np.r_[y, y], np.r_[np.ones(len(y)), np.zeros(len(y))])
    assert model.resolved_params_["validation"] == "folds"


def test_weights_of_a_class_move_predictions_towards_it():
    X, y = make_classification(
        400, flip_y=0.3, class_sep=0.5, n_informative=5, random_state=0
    )
    shares = [
        LinearLearnerClassifier(
            **QUICK, binary_classifier_model_selection_criteria="loss_function"
        )
        .fit(X, y, sample_weight=np.where(y == 1, weight, 1.0))
        .predict(X)
        .mean()
        for weight in (0.3, 1.0, 3.0)
    ]
    assert shares[0] + 0.05 < shares[1] < shares[2] - 0.05


@pytest.mark.parametrize("factor", [1e-6, 0.25, 3.0, 1e6])
def test_scaling_all_weights_changes_no_loss(problem, factor):
    cls, X, y = problem
    criterion = "binary_classifier_model_selection_criteria"
    settings = {criterion: "loss_function"} if y is CANCER[1] else {}
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    model = cls(**QUICK, **settings).fit(X, y, weights)
    scaled = cls(**QUICK, **settings).fit(X, y, weights * factor)
    np.testing.assert_allclose(scaled.coef_, model.coef_, rtol=1e-8)
    np.testing.assert_allclose(scaled.best_score_, model.best_score_, rtol=1e-8)


@pytest.mark.parametrize(
    "factor",
    [
        1e-6,
        0.25,
    ],
)
def test_scaling_all_weights_does_not_change_the_selection(factor):
    X, y = CANCER
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    model = LinearLearnerClassifier(**QUICK).fit(X, y, weights)
    scaled = LinearLearnerClassifier(**QUICK).fit(X, y, weights * factor)
    assert scaled.best_index_ == model.best_index_
    np.testing.assert_allclose(scaled.coef_, model.coef_, rtol=1e-8)


def test_all_zero_weights_are_an_error(problem):
    cls, X, y = problem
    with pytest.raises(ValueError, match="(?i)sample.weight.*zero"):
        cls().fit(X, y, sample_weight=np.zeros(len(y)))
    with pytest.raises(ValueError, match="(?i)sample.weight.*zero"):
        cls().fit(X, y, X_val=X, y_val=y, sample_weight_val=np.zeros(len(y)))


def test_negative_weights_are_an_error(problem):
    cls, X, y = problem
    weights = np.where(np.arange(len(y)) == 3, -1.0, 1.0)
    with pytest.raises(ValueError, match="Negative values.*sample_weight"):
        cls().fit(X, y, sample_weight=weights)
    with pytest.raises(ValueError, match="Negative values.*sample_weight"):
        cls().fit(X, y, X_val=X, y_val=y, sample_weight_val=weights)


def test_class_weight_multiplies_sample_weight():
    X, y = IRIS
    weights = np.linspace(0.5, 1.5, len(y))
    multipliers = {0: 1.0, 1: 4.0, 2: 0.5}
    both = LinearLearnerClassifier(**QUICK, class_weight=multipliers).fit(X, y, weights)
    product = weights * np.array([1.0, 4.0, 0.5])[y]
    plain = LinearLearnerClassifier(**QUICK).fit(X, y, product)
    np.testing.assert_array_equal(both.coef_, plain.coef_)


def test_class_weight_acts_on_validation_rows():
    X, y = CANCER
    weight = {0: 5.0, 1: 1.0}
    both = LinearLearnerClassifier(**QUICK, class_weight=weight)
    both.fit(X, y, X_val=X, y_val=y)
    factors = np.where(y == 0, 5.0, 1.0)
    plain = LinearLearnerClassifier(**QUICK)
    plain.fit(X, y, factors, X_val=X, y_val=y, sample_weight_val=factors)
    np.testing.assert_array_equal(both.coef_, plain.coef_)
    assert both.best_score_ == plain.best_score_
    assert both.threshold_ == plain.threshold_


def test_balanced_class_weight_is_inverse_frequency():
    X, y = CANCER
    counts = np.bincount(y)
    by_hand = {label: len(y) / (2 * count) for label, count in enumerate(counts)}
    balanced, plain = (
        LinearLearnerClassifier(**QUICK, class_weight=weight).fit(X, y)
        for weight in ("balanced", by_hand)
    )
    np.testing.assert_array_equal(balanced.coef_, plain.coef_)


def test_balanced_class_weight_ignores_rows_of_zero_weight():
    X, y = CANCER
    weights = np.ones(len(y))
    weights[np.flatnonzero(y == 1)[:200]] = 0.0
    kept = weights > 0
    model = LinearLearnerClassifier(**QUICK, class_weight="balanced")
    all_rows = clone(model).fit(X, y, weights)
    np.testing.assert_array_equal(all_rows.coef_, model.fit(X[kept], y[kept]).coef_)


@pytest.mark.parametrize("weight", [0.0, -1.0])
def test_class_weight_that_leaves_one_class_is_an_error(weight):
    X, y = CANCER
    with pytest.raises(ValueError, match="class"):
        LinearLearnerClassifier(**QUICK, class_weight={0: weight}).fit(X, y)


# --------------------------------------------------------------- validation rows
def test_validation_rows_judge_the_candidates(problem):
    cls, X, y = problem
    train, judge = train_test_split(np.arange(len(y)), random_state=0)
    model = cls(**{**QUICK, "epochs": 5})
    model.fit(X[train], y[train], X_val=X[judge], y_val=y[judge])
    assert model.resolved_params_["validation"] == "given"
    alone = cls(**{**QUICK, "epochs": 5}, cv=False).fit(X[train], y[train])
    assert alone.validation_curve_ is None
    assert len(model.validation_curve_) == model.n_iter_
    assert model.candidates_["validation_loss"][model.best_index_] == pytest.approx(
        model.validation_curve_.min()
    )
    # The rows count, not their order or the rows of zero weight among them.
    order = np.random.default_rng(0).permutation(len(judge))
    rows, labels = np.r_[X[judge][order], X[:9]], np.r_[y[judge][order], y[:9]]
    weights = np.r_[np.ones(len(judge)), np.zeros(9)]
    again = clone(model).fit(
        X[train], y[train], X_val=rows, y_val=labels, sample_weight_val=weights
    )
    np.testing.assert_allclose(again.validation_curve_, model.validation_curve_)
    # Twice the rows is the same as twice the weight.
    half = np.arange(len(judge)) % 2 == 0
    heavy, twice = (
        clone(model).fit(X[train], y[train], X_val=a, y_val=b, sample_weight_val=c)
        for a, b, c in (
            (X[judge], y[judge], 1.0 + half),
            (
                np.r_[X[judge], X[judge][half]],
                np.r_[y[judge], y[judge][half]],
                None,
            ),
        )
    )
    np.testing.assert_allclose(heavy.validation_curve_, twice.validation_curve_)
    assert not np.allclose(heavy.validation_curve_, model.validation_curve_)


def test_validation_rows_without_their_other_half_are_an_error(problem):
    cls, X, y = problem
    with pytest.raises(ValueError, match="X_val is provided, but y_val"):
        cls().fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="y_val is provided, but X_val"):
        cls().fit(X, y, y_val=y)
    with pytest.raises(ValueError, match="sample_weight_val is provided"):
        cls().fit(X, y, sample_weight_val=np.ones(len(y)))
    with pytest.raises(ValueError, match="y_val"):
        cls().fit(X, y, X_val=X, y_val=y[:-1])
    with pytest.raises(ValueError, match=f"expecting {X.shape[1]} features"):
        cls().fit(X, y, X_val=X[:, 1:], y_val=y)
    with pytest.raises(ValueError, match="sample_weight"):
        cls().fit(X, y, X_val=X, y_val=y, sample_weight_val=np.ones(3))


def test_validation_labels_are_encoded_with_the_fitted_classes():
    X, y = IRIS
    names = np.array(["c", "a", "b"])
    only_b = y == 2
    model = LinearLearnerClassifier(**QUICK)
    model.fit(X, names[y], X_val=X[only_b], y_val=names[y][only_b])
    code = np.array([2, 0, 1])[y]
    plain = clone(model).fit(X, code, X_val=X[only_b], y_val=code[only_b])
    np.testing.assert_array_equal(model.validation_curve_, plain.validation_curve_)
    proba = model.predict_proba(X[only_b])[:, 1]
    assert -np.log(proba).mean() == pytest.approx(model.validation_curve_.min())


@pytest.mark.parametrize(
    ("y", "unknown"),
    [
        (["a", "b"], "zebra"),
        (["a", "b"], "A"),
        ([0, 1], 2),
        ([0, 1], -1),
        ([0, 1], 0.5),
        (["a", "b"], 0),
        ([0, 1], "a"),
    ],
)
def test_unknown_validation_label_is_an_error(y, unknown):
    X = np.arange(20.0)[:, None]
    with pytest.raises(ValueError, match=rf"y_val has the label.*{unknown}"):
        LinearLearnerClassifier().fit(X, y * 10, X_val=X[:3], y_val=[unknown] * 3)


@pytest.mark.parametrize("num_models", [1, 2, 4, 32])
@pytest.mark.parametrize(
    ("train", "judge"),
    [
        (np.asarray, sp.csr_array),
        (sp.csr_array, np.asarray),
        (np.asarray, lambda X: X.astype("f4")),
        (lambda X: X.astype("f4"), np.asarray),
        (lambda X: sp.csr_array(X.astype("f4")), np.asarray),
    ],
    ids=["dense-csr", "csr-dense", "f8-f4", "f4-f8", "csr f4-dense f8"],
)
def test_validation_rows_may_be_stored_in_another_way(
    problem, train, judge, num_models
):
    cls, X, y = problem
    settings = {**QUICK, "num_models": num_models, "epochs": 5}
    model = cls(**settings).fit(train(X), y, X_val=judge(X), y_val=y)
    plain = cls(**settings).fit(train(X), y, X_val=train(X), y_val=y)
    np.testing.assert_allclose(
        model.candidates_["validation_loss"],
        plain.candidates_["validation_loss"],
        rtol=1e-4,
    )


# ------------------------------------------------------------------ bad features
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("make", [np.array, sp.csr_array])
def test_features_that_are_not_finite_are_an_error(problem, value, make):
    cls, X, y = problem
    bad = X.copy()
    bad[3, 1] = value
    with pytest.raises(ValueError, match="NaN|infinity"):
        cls(**QUICK).fit(make(bad), y)
    with pytest.raises(ValueError, match="NaN|infinity"):
        cls(**QUICK).fit(X, y, X_val=make(bad), y_val=y)
    model = cls(**QUICK).fit(X, y)
    with pytest.raises(ValueError, match="NaN|infinity"):
        model.predict(make(bad))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_labels_that_are_not_finite_are_an_error(problem, value):
    cls, X, y = problem
    bad = y.astype(float)
    bad[3] = value
    with pytest.raises(ValueError, match="NaN|infinity"):
        cls(**QUICK).fit(X, bad)
    with pytest.raises(ValueError, match="y_val"):
        cls(**QUICK).fit(X, y, X_val=X, y_val=bad)


def test_wrong_number_of_features_is_an_error(problem):
    cls, X, y = problem
    model = cls(**QUICK).fit(X, y)
    for rows in (X[:, 1:], np.pad(X, ((0, 0), (0, 1)))):
        with pytest.raises(ValueError, match=f"expecting {X.shape[1]} features"):
            model.predict(rows)


def test_predict_before_fit_is_an_error(problem):
    cls, X, _ = problem
    with pytest.raises(NotFittedError):
        cls().predict(X)


# ------------------------------------------------------------ hyperparameter table
def invalid_values(entry):
    yield from ("no such word", None, [1])
    if entry.kind in ("int", "float"):
        yield from (np.nan, np.inf, -np.inf)
    if entry.kind == "int":
        yield from (1.5, True and 2.5)
    if entry.low is not None and entry.kind != "bool":
        if entry.closed in ("left", "both"):
            yield entry.low - (1 if entry.kind == "int" else 1e-9)
        else:
            yield from (entry.low, entry.low - 0.1)
    if entry.high is not None:
        if entry.closed not in ("right", "both"):
            yield entry.high
        yield entry.high + (1 if entry.kind == "int" else 0.1)
    if entry.kind in ("bool", "choice"):
        yield from ("AUTO", 7)
    if "auto" not in entry.choices:
        yield "auto"


@pytest.mark.parametrize(("cls", "entry"), TABLES)
def test_invalid_values_are_refused_by_name(cls, entry):
    X, y = IRIS
    for value in invalid_values(entry):
        with pytest.raises(InvalidParameterError, match=f"'{entry.name}' parameter"):
            cls(**{entry.name: value}).fit(X, y)


def valid_values(entry):
    yield from entry.choices
    if entry.kind == "bool":
        yield from (False, True)
    if entry.kind == "int":
        yield from (1, 2, 3, np.int64(4))
    if entry.kind == "float":
        candidates = (0.0, 1e-3, 0.25, 0.75, 1.0, 2.0, np.float32(0.5))
        yield from (value for value in candidates if entry._in_range(value))


@pytest.mark.parametrize(("cls", "entry"), TABLES)
@pytest.mark.filterwarnings(
    "ignore::sklearn_sagemaker.exceptions.InapplicableHyperparameterWarning"
)
def test_valid_values_train(cls, entry):
    X, y = (IRIS[0][:100], IRIS[1][:100]) if cls is BOTH[0] else IRIS
    for value in valid_values(entry):
        if (entry.name, value) == ("loss", "softmax_loss"):
            continue  # for three classes, see below
        small = {"num_models": 1, "epochs": 1, "learning_rate": 0.01, "cv": False}
        model = cls(**{**small, entry.name: value})
        assert np.isfinite(model.fit(X, y).coef_).all()


@pytest.mark.parametrize("cls", BOTH)
def test_every_argument_is_in_the_table_or_shared(cls):
    arguments = set(inspect.signature(cls).parameters)
    own = {"class_weight", "multiclass_model_selection_criteria"}
    extra = own if cls is LinearLearnerClassifier else set()
    assert arguments == set(cls._table) | SHARED | extra
    assert not set(cls._table) & (SHARED | extra)


@pytest.mark.parametrize("cls", BOTH)
def test_defaults_are_those_of_the_table(cls):
    parameters = inspect.signature(cls).parameters
    for name, entry in cls._table.items():
        assert parameters[name].default == entry.default, name
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("name", SAGEMAKER)
def test_every_hyperparameter_of_sagemaker_is_an_argument(name):
    assert len(SAGEMAKER) == len(set(SAGEMAKER)) == 41
    assert any(name in inspect.signature(cls).parameters for cls in BOTH)


@pytest.mark.parametrize("cls", BOTH)
def test_docstring_describes_every_argument(cls):
    for name in inspect.signature(cls).parameters:
        assert f"\n{name} : " in inspect.cleandoc(cls.__doc__), name


@pytest.mark.parametrize(
    "parameters",
    [
        {"cv": 1},
        {"cv": "five"},
        {"cv": 2.5},
        {"validation_fraction": 0.0},
        {"validation_fraction": 1.0},
        {"ensemble_size": 0},
        {"ensemble_size": 1.5},
        {"warm_start": "auto"},
        {"n_jobs": 1.5},
        {"random_state": "seed"},
        {"verbose": -1},
        {"backend": 3},
        {"class_weight": "fair"},
        {"multiclass_model_selection_criteria": "f1"},
    ],
    ids=str,
)
def test_invalid_shared_parameters_are_refused_by_name(parameters):
    (name,) = parameters
    # Backends are checked by what resolves them.
    error, match = InvalidParameterError, f"'{name}' parameter"
    if name == "backend":
        error, match = TypeError, "backend must be a name or a backend"
    with pytest.raises(error, match=match):
        LinearLearnerClassifier(**parameters).fit(*IRIS)


def test_cv_true_is_refused_by_name():
    with pytest.raises(InvalidParameterError, match="'cv' parameter"):
        LinearLearnerClassifier(cv=True).fit(*IRIS)


def test_num_calibration_samples_auto():
    model = LinearLearnerClassifier(**QUICK, num_calibration_samples="auto")
    model.fit(*CANCER)
    plain = LinearLearnerClassifier(**QUICK).fit(*CANCER)
    assert model.threshold_ == plain.threshold_


@pytest.mark.parametrize(
    ("loss", "data"), [("logistic", IRIS), ("softmax_loss", CANCER)]
)
def test_loss_of_another_number_of_classes_is_refused(loss, data):
    with pytest.raises(ValueError, match=loss):
        LinearLearnerClassifier(**QUICK, loss=loss).fit(*data)


@pytest.mark.parametrize("cls", BOTH)
def test_sagemaker_defaults(cls):
    theirs = cls.sagemaker_defaults(epochs=7, random_state=3)
    assert isinstance(theirs, cls)
    parameters = theirs.get_params()
    assert parameters["epochs"] == 7
    assert parameters["random_state"] == 3
    for name, entry in cls._table.items():
        if name != "epochs":
            assert parameters[name] == entry.sagemaker_default
    assert theirs.mini_batch_size == 1000
    assert theirs.normalize_data is True
    assert theirs.early_stopping_patience == 3
    assert theirs.init_method == "uniform"
    assert cls.sagemaker_defaults().epochs == 15
    X, y = CANCER if cls is LinearLearnerClassifier else DIABETES
    model = theirs.set_params(epochs=20).fit(X, y)
    assert model.resolved_params_["mini_batch_size"] == 1000
    assert model.score(X, y) > (0.9 if cls is LinearLearnerClassifier else 0.3)


# -------------------------------------------------------------- fitted attributes
@pytest.mark.parametrize("cv", ["auto", False])
@pytest.mark.parametrize("num_models", [1, "auto"])
def test_fitted_attributes(problem, cv, num_models):
    cls, X, y = problem
    model = cls(random_state=0, num_models=num_models, cv=cv).fit(X, y)
    n = 1 if num_models == 1 else 32
    table = model.candidates_
    assert {len(column) for column in table.values()} == {n}
    assert isinstance(model.best_index_, int)
    assert 0 <= model.best_index_ < n
    assert table["rank_validation_score"][model.best_index_] == 1
    assert sorted(table["rank_validation_score"]) == list(range(1, n + 1))
    assert model.best_score_ == table["validation_score"][model.best_index_]
    assert model.best_params_ == table["params"][model.best_index_]
    for name, value in model.best_params_.items():
        assert table[f"param_{name}"][model.best_index_] == value
    distinct = {tuple(sorted(params.items())) for params in table["params"]}
    assert len(distinct) == n
    assert set(table["status"]) <= {"completed", "early_stopped"}
    assert isinstance(model.n_iter_, int)
    assert model.n_iter_ == table["n_iter"][model.best_index_]
    assert 1 <= table["best_epoch"][model.best_index_] <= model.n_iter_
    assert len(model.loss_curve_) == model.n_iter_
    if cv is False:
        assert model.validation_curve_ is None
        assert model.resolved_params_["validation"] == "training"
    else:
        best_epoch = table["best_epoch"][model.best_index_]
        assert len(model.validation_curve_) == model.n_iter_
        assert np.argmin(model.validation_curve_) == best_epoch - 1
        assert model.resolved_params_["validation"] == "folds"
        loss = table["validation_loss"][model.best_index_]
        assert loss == model.validation_curve_.min()
    best_epoch = table["best_epoch"][model.best_index_]
    loss = table["train_loss"][model.best_index_]
    assert loss == model.loss_curve_[best_epoch - 1]
    assert model.coef_.dtype == np.float64
    assert np.isfinite(model.coef_).all()
    assert "auto" not in model.resolved_params_.values()


@pytest.mark.parametrize(("data", "rows"), [(CANCER, 1), (IRIS, 3)])
def test_shapes_of_a_classifier(data, rows):
    X, y = data
    model = LinearLearnerClassifier(**QUICK).fit(X, y)
    assert model.coef_.shape == (rows, X.shape[1])
    assert model.intercept_.shape == (rows,)
    assert model.intercept_.dtype == np.float64
    np.testing.assert_array_equal(model.classes_, np.unique(y))
    assert hasattr(model, "threshold_") == (rows == 1)
    assert ("threshold" in model.candidates_) == (rows == 1)
    raw = X @ model.coef_.T + model.intercept_
    decision = model.decision_function(X)
    assert decision.shape == ((len(X),) if rows == 1 else (len(X), rows))
    np.testing.assert_allclose(decision, raw[:, 0] if rows == 1 else raw)
    proba = model.predict_proba(X)
    assert proba.shape == (len(X), len(model.classes_))
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(proba))
    if rows == 1:
        np.testing.assert_allclose(proba[:, 1], 1 / (1 + np.exp(-decision)))
        assert isinstance(model.threshold_, float)
        above = (proba[:, 1] >= model.threshold_).astype(int)
        np.testing.assert_array_equal(model.predict(X), above)
    else:
        odds = np.exp(decision - logsumexp(decision, axis=1, keepdims=True))
        np.testing.assert_allclose(proba, odds)
        np.testing.assert_array_equal(model.predict(X), proba.argmax(axis=1))


def test_log_proba_of_extreme_margins_warns_of_nothing():
    model = LinearLearnerClassifier(**QUICK).fit(*CANCER)
    far = CANCER[0] * 1e6
    assert (model.predict_log_proba(far) <= 0).all()
    assert np.isneginf(model.predict_log_proba(far)).any()


def test_threshold_goes_when_a_refit_is_multiclass():
    model = LinearLearnerClassifier(**QUICK).fit(*CANCER)
    assert hasattr(model, "threshold_")
    model.fit(*IRIS)
    assert not hasattr(model, "threshold_")
    assert model.score(*IRIS) > 0.9


# ------------------------------------------------------------------------ criteria
@pytest.mark.parametrize("criterion", ["loss_function", "cross_entropy_loss"])
def test_criteria_of_loss_leave_the_threshold(criterion):
    X, y = CANCER
    model = LinearLearnerClassifier(
        **QUICK, binary_classifier_model_selection_criteria=criterion
    ).fit(X, y, sample_weight=np.where(y == 1, 9.0, 1.0))
    assert model.threshold_ == 0.5
    assert (model.candidates_["threshold"] == 0.5).all()
    assert model.best_score_ == -model.candidates_["validation_loss"].min()
    np.testing.assert_array_equal(
        model.predict(X), (model.decision_function(X) > 0).astype(int)
    )


def test_accuracy_is_the_score():
    X, y = CANCER
    train, judge = train_test_split(np.arange(len(y)), random_state=1)
    model = LinearLearnerClassifier(**QUICK)
    model.fit(X[train], y[train], X_val=X[judge], y_val=y[judge])
    assert model.best_score_ == pytest.approx(model.score(X[judge], y[judge]))
    assert model.best_score_ >= np.mean(
        (model.decision_function(X[judge]) > 0) == y[judge]
    )


def test_f1_moves_the_threshold_and_gains():
    X, y = make_classification(
        1500, weights=[0.93], flip_y=0.05, class_sep=0.7, random_state=3
    )
    train, judge = train_test_split(np.arange(len(y)), random_state=0, stratify=y)
    model = LinearLearnerClassifier(
        **QUICK, binary_classifier_model_selection_criteria="f1"
    ).fit(X[train], y[train], X_val=X[judge], y_val=y[judge])
    at_half = f1_score(y[judge], model.decision_function(X[judge]) > 0)
    calibrated = f1_score(y[judge], model.predict(X[judge]))
    assert model.threshold_ < 0.4
    assert calibrated > at_half + 0.03
    assert model.best_score_ == pytest.approx(calibrated)


def test_calibration_samples_bound_the_rows_that_calibrate():
    X, y = CANCER
    few, many = (
        LinearLearnerClassifier(
            **QUICK,
            num_calibration_samples=n,
            binary_classifier_model_selection_criteria="f1",
        ).fit(X, y)
        for n in (15, 10_000_000)
    )
    np.testing.assert_array_equal(
        few.candidates_["validation_loss"], many.candidates_["validation_loss"]
    )
    # F1 of 15 rows is a ratio of small numbers.
    score = few.candidates_["validation_score"][0]
    ratios = {2 * a / b for b in range(1, 31) for a in range(b // 2 + 1)}
    assert min(abs(score - ratio) for ratio in ratios) < 1e-12
    score = many.candidates_["validation_score"][0]
    assert min(abs(score - ratio) for ratio in ratios) > 1e-12


# --------------------------------------------------------------------- determinism
def test_same_random_state_same_bits(problem):
    cls, X, y = problem
    first, second, other = (
        cls(num_models=8, epochs=5, random_state=seed).fit(X, y) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.coef_, second.coef_)
    np.testing.assert_array_equal(first.intercept_, second.intercept_)
    np.testing.assert_array_equal(first.loss_curve_, second.loss_curve_)
    assert not np.array_equal(first.coef_, other.coef_)


def test_random_state_instance_is_advanced():
    state = np.random.RandomState(0)
    model = LinearLearnerClassifier(num_models=2, epochs=3, random_state=state)
    first = model.fit(*CANCER).coef_
    assert not np.array_equal(model.fit(*CANCER).coef_, first)
    model.set_params(random_state=np.random.RandomState(0))
    np.testing.assert_array_equal(model.fit(*CANCER).coef_, first)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_number_of_jobs_changes_no_bit(make):
    # Ten classes and five folds are 60 columns a model: four blocks of two.
    X, y = make(DIGITS[0][:600]), DIGITS[1][:600]
    one, *more = (
        LinearLearnerClassifier(
            random_state=0, num_models=8, epochs=4, n_jobs=n_jobs
        ).fit(X, y)
        for n_jobs in (1, 2, 8)
    )
    for model in more:
        np.testing.assert_array_equal(model.coef_, one.coef_)
        np.testing.assert_array_equal(model.loss_curve_, one.loss_curve_)
        for name in ("validation_loss", "train_loss", "best_epoch", "status"):
            np.testing.assert_array_equal(
                model.candidates_[name], one.candidates_[name]
            )


# ------------------------------------------------------------------------- quality
PENALTY = 1e-2
CONVEX = {
    "random_state": 0,
    "wd": PENALTY,
    "l1": 0.0,
    "normalize_data": True,
    "unbias_data": True,
    "cv": False,
    "epochs": 200,
    "early_stopping_patience": 1000,
}


def penalised_loss(parameters, X, y, rows):
    """Objective of a linear classifier and its gradient."""
    weights = parameters[:-rows].reshape(rows, -1)
    margins = X @ weights.T + parameters[-rows:]
    if rows == 1:
        margins = np.hstack([np.zeros_like(margins), margins])
    log_sum = logsumexp(margins, axis=1)
    loss = np.mean(log_sum - margins[np.arange(len(y)), y])
    slope = np.exp(margins - log_sum[:, None])
    slope[np.arange(len(y)), y] -= 1.0
    slope = slope[:, -rows:] / len(y)
    gradient = slope.T @ X + PENALTY * weights
    objective = loss + PENALTY / 2 * np.sum(weights**2)
    return objective, np.concatenate([gradient.ravel(), slope.sum(axis=0)])


@pytest.mark.parametrize(
    "learning_rate",
    [
        0.01,
        0.03,
        "auto",
    ],
)
@pytest.mark.parametrize("data", [CANCER, IRIS], ids=["binary", "multiclass"])
def test_objective_is_near_its_optimum(data, learning_rate):
    X, y = StandardScaler().fit_transform(data[0]), data[1]
    rows = 1 if data is CANCER else 3
    optimum = minimize(
        penalised_loss,
        np.zeros(rows * (X.shape[1] + 1)),
        args=(X, y, rows),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 10_000, "ftol": 1e-15, "gtol": 1e-10},
    ).fun
    settings = {**CONVEX, "learning_rate": learning_rate}
    if rows == 1:
        settings["binary_classifier_model_selection_criteria"] = "loss_function"
    model = LinearLearnerClassifier(**settings).fit(X, y)
    found = np.concatenate([model.coef_.ravel(), model.intercept_])
    reached = penalised_loss(found, X, y, rows)[0]
    assert optimum <= reached <= 1.005 * optimum


@pytest.mark.parametrize("data", [CANCER, DIGITS], ids=["breast_cancer", "digits"])
def test_default_is_as_good_as_logistic_regression(data):
    X, y = data
    splits = [
        train_test_split(X, y, random_state=seed, test_size=0.3, stratify=y)
        for seed in range(2)
    ]
    ours, theirs = (
        np.mean([model.fit(X, y).score(X2, y2) for X, X2, y, y2 in splits])
        for model in (
            LinearLearnerClassifier(random_state=0),
            make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        )
    )
    assert ours > theirs - 0.01
    assert ours > 0.95


# ------------------------------------------------------------------ hostile scales
HOSTILE = {
    "huge": lambda X: np.c_[X[:, :1] * np.float32(1e6) + np.float32(1e6), X[:, 1:]],
    "far": lambda X: np.c_[X[:, :1] + np.float32(1e5), X[:, 1:]],
    "tiny": lambda X: np.c_[X[:, :1] * np.float32(1e-20), X[:, 1:]],
    "constant": lambda X: np.c_[X, np.full(len(X), 7, dtype=X.dtype)],
    "constant and huge": lambda X: np.c_[X, np.full(len(X), 1e30, dtype=X.dtype)],
    "duplicated": lambda X: np.c_[X, X[:, :1]],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_scales_cost_no_accuracy(name):
    clean = StandardScaler().fit_transform(CANCER[0]).astype(np.float32)
    y = CANCER[1]
    train, test = train_test_split(np.arange(len(y)), random_state=0, stratify=y)
    rows = HOSTILE[name](clean)
    assert rows.dtype == np.float32
    expected = LinearLearnerClassifier(random_state=0).fit(clean[train], y[train])
    model = LinearLearnerClassifier(random_state=0).fit(rows[train], y[train])
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.intercept_).all()
    score = model.score(rows[test], y[test])
    assert score > expected.score(clean[test], y[test]) - 0.02
    if name == "duplicated":
        assert model.coef_[0, 0] == pytest.approx(model.coef_[0, -1], rel=1e-3)


def test_all_features_constant_predict_the_majority():
    y = CANCER[1]
    X = np.ones((len(y), 3))
    model = LinearLearnerClassifier(**QUICK).fit(X, y)
    assert model.score(X, y) == pytest.approx(y.mean())
    assert model.predict_proba(X)[0, 1] == pytest.approx(y.mean(), abs=0.03)


# ------------------------------------------------------------------------------ cv


@pytest.mark.parametrize(
    "cv", [None, 2, 3, KFold(4, shuffle=True, random_state=0), StratifiedKFold(3)]
)
def test_folds(problem, cv):
    cls, X, y = problem
    if cls is LinearLearnerRegressor and isinstance(cv, StratifiedKFold):
        y = (y > y.mean()).astype(float)
    model = cls(**{**QUICK, "epochs": 3}, cv=cv).fit(X, y)
    assert model.resolved_params_["validation"] == "folds"
    assert np.isfinite(model.validation_curve_).all()


def test_none_is_five_folds_and_a_number_is_stratified():
    X, y = IRIS
    models = [
        LinearLearnerClassifier(**QUICK, cv=cv).fit(X, y)
        for cv in (None, 5, StratifiedKFold(5), StratifiedKFold(4))
    ]
    np.testing.assert_array_equal(models[0].coef_, models[1].coef_)
    np.testing.assert_array_equal(models[0].coef_, models[2].coef_)
    assert not np.array_equal(models[0].coef_, models[3].coef_)


def test_iterable_of_splits_is_the_splitter(problem):
    cls, X, y = problem
    splitter = KFold(3, shuffle=True, random_state=0)
    plain = cls(**QUICK, cv=splitter).fit(X, y)
    for cv in (list(splitter.split(X)), splitter.split(X)):
        model = cls(**QUICK, cv=cv).fit(X, y)
        np.testing.assert_array_equal(model.coef_, plain.coef_)
        assert model.best_score_ == plain.best_score_


def test_iterable_of_splits_names_rows_of_X():
    X, y = IRIS
    splits = list(KFold(3, shuffle=True, random_state=0).split(X))
    weights = np.ones(len(y))
    weights[::7] = 0.0
    model = LinearLearnerClassifier(**QUICK, cv=splits).fit(X, y, weights)
    kept = np.flatnonzero(weights)
    place = np.full(len(y), -1)
    place[kept] = np.arange(len(kept))
    inner = [
        tuple(place[rows[weights[rows] > 0]] for rows in split) for split in splits
    ]
    plain = LinearLearnerClassifier(**QUICK, cv=inner).fit(X[kept], y[kept])
    np.testing.assert_array_equal(model.coef_, plain.coef_)


def test_folds_score_rows_they_have_not_seen():
    # Labels are noise: rows that trained a model look better than they are.
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 60)), np.arange(80) % 2
    seen = LinearLearnerClassifier(**QUICK, cv=False).fit(X, y)
    unseen = LinearLearnerClassifier(**QUICK, cv=4).fit(X, y)
    assert seen.candidates_["validation_loss"].min() < 0.3
    assert unseen.candidates_["validation_loss"].min() > 0.6


@pytest.mark.parametrize("cv", [[], [(np.arange(150), np.arange(0))]])
def test_splits_without_test_rows_are_an_error(cv):
    with pytest.raises(ValueError, match="makes no split|has 150 training and 0 test"):
        LinearLearnerClassifier(cv=cv).fit(*IRIS)


def test_a_class_of_one_row_is_not_split():
    X, y = np.arange(10.0)[:, None], np.array([0] * 9 + [1])
    model = LinearLearnerClassifier(**QUICK).fit(X, y)
    assert model.resolved_params_["validation"] == "training"
    assert model.validation_curve_ is None


def test_large_data_hold_rows_out(problem, monkeypatch):
    cls, X, y = problem
    monkeypatch.setattr("sklearn_sagemaker.training.selection.validation.CV_BUDGET", 0)
    settings = {**QUICK, "epochs": 3, "mini_batch_size": 10**6}
    few, half = (
        cls(**settings, validation_fraction=fraction).fit(X, y)
        for fraction in (0.1, 0.5)
    )
    for model in (few, half):
        assert model.resolved_params_["validation"] == "hold-out"
        assert len(model.validation_curve_) == model.n_iter_
    assert not np.array_equal(few.coef_, half.coef_)
    assert cls(**settings, cv=3).fit(X, y).resolved_params_["validation"] == "folds"


def test_hold_out_takes_its_fraction_of_each_class(monkeypatch):
    from sklearn_sagemaker.backends import Backend, LocalBackend
    from sklearn_sagemaker.training.linear.run import LinearRun

    plans = []

    class Watching(Backend):
        def train(self, spec, data, monitor=None):
            plans.append(LinearRun(spec, data).plan)
            return LocalBackend().train(spec, data, monitor)

    monkeypatch.setattr("sklearn_sagemaker.training.selection.validation.CV_BUDGET", 0)
    X, y = IRIS
    model = LinearLearnerClassifier(**QUICK, backend=Watching())
    model.set_params(validation_fraction=0.2).fit(X, y)
    ((train,), ((_, held),)) = plans[0].train, plans[0].parts
    assert list(np.bincount(y[held])) == [10, 10, 10]
    np.testing.assert_array_equal(np.sort(np.r_[train, held]), np.arange(150))


# ------------------------------------------------------------------------ progress
def test_verbose_zero_prints_nothing(problem, capfd, caplog):
    cls, X, y = problem
    with caplog.at_level(logging.DEBUG):
        cls(**QUICK).fit(X, y)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_verbose_logs_a_line_an_epoch(problem, monkeypatch, caplog):
    monkeypatch.setattr(
        "sklearn_sagemaker.estimators._progress.progress_bar_available", lambda: False
    )
    cls, X, y = problem
    caplog.set_level(logging.INFO, logger="sklearn_sagemaker")
    model = cls(**{**QUICK, "epochs": 4}, verbose=1).fit(X, y)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 4
    assert lines[0].startswith("epoch 1 of 4: training loss ")
    assert lines[-1].startswith("epoch 4 of 4: training loss ")
    loss = float(lines[-1].split("validation loss ")[1].split(",")[0])
    assert loss == pytest.approx(model.candidates_["validation_loss"].min(), rel=1e-4)


@pytest.mark.parametrize(("level", "handled"), [("INFO", False), ("WARNING", True)])
def test_verbose_writes_to_standard_error_where_nobody_logs(
    level, handled, monkeypatch, caplog, capsys
):
    monkeypatch.setattr(
        "sklearn_sagemaker.estimators._progress.progress_bar_available", lambda: False
    )
    logger = logging.getLogger("sklearn_sagemaker")
    monkeypatch.setattr(logger, "propagate", False)
    if handled:
        monkeypatch.setattr(logger, "handlers", [logging.StreamHandler(sys.stdout)])
    caplog.set_level(level, logger=logger.name)
    LinearLearnerClassifier(**{**QUICK, "epochs": 3}, verbose=1).fit(*IRIS)
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(":")[0] for line in err.splitlines()] == [
        f"epoch {epoch} of 3" for epoch in (1, 2, 3)
    ]


def test_verbose_shows_one_bar_with_losses_where_somebody_watches(monkeypatch, capsys):
    rich = pytest.importorskip("rich.console")
    monkeypatch.setattr(
        "sklearn_sagemaker.estimators._progress.progress_bar_available", lambda: True
    )
    monkeypatch.setenv("COLUMNS", "140")
    settings = {**QUICK, "epochs": 3, "num_models": 1}
    model = LinearLearnerClassifier(**settings, verbose=1).fit(*IRIS)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("LinearLearnerClassifier") == 1
    best = model.candidates_["validation_loss"][0]
    assert "3/3 training loss" in err
    assert f"best validation loss {best:.4g}" in err
    quiet = clone(model).set_params(verbose=0).fit(*IRIS)
    assert capsys.readouterr().err == ""
    np.testing.assert_array_equal(quiet.coef_, model.coef_)
    assert not rich.Console(stderr=True).is_terminal


def test_the_bar_has_room_in_80_letters():
    console = pytest.importorskip("rich.console").Console(
        file=io.StringIO(), force_terminal=True, width=80
    )
    with EpochBar("LinearLearnerClassifier", console) as bar:
        bar.show(1, 2, "training loss 0.5124, best validation loss 0.06123")
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue())
    assert "2/2 training loss 0.5124, best validation loss 0.06123 0:00" in drawn


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_is_for_one_fit_that_somebody_watches(monkeypatch, caplog):
    pytest.importorskip("rich")
    assert not progress_bar_available()
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setattr(logging.getLogger("sklearn_sagemaker"), "propagate", False)
    assert progress_bar_available()
    with ThreadPoolExecutor() as pool:
        assert not pool.submit(progress_bar_available).result()
    monkeypatch.undo()
    monkeypatch.setattr("sys.stderr", Terminal())
    caplog.set_level(logging.INFO, logger="sklearn_sagemaker")
    assert not progress_bar_available()


@pytest.fixture
def lines_of(monkeypatch, capsys):
    """What verbose writes in lines."""
    monkeypatch.setattr(
        "sklearn_sagemaker.estimators._progress.progress_bar_available", lambda: False
    )
    monkeypatch.setattr(logging.getLogger("sklearn_sagemaker"), "propagate", False)
    return lambda: capsys.readouterr().err.splitlines()


def test_verbose_names_no_validation_loss_without_validation_rows(problem, lines_of):
    cls, X, y = problem
    settings = {**QUICK, "cv": False, "num_models": 1, "verbose": 1}
    cls(**settings).fit(X, y)
    lines = lines_of()
    assert lines
    assert not any("validation loss" in line for line in lines)
    assert all(", 1 candidate training, " in line for line in lines)
    cls(**settings).fit(X, y, X_val=X, y_val=y)
    assert all("best validation loss " in line for line in lines_of())


def test_verbose_writes_a_line_for_each_call_of_a_stream(problem, lines_of):
    cls, X, y = problem
    classes = {} if cls is BOTH[1] else {"classes": np.unique(y)}
    model = cls(random_state=0, verbose=1).partial_fit(X, y, **classes)
    model.partial_fit(X[:9], y[:9])
    one, two = lines_of()
    assert one.startswith(f"call 1: {len(X)} rows, progressive validation loss so far ")
    loss = float(two.split("so far ")[1].split(",")[0])
    assert two.startswith("call 2: 9 rows, ")
    assert loss == pytest.approx(-model.best_score_, rel=1e-4)
    model.set_params(verbose=0).partial_fit(X, y)
    assert lines_of() == []


class Recorder:
    """A callback that records the epochs, and may ask to stop."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.began, self.losses, self.names = 0, [], []

    def setup(self, estimator, context):
        self.names.append("setup")
        self.max_epochs = context.max_subtasks

    def teardown(self, estimator, context):
        self.names.append("teardown")

    def on_fit_task_begin(self, estimator, context, **arguments):
        self.began += context.task_name == "epoch"

    def on_fit_task_end(self, estimator, context, *, metadata=None, **arguments):
        if context.task_name != "epoch":
            return None
        self.losses.append(metadata["train_loss"])
        return len(self.losses) == self.stop_after


needs_callbacks = pytest.mark.skipif(
    not HAS_CALLBACKS, reason="scikit-learn's callbacks came with version 1.9"
)


@needs_callbacks
def test_callbacks_see_every_epoch(problem):
    cls, X, y = problem
    recorder = Recorder()
    model = cls(**{**QUICK, "num_models": 1, "epochs": 6})
    model.set_callbacks(recorder).fit(X, y)
    assert model.n_iter_ == recorder.began == 6
    np.testing.assert_allclose(recorder.losses, model.loss_curve_)
    assert recorder.names == ["setup", "teardown"]


@needs_callbacks
def test_callback_stops_the_fit(problem):
    cls, X, y = problem
    recorder = Recorder(stop_after=2)
    model = cls(**{**QUICK, "epochs": 9}).set_callbacks(recorder).fit(X, y)
    assert model.n_iter_ == len(recorder.losses) == 2
    assert (model.candidates_["n_iter"] == 2).all()
    assert np.isfinite(model.coef_).all()


@needs_callbacks
def test_verbose_writes_lines_beside_the_callbacks_of_the_user(capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger("sklearn_sagemaker"), "propagate", False)
    model = LinearLearnerClassifier(**{**QUICK, "epochs": 3}, verbose=1)
    model.set_callbacks(Recorder()).fit(*IRIS)
    assert capsys.readouterr().err.count("epoch") == 3


@needs_callbacks
@pytest.mark.parametrize(("epochs", "known"), [(5, 5), ("auto", None)])
def test_callbacks_know_the_number_of_epochs_if_the_user_does(epochs, known):
    recorder = Recorder()
    model = LinearLearnerClassifier(**{**QUICK, "epochs": epochs})
    model.set_callbacks(recorder).fit(*IRIS)
    assert recorder.max_epochs == known
