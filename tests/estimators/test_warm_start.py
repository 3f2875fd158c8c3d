"""warm_start: a fit that goes on from the last one."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.model_selection import KFold, ShuffleSplit

from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor
from sklearn_sagemaker._kernels import LINEAR_CHOICES, OPTIMIZERS
from sklearn_sagemaker.exceptions import AllCandidatesDivergedError
from sklearn_sagemaker.training import rows as training_rows
from sklearn_sagemaker.training.linear import steps
from sklearn_sagemaker.training.linear.resume import merge_states

CANCER = load_breast_cancer(return_X_y=True)
IRIS = load_iris(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
FITS = {
    "binary": (LinearLearnerClassifier, *CANCER),
    "multiclass": (LinearLearnerClassifier, *IRIS),
    "regressor": (LinearLearnerRegressor, *DIABETES),
}
COLD = {"random_state": 0, "num_models": 4, "epochs": 2}
WARM = {**COLD, "warm_start": True}
ARRAYS = ("weights", "states", "bias", "steps", "counts")
DENSE_AND_CSR = pytest.mark.parametrize("make", [np.asarray, sp.csr_array])


@pytest.fixture(params=FITS)
def problem(request):
    return FITS[request.param]


def fitted_state(model):
    """Bytes of all fitted attributes, in which any change shows."""
    return {
        name: pickle.dumps(value)
        for name, value in vars(model).items()
        if name.endswith("_")
    }


def assert_same_bits(one, other):
    np.testing.assert_array_equal(one.coef_, other.coef_)
    np.testing.assert_array_equal(one.intercept_, other.intercept_)
    assert getattr(one, "threshold_", None) == getattr(other, "threshold_", None)
    for name in ("train_loss", "validation_loss", "n_iter", "status"):
        np.testing.assert_array_equal(one.candidates_[name], other.candidates_[name])


def copies(state):
    return {name: state[name].copy() for name in ARRAYS}


# ------------------------------------------------------------------- the first fit
@DENSE_AND_CSR
def test_the_first_fit_is_a_cold_one(problem, make):
    cls, X, y = problem
    cold, warm = (cls(**values).fit(make(X), y) for values in (COLD, WARM))
    assert_same_bits(warm, cold)
    assert not hasattr(cold, "training_state_")
    assert hasattr(warm, "training_state_")


def test_without_warm_start_every_fit_is_the_first(problem):
    cls, X, y = problem
    model = cls(**COLD).fit(X, y)
    assert_same_bits(clone(model).fit(X, y).fit(X, y), model)


def test_switching_warm_start_off_starts_anew(problem):
    cls, X, y = problem
    model = cls(**WARM).fit(X, y).set_params(warm_start=False).fit(X, y)
    assert_same_bits(model, cls(**COLD).fit(X, y))
    assert not hasattr(model, "training_state_")


def test_a_fit_without_a_state_starts_anew(problem):
    cls, X, y = problem
    model = cls(**COLD).fit(X[:, :3], y).set_params(warm_start=True).fit(X, y)
    assert_same_bits(model, cls(**WARM).fit(X, y))


def test_clone_starts_anew(problem):
    cls, X, y = problem
    model = cls(**WARM).fit(X, y)
    assert_same_bits(clone(model.fit(X, y)).fit(X, y), cls(**WARM).fit(X, y))


# ------------------------------------------------------------------------- going on
@DENSE_AND_CSR
@pytest.mark.parametrize("optimizer", LINEAR_CHOICES)
def test_the_second_fit_starts_where_the_first_ended(
    problem, make, optimizer, monkeypatch
):
    cls, X, y = problem
    model = cls(**WARM, optimizer=optimizer).fit(make(X), y)
    saved, started = copies(model.training_state_), []
    resume_blocks = steps.resume_blocks

    def spy(blocks, state):
        resume_blocks(blocks, state)
        started.append(merge_states(blocks))

    monkeypatch.setattr(steps, "resume_blocks", spy)
    model.fit(make(X), y)
    assert len(saved["states"]) == OPTIMIZERS[optimizer].n_states
    assert all(np.any(state != 0) for state in saved["states"])
    for name in ARRAYS:
        np.testing.assert_array_equal(started[0][name], saved[name])
        assert (len(saved[name]) == 0) or np.any(model.training_state_[name])
    assert (model.training_state_["steps"] > saved["steps"]).all()
    assert (model.training_state_["weights"] != saved["weights"]).any()


@DENSE_AND_CSR
def test_training_goes_on(problem, make):
    cls, X, y = problem
    settings = {**WARM, "epochs": 1, "learning_rate": 0.01, "mini_batch_size": 16}
    model, losses = cls(**settings), []
    for _ in range(4):
        model.fit(make(X), y)
        losses.append(model.candidates_["train_loss"].min())
    assert losses[1] < losses[0]
    assert losses[3] < losses[1]
    cold = cls(**{**settings, "warm_start": False}).fit(make(X), y)
    assert cold.candidates_["train_loss"].min() == losses[0]
    assert model.score(X, y) > cold.score(X, y)


@DENSE_AND_CSR
def test_fits_of_one_epoch_are_one_fit_of_all(problem, make):
    """With rates that do not fall, and batches of the same size."""
    cls, X, y = problem
    settings = {
        **WARM,
        "use_lr_scheduler": False,
        "mini_batch_size": 32,
        "early_stopping_patience": 100,
    }
    whole = cls(**{**settings, "epochs": 5}).fit(make(X), y)
    model = cls(**{**settings, "epochs": 1})
    curves = []
    for _ in range(5):
        model.fit(make(X), y)
        curves.append(model.candidates_["validation_loss"])
    for name in ARRAYS:
        np.testing.assert_array_equal(
            model.training_state_[name], whole.training_state_[name]
        )
    np.testing.assert_array_equal(
        np.min(curves, axis=0), whole.candidates_["validation_loss"]
    )
    assert model.training_state_["epochs"] == whole.training_state_["epochs"] == 5


def test_the_curves_are_those_of_the_last_fit(problem):
    cls, X, y = problem
    model = cls(**WARM).fit(X, y).fit(X, y)
    assert len(model.loss_curve_) == len(model.validation_curve_) == model.n_iter_ == 2
    assert model.training_state_["epochs"] == 4


@DENSE_AND_CSR
def test_pickling_between_fits_changes_no_bit(problem, make):
    cls, X, y = problem
    plain = cls(**WARM).fit(make(X), y).fit(make(X), y)
    model = pickle.loads(pickle.dumps(cls(**WARM).fit(make(X), y))).fit(make(X), y)
    assert_same_bits(model, plain)
    for name in ARRAYS:
        np.testing.assert_array_equal(
            model.training_state_[name], plain.training_state_[name]
        )


@pytest.mark.parametrize("n_jobs", [2, 4])
@DENSE_AND_CSR
def test_number_of_jobs_may_change_and_changes_no_bit(problem, make, n_jobs):
    cls, X, y = problem
    plain = cls(**WARM).fit(make(X), y).fit(make(X), y)
    model = cls(**WARM).fit(make(X), y).set_params(n_jobs=n_jobs).fit(make(X), y)
    assert_same_bits(model, plain)


def test_scalers_stay_as_they_were(problem):
    cls, X, y = problem
    model = cls(**WARM, unbias_data=True).fit(X, y)
    before = model.training_state_
    y = y * 10.0 + 5.0 if cls is LinearLearnerRegressor else y
    model.fit(X * 2.0 + 1.0, y)
    after = model.training_state_
    np.testing.assert_array_equal(before["statistics"][0], after["statistics"][0])
    np.testing.assert_array_equal(before["statistics"][1], after["statistics"][1])
    assert before["labels"][:2] == after["labels"][:2]


def test_a_stopped_candidate_trains_again():
    X, y = CANCER
    model = LinearLearnerClassifier(
        random_state=0,
        warm_start=True,
        early_stopping_patience=1,
        early_stopping_tolerance=0.05,
        epochs=30,
    )
    stopped = model.fit(X, y).candidates_["status"] == "early_stopped"
    steps = model.training_state_["steps"][0, 0]
    assert stopped.any()
    assert len(np.unique(steps)) > 1
    model.fit(X, y)
    assert (model.training_state_["steps"][0, 0] > steps).all()
    assert (model.candidates_["n_iter"] >= 1).all()


def test_other_rates_and_penalties_may_go_on(problem):
    cls, X, y = problem
    settings = {**WARM, "num_models": 1, "learning_rate": 0.1, "wd": 0.0, "l1": 0.0}
    model = cls(**settings).fit(X, y)
    weights = model.training_state_["weights"].copy()
    model.set_params(learning_rate=1e-12, wd=1e-3).fit(X, y)
    np.testing.assert_allclose(model.training_state_["weights"], weights, rtol=1e-6)
    assert model.best_params_["wd"] == 1e-3


@pytest.mark.parametrize("rows", [0.5, 1.0, 2.0])
def test_any_number_of_rows_may_go_on(problem, rows):
    cls, X, y = problem
    order = np.random.default_rng(0).permutation(2 * len(y)) % len(y)
    model = cls(**WARM).fit(X, y)
    steps = model.training_state_["steps"].copy()
    some = order[: int(rows * len(y))]
    model.fit(X[some], y[some])
    assert (model.training_state_["steps"] > steps).all()


def test_float32_may_follow_float64(problem):
    cls, X, y = problem
    plain = cls(**WARM).fit(X, y).fit(X, y)
    model = cls(**WARM).fit(X, y).fit(X.astype(np.float32), y)
    assert model.training_state_["weights"].dtype == np.float32
    np.testing.assert_allclose(model.best_score_, plain.best_score_, rtol=0.02)


def test_partial_fit_may_follow(problem):
    cls, X, y = problem
    model = cls(**WARM).fit(X, y).fit(X, y)
    before = model.coef_
    model.set_params(learning_rate=1e-15).partial_fit(X[:50], y[:50])
    np.testing.assert_allclose(model.coef_, before, rtol=1e-6)


# --------------------------------------------------------------------------- folds
def spied_plans(monkeypatch):
    plans = []
    plan_validation = training_rows.plan_validation

    def spy(*args, **kwargs):
        plans.append(plan_validation(*args, **kwargs))
        return plans[-1]

    monkeypatch.setattr(training_rows, "plan_validation", spy)
    return plans


@pytest.mark.parametrize(
    "settings", [{}, {"validation_fraction": 0.25}, {"cv": 3}], ids=str
)
@pytest.mark.parametrize(
    "random_state", [None, 0, np.random.RandomState(0)], ids=["None", "0", "instance"]
)
def test_rows_do_not_change_sides(problem, monkeypatch, random_state, settings):
    cls, X, y = problem
    plans = spied_plans(monkeypatch)
    model = cls(**{**WARM, "random_state": random_state}, **settings)
    model.fit(X, y).fit(X, y).fit(X, y)
    assert len(plans) == 3
    for plan in plans[1:]:
        for part, first in zip(plan.parts, plans[0].parts, strict=True):
            assert part[0] == first[0]
            np.testing.assert_array_equal(part[1], first[1])


def test_with_random_state_none_each_epoch_has_another_order():
    X, y = CANCER
    settings = {**WARM, "random_state": None, "epochs": 1, "use_lr_scheduler": False}
    model = LinearLearnerClassifier(**settings).fit(X, y)
    other = pickle.loads(pickle.dumps(model))
    assert_same_bits(model.fit(X, y).fit(X, y), other.fit(X, y).fit(X, y))


@pytest.mark.parametrize("cv", [ShuffleSplit(3, random_state=0), KFold(3)])
def test_any_splitter_may_go_on(problem, cv):
    cls, X, y = problem
    y = y[np.random.default_rng(0).permutation(len(y))]
    model = cls(**WARM, cv=cv).fit(X, y)
    first = model.candidates_["split2_validation_loss"]
    model.fit(X, y)
    assert model.training_state_["weights"].shape[1] == 4
    assert np.isfinite(model.candidates_["split2_validation_loss"]).all()
    assert (model.candidates_["split2_validation_loss"] != first).any()


# -------------------------------------------------------------------------- errors
CHANGES = {
    "candidates": ({"num_models": 3}, "3 candidates, .* has 4"),
    "optimizer": ({"optimizer": "sgd"}, "optimizer='sgd' cannot continue .* 'adam'"),
    "momentum": (
        {"optimizer": "sgd", "momentum": 0.5},
        "optimizer='momentum' cannot continue .* 'adam'",
    ),
    "more folds": ({"cv": 7}, "7 folds, .* had 5"),
    "fewer folds": ({"cv": 3}, "3 folds, .* had 5"),
    "no folds": ({"cv": False}, "0 folds, .* had 5"),
    "hold-out": ({"validation_fraction": 0.2}, "0 folds, .* had 5"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_settings_that_the_state_does_not_fit_are_an_error(problem, name):
    cls, X, y = problem
    model = cls(**WARM).fit(X, y)
    before = fitted_state(model)
    parameters, named = CHANGES[name]
    with pytest.raises(ValueError, match=named) as error:
        model.set_params(**parameters).fit(X, y)
    assert "warm_start=False" in str(error.value)
    assert fitted_state(model) == before
    plain = cls(**WARM).fit(X, y).fit(X, y)
    assert_same_bits(model.set_params(**cls(**WARM).get_params()).fit(X, y), plain)


@pytest.mark.parametrize("rows", ["features", "names", "sparse", "NaN"])
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_rows_that_the_state_does_not_fit_are_an_error(problem, rows):
    cls, X, y = problem
    frame = pd.DataFrame(X, columns=[f"feature {j}" for j in range(X.shape[1])])
    model = cls(**WARM).fit(frame, y)
    before = fitted_state(model)
    bad = {
        "features": frame.iloc[:, 1:],
        "names": frame.rename(columns={"feature 0": "other"}),
        "sparse": sp.csr_array(X),
        "NaN": frame.mask(frame == frame.iloc[3, 1]),
    }[rows]
    with pytest.raises(ValueError, match="feature names|sparse rows|NaN"):
        model.fit(bad, y)
    assert fitted_state(model) == before


@pytest.mark.parametrize("classes", [["no", "yes"], [1, 2], [0, 2]])
def test_other_classes_are_an_error(classes):
    X, y = CANCER
    model = LinearLearnerClassifier(**WARM).fit(X, y)
    before = fitted_state(model)
    with pytest.raises(ValueError, match=r"y has the classes .* had \[0, 1\]"):
        model.fit(X, np.array(classes)[y])
    assert fitted_state(model) == before


@pytest.mark.parametrize("kept", [1, 2])
def test_fewer_classes_are_an_error(kept):
    X, y = IRIS
    model = LinearLearnerClassifier(**WARM).fit(X, y)
    before = fitted_state(model)
    with pytest.raises(ValueError, match=r"y has the classes|at least 2 classes"):
        model.fit(X[y < kept], y[y < kept])
    assert fitted_state(model) == before


def test_divergence_leaves_the_estimator_as_it_was():
    X, y = DIABETES
    settings = {**WARM, "optimizer": "sgd", "normalize_data": False}
    model = LinearLearnerRegressor(**settings).fit(X, y)
    before = fitted_state(model)
    with pytest.raises(AllCandidatesDivergedError):
        model.fit(X * 1e30, y)
    assert fitted_state(model) == before


def test_fit_cannot_go_on_from_partial_fit(problem):
    cls, X, y = problem
    first = {"classes": np.unique(y)} if cls is LinearLearnerClassifier else {}
    model = cls(**WARM).partial_fit(X, y, **first)
    before = fitted_state(model)
    with pytest.raises(ValueError, match="warm_start=True cannot go on from partial_"):
        model.fit(X, y)
    assert fitted_state(model) == before
    model.set_params(warm_start=False).fit(X, y)
    assert_same_bits(model, cls(**COLD).fit(X, y))
