"""Filters and joins of batch transforms."""

import json

import pytest

from sklearn_sagemaker.testing.errors import JobError, ServiceError
from sklearn_sagemaker.testing.json_path import JsonPath
from sklearn_sagemaker.testing.processing import Processing

ROW = [10, 11, 12, 13]
RECORD = {"id": 1, "a": {"b": [5, 6], "c-d": "x"}, "x y": 2}


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("$", ROW, ROW),
        ("$[1]", ROW, 11),
        ("$[-1]", ROW, 13),
        ("$[1,3]", ROW, [11, 13]),
        ("$[0,-1]", ROW, [10, 13]),
        ("$[1:]", ROW, [11, 12, 13]),
        # Both ends are included.
        ("$[1:2]", ROW, [11, 12]),
        ("$[:1]", ROW, [10, 11]),
        ("$[-2:]", ROW, [12, 13]),
        ("$[0,2:]", ROW, [10, 12, 13]),
        ("$[*]", ROW, ROW),
        ("$.id", RECORD, 1),
        ("$.a.b[1]", RECORD, 6),
        ("$.a.['b','c-d']", RECORD, {"b": [5, 6], "c-d": "x"}),
        ("$['id', 'x y']", RECORD, {"id": 1, "x y": 2}),
        ('$["x y"]', RECORD, 2),
        ("$.a.*", RECORD, [[5, 6], "x"]),
        ("$.a.*[0]", {"a": {"p": [1], "q": [2]}}, [1, 2]),
    ],
)
def test_paths(path, value, found):
    assert JsonPath(path).of(value) == found


@pytest.mark.parametrize(
    "path",
    ["", "x", "a.b", "$x", "$..a", "$[?(@.a>1)]", "$[1:-1]", "$[0:4:2]", "$.", "$[]",
     "$.a['b'", "$ ", "$['a',1]"],
)  # fmt: skip
def test_other_paths_are_refused(path):
    with pytest.raises(ServiceError, match="is none that batch transforms take"):
        JsonPath(path)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$[4]", ROW),
        ("$[-5]", ROW),
        ("$[-5:]", ROW),
        ("$[4:]", ROW),
        ("$[1:4]", ROW),
        ("$.id", ROW),
        ("$['id','other']", RECORD),
        ("$[0]", RECORD),
        ("$[0]", "text"),
        ("$.id.*", RECORD),
    ],
)
def test_paths_that_find_nothing(path, value):
    with pytest.raises(JobError, match="finds nothing"):
        JsonPath(path).of(value)


def processing(kind, answered=None, **settings):
    return Processing(
        {
            "DataProcessing": settings,
            "TransformInput": {"ContentType": kind},
            "TransformOutput": {"Accept": answered or kind},
        }
    )


JSON, LINES, CSV = "application/json", "application/jsonlines", "text/csv"


def test_nothing_is_read_that_is_not_filtered():
    for settings in ({}, {"InputFilter": "$", "OutputFilter": "$"}):
        same = processing("application/x-recordio-protobuf", **settings)
        assert same.sent(b"\xff") == b"\xff"
        assert same.kept(b"x", b"\xff") == b"\xff"


def test_json_is_one_record():
    joins = processing(JSON, JoinSource="Input")
    body = b'{"instances": [{"features": [1]}], "a": 1.50}'
    answer = b'{"predictions": [{"score": 0.4}]}'
    assert joins.kept(body, answer) == (
        b'{"SageMakerOutput":{"predictions":[{"score":0.4}]},"a":1.5,'
        b'"instances":[{"features":[1]}]}'
    )
    assert joins.kept(b"[1]", b"2") == b'{"SageMakerInput":[1],"SageMakerOutput":2}'


def test_lines_are_records():
    both = processing(
        LINES,
        InputFilter="$['features']",
        JoinSource="Input",
        OutputFilter="$['id','SageMakerOutput']",
    )
    rows = [{"id": number, "features": [number], "é": 1} for number in (1, 2)]
    body = "\r\n\n".join(map(json.dumps, rows)).encode()
    assert both.sent(body) == b"[1]\n[2]\n"
    assert both.kept(body, b'{"s":1}\n{"s":2}') == (
        b'{"SageMakerOutput":{"s":1},"id":1}\n{"SageMakerOutput":{"s":2},"id":2}\n'
    )
    with pytest.raises(JobError, match="2 records cannot be joined with 1 answers"):
        both.kept(body, b'{"s":1}\n')
    with pytest.raises(JobError, match="Unable to parse data as jsonlines"):
        both.kept(body, b"no json\n")


def test_columns_stay_as_they_are_written():
    one = processing("text/csv; charset=utf-8", LINES, InputFilter="$[1]")
    assert one.sent(b"7,01.50\n8,x\n") == b"01.50\nx\n"
    assert one.kept(b"", b'{"a": 1}') == b'{"a": 1}'
    with pytest.raises(JobError, match="Unable to parse data as csv"):
        one.sent(b'1,"2\n')
