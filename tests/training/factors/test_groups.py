"""Groups of features: found, refined, refused."""

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker.training.factors.groups import (
    check_groups,
    one_hot_groups,
    split_by_count,
)


def one_hot(rng, n, width):
    at = np.concatenate([np.arange(width), rng.integers(0, width, n - width)])
    return sp.csr_array((np.ones(n), (np.arange(n), rng.permutation(at))), (n, width))


def test_blocks_that_every_row_hits_equally_often():
    rng = np.random.default_rng(0)
    n, widths = 400, (30, 50, 17, 9)
    blocks = [one_hot(rng, n, width) for width in widths]
    # Genres: between the films and the months any number a row.
    blocks[2] = sp.csr_array(rng.random((n, 17)) < 0.2)
    X = sp.hstack(blocks, format="csr")
    expected = np.repeat(np.arange(4), widths)
    np.testing.assert_array_equal(one_hot_groups(X), expected)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    np.testing.assert_array_equal(one_hot_groups(X), expected)


def test_equal_counts_alone_make_no_boundary():
    # Four entries before column 2, and four from it on: two rows have all of them.
    X = np.repeat(np.eye(2), 2, axis=0).repeat(2, axis=1)
    np.testing.assert_array_equal(one_hot_groups(sp.csr_array(X)), np.zeros(4))


def test_two_hits_a_row_make_a_block():
    rng = np.random.default_rng(0)
    pair = np.zeros((200, 6))
    for row in pair:
        row[rng.choice(6, 2, replace=False)] = 1
    X = sp.hstack([sp.csr_array(pair), one_hot(rng, 200, 5)], format="csr")
    np.testing.assert_array_equal(one_hot_groups(X), np.repeat([0, 1], [6, 5]))


@pytest.mark.parametrize("X", [np.eye(4), sp.csr_array((5, 4)), sp.csr_array((0, 4))])
def test_one_group_where_there_is_no_structure(X):
    np.testing.assert_array_equal(one_hot_groups(X), np.zeros(4))


def test_split_by_count_keeps_groups_apart_and_bins_large_enough():
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], [500, 300, 20])
    counts = rng.zipf(1.5, 820).clip(max=10**6)
    finer = split_by_count(groups, counts, least=50)
    sizes = np.bincount(finer)
    assert sizes[finer[groups < 2]].min() >= 50
    assert len(sizes) > 3
    for group in range(3):
        assert not np.isin(finer[groups != group], finer[groups == group]).any()
    assert len(np.unique(finer[groups == 2])) == 1
    # Bins are ranges of counts.
    rare, frequent = (
        finer[:500][counts[:500].argmin()],
        finer[:500][counts[:500].argmax()],
    )
    assert rare != frequent
    assert counts[:500][finer[:500] == rare].max() < counts[:500].max()


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (np.zeros(3, int), r"shape \(3,\).*4 features"),
        (np.zeros(4), "float64.*unique"),
        (np.array([0, -1, 0, 0]), "-1.*from 0"),
        (np.array([0, 9, 0, 0]), "9.*4 features"),
    ],
)
def test_wrong_groups_are_refused(groups, said):
    with pytest.raises(ValueError, match=said):
        check_groups(groups, 4)
    check_groups(np.array([0, 1, 1, 0]), 4)
