"""What a spec of Factorization Machines means, and the candidates that it makes."""

import numpy as np
import pytest

from sklearn_sagemaker._columns import start_numbers
from sklearn_sagemaker._hyperparameters.tables import HYPERPARAMETERS
from sklearn_sagemaker._kernels import FACTOR_CHOICES, OPTIMIZERS, RowReader
from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.training.factors.gradient import GradientModel, Scaler
from sklearn_sagemaker.training.factors.settings import (
    EPOCHS,
    FACTORS,
    INIT_SIGMA,
    VARIATIONS,
    FactorSettings,
    start_of,
)

KINDS = ("regressor", "binary_classifier", "multiclass_classifier")
GROUPS = ("bias", "linear", "factors")


def hyperparameters(**changed):
    """Hyperparameters with our defaults, some of them changed."""
    table = HYPERPARAMETERS["factorization-machines"]
    values = {entry.name: entry.default for entry in table}
    assert set(changed) <= set(values)
    return {**values, **changed}


def settings(kind="regressor", **changed):
    values = hyperparameters(**changed)
    return FactorSettings(TrainingSpec("factorization-machines", kind, values))


def rows_of(candidates):
    return [candidates.params(number) for number in range(len(candidates))]


# ----------------------------------------------------------------------- candidates
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("optimizer", FACTOR_CHOICES)
@pytest.mark.parametrize("num_models", [1, 2, 5, 8, 50])
def test_candidates_are_distinct_and_as_many_as_were_asked_for(
    kind, optimizer, num_models
):
    made = settings(kind, optimizer=optimizer, num_models=num_models).candidates()
    rows = rows_of(made)
    assert len(made) == len(rows) == min(num_models, len(VARIATIONS))
    assert all(one != other for n, one in enumerate(rows) for other in rows[:n])
    assert rows[0]["num_factors"] == FACTORS["gradient"]
    defaults = OPTIMIZERS[optimizer].factors
    wanted = np.array(defaults.rates)
    if kind != "regressor":
        wanted = wanted * defaults.log_loss_rate
    found = rows[0]["linear_lr"], rows[0]["factors_lr"]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["num_factors", "linear_lr", "factors_lr", "linear_wd", "factors_wd",
             "bias_lr"],
)  # fmt: skip
@pytest.mark.parametrize("optimizer", FACTOR_CHOICES)
def test_what_the_user_sets_is_so_in_all_candidates(kind, name, optimizer):
    value = 7 if name == "num_factors" else 0.123
    made = settings(kind, num_models=8, optimizer=optimizer, **{name: value})
    rows = rows_of(made.candidates(square=0.3))
    assert 1 < len(rows) <= 8
    assert {row[name] for row in rows} == {value}
    assert all(one != other for n, one in enumerate(rows) for other in rows[:n])


def test_nothing_left_to_us_is_one_candidate():
    own = {"num_factors": 3, "linear_lr": 0.1, "factors_lr": 0.2, "linear_wd": 0.0,
           "factors_wd": 0.0}  # fmt: skip
    made = settings(num_models=8, **own).candidates()
    assert rows_of(made) == [{**own, "bias_lr": 0.1, "axis_decay": 1.0}]


def test_numbers_of_factors_alone_are_few_candidates():
    own = {"linear_lr": 0.1, "factors_lr": 0.2, "linear_wd": 0.0, "factors_wd": 0.0}
    found = [row["num_factors"] for row in rows_of(
        settings(num_models=8, **own).candidates()
    )]  # fmt: skip
    assert found == [64, 32, 8, 16]


def test_fewer_candidates_are_the_first_ones():
    many = rows_of(settings(num_models=8).candidates())
    for count in (1, 3):
        assert rows_of(settings(num_models=count).candidates()) == many[:count]


@pytest.mark.parametrize("kind", KINDS)
def test_decays_grow_with_the_squares_of_the_values(kind):
    one, small = (
        rows_of(settings(kind, num_models=8).candidates(square))
        for square in (1.0, 0.25)
    )
    for wide, narrow in zip(one, small, strict=True):
        for name in ("linear_wd", "factors_wd"):
            assert narrow[name] == pytest.approx(0.25 * wide[name])
        for name in ("linear_lr", "factors_lr", "num_factors"):
            assert narrow[name] == wide[name]
    fixed = settings(kind, linear_wd=0.3, factors_wd=0.2).candidates(0.25).params(0)
    assert (fixed["linear_wd"], fixed["factors_wd"]) == (0.3, 0.2)


def test_the_intercept_has_the_rate_of_the_linear_weights():
    for row in rows_of(settings(num_models=8).candidates()):
        assert row["bias_lr"] == row["linear_lr"]
    assert settings(linear_lr=0.5).candidates().params(0)["bias_lr"] == 0.5
    own = settings(linear_lr=0.5, bias_lr=0.0).candidates().params(0)
    assert own["bias_lr"] == 0.0


def test_candidates_are_plain_values():
    row = settings().candidates().params(0)
    assert type(row["num_factors"]) is int
    assert all(type(row[name]) is float for name in row if name != "num_factors")


# ----------------------------------------------------------------------- other rules
@pytest.mark.parametrize("solver", ["gradient", "als", "mcmc"])
def test_epochs(solver):
    made = settings(solver=solver)
    if solver != "gradient":
        assert made.epochs(True) == made.epochs(False) == EPOCHS[solver]
    else:
        assert made.epochs(True) == EPOCHS["validated"]
        assert made.epochs(False) == EPOCHS["blind"]
    for validated in (True, False):
        assert settings(solver=solver, epochs=7).epochs(validated) == 7


@pytest.mark.parametrize("optimizer", FACTOR_CHOICES)
def test_eps(optimizer):
    found = settings(optimizer=optimizer).values["eps"]
    assert found == OPTIMIZERS[optimizer].factors.eps
    assert settings(optimizer=optimizer, eps=0.5).values["eps"] == 0.5


def test_gradients_are_clipped_and_rescaled_as_the_user_says():
    assert settings().clip == np.inf
    assert settings(clip_gradient=2.5).clip == 2.5
    assert settings(optimizer="adam").rescale == 0.0
    assert settings(optimizer="adagrad").rescale == 1.0
    assert settings(rescale_grad=0.001).rescale == 0.001


def test_what_auto_becomes():
    values = settings().values
    assert values["optimizer"] == "adagrad"
    assert values["mini_batch_size"] == 1
    assert values["early_stopping_patience"] == 4
    assert values["bias_wd"] == 0.0


@pytest.mark.parametrize("name", ["linear_lr", "factors_lr"])
def test_own_rates(name):
    assert not settings().own_rates
    assert not settings(bias_lr=0.1).own_rates
    assert settings(**{name: 0.1}).own_rates


# --------------------------------------------------------------------------- starts
def start(group, shape=(40, 50), auto_sigma=0.2, **changed):
    rule = start_of(hyperparameters(**changed), group, auto_sigma, [0])
    return start_numbers(rule, np.arange(shape[0]), shape[1])


@pytest.mark.parametrize("group", GROUPS)
def test_normal_starts(group):
    auto = start(group)
    assert auto.shape == (40, 50)
    assert abs(auto.mean()) < 0.02
    assert auto.std() == pytest.approx(0.2, rel=0.05)
    own = start(group, **{f"{group}_init_sigma": 3.0})
    np.testing.assert_allclose(own, 15 * auto)
    assert np.abs(own).max() > 6.0
    assert not start(group, **{f"{group}_init_sigma": 0.0}).any()
    assert not start(group, auto_sigma=0.0).any()


@pytest.mark.parametrize("group", GROUPS)
def test_uniform_starts(group):
    method = {f"{group}_init_method": "uniform"}
    auto = start(group, **method)
    assert auto.std() == pytest.approx(0.2, rel=0.05)
    own = start(group, **method, **{f"{group}_init_scale": 0.5})
    assert -0.5 <= own.min() < -0.49
    assert 0.49 < own.max() <= 0.5
    assert not start(group, **method, **{f"{group}_init_scale": 0.0}).any()


@pytest.mark.parametrize("group", GROUPS)
def test_constant_starts(group):
    method = {f"{group}_init_method": "constant"}
    assert not start(group, **method).any()
    own = start(group, **method, **{f"{group}_init_value": -1.5})
    np.testing.assert_array_equal(own, np.full((40, 50), -1.5))


@pytest.mark.parametrize("group", GROUPS)
def test_settings_of_other_groups_do_not_matter(group):
    others = {}
    for other in set(GROUPS) - {group}:
        others |= {f"{other}_init_method": "constant", f"{other}_init_value": 9.0}
    np.testing.assert_array_equal(start(group, **others), start(group))


def model(kind="regressor", n_outputs=1, seed=(1, 2), **changed):
    made = settings(kind, num_factors=500, **changed)
    return GradientModel(
        made,
        made.candidates().params(0),
        RowReader(np.zeros((2, 30))),
        n_outputs,
        Scaler(),
        np.full(n_outputs, 5.0),
        list(seed),
    )


@pytest.mark.parametrize("optimizer", FACTOR_CHOICES)
def test_models_start_as_the_settings_say(optimizer):
    made = model("multiclass_classifier", 3, optimizer=optimizer)
    np.testing.assert_array_equal(made.bias[0], np.full(3, 5.0))
    assert not made.linear.any()
    assert made.factors.shape[::2] == (30, 1500)
    assert made.factors[:, 0].std() == pytest.approx(INIT_SIGMA, rel=0.05)
    for part in (made.bias[1:], made.linear[:, 1:], made.factors[:, 1:]):
        assert not part.any()
    again = model("multiclass_classifier", 3, optimizer=optimizer)
    np.testing.assert_array_equal(made.factors, again.factors)
    other = model("multiclass_classifier", 3, seed=(1, 3), optimizer=optimizer)
    assert (made.factors[:, 0] != other.factors[:, 0]).all()


def test_an_intercept_that_the_user_starts():
    assert model(bias_init_sigma=0.0).bias[0] == 0.0
    assert 0 < abs(model(bias_init_sigma=0.01).bias[0, 0]) < 0.1
    assert model(bias_init_method="constant", bias_init_value=2.0).bias[0] == 2.0
    assert abs(model(bias_init_method="uniform", bias_init_scale=0.1).bias[0, 0]) < 0.1


@pytest.mark.parametrize(
    ("classes", "factors"), [(1, 64), (2, 64), (8, 64), (16, 32), (100, 8)]
)
def test_many_classes_have_fewer_factors_each(classes, factors):
    kind = "multiclass_classifier"
    kind = {1: "regressor", 2: "binary_classifier"}.get(classes, kind)
    labels = np.arange(classes) if classes > 1 else None
    spec = TrainingSpec("factorization-machines", kind, hyperparameters(), labels)
    assert FactorSettings(spec).candidates().params(0)["num_factors"] == factors
