"""Predictions as SageMaker's endpoints answer them in RecordIO-protobuf.

One record for each row: no features, and the labels ``score`` (one float32, or one for
each class) and, for classification, ``predicted_label`` (one float32). Source: "Common
data formats for inference" in SageMaker's developer guide.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from sklearn_sagemaker.exceptions import RecordIOError
from sklearn_sagemaker.io.labels import LARGEST_WHOLE
from sklearn_sagemaker.io.recordio.frames import HEADER, ByteWindow, frame
from sklearn_sagemaker.io.recordio.reading import walk_records
from sklearn_sagemaker.io.rows import Predictions

__all__ = ["decode_predictions", "encode_predictions"]


def encode_predictions(predictions: Predictions) -> bytes:
    """Answers as framed records.

    Parameters
    ----------
    predictions : Predictions

    Returns
    -------
    data : bytes
        Values are float32.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.recordio.predictions import encode_predictions
    >>> from sklearn_sagemaker.io.rows import Predictions
    >>> answer = Predictions(np.array([0.4]), np.array([1]))
    >>> encode_predictions(answer)[8:].hex()[:42]
    '121b0a0f7072656469637465645f6c6162656c1208'
    """
    score = np.asarray(predictions.score, np.float32)
    n_rows = len(score)
    columns = {"score": score.reshape(n_rows, -1)}
    if predictions.predicted_label is not None:
        label = np.asarray(predictions.predicted_label, np.float32)
        columns = {"predicted_label": label.reshape(n_rows, 1), **columns}
    template, places = _template(
        tuple((name, values.shape[1]) for name, values in columns.items())
    )
    rows = np.tile(np.frombuffer(template, np.uint8), (n_rows, 1))
    for first, values in zip(places, columns.values(), strict=True):
        numbers = np.ascontiguousarray(values, "<f4").view(np.uint8)
        rows[:, first : first + numbers.shape[1]] = numbers
    return rows.tobytes()


# A server answers all requests by the same one or two.
@lru_cache(maxsize=8)
def _template(widths: tuple[tuple[str, int], ...]) -> tuple[bytes, list[int]]:
    """What all records have but for their numbers, framed, and where those go."""
    from sklearn_sagemaker.io.recordio.record_messages import Record

    message = b""
    places = []
    for name, width in widths:
        record = Record()
        record.label[name].float32_tensor.values.extend([0.0] * width)
        message += record.SerializeToString()
        places.append(HEADER.size + len(message) - 4 * width)
    return frame(message), places


def decode_predictions(data: bytes) -> Predictions:
    """Answers from framed records.

    Parameters
    ----------
    data : bytes-like

    Returns
    -------
    predictions : Predictions
        ``score`` is float32; ``predicted_label`` is int64.

    Raises
    ------
    RecordIOError
        If the bytes are no such records, a score is no finite number, or the records
        differ in their labels.
    """
    scores: list[list[float]] = []
    labels: list[float] = []
    for record, window in walk_records(data):
        score = _numbers(record, "score", window)
        if score is None:
            raise window.error("has no label 'score'; it is no prediction.")
        if not all(map(math.isfinite, score)):
            bad = next(value for value in score if not math.isfinite(value))
            raise window.error(f"has the score {bad}; it must be a finite number.")
        if scores and len(score) != len(scores[0]):
            raise window.error(
                f"has {len(score)} scores, but those before it have {len(scores[0])}."
            )
        label = _numbers(record, "predicted_label", window)
        if scores and (label is None) == bool(labels):
            raise window.error(
                f"has {'no' if label is None else 'a'} predicted_label, unlike those "
                "before it."
            )
        if label is not None:
            if len(label) != 1 or label[0] % 1 or abs(label[0]) > LARGEST_WHOLE:
                raise window.error("has a predicted_label that is no class.")
            labels.append(label[0])
        scores.append(score)
    if not scores:
        raise RecordIOError("is empty; an answer has at least one record.", 0, 0)
    table = np.array(scores, np.float32)
    return Predictions(
        table[:, 0] if table.shape[1] == 1 else table,
        np.array(labels).astype(np.int64) if labels else None,
    )


def _numbers(record: Any, name: str, window: ByteWindow) -> list[float] | None:
    """The numbers under a label, None if it is not there."""
    if name not in record.label:
        return None
    value = record.label[name]
    kind = value.WhichOneof("value")
    if kind is None or kind == "bytes" or not getattr(value, kind).values:
        raise window.error(f"the label {name!r} holds no numbers.")
    return list(getattr(value, kind).values)
