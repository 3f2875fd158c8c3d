"""What a graph says of its model: what it predicts, and how its weights lie.

Both are told by operations, never by shapes: a square matrix looks the same either way.
Each node is looked at once, however often it is shared.
"""

from __future__ import annotations

from sklearn_sagemaker._hyperparameters import BINARY, MULTICLASS, REGRESSOR
from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.messages import listed
from sklearn_sagemaker.io.mxnet_symbol import Node, Symbol

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
_SHIFTS = {"broadcast_sub", "broadcast_minus", "_plus_scalar", "_minus_scalar"}
_SUMS = {"broadcast_add", "broadcast_plus", "elemwise_add", "_plus", "_Plus"}
_SCORES, _POWERS, _TOTAL = "scores", "powers", "total"
"""Steps of a softmax that is made by hand."""

_LAST_AXIS = ("1", "-1", "(1,)", "(-1,)")
_TINY = 1e-6
"""A probability that may be clipped from below."""
_NOTHING = 1e-20
"""A factor of what may be added to a probability: float32 does not see it."""


def output_of(symbol: Symbol) -> tuple[str, str] | None:
    """Predictor type and link by the output operation; None if that does not tell.

    Besides MXNet's output operations it knows the softmax that SageMaker makes by hand
    for weighted classes: the exponentials of scores, shifted, over their sum, clipped,
    plus 1e-30 of the loss.
    """
    found: list[tuple[str, str] | str | None] = []
    for node in symbol.nodes:
        found.append(_meaning(node, symbol, found))
    told = {found[head] for head in symbol.heads if isinstance(found[head], tuple)}
    only = told.pop() if len(told) == 1 else None
    return only if isinstance(only, tuple) else None


def is_features_first(symbol: Symbol, name: str) -> bool:
    """Whether a weight is (features, outputs) and not (outputs, features).

    Parameters
    ----------
    symbol : Symbol
    name : str
        Of the variable.

    Raises
    ------
    ArtifactError
        If no operation multiplies rows by it, or one that does so in another way than
        ``dot`` and ``FullyConnected``, or two disagree.
    """
    found, others = set(), set()
    for node in symbol.nodes:
        for place, number in enumerate(node.inputs):
            read = symbol.nodes[number]
            if read.op != "null" or read.name != name:
                continue
            turned = [_is_true(node, f"transpose_{side}") for side in "ab"]
            if place == 1 and node.op == "dot" and not turned[0]:
                found.add(not turned[1])
            elif place == 1 and node.op == "FullyConnected":
                found.add(False)
            else:
                others.add(node.op)
    if others or len(found) != 1:
        seen = listed(sorted(others)) or ("both" if found else "no operation")
        raise ArtifactError(
            f"The graph must multiply rows by {name} in one way, by 'dot' or by "
            f"'FullyConnected', but {seen} reads it; it is no graph of Linear Learner."
        )
    return found.pop()


def _meaning(
    node: Node, symbol: Symbol, found: list[tuple[str, str] | str | None]
) -> tuple[str, str] | str | None:
    """Of a node's result, by what is known of those that it reads."""
    op = node.attrs.get("act_type", "") if node.op == "Activation" else node.op
    if op in _OUTPUTS:
        return _OUTPUTS[op]
    if not node.inputs:
        return None
    first = found[node.inputs[0]]
    second = node.inputs[1] if len(node.inputs) > 1 else None
    if op in _TRANSPARENT:
        return first
    if op in ("dot", "FullyConnected"):
        return _SCORES
    if first == _SCORES and (op in _SHIFTS or op in _SUMS):
        return _SCORES
    if first == _SCORES and op == "exp":
        return _POWERS
    if first == _POWERS and op == "sum" and node.attrs.get("axis") in _LAST_AXIS:
        return _TOTAL
    if first == _POWERS and op == "broadcast_div" and second is not None:
        return (MULTICLASS, "softmax") if found[second] == _TOTAL else None
    if op == "clip" and isinstance(first, tuple) and first[1] in ("logit", "softmax"):
        low, high = _number(node, "a_min", 1.0), _number(node, "a_max", 0.0)
        return first if low <= _TINY and high >= 1 else None
    if op in _SUMS and isinstance(first, tuple) and second is not None:
        added = symbol.nodes[second]
        scale = _number(added, "scalar", 1.0) if added.op == "_mul_scalar" else 1.0
        return first if abs(scale) <= _NOTHING else None
    return None


def _number(node: Node, key: str, default: float) -> float:
    try:
        return float(node.attrs.get(key, default))
    except ValueError:
        return default


def _is_true(node: Node, key: str) -> bool:
    return node.attrs.get(key, "").lower() in ("true", "1")
