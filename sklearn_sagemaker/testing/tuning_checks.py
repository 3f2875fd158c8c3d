"""What a tuning job may ask for, beside what the shapes of requests say."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from sklearn_sagemaker.testing.errors import ServiceError, invalid
from sklearn_sagemaker.testing.images import is_ours
from sklearn_sagemaker.testing.metrics import BUILT_IN, OBJECTIVE
from sklearn_sagemaker.testing.records import Record
from sklearn_sagemaker.testing.tuning_ranges import Range, ranges_of
from sklearn_sagemaker.testing.tuning_strategies import combinations

OBJECTIVE_KEY = "_tuning_objective_metric"
"""The hyperparameter by which a program is told that it is tuned, and by what."""
EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
MOST_JOBS = {"Random": 10_000}
MOST_JOBS_GUIDED = 500
MOST_PARALLEL = 100
_OF_LIST = ("DefinitionName", "TuningObjective", "HyperParameterRanges")


def definitions_of(record: Record) -> list[Record]:
    """The definitions of a tuning job's training jobs: one, or a list."""
    one = record.get("TrainingJobDefinition")
    return [one] if one else record.get("TrainingJobDefinitions", [])


def ranges_in(record: Record, definition: Record) -> list[Range]:
    """The ranges that the training jobs of a definition are drawn from."""
    found = definition.get("HyperParameterRanges")
    if found is None:
        found = record["HyperParameterTuningJobConfig"].get("ParameterRanges", {})
    return ranges_of(found)


def objective_of(record: Record, definition: Record) -> Mapping[str, str]:
    """``Type`` and ``MetricName`` of what is tuned."""
    found = definition.get("TuningObjective")
    config = record["HyperParameterTuningJobConfig"]
    return found or config["HyperParameterTuningJobObjective"]


def complete(record: Record) -> None:
    """Give a tuning job what the service adds to it.

    Parameters
    ----------
    record : dict
        The request; it is changed.

    Raises
    ------
    ServiceError
        If it may not be.
    """
    if record.get("Autotune"):
        raise invalid(
            "The emulator has no Autotune; say the ranges of all hyperparameters that "
            "are to be searched."
        )
    if bool(record.get("TrainingJobDefinition")) == bool(
        record.get("TrainingJobDefinitions")
    ):
        raise invalid(
            "A tuning job needs either a TrainingJobDefinition or "
            "TrainingJobDefinitions."
        )
    config = record["HyperParameterTuningJobConfig"]
    config.setdefault("TrainingJobEarlyStoppingType", "Off")
    _check_places(record, config)
    for definition in definitions_of(record):
        _complete_definition(record, definition)
    kinds = {objective_of(record, one)["Type"] for one in definitions_of(record)}
    if len(kinds) > 1:
        raise invalid("All TuningObjectives must be of one Type.")
    _check_strategy(record, config)
    _check_limits(record, config)


def _check_places(record: Record, config: Record) -> None:
    """Ranges and objectives stand by each definition of a list, else above."""
    if record.get("TrainingJobDefinition"):
        missing = [
            name
            for name in ("HyperParameterTuningJobObjective", "ParameterRanges")
            if not config.get(name)
        ]
        if missing:
            raise invalid(f"HyperParameterTuningJobConfig needs {missing[0]}.")
        return
    for name in ("HyperParameterTuningJobObjective", "ParameterRanges"):
        if config.get(name):
            raise invalid(
                f"With TrainingJobDefinitions, {name} stands in each of them and not "
                "in HyperParameterTuningJobConfig."
            )
    names = []
    for definition in definitions_of(record):
        for name in _OF_LIST:
            if not definition.get(name):
                raise invalid(f"Each of several TrainingJobDefinitions needs a {name}.")
        names.append(definition["DefinitionName"])
    if len(set(names)) < len(names):
        raise invalid(f"Each DefinitionName must be another: {', '.join(names)}.")


def _complete_definition(record: Record, definition: Record) -> None:
    algorithm = definition["AlgorithmSpecification"]
    image = algorithm.get("TrainingImage")
    if not image:
        raise invalid(
            "AlgorithmSpecification needs a TrainingImage; the emulator has no "
            "algorithms by name."
        )
    if is_ours(image):
        algorithm.setdefault("MetricDefinitions", copy.deepcopy(BUILT_IN))
    metric = objective_of(record, definition)["MetricName"]
    known = [item["Name"] for item in algorithm.get("MetricDefinitions", ())]
    if metric not in known:
        raise invalid(
            f"The objective metric for the hyperparameter tuning job, [{metric}], "
            "isn't valid for the training image. Choose one of its MetricDefinitions: "
            f"{', '.join(known) or 'there are none'}."
        )
    static = definition.setdefault("StaticHyperParameters", {})
    searched = [item.name for item in ranges_in(record, definition)]
    both = sorted(set(static) & set(searched))
    if both:
        raise invalid(
            f"The hyperparameter {both[0]} cannot be static and searched at once."
        )
    static[OBJECTIVE_KEY] = metric
    resources = definition.get("HyperParameterTuningResourceConfig")
    if bool(resources) == bool(definition.get("ResourceConfig")):
        raise invalid(
            "A TrainingJobDefinition needs either a ResourceConfig or a "
            "HyperParameterTuningResourceConfig."
        )
    if resources:
        # What SDK v2's attach() reads.
        definition["ResourceConfig"] = _resources(resources)
    definition["OutputDataConfig"].setdefault("KmsKeyId", "")
    for name in (
        "EnableNetworkIsolation",
        "EnableInterContainerTrafficEncryption",
        "EnableManagedSpotTraining",
    ):
        definition.setdefault(name, False)


def _resources(found: Record) -> Record:
    """The instances of a training job: the first of several choices."""
    choices = found.get("InstanceConfigs") or [found]
    names = ("InstanceType", "InstanceCount", "VolumeSizeInGB")
    chosen = {name: choices[0][name] for name in names if name in choices[0]}
    if "VolumeKmsKeyId" in found:
        chosen["VolumeKmsKeyId"] = found["VolumeKmsKeyId"]
    if "InstanceType" not in chosen:
        raise invalid("HyperParameterTuningResourceConfig needs an InstanceType.")
    return {"InstanceCount": 1, "VolumeSizeInGB": 30, **chosen}


def _check_strategy(record: Record, config: Record) -> None:
    strategy = config["Strategy"]
    limits = config["ResourceLimits"]
    ranges = [ranges_in(record, one) for one in definitions_of(record)]
    if strategy == "Hyperband":
        if config["TrainingJobEarlyStoppingType"] == "Auto":
            raise invalid(
                "TrainingJobEarlyStoppingType must be Off with the strategy Hyperband, "
                "which ends training jobs itself."
            )
        for definition in definitions_of(record):
            epochs_of(config, definition)
    elif config.get("StrategyConfig"):
        raise invalid(f"The strategy {strategy} takes no StrategyConfig.")
    if strategy != "Grid":
        return
    for item in (item for each in ranges for item in each):
        if not item.values:
            raise invalid(
                "The strategy Grid searches categorical hyperparameters only, and "
                f"{item.name} is none."
            )
    total = sum(map(combinations, ranges))
    if limits.get("MaxNumberOfTrainingJobs", total) != total:
        raise invalid(
            f"MaxNumberOfTrainingJobs is {limits['MaxNumberOfTrainingJobs']}, and the "
            f"grid has {total} combinations; leave it out, or set it to {total}."
        )


def epochs_of(config: Record, definition: Record) -> tuple[int, int]:
    """The least and the most epochs of Hyperband.

    Raises
    ------
    ServiceError
        If nobody says the most.
    """
    said = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
    most = said.get("MaxResource")
    static = definition["StaticHyperParameters"]
    for name in EPOCHS:
        if most is None and static.get(name, "").isdigit():
            most = int(static[name])
    least = said.get("MinResource", 1)
    if most is None or not 1 <= least <= most:
        raise invalid(
            "The strategy Hyperband needs a MaxResource that is not below MinResource, "
            "or a static hyperparameter such as epochs to take it from."
        )
    return least, most


def _check_limits(record: Record, config: Record) -> None:
    limits, strategy = config["ResourceLimits"], config["Strategy"]
    jobs = limits.get("MaxNumberOfTrainingJobs")
    if jobs is None and strategy != "Grid" and "MaxRuntimeInSeconds" not in limits:
        raise invalid(
            "ResourceLimits needs a MaxNumberOfTrainingJobs or a MaxRuntimeInSeconds."
        )
    most = MOST_JOBS.get(strategy, MOST_JOBS_GUIDED)
    for what, asked, limit in (
        ("training jobs", jobs or 0, most),
        ("parallel training jobs", limits["MaxParallelTrainingJobs"], MOST_PARALLEL),
    ):
        if asked > limit:
            raise ServiceError(
                "ResourceLimitExceeded",
                f"The account-level service limit 'Number of {what} per hyperparameter "
                f"tuning job' is {limit} Training Jobs, with current utilization of 0 "
                f"Training Jobs and a request delta of {asked} Training Jobs. Please "
                "use AWS Service Quotas to request an increase for this quota.",
            )


def most_jobs(record: Record) -> int:
    """How many training jobs a tuning job has."""
    config = record["HyperParameterTuningJobConfig"]
    strategy = config["Strategy"]
    if strategy == "Grid":
        return sum(
            combinations(ranges_in(record, one)) for one in definitions_of(record)
        )
    most = MOST_JOBS.get(strategy, MOST_JOBS_GUIDED)
    return config["ResourceLimits"].get("MaxNumberOfTrainingJobs", most)


def check_parents(record: Record, parents: Mapping[str, Record]) -> None:
    """Refuse a warm start from tuning jobs that this one is not like.

    Parameters
    ----------
    record : dict
    parents : mapping of str to dict
        By their names.

    Raises
    ------
    ServiceError
    """
    if not record.get("TrainingJobDefinition"):
        raise invalid("A warm start is for a single TrainingJobDefinition.")
    own = record["TrainingJobDefinition"]
    kind = record["WarmStartConfig"]["WarmStartType"]
    for name, parent in parents.items():
        status = parent["HyperParameterTuningJobStatus"]
        if status not in ("Completed", "Stopped", "Failed"):
            raise invalid(
                f"The parent {name} of the warm start is {status}; it must have ended."
            )
        if not parent.get("TrainingJobDefinition"):
            raise invalid(
                f"The parent {name} of the warm start has several definitions."
            )
        theirs = parent["TrainingJobDefinition"]
        if objective_of(parent, theirs) != objective_of(record, own):
            raise invalid(
                f"The objective of the parent {name} of the warm start is another: "
                f"{dict(objective_of(parent, theirs))}."
            )
        if len(_names(parent, theirs)) != len(_names(record, own)):
            raise invalid(
                "The number of hyperparameters, static and searched, must be that of "
                f"the parent {name} of the warm start: "
                f"{', '.join(sorted(_names(parent, theirs)))}."
            )
        images = [
            one["AlgorithmSpecification"]["TrainingImage"] for one in (theirs, own)
        ]
        if kind == "IdenticalDataAndAlgorithm" and images[0] != images[1]:
            raise invalid(
                f"The training image of the parent {name} is {images[0]}, and a warm "
                "start of IdenticalDataAndAlgorithm needs the same."
            )


def _names(record: Record, definition: Record) -> set[str]:
    return set(_all_names(record, definition))


def _all_names(record: Record, definition: Record) -> Iterator[str]:
    yield from definition["StaticHyperParameters"]
    yield from (item.name for item in ranges_in(record, definition))


def request_of(
    record: Record, definition: Record, name: str, tuned: Mapping[str, str]
) -> dict[str, Any]:
    """The request for a training job of a tuning job.

    Parameters
    ----------
    record : dict
        Of the tuning job.
    definition : dict
    name : str
        Of the training job.
    tuned : mapping of str to str
        The hyperparameters that are searched.
    """
    own = (*_OF_LIST, "StaticHyperParameters", "HyperParameterTuningResourceConfig")
    found = {
        key: copy.deepcopy(value) for key, value in definition.items() if key not in own
    }
    algorithm = found["AlgorithmSpecification"]
    metric = definition["StaticHyperParameters"][OBJECTIVE_KEY]
    algorithm["MetricDefinitions"] += [
        {"Name": OBJECTIVE, "Regex": item["Regex"]}
        for item in algorithm["MetricDefinitions"]
        if item["Name"] == metric
    ]
    if "CheckpointConfig" in found:
        # No job goes on from the checkpoints of another one.
        uri = found["CheckpointConfig"]["S3Uri"].rstrip("/")
        found["CheckpointConfig"]["S3Uri"] = f"{uri}/{name}"
    if "Tags" in record:
        found["Tags"] = record["Tags"]
    return {
        **found,
        "TrainingJobName": name,
        "TuningJobArn": record["HyperParameterTuningJobArn"],
        "HyperParameters": {**definition["StaticHyperParameters"], **tuned},
    }
