"""Features in stages, in each of which the threads of a team have work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sklearn_sagemaker._kernels import sweep_kernels

ITEM_WORK = 2048
"""Of a range of features at least, in entries: less is done sooner than shared."""
FEATURE_WORK = 32
"""What a feature costs beside its entries, in entries."""
LONGEST = 4
"""Times a run has more work than any feature in it, or its features are alone."""
CHUNK = 128
"""Features whose noise is drawn in one go."""
TEAM_WORK = 1 << 15
"""Entries of all stages to share, below which a team is not worth its call."""


@dataclass(frozen=True)
class Stages:
    """Where the features of each stage begin, as the kernels of the sweeps take it.

    Attributes
    ----------
    counts : int32 array of shape (n_stages,)
        Ranges of features that can be stepped at once, as no two of them have a row in
        common; 0 for one feature whose entries are shared.
    bounds : int64 array of shape (n_items + 1,)
        First feature of each range, and the number of features.
    work : int
        Entries of stages that several threads share, and what features cost beside.
    """

    counts: np.ndarray
    bounds: np.ndarray
    work: int

    @property
    def pay(self) -> bool:
        """Whether there is enough for several threads."""
        return self.work >= TEAM_WORK

    def chunks(self) -> Iterator[tuple[int, int, int]]:
        """First and last feature of neighbouring ranges, and how many ranges.

        Of at least `CHUNK` features, as far as there are, or one range of more.
        """
        at = 0
        for item in range(1, len(self.bounds)):
            first, last = int(self.bounds[at]), int(self.bounds[item])
            if last - first >= CHUNK or item == len(self.bounds) - 1:
                yield first, last, item - at
                at = item


def stages_of(indptr: np.ndarray, row_numbers: np.ndarray, n_rows: int) -> Stages:
    """Cut the order of the features: it stays as it is, and so does what they become.

    Neighbours of which no two have a row in common, like the ids of users, form a run,
    whose ranges of about equal work can be stepped at once. Of other features those of
    many entries are shared by parts of these.

    Parameters
    ----------
    indptr : int64 array of shape (n_features + 1,)
    row_numbers : int32 array of shape (n_entries + padding,)
    n_rows : int

    Returns
    -------
    stages : Stages

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker._kernels import sweep_kernels
    >>> from sklearn_sagemaker.training.factors.stages import stages_of
    >>> users, films = np.arange(8000) // 8, np.arange(8000) % 1000
    >>> rows = np.concatenate([users.argsort(), films.argsort()]).astype(np.int32)
    >>> padded = np.pad(rows, (0, sweep_kernels.AHEAD))
    >>> stages = stages_of(np.arange(0, 16001, 8), padded, 8000)
    >>> stages.counts.tolist()
    [8, 8]
    >>> stages.bounds[[0, 8, 16]].tolist()
    [0, 1000, 2000]
    """
    counts = np.diff(indptr)
    d = len(counts)
    begins = np.empty(d, dtype=np.int8)
    last = np.full(n_rows, -1, dtype=np.int32)
    sweep_kernels.mark_runs(indptr, row_numbers, last, begins)
    work = np.concatenate([[0], np.cumsum(counts + FEATURE_WORK * (counts > 0))])
    starts = np.flatnonzero(begins)
    stops = np.append(starts[1:], d)
    works = work[stops] - work[starts]
    longest = np.maximum.reduceat(counts, starts) if d else counts
    shared = (works >= 2 * ITEM_WORK) & (LONGEST * longest <= works)
    alone = counts >= 2 * sweep_kernels.PART
    alone &= ~np.repeat(shared, stops - starts)
    items = np.minimum(works // ITEM_WORK, sweep_kernels.MOST_ITEMS)
    found = [[j, j + 1, 0] for j in np.flatnonzero(alone).tolist()]
    found += np.stack([starts, stops, items], axis=1)[shared].tolist()
    at = 0
    n_items: list[int] = []
    bounds: list[np.ndarray] = []
    for start, stop, n in [*sorted(found), [d, d, 0]]:
        if at < start:
            n_items.append(1)
            bounds.append(np.array([at]))
        if start < stop:
            parts = np.linspace(work[start], work[stop], max(n, 1), endpoint=False)
            cuts = np.unique(np.searchsorted(work[start:stop], parts) + start)
            n_items.append(len(cuts) if n else 0)
            bounds.append(cuts)
        at = stop
    return Stages(
        np.array(n_items, dtype=np.int32),
        np.concatenate([*bounds, np.array([d])]).astype(np.int64),
        int(works[shared].sum() + counts[alone].sum()),
    )
