"""Registry of the optimizers: each one's step, for NumPy and for the kernels.

A step is written once, here, as a NumPy function and as a C statement that
``setup.py`` compiles. Both see, for one weight in the scaled feature space:

``w`` the weight, ``g`` its gradient with weight decay added, ``lr`` the
learning rate of the step, ``pen`` the l1 penalty, ``s0`` and ``s1`` the
optimizer's state, ``c1`` and ``c2`` the bias corrections
``1 / (1 - beta_1**t)`` and ``1 / (1 - beta_2**t)``, and the constants
``beta_1``, ``beta_2``, ``eps``, ``momentum``.

The l1 penalty is applied as a proximal step in the metric of the optimizer
(threshold = penalty times the length of the step per unit of gradient), so
that the fixed point is the optimum of the stated objective and weights become
exactly zero.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FactorDefaults:
    """What factorization machines take where the user leaves it open.

    Chosen on the validation rows of the benchmark data sets, labels standardised.

    Attributes
    ----------
    rates : tuple of float
        Learning rates of linear weights and of factors.
    decays : tuple of float
        Their penalties, added with each row that holds the feature, if its values are
        ones.
    log_loss_rate : float
        Factor of the rates for the log loss, whose slopes are smaller.
    eps : float
    summed : bool
        Whether gradients of a mini-batch are summed, not averaged: steps are shorter
        for smaller gradients, and a feature may be held by one row of it.
    """

    rates: tuple[float, float]
    decays: tuple[float, float] = (0.04, 0.08)
    log_loss_rate: float = 2.5
    eps: float = 1e-8
    summed: bool = False


@dataclass(frozen=True)
class Optimizer:
    """One optimizer.

    Attributes
    ----------
    name : str
        Name in the kernels.
    n_states : int
        State arrays a weight needs (0, 1 or 2).
    step : callable
        ``step(w, g, lr, pen, s0, s1, c1, c2, constants) -> (w, s0, s1)``.
    c_step : str
        The same as C statements.
    lazy_exact : bool
        Whether a step with zero data gradient has a closed form over many
        steps, so that CSR columns that a batch does not touch can catch up
        later without error.
    adaptive : bool
        Whether the step of a weight is divided by the size of its gradients.
    sums : bool
        Whether states are sums over all steps, and forget nothing.
    own_decay : bool
        Whether the step applies weight decay itself: then ``g`` comes without it
        and the step sees ``decay``, and may divide by ``lr``. Such a step is not for
        linear models, whose decay acts through the gradient.
    exact_eps : bool
        Whether factorization machines put ``eps`` inside the bias correction, as
        MXNet's Adam does.
    variant_of : str
        The optimizer that runs this one where a hyperparameter asks for it, if users
        do not say it themselves.
    dense_rates, sparse_rates : tuple of float
        Learning rates of the candidates of linear models, those that train best on
        most of the benchmark data first: a run with few models takes the first ones.
        Empty if users cannot say it there.
    factors : FactorDefaults or None
        None if users cannot say it for factorization machines.
    """

    name: str
    n_states: int
    step: Callable[..., tuple]
    c_step: str
    lazy_exact: bool = False
    adaptive: bool = True
    sums: bool = False
    own_decay: bool = False
    exact_eps: bool = False
    variant_of: str = ""
    dense_rates: tuple[float, ...] = ()
    sparse_rates: tuple[float, ...] = ()
    factors: FactorDefaults | None = None

    def uses(self, constant: str) -> bool:
        """Whether the step reads one of `CONSTANTS`."""
        return re.search(rf"\b{constant}\b", self.c_step) is not None


def soft_threshold(w, threshold):
    """Proximal map of ``threshold * |w|``."""
    return np.sign(w) * np.maximum(np.abs(w) - threshold, 0.0)


def _sgd(w, g, lr, pen, s0, s1, c1, c2, constants):
    return soft_threshold(w - lr * g, lr * pen), s0, s1


def _momentum(w, g, lr, pen, s0, s1, c1, c2, constants):
    momentum = constants["momentum"]
    s0 = momentum * s0 + g
    # The length of a step per unit of a lasting gradient is lr / (1 - momentum).
    return soft_threshold(w - lr * s0, lr * pen / (1.0 - momentum)), s0, s1


def _adam(w, g, lr, pen, s0, s1, c1, c2, constants):
    beta_1, beta_2 = constants["beta_1"], constants["beta_2"]
    s0 = beta_1 * s0 + (1.0 - beta_1) * g
    s1 = beta_2 * s1 + (1.0 - beta_2) * g * g
    length = lr / (np.sqrt(s1 * c2) + constants["eps"])
    return soft_threshold(w - length * c1 * s0, length * pen), s0, s1


def _rmsprop(w, g, lr, pen, s0, s1, c1, c2, constants):
    beta_2 = constants["beta_2"]
    s0 = beta_2 * s0 + (1.0 - beta_2) * g * g
    length = lr / (np.sqrt(s0 * c2) + constants["eps"])
    return soft_threshold(w - length * g, length * pen), s0, s1


def _adagrad(w, g, lr, pen, s0, s1, c1, c2, constants):
    s0 = s0 + g * g
    length = lr / (np.sqrt(s0) + constants["eps"])
    return soft_threshold(w - length * g, length * pen), s0, s1


def _ftrl(w, g, lr, pen, s0, s1, c1, c2, constants):
    beta, decay = constants["eps"], constants["decay"]
    # The sum that would have led to the starting weight.
    s0 = np.where(s1 == 0, -w * (beta / lr + decay), s0)
    root = np.sqrt(s1)
    s1 = s1 + g * g
    s0 = s0 + g - (np.sqrt(s1) - root) / lr * w
    return -soft_threshold(s0, pen) / ((beta + np.sqrt(s1)) / lr + decay), s0, s1


OPTIMIZERS: dict[str, Optimizer] = {
    optimizer.name: optimizer
    for optimizer in (
        Optimizer(
            "sgd",
            0,
            _sgd,
            "w = FN(soft_threshold)(w - lr * g, lr * pen);",
            lazy_exact=True,
            adaptive=False,
            dense_rates=(0.01, 0.001, 0.1, 0.03, 0.003, 0.0003, 0.0001, 0.3),
            sparse_rates=(0.1, 0.01, 1.0, 0.3, 0.03, 0.003, 0.001, 3.0),
            factors=FactorDefaults((0.01, 0.015)),
        ),
        Optimizer(
            "momentum",
            1,
            _momentum,
            "s0 = momentum * s0 + g;"
            "w = FN(soft_threshold)(w - lr * s0, lr * pen / (1 - momentum));",
            variant_of="sgd",
            adaptive=False,
        ),
        Optimizer(
            "adam",
            2,
            _adam,
            "s0 = beta_1 * s0 + (1 - beta_1) * g;"
            "s1 = beta_2 * s1 + (1 - beta_2) * g * g;"
            "REAL length = lr / (SQRT(s1 * c2) + eps);"
            "w = FN(soft_threshold)(w - length * c1 * s0, length * pen);",
            exact_eps=True,
            dense_rates=(0.03, 0.01, 0.1, 0.003, 0.02, 0.06, 0.001, 0.3),
            sparse_rates=(0.03, 0.1, 0.01, 0.3, 0.06, 0.02, 0.003, 1.0),
            factors=FactorDefaults((0.001, 0.0005), log_loss_rate=1.0),
        ),
        Optimizer(
            "rmsprop",
            1,
            _rmsprop,
            "s0 = beta_2 * s0 + (1 - beta_2) * g * g;"
            "REAL length = lr / (SQRT(s0 * c2) + eps);"
            "w = FN(soft_threshold)(w - length * g, length * pen);",
            dense_rates=(0.01, 0.003, 0.03, 0.001, 0.006, 0.02, 0.0003, 0.1),
            sparse_rates=(0.03, 0.1, 0.01, 0.3, 0.06, 0.02, 0.003, 1.0),
            factors=FactorDefaults((0.001, 0.0005), log_loss_rate=1.0),
        ),
        Optimizer(
            "adagrad",
            1,
            _adagrad,
            "s0 = s0 + g * g;"
            "REAL length = lr / (SQRT(s0) + eps);"
            "w = FN(soft_threshold)(w - length * g, length * pen);",
            sums=True,
            dense_rates=(0.1, 0.03, 0.3, 0.01, 0.06, 0.2, 0.003, 1.0),
            sparse_rates=(0.1, 0.3, 0.03, 1.0, 0.2, 0.06, 0.01, 3.0),
            factors=FactorDefaults((0.045, 0.028), eps=1.0, summed=True),
        ),
        # McMahan et al. 2013, "Ad click prediction: a view from the trenches", as in
        # MXNet; eps is their beta.
        Optimizer(
            "ftrl",
            2,
            _ftrl,
            "s0 = s1 == 0 ? -w * (eps / lr + decay) : s0;"
            "REAL root = SQRT(s1);"
            "s1 = s1 + g * g;"
            "REAL now = SQRT(s1);"
            "s0 = s0 + g - (now - root) / lr * w;"
            "w = -FN(soft_threshold)(s0, pen) / ((eps + now) / lr + decay);",
            own_decay=True,
            sums=True,
            factors=FactorDefaults(
                (0.06, 0.045),
                # A penalty that does not grow with the rows.
                decays=(10.0, 6.0),
                eps=1.0,
                summed=True,
            ),
        ),
    )
}

LINEAR_OPTIMIZERS: tuple[str, ...] = tuple(
    name for name, optimizer in OPTIMIZERS.items() if not optimizer.own_decay
)
"""Those that the kernels of linear models have."""

LINEAR_CHOICES: tuple[str, ...] = tuple(
    name for name, optimizer in OPTIMIZERS.items() if optimizer.dense_rates
)
"""What users may say for linear models."""

FACTOR_CHOICES: tuple[str, ...] = tuple(
    name for name, optimizer in OPTIMIZERS.items() if optimizer.factors
)
"""What users may say for factorization machines."""

OPTIMIZER_IDS: dict[str, int] = {name: i for i, name in enumerate(OPTIMIZERS)}
"""The number by which the compiled kernels know an optimizer."""

CONSTANTS: tuple[str, ...] = ("beta_1", "beta_2", "eps", "momentum")
"""Order of the constants that a step may use."""
