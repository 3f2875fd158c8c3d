"""What ``verbose`` shows of a fit, epoch by epoch, or of a stream, call by call."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sklearn_sagemaker._compat import EpochCallbacks, progress_bar_available
from sklearn_sagemaker._hyperparameters import plain
from sklearn_sagemaker._state import ModelState, Monitor

logger = logging.getLogger("sklearn_sagemaker")


@contextmanager
def monitored(estimator: Any, X, y, *, validated: bool) -> Iterator[Monitor]:
    """A monitor that calls the estimator's callbacks and shows what ``verbose`` asks.

    Parameters
    ----------
    estimator : estimator
    X, y : the training data, for the callbacks
    validated : bool
        Whether there are validation rows.
    """
    verbose, planned = bool(estimator.verbose), plain(estimator.epochs)
    planned = planned if isinstance(planned, int) else None
    bar = verbose and progress_bar_available()
    start = time.perf_counter()
    with EpochCallbacks(estimator, X, y, planned, bar) as callbacks:

        def monitor(epoch: int, epochs: int, losses: dict[str, float]) -> bool:
            if verbose and not callbacks.has_bar:
                _show(_epoch_line(epoch, epochs, losses, validated, start))
            return callbacks.epoch(epochs, losses)

        yield monitor


def show_call(estimator: Any, n_rows: int, state: ModelState, seconds: float) -> None:
    """Say, if ``verbose`` asks, how a stream stands after the rows of a call."""
    if not estimator.verbose or state.resume is None or state.candidates is None:
        return
    loss = state.candidates["validation_loss"][state.best_index]
    _show(
        f"call {state.resume['stream']['calls']}: {n_rows} rows, "
        f"progressive validation loss so far {loss:.6g}, {seconds:.1f} s"
    )


def _show(line: str) -> None:
    """Log a line where that is asked for, else write it to standard error.

    The logger stays as the program has set it up: other fits use it at the same time.
    """
    if logger.isEnabledFor(logging.INFO) and logger.hasHandlers():
        logger.info(line)
    elif sys.stderr is not None:
        # One call, so that lines of fits at the same time stay whole.
        sys.stderr.write(line + "\n")


def _epoch_line(
    epoch: int, epochs: int, losses: dict[str, float], validated: bool, start: float
) -> str:
    """What ``verbose`` says of an epoch of a fit that began at ``start``."""
    best = (
        f"best validation loss {losses['validation_loss']:.6g}, " if validated else ""
    )
    n_active = int(losses["n_active"])
    return (
        f"epoch {epoch + 1} of {epochs}: training loss {losses['train_loss']:.6g}, "
        f"{best}{n_active} candidate{'' if n_active == 1 else 's'} training, "
        f"{time.perf_counter() - start:.1f} s"
    )
