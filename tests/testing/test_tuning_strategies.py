"""What a tuning job tries, and when it ends a training job; no emulator runs."""

import math

import numpy as np
import pytest

from sklearn_sagemaker.testing.tuning_ranges import Range, coordinates, ranges_of
from sklearn_sagemaker.testing.tuning_stopping import MedianRule, Never, Rungs
from sklearn_sagemaker.testing.tuning_strategies import (
    STRATEGIES,
    Bayesian,
    Grid,
    Random,
    combinations,
)
from tests.testing.tuning import RANGES


@pytest.fixture
def ranges():
    return ranges_of(RANGES)


def bowl(values):
    """Greatest, and zero, at x = 0.01, k = 4 and c = "a"."""
    x, k = math.log10(float(values["x"])), int(values["k"])
    return -((x + 2) ** 2) - (k - 4) ** 2 / 10 - (values["c"] == "b")


def searched(strategy, jobs, parallel=1):
    """The best value of so many jobs."""
    tried, pending = [], []
    for _ in range(jobs):
        pending.append(strategy.propose(tried, pending))
        if len(pending) == parallel:
            done = pending.pop(0)
            tried.append((done, bowl(done)))
    return max(value for _, value in tried)


@pytest.mark.parametrize("scaling", ["Linear", "Logarithmic", "ReverseLogarithmic"])
@pytest.mark.parametrize(
    ("kind", "low", "high"), [("Continuous", 0.01, 0.9), ("Integer", 2, 70)]
)
def test_places_and_values(kind, low, high, scaling):
    if (kind, scaling) == ("Integer", "ReverseLogarithmic"):
        pytest.skip("there is none")
    one = Range("x", kind, low, high, scaling)
    values = [float(one.text(place)) for place in np.linspace(0, 1, 101)]
    assert (values[0], values[-1]) == pytest.approx((low, high))
    assert low <= min(values) <= max(values) <= high
    assert values == sorted(values)
    for value in values:
        [place] = one.coordinates(str(value))
        assert 0 <= place <= 1
        assert float(one.text(place)) == pytest.approx(value)


def test_scalings_are_what_they_say():
    middle = {
        name: float(Range("x", "Continuous", 1e-4, 0.9999, name).text(0.5))
        for name in ("Linear", "Logarithmic", "ReverseLogarithmic")
    }
    assert middle["Linear"] == pytest.approx(0.5)
    assert middle["Logarithmic"] == pytest.approx(0.01, rel=1e-3)
    assert middle["ReverseLogarithmic"] == pytest.approx(0.99, rel=1e-3)


def test_whole_numbers_have_the_same_room():
    one = Range("k", "Integer", 1, 4)
    found = [one.text(place) for place in np.linspace(0, 1, 4000, endpoint=False)]
    counts = [found.count(str(k)) for k in range(1, 5)]
    assert counts == pytest.approx([1000] * 4, abs=1)


def test_a_range_of_one_value():
    one = Range("x", "Continuous", 2.0, 2.0)
    assert one.text(0.3) == "2.0"
    assert one.coordinates("2.0") == [0.0]


def test_auto_is_logarithmic_where_a_range_is_wide():
    def scaling(low, high):
        item = {"Name": "x", "MinValue": low, "MaxValue": high}
        return ranges_of({"ContinuousParameterRanges": [item]})[0].scaling

    assert scaling("1e-7", "1") == "Logarithmic"
    assert scaling("1", "50") == "Linear"
    assert scaling("0", "1e6") == "Linear"


def test_what_a_range_has(ranges):
    x, k, c = ranges
    assert x.has("1e-4")
    assert not x.has("auto")
    assert not k.has("10")
    assert c.has("a")
    assert not c.has("c")
    point = {"x": "1", "k": "9", "c": "b"}
    assert coordinates(ranges, point) == pytest.approx([1, 17 / 18, 0, 1])


@pytest.mark.parametrize("strategy", ["Random", "Bayesian"])
def test_nothing_is_tried_twice_while_there_is_more(strategy):
    choices = {"CategoricalParameterRanges": [{"Name": "k", "Values": list("12345")}]}
    search = STRATEGIES[strategy](ranges_of(choices), 0)
    tried = []
    for value in range(5):
        found = search.propose(tried, [])
        tried.append((found, float(value)))
    assert sorted(found["k"] for found, _ in tried) == list("12345")
    assert search.propose(tried, [])["k"] in "12345"


def test_a_grid_has_an_end():
    choices = [{"Name": "a", "Values": ["1", "2"]}, {"Name": "b", "Values": ["3"]}]
    made = ranges_of({"CategoricalParameterRanges": choices})
    search = Grid(made)
    assert combinations(made) == 2
    assert search.propose([], []) == {"a": "1", "b": "3"}
    assert search.propose([], []) == {"a": "2", "b": "3"}
    assert search.propose([], []) is None


def test_a_guided_search_is_better_than_one_at_random(ranges):
    guided = [searched(Bayesian(ranges, seed), 14) for seed in range(3)]
    blind = [searched(Random(ranges, seed), 14) for seed in range(30)]
    assert np.median(guided) > np.quantile(blind, 0.8)


def test_it_says_that_it_has_converged():
    made = ranges_of({"ContinuousParameterRanges": [ONE]})
    search = Bayesian(made, 0)
    tried = [({"x": repr(float(x))}, -((x - 0.5) ** 2)) for x in np.linspace(0, 1, 11)]
    search.propose(tried[:4], [])
    assert not search.converged
    search.propose(tried, [])
    assert search.converged


ONE = {"Name": "x", "MinValue": "0", "MaxValue": "1"}


def test_failed_jobs_guide_nothing(ranges):
    search = Bayesian(ranges, 0)
    tried = [(search.propose([], []), None) for _ in range(8)]
    assert search.propose(tried, []) is not None


def test_the_median_rule():
    others = [[1.0, 5.0], [2.0, 2.0], [3.0, 9.0], [9.0]]
    rule = MedianRule()
    assert not rule.stops([], others)
    # Averages of the first two epochs: 3, 2 and 6.
    assert rule.stops([9.0, 2.9], others)
    assert not rule.stops([0.0, 3.0], others)
    assert not rule.stops([0.0, 0.0, 0.0], others)
    assert not rule.stops([0.0], others[:2])
    assert not Never().stops([0.0], others)


def test_rungs():
    rule = Rungs(1, 9)
    others = [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [3.0, 3.0, 3.0]]
    assert rule.stops([2.0], others)
    assert not rule.stops([3.0], others)
    # Between rungs nobody is ended who has passed the last one.
    assert not rule.stops([3.0, 0.0], others)
    assert rule.stops([3.0, 0.0, 0.0], others)
    assert not rule.stops([3.0], others[:1])
    assert rule.stops([9.0] * 10, [])
