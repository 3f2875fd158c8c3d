"""What is checked of rows and their number, and batches of one size."""

import itertools

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.io import iter_recordio, write_recordio
from sklearn_sagemaker.io.rows import (
    Predictions,
    Rows,
    batches,
    check_count,
    stack_rows,
)


def test_rows_and_answers_do_not_show_their_numbers():
    numbers = np.full((2, 3), 8675309.0)
    assert repr(Rows(numbers, numbers[:, 0])) == "Rows(shape=(2, 3), labels=True)"
    answer = Predictions(numbers[:, 0], np.array([8675309, 1]))
    assert repr(answer) == "Predictions(shape=(2,))"
    assert len(answer) == len(Rows(numbers)) == 2


@pytest.mark.parametrize("value", [0, -1, 1.5, "3", None, True, np.True_])
def test_counts_are_whole_and_at_least_one(value):
    with pytest.raises(ValueError, match=r"batch_size=.* must be a whole number, 1 or"):
        check_count("batch_size", value)
    data = write_recordio(None, np.eye(2))
    with pytest.raises(ValueError, match="batch_size=.* must be a whole number"):
        next(iter_recordio(data, value))


def test_counts_of_numpy_become_ints():
    assert type(check_count("shards", np.int64(3))) is int


@pytest.mark.parametrize("batch_size", [1, 3, 4, 10, 11, 100])
@pytest.mark.parametrize("kind", [np.array, sparse.csr_matrix])
def test_batches(batch_size, kind):
    rng = np.random.default_rng(0)
    X, y, w = rng.normal(size=(11, 3)), np.arange(11), rng.random(11)
    cuts = [0, 2, 2, 9, 10, 11]
    parts = [Rows(kind(X[a:b]), y[a:b], w[a:b]) for a, b in itertools.pairwise(cuts)]
    found = list(batches(parts, batch_size))
    assert all(len(rows) == batch_size for rows in found[:-1])
    assert 1 <= len(found[-1]) <= batch_size
    stacked = stack_rows(found)
    whole = stacked.X.toarray() if kind is not np.array else stacked.X
    np.testing.assert_array_equal(whole, X)
    np.testing.assert_array_equal(stacked.y, y)
    np.testing.assert_array_equal(stacked.sample_weight, w)
