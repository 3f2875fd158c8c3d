"""Artifacts as SageMaker writes them: real ones, and files of every layout it has."""

import io
import json
import os
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, softmax

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    load_artifact,
    save_artifact,
)
from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker.exceptions import ArtifactError
from sklearn_sagemaker.io.mxnet import RowSparse, write_ndarrays

HERE = Path(__file__).parent / "artifacts"
ORDER = ("mx-mod-symbol.json", "manifest.json", "additional-params.json",
         "mx-mod-0000.params")  # fmt: skip
ROWS = np.round(np.random.default_rng(3).normal(size=(40, 3)), 3)


def oracle(name):
    """Rows, and what MXNet 1.9.1 answers."""
    document = json.loads((HERE / f"{name}.oracle.json").read_text())
    return np.array(document["rows"]), np.array(document["mxnet_output"])


# ----------------------------------------------------------- what SageMaker wrote
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_real_binary_classifier(dtype):
    model = load_artifact(HERE / "ll-adult.tar.gz")
    assert isinstance(model, LinearLearnerClassifier)
    assert (model.loss, model.classes_.tolist()) == ("logistic", [0, 1])
    assert model.threshold_ == 0.46301859617233276
    assert model.artifact_source_ == {
        "predictor_type": "artifact", "loss": "artifact", "classes": "default",
        "threshold": "artifact", "feature_names": "default",
    }  # fmt: skip
    rows, right = oracle("ll-adult")
    found = model.predict_proba(rows.astype(dtype))[:, 1:]
    np.testing.assert_allclose(found, right, rtol=0, atol=5e-7)
    served = np.loadtxt(HERE / "ll-adult-served.csv", delimiter=",", skiprows=1)
    rows, labels, scores = served[:, :14].astype(dtype), served[:, 14], served[:, 15]
    assert len(rows) == 167
    found = model.predict_proba(rows)[:, 1]
    np.testing.assert_allclose(found, scores, rtol=0, atol=5e-7)
    np.testing.assert_array_equal(model.predict(rows), labels)
    # With the default of 0.5 some labels would be others.
    assert (load_artifact(HERE / "ll-adult.tar.gz", threshold=0.5).predict(rows)
            != labels).any()  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_real_regressor(dtype):
    model = load_artifact(HERE / "ll-packt.tar.gz")
    assert isinstance(model, LinearLearnerRegressor)
    assert model.loss == "squared_loss"
    rows, right = oracle("ll-packt")
    found = model.predict(rows.astype(dtype))
    np.testing.assert_allclose(found, right[:, 0], rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_real_classifier_of_weighted_classes(dtype):
    model = load_artifact(HERE / "ll-wildfire.tar.gz")
    assert isinstance(model, LinearLearnerClassifier)
    assert model.loss == "softmax_loss"
    assert model.balance_multiclass_weights is True
    assert model.coef_.shape == (13, 58)
    assert not hasattr(model, "threshold_")
    rows, right = oracle("ll-wildfire")
    found = model.predict_proba(rows.astype(dtype))
    # Scores are of order 1,000, and MXNet has them in float32.
    np.testing.assert_allclose(found, right, rtol=0, atol=6e-5)
    np.testing.assert_array_equal(model.predict(rows), right.argmax(axis=1))


def test_artifacts_of_earlier_versions_of_ours():
    document = json.loads((HERE / "format-1.json").read_text())
    rows = np.array(document["rows"])
    assert len(document["models"]) == 5
    for name, known in document["models"].items():
        model = load_artifact(HERE / f"format-1-{name}.tar.gz")
        found = getattr(model, "predict_proba", model.predict)(rows)
        np.testing.assert_allclose(found, known["output"], rtol=1e-14, err_msg=name)
        predicted = model.predict(rows)
        if predicted.dtype.kind == "f":
            np.testing.assert_allclose(predicted, known["predict"], rtol=1e-14)
        else:
            np.testing.assert_array_equal(predicted, known["predict"])
        assert getattr(model, "threshold_", None) == known.get("threshold")
        # Also without our members.
        bare = {
            key: data
            for key, data in inner(HERE / f"format-1-{name}.tar.gz").items()
            if not key.startswith("sklearn_sagemaker/")
        }
        if name == "fm-multiclass":
            continue
        found = getattr(load_artifact(zipped(bare)), "predict_proba", None)
        found = found or load_artifact(zipped(bare)).predict
        np.testing.assert_allclose(found(rows), known["output"], rtol=1e-5, atol=1e-6)


# ------------------------------------------------------------------- made for the tests
def node(op, name, *inputs, **attrs):
    made = {"op": op, "name": name, "inputs": [[number, 0, 0] for number in inputs]}
    return {**made, "attrs": attrs} if attrs else made


def symbol(nodes, heads=None, key="attrs", version=10301):
    """The JSON of a graph; ``key`` is what a node calls its attributes."""
    nodes = [{key if k == "attrs" else k: v for k, v in one.items()} for one in nodes]
    document = {
        "nodes": nodes,
        "arg_nodes": [i for i, one in enumerate(nodes) if one["op"] == "null"],
        "node_row_ptr": list(range(len(nodes) + 1)),
        "heads": heads or [[len(nodes) - 1, 0, 0]],
        "attrs": {"mxnet_version": ["int", version]},
    }
    return json.dumps(document, indent=2).encode()


def dot_nodes(n, outputs, head):
    """Nodes of ``dot`` and an output operation."""
    return [
        node("null", "data"),
        node("null", "fc0_weight", __shape__=f"({n}, {outputs})"),
        node("dot", "dot47", 0, 1),
        node("null", "fc0_bias", __lr_mult__="10.0", __shape__=f"(1, {outputs})"),
        node("broadcast_add", "broadcast_plus47", 2, 3),
        node("null", "out_label"),
        node(head, "output47", 4, 5),
    ]


def weighted_nodes(n, outputs):
    """Nodes of the softmax that SageMaker makes by hand for weighted classes."""
    return [
        *dot_nodes(n, outputs, "x")[:5],
        node("max", "max35", 4, axis="1"),
        node("Reshape", "reshape141", 5, shape="(-1, 1)"),
        node("broadcast_sub", "broadcast_minus35", 4, 6),
        node("_plus_scalar", "_plusscalar35", 7, scalar="10.0"),
        node("exp", "exp35", 8),
        node("sum", "sum35", 9, axis="1"),
        node("Reshape", "reshape142", 10, shape="(-1, 1)"),
        node("broadcast_div", "broadcast_div35", 9, 11),
        node("clip", "clip35", 12, a_max="1.0", a_min="1e-10"),
        node("BlockGrad", "blockgrad71", 13),
        node("null", "class_weights", __shape__=f"({outputs}L,)",
             __init__=json.dumps(["constantarray", {"arr": [1.0] * outputs}])),
        node("null", "out_label"),
        node("Reshape", "reshape140", 16, shape="(-1,)"),
        node("take", "take35", 15, 17),
        node("BlockGrad", "blockgrad70", 18),
        node("_mul_scalar", "_mulscalar70", 19, scalar="-1.0"),
        node("pick", "pick35", 13, 17),
        node("log", "log35", 21),
        node("elemwise_mul", "_mul35", 20, 22),
        node("make_loss", "make_loss35", 23),
        node("Reshape", "reshape143", 24, shape="(-1, 1)"),
        node("_mul_scalar", "_mulscalar71", 25, scalar="1e-30"),
        node("broadcast_add", "broadcast_add35", 14, 26),
    ]  # fmt: skip


def additional(kind, loss, threshold=0.5, **change):
    """``additional-params.json`` as SageMaker writes it."""
    metrics = {
        "quantile": None, "huber_delta": None, "margin": None,
        "loss_insensitivity": None, "eps_insensitive_loss_type": None,
        "accuracy_top_k": 3, "f_beta": None if kind == "regressor" else 1.0,
        "positive_example_weight_mult": 1.0, "class_weights": None,
        "threshold": threshold,
    }  # fmt: skip
    document = {"threshold": threshold, "loss_type": loss, "predictor_type": kind,
                "metrics_params": metrics, **change}  # fmt: skip
    return json.dumps(document).encode()


def linear(weight, bias, nodes, said, order=ORDER, weights=None, **spelling):
    """The files of a Linear Learner as SageMaker writes them, in some order."""
    arrays = {} if weights is None else {"arg:class_weights": weights}
    arrays |= {"arg:fc0_bias": bias, "arg:fc0_weight": weight}
    files = {
        "mx-mod-symbol.json": symbol(nodes, **spelling),
        "manifest.json": b'{"additional-params.json": "json", '
        b'"mx-mod": "mxnet_module", "version": 1}',
        "mx-mod-0000.params": write_ndarrays(
            {name: np.asarray(array, np.float32) for name, array in arrays.items()}
        ),
    }
    if said is not None:
        files["additional-params.json"] = said
    return {name: files[name] for name in order if name in files}


LOW = additional("binary_classifier", "logistic", 0.03)


def binary(said=LOW, **more):
    nodes = dot_nodes(3, 1, "LogisticRegressionOutput")
    return linear([[1], [2], [-3]], [[-0.5]], nodes, said, **more)


def zipped(files):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (2018, 8, 7, 10, 11, 12))
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, content)
    return target.getvalue()


def tarred(model, before=(), after=(), name="model_algo-1"):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for title, content in (*before, (name, model), *after):
            entry = tarfile.TarInfo(title)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def packed(files):
    return gzipped(tarred(zipped(files)))


def gzipped(data, system=255):
    """gzip, with a byte for the system that wrote it."""
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = stream.compress(data) + stream.flush()
    tail = struct.pack("<II", zlib.crc32(data), len(data))
    return b"\x1f\x8b\x08\0\0\0\0\0\0" + bytes([system]) + body + tail


def inner(path):
    with tarfile.open(path) as archive:
        content = archive.extractfile("model_algo-1").read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


SCORE = ROWS @ [1, 2, -3] - 0.5


def check(model, threshold=0.03):
    """That a model is the one of `binary`."""
    np.testing.assert_allclose(model.predict_proba(ROWS)[:, 1], expit(SCORE))
    assert model.threshold_ == threshold
    labels = (expit(SCORE) > threshold).astype(int)
    assert 0 < labels.sum() < len(labels)
    np.testing.assert_array_equal(model.predict(ROWS), labels)


# ----------------------------------------------------------------- layouts and archives
SQUARE = np.array([[1, 2, 3], [-1, 0.5, 0], [0.25, -2, 1]], np.float32)
BIAS = np.array([0.5, 0, -1], np.float32)


def fully_connected(outputs, head="SoftmaxOutput"):
    return [
        node("null", "data"), node("null", "fc0_weight"), node("null", "fc0_bias"),
        node("FullyConnected", "fc0", 0, 1, 2, num_hidden=str(outputs)),
        node("null", "softmax_label"), node(head, "softmax", 3, 4),
    ]  # fmt: skip


@pytest.mark.parametrize("said", [None, additional("multiclass_classifier", "softmax")])
def test_the_operation_tells_how_weights_lie(said):
    # Three features and three classes: shapes tell nothing.
    nodes = dot_nodes(3, 3, "SoftmaxOutput")
    model = load_artifact(packed(linear(SQUARE, BIAS[None], nodes, said)))
    right = softmax(ROWS @ SQUARE + BIAS, axis=1)
    np.testing.assert_allclose(model.predict_proba(ROWS), right)
    model = load_artifact(packed(linear(SQUARE, BIAS, fully_connected(3), said)))
    right = softmax(ROWS @ SQUARE.T + BIAS, axis=1)
    np.testing.assert_allclose(model.predict_proba(ROWS), right)
    turned = dot_nodes(3, 3, "SoftmaxOutput")
    turned[2]["attrs"] = {"transpose_b": "True"}
    model = load_artifact(packed(linear(SQUARE, BIAS[None], turned, said)))
    np.testing.assert_allclose(model.predict_proba(ROWS), right)


@pytest.mark.parametrize(
    "change",
    [
        {2: node("dot", "dot", 1, 0)},
        {2: node("dot", "dot", 0, 1, transpose_a="True")},
        {2: node("batch_dot", "dot", 0, 1)},
        {2: node("dot", "dot", 0, 3)},
        {6: node("FullyConnected", "out", 0, 1, 3, num_hidden="3")},
        {6: node("square", "out", 1)},
    ],
    ids=str,
)
def test_weights_that_are_read_in_another_way(change):
    nodes = dot_nodes(3, 3, "SoftmaxOutput")
    if 2 in change and change[2]["inputs"][1][0] == 3:
        nodes[2:4] = [nodes[3], node("dot", "dot", 0, 2)]
    for number, one in change.items():
        if number == 6 or one["inputs"][1][0] != 3:
            nodes[number] = one
    files = linear(SQUARE, BIAS[None], nodes,
                   additional("multiclass_classifier", "softmax_loss"))  # fmt: skip
    with pytest.raises(ArtifactError, match="must multiply rows by fc0_weight"):
        load_artifact(packed(files))


@pytest.mark.parametrize(
    ("weight", "bias", "match"),
    [
        (np.ones((3, 2)), np.ones((1, 3)), r"fc0_bias has shape \(1, 3\)"),
        (np.ones((3, 2)), np.ones((2, 1)), r"fc0_bias has shape \(2, 1\)"),
        (np.ones((2, 3)), np.ones((1, 2)), "but the model has 3 outputs"),
        (np.ones((3, 1, 1)), np.ones((1, 1)), "must be a matrix"),
    ],
)
def test_shapes_that_disagree_under_dot(weight, bias, match):
    nodes = dot_nodes(3, 2, "SoftmaxOutput")
    with pytest.raises(ArtifactError, match=match):
        load_artifact(packed(linear(weight, bias, nodes, None)))


@pytest.mark.parametrize(
    "said", [None, additional("multiclass_classifier", "weighted_softmax_loss")]
)
def test_weighted_classes(said):
    weights = np.array([1, 2.5, 510001.0])
    nodes = weighted_nodes(3, 3)
    files = linear(SQUARE, BIAS[None], nodes, said, weights=weights)
    model = load_artifact(packed(files))
    right = softmax(ROWS @ SQUARE + BIAS, axis=1)
    np.testing.assert_allclose(model.predict_proba(ROWS), right)
    assert model.artifact_source_["predictor_type"] == "artifact"
    for shape in ((3, 1), (1, 3), (4,), (1,)):
        wrong = linear(SQUARE, BIAS[None], nodes, said, weights=np.ones(shape))
        with pytest.raises(ArtifactError, match="class_weights has shape"):
            load_artifact(packed(wrong))
    wrong = linear(SQUARE, BIAS[None], nodes, said, weights=[1, np.nan, 1])
    with pytest.raises(ArtifactError, match="class_weights has 1 numbers"):
        load_artifact(packed(wrong))
    # A parameter that the graph does not have.
    wrong = linear(SQUARE, BIAS[None], dot_nodes(3, 3, "SoftmaxOutput"), said,
                   weights=weights)  # fmt: skip
    with pytest.raises(ArtifactError, match="does not use the parameters"):
        load_artifact(packed(wrong))


@pytest.mark.parametrize(
    "change",
    [
        {7: node("broadcast_mul", "x", 4, 6)},  # scores are not shifted only
        {9: node("square", "x", 8)},
        {10: node("sum", "x", 9, axis="0")},
        {12: node("broadcast_div", "x", 11, 9)},
        {13: node("clip", "x", 12, a_max="0.5", a_min="1e-10")},
        {13: node("clip", "x", 12, a_max="1.0", a_min="zero")},
        {26: node("_mul_scalar", "x", 25, scalar="0.1")},
    ],
    ids=str,
)
def test_a_softmax_by_hand_that_is_none(change):
    nodes = weighted_nodes(3, 3)
    for number, one in change.items():
        nodes[number] = one
    files = linear(SQUARE, BIAS[None], nodes, None, weights=np.ones(3))
    with pytest.raises(ArtifactError, match="does not say what the model predicts"):
        load_artifact(packed(files))


def test_archives_of_every_year(tmp_path):
    model = zipped(binary())
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo("model_algo-1")
        entry.size, entry.mtime, entry.uname = len(model), 1724284800.25, "root"
        entry.pax_headers = {"atime": "1724284800.5", "ctime": "1724284800.75",
                             "LIBARCHIVE.creationtime": "1724284800"}  # fmt: skip
        archive.addfile(entry, io.BytesIO(model))
    whole = target.getvalue()
    used = 512 * 3 + -(-len(model) // 512) * 512
    assert not any(whole[used:])
    short = whole[:used] + bytes(1024)
    short += bytes(-len(short) % 5120)
    assert whole[156:157] == b"x"
    assert len(short) % 5120 == 0
    for data in (
        packed(binary()), gzipped(short, system=3), gzipped(whole), short,
        gzipped(tarred(model, [("._model_algo-1", b"x"), ("a/b.txt", b"y")])),
        gzipped(tarred(model, after=[("model_notes.txt", b"x"), ("z", b"")])),
        gzipped(tarred(model, name="output/model_algo-2")),
        model, zipped({"README": b"x", **binary(), "a/b.json": b"{}"}),
    ):  # fmt: skip
        check(load_artifact(data))
    path = tmp_path / "model_algo-1"
    path.write_bytes(model)
    check(load_artifact(path))
    check(load_artifact(str(tmp_path)))
    (tmp_path / "model.tar.gz").write_bytes(packed(binary()))
    with pytest.raises(IsADirectoryError, match="name a file in it"):
        load_artifact(tmp_path)
    path.unlink()
    check(load_artifact(tmp_path))
    os.makedirs(tmp_path / "empty" / "model_algo-1")
    with pytest.raises(IsADirectoryError, match="name a file in it"):
        load_artifact(tmp_path / "empty")


def test_any_order_of_members_and_arrays():
    orders = [ORDER[i:] + ORDER[:i] for i in range(4)] + [ORDER[::-1]]
    for order in orders:
        check(load_artifact(packed(binary(order=order))))
    files = binary()
    arrays = {"arg:fc0_weight": np.float32([[1], [2], [-3]]),
              "arg:fc0_bias": np.float32([[-0.5]])}  # fmt: skip
    files["mx-mod-0000.params"] = write_ndarrays(arrays)
    check(load_artifact(packed(files)))


@pytest.mark.parametrize("key", ["attrs", "attr", "param"])
def test_spellings_of_attributes(key):
    check(load_artifact(packed(binary(key=key, version=10000))))
    nodes = fully_connected(3)
    files = linear(SQUARE, BIAS, nodes, None, key=key)
    right = softmax(ROWS @ SQUARE.T + BIAS, axis=1)
    np.testing.assert_allclose(load_artifact(packed(files)).predict_proba(ROWS), right)


# ------------------------------------------------------------- additional-params.json
def test_thresholds_are_those_that_were_calibrated():
    for threshold in (0.030123456194996834, 0.5315, 0.97, 0, 1):
        said = additional("binary_classifier", "logistic", threshold)
        model = load_artifact(packed(binary(said)))
        assert model.threshold_ == threshold
        assert model.artifact_source_["threshold"] == "artifact"
        assert type(model.threshold_) is float
    assert load_artifact(packed(binary()), threshold=0.7).threshold_ == 0.7
    for said in (None, b"{}", additional("binary_classifier", "logistic", None)):
        model = load_artifact(packed(binary(said)))
        assert model.artifact_source_["threshold"] == "default"
        check(model, 0.5)


@pytest.mark.parametrize(
    "threshold",
    ["0.03", True, -0.1, 1.5, float("nan"), float("inf"), [], 10**400],
    ids=lambda value: str(value)[:9],
)
def test_thresholds_that_are_none(threshold):
    said = additional("binary_classifier", "logistic", threshold)
    with pytest.raises(ArtifactError, match="threshold is"):
        load_artifact(packed(binary(said)))
    # Without meaning, but for two classes.
    said = additional("regressor", "squared_loss", threshold)
    files = linear([[1], [2], [-3]], [[-0.5]],
                   dot_nodes(3, 1, "LinearRegressionOutput"), said)  # fmt: skip
    np.testing.assert_allclose(load_artifact(packed(files)).predict(ROWS), SCORE)


@pytest.mark.parametrize(
    "loss",
    [n for n, x in LOSSES.items() if x.link == "identity"] + ["another_loss"],
)
@pytest.mark.parametrize("head", ["LinearRegressionOutput", "make_loss"])
def test_losses_of_regressors(loss, head):
    said = additional("regressor", loss)
    files = linear([[1], [2], [-3]], [[-0.5]], dot_nodes(3, 1, head), said)
    model = load_artifact(packed(files))
    assert model.loss == ("auto" if loss == "another_loss" else loss)
    assert model.artifact_source_["loss"] == "artifact"
    np.testing.assert_allclose(model.predict(ROWS), SCORE)


@pytest.mark.parametrize("head", ["LinearRegressionOutput", "make_loss", "SVMOutput"])
def test_hinge_scores_are_raw(head):
    said = additional("binary_classifier", "hinge_loss", 1.5)
    files = linear([[1], [2], [-3]], [[-0.5]], dot_nodes(3, 1, head), said)
    model = load_artifact(packed(files))
    assert (model.loss, model.threshold_) == ("hinge_loss", 1.5)
    assert not hasattr(model, "predict_proba")
    np.testing.assert_array_equal(model.predict(ROWS), (SCORE > 1.5).astype(int))


def test_two_outputs_have_no_calibrated_threshold():
    weight, bias = SQUARE[:, :2], BIAS[None, :2]
    said = additional("multiclass_classifier", "softmax_loss", 0.25)
    files = linear(weight, bias, dot_nodes(3, 2, "softmax"), said)
    model = load_artifact(packed(files))
    right = softmax(ROWS @ weight + bias, axis=1)
    np.testing.assert_allclose(model.predict_proba(ROWS), right)
    assert model.threshold_ == 0.5
    assert model.artifact_source_["threshold"] == "default"
    # It is a model of two classes, and can be saved and fitted as one.
    target = io.BytesIO()
    save_artifact(model, target)
    again = load_artifact(target.getvalue())
    np.testing.assert_array_equal(again.predict_proba(ROWS), model.predict_proba(ROWS))
    model.fit(ROWS, SCORE > 0)


@pytest.mark.parametrize(
    ("said", "match"),
    [
        (b"[]", "must hold a JSON object"),
        (b"{", "is not JSON"),
        (b'{"a": "' + b"x" * (1 << 22) + b'"}', "bytes, more than"),
        (additional("clusterer", "logistic"), "predictor_type is 'clusterer'"),
        (additional(["regressor"], "logistic"), "predictor_type is"),
        (additional("binary_classifier", 3), "loss_type must be text"),
        (additional("regressor", "squared_loss"), "says that the model is a regressor"),
        (additional("binary_classifier", "hinge_loss"), "says that the model is a bin"),
        (additional("multiclass_classifier", "softmax_loss"), "says that the model is"),
    ],
)
def test_additional_params_that_are_wrong(said, match):
    with pytest.raises(ArtifactError, match=match):
        load_artifact(packed(binary(said)))


# -------------------------------------------------------------- Factorization Machines
def factor_nodes(head="LinearRegressionOutput"):
    """A graph like SageMaker's for sparse rows."""
    return [
        node("null", "data", __storage_type__="2"),
        node("null", "w1_weight", __storage_type__="1", __lr_mult__="0.001"),
        node("dot", "dot0", 0, 1),
        node("null", "w0_weight", __init__='["normal", {"sigma": 0.01}]'),
        node("broadcast_add", "broadcast_add0", 2, 3),
        node("null", "v", __storage_type__="1", __shape__="(3L, 2L)"),
        node("dot", "dot1", 0, 5),
        node("square", "Square", 6),
        node("_mul_scalar", "_mulscalar0", 7, scalar="0.5"),
        node("Concat", "concat0", 4, 8, dim="1"),
        node("square", "x_square", 0),
        node("_square_sum", "_square_sum0", 5, axis="1", keepdims="True"),
        node("dot", "dot2", 10, 11),
        node("_mul_scalar", "_mulscalar1", 12, scalar="-0.5"),
        node("Concat", "concat1", 9, 13, dim="1"),
        node("sum", "Final_Summation", 14, axis="1"),
        node("null", "out_label"),
        node(head, "out", 15, 16),
    ]


V = np.float32([[1, 0.5], [0.25, 0], [2, -1]])
W1 = np.float32([[1], [0], [-1]])
FM_SCORE = 0.25 + ROWS @ W1[:, 0] + 0.5 * ((ROWS @ V) ** 2 - ROWS**2 @ V**2).sum(axis=1)


def machine(said, head="LinearRegressionOutput", w0=(1,), stored=True):
    def rows(array):
        whole = np.arange(len(array))
        return RowSparse(array.shape, whole, array) if stored else array

    arrays = {"arg:w1_weight": rows(W1), "arg:w0_weight": np.full(w0, 0.25, np.float32),
              "arg:v": rows(V)}  # fmt: skip
    document = {"version": 1, "epoch_number": 1, "training_parameters": said,
                "label_names": ["out_label"], "more": None}  # fmt: skip
    return {
        "meta.json": json.dumps(document).encode(),
        "symbol.json": symbol(factor_nodes(head)),
        "params": write_ndarrays(arrays),
    }


TEXTS = {"feature_dim": "3", "num_factors": "2", "predictor_type": "regressor",
         "epochs": "50", "_optimizer": "adam", "use_bias": "true"}  # fmt: skip


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("w0", [(1,), (1, 1)])
@pytest.mark.parametrize(
    "said", [TEXTS, {**TEXTS, "feature_dim": 3, "num_factors": "2.0"}, {}]
)
def test_factorization_machines_for_sparse_rows(said, w0, stored):
    model = load_artifact(packed(machine(said, w0=w0, stored=stored)))
    assert isinstance(model, FactorizationMachinesRegressor)
    np.testing.assert_allclose(model.predict(ROWS), FM_SCORE, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("head", ["LogisticRegressionOutput", "LinearRegressionOutput"])
def test_factorization_machines_of_two_classes(head):
    said = {**TEXTS, "predictor_type": "binary_classifier"}
    model = load_artifact(packed(machine(said, head)))
    assert isinstance(model, FactorizationMachinesClassifier)
    assert model.threshold_ == 0.5
    right = expit(FM_SCORE)
    np.testing.assert_allclose(model.predict_proba(ROWS)[:, 1], right, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"feature_dim": "4"}, "feature_dim is '4', but the parameters have 3"),
        ({"num_factors": "many"}, "num_factors is 'many'"),
        ({"num_factors": None}, "num_factors is 'None'"),
        ({"predictor_type": "clusterer"}, "predictor_type is 'clusterer'"),
        ({"predictor_type": "multiclass_classifier"}, "predictor_type is 'multiclass"),
    ],
)
def test_meta_that_is_wrong(change, match):
    with pytest.raises(ArtifactError, match=match):
        load_artifact(packed(machine({**TEXTS, **change})))


def test_meta_of_another_graph():
    files = machine(TEXTS, "LogisticRegressionOutput")
    with pytest.raises(ArtifactError, match="says that the model is a regressor"):
        load_artifact(packed(files))


# ----------------------------------------------------------------------- large graphs
def chain(count, heads=1):
    """A Linear Learner with a tail of operations that change nothing."""
    nodes = dot_nodes(3, 1, "LogisticRegressionOutput")
    nodes += [node("identity", "i", number + 6) for number in range(count)]
    head = [[len(nodes) - 1, 0, 0]] * heads
    files = binary()
    files["mx-mod-symbol.json"] = symbol(nodes, head)
    return files


def shared(count):
    """Sums of sums: two to the count ways from the head to the scores."""
    nodes = dot_nodes(3, 1, "LogisticRegressionOutput")
    nodes += [node("elemwise_add", "s", 6 + i, 6 + i) for i in range(count)]
    return {**binary(), "mx-mod-symbol.json": symbol(nodes)}


@pytest.mark.parametrize("files", [chain(900, heads=1000), shared(900)],
                         ids=["heads", "shared"])  # fmt: skip
def test_graphs_with_many_ways_through_them(files):
    check(load_artifact(packed(files)))


@pytest.mark.parametrize("files", [chain(900, 1001), chain(1000), shared(5000)],
                         ids=["heads", "chain", "shared"])  # fmt: skip
def test_graphs_that_are_too_large(files):
    with pytest.raises(ArtifactError, match="more than 1000; it is no graph"):
        load_artifact(packed(files))
