"""Rows that lie next to each other are not copied."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker.training.neighbours import rows_at


@pytest.mark.parametrize(
    ("rows", "copied"),
    [
        ([0, 1, 2, 3, 4, 5], False),
        ([2, 3, 4], False),
        ([3], False),
        ([0, 2, 3], True),
        ([0, 2, 1, 3], True),
        ([2, 1, 0], True),
        ([1, 1], True),
        ([], True),
    ],
)
def test_rows_at(rows, copied):
    values, rows = np.arange(12.0).reshape(6, 2), np.array(rows, dtype=np.int64)
    found = rows_at(values, rows)
    np.testing.assert_array_equal(found, values[rows])
    assert np.shares_memory(found, values) != copied
    np.testing.assert_array_equal(
        rows_at(sp.csr_array(values), rows).toarray(), values[rows]
    )
