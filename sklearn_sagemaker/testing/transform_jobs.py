"""Batch transforms: operations on them, and their execution."""

from __future__ import annotations

import copy
import http.client
import secrets
import threading
import traceback
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sklearn_sagemaker.testing.account import Account, now
from sklearn_sagemaker.testing.control import Operation, tag
from sklearn_sagemaker.testing.delivery import Object, objects
from sklearn_sagemaker.testing.errors import JobError, invalid
from sklearn_sagemaker.testing.model_server import ModelServer
from sklearn_sagemaker.testing.models import Models
from sklearn_sagemaker.testing.outcomes import LOST, OUTCOME
from sklearn_sagemaker.testing.records import Record, Records
from sklearn_sagemaker.testing.splitting import MEGABYTE, bodies

GROUP = "/aws/sagemaker/TransformJobs"
ENDED = ("Completed", "Failed", "Stopped")
STRATEGIES = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}


class TransformJobs:
    """The batch transforms of an account.

    Parameters
    ----------
    account : Account
    models : Models
    """

    def __init__(self, account: Account, models: Models):
        self._account, self._models = account, models

        def missing(region: str, name: str) -> str:
            arn = account.arn(region, "transform-job", name)
            return f'Could not find requested job with arn: "{arn}".'

        self.records = Records("TransformJob", missing)
        self._runs: dict[str, _Run] = {}

    def operations(self) -> dict[str, Operation]:
        """What clients can ask for, by the service's names."""
        return {
            "CreateTransformJob": self.create,
            "DescribeTransformJob": lambda region, request: self.records.get(
                region, request["TransformJobName"]
            ),
            "ListTransformJobs": lambda region, request: self.records.page(
                region, request, "TransformJobSummaries"
            ),
            "StopTransformJob": self.stop,
        }

    def create(self, region: str, request: Record) -> Record:
        """Take a job, and start it."""
        model = self._models.models.get(region, request["ModelName"])
        if request["TransformResources"]["InstanceCount"] > 1:
            raise invalid("The emulator runs jobs on one host; set InstanceCount to 1.")
        processing = request.get("DataProcessing", {})
        if {"InputFilter", "OutputFilter"} & set(processing) or (
            processing.get("JoinSource", "None") != "None"
        ):
            raise invalid("The emulator does not filter and join yet.")
        arn = self._account.arn(region, "transform-job", request["TransformJobName"])
        time = now()
        record = copy.deepcopy(request)
        record.update(
            TransformJobArn=arn,
            TransformJobStatus="InProgress",
            CreationTime=time,
            LastModifiedTime=time,
        )
        record.setdefault("TransformOutput", {}).setdefault("KmsKeyId", "")
        self.records.add(region, record)
        tag(self._account, arn, request)
        self._runs[arn] = _Run(self._account, region, record, copy.deepcopy(model))
        return {"TransformJobArn": arn}

    def stop(self, region: str, request: Record) -> Record:
        """Ask a job to stop."""
        record = self.records.get(region, request["TransformJobName"])
        status = record["TransformJobStatus"]
        if status in ENDED:
            raise invalid(
                "The request was rejected because the transform job is in status "
                f"{status}."
            )
        record["TransformJobStatus"] = "Stopping"
        self._runs[record["TransformJobArn"]].stop()
        return {}

    def load(self, items: Iterable[tuple[str, str, Record]]) -> None:
        """Bring back jobs of an emulator that has ended, and with it those that ran."""
        self.records.load(items)
        for _, _, record in items:
            if record["TransformJobStatus"] not in ENDED:
                record.update(TransformJobStatus="Failed", FailureReason=LOST)

    def close(self) -> None:
        """End the jobs that run."""
        for run in list(self._runs.values()):
            run.close()


class _Run:
    """A job that runs, in a thread."""

    def __init__(self, account: Account, region: str, record: Record, model: Record):
        self._account, self._region = account, region
        self._record, self._model = record, model
        self._asked = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask for the end."""
        self._asked.set()

    def close(self) -> None:
        """End."""
        self._asked.set()
        self._thread.join()

    def _run(self) -> None:
        reason = None
        try:
            self._execute()
        except JobError as error:
            reason = str(error)
        except Exception as error:
            traceback.print_exc()
            reason = f"InternalServerError: {type(error).__name__}: {error}"
        with self._account.lock:
            record = self._record
            record["TransformEndTime"] = record["LastModifiedTime"] = now()
            record["TransformJobStatus"] = "Completed"
            if self._asked.is_set():
                record["TransformJobStatus"] = "Stopped"
            elif reason is not None:
                record["TransformJobStatus"] = "Failed"
                record["FailureReason"] = reason[:1024]

    def _execute(self) -> None:
        record = self._record
        if OUTCOME in record:
            record[OUTCOME].strike(self._asked)
            return
        self._account.wait("Starting", self._asked)
        with self._account.lock:
            record["TransformStartTime"] = now()
        s3 = self._account.cloud.client("s3", self._region)
        given = record["TransformInput"]
        found = objects(s3, given["DataSource"]["S3DataSource"])
        name = record["TransformJobName"]
        server = ModelServer(
            self._account,
            self._region,
            self._model,
            GROUP,
            f"{name}/i-{secrets.token_hex(8)}",
            {**self._variables(), **record.get("Environment", {})},
            self._asked,
        )
        try:
            for item in found:
                if self._asked.is_set():
                    return
                self._transform(s3, server, item)
        finally:
            server.close()

    def _variables(self) -> dict[str, str]:
        """What the program is told of the request."""
        record, found = self._record, {"SAGEMAKER_BATCH": "true"}
        if "BatchStrategy" in record:
            strategy = STRATEGIES[record["BatchStrategy"]]
            found["SAGEMAKER_BATCH_STRATEGY"] = strategy
        for name, variable in (
            ("MaxPayloadInMB", "SAGEMAKER_MAX_PAYLOAD_IN_MB"),
            ("MaxConcurrentTransforms", "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"),
        ):
            if name in record:
                found[variable] = str(record[name])
        return found

    def _transform(self, s3: Any, server: ModelServer, item: Object) -> None:
        """Write the answers for one object, if all of it is answered."""
        record = self._record
        given, output = record["TransformInput"], record["TransformOutput"]
        data = s3.get_object(Bucket=item.bucket, Key=item.key)["Body"].read()
        parts = bodies(
            data,
            given.get("SplitType", "None"),
            many=record.get("BatchStrategy", "MultiRecord") == "MultiRecord",
            most_bytes=(record.get("MaxPayloadInMB", 6) or 100) * MEGABYTE,
        )
        headers = {}
        if "ContentType" in given:
            headers["Content-Type"] = given["ContentType"]
        if "Accept" in output:
            headers["Accept"] = output["Accept"]

        def answered(body: bytes) -> bytes:
            if self._asked.is_set():
                return b""
            return self._ask(server, headers, body, item)

        workers = record.get("MaxConcurrentTransforms") or 1
        with ThreadPoolExecutor(workers) as pool:
            answers = list(pool.map(answered, parts))
        if self._asked.is_set():
            return
        if output.get("AssembleWith", "None") == "Line":
            ends = (b"" if text.endswith(b"\n") else b"\n" for text in answers)
            answers = [text + end for text, end in zip(answers, ends, strict=True)]
        place = output["S3OutputPath"].removeprefix("s3://")
        bucket, _, prefix = place.partition("/")
        prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        encrypted = {}
        if output["KmsKeyId"]:
            encrypted = {
                "ServerSideEncryption": "aws:kms",
                "SSEKMSKeyId": output["KmsKeyId"],
            }
        key = f"{prefix}{item.name}.out"
        s3.put_object(Bucket=bucket, Key=key, Body=b"".join(answers), **encrypted)

    def _ask(
        self, server: ModelServer, headers: dict[str, str], body: bytes, item: Object
    ) -> bytes:
        """The answer to one request, after as many attempts as the job has."""
        client = self._record.get("ModelClientConfig", {})
        seconds = client.get("InvocationsTimeoutInSeconds", 600)
        said = ""
        for _ in range(1 + client.get("InvocationsMaxRetries", 0)):
            try:
                status, _, answer = server.ask(
                    "POST", "/invocations", headers, body, seconds
                )
            except (OSError, http.client.HTTPException) as error:
                said = f"no answer ({error})"
                continue
            if 200 <= status < 300:
                return answer
            said = f"{status}: {answer.decode('utf-8', 'replace')}"
            if status < 500:
                break
        raise JobError(
            "ClientError: See job logs for more information: the model does not take "
            f"s3://{item.bucket}/{item.key}: {said}"
        )
