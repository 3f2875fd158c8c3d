"""Hyperparameters of the algorithms' classes: checked at once, by the one table."""

import inspect
import warnings

import numpy as np
import pytest

from sklearn_sagemaker._hyperparameters import ALL
from sklearn_sagemaker._hyperparameters.container import container_table
from sklearn_sagemaker.exceptions import InapplicableHyperparameterWarning
from sklearn_sagemaker.sagemaker import FactorizationMachines, LinearLearner
from sklearn_sagemaker.sagemaker.amazon import hyperparameter
from sklearn_sagemaker.sagemaker.amazon.hyperparameter import Hyperparameter

JOB = ("arn:aws:iam::111122223333:role/R", 1, "ml.m5.large")


def linear(kind="binary_classifier", **kwargs):
    return LinearLearner(*JOB, kind, **kwargs)


def factors(**kwargs):
    return FactorizationMachines(*JOB, 8, "regressor", **kwargs)


@pytest.mark.parametrize("cls", [LinearLearner, FactorizationMachines])
def test_the_attributes_are_what_the_container_takes(cls):
    attributes = {
        name for name in dir(cls) if isinstance(getattr(cls, name), Hyperparameter)
    }
    tables = [container_table(cls.repo_name, kind) for kind in ALL]
    assert attributes == {name for table in tables for name in table}


@pytest.mark.parametrize("cls", [LinearLearner, FactorizationMachines])
def test_the_docstring_has_their_ranges(cls):
    doc = " ".join(cls.__doc__.replace("\\\n", " ").split())
    entries = hyperparameter._entries(cls.repo_name, None)
    for name in inspect.signature(cls).parameters:
        if isinstance(getattr(cls, name, None), Hyperparameter):
            assert f" {name} : {entries[name].type_text}" in doc


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("binary_classifier", "wd", -1),
        ("binary_classifier", "wd", float("nan")),
        ("binary_classifier", "epochs", 0),
        ("binary_classifier", "epochs", 2.5),
        ("binary_classifier", "epochs", "auto"),
        ("binary_classifier", "target_recall", 1.0),
        ("binary_classifier", "loss", "squared_loss"),
        ("binary_classifier", "optimizer", "adagrad"),
        ("binary_classifier", "use_bias", "no"),
        ("binary_classifier", "positive_example_weight_mult", 0),
        ("binary_classifier", "binary_classifier_model_selection_criteria", "auc"),
        ("regressor", "loss", "logistic"),
        ("regressor", "quantile", 1.5),
        ("regressor", "huber_delta", -1),
        ("multiclass_classifier", "num_classes", 2),
    ],
)
def test_what_the_container_refuses_is_refused_at_once(kind, name, value):
    classes = {"num_classes": 3} if kind == "multiclass_classifier" else {}
    learner = linear(kind, **classes)
    before = learner.hyperparameters()
    with pytest.raises(ValueError, match=f"^{name}=.* must be "):
        setattr(learner, name, value)
    assert learner.hyperparameters() == before
    with pytest.raises(ValueError, match=f"^{name}=.* must be "):
        linear(kind, **{**classes, name: value})


@pytest.mark.parametrize(
    ("name", "value", "kept", "text"),
    [
        ("use_bias", "False", False, "False"),
        ("use_bias", "false", False, "False"),
        ("use_bias", 0, False, "False"),
        ("use_bias", np.True_, True, "True"),
        ("epochs", 3.0, 3, "3"),  # as R writes it
        ("epochs", np.int64(3), 3, "3"),
        ("wd", 1, 1.0, "1.0"),
        ("wd", np.float32(0.5), 0.5, "0.5"),
        ("wd", 1e-7, 1e-7, "1e-07"),
        ("learning_rate", "auto", "auto", "auto"),
        ("num_models", "auto", "auto", "auto"),
        ("optimizer", "auto", "auto", "auto"),
        ("normalize_label", "auto", "auto", "auto"),
        ("num_classes", 2, 2, "2"),  # says nothing of two classes, and is common
        ("positive_example_weight_mult", 2, 2, "2"),
        ("positive_example_weight_mult", "balanced", "balanced", "balanced"),
        ("positive_example_weight_mult", "2.5", "2.5", "2.5"),
    ],
)
def test_values_are_kept_as_their_type_and_sent_as_the_sdk_does(
    name, value, kept, text
):
    learner = linear()
    setattr(learner, name, value)
    found = getattr(learner, name)
    assert found == kept
    assert type(found) is type(kept)
    assert learner.hyperparameters()[name] == text


def test_assignment_and_deletion():
    learner = linear(wd=0.5)
    learner.wd = 0.25
    learner.l1 = 0.1
    assert (learner.wd, learner.epochs) == (0.25, None)
    del learner.wd
    with pytest.raises(AttributeError, match="wd"):
        _ = learner.wd
    with pytest.raises(AttributeError, match="wd is not set"):
        del learner.wd
    learner.l1 = None
    assert learner.hyperparameters() == {"predictor_type": "binary_classifier"}
    assert linear().hyperparameters() == learner.hyperparameters()  # nothing is shared


@pytest.mark.parametrize(
    ("kind", "values", "name"),
    [
        ("binary_classifier", {"target_recall": 0.9}, "target_recall"),
        (
            "binary_classifier",
            {
                "target_precision": 0.9,
                "binary_classifier_model_selection_criteria": "f1",
            },
            "target_precision",
        ),
        ("binary_classifier", {"margin": 2.0}, "margin"),
        ("binary_classifier", {"momentum": 0.5, "optimizer": "adam"}, "momentum"),
        ("regressor", {"quantile": 0.9}, "quantile"),
        ("regressor", {"f_beta": 2.0}, "f_beta"),
        (
            "binary_classifier",
            {"use_lr_scheduler": False, "lr_scheduler_step": 5},
            "lr_scheduler_step",
        ),
    ],
)
def test_what_has_no_effect_warns(kind, values, name):
    with pytest.warns(InapplicableHyperparameterWarning, match=f"^{name}=") as caught:
        linear(kind, **values)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_a_fit_warns_of_what_was_assigned_since():
    learner = linear()
    learner.target_recall = 0.7
    with pytest.warns(InapplicableHyperparameterWarning, match="^target_recall="):
        learner._check(data_known=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learner._check(data_known=False)


def test_what_has_an_effect_does_not_warn():
    linear(
        target_recall=0.9,
        binary_classifier_model_selection_criteria="precision_at_target_recall",
    )
    linear(loss="hinge_loss", margin=2.0)
    linear("regressor", loss="quantile_loss", quantile=0.9)
    linear("multiclass_classifier", num_classes=4, accuracy_top_k=2)
    factors(bias_init_method="constant", bias_init_value=1.0)


def test_several_classes_are_counted():
    with pytest.raises(ValueError, match="num_classes is missing"):
        linear("multiclass_classifier")
    with pytest.raises(ValueError, match="3"):
        linear("multiclass_classifier", num_classes=2)
    with pytest.raises(ValueError, match="predictor_type='multiclass_classifier'"):
        FactorizationMachines(*JOB, 8, "multiclass_classifier")


def test_names_of_version_1_warn_once_each():
    with pytest.warns(DeprecationWarning, match="is called") as caught:
        learner = LinearLearner(
            role=JOB[0],
            train_instance_count=2,
            train_instance_type="ml.c4.xlarge",
            predictor_type="regressor",
            train_max_run=60,
            train_volume_size=7,
        )
    assert [str(item.message).split()[2] for item in caught] == [
        "train_instance_count",
        "train_instance_type",
        "train_max_run",
        "train_volume_size",
    ]
    assert {item.filename for item in caught} == {__file__}
    assert (learner.instance_count, learner.instance_type) == (2, "ml.c4.xlarge")
    assert (learner.max_run, learner.volume_size) == (60, 7)
    with pytest.raises(TypeError, match="two names"):
        LinearLearner(JOB[0], train_instance_count=1, instance_count=1)


def test_what_the_sdk_refuses_is_refused():
    with pytest.raises(TypeError, match="'l2'"):
        linear(l2=0.1)
    with pytest.raises(ValueError, match="role is missing"):
        LinearLearner(None, 1, "ml.m5.large", "regressor")
    with pytest.raises(ValueError, match="a VPC needs both"):
        linear(subnets=["s-1"])
    with pytest.raises(ValueError, match="no local mode"):
        LinearLearner(JOB[0], 1, "local", "regressor")
    with pytest.raises(ValueError, match="SageMaker Debugger"):
        linear(rules=["r"])
    linear(debugger_hook_config=False, disable_profiler=True, rules=None)
    with pytest.raises(ValueError, match="s3://"):
        linear(data_location="here/records")


def test_no_session_is_made_to_construct(monkeypatch):
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    learner = linear()
    assert learner._session is None
    assert "untrained" in repr(learner)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        linear(output_path="s3://out")
