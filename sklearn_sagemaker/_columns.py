"""Features that no row holds: what they start from, and models that leave them out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import ndtri

CHUNK = 1 << 18
"""Numbers that are made at a time."""
FEATURE_AXIS = {"coef": -1, "factors": -2}
"""Of the arrays of draws."""
_STEP = 0x9E3779B97F4A7C15
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1))


def _mixed(x: np.ndarray) -> np.ndarray:
    """Each number of a sequence of constant steps as a random one, in place.

    G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number
    generators", OOPSLA 2014: SplitMix64, whose numbers need not be made in order.
    """
    for shift, factor in _MIX:
        x ^= x >> np.uint64(shift)
        x *= np.uint64(factor)
    return x


def start_rule(method: str, size: float, seed: Sequence[int]) -> dict[str, Any]:
    """How numbers of features start, as plain values.

    Parameters
    ----------
    method : {"normal", "uniform", "constant"}
    size : float
        Standard deviation, largest size, or the number.
    seed : sequence of int
    """
    # NumPy 1.26 has no shift of an uint64 by a Python number.
    key = int(np.random.SeedSequence(list(seed)).generate_state(1, np.uint64)[0]) >> 1
    return {"method": method, "size": float(size), "key": key}


def start_numbers(rule: dict[str, Any], columns: np.ndarray, width: int) -> np.ndarray:
    """What features start from: a function of the rule's key and their number.

    Parameters
    ----------
    rule : dict
        Of `start_rule`.
    columns : int64 array of shape (n,)
        Numbers of features, in any order.
    width : int
        Numbers of each feature; more of them begin with the same.

    Returns
    -------
    numbers : float64 array of shape (n, width)
    """
    out = np.empty((len(columns), width))
    method, size = rule["method"], rule["size"]
    if method == "constant" or size == 0.0:
        out.fill(size)
        return out
    lanes = np.arange(1, width + 1, dtype=np.uint64) * np.uint64(_STEP)
    rows = max(1, CHUNK // max(width, 1))
    for start in range(0, len(columns), rows):
        some = np.asarray(columns[start : start + rows]).astype(np.uint64)
        # A sequence for each feature, so that neighbours have nothing in common.
        keys = _mixed((some + np.uint64(1)) * np.uint64(_STEP) + np.uint64(rule["key"]))
        bits = _mixed(keys[:, None] + lanes)
        # In the middle of 2^52 equal parts of (0, 1), so neither 0 nor 1.
        uniform = ((bits >> np.uint64(12)) + 0.5) * 2.0**-52
        part = out[start : start + rows]
        if method == "normal":
            np.multiply(ndtri(uniform), size, out=part)
        else:
            part[:] = (2.0 * uniform - 1.0) * size
    return out


def met_columns(X: sp.csr_array) -> np.ndarray:
    """Numbers of the columns that a CSR matrix stores, in ascending order."""
    stored = X.indices[int(X.indptr[0]) : int(X.indptr[-1])]
    if len(stored) < X.shape[1] // 16:
        return np.unique(stored).astype(np.int64)
    met = np.zeros(X.shape[1], dtype=bool)
    met[stored] = True
    return np.flatnonzero(met)


def places_of(indices: np.ndarray, columns: np.ndarray, width: int) -> np.ndarray:
    """Where columns stand among some of them.

    Parameters
    ----------
    indices : int array of shape (n,)
    columns : int64 array of shape (m,)
        In ascending order.
    width : int
        How many there are.

    Returns
    -------
    places : int array of shape (n,)
        Of the type of the indices; -1 for those that are not among them.
    """
    if len(columns) == 0 or len(indices) < width // 16:
        places = np.searchsorted(columns, indices)
        known = np.append(columns, -1)[places] == indices
        return np.where(known, places, -1).astype(indices.dtype)
    place = np.full(width, -1, dtype=indices.dtype)
    place[columns] = np.arange(len(columns))
    return place[indices]


def csr_of(kind: type, data, indices, indptr, width: int) -> Any:
    """A CSR matrix of these very parts: scipy would narrow the indices of some."""
    found = kind((len(indptr) - 1, width), dtype=data.dtype)
    found.data, found.indices, found.indptr = data, indices, indptr
    return found


def narrowed(X: Any, columns: np.ndarray) -> sp.csr_array:
    """A CSR matrix of some of its columns, which are all that it stores.

    Parameters
    ----------
    X : CSR of shape (n_rows, n_features)
    columns : int64 array of shape (m,)
        In ascending order.

    Returns
    -------
    X : CSR of shape (n_rows, m)
        It shares the values.

    Raises
    ------
    ValueError
        If it stores others.
    """
    places = places_of(X.indices, columns, X.shape[1])
    if (places < 0).any():
        raise ValueError(
            "The rows of the dataset have become others during the fit; leave its "
            "files alone until it ends."
        )
    return csr_of(sp.csr_array, X.data, places, X.indptr, len(columns))


def of_met_columns(X: sp.csr_array) -> tuple[np.ndarray, sp.csr_array]:
    """`met_columns` of a CSR matrix, and the matrix of these; few values are quick."""
    indices = X.indices[: X.indptr[-1]]
    if len(indices) >= X.shape[1] // 16 or X.indptr[0] != 0:
        columns = met_columns(X)
        return columns, narrowed(X, columns)
    columns, places = np.unique(indices, return_inverse=True)
    places = places.astype(indices.dtype)
    found = csr_of(sp.csr_array, X.data[: len(places)], places, X.indptr, len(columns))
    return columns.astype(np.int64), found


def at_columns(
    factors: np.ndarray, held: dict[str, Any], columns: np.ndarray
) -> np.ndarray:
    """Factors of some features of a model that holds those of few.

    Parameters
    ----------
    factors : array of shape (..., m, k)
    held : dict
        ``place``, an int32 array of shape (n_features,): where in the factors those of
        each feature are, or -1 for one that is as it started; and ``starts``, a list of
        rules (`start_rule`) with ``width`` each, for as many of the k factors of an
        output, one rule's after the other.
    columns : int64 array of shape (n,)
        Numbers of features.

    Returns
    -------
    factors : array of shape (..., n, k)
    """
    places = held["place"][columns]
    # Of the memory of `empty_draws`, too, this copies no more than these.
    found = np.moveaxis(np.moveaxis(factors, -2, 0)[places], 0, -2)
    absent = np.flatnonzero(places < 0)
    if not len(absent):
        return found
    outputs = factors.shape[0]
    rows = max(1, CHUNK // (outputs * factors.shape[-1]))
    for start in range(0, len(absent), rows):
        some, first = absent[start : start + rows], 0
        for rule in held["starts"]:
            width = rule["width"]
            made = start_numbers(rule, columns[some], outputs * width)
            made = made.reshape(len(some), outputs, width).transpose(1, 0, 2)
            found[:, some, first : first + width] = made
            first += width
    return found


def empty_draws(name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array of draws whose memory holds what all draws have of a feature together.

    A row asks all draws for its few features.

    Parameters
    ----------
    name : {"intercept", "coef", "factors"}
    shape : tuple of int
        Draws first.
    dtype : numpy.dtype
    """
    if name not in FEATURE_AXIS:
        return np.empty(shape, dtype)
    axis = FEATURE_AXIS[name]
    others = list(shape)
    length = others.pop(axis)
    return np.moveaxis(np.empty((length, *others), dtype), 0, axis)


def draws_by_feature(draws: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Draws in memory as `empty_draws` has them, which pickles and files forget."""
    found = {}
    for name, array in draws.items():
        axis = FEATURE_AXIS.get(name, 0)
        found[name] = np.moveaxis(
            np.ascontiguousarray(np.moveaxis(array, axis, 0)), 0, axis
        )
    return found
