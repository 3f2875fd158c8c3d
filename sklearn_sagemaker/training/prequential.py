"""Test, then train: how the models of a stream are selected and calibrated.

Every row is scored before it is trained on. The losses of these scores select among
the models, and the last of the scores set the threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sklearn_sagemaker._kernels import RowReader, read_in
from sklearn_sagemaker._state import TrainingData, TrainingSpec
from sklearn_sagemaker.exceptions import AllCandidatesDivergedError
from sklearn_sagemaker.training.precision import in_safe_precision
from sklearn_sagemaker.training.progress import Progress
from sklearn_sagemaker.training.selection.choice import (
    Selection,
    candidate_table,
    cut_to_threshold,
    warn_target,
)
from sklearn_sagemaker.training.selection.settings import Settings
from sklearn_sagemaker.training.weights import comparable, exponent_of

PIECE_ROWS = 1024
"""Rows that are scored before they are trained on."""
RECENT_ROWS = 10_000
"""The last rows, each scored before it was trained on, calibrate the threshold."""


class StreamCall:
    """One call of a stream: its rows, and what the stream has seen before them.

    Parameters
    ----------
    spec : TrainingSpec
    settings : Settings
    data : TrainingData
    earlier : (str, dtype) or None
        Storage and precision of the rows of the calls before; None if there are none.

    Attributes
    ----------
    data : TrainingData
        With weights of a usual size.
    reader : RowReader
        The precision of a stream is that of its first rows.
    rows : int64 array
        Those with a weight above zero.
    seen : dict
        What goes on from call to call; see `start`.

    Raises
    ------
    ValueError
        If the rows are stored in another way than those before.
    """

    def __init__(
        self,
        spec: TrainingSpec,
        settings: Settings,
        data: TrainingData,
        earlier: tuple[str, Any] | None,
    ):
        self._spec, self._settings = spec, settings
        self.seen: dict[str, Any] = {}
        if earlier is None:
            self._exponent = exponent_of(data.sample_weight)
            data = comparable(data, self._exponent)
            data = in_safe_precision(data, spec.feature_names)
            self.reader = RowReader(data.X)
        else:
            assert spec.resume is not None
            self.seen.update(spec.resume["stream"])
            data = comparable(data, self.seen.get("exponent", 0))
            ours, theirs = storage_of(RowReader(data.X)), earlier[0]
            if ours != theirs:
                raise ValueError(
                    f"X is {ours}, the rows of the calls before were {theirs}; a "
                    "stream is all of one kind, so convert X."
                )
            self.reader = read_in(data.X, earlier[1])
        self.data = data
        self.rows = np.flatnonzero(data.sample_weight > 0).astype(np.int64)

    def start(self, n_models: int, **more: Any) -> None:
        """Begin a stream that has seen nothing, with more to remember.

        Label, weight and margins of the last rows are ``recent``.
        """
        self.seen = {
            "calls": 0,
            "rows": 0,
            "weight": 0.0,
            "loss": np.zeros(n_models),
            "loss_weight": 0.0,
            "recent": np.zeros((0, n_models + 2)),
            "seed": self._spec.seed,
            "exponent": self._exponent,
            **more,
        }

    def count(self) -> None:
        """Take the rows into the number and the weight of all."""
        self.seen["rows"] += len(self.rows)
        self.seen["weight"] += float(self.data.sample_weight[self.rows].sum())

    def targets(
        self, loss_weights: np.ndarray, origin: float, unit: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels and weights as the kernels see them.

        The weights have the mean 1, as far as that can be known.
        """
        share = self.seen["rows"] / self.seen["weight"]
        labels = (self.data.y - origin) / unit
        dtype = self.reader.dtype
        return labels.astype(dtype), (loss_weights * share).astype(dtype)

    def test_then_train(
        self,
        weights: np.ndarray,
        unit: float,
        margins: Callable[[np.ndarray], list[np.ndarray]],
        train: Callable[[np.ndarray], Any],
    ) -> None:
        """Make one pass over the rows, in a random order.

        Parameters
        ----------
        weights : array of shape (n_rows,)
            In the loss.
        unit : float
            Of the labels.
        margins : callable
            Margins of the models for some rows.
        train : callable
            Trains the models on some rows; returns the mean loss of each.
        """
        seen, settings = self.seen, self._settings
        rng = np.random.default_rng([seen["seed"], 0x57E3, seen["calls"]])
        order = self.rows[rng.permutation(len(self.rows))]
        recent = settings.binary and settings.criterion.curve is not None
        losses = np.zeros(len(seen["loss"]))
        for start in range(0, len(order), PIECE_ROWS):
            piece = order[start : start + PIECE_ROWS]
            # Scores of a model that has not seen a row calibrate nothing.
            if recent and (start or self._spec.resume is not None):
                y, sample_weight = self.data.y[piece], self.data.sample_weight[piece]
                new = np.column_stack([y, sample_weight, *margins(piece)])
                seen["recent"] = np.vstack([seen["recent"], new])[-RECENT_ROWS:]
            total = weights[piece].sum(dtype=np.float64)
            losses += np.multiply(train(piece), total)
        seen["loss"] = seen["loss"] + losses * unit**settings.loss.degree
        seen["loss_weight"] += weights[order].sum(dtype=np.float64)
        seen["calls"] += 1

    def select(self, candidates: Any, finite: np.ndarray, rates: str) -> Selection:
        """Select the best candidates so far, by their mean losses.

        Parameters
        ----------
        candidates : object
        finite : bool array of shape (n_candidates,)
            Whether the weights of each are.
        rates : str
            What to set smaller if none is.

        Raises
        ------
        AllCandidatesDivergedError
            If no candidate stayed finite.
        """
        seen = self.seen
        loss = seen["loss"] / seen["loss_weight"]
        loss = np.where(finite & np.isfinite(loss), loss, np.inf)
        if not np.isfinite(loss).any():
            raise AllCandidatesDivergedError(
                f"All {len(loss)} candidate models diverged on the rows of this call; "
                "the estimator is as it was before. Check these rows for extreme "
                f"values, or start again with {rates}."
            )
        chosen = np.argsort(loss, kind="stable")[: self._spec.ensemble_size]
        chosen = chosen[np.isfinite(loss[chosen])]
        best = int(chosen[0])
        threshold = _threshold(self._settings, seen["recent"], chosen)
        fields = {
            "threshold": threshold,
            "n_iter": 1,
            "best_index": best,
            "best_params": candidates.params(best),
            "best_score": float(-loss[best]),
            "candidates": _table(candidates, loss, threshold),
            "loss_curve": loss[[best]],
            "validation_curve": None,
        }
        return Selection(chosen, fields)


def earlier_calls(spec: TrainingSpec) -> dict[str, Any] | None:
    """The state that the calls before have left; None at first, and after a fit."""
    resume = spec.resume
    return resume if resume is not None and "stream" in resume else None


def storage_of(reader: RowReader) -> str:
    """What kind of rows a reader reads."""
    return "sparse" if reader.sparse else "dense"


def _threshold(
    settings: Settings, recent: np.ndarray, chosen: np.ndarray
) -> float | None:
    """Threshold of the mean of some models, by the last rows."""
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


def _table(
    candidates: Any, loss: np.ndarray, threshold: float | None
) -> dict[str, Any]:
    """``candidates_`` by the mean losses of a stream; infinite ones diverged."""
    progress = Progress.start(len(loss))
    progress.best_loss[:], progress.n_iter[:] = loss, 1
    progress.status[~np.isfinite(loss)] = "diverged"
    progress.train_curve.append(loss)
    thresholds = None if threshold is None else np.full(len(loss), threshold)
    return candidate_table(candidates, [progress], -loss, thresholds)
