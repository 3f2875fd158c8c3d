"""What is checked of rows and their number."""

import numpy as np
import pytest

from sklearn_sagemaker.io import iter_recordio, write_recordio
from sklearn_sagemaker.io.rows import Predictions, Rows, check_count


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
