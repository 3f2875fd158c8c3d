"""Threshold calibration against brute force."""

from functools import partial

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    fbeta_score,
    precision_score,
    recall_score,
)

from sklearn_sagemaker._hyperparameters import BINARY
from sklearn_sagemaker._hyperparameters.tables import hyperparameters_for
from sklearn_sagemaker._kernels.decision import (
    MANY,
    binary_score,
    is_positive,
    least_positive,
)
from sklearn_sagemaker.training.selection.criteria import (
    CRITERIA,
    Calibration,
    calibrate,
    f_score,
    score_at,
)

TARGETS = {
    "precision_at_target_recall": (precision_score, recall_score),
    "recall_at_target_precision": (recall_score, precision_score),
}
FIGURES = {
    "accuracy": (lambda y, called, zero_division: accuracy_score(y, called), None),
    "f1": (f1_score, None),
    "f_beta": (partial(fbeta_score, beta=0.7), None),
    **TARGETS,
}
"""Of each criterion with a curve its figure, and what has the target."""


def share(part, whole):
    return part / whole if whole > 0 else 0.0


# scikit-learn's measures take a thousand times as long as these, which are for the
# cuts that brute force goes through; what is found is measured with scikit-learn's.
FAST = {
    accuracy_score: lambda y, called, w: share(w @ (called == y), w.sum()),
    precision_score: lambda y, called, w: share(w @ (called * y), w @ called),
    recall_score: lambda y, called, w: share(w @ (called * y), w @ y),
    f1_score: lambda y, called, w: share(2 * (w @ (called * y)), w @ (called + y)),
}


def fast_f_beta(beta):
    square = beta**2
    return lambda y, called, w: share(
        (1 + square) * (w @ (called * y)), w @ (called + square * y)
    )


def all_cuts(margins):
    """A cut between any two margins, and one beyond each end."""
    ordered = np.unique(margins)
    return np.r_[ordered[0] - 1, (ordered[1:] + ordered[:-1]) / 2, ordered[-1] + 1]


def brute_force(scorer, margins, y, weights):
    """Best score over every cut between two margins."""
    return max(
        scorer(y, (margins >= cut).astype(float), weights) for cut in all_cuts(margins)
    )


def brute_force_target(name, target, margins, y, weights):
    """(target reached, figure, constrained figure) of the best cut of all."""
    figure, constraint = (FAST[scorer] for scorer in TARGETS[name])
    found = []
    for cut in all_cuts(margins):
        called = (margins >= cut).astype(float)
        pair = constraint(y, called, weights), figure(y, called, weights)
        held = round(pair[0], 9), round(pair[1], 9)
        if pair[0] >= target * (1 - 1e-12):
            found.append((True, held[1], held[0]))
        else:
            found.append((False, held[0], held[1]))
    reached, first, second = max(found)
    return (True, first, second) if reached else (False, second, first)


@pytest.mark.parametrize("seed", range(3))
def test_fast_measures_are_those_of_scikit_learn(seed):
    margins, y, weights = weighted_rows(seed)
    scorers = {
        **FAST,
        partial(fbeta_score, beta=0.25): fast_f_beta(0.25),
        partial(fbeta_score, beta=3.0): fast_f_beta(3.0),
    }
    for scorer, fast in scorers.items():
        options = {} if scorer is accuracy_score else {"zero_division": 0.0}
        for cut in all_cuts(margins)[::5]:
            called = (margins >= cut).astype(float)
            expected = scorer(y, called, sample_weight=weights, **options)
            assert fast(y, called, weights) == pytest.approx(expected)


def cut_and_score(*args, **options):
    found = calibrate(*args, **options)
    assert found.target_reached
    assert found.reached is None
    return found.cut, found.score


def weighted_rows(seed, share=0.3):
    """Margins with ties, labels, weights."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 60))
    y = (rng.random(n) < share).astype(float)
    y[0] = 1.0
    margins = np.round(rng.normal(y, 1.5), 1)
    return margins, y, rng.uniform(0.5, 2.0, n)


@pytest.mark.parametrize("seed", range(20))
def test_f1_finds_the_best_threshold(seed):
    margins, y, weights = weighted_rows(seed)
    cut, score = cut_and_score(CRITERIA["f1"], margins, y, weights)
    called = (margins >= cut).astype(float)
    assert score == pytest.approx(brute_force(FAST[f1_score], margins, y, weights))
    assert score == pytest.approx(f1_score(y, called, sample_weight=weights))


@pytest.mark.parametrize("beta", [0.25, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(10))
def test_f_beta_finds_the_best_threshold(seed, beta):
    margins, y, weights = weighted_rows(seed)
    cut, score = cut_and_score(CRITERIA["f_beta"], margins, y, weights, beta)

    called = (margins >= cut).astype(float)
    assert score == pytest.approx(brute_force(fast_f_beta(beta), margins, y, weights))
    assert score == pytest.approx(
        fbeta_score(y, called, beta=beta, sample_weight=weights)
    )
    if beta == 1.0:
        assert (cut, score) == cut_and_score(CRITERIA["f1"], margins, y, weights)


def test_f_score_at_the_ends_of_beta():
    assert f_score(3.0, 4.0, 6.0, 1e-200) == pytest.approx(3 / 4)
    assert f_score(3.0, 4.0, 6.0, np.float64(1e200)) == pytest.approx(3 / 6)
    assert f_score(0.0, 0.0, 0.0, 1.0) == 0.0


# ------------------------------------------------------------------------- targets
@pytest.mark.parametrize("target", [0.3, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("seed", range(20))
def test_targets_find_the_best_threshold(seed, name, target):
    margins, y, weights = weighted_rows(seed)
    if seed % 2:
        weights = np.ones(len(y))  # many thresholds with exactly the same figures
    found = calibrate(CRITERIA[name], margins, y, weights, target)
    reached, figure, constrained = brute_force_target(name, target, margins, y, weights)
    assert found.target_reached == reached
    assert found.reached == pytest.approx(constrained, abs=1e-8)
    if reached:
        assert found.score == pytest.approx(figure, abs=1e-8)
    else:
        assert found.score == pytest.approx(constrained - target, abs=1e-8)
    called = (margins >= found.cut).astype(float)
    scorer, constraint = TARGETS[name]
    options = {"sample_weight": weights, "zero_division": 0.0}
    assert scorer(y, called, **options) == pytest.approx(figure, abs=1e-8)
    assert constraint(y, called, **options) == pytest.approx(constrained, abs=1e-8)


def test_a_target_may_be_reached_exactly():
    # 9 of 10 positive rows: 0.9, though sums of weights of 0.1 are not exact.
    y = np.r_[np.ones(9), np.zeros(3), 1.0]
    margins = -np.arange(13.0)
    found = calibrate(
        CRITERIA["precision_at_target_recall"], margins, y, np.full(13, 0.1), 0.9
    )
    assert -9 < found.cut < -8
    assert found.score == pytest.approx(1.0)
    assert found.reached == pytest.approx(0.9)
    # 9 of 10 called rows are positive.
    y = np.r_[np.ones(9), 0.0, np.zeros(3)]
    found = calibrate(
        CRITERIA["recall_at_target_precision"], margins, y, np.full(13, 0.1), 0.9
    )
    assert found == Calibration(pytest.approx(-8.5), 1.0, True, pytest.approx(1.0))


def test_rounding_of_sums_misses_no_target():
    # Seven tenths, ten times: the first is less than a tenth of the sum.
    weights = np.full(10, 0.7)
    assert np.cumsum(weights)[0] / np.cumsum(weights)[-1] < 0.1
    y = np.r_[1.0, np.zeros(5), np.ones(9)]
    found = calibrate(
        CRITERIA["precision_at_target_recall"],
        -1.0 - np.arange(15.0),
        y,
        np.full(15, 0.7),
        0.1,
    )
    assert found.cut == -1.5
    assert found.reached == pytest.approx(0.1)


def test_full_recall_is_always_reached():
    margins, y = np.array([3.0, 2.0, 1.0]), np.array([0.0, 0.0, 1.0])
    found = calibrate(
        CRITERIA["precision_at_target_recall"], margins, y, np.ones(3), 0.999
    )
    assert found.target_reached
    assert found.cut < 1.0
    assert (found.score, found.reached) == (pytest.approx(1 / 3), 1.0)


def test_a_target_out_of_reach_takes_the_nearest_threshold():
    margins = np.array([4.0, 3.0, 2.0, 1.0, 0.0])
    y = np.array([0.0, 1.0, 1.0, 0.0, 0.0])
    found = calibrate(
        CRITERIA["recall_at_target_precision"], margins, y, np.ones(5), 0.9
    )
    assert found.cut == 1.5
    assert not found.target_reached
    assert found.reached == pytest.approx(2 / 3)
    assert found.score == pytest.approx(2 / 3 - 0.9)


def test_calling_no_row_positive_reaches_no_precision():
    # The best that there is beats the empty answer, however bad it is.
    margins, y = np.array([1.0, -1.0, -2.0]), np.array([0.0, 0.0, 1.0])
    found = calibrate(
        CRITERIA["recall_at_target_precision"], margins, y, np.ones(3), 0.5
    )
    assert not found.target_reached
    assert found.cut < -2.0
    assert found.reached == pytest.approx(1 / 3)


def test_equal_figures_go_beyond_the_target():
    # Precision 1 of the first row and of the first two: more recall wins.
    margins, y = np.array([3.0, 2.0, 1.0]), np.array([1.0, 1.0, 0.0])
    found = calibrate(
        CRITERIA["precision_at_target_recall"], margins, y, np.ones(3), 0.5
    )
    assert (found.score, found.reached) == (1.0, 1.0)
    # Both positive rows from the second row on: the fewest others win.
    y = np.array([1.0, 1.0, 0.0])
    found = calibrate(
        CRITERIA["recall_at_target_precision"], margins, y, np.ones(3), 0.5
    )
    assert (found.cut, found.reached) == (1.5, 1.0)


@pytest.mark.parametrize("name", TARGETS)
def test_no_positive_rows_leave_the_default(name):
    margins = np.array([1.0, 0.7, -1.0])
    for origin in (0.0, 0.5):
        found = calibrate(
            CRITERIA[name], margins, np.zeros(3), np.ones(3), 0.8, origin=origin
        )
        assert found == Calibration(origin, -0.8, False, 0.0)


@pytest.mark.parametrize("name", TARGETS)
def test_reaching_a_target_beats_missing_it(name):
    """Scores rank candidates: any that reaches the target above any that does not."""
    scores = {True: [], False: []}
    for seed in range(60):
        margins, y, weights = weighted_rows(seed, share=0.2)
        found = calibrate(CRITERIA[name], margins, y, weights, 0.6)
        scores[found.target_reached].append(found.score)
    assert min(scores[True]) > 0
    assert all(-0.6 <= score < 0 for score in scores[False])


@pytest.mark.parametrize("name", [n for n, c in CRITERIA.items() if c.curve])
def test_rows_of_zero_weight_are_absent(name):
    rng = np.random.default_rng(3)
    for seed in range(10):
        margins, y, weights = weighted_rows(seed)
        expected = calibrate(CRITERIA[name], margins, y, weights, 0.7)
        extra = rng.normal(0, 3, 20)
        assert expected == calibrate(
            CRITERIA[name],
            np.r_[extra[:10], margins, extra[10:]],
            np.r_[np.ones(10), y, np.zeros(10)],
            np.r_[np.zeros(10), weights, np.zeros(10)],
            0.7,
        )


# ------------------------------------------------------------------ the default cut
@pytest.mark.parametrize("name", [n for n, c in CRITERIA.items() if c.curve])
def test_the_default_cut_moves_with_its_origin(name):
    """Shifting margins and origin by as much changes nothing else."""
    for seed in range(10):
        margins, y, weights = weighted_rows(seed)
        at_zero = calibrate(CRITERIA[name], margins, y, weights, 0.7)
        shifted = calibrate(
            CRITERIA[name], margins + 0.5, y, weights, 0.7, origin=0.5, link="score"
        )
        called = margins >= at_zero.cut
        assert np.array_equal(called, margins + 0.5 >= shifted.cut)
        assert shifted.score == pytest.approx(at_zero.score)
        assert (at_zero.cut == 0.0) == (shifted.cut == 0.5)


@pytest.mark.parametrize("origin", [0.0, 0.5])
@pytest.mark.parametrize("name", [n for n, c in CRITERIA.items() if c.curve])
def test_a_default_cut_that_is_best_stays(name, origin):
    margins, y = np.array([-1.0, 0.75, 2.0]), np.array([0.0, 1.0, 1.0])
    found = calibrate(CRITERIA[name], margins, y, np.ones(3), 0.7, origin, link="score")
    assert (found.cut, found.score) == (origin, 1.0)


def test_scores_that_are_no_log_odds_are_not_clipped():
    margins = np.array([-3000.0, -2000.0, 2000.0, 3000.0])
    y = np.array([0.0, 1.0, 1.0, 1.0])
    found = calibrate(CRITERIA["f1"], margins, y, np.ones(4), origin=0.5, link="score")
    assert found == Calibration(-2500.0, 1.0)
    assert calibrate(CRITERIA["f1"], margins, y, np.ones(4)).score < 1.0


@pytest.mark.parametrize("name", [n for n, c in CRITERIA.items() if c.curve])
def test_score_at_a_cut(name):
    for seed in range(10):
        margins, y, weights = weighted_rows(seed)
        found = calibrate(CRITERIA[name], margins, y, weights, 0.7)
        if found.target_reached:
            again = score_at(CRITERIA[name], margins, y, weights, found.cut, 0.7)
            assert again == pytest.approx(found.score)
    assert np.isnan(score_at(CRITERIA[name], margins, y, weights * 0, 0.0, 0.7))


# ------------------------------------------------------------------------- registry
def test_the_criteria_are_those_of_the_table():
    table = hyperparameters_for("linear-learner", (BINARY,))
    entry = table["binary_classifier_model_selection_criteria"]
    assert set(CRITERIA) == set(entry.choices)
    for name, criterion in CRITERIA.items():
        assert criterion.name == name
        assert criterion.parameter is None or criterion.parameter in table


def test_what_cannot_be_calibrated_is_an_error():
    rows = np.zeros(2), np.array([0.0, 1.0]), np.ones(2)
    with pytest.raises(ValueError, match="'loss_function' has no threshold"):
        calibrate(CRITERIA["loss_function"], *rows)
    with pytest.raises(ValueError, match="pass the value of target_recall"):
        calibrate(CRITERIA["precision_at_target_recall"], *rows)


# ------------------------------------------------------------------------- accuracy
@pytest.mark.parametrize("seed", range(20))
def test_accuracy_moves_only_for_more_than_a_standard_error(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(10, 300))
    y = (rng.random(n) < 0.5).astype(float)
    margins = rng.normal(2 * y - 1 + rng.normal(0, 1), 1.0)
    weights = np.ones(n)
    cut, score = cut_and_score(CRITERIA["accuracy"], margins, y, weights)
    plain = np.mean((margins >= 0) == y)
    assert score == pytest.approx(np.mean((margins >= cut) == y))
    if cut != 0:
        discordant = np.count_nonzero((margins >= cut) != (margins >= 0))
        assert score - plain > np.sqrt(discordant) / n
        assert score == pytest.approx(
            brute_force(FAST[accuracy_score], margins, y, weights)
        )


def test_accuracy_leaves_the_middle_for_a_real_gain():
    margins = np.r_[np.full(50, 3.0), np.full(50, 1.0)]
    y = np.r_[np.ones(50), np.zeros(50)]
    cut, score = cut_and_score(CRITERIA["accuracy"], margins, y, np.ones(100))
    assert 1.0 < cut <= 3.0
    assert score == 1.0
    # One row in a hundred is within one standard error: it stays.
    margins[50:99] = -1.0
    cut, score = cut_and_score(CRITERIA["accuracy"], margins, y, np.ones(100))
    assert (cut, score) == (0.0, 0.99)


@pytest.mark.parametrize("low", [-400.0, -1.0, -1e-300, 0.0, 1.0, 19.0, 30.0])
def test_neighbouring_scores_are_told_apart(low):
    """Neighbouring floats as scores, neighbouring probabilities as log-odds."""
    for link in ("score", "logit"):
        scores = binary_score(np.array([low, low + max(1e-6, abs(low)) / 4]), link)
        high = np.nextafter(low, np.inf)
        if link == "logit":
            # The first margin of the next probability.
            high = least_positive(np.nextafter(scores[0], 1.0), link)
        margins, y = np.array([low, high]), np.array([0.0, 1.0])
        found = calibrate(
            CRITERIA["f1"], margins, y, np.ones(2), origin=-800.0, link=link
        )
        threshold = binary_score(found.cut, link)
        called = is_positive(margins, threshold, link)
        if link == "logit" and low > 20:
            # Such certainty is not told apart.
            assert called.all()
        else:
            assert called.tolist() == [False, True]
            assert found.score == 1.0


@pytest.mark.parametrize("name", [n for n, c in CRITERIA.items() if c.curve])
@pytest.mark.parametrize("level", [0.0, 5.0, 15.0, 25.0, 36.0, 40.0, -30.0])
def test_what_calibration_promises_prediction_keeps(name, level):
    """Also among margins so near that many have the same probability."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = (rng.random(40) < rng.uniform(0.05, 0.95)).astype(float)
        steps = rng.integers(0, 6, 40) + rng.integers(0, 2) * y
        size = 10.0 ** rng.integers(-17, 1)
        margins = level + size * steps
        found = calibrate(CRITERIA[name], margins, y, np.ones(40), 0.7)
        threshold = binary_score(found.cut, "logit")
        called = is_positive(margins, threshold, "logit")
        figure, target = FIGURES[name]
        options = {"zero_division": 0.0}
        if target is None or found.target_reached:
            assert found.score == pytest.approx(figure(y, called, **options))
        if target is not None:
            assert found.reached == pytest.approx(target(y, called, **options))


def test_a_probability_of_one_cannot_be_kept_out():
    # Most are negative: to call none positive were best, but 1 is at any threshold.
    margins, y = np.full(50, 45.0), np.r_[1.0, np.zeros(49)]
    found = calibrate(CRITERIA["accuracy"], margins, y, np.ones(50))
    assert found == Calibration(0.0, 1 / 50)
    # And a lower one can.
    found = calibrate(CRITERIA["accuracy"], margins - 25.0, y, np.ones(50))
    assert found.score == 49 / 50
    assert not is_positive(
        margins - 25.0, binary_score(found.cut, "logit"), "logit"
    ).any()


@pytest.mark.parametrize("link", ["logit", "score"])
def test_a_score_at_the_threshold_counts_as_positive(link):
    margins = np.array([-1.0, 0.3, 0.7])
    for place, margin in enumerate(margins):
        threshold = float(binary_score(margin, link))
        called = is_positive(margins, threshold, link)
        assert called.tolist() == [other >= place for other in range(3)]
        least = least_positive(threshold, link)
        assert least <= margin
        assert is_positive(least, threshold, link)
        assert not is_positive(np.nextafter(least, -np.inf), threshold, link)
    assert least_positive(0.5, "score") == 0.5
    assert least_positive(0.0, "logit") == -np.inf
    assert least_positive(np.nextafter(1.0, 2.0), "logit") == np.inf
    assert is_positive(least_positive(1.0, "logit"), 1.0, "logit")
    assert is_positive(least_positive(5e-324, "logit"), 5e-324, "logit")


def test_many_margins_are_positive_as_their_probabilities_are():
    """They are compared with the lowest one, but for those next to it."""
    rng = np.random.default_rng(0)
    far = np.r_[rng.normal(size=MANY) * 10.0 ** rng.uniform(-16, 3, MANY), 0.0]
    ends = [np.nan, np.inf, -np.inf]
    edges = [5e-324, 1e-310, 1e-16, 0.5, 1 - 2**-53, 1.0, -1.0, 0.0, 2.0, np.nan]
    for threshold in (*edges, *rng.random(100), *10.0 ** -rng.uniform(1, 300, 100)):
        least = least_positive(threshold, "logit")
        least = least if np.isfinite(least) else 0.0
        close = least + np.spacing(least) * np.arange(-300, 301)
        margins = np.r_[close, least + far, ends]
        found = is_positive(margins, threshold, "logit")
        np.testing.assert_array_equal(
            found, binary_score(margins, "logit") >= threshold
        )
        two = is_positive(np.c_[margins, margins], threshold, "logit")
        np.testing.assert_array_equal(two, np.c_[found, found])


def test_extreme_margins_keep_a_threshold_that_a_probability_can_hold():
    rng = np.random.default_rng(0)
    margins = rng.normal(1000, 300, 200)
    y = (margins > 1000).astype(float)
    cut, score = cut_and_score(CRITERIA["f1"], margins, y, np.ones(200))
    assert cut <= 20.0
    assert score == pytest.approx(f1_score(y, margins >= cut))


def test_weights_count():
    margins, y = np.array([2.0, 1.0, -1.0]), np.array([0.0, 1.0, 1.0])
    light = calibrate(CRITERIA["f1"], margins, y, np.array([0.001, 1.0, 1.0]))
    heavy = calibrate(CRITERIA["f1"], margins, y, np.array([1000.0, 1.0, 1.0]))
    assert light.score > 0.99
    assert heavy.score < 0.01
