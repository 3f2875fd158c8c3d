"""Operations on pipelines and their executions."""

from __future__ import annotations

import copy
import json
import secrets
import string
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sklearn_sagemaker.testing.account import Account, now
from sklearn_sagemaker.testing.control import Operation, tag
from sklearn_sagemaker.testing.errors import invalid
from sklearn_sagemaker.testing.outcomes import LOST
from sklearn_sagemaker.testing.packages import CALLED
from sklearn_sagemaker.testing.pipeline_definition import needed, parameters, parsed
from sklearn_sagemaker.testing.pipeline_run import (
    DEFINITION,
    KINDS,
    OVER,
    PARAMETERS,
    STEPS,
    PipelineRun,
)
from sklearn_sagemaker.testing.records import Record, Records, paged
from sklearn_sagemaker.testing.shapes import check_request, service_model

_LETTERS = string.ascii_lowercase + string.digits


class Pipelines:
    """The pipelines of an account.

    Parameters
    ----------
    account : Account
    operations : callable
        ``operations()``: all operations of the account, by name.
    """

    def __init__(
        self, account: Account, operations: Callable[[], Mapping[str, Operation]]
    ):
        self._account, self._operations = account, operations

        def missing(region: str, name: str) -> str:
            return f"Could not find pipeline {name} in {region}."

        def missing_execution(region: str, name: str) -> str:
            return f"Could not find pipeline execution {name}."

        self.records = Records("Pipeline", missing, "ValidationException")
        self.executions = Records("PipelineExecution", missing_execution)
        self._runs: dict[str, PipelineRun] = {}

    def operations(self) -> dict[str, Operation]:
        """What clients can ask for, by the service's names."""
        return {
            "CreatePipeline": self.create,
            "UpdatePipeline": self.update,
            "DescribePipeline": lambda region, request: self._get(region, request),
            "ListPipelines": self.list,
            "DeletePipeline": self.delete,
            "StartPipelineExecution": self.start,
            "StopPipelineExecution": self.stop,
            "DescribePipelineExecution": lambda region, request: self._execution(
                region, request
            ),
            "DescribePipelineDefinitionForExecution": self.definition,
            "ListPipelineExecutions": self.list_executions,
            "ListPipelineExecutionSteps": self.list_steps,
            "ListPipelineParametersForExecution": self.list_parameters,
        }

    def _get(self, region: str, request: Record) -> Record:
        # A name or an ARN.
        return self.records.get(region, request["PipelineName"].rpartition("/")[2])

    def create(self, region: str, request: Record) -> Record:
        """Take a pipeline."""
        name = request["PipelineName"]
        if any(item["PipelineName"] == name for item in self.records.all(region)):
            # SDK v2 looks for these words, and updates it then.
            raise invalid(
                "Pipeline names must be unique within an AWS account and region. "
                f"Pipeline with name ({name}) already exists."
            )
        record = self._defined(region, copy.deepcopy(request))
        if "PipelineDefinition" not in record:
            raise invalid("A pipeline needs a PipelineDefinition.")
        time = now()
        record.update(
            PipelineArn=self._account.arn(region, "pipeline", name),
            PipelineStatus="Active",
            CreationTime=time,
            LastModifiedTime=time,
            CreatedBy=CALLED,
            LastModifiedBy=CALLED,
        )
        record.setdefault("PipelineDisplayName", name)
        self.records.add(region, record)
        tag(self._account, record["PipelineArn"], request)
        return {"PipelineArn": record["PipelineArn"]}

    def update(self, region: str, request: Record) -> Record:
        """Change a pipeline; executions go on as they are."""
        record = self._get(region, request)
        change = self._defined(region, copy.deepcopy(request))
        record.update({**change, "PipelineName": record["PipelineName"]})
        record.update(LastModifiedTime=now(), LastModifiedBy=CALLED)
        return {"PipelineArn": record["PipelineArn"]}

    def _defined(self, region: str, record: Record) -> Record:
        """A request with its definition in it, which is one."""
        where = record.pop("PipelineDefinitionS3Location", None)
        if where is not None:
            from botocore.exceptions import ClientError

            s3 = self._account.cloud.client("s3", region)
            bucket, key = where["Bucket"], where["ObjectKey"]
            try:
                found = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            except ClientError as error:
                raise invalid(f"The definition cannot be read: {error}") from None
            record["PipelineDefinition"] = found.decode("utf-8", "replace")
        if "PipelineDefinition" in record:
            parsed(record["PipelineDefinition"])
        return record

    def list(self, region: str, request: Record) -> Record:
        """List pipelines."""
        prefix = request.get("PipelineNamePrefix", "")

        def kept(record: Record) -> bool:
            return record["PipelineName"].startswith(prefix)

        return self.records.page(region, _created(request), "PipelineSummaries", kept)

    def delete(self, region: str, request: Record) -> Record:
        """Forget a pipeline, of which nothing runs any more."""
        record = self._get(region, request)
        arn = record["PipelineArn"]
        mine = [
            item for item in self.executions.all(region) if item["PipelineArn"] == arn
        ]
        for item in mine:
            if item["PipelineExecutionStatus"] not in OVER:
                raise invalid(f"An execution of the pipeline {arn} is running.")
        for item in mine:
            self.executions.remove(region, item["PipelineExecutionName"])
            self._runs.pop(item["PipelineExecutionArn"], None)
        self.records.remove(region, record["PipelineName"])
        self._account.tags.pop(arn, None)
        return {"PipelineArn": arn}

    def start(self, region: str, request: Record) -> Record:
        """Execute a pipeline."""
        pipeline = self._get(region, request)
        if request.get("SelectiveExecutionConfig"):
            raise invalid("The emulator executes whole pipelines only.")
        definition = parsed(pipeline["PipelineDefinition"])
        _check_steps(definition["Steps"])
        given = {
            item["Name"]: item["Value"]
            for item in request.get("PipelineParameters", ())
        }
        values = parameters(definition, given)
        name = "".join(secrets.choice(_LETTERS) for _ in range(12))
        arn = f"{pipeline['PipelineArn']}/execution/{name}"
        time = now()
        record: Record = {
            "PipelineExecutionName": name,
            "PipelineExecutionArn": arn,
            "PipelineArn": pipeline["PipelineArn"],
            "PipelineExecutionStatus": "Executing",
            "PipelineExecutionDisplayName": request.get(
                "PipelineExecutionDisplayName", f"execution-{time:%s}"
            ),
            "CreationTime": time,
            "StartTime": time,
            "LastModifiedTime": time,
            "CreatedBy": CALLED,
            "LastModifiedBy": CALLED,
            DEFINITION: definition,
            PARAMETERS: values,
            STEPS: [],
        }
        for member in ("PipelineExecutionDescription", "ParallelismConfiguration"):
            if member in request:
                record[member] = request[member]
        self.executions.add(region, record)
        pipeline["LastRunTime"] = pipeline["LastExecutionTime"] = time
        run = PipelineRun(
            self._account, region, record, pipeline["PipelineName"], self._call
        )
        self._runs[arn] = run
        run.start()
        return {"PipelineExecutionArn": arn}

    def _call(self, region: str, operation: str, request: Record) -> Record:
        shape = service_model().operation_model(operation).input_shape
        check_request(shape, request)
        with self._account.lock:
            return copy.deepcopy(self._operations()[operation](region, request))

    def _execution(self, region: str, request: Record) -> Record:
        arn = request["PipelineExecutionArn"]
        return self.executions.get(region, arn.rpartition("/")[2])

    def stop(self, region: str, request: Record) -> Record:
        """Stop an execution, and the jobs of its steps."""
        record = self._execution(region, request)
        arn, status = record["PipelineExecutionArn"], record["PipelineExecutionStatus"]
        if status in OVER:
            raise invalid(f"Pipeline execution with ARN {arn} is in status {status}.")
        record["PipelineExecutionStatus"] = "Stopping"
        self._runs[arn].stop()
        return {"PipelineExecutionArn": arn}

    def definition(self, region: str, request: Record) -> Record:
        """The definition that an execution has."""
        record = self._execution(region, request)
        text = json.dumps(record[DEFINITION])
        return {"PipelineDefinition": text, "CreationTime": record["CreationTime"]}

    def list_executions(self, region: str, request: Record) -> Record:
        """List the executions of a pipeline."""
        arn = self._get(region, request)["PipelineArn"]
        return self.executions.page(
            region,
            _created(request),
            "PipelineExecutionSummaries",
            lambda record: record["PipelineArn"] == arn,
        )

    def list_steps(self, region: str, request: Record) -> Record:
        """List the steps that have begun."""
        if "PipelineExecutionArn" not in request:
            raise invalid("Say the PipelineExecutionArn whose steps are to be listed.")
        steps = list(self._execution(region, request)[STEPS])
        # The service lists the last one first.
        if request.get("SortOrder", "Descending") == "Descending":
            steps.reverse()
        return paged(steps, request, "PipelineExecutionSteps")

    def list_parameters(self, region: str, request: Record) -> Record:
        """List the values that the parameters of an execution have."""
        values = self._execution(region, request)[PARAMETERS]
        found = [{"Name": name, "Value": str(value)} for name, value in values.items()]
        return paged(found, request, "PipelineParameters")

    def load(self, items: Iterable[tuple[str, str, Record]]) -> None:
        """Bring back executions of an emulator that has ended."""
        self.executions.load(items)
        for _, _, record in items:
            if record["PipelineExecutionStatus"] not in OVER:
                record.update(PipelineExecutionStatus="Failed", FailureReason=LOST)

    def close(self) -> None:
        """End the executions."""
        for run in list(self._runs.values()):
            run.close()


def _created(request: Record) -> Record:
    """A request of a list, with its times as other lists have them."""
    times = {
        f"CreationTime{end}": request[f"Created{end}"]
        for end in ("After", "Before")
        if f"Created{end}" in request
    }
    return {**request, **times}


def _check_steps(steps: list[dict[str, Any]]) -> None:
    """Refuse steps that cannot be executed."""
    if not steps:
        raise invalid("The pipeline has no steps.")
    for step in steps:
        if step["Type"] not in KINDS:
            raise invalid(
                f"The emulator does not execute steps of type {step['Type']}, such as "
                f"{step['Name']}; it has {', '.join(KINDS)}."
            )
    left, done = list(steps), set[str]()
    while left:
        ready = [step for step in left if needed(step) <= done]
        if not ready:
            name = left[0]["Name"]
            wanted = ", ".join(sorted(needed(left[0]) - done))
            raise invalid(f"The step {name} needs {wanted}, which cannot come first.")
        done |= {step["Name"] for step in ready}
        left = [step for step in left if step not in ready]
