"""Requests in JSON and JSON Lines: every documented form, and what is refused."""

import json
import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io.rows import Rows
from sklearn_sagemaker.io.text import json_parsing
from sklearn_sagemaker.io.text.json_rows import (
    decode_json,
    decode_jsonlines,
    encode_instances,
    encode_json,
    encode_jsonlines,
)

# The developer guide's own examples.
DENSE = {
    "features": b'{"features": [1.5, 16.0, 14.0, 23.0]}',
    "data list": b'{"data": {"features": [1.5, 16.0, 14.0, 23.0]}}',
    "data values": b'{"data": {"features": {"values": [1.5, 16.0, 14.0, 23.0]}}}',
    "features values": b'{"features": {"values": [1.5, 16.0, 14.0, 23.0]}}',
    "empty keys": b'{"features": {"keys": [], "values": [1.5, 16, 14, 23]}}',
    "with a shape": b'{"features": {"shape": [4], "values": [1.5, 16, 14, 23]}}',
    "configured": b'{"configuration": {"k": [1, true]}, "data": {"features": '
    b'{"values": [1.5, 16, 14, 23]}}, "uid": "abc123", "metadata": "{}"}',
}
SPARSE = (
    b'{"data": {"features": {"keys": [26, 182, 232, 243, 431], "shape": [2000], '
    b'"values": [1, 1, 1, 4, 1]}}}'
)


def json_body(*instances):
    return b'{"instances": [' + b", ".join(instances) + b"]}"


def lines_body(*instances):
    return b"\n".join(instances)


BODIES = pytest.mark.parametrize(
    ("decode", "body"),
    [(decode_json, json_body), (decode_jsonlines, lines_body)],
    ids=["json", "jsonlines"],
)


@BODIES
@pytest.mark.parametrize("instance", DENSE.values(), ids=DENSE)
def test_dense_forms(decode, body, instance):
    rows = decode(body(instance, instance))
    assert rows.X.dtype == np.float64
    np.testing.assert_array_equal(rows.X, [[1.5, 16, 14, 23]] * 2)
    assert rows.y is None
    assert rows.sample_weight is None


@BODIES
def test_sparse_form(decode, body):
    X = decode(body(SPARSE)).X
    assert sparse.issparse(X)
    assert X.shape == (1, 2000)
    assert X.indices.tolist() == [26, 182, 232, 243, 431]
    assert X.data.tolist() == [1, 1, 1, 4, 1]


@BODIES
def test_true_and_false_are_numbers(decode, body):
    sparse_row = b'{"features": {"keys": [0], "shape": [2], "values": [true]}}'
    assert decode(body(sparse_row)).X.toarray().tolist() == [[1, 0]]
    rows = decode(
        body(
            b'{"features": [true, 2.5], "label": true}',
            b'{"features": [3, false], "label": 0}',
        )
    )
    assert rows.X.tolist() == [[1, 2.5], [3, 0]]
    assert rows.y.tolist() == [1, 0]


@BODIES
def test_forms_mix(decode, body):
    line = b'{"data": {"features": {"keys": [3, 0], "shape": [4], "values": [5, 1]}}}'
    empty = b'{"data": {"features": {"keys": [], "shape": [4], "values": []}}}'
    shape_only = b'{"data": {"features": {"shape": [4], "values": []}}}'
    X = decode(body(line, *DENSE.values(), empty, shape_only)).X
    assert sparse.issparse(X)
    assert X.has_sorted_indices
    expected = [[1, 0, 0, 5], *[[1.5, 16, 14, 23]] * len(DENSE), [0] * 4, [0] * 4]
    np.testing.assert_array_equal(X.toarray(), expected)


@BODIES
def test_dense_zeros_stay_in_a_mixed_body(decode, body):
    line = b'{"data": {"features": {"keys": [1], "shape": [2], "values": [0]}}}'
    X = decode(body(b'{"features": [0, 7]}', line)).X
    assert X.data.tolist() == [0, 7, 0]
    assert X.indptr.tolist() == [0, 2, 3]


@BODIES
def test_huge_shapes_cost_nothing(decode, body):
    line = b'{"data": {"features": {"keys": [9, %d], "shape": [%d], "values": [1, 2]}}}'
    for size in (2**31 - 1, 2**31, 10**12, 2**63 - 1):
        text = body(line % (size - 1, size), line % (0, size))
        tracemalloc.start()
        X = decode(text).X
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert X.shape == (2, size)
        assert X.indices.tolist() == [9, size - 1, 0, 9]
        assert peak < 200_000


@BODIES
def test_labels_and_weights_beside_features(decode, body):
    rows = decode(
        body(
            b'{"features": [1], "label": 1, "weight": 0.5}',
            b'{"data": {"features": [2]}, "weight": 2, "label": -2.5}',
        )
    )
    assert rows.y.tolist() == [1.0, -2.5]
    assert rows.sample_weight.tolist() == [0.5, 2.0]
    assert rows.sample_weight.dtype == np.float64
    texts = decode(body(*[b'{"features": [1], "label": "\\u00e9"}'] * 2))
    assert texts.y.tolist() == ["é", "é"]


def test_lines_may_end_and_start_as_files_do():
    body = b'\xef\xbb\xbf{"features": [1]}\r\n\r\n \t\n{"features": [2]}\r\n\n'
    assert decode_jsonlines(body).X.tolist() == [[1], [2]]
    with pytest.raises(DataFileError, match="line 4: has 2 features, but 1"):
        decode_jsonlines(body.replace(b"[2]", b"[2, 2]"))
    # Not line ends in JSON Lines, though str.splitlines thinks so.
    body = '{"features": [1], "uid": "a\u2028b\x85c"}'.encode()
    assert decode_jsonlines(body).X.tolist() == [[1]]


def test_json_document_may_be_laid_out_freely():
    body = b'\xef\xbb\xbf\r\n{\t"configuration" : 1.5e1,"instances":\n[ {"features"'
    assert decode_json(body + b": [1 ,2]} ]\n}\n").X.tolist() == [[1, 2]]
    body = b'{"instances": [{"features": [1]}], "configuration": {"a": [[]]}}'
    assert decode_json(body).X.tolist() == [[1]]


# ------------------------------------------------------------------------ faults
NOT_FINITE = "must be a finite number"
INSTANCE_FAULTS = {
    "a list": (b"[1, 2]", r"is a list; an instance is"),
    "null": (b"null", r"is null; an instance is"),
    "empty": (b"{}", "has no features"),
    "features twice over": (
        b'{"features": [1, 2], "data": {"features": [1, 2]}}',
        "has both features and data",
    ),
    "unknown key": (
        b'{"features": [1, 2], "labels": 1}',
        "'labels', which is not known",
    ),
    "data is a list": (b'{"data": [1, 2]}', "data is a list; it must hold features"),
    "data is empty": (b'{"data": {}}', "data is empty; it must hold features"),
    "data holds more": (b'{"data": {"features": [1, 2], "x": 1}}', "'features', 'x'"),
    "no numbers": (b'{"features": []}', "has 0 features, but 2 are expected"),
    "features is text": (
        b'{"features": "1,2"}',
        "features is '1,2'; it must be a list",
    ),
    "features is null": (b'{"features": null}', "features is null; it must be a list"),
    "features is empty": (b'{"features": {}}', "features has no values"),
    "tensor is unknown": (
        b'{"features": {"values": [1, 2], "indices": [0, 1]}}',
        "features has 'indices'; it must be",
    ),
    "values is a number": (b'{"features": {"values": 1}}', "values is 1; it must be a"),
    "text": (b'{"features": [1, "2"]}', r"value 1 \(counted from 0\) is '2'"),
    "missing": (b'{"features": [1, null]}', r"value 1 \(counted from 0\) is null"),
    "nested": (b'{"features": [1, [2]]}', r"value 1 \(counted from 0\) is a list"),
    "nested more": (b'{"features": [[1, 2]]}', r"value 0 \(counted from 0\) is a list"),
    "object": (b'{"features": [1, {"v": 2}]}', r"\(counted from 0\) is an object"),
    "too large": (
        b'{"features": [1, -1e400]}',
        f"feature 1 .* is -inf; it {NOT_FINITE}",
    ),
    "too long": (
        b'{"features": [%d, %d]}' % (10**308, 10**309),
        rf"value 1 \(counted from 0\) is 1000.*; it {NOT_FINITE}",
    ),
    "digits": (b'{"features": [1, %s]}' % (b"1" * 5000), "too many digits"),
    "ragged": (b'{"features": [1, 2, 3]}', "has 3 features, but 2 are expected"),
    "NaN": (b'{"features": [1, NaN]}', "NaN is not JSON"),
    "Infinity": (b'{"features": [-Infinity, 1]}', "-Infinity is not JSON"),
    "key twice": (b'{"features": [1, 2], "features": [1, 2]}', "'features' twice"),
    "deep": (b'{"features": ' + b"[" * 100_000, "nested too deeply"),
    "deep objects": (b'{"features": ' * 100_000, "nested too deeply"),
    "deep configuration": (
        b'{"features": [1, 2], "configuration": ' + b"[" * 10**5,
        "nested too deeply",
    ),
    "not a number": (b'{"features": [1, .5]}', "Expecting value"),
    "single quotes": (b"{'features': [1, 2]}", "not valid JSON"),
    "trailing comma": (b'{"features": [1, 2,]}', "not valid JSON"),
    "no shape": (
        b'{"features": {"keys": [0], "values": [1]}}',
        r"has no shape; a sparse instance needs one, such as \[2000\]",
    ),
    "nothing": (b'{"features": {"keys": [], "values": []}}', "has no shape"),
    "other shape": (
        b'{"features": {"keys": [0], "shape": [3], "values": [1]}}',
        "has 3 features, but 2 are expected",
    ),
    "no keys": (
        b'{"features": {"keys": [], "shape": [2], "values": [1]}}',
        r"has 1 values and no keys, but its shape is \[2\]",
    ),
    "few keys": (
        b'{"features": {"keys": [0], "shape": [2], "values": [1, 2]}}',
        "has 1 keys and 2 values; they must be as many",
    ),
    "matrix": (
        b'{"features": {"keys": [0], "shape": [1, 2], "values": [1]}}',
        "shape has 2 entries",
    ),
    "shape is text": (
        b'{"features": {"keys": [0], "shape": ["2"], "values": [1]}}',
        "the first of which is '2'; it must be one whole number",
    ),
    "shape is true": (
        b'{"features": {"keys": [0], "shape": [true], "values": [1]}}',
        "the first of which is true; it must be one whole number",
    ),
    "shape is 0": (
        b'{"features": {"keys": [0], "shape": [0], "values": [1]}}',
        "shape is '0', outside 1 to 9223372036854775807",
    ),
    "shape is huge": (
        b'{"features": {"keys": [0], "shape": [9223372036854775808], "values": [1]}}',
        "shape is '9223372036854775808', outside 1 to",
    ),
    "key is a fraction": (
        b'{"features": {"keys": [0, 1.0], "shape": [2], "values": [1, 1]}}',
        "key 1 is 1.0; keys are whole numbers",
    ),
    "key is false": (
        b'{"features": {"keys": [false], "shape": [2], "values": [1]}}',
        "key 0 is false; keys are whole numbers",
    ),
    "key is beyond": (
        b'{"features": {"keys": [0, 2], "shape": [2], "values": [1, 1]}}',
        r"the key '2' is outside the shape \[2\]; keys count from 0 to 1",
    ),
    "key is below": (
        b'{"features": {"keys": [-1], "shape": [2], "values": [1]}}',
        "the key '-1' is outside the shape",
    ),
    "key is huge": (
        b'{"features": {"keys": [%d], "shape": [2], "values": [1]}}' % 10**40,
        r"the key '10000.*\.\.\.' is outside the shape",
    ),
    "keys repeat": (
        b'{"features": {"keys": [1, 0, 1], "shape": [2], "values": [1, 1, 1]}}',
        "has the key 1 twice",
    ),
    "sparse text": (
        b'{"features": {"keys": [1], "shape": [2], "values": ["1"]}}',
        r"value 0 \(counted from 0\) is '1'",
    ),
    "sparse infinity": (
        b'{"features": {"keys": [1], "shape": [2], "values": [1e400]}}',
        r"feature 1 \(counted from 0\) is inf",
    ),
    "label is a list": (b'{"features": [1, 2], "label": [1]}', "the label is a list"),
    "weight is true": (b'{"features": [1, 2], "weight": true}', "the weight is true"),
    "label is infinite": (b'{"features": [1, 2], "label": 1e999}', "the label is inf"),
    "label is empty": (b'{"features": [1, 2], "label": ""}', "the label is empty"),
    "label is half": (b'{"features": [1, 2], "label": "\\ud800"}', "not valid text"),
    "weight is text": (b'{"features": [1, 2], "weight": "1"}', "the weight is '1'"),
}


@pytest.mark.parametrize(
    ("instance", "message"), INSTANCE_FAULTS.values(), ids=INSTANCE_FAULTS
)
@BODIES
def test_faults_name_the_instance(decode, body, instance, message):
    good = b'{"features": [1, 2]}'
    place = r"instances\[2\]" if decode is decode_json else "line 3"
    with pytest.raises(DataFileError, match=f"^{place}: .*{message}") as caught:
        decode(body(good, good, instance, good))
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 250


@BODIES
def test_labels_are_for_all_or_none(decode, body):
    labelled = b'{"features": [1], "label": 1}'
    with pytest.raises(DataFileError, match="1 of 2 instances have a label"):
        decode(body(b'{"features": [1]}', labelled))
    with pytest.raises(DataFileError, match="the label is 1, but others are text"):
        decode(body(b'{"features": [1], "label": "a"}', labelled))
    with pytest.raises(DataFileError, match="2 of 3 instances have a weight"):
        decode(body(b'{"features": [1]}', *[b'{"features": [1], "weight": 1}'] * 2))


DOCUMENT_FAULTS = {
    "empty": (b"", "there is the end at character 0"),
    "blank": (b" \n ", "there is the end at character 3"),
    "list": (b'[{"features": [1]}]', r"the document must be .*, but there is '\['"),
    "one instance": (b'{"features": [1]}', "has the key 'features' which is not known"),
    "no instances": (b'{"configuration": {}}', "has no instances"),
    "no object": (b"{}", "the document must be"),
    "none": (b'{"instances": []}', "has no instances; send one or more"),
    "not a list": (b'{"instances": {"features": [1]}}', "instances must be a list"),
    "null": (b'{"instances": null}', "instances must be a list"),
    "cut": (b'{"instances": [{"features": [1]}', "expected a comma or a closing"),
    "cut in a string": (b'{"instances": [{"featu', "Unterminated string"),
    "cut in a key": (b'{"inst', "Unterminated string"),
    "cut after a key": (b'{"instances"', "a key needs a colon"),
    "more": (b'{"instances": [{"features": [1]}]} {}', "goes on after its end"),
    "twice": (
        b'{"instances": [{"features": [1]}], "instances": [{"features": [1]}]}',
        "has the key 'instances' twice",
    ),
    "not UTF-8": (
        b'{"instances": [{"features": [1], "uid": "\xff"}]}',
        r"^the document: is not valid JSON .not UTF-8 text, byte 0xff at byte 41",
    ),
    "UTF-16": ('{"instances": []}'.encode("utf-16"), "not UTF-8 text, byte 0xff"),
    "zero bytes": (b"\0" * 100, r"but there is '\\x00'"),
}


@pytest.mark.parametrize(
    ("body", "message"), DOCUMENT_FAULTS.values(), ids=DOCUMENT_FAULTS
)
def test_faults_of_the_document(body, message):
    with pytest.raises(DataFileError, match=message) as caught:
        decode_json(body)
    assert "\n" not in str(caught.value)


def test_a_line_that_is_not_utf_8():
    body = lines_body(b'{"features": [1]}', b'{"features": [1], "uid": "\xff"}')
    with pytest.raises(DataFileError, match=r"^line 2: .*not UTF-8 text, byte 0xff"):
        decode_jsonlines(body)


@pytest.mark.parametrize("body", [b"", b"\n\r\n \n", b"\xef\xbb\xbf\n"])
def test_empty_lines_body(body):
    with pytest.raises(DataFileError, match="the request is empty"):
        decode_jsonlines(body)


def test_no_prefix_of_a_body_is_taken_for_another():
    body = json_body(*DENSE.values())
    for end in range(len(body)):
        with pytest.raises(DataFileError):
            decode_json(body[:end])


def test_damaged_bodies_are_refused_or_read():
    rng = np.random.default_rng(0)
    whole = json_body(SPARSE, SPARSE.replace(b"26", b"0"))
    refused = 0
    for _ in range(2000):
        body = bytearray(whole)
        for place in rng.integers(len(body), size=rng.integers(1, 4)):
            body[place] = rng.choice(list(b'0123456789[]{},:"-.eE \n\xff\0'))
        for decode in (decode_json, decode_jsonlines):
            try:
                X = decode(bytes(body)).X
            except DataFileError:
                refused += 1
            else:
                assert np.isfinite(X.data).all()
                X.check_format(full_check=True)
    assert 2000 < refused < 4000


def test_positions_count_from_the_start():
    body = json_body(*[b'{"features": [1]}'] * 50) + b"x"
    with pytest.raises(DataFileError, match="goes on"):
        decode_json(body)
    body = body[:-1].replace(b"]}, ", b"]}; ")
    with pytest.raises(DataFileError, match=f"character {body.index(b';')}"):
        decode_json(body)
    body = json_body(*[b'{"features": [1]}'] * 50, b'{"features": [1]; "a": 1}')
    with pytest.raises(DataFileError, match=f"character {body.index(b';')}\\)"):
        decode_json(body)


def test_an_instance_has_a_largest_size(monkeypatch):
    monkeypatch.setattr(json_parsing, "LONGEST", 1000)
    long = b'{"features": [%s]}' % b", ".join([b"1"] * 2000)
    with pytest.raises(DataFileError, match="is longer than 1000 characters"):
        decode_json(json_body(long))
    with pytest.raises(DataFileError, match="line 1: is longer than 1000 bytes"):
        decode_jsonlines(long)


# ----------------------------------------------------------------------- writing
def test_bytes_written():
    X = np.array([[1.5, 16.0, 14.0, 23.0]])
    assert encode_json(Rows(X)) == json_body(DENSE["features"])
    assert encode_jsonlines(Rows(np.repeat(X, 2, axis=0))) == lines_body(
        DENSE["features"], DENSE["features"]
    )
    row = sparse.csr_matrix(
        (np.array([1, 1, 1, 4, 1]), [26, 182, 232, 243, 431], [0, 5]), shape=(1, 2000)
    )
    assert encode_json(Rows(row)) == json_body(SPARSE)
    assert encode_jsonlines(Rows(row)) == SPARSE


def test_labels_are_for_files_only():
    rows = Rows(np.array([[1], [2]]), np.array(["a", "é"]), np.array([0.5, 1]))
    assert encode_jsonlines(rows) == b'{"features": [1]}\n{"features": [2]}'
    assert list(encode_instances(rows, with_labels=True)) == [
        '{"features": [1], "label": "a", "weight": 0.5}',
        '{"features": [2], "label": "\\u00e9", "weight": 1.0}',
    ]


def arrays():
    rng = np.random.default_rng(0)
    X = np.where(rng.random((7, 5)) < 0.5, rng.normal(size=(7, 5)), 0) * 1e3
    X[3] = 0
    extremes = np.array([[5e-324, -1.7976931348623157e308, -0.0, 0.1, 2**53 + 2.0]])
    yield "dense", X
    yield "Fortran", np.asfortranarray(X)
    yield "extremes", extremes
    for dtype in ("f4", "f2", "i4", "u1", "?", "g"):
        yield f"dense {dtype}", X.astype(dtype)
    for dtype in ("f4", "f8", "i4"):
        yield f"csr {dtype}", sparse.csr_matrix(X.astype(dtype))
    yield "csr array", sparse.csr_array(X)
    yield "csc", sparse.csc_matrix(X)
    yield "one row", X[:1]
    yield "one empty sparse row", sparse.csr_matrix((1, 3))
    yield "wide", sparse.csr_matrix(([1.0], [2**40], [0, 1]), shape=(1, 2**41))
    unsorted = sparse.csr_matrix(([1.0, 2.0], [3, 1], [0, 2, 2]), shape=(2, 4))
    yield "unsorted", unsorted


@pytest.mark.parametrize(("encode", "decode"), [
    (encode_json, decode_json), (encode_jsonlines, decode_jsonlines)
])  # fmt: skip
@pytest.mark.parametrize(
    "X", [X for _, X in arrays()], ids=[name for name, _ in arrays()]
)
def test_round_trip(encode, decode, X):
    found = decode(encode(Rows(X))).X
    assert found.shape == X.shape
    assert sparse.issparse(found) == sparse.issparse(X)
    assert found.dtype == np.float64
    if sparse.issparse(X):
        expected = sparse.csr_matrix(X)
        expected.sort_indices()
        assert found.indices.tolist() == expected.indices.tolist()
        assert found.indptr.tolist() == expected.indptr.tolist()
        np.testing.assert_array_equal(found.data, expected.data)
    else:
        np.testing.assert_array_equal(found, X.astype(np.float64))
        assert found.flags.writeable
        assert (np.signbit(found) == np.signbit(X.astype(np.float64))).all()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_any_float_comes_back(dtype):
    rng = np.random.default_rng(0)
    size = np.dtype(dtype).itemsize
    X = np.frombuffer(rng.bytes(4000 * size), dtype=dtype)
    X = X[np.isfinite(X)].reshape(1, -1)
    body = encode_json(Rows(X))
    np.testing.assert_array_equal(decode_json(body).X.astype(dtype), X)
    assert json.loads(body) == {"instances": [{"features": X[0].tolist()}]}


def test_only_finite_numbers_are_written():
    with pytest.raises(ValueError, match=r"X\[1, 0\] is nan; only finite"):
        encode_json(Rows(np.array([[1.0], [np.nan]])))
    with pytest.raises(ValueError, match=r"X.data\[0\] is -inf; only finite"):
        encode_jsonlines(Rows(sparse.csr_matrix([[0, -np.inf]])))
    with pytest.raises(ValueError, match="X has dtype <U1; numbers are needed"):
        encode_json(Rows(np.array([["a"]])))
    rows = Rows(np.ones((2, 1)), np.array([1]))
    with pytest.raises(ValueError, match="1 labels for 2 rows"):
        list(encode_instances(rows, with_labels=True))
