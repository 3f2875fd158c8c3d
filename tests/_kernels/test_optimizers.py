"""Optimizers: the steps of the literature, and the exact optimum under an l1 penalty.

That the compiled steps are these is in test_linear_kernels.py.
"""

import numpy as np
import pytest

from sklearn_sagemaker._kernels import LINEAR_OPTIMIZERS, OPTIMIZER_IDS, OPTIMIZERS

CONSTANTS = {"beta_1": 0.8, "beta_2": 0.9, "eps": 1e-8, "momentum": 0.7, "decay": 0.0}
RATE = 0.05


def path(name, gradients, penalty=0.0, w=1.0):
    """The weights after each of some gradients."""
    s0 = s1 = 0.0
    found = []
    for t, g in enumerate(gradients, 1):
        corrections = (1 / (1 - CONSTANTS[beta] ** t) for beta in ("beta_1", "beta_2"))
        w, s0, s1 = OPTIMIZERS[name].step(
            w, g, RATE, penalty, s0, s1, *corrections, CONSTANTS
        )
        found.append(w)
    return np.array(found)


def steps_of_the_literature(name, g):
    """What is subtracted from the weight at each step, from all gradients so far."""
    age = np.subtract.outer(np.arange(len(g)), np.arange(len(g)))
    seen = age >= 0

    def average(beta, values):
        kept = np.where(seen, beta ** np.maximum(age, 0), 0.0)
        return kept @ values / kept.sum(axis=1)

    if name == "sgd":
        return RATE * g
    if name == "momentum":
        return RATE * np.where(seen, 0.7 ** np.maximum(age, 0), 0.0) @ g
    if name == "adam":
        return RATE * average(0.8, g) / (np.sqrt(average(0.9, g**2)) + 1e-8)
    if name == "rmsprop":
        return RATE * g / (np.sqrt(average(0.9, g**2)) + 1e-8)
    # FTRL-proximal without penalties takes AdaGrad's steps (McMahan 2011).
    assert name in ("adagrad", "ftrl")
    return RATE * g / (np.sqrt(np.cumsum(g**2)) + 1e-8)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_the_literature(name):
    g = np.random.default_rng(0).normal(size=30)
    expected = 1.0 - np.cumsum(steps_of_the_literature(name, g))
    np.testing.assert_allclose(path(name, g), expected, rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_gradient_and_no_penalty_leave_a_new_weight_alone(name):
    assert (path(name, np.zeros(5)) == 1.0).all()


@pytest.mark.parametrize("name", LINEAR_OPTIMIZERS)
@pytest.mark.parametrize("centre", [0.3, -0.3, 3.0, -2.0])
def test_an_l1_penalty_is_met_exactly(name, centre):
    """(w - centre)^2 / 2 + |w| has its optimum at 0 or one nearer to 0."""
    s0 = s1 = 0.0
    w = 0.7
    for t in range(1, 20_001):
        corrections = (1 / (1 - CONSTANTS[beta] ** t) for beta in ("beta_1", "beta_2"))
        # Steps that get shorter; those of adagrad do so by themselves.
        rate = 0.5 if name == "adagrad" else RATE / np.sqrt(t)
        w, s0, s1 = OPTIMIZERS[name].step(
            w, w - centre, rate, 1.0, s0, s1, *corrections, CONSTANTS
        )
    optimum = np.sign(centre) * max(0.0, abs(centre) - 1.0)
    if optimum == 0.0:
        assert w == 0.0
    else:
        assert w == pytest.approx(optimum, abs=1e-3)


def test_ftrl_is_the_closed_form_of_its_paper():
    """w = -(z - sign(z) l1) / ((beta + sqrt(n)) / alpha + l2), or 0."""
    g = np.random.default_rng(1).normal(size=20)
    constants = {**CONSTANTS, "eps": 1.0, "decay": 0.3}
    w, z, n = 0.0, 0.0, 0.0
    ours = (0.0, 0.0, 0.0)
    for gradient in g:
        sigma = (np.sqrt(n + gradient**2) - np.sqrt(n)) / RATE
        z, n = z + gradient - sigma * w, n + gradient**2
        w = 0.0
        if abs(z) > 0.5:
            w = -(z - np.sign(z) * 0.5) / ((1.0 + np.sqrt(n)) / RATE + 0.3)
        ours = OPTIMIZERS["ftrl"].step(
            ours[0], gradient, RATE, 0.5, *ours[1:], 1.0, 1.0, constants
        )
        np.testing.assert_allclose(ours, (w, z, n), rtol=1e-12, atol=1e-14)


def test_ftrl_starts_where_the_weight_is():
    constants = {**CONSTANTS, "eps": 1.0, "decay": 0.3}
    w, _, _ = OPTIMIZERS["ftrl"].step(
        0.7, 0.0, RATE, 0.0, 0.0, 0.0, 1.0, 1.0, constants
    )
    assert w == pytest.approx(0.7)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_states_declared_are_states_used(name):
    _, *states = OPTIMIZERS[name].step(
        1.0, 0.5, 0.1, 0.0, 7.0, 9.0, 1.0, 1.0, CONSTANTS
    )
    changed = [
        state != before for state, before in zip(states, (7.0, 9.0), strict=True)
    ]
    assert changed == [i < OPTIMIZERS[name].n_states for i in range(2)]


def test_ids_are_places_in_the_registry():
    assert [list(OPTIMIZERS)[number] for number in OPTIMIZER_IDS.values()] == list(
        OPTIMIZER_IDS
    )
