"""What shards have trained from one state, joined: each feature by its updates.

A feature that few shards store is trained by these alone; the mean over all shards, or
one weighted by rows, would undo most of what they learned of it.
"""

from __future__ import annotations

import numpy as np


def joined_arrays(
    first: np.ndarray, second: np.ndarray, updates: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """The mean of two arrays, weighted by numbers of updates.

    Parameters
    ----------
    first, second : arrays of shape (n, ...)
    updates : (float64 array of shape (n,) or (1,), the same)
        Of each entry of the first axis. What neither has updated is that of the first.

    Returns
    -------
    joined : array of shape (n, ...)
        It may be the memory of the first.
    """
    total = updates[0] + updates[1]
    share = np.divide(updates[1], total, out=np.zeros_like(total), where=total > 0)
    if not share.any():
        return first
    share = share.reshape(-1, *[1] * (first.ndim - 1)).astype(first.dtype)
    with np.errstate(all="ignore"):
        # Of models that diverged, which are dropped when they are scored. Where one
        # side alone has trained, the other counts for nothing, not even by rounding.
        mixed = first + share * (second - first)
    return np.where(share == 1, second, np.where(share == 0, first, mixed))
