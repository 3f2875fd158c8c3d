"""A training job: what its configuration files say, and the estimator that trains it.

Hyperparameters are those of the built-in algorithm. What the estimators have beyond it
has keys that begin with ``sklearn_sagemaker.``, whose values are JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_sagemaker._hyperparameters import MULTICLASS, REGRESSOR
from sklearn_sagemaker._hyperparameters.container import (
    FACTORS,
    LINEAR,
    container_table,
    our_table,
)
from sklearn_sagemaker._hyperparameters.from_job import arguments_of
from sklearn_sagemaker._memory import memory
from sklearn_sagemaker.estimators import (
    FactorizationMachinesClassifier,
    FactorizationMachinesRegressor,
    LinearLearnerClassifier,
    LinearLearnerRegressor,
)
from sklearn_sagemaker.estimators._targets import ClassTargets
from sklearn_sagemaker.io.messages import listed
from sklearn_sagemaker.serving.channels import Channel, read_channels
from sklearn_sagemaker.serving.cluster.job_hosts import JOIN_SECONDS

OWN = "sklearn_sagemaker."
"""What the keys of our own settings begin with."""
TUNED = "_tuning_objective_metric"
"""The service sets it in the jobs of tuning jobs; Linear Learner then has one model."""
MEMORY_SHARE = 4
"""Rows that take up to one part in so many of the machine's memory are loaded."""
PROGRAM = {
    "algorithm": "'linear-learner' or 'factorization-machines'",
    "checkpoint_every": "seconds from one checkpoint to the next",
    "hosts_timeout": "seconds that hosts wait for each other",
    "memory": "bytes of rows that are loaded",
    "num_classes": "a whole number",
    "seed": "a whole number",
}
"""Settings of the program itself; the others are arguments of the estimator."""
ARGUMENTS = (
    "class_weight",
    "cv",
    "ensemble_size",
    "groups",
    "multiclass_model_selection_criteria",
    "n_jobs",
    "positive",
    "random_state",
    "validation_fraction",
)
"""Arguments of the estimators beside hyperparameters that a job may set."""
ESTIMATORS: dict[tuple[str, bool], Any] = {
    (LINEAR, True): LinearLearnerRegressor,
    (LINEAR, False): LinearLearnerClassifier,
    (FACTORS, True): FactorizationMachinesRegressor,
    (FACTORS, False): FactorizationMachinesClassifier,
}


@dataclass(frozen=True)
class TrainingJob:
    """What to train, by the hyperparameters of a job.

    Attributes
    ----------
    algorithm, predictor_type : str
    arguments : dict
        Of ``sagemaker_defaults``, which builds the estimator.
    n_classes : int
        1 for regression.
    n_features : int or None
        None if the rows say it.
    configuration : dict of str to str
        The built-in algorithm's defaults.
    seed : int or None
        Of the training, in place of one drawn from ``random_state``.
    memory : int
        Bytes of rows that may be loaded.
    checkpoint_every : float
    hosts_timeout : float
        Seconds that the hosts of a job wait for each other.
    """

    algorithm: str
    predictor_type: str
    arguments: dict[str, Any]
    n_classes: int
    n_features: int | None
    configuration: dict[str, str] = field(default_factory=dict)
    seed: int | None = None
    memory: int = 0
    checkpoint_every: float = 60.0
    hosts_timeout: float = JOIN_SECONDS

    def estimator(self, **arguments: Any) -> Any:
        """The estimator to fit.

        Its classes are 0, 1 and so on, as the job says, whether or not there are rows
        of each.
        """
        cls = ESTIMATORS[self.algorithm, self.predictor_type == REGRESSOR]
        if self.predictor_type != REGRESSOR:
            cls = type(cls.__name__, (cls,), {"_targets": _declared(self.n_classes)})
        return cls.sagemaker_defaults(**{**self.arguments, **arguments})

    def check_labels(self, labels: np.ndarray | None, channel: str) -> None:
        """Refuse labels of a channel that are no classes.

        Parameters
        ----------
        labels : ndarray or None
            None if they are too many for classes.
        channel : str
        """
        if self.predictor_type == REGRESSOR:
            return
        if labels is None:
            raise ValueError(
                f"The labels of the channel {channel!r} have too many distinct values "
                "for classes; set predictor_type to 'regressor', or bin them."
            )
        _check_labels(labels, self.n_classes, channel)


def read_job(strings: Mapping[str, str]) -> TrainingJob:
    """What the hyperparameters of a job say.

    Parameters
    ----------
    strings : mapping of str to str

    Returns
    -------
    job : TrainingJob

    Raises
    ------
    ValueError
        If one is unknown, missing or out of range.
    """
    own = {
        name.removeprefix(OWN): parsed(name, text)
        for name, text in strings.items()
        if name.startswith(OWN)
    }
    theirs = {name: text for name, text in strings.items() if not name.startswith(OWN)}
    algorithm = own.pop("algorithm", FACTORS if "num_factors" in theirs else LINEAR)
    if algorithm not in (LINEAR, FACTORS):
        raise ValueError(
            f"{OWN}algorithm={algorithm!r} must be {PROGRAM['algorithm']}."
        )
    found = arguments_of(algorithm, theirs)
    kind, n_classes = found.predictor_type, found.num_classes or 2
    # The built-in Factorization Machines have two classes at most.
    n_classes = _number("num_classes", own.pop("num_classes", n_classes), int, 1)
    if kind == REGRESSOR:
        n_classes = 1
    elif n_classes > 2:
        kind = MULTICLASS
    program = {
        "seed": own.pop("seed", None),
        "memory": own.pop("memory", None) or max(1, memory() // MEMORY_SHARE),
        "checkpoint_every": own.pop("checkpoint_every", 60.0),
        "hosts_timeout": own.pop("hosts_timeout", JOIN_SECONDS),
    }
    if program["seed"] is not None:
        _number("seed", program["seed"], int, 0)
    _number("memory", program["memory"], int, 1)
    for name in ("checkpoint_every", "hosts_timeout"):
        _number(name, program[name], (int, float), 0)
    cls = ESTIMATORS[algorithm, kind == REGRESSOR]
    _check_own(own, set(our_table(algorithm, kind)), set(cls._get_param_names()))
    if isinstance(own.get("class_weight"), dict):
        own["class_weight"] = {int(k): v for k, v in own["class_weight"].items()}
    table = container_table(algorithm, found.predictor_type)
    tuned = {"num_models": 1} if algorithm == LINEAR and strings.get(TUNED) else {}
    return TrainingJob(
        algorithm,
        kind,
        # A job that is started again goes on with the same seed; it has the machine.
        {"random_state": 0, "n_jobs": -1, **found.arguments, **own, **tuned},
        n_classes,
        found.feature_dim,
        {
            name: entry.to_string(entry.sagemaker_default)
            for name, entry in table.items()
            if entry.sagemaker_default is not None
        },
        **program,
    )


def parsed(name: str, text: str) -> Any:
    """The value of a key of ours.

    Raises
    ------
    ValueError
        If it is no JSON.
    """
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}={text!r} is no JSON; write texts with quotes, as '\"auto\"'."
        ) from None


def _number(name: str, value: Any, kind: Any, least: float) -> Any:
    """A setting of the program, if it is a number from some one on."""
    if isinstance(value, bool) or not isinstance(value, kind) or value < least:
        raise ValueError(f"{OWN}{name}={value!r} must be {PROGRAM[name]}.")
    return value


def _check_own(own: dict[str, Any], table: set[str], taken: set[str]) -> None:
    """Refuse settings that the estimator lacks; the values it checks itself."""
    known = (table | set(ARGUMENTS)) & taken
    unknown = [name for name in own if name not in known]
    if unknown:
        verb = "was" if len(unknown) == 1 else "were"
        raise ValueError(
            "Additional properties are not allowed "
            f"({', '.join(repr(OWN + name) for name in unknown)} {verb} unexpected); "
            f"behind {OWN!r} stand {listed(sorted(known | set(PROGRAM)))}."
        )


def _declared(n_classes: int) -> type[ClassTargets]:
    """Targets of the classes 0, 1 and so on, those without rows among them."""
    everything = np.arange(n_classes)

    class DeclaredClasses(ClassTargets):
        @classmethod
        def of_labels(cls, estimator: Any, y: Any, weights: np.ndarray) -> ClassTargets:
            labels = np.unique(y[weights > 0])
            _check_labels(labels, n_classes)
            return cls._with_all(super().of_labels(estimator, y, weights), labels)

        @classmethod
        def of_source(cls, estimator: Any, source: Any) -> ClassTargets:
            labels = source.contents.labels
            if labels is not None:
                _check_labels(labels, n_classes)
            return cls._with_all(super().of_source(estimator, source), labels)

        @classmethod
        def _with_all(cls, found: ClassTargets, labels: np.ndarray) -> ClassTargets:
            multipliers = np.ones(n_classes)
            # Of those that class_weight takes out.
            multipliers[labels.astype(int)] = 0.0
            multipliers[found.classes.astype(int)] = found.multipliers
            return cls(everything, multipliers)

    return DeclaredClasses


def _check_labels(labels: np.ndarray, n_classes: int, channel: str = "train") -> None:
    wrong = labels[~np.isin(labels, np.arange(n_classes))]
    if len(wrong):
        raise ValueError(
            f"The channel {channel!r} has the label {wrong[0]:g}; the labels of "
            f"{n_classes} classes are the whole numbers 0 to {n_classes - 1}."
        )


@dataclass(frozen=True)
class Folders:
    """Where things are in a training container.

    Attributes
    ----------
    root : Path
        ``/opt/ml`` in the container.
    """

    root: Path

    @property
    def data(self) -> Path:
        """Of the channels."""
        return self.root / "input" / "data"

    @property
    def model(self) -> Path:
        """What SageMaker packs to ``model.tar.gz``."""
        return self.root / "model"

    @property
    def output(self) -> Path:
        """Has ``data``, which SageMaker packs to ``output.tar.gz``, and ``failure``."""
        return self.root / "output"

    @property
    def failure(self) -> Path:
        """Says why the job has failed."""
        return self.output / "failure"

    @property
    def checkpoints(self) -> Path | None:
        """What SageMaker brings back before it starts a job again; None without it."""
        folder = self.root / "checkpoints"
        return folder if folder.is_dir() else None

    def configuration(self, name: str) -> Path:
        """A file of the job's configuration."""
        return self.root / "input" / "config" / f"{name}.json"

    def read(self, name: str, missing: Any = None) -> dict[str, Any]:
        """What a file of the job's configuration holds.

        Raises
        ------
        ValueError
            If it is no JSON object, or there is none and ``missing`` is None.
        """
        path = self.configuration(name)
        try:
            found = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            if missing is not None:
                return missing
            raise ValueError(
                f"{path} is missing; SageMaker writes it, or you do with --root."
            ) from None
        except ValueError as error:
            raise ValueError(f"{path} is no JSON ({error}).") from None
        if not isinstance(found, dict):
            raise ValueError(f"{path} must hold a JSON object.")
        return found

    def channels(self) -> dict[str, Channel]:
        """The channels of the job."""
        return read_channels(self.read("inputdataconfig"), self.data)
