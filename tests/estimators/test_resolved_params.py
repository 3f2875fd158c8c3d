"""What "auto" became: in ``resolved_params_``, or in ``best_params_``."""

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
)

BOTH = (FactorizationMachinesClassifier, FactorizationMachinesRegressor)
USERS = np.random.default_rng(0).integers(8, size=150)
FILMS = np.random.default_rng(1).integers(9, size=150)
X = np.hstack([np.eye(8)[USERS], np.eye(9)[FILMS]])
Y = (USERS % 2 == FILMS % 2).astype(int)
QUICK = {"epochs": 4, "random_state": 0}
UNIFORM = {f"{group}_init_method": "uniform" for group in ("bias", "linear", "factors")}
F1 = {"binary_classifier_model_selection_criteria": "f1"}


def applies(entry, model):
    """Whether a hyperparameter has an effect."""
    settings = {**model.get_params(), "optimizer": "adagrad"}
    if model.optimizer != "auto":
        settings["optimizer"] = model.optimizer
    return all(settings[name] in allowed for name, allowed in entry.requires)


def check(model, *without):
    """Whether each "auto" that has an effect became a value, and no other did."""
    found = {**model.best_params_, **model.resolved_params_}
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
    assert told.best_params_ == {
        "num_factors": 16,
        "linear_wd": 0.25,
        "factors_wd": 0.5,
    }
    assert {"linear_wd", "factors_wd"}.isdisjoint(told.resolved_params_)


def test_a_fit_that_goes_on_has_no_start():
    model = BOTH[1](**QUICK, warm_start=True).fit(X, Y)
    assert "factors_init_sigma" in model.resolved_params_
    assert "factors_init_sigma" not in model.fit(X, Y).resolved_params_
