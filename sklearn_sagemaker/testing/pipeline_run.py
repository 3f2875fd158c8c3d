"""The execution of a pipeline: steps, which are jobs and models, in their order."""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn_sagemaker.testing.account import Account, now
from sklearn_sagemaker.testing.errors import JobError, ServiceError
from sklearn_sagemaker.testing.pipeline_definition import needed, resolved
from sklearn_sagemaker.testing.records import Record
from sklearn_sagemaker.testing.runs import Run

POLL_SECONDS = 0.02
STEPS, DEFINITION, PARAMETERS = "_steps", "_definition", "_parameters"
"""Of an execution's record."""
OVER = ("Succeeded", "Failed", "Stopped")
Call = Callable[[str, str, Record], Record]
"""``call(region, operation, request)``: the answer."""
_LETTERS = string.ascii_lowercase + string.digits


@dataclass(frozen=True)
class Kind:
    """A type of step.

    Attributes
    ----------
    noun : str
        Of its operations, such as ``TrainingJob``.
    metadata : str
        What the list of steps calls it.
    runs : bool, default=True
        Whether it is a job, which can be stopped and has a status.
    """

    noun: str
    metadata: str
    runs: bool = True


KINDS = {
    "Training": Kind("TrainingJob", "TrainingJob"),
    "Transform": Kind("TransformJob", "TransformJob"),
    "Model": Kind("Model", "Model", runs=False),
    "RegisterModel": Kind("ModelPackage", "RegisterModel", runs=False),
}
"""The types of steps that are executed."""


class PipelineRun(Run):
    """An execution; see `Run`.

    Steps begin when those that they need have succeeded, several at a time.

    Parameters
    ----------
    account : Account
    region : str
    record : dict
        Of the execution.
    pipeline : str
        Name of the pipeline.
    call : callable
        ``call(region, operation, request)``: the answer.
    """

    def __init__(
        self, account: Account, region: str, record: Record, pipeline: str, call: Call
    ):
        super().__init__(account, region, record)
        self._call = call
        self._identifier = record["PipelineExecutionName"]
        self._names: dict[str, str] = {}
        self._scope: dict[str, Any] = {
            "Parameters": record[PARAMETERS],
            "Execution": {
                "PipelineName": pipeline,
                "PipelineArn": record["PipelineArn"],
                "PipelineExecutionId": self._identifier,
                "PipelineExecutionArn": record["PipelineExecutionArn"],
                "StartDateTime": record["StartTime"].isoformat(),
                "CurrentDateTime": now().isoformat(),
            },
            "Steps": {},
        }

    def _execute(self) -> None:
        waiting = {step["Name"]: step for step in self._record[DEFINITION]["Steps"]}
        running: dict[str, Record] = {}
        broken = False
        while waiting or running:
            if self._asked.is_set():
                self._stop_steps(running)
                return
            done = self._scope["Steps"]
            for name, step in list(waiting.items()):
                if not broken and needed(step) <= done.keys():
                    running[name] = self._begin(waiting.pop(name))
            for name, shown in list(running.items()):
                if self._is_over(name, shown):
                    del running[name]
                    broken = broken or shown["StepStatus"] != "Succeeded"
            if broken and not running:
                raise JobError("Step failure: One or multiple steps failed.")
            if running:
                self._asked.wait(POLL_SECONDS)

    def _begin(self, step: Record) -> Record:
        """Begin a step; its entry in the list."""
        kind = KINDS[step["Type"]]
        shown = {"StepName": step["Name"], "StartTime": now(), "AttemptCount": 1}
        shown.update(StepStatus="Starting", Type=step["Type"])
        for member in ("DisplayName", "Description"):
            if step.get(member):
                shown[f"Step{member}"] = step[member]
        with self._account.lock:
            self._record[STEPS].append(shown)
        try:
            request = resolved(step["Arguments"], self._scope)
            if kind.noun == "ModelPackage":
                self._ensure_group(request)
            else:
                request[f"{kind.noun}Name"] = self._name(step["Name"])
            answer = self._call(self._region, f"Create{kind.noun}", request)
        except ServiceError as error:
            return self._end_step(shown, "Failed", f"ClientError: {error}")
        arn = answer[f"{kind.noun}Arn"]
        # A package of a group has no name but its ARN.
        self._names[step["Name"]] = request.get(f"{kind.noun}Name", arn)
        with self._account.lock:
            shown["Metadata"] = {kind.metadata: {"Arn": arn}}
            shown["StepStatus"] = "Executing"
        return shown

    def _name(self, step: str) -> str:
        """A name for what a step makes, as the service has them."""
        end = "".join(secrets.choice(_LETTERS) for _ in range(10))
        start = f"pipelines-{self._identifier}-"
        return f"{start}{step[: 63 - len(start) - len(end) - 1].rstrip('-')}-{end}"

    def _ensure_group(self, request: Record) -> None:
        group = request.get("ModelPackageGroupName")
        if group is None or group.startswith("arn:"):
            return
        asked = {"ModelPackageGroupName": group}
        try:
            self._call(self._region, "DescribeModelPackageGroup", asked)
        except ServiceError:
            self._call(self._region, "CreateModelPackageGroup", asked)

    def _is_over(self, name: str, shown: Record) -> bool:
        """Whether a step has ended; others may then refer to it."""
        if shown["StepStatus"] in OVER:
            return True
        kind = KINDS[shown["Type"]]
        asked = {f"{kind.noun}Name": self._names[name]}
        found = self._call(self._region, f"Describe{kind.noun}", asked)
        status = found[f"{kind.noun}Status"] if kind.runs else "Completed"
        if status in ("Failed", "Stopped"):
            said = found.get("FailureReason", f"The job is {status}.")
            self._end_step(shown, "Failed", said)
            return True
        if status != "Completed":
            return False
        self._scope["Steps"][name] = found
        self._end_step(shown, "Succeeded")
        return True

    def _end_step(self, shown: Record, status: str, reason: str = "") -> Record:
        with self._account.lock:
            shown.update(StepStatus=status, EndTime=now())
            if reason:
                shown["FailureReason"] = reason[:1024]
        return shown

    def _stop_steps(self, running: dict[str, Record]) -> None:
        """Stop the jobs of steps, and wait for their ends."""
        for name, shown in running.items():
            if shown["StepStatus"] in OVER:
                continue
            with self._account.lock:
                shown["StepStatus"] = "Stopping"
            noun = KINDS[shown["Type"]].noun
            asked = {f"{noun}Name": self._names[name]}
            while not self._closing and shown["StepStatus"] not in OVER:
                try:
                    self._call(self._region, f"Stop{noun}", asked)
                except ServiceError:
                    # It has ended.
                    self._end_step(shown, "Stopped")
                time.sleep(POLL_SECONDS)

    def _end(self, reason: str | None) -> None:
        record = self._record
        status = "Succeeded"
        if reason is not None:
            status = "Failed"
        elif self._asked.is_set():
            status = "Stopped"
        record.update(PipelineExecutionStatus=status, LastModifiedTime=now())
