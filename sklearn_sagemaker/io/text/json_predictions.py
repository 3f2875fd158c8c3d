"""Answers of SageMaker's algorithms as JSON and JSON Lines.

The two have one content and two spellings::

    {"predictions": [{"score": 0.4, "predicted_label": 0}]}
    {"predicted_label":0,"score":0.4}

A regressor answers a score only, several classes a list of them. Labels are written as
they come: 1 by Linear Learner, 1.0 by Factorization Machines. Sources: recorded answers
of endpoints, and "Linear learner response formats" and "Factorization machine
response formats" in SageMaker's developer guide. JSON has ``", "`` and ``": "``, no
newline at the end, and numbers in full. JSON Lines are compact, have their keys sorted
and a newline after every line, and their numbers are cut as `_cut_text` says. What is
read may have any order, blanks and newlines, and labels that are floats, as some
endpoints write them.
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

DECIMALS = 15
"""Digits behind the point in JSON Lines."""


def _answers(predictions: Predictions) -> Iterator[tuple[Any, float | None]]:
    """Score, and label if there are labels, of each row."""
    scores = python_numbers(predictions.score, "score")
    if predictions.predicted_label is None:
        yield from ((score, None) for score in scores)
        return
    labels = _whole(predictions.predicted_label)
    if len(labels) != len(scores):
        raise ValueError(
            f"there are {len(labels)} predicted labels for {len(scores)} scores; they "
            "must be as many."
        )
    yield from zip(scores, labels, strict=True)


def _whole(labels: Any) -> list[float]:
    """Predicted labels, which are whole numbers, of ints or of floats."""
    numbers: list[float] = python_numbers(labels, "predicted_label")
    for place, number in enumerate(numbers):
        if number != int(number):
            raise ValueError(
                f"predicted_label[{place}] is {number}; it must be the number of a "
                "class, which is whole."
            )
    return numbers


def encode_json_predictions(predictions: Predictions) -> bytes:
    """Write a JSON response.

    Parameters
    ----------
    predictions : Predictions
        Scores of float32, as SageMaker's are, are widened and printed in full.

    Returns
    -------
    body : bytes

    Raises
    ------
    ValueError
        If a score is not finite (JSON has no NaN), a label is not whole, or scores
        and labels are not as many.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.text.json_predictions import encode_json_predictions
    >>> from sklearn_sagemaker.io.rows import Predictions
    >>> encode_json_predictions(Predictions(np.array([11.719074], dtype=np.float32)))
    b'{"predictions": [{"score": 11.719074249267578}]}'
    """
    answers = [
        {"score": score}
        if label is None
        else {"score": score, "predicted_label": label}
        for score, label in _answers(predictions)
    ]
    # At once: a call of the encoder costs more than a row.
    return ENCODER.encode({"predictions": answers}).encode()


def encode_jsonlines_predictions(predictions: Predictions) -> bytes:
    r"""Write a JSON Lines response.

    Parameters
    ----------
    predictions : Predictions
        Scores of float32, as SageMaker's are, are widened and cut after 15 decimals.

    Returns
    -------
    body : bytes
        Each line ends with a newline.

    Raises
    ------
    ValueError
        If a score is not finite, a label is not whole, or scores and labels are not
        as many.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_sagemaker.io.text import json_predictions
    >>> from sklearn_sagemaker.io.rows import Predictions
    >>> answers = Predictions(np.array([0.9899773597717285]), np.array([1]))
    >>> json_predictions.encode_jsonlines_predictions(answers)
    b'{"predicted_label":1,"score":0.989977359771728}\n'
    """
    lines = []
    for score, label in _answers(predictions):
        first = "" if label is None else f'"predicted_label":{label},'
        if isinstance(score, list):
            text = f"[{','.join(map(_cut_text, score))}]"
        else:
            text = _cut_text(score)
        lines.append(f'{{{first}"score":{text}}}\n')
    return "".join(lines).encode()


def _cut_text(value: float) -> str:
    """A number as endpoints write it in JSON Lines.

    Its shortest digits, cut, not rounded, behind the 15th decimal, and no zeros at the
    end but one behind the point. That is what RapidJSON does with ``maxDecimalPlaces``
    15, and where no answer is recorded, we do as it does: below 1e-15 all is cut away;
    from there to 1e-6, and from 1e21 on, numbers have an exponent and all digits.
    """
    text = repr(float(value))
    if "e" not in text:
        # Most are from 1e-4 to 1e16, where this is all.
        whole, _, decimals = text.partition(".")
        if len(decimals) <= DECIMALS:
            return text
        return f"{whole}.{decimals[:DECIMALS].rstrip('0') or '0'}"
    mantissa, _, exponent = text.lstrip("-").partition("e")
    whole, _, decimals = mantissa.partition(".")
    # The value is 0.DIGITS * 10**place.
    place = len(whole) + int(exponent or 0)
    digits = (whole + decimals).lstrip("0")
    place -= len(whole + decimals) - len(digits)
    digits = digits.rstrip("0")
    if not digits or place < -DECIMALS:
        text = "0.0"
    elif -6 < place <= 21:
        padded = "0" * -place + digits.ljust(place, "0")
        point = max(place, 0)
        kept = padded[point : point + DECIMALS].rstrip("0")
        text = f"{padded[:point] or '0'}.{kept or '0'}"
    else:
        rest = f".{digits[1:]}" if len(digits) > 1 else ""
        text = f"{digits[0]}{rest}e{place - 1}"
    return f"-{text}" if math.copysign(1.0, value) < 0 else text


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
    elements = JsonDocument(body).elements("predictions")
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
