"""What all estimators share: validation, the way through a backend, attributes."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_sagemaker._compat import (
    CallbackSupportMixin,
    EpochCallbacks,
    Interval,
    Options,
    StrOptions,
    check_sample_weight,
    progress_bar_available,
)
from sklearn_sagemaker._hyperparameters import Hyperparameter, plain, warn_inapplicable
from sklearn_sagemaker._sparse import checked_csr, summed, without_zeros
from sklearn_sagemaker._state import (
    ModelState,
    RowSource,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker.backends import Backend, resolve_backend
from sklearn_sagemaker.estimators._finite import check_finite
from sklearn_sagemaker.estimators._row_sources import (
    fits,
    refuse_beside,
    validation_rows,
)
from sklearn_sagemaker.estimators._stored import stamped, unstamped

logger = logging.getLogger("sklearn_sagemaker")

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

SHARED_CONSTRAINTS: dict[str, list] = {
    "cv": [StrOptions({"auto"}), "cv_object", Options(bool, {False}), None],
    "validation_fraction": [
        Interval(Real, 0, 1, closed="neither"),
        StrOptions({"auto"}),
    ],
    "ensemble_size": [Interval(Integral, 1, None, closed="left")],
    "warm_start": ["boolean"],
    "n_jobs": [Integral, None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
    "backend": [str, Backend, None],
}


def constraints(table: dict[str, Hyperparameter]) -> dict[str, list]:
    """scikit-learn's parameter constraints from the table of hyperparameters."""
    found: dict[str, list] = {}
    for name, entry in table.items():
        allowed: list = []
        if entry.kind == "bool":
            allowed.append("boolean")
        elif entry.kind in ("int", "float"):
            number = Integral if entry.kind == "int" else Real
            if entry.low is None:
                allowed.append(Interval(Real, None, None, closed="neither"))
            else:
                allowed.append(
                    Interval(number, entry.low, entry.high, closed=entry.closed)
                )
        if entry.choices:
            allowed.append(StrOptions(set(entry.choices)))
        found[name] = allowed
    return {**found, **SHARED_CONSTRAINTS}


def seed_of(random_state: Any) -> int:
    """A seed for the training run, drawn from scikit-learn's ``random_state``."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


class SageMakerEstimator(CallbackSupportMixin, BaseEstimator):
    """Base of all estimators."""

    _algorithm: ClassVar[str]
    _table: ClassVar[dict[str, Hyperparameter]]

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

    # --------------------------------------------------------------- validation
    @contextmanager
    def _all_or_nothing(self):
        """A fit that fails leaves the estimator as it was, names of features too."""
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            for name in set(vars(self)) - set(before):
                if name.endswith("_"):
                    delattr(self, name)
            vars(self).update(
                {name: value for name, value in before.items() if name.endswith("_")}
            )
            raise

    @staticmethod
    def _canonical(X):
        """CSR with one entry for each value but zero; all else as it is."""
        return without_zeros(summed(X)) if sp.issparse(X) else X

    def _check_rows(self, X, y="no_validation", *, reset: bool, **more: Any):
        """Validate X, and y, without a copy: any numeric dtype, any layout, CSR."""
        if isinstance(X, RowSource):
            raise TypeError(
                f"A {type(X).__name__} is for fit and partial_fit; iterate over its "
                "mini-batches, or load() it, for everything else."
            )
        if sp.issparse(X):
            X = checked_csr(X)
        return validate_data(
            self,
            X,
            y,
            reset=reset,
            accept_sparse="csr",
            accept_large_sparse=True,
            dtype="numeric",
            **more,
        )

    def _check_weights(self, sample_weight, X) -> np.ndarray:
        weights = check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        if not (weights > 0).any():
            raise ValueError(
                "All sample weights are zero: at least one row must have a "
                "sample_weight above zero."
            )
        return weights

    def _check_validation(self, X_val, y_val, sample_weight_val):
        """Validate the user's validation rows; None if there are none."""
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError(
                    "sample_weight_val is provided, but X_val and y_val are not; pass "
                    "all three, or none."
                )
            return None
        if X_val is None or y_val is None:
            given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
            raise ValueError(
                f"{given} is provided, but {missing} was not provided; pass both."
            )
        X_val = self._canonical(self._check_rows(X_val, reset=False))
        return X_val, y_val, self._check_weights(sample_weight_val, X_val)

    # ------------------------------------------------------------------ the fit
    def _hyperparameters(self) -> dict[str, Any]:
        return {name: plain(getattr(self, name)) for name in self._table}

    def _choices(self, values: dict[str, Any], predictor_type: str) -> dict[str, Any]:
        """What "auto" is in this fit, of hyperparameters that others depend on."""
        raise NotImplementedError

    def _spec(self, predictor_type: str, n_classes: int, **more: Any) -> TrainingSpec:
        """What to train, by the parameters; warns of those without effect."""
        values = self._hyperparameters()
        warn_inapplicable(
            self._table, values, predictor_type, **self._choices(values, predictor_type)
        )
        settings: dict[str, Any] = {
            "cv": self.cv,
            "validation_fraction": self.validation_fraction,
            "n_jobs": self.n_jobs,
            "ensemble_size": plain(self.ensemble_size),
            "seed": seed_of(self.random_state),
            "feature_names": getattr(self, "feature_names_in_", None),
        }
        return TrainingSpec(
            algorithm=self._algorithm,
            predictor_type=predictor_type,
            hyperparameters=values,
            n_classes=n_classes,
            **{**settings, **more},
        )

    def _warm(self) -> dict[str, Any]:
        """What a spec needs to go on from the last fit, if it is to."""
        if not self.warm_start:
            return {}
        state = getattr(self, "training_state_", None)
        if state is None:
            return {"keep_state": True}
        if "stream" in state:
            raise ValueError(
                "fit with warm_start=True cannot go on from partial_fit; call "
                "partial_fit again, or set warm_start=False to start anew."
            )
        # The same folds as before: rows must not change sides.
        return {"keep_state": True, "resume": state, "seed": state["seed"]}

    def _fit_rows(self, X, y, sample_weight, X_val, y_val, sample_weight_val):
        """Fit to arrays, or to a source of rows: loaded if it fits, else in windows."""
        given = validation_rows(X_val, y_val, sample_weight_val)
        if not isinstance(X, RowSource):
            return self._fit(X, y, sample_weight, *given)
        refuse_beside(X, y=y, sample_weight=sample_weight)
        X = X.snapshot()
        if fits(X):
            return self._fit(*X.load(), *given)
        return self._fit_windows(X, *given)

    def _fit(self, X, y, sample_weight, X_val, y_val, sample_weight_val):
        """Fit to arrays."""
        raise NotImplementedError

    def _fit_windows(self, source, X_val, y_val, sample_weight_val):
        """Fit to rows that come in windows."""
        raise NotImplementedError

    def _check_source(self, source: RowSource, *, reset: bool) -> None:
        """Take the number of features from a source, or hold it to that of the fit."""
        found = source.contents
        if reset:
            self.n_features_in_: int = found.n_features
            if hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
        elif found.n_features != self.n_features_in_:
            raise ValueError(
                f"The dataset has {found.n_features} features, but "
                f"{type(self).__name__} is expecting {self.n_features_in_} features as "
                "input."
            )

    def _next_windows(self, source: RowSource) -> Iterator[tuple]:
        """The windows of a source for `partial_fit`, anew shuffled in each call."""
        state = getattr(self, "training_state_", None) or {}
        done = state.get("stream", {}).get("calls", 0)
        with closing(source.windows(seed_of(self.random_state), done)) as windows:
            for window in windows:
                weights = window[2]
                # Rows of weight zero are absent, so may be a whole window.
                if weights is None or (weights != 0).any():
                    yield window

    def _train(
        self, spec: TrainingSpec, data: TrainingData | WindowedData, X, y
    ) -> ModelState:
        """Send a validated problem through the backend."""
        backend = resolve_backend(self.backend)
        bar = bool(self.verbose) and progress_bar_available()
        lines = bool(self.verbose) and not bar
        start = time.perf_counter()
        with EpochCallbacks(self, X, y, progress_bar=bar) as callbacks:

            def monitor(epoch: int, epochs: int, losses: dict[str, float]) -> bool:
                if lines:
                    _show(_epoch_line(epoch, epochs, losses, start))
                return callbacks.epoch(losses)

            return backend.train(spec, data, monitor)

    def _check_streams(self) -> bool:
        """Whether there is a `partial_fit`."""
        return True

    def _stream(
        self, predictor_type: str, n_classes: int, data: TrainingData, **more: Any
    ) -> ModelState:
        """Train on the next rows of a stream."""
        resume = getattr(self, "training_state_", None)
        if hasattr(self, "coef_") and (resume is None or "stream" not in resume):
            resume = self._model_arrays()
        spec = self._spec(
            predictor_type,
            n_classes,
            stream=True,
            keep_state=True,
            resume=resume,
            **more,
        )
        return resolve_backend(self.backend).train(spec, data, None)

    def _model_arrays(self) -> dict[str, np.ndarray]:
        """The fitted model as a stream can start from it."""
        return {
            "coef": np.atleast_2d(self.coef_),
            "intercept": np.atleast_1d(self.intercept_),
        }

    def _set_state(self, state: ModelState) -> None:
        """Take the fitted attributes from a trained model, if it is finite."""
        check_finite(state, getattr(self, "feature_names_in_", None))
        self.coef_ = state.coef
        self.intercept_: Any = state.intercept
        self.resolved_params_ = state.resolved
        self.metrics_ = state.metrics
        trained = {
            "n_iter_": state.n_iter,
            "best_index_": state.best_index,
            "best_params_": state.best_params,
            "best_score_": state.best_score,
            "candidates_": state.candidates,
            "loss_curve_": state.loss_curve,
            "validation_curve_": state.validation_curve,
        }
        read = state.source is not None
        for name, value in {**trained, "artifact_source_": state.source}.items():
            # None is an answer of a training: it had no validation rows.
            if value is not None or (name in trained and not read):
                setattr(self, name, value)
            elif hasattr(self, name):
                delattr(self, name)
        if state.resume is not None:
            self.training_state_ = state.resume
        elif hasattr(self, "training_state_"):
            del self.training_state_

    def _margins(self, X) -> np.ndarray:
        """Margins of shape (n_rows, n_outputs), in float64."""
        raise NotImplementedError

    def _check_to_predict(self, X):
        """Rows for a fitted model."""
        # Not any attribute: validation sets n_features_in_ before the training.
        if not hasattr(self, "coef_"):
            check_is_fitted(self, "coef_")
        return self._check_rows(X, reset=False)


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
