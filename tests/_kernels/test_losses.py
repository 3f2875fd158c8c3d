"""Losses: SageMaker's formulas, their derivatives, and the compiled copies of both."""

import numpy as np
import pytest
from scipy.special import expit, log_softmax

from sklearn_sagemaker._kernels import (
    DEFAULT_LOSS,
    LOSS_IDS,
    LOSSES,
    available_levels,
)
from sklearn_sagemaker._kernels.levels import load_level

from . import linear_reference as reference

ELEMENTWISE = [name for name, loss in LOSSES.items() if not loss.coupled]
BINARY = [n for n, x in LOSSES.items() if "binary_classifier" in x.predictor_types]
REGRESSION = [name for name, loss in LOSSES.items() if loss.link == "identity"]

# As SageMaker's notebook on class weights and loss functions writes them.
FORMULAS = {
    "logistic": lambda f, y, p: (
        -(y * np.log(expit(f)) + (1 - y) * np.log(1 - expit(f)))
    ),
    "hinge_loss": lambda f, y, m: np.where(
        y == 1, (m + 1) / 2 - f, (m - 1) / 2 + f
    ).clip(min=0),
    "squared_loss": lambda f, y, p: np.square(f - y),
    "absolute_loss": lambda f, y, p: np.sqrt(np.square(f - y)),
    "eps_insensitive_squared_loss": lambda f, y, eps: np.where(
        np.square(f - y) > np.square(eps), np.square(f - y) - np.square(eps), 0
    ),
    "eps_insensitive_absolute_loss": lambda f, y, eps: np.where(
        np.abs(y - f) > eps, np.abs(y - f) - eps, 0
    ),
    "quantile_loss": lambda f, y, q: (
        q * (y - f).clip(min=0) + (1 - q) * (f - y).clip(min=0)
    ),
    "huber_loss": lambda f, y, delta: np.where(
        np.abs(f - y) < delta,
        np.square(f - y) / 2,
        delta * np.abs(f - y) - np.square(delta) / 2,
    ),
}

# Where a loss, or for huber_loss its slope, has a corner.
KINKS = {
    "logistic": lambda y, p: [],
    "hinge_loss": lambda y, m: [(m + 1) / 2, (1 - m) / 2],
    "squared_loss": lambda y, p: [],
    "absolute_loss": lambda y, p: [y],
    "eps_insensitive_squared_loss": lambda y, eps: [y - eps, y + eps],
    "eps_insensitive_absolute_loss": lambda y, eps: [y - eps, y + eps],
    "quantile_loss": lambda y, q: [y],
    "huber_loss": lambda y, delta: [y - delta, y + delta],
}


def points(name, n=400):
    """Margins, targets and parameters of a loss."""
    rng = np.random.default_rng(0)
    f = 2 * rng.normal(size=n)
    regression = name in REGRESSION
    y = 2 * rng.normal(size=n) if regression else rng.integers(0, 2, n).astype(float)
    share = LOSSES[name].parameter == "quantile"
    p = rng.uniform(0.05, 0.95, n) if share else rng.uniform(0, 3, n)
    return f, y, p


def compiled(level, name, margins, labels, parameter=0.0, n_classes=1):
    """Loss and gradient of rows of margins, one number (or class) a column."""
    n, dtype = len(margins), margins.dtype
    values, gradient = np.zeros((n, n_classes)), margins.reshape(n, -1).copy()
    parameter = np.broadcast_to(parameter, n)
    for row in range(n):
        scaler = np.array([[0.0], [1.0], [parameter[row]]]).repeat(n_classes, axis=1)
        load_level(level).losses(
            gradient[row : row + 1],
            np.array([row]),
            labels.astype(dtype),
            np.ones(n, dtype),
            scaler.astype(dtype),
            LOSS_IDS[name],
            LOSSES[name].coupled,
            n_classes,
            1,
            values[row],
        )
    return values[:, 0], gradient if n_classes > 1 else gradient[:, 0]


def test_every_elementwise_loss_is_here():
    assert set(FORMULAS) == set(KINKS) == set(ELEMENTWISE)


def test_the_default_losses_are_of_their_predictor_type():
    assert set(DEFAULT_LOSS) == {
        kind for x in LOSSES.values() for kind in x.predictor_types
    }
    for kind, name in DEFAULT_LOSS.items():
        assert kind in LOSSES[name].predictor_types


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_value_is_sagemakers_formula(name):
    f, y, p = points(name)
    np.testing.assert_allclose(
        LOSSES[name].value(f, y, p), FORMULAS[name](f, y, p), rtol=1e-12, atol=1e-14
    )


def test_softmax_is_the_cross_entropy_of_the_classes():
    rng = np.random.default_rng(0)
    f, y = 3 * rng.normal(size=(50, 4)), rng.integers(0, 4, 50)
    value = -log_softmax(f, axis=1)[np.arange(50), y]
    loss = LOSSES["softmax_loss"]
    np.testing.assert_allclose(loss.value(f, y.astype(float)), value, rtol=1e-12)


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_compiled_value_and_gradient_are_those_of_numpy(level, dtype, name):
    f, y, p = (part.astype(dtype) for part in points(name))
    value, gradient = compiled(level, name, f, y, p)
    exact = [part.astype(np.float64) for part in (f, y, p)]
    rtol, atol = (3e-6, 3e-6) if dtype is np.float32 else (1e-13, 1e-14)
    close = {"rtol": rtol, "atol": atol}
    np.testing.assert_allclose(value, FORMULAS[name](*exact), **close)
    np.testing.assert_allclose(gradient, LOSSES[name].gradient(*exact), **close)


@pytest.mark.parametrize("level", available_levels())
def test_compiled_softmax_is_that_of_numpy(level):
    rng = np.random.default_rng(0)
    f, y = 3 * rng.normal(size=(50, 4)), rng.integers(0, 4, 50).astype(float)
    value, gradient = compiled(level, "softmax_loss", f, y, n_classes=4)
    loss = LOSSES["softmax_loss"]
    np.testing.assert_allclose(value, loss.value(f, y), rtol=1e-13)
    np.testing.assert_allclose(gradient, loss.gradient(f, y), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_gradient_is_the_derivative_of_the_value(name):
    loss, step = LOSSES[name], 1e-6
    f, y, p = points(name)
    corners = np.array([np.broadcast_to(k, f.shape) for k in KINKS[name](y, p)])
    away = np.abs(f - corners.reshape(-1, len(f))).min(axis=0, initial=1.0) > 10 * step
    assert away.mean() > 0.9
    f, y, p = f[away], y[away], p[away]
    slope = (loss.value(f + step, y, p) - loss.value(f - step, y, p)) / (2 * step)
    np.testing.assert_allclose(loss.gradient(f, y, p), slope, rtol=1e-7, atol=1e-8)


def test_gradient_of_softmax_is_the_derivative_of_the_value():
    rng = np.random.default_rng(0)
    f, y = 3 * rng.normal(size=(50, 4)), rng.integers(0, 4, 50).astype(float)
    loss, step = LOSSES["softmax_loss"], 1e-6
    for k in range(4):
        move = step * (np.arange(4) == k)
        slope = (loss.value(f + move, y) - loss.value(f - move, y)) / (2 * step)
        np.testing.assert_allclose(loss.gradient(f, y)[:, k], slope, atol=1e-8)


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if KINKS[name](0, 1)])
@pytest.mark.parametrize("y", [0.0, 1.0])
@pytest.mark.parametrize("p", [0.25, 0.5])
def test_gradient_in_a_corner_is_between_those_beside_it(level, name, y, p):
    loss = LOSSES[name]
    for corner in KINKS[name](y, p):
        near = corner + np.array([-1e-6, 0.0, 1e-6])
        y3, p3 = np.full(3, y), np.full(3, p)
        before, here, after = loss.gradient(near, y3, p3)
        assert before - 1e-5 <= here <= after + 1e-5
        _, found = compiled(level, name, near, y3, p)
        np.testing.assert_allclose(found, [before, here, after], rtol=1e-12)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_loss_is_convex(name):
    rng = np.random.default_rng(1)
    f, y, p = points(name)
    other, share = 2 * rng.normal(size=len(f)), rng.random(len(f))
    value = LOSSES[name].value
    chord = share * value(f, y, p) + (1 - share) * value(other, y, p)
    assert (value(share * f + (1 - share) * other, y, p) <= chord + 1e-12).all()


@pytest.mark.parametrize("name", LOSSES)
def test_nan_margins_show_in_the_value(name):
    loss, nan = LOSSES[name], np.float64(np.nan)
    f = (
        np.array([[nan, 1.0, 0.0], [1.0, nan, 0.0]])
        if loss.coupled
        else np.full(2, nan)
    )
    y = np.array([0.0, 1.0])
    assert np.isnan(loss.value(f, y, 0.5)).all()
    for level in available_levels():
        for dtype in (np.float32, np.float64):
            value, _ = compiled(
                level, name, f.astype(dtype), y, 0.5, 3 if loss.coupled else 1
            )
            assert np.isnan(value).all(), (level, dtype)


@pytest.mark.parametrize("name", REGRESSION)
@pytest.mark.parametrize("factor", [1e-3, 0.5, 1.0, 40.0])
def test_loss_of_scaled_labels_grows_by_its_degree(name, factor):
    loss = LOSSES[name]
    f, y, p = points(name)
    parameter = factor * p if loss.parameter_scales else p
    np.testing.assert_allclose(
        loss.value(factor * f, factor * y, parameter),
        factor**loss.degree * loss.value(f, y, p),
        rtol=1e-9,
        atol=1e-12 * factor**loss.degree,
    )


@pytest.mark.parametrize("name", BINARY)
def test_a_margin_at_the_midpoint_suits_both_classes_alike(name):
    loss, away = LOSSES[name], np.linspace(-2, 2, 9)
    for p in (0.0, 1.0, 2.5):
        np.testing.assert_allclose(
            loss.value(loss.midpoint + away, np.ones(9), p),
            loss.value(loss.midpoint - away, np.zeros(9), p),
            rtol=1e-12,
        )


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_extreme_margins(level, dtype, name):
    """No overflow, no NaN, and the value that float64 NumPy finds."""
    n_classes = 3 if LOSSES[name].coupled else 1
    extremes = [-1e30, -800.0, -90.0, -20.0, -1e-3, 0.0, 1e-9, 3.0, 40.0, 100.0, 1e4]
    margins = np.array(extremes, dtype)[:, None].repeat(n_classes, axis=1)
    if n_classes > 1:
        margins[:, 1] *= dtype(-0.5)
    labels = (np.arange(len(extremes)) % max(2, n_classes)).astype(float)
    values, gradients = compiled(level, name, margins, labels, 0.75, n_classes)
    for row, z in enumerate(margins.astype(np.float64)):
        label = np.full(n_classes, labels[row])
        value, gradient = reference.loss_and_gradient(
            name, 0.75, z, label, n_classes, 1
        )
        rtol, atol = (3e-6, 1e-7) if dtype is np.float32 else (1e-12, 1e-14)
        if value[0] < np.finfo(dtype).max:
            np.testing.assert_allclose(values[row], value[0], rtol=rtol, atol=atol)
        gradient = gradient.reshape(gradients[row].shape)
        np.testing.assert_allclose(gradients[row], gradient, rtol=rtol, atol=atol)


@pytest.mark.parametrize("level", available_levels())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_column_has_its_own_label_scaler_and_parameter(level, dtype):
    rng = np.random.default_rng(0)
    n, m = 20, 19
    z, y = rng.normal(size=(n, m)).astype(dtype), rng.normal(size=n).astype(dtype)
    weights = rng.uniform(0.5, 2.0, n).astype(dtype)
    scaler = rng.uniform(0.2, 1.5, (3, m)).astype(dtype)
    rows = rng.permutation(n)[:13]
    total, gradient = np.zeros(m), z[rows].copy()
    load_level(level).losses(gradient, rows, y, weights, scaler,
                             LOSS_IDS["huber_loss"], False, 1, m, total)  # fmt: skip
    target = (y[rows, None] - scaler[0]) * scaler[1]
    value = FORMULAS["huber_loss"](z[rows], target, scaler[2])
    rtol = 1e-5 if dtype is np.float32 else 1e-12
    np.testing.assert_allclose(total, weights[rows] @ value, rtol=rtol)
    slope = LOSSES["huber_loss"].gradient(z[rows], target, scaler[2])
    np.testing.assert_allclose(gradient, slope, rtol=10 * rtol, atol=rtol)
