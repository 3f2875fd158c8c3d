"""Whether candidates differ by more than chance, compared row by row."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker._kernels.decision import binary_score, is_positive

MANY_ROWS = 30
"""Rows that a difference must come from for its standard error to be believed..."""
FEW = 0.2
"""... where it comes from less than this share of all rows."""


def paired_error(difference: np.ndarray, weights: np.ndarray) -> float:
    """Standard error of the weighted mean of a difference.

    Parameters
    ----------
    difference : float64 array of shape (n,)
        Of two candidates, on the same rows.
    weights : float64 array of shape (n,)
        Few large ones are few rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.training.selection.paired import paired_error
    >>> round(paired_error(np.array([1.0, -1.0, 1.0, -1.0]), np.ones(4)), 3)
    0.5
    """
    total = weights.sum()
    spread = difference - (weights @ difference) / total
    return float(np.sqrt(np.sum((weights * spread) ** 2)) / total)


def effective_rows(difference: np.ndarray) -> float:
    """Rows that a sum of differences comes from: as many if all were of one size.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.training.selection.paired import effective_rows
    >>> effective_rows(np.array([2.0, -2.0, 0.0, 0.0]))
    2.0
    """
    square = float(np.sum(difference**2))
    return float(np.abs(difference).sum()) ** 2 / square if square > 0 else 1.0


def influence(numerator, denominator, weights: np.ndarray) -> np.ndarray:
    """What each row adds to a ratio of two weighted sums, to first order.

    Parameters
    ----------
    numerator, denominator, weights : float64 arrays of shape (n,)

    Returns
    -------
    influence : float64 array of shape (n,)
        Its weighted mean is zero.
    """
    whole = (weights @ denominator) / weights.sum()
    if whole == 0:
        return np.zeros(len(weights))
    figure = (weights @ numerator) / weights.sum() / whole
    return (numerator - figure * denominator) / whole


def within_error(
    trained: Any,
    parts: list,
    order: np.ndarray,
    score: np.ndarray,
    loss: np.ndarray,
    calibrations: dict[int, Any],
) -> np.ndarray:
    """The order with the candidate first that chance does not tell from the best.

    By the criterion a few rows decide among good candidates: of those within one
    paired standard error of the best the lowest loss wins. Of candidates with an L1
    penalty and without, the latter wins where few of the rows make the difference, and
    fewer than would tell.

    Parameters
    ----------
    trained : TrainedCandidates
    parts : list of (fit, int64 array)
        Validation rows that are compared.
    order : int array of shape (n_candidates,)
        By score, the best first.
    score, loss : float64 arrays of shape (n_candidates,)
    calibrations : dict of int to Calibration
        Of the candidates, for two classes.

    Returns
    -------
    order : int array of shape (n_candidates,)
    """
    settings, plan = trained.settings, trained.plan
    rows = np.concatenate([part for _, part in parts])
    y, weights = plan.y[rows], plan.weights[rows]
    best = int(order[0])

    def margins(one: int) -> np.ndarray:
        found = trained.margins(plan.reader, parts, np.array([one]))
        return found[:, :, 0].astype(np.float64, copy=False)

    def influences(one: int) -> np.ndarray:
        found = margins(one)
        if not settings.binary:
            right = (found.argmax(axis=1) == y).astype(float)
            return influence(right, np.ones(len(y)), weights)
        cut = binary_score(calibrations[one].cut, settings.loss.link)
        called = is_positive(found[:, 0], cut, settings.loss.link)
        top, whole = settings.criterion.parts(called, y > 0, settings.criterion_value)
        return influence(top, whole, weights)

    chosen = best
    if settings.scores_rows:
        of_best = influences(best)
        for one in np.argsort(loss, kind="stable"):
            one = int(one)
            if one == best:
                break
            if not np.isfinite(score[one]) or (
                settings.binary
                and calibrations[one].target_reached
                != calibrations[best].target_reached
            ):
                continue
            error = paired_error(of_best - influences(one), weights)
            if score[best] - score[one] <= error:
                chosen = one
                break
    other = trained.denser(chosen, loss)
    if other is not None:
        shares = trained.targets.loss_weights[1][rows]
        more = trained.losses(margins(other), y) - trained.losses(margins(chosen), y)
        gain = (shares @ more) / shares.sum()
        few = effective_rows(shares * more)
        errors = (MANY_ROWS / few) ** 2 if few < FEW * len(rows) else 0.0
        if gain <= errors * paired_error(more, shares):
            chosen = other
    return np.append(chosen, order[order != chosen])
