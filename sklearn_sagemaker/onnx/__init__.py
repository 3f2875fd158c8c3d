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
`predict`, a graph does not check its input: NaN gives NaN. A score at the threshold is
positive there too; in float32 that is a score that rounds to what the threshold rounds
to.

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
skl2onnx 1.20 leaves out the threshold of a TunedThresholdClassifierCV, whatever is in
it; a threshold of ours is exported.

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
>>> bool(np.abs(probabilities - model.predict_proba(X)).max() < 1e-5)
True
"""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_sagemaker._kernels.decision import least_positive
from sklearn_sagemaker._kernels.prediction import mean_margins
from sklearn_sagemaker._optional import import_optional
from sklearn_sagemaker.estimators import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.exceptions import OnnxExportError
from sklearn_sagemaker.onnx._graph import PURPOSE, Graph, onnx, skl2onnx, types
from sklearn_sagemaker.onnx._scores import margins_of, scores_of

__all__: list[str] = []

parsing = import_optional("skl2onnx._parse", "onnx", PURPOSE)
label_classes = import_optional(
    "skl2onnx.common.utils_classifier", "onnx", PURPOSE
).get_label_classes


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
            n_draws, size = _draws_of(model)
            raise OnnxExportError(
                f"solver='mcmc' predicts by the mean over {n_draws} draws, which "
                f"no ONNX model of one {name} holds; fit with solver='als', or pass "
                "options={'draws': True} to to_onnx (in a Pipeline options={id(model): "
                "{'draws': True}}) for a graph of all draws: about "
                f"{4 * size / 1e6:.3g} MB, and as many times the work."
            )


def _is_mean_of_draws(model) -> bool:
    """Whether it keeps draws of "mcmc"; averaged candidates are a few models."""
    solver = getattr(model, "resolved_params_", {}).get("solver")
    return solver == "mcmc" and hasattr(model, "draws_")


def _draws_of(model) -> tuple[int, int]:
    """How many draws it keeps, and how many factors these have."""
    factors = vars(model)["draws_"]["factors"]
    return len(factors), factors[..., 0, :].size * model.n_features_in_


def _exported_labels(classes) -> np.ndarray:
    """Classes as int64 or strings.

    Raises
    ------
    OnnxExportError
        If they are neither, nor booleans or floats equal to int64.
    """
    values = np.asarray(classes).tolist()
    if all(isinstance(value, str) for value in values):
        if any(value.endswith("\0") for value in values):
            raise OnnxExportError(
                "classes_ holds text that ends in a zero character, which NumPy's "
                "arrays drop; fit with labels without it."
            )
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


def _probit_odds(score: float) -> float:
    """Log-odds of the score of a probit."""
    return float(mean_margins(np.full((1, 1, 1), score), probit=True)[0, 0])


def _convert_classifier(scope, operator, container) -> None:
    model, graph = operator.raw_operator, Graph(scope, operator, container)
    label, second = (output.full_name for output in operator.outputs)
    labels = _exported_labels(label_classes(scope, model))
    raw = container.get_options(model, {"raw_scores": False})["raw_scores"]
    raw = raw or not hasattr(model, "predict_proba")
    margins, ranked = margins_of(graph, model)
    if np.size(model.intercept_) == 1:
        cut = model._cut()
        if ranked != margins:
            cut = least_positive(model.threshold_, "logit", _probit_odds)
        called = graph("GreaterOrEqual", ranked, cut)
        called = graph("Cast", called, to=onnx.TensorProto.INT64)
        place = graph("Reshape", called, np.array([-1]))
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
    graph = Graph(scope, operator, container)
    scores, _, _ = scores_of(graph, operator.raw_operator)
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
