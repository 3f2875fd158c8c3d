"""Labels and loss weights, the same for arrays, pieces and validation rows."""

from types import SimpleNamespace

import numpy as np
import pytest

from sklearn_sagemaker._kernels import RowReader
from sklearn_sagemaker._state import TrainingData
from sklearn_sagemaker.training.rows import Piece
from sklearn_sagemaker.training.targets import Targets

MULTIPLIERS = np.array([1.0, 3.0])


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 3)).astype(np.float32)
    y = rng.integers(0, 2, 20).astype(float)
    return TrainingData(X, y, rng.uniform(0.5, 2.0, 20))


def targets_of(data, reader, validation=None, **more):
    given = reader, data.y, data.sample_weight
    plan = SimpleNamespace(
        **dict(zip(("reader", "y", "weights"), validation or given, strict=True))
    )
    source = SimpleNamespace(
        data=data, mean_weight=lambda plan, weights, multipliers: weights.mean()
    )
    return Targets(source, plan, reader, 1.0, 4.0, **more)


@pytest.mark.parametrize("multipliers", [None, MULTIPLIERS])
def test_weights_have_mean_one_and_labels_are_scaled(rows, multipliers):
    found = targets_of(rows, RowReader(rows.X), multipliers=multipliers)
    labels, weights = found.train
    assert labels.dtype == weights.dtype == np.float32
    np.testing.assert_allclose(labels, (rows.y - 1.0) / 4.0)
    assert found.loss_weights[0].mean() == pytest.approx(1.0)
    factor = 1.0 if multipliers is None else multipliers[rows.y.astype(int)]
    expected = rows.sample_weight * factor
    np.testing.assert_allclose(weights, expected / expected.mean(), rtol=1e-6)


def test_a_piece_of_the_rows_is_seen_like_all_of_them(rows):
    found = targets_of(rows, RowReader(rows.X), multipliers=MULTIPLIERS)
    part = slice(5, 12)
    piece = Piece(
        RowReader(rows.X[part]), rows.y[part], rows.sample_weight[part],
        [np.arange(7)], False, np.random.default_rng(0),
    )  # fmt: skip
    for some, every in zip(found.of(piece), found.train, strict=True):
        np.testing.assert_allclose(some, every[part], rtol=1e-6)


def test_validation_rows_of_the_user_keep_their_mean_weight(rows):
    reader = RowReader(rows.X)
    mine = targets_of(rows, reader, multipliers=MULTIPLIERS)
    assert mine.validation is mine.train
    given = RowReader(rows.X[:4]), rows.y[:4], np.full(4, 10.0)
    found = targets_of(rows, reader, given, multipliers=MULTIPLIERS)
    expected = 10.0 * MULTIPLIERS[rows.y[:4].astype(int)]
    np.testing.assert_array_equal(found.loss_weights[1], expected)
    np.testing.assert_array_equal(found.validation[1], expected.astype(np.float32))
