"""Artifacts as estimators and back; MXNet itself is asked in tests/oracle."""

import io
import json
import os
import pickle
import random
import tarfile

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    load_artifact,
    save_artifact,
    write_model,
)
from sklearn_sagemaker.exceptions import ArtifactError, ModelFormatError
from sklearn_sagemaker.io.artifacts.archives import (
    read_gzip,
    read_zip,
    write_tar_gz,
    write_zip,
)
from sklearn_sagemaker.io.artifacts.files import MODEL
from sklearn_sagemaker.io.artifacts.tar_archives import read_tar
from sklearn_sagemaker.io.mxnet import RowSparse, read_ndarrays, write_ndarrays
from sklearn_sagemaker.io.mxnet_symbol import Graph, write_symbol

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 5))
SCORE = X[:, 0] * X[:, 1] - X[:, 2] + 0.3
BINARY = np.where(SCORE > 0.5, "yes", "no")
SEVERAL = np.digitize(SCORE, [-0.3, 0.9]) * 10
QUICK = {"epochs": 2, "random_state": 0}


def make_models():
    linear = {"num_models": 1, **QUICK}
    made = {
        "linear-binary": LinearLearnerClassifier(**linear).fit(X, BINARY),
        "linear-several": LinearLearnerClassifier(**linear).fit(X, SEVERAL),
        "linear-hinge": LinearLearnerClassifier(loss="hinge_loss", **linear).fit(
            X, BINARY
        ),
        "linear-f1": LinearLearnerClassifier(
            binary_classifier_model_selection_criteria="f1", **linear
        ).fit(X, BINARY),
        "linear-number": LinearLearnerRegressor(**linear).fit(X, SCORE),
    }
    for solver in ("gradient", "als", "mcmc"):
        for dtype in (np.float32, np.float64):
            quick = {"solver": solver, "num_factors": 2, **QUICK}
            name, rows = f"{solver}-{np.dtype(dtype)}", X.astype(dtype)
            classifier = FactorizationMachinesClassifier
            made[f"{name}-binary"] = classifier(**quick).fit(rows, BINARY)
            made[f"{name}-several"] = classifier(**quick).fit(rows, SEVERAL)
            made[f"{name}-number"] = FactorizationMachinesRegressor(**quick).fit(
                rows, SCORE
            )
    return made


MODELS = make_models()


def saved(model, **options):
    target = io.BytesIO()
    save_artifact(model, target, **options)
    return target.getvalue()


def answers(model, rows=X):
    """All that a model says of rows."""
    methods = ("predict", "decision_function", "predict_proba", "predict_log_proba")
    return {m: getattr(model, m)(rows) for m in methods if hasattr(model, m)}


def members(data):
    return read_zip(read_tar(read_gzip(data))[MODEL])


def packed(files):
    return write_tar_gz({MODEL: write_zip(files)})


# -------------------------------------------------------------- round trips of ours
@pytest.mark.parametrize("graph", ["sparse", "dense"])
@pytest.mark.parametrize("name", MODELS)
def test_every_digit_comes_back(name, graph):
    model = MODELS[name]
    data = saved(model, graph=graph)
    found = load_artifact(data)
    assert type(found) is type(model)
    check_is_fitted(found)
    for attribute in ("coef_", "intercept_", "factors_", "classes_", "threshold_"):
        assert hasattr(found, attribute) == hasattr(model, attribute)
        if hasattr(model, attribute):
            one, other = getattr(found, attribute), getattr(model, attribute)
            np.testing.assert_array_equal(one, other)
            assert np.asarray(one).dtype == np.asarray(other).dtype
            assert np.shape(one) == np.shape(other)
    for key, draws in getattr(model, "draws_", {}).items():
        np.testing.assert_array_equal(found.draws_[key], draws)
    for key, right in answers(model).items():
        np.testing.assert_array_equal(answers(found)[key], right)
    assert found.n_features_in_ == 5
    assert not hasattr(found, "feature_names_in_")
    assert found.get_params() == model.get_params()
    assert repr(found) == repr(model)
    assert found.resolved_params_.get("solver") == model.resolved_params_.get("solver")
    assert found.metrics_ == model.metrics_
    assert found.n_iter_ == model.n_iter_
    # The same bytes again: nothing is lost, and nothing depends on the time.
    assert saved(found, graph=graph) == data


@pytest.mark.parametrize("name", ["linear-binary", "mcmc-float32-several"])
def test_a_loaded_model_is_an_estimator(name):
    model = load_artifact(saved(MODELS[name]))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.artifact_source_ == model.artifact_source_
    assert not hasattr(clone(model), "coef_")
    assert model.score(X, MODELS[name].predict(X)) == 1
    # It was not trained here.
    for attribute in ("candidates_", "loss_curve_", "best_params_", "best_score_"):
        assert not hasattr(model, attribute)
    with pytest.raises(AttributeError, match="holds no candidates"):
        model.candidates_to_frame()
    assert len(model.coef_frame()) == 5
    labels = BINARY if "binary" in name else SEVERAL
    model.fit(X, labels)
    assert not hasattr(model, "artifact_source_")
    assert hasattr(model, "candidates_")
    original = clone(MODELS[name]).fit(X, labels)
    np.testing.assert_array_equal(model.predict(X), original.predict(X))


def test_a_loaded_model_goes_on_in_a_stream():
    for name in ("linear-binary", "gradient-float64-binary"):
        model = load_artifact(saved(MODELS[name]))
        before = model.coef_.copy()
        model.partial_fit(X, BINARY)
        assert not np.array_equal(model.coef_, before)
        assert np.abs(model.coef_ - before).max() < 1


def test_names_of_features_and_labels():
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d", "é"])
    for labels in (BINARY, BINARY.astype(object), SCORE > 0, SEVERAL.astype(np.int8)):
        model = LinearLearnerClassifier(num_models=1, **QUICK).fit(frame, labels)
        found = load_artifact(saved(model))
        assert found.feature_names_in_.tolist() == list(frame.columns)
        assert found.feature_names_in_.dtype == object
        assert found.classes_.dtype == model.classes_.dtype
        np.testing.assert_array_equal(found.predict(frame), model.predict(frame))
        assert found.artifact_source_["feature_names"] == "artifact"


def test_values_that_are_not_plain_are_left_out():
    model = LinearLearnerClassifier(
        num_models=1, class_weight={"no": 2, "yes": 1}, verbose=0, n_jobs=2,
        **{**QUICK, "random_state": np.random.RandomState(0)},
    ).fit(X, BINARY)  # fmt: skip
    found = load_artifact(saved(model))
    assert found.class_weight is None
    assert found.random_state is None
    assert found.n_jobs is None
    assert found.epochs == 2


def test_sources_and_targets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = MODELS["linear-number"]
    path = tmp_path / "model.tar.gz"
    save_artifact(model, path)
    save_artifact(model, "again.tar.gz")
    assert sorted(os.listdir(tmp_path)) == ["again.tar.gz", "model.tar.gz"]
    data = path.read_bytes()
    assert data == (tmp_path / "again.tar.gz").read_bytes() == saved(model)
    inner = read_tar(read_gzip(data))[MODEL]
    with path.open("rb") as handle:
        for source in (path, str(path), data, handle, read_gzip(data), inner):
            np.testing.assert_array_equal(load_artifact(source).coef_, model.coef_)
    # Nothing was extracted.
    assert len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize("graph", ["sparse", "dense"])
@pytest.mark.parametrize("name", ["linear-several", "als-float32-number"])
def test_a_model_folder_has_what_is_packed(tmp_path, name, graph):
    folder = tmp_path / "opt" / "model"
    for _ in range(2):  # made, and written again
        write_model(MODELS[name], folder, graph=graph)
        assert os.listdir(folder) == [MODEL]
        data = saved(MODELS[name], graph=graph)
        assert (folder / MODEL).read_bytes() == read_tar(read_gzip(data))[MODEL]
    for source in (folder, str(folder), folder / MODEL):
        assert saved(load_artifact(source), graph=graph) == data


def test_a_model_folder_is_left_as_it_was(tmp_path):
    model, folder = MODELS["linear-binary"], tmp_path / "model"
    write_model(model, folder)
    before = (folder / MODEL).read_bytes()
    large = pickle.loads(pickle.dumps(model))
    large.coef_[0, 0] = 1e39
    for new in (folder, tmp_path / "new"):
        with pytest.raises(ArtifactError, match="coef_ has numbers"):
            write_model(large, new)
        with pytest.raises(ValueError, match="graph='csr'"):
            write_model(model, new, graph="csr")
        with pytest.raises(NotFittedError):
            write_model(clone(model), new)
    with pytest.raises(NotADirectoryError, match="is a file; name a folder"):
        write_model(model, folder / MODEL)
    with pytest.raises(TypeError, match="must be a str or path-like, got BytesIO"):
        write_model(model, io.BytesIO())
    assert os.listdir(tmp_path) == ["model"]
    assert os.listdir(folder) == [MODEL]
    assert (folder / MODEL).read_bytes() == before


def test_nothing_is_written_to_s3(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for write, copy in ((save_artifact, "cp model.tar.gz"), (write_model, "cp --rec")):
        with pytest.raises(ValueError, match=f"is on S3.* with 'aws s3 {copy}"):
            write(MODELS["linear-binary"], "s3://bucket/model.tar.gz")
    assert os.listdir(tmp_path) == []


def test_members_are_sagemakers_and_then_ours():
    names = list(members(saved(MODELS["linear-number"])))
    assert names[:4] == [
        "additional-params.json", "manifest.json", "mx-mod-symbol.json",
        "mx-mod-0000.params",
    ]  # fmt: skip
    assert all(name.startswith("sklearn_sagemaker/") for name in names[4:])
    names = list(members(saved(MODELS["gradient-float64-number"])))
    assert names[:3] == ["meta.json", "symbol.json", "params"]


@pytest.mark.parametrize(
    ("name", "graph", "shapes"),
    [
        ("linear-binary", "sparse", {"fc0_weight": (5, 1), "fc0_bias": (1, 1)}),
        ("linear-several", "sparse", {"fc0_weight": (5, 3), "fc0_bias": (1, 3)}),
        ("gradient-float32-binary", "sparse",
         {"w0_weight": (1,), "w1_weight": (5, 1), "v": (5, 2)}),
        ("als-float32-number", "dense",
         {"Linear_Plus_Bias_bias": (1,), "Linear_Plus_Bias_weight": (1, 5),
          "v": (2, 5)}),
        # SageMaker has no such models: no name that its readers look for.
        ("gradient-float32-several", "sparse",
         {"machines_w0": (1, 3), "machines_w1": (5, 3), "machines_v": (5, 6)}),
        ("als-float32-binary", "dense",
         {"machines_bias": (1,), "machines_weight": (1, 5), "machines_v": (2, 5)}),
    ],
)  # fmt: skip
def test_parameters_have_sagemakers_names(name, graph, shapes):
    files = members(saved(MODELS[name], graph=graph))
    data = files.get("params") or files["mx-mod-0000.params"]
    found = read_ndarrays(data)
    assert {k: a.shape for k, a in found.items()} == {
        f"arg:{key}": shape for key, shape in shapes.items()
    }
    assert {array.dtype for array in found.values()} == {np.dtype("<f4")}


def test_what_cannot_be_saved(tmp_path):
    target = tmp_path / "model.tar.gz"
    model = MODELS["linear-binary"]
    with pytest.raises(ValueError, match="graph='csr'"):
        save_artifact(model, target, graph="csr")
    with pytest.raises(NotFittedError):
        save_artifact(clone(model), target)
    pipeline = make_pipeline(StandardScaler(), clone(model)).fit(X, BINARY)
    with pytest.raises(TypeError, match="got Pipeline; of a Pipeline"):
        save_artifact(pipeline, target)
    with pytest.raises(TypeError, match="path or a binary file object, got int"):
        save_artifact(model, 3)
    mixed = pickle.loads(pickle.dumps(model))
    mixed.classes_ = np.array(["a", 1], dtype=object)
    with pytest.raises(ArtifactError, match="classes_ holds Python objects"):
        save_artifact(mixed, target)
    large = pickle.loads(pickle.dumps(model))
    large.coef_[0, 0] = 1e39
    with pytest.raises(ArtifactError, match="coef_ has numbers"):
        save_artifact(large, target)
    assert os.listdir(tmp_path) == []


# -------------------------------------------------------------- SageMaker's artifacts
def linear_files(op="LogisticRegressionOutput", outputs=1, bias=True, **more):
    """The files of a Linear Learner, as SageMaker has them."""
    graph = Graph()
    inputs = [graph.variable(name) for name in ("data", "fc0_weight", "fc0_bias")]
    used = inputs if bias else inputs[:2]
    head = graph.op("FullyConnected", "fc0", *used, num_hidden=outputs)
    if op:
        head = graph.op(op, "out", head, graph.variable("softmax_label"), **more)
    weight = np.arange(1, 1 + 3 * outputs, dtype=np.float32).reshape(outputs, 3)
    arrays = {"arg:fc0_weight": weight}
    if bias:
        arrays["arg:fc0_bias"] = np.arange(outputs, dtype=np.float32) - 0.5
    return {
        "additional-params.json": b"{}",
        "manifest.json": b"{}",
        "mx-mod-symbol.json": write_symbol(graph.symbol(head)),
        "mx-mod-0000.params": write_ndarrays(arrays),
    }


ROWS = np.array([[1.0, 0, 0], [0, 1, -1], [0.5, 0.5, -0.2]])


def factor_files(dense=False, sparse_storage=False, op="LogisticRegressionOutput"):
    """The files of Factorization Machines, as SageMaker has them, and a score."""
    w0, w1 = np.float32([[0.25]]), np.float32([[1], [0], [-1]])
    v = np.float32([[1, 0.5], [0, 0], [2, -1]])
    pairs = 0.5 * ((ROWS @ v) ** 2 - ROWS**2 @ v**2).sum(axis=1)
    score = 0.25 + ROWS @ w1[:, 0] + pairs

    def stored(array):
        rows = np.array([0, 2])
        return RowSparse(array.shape, rows, array[rows]) if sparse_storage else array

    if dense:
        arrays = {
            "arg:Linear_Plus_Bias_bias": w0[0],
            "arg:Linear_Plus_Bias_weight": w1.T,
            "arg:v": v.T,
        }
    else:
        arrays = {
            "arg:w0_weight": w0,
            "arg:w1_weight": stored(w1),
            "arg:v": stored(v),
        }
    graph = Graph()
    names = [graph.variable(name.removeprefix("arg:")) for name in arrays]
    head = graph.op("Custom", "scores", *names)
    head = graph.op(op, "out", head, graph.variable("out_label")) if op else head
    return {
        "symbol.json": write_symbol(graph.symbol(head)),
        "params": write_ndarrays(arrays),
        "meta.json": b'{"training_parameters": {"feature_dim": "3"}}',
    }, score


def test_linear_classifier_of_sagemaker():
    model = load_artifact(packed(linear_files()))
    assert isinstance(model, LinearLearnerClassifier)
    np.testing.assert_array_equal(model.coef_, [[1, 2, 3]])
    np.testing.assert_array_equal(model.intercept_, [-0.5])
    assert model.coef_.dtype == np.float64
    right = expit(ROWS @ [1, 2, 3] - 0.5)
    np.testing.assert_allclose(model.predict_proba(ROWS)[:, 1], right, rtol=1e-12)
    assert model.predict(ROWS).tolist() == (right > 0.5).astype(int).tolist()
    assert model.classes_.tolist() == [0, 1]
    assert model.threshold_ == 0.5
    assert model.artifact_source_ == {
        "predictor_type": "artifact",
        "loss": "artifact",
        "classes": "default",
        "threshold": "default",
        "feature_names": "default",
    }
    assert not hasattr(model, "n_iter_")


@pytest.mark.parametrize(
    ("op", "weight", "bias", "right"),
    [
        ("LinearRegressionOutput", [[1, 2, 3]], [0.5], [1.5, -0.5]),
        ("LogisticRegressionOutput", [[1, 2, 3]], [0.5], [0.81757444, 0.37754068]),
        ("SoftmaxOutput", np.eye(3), [0, 0, 0],
         [[0.5761, 0.2119, 0.2119], [0.2447, 0.6652, 0.0900]]),
    ],
)  # fmt: skip
def test_what_mxnet_answers(op, weight, bias, right):
    # Figures of MXNet 1.9.1, also where it cannot be asked.
    files = linear_files(op, len(bias))
    model = load_artifact(packed(changed(files, fc0_weight=weight, fc0_bias=bias)))
    rows = np.array([[1.0, 0, 0], [0, 1, -1]])
    found = answers(model, rows).get("predict_proba", model.predict(rows))
    found = found[:, 1] if op == "LogisticRegressionOutput" else found
    np.testing.assert_allclose(found, right, rtol=0, atol=6e-5)


def test_arguments_win():
    model = load_artifact(
        packed(linear_files()),
        classes=["no", "yes"],
        threshold=0.7,
        feature_names=["a", "b", "c"],
        predictor_type="binary_classifier",
        loss="logistic",
    )
    assert set(model.artifact_source_.values()) == {"argument"}
    frame = pd.DataFrame(ROWS, columns=["a", "b", "c"])
    probable = model.predict_proba(frame)[:, 1] > 0.7
    assert model.predict(frame).tolist() == np.where(probable, "yes", "no").tolist()
    assert (model.loss, model.threshold_) == ("logistic", 0.7)
    ours = load_artifact(saved(MODELS["linear-f1"]), threshold=0.9, classes=[3, 4])
    assert ours.threshold_ == 0.9
    assert ours.classes_.tolist() == [3, 4]


@pytest.mark.parametrize("op", ["LinearRegressionOutput", "MAERegressionOutput"])
def test_linear_regressor_of_sagemaker(op):
    model = load_artifact(packed(linear_files(op)))
    assert isinstance(model, LinearLearnerRegressor)
    np.testing.assert_allclose(model.predict(ROWS), ROWS @ [1, 2, 3] - 0.5)
    assert model.coef_.shape == (3,)
    assert model.artifact_source_["predictor_type"] == "artifact"
    assert "classes" not in model.artifact_source_


def test_several_classes_of_sagemaker():
    model = load_artifact(
        packed(linear_files("SoftmaxOutput", 4)), classes=list("abcd")
    )
    margins = ROWS @ np.arange(1, 13).reshape(4, 3).T + np.arange(4) - 0.5
    np.testing.assert_allclose(model.predict_proba(ROWS), softmax(margins, axis=1))
    assert not hasattr(model, "threshold_")
    assert "threshold" not in model.artifact_source_


def test_two_outputs_become_one():
    model = load_artifact(packed(linear_files("softmax", 2)))
    margins = ROWS @ np.arange(1, 7).reshape(2, 3).T + [-0.5, 0.5]
    np.testing.assert_allclose(model.predict_proba(ROWS), softmax(margins, axis=1))
    assert model.decision_function(ROWS).shape == (3,)
    assert model.threshold_ == 0.5
    # No softmax trains a model of one output, which would score otherwise.
    told = load_artifact(packed(linear_files("softmax", 2)), loss="softmax_loss")
    assert told.loss == "auto"
    np.testing.assert_array_equal(told.predict(ROWS), model.predict(ROWS))


def test_no_bias():
    model = load_artifact(packed(linear_files(bias=False)))
    np.testing.assert_array_equal(model.intercept_, [0.0])


@pytest.mark.parametrize("op", ["sigmoid", "Activation"])
def test_graphs_without_a_label(op):
    more = {"act_type": "sigmoid"} if op == "Activation" else {}
    model = load_artifact(packed(linear_files(op, **more)))
    assert isinstance(model, LinearLearnerClassifier)


def test_a_graph_that_does_not_tell():
    data = packed(linear_files(op=None))
    with pytest.raises(ArtifactError, match="pass predictor_type, one of 'binary_"):
        load_artifact(data)
    model = load_artifact(data, predictor_type="binary_classifier")
    assert model.artifact_source_["predictor_type"] == "argument"
    assert model.artifact_source_["loss"] == "default"
    np.testing.assert_allclose(model.decision_function(ROWS), ROWS @ [1, 2, 3] - 0.5)
    assert isinstance(
        load_artifact(data, predictor_type="regressor"), LinearLearnerRegressor
    )


def test_hinge_scores_have_no_probabilities():
    for files in (linear_files("SVMOutput"), linear_files(op=None)):
        model = load_artifact(
            packed(files), predictor_type="binary_classifier", loss="hinge_loss"
        )
        assert not hasattr(model, "predict_proba")
        # 0.5 is the middle of SageMaker's scores, and may be any number.
        assert model.threshold_ == 0.5
        scores = ROWS @ [1, 2, 3] - 0.5
        assert model.predict(ROWS).tolist() == (scores >= 0.5).astype(int).tolist()
    assert load_artifact(packed(linear_files("SVMOutput"))).loss == "hinge_loss"
    data = packed(linear_files("SVMOutput"))
    assert load_artifact(data, threshold=-3).threshold_ == -3


@pytest.mark.parametrize("sparse_storage", [False, True])
@pytest.mark.parametrize("dense", [False, True])
def test_both_graphs_of_factorization_machines(dense, sparse_storage):
    files, score = factor_files(dense, sparse_storage)
    model = load_artifact(packed(files))
    assert isinstance(model, FactorizationMachinesClassifier)
    np.testing.assert_allclose(model.decision_function(ROWS), score, rtol=1e-6)
    np.testing.assert_allclose(model.predict_proba(ROWS)[:, 1], expit(score), rtol=1e-6)
    assert model.factors_.shape == (1, 3, 2)
    assert model.coef_.shape == (1, 3)
    files, score = factor_files(dense, sparse_storage, "LinearRegressionOutput")
    model = load_artifact(packed(files))
    assert isinstance(model, FactorizationMachinesRegressor)
    np.testing.assert_allclose(model.predict(ROWS), score, rtol=1e-6)
    assert model.factors_.shape == (3, 2)


def test_meta_knows_the_predictor_type():
    files, _ = factor_files(op=None)
    with pytest.raises(ArtifactError, match="pass predictor_type"):
        load_artifact(packed(files))
    files["meta.json"] = json.dumps(
        {"training_parameters": {"feature_dim": 3, "predictor_type": "regressor"}}
    ).encode()
    model = load_artifact(packed(files))
    assert isinstance(model, FactorizationMachinesRegressor)


def test_older_and_repacked_layouts():
    wanted = load_artifact(packed(linear_files())).coef_
    files = linear_files()
    older = write_tar_gz(files)
    for data in (older, read_gzip(older), write_zip(files)):
        np.testing.assert_array_equal(load_artifact(data).coef_, wanted)
    # What the recipes rename, with and without a host's number.
    files, score = factor_files(op="LinearRegressionOutput")
    renamed = {
        "model-symbol.json": files["symbol.json"],
        "model-0000.params": files["params"],
    }
    for data in (
        write_tar_gz(renamed),
        write_tar_gz({"model_algo-2": write_zip(files)}),
    ):
        np.testing.assert_allclose(load_artifact(data).predict(ROWS), score, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"classes": [1]}, r"classes must be 2 labels.*shape \(1,\)"),
        ({"classes": ["yes", "no"]}, "must ascend"),
        ({"classes": [1, 1]}, "must ascend"),
        ({"threshold": 1.5}, "must be a probability"),
        ({"threshold": float("nan")}, "must be a finite number"),
        ({"threshold": "half"}, "must be a finite number"),
        ({"threshold": True}, "must be a finite number"),
        ({"predictor_type": "binary"}, "predictor_type='binary' must be one of"),
        ({"predictor_type": "regressor"}, "contradicts the artifact"),
        ({"loss": "huber_loss"}, "must be one that trains a binary_classifier"),
        ({"loss": "hinge_loss"}, "contradicts the artifact"),
        ({"feature_names": ["a"]}, "must be 3 strings"),
        ({"feature_names": [1, 2, 3]}, "must be 3 strings"),
    ],
)
def test_arguments_that_do_not_fit(options, match):
    with pytest.raises(ValueError, match=match):
        load_artifact(packed(linear_files()), **options)


def test_arguments_of_other_models():
    number = packed(linear_files("LinearRegressionOutput"))
    with pytest.raises(ValueError, match="classes is given"):
        load_artifact(number, classes=[0, 1])
    with pytest.raises(ValueError, match="threshold is given"):
        load_artifact(number, threshold=0.5)
    with pytest.raises(ValueError, match="threshold is given"):
        load_artifact(packed(linear_files("SoftmaxOutput", 3)), threshold=0.5)
    with pytest.raises(ValueError, match="only Linear Learner has one"):
        load_artifact(packed(factor_files()[0]), loss="logistic")
    several = packed(linear_files(op=None, outputs=3))
    with pytest.raises(ValueError, match="does not fit a model of 3 output"):
        load_artifact(several, predictor_type="regressor")


# ------------------------------------------------------------------------- refusals
def changed(files, **change):
    """The parameters with some arrays replaced, or left out for None."""
    name = "params" if "params" in files else "mx-mod-0000.params"
    arrays = read_ndarrays(files[name])
    for key, array in change.items():
        arrays.pop(f"arg:{key}", None)
        if array is not None:
            arrays[f"arg:{key}"] = np.asarray(array, np.float32)
    return {**files, name: write_ndarrays(arrays)}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"fc0_weight": [[1, np.nan, 3]]}, "fc0_weight has 1 numbers that are NaN"),
        ({"fc0_bias": [np.inf]}, "fc0_bias has 1 numbers that are NaN or infinite"),
        ({"fc0_weight": [1, 2, 3]}, r"fc0_weight has shape \(3,\)"),
        ({"fc0_bias": [1, 2]}, r"fc0_bias has shape \(2,\), but the model has 1"),
        ({"fc0_weight": np.ones((2, 3))}, "fc0_bias has shape|num_hidden='1'"),
        ({"fc0_weight": None}, "has the parameters 'fc0_bias', which are not those"),
        ({"fc1_weight": [[1]]}, "has the parameters 'fc1_weight' beside"),
    ],
)
def test_linear_parameters_that_disagree(change, match):
    with pytest.raises(ArtifactError, match=match):
        load_artifact(packed(changed(linear_files(), **change)))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"v": np.ones((4, 2))}, "has 3 features and 1 outputs, but v has 4 features"),
        ({"v": None}, "lacks the parameter 'v'"),
        ({"w0_weight": None}, "lacks the parameter 'w0_weight'"),
        ({"w0_weight": [1, 2]}, r"w0_weight has shape \(2,\)"),
        ({"w1_weight": np.ones((3, 2))}, "w0_weight has shape"),
        ({"v": [[1, 2], [np.nan, 1], [1, np.inf]]}, "v has 2 numbers that are NaN"),
        ({"w1_weight": np.ones((2, 1)), "v": np.ones((2, 2))}, "feature_dim is '3'"),
    ],
)
def test_factor_parameters_that_disagree(change, match):
    with pytest.raises(ArtifactError, match=match):
        load_artifact(packed(changed(factor_files()[0], **change)))


def without(files, *names):
    return {name: data for name, data in files.items() if name not in names}


def test_parts_that_are_missing_or_foreign():
    files = linear_files()
    cases = {
        "with the graph, but has none": without(files, "mx-mod-symbol.json"),
        "with the parameters, but has none": without(files, "mx-mod-0000.params"),
        "has 3 rows|num_hidden='1'": {
            **linear_files("SoftmaxOutput", 3),
            "mx-mod-symbol.json": files["mx-mod-symbol.json"],
        },
        "does not use the parameters 'fc0_bias'": {
            **files,
            "mx-mod-symbol.json": b'{"nodes": [{"op": "null", "name": "fc0_weight",'
            b'"inputs": []}], "arg_nodes": [0], "heads": [[0, 0, 0]]}',
        },
        "does not fit a model of 3": linear_files("LinearRegressionOutput", 3),
        "its arrays have no names": {
            **files, "mx-mod-0000.params": write_ndarrays([np.ones((1, 3))]),
        },
        "must be floating-point": {
            **files,
            "mx-mod-0000.params": write_ndarrays({"fc0_weight": np.ones((1, 3), int)}),
        },
    }  # fmt: skip
    for match, one in cases.items():
        with pytest.raises(ArtifactError, match=match):
            load_artifact(packed(one))
    with pytest.raises(ArtifactError, match="must have one member 'params'"):
        load_artifact(packed({**files, "a.params": b""}))


def test_archives_that_are_no_model():
    model = write_zip(linear_files())
    two = write_tar_gz({"model_algo-1": model, "model_algo-2": model})
    with pytest.raises(ArtifactError, match="'model_algo-1', 'model_algo-2'"):
        load_artifact(two)
    k_means = write_ndarrays([np.ones((2, 3))])
    with pytest.raises(ArtifactError, match="is no zip archive"):
        load_artifact(write_tar_gz({MODEL: k_means}))
    for data in (write_tar_gz({}), write_tar_gz({"other": b"x"})):
        with pytest.raises(ArtifactError, match="must have one member 'symbol.json'"):
            load_artifact(data)
    for data in (b"\x80\x04\x95", b"hello", k_means):
        with pytest.raises(ArtifactError, match="tar archive"):
            load_artifact(data)
    with pytest.raises(FileNotFoundError):
        load_artifact("no-such-model.tar.gz")


def tar_gz(*entries):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, kind, content in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.size, entry.linkname = kind, len(content), "/etc/passwd"
            archive.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def hostile():
    """Archives that hold a good model and something else."""
    inner = write_zip(linear_files())
    good = (MODEL, tarfile.REGTYPE, inner)
    odd = {
        "parent": [("../evil", tarfile.REGTYPE, b"x")],
        "absolute": [("/etc/evil", tarfile.REGTYPE, b"x")],
        "symbolic link": [("evil", tarfile.SYMTYPE, b"")],
        "link in the model's place": [(MODEL, tarfile.SYMTYPE, b"")],
        "hard link": [("evil", tarfile.LNKTYPE, b"")],
        "device": [("evil", tarfile.CHRTYPE, b"")],
        "fifo": [("evil", tarfile.FIFOTYPE, b"")],
        "duplicate": [good],
        "many members": [(f"f{n}", tarfile.REGTYPE, b"") for n in range(200)],
    }
    for name, entries in odd.items():
        yield name, tar_gz(*entries, good)
        yield name + ", after", tar_gz(good, *entries)
    whole = bytearray(tar_gz(good))
    yield "truncated", bytes(whole[:-8])
    whole[-6] ^= 1
    yield "wrong CRC", bytes(whole)
    yield "bomb", tar_gz(good, ("zeros", tarfile.REGTYPE, bytes(3 << 20)))
    twice = {"../evil": b"x", **linear_files()}
    yield "zip, parent", packed(twice)


@pytest.mark.parametrize(
    "data", [pytest.param(data, id=name) for name, data in hostile()]
)
def test_hostile_archives(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LinearLearnerClassifier, "__init__", None)  # never reached
    with pytest.raises(ArtifactError):
        load_artifact(data, max_bytes=2 << 20)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("cut", [1, 8, 100])
def test_a_truncated_artifact(cut):
    with pytest.raises(ArtifactError, match="cut short"):
        load_artifact(saved(MODELS["linear-number"])[:-cut])


def test_a_huge_array_of_few_rows():
    rows = RowSparse((10**9, 4), np.array([5]), np.ones((1, 4), np.float32))
    weight = RowSparse((10**9, 1), np.array([5]), np.ones((1, 1), np.float32))
    files, _ = factor_files()
    files["params"] = write_ndarrays(
        {"w0_weight": np.zeros(1), "w1_weight": weight, "v": rows}
    )
    with pytest.raises(ArtifactError, match="pass a larger max_bytes"):
        load_artifact(packed(files))


def test_max_bytes():
    data = saved(MODELS["linear-number"])
    with pytest.raises(ArtifactError, match="max_bytes=1000"):
        load_artifact(data, max_bytes=1000)


# --------------------------------------------------------------------- our members
def edited(model, **change):
    files = members(saved(model))
    name = "sklearn_sagemaker/metadata.json"
    document = json.loads(files[name])
    for key, value in change.items():
        if value is KeyError:
            del document[key]
        else:
            document[key] = value
    return {**files, name: json.dumps(document).encode()}


def test_a_newer_format_says_so():
    files = edited(MODELS["linear-binary"], format_version=3, algorithm=None)
    with pytest.raises(ModelFormatError, match="format version 3.*reads 2"):
        load_artifact(packed(files))


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": 0}, {"format_version": True}, {"format_version": "1"},
        {"format_version": None}, {"algorithm": "factorization-machines"},
        {"algorithm": KeyError}, {"predictor_type": "regressor"},
        {"predictor_type": "multiclass_classifier", "link": "softmax"},
        {"predictor_type": ["binary_classifier"]}, {"link": "score"},
        {"link": "probit"}, {"link": []}, {"n_draws": 1}, {"n_draws": 0},
        {"n_draws": "1"}, {"n_draws": True}, {"threshold": None},
        {"threshold": 1.5}, {"threshold": 10**400}, {"threshold": "0.5"},
        {"feature_names": ["a"]}, {"feature_names": [1] * 5}, {"feature_names": 5},
        {"training": []}, {"training": {"parameters": {"epochs": -1}}},
        {"training": {"parameters": {"loss": "hinge_loss"}}},
        {"training": {"parameters": {"loss": ["logistic"]}}},
        {"object_classes": True, "classes": 3, "threshold": -1.0},
    ],
    ids=str,
)  # fmt: skip
def test_metadata_that_disagree(change):
    files = edited(MODELS["linear-binary"], **change)
    with pytest.raises(ArtifactError):
        load_artifact(packed(files))


def test_metadata_is_no_larger_than_names_make_it():
    model = MODELS["linear-binary"]
    most = (1 << 22) + 1024 * model.n_features_in_
    files = edited(model, training={"metrics": "x" * most})
    with pytest.raises(ArtifactError, match=rf"metadata.json: has \d+ .* than {most};"):
        load_artifact(packed(files))
    model = clone(model).fit(pd.DataFrame(X, columns=[*"abcd", "e" * most]), BINARY)
    with pytest.raises(ArtifactError, match="give the features shorter names"):
        saved(model)


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"parameters": None, "resolved": 3, "metrics": [], "n_iter": "many"},
        {"parameters": {"unknown": 1, "coef_": 2, "__class__": 3, "backend": "x"}},
    ],
)
def test_training_values_are_not_needed(training):
    model = MODELS["linear-binary"]
    found = load_artifact(packed(edited(model, training=training)))
    np.testing.assert_array_equal(found.predict(X), model.predict(X))
    assert found.get_params() == LinearLearnerClassifier().get_params()
    assert found.resolved_params_ == {}


def test_solvers_that_disagree():
    for name, solver in (("als-float32-binary", "gradient"),
                         ("gradient-float32-binary", "mcmc"),
                         ("gradient-float32-binary", "x")):  # fmt: skip
        files = edited(MODELS[name], training={"resolved": {"solver": solver}})
        with pytest.raises(ArtifactError, match="but scores of the kind"):
            load_artifact(packed(files))


def test_machines_need_their_members():
    files = members(saved(MODELS["mcmc-float64-number"]))
    with pytest.raises(ArtifactError, match="is missing, without which"):
        load_artifact(packed(without(files, "sklearn_sagemaker/metadata.json")))
    with pytest.raises(ArtifactError, match="mean_coef.npy: is missing"):
        load_artifact(packed(without(files, "sklearn_sagemaker/mean_coef.npy")))


@pytest.mark.parametrize("name", ["linear-binary", "gradient-float64-number"])
def test_without_our_members_it_is_sagemakers(name):
    files = members(saved(MODELS[name]))
    bare = {k: v for k, v in files.items() if not k.startswith("sklearn_sagemaker/")}
    found = load_artifact(packed(bare))
    model = MODELS[name]
    np.testing.assert_allclose(found.coef_, model.coef_, rtol=1e-6)
    if name == "linear-binary":
        assert found.threshold_ == np.float32(model.threshold_) != 0.5
        assert found.artifact_source_["threshold"] == "artifact"
    score = "decision_function" if hasattr(model, "classes_") else "predict"
    np.testing.assert_allclose(
        getattr(found, score)(X), getattr(model, score)(X), rtol=1e-6, atol=1e-6
    )


def test_two_machines_are_no_model():
    files = edited(MODELS["gradient-float64-several"])
    arrays = read_ndarrays(files["params"])
    for name, width in (("w0", 2), ("w1", 2), ("v", 4)):
        arrays[f"arg:machines_{name}"] = arrays[f"arg:machines_{name}"][:, :width]
    keep = ("symbol.json", "sklearn_sagemaker/metadata.json")
    files = {name: files[name] for name in keep}
    files["params"] = write_ndarrays(arrays)
    files["sklearn_sagemaker/classes.npy"] = npy(np.array([0, 1]))
    with pytest.raises(ArtifactError, match="two classes have one score"):
        load_artifact(packed(files))


def npy(array, **options):
    target = io.BytesIO()
    np.save(target, array, **options)
    return target.getvalue()


COEF = MODELS["linear-binary"].coef_


@pytest.mark.parametrize(
    ("name", "data", "match"),
    [
        ("coef", npy(COEF + 1), "does not agree with the parameters"),
        ("coef", npy(COEF[0]), "must be float64 of shape"),
        ("coef", npy(COEF.astype("f4")), "must be float64 of shape"),
        ("coef", npy(COEF * np.nan), "NaN or infinite"),
        ("coef", npy(COEF)[:-1], "damaged, or no plain array"),
        ("coef", npy(COEF) + b"0", "damaged, or no plain array"),
        ("coef", npy(COEF).replace(b"(1, 5)", b"(9, 5)"), "damaged, or no plain"),
        ("coef", npy(COEF).replace(b"False", b"True "), "damaged, or no plain"),
        ("coef", b"", "damaged, or no plain array"),
        ("classes", npy(np.array(["a", None]), allow_pickle=True), "no plain array"),
        ("classes", npy(np.array(["yes", "no"])), "must have 2 that ascend"),
        ("classes", npy(np.array(["no"])), "has 1 labels"),
        ("classes", npy(np.array(["a", "b"]))[:-4] + b"\xff" * 4, "not of Unicode"),
        ("classes", npy(np.array(["a", "b"]))[:-4] + b"\0\xd8\0\0", "not of Unicode"),
    ],
)
def test_arrays_that_disagree(name, data, match):
    files = members(saved(MODELS["linear-binary"]))
    files[f"sklearn_sagemaker/{name}.npy"] = data
    with pytest.raises(ArtifactError, match=match):
        load_artifact(packed(files))


def test_nothing_is_a_pickle(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("a pickle")

    for name in ("load", "loads", "dump", "dumps", "Unpickler", "Pickler"):
        monkeypatch.setattr(pickle, name, fail)
    for name in ("linear-binary", "mcmc-float64-several"):
        data = saved(MODELS[name])
        load_artifact(data)
        for content in members(data).values():
            assert not content.startswith(b"\x80")


# -------------------------------------------------------------------------- fuzzing
def mutated(data, draw):
    data = bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 4])):
        kind, at = draw.randrange(5), draw.randrange(len(data) + 1)
        if kind == 0:
            data[at : at + 1] = bytes([draw.randrange(256)])
        elif kind == 1:
            del data[at : at + draw.randrange(1, 40)]
        elif kind == 2:
            data[at:at] = draw.randbytes(draw.randrange(1, 20))
        elif kind == 3:
            numbers = [b"\xff" * 8, bytes(8), b"\xff" * 7 + b"\x7f", b"9" * 8, b"-1 "]
            data[at : at + 8] = draw.choice(numbers)
        else:
            start = draw.randrange(len(data) + 1)
            data[at : at + 16] = data[start : start + 16]
    return bytes(data)


def test_mutations_are_read_or_refused():
    draw = random.Random(0)
    names = ("linear-binary", "gradient-float64-number", "mcmc-float32-several")
    wholes = []
    for name in names:
        data = saved(MODELS[name])
        tar = read_gzip(data)
        inner = bytes(read_tar(tar)[MODEL])
        wholes.append((data, tar, inner, read_zip(inner)))
    refused = 0
    for number in range(3000):
        *layers, files = draw.choice(wholes)
        layer = number % 6
        if layer < 3:
            data = mutated(layers[layer], draw)
        else:
            # Past the checksums of the archives.
            name = draw.choice(list(files))
            data = write_zip({**files, name: mutated(files[name], draw)})
        try:
            model = load_artifact(data)
        except (ArtifactError, ModelFormatError):
            refused += 1
        else:
            # The check was whole: what is loaded predicts.
            model.predict(np.zeros((1, model.n_features_in_)))
    assert 2000 < refused < 3000
