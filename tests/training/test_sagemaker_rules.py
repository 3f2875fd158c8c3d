"""SageMaker's own rules against what its models and logs show."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor
from sklearn_sagemaker.training.progress import Progress
from sklearn_sagemaker.training.sagemaker_rules import balanced_weights, scaler_rows

from .conftest import fit, linear_run, problem

# Rows of each class in the first 11,000 of a job of 2021 with 13 classes, and the
# weights in its model.
COUNTS = np.array([5610, 396, 166, 1389, 635, 57, 1218, 100, 1429, 0, 0, 0, 0], float)
WEIGHTS = [
    1.0,
    14.166302680969238,
    33.793006896972656,
    4.038853168487549,
    8.83450984954834,
    98.40225982666016,
    4.605878829956055,
    56.09394073486328,
    3.925799608230591,
]
# What the job watched from epoch 8 on. It ended there, and kept epoch 9.
WATCHED = [49742.6, 49692.4, 49684.7, 49694.0, 49752.1, 49813.8]
BY_THE_RULES = {"sagemaker_rules": True, "cv": False, "num_models": 1}


# ------------------------------------------------------------------- the scaler's rows
@pytest.mark.parametrize(
    ("n_rows", "wanted", "batch", "count"),
    [
        (50_000, 10_000, 1000, 11_000),  # the log says 11 batches
        (6548, 10_000, 100, 6500),  # these rows give the printed means
        (227, 10_000, 200, 200),
        (200, 10_000, 200, 200),
        (199, 10_000, 200, 199),
        (50_000, 10_000, 300, 10_200),
        (50, 7, 5, 10),
        (50, 4, 5, 5),
        (1, 1, 1, 1),
    ],
)
def test_rows_of_the_scaler(n_rows, wanted, batch, count):
    assert scaler_rows(n_rows, wanted, batch) == count


def test_scalers_are_learned_in_file_order_with_divisor_n():
    X, y = problem(6548 // 4, 3, classes=1, noise=1.0)
    X[1625:] += 100.0
    y[1625:] += 1000.0
    run = linear_run(X, y, classes=1, mini_batch_size=25, **BY_THE_RULES)
    first = slice(0, 1625)  # 65 batches of 25
    np.testing.assert_allclose(run.statistics.mean, X[first].mean(0), rtol=1e-12)
    np.testing.assert_allclose(run.statistics.deviation, X[first].std(0), rtol=1e-12)
    assert run.targets.origin == pytest.approx(y[first].mean())
    assert run.targets.unit == pytest.approx(y[first].std())
    # Ours are of the first rows, as many as asked for.
    run = linear_run(X, y, classes=1, mini_batch_size=25, cv=False)
    np.testing.assert_allclose(run.statistics.mean, X.mean(0), rtol=1e-12)


def test_one_batch_more_than_the_wanted_rows():
    X, y = problem(400, 3)
    settings = {"mini_batch_size": 20, "num_point_for_scaler": 100}
    run = linear_run(X, y, **settings, **BY_THE_RULES)
    np.testing.assert_allclose(run.statistics.mean, X[:120].mean(0), rtol=1e-12)
    run = linear_run(X, y, **settings, cv=False)
    np.testing.assert_allclose(run.statistics.mean, X[:100].mean(0), rtol=1e-12)


def test_rows_of_zero_weight_are_in_no_batch():
    X, y = problem(90, 3)
    weights = np.r_[np.zeros(10), np.ones(80)]
    run = linear_run(X, y, weights, mini_batch_size=50, **BY_THE_RULES)
    np.testing.assert_allclose(run.statistics.mean, X[10:60].mean(0), rtol=1e-12)


@pytest.mark.parametrize("kind", ["standard", "floored"])
@pytest.mark.parametrize("sparse", [False, True])
def test_constant_features_keep_their_size(kind, sparse):
    X, y = problem(200, 4, sparse=sparse)
    X = X.toarray() if sparse else X
    X[:, 2] = 8.0
    X = sp.csr_array(X) if sparse else X
    run = linear_run(X, y, normalize_data=True, **BY_THE_RULES)
    assert run.statistics.scale(kind)[2] == 1.0
    run = linear_run(X, y, normalize_data=True, cv=False)
    assert run.statistics.scale(kind)[2] == 1.0 / 8.0


# --------------------------------------------------------------------- class weights
def test_weights_of_a_stored_model():
    found = balanced_weights(COUNTS, COUNTS)
    # Stored as float32.
    np.testing.assert_allclose(found[:9], WEIGHTS, rtol=2e-7)
    # The model has 510,001 for the four classes without a row.
    np.testing.assert_array_equal(found[9:], found[5])


def test_a_class_that_the_sample_lacks_has_its_share_of_all_rows():
    sample, everything = np.array([60.0, 40.0, 0.0]), np.array([600.0, 300.0, 100.0])
    found = balanced_weights(sample, everything)
    np.testing.assert_allclose(found, [1.0, 0.6 / 0.4, 0.6 / 0.1], rtol=1e-4)
    assert np.isfinite(balanced_weights(np.zeros(3), np.zeros(3))).all()


def test_classes_are_counted_where_scalers_are_learned():
    X, _ = problem(400, 3)
    y = np.r_[np.zeros(80), np.ones(40), np.full(280, 2.0)]
    settings = {
        "classes": 3,
        "mini_batch_size": 20,
        "num_point_for_scaler": 100,
        "balance_multiclass_weights": True,
    }
    found = linear_run(X, y, **settings, **BY_THE_RULES).multipliers
    np.testing.assert_allclose(found, [1.05, 2.1, 1.0], rtol=1e-5)
    found = linear_run(X, y, **settings, cv=False).multipliers
    np.testing.assert_allclose(found, [400 / 80, 10.0, 400 / 280])


# -------------------------------------------------------------------- early stopping
def test_the_log_of_a_job_that_stopped_early():
    progress = Progress.start(1)
    for epoch, loss in enumerate(WATCHED, start=8):
        loss = np.array([loss])
        with np.errstate(invalid="ignore"):  # as the run does
            _, gone = progress.record(
                np.array([0]),
                epoch,
                loss,
                loss,
                loss[None],
                counted=np.array([True]),
                patience=3,
                tolerance=0.001,
                keep_improvements=True,
            )
        # With the fourth epoch without an improvement.
        assert (len(gone) == 1) == (epoch == 13)
    assert progress.best_epoch.tolist() == [9]
    assert progress.best_loss.tolist() == progress.best_parts[0].tolist() == [49692.4]
    assert progress.status.tolist() == ["early_stopped"]


@pytest.mark.parametrize("rules", [False, True])
def test_which_epoch_a_run_keeps(rules):
    X, y = problem(300, 5, noise=1.0)
    state = fit(
        X, y, epochs=60, sagemaker_rules=rules, cv=3, early_stopping_patience=2,
        early_stopping_tolerance=0.02, num_models=4,
    )  # fmt: skip
    found = state.candidates
    loss = state.validation_curve
    kept = found["best_epoch"][state.best_index] - 1
    reference, improved = np.inf, 0
    for epoch, value in enumerate(loss):
        if not np.isfinite(reference) or (reference - value) / reference >= 0.02:
            reference, improved = value, epoch
    assert improved != np.argmin(loss)  # or this would tell nothing
    assert kept == (improved if rules else np.argmin(loss))
    assert state.n_iter == improved + 1 + (3 if rules else 2)
    assert found["validation_loss"][state.best_index] == loss[kept]


def test_a_cosine_is_stopped_too():
    X, y = problem(300, 5, noise=1.0)
    settings = {"early_stopping_patience": "auto", "epochs": 60, "cv": False}
    assert linear_run(X, y, **settings).settings.patient
    assert not linear_run(X, y, sagemaker_rules=True, **settings).settings.patient


# -------------------------------------------------------------------------- estimators
@pytest.mark.parametrize("cls", [LinearLearnerClassifier, LinearLearnerRegressor])
def test_sagemaker_defaults_go_by_the_rules_and_others_do_not(cls):
    assert cls.sagemaker_defaults().sagemaker_rules is True
    assert clone(cls.sagemaker_defaults(epochs=3)).get_params()["sagemaker_rules"]
    X, y = problem(230, 3, classes=1, noise=1.0)
    X[200:] *= 10.0
    if cls is LinearLearnerClassifier:
        y = (y > np.median(y)).astype(int)
    settings = {"mini_batch_size": 200, "epochs": 3, "random_state": 0, "cv": False}
    theirs = cls.sagemaker_defaults(**settings).fit(X, y)
    other = cls.sagemaker_defaults(**settings, sagemaker_rules=False).fit(X, y)
    assert (theirs.coef_ != other.coef_).all()
    # The default is what leaving it out is.
    plain = cls(**settings).fit(X, y)
    same = cls(**settings, sagemaker_rules=False).fit(X, y)
    np.testing.assert_array_equal(plain.coef_, same.coef_)
