"""A spec as the hyperparameters of a job, and what they cannot say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sklearn_sagemaker._hyperparameters import (
    MULTICLASS,
    REGRESSOR,
    Hyperparameter,
    inapplicable,
    plain,
)
from sklearn_sagemaker._hyperparameters.container import (
    LINEAR,
    checked,
    container_table,
    our_table,
)
from sklearn_sagemaker._hyperparameters.signs import given_signs
from sklearn_sagemaker._state import TrainingSpec


@dataclass(frozen=True)
class Inexpressible:
    """A setting that the built-in algorithm cannot be told.

    Attributes
    ----------
    name : str
        Of the constructor argument, or of the argument of ``fit``.
    setting : str
        With its value, such as ``"ensemble_size=3"``.
    reason : str
        Why not, and what can be done about it.
    """

    name: str
    setting: str
    reason: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.reason}"


@dataclass(frozen=True)
class ContainerValues:
    """A spec as hyperparameters of a job.

    Attributes
    ----------
    strings : dict of str to str
        ``HyperParameters`` of ``CreateTrainingJob``: only what the container takes.
    inexpressible : tuple of Inexpressible
        What of the spec is not in them.
    """

    strings: dict[str, str]
    inexpressible: tuple[Inexpressible, ...] = ()


def to_container(
    spec: TrainingSpec,
    choices: dict[str, Any],
    *,
    n_features: int,
    weighted: bool = False,
    validated: bool = False,
) -> ContainerValues:
    """The hyperparameters of the job that trains a spec.

    Parameters
    ----------
    spec : TrainingSpec
    choices : dict
        Values of what is "auto" in the spec and must not be in the job.
    n_features : int
    weighted : bool
        Whether the weights of the rows differ.
    validated : bool
        Whether the data bring validation rows.

    Returns
    -------
    values : ContainerValues
        What the container lacks an "auto" for and has a default of its own, and what
        is inexpressible, is left out of the strings.
    """
    ours = our_table(spec.algorithm, spec.predictor_type)
    values = {name: plain(value) for name, value in spec.hyperparameters.items()}
    idle = {name for name, *_ in inapplicable(ours, values, spec.predictor_type)}
    idle.add("predictor_type")  # More than two classes have a sentence of their own.
    missing = [
        *_beyond(spec, weighted, validated),
        *(
            _own(ours[name], value)
            for name, value in values.items()
            if ours[name].ours and name not in idle and not _ordinary(ours[name], value)
        ),
    ]
    wanted = {
        "predictor_type": spec.predictor_type,
        "feature_dim": n_features,
        "num_classes": spec.n_classes,
        **values,
        **{name: plain(value) for name, value in choices.items()},
    }
    strings = {}
    table = container_table(spec.algorithm, spec.predictor_type)
    for name, entry in table.items():
        value = wanted[name]
        if value == "auto" and "auto" not in entry.choices:
            continue
        text = entry.to_string(value)
        try:
            checked(entry, text)
        except ValueError:
            if name not in idle:
                why = f"the built-in algorithm takes {entry.type_text} only"
                missing.append(Inexpressible(name, f"{name}={value!r}", why))
        else:
            strings[name] = text
    return ContainerValues(strings, tuple(missing))


def _ordinary(entry: Hyperparameter, value: Any) -> bool:
    """Whether a value of a hyperparameter of ours asks for nothing special."""
    return value in ("auto", entry.default, entry.sagemaker_default)


def _own(entry: Hyperparameter, value: Any) -> Inexpressible:
    reason = "the built-in algorithm has no such hyperparameter"
    if entry.sagemaker_default != "auto":
        reason += f"; it trains as with {entry.sagemaker_default!r}"
    return Inexpressible(entry.name, f"{entry.name}={value!r}", reason)


def _beyond(
    spec: TrainingSpec, weighted: bool, validated: bool
) -> Iterator[Inexpressible]:
    """What is inexpressible beside hyperparameters."""
    linear = spec.algorithm == LINEAR
    reason = "the built-in algorithm reads labels and features, but no weights"
    if linear and spec.predictor_type != REGRESSOR:
        reason += (
            "; classes are weighted by positive_example_weight_mult or "
            "balance_multiclass_weights, in the loss only"
        )
    if weighted:
        yield Inexpressible("sample_weight", "sample_weight", reason)
    if spec.class_weight is not None:
        yield Inexpressible("class_weight", "class_weight", reason)
    yield from _validation(spec, linear, validated)
    if not linear and spec.predictor_type == MULTICLASS:
        yield Inexpressible(
            "y",
            f"{spec.n_classes} classes",
            "the built-in algorithm tells two classes apart, no more",
        )
    if spec.ensemble_size != 1:
        yield Inexpressible(
            "ensemble_size",
            f"ensemble_size={spec.ensemble_size}",
            "the built-in algorithm returns one model",
        )
    if spec.positive is not False:
        yield Inexpressible(
            "positive",
            given_signs(spec),
            "the built-in algorithm has coefficients of any sign",
        )
    criterion = spec.multiclass_criterion
    if spec.predictor_type == MULTICLASS and criterion != "loss_function":
        yield Inexpressible(
            "multiclass_model_selection_criteria",
            f"multiclass_model_selection_criteria={criterion!r}",
            "the built-in algorithm selects models of several classes by their loss",
        )
    if spec.groups is not None and not isinstance(spec.groups, str):
        yield Inexpressible(
            "groups", "groups", "the built-in algorithm decays all features alike"
        )
    if spec.stream:
        yield Inexpressible(
            "partial_fit",
            "partial_fit",
            "a job trains from the start on all of its rows; use fit",
        )
    elif spec.keep_state or spec.resume is not None:
        yield Inexpressible(
            "warm_start",
            "warm_start=True",
            "the built-in algorithm cannot go on from a model, nor keep its states",
        )


def _validation(
    spec: TrainingSpec, linear: bool, validated: bool
) -> Iterator[Inexpressible]:
    """Linear Learner has a channel for validation rows, but no folds."""
    automatic = isinstance(spec.cv, str)
    if validated:
        if not linear:
            yield Inexpressible(
                "X_val",
                "X_val, y_val",
                "the built-in algorithm has no validation channel, and trains all "
                "epochs",
            )
    elif not automatic and spec.cv is not False:
        remedy = "set cv=False"
        if linear:
            remedy = "pass X_val, or set cv='auto' and a validation_fraction"
        yield Inexpressible(
            "cv",
            f"cv of {len(spec.cv)} splits",
            f"the built-in algorithm trains no folds; {remedy}",
        )
    elif automatic and not linear and spec.validation_fraction != "auto":
        yield Inexpressible(
            "validation_fraction",
            f"validation_fraction={spec.validation_fraction!r}",
            "the built-in algorithm has no validation channel",
        )
