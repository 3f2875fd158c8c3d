"""The mathematics of factorization machines in slow NumPy: the oracle of their tests.

One row, and one feature, at a time, in float64, on a dense copy of the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np

from sklearn_sagemaker._kernels.losses import LOSSES
from sklearn_sagemaker._kernels.optimizers import OPTIMIZERS

GROUPS = ("bias", "linear", "factors")
"""Groups of parameters, in the order of the kernels' rules."""


@dataclass
class ReferenceMachine:
    """Parameters and optimizer states of a factorization machine.

    Attributes
    ----------
    bias : float64 array of shape (n_classes,)
    linear : float64 array of shape (n_features, n_classes)
    factors : float64 array of shape (n_features, n_classes, k)
    states : dict of arrays
        By group of parameters, of the shape (2, ...): as many as an optimizer may
        need. Zeros at first.
    steps : int
        Updates made.
    """

    bias: np.ndarray
    linear: np.ndarray
    factors: np.ndarray
    states: dict[str, np.ndarray] = field(default_factory=dict)
    steps: int = 0

    def __post_init__(self):
        for group in GROUPS:
            part = np.array(getattr(self, group), dtype=np.float64)
            setattr(self, group, part)
            self.states.setdefault(group, np.zeros((2, *part.shape)))


def pair_sum_score(
    x: np.ndarray, bias: float, linear: np.ndarray, factors: np.ndarray
) -> float:
    """Margin of a row in one class, pair by pair.

    Parameters
    ----------
    x, linear : float64 arrays of shape (n_features,)
    bias : float
    factors : float64 array of shape (n_features, k)
    """
    total = bias + x @ linear
    for i, j in combinations(range(len(x)), 2):
        total += (factors[i] @ factors[j]) * x[i] * x[j]
    return float(total)


def fast_score(
    x: np.ndarray, bias: float, linear: np.ndarray, factors: np.ndarray
) -> float:
    """The same by the identity that makes it linear in features and factors."""
    sums = x @ factors
    squares = (x**2) @ factors**2
    return float(bias + x @ linear + 0.5 * np.sum(sums**2 - squares))


def margins(X: np.ndarray, machine: ReferenceMachine) -> np.ndarray:
    """Margins of rows, pair by pair.

    Parameters
    ----------
    X : float64 array of shape (n_rows, n_features)
        As the machine sees them: shifted and scaled.
    machine : ReferenceMachine

    Returns
    -------
    margins : float64 array of shape (n_rows, n_classes)
    """
    return np.array(
        [
            [
                pair_sum_score(
                    x, machine.bias[c], machine.linear[:, c], machine.factors[:, c]
                )
                for c in range(len(machine.bias))
            ]
            for x in X
        ]
    )


def margin_gradients(
    x: np.ndarray, factors: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Gradients of a row's margin in one class.

    Parameters
    ----------
    x : float64 array of shape (n_features,)
    factors : float64 array of shape (n_features, k)

    Returns
    -------
    bias, linear, factors : float, arrays of shape (n_features,) and (n_features, k)
    """
    gradient = np.zeros_like(factors)
    for i in range(len(x)):
        others = np.arange(len(x)) != i
        gradient[i] = x[i] * (x[others] @ factors[others])
    return 1.0, x.copy(), gradient


def loss_and_slopes(
    loss_name: str, z: np.ndarray, label: float, parameter: float = 0.0
) -> tuple[float, np.ndarray]:
    """Loss of one row, and its derivatives by the margins of the classes."""
    loss = LOSSES[loss_name]
    if loss.coupled:
        target = np.array([label])
        return float(loss.value(z[None], target)[0]), loss.gradient(z[None], target)[0]
    return float(loss.value(z, label, parameter)[0]), loss.gradient(z, label, parameter)


def row_gradients(
    x: np.ndarray,
    machine: ReferenceMachine,
    loss_name: str,
    label: float,
    weight: float = 1.0,
    parameter: float = 0.0,
) -> tuple[float, dict[str, np.ndarray]]:
    """Weighted loss of one row and its gradients by all parameters.

    Parameters
    ----------
    x : float64 array of shape (n_features,)
        As the machine sees it.
    machine : ReferenceMachine
    loss_name : str
    label, weight, parameter : float

    Returns
    -------
    loss : float
    gradients : dict of arrays
        By group, of the shapes of the parameters.
    """
    z = margins(x[None], machine)[0]
    loss, slopes = loss_and_slopes(loss_name, z, label, parameter)
    found = {group: np.zeros_like(getattr(machine, group)) for group in GROUPS}
    for c, slope in enumerate(weight * slopes):
        bias, linear, factors = margin_gradients(x, machine.factors[:, c])
        found["bias"][c] = slope * bias
        found["linear"][:, c] = slope * linear
        found["factors"][:, c] = slope * factors
    return weight * loss, found


def mxnet_adam(
    w: np.ndarray,
    g: np.ndarray,
    lr: float,
    mean: np.ndarray,
    square: np.ndarray,
    t: int,
    constants: Mapping[str, float],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Adam's step as MXNet takes it: eps stands outside of the bias correction.

    With ``c2 = 1 / (1 - beta_2**t)`` it is the step of `OPTIMIZERS`, whose eps stands
    inside, with ``eps * sqrt(c2)`` in the place of eps: that is what the kernels do.
    """
    beta_1, beta_2 = constants["beta_1"], constants["beta_2"]
    mean = beta_1 * mean + (1.0 - beta_1) * g
    square = beta_2 * square + (1.0 - beta_2) * g**2
    rate = lr * np.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t)
    return w - rate * mean / (np.sqrt(square) + constants["eps"]), mean, square


def _step(
    machine: ReferenceMachine,
    group: str,
    rows,
    gradient: np.ndarray,
    rule: np.ndarray,
    optimizer: str,
    constants: Mapping[str, float],
    exact_eps: bool,
) -> None:
    """Step some parameters of a group, whose gradient is rescaled and clipped."""
    lr, decay = (float(value) for value in rule)
    parameters, states = getattr(machine, group), machine.states[group]
    t = machine.steps
    w, g, s0, s1 = parameters[rows], gradient[rows], *(part[rows] for part in states)
    if not OPTIMIZERS[optimizer].own_decay:
        g = g + decay * w
    if optimizer == "adam" and exact_eps:
        w, s0, s1 = mxnet_adam(w, g, lr, s0, s1, t, constants)
    else:
        c1 = 1.0 / (1.0 - constants["beta_1"] ** t)
        c2 = 1.0 / (1.0 - constants["beta_2"] ** t)
        w, s0, s1 = OPTIMIZERS[optimizer].step(
            w, g, lr, 0.0, s0, s1, c1, c2, {**constants, "decay": decay}
        )
    parameters[rows], states[0][rows], states[1][rows] = w, s0, s1


def batches_of(order: np.ndarray, bounds: np.ndarray) -> Iterator[np.ndarray]:
    """The rows of each update; row by row if there are no bounds."""
    if len(bounds) == 0:
        yield from order[:, None]
    for start, stop in pairwise(bounds):
        yield order[start:stop]


def train(
    X: np.ndarray,
    machine: ReferenceMachine,
    order: np.ndarray,
    bounds: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    rules: np.ndarray,
    *,
    loss: str,
    optimizer: str,
    constants: Mapping[str, float],
    exact_eps: bool = False,
    rescale: float = 0.0,
    clip: float = np.inf,
    parameter: float = 0.0,
    shift: np.ndarray | float = 0.0,
    scale: np.ndarray | float = 1.0,
) -> float:
    """One pass over rows; changes the machine and returns the sum of the losses.

    A step sees the gradient of a mini-batch, summed, times ``rescale`` (0 stands for
    one over its rows), clipped, and then with the decay added. It moves the features
    that a row of the mini-batch holds, and no others.

    Parameters
    ----------
    X : float64 array of shape (n_rows, n_features)
    machine : ReferenceMachine
    order : int array of shape (n,)
    bounds : int array of shape (n_batches + 1,)
        Empty for steps row by row.
    labels, weights : float64 arrays of shape (n_rows,)
    rules : float64 array of shape (3, 2)
        Learning rate and decay of each of `GROUPS`.
    loss, optimizer : str
    constants : dict
        ``beta_1``, ``beta_2``, ``eps`` and ``momentum``.
    exact_eps : bool
        Whether Adam is MXNet's.
    rescale, clip, parameter : float
    shift, scale : arrays of shape (n_features,), or float
        Values are seen as (x - shift) * scale.

    Returns
    -------
    total : float
        Weighted, each row's taken before the step that it led to.
    """
    seen = (X - shift) * scale
    total = 0.0
    for rows in batches_of(order, bounds):
        gradients = {group: np.zeros_like(getattr(machine, group)) for group in GROUPS}
        for row in rows:
            value, found = row_gradients(
                seen[row], machine, loss, labels[row], weights[row], parameter
            )
            total += value
            for group in GROUPS:
                gradients[group] += found[group]
        machine.steps += 1
        factor = rescale if rescale != 0 else 1.0 / len(rows)
        touched = np.flatnonzero((seen[rows] != 0).any(axis=0))
        for group, rule in zip(GROUPS, rules, strict=True):
            gradient = np.clip(factor * gradients[group], -clip, clip)
            moved = slice(None) if group == "bias" else touched
            _step(
                machine, group, moved, gradient, rule, optimizer, constants, exact_eps
            )
    return total
