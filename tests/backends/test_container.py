"""Specs as hyperparameters of jobs of the built-in algorithms."""

from dataclasses import replace

import numpy as np
import pytest

from sklearn_sagemaker import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker._hyperparameters.container import our_table
from sklearn_sagemaker._hyperparameters.from_job import arguments_of
from sklearn_sagemaker._state import TrainingSpec
from sklearn_sagemaker.backends.container import container_values
from sklearn_sagemaker.estimators._spec import make_spec
from sklearn_sagemaker.estimators._targets import ClassTargets, NumberTargets
from sklearn_sagemaker.training.schedule import plan_updates
from tests.hyperparameters.facts import (
    BINARY,
    KINDS,
    MULTICLASS,
    REGRESSOR,
    TABLES,
    accepts,
    legal,
    lines,
)

LINEAR, FACTORS = TABLES
SPLITS = ((np.arange(5), np.arange(5, 9)), (np.arange(5, 9), np.arange(5)))
N_CLASSES = {BINARY: 2, MULTICLASS: 4, REGRESSOR: 1}
TARGETS = {
    kind: ClassTargets(np.arange(n), np.ones(n)) if n > 1 else NumberTargets()
    for kind, n in N_CLASSES.items()
}
APART = {"predictor_type", "feature_dim", "num_classes"}
TASKS = [(algorithm, kind) for algorithm in TABLES for kind in KINDS[algorithm]]
LINES = [
    (algorithm, *line)
    for algorithm in TABLES
    for line in lines(algorithm)
    if line[1] not in APART
]
IDS = ["-".join(line[:3]) for line in LINES]
SETTINGS = {
    "classes",
    "class_weight",
    "cv",
    "validation_fraction",
    "multiclass_criterion",
    "ensemble_size",
    "resume",
    "keep_state",
    "stream",
    "groups",
    "positive",
}


def spec_of(algorithm, kind, **values):
    """A spec with our defaults."""
    defaults = {
        name: entry.default for name, entry in our_table(algorithm, kind).items()
    }
    settings = {name: values.pop(name) for name in SETTINGS & set(values)}
    assert set(values) <= set(defaults)
    n_classes = N_CLASSES[kind]
    labels = np.arange(n_classes) if n_classes > 1 else None
    settings = {"classes": labels, **settings}
    return TrainingSpec(algorithm, kind, {**defaults, **values}, **settings)


def values_of(
    algorithm, kind, n_rows=100_000, weighted=False, validated=False, **values
):
    return container_values(
        spec_of(algorithm, kind, **values),
        n_rows=n_rows,
        n_features=30,
        weighted=weighted,
        validated=validated,
    )


def missing(*arguments, **values):
    """What is inexpressible, by name."""
    found = values_of(*arguments, **values).inexpressible
    assert len({one.name for one in found}) == len(found)
    for one in found:
        assert one.name in one.setting
        assert one.reason
    return {one.name: str(one) for one in found}


# ------------------------------------------------------------------------- the strings
@pytest.mark.parametrize("n_rows", [1, 7, 1000, 100_000, 10**9])
@pytest.mark.parametrize(("algorithm", "kind"), TASKS)
def test_defaults_are_what_the_container_takes(algorithm, kind, n_rows):
    found = values_of(algorithm, kind, n_rows)
    assert found.inexpressible == ()
    facts = {name: line for k, name, line in lines(algorithm) if k == kind}
    for name, text in found.strings.items():
        assert accepts(facts[name], text), (name, text)
    absent = set(facts) - set(found.strings)
    own = {"clip_gradient", "eps", "rescale_grad"}
    own |= {f"{group}_init_scale" for group in ("bias", "linear", "factors")}
    assert absent == (own if algorithm == FACTORS else set())


def test_what_follows_from_the_data():
    strings = values_of(LINEAR, MULTICLASS).strings
    assert strings["predictor_type"] == "multiclass_classifier"
    assert (strings["num_classes"], strings["feature_dim"]) == ("4", "30")
    assert "num_classes" not in values_of(LINEAR, BINARY).strings
    assert "num_classes" not in values_of(FACTORS, BINARY).strings


@pytest.mark.parametrize(("algorithm", "kind", "name", "line"), LINES, ids=IDS)
def test_every_value_goes_there_and_back(algorithm, kind, name, line):
    for text in legal(line):
        value = arguments_of(
            algorithm,
            {**values_of(algorithm, kind).strings, name: text},
        ).arguments[name]
        found = values_of(algorithm, kind, **{name: value})
        assert found.inexpressible == ()
        sent = found.strings[name]
        assert accepts(line, sent)
        assert sent == text or float(sent) == float(text)
        back = arguments_of(algorithm, found.strings)
        assert back.predictor_type == kind
        assert back.feature_dim == 30
        assert back.arguments[name] == value
        assert type(back.arguments[name]) is type(value)


@pytest.mark.parametrize(("algorithm", "kind"), TASKS)
def test_all_that_is_given_comes_back(algorithm, kind):
    given = {
        name: arguments_of(
            algorithm, {**values_of(algorithm, kind).strings, name: legal(line)[-1]}
        ).arguments[name]
        for k, name, line in lines(algorithm)
        if k == kind and name not in APART
    }
    found = values_of(algorithm, kind, **given)
    assert found.inexpressible == ()
    assert arguments_of(algorithm, found.strings).arguments == given


def test_numpy_scalars():
    strings = values_of(
        LINEAR, REGRESSOR, wd=np.float64(1e-05), epochs=np.int64(3), use_bias=np.True_
    ).strings
    assert (strings["wd"], strings["epochs"], strings["use_bias"]) == (
        "1e-05", "3", "true",
    )  # fmt: skip


# --------------------------------------------------------------------------- "auto"
def test_auto_stays_where_linear_learner_has_one():
    for kind in KINDS[LINEAR]:
        strings = values_of(LINEAR, kind).strings
        for name, entry in spec_of(LINEAR, kind).hyperparameters.items():
            facts = TABLES[LINEAR].get(name)
            if entry == "auto" and "auto" in facts[5] and name in strings:
                assert strings[name] == "auto"


@pytest.mark.parametrize("n_rows", [50, 2000, 60_000, 10**6])
def test_auto_of_linear_learner_is_resolved_as_here(n_rows):
    strings = values_of(LINEAR, BINARY, n_rows).strings
    batch, epochs = plan_updates(n_rows, "auto", "auto")
    assert strings["mini_batch_size"] == str(batch)
    assert strings["epochs"] == str(epochs)
    assert strings["early_stopping_patience"] == "3"
    assert strings["init_method"] == "uniform"
    strings = values_of(LINEAR, BINARY, n_rows, mini_batch_size=10).strings
    assert strings["epochs"] == str(plan_updates(n_rows, 10, "auto")[1])


def test_batches_and_epochs_are_those_of_a_fit():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    model = LinearLearnerRegressor(cv=False, num_models=1, optimizer="adam")
    model.fit(X, X[:, 0])
    strings = values_of(LINEAR, REGRESSOR, 300).strings
    for name in ("mini_batch_size", "epochs"):
        assert strings[name] == str(model.resolved_params_[name])


def test_auto_of_factorization_machines():
    strings = values_of(FACTORS, REGRESSOR, 20_000).strings
    assert strings == {
        "predictor_type": "regressor", "feature_dim": "30", "num_factors": "64",
        "mini_batch_size": "100", "epochs": "15",
        "bias_lr": "0.1", "linear_lr": "0.001", "factors_lr": "0.0005",
        # 0.04 and 0.08 a row, over the rows of a mini-batch.
        "bias_wd": "0.0", "linear_wd": "0.0004", "factors_wd": "0.0008",
        "bias_init_method": "normal", "bias_init_sigma": "0.01",
        "bias_init_value": "0.0",
        "linear_init_method": "normal", "linear_init_sigma": "0.01",
        "linear_init_value": "0.0",
        "factors_init_method": "normal", "factors_init_sigma": "0.006",
        "factors_init_value": "0.0",
    }  # fmt: skip


def test_numbers_of_factorization_machines_are_obeyed():
    strings = values_of(
        FACTORS, BINARY, 20_000,
        mini_batch_size=1000, num_factors=8, linear_lr=0.5, bias_lr=0.25,
        bias_wd=2.0, factors_wd=0.75, bias_init_sigma=0.5,
        factors_init_method="uniform", linear_init_method="constant",
        linear_init_value=-1.5,
    ).strings  # fmt: skip
    assert strings["mini_batch_size"] == "1000"
    assert strings["epochs"] == "75"  # For 1500 updates.
    assert strings["num_factors"] == "8"
    assert (strings["linear_lr"], strings["bias_lr"]) == ("0.5", "0.25")
    assert (strings["bias_wd"], strings["factors_wd"]) == ("2.0", "0.75")
    assert float(strings["linear_wd"]) == pytest.approx(0.04 * 0.08 / 1000)
    assert strings["bias_init_sigma"] == "0.5"
    assert float(strings["factors_init_scale"]) == pytest.approx(0.006 * 3**0.5, 1e-5)
    assert "factors_init_sigma" not in strings
    assert strings["linear_init_value"] == "-1.5"
    assert "linear_init_sigma" not in strings


def test_decays_follow_the_factor_of_the_gradient():
    strings = values_of(FACTORS, REGRESSOR, rescale_grad=0.5).strings
    assert (strings["rescale_grad"], strings["linear_wd"]) == ("0.5", "0.02")


@pytest.mark.parametrize(
    "estimator", [FactorizationMachinesRegressor, FactorizationMachinesClassifier]
)
def test_choices_train_better_than_the_containers_defaults(estimator):
    """By our copy of its algorithm, on pairs of one-hot columns."""
    rng = np.random.default_rng(0)
    rows, groups = 3000, (20, 15)
    chosen = [rng.integers(size, size=rows) for size in groups]
    X = np.hstack([np.eye(size)[one] for size, one in zip(groups, chosen, strict=True)])
    vectors = [rng.normal(size=(size, 3)) for size in groups]
    y = np.sum(vectors[0][chosen[0]] * vectors[1][chosen[1]], axis=1)
    kind = REGRESSOR
    if estimator is FactorizationMachinesClassifier:
        kind, y = BINARY, y > 0
    strings = values_of(FACTORS, kind, 2000).strings
    arguments = arguments_of(FACTORS, strings).arguments

    def score(**arguments):
        model = estimator.sagemaker_defaults(random_state=0, **arguments)
        return model.fit(X[:2000], y[:2000]).score(X[2000:], y[2000:])

    assert score(**arguments) > 0.85
    assert score(num_factors=64) < 0.65


# --------------------------------------------------------------------- what is missing
@pytest.mark.parametrize(
    ("algorithm", "kind", "values", "name", "sentence"),
    [
        (LINEAR, BINARY, {"optimizer": "adagrad"}, "optimizer",
         "optimizer='adagrad': the built-in algorithm takes "
         '{"auto", "sgd", "adam", "rmsprop"} only'),
        (LINEAR, BINARY, {"margin": 0.0, "loss": "hinge_loss"}, "margin",
         "margin=0.0: the built-in algorithm takes float in (0, inf) only"),
        (LINEAR, REGRESSOR, {"huber_delta": 0, "loss": "huber_loss"}, "huber_delta",
         "huber_delta=0: the built-in algorithm takes float in (0, inf) only"),
        (LINEAR, MULTICLASS, {"classes": np.arange(1_000_001)}, "num_classes",
         "num_classes=1000001: the built-in algorithm takes int in [3, 1000000] only"),
        (LINEAR, BINARY, {"ensemble_size": 3}, "ensemble_size",
         "ensemble_size=3: the built-in algorithm returns one model"),
        (LINEAR, REGRESSOR, {"positive": True}, "positive",
         "positive=True: the built-in algorithm has coefficients of any sign"),
        (LINEAR, MULTICLASS, {"multiclass_criterion": "accuracy"},
         "multiclass_model_selection_criteria",
         "multiclass_model_selection_criteria='accuracy': the built-in algorithm "
         "selects models of several classes by their loss"),
        (LINEAR, BINARY, {"weighted": True}, "sample_weight",
         "sample_weight: the built-in algorithm reads labels and "
         "features, but no weights; classes are weighted by positive_example_"
         "weight_mult or balance_multiclass_weights, in the loss only"),
        (LINEAR, REGRESSOR, {"weighted": True}, "sample_weight",
         "sample_weight: the built-in algorithm reads labels and "
         "features, but no weights"),
        (LINEAR, BINARY, {"class_weight": np.array([1.0, 2.0])}, "class_weight",
         "class_weight: the built-in algorithm reads labels and features, but no "),
        (LINEAR, BINARY, {"cv": SPLITS}, "cv",
         "cv of 2 splits: the built-in algorithm trains no folds; pass X_val, or set "
         "cv='auto' and a validation_fraction"),
        (LINEAR, BINARY, {"keep_state": True}, "warm_start", "warm_start=True: "),
        (LINEAR, BINARY, {"resume": {}, "keep_state": True}, "warm_start",
         "warm_start=True: "),
        (LINEAR, BINARY, {"stream": True, "keep_state": True}, "partial_fit",
         "partial_fit: a job trains from the start on all of its rows; use fit"),
        (FACTORS, MULTICLASS, {}, "y",
         "4 classes: the built-in algorithm tells two classes apart, no more"),
        (FACTORS, BINARY, {"solver": "als"}, "solver",
         "solver='als': the built-in algorithm has no such hyperparameter; it trains "
         "as with 'gradient'"),
        (FACTORS, BINARY, {"optimizer": "adagrad"}, "optimizer",
         "optimizer='adagrad': the built-in algorithm has no such hyperparameter; it "
         "trains as with 'adam'"),
        (FACTORS, BINARY, {"num_models": 5}, "num_models", "num_models=5: "),
        (FACTORS, REGRESSOR, {"normalize_data": True}, "normalize_data",
         "normalize_data=True: the built-in algorithm has no such hyperparameter; it "
         "trains as with False"),
        (FACTORS, REGRESSOR, {"normalize_label": True}, "normalize_label",
         "normalize_label=True: "),
        (FACTORS, REGRESSOR, {"early_stopping_patience": 2}, "early_stopping_patience",
         "early_stopping_patience=2: "),
        (FACTORS, BINARY, {"binary_classifier_model_selection_criteria": "f1"},
         "binary_classifier_model_selection_criteria", "binary_classifier_"),
        (FACTORS, BINARY, {"cv": SPLITS}, "cv",
         "cv of 2 splits: the built-in algorithm trains no folds; set cv=False"),
        (FACTORS, BINARY, {"validation_fraction": 0.2}, "validation_fraction",
         "validation_fraction=0.2: the built-in algorithm has no validation channel"),
        (FACTORS, BINARY, {"validated": True}, "X_val",
         "X_val, y_val: the built-in algorithm has no validation channel, and trains "
         "all epochs"),
        (FACTORS, BINARY, {"groups": np.zeros(30, int)}, "groups", "groups: "),
        (FACTORS, BINARY, {"weighted": True}, "sample_weight",
         "sample_weight: the built-in algorithm reads labels and "
         "features, but no weights"),
    ],
)  # fmt: skip
def test_one_setting_is_inexpressible(algorithm, kind, values, name, sentence):
    found = values_of(algorithm, kind, **values)
    (one,) = found.inexpressible
    assert one.name == name
    assert str(one).startswith(sentence)
    assert str(one) == sentence or sentence.endswith((" ", "_"))
    facts = {entry: line for k, entry, line in lines(algorithm) if k == kind}
    assert all(
        accepts(facts[key], text) for key, text in found.strings.items() if facts
    )
    assert name not in found.strings


@pytest.mark.parametrize(
    ("algorithm", "kind", "values"),
    [
        (LINEAR, BINARY, {"cv": False}),
        (LINEAR, BINARY, {"validation_fraction": 0.2}),
        (LINEAR, BINARY, {"validated": True, "cv": SPLITS}),
        (LINEAR, BINARY, {"sagemaker_rules": True}),
        (LINEAR, BINARY, {"margin": 0.0}),  # Without effect on the log loss.
        (LINEAR, REGRESSOR, {"huber_delta": 0.0}),
        (LINEAR, BINARY, {"multiclass_criterion": "accuracy"}),
        (LINEAR, BINARY, {"positive_example_weight_mult": "balanced"}),
        (LINEAR, MULTICLASS, {"balance_multiclass_weights": True}),
        (FACTORS, BINARY, {"cv": False}),
        (FACTORS, BINARY, {"optimizer": "adam", "solver": "gradient"}),
        (FACTORS, REGRESSOR, {"normalize_data": False, "normalize_label": False}),
        (FACTORS, BINARY, {"groups": "auto"}),
        (FACTORS, BINARY, {"num_draws": 5}),  # Of another solver.
        (FACTORS, BINARY, {"target_recall": 0.5}),
    ],
)
def test_nothing_is_inexpressible(algorithm, kind, values):
    assert missing(algorithm, kind, **values) == {}


def test_several_settings_are_named():
    found = missing(
        FACTORS, BINARY, weighted=True, solver="mcmc", num_draws=7, ensemble_size=2
    )
    assert set(found) == {"sample_weight", "ensemble_size", "solver", "num_draws"}


# --------------------------------------------------------------------- from estimators
@pytest.mark.parametrize(
    ("estimator", "kind"),
    [
        (LinearLearnerClassifier, BINARY),
        (LinearLearnerClassifier, MULTICLASS),
        (LinearLearnerRegressor, REGRESSOR),
        (FactorizationMachinesClassifier, BINARY),
        (FactorizationMachinesRegressor, REGRESSOR),
    ],
)
@pytest.mark.parametrize("theirs", [False, True])
def test_estimators(estimator, kind, theirs):
    model = estimator.sagemaker_defaults() if theirs else estimator()
    spec = make_spec(model, TARGETS[kind], model.cv)
    found = container_values(spec, n_rows=5000, n_features=9)
    assert found.inexpressible == ()
    again = estimator.sagemaker_defaults(
        **arguments_of(spec.algorithm, found.strings).arguments
    )
    spec = replace(make_spec(again, TARGETS[kind], again.cv), seed=spec.seed)
    assert container_values(spec, n_rows=5000, n_features=9) == found
    if theirs:
        facts = {
            name: line[-1]
            for k, name, line in lines(spec.algorithm)
            if k == kind and name not in APART | {"num_factors"}
        }
        sent = {name: found.strings.get(name) for name in facts}
        assert {n: t for n, t in sent.items() if facts[n] is not None} == {
            n: str(float(t)) if t == "0.00001" else t
            for n, t in facts.items()
            if t is not None
        }
