"""What shards have trained from one state, joined: each feature by its updates.

All shards begin a round with the same weights, and take as many steps as one machine
would, each by fewer rows. A feature that every mini-batch stores has been moved that
often by each of them, so the mean is right; a rare one, or one that few shards store,
would have been moved once for each of its updates, one after the other, so their sum
is. In between stands the number of steps in which one machine would have met it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Updates:
    """How often shards have trained each feature in a round.

    Attributes
    ----------
    made : float64 array of shape (n_features,) or (1,)
        Mini-batches that trained it, in all shards.
    missed : float64 array like `made`
        Share of the steps in which none did, as far as counts tell.
    steps : int
        Mini-batches of the shard that had most.
    """

    made: np.ndarray
    missed: np.ndarray
    steps: int

    @classmethod
    def of_shard(cls, made: np.ndarray, steps: int) -> Updates:
        """Those of one shard.

        Parameters
        ----------
        made : float64 array of shape (n_features,) or (1,)
        steps : int
            Its mini-batches.
        """
        return cls(made, 1.0 - made / max(1, steps), steps)

    def joined(self, other: Updates) -> Updates:
        """Those of two groups of shards together."""
        return Updates(
            self.made + other.made,
            self.missed * other.missed,
            max(self.steps, other.steps),
        )

    @property
    def share(self) -> np.ndarray:
        """What of the sum of all moves one machine would have made."""
        met = self.steps * (1.0 - self.missed)
        return np.divide(met, self.made, out=np.zeros_like(met), where=self.made > 0)


def moved(start: np.ndarray, moves: np.ndarray, updates: Updates) -> np.ndarray:
    """Weights after a round.

    Parameters
    ----------
    start : array of shape (n, ...)
        From which all shards started.
    moves : array like `start`
        Sum of what each has added to it.
    updates : Updates
        Of all of them.
    """
    share = _along(updates.share, start)
    with np.errstate(all="ignore"):
        # Models that diverged are dropped when they are scored.
        return start + share * moves


def mean(
    first: np.ndarray, second: np.ndarray, updates: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """The mean of two arrays, weighted by numbers of updates.

    For what forgets as it goes on, such as the moments of gradients: a sum of such
    changes could leave less than nothing.

    Parameters
    ----------
    first, second : arrays of shape (n, ...)
    updates : (float64 array of shape (n,) or (1,), the same)
        Of each entry of the first axis. What neither has updated is that of the first.

    Returns
    -------
    mean : array of shape (n, ...)
        It may be the memory of the first.
    """
    total = updates[0] + updates[1]
    share = np.divide(updates[1], total, out=np.zeros_like(total), where=total > 0)
    if not share.any():
        return first
    share = _along(share, first)
    with np.errstate(all="ignore"):
        mixed = first + share * (second - first)
    # Where one side alone has trained the other counts for nothing, not by rounding.
    return np.where(share == 1, second, np.where(share == 0, first, mixed))


def _along(values: np.ndarray, array: np.ndarray) -> np.ndarray:
    """Values of the first axis of an array, in its type, against all of it."""
    return values.reshape(-1, *[1] * (array.ndim - 1)).astype(array.dtype)
