"""Filters and joins of a batch transform, record by record."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Iterable
from typing import Any

from sklearn_sagemaker.testing.account import now
from sklearn_sagemaker.testing.errors import JobError, invalid
from sklearn_sagemaker.testing.json_path import JsonPath
from sklearn_sagemaker.testing.records import Record

CSV, LINES, JSON = "text/csv", "application/jsonlines", "application/json"
KINDS = (CSV, LINES, JSON)


class Processing:
    """What is sent to the model, and what is kept of it and its answer.

    Parameters
    ----------
    request : dict
        For a transform job.

    Raises
    ------
    ServiceError
        If the request asks for what cannot be.
    """

    def __init__(self, request: Record):
        given = request.get("DataProcessing", {})
        self._input = JsonPath(given.get("InputFilter") or "$")
        self._output = JsonPath(given.get("OutputFilter") or "$")
        self._joins = given.get("JoinSource", "None") == "Input"
        self._sent = _kind(request.get("TransformInput", {}).get("ContentType"))
        self._answered = _kind(request.get("TransformOutput", {}).get("Accept"))
        capture = request.get("DataCaptureConfig", {})
        self._identified = self._joins and capture.get("GenerateInferenceId", False)
        filters = self._input.text != "$", self._output.text != "$"
        for used, kind, name in (
            (filters[0] or self._joins, self._sent, "ContentType"),
            (filters[1] or self._joins, self._answered, "Accept"),
        ):
            if used and kind not in KINDS:
                raise invalid(
                    f"DataProcessing needs {name} to be one of {', '.join(KINDS)}."
                )
        if self._joins and self._sent != self._answered:
            raise invalid(
                f"Input of {self._sent} cannot be joined with answers of "
                f"{self._answered}; let ContentType and Accept be the same."
            )

    def sent(self, body: bytes) -> bytes:
        """A body of a request, filtered.

        Raises
        ------
        JobError
        """
        if self._input.text == "$":
            return body
        return _written(
            (self._input.of(x) for x in _read(body, self._sent)), self._sent
        )

    def kept(self, body: bytes, answer: bytes) -> bytes:
        """An answer, joined with what was to be asked, and filtered.

        Raises
        ------
        JobError
        """
        kind = self._answered
        if not self._joins and self._output.text == "$":
            return answer
        found = _read(answer, kind)
        if self._joins:
            rows = _read(body, kind)
            if len(rows) != len(found):
                raise JobError(
                    f"ClientError: {len(rows)} records cannot be joined with "
                    f"{len(found)} answers."
                )
            found = [self._joined(*pair) for pair in zip(rows, found, strict=True)]
        return _written((self._output.of(item) for item in found), kind)

    def _joined(self, row: Any, answer: Any) -> Any:
        if self._answered == CSV:
            return [*row, *answer]
        more = {"SageMakerOutput": answer}
        if self._identified:
            more["SageMakerInferenceId"] = str(uuid.uuid4())
            more["SageMakerInferenceTime"] = now().strftime("%Y-%m-%dT%H:%M:%SZ")
        return {**(row if isinstance(row, dict) else {"SageMakerInput": row}), **more}


def _kind(media_type: str | None) -> str:
    return (media_type or "").partition(";")[0].strip().lower()


def _read(data: bytes, kind: str) -> list[Any]:
    """The records in a body or an answer."""
    try:
        text = data.decode()
        if kind == JSON:
            return [json.loads(text)]
        lines = [line.rstrip("\r") for line in text.split("\n") if line.strip()]
        if kind == LINES:
            return [json.loads(line) for line in lines]
        return list(csv.reader(lines, strict=True))
    except (ValueError, csv.Error) as error:
        raise JobError(
            f"ClientError: Unable to parse data as {kind.partition('/')[2]}: {error}"
        ) from None


def _written(records: Iterable[Any], kind: str) -> bytes:
    if kind == CSV:
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        for record in records:
            writer.writerow(record if isinstance(record, list) else [record])
        return stream.getvalue().encode()
    texts = [
        json.dumps(record, sort_keys=True, separators=(",", ":")) for record in records
    ]
    return "".join(f"{text}\n" if kind == LINES else text for text in texts).encode()
