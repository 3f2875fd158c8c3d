"""The parameters of model artifacts, from MXNet's arrays to plain ones.

`sklearn_sagemaker.io.artifacts.graphs` has the tables of names and shapes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.artifacts.artifact import FM, LINEAR, Machines
from sklearn_sagemaker.io.artifacts.graph_meaning import is_features_first
from sklearn_sagemaker.io.artifacts.graphs import (
    CLASS_WEIGHTS,
    FACTORS,
    LINEAR_NAMES,
    MACHINES,
)
from sklearn_sagemaker.io.messages import listed
from sklearn_sagemaker.io.mxnet import Array, Csr, RowSparse
from sklearn_sagemaker.io.mxnet_symbol import Symbol


def read_params(
    arrays: Mapping[str, Array], symbol: Symbol, *, max_bytes: int, what: str
) -> tuple[str, bool, Machines]:
    """Machines from the parameters of any of the graphs.

    Parameters
    ----------
    arrays : dict of str to Array
        With MXNet's ``arg:`` before the names, or without.
    symbol : Symbol
        The graph that reads them: how Linear Learner's weights lie depends on it.
    max_bytes : int
        Of sparse arrays when whole.
    what : str
        What messages call the file.

    Returns
    -------
    algorithm : str
    sagemakers : bool
        Whether the names are SageMaker's.
    machines : Machines
        In float64; factors in float32 where the file has them so.

    Raises
    ------
    ArtifactError
        If parameters are missing or not of these models, or not of this graph, their
        shapes disagree, or there are NaNs or infinities.
    """
    params = {name.removeprefix("arg:"): array for name, array in arrays.items()}
    if LINEAR_NAMES["coef"] in params:
        return LINEAR, True, _linear(params, symbol, what, max_bytes)
    for tables in (FACTORS, MACHINES):
        for graph, names in tables.items():
            if names["coef"] in params:
                _check_rest(params, names.values(), symbol, what)
                machines = _machines(params, names, graph == "sparse", what, max_bytes)
                if tables is FACTORS and len(machines.intercept) != 1:
                    raise ArtifactError(
                        f"{what}: {names['coef']} has {len(machines.intercept)} "
                        "outputs; SageMaker's Factorization Machines has one."
                    )
                return FM, tables is FACTORS, machines
    raise ArtifactError(
        f"{what}: has the parameters {listed(list(params)) or 'none'}, which are not "
        "those of Linear Learner (fc0_weight) or Factorization Machines (w1_weight or "
        "Linear_Plus_Bias_weight, and v)."
    )


def _linear(params, symbol: Symbol, what: str, max_bytes: int) -> Machines:
    names = LINEAR_NAMES
    _check_rest(params, (*names.values(), CLASS_WEIGHTS), symbol, what)
    features_first = is_features_first(symbol, names["coef"])
    coef = _matrix(params, names["coef"], what, max_bytes)
    if features_first:
        coef = np.ascontiguousarray(coef.T)
    if CLASS_WEIGHTS in params:
        # Of the loss that was trained; predictions do not depend on them.
        weights = _floats(params, CLASS_WEIGHTS, what)
        if weights is None or tuple(weights.shape) != (len(coef),):
            raise ArtifactError(
                f"{what}: {CLASS_WEIGHTS} has shape {getattr(weights, 'shape', None)}, "
                f"but the model has {len(coef)} outputs."
            )
    if names["intercept"] in params:
        intercept = _vector(params, names["intercept"], len(coef), what)
    else:  # trained with use_bias=False
        intercept = np.zeros(len(coef))
    return Machines(intercept, coef, None)


def _machines(params, names, sparse: bool, what: str, max_bytes: int) -> Machines:
    coef = _matrix(params, names["coef"], what, max_bytes)
    flat = _matrix(params, names["factors"], what, max_bytes, factors=True)
    if sparse:
        coef, flat = coef.T, flat.T
    m, n = coef.shape
    intercept = _vector(params, names["intercept"], m, what)
    if flat.shape[1] != n or flat.shape[0] % m:
        raise ArtifactError(
            f"{what}: {names['coef']} has {n} features and {m} outputs, but "
            f"{names['factors']} has {flat.shape[1]} features and {flat.shape[0]} "
            "factors; they are not of one model."
        )
    factors = flat.reshape(m, -1, n).transpose(0, 2, 1)
    return Machines(
        intercept, np.ascontiguousarray(coef), np.ascontiguousarray(factors)
    )


def _check_rest(params, known: Iterable[str], symbol: Symbol, what: str) -> None:
    """Refuse parameters that the model, or its graph, does not have."""
    known = set(known)
    unknown = [name for name in params if name not in known]
    if unknown:
        raise ArtifactError(
            f"{what}: has the parameters {listed(unknown)} beside those of the model; "
            "it is another model than this package has."
        )
    unused = set(params) - set(symbol.variables)
    if unused:
        raise ArtifactError(
            f"{what}: the graph does not use the parameters {listed(sorted(unused))}; "
            "they are not of one model."
        )


def _floats(params, name: str, what: str) -> Array:
    if name not in params:
        raise ArtifactError(f"{what}: lacks the parameter {name!r}.")
    array = params[name]
    if array is None or array.dtype.kind != "f":
        raise ArtifactError(
            f"{what}: {name} has dtype {getattr(array, 'dtype', None)}; parameters "
            "must be floating-point numbers."
        )
    stored = array.data if isinstance(array, (RowSparse, Csr)) else array
    bad = np.count_nonzero(~np.isfinite(stored))
    if bad:
        raise ArtifactError(
            f"{what}: {name} has {bad} numbers that are NaN or infinite; the training "
            "diverged, or the file is damaged."
        )
    return array


def _matrix(params, name, what, max_bytes, *, factors: bool = False) -> np.ndarray:
    """A matrix with at least one row and one column."""
    array = _floats(params, name, what)
    assert array is not None
    if len(array.shape) != 2 or 0 in array.shape:
        raise ArtifactError(
            f"{what}: {name} has shape {tuple(array.shape)}; it must be a matrix."
        )
    kind = np.dtype(np.float32 if factors and array.dtype.itemsize < 8 else np.float64)
    if math.prod(array.shape) * kind.itemsize > max_bytes:
        raise ArtifactError(
            f"{what}: {name} of shape {tuple(array.shape)} has more than "
            f"max_bytes={max_bytes} bytes; if you trust it, pass a larger max_bytes."
        )
    whole = array.toarray() if isinstance(array, (RowSparse, Csr)) else array
    return whole.astype(kind)


def _vector(params, name: str, size: int, what: str) -> np.ndarray:
    """A vector of some size, which may have axes of length one before it."""
    array = _floats(params, name, what)
    assert array is not None
    if math.prod(array.shape) != size or tuple(array.shape[-1:]) not in ((size,), ()):
        raise ArtifactError(
            f"{what}: {name} has shape {tuple(array.shape)}, but the model has {size} "
            "outputs."
        )
    whole = array.toarray() if isinstance(array, (RowSparse, Csr)) else array
    return whole.astype(np.float64).reshape(-1)
