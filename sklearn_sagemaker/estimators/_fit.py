"""The way of a fit, from the arguments to the fitted attributes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter
from typing import Any

from sklearn_sagemaker._state import (
    ModelState,
    PendingTraining,
    RowSource,
    TrainingData,
    TrainingSpec,
    WindowedData,
)
from sklearn_sagemaker.backends import Backend, FitRows, resolve_backend
from sklearn_sagemaker.estimators._attributes import set_attributes, set_pending
from sklearn_sagemaker.estimators._folds import folds
from sklearn_sagemaker.estimators._progress import monitored, show_call
from sklearn_sagemaker.estimators._row_sources import (
    loaded,
    next_windows,
    refuse_beside,
    validation_rows,
)
from sklearn_sagemaker.estimators._spec import (
    continued,
    make_spec,
    seed_of,
    streamed,
)
from sklearn_sagemaker.estimators._validation import (
    check_labelled,
    check_not_pending,
    check_source,
    check_validation,
)


def fit(estimator: Any, X, y, sample_weight, X_val, y_val, sample_weight_val) -> Any:
    """Train on arrays, or on a source of rows: loaded if it fits, else in windows."""
    rows = FitRows(X, y, sample_weight, X_val, y_val, sample_weight_val)
    if isinstance(X, RowSource):
        refuse_beside(X, y=y, sample_weight=sample_weight)
    settings = estimator.get_params(deep=False)
    backend = backend_for(estimator, X)
    with all_or_nothing(estimator), backend.placed(rows, settings) as rows:
        spec, data, X, y = problem_of(estimator, backend, *rows)
        validated = estimator.cv is not False or data.X_val is not None
        with monitored(estimator, X, y, validated=validated) as monitor:
            found = backend.train(spec, data, monitor)
        take(estimator, found, spec.classes)
    return estimator


def problem_of(
    estimator: Any,
    backend: Backend,
    X,
    y,
    sample_weight,
    X_val,
    y_val,
    sample_weight_val,
) -> tuple[TrainingSpec, TrainingData | WindowedData, Any, Any]:
    """What a backend is to train on what, and the rows as checked."""
    X, X_val = backend.opened(X), backend.opened(X_val)
    before = continued(estimator)
    first = "resume" not in before
    X, y, sample_weight = loaded(X, y, sample_weight)
    if isinstance(X, RowSource):
        check_source(estimator, X, reset=first)
        targets = estimator._targets.of_source(estimator, X)
    else:
        X, y, weights = check_labelled(estimator, X, y, sample_weight, reset=first)
        targets = estimator._targets.of_labels(estimator, y, weights)
    if not first:
        targets.check_continues(estimator)
    given = validation_rows(X_val, y_val, sample_weight_val)
    validation = check_validation(estimator, targets, *given)
    data: TrainingData | WindowedData
    if isinstance(X, RowSource):
        data = WindowedData(X, *validation)
    else:
        data = TrainingData(X, *targets.encode(y, weights), *validation)
    spec = make_spec(estimator, targets, folds(estimator, data), **before)
    backend.check(spec)
    return spec, data, X, y


def partial_fit(estimator: Any, X, y, sample_weight, classes=None) -> Any:
    """Train on the next rows of a stream: arrays, or each window of a source."""
    with all_or_nothing(estimator):
        # A stream goes on from the model, and would forget a training that brings one.
        check_not_pending(estimator)
        backend = backend_for(estimator, X)
        backend.check_stream()
        X = backend.opened(X)
        pieces: Any = [(X, y, sample_weight)]
        if isinstance(X, RowSource):
            refuse_beside(X, y=y, sample_weight=sample_weight)
            source = X.snapshot()
            if classes is None and not hasattr(estimator, "coef_"):
                classes = source.contents.labels
            done = getattr(estimator, "training_state_", {}).get("stream", {})
            seed = seed_of(estimator.random_state)
            pieces = next_windows(source, seed, done.get("calls", 0))
        for X, y, sample_weight in pieces:
            targets = estimator._targets.of_stream(estimator, classes)
            first = not hasattr(estimator, "coef_")
            X, y, weights = check_labelled(estimator, X, y, sample_weight, reset=first)
            data = TrainingData(X, *targets.encode_next(y, weights))
            spec = make_spec(estimator, targets, False, **streamed(estimator))
            backend.check(spec)
            start = perf_counter()
            state = backend.train(spec, data, None)
            if isinstance(state, PendingTraining):
                raise TypeError("a stream cannot wait for a training that is pending.")
            take(estimator, state, targets.classes)
            show_call(estimator, X.shape[0], state, perf_counter() - start)
    return estimator


def backend_for(estimator: Any, X: Any) -> Backend:
    """The backend of an estimator, if it takes rows that are as X is.

    Raises
    ------
    TypeError
        If it does not: X is elsewhere, and is not to be gathered by accident.
    """
    backend = resolve_backend(estimator.backend)
    if not backend.takes(X):
        raise TypeError(
            f"backend={type(backend).__name__} does not take a "
            f"{type(X).__module__}.{type(X).__qualname__}, whose rows are not in this "
            "process; compute() it first if they fit, or set a backend that trains "
            "where they are."
        )
    return backend


def take(estimator: Any, found: ModelState | PendingTraining, classes: Any) -> None:
    """Take the fitted attributes, or what will bring them."""
    if isinstance(found, PendingTraining):
        set_pending(estimator, found)
    elif isinstance(found, ModelState):
        set_attributes(estimator, replace(found, classes=classes))
    else:
        raise TypeError(
            "train() of a backend must return a ModelState or a PendingTraining, got "
            f"{type(found).__name__}."
        )


@contextmanager
def all_or_nothing(estimator: Any) -> Iterator[None]:
    """A fit that fails leaves the estimator as it was, names of features too."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        for name in set(vars(estimator)) - set(before):
            if name.endswith("_"):
                delattr(estimator, name)
        vars(estimator).update(
            {name: value for name, value in before.items() if name.endswith("_")}
        )
        raise
