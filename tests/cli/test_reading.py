"""How data files are read: formats by name, CSV written otherwise, standard input."""

import io
import sys

import numpy as np
import pytest

BINARY = "binary_classifier"


@pytest.fixture
def given(monkeypatch):
    """Let standard input give bytes."""

    def give(contents):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(contents)))

    return give


GERMAN = ("--separator", ";", "--decimal", ",", "--encoding", "latin-1")


@pytest.fixture
def german(tmp_path, files):
    """The training file of the model, as a spreadsheet writes it, and plain."""
    X, y = files.make_rows(BINARY)
    plain = files.write_csv(tmp_path / "plain.csv", X, y, ["\xe4", "b", "c", "target"])
    text = plain.read_text("utf-8").replace(",", ";").replace(".", ",")
    path = tmp_path / "german.txt"
    path.write_bytes(text.encode("latin-1"))
    return path, plain


def test_csv_written_otherwise(cli, tmp_path, german):
    path, plain = german
    model = tmp_path / "m.joblib"
    how = ("--format", "csv", *GERMAN)
    result = cli(
        "train", path, "--validation", path, "--label", "target", "--set", "epochs=2",
        "--predictor-type", BINARY, "--model", model, "--set", "num_models=1", *how,
    )  # fmt: skip
    assert result.code == 0, result.err
    # Matched by name: the name was decoded.
    expected = cli("predict", plain, "--model", model)
    assert expected.code == 0, expected.err
    assert cli("predict", path, "--model", model, *how).out == expected.out
    measured = cli("evaluate", path, "--model", model, *how)
    assert "data          " in measured.out
    out = tmp_path / "out.npz", tmp_path / "plain.npz"
    assert cli("convert", path, out[0], "--label", "target", *how).code == 0
    assert cli("convert", plain, out[1], "--label", "target").code == 0
    np.testing.assert_array_equal(np.load(out[0])["X"], np.load(out[1])["X"])


@pytest.mark.parametrize("text", ["tab", r"\t", "\t"])
def test_tabs(cli, tmp_path, text):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text("1\t2\n3\t4\n")
    assert cli("convert", path, out, "--separator", text).code == 0
    assert out.read_text() == "1,2\n3,4\n"


def test_an_option_must_be_of_a_file(refused, cli, trained, tmp_path):
    svm, model = tmp_path / "in.svm", trained / "regressor.joblib"
    svm.write_text("1 1:2 3:4\n2 1:2 2:4\n")
    new = tmp_path / "new.csv"
    new.write_text("1,2,3,0.5\n3,4,5,0.5\n")
    for option in ("header", "separator", "decimal", "encoding"):
        value = "no" if option == "header" else "x"
        error = refused("evaluate", svm, "--model", model, f"--{option}", value)
        assert f"--{option} is not for libsvm; leave it out" in error
    # It need not be of all.
    result = cli(
        "train", new, "--label", 3, "--validation", svm, "--header", "no",
        "--predictor-type", "regressor", "--model", tmp_path / "m.joblib",
    )  # fmt: skip
    assert result.code == 0, result.err


def test_standard_input(cli, given, trained, tmp_path):
    data, model = trained / f"{BINARY}.csv", trained / f"{BINARY}.joblib"
    contents = data.read_bytes()
    for command in ("predict", "evaluate"):
        expected = cli(command, data, "--model", model)
        given(contents)
        found = cli(command, "-", "--format", "csv", "--model", model)
        assert found.code == 0, found.err
        assert found.out == expected.out.replace(str(data), "standard input")
    given(contents)
    out = tmp_path / "out.npz"
    options = ("--from", "csv", "--label", "target")
    assert cli("convert", "-", out, *options).code == 0
    assert np.load(out)["X"].shape == (120, 3)
    given(contents)
    result = cli(
        "train", "-", "--format", "csv", "--label", "target", "--predictor-type",
        BINARY, "--model", tmp_path / "m.joblib", "--set", "epochs=1",
    )  # fmt: skip
    assert "standard input: 120 rows" in result.out


def test_standard_input_is_named_in_errors(refused, given, trained, tmp_path):
    model = trained / f"{BINARY}.joblib"
    assert "standard input: has no name" in refused("predict", "-", "--model", model)
    for contents, message in [
        (b"", "standard input: is empty"),
        (b"1,2,3\n4,x,6\n", "standard input: row 2"),
    ]:
        given(contents)
        error = refused("predict", "-", "--format", "csv", "--model", model)
        assert message in error
        given(contents)
        out = tmp_path / "out.npz"
        assert message in refused("convert", "-", out, "--from", "csv")
        assert not out.exists()
