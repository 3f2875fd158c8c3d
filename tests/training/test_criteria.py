"""Threshold calibration against brute force."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from sklearn_sagemaker.training.criteria import CRITERIA, calibrate

SCORERS = {"accuracy": accuracy_score, "f1": f1_score}


def brute_force(name, margins, y, weights):
    """Best score over every cut between two margins."""
    ordered = np.unique(margins)
    cuts = np.r_[ordered[0] - 1, (ordered[1:] + ordered[:-1]) / 2, ordered[-1] + 1]
    scorer = SCORERS[name]
    return max(
        scorer(y, (margins > cut).astype(float), sample_weight=weights) for cut in cuts
    )


@pytest.mark.parametrize("seed", range(20))
def test_f1_finds_the_best_threshold(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 60))
    y = (rng.random(n) < 0.3).astype(float)
    y[0] = 1.0
    margins = np.round(rng.normal(y, 1.5), 1)  # with ties
    weights = rng.uniform(0.5, 2.0, n)
    cut, score = calibrate(CRITERIA["f1"], margins, y, weights)
    called = (margins > cut).astype(float)
    assert score == pytest.approx(brute_force("f1", margins, y, weights))
    assert score == pytest.approx(f1_score(y, called, sample_weight=weights))


@pytest.mark.parametrize("seed", range(20))
def test_accuracy_moves_only_for_more_than_a_standard_error(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(10, 300))
    y = (rng.random(n) < 0.5).astype(float)
    margins = rng.normal(2 * y - 1 + rng.normal(0, 1), 1.0)
    weights = np.ones(n)
    cut, score = calibrate(CRITERIA["accuracy"], margins, y, weights)
    plain = np.mean((margins > 0) == y)
    assert score == pytest.approx(np.mean((margins > cut) == y))
    if cut != 0:
        discordant = np.count_nonzero((margins > cut) != (margins > 0))
        assert score - plain > np.sqrt(discordant) / n
        assert score == pytest.approx(brute_force("accuracy", margins, y, weights))


def test_accuracy_leaves_the_middle_for_a_real_gain():
    margins = np.r_[np.full(50, 3.0), np.full(50, 1.0)]
    y = np.r_[np.ones(50), np.zeros(50)]
    cut, score = calibrate(CRITERIA["accuracy"], margins, y, np.ones(100))
    assert 1.0 <= cut < 3.0
    assert score == 1.0
    # One row in a hundred is within one standard error: it stays.
    margins[50:99] = -1.0
    cut, score = calibrate(CRITERIA["accuracy"], margins, y, np.ones(100))
    assert (cut, score) == (0.0, 0.99)


def test_neighbouring_floats_are_told_apart():
    low = 1.0
    high = np.nextafter(low, 2.0)
    cut, score = calibrate(
        CRITERIA["f1"], np.array([low, high]), np.array([0.0, 1.0]), np.ones(2)
    )
    assert score == 1.0
    assert low <= cut < high


def test_extreme_margins_keep_a_threshold_that_a_probability_can_hold():
    rng = np.random.default_rng(0)
    margins = rng.normal(1000, 300, 200)
    y = (margins > 1000).astype(float)
    cut, score = calibrate(CRITERIA["f1"], margins, y, np.ones(200))
    assert cut <= 20.0
    assert score == pytest.approx(f1_score(y, margins > cut))


def test_weights_count():
    margins, y = np.array([2.0, 1.0, -1.0]), np.array([0.0, 1.0, 1.0])
    light = calibrate(CRITERIA["f1"], margins, y, np.array([0.001, 1.0, 1.0]))
    heavy = calibrate(CRITERIA["f1"], margins, y, np.array([1000.0, 1.0, 1.0]))
    assert light[1] > 0.99
    assert heavy[1] < 0.01
