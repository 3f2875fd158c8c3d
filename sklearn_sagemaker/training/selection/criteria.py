"""Criteria by which a binary classifier is selected and its threshold set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sklearn_sagemaker._kernels import descending, running_sums
from sklearn_sagemaker._kernels.decision import binary_score
from sklearn_sagemaker.training.weights import near_one


@dataclass(frozen=True)
class Confusion:
    """Weighted counts for every possible threshold, from high to low.

    Entry ``i`` calls the rows of the ``i`` highest scores positive; rows of one score
    are never split.

    Attributes
    ----------
    margins, scores : float64 arrays of shape (n_scores,)
        The distinct scores from high to low, and the lowest margin of each.
    true_positive, false_positive : float64 arrays of shape (n_scores + 1,)
    rows : int64 array of shape (n_scores + 1,)
        How many rows there are of both, whatever they weigh.
    link : {"logit", "score"}
    """

    margins: np.ndarray
    scores: np.ndarray
    true_positive: np.ndarray
    false_positive: np.ndarray
    rows: np.ndarray
    link: str

    @property
    def positive(self) -> float:
        """Weight of the positive rows."""
        return float(self.true_positive[-1])

    @property
    def negative(self) -> float:
        """Weight of the others."""
        return float(self.false_positive[-1])

    @property
    def called(self) -> np.ndarray:
        """Weight of the rows that each threshold calls positive."""
        return self.true_positive + self.false_positive

    def cut(self, index: int) -> float:
        """A margin between the last row called positive and the next one."""
        if index == 0:
            high = self.margins[0]
            return float(high + max(1.0, abs(high)))
        high = self.margins[index - 1]
        if index == len(self.margins):
            return float(high - max(1.0, abs(high)))
        middle = 0.5 * (high + self.margins[index])
        # Of neighbours the score of the middle may be that of the lower one, which
        # the threshold would let in.
        score = binary_score(middle, self.link)
        apart = self.scores[index] < score <= self.scores[index - 1]
        return float(middle if apart else high)

    def called_at(self, cut: float) -> int:
        """How many distinct scores a threshold at the score of a margin lets in."""
        return int(np.count_nonzero(self.scores >= binary_score(cut, self.link)))


def confusion(
    margins: np.ndarray, y: np.ndarray, weights: np.ndarray, link: str = "score"
) -> Confusion:
    """Weighted confusion counts at every distinct score.

    Parameters
    ----------
    margins, y, weights : float64 arrays of shape (n,)
        ``y`` is 0 or 1.
    link : {"logit", "score"}
        From margins to scores; of margins that differ, probabilities may be equal.
    """
    weights, order = near_one(weights), descending(margins)
    margins = margins[order]
    scores = binary_score(margins, link)
    hits = running_sums(weights * y, order)
    misses = running_sums(weights * (1.0 - y), order)
    # Behind the last row of each score.
    ends = np.flatnonzero(scores[1:] != scores[:-1]) + 1
    rows = np.concatenate([[0], ends, [len(scores)]])
    if len(rows) <= len(scores):
        lowest = rows[1:] - 1
        margins, scores = margins[lowest], scores[lowest]
        hits, misses = hits[rows], misses[rows]
    return Confusion(margins, scores, hits, misses, rows, link)


def f_score(hits, called, positive, beta: float):
    """Weighted F score, with recall counting ``beta`` times as much as precision.

    Parameters
    ----------
    hits, called, positive : float or float64 array
        Weight of the rows that are called positive and are, are called positive,
        and are positive.
    beta : float
        Above 0.

    Returns
    -------
    score : like the input
        0 where nothing is called positive and nothing is.
    """
    share = _share_of_recall(beta)
    return ratio(hits, share * positive + (1.0 - share) * called)


def _share_of_recall(beta: float) -> float:
    square = float(beta) * float(beta)
    return square / (1.0 + square) if square < 1.0 else 1.0 / (1.0 + 1.0 / square)


def ratio(part, whole):
    """``part / whole``, and 0 where the whole is 0, as scikit-learn's zero_division."""
    return np.where(whole > 0, part, 0.0) / np.where(whole > 0, whole, 1.0)


def _accuracy(counts: Confusion, value: float) -> np.ndarray:
    right = counts.true_positive + counts.negative - counts.false_positive
    return right / (counts.positive + counts.negative)


def _f_beta(counts: Confusion, value: float) -> np.ndarray:
    return f_score(counts.true_positive, counts.called, counts.positive, value)


def _f1(counts: Confusion, value: float) -> np.ndarray:
    return _f_beta(counts, 1.0)


def _precision(counts: Confusion, value: float) -> np.ndarray:
    return ratio(counts.true_positive, counts.called)


def _recall(counts: Confusion, value: float) -> np.ndarray:
    return ratio(counts.true_positive, np.full_like(counts.called, counts.positive))


Parts = tuple[np.ndarray, np.ndarray]


def _share(called, positive, value: float) -> Parts:
    return (called == positive).astype(float), np.ones(len(called))


def _f_beta_parts(called, positive, value: float) -> Parts:
    share = _share_of_recall(value)
    return (called & positive) * 1.0, share * positive + (1.0 - share) * called


def _f1_parts(called, positive, value: float) -> Parts:
    return _f_beta_parts(called, positive, 1.0)


def _precision_parts(called, positive, value: float) -> Parts:
    return (called & positive) * 1.0, called * 1.0


def _recall_parts(called, positive, value: float) -> Parts:
    return (called & positive) * 1.0, positive * 1.0


Curve = Callable[[Confusion, float], np.ndarray]
"""A figure for every threshold, given the value of the criterion's parameter."""


@dataclass(frozen=True)
class Criterion:
    """One selection criterion for binary classification.

    Attributes
    ----------
    name : str
        SageMaker's name.
    curve : callable or None
        ``curve(confusion, value)``: the figure to maximise, for every threshold;
        None selects by validation loss and leaves the default threshold.
    cautious : bool
        Whether the threshold leaves the default only for a gain of more than one
        paired standard error.
    parameter : str or None
        The hyperparameter whose value the curve is given.
    target : callable or None
        A curve that must reach the parameter before `curve` counts.
    parts : callable
        ``parts(called, positive, value)``: for each row what it adds to the figure's
        numerator and to its denominator.
    """

    name: str
    curve: Curve | None = None
    cautious: bool = False
    parameter: str | None = None
    target: Curve | None = None
    parts: Callable[..., Parts] = _share


CRITERIA: dict[str, Criterion] = {
    criterion.name: criterion
    for criterion in (
        Criterion("accuracy", _accuracy, cautious=True),
        Criterion("f1", _f1, parts=_f1_parts),
        Criterion("f_beta", _f_beta, parameter="f_beta", parts=_f_beta_parts),
        Criterion(
            "precision_at_target_recall",
            _precision,
            parameter="target_recall",
            target=_recall,
            parts=_precision_parts,
        ),
        Criterion(
            "recall_at_target_precision",
            _recall,
            parameter="target_precision",
            target=_precision,
            parts=_recall_parts,
        ),
        Criterion("cross_entropy_loss"),
        Criterion("loss_function"),
    )
}


# Cuts that a probability in float64 can tell apart: close to 1 it has few digits.
LOWEST_CUT, HIGHEST_CUT = -500.0, 20.0

ROUNDING = 1e-12
"""Relative difference of two figures that rounding of their sums may make."""


@dataclass(frozen=True)
class Calibration:
    """A threshold and what it achieves.

    Attributes
    ----------
    cut : float
        Rows whose score is that of this margin, or above it, are called positive.
    score : float
        For ranking candidates, greater is better: the criterion's figure at the
        cut. Where a target is out of reach it is ``reached - target``, which is
        negative: below every candidate that reaches it, and better the nearer.
    target_reached : bool
        False only if the criterion has a target that no threshold reaches.
    reached : float or None
        The figure that has the target, at the cut; None without a target.
    """

    cut: float
    score: float
    target_reached: bool = True
    reached: float | None = None


def calibrate(
    criterion: Criterion,
    margins: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    parameter: float | None = None,
    origin: float = 0.0,
    link: str = "logit",
) -> Calibration:
    """The best margin to cut at, and what it achieves.

    For a cautious criterion the cut leaves `origin` only when the gain exceeds one
    paired standard error, ``sqrt(discordant rows) / n``, of the comparison with
    the cut there, and by one row more (as in McNemar's test, since gains come in
    rows): otherwise the gain is within what another validation sample would undo.

    A criterion with a target takes, of the thresholds that reach it, the one with
    the highest figure, and of equals the one farthest beyond the target. If none
    reaches it, it takes the one that comes nearest. The precision of calling no
    row positive counts as 0.

    Parameters
    ----------
    criterion : Criterion
        One with a curve.
    margins, y, weights : float64 arrays of shape (n,)
        ``y`` is 0 or 1; rows of zero weight are absent, and at least one has a
        weight above zero.
    parameter : float or None
        Value of the hyperparameter ``criterion.parameter``.
    origin : float
        The default cut: margin 0 of the logistic loss, 0.5 of the hinge loss.
    link : {"logit", "score"}
        From margins to the scores that have a threshold. Of probabilities the cut is
        one that float64 can tell apart.

    Returns
    -------
    calibration : Calibration

    Raises
    ------
    ValueError
        If the criterion has no curve, or needs a parameter that is not given.
    """
    if criterion.curve is None:
        raise ValueError(
            f"The criterion {criterion.name!r} has no threshold to calibrate; keep "
            f"the default one, {origin:g}."
        )
    if criterion.parameter is not None and parameter is None:
        raise ValueError(
            f"parameter=None is no value for the criterion {criterion.name!r}; pass "
            f"the value of {criterion.parameter}."
        )
    present = weights > 0
    if not present.all():
        margins, y, weights = margins[present], y[present], weights[present]
    certain = False
    if link == "logit":
        certain = bool(binary_score(margins.max(), link) >= 1.0)
        margins = np.clip(margins, LOWEST_CUT, HIGHEST_CUT)
    counts = confusion(margins, y, weights, link)
    value = 1.0 if parameter is None else float(parameter)
    figures = criterion.curve(counts, value)
    plain = counts.called_at(origin)
    if criterion.target is not None:
        targets = criterion.target(counts, value)
        best = _at_target(figures, targets, value, plain)
        cut = origin if best == plain else counts.cut(best)
        reached = float(targets[best])
        if _reaches(reached, value):
            return Calibration(cut, float(figures[best]), True, reached)
        return Calibration(cut, reached - value, False, reached)
    # No threshold keeps a probability of 1 out.
    first = 1 if certain else 0
    best = first + int(np.argmax(figures[first:]))
    if figures[best] <= figures[plain]:
        return Calibration(origin, float(figures[plain]))
    cut = counts.cut(best)
    if criterion.cautious:
        discordant = abs(int(counts.rows[counts.called_at(cut)] - counts.rows[plain]))
        # One row more, as in McNemar's test: gains come in whole rows.
        error = (1.0 + np.sqrt(discordant)) / len(y)
        if figures[best] - figures[plain] <= error * (1.0 + 1e-9):
            return Calibration(origin, float(figures[plain]))
    return Calibration(cut, float(figures[best]))


def score_at(
    criterion: Criterion,
    margins: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    cut: float,
    value: float = 1.0,
    link: str = "logit",
) -> float:
    """The criterion's figure on some rows at a given cut.

    Parameters
    ----------
    criterion : Criterion
        One with a curve.
    margins, y, weights : float64 arrays of shape (n,)
    cut : float
        Rows whose score is that of this margin, or above it, are called positive.
    value : float
        Of the criterion's parameter.
    link : {"logit", "score"}

    Returns
    -------
    figure : float
        NaN if no row has a weight above zero.
    """
    present = weights > 0
    if not present.any():
        return float("nan")
    counts = confusion(margins[present], y[present], weights[present], link)
    assert criterion.curve is not None
    return float(criterion.curve(counts, value)[counts.called_at(cut)])


def _reaches(found, wanted):
    """Whether a figure that is not negative is as large, but for rounding."""
    return found >= wanted * (1.0 - ROUNDING)


def _at_target(
    figures: np.ndarray, targets: np.ndarray, wanted: float, plain: int
) -> int:
    """Index of the threshold to take; `plain` where it is as good as any."""
    kept = np.flatnonzero(_reaches(targets, wanted))
    first, second = figures, targets
    if len(kept) == 0:
        kept = np.arange(len(targets))
        first, second = targets, figures
    for curve in (first, second):
        kept = kept[_reaches(curve[kept], curve[kept].max())]
    return plain if plain in kept else int(kept[0])
