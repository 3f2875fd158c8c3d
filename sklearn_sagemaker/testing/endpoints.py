"""Endpoints: operations on them, the processes behind them, and their invocation."""

from __future__ import annotations

import copy
import http.client
import json
import secrets
import threading
import traceback
import urllib.parse
from collections.abc import Iterable
from typing import Any

from sklearn_sagemaker.testing.account import NUMBER, Account, now
from sklearn_sagemaker.testing.control import Operation, tag
from sklearn_sagemaker.testing.errors import JobError, ServiceError, invalid
from sklearn_sagemaker.testing.model_server import Answer, ModelServer
from sklearn_sagemaker.testing.models import Models
from sklearn_sagemaker.testing.outcomes import OUTCOME, Outcome
from sklearn_sagemaker.testing.records import Record, Records
from sklearn_sagemaker.testing.requests import Request

MOST_BYTES = 6 << 20
GROUP = "/aws/sagemaker/Endpoints/"
PASSED_ON = ("accept", "content-type")
OURS = "x-amzn-sagemaker-"
SERVED = "_served"
"""Of an endpoint's record: its configuration and model, which may be deleted."""


class Endpoints:
    """The endpoints of an account.

    Parameters
    ----------
    account : Account
    models : Models
    """

    def __init__(self, account: Account, models: Models):
        self._account, self._models = account, models

        def missing(region: str, name: str) -> str:
            return f'Could not find endpoint "{account.arn(region, "endpoint", name)}".'

        self.records = Records("Endpoint", missing, "ValidationException")
        self._running: dict[str, _Running] = {}
        self._deleted: list[_Running] = []

    def operations(self) -> dict[str, Operation]:
        """What clients can ask for, by the service's names."""
        return {
            "CreateEndpoint": self.create,
            "DescribeEndpoint": lambda region, request: self.records.get(
                region, request["EndpointName"]
            ),
            "ListEndpoints": lambda region, request: self.records.page(
                region, request, "Endpoints"
            ),
            "UpdateEndpoint": self.update,
            "DeleteEndpoint": self.delete,
        }

    def create(self, region: str, request: Record) -> Record:
        """Take an endpoint, and start it."""
        config = self._models.configs.get(region, request["EndpointConfigName"])
        name = request["EndpointName"]
        arn = self._account.arn(region, "endpoint", name)
        time = now()
        record = {
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": request["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": time,
            "LastModifiedTime": time,
        }
        self.records.add(region, record)
        tag(self._account, arn, request)
        self._running[arn] = _Running(self._account, region, record)
        self._running[arn].change(
            config, self._model(region, config), request.get(OUTCOME)
        )
        return {"EndpointArn": arn}

    def update(self, region: str, request: Record) -> Record:
        """Start a new configuration in place of the one that runs."""
        record = self.records.get(region, request["EndpointName"])
        config = self._models.configs.get(region, request["EndpointConfigName"])
        if record["EndpointStatus"] != "InService":
            raise invalid(
                f'Cannot update endpoint "{record["EndpointArn"]}" while it is in '
                f"status {record['EndpointStatus']}."
            )
        record["EndpointStatus"] = "Updating"
        record["LastModifiedTime"] = now()
        running = self._running[record["EndpointArn"]]
        running.change(config, self._model(region, config), request.get(OUTCOME))
        return {"EndpointArn": record["EndpointArn"]}

    def _model(self, region: str, config: Record) -> Record:
        name = config["ProductionVariants"][0]["ModelName"]
        return copy.deepcopy(self._models.models.get(region, name))

    def delete(self, region: str, request: Record) -> Record:
        """End an endpoint."""
        record = self.records.get(region, request["EndpointName"])
        arn = record["EndpointArn"]
        running = self._running.pop(arn)
        self.records.remove(region, request["EndpointName"])
        self._account.tags.pop(arn, None)
        # Not here, where the lock is held that its start may wait for.
        running.begin_to_close()
        self._deleted = [part for part in self._deleted if part.closes()]
        self._deleted.append(running)
        return {}

    def load(self, items: Iterable[tuple[str, str, Record]]) -> None:
        """Bring back endpoints of an emulator that has ended, and start them again."""
        self.records.load(items)
        for region, _, record in items:
            running = _Running(self._account, region, record)
            self._running[record["EndpointArn"]] = running
            if record["EndpointStatus"] != "Failed":
                record["EndpointStatus"] = "SystemUpdating"
                running.change(*record[SERVED])

    def close(self) -> None:
        """End all of them."""
        for running in list(self._running.values()):
            running.close(at_once=True)
        for running in self._deleted:
            running.close(at_once=True)

    def invoke(self, request: Request) -> Answer:
        """Answer an InvokeEndpoint."""
        try:
            return self._invoke(request)
        except ServiceError as error:
            body = json.dumps({"message": str(error)}).encode()
            headers = {
                "Content-Type": "application/json",
                "x-amzn-ErrorType": error.code,
            }
            return error.status, headers, body

    def _invoke(self, request: Request) -> Answer:
        parts = request.path.split("/")
        if len(parts) != 4 or parts[3] != "invocations" or request.method != "POST":
            raise ServiceError(
                "UnknownOperationException",
                f"The emulator does not have {request.method} {request.path}.",
            )
        name = urllib.parse.unquote(parts[2])
        with self._account.lock:
            try:
                record = self.records.get(request.region, name)
            except ServiceError:
                raise _wrong(
                    f"Endpoint {name} of account {NUMBER} not found."
                ) from None
            server = self._running[record["EndpointArn"]].server
            if server is None:
                raise _wrong(
                    f"Endpoint {name} of account {NUMBER} is in status "
                    f"{record['EndpointStatus']}."
                )
            variant = record["ProductionVariants"][0]["VariantName"]
        headers = {key.lower(): text for key, text in request.headers.items()}
        wanted = headers.get(f"{OURS}target-variant", variant)
        if wanted != variant:
            raise _wrong(f"Variant {wanted} of endpoint {name} not found.")
        if len(request.body) > MOST_BYTES:
            raise _wrong(
                f"The body has {len(request.body):,} bytes; at most {MOST_BYTES:,} are "
                "allowed."
            )
        asked = {
            key: text
            for key, text in headers.items()
            if key in PASSED_ON or key.startswith(OURS)
        }
        try:
            status, found, body = server.ask(
                "POST", "/invocations", asked, request.body
            )
        except (OSError, http.client.HTTPException):
            status, found = 500, {}
            body = (
                b"Your invocation timed out while waiting for a response from container"
            )
        if not 200 <= status < 300:
            return _model_error(request.region, name, status, body)
        answer = {"x-Amzn-Invoked-Production-Variant": variant}
        for key, text in found.items():
            if key.lower() == "content-type" or key.lower().startswith(OURS):
                answer[key] = text
        return 200, answer, body


class _Running:
    """What runs of an endpoint: one server, and another one while it is updated."""

    def __init__(self, account: Account, region: str, record: Record):
        self._account, self._region, self._record = account, region, record
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._closing: threading.Thread | None = None
        self.server: ModelServer | None = None

    def change(
        self, config: Record, model: Record, outcome: Outcome | None = None
    ) -> None:
        """Start a configuration, and then end the one before."""
        # What starts again when the emulator does: what runs, not what is to.
        self._record.setdefault(SERVED, [copy.deepcopy(config), model])
        arguments = (copy.deepcopy(config), model, outcome)
        self._thread = threading.Thread(
            target=self._change, args=arguments, daemon=True
        )
        self._thread.start()

    def _change(self, config: Record, model: Record, outcome: Outcome | None) -> None:
        record, before = self._record, self.server
        [variant] = config["ProductionVariants"]
        name = variant["VariantName"]
        server, reason = None, ""
        try:
            if outcome is not None:
                outcome.strike(self._ended)
                return
            self._account.wait("Updating" if before else "Creating", self._ended)
            server = ModelServer(
                self._account,
                self._region,
                model,
                GROUP + record["EndpointName"],
                f"{name}/i-{secrets.token_hex(8)}",
                {},
                self._ended,
                workers=variant.get("InitialInstanceCount", 1),
            )
        except JobError as error:
            said = str(error)
            reason = f"The primary container for production variant {name} {said}"
            if not said.startswith("did"):
                reason = said
        except Exception as error:
            traceback.print_exc()
            reason = f"InternalServerError: {type(error).__name__}: {error}"
        with self._account.lock:
            record["LastModifiedTime"] = now()
            if reason:
                record["FailureReason"] = reason
            # An update that fails leaves what was there before.
            record["EndpointStatus"] = "InService" if server or before else "Failed"
            if server is not None:
                record.pop("FailureReason", None)
                record["EndpointConfigName"] = config["EndpointConfigName"]
                record["ProductionVariants"] = [_variant(variant, model)]
                record[SERVED] = [config, model]
                self.server = server
        if before is not None and server is not None:
            before.close()

    def begin_to_close(self) -> None:
        """End it in a thread."""
        self._closing = threading.Thread(target=self.close, daemon=True)
        self._closing.start()

    def closes(self) -> bool:
        """Whether that thread is still at it."""
        return self._closing is not None and self._closing.is_alive()

    def close(self, *, at_once: bool = False) -> None:
        """End it; at once, also what another thread has begun to end."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        if self.server is not None:
            self.server.close(at_once=at_once)
        if at_once and self._closing is not None:
            self._closing.join()


def _variant(variant: Record, model: Record) -> dict[str, Any]:
    """A variant as the description of an endpoint has it."""
    count = variant.get("InitialInstanceCount", 1)
    weight = variant.get("InitialVariantWeight", 1.0)
    return {
        "VariantName": variant["VariantName"],
        "CurrentWeight": weight,
        "DesiredWeight": weight,
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
    }


def _wrong(message: str) -> ServiceError:
    return ServiceError("ValidationError", message)


def _model_error(region: str, name: str, status: int, body: bytes) -> Answer:
    """What the service says of a program that refuses."""
    text = body.decode("utf-8", "replace")
    whose = "client" if status < 500 else "server"
    message = (
        f'Received {whose} error ({status}) from primary with message "{text}". See '
        f"the log group {GROUP}{name} in account {NUMBER} for more information."
    )
    document = {
        "Message": message,
        "OriginalMessage": text,
        "OriginalStatusCode": status,
        "LogStreamArn": f"arn:aws:logs:{region}:{NUMBER}:log-group:{GROUP}{name}",
    }
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": "ModelError"}
    return 424, headers, json.dumps(document).encode()
