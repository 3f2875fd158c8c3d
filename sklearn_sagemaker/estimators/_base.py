"""What all estimators share."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_sagemaker._compat import CallbackSupportMixin
from sklearn_sagemaker._hyperparameters import Hyperparameter, plain
from sklearn_sagemaker.estimators._attributes import set_attributes
from sklearn_sagemaker.estimators._stored import stamped, unstamped
from sklearn_sagemaker.estimators._targets import ClassTargets, NumberTargets


def streams(estimator: Any) -> bool:
    """Whether there is a `partial_fit`, for `available_if`."""
    solver = plain(getattr(estimator, "solver", "gradient"))
    if solver != "gradient":
        raise AttributeError(
            f"partial_fit is not available with solver={solver!r}, which needs all "
            "rows at once; set solver='gradient', or call fit."
        )
    return True


class SageMakerEstimator(CallbackSupportMixin, BaseEstimator):
    """Base of all estimators."""

    _algorithm: ClassVar[str]
    _table: ClassVar[dict[str, Hyperparameter]]
    _targets: ClassVar[type[ClassTargets] | type[NumberTargets]]
    coef_: np.ndarray
    intercept_: Any
    resolved_params_: dict[str, Any]

    @classmethod
    def sagemaker_defaults(cls, **parameters: Any):
        """Build an estimator with SageMaker's defaults instead of ours.

        Parameters
        ----------
        **parameters
            Constructor arguments that override them.

        Returns
        -------
        estimator : instance of this class

        Examples
        --------
        >>> from sklearn_sagemaker import LinearLearnerClassifier
        >>> LinearLearnerClassifier.sagemaker_defaults(epochs=5).mini_batch_size
        1000
        """
        theirs = {name: entry.sagemaker_default for name, entry in cls._table.items()}
        return cls(**{**theirs, **parameters})

    def wait_for_training(self, timeout: float | None = None):
        """Wait for a training elsewhere that `fit` did not wait for.

        Parameters
        ----------
        timeout : float, default=None
            Seconds; None waits until it ends.

        Returns
        -------
        self : object
            Fitted. Without such a training it is as it was.

        Raises
        ------
        TimeoutError
            If it has not ended by then; it goes on.
        TrainingFailedError
            If it brings no model.
        """
        if hasattr(self, "pending_training_"):
            set_attributes(self, self.pending_training_.result(timeout))
        return self

    def __sklearn_is_fitted__(self):
        # Not any attribute: validation sets n_features_in_ before the training.
        return hasattr(self, "coef_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # What pickle, joblib and skops store: a newer format is refused when loaded.
    def __getstate__(self):
        return stamped(super().__getstate__())

    def __setstate__(self, state):
        super().__setstate__(unstamped(state, type(self).__name__))

    def _margins(self, X) -> np.ndarray:
        """Margins of shape (n_rows, n_outputs), in float64."""
        raise NotImplementedError

    def _score_link(self) -> str:
        """What the scores of the fitted model mean: `ModelState.link`."""
        raise NotImplementedError
