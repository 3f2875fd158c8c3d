"""Margins of fitted models."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse
from scipy.special import log_ndtr, ndtr

from sklearn_sagemaker._kernels.levels import factor_kernels, kernels
from sklearn_sagemaker._kernels.readers import RowReader
from sklearn_sagemaker._sparse import check_compressed

EMPTY = np.empty(0)
TINY = np.finfo(np.float64).tiny
SCORE_BYTES = 64 << 20
"""Scores of all draws are held for pieces of rows of this size."""


def linear_margins(
    X, coef: np.ndarray, intercept: np.ndarray, checked: bool = False
) -> np.ndarray:
    """``X @ coef.T + intercept`` in float64, reading X in place.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_rows, n_features)
    coef : float64 array of shape (n_outputs, n_features) or (n_features,)
    intercept : float64 array of shape (n_outputs,), or float
    checked : bool, default=False
        As of `RowReader`.

    Returns
    -------
    margins : float64 array of shape (n_rows, n_outputs)
        Those of a row that holds a number that is not finite are not finite.
    """
    if coef.ndim == 1:
        coef = coef[None, :]
    if X.shape[1] != coef.shape[1]:
        raise ValueError(
            f"X has {X.shape[1]} features, but the model has {coef.shape[1]} "
            "coefficients; pass the features that it was fitted on."
        )
    if issparse(X) and len(coef) > 1 and 0 < X.nnz < coef.shape[1]:
        X, coef = _of_stored(X, coef, checked)
    reader = RowReader(X, checked)
    out = np.empty((X.shape[0], len(coef)))
    rows = np.arange(X.shape[0], dtype=np.int64)
    narrow = not reader.sparse and len(coef) < 8
    weights = np.ascontiguousarray(coef if narrow else coef.T, dtype=np.float64)
    bias = np.array(intercept, dtype=np.float64, ndmin=2)
    kernels.score(reader, rows, weights, bias, EMPTY, 0, len(coef), narrow, out)
    return out


def _of_stored(X, coef: np.ndarray, checked: bool) -> tuple[csr_array, np.ndarray]:
    """The columns that few rows store, and their coefficients: the kernel wants these
    feature by feature, and those of all features are many to turn.
    """
    if not checked:
        # The kernels trust what comes of this.
        check_compressed(X.data, X.indices, X.indptr, *X.shape)
    stored, places = np.unique(X.indices[: X.indptr[-1]], return_inverse=True)
    parts = X.data[: X.indptr[-1]], places.astype(X.indices.dtype), X.indptr
    return csr_array(parts, shape=(X.shape[0], len(stored))), coef[:, stored]


def factor_scores(
    X,
    intercept: np.ndarray,
    coef: np.ndarray,
    factors: np.ndarray,
    pieces: int = 1,
    spread: Callable[..., object] | None = None,
) -> np.ndarray:
    """What factorization machines say of rows, X read in place.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_rows, n_features)
    intercept : float64 array of shape (n_models,)
    coef : float64 array of shape (n_models, n_features)
    factors : array of shape (n_models, n_features, k)
    pieces : int
        Into which the rows are cut.
    spread : callable or None
        ``spread(call, starts, stops)`` calls ``call(start, stop)`` for each piece, in
        threads if it likes; None does so in turn.

    Returns
    -------
    scores : float64 array of shape (n_rows, n_models)
    """
    n_models, n_features, k = factors.shape
    if X.shape[1] != n_features:
        raise ValueError(
            f"X has {X.shape[1]} features, but the model has factors of {n_features}; "
            "pass the features that it was fitted on."
        )
    reader = RowReader(X)
    # Machines one after the other, or features: `empty_draws`.
    by_feature = not factors.flags.c_contiguous
    by_feature &= factors.transpose(1, 0, 2).flags.c_contiguous
    strides = (1, n_features), (k, n_features * k)
    if by_feature:
        coef, factors = coef.T, factors.transpose(1, 0, 2)
        strides = (n_models, 1), (n_models * k, k)
    linear = np.ascontiguousarray(coef, dtype=np.float64).reshape(-1)
    bias = np.ascontiguousarray(intercept, dtype=np.float64)
    flat = np.ascontiguousarray(factors).reshape(-1)
    empty = np.empty(0, factors.dtype)
    out = np.empty((X.shape[0], n_models))

    def score(start: int, stop: int) -> None:
        rows = np.arange(start, stop, dtype=np.int64)
        factor_kernels.score(
            reader, rows, bias, linear, *strides[0], flat, *strides[1], k,
            empty, empty, out[start:stop],
        )  # fmt: skip

    cuts = [X.shape[0] * piece // pieces for piece in range(pieces + 1)]
    if spread is None:
        for start, stop in pairwise(cuts):
            score(start, stop)
    else:
        spread(score, cuts[:-1], cuts[1:])
    return out


def machine_margins(
    X,
    intercept: np.ndarray,
    coef: np.ndarray,
    factors: np.ndarray,
    n_outputs: int,
    probit: bool,
    score: Callable[..., np.ndarray] = factor_scores,
) -> np.ndarray:
    """Margins of a model that is one factorization machine an output, or draws of it.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_rows, n_features)
        CSR without entries that stand in one place.
    intercept, coef, factors : arrays
        As for `factor_scores`: those of the outputs, draw after draw.
    n_outputs : int
    probit : bool
        As for `mean_margins`.
    score : callable
        ``score(X, intercept, coef, factors)``, what `factor_scores` does.

    Returns
    -------
    margins : float64 array of shape (n_rows, n_outputs)
    """
    if not probit and len(intercept) == n_outputs:
        return score(X, intercept, coef, factors)

    def of_rows(piece) -> np.ndarray:
        scores = score(piece, intercept, coef, factors)
        return mean_margins(scores.reshape(len(scores), -1, n_outputs), probit)

    pieces = -(-8 * X.shape[0] * len(intercept) // SCORE_BYTES)
    if pieces <= 1:
        return of_rows(X)
    cuts = np.linspace(0, X.shape[0], pieces + 1).astype(int)
    return np.concatenate([of_rows(X[start:stop]) for start, stop in pairwise(cuts)])


def mean_margins(scores: np.ndarray, probit: bool) -> np.ndarray:
    """Margins of a model whose predictions are the mean over several draws.

    Parameters
    ----------
    scores : float64 array of shape (n_rows, n_draws, n_outputs)
    probit : bool
        Whether a score is turned into a probability by the normal distribution.

    Returns
    -------
    margins : float64 array of shape (n_rows, n_outputs)
        Mean scores; or with a probit the log-odds of the mean probability, for more
        than one output its logarithm.
    """
    if not probit:
        return scores.sum(axis=1) / scores.shape[1]
    if scores.shape[1] == 1:
        return DrawMean(probit).add(scores).margins()
    # As `DrawMean`, in as few calls as there can be: one row takes longer by each.
    both = np.empty((2, *scores.shape))
    both[0] = scores
    np.negative(scores, out=both[1])
    shares = ndtr(both, out=both).sum(axis=2) / scores.shape[1]
    logs = np.log(np.maximum(shares, TINY))
    return logs[0] if scores.shape[2] > 1 else logs[0] - logs[1]


class DrawMean:
    """The mean of what several draws say of some rows, some draws after the others.

    Parameters
    ----------
    probit : bool
        Whether probabilities are averaged, and not scores.
    """

    def __init__(self, probit: bool):
        self.probit, self.count = probit, 0
        self._sums: tuple[Any, Any] = (0.0, 0.0)
        self._last: np.ndarray

    def add(self, scores: np.ndarray) -> DrawMean:
        """Take in scores of shape (n_rows, n_draws, n_outputs)."""
        self.count += scores.shape[1]
        self._last = scores[:, -1]
        first, second = self._sums
        if self.probit:
            # Both, so that neither end loses its digits.
            first = first + ndtr(scores).sum(axis=1)
            second = second + ndtr(-scores).sum(axis=1)
        else:
            first = first + scores.sum(axis=1)
        self._sums = first, second
        return self

    def margins(self) -> np.ndarray:
        """What `mean_margins` returns for all draws so far."""
        first, second = self._sums
        if not self.probit:
            return first / self.count
        several = self._last.shape[1] > 1
        if self.count == 1:
            # The far tails keep their digits.
            positive = log_ndtr(self._last)
            return positive if several else positive - log_ndtr(-self._last)
        positive = np.log(np.maximum(first / self.count, TINY))
        if several:
            return positive
        return positive - np.log(np.maximum(second / self.count, TINY))
