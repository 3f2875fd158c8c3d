"""What "auto" became: in ``resolved_params_``, or in ``best_params_``."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker._hyperparameters import AUTO_OPTIMIZER
from sklearn_sagemaker._kernels import DEFAULT_LOSS

LINEAR = (LinearLearnerClassifier, LinearLearnerRegressor)
BOTH = (FactorizationMachinesClassifier, FactorizationMachinesRegressor)
USERS = np.random.default_rng(0).integers(8, size=150)
FILMS = np.random.default_rng(1).integers(9, size=150)
X = np.hstack([np.eye(8)[USERS], np.eye(9)[FILMS]])
Y = (USERS % 2 == FILMS % 2).astype(int)
QUICK = {"epochs": 4, "random_state": 0}
UNIFORM = {f"{group}_init_method": "uniform" for group in ("bias", "linear", "factors")}
F1 = {"binary_classifier_model_selection_criteria": "f1"}


def kind_of(model):
    if not hasattr(model, "classes_"):
        return "regressor"
    return "binary_classifier" if len(model.classes_) == 2 else "multiclass_classifier"


def applies(entry, model):
    """Whether a hyperparameter has an effect."""
    settings, kind = model.get_params(), kind_of(model)
    auto = {"optimizer": AUTO_OPTIMIZER[model._algorithm], "loss": DEFAULT_LOSS[kind]}
    settings |= {name: auto[name] for name in auto if settings.get(name) == "auto"}
    return kind in entry.predictor_types and all(
        settings[name] in allowed for name, allowed in entry.requires
    )


def check(model, *without):
    """Whether each "auto" that has an effect became a value, and no other did."""
    found = {**model.best_params_, **model.resolved_params_}
    # What candidates of Linear Learner are told in place of flags and numbers.
    if "scaling" in found:
        found["normalize_data"] = found["scaling"]
    if found.get("schedule", "step") != "step":
        without += tuple(name for name in model._table if "lr_scheduler_" in name)
    for name, entry in model._table.items():
        if not applies(entry, model):
            assert name not in found, name
        elif getattr(model, name) == "auto" and name not in without:
            assert found[name] != "auto", name
            assert found[name] is not None, name


@pytest.mark.parametrize("solver", ["gradient", "als", "mcmc"])
@pytest.mark.parametrize("more", [{}, UNIFORM, F1, {"num_models": 3}], ids=str)
@pytest.mark.parametrize("cls", BOTH)
def test_no_auto_stays_one(cls, solver, more):
    if cls is BOTH[1] and more == F1:
        pytest.skip("a criterion of classifiers")
    check(cls(solver=solver, random_state=0, **more).fit(X, Y))


@pytest.mark.parametrize("optimizer", ["auto", "sgd", "adam", "rmsprop", "ftrl"])
@pytest.mark.parametrize("cls", BOTH)
def test_nor_with_another_optimizer(cls, optimizer):
    model = cls(**QUICK, optimizer=optimizer, mini_batch_size=50).fit(X, Y)
    check(model)
    summed = optimizer in ("auto", "ftrl")
    assert model.resolved_params_["rescale_grad"] == (1.0 if summed else 1 / 50)


@pytest.mark.parametrize("cls", BOTH)
def test_nor_in_a_stream(cls):
    first = {"classes": [0, 1]} if cls is BOTH[0] else {}
    model = cls(random_state=0).partial_fit(X, Y, **first)
    check(model, "epochs", "early_stopping_patience")
    assert {"epochs", "early_stopping_patience"}.isdisjoint(model.resolved_params_)


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("solver", ["gradient", "mcmc"])
def test_the_values_make_the_same_model(cls, solver):
    model = cls(**QUICK, solver=solver).fit(X, Y)
    values = {**model.best_params_, **model.resolved_params_}
    # Whose "auto" no number stands for.
    same_start = {f"{group}_init_sigma" for group in ("bias", "linear", "factors")}
    left_out = {"clip_gradient", "bias_init_sigma"}
    if solver == "mcmc":
        left_out |= same_start
    known = {name: values[name] for name in model._table if name in values}
    told = clone(model).set_params(
        **{name: value for name, value in known.items() if name not in left_out}
    )
    told.fit(X, Y)
    for name in ("coef_", "intercept_", "factors_"):
        np.testing.assert_array_equal(getattr(told, name), getattr(model, name))


@pytest.mark.parametrize("groups", [None, [0] * 8 + [1] * 9])
def test_decays_of_als_have_a_number_for_each_group(groups):
    model = BOTH[1](**QUICK, solver="als", groups=groups).fit(X, Y)
    n_groups = 1 if groups is None else 2
    for name in ("linear_wd", "factors_wd"):
        assert len(model.resolved_params_[name]) == n_groups
        assert min(model.resolved_params_[name]) > 0
    told = BOTH[1](**QUICK, solver="als", linear_wd=0.25, factors_wd=0.5).fit(X, Y)
    given = {"num_factors": 14, "linear_wd": 0.25, "factors_wd": 0.5}
    assert told.best_params_.items() >= given.items()
    assert {"linear_wd", "factors_wd"}.isdisjoint(told.resolved_params_)


def test_a_fit_that_goes_on_has_no_start():
    model = BOTH[1](**QUICK, warm_start=True).fit(X, Y)
    assert "factors_init_sigma" in model.resolved_params_
    assert "factors_init_sigma" not in model.fit(X, Y).resolved_params_


# Columns apart, so that the intercept is not one of many like it.
DENSE = np.random.default_rng(2).normal(size=(150, 5)) + np.arange(5)
NUMBERS = DENSE @ np.arange(5.0) + np.random.default_rng(3).normal(size=150)
LABELS = {
    "regressor": NUMBERS,
    "binary": np.where(NUMBERS > 30, "yes", "no"),
    "multiclass": np.digitize(NUMBERS, np.quantile(NUMBERS, [0.3, 0.7])),
}
SETTINGS = {
    "defaults": {},
    "step": {"lr_scheduler_step": 20},
    "constant": {"use_lr_scheduler": False},
    "no bias": {"use_bias": False},
    "uniform": {"init_method": "uniform"},
    "rules": {"sagemaker_rules": True},
    "one": {"num_models": 1, "cv": False},
    "momentum": {"optimizer": "sgd", "momentum": 0.5},
    "sgd": {"optimizer": "sgd"},
    "rmsprop": {"optimizer": "rmsprop"},
    "unscaled": {"normalize_data": False, "unbias_data": False},
}


def linear(task, **settings):
    return LINEAR[task == "regressor"](**QUICK, **settings)


@pytest.mark.parametrize("rows", [DENSE, sp.csr_array(X)], ids=["dense", "csr"])
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("task", LABELS)
def test_no_auto_of_linear_learner_stays_one(task, settings, rows):
    check(linear(task, **SETTINGS[settings]).fit(rows, LABELS[task]))


@pytest.mark.parametrize("criterion", ["accuracy", "f1", "loss_function"])
def test_nor_that_of_criteria(criterion):
    model = linear(
        "binary",
        binary_classifier_model_selection_criteria=criterion,
        positive_example_weight_mult="auto",
    ).fit(DENSE, LABELS["binary"])
    check(model)
    found = model.resolved_params_["positive_example_weight_mult"]
    assert found == ("balanced" if criterion == "f1" else 1.0)
    calibrated = "num_calibration_samples" in model.resolved_params_
    assert calibrated == (criterion != "loss_function")


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("task", LABELS)
def test_nor_in_a_stream_of_linear_learner(task, settings):
    first = {} if task == "regressor" else {"classes": np.unique(LABELS[task])}
    model = linear(task, **SETTINGS[settings]).partial_fit(DENSE, LABELS[task], **first)
    gone = {"epochs", "early_stopping_patience"}
    check(model, *gone)
    assert gone.isdisjoint(model.resolved_params_)
    model.partial_fit(DENSE, LABELS[task])
    # It starts where the first call ended.
    check(model, *gone, "init_method")
    assert "init_method" not in model.resolved_params_


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("task", LABELS)
def test_the_values_make_the_same_linear_model(task, settings):
    model = linear(task, **SETTINGS[settings]).fit(DENSE, LABELS[task])
    values = model.resolved_params_
    told = clone(model).set_params(
        **{
            name: values[name]
            for name in model._table
            # No start that can be asked for is at zeros.
            if name in values and values[name] != "zeros"
        }
    )
    told.fit(DENSE, LABELS[task])
    for name in ("coef_", "intercept_"):
        np.testing.assert_array_equal(getattr(told, name), getattr(model, name))


def test_a_cosine_is_not_stopped():
    model = linear("regressor").fit(DENSE, NUMBERS)
    assert model.resolved_params_["early_stopping_patience"] == 4
    model = linear("regressor", use_lr_scheduler=False).fit(DENSE, NUMBERS)
    assert model.resolved_params_["early_stopping_patience"] == 3


def test_candidates_are_counted():
    model = linear("regressor", learning_rate=0.1, wd=0.0, l1=0.0)
    # Two scalings are left to vary.
    assert model.fit(DENSE, NUMBERS).resolved_params_["num_models"] == 2


def test_a_linear_fit_that_goes_on_has_no_start():
    model = linear("regressor", warm_start=True).fit(DENSE, NUMBERS)
    assert model.resolved_params_["init_method"] == "zeros"
    assert "init_method" not in model.fit(DENSE, NUMBERS).resolved_params_
