"""Whether a few rows that no candidate predicts have chosen between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker.training.selection.paired import (
    FEW,
    effective_rows,
    paired_error,
)

LIMIT = 10.0
"""Losses of the best candidate, on average, from which on a row counts no more."""
MOST_ROWS = 5000
"""With more, few of them decide nothing."""


def without_outliers(
    trained: Any, parts: list, order: np.ndarray, usable: np.ndarray
) -> np.ndarray:
    """The order with the candidate first that is the best on all but a few rows.

    Errors of numbers have no limit: a row far beyond the others, such as the largest of
    a polynomial's, may weigh more than all of them. Where it is such rows that make
    the difference, and chance may have made it, large losses count as a limit.

    Parameters
    ----------
    trained : TrainedCandidates
    parts : list of (fit, int64 array)
        Validation rows that are compared.
    order : int array of shape (n_candidates,)
        By loss, the best first.
    usable : bool array of shape (n_candidates,)

    Returns
    -------
    order : int array of shape (n_candidates,)
    """
    plan, best = trained.plan, int(order[0])
    rows = np.concatenate([part for _, part in parts])
    if not trained.settings.regression or len(rows) > MOST_ROWS:
        return order
    y, shares = plan.y[rows], trained.targets.loss_weights[1][rows]
    some = np.flatnonzero(usable)
    margins = trained.margins(plan.reader, parts, some)
    margins = margins.astype(np.float64, copy=False)
    losses = np.stack(
        [trained.losses(margins[:, :, place], y) for place in range(len(some))], axis=1
    )
    of_best = losses[:, np.flatnonzero(some == best)[0]]
    limit = LIMIT * (shares @ of_best) / shares.sum()
    place = int(np.argmin(shares @ np.minimum(losses, limit)))
    if limit == 0.0:
        return order
    more = losses[:, place] - of_best
    chance = (shares @ more) / shares.sum() <= paired_error(more, shares)
    if not chance or effective_rows(shares * more) >= FEW * len(rows):
        return order
    return np.append(some[place], order[order != some[place]])
