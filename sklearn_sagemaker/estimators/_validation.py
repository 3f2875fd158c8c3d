"""What a caller passes, checked: rows, weights, validation rows, sources of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_sagemaker._compat import check_sample_weight
from sklearn_sagemaker._sparse import (
    checked_csr,
    in_plain_floats,
    summed,
    without_zeros,
)
from sklearn_sagemaker._state import RowSource
from sklearn_sagemaker.estimators._targets import (
    ClassTargets,
    NumberTargets,
    class_labels,
    number_labels,
)


def check_rows(estimator: Any, X, y: Any = "no_validation", *, reset: bool, **more):
    """X, and y, without a copy: any numeric dtype, any layout, CSR."""
    if isinstance(X, RowSource):
        raise TypeError(
            f"A {type(X).__name__} is for fit and partial_fit; iterate over its "
            "mini-batches, or load() it, for everything else."
        )
    if sp.issparse(X):
        X = checked_csr(X)
    try:
        found = validate_data(
            estimator,
            X,
            y,
            reset=reset,
            accept_sparse="csr",
            accept_large_sparse=True,
            dtype="numeric",
            **more,
        )
    except (TypeError, ValueError) as error:
        faults = _no_numbers(X)
        if not faults:
            raise
        # A table of other columns than the fit had is refused as such.
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        # Which of both scikit-learn's checks of an estimator look for.
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(faults) from None
    if isinstance(found, tuple):
        return _numbers(estimator, found[0]), found[1]
    return _numbers(estimator, found)


def _numbers(estimator: Any, X):
    """Rows of the dtypes that "numeric" lets pass, as numbers or not at all.

    A DataFrame with a categorical column arrives here as objects, its infinities
    unseen.
    """
    if X.dtype.kind in "mM":
        raise ValueError(
            f"X holds dates or times ({X.dtype}); turn them into numbers, for example "
            "days since the first."
        )
    if X.dtype.kind != "O":
        return X
    names = getattr(estimator, "feature_names_in_", range(X.shape[1]))
    try:
        found = X.astype(np.float64)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(_no_numbers(X, names)) from None
    assert_all_finite(found, estimator_name=type(estimator).__name__, input_name="X")
    return found


def _no_numbers(X: Any, names: Any = None) -> str:
    """Which columns of a table, or of an array of objects, hold what is no number."""
    if hasattr(X, "iloc") and np.ndim(X) == 2:
        columns = [X.iloc[:, place].to_numpy() for place in range(X.shape[1])]
        names = X.columns
    elif isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind == "O":
        columns = list(X.T)
        names = range(X.shape[1]) if names is None else names
    else:
        return ""
    faults = []
    for name, column in zip(names, columns, strict=True):
        try:
            if column.dtype.kind in "mM":
                raise TypeError(f"dates or times, {column.dtype}")
            column.astype(np.float64)
        except (TypeError, ValueError) as error:
            faults.append(f"{name!r} ({error})")
    if not faults:
        return ""
    return (
        f"Columns of X have values that are no numbers: {', '.join(faults[:6])}; "
        "encode them, for example by sklearn.preprocessing.OneHotEncoder, or drop them."
    )


def canonical(X):
    """CSR with one entry for each value but zero; all else as it is."""
    return without_zeros(summed(in_plain_floats(X))) if sp.issparse(X) else X


def check_not_pending(estimator: Any) -> None:
    """Refuse what needs the model of a training that goes on elsewhere."""
    pending = getattr(estimator, "pending_training_", None)
    if pending is not None:
        raise NotFittedError(
            f"The training {pending.name!r} of this {type(estimator).__name__} goes on "
            "elsewhere; call wait_for_training() first."
        )


def rows_to_score(estimator: Any, X, *, finite: bool = True):
    """Rows for a fitted model; whether they are finite may be left to see by margins.

    That takes a pass over all rows, and all other checks as long as some hundred rows.
    """
    check_not_pending(estimator)
    check_is_fitted(estimator)
    if sp.issparse(X):
        X = checked_csr(X)
    if not _is_table(X):
        return check_rows(estimator, X, reset=False)
    if finite:
        name = type(estimator).__name__
        assert_all_finite(X, estimator_name=name, input_name="X")
    return validate_data(estimator, X, reset=False, skip_check_array=True)


def _is_table(X) -> bool:
    """Whether scikit-learn would check names, width and finite numbers alone."""
    if sp.issparse(X):
        # It looks at values beyond the last row, too.
        known = len(X.data) == X.indptr[-1]
    else:
        known = type(X) is np.ndarray and X.ndim == 2
    return known and X.dtype.kind in "biuf" and 0 not in X.shape


def check_labelled(estimator: Any, X, y, sample_weight, *, reset: bool) -> tuple:
    """Rows to train on, their labels and float64 weights."""
    numeric = is_regressor(estimator)
    labels = number_labels(y, "y") if numeric else class_labels(y, "y")
    X, y = check_rows(estimator, X, labels, reset=reset, y_numeric=numeric)
    X = canonical(X)
    return X, y, _check_weights(sample_weight, X)


def check_validation(
    estimator: Any,
    targets: ClassTargets | NumberTargets,
    X_val,
    y_val,
    sample_weight_val,
) -> tuple:
    """The user's validation rows, with encoded labels; three None if there are none.

    Rows that are not on this machine stay as they are.
    """
    if isinstance(X_val, RowSource) and X_val.remote:
        check_source(estimator, X_val, reset=False)
        return X_val, None, None
    if X_val is None and y_val is None:
        if sample_weight_val is not None:
            raise ValueError(
                "sample_weight_val is provided, but X_val and y_val are not; pass "
                "all three, or none."
            )
        return None, None, None
    if X_val is None or y_val is None:
        given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
        raise ValueError(
            f"{given} is provided, but {missing} was not provided; pass both."
        )
    X_val = canonical(check_rows(estimator, X_val, reset=False))
    weights = _check_weights(sample_weight_val, X_val)
    return X_val, *targets.encode_validation(y_val, weights)


def _check_weights(sample_weight, X) -> np.ndarray:
    weights = check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    if not (weights > 0).any():
        raise ValueError(
            "All sample weights are zero: at least one row must have a "
            "sample_weight above zero."
        )
    return weights


def check_source(estimator: Any, source: RowSource, *, reset: bool) -> None:
    """Take the number of features from a source, or hold it to that of the fit."""
    found = source.contents
    if reset:
        estimator.n_features_in_ = found.n_features
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
        if source.feature_names is not None:
            estimator.feature_names_in_ = source.feature_names
    elif found.n_features != estimator.n_features_in_:
        raise ValueError(
            f"The dataset has {found.n_features} features, but "
            f"{type(estimator).__name__} is expecting {estimator.n_features_in_} "
            "features as input."
        )
