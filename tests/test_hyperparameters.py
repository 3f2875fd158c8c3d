"""The table of hyperparameters: ranges, and when each one has an effect."""

import itertools
import warnings

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sagemaker import LinearLearnerClassifier, LinearLearnerRegressor
from sklearn_sagemaker._hyperparameters import (
    ALL,
    BINARY,
    CLASSIFIERS,
    MULTICLASS,
    REGRESSOR,
    inapplicable,
    warn_inapplicable,
)
from sklearn_sagemaker._hyperparameters.tables import (
    HYPERPARAMETERS,
    hyperparameters_for,
)
from sklearn_sagemaker._kernels import DEFAULT_LOSS, LOSSES, OPTIMIZERS
from sklearn_sagemaker._state import ModelState
from sklearn_sagemaker.backends import Backend
from sklearn_sagemaker.exceptions import InapplicableHyperparameterWarning

CRITERION = "binary_classifier_model_selection_criteria"
LINEAR = HYPERPARAMETERS["linear-learner"]
TABLES = {kind: hyperparameters_for("linear-learner", (kind,)) for kind in ALL}
# An estimator does not know how many classes it will see.
ESTIMATOR_TABLES = {
    BINARY: hyperparameters_for("linear-learner", CLASSIFIERS),
    MULTICLASS: hyperparameters_for("linear-learner", CLASSIFIERS),
    REGRESSOR: hyperparameters_for("linear-learner", (REGRESSOR,)),
}


# ------------------------------------------------------------------- when they apply
def losses_with(parameter):
    return {name for name, loss in LOSSES.items() if loss.parameter == parameter}


def optimizers_with(constant):
    """Optimizers of Linear Learner whose step changes with a constant."""

    def step(optimizer, value):
        constants = {"beta_1": 0.5, "beta_2": 0.5, "eps": 0.1, "momentum": 0.5}
        constants |= {"decay": 0.0, constant: value}
        return optimizer.step(1.0, 0.3, 0.1, 0.0, 0.2, 0.7, 1.0, 1.0, constants)

    found = {n for n, o in OPTIMIZERS.items() if step(o, 0.25) != step(o, 0.75)}
    return found & set(TABLES[BINARY]["optimizer"].choices)


SCHEDULED = {"use_lr_scheduler": {True}}
INTERCEPT = {"use_bias": {True}}
# What each one needs of the others; those that are not here need nothing.
NEEDS = {
    "momentum": {"optimizer": {"sgd"}},
    "beta_1": {"optimizer": optimizers_with("beta_1")},
    "beta_2": {"optimizer": optimizers_with("beta_2")},
    "bias_lr_mult": INTERCEPT,
    "bias_wd_mult": INTERCEPT,
    "init_bias": INTERCEPT,
    "init_scale": {"init_method": {"uniform"}},
    "init_sigma": {"init_method": {"normal"}},
    "lr_scheduler_step": SCHEDULED,
    "lr_scheduler_factor": SCHEDULED,
    "lr_scheduler_minimum_lr": SCHEDULED,
    "num_calibration_samples": {
        CRITERION: {
            "accuracy",
            "f1",
            "f_beta",
            "precision_at_target_recall",
            "recall_at_target_precision",
        }
    },
    "target_recall": {CRITERION: {"precision_at_target_recall"}},
    "target_precision": {CRITERION: {"recall_at_target_precision"}},
    **{
        loss.parameter: {"loss": losses_with(loss.parameter)}
        for loss in LOSSES.values()
        if loss.parameter
    },
}
ONLY = {
    CRITERION: BINARY,
    "num_calibration_samples": BINARY,
    "positive_example_weight_mult": BINARY,
    "target_recall": BINARY,
    "target_precision": BINARY,
    "margin": BINARY,
    "accuracy_top_k": MULTICLASS,
    "balance_multiclass_weights": MULTICLASS,
}
LOSS_CHOICES = {
    kind: {name for name, loss in LOSSES.items() if kind in loss.predictor_types}
    for kind in ALL
}
EVERYWHERE = [
    (kind, name) for kind in ALL for name in ESTIMATOR_TABLES[kind] if name != "loss"
]


def set_value(entry):
    """A value that is neither default and leaves nothing to us, if there is one."""
    candidates = [True, False, *entry.choices, 0.25, 0.5, 0.75, 2, 7]
    found = (
        value
        for value in candidates
        if value not in ("auto", entry.default, entry.sagemaker_default)
        and is_valid(entry, value)
    )
    # The two values of a flag may be the two defaults.
    return next(found, entry.sagemaker_default)


def is_valid(entry, value):
    try:
        return entry.parse(entry.to_string(value)) == value
    except ValueError:
        return False


def found(kind, values, loss=None, optimizer="adam"):
    loss = DEFAULT_LOSS[kind] if loss is None else loss
    return inapplicable(
        ESTIMATOR_TABLES[kind], values, kind, loss=loss, optimizer=optimizer
    )


def options(kind, other):
    if other == "loss":
        return LOSS_CHOICES[kind]
    entry = ESTIMATOR_TABLES[kind][other]
    return set(entry.choices) - ({"auto"} if other == "optimizer" else set()) or {
        True,
        False,
    }


@pytest.mark.parametrize(("kind", "name"), EVERYWHERE)
def test_it_applies_or_it_is_found(kind, name):
    value = set_value(ESTIMATOR_TABLES[kind][name])
    if ONLY.get(name, kind) != kind:
        ((what, which, reason),) = found(kind, {name: value})
        assert (what, which) == (name, value)
        assert "it applies to" in reason
        return
    needs = NEEDS.get(name, {})
    # Every choice of loss, optimizer and all other things that anything needs.
    others = sorted({"loss", "optimizer"} | {key for n in NEEDS.values() for key in n})
    if kind != BINARY:
        others.remove(CRITERION)
    if name in others:
        others.remove(name)
    refused = 0
    for chosen in itertools.product(*(options(kind, other) for other in others)):
        settings = dict(zip(others, chosen, strict=True))
        loss, optimizer = settings.pop("loss"), settings.pop("optimizer", "adam")
        answer = found(kind, {**settings, name: value}, loss, optimizer)
        answer = [entry for entry in answer if entry[0] == name]
        settings |= {"loss": loss, "optimizer": optimizer}
        if all(settings[other] in allowed for other, allowed in needs.items()):
            assert answer == []
        else:
            refused += 1
            ((_, which, reason),) = answer
            assert which == value
            for other, allowed in needs.items():
                assert f"has no effect with {other}={settings[other]!r}" in reason
                assert all(repr(option) in reason for option in allowed)
    assert bool(refused) == bool(needs)


def test_the_names_of_the_test_are_those_of_the_table():
    names = {entry.name for entry in LINEAR}
    assert set(NEEDS) | set(ONLY) <= names
    assert {entry.name for entry in LINEAR if entry.requires} == set(NEEDS)
    for entry in LINEAR:
        for other, allowed in entry.requires:
            assert other in names
            for kind in entry.predictor_types:
                assert set(allowed) < options(kind, other)


@pytest.mark.parametrize(
    ("kind", "values", "loss", "optimizer", "message"),
    [
        (REGRESSOR, {"momentum": 0.9}, "squared_loss", "adam",
         "has no effect with optimizer='adam'; it applies to optimizer='sgd'."),
        (REGRESSOR, {"loss_insensitivity": 0.5}, "huber_loss", "adam",
         "has no effect with loss='huber_loss'; it applies to "
         "loss='eps_insensitive_squared_loss' or 'eps_insensitive_absolute_loss'."),
        (REGRESSOR, {"lr_scheduler_step": 5, "use_lr_scheduler": False},
         "squared_loss", "adam",
         "has no effect with use_lr_scheduler=False; it applies to "
         "use_lr_scheduler=True."),
        (BINARY, {"accuracy_top_k": 5}, "logistic", "adam",
         "has no effect on two classes; it applies to three or more classes."),
        (MULTICLASS, {CRITERION: "f1"}, "softmax_loss", "adam",
         "has no effect on three or more classes; it applies to two classes."),
        (BINARY, {"num_calibration_samples": 5, CRITERION: "loss_function"},
         "logistic", "adam",
         f"has no effect with {CRITERION}='loss_function'; it applies to {CRITERION}="
         "'accuracy', 'f1', 'f_beta', 'precision_at_target_recall' or "
         "'recall_at_target_precision'."),
    ],
)  # fmt: skip
def test_reasons(kind, values, loss, optimizer, message):
    name, value = next(iter(values.items()))
    assert (name, value, message) in found(kind, values, loss, optimizer)


@pytest.mark.parametrize(("kind", "name"), EVERYWHERE)
def test_defaults_and_auto_are_never_found(kind, name):
    entry = ESTIMATOR_TABLES[kind][name]
    for value in (entry.default, entry.sagemaker_default, "auto"):
        values = {"use_bias": False, "use_lr_scheduler": False, name: value}
        assert name not in [what for what, _, _ in found(kind, values)]


# ---------------------------------------------------------------------------- in fit
class Canned(Backend):
    """A backend that trains nothing."""

    def train(self, spec, data, monitor=None):
        n, d = max(1, spec.n_classes if spec.n_classes > 2 else 1), data.X.shape[1]
        return ModelState(
            coef=np.zeros((n, d)),
            intercept=np.zeros(n),
            threshold=0.5 if spec.n_classes == 2 else None,
            n_iter=1,
            best_index=0,
            best_params={},
            best_score=0.0,
            candidates={},
            loss_curve=np.zeros(1),
            validation_curve=None,
        )


RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
Y = {BINARY: np.arange(30) % 2, MULTICLASS: np.arange(30) % 3, REGRESSOR: X[:, 0]}
ESTIMATORS = {
    BINARY: LinearLearnerClassifier,
    MULTICLASS: LinearLearnerClassifier,
    REGRESSOR: LinearLearnerRegressor,
}


def fit_warnings(model, kind, X=X):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, Y[kind])
    assert {entry.category for entry in caught} <= {InapplicableHyperparameterWarning}
    return caught


@pytest.mark.parametrize(("kind", "name"), EVERYWHERE)
def test_fit_warns_of_what_does_not_apply(kind, name):
    """With the defaults of the others."""
    entry = ESTIMATOR_TABLES[kind][name]
    value = set_value(entry)
    model = ESTIMATORS[kind](backend=Canned(), **{name: value})
    resolved = {"loss": DEFAULT_LOSS[kind], "optimizer": "adam"}
    applies = ONLY.get(name, kind) == kind and all(
        resolved.get(other, getattr(model, other)) in allowed
        for other, allowed in NEEDS.get(name, {}).items()
    )
    caught = fit_warnings(model, kind)
    if applies:
        assert caught == []
    else:
        assert len(caught) == 1
        assert str(caught[0].message).startswith(f"{name}={value!r} has no effect ")


@pytest.mark.parametrize("kind", ALL)
def test_defaults_do_not_warn(kind):
    cls = ESTIMATORS[kind]
    assert fit_warnings(cls(backend=Canned()), kind) == []
    assert fit_warnings(cls.sagemaker_defaults(backend=Canned()), kind) == []


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("quantile", 0.9, {"loss": "quantile_loss"}),
        ("momentum", 0.5, {"optimizer": "sgd"}),
        ("beta_2", 0.5, {"optimizer": "rmsprop"}),
        ("init_scale", 0.5, {"init_method": "uniform"}),
        ("bias_lr_mult", 2.0, {"use_bias": True}),
    ],
)
def test_fit_reads_the_other_hyperparameters(name, value, other):
    model = LinearLearnerRegressor(backend=Canned(), **{name: value, **other})
    assert fit_warnings(model, REGRESSOR) == []


def test_each_name_warns_once_a_fit_and_points_here():
    model = LinearLearnerClassifier(
        backend=Canned(), momentum=0.5, margin=2.0, target_recall=0.5, num_models=8
    )
    caught = fit_warnings(model, BINARY)
    names = [str(entry.message).partition("=")[0] for entry in caught]
    assert names == ["momentum", "target_recall", "margin"]
    assert {entry.filename for entry in caught} == {__file__}
    assert len(fit_warnings(model, BINARY)) == 3


def test_meta_estimators_point_here_too():
    model = LinearLearnerClassifier(backend=Canned(), margin=2.0)
    caught = fit_warnings(make_pipeline(StandardScaler(), model), BINARY)
    assert [entry.filename for entry in caught] == [__file__]


def test_values_of_a_search_are_named_plainly():
    grid = {"momentum": np.array([0.25])}
    search = GridSearchCV(LinearLearnerRegressor(backend=Canned()), grid, cv=2)
    messages = {str(entry.message) for entry in fit_warnings(search, REGRESSOR)}
    assert messages == {
        "momentum=0.25 has no effect with optimizer='adam'; it applies to "
        "optimizer='sgd'."
    }


def test_an_error_filter_leaves_the_estimator_as_it_was():
    model = LinearLearnerRegressor(backend=Canned(), momentum=0.5)
    with pytest.raises(InapplicableHyperparameterWarning, match=r"^momentum=0\.5 has"):
        model.fit(X, Y[REGRESSOR])
    assert not [name for name in vars(model) if name.endswith("_")]


def test_warn_inapplicable_points_at_its_caller():
    with pytest.warns(InapplicableHyperparameterWarning, match="quantile=0.9") as seen:
        warn_inapplicable(
            TABLES[REGRESSOR],
            {"quantile": 0.9},
            REGRESSOR,
            loss="huber_loss",
            optimizer="sgd",
        )
    assert [entry.filename for entry in seen] == [__file__]


# ---------------------------------------------------------------------------- ranges
POSITIVE = (0, False, None, False)
FROM_ZERO = (0, True, None, False)
COUNT = (1, True, None, False)
SHARE = (0, False, 1, False)
DECAY = (0, True, 1, False)
# What SageMaker's SDK accepts: low, included, high, included.
RANGES = {
    "mini_batch_size": COUNT, "epochs": COUNT, "num_models": COUNT,
    "accuracy_top_k": (1, True, 1_000_000, True),
    "beta_1": DECAY, "beta_2": DECAY, "momentum": DECAY,
    "bias_lr_mult": POSITIVE, "bias_wd_mult": FROM_ZERO,
    "early_stopping_patience": COUNT, "early_stopping_tolerance": POSITIVE,
    "f_beta": POSITIVE, "huber_delta": FROM_ZERO, "margin": FROM_ZERO,
    "init_scale": POSITIVE, "init_sigma": POSITIVE,
    "l1": FROM_ZERO, "wd": FROM_ZERO, "learning_rate": POSITIVE,
    "loss_insensitivity": POSITIVE,
    "lr_scheduler_factor": SHARE, "lr_scheduler_minimum_lr": POSITIVE,
    "lr_scheduler_step": COUNT,
    "num_calibration_samples": COUNT, "num_point_for_scaler": COUNT,
    "positive_example_weight_mult": POSITIVE,
    "quantile": SHARE, "target_precision": SHARE, "target_recall": SHARE,
}  # fmt: skip
ALL_ENTRIES = {entry.name: entry for entry in LINEAR}


def test_every_number_has_a_range():
    numbers = {name for name, e in ALL_ENTRIES.items() if e.kind in ("int", "float")}
    assert numbers == set(RANGES) | {"init_bias"}


@pytest.mark.parametrize("name", RANGES)
def test_ranges_are_those_of_the_sdk(name):
    entry = ALL_ENTRIES[name]
    low, low_included, high, high_included = RANGES[name]
    step = 1 if entry.kind == "int" else 1e-9
    ends = [(low, low_included), (low - step, False), (low + step, True)]
    if high is None:
        ends.append((10**6, True))
    else:
        ends += [(high, high_included), (high + step, False), (high - step, True)]
    for value, good in ends:
        text = entry.to_string(value)
        if good:
            assert entry.parse(text) == value
        else:
            with pytest.raises(ValueError, match=rf"^{name}='.*' is not valid"):
                entry.parse(text)
        table = ESTIMATOR_TABLES[entry.predictor_types[0]]
        model = ESTIMATORS[entry.predictor_types[0]](backend=Canned())
        assert name in table
        model.set_params(**{name: value})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InapplicableHyperparameterWarning)
            if good:
                model.fit(X, Y[entry.predictor_types[0]])
            else:
                with pytest.raises(ValueError, match=f"'{name}' parameter"):
                    model.fit(X, Y[entry.predictor_types[0]])


def test_init_bias_is_any_number():
    entry = ALL_ENTRIES["init_bias"]
    assert entry.parse("-3.5") == -3.5
    assert entry.parse("1e9") == 1e9


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("accuracy_top_k", "int in [1, 1000000]"),
        ("margin", "float in [0, inf)"),
        ("beta_1", 'float in [0, 1) or "auto"'),
        ("positive_example_weight_mult", 'float in (0, inf) or "auto", "balanced"'),
        ("use_bias", "bool"),
        ("init_bias", "float"),
    ],
)
def test_type_texts(name, text):
    assert ALL_ENTRIES[name].type_text == text


@pytest.mark.parametrize("entry", LINEAR, ids=lambda entry: entry.name)
def test_defaults_go_to_text_and_back(entry):
    for value in (entry.default, entry.sagemaker_default, *entry.choices):
        assert entry.parse(entry.to_string(value)) == value


def test_losses_and_optimizers_are_those_of_sagemaker_and_of_the_registries():
    assert losses_with("margin") == {"hinge_loss"}
    assert losses_with("huber_delta") == {"huber_loss"}
    assert losses_with("quantile") >= {"quantile_loss"}
    assert losses_with("loss_insensitivity") == {
        "eps_insensitive_squared_loss", "eps_insensitive_absolute_loss",
    }  # fmt: skip
    assert optimizers_with("beta_1") >= {"adam"}
    assert optimizers_with("beta_2") >= {"adam", "rmsprop"}
    for kind in ALL:
        assert set(TABLES[kind]["loss"].choices) >= LOSS_CHOICES[kind] | {"auto"}
    entry = ALL_ENTRIES["optimizer"]
    assert set(entry.choices) >= {"auto", "sgd", "adam", "rmsprop", "adagrad"}
    assert '"adagrad"' in entry.doc


@pytest.mark.parametrize("name", ["huber_delta", "loss_insensitivity"])
def test_sizes_of_errors_say_their_unit(name):
    assert "units of y" in ALL_ENTRIES[name].doc
