"""Scores and thresholds of all candidates, on the validation rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels.decision import binary_score, is_positive
from sklearn_sagemaker._threads import ALONE
from sklearn_sagemaker.training.neighbours import rows_at
from sklearn_sagemaker.training.selection.criteria import Calibration, score_at
from sklearn_sagemaker.training.selection.paired import Decisions

MARGIN_BYTES = 64 << 20
"""Margins of all candidates on validation rows are held in pieces of this size."""
SHARED_MARGINS = 100_000
"""Fewer of them one thread has scored before another has begun."""


@dataclass(frozen=True)
class Scored:
    """What one candidate comes to.

    Attributes
    ----------
    score : float
    of_parts : list of float
        Score on each part of the rows.
    decided : bool array of shape (n_rows,)
        As of `Decisions.keep`.
    calibration : Calibration or None
        For two classes.
    """

    score: float
    of_parts: list[float]
    decided: np.ndarray
    calibration: Calibration | None = None


def score_candidates(
    trained: Any,
    parts: list,
    usable: np.ndarray,
    score: np.ndarray,
    cuts: np.ndarray,
    split_scores: np.ndarray,
) -> tuple[dict[int, Calibration], Decisions]:
    """Fill in score and cut of every usable candidate, on some validation rows.

    Parameters
    ----------
    trained : TrainedCandidates
        Its threads share them.
    parts : list of (fit, int64 array)
        Rows, each by the fit that may score it.
    usable : bool array of shape (n_candidates,)
    score, cuts : float64 arrays of shape (n_candidates,)
        Changed in place; margins to cut at are those of two classes.
    split_scores : float64 array of shape (n_parts, n_candidates)
        Changed in place: the score on each part, at the cut of all.

    Returns
    -------
    calibrations : dict of int to Calibration
        Of the candidates, for two classes.
    decisions : Decisions
    """
    plan, rows = trained.plan, np.concatenate([part for _, part in parts])
    y, weights = rows_at(plan.y, rows), rows_at(plan.weights, rows)
    ends = np.cumsum([0, *(len(part) for _, part in parts)])
    calibrations: dict[int, Calibration] = {}
    decisions = Decisions(parts, y, weights)
    chosen = np.flatnonzero(usable)
    n_margins = len(rows) * trained.n_outputs * len(chosen)
    pieces = [slice(*piece) for piece in pairwise(ends)]
    of_one = of_two_classes if trained.settings.binary else of_more

    def scored(margins: np.ndarray) -> Scored:
        return of_one(trained.settings, margins, y, weights, pieces)

    spread = trained.spread if n_margins >= SHARED_MARGINS else ALONE
    for some in np.array_split(chosen, -(-8 * n_margins // MARGIN_BYTES)):
        margins = trained.margins(plan.reader, parts, some)
        found = spread(scored, np.moveaxis(margins, 2, 0))
        for number, one in zip(some.tolist(), found, strict=True):
            score[number], split_scores[:, number] = one.score, one.of_parts
            decisions.keep(number, one.decided)
            if one.calibration is not None:
                calibrations[number] = one.calibration
                cuts[number] = one.calibration.cut
    return calibrations, decisions


def of_more(settings: Any, margins, y, weights, pieces: list[slice]) -> Scored:
    """Score of a model of several classes: its accuracy."""
    right = margins.argmax(axis=1) == y
    of_parts = []
    for piece in pieces:
        share = weights[piece].sum()
        of_parts.append(weights[piece] @ right[piece] / share if share else np.nan)
    return Scored(np.average(right, weights=weights), of_parts, right)


def of_two_classes(settings: Any, margins, y, weights, pieces: list[slice]) -> Scored:
    """Threshold and score of a model of two classes, by the criterion."""
    margins, link = margins[:, 0], settings.loss.link
    found = settings.calibrate(margins, y, weights)
    decided = is_positive(margins, binary_score(found.cut, link), link)
    of_parts = [found.score]
    if len(pieces) > 1:
        of_parts = [
            score_at(
                settings.criterion,
                margins[piece].astype(np.float64),
                y[piece],
                weights[piece],
                found.cut,
                settings.criterion_value,
                link,
            )
            for piece in pieces
        ]
    return Scored(found.score, of_parts, decided, found)
