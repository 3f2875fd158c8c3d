"""What shards have trained from one state, joined to what one machine would have.

A step of one row moves a weight little, so that rounds on several shards could be added
up. But one machine takes shorter steps, as it has seen the rows of all, and it stops at
an optimum that each shard has reached by itself. So what a shard sends is the sum of
its gradients, as its steps tell it: the way it went, times the mean divisor of its
steps, and over the share of the way that an exponential approach to an optimum leaves.
The sum over shards makes one long step, with the divisors of all, and as far as such an
approach takes it. It is the plain sum where a round changes little, and the mean by
updates where each shard has come to its end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SUMS = {"adagrad": 1, "ftrl": 2}
"""Layer of the sums of squared gradients of an optimizer..."""
MEANS = {"rmsprop": 1, "adam": 2}
"""... or of their means. What other states it has are means, too."""
TINY = 1e-6
"""Way that is as good as none."""


@dataclass(frozen=True)
class Stepping:
    """How a group of parameters is stepped.

    Attributes
    ----------
    optimizer : str
    rate, decay, eps : float
        As the kernels have them.
    coupling : float
        Numbers that a row steps at once, as if they were one direction: by so much the
        error of a row falls faster than one of them would let it.
    curvature : float
        Of the loss in a parameter, where no state tells it.
    gain : float
        Rows of a mini-batch of a shard over those of one machine, where steps do not
        depend on the size of the gradient.
    """

    optimizer: str
    rate: float
    decay: float
    eps: float
    coupling: float
    curvature: float = 1.0
    gain: float = 1.0

    def _divisor(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """The mean one of the steps between two sums of squared gradients."""
        return 0.5 * (np.sqrt(before) + np.sqrt(after)) + self.eps

    def _left(self, way: np.ndarray) -> np.ndarray:
        """Share of a long step that an approach by small ones takes."""
        way = np.maximum(self.coupling * self.rate * way, TINY)
        return -np.expm1(-way) / way

    def moved(
        self, start: np.ndarray, end: np.ndarray, updates: np.ndarray
    ) -> np.ndarray:
        """What a shard adds to the sums over shards.

        Parameters
        ----------
        start, end : arrays of shape (n, 1 + n_states, width)
        updates : float64 array of shape (n,) or (1,)
            Of each parameter, on this shard.

        Returns
        -------
        moved : array of shape (n, 1 + n_states, width)
            The sum of its gradients by the rate, and what it adds to each state.
        """
        found = end - start
        by = updates.astype(end.dtype)[:, None]
        layer = SUMS.get(self.optimizer)
        if layer is None:
            way = by * self._bend(end)
            found[:, 1:] = by[:, None] * end[:, 1:]
            divisor = np.ones((), end.dtype)
        else:
            divisor = self._divisor(start[:, layer], end[:, layer])
            way = found[:, layer] / divisor
        found[:, 0] *= divisor / self._left(way)
        return found

    def _bend(self, numbers: np.ndarray) -> np.ndarray:
        """Curvature over the divisor of a step."""
        layer = MEANS.get(self.optimizer)
        if layer is None:
            return np.asarray(self.curvature, numbers.dtype)
        return np.sqrt(numbers[:, layer])

    def joined(
        self, start: np.ndarray, sums: np.ndarray, updates: np.ndarray
    ) -> np.ndarray:
        """Where one machine would have come to.

        Parameters
        ----------
        start : array of shape (n, 1 + n_states, width)
        sums : array of shape (n, 1 + n_states, width)
            Of `moved`, over the shards.
        updates : float64 array of shape (n,) or (1,)
            Of each parameter, on all shards.

        Returns
        -------
        end : array of shape (n, 1 + n_states, width)
        """
        end = start + sums
        layer = SUMS.get(self.optimizer)
        if layer is None:
            by = updates.astype(end.dtype)[:, None, None]
            met = by > 0
            end[:, 1:] = np.divide(sums[:, 1:], by, out=start[:, 1:].copy(), where=met)
            way = self.gain * by[:, 0] * self._bend(end)
            end[:, 0] = start[:, 0] + self.gain * self._left(way) * sums[:, 0]
            return end
        divisor = self._divisor(start[:, layer], end[:, layer])
        way = sums[:, layer] / divisor
        end[:, 0] = start[:, 0] + sums[:, 0] * (self._left(way) / divisor)
        if self.optimizer == "ftrl":
            # The weight is a function of its states.
            length = (self.eps + np.sqrt(end[:, 2])) / self.rate + self.decay
            end[:, 1] = np.where(sums[:, 2] > 0, -end[:, 0] * length, start[:, 1])
        return end
