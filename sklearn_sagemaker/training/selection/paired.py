"""Whether candidates differ by more than chance, compared row by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

NEAR, NEAR_OF_STEPS = 1.0, 0.5
"""Paired standard errors from the best within which the loss decides: of candidates
that are solved, and of those that took steps, which differ by more than penalties."""
ONE_ROW = 1.05
"""Times what one row adds to a criterion within which the loss decides, too: a lead of
one row is chance, and its standard error, which is as large, says nothing of it."""
SURE = 1.5
"""Paired standard errors by which a candidate must lead before a simpler one."""
MANY_ROWS = 30
"""Rows that a difference must come from for its standard error to be believed..."""
FEW = 0.2
"""... where it comes from less than this share of all rows."""
TWICE = 2.0
"""Losses by which one is clearly higher than another, however few rows there are."""


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


@dataclass
class Decisions:
    """What the candidates decide on the validation rows that are compared.

    Attributes
    ----------
    parts : list of (fit, int64 array)
        Rows, each by the fit that may score it.
    y, weights : float64 arrays of shape (n,)
        Of these rows.
    found : dict of int to uint8 array
        For each candidate bits: of two classes whether a row is called positive, of
        more whether it is called rightly.
    """

    parts: list
    y: np.ndarray
    weights: np.ndarray
    found: dict[int, np.ndarray] = field(default_factory=dict)

    def keep(self, candidate: int, decided: np.ndarray) -> None:
        """Keep the decisions of a candidate, one bit each."""
        self.found[candidate] = np.packbits(decided)

    def influences(self, candidate: int, settings: Any) -> np.ndarray:
        """What each row adds to the criterion of a candidate."""
        bits = np.unpackbits(self.found[candidate], count=len(self.y))
        if not settings.binary:
            return influence(bits.astype(float), np.ones(len(bits)), self.weights)
        value = settings.criterion_value
        top, whole = settings.criterion.parts(bits > 0, self.y > 0, value)
        return influence(top, whole, self.weights)


def within_error(
    settings: Any,
    decisions: Decisions,
    order: np.ndarray,
    score: np.ndarray,
    loss: np.ndarray,
    calibrations: dict[int, Any],
    errors: float = NEAR,
) -> np.ndarray:
    """The order with those first that chance does not tell from the best.

    By the criterion a few rows decide among good candidates: those within some paired
    standard errors of the best, or one row, go by their loss, where it is lower than
    that of the best.

    Parameters
    ----------
    settings : Settings
    decisions : Decisions
    order : int array of shape (n_candidates,)
        By score, the best first.
    score, loss : float64 arrays of shape (n_candidates,)
    calibrations : dict of int to Calibration
        Of the candidates, for two classes.
    errors : float

    Returns
    -------
    order : int array of shape (n_candidates,)
    """
    best = int(order[0])
    of_best = decisions.influences(best, settings)

    def is_near(one: int) -> bool:
        if not np.isfinite(score[one]) or (
            settings.binary
            and calibrations[one].target_reached != calibrations[best].target_reached
        ):
            return False
        difference = of_best - decisions.influences(one, settings)
        error = paired_error(difference, decisions.weights)
        shares = np.abs(decisions.weights * difference) / decisions.weights.sum()
        return bool(
            score[best] - score[one] <= max(errors * error, ONE_ROW * shares.max())
        )

    lower = np.flatnonzero(loss < loss[best])
    near = np.array([one for one in lower if is_near(int(one))], dtype=order.dtype)
    near = near[np.argsort(loss[near], kind="stable")]
    return np.concatenate([near, order[~np.isin(order, near)]])


def simpler_first(
    trained: Any, parts: list, order: np.ndarray, loss: np.ndarray
) -> np.ndarray:
    """The order with a simpler candidate first, where the best one hardly leads.

    Parameters
    ----------
    trained : TrainedCandidates
    parts : list of (fit, int64 array)
        Validation rows that are compared.
    order : int array of shape (n_candidates,)
    loss : float64 array of shape (n_candidates,)

    Returns
    -------
    order : int array of shape (n_candidates,)
    """
    chosen = int(order[0])
    other = trained.simpler(chosen, loss)
    if other is None:
        return order
    shares = _shares(trained, parts)
    more = _losses(trained, parts, other) - _losses(trained, parts, chosen)
    if (shares @ more) / shares.sum() > SURE * paired_error(more, shares):
        return order
    return np.append(other, order[order != other])


def _losses(trained: Any, parts: list, one: int) -> np.ndarray:
    """Loss of each of the rows that are compared, by a candidate."""
    rows = np.concatenate([part for _, part in parts])
    margins = trained.margins(trained.plan.reader, parts, np.array([one]))
    margins = margins[:, :, 0].astype(np.float64, copy=False)
    return trained.losses(margins, trained.plan.y[rows])


def _shares(trained: Any, parts: list) -> np.ndarray:
    """Weights in the loss of the rows that are compared."""
    return trained.targets.loss_weights[1][np.concatenate([part for _, part in parts])]


def without_luck(
    trained: Any, parts: list, order: np.ndarray, loss: np.ndarray
) -> np.ndarray:
    """The order with a candidate without an L1 penalty first, where chance decides.

    It wins over one that has the penalty where few of the rows make the difference, and
    fewer than would tell.

    Parameters
    ----------
    trained : TrainedCandidates
    parts : list of (fit, int64 array)
        Validation rows that are compared.
    order : int array of shape (n_candidates,)
    loss : float64 array of shape (n_candidates,)

    Returns
    -------
    order : int array of shape (n_candidates,)
    """
    chosen = int(order[0])
    other = trained.denser(chosen, loss)
    if other is None:
        return order
    shares = _shares(trained, parts)
    of_other, of_chosen = (_losses(trained, parts, one) for one in (other, chosen))
    more = of_other - of_chosen
    gain = (shares @ more) / shares.sum()
    if shares @ of_other > TWICE * (shares @ of_chosen):
        return order
    few = effective_rows(shares * more)
    errors = (MANY_ROWS / few) ** 2 if few < FEW * len(shares) else 0.0
    if gain > errors * paired_error(more, shares):
        return order
    return np.append(other, order[order != other])
