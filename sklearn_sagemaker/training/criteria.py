"""Criteria by which a binary classifier is selected and its threshold set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Confusion:
    """Weighted counts for every possible threshold, from high to low.

    Entry ``i`` predicts the ``counts[i]`` highest margins positive; ties are
    never split.
    """

    margins: np.ndarray
    true_positive: np.ndarray
    false_positive: np.ndarray
    positive: float
    negative: float
    n_rows: int

    def cut(self, index: int) -> float:
        """A margin between the last row called positive and the next one."""
        if index == 0:
            return float(self.margins[0])
        high = self.margins[index - 1]
        if index == len(self.margins):
            return float(high - max(1.0, abs(high)))
        middle = 0.5 * (high + self.margins[index])
        # With neighbouring floats the middle may round up to the higher one,
        # which a strict comparison would lose.
        return float(middle if middle < high else self.margins[index])


def confusion(margins: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Confusion:
    """Weighted confusion counts at every distinct margin.

    Parameters
    ----------
    margins, y, weights : float64 arrays of shape (n,)
        ``y`` is 0 or 1.
    """
    order = np.argsort(-margins, kind="stable")
    margins, y, weights = margins[order], y[order], weights[order]
    last = np.flatnonzero(np.diff(margins) != 0)
    ends = np.append(last, len(margins) - 1)
    hits = np.cumsum(weights * y)[ends]
    misses = np.cumsum(weights * (1.0 - y))[ends]
    return Confusion(
        margins[ends],
        np.append(0.0, hits),
        np.append(0.0, misses),
        float(hits[-1]),
        float(misses[-1]),
        len(y),
    )


def _accuracy(counts: Confusion) -> np.ndarray:
    right = counts.true_positive + counts.negative - counts.false_positive
    return right / (counts.positive + counts.negative)


def _f1(counts: Confusion) -> np.ndarray:
    called = counts.true_positive + counts.false_positive
    total = called + counts.positive
    return 2.0 * counts.true_positive / np.where(total > 0, total, 1.0)


@dataclass(frozen=True)
class Criterion:
    """One selection criterion for binary classification.

    Attributes
    ----------
    name : str
        SageMaker's name.
    curve : callable or None
        Score of every threshold; None selects by validation loss and leaves the
        threshold at probability 0.5.
    cautious : bool
        Whether the threshold leaves 0.5 only for a gain of more than one paired
        standard error.
    """

    name: str
    curve: Callable[[Confusion], np.ndarray] | None = None
    cautious: bool = False


CRITERIA: dict[str, Criterion] = {
    criterion.name: criterion
    for criterion in (
        Criterion("accuracy", _accuracy, cautious=True),
        Criterion("f1", _f1),
        Criterion("cross_entropy_loss"),
        Criterion("loss_function"),
    )
}


# Cuts that a probability in float64 can tell apart: close to 1 it has few digits.
LOWEST_CUT, HIGHEST_CUT = -500.0, 20.0


def calibrate(
    criterion: Criterion, margins: np.ndarray, y: np.ndarray, weights: np.ndarray
) -> tuple[float, float]:
    """The margin to cut at, and the criterion's score there.

    For a cautious criterion the cut leaves 0 only when the gain exceeds one
    paired standard error, ``sqrt(discordant rows) / n``, of the comparison with
    the cut at 0: otherwise the gain is within what another validation sample
    would undo.
    """
    margins = np.clip(margins, LOWEST_CUT, HIGHEST_CUT)
    counts = confusion(margins, y, weights)
    assert criterion.curve is not None
    scores = criterion.curve(counts)
    # Index of "cut at margin 0": how many distinct margins lie above it.
    plain = int(np.searchsorted(-counts.margins, 0.0, side="left"))
    best = int(np.argmax(scores))
    if scores[best] <= scores[plain]:
        return 0.0, float(scores[plain])
    cut = counts.cut(best)
    if criterion.cautious:
        low, high = min(cut, 0.0), max(cut, 0.0)
        discordant = np.count_nonzero((margins > low) & (margins <= high))
        error = np.sqrt(discordant) / counts.n_rows
        if scores[best] - scores[plain] <= error * (1.0 + 1e-9):
            return 0.0, float(scores[plain])
    return cut, float(scores[best])
