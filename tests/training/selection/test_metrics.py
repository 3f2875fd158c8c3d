"""SageMaker's metrics against scikit-learn's."""

import tracemalloc
import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker.training.selection import metrics as module
from sklearn_sagemaker.training.selection.metrics import METRICS, linear_metrics

BINARY, MULTICLASS, REGRESSOR = METRICS


def losses_of(predictor_type):
    return [n for n, loss in LOSSES.items() if predictor_type in loss.predictor_types]


def binary_rows(seed=0, n=200):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.3).astype(float)
    margins = np.round(rng.normal(y, 1.0), 1)[:, None]  # with ties
    weights = rng.uniform(0.5, 2.0, n)
    return margins, y, weights * np.where(y == 1, 5.0, 1.0), weights


def multiclass_rows(seed=0, n=300, n_classes=5, decimals=6):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n).astype(float)
    margins = rng.normal(0, 1, (n, n_classes))
    margins[np.arange(n), y.astype(int)] += 0.7
    weights = rng.uniform(0.5, 2.0, n)
    return np.round(margins, decimals), y, weights * (1 + y), weights


def regression_rows(seed=0, n=200):
    rng = np.random.default_rng(seed)
    y = rng.normal(50, 10, n)
    margins = y[:, None] + rng.normal(0, 3, (n, 1))
    weights = rng.uniform(0.5, 2.0, n)
    return margins, y, weights, weights


ROWS = {BINARY: binary_rows, MULTICLASS: multiclass_rows, REGRESSOR: regression_rows}
ALL_LOSSES = [(kind, name) for kind in METRICS for name in losses_of(kind)]


@pytest.mark.parametrize(("kind", "loss"), ALL_LOSSES)
def test_names_and_objective(kind, loss):
    margins, y, loss_weights, weights = ROWS[kind]()
    found = linear_metrics(kind, loss, 0.9, margins, y, loss_weights, weights)
    assert tuple(found) == METRICS[kind]
    assert all(type(value) is float for value in found.values())
    flat = margins if LOSSES[loss].coupled else margins[:, 0]
    value = LOSSES[loss].value(flat, y, 0.9)
    assert found["objective_loss"] == pytest.approx(
        np.average(value, weights=loss_weights)
    )


@pytest.mark.parametrize("cut", [-0.35, 0.0, 1.25])
@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_two_classes(cut, beta):
    margins, y, loss_weights, weights = binary_rows()
    found = linear_metrics(
        BINARY, "logistic", 0.0, margins, y, loss_weights, weights, cut=cut, f_beta=beta
    )
    called = (margins[:, 0] >= cut).astype(float)
    shared = {"sample_weight": weights}
    assert found == pytest.approx(
        {
            "objective_loss": sk.log_loss(
                y, 1 / (1 + np.exp(-margins)), sample_weight=loss_weights
            ),
            "binary_classification_accuracy": sk.accuracy_score(y, called, **shared),
            "binary_f_beta": sk.fbeta_score(y, called, beta=beta, **shared),
            "precision": sk.precision_score(y, called, **shared),
            "recall": sk.recall_score(y, called, **shared),
            "roc_auc_score": sk.roc_auc_score(y, margins[:, 0], **shared),
        }
    )


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_has_no_area_under_the_curve(label):
    margins, y, _, weights = binary_rows()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = linear_metrics(
            BINARY, "logistic", 0.0, margins, np.full_like(y, label), weights, weights
        )
    assert np.isnan(found.pop("roc_auc_score"))
    assert np.isfinite(list(found.values())).all()
    assert (found["recall"] > 0) == (label == 1.0)


def test_nothing_called_positive():
    margins, y, loss_weights, weights = binary_rows()
    found = linear_metrics(
        BINARY, "logistic", 0.0, margins, y, loss_weights, weights, cut=100.0
    )
    assert found["precision"] == found["recall"] == found["binary_f_beta"] == 0.0


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_several_classes(beta, k):
    margins, y, loss_weights, weights = multiclass_rows()
    found = linear_metrics(
        MULTICLASS, "softmax_loss", 0.0, margins, y, loss_weights, weights,
        f_beta=beta, accuracy_top_k=k,
    )  # fmt: skip
    called = margins.argmax(axis=1)
    probabilities = np.exp(margins)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    shared = {"sample_weight": weights}
    macro = {**shared, "average": "macro", "zero_division": 0}
    assert found == pytest.approx(
        {
            "objective_loss": sk.log_loss(y, probabilities, sample_weight=loss_weights),
            "multiclass_accuracy": sk.accuracy_score(y, called, **shared),
            "multiclass_top_k_accuracy": sk.top_k_accuracy_score(
                y, margins, k=k, **shared
            ),
            "dcg": sk.dcg_score(np.eye(5)[y.astype(int)], margins, **shared),
            "macro_recall": sk.recall_score(y, called, **macro),
            "macro_precision": sk.precision_score(y, called, **macro),
            "macro_f_beta": sk.fbeta_score(y, called, beta=beta, **macro),
            "multiclass_balanced_accuracy": sk.balanced_accuracy_score(
                y, called, **shared
            ),
            "multiclass_log_loss": sk.log_loss(y, probabilities, **shared),
        }
    )


def test_classes_that_no_row_has():
    """Of 5 classes rows have 0 to 2; 3 is predicted at times, 4 never."""
    margins, y, loss_weights, weights = multiclass_rows()
    y = np.minimum(y, 2.0)
    margins[:, 4] = -100.0
    found = linear_metrics(
        MULTICLASS, "softmax_loss", 0.0, margins, y, loss_weights, weights
    )
    called = margins.argmax(axis=1)
    assert set(called) == {0, 1, 2, 3}
    shared = {"sample_weight": weights}
    macro = {**shared, "average": "macro", "zero_division": 0}
    assert found["macro_recall"] == pytest.approx(sk.recall_score(y, called, **macro))
    assert found["macro_precision"] == pytest.approx(
        sk.precision_score(y, called, **macro)
    )
    assert found["macro_f_beta"] == pytest.approx(sk.f1_score(y, called, **macro))
    recalls = sk.recall_score(y, called, labels=[0, 1, 2], average=None, **shared)
    assert found["multiclass_balanced_accuracy"] == pytest.approx(recalls.mean())


def test_k_beyond_the_classes_is_always_right():
    rows = multiclass_rows()
    for k in (5, 6, 1_000_000):
        found = linear_metrics(MULTICLASS, "softmax_loss", 0.0, *rows, accuracy_top_k=k)
        assert found["multiclass_top_k_accuracy"] == 1.0


def test_equal_margins_rank_the_first_class_first():
    margins = np.array([[1.0, 2.0, 2.0, 2.0, 0.0]] * 5)
    y = np.arange(5.0)
    order = [1, 2, 3, 0, 4]
    for row in range(5):
        rows = margins[[row]], y[[row]], np.ones(1), np.ones(1)
        rank = order.index(row)
        for k in (1, 2, 3, 4):
            found = linear_metrics(
                MULTICLASS, "softmax_loss", 0.0, *rows, accuracy_top_k=k
            )
            assert found["multiclass_top_k_accuracy"] == float(rank < k)
            assert found["dcg"] == pytest.approx(1 / np.log2(2 + rank))
        assert found["multiclass_accuracy"] == float(rank == 0)


def test_many_ties():
    """The rank is the place in a stable descending sort."""
    margins, y, loss_weights, weights = multiclass_rows(decimals=0)
    order = np.argsort(-margins, axis=1, kind="stable")
    rank = np.argmax(order == y[:, None], axis=1)
    for k in (1, 2, 3, 4):
        found = linear_metrics(
            MULTICLASS, "softmax_loss", 0.0, margins, y, loss_weights, weights,
            accuracy_top_k=k,
        )  # fmt: skip
        expected = np.average(rank < k, weights=weights)
        assert found["multiclass_top_k_accuracy"] == pytest.approx(expected)
    assert found["dcg"] == pytest.approx(
        np.average(1 / np.log2(2 + rank), weights=weights)
    )


def test_regression():
    margins, y, loss_weights, weights = regression_rows()
    found = linear_metrics(
        REGRESSOR, "squared_loss", 0.0, margins, y, loss_weights, weights
    )
    shared = {"sample_weight": weights}
    mse = sk.mean_squared_error(y, margins[:, 0], **shared)
    assert found == pytest.approx(
        {
            "objective_loss": mse,
            "mse": mse,
            "rmse": np.sqrt(mse),
            "absolute_loss": sk.mean_absolute_error(y, margins[:, 0], **shared),
        }
    )


# ------------------------------------------------------------------ rows and chunks
@pytest.mark.parametrize(("kind", "loss"), ALL_LOSSES)
def test_rows_of_zero_weight_are_absent(kind, loss):
    margins, y, loss_weights, weights = ROWS[kind]()
    expected = linear_metrics(kind, loss, 0.9, margins, y, loss_weights, weights)
    found = linear_metrics(
        kind, loss, 0.9,
        np.concatenate([margins, np.full_like(margins[:3], np.inf)]),
        np.r_[y, 0.0, 1.0, 1.0],
        np.r_[loss_weights, np.zeros(3)],
        np.r_[weights, np.zeros(3)],
    )  # fmt: skip
    assert found == expected


def test_no_rows_is_an_error():
    margins, y, _, weights = binary_rows(n=5)
    with pytest.raises(ValueError, match="None of the 5 rows has a weight above zero"):
        linear_metrics(BINARY, "logistic", 0.0, margins, y, weights * 0, weights * 0)


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_the_size_of_a_chunk_does_not_matter(monkeypatch, chunk):
    rows = multiclass_rows(decimals=0)
    expected = linear_metrics(MULTICLASS, "softmax_loss", 0.0, *rows)
    monkeypatch.setattr(module, "CHUNK_MARGINS", chunk)
    assert linear_metrics(MULTICLASS, "softmax_loss", 0.0, *rows) == expected


def test_many_classes_need_little_memory():
    margins, y, loss_weights, weights = multiclass_rows(n=4000, n_classes=500)
    tracemalloc.start()
    try:
        linear_metrics(
            MULTICLASS, "softmax_loss", 0.0, margins, y, loss_weights, weights
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < margins.nbytes / 2


@pytest.mark.parametrize("kind", [BINARY, MULTICLASS])
def test_extreme_margins_stay_finite(kind):
    margins, y, _, weights = ROWS[kind]()
    loss = losses_of(kind)[0]
    with np.errstate(all="raise", under="ignore"):
        found = linear_metrics(kind, loss, 1.0, margins * 1e30, y, weights, weights)
    assert np.isfinite(list(found.values())).all()
