"""The estimator of a tuning job, from what the service says of it."""

from __future__ import annotations

import importlib
import json
from typing import Any

from sklearn_sagemaker.sagemaker._descriptions import arguments_of_job
from sklearn_sagemaker.sagemaker._names import base_name_from_image
from sklearn_sagemaker.sagemaker.amazon.amazon_estimator import (
    AmazonAlgorithmEstimatorBase,
)
from sklearn_sagemaker.sagemaker.parameter import CategoricalParameter, ranges_of
from sklearn_sagemaker.sagemaker.session import Session

CLASS_KEY = "sagemaker_estimator_class_name"
MODULE_KEY = "sagemaker_estimator_module"
"""Hyperparameters by which jobs are told the class of their estimator."""
PACKAGE = "sklearn_sagemaker."
_CLASSES = {
    "linear-learner": "amazon.linear_learner.LinearLearner",
    "factorization-machines": "amazon.factorization_machines.FactorizationMachines",
}
"""Classes of the images' repositories; `Estimator` takes any other."""
_SERVICES_KEY = "_tuning_objective_metric"


def estimator_of(
    definition: dict[str, Any], ranges: Any, chosen: Any, session: Session
) -> Any:
    """The estimator of a definition.

    Hyperparameters that are searched have a value, too: the lowest, or the first.

    Parameters
    ----------
    definition : dict
        Of the training jobs.
    ranges : dict
    chosen : str or None
        Class with its module, by the user.
    session : Session
    """
    static = dict(definition.get("StaticHyperParameters", {}))
    static.pop(_SERVICES_KEY, None)
    told = static.pop(CLASS_KEY, None)
    static.pop(MODULE_KEY, None)
    image = definition["AlgorithmSpecification"].get("TrainingImage", "")
    cls = _class_of(chosen, told, image)
    if issubclass(cls, AmazonAlgorithmEstimatorBase):
        for name, one in ranges_of(ranges).items():
            first = (
                one.values[0]
                if isinstance(one, CategoricalParameter)
                else str(one.min_value)
            )
            static.setdefault(name, first)
    resources = definition.get("ResourceConfig")
    if resources is None:
        resources = definition.get("HyperParameterTuningResourceConfig", {})
        resources = (resources.get("InstanceConfigs") or [resources])[0]
    arguments = arguments_of_job(
        {
            **definition,
            "ResourceConfig": resources,
            "HyperParameters": static,
            "TrainingJobName": "",
        },
        "model",
    )
    return cls._of_job(arguments, session)


def _class_of(chosen: str | None, told: str | None, image: str) -> Any:
    """The class that the user says, that the job says, or that the image tells."""
    if chosen is not None:
        module, _, name = chosen.rpartition(".")
        if module.split(".")[0] == "sagemaker":
            module = f"{PACKAGE}{module}"
        return getattr(importlib.import_module(module), name)
    known = {path.rpartition(".")[2]: path for path in _CLASSES.values()}
    # Only classes that are known: a description is not to say what is imported.
    path = known.get(json.loads(told)) if told else None
    path = path or _CLASSES.get(base_name_from_image(image), "estimator.Estimator")
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(f"{PACKAGE}sagemaker.{module}"), name)
