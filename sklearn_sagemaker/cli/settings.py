"""``--set name=value``: hyperparameters, and other arguments of the estimators."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any

from sklearn_sagemaker._hyperparameters import ALL
from sklearn_sagemaker.cli.algorithms import TITLES, estimator_class

DERIVED = {
    "predictor_type": "say --predictor-type",
    "num_classes": "it is counted in the labels",
    "feature_dim": "it is counted in the data",
    "random_state": "say --seed",
    "verbose": "say --verbose",
}


def parse_settings(
    texts: Iterable[str], algorithm: str, predictor_type: str
) -> dict[str, Any]:
    """Hyperparameters from the texts after ``--set``.

    Parameters
    ----------
    texts : iterable of str
        Each "name=value".
    algorithm : str
        SageMaker's name of it.
    predictor_type : str

    Returns
    -------
    values : dict

    Raises
    ------
    ValueError
        If a text is no "name=value", a name is unknown or said twice, or a value
        is outside its range.

    Notes
    -----
    Values of arguments that are no hyperparameters, such as ``cv`` and
    ``class_weight``, are JSON, or text where they are none.
    """
    from sklearn_sagemaker._hyperparameters.tables import hyperparameters_for

    table = hyperparameters_for(algorithm, (predictor_type,))
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise ValueError(
                f"--set {text!r} is not name=value; write for example --set epochs=20."
            )
        if name not in table and not _is_argument(name, algorithm, predictor_type):
            raise ValueError(_unknown(name, table, algorithm, predictor_type))
        if name in values:
            raise ValueError(f"--set {name} is given twice; give it once.")
        values[name] = table[name].parse(value) if name in table else _plain(value)
    return values


def _is_argument(name: str, algorithm: str, predictor_type: str) -> bool:
    """Whether an estimator has it beside the hyperparameters."""
    known = estimator_class(algorithm, predictor_type)().get_params(deep=False)
    return name in known and name not in DERIVED


def _plain(text: str) -> Any:
    text = text.strip()
    words = {"none": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _unknown(
    name: str, table: dict[str, Any], algorithm: str, predictor_type: str
) -> str:
    from sklearn_sagemaker._hyperparameters.tables import (
        HYPERPARAMETERS,
        hyperparameters_for,
    )

    if name in DERIVED:
        return f"--set {name} is not needed: {DERIVED[name]}; leave it out."
    others = [kind for kind in ALL if name in hyperparameters_for(algorithm, (kind,))]
    if others:
        return (
            f"--set {name} does not apply to {predictor_type}, only to "
            f"{' and '.join(others)}; leave it out."
        )
    near = difflib.get_close_matches(name.lower(), table, 1, 0.4)
    hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(table)}."
    for other in HYPERPARAMETERS:
        if name in {entry.name for entry in HYPERPARAMETERS[other]}:
            hint = f"{TITLES[other]} has it: say --algorithm {other}, or leave it out."
    title = TITLES[algorithm]
    return f"--set {name}: {title} has no such hyperparameter; {hint}"
