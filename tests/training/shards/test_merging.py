import numpy as np
import pytest

from sklearn_sagemaker.training.shards.joining import in_pairs
from sklearn_sagemaker.training.shards.merging import Updates, mean, moved


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def reference(arrays, updates):
    """The mean by updates, entry by entry."""
    found = arrays[0].astype(np.float64).copy()
    for j in range(len(found)):
        counts = [one[j if len(one) > 1 else 0] for one in updates]
        if sum(counts):
            parts = [
                count * array[j].astype(np.float64)
                for count, array in zip(counts, arrays, strict=True)
            ]
            found[j] = sum(parts) / sum(counts)
    return found


def joined(arrays, updates):
    def join(first, second):
        return (
            mean(first[0], second[0], (first[1], second[1])),
            first[1] + second[1],
        )

    return in_pairs(join, list(zip(arrays, updates, strict=True)))[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("per_feature", [True, False])
@pytest.mark.parametrize("n_shards", [1, 2, 3, 8])
def test_the_mean_by_updates(rng, dtype, per_feature, n_shards):
    arrays = [rng.normal(size=(7, 3)).astype(dtype) for _ in range(n_shards)]
    shape = 7 if per_feature else 1
    updates = [rng.integers(0, 3, shape).astype(float) for _ in range(n_shards)]
    wanted = reference(arrays, updates)
    found = joined(arrays, updates)
    assert found.dtype == dtype
    close = 1e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(found, wanted, rtol=close, atol=close)


def test_what_one_shard_alone_has_trained_is_kept_to_the_last_bit(rng):
    first, second = rng.normal(size=(2, 4, 5)).astype("float32")
    updates = np.array([3.0, 0, 0, 2]), np.array([0.0, 5, 0, 2])
    found = mean(first, second, updates)
    np.testing.assert_array_equal(found[[0, 2]], first[[0, 2]])
    np.testing.assert_array_equal(found[1], second[1])


def test_a_diverged_model_stays_diverged_and_harms_no_other():
    first, second = np.array([[1.0, np.inf]]), np.array([[3.0, 1.0]])
    found = mean(first, second, (np.ones(1), np.ones(1)))
    assert found[0, 0] == 2.0
    assert not np.isfinite(found[0, 1])


def test_moves_of_frequent_features_are_averaged_and_those_of_rare_ones_added():
    """Of 100 steps: one that all meet, one that is met once, one of a single shard."""
    shards = [
        Updates.of_shard(np.array([100.0, 1.0, 0.0]), 100),
        Updates.of_shard(np.array([100.0, 1.0, 100.0]), 100),
    ]
    moves = np.array([[3.0, 3.0, 0.0], [5.0, 5.0, 4.0]])
    start = np.ones((3, 1))
    found = moved(start, moves.sum(axis=0)[:, None], shards[0].joined(shards[1]))
    # Two steps of a hundred: that both fall on one has a chance of 1 in 100.
    np.testing.assert_allclose(found[:, 0] - 1, [4.0, 8.0 * 1.99 / 2, 4.0])


def test_what_no_shard_has_met_stays():
    none = Updates.of_shard(np.zeros(2), 5)
    found = moved(np.ones((2, 3)), np.zeros((2, 3)), none.joined(none))
    np.testing.assert_array_equal(found, np.ones((2, 3)))
