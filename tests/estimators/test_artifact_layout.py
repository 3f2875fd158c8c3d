"""What we write is laid out as SageMaker's; tests/oracle has MXNet read it."""

import io
import json
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from sklearn_sagemaker import (
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
    load_artifact,
    save_artifact,
)
from sklearn_sagemaker._kernels import LOSSES
from sklearn_sagemaker.io.artifacts.archives import read_gzip, read_zip, write_zip
from sklearn_sagemaker.io.artifacts.tar_archives import read_tar

HERE = Path(__file__).parent / "artifacts"
ROWS = np.round(np.random.default_rng(3).normal(size=(40, 3)), 3)
SCORE = ROWS @ [1, 2, -3] - 0.5


def members(data):
    return read_zip(read_tar(read_gzip(data))["model_algo-1"])


def written(model, **options):
    target = io.BytesIO()
    save_artifact(model, target, **options)
    return target.getvalue()


def anonymous(data):
    """A graph without the numbers in the names of its operations."""
    document = json.loads(data)
    for one in document["nodes"]:
        if one["op"] != "null":
            one["name"] = one["name"].rstrip("0123456789")
    return document


@pytest.mark.parametrize("name", ["ll-adult", "ll-packt"])
def test_a_real_artifact_is_written_as_it_was(name):
    theirs = members((HERE / f"{name}.tar.gz").read_bytes())
    ours = members(written(load_artifact(HERE / f"{name}.tar.gz")))
    assert set(theirs) < set(ours)
    assert list(ours)[:4] == ["additional-params.json", "manifest.json",
                              "mx-mod-symbol.json", "mx-mod-0000.params"]  # fmt: skip
    assert all(key.startswith("sklearn_sagemaker/") for key in list(ours)[4:])
    for key in ("additional-params.json", "manifest.json"):
        assert json.loads(ours[key]) == json.loads(theirs[key])
    assert anonymous(ours["mx-mod-symbol.json"]) == (
        anonymous(theirs["mx-mod-symbol.json"])
    )
    if name == "ll-adult":  # the one by Python 3, whose keys have an order
        for key in ("additional-params.json", "manifest.json", "mx-mod-0000.params"):
            assert ours[key] == theirs[key]


def test_archives_are_written_as_sagemaker_does():
    theirs = (HERE / "ll-adult.tar.gz").read_bytes()
    ours = written(load_artifact(theirs))
    assert ours[:10] == theirs[:10]
    for data in (ours, theirs):
        whole = zlib.decompress(data, 31)
        assert whole[100:107] == b"0100644"
        assert whole[257:265] == b"ustar\x0000"
        assert len(whole) == 10240
        with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
            assert archive.getnames() == ["model_algo-1"]
            assert archive.next() is None
            content = archive.extractfile("model_algo-1").read()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                assert entry.external_attr >> 16 == 0o100644
                assert entry.compress_type == zipfile.ZIP_STORED
                assert (entry.create_version, entry.extract_version) == (20, 20)
                assert (entry.create_system, entry.flag_bits) == (3, 0)


QUICK = {"num_models": 1, "epochs": 2, "random_state": 0}
KEYS = ["quantile", "huber_delta", "margin", "loss_insensitivity",
        "eps_insensitive_loss_type", "accuracy_top_k", "f_beta",
        "positive_example_weight_mult", "class_weights", "threshold"]  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"loss": "auto"}, {}),
        ({"loss": "quantile_loss", "quantile": 0.3}, {"quantile": 0.3}),
        ({"loss": "huber_loss", "huber_delta": 2.0}, {"huber_delta": 2.0}),
        ({"loss": "absolute_loss"}, {}),
        ({"loss": "eps_insensitive_squared_loss", "loss_insensitivity": 0.1},
         {"loss_insensitivity": 0.1}),
    ],
    ids=str,
)  # fmt: skip
def test_additional_params_of_regressors(parameters, said):
    model = LinearLearnerRegressor(**QUICK, **parameters).fit(ROWS, SCORE)
    found = json.loads(members(written(model))["additional-params.json"])
    assert list(found) == ["threshold", "loss_type", "predictor_type", "metrics_params"]
    loss = parameters["loss"]
    assert found["loss_type"] == ("squared_loss" if loss == "auto" else loss)
    assert (found["predictor_type"], found["threshold"]) == ("regressor", 0.5)
    right = dict.fromkeys(KEYS) | {"accuracy_top_k": 3, "threshold": 0.5,
                                   "positive_example_weight_mult": 1.0}  # fmt: skip
    assert list(found["metrics_params"].items()) == list({**right, **said}.items())


@pytest.mark.parametrize("loss", [n for n, x in LOSSES.items() if x.link != "identity"])
def test_additional_params_of_classifiers(loss):
    several = LOSSES[loss].coupled
    labels = np.digitize(SCORE, [-1, 1]) if several else SCORE > 0.7
    parameters = {"accuracy_top_k": 2} if several else {
        "f_beta": 2.0, "positive_example_weight_mult": 2.0,
        "binary_classifier_model_selection_criteria": "f_beta",
    }  # fmt: skip
    model = LinearLearnerClassifier(**QUICK, loss=loss, **parameters)
    model.fit(ROWS, labels)
    files = members(written(model))
    found = json.loads(files["additional-params.json"])
    assert found["loss_type"] == loss
    assert found["predictor_type"] == (
        "multiclass_classifier" if several else "binary_classifier"
    )
    # The threshold is rounded as SageMaker's; our own members have every digit.
    threshold = 0.5 if several else float(np.float32(model.threshold_))
    assert found["threshold"] == found["metrics_params"]["threshold"] == threshold
    again = load_artifact(written(model))
    assert getattr(again, "threshold_", None) == getattr(model, "threshold_", None)
    assert list(found["metrics_params"]) == KEYS
    assert found["metrics_params"]["f_beta"] == (1.0 if several else 2.0)
    assert found["metrics_params"]["accuracy_top_k"] == (2 if several else 3)
    weight = 1.0 if several else 2.0
    assert found["metrics_params"]["positive_example_weight_mult"] == weight
    margin = 1.0 if LOSSES[loss].parameter == "margin" else None
    assert found["metrics_params"]["margin"] == margin
    heads = {"logit": "LogisticRegressionOutput", "score": "SVMOutput",
             "softmax": "SoftmaxOutput"}  # fmt: skip
    nodes = json.loads(files["mx-mod-symbol.json"])["nodes"]
    assert [one["op"] for one in nodes] == [
        "null", "null", "dot", "null", "broadcast_add", "null", heads[LOSSES[loss].link]
    ]  # fmt: skip
    # Without our members they are as SageMaker's.
    bare = {k: v for k, v in files.items() if not k.startswith("sklearn_sagemaker/")}
    again = load_artifact(write_zip(bare))
    margins = again.decision_function(ROWS)
    np.testing.assert_allclose(margins, model.decision_function(ROWS), rtol=1e-5,
                               atol=1e-6)  # fmt: skip


def test_every_hyperparameter_is_text_in_meta():
    model = FactorizationMachinesRegressor(
        num_factors=2, linear_lr=0.02, bias_init_method="constant", bias_init_value=0.5,
        **QUICK,
    ).fit(ROWS, SCORE)  # fmt: skip
    files = members(written(model))
    assert list(files)[:3] == ["meta.json", "symbol.json", "params"]
    found = json.loads(files["meta.json"])
    assert list(found) == ["version", "epoch_number", "training_parameters",
                           "label_names"]  # fmt: skip
    assert (found["version"], found["epoch_number"]) == (1, 1)
    assert found["label_names"] == ["out_label"]
    said = found["training_parameters"]
    assert all(isinstance(value, str) for value in said.values())
    texts = ("_kvstore", "_num_kv_servers", "_num_gpus")
    assert [key for key, value in said.items() if value == "auto"] == list(texts)
    wanted = {
        "feature_dim": "3", "num_factors": "2", "predictor_type": "regressor",
        "epochs": "2", "linear_lr": "0.02", "factors_lr": "0.0001", "bias_wd": "0.0",
        "bias_init_method": "constant", "bias_init_value": "0.5", "use_bias": "true",
        "linear_init_method": "normal", "linear_init_sigma": "0.0",
        "_use_full_symbolic": "true", "use_linear": "true", "_learning_rate": "1.0",
    }  # fmt: skip
    assert {key: said.get(key) for key in wanted} == wanted
    assert not {"bias_init_sigma", "linear_init_value", "clip_gradient"} & set(said)
    assert (
        load_artifact(write_zip({k: files[k] for k in list(files)[:3]})).coef_.size == 3
    )
