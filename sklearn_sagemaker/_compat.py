"""Names of scikit-learn that are private or that not every version has."""

from __future__ import annotations

import importlib.util
from typing import Any

from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as rows_of
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

try:
    from sklearn.callback import CallbackSupportMixin, ProgressBar, with_callbacks

    HAS_CALLBACKS = True
except ImportError:
    HAS_CALLBACKS = False

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's mixin, which came with version 1.9."""

    def with_callbacks(method):  # type: ignore[no-redef]
        """Stand in for scikit-learn's decorator."""
        return method


class EpochCallbacks:
    """scikit-learn's callbacks of one fit: a root task "fit", a subtask an epoch.

    Without scikit-learn's callbacks (before 1.9) every method does nothing.

    Parameters
    ----------
    estimator : estimator
    X, y : the training data of the fit
    max_epochs : int or None
        None when it is not known before the fit.
    progress_bar : bool
        Whether to add scikit-learn's progress bar for this fit, if the estimator has
        no callbacks.

    Attributes
    ----------
    has_bar : bool
        Whether a progress bar is shown, be it the user's.
    """

    def __init__(
        self, estimator, X, y, max_epochs: int | None = None, progress_bar: bool = False
    ):
        self.estimator, self.X, self.y = estimator, X, y
        self.max_epochs = max_epochs
        had = list(getattr(estimator, "_skl_callbacks", []))
        self._added = progress_bar and progress_bar_available() and not had
        self.has_bar = self._added or (
            HAS_CALLBACKS and any(isinstance(one, ProgressBar) for one in had)
        )
        self._root: Any = None

    def __enter__(self) -> EpochCallbacks:
        if HAS_CALLBACKS and self._added:
            self.estimator.set_callbacks(ProgressBar())
        # Our bar waits for the number of epochs: without it it says 0 % to the end.
        if HAS_CALLBACKS and (self.max_epochs is not None or not self._added):
            self._begin()
        return self

    def _begin(self) -> None:
        try:
            self._root = self.estimator._init_callback_context(
                max_subtasks=self.max_epochs
            )
            self._root.call_on_fit_task_begin(
                estimator=self.estimator, X=self.X, y=self.y
            )
        except BaseException:
            self._remove()
            raise

    def epoch(self, epochs: int, losses: dict[str, float]) -> bool:
        """Report one of so many epochs; whether a callback asks to stop."""
        if not HAS_CALLBACKS:
            return False
        if self._root is None:
            self.max_epochs = epochs
            self._begin()
        task = self._root.subcontext(task_name="epoch")
        arguments = {"estimator": self.estimator, "X": self.X, "y": self.y}
        task.call_on_fit_task_begin(**arguments)
        return bool(task.call_on_fit_task_end(**arguments, metadata=losses))

    def __exit__(self, kind, error, traceback) -> None:
        try:
            if self._root is not None and kind is None:
                self._root.call_on_fit_task_end(
                    estimator=self.estimator, X=self.X, y=self.y
                )
        finally:
            self._remove()

    def _remove(self) -> None:
        if self._added:
            self.estimator.set_callbacks()


def progress_bar_available() -> bool:
    """Whether scikit-learn's progress bar can be shown (1.9 and rich)."""
    return HAS_CALLBACKS and importlib.util.find_spec("rich") is not None


__all__ = [
    "HAS_CALLBACKS",
    "CallbackSupportMixin",
    "EpochCallbacks",
    "Interval",
    "Options",
    "StrOptions",
    "check_sample_weight",
    "fit_context",
    "progress_bar_available",
    "rows_of",
    "with_callbacks",
]
