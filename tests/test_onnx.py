"""Graphs of all four estimators, run by onnxruntime, against the estimators."""

import subprocess
import sys
from functools import cache

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import skl2onnx
from scipy.special import log_ndtr
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import sklearn_sagemaker.onnx
from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.exceptions import OnnxExportError

LINEAR, MACHINES = LinearLearnerClassifier, FactorizationMachinesClassifier
REGRESSORS = LinearLearnerRegressor, FactorizationMachinesRegressor
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 5)).astype(np.float32)
NUMBERS = 1 + X[:, 0] + X[:, 1] * X[:, 2] + 0.3 * RNG.normal(size=300)
BINARY = np.where(NUMBERS > 1.5, "süß", "sauer")
SEVERAL = np.digitize(NUMBERS, [0, 1, 2]) - 1
NEW = np.random.default_rng(1).normal(size=(500, 5)).astype(np.float32)
SMALL = {"epochs": 10, "random_state": 0}
MACHINE = {**SMALL, "num_factors": 3}
RECALL = {"binary_classifier_model_selection_criteria": "precision_at_target_recall"}

CASES = {
    "linear": (LinearLearnerRegressor, SMALL, NUMBERS),
    "linear-quantile": (
        LinearLearnerRegressor,
        {**SMALL, "loss": "quantile_loss", "quantile": 0.9},
        NUMBERS,
    ),
    "linear-binary": (LINEAR, SMALL, BINARY),
    "linear-threshold": (LINEAR, {**SMALL, **RECALL}, BINARY),
    "linear-hinge": (LINEAR, {**SMALL, "loss": "hinge_loss"}, BINARY),
    "linear-hinge-threshold": (
        LINEAR,
        {**SMALL, "loss": "hinge_loss", **RECALL},
        BINARY,
    ),
    "linear-multiclass": (LINEAR, SMALL, SEVERAL),
    "gradient-threshold": (MACHINES, {**MACHINE, **RECALL}, BINARY),
    "als-threshold": (MACHINES, {**MACHINE, "solver": "als", **RECALL}, BINARY),
    "als-ensemble": (
        FactorizationMachinesRegressor,
        {**MACHINE, "solver": "als", "num_models": 3, "ensemble_size": 2},
        NUMBERS,
    ),
    "als-ensemble-binary": (
        MACHINES,
        {**MACHINE, "solver": "als", "num_models": 3, "ensemble_size": 2},
        BINARY,
    ),
    "als-ensemble-multiclass": (
        MACHINES,
        {**MACHINE, "solver": "als", "num_models": 3, "ensemble_size": 2},
        SEVERAL,
    ),
}
for _solver in ("gradient", "als", "mcmc"):
    _settings = {**MACHINE, "solver": _solver}
    CASES[_solver] = (FactorizationMachinesRegressor, _settings, NUMBERS)
    CASES[f"{_solver}-binary"] = (MACHINES, _settings, BINARY)
    CASES[f"{_solver}-multiclass"] = (MACHINES, _settings, SEVERAL)
CLASSIFIERS = [name for name, case in CASES.items() if case[0] not in REGRESSORS]
# Rounding of float32 in a sum of some terms, and of float64.
TOLERANCE = {"float32": 2e-5, "float64": 1e-11}


@cache
def fitted(case):
    cls, settings, y = CASES[case]
    return cls(**settings).fit(X, y)


def exported(model, rows=X, *, draws=True, target_opset=None, **options):
    """A graph that was checked."""
    last = model[-1] if hasattr(model, "steps") else model
    if hasattr(last, "classes_"):
        options.setdefault("zipmap", False)
    if hasattr(last, "draws_") and last.solver == "mcmc" and draws:
        options["draws"] = True
    graph = skl2onnx.to_onnx(
        model,
        rows[:1],
        options={id(last): options} if options else None,
        target_opset=target_opset,
    )
    onnx.checker.check_model(graph, full_check=True)
    return graph


def run(graph, rows):
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": rows}), strict=True))


def distance(model, rows):
    """How far rows are from another label, in the units of the margins."""
    margins = model.decision_function(rows)
    if margins.ndim == 1:
        return np.abs(margins - model._cut())
    ordered = np.sort(margins, axis=1)
    return ordered[:, -1] - ordered[:, -2]


def assert_near(found, wanted, dtype):
    assert found.dtype == dtype
    scale = max(1.0, np.abs(wanted).max())
    np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE[dtype] * scale)


# ------------------------------------------------------------------ predictions
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", [c for c in CASES if c not in CLASSIFIERS])
def test_regressors_predict_the_same(case, dtype):
    model, rows = fitted(case), NEW.astype(dtype)
    found = run(exported(model, rows), rows)
    assert list(found) == ["variable"]
    assert_near(found["variable"], model.predict(rows)[:, None], dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", CLASSIFIERS)
def test_classifiers_predict_the_same(case, dtype):
    model, rows = fitted(case), NEW.astype(dtype)
    found = run(exported(model, rows), rows)
    assert list(found) == ["label", "probabilities"]
    certain = distance(model, rows) > 100 * TOLERANCE[dtype]
    assert certain.mean() > 0.95
    wanted = model.predict(rows)
    np.testing.assert_array_equal(found["label"][certain], wanted[certain])
    # All classes are among them, so that a constant answer would not do.
    assert set(found["label"]) == set(wanted) == set(model.classes_)
    if "hinge" in case:
        margins = model.decision_function(rows)
        wanted = np.stack([-margins, margins], axis=1)
    else:
        wanted = model.predict_proba(rows)
    assert_near(found["probabilities"], wanted, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", CLASSIFIERS)
def test_raw_scores_are_the_decision_function(case, dtype):
    model, rows = fitted(case), NEW.astype(dtype)
    found = run(exported(model, rows, raw_scores=True), rows)
    margins = model.decision_function(rows)
    if margins.ndim == 1:
        margins = np.stack([-margins, margins], axis=1)
    assert_near(found["probabilities"], margins, dtype)
    plain = run(exported(model, rows), rows)
    np.testing.assert_array_equal(found["label"], plain["label"])


def test_thresholds_of_the_cases_are_calibrated():
    for case in CASES:
        if "threshold" in case:
            assert abs(fitted(case).threshold_ - 0.5) > 0.01


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", ["linear-binary", "linear-hinge", "als-binary"])
def test_a_score_at_the_threshold_is_positive_and_it_may_lie_at_either_end(case, dtype):
    model = clone(fitted(case)).fit(X, BINARY)
    model.coef_, model.intercept_ = np.eye(1, 5), np.zeros(1)
    if hasattr(model, "factors_"):
        model.factors_ = np.zeros_like(model.factors_)
    rows = np.zeros((5, 5), dtype)
    # On the cut, a last place beside it, and far away.
    tiny = np.finfo(dtype).tiny
    rows[:, 0] = [0.0, tiny, -tiny, 90.0, -90.0]
    ends = (-np.inf, np.inf) if "hinge" in case else (0.0, 1.0)
    for threshold, above in (
        # Probabilities do not tell the smallest numbers from zero, scores do.
        (0.0, [True, True, False, True, False])
        if "hinge" in case
        else (0.5, [True, True, True, True, False]),
        (ends[0], [True] * 5),
        # A probability of 1 is reached.
        (ends[1], [False, False, False, "hinge" not in case, False]),
    ):
        model.threshold_ = threshold
        labels = run(exported(model, rows), rows)["label"]
        assert labels.tolist() == model.predict(rows).tolist()
        assert (labels == model.classes_[1]).tolist() == above


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", ["linear-binary", "linear-hinge", "als-binary"])
def test_a_threshold_at_the_score_of_a_row_calls_it_positive(case, dtype):
    model = clone(fitted(case)).fit(X, BINARY)
    model.coef_, model.intercept_ = np.eye(1, 5), np.zeros(1)
    if hasattr(model, "factors_"):
        model.factors_ = np.zeros_like(model.factors_)
    rows = np.zeros((9, 5), dtype)
    rows[:, 0] = np.sort(np.random.default_rng(0).normal(0, 2, 9))
    scores = model.decision_function(rows)
    if "hinge" not in case:
        scores = model.predict_proba(rows)[:, 1]
    for place, score in enumerate(scores):
        model.threshold_ = float(score)
        wanted = model.classes_[(np.arange(9) >= place).astype(int)]
        np.testing.assert_array_equal(model.predict(rows), wanted)
        labels = run(exported(model, rows), rows)["label"]
        np.testing.assert_array_equal(labels, wanted)


def test_equal_classes_give_the_first():
    model = clone(fitted("linear-multiclass")).fit(X, SEVERAL)
    model.coef_ = np.zeros_like(model.coef_)
    model.intercept_ = np.array([-1.0, 2.0, 2.0, 0.0])
    found = run(exported(model), NEW)["label"]
    assert (found == model.classes_[1]).all()
    assert (model.predict(NEW) == model.classes_[1]).all()


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 2e-6), ("float64", 2e-14)])
def test_probits_keep_their_digits_in_the_tails(dtype, rtol):
    model = clone(fitted("als-binary")).fit(X, BINARY)
    model.coef_, model.intercept_ = np.eye(1, 5), np.zeros(1)
    model.factors_ = np.zeros_like(model.factors_)
    rows = np.zeros((2001, 5), dtype)
    rows[:, 0] = np.linspace(-30, 30, len(rows))
    z = rows[:, 0].astype(float)
    wanted = log_ndtr(z) - log_ndtr(-z)
    found = run(exported(model, rows, raw_scores=True), rows)["probabilities"][:, 1]
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=rtol)
    # Squares beyond float32 are certain.
    model.coef_ *= 1e10
    rows[:3, 0] = [1e15, -1e15, 0]
    found = run(exported(model, rows), rows)["probabilities"][:3]
    np.testing.assert_allclose(found, [[0, 1], [1, 0], [0.5, 0.5]], atol=rtol)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_draws_rank_classes_where_all_are_nearly_certain(dtype):
    # Ten deviations out: probabilities within 1e-8 of one and of zero.
    model, rows = fitted("mcmc-multiclass"), 10 * NEW.astype(dtype)
    assert (np.sort(model.decision_function(rows), axis=1)[:, -2] > -1e-7).any()
    found = run(exported(model, rows), rows)
    same = found["label"] == model.predict(rows)
    assert same.mean() >= (0.995 if dtype == "float32" else 1.0)
    assert_near(found["probabilities"], model.predict_proba(rows), dtype)


def test_far_from_zero_float64_keeps_its_digits():
    rows = NEW.astype(np.float64) + 1e6
    y = 1e6 + rows[:, 0] + NEW[:, 1]
    model = LinearLearnerRegressor(**SMALL).fit(rows, y)
    wanted = model.predict(rows)
    wide = run(exported(model, rows), rows)["variable"][:, 0]
    np.testing.assert_allclose(wide, wanted, rtol=0, atol=1e-6)
    narrow = rows.astype(np.float32)
    lossy = run(exported(model, narrow), narrow)["variable"][:, 0]
    assert np.abs(lossy - wanted).max() > 1e-2


@pytest.mark.parametrize("kind", ["int64", "bool"])
def test_whole_numbers_and_booleans_are_rows_too(kind):
    rows = (3 * NEW).astype(kind)
    model = fitted("gradient-multiclass")
    found = run(exported(model, rows), rows)
    wanted = model.predict_proba(rows.astype(float))
    assert_near(found["probabilities"], wanted, "float32")


@pytest.mark.parametrize("case", ["linear", "linear-binary", "als-multiclass"])
@pytest.mark.parametrize("n_rows", [0, 1, 500])
def test_any_number_of_rows(case, n_rows):
    found = run(exported(fitted(case)), NEW[:n_rows])
    assert {len(values) for values in found.values()} == {n_rows}


@pytest.mark.parametrize("target_opset", [13, 17, 18, None])
@pytest.mark.parametrize("case", ["linear-multiclass", "gradient", "mcmc-multiclass"])
def test_opsets(case, target_opset):
    model = fitted(case)
    graph = exported(model, target_opset=target_opset)
    main = [one.version for one in graph.opset_import if one.domain == ""]
    assert target_opset is None or main == [target_opset]
    found = next(iter(run(graph, NEW).values()))
    plain = next(iter(run(exported(model), NEW).values()))
    np.testing.assert_array_equal(found, plain)


# ------------------------------------------------------------------------ labels
@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (["sauer", "süß"], np.object_),
        (np.array(["", "b c", "日本"], dtype=object), np.object_),
        ([-5, 3], np.int64),
        ([7, 3, 2**40], np.int64),
        (np.array([200, 3], dtype=np.uint8), np.int64),
        ([False, True], np.int64),
        ([1.0, 2.0, 4.0], np.int64),
    ],
    ids=str,
)
@pytest.mark.parametrize("zipmap", [True, False, "columns"])
def test_labels(labels, kind, zipmap):
    labels = np.asarray(labels)
    y = labels[np.arange(len(X)) % len(labels)]
    model = LinearLearnerClassifier(epochs=2, cv=False, random_state=0).fit(X, y)
    found = run(exported(model, zipmap=zipmap), NEW)
    first = found["label" if zipmap is False else "output_label"]
    assert first.dtype == kind
    assert first.tolist() == model.predict(NEW).tolist()
    wanted = model.predict_proba(NEW)
    if zipmap is True:
        assert list(found["output_probability"][0]) == model.classes_.tolist()
        probabilities = [list(row.values()) for row in found["output_probability"]]
    elif zipmap is False:
        probabilities = found["probabilities"]
    else:
        assert len(found) == 1 + len(labels)
        probabilities = np.stack(list(found.values())[1:], axis=1)
    np.testing.assert_allclose(probabilities, wanted, atol=1e-5)


def test_other_options_of_skl2onnx():
    model = fitted("gradient-binary")
    found = run(exported(model, output_class_labels=True), NEW)
    assert found["class_labels"].tolist() == model.classes_.tolist()
    found = run(exported(model, nocl=True), NEW)["label"]
    wanted = model.predict(NEW) == model.classes_[1]
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, wanted)


# --------------------------------------------------------------------- pipelines
@pytest.mark.parametrize("case", ["linear-binary", "gradient", "mcmc-multiclass"])
def test_pipelines(case):
    cls, settings, y = CASES[case]
    model = make_pipeline(StandardScaler(), cls(**settings)).fit(X, y)
    found = list(run(exported(model), NEW).values())
    if cls in REGRESSORS:
        assert_near(found[0][:, 0], model.predict(NEW), "float32")
    else:
        assert_near(found[1], model.predict_proba(NEW), "float32")
        assert found[0].tolist() == model.predict(NEW).tolist()


def test_strings_through_a_one_hot_encoder():
    names = np.array([["ann", "up"], ["bob", "up"], ["ann", "down"], ["cy", "down"]])
    rows = names[np.arange(80) % 4]
    y = np.where((rows[:, 0] == "ann") == (rows[:, 1] == "up"), "+", "-")
    machine = MACHINES(num_factors=2, random_state=0)
    model = make_pipeline(OneHotEncoder(sparse_output=False), machine).fit(rows, y)
    graph = skl2onnx.convert_sklearn(
        model,
        initial_types=[("X", skl2onnx.common.data_types.StringTensorType([None, 2]))],
        options={id(machine): {"zipmap": False}},
    )
    assert run(graph, rows)["label"].tolist() == y.tolist()


def test_a_search():
    search = GridSearchCV(LINEAR(**SMALL), {"l1": [1e-3, 1e-2]}, cv=2).fit(X, BINARY)
    graph = skl2onnx.to_onnx(search, X[:1], options={id(search): {"zipmap": False}})
    assert run(graph, NEW)["label"].tolist() == search.predict(NEW).tolist()


@pytest.mark.parametrize("case", ["linear-hinge", "als-multiclass"])
def test_a_calibrated_classifier(case):
    cls, settings, y = CASES[case]
    model = CalibratedClassifierCV(cls(**settings), cv=2).fit(X, y)
    graph = skl2onnx.to_onnx(model, X[:1], options={id(model): {"zipmap": False}})
    found = run(graph, NEW)["probabilities"]
    assert_near(found, model.predict_proba(NEW), "float32")


def test_data_frames_through_a_column_transformer():
    frame = pd.DataFrame(X, columns=list("abcde"))
    columns = make_column_transformer(
        (StandardScaler(), ["a", "b"]), remainder="passthrough"
    )
    model = make_pipeline(columns, LINEAR(**SMALL)).fit(frame, BINARY)
    graph = skl2onnx.to_onnx(model, frame[:1])
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    found = session.run(
        ["output_label"], {name: frame[[name]].to_numpy() for name in frame}
    )
    assert found[0].tolist() == model.predict(frame).tolist()


# ----------------------------------------------------------------------- refused
@pytest.mark.parametrize("case", ["mcmc", "mcmc-binary", "mcmc-multiclass"])
@pytest.mark.parametrize("pipeline", [False, True])
def test_draws_are_refused_unless_asked_for(case, pipeline):
    model = fitted(case)
    n_draws = len(model.draws_["factors"])
    if pipeline:
        scaler = StandardScaler(with_mean=False, with_std=False).fit(X)
        model = make_pipeline(scaler, model)
    with pytest.raises(OnnxExportError) as error:
        skl2onnx.to_onnx(model, X[:1])
    for part in (f"mean over {n_draws} draws", "solver='als'", "'draws': True"):
        assert part in str(error.value)


def test_the_remedies_of_the_message_work():
    model = fitted("mcmc")
    graph = skl2onnx.to_onnx(model, X[:1], options={"draws": True})
    assert_near(run(graph, NEW)["variable"][:, 0], model.predict(NEW), "float32")
    # Averaged candidates are a few models, and need no option.
    skl2onnx.to_onnx(fitted("als-ensemble-binary"), X[:1])


@pytest.mark.parametrize("cls", [LINEAR, MACHINES, *REGRESSORS])
def test_an_unfitted_estimator_is_refused(cls):
    with pytest.raises(NotFittedError, match=f"This {cls.__name__} instance is not"):
        skl2onnx.to_onnx(cls(), X[:1])


@pytest.mark.parametrize("case", ["linear", "gradient-binary"])
def test_inputs_that_do_not_fit_are_refused(case):
    model = fitted(case)
    types = skl2onnx.common.data_types
    for inputs, message in (
        ([("X", types.FloatTensorType([None, 4]))], "The input has 4 columns, but"),
        ([("X", types.StringTensorType([None, 5]))], "takes numbers, but the input is"),
        (
            [(name, types.FloatTensorType([None, 1])) for name in "abcde"],
            "takes one input of 5 columns, not 5 inputs",
        ),
    ):
        with pytest.raises(OnnxExportError, match=message):
            skl2onnx.convert_sklearn(model, initial_types=inputs)
    # An input may leave open how many columns it has.
    open_inputs = [("X", types.FloatTensorType([None, None]))]
    graph = skl2onnx.convert_sklearn(model, initial_types=open_inputs)
    assert len(run(graph, NEW)) == len(graph.graph.output)


@pytest.mark.parametrize(
    "classes",
    [np.array([b"a", b"b"]), np.array([0.5, 1.5]), np.array([1, 2**63], np.uint64)],
    ids=str,
)
def test_labels_that_onnx_lacks_are_refused(classes):
    model = clone(fitted("linear-binary")).fit(X, BINARY)
    model.classes_ = classes
    with pytest.raises(OnnxExportError, match="int64 or strings, but classes_ begins"):
        skl2onnx.to_onnx(model, X[:1])


def test_weights_beyond_float32_are_refused():
    rows = NEW.astype(np.float64) * 1e-45
    model = clone(fitted("linear")).fit(X, NUMBERS)
    model.coef_ = model.coef_ * 1e45
    with pytest.raises(OnnxExportError, match="is beyond float32; export for float64"):
        skl2onnx.to_onnx(model, X[:1])
    found = run(exported(model, rows), rows)["variable"][:, 0]
    np.testing.assert_allclose(found, model.predict(rows), rtol=1e-12)


def test_older_opsets_are_refused():
    with pytest.raises(OnnxExportError, match="target_opset=12 is older than 13"):
        skl2onnx.to_onnx(fitted("gradient"), X[:1], target_opset=12)


@pytest.mark.parametrize("case", ["linear-multiclass", "gradient", "mcmc-multiclass"])
def test_more_weights_than_a_file_holds_are_refused(case, monkeypatch):
    graph = exported(fitted(case))
    sizes = sorted(
        onnx.numpy_helper.to_array(one).nbytes for one in graph.graph.initializer
    )
    monkeypatch.setattr(sklearn_sagemaker.onnx._scores, "MOST_BYTES", sizes[-1] - 1)
    with pytest.raises(OnnxExportError, match="GiB of weights, and an ONNX file holds"):
        exported(fitted(case))


def test_without_skl2onnx_the_extra_is_named():
    code = (
        "import sys; sys.modules['skl2onnx'] = None\n"
        "from sklearn_sagemaker.exceptions import OptionalDependencyError\n"
        "try:\n    import sklearn_sagemaker.onnx\n"
        "except OptionalDependencyError as error:\n    print(error)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "skl2onnx is needed for exporting models to ONNX" in found.stdout
    assert "pip install 'sklearn_sagemaker[onnx]'" in found.stdout
