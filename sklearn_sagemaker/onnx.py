"""Export to ONNX: importing this module teaches skl2onnx all four estimators.

`skl2onnx.to_onnx` and `skl2onnx.convert_sklearn` then take them, alone or in a
Pipeline. Needs the extra ``onnx`` (``pip install 'sklearn_sagemaker[onnx]'``).

Notes
-----
Inputs are dense. float32 input is computed in float32, as are integers and booleans;
float64 input (``to_onnx(model, X[:1].astype("float64"))``) in float64. The estimators
themselves compute in float64 whatever X is. So predictions in float32 agree to about
six digits of the largest term of a sum, and labels except where a row lies that close
to the threshold. Features whose mean is many times their deviation lose as many
digits, in a StandardScaler too: from 1e4 times on, export for float64. Unlike
`predict`, a graph does not check its input: NaN gives NaN.

Outputs are those of scikit-learn's own estimators:

- Regressors have ``variable`` of shape (n, 1).
- Classifiers have ``label``, by ``threshold_`` or the most probable class, and
  ``probabilities``, to which the threshold means nothing. Labels are int64 (also those
  that are booleans or whole floats) or strings. skl2onnx names the outputs
  ``output_label`` and ``output_probability``, a list of dicts, unless
  ``options={"zipmap": False}``.
- With "hinge_loss", which has no probabilities, and with ``options={"raw_scores":
  True}``, the second output is `decision_function`; for two classes its negative and
  itself, as skl2onnx does for SGDClassifier. A hinge score's middle is 0.5, not 0.

Other options of skl2onnx's classifiers, ``nocl`` and ``output_class_labels``, hold too.

``solver="mcmc"`` predicts by the mean over all draws that are kept. A graph would have
to hold every one of them, so that it is refused with `OnnxExportError`, unless
``options={"draws": True}`` asks for just that: the mean, exactly.

Examples
--------
>>> import numpy as np
>>> import onnxruntime
>>> import skl2onnx
>>> from sklearn.datasets import load_iris
>>> import sklearn_sagemaker.onnx
>>> from sklearn_sagemaker import LinearLearnerClassifier
>>> X, y = load_iris(return_X_y=True)
>>> X = X.astype(np.float32)
>>> model = LinearLearnerClassifier(epochs=20, random_state=0).fit(X, y)
>>> graph = skl2onnx.to_onnx(model, X[:1], options={"zipmap": False})
>>> session = onnxruntime.InferenceSession(
...     graph.SerializeToString(), providers=["CPUExecutionProvider"]
... )
>>> label, probabilities = session.run(None, {"X": X})
>>> bool((label == model.predict(X)).all())
True
>>> np.abs(probabilities - model.predict_proba(X)).max() < 1e-5
np.True_
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from scipy.special import erfcx
from sklearn.utils.validation import check_is_fitted

from sklearn_sagemaker._kernels.prediction import TINY
from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.estimators import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.exceptions import OnnxExportError

__all__: list[str] = []

_PURPOSE = "exporting models to ONNX"
onnx = import_optional("onnx", "onnx", _PURPOSE)
skl2onnx = import_optional("skl2onnx", "onnx", _PURPOSE)
parsing = import_optional("skl2onnx._parse", "onnx", _PURPOSE)
types = import_optional("skl2onnx.common.data_types", "onnx", _PURPOSE)
label_classes = import_optional(
    "skl2onnx.common.utils_classifier", "onnx", _PURPOSE
).get_label_classes

OLDEST_OPSET = 13
"""Since when the axes of ReduceSum are an input."""
MOST_BYTES = 2**31 - 2**20
"""Of weights; a protobuf message holds less than 2 GiB."""
DEGREES = {np.dtype(np.float32): 12, np.dtype(np.float64): 24}
"""Of the polynomial in the normal distribution's tail, right to the last digits."""
CERTAIN = -np.log(np.finfo(np.float64).epsneg / 2)
"""Log-odds above which a probability is 1 in float64."""


# --------------------------------------------------------------- what is refused
def _check(scope, model, inputs) -> None:
    """Refuse what a graph cannot say, before there is any of it."""
    check_is_fitted(model, "coef_")
    name = type(model).__name__
    if len(inputs) != 1:
        raise OnnxExportError(
            f"{name} takes one input of {model.n_features_in_} columns, not "
            f"{len(inputs)} inputs; pass X as one array, or put a ColumnTransformer "
            "before it, which joins the columns of a data frame."
        )
    width = (inputs[0].type.shape or [None, None])[-1]
    if isinstance(width, int) and width != model.n_features_in_:
        raise OnnxExportError(
            f"The input has {width} columns, but {name} was fitted on "
            f"{model.n_features_in_}; pass rows like those of fit."
        )
    if isinstance(inputs[0].type, types.StringTensorType):
        raise OnnxExportError(
            f"{name} takes numbers, but the input is strings; encode them in a "
            "Pipeline, with OneHotEncoder for example."
        )
    if hasattr(model, "classes_"):
        _exported_labels(model.classes_)
    if _is_mean_of_draws(model):
        options = scope.get_options(model, {"draws": False}, fail=False)
        if not options["draws"]:
            factors = model.draws_["factors"]
            raise OnnxExportError(
                f"solver='mcmc' predicts by the mean over {len(factors)} draws, which "
                f"no ONNX model of one {name} holds; fit with solver='als', or pass "
                "options={'draws': True} to to_onnx (in a Pipeline options={id(model): "
                "{'draws': True}}) for a graph of all draws: about "
                f"{4 * factors.size / 1e6:.3g} MB, and as many times the work."
            )


def _is_mean_of_draws(model) -> bool:
    """Whether it keeps draws of "mcmc"; averaged variants are a few models."""
    solver = getattr(model, "resolved_params_", {}).get("solver")
    return solver == "mcmc" and hasattr(model, "draws_")


def _exported_labels(classes) -> np.ndarray:
    """Classes as int64 or strings.

    Raises
    ------
    OnnxExportError
        If they are neither, nor booleans or floats equal to int64.
    """
    values = np.asarray(classes).tolist()
    if all(isinstance(value, str) for value in values):
        return np.array(values, dtype=str)
    numbers = all(isinstance(value, int | float) for value in values)
    if numbers and all(value == int(value) for value in values):
        whole = [int(value) for value in values]
        if min(whole) >= -(2**63) and max(whole) < 2**63:
            return np.array(whole, dtype=np.int64)
    raise OnnxExportError(
        f"ONNX has labels that are int64 or strings, but classes_ begins with "
        f"{values[0]!r}; fit with y.astype(str), or with class numbers."
    )


# -------------------------------------------------------------------- the graph
class _Graph:
    """Adds nodes to skl2onnx's container, all in one floating-point type."""

    def __init__(self, scope, operator, container):
        self.scope, self.container = scope, container
        if container.target_opset < OLDEST_OPSET:
            raise OnnxExportError(
                f"target_opset={container.target_opset} is older than {OLDEST_OPSET}, "
                "which the export needs; leave target_opset out, or raise it."
            )
        kind = operator.inputs[0].type
        double = isinstance(kind, types.DoubleTensorType)
        self.dtype = np.dtype(np.float64 if double else np.float32)
        self.rows = operator.inputs[0].full_name
        if not isinstance(kind, types.DoubleTensorType | types.FloatTensorType):
            self.rows = self("Cast", self.rows, to=onnx.TensorProto.FLOAT)

    def __call__(self, kind: str, *inputs, output: str | None = None, **attributes):
        """Add a node, return its output's name; inputs that are no names are constants.

        Parameters
        ----------
        kind : str
        *inputs : str, array or number
        output : str or None
            Name for the result; None makes one.
        **attributes : of the node
        """
        output = output or self.scope.get_unique_variable_name(kind.lower())
        self.container.add_node(
            kind,
            [one if isinstance(one, str) else self._constant(one) for one in inputs],
            output,
            name=self.scope.get_unique_operator_name(kind),
            **attributes,
        )
        return output

    def _constant(self, value) -> str:
        name = self.scope.get_unique_variable_name("constant")
        value = np.asarray(value)
        if value.dtype.kind == "U":
            texts = [text.encode() for text in value.ravel().tolist()]
            self.container.add_initializer(
                name, onnx.TensorProto.STRING, value.shape, texts
            )
            return name
        if value.dtype.kind == "f":
            value = self.rounded(value)
        tensor = onnx.numpy_helper.from_array(np.ascontiguousarray(value), name)
        self.container.add_initializer(name, None, None, tensor)
        return name

    def rounded(self, value: np.ndarray) -> np.ndarray:
        """Numbers in the type of the graph."""
        with np.errstate(over="ignore"):
            found = value.astype(self.dtype)
        if np.isinf(found).any() and not np.isinf(value).any():
            raise OnnxExportError(
                f"A weight of {np.abs(value).max():.3g} is beyond float32; export for "
                "float64 rows: to_onnx(model, X[:1].astype('float64'))."
            )
        return found


def _scores(graph: _Graph, model) -> tuple[str, bool, int]:
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


def _linear(graph: _Graph, coef, intercept) -> str:
    products = graph("MatMul", graph.rows, np.atleast_2d(coef).T)
    return graph("Add", products, np.atleast_1d(intercept))


def _check_size(graph: _Graph, n_weights: int) -> None:
    size = n_weights * graph.dtype.itemsize
    if size > MOST_BYTES:
        raise OnnxExportError(
            f"The graph would hold {size / 2**30:.3g} GiB of weights, and an ONNX file "
            "holds less than 2; export fewer draws, or a model of fewer factors."
        )


def _log_probabilities(graph: _Graph, scores: str) -> tuple[str, str]:
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


def _margins(graph: _Graph, model) -> tuple[str, str]:
    """What `decision_function` returns, with a second axis, and what ranks classes."""
    scores, probit, n_machines = _scores(graph, model)
    if not probit:
        return scores, scores
    n_outputs = np.size(model.intercept_)
    below, above = _log_probabilities(graph, scores)
    if n_machines > 1:
        below = _log_mean(graph, below, n_machines, n_outputs)
        above = _log_mean(graph, above, n_machines, n_outputs)
    odds = graph("Sub", below, above)
    if n_outputs == 1:
        return odds, odds
    # Near certainty a logarithm in float32 has no digits. Of one machine the scores
    # rank as well; of several the odds, up to where float64 makes `predict` see ties.
    return below, scores if n_machines == 1 else graph("Min", odds, CERTAIN)


def _log_mean(graph: _Graph, logs: str, n_machines: int, n_outputs: int) -> str:
    """Logarithm of the mean over machines, no less than `DrawMean` takes it."""
    shaped = graph("Reshape", logs, np.array([-1, n_machines, n_outputs]))
    # Since opset 18 the axes are an input.
    old = graph.container.target_opset < 18
    if old:
        total = graph("ReduceLogSumExp", shaped, axes=[1], keepdims=0)
    else:
        total = graph("ReduceLogSumExp", shaped, np.array([1]), keepdims=0)
    return graph("Max", graph("Sub", total, np.log(n_machines)), np.log(TINY))


# --------------------------------------------------------- what skl2onnx calls
def _parse_classifier(scope, model, inputs, custom_parsers=None):
    _check(scope, model, inputs)
    return parsing._parse_sklearn_classifier(scope, model, inputs, custom_parsers)


def _parse_regressor(scope, model, inputs, custom_parsers=None):
    _check(scope, model, inputs)
    return parsing._parse_sklearn_simple_model(scope, model, inputs, custom_parsers)


def _float_type(operator, shape):
    double = isinstance(operator.inputs[0].type, types.DoubleTensorType)
    return (types.DoubleTensorType if double else types.FloatTensorType)(shape)


def _shape_classifier(operator) -> None:
    model, n = operator.raw_operator, operator.inputs[0].get_first_dimension()
    # Ensembles of scikit-learn do not call the parser.
    _check(operator.scope_inst, model, operator.inputs)
    labels = _exported_labels(label_classes(operator.scope_inst, model))
    texts = labels.dtype.kind == "U"
    kind = types.StringTensorType if texts else types.Int64TensorType
    operator.outputs[0].type = kind([n])
    operator.outputs[1].type = _float_type(operator, [n, len(labels)])


def _shape_regressor(operator) -> None:
    _check(operator.scope_inst, operator.raw_operator, operator.inputs)
    n = operator.inputs[0].get_first_dimension()
    operator.outputs[0].type = _float_type(operator, [n, 1])


def _convert_classifier(scope, operator, container) -> None:
    model, graph = operator.raw_operator, _Graph(scope, operator, container)
    label, second = (output.full_name for output in operator.outputs)
    labels = _exported_labels(label_classes(scope, model))
    raw = container.get_options(model, {"raw_scores": False})["raw_scores"]
    raw = raw or not hasattr(model, "predict_proba")
    margins, ranked = _margins(graph, model)
    if np.size(model.intercept_) == 1:
        above = graph("Greater", margins, model._cut())
        above = graph("Cast", above, to=onnx.TensorProto.INT64)
        place = graph("Reshape", above, np.array([-1]))
        both = graph("Concat", graph("Neg", margins), margins, axis=1)
        graph("Identity" if raw else "Sigmoid", both, output=second)
    else:
        place = graph("ArgMax", ranked, axis=1, keepdims=0)
        if raw:
            graph("Identity", margins, output=second)
        else:
            graph("Softmax", margins, axis=1, output=second)
    graph("Gather", labels, place, output=label)


def _convert_regressor(scope, operator, container) -> None:
    graph = _Graph(scope, operator, container)
    scores, _, _ = _scores(graph, operator.raw_operator)
    graph("Identity", scores, output=operator.outputs[0].full_name)


_SWITCH = [True, False]
_CLASSIFIER_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": _SWITCH,
    "output_class_labels": _SWITCH,
    "raw_scores": _SWITCH,
}
_CLASSIFIER = (_shape_classifier, _convert_classifier, True, _parse_classifier)
_REGRESSOR = (_shape_regressor, _convert_regressor, True, _parse_regressor)
_DRAWS = {"draws": _SWITCH}

for _class, _functions, _options in (
    (LinearLearnerClassifier, _CLASSIFIER, _CLASSIFIER_OPTIONS),
    (LinearLearnerRegressor, _REGRESSOR, {}),
    (FactorizationMachinesClassifier, _CLASSIFIER, _CLASSIFIER_OPTIONS | _DRAWS),
    (FactorizationMachinesRegressor, _REGRESSOR, _DRAWS),
):
    skl2onnx.update_registered_converter(
        _class, f"SageMaker{_class.__name__}", *_functions, options=_options
    )
