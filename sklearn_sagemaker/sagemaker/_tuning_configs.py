"""What a tuning job may be told beside its ranges, and as requests have it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

from sklearn_sagemaker.sagemaker._requests import given

NAME = "HyperParameterTuningJobName"


class WarmStartTypes(Enum):
    """How the parents of a tuning job are like it.

    Attributes
    ----------
    IDENTICAL_DATA_AND_ALGORITHM
        They have the same data and the same image; their training jobs count with those
        of the new one.
    TRANSFER_LEARNING
        Data or image are others; what they have tried tells where to begin.
    """

    IDENTICAL_DATA_AND_ALGORITHM = "IdenticalDataAndAlgorithm"
    TRANSFER_LEARNING = "TransferLearning"


class WarmStartConfig:
    """Earlier tuning jobs from which a new one goes on.

    Parameters
    ----------
    warm_start_type : WarmStartTypes
    parents : set of str
        Names of up to five tuning jobs.

    Attributes
    ----------
    type : WarmStartTypes
    parents : set of str

    Raises
    ------
    ValueError
        If it is no such type, or there are no parents.
    """

    def __init__(self, warm_start_type: WarmStartTypes, parents: Iterable[str]):
        if warm_start_type not in list(WarmStartTypes):
            raise ValueError(
                f"warm_start_type={warm_start_type!r} must be one of "
                f"{', '.join(map(str, WarmStartTypes))}."
            )
        if not parents:
            raise ValueError(f"parents={parents!r}: a warm start needs tuning jobs.")
        self.type = warm_start_type
        self.parents = set(parents)

    @classmethod
    def from_job_desc(cls, warm_start_config: Any) -> WarmStartConfig | None:
        """Of a description; None if that has none.

        Parameters
        ----------
        warm_start_config : dict or None
        """
        if not warm_start_config:
            return None
        parents = warm_start_config["ParentHyperParameterTuningJobs"]
        return cls(
            WarmStartTypes(warm_start_config["WarmStartType"]),
            [parent[NAME] for parent in parents],
        )

    def to_input_req(self) -> dict[str, Any]:
        """As a request has it."""
        return {
            "WarmStartType": self.type.value,
            "ParentHyperParameterTuningJobs": [
                {NAME: parent} for parent in sorted(self.parents)
            ],
        }


class HyperbandStrategyConfig:
    """The epochs of the strategy Hyperband.

    Parameters
    ----------
    max_resource, min_resource : int
        Epochs of a training job, at most, and before it may be ended.
    """

    def __init__(self, max_resource: int, min_resource: int):
        self.max_resource, self.min_resource = max_resource, min_resource

    @classmethod
    def from_job_desc(cls, hyperband_strategy_config: Any) -> HyperbandStrategyConfig:
        """Of a description.

        Parameters
        ----------
        hyperband_strategy_config : dict
        """
        return cls(
            hyperband_strategy_config.get("MaxResource"),
            hyperband_strategy_config.get("MinResource"),
        )

    def to_input_req(self) -> dict[str, Any]:
        """As a request has it."""
        return given(MinResource=self.min_resource, MaxResource=self.max_resource)


class StrategyConfig:
    """What a strategy is told.

    Parameters
    ----------
    hyperband_strategy_config : HyperbandStrategyConfig
    """

    def __init__(self, hyperband_strategy_config: HyperbandStrategyConfig):
        self.hyperband_strategy_config = hyperband_strategy_config

    @classmethod
    def from_job_desc(cls, strategy_config: Any) -> StrategyConfig:
        """Of a description.

        Parameters
        ----------
        strategy_config : dict
        """
        found = strategy_config["HyperbandStrategyConfig"]
        return cls(HyperbandStrategyConfig.from_job_desc(found))

    def to_input_req(self) -> dict[str, Any]:
        """As a request has it."""
        return {
            "HyperbandStrategyConfig": self.hyperband_strategy_config.to_input_req()
        }


class InstanceConfig:
    """Instances that training jobs may take.

    Parameters
    ----------
    instance_count : int, default=None
    instance_type : str, default=None
    volume_size : int, default=30
        GB.
    """

    def __init__(
        self,
        instance_count: int | None = None,
        instance_type: str | None = None,
        volume_size: int = 30,
    ):
        self.instance_count = instance_count
        self.instance_type = instance_type
        self.volume_size = volume_size

    @classmethod
    def from_job_desc(cls, instance_config: Any) -> InstanceConfig:
        """Of a description.

        Parameters
        ----------
        instance_config : dict
        """
        names = ("InstanceCount", "InstanceType", "VolumeSizeInGB")
        return cls(*(instance_config[name] for name in names))

    def to_input_req(self) -> dict[str, Any]:
        """As a request has it."""
        return {
            "InstanceCount": self.instance_count,
            "InstanceType": self.instance_type,
            "VolumeSizeInGB": self.volume_size,
        }


class TuningJobCompletionCriteriaConfig:
    """When a tuning job is complete before it has made all its training jobs.

    Parameters
    ----------
    max_number_of_training_jobs_not_improving : int, default=None
        After so many that are no better than the best.
    complete_on_convergence : bool, default=None
        When the service finds that it has converged.
    target_objective_metric_value : float, default=None
        When a training job is as good.
    """

    def __init__(
        self,
        max_number_of_training_jobs_not_improving: int | None = None,
        complete_on_convergence: bool | None = None,
        target_objective_metric_value: float | None = None,
    ):
        self.max_number_of_training_jobs_not_improving = (
            max_number_of_training_jobs_not_improving
        )
        self.complete_on_convergence = complete_on_convergence
        self.target_objective_metric_value = target_objective_metric_value

    @classmethod
    def from_job_desc(
        cls, completion_criteria_config: Any
    ) -> TuningJobCompletionCriteriaConfig:
        """Of a description.

        Parameters
        ----------
        completion_criteria_config : dict
        """
        found = completion_criteria_config
        converged = found.get("ConvergenceDetected", {}).get("CompleteOnConvergence")
        return cls(
            found.get("BestObjectiveNotImproving", {}).get(
                "MaxNumberOfTrainingJobsNotImproving"
            ),
            None if converged is None else converged == "Enabled",
            found.get("TargetObjectiveMetricValue"),
        )

    def to_input_req(self) -> dict[str, Any]:
        """As a request has it."""
        patience = self.max_number_of_training_jobs_not_improving
        converges = self.complete_on_convergence
        return given(
            BestObjectiveNotImproving=(
                None
                if patience is None
                else {"MaxNumberOfTrainingJobsNotImproving": patience}
            ),
            TargetObjectiveMetricValue=self.target_objective_metric_value,
            ConvergenceDetected=(
                None
                if converges is None
                else {"CompleteOnConvergence": "Enabled" if converges else "Disabled"}
            ),
        )
