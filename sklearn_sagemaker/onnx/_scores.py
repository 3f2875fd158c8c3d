"""Scores and margins of the estimators, as nodes of a graph."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from scipy.special import erfcx

from sklearn_sagemaker._kernels.prediction import TINY
from sklearn_sagemaker.exceptions import OnnxExportError
from sklearn_sagemaker.onnx._graph import Graph

MOST_BYTES = 2**31 - 2**20
"""Of weights; a protobuf message holds less than 2 GiB."""
DEGREES = {np.dtype(np.float32): 12, np.dtype(np.float64): 24}
"""Of the polynomial in the normal distribution's tail, right to the last digits."""
CERTAIN = -np.log(np.finfo(np.float64).epsneg / 2)
"""Log-odds above which a probability is 1 in float64."""


def scores_of(graph: Graph, model) -> tuple[str, bool, int]:
    """What the model, or each of the machines that it averages, says of rows.

    Returns
    -------
    scores : str
        Name of a result of shape (n, machines * outputs).
    probit : bool
        Whether the normal distribution makes probabilities of them.
    machines : int
    """
    if not hasattr(model, "factors_"):
        _check_size(graph, model.coef_.size)
        return _linear(graph, model.coef_, model.intercept_), False, 1
    intercept, coef, factors = model._machines()
    n_machines, d, k = factors.shape
    probit = model._probit()
    if not probit and hasattr(model, "draws_"):
        # The mean of such machines is one machine of all their factors.
        factors = factors.transpose(1, 0, 2).reshape(1, d, -1) / np.sqrt(n_machines)
        intercept, coef = intercept.mean(keepdims=True), coef.mean(0, keepdims=True)
        n_machines, d, k = factors.shape
    _check_size(graph, factors.size + 2 * coef.size)
    # Squares of the rounded factors, so that a feature's pair with itself cancels.
    factors = graph.rounded(factors)
    flat = factors.transpose(1, 0, 2).reshape(d, n_machines * k)
    own = (factors.astype(np.float64) ** 2).sum(axis=2).T
    sums = graph("MatMul", graph.rows, flat)
    shaped = graph("Reshape", graph("Mul", sums, sums), np.array([-1, n_machines, k]))
    total = graph("ReduceSum", shaped, np.array([2]), keepdims=0)
    alone = graph("MatMul", graph("Mul", graph.rows, graph.rows), own)
    pairs = graph("Mul", graph("Sub", total, alone), 0.5)
    scores = graph("Add", _linear(graph, coef, intercept), pairs)
    return scores, probit, n_machines // np.size(model.intercept_)


def _linear(graph: Graph, coef, intercept) -> str:
    products = graph("MatMul", graph.rows, np.atleast_2d(coef).T)
    return graph("Add", products, np.atleast_1d(intercept))


def _check_size(graph: Graph, n_weights: int) -> None:
    size = n_weights * graph.dtype.itemsize
    if size > MOST_BYTES:
        raise OnnxExportError(
            f"The graph would hold {size / 2**30:.3g} GiB of weights, and an ONNX file "
            "holds less than 2; export fewer draws, or a model of fewer factors."
        )


def _log_probabilities(graph: Graph, scores: str) -> tuple[str, str]:
    """Logarithms of the normal distribution at scores, and at minus scores.

    ONNX has erf, whose tails have lost their digits. So ``erfc(z) = exp(-z**2) t h(t)``
    with ``t = 1 / (1 + z / 2)``, where h is smooth, and a polynomial here.
    """
    degree = DEGREES[graph.dtype]
    polynomial = Chebyshev.interpolate(_smooth, degree).convert(kind=Polynomial)
    z = graph("Mul", graph("Abs", scores), np.sqrt(0.5))
    t = graph("Reciprocal", graph("Add", graph("Mul", z, 0.5), 1.0))
    u = graph("Sub", graph("Mul", t, 2.0), 1.0)
    *rest, value = polynomial.coef
    found: Any = graph("Mul", u, value)
    for coefficient in rest[:0:-1]:
        found = graph("Mul", graph("Add", found, coefficient), u)
    found = graph("Add", found, rest[0])
    scale = graph("Log", graph("Mul", graph("Mul", t, found), 0.5))
    tail = graph("Sub", scale, graph("Mul", z, z))
    body = graph("Log", graph("Sub", 1.0, graph("Exp", tail)))
    negative = graph("Less", scores, 0.0)
    return (
        graph("Where", negative, tail, body),
        graph("Where", negative, body, tail),
    )


def _smooth(u: np.ndarray) -> np.ndarray:
    """``h(t)`` of `_log_probabilities` at ``t = (u + 1) / 2``."""
    t = (u + 1.0) / 2.0
    return erfcx(2.0 / t - 2.0) / t


def margins_of(graph: Graph, model) -> tuple[str, str]:
    """What `decision_function` returns, with a second axis, and what ranks as it does.

    The second are the scores of a probit, if it is one and not a mean of several.
    """
    scores, probit, n_machines = scores_of(graph, model)
    if not probit:
        return scores, scores
    n_outputs = np.size(model.intercept_)
    below, above = _log_probabilities(graph, scores)
    if n_machines > 1:
        below = _log_mean(graph, below, n_machines, n_outputs)
        above = _log_mean(graph, above, n_machines, n_outputs)
    odds = graph("Sub", below, above)
    if n_machines == 1:
        return odds if n_outputs == 1 else below, scores
    if n_outputs == 1:
        return odds, odds
    # Near certainty a logarithm in float32 has no digits, but odds have them; up to
    # where float64 lets `predict` see ties.
    return below, graph("Min", odds, CERTAIN)


def _log_mean(graph: Graph, logs: str, n_machines: int, n_outputs: int) -> str:
    """Logarithm of the mean over machines, no less than `DrawMean` takes it."""
    shaped = graph("Reshape", logs, np.array([-1, n_machines, n_outputs]))
    # Since opset 18 the axes are an input.
    old = graph.container.target_opset < 18
    if old:
        total = graph("ReduceLogSumExp", shaped, axes=[1], keepdims=0)
    else:
        total = graph("ReduceLogSumExp", shaped, np.array([1]), keepdims=0)
    return graph("Max", graph("Sub", total, np.log(n_machines)), np.log(TINY))
