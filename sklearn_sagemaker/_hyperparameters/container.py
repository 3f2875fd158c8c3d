"""What the built-in containers take: a job's hyperparameters, which are strings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Any

from sklearn_sagemaker._hyperparameters.entry import (
    ALL,
    BINARY,
    CLASSIFIERS,
    MULTICLASS,
    REGRESSOR,
    Hyperparameter,
    choice,
    number,
)
from sklearn_sagemaker._hyperparameters.factorization_machines import (
    FACTORIZATION_MACHINES,
)
from sklearn_sagemaker._hyperparameters.linear_learner import (
    CRITERION,
    LINEAR_LEARNER,
)

LINEAR = "linear-learner"
FACTORS = "factorization-machines"

_OURS = {LINEAR: LINEAR_LEARNER, FACTORS: FACTORIZATION_MACHINES}
# Where we take "auto", and the container of Linear Learner wants a number; that of
# Factorization Machines knows no "auto" at all.
_NO_AUTO = {"mini_batch_size", "epochs", "early_stopping_patience"}
# Written down: what is added to ours is not in theirs.
_METHODS = ("normal", "uniform", "constant")
_CHOICES = {
    CRITERION: (
        "accuracy",
        "f1",
        "f_beta",
        "precision_at_target_recall",
        "recall_at_target_precision",
        "cross_entropy_loss",
        "loss_function",
    ),
    "optimizer": ("auto", "sgd", "adam", "rmsprop"),
    "init_method": ("uniform", "normal"),
    "bias_init_method": _METHODS,
    "linear_init_method": _METHODS,
    "factors_init_method": _METHODS,
}
_LOSSES = {
    BINARY: ("auto", "logistic", "hinge_loss"),
    MULTICLASS: ("auto", "softmax_loss"),
    REGRESSOR: (
        "auto",
        "squared_loss",
        "absolute_loss",
        "eps_insensitive_squared_loss",
        "eps_insensitive_absolute_loss",
        "quantile_loss",
        "huber_loss",
    ),
}
_NO_DEFAULT = {
    "num_factors", "bias_init_value", "linear_init_value", "factors_init_value",
}  # fmt: skip
ABOVE_ZERO = {"margin", "huber_delta"}
"""The guide wants them above zero, the SDK also lets zero pass."""
REQUIRED = {
    LINEAR: ("predictor_type",),
    FACTORS: ("predictor_type", "feature_dim", "num_factors"),
}
"""What a job must have; `MULTICLASS` also needs num_classes."""


def _of_the_job(algorithm: str) -> tuple[Hyperparameter, ...]:
    """What we take from the class and the data."""
    if algorithm == FACTORS:
        return (
            choice("predictor_type", BINARY, None, "", (BINARY, REGRESSOR)),
            number("feature_dim", "int", 10_000, None, "", 1),
        )
    return (
        choice("predictor_type", BINARY, None, "", ALL),
        number("feature_dim", "int", "auto", "auto", "", 1, auto=True),
        number(
            "num_classes", "int", 3, 1, "", 3, 1_000_000, closed="both",
            predictor_types=(MULTICLASS,),
        ),
    )  # fmt: skip


def _theirs(entry: Hyperparameter, kind: str, algorithm: str) -> Hyperparameter:
    """An entry of ours as the container has it."""
    choices = _CHOICES.get(entry.name, entry.choices)
    if entry.name == "loss":
        choices = _LOSSES[kind]
    elif algorithm == FACTORS or entry.name in _NO_AUTO:
        choices = tuple(text for text in choices if text != "auto")
    theirs = entry.sagemaker_default
    lost = theirs == "auto" and "auto" not in choices
    return replace(
        entry,
        default=1.0 if lost else theirs,
        sagemaker_default=None if lost or entry.name in _NO_DEFAULT else theirs,
        closed="neither" if entry.name in ABOVE_ZERO else entry.closed,
        choices=choices,
    )


@cache
def container_table(
    algorithm: str, predictor_type: str
) -> Mapping[str, Hyperparameter]:
    """What a container takes in a job of one predictor type.

    Parameters
    ----------
    algorithm : str
    predictor_type : str

    Returns
    -------
    table : mapping of str to Hyperparameter
        Their ``sagemaker_default`` is that of the container, None if it has none;
        their ``default`` is an example.
    """
    entries = [
        *_of_the_job(algorithm),
        *(
            _theirs(entry, predictor_type, algorithm)
            for entry in _OURS[algorithm]
            if not entry.ours
        ),
    ]
    return MappingProxyType(
        {
            entry.name: entry
            for entry in entries
            if predictor_type in entry.predictor_types
        }
    )


def our_table(algorithm: str, predictor_type: str) -> dict[str, Hyperparameter]:
    """The hyperparameters of the estimator that trains a predictor type."""
    kinds = (REGRESSOR,) if predictor_type == REGRESSOR else CLASSIFIERS
    return {
        entry.name: entry
        for entry in _OURS[algorithm]
        if set(entry.predictor_types) & set(kinds)
    }


def checked(entry: Hyperparameter, text: str) -> Any:
    """The value of a text, if the container takes it.

    Whole numbers may be written as floats, which R does, and flags as 0 and 1.

    Raises
    ------
    ValueError
        If it does not; the message names the value, the rule and an example.
    """
    text = text.strip()
    if entry.kind == "bool":
        text = {"0": "false", "1": "true"}.get(text, text)
    elif entry.kind == "int" and text not in entry.choices:
        text = _whole(text)
    value = entry.parse(text)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(
            f"{entry.name}={text!r} is not valid: it must be a finite number, for "
            f"example {entry.to_string(entry.default)}."
        )
    return value


def _whole(text: str) -> str:
    """Without the fraction zero or the exponent of a whole number."""
    try:
        value = float(text)
    except ValueError:
        return text
    exact = text.lstrip("+-").isdigit() or not value.is_integer()
    return text if exact else str(int(value))
