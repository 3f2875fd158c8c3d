"""Answers of SageMaker's algorithms as JSON and JSON Lines.

JSON wraps the answers in ``{"predictions": [...]}``, JSON Lines has one a line::

    {"score": 0.4}
    {"score": 0.4, "predicted_label": 0}
    {"score": [0.1, 0.2, 0.4, 0.3], "predicted_label": 2}

Sources: "Linear learner response formats" and "Factorization machine response formats"
in SageMaker's developer guide, and recorded answers of endpoints: separators are
``", "`` and ``": "``, a score is float32, widened to double and printed in full, and
the predicted label is a whole number or, from some endpoints, a float.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.labels import whole_or_float
from sklearn_sagemaker.io.rows import Predictions
from sklearn_sagemaker.io.text.json_instances import NUMBERS
from sklearn_sagemaker.io.text.json_parsing import JsonDocument, json_lines, shown
from sklearn_sagemaker.io.text.json_rows import ENCODER
from sklearn_sagemaker.io.text.number_text import python_numbers


def _encoded(predictions: Predictions) -> Iterator[str]:
    scores = python_numbers(predictions.score, "score")
    if predictions.predicted_label is None:
        for score in scores:
            yield ENCODER.encode({"score": score})
        return
    labels = python_numbers(predictions.predicted_label, "predicted_label")
    if len(labels) != len(scores):
        raise ValueError(
            f"there are {len(labels)} predicted labels for {len(scores)} scores; they "
            "must be as many."
        )
    for score, label in zip(scores, labels, strict=True):
        yield ENCODER.encode({"score": score, "predicted_label": label})


def encode_json_predictions(predictions: Predictions) -> bytes:
    """Write a JSON response.

    Parameters
    ----------
    predictions : Predictions
        A ``predicted_label`` of integers is written as ``0``, of floats as ``0.0``.

    Returns
    -------
    body : bytes

    Raises
    ------
    ValueError
        If a score is not finite (JSON has no NaN), or scores and labels are not as
        many.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.text.json_predictions import encode_json_predictions
    >>> from sklearn_sagemaker.io.rows import Predictions
    >>> encode_json_predictions(Predictions(np.array([11.719074], dtype=np.float32)))
    b'{"predictions": [{"score": 11.719074249267578}]}'
    """
    return f'{{"predictions": [{", ".join(_encoded(predictions))}]}}'.encode()


def encode_jsonlines_predictions(predictions: Predictions) -> bytes:
    """Write a JSON Lines response.

    Parameters
    ----------
    predictions : Predictions

    Returns
    -------
    body : bytes
        Lines are separated, not ended, by newlines.

    Raises
    ------
    ValueError
        If a score is not finite, or scores and labels are not as many.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.text import json_predictions
    >>> from sklearn_sagemaker.io.rows import Predictions
    >>> answers = Predictions(np.array([0.5]), np.array([1]))
    >>> json_predictions.encode_jsonlines_predictions(answers)
    b'{"score": 0.5, "predicted_label": 1}'
    """
    return "\n".join(_encoded(predictions)).encode()


def decode_json_predictions(body: bytes) -> Predictions:
    """Read a JSON response.

    Parameters
    ----------
    body : bytes

    Returns
    -------
    predictions : Predictions
        Scores are float64; predicted labels int64 if all are whole.

    Raises
    ------
    DataFileError
        Naming the prediction, counted from 0.

    Examples
    --------
    >>> from sklearn_sagemaker.io.text.json_predictions import decode_json_predictions
    >>> body = b'{"predictions": [{"score": 0.9957, "predicted_label": 1.0}]}'
    >>> decode_json_predictions(body).predicted_label
    array([1])
    """
    elements = JsonDocument(io.BytesIO(body)).elements("predictions")
    return _collected((f"predictions[{number}]", value) for number, value in elements)


def decode_jsonlines_predictions(body: bytes) -> Predictions:
    """Read a JSON Lines response.

    Parameters
    ----------
    body : bytes

    Returns
    -------
    predictions : Predictions
        Scores are float64; predicted labels int64 if all are whole.

    Raises
    ------
    DataFileError
        Naming the line, counted from 1.

    Examples
    --------
    >>> from sklearn_sagemaker.io.text import json_predictions
    >>> body = b'{"score": [0.1, 0.9], "predicted_label": 1}'
    >>> json_predictions.decode_jsonlines_predictions(body)
    Predictions(shape=(1, 2))
    """
    lines = json_lines(io.BytesIO(body), "line {}".format)
    return _collected((f"line {number}", value) for number, value in lines)


def _collected(answers: Iterable[tuple[str, Any]]) -> Predictions:
    scores: list[Any] = []
    labels: list[Any] = []
    for place, answer in answers:
        if type(answer) is not dict or "score" not in answer:
            has = "no score" if type(answer) is dict else shown(answer)
            raise DataFileError(
                f"{place}: has {has}; a prediction of a classifier or regressor is "
                'such as {"score": 0.4}.'
            )
        # Whatever else an endpoint adds is left alone.
        scores.append(_score(place, answer["score"], scores))
        if "predicted_label" in answer:
            labels.append(_finite(place, "predicted_label", answer["predicted_label"]))
        if len(labels) not in (0, len(scores)):
            raise DataFileError(
                f"{place}: some predictions have a predicted_label and some have none; "
                "all must be of one model."
            )
    if not scores:
        raise DataFileError("the response has no predictions.")
    found = whole_or_float(np.array(labels)) if labels else None
    return Predictions(np.array(scores, dtype=np.float64), found)


def _score(place: str, score: Any, before: list[Any]) -> float | list[float]:
    many = type(score) is list
    found: float | list[float]
    if many:
        found = [_finite(place, f"score {i}", part) for i, part in enumerate(score)]
    else:
        found = _finite(place, "score", score)
    size = len(score) if many else None
    first = before[0] if before else found
    if size == 0 or size != (len(first) if type(first) is list else None):
        raise DataFileError(
            f"{place}: has {size if many else 'one'} score(s), unlike the first "
            "prediction; all need as many, one or more."
        )
    return found


def _finite(place: str, name: str, value: Any) -> float:
    if type(value) in NUMBERS:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise DataFileError(
        f"{place}: {name} is {shown(value)}; it must be a finite number."
    )
