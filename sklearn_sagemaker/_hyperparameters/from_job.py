"""The way back: a training job's hyperparameters as constructor arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sklearn_sagemaker._hyperparameters import ALL, MULTICLASS
from sklearn_sagemaker._hyperparameters.container import (
    ABOVE_ZERO,
    REQUIRED,
    checked,
    container_table,
    our_table,
)

_TRUE = ("true", "1")
_SERVICE: dict[str, dict[str, tuple[str, ...]]] = {
    "linear-learner": {"force_dense": ()},
    "factorization-machines": {
        "batch_metrics_publish_interval": (),
        "use_bias": _TRUE,
        "use_linear": _TRUE,
        "_optimizer": ("adam",),
        "_learning_rate": ("1.0", "1"),
        "_wd": ("1.0", "1"),
    },
}
"""What the container's own file of defaults holds beside hyperparameters, with the
values that change no model (none: all of them)."""


@dataclass(frozen=True)
class JobArguments:
    """What the hyperparameters of a job say.

    Attributes
    ----------
    predictor_type : str
    arguments : dict
        Constructor arguments of the estimator of that predictor type. What the job
        leaves to the container is not in it: ``sagemaker_defaults(**arguments)``
        builds the estimator.
    num_classes : int or None
        None but for several classes.
    feature_dim : int or None
        None if the job finds it out.
    """

    predictor_type: str
    arguments: dict[str, Any]
    num_classes: int | None = None
    feature_dim: int | None = None


def arguments_of(algorithm: str, strings: Mapping[str, str]) -> JobArguments:
    """Constructor arguments from the hyperparameters of a job.

    Values may be bare or quoted, as JSON writes them; "null" and "None" are absent.
    Names that begin with an underscore are the service's and are passed over.
    Hyperparameters of other predictor types are checked, and have no argument.

    Parameters
    ----------
    algorithm : str
        SageMaker's name of it.
    strings : mapping of str to str

    Returns
    -------
    job : JobArguments

    Raises
    ------
    ValueError
        If a hyperparameter is unknown, missing, or out of its range.

    Examples
    --------
    >>> from sklearn_sagemaker._hyperparameters.from_job import arguments_of
    >>> job = arguments_of(
    ...     "linear-learner",
    ...     {"predictor_type": "regressor", "wd": "1e-05", "use_bias": "True"},
    ... )
    >>> job.predictor_type, job.arguments
    ('regressor', {'wd': 1e-05, 'use_bias': True})
    """
    texts = {name: bare(text) for name, text in strings.items()}
    texts = {name: text for name, text in texts.items() if text not in ("null", "None")}
    texts = _without_service(algorithm, texts)
    tables = [container_table(algorithm, kind) for kind in ALL]
    everything = {name: entry for table in tables for name, entry in table.items()}
    _check_names(algorithm, texts, everything)
    kind = checked(everything["predictor_type"], texts.pop("predictor_type"))
    table = {**everything, **container_table(algorithm, kind)}
    if kind != MULTICLASS:
        texts.pop("num_classes", None)
    elif "num_classes" not in texts:
        raise ValueError(
            f"num_classes is missing: predictor_type={kind!r} needs the number of "
            f"classes, {table['num_classes'].type_text}."
        )
    values = {}
    for name, text in texts.items():
        entry = table[name]
        if name in ABOVE_ZERO:
            entry = replace(entry, closed="left")
        values[name] = checked(entry, text)
    n_features = values.pop("feature_dim", "auto")
    n_classes = values.pop("num_classes", None)
    ours = our_table(algorithm, kind)
    return JobArguments(
        kind,
        {name: value for name, value in values.items() if name in ours},
        n_classes,
        None if n_features == "auto" else n_features,
    )


def bare(text: str) -> str:
    """A text without the quotes of JSON, or of Python."""
    text = str(text).strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return text


def _without_service(algorithm: str, texts: dict[str, str]) -> dict[str, str]:
    """The hyperparameters without what is the service's own."""
    fixed = _SERVICE[algorithm]
    for name, text in texts.items():
        allowed = fixed.get(name)
        if allowed and text.lower() not in allowed:
            raise ValueError(
                f"{name}={text!r} is not valid: {algorithm} trains with "
                f"{name}={allowed[0]!r} only here; leave it out."
            )
    return {
        name: text
        for name, text in texts.items()
        if name not in fixed and not name.startswith("_")
    }


def _check_names(algorithm: str, texts: dict[str, str], table: dict[str, Any]) -> None:
    unknown = [name for name in texts if name not in table]
    if unknown:
        verb = "was" if len(unknown) == 1 else "were"
        raise ValueError(
            "Additional properties are not allowed "
            f"({', '.join(map(repr, unknown))} {verb} unexpected); {algorithm} takes "
            f"{', '.join(sorted(table))}."
        )
    for name in REQUIRED[algorithm]:
        if name not in texts:
            raise ValueError(
                f"{name} is missing: {algorithm} needs it; set it to "
                f"{table[name].type_text}."
            )
