"""The request for a tuning job, from what a tuner holds."""

from __future__ import annotations

from typing import Any

from sklearn_sagemaker.sagemaker._requests import given
from sklearn_sagemaker.sagemaker._tuning_configs import NAME, InstanceConfig

# Of the request for a training job, what the definition of a tuning job's has too.
_SHARED = (
    "RoleArn", "OutputDataConfig", "StoppingCondition", "InputDataConfig", "VpcConfig",
    "EnableNetworkIsolation", "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining", "CheckpointConfig", "RetryStrategy", "Environment",
)  # fmt: skip
_OF_INSTANCES = ("InstanceCount", "InstanceType", "VolumeSizeInGB", "VolumeKmsKeyId")


def definition_of(
    request: dict[str, Any],
    *,
    static: dict[str, str],
    metric_definitions: list[dict[str, str]] | None,
    instance_configs: list[InstanceConfig] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The definition of training jobs, from the request for one.

    Parameters
    ----------
    request : dict
        Body of ``CreateTrainingJob``.
    static : dict of str to str
        Hyperparameters that all of them have.
    metric_definitions : list of dict or None
    instance_configs : list of InstanceConfig or None, default=None
        In place of the instances of the request.
    **more
        Further members; those that are None are left out.
    """
    algorithm, resources = request["AlgorithmSpecification"], request["ResourceConfig"]
    found = {name: resources[name] for name in _OF_INSTANCES if name in resources}
    if instance_configs is not None:
        chosen = [one.to_input_req() for one in instance_configs]
        key = found.get("VolumeKmsKeyId")
        found = given(InstanceConfigs=chosen, VolumeKmsKeyId=key)
    return {
        "StaticHyperParameters": static,
        "AlgorithmSpecification": given(
            TrainingInputMode=algorithm["TrainingInputMode"],
            TrainingImage=algorithm["TrainingImage"],
            MetricDefinitions=metric_definitions,
        ),
        "HyperParameterTuningResourceConfig": found,
        **{name: request[name] for name in _SHARED if name in request},
        **given(**more),
    }


def objective(kind: str, metric: str | None) -> dict[str, str] | None:
    """What is tuned, as requests have it."""
    return None if metric is None else {"Type": kind, "MetricName": metric}


def ranges_with(
    ranges: dict[str, Any] | None, auto: dict[str, str] | None
) -> dict[str, Any] | None:
    """Ranges, and hyperparameters whose ranges the service chooses by a value."""
    if auto is None:
        return ranges
    hints = [{"Name": name, "ValueHint": value} for name, value in auto.items()]
    return {**(ranges or {}), "AutoParameters": hints}


def tuning_request(
    tuner: Any, name: str, definitions: dict[str, Any], **more: Any
) -> dict[str, Any]:
    """The request for a tuning job.

    Parameters
    ----------
    tuner : HyperparameterTuner
    name : str
    definitions : dict
        ``TrainingJobDefinition`` or ``TrainingJobDefinitions``.
    **more
        Objective and ranges, where the definitions do not have them; None is left out.
    """
    limits = given(
        MaxNumberOfTrainingJobs=tuner.max_jobs,
        MaxParallelTrainingJobs=tuner.max_parallel_jobs,
        MaxRuntimeInSeconds=tuner.max_runtime_in_seconds,
    )
    strategy, criteria = tuner.strategy_config, tuner.completion_criteria_config
    return given(
        **{NAME: name},
        HyperParameterTuningJobConfig=given(
            Strategy=tuner.strategy,
            ResourceLimits=limits,
            TrainingJobEarlyStoppingType=tuner.early_stopping_type,
            RandomSeed=tuner.random_seed,
            StrategyConfig=strategy and strategy.to_input_req(),
            TuningJobCompletionCriteria=criteria and criteria.to_input_req(),
            **more,
        ),
        Autotune={"Mode": "Enabled"} if tuner.autotune else None,
        WarmStartConfig=tuner.warm_start_config
        and tuner.warm_start_config.to_input_req(),
        Tags=tuner.tags,
        **definitions,
    )
