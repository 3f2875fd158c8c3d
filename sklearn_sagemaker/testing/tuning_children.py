"""The training jobs of a tuning job, as its record keeps and describes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sklearn_sagemaker.testing.metrics import OBJECTIVE
from sklearn_sagemaker.testing.records import Record
from sklearn_sagemaker.testing.tuning_checks import objective_of

CHILDREN = "_children"
"""Of the record of a tuning job: name, definition, searched values, value, end."""
_COPIED = (
    "TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingStartTime",
    "TrainingEndTime", "TrainingJobStatus", "FailureReason",
)  # fmt: skip
_RETRYABLE = "InternalServerError"
"""What the reasons begin with of failures that the service calls retryable."""


def settle(child: Record, found: Record | None) -> None:
    """Keep what a training job has come to.

    Parameters
    ----------
    child : dict
        Changed.
    found : dict or None
        The record of the training job; None if it has been deleted.
    """
    child["ended"] = True
    if found is None:
        return
    child["summary"] = {name: found[name] for name in _COPIED if name in found}
    child["seconds"] = found.get("TrainingTimeInSeconds", 0)
    if found["TrainingJobStatus"] == "Failed":
        return
    for item in found.get("FinalMetricDataList", ()):
        if item["MetricName"] == OBJECTIVE:
            child["value"] = item["Value"]


def best_of(children: Iterable[Record], sign: float) -> Record | None:
    """The training job with the best value of the objective, the first of several.

    Parameters
    ----------
    children : iterable of dict
    sign : float
        -1 if less is better.
    """
    valued = [child for child in children if child["value"] is not None]
    return max(valued, key=lambda child: sign * child["value"], default=None)


def sign_of(record: Record) -> float:
    """1 if a tuning job's objective is to be great, -1 if it is to be small."""
    kind = objective_of(record, _definition(record, None))["Type"]
    return 1.0 if kind == "Maximize" else -1.0


def summary(record: Record, child: Record, found: Record | None) -> Record:
    """What lists say of a training job.

    Parameters
    ----------
    record : dict
        Of the tuning job.
    child : dict
    found : dict or None
        The record of the training job, if it is there.
    """
    objective = objective_of(record, _definition(record, child["definition"]))
    said: dict[str, Any] = {
        **child.get("summary", {}),
        **{name: found[name] for name in _COPIED if found and name in found},
        "TuningJobName": record["HyperParameterTuningJobName"],
        "TunedHyperParameters": child["tuned"],
        "ObjectiveStatus": _objective_status(child),
    }
    if child["definition"] is not None:
        said["TrainingJobDefinitionName"] = child["definition"]
    if child["value"] is not None:
        said["FinalHyperParameterTuningJobObjectiveMetric"] = {
            "Type": objective["Type"],
            "MetricName": objective["MetricName"],
            "Value": child["value"],
        }
    return said


def counters(record: Record) -> dict[str, Record]:
    """How many training jobs have come to what."""
    jobs: Counter[str] = Counter()
    objectives: Counter[str] = Counter()
    for child in record[CHILDREN]:
        objectives[_objective_status(child)] += 1
        said = child.get("summary", {})
        status = said.get("TrainingJobStatus", "Stopped")
        if not child["ended"]:
            status = "InProgress"
        elif status == "Failed":
            retryable = said.get("FailureReason", "").startswith(_RETRYABLE)
            status = "RetryableError" if retryable else "NonRetryableError"
        jobs[status] += 1
    each = ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
    return {
        "TrainingJobStatusCounters": {name: jobs[name] for name in each},
        "ObjectiveStatusCounters": {
            name: objectives[name] for name in ("Succeeded", "Pending", "Failed")
        },
    }


def _objective_status(child: Record) -> str:
    if not child["ended"]:
        return "Pending"
    return "Failed" if child["value"] is None else "Succeeded"


def _definition(record: Record, name: str | None) -> Record:
    if name is None and record.get("TrainingJobDefinition"):
        return record["TrainingJobDefinition"]
    named = {one["DefinitionName"]: one for one in record["TrainingJobDefinitions"]}
    return named.get(name or "", next(iter(named.values())))
