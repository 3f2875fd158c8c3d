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
# Scores of the real model on Adult rows, as an endpoint of 2023 and 2024 served them.
GOLDEN = np.array([0.9899773597717285, 0.5041388273239136], dtype=np.float32)
ANSWERS = {
    "regression": (
        Predictions(np.array([0.4])),
        [b'{"score": 0.4}'],
        [b'{"score":0.4}'],
    ),
    "binary": (
        Predictions(np.array([0.4, 0.75]), np.array([0, 1])),
        [
            b'{"score": 0.4, "predicted_label": 0}',
            b'{"score": 0.75, "predicted_label": 1}',
        ],
        [b'{"predicted_label":0,"score":0.4}', b'{"predicted_label":1,"score":0.75}'],
    ),
    "multiclass": (
        Predictions(PROBABILITIES, np.array([2, 1], dtype=np.int32)),
        [
            b'{"score": [0.1, 0.2, 0.4, 0.3], "predicted_label": 2}',
            b'{"score": [0.25, 0.5, 0.125, 0.125], "predicted_label": 1}',
        ],
        [
            b'{"predicted_label":2,"score":[0.1,0.2,0.4,0.3]}',
            b'{"predicted_label":1,"score":[0.25,0.5,0.125,0.125]}',
        ],
    ),
    "recorded": (
        Predictions(np.array([11.719074], dtype=np.float32)),
        [b'{"score": 11.719074249267578}'],
        [b'{"score":11.719074249267578}'],
    ),
    "recorded binary": (
        Predictions(GOLDEN, np.array([1, 1])),
        [
            b'{"score": 0.9899773597717285, "predicted_label": 1}',
            b'{"score": 0.5041388273239136, "predicted_label": 1}',
        ],
        [
            b'{"predicted_label":1,"score":0.989977359771728}',
            b'{"predicted_label":1,"score":0.504138827323913}',
        ],
    ),
    # As endpoints of Factorization Machines answer.
    "labels of float": (
        Predictions(np.array([0.25, 0.75]), np.array([0.0, 1.0], dtype=np.float32)),
        [
            b'{"score": 0.25, "predicted_label": 0.0}',
            b'{"score": 0.75, "predicted_label": 1.0}',
        ],
        [
            b'{"predicted_label":0.0,"score":0.25}',
            b'{"predicted_label":1.0,"score":0.75}',
        ],
    ),
}


@pytest.mark.parametrize(("answer", "parts", "lines"), ANSWERS.values(), ids=ANSWERS)
def test_bytes_both_ways(answer, parts, lines):
    json_bytes = b'{"predictions": [' + b", ".join(parts) + b"]}"
    assert encode_json_predictions(answer) == json_bytes
    lines_bytes = b"".join(line + b"\n" for line in lines)
    assert encode_jsonlines_predictions(answer) == lines_bytes
    # As it was recorded, and as the developer guide shows it.
    for found in (
        decode_json_predictions(json_bytes),
        decode_jsonlines_predictions(b"\n".join(parts)),
        decode_jsonlines_predictions(b"\r\n".join(parts) + b"\r\n"),
        decode_jsonlines_predictions(lines_bytes),
        decode_json_predictions(b'{"predictions":[' + b",".join(lines) + b"]}\n"),
    ):
        assert found.score.dtype == np.float64
        # Cut after 15 decimals.
        np.testing.assert_allclose(found.score, answer.score, rtol=0, atol=1e-15)
        if answer.predicted_label is None:
            assert found.predicted_label is None
        else:
            assert found.predicted_label.dtype == np.int64
            np.testing.assert_array_equal(found.predicted_label, answer.predicted_label)


@pytest.mark.parametrize("answer", [b"1", b"1.0", b"1e0"])
def test_whole_labels_are_read_in_any_spelling(answer):
    line = b'{"score": 0.9957004189491272, "predicted_label": ' + answer + b"}"
    for found in (
        decode_jsonlines_predictions(line),
        decode_json_predictions(b'{"predictions": [' + line + b"]}"),
    ):
        assert found.predicted_label.tolist() == [1]
        assert found.predicted_label.dtype == np.int64


# What JSON Lines of endpoints show, and where there are none, what RapidJSON 1.1 writes
# with SetMaxDecimalPlaces(15).
CUT = [
    (0.9899773597717285, "0.989977359771728"),
    (0.047645717859268, "0.047645717859268"),
    (0.0, "0.0"),
    (-0.0, "-0.0"),
    (1.0, "1.0"),
    (0.1 + 0.2, "0.3"),
    (1e-20, "0.0"),
    (-1e-20, "-0.0"),
    (9.99e-17, "0.0"),
    (1.5e-7, "1.5e-7"),
    (2.5e-15, "2.5e-15"),
    (1.234567890123456e-06, "0.00000123456789"),
    (0.00001, "0.00001"),
    (-11.719074249267578, "-11.719074249267578"),
    (12.000000000000002, "12.000000000000002"),
    (123456.0, "123456.0"),
    (1e20, "100000000000000000000.0"),
    (1e21, "1e21"),
    (1.5e22, "1.5e22"),
]


@pytest.mark.parametrize(("score", "text"), CUT)
def test_numbers_in_json_lines(score, text):
    found = encode_jsonlines_predictions(Predictions(np.array([score])))
    assert found == f'{{"score":{text}}}\n'.encode()
    decoded = decode_jsonlines_predictions(found).score[0]
    # Cut, never away from zero, and what has 15 decimals or fewer is kept.
    assert abs(decoded) <= abs(score)
    assert abs(decoded - score) < 1e-15


@pytest.mark.parametrize(
    ("score", "text"), [(0.0, "0.0"), (1.0, "1.0"), (1e-20, "1e-20"), (1e20, "1e+20")]
)
def test_numbers_in_json(score, text):
    found = encode_json_predictions(Predictions(np.array([score])))
    assert found == f'{{"predictions": [{{"score": {text}}}]}}'.encode()


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


ENCODERS = [encode_json_predictions, encode_jsonlines_predictions]


@pytest.mark.parametrize("encode", ENCODERS)
@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_not_written(encode, score):
    wanted = rf"score\[1\] is {score}; only finite numbers"
    with pytest.raises(ValueError, match=wanted):
        encode(Predictions(np.array([0.5, score])))


@pytest.mark.parametrize("encode", ENCODERS)
def test_scores_and_labels_must_be_as_many(encode):
    with pytest.raises(ValueError, match="1 predicted labels for 2 scores"):
        encode(Predictions(np.array([0.5, 0.5]), np.array([1])))


@pytest.mark.parametrize("encode", ENCODERS)
def test_labels_must_be_whole(encode):
    with pytest.raises(ValueError, match=r"predicted_label\[1\] is 0.5; it must be"):
        encode(Predictions(np.array([0.5, 0.5]), np.array([1.0, 0.5])))
