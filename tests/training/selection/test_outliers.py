"""One row beyond all others does not choose between candidates of a regression."""

from types import SimpleNamespace

import numpy as np
import pytest

from sklearn_sagemaker.training.selection.outliers import without_outliers

N = 60


def trained(errors, regression=True):
    """Candidates that err so on each row, of shape (n_rows, n_candidates)."""
    y = np.zeros(len(errors))
    return SimpleNamespace(
        plan=SimpleNamespace(reader=None, y=y),
        settings=SimpleNamespace(regression=regression),
        targets=SimpleNamespace(loss_weights=(None, np.ones(len(errors)))),
        margins=lambda reader, parts, chosen: errors[:, None, chosen],
        losses=lambda margins, y: (margins[:, 0] - y) ** 2,
    )


def order_of(errors, **more):
    n, models = errors.shape
    order = np.argsort(np.mean(errors**2, axis=0))
    everyone = np.ones(models, dtype=bool)
    return without_outliers(
        trained(errors, **more), [(1, np.arange(n))], order, everyone
    )


@pytest.fixture
def errors():
    """The first is better on all rows but one, where it is far worse."""
    rng = np.random.default_rng(0)
    found = np.c_[rng.normal(size=N), 1.3 * rng.normal(size=N)]
    found[0] = 30.0, 25.0
    return found


def test_one_row_does_not_choose(errors):
    assert np.argmin(np.mean(errors**2, axis=0)) == 1
    np.testing.assert_array_equal(order_of(errors), [0, 1])


def test_of_classes_it_does(errors):
    np.testing.assert_array_equal(order_of(errors, regression=False), [1, 0])


def test_many_rows_do(errors):
    errors[1:, 0] *= 2.0
    np.testing.assert_array_equal(order_of(errors), [1, 0])


def test_an_exact_fit_stays_the_best():
    np.testing.assert_array_equal(order_of(np.c_[np.ones(N), np.zeros(N)]), [1, 0])
