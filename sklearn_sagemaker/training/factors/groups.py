"""Groups of features that share their regularisation."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

SUM_LIMIT = 2.0**52
"""Sums of the rows' random numbers stay exact in float64 below this."""
CHUNK = 1 << 20
"""Stored values that are counted at a time."""


def _boundaries(entries: np.ndarray, sums: np.ndarray, n: int, total: float):
    """Whether every row has the same number of entries before each column."""
    before, sum_before = np.cumsum(entries), np.cumsum(sums)
    times = np.round(before / n)
    return (before == times * n) & (sum_before == times * total)


def one_hot_groups(X) -> np.ndarray:
    """Blocks of neighbouring columns that every row hits the same number of times.

    One-hot blocks (users, films, days) are found without knowing where they begin:
    a column is a boundary if all rows store equally many entries before it, or
    equally many from it on. That is tested by count and by the sum of a random
    number for each row, in time linear in the stored values.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_rows, n_features)

    Returns
    -------
    groups : int array of shape (n_features,)
        From 0, in the order of the columns; one group for dense X.
    """
    n, d = X.shape
    groups = np.zeros(d, dtype=np.int64)
    if not sp.issparse(X) or n == 0 or d == 0:
        return groups
    start, stop = int(X.indptr[0]), int(X.indptr[-1])
    if stop == start:
        return groups
    rng = np.random.default_rng(0)
    largest = min(2.0**31, max(2.0, SUM_LIMIT / max(stop - start, n)))
    numbers = np.floor(rng.random(n) * largest)
    entries, sums = np.zeros((2, d))
    for first in range(start, stop, CHUNK):
        last = min(first + CHUNK, stop)
        where = X.indices[first:last]
        rows = np.repeat(np.arange(n), np.diff(np.clip(X.indptr, first, last)))
        entries += np.bincount(where, minlength=d)
        sums += np.bincount(where, numbers[rows], d)
    total = numbers.sum()
    # Column b is a boundary as the end of what lies before, or the start of what
    # lies behind it.
    ends = _boundaries(entries, sums, n, total)[:-1]
    starts = _boundaries(entries[::-1], sums[::-1], n, total)[::-1][1:]
    counted = np.cumsum(entries)
    # Columns that no row stores belong to the block before them.
    inside = (counted[:-1] > 0) & (counted[:-1] < counted[-1])
    groups[1:] = np.cumsum((ends | starts) & inside & (entries[1:] > 0))
    return groups


def check_groups(groups: np.ndarray, n_features: int) -> None:
    """Refuse what is not one group for each feature, numbered from 0.

    Raises
    ------
    ValueError
        Naming the value, the rule and the remedy.
    """
    groups = np.asarray(groups)
    if groups.shape != (n_features,):
        raise ValueError(
            f"groups has shape {groups.shape}; it needs one number for each of the "
            f"{n_features} features, an array of shape ({n_features},)."
        )
    if groups.dtype.kind not in "iu":
        raise ValueError(
            f"groups has dtype {groups.dtype}; groups are numbered by integers from "
            "0: use numpy.unique(groups, return_inverse=True)[1]."
        )
    if n_features == 0:
        return
    if groups.min() < 0:
        raise ValueError(
            f"groups holds {groups.min()}; groups are numbered from 0: use "
            "numpy.unique(groups, return_inverse=True)[1]."
        )
    if groups.max() >= n_features:
        raise ValueError(
            f"groups holds {groups.max()}, but {n_features} features make at most "
            f"{n_features} groups, numbered from 0: use "
            "numpy.unique(groups, return_inverse=True)[1]."
        )


def split_by_count(
    groups: np.ndarray, counts: np.ndarray, least: int = 100
) -> np.ndarray:
    """Divide groups by how many rows store a feature: each bin doubles the last.

    What many rows store (a popular film, an active user) differs from the rare in
    mean and spread, and most of all in a group of many rare features.

    Parameters
    ----------
    groups : int array of shape (n_features,)
    counts : int array of shape (n_features,)
    least : int
        Features with rows that a new group has at least.

    Returns
    -------
    finer : int array of shape (n_features,)
        From 0; features of one finer group share the given group.
    """
    octave = np.frexp(np.maximum(counts, 1))[1]
    finer = np.zeros(len(groups), dtype=np.int64)
    n_groups = 0
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        # Those without rows join the rarest, and do not count.
        sizes = np.bincount(octave[members], counts[members] > 0).astype(np.int64)
        # From the frequent down; what is left over joins the last bin.
        bins, held, number = np.zeros(len(sizes), dtype=np.int64), 0, 0
        left = int(sizes.sum())
        for place in range(len(sizes) - 1, -1, -1):
            bins[place] = number
            held += sizes[place]
            left -= sizes[place]
            if held >= least and left >= least:
                number, held = number + 1, 0
        finer[members] = n_groups + bins[octave[members]]
        n_groups += number + 1
    return finer
