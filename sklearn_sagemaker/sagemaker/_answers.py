"""Answers of an endpoint: counted, checked, and put together."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

from sklearn_sagemaker.exceptions import AnswerError, DataFileError
from sklearn_sagemaker.io.formats import Format, format_for_content_type
from sklearn_sagemaker.io.media_types import MediaType
from sklearn_sagemaker.io.rows import Predictions
from sklearn_sagemaker.sagemaker.deserializers import BaseDeserializer

FIELDS = ("score", "predicted_label")
"""Of predictions of Linear Learner, Factorization Machines, and k-NN."""


def deserialized(deserializer: Any, body: bytes, content_type: str, what: str) -> Any:
    """What a deserializer reads.

    Parameters
    ----------
    deserializer : BaseDeserializer, object with ``deserialize``, or function
    body : bytes
    content_type : str
    what : str
        Which endpoint, for messages.

    Raises
    ------
    AnswerError
        If one of this package cannot read it.
    """
    read = getattr(deserializer, "deserialize", deserializer)
    try:
        return read(io.BytesIO(body), content_type)
    except ValueError as error:
        if not isinstance(deserializer, BaseDeserializer):
            raise
        name = type(deserializer).__name__
        # Others may quote what they read.
        plain = isinstance(error, (DataFileError, json.JSONDecodeError))
        raise AnswerError(
            f"{what}: {name} cannot read the answer of {len(body):,} bytes and type "
            f"{content_type!r} ({error if plain else type(error).__name__})."
        ) from None


def check_type(accept: str | None, content_type: str, what: str) -> None:
    """Refuse an answer of a type that was not asked for.

    Raises
    ------
    AnswerError
    """
    try:
        asked = MediaType.parse_list(accept or "")
        found = MediaType.parse(content_type).name
    except ValueError:
        return
    if asked and not any(media_type.matches(found) for media_type in asked):
        raise AnswerError(
            f"{what}: the answer is {content_type!r}, and {accept!r} was asked for; "
            "choose the deserializer that fits what the endpoint answers."
        )


def check(
    answer: Any,
    body: bytes,
    content_type: str,
    n_rows: int | None,
    what: str,
    strict: bool,
) -> Predictions | None:
    """Check predictions of Linear Learner and Factorization Machines.

    Parameters
    ----------
    answer : object
        As a deserializer gave it.
    body : bytes
    content_type : str
    n_rows : int or None
        How many there must be, if that is known.
    what : str
        Which endpoint, for messages.
    strict : bool
        Whether it must be their predictions; otherwise it may be another model's, of
        which predictions are counted at most.

    Returns
    -------
    predictions : Predictions or None
        None if they are another model's, or of a type that is not known.

    Raises
    ------
    AnswerError
        If there are too few or too many, one has no score, or one that is no number.
    """
    entries = _entries(answer)
    entry = _format(content_type)
    if entry is not None and (strict or _are_scores(answer, entries, entry)):
        assert entry.decode_predictions is not None
        try:
            predictions = entry.decode_predictions(body)
        except DataFileError as error:
            raise AnswerError(f"{what}: {error}") from None
        _check_count(len(predictions), n_rows, what)
        return predictions
    if entries is not None and (strict or not entries or _any(entries, *FIELDS)):
        _check_count(len(entries), n_rows, what)
    return None


def _format(content_type: str) -> Format | None:
    try:
        entry, _ = format_for_content_type(content_type)
    except ValueError:
        return None
    return entry if entry.decode_predictions else None


def _entries(answer: Any) -> list[Any] | None:
    if isinstance(answer, dict):
        answer = answer.get("predictions")
    return answer if isinstance(answer, list) else None


def _are_scores(answer: Any, entries: list[Any] | None, entry: Format) -> bool:
    """Whether it has the form of predictions of the two algorithms."""
    # Lists in JSON are other models'.
    as_document = isinstance(answer, dict) == (entry.name == "json")
    return as_document and bool(entries) and _any(entries or [], "score")


def _any(entries: list[Any], *names: str) -> bool:
    """Whether one has one of the fields."""
    fields = (
        each if isinstance(each, dict) else getattr(each, "label", ())
        for each in entries
    )
    return any(name in found for found in fields for name in names)


def _check_count(count: int, n_rows: int | None, what: str) -> None:
    if n_rows is not None and count != n_rows:
        raise AnswerError(
            f"{what}: there are {count} predictions for {n_rows} rows; check that the "
            "model and the serializer fit each other."
        )


def check_part(answer: Any, n_rows: int | None, what: str) -> None:
    """Refuse the answer to a part of the rows if parts cannot be put together.

    Raises
    ------
    AnswerError
        If it has no form for that, or not as many entries as rows.
    """
    entries = answer if isinstance(answer, np.ndarray) else _entries(answer)
    if entries is None or np.ndim(entries) == 0:
        raise AnswerError(
            f"{what}: the rows take several requests, and answers of type "
            f"{type(answer).__name__} cannot be put together; give fewer rows, or "
            "choose RecordDeserializer(), JSONDeserializer() or "
            "JSONLinesDeserializer()."
        )
    _check_count(len(entries), n_rows, what)


def joined(answers: list[Any]) -> Any:
    """The answers to parts of the rows, which `check_part` has passed, as one."""
    first = answers[0]
    if len(answers) == 1:
        return first
    if isinstance(first, np.ndarray):
        return np.concatenate(answers)
    whole = [entry for answer in answers for entry in _entries(answer) or ()]
    return {**first, "predictions": whole} if isinstance(first, dict) else whole
