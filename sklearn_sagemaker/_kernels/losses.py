"""Registry of the losses: each one's mathematics, for NumPy and for the kernels.

A loss is written once, here: its value and gradient as NumPy functions (the
slow reference that the tests and the training run use) and as C expressions
that ``setup.py`` compiles into the kernels of every instruction-set level.
In the C expressions ``f`` is the margin, ``y`` the target and ``p`` the loss's
own parameter (both already in the units that the column trains in); ``FN``
appends the precision to a helper's name. They must let NaN through: it is how a
divergence shows.

The formulas are SageMaker's: sample weights multiply the value, the objective
is the weighted mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Loss:
    """One loss.

    Attributes
    ----------
    name : str
        SageMaker's name.
    predictor_types : tuple of str
        SageMaker predictor types that may use it.
    link : {"logit", "softmax", "score", "identity"}
        How a margin turns into a prediction; a score has no probability.
    value, gradient : callable
        ``(margin, target, parameter) -> array``; elementwise, except that a
        coupled loss gets ``(n, n_classes)`` margins and class indices, and its
        value has shape ``(n,)``.
    c_value, c_gradient : str
        The same as C expressions; empty for a coupled loss, whose loop over a
        row is written by hand in ``_strips_template.h``.
    coupled : bool
        Whether the columns of one model interact (softmax).
    degree : int
        Power by which the loss grows when margins and targets (and the parameter,
        if it is a size of errors) are scaled; turns a loss of scaled labels into
        one of the user's.
    parameter : str or None
        SageMaker's hyperparameter that the loss takes as ``p``.
    parameter_scales : bool
        Whether the parameter is a size of errors, in units of the target.
    midpoint : float
        Margin between the two classes, before any calibration.
    """

    name: str
    predictor_types: tuple[str, ...]
    link: str
    value: Callable[..., np.ndarray]
    gradient: Callable[..., np.ndarray]
    c_value: str = ""
    c_gradient: str = ""
    coupled: bool = False
    degree: int = 0
    parameter: str | None = None
    parameter_scales: bool = False
    midpoint: float = 0.0


def sigmoid(margin: np.ndarray) -> np.ndarray:
    """Logistic function, without overflow for margins of any size."""
    e = np.exp(-np.abs(margin))
    return np.where(margin >= 0, 1.0, e) / (1.0 + e)


def softmax(margin: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, without overflow."""
    shifted = np.exp(margin - margin.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def _logistic_value(f, y, p=0.0):
    return np.maximum(f, 0.0) + np.log1p(np.exp(-np.abs(f))) - y * f


def _logistic_gradient(f, y, p=0.0):
    return sigmoid(f) - y


def _squared_value(f, y, p=0.0):
    return (f - y) ** 2


def _squared_gradient(f, y, p=0.0):
    return 2.0 * (f - y)


def _hinge_value(f, y, p=1.0):
    return y * np.maximum(0.0, (p + 1.0) / 2.0 - f) + (1.0 - y) * np.maximum(
        0.0, (p - 1.0) / 2.0 + f
    )


def _hinge_gradient(f, y, p=1.0):
    return (1.0 - y) * (f > (1.0 - p) / 2.0) - y * (f < (p + 1.0) / 2.0)


def _absolute_value(f, y, p=0.0):
    return np.abs(f - y)


def _absolute_gradient(f, y, p=0.0):
    return np.sign(f - y)


def _eps_squared_value(f, y, p=0.01):
    return np.maximum(0.0, (f - y) ** 2 - p * p)


def _eps_squared_gradient(f, y, p=0.01):
    return np.where(np.abs(f - y) > p, 2.0 * (f - y), 0.0)


def _eps_absolute_value(f, y, p=0.01):
    return np.maximum(0.0, np.abs(f - y) - p)


def _eps_absolute_gradient(f, y, p=0.01):
    return np.where(np.abs(f - y) > p, np.sign(f - y), 0.0)


def _quantile_value(f, y, p=0.5):
    return np.maximum(p * (y - f), (p - 1.0) * (y - f))


def _quantile_gradient(f, y, p=0.5):
    return np.where(f < y, -p, np.where(f > y, 1.0 - p, 0.0))


def _huber_value(f, y, p=1.0):
    size = np.abs(f - y)
    within = np.minimum(size, p)
    return within * (size - 0.5 * within)


def _huber_gradient(f, y, p=1.0):
    return np.clip(f - y, -p, p)


def _softmax_value(f, y, p=0.0):
    top = f.max(axis=-1)
    log_sum = top + np.log(np.exp(f - top[..., None]).sum(axis=-1))
    return log_sum - np.take_along_axis(f, y.astype(int)[..., None], axis=-1)[..., 0]


def _softmax_gradient(f, y, p=0.0):
    gradient = softmax(f)
    index = y.astype(int)[..., None]
    hit = np.take_along_axis(gradient, index, axis=-1) - 1.0
    np.put_along_axis(gradient, index, hit, axis=-1)
    return gradient


_BINARY = ("binary_classifier",)
_MULTI = ("multiclass_classifier",)
_REGRESSOR = ("regressor",)

LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss(
            "logistic",
            _BINARY,
            "logit",
            _logistic_value,
            _logistic_gradient,
            c_value="FN(softplus)(f) - y * f",
            c_gradient="FN(sigmoid)(f) - y",
        ),
        Loss(
            "hinge_loss",
            _BINARY,
            "score",
            _hinge_value,
            _hinge_gradient,
            c_value="y * FN(above_zero)((p + 1) / 2 - f)"
            " + (1 - y) * FN(above_zero)((p - 1) / 2 + f)",
            c_gradient="(f > (1 - p) / 2 ? 1 - y : 0) - (f < (p + 1) / 2 ? y : 0)",
            parameter="margin",
            midpoint=0.5,
        ),
        Loss(
            "squared_loss",
            _REGRESSOR,
            "identity",
            _squared_value,
            _squared_gradient,
            c_value="(f - y) * (f - y)",
            c_gradient="2 * (f - y)",
            degree=2,
        ),
        Loss(
            "absolute_loss",
            _REGRESSOR,
            "identity",
            _absolute_value,
            _absolute_gradient,
            c_value="FABS(f - y)",
            c_gradient="FN(sign)(f - y)",
            degree=1,
        ),
        Loss(
            "eps_insensitive_squared_loss",
            _REGRESSOR,
            "identity",
            _eps_squared_value,
            _eps_squared_gradient,
            c_value="FN(above_zero)((f - y) * (f - y) - p * p)",
            c_gradient="FABS(f - y) > p ? 2 * (f - y) : 0",
            degree=2,
            parameter="loss_insensitivity",
            parameter_scales=True,
        ),
        Loss(
            "eps_insensitive_absolute_loss",
            _REGRESSOR,
            "identity",
            _eps_absolute_value,
            _eps_absolute_gradient,
            c_value="FN(above_zero)(FABS(f - y) - p)",
            c_gradient="FABS(f - y) > p ? FN(sign)(f - y) : 0",
            degree=1,
            parameter="loss_insensitivity",
            parameter_scales=True,
        ),
        Loss(
            "quantile_loss",
            _REGRESSOR,
            "identity",
            _quantile_value,
            _quantile_gradient,
            c_value="p * (y - f) + FN(above_zero)(f - y)",
            c_gradient="f < y ? -p : (f > y ? 1 - p : 0)",
            degree=1,
            parameter="quantile",
        ),
        Loss(
            "huber_loss",
            _REGRESSOR,
            "identity",
            _huber_value,
            _huber_gradient,
            c_value="FABS(f - y) < p ? (f - y) * (f - y) / 2"
            " : p * FABS(f - y) - p * p / 2",
            c_gradient="f - y > p ? p : (f - y < -p ? -p : f - y)",
            degree=2,
            parameter="huber_delta",
            parameter_scales=True,
        ),
        Loss(
            "softmax_loss",
            _MULTI,
            "softmax",
            _softmax_value,
            _softmax_gradient,
            coupled=True,
        ),
    )
}

LOSS_IDS: dict[str, int] = {name: i for i, name in enumerate(LOSSES)}
"""The number by which the compiled kernels know a loss (its place in LOSSES)."""

DEFAULT_LOSS: dict[str, str] = {
    "binary_classifier": "logistic",
    "multiclass_classifier": "softmax_loss",
    "regressor": "squared_loss",
}
"""What ``loss="auto"`` means for each predictor type, as in SageMaker."""
