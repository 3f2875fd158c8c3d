"""The hyperparameters of Factorization Machines."""

from __future__ import annotations

from dataclasses import replace

from sklearn_sagemaker._hyperparameters.entry import (
    REGRESSOR,
    Hyperparameter,
    choice,
    flag,
    number,
    when,
    when_positive,
)
from sklearn_sagemaker._hyperparameters.linear_learner import CRITERION, LINEAR_LEARNER
from sklearn_sagemaker._kernels import FACTOR_CHOICES

_LINEAR = {entry.name: entry for entry in LINEAR_LEARNER}
_GRADIENT = when("solver", "gradient")
_DRAWN = when("solver", "gradient", "als")


def _rate(group: str, what: str, theirs: float, auto: str) -> Hyperparameter:
    return number(
        f"{group}_lr", "float", "auto", theirs,
        f"Learning rate of {what}. {auto}",
        0.0, closed="left", auto=True, requires=_GRADIENT,
    )  # fmt: skip


def _decay(group: str, what: str, theirs: float, auto: str) -> Hyperparameter:
    return number(
        f"{group}_wd", "float", "auto", theirs,
        f"L2 penalty of {what}. {auto}",
        0.0, closed="left", auto=True, requires=_DRAWN,
    )  # fmt: skip


def _start(group: str, what: str, sigma: float, auto: str) -> tuple:
    """Entries of how a group of parameters starts."""
    method = f"{group}_init_method"
    return (
        choice(
            method, "normal", "normal",
            f'How {what} start: "normal", "uniform" or "constant".',
            ("normal", "uniform", "constant"),
        ),
        number(
            f"{group}_init_sigma", "float", "auto", sigma,
            f"Deviation of the normal distribution, whose mean is 0. {auto}",
            0.0, closed="left", auto=True, requires=when(method, "normal"),
        ),
        number(
            f"{group}_init_scale", "float", "auto", "auto",
            "The uniform distribution is over [-scale, scale]. \"auto\" gives it the "
            "deviation of the normal one.",
            0.0, closed="left", auto=True, requires=when(method, "uniform"),
        ),
        Hyperparameter(
            f"{group}_init_value", "float", 0.0, 0.0, "The constant.",
            requires=when(method, "constant"),
        ),
    )  # fmt: skip


FACTORIZATION_MACHINES = (
    choice(
        "solver", "gradient", "gradient",
        'How the model is trained. "gradient" takes steps row by row or mini-batch by '
        'mini-batch, as SageMaker does. "als" is alternating least squares, which '
        'solves for one parameter after the other; "mcmc" is Gibbs sampling, which '
        "draws them, and the decays with them, and averages the predictions of many "
        "draws. Both keep a copy of X by columns, and classify by a probit link.",
        ("gradient", "als", "mcmc"), ours=True,
    ),
    number(
        "num_factors", "int", "auto", 64,
        'Factors of each feature, k. "auto" is 64 for "gradient" and 14 for '
        "the others; with more than 8 classes as many fewer, down to 8.",
        1, auto=True,
    ),
    choice(
        "optimizer", "auto", "adam",
        'How the gradient solver steps. "auto" is "adagrad". "adam" is MXNet\'s: its '
        "states change only with the rows that touch them. SageMaker has it alone.",
        ("auto", *FACTOR_CHOICES),
        ours=True, requires=_GRADIENT,
    ),
    number(
        "epochs", "int", "auto", 1,
        'Passes over the data at most; draws of "mcmc". "auto" is 100 with '
        'validation rows to stop by, and else 15; for "als" 50, for "mcmc" 100.',
        1, auto=True,
    ),
    number(
        "mini_batch_size", "int", "auto", 1000,
        'Rows of a mini-batch. "auto" is 1: a step for each row.',
        1, auto=True, requires=_GRADIENT,
    ),
    number(
        "num_models", "int", "auto", 1,
        "Candidate models to train side by side. They differ in learning rates, decays "
        "and number of factors, as far as these are left to us; the best one on the "
        'validation rows is kept. "auto" is one; with "gradient" and validation rows '
        "also its linear part alone, and on small data two of other rates and decays "
        "(and fewer factors); with the other solvers the linear part alone if rows are "
        "few.",
        1, auto=True, ours=True,
    ),
    number(
        "clip_gradient", "float", "auto", "auto",
        "Gradients are clipped to [-clip_gradient, clip_gradient], after "
        'rescale_grad. "auto" does not clip.',
        0.0, auto=True, requires=_GRADIENT,
    ),
    number(
        "eps", "float", "auto", "auto",
        'Small number in the denominator of a step. "auto" is 1 for adagrad, and for '
        "ftrl, whose beta it is, and 1e-8 for the others.",
        0.0, auto=True, requires=_GRADIENT,
    ),
    number(
        "rescale_grad", "float", "auto", "auto",
        "Gradients, sums over a mini-batch, are multiplied by this first. \"auto\" is "
        "one over the rows of the mini-batch, but 1 for adagrad and ftrl.",
        0.0, auto=True, requires=_GRADIENT,
    ),
    _rate("bias", "the intercept", 0.1, '"auto" is that of the linear weights.'),
    _rate(
        "linear", "the linear weights", 0.001,
        '"auto" depends on the optimizer, and varies over num_models.',
    ),
    _rate(
        "factors", "the factors", 0.0001,
        '"auto" depends on the optimizer, and varies over num_models.',
    ),
    _decay("bias", "the intercept", 0.01, '"auto" is 0.'),
    _decay(
        "linear", "the linear weights", 0.001,
        "The gradient solver adds it with each row (or mini-batch) that holds the "
        'feature; "als" adds wd / 2 times the sum of squares to the mean loss. "auto" '
        "depends on the solver, and varies over num_models.",
    ),
    _decay(
        "factors", "the factors", 0.00001,
        'As linear_wd. "auto" depends on the solver, and varies over num_models.',
    ),
    number(
        "axis_decay", "float", "auto", 1.0,
        "Times factors_wd, at most, that the factors decay along the axes along which "
        "they vary little; along others it is less, and factors_wd along the first. "
        'Then the data decide how many axes there are. 1 decays all alike. "auto" is 1 '
        "and varies over num_models.",
        1.0, closed="left", auto=True, ours=True,
        requires=(*_GRADIENT, *when("optimizer", "auto", "adagrad")),
        predictor_types=(REGRESSOR,),
    ),
    *_start(
        "bias", "the intercept's values", 0.01,
        '"auto" starts at the best constant model.',
    ),
    *_start("linear", "the linear weights", 0.01, '"auto" is 0.'),
    *_start("factors", "the factors", 0.001, '"auto" depends on the solver.'),
    number(
        "num_draws", "int", "auto", "auto",
        'Draws of "mcmc" that are kept and averaged at most, evenly thinned. "auto" '
        "is as many as take 256 MB, and 50 at most.",
        1, auto=True, ours=True, requires=when("solver", "mcmc"),
    ),
    number(
        "unobserved_weight", "float", 0.0, 0.0,
        "For rows that are clicks, purchases and the like. Above 0, each pair of a "
        "query (such as a user) and an item that no row has counts as a row of label 0 "
        "and of this weight, where the mean weight of a row is 1; 0.1 to 1 are usual. "
        "The pairs are never made.",
        0.0, closed="left", ours=True, requires=when("solver", "als"),
        predictor_types=(REGRESSOR,),
    ),
    number(
        "num_query_features", "int", "auto", "auto",
        "With unobserved_weight: how many columns, the first of X, describe the query; "
        'the others describe the item. "auto" takes one-hot queries, then one-hot '
        "items.",
        1, auto=True, ours=True, requires=when_positive("unobserved_weight"),
        predictor_types=(REGRESSOR,),
    ),
    flag(
        "normalize_data", "auto", False,
        "Whether to standardise dense features, and to scale sparse ones whose "
        "stored values are large or tiny. The model is in the units of X all the same. "
        '"auto" does.',
        auto=True, ours=True,
    ),
    flag(
        "normalize_label", "auto", False,
        'Whether to centre labels and divide them by their standard deviation. "auto" '
        "does.",
        auto=True, ours=True, predictor_types=(REGRESSOR,),
    ),
    number(
        "early_stopping_patience", "int", "auto", "auto",
        "Epochs without an improvement on the validation rows before a candidate "
        'stops. "auto" is 4; it is 24 for the "als" solver if it chooses factors_wd. '
        "Without validation rows all epochs are trained.",
        1, auto=True, ours=True,
    ),
    number(
        "early_stopping_tolerance", "float", 0.0, 0.0,
        "Relative improvement of the validation loss that counts as one.",
        0.0, closed="left", ours=True,
    ),
    replace(
        _LINEAR[CRITERION],
        default="loss_function",
        sagemaker_default="loss_function",
        doc="What the selected model, and its threshold, do best on the validation "
        'rows. "loss_function" and "cross_entropy_loss" leave the threshold at '
        "SageMaker's 0.5. The criteria with a target take the best precision (or "
        "recall) among the thresholds that reach target_recall (or target_precision).",
        ours=True,
    ),
    *(
        replace(_LINEAR[name], ours=True)
        for name in (
            "num_calibration_samples", "target_recall", "target_precision", "f_beta",
            "accuracy_top_k",
        )
    ),
)  # fmt: skip
