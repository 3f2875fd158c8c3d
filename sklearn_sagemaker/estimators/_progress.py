"""What ``verbose`` shows of a fit, epoch by epoch, or of a stream, call by call."""

from __future__ import annotations

import importlib.util
import logging
import multiprocessing
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sklearn_sagemaker._compat import EpochCallbacks
from sklearn_sagemaker._hyperparameters import plain
from sklearn_sagemaker._state import ModelState, Monitor
from sklearn_sagemaker._texts import count

logger = logging.getLogger("sklearn_sagemaker")

WIDE = 110
"""Letters of a terminal from which on the bar has the estimator's name."""


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
    start = time.perf_counter()
    with EpochCallbacks(estimator, X, y, planned) as callbacks, ExitStack() as stack:
        bar = None
        if verbose and not callbacks.has_bar and progress_bar_available():
            bar = stack.enter_context(EpochBar(type(estimator).__name__))

        def monitor(epoch: int, epochs: int, losses: dict[str, float]) -> bool:
            if bar is not None:
                bar.show(epoch, epochs, _losses(losses, validated, 4))
            elif verbose and not callbacks.has_bar:
                _show(_epoch_line(epoch, epochs, losses, validated, start))
            return callbacks.epoch(losses)

        yield monitor


def progress_bar_available() -> bool:
    """Whether somebody watches one fit at a time, and rich is installed."""
    if importlib.util.find_spec("rich") is None:
        return False
    # The program's own lines are what a log is for.
    if logger.isEnabledFor(logging.INFO) and logger.hasHandlers():
        return False
    # Bars of fits at the same time would write over each other; lines stay whole.
    worker = multiprocessing.parent_process() is not None
    if worker or threading.current_thread() is not threading.main_thread():
        return False
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_jupyter:
        # Without it rich warns at every epoch, and draws nothing.
        return importlib.util.find_spec("ipywidgets") is not None
    return console.is_terminal


class EpochBar:
    """One bar over the epochs of a fit, with its losses, on standard error.

    Parameters
    ----------
    name : str
        Of the estimator.
    console : rich.console.Console, default=None
        Another place to draw it.
    """

    def __init__(self, name: str, console: Any = None):
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        console = console or Console(stderr=True)
        # In a line of 80 letters the losses matter more.
        self._name = name if console.width >= WIDE else "fit"
        # No thread, and streams stay as they are: other fits use them too.
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            MofNCompleteColumn(),
            TextColumn("{task.fields[losses]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task: Any = None

    def __enter__(self) -> EpochBar:
        return self

    def show(self, epoch: int, epochs: int, losses: str) -> None:
        """An epoch of so many is done."""
        if self._task is None:
            self._task = self._progress.add_task(self._name, total=epochs, losses="")
            self._progress.start()
        self._progress.update(self._task, completed=epoch + 1, losses=losses)
        self._progress.refresh()

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        self._progress.stop()


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
    n_active = int(losses["n_active"])
    return (
        f"epoch {epoch + 1} of {epochs}: {_losses(losses, validated)}, "
        f"{count(n_active, 'candidate')} training, "
        f"{time.perf_counter() - start:.1f} s"
    )


def _losses(losses: dict[str, float], validated: bool, digits: int = 6) -> str:
    """The losses of the best candidate so far."""
    text = f"training loss {losses['train_loss']:.{digits}g}"
    if validated:
        text += f", best validation loss {losses['validation_loss']:.{digits}g}"
    return text
