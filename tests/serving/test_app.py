"""The application by WSGI calls: every kind of model, request and answer; refusals."""

import io
import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.io.formats import FORMATS
from sklearn_sagemaker.io.rows import Rows
from sklearn_sagemaker.serving.app import make_app
from sklearn_sagemaker.serving.predictor import Predictor
from sklearn_sagemaker.serving.settings import Settings

from .conftest import ARTIFACTS, CSV, JSON, LINES, NAMES, RECORDIO, call, invoke

DENSE = [(CSV, "csv"), (JSON, "json"), (LINES, "jsonlines"), (RECORDIO, "recordio")]
SPARSE = DENSE[1:]
ACCEPTED = [(JSON, "json"), (LINES, "jsonlines"), (RECORDIO, "recordio")]


def rows_for(name, n_rows=7):
    """Some float32 rows with zeros."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(n_rows, NAMES[name])).astype(np.float32)
    return X * (rng.random(X.shape) < 0.6)


def expected(model, X):
    """Scores and labels by the public methods."""
    if not hasattr(model, "classes_"):
        return model.predict(X), None
    scores = model.predict_proba(X)
    labels = np.searchsorted(model.classes_, model.predict(X))
    return (scores[:, 1] if scores.shape[1] == 2 else scores), labels


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("name", NAMES)
def test_every_model_answers_every_format(name, kind, apps, estimators):
    X = rows_for(name)
    scores, labels = expected(estimators[name], X)
    sent = sparse.csr_matrix(X) if kind == "sparse" else X
    for content_type, format in SPARSE if kind == "sparse" else DENSE:
        body = FORMATS[format].encode(Rows(sent))
        for accept, other in ACCEPTED:
            answer = invoke(apps[name], body, content_type, accept)
            assert answer.status == 200, answer.body
            assert answer.headers["Content-Type"] == accept
            found = FORMATS[other].decode_predictions(answer.body)
            np.testing.assert_allclose(
                found.score, scores.astype(np.float32), rtol=1e-6, atol=1e-15
            )
            assert (found.predicted_label is None) == (labels is None)
            if labels is not None:
                np.testing.assert_array_equal(found.predicted_label, labels)


def served():
    """Rows of a real endpoint, its labels and its scores."""
    table = np.loadtxt(ARTIFACTS / "ll-adult-served.csv", delimiter=",", skiprows=1)
    return table[:, :14], table[:, 14].astype(int), table[:, 15]


@pytest.mark.parametrize(("content_type", "format"), DENSE)
def test_a_real_artifact_answers_as_its_endpoint_did(content_type, format, apps):
    rows, labels, scores = served()
    body = FORMATS[format].encode(Rows(rows.astype(np.float32)))
    for accept, other in ACCEPTED:
        answer = invoke(apps["ll-adult"], body, content_type, accept)
        found = FORMATS[other].decode_predictions(answer.body)
        np.testing.assert_array_equal(found.predicted_label, labels)
        np.testing.assert_allclose(found.score, scores, rtol=0, atol=5e-7)


@pytest.mark.parametrize(
    ("name", "tolerance"), [("ll-wildfire", 6e-5), ("ll-packt", 0)]
)
def test_other_real_artifacts_answer_as_mxnet_does(name, tolerance, apps):
    document = json.loads((ARTIFACTS / f"{name}.oracle.json").read_text())
    rows = Rows(np.array(document["rows"], np.float32))
    right = np.array(document["mxnet_output"])
    for content_type, format in DENSE:
        answer = invoke(apps[name], FORMATS[format].encode(rows), content_type, LINES)
        found = FORMATS["jsonlines"].decode_predictions(answer.body)
        scores = found.score.reshape(right.shape)
        np.testing.assert_allclose(scores, right, rtol=1e-6, atol=tolerance)
        if right.shape[1] > 1:
            np.testing.assert_array_equal(found.predicted_label, right.argmax(axis=1))


def test_answers_are_spelt_as_the_services(apps):
    # Recorded answers of an endpoint to these rows.
    body = (
        b"28,2,133937,9,13,2,0,0,4,1,15024,0,55,37\n"
        b"43,2,72338,12,14,2,12,0,1,1,0,0,40,37\n"
    )
    first, second = 0.9899773597717285, 0.5041388273239136
    answer = invoke(apps["ll-adult"], body)
    found = [entry["score"] for entry in json.loads(answer.body)["predictions"]]
    np.testing.assert_allclose(found, [first, second], rtol=0, atol=5e-7)
    assert (
        answer.body
        == (
            f'{{"predictions": [{{"score": {found[0]}, "predicted_label": 1}}, '
            f'{{"score": {found[1]}, "predicted_label": 1}}]}}'
        ).encode()
    )
    answer = invoke(apps["ll-adult"], body, accept=LINES)
    first, second = (str(int(score * 1e15) / 1e15)[:17] for score in found)
    assert answer.body.startswith(b'{"predicted_label":1,"score":0.98997')
    assert answer.body.endswith(b"}\n")
    assert answer.body.count(b"\n") == 2
    assert b" " not in answer.body


def test_a_score_that_the_service_gave_bit_for_bit(apps):
    body = b"28,2,133937,9,13,2,0,0,4,1,15024,0,55,37"
    assert invoke(apps["ll-adult"], body).body == (
        b'{"predictions": [{"score": 0.9899773597717285, "predicted_label": 1}]}'
    )
    assert invoke(apps["ll-adult"], body, accept=LINES).body == (
        b'{"predicted_label":1,"score":0.989977359771728}\n'
    )


def test_instances_of_one_body_may_differ_in_form(app):
    body = json.dumps(
        {
            "instances": [
                {"features": [1, 0, 2]},
                {"data": {"features": {"values": [1, 0, 2]}}},
                {
                    "data": {
                        "features": {"keys": [0, 2], "shape": [3], "values": [1, 2]}
                    }
                },
            ]
        }
    ).encode()  # fmt: skip
    answers = json.loads(invoke(app, body, JSON).body)["predictions"]
    assert len(answers) == 3
    assert answers[0] == answers[1] == answers[2]


def test_a_single_record_may_lack_its_padding(app):
    X = sparse.csr_matrix(np.array([[0, 1.5, 0]], np.float32))
    body = FORMATS["recordio"].encode(Rows(X))
    stripped = body.rstrip(b"\0")
    assert len(body) - len(stripped) in (1, 2, 3)
    answer = invoke(app, body, RECORDIO)
    assert invoke(app, stripped, RECORDIO).body == answer.body
    assert invoke(app, stripped[:-1], RECORDIO).status == 400
    assert invoke(app, body + stripped, RECORDIO).status == 400


def test_a_label_that_is_declared_is_passed_over(app):
    answer = invoke(app, b"1,2,3", "text/csv; label_size=0")
    assert invoke(app, b"9,1,2,3", "text/csv; label_size=1").body == answer.body


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/jsonlines;q=0.9, application/json;q=0.1", LINES),
        ("text/csv, application/x-recordio-protobuf;q=0.5", RECORDIO),
    ],
)
def test_what_is_accepted_decides(app, accept, content_type):
    answer = invoke(app, b"1,2,3", accept=accept)
    assert answer.headers["Content-Type"] == content_type


def test_the_default_answer_can_be_another(models):
    app = make_app(models["ll-packt"], Settings(default_accept=LINES))
    assert invoke(app, b"1").headers["Content-Type"] == LINES
    assert invoke(app, b"1", accept="*/*").headers["Content-Type"] == LINES
    assert invoke(app, b"1", accept=JSON).headers["Content-Type"] == JSON


def test_ping_and_execution_parameters(app):
    assert call(app).status == 200
    assert call(app).body == b""
    answer = call(app, path="/execution-parameters")
    assert json.loads(answer.body) == {
        "MaxConcurrentTransforms": 1,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 6,
    }


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "X"])
@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/ping", "GET"), ("/invocations", "POST"), ("/execution-parameters", "GET")],
)
def test_other_methods_are_refused(app, path, allowed, method):
    answer = call(app, method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, allowed)
    assert (answer.body == b"") == (method == "HEAD")


@pytest.mark.parametrize(
    "path", ["", "/", "/PING", "/invocations/", "/models", "/\xe9"]
)
def test_other_paths_are_not_found(app, path):
    answer = call(app, path=path)
    assert answer.status == 404
    assert "/invocations" in answer.error


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status", "says"),
    [
        (b"1,2,3", CSV, CSV, 406, "application/jsonlines"),
        (b"1,2,3", CSV, "nonsense", 406, "not a media type"),
        (b"1,2,3", "", "", 415, "not a media type"),
        (b"1,2,3", "application/x-www-form-urlencoded", "", 415, "send one of text/"),
        (b"1 1:2", "text/libsvm", "", 415, "send one of text/csv"),
        (b"1,2,3", "text/csv; label_size=7", "", 415, "label_size='7'"),
        (b"1,2,3", "text/csv; charset=utf-16", "", 415, "charset='utf-16'"),
        (b"", CSV, "", 400, "empty"),
        (b"\n\n", CSV, "", 400, "empty"),
        (b"1,2", CSV, "", 400, "2 features, but the model was trained on 3"),
        (b"1,x,3", CSV, "", 400, "row 1, column 1: 'x' is not a finite number"),
        (b"1,nan,3", CSV, "", 400, "not a finite number"),
        (b"{}", JSON, "", 400, "instances"),
        (b'{"instances": []}', JSON, "", 400, "no instances"),
        (b'{"instances": [{"features": [1, "b", 3]}]}', JSON, "", 400, "instances[0]"),
        (b'{"features": [1, 2, 3]}\n{"features": [', LINES, "", 400, "line 2"),
        (b"abc", RECORDIO, "", 400, "record 0"),
        (b"[" * 100_000, JSON, "", 400, "not valid JSON"),
        (b"\xff\xfe", LINES, "", 400, "UTF-8"),
    ],
)  # fmt: skip
def test_bad_requests_are_told_why(app, body, content_type, accept, status, says):
    answer = invoke(app, body, content_type, accept)
    assert answer.status == status
    assert answer.headers["Content-Type"] == JSON
    assert says in answer.error
    assert "\n" not in answer.error


def test_bodies_that_are_coded_are_refused(app):
    answer = invoke(app, b"", HTTP_CONTENT_ENCODING="gzip", **{"wsgi.input": None})
    assert answer.status == 415
    assert "Content-Encoding: 'gzip' is not taken" in answer.error
    assert invoke(app, b"1,2,3", HTTP_CONTENT_ENCODING="Identity").status == 200


def test_scores_beyond_float32_are_the_requests_fault(apps):
    answer = invoke(apps["format-1-ll-regression"], b"1,2,3\n1e300,-1e300,2")
    assert answer.status == 400
    assert "row 1: the score is beyond the range of float32" in answer.error


class Untouched(io.RawIOBase):
    """A body that must not be read."""

    def read(self, size=-1):
        raise AssertionError("read")


def test_large_bodies_are_refused_before_they_are_read(app):
    answer = invoke(app, b"", length="6291457", **{"wsgi.input": Untouched()})
    assert answer.status == 413
    assert "6291456" in answer.error
    assert (
        invoke(app, b"", length="9" * 19, **{"wsgi.input": Untouched()}).status == 413
    )


class Endless(io.RawIOBase):
    """A body without an end; counts what was read."""

    def __init__(self):
        self.n_bytes = 0

    def read(self, size=-1):
        self.n_bytes += size
        return b"1" * size


def test_bodies_without_a_length_are_read_to_the_limit_only(models):
    app = make_app(models["ll-packt"], Settings(max_payload_in_mb=1))
    body = Endless()
    answer = invoke(app, b"", length=None, **{"wsgi.input": body})
    assert answer.status == 413
    assert body.n_bytes == (1 << 20) + 1
    assert invoke(app, b"1\n2", length=None).status == 200
    # Without a server that knows the end, there is no body.
    assert invoke(app, b"1\n2", length="").status == 400


def test_the_limit_is_the_last_byte_that_is_read(models):
    app = make_app(models["ll-packt"], Settings(max_payload_in_mb=1))
    body = b"1" + b"\n" * ((1 << 20) - 1)
    assert invoke(app, body).status == 200
    assert invoke(app, body + b"\n").status == 413


@pytest.mark.parametrize(
    "length", ["-1", "+5", "5.0", "1_0", "\u0665", "9" * 5000, "x"]
)
def test_lengths_that_are_none(app, length):
    answer = invoke(app, b"1,2,3", length=length)
    assert answer.status == 400
    assert "Content-Length" in answer.error


def test_a_body_that_ends_early(app):
    answer = invoke(app, b"1,2,3", length="50")
    assert (answer.status, "5 of 50 bytes" in answer.error) == (400, True)


@pytest.mark.parametrize(
    ("error", "status"), [(TimeoutError(), 408), (ValueError(), 400), (OSError(), 400)]
)
def test_a_body_that_cannot_be_read(app, error, status):
    class Failing:
        def read(self, size):
            raise error

    answer = invoke(app, b"", length="5", **{"wsgi.input": Failing()})
    assert answer.status == status


def test_answers_far_larger_than_their_rows_are_refused(models):
    model = models["ll-wildfire"]
    wide = replace(
        model,
        coef=np.tile(model.coef, (20, 1)),
        intercept=np.tile(model.intercept, 20),
        classes=np.arange(260),
    )
    app = make_app(wide, Settings(max_payload_in_mb=1))
    row = b'{"data": {"features": {"values": [], "shape": [58]}}}\n'
    assert invoke(app, row * 100, LINES, RECORDIO).status == 200
    answer = invoke(app, row * 2100, LINES, RECORDIO)
    assert answer.status == 413
    assert "546000 scores, and 524288 are the limit" in answer.error


def test_faults_of_the_server_stay_in_its_log(apps, monkeypatch):
    def margins(self, X):
        raise KeyError(f"the secret row {X.tolist()}")

    monkeypatch.setattr(Predictor, "_margins", margins)
    errors = io.StringIO()
    answer = invoke(apps["ll-packt"], b"1234567", errors=errors)
    assert answer.status == 500
    assert answer.error == "the server failed; its log says where."
    log = errors.getvalue()
    assert "KeyError" in log
    assert "in margins" in log
    assert "1234567" not in log


def test_memory_that_is_not_there(apps, monkeypatch):
    def margins(self, X):
        raise MemoryError

    monkeypatch.setattr(Predictor, "_margins", margins)
    answer = invoke(apps["ll-packt"], b"1")
    assert (answer.status, "memory" in answer.error) == (503, True)


def test_threads_answer_as_one_does(apps):
    app = apps["format-1-fm-multiclass"]
    rng = np.random.default_rng(0)
    bodies = [
        FORMATS["json"].encode(Rows(rng.normal(size=(1 + i % 9, 3))))
        for i in range(200)
    ]
    alone = [invoke(app, body, JSON).body for body in bodies]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda body: invoke(app, body, JSON).body, bodies))
    assert together == alone


LEGAL = {
    CSV: b"1.5,2,3\n-1,0,1e-3\n",
    JSON: b'{"instances": [{"features": [1.5, 2, 3]}, {"data": {"features": '
    b'{"keys": [0], "shape": [3], "values": [1]}}}]}',
    LINES: b'{"features": [1.5, 2, 3]}\n'
    b'{"data": {"features": {"values": [1, 2, 3]}}}\n',
}


@pytest.mark.slow
def test_mangled_bodies_never_break_the_server(app):
    """10,000 by a seeded loop: 200 or 400, and memory stays as it is."""
    rng = np.random.default_rng(14)
    legal = dict(LEGAL)
    legal[RECORDIO] = FORMATS["recordio"].encode(Rows(np.eye(3, dtype=np.float32)))
    kinds = list(legal)
    seen = dict.fromkeys((200, 400), 0)
    sizes = []
    for trial in range(10_000):
        content_type = kinds[trial % len(kinds)]
        body = bytearray(legal[content_type])
        for _ in range(rng.integers(1, 4)):
            place = int(rng.integers(len(body) + 1))
            match rng.integers(4):
                case 0:
                    body[place:place] = rng.bytes(int(rng.integers(1, 5)))
                case 1:
                    del body[place : place + int(rng.integers(1, 9))]
                case 2 if body:
                    body[place % len(body)] ^= 1 << int(rng.integers(8))
                case _:
                    body[place:place] = body[: int(rng.integers(len(body) + 1))]
        errors = io.StringIO()
        answer = invoke(app, bytes(body), content_type, errors=errors)
        assert answer.status in seen, (content_type, bytes(body), errors.getvalue())
        seen[answer.status] += 1
        if trial in (2_000, 9_999):
            if not sizes:
                tracemalloc.start(1)
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert min(seen.values()) > 200
    assert sizes[1] - sizes[0] < 200_000
