"""Predictions of endpoints: requests, answers, parts, faults."""

import io
import json
import pickle
import sys

import boto3
import numpy as np
import pandas as pd
import pytest
from botocore.config import Config
from scipy import sparse

from sklearn_sagemaker.exceptions import (
    AnswerError,
    AWSConnectionError,
    AWSError,
    ModelError,
    RequestTooLargeError,
    ResourceNotFoundError,
    ThrottledError,
)
from sklearn_sagemaker.io import read_recordio
from sklearn_sagemaker.sagemaker import _invocation, _request_parts, predictor
from sklearn_sagemaker.sagemaker.amazon.record_pb2 import Record
from sklearn_sagemaker.sagemaker.deserializers import (
    BytesDeserializer,
    CSVDeserializer,
    JSONDeserializer,
    JSONLinesDeserializer,
    RecordDeserializer,
    StreamDeserializer,
    StringDeserializer,
)
from sklearn_sagemaker.sagemaker.model import Model
from sklearn_sagemaker.sagemaker.predictor import AlgorithmPredictor, Predictor
from sklearn_sagemaker.sagemaker.serializers import (
    CSVSerializer,
    IdentitySerializer,
    JSONSerializer,
    RecordSerializer,
)
from sklearn_sagemaker.sagemaker.session import Session
from tests.sagemaker.containers import IMAGE, PROGRAM, deploy

RECORDIO = "application/x-recordio-protobuf"
NAME = "last-feature"
X = np.array([[1, 0.5], [2, 0.25], [3, 0.125]])
CSR = sparse.csr_matrix(X)


@pytest.fixture(scope="module")
def session(emulator):
    emulator.image(IMAGE, [sys.executable, "-I", "-S", "-c", PROGRAM])
    session = Session()
    deploy(session, NAME)
    return session


@pytest.fixture
def sent(session):
    """Requests that the session's client is given."""
    found = []
    events = session.sagemaker_runtime_client.meta.events
    event = "provide-client-params.sagemaker-runtime.InvokeEndpoint"

    def keep(params, **_):
        found.append(params)

    events.register(event, keep)
    yield found
    events.unregister(event, keep)


@pytest.fixture
def pauses(monkeypatch):
    """How long it is waited between attempts, which takes no time here."""
    found = []
    monkeypatch.setattr(_invocation.time, "sleep", found.append)
    return found


@pytest.fixture
def small(monkeypatch):
    """Endpoints that take very little."""
    monkeypatch.setattr(_request_parts, "REAL_TIME", 600)
    monkeypatch.setattr(_request_parts, "SERVERLESS", 400)
    monkeypatch.setattr(_request_parts, "SMALL", 2400)


def algorithm(session, *codecs):
    return AlgorithmPredictor(NAME, session, *codecs)


def asked(**what):
    """Arguments of `predict` that tell the container what to do."""
    return {"custom_attributes": json.dumps(what)}


def scores(records):
    return [r.label["score"].float32_tensor.values[0] for r in records]


# Requests and answers


@pytest.mark.parametrize("rows", [X, CSR, CSR.tocsc(), X.tolist(), X.astype("f4")])
def test_records_there_and_back(session, sent, rows):
    records = algorithm(session).predict(rows)
    assert [type(record) for record in records] == [Record] * 3
    assert scores(records) == [0.5, 0.25, 0.125]
    [request] = sent
    body = request.pop("Body")
    assert request == {
        "EndpointName": NAME,
        "ContentType": RECORDIO,
        "Accept": RECORDIO,
    }
    found, _ = read_recordio(body)
    # What SageMaker's algorithms read.
    assert found.dtype == np.float32
    assert sparse.issparse(found) == sparse.issparse(rows)


def test_one_row(session):
    assert scores(algorithm(session).predict(X[0])) == [0.5]


@pytest.mark.parametrize(
    ("serializer", "deserializer", "data", "found"),
    [
        (CSVSerializer(), JSONDeserializer(), X, "dict"),
        (CSVSerializer(), JSONDeserializer(), pd.DataFrame(X), "dict"),
        (CSVSerializer(), JSONDeserializer(), "1,0.5\n2,0.25\n3,0.125", "dict"),
        (CSVSerializer(), JSONDeserializer(), ["1,0.5", "2,0.25", "3,0.125"], "dict"),
        (RecordSerializer(dtype="float32"), JSONLinesDeserializer(), CSR, "list"),
        (RecordSerializer("application/x-recordio-protobuf", "float32"),
         RecordDeserializer(), X, "records"),
        (JSONSerializer(), JSONDeserializer(),
         {"instances": [{"features": row} for row in X]}, "dict"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [Predictor, AlgorithmPredictor])
def test_serializers(session, kind, serializer, deserializer, data, found):
    answer = kind(NAME, session, serializer, deserializer).predict(data)
    if found == "dict":
        answer = answer["predictions"]
    if found == "records":
        assert scores(answer) == [0.5, 0.25, 0.125]
    else:
        assert [one["score"] for one in answer] == [0.5, 0.25, 0.125]


def test_bytes_there_and_back(session, sent):
    """The default, as in SDK v2: nothing is changed, and any type is asked for."""
    body = Predictor(NAME, session).predict(
        b"1,0.5", {"ContentType": "text/csv", "Accept": "application/json"}
    )
    assert body == b'{"predictions": [{"score": 0.5}]}'
    more = asked(body="x", type="text/plain")
    assert Predictor(NAME, session).predict(b"", **more) == b"x"
    assert sent[1]["ContentType"] == "application/octet-stream"
    assert sent[1]["Accept"] == "*/*"


class Subclass(JSONSerializer):
    def serialize(self, data):
        rows = [{"features": row.tolist()} for row in data]
        return json.dumps({"instances": rows})


class Duck:
    CONTENT_TYPE = "application/json"
    serialize = Subclass().serialize


def function(data):
    return Subclass().serialize(data).encode()


@pytest.mark.parametrize("serializer", [Subclass(), Duck(), function])
def test_serializers_of_the_users(session, sent, serializer):
    def read(stream, content_type):
        return content_type, json.loads(stream.read())

    asking = Predictor(NAME, session)
    asking.serializer, asking.deserializer = serializer, read
    if serializer is function:
        asking.content_type = "application/json"
        assert asking.accept is None
    content_type, answer = asking.predict(X)
    assert content_type == "application/json"
    assert len(answer["predictions"]) == 3
    assert "Accept" not in sent[0]
    asking.accept = ("application/json", "text/csv")
    asking.deserializer = JSONDeserializer()
    asking.predict(X, initial_args={"Accept": "application/json"})
    assert sent[1]["Accept"] == "application/json"


def test_none_is_as_it_is(session, sent):
    predictor = Predictor(NAME, session, CSVSerializer(), JSONDeserializer())
    predictor.serializer = predictor.deserializer = None
    predictor.content_type, predictor.accept = "text/csv", "application/json"
    assert json.loads(predictor.predict("1,0.5"))["predictions"]
    assert sent[-1]["Body"] == b"1,0.5"


def test_a_class_is_refused_before_anything_is_made(emulator, session):
    predictor = Predictor(NAME, session)
    match = r"JSONDeserializer is a class; .*deserializer=JSONDeserializer\(\)"
    with pytest.raises(TypeError, match=match):
        predictor.deserializer = JSONDeserializer
    with pytest.raises(TypeError, match="CSVSerializer is a class"):
        AlgorithmPredictor(NAME, session, CSVSerializer)
    calls = sum(emulator.calls.values())
    model = Model(IMAGE, "s3://a/b", "role", Predictor, sagemaker_session=session)
    with pytest.raises(TypeError, match=match):
        model.deploy(1, "ml.m5.large", deserializer=JSONDeserializer)
    assert sum(emulator.calls.values()) == calls


def test_what_goes_with_a_request(session, sent, monkeypatch):
    def stop(*_, **__):
        raise ConnectionError

    monkeypatch.setattr(
        session.sagemaker_runtime_client._endpoint, "make_request", stop
    )
    asking = Predictor(NAME, session, CSVSerializer(), component_name="c")
    with pytest.raises(ConnectionError):
        asking.predict(
            "1",
            {"EnableExplanations": "true", "ContentType": "text/csv;label_size=0"},
            target_model="m.tar.gz",
            target_variant="v",
            inference_id="i",
            custom_attributes="a",
        )
    assert sent == [
        {
            "EndpointName": NAME,
            "ContentType": "text/csv;label_size=0",
            "Accept": "*/*",
            "EnableExplanations": "true",
            "TargetModel": "m.tar.gz",
            "TargetVariant": "v",
            "InferenceId": "i",
            "CustomAttributes": "a",
            "InferenceComponentName": "c",
            "Body": b"1",
        }
    ]


def test_what_cannot_be_sent(emulator, session):
    before = emulator.calls.get("InvokeEndpoint", 0)
    with pytest.raises(TypeError, match=r"IdentitySerializer gives ndarray, .*Record"):
        Predictor(NAME, session).predict(X)
    with pytest.raises(TypeError, match="<lambda> gives int"):
        Predictor(NAME, session, lambda data: 1).predict(X)
    assert emulator.calls.get("InvokeEndpoint", 0) == before


def test_arrays(session):
    for asking in (
        algorithm(session),
        Predictor(NAME, session),
        Predictor(NAME, session, CSVSerializer(), JSONDeserializer()),
        Predictor(NAME, session, CSVSerializer(), JSONLinesDeserializer()),
    ):
        np.testing.assert_array_equal(asking.predict_array(X), [0.5, 0.25, 0.125])
        found = asking.predict_array(X[0], key="score")
        np.testing.assert_array_equal(found, [0.5])
    body = json.dumps({"predictions": [{"score": [0.1, 0.9], "predicted_label": 1}]})
    asking = Predictor(NAME, session, CSVSerializer(), JSONDeserializer())
    more = asked(body=body)
    assert asking.predict_array(X[0], **more).tolist() == [1]
    assert asking.predict_array(X[0], "score", **more).tolist() == [[0.1, 0.9]]
    with pytest.raises(ValueError, match="regressor, whose predictions have a score"):
        asking.predict_array(X, "predicted_label")
    with pytest.raises(ValueError, match="key='label' must be 'score'"):
        asking.predict_array(X, "label")
    asking.deserializer = CSVDeserializer()
    with pytest.raises(ValueError, match="predict_array reads records, JSON"):
        asking.predict_array(X, **asked(body="1\n2\n3"))


def test_a_stream_is_the_callers(session):
    asking = Predictor(NAME, session, CSVSerializer(), StreamDeserializer())
    stream, content_type = asking.predict("1,2", {"Accept": "application/json"})
    assert content_type == "application/json"
    assert json.loads(stream.read()) == {"predictions": [{"score": 2.0}]}


# Parts


@pytest.mark.parametrize(
    ("rows", "codecs"),
    [
        (lambda table: table, ()),
        (sparse.csr_matrix, ()),
        (lambda table: sparse.csr_matrix(table).tocoo(), ()),
        (lambda table: table.tolist(), ()),
        (pd.DataFrame, (CSVSerializer(), JSONDeserializer())),
        (lambda table: table, (Subclass(), JSONDeserializer())),
        (lambda table: table, (CSVSerializer(), JSONLinesDeserializer())),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [Predictor, AlgorithmPredictor])
def test_parts_keep_the_order(session, small, sent, kind, rows, codecs):
    table = np.arange(200.0).reshape(100, 2)
    codecs = codecs or (RecordSerializer(dtype="float32"), RecordDeserializer())
    asking = kind(NAME, session, *codecs)
    answer = asking.predict(rows(table))
    if isinstance(answer, dict):
        answer = answer["predictions"]
    if isinstance(codecs[1], RecordDeserializer):
        assert scores(answer) == table[:, 1].tolist()
    else:
        assert [one["score"] for one in answer] == table[:, 1].tolist()
    sizes = [len(request["Body"]) for request in sent]
    assert max(sizes) <= 600
    # No more requests than it takes.
    assert len(sizes) <= sum(sizes) / 600 / 0.8 + 2
    np.testing.assert_array_equal(asking.predict_array(rows(table)), table[:, 1])


def test_rows_of_different_sizes(session, small, sent):
    table = np.zeros((60, 40))
    table[::7] = np.pi
    table[:, -1] = np.arange(60)
    asking = Predictor(NAME, session, CSVSerializer(), JSONDeserializer())
    _request_parts.REAL_TIME = 900
    answer = asking.predict(table)["predictions"]
    assert [one["score"] for one in answer] == table[:, -1].tolist()
    assert max(len(request["Body"]) for request in sent) <= 900


def test_what_fits_is_one_request(emulator, session, small, sent):
    before = emulator.calls["DescribeEndpoint"]
    algorithm(session).predict(np.ones((5, 2)))
    assert len(sent) == 1
    # What fits any endpoint needs no look at this one, nor a role that may look.
    assert emulator.calls["DescribeEndpoint"] == before


def test_a_row_that_is_too_large_is_named(session, small, sent):
    table = np.ones((6, 40))
    table[4] = np.pi
    asking = Predictor(NAME, session, CSVSerializer(), JSONDeserializer())
    with pytest.raises(
        RequestTooLargeError, match=r"^row 4 takes 719 bytes, .* may have 600\."
    ):
        asking.predict(table)
    with pytest.raises(RequestTooLargeError, match=r"^row 0 takes 719 bytes"):
        asking.predict(table[4:5])


@pytest.mark.parametrize(
    ("serializer", "data"),
    [(CSVSerializer(), "1," * 400), (IdentitySerializer(), b"1" * 700),
     (JSONSerializer(), {"instances": [{"features": [1] * 300}]})],
)  # fmt: skip
def test_what_has_no_rows_is_not_cut(session, small, sent, serializer, data):
    with pytest.raises(RequestTooLargeError, match="the data takes .*sent in parts"):
        Predictor(NAME, session, serializer).predict(data)
    assert not sent


@pytest.mark.parametrize(
    "deserializer",
    [BytesDeserializer(), StringDeserializer(), StreamDeserializer(), len],
)
def test_answers_that_cannot_be_put_together(session, small, sent, deserializer):
    if deserializer is len:
        deserializer = lambda stream, content_type: len(stream.read())  # noqa: E731
    asking = Predictor(NAME, session, CSVSerializer(), deserializer)
    asking.accept = "application/json"
    with pytest.raises(AnswerError, match="cannot be put together; give fewer rows"):
        asking.predict(np.ones((100, 5)))
    assert len(sent) == 1


def test_a_name_for_several_requests_is_refused(session, small, sent):
    with pytest.raises(ValueError, match="inference_id names one request"):
        algorithm(session).predict(np.ones((100, 5)), inference_id="i")
    assert not sent


def test_the_last_of_the_parts_is_counted_too(session, small):
    more = asked(name="part", below=12)
    with pytest.raises(AnswerError, match="predictions for .* rows"):
        algorithm(session).predict(np.ones((50, 5)), **more)


def test_endpoints_without_instances_take_less(session, small, sent, monkeypatch):
    variant = {"ModelName": NAME, "ServerlessConfig": {"MemorySizeInMB": 1024}}
    config = {"ProductionVariants": [variant]}
    monkeypatch.setattr(session, "describe_endpoint_config", lambda name: config)
    algorithm(session).predict(np.ones((50, 5)))
    assert max(len(request["Body"]) for request in sent) <= 400


def test_who_may_not_look_gets_the_smaller_limit(faults, session, small, sent):
    faults.fail("DescribeEndpoint", code="AccessDeniedException")
    assert len(algorithm(session).predict(np.ones((50, 5)))) == 50
    assert max(len(request["Body"]) for request in sent) <= 400


def test_the_limits_of_the_service(emulator, session, sent):
    before = emulator.calls
    table = np.ones((2600, 1000), np.float32)
    assert len(algorithm(session).predict(table)) == 2600
    assert max(len(request["Body"]) for request in sent) <= 6_291_456
    assert len(sent) == 2
    assert _request_parts.SERVERLESS == 4_194_304
    looks = emulator.calls["DescribeEndpoint"] - before.get("DescribeEndpoint", 0)
    assert looks == 1


# Answers that are wrong


@pytest.mark.parametrize(
    ("what", "match"),
    [
        ({"drop": 1}, "2 predictions for 3 rows"),
        ({"score": "nan"}, "the score nan|NaN is not JSON"),
        ({"score": "inf"}, "the score inf|Infinity is not JSON"),
        ({"key": "closest_cluster"}, "no label 'score'|has no score"),
        ({"type": "text/plain"}, "the answer is 'text/plain', and .* was asked for"),
        ({"body": "<html>"}, "cannot read the answer of 6 bytes .*Expecting|record 0"),
        ({"body": ""}, "cannot read the answer|0 predictions|is empty"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "codecs",
    [
        (),
        (CSVSerializer(), JSONDeserializer()),
        (CSVSerializer(), JSONLinesDeserializer()),
    ],
)
def test_answers_that_do_not_fit(session, codecs, what, match):
    with pytest.raises(AnswerError, match=rf"^endpoint 'last-feature': .*({match})"):
        algorithm(session, *codecs).predict(X, **asked(**what))
    with pytest.raises(AnswerError, match=match):
        algorithm(session, *codecs).predict_array(X, **asked(**what))


@pytest.mark.parametrize("what", [{"drop": 1}, {"drop": 3}, {"score": "nan"}])
@pytest.mark.parametrize(
    "deserializer", [RecordDeserializer(), JSONDeserializer(), JSONLinesDeserializer()]
)
def test_any_predictor_counts_predictions(session, deserializer, what):
    asking = Predictor(NAME, session, CSVSerializer(), deserializer)
    with pytest.raises(AnswerError):
        asking.predict(X, **asked(**what))


def test_any_predictor_takes_other_models(session):
    asking = Predictor(NAME, session, CSVSerializer(), JSONDeserializer())
    for body in (
        '{"predictions": [[0.1, 0.9]]}',
        "[1]",
        '{"scores": []}',
        "7",
        '[{"label": "POSITIVE", "score": 0.9}, {}, {}]',
        '{"predictions": [{"class": 1}]}',
    ):
        assert asking.predict(X, **asked(body=body)) == json.loads(body)
    # What is asked for may be answered otherwise by others.
    assert asking.predict(X, **asked(body="7", type="text/html")) == 7
    clusters = asking.predict(X, **asked(key="closest_cluster"))
    assert len(clusters["predictions"]) == 3
    asking.deserializer = RecordDeserializer()
    assert len(asking.predict(X, **asked(key="closest_cluster"))) == 3


# Faults


def count(emulator, since):
    return emulator.calls["InvokeEndpoint"] - since.get("InvokeEndpoint", 0)


@pytest.mark.parametrize("status", [400, 403, 404, 413, 415])
def test_a_request_that_the_model_refuses_is_not_repeated(
    emulator, session, pauses, status
):
    before = emulator.calls
    with pytest.raises(ModelError, match="last-feature.*what is wrong") as found:
        algorithm(session).predict(X, **asked(status=status, text="what is wrong"))
    assert found.value.original_status == status
    assert found.value.original_message == "what is wrong"
    assert count(emulator, before) == 1
    assert not pauses


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_model_that_fails_is_asked_again(emulator, session, pauses, status):
    before = emulator.calls
    more = asked(name=f"twice {status}", status=status, times=2)
    assert scores(algorithm(session).predict(X, **more)) == [0.5, 0.25, 0.125]
    assert count(emulator, before) == 3
    assert 0.25 <= pauses[0] <= 0.5 <= pauses[1] <= 1


def test_a_model_that_fails_for_ever_is_not(emulator, session, pauses):
    before = emulator.calls
    with pytest.raises(ModelError) as found:
        algorithm(session).predict(X, **asked(name="ever", status=500))
    assert count(emulator, before) == found.value.attempts == _invocation.ATTEMPTS
    assert sum(pauses) < 4


@pytest.mark.parametrize(
    ("code", "status"),
    [("ModelNotReadyException", 429), ("InternalDependencyException", 530)],
)
def test_a_model_that_is_not_ready_is_asked_again(
    faults, session, pauses, at_once, code, status
):
    rule = faults.fail("InvokeEndpoint", code=code, status=status, times=2)
    assert len(algorithm(session).predict(X)) == 3
    assert rule.done == 2


@pytest.mark.parametrize(
    ("fault", "kind", "attempts"),
    [
        ({"code": "ThrottlingException"}, ThrottledError, 5),
        ({"code": "ServiceUnavailable", "status": 503}, AWSError, 5),
        ({"reset": "before"}, AWSConnectionError, 5),
        ({"cut": 10}, AWSConnectionError, _invocation.ATTEMPTS),
        ({"code": "AccessDeniedException", "status": 403}, PermissionError, 1),
        ({"code": "ExpiredTokenException", "status": 403}, PermissionError, 1),
    ],
)
def test_calls_are_bounded(faults, session, pauses, at_once, fault, kind, attempts):
    rule = faults.fail("InvokeEndpoint", **fault)
    with pytest.raises(kind, match=r"^endpoint 'last-feature': ") as found:
        algorithm(session).predict(X)
    assert rule.done == attempts
    assert found.value.__cause__ is None


def test_an_answer_that_breaks_off_is_asked_for_again(faults, session, pauses):
    rule = faults.fail("InvokeEndpoint", cut=30, times=1)
    assert scores(algorithm(session).predict(X)) == [0.5, 0.25, 0.125]
    assert rule.seen == 2


def test_a_slow_endpoint_is_not_waited_for_longer_than_the_caller_wants(
    faults, at_once
):
    config = Config(
        read_timeout=0.1, retries={"mode": "standard", "total_max_attempts": 2}
    )
    client = boto3.client("sagemaker-runtime", config=config)
    slow = Session(sagemaker_runtime_client=client)
    rule = faults.fail("InvokeEndpoint", seconds=1)
    with pytest.raises(AWSConnectionError, match="ReadTimeoutError"):
        algorithm(slow).predict(X)
    assert rule.done == 2


def test_an_endpoint_that_is_not_there(session):
    with pytest.raises(ResourceNotFoundError, match="endpoint 'nobody'"):
        AlgorithmPredictor("nobody", session).predict(X)


@pytest.mark.parametrize(
    "what",
    [{"drop": 1}, {"body": "<html>"}, {"type": "a/b"}, {"status": 400}],
)
def test_no_row_is_in_an_error(session, what):
    table = np.full((3, 2), 0.73125)
    with pytest.raises((AnswerError, ModelError)) as found:
        algorithm(session).predict(table, **asked(**what))
    assert "73125" not in str(found.value) + repr(found.value)


# Version 1


def test_version_1s_objects(session):
    with pytest.warns(DeprecationWarning, match="is called") as seen:
        from sklearn_sagemaker.sagemaker.predictor import (
            csv_serializer,
            json_deserializer,
        )
    messages = {str(item.message) for item in seen}
    assert messages == {
        "csv_serializer is called CSVSerializer() now.",
        "json_deserializer is called JSONDeserializer() now.",
    }
    assert {item.filename for item in seen} == {__file__}
    assert csv_serializer.content_type == "text/csv"
    assert csv_serializer([1, 2]) == "1,2"
    asking = Predictor(NAME, session)
    asking.content_type = "text/csv"
    asking.serializer, asking.deserializer = csv_serializer, json_deserializer
    assert len(asking.predict(X)["predictions"]) == 3
    stream = io.BytesIO(b"[1]")
    assert json_deserializer(stream, "application/json") == [1]
    for name in ("json_serializer", "npy_serializer", "csv_deserializer",
                 "numpy_deserializer"):  # fmt: skip
        with pytest.warns(DeprecationWarning, match=name):
            assert callable(getattr(predictor, name))
    with pytest.raises(AttributeError, match="no attribute 'xml_serializer'"):
        predictor.xml_serializer  # noqa: B018


@pytest.mark.parametrize(
    ("kind", "warnings"),
    [(Predictor, 1), (AlgorithmPredictor, 1), (predictor.RealTimePredictor, 2)],
)
def test_version_1s_names(session, kind, warnings):
    with pytest.warns(DeprecationWarning, match="is called") as seen:
        asking = kind(endpoint=NAME, sagemaker_session=session)
    assert str(seen[0].message) == "The argument endpoint is called endpoint_name now."
    assert len(seen) == warnings
    assert asking.endpoint_name == NAME
    with pytest.warns(DeprecationWarning, match="endpoint is called endpoint_name"):
        assert asking.endpoint == NAME


def test_version_1s_media_types(session, sent):
    with pytest.warns(DeprecationWarning, match="is an attribute of") as seen:
        asking = Predictor(
            NAME, session, CSVSerializer(), content_type="text/csv", accept="a/b"
        )
    assert len(seen) == 2
    asking.predict("1,2", **asked(body="x"))
    assert (sent[0]["ContentType"], sent[0]["Accept"]) == ("text/csv", "a/b")
    with pytest.raises(TypeError, match="Predictor has no argument serialiser"):
        Predictor(NAME, session, serialiser=None)


def test_version_1s_class(session):
    with pytest.warns(DeprecationWarning, match="RealTimePredictor is called") as seen:
        asking = predictor.RealTimePredictor(
            NAME, session, Subclass().serialize, JSONDeserializer(),
            "application/json", "application/json",
        )  # fmt: skip
    assert len(seen) == 1
    assert isinstance(asking, Predictor)
    assert len(asking.predict(X)["predictions"]) == 3


def test_no_session_is_needed_to_construct(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert repr(AlgorithmPredictor("x")) == "AlgorithmPredictor(endpoint_name='x')"


def test_a_pickle_has_no_credentials(emulator, session):
    data = pickle.dumps(algorithm(session, CSVSerializer(), JSONDeserializer()))
    for secret in (
        emulator.access_key,
        emulator.environment()["AWS_SECRET_ACCESS_KEY"],
    ):
        assert secret.encode() not in data
    found = pickle.loads(data)
    assert found.predict(X)["predictions"][2] == {"score": 0.125}
