"""What a tuner holds, from what the service says of its tuning job."""

from __future__ import annotations

import importlib
import json
from typing import Any

from sklearn_sagemaker.sagemaker._descriptions import arguments_of_job
from sklearn_sagemaker.sagemaker._names import base_name_from_image
from sklearn_sagemaker.sagemaker._tuning_configs import (
    StrategyConfig,
    TuningJobCompletionCriteriaConfig,
    WarmStartConfig,
)
from sklearn_sagemaker.sagemaker._tuning_parts import (
    CLASS_KEY,
    MODULE_KEY,
    PACKAGE,
    Part,
)
from sklearn_sagemaker.sagemaker.amazon.amazon_estimator import (
    AmazonAlgorithmEstimatorBase,
)
from sklearn_sagemaker.sagemaker.parameter import CategoricalParameter, ranges_of
from sklearn_sagemaker.sagemaker.session import Session

_CLASSES = {
    "linear-learner": "amazon.linear_learner.LinearLearner",
    "factorization-machines": "amazon.factorization_machines.FactorizationMachines",
}
"""Classes of the images' repositories; `Estimator` takes any other."""
_SERVICES_KEY = "_tuning_objective_metric"


def parts_of(
    found: dict[str, Any], chosen: str | dict[str, str] | None, session: Session
) -> tuple[dict[str | None, Part], str]:
    """The estimators of a tuning job, and which way the objective is to go.

    Parameters
    ----------
    found : dict
        Description of the job.
    chosen : str, dict of str to str or None
        Classes with their modules, by the user.
    session : Session

    Returns
    -------
    parts : dict of Part
        By name, which is None of a single one.
    objective_type : str
    """
    config = found["HyperParameterTuningJobConfig"]
    several = found.get("TrainingJobDefinitions") or []
    whole = config.get("HyperParameterTuningJobObjective")
    parts: dict[str | None, Part] = {}
    kind = "Maximize"
    for one in several or [found["TrainingJobDefinition"]]:
        name = one.get("DefinitionName") if several else None
        ranges = one.get("HyperParameterRanges") or config.get("ParameterRanges")
        aim = one.get("TuningObjective") or whole or {}
        kind = aim.get("Type", kind)
        cls = chosen.get(name or "") if isinstance(chosen, dict) else chosen
        estimator = estimator_of(one, ranges or {}, cls, session)
        parts[name] = Part(
            estimator,
            aim.get("MetricName"),
            ranges_of(ranges or {}),
            estimator.metric_definitions,
        )
    return parts, kind


def settings_of(found: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a tuner beside its estimators.

    Parameters
    ----------
    found : dict
        Description of the tuning job.
    """
    config = found["HyperParameterTuningJobConfig"]
    limits = config["ResourceLimits"]
    criteria = config.get("TuningJobCompletionCriteria")
    strategy = config.get("StrategyConfig")
    return {
        "strategy": config["Strategy"],
        "max_jobs": limits.get("MaxNumberOfTrainingJobs"),
        "max_parallel_jobs": limits["MaxParallelTrainingJobs"],
        "max_runtime_in_seconds": limits.get("MaxRuntimeInSeconds"),
        "warm_start_config": WarmStartConfig.from_job_desc(
            found.get("WarmStartConfig")
        ),
        "strategy_config": strategy and StrategyConfig.from_job_desc(strategy),
        "completion_criteria_config": criteria
        and TuningJobCompletionCriteriaConfig.from_job_desc(criteria),
        "early_stopping_type": config.get("TrainingJobEarlyStoppingType", "Off"),
        "random_seed": config.get("RandomSeed"),
        "autotune": found.get("Autotune", {}).get("Mode") == "Enabled",
    }


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
