"""What all estimators share."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_sagemaker._compat import CallbackSupportMixin
from sklearn_sagemaker._hyperparameters import Hyperparameter, plain
from sklearn_sagemaker.estimators._stored import stamped, unstamped
from sklearn_sagemaker.estimators._targets import ClassTargets, NumberTargets

SHARED_PARAMETERS = """
cv : "auto", int, splitter, iterable, None or False, default="auto"
    How to validate when `fit` gets no ``X_val``. "auto" is stratified shuffled
    folds, ``min(5, rows of the rarest class)`` of them, on small data, and one
    hold-out where models times classes times stored values exceed 5e8 or
    ``validation_fraction`` is a number. None is scikit-learn's 5 folds. False
    holds nothing out: candidates are selected on the training rows. Folds are
    trained in the same pass as the model that is kept, which is trained on all
    rows; with a hold-out it is trained on the others. `partial_fit` ignores it.
validation_fraction : float in (0, 1) or "auto", default="auto"
    Share of the rows to hold out when ``cv="auto"``. "auto" is 0.1, and only
    where folds would be too much work.
ensemble_size : int, default=1
    How many of the best candidates to average, margin by margin: for linear models
    that is one set of coefficients, so that predictions cost no more.
warm_start : bool, default=False
    Whether `fit` goes on from the weights and optimizer states that the last `fit`
    of all candidates ended with. Scalers stay as they were. Keeps those states in
    ``training_state_``.
n_jobs : int or None, default=None
    Threads, as in joblib: over blocks of models and, within a block, over rows.
    They are threads of this process whatever backend `joblib.parallel_config`
    names. Never changes the result.
random_state : int, RandomState instance or None, default=None
    Seed of shuffling, folds and starting weights.
verbose : int, default=0
    Above zero shows the progress epoch by epoch: scikit-learn's progress bar
    where it is available (scikit-learn 1.9 and rich), else lines on standard error,
    or in the log if the logger "sklearn_sagemaker" has a handler and takes INFO.
backend : str, backend or None, default=None
    Where the fit runs: "local" or a backend of `sklearn_sagemaker.backends`.
    None is what `sklearn_sagemaker.set_config` says, "local" at first.
"""


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
