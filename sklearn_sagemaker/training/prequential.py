"""Test, then train: how the models of a stream are selected and calibrated.

Every row is scored before it is trained on. The losses of these scores select among
the models, and the last of the scores set the threshold.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_sagemaker._state import TrainingData
from sklearn_sagemaker.training.progress import Progress
from sklearn_sagemaker.training.selection.choice import (
    candidate_table,
    cut_to_threshold,
    warn_target,
)
from sklearn_sagemaker.training.selection.settings import Settings
from sklearn_sagemaker.training.weights import exponent_of

PIECE_ROWS = 1024
"""Rows that are scored before they are trained on."""
RECENT_ROWS = 10_000
"""The last rows, each scored before it was trained on, calibrate the threshold."""


def seen_exponent(resume: dict[str, Any] | None, data: TrainingData) -> int:
    """Power of two of the weights of a stream: that of the first rows."""
    if resume is None:
        return exponent_of(data.sample_weight)
    return resume["stream"].get("exponent", 0)


def remember(
    recent: np.ndarray, data: TrainingData, piece: np.ndarray, margins: list
) -> np.ndarray:
    """The last rows scored before they were trained on, with some more.

    Parameters
    ----------
    recent : float64 array of shape (n_recent, 2 + n_models)
        Label, weight, and the margin of each model.
    data : TrainingData
    piece : int64 array of shape (n,)
        Rows of the data.
    margins : list of arrays of shape (n, any)

    Returns
    -------
    recent : float64 array of shape (at most RECENT_ROWS, 2 + n_models)
    """
    extra = np.stack([data.y[piece], data.sample_weight[piece]], axis=1)
    return np.vstack([recent, np.hstack([extra, *margins])])[-RECENT_ROWS:]


def stream_threshold(
    settings: Settings, recent: np.ndarray, chosen: np.ndarray
) -> float | None:
    """Threshold of the mean of some models, by the rows that `remember` keeps."""
    if not settings.binary:
        return None
    cut = settings.loss.midpoint
    if len(recent):
        y, weights = recent[:, :2].T
        calibration = settings.calibrate(recent[:, chosen + 2].mean(axis=1), y, weights)
        cut = calibration.cut
        if not calibration.target_reached:
            warn_target(settings, calibration)
    return float(cut_to_threshold(settings, cut))


def stream_table(
    candidates: Any, loss: np.ndarray, threshold: float | None
) -> dict[str, Any]:
    """``candidates_`` by the mean losses of a stream; infinite ones diverged."""
    progress = Progress.start(len(loss))
    progress.best_loss[:], progress.n_iter[:] = loss, 1
    progress.status[~np.isfinite(loss)] = "diverged"
    progress.train_curve.append(loss)
    thresholds = None if threshold is None else np.full(len(loss), threshold)
    return candidate_table(candidates, [progress], -loss, thresholds)
