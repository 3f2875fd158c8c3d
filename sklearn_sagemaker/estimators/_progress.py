"""What ``verbose`` shows of a fit."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sklearn_sagemaker._compat import EpochCallbacks, progress_bar_available
from sklearn_sagemaker._state import Monitor

logger = logging.getLogger("sklearn_sagemaker")


@contextmanager
def monitored(estimator: Any, X, y) -> Iterator[Monitor]:
    """A monitor that calls the estimator's callbacks and shows what ``verbose`` asks.

    Parameters
    ----------
    estimator : estimator
    X, y : the training data, for the callbacks
    """
    bar = bool(estimator.verbose) and progress_bar_available()
    lines = bool(estimator.verbose) and not bar
    start = time.perf_counter()
    with EpochCallbacks(estimator, X, y, progress_bar=bar) as callbacks:

        def monitor(epoch: int, epochs: int, losses: dict[str, float]) -> bool:
            if lines:
                _show(_epoch_line(epoch, epochs, losses, start))
            return callbacks.epoch(losses)

        yield monitor


def _show(line: str) -> None:
    """Log a line where that is asked for, else write it to standard error.

    The logger stays as the program has set it up: other fits use it at the same time.
    """
    if logger.isEnabledFor(logging.INFO) and logger.hasHandlers():
        logger.info(line)
    elif sys.stderr is not None:
        # One call, so that lines of fits at the same time stay whole.
        sys.stderr.write(line + "\n")


def _epoch_line(epoch: int, epochs: int, losses: dict[str, float], start: float) -> str:
    """What ``verbose`` says of an epoch of a fit that began at ``start``."""
    return (
        f"epoch {epoch + 1} of {epochs}: training loss {losses['train_loss']:.6g}, "
        f"validation loss {losses['validation_loss']:.6g}, "
        f"{losses['n_active']} candidates training, "
        f"{time.perf_counter() - start:.1f} s"
    )
