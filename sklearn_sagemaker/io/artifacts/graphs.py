"""The graphs and parameters of model artifacts: their names, and how they are made.

SageMaker's own: Linear Learner is ``fc0_weight`` of shape (n_features, n_outputs) and
``fc0_bias`` of shape (1, n_outputs), under ``dot`` and ``broadcast_add``, for weighted
classes also ``class_weights`` of shape (n_outputs,); under ``FullyConnected``, which
earlier versions of this package wrote, they are (n_outputs, n_features) and
(n_outputs,). Factorization Machines has two graphs, by the kind of rows it met:

=======  ===========================  ===============================  ===========
graph    intercept                    coefficients                     factors
=======  ===========================  ===============================  ===========
sparse   ``w0_weight`` (1,)           ``w1_weight`` (n, 1)             ``v`` (n, k)
dense    ``Linear_Plus_Bias_bias``    ``Linear_Plus_Bias_weight``      ``v`` (k, n)
=======  ===========================  ===============================  ===========

Models that SageMaker does not have (several classes, draws, probit) are written as m
machines side by side, under names of their own (``machines_w0``, ...), so that a reader
who knows SageMaker's names stops instead of taking one machine for the model.
"""

from __future__ import annotations

import math

import numpy as np

from sklearn_sagemaker.io.artifacts.artifact import LINEAR, ModelArtifact
from sklearn_sagemaker.io.mxnet_symbol import Graph, Symbol

LINEAR_NAMES = {"coef": "fc0_weight", "intercept": "fc0_bias"}
CLASS_WEIGHTS = "class_weights"
FACTORS = {
    "sparse": {"intercept": "w0_weight", "coef": "w1_weight", "factors": "v"},
    "dense": {
        "intercept": "Linear_Plus_Bias_bias",
        "coef": "Linear_Plus_Bias_weight",
        "factors": "v",
    },
}
MACHINES = {
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

_OPS = {
    "logit": "LogisticRegressionOutput",
    "score": "SVMOutput",
    "softmax": "SoftmaxOutput",
    "identity": "LinearRegressionOutput",
    "probit": "LinearRegressionOutput",
}


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
        Inputs are ``data`` and a label variable that predictions do not need,
        ``out_label``.
    params : dict of str to float32 ndarray
    """
    if artifact.algorithm == LINEAR:
        return _linear_graph(artifact)
    return _factor_graph(artifact, graph == "sparse")


def _linear_graph(artifact: ModelArtifact) -> tuple[Symbol, dict[str, np.ndarray]]:
    machines = artifact.machines.narrow()
    weight, bias = LINEAR_NAMES["coef"], LINEAR_NAMES["intercept"]
    params = {
        weight: np.ascontiguousarray(machines.coef.T),
        bias: machines.intercept[None, :],
    }
    rate = artifact.training.get("resolved", {}).get("bias_lr_mult")
    graph = Graph()
    inputs = [
        graph.variable("data"),
        graph.variable(weight, __shape__=params[weight].shape),
    ]
    scores = graph.op("dot", "dot0", *inputs)
    shift = graph.variable(
        bias,
        __lr_mult__=float(rate) if isinstance(rate, (int, float)) else 10.0,
        __shape__=params[bias].shape,
    )
    scores = graph.op("broadcast_add", "broadcast_plus0", scores, shift)
    assert artifact.link is not None
    op = _OPS[artifact.link]
    label = graph.variable("out_label")
    return graph.symbol(graph.op(op, f"{op.lower()}0", scores, label)), params


def _factor_graph(
    artifact: ModelArtifact, sparse: bool
) -> tuple[Symbol, dict[str, np.ndarray]]:
    machines = artifact.machines.narrow()
    assert machines.factors is not None
    assert artifact.link is not None
    m, n, k = machines.factors.shape
    tables = FACTORS if artifact.is_sagemakers else MACHINES
    names = tables["sparse" if sparse else "dense"]
    flat = machines.factors.transpose(1, 0, 2).reshape(n, m * k)
    intercept = machines.intercept
    if sparse and tables is MACHINES:
        intercept = intercept[None, :]
    params = {
        names["coef"]: machines.coef.T if sparse else machines.coef,
        names["intercept"]: intercept,
        names["factors"]: flat if sparse else flat.T,
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
