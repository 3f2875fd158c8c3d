"""Orders and counts against NumPy's."""

import numpy as np
import pytest

from sklearn_sagemaker._kernels import count_columns, descending, running_sums

ODD = [0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, -5e-324, -np.nan, 0.0, 1.0, 1e308]


@pytest.mark.parametrize("n", [0, 1, 2, 300, 4095, 4096, 20_000])
@pytest.mark.parametrize("values", ["float64", "float32", "whole", "one", "odd"])
def test_descending_is_a_stable_order(n, values):
    rng = np.random.default_rng(n)
    found = {
        "float64": lambda: rng.normal(size=n) * 10.0 ** rng.integers(-300, 300, n),
        "float32": lambda: rng.normal(size=n).astype(np.float32),
        "whole": lambda: rng.integers(-20, 20, n),
        "one": lambda: np.full(n, -0.1),
        "odd": lambda: rng.choice(ODD, n),
    }[values]()
    order = descending(found)
    assert order.dtype == np.int64
    expected = np.argsort(-found.astype(np.float64), kind="stable")
    np.testing.assert_array_equal(order, expected)


def test_descending_of_a_column():
    values = np.random.default_rng(0).normal(size=(50, 3))
    values.flags.writeable = False
    expected = np.argsort(-values[:, 1], kind="stable")
    np.testing.assert_array_equal(descending(values[:, 1]), expected)


def test_running_sums_are_those_of_numpy():
    rng = np.random.default_rng(0)
    values, order = rng.normal(size=1000), rng.permutation(1000)[:700]
    sums = running_sums(values, order)
    assert sums[0] == 0
    np.testing.assert_array_equal(sums[1:], np.cumsum(values[order]))
    np.testing.assert_array_equal(running_sums(values, order[:0]), [0.0])


@pytest.mark.parametrize("place", [-1, 3])
def test_places_without_a_value_are_refused(place):
    with pytest.raises(IndexError, match="no value"):
        running_sums(np.ones(3), np.array([0, place]))


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_columns_are_counted_on(dtype):
    indices = np.random.default_rng(0).integers(0, 40, 5000).astype(dtype)
    indices.flags.writeable = False
    counts = np.arange(50)
    count_columns(indices, counts)
    np.testing.assert_array_equal(
        counts, np.arange(50) + np.bincount(indices, minlength=50)
    )


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("column", [-1, 5])
def test_what_is_no_column_is_refused(dtype, column):
    with pytest.raises(ValueError, match="no column"):
        count_columns(np.array([0, column], dtype), np.zeros(5, np.int64))
