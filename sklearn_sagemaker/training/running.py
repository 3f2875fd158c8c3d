"""Statistics of rows that come in portions."""

from __future__ import annotations

import numpy as np


class Moments:
    """Weighted mean and sum of squares about it, of rows that come in portions."""

    def __init__(self, weight=0.0, mean=0.0, square=0.0):
        self.weight, self.mean, self.square = weight, mean, square

    def add(self, weight: float, mean, variance) -> None:
        """Take in a portion, by its weight, mean and variance."""
        total = self.weight + weight
        step = mean - self.mean
        self.square = (
            self.square + weight * variance + step**2 * (self.weight * weight / total)
        )
        self.mean = self.mean + step * (weight / total)
        self.weight = total

    @property
    def deviation(self):
        """Standard deviation; rounding noise of the mean's size counts as zero."""
        deviation = np.sqrt(self.square / self.weight)
        return np.where(deviation <= 1e-12 * np.abs(self.mean), 0.0, deviation)

    def plain(self) -> tuple:
        """What makes it again."""
        return self.weight, self.mean, self.square
