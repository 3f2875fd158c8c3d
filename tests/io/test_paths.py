"""Names that are none, folders, pipes, sockets and devices where files belong."""

import os
import signal
import socket
import subprocess
import sys
import threading
from functools import partial

import joblib
import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_sagemaker import (
    LinearLearnerClassifier,
    load_artifact,
    save_artifact,
    write_model,
)
from sklearn_sagemaker.cli.expected import Expected
from sklearn_sagemaker.cli.main import main
from sklearn_sagemaker.cli.model_file import SavedModel, load_model, save_model
from sklearn_sagemaker.exceptions import ArtifactError, DataFileError
from sklearn_sagemaker.io import (
    FileDataset,
    inspect_csv,
    iter_records,
    read_recordio,
    read_table,
    write_recordio,
)
from sklearn_sagemaker.io.formats import FORMATS, format_of_file
from sklearn_sagemaker.io.rows import Rows

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")

ENDINGS = [ending for format in FORMATS.values() for ending in format.endings[:2]]


@pytest.fixture(autouse=True)
def no_block():
    """Whatever waits for ever is a failure."""

    def stop(*_):
        raise AssertionError("it blocks")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def model():
    return LinearLearnerClassifier(random_state=0, epochs=1, num_models=1).fit(X, Y)


@pytest.fixture(scope="module")
def model_file(model, tmp_path_factory):
    path = str(tmp_path_factory.mktemp("model") / "m.joblib")
    save_model(path, SavedModel(model, Expected(None, X.shape[1], 0, "float")))
    return path


def named(ending):
    return next(one for one in FORMATS.values() if ending in one.endings)


def written(path, ending):
    with named(ending).open_writer(path) as writer:
        writer.write(Rows(X, Y))


READERS = {
    "read_table": read_table,
    "read_recordio": read_recordio,
    "iter_records": lambda path: list(iter_records(path)),
    "inspect_csv": inspect_csv,
    "FileDataset": lambda path: FileDataset(path, format="recordio").contents,
    "load_artifact": load_artifact,
    "load_model": load_model,
}
READERS |= {
    f"iter_{name}": lambda path, format=format: list(format.iter_rows(path, 10))
    for name, format in FORMATS.items()
}
WRITERS = {
    f"{name}_writer": lambda path, format=format: format.open_writer(path).__enter__()
    for name, format in FORMATS.items()
}
WRITERS["write_recordio"] = lambda path: write_recordio(path, X, Y)
WRITERS["write_recordio_shards"] = lambda path: write_recordio(path, X, Y, shards=2)
MODEL_WRITERS = {"save_artifact": save_artifact, "write_model": write_model}
WRITERS |= MODEL_WRITERS


@pytest.mark.parametrize("name", [*READERS, *WRITERS])
@pytest.mark.parametrize("text", ["a\0b.csv", "a\ud800b.csv", "a\0*.csv"])
def test_texts_that_are_no_file_names(tmp_path, name, text, model):
    ours = name in {"load_artifact", *MODEL_WRITERS}
    error = ArtifactError if ours else DataFileError
    call = {**READERS, **WRITERS}[name]
    if name in MODEL_WRITERS:
        call = partial(call, model)
    with pytest.raises(error, match="which no file name can have"):
        call(f"{tmp_path}/{text}")
    assert os.listdir(tmp_path) == []


class BytesPath:
    def __init__(self, path):
        self.path = os.fsencode(path)

    def __fspath__(self):
        return self.path


@pytest.mark.parametrize("name", [*READERS, *WRITERS])
def test_paths_of_bytes(tmp_path, name, model):
    call = {**READERS, **WRITERS}[name]
    if name in MODEL_WRITERS:
        call = partial(call, model)
    path = BytesPath(tmp_path / "a.csv")
    with pytest.raises(TypeError, match=r"is bytes; give a str, which os.fsdecode"):
        call(path)
    # Where bytes are contents, they are not taken for a path.
    wrong = (TypeError, DataFileError, ArtifactError)
    with pytest.raises(wrong):
        call(os.fsencode(path))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["folder", "pipe", "socket", "device"])
def test_what_is_no_file(tmp_path, name, kind):
    ending = {"inspect_csv": ".csv"}.get(name, ".pbr")
    if name.startswith("iter_") and name != "iter_records":
        ending = FORMATS[name.removeprefix("iter_")].endings[0]
    for suffix in ("", ".gz"):
        path = tmp_path / f"a{ending}{suffix}"
        server = None
        if kind == "folder":
            path.mkdir()
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            server = socket.socket(socket.AF_UNIX)
            server.bind(str(path))
        else:
            path.symlink_to("/dev/zero")
        expected = "is a folder" if kind == "folder" else f"is a {kind}, and a file"
        if name == "FileDataset" and kind == "folder":
            expected = "no such file|is a folder"
        error = (DataFileError, OSError) if name == "load_artifact" else DataFileError
        with pytest.raises(error, match=expected):
            READERS[name](path)
        if server:
            server.close()


@pytest.mark.parametrize("ending", ENDINGS)
def test_names_that_are_not_utf8(tmp_path, ending):
    """They are right, if unusual."""
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xe9t\xe9" + ending.encode())
    written(path, ending)
    assert os.listdir(os.fsencode(tmp_path)) == [b"\xe9t\xe9" + ending.encode()]
    label = 0 if ending.startswith(".csv") else None
    assert read_table(path, label=label).X.shape == X.shape


def test_the_command_line_prints_names_that_are_not_utf8(tmp_path, model_file):
    path = os.fsencode(tmp_path) + b"/\xe9t\xe9.svm"
    written(os.fsdecode(path), ".svm")
    command = [sys.executable, "-m", "sklearn_sagemaker", "evaluate", path]
    done = subprocess.run([*command, "--model", model_file], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert path in done.stdout


COMMANDS = {
    "train": ["train", "{data}", "--model", "{out}", "--predictor-type", "regressor"],
    "train --validation": [
        *("train", "{good}", "--validation", "{data}", "--model", "{out}"),
        *("--predictor-type", "regressor", "--set", "epochs=1"),
    ],
    "train --model": [
        *("train", "{good}", "--model", "{data}", "--predictor-type", "regressor"),
        *("--set", "epochs=1"),
    ],
    "predict": ["predict", "{data}", "--model", "{model}", "--output", "{out}"],
    "predict --model": ["predict", "{good}", "--model", "{data}"],
    "predict --output": ["predict", "{good}", "--model", "{model}", "--output"],
    "evaluate": ["evaluate", "{data}", "--model", "{model}"],
    "evaluate --model": ["evaluate", "{good}", "--model", "{data}"],
    "convert": ["convert", "{data}", "{out}.csv"],
    "convert to": ["convert", "{good}", "{data}"],
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("kind", ["nul", "surrogate", "folder", "pipe"])
def test_the_command_line(tmp_path, name, kind, capsys, model_file):
    good = str(tmp_path / "good.svm")
    written(good, ".svm")
    data = str(tmp_path / "data.svm")
    if kind == "folder":
        os.mkdir(data)
    elif kind == "pipe":
        os.mkfifo(data)
    else:
        data = data.replace("data", "da\0ta" if kind == "nul" else "da\ud800ta")
    before = sorted(os.listdir(tmp_path))
    places = {"good": good, "data": data, "out": f"{tmp_path}/o", "model": model_file}
    command = [part.format(**places) for part in COMMANDS[name]]
    if command[-1] == "--output":
        command.append(data)
    assert main(command) == 2
    message = capsys.readouterr().err
    assert message.count("error: ") == 1
    assert message.rstrip().count("\n") == message.count("warning: ")
    expected = {"folder": "is a folder|is a directory", "pipe": "is a pipe"}
    assert any(
        part in message
        for part in expected.get(kind, "which no file name can have").split("|")
    ), message
    assert sorted(os.listdir(tmp_path)) == before


def test_a_model_file_is_read_through_its_handle(tmp_path, model, model_file):
    assert load_model(model_file).estimator.n_features_in_ == 3
    packed = tmp_path / "m.joblib"
    joblib.dump(load_model(model_file).estimator, packed, compress=3)
    assert load_model(str(packed)).estimator.n_features_in_ == 3


@pytest.mark.parametrize("ending", [one.endings[0] for one in FORMATS.values()])
def test_rows_go_into_a_pipe(tmp_path, ending):
    """As into standard output, which is one in a shell."""
    pipe, whole = tmp_path / f"pipe{ending}", tmp_path / f"whole{ending}"
    os.mkfifo(pipe)
    found = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    for _ in range(1000):
        try:
            written(pipe, ending)
            break
        except OSError:
            # It has not opened its end yet.
            reader.join(0.01)
    reader.join()
    whole.write_bytes(found[0])
    assert read_table(whole, label=0 if ending == ".csv" else None).X.shape == (40, 3)


@pytest.mark.parametrize("path", ["s3://bucket/a.csv", "https://host/a.csv"])
@pytest.mark.parametrize("read", [read_table, FileDataset])
def test_an_address_is_no_file(path, read):
    with pytest.raises(DataFileError, match="is an address, .* copy it here first"):
        read(path)


@pytest.mark.parametrize("ending", ["svm", "jsonl", "npz"])
def test_a_file_that_goes_while_it_is_read(tmp_path, monkeypatch, ending):
    path = tmp_path / f"a.{ending}"
    with format_of_file(path).open_writer(path) as writer:
        writer.write(Rows(sp.csr_matrix([[1.0, 0.0], [0.0, 2.0]]), np.array([0, 1])))

    def gone(name):
        raise FileNotFoundError(2, "No such file or directory", name)

    monkeypatch.setattr(os.path, "getsize", gone)
    with pytest.raises(DataFileError, match="no such file"):
        read_table(path)
