"""Epochs, and where the candidates stand: losses, best epochs, early stopping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from sklearn_sagemaker._state import Monitor


class Checkpoints(Protocol):
    """Where the state of a run is kept, for it to go on after it was cut off."""

    def restore(self) -> dict[str, Any] | None:
        """The state to go on from, if there is one."""

    def epoch_ends(self, number: int, state: Callable[[], dict[str, Any]]) -> None:
        """Keep the state after so many epochs, if it is time; may end the run."""


@dataclass
class Progress:
    """Where the candidates of one block stand."""

    best_loss: np.ndarray
    reference: np.ndarray
    waited: np.ndarray
    n_iter: np.ndarray
    best_epoch: np.ndarray
    status: np.ndarray
    best_parts: np.ndarray
    train_curve: list[np.ndarray] = field(default_factory=list)
    validation_curve: list[np.ndarray] = field(default_factory=list)

    @classmethod
    def start(cls, n: int, n_parts: int = 1) -> Progress:
        """Nothing trained yet."""
        return cls(
            np.full(n, np.inf),
            np.full(n, np.inf),
            np.zeros(n, dtype=int),
            np.zeros(n, dtype=int),
            np.zeros(n, dtype=int),
            np.full(n, "completed", dtype="U13"),
            np.full((n_parts, n), np.nan),
        )

    @classmethod
    def solved(
        cls, train_loss: np.ndarray, loss: np.ndarray, parts: np.ndarray
    ) -> Progress:
        """Of candidates that were solved: as if after one epoch.

        Parameters
        ----------
        train_loss, loss, parts : float64 arrays
            As of `record`.
        """
        found, n = cls.start(len(loss), len(parts)), len(loss)
        found.record(
            np.arange(n),
            0,
            train_loss,
            loss,
            parts,
            counted=np.zeros(n, dtype=bool),
            patience=1,
            tolerance=0.0,
        )
        return found

    def checkpoint(self) -> dict[str, Any]:
        """Plain values that say all of it."""
        return dict(vars(self))

    def record(
        self,
        active: np.ndarray,
        epoch: int,
        train_loss: np.ndarray,
        loss: np.ndarray,
        parts: np.ndarray,
        *,
        counted: np.ndarray,
        patience: int | np.ndarray,
        tolerance: float,
        keep_improvements: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Take in an epoch of the active candidates.

        An improvement counts from a relative size on, and a candidate stops after
        ``patience`` epochs without one. The best epoch is the one of the lowest loss,
        however small the improvement. Logs of SageMaker's jobs show one epoch more,
        and what they keep is the last epoch that was an improvement.

        Parameters
        ----------
        active : int array
            Candidates that were trained.
        epoch : int
        train_loss, loss : float64 arrays of shape (n_active,)
            Mean loss on training and on validation rows.
        parts : float64 array of shape (n_parts, n_active)
            Mean loss on each part of the validation rows.
        counted : bool array of shape (n_active,)
            Whether the epoch counts for the patience.
        patience : int, or int array of shape (n_active,)
        tolerance : float
        keep_improvements : bool
            Whether to stop and to keep as SageMaker does.

        Returns
        -------
        better, gone : int arrays
            Places among the active of those whose best epoch this is, and of those
            that stop or diverged.
        """
        curve = np.full((2, len(self.status)), np.nan)
        curve[0, active], curve[1, active] = train_loss, loss
        self.train_curve.append(curve[0])
        self.validation_curve.append(curve[1])
        finite = np.isfinite(loss) & np.isfinite(train_loss)
        self.n_iter[active] = epoch + 1
        reference = self.reference[active]
        gain = np.where(
            np.isfinite(reference),
            (reference - loss) / np.maximum(np.abs(reference), 1e-300),
            np.inf,
        )
        improved = gain >= tolerance
        better = finite & (loss < self.best_loss[active])
        if keep_improvements:
            better, patience = finite & improved, patience + 1
        better = better.nonzero()[0]
        best = active[better]
        self.best_loss[best] = loss[better]
        self.best_parts[:, best] = parts[:, better]
        self.best_epoch[best] = epoch
        self.reference[active] = np.where(improved, loss, reference)
        waited = np.where(improved | ~counted, 0, self.waited[active] + 1)
        self.waited[active] = waited
        gone = (~finite | (waited >= patience)).nonzero()[0]
        if len(gone):
            self.status[active[gone]] = np.where(
                finite[gone], "early_stopped", "diverged"
            )
        return better, gone


def summary(progress: list[Progress], epoch: int, n_active: int) -> dict[str, Any]:
    """What a monitor is told of an epoch."""

    def losses(curves: list[list[np.ndarray]]) -> np.ndarray:
        """Of all candidates; blocks that train no longer have shorter curves."""
        ends = [curve[epoch : epoch + 1] for curve in curves]
        return np.concatenate(
            [
                end[0] if end else np.full_like(curve[0], np.nan)
                for end, curve in zip(ends, curves, strict=True)
            ]
        )

    best = min(progress, key=lambda part: part.best_loss.min())
    model = int(np.argmin(best.best_loss))
    # It may have stopped before this epoch.
    last = best.n_iter[model] - 1
    return {
        "train_loss": float(best.train_curve[last][model]),
        "validation_loss": float(best.best_loss[model]),
        "n_active": n_active,
        "train_losses": losses([part.train_curve for part in progress]),
        "validation_losses": losses([part.validation_curve for part in progress]),
    }


def run_epochs(
    epochs: int,
    epoch: Callable[[int], int],
    progress: list[Progress],
    monitor: Monitor | None,
    start: int = 0,
    after: Callable[[int], None] | None = None,
) -> None:
    """Train until the epochs are over, no candidate goes on, or the monitor says so.

    Parameters
    ----------
    epochs : int
    epoch : callable
        Trains the epoch of the given number; returns how many candidates go on.
    progress : list of Progress
    monitor : callable or None
    start : int
        Epochs done before.
    after : callable or None
        Called with the number of epochs done, if there is more to do.
    """
    for number in range(start, epochs):
        n_active = epoch(number)
        stop = False
        if monitor is not None:
            stop = bool(monitor(number, epochs, summary(progress, number, n_active)))
        if stop or n_active == 0:
            return
        if after is not None and number + 1 < epochs:
            after(number + 1)
