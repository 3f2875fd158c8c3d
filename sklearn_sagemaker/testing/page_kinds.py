"""What the page at ``/`` lists: kinds, and the operations that list and describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sklearn_sagemaker.testing import (
    compilation_jobs,
    deployment,
    training_host,
    transform_run,
)


class Kind(NamedTuple):
    """What is listed.

    Attributes
    ----------
    title, name, members : str
        As people say; as in the names of operations; the list in an answer.
    logs : str
        The group of its logs, in which the name may stand; without, it has none.
    key, status, created : str
        The members that it is described by, that say how it is, and since when it is
        there. Without, by the name.
    asked : mapping
        What else is asked for.
    of : str
        The kind in each of which it is listed, if it is not by itself.
    """

    title: str
    name: str
    members: str
    logs: str = ""
    key: str = ""
    status: str = ""
    created: str = "CreationTime"
    asked: Mapping[str, str] = {}
    of: str = ""

    def row(self, entry: Mapping[str, Any]) -> tuple[str, str, str, Any]:
        """Key, name on the page, status and time of an entry."""
        key = entry[self.key or f"{self.name}Name"]
        status = entry.get(self.status or f"{self.name}Status", "")
        return key, self.shown(key), status, entry[self.created]

    def shown(self, key: str) -> str:
        """The name on the page: that of an execution has its pipeline's in it."""
        return key.partition("/")[2] if self.key else key

    def described_by(self, key: str) -> dict[str, str]:
        """The request for a description."""
        return {self.key or f"{self.name}Name": key}


class Parts(NamedTuple):
    """What belongs to one of a kind, and has a list of its own.

    Attributes
    ----------
    title, operation, members : str
    columns : mapping of str to tuple of str
        What is shown below each header: the way to it in an entry.
    """

    title: str
    operation: str
    members: str
    columns: Mapping[str, tuple[str, ...]]


KINDS = (
    Kind("Training jobs", "TrainingJob", "TrainingJobSummaries", training_host.GROUP),
    Kind("Tuning jobs", "HyperParameterTuningJob", "HyperParameterTuningJobSummaries"),
    Kind(
        "Batch transforms",
        "TransformJob",
        "TransformJobSummaries",
        transform_run.GROUP,
    ),
    Kind(
        "Compilation jobs",
        "CompilationJob",
        "CompilationJobSummaries",
        compilation_jobs.GROUP,
    ),
    Kind("Endpoints", "Endpoint", "Endpoints", deployment.GROUP + "{name}"),
    Kind("Configurations of endpoints", "EndpointConfig", "EndpointConfigs"),
    Kind("Models", "Model", "Models"),
    Kind(
        "Groups of model packages", "ModelPackageGroup", "ModelPackageGroupSummaryList"
    ),
    Kind(
        "Model packages",
        "ModelPackage",
        "ModelPackageSummaryList",
        status="ModelApprovalStatus",
        asked={"ModelPackageType": "Both"},
    ),
    Kind("Pipelines", "Pipeline", "PipelineSummaries"),
    Kind(
        "Executions of pipelines",
        "PipelineExecution",
        "PipelineExecutionSummaries",
        key="PipelineExecutionArn",
        created="StartTime",
        of="Pipeline",
    ),
)
PARTS = {
    "HyperParameterTuningJob": Parts(
        "Its training jobs",
        "ListTrainingJobsForHyperParameterTuningJob",
        "TrainingJobSummaries",
        {
            "name": ("TrainingJobArn",),
            "status": ("TrainingJobStatus",),
            "objective": ("FinalHyperParameterTuningJobObjectiveMetric", "Value"),
        },
    ),
    "PipelineExecution": Parts(
        "Its steps",
        "ListPipelineExecutionSteps",
        "PipelineExecutionSteps",
        {
            "name": ("StepName",),
            "status": ("StepStatus",),
            "what it made": ("Metadata", "*", "Arn"),
            "why it failed": ("FailureReason",),
        },
    ),
}
_OF_ARNS = {
    "training-job": "TrainingJob",
    "transform-job": "TransformJob",
    "model": "Model",
    "model-package": "ModelPackage",
}


def at(entry: Any, way: tuple[str, ...]) -> str:
    """What is at the end of a way into an entry, as text; nothing, if there is none."""
    for part in way:
        entry = next(iter(entry.values()), {}) if part == "*" else entry.get(part, {})
    return "" if entry == {} else str(entry)


def of_arn(text: str) -> tuple[str, str] | None:
    """The kind and the name that an ARN has, if the page shows such."""
    if not text.startswith("arn:"):
        return None
    noun, _, name = text.split(":", 5)[5].partition("/")
    return (_OF_ARNS[noun], name) if noun in _OF_ARNS else None
