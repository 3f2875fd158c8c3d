"""The hyperparameters of Linear Learner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn_sagemaker._hyperparameters.entry import (
    BINARY,
    CLASSIFIERS,
    MULTICLASS,
    REGRESSOR,
    Hyperparameter,
    Requirement,
    choice,
    flag,
    number,
    when,
)
from sklearn_sagemaker._kernels import LINEAR_CHOICES, LOSSES, OPTIMIZERS

SOLVER = "newton"
"""The optimizer that takes no steps of ours: it solves for the optimum."""
OF_STEPS = (
    "mini_batch_size", "epochs", "learning_rate", "momentum", "beta_1", "beta_2",
    "bias_lr_mult", "init_method", "init_bias", "use_lr_scheduler",
    "lr_scheduler_step", "lr_scheduler_factor", "lr_scheduler_minimum_lr",
    "early_stopping_patience", "early_stopping_tolerance", "sagemaker_rules",
)  # fmt: skip
"""Who sets one of these asks for the steps that it belongs to."""
CRITERION = "binary_classifier_model_selection_criteria"


def steps_given(
    values: Mapping[str, Any], table: Mapping[str, Hyperparameter]
) -> list[str]:
    """Names of what the user has set that only steps heed.

    Parameters
    ----------
    values : mapping of str to value
        Hyperparameters; those that are missing have their defaults.
    table : mapping of str to Hyperparameter
    """
    return [
        name
        for name in OF_STEPS
        if values.get(name, "auto") not in ("auto", table[name].default)
    ]


def _losses(*predictor_types: str) -> tuple[str, ...]:
    """Losses of some predictor types."""
    return tuple(
        name
        for name, loss in LOSSES.items()
        if set(loss.predictor_types) & set(predictor_types)
    )


def _of_losses(parameter: str) -> Requirement:
    """A parameter of losses needs one of them."""
    return when(
        "loss", *(name for name, loss in LOSSES.items() if loss.parameter == parameter)
    )


def _of_optimizers(constant: str) -> Requirement:
    """A constant of steps needs an optimizer that reads it."""
    names = {
        optimizer.variant_of or optimizer.name: None
        for optimizer in OPTIMIZERS.values()
        if optimizer.uses(constant)
    }
    return when("optimizer", *(name for name in names if name in LINEAR_CHOICES))


LINEAR_LEARNER = (
    choice(
        "loss",
        "auto",
        "auto",
        'Loss to minimise. "auto" is "logistic" for two classes, "softmax_loss" for '
        "more.",
        ("auto", *_losses(*CLASSIFIERS)),
        predictor_types=CLASSIFIERS,
    ),
    choice(
        "loss",
        "auto",
        "auto",
        'Loss to minimise. "auto" is "squared_loss", the squared error itself, without '
        "a factor of one half.",
        ("auto", *_losses(REGRESSOR)),
        predictor_types=(REGRESSOR,),
    ),
    choice(
        CRITERION,
        "accuracy",
        "accuracy",
        "What the selected model, and its threshold, do best on the validation rows. "
        "The criteria with a target take the best precision (or recall) among the "
        "thresholds that reach target_recall (or target_precision). "
        '"loss_function" and "cross_entropy_loss" leave the threshold at 0.5.',
        (
            "accuracy",
            "f1",
            "f_beta",
            "precision_at_target_recall",
            "recall_at_target_precision",
            "cross_entropy_loss",
            "loss_function",
        ),
        predictor_types=(BINARY,),
    ),
    number(
        "mini_batch_size", "int", "auto", 1000,
        'Rows of a mini-batch. "auto" is between 16 and 1000, so that small data get '
        "enough updates; a number is obeyed.",
        1, auto=True,
    ),
    number(
        "epochs", "int", "auto", 15,
        'Passes over the data at most. "auto" is 15, and as many more as it takes to '
        "make 1500 updates.",
        1, auto=True,
    ),
    number(
        "num_models", "int", "auto", "auto",
        'Candidate models to train in the one pass. "auto" is 32, or some fewer where '
        "L1 penalties that are solved stay behind. Candidates are distinct, so there "
        "are fewer when most hyperparameters are fixed.",
        1, auto=True,
    ),
    choice(
        "optimizer", "auto", "auto",
        'How weights are found. "newton" solves for the optimum of each candidate; '
        'the others take steps towards it. "auto" solves where that pays and no value '
        'asks for steps, and is "adam" elsewhere. SageMaker\'s guide names "adagrad"; '
        "its container and its SDK have the others only.",
        ("auto", *LINEAR_CHOICES, SOLVER),
    ),
    number(
        "learning_rate", "float", "auto", "auto",
        'Size of a step. "auto" varies it over the candidates.',
        0.0, auto=True,
    ),
    number(
        "wd", "float", "auto", "auto",
        'L2 penalty ``wd / 2 * ||w||**2``. "auto" varies it over the candidates.',
        0.0, closed="left", auto=True,
    ),
    number(
        "l1", "float", "auto", "auto",
        'L1 penalty ``l1 * ||w||_1``. "auto" varies it over the candidates.',
        0.0, closed="left", auto=True,
    ),
    number(
        "momentum", "float", "auto", "auto", 'Momentum of sgd. "auto" is 0.',
        0.0, 1.0, closed="left", auto=True, requires=_of_optimizers("momentum"),
    ),
    number(
        "beta_1", "float", "auto", "auto",
        'Decay of adam\'s mean of gradients. "auto" is 0.9.',
        0.0, 1.0, closed="left", auto=True, requires=_of_optimizers("beta_1"),
    ),
    number(
        "beta_2", "float", "auto", "auto",
        'Decay of the mean of squared gradients of adam and rmsprop. "auto" is 0.999.',
        0.0, 1.0, closed="left", auto=True,
        requires=_of_optimizers("beta_2"),
    ),
    flag("use_bias", True, True, "Whether to fit an intercept."),
    number(
        "bias_lr_mult", "float", "auto", "auto",
        'Learning rate of the intercept, times ``learning_rate``. "auto" is 10, but 1 '
        "for dense features that are not centred.",
        0.0, auto=True, requires=when("use_bias", True),
    ),
    number(
        "bias_wd_mult", "float", "auto", "auto",
        'L2 penalty of the intercept, times ``wd``. "auto" is 0.',
        0.0, closed="left", auto=True, requires=when("use_bias", True),
    ),
    choice(
        "init_method", "auto", "uniform",
        'Starting weights: "uniform" in [-init_scale, init_scale], "normal" with '
        'deviation init_sigma. "auto" is zero, which the convex losses do not mind.',
        ("auto", "uniform", "normal"),
    ),
    number(
        "init_scale", "float", 0.07, 0.07, 'For init_method="uniform".', 0.0,
        requires=when("init_method", "uniform"),
    ),
    number(
        "init_sigma", "float", 0.01, 0.01, 'For init_method="normal".', 0.0,
        requires=when("init_method", "normal"),
    ),
    Hyperparameter(
        "init_bias", "float", 0.0, 0.0, "Starting value of the intercept.",
        requires=when("use_bias", True),
    ),
    flag(
        "use_lr_scheduler", True, True,
        "Whether the learning rate falls during training.",
    ),
    number(
        "lr_scheduler_step", "int", "auto", "auto",
        'Updates between two falls of the learning rate. With all three of "auto" the '
        "rate follows half a cosine to zero over all epochs.",
        1, auto=True, requires=when("use_lr_scheduler", True),
    ),
    number(
        "lr_scheduler_factor", "float", "auto", "auto",
        "Factor of each fall.", 0.0, 1.0, auto=True,
        requires=when("use_lr_scheduler", True),
    ),
    number(
        "lr_scheduler_minimum_lr", "float", "auto", "auto",
        "The learning rate never falls below this.", 0.0, auto=True,
        requires=when("use_lr_scheduler", True),
    ),
    flag(
        "normalize_data", "auto", True,
        'Whether to divide features by their standard deviation. "auto" lets '
        "candidates differ. Dense data: some divide by it, some by no less than the "
        "root mean square of all deviations, so that rare features are not blown up. "
        "Sparse data: some do the latter, some divide all features by the root mean "
        "square length of a row.",
        auto=True,
    ),
    flag(
        "normalize_label", "auto", "auto",
        'Whether to divide labels by their standard deviation. "auto" does.',
        auto=True, predictor_types=(REGRESSOR,),
    ),
    flag(
        "unbias_data", "auto", "auto",
        'Whether to centre features. "auto" does for dense data if use_bias, unless '
        "most values are zeros, as in images, and normalize_data is not True. Sparse "
        "data stay sparse, and with True are centred exactly all the same.",
        auto=True,
    ),
    flag(
        "unbias_label", "auto", "auto",
        'Whether to centre labels. "auto" does if use_bias.',
        auto=True, predictor_types=(REGRESSOR,),
    ),
    number(
        "num_point_for_scaler", "int", 10000, 10000,
        "Rows, the first ones, that means and deviations are taken from.", 1,
    ),
    number(
        "early_stopping_patience", "int", "auto", 3,
        'Epochs without an improvement before a candidate stops. "auto" is 3, but '
        "lets a cosine schedule run to its end.",
        1, auto=True,
    ),
    number(
        "early_stopping_tolerance", "float", 0.001, 0.001,
        "Relative improvement of the validation loss that counts as one.", 0.0,
    ),
    flag(
        "sagemaker_rules", False, True,
        "Whether to scale, stop and balance as SageMaker does where we do not. Means "
        "and deviations come from whole mini-batches, the first ones that hold more "
        "than num_point_for_scaler rows, and constant features keep their size. A "
        "candidate keeps its last epoch that improved by early_stopping_tolerance, not "
        "that of the lowest loss, and stops with the first epoch without improvement "
        "beyond early_stopping_patience. balance_multiclass_weights counts the rows "
        "that means come from.",
        ours=True,
    ),
    number(
        "num_calibration_samples", "int", 10_000_000, 10_000_000,
        'Validation rows at most that the threshold is calibrated on. "auto" is '
        "10,000,000.", 1,
        auto=True, predictor_types=(BINARY,),
        requires=when(
            CRITERION, "accuracy", "f1", "f_beta", "precision_at_target_recall",
            "recall_at_target_precision",
        ),
    ),
    Hyperparameter(
        "positive_example_weight_mult", "float", 1.0, 1.0,
        "Factor of the loss of positive rows, in training and in the validation "
        "loss. Criteria, thresholds and all metrics but objective_loss see sample "
        'weights only. "balanced" is negatives / positives, by sample weight. "auto" '
        'is what trains best here: 1 for the criteria "accuracy", '
        '"cross_entropy_loss" and "loss_function", "balanced" for the others.',
        predictor_types=(BINARY,), low=0.0, choices=("auto", "balanced"),
    ),
    number(
        "target_recall", "float", 0.8, 0.8,
        'Recall to reach, for the criterion "precision_at_target_recall".',
        0.0, 1.0,
        predictor_types=(BINARY,),
        requires=when(CRITERION, "precision_at_target_recall"),
    ),
    number(
        "target_precision", "float", 0.8, 0.8,
        'Precision to reach, for the criterion "recall_at_target_precision".',
        0.0, 1.0,
        predictor_types=(BINARY,),
        requires=when(CRITERION, "recall_at_target_precision"),
    ),
    number(
        "f_beta", "float", 1.0, 1.0,
        'How many times as much recall counts as precision in the criterion "f_beta" '
        "and in the metrics binary_f_beta and macro_f_beta.", 0.0,
        predictor_types=CLASSIFIERS,
    ),
    number(
        "margin", "float", 1.0, 1.0,
        'Margin of "hinge_loss": positive rows should score at least '
        "``(1 + margin) / 2``, the others at most ``(1 - margin) / 2``.",
        0.0, closed="left",
        predictor_types=(BINARY,), requires=_of_losses("margin"),
    ),
    number(
        "accuracy_top_k", "int", 3, 3,
        "k of the metric multiclass_top_k_accuracy.", 1, 1_000_000, closed="both",
        predictor_types=(MULTICLASS,),
    ),
    flag(
        "balance_multiclass_weights", False, False,
        "Whether to multiply the loss of each row by one over the frequency of its "
        "class, in training and in the validation loss.",
        predictor_types=(MULTICLASS,),
    ),
    number(
        "quantile", "float", 0.5, 0.5, 'Quantile of "quantile_loss".', 0.0, 1.0,
        predictor_types=(REGRESSOR,), requires=_of_losses("quantile"),
    ),
    number(
        "loss_insensitivity", "float", 0.01, 0.01,
        "Half width of the band in which the eps_insensitive losses are zero, in the "
        "units of y.", 0.0,
        predictor_types=(REGRESSOR,),
        requires=_of_losses("loss_insensitivity"),
    ),
    number(
        "huber_delta", "float", 1.0, 1.0,
        'Error from which on "huber_loss" is linear, in the units of y.',
        0.0, closed="left",
        predictor_types=(REGRESSOR,), requires=_of_losses("huber_delta"),
    ),
)  # fmt: skip
