"""Along paths of penalties: solved from the strongest down, and finer where it pays."""

from __future__ import annotations

import numpy as np

from sklearn_sagemaker.training.linear.fits import Fits
from sklearn_sagemaker.training.linear.penalties import Path
from sklearn_sagemaker.training.linear.solved import SolvedColumns

WORSE, OF_GAIN = 0.02, 0.1
"""A path has turned where the loss is above its least by these shares, of itself and of
what the path has gained..."""
IN_A_ROW = 2
"""... at so many penalties."""
BEHIND = 0.05
"""Share by which the best loss of a path is above that of another, so that none of its
penalties will be selected."""


def followed(
    fits: Fits, path: Path, least: float = np.inf
) -> tuple[np.ndarray, np.ndarray, SolvedColumns, float]:
    """Solve a path down to where the validation loss has clearly turned.

    What is left of its penalties, and those that it holds back, go to where it is best.

    Parameters
    ----------
    fits : Fits
    path : Path
    least : float
        Validation loss of another path. One that stays clearly above it ends where it
        has turned at all, and is not made finer where time is short.

    Returns
    -------
    wd, l1 : float64 arrays of shape (k,)
    columns : SolvedColumns
    best : float
        The least validation loss on the way.
    """
    found: list[SolvedColumns] = []
    losses, stride = np.empty(0), fits.stride(path)
    while len(losses) < len(path) and not _turned(losses, least):
        some = slice(len(losses), len(losses) + stride)
        before = found[-1] if found else None
        found.append(fits.solve(path.wd[some], path.l1[some], before))
        if len(path) == 1 and not path.finer:
            # Nothing depends on how well it does.
            return path.wd, path.l1, found[0], np.inf
        losses = np.append(losses, fits.losses(found[-1]).sum(axis=0))
    wd, l1 = path.wd[: len(losses)], path.l1[: len(losses)]
    columns = SolvedColumns.joined(found, np.arange(len(losses)))
    # A path that is all solved needs no more.
    more = path.finer + len(path) - len(losses) if path.finer else 0
    lowest = float(np.nanmin(losses)) if np.isfinite(losses).any() else np.inf
    if fits.thrifty and lowest > (1.0 + BEHIND) * least:
        more = 0
    if more and np.isfinite(lowest):
        best = int(np.nanargmin(losses))
        above, *added = path.between(best, len(losses) - 1, more)
        start = columns.take(np.array([above])) if above < best else None
        finer = fits.solve(added[0], added[1], start)
        columns = SolvedColumns.joined([columns, finer], np.arange(len(losses) + more))
        wd, l1 = np.append(wd, added[0]), np.append(l1, added[1])
        order = np.lexsort((-wd, -l1))
        wd, l1, columns = wd[order], l1[order], columns.take(order)
    return wd, l1, columns, lowest


def _turned(losses: np.ndarray, least: float = np.inf) -> bool:
    """Whether a loss is clearly higher than before.

    A path that is behind the least loss of another has no gain to make up for.
    """
    if len(losses) <= IN_A_ROW:
        return False
    lowest = losses.min()
    slack = WORSE * abs(lowest)
    if lowest <= (1.0 + BEHIND) * least:
        slack = max(slack, OF_GAIN * (losses[0] - lowest))
    return bool((losses[-IN_A_ROW:] > lowest + slack).all())
