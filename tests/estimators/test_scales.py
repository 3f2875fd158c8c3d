"""Features, targets and weights of extreme sizes: learned from, or refused by name."""

import functools

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker._state import ModelState
from sklearn_sagemaker.backends import LocalBackend
from sklearn_sagemaker.estimators._attributes import set_attributes
from sklearn_sagemaker.exceptions import (
    AllCandidatesDivergedError,
    FeatureScaleError,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
Y = 2 * X[:, 0] - X[:, 1] + X[:, 0] * X[:, 2] + 0.1 * RNG.normal(size=200)
FM = {"num_factors": 4, "epochs": 25, "cv": False, "random_state": 0}
LINEAR = {"num_models": 4, "cv": False, "random_state": 0}
ESTIMATORS = {
    **{
        solver: FactorizationMachinesRegressor(solver=solver, **FM)
        for solver in ("gradient", "als", "mcmc")
    },
    "classes": FactorizationMachinesClassifier(**FM),
    "probit": FactorizationMachinesClassifier(solver="mcmc", **FM),
    "linear": LinearLearnerRegressor(**LINEAR),
    "linear classes": LinearLearnerClassifier(**LINEAR),
}
REGRESSORS = [
    name for name, model in ESTIMATORS.items() if "Regressor" in type(model).__name__
]


def fresh(name, **changed):
    model = ESTIMATORS[name]
    return type(model)(**{**model.get_params(), **changed})


def target(name):
    return (Y > 0).astype(int) if "class" in name or name == "probit" else Y


@functools.cache
def usual_score(name, make=np.asarray):
    """The score in usual units, which many tests compare theirs with."""
    y = target(name)
    return fresh(name).fit(make(X), y).score(make(X), y)


def numbers(model):
    """All numbers of the fitted model."""
    found = [model.coef_, model.intercept_, getattr(model, "factors_", 0.0)]
    found += getattr(model, "draws_", {}).values()
    return np.concatenate([np.ravel(part) for part in found])


def one_scaled(factor, dtype=np.float64):
    return np.hstack([X[:, :1], X[:, 1:2] * factor, X[:, 2:]]).astype(dtype)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(
    "rows",
    [
        *(one_scaled(factor) for factor in (1e-300, 1e-200, 1e-160, 1e-40, 1e100)),
        X * 1e-200,
        *(one_scaled(factor, np.float32) for factor in (1e-36, 1e-31, 1e37)),
        (X * 1e37).astype(np.float32),
    ],
    ids=lambda rows: f"{np.abs(rows[:, 1]).max():.1g} {rows.dtype}",
)
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_features_of_extreme_sizes_are_learned_from(name, rows, make):
    if (
        make is sp.csr_array
        and np.abs(rows[:, 1]).max() < 1e-20
        and "linear" not in (name.split())
    ):
        pytest.skip("factorization machines shrink sparse features, never stretch them")
    model = fresh(name).fit(make(rows), target(name))
    assert np.isfinite(numbers(model)).all()
    # As good as in usual units, in predictions too.
    score = model.score(make(rows), target(name))
    assert score > usual_score(name, make) - 0.06


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (one_scaled(1e-310), FeatureScaleError),
        (one_scaled(1e-39, np.float32), FeatureScaleError),
        (one_scaled(1e200), AllCandidatesDivergedError),
    ],
    ids=["1e-310", "1e-39 float32", "1e200"],
)
@pytest.mark.parametrize("way", ["fit", "partial_fit", "refit"])
def test_features_that_cannot_be_learned_from_are_named(name, rows, error, way):
    model = fresh(name, warm_start=way == "refit")
    if way == "partial_fit" and not hasattr(model, "partial_fit"):
        pytest.skip("the solver needs all rows at once")
    frame = pd.DataFrame(rows, columns=["a", "Size of it", "c", "d"])
    before = {}
    if way == "refit":
        model.fit(pd.DataFrame(X, columns=frame.columns), target(name))
        model.set_params(warm_start=False)
        before = dict(vars(model))
    more = {}
    if way == "partial_fit" and target(name) is not Y:
        more["classes"] = [0, 1]
    with pytest.raises(error, match=r"^Feature 1 \('Size of it'\) "):
        getattr(model, way.replace("re", ""))(frame, target(name), **more)
    left = {key for key in vars(model) if key.endswith("_")}
    assert left == {key for key in before if key.endswith("_")}
    assert all(vars(model)[key] is before[key] for key in left)


@pytest.mark.parametrize("name", ["als", "mcmc", "gradient", "classes", "probit"])
@pytest.mark.parametrize("offset", [1e9, 1e12])
def test_offsets_that_cancel_all_digits_are_refused(name, offset):
    model = fresh(name)
    with pytest.raises(FeatureScaleError, match="feature [0-3] has a mean of 1e"):
        model.fit(X + offset, target(name))
    assert not hasattr(model, "coef_")


@pytest.mark.parametrize("name", ["gradient", "als", "mcmc", "classes"])
def test_offsets_that_leave_digits_are_learned_from(name):
    model = fresh(name).fit(X + 1e6, target(name))
    assert model.score(X + 1e6, target(name)) > usual_score(name) - 0.02


def test_offsets_in_a_stream_are_refused_and_nothing_is_lost():
    model = FactorizationMachinesRegressor(num_factors=4, random_state=0)
    with pytest.raises(FeatureScaleError, match="feature [0-3] has a mean of 1e"):
        model.partial_fit(X + 1e10, Y)
    assert not hasattr(model, "coef_")


def test_offsets_are_no_matter_for_linear_models():
    model = fresh("linear").fit(X + 1e9, Y)
    usual = fresh("linear").fit(X, Y)
    assert model.score(X + 1e9, Y) == pytest.approx(usual.score(X, Y), abs=0.01)


@pytest.mark.parametrize("name", ["linear", "gradient"])
@pytest.mark.parametrize("value", [1e37, 1e-40])
def test_absent_rows_do_not_choose_the_precision(name, value):
    rows, weights = X.astype(np.float32), np.ones(len(Y))
    weights[::5] = 0.0
    usual = fresh(name).fit(rows, Y, sample_weight=weights)
    rows = rows.copy()
    rows[::5] = value
    found = fresh(name).fit(rows, Y, sample_weight=weights)
    np.testing.assert_array_equal(numbers(found), numbers(usual))


# ------------------------------------------------------------------------- the gate
def state(**changed):
    fields = {"coef": np.ones((1, 4)), "intercept": np.zeros(1), "threshold": 0.5}
    fields["factors"] = np.ones((1, 4, 2))
    return ModelState(**{**fields, **changed})


def holed(shape, place, value):
    array = np.ones(shape)
    array[place] = value
    return array


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("field", "shape", "place", "words"),
    [
        ("coef", (1, 4), (0, 2), "no finite coefficient of feature 2"),
        ("factors", (1, 4, 2), (0, 3, 1), "no finite factor of feature 3"),
        ("intercept", (1,), 0, "no finite intercept"),
    ],
)
@pytest.mark.parametrize("name", ["gradient", "classes"])
def test_no_state_that_is_not_finite_is_taken(
    name, field, shape, place, words, value, monkeypatch
):
    bad = state(**{field: holed(shape, place, value)})
    monkeypatch.setattr(LocalBackend, "train", lambda *_: bad)
    model = fresh(name)
    with pytest.raises(FeatureScaleError, match=f"{words}.*StandardScaler"):
        model.fit(X, target(name))
    assert not [key for key in vars(model) if key.endswith("_")]
    with pytest.raises(ValueError, match=words):
        set_attributes(model, bad)


@pytest.mark.parametrize("part", ["coef", "factors", "intercept"])
def test_no_draw_that_is_not_finite_is_taken(part):
    shapes = {"intercept": (3, 1), "coef": (3, 1, 4), "factors": (3, 1, 4, 2)}
    draws = {name: np.ones(shape) for name, shape in shapes.items()}
    draws[part].flat[-1] = np.nan
    with pytest.raises(FeatureScaleError, match="no finite"):
        set_attributes(fresh("mcmc"), state(draws=draws))


def test_a_threshold_that_is_not_finite_is_not_taken():
    with pytest.raises(FeatureScaleError, match="threshold of the model is nan"):
        set_attributes(fresh("classes"), state(threshold=np.nan))


def test_numbers_whose_sum_overflows_are_finite():
    model = fresh("linear")
    set_attributes(model, state(coef=np.full((1, 4), 1e308), factors=None))
    assert (model.coef_ == 1e308).all()


# ---------------------------------------------------------------- targets and weights
@pytest.mark.parametrize("name", REGRESSORS)
@pytest.mark.parametrize("factor", [1e-310, 1e-200, 1e150, 1e200])
def test_targets_whose_squares_are_lost_are_refused(name, factor):
    model = fresh(name)
    with pytest.raises(FeatureScaleError, match="y lies between .* in other units"):
        model.fit(X, Y * factor)
    assert not hasattr(model, "coef_")
    if hasattr(model, "partial_fit"):
        with pytest.raises(FeatureScaleError, match="y lies between"):
            model.partial_fit(X, Y * factor)


@pytest.mark.parametrize("name", REGRESSORS)
@pytest.mark.parametrize("factor", [1e-100, 1e100])
def test_targets_of_large_and_small_units_are_learned(name, factor):
    score = fresh(name).fit(X, Y * factor).score(X, Y * factor)
    assert score == pytest.approx(usual_score(name), abs=0.01)


@pytest.mark.parametrize("name", REGRESSORS)
def test_constant_targets_of_any_size_are_learned(name):
    model = fresh(name).fit(X, np.full(len(Y), 1e-200))
    assert np.isfinite(numbers(model)).all()


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("factor", [1e-320, 1e-180, 1e180, 8e307])
@pytest.mark.parametrize("cv", [False, 2])
def test_weights_of_extreme_sizes(name, factor, cv):
    weights = RNG.uniform(0.5, 2.0, len(Y))
    more = {}
    if "class" in name or name == "probit":
        more["binary_classifier_model_selection_criteria"] = "f1"
    model = fresh(name, cv=cv, **more)
    model.fit(X, target(name), sample_weight=weights * factor)
    usual = fresh(name, cv=cv, **more).fit(X, target(name), sample_weight=weights)
    for part, metrics in model.metrics_.items():
        assert np.isfinite(list(metrics.values())).all(), part
    assert model.score(X, target(name)) == pytest.approx(
        usual.score(X, target(name)), abs=0.05
    )


@pytest.mark.parametrize("name", ["linear", "linear classes", "gradient", "classes"])
@pytest.mark.parametrize("factor", [1e-320, 1e-180, 1e180, 8e307])
def test_weights_of_extreme_sizes_in_a_stream(name, factor):
    model, more = fresh(name), {}
    if target(name) is not Y:
        more["classes"] = [0, 1]
    for rows in np.split(np.arange(200), 4):
        weights = np.full(50, factor)
        model.partial_fit(X[rows], target(name)[rows], sample_weight=weights, **more)
    usual = fresh(name)
    for rows in np.split(np.arange(200), 4):
        usual.partial_fit(X[rows], target(name)[rows], **more)
    np.testing.assert_allclose(numbers(model), numbers(usual), rtol=1e-2, atol=1e-2)
