"""Hyperparameters of the algorithms' classes: attributes that check what they get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from sklearn_sagemaker._hyperparameters import (
    ALL,
    AUTO_OPTIMIZER,
    BINARY,
    MULTICLASS,
    REGRESSOR,
    plain,
    warn_inapplicable,
)
from sklearn_sagemaker._hyperparameters import Hyperparameter as Entry
from sklearn_sagemaker._hyperparameters.container import (
    ABOVE_ZERO,
    LINEAR,
    checked,
    container_table,
)
from sklearn_sagemaker._hyperparameters.tables import HYPERPARAMETERS

# What loss="auto" is; the names that follow have an effect of their own.
_AUTO_LOSS = {
    BINARY: "logistic",
    MULTICLASS: "softmax_loss",
    REGRESSOR: "squared_loss",
}


class Hyperparameter:
    """A hyperparameter as a class attribute.

    Assignment checks the value by the table of what SageMaker's container takes, of
    the ``predictor_type`` if that is set; None is what the container chooses. Deletion
    unsets it: then there is no such attribute.

    Parameters
    ----------
    name : str
        Of the attribute and in a job.

    Raises
    ------
    ValueError
        On assignment of what the container would refuse.

    Examples
    --------
    >>> from sklearn_sagemaker.sagemaker import LinearLearner
    >>> learner = LinearLearner("arn:aws:iam::111122223333:role/R", 1, "ml.m5.large",
    ...                         "regressor", wd=0.01)
    >>> learner.wd = -1
    Traceback (most recent call last):
        ...
    ValueError: wd='-1' is not valid: it must be float in [0, inf) or "auto", ...
    >>> learner.use_bias = "False"
    >>> del learner.wd
    >>> learner.hyperparameters()
    {'predictor_type': 'regressor', 'use_bias': 'False'}
    """

    def __init__(self, name: str):
        self.name = name

    def __get__(self, obj: Any, objtype: Any = None) -> Any:
        """The value, or the descriptor itself of a class."""
        if obj is None:
            return self
        for values in (obj._hyperparameters, obj._from_data):
            if values.get(self.name) is not None:
                return values[self.name]
        if self.name in obj._hyperparameters:
            return None
        raise AttributeError(
            f"{type(obj).__name__} has no {self.name}: it has been deleted, or never "
            "been set."
        )

    def __set__(self, obj: Any, value: Any) -> None:
        """Check a value and keep it."""
        kind = obj._hyperparameters.get("predictor_type")
        if self.name == "predictor_type":
            kind = None
        if value is not None:
            value = _valid(_entries(obj.repo_name, kind)[self.name], value)
        obj._hyperparameters[self.name] = value

    def __delete__(self, obj: Any) -> None:
        """Leave it to the container."""
        if self.name not in obj._hyperparameters:
            raise AttributeError(f"{self.name} is not set, so it cannot be deleted.")
        del obj._hyperparameters[self.name]


def check_value(estimator: Any, name: str, value: Any) -> None:
    """Refuse a value that a hyperparameter of an estimator cannot have.

    Parameters
    ----------
    estimator : AmazonAlgorithmEstimatorBase
    name : str
    value : object

    Raises
    ------
    ValueError
    """
    kind = estimator._hyperparameters.get("predictor_type")
    entries = _entries(estimator.repo_name, kind)
    if name not in entries:
        raise ValueError(
            f"{estimator.repo_name} has no hyperparameter {name!r}; it has "
            f"{', '.join(sorted(entries))}."
        )
    _valid(entries[name], value)


def serialized(values: Mapping[str, Any]) -> dict[str, str]:
    """Hyperparameters as a job has them, as the SDK writes them.

    Parameters
    ----------
    values : mapping of str to object
        None is left out.
    """
    return {name: str(value) for name, value in values.items() if value is not None}


def check_together(algorithm: str, values: Mapping[str, Any]) -> None:
    """Check what hyperparameters say together.

    Parameters
    ----------
    algorithm : str
    values : mapping of str to object
        Checked ones, by name; None is what the container chooses.

    Raises
    ------
    ValueError
        If a value is not one of this predictor type, or classes are not counted.

    Warns
    -----
    InapplicableHyperparameterWarning
        For each one without effect, such as a target without its criterion.
    """
    given = {name: value for name, value in values.items() if value is not None}
    kind = given.get("predictor_type")
    if kind is None:
        return
    entries = _entries(algorithm, kind)
    for name, value in given.items():
        _valid(entries[name], value)
    if kind == MULTICLASS and "num_classes" not in given:
        raise ValueError(
            f"num_classes is missing: predictor_type={kind!r} needs the number of "
            f"classes, {entries['num_classes'].type_text}."
        )
    # Of the two losses, that of the predictor type comes last, and stays.
    ours = sorted(
        HYPERPARAMETERS[algorithm], key=lambda entry: kind in entry.predictor_types
    )
    table = {
        entry.name: replace(entry, default=entry.sagemaker_default) for entry in ours
    }
    known = {name: value for name, value in given.items() if name in table}
    resolved = {}
    if algorithm == LINEAR:
        if given.get("loss", "auto") == "auto":
            resolved["loss"] = _AUTO_LOSS[kind]
        if given.get("optimizer", "auto") == "auto":
            resolved["optimizer"] = AUTO_OPTIMIZER[algorithm]
    warn_inapplicable(table, known, kind, **resolved)


@cache
def _entries(algorithm: str, kind: str | None) -> dict[str, Entry]:
    """What the container takes: in jobs of a predictor type, or of any."""
    tables = [container_table(algorithm, each) for each in ALL]
    found = {name: entry for table in tables for name, entry in table.items()}
    if kind is not None:
        found |= container_table(algorithm, kind)
    elif "loss" in found:
        names = [name for table in tables for name in table["loss"].choices]
        found["loss"] = replace(found["loss"], choices=tuple(dict.fromkeys(names)))
    if "num_classes" in found and kind != MULTICLASS:
        # It says nothing to the others, and users write 2 for two classes.
        found["num_classes"] = replace(found["num_classes"], low=1)
    for name in ABOVE_ZERO & set(found):
        found[name] = replace(found[name], closed="left")
    return found


def _valid(entry: Entry, value: Any) -> Any:
    """A value as its type, if the container takes it."""
    value = plain(value)
    found = checked(entry, entry.to_string(value))
    # The SDK sends this one, number or text, as it is written.
    return value if set(entry.choices) > {"auto"} and entry.kind == "float" else found
