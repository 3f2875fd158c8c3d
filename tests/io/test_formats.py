"""The registry of formats: by name, ending, content type and Accept header."""

import importlib
import inspect
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from sklearn_sagemaker.exceptions import DataFileError
from sklearn_sagemaker.io import file_format, formats
from sklearn_sagemaker.io.formats import (
    BOTH,
    DEFAULT_ANSWER,
    DEFAULT_TRAINING,
    FORMATS,
    format_for_content_type,
    format_of_file,
    negotiate,
    with_bodies,
)
from sklearn_sagemaker.io.rows import Predictions, Rows

NAMES = list(FORMATS)
BODIES = [entry.name for entry in with_bodies()]
ANSWERS = [name for name, entry in FORMATS.items() if entry.encode_predictions]
FUNCTIONS = (
    "settle",
    "read_table",
    "inspect",
    "read_columns",
    "iter_rows",
    "open_writer",
    "decode",
    "encode",
    "decode_predictions",
    "encode_predictions",
)


def test_names_endings_and_types_are_of_one_format_each():
    assert all(entry.name == name for name, entry in FORMATS.items())
    for part in ("endings", "content_types"):
        found = [text for entry in FORMATS.values() for text in getattr(entry, part)]
        assert len(found) == len(set(found))
        assert all(text == text.lower() for text in found)
    assert DEFAULT_ANSWER in ANSWERS
    assert DEFAULT_TRAINING in FORMATS
    for entry in FORMATS.values():
        assert (entry.decode is None) == (entry.encode is None)
        assert (entry.decode_predictions is None) == (entry.encode_predictions is None)
        assert not entry.predicts or entry.decode


@pytest.mark.parametrize("name", NAMES)
def test_functions_exist(name):
    entry = FORMATS[name]
    for part in FUNCTIONS:
        function = getattr(entry, part)
        if function is not None:
            module = importlib.import_module(function.__module__)
            assert callable(getattr(module, function.__name__))
    for function in entry.parameters.values():
        module = importlib.import_module(function.__module__)
        assert callable(getattr(module, function.__name__))


@pytest.mark.parametrize("name", NAMES)
def test_options_are_those_of_the_readers(name):
    function = FORMATS[name].iter_rows
    reader = getattr(importlib.import_module(function.__module__), function.__name__)
    _, _, *options = inspect.signature(reader).parameters
    assert sorted(FORMATS[name].reading_options) == sorted(options)


@pytest.mark.parametrize("name", NAMES)
def test_options_are_those_of_the_writers(name):
    function = FORMATS[name].open_writer
    writer = getattr(importlib.import_module(function.__module__), function.__name__)
    _, *options = inspect.signature(writer).parameters
    assert sorted(FORMATS[name].writing_options) == sorted(options)


@pytest.mark.parametrize("name", NAMES)
def test_what_formats_have_room_for(tmp_path, name):
    entry = FORMATS[name]
    X, y = np.ones((2, 2), np.float32), np.array([0, 1])
    for rows, fits in [
        (Rows(X, y), True),
        (Rows(X, y.astype(str)), entry.text_labels),
        (Rows(X), not entry.needs_labels),
        (Rows(X, y, np.ones(2)), entry.sample_weights),
    ]:
        path = str(tmp_path / f"a{entry.endings[0]}")
        with ExitStack() as stack:
            if not fits:
                stack.enter_context(pytest.raises(ValueError, match="labels|weights"))
            with entry.open_writer(path) as writer:
                writer.write(rows)


MATRIX = np.array([[0, 1.5, 1], [2, 0, 3]])
ODD = {
    "bool": MATRIX > 1,
    **{dtype: MATRIX.astype(dtype) for dtype in ("i1", "u2", "u8", "f2", ">f4", "g")},
    "large": np.array([[2**52, 2**63]], dtype="u8"),
    "Fortran": np.asfortranarray(MATRIX),
    "CSC": sparse.csc_matrix(MATRIX),
    "COO array": sparse.coo_array(MATRIX),
    "CSR of bool": sparse.csr_matrix(MATRIX > 1),
    "unsorted": sparse.csr_matrix(([1.0, 2.0], [1, 0], [0, 2])),
    "twice": sparse.csr_matrix(([1.0, 2.0, 3.0], [0, 0, 1], [0, 2, 3])),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("X", ODD.values(), ids=ODD)
def test_odd_rows_are_read_as_they_were_written(tmp_path, name, X):
    entry = FORMATS[name]
    path = str(tmp_path / f"a{entry.endings[0]}")
    with entry.open_writer(path) as writer:
        writer.write(Rows(X, np.arange(X.shape[0])))
    (rows,) = entry.iter_rows(path, 10)
    found, wanted = (A.toarray() if sparse.issparse(A) else A for A in (rows.X, X))
    np.testing.assert_array_equal(found.astype(float), wanted.astype(float))


@pytest.mark.parametrize("name", [n for n in NAMES if FORMATS[n].text_labels])
@pytest.mark.parametrize("label", ["", " a", "nan", "\ud800", "1", "a,b", "a\nb", '"'])
def test_labels_are_read_as_they_were_written_or_refused(tmp_path, name, label):
    entry = FORMATS[name]
    path = tmp_path / f"a{entry.endings[0]}"
    options = {"labels": "text", "header": "no"} if name == "csv" else {}
    y = np.array(["b", label])
    try:
        with entry.open_writer(str(path)) as writer:
            writer.write(Rows(np.eye(2), y))
    except ValueError:
        assert label in ("", " a", "nan", "\ud800")
        assert name != "npz"
        assert not path.exists()
    else:
        (rows,) = entry.iter_rows(str(path), 10, **options)
        assert rows.y.tolist() == y.tolist()


def test_facts_of_sagemaker():
    linear = BOTH[0]
    trains = {name: entry.trains for name, entry in FORMATS.items() if entry.trains}
    assert trains == {"csv": (linear,), "recordio": BOTH}
    predicts = {name: one.predicts for name, one in FORMATS.items() if one.predicts}
    assert predicts == {
        "csv": (linear,),
        "json": BOTH,
        "jsonlines": BOTH,
        "recordio": BOTH,
    }
    assert ANSWERS == ["json", "jsonlines", "recordio"]
    splits = {name: FORMATS[name].split_type for name in predicts}
    assert splits == {
        "csv": "Line",
        "json": "None",
        "jsonlines": "Line",
        "recordio": "RecordIO",
    }
    assert [FORMATS[name].assemble_with for name in ANSWERS] == ["None", "Line", "None"]


@pytest.mark.parametrize("name", NAMES)
def test_file_names(name):
    for ending in FORMATS[name].endings:
        assert format_of_file(f"Some.Data{ending.upper()}").name == name
        assert file_format(f"folder.csv/data{ending}") == name
    with pytest.raises(DataFileError) as caught:
        format_of_file("data.xlsx")
    assert f" {FORMATS[name].endings[0]}" in str(caught.value)


# ------------------------------------------------------------------- content types
@pytest.mark.parametrize("name", BODIES)
def test_content_types(name):
    for text in FORMATS[name].content_types:
        for header in (text, text.upper(), f" {text} ;charset=UTF-8; x=1"):
            assert format_for_content_type(header) == (FORMATS[name], {})


def test_parameters_are_options():
    entry, options = format_for_content_type("text/csv;Label_Size=1")
    assert entry.name == "csv"
    assert options == {"label_size": 1}
    rows = entry.decode(b"1,2,3", **options)
    assert rows.y.tolist() == [1.0]
    assert entry.encode(rows, **options) == b"1.0,2.0,3.0"
    # A parameter of another format does not matter.
    assert format_for_content_type("application/json; label_size=7")[1] == {}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "image/png",
            r"'image/png' is not known; send one of text/csv, application/js",
        ),
        ("text/*", r"'text/\*' is not known"),
        ("json", "'json' is not a media type"),
        ("", "'' is not a media type"),
        (None, "'' is not a media type"),
        ("text/csv; label_size=2", "label_size='2' is not 0"),
        ("text/csv; label_size=", "is not a media type"),
        (
            "application/json; charset=latin-1",
            "charset='latin-1' is not read; send UTF",
        ),
    ],
)
def test_wrong_content_types(header, message):
    with pytest.raises(ValueError, match=message):
        format_for_content_type(header)


# ----------------------------------------------------------------------- negotiation
RECORDIO = "application/x-recordio-protobuf"


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        ("application/*", "json"),
        ("application/json", "json"),
        ("application/jsonlines", "jsonlines"),
        (RECORDIO, "recordio"),
        (f"{RECORDIO}, application/json", "recordio"),
        (f"application/json, {RECORDIO}", "json"),
        (f"application/json; q=0.5, {RECORDIO}", "recordio"),
        (f"{RECORDIO}; q=0.1, application/json; q=0.2", "json"),
        ("text/csv, application/json", "json"),
        ("text/csv, */*; q=0.1", "json"),
        ("*/*, application/jsonlines", "jsonlines"),
        ("*/*; q=0.9, application/jsonlines; q=0.8", "json"),
        ("application/json; q=0, */*", "jsonlines"),
        ("application/json; q=0, application/jsonlines; q=0.0, */*", "recordio"),
        ("Application/JSONLines; charset=utf-8", "jsonlines"),
        ("application/x-jsonlines", "jsonlines"),
    ],
)
def test_negotiation(accept, name):
    assert negotiate(accept).name == name


@pytest.mark.parametrize(
    ("accept", "message"),
    [
        ("text/csv", f"as 'text/csv'; accept one of application/json, .*, {RECORDIO}"),
        ("*/*; q=0", "no answer can be given"),
        ("application/json; q=0", "no answer can be given"),
        ("application/json; q=2", "q='2' is not a number from 0 to 1"),
        ("json", "is not a media type"),
    ],
)
def test_nothing_to_answer(accept, message):
    with pytest.raises(ValueError, match=message):
        negotiate(accept)


def test_only_formats_of_the_algorithm(monkeypatch):
    linear, factors = BOTH
    entry = replace(FORMATS["jsonlines"], predicts=(linear,))
    monkeypatch.setattr(formats, "FORMATS", {**FORMATS, "jsonlines": entry})
    accept = "application/jsonlines, application/json; q=0.5"
    assert negotiate(accept, linear).name == "jsonlines"
    assert negotiate(accept, factors).name == "json"


# -------------------------------------------------------------------------- round trips
@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_requests(name, make):
    X = np.array([[0, 1.5, 0], [0, 0, 0], [-2, 0, 0.25]], dtype=np.float32)
    entry = FORMATS[name]
    body = entry.encode(Rows(make(X), np.ones(3), np.ones(3)))
    found = entry.decode(body)
    # A request has no labels.
    assert found.y is None
    dense = found.X.toarray() if sparse.issparse(found.X) else found.X
    np.testing.assert_array_equal(dense, X)


@pytest.mark.parametrize(
    ("X", "place"),
    [
        (np.array([[1, 2], [3, np.nan]]), "feature 1 .* is nan"),
        (sparse.csr_matrix([[1, 2], [0, 0], [-np.inf, 0]]), "feature 0 .* is -inf"),
    ],
)
def test_records_must_be_finite_as_text_must(X, place):
    from sklearn_sagemaker.io import write_recordio

    body = write_recordio(None, X)
    with pytest.raises(DataFileError, match=f"^record {X.shape[0] - 1}: {place}"):
        FORMATS["recordio"].decode(body)


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(name):
    score = np.array([[0.25, 0.75], [0.1, 0.9]], dtype=np.float32)
    label = np.array([1, 1])
    entry = FORMATS[name]
    found = entry.decode_predictions(
        entry.encode_predictions(Predictions(score, label))
    )
    # JSON Lines are cut after 15 decimals, which float32 does not notice.
    np.testing.assert_array_equal(found.score.astype(np.float32), score)
    np.testing.assert_array_equal(found.predicted_label, label)
    found = entry.decode_predictions(entry.encode_predictions(Predictions(score[:, 0])))
    np.testing.assert_array_equal(found.score.astype(np.float32), score[:, 0])
    assert found.predicted_label is None


@pytest.mark.parametrize("name", NAMES)
def test_files(name, tmp_path):
    X = np.array([[0, 1.5, 1], [0, 0, 4], [-2, 0, 0.25]], dtype=np.float32)
    entry = FORMATS[name]
    path = str(tmp_path / f"data{entry.endings[0]}")
    with entry.open_writer(path) as writer:
        writer.write(Rows(X[:2], np.array([1, 0])))
        writer.write(Rows(X[2:], np.array([1])))
    batches = list(entry.iter_rows(path, 2))
    assert [len(batch) for batch in batches] == [2, 1]
    parts = [batch.X for batch in batches]
    parts = [part.toarray() if sparse.issparse(part) else part for part in parts]
    np.testing.assert_array_equal(np.concatenate(parts), X)
    assert np.concatenate([batch.y for batch in batches]).tolist() == [1, 0, 1]


def test_looking_up_imports_no_codec():
    script = (
        "import sys\n"
        "from sklearn_sagemaker.io.formats import format_of_file, negotiate\n"
        "format_of_file('a.pbr'), negotiate('*/*')\n"
        "late = ('recordio_payloads', 'json_rows', 'npz_stream', 'svm_stream')\n"
        "late = {f'sklearn_sagemaker.io.{name}' for name in late}\n"
        "assert not late & set(sys.modules)\n"
        "assert 'google.protobuf' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
