"""Data capture: what an endpoint is sent and answers, as objects of S3."""

from __future__ import annotations

import base64
import itertools
import json
import sys
import threading
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sklearn_sagemaker.testing.account import Account, now
from sklearn_sagemaker.testing.delivery import upload
from sklearn_sagemaker.testing.errors import JobError
from sklearn_sagemaker.testing.records import Record

EVERY_SECONDS = 0.2
"""From the first call that is captured to the object that it is in."""
BOTH = "InputAndOutput"
ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
IDENTIFIER = "x-amzn-sagemaker-inference-id"


class Capture:
    """The capture of an endpoint's calls, of which it takes a share.

    The share is exact but for a call: with 20 per cent it is every fifth one.

    Parameters
    ----------
    account : Account
    region : str
    endpoint : str
    config : dict
        ``DataCaptureConfig`` of the endpoint's configuration.
    """

    def __init__(self, account: Account, region: str, endpoint: str, config: Record):
        self._account, self._region = account, region
        self._folder = f"{config['DestinationS3Uri'].rstrip('/')}/{endpoint}"
        self._config = config
        self._modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        types = config.get("CaptureContentTypeHeader", {})
        self._encodings = {
            kind.strip().lower(): name
            for name in ("CSV", "JSON")
            for kind in types.get(f"{name.capitalize()}ContentTypes", ())
        }
        self._credit = 0
        self._waiting: list[tuple[str, datetime, str]] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._writer: threading.Thread | None = None

    @property
    def is_on(self) -> bool:
        """Whether anything is taken."""
        return self._config.get("EnableCapture", True)

    def described(self) -> dict[str, Any]:
        """As the description of an endpoint has it."""
        return {
            "EnableCapture": self.is_on,
            "CaptureStatus": "Started" if self.is_on else "Stopped",
            "CurrentSamplingPercentage": self._config["InitialSamplingPercentage"],
            "DestinationS3Uri": self._config["DestinationS3Uri"],
            "KmsKeyId": self._config.get("KmsKeyId", ""),
        }

    def take(
        self,
        variant: str,
        asked: tuple[Mapping[str, str], bytes],
        answered: tuple[Mapping[str, str], bytes],
    ) -> None:
        """Take a call, if it is its turn.

        Parameters
        ----------
        variant : str
        asked, answered : tuple of (mapping, bytes)
            Headers by lower-case names, and body.
        """
        if not self.is_on:
            return
        with self._lock:
            self._credit += self._config["InitialSamplingPercentage"]
            if self._credit < 100:
                return
            self._credit -= 100
        time = now()
        line = json.dumps(self._record(time, asked, answered))
        with self._lock:
            self._waiting.append((variant, time, line))
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, daemon=True)
                self._writer.start()

    def _record(
        self,
        time: datetime,
        asked: tuple[Mapping[str, str], bytes],
        answered: tuple[Mapping[str, str], bytes],
    ) -> Record:
        data = {
            f"endpoint{mode}": self._part(mode, *part)
            for mode, part in (("Input", asked), ("Output", answered))
            if self._modes & {mode, BOTH}
        }
        said = {
            "eventId": str(uuid.uuid4()),
            "inferenceTime": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        headers = asked[0]
        if IDENTIFIER in headers:
            said["inferenceId"] = headers[IDENTIFIER]
        metadata: Record = dict(said)
        if ATTRIBUTES in headers:
            metadata["customAttributes"] = [headers[ATTRIBUTES]]
        return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}

    def _part(self, mode: str, headers: Mapping[str, str], body: bytes) -> Record:
        kind = headers.get("content-type", "")
        encoding = self._encodings.get(kind.partition(";")[0].strip().lower(), "BASE64")
        try:
            data = body.decode()
        except UnicodeDecodeError:
            encoding = "BASE64"
        if encoding == "BASE64":
            data = base64.b64encode(body).decode()
        return {
            "observedContentType": kind,
            "mode": mode.upper(),
            "data": data,
            "encoding": encoding,
        }

    def _write(self) -> None:
        """Write what waits, and what comes meanwhile."""
        while True:
            self._ended.wait(EVERY_SECONDS)
            with self._lock:
                lines, self._waiting = self._waiting, []
                if not lines:
                    self._writer = None
                    return
            try:
                self._put(lines)
            except JobError as error:
                # The calls have been answered: there is nobody else to tell.
                print(f"Data capture to {self._folder}: {error}", file=sys.stderr)

    def _put(self, lines: list[tuple[str, datetime, str]]) -> None:
        s3 = self._account.cloud.client("s3", self._region)

        def place(item: tuple[str, datetime, str]) -> str:
            return f"{item[0]}/{item[1]:%Y/%m/%d/%H}"

        for folder, group in itertools.groupby(sorted(lines, key=place), place):
            items = list(group)
            time = items[0][1]
            name = f"{time:%M-%S}-{time.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
            body = "".join(f"{line}\n" for _, _, line in items).encode()
            key = self._config.get("KmsKeyId", "")
            upload(s3, f"{self._folder}/{folder}/{name}", body, key)
            self._account.written += 1

    def close(self) -> None:
        """Write what is left."""
        self._ended.set()
        with self._lock:
            writer = self._writer
        if writer is not None:
            writer.join()
