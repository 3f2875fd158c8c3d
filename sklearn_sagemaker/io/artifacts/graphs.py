"""The graphs and parameters of model artifacts.

SageMaker's own: Linear Learner is ``fc0_weight`` of shape (n_outputs, n_features) and
``fc0_bias``. Factorization Machines has two graphs, by the kind of rows it met:

=======  ===========================  ===============================  ===========
graph    intercept                    coefficients                     factors
=======  ===========================  ===============================  ===========
sparse   ``w0_weight`` (1, 1)         ``w1_weight`` (n, 1)             ``v`` (n, k)
dense    ``Linear_Plus_Bias_bias``    ``Linear_Plus_Bias_weight``      ``v`` (k, n)
=======  ===========================  ===============================  ===========

Models that SageMaker does not have (several classes, draws, probit) are written as m
machines side by side, under names of their own (``machines_w0``, ...), so that a reader
who knows SageMaker's names stops instead of taking one machine for the model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from sklearn_sagemaker._hyperparameters import BINARY, MULTICLASS, REGRESSOR
from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.artifacts.artifact import FM, LINEAR, Machines, ModelArtifact
from sklearn_sagemaker.io.messages import listed
from sklearn_sagemaker.io.mxnet import Array, Csr, RowSparse
from sklearn_sagemaker.io.mxnet_symbol import Graph, Symbol

_LINEAR = {"coef": "fc0_weight", "intercept": "fc0_bias"}
_FACTORS = {
    "sparse": {"intercept": "w0_weight", "coef": "w1_weight", "factors": "v"},
    "dense": {
        "intercept": "Linear_Plus_Bias_bias",
        "coef": "Linear_Plus_Bias_weight",
        "factors": "v",
    },
}
_MACHINES = {
    "sparse": {
        "intercept": "machines_w0",
        "coef": "machines_w1",
        "factors": "machines_v",
    },
    "dense": {
        "intercept": "machines_bias",
        "coef": "machines_weight",
        "factors": "machines_v",
    },
}

_OUTPUTS = {
    "LogisticRegressionOutput": (BINARY, "logit"),
    "sigmoid": (BINARY, "logit"),
    "SVMOutput": (BINARY, "score"),
    "SoftmaxOutput": (MULTICLASS, "softmax"),
    "Softmax": (MULTICLASS, "softmax"),
    "SoftmaxActivation": (MULTICLASS, "softmax"),
    "softmax": (MULTICLASS, "softmax"),
    "LinearRegressionOutput": (REGRESSOR, "identity"),
    "MAERegressionOutput": (REGRESSOR, "identity"),
}
"""What an output operation says of the model: predictor type and link."""
_TRANSPARENT = {"BlockGrad", "_copy", "identity", "Reshape", "reshape", "Flatten"}
_OPS = {
    "logit": "LogisticRegressionOutput",
    "score": "SVMOutput",
    "softmax": "SoftmaxOutput",
    "identity": "LinearRegressionOutput",
    "probit": "LinearRegressionOutput",
}


def output_of(symbol: Symbol) -> tuple[str, str] | None:
    """Predictor type and link by the output operation; None if that does not tell."""
    found = set()
    for head in symbol.heads:
        node = symbol.nodes[head]
        while node.op in _TRANSPARENT and node.inputs:
            node = symbol.nodes[node.inputs[0]]
        op = node.op
        if op == "Activation":
            op = node.attrs.get("act_type", "")
        if op in _OUTPUTS:
            found.add(_OUTPUTS[op])
    return found.pop() if len(found) == 1 else None


def make_graph(
    artifact: ModelArtifact, graph: str
) -> tuple[Symbol, dict[str, np.ndarray]]:
    """The graph that computes a model's predictions, and its parameters.

    Parameters
    ----------
    artifact : ModelArtifact
    graph : {"sparse", "dense"}
        Of Factorization Machines.

    Returns
    -------
    symbol : Symbol
        Inputs are ``data`` and a label variable that predictions do not need:
        ``softmax_label`` (Linear Learner) or ``out_label``.
    params : dict of str to float32 ndarray
    """
    if artifact.algorithm == LINEAR:
        return _linear_graph(artifact)
    return _factor_graph(artifact, graph == "sparse")


def _linear_graph(artifact: ModelArtifact) -> tuple[Symbol, dict[str, np.ndarray]]:
    machines = artifact.machines.narrow()
    graph = Graph()
    inputs = [graph.variable(name) for name in ("data", "fc0_weight", "fc0_bias")]
    scores = graph.op(
        "FullyConnected", "fc0", *inputs, num_hidden=len(machines.intercept)
    )
    label = graph.variable("softmax_label")
    assert artifact.link is not None
    head = graph.op(_OPS[artifact.link], "softmax", scores, label)
    params = {"fc0_weight": machines.coef, "fc0_bias": machines.intercept}
    return graph.symbol(head), params


def _factor_graph(
    artifact: ModelArtifact, sparse: bool
) -> tuple[Symbol, dict[str, np.ndarray]]:
    machines = artifact.machines.narrow()
    assert machines.factors is not None
    assert artifact.link is not None
    m, n, k = machines.factors.shape
    tables = _FACTORS if artifact.is_sagemakers else _MACHINES
    names = tables["sparse" if sparse else "dense"]
    flat = machines.factors.transpose(1, 0, 2).reshape(n, m * k)
    if sparse:
        params = {
            names["intercept"]: machines.intercept[None, :],
            names["coef"]: machines.coef.T,
            names["factors"]: flat,
        }
    else:
        params = {
            names["intercept"]: machines.intercept,
            names["coef"]: machines.coef,
            names["factors"]: flat.T,
        }
    params = {name: np.ascontiguousarray(array) for name, array in params.items()}
    graph = Graph()
    # Storage type 2 is csr. Shapes, because not every operation passes them back.
    data = graph.variable("data", **({"__storage_type__": 2} if sparse else {}))
    b, w, v = (graph.variable(x, __shape__=params[x].shape) for x in names.values())
    squares = graph.op("square", "data_squared", data)
    v_squares = graph.op("square", "v_squared", v)
    if sparse:
        linear = graph.op("dot", "linear", data, w)
        linear = graph.op("broadcast_add", "linear_plus_bias", linear, b)
        sums = graph.op("dot", "factor_sums", data, v)
        selves = graph.op("dot", "factor_squares", squares, v_squares)
    else:
        dense = {"no_bias": True, "flatten": True, "num_hidden": m * k}
        linear = graph.op(
            "FullyConnected", "Linear_Plus_Bias", data, w, b, num_hidden=m
        )
        sums = graph.op("FullyConnected", "factor_sums", data, v, **dense)
        selves = graph.op(
            "FullyConnected", "factor_squares", squares, v_squares, **dense
        )
    sums = graph.op("square", "factor_sums_squared", sums)
    pairs = graph.op("elemwise_sub", "pairs_by_factor", sums, selves)
    pairs = _sums(graph, "pairs", "sum", pairs, (m, k), axis=2)
    pairs = graph.op("_mul_scalar", "half_pairs", pairs, scalar=0.5)
    scores = graph.op("elemwise_add", "scores", linear, pairs)
    answer = _answer(graph, artifact, scores)
    label = graph.variable("out_label")
    return graph.symbol(graph.op(_OPS[artifact.link], "out", answer, label)), params


def _sums(graph, name, op, values, shape: tuple[int, int], axis: int) -> int:
    """Sum or mean over an axis of rows that are matrices of some shape."""
    shaped = graph.op("Reshape", f"{name}_shaped", values, shape=(0, *shape))
    return graph.op(op, name, shaped, axis=axis)


def _answer(graph: Graph, artifact: ModelArtifact, scores: int) -> int:
    """From scores of all machines to what the output operation takes."""
    outputs, probit = artifact.n_outputs, artifact.link == "probit"
    if probit:
        # In float64: the normal distribution's tail is one minus nearly one.
        wide = graph.op("Cast", "wide_scores", scores, dtype="float64")
        scaled = graph.op(
            "_mul_scalar", "scaled_scores", wide, scalar=repr(1 / math.sqrt(2))
        )
        error = graph.op("erf", "erf", scaled)
        # Far below zero that is 0 for every class, which has no sum to divide by.
        above = graph.op("_plus_scalar", "erf_plus_one", error, scalar=repr(1 + 1e-15))
        scores = graph.op("_mul_scalar", "normal", above, scalar=0.5)
    if artifact.n_draws is not None:
        shape = (artifact.n_draws, outputs)
        scores = _sums(graph, "mean_of_draws", "mean", scores, shape, axis=1)
    if probit and outputs > 1:
        total = graph.op("sum", "total", scores, axis=1, keepdims=True)
        scores = graph.op("broadcast_div", "shares", scores, total)
    if probit:
        scores = graph.op("Cast", "answer", scores, dtype="float32")
    return scores


def read_params(
    arrays: Mapping[str, Array], *, max_bytes: int, what: str
) -> tuple[str, bool, Machines]:
    """Machines from the parameters of any of the graphs.

    Parameters
    ----------
    arrays : dict of str to Array
        With MXNet's ``arg:`` before the names, or without.
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
        If parameters are missing or not of these models, their shapes disagree, or
        there are NaNs or infinities.
    """
    params = {name.removeprefix("arg:"): array for name, array in arrays.items()}
    if "fc0_weight" in params:
        names = _LINEAR
        coef = _matrix(params, names["coef"], what, max_bytes)
        if "fc0_bias" in params:
            intercept = _vector(params, names["intercept"], len(coef), what)
        else:  # trained with use_bias=False
            intercept = np.zeros(len(coef))
        _check_rest(params, names, what)
        return LINEAR, True, Machines(intercept, coef, None)
    for tables in (_FACTORS, _MACHINES):
        for graph, names in tables.items():
            if names["coef"] in params:
                _check_rest(params, names, what)
                machines = _machines(params, names, graph == "sparse", what, max_bytes)
                if tables is _FACTORS and len(machines.intercept) != 1:
                    raise ArtifactError(
                        f"{what}: {names['coef']} has {len(machines.intercept)} "
                        "outputs; SageMaker's Factorization Machines has one."
                    )
                return FM, tables is _FACTORS, machines
    raise ArtifactError(
        f"{what}: has the parameters {listed(list(params)) or 'none'}, which are not "
        "those of Linear Learner (fc0_weight) or Factorization Machines (w1_weight or "
        "Linear_Plus_Bias_weight, and v)."
    )


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


def _check_rest(params, names: Mapping[str, str], what: str) -> None:
    unknown = [name for name in params if name not in names.values()]
    if unknown:
        raise ArtifactError(
            f"{what}: has the parameters {listed(unknown)} beside those of the model; "
            "it is another model than this package has."
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
    """A vector of some size, which may have axes of length one besides."""
    array = _floats(params, name, what)
    assert array is not None
    if math.prod(array.shape) != size or max(array.shape, default=1) != size:
        raise ArtifactError(
            f"{what}: {name} has shape {tuple(array.shape)}, but the model has {size} "
            "outputs."
        )
    whole = array.toarray() if isinstance(array, (RowSparse, Csr)) else array
    return whole.astype(np.float64).reshape(-1)
