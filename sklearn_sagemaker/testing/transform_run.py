"""The execution of one batch transform, by servers of its model."""

from __future__ import annotations

import gzip
import http.client
import json
import secrets
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sklearn_sagemaker.testing.account import Account, now
from sklearn_sagemaker.testing.delivery import Object, objects, said_by_s3, upload
from sklearn_sagemaker.testing.errors import JobError
from sklearn_sagemaker.testing.model_server import ModelServer
from sklearn_sagemaker.testing.outcomes import OUTCOME
from sklearn_sagemaker.testing.processing import Processing
from sklearn_sagemaker.testing.records import Record
from sklearn_sagemaker.testing.runs import Run
from sklearn_sagemaker.testing.splitting import MEGABYTE, bodies

GROUP = "/aws/sagemaker/TransformJobs"
STRATEGIES = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}
SETTINGS = {
    "BatchStrategy": "MULTI_RECORD",
    "MaxConcurrentTransforms": 1,
    "MaxPayloadInMB": 6,
}
"""What holds where neither the request nor the program says anything."""


class TransformRun(Run):
    """A batch transform that runs; see `Run`.

    Parameters
    ----------
    model : dict
        Record of the model.
    processing : Processing
    """

    def __init__(
        self,
        account: Account,
        region: str,
        record: Record,
        model: Record,
        processing: Processing,
    ):
        super().__init__(account, region, record)
        self._model, self._processing = model, processing

    def _execute(self) -> None:
        record = self._record
        if OUTCOME in record:
            record[OUTCOME].strike(self._asked)
            return
        self._account.wait("Starting", self._asked)
        with self._account.lock:
            record["TransformStartTime"] = now()
        s3 = self._account.cloud.client("s3", self._region)
        found = objects(s3, record["TransformInput"]["DataSource"]["S3DataSource"])
        # The instances take one after the other.
        waiting = deque(enumerate(found))
        failed: dict[int, JobError] = {}
        count = record["TransformResources"]["InstanceCount"]
        with ThreadPoolExecutor(count) as pool:
            runs = [pool.submit(self._serve, s3, waiting, failed) for _ in range(count)]
        for run in runs:
            run.result()
        if failed:
            raise failed[min(failed)]

    def _end(self, reason: str | None) -> None:
        record = self._record
        record["TransformEndTime"] = record["LastModifiedTime"] = now()
        record["TransformJobStatus"] = "Completed"
        if self._asked.is_set():
            record["TransformJobStatus"] = "Stopped"
            record.pop("FailureReason", None)
        elif reason is not None:
            record["TransformJobStatus"] = "Failed"

    def _serve(
        self, s3: Any, waiting: deque[tuple[int, Object]], failed: dict[int, JobError]
    ) -> None:
        """Transform objects on one instance, while there are any.

        Those that fail leave the others as they are.
        """
        if not waiting:
            return
        record = self._record
        server = ModelServer(
            self._account,
            self._region,
            self._model,
            GROUP,
            f"{record['TransformJobName']}/i-{secrets.token_hex(8)}",
            {**self._variables(), **record.get("Environment", {})},
            self._asked,
        )
        try:
            settings = {**SETTINGS, **_advice(server), **self._said()}
            while waiting and not self._asked.is_set():
                try:
                    number, item = waiting.popleft()
                except IndexError:
                    break
                try:
                    self._transform(s3, server, item, settings)
                except JobError as error:
                    failed[number] = error
        finally:
            server.close(at_once=self._closing)

    def _said(self) -> dict[str, Any]:
        """What the request says of what the program could."""
        found = {name: self._record[name] for name in SETTINGS if name in self._record}
        if "BatchStrategy" in found:
            found["BatchStrategy"] = STRATEGIES[found["BatchStrategy"]]
        if not found.get("MaxConcurrentTransforms", 1):
            del found["MaxConcurrentTransforms"]
        return found

    def _variables(self) -> dict[str, str]:
        """What the program is told of the request."""
        found = {"SAGEMAKER_BATCH": "true"}
        for name, variable in (
            ("BatchStrategy", "SAGEMAKER_BATCH_STRATEGY"),
            ("MaxPayloadInMB", "SAGEMAKER_MAX_PAYLOAD_IN_MB"),
            ("MaxConcurrentTransforms", "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"),
        ):
            if name in (said := self._said()):
                found[variable] = str(said[name])
        return found

    def _transform(
        self, s3: Any, server: ModelServer, item: Object, settings: dict[str, Any]
    ) -> None:
        """Write the answers for one object, if all of it is answered."""
        given, output = self._record["TransformInput"], self._record["TransformOutput"]
        with said_by_s3(f"s3://{item.bucket}/{item.key}"):
            data = s3.get_object(Bucket=item.bucket, Key=item.key)["Body"].read()
        if given.get("CompressionType") == "Gzip":
            data = _unpacked(data, item)
        parts = bodies(
            data,
            given.get("SplitType", "None"),
            many=settings["BatchStrategy"] == "MULTI_RECORD",
            most_bytes=(settings["MaxPayloadInMB"] or 100) * MEGABYTE,
        )
        headers = {}
        if "ContentType" in given:
            headers["Content-Type"] = given["ContentType"]
        if "Accept" in output:
            headers["Accept"] = output["Accept"]

        def answered(body: bytes) -> bytes:
            if self._asked.is_set():
                return b""
            sent = self._processing.sent(body)
            answer = self._ask(server, headers, sent, item)
            return self._processing.kept(body, answer)

        with ThreadPoolExecutor(settings["MaxConcurrentTransforms"]) as pool:
            answers = list(pool.map(answered, parts))
        if self._asked.is_set():
            return
        if output.get("AssembleWith", "None") == "Line":
            ends = (b"" if text.endswith(b"\n") else b"\n" for text in answers)
            answers = [text + end for text, end in zip(answers, ends, strict=True)]
        uri = f"{output['S3OutputPath'].rstrip('/')}/{item.name}.out"
        upload(s3, uri, b"".join(answers), output["KmsKeyId"])

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


def _advice(server: ModelServer) -> dict[str, Any]:
    """What a program answers to the question for execution parameters."""
    try:
        status, _, body = server.ask("GET", "/execution-parameters", {}, b"")
        found = json.loads(body) if status == 200 else {}
    except (OSError, ValueError, http.client.HTTPException):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name: found[name]
        for name, default in SETTINGS.items()
        if isinstance(found.get(name), type(default)) and found[name]
    }


def _unpacked(data: bytes, item: Object) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise JobError(
            f"ClientError: s3://{item.bucket}/{item.key} cannot be decompressed: "
            f"{error}"
        ) from None
