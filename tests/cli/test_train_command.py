"""train: what it says, what it writes, and what it refuses."""

import json
import os

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from sklearn_sagemaker import LinearLearnerClassifier

BINARY, MULTICLASS = "binary_classifier", "multiclass_classifier"
FEW = ("--set", "num_models=4", "--set", "epochs=3")


@pytest.fixture
def data(tmp_path, files):
    return files.write_csv(tmp_path / "data.csv", *files.make_rows(BINARY), files.NAMES)


def train(data, model, kind=BINARY, *more):
    return ("train", data, "--predictor-type", kind, "--model", model, *FEW, *more)


def test_summary(cli, data, tmp_path):
    result = cli(*train(data, tmp_path / "m.joblib", BINARY, "--label", "target"))
    assert result.code == 0
    assert result.err == ""
    assert "120 rows, 3 features" in result.out
    assert "header        detected" in result.out
    assert "2 classes: no (" in result.out
    assert "Trained 4 candidates in one pass, up to 3 epochs" in result.out
    assert "folds of the training rows" in result.out
    assert "on the probability of yes" in result.out
    assert f"written to {tmp_path / 'm.joblib'}" in result.out
    assert max(map(len, result.out.replace(str(tmp_path), "").splitlines())) <= 100


def test_best_candidates_come_first(cli, data, tmp_path):
    model = tmp_path / "m.joblib"
    out = cli(*train(data, model, BINARY, "--label", "target")).out
    lines = out.splitlines()
    head = next(j for j, line in enumerate(lines) if line.startswith("rank"))
    rows = [line.split() for line in lines[head + 1 : head + 5]]
    estimator = joblib.load(model)
    assert [row[0] for row in rows] == ["1", "2", "3", "4"]
    best = estimator.best_params_
    assert float(rows[0][1]) == pytest.approx(best["learning_rate"], rel=0.01)
    assert float(rows[0][2]) == best["wd"]
    assert f"{estimator.best_score_:.4f}" in rows[0]


def test_the_model_file_is_the_estimator(cli, data, tmp_path, files):
    model = tmp_path / "m.joblib"
    cli(*train(data, model, BINARY, "--label", "target", "--seed", 7))
    estimator = joblib.load(model)
    assert estimator.data_layout_ == {
        "names": ["a", "b", "c"],
        "n_features": 3,
        "label": "target",
        "label_kind": "text",
        "zero_based": None,
    }
    assert not hasattr(clone(estimator), "data_layout_")
    X, y = files.make_rows(BINARY)
    expected = LinearLearnerClassifier(num_models=4, epochs=3, random_state=7).fit(X, y)
    np.testing.assert_array_equal(estimator.coef_, expected.coef_)


def test_settings_reach_the_estimator(cli, data, tmp_path):
    model = tmp_path / "m.joblib"
    more = ("--set", "wd=0.25", "--set", "normalize_data=false", "--set", "loss=auto")
    cli(*train(data, model, BINARY, "--label", "target", *more, "--jobs", 2))
    estimator = joblib.load(model)
    assert (estimator.wd, estimator.normalize_data) == (0.25, False)
    assert (estimator.num_models, estimator.epochs, estimator.n_jobs) == (4, 3, 2)


def test_arguments_reach_the_estimator(cli, data, tmp_path):
    model = tmp_path / "m.joblib"
    given = {"cv": 3, "class_weight": {"yes": 2}, "ensemble_size": 2, "n_jobs": 2}
    more = [f"--set={name}={json.dumps(value)}" for name, value in given.items()]
    more += ["--set", "warm_start=True"]
    result = cli(*train(data, model, BINARY, "--label", "target", *more))
    assert result.code == 0, result.err
    params = joblib.load(model).get_params()
    assert {name: params[name] for name in given} == given
    assert params["warm_start"] is True
    more = ["--set", "class_weight=balanced", "--set", "cv=none"]
    assert cli(*train(data, model, BINARY, "--label", "target", *more)).code == 0
    estimator = joblib.load(model)
    assert (estimator.class_weight, estimator.cv) == ("balanced", None)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--set", "ensemble_size=0"], "The 'ensemble_size' parameter"),
        (["--set", "class_weight=half"], "The 'class_weight' parameter"),
        (["--set", "n_jobs=2", "--jobs", 2], "give one"),
        (["--scheduler", "tcp://host:1"], "say --backend dask"),
        (["--set", "random_state=2"], "say --seed"),
        (["--set", "verbose=2"], "say --verbose"),
    ],
)
def test_arguments_are_checked_before_the_file_is_read(
    refused, tmp_path, more, message
):
    missing, model = tmp_path / "none.csv", tmp_path / "m.joblib"
    assert message in refused(*train(missing, model, BINARY, *more))


def test_validation_file(cli, data, tmp_path, files):
    X, y = files.make_rows(BINARY, 50, seed=1)
    # Other order of columns: they are matched by name.
    held = files.write_csv(
        tmp_path / "val.csv", X[:, ::-1], y, ["target", "c", "b", "a"], place=0
    )
    model = tmp_path / "m.joblib"
    more = ("--label", "target", "--validation", held)
    result = cli(*train(data, model, BINARY, *more))
    assert "val.csv: 50 rows" in result.out
    assert "Validated on the validation rows" in result.out
    expected = LinearLearnerClassifier(num_models=4, epochs=3, random_state=0).fit(
        *files.make_rows(BINARY), X_val=X, y_val=y
    )
    estimator = joblib.load(model)
    np.testing.assert_array_equal(
        estimator.candidates_["validation_loss"],
        expected.candidates_["validation_loss"],
    )


@pytest.mark.parametrize("algorithm", ["ll", "fm"])
def test_scores_of_more_classes_have_their_name(cli, tmp_path, files, algorithm):
    data = files.write_csv(tmp_path / "data.csv", *files.make_rows(MULTICLASS))
    more = ("--label", "3", "--algorithm", algorithm)
    arguments = train(data, tmp_path / "m.joblib", MULTICLASS, *more)
    assert "(minus softmax_loss)" in cli(*arguments).out
    criterion = ("--set", "multiclass_model_selection_criteria=accuracy")
    assert "(accuracy)" in cli(*arguments, *criterion).out


def test_no_header_is_said(cli, tmp_path, files):
    data = files.write_csv(tmp_path / "data.csv", *files.make_rows(MULTICLASS))
    model = tmp_path / "m.joblib"
    result = cli(*train(data, model, MULTICLASS, "--label", "-1"))
    assert "no header: columns are numbered from 0" in result.out
    assert "3: 3 classes: 0 (" in result.out
    assert joblib.load(model).data_layout_["label"] == 3


def test_threshold_on_a_score(cli, data, tmp_path):
    more = ("--label", "target", "--set", "loss=hinge_loss")
    assert "on the score of yes" in cli(*train(data, tmp_path / "m", BINARY, *more)).out


def test_verbose_goes_to_standard_error(cli, data, tmp_path):
    quiet = cli(*train(data, tmp_path / "m.joblib", BINARY, "--label", "target"))
    loud = cli(
        *train(data, tmp_path / "m.joblib", BINARY, "--label", "target", "--verbose")
    )
    assert loud.code == 0
    assert quiet.err == ""
    assert loud.err or "epoch" in loud.out


def test_arrays_left_alone_are_named(cli, tmp_path, files):
    X, y = files.make_rows(BINARY)
    np.savez(tmp_path / "data.npz", X=X, y=y, train_idx=[1])
    result = cli(*train(tmp_path / "data.npz", tmp_path / "m.joblib"))
    assert result.code == 0
    assert "not used: train_idx" in result.err


# -------------------------------------------------------------------- refusals
ROWS = "a,target\n" + "".join(f"{j},{j % 2}\n" for j in range(20))
REFUSED = {
    "no file": (None, [], "no such file"),
    "text": (ROWS + "x,1\n", [], "row 22, column 'a': 'x' is not a number"),
    "nan": (ROWS + "nan,1\n", [], "row 22, column 'a': 'nan' is missing data"),
    "ragged": (ROWS + "1\n", [], "row 22 has 1 fields"),
    "empty": ("", [], "is empty"),
    "header only": ("a,target\n", [], "has a header but no rows"),
    "wrong label": (ROWS, ["--label", "tarqet"], "Did you mean 'target'?"),
    "one class": ("a,target\n1,1\n2,1\n", [], "has 1 class, and a classifier needs"),
    "three classes": (ROWS + "1,2\n", [], "say --predictor-type multiclass_classifier"),
    "two classes": (
        ROWS,
        ["--predictor-type", MULTICLASS],
        "say --predictor-type binary_classifier",
    ),
    "fractions": (ROWS + "1,0.5\n", [], "has fractions such as 0.5"),
    "text to regress": (
        ROWS + "1,dear\n",
        ["--predictor-type", "regressor"],
        "'dear' is not a number",
    ),
    "unknown name": (ROWS, ["--set", "learning_rat=1"], "did you mean learning_rate?"),
    "far name": (ROWS, ["--set", "zzz=1"], "no such hyperparameter; it takes loss,"),
    "not for this": (ROWS, ["--set", "quantile=0.5"], "only to regressor; leave it"),
    "derived": (ROWS, ["--set", "feature_dim=3"], "it is counted in the data"),
    "no value": (ROWS, ["--set", "wd"], "is not name=value"),
    "bad value": (ROWS, ["--set", "wd=-1"], "wd='-1' is not valid"),
    "nan value": (ROWS, ["--set", "init_bias=nan"], "init_bias"),
    "twice": (ROWS, ["--set", "wd=1", "--set", "wd=2"], "is given twice"),
    "all diverge": (
        ROWS,
        ["--predictor-type", "regressor", "--set", "optimizer=sgd", "--set", "wd=1e30"],
        "diverged",
    ),
    "seed": (ROWS, ["--seed", "-1"], "'-1' is not a whole number from 0"),
    "jobs": (ROWS, ["--jobs", "0"], "'0' is not a number of threads"),
    "option": (ROWS, ["--lable", "a"], "unrecognized arguments: --lable"),
    "validation": (ROWS, ["--validation", "no.csv"], "no.csv: no such file"),
}


@pytest.mark.parametrize(("text", "more", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(refused, tmp_path, monkeypatch, text, more, message):
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data.csv"
    if text is not None:
        data.write_text(text)
    before = os.listdir(tmp_path)
    arguments = ["train", "data.csv", "--label", "target", "--predictor-type", BINARY]
    line = refused(*arguments, "--model", "m.joblib", *more)
    assert message in line
    assert os.listdir(tmp_path) == before


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,target\n1,2\n", "val.csv: the label '2' is no class of the model"),
        ("a,target\n1,yes\n", "row 2, label column 'target': 'yes' is not a number"),
        ("b,target\n1,0\n", "no column 'a', which the model was trained on"),
        ("1,2,0\n3,4,1\n", "Name it with --label"),
    ],
)
def test_validation_file_must_match(refused, tmp_path, rows, message):
    (tmp_path / "data.csv").write_text(ROWS)
    (tmp_path / "val.csv").write_text(rows)
    more = ("--label", "target", "--validation", tmp_path / "val.csv")
    line = refused(*train(tmp_path / "data.csv", tmp_path / "m.joblib", BINARY, *more))
    assert message in line
    assert not (tmp_path / "m.joblib").exists()


def test_csv_needs_a_label(refused, data, tmp_path):
    line = refused(*train(data, tmp_path / "m.joblib"))
    assert "no label is named" in line
    assert "'a', 'b', 'c', 'target'" in line


def test_place_is_checked_before_training(refused, data, tmp_path, monkeypatch):
    def never(self, *arguments, **options):
        raise AssertionError("trained")

    monkeypatch.setattr(LinearLearnerClassifier, "fit", never)
    more = (BINARY, "--label", "target")
    assert "does not exist" in refused(*train(data, tmp_path / "no" / "m", *more))
    assert "is a folder" in refused(*train(data, tmp_path, *more))
    assert "is the file that is read" in refused(*train(data, data, *more))


class HalfWay:
    """Write a little, then fail."""

    def __init__(self, error):
        self.error = error

    def __call__(self, value, path):
        with open(path, "wb") as handle:
            handle.write(b"half")
        raise self.error


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (OSError(28, "No space left"), 2, "error: {model}: No space left."),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError("big"), 2, "error: not enough memory"),
    ],
)
def test_interrupted_write_leaves_nothing(
    cli, data, tmp_path, monkeypatch, error, code, message
):
    monkeypatch.setattr(joblib, "dump", HalfWay(error))
    model = tmp_path / "m.joblib"
    model.write_text("before")
    result = cli(*train(data, model, BINARY, "--label", "target"))
    assert result.code == code
    assert result.err.startswith(message.format(model=model))
    assert len(result.err.splitlines()) == 1
    assert model.read_text() == "before"
    assert sorted(os.listdir(tmp_path)) == ["data.csv", "m.joblib"]


def test_interrupted_training(cli, data, tmp_path, monkeypatch):
    def interrupt(self, *arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(LinearLearnerClassifier, "fit", interrupt)
    result = cli(*train(data, tmp_path / "m.joblib", BINARY, "--label", "target"))
    assert (result.code, result.err) == (130, "interrupted\n")
    assert os.listdir(tmp_path) == ["data.csv"]


def test_a_scheduler_that_does_not_answer_is_one_line(
    refused, data, tmp_path, monkeypatch
):
    pytest.importorskip("distributed")
    monkeypatch.setattr("sklearn_sagemaker.backends.dask_cluster.CONNECT", 0.2)
    more = (
        "--label",
        "target",
        "--backend",
        "dask",
        "--scheduler",
        "tcp://127.0.0.1:1",
    )
    said = refused(*train(data, tmp_path / "m.joblib", BINARY, *more))
    assert "no Dask scheduler that answers at client='tcp://127.0.0.1:1'" in said
