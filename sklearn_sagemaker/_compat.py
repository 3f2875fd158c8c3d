"""Names of scikit-learn that are private or that not every version has."""

from __future__ import annotations

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

    Attributes
    ----------
    has_bar : bool
        Whether the user has set scikit-learn's progress bar.
    """

    def __init__(self, estimator, X, y, max_epochs: int | None = None):
        self.estimator, self.X, self.y = estimator, X, y
        self.max_epochs = max_epochs
        had = getattr(estimator, "_skl_callbacks", [])
        self.has_bar = HAS_CALLBACKS and any(
            isinstance(one, ProgressBar) for one in had
        )
        self._root: Any = None

    def __enter__(self) -> EpochCallbacks:
        if HAS_CALLBACKS:
            self._root = self.estimator._init_callback_context(
                max_subtasks=self.max_epochs
            )
            self._root.call_on_fit_task_begin(
                estimator=self.estimator, X=self.X, y=self.y
            )
        return self

    def epoch(self, losses: dict[str, float]) -> bool:
        """Report an epoch; whether a callback asks to stop."""
        if self._root is None:
            return False
        task = self._root.subcontext(task_name="epoch")
        arguments = {"estimator": self.estimator, "X": self.X, "y": self.y}
        task.call_on_fit_task_begin(**arguments)
        return bool(task.call_on_fit_task_end(**arguments, metadata=losses))

    def __exit__(self, kind, error, traceback) -> None:
        if self._root is not None and kind is None:
            self._root.call_on_fit_task_end(
                estimator=self.estimator, X=self.X, y=self.y
            )


__all__ = [
    "HAS_CALLBACKS",
    "CallbackSupportMixin",
    "EpochCallbacks",
    "Interval",
    "Options",
    "StrOptions",
    "check_sample_weight",
    "fit_context",
    "rows_of",
    "with_callbacks",
]
