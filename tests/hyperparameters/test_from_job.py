"""From the hyperparameters of a job to constructor arguments."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker._hyperparameters.from_job import JobArguments, arguments_of
from tests.hyperparameters.facts import (
    BINARY,
    KINDS,
    LOSSES,
    MULTICLASS,
    REGRESSOR,
    TABLES,
    illegal,
    legal,
    lines,
)

LINEAR, FACTORS = TABLES
ESTIMATORS = {
    (LINEAR, BINARY): LinearLearnerClassifier,
    (LINEAR, MULTICLASS): LinearLearnerClassifier,
    (LINEAR, REGRESSOR): LinearLearnerRegressor,
    (FACTORS, BINARY): FactorizationMachinesClassifier,
    (FACTORS, REGRESSOR): FactorizationMachinesRegressor,
}
APART = {"predictor_type", "feature_dim", "num_classes"}
LINES = [(algorithm, *line) for algorithm in TABLES for line in lines(algorithm)]
IDS = ["-".join(line[:3]) for line in LINES]
# Beside hyperparameters in the containers' own files of defaults.
HIDDEN = {
    LINEAR: {
        "_tuning_objective_metric": "", "_log_level": "info", "_kvstore": "auto",
        "_num_kv_servers": "auto", "_num_gpus": "auto", "_enable_profiler": "false",
        "force_dense": "true", "_data_format": "record",
    },
    FACTORS: {
        "use_bias": "true", "use_linear": "true", "_optimizer": "adam",
        "_learning_rate": "1.0", "_wd": "1.0", "batch_metrics_publish_interval": "500",
        "_use_full_symbolic": "true", "_data_format": "record", "_kvstore": "auto",
        "_num_kv_servers": "auto", "_num_gpus": "auto", "_log_level": "info",
        "_tuning_objective_metric": "",
    },
}  # fmt: skip


def job(algorithm, kind, **strings):
    """The least that a job must have, and some more."""
    least = {"predictor_type": kind}
    if kind == MULTICLASS:
        least["num_classes"] = "3"
    if algorithm == FACTORS:
        least |= {"feature_dim": "10", "num_factors": "4"}
    return {**least, **strings}


def meant(line, text):
    """The value that a text of the facts stands for."""
    if text in line[5]:
        return text
    if line[0] == "flag":
        return text == "true"
    return {"int": int, "float": float}[line[0]](text)


@pytest.mark.parametrize(("algorithm", "kind", "name", "line"), LINES, ids=IDS)
def test_every_value(algorithm, kind, name, line):
    for text in legal(line):
        if name == "predictor_type" and text != kind:
            continue
        found = arguments_of(algorithm, job(algorithm, kind, **{name: text}))
        assert found.predictor_type == kind
        if name == "feature_dim":
            assert str(found.feature_dim) == text.replace("auto", "None")
        elif name == "num_classes":
            assert found.num_classes == int(text)
        elif name != "predictor_type":
            assert found.arguments[name] == meant(line, text)
            assert isinstance(found.arguments[name], type(meant(line, text)))
    for text in illegal(line):
        # The SDK lets these pass, so the container may.
        if name in ("margin", "huber_delta") and text in ("0", "0.0"):
            continue
        with pytest.raises(ValueError, match=f"^{name}='.*' is not valid: it must be"):
            arguments_of(algorithm, job(algorithm, kind, **{name: text}))


@pytest.mark.parametrize("quote", ['"{}"', "'{}'", ' "{}" '])
@pytest.mark.parametrize(("algorithm", "kind"), ESTIMATORS)
def test_quoted_texts(algorithm, kind, quote):
    bare = {
        name: legal(line)[-1] for k, name, line in lines(algorithm) if k == kind
    } | {"predictor_type": kind}
    quoted = {name: quote.format(text) for name, text in bare.items()}
    assert arguments_of(algorithm, quoted) == arguments_of(algorithm, bare)


@pytest.mark.parametrize(("algorithm", "kind"), ESTIMATORS)
def test_the_containers_defaults_are_ours_of_the_same_name(algorithm, kind):
    """A job without hyperparameters, as its log prints the final configuration."""
    strings = {name: line[-1] for name, line in TABLES[algorithm].items() if line[-1]}
    estimator = ESTIMATORS[algorithm, kind]
    found = arguments_of(
        algorithm, {**strings, **HIDDEN[algorithm], **job(algorithm, kind)}
    )
    assert found.arguments.pop("num_factors", 4) == 4
    theirs = estimator.sagemaker_defaults().get_params()
    assert found.arguments == {name: theirs[name] for name in found.arguments}
    assert set(found.arguments) == set(theirs) & set(strings)
    assert found.feature_dim == (10 if algorithm == FACTORS else None)
    assert found.num_classes == (3 if kind == MULTICLASS else None)


# --------------------------------------------------------------------------- real jobs
def test_a_job_of_version_2_of_the_sdk():
    found = arguments_of(
        LINEAR,
        {
            "feature_dim": "784",
            "predictor_type": "binary_classifier",
            "binary_classifier_model_selection_criteria": "precision_at_target_recall",
            "target_recall": "0.9",
            "positive_example_weight_mult": "balanced",
            "use_bias": "True",
            "normalize_data": "False",
            "wd": "1e-05",
            "epochs": "15",
            "mini_batch_size": "200",
        },
    )
    assert found == JobArguments(
        "binary_classifier",
        {
            "binary_classifier_model_selection_criteria": "precision_at_target_recall",
            "target_recall": 0.9,
            "positive_example_weight_mult": "balanced",
            "use_bias": True,
            "normalize_data": False,
            "wd": 1e-05,
            "epochs": 15,
            "mini_batch_size": 200,
        },
        None,
        784,
    )
    LinearLearnerClassifier.sagemaker_defaults(**found.arguments)


def test_a_job_of_version_3_of_the_sdk():
    strings = {
        "feature_dim": 2,
        "use_bias": True,
        "wd": 1e-06,
        "l1": None,
        "loss": "auto",
    }
    for text in (
        json.dumps,
        str,
    ):  # ModelTrainer.train writes one, its tuner the other.
        given = {name: text(value) for name, value in strings.items()}
        found = arguments_of(LINEAR, {"predictor_type": "regressor", **given})
        assert found.arguments == {"use_bias": True, "wd": 1e-06, "loss": "auto"}
        assert found.feature_dim == 2
        as_they_are = arguments_of(LINEAR, {"predictor_type": "regressor", **strings})
        assert as_they_are == found


def test_a_job_of_a_tuner():
    found = arguments_of(
        LINEAR,
        job(
            LINEAR,
            BINARY,
            _tuning_objective_metric='"validation:binary_f_beta"',
            learning_rate="0.00123",
            num_models="1",
        ),
    )
    assert found.arguments == {"learning_rate": 0.00123, "num_models": 1}


def test_a_job_of_factorization_machines():
    found = arguments_of(
        FACTORS,
        {
            "feature_dim": "9284",
            "num_factors": "64",
            "predictor_type": "regressor",
            "epochs": "20",
            "mini_batch_size": "1000",
            "rescale_grad": "0.001",
            "clip_gradient": "4.5",
            "eps": "1e-8",
            "bias_init_method": "normal",
        },
    )
    machine = FactorizationMachinesRegressor.sagemaker_defaults(**found.arguments)
    assert (machine.num_factors, machine.optimizer, machine.eps) == (64, "adam", 1e-8)
    assert found.feature_dim == 9284


def test_from_r():
    found = arguments_of(
        LINEAR, job(LINEAR, MULTICLASS, epochs="5.0", num_classes="3.0")
    )
    assert (found.arguments, found.num_classes) == ({"epochs": 5}, 3)


def test_hyperparameters_of_other_predictor_types_are_checked_and_left_out():
    strings = job(
        LINEAR, REGRESSOR, target_recall="0.9", num_classes="1", quantile="0.2"
    )
    assert arguments_of(LINEAR, strings).arguments == {"quantile": 0.2}
    with pytest.raises(ValueError, match=r"^target_recall='1\.5' is not valid"):
        arguments_of(LINEAR, {**strings, "target_recall": "1.5"})
    # The classes of one estimator may be two or more.
    found = arguments_of(LINEAR, job(LINEAR, BINARY, accuracy_top_k="5"))
    assert found.arguments == {"accuracy_top_k": 5}


# --------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("algorithm", "strings", "message"),
    [
        (LINEAR, {"l2": "0.1"},
         r"^Additional properties are not allowed \('l2' was unexpected\); "
         r"linear-learner takes accuracy_top_k, .*, wd\.$"),
        (LINEAR, {"l2": "0.1", "C": "1"}, r"\('l2', 'C' were unexpected\)"),
        (LINEAR, {"num_factors": "3"}, r"\('num_factors' was unexpected\)"),
        (LINEAR, {"ensemble_size": "3"}, r"\('ensemble_size' was unexpected\)"),
        (LINEAR, {"sagemaker_rules": "true"}, r"\('sagemaker_rules' was unexpected\)"),
        (FACTORS, {"optimizer": "adam"}, r"\('optimizer' was unexpected\)"),
        (FACTORS, {"solver": "als"}, r"\('solver' was unexpected\)"),
        (FACTORS, {"num_classes": "3"}, r"\('num_classes' was unexpected\)"),
        (FACTORS, {"use_linear": "false"}, "use_linear='false' is not valid: "),
        (FACTORS, {"_optimizer": "sgd"}, "_optimizer='sgd' .* leave it out"),
        (LINEAR, {"predictor_type": "null"}, "predictor_type is missing"),
        (LINEAR, {"predictor_type": "classifier"},
         "predictor_type='classifier' is not valid: it must be .*for example binary"),
        (FACTORS, {"num_factors": "None"}, "num_factors is missing: .* set it to int"),
        (FACTORS, {"feature_dim": "null"}, "feature_dim is missing"),
        (FACTORS, {"predictor_type": MULTICLASS}, "predictor_type='multiclass_classif"),
        (LINEAR, {"predictor_type": MULTICLASS}, "num_classes is missing"),
        (LINEAR, {"predictor_type": MULTICLASS, "num_classes": "2"},
         r"num_classes='2' is not valid: it must be int in \[3, 1000000\], for ex.* 3"),
        (LINEAR, {"loss": "hinge_loss"},
         "loss='hinge_loss' is not valid: .*squared_loss.*, for example auto"),
    ],
)  # fmt: skip
def test_refusals(algorithm, strings, message):
    with pytest.raises(ValueError, match=message):
        arguments_of(algorithm, job(algorithm, REGRESSOR, **strings))


@pytest.mark.parametrize("kind", KINDS[LINEAR])
def test_losses_of_other_predictor_types_are_refused(kind):
    for other, losses in LOSSES.items():
        for loss in losses:
            strings = job(LINEAR, kind, loss=loss)
            if other == kind:
                assert arguments_of(LINEAR, strings).arguments["loss"] == loss
            else:
                with pytest.raises(ValueError, match=f"^loss='{loss}' is not valid"):
                    arguments_of(LINEAR, strings)


@pytest.mark.parametrize("name", ["margin", "huber_delta"])
def test_zero_as_the_sdk_allows_it(name):
    kind = BINARY if name == "margin" else REGRESSOR
    assert arguments_of(LINEAR, job(LINEAR, kind, **{name: "0"})).arguments == {name: 0}


TEXTS = st.one_of(
    st.text("0123456789.eE+-_ \"'nauto\u00b2", max_size=8),
    st.floats().map(str),
    st.integers().map(str),
    st.sampled_from(["auto", "true", "null", "1e400", "9" * 5000, "\u00b2", '"', "''"]),
)


@settings(deadline=None)
@given(
    kind=st.sampled_from(KINDS[LINEAR]),
    strings=st.dictionaries(st.sampled_from(list(TABLES[LINEAR])), TEXTS, max_size=3),
)
def test_any_text_is_a_value_or_refused(kind, strings):
    try:
        found = arguments_of(LINEAR, job(LINEAR, kind, **strings))
    except ValueError:
        return
    ESTIMATORS[LINEAR, found.predictor_type](**found.arguments)._validate_params()
