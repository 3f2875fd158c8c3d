"""predict and evaluate: round trips over all formats, columns, refusals."""

import csv
import gzip
import io
import json
import os
import shutil
import tarfile
from unittest.mock import patch

import joblib
import numpy as np
import pytest
import skops.io
from scipy import sparse
from sklearn import metrics
from sklearn.datasets import dump_svmlight_file
from sklearn.dummy import DummyClassifier

from sklearn_sagemaker import LinearLearnerClassifier, load_artifact, save_artifact
from sklearn_sagemaker.estimators._stored import STAMP
from sklearn_sagemaker.io import write_recordio
from sklearn_sagemaker.io.formats import format_of_file
from sklearn_sagemaker.io.rows import Rows

BINARY, MULTICLASS, REGRESSOR = KINDS = (
    "binary_classifier",
    "multiclass_classifier",
    "regressor",
)


def parsed(text):
    return list(csv.DictReader(io.StringIO(text)))


def predictions(text):
    return [row["prediction"] for row in parsed(text)]


def write(files, path, kind, X, y):
    """Write a data file of a kind, and give the options that train needs for it."""
    if kind in ("csv", "csv.gz"):
        files.write_csv(path, X, y, files.NAMES)
    elif kind == "no header":
        files.write_csv(path, X, y, place=1)
    elif kind == "npz":
        np.savez(path, X=X, y=y)
    elif kind == "csr":
        A = sparse.csr_matrix(X)
        np.savez(
            path, data=A.data, indices=A.indices, indptr=A.indptr, shape=A.shape, y=y
        )
    elif kind == "pbr":
        write_recordio(path, X, y, dtype="float64")
    elif kind in ("json", "jsonl.gz"):
        with format_of_file(str(path)).open_writer(path) as writer:
            writer.write(Rows(X if kind == "json" else sparse.csr_matrix(X), y))
    else:
        dump_svmlight_file(X, y, str(path), zero_based=kind == "svm from 0")
    if kind == "csv.gz":
        content = path.read_bytes()
        path.write_bytes(gzip.compress(content))
    return {"csv": ["target"], "csv.gz": ["target"], "no header": ["1"]}.get(kind)


ENDINGS = {
    "csv": "csv",
    "csv.gz": "csv.gz",
    "no header": "csv",
    "npz": "npz",
    "csr": "npz",
    "svm from 0": "svm",
    "svm from 1": "libsvm",
    "pbr": "pbr",
    "json": "json",
    "jsonl.gz": "jsonl.gz",
}


@pytest.mark.parametrize("predictor", KINDS)
@pytest.mark.parametrize("kind", ENDINGS)
def test_round_trip(cli, tmp_path, kind, predictor, files):
    if predictor == BINARY and kind.startswith(("svm", "pbr")):
        pytest.skip("libsvm and RecordIO have no text labels")
    X, y = files.make_rows(predictor)
    X[:, 2] = np.where(X[:, 2] > 0, X[:, 2], 0)
    data, held = (tmp_path / f"{name}.{ENDINGS[kind]}" for name in ("data", "held"))
    label = write(files, data, kind, X, y)
    X_new, y_new = files.make_rows(predictor, 40, seed=1)
    # In libsvm the last feature is absent everywhere: its place must not shift.
    X_new[:, 2] = 0
    X_new[:, 0] = 0 if kind.startswith("svm") else X_new[:, 0]
    write(files, held, kind, X_new, y_new)
    model = tmp_path / "m.joblib"
    option = [] if label is None else ["--label", *label]
    trained = cli(
        "train", data, *option, "--predictor-type", predictor, "--model", model,
        "--set", "num_models=4",
    )  # fmt: skip
    assert trained.code == 0, trained.err

    estimator = joblib.load(model)
    expected = estimator.predict(X_new)
    dropped = ["--label", "1"] if kind == "no header" else []
    result = cli("predict", held, "--model", model, *dropped)
    assert result.code == 0, result.err
    if predictor == REGRESSOR:
        np.testing.assert_allclose(
            np.array(predictions(result.out), dtype=float), expected, rtol=1e-12
        )
    else:
        assert predictions(result.out) == [str(label) for label in expected]

    found = cli("evaluate", held, "--model", model, "--json")
    assert found.code == 0, found.err
    found = json.loads(found.out)
    assert found["rows"] == 40
    if predictor == REGRESSOR:
        np.testing.assert_allclose(
            found["mse"], metrics.mean_squared_error(y_new, expected)
        )
    else:
        assert found["accuracy"] == pytest.approx(np.mean(expected == y_new))


@pytest.mark.parametrize("name", ["new.pbr", "new.json", "new.jsonl.gz", "new.svm"])
def test_the_last_features_may_be_absent(cli, trained, tmp_path, name, files):
    X, y = files.make_rows(REGRESSOR, 20, 1)
    X[:, 2] = 0
    new, model = tmp_path / name, trained / f"{REGRESSOR}.joblib"
    with format_of_file(str(new)).open_writer(new) as writer:
        writer.write(Rows(sparse.csr_matrix(X[:, :2]), y))
    result = cli("predict", new, "--model", model)
    assert result.code == 0, result.err
    found = np.array(predictions(result.out), dtype=float)
    np.testing.assert_allclose(found, joblib.load(model).predict(X), rtol=1e-6)


# --------------------------------------------------------------------- predict
@pytest.fixture
def new(tmp_path, files):
    """Rows without labels, in the order of training."""
    return files.write_csv(
        tmp_path / "new.csv", files.make_rows(BINARY, 20, 1)[0], None, files.NAMES[:3]
    )


def test_proba(cli, trained, new, files):
    result = cli("predict", new, "--model", trained / f"{BINARY}.joblib", "--proba")
    rows = parsed(result.out)
    assert list(rows[0]) == ["prediction", "probability_no", "probability_yes"]
    estimator = joblib.load(trained / f"{BINARY}.joblib")
    expected = estimator.predict_proba(files.make_rows(BINARY, 20, 1)[0])
    np.testing.assert_allclose(
        [[float(row["probability_no"]), float(row["probability_yes"])] for row in rows],
        expected,
        rtol=1e-12,
    )
    assert result.err == ""


def test_output_file(cli, trained, new, tmp_path):
    model, out = trained / f"{BINARY}.joblib", tmp_path / "out.csv"
    shown = cli("predict", new, "--model", model)
    written = cli("predict", new, "--model", model, "--output", out)
    assert written.out == ""
    assert written.err == f"written to {out}: 20 rows, 1 column\n"
    assert out.read_text() == shown.out
    assert sorted(os.listdir(tmp_path)) == ["new.csv", "out.csv"]
    again = cli("predict", new, "--model", model, "--output", "-")
    assert (again.out, again.err) == (shown.out, "")
    packed = tmp_path / "out.csv.gz"
    assert cli("predict", new, "--model", model, "--output", packed).code == 0
    with gzip.open(packed, "rt") as handle:
        assert handle.read() == shown.out


def test_columns_are_matched_by_name(cli, trained, new, tmp_path, files):
    model = trained / f"{BINARY}.joblib"
    X, _ = files.make_rows(BINARY, 20, 1)
    mixed = tmp_path / "mixed.csv"
    with open(mixed, "w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["c", "id", "target", "a", "b"])
        for a, b, c in X.tolist():
            writer.writerow([c, "row", "", a, b])
    result = cli("predict", mixed, "--model", model)
    assert result.out == cli("predict", new, "--model", model).out
    assert "the label column 'target' is dropped" in result.err
    assert "ignored, not features of the model: 'id'" in result.err


def test_no_header_takes_the_models_order(cli, trained, new, tmp_path, files):
    model = trained / f"{BINARY}.joblib"
    plain = files.write_csv(tmp_path / "plain.csv", files.make_rows(BINARY, 20, 1)[0])
    result = cli("predict", plain, "--model", model)
    assert result.out == cli("predict", new, "--model", model).out
    assert "columns are taken in the model's order" in result.err


def test_numeric_names_are_no_row(cli, tmp_path, files):
    X, y = files.make_rows(BINARY)
    data = files.write_csv(tmp_path / "data.csv", X, y, ["0", "1", "2", "target"])
    model = tmp_path / "m.joblib"
    few = ("--set", "num_models=1", "--set", "epochs=1")
    cli("train", data, "--label", "target", "--predictor-type", BINARY, "--model",
        model, *few)  # fmt: skip
    new = files.write_csv(tmp_path / "new.csv", X[:5], None, ["0", "1", "2"])
    assert len(predictions(cli("predict", new, "--model", model).out)) == 5


def test_one_column_too_many(refused, cli, trained, tmp_path, files):
    X, y = files.make_rows(BINARY, 10)
    model = trained / f"{BINARY}.joblib"
    data = files.write_csv(tmp_path / "data.csv", X, y, place=0)
    line = refused("predict", data, "--model", model)
    assert "4 columns, one more than the model's 3 features" in line
    assert "--label" in line
    result = cli("predict", data, "--model", model, "--label", 0)
    assert len(predictions(result.out)) == 10


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        ("a,b\n1,2\n", [], "no column 'c', which the model was trained on"),
        ("1,2\n3,4\n", [], "has 2 feature columns, but the model was trained on 3"),
        ("1,2,3,4,5\n", [], "has 5 feature columns, but the model was trained on 3"),
        ("a,b,c\n1,2,x\n", [], "row 2, column 'c': 'x' is not a number"),
        ("a,b,c\n1,2,\n", [], "row 2, column 'c': the cell is empty"),
        ("a,b,c\n1,2,3\n", ["--label", "a"], "'a' is a feature of the model"),
        ("a,b,c\n1,2,3\n", ["--label", "d"], "no column 'd'"),
        ("a,b,c\n1,2,3\n", ["--output", "no/out.csv"], "no does not exist"),
        ("a,b,c\n1,2,3\n", ["--output", "data.csv"], "is the file that is read"),
        (None, [], "no such file"),
    ],
)
def test_predict_refuses(refused, trained, tmp_path, monkeypatch, text, more, message):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "data.csv").write_text(text)
    before = os.listdir(tmp_path)
    line = refused(
        "predict", "data.csv", "--model", trained / f"{BINARY}.joblib", *more
    )
    assert message in line
    assert os.listdir(tmp_path) == before


def test_other_formats_must_have_as_many_features(refused, trained, tmp_path):
    np.savez(tmp_path / "data.npz", X=np.ones((4, 2)))
    line = refused(
        "predict", tmp_path / "data.npz", "--model", trained / f"{BINARY}.joblib"
    )
    assert "has 2 features, but the model was trained on 3" in line


def test_regressor_has_no_probabilities(refused, trained, new):
    line = refused("predict", new, "--model", trained / "regressor.joblib", "--proba")
    assert "--proba needs a classifier" in line


def test_hinge_scores_are_no_probabilities(cli, refused, trained, tmp_path):
    data, model = trained / f"{BINARY}.csv", tmp_path / "m.joblib"
    assert cli("train", data, "--label", "target", "--predictor-type", BINARY,
               "--model", model, "--set", "loss=hinge_loss").code == 0  # fmt: skip
    line = refused("predict", data, "--model", model, "--proba")
    assert "--proba needs probabilities" in line
    assert cli("evaluate", data, "--model", model, "--json").code == 0


def test_failed_output_leaves_nothing(cli, trained, new, tmp_path, monkeypatch):
    def fail(self, columns):
        handle.write("prediction\nhal")
        raise OSError(28, "No space left on device")

    def write(handle_, columns):
        nonlocal handle
        handle = handle_
        fail(None, columns)

    handle = None
    monkeypatch.setattr("sklearn_sagemaker.cli.predict._write", write)
    out = tmp_path / "out.csv"
    result = cli("predict", new, "--model", trained / f"{BINARY}.joblib",
                 "--output", out)  # fmt: skip
    assert result.code == 2
    assert result.err == f"error: {out}: No space left on device.\n"
    assert os.listdir(tmp_path) == ["new.csv"]


# ----------------------------------------------------------------- model files
def broken(kind, path, good):
    saved = joblib.load(good)
    if kind == "text":
        path.write_text("not a model")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "cut short":
        path.write_bytes(good.read_bytes()[:300])
    elif kind == "folder":
        path.mkdir()
    elif kind == "newer estimator":
        stamp = {"format": 99, "version": "9.8.7"}
        with patch(
            "sklearn_sagemaker.estimators._base.stamped",
            lambda state: {**state, STAMP: stamp},
        ):
            joblib.dump(saved, path)
    elif kind == "other keys":
        saved.data_layout_ = {"extra": 1}
        joblib.dump(saved, path)
    elif kind == "other estimator":
        joblib.dump(DummyClassifier().fit([[1]], [1]), path)
    elif kind == "not fitted":
        joblib.dump(type(saved)(), path)
    elif kind == "list":
        joblib.dump([1, 2], path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "no such model file"),
        ("text", "is not a model file written by"),
        ("empty", "is not a model file written by"),
        ("cut short", "is not a model file written by"),
        ("folder", "is a folder"),
        ("newer estimator", "install version 9.8.7 or newer"),
        ("other keys", "is not a model file written by"),
        ("other estimator", "is not a model file written by"),
        ("not fitted", "is not a model file written by"),
        ("list", "is not a model file written by"),
    ],
)
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_model_file_is_checked(refused, trained, new, tmp_path, command, kind, message):
    model = tmp_path / "m.joblib"
    broken(kind, model, trained / f"{BINARY}.joblib")
    assert message in refused(command, new, "--model", model)


@pytest.mark.parametrize("layout", [True, False])
def test_a_model_may_be_of_skops(cli, refused, trained, tmp_path, layout):
    data, model = trained / f"{BINARY}.csv", trained / f"{BINARY}.joblib"
    estimator, path = joblib.load(model), tmp_path / "m.skops"
    if not layout:
        del estimator.data_layout_
    skops.io.dump(estimator, path)
    more = () if layout else ("--label", "target")
    found = cli("evaluate", data, "--model", path, *more)
    assert found.out == cli("evaluate", data, "--model", model).out
    path.write_bytes(path.read_bytes()[:300])
    assert "is not a model file written by" in refused("predict", data, "--model", path)


def test_a_model_may_be_an_artifact(cli, refused, trained, tmp_path):
    data, model = trained / f"{BINARY}.csv", trained / f"{BINARY}.joblib"
    path = tmp_path / "model.tar.gz"
    save_artifact(joblib.load(model), path)
    arguments = ("predict", data, "--label", "target", "--model")
    assert cli(*arguments, path).out == cli(*arguments, model).out
    path.write_bytes(path.read_bytes()[:100])
    assert str(path) in refused(*arguments, path)


def test_an_artifact_is_known_by_its_content(cli, refused, trained, tmp_path):
    data, model = trained / f"{BINARY}.csv", trained / f"{BINARY}.joblib"
    packed = io.BytesIO()
    save_artifact(joblib.load(model), packed)
    with tarfile.open(fileobj=io.BytesIO(packed.getvalue())) as archive:
        member = archive.extractfile("model_algo-1").read()
    folder = tmp_path / "model"
    folder.mkdir()
    arguments = ("predict", data, "--label", "target", "--model")
    assert "folder" in refused(*arguments, folder)
    for path, content in [
        (folder / "model_algo-1", member),
        (tmp_path / "model_algo-1", member),
        (tmp_path / "model.zip", member),
        (tmp_path / "model.tar", gzip.decompress(packed.getvalue())),
        (tmp_path / "download", packed.getvalue()),
    ]:
        path.write_bytes(content)
        place = folder if path.parent == folder else path
        assert cli(*arguments, place).out == cli(*arguments, model).out
        path.write_bytes(content[: len(content) // 2])
        assert str(place) in refused(*arguments, place)
    # joblib packs by gzip too.
    again = tmp_path / "packed.joblib"
    joblib.dump(joblib.load(model), again, compress=("gzip", 3))
    assert cli(*arguments, again).out == cli(*arguments, model).out


def test_serve_takes_artifacts_only(refused, trained):
    for name in (f"{BINARY}.joblib", f"{BINARY}.csv"):
        assert "is no artifact of SageMaker's; make one" in refused(
            "serve", trained / name, "--port", 0
        )


@pytest.mark.parametrize("ending", ["skops", "tar.gz", "tgz", "SKOPS"])
def test_a_model_is_written_as_its_name_says(cli, trained, tmp_path, ending):
    data, model = trained / f"{BINARY}.csv", tmp_path / f"m.{ending}"
    done = cli("train", data, "--label", "target", "--predictor-type", BINARY,
               "--model", model, "--set", "num_models=4")  # fmt: skip
    assert done.code == 0, done.err
    arguments = ("evaluate", data, "--label", "target", "--model")
    known = cli(*arguments, trained / f"{BINARY}.joblib").out
    assert cli(*arguments, model).out == known
    if ending.endswith("gz"):
        assert load_artifact(model).classes_.tolist() == ["no", "yes"]


def test_a_model_of_python_tells_its_labels(cli, tmp_path, files):
    X, y = files.make_rows(MULTICLASS)
    data = files.write_csv(tmp_path / "data.csv", X, y, files.NAMES)
    path = tmp_path / "m.joblib"
    joblib.dump(LinearLearnerClassifier(epochs=1, num_models=1).fit(X, y), path)
    found = cli("evaluate", data, "--model", path, "--label", "target")
    assert found.code == 0, found.err


# -------------------------------------------------------------------- evaluate
def test_binary_metrics(cli, trained, tmp_path, files):
    X, y = files.make_rows(BINARY, 60, seed=2)
    y[:15] = np.where(y[:15] == "yes", "no", "yes")
    data = files.write_csv(tmp_path / "data.csv", X, y, files.NAMES)
    model = trained / f"{BINARY}.joblib"
    found = json.loads(cli("evaluate", data, "--model", model, "--json").out)
    estimator = joblib.load(model)
    answers, share = estimator.predict(X), estimator.predict_proba(X)
    expected = {
        "accuracy": metrics.accuracy_score(y, answers),
        "precision": metrics.precision_score(y, answers, pos_label="yes"),
        "recall": metrics.recall_score(y, answers, pos_label="yes"),
        "f1": metrics.f1_score(y, answers, pos_label="yes"),
        "roc_auc": metrics.roc_auc_score(y == "yes", share[:, 1]),
        "log_loss": metrics.log_loss(y, share),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9), name
    assert found["classes"] == ["no", "yes"]
    assert found["confusion_matrix"] == metrics.confusion_matrix(y, answers).tolist()
    text = cli("evaluate", data, "--model", model).out
    for name in ("accuracy", "precision", "recall", "F1", "ROC AUC", "log loss"):
        assert f"\n{name} " in text
    assert "the positive class is yes" in text
    assert "actual yes" in text


def test_one_class_has_no_auc(cli, trained, tmp_path, files):
    X, y = files.make_rows(BINARY, 60, seed=2)
    data = files.write_csv(
        tmp_path / "data.csv", X[y == "no"], y[y == "no"], files.NAMES
    )
    arguments = ("evaluate", data, "--model", trained / f"{BINARY}.joblib")
    result = cli(*arguments, "--json")
    assert result.err == ""
    assert json.loads(result.out)["roc_auc"] is None
    assert "ROC AUC       not defined here" in cli(*arguments).out


def test_multiclass_metrics(cli, trained, files):
    data = trained / f"{MULTICLASS}.csv"
    model = trained / f"{MULTICLASS}.joblib"
    found = json.loads(cli("evaluate", data, "--model", model, "--json").out)
    X, y = files.make_rows(MULTICLASS)
    estimator = joblib.load(model)
    answers = estimator.predict(X)
    assert found["macro_f1"] == pytest.approx(
        metrics.f1_score(y, answers, average="macro")
    )
    assert found["log_loss"] == pytest.approx(
        metrics.log_loss(y, estimator.predict_proba(X))
    )
    assert np.sum(found["confusion_matrix"]) == 120
    assert "Confusion matrix:" in cli("evaluate", data, "--model", model).out


def test_regression_metrics(cli, trained, files):
    data = trained / "regressor.csv"
    model = trained / "regressor.joblib"
    found = json.loads(cli("evaluate", data, "--model", model, "--json").out)
    X, y = files.make_rows(REGRESSOR)
    answers = joblib.load(model).predict(X)
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(y, answers))
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(y, answers))
    assert found["r2"] == pytest.approx(metrics.r2_score(y, answers))
    text = cli("evaluate", data, "--model", model).out
    assert [line.split()[0] for line in text.splitlines()] == [
        "data", "MSE", "RMSE", "MAE", "R2",
    ]  # fmt: skip


def test_label_in_another_column(cli, trained, tmp_path, files):
    X, y = files.make_rows(BINARY, 30, 3)
    names = ["a", "b", "c", "truth"]
    data = files.write_csv(tmp_path / "data.csv", X, y, names)
    arguments = ("evaluate", data, "--model", trained / f"{BINARY}.joblib")
    assert "no column 'target'" in cli(*arguments).err
    assert cli(*arguments, "--label", "truth").code == 0


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (BINARY, "a,b,c,target\n1,2,3,maybe\n", "label 'maybe' is no class of the mod"),
        (MULTICLASS, "a,b,c,target\n1,2,3,7\n", "the label '7' is no class"),
        (MULTICLASS, "a,b,c,target\n1,2,3,x\n", "'x' is not a number"),
        (REGRESSOR, "a,b,c,target\n1,2,3,\n", "the cell is empty"),
        (REGRESSOR, "a,b,c\n1,2,3\n", "no column 'target'"),
        (REGRESSOR, "1,2,3,4\n5,6,7,8\n", "which column is the label?"),
    ],
)
def test_evaluate_refuses(refused, trained, tmp_path, kind, text, message):
    data = tmp_path / "data.csv"
    data.write_text(text)
    assert message in refused("evaluate", data, "--model", trained / f"{kind}.joblib")


def test_model_may_move(cli, trained, new, tmp_path):
    moved = tmp_path / "moved.joblib"
    shutil.copy(trained / f"{BINARY}.joblib", moved)
    assert cli("predict", new, "--model", moved).code == 0


def test_labels_are_shown_short_and_printable(cli, tmp_path, files):
    X, y = files.make_rows(BINARY)
    y = np.where(y == "yes", "\x1b[31m" + "long" * 30, "no")
    data = files.write_csv(tmp_path / "data.csv", X, y, files.NAMES)
    model = tmp_path / "m.joblib"
    trained = cli("train", data, "--label", "target", "--predictor-type", BINARY,
                  "--model", model, "--set", "epochs=1")  # fmt: skip
    found = cli("evaluate", data, "--model", model)
    for out in (trained.out, found.out):
        assert "?[31mlonglonglong..." in out
        assert "\x1b" not in out
