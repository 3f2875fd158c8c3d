"""What the hyperparameters of a spec mean."""

import numpy as np
import pytest

from sklearn_sagemaker._kernels import DEFAULT_LOSS, LOSSES
from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.training.columns import Columns
from sklearn_sagemaker.training.linear.settings import LinearSettings
from sklearn_sagemaker.training.scaling import FeatureStatistics

from ..conftest import KINDS, hyperparameters

CRITERION = "binary_classifier_model_selection_criteria"


def settings(classes=2, multiclass_criterion="loss_function", **changed):
    return LinearSettings(
        TrainingSpec(
            "linear-learner",
            KINDS[min(3, classes)],
            hyperparameters(**changed),
            np.arange(classes) if classes > 1 else None,
            multiclass_criterion=multiclass_criterion,
        )
    )


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_auto_is_resolved_and_the_spec_left_alone(classes):
    found = settings(classes)
    assert found.loss is LOSSES[DEFAULT_LOSS[KINDS[classes]]]
    assert found.values["optimizer"] == "adam"
    assert found.values["beta_2"] == 0.999
    assert found.values["bias_wd_mult"] == 0.0
    assert found.values["learning_rate"] == "auto"  # candidates choose
    assert found.spec.hyperparameters["optimizer"] == "auto"


@pytest.mark.parametrize("name", [n for n, loss in LOSSES.items() if loss.parameter])
def test_the_parameter_of_a_loss_is_its_hyperparameter(name):
    loss = LOSSES[name]
    classes = 2 if name == "hinge_loss" else 1
    found = settings(classes, loss=name, **{loss.parameter: 0.25})
    assert found.loss_parameter == 0.25
    scaler = found.label_scaler(np.array([0.0, 3.0]), np.array([1.0, 2.0]), 10.0)
    np.testing.assert_array_equal(scaler[:2], [[0.0, 3.0], [1.0, 2.0]])
    # Errors of 0.25 are 0.025 in units of 10, and half of that in those of a fold.
    in_units = [0.025, 0.0125] if loss.parameter_scales else [0.25, 0.25]
    np.testing.assert_allclose(scaler[2], in_units)


def test_a_loss_without_a_parameter_has_none():
    assert settings(1).loss_parameter == 0.0


@pytest.mark.parametrize(
    ("criterion", "value"),
    [
        ("accuracy", 1.0),
        ("f_beta", 2.0),
        ("precision_at_target_recall", 0.7),
        ("recall_at_target_precision", 0.6),
    ],
)
def test_the_value_of_a_criterion(criterion, value):
    found = settings(f_beta=2.0, target_recall=0.7, target_precision=0.6,
                     **{CRITERION: criterion})  # fmt: skip
    assert found.criterion.name == criterion
    assert found.criterion_value == value
    assert found.scores_rows


def test_rows_are_scored_only_for_criteria_that_need_it():
    assert not settings(**{CRITERION: "loss_function"}).scores_rows
    assert not settings(1).scores_rows
    assert not settings(3).scores_rows
    assert settings(3, "accuracy").scores_rows
    assert not settings(1, "accuracy").scores_rows


FULL = FeatureStatistics(np.array([0.5, 0.0]), np.array([1.0, 1.0]), zeros=0.1)
NEAR = FeatureStatistics(np.array([0.5, 0.0]), np.array([1.0, 1.0]), zeros=0.8)
FAR = FeatureStatistics(np.array([0.5, -3.0]), np.array([1.0, 1.0]), zeros=0.8)
SPARSE = FeatureStatistics(FAR.mean, FAR.deviation, np.array([1.0, 0.1]))
STATISTICS = {"full": FULL, "near": NEAR, "far": FAR, "sparse": SPARSE}


@pytest.mark.parametrize(
    ("changed", "centred"),
    [
        ({}, ["full", "far"]),
        ({"normalize_data": True}, ["full", "near", "far"]),
        ({"normalize_data": False}, ["full", "far"]),
        ({"use_bias": False}, []),
        ({"use_bias": False, "normalize_data": True}, []),
        ({"unbias_data": True}, ["full", "near", "far", "sparse"]),
        ({"unbias_data": True, "use_bias": False}, ["full", "near", "far", "sparse"]),
        ({"unbias_data": False, "normalize_data": True}, []),
    ],
)
def test_which_features_are_centred(changed, centred):
    found = settings(**changed)
    assert [n for n, x in STATISTICS.items() if found.shifts_features(x)] == centred


def test_an_intercept_apart_from_the_weights_takes_longer_steps():
    rates = [settings().bias_lr_mult(x) for x in STATISTICS.values()]
    assert rates == [10.0, 1.0, 10.0, 10.0]
    assert settings(unbias_data=True).bias_lr_mult(NEAR) == 10.0
    assert settings(bias_lr_mult=3.0).objective(FAR).bias_lr_mult == 3.0


def test_sgd_has_a_kernel_for_each_kind_of_momentum():
    assert settings(optimizer="sgd").kernel_optimizer == "sgd"
    assert settings(optimizer="sgd", momentum=0.9).kernel_optimizer == "momentum"
    assert settings(optimizer="adam", momentum=0.9).kernel_optimizer == "adam"
    assert settings(optimizer="rmsprop").objective(NEAR).optimizer == "rmsprop"


def test_early_stopping_counts_late_only_if_left_to_us():
    assert settings().patient
    assert settings().values["early_stopping_patience"] == 3
    assert not settings(early_stopping_patience=3).patient


# ---------------------------------------------------------------- weights of classes
Y = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 2.0])
WEIGHTS = np.array([1.0, 1.0, 4.0, 1.0, 2.0, 1.0])


def test_regression_and_plain_classes_weigh_one():
    np.testing.assert_array_equal(settings(1).class_multipliers(Y, WEIGHTS), [1, 1])
    np.testing.assert_array_equal(settings(3).class_multipliers(Y, WEIGHTS), [1, 1, 1])


@pytest.mark.parametrize(
    ("wanted", "criterion", "multiplier"),
    [
        (2.5, "accuracy", 2.5),
        ("balanced", "accuracy", 2.0),
        ("auto", "accuracy", 1.0),
        ("auto", "loss_function", 1.0),
        ("auto", "cross_entropy_loss", 1.0),
        ("auto", "f1", 2.0),
        ("auto", "precision_at_target_recall", 2.0),
    ],
)
def test_positive_rows(wanted, criterion, multiplier):
    found = settings(positive_example_weight_mult=wanted, **{CRITERION: criterion})
    np.testing.assert_array_equal(
        found.class_multipliers(Y[:5], WEIGHTS[:5]), [1.0, multiplier]
    )


def test_balanced_classes_weigh_one_over_their_share():
    found = settings(3, balance_multiclass_weights=True)
    multipliers = found.class_multipliers(Y, WEIGHTS)
    np.testing.assert_allclose(multipliers, [10 / 6, 10 / 3, 10])
    by_class = np.bincount(Y.astype(int), WEIGHTS * multipliers[Y.astype(int)])
    np.testing.assert_allclose(by_class, by_class[0])


def test_a_class_without_rows_has_a_finite_weight():
    found = settings(4, balance_multiclass_weights=True)
    assert np.isfinite(found.class_multipliers(Y, WEIGHTS)).all()
    balanced = settings(positive_example_weight_mult="balanced")
    assert np.isfinite(balanced.class_multipliers(0 * Y, WEIGHTS)).all()


# ------------------------------------------------------------------- initial weights
def test_a_model_starts_the_same_in_every_block():
    found = settings(init_method="uniform", init_scale=0.5)
    both = found.initial_weights(Columns(7), np.array([3, 5]))(4).reshape(7, 2, 2)
    one = found.initial_weights(Columns(7), np.array([5]))(2).reshape(7, 2, 1)
    np.testing.assert_array_equal(both[:, :, 1:], one)
    assert 0.3 < np.abs(both).max() <= 0.5


def test_no_intercept_starts_at_zero():
    assert settings(init_bias=2.0).initial_bias == 2.0
    assert settings(init_bias=2.0, use_bias=False).initial_bias == 0.0
    assert settings().initial_weights(Columns(3), np.arange(2)) is None
