"""Tables of test errors: a row for each seed, and their means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.common.timing import Timing

CONFUSION_HEADERS = [
    "seed", "errors", "TP", "FP", "FN", "threshold", "fit s", "CPU s"
]  # fmt: skip


def confusion(y, predicted) -> list[int]:
    """Errors, true positives, false positives and false negatives."""
    tp = int(np.sum((y == 1) & (predicted == 1)))
    fp = int(np.sum((y == 0) & (predicted == 1)))
    fn = int(np.sum((y == 1) & (predicted == 0)))
    return [fp + fn, tp, fp, fn]


def confusion_rows(
    name: str, seeds: Sequence[int], data: Any, fit: Callable[[int], Any]
) -> tuple[list[list[Any]], np.ndarray]:
    """Rows of the errors of a binary classifier.

    Parameters
    ----------
    name : str
    seeds : sequence of int
    data : Split
    fit : callable
        ``seed -> fitted classifier``, which is timed.

    Returns
    -------
    rows : list of list
        Each starts with the name.
    mean : ndarray
        Errors, TP, FP, FN, wall and CPU seconds.
    """
    rows, found = [], []
    for seed in seeds:
        timing = Timing()
        timing.run(partial(fit, seed))
        model = timing.result
        counts = confusion(data.y_test, model.predict(data.X_test))
        found.append([*counts, timing.seconds, timing.cpu_seconds])
        rows.append(
            [name, seed, *counts, f"{model.threshold_:.3f}", *_texts(found[-1][4:], 2)]
        )
    mean = np.mean(found, axis=0)
    rows.append([f"**{name}**", "mean", *_texts(mean[:4], 1), "", *_texts(mean[4:], 2)])
    return rows, mean


def _texts(values, digits: int) -> list[str]:
    return [f"{value:.{digits}f}" for value in values]
