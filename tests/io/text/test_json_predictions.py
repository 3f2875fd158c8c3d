"""Responses in JSON and JSON Lines: the recorded bytes, and what is refused."""

import numpy as np
import pytest

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.rows import Predictions
from sklearn_sagemaker.io.text.json_predictions import (
    decode_json_predictions,
    decode_jsonlines_predictions,
    encode_json_predictions,
    encode_jsonlines_predictions,
)

PROBABILITIES = np.array([[0.1, 0.2, 0.4, 0.3], [0.25, 0.5, 0.125, 0.125]])
ANSWERS = {
    "regression": (Predictions(np.array([0.4])), [b'{"score": 0.4}']),
    "binary": (
        Predictions(np.array([0.4, 0.75]), np.array([0, 1])),
        [
            b'{"score": 0.4, "predicted_label": 0}',
            b'{"score": 0.75, "predicted_label": 1}',
        ],
    ),
    "multiclass": (
        Predictions(PROBABILITIES, np.array([2, 1], dtype=np.int32)),
        [
            b'{"score": [0.1, 0.2, 0.4, 0.3], "predicted_label": 2}',
            b'{"score": [0.25, 0.5, 0.125, 0.125], "predicted_label": 1}',
        ],
    ),
    "recorded": (
        Predictions(np.array([11.719074], dtype=np.float32)),
        [b'{"score": 11.719074249267578}'],
    ),
    "recorded label": (
        Predictions(
            np.array([0.9957004189491272], dtype=np.float32),
            np.array([1], dtype=np.float32),
        ),
        [b'{"score": 0.9957004189491272, "predicted_label": 1.0}'],
    ),
}


@pytest.mark.parametrize(("answer", "lines"), ANSWERS.values(), ids=ANSWERS)
def test_bytes_both_ways(answer, lines):
    json_bytes = b'{"predictions": [' + b", ".join(lines) + b"]}"
    assert encode_json_predictions(answer) == json_bytes
    assert encode_jsonlines_predictions(answer) == b"\n".join(lines)
    for found in (
        decode_json_predictions(json_bytes),
        decode_jsonlines_predictions(b"\n".join(lines)),
        decode_jsonlines_predictions(b"\r\n".join(lines) + b"\r\n"),
    ):
        assert found.score.dtype == np.float64
        np.testing.assert_array_equal(found.score, answer.score)
        if answer.predicted_label is None:
            assert found.predicted_label is None
        else:
            # Whole numbers, whether the endpoint writes 1 or 1.0.
            assert found.predicted_label.dtype == np.int64
            np.testing.assert_array_equal(found.predicted_label, answer.predicted_label)


def test_recorded_body_has_its_48_bytes():
    body = encode_json_predictions(Predictions(np.array([11.719074], dtype="f4")))
    assert len(body) == 48


def test_more_keys_are_left_alone():
    body = b'{"predictions": [{"score": 1, "id": [7], "uid": "a"}]}'
    assert decode_json_predictions(body).score.tolist() == [1.0]


FAULTS = {
    "no score": (b'{"predicted_label": 1}', "has no score"),
    "not an object": (b"0.5", "has 0.5; a prediction"),
    "other algorithm": (b'{"closest_cluster": 5.0}', "has no score"),
    "text": (b'{"score": "0.4"}', "score is '0.4'; it must be a finite"),
    "true": (b'{"score": true}', "score is true"),
    "null": (b'{"score": null}', "score is null"),
    "NaN": (b'{"score": NaN}', "NaN is not JSON"),
    "too large": (b'{"score": 1e999}', "score is inf"),
    "too long": (b'{"score": 1%s}' % (b"0" * 400), "score is 1000"),
    "label": (b'{"score": 0.5, "predicted_label": "x"}', "predicted_label is 'x'"),
    "label missing": (b'{"score": 0.5}', "some have none"),
    "many scores": (b'{"score": [0.5, 0.5]}', r"has 2 score\(s\), unlike the first"),
    "no scores": (b'{"score": []}', r"has 0 score\(s\)"),
    "score in a list": (b'{"score": [0.5, [1]]}', "score 1 is a list"),
}


@pytest.mark.parametrize(("answer", "message"), FAULTS.values(), ids=FAULTS)
def test_faults_name_the_prediction(answer, message):
    good = b'{"score": 0.5, "predicted_label": 1}'
    with pytest.raises(DataFileError, match=rf"^predictions\[1\]: .*{message}"):
        decode_json_predictions(b'{"predictions": [' + good + b", " + answer + b"]}")
    with pytest.raises(DataFileError, match=f"^line 3: .*{message}"):
        decode_jsonlines_predictions(good + b"\n\n" + answer)


def test_a_label_may_not_appear_later():
    lines = b'{"score": 0.5}\n{"score": 0.5, "predicted_label": 1}'
    with pytest.raises(
        DataFileError, match="line 2: some predictions have a predicted"
    ):
        decode_jsonlines_predictions(lines)


def test_scores_may_not_become_one():
    lines = b'{"score": [0.5, 0.5]}\n{"score": 0.5}'
    with pytest.raises(DataFileError, match=r"line 2: has one score\(s\), unlike"):
        decode_jsonlines_predictions(lines)


@pytest.mark.parametrize(
    ("decode", "body"),
    [
        (decode_json_predictions, b'{"predictions": []}'),
        (decode_jsonlines_predictions, b"\n"),
    ],
)
def test_no_predictions(decode, body):
    with pytest.raises(DataFileError, match="the response has no predictions"):
        decode(body)


def test_scores_that_are_not_finite_are_not_written():
    with pytest.raises(ValueError, match=r"score\[1\] is nan; only finite numbers"):
        encode_json_predictions(Predictions(np.array([0.5, np.nan])))


def test_scores_and_labels_must_be_as_many():
    with pytest.raises(ValueError, match="1 predicted labels for 2 scores"):
        encode_json_predictions(Predictions(np.array([0.5, 0.5]), np.array([1])))
